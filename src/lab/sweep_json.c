/* SPDX-License-Identifier: Apache-2.0
 * Sweeps as JSON. */
#include "lab/sweep.h"

#include "codec/json.h"

static json_t *point_text(const struct wtl_lab_point *p)
{
    char text[WTL_LAB_POINT_TEXT];
    return wtl_json_text(wtl_lab_point_format(p, text));
}

static json_t *finite_or_null(bool known, double value)
{
    return known ? wtl_json_finite(value) : json_null();
}

static json_t *measured_json(const struct wtl_sweep_plan *p)
{
    json_t *ids = json_array();
    for (size_t i = 0; i < p->n_measured; i++)
        wtl_json_add(&ids, wtl_json_text(wtl_device_info(p->measured[i])->id));
    return ids;
}

static json_t *workload_json(const struct wtl_sweep_workload_result *w)
{
    return json_pack(
        "{s:o, s:o, s:i, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:b, s:I}", "workload",
        wtl_json_text(w->name), "ended", wtl_json_text(w->why_ended), "blocks", w->n_blocks,
        "points_visited", (json_int_t)w->n_visited_points, "tied", (json_int_t)w->n_tied, "best",
        w->has_best ? point_text(&w->best) : json_null(), "best_clock_mhz",
        w->has_best && w->best.clock_mhz ? json_integer(w->best.clock_mhz) : json_null(), "saving",
        finite_or_null(w->has_best, w->saving), "saving_half",
        finite_or_null(w->has_best, w->saving_half), "slowdown",
        finite_or_null(w->has_best, w->slowdown), "unmeasured", (int)w->unmeasured, "began_outside",
        (json_int_t)w->n_began_outside);
}

json_t *wtl_sweep_result_json(const struct wtl_sweep_plan *plan, const struct wtl_sweep_result *r)
{
    json_t *workloads = json_array();
    for (size_t i = 0; i < r->n_workloads; i++)
        wtl_json_add(&workloads, workload_json(&r->workloads[i]));
    json_t *o = json_pack(
        "{s:o, s:b, s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "sweep",
        wtl_json_text(plan->spec->name), "simulated", (int)plan->simulated, "complete",
        (int)(!r->stopped && !r->out_of_budget), "resumed", (int)r->resumed, "visits_before",
        (json_int_t)r->n_before, "visits", (json_int_t)r->n_visits, "runs", (json_int_t)r->n_runs,
        "infeasible", (json_int_t)r->n_infeasible, "invalid", (json_int_t)r->n_invalid, "seconds",
        wtl_json_finite(r->seconds), "temperature_c", finite_or_null(r->has_band, r->band_c),
        "idle_without_load_w", finite_or_null(r->has_bare_idle, r->bare_idle_w), "not_varied",
        wtl_json_text_or_null(plan->points.not_varied), "workloads", workloads);
    wtl_json_put(&o, "began_min_c", finite_or_null(r->n_began > 0, r->began_lo_c));
    wtl_json_put(&o, "began_max_c", finite_or_null(r->n_began > 0, r->began_hi_c));
    wtl_json_put(&o, "began_outside", json_integer((json_int_t)r->n_began_outside));
    wtl_json_put(&o, "errors_not_watched", r->deaf ? wtl_json_text(r->deaf) : json_null());
    wtl_json_put(&o, "measured", measured_json(plan));
    return o;
}

/* In the order of the devices that are measured. */
static json_t *parts_json(const struct wtl_visit_result *r)
{
    json_t *parts = json_array();
    for (size_t i = 0; r->measured && i < r->n_devices; i++)
        wtl_json_add(&parts, wtl_json_finite(r->energy_j[i]));
    return parts;
}

json_t *wtl_sweep_progress_json(const struct wtl_sweep_progress *p)
{
    const struct wtl_run *run = &p->result->run;
    const bool measured = p->result->measured;
    json_t *o = json_pack(
        "{s:I, s:I, s:o, s:i, s:o, s:o, s:b, s:i, s:s, s:o}", "done", (json_int_t)p->n_done,
        "expected", (json_int_t)p->n_expected, "seconds_left", wtl_json_finite(p->seconds_left),
        "block", p->block, "workload", wtl_json_text(p->workload), "point", point_text(p->point),
        "anchor", (int)p->anchor, "attempt", p->visit->attempt, "outcome",
        wtl_visit_outcome_name(p->visit->outcome), "why", wtl_json_text_or_null(p->visit->why));
    wtl_json_put(&o, "time_s", finite_or_null(measured, wtl_run_get(run, WTL_R_time_s, 0)));
    wtl_json_put(&o, "energy_j", finite_or_null(measured, wtl_run_get(run, WTL_R_energy_j, 0)));
    if (p->result->n_devices > 1)
        wtl_json_put(&o, "device_energy_j", parts_json(p->result));
    wtl_json_put(&o, "work_units", finite_or_null(measured, wtl_run_get(run, WTL_R_work_units, 0)));
    wtl_json_put(&o, "best", p->has_best ? point_text(p->best) : json_null());
    wtl_json_put(&o, "best_saving", finite_or_null(p->has_best, p->best_saving));
    return o;
}

static json_t *before_json(const struct wtl_sweep_before *b)
{
    if (!b->campaign)
        return json_null();
    return json_pack("{s:o, s:b, s:I, s:I, s:o}", "path", wtl_json_text(b->campaign), "has_sweep",
                     (int)b->found, "visits", (json_int_t)b->n_visits, "runs",
                     (json_int_t)b->n_runs, "extended_by",
                     b->added[0] ? wtl_json_text(b->added) : json_null());
}

json_t *wtl_sweep_plan_json(const struct wtl_sweep_plan *p, const struct wtl_sweep_before *before)
{
    json_t *points = json_array(), *knobs = json_array();
    for (size_t i = 0; i < p->points.n; i++)
        wtl_json_add(&points, point_text(&p->points.items[i]));
    for (size_t i = 0; i < p->n_wants; i++)
        wtl_json_add(&knobs, json_pack("{s:o, s:s}", "device",
                                       wtl_json_text(wtl_device_info(p->wants[i].device)->id),
                                       "knob", wtl_knob_info(p->wants[i].knob)->name));
    json_t *o =
        json_pack("{s:o, s:o, s:b, s:b, s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:o}", "sweep",
                  wtl_json_text(p->spec->name), "measured", measured_json(p), "dry_run", 1,
                  "simulated", (int)p->simulated, "points", points, "reference",
                  point_text(&p->points.items[p->points.reference]), "knobs", knobs, "not_varied",
                  wtl_json_text_or_null(p->points.not_varied), "visits_min",
                  (json_int_t)p->visits_min, "visits_max", (json_int_t)p->visits_max, "seconds_min",
                  wtl_json_finite(p->seconds_min), "seconds_max", wtl_json_finite(p->seconds_max));
    wtl_json_put(&o, "campaign", before_json(before));
    return o;
}
