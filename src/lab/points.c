/* SPDX-License-Identifier: Apache-2.0
 * Specs to points. */
#include "lab/points.h"

#include "base/sort.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

int wtl_lab_point_compare(const struct wtl_lab_point *a, const struct wtl_lab_point *b)
{
    int c = wtl_point_compare(&a->point, &b->point);
    c = c ? c : (a->mem_clock_mhz > b->mem_clock_mhz) - (a->mem_clock_mhz < b->mem_clock_mhz);
    return c ? c : (a->clock_mhz > b->clock_mhz) - (a->clock_mhz < b->clock_mhz);
}

bool wtl_lab_point_related(const struct wtl_lab_point *a, const struct wtl_lab_point *b)
{
    return a->mem_clock_mhz == b->mem_clock_mhz && wtl_point_compare(&a->point, &b->point) == 0;
}

uint32_t wtl_lab_point_parts(const struct wtl_lab_point *p)
{
    return p->point.valid | (p->clock_mhz ? WTL_PART(WTL_PART_clock_mhz) : 0) |
           (p->mem_clock_mhz ? WTL_PART(WTL_PART_mem_clock_mhz) : 0) |
           (p->point.variant[0] ? WTL_PART(WTL_PART_variant) : 0);
}

bool wtl_lab_point_same_load(const struct wtl_lab_point *a, const struct wtl_lab_point *b,
                             uint32_t told)
{
    struct wtl_point x = a->point, y = b->point;
    const uint32_t knobs = WTL_PART(WTL_SETTING_limit_w) | WTL_PART(WTL_SETTING_cpu_quota);
    x.valid &= ~(knobs & ~told);
    y.valid &= ~(knobs & ~told);
    if ((told & WTL_PART(WTL_PART_clock_mhz)) && a->clock_mhz != b->clock_mhz)
        return false;
    if ((told & WTL_PART(WTL_PART_mem_clock_mhz)) && a->mem_clock_mhz != b->mem_clock_mhz)
        return false;
    return wtl_point_compare(&x, &y) == 0;
}

const char *wtl_lab_point_format(const struct wtl_lab_point *p, char buf[WTL_LAB_POINT_TEXT])
{
    char rest[WTL_POINT_TEXT], sm[24] = "", mem[32] = "";
    wtl_point_format(&p->point, rest);
    if (p->clock_mhz)
        snprintf(sm, sizeof sm, "%d MHz", p->clock_mhz);
    if (p->mem_clock_mhz)
        snprintf(mem, sizeof mem, "%smemory %d MHz", sm[0] ? ", " : "", p->mem_clock_mhz);
    snprintf(buf, WTL_LAB_POINT_TEXT, "%s%s%s%s", sm, mem, rest[0] && (sm[0] || mem[0]) ? ", " : "",
             rest);
    if (!buf[0])
        snprintf(buf, WTL_LAB_POINT_TEXT, "as it is");
    return buf;
}

/* ---- Clocks ---------------------------------------------------------------------------------- */

struct clocks {
    int *mhz;
    size_t n;
};

static size_t nearest(const double *legal, size_t n, double mhz)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (fabs(legal[i] - mhz) < fabs(legal[best] - mhz))
            best = i;
    return best;
}

static int not_legal(const struct wtl_yaml_node *node, const char *what, int mhz,
                     const struct wtl_legal *l, const double *legal, size_t n,
                     struct wtl_error *err)
{
    size_t at = nearest(legal, n, mhz);
    size_t other = legal[at] > mhz ? (at ? at - 1 : at) : (at + 1 < n ? at + 1 : at);
    int rc = wtl_yaml_fail(node, err, "%d MHz is no %s of %s", mhz, what, l->device);
    if (other == at)
        wtl_error_hint(err, "it has %.0f to %.0f MHz; the nearest is %.0f", legal[0], legal[n - 1],
                       legal[at]);
    else
        wtl_error_hint(err, "the nearest that it has are %.0f and %.0f MHz",
                       fmin(legal[at], legal[other]), fmax(legal[at], legal[other]));
    return rc;
}

static void add_clock(struct clocks *c, double mhz)
{
    int whole = (int)lround(mhz);
    for (size_t i = 0; i < c->n; i++)
        if (c->mhz[i] == whole)
            return;
    c->mhz[c->n++] = whole;
}

static void stepped(struct clocks *c, const double *legal, size_t n, double lo, double hi,
                    double step)
{
    for (double mhz = hi; mhz > lo - 0.5 * step; mhz -= step) {
        double at = legal[nearest(legal, n, mhz)];
        if (at >= lo - 0.5 && at <= hi + 0.5)
            add_clock(c, at);
    }
}

static int expand(struct wtl_arena *arena, const struct wtl_clock_axis *axis, const char *what,
                  const struct wtl_legal *l, const double *legal, size_t n, struct clocks *out,
                  struct wtl_error *err)
{
    struct clocks c = {.mhz = WTL_NEW_ARRAY(arena, int, n + axis->n + 1)};
    if (!c.mhz)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    *out = c;
    if (axis->choice == WTL_CLOCKS_UNSET) {
        out->n = 1; /* left alone: 0 */
        return 0;
    }
    if (!legal || n == 0) {
        int rc = WTL_FAIL(err, WTL_UNSUPPORTED, "the %s of %s cannot be set", what, l->device);
        wtl_sweep_spec_at(axis->node, err);
        wtl_error_hint(err, "--no-privilege sweeps the rest");
        return rc;
    }
    if (axis->choice == WTL_CLOCKS_ALL)
        for (size_t i = 0; i < n; i++)
            add_clock(&c, legal[i]);
    else if (axis->choice == WTL_CLOCKS_EVERY)
        stepped(&c, legal, n, legal[0], legal[n - 1], axis->step_mhz);
    else if (axis->choice == WTL_CLOCKS_RANGE && axis->step_mhz > 0)
        stepped(&c, legal, n, axis->lo_mhz, axis->hi_mhz, axis->step_mhz);
    else if (axis->choice == WTL_CLOCKS_RANGE)
        stepped(&c, legal, n, axis->lo_mhz, axis->hi_mhz, 1);
    for (size_t i = 0; axis->choice == WTL_CLOCKS_LIST && i < axis->n; i++) {
        double at = legal[nearest(legal, n, axis->list_mhz[i])];
        if (fabs(at - axis->list_mhz[i]) >= 1)
            return not_legal(axis->node, what, axis->list_mhz[i], l, legal, n, err);
        add_clock(&c, at);
    }
    if (c.n == 0)
        return wtl_yaml_fail(axis->node, err, "%s has no %s between %g and %g MHz", l->device, what,
                             axis->lo_mhz, axis->hi_mhz);
    *out = c;
    return 0;
}

/* ---- Combining ------------------------------------------------------------------------------- */

struct list {
    struct wtl_arena *arena;
    struct wtl_lab_point *items;
    size_t n, cap;
};

static int add_point(struct list *l, const struct wtl_lab_point *p, struct wtl_error *err)
{
    for (size_t i = 0; i < l->n; i++)
        if (wtl_lab_point_compare(&l->items[i], p) == 0)
            return 0;
    if (l->n == WTL_SWEEP_POINTS)
        return WTL_FAIL(err, WTL_LIMIT, "more than %d points", WTL_SWEEP_POINTS);
    if (wtl_grow(l->arena, &l->items, l->n, &l->cap))
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    l->items[l->n++] = *p;
    return 0;
}

static bool is_knob(int setting)
{
    return setting == (int)WTL_SETTING_limit_w || setting == (int)WTL_SETTING_cpu_quota;
}

/* Every combination of the settings from `s` on. */
static int add_settings(struct list *l, const struct wtl_grid_spec *g, int s, bool no_knobs,
                        const struct wtl_lab_point *so_far, struct wtl_error *err)
{
    while (s < (int)WTL_N_SETTINGS && (g->setting[s].n == 0 || (no_knobs && is_knob(s))))
        s++;
    if (s == (int)WTL_N_SETTINGS)
        return add_point(l, so_far, err);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < g->setting[s].n; i++) {
        struct wtl_lab_point p = *so_far;
        wtl_point_set(&p.point, (enum wtl_setting)s, g->setting[s].values[i]);
        rc = add_settings(l, g, s + 1, no_knobs, &p, err);
    }
    return rc;
}

static int add_grid(struct list *l, const struct wtl_grid_spec *g, const struct clocks *sm,
                    const struct clocks *mem, bool no_knobs, struct wtl_error *err)
{
    size_t n_variants = g->variants.n ? g->variants.n : 1;
    int rc = 0;
    for (size_t v = 0; rc == 0 && v < n_variants; v++)
        for (size_t m = 0; rc == 0 && m < mem->n; m++)
            for (size_t f = 0; rc == 0 && f < sm->n; f++) {
                struct wtl_lab_point p = {.clock_mhz = sm->mhz[f], .mem_clock_mhz = mem->mhz[m]};
                if (g->variants.n)
                    (void)wtl_view_copy(wtl_view_of(g->variants.values[v]), p.point.variant,
                                        sizeof p.point.variant);
                rc = add_settings(l, g, 0, no_knobs, &p, err);
            }
    return rc;
}

static int check_clock(const struct wtl_yaml_node *node, const char *what, int *mhz,
                       const struct wtl_legal *l, const double *legal, size_t n,
                       struct wtl_error *err)
{
    if (!legal || n == 0) {
        int rc = WTL_FAIL(err, WTL_UNSUPPORTED, "the %s of %s cannot be set", what, l->device);
        wtl_sweep_spec_at(node, err);
        return rc;
    }
    double at = legal[nearest(legal, n, *mhz)];
    if (fabs(at - *mhz) >= 1)
        return not_legal(node, what, *mhz, l, legal, n, err);
    *mhz = (int)lround(at);
    return 0;
}

static int convert(const struct wtl_point_spec *s, const struct wtl_legal *l, bool no_knobs,
                   struct wtl_lab_point *out, struct wtl_error *err)
{
    struct wtl_lab_point p = {.point = s->point};
    int rc = 0;
    if (s->has_clock && !no_knobs) {
        p.clock_mhz = s->clock_mhz;
        rc = check_clock(s->node, "SM clock", &p.clock_mhz, l, l->sm_mhz, l->n_sm, err);
    }
    if (rc == 0 && s->has_mem_clock && !no_knobs) {
        p.mem_clock_mhz = s->mem_clock_mhz;
        rc = check_clock(s->node, "memory clock", &p.mem_clock_mhz, l, l->mem_mhz, l->n_mem, err);
    }
    for (int i = 0; no_knobs && i < (int)WTL_N_SETTINGS; i++)
        if (is_knob(i))
            p.point.valid &= ~(UINT32_C(1) << i);
    if (rc == 0)
        *out = p;
    return rc;
}

/* One value of a knob that has a range: an error at its place. */
static int check_limit(const struct wtl_sweep_spec *spec, double w, const struct wtl_legal *l,
                       struct wtl_error *err)
{
    int rc = 0;
    if (!l->has_limit)
        rc = WTL_FAIL(err, WTL_UNSUPPORTED, "the power limit of %s cannot be set", l->device);
    else if (w < l->limit_w_min || w > l->limit_w_max)
        rc = WTL_FAIL(err, WTL_USAGE, "a power limit of %g W: %s takes %g to %g W", w, l->device,
                      l->limit_w_min, l->limit_w_max);
    if (rc < 0)
        wtl_sweep_spec_at(wtl_sweep_spec_setting_place(spec, WTL_SETTING_limit_w, w), err);
    return rc;
}

static int check_quota(const struct wtl_sweep_spec *spec, double cpus, const struct wtl_legal *l,
                       struct wtl_error *err)
{
    int rc = 0;
    if (!l->has_quota) {
        rc = WTL_FAIL(err, WTL_UNSUPPORTED, "no device of the sweep has a CPU quota");
        wtl_error_hint(err, "name the control group under `devices`, as `wattle devices` shows it");
    } else if (l->quota_max > 0 && cpus > l->quota_max) {
        rc = WTL_FAIL(err, WTL_USAGE, "a CPU quota of %g: the machine has %g CPUs", cpus,
                      l->quota_max);
    }
    if (rc < 0)
        wtl_sweep_spec_at(wtl_sweep_spec_setting_place(spec, WTL_SETTING_cpu_quota, cpus), err);
    return rc;
}

static int check_limits(const struct wtl_sweep_spec *spec, const struct list *points,
                        const struct wtl_legal *l, struct wtl_error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < points->n; i++) {
        const struct wtl_point *p = &points->items[i].point;
        if (wtl_point_has(p, WTL_SETTING_limit_w))
            rc = check_limit(spec, p->value[WTL_SETTING_limit_w], l, err);
        if (rc == 0 && wtl_point_has(p, WTL_SETTING_cpu_quota))
            rc = check_quota(spec, p->value[WTL_SETTING_cpu_quota], l, err);
    }
    return rc;
}

/* The highest clock, and of everything else what the spec names first. */
static struct wtl_lab_point default_reference(const struct wtl_sweep_spec *spec,
                                              const struct list *points)
{
    const struct wtl_grid_spec *g = &spec->grid;
    struct wtl_lab_point want = points->items[0]; /* of lists: their first */
    for (size_t i = 0; i < points->n; i++) {
        const struct wtl_lab_point *p = &points->items[i];
        bool first = true;
        for (int s = 0; s < (int)WTL_N_SETTINGS; s++)
            first =
                first && (g->setting[s].n == 0 || !wtl_point_has(&p->point, (enum wtl_setting)s) ||
                          fabs(p->point.value[s] - g->setting[s].values[0]) < 1e-9);
        first = first &&
                (g->variants.n == 0 || !p->point.variant[0] ||
                 strncmp(p->point.variant, g->variants.values[0], sizeof p->point.variant) == 0);
        bool higher = p->mem_clock_mhz > want.mem_clock_mhz ||
                      (p->mem_clock_mhz == want.mem_clock_mhz && p->clock_mhz > want.clock_mhz);
        if (first && (i == 0 || higher))
            want = *p;
    }
    return want;
}

static int by_point(const void *a, const void *b)
{
    return wtl_lab_point_compare(a, b);
}

static void describe_not_varied(const struct wtl_sweep_spec *spec, struct wtl_arena *arena,
                                struct wtl_lab_points *out)
{
    const struct wtl_grid_spec *g = &spec->grid;
    char text[200] = "";
    size_t used = 0;
    if (g->clocks.choice != WTL_CLOCKS_UNSET)
        used += (size_t)snprintf(text + used, sizeof text - used, "SM clocks");
    if (g->mem_clocks.choice != WTL_CLOCKS_UNSET)
        used +=
            (size_t)snprintf(text + used, sizeof text - used, "%smemory clocks", used ? ", " : "");
    if (g->setting[WTL_SETTING_limit_w].n)
        used +=
            (size_t)snprintf(text + used, sizeof text - used, "%spower limits", used ? ", " : "");
    if (g->setting[WTL_SETTING_cpu_quota].n)
        used += (size_t)snprintf(text + used, sizeof text - used, "%sCPU quota", used ? ", " : "");
    out->not_varied = used ? wtl_arena_strdup(arena, text) : NULL;
}

int wtl_lab_points_make(struct wtl_arena *arena, const struct wtl_sweep_spec *spec,
                        const struct wtl_legal *legal, struct wtl_lab_points *out,
                        struct wtl_error *err)
{
    const struct wtl_grid_spec *g = &spec->grid;
    const bool none = spec->no_privilege;
    struct list points = {.arena = arena};
    struct clocks sm, mem;
    const struct wtl_clock_axis unset = {.choice = WTL_CLOCKS_UNSET};
    struct wtl_lab_point p, reference;
    int rc = expand(arena, none ? &unset : &g->clocks, "SM clock", legal, legal->sm_mhz,
                    legal->n_sm, &sm, err);
    rc = rc ? rc
            : expand(arena, none ? &unset : &g->mem_clocks, "memory clock", legal, legal->mem_mhz,
                     legal->n_mem, &mem, err);
    bool grid = g->clocks.choice || g->mem_clocks.choice || g->variants.n;
    for (int s = 0; s < (int)WTL_N_SETTINGS; s++)
        grid = grid || g->setting[s].n;
    if (rc == 0 && (grid || spec->n_list == 0))
        rc = add_grid(&points, g, &sm, &mem, none, err);
    for (size_t i = 0; rc == 0 && i < spec->n_list; i++) {
        rc = convert(&spec->list[i], legal, none, &p, err);
        rc = rc ? rc : add_point(&points, &p, err);
    }
    if (rc == 0 && spec->has_baseline)
        rc = convert(&spec->baseline, legal, none, &reference, err);
    else if (rc == 0)
        reference = default_reference(spec, &points);
    rc = rc ? rc : add_point(&points, &reference, err);
    rc = rc ? rc : check_limits(spec, &points, legal, err);
    if (rc < 0)
        return rc;
    wtl_sort(points.items, points.n, sizeof *points.items, by_point);
    *out = (struct wtl_lab_points){.items = points.items, .n = points.n};
    while (wtl_lab_point_compare(&points.items[out->reference], &reference) != 0)
        out->reference++;
    if (none)
        describe_not_varied(spec, arena, out);
    return 0;
}
