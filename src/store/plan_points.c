/* SPDX-License-Identifier: Apache-2.0
 * Choices among measured operating points, as they stand in a plan document. */
#include "store/configuration_json.h"
#include "store/energy_json.h"
#include "store/made_from_json.h"
#include "store/plan_fields.h"
#include "store/plan_file.h"

#include <math.h>
#include <string.h>

enum { CHOICES_MAX = 100000 };

static const char *const latency_names[4] = {"p50", "p90", "p95", "p99"};

/* ---- Writing ----------------------------------------------------------------------------------*/

static json_t *text_or_null(const char *text)
{
    return text[0] ? json_string(text) : json_null();
}

static json_t *latency_json(const struct wtl_measured_point *p)
{
    json_t *o = json_object();
    for (int q = 0; q < 4; q++)
        if ((p->latency_valid >> q) & 1)
            wtl_json_put(&o, latency_names[q], wtl_json_finite(p->latency_s[q]));
    return o;
}

static json_t *point_json(const struct wtl_measured_point *p)
{
    bool measured = p->time_s.n > 0;
    json_t *o = json_object();
    wtl_configuration_put(&o, &p->at);
    wtl_json_put(&o, "clock_mhz", p->clock_mhz ? json_integer(p->clock_mhz) : json_null());
    wtl_json_put(&o, "rate_per_s",
                 p->rate_per_s > 0 ? wtl_json_finite(p->rate_per_s) : json_null());
    wtl_json_put(&o, "n", json_integer(p->n));
    wtl_json_put(&o, "n_rejected", json_integer(p->n_rejected));
    wtl_json_put(&o, "throughput_per_s",
                 measured ? wtl_json_finite(1 / p->time_s.value) : json_null());
    wtl_json_put(&o, "time_s", wtl_estimate_to_json(&p->time_s));
    wtl_json_put(&o, "energy_j", wtl_estimate_to_json(&p->energy_j));
    wtl_json_put(&o, "power_w", wtl_estimate_to_json(&p->power_w));
    wtl_json_put(&o, "latency_s", latency_json(p));
    wtl_json_put(&o, "energy", wtl_energy_kind_to_json(p->energy_class, p->energy_method));
    wtl_json_put(&o, "objective", p->objective > 0 ? wtl_json_finite(p->objective) : json_null());
    wtl_json_put(&o, "saving", measured ? wtl_json_finite(p->saving) : json_null());
    wtl_json_put(&o, "slowdown", measured ? wtl_json_finite(p->slowdown) : json_null());
    wtl_json_put(&o, "feasible", json_boolean(p->feasible));
    wtl_json_put(&o, "tied", json_boolean(p->tied));
    wtl_json_put(&o, "pareto", json_boolean(p->pareto));
    wtl_json_put(&o, "why", text_or_null(p->why));
    return o;
}

static json_t *index_json(int index)
{
    return index >= 0 ? json_integer(index) : json_null();
}

static json_t *choice_json(const struct wtl_point_choice *c)
{
    char text[64], work[20];
    json_t *o = json_object(), *points = json_array(), *notes = json_array();
    wtl_json_put(&o, "gpu", json_string(c->gpu));
    wtl_json_put(&o, "workload", json_string(c->workload));
    wtl_json_put(&o, "status", json_string(wtl_plan_status_name(c->status)));
    wtl_json_put(&o, "work", json_string(wtl_point_choice_work(c, work)));
    wtl_json_put(&o, "per_run", json_boolean(c->per_run));
    wtl_json_put(&o, "unit", text_or_null(c->unit));
    wtl_json_put(&o, "objective",
                 json_string(wtl_objective_format(&c->policy.objective, text, sizeof text)));
    wtl_json_put(&o, "chosen", index_json(c->chosen));
    wtl_json_put(&o, "best", index_json(c->best));
    wtl_json_put(&o, "baseline", index_json(c->baseline));
    wtl_json_put(&o, "saving", wtl_estimate_to_json(&c->saving));
    wtl_json_put(&o, "slowdown", wtl_estimate_to_json(&c->slowdown));
    wtl_json_put(&o, "objective_saving", wtl_estimate_to_json(&c->objective_saving));
    wtl_json_put(&o, "binding", text_or_null(c->binding));
    for (size_t i = 0; i < c->n_points; i++)
        wtl_json_add(&points, point_json(&c->points[i]));
    wtl_json_put(&o, "points", points);
    for (size_t i = 0; i < c->n_notes; i++)
        wtl_json_add(&notes, json_string(c->notes[i]));
    wtl_json_put(&o, "notes", notes);
    wtl_json_put(&o, "policy", wtl_policy_to_json(&c->policy));
    wtl_json_put(&o, "made_from", wtl_made_from_to_json(&c->made_from));
    return o;
}

json_t *wtl_point_choices_to_json(const struct wtl_point_choice *choices, size_t n)
{
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++)
        wtl_json_add(&array, choice_json(&choices[i]));
    return array;
}

/* ---- Reading ----------------------------------------------------------------------------------*/

static int no_memory(struct wtl_error *err)
{
    return WTL_FAIL(err, WTL_NOMEM, "out of memory reading operating points");
}

static int integer(const struct wtl_json *o, const char *key, int64_t lo, int64_t hi, int *out,
                   struct wtl_error *err)
{
    int64_t value = *out;
    int rc = wtl_json_integer_opt(o, key, lo, hi, &value, err);
    *out = (int)value;
    return rc;
}

static int read_latency(const struct wtl_json *o, struct wtl_measured_point *p,
                        struct wtl_error *err)
{
    struct wtl_json latency, at;
    int rc = wtl_json_object(o, "latency_s", &latency, err);
    rc = rc ? rc : wtl_json_only(&latency, latency_names, 4, err);
    for (int q = 0; q < 4 && rc == 0; q++)
        if (wtl_json_find(&latency, latency_names[q], &at)) {
            rc = wtl_json_number(&latency, latency_names[q], &p->latency_s[q], err);
            p->latency_valid |= 1u << q;
        }
    return rc;
}

static int read_energy(const struct wtl_json *o, struct wtl_measured_point *p,
                       struct wtl_error *err)
{
    struct wtl_json energy;
    int rc = wtl_json_object(o, "energy", &energy, err);
    return rc ? rc : wtl_energy_kind_from_json(&energy, &p->energy_class, &p->energy_method, err);
}

static int read_point(const struct wtl_json *o, struct wtl_measured_point *out,
                      struct wtl_error *err)
{
    static const char *const keys[] = {
        "configuration", "clock_mhz", "rate_per_s", "n",      "n_rejected", "throughput_per_s",
        "time_s",        "energy_j",  "power_w",    "energy", "latency_s",  "objective",
        "saving",        "slowdown",  "feasible",   "tied",   "pareto",     "why"};
    struct wtl_measured_point p = {0};
    int rc = wtl_json_only(o, keys, sizeof keys / sizeof keys[0], err);
    rc = rc ? rc : wtl_configuration_from_json(o, &p.at, err);
    rc = rc ? rc : integer(o, "clock_mhz", 1, WTL_LIMIT_CLOCK_MHZ, &p.clock_mhz, err);
    rc = rc ? rc : wtl_json_number_opt(o, "rate_per_s", &p.rate_per_s, err);
    rc = rc ? rc : integer(o, "n", 0, WTL_LIMIT_RUNS, &p.n, err);
    rc = rc ? rc : integer(o, "n_rejected", 0, WTL_LIMIT_RUNS, &p.n_rejected, err);
    rc = rc ? rc : wtl_estimate_from_json(o, "time_s", &p.time_s, err);
    rc = rc ? rc : wtl_estimate_from_json(o, "energy_j", &p.energy_j, err);
    rc = rc ? rc : wtl_estimate_from_json(o, "power_w", &p.power_w, err);
    rc = rc ? rc : read_latency(o, &p, err);
    rc = rc ? rc : read_energy(o, &p, err);
    rc = rc ? rc : wtl_json_number_opt(o, "objective", &p.objective, err);
    rc = rc ? rc : wtl_json_number_opt(o, "saving", &p.saving, err);
    rc = rc ? rc : wtl_json_number_opt(o, "slowdown", &p.slowdown, err);
    rc = rc ? rc : wtl_json_bool(o, "feasible", &p.feasible, err);
    rc = rc ? rc : wtl_json_bool(o, "tied", &p.tied, err);
    rc = rc ? rc : wtl_json_bool(o, "pareto", &p.pareto, err);
    rc = rc ? rc : wtl_json_name_opt(o, "why", p.why, sizeof p.why, err);
    if (rc == 0 && p.time_s.n > 0 && !(p.time_s.value > 0))
        rc = wtl_json_fail(o, err, "time_s is not above 0");
    if (rc == 0)
        *out = p;
    return rc;
}

static int read_points(struct wtl_arena *arena, const struct wtl_json *o,
                       struct wtl_point_choice *c, struct wtl_error *err)
{
    struct wtl_json array, item;
    int rc = wtl_json_array(o, "points", &array, err);
    if (rc < 0)
        return rc;
    c->n_points = wtl_json_count(&array);
    c->points = WTL_NEW_ARRAY(arena, struct wtl_measured_point, c->n_points + 1);
    if (!c->points)
        return no_memory(err);
    for (size_t i = 0; i < c->n_points && rc == 0; i++) {
        rc = wtl_json_item_object(&array, i, &item, err);
        rc = rc ? rc : read_point(&item, &c->points[i], err);
    }
    int most = (int)c->n_points - 1;
    rc = rc ? rc : integer(o, "chosen", 0, most, &c->chosen, err);
    rc = rc ? rc : integer(o, "best", 0, most, &c->best, err);
    return rc ? rc : integer(o, "baseline", 0, most, &c->baseline, err);
}

static int read_notes(struct wtl_arena *arena, const struct wtl_json *o, struct wtl_point_choice *c,
                      struct wtl_error *err)
{
    struct wtl_json array;
    int rc = wtl_json_array(o, "notes", &array, err);
    if (rc < 0)
        return rc;
    c->n_notes = wtl_json_count(&array);
    const char **notes = WTL_NEW_ARRAY(arena, const char *, c->n_notes + 1);
    if (!notes)
        return no_memory(err);
    for (size_t i = 0; i < c->n_notes; i++) {
        struct wtl_json item = wtl_json_item(&array, i);
        if (!json_is_string(item.value))
            return wtl_json_fail(&item, err, "is no text");
        if (!(notes[i] = wtl_arena_strdup(arena, json_string_value(item.value))))
            return no_memory(err);
    }
    c->notes = notes;
    return 0;
}

static int read_status(const struct wtl_json *o, struct wtl_point_choice *c, struct wtl_error *err)
{
    const char *name = NULL;
    int rc = wtl_json_string(o, "status", &name, err);
    if (rc == 0 && !wtl_plan_status_by_name(name, &c->status))
        rc =
            wtl_json_fail(o, err, "\"%.40s\" is none of ok, undecided, unusable, infeasible", name);
    return rc;
}

static int read_choice(struct wtl_arena *arena, const struct wtl_json *o,
                       struct wtl_point_choice *out, struct wtl_error *err)
{
    static const char *const keys[] = {
        "gpu",       "workload", "status", "work",     "per_run", "unit",
        "objective", "chosen",   "best",   "baseline", "saving",  "objective_saving",
        "binding",   "slowdown", "points", "notes",    "policy",  "made_from"};
    struct wtl_point_choice c = {.chosen = WTL_NO_POINT,
                                 .best = WTL_NO_POINT,
                                 .baseline = WTL_NO_POINT,
                                 .policy = wtl_policy_default()};
    int rc = wtl_json_only(o, keys, sizeof keys / sizeof keys[0], err);
    rc = rc ? rc : wtl_json_name(o, "gpu", c.gpu, sizeof c.gpu, err);
    rc = rc ? rc : wtl_json_name(o, "workload", c.workload, sizeof c.workload, err);
    rc = rc ? rc : read_status(o, &c, err);
    rc = rc ? rc : wtl_json_bool(o, "per_run", &c.per_run, err);
    rc = rc ? rc : wtl_json_name_opt(o, "unit", c.unit, sizeof c.unit, err);
    rc = rc ? rc : wtl_json_name_opt(o, "binding", c.binding, sizeof c.binding, err);
    rc = rc ? rc : wtl_estimate_from_json(o, "saving", &c.saving, err);
    rc = rc ? rc : wtl_estimate_from_json(o, "slowdown", &c.slowdown, err);
    rc = rc ? rc : wtl_estimate_from_json(o, "objective_saving", &c.objective_saving, err);
    rc = rc ? rc : read_points(arena, o, &c, err);
    rc = rc ? rc : read_notes(arena, o, &c, err);
    rc = rc ? rc : wtl_policy_from_json(arena, o, &c.policy, err);
    rc = rc ? rc : wtl_made_from_from_json(arena, o, &c.made_from, err);
    if (rc == 0 && (c.status == WTL_PLAN_OK) != (c.chosen >= 0))
        rc = wtl_json_fail(o, err, "a choice of status %s %s a point",
                           wtl_plan_status_name(c.status), c.chosen >= 0 ? "cannot have" : "needs");
    if (rc == 0)
        *out = c;
    return rc;
}

int wtl_point_choices_from_json(struct wtl_arena *arena, const struct wtl_json *array,
                                struct wtl_point_choice **out, size_t *n_out, struct wtl_error *err)
{
    if (!json_is_array(array->value))
        return wtl_json_fail(array, err, "expected an array");
    size_t n = wtl_json_count(array);
    if (n > CHOICES_MAX)
        return wtl_json_fail(array, err, "more than %d choices", CHOICES_MAX);
    struct wtl_point_choice *choices = WTL_NEW_ARRAY(arena, struct wtl_point_choice, n + 1);
    int rc = choices ? 0 : no_memory(err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct wtl_json item;
        rc = wtl_json_item_object(array, i, &item, err);
        rc = rc ? rc : read_choice(arena, &item, &choices[i], err);
    }
    if (rc < 0)
        return rc;
    *out = choices;
    *n_out = n;
    return 0;
}
