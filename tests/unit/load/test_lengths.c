/* SPDX-License-Identifier: Apache-2.0
 * Lengths in tokens: their text, their distribution; and the words they become. */
#include "support/support.h"

#include "base/limits.h"
#include "load/lengths.h"
#include "load/words.h"

#include <math.h>
#include <string.h>

static struct wtl_lengths parse(const char *text)
{
    struct wtl_error err = {0};
    struct wtl_lengths l;
    assert_ok(wtl_lengths_parse(text, &l, &err), &err);
    return l;
}

static void moments(const struct wtl_lengths *l, double *mean, double *sd, double *min, double *max)
{
    enum { N = 200000 };
    struct wtl_rng rng;
    double sum = 0, square = 0;
    *min = WTL_LIMIT_TOKENS;
    *max = 0;
    wtl_rng_init(&rng, 5);
    for (int i = 0; i < N; i++) {
        double v = wtl_lengths_draw(l, &rng);
        sum += v;
        square += v * v;
        *min = fmin(*min, v);
        *max = fmax(*max, v);
    }
    *mean = sum / N;
    *sd = sqrt(square / N - *mean * *mean);
}

static void distributions_have_their_moments(void **state)
{
    (void)state;
    double mean, sd, min, max;
    struct wtl_lengths l = parse("128");
    moments(&l, &mean, &sd, &min, &max);
    assert_true(mean == 128 && min == 128 && max == 128);
    l = parse("64-512");
    moments(&l, &mean, &sd, &min, &max);
    assert_true(min == 64 && max == 512);
    assert_near(mean, 288, 1.5); /* five standard errors of 448 / sqrt(12 N) */
    l = parse("normal:512,60");
    moments(&l, &mean, &sd, &min, &max);
    assert_near(mean, 512, 0.7);
    assert_near(sd, 60, 0.5);
    l = parse("lognormal:512,400"); /* heavy tail: its deviation is known less well */
    moments(&l, &mean, &sd, &min, &max);
    assert_near(mean, 512, 4.5);
    assert_near(sd, 400, 20);
    l = parse("normal:1,1000");
    moments(&l, &mean, &sd, &min, &max);
    assert_true(min == 1);
}

static void wrong_lengths_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "x",
                                        "0",
                                        "-5",
                                        "1.5",
                                        "5-",
                                        "9-3",
                                        "1.5-3",
                                        "normal:",
                                        "normal:5",
                                        "normal:0,1",
                                        "normal:5,-1",
                                        "pareto:1",
                                        "99999999999",
                                        "1-99999999",
                                        "normal:5,x",
                                        "lognormal:0.5,1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct wtl_error err = {0};
        struct wtl_lengths l = {.a = 4711};
        assert_int_equal(wtl_lengths_parse(wrong[i], &l, &err), -WTL_USAGE);
        assert_true(l.a == 4711);
        assert_non_null(strstr(err.message, wrong[i]));
    }
}

static void words_are_words(void **state)
{
    (void)state;
    struct wtl_rng rng;
    struct wtl_buf a, b;
    wtl_rng_init(&rng, 1);
    wtl_buf_init(&a, wtl_alloc_system(), 1 << 20);
    wtl_words(&rng, 5000, &a);
    int blanks = 0;
    for (size_t i = 0; i < a.len; i++) {
        assert_true(a.data[i] == ' ' || (a.data[i] >= 'a' && a.data[i] <= 'z'));
        blanks += a.data[i] == ' ';
    }
    assert_int_equal(blanks, 4999);
    assert_null(strstr(a.data, "  "));
    wtl_buf_init(&b, wtl_alloc_system(), 100); /* and where they do not fit, it ends */
    wtl_words(&rng, UINT32_MAX, &b);
    assert_true(b.failed);
    wtl_buf_fini(&a);
    wtl_buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distributions_have_their_moments),
        cmocka_unit_test(wrong_lengths_are_refused),
        cmocka_unit_test(words_are_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
