/* SPDX-License-Identifier: Apache-2.0
 * Constraints at their bounds, and the relaxation that is advised. */
#include "support/support.h"

#include "base/random.h"
#include "optimize/constraint.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { N = 4 };

/* Four clocks, 1 log unit = 100 %: everything is readable off the literals. */
struct made {
    double time[N], energy[N], power[N], zero[N];
    double slowdown_se[N], saving_se[N], time_se[N], energy_se[N], power_se[N];
    struct wtl_contrast c;
};

static void make(struct made *m)
{
    *m = (struct made){
        .time = {1.30, 1.20, 1.10, 1.00},
        .energy = {4.70, 4.80, 4.90, 5.00},
        .power = {3.40, 3.60, 3.80, 4.00},
        .slowdown_se = {0.010, 0.011, 0.012, 0},
        .saving_se = {0.020, 0.021, 0.022, 0},
        .time_se = {0.030, 0.031, 0.032, 0.033},
        .energy_se = {0.040, 0.041, 0.042, 0.043},
        .power_se = {0.050, 0.051, 0.052, 0.053},
    };
    m->c = (struct wtl_contrast){.n_eval = N,
                                 .base = 3,
                                 .origin = {.time = m->time,
                                            .energy = m->energy,
                                            .power = m->power,
                                            .objective = m->zero,
                                            .base_time = 1.00,
                                            .base_energy = 5.00,
                                            .spread = 1},
                                 .slowdown_se = m->slowdown_se,
                                 .saving_se = m->saving_se,
                                 .time_se = m->time_se,
                                 .energy_se = m->energy_se,
                                 .power_se = m->power_se};
}

static double bound(const struct made *m, enum wtl_constraint_kind kind, double z, size_t e)
{
    static const double fixed[N] = {0.7, 0.5, 0.3, 0.1};
    struct wtl_constraint k = {.kind = kind, .bound = fixed};
    return wtl_constraint_bound(&k, z, &m->c, &m->c.origin, e);
}

/* Two standard errors on the unfavourable side of every quantity, each with its own error. */
static void bounds_lie_on_the_unfavourable_side(void **state)
{
    (void)state;
    struct made m;
    make(&m);
    assert_near(bound(&m, WTL_CONSTRAINT_SLOWDOWN, 2, 1), 0.20 + 2 * 0.011, 1e-12);
    assert_near(bound(&m, WTL_CONSTRAINT_ENERGY, 2, 1), -0.20 + 2 * 0.021, 1e-12);
    assert_near(bound(&m, WTL_CONSTRAINT_SAVING, 2, 1), -0.20 + 2 * 0.021, 1e-12);
    assert_near(bound(&m, WTL_CONSTRAINT_POWER, 2, 1), 3.60 + 2 * 0.051, 1e-12);
    assert_near(bound(&m, WTL_CONSTRAINT_RATE, 2, 1), 1.20 + 2 * 0.031, 1e-12);
    assert_near(bound(&m, WTL_CONSTRAINT_CLOCK_RATIO, 2, 1), 0.5, 0);
    assert_near(bound(&m, WTL_CONSTRAINT_SLO, 2, 1), 0.5, 0);
    m.c.origin.spread = 3; /* a row of larger noise */
    assert_near(bound(&m, WTL_CONSTRAINT_POWER, 2, 0), 3.40 + 6 * 0.050, 1e-12);
    struct wtl_constraints set = {.item = {{.kind = WTL_CONSTRAINT_SLOWDOWN, .limit = 0.122},
                                           {.kind = WTL_CONSTRAINT_POWER, .limit = 4}},
                                  .n = 2,
                                  .z = 1};
    m.c.origin.spread = 1;
    assert_false(wtl_constraints_hold(&set, &m.c, &m.c.origin, 1)); /* too slow */
    assert_true(wtl_constraints_hold(&set, &m.c, &m.c.origin, 2));
    assert_false(wtl_constraints_hold(&set, &m.c, &m.c.origin, 3)); /* power by its bound */
}

static void the_smallest_relaxation_keeps_the_others(void **state)
{
    (void)state;
    struct made m;
    const bool all[N] = {true, true, true, true}, some[N] = {true, false, false, true};
    int binding = -1;
    double limit = 0;
    size_t clock = N;
    make(&m);
    /* Clocks 0 and 1 save enough but are too slow, by 0.15 at least; clock 3 is fast enough but
     * saves 0.20 too little. */
    struct wtl_constraints set = {.item = {{.kind = WTL_CONSTRAINT_SLOWDOWN, .limit = 0.05},
                                           {.kind = WTL_CONSTRAINT_SAVING, .limit = -0.20}},
                                  .n = 2,
                                  .z = 0};
    assert_true(wtl_constraints_relax(&set, &m.c, all, &binding, &limit, &clock));
    assert_int_equal(binding, 0);
    assert_near(limit, 0.20, 1e-12);
    assert_int_equal(clock, 1);
    set.item[0].limit = 0.15;
    set.item[1].limit = -0.29;
    assert_true(wtl_constraints_relax(&set, &m.c, all, &binding, &limit, &clock));
    assert_int_equal(binding, 0); /* 0.30 - 0.15 against 0.29 - 0.10 */
    assert_near(limit, 0.30, 1e-12);
    assert_int_equal(clock, 0);
    set.item[0].limit = 0.105;
    assert_true(wtl_constraints_relax(&set, &m.c, all, &binding, &limit, &clock));
    assert_int_equal(binding, 1); /* 0.29 - 0.10 against 0.30 - 0.105 */
    assert_near(limit, -0.10, 1e-12);
    assert_int_equal(clock, 2);
    assert_true(wtl_constraints_relax(&set, &m.c, some, &binding, &limit, &clock));
    assert_int_equal(clock, 0);
    set.item[2] = (struct wtl_constraint){.kind = WTL_CONSTRAINT_POWER, .limit = 3.5};
    set.item[1].limit = -0.35; /* beyond every clock, and none but clock 0 has the power */
    set.n = 3;
    assert_false(wtl_constraints_relax(&set, &m.c, all, &binding, &limit, &clock));
}

/* What the option asks for, as the log of a limit. */
static double asked(enum wtl_constraint_kind kind, const char *option, double work)
{
    double v = 0;
    int percent = 0;
    char unit[8] = "";
    switch (kind) {
    case WTL_CONSTRAINT_SLOWDOWN:
        assert_int_equal(sscanf(option, "--max-slowdown %lf%7s", &v, unit), 2);
        return log1p(v / 100);
    case WTL_CONSTRAINT_ENERGY:
        assert_int_equal(sscanf(option, "--max-energy %lf%7s", &v, unit), 2);
        assert_string_equal(unit, "%"); /* a bare 1.2 would be refused */
        return log(v / 100);
    case WTL_CONSTRAINT_SAVING:
        assert_int_equal(sscanf(option, "--min-saving %lf%7s", &v, unit), 2);
        return log1p(-v / 100);
    case WTL_CONSTRAINT_POWER:
        assert_int_equal(sscanf(option, "--max-power %lf%7s", &v, unit), 2);
        return log(v);
    case WTL_CONSTRAINT_CLOCK_RATIO:
        assert_int_equal(sscanf(option, "--min-clock-ratio %lf", &v), 1);
        return -log(v);
    case WTL_CONSTRAINT_RATE:
        assert_int_equal(sscanf(option, "--rate %lf", &v), 1);
        return log(work / v);
    case WTL_CONSTRAINT_SLO:
        assert_int_equal(sscanf(option, "--slo p%d=%lf%7s", &percent, &v, unit), 3);
        assert_int_equal(percent, 99);
        assert_string_equal(unit, "ms");
        return log(v / 1000);
    }
    return 0;
}

/* Whatever the limit, its option gives at least that much, and hardly more. */
static void advice_is_rounded_to_the_permissive_side(void **state)
{
    (void)state;
    static const struct {
        enum wtl_constraint_kind kind;
        double lo, hi, coarse; /* limits tried, logs; what rounding may give away */
    } range[] = {
        {WTL_CONSTRAINT_SLOWDOWN, -0.1, 2.3, 1.2e-3},  {WTL_CONSTRAINT_ENERGY, -1, 2, 3e-3},
        {WTL_CONSTRAINT_SAVING, -2, 0.5, 8e-3},        {WTL_CONSTRAINT_POWER, 3, 11.5, 6e-3},
        {WTL_CONSTRAINT_CLOCK_RATIO, 1e-3, 1.5, 5e-3}, {WTL_CONSTRAINT_RATE, -6, 6, 1.1e-3},
        {WTL_CONSTRAINT_SLO, -9, 6, 1.1e-3},
    };
    struct wtl_rng rng;
    wtl_rng_init(&rng, 1);
    for (size_t k = 0; k < sizeof range / sizeof range[0]; k++)
        for (int i = 0; i < 2000; i++) {
            struct wtl_constraint c = {.kind = range[k].kind, .percent = 99, .work = 1000};
            double limit = range[k].lo +
                           (range[k].hi - range[k].lo) * wtl_rng_below(&rng, 1u << 30) / (1 << 30);
            char option[100];
            wtl_constraint_option(&c, limit, option, sizeof option);
            double got = asked(c.kind, option, c.work);
            if (got < limit - 1e-9 || got > limit + range[k].coarse)
                fail_msg("%s for a limit of %.9f (log)", option, limit);
        }
}

static void descriptions_are_in_peoples_units(void **state)
{
    (void)state;
    static const struct {
        struct wtl_constraint k;
        double value;
        const char *words;
    } c[] = {
        {{.kind = WTL_CONSTRAINT_SLOWDOWN}, 1.05, "slowdown at most 5 %"},
        {{.kind = WTL_CONSTRAINT_ENERGY}, 0.9, "energy at most 0.9 of the baseline"},
        {{.kind = WTL_CONSTRAINT_SAVING}, 0.85, "saving at least 15 %"},
        {{.kind = WTL_CONSTRAINT_POWER}, 200, "power at most 200 W"},
        {{.kind = WTL_CONSTRAINT_CLOCK_RATIO}, 1 / 0.75, "clock at least 0.75 of the highest"},
        {{.kind = WTL_CONSTRAINT_RATE, .work = 1000},
         50,
         "arrival rate of 20/s, one run of work per 50 s"},
        {{.kind = WTL_CONSTRAINT_SLO, .percent = 99}, 0.2, "p99 latency at most 200 ms"},
    };
    for (size_t i = 0; i < sizeof c / sizeof c[0]; i++) {
        struct wtl_constraint k = c[i].k;
        char words[100];
        k.limit = log(c[i].value);
        wtl_constraint_describe(&k, words, sizeof words);
        assert_string_equal(words, c[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_lie_on_the_unfavourable_side),
        cmocka_unit_test(the_smallest_relaxation_keeps_the_others),
        cmocka_unit_test(advice_is_rounded_to_the_permissive_side),
        cmocka_unit_test(descriptions_are_in_peoples_units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
