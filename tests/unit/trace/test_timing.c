/* SPDX-License-Identifier: Apache-2.0
 * timing_summary.log, experiment_summary.log, MHz,seconds. */
#include "trace/timing.h"

#include "support/support.h"

#include <string.h>

#include "support/collect_trace.h"

static void check(const struct wtl_timing *t, const char *id, int64_t seq, int rep, int clock_mhz,
                  double duration_s, double resolution_s, int exit_code, enum wtl_run_status status)
{
    assert_string_equal(t->run_id, id);
    assert_int_equal(t->seq, seq);
    assert_int_equal(t->rep, rep);
    assert_int_equal(t->clock_mhz, clock_mhz);
    assert_int_equal(t->has_duration, duration_s >= 0);
    if (t->has_duration) {
        assert_near(t->duration_s, duration_s, 0);
        assert_near(t->resolution_s, resolution_s, 1e-15);
    }
    assert_int_equal(t->exit_code, exit_code);
    assert_int_equal(t->status, status);
}

static const char summary[] = "# Run Timing Summary\n"
                              "# Format: run_id,frequency_mhz,duration_seconds,exit_code,status\n"
                              "1_01,1410,114,0,success\r\n"
                              "2_02,1410,45,1,failed\n"
                              "03,1395,1800,124,timeout\n"
                              "baseline_02,1380,12.25,0,success\n"
                              "odd,510,N/A,0,skipped\n";

static void reads_the_timing_summary(void **state)
{
    (void)state;
    struct collected c = {0};
    collect_as(&c, summary, "timing-summary");
    assert_int_equal(c.n_timings, 5);
    assert_int_equal(c.report.rows_dropped, 0);
    check(&c.timings[0], "1_01", 1, 1, 1410, 114, 1, 0, WTL_RUN_SUCCESS);
    check(&c.timings[1], "2_02", 2, 2, 1410, 45, 1, 1, WTL_RUN_FAILED);
    check(&c.timings[2], "03", 0, 3, 1395, 1800, 1, 124, WTL_RUN_TIMEOUT);
    check(&c.timings[3], "baseline_02", 0, 2, 1380, 12.25, 0.01, 0, WTL_RUN_SUCCESS);
    check(&c.timings[4], "odd", 0, 0, 510, -1, 0, 0, WTL_RUN_UNKNOWN);
    collect_free(&c);
}

static void is_known_without_its_comments(void **state)
{
    (void)state;
    struct collected c = {0};
    collect_as(&c, "1_01,1410,114,0,success\n", "timing-summary");
    assert_int_equal(c.n_timings, 1);
    collect_free(&c);
    collect_as(&c, "# Run Timing Summary\n", "timing-summary");
    assert_int_equal(c.n_timings, 0);
    collect_free(&c);
}

static void drops_what_is_no_row(void **state)
{
    (void)state;
    struct collected c = {0};
    collect_as(&c,
               "# Run Timing Summary\n"
               "1_01,1410,114,0,success\n"
               "2_02,1410,abc,0,success\n"
               "3_03,1410,-4,0,success\n"
               "4_04,fast,1,0,success\n"
               "5_05,1410,1,0,success,more\n"
               "6_06,1410,1,zero,success\n"
               "7_07,1410,11",
               "timing-summary");
    assert_int_equal(c.n_timings, 1);
    assert_int_equal(c.report.dropped[WTL_DROP_bad_number], 4);
    assert_int_equal(c.report.dropped[WTL_DROP_too_many_cells], 1);
    assert_int_equal(c.report.dropped[WTL_DROP_truncated_row], 1);
    assert_int_equal(c.report.first_dropped_line, 3);
    collect_free(&c);
}

static const char experiment[] = "AI Inference Energy Experiment\n"
                                 "Run configuration: 3 runs per frequency\n"
                                 "GPU: A100\n"
                                 "\n"
                                 "Run Timing Summary\n"
                                 "==================\n"
                                 "Run durations by frequency\n"
                                 "  Run 1_01           : 114s (freq: 1410MHz, status: success)\n"
                                 "  Run 2_02           : 45s (freq: 1410MHz, status: failed)\n"
                                 "  Run baseline_03    : 45.5s (freq: 1380MHz, status: timeout)\n"
                                 "  Run 4_01           : 4x5s (freq: 1410MHz, status: success)\n"
                                 "  Run 5_02           : 45s (freq: 14\n"
                                 "\n"
                                 "Timing Statistics:\n"
                                 "  Run 9_99           : 1s (freq: 1410MHz, status: success)\n"
                                 "  Average: 80s\n";

static void reads_the_experiment_summary(void **state)
{
    (void)state;
    struct collected c = {0};
    collect_as(&c, experiment, "experiment-summary");
    assert_int_equal(c.n_timings, 3);
    check(&c.timings[0], "1_01", 1, 1, 1410, 114, 1, 0, WTL_RUN_SUCCESS);
    check(&c.timings[1], "2_02", 2, 2, 1410, 45, 1, -1, WTL_RUN_FAILED);
    check(&c.timings[2], "baseline_03", 0, 3, 1380, 45.5, 0.1, -1, WTL_RUN_TIMEOUT);
    assert_int_equal(c.report.dropped[WTL_DROP_bad_number], 1);
    assert_int_equal(c.report.dropped[WTL_DROP_truncated_row], 1);
    assert_int_equal(c.report.first_dropped_line, 11);
    collect_free(&c);
}

static void a_list_without_its_title_is_not_taken(void **state)
{
    (void)state;
    assert_bad_text("  Run 1_01 : 114s (freq: 1410MHz, status: success)\n", NULL, 1, 0,
                    "no reader knows this content");
}

static void reads_bare_pairs(void **state)
{
    (void)state;
    struct collected c = {0};
    collect_as(&c, "1380,22.061562061309814\n1380,21.5\n1230,23.25\n1380,21.75\n", "perf-times");
    assert_int_equal(c.n_timings, 4);
    check(&c.timings[0], "", 1, 1, 1380, 22.061562061309814, 1e-9, -1, WTL_RUN_UNKNOWN);
    check(&c.timings[1], "", 2, 2, 1380, 21.5, 0.1, -1, WTL_RUN_UNKNOWN);
    check(&c.timings[2], "", 3, 1, 1230, 23.25, 0.01, -1, WTL_RUN_UNKNOWN);
    check(&c.timings[3], "", 4, 3, 1380, 21.75, 0.01, -1, WTL_RUN_UNKNOWN);
    collect_free(&c);
    static const char *const others[] = {"1380,22\n", "1,2.5\n", "MHz,s\n1380,2.5\n",
                                         "1380,2.5,3\n", "1380;2.5\n"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_bad_text(others[i], NULL, 1, 0, "no reader knows this content");
}

static void blocks_do_not_matter(void **state)
{
    (void)state;
    assert_blocks_do_not_matter(&wtl_reader_timing, summary);
    assert_blocks_do_not_matter(&wtl_reader_experiment, experiment);
    assert_blocks_do_not_matter(&wtl_reader_perf_times,
                                "1380,22.5\nx\n1380,21.5\n\n1230,1\n1380,2.5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_timing_summary),
        cmocka_unit_test(is_known_without_its_comments),
        cmocka_unit_test(drops_what_is_no_row),
        cmocka_unit_test(reads_the_experiment_summary),
        cmocka_unit_test(a_list_without_its_title_is_not_taken),
        cmocka_unit_test(reads_bare_pairs),
        cmocka_unit_test(blocks_do_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
