/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of boards, as drivers and people say them. `device` is what a trace says: a board's name, a
 * UUID, "GPU 0"; the last two are no names and give "". The buffer is always terminated.
 */
#ifndef WTL_CORE_GPU_NAME_H
#define WTL_CORE_GPU_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* "NVIDIA A100-PCIE-40GB" -> "A100": the short name under which people speak of a board. */
void wtl_gpu_short_name(const char *device, char *buf, size_t size);

/* "NVIDIA A100-PCIE-40GB" -> "A100-PCIE-40GB": what tells boards of one short name apart, without
 * the maker and product line, which drivers of different age spell differently. */
void wtl_gpu_model(const char *device, char *buf, size_t size);

/* "2x A100": boards that are measured and decided for together; of one board its own name. */
void wtl_gpu_together(size_t n, const char *name, char *buf, size_t size);

/* How many boards a GPU's name is of: 2 of "2x A100", 1 of all others. */
size_t wtl_gpu_count(const char *gpu);

/* The next part of the name of different boards that are decided for together: "A100", then "V100"
 * of "A100 + V100"; of others the name itself. *at: where to look, from the name on; false: there
 * is no more. */
bool wtl_gpu_next_part(const char **at, char *buf, size_t size);

/* Whether runs of `gpu` are of what a plan names: by the models of board (wtl_gpu_model()) where
 * both are known, as two boards of one short name are not one GPU, else by name. "" not known. So
 * many boards together are never another number of them. */
bool wtl_gpu_is(const char *gpu, const char *board, const char *wanted_gpu,
                const char *wanted_board);

#endif
