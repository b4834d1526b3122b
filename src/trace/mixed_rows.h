/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether rows that nothing names are really of one GPU. Rows of several that take turns in one
 * file betray themselves in two ways:
 *
 *  - by their stamps: one call of the sampler asks one GPU after the other, so rows come in bunches
 *    of always the same number, a bunch far closer together than bunches are to one another;
 *  - by their levels: what belongs to a GPU (memory size, power limit) goes up and down in turns,
 *    row by row, or so does what the load moves (memory in use, temperature, power), faster and for
 *    longer than one GPU could.
 *
 * Silence proves nothing: two equal GPUs under equal load, half a period apart, look like one.
 * For the folder trace/ only.
 */
#ifndef WTL_TRACE_MIXED_ROWS_H
#define WTL_TRACE_MIXED_ROWS_H

#include "base/alloc.h"
#include "core/sample.h"

struct wtl_mixed_rows; /* a few kB, in the arena */

/* NULL when memory is out. */
struct wtl_mixed_rows *wtl_mixed_rows_new(struct wtl_arena *arena);

/* The next row: row batch->n of a batch whose validity bits are set already. */
void wtl_mixed_rows_add(struct wtl_mixed_rows *mixed, const struct wtl_batch *batch, int64_t line);

/* After the last row: -WTL_PARSE with the two GPUs named by lines and levels when something speaks
 * for several. */
int wtl_mixed_rows_check(const struct wtl_mixed_rows *mixed, const char *input,
                         struct wtl_error *err);

#endif
