/* SPDX-License-Identifier: Apache-2.0
 * What a campaign holds: loading and counting. */
#include "flow/show.h"

#include "core/gpu_name.h"
#include "predict/curve.h"

#include <string.h>

struct wtl_show_counts wtl_show_count(const struct wtl_workset *set)
{
    struct wtl_show_counts n = {0};
    for (size_t i = 0; i < set->n_runs; i++) {
        const struct wtl_run *run = &set->runs[i];
        enum wtl_cause cause = wtl_run_main_cause(run);
        if (cause == WTL_N_CAUSES) {
            n.accepted++;
        } else {
            n.rejected++;
            n.by_cause[cause]++;
        }
        n.without_clock += run->clock_mhz == 0;
    }
    int last = 0;
    for (size_t i = 0; i < set->n_cells; i++) {
        int mhz = set->cells[i].clock_mhz;
        if (mhz == 0 || mhz == last)
            continue;
        n.n_clocks++;
        if (n.clock_min_mhz == 0)
            n.clock_min_mhz = mhz;
        n.clock_max_mhz = mhz;
        last = mhz;
    }
    return n;
}

enum wtl_show_grade wtl_show_grade(const struct wtl_workset *set, const struct wtl_quality *q)
{
    if (set->n_runs == 0 && set->n_timed)
        return WTL_SHOW_TIMES;
    if (!q->usable)
        return WTL_SHOW_UNUSABLE;
    if (q->n_clocks_usable >= WTL_CURVE_MIN_CLOCKS)
        return WTL_SHOW_USABLE;
    return wtl_configuration_is_plain(&set->at) ? WTL_SHOW_TOO_FEW : WTL_SHOW_POINTS;
}

const char *wtl_show_grade_name(enum wtl_show_grade grade)
{
    static const char *const names[] = {"usable", "too few", "unusable", "points", "times only"};
    return names[grade];
}

static void add_device(struct wtl_show_devices *d, const char *name)
{
    enum { ROOM = sizeof d->name / sizeof d->name[0] };
    int k = 0;
    while (k < d->n && strcmp(d->name[k], name) != 0)
        k++;
    if (k == ROOM)
        d->more = true;
    else if (k == d->n)
        d->name[d->n++] = name;
}

struct wtl_show_devices wtl_show_devices(const struct wtl_workset *set)
{
    struct wtl_show_devices d = {0};
    for (size_t i = 0; i < set->n_runs; i++)
        add_device(&d, set->runs[i].device);
    return d;
}

struct wtl_show_devices wtl_show_cards(const struct wtl_workset *set)
{
    struct wtl_show_devices d = {0};
    for (size_t i = 0; i < set->n_runs; i++) {
        const struct wtl_run *run = &set->runs[i];
        char model[WTL_LIMIT_NAME];
        wtl_gpu_model(run->device, model, sizeof model);
        if (run->device[0] && !model[0] && run->causes == 0)
            add_device(&d, run->device);
    }
    return d;
}

static int judge_sets(struct wtl_arena *arena, struct wtl_show *s, struct wtl_error *err)
{
    s->quality = WTL_NEW_ARRAY(arena, struct wtl_quality, s->n_sets);
    if (!s->quality)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < s->n_sets; i++) {
        WTL_ARENA(scratch);
        rc = wtl_judge_set(&scratch, &s->sets[i], &s->quality[i], err);
    }
    return rc;
}

static bool is_given(const char *name)
{
    return name && name[0];
}

int wtl_flow_show(const struct wtl_flow *flow, struct wtl_campaign *c,
                  const struct wtl_run_filter *filter, struct wtl_arena *arena,
                  struct wtl_show *show_out, struct wtl_error *err)
{
    struct wtl_show s = *show_out;
    int rc = wtl_campaign_fingerprint(c, s.fingerprint, err);
    rc = rc ? rc : wtl_campaign_sources(c, arena, &s.sources, &s.n_sources, err);
    rc = rc ? rc : wtl_flow_worksets(flow, c, filter, arena, &s.sets, &s.n_sets, err);
    if (rc == 0 && s.n_sets == 0 &&
        (is_given(filter->gpu) || is_given(filter->workload) || filter->at)) {
        rc =
            WTL_FAIL(err, WTL_NOTFOUND, "no run of gpu \"%s\" and workload \"%s\"%s",
                     filter->gpu ? filter->gpu : "any", filter->workload ? filter->workload : "any",
                     filter->at ? " at these settings" : "");
        wtl_error_hint(err, "`wattle show %s` lists what there is", s.path);
    }
    rc = rc ? rc : judge_sets(arena, &s, err);
    rc = rc ? rc
            : wtl_flow_documents(c, WTL_N_DOCUMENT_KINDS, arena, &s.documents, &s.n_documents, err);
    if (rc == 0)
        *show_out = s;
    return rc;
}
