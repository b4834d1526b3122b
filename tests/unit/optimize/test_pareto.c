/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "base/random.h"
#include "optimize/objective.h"
#include "optimize/pareto.h"

#include <math.h>
#include <string.h>

enum { N = 60 };

static bool dominates(const double *e, const double *t, int a, int b)
{
    return e[a] <= e[b] && t[a] <= t[b] && (e[a] < e[b] || t[a] < t[b]);
}

static void fronts_are_exactly_the_non_dominated(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        WTL_ARENA(arena);
        struct wtl_rng rng;
        double e[N], t[N], volume, grid = 0;
        bool use[N], front[N];
        wtl_rng_init(&rng, seed);
        for (int i = 0; i < N; i++) { /* a coarse lattice: ties and equal points occur */
            e[i] = 1 + wtl_rng_below(&rng, 12);
            t[i] = 1 + wtl_rng_below(&rng, 12);
            use[i] = wtl_rng_below(&rng, 5) > 0;
        }
        assert_ok(wtl_pareto_front(&arena, e, t, use, N, front, NULL), NULL);
        for (int i = 0; i < N; i++) {
            bool dominated = !use[i];
            for (int j = 0; j < N; j++)
                dominated = dominated || (use[j] && dominates(e, t, j, i)) ||
                            (use[j] && j < i && e[j] == e[i] && t[j] == t[i]);
            assert_int_equal(front[i], !dominated);
        }
        assert_ok(wtl_pareto_hypervolume(&arena, e, t, front, N, 10, 11, &volume, NULL), NULL);
        for (int x = 0; x < 10; x++) /* unit cells of the lattice, counted */
            for (int y = 0; y < 11; y++) {
                bool hit = false;
                for (int i = 0; i < N; i++)
                    hit = hit || (use[i] && e[i] <= x && t[i] <= y);
                grid += hit;
            }
        assert_near(volume, grid / 110, 1e-12);
    }
}

static void the_knee_is_the_bend(void **state)
{
    (void)state;
    double e[N], t[N];
    bool front[N];
    for (int i = 0; i < N; i++) { /* two straight pieces that meet at 20 */
        t[i] = 10 + i;
        e[i] = i < 20 ? 100 - 4 * i : 20 - 0.1 * (i - 20);
        front[i] = true;
    }
    assert_int_equal(wtl_pareto_knee(e, t, front, N), 20);
    for (int i = 0; i < N; i++)
        e[i] = 100 - i;
    assert_int_equal(wtl_pareto_knee(e, t, front, N), N); /* straight: none */
    memset(front, 0, sizeof front);
    front[3] = front[9] = true;
    assert_int_equal(wtl_pareto_knee(e, t, front, N), N);
}

static void objectives_in_logs(void **state)
{
    (void)state;
    const struct {
        struct wtl_objective o;
        double want;
        bool energy;
    } c[] = {
        {{.kind = WTL_OBJECTIVE_ENERGY}, 0.8, true},
        {{.kind = WTL_OBJECTIVE_TIME}, 1.25, false},
        {{.kind = WTL_OBJECTIVE_EDP}, 1.0, true},
        {{.kind = WTL_OBJECTIVE_ED2P}, 1.25, true},
        {{.kind = WTL_OBJECTIVE_ETN, .exponent = -1}, 0.64, true},
        {{.kind = WTL_OBJECTIVE_WEIGHTED, .weight = 0.5}, 1.025, true},
        {{.kind = WTL_OBJECTIVE_WEIGHTED, .weight = 0}, 1.25, false},
        {{.kind = WTL_OBJECTIVE_THROUGHPUT_PER_WATT}, 0.8, true},
    };
    for (size_t i = 0; i < sizeof c / sizeof c[0]; i++) {
        assert_near(exp(wtl_objective_log(&c[i].o, log(0.8), log(1.25))), c[i].want, 1e-12);
        assert_near(wtl_objective_log(&c[i].o, 0, 0), 0, 1e-15);
        assert_int_equal(wtl_objective_counts_energy(&c[i].o), c[i].energy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fronts_are_exactly_the_non_dominated),
        cmocka_unit_test(the_knee_is_the_bend),
        cmocka_unit_test(objectives_in_logs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
