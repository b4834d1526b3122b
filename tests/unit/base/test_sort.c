/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "base/random.h"
#include "base/sort.h"

static long asked;

static int ascending(const void *a, const void *b)
{
    const int *x = a, *y = b;
    asked++;
    return (*x > *y) - (*x < *y);
}

static void sorts_what_is_out_of_order_anywhere(void **state)
{
    (void)state;
    struct wtl_rng rng;
    wtl_rng_init(&rng, 3);
    for (int round = 0; round < 2000; round++) {
        enum { MOST = 12 };
        int x[MOST], count[MOST] = {0};
        size_t n = wtl_rng_below(&rng, MOST + 1);
        for (size_t i = 0; i < n; i++) {
            x[i] = (int)wtl_rng_below(&rng, MOST);
            count[x[i]]++;
        }
        wtl_sort(x, n, sizeof *x, ascending);
        for (size_t i = 0; i < n; i++) {
            assert_true(i == 0 || x[i - 1] <= x[i]);
            count[x[i]]--;
        }
        for (size_t i = 0; i < MOST; i++)
            assert_int_equal(count[i], 0);
    }
}

static void asks_once_a_pair_when_all_is_in_order(void **state)
{
    (void)state;
    int x[1000];
    for (int i = 0; i < 1000; i++)
        x[i] = i / 2;
    asked = 0;
    wtl_sort(x, 1000, sizeof *x, ascending);
    assert_int_equal(asked, 999);
    wtl_sort(NULL, 0, sizeof *x, ascending);
    assert_int_equal(asked, 999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorts_what_is_out_of_order_anywhere),
        cmocka_unit_test(asks_once_a_pair_when_all_is_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
