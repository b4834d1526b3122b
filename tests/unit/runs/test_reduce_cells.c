/* SPDX-License-Identifier: Apache-2.0
 *
 * Reduction of traces with odd cells and spacings: each rule with what breaks without it. */
#include "runs/reduce.h"
#include "support/support.h"

#include <math.h>
#include <string.h>

static struct wtl_run reduce(struct wtl_arena *arena, const struct wtl_batch *b, size_t n)
{
    struct wtl_reducer *r = NULL;
    struct wtl_error err = {0};
    assert_ok(wtl_reducer_new(arena, &r, &err), &err);
    wtl_reducer_begin(r);
    for (size_t i = 0; i < n; i++)
        wtl_reducer_push(r, &b[i]);
    struct wtl_run run = {.clock_mhz = 1410};
    wtl_reducer_finish(r, &(struct wtl_reduce_context){.label_interval_s = 0.05}, &run);
    wtl_run_choose(&run);
    return run;
}

/* Adds a cell to the newest row; the row counts with the first of them. */
static void put(struct wtl_batch *b, int row, enum wtl_metric m, double value)
{
    b->present |= UINT64_C(1) << m;
    b->column[m].value[row] = value;
    b->column[m].valid[row >> 6] |= UINT64_C(1) << (row & 63);
    b->n = row + 1 > b->n ? row + 1 : b->n;
}

/* 400 rows of 100 W every 51 ms, the counter refreshed in every other row. */
static struct wtl_batch *steady(struct wtl_arena *arena)
{
    struct wtl_batch *b = WTL_NEW(arena, struct wtl_batch);
    for (int row = 0; row < 400; row++) {
        put(b, row, WTL_M_power_w, 100);
        put(b, row, WTL_M_energy_counter_j, 5e6 + 5.1 * (row & ~1));
    }
    return b;
}

/* Naive: the sum of power times the step before it, 2 % off on this ramp. */
static void trapezoid_on_uneven_steps(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_batch *b = WTL_NEW(&arena, struct wtl_batch);
    double t = 0, exact = 0, left = 0, right = 0, before_w = 0;
    for (int row = 0; row < 60; row++) {
        double step_s = row == 0 ? 0 : row % 3 == 0 ? 0.14 : 0.08;
        t += step_s;
        double power_w = 100 + 50 * t;
        b->t_ns[row] = llround(1e9 * t);
        put(b, row, WTL_M_power_w, power_w);
        exact += row ? 0.5 * (power_w + before_w) * step_s : 0;
        left += before_w * step_s;
        right += power_w * step_s;
        before_w = power_w;
    }
    b->has_time = true;
    struct wtl_run run = reduce(&arena, b, 1);
    double between_j = run.metric[WTL_R_energy_integral_j] * t / run.metric[WTL_R_span_s];
    assert_near(between_j, 100 * t + 25 * t * t, 1e-6);
    assert_near(between_j, exact, 1e-6);
    assert_true(fabs(left / exact - 1) > 0.005 && fabs(right / exact - 1) > 0.005);
}

/* A cell with two digits too many: neither the step up nor the step down is energy. */
static void garbled_counter_cells(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    static const double factor[] = {100, 0.01};
    for (int k = 0; k < 2; k++) {
        struct wtl_batch *b = steady(&arena);
        b->column[WTL_M_energy_counter_j].value[201] *= factor[k];
        struct wtl_run run = reduce(&arena, b, 1);
        assert_near(run.metric[WTL_R_energy_j] / (100 * 400 * 0.051), 1, 0.01);
        assert_near(run.metric[WTL_R_time_s] / (400 * 0.051), 1, 0.01);
    }
}

/* The counter runs from the first row on; the power sensor wakes up later. */
static void rows_before_the_first_power(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_batch *b = steady(&arena);
    b->column[WTL_M_power_w].valid[0] = 0;
    struct wtl_run run = reduce(&arena, b, 1);
    assert_near(run.metric[WTL_R_power_mean_w], 100, 1e-9);
    assert_near(run.metric[WTL_R_time_s] / (400 * 0.051), 1, 0.01);
    assert_near(run.metric[WTL_R_energy_j] / (100 * 400 * 0.051), 1, 0.01);
}

/* The same with timestamps, at either end and in between: energy is carried over what no sample
 * saw, and counter and integral agree. */
static void samples_missing_in_a_timed_trace(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    static const int gone[] = {0, 6, 3}; /* words of 64 rows */
    for (int k = 0; k < 4; k++) {
        struct wtl_batch *b = steady(&arena);
        b->has_time = true;
        for (int row = 0; row < 400; row++)
            b->t_ns[row] = INT64_C(51000000) * row;
        for (int word = 0; word < 7; word++)
            if (k == 3)
                b->column[WTL_M_power_w].valid[word] &= UINT64_C(0xaaaaaaaaaaaaaaaa); /* odd rows */
            else if (word == gone[k] || (k == 1 && word >= 5))
                b->column[WTL_M_power_w].valid[word] = 0;
        struct wtl_run run = reduce(&arena, b, 1);
        assert_near(run.metric[WTL_R_span_s], 400 * 0.051, 1e-9);
        assert_near(run.metric[WTL_R_energy_integral_j], 100 * 400 * 0.051, 1e-6);
        assert_near(run.metric[WTL_R_energy_ratio], 1, 1e-6);
        assert_near(run.metric[WTL_R_energy_j], 100 * 400 * 0.051, 1e-3);
    }
}

/* Four edges bound three refreshes: too few to tell a period from. */
static void too_few_edges(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    for (int edges = 3; edges <= 6; edges++) {
        struct wtl_batch *b = steady(&arena);
        for (int row = 0; row < 400; row++)
            b->column[WTL_M_energy_counter_j].value[row] = 5e6 + 400 * floor(row * edges / 398.0);
        struct wtl_run run = reduce(&arena, b, 1);
        assert_int_equal(wtl_run_has(&run, WTL_R_energy_counter_j), edges >= 5);
        assert_near(run.metric[WTL_R_nominal_time_s], 20, 1e-9);
    }
}

/* nvml.h, nvmlClocksEventReason*: which of them hold a clock down. */
static void every_reason_by_itself(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    static const struct {
        int bit, holds;
    } reasons[] = {{0, 0},    {0x1, 0},  {0x2, 0},  {0x4, 1},  {0x8, 1},
                   {0x10, 0}, {0x20, 1}, {0x40, 1}, {0x80, 1}, {0x100, 0}};
    for (size_t k = 0; k < sizeof reasons / sizeof *reasons; k++) {
        struct wtl_batch *b = steady(&arena);
        for (int row = 0; row < 400; row++)
            put(b, row, WTL_M_event_reasons, row < 100 ? 0 : reasons[k].bit);
        struct wtl_run run = reduce(&arena, b, 1);
        assert_near(run.metric[WTL_R_throttle_share], 0.75 * reasons[k].holds, 1e-12);
    }
}

/* DCGM field 240: ns during which power held the clock down, over the time of the run. */
static void violation_counter(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_batch *b = steady(&arena);
    for (int row = 0; row < 400; row++)
        put(b, row, WTL_M_power_violation_ns, 7e12 + (row < 200 ? 0 : (row - 199) * 5.1e6));
    struct wtl_run run = reduce(&arena, b, 1);
    assert_near(run.metric[WTL_R_throttle_share], 200 * 5.1e6 / 20.4e9, 0.002);
    for (int row = 0; row < 400; row++) /* the mask says more: it counts */
        put(b, row, WTL_M_event_reasons, row < 100 ? 0x4 : 0);
    run = reduce(&arena, b, 1);
    assert_near(run.metric[WTL_R_throttle_share], 0.25, 1e-12);
}

/* What holds the power is the enforced limit, not the one that was asked for. */
static void the_enforced_limit_counts(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_batch *b = steady(&arena);
    for (int row = 0; row < 400; row++)
        put(b, row, WTL_M_power_limit_w, 250);
    struct wtl_run run = reduce(&arena, b, 1);
    assert_near(run.metric[WTL_R_power_limit_w], 250, 0);
    for (int row = 0; row < 400; row++)
        put(b, row, WTL_M_power_limit_enforced_w, 200);
    run = reduce(&arena, b, 1);
    assert_near(run.metric[WTL_R_power_limit_w], 200, 0);
}

/* One row says active, then nothing is said for two batches: it stays active. */
static void silent_rows_are_as_the_last_that_spoke(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_batch *b = WTL_NEW_ARRAY(&arena, struct wtl_batch, 2);
    for (int k = 0; k < 2; k++)
        for (int row = 0; row < 500; row++) {
            put(&b[k], row, WTL_M_power_w, 100);
            put(&b[k], row, WTL_M_sm_clock_mhz, k ? 900 : row < 64 ? 1410 : 1200);
            b[k].present |= UINT64_C(1) << WTL_M_sm_active;
        }
    put(&b[0], 10, WTL_M_sm_active, 0.9);
    struct wtl_run run = reduce(&arena, b, 1);
    assert_near(run.metric[WTL_R_sm_clock_median_mhz], 1200, 0); /* of rows 10 to 499 */
    assert_near(run.metric[WTL_R_sm_clock_match], 54.0 / 490, 1e-9);
    run = reduce(&arena, b, 2);
    assert_near(run.metric[WTL_R_sm_clock_median_mhz], 900, 0); /* over batches as well */
    put(&b[1], 0, WTL_M_sm_active, 0);
    run = reduce(&arena, b, 2);
    assert_near(run.metric[WTL_R_sm_clock_median_mhz], 1200, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trapezoid_on_uneven_steps),
        cmocka_unit_test(garbled_counter_cells),
        cmocka_unit_test(rows_before_the_first_power),
        cmocka_unit_test(samples_missing_in_a_timed_trace),
        cmocka_unit_test(too_few_edges),
        cmocka_unit_test(every_reason_by_itself),
        cmocka_unit_test(violation_counter),
        cmocka_unit_test(the_enforced_limit_counts),
        cmocka_unit_test(silent_rows_are_as_the_last_that_spoke),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
