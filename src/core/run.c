/* SPDX-License-Identifier: Apache-2.0
 * The tables behind run.h. */
#include "core/run.h"

#include <string.h>

static const struct wtl_run_metric_info metrics[WTL_N_RUN_METRICS] = {
#define X(name, unit, text) [WTL_R_##name] = {#name, WTL_UNIT_##unit, text},
    WTL_RUN_METRICS(X)
#undef X
};

static const char *const cause_names[WTL_N_CAUSES] = {
#define X(name, text) [WTL_CAUSE_##name] = #name,
    WTL_CAUSES(X)
#undef X
};

static const char *const cause_texts[WTL_N_CAUSES] = {
#define X(name, text) [WTL_CAUSE_##name] = text,
    WTL_CAUSES(X)
#undef X
};

const struct wtl_run_metric_info *wtl_run_metric_info(enum wtl_run_metric metric)
{
    return &metrics[metric];
}

const char *wtl_run_status_name(enum wtl_run_status status)
{
    switch (status) {
    case WTL_RUN_SUCCESS:
        return "success";
    case WTL_RUN_FAILED:
        return "failed";
    case WTL_RUN_TIMEOUT:
        return "timeout";
    case WTL_RUN_UNKNOWN:
        break;
    }
    return "unknown";
}

const char *wtl_cause_name(enum wtl_cause cause)
{
    return cause < WTL_N_CAUSES ? cause_names[cause] : "accepted";
}

const char *wtl_cause_text(enum wtl_cause cause)
{
    return cause < WTL_N_CAUSES ? cause_texts[cause] : "used";
}

double wtl_run_duration_s(const struct wtl_run *r)
{
    static const enum wtl_run_metric order[] = {WTL_R_span_s, WTL_R_reported_time_s,
                                                WTL_R_wrapper_time_s, WTL_R_nominal_time_s};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        if (wtl_run_get(r, order[i], 0) > 0)
            return r->metric[order[i]];
    return 0;
}

bool wtl_run_has_time_only(const struct wtl_run *r)
{
    for (int m = 0; m < (int)WTL_N_RUN_METRICS; m++)
        if (wtl_run_has(r, (enum wtl_run_metric)m) &&
            (metrics[m].unit == WTL_UNIT_WATT || metrics[m].unit == WTL_UNIT_JOULE))
            return false;
    return wtl_run_duration_s(r) > 0 && !wtl_run_has(r, WTL_R_n_samples);
}

void wtl_run_per_unit(struct wtl_run *r)
{
    double work = wtl_run_get(r, WTL_R_work_units, 0);
    if (!r->window || r->whole_time_s > 0 || !(work > 0) || !wtl_run_has(r, WTL_R_time_s) ||
        !wtl_run_has(r, WTL_R_energy_j))
        return;
    r->whole_time_s = r->metric[WTL_R_time_s];
    r->whole_energy_j = r->metric[WTL_R_energy_j];
    r->metric[WTL_R_time_s] /= work;
    r->metric[WTL_R_energy_j] /= work;
}

void wtl_run_make_whole(struct wtl_run *r)
{
    if (!(r->whole_time_s > 0))
        return;
    r->metric[WTL_R_time_s] = r->whole_time_s;
    r->metric[WTL_R_energy_j] = r->whole_energy_j;
    r->whole_time_s = r->whole_energy_j = 0;
}

double wtl_run_measured_s(const struct wtl_run *r)
{
    return r->whole_time_s > 0 ? r->whole_time_s : wtl_run_get(r, WTL_R_time_s, 0);
}

void wtl_run_set_calibration(struct wtl_run *r, const struct wtl_energy *e)
{
    if (!(e->gain > 0))
        return;
    wtl_run_set(r, WTL_R_energy_gain, e->gain);
    wtl_run_set(r, WTL_R_energy_calibration, e->calibration);
}

static int compare(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

int wtl_run_order(const struct wtl_run *a, const struct wtl_run *b)
{
    int c = compare((int64_t)strlen(a->job), (int64_t)strlen(b->job));
    c = c ? c : strcmp(a->job, b->job);
    c = c ? c : compare(a->seq, b->seq);
    return c ? c : compare(a->rep, b->rep);
}

enum wtl_cause wtl_run_main_cause(const struct wtl_run *r)
{
    return r->causes ? (enum wtl_cause)__builtin_ctz(r->causes) : WTL_N_CAUSES;
}
