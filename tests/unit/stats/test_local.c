/* SPDX-License-Identifier: Apache-2.0 */
#include "base/random.h"
#include "stats/local.h"
#include "support/support.h"

#include <math.h>

enum { CLOCKS = 60, REPS = 3, N = CLOCKS * REPS };

struct data {
    double x[N], y[N], truth[N], fit[N];
    bool use[N], has[N];
};

/* log time of a workload with a memory-bound floor, at clocks from 510 to 1395 MHz. */
static void make(struct data *d, struct wtl_rng *rng, double sd)
{
    for (int i = 0; i < N; i++) {
        double f = 1395 - 15 * (i / REPS);
        d->x[i] = log(f);
        d->truth[i] = log(4 + 6e3 * fmax(1 / f, 1 / 1100.0));
        d->y[i] = d->truth[i] + sd * wtl_rng_normal(rng);
        d->use[i] = true;
    }
}

static void fit(struct data *d, size_t window)
{
    WTL_ARENA(scratch);
    struct wtl_error err = {0};
    assert_ok(wtl_local_level(&scratch, d->x, d->y, d->use, N, window, d->fit, d->has, &err), &err);
}

static double worst(const struct data *d)
{
    double worst = 0;
    for (int i = 0; i < N; i++)
        worst = fmax(worst, fabs(d->fit[i] - d->truth[i]));
    return worst;
}

/* A straight line in (x, y) is given back exactly, also where nothing was used. */
static void lines_are_exact(void **state)
{
    (void)state;
    struct data d;
    struct wtl_rng rng;
    wtl_rng_init(&rng, 1);
    make(&d, &rng, 0);
    for (int i = 0; i < N; i++) {
        d.truth[i] = d.y[i] = 3 - 0.7 * d.x[i];
        d.use[i] = i > 8 && i % 17 != 0; /* the three highest clocks: extrapolated */
        if (!d.use[i])
            d.y[i] = 99;
    }
    fit(&d, 15);
    assert_near(worst(&d), 0, 1e-9);
    assert_true(d.has[0]);
}

/* A knee is rounded by less than the noise of a run, and noise is averaged. */
static void follows_a_curve_through_noise(void **state)
{
    (void)state;
    struct data d;
    struct wtl_rng rng;
    wtl_rng_init(&rng, 2);
    double sum = 0;
    for (int round = 0; round < 50; round++) {
        make(&d, &rng, 0.015);
        fit(&d, 15);
        sum += worst(&d) / 50;
    }
    assert_true(sum < 0.012); /* the worst of 60 clocks; a cell mean of 3 has sd 0.0087 each */
}

/* A third of the runs wild, whole neighbouring clocks among them. */
static void resists_wild_runs(void **state)
{
    (void)state;
    struct data d;
    struct wtl_rng rng;
    wtl_rng_init(&rng, 3);
    make(&d, &rng, 0.01);
    for (int i = 0; i < N; i++)
        if (i < 9 || (i >= 60 && i < 72) || i % 5 == 0)
            d.y[i] += 0.3 + wtl_rng_uniform(&rng);
    fit(&d, 15);
    assert_true(worst(&d) < 0.03);
}

static void few_groups(void **state)
{
    (void)state;
    WTL_ARENA(scratch);
    struct wtl_error err = {0};
    double x[] = {1, 1, 1, 2, 2, 3}, y[] = {5, 6, 90, 7, 8, 4}, level[6];
    bool use[] = {true, true, true, true, true, false}, has[6];
    assert_ok(wtl_local_level(&scratch, x, y, use, 6, 7, level, has, &err), &err);
    assert_near(level[0], 6, 0);
    assert_near(level[3], 7.5, 0);
    assert_true(has[0] && has[4]);
    assert_false(has[5]); /* its own run is not used, and two groups make no line */
    assert_ok(wtl_local_level(&scratch, x, y, NULL, 0, 7, level, has, &err), &err);
}

static void no_memory(void **state)
{
    (void)state;
    struct data d;
    struct wtl_rng rng;
    wtl_rng_init(&rng, 4);
    make(&d, &rng, 0.01);
    struct wtl_alloc_failing failing;
    struct wtl_arena arena;
    wtl_arena_init(&arena, wtl_alloc_failing(&failing, 1));
    d.fit[0] = 42;
    struct wtl_error err = {0};
    assert_int_equal(wtl_local_level(&arena, d.x, d.y, NULL, N, 15, d.fit, d.has, &err),
                     -(int)WTL_NOMEM);
    assert_near(d.fit[0], 42, 0);
    wtl_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_exact),   cmocka_unit_test(follows_a_curve_through_noise),
        cmocka_unit_test(resists_wild_runs), cmocka_unit_test(few_groups),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
