/* SPDX-License-Identifier: Apache-2.0
 * Configurations in documents. */
#include "store/configuration_json.h"

#include <string.h>

json_t *wtl_configuration_to_json(const struct wtl_configuration *c)
{
    json_t *o = json_object();
    if (c->point.variant[0])
        wtl_json_put(&o, "variant", json_string(c->point.variant));
    for (int s = 0; s < (int)WTL_N_SETTINGS; s++)
        if (wtl_point_has(&c->point, (enum wtl_setting)s))
            wtl_json_put(&o, wtl_setting_info((enum wtl_setting)s)->name,
                         wtl_json_finite(c->point.value[s]));
    if (c->mem_clock_mhz)
        wtl_json_put(&o, "mem_clock_mhz", json_integer(c->mem_clock_mhz));
    wtl_json_put(&o, "window", json_boolean(c->window));
    if (c->unit[0])
        wtl_json_put(&o, "unit", json_string(c->unit));
    return o;
}

void wtl_configuration_put(json_t **object, const struct wtl_configuration *c)
{
    if (!wtl_configuration_is_plain(c))
        wtl_json_put(object, "configuration", wtl_configuration_to_json(c));
}

static int read_settings(const struct wtl_json *o, struct wtl_point *point, struct wtl_error *err)
{
    for (int s = 0; s < (int)WTL_N_SETTINGS; s++) {
        const char *name = wtl_setting_info((enum wtl_setting)s)->name;
        struct wtl_json at;
        double value = 0;
        if (!wtl_json_find(o, name, &at))
            continue;
        int rc = wtl_json_number(o, name, &value, err);
        if (rc == 0 && !(value > 0 && value < 1e9))
            rc = wtl_json_fail(&at, err, "is not above 0");
        if (rc < 0)
            return rc;
        wtl_point_set(point, (enum wtl_setting)s, value);
    }
    return 0;
}

int wtl_configuration_from_json(const struct wtl_json *parent, struct wtl_configuration *out,
                                struct wtl_error *err)
{
    return wtl_configuration_read(parent, "configuration", out, err);
}

int wtl_configuration_read(const struct wtl_json *parent, const char *key,
                           struct wtl_configuration *out, struct wtl_error *err)
{
    static const char *const keys[] = {
#define X(name, unit, title, text) #name,
        WTL_SETTINGS(X)
#undef X
            "variant",
        "mem_clock_mhz", "window", "unit"};
    struct wtl_configuration c = {0};
    struct wtl_json o;
    int64_t clock = 0;
    if (!wtl_json_find(parent, key, &o)) {
        *out = c;
        return 0;
    }
    int rc = wtl_json_object(parent, key, &o, err);
    rc = rc ? rc : wtl_json_only(&o, keys, sizeof keys / sizeof keys[0], err);
    rc = rc ? rc : wtl_json_name_opt(&o, "variant", c.point.variant, sizeof c.point.variant, err);
    rc = rc ? rc : wtl_json_name_opt(&o, "unit", c.unit, sizeof c.unit, err);
    rc = rc ? rc : read_settings(&o, &c.point, err);
    rc = rc ? rc : wtl_json_integer_opt(&o, "mem_clock_mhz", 1, WTL_LIMIT_CLOCK_MHZ, &clock, err);
    rc = rc ? rc : wtl_json_bool_opt(&o, "window", &c.window, err);
    if (rc < 0)
        return rc;
    c.mem_clock_mhz = (int)clock;
    *out = c;
    return 0;
}
