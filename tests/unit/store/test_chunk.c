/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "base/random.h"
#include "store/campaign.h"
#include "store/chunk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct wtl_chunker *chunker;

static int setup(void **state)
{
    (void)state;
    return wtl_chunker_new(&chunker, NULL);
}

static int teardown(void **state)
{
    (void)state;
    wtl_chunker_free(chunker);
    return 0;
}

/* Random content, cleared bits with rubbish behind them. */
static void fill(struct wtl_batch *b, int rows, uint64_t seed)
{
    struct wtl_rng rng;
    wtl_rng_init(&rng, seed);
    memset(b, 0xa5, sizeof *b);
    b->n = rows;
    b->stream = (int)wtl_rng_below(&rng, 100);
    b->first_row = (int64_t)wtl_rng_next(&rng) >> 20;
    b->has_time = wtl_rng_below(&rng, 2);
    b->interval = b->has_time && wtl_rng_below(&rng, 2);
    b->present = wtl_rng_next(&rng) & ((UINT64_C(1) << WTL_N_METRICS) - 1);
    for (int i = 0; i < rows; i++)
        b->t_ns[i] = (int64_t)wtl_rng_next(&rng);
    for (int m = 0; m < (int)WTL_N_METRICS; m++)
        for (int i = 0; i < rows; i++) {
            uint64_t bits = wtl_rng_next(&rng); /* any bit pattern, NaN included */
            memcpy(&b->column[m].value[i], &bits, 8);
            if (i % 64 == 0)
                b->column[m].valid[i / 64] = wtl_rng_next(&rng);
        }
}

static void assert_same(const struct wtl_batch *a, const struct wtl_batch *b)
{
    assert_int_equal(a->n, b->n);
    assert_int_equal(a->stream, b->stream);
    assert_true(a->first_row == b->first_row && a->present == b->present);
    assert_int_equal(a->has_time, b->has_time);
    assert_int_equal(a->interval, b->interval);
    for (int i = 0; i < a->n; i++) {
        if (a->has_time)
            assert_true(a->t_ns[i] == b->t_ns[i]);
        for (int m = 0; m < (int)WTL_N_METRICS; m++) {
            enum wtl_metric metric = (enum wtl_metric)m;
            if (!wtl_batch_has(a, metric))
                continue;
            assert_int_equal(wtl_batch_valid(a, metric, i), wtl_batch_valid(b, metric, i));
            if (wtl_batch_valid(a, metric, i))
                assert_memory_equal(&a->column[m].value[i], &b->column[m].value[i], 8);
        }
    }
}

static void round_trip_is_exact(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_batch *in = malloc(sizeof *in);
    struct wtl_batch *out = malloc(sizeof *out);
    static const int rows[] = {0, 1, 63, 64, 65, 280, 511, 512};
    for (int k = 0; k < 8; k++) {
        WTL_ARENA(arena);
        void *chunk;
        size_t size;
        fill(in, rows[k], (uint64_t)k);
        memset(out, 0x5a, sizeof *out);
        assert_ok(wtl_chunk_pack(chunker, &arena, in, &chunk, &size, &err), &err);
        assert_ok(wtl_chunk_unpack(chunker, chunk, size, out, &err), &err);
        assert_same(in, out);
    }
    free(in);
    free(out);
}

static void a_trace_shrinks(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_batch *b = calloc(1, sizeof *b);
    b->n = 512;
    b->present = UINT64_C(1) << WTL_M_power_w | UINT64_C(1) << WTL_M_temp_c;
    for (int i = 0; i < 512; i++) {
        b->column[WTL_M_power_w].value[i] = 200 + (i * 7919 % 1000) * 0.001;
        b->column[WTL_M_temp_c].value[i] = 40 + i / 100;
    }
    memset(b->column[WTL_M_power_w].valid, 0xff, sizeof b->column[0].valid);
    memset(b->column[WTL_M_temp_c].valid, 0xff, sizeof b->column[0].valid);
    WTL_ARENA(arena);
    void *chunk;
    size_t size;
    assert_ok(wtl_chunk_pack(chunker, &arena, b, &chunk, &size, &err), &err);
    assert_in_range(size, 100, 512 * 16 / 2);
    free(b);
}

/* Every cut and random change is refused, or gives a batch; nothing else happens. */
static void damage_is_refused(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_batch *in = malloc(sizeof *in);
    struct wtl_batch *out = malloc(sizeof *out);
    struct wtl_rng rng;
    wtl_rng_init(&rng, 9);
    WTL_ARENA(arena);
    void *chunk;
    size_t size;
    fill(in, 40, 3);
    assert_ok(wtl_chunk_pack(chunker, &arena, in, &chunk, &size, &err), &err);
    for (size_t n = 0; n < size; n += 1 + size / 200)
        assert_int_equal(wtl_chunk_unpack(chunker, chunk, n, out, &err), -WTL_CORRUPT);
    for (int trial = 0; trial < 500; trial++) {
        unsigned char *bad = wtl_arena_memdup(&arena, chunk, size);
        uint32_t where = wtl_rng_below(&rng, trial % 2 ? 40 : (uint32_t)size);
        bad[where] ^= (unsigned char)(1 + wtl_rng_below(&rng, 255));
        out->n = -3;
        int rc = wtl_chunk_unpack(chunker, bad, size, out, &err);
        if (rc < 0)
            assert_int_equal(out->n, -3);
        else
            assert_in_range(out->n, 0, WTL_BATCH_ROWS);
    }
    free(in);
    free(out);
}

struct collected {
    struct wtl_batch *first;
    int n;
};

static int collect(void *ctx, const struct wtl_batch *batch, struct wtl_error *err)
{
    struct collected *all = ctx;
    (void)err;
    assert_same(&all->first[all->n], batch);
    all->n++;
    return 0;
}

static int stop_at_once(void *ctx, const struct wtl_batch *batch, struct wtl_error *err)
{
    (void)ctx;
    (void)batch;
    return WTL_FAIL(err, WTL_USAGE, "enough");
}

static void campaign_keeps_samples_in_order(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    char dir[200];
    char path[240];
    make_temporary_directory(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/c", dir);
    struct wtl_campaign *c;
    assert_ok(wtl_campaign_open(path, WTL_CAMPAIGN_CREATE, wtl_clock_system(), &c, &err), &err);
    struct wtl_run run = {.gpu = "A100", .workload = "w"};
    int64_t id;
    int64_t other;
    assert_ok(wtl_campaign_add_run(c, &run, &id, &err), &err);
    assert_ok(wtl_campaign_add_run(c, &run, &other, &err), &err);
    struct wtl_batch *batches = malloc(3 * sizeof *batches);
    for (int i = 0; i < 3; i++) {
        fill(&batches[i], 512 - i, (uint64_t)i);
        assert_ok(wtl_campaign_add_samples(c, id, &batches[i], &err), &err);
    }
    struct collected all = {batches, 0};
    assert_ok(wtl_campaign_samples(c, id, collect, &all, &err), &err);
    assert_int_equal(all.n, 3);
    assert_ok(wtl_campaign_samples(c, other, collect, &all, &err), &err);
    assert_int_equal(all.n, 3);
    assert_int_equal(wtl_campaign_samples(c, id, stop_at_once, NULL, &err), -WTL_USAGE);
    /* Samples of a run that is not there. */
    assert_true(wtl_campaign_add_samples(c, 999, &batches[0], &err) < 0);
    free(batches);
    wtl_campaign_close(c);
    remove_tree(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip_is_exact),
        cmocka_unit_test(a_trace_shrinks),
        cmocka_unit_test(damage_is_refused),
        cmocka_unit_test(campaign_keeps_samples_in_order),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
