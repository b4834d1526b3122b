/* SPDX-License-Identifier: Apache-2.0
 * The document of a window, and what a listener answers. */
#include "flow/monitor.h"

#include "codec/json.h"

#include <stdio.h>
#include <string.h>

static json_t *device_json(const struct wtl_window_device *d)
{
    return json_pack("{s:o, s:o, s:o, s:b}", "id", wtl_json_text(d->id), "kind",
                     wtl_json_text(d->kind), "index",
                     d->index < 0 ? json_null() : json_integer(d->index), "part_of_another",
                     (int)d->part_of_another);
}

json_t *wtl_window_devices_json(const struct wtl_window_result *r)
{
    json_t *devices = json_array();
    for (size_t i = 0; i < r->n; i++)
        wtl_json_add(&devices, device_json(&r->device[i]));
    return json_pack("{s:o}", "devices", devices);
}

json_t *wtl_window_json(const struct wtl_window_result *r, const struct wtl_marker_end *end)
{
    json_t *devices = json_array();
    for (size_t i = 0; i < r->n; i++) {
        json_t *device = device_json(&r->device[i]);
        wtl_json_put(&device, "energy", wtl_energy_json(&r->device[i].energy));
        wtl_json_add(&devices, device);
    }
    return json_pack("{s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o}", "name", wtl_json_text(r->name),
                     "time_s", wtl_json_finite(r->time_s), "settled", (int)r->settled, "work",
                     end->has_work ? wtl_json_finite(end->work) : json_null(), "unit",
                     wtl_json_text_or_null(end->unit), "latency_s",
                     end->has_latency ? wtl_json_finite(end->latency_s) : json_null(), "energy",
                     wtl_energy_json(&r->total), "devices", devices);
}

/* ---- Answers --------------------------------------------------------------------------------- */

static int read_troubles(const struct wtl_json *at, unsigned *out, struct wtl_error *err)
{
    struct wtl_json list;
    int rc = wtl_json_array(at, "troubles", &list, err);
    for (size_t k = 0; rc == 0 && k < wtl_json_count(&list); k++) {
        const char *name = json_string_value(wtl_json_item(&list, k).value);
        *out |= wtl_energy_trouble_by_name(wtl_view_of(name ? name : ""));
    }
    return rc;
}

/* Of a sensor that was calibrated. */
static int read_calibration(const struct wtl_json *at, struct wtl_energy *e, struct wtl_error *err)
{
    struct wtl_json found;
    if (!wtl_json_find(at, "calibration", &found))
        return 0;
    int rc = wtl_json_number(at, "gain", &e->gain, err);
    return rc ? rc : wtl_json_number(at, "calibration", &e->calibration, err);
}

static int read_energy(const struct wtl_json *at, struct wtl_energy *e, struct wtl_error *err)
{
    const char *method = NULL, *letter = NULL;
    int rc = wtl_json_number(at, "energy_j", &e->energy_j, err);
    rc = rc ? rc : wtl_json_number(at, "lo_j", &e->lo_j, err);
    rc = rc ? rc : wtl_json_number(at, "hi_j", &e->hi_j, err);
    rc = rc ? rc : wtl_json_number(at, "time_s", &e->time_s, err);
    rc = rc ? rc : wtl_json_string(at, "method", &method, err);
    rc = rc ? rc : wtl_json_string(at, "class", &letter, err);
    rc = rc ? rc : read_calibration(at, e, err);
    rc = rc ? rc : read_troubles(at, &e->troubles, err);
    if (rc == 0 && !(e->lo_j <= e->energy_j && e->energy_j <= e->hi_j && e->time_s >= 0))
        rc = wtl_json_fail(at, err, "%g J in %g to %g in %g s cannot be", e->energy_j, e->lo_j,
                           e->hi_j, e->time_s);
    if (rc == 0) {
        e->method = wtl_energy_method_by_name(method);
        e->class = wtl_energy_class_by_letter(letter[0]);
    }
    return rc;
}

static int read_device(const struct wtl_json *at, bool energy, struct wtl_window_device *d,
                       struct wtl_error *err)
{
    int64_t index = -1;
    const char *kind = NULL;
    snprintf(d->id, sizeof d->id, "%s", at->key);
    int rc = wtl_json_string(at, "kind", &kind, err);
    rc = rc ? rc : wtl_json_integer(at, "index", -1, 1 << 20, &index, err);
    rc = rc ? rc : wtl_json_bool(at, "part_of_another", &d->part_of_another, err);
    if (rc == 0 && energy)
        rc = read_energy(at, &d->energy, err);
    if (rc == 0) {
        snprintf(d->kind, sizeof d->kind, "%s", kind);
        d->index = (int)index;
    }
    return rc;
}

static int read_devices(const char *text, size_t n, bool energy, struct wtl_window_result *r,
                        struct wtl_error *err)
{
    json_auto_t *document = NULL;
    struct wtl_json devices;
    int rc = wtl_json_parse(text, n, "the answer to a marker", &document, err);
    if (rc < 0)
        return rc;
    struct wtl_json root = wtl_json_root(document, "the answer to a marker");
    rc = wtl_json_object(&root, "devices", &devices, err);
    rc = rc ? rc : wtl_json_bool_opt(&root, "settled", &r->settled, err);
    const char *key;
    json_t *value;
    json_t *all = rc == 0 ? json_object_get(document, "devices") : NULL;
    json_object_foreach(all, key, value)
    {
        const struct wtl_json at = {.value = value, .up = &devices, .key = key, .file = root.file};
        if (rc < 0 || r->n == WTL_WINDOW_DEVICES)
            break;
        rc = read_device(&at, energy, &r->device[r->n], err);
        if (rc == 0 && !r->device[r->n].part_of_another)
            wtl_energy_add(&r->total, &r->device[r->n].energy);
        r->n += rc == 0;
    }
    return rc;
}

int wtl_window_read_answer(const char *text, size_t n, struct wtl_window_result *r,
                           struct wtl_error *err)
{
    return read_devices(text, n, true, r, err);
}

int wtl_window_read_devices(const char *text, size_t n, struct wtl_window_result *r,
                            struct wtl_error *err)
{
    return read_devices(text, n, false, r, err);
}
