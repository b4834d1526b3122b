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

static const char svg_in[] =
    "<?xml version=\"1.0\"?>\n<svg width=\"10pt\">\n<defs>\n<g>\n"
    "<symbol overflow=\"visible\" id=\"glyph0-1\">\n<path style=\"stroke:none;\" d=\"M 1.234567 "
    "-0.001 L 2 3.5 Z M 1.234567 -0.001 \"/>\n</symbol>\n</g>\n"
    "<clipPath id=\"clip9\">\n  <path d=\"M 1 1 L 5 1 L 5 4 Z M 1 1 \"/>\n</clipPath>\n</defs>\n"
    "<g id=\"surface1\">\n"
    "<g style=\"fill:rgb(100%,0%,20%);fill-opacity:1;\">\n  <use xlink:href=\"#glyph0-1\" "
    "x=\"7.1\" "
    "y=\"3\"/>\n  <use xlink:href=\"#glyph0-1\" x=\"9.604\" y=\"3\"/>\n</g>\n"
    "<g fill=\"rgb(0%, 0%, 1%)\" fill-opacity=\"0.5\">\n<use xlink:href=\"#glyph0-1\" x=\"7\" "
    "y=\"0\"/>\n</g>\n"
    "<g style=\"fill:rgb(0%,0%,0%);\">\n<use xlink:href=\"#glyph0-1\" x=\"0\" y=\"5\"/>\n"
    "<use xlink:href=\"#glyph0-1\" x=\"2.5\" y=\"5\"/>\n</g>\n"
    "<g clip-path=\"url(#clip9)\" clip-rule=\"nonzero\">\n"
    "<path style=\"fill:none;stroke-width:0.8;stroke:rgb(0%,0%,0%);stroke-opacity:1;"
    "stroke-miterlimit:10;\" d=\"M 1 2 L 4 2 L 4 7.25 L 3.5 7 \"/>\n"
    "<path style=\"fill:none;stroke-width:0.8;stroke:rgb(0%,0%,0%);stroke-opacity:1;"
    "stroke-miterlimit:10;\" d=\"M 6 7.1 L 6 7.1 M 9 9 C 1 2 3 4 10.5 9.5 \"/>\n"
    "</g>\n"
    "<path style=\"fill:rgb(0%,0%,0%);fill-opacity:0.5;stroke:none;\" d=\"M 1 2 L 3 4 \"/>\n"
    "<path style=\"fill:rgb(0%,0%,0%);fill-opacity:0.5;stroke:none;\" d=\"M 1 2 L 3 4 \"/>\n"
    "<path style=\"stroke:none;\" d=\"M 1 2 A 3 4 \"/>\n"
    "</g>\n</svg>\n";

/* Fewer bytes, the same picture: what of it is what is written out here in full. */
static void svg_in_few_bytes(void **state)
{
    (void)state;
    struct wtl_buf out;
    struct wtl_error err = {0};
    wtl_buf_init(&out, wtl_alloc_system(), 4096);
    assert_ok(wtl_svg_finish(wtl_alloc_system(), svg_in, "p-", "a < b", NULL, &out, &err), &err);
    assert_string_equal(
        wtl_buf_str(&out),
        "<?xml version=\"1.0\"?>\n<svg role=\"img\" width=\"10pt\"><title>a &lt; b</title>\n"
        "<defs>\n<g>\n<path id=\"p-g1\" d=\"M1.23 0l.77 3.5z\"/>\n</g>\n"
        "<clipPath id=\"p-k1\"><path d=\"M1 1h4v3z\"/></clipPath>\n</defs>\n<g>\n"
        "<defs><g id=\"p-t1\"><use xlink:href=\"#p-g1\"/><use xlink:href=\"#p-g1\" "
        "x=\"2.5\"/></g></defs>\n"
        "<use class=\"p-c1\" xlink:href=\"#p-t1\" x=\"7.1\" y=\"3\"/>\n"
        "<use class=\"p-c2\" xlink:href=\"#p-g1\" x=\"7\"/>\n"
        "<use class=\"p-c3\" xlink:href=\"#p-t1\" y=\"5\"/>\n"
        "<g clip-path=\"url(#p-k1)\">\n"
        "<path class=\"p-c4\" d=\"M1 2h3v5.25l-.5-.25m2.5 .1h0m3 1.9c-8-7-6-5 1.5 .5\"/>\n</g>\n"
        "<path class=\"p-c5\" d=\"M1 2l2 2\"/>\n<path class=\"p-c5\" d=\"M1 2l2 2\"/>\n"
        "<path style=\"stroke:none;\" d=\"M 1 2 A 3 4 \"/>\n</g>\n"
        "<style>.p-c1{fill:#f03}\n.p-c2{fill:#000003;fill-opacity:.5}\n.p-c3{fill:#000}\n"
        ".p-c4{fill:none;stroke:#000;stroke-width:.8}\n.p-c5{fill:#000;fill-opacity:.5}\n</style>\n"
        "</svg>\n");
    wtl_buf_clear(&out);
    assert_int_equal(wtl_svg_finish(wtl_alloc_system(), "no", "p", NULL, NULL, &out, &err),
                     -WTL_CORRUPT);
    assert_int_equal(
        wtl_svg_finish(wtl_alloc_system(), "<svg><path d=\"M 1", "p", NULL, NULL, &out, &err),
        -WTL_CORRUPT);
    wtl_buf_fini(&out);
}

/* The second figure of a page defines nothing that the first has. */
static void svg_of_a_page(void **state)
{
    (void)state;
    struct wtl_arena arena;
    struct wtl_buf out;
    struct wtl_error err = {0};
    wtl_arena_init(&arena, wtl_alloc_system());
    wtl_buf_init(&out, wtl_alloc_system(), 8192);
    struct wtl_svg_shared *page = wtl_svg_shared_new(&arena);
    assert_ok(wtl_svg_finish(wtl_alloc_system(), svg_in, "p-", NULL, page, &out, &err), &err);
    assert_non_null(strstr(wtl_buf_str(&out), "<g id=\"t1\">"));
    wtl_buf_clear(&out);
    assert_ok(wtl_svg_finish(wtl_alloc_system(), svg_in, "p-", NULL, page, &out, &err), &err);
    const char *text = wtl_buf_str(&out);
    assert_null(strstr(text, "id=\"g"));
    assert_null(strstr(text, "id=\"t"));
    assert_null(strstr(text, "<style>"));
    assert_non_null(strstr(text, "<clipPath id=\"k2\">"));
    assert_non_null(strstr(text, "<use class=\"c1\" href=\"#t1\" x=\"7.1\" y=\"3\"/>"));
    wtl_buf_fini(&out);
    wtl_arena_fini(&arena);
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
        cmocka_unit_test(xml),
        cmocka_unit_test(bad_utf8),
        cmocka_unit_test(markdown),
        cmocka_unit_test(slugs),
        cmocka_unit_test(svg_in_few_bytes),
        cmocka_unit_test(svg_of_a_page),
        cmocka_unit_test(colours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
