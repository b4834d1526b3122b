/* SPDX-License-Identifier: Apache-2.0
 *
 * One workload measured several times: mean energy of a repetition with an interval.
 *
 * A part-time sensor sees 25 of 100 ms; a load that repeats in step with it always shows the same
 * face, and no single window tells. Repetitions begun at moments that are spread over the sensor's
 * update period show all faces (arXiv 2312.02741 section on mitigation: at least 32 repetitions or
 * 5 s, with delays that spread over 8 phases).
 */
#ifndef WTL_ENERGY_REPEATS_H
#define WTL_ENERGY_REPEATS_H

#include "core/energy.h"

#include <stddef.h>
#include <stdint.h>

/* Phases that repetitions are spread over. */
enum { WTL_DEPHASE_PHASES = 8 };

/* The delay before repetition `index` (from 0) of a sensor with this period: index times the period
 * and an eighth, so that eight in a row begin in eight phases of it, whatever the length of a
 * repetition is, if that is the same each time. `elapsed_ns`: since the first repetition began; the
 * delay reaches the next moment of the wanted phase. 0 for the first one. */
int64_t wtl_dephase_delay_ns(int64_t period_ns, int index, int64_t elapsed_ns);

/* Mean of `n` repetitions, in the order of their phases. The interval is from how successive ones
 * differ, or, of one alone and where it is wider, their own; what they share is added. Troubles are
 * those of any. Method NONE when some have none. */
void wtl_repeats_mean(const struct wtl_energy *energies, size_t n, struct wtl_energy *mean_out);

#endif
