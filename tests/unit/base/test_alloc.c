/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "base/watched.h"

#include <stdint.h>
#include <string.h>

static void memory_is_zeroed_aligned_and_distinct(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    unsigned char *last = NULL;
    for (size_t size = 1; size < 3000; size += 37) {
        unsigned char *p = wtl_arena_calloc(&arena, 1, size);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xff, size);
        assert_true(p != last);
        last = p;
    }
}

/* What is not zeroed takes its room as what is. */
static void raw_memory_is_aligned_and_ones_own(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    unsigned char *zeroed = wtl_arena_calloc(&arena, 1, 33);
    unsigned char *raw = WTL_RAW_ARRAY(&arena, unsigned char, 17);
    assert_int_equal((uintptr_t)raw % 16, 0);
    size_t used = arena.used_bytes;
    memset(raw, 0xff, 17);
    unsigned char *after = wtl_arena_calloc(&arena, 1, 40);
    assert_int_equal(arena.used_bytes, used + 48);
    for (size_t i = 0; i < 40; i++)
        assert_int_equal((i < 33 ? zeroed[i] : 0) | after[i], 0);
    assert_int_equal(raw[16], 0xff);
}

#ifdef WTL_WATCHED
/* With AddressSanitizer, a byte beside a piece, or in one that was given back, is an error. */
static void the_sanitizer_knows_every_piece(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    for (size_t size = 1; size < 70; size++) {
        char *p = wtl_arena_calloc(&arena, 1, size);
        char *q = wtl_arena_alloc(&arena, 1, size);
        assert_false(__asan_address_is_poisoned(p + size - 1));
        assert_true(__asan_address_is_poisoned(p + size));
        assert_true(__asan_address_is_poisoned(q - 1));
        assert_false(__asan_address_is_poisoned(q));
        assert_true(__asan_address_is_poisoned(q + size));
    }
    char *text = wtl_arena_strdup(&arena, "abc");
    assert_false(__asan_address_is_poisoned(text + 3));
    wtl_arena_reset(&arena);
    assert_true(__asan_address_is_poisoned(text));
}
#endif

static void overflow_and_exhaustion_give_null(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    assert_null(wtl_arena_calloc(&arena, SIZE_MAX / 2, 3));
    assert_null(wtl_arena_calloc(&arena, 1, SIZE_MAX));
    assert_null(wtl_arena_alloc(&arena, SIZE_MAX / 2, 3));
    assert_null(wtl_arena_alloc(&arena, 1, SIZE_MAX));
    struct wtl_alloc_failing failing;
    struct wtl_arena poor;
    wtl_arena_init(&poor, wtl_alloc_failing(&failing, 1));
    assert_null(wtl_arena_calloc(&poor, 1, 10));
    assert_null(wtl_arena_alloc(&poor, 1, 10));
    assert_null(wtl_arena_strdup(&poor, "x"));
    assert_null(wtl_arena_printf(&poor, "%d", 1));
    wtl_arena_fini(&poor);
    wtl_arena_fini(&poor);
}

static void growing_keeps_content_and_failure_keeps_all(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    int *items = NULL;
    size_t n = 0;
    size_t cap = 0;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(wtl_grow(&arena, &items, n, &cap), 0);
        items[n++] = i;
    }
    for (int i = 0; i < 1000; i++)
        assert_int_equal(items[i], i);
    struct wtl_alloc_failing failing;
    struct wtl_arena poor;
    wtl_arena_init(&poor, wtl_alloc_failing(&failing, 1));
    int *before = items;
    size_t cap_before = cap;
    assert_true(wtl_grow(&poor, &items, cap, &cap) < 0);
    assert_ptr_equal(items, before);
    assert_int_equal(cap, cap_before);
}

static void reset_reuses_the_newest_block(void **state)
{
    (void)state;
    struct wtl_alloc_failing counting;
    struct wtl_arena arena;
    wtl_arena_init(&arena, wtl_alloc_failing(&counting, 1000));
    assert_non_null(wtl_arena_calloc(&arena, 1, 100));
    long requests = counting.requests;
    for (int i = 0; i < 100; i++) {
        wtl_arena_reset(&arena);
        assert_non_null(wtl_arena_calloc(&arena, 1, 100));
    }
    assert_int_equal(counting.requests, requests);
    wtl_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_aligned_and_distinct),
#ifdef WTL_WATCHED
        cmocka_unit_test(the_sanitizer_knows_every_piece),
#endif
        cmocka_unit_test(raw_memory_is_aligned_and_ones_own),
        cmocka_unit_test(overflow_and_exhaustion_give_null),
        cmocka_unit_test(growing_keeps_content_and_failure_keeps_all),
        cmocka_unit_test(reset_reuses_the_newest_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
