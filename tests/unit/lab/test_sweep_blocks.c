/* SPDX-License-Identifier: Apache-2.0
 * The order of visits, steadiness, estimates. */
#include "support/support.h"

#include "base/random.h"
#include "lab/blocks.h"
#include "lab/estimate.h"
#include "lab/steady.h"

#include <math.h>
#include <string.h>

static struct wtl_error err;

static size_t slots_of(struct wtl_arena *arena, uint64_t seed, int block, const bool *active,
                       int n_workloads, int n_points, int every, struct wtl_slot **out)
{
    size_t n = 0;
    const struct wtl_block_request q = {.seed = seed,
                                        .block = block,
                                        .n_workloads = n_workloads,
                                        .n_points = n_points,
                                        .reference = n_points - 1,
                                        .anchor_every = every,
                                        .active = active};
    assert_ok(wtl_block_slots(arena, &q, out, &n, &err), &err);
    return n;
}

static void blocks_are_complete_and_anchored(void **state)
{
    enum { N = 11 };
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        WTL_ARENA(arena);
        bool active[2 * N];
        int visits[2][N] = {{0}};
        struct wtl_slot *s;
        memset(active, true, sizeof active);
        size_t n = slots_of(&arena, seed, 1 + (int)seed % 7, active, 2, N, 0, &s);
        assert_int_equal(n, 2 * (N - 1 + 3));
        for (size_t i = 0; i < n; i++) {
            visits[s[i].workload][s[i].point]++;
            assert_int_equal(s[i].anchor, s[i].point == N - 1);
            /* one workload after the other */
            assert_int_equal(s[i].workload, s[i / (n / 2) * (n / 2)].workload);
        }
        for (int w = 0; w < 2; w++)
            for (int p = 0; p < N; p++)
                assert_int_equal(visits[w][p], p == N - 1 ? 3 : 1);
        assert_true(s[0].anchor && s[6].anchor && s[n / 2 - 1].anchor);
    }
}

static void order_is_random_and_repeatable(void **state)
{
    enum { N = 30 };
    WTL_ARENA(arena);
    bool active[N];
    struct wtl_slot *a, *b, *c;
    int rising = 0;
    (void)state;
    memset(active, true, sizeof active);
    size_t n = slots_of(&arena, 5, 2, active, 1, N, 0, &a);
    assert_int_equal(slots_of(&arena, 5, 2, active, 1, N, 0, &b), n);
    assert_memory_equal(a, b, n * sizeof *a);
    (void)slots_of(&arena, 5, 3, active, 1, N, 0, &c);
    assert_memory_not_equal(a, c, n * sizeof *a);
    for (size_t i = 1; i < n; i++)
        rising += a[i].point > a[i - 1].point;
    assert_true(rising > 5 && rising < 27);
}

static void inactive_points_are_left_out(void **state)
{
    enum { N = 6 };
    WTL_ARENA(arena);
    bool active[2 * N] = {false, true, false, false, false, false};
    struct wtl_slot *s;
    (void)state;
    size_t n = slots_of(&arena, 1, 1, active, 2, N, 0, &s);
    assert_int_equal(n, 3); /* the other workload is done */
    assert_int_equal(s[1].point, 1);
    assert_int_equal(s[1].workload, 0);
    active[2] = active[3] = active[4] = true;
    n = slots_of(&arena, 1, 1, active, 2, N, 1, &s);
    assert_int_equal(n, 9);
}

static void visits_have_seeds_of_their_own(void **state)
{
    uint64_t seen[200];
    size_t n = 0;
    (void)state;
    for (int block = 1; block <= 5; block++)
        for (int position = 0; position < 20; position++)
            for (int attempt = 1; attempt <= 2; attempt++)
                seen[n++] = wtl_visit_seed(1, block, position, attempt);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            assert_true(seen[i] != seen[k]);
}

/* ---- Steadiness ------------------------------------------------------------------------------ */

static void drift_is_slope_times_span(void **state)
{
    double t[100], y[100];
    const struct wtl_steadiness limits = wtl_steady_load;
    (void)state;
    for (int i = 0; i < 100; i++) {
        t[i] = 0.1 * i;
        y[i] = 200 + 4 * t[i] / 9.9; /* 4 W over the window, of 202 */
    }
    assert_near(wtl_relative_drift(t, y, 100), 4 / 202.0, 1e-9);
    assert_false(wtl_is_steady(t, y, 100, &limits));
    for (int i = 0; i < 100; i++)
        y[i] = 200 + (i % 2 ? 15 : -15); /* noise alone */
    assert_true(fabs(wtl_relative_drift(t, y, 100)) < 0.01);
    assert_true(wtl_is_steady(t, y, 100, &limits));
    assert_false(wtl_is_steady(t, y, 9, &limits));
}

/* 95 % intervals of a mean by batch means hold it in about 95 % of 2000 windows, also when
 * neighbours are correlated. */
static void half_widths_cover(void **state)
{
    enum { N = 100, TRIALS = 2000 };
    int held = 0;
    (void)state;
    for (uint64_t seed = 0; seed < TRIALS; seed++) {
        struct wtl_rng rng;
        double y[N], ar = 0, sum = 0;
        wtl_rng_init(&rng, seed);
        for (int i = 0; i < N; i++) {
            ar = 0.4 * ar + wtl_rng_normal(&rng);
            y[i] = 100 + ar;
            sum += y[i];
        }
        held += fabs(sum / N - 100) <= wtl_group_half(y, N, 10) * sum / N;
    }
    print_message("# %d of %d intervals hold the mean\n", held, TRIALS);
    assert_true(held > 0.90 * TRIALS && held < 0.98 * TRIALS);
}

/* ---- Estimates ------------------------------------------------------------------------------- */

static void blocks_take_their_drift_out(void **state)
{
    enum { BLOCKS = 5, POINTS = 4 };
    WTL_ARENA(arena);
    struct wtl_observation o[BLOCKS * (POINTS + 2)];
    struct wtl_estimates e;
    size_t n = 0;
    (void)state;
    for (int b = 1; b <= BLOCKS; b++)
        for (int i = 0; i < POINTS + 2; i++) {
            int p = i < POINTS ? i : 0; /* point 0 is the reference: three times */
            o[n++] = (struct wtl_observation){
                .block = b, .point = p, .log_time = 0.1 * p, .log_energy = -0.2 * p + 0.5 * b};
        }
    assert_ok(wtl_estimate(&arena, o, n, POINTS, 0, 1, &e, &err), &err);
    for (int p = 0; p < POINTS; p++) {
        assert_near(e.points[p].log_cost, -0.1 * p, 1e-12);
        assert_near(e.points[p].log_time, 0.1 * p, 1e-12);
        assert_near(e.points[p].half, 0, 1e-9);
        assert_int_equal(e.points[p].n, p ? BLOCKS : 3 * BLOCKS);
    }
}

static void intervals_of_points_cover(void **state)
{
    enum { BLOCKS = 5, POINTS = 8, TRIALS = 500 };
    int held = 0;
    (void)state;
    for (uint64_t seed = 0; seed < TRIALS; seed++) {
        WTL_ARENA(arena);
        struct wtl_observation o[BLOCKS * (POINTS + 2)];
        struct wtl_estimates e;
        struct wtl_rng rng;
        size_t n = 0;
        wtl_rng_init(&rng, seed);
        for (int b = 1; b <= BLOCKS; b++) {
            const double drift = 0.05 * wtl_rng_normal(&rng);
            for (int i = 0; i < POINTS + 2; i++)
                o[n++] =
                    (struct wtl_observation){.block = b,
                                             .point = i < POINTS ? i : 0,
                                             .log_energy = drift + 0.01 * wtl_rng_normal(&rng)};
        }
        assert_ok(wtl_estimate(&arena, o, n, POINTS, 0, 0, &e, &err), &err);
        for (int p = 1; p < POINTS; p++)
            held += fabs(e.points[p].log_cost) <= e.points[p].half;
    }
    print_message("# %d of %d intervals hold the truth\n", held, (POINTS - 1) * TRIALS);
    assert_true(held > 0.93 * (POINTS - 1) * TRIALS && held < 0.97 * (POINTS - 1) * TRIALS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_complete_and_anchored),
        cmocka_unit_test(order_is_random_and_repeatable),
        cmocka_unit_test(inactive_points_are_left_out),
        cmocka_unit_test(visits_have_seeds_of_their_own),
        cmocka_unit_test(drift_is_slope_times_span),
        cmocka_unit_test(half_widths_cover),
        cmocka_unit_test(blocks_take_their_drift_out),
        cmocka_unit_test(intervals_of_points_cover),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
