/* SPDX-License-Identifier: Apache-2.0 */
#include "base/random.h"
#include "runs/judge.h"
#include "support/sim_campaign.h"
#include "support/support.h"

#include <math.h>
#include <string.h>

static struct wtl_run run_at(int clock_mhz, double time_s, double energy_j)
{
    struct wtl_run r = {.clock_mhz = clock_mhz};
    wtl_run_set(&r, WTL_R_time_s, time_s);
    wtl_run_set(&r, WTL_R_energy_j, energy_j);
    wtl_run_set(&r, WTL_R_power_w, energy_j / time_s);
    return r;
}

static void known_values(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_run runs[] = {run_at(900, 12, 600), run_at(1410, 10, 1000), run_at(1410, 10.2, 1020),
                             run_at(1410, 377, 17000), run_at(510, 20, 500)};
    runs[3].causes = 1U << WTL_CAUSE_cold_start | 1U << WTL_CAUSE_outlier;
    runs[4].causes = 1U << WTL_CAUSE_failed;
    wtl_run_set(&runs[1], WTL_R_latency_p99_s, 0.2);
    wtl_run_set(&runs[2], WTL_R_latency_p99_s, 0.4);
    struct wtl_measurement *m;
    size_t n;
    assert_ok(wtl_measure(&arena, runs, 5, &m, &n, &err), &err);
    assert_int_equal(n, 3);
    assert_int_equal(m[0].clock_mhz, 510); /* all rejected: there, with the cause */
    assert_true(m[0].n == 0 && m[0].n_rejected == 1 && m[0].rejected[WTL_CAUSE_failed] == 1);
    assert_int_equal(m[0].time_s.evidence, WTL_EVIDENCE_NONE);
    assert_true(m[1].n == 1 && m[1].closed);
    assert_near(m[1].time_s.value, 12, 1e-12);
    assert_true(m[2].n == 2 && m[2].n_rejected == 1 && m[2].rejected[WTL_CAUSE_cold_start] == 1);
    assert_int_equal(m[2].rejected[WTL_CAUSE_outlier], 0); /* counted once, by main cause */
    assert_near(m[2].time_s.value, sqrt(10 * 10.2), 1e-12);
    /* log sd = log(1.02)/sqrt 2, one degree of freedom: t = 12.7062 */
    assert_near(log(m[2].time_s.hi / m[2].time_s.value), 12.7062 * log(1.02) / 2, 1e-5);
    assert_near(m[2].time_s.lo * m[2].time_s.hi, 10 * 10.2, 1e-9);
    assert_int_equal(m[2].time_s.evidence, WTL_EVIDENCE_IN_SAMPLE);
    assert_near(log(m[1].time_s.hi / 12), 12.7062 * log(1.02) / sqrt(2), 1e-5); /* pooled */
    assert_near(m[2].time_cv, 0.1 * sqrt(2) / 10.1, 1e-12);
    assert_near(m[2].latency_s[3], 0.3, 1e-12);
    assert_int_equal(m[2].latency_valid, 8);
}

static void rates_are_cells(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_run runs[6];
    for (int i = 0; i < 6; i++) {
        runs[i] = run_at(i < 3 ? 1410 : 900, 60, 6000 + i);
        if (i % 3)
            wtl_run_set(&runs[i], WTL_R_rate_per_s, i % 3 * 10);
    }
    struct wtl_measurement *m;
    size_t n;
    assert_ok(wtl_measure(&arena, runs, 6, &m, &n, &err), &err);
    assert_int_equal(n, 6);
    for (size_t k = 0; k < 6; k++) {
        assert_int_equal(m[k].clock_mhz, k < 3 ? 900 : 1410);
        assert_int_equal(m[k].closed, k % 3 == 0);
        assert_near(m[k].rate_per_s, (double)(k % 3) * 10, 0);
        assert_int_equal(m[k].time_s.evidence, WTL_EVIDENCE_NONE); /* no cell has two */
    }
}

/* 95 % intervals of cells of three runs hold the true time and energy in 95 % of cells. */
static void coverage(void **state)
{
    (void)state;
    size_t hit_t = 0, hit_e = 0, cells = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        WTL_ARENA(arena);
        struct wtl_error err = {0};
        struct sim_options o = sim_options_default();
        struct sim_campaign c;
        o.seed = seed;
        o.autocorrelation = 0;
        assert_ok(sim_campaign_make(&arena, &o, &c, &err), &err);
        struct wtl_workset *set;
        size_t n;
        assert_ok(wtl_worksets(&arena, c.runs, c.n_runs, NULL, &set, &n, &err), &err);
        assert_int_equal(n, 1);
        for (size_t k = 0; k < set->n_cells; k++) {
            const struct wtl_measurement *m = &set->cells[k];
            double t = sim_time_s(&c.truth, m->clock_mhz), e = sim_energy_j(&c.truth, m->clock_mhz);
            hit_t += m->time_s.lo <= t && t <= m->time_s.hi;
            hit_e += m->energy_j.lo <= e && e <= m->energy_j.hi;
            cells++;
        }
    }
    print_message("# time %zu, energy %zu of %zu intervals hold the truth\n", hit_t, hit_e, cells);
    assert_true((double)hit_t >= 0.94 * (double)cells && (double)hit_t <= 0.965 * (double)cells);
    assert_true((double)hit_e >= 0.94 * (double)cells && (double)hit_e <= 0.965 * (double)cells);
}

/* Spellings meet, jobs come in order, sets in order of their names. */
static void worksets_are_sorted(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_run runs[5];
    static const char *const gpu[] = {"V100", "A100", "a100", "A100", "A100"};
    static const char *const work[] = {"ViT", "Stable Diffusion", "stablediffusion", "llama",
                                       "stable_diffusion"};
    static const char *const job[] = {"1", "100", "99", "1", "99"};
    for (int i = 0; i < 5; i++) {
        runs[i] = run_at(1410, 10 + i, 1000);
        (void)strcpy(runs[i].gpu, gpu[i]);
        (void)strcpy(runs[i].workload, work[i]);
        (void)strcpy(runs[i].job, job[i]);
        runs[i].seq = 5 - i;
    }
    struct wtl_workset *sets;
    size_t n;
    assert_ok(wtl_worksets(&arena, runs, 5, NULL, &sets, &n, &err), &err);
    assert_int_equal(n, 3);
    assert_string_equal(sets[0].workload, "llama");
    assert_int_equal(sets[1].n_runs, 3);
    assert_near(sets[1].runs[0].metric[WTL_R_time_s], 14, 0); /* job 99: seq 1, 3; then job 100 */
    assert_near(sets[1].runs[1].metric[WTL_R_time_s], 12, 0);
    assert_near(sets[1].runs[2].metric[WTL_R_time_s], 11, 0);
    assert_string_equal(sets[2].gpu, "V100");
    assert_ok(wtl_worksets(&arena, runs, 0, NULL, &sets, &n, &err), &err);
    assert_int_equal(n, 0);
}

static struct wtl_run timed_at(int64_t source, double reported_s)
{
    struct wtl_run r = {.clock_mhz = 1410, .source_id = source};
    (void)strcpy(r.gpu, "A100");
    (void)strcpy(r.workload, "llama");
    wtl_run_set(&r, WTL_R_reported_time_s, reported_s);
    return r;
}

/* A table without powers has measured none, and failed at none; an empty cell among powers did. */
static void times_without_power_are_no_failed_measurements(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_run runs[] = {timed_at(1, 10), run_at(1410, 10, 1000), timed_at(2, 11),
                             timed_at(1, 12), timed_at(3, 9)};
    (void)strcpy(runs[1].gpu, "A100");
    (void)strcpy(runs[1].workload, "llama");
    runs[1].source_id = 2;
    wtl_run_set(&runs[4], WTL_R_n_samples, 100); /* a trace, meant to measure */
    struct wtl_workset *sets;
    struct wtl_quality q;
    size_t n;
    assert_ok(wtl_worksets(&arena, runs, 5, NULL, &sets, &n, &err), &err);
    assert_int_equal(n, 1);
    assert_int_equal(sets->n_timed, 2);
    assert_near(wtl_run_duration_s(&sets->timed[0]), 10, 0);
    assert_near(wtl_run_duration_s(&sets->timed[1]), 12, 0);
    assert_int_equal(sets->n_runs, 3);
    int no_data = 0;
    for (size_t i = 0; i < 3; i++)
        no_data += wtl_run_main_cause(&sets->runs[i]) == WTL_CAUSE_no_data;
    assert_int_equal(no_data, 2);
    assert_ok(wtl_worksets(&arena, runs, 1, NULL, &sets, &n, &err), &err);
    assert_int_equal(n, 1);
    assert_int_equal(sets->n_runs, 0);
    assert_int_equal(sets->n_cells, 0);
    assert_ok(wtl_judge_set(&arena, sets, &q, &err), &err);
    assert_false(q.usable);
    assert_string_equal(q.reason, "no run has power or energy: 1 with times only");
}

static void no_memory_leaves_the_outputs_alone(void **state)
{
    (void)state;
    struct wtl_run runs[] = {run_at(900, 12, 600), run_at(1410, 10, 1000), run_at(1410, 10.2, 1020),
                             timed_at(1, 10)};
    int failed = 0;
    for (long at = 1;; at++) {
        struct wtl_alloc_failing failing;
        struct wtl_arena arena;
        wtl_arena_init(&arena, wtl_alloc_failing(&failing, at));
        struct wtl_workset *sets = (struct wtl_workset *)&failing;
        size_t n = 77;
        struct wtl_error err = {0};
        int rc = wtl_worksets(&arena, runs, 4, NULL, &sets, &n, &err);
        if (rc) {
            assert_int_equal(rc, -(int)WTL_NOMEM);
            assert_ptr_equal(sets, &failing);
            assert_int_equal(n, 77);
            failed++;
        }
        wtl_arena_fini(&arena);
        if (rc == 0)
            break;
    }
    assert_true(failed > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_values),
        cmocka_unit_test(rates_are_cells),
        cmocka_unit_test(coverage),
        cmocka_unit_test(worksets_are_sorted),
        cmocka_unit_test(times_without_power_are_no_failed_measurements),
        cmocka_unit_test(no_memory_leaves_the_outputs_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
