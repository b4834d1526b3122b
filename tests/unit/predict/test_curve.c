/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "base/random.h"
#include "predict/curve.h"
#include "predict/refit.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { CLOCKS = 60, REPS = 3, N = CLOCKS * REPS };

struct data {
    double clock[N], y[N];
};

static double time_floor(double f)
{
    return 3 + 9 * fmax(1000 / f, 1000 / 1100.0);
}

static double time_inverse(double f)
{
    return 3 + 9 * 1000 / f;
}

static double power_kink(double f)
{
    double above = fmax(0, f - 1105) / 1000;
    return 30 + 40 * f / 1000 * (1 + 1.2 * above) * (1 + 1.2 * above);
}

/* Nothing that the physical forms know. */
static double wavy(double f)
{
    return 50 + 4 * sin(f / 45) + f / 40;
}

static void make(struct data *d, double (*truth)(double), double noise, uint64_t seed)
{
    struct wtl_rng rng;
    wtl_rng_init(&rng, seed);
    for (int i = 0; i < N; i++) {
        d->clock[i] = 1395 - 15 * (i / REPS);
        d->y[i] = truth(d->clock[i]) * exp(noise * wtl_rng_normal(&rng));
    }
}

static struct wtl_curve *fit(struct wtl_arena *arena, enum wtl_curve_kind kind,
                             const struct data *d)
{
    struct wtl_curve *curve = NULL;
    struct wtl_error err = {0};
    assert_ok(wtl_curve_fit(arena, kind, d->clock, d->y, N, &curve, &err), &err);
    return curve;
}

static void exact_forms_are_recovered(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    static struct data d;
    make(&d, time_inverse, 0, 1);
    struct wtl_curve *c = fit(&arena, WTL_CURVE_TIME, &d);
    for (double f = 510; f <= 1410; f += 7)
        assert_near(wtl_curve_at(c, f) / time_inverse(f), 1, 1e-9);
    assert_near(wtl_curve_cv_error(c), 0, 1e-9);
    make(&d, time_floor, 0, 1);
    d.clock[0] = 1100; /* so that the floor lies on a clock of the runs */
    d.y[0] = time_floor(1100);
    c = fit(&arena, WTL_CURVE_TIME, &d);
    assert_string_equal(wtl_curve_form(c), "t = a + b/f, floor");
    assert_near(wtl_curve_parameter(c), 1100, 1e-9);
    assert_near(wtl_curve_at(c, 1410) / time_floor(1410), 1, 1e-9);
    make(&d, power_kink, 0, 1);
    d.clock[0] = 1105;
    d.y[0] = power_kink(1105);
    c = fit(&arena, WTL_CURVE_POWER, &d);
    assert_near(wtl_curve_parameter(c), 1105, 1e-9);
    assert_near(wtl_curve_at(c, 1000) / power_kink(1000), 1, 1e-8);
    assert_near(wtl_curve_at(c, 1410) / power_kink(1410), 1, 1e-8);
}

static void noisy_forms_are_found_within_their_error(void **state)
{
    (void)state;
    static struct data d;
    int inverse = 0;
    double z2 = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        WTL_ARENA(arena);
        make(&d, time_inverse, 0.02, seed);
        struct wtl_curve *c = fit(&arena, WTL_CURVE_TIME, &d);
        inverse += strncmp(wtl_curve_form(c), "t = a + b/f", 11) == 0;
        double z = log(wtl_curve_at(c, 900) / time_inverse(900)) / wtl_curve_se(c, 900);
        z2 += z * z / 40;
        assert_near(wtl_curve_scale(c), 0.02, 0.005);
        assert_near(wtl_curve_cv_error(c), 0.02, 0.005);
    }
    assert_true(inverse >= 30);
    assert_true(z2 > 0.4 && z2 < 2.5); /* chi-square of 40, with selection */
}

static void local_regression_takes_what_physics_does_not(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    static struct data d;
    make(&d, wavy, 0.01, 3);
    struct wtl_curve *c = fit(&arena, WTL_CURVE_POWER, &d);
    assert_string_equal(wtl_curve_form(c), "local quadratic");
    double worst = 0;
    for (double f = 540; f <= 1380; f += 15)
        worst = fmax(worst, fabs(wtl_curve_at(c, f) / wavy(f) - 1));
    assert_true(worst < 0.02);
}

static void wild_runs_do_not_move_the_curve(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    static struct data d;
    make(&d, time_inverse, 0.01, 4);
    for (int i = 0; i < N; i += 13)
        d.y[i] *= 2.5;
    struct wtl_curve *c = fit(&arena, WTL_CURVE_TIME, &d);
    for (double f = 510; f <= 1395; f += 15)
        assert_near(wtl_curve_at(c, f) / time_inverse(f), 1, 0.012);
    assert_near(wtl_curve_scale(c), 0.01, 0.004);
    assert_near(wtl_curve_residual(c, 13), log(2.5), 0.06);
}

static void leverages_add_up_to_the_parameters(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    static struct data d;
    double (*const truths[])(double) = {time_inverse, power_kink, wavy};
    for (int k = 0; k < 3; k++) {
        make(&d, truths[k], 0.01, 5);
        struct wtl_curve *c = fit(&arena, k ? WTL_CURVE_POWER : WTL_CURVE_TIME, &d);
        double sum = 0, noise[N], mean = 0;
        for (size_t i = 0; i < N; i++)
            sum += wtl_curve_leverage(c, i);
        assert_near(sum, wtl_curve_parameters(c), 1e-9);
        assert_ok(wtl_curve_noise(&arena, c, 1, noise, NULL), NULL);
        for (int i = 0; i < N; i++)
            mean += noise[i];
        assert_near(mean, 0, 1e-9);
    }
}

/* Mean square of the sums of `length` successive residuals that were corrected for blocks of
 * `corrected`, over what independent noise of 1 % would have. */
static double block_variance(bool shuffled, size_t length, size_t corrected)
{
    enum { SETS = 40 };
    static struct data d, ordered;
    double sum = 0;
    for (uint64_t seed = 1; seed <= SETS; seed++) {
        WTL_ARENA(arena);
        struct wtl_rng rng;
        double noise[N];
        int order[N];
        make(&ordered, wavy, 0.01, seed);
        wtl_rng_init(&rng, 1000 + seed);
        for (int i = 0; i < N; i++)
            order[i] = i;
        if (shuffled)
            wtl_rng_shuffle(&rng, order, N);
        for (int i = 0; i < N; i++) {
            d.clock[i] = ordered.clock[order[i]];
            d.y[i] = ordered.y[order[i]];
        }
        struct wtl_curve *c = fit(&arena, WTL_CURVE_POWER, &d);
        assert_ok(wtl_curve_noise(&arena, c, corrected, noise, NULL), NULL);
        for (size_t from = 0; from < N; from++) {
            double block = 0;
            for (size_t i = 0; i < length; i++)
                block += noise[(from + i) % N];
            sum += block * block / (double)length / 1e-4 / N / SETS;
        }
    }
    return sum;
}

/* A sweep in clock order hides the slow part of its noise in the curve: blocks of what is left must
 * not be taken for blocks of noise. 40 sets of 180/8 blocks: one standard error is 5 %. */
static void blocks_of_noise_are_as_large_as_they_were(void **state)
{
    (void)state;
    assert_true(block_variance(false, 8, 1) < 0.5); /* the leverages of single runs */
    assert_near(block_variance(false, 8, 8), 1, 0.2);
    assert_near(block_variance(false, 1, 1), 1, 0.1);
    assert_near(block_variance(true, 8, 8), 1, 0.15);
    WTL_ARENA(arena);
    static struct data d;
    double noise[N];
    struct wtl_error err = {0};
    make(&d, wavy, 0.01, 5);
    struct wtl_curve *c = fit(&arena, WTL_CURVE_POWER, &d);
    assert_int_equal(wtl_curve_noise(&arena, c, 0, noise, &err), -(int)WTL_USAGE);
    assert_int_equal(wtl_curve_noise(&arena, c, N + 1, noise, &err), -(int)WTL_USAGE);
    assert_ok(wtl_curve_noise(&arena, c, N, noise, &err), &err); /* one block: the whole ring */
    for (int i = 0; i < N; i++)
        assert_true(isfinite(noise[i]));
}

/* A board that moves part of itself every four clocks: time jumps by 1 % there. */
static double time_steps(double mhz)
{
    return time_inverse(mhz) * (1 + 0.01 * (fmod(mhz, 120) < 60));
}

/* Five runs of every clock, in random order or from the top down. */
static void make_steps(struct data *d, double (*truth)(double), bool in_order, uint64_t seed)
{
    enum { TIMES = N / 30 };
    struct wtl_rng rng;
    int order[30 * TIMES];
    wtl_rng_init(&rng, seed);
    for (int i = 0; i < 30 * TIMES; i++)
        order[i] = i;
    if (!in_order)
        wtl_rng_shuffle(&rng, order, 30 * TIMES);
    for (int i = 0; i < 30 * TIMES; i++) {
        d->clock[i] = 1395 - 15 * (order[i] % 30);
        d->y[i] = truth(d->clock[i]) * exp(0.003 * wtl_rng_normal(&rng));
    }
}

static void steps_of_the_board_are_followed_where_runs_show_them(void **state)
{
    enum { SEEDS = 40, RUNS = N / 30 * 30 };
    static struct data d;
    double square = 0, n = 0;
    int seen = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        WTL_ARENA(arena);
        struct wtl_curve *c = NULL;
        make_steps(&d, time_steps, false, seed);
        assert_ok(wtl_curve_fit(&arena, WTL_CURVE_TIME, d.clock, d.y, RUNS, &c, NULL), NULL);
        assert_true(wtl_curve_effect(c) > 0.001 && wtl_curve_effect(c) < 0.01);
        for (int k = 0; k < 30; k++) {
            const double mhz = 1395 - 15 * k, se = wtl_curve_se(c, mhz);
            const double z = log(wtl_curve_at(c, mhz) / time_steps(mhz)) / se;
            square += z * z;
            n++;
        }
        /* What is not there is not seen, and in clock order nobody can tell. */
        make_steps(&d, time_inverse, false, seed);
        assert_ok(wtl_curve_fit(&arena, WTL_CURVE_TIME, d.clock, d.y, RUNS, &c, NULL), NULL);
        seen += wtl_curve_effect(c) > 0;
        make_steps(&d, time_steps, true, seed);
        assert_ok(wtl_curve_fit(&arena, WTL_CURVE_TIME, d.clock, d.y, RUNS, &c, NULL), NULL);
        assert_true(wtl_curve_effect(c) <= 0);
    }
    print_message("# errors in standard errors: %.2f; seen where there is none: %d of %d\n",
                  sqrt(square / n), seen, SEEDS);
    assert_true(sqrt(square / n) > 0.7 && sqrt(square / n) < 1.2);
    assert_true(seen <= SEEDS / 10);
}

/* A refit must give what fitting the perturbed data from scratch gives, to first order. */
static void refit_equals_a_fresh_fit(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    static struct data d, moved;
    double (*const truths[])(double) = {time_inverse, power_kink, wavy};
    const double at[] = {700, 1000, 1105, 1300, 1410};
    for (int k = 0; k < 3; k++) {
        make(&d, truths[k], 0, 1);
        enum wtl_curve_kind kind = k ? WTL_CURVE_POWER : WTL_CURVE_TIME;
        struct wtl_curve *c = fit(&arena, kind, &d), *fresh;
        struct wtl_refit *refit = NULL;
        assert_ok(wtl_refit_new(&arena, c, at, 5, &refit, NULL), NULL);
        static _Alignas(16) double deviation[(CLOCKS + 1 + WTL_CURVE_MODES) * WTL_REFIT_LANES];
        double out[WTL_REFIT_LANES * 5];
        memset(deviation, 0, sizeof deviation);
        moved = d;
        for (int i = 0; i < N; i++) {
            /* small, so that both stay with one form: in the span of the winner */
            double change = 1e-5 * d.clock[i] / 1000;
            moved.y[i] = d.y[i] * exp(change);
            deviation[wtl_curve_cell(c, (size_t)i) * WTL_REFIT_LANES + 3] = change;
        }
        fresh = fit(&arena, kind, &moved);
        const size_t truth[WTL_REFIT_LANES] = {0};
        wtl_refit_run(refit, deviation, truth, out, 5);
        for (size_t e = 0; e < 5; e++) {
            double original = wtl_refit_log(refit, e);
            assert_near(original, log(wtl_curve_at(c, at[e])), 1e-12);
            if (k == 0) /* lane 0: no noise, and the form is exact */
                assert_near(out[e], original, 1e-9);
            double want = log(wtl_curve_at(fresh, at[e])) - original;
            assert_near(out[3 * 5 + e] - out[e], want, 2e-7);
        }
    }
}

/* A plan must not depend on how wide the registers of a machine are. */
static void refits_are_the_same_bits_on_every_machine(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    static struct data d;
    enum { MOST = 7, ROWS = CLOCKS + 1 + WTL_CURVE_MODES };
    const double at[MOST] = {700, 1000, 1105, 1300, 1410, 1380, 555};
    static _Alignas(16) double input[ROWS * WTL_REFIT_LANES];
    const size_t truth[WTL_REFIT_LANES] = {0};
    struct wtl_rng rng;
    wtl_rng_init(&rng, 12);
    for (size_t i = 0; i < ROWS * WTL_REFIT_LANES; i++)
        input[i] = 0.01 * wtl_rng_normal(&rng);
    make(&d, power_kink, 0.01, 5);
    struct wtl_curve *c = fit(&arena, WTL_CURVE_POWER, &d);
    for (size_t n = 1; n <= MOST; n++) {
        struct wtl_refit *refit = NULL;
        double wide[WTL_REFIT_LANES * MOST], narrow[WTL_REFIT_LANES * MOST];
        assert_ok(wtl_refit_new(&arena, c, at, n, &refit, NULL), NULL);
        wtl_refit_run(refit, input, truth, wide, n);
        wtl_refit_baseline(refit);
        wtl_refit_run(refit, input, truth, narrow, n);
        assert_memory_equal(wide, narrow, n * WTL_REFIT_LANES * sizeof *wide);
        assert_true(fabs(wide[n - 1] - wtl_refit_log(refit, n - 1)) > 1e-6);
    }
}

static void refuses_what_carries_no_curve(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    const double clock[6] = {500, 600, 700, 500, 600, 700}, y[6] = {3, 2, 1, 3, 2, 1};
    const double bad[6] = {3, 2, -1, 3, 2, 1};
    struct wtl_curve *untouched = (struct wtl_curve *)&arena, *c = untouched;
    struct wtl_error err = {0};
    assert_int_equal(wtl_curve_fit(&arena, WTL_CURVE_TIME, clock, y, 6, &c, &err),
                     -(int)WTL_UNDECIDED);
    assert_int_equal(wtl_curve_fit(&arena, WTL_CURVE_TIME, clock, bad, 6, &c, &err),
                     -(int)WTL_USAGE);
    assert_int_equal(wtl_curve_fit(&arena, WTL_CURVE_TIME, clock, y, 0, &c, &err),
                     -(int)WTL_UNDECIDED);
    assert_ptr_equal(c, untouched);
}

static void survives_failing_allocations(void **state)
{
    (void)state;
    static struct data d;
    make(&d, power_kink, 0.01, 6);
    const double at[] = {700, 1000};
    for (long fail = 1;; fail++) {
        struct wtl_alloc_failing failing;
        struct wtl_arena arena;
        wtl_arena_init(&arena, wtl_alloc_failing(&failing, fail));
        struct wtl_curve *c = NULL;
        struct wtl_refit *refit = NULL;
        int rc = wtl_curve_fit(&arena, WTL_CURVE_POWER, d.clock, d.y, N, &c, NULL);
        if (rc)
            assert_null(c);
        else
            rc = wtl_refit_new(&arena, c, at, 2, &refit, NULL);
        if (rc)
            assert_null(refit);
        wtl_arena_fini(&arena);
        if (rc == 0)
            break;
        assert_int_equal(rc, -(int)WTL_NOMEM);
        assert_true(fail < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_forms_are_recovered),
        cmocka_unit_test(noisy_forms_are_found_within_their_error),
        cmocka_unit_test(local_regression_takes_what_physics_does_not),
        cmocka_unit_test(wild_runs_do_not_move_the_curve),
        cmocka_unit_test(leverages_add_up_to_the_parameters),
        cmocka_unit_test(blocks_of_noise_are_as_large_as_they_were),
        cmocka_unit_test(steps_of_the_board_are_followed_where_runs_show_them),
        cmocka_unit_test(refit_equals_a_fresh_fit),
        cmocka_unit_test(refits_are_the_same_bits_on_every_machine),
        cmocka_unit_test(refuses_what_carries_no_curve),
        cmocka_unit_test(survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
