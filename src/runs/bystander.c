/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs of devices that stood beside the one that worked. */
#include "runs/judging.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What the streams of one execution have in common: all that a source says of a run but the
 * device. */
static int compare_executions(const struct wtl_run *x, const struct wtl_run *y)
{
    if (x->source_id != y->source_id)
        return x->source_id < y->source_id ? -1 : 1;
    if (x->seq != y->seq)
        return x->seq < y->seq ? -1 : 1;
    if (x->rep != y->rep)
        return x->rep < y->rep ? -1 : 1;
    if (x->clock_mhz != y->clock_mhz)
        return x->clock_mhz < y->clock_mhz ? -1 : 1;
    if (x->mem_clock_mhz != y->mem_clock_mhz)
        return x->mem_clock_mhz < y->mem_clock_mhz ? -1 : 1;
    return strcmp(x->job, y->job);
}

static int compare_items(const void *a, const void *b)
{
    const struct wtl_run *const *x = a;
    const struct wtl_run *const *y = b;
    return compare_executions(*x, *y);
}

/* Of samples: a row of a table without them is an execution of its own. Traces that were mixed up
 * in one file are no streams of one execution. */
static bool is_stream(const struct wtl_run *run)
{
    return run->source_id != 0 && wtl_run_has(run, WTL_R_n_samples) && run->stated_causes == 0;
}

/* Streams, those of one execution together; `accepted`: only runs without a cause. */
static int sort_streams(struct wtl_arena *scratch, const struct wtl_run *runs, size_t n,
                        bool accepted, const struct wtl_run ***sorted_out, size_t *n_out,
                        struct wtl_error *err)
{
    size_t k = 0;
    const struct wtl_run **sorted = WTL_NEW_ARRAY(scratch, const struct wtl_run *, n);
    if (!sorted)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++)
        if (is_stream(&runs[i]) && !(accepted && runs[i].causes))
            sorted[k++] = &runs[i];
    if (k > 1)
        qsort(sorted, k, sizeof *sorted, compare_items);
    *sorted_out = sorted;
    *n_out = k;
    return 0;
}

/* ---- While the runs are judged ---- */

struct judging {
    const struct wtl_judge_options *options;
    struct wtl_idle_level idle;
};

/* The most that a stream of this execution drew; of those that were active, where any was. */
struct worker {
    bool active;
    double watts;
};

static bool is_active(const struct judging *j, const struct wtl_run *run)
{
    return wtl_run_get(run, WTL_R_active_share, 0) >= j->options->idle_active_share;
}

static struct worker find_worker(const struct judging *j, const struct wtl_run *const *streams,
                                 size_t n)
{
    struct worker w = {0};
    for (size_t i = 0; i < n; i++) {
        bool active = is_active(j, streams[i]);
        if (active < w.active)
            continue;
        w.watts = fmax(active > w.active ? 0 : w.watts, wtl_run_mean_power(streams[i]));
        w.active = active;
    }
    return w;
}

/* Rejects the run where it did nothing beside this worker. */
static bool reject_beside(const struct judging *j, const struct worker *w, struct wtl_run *run)
{
    double watts = wtl_run_mean_power(run), share = wtl_run_get(run, WTL_R_active_share, 0);
    if (!(w->watts > 0) || is_active(j, run))
        return false;
    if (!(watts > 0))
        wtl_reject(run, WTL_CAUSE_no_data,
                   "no power reading; another device of this trace has one");
    else if (watts < w->watts && w->active && wtl_run_has(run, WTL_R_active_share))
        wtl_reject(run, WTL_CAUSE_idle_gpu,
                   "active in %.1f %% of the rows, %.2f W; another GPU of this trace drew %.1f W",
                   100 * share, watts, w->watts);
    else if (wtl_idle_contrast * watts <= w->watts && j->idle.known &&
             watts <= wtl_idle_contrast * j->idle.watts + j->idle.margin_w)
        wtl_reject(run, WTL_CAUSE_idle_gpu, "%.2f W; another GPU of this trace drew %.1f W", watts,
                   w->watts);
    else
        return false;
    return true;
}

int wtl_judge_bystanders(struct wtl_arena *scratch, struct wtl_run *runs, size_t n,
                         const struct wtl_judge_options *options, bool *beside_out, size_t *n_out,
                         struct wtl_error *err)
{
    struct judging j = {.options = options};
    const struct wtl_run **sorted = NULL;
    size_t n_sorted = 0, n_beside = 0;
    int rc = wtl_find_idle_level(scratch, runs, n, options, &j.idle, err);
    if (!rc)
        rc = sort_streams(scratch, runs, n, false, &sorted, &n_sorted, err);
    for (size_t first = 0, end; !rc && first < n_sorted; first = end) {
        for (end = first + 1; end < n_sorted && compare_executions(sorted[first], sorted[end]) == 0;
             end++)
            ;
        if (end - first < 2)
            continue;
        struct worker w = find_worker(&j, sorted + first, end - first);
        for (size_t i = first; i < end; i++) {
            size_t k = (size_t)(sorted[i] - runs);
            beside_out[k] = reject_beside(&j, &w, &runs[k]);
            n_beside += beside_out[k];
        }
    }
    *n_out = n_beside;
    return rc;
}

/* ---- Afterwards ---- */

static bool did_nothing(const struct wtl_run *run)
{
    enum wtl_cause cause = wtl_run_main_cause(run);
    return is_stream(run) && (cause == WTL_CAUSE_idle_gpu || cause == WTL_CAUSE_no_data);
}

int wtl_without_bystanders(struct wtl_arena *scratch, const struct wtl_run **runs, size_t *n,
                           struct wtl_error *err)
{
    const struct wtl_run **accepted = NULL, *all = *runs;
    size_t n_accepted = 0, n_beside = 0;
    int rc = sort_streams(scratch, all, *n, true, &accepted, &n_accepted, err);
    bool *beside = WTL_NEW_ARRAY(scratch, bool, *n);
    if (rc == 0 && !beside)
        rc = WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; rc == 0 && n_accepted && i < *n; i++) {
        const struct wtl_run *run = &all[i];
        beside[i] = did_nothing(run) &&
                    bsearch(&run, accepted, n_accepted, sizeof *accepted, compare_items) != NULL;
        n_beside += beside[i];
    }
    if (rc < 0 || n_beside == 0)
        return rc;
    struct wtl_run *rest = WTL_NEW_ARRAY(scratch, struct wtl_run, *n - n_beside);
    if (!rest)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    size_t k = 0;
    for (size_t i = 0; i < *n; i++)
        if (!beside[i])
            rest[k++] = all[i];
    *runs = rest;
    *n = k;
    return 0;
}
