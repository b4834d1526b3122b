/* SPDX-License-Identifier: Apache-2.0
 *
 * Counts the allocations of a program of this folder: linking allocations.c is enough. Not with
 * sanitizers, which count for themselves.
 */
#ifndef WTL_BENCH_ALLOCATIONS_H
#define WTL_BENCH_ALLOCATIONS_H

/* malloc(), calloc() and realloc() of all threads so far. */
long bench_allocations(void);

#endif
