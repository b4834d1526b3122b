/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether the workloads of a sweep can run at its points, as far as is known before anything runs:
 * better said now than hours later, at that point. What fits into the memory of a board only its
 * load shows.
 */
#ifndef WTL_LAB_LOADS_H
#define WTL_LAB_LOADS_H

#include "lab/plan.h"

/* The plan's devices and points are known. Errors have the place in the spec: -WTL_NOTFOUND, a
 * virtual workload, a variant or a program that there is not; -WTL_USAGE, a batch that a virtual
 * workload does not take, a template that a point does not fill, a setting that varies and of which
 * a workload learns nothing; -WTL_UNSUPPORTED, a virtual workload on another device. */
int wtl_sweep_check_loads(const struct wtl_sweep_plan *plan, struct wtl_error *err);

#endif
