/* SPDX-License-Identifier: Apache-2.0
 * Operating points as text and in order. */
#include "support/support.h"

#include "core/point.h"

#include <stdio.h>

static struct wtl_point make(const char *variant, double batch, double share)
{
    struct wtl_point p = {0};
    (void)snprintf(p.variant, sizeof p.variant, "%s", variant);
    if (batch > 0)
        wtl_point_set(&p, WTL_SETTING_batch, batch);
    if (share > 0)
        wtl_point_set(&p, WTL_SETTING_share, share);
    return p;
}

static void test_format(void **state)
{
    (void)state;
    char buf[WTL_POINT_TEXT];
    struct wtl_point p = make("fp16", 8, 0.5);
    assert_string_equal(wtl_point_format(&p, buf), "fp16, batch 8, share 50 %");
    wtl_point_set(&p, WTL_SETTING_replicas, 2);
    wtl_point_set(&p, WTL_SETTING_limit_w, 250);
    wtl_point_set(&p, WTL_SETTING_cpu_quota, 1.5);
    wtl_point_set(&p, WTL_SETTING_threads, 1);
    assert_string_equal(wtl_point_format(&p, buf),
                        "fp16, batch 8, 2 replicas, share 50 %, 250 W, 1.5 CPUs, 1 thread");
    p = make("", 0, 0);
    assert_string_equal(wtl_point_format(&p, buf), "");
}

static void test_order(void **state)
{
    (void)state;
    /* Ascending; each differs from the next. */
    const struct wtl_point p[] = {make("", 0, 0),    make("", 8, 0),     make("", 8, 0.5),
                                  make("", 8, 1),    make("", 16, 0.25), make("a", 0, 0),
                                  make("a", 0, 0.1), make("a", 1, 0),    make("b", 0, 0)};
    const int n = sizeof p / sizeof p[0];
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            int c = wtl_point_compare(&p[i], &p[j]);
            assert_int_equal((c > 0) - (c < 0), (i > j) - (i < j));
        }
    struct wtl_point a = make("a", 0, 0.1 + 0.2), b = make("a", 0, 0.3);
    assert_int_equal(wtl_point_compare(&a, &b), 0);
}

static void test_names(void **state)
{
    (void)state;
    for (int s = 0; s < (int)WTL_N_SETTINGS; s++)
        assert_int_equal(wtl_setting_by_name(wtl_setting_info((enum wtl_setting)s)->name), s);
    assert_int_equal(wtl_setting_by_name("colour"), WTL_N_SETTINGS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
