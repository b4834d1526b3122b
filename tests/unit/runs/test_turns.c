/* SPDX-License-Identifier: Apache-2.0 */
#include "base/random.h"
#include "runs/reduce.h"
#include "support/support.h"

#include <math.h>
#include <string.h>

enum { ROWS = 400 };

/* A GPU as its sampler shows it every 50 ms; the counter is refreshed in every other row. */
struct gpu {
    double base_w, counter_j, temp_c, used_b;
};

struct row {
    double power_w, counter_j, temp_c, used_b;
    int64_t t_ns;
};

static struct row row_of(const struct gpu *g, int i)
{
    return (struct row){.power_w = g->base_w + 8 * sin(i / 9.0),
                        .counter_j = g->counter_j + g->base_w * 0.05 * (i & ~1),
                        .temp_c = g->temp_c + ((i / 40) & 1),
                        .used_b = g->used_b,
                        .t_ns = INT64_C(50000000) * i};
}

static void put(struct wtl_batch *b, enum wtl_metric m, double value)
{
    b->present |= UINT64_C(1) << m;
    b->column[m].value[b->n] = value;
    b->column[m].valid[b->n >> 6] |= UINT64_C(1) << (b->n & 63);
}

enum { COUNTER = 1, TEMP = 2, MEMORY = 4, TIME = 8 };

static bool mixes(const struct row *rows, int n, int columns, char *text, size_t size)
{
    WTL_ARENA(arena);
    static struct wtl_batch b;
    struct wtl_reducer *r = NULL;
    struct wtl_error err = {0};
    assert_ok(wtl_reducer_new(&arena, &r, &err), &err);
    wtl_reducer_begin(r);
    for (int i = 0; i < n;) {
        memset(&b, 0, sizeof b);
        b.has_time = columns & TIME;
        for (; i < n && b.n < 100; i++, b.n++) { /* batches of an odd part of the rows */
            put(&b, WTL_M_power_w, rows[i].power_w);
            if (columns & COUNTER)
                put(&b, WTL_M_energy_counter_j, rows[i].counter_j);
            if (columns & TEMP)
                put(&b, WTL_M_temp_c, rows[i].temp_c);
            if (columns & MEMORY)
                put(&b, WTL_M_fb_used_b, rows[i].used_b);
            b.t_ns[b.n] = rows[i].t_ns;
        }
        wtl_reducer_push(r, &b);
    }
    struct wtl_run run = {.clock_mhz = 1410};
    wtl_reducer_finish(r, &(struct wtl_reduce_context){.label_interval_s = 0.05}, &run);
    text[0] = '\0';
    return wtl_reducer_mixes(r, text, size);
}

/* Rows of two GPUs in stretches of `stretch` rows. */
static int interleave(const struct gpu *a, const struct gpu *b, int stretch, struct row *rows)
{
    int n = 0;
    for (int i = 0; i < ROWS; i += stretch) { /* which divides ROWS */
        for (int k = i; k < i + stretch; k++)
            rows[n++] = row_of(a, k);
        for (int k = i; k < i + stretch; k++) {
            rows[n] = row_of(b, k);
            rows[n++].t_ns += 15000000; /* 15 and 35 ms by turns */
        }
    }
    return n;
}

static const struct gpu one = {200, 1e6, 60, 15e9}, other = {90, 5.5e6, 41, 9e9};
static struct row rows[2 * ROWS];
static char text[160];

/* Naive: 800 rows of 145 W, which is neither GPU. */
static void two_counters(void **state)
{
    (void)state;
    static const int stretches[] = {1, 2, 16, 50};
    for (int s = 0; s < 4; s++) {
        assert_true(
            mixes(rows, interleave(&one, &other, stretches[s], rows), COUNTER, text, sizeof text));
        assert_non_null(strstr(text, "400 rows up to 1003980 J and 400 rows up to 5501791 J"));
    }
    struct gpu near = other; /* no jump between them is impossible in itself */
    near.counter_j = one.counter_j - 2e4;
    assert_true(mixes(rows, interleave(&one, &near, 1, rows), COUNTER, text, sizeof text));
    assert_non_null(strstr(text, "400 rows up to 1003980 J and 400 rows up to 981791 J"));
    near.counter_j = one.counter_j + 1.01e5; /* apart by more than a jump, and then by less */
    assert_true(mixes(rows, interleave(&one, &near, 1, rows), COUNTER, text, sizeof text));
    assert_non_null(strstr(text, "400 rows up to 1003980 J and 400 rows up to 1102791 J"));
}

static void one_counter(void **state)
{
    (void)state;
    for (int i = 0; i < ROWS; i++)
        rows[i] = row_of(&one, i);
    assert_false(mixes(rows, ROWS, COUNTER, text, sizeof text));
    for (int i = 0; i < ROWS; i += 40) /* cells that were garbled, each in its way */
        rows[i].counter_j = 7e6 + 1e6 * i;
    assert_false(mixes(rows, ROWS, COUNTER, text, sizeof text));
    for (int i = 0; i < ROWS; i++) { /* starts anew: the old one never comes back */
        rows[i] = row_of(&one, i);
        rows[i].counter_j -= i < 150 ? 0 : 1.0015e6;
    }
    assert_false(mixes(rows, ROWS, COUNTER, text, sizeof text));
    for (int i = 0; i < ROWS; i++) { /* readings that come late by turns */
        rows[i] = row_of(&one, i);
        rows[i].counter_j -= (i & 1) * 30;
    }
    assert_false(mixes(rows, ROWS, COUNTER, text, sizeof text));
}

/* Two logs of nvidia-smi: no counter, one "index 0", one name. */
static void without_a_counter(void **state)
{
    (void)state;
    int n = interleave(&one, &other, 1, rows);
    assert_true(mixes(rows, n, TEMP, text, sizeof text));
    assert_non_null(strstr(text, "rows of about 200 W and 90 W take turns"));
    assert_true(mixes(rows, n, MEMORY, text, sizeof text));
    assert_true(mixes(rows, n, TIME, text, sizeof text));
    assert_true(mixes(rows, n, TIME | TEMP | MEMORY, text, sizeof text));
    assert_false(mixes(rows, n, 0, text, sizeof text)); /* a load of 100 ms looks alike */
    assert_false(mixes(rows, 30, TIME | TEMP, text, sizeof text));
}

/* A load of twice the sampling period on one GPU, a noisy one, and one in steps. */
static void one_gpu(void **state)
{
    (void)state;
    struct wtl_rng random;
    wtl_rng_init(&random, 7);
    for (int kind = 0; kind < 3; kind++) {
        for (int i = 0; i < ROWS; i++) {
            rows[i] = row_of(&one, i);
            rows[i].t_ns += (int64_t)(4e6 * wtl_rng_normal(&random));
            rows[i].temp_c += floor(wtl_rng_uniform(&random) + 0.5);
            double high = kind == 0 ? i & 1 : kind == 1 ? wtl_rng_normal(&random) : (i / 2) & 1;
            rows[i].power_w += 60 * high;
        }
        assert_false(mixes(rows, ROWS, TIME | TEMP | MEMORY, text, sizeof text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_counters),
        cmocka_unit_test(one_counter),
        cmocka_unit_test(without_a_counter),
        cmocka_unit_test(one_gpu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
