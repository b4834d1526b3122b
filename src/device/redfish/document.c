/* SPDX-License-Identifier: Apache-2.0
 * What Redfish resources say of power and energy (DMTF schemas Chassis, EnvironmentMetrics, Power,
 * Sensor). */
#include "device/redfish/redfish.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define JOULES_PER_KWH 3.6e6
#define MAX_READING 1e18

/* ---- Links ----------------------------------------------------------------------------------- */

/* Whether it is a path of the same host: no scheme, no other host, nothing that splits a request.
 */
static bool is_path(const char *s)
{
    if (s[0] != '/' || s[1] == '/' || strlen(s) >= WTL_REDFISH_PATH || strstr(s, "/../"))
        return false;
    for (; *s; s++)
        if (!isgraph((unsigned char)*s) || *s == '\\')
            return false;
    return true;
}

static bool path_of(const struct wtl_json *link, char path[WTL_REDFISH_PATH])
{
    const char *s = NULL;
    struct wtl_json id;
    if (!json_is_object(link->value) || !wtl_json_find(link, "@odata.id", &id) ||
        !json_is_string(id.value))
        return false;
    s = json_string_value(id.value);
    if (!is_path(s))
        return false;
    memcpy(path, s, strlen(s) + 1);
    return true;
}

bool wtl_redfish_link(const struct wtl_json *resource, const char *key, char path[WTL_REDFISH_PATH])
{
    struct wtl_json link;
    return json_is_object(resource->value) && wtl_json_find(resource, key, &link) &&
           path_of(&link, path);
}

bool wtl_redfish_member(const struct wtl_json *collection, size_t i, size_t *n_out,
                        char path[WTL_REDFISH_PATH])
{
    struct wtl_json members;
    *n_out = 0;
    if (!json_is_object(collection->value) || !wtl_json_find(collection, "Members", &members) ||
        !json_is_array(members.value))
        return false;
    *n_out = wtl_json_count(&members);
    if (i >= *n_out)
        return false;
    struct wtl_json member = wtl_json_item(&members, i);
    return path_of(&member, path);
}

/* ---- Values ---------------------------------------------------------------------------------- */

int64_t wtl_redfish_duration_ns(const char *text)
{
    double s = 0;
    bool time = false;
    if (*text++ != 'P')
        return 0;
    while (*text) {
        if (*text == 'T' && !time) {
            time = true;
            text++;
            continue;
        }
        size_t n = strspn(text, "0123456789.");
        double value = 0;
        if (n == 0 || !wtl_parse_double(text, n, &value))
            return 0;
        char unit = text[n];
        double scale = !time && unit == 'D'  ? 86400
                       : time && unit == 'H' ? 3600
                       : time && unit == 'M' ? 60
                       : time && unit == 'S' ? 1
                                             : 0;
        if (scale <= 0)
            return 0;
        s += value * scale;
        text += n + 1;
    }
    return s > 0 && s <= 86400 ? (int64_t)(s * 1e9) : 0;
}

/* A number that may be null. */
static int number(const struct wtl_json *object, const char *key, bool *knows, bool *has,
                  double *out, struct wtl_error *err)
{
    struct wtl_json at;
    const json_t *value = json_object_get(object->value, key);
    *knows = *knows || value != NULL;
    if (!wtl_json_find(object, key, &at))
        return 0;
    if (!json_is_number(at.value))
        return wtl_json_fail(&at, err, "a number is expected");
    double v = json_number_value(at.value);
    if (!(v >= 0 && v <= MAX_READING))
        return wtl_json_fail(&at, err, "%g is no reading of a meter", v);
    *has = true;
    *out = v;
    return 0;
}

/* {KEY: {"Reading": number or null}} */
static int reading(const struct wtl_json *resource, const char *key, double scale, bool *knows,
                   bool *has, double *out, struct wtl_error *err)
{
    struct wtl_json excerpt;
    double value = 0;
    bool found = false;
    if (*has || !wtl_json_find(resource, key, &excerpt) || !json_is_object(excerpt.value))
        return 0;
    int rc = number(&excerpt, "Reading", knows, &found, &value, err);
    if (rc == 0 && found) {
        *has = true;
        *out = value * scale;
    }
    return rc;
}

static int from_environment(const struct wtl_json *r, struct wtl_redfish_values *v,
                            struct wtl_error *err)
{
    int rc = reading(r, "PowerWatts", 1, &v->knows_power, &v->has_power, &v->power_w, err);
    rc = rc ? rc
            : reading(r, "EnergyJoules", 1, &v->knows_energy, &v->has_energy, &v->energy_j, err);
    return rc ? rc
              : reading(r, "EnergykWh", JOULES_PER_KWH, &v->knows_energy, &v->has_energy,
                        &v->energy_j, err);
}

static int from_power(const struct wtl_json *r, struct wtl_redfish_values *v, struct wtl_error *err)
{
    struct wtl_json controls;
    if (!wtl_json_find(r, "PowerControl", &controls) || !json_is_array(controls.value) ||
        wtl_json_count(&controls) == 0)
        return 0;
    struct wtl_json first = wtl_json_item(&controls, 0);
    if (!json_is_object(first.value))
        return 0;
    return number(&first, "PowerConsumedWatts", &v->knows_power, &v->has_power, &v->power_w, err);
}

static bool says(const struct wtl_json *r, const char *key, const char *want)
{
    struct wtl_json at;
    return wtl_json_find(r, key, &at) && json_is_string(at.value) &&
           strcmp(json_string_value(at.value), want) == 0;
}

static int from_sensor(const struct wtl_json *r, struct wtl_redfish_values *v,
                       struct wtl_error *err)
{
    struct wtl_json interval;
    if (wtl_json_find(r, "SensingInterval", &interval) && json_is_string(interval.value))
        v->period_ns = wtl_redfish_duration_ns(json_string_value(interval.value));
    if (!says(r, "ReadingType", "Power"))
        return 0;
    return number(r, "Reading", &v->knows_power, &v->has_power, &v->power_w, err);
}

int wtl_redfish_values(const struct wtl_json *resource, enum wtl_redfish_kind kind,
                       struct wtl_redfish_values *out, struct wtl_error *err)
{
    struct wtl_redfish_values v = {0};
    int rc = 0;
    if (!json_is_object(resource->value))
        return wtl_json_fail(resource, err, "an object is expected");
    switch (kind) {
    case WTL_REDFISH_ENVIRONMENT:
        rc = from_environment(resource, &v, err);
        break;
    case WTL_REDFISH_POWER:
        rc = from_power(resource, &v, err);
        break;
    case WTL_REDFISH_SENSOR:
        rc = from_sensor(resource, &v, err);
        break;
    }
    if (rc == 0)
        *out = v;
    return rc;
}
