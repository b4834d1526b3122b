/* SPDX-License-Identifier: Apache-2.0
 * What a plan chose, and its baselines, as the points of a sweep. */
#include "lab/validation.h"

#include "base/text.h"
#include "core/gpu_name.h"

#include <string.h>

/* ---- The spec -------------------------------------------------------------------------------- */

/* A rate that runs were not made at: idle power until the next unit of work arrives counts. */
static bool counts_idle(const struct wtl_point_choice *c)
{
    return c->chosen >= 0 && c->policy.has_rate && !(c->points[c->chosen].rate_per_s > 0);
}

static bool has_choice(const struct wtl_point_choice *c)
{
    return c->chosen >= 0 && c->baseline >= 0;
}

static bool has_clock(const struct wtl_plan *p)
{
    return p->status == WTL_PLAN_OK && p->clock_mhz != 0;
}

static bool is_planned(const struct wtl_plan_file *file, const char *workload)
{
    bool planned = false;
    for (size_t i = 0; i < file->n_choices; i++)
        planned = planned || (has_choice(&file->choices[i]) &&
                              wtl_same_name(file->choices[i].workload, workload));
    for (size_t i = 0; i < file->n_plans; i++)
        planned = planned ||
                  (has_clock(&file->plans[i]) && wtl_same_name(file->plans[i].workload, workload));
    return planned;
}

/* Where none is, all stay: wtl_validation_points() says so. */
static int keep_planned(struct wtl_arena *arena, struct wtl_sweep_spec *s,
                        const struct wtl_plan_file *file, struct wtl_error *err)
{
    struct wtl_workload_spec *kept =
        WTL_NEW_ARRAY(arena, struct wtl_workload_spec, s->n_workloads + 1);
    size_t n = 0;
    if (!kept)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < s->n_workloads; i++)
        if (is_planned(file, s->workloads[i].name))
            kept[n++] = s->workloads[i];
    if (n > 0) {
        s->warms = s->workloads;
        s->n_warms = s->n_workloads;
        s->workloads = kept;
        s->n_workloads = n;
    }
    return 0;
}

int wtl_validation_spec(struct wtl_arena *arena, struct wtl_sweep_spec *s,
                        const struct wtl_plan_file *file, struct wtl_error *err)
{
    static const char suffix[] = "-validation";
    size_t n = strlen(s->name);
    bool idle = false;
    if (n + sizeof suffix > sizeof s->name)
        return WTL_FAIL(err, WTL_LIMIT, "the name of the sweep is too long to add \"%s\"", suffix);
    int rc = keep_planned(arena, s, file, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < file->n_choices; i++)
        idle = idle || counts_idle(&file->choices[i]);
    for (size_t i = 0; i < file->n_plans; i++)
        idle = idle || (has_clock(&file->plans[i]) && file->plans[i].policy.has_rate);
    memcpy(s->name + n, suffix, sizeof suffix);
    s->seed += INT64_C(1000000007);
    s->search = WTL_SEARCH_GRID;
    s->protocol.idle = s->protocol.idle && idle;
    return 0;
}

/* ---- The points ------------------------------------------------------------------------------ */

struct picked {
    const struct wtl_lab_points *all;
    const struct wtl_sweep_spec *spec;
    char gpu[WTL_LIMIT_NAME], board[WTL_LIMIT_NAME]; /* of the sweep */
    struct wtl_lab_point *points;
    bool *of; /* [workload * most + point] */
    size_t n, most;
};

/* The sweep's point of this clock (0: none was set) in this configuration. */
static const struct wtl_lab_point *find_point(const struct wtl_lab_points *all,
                                              const struct wtl_configuration *at, int clock_mhz)
{
    for (size_t i = 0; i < all->n; i++) {
        const struct wtl_lab_point *p = &all->items[i];
        if (p->clock_mhz == clock_mhz && wtl_point_compare(&p->point, &at->point) == 0 &&
            (at->mem_clock_mhz == 0 || p->mem_clock_mhz == at->mem_clock_mhz))
            return p;
    }
    return NULL;
}

static int pick(struct picked *picked, const char *workload, const struct wtl_configuration *at,
                int clock_mhz, struct wtl_error *err)
{
    const struct wtl_lab_point *p = find_point(picked->all, at, clock_mhz);
    char text[WTL_MEASURED_POINT_TEXT];
    const struct wtl_measured_point wanted = {.at = *at, .clock_mhz = clock_mhz};
    if (!p)
        return WTL_FAIL(err, WTL_USAGE, "the plan for %s: %s is not among the points of the spec",
                        workload, wtl_measured_point_format(&wanted, text));
    size_t i = 0;
    while (i < picked->n && wtl_lab_point_compare(&picked->points[i], p) != 0)
        i++;
    if (i == picked->n)
        picked->points[picked->n++] = *p;
    for (size_t w = 0; w < picked->spec->n_workloads; w++)
        if (wtl_same_name(picked->spec->workloads[w].name, workload))
            picked->of[w * picked->most + i] = true;
    return 0;
}

static bool wants_workload(const struct wtl_sweep_spec *s, const char *name)
{
    for (size_t i = 0; i < s->n_workloads; i++)
        if (wtl_same_name(s->workloads[i].name, name))
            return true;
    return false;
}

/* Whether something planned for a workload is for the devices of the sweep; others are none of its
 * business, as `wattle validate` would find no run of them. */
static bool is_here(const struct picked *picked, const char *gpu, const struct wtl_made_from *from)
{
    return wtl_gpu_is(picked->gpu, picked->board, gpu, from->board);
}

static int refuse_board(const struct picked *picked, const char *workload, const char *gpu,
                        const struct wtl_made_from *from, struct wtl_error *err)
{
    const bool models = picked->board[0] && from->board[0] && wtl_same_name(picked->gpu, gpu);
    int rc = WTL_FAIL(err, WTL_USAGE, "the plan for %s is of %s; the devices of the spec are %s",
                      workload, models ? from->board : gpu, models ? picked->board : picked->gpu);
    wtl_error_hint(err, "fresh runs of other boards confirm nothing: name the devices that the "
                        "plan was made on in `devices`, or plan from a sweep of these");
    return rc;
}

/* The points that choices took, and the clocks that plans did. */
static int pick_all(struct picked *picked, const struct wtl_sweep_spec *s,
                    const struct wtl_plan_file *file, struct wtl_error *err)
{
    int rc = 0;
    for (size_t i = 0; i < file->n_choices && rc == 0; i++) {
        const struct wtl_point_choice *c = &file->choices[i];
        if (!has_choice(c) || !wants_workload(s, c->workload) ||
            !is_here(picked, c->gpu, &c->made_from))
            continue;
        const struct wtl_measured_point *base = &c->points[c->baseline];
        const struct wtl_measured_point *chosen = &c->points[c->chosen];
        rc = pick(picked, c->workload, &base->at, base->clock_mhz, err);
        rc = rc ? rc : pick(picked, c->workload, &chosen->at, chosen->clock_mhz, err);
    }
    for (size_t i = 0; i < file->n_plans && rc == 0; i++) {
        const struct wtl_plan *p = &file->plans[i];
        if (!has_clock(p) || !wants_workload(s, p->workload) ||
            !is_here(picked, p->gpu, &p->made_from))
            continue;
        rc = pick(picked, p->workload, &p->at, p->baseline_clock_mhz, err);
        rc = rc ? rc : pick(picked, p->workload, &p->at, p->clock_mhz, err);
    }
    return rc;
}

static bool was_picked(const struct picked *picked, const char *workload)
{
    for (size_t w = 0; w < picked->spec->n_workloads; w++)
        for (size_t i = 0; i < picked->n; i++)
            if (wtl_same_name(picked->spec->workloads[w].name, workload) &&
                picked->of[w * picked->most + i])
                return true;
    return false;
}

/* A workload that was planned for other boards only. */
static int check_boards(const struct picked *picked, const struct wtl_plan_file *file,
                        struct wtl_error *err)
{
    for (size_t i = 0; i < file->n_choices; i++) {
        const struct wtl_point_choice *c = &file->choices[i];
        if (has_choice(c) && wants_workload(picked->spec, c->workload) &&
            !was_picked(picked, c->workload))
            return refuse_board(picked, c->workload, c->gpu, &c->made_from, err);
    }
    for (size_t i = 0; i < file->n_plans; i++) {
        const struct wtl_plan *p = &file->plans[i];
        if (has_clock(p) && wants_workload(picked->spec, p->workload) &&
            !was_picked(picked, p->workload))
            return refuse_board(picked, p->workload, p->gpu, &p->made_from, err);
    }
    return 0;
}

int wtl_validation_points(struct wtl_arena *arena, struct wtl_sweep_plan *plan,
                          const struct wtl_plan_file *file, const char *path, struct wtl_error *err)
{
    const size_t most = 2 * (file->n_plans + file->n_choices) + 1;
    const size_t n_workloads = plan->spec->n_workloads;
    struct picked picked = {.all = &plan->points,
                            .spec = plan->spec,
                            .points = WTL_NEW_ARRAY(arena, struct wtl_lab_point, most),
                            .of = WTL_NEW_ARRAY(arena, bool, n_workloads *most),
                            .most = most};
    if (!picked.points || !picked.of)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    wtl_sweep_plan_gpu(plan, picked.gpu);
    wtl_sweep_plan_board(plan, picked.board);
    int rc = pick_all(&picked, plan->spec, file, err);
    rc = rc ? rc : check_boards(&picked, file, err);
    if (rc == 0 && picked.n == 0)
        rc = WTL_FAIL(err, WTL_NOTFOUND,
                      "\"%s\" has no plan that chose anything for a workload of this spec", path);
    bool *wanted = rc ? NULL : WTL_NEW_ARRAY(arena, bool, n_workloads *picked.n);
    if (rc < 0 || !wanted)
        return rc < 0 ? rc : WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < n_workloads * picked.n; i++)
        wanted[i] = i % picked.n == 0 || picked.of[i / picked.n * most + i % picked.n];
    return wtl_sweep_plan_replace(arena, plan, picked.points, picked.n, 0, wanted, err);
}
