/* SPDX-License-Identifier: Apache-2.0
 * The generator of traces says the truth: what is read back is what it was asked for. */
#include "support/support.h"

#include <math.h>
#include <string.h>

#include "bench/tree_writer.h"
#include "runs/reduce.h"
#include "support/collect_trace.h"

static const struct tree_run example = {
    .board = "NVIDIA H100 NVL",
    .clock_mhz = 1110,
    .idle_clock_mhz = 345,
    .mem_clock_mhz = 2619,
    .limit_w = 400,
    .rows = 412,
    .period_s = 0.0511,
    .first_w = 58,
    .idle_w = 62,
    .mean_w = 131.25,
    .busy_share = 0.6,
    .fb_total_mib = 95830,
    .fb_used_mib = 14000,
};

static void write_example(struct wtl_buf *out, const struct tree_run *run, uint64_t seed)
{
    struct wtl_rng rng;
    wtl_rng_init(&rng, seed);
    wtl_buf_init(out, wtl_alloc_system(), 1 << 24);
    tree_write_trace(out, run, &rng);
    assert_false(out->failed);
}

static void mean_rows_and_board_come_back(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct wtl_buf text;
        write_example(&text, &example, seed);
        struct wtl_error err = {0};
        struct collected c = {0};
        assert_ok(collect_memory(&c, text.data, text.len, NULL, &err), &err);
        assert_string_equal(c.report.dialect, "25 fields, style B");
        assert_int_equal(c.report.rows_dropped, 0);
        const struct collected_stream *s = c.streams[0];
        assert_int_equal(s->n, example.rows);
        assert_string_equal(s->info.device, "NVIDIA H100 NVL");
        assert_near(collected_mean(s, WTL_M_power_w), example.mean_w, 0.02);
        assert_near(s->value[WTL_M_power_w][0], 58, 0);
        assert_near(s->value[WTL_M_sm_clock_mhz][0], 345, 0);
        assert_near(s->value[WTL_M_sm_clock_mhz][400], 1110, 0);
        int repeats = 0; /* the counter moves every 100 ms only */
        for (int i = 1; i < s->n; i++)
            repeats +=
                s->value[WTL_M_energy_counter_j][i] == s->value[WTL_M_energy_counter_j][i - 1];
        assert_near((double)repeats / s->n, 0.49, 0.03);
        collect_free(&c);
        wtl_buf_fini(&text);
    }
}

/* The trace as the tool itself reduces it, from power and counter alone. */
static struct wtl_run read_back(struct wtl_reducer *reducer, const struct tree_run *asked,
                                uint64_t seed)
{
    struct wtl_error err = {0};
    struct wtl_buf text;
    struct collected c = {0};
    static struct wtl_batch batch;
    write_example(&text, asked, seed);
    wtl_reducer_begin(reducer);
    assert_ok(collect_memory(&c, text.data, text.len, NULL, &err), &err);
    const struct collected_stream *s = c.streams[0];
    for (int from = 0; from < s->n; from += WTL_BATCH_ROWS) {
        memset(&batch, 0, sizeof batch);
        batch.first_row = from;
        batch.present = s->info.present;
        for (int i = from; i < s->n && i < from + WTL_BATCH_ROWS; i++, batch.n++)
            for (int m = 0; m < (int)WTL_N_METRICS; m++)
                if (s->valid[m][i]) {
                    batch.column[m].value[batch.n] = s->value[m][i];
                    batch.column[m].valid[batch.n >> 6] |= UINT64_C(1) << (batch.n & 63);
                }
        wtl_reducer_push(reducer, &batch);
    }
    struct wtl_run run = {.clock_mhz = asked->clock_mhz};
    struct wtl_reduce_context context = {.label_interval_s = 0.05};
    wtl_reducer_finish(reducer, &context, &run);
    wtl_run_choose(&run);
    collect_free(&c);
    wtl_buf_fini(&text);
    return run;
}

static void duration_and_energy_come_back(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    WTL_ARENA(arena);
    struct wtl_reducer *reducer = NULL;
    assert_ok(wtl_reducer_new(&arena, &reducer, &err), &err);
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct tree_run asked = example;
        asked.rows = 412 - 17 * (int)seed;
        struct wtl_run run = read_back(reducer, &asked, seed);
        double time_s = asked.rows * asked.period_s;
        /* The counter moves every 100 ms: its edges are known to about one row. */
        assert_near(run.metric[WTL_R_time_s], time_s, 1.2 * asked.period_s);
        assert_near(run.metric[WTL_R_power_w], asked.mean_w, 0.05);
    }
}

/* Short traces that end under four times the power they began with: what is between a row and the
 * counter's refresh, and between a row and its power sample, must not add up to a bias. The mean of
 * 400 traces is known to 0.03 %; half a row of lag would make it 0.5 to 1 %. */
static void neither_end_biases_the_duration(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    WTL_ARENA(arena);
    struct wtl_reducer *reducer = NULL;
    enum { SEEDS = 400 };
    assert_ok(wtl_reducer_new(&arena, &reducer, &err), &err);
    double sum = 0, squares = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct tree_run asked = example;
        asked.rows = 90 + (int)seed % 7;
        struct wtl_run run = read_back(reducer, &asked, seed);
        double error = run.metric[WTL_R_time_s] / (asked.rows * asked.period_s) - 1;
        sum += error;
        squares += error * error;
        assert_near(run.metric[WTL_R_power_w], asked.mean_w, 0.1);
    }
    double mean = sum / SEEDS, se = sqrt((squares / SEEDS - mean * mean) / SEEDS);
    print_message("# mean error of %d durations %+.3f %% +- %.3f\n", SEEDS, 100 * mean, 100 * se);
    assert_in_range(1e5 * se, 0, 60);
    assert_near(mean, 0, 4 * se);
}

static void the_seed_decides_and_nothing_else(void **state)
{
    (void)state;
    struct wtl_buf a, b, c;
    write_example(&a, &example, 1);
    write_example(&b, &example, 1);
    write_example(&c, &example, 2);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.data, b.data, a.len);
    assert_true(a.len != c.len || memcmp(a.data, c.data, a.len) != 0);
    wtl_buf_fini(&a);
    wtl_buf_fini(&b);
    wtl_buf_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mean_rows_and_board_come_back),
        cmocka_unit_test(duration_and_energy_come_back),
        cmocka_unit_test(neither_end_biases_the_duration),
        cmocka_unit_test(the_seed_decides_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
