/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/allocations.h"

#include <stdlib.h>

/* glibc's own names do the work. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
static long allocations;

static void count(void)
{
    __atomic_fetch_add(&allocations, 1, __ATOMIC_RELAXED);
}

void *malloc(size_t size)
{
    count();
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    count();
    return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
    count();
    return __libc_realloc(p, size);
}

long bench_allocations(void)
{
    return __atomic_load_n(&allocations, __ATOMIC_RELAXED);
}
