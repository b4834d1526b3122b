/* SPDX-License-Identifier: Apache-2.0
 * Two plan documents side by side. */
#include "flow/compare.h"

#include "store/configuration_json.h"

#include "base/text.h"
#include "codec/json.h"

#include <math.h>
#include <string.h>

const char *wtl_comparable_name(enum wtl_comparable c)
{
    switch (c) {
    case WTL_COMPARABLE:
        return "comparable";
    case WTL_ONE_SIDED:
        return "one-sided";
    case WTL_WITHOUT_FIGURES:
        return "without-figures";
    case WTL_OTHER_BASELINE:
        return "other-baseline";
    }
    return "comparable";
}

static bool is_tied(const struct wtl_plan *p, int clock_mhz)
{
    for (size_t i = 0; i < p->n_tied; i++)
        if (p->tied_clocks_mhz[i] == clock_mhz)
            return true;
    return false;
}

static struct wtl_estimate difference(const struct wtl_estimate *a, const struct wtl_estimate *b,
                                      bool independent)
{
    struct wtl_estimate d = {.value = b->value - a->value, .n = a->n < b->n ? a->n : b->n};
    if (!independent || a->evidence == WTL_EVIDENCE_NONE || b->evidence == WTL_EVIDENCE_NONE)
        return d;
    d.lo = d.value - hypot(b->value - b->lo, a->hi - a->value);
    d.hi = d.value + hypot(b->hi - b->value, a->value - a->lo);
    /* Only as good as the weaker of the two. */
    bool both = a->evidence == WTL_EVIDENCE_CONFIRMED && b->evidence == WTL_EVIDENCE_CONFIRMED;
    d.evidence = both ? WTL_EVIDENCE_CONFIRMED : WTL_EVIDENCE_IN_SAMPLE;
    return d;
}

static void compare_pair(struct wtl_plan_change *change, bool independent)
{
    const struct wtl_plan *a = change->a, *b = change->b;
    if (!a || !b) {
        change->comparable = WTL_ONE_SIDED;
        return;
    }
    change->same_clock = a->clock_mhz && a->clock_mhz == b->clock_mhz;
    change->tied =
        a->clock_mhz && b->clock_mhz && is_tied(a, b->clock_mhz) && is_tied(b, a->clock_mhz);
    if (a->saving.n == 0 || b->saving.n == 0)
        change->comparable = WTL_WITHOUT_FIGURES;
    else if (a->baseline_clock_mhz != b->baseline_clock_mhz || a->baseline_kind != b->baseline_kind)
        change->comparable = WTL_OTHER_BASELINE;
    else {
        change->saving = difference(&a->saving, &b->saving, independent);
        if (a->slowdown.n && b->slowdown.n)
            change->slowdown = difference(&a->slowdown, &b->slowdown, independent);
    }
}

int wtl_compare_plans(struct wtl_arena *arena, const struct wtl_plan_file *a,
                      const struct wtl_plan_file *b, struct wtl_comparison *out,
                      struct wtl_error *err)
{
    struct wtl_comparison c = {.a = a, .b = b};
    c.same_data =
        !a->fingerprint[0] || !b->fingerprint[0] || strcmp(a->fingerprint, b->fingerprint) == 0;
    c.changes = WTL_NEW_ARRAY(arena, struct wtl_plan_change, a->n_plans + b->n_plans + 1);
    if (!c.changes)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < a->n_plans; i++) {
        const struct wtl_plan *p = &a->plans[i];
        c.changes[c.n++] = (struct wtl_plan_change){
            .a = p, .b = wtl_plan_file_find(b, p->gpu, p->workload, &p->at)};
    }
    for (size_t i = 0; i < b->n_plans; i++) {
        const struct wtl_plan *p = &b->plans[i];
        if (!wtl_plan_file_find(a, p->gpu, p->workload, &p->at))
            c.changes[c.n++] = (struct wtl_plan_change){.b = p};
    }
    for (size_t i = 0; i < c.n; i++)
        compare_pair(&c.changes[i], !c.same_data);
    *out = c;
    return 0;
}

/* ---- JSON -------------------------------------------------------------------------------------*/

static json_t *side(const struct wtl_plan *p)
{
    char objective[64];
    if (!p)
        return json_null();
    return json_pack(
        "{s:s, s:s, s:o, s:o, s:s, s:o, s:o}", "status", wtl_plan_status_name(p->status),
        "objective", wtl_objective_format(&p->policy.objective, objective, sizeof objective),
        "clock_mhz", p->clock_mhz ? json_integer(p->clock_mhz) : json_null(), "baseline_clock_mhz",
        p->baseline_clock_mhz ? json_integer(p->baseline_clock_mhz) : json_null(), "baseline",
        wtl_baseline_name(p->baseline_kind), "saving", wtl_estimate_to_json(&p->saving), "slowdown",
        wtl_estimate_to_json(&p->slowdown));
}

static json_t *change_json(const struct wtl_plan_change *c)
{
    const struct wtl_plan *any = c->a ? c->a : c->b;
    json_t *o = json_pack(
        "{s:s, s:s, s:s, s:b, s:b, s:o, s:o, s:o, s:o}", "gpu", any->gpu, "workload", any->workload,
        "comparable", wtl_comparable_name(c->comparable), "same_clock", c->same_clock, "tied",
        c->tied, "saving_change", wtl_estimate_to_json(&c->saving), "slowdown_change",
        wtl_estimate_to_json(&c->slowdown), "a", side(c->a), "b", side(c->b));
    wtl_configuration_put(&o, &any->at);
    return o;
}

json_t *wtl_comparison_json(const struct wtl_comparison *c)
{
    json_t *changes = json_array();
    for (size_t i = 0; i < c->n; i++)
        wtl_json_add(&changes, change_json(&c->changes[i]));
    return json_pack("{s:s, s:i, s:b, s:o}", "format", "wattle-comparison", "version", 1,
                     "same_data", c->same_data, "changes", changes);
}
