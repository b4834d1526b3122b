/* SPDX-License-Identifier: Apache-2.0
 *
 * Sorting of what is in order more often than not: files and runs are read in the order in which
 * they are wanted.
 */
#ifndef WTL_BASE_SORT_H
#define WTL_BASE_SORT_H

#include <stddef.h>

/* As qsort(), which is asked only when one pass finds items out of order. */
void wtl_sort(void *items, size_t n, size_t size, int (*compare)(const void *, const void *));

#endif
