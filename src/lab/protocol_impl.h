/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of a visit, each standing on those behind it: protocol.c (the order of things),
 * window.c (what is measured), temperature.c, prepare.c (knobs, load, clock); all on lab/bench.h.
 */
#ifndef WTL_LAB_PROTOCOL_IMPL_H
#define WTL_LAB_PROTOCOL_IMPL_H

#include "lab/protocol.h"

/* A clock that differs by less is the one that was asked for: legal ones are 7.5 MHz apart at
 * least. */
enum { WTL_CLOCK_TOLERANCE_MHZ = 7 };

/* Bits of event reasons. */
enum {
    WTL_REASON_POWER_CAP = 0x4,
    WTL_REASON_HARDWARE = 0x8 | 0x80, /* slowdown, power brake */
    WTL_REASON_THERMAL = 0x20 | 0x40,
};

/* Whether what holds a clock down passes, as heat and a board's protection do. The power that a
 * point needs stays: it cannot be had. */
static inline bool wtl_reasons_pass(uint64_t reasons)
{
    return (reasons & (WTL_REASON_THERMAL | WTL_REASON_HARDWARE)) != 0;
}

/* ---- prepare.c: each returns a negative code for what ends the sweep, 1 for what ends the visit
 * (its result says why), 0 to go on. ---- */

int wtl_prepare_hour(struct wtl_bench *b, uint64_t seed, struct wtl_error *err);
int wtl_prepare_knobs(struct wtl_bench *b, const struct wtl_lab_point *p,
                      struct wtl_visit_result *r, struct wtl_error *err);
int wtl_prepare_load(struct wtl_bench *b, const struct wtl_lab_point *p, struct wtl_visit_result *r,
                     struct wtl_error *err);
/* Once for each workload, while it is loaded: it works until work of it is seen. */
int wtl_prepare_first_work(struct wtl_bench *b, struct wtl_visit_result *r, struct wtl_error *err);
int wtl_prepare_temperature(struct wtl_bench *b, const struct wtl_lab_point *point,
                            struct wtl_visit_result *r, struct wtl_error *err);
int wtl_prepare_clock(struct wtl_bench *b, const struct wtl_lab_point *p,
                      struct wtl_visit_result *r, struct wtl_error *err);
int wtl_prepare_warm(struct wtl_bench *b, struct wtl_visit_result *r, struct wtl_error *err);

/* Whether the workload works, where it can be told to. */
int wtl_prepare_work(struct wtl_bench *b, bool on, struct wtl_error *err);

/* ---- window.c ---- */

int wtl_window_measure(struct wtl_bench *b, const struct wtl_lab_point *p, struct wtl_arena *arena,
                       struct wtl_visit_result *r, struct wtl_error *err);

#endif
