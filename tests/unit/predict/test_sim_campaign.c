/* SPDX-License-Identifier: Apache-2.0
 * The generator of campaigns with known truth: reproducible, faithful to its options, physical. */
#include "support/sim_campaign.h"
#include "support/support.h"

#include <math.h>
#include <string.h>

static struct sim_campaign make(struct wtl_arena *arena, const struct sim_options *o)
{
    struct sim_campaign c;
    struct wtl_error err = {0};
    assert_ok(sim_campaign_make(arena, o, &c, &err), &err);
    return c;
}

static void one_seed_is_one_campaign(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct sim_options o = sim_options_default();
    struct sim_campaign a = make(&arena, &o), b = make(&arena, &o);
    assert_int_equal(a.n_runs, b.n_runs);
    assert_memory_equal(a.runs, b.runs, a.n_runs * sizeof *a.runs);
    o.seed = 2;
    struct sim_campaign d = make(&arena, &o);
    assert_true(d.runs[0].metric[WTL_R_time_s] != a.runs[0].metric[WTL_R_time_s]);
    assert_true(d.truth.compute_exponent != a.truth.compute_exponent);
}

static void clocks_are_those_of_the_cards(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    static const struct {
        int gpu, n, lowest, highest, next;
    } want[] = {
        {SIM_V100, 167, 135, 1380, 1372},
        {SIM_A100, 81, 210, 1410, 1395},
        {SIM_H100, 97, 345, 1785, 1770},
    };
    for (size_t i = 0; i < 3; i++) {
        struct sim_options o = sim_options_default();
        o.gpu = want[i].gpu;
        struct sim_campaign c = make(&arena, &o);
        assert_int_equal(c.n_clocks, want[i].n);
        assert_int_equal(c.clocks_mhz[0], want[i].lowest);
        assert_int_equal(c.clocks_mhz[c.n_clocks - 1], want[i].highest);
        assert_int_equal(c.clocks_mhz[c.n_clocks - 2], want[i].next);
    }
}

static void runs_are_in_order_of_the_sweep(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct sim_options o = sim_options_default();
    o.clock_stride = 4;
    struct sim_campaign c = make(&arena, &o);
    assert_int_equal(c.n_runs, c.n_swept * 3);
    for (size_t i = 0; i < c.n_runs; i++) {
        assert_int_equal(c.runs[i].seq, i + 1);
        assert_int_equal(c.runs[i].rep, i % 3 + 1);
        assert_int_equal(c.runs[i].clock_mhz, 1410 - 60 * (int)(i / 3));
        assert_int_equal(c.runs[i].causes, 0);
    }
    o.order = SIM_BLOCKS;
    c = make(&arena, &o);
    for (size_t block = 0; block < 3; block++) {
        int seen = 0;
        for (size_t k = 0; k < c.n_swept; k++) {
            const struct wtl_run *r = &c.runs[block * c.n_swept + k];
            assert_int_equal(r->rep, block + 1);
            seen += r->clock_mhz;
        }
        int all = 0;
        for (size_t k = 0; k < c.n_swept; k++)
            all += c.swept_mhz[k];
        assert_int_equal(seen, all);
    }
}

static void noise_has_the_size_and_memory_asked_for(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct sim_options o = sim_options_default();
    o.n_reps = 60;
    o.autocorrelation = 0.5;
    struct sim_campaign c = make(&arena, &o);
    double var = 0, lagged = 0, power = 0, cross = 0, before = 0;
    for (size_t i = 0; i < c.n_runs; i++) {
        const struct wtl_run *r = &c.runs[i];
        double e = log(r->metric[WTL_R_time_s] / sim_time_s(&c.truth, r->clock_mhz));
        double p = log(r->metric[WTL_R_power_w] / sim_power_w(&c.truth, r->clock_mhz));
        var += e * e;
        power += p * p;
        cross += e * p;
        lagged += i ? e * before : 0;
        before = e;
        assert_near(r->metric[WTL_R_energy_j], r->metric[WTL_R_time_s] * r->metric[WTL_R_power_w],
                    1e-9);
    }
    double n = (double)c.n_runs; /* 3660 runs: standard error about 3 % */
    assert_near(sqrt(var / n), 0.015, 0.0015);
    assert_near(sqrt(power / n), 0.010, 0.0010);
    assert_near(lagged / var, 0.5, 0.06);
    assert_near(cross / sqrt(var * power), -0.3, 0.06);
}

static void faults_are_what_the_kinds_say(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct sim_options o = sim_options_default();
    o.cold_runs = 3;
    o.outlier_share = 0.1;
    o.idle_share = 0.05;
    o.n_reps = 20;
    struct sim_campaign c = make(&arena, &o);
    size_t count[4] = {0};
    for (size_t i = 0; i < c.n_runs; i++) {
        const struct wtl_run *r = &c.runs[i];
        double slow = r->metric[WTL_R_time_s] / sim_time_s(&c.truth, r->clock_mhz);
        count[c.kinds[i]]++;
        if (c.kinds[i] == SIM_OUTLIER)
            assert_true(slow > 1.08);
        if (c.kinds[i] == SIM_GOOD)
            assert_near(slow, 1, 0.08);
        if (c.kinds[i] == SIM_IDLE) {
            assert_true(r->metric[WTL_R_power_w] < 1.02 * c.truth.idle_w);
            assert_near(r->metric[WTL_R_sm_active], 0, 0);
        }
    }
    assert_int_equal(count[SIM_COLD], 3);
    assert_int_equal(c.kinds[0], SIM_COLD);
    assert_true(c.runs[0].metric[WTL_R_time_s] > 10 * sim_time_s(&c.truth, 1410));
    assert_near((double)count[SIM_OUTLIER] / (double)c.n_runs, 0.1, 0.03);
    assert_near((double)count[SIM_IDLE] / (double)c.n_runs, 0.05, 0.02);
}

static void drift_grows_along_the_sequence(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct sim_options o = sim_options_default();
    o.time_cv = 0;
    o.drift_per_run = 1e-3;
    struct sim_campaign c = make(&arena, &o);
    size_t last = c.n_runs - 1;
    double slow = c.runs[last].metric[WTL_R_time_s] / sim_time_s(&c.truth, c.swept_mhz[0]);
    assert_near(slow, 1 + 1e-3 * (double)last, 1e-9);
}

/* Over cards and workloads: time never falls with a falling clock, power never rises, and
 * compute-bound work is more sensitive than memory-bound work. */
static void curves_are_physical(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    for (int gpu = 0; gpu < 8; gpu++)
        for (int work = 0; work < 16; work++) {
            struct sim_options o = sim_options_default();
            o.gpu = gpu;
            o.workload = work;
            o.seed = (uint64_t)(100 * gpu + work);
            o.n_reps = 1;
            struct sim_campaign c = make(&arena, &o);
            for (size_t i = 1; i < c.n_swept; i++) {
                double low = c.swept_mhz[i - 1], high = c.swept_mhz[i];
                assert_true(sim_time_s(&c.truth, low) > sim_time_s(&c.truth, high) * 0.9999);
                assert_true(sim_power_w(&c.truth, low) < sim_power_w(&c.truth, high));
            }
            double low = 0.5 * c.truth.f_max_mhz;
            double slow = sim_time_s(&c.truth, low) / sim_time_s(&c.truth, 2 * low);
            if (work == SIM_GEMM)
                assert_true(slow > 1.6);
            if (work == SIM_STREAM)
                assert_true(slow < 1.2);
            wtl_arena_reset(&arena);
        }
}

static void activity_follows_the_physics(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct sim_options o = sim_options_default();
    o.workload = SIM_GEMM;
    struct sim_campaign gemm = make(&arena, &o);
    o.workload = SIM_STREAM;
    struct sim_campaign stream = make(&arena, &o);
    const struct wtl_run *g = &gemm.runs[0], *s = &stream.runs[0];
    assert_true(g->metric[WTL_R_tensor_active] > 3 * s->metric[WTL_R_tensor_active]);
    assert_true(s->metric[WTL_R_dram_active] > 3 * g->metric[WTL_R_dram_active]);
    for (int m = WTL_R_gpu_util; m <= WTL_R_active_share; m++)
        if (wtl_run_has(g, (enum wtl_run_metric)m))
            assert_true(g->metric[m] >= 0 && g->metric[m] <= 1);
    o.activity = false;
    struct sim_campaign without = make(&arena, &o);
    assert_false(wtl_run_has(&without.runs[0], WTL_R_dram_active));
}

static void the_optimum_is_the_best_feasible(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct sim_options o = sim_options_default();
    struct sim_campaign c = make(&arena, &o);
    struct wtl_policy p = wtl_policy_default();
    int free_mhz = sim_optimum(&c, &p, NULL, 0);
    p.has_max_slowdown = true;
    p.max_slowdown = 0.02;
    int held_mhz = sim_optimum(&c, &p, NULL, 0);
    assert_true(free_mhz < held_mhz && held_mhz < 1410);
    assert_true(sim_feasible(&c, &p, held_mhz) && !sim_feasible(&c, &p, free_mhz));
    for (size_t i = 0; i < c.n_clocks; i++)
        assert_true(!sim_feasible(&c, &p, c.clocks_mhz[i]) ||
                    sim_objective(&c, &p, c.clocks_mhz[i]) >= sim_objective(&c, &p, held_mhz));
    assert_near(sim_objective(&c, &p, 1410), 1, 1e-15);
    p.max_slowdown = -0.5;
    assert_int_equal(sim_optimum(&c, &p, NULL, 0), 0);
}

static void fresh_runs_are_new_and_good(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct sim_options o = sim_options_default();
    o.cold_runs = 5;
    struct sim_campaign c = make(&arena, &o);
    struct wtl_run a = sim_fresh_run(&c, 1110, 0), b = sim_fresh_run(&c, 1110, 1);
    struct wtl_run again = sim_fresh_run(&c, 1110, 0);
    assert_memory_equal(&a, &again, sizeof a);
    assert_true(a.metric[WTL_R_time_s] != b.metric[WTL_R_time_s]);
    assert_near(a.metric[WTL_R_time_s] / sim_time_s(&c.truth, 1110), 1, 0.08);
}

static void fresh_turns_are_recorded_like_a_sweep(void **state)
{
    (void)state;
    enum { RUNS = 12 };
    WTL_ARENA(arena);
    struct sim_options o = sim_options_default();
    o.cold_runs = 2;
    struct sim_campaign c = make(&arena, &o);
    const int clock_mhz[2] = {1410, 1110};
    struct wtl_run a[RUNS], b[RUNS], again[RUNS];
    sim_fresh_turns(&c, clock_mhz, RUNS, 0, a);
    sim_fresh_turns(&c, clock_mhz, RUNS, 1, b);
    sim_fresh_turns(&c, clock_mhz, RUNS, 0, again);
    assert_memory_equal(a, again, sizeof a);
    for (int i = 0; i < RUNS; i++) {
        assert_int_equal(a[i].clock_mhz, clock_mhz[i % 2]);
        assert_int_equal(a[i].seq, i + 1);
        assert_int_equal(a[i].rep, i / 2 + 1);
        assert_true(a[i].metric[WTL_R_time_s] != b[i].metric[WTL_R_time_s]);
        double slower = a[i].metric[WTL_R_time_s] / sim_time_s(&c.truth, clock_mhz[i % 2]) - 1;
        assert_true(i < 2 ? slower > 0.5 : fabs(slower) < 0.08);
    }
}

static void senseless_options_are_refused(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct sim_options o = sim_options_default();
    struct sim_campaign c = {.n_runs = 77};
    o.n_reps = 0;
    assert_int_equal(sim_campaign_make(&arena, &o, &c, NULL), -(int)WTL_USAGE);
    o = sim_options_default();
    o.autocorrelation = 1;
    assert_int_equal(sim_campaign_make(&arena, &o, &c, NULL), -(int)WTL_USAGE);
    o = sim_options_default();
    o.mismatch_max = 0.01;
    assert_int_equal(sim_campaign_make(&arena, &o, &c, NULL), -(int)WTL_USAGE);
    assert_int_equal(c.n_runs, 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_seed_is_one_campaign),
        cmocka_unit_test(clocks_are_those_of_the_cards),
        cmocka_unit_test(runs_are_in_order_of_the_sweep),
        cmocka_unit_test(noise_has_the_size_and_memory_asked_for),
        cmocka_unit_test(faults_are_what_the_kinds_say),
        cmocka_unit_test(drift_grows_along_the_sequence),
        cmocka_unit_test(curves_are_physical),
        cmocka_unit_test(activity_follows_the_physics),
        cmocka_unit_test(the_optimum_is_the_best_feasible),
        cmocka_unit_test(fresh_runs_are_new_and_good),
        cmocka_unit_test(fresh_turns_are_recorded_like_a_sweep),
        cmocka_unit_test(senseless_options_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
