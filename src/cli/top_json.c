/* SPDX-License-Identifier: Apache-2.0
 * A tick of `wattle top` for programs. */
#include "cli/top_json.h"

#include "codec/json.h"
#include "core/event_reasons.h"

#include <string.h>

static const char *state_name(enum top_state state)
{
    switch (state) {
    case TOP_STARTING:
        return "starting";
    case TOP_ANSWERS:
        return "ok";
    case TOP_SILENT:
        return "not_answering";
    case TOP_GONE:
        return "lost";
    case TOP_FAILS:
        break;
    }
    return "failed";
}

static void put_value(json_t **object, const char *key, struct top_value v)
{
    if (v.has)
        wtl_json_put(object, key, wtl_json_finite(v.value));
}

static json_t *reasons_json(uint64_t bits)
{
    size_t n = 0;
    const struct wtl_event_reason *r = wtl_event_reasons(&n);
    json_t *names = json_array();
    for (size_t i = 0; i < n; i++)
        if (bits & r[i].bit)
            wtl_json_add(&names, json_string(r[i].name));
    return names;
}

static json_t *sensors_json(const struct top_device *d)
{
    json_t *o = json_object();
    for (int i = 0; i < (int)WTL_N_METRICS; i++) {
        enum wtl_metric m = (enum wtl_metric)i;
        struct top_value v = top_metric(d, m);
        if (v.has && m == WTL_M_event_reasons)
            wtl_json_put(&o, wtl_metric_info(m)->name, reasons_json((uint64_t)v.value));
        else
            put_value(&o, wtl_metric_info(m)->name, v);
    }
    return o;
}

static json_t *absent_json(const struct top_device *d)
{
    json_t *o = json_object();
    for (int i = 0; i < (int)WTL_N_METRICS; i++) {
        enum wtl_metric m = (enum wtl_metric)i;
        if ((d->info.sensors >> i & 1) && !top_metric(d, m).has)
            wtl_json_put(&o, wtl_metric_info(m)->name, json_string(top_why(d, m)));
    }
    return o;
}

static json_t *knobs_json(const struct top_device *d)
{
    json_t *o = json_object();
    for (int k = 0; k < (int)WTL_N_KNOBS; k++) {
        const struct wtl_knob_state *state = &d->sample.knob[k];
        bool ours = d->ours & WTL_KNOB_BIT(k);
        char text[WTL_KNOB_TEXT];
        if (!(d->sample.knobs & WTL_KNOB_BIT(k)) || d->state != TOP_ANSWERS)
            continue;
        json_t *one = json_object();
        wtl_json_put(&one, "requested",
                     state->known
                         ? json_string(wtl_knob_format((enum wtl_knob)k, state->requested, text))
                         : json_null());
        if (ours)
            wtl_json_put(&one, "ours",
                         json_string(wtl_knob_format((enum wtl_knob)k, d->our_value[k], text)));
        if (state->has_enforced)
            wtl_json_put(&one, "enforced", wtl_json_finite(state->enforced));
        wtl_json_put(&o, wtl_knob_info((enum wtl_knob)k)->name, one);
    }
    return o;
}

static json_t *process_json(const struct top_process *p)
{
    const struct wtl_process *q = &p->process;
    json_t *o = json_object();
    wtl_json_put(&o, "pid", json_integer(q->pid));
    wtl_json_put(&o, "name", q->name[0] ? wtl_json_text(q->name) : json_null());
    wtl_json_put(&o, "kind", json_string(wtl_process_kind_name(q->kind)));
    put_value(&o, "util", (struct top_value){q->has_util, q->util});
    put_value(&o, "memory_b", (struct top_value){q->has_memory, q->memory_b});
    put_value(&o, "power_w_estimated", p->power_w);
    return o;
}

static json_t *device_json(const struct top_model *m, int index)
{
    const struct top_device *d = &m->device[index];
    json_t *o = json_object();
    wtl_json_put(&o, "id", wtl_json_text(d->info.id));
    wtl_json_put(&o, "name", wtl_json_text(d->info.name));
    wtl_json_put(&o, "kind", json_string(wtl_device_kind_name(d->info.kind)));
    wtl_json_put(&o, "virtual", json_boolean(d->info.flags & WTL_DEVICE_VIRTUAL));
    wtl_json_put(&o, "recorded", json_boolean(d->info.flags & WTL_DEVICE_REPLAY));
    wtl_json_put(&o, "state", json_string(state_name(d->state)));
    if (d->trouble[0])
        wtl_json_put(&o, "trouble", wtl_json_text(d->trouble));
    put_value(&o, "power_w", d->power_w);
    if (d->power_w.has)
        wtl_json_put(&o, "power_from",
                     json_string(d->power_source == TOP_POWER_COUNTER ? "counter" : "sensor"));
    put_value(&o, "energy_j", d->energy_j);
    if (d->energy_j.has)
        wtl_json_put(&o, "energy_from", json_string(d->energy_from_counter ? "counter" : "power"));
    put_value(&o, "idle_w", d->idle_w);
    put_value(&o, "unattributed_w", d->unattributed_w);
    wtl_json_put(&o, "sensors", sensors_json(d));
    wtl_json_put(&o, "absent", absent_json(d));
    wtl_json_put(&o, "knobs", knobs_json(d));
    json_t *processes = json_array();
    for (size_t i = 0; i < m->n_processes; i++)
        if (m->process[i].device == index)
            wtl_json_add(&processes, process_json(&m->process[i]));
    wtl_json_put(&o, "processes", processes);
    return o;
}

json_t *top_json(const struct top_model *m, int64_t wall_ns)
{
    struct top_total t = top_model_total(m);
    char utc[24];
    json_t *o = json_object();
    wtl_json_put(&o, "time", json_string(wtl_format_utc(wall_ns, utc, sizeof utc)));
    wtl_json_put(&o, "elapsed_s", wtl_json_finite((double)(m->now_ns - m->start_ns) / 1e9));
    put_value(&o, "power_w", t.power_w);
    put_value(&o, "energy_j", t.energy_j);
    json_t *devices = json_array();
    for (size_t i = 0; i < m->n; i++)
        wtl_json_add(&devices, device_json(m, (int)i));
    wtl_json_put(&o, "devices", devices);
    return o;
}
