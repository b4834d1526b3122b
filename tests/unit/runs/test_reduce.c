/* SPDX-License-Identifier: Apache-2.0 */
#include "base/random.h"
#include "runs/reduce.h"
#include "support/frequency_data.h"
#include "support/support.h"

#include <math.h>
#include <string.h>

static struct wtl_run reduce(struct wtl_arena *arena, const struct wtl_batch *b, size_t n,
                             int clock_mhz, double label_s)
{
    struct wtl_reducer *r = NULL;
    struct wtl_error err = {0};
    assert_ok(wtl_reducer_new(arena, &r, &err), &err);
    wtl_reducer_begin(r);
    for (size_t i = 0; i < n; i++)
        wtl_reducer_push(r, &b[i]);
    struct wtl_run run = {.clock_mhz = clock_mhz};
    wtl_reducer_finish(r, &(struct wtl_reduce_context){.label_interval_s = label_s}, &run);
    wtl_run_choose(&run);
    return run;
}

static void put(struct wtl_batch *b, enum wtl_metric m, int row, double value)
{
    b->present |= UINT64_C(1) << m;
    b->column[m].value[row] = value;
    b->column[m].valid[row >> 6] |= UINT64_C(1) << (row & 63);
}

/* A GPU whose power is `watts(t)`, sampled every `period_s` by a sensor without lag, its counter
 * refreshed every `refresh_s`. Ends after `rows`. */
struct sensor {
    double period_s, refresh_s;
    int rows;
    double base_w, swing_w; /* base + swing * (0.5 - 0.5 cos(2 pi t / 4 s)) */
    bool timestamps;
    double reset_at_s;      /* the counter starts anew; 0 never */
    int hole_from, hole_to; /* rows that are missing altogether */
};

static double watts(const struct sensor *s, double t)
{
    return s->base_w + s->swing_w * (0.5 - 0.5 * cos(M_PI / 2 * t));
}

static double joules(const struct sensor *s, double t)
{
    return s->base_w * t + s->swing_w * (0.5 * t - sin(M_PI / 2 * t) / M_PI);
}

static size_t trace_of(const struct sensor *s, struct wtl_batch *b)
{
    size_t k = 0;
    memset(b, 0, 8 * sizeof *b);
    for (int row = 0; row < s->rows; row++) {
        if (row >= s->hole_from && row < s->hole_to)
            continue;
        if (b[k].n == WTL_BATCH_ROWS)
            k++;
        double t = row * s->period_s, ticked = floor(t / s->refresh_s + 0.37) * s->refresh_s;
        double counter = 307257.328 + joules(s, ticked);
        if (s->reset_at_s > 0 && t > s->reset_at_s)
            counter = joules(s, fmax(ticked, s->reset_at_s)) - joules(s, s->reset_at_s);
        b[k].has_time = s->timestamps;
        b[k].t_ns[b[k].n] = 1000000 * llround(t * 1e3);
        put(&b[k], WTL_M_power_w, b[k].n, watts(s, t));
        put(&b[k], WTL_M_energy_counter_j, b[k].n, round(counter * 1e3) / 1e3);
        b[k].n++;
    }
    return k + 1;
}

/* The published facts of the H100 Stable Diffusion trace. */
static void reproduces_the_h100_trace(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    size_t n;
    struct wtl_batch *b = load_dcgmi_trace(&arena, "GH100-baseline-StableDiffusion-1785-0", &n);
    struct wtl_reducer *r = NULL;
    struct wtl_error err = {0};
    assert_ok(wtl_reducer_new(&arena, &r, &err), &err);
    for (size_t i = 0; i < n; i++)
        wtl_reducer_push(r, &b[i]);
    struct wtl_run run = {.clock_mhz = 1785};
    wtl_reducer_finish(r, &(struct wtl_reduce_context){.label_interval_s = 0.05}, &run);
    struct wtl_counter c = wtl_reducer_counter(r);
    assert_int_equal((int)run.metric[WTL_R_n_samples], 1285);
    assert_near(run.metric[WTL_R_power_mean_w], 201.61, 0.005);
    assert_near(c.raw_j, 13230.0, 0.05);
    assert_int_equal(c.epochs, 1);
    assert_near(1 - (double)c.changes / 1284, 0.49, 0.005); /* rows that repeat the counter */
    assert_near(1e3 * c.raw_j / (run.metric[WTL_R_power_mean_w] * 1285), 51.07, 0.005);
    assert_near(run.metric[WTL_R_energy_nominal_j], 12953.5, 0.2);
    /* Between edges no refresh is lost: 0.07 % more than the plain difference. */
    assert_near(1e3 * run.metric[WTL_R_period_s], 51.10, 0.005);
    assert_near(run.metric[WTL_R_energy_counter_j], 13238.7, 0.1);
    assert_near(run.metric[WTL_R_counter_step_s], 0.100, 0.002);
    wtl_run_choose(&run);
    assert_near(run.metric[WTL_R_time_s], 65.66, 0.02);
    assert_near(run.metric[WTL_R_energy_j], 13238.7, 0.1);
    assert_near(run.metric[WTL_R_power_w], 201.61, 0.01);
}

static void reproduces_the_lstm_traces(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    size_t n;
    struct wtl_batch *b = load_dcgmi_trace(&arena, "GH100-baseline-LSTM-1785-0__66d5611", &n);
    struct wtl_run run = reduce(&arena, b, n, 1785, 0.05);
    assert_int_equal((int)run.metric[WTL_R_n_samples], 335);
    assert_near(run.metric[WTL_R_power_mean_w], 83.20, 0.005);
    assert_near(run.metric[WTL_R_energy_nominal_j], 1393.6, 0.1);
    assert_near(run.metric[WTL_R_energy_counter_j], 1433.1, 0.1);
    b = load_dcgmi_trace(&arena, "GV100-baseline-LSTM-1380-0__55a32a2", &n);
    run = reduce(&arena, b, n, 1380, 0.05);
    assert_int_equal((int)run.metric[WTL_R_n_samples], 4310);
    assert_near(run.metric[WTL_R_power_mean_w], 28.69, 0.005);
    assert_near(run.metric[WTL_R_energy_nominal_j], 6183.1, 0.5);
    assert_near(run.metric[WTL_R_energy_counter_j], 6283.7, 0.1);
    assert_near(run.metric[WTL_R_app_clock_mhz], 1230, 0); /* labelled 1380 */
}

/* Naive: mean power x rows x 50 ms gives twice the energy. */
static void label_of_50_ms_on_a_25_ms_trace(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_batch *b = WTL_NEW_ARRAY(&arena, struct wtl_batch, 8);
    struct sensor s = {
        .period_s = 0.0255, .refresh_s = 0.1, .rows = 1600, .base_w = 60, .swing_w = 200};
    size_t n = trace_of(&s, b);
    struct wtl_run run = reduce(&arena, b, n, 1410, 0.05);
    double truth_s = 1600 * 0.0255, truth_j = joules(&s, truth_s);
    assert_true(run.metric[WTL_R_energy_nominal_j] > 1.9 * truth_j); /* the naive figure */
    assert_near(run.metric[WTL_R_time_s] / truth_s, 1, 0.005);
    assert_near(run.metric[WTL_R_energy_j] / truth_j, 1, 0.005);
    assert_near(run.metric[WTL_R_period_s], 0.0255, 0.0001);
}

/* Known integral, several refresh periods and lengths: the error budget of the edge rule. */
static void counter_edges_against_a_known_integral(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_batch *b = WTL_NEW_ARRAY(&arena, struct wtl_batch, 8);
    static const double refresh[] = {0.02, 0.1, 0.25};
    for (int k = 0; k < 3; k++)
        for (int rows = 200; rows <= 2000; rows += 450) {
            struct sensor s = {.period_s = 0.0511,
                               .refresh_s = refresh[k],
                               .rows = rows,
                               .base_w = 70,
                               .swing_w = 230};
            size_t n = trace_of(&s, b);
            struct wtl_run run = reduce(&arena, b, n, 1410, 0.05);
            double truth_s = rows * s.period_s, truth_j = joules(&s, truth_s);
            double budget = 2 * fmax(refresh[k], s.period_s) / truth_s; /* one refresh an end */
            assert_near(run.metric[WTL_R_energy_j] / truth_j, 1, budget);
            assert_near(run.metric[WTL_R_time_s] / truth_s, 1, budget);
        }
}

static void counter_reset_is_a_new_epoch(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_batch *b = WTL_NEW_ARRAY(&arena, struct wtl_batch, 8);
    struct sensor s = {.period_s = 0.051,
                       .refresh_s = 0.1,
                       .rows = 1000,
                       .base_w = 70,
                       .swing_w = 150,
                       .reset_at_s = 20};
    size_t n = trace_of(&s, b);
    struct wtl_run run = reduce(&arena, b, n, 1410, 0.05);
    double last = b[n - 1].column[WTL_M_energy_counter_j].value[b[n - 1].n - 1];
    assert_true(last - b[0].column[WTL_M_energy_counter_j].value[0] < 0); /* naive: negative */
    assert_near(run.metric[WTL_R_energy_j] / joules(&s, 51), 1, 0.01);
    assert_near(run.metric[WTL_R_time_s], 51, 0.5);
}

/* Timestamps: trapezoid on real time, a hole is bridged and named, counter and integral agree. */
static void timestamps_with_a_hole(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_batch *b = WTL_NEW_ARRAY(&arena, struct wtl_batch, 8);
    struct sensor s = {.period_s = 0.1,
                       .refresh_s = 0.02,
                       .rows = 700,
                       .base_w = 100,
                       .timestamps = true,
                       .hole_from = 300,
                       .hole_to = 350};
    size_t n = trace_of(&s, b);
    struct wtl_run run = reduce(&arena, b, n, 1410, 0.05);
    assert_near(run.metric[WTL_R_period_s], 0.1, 1e-6);
    assert_near(run.metric[WTL_R_span_s], 70, 1e-6);
    assert_near(run.metric[WTL_R_longest_gap_s], 5.1, 1e-6);
    assert_near(run.metric[WTL_R_energy_integral_j], 7000, 0.01);
    assert_near(run.metric[WTL_R_energy_ratio], 1, 0.002);
    assert_near(run.metric[WTL_R_energy_j], 7000, 15);
    assert_near(run.metric[WTL_R_nominal_time_s], 650 * 0.05, 1e-9); /* naive */
}

/* A counter that is read rarely, at no even times, and tells when its value was so; of two power
 * sensors one is asked now and then only. */
static void stamps_say_when_the_counter_ticked(void **state)
{
    static struct wtl_batch b[1];
    const double late_s[] = {0.005, 0.09, 0.04, 0.07, 0.01, 0.005};
    WTL_ARENA(arena);
    (void)state;
    memset(b, 0, sizeof b);
    b->has_time = true;
    for (int row = 0; row < 12; row++) {
        const double tick_s = 1.7e9 + 0.1 * row, t_s = tick_s + late_s[row % 6];
        b->t_ns[row] = llround(1e9 * t_s);
        put(b, WTL_M_power_instant_w, row, 100);
        if (row % 6 == 2)
            put(b, WTL_M_power_w, row, 50);
        put(b, WTL_M_energy_counter_j, row, 7 + 10 * row);
        put(b, WTL_M_energy_time_s, row, tick_s);
        b->n++;
    }
    struct wtl_run run = reduce(&arena, b, 1, 1000, 0);
    assert_near(run.metric[WTL_R_energy_ratio], 1, 1e-5);
    assert_near(run.metric[WTL_R_power_mean_w], 100, 1e-9);
    b->present &= ~(UINT64_C(1) << WTL_M_energy_time_s); /* by when it was read it is off */
    run = reduce(&arena, b, 1, 1000, 0);
    assert_true(fabs(run.metric[WTL_R_energy_ratio] - 1) > 0.01);
}

/* A sensor that reads 20 % low against its counter shows in the ratio. */
static void ratio_tells_a_counter_that_disagrees(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_batch *b = WTL_NEW_ARRAY(&arena, struct wtl_batch, 8);
    struct sensor s = {
        .period_s = 0.1, .refresh_s = 0.1, .rows = 400, .base_w = 100, .timestamps = true};
    size_t n = trace_of(&s, b);
    for (int row = 0; row < b[0].n; row++)
        b[0].column[WTL_M_power_w].value[row] *= 0.8;
    struct wtl_run run = reduce(&arena, b, n, 1410, 0);
    assert_near(run.metric[WTL_R_energy_ratio], 1.25, 0.01);
}

static void activity_clocks_and_throttling(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_batch *b = WTL_NEW(&arena, struct wtl_batch);
    for (int row = 0; row < 400; row++) {
        bool busy = row >= 100;
        put(b, WTL_M_power_w, row, busy ? 200 + (row & 1) : 60);
        if (row & 1) /* as in one DCGM dialect: every other row says nothing */
            put(b, WTL_M_sm_active, row, busy ? 0.9 : 0);
        put(b, WTL_M_sm_clock_mhz, row, !busy ? 345 : row < 130 ? 1410 : 1200);
        put(b, WTL_M_event_reasons, row, row >= 300 ? 0x4 : 0x1);
        put(b, WTL_M_fp32_active, row, busy ? 0.3 : 0);
        put(b, WTL_M_fb_used_b, row, row == 200 ? 9e9 : 8e9);
        put(b, WTL_M_temp_c, row, 40 + 0.1 * row);
        b->n++;
    }
    b->present |= UINT64_C(1) << WTL_M_dram_active; /* a column without any value */
    struct wtl_run run = reduce(&arena, b, 1, 1410, 0.05);
    assert_near(run.metric[WTL_R_active_share], 0.75, 0.005);
    assert_near(run.metric[WTL_R_sm_active], 0.675, 1e-9);
    assert_near(run.metric[WTL_R_fp32_active], 0.3, 1e-12);
    assert_near(run.metric[WTL_R_sm_clock_median_mhz], 1200, 0);
    assert_near(run.metric[WTL_R_sm_clock_match], 0.1, 0.005);
    assert_near(run.metric[WTL_R_throttle_share], 0.25, 1e-12);
    assert_near(run.metric[WTL_R_fb_used_max_b], 9e9, 0);
    assert_near(run.metric[WTL_R_temp_max_c], 79.9, 1e-9);
    assert_near(run.metric[WTL_R_power_p99_w], 201, 0.13);
    assert_near(run.metric[WTL_R_power_min_w], 60, 0);
    assert_false(wtl_run_has(&run, WTL_R_dram_active));
    assert_false(wtl_run_has(&run, WTL_R_period_s)); /* no counter, no timestamps */
    assert_near(run.metric[WTL_R_time_s], 20, 1e-9);
}

/* Batches of any size, and missing cells, give what a plain loop over all valid cells gives. */
static void equals_a_plain_loop(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_rng rng;
    wtl_rng_init(&rng, 5);
    for (int round = 0; round < 30; round++) {
        struct wtl_batch *b = WTL_NEW_ARRAY(&arena, struct wtl_batch, 4);
        double sum = 0, squares = 0, low = 1e9, high = 0, n = 0;
        for (int k = 0; k < 4; k++) {
            b[k].n = (int)wtl_rng_below(&rng, WTL_BATCH_ROWS + 1);
            b[k].present = UINT64_C(1) << WTL_M_power_w;
            for (int row = 0; row < b[k].n; row++) {
                double p = 100 + 20 * wtl_rng_normal(&rng);
                b[k].column[WTL_M_power_w].value[row] = 1e30;
                if (round % 3 == 0 || wtl_rng_uniform(&rng) > 0.3) {
                    put(&b[k], WTL_M_power_w, row, p);
                    sum += p;
                    squares += p * p;
                    low = fmin(low, p);
                    high = fmax(high, p);
                    n++;
                }
            }
        }
        struct wtl_run run = reduce(&arena, b, 4, 0, 0.05);
        assert_near(run.metric[WTL_R_power_mean_w], sum / n, 1e-9);
        assert_near(run.metric[WTL_R_power_sd_w], sqrt((squares - sum * sum / n) / (n - 1)), 1e-6);
        assert_near(run.metric[WTL_R_power_min_w], low, 0);
        assert_near(run.metric[WTL_R_power_max_w], high, 0);
    }
}

/* n intervals of 1 s and 50 J, as perf stat -I writes them; interval `lost` without a count. */
static struct wtl_run of_intervals(struct wtl_arena *arena, int n, int lost)
{
    struct wtl_batch *b = WTL_NEW(arena, struct wtl_batch);
    b->has_time = b->interval = true;
    b->n = n + 1;
    put(b, WTL_M_energy_counter_j, 0, 0);
    for (int i = 1; i <= n; i++) {
        b->t_ns[i] = i * INT64_C(1000000000) + 123456;
        if (i != lost)
            put(b, WTL_M_power_w, i, 50 / (1 + (i == 1) * 123456e-9));
        if (lost == 0 || i < lost)
            put(b, WTL_M_energy_counter_j, i, 50 * i);
    }
    return reduce(arena, b, 1, 0, 0);
}

static void intervals_end_at_their_stamps(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    static const int lengths[] = {1, 2, 6, 20, 100};
    for (int i = 0; i < 5; i++) {
        int n = lengths[i];
        struct wtl_run run = of_intervals(&arena, n, 0);
        assert_near(run.metric[WTL_R_n_samples], n, 0);
        assert_near(run.metric[WTL_R_time_s], n + 123456e-9, 1e-9);
        assert_near(run.metric[WTL_R_energy_j], 50.0 * n, 1e-9);
        assert_near(run.metric[WTL_R_power_w], 50, 0.01);
        assert_near(run.metric[WTL_R_power_first_w], 50, 0.01);
        if (n < 2)
            continue;
        for (int lost = 1; lost <= n; lost += n - 1) { /* the first, the last: as its neighbours */
            run = of_intervals(&arena, n, lost);
            assert_near(run.metric[WTL_R_time_s], n + 123456e-9, 1e-9);
            assert_near(run.metric[WTL_R_energy_j], 50.0 * n, 0.01);
        }
    }
}

static void a_reducer_can_be_used_again(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_batch *b = WTL_NEW_ARRAY(&arena, struct wtl_batch, 8);
    struct sensor s = {
        .period_s = 0.051, .refresh_s = 0.1, .rows = 900, .base_w = 70, .swing_w = 150};
    struct wtl_reducer *r = NULL;
    struct wtl_error err = {0};
    struct wtl_reduce_context context = {.label_interval_s = 0.05};
    struct wtl_run first = {.clock_mhz = 1}, again = {.clock_mhz = 1};
    assert_ok(wtl_reducer_new(&arena, &r, &err), &err);
    for (int round = 0; round < 3; round++) {
        s.rows = round == 1 ? 300 : 900; /* something else in between */
        s.swing_w = round == 1 ? 300 : 150;
        size_t n = trace_of(&s, b);
        memset(&again, 0, sizeof again);
        wtl_reducer_begin(r);
        for (size_t i = 0; i < n; i++)
            wtl_reducer_push(r, &b[i]);
        wtl_reducer_finish(r, &context, &again);
        if (round == 0)
            first = again;
    }
    assert_memory_equal(&first, &again, sizeof first);
    wtl_reducer_begin(r); /* and an empty one */
    struct wtl_run empty = {0};
    wtl_reducer_finish(r, &context, &empty);
    wtl_run_choose(&empty);
    assert_near(empty.metric[WTL_R_n_samples], 0, 0);
    assert_false(wtl_run_has(&empty, WTL_R_time_s));
}

static void no_memory_leaves_the_output_alone(void **state)
{
    (void)state;
    struct wtl_alloc_failing failing;
    struct wtl_arena arena;
    wtl_arena_init(&arena, wtl_alloc_failing(&failing, 1));
    struct wtl_reducer *r = (struct wtl_reducer *)&failing;
    struct wtl_error err = {0};
    assert_int_equal(wtl_reducer_new(&arena, &r, &err), -(int)WTL_NOMEM);
    assert_ptr_equal(r, &failing);
    wtl_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reproduces_the_h100_trace),
        cmocka_unit_test(reproduces_the_lstm_traces),
        cmocka_unit_test(label_of_50_ms_on_a_25_ms_trace),
        cmocka_unit_test(counter_edges_against_a_known_integral),
        cmocka_unit_test(counter_reset_is_a_new_epoch),
        cmocka_unit_test(timestamps_with_a_hole),
        cmocka_unit_test(stamps_say_when_the_counter_ticked),
        cmocka_unit_test(ratio_tells_a_counter_that_disagrees),
        cmocka_unit_test(activity_clocks_and_throttling),
        cmocka_unit_test(equals_a_plain_loop),
        cmocka_unit_test(intervals_end_at_their_stamps),
        cmocka_unit_test(a_reducer_can_be_used_again),
        cmocka_unit_test(no_memory_leaves_the_output_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
