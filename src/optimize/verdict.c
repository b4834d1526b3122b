/* SPDX-License-Identifier: Apache-2.0
 * Fresh runs against a plan. */
#include "optimize/verdict.h"

#include "base/sort.h"
#include "base/text.h"
#include "optimize/idling.h"
#include "optimize/notes.h"
#include "optimize/problem.h"
#include "stats/distribution.h"
#include "stats/robust.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Blocks below which another way of comparing is looked for. */
enum { MIN_BLOCKS = 3 };
/* No plan of measurement is longer than this. */
enum { MOST_BLOCKS = 10000 };
/* Arrival rates this near, relatively, are one rate. */
static const double same_rate = 0.01;

struct wtl_verdict_options wtl_verdict_options_default(void)
{
    return (struct wtl_verdict_options){.confidence = 0.95, .margin = 0.01};
}

/* ---- what is checked ---- */

/* One of the two that are compared. */
struct side {
    const struct wtl_configuration *at; /* NULL: that of the set */
    int clock_mhz;
    double rate_per_s; /* 0: as fast as it goes; of a clock, not looked at */
};

/* A plan's clock or a choice's point, and what is promised of it. */
struct promise {
    struct side chosen, baseline;
    bool of_point;
    bool per_run; /* of a point: a run is a unit of work */
    const struct wtl_policy *policy;
    struct wtl_estimate saving, slowdown;
};

static bool at_side(const struct promise *p, const struct side *side, const struct wtl_workset *set,
                    const struct wtl_run *run)
{
    if (run->clock_mhz != side->clock_mhz)
        return false;
    if (!p->of_point)
        return true;
    double rate = wtl_run_get(run, WTL_R_rate_per_s, 0);
    return wtl_configuration_compare(side->at, &set->at) == 0 &&
           fabs(rate - side->rate_per_s) <= same_rate * side->rate_per_s;
}

static bool is_same(const struct promise *p)
{
    return p->chosen.clock_mhz == p->baseline.clock_mhz &&
           (!p->of_point || wtl_configuration_compare(p->chosen.at, p->baseline.at) == 0);
}

/* A choice at a rate that its runs were not made at counts idle power until the next unit of work
 * arrives. Of a clock its runs tell: fresh ones that were made at the rate have no such time. */
static bool counts_idle(const struct promise *p)
{
    return p->policy->has_rate && !(p->chosen.rate_per_s > 0);
}

static bool run_counts_idle(const struct promise *p, const struct wtl_run *run)
{
    return counts_idle(p) && (p->of_point || !wtl_run_has(run, WTL_R_rate_per_s));
}

static const char *side_text(const struct promise *p, const struct side *side,
                             char buf[WTL_MEASURED_POINT_TEXT])
{
    struct wtl_measured_point m = {.clock_mhz = side->clock_mhz, .rate_per_s = side->rate_per_s};
    if (p->of_point)
        m.at = *side->at;
    return wtl_measured_point_format(&m, buf);
}

/* ---- gathering ---- */

/* One fresh run at either, in run order. */
struct reading {
    bool candidate;
    const struct wtl_run *run;
    double time, energy; /* logs */
};

/* Differences of logs, candidate less baseline, one per block. */
struct blocks {
    size_t n;
    double *time, *energy;
};

/* Time and energy of a plan's run, or of a unit of work at a point; with idling, until the next one
 * arrives. False: not all of that is known. */
static bool time_energy(const struct promise *p, const struct wtl_run *run,
                        const struct wtl_idle_power *idle, double *time_s, double *energy_j)
{
    double t, e, work = 1, units = 1;
    if (!wtl_run_time_energy(run, &t, &e))
        return false;
    if (p->of_point && !p->per_run && !run->window)
        work = wtl_run_get(run, WTL_R_work_units, 0);
    else if (!p->of_point && !run->window)
        units = wtl_run_get(run, WTL_R_work_units, 1);
    if (!(work > 0))
        return false;
    *time_s = t / work;
    *energy_j = e / work;
    if (!run_counts_idle(p, run))
        return true;
    const struct wtl_idling idling = {
        .counted = true, .period_s = units / p->policy->rate_per_s, .power = *idle};
    *energy_j += wtl_idling_j(&idling, run->clock_mhz, *time_s);
    return idle->n > 0; /* what counts idle power cannot do without it */
}

static size_t gather_set(const struct promise *p, const struct wtl_workset *set,
                         const struct wtl_idle_power *idle, struct reading *r,
                         struct wtl_verdict *v)
{
    size_t n = 0;
    for (size_t i = 0; i < set->n_runs; i++) {
        const struct wtl_run *run = &set->runs[i];
        double t, e;
        bool candidate = at_side(p, &p->chosen, set, run);
        if (!candidate && !at_side(p, &p->baseline, set, run))
            continue;
        if (run->causes || !time_energy(p, run, idle, &t, &e)) {
            v->n_rejected++;
            continue;
        }
        r[n++] = (struct reading){candidate, run, log(t), log(e)};
        v->n_candidate += candidate;
        v->n_baseline += !candidate;
    }
    return n;
}

static int in_order(const void *a, const void *b)
{
    return wtl_run_order(((const struct reading *)a)->run, ((const struct reading *)b)->run);
}

static int gather(struct wtl_arena *scratch, const struct promise *p,
                  const struct wtl_workset *const *fresh, size_t n_fresh,
                  struct reading **reading_out, size_t *n_out, struct wtl_verdict *v,
                  struct wtl_error *err)
{
    size_t all = 0, n = 0;
    for (size_t s = 0; s < n_fresh; s++)
        all += fresh[s]->n_runs;
    struct reading *r = WTL_NEW_ARRAY(scratch, struct reading, all + 1);
    if (!r)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for %zu fresh runs", all);
    for (size_t s = 0; s < n_fresh; s++) {
        struct wtl_idle_power idle = {0};
        if (counts_idle(p) && wtl_idle_power_of_set(scratch, fresh[s], &idle, err))
            return -(int)WTL_NOMEM;
        n += gather_set(p, fresh[s], &idle, r + n, v);
    }
    if (n_fresh > 1) /* the runs of one set are in order */
        wtl_sort(r, n, sizeof *r, in_order);
    *reading_out = r;
    *n_out = n;
    return 0;
}

/* Sums of one block that is being filled. */
struct sums {
    double time[2], energy[2]; /* baseline, candidate */
    int n[2];
};

static void take(struct sums *s, const struct reading *r)
{
    s->time[r->candidate] += r->time;
    s->energy[r->candidate] += r->energy;
    s->n[r->candidate]++;
}

static void close_block(struct sums *s, struct blocks *b)
{
    b->time[b->n] = s->time[1] / s->n[1] - s->time[0] / s->n[0];
    b->energy[b->n++] = s->energy[1] / s->n[1] - s->energy[0] / s->n[0];
    *s = (struct sums){{0}, {0}, {0}};
}

/* The shortest stretches that hold both clocks; a rest goes to no block. Not interleaved, and none,
 * when a block is longer than two runs of each. Returns their number. */
static size_t interleaved(const struct reading *r, size_t n, struct blocks *b)
{
    struct sums s = {{0}, {0}, {0}};
    b->n = 0;
    for (size_t i = 0; i < n; i++) {
        take(&s, &r[i]);
        if (s.n[0] > 2 || s.n[1] > 2)
            return 0;
        if (s.n[0] && s.n[1])
            close_block(&s, b);
    }
    return b->n;
}

static bool same_repetition(const struct wtl_run *a, const struct wtl_run *b)
{
    return a->rep == b->rep && strcmp(a->job, b->job) == 0;
}

static bool by_repetition(const struct reading *r, size_t n, struct blocks *b)
{
    b->n = 0;
    for (size_t i = 0; i < n; i++) {
        struct sums s = {{0}, {0}, {0}};
        bool first = r[i].run->rep > 0;
        for (size_t j = 0; j < i && first; j++)
            first = !same_repetition(r[j].run, r[i].run);
        for (size_t j = i; j < n && first; j++)
            if (same_repetition(r[j].run, r[i].run))
                take(&s, &r[j]);
        if (first && s.n[0] && s.n[1])
            close_block(&s, b);
    }
    return b->n >= MIN_BLOCKS;
}

/* ---- estimates ---- */

/* An effect on the log scale with what its interval is made of. */
struct effect {
    double mean, se, dof;
    double per_block; /* standard deviation that a further block has */
};

static struct effect paired(const double *d, size_t n)
{
    double sd = wtl_sd(d, n);
    return (struct effect){wtl_mean(d, n), sd / sqrt((double)n), (double)n - 1, sd};
}

/* Welch's two samples of one quantity. */
static struct effect two_samples(const struct reading *r, size_t n, bool energy, double *scratch)
{
    double mean[2] = {0}, part[2] = {0};
    size_t count[2] = {0};
    for (int c = 0; c < 2; c++) {
        size_t k = 0;
        for (size_t i = 0; i < n; i++)
            if (r[i].candidate == (c == 1))
                scratch[k++] = energy ? r[i].energy : r[i].time;
        double sd = wtl_sd(scratch, k);
        mean[c] = wtl_mean(scratch, k);
        part[c] = sd * sd / (double)k;
        count[c] = k;
    }
    double v = part[0] + part[1];
    double below =
        part[0] * part[0] / (double)(count[0] - 1) + part[1] * part[1] / (double)(count[1] - 1);
    double dof = below > 0 ? v * v / below : (double)(count[0] + count[1] - 2);
    double per_block = sqrt(part[0] * (double)count[0] + part[1] * (double)count[1]);
    return (struct effect){mean[1] - mean[0], sqrt(v), dof, per_block};
}

/* Fractions from logs: saving is 1 - exp, slowdown exp - 1. exp of an unbiased logarithm is too
 * large by a factor exp(se^2 / 2) on average, which is taken off the value (Kennedy 1981,
 * "Estimation with correctly interpreted dummy variables in semilogarithmic equations"); quantiles
 * need not. */
static struct wtl_estimate estimate(const struct effect *e, double confidence, bool saving, int n)
{
    double half = wtl_student_quantile(0.5 + confidence / 2, e->dof) * e->se;
    struct wtl_estimate x = {.n = n, .evidence = WTL_EVIDENCE_CONFIRMED};
    double value = expm1(e->mean - e->se * e->se / 2);
    x.value = saving ? -value : value;
    x.lo = saving ? -expm1(e->mean + half) : expm1(e->mean - half);
    x.hi = saving ? -expm1(e->mean - half) : expm1(e->mean + half);
    return x;
}

/* Blocks, beyond `have`, until the interval around the present mean leaves out `target` (a log). */
static int blocks_needed(const struct effect *e, double target, double confidence, int have)
{
    double gap = fabs(e->mean - target);
    for (int n = have > 2 ? have : 2; n <= MOST_BLOCKS; n += n < 100 ? 1 : n / 100) {
        double t = wtl_student_quantile(0.5 + confidence / 2, n - 1);
        if (t * e->per_block / sqrt(n) < gap)
            return n - have > 1 ? n - have : 1;
    }
    return -1;
}

/* ---- claims ---- */

static enum wtl_verdict_kind weigh_saving(const struct wtl_claim *c, bool promised)
{
    if (c->fresh.hi < c->limit || (promised && c->fresh.hi <= 0))
        return WTL_VERDICT_REFUTED;
    if (c->fresh.lo >= c->limit && (!promised || c->fresh.lo > 0))
        return WTL_VERDICT_CONFIRMED;
    return WTL_VERDICT_UNDECIDED;
}

static enum wtl_verdict_kind weigh_slowdown(const struct wtl_claim *c)
{
    if (c->fresh.lo > c->limit)
        return WTL_VERDICT_REFUTED;
    return c->fresh.hi <= c->limit ? WTL_VERDICT_CONFIRMED : WTL_VERDICT_UNDECIDED;
}

static int larger(int a, int b)
{
    if (a < 0 || b < 0)
        return -1;
    return a > b ? a : b;
}

static void judge(struct wtl_verdict *v, const struct promise *p, const struct effect *time,
                  const struct effect *energy, const struct wtl_verdict_options *options)
{
    bool promised = p->saving.value > 0;
    int n = v->n_candidate + v->n_baseline;
    int have = v->n_blocks ? v->n_blocks : (v->n_candidate + v->n_baseline) / 2;
    v->saving.fresh = estimate(energy, options->confidence, true, n);
    v->slowdown.fresh = estimate(time, options->confidence, false, n);
    v->saving.state = weigh_saving(&v->saving, promised);
    v->slowdown.state = weigh_slowdown(&v->slowdown);
    if (v->saving.state == WTL_VERDICT_REFUTED || v->slowdown.state == WTL_VERDICT_REFUTED)
        v->kind = WTL_VERDICT_REFUTED;
    else if (v->saving.state == WTL_VERDICT_CONFIRMED && v->slowdown.state == WTL_VERDICT_CONFIRMED)
        v->kind = WTL_VERDICT_CONFIRMED;
    if (v->kind != WTL_VERDICT_UNDECIDED)
        return;
    double saving_limit = promised ? fmax(v->saving.limit, 0) : v->saving.limit;
    if (v->saving.state == WTL_VERDICT_UNDECIDED)
        v->more_blocks = blocks_needed(energy, log1p(-saving_limit), options->confidence, have);
    if (v->slowdown.state == WTL_VERDICT_UNDECIDED)
        v->more_blocks = larger(v->more_blocks, blocks_needed(time, log1p(v->slowdown.limit),
                                                              options->confidence, have));
}

static void set_claims(struct wtl_verdict *v, const struct promise *p,
                       const struct wtl_verdict_options *options)
{
    bool interval = p->saving.evidence != WTL_EVIDENCE_NONE;
    v->saving.limit = (interval ? p->saving.lo : p->saving.value) - options->margin;
    if (p->policy->has_max_slowdown)
        v->slowdown.limit = p->policy->max_slowdown;
    else
        v->slowdown.limit = (interval ? p->slowdown.hi : p->slowdown.value) + options->margin;
    v->planned_saving = p->saving;
    v->planned_slowdown = p->slowdown;
    v->saving.state = v->slowdown.state = WTL_VERDICT_UNDECIDED;
}

static int compare(struct wtl_arena *scratch, const struct reading *r, size_t n,
                   struct wtl_verdict *v, struct effect *time, struct effect *energy,
                   struct wtl_notes *notes, struct wtl_error *err)
{
    struct blocks b = {0, WTL_NEW_ARRAY(scratch, double, n + 1),
                       WTL_NEW_ARRAY(scratch, double, n + 1)};
    if (!b.time || !b.energy)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for %zu fresh runs", n);
    size_t n_turns = interleaved(r, n, &b);
    if (n_turns >= MIN_BLOCKS)
        v->method = WTL_METHOD_INTERLEAVED;
    else if (by_repetition(r, n, &b))
        v->method = WTL_METHOD_REPETITIONS;
    else
        v->method = WTL_METHOD_TWO_SAMPLES;
    if (v->method == WTL_METHOD_TWO_SAMPLES) {
        *time = two_samples(r, n, false, b.time);
        *energy = two_samples(r, n, true, b.time);
        if (n_turns >= 2) /* of fewer nobody knows */
            wtl_notes_add(notes,
                          "The two %s were run in turns, but %zu pairs are too few to compare "
                          "pair by pair (%d are needed): drift would look like an effect.",
                          v->of_point ? "points" : "clocks", n_turns, MIN_BLOCKS);
        else
            wtl_notes_add(notes,
                          "The two %s were not run in turns: drift between them would look like an "
                          "effect.",
                          v->of_point ? "points" : "clocks");
    } else {
        v->n_blocks = (int)b.n;
        *time = paired(b.time, b.n);
        *energy = paired(b.energy, b.n);
    }
    return 0;
}

/* Too little to compare; says so. */
static bool is_too_little(const struct promise *p, struct wtl_verdict *v, struct wtl_notes *notes)
{
    char chosen[WTL_MEASURED_POINT_TEXT], baseline[WTL_MEASURED_POINT_TEXT];
    if (is_same(p)) {
        wtl_notes_add(notes, "The plan stays at the baseline%s: there is nothing to confirm.",
                      p->of_point ? "" : " clock");
        v->more_blocks = -1;
        return true;
    }
    if (v->n_candidate >= 2 && v->n_baseline >= 2)
        return false;
    if (counts_idle(p) && v->n_candidate + v->n_baseline == 0) {
        wtl_notes_add(notes,
                      "The choice counts idle power until the next unit of work arrives (%.4g /s), "
                      "which the fresh runs do not tell.",
                      p->policy->rate_per_s);
    }
    wtl_notes_add(notes,
                  "%d fresh run%s at %s and %d at the baseline, %s: at least 2 of each are needed, "
                  "in turns.",
                  v->n_candidate, wtl_plural(v->n_candidate), side_text(p, &p->chosen, chosen),
                  v->n_baseline, side_text(p, &p->baseline, baseline));
    v->more_blocks = MIN_BLOCKS;
    return true;
}

static int conclude(struct wtl_arena *scratch, const struct promise *p,
                    const struct wtl_workset *const *fresh, size_t n_fresh,
                    const struct wtl_verdict_options *options, struct wtl_verdict *v,
                    struct wtl_notes *notes, struct wtl_error *err)
{
    struct reading *r = NULL;
    size_t n = 0;
    struct effect time = {0}, energy = {0};
    int rc = gather(scratch, p, fresh, n_fresh, &r, &n, v, err);
    if (rc)
        return rc;
    set_claims(v, p, options);
    if (is_too_little(p, v, notes))
        return 0;
    rc = compare(scratch, r, n, v, &time, &energy, notes, err);
    if (rc)
        return rc;
    judge(v, p, &time, &energy, options);
    if (v->kind == WTL_VERDICT_UNDECIDED && v->more_blocks > 0)
        wtl_notes_add(notes, "About %d more pair%s of runs, in turns, would decide.",
                      v->more_blocks, wtl_plural(v->more_blocks));
    else if (v->kind == WTL_VERDICT_UNDECIDED)
        wtl_notes_add(notes, "The estimate lies on the limit: no number of runs would decide.");
    return 0;
}

static int check_options(const struct wtl_verdict_options *o, struct wtl_error *err)
{
    if (o->confidence > 0.5 && o->confidence < 1 && o->margin >= 0)
        return 0;
    return WTL_FAIL(err, WTL_USAGE, "confidence %g, margin %g make no sense", o->confidence,
                    o->margin);
}

/* `v` comes with its names. */
static int reach_verdict(struct wtl_arena *arena, const struct promise *p,
                         const struct wtl_workset *const *fresh, size_t n_fresh,
                         const struct wtl_verdict_options *options, struct wtl_verdict *v,
                         struct wtl_verdict *verdict_out, struct wtl_error *err)
{
    struct wtl_notes notes = {.arena = arena};
    struct wtl_plan bare = {0};
    struct wtl_arena scratch;
    wtl_arena_init(&scratch, arena->alloc);
    v->kind = WTL_VERDICT_UNDECIDED;
    v->of_point = p->of_point;
    v->clock_mhz = p->chosen.clock_mhz;
    v->baseline_clock_mhz = p->baseline.clock_mhz;
    int rc = conclude(&scratch, p, fresh, n_fresh, options, v, &notes, err);
    wtl_arena_fini(&scratch);
    if (!rc)
        rc = wtl_notes_give(&notes, &bare, err);
    if (rc)
        return rc;
    v->notes = bare.notes;
    v->n_notes = bare.n_notes;
    *verdict_out = *v;
    return 0;
}

int wtl_verdict_make(struct wtl_arena *arena, const struct wtl_plan *plan,
                     const struct wtl_workset *fresh, const struct wtl_verdict_options *options,
                     struct wtl_verdict *verdict_out, struct wtl_error *err)
{
    struct wtl_verdict v = {.at = plan->at, .baseline_at = plan->at};
    const struct promise p = {.chosen = {.clock_mhz = plan->clock_mhz},
                              .baseline = {.clock_mhz = plan->baseline_clock_mhz},
                              .policy = &plan->policy,
                              .saving = plan->saving,
                              .slowdown = plan->slowdown};
    if (plan->clock_mhz <= 0)
        return WTL_FAIL(err, WTL_USAGE, "the plan for %s on %s is %s: it has no clock to validate",
                        plan->workload, plan->gpu, wtl_plan_status_name(plan->status));
    memcpy(v.gpu, plan->gpu, sizeof v.gpu);
    memcpy(v.workload, plan->workload, sizeof v.workload);
    int rc = check_options(options, err);
    return rc ? rc : reach_verdict(arena, &p, &fresh, 1, options, &v, verdict_out, err);
}

int wtl_verdict_of_point(struct wtl_arena *arena, const struct wtl_point_choice *choice,
                         const struct wtl_workset *const *fresh, size_t n_fresh,
                         const struct wtl_verdict_options *options, struct wtl_verdict *verdict_out,
                         struct wtl_error *err)
{
    if (choice->chosen < 0 || choice->baseline < 0)
        return WTL_FAIL(err, WTL_USAGE,
                        "the choice for %s on %s is %s: it has no point to validate",
                        choice->workload, choice->gpu, wtl_plan_status_name(choice->status));
    const struct wtl_measured_point *chosen = &choice->points[choice->chosen];
    const struct wtl_measured_point *baseline = &choice->points[choice->baseline];
    const struct promise p = {
        .chosen = {&chosen->at, chosen->clock_mhz, chosen->rate_per_s},
        .baseline = {&baseline->at, baseline->clock_mhz, baseline->rate_per_s},
        .of_point = true,
        .per_run = choice->per_run,
        .policy = &choice->policy,
        .saving = choice->saving,
        .slowdown = choice->slowdown};
    struct wtl_verdict v = {.at = chosen->at, .baseline_at = baseline->at};
    memcpy(v.gpu, choice->gpu, sizeof v.gpu);
    memcpy(v.workload, choice->workload, sizeof v.workload);
    int rc = check_options(options, err);
    return rc ? rc : reach_verdict(arena, &p, fresh, n_fresh, options, &v, verdict_out, err);
}
