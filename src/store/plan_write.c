/* SPDX-License-Identifier: Apache-2.0
 * Plans to JSON, and the tables that reading shares. */
#include "base/limits.h"
#include "codec/json.h"
#include "store/configuration_json.h"
#include "store/energy_json.h"
#include "store/made_from_json.h"
#include "store/plan_fields.h"
#include "store/plan_file.h"

#include <math.h>
#include <string.h>

#define POINT(member, kind, in_front)                                                              \
    {                                                                                              \
#member, WTL_FIELD_##kind, offsetof(struct wtl_curve_point, member), in_front              \
    }

const struct wtl_plan_field wtl_curve_fields[] = {
    POINT(clock_mhz, INT, true),
    POINT(time_s, REAL, true),
    {"time_lo_s", WTL_FIELD_REAL, offsetof(struct wtl_curve_point, time_lo), false},
    {"time_hi_s", WTL_FIELD_REAL, offsetof(struct wtl_curve_point, time_hi), false},
    POINT(energy_j, REAL, true),
    {"energy_lo_j", WTL_FIELD_REAL, offsetof(struct wtl_curve_point, energy_lo), false},
    {"energy_hi_j", WTL_FIELD_REAL, offsetof(struct wtl_curve_point, energy_hi), false},
    POINT(power_w, REAL, true),
    POINT(slowdown, REAL, true),
    POINT(slowdown_hi, REAL, false),
    POINT(saving, REAL, true),
    POINT(saving_lo, REAL, false),
    POINT(saving_hi, REAL, false),
    POINT(objective, REAL, false),
    POINT(legal, BOOL, false),
    POINT(feasible, BOOL, false),
    POINT(tied, BOOL, false),
    POINT(pareto, BOOL, false),
    POINT(knee, BOOL, true),
    {0},
};

#define CONSTRAINT(key, flag, member, lo, hi)                                                      \
    {                                                                                              \
        key, offsetof(struct wtl_policy, flag), offsetof(struct wtl_policy, member), lo, hi        \
    }

const struct wtl_constraint_field wtl_constraint_fields[] = {
    CONSTRAINT("max_slowdown", has_max_slowdown, max_slowdown, -1, 1000),
    CONSTRAINT("max_energy_ratio", has_max_energy, max_energy_ratio, 0, 1000),
    CONSTRAINT("min_clock_ratio", has_min_clock_ratio, min_clock_ratio, 0, 1),
    CONSTRAINT("max_power_w", has_max_power, max_power_w, 0, 1e6),
    CONSTRAINT("min_saving", has_min_saving, min_saving, -1000, 1),
    CONSTRAINT("rate_per_s", has_rate, rate_per_s, 0, 1e9),
    {0},
};

const struct wtl_estimate_field wtl_estimate_fields[] = {
    {"saving", offsetof(struct wtl_plan, saving)},
    {"slowdown", offsetof(struct wtl_plan, slowdown)},
    {"objective_saving", offsetof(struct wtl_plan, objective_saving)},
    {"time_s", offsetof(struct wtl_plan, time_s)},
    {"energy_j", offsetof(struct wtl_plan, energy_j)},
    {"power_w", offsetof(struct wtl_plan, power_w)},
    {0},
};

const struct wtl_estimate_field wtl_baseline_estimate_fields[] = {
    {"time_s", offsetof(struct wtl_plan, baseline_time_s)},
    {"energy_j", offsetof(struct wtl_plan, baseline_energy_j)},
    {0},
};

/* Failure is sticky: build freely, look at rc once. */
struct writer {
    const struct wtl_plan *plan; /* for messages; NULL: the document */
    struct wtl_error *err;
    int rc;
};

static void out_of_memory(struct writer *w)
{
    if (w->rc == 0)
        w->rc = WTL_FAIL(w->err, WTL_NOMEM, "out of memory writing a plan");
}

static void fail(struct writer *w, const char *key, const char *what)
{
    if (w->rc < 0)
        return;
    if (w->plan)
        w->rc = WTL_FAIL(w->err, WTL_FAILED, "plan of \"%s\" on \"%s\": %s %s", w->plan->workload,
                         w->plan->gpu, key, what);
    else
        w->rc = WTL_FAIL(w->err, WTL_FAILED, "plan document: %s %s", key, what);
}

/* Steals `value`. */
static void put(struct writer *w, json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) != 0)
        out_of_memory(w);
}

static void append(struct writer *w, json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) != 0)
        out_of_memory(w);
}

static void put_real(struct writer *w, json_t *object, const char *key, double value)
{
    if (isfinite(value))
        put(w, object, key, json_real(value));
    else
        fail(w, key, "is not finite");
}

static void put_string(struct writer *w, json_t *object, const char *key, const char *text)
{
    if (wtl_utf8_valid(text))
        put(w, object, key, json_string(text));
    else
        fail(w, key, "is not UTF-8 text");
}

/* 0 means none. */
static void put_clock(struct writer *w, json_t *object, const char *key, int clock_mhz)
{
    put(w, object, key, clock_mhz ? json_integer(clock_mhz) : json_null());
}

json_t *wtl_estimate_to_json(const struct wtl_estimate *e)
{
    bool exists = e->n > 0, interval = exists && e->evidence != WTL_EVIDENCE_NONE;
    return json_pack("{s:o, s:o, s:o, s:i, s:s}", "value",
                     exists ? wtl_json_finite(e->value) : json_null(), "lo",
                     interval ? wtl_json_finite(e->lo) : json_null(), "hi",
                     interval ? wtl_json_finite(e->hi) : json_null(), "n", e->n, "evidence",
                     wtl_evidence_name(e->evidence));
}

static void put_estimate(struct writer *w, json_t *parent, const char *key,
                         const struct wtl_estimate *e)
{
    bool exists = e->n > 0, interval = exists && e->evidence != WTL_EVIDENCE_NONE;
    if ((exists && !isfinite(e->value)) || (interval && !(isfinite(e->lo) && isfinite(e->hi))))
        fail(w, key, "is not finite");
    else
        put(w, parent, key, wtl_estimate_to_json(e));
}

static void put_estimates(struct writer *w, json_t *parent, const struct wtl_estimate_field *fields)
{
    for (const struct wtl_estimate_field *f = fields; f->key; f++) {
        const char *base = (const char *)w->plan;
        const void *estimate = base + f->offset;
        put_estimate(w, parent, f->key, estimate);
    }
}

static void put_clocks(struct writer *w, json_t *parent, const char *key, const int *clocks_mhz,
                       size_t n)
{
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++)
        append(w, array, json_integer(clocks_mhz[i]));
    put(w, parent, key, array);
}

static json_t *point(struct writer *w, const struct wtl_curve_point *p, bool front)
{
    json_t *o = json_object();
    for (const struct wtl_plan_field *f = wtl_curve_fields; f->key; f++) {
        const void *at = (const char *)p + f->offset;
        if (front && !f->in_pareto)
            continue;
        if (f->type == WTL_FIELD_REAL)
            put_real(w, o, f->key, *(const double *)at);
        else if (f->type == WTL_FIELD_INT)
            put(w, o, f->key, json_integer(*(const int *)at));
        else
            put(w, o, f->key, json_boolean(*(const bool *)at));
    }
    return o;
}

static void put_curve(struct writer *w, json_t *parent)
{
    json_t *front = json_array(), *curve = json_array();
    for (size_t i = 0; i < w->plan->n_curve; i++) {
        append(w, curve, point(w, &w->plan->curve[i], false));
        if (w->plan->curve[i].pareto)
            append(w, front, point(w, &w->plan->curve[i], true));
    }
    put(w, parent, "pareto", front);
    put(w, parent, "curve", curve);
    put_clock(w, parent, "knee_clock_mhz", w->plan->knee_clock_mhz);
    put_real(w, parent, "hypervolume", w->plan->hypervolume);
}

static void put_power_p99(struct writer *w, json_t *parent)
{
    json_t *array = json_array();
    for (size_t i = 0; i < w->plan->n_power_p99; i++) {
        const struct wtl_power_p99 *p = &w->plan->power_p99[i];
        json_t *o = json_object();
        put(w, o, "clock_mhz", json_integer(p->clock_mhz));
        put_real(w, o, "power_w", p->power_w);
        put(w, o, "n", json_integer(p->n_runs));
        append(w, array, o);
    }
    put(w, parent, "power_p99", array);
}

static json_t *policy_object(struct writer *w, const struct wtl_policy *p)
{
    char text[WTL_LIMIT_NAME + 16];
    json_t *o = json_object(), *constraints = json_object(), *slo = json_array();
    put(w, o, "objective", json_string(wtl_objective_format(&p->objective, text, sizeof text)));
    put_string(w, o, "baseline", wtl_baseline_format(&p->baseline, text, sizeof text));
    put(w, o, "prefer", json_string(wtl_prefer_name(p->prefer)));
    for (const struct wtl_constraint_field *f = wtl_constraint_fields; f->key; f++)
        if (*(const bool *)(const void *)((const char *)p + f->has)) {
            const void *value = (const char *)p + f->value;
            put_real(w, constraints, f->key, *(const double *)value);
        }
    for (int i = 0; i < p->n_slo; i++) {
        json_t *item = json_object();
        put(w, item, "percent", json_integer(p->slo[i].percent));
        put_real(w, item, "seconds", p->slo[i].seconds);
        append(w, slo, item);
    }
    put(w, constraints, "slo", slo);
    put(w, o, "constraints", constraints);
    if (p->clocks_mhz)
        put_clocks(w, o, "clocks_mhz", p->clocks_mhz, p->n_clocks);
    else
        put(w, o, "clocks_mhz", json_null());
    put_real(w, o, "confidence", p->confidence);
    put(w, o, "replicates", json_integer(p->replicates));
    put(w, o, "seed", json_integer((json_int_t)p->seed));
    return o;
}

json_t *wtl_policy_to_json(const struct wtl_policy *policy)
{
    struct writer w = {0};
    json_t *o = policy_object(&w, policy);
    if (w.rc == 0)
        return o;
    json_decref(o);
    return NULL;
}

static void put_baseline(struct writer *w, json_t *parent)
{
    json_t *o = json_object();
    put(w, o, "kind", json_string(wtl_baseline_name(w->plan->baseline_kind)));
    put_clock(w, o, "clock_mhz", w->plan->baseline_clock_mhz);
    put(w, o, "from_curve", json_boolean(w->plan->baseline_from_curve));
    put_estimates(w, o, wtl_baseline_estimate_fields);
    put(w, parent, "baseline", o);
}

static void put_rejected(struct writer *w, json_t *parent)
{
    json_t *o = json_object();
    for (int c = 0; c < (int)WTL_N_CAUSES; c++)
        if (w->plan->rejected[c])
            put(w, o, wtl_cause_name((enum wtl_cause)c), json_integer(w->plan->rejected[c]));
    put(w, parent, "n_runs", json_integer(w->plan->n_runs));
    put(w, parent, "n_rejected", json_integer(w->plan->n_rejected));
    put(w, parent, "rejected", o);
}

static void put_model(struct writer *w, json_t *parent, const char *key, const char *form,
                      double cv_error)
{
    json_t *o = json_object();
    if (form) {
        put_string(w, o, "form", form);
        put_real(w, o, "cv_error", cv_error);
    }
    put(w, parent, key, form ? o : json_null());
    if (!form)
        json_decref(o);
}

static void put_infeasible(struct writer *w, json_t *parent)
{
    if (!w->plan->binding[0] && !w->plan->relaxation[0]) {
        put(w, parent, "infeasible", json_null());
        return;
    }
    json_t *o = json_object();
    put_string(w, o, "binding", w->plan->binding);
    put_string(w, o, "relaxation", w->plan->relaxation);
    put(w, parent, "infeasible", o);
}

static void put_notes(struct writer *w, json_t *parent)
{
    json_t *notes = json_array();
    for (size_t i = 0; i < w->plan->n_notes; i++) {
        if (wtl_utf8_valid(w->plan->notes[i]))
            append(w, notes, json_string(w->plan->notes[i]));
        else
            fail(w, "notes", "is not UTF-8 text");
    }
    put(w, parent, "notes", notes);
}

static void put_made_from(struct writer *w, json_t *parent)
{
    const struct wtl_made_from *m = &w->plan->made_from;
    if (wtl_utf8_valid(m->board))
        put(w, parent, "made_from", wtl_made_from_to_json(m));
    else
        fail(w, "board", "is not UTF-8 text");
}

/* Both only where something is known: documents of clocks alone are as they were. */
static void put_configuration(struct writer *w, json_t *o)
{
    const struct wtl_plan *p = w->plan;
    if (!wtl_utf8_valid(p->at.point.variant) || !wtl_utf8_valid(p->at.unit))
        fail(w, "configuration", "is not UTF-8 text");
    else if (!wtl_configuration_is_plain(&p->at))
        put(w, o, "configuration", wtl_configuration_to_json(&p->at));
    if (!p->energy_class)
        return;
    put(w, o, "energy", wtl_energy_kind_to_json(p->energy_class, p->energy_method));
}

static json_t *plan_object(struct writer *w)
{
    const struct wtl_plan *p = w->plan;
    char text[64];
    json_t *o = json_object(), *models = json_object();
    put_string(w, o, "gpu", p->gpu);
    put_string(w, o, "workload", p->workload);
    put_configuration(w, o);
    put(w, o, "status", json_string(wtl_plan_status_name(p->status)));
    put(w, o, "objective",
        json_string(wtl_objective_format(&p->policy.objective, text, sizeof text)));
    put_clock(w, o, "clock_mhz", p->clock_mhz);
    put_clock(w, o, "best_guess_mhz", p->best_guess_mhz);
    put_clocks(w, o, "tied_clocks_mhz", p->tied_clocks_mhz, p->n_tied);
    put_baseline(w, o);
    put_estimates(w, o, wtl_estimate_fields);
    put_rejected(w, o);
    put_infeasible(w, o);
    put_notes(w, o);
    put(w, o, "policy", policy_object(w, &p->policy));
    put_model(w, models, "time", p->time_model, p->time_cv_error);
    put_model(w, models, "power", p->power_model, p->power_cv_error);
    put(w, o, "models", models);
    put_curve(w, o);
    put_power_p99(w, o);
    put_made_from(w, o);
    return o;
}

static const char *or_empty(const char *s)
{
    return s ? s : "";
}

int wtl_plan_to_json(const struct wtl_plan_file *file, json_t **root_out, struct wtl_error *err)
{
    struct writer w = {.err = err};
    json_t *root = json_object(), *campaign = json_object(), *plans = json_array();
    put(&w, root, "format", json_string(WTL_PLAN_FORMAT));
    put(&w, root, "version", json_integer(WTL_PLAN_FILE_VERSION));
    put_string(&w, root, "tool", or_empty(file->tool));
    put_string(&w, root, "created", or_empty(file->created));
    put_string(&w, campaign, "path", or_empty(file->campaign));
    put_string(&w, campaign, "fingerprint", or_empty(file->fingerprint));
    put(&w, root, "campaign", campaign);
    for (size_t i = 0; i < file->n_plans; i++) {
        w.plan = &file->plans[i];
        append(&w, plans, plan_object(&w));
    }
    w.plan = NULL;
    put(&w, root, "plans", plans);
    if (file->n_choices)
        put(&w, root, "operating_points",
            wtl_point_choices_to_json(file->choices, file->n_choices));
    if (w.rc < 0) {
        json_decref(root);
        return w.rc;
    }
    *root_out = root;
    return 0;
}
