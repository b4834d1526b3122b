/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "base/random.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool number(const char *s, double *out)
{
    return wtl_parse_double(s, strlen(s), out);
}

static void parses_what_is_a_number(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
    } good[] = {
        {"0", 0},
        {"-0.000", 0},
        {"72.345", 72.345},
        {"313320408451", 313320408451.0},
        {"+1.5", 1.5},
        {"1e3", 1000},
        {".5", 0.5},
        {"5.", 5},
        {"1.7e308", 1.7e308},
        {"0.1234567890123456789", 0.1234567890123456789},
        {"9223372036854775807", 9223372036854775807.0},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        double v = -1;
        assert_true(number(good[i].text, &v));
        assert_true(v == good[i].value);
    }
}

static void refuses_what_is_not_and_leaves_the_output(void **state)
{
    (void)state;
    static const char *const bad[] = {"",   " 1",  "1 ",  "abc", "1.2.3", "0x10",  "nan", "inf",
                                      "1e", "--1", "1,5", "-",   ".",     "1e999", "+"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        double v = 42;
        assert_false(number(bad[i], &v));
        assert_true(v == 42);
    }
}

/* By printf and strtod: the first of 15, 16, 17 digits that reads back. */
static void assert_shortest(double value)
{
    char expected[64], text[WTL_DOUBLE_TEXT];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(expected, sizeof expected, "%.*g", digits, value);
        const double back = strtod(expected, NULL);
        if (memcmp(&back, &value, sizeof value) == 0)
            break;
    }
    assert_string_equal(wtl_format_double(value, text), expected);
}

static double of_bits(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static void writes_the_shortest_decimal_that_reads_back(void **state)
{
    (void)state;
    static const double some[] = {0.0,
                                  -0.0,
                                  1,
                                  -1,
                                  0.1,
                                  0.3,
                                  35.483000000000004,
                                  1795357729.6473541,
                                  1e15,
                                  9e14,
                                  899999999999999.9,
                                  899999999999999.875,
                                  1e-3,
                                  0.5,
                                  999.9999999999999,
                                  0.09999999999999999,
                                  0.99999999999999989,
                                  1.7e308,
                                  5e-324,
                                  72.345,
                                  9007199254740993.0,
                                  4503599627370496.5,
                                  0.00097656250000000011,
                                  562949953421312.1};
    struct wtl_rng rng;
    wtl_rng_init(&rng, 11);
    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++)
        assert_shortest(some[i]);
    for (int i = -30; i < 60; i++) { /* powers of two, and their neighbours */
        const uint64_t bits = (uint64_t)(1023 + i) << 52;
        for (uint64_t k = 0; k < 5; k++) {
            assert_shortest(of_bits(bits + k));
            assert_shortest(-of_bits(bits - k));
        }
    }
    for (int i = 0; i < 60000; i++) {
        const uint64_t bits = wtl_rng_next(&rng);
        const double u = (double)(bits >> 11) * 0x1p-53;
        assert_shortest(of_bits((bits & ~(UINT64_C(0x7ff) << 52)) | (1023 - 14 + bits % 68)
                                                                        << 52)); /* 2^-14 to 2^54 */
        assert_shortest((double)(bits % 1000000007) / 1000); /* what sensors say */
        assert_shortest(1e-9 * (double)(INT64_C(1795357729000000000) + (int64_t)(bits >> 30)));
        assert_shortest((double)(bits >> 12) / 4); /* halfway cases */
        assert_shortest(u);
        double whole = (double)(bits >> 20);
        assert_shortest(whole);
    }
}

/* The short path must round as strtod does. */
static void agrees_with_strtod_to_the_last_bit(void **state)
{
    (void)state;
    struct wtl_rng rng;
    wtl_rng_init(&rng, 7);
    for (int i = 0; i < 200000; i++) {
        char text[64];
        int decimals = (int)wtl_rng_below(&rng, 10);
        double x = (wtl_rng_uniform(&rng) - 0.5) * (i % 2 ? 1e3 : 1e12);
        snprintf(text, sizeof text, "%.*f", decimals, x);
        double ours;
        assert_true(number(text, &ours));
        assert_true(ours == strtod(text, NULL));
    }
}

static void integers_reach_both_ends(void **state)
{
    (void)state;
    int64_t v = 1;
    assert_true(wtl_parse_int("9223372036854775807", 19, &v) && v == INT64_MAX);
    assert_true(wtl_parse_int("-9223372036854775808", 20, &v) && v == INT64_MIN);
    v = 5;
    assert_false(wtl_parse_int("9223372036854775808", 19, &v));
    assert_false(wtl_parse_int("-9223372036854775809", 20, &v));
    assert_false(wtl_parse_int("", 0, &v));
    assert_false(wtl_parse_int("1.0", 3, &v));
    assert_int_equal(v, 5);
}

static void buffer_grows_to_its_maximum_and_no_further(void **state)
{
    (void)state;
    struct wtl_buf buf;
    wtl_buf_init(&buf, wtl_alloc_system(), 10);
    assert_string_equal(wtl_buf_str(&buf), "");
    wtl_buf_printf(&buf, "%d-%s", 12, "abc");
    assert_string_equal(wtl_buf_str(&buf), "12-abc");
    wtl_buf_puts(&buf, "12345");
    assert_true(buf.failed);
    assert_string_equal(wtl_buf_str(&buf), "12-abc");
    wtl_buf_clear(&buf);
    wtl_buf_puts(&buf, "0123456789");
    assert_false(buf.failed);
    wtl_buf_fini(&buf);
}

static void buffer_survives_failing_memory(void **state)
{
    (void)state;
    for (long n = 1; n < 4; n++) {
        struct wtl_alloc_failing failing;
        struct wtl_buf buf;
        wtl_buf_init(&buf, wtl_alloc_failing(&failing, n), 100000);
        for (int i = 0; i < 50; i++)
            wtl_buf_puts(&buf, "0123456789");
        assert_true(buf.failed);
        assert_true(strlen(wtl_buf_str(&buf)) == buf.len);
        wtl_buf_fini(&buf);
    }
}

static void names_fold_to_one_key(void **state)
{
    (void)state;
    char a[32];
    char b[32];
    wtl_fold_name("Stable_Diffusion", a, sizeof a);
    wtl_fold_name("STABLE DIFFUSION", b, sizeof b);
    assert_string_equal(a, "stablediffusion");
    assert_string_equal(a, b);
    wtl_fold_name("a long name", a, 4);
    assert_string_equal(a, "alo");
    static const struct {
        const char *name, *key;
    } keys[] = {{"", ""},
                {"OPT-1.3B", "opt1-3b"},
                {"opt_1_3b", "opt1-3b"},
                {"opt-13b", "opt13b"},
                {"GPT-2", "gpt2"},
                {"A100-PCIE-40GB", "a100pcie40gb"},
                {"1..2", "1-2"},
                {"-1-", "1"},
                {"\xe6\x8e\xa8\xe8\xab\x96 A", "\xe6\x8e\xa8\xe8\xab\x96"
                                               "a"},
                {"???", "???"},
                {"-", "-"}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        wtl_fold_name(keys[i].name, a, sizeof a);
        assert_string_equal(a, keys[i].key);
        assert_true(wtl_same_name(keys[i].name, keys[i].key));
        for (size_t size = 1; size < 8; size++) { /* cut, never beyond the end */
            memset(b, '#', sizeof b);
            wtl_fold_name(keys[i].name, b, size);
            assert_true(strlen(b) < size);
            assert_int_equal(b[size], '#');
        }
    }
    /* Names of other scripts, and of signs, are no less different for that. */
    assert_false(wtl_same_name("\xe6\x8e\xa8\xe8\xab\x96", "\xe8\xa8\x93\xe7\xb7\xb4"));
    assert_false(wtl_same_name("???", "!!!"));
    assert_false(wtl_same_name("", "?"));
}

static void views_trim_and_compare(void **state)
{
    (void)state;
    struct wtl_view v = wtl_view_trim(wtl_view_of(" \tN/A\r\n"));
    assert_true(wtl_view_is(v, "N/A"));
    assert_true(wtl_view_is_nocase(v, "n/a"));
    char small[3];
    assert_false(wtl_view_copy(v, small, sizeof small));
    assert_string_equal(small, "N/");
}

static void utf8_by_the_letter_of_the_rfc(void **state)
{
    (void)state;
    static const char *const good[] = {
        "", "plain", "\xc2\x80", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80",         "a\xc3",        "\xc0\x80",
                                      "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                      "\xf5",         "\xe2\x82"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(wtl_utf8_valid(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(wtl_utf8_valid(bad[i]));
}

static void articles_as_names_are_spoken(void **state)
{
    static const char *const an[] = {"NVIDIA A100-PCIE-40GB",
                                     "A100",
                                     "H100",
                                     "RTX 3080 Ti",
                                     "Intel Arc",
                                     "AMD Instinct",
                                     "L4",
                                     "MI300X",
                                     "A"};
    static const char *const a[] = {
        "V100", "Tesla V100", "GeForce RTX 3090", "P40", "T4", "B200", "plain", "GH200",
        "",     "Radeon"};
    (void)state;
    for (size_t i = 0; i < sizeof an / sizeof an[0]; i++)
        assert_string_equal(wtl_article(an[i]), "an");
    for (size_t i = 0; i < sizeof a / sizeof a[0]; i++)
        assert_string_equal(wtl_article(a[i]), "a");
}

static void one_is_no_plural(void **state)
{
    (void)state;
    assert_string_equal(wtl_plural(1), "");
    assert_string_equal(wtl_plural(0), "s");
    assert_string_equal(wtl_plural(2), "s");
    assert_string_equal(wtl_plural(-1), "s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_is_no_plural),
        cmocka_unit_test(articles_as_names_are_spoken),
        cmocka_unit_test(parses_what_is_a_number),
        cmocka_unit_test(refuses_what_is_not_and_leaves_the_output),
        cmocka_unit_test(writes_the_shortest_decimal_that_reads_back),
        cmocka_unit_test(agrees_with_strtod_to_the_last_bit),
        cmocka_unit_test(integers_reach_both_ends),
        cmocka_unit_test(buffer_grows_to_its_maximum_and_no_further),
        cmocka_unit_test(buffer_survives_failing_memory),
        cmocka_unit_test(names_fold_to_one_key),
        cmocka_unit_test(views_trim_and_compare),
        cmocka_unit_test(utf8_by_the_letter_of_the_rfc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
