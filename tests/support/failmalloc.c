/* SPDX-License-Identifier: Apache-2.0
 *
 * A library for LD_PRELOAD that makes the n-th allocation of a whole process fail, those of SQLite,
 * jansson and cairo included:
 *   FAILMALLOC_AT=n      the n-th request (from 1) fails, and only that one
 *   FAILMALLOC_FROM=n    the n-th and all later ones fail
 *   FAILMALLOC_COUNT=f   at exit, the number of requests is written to file f
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#pragma GCC visibility push(default)
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
#pragma GCC visibility pop

static atomic_long requests;
static long fail_at;
static long fail_from;

__attribute__((constructor)) static void read_settings(void)
{
    const char *at = getenv("FAILMALLOC_AT");
    const char *from = getenv("FAILMALLOC_FROM");
    fail_at = at ? atol(at) : 0;
    fail_from = from ? atol(from) : 0;
    atomic_store(&requests, 0);
}

__attribute__((destructor)) static void write_count(void)
{
    const char *path = getenv("FAILMALLOC_COUNT");
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : -1;
    if (fd < 0)
        return;
    char text[32];
    int n = snprintf(text, sizeof text, "%ld\n", atomic_load(&requests));
    if (write(fd, text, (size_t)n) != n)
        unlink(path);
    close(fd);
}

static bool fails(void)
{
    long n = atomic_fetch_add(&requests, 1) + 1;
    return n == fail_at || (fail_from && n >= fail_from);
}

__attribute__((visibility("default"))) void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

__attribute__((visibility("default"))) void *calloc(size_t n, size_t size)
{
    return fails() ? NULL : __libc_calloc(n, size);
}

__attribute__((visibility("default"))) void *realloc(void *p, size_t size)
{
    return fails() ? NULL : __libc_realloc(p, size);
}
