/* SPDX-License-Identifier: Apache-2.0
 * Leave-one-out folds, picks, judgement. */
#include "optimize/heldout.h"

#include "base/text.h"
#include "optimize/predicted.h"
#include "stats/distribution.h"
#include "stats/robust.h"

#include <math.h>
#include <string.h>

/* Enough for bounds in a table over many cases. */
enum { DRAWS = 200 };

static const double probe_ratios[] = {1, 0.75, 0.5};
static const int probe_counts[] = {1, 3};

struct run {
    struct wtl_arena *arena;
    const struct wtl_example *examples;
    const struct wtl_reference *references;
    size_t n;
    struct wtl_policy policy;
    double *optimum_ratio; /* per example: constrained optimum over highest clock; 0: none */
    struct wtl_heldout_case *cases;
    size_t n_cases, cap;
};

static int nomem(struct wtl_error *err)
{
    return WTL_FAIL(err, WTL_NOMEM, "out of memory for held-out errors");
}

/* ---- judgement ---- */

/* The true objective at every clock, and which clocks truly meet the limits. */
static int judge(struct wtl_arena *scratch, const struct run *run, size_t example,
                 struct wtl_predicted_choice *truth_out, struct wtl_error *err)
{
    const struct wtl_reference *r = &run->references[example];
    struct wtl_predicted curves;
    struct wtl_policy point = run->policy;
    point.prefer = WTL_PREFER_BEST;
    int rc = wtl_predicted_from_values(scratch, r->clocks_mhz, r->n, r->time_s, r->power_w, &curves,
                                       err);
    return rc < 0 ? rc : wtl_predicted_choose(scratch, &curves, &point, truth_out, err);
}

static double excess(const struct wtl_predicted_choice *truth, size_t at)
{
    return expm1(truth->objective[at] - truth->objective[truth->best]);
}

static int keep(struct run *run, const struct wtl_heldout_case *head, size_t pick,
                const struct wtl_predicted_choice *truth, struct wtl_error *err)
{
    const struct wtl_reference *r = &run->references[head->example];
    struct wtl_heldout_case c = *head;
    c.pick_mhz = r->clocks_mhz[pick];
    c.optimum_mhz = r->clocks_mhz[truth->best];
    c.broken = !truth->feasible[pick];
    c.regret = fmax(excess(truth, pick), 0);
    c.loss = c.broken ? fmax(excess(truth, r->n - 1), 0) : c.regret;
    c.slowdown = r->time_s[pick] / r->time_s[r->n - 1] - 1;
    if (wtl_grow(run->arena, &run->cases, run->n_cases, &run->cap) < 0)
        return nomem(err);
    run->cases[run->n_cases++] = c;
    return 0;
}

static void curve_errors(const struct wtl_reference *r, const struct wtl_predicted *p,
                         struct wtl_heldout_case *c)
{
    c->has_error = true;
    for (size_t i = 0; i < r->n; i++) {
        c->time_error += fabs(exp(p->log_time[i]) / r->time_s[i] - 1) / (double)r->n;
        c->power_error += fabs(exp(p->log_power[i]) / r->power_w[i] - 1) / (double)r->n;
    }
}

/* The highest clock is left out: there the slowdown is 0 by definition. */
static void cover(const struct wtl_reference *r, const struct wtl_posterior *q, double confidence,
                  struct wtl_heldout_case *c)
{
    double z = wtl_normal_quantile(0.5 + confidence / 2);
    c->has_coverage = r->n > 1;
    for (size_t i = 0; i + 1 < r->n; i++) {
        struct wtl_prediction p = wtl_posterior_at(q, r->clocks_mhz[i]);
        struct wtl_prediction top = wtl_posterior_at(q, r->clocks_mhz[r->n - 1]);
        double truth = log(r->time_s[i] / r->time_s[r->n - 1]);
        double said = log(p.time_s / top.time_s);
        c->coverage += (fabs(truth - said) <= z * p.log_slowdown_sd) / (double)(r->n - 1);
    }
}

/* ---- picks ---- */

static size_t nearest(const struct wtl_reference *r, double mhz)
{
    size_t best = 0;
    for (size_t i = 1; i < r->n; i++)
        if (fabs(r->clocks_mhz[i] - mhz) <= fabs(r->clocks_mhz[best] - mhz))
            best = i;
    return best;
}

/* The pick on predicted curves; the highest clock when nothing is predicted to be feasible. */
static int pick_predicted(struct wtl_arena *scratch, struct run *run, struct wtl_heldout_case *head,
                          const struct wtl_predicted *p, const struct wtl_predicted_choice *truth,
                          struct wtl_error *err)
{
    const struct wtl_reference *r = &run->references[head->example];
    struct wtl_predicted_choice choice;
    int rc = wtl_predicted_choose(scratch, p, &run->policy, &choice, err);
    if (rc < 0)
        return rc;
    curve_errors(r, p, head);
    return keep(run, head, choice.chosen < r->n ? choice.chosen : r->n - 1, truth, err);
}

static int by_model(struct wtl_arena *scratch, struct run *run, const struct wtl_predictor *model,
                    struct wtl_heldout_case head, const struct wtl_predicted_choice *truth,
                    struct wtl_error *err)
{
    const struct wtl_reference *r = &run->references[head.example];
    struct wtl_example probe;
    struct wtl_posterior posterior;
    struct wtl_predicted p;
    bool activity = head.method == WTL_METHOD_ACTIVITY, used = false;
    int rc = wtl_example_probe(scratch, &run->examples[head.example], probe_ratios,
                               (size_t)head.n_probes, &probe, err);
    if (rc == 0)
        rc = wtl_predictor_apply(scratch, model, &probe, activity, &posterior, &used, err);
    if (rc < 0 || used != activity)
        return rc;
    cover(r, &posterior, run->policy.confidence, &head);
    rc = wtl_predicted_from_posterior(scratch, &posterior, r->clocks_mhz, r->n, DRAWS,
                                      run->policy.seed, &p, err);
    return rc < 0 ? rc : pick_predicted(scratch, run, &head, &p, truth, err);
}

/* Only on a V100, and only with the features that it asks for. */
static int by_fgcs(struct wtl_arena *scratch, struct run *run, struct wtl_heldout_case head,
                   const struct wtl_predicted_choice *truth, struct wtl_error *err)
{
    const struct wtl_example *e = &run->examples[head.example];
    const struct wtl_reference *r = &run->references[head.example];
    const struct wtl_cell *top = &e->cells[e->n_cells - 1];
    char name[WTL_LIMIT_NAME];
    struct wtl_fgcs fgcs;
    struct wtl_predicted p;
    wtl_fold_name(e->gpu, name, sizeof name);
    if (!strstr(name, "v100") || !e->has_fp || !(e->features >> WTL_FEATURE_dram & 1))
        return 0;
    struct wtl_run probe = {.clock_mhz = (int)top->clock_mhz};
    wtl_run_set(&probe, WTL_R_fp64_active, e->fp);
    wtl_run_set(&probe, WTL_R_dram_active, e->feature[WTL_FEATURE_dram]);
    wtl_run_set(&probe, WTL_R_time_s, top->time_s);
    int rc = wtl_fgcs_from_run(&probe, &fgcs, err);
    if (rc == 0)
        rc = wtl_predicted_from_fgcs(scratch, &fgcs, r->clocks_mhz, r->n, &p, err);
    return rc < 0 ? rc : pick_predicted(scratch, run, &head, &p, truth, err);
}

/* The median over the training examples on the same card, or over all when it is unseen. */
static double training_median(struct wtl_arena *scratch, const struct run *run,
                              const struct wtl_example *const *training, size_t n, const char *gpu)
{
    double *ratios = WTL_NEW_ARRAY(scratch, double, n);
    size_t kept = 0;
    if (!ratios)
        return 0;
    for (int same = 1; same >= 0 && kept == 0; same--)
        for (size_t i = 0; i < n; i++) {
            double ratio = run->optimum_ratio[training[i] - run->examples];
            if (ratio > 0 && (!same || wtl_same_name(training[i]->gpu, gpu)))
                ratios[kept++] = ratio;
        }
    return kept ? wtl_median(ratios, kept) : 0;
}

static int by_rules_of_thumb(struct wtl_arena *scratch, struct run *run,
                             const struct wtl_example *const *training, size_t n_training,
                             struct wtl_heldout_case head, const struct wtl_predicted_choice *truth,
                             struct wtl_error *err)
{
    const struct wtl_reference *r = &run->references[head.example];
    double highest = r->clocks_mhz[r->n - 1];
    double median =
        training_median(scratch, run, training, n_training, run->examples[head.example].gpu);
    head.method = WTL_METHOD_MAX;
    int rc = keep(run, &head, r->n - 1, truth, err);
    head.method = WTL_METHOD_THREE_QUARTERS;
    if (rc == 0)
        rc = keep(run, &head, nearest(r, 0.75 * highest), truth, err);
    head.method = WTL_METHOD_MEDIAN;
    if (rc == 0 && median > 0)
        rc = keep(run, &head, nearest(r, median * highest), truth, err);
    return rc;
}

/* ---- folds ---- */

static bool left_out(const struct run *run, enum wtl_split split, size_t fold, size_t example)
{
    const struct wtl_example *a = &run->examples[fold], *b = &run->examples[example];
    return split == WTL_SPLIT_GPU ? wtl_same_name(a->gpu, b->gpu)
                                  : wtl_same_name(a->workload, b->workload);
}

static int judge_example(struct run *run, enum wtl_split split, size_t example,
                         const struct wtl_example *const *training, size_t n_training,
                         const struct wtl_predictor *model, struct wtl_error *err)
{
    __attribute__((cleanup(wtl_arena_fini))) struct wtl_arena scratch;
    wtl_arena_init(&scratch, run->arena->alloc);
    struct wtl_heldout_case head = {.example = example, .split = split};
    struct wtl_predicted_choice truth;
    int rc = judge(&scratch, run, example, &truth, err);
    if (rc < 0 || truth.best == run->references[example].n)
        return rc;
    for (size_t k = 0; rc == 0 && k < sizeof probe_counts / sizeof *probe_counts; k++) {
        head.n_probes = probe_counts[k];
        head.method = WTL_METHOD_ACTIVITY;
        rc = by_model(&scratch, run, model, head, &truth, err);
        head.method = WTL_METHOD_PLAIN;
        if (rc == 0)
            rc = by_model(&scratch, run, model, head, &truth, err);
    }
    head.n_probes = 1;
    head.method = WTL_METHOD_FGCS;
    if (rc == 0)
        rc = by_fgcs(&scratch, run, head, &truth, err);
    head.n_probes = 0;
    if (rc == 0)
        rc = by_rules_of_thumb(&scratch, run, training, n_training, head, &truth, err);
    return rc;
}

/* Trains without the fold's workload (or card) and judges every example of it. */
static int run_fold(struct run *run, enum wtl_split split, size_t fold, struct wtl_error *err)
{
    __attribute__((cleanup(wtl_arena_fini))) struct wtl_arena scratch;
    wtl_arena_init(&scratch, run->arena->alloc);
    const struct wtl_example **training =
        WTL_NEW_ARRAY(&scratch, const struct wtl_example *, run->n);
    size_t n_training = 0;
    struct wtl_predictor model;
    if (!training)
        return nomem(err);
    for (size_t i = 0; i < run->n; i++)
        if (!left_out(run, split, fold, i))
            training[n_training++] = &run->examples[i];
    if (n_training < 2)
        return 0; /* nothing to learn from */
    int rc = wtl_predictor_fit(&scratch, training, n_training, &model, err);
    for (size_t i = 0; rc == 0 && i < run->n; i++)
        if (left_out(run, split, fold, i))
            rc = judge_example(run, split, i, training, n_training, &model, err);
    return rc;
}

/* The fold is named by its first example. */
static bool opens_fold(const struct run *run, enum wtl_split split, size_t example)
{
    for (size_t i = 0; i < example; i++)
        if (left_out(run, split, i, example))
            return false;
    return true;
}

static int find_optima(struct run *run, struct wtl_error *err)
{
    run->optimum_ratio = WTL_NEW_ARRAY(run->arena, double, run->n);
    if (!run->optimum_ratio)
        return nomem(err);
    for (size_t i = 0; i < run->n; i++) {
        __attribute__((cleanup(wtl_arena_fini))) struct wtl_arena scratch;
        wtl_arena_init(&scratch, run->arena->alloc);
        const struct wtl_reference *r = &run->references[i];
        struct wtl_predicted_choice truth;
        int rc = judge(&scratch, run, i, &truth, err);
        if (rc < 0)
            return rc;
        if (truth.best < r->n)
            run->optimum_ratio[i] = (double)r->clocks_mhz[truth.best] / r->clocks_mhz[r->n - 1];
    }
    return 0;
}

int wtl_heldout_cases(struct wtl_arena *arena, const struct wtl_example *examples,
                      const struct wtl_reference *references, size_t n,
                      const struct wtl_policy *policy, struct wtl_heldout_case **cases_out,
                      size_t *n_out, struct wtl_error *err)
{
    struct run run = {
        .arena = arena, .examples = examples, .references = references, .n = n, .policy = *policy};
    run.policy.baseline = (struct wtl_baseline){.kind = WTL_BASELINE_MAX};
    int rc = find_optima(&run, err);
    for (int split = 0; split < WTL_N_SPLITS; split++)
        for (size_t i = 0; rc == 0 && i < n; i++)
            if (opens_fold(&run, (enum wtl_split)split, i))
                rc = run_fold(&run, (enum wtl_split)split, i, err);
    if (rc < 0)
        return rc;
    *cases_out = run.cases;
    *n_out = run.n_cases;
    return 0;
}

/* ---- the table ---- */

static bool in_row(const struct wtl_heldout_case *c, const struct wtl_heldout *row)
{
    return c->split == row->split && c->method == row->method && c->n_probes == row->n_probes;
}

/* Median and 90 % quantile of one figure over the cases of a row. */
static void summarise(const struct wtl_heldout_case *cases, size_t n, const struct wtl_heldout *row,
                      size_t offset, double *scratch, double *median, double *p90)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (in_row(&cases[i], row))
            memcpy(&scratch[kept++], (const char *)&cases[i] + offset, sizeof *scratch);
    *median = wtl_quantile(scratch, kept, 0.5);
    *p90 = wtl_quantile(scratch, kept, 0.9);
}

static void fill_row(const struct wtl_heldout_case *cases, size_t n, double *scratch,
                     struct wtl_heldout *row)
{
    for (size_t i = 0; i < n; i++) {
        if (!in_row(&cases[i], row))
            continue;
        row->n++;
        row->broken += cases[i].broken;
        row->loss_mean += cases[i].loss;
        row->has_error = cases[i].has_error;
        row->has_coverage = cases[i].has_coverage;
        row->coverage += cases[i].coverage;
    }
    row->coverage /= row->n;
    row->broken /= row->n;
    row->loss_mean /= row->n;
    summarise(cases, n, row, offsetof(struct wtl_heldout_case, regret), scratch,
              &row->regret_median, &row->regret_p90);
    summarise(cases, n, row, offsetof(struct wtl_heldout_case, loss), scratch, &row->loss_median,
              &row->loss_p90);
    if (!row->has_error)
        return;
    summarise(cases, n, row, offsetof(struct wtl_heldout_case, time_error), scratch,
              &row->time_median, &row->time_p90);
    summarise(cases, n, row, offsetof(struct wtl_heldout_case, power_error), scratch,
              &row->power_median, &row->power_p90);
}

int wtl_heldout_table(struct wtl_arena *arena, const struct wtl_heldout_case *cases, size_t n,
                      struct wtl_heldout **rows_out, size_t *n_rows_out, struct wtl_error *err)
{
    static const int counts[] = {0, 1, 3};
    enum { MOST = WTL_N_SPLITS * WTL_N_METHODS * 3 };
    struct wtl_heldout *rows = WTL_NEW_ARRAY(arena, struct wtl_heldout, MOST);
    double *scratch = WTL_NEW_ARRAY(arena, double, n ? n : 1);
    size_t n_rows = 0;
    if (!rows || !scratch)
        return nomem(err);
    for (int i = 0; i < MOST; i++) {
        struct wtl_heldout row = {.split = (enum wtl_split)(i / (WTL_N_METHODS * 3)),
                                  .method = (enum wtl_method)(i / 3 % WTL_N_METHODS),
                                  .n_probes = counts[i % 3]};
        bool occurs = false;
        for (size_t k = 0; k < n && !occurs; k++)
            occurs = in_row(&cases[k], &row);
        if (!occurs)
            continue;
        fill_row(cases, n, scratch, &row);
        rows[n_rows++] = row;
    }
    *rows_out = rows;
    *n_rows_out = n_rows;
    return 0;
}
