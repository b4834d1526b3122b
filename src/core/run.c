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

enum wtl_run_metric wtl_run_metric_by_name(const char *name)
{
    int i = 0;
    while (i < (int)WTL_N_RUN_METRICS && strcmp(metrics[i].name, name) != 0)
        i++;
    return (enum wtl_run_metric)i;
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

enum wtl_cause wtl_run_main_cause(const struct wtl_run *r)
{
    return r->causes ? (enum wtl_cause)__builtin_ctz(r->causes) : WTL_N_CAUSES;
}
