/* SPDX-License-Identifier: Apache-2.0
 * Templates of commands. */
#include "support/support.h"

#include "lab/template.h"

#include <string.h>

static struct wtl_arena arena;
static struct wtl_error err;

static int begin(void **state)
{
    (void)state;
    wtl_arena_init(&arena, wtl_alloc_system());
    return 0;
}

static int end(void **state)
{
    (void)state;
    wtl_arena_fini(&arena);
    return 0;
}

static const char *fill(const char *word, const struct wtl_lab_point *p)
{
    const char *out = NULL;
    assert_ok(wtl_template_check(word, &err), &err);
    assert_ok(wtl_template_fill(&arena, word, p, &out, &err), &err);
    return out;
}

static void fills_values(void **state)
{
    struct wtl_lab_point p = {.clock_mhz = 1095, .mem_clock_mhz = 1215, .point.variant = "fp16"};
    (void)state;
    wtl_point_set(&p.point, WTL_SETTING_batch, 8);
    wtl_point_set(&p.point, WTL_SETTING_share, 0.25);
    wtl_point_set(&p.point, WTL_SETTING_cpu_quota, 1.5);
    assert_string_equal(fill("--batch={batch}", &p), "--batch=8");
    assert_string_equal(fill("{variant}-{clock_mhz}/{mem_clock_mhz}", &p), "fp16-1095/1215");
    assert_string_equal(fill("{share} {share_percent} {cpu_quota}", &p), "0.25 25 1.5");
    assert_string_equal(fill("{{batch}} {{{batch}}}", &p), "{batch} {8}");
    assert_string_equal(fill("plain } text", &p), "plain } text");
    assert_string_equal(fill("", &p), "");
}

static void knows_its_parts(void **state)
{
    const char *words[] = {"-b", "{batch}", "{{limit_w}} {share_percent}{clock_mhz}", "{variant}"};
    struct wtl_yaml_strings list = {.values = words, .n = 1};
    struct wtl_lab_point p = {.clock_mhz = 1095, .point.variant = "fp16"};
    (void)state;
    assert_int_equal(wtl_template_parts(&list), 0);
    list.n = 4;
    assert_int_equal(wtl_template_parts(&list),
                     WTL_PART(WTL_SETTING_batch) | WTL_PART(WTL_SETTING_share) |
                         WTL_PART(WTL_PART_clock_mhz) | WTL_PART(WTL_PART_variant));
    wtl_point_set(&p.point, WTL_SETTING_batch, 8);
    assert_int_equal(wtl_lab_point_parts(&p), WTL_PART(WTL_SETTING_batch) |
                                                  WTL_PART(WTL_PART_clock_mhz) |
                                                  WTL_PART(WTL_PART_variant));
}

static void refuses(void **state)
{
    const struct wtl_lab_point p = {0};
    const char *out = "untouched";
    (void)state;
    assert_int_equal(wtl_template_check("{bacth}", &err), -(int)WTL_USAGE);
    assert_non_null(strstr(err.hint, "{batch}"));
    assert_int_equal(wtl_template_check("{batch", &err), -(int)WTL_USAGE);
    assert_int_equal(wtl_template_fill(&arena, "{batch}", &p, &out, &err), -(int)WTL_USAGE);
    assert_non_null(strstr(err.message, "sets no batch"));
    assert_int_equal(wtl_template_fill(&arena, "{variant}", &p, &out, &err), -(int)WTL_USAGE);
    assert_int_equal(wtl_template_fill(&arena, "{clock_mhz}", &p, &out, &err), -(int)WTL_USAGE);
    assert_string_equal(out, "untouched");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_values),
        cmocka_unit_test(knows_its_parts),
        cmocka_unit_test(refuses),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
