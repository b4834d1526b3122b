/* SPDX-License-Identifier: Apache-2.0
 * Text of users must not act as markup. */
#include "support/support.h"

#include "report/escape.h"
#include "report/palette.h"
#include "report/svg.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *through(void (*escape)(struct wtl_buf *, const char *), const char *text)
{
    static char copy[512];
    struct wtl_buf buf;
    wtl_buf_init(&buf, wtl_alloc_system(), 500);
    escape(&buf, text);
    assert_false(buf.failed);
    strcpy(copy, wtl_buf_str(&buf));
    wtl_buf_fini(&buf);
    return copy;
}

static void xml(void **state)
{
    (void)state;
    assert_string_equal(through(wtl_escape_xml, "<b a=\"1\" c='2'>&amp;"),
                        "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;amp;");
    assert_string_equal(through(wtl_escape_xml, "a\x01\tb\x7f"), "a  b ");
    assert_string_equal(through(wtl_escape_xml, "gr\xc3\xbc\xc3\x9f \xe2\x82\xac"),
                        "gr\xc3\xbc\xc3\x9f \xe2\x82\xac");
}

static void bad_utf8(void **state)
{
    (void)state;
    static const char *const bad[] = {"\x80",         "\xc0\xaf",         "\xe0\x80\xaf",
                                      "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xf0\x80\x80\x80",
                                      "\xc3"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[64], clean[64];
        snprintf(text, sizeof text, "a%s", bad[i]);
        wtl_utf8_clean(text, clean, sizeof clean);
        assert_memory_equal(clean, "a\xef\xbf\xbd", 4);
    }
    char small[5];
    wtl_utf8_clean("ab\xe2\x82\xac", small, sizeof small); /* no room for the euro sign */
    assert_string_equal(small, "ab");
}

static void markdown(void **state)
{
    (void)state;
    assert_string_equal(through(wtl_escape_markdown, "a|b*c_d`<x>[1](u)"),
                        "a\\|b\\*c\\_d\\`&lt;x&gt;\\[1\\]\\(u\\)");
    assert_null(strchr(through(wtl_escape_markdown, "line\nbreak"), '\n'));
}

static void slugs(void **state)
{
    (void)state;
    char buf[16];
    wtl_slug("A100 PCIe/40GB", buf, sizeof buf);
    assert_string_equal(buf, "a100-pcie-40gb");
    wtl_slug("../..", buf, sizeof buf);
    assert_string_equal(buf, "x");
    wtl_slug("", buf, sizeof buf);
    assert_string_equal(buf, "x");
    wtl_slug("abcdefghijklmnopqrst", buf, sizeof buf);
    assert_int_equal(strlen(buf), 15);
}

static void svg_ids(void **state)
{
    (void)state;
    static const char in[] =
        "<?xml version=\"1.0\"?>\n<svg width=\"10pt\">\n"
        "<g id=\"glyph0-1\"><path style=\"stroke:none;\" d=\"M 1.234567 -0.001 L 2 3.5 \"/></g>"
        "<use xlink:href=\"#glyph0-1\" x=\"7.000000\"/><g clip-path=\"url(#clip9)\"/>"
        "<g id=\"clip9\" style=\"fill:url(#clip9);\"/><path style=\"stroke:none;\"/></svg>\n";
    struct wtl_buf out;
    struct wtl_error err = {0};
    wtl_buf_init(&out, wtl_alloc_system(), 4096);
    assert_ok(wtl_svg_finish(wtl_alloc_system(), in, "p-", "a < b", NULL, &out, &err), &err);
    assert_string_equal(
        wtl_buf_str(&out),
        "<?xml version=\"1.0\"?>\n<svg role=\"img\" width=\"10pt\"><title>a &lt; b</title>\n"
        "<g id=\"p-1\"><path class=\"p-c1\" d=\"M 1.23 0 L 2 3.5 \"/></g>"
        "<use xlink:href=\"#p-1\" x=\"7\"/><g clip-path=\"url(#p-2)\"/>"
        "<g id=\"p-2\" style=\"fill:url(#p-2);\"/><path class=\"p-c1\"/>"
        "<style>.p-c1{stroke:none;}\n</style>\n</svg>\n");
    wtl_buf_clear(&out);
    assert_int_equal(wtl_svg_finish(wtl_alloc_system(), "no", "p", NULL, NULL, &out, &err),
                     -WTL_CORRUPT);
    wtl_buf_fini(&out);
}

static void colours(void **state)
{
    (void)state;
    double last = 0, step = 0;
    for (int i = 0; i <= 20; i++) {
        struct wtl_rgb c = wtl_color_sequential(i / 20.0);
        assert_true(c.r >= 0 && c.r <= 1 && c.g >= 0 && c.g <= 1 && c.b >= 0 && c.b <= 1);
        double l = cbrt(wtl_color_luminance(c)); /* close to perceived lightness */
        if (i) {
            assert_true(l > last); /* a grey print keeps the order */
            if (i > 1)
                assert_true((l - last) / step < 1.6 && step / (l - last) < 1.6);
            step = l - last;
        }
        last = l;
        /* Text on the colour has a contrast of at least 4.5 (WCAG 2, AA). */
        double a = wtl_color_luminance(c) + 0.05;
        double b = wtl_color_luminance(wtl_color_on(c)) + 0.05;
        assert_true(fmax(a / b, b / a) >= 4);
    }
    double ink = wtl_color_luminance(wtl_color(WTL_COLOR_MUTED)) + 0.05;
    assert_true(1.05 / ink >= 4.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xml),   cmocka_unit_test(bad_utf8), cmocka_unit_test(markdown),
        cmocka_unit_test(slugs), cmocka_unit_test(svg_ids),  cmocka_unit_test(colours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
