/* SPDX-License-Identifier: Apache-2.0
 *
 * Which sets are worth a decision: simulated sets that the thresholds were not chosen on. */
#include "base/random.h"
#include "runs/judge.h"
#include "support/sim_campaign.h"
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static struct wtl_quality quality_of(struct wtl_arena *arena, struct wtl_run *runs, size_t n)
{
    struct wtl_quality q;
    struct wtl_error err = {0};
    assert_ok(wtl_judge(arena, runs, n, NULL, &err), &err);
    assert_ok(wtl_judge_quality(arena, runs, n, &q, &err), &err);
    assert_true(q.usable == (q.reason[0] == '\0'));
    return q;
}

static struct sim_campaign make(struct wtl_arena *arena, struct sim_options o, uint64_t seed)
{
    struct sim_campaign c;
    struct wtl_error err = {0};
    o.seed = o.population_seed = seed;
    o.gpu = (int)(seed % 5);
    o.workload = (int)(seed % 12);
    assert_ok(sim_campaign_make(arena, &o, &c, &err), &err);
    return c;
}

static void set_time(struct wtl_run *r, double time_s, double power_w)
{
    wtl_run_set(r, WTL_R_time_s, time_s);
    wtl_run_set(r, WTL_R_power_w, power_w);
    wtl_run_set(r, WTL_R_power_mean_w, power_w);
    wtl_run_set(r, WTL_R_energy_j, time_s * power_w);
    r->valid &= ~(UINT64_C(1) << WTL_R_energy_nominal_j);
}

/* Every kind of workload, clean or noisy up to 10 %, in both orders: usable, nothing quantised. */
static void real_work_is_usable(void **state)
{
    (void)state;
    static const double noise[] = {0.005, 0.02, 0.10};
    for (int k = 0; k < 3; k++)
        for (uint64_t seed = 1; seed <= 40; seed++) {
            WTL_ARENA(arena);
            struct sim_options o = sim_options_default();
            o.time_cv = noise[k];
            o.power_cv = 0.6 * noise[k];
            o.order = seed & 1 ? SIM_BLOCKS : SIM_DESCENDING;
            struct sim_campaign c = make(&arena, o, seed);
            struct wtl_quality q = quality_of(&arena, c.runs, c.n_runs);
            if (!q.usable || q.quantised)
                fail_msg("noise %.3f seed %d: %s", noise[k], (int)seed, q.reason);
            assert_true(q.order_monotone == !(seed & 1));
            assert_near(q.coverage, 1, 1e-12);
            assert_near(q.time_cv / noise[k], 1, 0.35);
        }
}

/* Start-up of the host in steps, which drowns the clock: whisper. */
static void steps_are_found(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        WTL_ARENA(arena);
        struct wtl_rng rng;
        wtl_rng_init(&rng, seed);
        struct sim_campaign c = make(&arena, sim_options_default(), seed);
        double step = 1 + wtl_rng_uniform(&rng), p0 = c.runs[0].metric[WTL_R_idle_power_w];
        for (size_t i = 0; i < c.n_runs; i++) {
            double t = 8 + step * wtl_rng_below(&rng, 4) + 0.08 * wtl_rng_normal(&rng);
            set_time(&c.runs[i], t, p0 * (1.1 + 0.2 * c.runs[i].clock_mhz / 1400.0));
        }
        struct wtl_quality q = quality_of(&arena, c.runs, c.n_runs);
        assert_true(q.quantised && !q.usable);
        assert_near(q.time_step_s / step, 1, 0.05);
    }
}

/* Whole seconds on runs of a minute: a timer, no step of the work. */
static void a_coarse_timer_is_no_step(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        WTL_ARENA(arena);
        struct sim_campaign c = make(&arena, sim_options_default(), seed);
        double scale = 60 / c.runs[0].metric[WTL_R_time_s];
        for (size_t i = 0; i < c.n_runs; i++)
            set_time(&c.runs[i], round(scale * c.runs[i].metric[WTL_R_time_s]),
                     c.runs[i].metric[WTL_R_power_w]);
        struct wtl_quality q = quality_of(&arena, c.runs, c.n_runs);
        assert_true(q.usable && !q.quantised);
    }
}

/* Bell-shaped or one-sided noise of any width has no steps. */
static void noise_is_not_quantised(void **state)
{
    (void)state;
    int found = 0;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        WTL_ARENA(arena);
        struct wtl_rng rng;
        wtl_rng_init(&rng, seed);
        struct sim_campaign c = make(&arena, sim_options_default(), seed);
        for (size_t i = 0; i < c.n_runs; i++) {
            double late = seed & 1 ? wtl_rng_exponential(&rng) : wtl_rng_normal(&rng);
            set_time(&c.runs[i], c.runs[i].metric[WTL_R_time_s] * exp(0.2 * late),
                     c.runs[i].metric[WTL_R_power_w]);
        }
        found += quality_of(&arena, c.runs, c.n_runs).quantised;
    }
    assert_int_equal(found, 0);
}

/* A network that got better during a descending sweep: time seems to rise with the clock. */
static void time_that_rises_with_the_clock(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        WTL_ARENA(arena);
        struct wtl_rng rng;
        wtl_rng_init(&rng, seed);
        struct sim_campaign c = make(&arena, sim_options_default(), seed);
        for (size_t i = 0; i < c.n_runs; i++) {
            double t =
                30 * exp(0.8 * (1 - (double)i / (double)c.n_runs) + 0.25 * wtl_rng_normal(&rng));
            set_time(&c.runs[i], t, c.runs[i].metric[WTL_R_power_w]);
        }
        assert_false(quality_of(&arena, c.runs, c.n_runs).usable);
    }
}

/* Clocks of the sweep by rank, and the relabelling of a run. */
static int rank_of(const struct sim_campaign *c, int mhz)
{
    for (size_t k = 0; k < c->n_swept; k++)
        if (c->swept_mhz[k] == mhz)
            return (int)k;
    return -1;
}

/* Least over most time (or power) of the truth over the sweep. */
static double time_span(const struct sim_campaign *c)
{
    double lo = sim_time_s(&c->truth, c->swept_mhz[c->n_swept - 1]);
    return sim_time_s(&c->truth, c->swept_mhz[0]) / lo - 1;
}

enum relabel { REVERSED, PERMUTED, ROTATED };

/* Of a table of time and energy: what else the runs say about their clock is gone. */
static void relabel(struct sim_campaign *c, enum relabel how, uint64_t seed)
{
    int to[WTL_LIMIT_CLOCKS];
    int n = (int)c->n_swept;
    struct wtl_rng rng;
    wtl_rng_init(&rng, seed + 1000);
    for (int k = 0; k < n; k++)
        to[k] = how == REVERSED ? n - 1 - k : how == ROTATED ? (k + n / 2) % n : k;
    for (int k = n - 1; how == PERMUTED && k > 0; k--) {
        int j = (int)wtl_rng_below(&rng, (uint32_t)k + 1), t = to[k];
        to[k] = to[j];
        to[j] = t;
    }
    for (size_t i = 0; i < c->n_runs; i++) {
        double time_s = c->runs[i].metric[WTL_R_time_s], power_w = c->runs[i].metric[WTL_R_power_w];
        c->runs[i].valid = 0;
        set_time(&c->runs[i], time_s, power_w);
        c->runs[i].clock_mhz = c->swept_mhz[to[rank_of(c, c->runs[i].clock_mhz)]];
    }
}

/* Labels that are not the clocks of the runs, at low noise: nothing is measured, and it is said. */
static void wrong_labels_are_unusable(void **state)
{
    (void)state;
    int n = 0;
    for (uint64_t seed = 1; seed <= 40; seed++)
        for (int how = REVERSED; how <= ROTATED; how++) {
            WTL_ARENA(arena);
            struct sim_options o = sim_options_default();
            o.time_cv = 0.005;
            o.power_cv = 0.003;
            o.order = seed & 1 ? SIM_BLOCKS : SIM_DESCENDING;
            struct sim_campaign c = make(&arena, o, seed);
            if (time_span(&c) < 0.3)
                continue;
            relabel(&c, (enum relabel)how, seed);
            struct wtl_quality q = quality_of(&arena, c.runs, c.n_runs);
            if (q.usable)
                fail_msg("labels %d, seed %d, time span %.2f: usable", how, (int)seed,
                         time_span(&c));
            n++;
        }
    assert_true(n >= 60);
}

/* A board at its power cap: from 85 % of the clock on, time rises again, by up to 5 % at the top,
 * and power stands. Real, and usable. */
static void a_capped_top_end_is_usable(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        WTL_ARENA(arena);
        struct sim_options o = sim_options_default();
        o.time_cv = o.power_cv = 0.005;
        o.order = seed & 1 ? SIM_BLOCKS : SIM_DESCENDING;
        o.min_clock_ratio = seed % 3 ? 0.36 : 0.7;
        struct sim_campaign c = make(&arena, o, seed);
        double cap = 0.85, top = c.swept_mhz[c.n_swept - 1];
        for (size_t i = 0; i < c.n_runs; i++) {
            double x = c.runs[i].clock_mhz / top;
            if (x <= cap)
                continue;
            double t0 = sim_time_s(&c.truth, (int)(cap * top)),
                   p0 = sim_power_w(&c.truth, (int)(cap * top)),
                   noise =
                       c.runs[i].metric[WTL_R_time_s] / sim_time_s(&c.truth, c.runs[i].clock_mhz);
            set_time(&c.runs[i], t0 * noise * (1 + 0.05 * (x - cap) / (1 - cap)), p0);
        }
        struct wtl_quality q = quality_of(&arena, c.runs, c.n_runs);
        if (!q.usable)
            fail_msg("seed %d: %s", (int)seed, q.reason);
    }
}

/* Waiting for the network throughout; and the same spread in runs that work, which stays usable:
 * the optimiser has to say that it is undecided. */
static void waiting_and_working(void **state)
{
    (void)state;
    int unusable = 0, usable = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        WTL_ARENA(arena);
        struct wtl_rng rng;
        wtl_rng_init(&rng, seed);
        struct sim_campaign c = make(&arena, sim_options_default(), seed);
        double p0 = c.runs[0].metric[WTL_R_idle_power_w];
        struct wtl_run *work = wtl_arena_memdup(&arena, c.runs, c.n_runs * sizeof *c.runs);
        assert_non_null(work);
        for (size_t i = 0; i < c.n_runs; i++) {
            double t = 35 * exp(0.22 * wtl_rng_exponential(&rng)), x = c.runs[i].clock_mhz / 1400.0;
            set_time(&c.runs[i], t, p0 * (1.1 + 0.25 * x));
            set_time(&work[i], t, p0 * (1.8 + 2 * x * x));
        }
        unusable += !quality_of(&arena, c.runs, c.n_runs).usable;
        usable += quality_of(&arena, work, c.n_runs).usable;
    }
    assert_true(unusable >= 38 && usable == 40);
}

/* Steady time at any clock is a memory-bound workload, not noise. */
static void flat_time_is_usable(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_rng rng;
    wtl_rng_init(&rng, 9);
    struct sim_campaign c = make(&arena, sim_options_default(), 1);
    for (size_t i = 0; i < c.n_runs; i++)
        set_time(&c.runs[i], 12 * exp(0.01 * wtl_rng_normal(&rng)),
                 c.runs[i].metric[WTL_R_power_w]);
    struct wtl_quality q = quality_of(&arena, c.runs, c.n_runs);
    assert_true(q.usable && q.unexplained > 0.7);
}

/* Two sessions from the highest clock down are one order: the way back between them is none. */
static void order_is_seen_within_sessions(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct sim_options o = sim_options_default();
    o.order = SIM_DESCENDING;
    struct sim_campaign c = make(&arena, o, 3);
    size_t n = c.n_runs;
    struct wtl_run *runs = WTL_NEW_ARRAY(&arena, struct wtl_run, 2 * n);
    for (size_t i = 0; i < 2 * n; i++) {
        runs[i] = c.runs[i % n];
        snprintf(runs[i].job, sizeof runs[i].job, i < n ? "1" : "2");
        runs[i].seq = (int64_t)(i % n) + 1;
    }
    assert_true(quality_of(&arena, runs, 2 * n).order_monotone);
    for (size_t i = n; i < 2 * n; i++)
        runs[i].clock_mhz = c.runs[2 * n - 1 - i].clock_mhz;
    assert_false(quality_of(&arena, runs, 2 * n).order_monotone);
    for (size_t i = 0; i < n; i++)
        runs[i].clock_mhz = 1410; /* no order at all */
    assert_false(quality_of(&arena, runs, n).order_monotone);
}

/* Windows of one operating point without a clock, that scatter by a half: their points carry that
 * as an interval. Of runs whose clock is merely not known it is said, and no clock is blamed. */
static void without_a_clock_no_clock_is_blamed(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    enum { N = 8 };
    struct wtl_run runs[N];
    struct wtl_rng rng;
    wtl_rng_init(&rng, 5);
    for (int i = 0; i < N; i++) {
        runs[i] = (struct wtl_run){.window = true, .seq = i + 1, .mode = WTL_MODE_SWEEP};
        snprintf(runs[i].job, sizeof runs[i].job, "s");
        wtl_point_set(&runs[i].point, WTL_SETTING_cpu_quota, 0.5);
        set_time(&runs[i], exp(0.5 * wtl_rng_normal(&rng)), 50 * exp(0.5 * wtl_rng_normal(&rng)));
        runs[i].energy_method = WTL_ENERGY_estimated;
    }
    struct wtl_quality q;
    struct wtl_error err = {0};
    assert_ok(wtl_judge_quality(&arena, runs, N, &q, &err), &err);
    assert_true(q.usable && q.time_cv > 0.2);
    assert_string_equal(q.reason, "");
    for (int i = 0; i < N; i++) {
        runs[i].point.valid = 0;
        runs[i].window = false;
    }
    assert_ok(wtl_judge_quality(&arena, runs, N, &q, &err), &err);
    assert_false(q.usable);
    assert_non_null(strstr(q.reason, "the clock of no run is known"));
    assert_null(strstr(q.reason, "explains"));
}

/* Noisy and near idle, but the clock explains most of it: that is work. */
static void noise_that_the_clock_explains(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_rng rng;
    wtl_rng_init(&rng, 11);
    struct wtl_run runs[60];
    memset(runs, 0, sizeof runs);
    for (int kind = 0; kind < 2; kind++) {
        for (int i = 0; i < 60; i++) {
            int mhz = 1410 - 50 * (i / 3);
            runs[i].clock_mhz = mhz;
            runs[i].rep = 1 + i % 3;
            wtl_run_set(&runs[i], WTL_R_idle_power_w, 60);
            double level_s = kind ? 20 : 20 * 1410.0 / mhz;
            set_time(&runs[i], level_s * exp(0.15 * wtl_rng_normal(&rng)), 65 + 10.0 * mhz / 1410);
        }
        struct wtl_quality q = quality_of(&arena, runs, 60);
        assert_true(q.time_cv > 0.1);
        assert_int_equal(q.usable, kind == 0);
        assert_true(kind == 0 || strstr(q.reason, "mostly waits"));
    }
}

static void mostly_rejected(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct sim_campaign c = make(&arena, sim_options_default(), 3);
    for (size_t i = 0; i < c.n_runs; i++)
        c.runs[i].status = i % 3 ? WTL_RUN_FAILED : WTL_RUN_SUCCESS;
    struct wtl_quality q = quality_of(&arena, c.runs, c.n_runs);
    assert_false(q.usable);
    assert_non_null(strstr(q.reason, "failed"));
    struct wtl_error err = {0};
    assert_ok(wtl_judge_quality(&arena, c.runs, 0, &q, &err), &err);
    assert_false(q.usable);
}

/* Drift of 1e-4 a run in randomised blocks: the interval holds it in 95 % of campaigns. */
static void drift_from_anchors(void **state)
{
    (void)state;
    int hit = 0, seen = 0, seeds = 200;
    for (uint64_t seed = 1; seed <= (uint64_t)seeds; seed++) {
        WTL_ARENA(arena);
        struct sim_options o = sim_options_default();
        o.order = SIM_BLOCKS;
        o.autocorrelation = 0;
        o.drift_per_run = 1e-4;
        struct sim_campaign c = make(&arena, o, seed);
        struct wtl_quality q = quality_of(&arena, c.runs, c.n_runs);
        assert_true(q.has_drift && !q.order_monotone);
        hit += q.drift_lo <= o.drift_per_run && o.drift_per_run <= q.drift_hi;
        seen += q.drift_lo > 0;
    }
    print_message("# drift interval holds the truth in %d of %d campaigns\n", hit, seeds);
    assert_true(hit >= 0.92 * seeds);
    assert_true(seen >= 0.97 * seeds); /* 1.8 % over the sequence, at a spread of 1.5 % */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_work_is_usable),
        cmocka_unit_test(steps_are_found),
        cmocka_unit_test(a_coarse_timer_is_no_step),
        cmocka_unit_test(noise_is_not_quantised),
        cmocka_unit_test(time_that_rises_with_the_clock),
        cmocka_unit_test(wrong_labels_are_unusable),
        cmocka_unit_test(a_capped_top_end_is_usable),
        cmocka_unit_test(waiting_and_working),
        cmocka_unit_test(flat_time_is_usable),
        cmocka_unit_test(order_is_seen_within_sessions),
        cmocka_unit_test(noise_that_the_clock_explains),
        cmocka_unit_test(without_a_clock_no_clock_is_blamed),
        cmocka_unit_test(mostly_rejected),
        cmocka_unit_test(drift_from_anchors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
