/* SPDX-License-Identifier: Apache-2.0
 *
 * What a marker costs the program that is measured: a window (begin and end with work), with nobody
 * listening, with lines held back for 50 ms, and with each line sent at once; the other end is a
 * thread that reads. An uncounted clock reading beside it is taken off.
 *
 *   bench-markers [ROUNDS [WINDOWS]]     30 rounds of 10000 windows, the three ways in turns
 */
#include <stdio.h>

#include "base/clock.h"
#include "bench/marker_reader.h"
#include "markers/markers.h"

static const char *const names[BENCH_WAYS] = {"nobody listens", "held back 50 ms", "sent at once"};

static int64_t now_ns(void)
{
    struct wtl_clock c = wtl_clock_system();
    return c.monotonic_ns(c.ctx);
}

/* Nanoseconds of one window of `n`. */
static double one_round(struct wtl_markers *m, int n)
{
    int64_t begin_ns = now_ns();
    for (int i = 0; i < n; i++) {
        int64_t t_ns = now_ns();
        struct wtl_marker_end end = {
            .name = "batch", .t_ns = t_ns, .has_work = true, .work = 8, .unit = "images"};
        wtl_markers_begin(m, "batch", t_ns, 0);
        wtl_markers_end(m, &end);
    }
    int64_t middle_ns = now_ns();
    for (int i = 0; i < n; i++)
        (void)now_ns();
    int64_t end_ns = now_ns();
    return (double)((middle_ns - begin_ns) - (end_ns - middle_ns)) / n;
}

int main(int argc, char **argv)
{
    static double cost[BENCH_WAYS][BENCH_ROUNDS_MAX];
    static struct wtl_markers m;
    struct bench_reader reader;
    int rounds, windows, status;
    if (!bench_rounds(argc, argv, "bench-markers [ROUNDS [WINDOWS]]", &rounds, &windows, &status))
        return status;
    if (!bench_reader_start(&reader))
        return 1;
    for (int r = 0; r < rounds; r++)
        for (int way = 0; way < BENCH_WAYS; way++) {
            wtl_markers_open(&m, way == 0 ? NULL : reader.address.sun_path,
                             way == 1 ? 50000000 : 0);
            cost[way][r] = one_round(&m, windows);
            if (way > 0 && !wtl_markers_on(&m))
                fprintf(stderr, "%s: the reader was taken for gone\n", names[way]);
            wtl_markers_close(&m);
        }
    bench_reader_stop(&reader);
    bench_print_ways(names, cost, rounds, windows);
    return 0;
}
