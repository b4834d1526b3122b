/* SPDX-License-Identifier: Apache-2.0
 * Fresh runs against a plan. */
#include "optimize/verdict.h"

#include "base/text.h"
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

struct wtl_verdict_options wtl_verdict_options_default(void)
{
    return (struct wtl_verdict_options){.confidence = 0.95, .margin = 0.01};
}

/* ---- gathering ---- */

/* One fresh run at either clock, in run order. */
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

static int gather(struct wtl_arena *scratch, const struct wtl_plan *plan,
                  const struct wtl_workset *fresh, struct reading **reading_out, size_t *n_out,
                  struct wtl_verdict *v, struct wtl_error *err)
{
    struct reading *r = WTL_NEW_ARRAY(scratch, struct reading, fresh->n_runs + 1);
    size_t n = 0;
    if (!r)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for %zu fresh runs", fresh->n_runs);
    for (size_t i = 0; i < fresh->n_runs; i++) {
        const struct wtl_run *run = &fresh->runs[i];
        double t, e;
        bool candidate = run->clock_mhz == plan->clock_mhz;
        if (!candidate && run->clock_mhz != plan->baseline_clock_mhz)
            continue;
        if (run->causes || !wtl_run_time_energy(run, &t, &e)) {
            v->n_rejected++;
            continue;
        }
        r[n++] = (struct reading){candidate, run, log(t), log(e)};
        v->n_candidate += candidate;
        v->n_baseline += !candidate;
    }
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

static void judge(struct wtl_verdict *v, const struct wtl_plan *plan, const struct effect *time,
                  const struct effect *energy, const struct wtl_verdict_options *options)
{
    bool promised = plan->saving.value > 0;
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

static void set_claims(struct wtl_verdict *v, const struct wtl_plan *plan,
                       const struct wtl_verdict_options *options)
{
    bool interval = plan->saving.evidence != WTL_EVIDENCE_NONE;
    v->saving.limit = (interval ? plan->saving.lo : plan->saving.value) - options->margin;
    if (plan->policy.has_max_slowdown)
        v->slowdown.limit = plan->policy.max_slowdown;
    else
        v->slowdown.limit = (interval ? plan->slowdown.hi : plan->slowdown.value) + options->margin;
    v->planned_saving = plan->saving;
    v->planned_slowdown = plan->slowdown;
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
                          "The two clocks were run in turns, but %zu pairs are too few to compare "
                          "pair by pair (%d are needed): drift would look like an effect.",
                          n_turns, MIN_BLOCKS);
        else
            wtl_notes_add(notes, "The two clocks were not run in turns: drift between them would "
                                 "look like an effect.");
    } else {
        v->n_blocks = (int)b.n;
        *time = paired(b.time, b.n);
        *energy = paired(b.energy, b.n);
    }
    return 0;
}

static int conclude(struct wtl_arena *scratch, const struct wtl_plan *plan,
                    const struct wtl_workset *fresh, const struct wtl_verdict_options *options,
                    struct wtl_verdict *v, struct wtl_notes *notes, struct wtl_error *err)
{
    struct reading *r = NULL;
    size_t n = 0;
    struct effect time = {0}, energy = {0};
    int rc = gather(scratch, plan, fresh, &r, &n, v, err);
    if (rc)
        return rc;
    set_claims(v, plan, options);
    if (plan->clock_mhz == plan->baseline_clock_mhz) {
        wtl_notes_add(notes, "The plan stays at the baseline clock: there is nothing to confirm.");
        v->more_blocks = -1;
        return 0;
    }
    if (v->n_candidate < 2 || v->n_baseline < 2) {
        wtl_notes_add(notes,
                      "%d fresh run%s at %d MHz and %d at the baseline, %d MHz: at least 2 of each "
                      "are needed, in turns.",
                      v->n_candidate, wtl_plural(v->n_candidate), plan->clock_mhz, v->n_baseline,
                      plan->baseline_clock_mhz);
        v->more_blocks = MIN_BLOCKS;
        return 0;
    }
    rc = compare(scratch, r, n, v, &time, &energy, notes, err);
    if (rc)
        return rc;
    judge(v, plan, &time, &energy, options);
    if (v->kind == WTL_VERDICT_UNDECIDED && v->more_blocks > 0)
        wtl_notes_add(notes, "About %d more pair%s of runs, in turns, would decide.",
                      v->more_blocks, wtl_plural(v->more_blocks));
    else if (v->kind == WTL_VERDICT_UNDECIDED)
        wtl_notes_add(notes, "The estimate lies on the limit: no number of runs would decide.");
    return 0;
}

int wtl_verdict_make(struct wtl_arena *arena, const struct wtl_plan *plan,
                     const struct wtl_workset *fresh, const struct wtl_verdict_options *options,
                     struct wtl_verdict *verdict_out, struct wtl_error *err)
{
    struct wtl_verdict v = {.kind = WTL_VERDICT_UNDECIDED};
    struct wtl_notes notes = {.arena = arena};
    struct wtl_plan bare = {0};
    if (plan->clock_mhz <= 0)
        return WTL_FAIL(err, WTL_USAGE, "the plan for %s on %s is %s: it has no clock to validate",
                        plan->workload, plan->gpu, wtl_plan_status_name(plan->status));
    if (!(options->confidence > 0.5 && options->confidence < 1 && options->margin >= 0))
        return WTL_FAIL(err, WTL_USAGE, "confidence %g, margin %g make no sense",
                        options->confidence, options->margin);
    snprintf(v.gpu, sizeof v.gpu, "%s", plan->gpu);
    snprintf(v.workload, sizeof v.workload, "%s", plan->workload);
    v.clock_mhz = plan->clock_mhz;
    v.baseline_clock_mhz = plan->baseline_clock_mhz;
    struct wtl_arena scratch;
    wtl_arena_init(&scratch, arena->alloc);
    int rc = conclude(&scratch, plan, fresh, options, &v, &notes, err);
    wtl_arena_fini(&scratch);
    if (!rc)
        rc = wtl_notes_give(&notes, &bare, err);
    if (rc)
        return rc;
    v.notes = bare.notes;
    v.n_notes = bare.n_notes;
    *verdict_out = v;
    return 0;
}
