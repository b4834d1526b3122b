/* SPDX-License-Identifier: Apache-2.0
 *
 * Which sets are worth a decision: simulated sets that the thresholds were not chosen on. */
#include "base/random.h"
#include "runs/judge.h"
#include "support/sim_campaign.h"
#include "support/support.h"

#include <math.h>
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
    print_message("drift interval holds the truth in %d of %d campaigns\n", hit, seeds);
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
        cmocka_unit_test(waiting_and_working),
        cmocka_unit_test(flat_time_is_usable),
        cmocka_unit_test(mostly_rejected),
        cmocka_unit_test(drift_from_anchors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
