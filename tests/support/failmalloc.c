/* SPDX-License-Identifier: Apache-2.0
 *
 * A library for LD_PRELOAD that makes the n-th allocation of a whole process fail, those of SQLite,
 * jansson and cairo included:
 *   FAILMALLOC_AT=n      the n-th request (from 1) fails, and only that one
 *   FAILMALLOC_FROM=n    the n-th and all later ones fail
 *   FAILMALLOC_COUNT=f   at exit, the number of requests is written to file f
 *   FAILMALLOC_SPARE=lib requests that a library whose path contains "lib" makes itself are granted
 *                        and not counted; several names are parted by blanks
 *   FAILMALLOC_TRACE=1   the stack of the first failing request goes to standard error
 * Works on top of AddressSanitizer with LD_PRELOAD="failmalloc.so libasan.so" and
 * ASAN_OPTIONS=verify_asan_link_order=0.
 */
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

#pragma GCC visibility push(default)
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
/* AddressSanitizer's, where it is loaded: free() is its own then. */
__attribute__((weak)) void *__interceptor_malloc(size_t size);
__attribute__((weak)) void *__interceptor_calloc(size_t n, size_t size);
__attribute__((weak)) void *__interceptor_realloc(void *p, size_t size);
__attribute__((weak)) void *__interceptor_memalign(size_t alignment, size_t size);
#pragma GCC visibility pop

static atomic_long requests;
static atomic_bool traced;
static long fail_at;
static long fail_from;

enum { SPARED_MAX = 16 };
static struct {
    uintptr_t begin, end;
} spared[SPARED_MAX];
static int n_spared;

static bool is_spared(const char *path)
{
    const char *names = getenv("FAILMALLOC_SPARE");
    char copy[256], *rest = copy;
    snprintf(copy, sizeof copy, "%s", names ? names : "");
    for (char *name; (name = strsep(&rest, " "));)
        if (*name && strstr(path, name))
            return true;
    return false;
}

static int note_library(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    (void)data;
    if (!is_spared(info->dlpi_name))
        return 0;
    for (int i = 0; i < info->dlpi_phnum && n_spared < SPARED_MAX; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X))
            continue;
        spared[n_spared].begin = info->dlpi_addr + segment->p_vaddr;
        spared[n_spared].end = spared[n_spared].begin + segment->p_memsz;
        n_spared++;
    }
    return 0;
}

static long setting(const char *name)
{
    const char *text = getenv(name);
    return text ? atol(text) : 0;
}

__attribute__((constructor)) static void read_settings(void)
{
    void *frame[1];
    bool trace = setting("FAILMALLOC_TRACE") != 0;
    if (trace)
        (void)backtrace(frame, 1); /* loads what it needs */
    dl_iterate_phdr(note_library, NULL);
    atomic_store(&traced, !trace);
    atomic_store(&requests, 0);
    fail_at = setting("FAILMALLOC_AT");
    fail_from = setting("FAILMALLOC_FROM");
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

static void show_stack(void)
{
    void *frames[40];
    if (!atomic_exchange(&traced, true))
        backtrace_symbols_fd(frames, backtrace(frames, 40), 2);
}

static bool fails(const void *caller)
{
    for (int i = 0; i < n_spared; i++)
        if ((uintptr_t)caller >= spared[i].begin && (uintptr_t)caller < spared[i].end)
            return false;
    long n = atomic_fetch_add(&requests, 1) + 1;
    if (n != fail_at && (!fail_from || n < fail_from))
        return false;
    show_stack();
    errno = ENOMEM;
    return true;
}

EXPORT void *malloc(size_t size)
{
    if (fails(__builtin_return_address(0)))
        return NULL;
    return __interceptor_malloc ? __interceptor_malloc(size) : __libc_malloc(size);
}

EXPORT void *calloc(size_t n, size_t size)
{
    if (fails(__builtin_return_address(0)))
        return NULL;
    return __interceptor_calloc ? __interceptor_calloc(n, size) : __libc_calloc(n, size);
}

EXPORT void *realloc(void *p, size_t size)
{
    if (fails(__builtin_return_address(0)))
        return NULL;
    return __interceptor_realloc ? __interceptor_realloc(p, size) : __libc_realloc(p, size);
}

static void *aligned(size_t alignment, size_t size, const void *caller)
{
    if (fails(caller))
        return NULL;
    return __interceptor_memalign ? __interceptor_memalign(alignment, size)
                                  : __libc_memalign(alignment, size);
}

EXPORT void *memalign(size_t alignment, size_t size)
{
    return aligned(alignment, size, __builtin_return_address(0));
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
    return aligned(alignment, size, __builtin_return_address(0));
}

EXPORT int posix_memalign(void **out, size_t alignment, size_t size)
{
    void *p = aligned(alignment, size, __builtin_return_address(0));
    if (!p)
        return ENOMEM;
    *out = p;
    return 0;
}
