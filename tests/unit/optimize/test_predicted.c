/* SPDX-License-Identifier: Apache-2.0
 * Plans on predicted curves, and held-out errors: the rules, the status, and no leak. */
#include "optimize/heldout.h"
#include "optimize/predicted.h"
#include "stats/robust.h"
#include "support/sim_campaign.h"
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- plans on predicted curves ---- */

static struct wtl_predicted exact(struct wtl_arena *arena, const struct sim_campaign *c)
{
    struct wtl_error err = {0};
    double *time = WTL_NEW_ARRAY(arena, double, c->n_clocks);
    double *power = WTL_NEW_ARRAY(arena, double, c->n_clocks);
    for (size_t i = 0; i < c->n_clocks; i++) {
        time[i] = sim_time_s(&c->truth, c->clocks_mhz[i]);
        power[i] = sim_power_w(&c->truth, c->clocks_mhz[i]);
    }
    struct wtl_predicted p;
    assert_ok(wtl_predicted_from_values(arena, c->clocks_mhz, c->n_clocks, time, power, &p, &err),
              &err);
    return p;
}

/* Known curves: the choice is the true optimum, by every objective and limit. */
static void known_curves_give_the_true_optimum(void **state)
{
    (void)state;
    static const enum wtl_objective_kind kinds[] = {WTL_OBJECTIVE_ENERGY, WTL_OBJECTIVE_TIME,
                                                    WTL_OBJECTIVE_EDP, WTL_OBJECTIVE_ED2P,
                                                    WTL_OBJECTIVE_WEIGHTED};
    for (int i = 0; i < 40; i++) {
        WTL_ARENA(arena);
        struct wtl_error err = {0};
        struct sim_options o = sim_options_default();
        o.gpu = i % 6;
        o.workload = i % 13;
        o.seed = (uint64_t)i;
        o.n_reps = 1;
        struct sim_campaign c;
        assert_ok(sim_campaign_make(&arena, &o, &c, &err), &err);
        struct wtl_predicted p = exact(&arena, &c);
        struct wtl_policy policy = wtl_policy_default();
        policy.prefer = WTL_PREFER_BEST;
        policy.objective.kind = kinds[i % 5];
        policy.objective.weight = 0.6;
        policy.has_max_slowdown = i % 2 == 0;
        policy.max_slowdown = 0.05;
        policy.has_min_clock_ratio = i % 3 == 0;
        policy.min_clock_ratio = 0.7;
        struct wtl_plan plan;
        assert_ok(wtl_optimize_predicted(&arena, "g", "w", &p, &policy, &plan, &err), &err);
        assert_int_equal(plan.status, WTL_PLAN_OK);
        assert_int_equal(plan.clock_mhz, sim_optimum(&c, &policy, NULL, 0));
        assert_near(plan.objective_saving.value, 1 - sim_objective(&c, &policy, plan.clock_mhz),
                    1e-9);
        assert_int_equal(plan.saving.evidence, WTL_EVIDENCE_NONE);
    }
}

enum { WORKS = 6, CARDS = 3, SETS = WORKS * CARDS };

struct world {
    struct sim_campaign *campaign;
    struct wtl_example example[SETS];
    struct wtl_reference reference[SETS];
};

static void make_world(struct wtl_arena *arena, struct world *world)
{
    struct wtl_error err = {0};
    world->campaign = WTL_NEW_ARRAY(arena, struct sim_campaign, SETS);
    for (int i = 0; i < SETS; i++) {
        struct sim_options o = sim_options_default();
        o.gpu = i / WORKS;
        o.workload = 2 * (i % WORKS);
        o.seed = (uint64_t)i + 10;
        o.clock_stride = 6;
        struct sim_campaign *c = &world->campaign[i];
        assert_ok(sim_campaign_make(arena, &o, c, &err), &err);
        assert_ok(wtl_example_from_runs(arena, c->runs, c->n_runs, 0, &world->example[i], &err),
                  &err);
        double *time = WTL_NEW_ARRAY(arena, double, c->n_swept);
        double *power = WTL_NEW_ARRAY(arena, double, c->n_swept);
        for (size_t k = 0; k < c->n_swept; k++) {
            time[k] = sim_time_s(&c->truth, c->swept_mhz[k]);
            power[k] = sim_power_w(&c->truth, c->swept_mhz[k]);
        }
        world->reference[i] = (struct wtl_reference){c->swept_mhz, time, power, c->n_swept};
    }
}

static struct wtl_policy limited(void)
{
    struct wtl_policy policy = wtl_policy_default();
    policy.has_max_slowdown = true;
    policy.max_slowdown = 0.05;
    policy.prefer = WTL_PREFER_BEST;
    return policy;
}

/* Example 1 from one run at the highest clock. */
static struct wtl_predicted predict_one(struct wtl_arena *arena, const struct world *world)
{
    struct wtl_error err = {0};
    const struct wtl_example *training[SETS];
    for (int i = 0; i < SETS; i++)
        training[i] = &world->example[i];
    struct wtl_predictor model;
    struct wtl_example probe;
    struct wtl_posterior q;
    struct wtl_predicted p;
    const double top = 1;
    const struct sim_campaign *c = &world->campaign[1];
    assert_ok(wtl_predictor_fit(arena, training, SETS, &model, &err), &err);
    assert_ok(wtl_example_probe(arena, &world->example[1], &top, 1, &probe, &err), &err);
    assert_ok(wtl_predictor_apply(arena, &model, &probe, true, &q, NULL, &err), &err);
    assert_ok(wtl_predicted_from_posterior(arena, &q, c->clocks_mhz + 20, c->n_clocks - 20,
                                           WTL_PREDICTED_DRAWS, 1, &p, &err),
              &err);
    return p;
}

static void limits_hold_at_their_upper_bound(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    static struct world world;
    make_world(&arena, &world);
    struct wtl_predicted p = predict_one(&arena, &world);
    struct wtl_policy policy = limited();
    struct wtl_plan plan;
    assert_ok(wtl_optimize_predicted(&arena, "V100", "bert", &p, &policy, &plan, &err), &err);
    assert_int_equal(plan.n_curve, p.n_clocks);
    bool between = false;
    for (size_t i = 0; i < plan.n_curve; i++) {
        const struct wtl_curve_point *at = &plan.curve[i];
        assert_int_equal(at->feasible, at->slowdown_hi <= 0.05 + 1e-12);
        assert_true(at->time_lo <= at->time_s && at->time_s <= at->time_hi);
        assert_true(at->saving_lo <= at->saving && at->saving <= at->saving_hi);
        between |= at->slowdown <= 0.05 && !at->feasible;
    }
    assert_true(between); /* the point rule would have allowed more */
    assert_near(plan.curve[plan.n_curve - 1].slowdown, 0, 1e-12);
    assert_near(plan.curve[plan.n_curve - 1].slowdown_hi, 0, 1e-12);
    assert_int_equal(plan.saving.evidence, WTL_EVIDENCE_PREDICTED);
    assert_int_equal(plan.baseline_clock_mhz, 1380);
    assert_non_null(strstr(plan.notes[0], "Predicted, not measured"));
    assert_true(plan.n_tied >= 1);
}

static void undecided_when_the_gain_may_be_none(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    static struct world world;
    make_world(&arena, &world);
    struct wtl_predicted p = predict_one(&arena, &world);
    for (size_t r = 0; r < p.n_draws; r++) /* power anything between half and double */
        for (size_t i = 0; i < p.n_clocks; i++)
            p.draw_power[r * p.n_clocks + i] +=
                ((double)r / (double)p.n_draws - 0.5) * (double)(p.n_clocks - i) / 50;
    struct wtl_policy policy = limited();
    policy.has_max_slowdown = false;
    struct wtl_plan plan;
    assert_ok(wtl_optimize_predicted(&arena, "V100", "bert", &p, &policy, &plan, &err), &err);
    assert_int_equal(plan.status, WTL_PLAN_UNDECIDED);
    assert_int_equal(plan.clock_mhz, 0);
    assert_true(plan.best_guess_mhz > 0 && plan.best_guess_mhz < 1380);
    assert_true(plan.objective_saving.lo <= 0);
}

static void infeasible_names_what_binds(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct sim_options o = sim_options_default();
    struct sim_campaign c;
    assert_ok(sim_campaign_make(&arena, &o, &c, &err), &err);
    struct wtl_predicted p = exact(&arena, &c);
    struct wtl_policy policy = limited();
    policy.has_min_saving = true;
    policy.min_saving = 0.9;
    struct wtl_plan plan;
    assert_ok(wtl_optimize_predicted(&arena, "A100", "w", &p, &policy, &plan, &err), &err);
    assert_int_equal(plan.status, WTL_PLAN_INFEASIBLE);
    assert_int_equal(plan.clock_mhz, 0);
    assert_string_equal(plan.binding, "saving at least 90 %");
    assert_non_null(strstr(plan.relaxation, "--min-saving"));
}

static void what_cannot_be_predicted_is_refused(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct sim_options o = sim_options_default();
    struct sim_campaign c;
    assert_ok(sim_campaign_make(&arena, &o, &c, &err), &err);
    struct wtl_predicted p = exact(&arena, &c);
    struct wtl_policy policy = limited();
    struct wtl_plan plan = {.n_runs = 77};
    policy.has_rate = true;
    policy.rate_per_s = 1;
    assert_int_equal(wtl_optimize_predicted(&arena, "g", "w", &p, &policy, &plan, &err),
                     -(int)WTL_USAGE);
    policy = limited();
    policy.baseline = (struct wtl_baseline){.kind = WTL_BASELINE_REP, .rep = 1};
    assert_int_equal(wtl_optimize_predicted(&arena, "g", "w", &p, &policy, &plan, &err),
                     -(int)WTL_USAGE);
    policy.baseline = (struct wtl_baseline){.kind = WTL_BASELINE_CLOCK, .clock_mhz = 1411};
    assert_int_equal(wtl_optimize_predicted(&arena, "g", "w", &p, &policy, &plan, &err),
                     -(int)WTL_USAGE);
    assert_non_null(strstr(err.message, "1411"));
    policy.baseline.clock_mhz = 1110;
    assert_int_equal(plan.n_runs, 77);
    assert_ok(wtl_optimize_predicted(&arena, "g", "w", &p, &policy, &plan, &err), &err);
    assert_int_equal(plan.baseline_clock_mhz, 1110);
}

static void the_published_model_states_no_uncertainty(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_fgcs fgcs = {.fp = 0.3, .dram = 0.2, .time_max_s = 10};
    static const int clocks[] = {510, 705, 900, 1110, 1245, 1380};
    struct wtl_predicted p;
    struct wtl_policy policy = wtl_policy_default();
    struct wtl_plan plan;
    assert_ok(wtl_predicted_from_fgcs(&arena, &fgcs, clocks, 6, &p, &err), &err);
    assert_ok(wtl_optimize_predicted(&arena, "V100", "w", &p, &policy, &plan, &err), &err);
    assert_int_equal(plan.status, WTL_PLAN_OK);
    assert_int_equal(plan.saving.evidence, WTL_EVIDENCE_NONE);
    assert_string_equal(plan.time_model, "fgcs-v100");
    bool said = false;
    for (size_t i = 0; i < plan.n_notes; i++)
        said |= strstr(plan.notes[i], "no uncertainty") != NULL;
    assert_true(said);
    /* By hand: least E t over the six clocks. */
    int best = 0;
    double least = HUGE_VAL;
    for (int i = 0; i < 6; i++) {
        double t = wtl_fgcs_time_s(&fgcs, clocks[i]);
        double edp = wtl_fgcs_power_w(&fgcs, clocks[i]) * t * t;
        if (edp < least) {
            least = edp;
            best = clocks[i];
        }
    }
    assert_int_equal(plan.clock_mhz, best);
}

/* ---- held-out errors ---- */

static void run_cases(struct wtl_arena *arena, const struct world *world,
                      struct wtl_heldout_case **cases, size_t *n)
{
    struct wtl_error err = {0};
    struct wtl_policy policy = limited();
    assert_ok(
        wtl_heldout_cases(arena, world->example, world->reference, SETS, &policy, cases, n, &err),
        &err);
}

static void every_example_is_left_out_twice(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    static struct world world;
    make_world(&arena, &world);
    struct wtl_heldout_case *cases;
    size_t n;
    run_cases(&arena, &world, &cases, &n);
    int count[WTL_N_SPLITS][WTL_N_METHODS] = {{0}};
    for (size_t i = 0; i < n; i++) {
        const struct wtl_heldout_case *c = &cases[i];
        const struct sim_campaign *s = &world.campaign[c->example];
        struct wtl_policy policy = limited();
        count[c->split][c->method]++;
        assert_int_equal(c->optimum_mhz,
                         sim_optimum(s, &policy, world.reference[c->example].clocks_mhz,
                                     world.reference[c->example].n));
        assert_int_equal(c->broken, !sim_feasible(s, &policy, c->pick_mhz));
        double best = sim_objective(s, &policy, c->optimum_mhz);
        assert_near(c->regret, fmax(sim_objective(s, &policy, c->pick_mhz) / best - 1, 0), 1e-9);
        assert_near(c->loss, c->broken ? 1 / best - 1 : c->regret, 1e-9);
        if (c->method == WTL_METHOD_MAX)
            assert_int_equal(c->pick_mhz, (int)s->truth.f_max_mhz);
    }
    for (int split = 0; split < WTL_N_SPLITS; split++) {
        assert_int_equal(count[split][WTL_METHOD_ACTIVITY], 2 * SETS);
        assert_int_equal(count[split][WTL_METHOD_PLAIN], 2 * SETS);
        assert_int_equal(count[split][WTL_METHOD_FGCS], WORKS);
        assert_int_equal(count[split][WTL_METHOD_MAX], SETS);
        assert_int_equal(count[split][WTL_METHOD_THREE_QUARTERS], SETS);
        assert_int_equal(count[split][WTL_METHOD_MEDIAN], SETS);
    }
}

/* Distance of a clock of the reference that is nearest to mhz. */
static double least_distance(const struct wtl_reference *r, double mhz)
{
    double least = HUGE_VAL;
    for (size_t i = 0; i < r->n; i++)
        least = fmin(least, fabs(r->clocks_mhz[i] - mhz));
    return least;
}

/* The rivals are what their names say: 0.75 of the highest clock, and the median of the optima, as
 * shares of the highest clock, of what may be seen: the same card, or all others when it is unseen.
 */
static void rules_of_thumb_pick_what_they_say(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    static struct world world;
    make_world(&arena, &world);
    struct wtl_heldout_case *cases;
    size_t n;
    double share[SETS] = {0}, ratios[SETS];
    run_cases(&arena, &world, &cases, &n);
    for (size_t i = 0; i < n; i++) {
        const struct wtl_reference *r = &world.reference[cases[i].example];
        share[cases[i].example] = cases[i].optimum_mhz / (double)r->clocks_mhz[r->n - 1];
    }
    for (size_t i = 0; i < n; i++) {
        const struct wtl_heldout_case *c = &cases[i];
        const struct wtl_reference *r = &world.reference[c->example];
        const struct wtl_example *e = &world.example[c->example];
        double highest = r->clocks_mhz[r->n - 1], want = 0.75;
        if (c->method == WTL_METHOD_MEDIAN) {
            size_t k = 0;
            for (size_t j = 0; j < SETS; j++) {
                bool card = strcmp(world.example[j].gpu, e->gpu) == 0;
                bool work = strcmp(world.example[j].workload, e->workload) == 0;
                if (c->split == WTL_SPLIT_WORKLOAD ? card && !work : !card)
                    ratios[k++] = share[j];
            }
            want = wtl_median(ratios, k);
        } else if (c->method != WTL_METHOD_THREE_QUARTERS) {
            continue;
        }
        assert_near(fabs(c->pick_mhz - want * highest), least_distance(r, want * highest), 1e-9);
    }
}

static struct wtl_cell *copy_cells(struct wtl_arena *arena, const struct wtl_example *e)
{
    struct wtl_cell *cells = wtl_arena_memdup(arena, e->cells, e->n_cells * sizeof *e->cells);
    assert_non_null(cells);
    return cells;
}

static bool probed(const struct wtl_example *e, size_t cell)
{
    static const double ratios[] = {1, 0.75, 0.5};
    for (int k = 0; k < 3; k++) {
        bool nearest = true;
        double own = fabs(e->cells[cell].clock_mhz - ratios[k] * e->f_max_mhz);
        for (size_t i = 0; i < e->n_cells; i++)
            nearest &= own <= fabs(e->cells[i].clock_mhz - ratios[k] * e->f_max_mhz);
        if (nearest)
            return true;
    }
    return false;
}

/* Poison in what a case may not see: in the cells of its workload (or card) that no probe looks at,
 * and in its reference, which is opened after the pick only. The picks of the model must not
 * move; in the other folds, where it is training, they must, or the detector is blind. */
static void poison_in_the_left_out_moves_no_pick(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    static struct world clean, poisoned;
    make_world(&arena, &clean);
    poisoned = clean;
    enum { VICTIM = 8 };
    struct wtl_example *e = &poisoned.example[VICTIM];
    struct wtl_cell *cells = copy_cells(&arena, e);
    for (size_t i = 0; i < e->n_cells; i++)
        if (!probed(e, i)) {
            cells[i].time_s *= i % 2 ? 3 : 0.4;
            cells[i].power_w *= i % 3 ? 0.3 : 2;
        }
    e->cells = cells;
    size_t n = poisoned.reference[VICTIM].n;
    double *time = wtl_arena_memdup(&arena, clean.reference[VICTIM].time_s, n * sizeof *time);
    for (size_t i = 0; i < n; i++)
        time[i] *= 1 + 0.3 * (double)(n - 1 - i); /* far slower at low clocks */
    poisoned.reference[VICTIM].time_s = time;
    struct wtl_heldout_case *a, *b;
    size_t na, nb;
    run_cases(&arena, &clean, &a, &na);
    run_cases(&arena, &poisoned, &b, &nb);
    assert_int_equal(na, nb);
    int moved_elsewhere = 0, same = 0;
    for (size_t i = 0; i < na; i++) {
        if (a[i].method != WTL_METHOD_ACTIVITY && a[i].method != WTL_METHOD_PLAIN)
            continue;
        bool victims = a[i].split == WTL_SPLIT_GPU ? a[i].example / WORKS == VICTIM / WORKS
                                                   : a[i].example % WORKS == VICTIM % WORKS;
        if (victims) {
            same++;
            assert_int_equal(a[i].pick_mhz, b[i].pick_mhz);
        } else {
            moved_elsewhere += a[i].pick_mhz != b[i].pick_mhz;
        }
        if (a[i].example == VICTIM)
            assert_true(a[i].optimum_mhz != b[i].optimum_mhz); /* it is judged by the poison */
    }
    assert_int_equal(same, 4 * (CARDS + WORKS));
    assert_true(moved_elsewhere > 0);
}

static void tables_are_quantiles_of_the_cases(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_heldout_case cases[7] = {{0}};
    for (int i = 0; i < 5; i++) {
        cases[i].method = WTL_METHOD_PLAIN;
        cases[i].n_probes = 3;
        cases[i].regret = 0.01 * (4 - i);
        cases[i].loss = 0.02 * i;
        cases[i].broken = i == 2;
        cases[i].has_error = true;
        cases[i].time_error = 0.1;
    }
    cases[5] = (struct wtl_heldout_case){.split = WTL_SPLIT_GPU, .method = WTL_METHOD_MAX};
    cases[6] = cases[5];
    cases[6].regret = 1;
    struct wtl_heldout *rows;
    size_t n;
    assert_ok(wtl_heldout_table(&arena, cases, 7, &rows, &n, &err), &err);
    assert_int_equal(n, 2);
    assert_int_equal(rows[0].n, 5);
    assert_near(rows[0].regret_median, 0.02, 1e-15);
    assert_near(rows[0].regret_p90, 0.036, 1e-15);
    assert_near(rows[0].loss_mean, 0.04, 1e-15);
    assert_near(rows[0].broken, 0.2, 1e-15);
    assert_near(rows[0].time_median, 0.1, 1e-15);
    assert_int_equal(rows[1].n, 2);
    assert_near(rows[1].regret_median, 0.5, 1e-15);
    assert_false(rows[1].has_error);
    assert_ok(wtl_heldout_table(&arena, NULL, 0, &rows, &n, &err), &err);
    assert_int_equal(n, 0);
}

/* What the model is for: from three clocks of an unseen workload it loses less than every rival. */
static void three_probes_beat_the_rules_of_thumb(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    static struct world world;
    make_world(&arena, &world);
    struct wtl_heldout_case *cases;
    struct wtl_heldout *rows;
    size_t n, n_rows;
    run_cases(&arena, &world, &cases, &n);
    assert_ok(wtl_heldout_table(&arena, cases, n, &rows, &n_rows, &err), &err);
    for (int split = 0; split < WTL_N_SPLITS; split++) {
        double model = HUGE_VAL, rival = HUGE_VAL;
        for (size_t i = 0; i < n_rows; i++) {
            if ((int)rows[i].split != split)
                continue;
            if (rows[i].method == WTL_METHOD_ACTIVITY && rows[i].n_probes == 3)
                model = rows[i].loss_mean;
            if (rows[i].n_probes == 0)
                rival = fmin(rival, rows[i].loss_mean);
        }
        assert_true(model < 0.6 * rival);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_curves_give_the_true_optimum),
        cmocka_unit_test(limits_hold_at_their_upper_bound),
        cmocka_unit_test(undecided_when_the_gain_may_be_none),
        cmocka_unit_test(infeasible_names_what_binds),
        cmocka_unit_test(what_cannot_be_predicted_is_refused),
        cmocka_unit_test(the_published_model_states_no_uncertainty),
        cmocka_unit_test(every_example_is_left_out_twice),
        cmocka_unit_test(rules_of_thumb_pick_what_they_say),
        cmocka_unit_test(poison_in_the_left_out_moves_no_pick),
        cmocka_unit_test(tables_are_quantiles_of_the_cases),
        cmocka_unit_test(three_probes_beat_the_rules_of_thumb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
