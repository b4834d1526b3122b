/* SPDX-License-Identifier: Apache-2.0
 *
 * MIG on a virtual GPU. A board is cut into eighths of its memory and mig_slices (seven) slices of
 * its SMs. A profile (struct wtl_sim_mig_profile) takes so many of each; an instance begins at a
 * multiple of its eighths and has the slices that begin with the same number, which gives the
 * places that NVIDIA's MIG user guide lists: 3g.20gb at 0 and 4, 4g.20gb at 0 alone, 1g.5gb at 0 to
 * 6. Two instances may not share an eighth; then they share no slice, either.
 */
#ifndef WTL_SIM_MIG_H
#define WTL_SIM_MIG_H

#include "sim/gpu.h"

/* The board's profile of this id; NULL when it has none. */
const struct wtl_sim_mig_profile *wtl_sim_mig_profile(const struct wtl_sim_board *board, int id);

/* The eighths at which an instance may begin, rising; returns how many. */
int wtl_sim_mig_starts(const struct wtl_sim_board *board, const struct wtl_sim_mig_profile *profile,
                       int starts_out[WTL_SIM_EIGHTHS]);

/* How many places are left for a profile beside the instances that are there. */
int wtl_sim_mig_free(const struct wtl_sim_gpu *gpu, const struct wtl_sim_mig_profile *profile);

/* Makes these, and no others, the GPU's instances, in this order, each where there is place for
 * all; n = 0 leaves MIG. At once; they stay over loads of the driver.
 *   -WTL_UNSUPPORTED, -WTL_LOST
 *   -WTL_USAGE  no such profile, or no place for all: the first that has none is named, and the
 *               hint says what fits beside those before it
 *   -WTL_BUSY   processes are there */
int wtl_sim_set_mig(struct wtl_sim_gpu *gpu, const int *ids, int n, struct wtl_error *err);

#endif
