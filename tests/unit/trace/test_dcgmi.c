/* SPDX-License-Identifier: Apache-2.0
 * DCGM dmon text: facts of the published traces, and constructed rows of every kind. */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "support/collect_trace.h"
#include "trace/tokens.h"

#define RAW "data/frequency/raw/"

#define HEADER_25B                                                                                 \
    "#Entity   NVIDX  DVNAM  POWER  PMLMT  TOTEC  TMPTR  MMTMP  GPUTL  MCUTL  FBTTL  FBFRE  "      \
    "FBUSD  SMCLK  MMCLK  SACLK  MACLK  PSTAT  GRACT  SMACT  SMOCC  TENSO  DRAMA  FP64A  "         \
    "FP32A  FP16A  \n"                                                                             \
    "ID                      W      W      mJ     C      C      %      %      \n"
#define HEADER_25A                                                                                 \
    "# Entity  NVIDX  DVNAM  POWER  PMLMT  TOTEC  TMPTR  MMTMP  GPUTL  MCUTL  FBTTL  FBFRE  "      \
    "FBUSD  SMCLK  MMCLK  SACLK  MACLK  PSTAT  GRACT  SMACT  SMOCC  TENSO  DRAMA  FP64A  "         \
    "FP32A  FP16A\n"                                                                               \
    "      Id                      W      W      mJ     C      C      %      %      \n"
#define VALUES_25                                                                                  \
    "34.535  250.000  26944097032  28  30  52  7  40536  40000  536  1410  1215  1410  1215  0  "  \
    "0.532  0.501  0.125  0.250  0.125  0.000  0.031  0.016"

static void published_facts(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        int rows;
        double mean_w, counter_j, nominal_j;
    } facts[] = {
        {RAW "GH100-baseline-StableDiffusion-1785-0__66d5611__a0fae634.gz", 1285, 201.61, 13230.0,
         12953.5},
        {RAW "GH100-baseline-LSTM-1785-0__66d5611__b417260e.gz", 335, 83.20, 1429.7, 1393.6},
        {RAW "GV100-baseline-LSTM-1380-0__55a32a2__5b2055ea.gz", 4310, 28.69, 6281.5, 6183.1},
    };
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        struct wtl_error err = {0};
        struct collected c = {0};
        assert_ok(collect_file(&c, source_path(facts[i].file), &err), &err);
        assert_int_equal(c.n_streams, 1);
        assert_int_equal(c.report.rows_dropped, 0);
        const struct collected_stream *s = c.streams[0];
        assert_int_equal(s->n, facts[i].rows);
        double mean_w = collected_mean(s, WTL_M_power_w);
        assert_near(mean_w, facts[i].mean_w, 0.005);
        assert_near(collected_delta(s, WTL_M_energy_counter_j), facts[i].counter_j, 0.05);
        assert_near(mean_w * s->n * 0.05, facts[i].nominal_j, 0.05);
        assert_string_equal(s->info.entity, "GPU 0");
        assert_string_equal(s->info.dialect, i < 2 ? "dcgmi-b" : "dcgmi-a");
        collect_free(&c);
    }
}

static void the_counter_of_the_h100_repeats_in_half_of_the_rows(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct collected c = {0};
    assert_ok(
        collect_file(&c,
                     source_path(RAW "GH100-baseline-StableDiffusion-1785-0__66d5611__a0fae634.gz"),
                     &err),
        &err);
    const double *e = c.streams[0]->value[WTL_M_energy_counter_j];
    int repeats = 0;
    for (int i = 1; i < c.streams[0]->n; i++)
        repeats += e[i] == e[i - 1];
    assert_near((double)repeats / c.streams[0]->n, 0.49, 0.01);
    collect_free(&c);
}

/* All published traces: nothing dropped but the one line with the hole of NULs. */
static void every_published_trace_is_read_whole(void **state)
{
    (void)state;
    static const char *const names[] = {
        "GA100-baseline-LSTM-1410-1__626943c__4226156a.gz",
        "GA100-baseline-LSTM-1410-2__626943c__2fb6a784.gz",
        "GH100-baseline-LSTM-1785-0__e7283ba__bc06e6e8.gz",
        "GH100-baseline-LSTM-1785-1__66d5611__9a4bd3fc.gz",
        "GH100-baseline-LSTM-1785-1__e7283ba__9cb01be5.gz",
        "GH100-baseline-LSTM-1785-2__66d5611__520a1c40.gz",
        "GH100-baseline-LSTM-1785-2__e7283ba__df33a1d4.gz",
        "GH100-baseline-StableDiffusion-1785-1__66d5611__d66c8396.gz",
        "GH100-baseline-StableDiffusion-1785-2__66d5611__d06fbfd7.gz",
        "GV100-baseline-LSTM-1380-0__5ba606b__f3cce0ef.gz",
        "GV100-baseline-LSTM-1380-1__55a32a2__960886f2.gz",
        "GV100-baseline-LSTM-1380-1__5ba606b__c479f2a1.gz",
        "GV100-baseline-LSTM-1380-1__626943c__92ba329e.gz",
        "GV100-baseline-LSTM-1380-2__55a32a2__997919a7.gz",
        "GV100-baseline-LSTM-1380-2__5ba606b__0f4f94a7.gz",
        "GV100-baseline-LSTM-1380-2__626943c__e7bc9f4b.gz",
    };
    if (!shared_path("data/frequency/raw"))
        skip();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char relative[300];
        snprintf(relative, sizeof relative, "data/frequency/raw/%s", names[i]);
        struct wtl_error err = {0};
        struct collected c = {0};
        assert_ok(collect_file(&c, shared_path(relative), &err), &err);
        assert_int_equal(c.report.rows_dropped, 0);
        assert_int_equal(c.n_streams, 1);
        assert_true(c.report.rows > 200);
        if (names[i][1] == 'V') /* labelled 1380 MHz, ran at the default application clock */
            assert_near(collected_mean(c.streams[0], WTL_M_app_sm_clock_mhz), 1230, 0);
        collect_free(&c);
    }
}

static void check_25(const struct collected_stream *s, const char *device, const char *dialect)
{
    assert_string_equal(s->info.device, device);
    assert_string_equal(s->info.dialect, dialect);
    assert_int_equal(s->n, 1);
    static const struct {
        enum wtl_metric metric;
        double value;
    } want[] = {
        {WTL_M_power_w, 34.535},
        {WTL_M_power_limit_w, 250},
        {WTL_M_energy_counter_j, 26944097.032},
        {WTL_M_temp_c, 28},
        {WTL_M_mem_temp_c, 30},
        {WTL_M_gpu_util, 0.52},
        {WTL_M_mem_util, 0.07},
        {WTL_M_fb_total_b, 40536.0 * 1048576},
        {WTL_M_fb_free_b, 40000.0 * 1048576},
        {WTL_M_fb_used_b, 536.0 * 1048576},
        {WTL_M_sm_clock_mhz, 1410},
        {WTL_M_mem_clock_mhz, 1215},
        {WTL_M_app_sm_clock_mhz, 1410},
        {WTL_M_app_mem_clock_mhz, 1215},
        {WTL_M_pstate, 0},
        {WTL_M_gr_active, 0.532},
        {WTL_M_sm_active, 0.501},
        {WTL_M_sm_occupancy, 0.125},
        {WTL_M_tensor_active, 0.25},
        {WTL_M_dram_active, 0.125},
        {WTL_M_fp64_active, 0},
        {WTL_M_fp32_active, 0.031},
        {WTL_M_fp16_active, 0.016},
    };
    int present = 0;
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        assert_true(s->valid[want[i].metric][0]);
        assert_near(s->value[want[i].metric][0], want[i].value, 0);
        present++;
    }
    assert_int_equal(__builtin_popcountll(s->info.present), present);
}

static void twenty_five_columns_with_names_of_any_length(void **state)
{
    (void)state;
    static const char *const names[] = {"Tesla V100-PCIE-32GB", "NVIDIA H100 NVL", "H200",
                                        "NVIDIA GeForce RTX 3090"};
    for (int style = 0; style < 2; style++)
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            char text[2000];
            snprintf(text, sizeof text, "%s%sGPU 0  0  %s  " VALUES_25 "%s\n",
                     style ? HEADER_25B : HEADER_25A, style ? "" : "     ", names[i],
                     style ? "  " : "");
            struct wtl_error err = {0};
            struct collected c = {0};
            assert_ok(collect_text(&c, text, &err), &err);
            assert_int_equal(c.n_streams, 1);
            assert_int_equal(c.report.rows_dropped, 0);
            check_25(c.streams[0], names[i], style ? "dcgmi-b" : "dcgmi-a");
            assert_string_equal(c.report.unknown_columns, "");
            assert_string_equal(c.report.dialect,
                                style ? "25 fields, style B" : "25 fields, style A");
            collect_free(&c);
        }
}

static void missing_cells_stay_missing(void **state)
{
    (void)state;
    static const char text[] = "#Entity   POWER   TOTEC   GPUTL   SMCLK\n"
                               "GPU 0     N/A     N/A     N/A     N/A  \n"
                               "GPU 0     62.5    1000    7       nan  \n"
                               "GPU 0     62.500  269440... 7     1785 \n";
    struct wtl_error err = {0};
    struct collected c = {0};
    assert_ok(collect_text(&c, text, &err), &err);
    const struct collected_stream *s = c.streams[0];
    assert_int_equal(s->n, 3);
    assert_false(s->valid[WTL_M_power_w][0]);
    assert_true(s->valid[WTL_M_power_w][1]);
    assert_near(s->value[WTL_M_power_w][1], 62.5, 0);
    assert_false(s->valid[WTL_M_sm_clock_mhz][1]);
    assert_false(s->valid[WTL_M_energy_counter_j][2]); /* cut by dmon: its digits are not a value */
    assert_int_equal(c.report.cells_missing, 6);
    assert_int_equal(c.report.cells_sentinel, 0);
    assert_int_equal(c.report.rows_dropped, 0);
    collect_free(&c);
}

/* interfaces: int32 0x7ffffff0.., int64 0x7ffffffffffffff0.., fp64 2^47... */
static void blanks_of_dcgm_are_no_values(void **state)
{
    (void)state;
    static const char text[] = "#Entity   POWER   TOTEC   TMPTR   SMACT\n"
                               "GPU 0     140737488355328.000  9223372036854775792  2147483632  "
                               "140737488355329.000\n"
                               "GPU 0     140737488355331.0  9223372036854775795  2147483635  0.5\n"
                               "GPU 0     62.495  2147483633  36  0.500\n"
                               "GPU 0     62.495  140737488355328  36  0.500\n";
    struct wtl_error err = {0};
    struct collected c = {0};
    assert_ok(collect_text(&c, text, &err), &err);
    const struct collected_stream *s = c.streams[0];
    assert_int_equal(s->n, 4);
    for (int row = 0; row < 2; row++) {
        assert_false(s->valid[WTL_M_power_w][row]);
        assert_false(s->valid[WTL_M_energy_counter_j][row]);
        assert_false(s->valid[WTL_M_temp_c][row]);
    }
    assert_false(s->valid[WTL_M_sm_active][0]);
    assert_int_equal(c.report.cells_sentinel, 7);
    /* A counter passes through those numbers on its way. */
    assert_near(s->value[WTL_M_energy_counter_j][2], 2147483.633, 1e-9);
    assert_near(s->value[WTL_M_energy_counter_j][3], 140737488355.328, 1e-4);
    collect_free(&c);
}

static void rows_cut_by_a_kill_are_dropped(void **state)
{
    (void)state;
    static const char head[] = "#Entity   POWER        SACLK        \n"
                               "ID        W                         \n"
                               "GPU 0     62.495       1785         \n";
    static const struct {
        const char *tail;
        int rows;
    } cuts[] = {
        {"", 1},
        {"G", 1},
        {"GPU 0", 1},
        {"GPU 0     62.", 1},
        {"GPU 0     62.495", 1},
        {"GPU 0     62.495       1", 1},
        {"GPU 0     62.495       1785", 1}, /* may have been 17850 */
        {"GPU 0     62.495       1785 ", 2},
        {"GPU 0     62.495       1785         ", 2},
    };
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        char text[400];
        snprintf(text, sizeof text, "%s%s", head, cuts[i].tail);
        struct wtl_error err = {0};
        struct collected c = {0};
        assert_ok(collect_text(&c, text, &err), &err);
        assert_int_equal(c.report.rows, cuts[i].rows);
        assert_int_equal(c.report.rows_dropped, cuts[i].tail[0] && cuts[i].rows == 1);
        if (cuts[i].tail[0] && cuts[i].tail[1] && cuts[i].rows == 1)
            assert_int_equal(c.report.dropped[WTL_DROP_truncated_row], 1);
        collect_free(&c);
    }
    /* Style A has no trailing blanks: the length of the row before decides. */
    struct wtl_error err = {0};
    struct collected c = {0};
    assert_ok(collect_text(&c,
                           "# Entity  POWER  SACLK\n     GPU 0  62.495   1785\n"
                           "     GPU 0  62.495   1785",
                           &err),
              &err);
    assert_int_equal(c.report.rows, 2);
    collect_free(&c);
}

static void rows_that_do_not_fit_are_dropped_by_cause(void **state)
{
    (void)state;
    static const char text[] = "#Entity   POWER   SACLK\n"
                               "GPU 0     62.495  1785\n"
                               "GPU 0     62.495\n"
                               "GPU 0     62.495  1785  12\n"
                               "GPU 0     62x495  1785\n"
                               "GPU 0     62.495  17GPU 0  1\n"
                               "Error: no data\n"
                               "\n"
                               "dmon was stopped do to receiving a signal\n";
    struct wtl_error err = {0};
    struct collected c = {0};
    assert_ok(collect_text(&c, text, &err), &err);
    assert_int_equal(c.report.rows, 1);
    assert_int_equal(c.report.dropped[WTL_DROP_truncated_row], 1);
    assert_int_equal(c.report.dropped[WTL_DROP_too_many_cells], 2);
    assert_int_equal(c.report.dropped[WTL_DROP_bad_number], 1);
    assert_int_equal(c.report.dropped[WTL_DROP_unknown_row], 1);
    assert_int_equal(c.report.rows_dropped, 5);
    assert_int_equal(c.report.first_dropped_line, 3);
    collect_free(&c);
}

/* A dropped row leaves no trace in the one after it. */
static void a_bad_cell_does_not_spoil_the_next_row(void **state)
{
    (void)state;
    static const char text[] = "#Entity   POWER   SACLK  TMPTR\n"
                               "GPU 0     N/A     N/A    bad\n"
                               "GPU 0     62.495  1785   36\n";
    struct wtl_error err = {0};
    struct collected c = {0};
    assert_ok(collect_text(&c, text, &err), &err);
    assert_int_equal(c.streams[0]->n, 1);
    assert_true(c.streams[0]->valid[WTL_M_power_w][0]);
    assert_true(c.streams[0]->valid[WTL_M_app_sm_clock_mhz][0]);
    assert_int_equal(c.report.cells_missing, 0);
    collect_free(&c);
}

static void rows_before_the_first_header_wait_for_it(void **state)
{
    (void)state;
    static const char text[] = "GPU 0     1.000  100\n"
                               "GPU 0     2.000\n"
                               "GPU 0     3.000  300\n"
                               "#Entity   POWER  SACLK\n"
                               "ID        W\n"
                               "GPU 0     4.000  400\n";
    struct wtl_error err = {0};
    struct collected c = {0};
    assert_ok(collect_text(&c, text, &err), &err);
    assert_int_equal(c.streams[0]->n, 3);
    assert_near(c.streams[0]->value[WTL_M_power_w][0], 1, 0);
    assert_near(c.streams[0]->value[WTL_M_power_w][1], 3, 0);
    assert_near(c.streams[0]->value[WTL_M_power_w][2], 4, 0);
    assert_int_equal(c.report.dropped[WTL_DROP_no_header], 1);
    assert_int_equal(c.report.first_dropped_line, 2);
    collect_free(&c);
    /* no header at all: nothing explains them */
    assert_ok(collect_text(&c, "GPU 0     1.000  100\nGPU 0     2.000  100\n", &err), &err);
    assert_int_equal(c.report.rows, 0);
    assert_int_equal(c.report.dropped[WTL_DROP_no_header], 2);
    collect_free(&c);
}

static void headers_repeat_with_and_without_blank_lines(void **state)
{
    (void)state;
    static const char a[] = "# Entity   POWER\n      Id       W\n     GPU 0   1.000\n\n"
                            "# Entity   POWER\n      Id       W\n     GPU 0   2.000\n";
    static const char b[] = "#Entity   POWER  \r\nID        W      \r\nGPU 0     1.000  \r\n"
                            "#Entity   POWER  \r\nID        W      \r\nGPU 0     2.000  \r\n";
    for (int i = 0; i < 2; i++) {
        struct wtl_error err = {0};
        struct collected c = {0};
        assert_ok(collect_text(&c, i ? b : a, &err), &err);
        assert_int_equal(c.n_streams, 1);
        assert_int_equal(c.report.rows, 2);
        assert_int_equal(c.report.rows_dropped, 0);
        collect_free(&c);
    }
}

static void a_changed_header_begins_a_new_stream(void **state)
{
    (void)state;
    static const char text[] = "#Entity   POWER  SACLK\n"
                               "GPU 0     1.000  100\n"
                               "#Entity   SACLK  POWER\n" /* the same metrics in another order */
                               "GPU 0     200    2.000\n"
                               "#Entity   POWER  TMPTR  FOOBA\n"
                               "GPU 0     3.000  30  x\n"
                               "#Entity   POWER  SACLK\n"
                               "GPU 0     4.000  400\n";
    struct wtl_error err = {0};
    struct collected c = {0};
    assert_ok(collect_text(&c, text, &err), &err);
    assert_int_equal(c.n_streams, 2);
    assert_int_equal(c.streams[0]->n, 3);
    assert_near(c.streams[0]->value[WTL_M_app_sm_clock_mhz][1], 200, 0);
    assert_near(c.streams[0]->value[WTL_M_power_w][2], 4, 0);
    assert_int_equal(c.streams[1]->n, 1);
    assert_near(c.streams[1]->value[WTL_M_temp_c][0], 30, 0);
    assert_string_equal(c.report.unknown_columns, "FOOBA");
    collect_free(&c);
}

static void names_in_headers_may_be_cut_doubled_or_in_lower_case(void **state)
{
    (void)state;
    static const char text[] = "#Entity   POWINS...   power   POWER   SMCLK\n"
                               "GPU 0     99.5        1.0     2.0     1410 \n";
    struct wtl_error err = {0};
    struct collected c = {0};
    assert_ok(collect_text(&c, text, &err), &err);
    assert_near(c.streams[0]->value[WTL_M_power_instant_w][0], 99.5, 0);
    assert_near(c.streams[0]->value[WTL_M_power_w][0], 1, 0);
    assert_near(c.streams[0]->value[WTL_M_sm_clock_mhz][0], 1410, 0);
    collect_free(&c);
}

static void every_entity_is_a_stream(void **state)
{
    (void)state;
    static const char text[] = "#Entity         POWER   SMACT\n"
                               "GPU 0           1.000   0.100\n"
                               "GPU-I 3         N/A     0.200\n"
                               "GPU-CI 5        N/A     0.300\n"
                               "GPU 1           2.000   0.400\n"
                               "GPU 0 LINK 3    3.000   0.500\n"
                               "GPU 0 LINK4     4.000   0.600\n"
                               "GPU 0           5.000   0.700\n";
    static const char *const entities[] = {"GPU 0", "GPU-I 3",      "GPU-CI 5",
                                           "GPU 1", "GPU 0 LINK 3", "GPU 0 LINK4"};
    struct wtl_error err = {0};
    struct collected c = {0};
    assert_ok(collect_text(&c, text, &err), &err);
    assert_int_equal(c.n_streams, 6);
    for (int i = 0; i < 6; i++) {
        assert_string_equal(c.streams[i]->info.entity, entities[i]);
        assert_near(c.streams[i]->value[WTL_M_sm_active][0], 0.1 * (i + 1), 1e-12);
    }
    assert_int_equal(c.streams[0]->n, 2);
    assert_near(c.streams[0]->value[WTL_M_power_w][1], 5, 0);
    collect_free(&c);
}

/* Two machines, one file: both call their board GPU 0. */
static void two_boards_of_one_number_are_two_streams(void **state)
{
    (void)state;
    static const char text[] = "#Entity   NVIDX  DVNAM  POWER  SACLK\n"
                               "GPU 0     0  NVIDIA A100-PCIE-40GB  36.0  1410\n"
                               "GPU 0     0  Tesla V100-PCIE-32GB   25.0  1380\n"
                               "GPU 0     0  NVIDIA A100-PCIE-40GB  37.0  1410\n";
    struct wtl_error err = {0};
    struct collected c = {0};
    assert_ok(collect_text(&c, text, &err), &err);
    assert_int_equal(c.n_streams, 2);
    assert_int_equal(c.streams[0]->n, 2);
    assert_string_equal(c.streams[1]->info.device, "Tesla V100-PCIE-32GB");
    collect_free(&c);
}

/* With one cell lost, "3090" would become the power. */
static void a_name_that_lost_its_end_is_no_new_board(void **state)
{
    (void)state;
    static const char text[] = "#Entity   NVIDX  DVNAM  POWER  PMLMT\n"
                               "GPU 0     0  GeForce RTX 3090   350.0  375.0\n"
                               "GPU 0     0  GeForce RTX 3090   351.0\n"
                               "GPU 0     0  GeForce RTX 3090   351.0  375.0  7.0\n"
                               "GPU 0     0  GeForce RTX 3090   352.0  375.0\n";
    struct wtl_error err = {0};
    struct collected c = {0};
    assert_ok(collect_text(&c, text, &err), &err);
    assert_int_equal(c.n_streams, 1);
    assert_int_equal(c.streams[0]->n, 2);
    assert_near(collected_mean(c.streams[0], WTL_M_power_w), 351, 0);
    assert_int_equal(c.report.dropped[WTL_DROP_truncated_row], 1);
    assert_int_equal(c.report.dropped[WTL_DROP_too_many_cells], 1);
    collect_free(&c);
}

/* The first row lost a cell, and the board's name is a number: it must not become the power. */
static void a_name_is_never_a_value(void **state)
{
    (void)state;
    static const char text[] = "#Entity   NVIDX  DVNAM  POWER  PMLMT\n"
                               "GPU 0     0  3090   350.0\n"
                               "GPU 0     0  3090   351.0  375.0\n";
    struct wtl_error err = {0};
    struct collected c = {0};
    assert_ok(collect_text(&c, text, &err), &err);
    assert_int_equal(c.n_streams, 1);
    assert_int_equal(c.streams[0]->n, 1);
    assert_near(c.streams[0]->value[WTL_M_power_w][0], 351, 0);
    assert_int_equal(c.report.dropped[WTL_DROP_truncated_row], 1);
    collect_free(&c);
}

/* A text with everything that can happen, and more rows than a batch. */
static char *varied_text(uint64_t seed)
{
    static const char *const odd[] = {
        "GPU 0     N/A  N/A  N/A\n",
        "GPU 0     1.0\n",
        "garbage\n",
        "\n",
        "GPU 1     bad 1 2\n",
        "#Entity   POWER  TOTEC  SACLK\nID        W      mJ\n",
        "#Entity   POWER  SACLK\n",
        "GPU 0     140737488355328.000  12  9223372036854775792\n",
        "2025/01/01 00:00:00, 0\n",
    };
    struct wtl_rng rng;
    wtl_rng_init(&rng, seed);
    char *text = malloc(200000);
    assert_non_null(text);
    size_t n = 0;
    for (int i = 0; i < 1500; i++) {
        if (wtl_rng_below(&rng, 10) == 0)
            n += (size_t)sprintf(text + n, "%s", odd[wtl_rng_below(&rng, 9)]);
        else
            n += (size_t)sprintf(text + n, "GPU %u     %.3f  %u  %u\n", wtl_rng_below(&rng, 3),
                                 wtl_rng_uniform(&rng) * 300, (unsigned)wtl_rng_next(&rng),
                                 wtl_rng_below(&rng, 2000));
    }
    text[n - 3 * (seed & 1)] = '\0';
    return text;
}

static void blocks_of_any_size_give_the_same(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 6; seed++) {
        char *text = varied_text(seed);
        struct wtl_error err = {0};
        struct collected whole = {0};
        assert_ok(collect_blocks(&whole, &wtl_reader_dcgmi, text, SIZE_MAX, &err), &err);
        assert_true(whole.report.rows > 200 && whole.report.rows_dropped > 50);
        const size_t sizes[] = {1, 50, 333, 4096, 100000};
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            struct collected c = {0};
            assert_ok(collect_blocks(&c, &wtl_reader_dcgmi, text, sizes[i], &err), &err);
            assert_same_collection(&whole, &c);
            collect_free(&c);
        }
        collect_free(&whole);
        free(text);
    }
}

/* The quick way to a number agrees with the careful one, to the last bit, and takes nothing that
 * the careful one refuses. */
static void quick_numbers_equal_careful_ones(void **state)
{
    (void)state;
    static const char alphabet[] = "0123456789012345678901234567890123456789....-+eNx/: ";
    struct wtl_rng rng;
    wtl_rng_init(&rng, 1);
    int quick_ones = 0;
    for (int i = 0; i < 400000; i++) {
        char text[96] = {0};
        size_t n = 1 + wtl_rng_below(&rng, 20);
        uint32_t kinds = i % 3 == 0 ? 52 : 40; /* every third with anything in it */
        for (size_t k = 0; k < n; k++)
            text[k] = alphabet[wtl_rng_below(&rng, kinds)];
        if (i % 3 == 1 && n > 4)
            text[n - 4] = '.';
        double quick = -1;
        double careful = -2;
        if (!wtl_parse_common(text, n, &quick))
            continue;
        quick_ones++;
        assert_true(wtl_parse_double(text, n, &careful));
        assert_memory_equal(&quick, &careful, sizeof quick);
    }
    assert_true(quick_ones > 100000);
    double v = -1;
    char text[96] = "";
    assert_false(wtl_parse_common(text, 0, &v));
    memcpy(text, "0.000", 6);
    assert_true(wtl_parse_common(text, 5, &v));
    assert_near(v, 0, 0);
    memcpy(text, "9999.999", 9);
    assert_true(wtl_parse_common(text, 8, &v));
    assert_near(v, 9999.999, 0);
}

static void words_are_found_at_every_offset(void **state)
{
    (void)state;
    struct wtl_rng rng;
    wtl_rng_init(&rng, 2);
    for (int i = 0; i < 20000; i++) {
        char line[400] = {0};
        size_t n = wtl_rng_below(&rng, 300);
        for (size_t k = 0; k < n; k++) {
            uint32_t r = wtl_rng_below(&rng, 4);
            line[k] = r == 0 ? ' ' : r == 1 ? '\t' : (char)(0x21 + wtl_rng_below(&rng, 222));
        }
        line[n] = 'x'; /* beyond the end */
        uint16_t edge[2 * 160 + 66];
        int words = wtl_split_words(line, n, edge, 160);
        int want = 0;
        for (size_t k = 0; k < n; k++) {
            bool ink = (unsigned char)line[k] > ' ';
            bool before = k > 0 && (unsigned char)line[k - 1] > ' ';
            bool after = k + 1 < n && (unsigned char)line[k + 1] > ' ';
            if (ink && !before)
                assert_int_equal(edge[2 * want], k);
            if (ink && !after)
                assert_int_equal(edge[2 * want++ + 1], k + 1);
        }
        assert_int_equal(words, want);
    }
    char many[3000];
    memset(many, ' ', sizeof many);
    for (int k = 0; k < 1000; k++)
        many[2 * k] = 'a';
    uint16_t edge[2 * 160 + 66];
    assert_int_equal(wtl_split_words(many, 2000, edge, 160), 161);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_facts),
        cmocka_unit_test(the_counter_of_the_h100_repeats_in_half_of_the_rows),
        cmocka_unit_test(every_published_trace_is_read_whole),
        cmocka_unit_test(twenty_five_columns_with_names_of_any_length),
        cmocka_unit_test(missing_cells_stay_missing),
        cmocka_unit_test(blanks_of_dcgm_are_no_values),
        cmocka_unit_test(rows_cut_by_a_kill_are_dropped),
        cmocka_unit_test(rows_that_do_not_fit_are_dropped_by_cause),
        cmocka_unit_test(a_bad_cell_does_not_spoil_the_next_row),
        cmocka_unit_test(rows_before_the_first_header_wait_for_it),
        cmocka_unit_test(headers_repeat_with_and_without_blank_lines),
        cmocka_unit_test(a_changed_header_begins_a_new_stream),
        cmocka_unit_test(names_in_headers_may_be_cut_doubled_or_in_lower_case),
        cmocka_unit_test(every_entity_is_a_stream),
        cmocka_unit_test(two_boards_of_one_number_are_two_streams),
        cmocka_unit_test(a_name_that_lost_its_end_is_no_new_board),
        cmocka_unit_test(a_name_is_never_a_value),
        cmocka_unit_test(blocks_of_any_size_give_the_same),
        cmocka_unit_test(quick_numbers_equal_careful_ones),
        cmocka_unit_test(words_are_found_at_every_offset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
