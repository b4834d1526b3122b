/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the protocol share: protocol.c (the order of things), temperature.c, prepare.c
 * (knobs, load, clock), window.c (what is measured), hear.c (errors of devices).
 */
#ifndef WTL_LAB_PROTOCOL_IMPL_H
#define WTL_LAB_PROTOCOL_IMPL_H

#include "lab/protocol.h"

/* A clock that differs by less is the one that was asked for: legal ones are 7.5 MHz apart at
 * least. */
enum { WTL_CLOCK_TOLERANCE_MHZ = 7 };

/* Ticks of a counter that comes every 20 ms over the longest window that is likely. */
enum { WTL_BENCH_SERIES = 4096 };

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

static inline int64_t wtl_bench_now(const struct wtl_bench *b)
{
    return b->time.clock.monotonic_ns(b->time.clock.ctx);
}

static inline int64_t wtl_seconds_ns(double s)
{
    return (int64_t)(s * 1e9);
}

/* One poll later: waits, tends the lease, reads the devices that are due, listens. Sets b->stopped.
 */
int wtl_bench_step(struct wtl_bench *b, struct wtl_error *err);

/* How far the workload is: 0, or 1 where it has failed, which ends the visit. */
int wtl_bench_progress(struct wtl_bench *b, struct wtl_visit_result *r, struct wtl_work_done *out);

/* Begins the result of a visit that ends here. */
void wtl_visit_ends(struct wtl_visit_result *r, enum wtl_visit_outcome outcome, const char *format,
                    ...) __attribute__((format(printf, 3, 4)));

/* Adds something to know to a visit that goes on. */
void wtl_visit_note(struct wtl_visit_result *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

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

/* "nvml:GPU-8f3c...: " where several devices are measured, else "". */
const char *wtl_bench_name(const struct wtl_bench *b, size_t i, char buf[WTL_LIMIT_NAME + 4]);

/* ---- hear.c ---- */

/* Begins to listen for errors of the devices; those whose drivers tell of none stay silent. */
int wtl_bench_listen(struct wtl_bench *b, struct wtl_error *err);

/* Errors that fell are noted in b->error and b->n_errors; 20 times a second at most, or `now`.
 * -WTL_LOST: one that takes the board away. */
int wtl_bench_hear(struct wtl_bench *b, bool now, struct wtl_error *err);

/* Says what fell before a device was lost, where something did. */
void wtl_bench_explain_lost(struct wtl_bench *b, struct wtl_error *err);

/* ---- window.c ---- */

int wtl_window_measure(struct wtl_bench *b, const struct wtl_lab_point *p, struct wtl_arena *arena,
                       struct wtl_visit_result *r, struct wtl_error *err);

#endif
