/* SPDX-License-Identifier: Apache-2.0
 *
 * Errors of the devices that fall while they are measured.
 */
#ifndef WTL_LAB_HEAR_H
#define WTL_LAB_HEAR_H

#include "lab/bench.h"

/* Begins to listen for errors of the devices; those whose drivers tell of none stay silent. */
int wtl_bench_listen(struct wtl_bench *b, struct wtl_error *err);

/* Errors that fell are noted in b->error and b->n_errors; 20 times a second at most, or `now`.
 * -WTL_LOST: one that takes the board away. */
int wtl_bench_hear(struct wtl_bench *b, bool now, struct wtl_error *err);

/* Says what fell before a device was lost, where something did. */
void wtl_bench_explain_lost(struct wtl_bench *b, struct wtl_error *err);

#endif
