/* SPDX-License-Identifier: Apache-2.0
 * Zeus windows, perf stat, power meters. */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "support/collect_trace.h"

#define METRIC(run, name) wtl_run_get(run, WTL_R_##name, (double)NAN)
#define S INT64_C(1000000000)

/* ---- Zeus --------------------------------------------------------------------------------------
 */

static const char zeus[] =
    "start_time,window_name,elapsed_time,gpu0_energy,gpu2_energy,cpu0_energy\n"
    "1690000000.25,prefill,2.5,500.5,400,30\n"
    "1690000003.5,decode,10,900,,31\n"
    "1690000014,prefill,2.25,490,390,32\n";

static void windows_on_gpus_are_runs(void **state)
{
    (void)state;
    struct collected c = {0};
    collect_as(&c, zeus, "zeus");
    assert_string_equal(c.report.dialect, "Zeus windows, 2 GPUs");
    assert_string_equal(c.report.unknown_columns, "cpu0_energy");
    assert_int_equal(c.n_runs, 5);
    assert_int_equal(c.report.cells_missing, 1);
    assert_string_equal(c.runs[0].device, "gpu0");
    assert_string_equal(c.runs[0].workload, "prefill");
    assert_int_equal(c.runs[0].start_ns, 1690000000 * S + 250000000);
    assert_near(METRIC(&c.runs[0], span_s), 2.5, 0);
    assert_near(METRIC(&c.runs[0], energy_counter_j), 500.5, 0);
    assert_int_equal(c.runs[0].seq, 1);
    assert_int_equal(c.runs[0].rep, 1);
    assert_string_equal(c.runs[1].device, "gpu2");
    assert_near(METRIC(&c.runs[1], energy_counter_j), 400, 0);
    assert_string_equal(c.runs[2].workload, "decode");
    assert_int_equal(c.runs[4].rep, 2); /* the second prefill */
    assert_int_equal(c.runs[4].seq, 3);
    assert_int_equal(c.runs[4].stream, 4);
    collect_free(&c);
}

/* A monitor that was started anew on the same file, with the same and with other GPUs. */
static void zeus_headers_may_come_again(void **state)
{
    (void)state;
    static const char text[] = "start_time,window_name,elapsed_time,gpu0_energy\n"
                               "1,a,2,500\n"
                               "start_time,window_name,elapsed_time,gpu0_energy\n"
                               "4,a,2,510\n"
                               "start_time,window_name,elapsed_time,gpu1_energy,gpu0_energy\n"
                               "7,b,3,90,900\n"
                               "start_time,window_name,elapsed_time,gpu1_en";
    struct collected c = {0};
    collect_as(&c, text, "zeus");
    assert_int_equal(c.n_runs, 4);
    assert_int_equal(c.runs[1].rep, 2);
    assert_string_equal(c.runs[2].device, "gpu1");
    assert_near(METRIC(&c.runs[2], energy_counter_j), 90, 0);
    assert_string_equal(c.runs[3].device, "gpu0");
    assert_near(METRIC(&c.runs[3], energy_counter_j), 900, 0);
    assert_int_equal(c.runs[3].seq, 3);
    assert_int_equal(c.report.rows_dropped, 1);
    assert_int_equal(c.report.dropped[WTL_DROP_truncated_row], 1);
    collect_free(&c);
}

static void bad_zeus_logs_name_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int line, column;
        const char *message;
    } cases[] = {
        {"start_time,window_name,elapsed_time,gpu0_energy\nx,a,1,2\n", 2, 1, "is not a time"},
        {"start_time,window_name,elapsed_time,gpu0_energy\n1,a,-1,2\n", 2, 5, "not a duration"},
        {"start_time,window_name,elapsed_time,gpu0_energy\n1,a,1,2\n1,a,1,2J5\n", 3, 7,
         "is not a number"},
        {"start_time,window_name,elapsed_time,cpu0_energy\n", 1, 1, "energy of a GPU"},
        {"start_time,window_name,elapsed_time,gpu0_energy,gpu0_energy\n", 1, 49,
         "says the same as"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_bad_text(cases[i].text, NULL, cases[i].line, cases[i].column, cases[i].message);
    struct wtl_trace_options options = {.reader = "zeus"};
    static const char near[] = "start_tme,window_name,elapsed_time,gpu0_energy\n";
    struct wtl_error err = {0};
    struct collected c = {0};
    assert_int_equal(collect_memory(&c, near, strlen(near), &options, &err), -(int)WTL_PARSE);
    assert_string_equal(err.hint, "did you mean \"start_time\" by \"start_tme\"?");
    collect_free(&c);
}

/* ---- perf stat ---------------------------------------------------------------------------------
 */

static void check_sample(const struct collected_stream *s, int i, int64_t t_ns, double total_j,
                         double watts)
{
    assert_int_equal(s->t_ns[i], t_ns);
    assert_int_equal(s->valid[WTL_M_energy_counter_j][i], total_j >= 0);
    assert_int_equal(s->valid[WTL_M_power_w][i], watts >= 0);
    if (total_j >= 0)
        assert_near(s->value[WTL_M_energy_counter_j][i], total_j, 1e-9);
    if (watts >= 0)
        assert_near(s->value[WTL_M_power_w][i], watts, 1e-9);
}

static const char perf_text[] =
    "# started on Fri Nov 21 11:33:00 2026\n"
    "\n"
    "#           time             counts unit events\n"
    "     1.000000000              52.50 Joules power/energy-pkg/          \n"
    "     1.000000000               3.25 Joules power/energy-ram/          \n"
    "     1.000000000          1,234,567      cycles                       \n"
    "     2.000000000           1,050.00 Joules power/energy-pkg/          \n"
    "     2.000000000      <not counted> Joules power/energy-ram/          \n"
    "     2.500000000              25.00 Joules power/energy-pkg/          \n"
    "     2.500000000               2.00 Joules power/energy-ram/          \n";

static void reads_perf_stat_for_people(void **state)
{
    (void)state;
    struct collected c = {0};
    collect_as(&c, perf_text, "perf-stat");
    assert_string_equal(c.report.dialect, "perf stat -I");
    assert_int_equal(c.n_streams, 2);
    assert_string_equal(c.streams[0]->info.entity, "energy-pkg");
    assert_int_equal(c.streams[0]->n, 4);
    check_sample(c.streams[0], 0, 0, 0, -1); /* the start is known: nothing used yet */
    check_sample(c.streams[0], 1, S, 52.5, 52.5);
    check_sample(c.streams[0], 2, 2 * S, 1102.5, 1050);
    check_sample(c.streams[0], 3, 5 * S / 2, 1127.5, 50);
    assert_string_equal(c.streams[1]->info.entity, "energy-ram");
    check_sample(c.streams[1], 1, S, 3.25, 3.25);
    check_sample(c.streams[1], 2, 2 * S, -1, -1);
    check_sample(c.streams[1], 3, 5 * S / 2, -1, 4); /* the sum is lost, the interval is not */
    collect_free(&c);
}

static const char perf_csv[] = "# started on Fri Nov 21 11:33:00 2026\n\n"
                               "1.000000000,S0,1,52.50,Joules,power/energy-pkg/,1000,100.00,,\n"
                               "1.000000000,S1,1,47.50,Joules,power/energy-pkg/,1000,100.00,,\n"
                               "1.000000000,S0,1,99,,cycles,1000,100.00,,\n"
                               "2.000000000,S0,1,50.00,Joules,power/energy-pkg/,1000,100.00,,\n"
                               "2.000000000,S1,1,50.00,Joules,power/energy-pkg/,1000,100.00,,\n"
                               "1.500000000,S1,1,50.00,Joules,power/energy-pkg/,1000,100.00,,\n"
                               "3.000000000,S0,1,bad,Joules,power/energy-pkg/,1000,100.00,,\n"
                               "3.000000000,S0,1,<not supported>,Joules,power/energy-psys/,0,0,,\n"
                               "3.0000";

static void reads_perf_stat_csv_and_sums_sockets(void **state)
{
    (void)state;
    struct collected c = {0};
    collect_as(&c, perf_csv, "perf-stat");
    assert_string_equal(c.report.dialect, "perf stat -I -x");
    assert_int_equal(c.n_streams, 2);
    assert_int_equal(c.streams[0]->n, 4);
    assert_true(c.streams[0]->info.interval);
    check_sample(c.streams[0], 1, S, 100, 100);
    check_sample(c.streams[0], 2, 2 * S, 200, 100);
    check_sample(c.streams[0], 3, 3 * S, -1, -1); /* an interval without its energy */
    check_sample(c.streams[1], 1, 3 * S, -1, -1);
    assert_int_equal(c.report.dropped[WTL_DROP_bad_time], 1);
    assert_int_equal(c.report.dropped[WTL_DROP_bad_number], 1);
    assert_int_equal(c.report.dropped[WTL_DROP_truncated_row], 1);
    assert_int_equal(c.report.first_dropped_line, 8);
    collect_free(&c);
}

static void decimal_signs_of_perf_counts(void **state)
{
    (void)state;
    static const struct {
        const char *count;
        double joules; /* -1: dropped */
    } cases[] = {
        {"51.75", 51.75},       {"51,75", 51.75},
        {"1,234.56", 1234.56},  {"1.234,56", 1234.56},
        {"1,234,567", 1234567}, {"1.234.567", 1234567},
        {"1234,567", 1234.567}, {"0,125", 0.125},
        {"51.750", 51.75},      {"1.234.567,25", 1234567.25},
        {"1,23,456.5", -1},     {"1,234,56", -1},
        {"1.2.3", -1},          {"5x", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[200];
        snprintf(text, sizeof text,
                 "1.000000000 10.00 Joules power/energy-pkg/\n2.000000000 %s Joules "
                 "power/energy-pkg/\n",
                 cases[i].count);
        struct collected c = {0};
        collect_as(&c, text, "perf-stat");
        assert_int_equal(c.streams[0]->n, 3);
        check_sample(c.streams[0], 2, 2 * S, cases[i].joules < 0 ? -1 : 10 + cases[i].joules,
                     cases[i].joules);
        assert_int_equal(c.report.dropped[WTL_DROP_bad_number], cases[i].joules < 0);
        collect_free(&c);
    }
}

static void unclear_perf_counts_are_refused(void **state)
{
    (void)state;
    assert_bad_text("1.0 10.00 Joules power/energy-pkg/\n2.0 1,234 Joules power/energy-pkg/\n",
                    NULL, 2, 5, "count \"1,234\" may be thousands or have decimals");
    assert_bad_text("1.0,51,75,Joules,power/energy-pkg/,1000,100.00,,\n", NULL, 1, 5,
                    "count \"51,75\": the comma parts cells and decimals");
    assert_bad_text("1.0,S0,1,51,75,Joules,power/energy-pkg/,1000,100.00,,\n", NULL, 1, 10,
                    "count \"51,75\": the comma parts cells and decimals");
    struct collected c = {0};
    collect_as(&c, "1.0;CPU0;51,75;Joules;power/energy-pkg/;1000;100,00;;\n", "perf-stat");
    check_sample(c.streams[0], 1, S, 51.75, 51.75);
    collect_free(&c);
}

static void perf_stat_without_intervals_is_not_taken(void **state)
{
    (void)state;
    assert_bad_text(" Performance counter stats for 'system wide':\n\n"
                    "          1,234.56 Joules power/energy-pkg/\n\n"
                    "      10.001234567 seconds time elapsed\n",
                    NULL, 0, 0, "no reader knows this content");
}

/* ---- Power meters ------------------------------------------------------------------------------
 */

static void reads_common_headers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t t0, t1;
        double watts, joules; /* of row 1; joules < 0: no column */
    } cases[] = {
        {"timestamp,watts\n1690000000.5,100\n1690000001.5,101.5\n", 1690000000 * S + S / 2,
         1690000001 * S + S / 2, 101.5, -1},
        {"timestamp,power_w,joules\n0,100,5\n0.5,101.5,55.5\n", 0, S / 2, 101.5, 55.5},
        {"Time,Watts\r\n2026-11-21T11:33:00Z,100\r\n2026-11-21T11:33:01Z,101.5\r\n", 1795260780 * S,
         1795260781 * S, 101.5, -1},
        {"Time (ms);Power [mW];Energy (Wh)\n0;100000;0\n250;101500;0,5\n", 0, S / 4, 101.5, 1800},
        {"time (min),W\n0,100\n0.5,101.5\n", 0, 30 * S, 101.5, -1},
        {"elapsed (h),W,energy [kJ]\n0,100,0\n0.5,101.5,2\n", 0, 1800 * S, 101.5, 2000},
        {"elapsed [hours];watts\n0;100\n0,25;101,5\n", 0, 900 * S, 101.5, -1},
        {"time (seconds),Power (kW)\n0,0.1\n2,0.1015\n", 0, 2 * S, 101.5, -1},
        {"time_min,power_mw\n0,100000\n0.5,101500\n", 0, 30 * S, 101.5, -1},
        {"t_s,Power (mW)\n0,100 W\n1,101.5 W\n", 0, S, 101.5, -1},
        {"Store No.,Date,Time,U-1,I-1,P-1\n1,2026/11/21,11:33:00,230,0.5,100\n"
         "2,2026/11/21,11:33:01,230,0.5,101.5\n",
         1795260780 * S, 1795260781 * S, 101.5, -1},
        {"time_ns\tActive Power (kW)\n100\t0,1\n200\t0,1015\n", 100, 200, 101.5, -1},
        {"Elapsed;W\n0,25;100\n0,75;101,5\n", S / 4, 3 * S / 4, 101.5, -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct collected c = {0};
        collect_as(&c, cases[i].text, "power-meter");
        assert_int_equal(c.n_streams, 1);
        const struct collected_stream *s = c.streams[0];
        assert_int_equal(s->n, 2);
        assert_true(s->info.has_time);
        assert_int_equal(s->t_ns[0], cases[i].t0);
        assert_int_equal(s->t_ns[1], cases[i].t1);
        assert_near(s->value[WTL_M_power_w][1], cases[i].watts, 1e-9);
        assert_int_equal((s->info.present >> WTL_M_energy_counter_j) & 1, cases[i].joules >= 0);
        if (cases[i].joules >= 0)
            assert_near(s->value[WTL_M_energy_counter_j][1], cases[i].joules, 1e-9);
        collect_free(&c);
    }
}

static const char meter[] = "# my meter\nTime,Watts,Volts\n1,100,230\n2,,230\n2.5,abc,230\n"
                            "1.5,100,230\nnever,100,230\n3,N/A,230\n4,100\n5,90,230,1\n6,95,230";

static void odd_meter_rows_are_counted(void **state)
{
    (void)state;
    struct collected c = {0};
    collect_as(&c, meter, "power-meter");
    assert_int_equal(c.streams[0]->n, 3);
    assert_int_equal(c.report.cells_missing, 2);
    assert_int_equal(c.report.dropped[WTL_DROP_bad_number], 1);
    assert_int_equal(c.report.dropped[WTL_DROP_bad_time], 2);
    assert_int_equal(c.report.dropped[WTL_DROP_truncated_row], 2); /* one cut by the end */
    assert_int_equal(c.report.dropped[WTL_DROP_too_many_cells], 1);
    assert_int_equal(c.report.first_dropped_line, 5);
    assert_string_equal(c.report.unknown_columns, "Volts");
    collect_free(&c);
}

static void meters_without_time_are_only_ordered(void **state)
{
    (void)state;
    struct collected c = {0};
    collect_as(&c, "Watts,Volts,Amps,WattHrs\n100,230,0.4,0\n101,230,0.4,0.1\n", "power-meter");
    assert_false(c.streams[0]->info.has_time);
    assert_near(collected_delta(c.streams[0], WTL_M_energy_counter_j), 360, 1e-9);
    collect_free(&c);
    assert_bad_text("estimate,p\n1.5,0.04\n", NULL, 0, 0, "no reader knows this content");
}

static void bad_meter_headers_name_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int column;
        const char *message;
    } cases[] = {{"Time,Power (J)\n", 6, "unit \"J\" does not fit"},
                 {"Time,timestamp,W\n", 6, "says the same as"},
                 {"Time,wats\n", 6, "no column gives the power"}};
    for (size_t i = 0; i < 3; i++)
        assert_bad_text(cases[i].text, "power-meter", 1, cases[i].column, cases[i].message);
}

static void blocks_do_not_matter(void **state)
{
    (void)state;
    assert_blocks_do_not_matter(&wtl_reader_zeus, zeus);
    assert_blocks_do_not_matter(&wtl_reader_perf_stat, perf_text);
    assert_blocks_do_not_matter(&wtl_reader_perf_stat, perf_csv);
    assert_blocks_do_not_matter(&wtl_reader_power_meter, meter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_on_gpus_are_runs),
        cmocka_unit_test(zeus_headers_may_come_again),
        cmocka_unit_test(bad_zeus_logs_name_their_place),
        cmocka_unit_test(reads_perf_stat_for_people),
        cmocka_unit_test(reads_perf_stat_csv_and_sums_sockets),
        cmocka_unit_test(decimal_signs_of_perf_counts),
        cmocka_unit_test(unclear_perf_counts_are_refused),
        cmocka_unit_test(perf_stat_without_intervals_is_not_taken),
        cmocka_unit_test(reads_common_headers),
        cmocka_unit_test(odd_meter_rows_are_counted),
        cmocka_unit_test(meters_without_time_are_only_ordered),
        cmocka_unit_test(bad_meter_headers_name_their_place),
        cmocka_unit_test(blocks_do_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
