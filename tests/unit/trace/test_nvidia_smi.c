/* SPDX-License-Identifier: Apache-2.0
 * nvidia-smi CSV: the published traces, and constructed rows of every kind. */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "support/collect_trace.h"

#define RAW "data/frequency/raw/"
#define NAMES_17                                                                                   \
    "timestamp,index,name,power.draw,power.limit,temperature.gpu,utilization.gpu,"                 \
    "utilization.memory,memory.total,memory.free,memory.used,clocks.sm,clocks.mem,clocks.gr,"      \
    "clocks.applications.graphics,clocks.applications.memory,pstate\n"
#define ROW_17(second)                                                                             \
    "2025/07/09 01:17:" second ", 0, NVIDIA A100-PCIE-40GB, 36.02, 250.00, 25, 7, 3, 40536, "      \
    "40000, 536, 1410, 1215, 1395, 1400, 1210, P2\n"

static void a_published_trace(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct collected c = {0};
    assert_ok(
        collect_file(&c, source_path(RAW "GA100-baseline-LSTM-1410-1__626943c__4226156a.gz"), &err),
        &err);
    assert_int_equal(c.n_streams, 1);
    const struct collected_stream *s = c.streams[0];
    assert_int_equal(s->n, 534);
    assert_int_equal(c.report.rows_dropped, 0);
    assert_int_equal(c.report.cells_missing, 0);
    assert_true(s->info.has_time);
    /* labelled 1410 MHz; the GPU sat at 765 MHz, did next to nothing, and was sampled every 1005 ms
     */
    assert_near(s->value[WTL_M_sm_clock_mhz][300], 765, 0);
    assert_true(collected_mean(s, WTL_M_gpu_util) < 0.03);
    double period_s = (double)(s->t_ns[s->n - 1] - s->t_ns[0]) / 1e9 / (s->n - 1);
    assert_near(period_s, 1.005, 0.002);
    assert_near(s->value[WTL_M_power_w][0], 33.13, 0);
    collect_free(&c);
}

static void check_17(const struct collected_stream *s, int row)
{
    static const struct {
        enum wtl_metric metric;
        double value;
    } want[] = {
        {WTL_M_power_w, 36.02},
        {WTL_M_power_limit_w, 250},
        {WTL_M_temp_c, 25},
        {WTL_M_gpu_util, 0.07},
        {WTL_M_mem_util, 0.03},
        {WTL_M_fb_total_b, 40536.0 * 1048576},
        {WTL_M_fb_free_b, 40000.0 * 1048576},
        {WTL_M_fb_used_b, 536.0 * 1048576},
        {WTL_M_sm_clock_mhz, 1410},
        {WTL_M_mem_clock_mhz, 1215},
        {WTL_M_gr_clock_mhz, 1395},
        {WTL_M_app_sm_clock_mhz, 1400},
        {WTL_M_app_mem_clock_mhz, 1210},
        {WTL_M_pstate, 2},
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        assert_true(s->valid[want[i].metric][row]);
        assert_near(s->value[want[i].metric][row], want[i].value, 0);
    }
    assert_int_equal(__builtin_popcountll(s->info.present), sizeof want / sizeof *want);
}

static void seventeen_columns_with_and_without_header(void **state)
{
    (void)state;
    static const char *const texts[] = {
        NAMES_17 ROW_17("36.754") ROW_17("36.804"),
        ROW_17("36.754") ROW_17("36.804"),
        /* the header comes late: a file to which two samplers appended */
        ROW_17("36.754") NAMES_17 ROW_17("36.804"),
    };
    for (size_t i = 0; i < 3; i++) {
        struct wtl_error err = {0};
        struct collected c = {0};
        assert_ok(collect_text(&c, texts[i], &err), &err);
        assert_int_equal(c.n_streams, 1);
        assert_int_equal(c.report.rows_dropped, 0);
        assert_int_equal(c.streams[0]->n, 2);
        assert_string_equal(c.streams[0]->info.entity, "0");
        assert_string_equal(c.streams[0]->info.device, "NVIDIA A100-PCIE-40GB");
        assert_string_equal(c.streams[0]->info.dialect, "nvidia-smi");
        check_17(c.streams[0], 0);
        check_17(c.streams[0], 1);
        /* 2025-07-09 01:17:36.754 UTC, and 50 ms later */
        assert_true(c.streams[0]->t_ns[0] == INT64_C(1752023856754000000));
        assert_true(c.streams[0]->t_ns[1] == INT64_C(1752023856804000000));
        collect_free(&c);
    }
}

static void units_are_understood_wherever_they_stand(void **state)
{
    (void)state;
    static const char text[] =
        "timestamp, uuid, power.draw [W], clocks.current.sm [MHz], utilization.gpu [%], "
        "memory.used [MiB], temperature.gpu, power.draw.instant [W], enforced.power.limit [W], "
        "driver_version, temperature.memory\r\n"
        "2025/07/09 01:17:36.754, GPU-ab, 36.02 W, 1410 MHz, 7 %, 536 MiB, 33, 36021.5 mW, "
        "250.00 W, 550.54.15, 41\r\n";
    struct wtl_error err = {0};
    struct collected c = {0};
    assert_ok(collect_text(&c, text, &err), &err);
    const struct collected_stream *s = c.streams[0];
    assert_int_equal(s->n, 1);
    assert_string_equal(s->info.entity, "GPU-ab");
    assert_string_equal(s->info.device, "GPU-ab");
    assert_near(s->value[WTL_M_power_w][0], 36.02, 0);
    assert_near(s->value[WTL_M_sm_clock_mhz][0], 1410, 0);
    assert_near(s->value[WTL_M_gpu_util][0], 0.07, 0);
    assert_near(s->value[WTL_M_fb_used_b][0], 536.0 * 1048576, 0);
    assert_near(s->value[WTL_M_power_instant_w][0], 36.0215, 1e-12);
    assert_near(s->value[WTL_M_power_limit_enforced_w][0], 250, 0);
    assert_near(s->value[WTL_M_mem_temp_c][0], 41, 0);
    assert_string_equal(c.report.unknown_columns, "driver_version");
    collect_free(&c);
}

static void every_way_to_say_missing(void **state)
{
    (void)state;
    static const char *const ways[] = {
        "[N/A]",
        "N/A",
        "[Not Supported]",
        "Not Supported",
        "[Insufficient Permissions]",
        "[Unknown Error]",
        "Unknown Error",
        "[GPU requires reset]",
        "[GPU is lost]",
        "[Requested functionality has been deprecated]",
        "ERR!",
        "",
    };
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        char text[400];
        snprintf(text, sizeof text,
                 "timestamp, index, power.draw [W], pstate\n"
                 "2025/07/09 01:17:36.754, 0, %s, P0\n",
                 ways[i]);
        struct wtl_error err = {0};
        struct collected c = {0};
        assert_ok(collect_text(&c, text, &err), &err);
        assert_int_equal(c.report.rows, 1);
        assert_int_equal(c.report.cells_missing, 1);
        assert_false(c.streams[0]->valid[WTL_M_power_w][0]);
        assert_true(c.streams[0]->valid[WTL_M_pstate][0]);
        collect_free(&c);
    }
}

static void throttle_reasons_as_mask_and_by_name(void **state)
{
    (void)state;
    static const char mask[] = "index, pstate, clocks_throttle_reasons.active\n"
                               "0, P0, 0x0000000000000044\n"
                               "0, P0, 0x0000000000000000\n"
                               "0, P0, [N/A]\n";
    static const char named[] = "index, clocks_event_reasons.sw_power_cap, "
                                "clocks_event_reasons.hw_thermal_slowdown\n"
                                "0, Active, Active\n"
                                "0, Not Active, Not Active\n"
                                "0, [N/A], [N/A]\n";
    static const char both[] = "index, clocks_event_reasons.sw_power_cap, "
                               "clocks_event_reasons.active, "
                               "clocks_event_reasons.hw_thermal_slowdown\n"
                               "0, Not Active, 0x0000000000000044, Active\n"
                               "0, Active, 0x0000000000000000, Active\n"
                               "0, Active, [N/A], Active\n";
    static const char *const texts[] = {mask, named, both};
    for (size_t i = 0; i < 3; i++) {
        struct wtl_error err = {0};
        struct collected c = {0};
        assert_ok(collect_text(&c, texts[i], &err), &err);
        const struct collected_stream *s = c.streams[0];
        assert_int_equal(s->n, 3);
        assert_false(s->info.has_time);
        assert_near(s->value[WTL_M_event_reasons][0], 0x44, 0);
        assert_true(s->valid[WTL_M_event_reasons][1]);
        assert_near(s->value[WTL_M_event_reasons][1], 0, 0);
        assert_false(s->valid[WTL_M_event_reasons][2]);
        collect_free(&c);
    }
}

static void several_gpus_are_several_streams(void **state)
{
    (void)state;
    static const char *const keys[] = {"index", "uuid", "pci.bus_id", "name"};
    static const char *const ids[][3] = {{"0", "1", "2"},
                                         {"GPU-a", "GPU-b", "GPU-c"},
                                         {"00000000:18:00.0", "00000000:3E:00.0", "0000:51:00.0"},
                                         {"A100", "V100", "H100"}};
    for (int k = 0; k < 4; k++) {
        char text[4000];
        size_t n = (size_t)snprintf(text, sizeof text, "timestamp, %s, power.draw [W]\n", keys[k]);
        for (int i = 0; i < 12; i++)
            n +=
                (size_t)snprintf(text + n, sizeof text - n, "2025/07/09 01:17:%02d.000, %s, %d W\n",
                                 i / 3, ids[k][i % 3], 100 * (i % 3) + i);
        struct wtl_error err = {0};
        struct collected c = {0};
        assert_ok(collect_text(&c, text, &err), &err);
        assert_int_equal(c.n_streams, 3);
        for (int i = 0; i < 3; i++) {
            assert_int_equal(c.streams[i]->n, 4);
            assert_near(c.streams[i]->value[WTL_M_power_w][3], 100 * i + 9 + i, 0);
            assert_string_equal(k == 3 ? c.streams[i]->info.device : c.streams[i]->info.entity,
                                ids[k][i]);
        }
        collect_free(&c);
    }
}

static void bad_times_are_dropped(void **state)
{
    (void)state;
    static const char text[] = "timestamp, index, power.draw [W]\n"
                               "2025/07/09 01:17:36.754, 0, 1 W\n"
                               "2025/07/09 01:17:36.754, 0, 2 W\n"       /* the same: allowed */
                               "2025/07/09 01:17:36.753, 0, 3 W\n"       /* backwards */
                               "2025/07/09 01:17:30.000, 1, 4 W\n"       /* another GPU: its own */
                               "2025/13/09 01:17:37.754, 0, 5 W\n"       /* no such month */
                               "2025/07/09 01:17:37.75x, 0, 6 W\n"       /* no number */
                               "[N/A], 0, 7 W\n"                         /* none */
                               "2024/02/29 23:59:60.999999999, 1, 8 W\n" /* before its stream */
                               "2025/07/09 01:17:38, 0, 9 W\n";
    struct wtl_error err = {0};
    struct collected c = {0};
    assert_ok(collect_text(&c, text, &err), &err);
    assert_int_equal(c.report.dropped[WTL_DROP_bad_time], 5);
    assert_int_equal(c.report.rows_dropped, 5);
    assert_int_equal(c.streams[0]->n, 3);
    assert_int_equal(c.streams[1]->n, 1);
    assert_near(c.streams[0]->value[WTL_M_power_w][2], 9, 0);
    collect_free(&c);
}

/* A row that was dropped for a cell does not move the stream's clock. */
static void a_bad_cell_drops_the_row_and_nothing_else(void **state)
{
    (void)state;
    static const char text[] = "timestamp, index, power.draw [W], clocks.sm [MHz], pstate\n"
                               "2025/07/09 01:17:36.000, 0, 1 W, 210 MHz, P0\n"
                               "2025/07/09 01:17:59.000, 0, [N/A], 21O MHz, P0\n"
                               "2025/07/09 01:17:59.000, 0, 3 W, 210 furlongs, P0\n"
                               "2025/07/09 01:17:37.000, 0, 2 W, 210 MHz, P0\n";
    struct wtl_error err = {0};
    struct collected c = {0};
    assert_ok(collect_text(&c, text, &err), &err);
    assert_int_equal(c.report.dropped[WTL_DROP_bad_number], 2);
    assert_int_equal(c.report.first_dropped_line, 3);
    assert_int_equal(c.streams[0]->n, 2);
    assert_true(c.streams[0]->valid[WTL_M_power_w][1]);
    assert_int_equal(c.report.cells_missing, 0);
    collect_free(&c);
}

static void rows_that_do_not_fit_are_dropped_by_cause(void **state)
{
    (void)state;
    static const char text[] =
        NAMES_17 ROW_17("36.754") "2025/07/09 01:17:37.754, 0, NVIDIA A100-PCIE-40GB, 36.\n"
                                  "Failed to initialize NVML: Unknown Error\n"
                                  "# comment\n"
                                  "2025/07/09 01:17:38.754, 0, \"NVIDIA\n" ROW_17("39.754");
    struct wtl_error err = {0};
    struct collected c = {0};
    assert_ok(collect_text(&c, text, &err), &err);
    assert_int_equal(c.report.rows, 2);
    assert_int_equal(c.report.dropped[WTL_DROP_truncated_row], 1);
    assert_int_equal(c.report.dropped[WTL_DROP_unknown_row], 3);
    collect_free(&c);
    /* cut by a kill: "P" or "P2" may have been "P12" */
    for (size_t cut = 1; cut < 60; cut += 7) {
        char cut_text[2000];
        snprintf(cut_text, sizeof cut_text, "%s", NAMES_17 ROW_17("36.754") ROW_17("37.754"));
        cut_text[strlen(cut_text) - cut] = '\0';
        assert_ok(collect_text(&c, cut_text, &err), &err);
        assert_int_equal(c.report.rows, 1);
        assert_int_equal(c.report.dropped[WTL_DROP_truncated_row], 1);
        collect_free(&c);
    }
}

static void rows_without_a_header_that_explains_them(void **state)
{
    (void)state;
    static const char four[] = "2025/07/09 01:17:36.754, 0, 36.02, P0\n"
                               "2025/07/09 01:17:37.754, 0, 36.02, P0\n";
    struct wtl_error err = {0};
    struct collected c = {0};
    assert_int_equal(collect_text(&c, four, &err), -(int)WTL_PARSE);
    collect_free(&c);
    char with_header[600];
    snprintf(with_header, sizeof with_header, "%stimestamp, index, power.draw, pstate\n%s", four,
             four);
    assert_ok(collect_text(&c, with_header, &err), &err);
    assert_int_equal(c.report.rows, 2);
    assert_int_equal(c.report.dropped[WTL_DROP_no_header], 2);
    collect_free(&c);
}

static void a_changed_header_begins_a_new_stream(void **state)
{
    (void)state;
    static const char text[] = "timestamp, index, power.draw [W]\n"
                               "2025/07/09 01:17:36.000, 0, 1 W\n"
                               "timestamp, power.draw [W], index\n" /* only the order */
                               "2025/07/09 01:17:37.000, 2 W, 0\n"
                               "timestamp, index, clocks.sm [MHz]\n"
                               "2025/07/09 01:17:38.000, 0, 1410 MHz\n";
    struct wtl_error err = {0};
    struct collected c = {0};
    assert_ok(collect_text(&c, text, &err), &err);
    assert_int_equal(c.n_streams, 2);
    assert_int_equal(c.streams[0]->n, 2);
    assert_near(c.streams[0]->value[WTL_M_power_w][1], 2, 0);
    assert_int_equal(c.streams[1]->n, 1);
    collect_free(&c);
}

static void other_tables_are_not_taken_for_it(void **state)
{
    (void)state;
    static const char *const others[] = {
        "timestamp,index,value\n2025/07/09 01:17:36.000,0,1\n",
        "gpu,application,frequency,avg_power,execution_time,energy\nV100,LLAMA,510,64.9,93.45,1\n",
        "name,temperature\nx,1\n",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(wtl_reader_nvidia_smi.probe(others[i], strlen(others[i]), NULL), 0);
    static const char single[] = "power.draw [W]\n36.02 W\n37.02 W\n";
    struct wtl_error err = {0};
    struct collected c = {0};
    assert_ok(collect_text(&c, single, &err), &err);
    assert_int_equal(c.report.rows, 2);
    assert_false(c.streams[0]->info.has_time);
    collect_free(&c);
}

static void blocks_of_any_size_give_the_same(void **state)
{
    (void)state;
    static const char *const odd[] = {
        "\n",
        "nonsense\n",
        "2025/07/09 01:17:36.754, 0, NVIDIA\n",
        "GPU 0  1.0 2.0\n",
        "timestamp, index, power.draw [W]\n",
        "2025/07/09 02:00:00.000, 1, 5 W\n",
        NAMES_17,
        "\"broken\n",
        "a,\"b \"\"c\"\"\",d\n",
        "# Entity POWER\n",
    };
    for (uint64_t seed = 0; seed < 6; seed++) {
        struct wtl_rng rng;
        wtl_rng_init(&rng, seed);
        char *text = malloc(400000);
        assert_non_null(text);
        size_t n = (size_t)sprintf(text, "%s", NAMES_17);
        for (int i = 0; i < 1200; i++) {
            if (wtl_rng_below(&rng, 12) == 0)
                n += (size_t)sprintf(text + n, "%s", odd[wtl_rng_below(&rng, 10)]);
            else
                n += (size_t)sprintf(text + n,
                                     "2025/07/09 01:%02d:%02d.754, %u, A100, %.2f, 250.00, 25, 7, "
                                     "3, 40536, 40000, 536, 1410, 1215, 1395, 1400, 1210, P%u\n",
                                     i / 60, i % 60, wtl_rng_below(&rng, 2),
                                     wtl_rng_uniform(&rng) * 300, wtl_rng_below(&rng, 12));
        }
        text[n - 3 * (seed & 1)] = '\0';
        struct wtl_error err = {0};
        struct collected whole = {0};
        assert_ok(collect_blocks(&whole, &wtl_reader_nvidia_smi, text, SIZE_MAX, &err), &err);
        assert_true(whole.report.rows > 100 && whole.report.rows_dropped > 50);
        const size_t sizes[] = {1, 100, 333, 4096};
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            struct collected c = {0};
            assert_ok(collect_blocks(&c, &wtl_reader_nvidia_smi, text, sizes[i], &err), &err);
            assert_same_collection(&whole, &c);
            collect_free(&c);
        }
        collect_free(&whole);
        free(text);
    }
}

static void units_of_headers_are_obeyed(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double watts, mhz;
    } cases[] = {
        {"power.draw [mW], clocks.sm [MHz]\n225000, 1410\n", 225, 1410},
        {"power.draw [W], clocks.sm [GHz]\n225, 1.41\n", 225, 1410},
        {"power.draw [mW], clocks.sm [kHz]\n225 W, 1410000\n", 225, 1410},
        {"power.draw [kW], clocks.sm\n0.225, 1410 MHz\n", 225, 1410},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct collected c = {0};
        collect_as(&c, cases[i].text, "nvidia-smi");
        assert_near(c.streams[0]->value[WTL_M_power_w][0], cases[i].watts, 1e-9);
        assert_near(c.streams[0]->value[WTL_M_sm_clock_mhz][0], cases[i].mhz, 1e-9);
        collect_free(&c);
    }
    assert_bad_text("power.draw [J], clocks.sm\n225, 1410\n", NULL, 1, 1, "does not fit it");
}

/* A box of two GPUs whose log has no column that tells them apart. */
static void rows_of_one_timestamp_are_of_several_gpus(void **state)
{
    (void)state;
    static const char two[] = "timestamp, name, power.draw [W]\n"
                              "2025/07/09 01:00:00.000, NVIDIA A100, 300 W\n"
                              "2025/07/09 01:00:00.000, NVIDIA A100, 36 W\n"
                              "2025/07/09 01:00:00.100, NVIDIA A100, 301 W\n"
                              "2025/07/09 01:00:00.100, NVIDIA A100, 37 W\n"
                              "2025/07/09 01:00:00.200, NVIDIA A100, 302 W\n"; /* cut by a kill */
    struct collected c = {0};
    collect_as(&c, two, "nvidia-smi");
    assert_int_equal(c.n_streams, 2);
    assert_string_equal(c.report.dialect, "3 columns + 2 GPUs by order of rows");
    assert_int_equal(c.streams[0]->n, 3);
    assert_int_equal(c.streams[1]->n, 2);
    assert_string_equal(c.streams[1]->info.entity, "row 2");
    for (int i = 0; i < 2; i++) {
        assert_near(c.streams[0]->value[WTL_M_power_w][i], 300 + i, 0);
        assert_near(c.streams[1]->value[WTL_M_power_w][i], 36 + i, 0);
    }
    collect_free(&c);
    assert_bad_text("timestamp, power.draw [W]\n"
                    "2025/07/09 01:00:00.000, 300 W\n2025/07/09 01:00:00.000, 36 W\n"
                    "2025/07/09 01:00:00.100, 301 W\n"
                    "2025/07/09 01:00:00.200, 302 W\n2025/07/09 01:00:00.200, 37 W\n",
                    NULL, 5, 0, "1 rows with one timestamp, 2 with others");
    assert_bad_text("timestamp, power.draw [W]\n"
                    "2025/07/09 01:00:00.000, 300 W\n"
                    "2025/07/09 01:00:00.100, 301 W\n2025/07/09 01:00:00.100, 36 W\n"
                    "2025/07/09 01:00:00.200, 302 W\n2025/07/09 01:00:00.200, 37 W\n"
                    "2025/07/09 01:00:00.300, 303 W\n",
                    NULL, 5, 0, "2 rows with one timestamp, 1 with others");
}

static void a_stamp_that_is_repeated_now_and_then_is_no_gpu(void **state)
{
    (void)state;
    char text[4000] = "timestamp, power.draw [W]\n";
    for (int i = 0; i < 40; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text),
                 "2025/07/09 01:00:00.%03d, 300 W\n", i == 21 ? 20 : i);
    struct collected c = {0};
    collect_as(&c, text, "nvidia-smi");
    assert_int_equal(c.n_streams, 1);
    assert_int_equal(c.streams[0]->n, 40);
    collect_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_one_timestamp_are_of_several_gpus),
        cmocka_unit_test(a_stamp_that_is_repeated_now_and_then_is_no_gpu),
        cmocka_unit_test(units_of_headers_are_obeyed),
        cmocka_unit_test(a_published_trace),
        cmocka_unit_test(seventeen_columns_with_and_without_header),
        cmocka_unit_test(units_are_understood_wherever_they_stand),
        cmocka_unit_test(every_way_to_say_missing),
        cmocka_unit_test(throttle_reasons_as_mask_and_by_name),
        cmocka_unit_test(several_gpus_are_several_streams),
        cmocka_unit_test(bad_times_are_dropped),
        cmocka_unit_test(a_bad_cell_drops_the_row_and_nothing_else),
        cmocka_unit_test(rows_that_do_not_fit_are_dropped_by_cause),
        cmocka_unit_test(rows_without_a_header_that_explains_them),
        cmocka_unit_test(a_changed_header_begins_a_new_stream),
        cmocka_unit_test(other_tables_are_not_taken_for_it),
        cmocka_unit_test(blocks_of_any_size_give_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
