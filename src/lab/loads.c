/* SPDX-License-Identifier: Apache-2.0
 * Workloads against points, before anything runs. */
#include "lab/loads.h"

#include "base/environment.h"
#include "lab/template.h"
#include "lab/workload.h"

#include <string.h>

/* ---- Virtual workloads ----------------------------------------------------------------------- */

static const char *profile_name(const struct wtl_workload_spec *w, const struct wtl_lab_point *p)
{
    return p->point.variant[0] ? p->point.variant : w->virtual_name;
}

static int check_profile(const struct wtl_sweep_plan *plan, const struct wtl_workload_spec *w,
                         const struct wtl_lab_point *p, int *batch_max, struct wtl_error *err)
{
    int rc = wtl_workload_virtual_check(w, profile_name(w, p), plan->measured, plan->n_measured,
                                        batch_max, err);
    if (rc < 0)
        wtl_sweep_spec_at(p->point.variant[0]
                              ? wtl_sweep_spec_variant_place(plan->spec, p->point.variant)
                              : wtl_sweep_spec_place(w->node, "virtual"),
                          err);
    return rc;
}

static int check_batch(const struct wtl_sweep_plan *plan, const struct wtl_workload_spec *w,
                       const struct wtl_lab_point *p, int batch_max, struct wtl_error *err)
{
    const double batch = p->point.value[WTL_SETTING_batch];
    if (!wtl_point_has(&p->point, WTL_SETTING_batch) || batch <= batch_max)
        return 0;
    int rc = WTL_FAIL(err, WTL_USAGE, "batch %.0f of %s: expected 1 to %d", batch,
                      profile_name(w, p), batch_max);
    wtl_sweep_spec_at(wtl_sweep_spec_setting_place(plan->spec, WTL_SETTING_batch, batch), err);
    return rc;
}

/* Points of one variant stand together: its profile is read once. */
static int check_virtual(const struct wtl_sweep_plan *plan, const struct wtl_workload_spec *w,
                         struct wtl_error *err)
{
    int batch_max = 0, rc = 0;
    for (size_t i = 0; rc == 0 && i < plan->points.n; i++) {
        const struct wtl_lab_point *p = &plan->points.items[i];
        if (i == 0 || strcmp(p[-1].point.variant, p->point.variant) != 0)
            rc = check_profile(plan, w, p, &batch_max, err);
        rc = rc ? rc : check_batch(plan, w, p, batch_max, err);
    }
    return rc;
}

/* ---- Commands -------------------------------------------------------------------------------- */

static int check_program(const struct wtl_workload_spec *w, struct wtl_error *err)
{
    WTL_ARENA(scratch);
    const char *name = w->command.values[0];
    if (strpbrk(name, "{}") || wtl_program_find(&scratch, name))
        return 0;
    int rc = strchr(name, '/')
                 ? WTL_FAIL(err, WTL_NOTFOUND, "there is no program %.200s", name)
                 : WTL_FAIL(err, WTL_NOTFOUND, "there is no program %.200s in $PATH", name);
    wtl_sweep_spec_at(wtl_sweep_spec_place(w->node, "command"), err);
    return rc;
}

/* What a command is told, every point has to set. */
static int check_told(const struct wtl_sweep_plan *plan, const struct wtl_workload_spec *w,
                      struct wtl_error *err)
{
    WTL_ARENA(scratch);
    char text[WTL_LAB_POINT_TEXT];
    const char *ignored;
    struct wtl_error why = {0};
    const uint32_t told = wtl_template_parts(&w->command) | wtl_template_parts(&w->env);
    for (size_t i = 0; i < plan->points.n; i++) {
        const struct wtl_lab_point *p = &plan->points.items[i];
        int rc = 0;
        if (!(told & ~wtl_lab_point_parts(p)))
            continue;
        for (size_t k = 0; rc == 0 && k < w->command.n + w->env.n; k++)
            rc = wtl_template_fill(
                &scratch, k < w->command.n ? w->command.values[k] : w->env.values[k - w->command.n],
                p, &ignored, &why);
        rc = WTL_FAIL(err, WTL_USAGE, "workload \"%s\" at %s: %s", w->name,
                      wtl_lab_point_format(p, text), why.message);
        wtl_sweep_spec_at(w->node, err);
        return rc;
    }
    return 0;
}

/* ---- What varies ----------------------------------------------------------------------------- */

/* Parts of a point that reach a workload by being told of them alone. Knobs are set on devices,
 * replicas are started. */
static uint32_t learns(const struct wtl_workload_spec *w)
{
    const bool is_virtual = w->kind == WTL_WORKLOAD_VIRTUAL;
    uint32_t parts = is_virtual ? WTL_PART(WTL_SETTING_batch) | WTL_PART(WTL_PART_variant)
                                : wtl_template_parts(&w->command) | wtl_template_parts(&w->env);
    if (is_virtual || w->mps)
        parts |= WTL_PART(WTL_SETTING_share);
    return parts;
}

/* Of points that both have it; one that leaves it alone says nothing of it. */
static bool differ_in(const struct wtl_lab_point *a, const struct wtl_lab_point *b, int part)
{
    if (part == (int)WTL_PART_variant)
        return strcmp(a->point.variant, b->point.variant) != 0;
    return a->point.value[part] != b->point.value[part];
}

static bool varies(const struct wtl_lab_points *points, int part)
{
    const struct wtl_lab_point *first = NULL;
    for (size_t i = 0; i < points->n; i++) {
        const struct wtl_lab_point *p = &points->items[i];
        if (!(wtl_lab_point_parts(p) & WTL_PART(part)))
            continue;
        if (first && differ_in(first, p, part))
            return true;
        first = first ? first : p;
    }
    return false;
}

/* Runs would be stored under values that they did not have. */
static int check_learnt(const struct wtl_sweep_plan *plan, const struct wtl_workload_spec *w,
                        struct wtl_error *err)
{
    static const int parts[] = {WTL_SETTING_batch, WTL_SETTING_share, WTL_SETTING_threads,
                                WTL_PART_variant};
    for (size_t k = 0; k < sizeof parts / sizeof parts[0]; k++) {
        const bool is_variant = parts[k] == (int)WTL_PART_variant;
        const char *name =
            is_variant ? "variant" : wtl_setting_info((enum wtl_setting)parts[k])->name;
        if (!varies(&plan->points, parts[k]) || (learns(w) & WTL_PART(parts[k])))
            continue;
        int rc = WTL_FAIL(err, WTL_USAGE,
                          "the points differ in their %s, of which workload \"%s\" learns nothing",
                          name, w->name);
        if (w->kind == WTL_WORKLOAD_COMMAND)
            wtl_error_hint(err, "put {%s} into its command or env, or leave the key out", name);
        else
            wtl_error_hint(err, "a virtual workload has none: leave the key out");
        wtl_sweep_spec_at(w->node, err);
        return rc;
    }
    return 0;
}

int wtl_sweep_check_loads(const struct wtl_sweep_plan *plan, struct wtl_error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < plan->spec->n_workloads; i++) {
        const struct wtl_workload_spec *w = &plan->spec->workloads[i];
        if (w->kind == WTL_WORKLOAD_VIRTUAL) {
            rc = check_virtual(plan, w, err);
        } else {
            rc = check_program(w, err);
            rc = rc ? rc : check_told(plan, w, err);
        }
        rc = rc ? rc : check_learnt(plan, w, err);
    }
    return rc;
}
