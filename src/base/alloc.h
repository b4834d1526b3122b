/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory. Every allocation of ours goes through `struct wtl_alloc`, so that a test can make the
 * n-th one fail, and nearly every one through an arena: one arena per request (a command, a fit, a
 * file), freed as a whole. Code that returns memory takes the arena it shall live in.
 */
#ifndef WTL_BASE_ALLOC_H
#define WTL_BASE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

struct wtl_alloc {
    /* size 0 frees `p` and returns NULL; p NULL allocates. Alignment as malloc's. */
    void *(*resize)(void *ctx, void *p, size_t size);
    void *ctx;
};

/* malloc, realloc, free. */
struct wtl_alloc wtl_alloc_system(void);

/* Whether the system would give so many bytes now: asks for them and gives them back untouched. */
bool wtl_memory_in_sight(size_t bytes);

/* An allocator that fails the n-th request (from 1) and every later one, for tests. */
struct wtl_alloc_failing {
    long countdown; /* requests still granted */
    long requests;  /* asked so far */
};
struct wtl_alloc wtl_alloc_failing(struct wtl_alloc_failing *state, long fail_at);

struct wtl_arena_block;

/* A growing region. Not thread-safe: one arena per thread. Plain data; do not copy after first use.
 */
struct wtl_arena {
    struct wtl_alloc alloc;
    struct wtl_arena_block *blocks; /* newest first */
    size_t used_bytes;              /* handed out, for limits and statistics */
    bool failed; /* a request was refused: what was built from it may lack parts */
};

void wtl_arena_init(struct wtl_arena *arena, struct wtl_alloc alloc);

/* Frees everything. Safe on an arena of zeros and when called twice. */
void wtl_arena_fini(struct wtl_arena *arena);

/* Forgets everything handed out but keeps the newest block for reuse. */
void wtl_arena_reset(struct wtl_arena *arena);

/* n * size bytes, zeroed, aligned to 16; NULL when memory is out or n * size overflows. */
void *wtl_arena_calloc(struct wtl_arena *arena, size_t n, size_t size) __attribute__((malloc));

/* The same, not zeroed: for large arrays that are written whole before they are read. */
void *wtl_arena_alloc(struct wtl_arena *arena, size_t n, size_t size) __attribute__((malloc));

/* Copies; NULL when memory is out. wtl_arena_strdup(NULL) is NULL. */
char *wtl_arena_strdup(struct wtl_arena *arena, const char *s);
char *wtl_arena_strndup(struct wtl_arena *arena, const char *s, size_t n);
void *wtl_arena_memdup(struct wtl_arena *arena, const void *p, size_t n);
char *wtl_arena_printf(struct wtl_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Typed helpers. */
#define WTL_NEW(arena, type) ((type *)wtl_arena_calloc((arena), 1, sizeof(type)))
#define WTL_NEW_ARRAY(arena, type, n) ((type *)wtl_arena_calloc((arena), (n), sizeof(type)))
#define WTL_RAW_ARRAY(arena, type, n) ((type *)wtl_arena_alloc((arena), (n), sizeof(type)))

/* `WTL_ARENA(name);` declares a local arena on the system allocator that is freed on scope exit. */
#define WTL_ARENA(name)                                                                            \
    __attribute__((cleanup(wtl_arena_fini))) struct wtl_arena name;                                \
    wtl_arena_init(&name, wtl_alloc_system())

/* Makes room for one more element in an array that lives in an arena: grows by doubling.
 *   struct thing *items; size_t n, cap;
 *   if (wtl_grow(arena, &items, n, &cap)) return WTL_FAIL(err, WTL_NOMEM, "out of memory");
 *   items[n++] = ...
 * Returns 0, or -WTL_NOMEM with everything as it was. */
#define wtl_grow(arena, items, n, cap)                                                             \
    wtl_grow_((arena), (void **)(items), (n), (cap), sizeof **(items))
int wtl_grow_(struct wtl_arena *arena, void **items, size_t n, size_t *cap, size_t size);

#endif
