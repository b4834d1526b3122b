/* SPDX-License-Identifier: Apache-2.0
 *
 * Objectives as one number to minimise, in logs and relative to the baseline: 0 at the baseline,
 * log(0.8) for "a fifth better". Energy E and time t are those of one run of constant work, so
 * work/E (throughput per watt) has the optimum of E.
 */
#ifndef WTL_OPTIMIZE_OBJECTIVE_H
#define WTL_OPTIMIZE_OBJECTIVE_H

#include "core/policy.h"

#include <stddef.h>

/* log_energy = log(E/E_base), log_time = log(t/t_base).
 *   energy, throughput/W  e        EDP  e + t      ED2P  e + 2 t      E t^n  e + n t
 *   time                  t        weighted  log(w exp(e) + (1 - w) exp(t)) */
double wtl_objective_log(const struct wtl_objective *objective, double log_energy, double log_time);

/* The same for n clocks against one baseline: out[e] of log_energy[e] - base_energy and log_time[e]
 * - base_time. */
void wtl_objective_row(const struct wtl_objective *objective, const double *log_energy,
                       double base_energy, const double *log_time, double base_time, size_t n,
                       double *out);

/* Whether less energy, at equal time, is better by it. */
bool wtl_objective_counts_energy(const struct wtl_objective *objective);

#endif
