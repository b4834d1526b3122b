/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "base/random.h"
#include "load/latency.h"
#include "stats/ranks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct wtl_latency *new_recorder(void)
{
    struct wtl_latency *l = calloc(1, sizeof *l);
    assert_non_null(l);
    return l;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Against the sorted values themselves, over six decades. */
static void quantiles_equal_those_of_the_values(void **state)
{
    (void)state;
    enum { N = 5000 };
    static int64_t values[N];
    struct wtl_latency *l = new_recorder();
    struct wtl_rng rng;
    double sum = 0;
    wtl_rng_init(&rng, 7);
    for (int i = 0; i < N; i++) {
        values[i] = (int64_t)exp(log(200.0) + 4 * fabs(wtl_rng_normal(&rng)));
        wtl_latency_add(l, values[i]);
        sum += (double)values[i];
    }
    qsort(values, N, sizeof *values, by_value);
    for (int i = 0; i < WTL_LATENCY_ORDERS; i++) {
        double p = wtl_latency_orders[i];
        struct wtl_latency_quantile q;
        int64_t lo, hi;
        wtl_quantile_ranks(N, p, 0.95, &lo, &hi);
        assert_true(wtl_latency_quantile(l, p, &q) && q.has_lo && q.has_hi);
        double want = (double)values[wtl_quantile_rank(N, p) - 1] / 1e9;
        assert_near(q.value_s, want, want / 2048);
        assert_near(q.lo_s, (double)values[lo - 1] / 1e9, (double)values[lo - 1] / 1e9 / 2048);
        assert_near(q.hi_s, (double)values[hi - 1] / 1e9, (double)values[hi - 1] / 1e9 / 2048);
    }
    assert_int_equal(l->min_ns, values[0]);
    assert_int_equal(l->max_ns, values[N - 1]);
    assert_near(wtl_latency_mean_s(l), sum / N / 1e9, 1e-12);
    free(l);
}

static void every_value_is_within_half_a_bucket(void **state)
{
    (void)state;
    struct wtl_latency *l = new_recorder();
    for (int64_t v = 1; v < INT64_C(1) << 41; v += 1 + v / 7) {
        memset(l, 0, sizeof *l);
        wtl_latency_add(l, v / 2); /* smallest and largest are exact, so between two others */
        wtl_latency_add(l, v);
        wtl_latency_add(l, 2 * v);
        struct wtl_latency_quantile q;
        assert_true(wtl_latency_quantile(l, 0.5, &q));
        assert_near(q.value_s * 1e9, (double)v, (double)v / 2048);
    }
    free(l);
}

static void ends_of_the_range(void **state)
{
    (void)state;
    struct wtl_latency *l = new_recorder();
    struct wtl_latency_quantile q = {.p = -1};
    assert_false(wtl_latency_quantile(l, 0.5, &q));
    assert_near(q.p, -1, 0); /* untouched */
    assert_near(wtl_latency_mean_s(l), 0, 0);
    wtl_latency_add(l, -5);
    assert_true(wtl_latency_quantile(l, 0.5, &q));
    assert_near(q.value_s, 0, 0);
    assert_false(q.has_lo);
    assert_false(q.has_hi);
    wtl_latency_add(l, INT64_MAX);
    wtl_latency_add_many(l, INT64_MAX - 1, 3);
    assert_int_equal(l->n, 5);
    assert_true(wtl_latency_quantile(l, 0.5, &q));
    assert_near(q.value_s, (double)INT64_MAX / 1e9, 1); /* the last bucket: the largest */
    free(l);
}

static void merged_is_recorded_together(void **state)
{
    (void)state;
    struct wtl_latency *a = new_recorder(), *b = new_recorder(), *both = new_recorder();
    for (int64_t i = 1; i < 3000; i++) {
        wtl_latency_add(i % 3 ? a : b, i * i);
        wtl_latency_add(both, i * i);
    }
    struct wtl_latency *empty = new_recorder();
    wtl_latency_merge(empty, a);
    assert_memory_equal(empty, a, sizeof *a);
    wtl_latency_merge(a, b);
    assert_int_equal(a->n, both->n);
    assert_int_equal(a->min_ns, both->min_ns);
    assert_int_equal(a->max_ns, both->max_ns);
    assert_near(a->sum_ns, both->sum_ns, 1);
    assert_memory_equal(a->count, both->count, sizeof a->count);
    free(a), free(b), free(both), free(empty);
}

static void many_of_one_value(void **state)
{
    (void)state;
    struct wtl_latency *a = new_recorder(), *b = new_recorder();
    wtl_latency_add_many(a, 123456, 4);
    wtl_latency_add_many(a, 5, 0);
    for (int i = 0; i < 4; i++)
        wtl_latency_add(b, 123456);
    assert_memory_equal(a, b, sizeof *a);
    free(a), free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_equal_those_of_the_values),
        cmocka_unit_test(every_value_is_within_half_a_bucket),
        cmocka_unit_test(ends_of_the_range),
        cmocka_unit_test(merged_is_recorded_together),
        cmocka_unit_test(many_of_one_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
