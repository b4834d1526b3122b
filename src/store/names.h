/* SPDX-License-Identifier: Apache-2.0
 *
 * The names under which a campaign shows its runs. Sources spell one workload as "StableDiffusion",
 * "stable-diffusion" and "Stable Diffusion"; names that fold to one key (wtl_fold_name) are one
 * workload, and are shown in the spelling that most runs of the campaign have (of equally many, the
 * one that was imported first), whatever is filtered. The same holds for GPUs. What the sources
 * said stays in the file.
 *
 * Boards of one short name can be different things (A100 PCIe of 250 W, A100 SXM of 400 W). Where
 * the runs of a GPU tell of more than one model, those that tell theirs are shown under it
 * ("A100-PCIE-40GB"), and make sets of their own.
 */
#ifndef WTL_STORE_NAMES_H
#define WTL_STORE_NAMES_H

#include "store/campaign.h"

struct wtl_names;

/* From all runs of the campaign. */
int wtl_names_load(struct wtl_campaign *c, struct wtl_arena *arena, struct wtl_names **names_out,
                   struct wtl_error *err);

/* Sets gpu and workload of runs, which may be of the campaign or about to be. */
void wtl_names_give(const struct wtl_names *names, struct wtl_run *runs, size_t n);

/* The n-th GPU whose boards are kept apart, from 0: its short name and the models, parted by ", ".
 * False beyond the last. */
bool wtl_names_parted(const struct wtl_names *names, size_t n, const char **gpu_out, char *models,
                      size_t size);

#endif
