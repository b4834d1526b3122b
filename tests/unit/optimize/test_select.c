/* SPDX-License-Identifier: Apache-2.0
 * The rule of choice and the interval that knows of it, on replicates that are written down. */
#include "support/support.h"

#include "optimize/select.h"
#include "stats/distribution.h"

#include <math.h>
#include <string.h>

enum { CLOCKS = 3, ROWS = 100 };

/* Clock 0 is best by 0.02, clock 1 next, clock 2 far off. In replicate r clock 1 gains r/1000 on
 * clock 0, so that it wins beyond replicate 20, by up to 0.079. */
struct made {
    double time[ROWS + 1][CLOCKS], objective[ROWS + 1][CLOCKS], zero[CLOCKS];
    double se[CLOCKS], tie_se[CLOCKS * CLOCKS];
    bool candidate[CLOCKS];
    struct wtl_row row[ROWS];
    struct wtl_contrast c;
    struct wtl_constraints none;
    struct wtl_rule rule;
};

static void make(struct made *m)
{
    *m = (struct made){.se = {0.04, 0.04, 0.04}, .candidate = {true, true, true}};
    for (int i = 0; i < CLOCKS * CLOCKS; i++)
        m->tie_se[i] = 0.03;
    for (int r = 0; r <= ROWS; r++) {
        m->objective[r][0] = 0;
        m->objective[r][1] = 0.02 - (r < ROWS ? r / 1000.0 : 0);
        m->objective[r][2] = 0.5;
        for (int e = 0; e < CLOCKS; e++)
            m->time[r][e] = m->objective[r][e];
    }
    struct wtl_row origin = {.time = m->time[ROWS],
                             .power = m->zero,
                             .energy = m->zero,
                             .objective = m->objective[ROWS],
                             .spread = 1};
    for (int r = 0; r < ROWS; r++) {
        m->row[r] = origin;
        m->row[r].time = m->time[r];
        m->row[r].objective = m->objective[r];
    }
    m->c = (struct wtl_contrast){.n = ROWS,
                                 .n_eval = CLOCKS,
                                 .base = CLOCKS,
                                 .origin = origin,
                                 .row = m->row,
                                 .slowdown_se = m->se,
                                 .saving_se = m->se,
                                 .time_se = m->se,
                                 .energy_se = m->se,
                                 .power_se = m->se,
                                 .tie_se = m->tie_se};
    m->rule = (struct wtl_rule){.contrast = &m->c,
                                .constraints = &m->none,
                                .candidate = m->candidate,
                                .prefer = WTL_PREFER_BEST};
}

/* The excess of clock 0 over the winner, in units of 0.03, is max(0, r/1000 - 0.02) / 0.03: its 95
 * % quantile over r = 0 ... 99 is at r = 94.05. */
static void the_tie_factor_is_that_of_the_replicates(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    static struct made m;
    double factor = 0;
    make(&m);
    assert_ok(wtl_tie_factor(&arena, &m.rule, 0.95, &factor, NULL), NULL);
    assert_near(factor, (0.09405 - 0.02) / 0.03, 1e-9);
    for (int i = 0; i < CLOCKS * CLOCKS; i++)
        m.tie_se[i] = 0.3; /* hardly any excess: not below the normal quantile */
    assert_ok(wtl_tie_factor(&arena, &m.rule, 0.95, &factor, NULL), NULL);
    assert_near(factor, wtl_normal_quantile(0.95), 1e-12);
    m.c.row[94].spread = m.c.row[95].spread = 2; /* noisier replicates prove less */
    for (int i = 0; i < CLOCKS * CLOCKS; i++)
        m.tie_se[i] = 0.03;
    assert_ok(wtl_tie_factor(&arena, &m.rule, 0.95, &factor, NULL), NULL);
    assert_true(factor < (0.09405 - 0.02) / 0.03 - 0.01);
}

static void everything_within_the_factor_is_tied(void **state)
{
    (void)state;
    static struct made m;
    bool feasible[CLOCKS], tied[CLOCKS];
    make(&m);
    m.rule.tie_factor = 0.7; /* times 0.03 is 0.021 */
    m.rule.prefer = WTL_PREFER_FASTEST;
    struct wtl_choice choice = wtl_choose(&m.rule, &m.c.origin, feasible, tied);
    assert_true(choice.best == 0 && choice.chosen == 1);
    assert_true(feasible[2] && tied[0] && tied[1] && !tied[2]);
    m.rule.tie_factor = 0.6;
    choice = wtl_choose(&m.rule, &m.c.origin, feasible, tied);
    assert_true(choice.chosen == 0 && !tied[1]);
    m.candidate[0] = false; /* illegal: neither best nor tied */
    m.rule.tie_factor = 50;
    choice = wtl_choose(&m.rule, &m.c.origin, feasible, tied);
    assert_true(choice.best == 1 && choice.chosen == 2 && !tied[0] && !feasible[0]);
}

/* Replicates that take clock 1 find it by its luck: there it errs by -r/1000, in 21 <= r < 100 (at
 * r = 20 both are equal, and the first one stays). */
static void the_interval_takes_the_luck_of_the_choice_off(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    static struct made m;
    size_t chosen[ROWS];
    struct wtl_interval i, plain;
    make(&m);
    wtl_choose_all(&m.rule, chosen);
    for (size_t r = 0; r < ROWS; r++)
        assert_int_equal(chosen[r], r <= 20 ? 0 : 1);
    double luck = 0;
    for (int r = 21; r < ROWS; r++)
        luck -= r / 1000.0 / ROWS;
    assert_ok(wtl_honest_interval(&arena, &m.c, chosen, 1, WTL_Q_SLOWDOWN, 0.9, &i, NULL), NULL);
    assert_near(i.value, 0.02 - luck, 1e-9);
    assert_near(i.lo, 0.02, 1e-9);           /* the luckless replicates erred by nothing */
    assert_near(i.hi, 0.02 + 0.09405, 1e-9); /* the 5 % quantile of the errors, r = 94.05 */
    assert_ok(wtl_honest_interval(&arena, &m.c, NULL, 1, WTL_Q_SLOWDOWN, 0.9, &plain, NULL), NULL);
    double half = wtl_normal_quantile(0.95) * 0.04;
    assert_near(plain.value, 0.02, 1e-12);
    assert_near(plain.lo, 0.02 - half, 1e-9);
    assert_near(plain.hi, 0.02 + half, 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tie_factor_is_that_of_the_replicates),
        cmocka_unit_test(everything_within_the_factor_is_tied),
        cmocka_unit_test(the_interval_takes_the_luck_of_the_choice_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
