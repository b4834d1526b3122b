/* SPDX-License-Identifier: Apache-2.0
 * The document of `wattle stat --json` (docs/stat.md). */
#include "flow/stat.h"

#include "codec/json.h"
#include "core/xid.h"
#include "stats/robust.h"

json_t *wtl_energy_json(const struct wtl_energy *e)
{
    if (e->method == WTL_ENERGY_NONE)
        return json_null();
    char letter[2] = {wtl_energy_class_letter(e->class), '\0'};
    json_t *troubles = json_array();
    for (int i = 0; i < (int)WTL_N_ENERGY_TROUBLES; i++)
        if (e->troubles & (1u << i))
            wtl_json_add(&troubles, json_string(wtl_energy_trouble_name(i)));
    json_t *o = json_pack(
        "{s:o, s:[o, o], s:s, s:s, s:o, s:o, s:o}", "energy_j", wtl_json_finite(e->energy_j),
        "interval_j", wtl_json_finite(e->lo_j), wtl_json_finite(e->hi_j), "method",
        wtl_energy_method_name(e->method), "class", letter, "time_s", wtl_json_finite(e->time_s),
        "check", e->has_check ? wtl_json_finite(e->check) : json_null(), "troubles", troubles);
    if (e->calibration > 0) {
        wtl_json_put(&o, "gain", e->gain > 0 ? wtl_json_finite(e->gain) : json_null());
        wtl_json_put(&o, "calibration", wtl_json_finite(e->calibration));
    }
    return o;
}

static json_t *process_json(const struct wtl_collected_process *p)
{
    return json_pack("{s:i, s:o, s:s, s:o}", "pid", (int)p->pid, "name", wtl_json_text(p->name),
                     "kind", wtl_process_kind_name(p->kind), "energy_j",
                     wtl_json_finite(p->energy_j));
}

static json_t *split_json(const struct wtl_stat_device *d)
{
    const struct wtl_collected_device *c = &d->collected;
    json_t *processes = json_array();
    if (c->energy.method == WTL_ENERGY_NONE || d->info->kind != WTL_DEVICE_GPU) {
        json_decref(processes);
        return json_null();
    }
    for (size_t i = 0; i < c->n_processes; i++)
        wtl_json_add(&processes, process_json(&c->processes[i]));
    return json_pack("{s:o, s:o, s:o, s:I}", "idle_j",
                     c->idle_known ? wtl_json_finite(c->idle_j) : json_null(), "processes",
                     processes, "unattributed_j", wtl_json_finite(c->unattributed_j),
                     "processes_left_out", (json_int_t)c->more_processes);
}

/* {"n", "newest": [{"number", "text", "t_s"}]}; null: the driver tells of none. */
static json_t *errors_json(const struct wtl_metered_errors *e)
{
    json_t *list = json_array();
    if (!e->told) {
        json_decref(list);
        return json_null();
    }
    for (size_t i = 0; i < e->n_kept; i++)
        wtl_json_add(&list, json_pack("{s:i, s:o, s:o}", "number", e->kept[i].number, "text",
                                      wtl_json_text_or_null(wtl_xid_text(e->kept[i].number)), "t_s",
                                      wtl_json_finite(1e-9 * (double)e->kept[i].t_ns)));
    return json_pack("{s:I, s:o}", "n", (json_int_t)e->n, "newest", list);
}

static json_t *device_json(const struct wtl_stat_device *d)
{
    const struct wtl_energy *e = &d->collected.energy;
    bool has = e->method != WTL_ENERGY_NONE && e->time_s > 0;
    return json_pack(
        "{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:I, s:I, s:o, s:o, s:o}", "id",
        wtl_json_text(d->info->id), "name", wtl_json_text(d->info->name), "kind",
        wtl_device_kind_name(d->info->kind), "energy", wtl_energy_json(e), "mean_w",
        has ? wtl_json_finite(e->energy_j / e->time_s) : json_null(), "peak_w",
        d->collected.peak_w > 0 ? wtl_json_finite(d->collected.peak_w) : json_null(), "idle_w",
        d->idle_w > 0 ? wtl_json_finite(d->idle_w) : json_null(), "idle_trouble",
        d->idle_trouble ? wtl_json_text(d->idle_trouble) : json_null(), "sensor_period_s",
        d->period_ns ? wtl_json_finite(1e-9 * (double)d->period_ns) : json_null(), "attribution",
        split_json(d), "part_of_another", d->part_of_another, "readings", (json_int_t)d->n_readings,
        "failed_readings", (json_int_t)d->n_failed, "reading_share", wtl_json_finite(d->cost_share),
        "trouble", d->trouble ? wtl_json_text(d->trouble) : json_null(), "driver_errors",
        errors_json(&d->collected.errors));
}

static json_t *window_json(const struct wtl_stat_result *r, size_t k)
{
    const struct wtl_window_total *w = &r->windows[k];
    json_t *devices = json_object();
    double inside_j = 0;
    for (size_t i = 0; i < r->n; i++) {
        wtl_json_put_text(&devices, r->devices[i].info->id, wtl_energy_json(&w->energy[i]));
        inside_j += r->devices[i].part_of_another ? 0 : w->inside_j[i];
    }
    return json_pack("{s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "name",
                     wtl_json_text(w->name), "count", (json_int_t)w->count, "cut",
                     (json_int_t)w->cut, "time_s", wtl_json_finite(w->time_s), "work",
                     w->n_work ? wtl_json_finite(w->work) : json_null(), "unit",
                     wtl_json_text_or_null(w->unit), "energy", wtl_energy_json(&r->window_total[k]),
                     "inside_j", wtl_json_finite(inside_j), "devices", devices);
}

static json_t *latency_json(const struct wtl_stat_result *r)
{
    if (r->n_latencies == 0)
        return json_null();
    json_t *o = json_pack("{s:I}", "n", (json_int_t)r->n_latencies);
    static const struct {
        const char *name;
        double p;
    } quantiles[] = {{"p50_s", 0.5}, {"p90_s", 0.9}, {"p95_s", 0.95}, {"p99_s", 0.99}};
    for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++)
        json_object_set_new(
            o, quantiles[i].name,
            wtl_json_finite(wtl_quantile_sorted(r->latencies_s, r->n_latencies, quantiles[i].p)));
    return o;
}

static json_t *requests_json(const struct wtl_stat_result *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->n_requests; i++)
        wtl_json_add(&list,
                     json_pack("{s:o, s:o, s:o, s:I}", "id", wtl_json_text(r->requests[i].id),
                               "work", wtl_json_finite(r->requests[i].work), "energy_j",
                               wtl_json_finite(r->requests[i].energy_j), "windows",
                               (json_int_t)r->requests[i].windows));
    return list;
}

json_t *wtl_stat_json(const struct wtl_stat_result *r)
{
    json_t *devices = json_array(), *windows = json_array();
    for (size_t i = 0; i < r->n; i++)
        wtl_json_add(&devices, device_json(&r->devices[i]));
    for (size_t i = 0; i < r->n_windows; i++)
        wtl_json_add(&windows, window_json(r, i));
    const struct wtl_windows_counts *c = &r->counts;
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}}", "time_s",
        wtl_json_finite(r->time_s), "total", wtl_energy_json(&r->total), "devices", devices,
        "windows", windows, "requests", requests_json(r), "latency", latency_json(r), "markers",
        "programs", (json_int_t)r->programs, "refused", (json_int_t)r->refused, "lines",
        (json_int_t)c->lines, "bad_lines", (json_int_t)c->bad_lines, "unmatched",
        (json_int_t)c->unmatched, "late", (json_int_t)c->late, "dropped", (json_int_t)c->dropped,
        "other_names", (json_int_t)c->other_names, "ahead", (json_int_t)c->ahead);
}
