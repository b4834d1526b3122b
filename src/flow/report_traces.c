/* SPDX-License-Identifier: Apache-2.0
 * Runs whose samples a report shows. */
#include "flow/report_data.h"

#include <stdlib.h>
#include <string.h>

/* Samples of one run that are kept: 28 hours at 50 ms. A longer trace is left out, and said to be.
 */
enum { SAMPLES_MAX = 2000000 };

struct loader {
    struct wtl_arena *arena;
    uint64_t wanted;
    double period_s; /* for traces without timestamps */
    struct wtl_report_trace *trace;
    size_t cap;
    int64_t first_ns;
    bool begun;
    int stream; /* of several devices the first one's samples are shown */
    double *t_s;
    double *value[WTL_N_METRICS];
    unsigned char *valid[WTL_N_METRICS];
    bool too_long;
};

/* Room for `need` samples in every column. */
static int grow(struct loader *l, size_t need, struct wtl_error *err)
{
    if (need <= l->cap)
        return 0;
    size_t cap = l->cap ? l->cap : 4096;
    while (cap < need)
        cap *= 2;
    double *t = WTL_NEW_ARRAY(l->arena, double, cap);
    if (!t)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory reading samples");
    if (l->trace->n)
        memcpy(t, l->t_s, l->trace->n * sizeof *t);
    l->t_s = t;
    for (int m = 0; m < (int)WTL_N_METRICS; m++) {
        if (!((l->wanted >> m) & 1))
            continue;
        double *value = WTL_NEW_ARRAY(l->arena, double, cap);
        unsigned char *valid = WTL_NEW_ARRAY(l->arena, unsigned char, cap);
        if (!value || !valid)
            return WTL_FAIL(err, WTL_NOMEM, "out of memory reading samples");
        if (l->trace->n) {
            memcpy(value, l->value[m], l->trace->n * sizeof *value);
            memcpy(valid, l->valid[m], l->trace->n);
        }
        l->value[m] = value;
        l->valid[m] = valid;
    }
    l->cap = cap;
    return 0;
}

static void take_row(struct loader *l, const struct wtl_batch *b, int row)
{
    size_t at = l->trace->n++;
    if (b->has_time) {
        if (at == 0)
            l->first_ns = b->t_ns[row];
        l->t_s[at] = (double)(b->t_ns[row] - l->first_ns) / (double)WTL_NS_PER_S;
    } else {
        l->t_s[at] = (double)at * l->period_s;
    }
    for (int m = 0; m < (int)WTL_N_METRICS; m++)
        if ((l->wanted >> m) & 1 && wtl_batch_has(b, (enum wtl_metric)m)) {
            l->value[m][at] = b->column[m].value[row];
            l->valid[m][at] = wtl_batch_valid(b, (enum wtl_metric)m, row);
        }
}

static int take_batch(void *ctx, const struct wtl_batch *b, struct wtl_error *err)
{
    struct loader *l = ctx;
    if (!l->begun)
        l->stream = b->stream;
    l->begun = true;
    if (b->stream != l->stream)
        return 0;
    if (l->too_long || l->trace->n + (size_t)b->n > SAMPLES_MAX) {
        l->too_long = true;
        return 0;
    }
    int rc = grow(l, l->trace->n + (size_t)b->n, err);
    if (rc < 0)
        return rc;
    l->trace->timed = b->has_time;
    l->trace->present |= b->present & l->wanted;
    for (int row = 0; row < b->n; row++)
        take_row(l, b, row);
    return 0;
}

static int by_energy(const void *a, const void *b)
{
    const struct wtl_run *const *x = a, *const *y = b;
    double ex = wtl_run_get(*x, WTL_R_energy_j, 0), ey = wtl_run_get(*y, WTL_R_energy_j, 0);
    if (ex != ey)
        return ex < ey ? -1 : 1;
    return (*x)->id < (*y)->id ? -1 : (*x)->id > (*y)->id;
}

/* The run of median energy at the clock nearest to `clock_mhz` that has a run, accepted or not. */
static const struct wtl_run *typical_run(struct wtl_arena *scratch, const struct wtl_workset *set,
                                         int clock_mhz, bool accepted)
{
    int nearest = 0;
    for (size_t i = 0; i < set->n_runs; i++) {
        const struct wtl_run *r = &set->runs[i];
        if ((r->causes == 0) == accepted && r->clock_mhz > 0 &&
            (nearest == 0 || abs(r->clock_mhz - clock_mhz) < abs(nearest - clock_mhz)))
            nearest = r->clock_mhz;
    }
    const struct wtl_run **runs = WTL_NEW_ARRAY(scratch, const struct wtl_run *, set->n_runs + 1);
    size_t n = 0;
    for (size_t i = 0; runs && nearest && i < set->n_runs; i++)
        if (set->runs[i].clock_mhz == nearest && (set->runs[i].causes == 0) == accepted)
            runs[n++] = &set->runs[i];
    if (n == 0)
        return NULL;
    qsort(runs, n, sizeof *runs, by_energy);
    return runs[(n - 1) / 2];
}

struct pick {
    const struct wtl_run *run;
    const char *role;
};

static int highest_clock(const struct wtl_workset *set)
{
    int highest = 0;
    for (size_t i = 0; i < set->n_runs; i++)
        if (set->runs[i].clock_mhz > highest)
            highest = set->runs[i].clock_mhz;
    return highest;
}

/* One or two runs worth showing, the baseline first. */
static size_t pick_runs(struct wtl_arena *scratch, const struct wtl_report_set *s,
                        struct pick picks[2])
{
    const struct wtl_plan *plan = s->plan;
    size_t n = 0;
    int base = plan && plan->baseline_clock_mhz ? plan->baseline_clock_mhz : highest_clock(s->set);
    int chosen = plan ? (plan->status == WTL_PLAN_OK ? plan->clock_mhz : plan->best_guess_mhz) : 0;
    const struct wtl_run *run = typical_run(scratch, s->set, base, true);
    const char *role = run && run->clock_mhz == base ? "baseline clock" : "nearest to baseline";
    if (!plan)
        role = "highest clock";
    if (!run) {
        run = typical_run(scratch, s->set, base, false);
        role = "a rejected run";
    }
    if (run)
        picks[n++] = (struct pick){run, role};
    run = chosen > 0 ? typical_run(scratch, s->set, chosen, true) : NULL;
    if (run && run != picks[0].run)
        picks[n++] =
            (struct pick){run, plan->status == WTL_PLAN_OK ? "chosen clock" : "best guess"};
    return n;
}

/* Returns 0 and leaves the trace empty when the samples cannot be had. */
static int load(const struct wtl_flow *flow, struct wtl_campaign *c, struct wtl_arena *arena,
                uint64_t wanted, const struct pick *pick, struct wtl_report_trace *trace,
                struct report_notes *notes, struct wtl_error *err)
{
    struct wtl_error why = {0};
    struct loader l = {.arena = arena, .wanted = wanted, .trace = trace};
    l.period_s = wtl_run_get(pick->run, WTL_R_period_s, 0);
    *trace = (struct wtl_report_trace){.role = pick->role, .run = pick->run};
    int rc = wtl_flow_samples(flow, c, pick->run, take_batch, &l, &why);
    if (rc == -(int)WTL_NOMEM) {
        if (err)
            *err = why;
        return rc;
    }
    const char *reason = rc < 0 ? why.message : NULL;
    if (l.too_long)
        reason = "the trace has more samples than a report shows";
    else if (trace->n && !trace->timed && l.period_s <= 0)
        reason = "the sampling period is not known";
    if (reason) {
        trace->n = 0;
        return report_note(arena, notes, err,
                           "Samples of run %lld (%s, %s, %d MHz) are not shown: "
                           "%s.",
                           (long long)pick->run->id, pick->run->gpu, pick->run->workload,
                           pick->run->clock_mhz, reason);
    }
    trace->t_s = l.t_s;
    for (int m = 0; m < (int)WTL_N_METRICS; m++) {
        trace->value[m] = l.value[m];
        trace->valid[m] = l.valid[m];
    }
    return 0;
}

int report_load_traces(const struct wtl_flow *flow, struct wtl_campaign *c, struct wtl_arena *arena,
                       uint64_t wanted, struct wtl_report_set *s, struct report_notes *notes,
                       struct wtl_error *err)
{
    struct pick picks[2] = {{0}};
    struct wtl_report_trace *traces = WTL_NEW_ARRAY(arena, struct wtl_report_trace, 2);
    if (!traces)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory reading samples");
    size_t n = pick_runs(arena, s, picks);
    s->traces = traces;
    s->n_traces = 0;
    for (size_t i = 0; i < n; i++) {
        int rc = load(flow, c, arena, wanted, &picks[i], &traces[s->n_traces], notes, err);
        if (rc < 0)
            return rc;
        s->n_traces += traces[s->n_traces].n > 0;
    }
    return 0;
}
