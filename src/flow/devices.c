/* SPDX-License-Identifier: Apache-2.0
 * Devices, looked at once. */
#include "flow/devices.h"

#include "codec/json.h"

#include <string.h>

/* ---- Looking ----------------------------------------------------------------------------------*/

/* The message, with the hint where there is one. */
static const char *why(struct wtl_arena *arena, const struct wtl_error *e)
{
    return e->hint[0] ? wtl_arena_printf(arena, "%s (%s)", e->message, e->hint)
                      : wtl_arena_strdup(arena, e->message);
}

static void look_at_knob(struct wtl_device *d, enum wtl_knob knob, struct wtl_arena *arena,
                         struct wtl_device_knob_look *out)
{
    struct wtl_error e = {0};
    out->knob = knob;
    out->writable = wtl_device_info(d)->writable & WTL_KNOB_BIT(knob);
    out->rc = wtl_device_knob(d, knob, &out->state, &e);
    if (out->rc < 0)
        out->why = why(arena, &e);
    out->has_range = wtl_device_knob_range(d, knob, arena, &out->range, &e) == 0;
}

static int look_at(struct wtl_device *d, struct wtl_arena *arena, struct wtl_device_look *out,
                   struct wtl_error *err)
{
    struct wtl_error e = {0};
    out->info = wtl_device_info(d);
    out->knobs = WTL_NEW_ARRAY(arena, struct wtl_device_knob_look, WTL_N_KNOBS);
    if (!out->knobs)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    out->rc = wtl_device_read(d, out->info->sensors, &out->reading, &e);
    if (out->rc < 0)
        out->why = why(arena, &e);
    for (int k = 0; k < (int)WTL_N_KNOBS; k++)
        if (out->info->knobs & WTL_KNOB_BIT(k))
            look_at_knob(d, (enum wtl_knob)k, arena, &out->knobs[out->n_knobs++]);
    return 0;
}

int wtl_flow_look(struct wtl_machine *machine, const char *root, struct wtl_arena *arena,
                  struct wtl_devices *out, struct wtl_error *err)
{
    struct wtl_devices d = {
        .root = root, .live = strcmp(root, "/") == 0, .n = wtl_machine_count(machine)};
    int rc = 0;
    d.looks = WTL_NEW_ARRAY(arena, struct wtl_device_look, d.n + 1);
    if (!d.looks)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < d.n && rc == 0; i++)
        rc = look_at(wtl_machine_device(machine, i), arena, &d.looks[i], err);
    d.findings = wtl_machine_findings(machine, &d.n_findings);
    if (rc == 0)
        *out = d;
    return rc;
}

void wtl_devices_know(struct wtl_devices *d, const struct wtl_book_entry *entries, size_t n)
{
    for (size_t i = 0; i < d->n; i++)
        for (size_t k = 0; k < d->looks[i].n_knobs; k++) {
            struct wtl_device_knob_look *knob = &d->looks[i].knobs[k];
            const struct wtl_device_info *info = d->looks[i].info;
            if (knob->rc == 0 && !knob->state.known)
                knob->has_ours =
                    wtl_book_last_set(entries, n, info->id, info->epoch, knob->knob, &knob->ours);
        }
}

/* A book that cannot be read tells nothing; that is for the doctor to say. */
static void know(const struct wtl_devices_options *options, struct wtl_arena *arena,
                 struct wtl_devices *d)
{
    struct wtl_book_entry *entries = NULL;
    struct wtl_error ignored = {0};
    size_t n = 0;
    if (d->live && wtl_book_look(options->state_dir, arena, &entries, &n, &ignored) == 0)
        wtl_devices_know(d, entries, n);
}

int wtl_flow_devices(const struct wtl_flow *flow, const struct wtl_devices_options *options,
                     struct wtl_arena *arena, struct wtl_devices *out, struct wtl_error *err)
{
    const struct wtl_machine_options machine_options = {
        .clock = flow->clock, .root = options->root, .nvml = options->nvml, .only = options->only};
    struct wtl_machine *machine = NULL;
    struct wtl_devices d = {0};
    int rc = wtl_machine_open(flow->alloc, &machine_options, &machine, err);
    if (rc == 0)
        rc = wtl_flow_look(machine, options->root ? options->root : "/", arena, &d, err);
    if (rc < 0) {
        wtl_machine_close(machine);
        return rc;
    }
    know(options, arena, &d);
    d.machine = machine;
    *out = d;
    return 0;
}

void wtl_devices_close(struct wtl_devices *d)
{
    wtl_machine_close(d->machine);
    d->machine = NULL;
}

/* ---- The document -----------------------------------------------------------------------------*/

static const char *level_name(enum wtl_finding_level level)
{
    static const char *const names[] = {[WTL_FINDING_OK] = "ok",
                                        [WTL_FINDING_NOTE] = "note",
                                        [WTL_FINDING_LACK] = "lack",
                                        [WTL_FINDING_PROBLEM] = "problem"};
    return names[level];
}

const char *wtl_absence_name(enum wtl_absence absence)
{
    static const char *const names[] = {
        [WTL_PRESENT] = "present",      [WTL_ABSENT_UNSUPPORTED] = "unsupported",
        [WTL_ABSENT_DENIED] = "denied", [WTL_ABSENT_NOT_YET] = "not yet",
        [WTL_ABSENT_FAILED] = "failed", [WTL_ABSENT_LOST] = "lost",
    };
    return names[absence];
}

static json_t *seconds_or_null(int64_t ns)
{
    return ns > 0 ? wtl_json_finite((double)ns / 1e9) : json_null();
}

static json_t *positive_or_null(double value)
{
    return value > 0 ? wtl_json_finite(value) : json_null();
}

static json_t *flags_json(unsigned flags)
{
    static const struct {
        unsigned flag;
        const char *name;
    } names[] = {
        {WTL_DEVICE_VIRTUAL, "virtual"},
        {WTL_DEVICE_REPLAY, "replay"},
        {WTL_DEVICE_EPHEMERAL, "ephemeral"},
        {WTL_DEVICE_MIG, "mig"},
        {WTL_DEVICE_VGPU, "vgpu"},
        {WTL_DEVICE_WSL, "wsl"},
        {WTL_DEVICE_PERSISTENT, "persistent"},
        {WTL_DEVICE_EXCLUSIVE, "exclusive"},
        {WTL_DEVICE_FAULTY, "faulty"},
        {WTL_DEVICE_ESTIMATED, "estimated"},
    };
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (flags & names[i].flag)
            wtl_json_add(&list, json_string(names[i].name));
    return list;
}

static json_t *sensor_json(const struct wtl_device_look *l, enum wtl_metric m)
{
    const struct wtl_metric_info *metric = wtl_metric_info(m);
    const struct wtl_sensor_info *s = &l->info->sensor[m];
    bool has = l->rc == 0 && wtl_reading_has(&l->reading, m);
    enum wtl_absence absence = l->rc == 0           ? (enum wtl_absence)l->reading.absence[m]
                               : l->rc == -WTL_LOST ? WTL_ABSENT_LOST
                                                    : WTL_ABSENT_FAILED;
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o}", "name", metric->name,
                     "unit", wtl_unit_symbol(metric->unit), "value",
                     has ? wtl_json_finite(l->reading.value[m]) : json_null(), "absence",
                     has ? json_null() : json_string(wtl_absence_name(absence)), "sensor_t_s",
                     seconds_or_null(has ? l->reading.sensor_t_ns[m] : 0), "period_s",
                     seconds_or_null(s->period_ns), "window_s", seconds_or_null(s->window_ns),
                     "instant", s->instant, "resolution", positive_or_null(s->resolution),
                     "wraps_at", positive_or_null(s->wraps_at));
}

static json_t *sensors_json(const struct wtl_device_look *l)
{
    json_t *list = json_array();
    for (int m = 0; m < (int)WTL_N_METRICS; m++)
        if (l->info->sensors & WTL_METRIC_BIT(m))
            wtl_json_add(&list, sensor_json(l, (enum wtl_metric)m));
    return list;
}

static json_t *request_json(const struct wtl_knob_value *v)
{
    if (v->released)
        return json_pack("{s:b}", "released", 1);
    return json_pack("{s:b, s:o, s:o}", "released", 0, "lo", wtl_json_finite(v->lo), "hi",
                     wtl_json_finite(v->hi));
}

static json_t *steps_json(const struct wtl_knob_range *r)
{
    json_t *list = json_array();
    if (r->n_steps == 0) {
        json_decref(list);
        return json_null();
    }
    for (size_t i = 0; i < r->n_steps; i++)
        wtl_json_add(&list, wtl_json_finite(r->steps[i]));
    return list;
}

/* What a lease of ours set last, where the device does not say. */
static json_t *ours_json(const struct wtl_device_knob_look *k)
{
    if (!k->has_ours)
        return json_null();
    return json_pack("{s:I, s:b, s:o}", "lease", (json_int_t)k->ours.lease, "open", k->ours.open,
                     "value", request_json(&k->ours.value));
}

static json_t *knob_json(const struct wtl_device_knob_look *k)
{
    const struct wtl_knob_info *info = wtl_knob_info(k->knob);
    bool known = k->rc == 0 && k->state.known;
    json_t *o = json_pack("{s:s, s:s, s:b, s:o, s:o, s:o}", "name", info->name, "unit",
                          wtl_unit_symbol(info->unit), "writable", k->writable, "requested",
                          known ? request_json(&k->state.requested) : json_null(), "enforced",
                          k->rc == 0 && k->state.has_enforced ? wtl_json_finite(k->state.enforced)
                                                              : json_null(),
                          "why", k->rc < 0 ? wtl_json_text_or_null(k->why) : json_null());
    const struct wtl_knob_range *r = &k->range;
    wtl_json_put(&o, "ours", ours_json(k));
    wtl_json_put(&o, "min", k->has_range ? wtl_json_finite(r->min) : json_null());
    wtl_json_put(&o, "max", k->has_range ? wtl_json_finite(r->max) : json_null());
    wtl_json_put(&o, "default",
                 k->has_range && r->has_default ? wtl_json_finite(r->default_value) : json_null());
    wtl_json_put(&o, "steps", k->has_range ? steps_json(r) : json_null());
    return o;
}

static json_t *device_json(const struct wtl_devices *d, const struct wtl_device_look *l)
{
    const struct wtl_device_info *i = l->info;
    const char *parent = i->parent >= 0 ? d->looks[i->parent].info->id : NULL;
    json_t *knobs = json_array();
    for (size_t k = 0; k < l->n_knobs; k++)
        wtl_json_add(&knobs, knob_json(&l->knobs[k]));
    json_t *o = json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id",
                          wtl_json_text(i->id), "kind", wtl_device_kind_name(i->kind), "name",
                          wtl_json_text(i->name), "uuid", wtl_json_text_or_null(i->uuid), "pci",
                          wtl_json_text_or_null(i->pci), "driver", wtl_json_text_or_null(i->driver),
                          "architecture", wtl_json_text_or_null(i->architecture), "index",
                          i->index >= 0 ? json_integer(i->index) : json_null(), "parent",
                          wtl_json_text_or_null(parent), "flags", flags_json(i->flags));
    wtl_json_put(&o, "error", l->rc < 0 ? wtl_json_text_or_null(l->why) : json_null());
    wtl_json_put(&o, "sensors", sensors_json(l));
    wtl_json_put(&o, "knobs", knobs);
    return o;
}

json_t *wtl_finding_json(const struct wtl_finding *f)
{
    return json_pack("{s:s, s:o, s:o, s:o}", "level", level_name(f->level), "subject",
                     wtl_json_text(f->subject), "text", wtl_json_text(f->text), "fix",
                     wtl_json_text_or_null(f->fix));
}

json_t *wtl_devices_json(const struct wtl_devices *d)
{
    json_t *list = json_array();
    for (size_t i = 0; i < d->n; i++)
        wtl_json_add(&list, device_json(d, &d->looks[i]));
    return json_pack("{s:s, s:i, s:o, s:o}", "format", "wattle-devices", "version", 1, "root",
                     wtl_json_text(d->root), "devices", list);
}
