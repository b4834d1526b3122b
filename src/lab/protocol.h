/* SPDX-License-Identifier: Apache-2.0
 *
 * One visit of one point, from a device in whatever state to a run: the protocol of docs/sweep.md.
 *
 *   alone? -> temperature -> knobs -> load -> settle -> clock as asked? -> warm-up -> window
 *
 * Everything comes in from outside: time, device, lease, workload. What comes of a visit is in its
 * result; a negative return is for what ends the sweep: a lost device, a refused permission, a
 * journal that cannot be written.
 */
#ifndef WTL_LAB_PROTOCOL_H
#define WTL_LAB_PROTOCOL_H

#include "lab/bench.h"

/* One of those under whose load the devices' temperatures are found. */
struct wtl_warming {
    const char *name;
    struct wtl_workload *workload;
    double ready_timeout_s;
};

/* The temperature that each run begins at, of each device: where the reference point settles, under
 * the load of the workload that warms it least, so that all of them reach it. Loads them, each in
 * turn. The first one has to work; what another one cannot do its visits tell. */
int wtl_bench_find_band(struct wtl_bench *bench, const struct wtl_warming *loads, size_t n_loads,
                        struct wtl_error *err);

/* Mean power of the devices as they are now, over the shortest window. *known_out: it could be had.
 */
int wtl_bench_idle(struct wtl_bench *bench, double *power_w_out, bool *known_out,
                   struct wtl_error *err);

struct wtl_visit_request {
    const struct wtl_lab_point *point;
    uint64_t seed; /* of a virtual device's hour */
    bool idle;     /* measure idle power, too */
};

int wtl_bench_visit(struct wtl_bench *bench, const struct wtl_visit_request *request,
                    struct wtl_arena *arena, struct wtl_visit_result *out, struct wtl_error *err);

/* Of a workload of which no work was ever seen: at no point will there be any. */
int wtl_bench_refuse_silent(const char *why, struct wtl_error *err);

#endif
