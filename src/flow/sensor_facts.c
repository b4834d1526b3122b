/* SPDX-License-Identifier: Apache-2.0
 * Facts about sensors, as a small JSON file for each device. */
#include "flow/sensor_facts.h"

#include "base/dirs.h"
#include "base/file.h"
#include "base/text.h"
#include "codec/json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 16 };

/* Ids hold ':' and '/'; a file's name holds neither. */
static int path_of(const struct wtl_device_info *info, bool make, char out[WTL_LIMIT_PATH],
                   struct wtl_error *err)
{
    char dir[WTL_LIMIT_PATH], name[WTL_LIMIT_NAME];
    int rc = make ? wtl_dir_make(WTL_DIR_STATE, "sensors", dir, err)
                  : wtl_dir_path(WTL_DIR_STATE, "sensors", dir, err);
    if (rc < 0)
        return rc;
    snprintf(name, sizeof name, "%s", info->card[0] ? info->card : info->id);
    for (char *p = name; *p; p++)
        if (*p == '/' || *p == ':' || *p == '.')
            *p = '_';
    int n = snprintf(out, WTL_LIMIT_PATH, "%s/%s.json", dir, name);
    return n > 0 && n < WTL_LIMIT_PATH ? 0 : WTL_FAIL(err, WTL_LIMIT, "\"%s\" is too long", dir);
}

static json_t *model_json(const struct wtl_sensor_model *m)
{
    return json_pack(
        "{s:o, s:o, s:o}", "period_s",
        m->period_ns ? wtl_json_finite(1e-9 * (double)m->period_ns) : json_null(), "window_s",
        m->window_known ? wtl_json_finite(1e-9 * (double)m->window_ns) : json_null(), "lag_s",
        m->lag_known ? wtl_json_finite(1e-9 * (double)m->lag_ns) : json_null());
}

static json_t *gain_json(const struct wtl_gain *g)
{
    if (!g->known)
        return json_null();
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "gain", wtl_json_finite(g->value), "lo",
                     wtl_json_finite(g->lo), "hi", wtl_json_finite(g->hi), "offset_w",
                     wtl_json_finite(g->offset_w), "doubt_w", wtl_json_finite(g->doubt_w),
                     "relative", wtl_json_finite(g->relative));
}

static json_t *calibration_json(const struct wtl_calibration *c)
{
    if (!wtl_calibration_is_known(c))
        return json_null();
    return json_pack("{s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:i, s:o}", "against",
                     wtl_json_text(c->meter), "accuracy", wtl_json_finite(c->accuracy), "alone",
                     (int)c->alone, "counter", gain_json(&c->counter), "power",
                     gain_json(&c->power), "low_w", wtl_json_finite(c->low_w), "high_w",
                     wtl_json_finite(c->high_w), "rest_w",
                     c->alone ? json_null() : wtl_json_finite(c->rest_w), "windows", c->n_windows,
                     "window_s", wtl_json_finite(c->window_s));
}

json_t *wtl_sensor_facts_json(const struct wtl_device_info *info, const struct wtl_sensor_facts *f,
                              int64_t wall_ns)
{
    char when[32];
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:i, s:o}", "device",
                     info->id, "name", info->name, "driver", info->driver, "measured",
                     wtl_format_utc(wall_ns, when, sizeof when), "counter",
                     f->has_counter ? model_json(&f->counter) : json_null(), "power",
                     f->has_power ? model_json(&f->power) : json_null(), "power_sensor",
                     f->metric < WTL_N_METRICS ? wtl_metric_info(f->metric)->name : "", "low_w",
                     wtl_json_finite(f->low_w), "high_w", wtl_json_finite(f->high_w), "unexplained",
                     wtl_json_finite(f->unexplained), "n", f->n, "calibration",
                     calibration_json(&f->calibration));
}

static bool read_time(const json_t *o, const char *key, int64_t *ns_out)
{
    const json_t *v = json_object_get(o, key);
    double s = json_is_number(v) ? json_number_value(v) : -1;
    if (!(s >= 0 && s < 100))
        return false;
    *ns_out = llround(1e9 * s);
    return true;
}

static bool read_model(const json_t *o, struct wtl_sensor_model *out)
{
    if (!json_is_object(o))
        return false;
    (void)read_time(o, "period_s", &out->period_ns);
    out->window_known = read_time(o, "window_s", &out->window_ns);
    out->lag_known = read_time(o, "lag_s", &out->lag_ns);
    return out->lag_known;
}

static double number(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return json_is_number(v) && isfinite(json_number_value(v)) ? json_number_value(v) : 0;
}

/* A gain that no instrument has is none. */
static void read_gain(const json_t *o, struct wtl_gain *out)
{
    struct wtl_gain g = {.value = number(o, "gain"),
                         .lo = number(o, "lo"),
                         .hi = number(o, "hi"),
                         .offset_w = number(o, "offset_w"),
                         .doubt_w = number(o, "doubt_w"),
                         .relative = number(o, "relative")};
    g.known = g.lo > 0.25 && g.lo <= g.value && g.value <= g.hi && g.hi < 4 && g.relative > 0 &&
              g.relative < 1;
    if (g.known)
        *out = g;
}

static void read_calibration(const json_t *o, struct wtl_calibration *c)
{
    const char *meter = json_string_value(json_object_get(o, "against"));
    read_gain(json_object_get(o, "counter"), &c->counter);
    read_gain(json_object_get(o, "power"), &c->power);
    if (!wtl_calibration_is_known(c))
        return;
    (void)wtl_view_copy(wtl_view_of(meter ? meter : ""), c->meter, sizeof c->meter);
    c->accuracy = number(o, "accuracy");
    c->alone = json_is_true(json_object_get(o, "alone"));
    c->low_w = number(o, "low_w");
    c->high_w = number(o, "high_w");
    c->rest_w = number(o, "rest_w");
    c->n_windows = (int)number(o, "windows");
    c->window_s = number(o, "window_s");
}

/* NULL: it is not there, or tells nothing. */
static json_t *read_file(const char *path, const struct wtl_log *log)
{
    char *text;
    size_t size;
    json_t *root = NULL;
    struct wtl_error why = {0};
    WTL_ARENA(arena);
    int rc = wtl_file_read(&arena, path, FILE_MAX, &text, &size, &why);
    if (rc == -(int)WTL_NOTFOUND)
        return NULL;
    rc = rc ? rc : wtl_json_parse(text, size, path, &root, &why);
    if (rc < 0)
        wtl_log(log, WTL_LOG_WARNING,
                "what `wattle calibrate` found is not used, and energies are not corrected: %s: %s",
                path, why.message);
    return rc < 0 ? NULL : root;
}

bool wtl_sensor_facts_load(const struct wtl_device_info *info, const struct wtl_log *log,
                           struct wtl_sensor_facts *out)
{
    char path[WTL_LIMIT_PATH];
    json_t *root = path_of(info, false, path, NULL) < 0 ? NULL : read_file(path, log);
    if (!root)
        return false;
    struct wtl_sensor_facts f = {.metric = WTL_N_METRICS};
    const char *driver = json_string_value(json_object_get(root, "driver"));
    const char *metric = json_string_value(json_object_get(root, "power_sensor"));
    bool mine = driver && strcmp(driver, info->driver) == 0;
    f.metric = metric ? wtl_metric_by_name(metric) : WTL_N_METRICS;
    f.has_counter = mine && read_model(json_object_get(root, "counter"), &f.counter);
    f.has_power = mine && read_model(json_object_get(root, "power"), &f.power);
    f.low_w = number(root, "low_w");
    f.high_w = number(root, "high_w");
    f.unexplained = number(root, "unexplained");
    f.n = (int)number(root, "n");
    if (mine)
        read_calibration(json_object_get(root, "calibration"), &f.calibration);
    json_decref(root);
    bool known = f.has_counter || f.has_power || wtl_calibration_is_known(&f.calibration);
    if (known)
        *out = f;
    return known;
}

int wtl_sensor_facts_can_save(const struct wtl_device_info *info, struct wtl_error *err)
{
    char path[WTL_LIMIT_PATH];
    int rc = path_of(info, true, path, err);
    if (rc < 0)
        return rc;
    path[wtl_path_base(path) - path] = '\0';
    return access(path, W_OK | X_OK) == 0 ? 0 : wtl_fail_errno(err, errno, "write in", path);
}

int wtl_sensor_facts_save(const struct wtl_device_info *info, const struct wtl_sensor_facts *facts,
                          int64_t wall_ns, char path_out[WTL_LIMIT_PATH], struct wtl_error *err)
{
    struct wtl_buf text;
    json_t *o = wtl_sensor_facts_json(info, facts, wall_ns);
    wtl_buf_init(&text, wtl_alloc_system(), FILE_MAX);
    int rc = path_of(info, true, path_out, err);
    if (rc == 0 && (!o || !wtl_json_write(o, &text)))
        rc = WTL_FAIL(err, WTL_NOMEM, "out of memory");
    if (rc == 0)
        rc = wtl_file_write_atomic(path_out, text.data, text.len, 0644, err);
    wtl_buf_fini(&text);
    json_decref(o);
    return rc;
}
