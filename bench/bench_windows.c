/* SPDX-License-Identifier: Apache-2.0
 *
 * What a window of the C API costs the program that marks it: begin and end without a document,
 * with nobody listening, told to a reader at the other end of the socket, and measured in this
 * process on a virtual GPU.
 *
 *   bench-windows [ROUNDS [WINDOWS]]     30 rounds of 10000 windows, the three ways in turns
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "bench/marker_reader.h"
#include "wattle/wattle.h"

static const char *const names[BENCH_WAYS] = {"nobody listens", "told by socket", "measured here"};

static void die(const char *what)
{
    fprintf(stderr, "bench-windows: %s\n", what);
    exit(1);
}

static int64_t now_ns(void)
{
    struct wtl_clock c = wtl_clock_system();
    return c.monotonic_ns(c.ctx);
}

/* Nanoseconds of one window of `n`. */
static double one_round(struct wtl_monitor *m, int n)
{
    static const struct wtl_window_end_args end = {.size = sizeof end, .work = 8, .unit = "images"};
    int64_t begin_ns = now_ns();
    for (int i = 0; i < n; i++)
        if (wtl_window_begin(m, "batch", NULL) < 0 ||
            wtl_window_end(m, "batch", &end, NULL, NULL) < 0)
            die("a window failed");
    return (double)(now_ns() - begin_ns) / n;
}

static struct wtl_monitor *open_monitor(uint64_t flags)
{
    static const char *const ids[] = {"virtual:plain"};
    const struct wtl_monitor_args args = {
        .size = sizeof args, .flags = flags, .ids = ids, .n_ids = 1};
    struct wtl_monitor *m = NULL;
    struct wtl_error err = {0};
    if (wtl_monitor_open(&args, &m, &err) < 0)
        die(err.message);
    return m;
}

int main(int argc, char **argv)
{
    static double cost[BENCH_WAYS][BENCH_ROUNDS_MAX];
    struct wtl_monitor *m[BENCH_WAYS];
    struct bench_reader reader;
    int rounds, windows, status;
    if (!bench_rounds(argc, argv, "bench-windows [ROUNDS [WINDOWS]]", &rounds, &windows, &status))
        return status;
    if (!bench_reader_start(&reader))
        return 1;
    unsetenv("WATTLE_MARKERS");
    m[0] = open_monitor(WTL_MONITOR_MARK_ONLY);
    m[2] = open_monitor(WTL_MONITOR_ALONE);
    setenv("WATTLE_MARKERS", reader.address.sun_path, 1);
    m[1] = open_monitor(0);
    for (int r = 0; r < rounds; r++)
        for (int way = 0; way < BENCH_WAYS; way++)
            cost[way][r] = one_round(m[way], windows);
    bench_print_ways(names, cost, rounds, windows);
    for (int way = 0; way < BENCH_WAYS; way++)
        wtl_monitor_close(m[way]);
    bench_reader_stop(&reader);
    return 0;
}
