/* SPDX-License-Identifier: Apache-2.0
 * The policy of a plan from JSON, and the readers that it shares with the plan. */
#include "base/text.h"
#include "store/plan_fields.h"

#include <string.h>

int wtl_plan_at_place(const struct wtl_json *at, const struct wtl_error *inner,
                      struct wtl_error *err)
{
    int rc = wtl_json_fail(at, err, "%s", inner->message);
    wtl_error_hint(err, "%s", inner->hint);
    return rc;
}

int wtl_plan_read_count(const struct wtl_json *object, const char *key, int max, int *out,
                        struct wtl_error *err)
{
    int64_t value = *out;
    int rc = wtl_json_integer_opt(object, key, 0, max, &value, err);
    *out = (int)value;
    return rc;
}

int wtl_plan_read_clocks(struct wtl_arena *arena, const struct wtl_json *object, const char *key,
                         const int **clocks_out, size_t *n_out, struct wtl_error *err)
{
    struct wtl_json at = wtl_json_member(object, key);
    if (wtl_json_none(&at))
        return 0;
    int rc = wtl_json_want_array(&at, err);
    if (rc < 0)
        return rc;
    size_t n = wtl_json_count(&at);
    if (n > WTL_LIMIT_CLOCKS)
        return wtl_json_fail(&at, err, "%zu clocks, more than %d", n, WTL_LIMIT_CLOCKS);
    int *clocks = WTL_NEW_ARRAY(arena, int, n + 1);
    if (!clocks)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        struct wtl_json item = wtl_json_item(&at, i);
        json_int_t mhz = json_integer_value(item.value);
        if (!json_is_integer(item.value) || mhz < 1 || mhz > WTL_LIMIT_CLOCK_MHZ)
            return wtl_json_fail(&item, err, "expected a clock in MHz");
        clocks[i] = (int)mhz;
    }
    *clocks_out = clocks;
    *n_out = n;
    return 0;
}

static int read_constraint(const struct wtl_json *o, const struct wtl_constraint_field *f,
                           struct wtl_policy *policy, struct wtl_error *err)
{
    struct wtl_json at = wtl_json_member(o, f->key);
    double value;
    if (wtl_json_none(&at))
        return 0;
    int rc = wtl_json_number(o, f->key, &value, err);
    if (rc < 0)
        return rc;
    if (value < f->min || value > f->max)
        return wtl_json_fail(&at, err, "%g is outside %g to %g", value, f->min, f->max);
    void *has = (char *)policy + f->has, *to = (char *)policy + f->value;
    *(bool *)has = true;
    *(double *)to = value;
    return 0;
}

static int read_slo(const struct wtl_json *constraints, struct wtl_policy *policy,
                    struct wtl_error *err)
{
    static const char *const keys[] = {"percent", "seconds", NULL};
    struct wtl_json at = wtl_json_member(constraints, "slo");
    if (wtl_json_none(&at))
        return 0;
    int rc = wtl_json_want_array(&at, err);
    size_t n = wtl_json_count(&at);
    if (rc == 0 && n > WTL_SLO_MAX)
        rc = wtl_json_fail(&at, err, "%zu entries, more than %d", n, WTL_SLO_MAX);
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct wtl_json item = wtl_json_item(&at, i);
        int64_t percent = 0;
        if ((rc = wtl_json_want_object(&item, err)) < 0 ||
            (rc = wtl_json_known(&item, keys, err)) < 0 ||
            (rc = wtl_json_integer(&item, "percent", 1, 99, &percent, err)) < 0 ||
            (rc = wtl_json_number(&item, "seconds", &policy->slo[i].seconds, err)) < 0)
            return rc;
        policy->slo[i].percent = (int)percent;
        policy->n_slo = (int)i + 1;
    }
    return rc;
}

static int read_constraints(const struct wtl_json *policy_at, struct wtl_policy *policy,
                            struct wtl_error *err)
{
    const char *keys[16];
    size_t n = 0;
    struct wtl_json o = wtl_json_member(policy_at, "constraints");
    if (wtl_json_none(&o))
        return 0;
    for (const struct wtl_constraint_field *f = wtl_constraint_fields; f->key; f++)
        keys[n++] = f->key;
    keys[n++] = "slo";
    keys[n] = NULL;
    int rc = wtl_json_want_object(&o, err);
    if (rc == 0)
        rc = wtl_json_known(&o, keys, err);
    for (const struct wtl_constraint_field *f = wtl_constraint_fields; f->key && rc == 0; f++)
        rc = read_constraint(&o, f, policy, err);
    return rc < 0 ? rc : read_slo(&o, policy, err);
}

static int read_policy_texts(const struct wtl_json *o, struct wtl_policy *policy,
                             struct wtl_error *err)
{
    const char *objective = NULL, *baseline = NULL, *prefer = NULL;
    struct wtl_error inner = {0};
    int rc;
    if ((rc = wtl_json_string_opt(o, "objective", &objective, err)) < 0 ||
        (rc = wtl_json_string_opt(o, "baseline", &baseline, err)) < 0 ||
        (rc = wtl_json_string_opt(o, "prefer", &prefer, err)) < 0)
        return rc;
    struct wtl_json at = wtl_json_member(o, "objective");
    if (objective && wtl_objective_parse(objective, &policy->objective, &inner) < 0)
        return wtl_plan_at_place(&at, &inner, err);
    at = wtl_json_member(o, "baseline");
    if (baseline && wtl_baseline_parse(baseline, &policy->baseline, &inner) < 0)
        return wtl_plan_at_place(&at, &inner, err);
    at = wtl_json_member(o, "prefer");
    if (prefer && wtl_prefer_parse(prefer, &policy->prefer, &inner) < 0)
        return wtl_plan_at_place(&at, &inner, err);
    return 0;
}

int wtl_policy_from_json(struct wtl_arena *arena, const struct wtl_json *plan_at,
                         struct wtl_policy *policy, struct wtl_error *err)
{
    static const char *const keys[] = {"objective",   "baseline",   "prefer",
                                       "constraints", "clocks_mhz", "confidence",
                                       "replicates",  "seed",       NULL};
    struct wtl_json o = wtl_json_member(plan_at, "policy");
    int64_t seed = (int64_t)policy->seed;
    int rc;
    if (wtl_json_none(&o))
        return 0;
    if ((rc = wtl_json_want_object(&o, err)) < 0 || (rc = wtl_json_known(&o, keys, err)) < 0 ||
        (rc = read_policy_texts(&o, policy, err)) < 0 ||
        (rc = read_constraints(&o, policy, err)) < 0 ||
        (rc = wtl_plan_read_clocks(arena, &o, "clocks_mhz", &policy->clocks_mhz, &policy->n_clocks,
                                   err)) < 0 ||
        (rc = wtl_json_number_opt(&o, "confidence", &policy->confidence, err)) < 0 ||
        (rc = wtl_plan_read_count(&o, "replicates", WTL_LIMIT_REPLICATES, &policy->replicates,
                                  err)) < 0 ||
        (rc = wtl_json_integer_opt(&o, "seed", 0, INT64_MAX, &seed, err)) < 0)
        return rc;
    struct wtl_json at = wtl_json_member(&o, "confidence");
    if (policy->confidence <= 0 || policy->confidence >= 1)
        return wtl_json_fail(&at, err, "%g is not between 0 and 1", policy->confidence);
    policy->seed = (uint64_t)seed;
    return 0;
}
