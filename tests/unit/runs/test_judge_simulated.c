/* SPDX-License-Identifier: Apache-2.0
 *
 * Judgements over simulated campaigns with known truth: how often a good run is rejected, how often
 * a fault is found, and what must not change a judgement. */
#include "base/random.h"
#include "runs/judge.h"
#include "runs/reduce.h"
#include "support/sim_campaign.h"
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEEDS = 60 };

static struct sim_campaign campaign(struct wtl_arena *arena, struct sim_options o, uint64_t seed)
{
    struct sim_campaign c;
    struct wtl_error err = {0};
    o.seed = o.population_seed = seed;
    o.gpu = (int)(seed % 6);
    o.workload = (int)(seed % 14);
    assert_ok(sim_campaign_make(arena, &o, &c, &err), &err);
    return c;
}

static void judge(struct wtl_arena *arena, struct wtl_run *runs, size_t n)
{
    struct wtl_error err = {0};
    assert_ok(wtl_judge(arena, runs, n, NULL, &err), &err);
}

struct tally {
    size_t good, falsely, faults, found;
};

static struct tally run_many(struct sim_options o)
{
    struct tally t = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        WTL_ARENA(arena);
        struct sim_campaign c = campaign(&arena, o, seed);
        judge(&arena, c.runs, c.n_runs);
        for (size_t i = 0; i < c.n_runs; i++) {
            bool good = c.kinds[i] == SIM_GOOD, rejected = c.runs[i].causes != 0;
            t.good += good;
            t.falsely += good && rejected;
            t.faults += !good;
            t.found += !good && rejected;
        }
    }
    return t;
}

/* Clean sweeps of many shapes: under 0.3 % of the runs rejected (the goal was 1 %). */
static void clean_sweeps_lose_almost_nothing(void **state)
{
    (void)state;
    struct sim_options base = sim_options_default();
    for (int shape = 0; shape < 8; shape++) {
        struct sim_options o = base;
        o.n_reps = shape == 1 ? 1 : shape == 2 ? 2 : 3;
        o.clock_stride = shape == 3 ? 8 : shape == 4 ? 4 : 1;
        o.order = shape == 5 ? SIM_BLOCKS : SIM_DESCENDING;
        o.drift_per_run = shape == 5 ? 1e-4 : 0;
        o.time_cv = shape == 6 ? 0.06 : shape == 7 ? 0.002 : o.time_cv;
        o.power_cv = shape == 6 ? 0.03 : shape == 7 ? 0.002 : o.power_cv;
        o.autocorrelation = shape == 6 ? 0.5 : o.autocorrelation;
        struct tally t = run_many(o);
        print_message("# shape %d: %zu of %zu good runs rejected\n", shape, t.falsely, t.good);
        assert_true(t.good > 1500);
        assert_true((double)t.falsely <= 0.003 * (double)t.good);
    }
}

/* Sweeps of a GPU whose voltage stands at its floor up to 1005 MHz and rises from there on: three
 * runs of each clock, from the top down or not. Returns the number of runs. */
static size_t bent_sweep(struct wtl_run *runs, int step_mhz, double noise, bool down,
                         struct wtl_rng *rng)
{
    size_t n = 0;
    for (int rep = 1; rep <= 3; rep++)
        for (int mhz = down ? 1410 : 510; mhz >= 510 && mhz <= 1410;
             mhz += down ? -step_mhz : step_mhz) {
            double v = 1 + 1.5e-3 * fmax(0, mhz - 1005);
            double t = (6 + 6 * 1410.0 / mhz) * exp(noise * wtl_rng_normal(rng));
            double p = (40 + 0.03 * mhz * v * v) * exp(noise * wtl_rng_normal(rng));
            runs[n] = (struct wtl_run){.clock_mhz = mhz, .rep = rep, .seq = (int64_t)n};
            wtl_run_set(&runs[n], WTL_R_time_s, t);
            wtl_run_set(&runs[n], WTL_R_power_w, p);
            wtl_run_set(&runs[n++], WTL_R_energy_j, t * p);
        }
    return n;
}

static void scale_clock(struct wtl_run *runs, size_t n, int mhz, double time, double power)
{
    for (size_t i = 0; i < n; i++)
        if (runs[i].clock_mhz == mhz) {
            runs[i].metric[WTL_R_time_s] *= time;
            runs[i].metric[WTL_R_power_w] *= power;
            runs[i].metric[WTL_R_energy_j] *= time * power;
        }
}

static size_t rejected_at(const struct wtl_run *runs, size_t n, int mhz)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        k += (mhz == 0 || runs[i].clock_mhz == mhz) && runs[i].causes != 0;
    return k;
}

/* Lines through neighbouring clocks cut the corner at 1005 MHz by up to 5 %, where the optimum
 * often is. Its runs agree, and are right; a clock whose runs are all wrong is still found. */
static void a_bend_of_the_curve_is_no_outlier(void **state)
{
    (void)state;
    static const double noise[] = {0.0005, 0.002, 0.005, 0.01};
    static const double wrong[][2] = {{1.08, 1}, {1, 1.08}, {0.92, 1}, {1, 0.92}, {1.3, 0.8}};
    for (int k = 0; k < 16; k++) {
        size_t falsely = 0, good = 0, found = 0, bad = 0;
        struct wtl_rng rng;
        wtl_rng_init(&rng, 7);
        for (int round = 0; round < 20; round++) {
            WTL_ARENA(arena);
            struct wtl_run runs[200];
            size_t n = bent_sweep(runs, k / 4 % 2 ? 45 : 15, noise[k % 4], k >= 8, &rng);
            judge(&arena, runs, n);
            good += n;
            falsely += rejected_at(runs, n, 0);
            for (int w = 0; w < 5; w++) {
                scale_clock(runs, n, 1005, wrong[w][0], wrong[w][1]);
                judge(&arena, runs, n);
                bad += 3;
                found += rejected_at(runs, n, 1005);
                scale_clock(runs, n, 1005, 1 / wrong[w][0], 1 / wrong[w][1]);
            }
        }
        print_message("# noise %.2f %%: %zu of %zu runs of a bent curve rejected; %zu of %zu found "
                      "of a clock that is 8 %% off\n",
                      100 * noise[k % 4], falsely, good, found, bad);
        assert_true((double)falsely <= 0.003 * (double)good);
        assert_true(found >= 2 * bad / 3); /* some lie between their neighbours */
    }
}

/* Few clocks and few runs, where the spread itself is hardly known: rules must stay quiet on good
 * runs and yet fire on a run twice as long. */
static void small_campaigns(void **state)
{
    (void)state;
    static const int shape[][2] = {{1, 5}, {2, 3}, {2, 5}, {3, 3}, {5, 2}, {5, 3}, {8, 1}, {15, 1}};
    static const double found_min[] = {0.6, 0.75, 0.97, 0.97, 0.97, 0.97, 0.97, 0.97};
    struct wtl_rng rng;
    wtl_rng_init(&rng, 1);
    for (int k = 0; k < 8; k++) {
        enum { ROUNDS = 300 };
        size_t n = (size_t)(shape[k][0] * shape[k][1]), falsely = 0, found = 0;
        for (int round = 0; round < ROUNDS; round++) {
            WTL_ARENA(arena);
            struct wtl_run runs[64] = {0};
            for (size_t i = 0; i < n; i++) {
                double x = 1 - 0.6 * floor((double)i / shape[k][1]) / fmax(1, shape[k][0] - 1);
                double t = (4 + 6 / x) * exp(0.015 * wtl_rng_normal(&rng));
                double p = (60 + 140 * x * x) * exp(0.01 * wtl_rng_normal(&rng));
                runs[i].clock_mhz = (int)(1410 * x);
                wtl_run_set(&runs[i], WTL_R_time_s, t);
                wtl_run_set(&runs[i], WTL_R_power_w, p);
                wtl_run_set(&runs[i], WTL_R_energy_j, t * p);
            }
            judge(&arena, runs, n);
            for (size_t i = 0; i < n; i++)
                falsely += runs[i].causes != 0;
            size_t bad = wtl_rng_below(&rng, (uint32_t)n);
            runs[bad].metric[WTL_R_time_s] *= 2;
            runs[bad].metric[WTL_R_energy_j] *= 2;
            judge(&arena, runs, n);
            found += runs[bad].causes != 0;
        }
        print_message(
            "# %d clocks x %d: %zu of %zu good runs rejected, %zu of %d doubled runs found\n",
            shape[k][0], shape[k][1], falsely, n * ROUNDS, found, ROUNDS);
        assert_true((double)falsely <= 0.01 * (double)n * ROUNDS);
        assert_true((double)found >= found_min[k] * ROUNDS);
    }
}

/* Cold first runs, 3 % slow outliers, 2 % idle runs, all at once. */
static void faults_are_found(void **state)
{
    (void)state;
    struct sim_options o = sim_options_default();
    o.cold_runs = 3;
    o.outlier_share = 0.03;
    o.idle_share = 0.02;
    struct tally t = run_many(o);
    print_message("# %zu of %zu faults found, %zu of %zu good runs rejected\n", t.found, t.faults,
                  t.falsely, t.good);
    assert_true(t.faults > 700 && t.found >= t.faults - t.faults / 200);
    assert_true((double)t.falsely <= 0.005 * (double)t.good);
}

/* The smallest slow-down that is found at 1.5 % run-to-run spread, for one run in each sweep. */
static void detection_by_size(void **state)
{
    (void)state;
    static const double size[] = {1.03, 1.06, 1.10, 1.15};
    static const double at_least[] = {0, 0.05, 0.65, 0.97};
    struct sim_options o = sim_options_default();
    for (int k = 0; k < 4; k++) {
        int found = 0;
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            WTL_ARENA(arena);
            struct sim_campaign c = campaign(&arena, o, seed);
            size_t i = (size_t)(seed * 37) % (c.n_runs - 10) + 10;
            c.runs[i].metric[WTL_R_time_s] *= size[k];
            judge(&arena, c.runs, c.n_runs);
            found += c.runs[i].causes != 0;
        }
        print_message("# one run %.0f %% slower: found in %d of %d\n", 100 * (size[k] - 1), found,
                      SEEDS);
        assert_true(found >= at_least[k] * SEEDS);
        assert_true(k > 0 || found <= SEEDS / 10); /* what is within the noise stays */
    }
}

/* All times or all energies times a constant (the power by less: the idle margin is in watts). */
static void a_constant_factor_changes_nothing(void **state)
{
    (void)state;
    struct sim_options o = sim_options_default();
    o.cold_runs = 2;
    o.outlier_share = 0.04;
    o.activity = false;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        WTL_ARENA(arena);
        struct sim_campaign c = campaign(&arena, o, seed);
        struct wtl_run *scaled = wtl_arena_memdup(&arena, c.runs, c.n_runs * sizeof *c.runs);
        assert_non_null(scaled);
        judge(&arena, c.runs, c.n_runs);
        for (int what = 0; what < 2; what++) {
            for (size_t i = 0; i < c.n_runs; i++) {
                struct wtl_run *r = &scaled[i];
                double t = what == 0 ? 7.3 : 1 / 7.3, e = what == 0 ? 7.3 : 1.3 / 7.3;
                r->metric[WTL_R_time_s] *= t;
                r->metric[WTL_R_energy_j] *= e;
                r->metric[WTL_R_power_w] *= e / t;
                r->metric[WTL_R_power_mean_w] *= e / t;
                r->metric[WTL_R_idle_power_w] *= e / t;
                r->valid &= ~(UINT64_C(1) << WTL_R_energy_nominal_j);
            }
            judge(&arena, scaled, c.n_runs);
            for (size_t i = 0; i < c.n_runs; i++)
                assert_int_equal(scaled[i].causes, c.runs[i].causes);
        }
    }
}

/* Any order of the array gives the same worksets, judgements and measurements. */
static void the_order_of_the_array_is_no_matter(void **state)
{
    (void)state;
    struct sim_options o = sim_options_default();
    o.cold_runs = 3;
    o.outlier_share = 0.04;
    o.idle_share = 0.02;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        WTL_ARENA(arena);
        struct wtl_error err = {0};
        struct sim_campaign c = campaign(&arena, o, seed);
        struct wtl_rng rng;
        wtl_rng_init(&rng, seed);
        struct wtl_run *mixed = wtl_arena_memdup(&arena, c.runs, c.n_runs * sizeof *c.runs);
        assert_non_null(mixed);
        for (size_t i = c.n_runs - 1; i > 0; i--) {
            size_t j = wtl_rng_below(&rng, (uint32_t)i + 1);
            struct wtl_run t = mixed[i];
            mixed[i] = mixed[j];
            mixed[j] = t;
        }
        struct wtl_workset *a, *b;
        size_t na, nb;
        assert_ok(wtl_worksets(&arena, c.runs, c.n_runs, NULL, &a, &na, &err), &err);
        assert_ok(wtl_worksets(&arena, mixed, c.n_runs, NULL, &b, &nb, &err), &err);
        assert_true(na == 1 && nb == 1 && a->n_runs == b->n_runs && a->n_cells == b->n_cells);
        assert_memory_equal(a->runs, b->runs, a->n_runs * sizeof *a->runs);
        assert_memory_equal(a->cells, b->cells, a->n_cells * sizeof *a->cells);
    }
}

/* The same campaign as a table of rows, and as traces whose counter gives the period: the choice of
 * sources differs, the judgements do not. */
static void table_and_traces_agree(void **state)
{
    (void)state;
    struct sim_options o = sim_options_default();
    o.activity = false;
    o.cold_runs = 2;
    o.outlier_share = 0.04;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        WTL_ARENA(arena);
        struct sim_campaign c = campaign(&arena, o, seed);
        struct wtl_run *table = WTL_NEW_ARRAY(&arena, struct wtl_run, c.n_runs);
        struct wtl_run *trace = WTL_NEW_ARRAY(&arena, struct wtl_run, c.n_runs);
        for (size_t i = 0; i < c.n_runs; i++) {
            const struct wtl_run *r = &c.runs[i];
            double t = r->metric[WTL_R_time_s], p = r->metric[WTL_R_power_w], rows = t / 0.0513;
            struct wtl_run plain = *r;
            plain.valid = 0;
            memset(plain.metric, 0, sizeof plain.metric);
            wtl_run_set(&plain, WTL_R_n_samples, rows);
            wtl_run_set(&plain, WTL_R_power_mean_w, p);
            wtl_run_set(&plain, WTL_R_power_first_w, r->metric[WTL_R_idle_power_w]);
            wtl_run_set(&plain, WTL_R_nominal_time_s, rows * 0.05);
            table[i] = trace[i] = plain;
            wtl_run_set(&table[i], WTL_R_reported_time_s, t);
            wtl_run_set(&trace[i], WTL_R_period_s, 0.0513);
            wtl_run_set(&trace[i], WTL_R_span_s, t);
            wtl_run_set(&trace[i], WTL_R_energy_counter_j, p * t);
            wtl_run_choose(&table[i]);
            wtl_run_choose(&trace[i]);
        }
        judge(&arena, table, c.n_runs);
        judge(&arena, trace, c.n_runs);
        for (size_t i = 0; i < c.n_runs; i++) {
            assert_int_equal(table[i].causes, trace[i].causes);
            assert_near(table[i].metric[WTL_R_energy_j] / trace[i].metric[WTL_R_energy_j], 1, 1e-9);
            assert_near(table[i].metric[WTL_R_time_s] / trace[i].metric[WTL_R_time_s], 1, 1e-9);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clean_sweeps_lose_almost_nothing),
        cmocka_unit_test(a_bend_of_the_curve_is_no_outlier),
        cmocka_unit_test(small_campaigns),
        cmocka_unit_test(faults_are_found),
        cmocka_unit_test(detection_by_size),
        cmocka_unit_test(a_constant_factor_changes_nothing),
        cmocka_unit_test(the_order_of_the_array_is_no_matter),
        cmocka_unit_test(table_and_traces_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
