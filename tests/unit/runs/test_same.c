/* SPDX-License-Identifier: Apache-2.0
 * Which runs are one run, and which are repeats that happen to be equal. */
#include "runs/judge.h"
#include "runs/same.h"
#include "support/support.h"

#include <stdio.h>
#include <string.h>

static struct wtl_run run_of(double time_s, double energy_j)
{
    struct wtl_run r = {.gpu = "A100", .workload = "syn", .clock_mhz = 1410};
    wtl_run_set(&r, WTL_R_time_s, time_s);
    wtl_run_set(&r, WTL_R_energy_j, energy_j);
    return r;
}

static bool same(struct wtl_run a, struct wtl_run b)
{
    WTL_ARENA(arena);
    struct wtl_run runs[2] = {a, b};
    size_t as[2];
    struct wtl_error err = {0};
    runs[0].id = 1;
    runs[1].id = 2;
    assert_ok(wtl_find_same(&arena, runs, 2, NULL, as, &err), &err);
    assert_int_equal(as[0], 0); /* the first stays */
    return as[1] == 0;
}

static void full_precision_and_printed_digits(void **state)
{
    (void)state;
    struct wtl_run a = run_of(20.0123456, 4009.4123);
    assert_true(same(a, a));
    assert_true(same(a, run_of(20.012, 4009.41)));
    assert_true(same(run_of(20.012, 4009.41), a));
    assert_false(same(a, run_of(20.013, 4009.41)));
    assert_false(same(a, run_of(20.012, 4009.42)));
    assert_false(same(a, run_of(20.0, 4009.0))); /* six digits: may be chance */
    assert_false(same(a, run_of(20.0123457, 4009.4123)));
}

static void genuine_repeats_stay(void **state)
{
    (void)state;
    struct wtl_run a = run_of(12, 1000);
    assert_false(same(a, a)); /* quantised, and nothing tells them apart or together */
    a = run_of(12.0000001, 1000.0001);
    assert_true(same(a, a));
    struct {
        struct wtl_run b;
    } others[10];
    for (int i = 0; i < 10; i++)
        others[i].b = a;
    a.rep = 1;
    others[0].b.rep = 2;
    a.seq = 3;
    others[1].b.seq = 4;
    snprintf(a.job, sizeof a.job, "77");
    snprintf(others[2].b.job, sizeof others[2].b.job, "78");
    a.start_ns = 5;
    others[3].b.start_ns = 6;
    snprintf(a.device, sizeof a.device, "GPU-1");
    snprintf(others[4].b.device, sizeof others[4].b.device, "GPU-2");
    others[5].b.clock_mhz = 1400;
    snprintf(others[6].b.workload, sizeof others[6].b.workload, "other");
    wtl_run_set(&others[7].b, WTL_R_rate_per_s, 3);
    a.mem_clock_mhz = 1215;
    others[8].b.mem_clock_mhz = 810;
    wtl_run_set(&a, WTL_R_work_units, 1000);
    wtl_run_set(&others[9].b, WTL_R_work_units, 1001);
    for (int i = 0; i < 10; i++)
        assert_false(same(a, others[i].b));
}

static void known_places_need_no_digits(void **state)
{
    (void)state;
    struct wtl_run a = run_of(12, 1000);
    a.seq = 3;
    assert_false(same(a, a)); /* the third of which job? */
    snprintf(a.job, sizeof a.job, "77");
    assert_true(same(a, a));
    a = run_of(12, 1000);
    a.start_ns = 1690000000;
    assert_true(same(a, a));
    a = run_of(12, 1000);
    wtl_run_set(&a, WTL_R_power_sd_w, 3.1415926);
    assert_true(same(a, a));
    struct wtl_run b = a;
    wtl_run_set(&b, WTL_R_power_sd_w, 3.1415927);
    assert_false(same(a, b));
}

static void traces_stay_rather_than_tables(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_run runs[4];
    bool table[4] = {true, false, true, false};
    size_t as[4];
    struct wtl_error err = {0};
    for (int i = 0; i < 4; i++) {
        runs[i] = run_of(20.0123456, 4009.4123);
        runs[i].id = i + 1;
    }
    assert_ok(wtl_find_same(&arena, runs, 4, table, as, &err), &err);
    assert_int_equal(as[0], 1);
    assert_int_equal(as[1], 1);
    assert_int_equal(as[2], 1);
    assert_int_equal(as[3], 1);
}

static void means_are_again_where_runs_are(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_run runs[4];
    size_t as[4];
    struct wtl_error err = {0};
    for (int i = 0; i < 4; i++) {
        runs[i] = run_of(20 + i, 4009.4123 + i);
        runs[i].id = i + 1;
    }
    wtl_run_set(&runs[0], WTL_R_mean_of, 2); /* of runs 1 and 2 */
    wtl_run_set(&runs[3], WTL_R_mean_of, 8); /* of a clock without runs of its own */
    runs[3].clock_mhz = 900;
    assert_ok(wtl_find_same(&arena, runs, 4, NULL, as, &err), &err);
    assert_int_equal(as[0], 1);
    assert_int_equal(as[1], 1);
    assert_int_equal(as[2], 2);
    assert_int_equal(as[3], 3);
}

/* A naive reader takes all for runs: n doubles, intervals shrink by a third. */
static void copies_do_not_change_what_is_judged(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    enum { N = 12 };
    struct wtl_run once[N], twice[2 * N];
    struct wtl_error err = {0};
    for (int i = 0; i < N; i++) {
        once[i] = run_of(20 + 0.01 * (i % 4) + (i == 5 ? 9 : 0), 4000 + (i * 7) % 5);
        once[i].clock_mhz = 1410 - 15 * (i / 4);
        once[i].rep = i % 4 + 1;
        once[i].seq = i + 1;
        twice[2 * i] = twice[2 * i + 1] = once[i];
        twice[2 * i + 1].stated_causes = UINT32_C(1) << WTL_CAUSE_duplicate;
        snprintf(twice[2 * i + 1].stated_reason, sizeof twice[0].stated_reason, "copy");
    }
    assert_ok(wtl_judge(&arena, once, N, NULL, &err), &err);
    assert_ok(wtl_judge(&arena, twice, 2 * N, NULL, &err), &err);
    for (int i = 0; i < N; i++) {
        assert_int_equal(twice[2 * i].causes, once[i].causes);
        assert_string_equal(twice[2 * i].reason, once[i].reason);
        assert_int_equal(wtl_run_main_cause(&twice[2 * i + 1]), WTL_CAUSE_duplicate);
        assert_string_equal(twice[2 * i + 1].reason, "copy");
    }
}

static void no_memory_leaves_the_output_alone(void **state)
{
    (void)state;
    struct wtl_run run = run_of(1, 1);
    struct wtl_error err = {0};
    for (int fail = 1; fail <= 2; fail++) {
        struct wtl_alloc_failing failing;
        struct wtl_arena arena;
        size_t as = 77;
        wtl_arena_init(&arena, wtl_alloc_failing(&failing, fail));
        int rc = wtl_find_same(&arena, &run, 1, NULL, &as, &err);
        assert_true(rc == -(int)WTL_NOMEM ? as == 77 : as == 0);
        if (fail == 1)
            assert_int_equal(rc, -(int)WTL_NOMEM);
        wtl_arena_fini(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_precision_and_printed_digits),
        cmocka_unit_test(genuine_repeats_stay),
        cmocka_unit_test(known_places_need_no_digits),
        cmocka_unit_test(traces_stay_rather_than_tables),
        cmocka_unit_test(means_are_again_where_runs_are),
        cmocka_unit_test(copies_do_not_change_what_is_judged),
        cmocka_unit_test(no_memory_leaves_the_output_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
