/* SPDX-License-Identifier: Apache-2.0
 * Sweeps on devices, before anything is done. */
#include "lab/plan.h"

#include "base/sort.h"
#include "core/gpu_name.h"
#include "device/virtual/loads.h"
#include "lab/loads.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- Devices --------------------------------------------------------------------------------- */

/* Values that both have, into `out`. */
static int keep_common(struct wtl_arena *arena, struct wtl_knob_range *out,
                       const struct wtl_knob_range *other, struct wtl_error *err)
{
    double *steps = WTL_NEW_ARRAY(arena, double, out->n_steps + 1);
    size_t n = 0;
    if (!steps)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < out->n_steps; i++)
        for (size_t k = 0; k < other->n_steps; k++)
            if (fabs(out->steps[i] - other->steps[k]) < 1) {
                steps[n++] = out->steps[i];
                break;
            }
    out->steps = steps;
    out->n_steps = n;
    out->min = fmax(out->min, other->min);
    out->max = fmin(out->max, other->max);
    return 0;
}

/* What every device of the sweep that has this knob can be set to. */
static int range_of(struct wtl_device *const *devices, size_t n, enum wtl_knob knob,
                    struct wtl_arena *arena, struct wtl_knob_range *out, bool *has_out,
                    struct wtl_error *err)
{
    struct wtl_knob_range r;
    int rc = 0;
    *has_out = false;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (!(wtl_device_info(devices[i])->knobs & WTL_KNOB_BIT(knob)))
            continue;
        rc = wtl_device_knob_range(devices[i], knob, arena, &r, err);
        if (rc == 0 && *has_out)
            rc = keep_common(arena, out, &r, err);
        else if (rc == 0)
            *out = r;
        *has_out = rc == 0;
    }
    return rc;
}

/* "virtual:a100", "virtual:a100 together with virtual:v100": for messages. */
static const char *names_of(const struct wtl_sweep_plan *p, struct wtl_arena *arena)
{
    const char *names = wtl_device_info(p->device)->id;
    for (size_t i = 1; names && i < p->n_measured; i++)
        names = wtl_arena_printf(arena, "%s together with %s", names,
                                 wtl_device_info(p->measured[i])->id);
    return names;
}

static int find_legal(const struct wtl_sweep_plan *p, struct wtl_device *const *devices, size_t n,
                      struct wtl_arena *arena, struct wtl_legal *out, struct wtl_error *err)
{
    struct wtl_knob_range sm = {0}, mem = {0}, limit = {0}, quota = {0};
    struct wtl_legal l = {.device = names_of(p, arena)};
    bool has_sm = false, has_mem = false;
    if (!l.device)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    if (p->spec->no_privilege) {
        *out = l;
        return 0;
    }
    int rc = range_of(devices, n, WTL_KNOB_sm_clock_mhz, arena, &sm, &has_sm, err);
    rc = rc ? rc : range_of(devices, n, WTL_KNOB_mem_clock_mhz, arena, &mem, &has_mem, err);
    rc = rc ? rc : range_of(devices, n, WTL_KNOB_power_limit_w, arena, &limit, &l.has_limit, err);
    rc = rc ? rc : range_of(devices, n, WTL_KNOB_cpu_quota, arena, &quota, &l.has_quota, err);
    if (rc < 0)
        return rc;
    if (has_sm) {
        l.sm_mhz = sm.steps;
        l.n_sm = sm.n_steps;
    }
    if (has_mem) {
        l.mem_mhz = mem.steps;
        l.n_mem = mem.n_steps;
    }
    l.limit_w_min = limit.min;
    l.limit_w_max = limit.max;
    l.quota_max = quota.max;
    *out = l;
    return 0;
}

/* ---- Knobs ----------------------------------------------------------------------------------- */

static bool varies(const struct wtl_lab_points *points, enum wtl_knob knob)
{
    for (size_t i = 0; i < points->n; i++) {
        const struct wtl_lab_point *p = &points->items[i];
        if ((knob == WTL_KNOB_sm_clock_mhz && p->clock_mhz) ||
            (knob == WTL_KNOB_mem_clock_mhz && p->mem_clock_mhz) ||
            (knob == WTL_KNOB_power_limit_w && wtl_point_has(&p->point, WTL_SETTING_limit_w)) ||
            (knob == WTL_KNOB_cpu_quota && wtl_point_has(&p->point, WTL_SETTING_cpu_quota)))
            return true;
    }
    return false;
}

static void find_wants(struct wtl_sweep_plan *p, struct wtl_device *const *devices, size_t n)
{
    p->n_wants = 0;
    for (size_t i = 0; i < n; i++)
        for (int k = 0; k < (int)WTL_N_KNOBS; k++)
            if ((wtl_device_info(devices[i])->knobs & WTL_KNOB_BIT(k)) &&
                varies(&p->points, (enum wtl_knob)k))
                p->wants[p->n_wants++] =
                    (struct wtl_lease_want){.device = devices[i], .knob = (enum wtl_knob)k};
}

/* A point holds on all that are measured, or on none. */
static int check_knobs(const struct wtl_sweep_plan *p, struct wtl_error *err)
{
    for (int k = 0; k < (int)WTL_N_KNOBS; k++) {
        const struct wtl_device_info *has = NULL, *lacks = NULL;
        for (size_t i = 0; i < p->n_measured; i++) {
            const struct wtl_device_info *info = wtl_device_info(p->measured[i]);
            if (info->knobs & WTL_KNOB_BIT(k))
                has = info;
            else
                lacks = info;
        }
        if (has && lacks && varies(&p->points, (enum wtl_knob)k))
            return WTL_FAIL(err, WTL_UNSUPPORTED,
                            "the %s of %s can be set, that of %s cannot: no point would hold on "
                            "both",
                            wtl_knob_info((enum wtl_knob)k)->title, has->id, lacks->id);
    }
    return 0;
}

static bool is_measured(const struct wtl_sweep_plan *p, const struct wtl_device *device)
{
    for (size_t i = 0; i < p->n_measured; i++)
        if (p->measured[i] == device)
            return true;
    return false;
}

/* Whoever names a device expects something of it. Commands run in a control group. */
static int check_parts(const struct wtl_sweep_plan *p, struct wtl_device *const *devices, size_t n,
                       struct wtl_error *err)
{
    for (size_t i = 0; i < n && !p->spec->no_privilege; i++) {
        const struct wtl_device_info *info = wtl_device_info(devices[i]);
        bool part = is_measured(p, devices[i]) || info->kind == WTL_DEVICE_CGROUP;
        for (size_t k = 0; k < p->n_wants; k++)
            part = part || p->wants[k].device == devices[i];
        if (part)
            continue;
        int rc = WTL_FAIL(err, WTL_USAGE,
                          "%s has no part in the sweep: the energy is that of %s, and no knob of "
                          "it is varied",
                          info->id, wtl_device_info(p->device)->id);
        wtl_error_hint(err, "leave it out of `devices`; a sweep measures devices of one kind, "
                            "`wattle record` all");
        return rc;
    }
    return 0;
}

/* A board that is driven there lowers its clocks by itself, and soon after switches itself off. */
static int check_band(const struct wtl_sweep_plan *p, struct wtl_error *err)
{
    const struct wtl_protocol_spec *q = &p->spec->protocol;
    for (size_t i = 0; q->band && q->has_band_c && i < p->n_measured; i++) {
        const struct wtl_device_info *info = wtl_device_info(p->measured[i]);
        if (!(info->slowdown_c > 0) || q->band_c < info->slowdown_c)
            continue;
        int rc =
            WTL_FAIL(err, WTL_USAGE, "a temperature of %g C: %s lowers its clocks from %g C on",
                     q->band_c, info->id, info->slowdown_c);
        wtl_error_hint(err,
                       "runs begin below that; without `temperature` the sweep finds where the "
                       "reference point settles");
        wtl_sweep_spec_at(
            wtl_sweep_spec_place(wtl_sweep_spec_place(p->spec->root, "protocol"), "temperature"),
            err);
        return rc;
    }
    return 0;
}

/* ---- Time ------------------------------------------------------------------------------------ */

enum { LONE_ANCHORS = 3 }; /* of a block of nothing but the reference point */

/* Visits of a workload in so many blocks. The reference point alone is over as soon as it has its
 * replicates: there is nothing to be known against it. */
static size_t visits_of_workload(const struct wtl_sweep_plan *p, size_t others, size_t blocks)
{
    const struct wtl_protocol_spec *q = &p->spec->protocol;
    const size_t every = q->anchor_every > 0 ? (size_t)q->anchor_every : (others + 1) / 2;
    if (others == 0)
        return LONE_ANCHORS * (((size_t)q->blocks_min + LONE_ANCHORS - 1) / LONE_ANCHORS);
    return blocks * (others + 1 + (others + every - 1) / every);
}

static size_t visits_of_blocks(const struct wtl_sweep_plan *p, size_t n_points, size_t blocks)
{
    size_t sum = 0;
    for (size_t w = 0; w < p->spec->n_workloads; w++) {
        size_t others = n_points ? n_points - 1 : 0;
        if (p->wanted) {
            others = 0;
            for (size_t i = 0; i < p->points.n; i++)
                others += i != p->points.reference && p->wanted[w * p->points.n + i];
        }
        sum += visits_of_workload(p, others, blocks);
    }
    return sum;
}

/* Seconds that a device takes to come to its temperature, on the mean over visits: as a share of
 * the time after which nobody waits any longer. On virtual boards, whose sinks take a minute as
 * those of cards do, 27 to 37 of 120 s. */
static const double band_least = 0.1, band_most = 0.5;

static size_t n_warming(const struct wtl_sweep_spec *s)
{
    if (s->protocol.has_band_c)
        return 0;
    return s->warms ? s->n_warms : s->n_workloads;
}

/* What a visit takes where nothing has to be repeated. */
static void estimate_time(struct wtl_sweep_plan *p)
{
    const struct wtl_protocol_spec *q = &p->spec->protocol;
    const double before = q->settle_s + 0.5 + (q->warmup_s > 5 ? q->warmup_s : 5);
    const double idle = q->idle ? q->settle_s + q->window_min_s : 0;
    const double band = q->band ? q->band_timeout_s : 0;
    const bool adaptive = p->spec->search == WTL_SEARCH_ADAPTIVE;
    const size_t all = p->points.n, coarse = all < 7 ? all : 7;
    p->visits_min =
        adaptive ? visits_of_blocks(p, coarse, 1) : visits_of_blocks(p, all, (size_t)q->blocks_min);
    p->visits_max = visits_of_blocks(p, all, (size_t)q->blocks_max);
    if (p->spec->budget > 0 && p->visits_max > (size_t)p->spec->budget)
        p->visits_max = (size_t)p->spec->budget;
    if (p->visits_min > p->visits_max)
        p->visits_min = p->visits_max;
    /* Idle power once a point; where a workload's reference point settles takes two waits at most.
     */
    const double once = (double)(all * p->spec->n_workloads) * idle;
    p->seconds_min = (double)p->visits_min * (before + band_least * band + q->window_min_s);
    p->seconds_max = (double)p->visits_max * (before + band_most * band + q->window_max_s) + once +
                     2 * band * (double)n_warming(p->spec) + idle;
}

/* ---- Making ---------------------------------------------------------------------------------- */

/* Meters of one node see the same energy; boards and packages each their own. */
static bool adds_up(const struct wtl_device_info *first, const struct wtl_device_info *other)
{
    return (first->kind == WTL_DEVICE_GPU || first->kind == WTL_DEVICE_CPU) &&
           other->kind == first->kind;
}

static int check_together(const struct wtl_device_info *first, const struct wtl_device_info *other,
                          struct wtl_error *err)
{
    const unsigned alike = WTL_DEVICE_VIRTUAL | WTL_DEVICE_ESTIMATED;
    if ((first->flags & alike) == (other->flags & alike))
        return 0;
    return WTL_FAIL(err, WTL_USAGE, "%s and %s cannot be measured together: one of them is %s",
                    first->id, other->id,
                    (first->flags ^ other->flags) & WTL_DEVICE_VIRTUAL ? "virtual" : "estimated");
}

static int find_measured(struct wtl_sweep_plan *p, struct wtl_device *const *devices, size_t n,
                         struct wtl_error *err)
{
    const struct wtl_device_info *first = wtl_device_info(devices[0]);
    p->device = p->measured[0] = devices[0];
    p->n_measured = 1;
    for (size_t i = 1; i < n; i++) {
        const struct wtl_device_info *info = wtl_device_info(devices[i]);
        for (size_t k = 0; k < i; k++)
            if (devices[k] == devices[i])
                return WTL_FAIL(err, WTL_USAGE, "%s is named twice", info->id);
        if (!adds_up(first, info))
            continue;
        int rc = check_together(first, info, err);
        if (rc < 0)
            return rc;
        p->measured[p->n_measured++] = devices[i];
    }
    return 0;
}

static int find_devices(struct wtl_sweep_plan *p, struct wtl_device **devices, size_t *n_out,
                        struct wtl_error *err)
{
    const struct wtl_sweep_spec *s = p->spec;
    p->simulated = true;
    for (size_t i = 0; i < s->devices.n; i++) {
        int rc = wtl_machine_find(p->machine, s->devices.values[i], &devices[i], err);
        if (rc < 0)
            return rc;
        p->simulated = p->simulated && wtl_virtual_board(devices[i]);
    }
    for (size_t i = 0; i < s->n_workloads; i++)
        p->simulated = p->simulated && s->workloads[i].kind == WTL_WORKLOAD_VIRTUAL;
    *n_out = s->devices.n;
    return find_measured(p, devices, s->devices.n, err);
}

int wtl_sweep_plan_make(struct wtl_arena *arena, const struct wtl_sweep_spec *spec,
                        struct wtl_machine *machine, struct wtl_sweep_plan *out,
                        struct wtl_error *err)
{
    struct wtl_sweep_plan p = {.spec = spec, .machine = machine};
    struct wtl_device *devices[WTL_SWEEP_DEVICES];
    struct wtl_legal legal;
    uint64_t sensors;
    size_t n = 0;
    int rc = find_devices(&p, devices, &n, err);
    for (size_t i = 0; rc == 0 && i < p.n_measured; i++)
        rc = wtl_energy_sensors(wtl_device_info(p.measured[i]), &sensors, err);
    rc = rc ? rc : find_legal(&p, devices, n, arena, &legal, err);
    rc = rc ? rc : wtl_lab_points_make(arena, spec, &legal, &p.points, err);
    rc = rc ? rc : check_knobs(&p, err);
    if (rc < 0)
        return rc;
    p.warms_at = p.points.items[p.points.reference];
    find_wants(&p, devices, n);
    rc = check_parts(&p, devices, n, err);
    rc = rc ? rc : check_band(&p, err);
    rc = rc ? rc : wtl_sweep_check_loads(&p, err);
    if (rc < 0)
        return rc;
    estimate_time(&p);
    *out = p;
    return 0;
}

int wtl_sweep_plan_replace(struct wtl_arena *arena, struct wtl_sweep_plan *plan,
                           const struct wtl_lab_point *points, size_t n, size_t reference,
                           const bool *wanted, struct wtl_error *err)
{
    struct wtl_lab_point *items = wtl_arena_memdup(arena, points, n * sizeof *points);
    bool *of = wtl_arena_memdup(arena, wanted, plan->spec->n_workloads * n * sizeof *wanted);
    struct wtl_device *devices[WTL_SWEEP_DEVICES];
    size_t n_devices = 0;
    if (!items || !of)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = find_devices(plan, devices, &n_devices, err);
    if (rc < 0)
        return rc;
    plan->points = (struct wtl_lab_points){.items = items, .n = n, .reference = reference};
    plan->wanted = of;
    find_wants(plan, devices, n_devices);
    estimate_time(plan);
    return 0;
}

/* ---- Names ----------------------------------------------------------------------------------- */

static void short_name(struct wtl_device *device, char buf[WTL_LIMIT_NAME])
{
    const struct wtl_device_info *info = wtl_device_info(device);
    buf[0] = '\0';
    if (info->kind == WTL_DEVICE_GPU)
        wtl_gpu_short_name(info->name, buf, WTL_LIMIT_NAME);
    if (!buf[0])
        (void)snprintf(buf, WTL_LIMIT_NAME, "%s", wtl_device_kind_title(info->kind));
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* In the order of the names: the same boards are the same hardware in whatever order they stand. */
void wtl_sweep_plan_gpu(const struct wtl_sweep_plan *plan, char out[WTL_LIMIT_NAME])
{
    char names[WTL_SWEEP_DEVICES][WTL_LIMIT_NAME];
    bool same = true;
    size_t used;
    for (size_t i = 0; i < plan->n_measured; i++)
        short_name(plan->measured[i], names[i]);
    wtl_sort(names, plan->n_measured, sizeof names[0], by_name);
    used = (size_t)snprintf(out, WTL_LIMIT_NAME, "%s", names[0]);
    for (size_t i = 1; i < plan->n_measured; i++) {
        same = same && strcmp(names[i], names[0]) == 0;
        if (used < WTL_LIMIT_NAME)
            used += (size_t)snprintf(out + used, WTL_LIMIT_NAME - used, " + %.40s", names[i]);
    }
    if (same)
        wtl_gpu_together(plan->n_measured, names[0], out, WTL_LIMIT_NAME);
}

void wtl_sweep_plan_board(const struct wtl_sweep_plan *plan, char out[WTL_LIMIT_NAME])
{
    const char *name = wtl_device_info(plan->device)->name;
    for (size_t i = 1; i < plan->n_measured; i++)
        if (strcmp(name, wtl_device_info(plan->measured[i])->name) != 0)
            name = "";
    wtl_gpu_model(name, out, WTL_LIMIT_NAME);
}

/* ---- Shares ---------------------------------------------------------------------------------- */

bool wtl_sweep_plan_shares(const struct wtl_sweep_plan *p)
{
    bool commands = false, shares = false;
    for (size_t i = 0; i < p->spec->n_workloads; i++)
        commands = commands || (p->spec->workloads[i].kind == WTL_WORKLOAD_COMMAND &&
                                p->spec->workloads[i].mps);
    for (size_t i = 0; i < p->points.n; i++)
        shares = shares || wtl_point_has(&p->points.items[i].point, WTL_SETTING_share);
    return commands && shares;
}

int wtl_sweep_plan_gpus(struct wtl_arena *arena, const struct wtl_sweep_plan *p, const char **out,
                        struct wtl_error *err)
{
    const char *all = NULL;
    for (size_t i = 0; i < p->spec->devices.n; i++) {
        struct wtl_device *device = NULL;
        int rc = wtl_machine_find(p->machine, p->spec->devices.values[i], &device, err);
        if (rc < 0)
            return rc;
        const struct wtl_device_info *info = wtl_device_info(device);
        if (!wtl_starts_with(info->id, "nvml:") || !info->uuid[0])
            continue;
        all = wtl_arena_printf(arena, "%s%s%s", all ? all : "", all ? "," : "", info->uuid);
        if (!all)
            return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    }
    *out = all;
    return 0;
}
