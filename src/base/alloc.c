/* SPDX-License-Identifier: Apache-2.0
 * Arenas over an injectable allocator. */
#include "base/alloc.h"

#include "base/error.h"
#include "base/watched.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* AddressSanitizer sees blocks only; told what in them is handed out, it also sees a step from one
 * array of an arena into the next, and a use after wtl_arena_reset(). */
#ifdef WTL_WATCHED
enum { GUARD = 16 }; /* bytes that nobody gets after each piece */
#else
enum { GUARD = 0 };
#endif

enum { BLOCK_MIN = 16384, BLOCK_MAX = 1 << 20, ALIGNMENT = 16 };

struct wtl_arena_block {
    struct wtl_arena_block *next;
    size_t size; /* of data */
    size_t used;
    size_t reserved; /* keeps data aligned to 16 */
    unsigned char data[];
};

static void *system_resize(void *ctx, void *p, size_t size)
{
    (void)ctx;
    if (size == 0) {
        free(p);
        return NULL;
    }
    return realloc(p, size);
}

struct wtl_alloc wtl_alloc_system(void)
{
    return (struct wtl_alloc){.resize = system_resize, .ctx = NULL};
}

bool wtl_memory_in_sight(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p != MAP_FAILED && munmap(p, bytes) == 0;
}

static void *failing_resize(void *ctx, void *p, size_t size)
{
    struct wtl_alloc_failing *state = ctx;
    if (size == 0)
        return system_resize(NULL, p, 0);
    state->requests++;
    if (state->countdown <= 0)
        return NULL;
    state->countdown--;
    return system_resize(NULL, p, size);
}

struct wtl_alloc wtl_alloc_failing(struct wtl_alloc_failing *state, long fail_at)
{
    state->countdown = fail_at - 1;
    state->requests = 0;
    return (struct wtl_alloc){.resize = failing_resize, .ctx = state};
}

void wtl_arena_init(struct wtl_arena *arena, struct wtl_alloc alloc)
{
    *arena = (struct wtl_arena){.alloc = alloc};
}

void wtl_arena_fini(struct wtl_arena *arena)
{
    struct wtl_arena_block *b = arena->blocks;
    while (b) {
        struct wtl_arena_block *next = b->next;
        ASAN_UNPOISON_MEMORY_REGION(b->data, b->size);
        arena->alloc.resize(arena->alloc.ctx, b, 0);
        b = next;
    }
    arena->blocks = NULL;
    arena->used_bytes = 0;
}

void wtl_arena_reset(struct wtl_arena *arena)
{
    struct wtl_arena_block *newest = arena->blocks;
    if (!newest)
        return;
    arena->blocks = newest->next;
    wtl_arena_fini(arena);
    newest->next = NULL;
    newest->used = 0;
    ASAN_POISON_MEMORY_REGION(newest->data, newest->size);
    arena->blocks = newest;
}

static struct wtl_arena_block *add_block(struct wtl_arena *arena, size_t need)
{
    size_t size = arena->blocks ? arena->blocks->size * 2 : BLOCK_MIN;
    if (size > BLOCK_MAX)
        size = BLOCK_MAX;
    if (size < need)
        size = need;
    if (size > SIZE_MAX - sizeof(struct wtl_arena_block))
        return NULL;
    struct wtl_arena_block *b =
        arena->alloc.resize(arena->alloc.ctx, NULL, sizeof(struct wtl_arena_block) + size);
    if (!b)
        return NULL;
    b->next = arena->blocks;
    b->size = size;
    b->used = 0;
    ASAN_POISON_MEMORY_REGION(b->data, b->size);
    arena->blocks = b;
    return b;
}

static void *refuse(struct wtl_arena *arena)
{
    arena->failed = true;
    return NULL;
}

/* *bytes_out: n * size. */
static void *take(struct wtl_arena *arena, size_t n, size_t size, size_t *bytes_out)
{
    size_t wanted;
    if (__builtin_mul_overflow(n, size, &wanted) || wanted > SIZE_MAX - ALIGNMENT - GUARD)
        return refuse(arena);
    size_t bytes = (wanted + GUARD + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (bytes == 0)
        bytes = ALIGNMENT;
    struct wtl_arena_block *b = arena->blocks;
    if (!b || b->size - b->used < bytes) {
        b = add_block(arena, bytes);
        if (!b)
            return refuse(arena);
    }
    void *p = b->data + b->used;
    ASAN_UNPOISON_MEMORY_REGION(p, wanted);
    b->used += bytes;
    arena->used_bytes += bytes - GUARD;
    *bytes_out = wanted;
    return p;
}

void *wtl_arena_calloc(struct wtl_arena *arena, size_t n, size_t size)
{
    size_t bytes;
    void *p = take(arena, n, size, &bytes);
    return p ? memset(p, 0, bytes) : NULL;
}

void *wtl_arena_alloc(struct wtl_arena *arena, size_t n, size_t size)
{
    size_t bytes;
    return take(arena, n, size, &bytes);
}

void *wtl_arena_memdup(struct wtl_arena *arena, const void *p, size_t n)
{
    void *copy = wtl_arena_calloc(arena, 1, n);
    if (copy && n)
        memcpy(copy, p, n);
    return copy;
}

char *wtl_arena_strndup(struct wtl_arena *arena, const char *s, size_t n)
{
    if (n == SIZE_MAX)
        return NULL;
    char *copy = wtl_arena_calloc(arena, 1, n + 1);
    if (copy && n)
        memcpy(copy, s, n);
    return copy;
}

char *wtl_arena_strdup(struct wtl_arena *arena, const char *s)
{
    return s ? wtl_arena_strndup(arena, s, strlen(s)) : NULL;
}

char *wtl_arena_printf(struct wtl_arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *s = n < 0 ? NULL : wtl_arena_calloc(arena, 1, (size_t)n + 1);
    if (s)
        vsnprintf(s, (size_t)n + 1, format, again);
    va_end(again);
    return s;
}

int wtl_grow_(struct wtl_arena *arena, void **items, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return 0;
    size_t more = *cap ? *cap * 2 : 8;
    void *bigger = wtl_arena_calloc(arena, more, size);
    if (!bigger)
        return -(int)WTL_NOMEM;
    if (n)
        memcpy(bigger, *items, n * size);
    *items = bigger;
    *cap = more;
    return 0;
}
