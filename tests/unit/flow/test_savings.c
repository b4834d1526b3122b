/* SPDX-License-Identifier: Apache-2.0
 * Whether savings are what they are said to be: what `wattle optimize` claims of a sweep, and what
 * fresh runs find, against the saving of that very card under that protocol, which is the mean of
 * some hundred visits of other seeds (what its own sensor shows, its offset included). At the clock
 * that the plan chose, where choosing may have made it too good, and at clocks that were chosen
 * beforehand. A few loops; WATTLE_SAVINGS_CARDS=N: N cards for each of seven workloads.
 */
#include "loop_world.h"

#include "stats/robust.h"

/* Chosen before anything was measured. */
enum { FIXED_LOW = 810, FIXED_HIGH = 1215, HIGHEST = 1410 };

/* ---- Truth ----------------------------------------------------------------------------------- */

/* Log energy of a unit of work by clock, summed over visits. */
struct means {
    double sum[HIGHEST + 1], n[HIGHEST + 1];
};

static void add_visit(void *ctx, const struct wtl_sweep_progress *p)
{
    struct means *m = ctx;
    const struct wtl_run *r = &p->result->run;
    if (p->result->outcome != WTL_VISIT_done)
        return;
    m->sum[r->clock_mhz] +=
        log(wtl_run_get(r, WTL_R_energy_j, 0) / wtl_run_get(r, WTL_R_work_units, 1));
    m->n[r->clock_mhz] += 1;
}

static double saving_of(const struct means *m, int mhz)
{
    assert_true(m->n[mhz] > 0 && m->n[HIGHEST] > 0);
    return 1 - exp(m->sum[mhz] / m->n[mhz] - m->sum[HIGHEST] / m->n[HIGHEST]);
}

/* ---- Loops ----------------------------------------------------------------------------------- */

/* Claims of one kind against the truth. */
struct claims {
    const char *what;
    double error[2000], half[2000], scratch[2000];
    size_t n, hold;
};

static void add_claim(struct claims *c, double value, double lo, double hi, double truth)
{
    c->error[c->n] = value - truth;
    c->half[c->n++] = 0.5 * (hi - lo);
    c->hold += lo <= truth && truth <= hi;
}

static double share(const struct claims *c)
{
    return (double)c->hold / (double)c->n;
}

/* Whether so few would hold by chance, once in a thousand, if 93 in 100 did. */
static bool holds_too_seldom(const struct claims *c)
{
    double p = 0;
    for (size_t k = 0; k <= c->hold; k++) {
        const double n = (double)c->n, held = (double)k;
        p += exp(lgamma(n + 1) - lgamma(held + 1) - lgamma(n - held + 1) + held * log(0.93) +
                 (n - held) * log(0.07));
    }
    return p < 0.001;
}

static double bias(const struct claims *c)
{
    return wtl_mean(c->error, c->n);
}

static void tell(struct claims *c)
{
    const double sd = wtl_sd(c->error, c->n);
    print_message("# %s, n %zu: %+.3f +- %.3f points off (standard deviation %.3f), half-width "
                  "%.3f, the interval holds the truth in %.3f\n",
                  c->what, c->n, 100 * bias(c), 100 * sd / sqrt((double)c->n), 100 * sd,
                  100 * wtl_mean(c->half, c->n), share(c));
}

struct tally {
    struct claims chosen, fixed, fresh;
};

/* A card's sweep, with the clocks and the protocol that are asked for. */
static struct wtl_sweep_result sweep_card(struct wtl_arena *arena, const char *workload, int card,
                                          int seed, const char *points, const char *path,
                                          const struct wtl_plan_file *of)
{
    char text[600];
    simulated = (struct wtl_simulated_time){.start_unix_ns = 1700000000 * WTL_NS_PER_S};
    (void)remove(path);
    (void)snprintf(text, sizeof text,
                   "name: s\nseed: %d\ndevices: \"virtual:a100,seed=%d\"\n"
                   "workloads: [{name: %s, virtual: %s}]\n%s",
                   seed, card, workload, workload, points);
    return sweep(arena, text, path, of);
}

/* So many visits of the chosen clock and those that were chosen beforehand, as runs are made. */
static void find_truth(struct wtl_arena *arena, const char *workload, int card, int chosen,
                       int blocks, double band_c, struct means *truth)
{
    char points[300], third[20] = "";
    if (chosen != FIXED_LOW && chosen != FIXED_HIGH)
        (void)snprintf(third, sizeof third, "%d, ", chosen);
    (void)snprintf(points, sizeof points,
                   "points: {clocks: [%d, %s%d, %d]}\nprotocol: {samples: no, idle: no, "
                   "blocks_min: %d, blocks_max: %d, temperature: %g}\n",
                   FIXED_LOW, third, FIXED_HIGH, HIGHEST, blocks, blocks, band_c);
    memset(truth, 0, sizeof *truth);
    visit_hook = add_visit;
    visit_ctx = truth;
    (void)sweep_card(arena, workload, card, 1000000 + card, points,
                     in_test_directory("truth.wattle"), NULL);
    visit_hook = NULL;
}

static const struct wtl_curve_point *point_at(const struct wtl_plan *plan, int mhz)
{
    for (size_t i = 0; i < plan->n_curve; i++)
        if (plan->curve[i].clock_mhz == mhz)
            return &plan->curve[i];
    fail_msg("%s has no %d MHz", plan->workload, mhz);
    return NULL;
}

static void check_fixed(const struct wtl_plan *plan, int mhz, const struct means *truth,
                        struct tally *t)
{
    const struct wtl_curve_point *p = point_at(plan, mhz);
    if (mhz != plan->clock_mhz)
        add_claim(&t->fixed, p->saving, p->saving_lo, p->saving_hi, saving_of(truth, mhz));
}

static void once(const char *workload, int card, int blocks, struct tally *t)
{
    static const char points[] =
        "points: {clocks: every 15MHz}\nsearch: adaptive\nprotocol: {samples: no}\n";
    static struct means truth;
    char path[600], fresh[600];
    struct wtl_verdict verdict;
    WTL_ARENA(arena);
    (void)snprintf(path, sizeof path, "%s", in_test_directory("sweep.wattle"));
    (void)snprintf(fresh, sizeof fresh, "%s", in_test_directory("fresh.wattle"));
    const struct wtl_sweep_result r =
        sweep_card(&arena, workload, card, 7919 * card, points, path, NULL);
    const struct wtl_plan_file file = optimize(&arena, path);
    const struct wtl_plan *plan = &file.plans[0];
    if (plan->status != WTL_PLAN_OK || plan->clock_mhz == HIGHEST)
        fail_msg("%s, card %d: %s", workload, card, wtl_plan_status_name(plan->status));
    (void)sweep_card(&arena, workload, card, 7919 * card, points, fresh, &file);
    (void)validate(&arena, fresh, &file, &verdict);
    find_truth(&arena, workload, card, plan->clock_mhz, blocks, r.band_c, &truth);
    const double saving = saving_of(&truth, plan->clock_mhz);
    const struct wtl_estimate *f = &verdict.saving.fresh;
    add_claim(&t->chosen, plan->saving.value, plan->saving.lo, plan->saving.hi, saving);
    add_claim(&t->fresh, f->value, f->lo, f->hi, saving);
    check_fixed(plan, FIXED_LOW, &truth, t);
    check_fixed(plan, FIXED_HIGH, &truth, t);
}

static void savings_are_what_is_claimed(void **state)
{
    static const char *const workloads[] = {"vgg19",   "llm",      "maxvit_t",   "stable-diffusion",
                                            "whisper", "resnet50", "densenet201"};
    static struct tally t = {.chosen.what = "in-sample, at the clock that was chosen",
                             .fixed.what = "in-sample, at clocks chosen beforehand",
                             .fresh.what = "fresh runs"};
    const char *asked = getenv("WATTLE_SAVINGS_CARDS");
    const int cards = asked ? (int)strtol(asked, NULL, 10) : 3;
    const size_t n = asked ? 7 : 3;
    (void)state;
    for (size_t i = 0; i < n; i++)
        for (int card = 1; card <= cards && card <= 200; card++)
            once(workloads[i], card, asked ? 200 : 40, &t);
    tell(&t.chosen);
    tell(&t.fixed);
    tell(&t.fresh);
    /* Few loops bear witness to a tenth of a point. */
    assert_true(fabs(bias(&t.chosen)) < (asked ? 0.0003 : 0.0010));
    assert_true(fabs(bias(&t.fresh)) < (asked ? 0.0003 : 0.0010));
    assert_false(holds_too_seldom(&t.chosen));
    assert_false(holds_too_seldom(&t.fresh));
    /* An adaptive search visits most of the others once or twice, and the curve between its points
     * is not that good: docs/methods-optimize.md. */
    assert_true(share(&t.fixed) >= 0.8);
}

/* ---- What runs begin at ---------------------------------------------------------------------- */

/* A sweep of two workloads has one temperature, which the first one's reference point sets. Fresh
 * runs of the second alone begin at the same. */
static void fresh_runs_begin_at_the_temperature_of_the_sweep(void **state)
{
    static const char text[] =
        "name: s\ndevices: \"virtual:a100,seed=2\"\nworkloads: [{name: resnet50, virtual: "
        "resnet50}, {name: llm, virtual: llm}]\npoints: {clocks: every 60MHz}\n"
        "protocol: {samples: no, blocks_min: 3, blocks_max: 3}\n";
    WTL_ARENA(arena);
    char path[600], fresh[600];
    (void)state;
    (void)snprintf(path, sizeof path, "%s", in_test_directory("sweep.wattle"));
    (void)snprintf(fresh, sizeof fresh, "%s", in_test_directory("fresh.wattle"));
    (void)remove(path);
    (void)remove(fresh);
    const struct wtl_sweep_result r = sweep(&arena, text, path, NULL);
    assert_true(r.n_began > 0);
    assert_int_equal(r.n_began_outside, 0); /* llm's load heats the sink: longer pauses cool it */
    struct wtl_plan_file file = optimize(&arena, path);
    while (file.n_plans > 1 && strcmp(file.plans[0].workload, "llm") != 0)
        file.plans++, file.n_plans--;
    file.n_plans = 1;
    assert_string_equal(file.plans[0].workload, "llm");
    const struct wtl_sweep_result again = sweep(&arena, text, fresh, &file);
    assert_near(again.band_c, r.band_c, 1e-9);
    assert_int_equal(again.n_workloads, 1);
}

/* A point's first run measures idle power, too: that run is as any other. */
static void idle_power_is_no_part_of_a_run(void **state)
{
    static struct means with, without;
    char points[200];
    WTL_ARENA(arena);
    (void)state;
    visit_hook = add_visit;
    for (int idle = 0; idle < 2; idle++) {
        struct means *m = idle ? &with : &without;
        visit_ctx = m;
        (void)snprintf(points, sizeof points,
                       "points: {clocks: [%d, %d]}\nprotocol: {samples: no, blocks_min: 2, "
                       "blocks_max: 2, temperature: 40, idle: %s}\n",
                       FIXED_LOW, HIGHEST, idle ? "yes" : "no");
        (void)sweep_card(&arena, "resnet50", 1, 1, points, in_test_directory("idle.wattle"), NULL);
    }
    visit_hook = NULL;
    assert_near(with.sum[FIXED_LOW], without.sum[FIXED_LOW], 1e-12);
    assert_near(with.sum[HIGHEST], without.sum[HIGHEST], 1e-12);
}

int main(void)
{
    (void)setenv("TMPDIR", "/dev/shm", 0); /* every run is synced to its disk */
    (void)setenv("WATTLE_LIBEXEC", ".", 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(savings_are_what_is_claimed),
        cmocka_unit_test(fresh_runs_begin_at_the_temperature_of_the_sweep),
        cmocka_unit_test(idle_power_is_no_part_of_a_run),
    };
    return cmocka_run_group_tests(tests, make_test_directory, drop_test_directory);
}
