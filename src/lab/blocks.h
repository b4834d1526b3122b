/* SPDX-License-Identifier: Apache-2.0
 *
 * In which order points are visited: randomised complete blocks. Each block visits every point that
 * is still of interest once, in random order, one workload after the other (in random order, too,
 * because loading one takes time), and the reference point at the start, in the middle and at the
 * end of each workload's part, or every so many visits: what drifts in between shows there. Never a
 * monotone sweep, in which clock and temperature cannot be told apart.
 *
 * Pure and a function of its arguments: a sweep that goes on after a break has the same order.
 */
#ifndef WTL_LAB_BLOCKS_H
#define WTL_LAB_BLOCKS_H

#include "base/alloc.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wtl_slot {
    int workload, point;
    bool anchor;
};

struct wtl_block_request {
    uint64_t seed;
    int block; /* from 1 */
    int n_workloads, n_points;
    int reference;      /* point */
    int anchor_every;   /* 0: start, middle, end */
    const bool *active; /* [workload * n_points + point] */
};

/* The reference point is visited as anchor only. A workload without an active point is left out. */
int wtl_block_slots(struct wtl_arena *arena, const struct wtl_block_request *request,
                    struct wtl_slot **slots_out, size_t *n_out, struct wtl_error *err);

/* A number that is this visit's own, for whatever is random in it. */
uint64_t wtl_visit_seed(uint64_t seed, int block, int position, int attempt);

#endif
