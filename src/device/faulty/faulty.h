/* SPDX-License-Identifier: Apache-2.0
 *
 * A device that goes wrong as planned: wraps another and injects errors, hangs, stale values, a
 * lost GPU, missing permission and lying read-back. By name it is `faulty:SPEC:ID` (plan.h has the
 * syntax); tests may wrap the functions of any device themselves.
 *
 * The wrapper keeps the rules of backend.h: one call at a time, nothing allocated. A hang waits on
 * a condition, so that the device can still be closed. It never closes what it wraps.
 */
#ifndef WTL_DEVICE_FAULTY_FAULTY_H
#define WTL_DEVICE_FAULTY_FAULTY_H

#include "device/backend.h"
#include "device/faulty/plan.h"

struct wtl_faulty;

/* Wraps `inner`, which must outlive it. */
int wtl_faulty_new(struct wtl_arena *arena, const struct wtl_device_ops *inner,
                   const struct wtl_fault_plan *plan, struct wtl_faulty **faulty_out,
                   struct wtl_error *err);

/* The functions to open as a device; their close() ends the wrapper. */
struct wtl_device_ops wtl_faulty_ops(struct wtl_faulty *faulty);

/* Goes on with another plan, its counts from zero. Between two calls. */
void wtl_faulty_set_plan(struct wtl_faulty *faulty, const struct wtl_fault_plan *plan);

/* Calls of one kind so far, or of all (WTL_CALL_ANY): what a campaign that fails each in turn
 * counts first. */
int64_t wtl_faulty_calls(const struct wtl_faulty *faulty, enum wtl_fault_call call);

#endif
