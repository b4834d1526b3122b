/* SPDX-License-Identifier: Apache-2.0
 * One pass before qsort(). */
#include "base/sort.h"

#include <stdlib.h>

void wtl_sort(void *items, size_t n, size_t size, int (*compare)(const void *, const void *))
{
    const char *item = items;
    size_t i = 1;
    while (i < n && compare(item + (i - 1) * size, item + i * size) <= 0)
        i++;
    if (i < n)
        qsort(items, n, size, compare);
}
