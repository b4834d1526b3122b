/* SPDX-License-Identifier: Apache-2.0
 * Plans from JSON: strict in what it knows, with the place of every mistake. */
#include "codec/json.h"
#include "store/configuration_json.h"
#include "store/energy_json.h"
#include "store/made_from_json.h"
#include "store/plan_fields.h"
#include "store/plan_file.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

static int no_memory(struct wtl_error *err)
{
    return WTL_FAIL(err, WTL_NOMEM, "out of memory");
}

static int read_name(const struct wtl_json *object, const char *key, char *buf, size_t size,
                     struct wtl_error *err)
{
    int rc = wtl_json_name(object, key, buf, size, err);
    struct wtl_json at = wtl_json_member(object, key);
    if (rc == 0 && !buf[0])
        rc = wtl_json_fail(&at, err, "is empty");
    return rc;
}

/* null: 0. */
static int read_clock(const struct wtl_json *object, const char *key, int *out,
                      struct wtl_error *err)
{
    int64_t value = 0;
    int rc = wtl_json_integer_opt(object, key, 1, WTL_LIMIT_CLOCK_MHZ, &value, err);
    *out = (int)value;
    return rc;
}

static int read_evidence(const struct wtl_json *object, bool interval, enum wtl_evidence *out,
                         struct wtl_error *err)
{
    const char *name = NULL;
    int rc = wtl_json_string_opt(object, "evidence", &name, err);
    if (rc < 0)
        return rc;
    enum wtl_evidence found = interval ? WTL_EVIDENCE_IN_SAMPLE : WTL_EVIDENCE_NONE;
    if (name) {
        int e = WTL_EVIDENCE_NONE;
        while (e < WTL_N_EVIDENCE && strcmp(name, wtl_evidence_name((enum wtl_evidence)e)) != 0)
            e++;
        struct wtl_json at = wtl_json_member(object, "evidence");
        if (e == WTL_N_EVIDENCE)
            return wtl_json_fail(
                &at, err, "\"%.40s\" is none of none, in-sample, confirmed, predicted", name);
        if ((e != WTL_EVIDENCE_NONE) != interval)
            return wtl_json_fail(&at, err, "\"%s\" does not go with %s interval", name,
                                 interval ? "an" : "no");
        found = (enum wtl_evidence)e;
    }
    *out = found;
    return 0;
}

/* Absent, null, or {"value", "lo", "hi", "n", "evidence"}; a value without "n" counts as one run.
 */
int wtl_estimate_from_json(const struct wtl_json *parent, const char *key, struct wtl_estimate *out,
                           struct wtl_error *err)
{
    static const char *const keys[] = {"value", "lo", "hi", "n", "evidence", NULL};
    struct wtl_json o = wtl_json_member(parent, key);
    struct wtl_estimate e = {0};
    if (wtl_json_none(&o))
        return 0;
    int rc = wtl_json_want_object(&o, err);
    if (rc == 0)
        rc = wtl_json_known(&o, keys, err);
    if (rc < 0)
        return rc;
    struct wtl_json value = wtl_json_member(&o, "value"), lo = wtl_json_member(&o, "lo"),
                    hi = wtl_json_member(&o, "hi");
    bool interval = !wtl_json_none(&lo);
    if (interval == wtl_json_none(&hi))
        return wtl_json_fail(&o, err, "has only one end of its interval");
    if (interval && wtl_json_none(&value))
        return wtl_json_fail(&o, err, "has an interval but no value");
    e.n = wtl_json_none(&value) ? 0 : 1;
    if ((rc = wtl_json_number_opt(&o, "value", &e.value, err)) < 0 ||
        (rc = wtl_json_number_opt(&o, "lo", &e.lo, err)) < 0 ||
        (rc = wtl_json_number_opt(&o, "hi", &e.hi, err)) < 0 ||
        (rc = wtl_plan_read_count(&o, "n", WTL_LIMIT_RUNS, &e.n, err)) < 0 ||
        (rc = read_evidence(&o, interval, &e.evidence, err)) < 0)
        return rc;
    if (e.lo > e.hi)
        return wtl_json_fail(&o, err, "lo %g is above hi %g", e.lo, e.hi);
    if ((e.n > 0) == wtl_json_none(&value))
        return wtl_json_fail(&o, err, "n = %d does not go with %s value", e.n,
                             wtl_json_none(&value) ? "no" : "a");
    *out = e;
    return 0;
}

static int read_estimates(const struct wtl_json *object, const struct wtl_estimate_field *fields,
                          struct wtl_plan *plan, struct wtl_error *err)
{
    int rc = 0;
    for (const struct wtl_estimate_field *f = fields; f->key && rc == 0; f++) {
        void *to = (char *)plan + f->offset;
        rc = wtl_estimate_from_json(object, f->key, to, err);
    }
    return rc;
}

static int read_point_field(const struct wtl_json *o, const struct wtl_plan_field *f,
                            struct wtl_curve_point *point, struct wtl_error *err)
{
    void *to = (char *)point + f->offset;
    if (f->type == WTL_FIELD_REAL)
        return wtl_json_number_opt(o, f->key, to, err);
    if (f->type == WTL_FIELD_BOOL)
        return wtl_json_bool_opt(o, f->key, to, err);
    int64_t value;
    int rc = wtl_json_integer(o, f->key, 1, WTL_LIMIT_CLOCK_MHZ, &value, err);
    if (rc == 0)
        *(int *)to = (int)value;
    return rc;
}

static int read_point(const struct wtl_json *o, struct wtl_curve_point *point,
                      struct wtl_error *err)
{
    const char *keys[40];
    size_t n = 0;
    for (const struct wtl_plan_field *f = wtl_curve_fields; f->key; f++)
        keys[n++] = f->key;
    keys[n] = NULL;
    int rc = wtl_json_want_object(o, err);
    if (rc == 0)
        rc = wtl_json_known(o, keys, err);
    for (const struct wtl_plan_field *f = wtl_curve_fields; f->key && rc == 0; f++)
        rc = read_point_field(o, f, point, err);
    return rc;
}

static int compare_points(const void *a, const void *b)
{
    const struct wtl_curve_point *p = a, *q = b;
    return (p->clock_mhz > q->clock_mhz) - (p->clock_mhz < q->clock_mhz);
}

/* The curve, or where a document has none its front. */
static int read_curve(struct wtl_arena *arena, const struct wtl_json *o, struct wtl_plan *plan,
                      struct wtl_error *err)
{
    struct wtl_json at = wtl_json_member(o, "curve");
    bool front = wtl_json_none(&at);
    if (front)
        at = wtl_json_member(o, "pareto");
    if (wtl_json_none(&at))
        return 0;
    int rc = wtl_json_want_array(&at, err);
    size_t n = wtl_json_count(&at);
    if (rc == 0 && n > WTL_LIMIT_CLOCKS)
        rc = wtl_json_fail(&at, err, "%zu points, more than %d", n, WTL_LIMIT_CLOCKS);
    struct wtl_curve_point *points =
        rc < 0 ? NULL : WTL_NEW_ARRAY(arena, struct wtl_curve_point, n + 1);
    if (!points)
        return rc < 0 ? rc : no_memory(err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct wtl_json item = wtl_json_item(&at, i);
        points[i].pareto = points[i].legal = front;
        rc = read_point(&item, &points[i], err);
    }
    if (rc < 0)
        return rc;
    qsort(points, n, sizeof *points, compare_points);
    for (size_t i = 1; i < n; i++)
        if (points[i].clock_mhz == points[i - 1].clock_mhz)
            return wtl_json_fail(&at, err, "clock %d MHz stands twice", points[i].clock_mhz);
    plan->curve = points;
    plan->n_curve = n;
    return 0;
}

static int read_power_at(const struct wtl_json *o, struct wtl_power_p99 *p, struct wtl_error *err)
{
    static const char *const keys[] = {"clock_mhz", "power_w", "n", NULL};
    struct wtl_json power = wtl_json_member(o, "power_w");
    int64_t mhz = 0, n = 0;
    int rc;
    if ((rc = wtl_json_want_object(o, err)) < 0 || (rc = wtl_json_known(o, keys, err)) < 0 ||
        (rc = wtl_json_integer(o, "clock_mhz", 1, WTL_LIMIT_CLOCK_MHZ, &mhz, err)) < 0 ||
        (rc = wtl_json_number(o, "power_w", &p->power_w, err)) < 0 ||
        (rc = wtl_json_integer(o, "n", 1, WTL_LIMIT_RUNS, &n, err)) < 0)
        return rc;
    if (p->power_w <= 0)
        return wtl_json_fail(&power, err, "%g W is no power of a run", p->power_w);
    p->clock_mhz = (int)mhz;
    p->n_runs = (int)n;
    return 0;
}

static int read_power_p99(struct wtl_arena *arena, const struct wtl_json *o, struct wtl_plan *plan,
                          struct wtl_error *err)
{
    struct wtl_json at = wtl_json_member(o, "power_p99");
    if (wtl_json_none(&at))
        return 0;
    int rc = wtl_json_want_array(&at, err);
    size_t n = wtl_json_count(&at);
    if (rc == 0 && n > WTL_LIMIT_CLOCKS)
        rc = wtl_json_fail(&at, err, "%zu clocks, more than %d", n, WTL_LIMIT_CLOCKS);
    struct wtl_power_p99 *p = rc < 0 ? NULL : WTL_NEW_ARRAY(arena, struct wtl_power_p99, n + 1);
    if (!p)
        return rc < 0 ? rc : no_memory(err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct wtl_json item = wtl_json_item(&at, i);
        rc = read_power_at(&item, &p[i], err);
        if (rc == 0 && i && p[i].clock_mhz <= p[i - 1].clock_mhz)
            rc = wtl_json_fail(&at, err, "clocks are not ascending");
    }
    if (rc < 0)
        return rc;
    plan->power_p99 = p;
    plan->n_power_p99 = n;
    return 0;
}

/* The plan's own "objective" must be that of its policy where both stand. */
static int read_objective(const struct wtl_json *o, struct wtl_policy *policy,
                          struct wtl_error *err)
{
    const char *text;
    struct wtl_objective objective;
    struct wtl_error inner = {0};
    char own[64], other[64];
    int rc = wtl_json_string(o, "objective", &text, err);
    if (rc < 0)
        return rc;
    struct wtl_json at = wtl_json_member(o, "objective");
    if (wtl_objective_parse(text, &objective, &inner) < 0)
        return wtl_plan_at_place(&at, &inner, err);
    struct wtl_json p = wtl_json_member(o, "policy");
    p = wtl_json_member(&p, "objective");
    if (!wtl_json_none(&p) &&
        strcmp(wtl_objective_format(&objective, own, sizeof own),
               wtl_objective_format(&policy->objective, other, sizeof other)) != 0)
        return wtl_json_fail(&at, err, "\"%s\" contradicts \"%s\" in the policy", own, other);
    policy->objective = objective;
    return 0;
}

static int read_baseline(const struct wtl_json *plan_at, struct wtl_plan *plan,
                         struct wtl_error *err)
{
    static const char *const keys[] = {"kind",   "clock_mhz", "from_curve",
                                       "time_s", "energy_j",  NULL};
    struct wtl_json o = wtl_json_member(plan_at, "baseline");
    const char *name;
    int rc;
    if ((rc = wtl_json_want_object(&o, err)) < 0 || (rc = wtl_json_known(&o, keys, err)) < 0 ||
        (rc = wtl_json_string(&o, "kind", &name, err)) < 0 ||
        (rc = read_clock(&o, "clock_mhz", &plan->baseline_clock_mhz, err)) < 0 ||
        (rc = wtl_json_bool_opt(&o, "from_curve", &plan->baseline_from_curve, err)) < 0 ||
        (rc = read_estimates(&o, wtl_baseline_estimate_fields, plan, err)) < 0)
        return rc;
    int kind = WTL_BASELINE_MAX;
    while (kind <= WTL_BASELINE_REP &&
           strcmp(name, wtl_baseline_name((enum wtl_baseline_kind)kind)) != 0)
        kind++;
    struct wtl_json at = wtl_json_member(&o, "kind");
    if (kind > WTL_BASELINE_REP)
        return wtl_json_fail(&at, err,
                             "\"%.40s\" is none of max, default, fastest, clock, job, rep", name);
    plan->baseline_kind = (enum wtl_baseline_kind)kind;
    return 0;
}

static int read_rejected(const struct wtl_json *plan_at, struct wtl_plan *plan,
                         struct wtl_error *err)
{
    const char *names[WTL_N_CAUSES + 1] = {0};
    for (int c = 0; c < (int)WTL_N_CAUSES; c++)
        names[c] = wtl_cause_name((enum wtl_cause)c);
    struct wtl_json o = wtl_json_member(plan_at, "rejected");
    int64_t n_runs, n_rejected;
    int rc;
    if ((rc = wtl_json_integer(plan_at, "n_runs", 0, WTL_LIMIT_RUNS, &n_runs, err)) < 0 ||
        (rc = wtl_json_integer(plan_at, "n_rejected", 0, WTL_LIMIT_RUNS, &n_rejected, err)) < 0 ||
        (rc = wtl_json_want_object(&o, err)) < 0 || (rc = wtl_json_known(&o, names, err)) < 0)
        return rc;
    for (int c = 0; c < (int)WTL_N_CAUSES && rc == 0; c++)
        rc = wtl_plan_read_count(&o, names[c], WTL_LIMIT_RUNS, &plan->rejected[c], err);
    plan->n_runs = (int)n_runs;
    plan->n_rejected = (int)n_rejected;
    return rc;
}

static int read_model(struct wtl_arena *arena, const struct wtl_json *models, const char *key,
                      const char **form_out, double *cv_error_out, struct wtl_error *err)
{
    static const char *const keys[] = {"form", "cv_error", NULL};
    struct wtl_json o = wtl_json_member(models, key);
    const char *form;
    int rc;
    if (wtl_json_none(&o))
        return 0;
    if ((rc = wtl_json_want_object(&o, err)) < 0 || (rc = wtl_json_known(&o, keys, err)) < 0 ||
        (rc = wtl_json_string(&o, "form", &form, err)) < 0 ||
        (rc = wtl_json_number(&o, "cv_error", cv_error_out, err)) < 0)
        return rc;
    *form_out = wtl_arena_strdup(arena, form);
    return *form_out ? 0 : no_memory(err);
}

static int read_models(struct wtl_arena *arena, const struct wtl_json *plan_at,
                       struct wtl_plan *plan, struct wtl_error *err)
{
    static const char *const keys[] = {"time", "power", NULL};
    struct wtl_json o = wtl_json_member(plan_at, "models");
    int rc;
    if (wtl_json_none(&o))
        return 0;
    if ((rc = wtl_json_want_object(&o, err)) < 0 || (rc = wtl_json_known(&o, keys, err)) < 0 ||
        (rc = read_model(arena, &o, "time", &plan->time_model, &plan->time_cv_error, err)) < 0)
        return rc;
    return read_model(arena, &o, "power", &plan->power_model, &plan->power_cv_error, err);
}

static int read_infeasible(const struct wtl_json *plan_at, struct wtl_plan *plan,
                           struct wtl_error *err)
{
    static const char *const keys[] = {"binding", "relaxation", NULL};
    struct wtl_json o = wtl_json_member(plan_at, "infeasible");
    int rc;
    if (wtl_json_none(&o))
        return 0;
    if ((rc = wtl_json_want_object(&o, err)) < 0 || (rc = wtl_json_known(&o, keys, err)) < 0 ||
        (rc = wtl_json_name_opt(&o, "binding", plan->binding, sizeof plan->binding, err)) < 0)
        return rc;
    return wtl_json_name_opt(&o, "relaxation", plan->relaxation, sizeof plan->relaxation, err);
}

static int read_notes(struct wtl_arena *arena, const struct wtl_json *plan_at,
                      struct wtl_plan *plan, struct wtl_error *err)
{
    struct wtl_json at = wtl_json_member(plan_at, "notes");
    int rc = wtl_json_want_array(&at, err);
    if (rc < 0)
        return rc;
    size_t n = wtl_json_count(&at);
    const char **notes = WTL_NEW_ARRAY(arena, const char *, n + 1);
    if (!notes)
        return no_memory(err);
    for (size_t i = 0; i < n; i++) {
        struct wtl_json item = wtl_json_item(&at, i);
        if (!json_is_string(item.value))
            return wtl_json_fail(&item, err, "expected a string");
        notes[i] = wtl_arena_strdup(arena, json_string_value(item.value));
        if (!notes[i])
            return no_memory(err);
    }
    plan->notes = notes;
    plan->n_notes = n;
    return 0;
}

static int read_energy(const struct wtl_json *plan_at, struct wtl_plan *plan, struct wtl_error *err)
{
    struct wtl_json o = wtl_json_member(plan_at, "energy");
    int rc;
    if (wtl_json_none(&o))
        return 0;
    if ((rc = wtl_json_want_object(&o, err)) < 0 ||
        (rc = wtl_energy_kind_from_json(&o, &plan->energy_class, &plan->energy_method, err)) < 0)
        return rc;
    return plan->energy_class ? 0 : wtl_json_fail(&o, err, "class: A, B, C or D is expected");
}

static int read_status(const struct wtl_json *o, struct wtl_plan *plan, struct wtl_error *err)
{
    const char *name;
    int rc = wtl_json_string(o, "status", &name, err);
    if (rc < 0)
        return rc;
    struct wtl_json at = wtl_json_member(o, "status");
    if (!wtl_plan_status_by_name(name, &plan->status))
        return wtl_json_fail(&at, err, "\"%.40s\" is none of ok, undecided, unusable, infeasible",
                             name);
    return 0;
}

/* What the parts must be to one another. */
static int check_plan(const struct wtl_json *o, const struct wtl_plan *plan, struct wtl_error *err)
{
    struct wtl_json clock = wtl_json_member(o, "clock_mhz");
    struct wtl_json tied = wtl_json_member(o, "tied_clocks_mhz");
    if ((plan->status == WTL_PLAN_OK) != (plan->clock_mhz != 0))
        return wtl_json_fail(&clock, err, "a plan of status %s %s a clock",
                             wtl_plan_status_name(plan->status),
                             plan->clock_mhz ? "cannot have" : "needs");
    bool found = false;
    for (size_t i = 0; i < plan->n_tied; i++) {
        found = found || plan->tied_clocks_mhz[i] == plan->clock_mhz;
        if (i && plan->tied_clocks_mhz[i] <= plan->tied_clocks_mhz[i - 1])
            return wtl_json_fail(&tied, err, "clocks are not ascending");
    }
    if (plan->clock_mhz && plan->n_tied && !found)
        return wtl_json_fail(&tied, err, "the chosen clock %d MHz is not among them",
                             plan->clock_mhz);
    return 0;
}

static int read_plan(struct wtl_arena *arena, const struct wtl_json *o, struct wtl_plan *out,
                     struct wtl_error *err)
{
    static const char *const keys[] = {"gpu",
                                       "workload",
                                       "configuration",
                                       "energy",
                                       "status",
                                       "objective",
                                       "clock_mhz",
                                       "best_guess_mhz",
                                       "tied_clocks_mhz",
                                       "baseline",
                                       "saving",
                                       "slowdown",
                                       "objective_saving",
                                       "time_s",
                                       "energy_j",
                                       "power_w",
                                       "n_runs",
                                       "n_rejected",
                                       "rejected",
                                       "infeasible",
                                       "notes",
                                       "policy",
                                       "models",
                                       "pareto",
                                       "curve",
                                       "knee_clock_mhz",
                                       "hypervolume",
                                       "power_p99",
                                       "made_from",
                                       NULL};
    struct wtl_plan p = {.policy = wtl_policy_default()};
    int rc;
    if ((rc = wtl_json_want_object(o, err)) < 0 || (rc = wtl_json_known(o, keys, err)) < 0 ||
        (rc = read_name(o, "gpu", p.gpu, sizeof p.gpu, err)) < 0 ||
        (rc = read_name(o, "workload", p.workload, sizeof p.workload, err)) < 0 ||
        (rc = wtl_configuration_from_json(o, &p.at, err)) < 0 ||
        (rc = read_energy(o, &p, err)) < 0 || (rc = read_status(o, &p, err)) < 0 ||
        (rc = wtl_policy_from_json(arena, o, &p.policy, err)) < 0 ||
        (rc = read_objective(o, &p.policy, err)) < 0 ||
        (rc = read_clock(o, "clock_mhz", &p.clock_mhz, err)) < 0 ||
        (rc = read_clock(o, "best_guess_mhz", &p.best_guess_mhz, err)) < 0 ||
        (rc = wtl_plan_read_clocks(arena, o, "tied_clocks_mhz", &p.tied_clocks_mhz, &p.n_tied,
                                   err)) < 0 ||
        (rc = read_baseline(o, &p, err)) < 0 ||
        (rc = read_estimates(o, wtl_estimate_fields, &p, err)) < 0 ||
        (rc = read_rejected(o, &p, err)) < 0 || (rc = read_infeasible(o, &p, err)) < 0 ||
        (rc = read_notes(arena, o, &p, err)) < 0 || (rc = read_models(arena, o, &p, err)) < 0 ||
        (rc = read_curve(arena, o, &p, err)) < 0 || (rc = read_power_p99(arena, o, &p, err)) < 0 ||
        (rc = read_clock(o, "knee_clock_mhz", &p.knee_clock_mhz, err)) < 0 ||
        (rc = wtl_json_number_opt(o, "hypervolume", &p.hypervolume, err)) < 0 ||
        (rc = wtl_made_from_from_json(arena, o, &p.made_from, err)) < 0 ||
        (rc = check_plan(o, &p, err)) < 0)
        return rc;
    struct wtl_json policy = wtl_json_member(o, "policy");
    if (wtl_json_none(&policy))
        p.policy.baseline.kind = p.baseline_kind;
    *out = p;
    return 0;
}

static int check_version(const struct wtl_json *o, struct wtl_error *err)
{
    const json_t *plans = json_is_object(o->value) ? json_object_get(o->value, "plans") : NULL;
    const char *format = WTL_PLAN_FORMAT;
    int64_t version = WTL_PLAN_FILE_VERSION;
    int rc = 0;
    if (json_is_object(o->value)) {
        rc = wtl_json_string_opt(o, "format", &format, err);
        if (rc == 0)
            rc = wtl_json_integer_opt(o, "version", 1, INT64_MAX, &version, err);
    }
    if (rc < 0)
        return rc;
    if (!plans || strcmp(format, WTL_PLAN_FORMAT) != 0) {
        rc = WTL_FAIL(err, WTL_CORRUPT, "this JSON is not a plan");
        wtl_error_hint(err, "a plan is what `wattle optimize -o PLAN` writes; it has the keys "
                            "\"format\": \"" WTL_PLAN_FORMAT "\" and \"plans\"");
    } else if (version > WTL_PLAN_FILE_VERSION) {
        rc = WTL_FAIL(err, WTL_CORRUPT, "the plan is of version %lld, this wattle reads up to %d",
                      (long long)version, WTL_PLAN_FILE_VERSION);
        wtl_error_hint(err, "use the wattle that wrote it, or a newer one");
    }
    if (rc < 0)
        wtl_error_input(err, o->file, 0, 0);
    return rc;
}

static int read_head(struct wtl_arena *arena, const struct wtl_json *o, struct wtl_plan_file *file,
                     struct wtl_error *err)
{
    static const char *const keys[] = {"format", "version",          "tool", "created", "campaign",
                                       "plans",  "operating_points", NULL};
    static const char *const campaign_keys[] = {"path", "fingerprint", NULL};
    struct wtl_json campaign = wtl_json_member(o, "campaign");
    const char *tool = "", *created = "", *path = "", *fingerprint = "";
    int rc;
    if ((rc = wtl_json_known(o, keys, err)) < 0 ||
        (rc = wtl_json_string_opt(o, "tool", &tool, err)) < 0 ||
        (rc = wtl_json_string_opt(o, "created", &created, err)) < 0)
        return rc;
    if (!wtl_json_none(&campaign) &&
        ((rc = wtl_json_want_object(&campaign, err)) < 0 ||
         (rc = wtl_json_known(&campaign, campaign_keys, err)) < 0 ||
         (rc = wtl_json_string_opt(&campaign, "path", &path, err)) < 0 ||
         (rc = wtl_json_string_opt(&campaign, "fingerprint", &fingerprint, err)) < 0))
        return rc;
    file->tool = wtl_arena_strdup(arena, tool);
    file->created = wtl_arena_strdup(arena, created);
    file->campaign = wtl_arena_strdup(arena, path);
    file->fingerprint = wtl_arena_strdup(arena, fingerprint);
    if (!file->tool || !file->created || !file->campaign || !file->fingerprint)
        return no_memory(err);
    return 0;
}

int wtl_plan_from_json(struct wtl_arena *arena, const char *name, const json_t *root,
                       struct wtl_plan_file *file_out, struct wtl_error *err)
{
    struct wtl_json o = wtl_json_root(root, name);
    struct wtl_plan_file file = {0};
    int rc = check_version(&o, err);
    if (rc == 0)
        rc = read_head(arena, &o, &file, err);
    if (rc < 0)
        return rc;
    struct wtl_json plans = wtl_json_member(&o, "plans");
    rc = wtl_json_want_array(&plans, err);
    if (rc < 0)
        return rc;
    file.n_plans = wtl_json_count(&plans);
    file.plans = WTL_NEW_ARRAY(arena, struct wtl_plan, file.n_plans + 1);
    if (!file.plans)
        return no_memory(err);
    for (size_t i = 0; i < file.n_plans && rc == 0; i++) {
        struct wtl_json item = wtl_json_item(&plans, i);
        rc = read_plan(arena, &item, &file.plans[i], err);
    }
    struct wtl_json points = wtl_json_member(&o, "operating_points");
    if (rc == 0 && !wtl_json_none(&points))
        rc = wtl_point_choices_from_json(arena, &points, &file.choices, &file.n_choices, err);
    if (rc == 0)
        *file_out = file;
    return rc;
}
