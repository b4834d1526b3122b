/* SPDX-License-Identifier: Apache-2.0
 * What a sweep has before its first visit: workloads, knobs, a bench, and the conditions that all
 * runs begin at. */
#include "lab/sweep_impl.h"

#include "codec/json.h"

#include <stdio.h>
#include <string.h>

/* Whether a start is for this workload: all are, but for one that is for what was not measured. */
static bool has_turn(const struct sweep *s, size_t workload)
{
    const json_t *only = json_object_get(s->state, "only");
    for (size_t i = 0; i < json_array_size(only); i++)
        if (json_integer_value(json_array_get(only, i)) == (json_int_t)workload)
            return true;
    return !only;
}

static int open_workload(struct sweep *s, const struct wtl_workload_spec *w,
                         struct wtl_workload *out, struct wtl_error *err)
{
    int rc = w->kind == WTL_WORKLOAD_VIRTUAL
                 ? wtl_workload_virtual(s->arena, w, s->plan->measured, s->plan->n_measured,
                                        s->q->time.clock, out, err)
                 : wtl_workload_command(s->arena, w, s->plan->machine, s->q->group, s->q->shares,
                                        s->q->time.clock, out, err);
    if (rc == 0 && w->unit[0])
        memcpy(out->unit, w->unit, sizeof out->unit);
    return rc;
}

/* A validation measures some of the workloads, at the temperature that all of them agreed on. */
static int open_warming(struct sweep *s, struct wtl_error *err)
{
    const struct wtl_sweep_spec *spec = s->spec;
    const struct wtl_workload_spec *all = spec->warms ? spec->warms : spec->workloads;
    const size_t n = spec->warms ? spec->n_warms : spec->n_workloads;
    int rc = 0;
    s->warms = WTL_NEW_ARRAY(s->arena, struct wtl_warming, n);
    s->others = WTL_NEW_ARRAY(s->arena, struct wtl_workload, n);
    if (!s->warms || !s->others)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct wtl_workload *w = NULL;
        for (size_t k = 0; !w && k < spec->n_workloads; k++)
            w = strcmp(spec->workloads[k].name, all[i].name) == 0 ? &s->lanes[k].load : NULL;
        if (!w) {
            w = &s->others[s->n_others];
            rc = open_workload(s, &all[i], &s->others[s->n_others++], err);
        }
        s->warms[s->n_warms++] = (struct wtl_warming){all[i].name, w, all[i].ready_timeout_s};
    }
    return rc;
}

int sweep_open_workloads(struct sweep *s, struct wtl_error *err)
{
    const size_t n = s->spec->n_workloads, n_points = s->plan->points.n;
    s->lanes = WTL_NEW_ARRAY(s->arena, struct lane, n);
    s->active = WTL_NEW_ARRAY(s->arena, bool, n *n_points);
    if (!s->lanes || !s->active)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct lane *l = &s->lanes[i];
        const struct wtl_workload_spec *w = &s->spec->workloads[i];
        l->rests = !has_turn(s, i);
        l->active = WTL_NEW_ARRAY(s->arena, bool, n_points);
        l->infeasible = WTL_NEW_ARRAY(s->arena, bool, n_points);
        l->found_infeasible = WTL_NEW_ARRAY(s->arena, int, n_points);
        l->idle_w = WTL_NEW_ARRAY(s->arena, double, n_points);
        if (!l->active || !l->infeasible || !l->found_infeasible || !l->idle_w)
            return WTL_FAIL(err, WTL_NOMEM, "out of memory");
        rc = open_workload(s, w, &l->load, err);
    }
    return rc ? rc : open_warming(s, err);
}

int sweep_take_lease(struct sweep *s, struct wtl_error *err)
{
    char purpose[WTL_LIMIT_NAME + 16];
    (void)snprintf(purpose, sizeof purpose, "sweep %s", s->spec->name);
    const struct wtl_lease_request request = {.kind = WTL_LEASE_LOAN,
                                              .purpose = purpose,
                                              .wants = s->plan->wants,
                                              .n_wants = s->plan->n_wants};
    if (s->plan->n_wants == 0 || !s->q->holder)
        return 0;
    return wtl_lease_acquire(s->q->holder, &request, &s->lease, err);
}

/* What was found of the bands of this sweep's devices; false: nothing was. */
static bool recall_band(struct sweep *s)
{
    struct wtl_bench *b = &s->bench;
    const json_t *first = json_object_get(s->state, "temperature_c");
    const json_t *all = json_object_get(s->state, "temperatures_c");
    for (size_t i = 0; i < b->n; i++)
        b->devices[i].band_c = json_number_value(i ? json_array_get(all, i) : first);
    return first != NULL;
}

static void note_band(struct sweep *s)
{
    const struct wtl_bench *b = &s->bench;
    wtl_json_put(&s->state, "temperature_c", wtl_json_finite(b->devices[0].band_c));
    if (b->n == 1)
        return;
    json_t *all = json_array();
    for (size_t i = 0; i < b->n; i++)
        wtl_json_add(&all, wtl_json_finite(b->devices[i].band_c));
    wtl_json_put(&s->state, "temperatures_c", all);
}

/* The temperature that runs begin at: as the spec has it, as it was found before, or found now. */
static int find_band(struct sweep *s, struct wtl_error *err)
{
    struct wtl_bench *b = &s->bench;
    const struct wtl_protocol_spec *p = &s->spec->protocol;
    if (!p->band)
        return 0;
    for (size_t i = 0; p->has_band_c && i < b->n; i++)
        b->devices[i].band_c = p->band_c;
    if (!p->has_band_c && !recall_band(s) && !b->stopped) {
        int rc = wtl_bench_find_band(b, s->warms, s->n_warms, err);
        if (rc < 0)
            return rc;
        if (!b->stopped)
            note_band(s);
    }
    for (size_t i = 0; i < b->n; i++)
        b->has_band = b->has_band || b->devices[i].band_c > 0;
    return 0;
}

/* The devices without any workload, once; and where the reference point settles. */
int sweep_find_conditions(struct sweep *s, struct wtl_error *err)
{
    struct wtl_bench *b = &s->bench;
    double w = 0;
    bool known = false;
    int rc = 0;
    if (s->spec->protocol.idle && !json_object_get(s->state, "idle_without_load_w")) {
        rc = wtl_bench_pass(b, 5, err);
        rc = rc ? rc : wtl_bench_idle(b, &w, &known, err);
        if (rc == 0 && known && !b->stopped)
            wtl_json_put(&s->state, "idle_without_load_w", wtl_json_finite(w));
    }
    rc = rc ? rc : find_band(s, err);
    if (rc == 0 && !s->state)
        rc = WTL_FAIL(err, WTL_NOMEM, "out of memory");
    return rc || b->stopped ? rc : sweep_put_state(s, err);
}

int sweep_open_bench(struct sweep *s, struct wtl_error *err)
{
    struct wtl_bench *b = &s->bench;
    b->protocol = &s->spec->protocol;
    b->time = s->q->time;
    b->n = s->plan->n_measured;
    for (size_t i = 0; i < b->n; i++) {
        b->devices[i].device = s->plan->measured[i];
        b->devices[i].facts = &s->plan->facts[i];
    }
    b->reference = &s->plan->points.items[s->plan->points.reference];
    b->warms_at = &s->plan->warms_at;
    b->lease = s->lease;
    b->shares = s->q->shares;
    b->on_wait = s->q->on_wait;
    b->on_wait_ctx = s->q->ctx;
    return wtl_bench_init(s->arena, b, err);
}
