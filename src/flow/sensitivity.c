/* SPDX-License-Identifier: Apache-2.0
 * Sensitivity of the plans of a campaign. */
#include "flow/sensitivity.h"

#include "codec/json.h"
#include "store/configuration_json.h"

#include <string.h>

static int sweep_all(struct wtl_arena *arena, const struct wtl_workset *set,
                     const struct wtl_policy *policy, struct wtl_set_sensitivity *s,
                     struct wtl_error *err)
{
    int rc = wtl_sweep_slowdown(arena, set, policy, wtl_usual_slowdowns, WTL_SWEEP_SLOWDOWNS,
                                s->slowdown, err);
    if (rc == 0)
        rc = wtl_sweep_weight(arena, set, policy, wtl_usual_weights, WTL_SWEEP_WEIGHTS, s->weight,
                              err);
    if (rc == 0)
        rc = wtl_agreement(arena, set, policy, &s->agreement, err);
    if (rc < 0)
        return rc;
    struct wtl_error inner = {0};
    rc = wtl_stability(arena, set, policy, &s->stability, &inner);
    s->has_stability = rc == 0;
    if (rc == -(int)WTL_UNDECIDED)
        return 0;
    if (rc < 0 && err)
        *err = inner;
    return rc;
}

static int one_set(const struct wtl_optimize_request *request, const struct wtl_workset *set,
                   struct wtl_arena *arena, struct wtl_set_sensitivity *s, struct wtl_error *err)
{
    struct wtl_policy policy;
    struct wtl_quality quality = {0};
    const char *note;
    s->gpu = set->gpu;
    s->workload = set->workload;
    s->at = &set->at;
    int rc = wtl_flow_policy(request, set, arena, &policy, &note, err);
    if (rc == 0)
        rc = wtl_judge_set(arena, set, &quality, err);
    if (rc < 0)
        return rc;
    if (policy.baseline.kind == WTL_BASELINE_REP)
        return WTL_FAIL(err, WTL_USAGE, "the published method (--baseline rep:N) has no sweeps");
    s->usable = quality.usable && policy.n_clocks > 0;
    if (s->usable)
        return sweep_all(arena, set, &policy, s, err);
    if (quality.usable)
        strcpy(s->why, "no clock of the list was measured");
    else
        memcpy(s->why, quality.reason, sizeof s->why);
    return 0;
}

int wtl_flow_sensitivity(const struct wtl_flow *flow, struct wtl_campaign *c,
                         const struct wtl_optimize_request *request, struct wtl_arena *arena,
                         struct wtl_set_sensitivity **sets_out, size_t *n_out,
                         struct wtl_error *err)
{
    struct wtl_workset *sets = NULL;
    size_t n = 0;
    int rc = wtl_flow_worksets(flow, c, &request->filter, arena, &sets, &n, err);
    if (rc < 0)
        return rc;
    struct wtl_set_sensitivity *all = WTL_NEW_ARRAY(arena, struct wtl_set_sensitivity, n + 1);
    if (!all)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < n && rc == 0; i++) {
        wtl_progress(flow->log, "sweeping", (int64_t)i, (int64_t)n, 0);
        rc = one_set(request, &sets[i], arena, &all[i], err);
    }
    if (rc < 0)
        return rc;
    wtl_progress(flow->log, "sweeping", (int64_t)n, (int64_t)n, 0);
    *sets_out = all;
    *n_out = n;
    return 0;
}

/* ---- JSON -------------------------------------------------------------------------------------*/

static json_t *point(const struct wtl_sweep_point *p, const char *key, json_t *value)
{
    return json_pack("{s:o, s:s, s:o, s:o, s:i, s:o, s:o}", key, value, "status",
                     wtl_plan_status_name(p->status), "clock_mhz",
                     p->clock_mhz ? json_integer(p->clock_mhz) : json_null(), "best_guess_mhz",
                     p->best_guess_mhz ? json_integer(p->best_guess_mhz) : json_null(), "n_tied",
                     (int)p->n_tied, "saving", wtl_estimate_to_json(&p->saving), "slowdown",
                     wtl_estimate_to_json(&p->slowdown));
}

/* Sweep points under `key`; NULL is passed on. */
static json_t *points(const struct wtl_sweep_point *p, size_t n, const char *key)
{
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++)
        wtl_json_add(&array, point(&p[i], key, wtl_json_finite(p[i].value)));
    return array;
}

static json_t *agreement(const struct wtl_agreement *a)
{
    json_t *array = json_array();
    char name[64];
    for (int i = 0; i < WTL_METHODS; i++)
        wtl_json_add(&array,
                     point(&a->point[i], "objective",
                           json_string(wtl_objective_format(&a->objective[i], name, sizeof name))));
    return json_pack("{s:o, s:o, s:i}", "objectives", array, "share",
                     a->n_pairs ? wtl_json_finite(a->share) : json_null(), "n_pairs", a->n_pairs);
}

static json_t *stability(const struct wtl_set_sensitivity *s)
{
    const struct wtl_stability *t = &s->stability;
    if (!s->has_stability)
        return json_null();
    return json_pack("{s:o, s:i, s:i, s:o, s:o}", "left_out", points(t->point, t->n, "repetition"),
                     "n_decided", (int)t->n_decided, "n_within_tied", (int)t->n_within,
                     "saving_min", t->n_decided ? wtl_json_finite(t->saving_min) : json_null(),
                     "saving_max", t->n_decided ? wtl_json_finite(t->saving_max) : json_null());
}

static json_t *figures_json(const struct wtl_set_sensitivity *s)
{
    if (!s->usable)
        return json_pack("{s:s, s:s, s:b, s:s}", "gpu", s->gpu, "workload", s->workload, "usable",
                         0, "why", s->why);
    return json_pack("{s:s, s:s, s:b, s:o, s:o, s:o, s:o}", "gpu", s->gpu, "workload", s->workload,
                     "usable", 1, "max_slowdown",
                     points(s->slowdown, WTL_SWEEP_SLOWDOWNS, "max_slowdown"), "weight",
                     points(s->weight, WTL_SWEEP_WEIGHTS, "weight"), "agreement",
                     agreement(&s->agreement), "stability", stability(s));
}

static json_t *set_json(const struct wtl_set_sensitivity *s)
{
    json_t *o = figures_json(s);
    wtl_configuration_put(&o, s->at);
    return o;
}

json_t *wtl_sensitivity_json(const struct wtl_set_sensitivity *sets, size_t n)
{
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++)
        wtl_json_add(&array, set_json(&sets[i]));
    return json_pack("{s:s, s:i, s:o}", "format", "wattle-sensitivity", "version", 1, "sets",
                     array);
}
