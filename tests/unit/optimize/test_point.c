/* SPDX-License-Identifier: Apache-2.0
 * The choice among measured operating points: known answers, limits, coverage, no clock at all. */
#include "support/support.h"

#include "base/random.h"
#include "base/text.h"
#include "optimize/point.h"
#include "runs/judge.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* One point of a made-up workload: seconds and joules of one image. */
struct truth {
    const char *variant;
    double batch;
    int clock_mhz;
    double time_s, energy_j, p99_s;
};

static const struct truth table[] = {
    {"fp32", 1, 0, 0.0100, 2.00, 0.012},  {"fp32", 8, 0, 0.0060, 1.30, 0.060},
    {"fp16", 1, 0, 0.0060, 1.10, 0.008},  {"fp16", 8, 0, 0.0030, 0.70, 0.030},
    {"fp16", 32, 0, 0.0025, 0.60, 0.100},
};
enum { N_TABLE = sizeof table / sizeof table[0], PER_POINT = 5 };

static struct wtl_run run_of(const struct truth *t, double noise_t, double noise_e, int seq)
{
    struct wtl_run r = {.clock_mhz = t->clock_mhz,
                        .seq = seq,
                        .window = true,
                        .energy_method = WTL_ENERGY_counter,
                        .energy_class = WTL_CLASS_A};
    snprintf(r.gpu, sizeof r.gpu, "A100");
    snprintf(r.workload, sizeof r.workload, "resnet50");
    snprintf(r.unit, sizeof r.unit, "images");
    snprintf(r.point.variant, sizeof r.point.variant, "%s", t->variant);
    wtl_point_set(&r.point, WTL_SETTING_batch, t->batch);
    double work = 1000 + 10 * (seq % 7);
    wtl_run_set(&r, WTL_R_work_units, work);
    wtl_run_set(&r, WTL_R_time_s, work * t->time_s * exp(noise_t));
    wtl_run_set(&r, WTL_R_energy_j, work * t->energy_j * exp(noise_e));
    wtl_run_set(&r, WTL_R_power_w, r.metric[WTL_R_energy_j] / r.metric[WTL_R_time_s]);
    wtl_run_set(&r, WTL_R_latency_p99_s, t->p99_s * exp(noise_t));
    return r;
}

struct made {
    struct wtl_arena *arena;
    struct wtl_workset *sets;
    const struct wtl_workset **list;
    size_t n;
};

static void make(struct made *m, const struct wtl_run *runs, size_t n)
{
    struct wtl_error err = {0};
    assert_ok(wtl_worksets(m->arena, runs, n, NULL, &m->sets, &m->n, &err), &err);
    m->list = WTL_NEW_ARRAY(m->arena, const struct wtl_workset *, m->n + 1);
    assert_non_null(m->list);
    for (size_t i = 0; i < m->n; i++)
        m->list[i] = &m->sets[i];
}

static void make_table(struct made *m, struct wtl_arena *arena, uint64_t seed, double noise,
                       int per_point)
{
    struct wtl_run runs[N_TABLE * PER_POINT];
    struct wtl_rng rng;
    size_t n = 0;
    wtl_rng_init(&rng, seed);
    for (int k = 0; k < per_point; k++)
        for (int i = 0; i < N_TABLE; i++) {
            double t = noise * wtl_rng_normal(&rng), e = noise * wtl_rng_normal(&rng);
            runs[n] = run_of(&table[i], t, e, (int)n + 1);
            n++;
        }
    m->arena = arena;
    make(m, runs, n);
}

static struct wtl_policy energy_policy(void)
{
    struct wtl_policy p = wtl_policy_default();
    p.objective.kind = WTL_OBJECTIVE_ENERGY;
    return p;
}

static struct wtl_point_choice choose(const struct made *m, const struct wtl_policy *policy)
{
    struct wtl_error err = {0};
    struct wtl_point_choice c;
    assert_ok(wtl_choose_point(m->arena, m->list, m->n, policy, NULL, &c, &err), &err);
    return c;
}

static const struct wtl_measured_point *point(const struct wtl_point_choice *c, const char *variant,
                                              double batch)
{
    for (size_t i = 0; i < c->n_points; i++)
        if (strcmp(c->points[i].at.point.variant, variant) == 0 &&
            c->points[i].at.point.value[WTL_SETTING_batch] == batch)
            return &c->points[i];
    fail_msg("no point %s %g", variant, batch);
    return NULL;
}

static void the_least_energy_is_found_without_any_clock(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct made m;
    make_table(&m, &arena, 1, 0.005, PER_POINT);
    struct wtl_policy policy = energy_policy();
    struct wtl_point_choice c = choose(&m, &policy);
    assert_int_equal(c.status, WTL_PLAN_OK);
    assert_int_equal(c.n_points, N_TABLE);
    assert_ptr_equal(&c.points[c.chosen], point(&c, "fp16", 32));
    assert_int_equal(c.chosen, c.baseline); /* the fastest as well */
    assert_near(c.saving.value, 0, 0);
    assert_int_equal(c.saving.evidence, WTL_EVIDENCE_NONE);
    char work[20], text[WTL_MEASURED_POINT_TEXT];
    assert_string_equal(wtl_point_choice_work(&c, work), "image");
    assert_string_equal(wtl_measured_point_format(&c.points[c.chosen], text), "fp16, batch 32");
    assert_near(c.points[c.chosen].energy_j.value, 0.6, 0.01);
    assert_near(1 / c.points[c.chosen].time_s.value, 400, 5);
    assert_true(c.points[c.chosen].pareto);
    assert_false(point(&c, "fp32", 1)->pareto);
    assert_near(point(&c, "fp32", 8)->saving, 1 - 1.3 / 0.6, 0.05);
}

/* The latency limit leaves batch 8 at most, batch 1 below 20 ms. */
static void latency_limits_rule_points_out(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct made m;
    make_table(&m, &arena, 2, 0.005, PER_POINT);
    struct wtl_policy policy = energy_policy();
    policy.n_slo = 1;
    policy.slo[0] = (struct wtl_slo){99, 0.05};
    struct wtl_point_choice c = choose(&m, &policy);
    assert_ptr_equal(&c.points[c.chosen], point(&c, "fp16", 8));
    assert_non_null(strstr(point(&c, "fp16", 32)->why, "p99 latency up to 10"));
    assert_near(c.saving.value, 1 - 0.7 / 0.6, 0.03); /* it costs energy, and says so */
    assert_true(c.saving.lo < c.saving.value && c.saving.value < c.saving.hi);
    policy.slo[0].seconds = 0.02;
    c = choose(&m, &policy);
    assert_ptr_equal(&c.points[c.chosen], point(&c, "fp16", 1));
    policy.slo[0].seconds = 0.001;
    c = choose(&m, &policy);
    assert_int_equal(c.status, WTL_PLAN_INFEASIBLE);
    assert_int_equal(c.chosen, WTL_NO_POINT);
    assert_non_null(strstr(c.binding, "p99"));
    policy.slo[0].percent = 50;
    c = choose(&m, &policy);
    assert_non_null(strstr(c.binding, "was not measured"));
}

static void the_baseline_can_be_a_configuration(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct made m;
    make_table(&m, &arena, 3, 0.005, PER_POINT);
    struct wtl_policy policy = energy_policy();
    struct wtl_error err = {0};
    struct wtl_point_choice c;
    struct wtl_at at;
    assert_ok(wtl_at_parse("fp32", &at, &err), &err);
    assert_ok(wtl_choose_point(&arena, m.list, m.n, &policy, &at, &c, &err), &err);
    assert_ptr_equal(&c.points[c.baseline], point(&c, "fp32", 8));
    assert_near(c.saving.value, 1 - 0.6 / 1.3, 0.01);
    assert_near(c.slowdown.value, 0.0025 / 0.006 - 1, 0.01);
    policy.has_max_slowdown = true;
    policy.max_slowdown = 0.05;
    assert_ok(wtl_choose_point(&arena, m.list, m.n, &policy, &at, &c, &err), &err);
    assert_non_null(strstr(point(&c, "fp32", 1)->why, "slowdown up to"));
    assert_true(point(&c, "fp16", 1)->feasible || point(&c, "fp16", 1)->why[0]);
    assert_ok(wtl_at_parse("int8", &at, &err), &err);
    assert_ok(wtl_choose_point(&arena, m.list, m.n, &policy, &at, &c, &err), &err);
    assert_int_equal(c.status, WTL_PLAN_UNUSABLE);
    assert_int_equal(c.n_notes >= 1, 1);
}

/* Two points of the same true energy are told apart in at most 5 % of campaigns, whichever of them
 * is lucky; and the truly best point is in the tied set in at least 95 % of them. */
static void ties_hold_the_best(void **state)
{
    (void)state;
    static const double energy[4] = {1.00, 1.00, 1.004, 1.05};
    enum { SEEDS = 2000, RUNS = 4 };
    int held = 0, within = 0, of = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        WTL_ARENA(arena);
        struct made m = {.arena = &arena};
        struct wtl_run runs[4 * RUNS];
        struct wtl_rng rng;
        wtl_rng_init(&rng, seed);
        for (int i = 0; i < 4 * RUNS; i++) {
            struct truth t = {"", 1 << (i % 4), 0, 0.005 + 0.001 * (i % 4), energy[i % 4], 0.01};
            double a = 0.01 * wtl_rng_normal(&rng), b = 0.01 * wtl_rng_normal(&rng);
            runs[i] = run_of(&t, a, b, i + 1);
        }
        make(&m, runs, 4 * RUNS);
        struct wtl_policy policy = energy_policy();
        policy.prefer = WTL_PREFER_BEST;
        struct wtl_point_choice c = choose(&m, &policy);
        held += point(&c, "", 1)->tied;
        double truth = 1 - energy[(int)log2(c.points[c.chosen].at.point.value[0])] /
                               energy[(int)log2(c.points[c.baseline].at.point.value[0])];
        if (c.chosen != c.baseline) {
            of++;
            within += c.saving.lo <= truth && truth <= c.saving.hi;
        }
    }
    print_message("# best in the tied set in %d of %d, saving within its interval in %d of %d\n",
                  held, SEEDS, within, of);
    assert_true(held >= 0.95 * SEEDS);
    assert_true(of > 100 && within >= 0.95 * of);
}

static void points_measured_once_give_a_guess(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct made m;
    make_table(&m, &arena, 4, 0.005, 1);
    struct wtl_policy policy = energy_policy();
    struct wtl_point_choice c = choose(&m, &policy);
    assert_int_equal(c.status, WTL_PLAN_UNDECIDED);
    assert_int_equal(c.chosen, WTL_NO_POINT);
    assert_ptr_equal(&c.points[c.best], point(&c, "fp16", 32));
    assert_int_equal(c.saving.evidence, WTL_EVIDENCE_NONE);
}

/* Whole runs count per unit where all say how much they did, else as they are. */
static void whole_runs_compare_by_their_work(void **state)
{
    (void)state;
    for (int counted = 0; counted < 2; counted++) {
        WTL_ARENA(arena);
        struct made m = {.arena = &arena};
        struct wtl_run runs[6];
        for (int i = 0; i < 6; i++) {
            struct truth t = {"", i % 2 ? 8 : 1, 0, 0.01, 1, 0.01};
            runs[i] = run_of(&t, 0.001 * i, 0, i + 1);
            runs[i].window = false;
            double work = i % 2 ? 2000 : 500;
            wtl_run_set(&runs[i], WTL_R_time_s, work * 0.01);
            wtl_run_set(&runs[i], WTL_R_energy_j, work * (i % 2 ? 0.9 : 1.0) * (1 + 0.001 * i));
            wtl_run_set(&runs[i], WTL_R_power_w, 100);
            wtl_run_set(&runs[i], WTL_R_work_units, work);
            if (!counted)
                wtl_run_clear(&runs[i], WTL_R_work_units);
        }
        make(&m, runs, 6);
        struct wtl_policy policy = energy_policy();
        struct wtl_point_choice c = choose(&m, &policy);
        assert_int_equal(c.per_run, !counted);
        assert_near(c.points[c.best].at.point.value[WTL_SETTING_batch], counted ? 8 : 1, 0);
        assert_near(c.points[c.best].energy_j.value, counted ? 0.9 : 500, counted ? 0.01 : 5);
    }
}

static void estimates_are_said_to_be_estimates(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct made m = {.arena = &arena};
    struct wtl_run runs[4];
    for (int i = 0; i < 4; i++) {
        runs[i] = run_of(&table[i % 2], 0.001 * i, 0, i + 1);
        runs[i].energy_method = WTL_ENERGY_estimated;
        runs[i].energy_class = WTL_CLASS_D;
    }
    make(&m, runs, 4);
    struct wtl_policy policy = energy_policy();
    struct wtl_point_choice c = choose(&m, &policy);
    assert_int_equal(c.points[c.chosen].energy_class, WTL_CLASS_D);
    assert_true(c.n_notes >= 1);
    assert_non_null(strstr(c.notes[0], "class D"));
}

static void nothing_accepted_is_no_answer(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct made m = {.arena = &arena};
    struct wtl_run runs[2] = {run_of(&table[0], 0, 0, 1), run_of(&table[1], 0, 0, 2)};
    runs[0].status = runs[1].status = WTL_RUN_FAILED;
    make(&m, runs, 2);
    struct wtl_policy policy = energy_policy();
    struct wtl_point_choice c = choose(&m, &policy);
    assert_int_equal(c.status, WTL_PLAN_UNUSABLE);
    assert_int_equal(c.best, WTL_NO_POINT);
    assert_non_null(strstr(c.points[0].why, "failed"));
}

static void rates_are_decided_one_at_a_time(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct made m = {.arena = &arena};
    struct wtl_run runs[8];
    for (int i = 0; i < 8; i++) {
        runs[i] = run_of(&table[2 + i % 2], 0.001 * i, 0.0005 * i, i + 1);
        wtl_run_set(&runs[i], WTL_R_rate_per_s, i < 4 ? 10 : 20);
    }
    make(&m, runs, 8);
    struct wtl_policy policy = energy_policy();
    struct wtl_point_choice c = choose(&m, &policy);
    assert_int_equal(c.status, WTL_PLAN_UNUSABLE);
    policy.has_rate = true;
    policy.rate_per_s = 20;
    c = choose(&m, &policy);
    assert_int_equal(c.status, WTL_PLAN_OK);
    assert_near(c.points[c.chosen].rate_per_s, 20, 0);
    /* By latency, not by the time that the arrivals set: batch 1 answers sooner. */
    assert_near(c.points[c.baseline].at.point.value[WTL_SETTING_batch], 1, 0);
}

static void idle_energy_counts_at_a_rate(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct made m = {.arena = &arena};
    struct wtl_run runs[4];
    for (int i = 0; i < 4; i++) {
        runs[i] = run_of(&table[2 + i % 2], 0.0005 * i, 0.0005 * i, i + 1);
        wtl_run_set(&runs[i], WTL_R_idle_power_w, 50);
    }
    make(&m, runs, 4);
    struct wtl_policy policy = energy_policy();
    policy.has_rate = true;
    policy.rate_per_s = 200; /* one in 5 ms; batch 1 needs 6 */
    struct wtl_point_choice c = choose(&m, &policy);
    assert_int_equal(c.status, WTL_PLAN_OK);
    assert_non_null(strstr(point(&c, "fp16", 1)->why, "/s at most"));
    assert_near(point(&c, "fp16", 8)->energy_j.value, 0.7 + 50 * 0.002, 0.002);
    wtl_run_clear(&runs[1], WTL_R_idle_power_w);
    wtl_run_clear(&runs[3], WTL_R_idle_power_w);
    make(&m, runs, 4);
    c = choose(&m, &policy);
    assert_int_equal(c.status, WTL_PLAN_UNUSABLE);
}

static void no_memory_leaves_the_output_alone(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct made m;
    make_table(&m, &arena, 5, 0.005, 2);
    struct wtl_policy policy = energy_policy();
    int failed = 0;
    for (long at = 1;; at++) {
        struct wtl_alloc_failing failing;
        struct wtl_arena own;
        struct wtl_error err = {0};
        struct wtl_point_choice c = {.n_points = 77};
        wtl_arena_init(&own, wtl_alloc_failing(&failing, at));
        int rc = wtl_choose_point(&own, m.list, m.n, &policy, NULL, &c, &err);
        wtl_arena_fini(&own);
        if (rc == 0)
            break;
        assert_int_equal(rc, -(int)WTL_NOMEM);
        assert_int_equal(c.n_points, 77);
        failed++;
    }
    assert_true(failed >= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_energy_is_found_without_any_clock),
        cmocka_unit_test(latency_limits_rule_points_out),
        cmocka_unit_test(the_baseline_can_be_a_configuration),
        cmocka_unit_test(ties_hold_the_best),
        cmocka_unit_test(points_measured_once_give_a_guess),
        cmocka_unit_test(whole_runs_compare_by_their_work),
        cmocka_unit_test(estimates_are_said_to_be_estimates),
        cmocka_unit_test(nothing_accepted_is_no_answer),
        cmocka_unit_test(rates_are_decided_one_at_a_time),
        cmocka_unit_test(idle_energy_counts_at_a_rate),
        cmocka_unit_test(no_memory_leaves_the_output_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
