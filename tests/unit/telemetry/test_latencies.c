/* SPDX-License-Identifier: Apache-2.0
 * Latencies as programs tell them, read while more come. */
#include "support/support.h"

#include "device/device.h"
#include "telemetry/windows.h"

static int64_t now;

static void told_since(void **state)
{
    static struct wtl_marker_line end = {.kind = WTL_MARKER_END, .name = "b", .has_latency = true};
    static struct wtl_marker_line many = {.kind = WTL_MARKER_LATENCY, .n = WTL_MARKER_SHARES};
    static const char *const only[] = {"virtual:a100", NULL};
    const struct wtl_machine_options options = {
        .clock = wtl_clock_fixed(&now), .nvml = "", .only = only};
    const struct wtl_metering_options none = {.clock = wtl_clock_fixed(&now)};
    struct wtl_machine *machine = NULL;
    struct wtl_metering *metering = NULL;
    struct wtl_windows *w = NULL;
    struct wtl_told_latency out[4];
    struct wtl_error err = {0};
    struct wtl_arena arena;
    int64_t number = 0;
    (void)state;
    wtl_arena_init(&arena, wtl_alloc_system());
    assert_ok(wtl_machine_open(wtl_alloc_system(), &options, &machine, &err), &err);
    assert_ok(wtl_metering_start(wtl_alloc_system(), machine, NULL, 0, &none, &metering, &err),
              &err);
    assert_ok(wtl_windows_new(&arena, metering, &w, &err), &err);
    assert_int_equal(wtl_windows_latencies_since(w, &number, out, 4), 0);
    for (int i = 1; i <= 5; i++) {
        end.t_ns = 100 * i;
        end.latency_s = i;
        wtl_windows_tell(w, 0, &end, 1000);
    }
    assert_int_equal(wtl_windows_latencies_since(w, &number, out, 4), 4);
    assert_true(out[0].t_ns == 100 && out[3].t_ns == 400);
    assert_near(out[3].latency_s, 4, 0);
    assert_int_equal(wtl_windows_latencies_since(w, &number, out, 4), 1);
    assert_int_equal(number, 5);
    assert_int_equal(wtl_windows_latencies_since(w, &number, out, 4), 0);
    for (int i = 0; i < WTL_MARKER_SHARES; i++)
        many.latencies_s[i] = i;
    const int64_t lines = WTL_WINDOW_LATENCIES / WTL_MARKER_SHARES + 1;
    for (int64_t i = 0; i < lines; i++)
        wtl_windows_tell(w, 0, &many, 2000 + i);
    /* What the ring no longer has is passed over; a line counts as of when it came. */
    assert_int_equal(wtl_windows_latencies_since(w, &number, out, 1), 1);
    assert_int_equal(number, 5 + lines * WTL_MARKER_SHARES - WTL_WINDOW_LATENCIES + 1);
    assert_int_equal(out[0].t_ns, 2000 + (number - 1 - 5) / WTL_MARKER_SHARES);
    wtl_metering_stop(metering, 0);
    wtl_machine_close(machine);
    wtl_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(told_since)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
