/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs of many GPUs and workloads, sorted into the sets that decisions rest on. */
#include "base/sort.h"
#include "base/text.h"
#include "runs/judging.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct keyed {
    char gpu[WTL_LIMIT_NAME], workload[WTL_LIMIT_NAME];
    struct wtl_configuration at;
    const struct wtl_run *run;
    size_t index; /* ties keep the order they came in */
};

static int compare(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int by_set(const struct keyed *a, const struct keyed *b)
{
    int c = strcmp(a->gpu, b->gpu);
    c = c ? c : strcmp(a->workload, b->workload);
    return c ? c : wtl_configuration_compare(&a->at, &b->at);
}

/* Sets, then the order in which runs were made. */
static int in_order(const void *p, const void *q)
{
    const struct keyed *a = p, *b = q;
    int c = by_set(a, b);
    c = c ? c : wtl_run_order(a->run, b->run);
    return c ? c : compare((int64_t)a->index, (int64_t)b->index);
}

static int by_number(const void *p, const void *q)
{
    return compare(*(const int64_t *)p, *(const int64_t *)q);
}

/* The sources, ascending, that have anything but times in this set. */
static size_t find_powered(const struct keyed *keys, size_t n, int64_t *source)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        if (!wtl_run_has_time_only(keys[i].run))
            source[k++] = keys[i].run->source_id;
    wtl_sort(source, k, sizeof *source, by_number);
    return k;
}

/* Runs to be judged, and those with times only. An empty cell in a table of powers is a failed
 * measurement; a table without powers has none to fail. */
static int part_timed(struct wtl_arena *arena, const struct keyed *keys, size_t n,
                      struct wtl_workset *set, struct wtl_error *err)
{
    int64_t *powered = WTL_NEW_ARRAY(arena, int64_t, n);
    set->runs = WTL_NEW_ARRAY(arena, struct wtl_run, n);
    if (!powered || !set->runs)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    size_t n_powered = find_powered(keys, n, powered);
    set->timed = n_powered < n ? WTL_NEW_ARRAY(arena, struct wtl_run, n - n_powered) : NULL;
    if (n_powered < n && !set->timed)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        const struct wtl_run *run = keys[i].run;
        bool judged = !wtl_run_has_time_only(run) || bsearch(&run->source_id, powered, n_powered,
                                                             sizeof *powered, by_number) != NULL;
        if (judged)
            set->runs[set->n_runs++] = *run;
        else
            set->timed[set->n_timed++] = *run;
    }
    return 0;
}

static int fill_set(struct wtl_arena *arena, const struct keyed *keys, size_t n,
                    const struct wtl_judge_options *options, struct wtl_workset *set,
                    struct wtl_error *err)
{
    memcpy(set->gpu, keys[0].run->gpu, sizeof set->gpu);
    memcpy(set->workload, keys[0].run->workload, sizeof set->workload);
    set->at = keys[0].at;
    WTL_ARENA(scratch);
    scratch.alloc = arena->alloc;
    int rc = part_timed(arena, keys, n, set, err);
    if (!rc)
        rc = wtl_judge(&scratch, set->runs, set->n_runs, options, err);
    if (!rc)
        rc = wtl_measure(arena, set->runs, set->n_runs, &set->cells, &set->n_cells, err);
    return rc;
}

static bool rests_on_label(const struct wtl_run *r)
{
    return r->causes == 0 && wtl_run_get(r, WTL_R_n_samples, 0) > 0 &&
           wtl_run_get(r, WTL_R_label_interval_s, 0) > 0 && wtl_run_has(r, WTL_R_time_s) &&
           wtl_run_get(r, WTL_R_nominal_time_s, 0) == r->metric[WTL_R_time_s] &&
           !wtl_run_has(r, WTL_R_period_s) && !wtl_run_has(r, WTL_R_reported_time_s) &&
           !wtl_run_has(r, WTL_R_wrapper_time_s);
}

bool wtl_describe_labelled(const struct wtl_workset *set, char *text, size_t size)
{
    size_t labelled = 0, used = 0;
    double low_s = HUGE_VAL, high_s = 0;
    for (size_t i = 0; i < set->n_runs; i++) {
        const struct wtl_run *r = &set->runs[i];
        used += r->causes == 0;
        if (!rests_on_label(r))
            continue;
        labelled++;
        low_s = fmin(low_s, r->metric[WTL_R_label_interval_s]);
        high_s = fmax(high_s, r->metric[WTL_R_label_interval_s]);
    }
    if (labelled == 0)
        return false;
    char of[60];
    if (high_s - low_s < 1e-3 * high_s)
        (void)snprintf(of, sizeof of, "%.4g ms", 1e3 * high_s);
    else
        (void)snprintf(of, sizeof of, "%.4g to %.4g ms", 1e3 * low_s, 1e3 * high_s);
    (void)snprintf(text, size,
                   "Absolute time and energy of %zu of %zu runs rest on the labelled sampling "
                   "period of %s, which no timestamp, counter or log confirms; ratios do not.",
                   labelled, used, of);
    return true;
}

int wtl_worksets(struct wtl_arena *arena, const struct wtl_run *runs, size_t n,
                 const struct wtl_judge_options *options, struct wtl_workset **sets_out,
                 size_t *n_out, struct wtl_error *err)
{
    struct keyed *keys = WTL_NEW_ARRAY(arena, struct keyed, n + 1);
    struct wtl_workset *sets = WTL_NEW_ARRAY(arena, struct wtl_workset, n + 1);
    if (!keys || !sets)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        wtl_fold_name(runs[i].gpu, keys[i].gpu, sizeof keys[i].gpu);
        wtl_fold_name(runs[i].workload, keys[i].workload, sizeof keys[i].workload);
        keys[i].at = wtl_configuration_of(&runs[i]);
        keys[i].run = &runs[i];
        keys[i].index = i;
    }
    wtl_sort(keys, n, sizeof *keys, in_order);
    size_t n_sets = 0;
    for (size_t lo = 0, hi; lo < n; lo = hi) {
        for (hi = lo + 1; hi < n && by_set(&keys[lo], &keys[hi]) == 0;)
            hi++;
        int rc = fill_set(arena, keys + lo, hi - lo, options, &sets[n_sets++], err);
        if (rc)
            return rc;
    }
    *sets_out = sets;
    *n_out = n_sets;
    return 0;
}

/* Gains that differ by more than this make runs differ by what is not theirs. */
static const double same_gain = 0.001;

bool wtl_describe_correction(const struct wtl_workset *set, char *text, size_t size)
{
    size_t corrected = 0, used = 0;
    double low = HUGE_VAL, high = 0, bound = 0;
    for (size_t i = 0; i < set->n_runs; i++) {
        const struct wtl_run *r = &set->runs[i];
        const double gain = wtl_run_get(r, WTL_R_energy_gain, 0);
        if (r->causes)
            continue;
        used++;
        corrected += gain > 0;
        low = fmin(low, gain > 0 ? gain : 1);
        high = fmax(high, gain > 0 ? gain : 1);
        bound = fmax(bound, wtl_run_get(r, WTL_R_energy_calibration, 0));
    }
    if (corrected == 0)
        return false;
    if (corrected < used || high - low > same_gain)
        (void)snprintf(text, size,
                       "The energies of %zu of %zu runs were corrected, by gains of %.4g to %.4g "
                       "(1: not corrected): between them joules do not compare.",
                       corrected, used, low, high);
    else
        (void)snprintf(text, size,
                       "Energies were corrected by a gain of %.4g, as the sensor was calibrated "
                       "against a meter: absolute joules are off by %.2g %% at most, whatever the "
                       "class says; ratios are as they were.",
                       high, 100 * bound);
    return true;
}
