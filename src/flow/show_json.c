/* SPDX-License-Identifier: Apache-2.0
 * A campaign's content as JSON: `wattle show --json`. */
#include "flow/show.h"

#include "codec/json.h"
#include "store/configuration_json.h"

static json_t *json_of_estimate(const struct wtl_estimate *e)
{
    if (e->n == 0)
        return json_null();
    bool interval = e->evidence != WTL_EVIDENCE_NONE;
    return json_pack("{s:o, s:o, s:o, s:i, s:s}", "value", wtl_json_finite(e->value), "lo",
                     interval ? wtl_json_finite(e->lo) : json_null(), "hi",
                     interval ? wtl_json_finite(e->hi) : json_null(), "n", e->n, "evidence",
                     wtl_evidence_name(e->evidence));
}

/* How the energy was measured, and latencies, where they are known. */
static void put_quality(json_t **o, const struct wtl_measurement *m)
{
    static const char *const names[] = {"p50", "p90", "p95", "p99"};
    const char letter[2] = {wtl_energy_class_letter(m->energy_class), '\0'};
    if (m->energy_class)
        wtl_json_put(o, "energy_class", json_string(letter));
    if (m->energy_method)
        wtl_json_put(o, "energy_method", json_string(wtl_energy_method_name(m->energy_method)));
    if (!m->latency_valid)
        return;
    json_t *latency = json_object();
    for (int q = 0; q < 4; q++)
        if ((m->latency_valid >> q) & 1)
            wtl_json_put(&latency, names[q], wtl_json_finite(m->latency_s[q]));
    wtl_json_put(o, "latency_s", latency);
}

static json_t *json_of_cell(const struct wtl_measurement *m)
{
    json_t *o =
        json_pack("{s:i, s:o, s:i, s:i, s:o, s:o, s:o}", "clock_mhz", m->clock_mhz, "rate_per_s",
                  m->closed ? json_null() : wtl_json_finite(m->rate_per_s), "n_runs", m->n,
                  "n_rejected", m->n_rejected, "time_s", json_of_estimate(&m->time_s), "energy_j",
                  json_of_estimate(&m->energy_j), "power_w", json_of_estimate(&m->power_w));
    put_quality(&o, m);
    return o;
}

static json_t *json_of_causes(const int by_cause[WTL_N_CAUSES])
{
    json_t *causes = json_object();
    for (int c = 0; c < (int)WTL_N_CAUSES; c++)
        if (by_cause[c])
            wtl_json_put(&causes, wtl_cause_name((enum wtl_cause)c), json_integer(by_cause[c]));
    return causes;
}

static json_t *json_of_quality(const struct wtl_quality *q)
{
    json_t *drift =
        !q->has_drift
            ? json_null()
            : json_pack("{s:o, s:o, s:o}", "per_run", wtl_json_finite(q->drift_per_run), "lo",
                        wtl_json_finite(q->drift_lo), "hi", wtl_json_finite(q->drift_hi));
    return json_pack("{s:b, s:s, s:o, s:o, s:o, s:o, s:b, s:o, s:b, s:o}", "usable", q->usable,
                     "reason", q->reason, "coverage", wtl_json_finite(q->coverage), "time_cv",
                     wtl_json_finite(q->time_cv), "energy_cv", wtl_json_finite(q->energy_cv),
                     "unexplained", wtl_json_finite(q->unexplained), "quantised", q->quantised,
                     "time_step_s",
                     q->time_step_s > 0 ? wtl_json_finite(q->time_step_s) : json_null(),
                     "order_monotone", q->order_monotone, "drift", drift);
}

static json_t *json_of_devices(const struct wtl_workset *set)
{
    struct wtl_show_devices d = wtl_show_devices(set);
    json_t *names = json_array();
    for (int i = 0; i < d.n; i++)
        if (d.name[i][0])
            wtl_json_add(&names, wtl_json_text(d.name[i]));
    return names;
}

static json_t *json_of_set(const struct wtl_workset *set, const struct wtl_quality *quality)
{
    struct wtl_show_counts n = wtl_show_count(set);
    json_t *cells = json_array();
    for (size_t i = 0; i < set->n_cells; i++)
        wtl_json_add(&cells, json_of_cell(&set->cells[i]));
    json_t *o = json_pack(
        "{s:o, s:o, s:o, s:{s:i, s:i, s:i}, s:I, s:i, s:i, s:o, s:i, s:I, s:s, s:o, s:o}", "gpu",
        wtl_json_text(set->gpu), "workload", wtl_json_text(set->workload), "devices",
        json_of_devices(set), "clocks", "count", n.n_clocks, "min_mhz", n.clock_min_mhz, "max_mhz",
        n.clock_max_mhz, "n_runs", (json_int_t)set->n_runs, "n_used", n.accepted, "n_rejected",
        n.rejected, "rejected", json_of_causes(n.by_cause), "n_without_clock", n.without_clock,
        "n_timed", (json_int_t)set->n_timed, "grade",
        wtl_show_grade_name(wtl_show_grade(set, quality)), "quality", json_of_quality(quality),
        "measurements", cells);
    wtl_configuration_put(&o, &set->at);
    return o;
}

static void set_count(json_t **object, const char *key, int64_t value)
{
    wtl_json_put(object, key, value ? json_integer(value) : json_null());
}

static void put_run_quality(json_t **o, const struct wtl_run *run)
{
    const char letter[2] = {wtl_energy_class_letter(run->energy_class), '\0'};
    if (run->energy_class)
        wtl_json_put(o, "energy_class", json_string(letter));
    if (run->energy_method)
        wtl_json_put(o, "energy_method", json_string(wtl_energy_method_name(run->energy_method)));
    if (!run->energy_troubles)
        return;
    json_t *troubles = json_array();
    for (int i = 0; i < (int)WTL_N_ENERGY_TROUBLES; i++)
        if ((run->energy_troubles >> i) & 1)
            wtl_json_add(&troubles, json_string(wtl_energy_trouble_name(i)));
    wtl_json_put(o, "energy_troubles", troubles);
}

/* Whose run it is, and its metrics as they were measured. */
static json_t *json_of_identity(const struct wtl_run *run)
{
    json_t *o = json_pack("{s:I, s:I, s:o, s:o, s:o, s:o}", "id", (json_int_t)run->id, "source",
                          (json_int_t)run->source_id, "gpu", wtl_json_text(run->gpu), "workload",
                          wtl_json_text(run->workload), "job", wtl_json_text(run->job), "device",
                          wtl_json_text(run->device));
    set_count(&o, "seq", run->seq);
    set_count(&o, "rep", run->rep);
    set_count(&o, "clock_mhz", run->clock_mhz);
    wtl_json_put(&o, "status", json_string(wtl_run_status_name(run->status)));
    struct wtl_configuration at = wtl_configuration_of(run);
    struct wtl_run whole = *run;
    json_t *metrics = json_object();
    wtl_run_make_whole(&whole);
    for (int m = 0; m < (int)WTL_N_RUN_METRICS; m++)
        if (wtl_run_has(&whole, (enum wtl_run_metric)m))
            wtl_json_put(&metrics, wtl_run_metric_info((enum wtl_run_metric)m)->name,
                         wtl_json_finite(whole.metric[m]));
    wtl_json_put(&o, "metrics", metrics);
    wtl_configuration_put(&o, &at);
    put_run_quality(&o, run);
    return o;
}

static json_t *json_of_run(const struct wtl_run *run)
{
    json_t *causes = json_array();
    for (int c = 0; c < (int)WTL_N_CAUSES; c++)
        if ((run->causes >> c) & 1)
            wtl_json_add(&causes, json_string(wtl_cause_name((enum wtl_cause)c)));
    json_t *o = json_of_identity(run);
    wtl_json_put(&o, "used", json_boolean(run->causes == 0));
    wtl_json_put(&o, "causes", causes);
    wtl_json_put(&o, "reason", wtl_json_text(run->reason));
    return o;
}

static json_t *json_of_source(const struct wtl_source *f)
{
    return json_pack(
        "{s:I, s:o, s:s, s:I, s:s, s:o, s:I, s:I, s:I, s:s, s:I, s:I, s:I, s:o}", "id",
        (json_int_t)f->id, "path", wtl_json_text(f->path), "sha256", f->sha256, "size_bytes",
        (json_int_t)f->size_bytes, "reader", f->reader, "dialect", wtl_json_text(f->dialect),
        "rows", (json_int_t)f->rows, "rows_dropped", (json_int_t)f->rows_dropped,
        "first_dropped_line", (json_int_t)f->first_dropped_line, "drops", f->drops, "cells",
        (json_int_t)f->cells, "cells_missing", (json_int_t)f->cells_missing, "cells_sentinel",
        (json_int_t)f->cells_sentinel, "unknown_columns", wtl_json_text(f->unknown_columns));
}

static json_t *json_of_runs(const struct wtl_show *s)
{
    json_t *runs = json_array();
    for (size_t i = 0; i < s->n_sets; i++)
        for (size_t k = 0; k < s->sets[i].n_runs; k++)
            wtl_json_add(&runs, json_of_run(&s->sets[i].runs[k]));
    return runs;
}

static json_t *json_of_timed(const struct wtl_show *s)
{
    json_t *runs = json_array();
    for (size_t i = 0; i < s->n_sets; i++)
        for (size_t k = 0; k < s->sets[i].n_timed; k++)
            wtl_json_add(&runs, json_of_identity(&s->sets[i].timed[k]));
    return runs;
}

json_t *wtl_show_json(const struct wtl_show *s)
{
    json_t *sets = json_array();
    for (size_t i = 0; i < s->n_sets; i++)
        wtl_json_add(&sets, json_of_set(&s->sets[i], &s->quality[i]));
    json_t *o =
        json_pack("{s:o, s:s, s:I, s:o, s:o}", "campaign", wtl_json_text(s->path), "fingerprint",
                  s->fingerprint, "n_sources", (json_int_t)s->n_sources, "sets", sets, "documents",
                  wtl_documents_json(s->documents, s->n_documents));
    if (s->list_runs) {
        wtl_json_put(&o, "runs", json_of_runs(s));
        wtl_json_put(&o, "timed_runs", json_of_timed(s));
    }
    if (s->list_sources) {
        json_t *sources = json_array();
        for (size_t i = 0; i < s->n_sources; i++)
            wtl_json_add(&sources, json_of_source(&s->sources[i]));
        wtl_json_put(&o, "sources", sources);
    }
    return o;
}
