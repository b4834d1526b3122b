/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs that are in a campaign more than once: copies of traces, exported tables beside the traces
 * they were made from, repeated rows. A run counted twice makes n too large and every interval too
 * narrow.
 */
#ifndef WTL_RUNS_SAME_H
#define WTL_RUNS_SAME_H

#include "base/alloc.h"
#include "base/error.h"
#include "core/run.h"

#include <stddef.h>

/* Fills same_as_out[i] with the index of the run that run i is again, or with i itself. Of equal
 * runs the one stays that is not `secondary` (NULL: none is) and has the lowest id; so a trace
 * stays rather than a row of a table.
 *
 * Two runs are one when GPU, workload and clock are, when nothing that both of them state differs
 * (operating point, memory clock, rate, job, seq, rep, start, device, work), and when time, energy
 * and the spread and extremes of power are equal as far as they are printed: 93.45 s is 93.4512 s.
 * Quantised runs are equal by chance, so equality needs ten significant digits in all, unless
 * start, or job and seq, are known and equal. A row that is the mean of several runs (mean_of) is
 * again there when its cell has runs of its own.
 *
 * -WTL_NOMEM. */
int wtl_find_same(struct wtl_arena *scratch, const struct wtl_run *runs, size_t n,
                  const bool *secondary, size_t *same_as_out, struct wtl_error *err);

#endif
