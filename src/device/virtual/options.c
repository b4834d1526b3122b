/* SPDX-License-Identifier: Apache-2.0
 * What stands behind "virtual:". */
#include "device/virtual/virtual.h"

#include "base/text.h"
#include "base/units.h"

#include <stdio.h>
#include <string.h>

static int parse_seed(const char *value, struct wtl_virtual_options *o, struct wtl_error *err)
{
    int64_t seed = 0;
    if (!wtl_parse_int(value, strlen(value), &seed) || seed < 0)
        return WTL_FAIL(err, WTL_USAGE, "\"seed=%s\": a seed is a whole number from 0 on", value);
    o->sim.seed = (uint64_t)seed;
    return 0;
}

/* "resnet50/64@40%" */
static int parse_load(const char *value, struct wtl_virtual_options *o, struct wtl_error *err)
{
    if (o->n_loads == WTL_VIRTUAL_LOADS)
        return WTL_FAIL(err, WTL_LIMIT, "more than %d loads for one virtual device",
                        WTL_VIRTUAL_LOADS);
    struct wtl_virtual_load *l = &o->load[o->n_loads];
    *l = (struct wtl_virtual_load){.share = 1};
    size_t n = strcspn(value, "/@");
    if (n == 0 || n >= sizeof l->workload)
        return WTL_FAIL(err, WTL_USAGE, "\"load=%s\" names no workload", value);
    memcpy(l->workload, value, n);
    l->workload[n] = '\0';
    const char *at = value + n;
    int64_t batch = 0;
    if (*at == '/') {
        size_t digits = strcspn(++at, "@");
        if (!wtl_parse_int(at, digits, &batch) || batch < 1 || batch > 1000000)
            return WTL_FAIL(err, WTL_USAGE, "\"load=%s\": a batch is a whole number from 1 on",
                            value);
        at += digits;
    }
    l->batch = (int)batch;
    if (*at == '@') {
        int rc = wtl_parse_setting(at + 1, WTL_UNIT_FRACTION, &l->share, err);
        if (rc < 0)
            return rc;
        if (!(l->share > 0 && l->share <= 1))
            return WTL_FAIL(err, WTL_USAGE, "\"load=%s\": a share is above 0 %%, 100 %% at most",
                            value);
    }
    o->n_loads++;
    return 0;
}

/* "2s/5s" */
static int parse_pattern(const char *value, struct wtl_virtual_options *o, struct wtl_error *err)
{
    char on[32];
    double on_s = 0, period_s = 0;
    const char *slash = strchr(value, '/');
    if (o->n_loads == 0)
        return WTL_FAIL(err, WTL_USAGE, "\"on=%s\" stands behind no load", value);
    if (!slash || (size_t)(slash - value) >= sizeof on)
        return WTL_FAIL(err, WTL_USAGE, "\"on=%s\" is not TIME/PERIOD, as in \"on=2s/5s\"", value);
    memcpy(on, value, (size_t)(slash - value));
    on[slash - value] = '\0';
    int rc = wtl_parse_setting(on, WTL_UNIT_SECOND, &on_s, err);
    if (rc == 0)
        rc = wtl_parse_setting(slash + 1, WTL_UNIT_SECOND, &period_s, err);
    if (rc < 0)
        return rc;
    if (!(on_s >= 0.005 && period_s > on_s && period_s <= 86400))
        return WTL_FAIL(err, WTL_USAGE,
                        "\"on=%s\": the load is on for 5 ms or more of a longer period, a day at "
                        "most",
                        value);
    struct wtl_virtual_load *l = &o->load[o->n_loads - 1];
    l->pattern.on_ms = (int)(on_s * 1e3 / WTL_SIM_STEP_MS) * WTL_SIM_STEP_MS;
    l->pattern.period_ms = (int)(period_s * 1e3 / WTL_SIM_STEP_MS) * WTL_SIM_STEP_MS;
    return 0;
}

static int parse_option(const char *text, struct wtl_virtual_options *o, struct wtl_error *err)
{
    static const char *const names[] = {"seed", "load", "on", "calibrated", "exact"};
    if (wtl_starts_with(text, "seed="))
        return parse_seed(text + 5, o, err);
    if (wtl_starts_with(text, "load="))
        return parse_load(text + 5, o, err);
    if (wtl_starts_with(text, "on="))
        return parse_pattern(text + 3, o, err);
    bool *flag = strcmp(text, "calibrated") == 0 ? &o->sim.calibrated
                 : strcmp(text, "exact") == 0    ? &o->sim.exact_sensors
                                                 : NULL;
    if (flag) {
        *flag = true;
        return 0;
    }
    char name[32];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(text, "="), text);
    int rc = WTL_FAIL(err, WTL_USAGE, "\"%s\" is no option of a virtual device", text);
    const char *near = wtl_did_you_mean(name, names, sizeof names / sizeof names[0]);
    if (near)
        wtl_error_hint(err, "did you mean \"%s\"?", near);
    else
        wtl_error_hint(err, "seed=N, load=WORKLOAD[/BATCH][@SHARE], on=TIME/PERIOD, calibrated, "
                            "exact");
    return rc;
}

/* Takes "#N" off the end of the board or of the last option. */
static int take_index(char *text, struct wtl_virtual_options *o, struct wtl_error *err)
{
    char *hash = strrchr(text, '#');
    int64_t n = 0;
    if (!hash)
        return 0;
    if (!wtl_parse_int(hash + 1, strlen(hash + 1), &n) || n < 0 || n > 31)
        return WTL_FAIL(err, WTL_USAGE, "\"%s\": a virtual device has a number from 0 to 31", hash);
    o->index = o->sim.index = (int)n;
    *hash = '\0';
    return 0;
}

int wtl_virtual_parse(const char *text, struct wtl_virtual_options *options_out,
                      struct wtl_error *err)
{
    struct wtl_virtual_options o = {.sim = {.seed = 1}};
    char copy[WTL_LIMIT_NAME];
    if (strlen(text) >= sizeof copy)
        return WTL_FAIL(err, WTL_LIMIT, "\"virtual:%.40s...\" is longer than %d bytes", text,
                        WTL_LIMIT_NAME - 1);
    snprintf(copy, sizeof copy, "%s", text);
    int rc = 0;
    char *at = copy;
    for (int i = 0; rc == 0 && at; i++) {
        char *comma = strchr(at, ',');
        if (comma)
            *comma = '\0';
        if (i == 0 || !comma)
            rc = take_index(at, &o, err);
        if (rc == 0 && i == 0)
            memcpy(o.board, at, strlen(at) + 1);
        else if (rc == 0)
            rc = parse_option(at, &o, err);
        at = comma ? comma + 1 : NULL;
    }
    if (rc == 0 && !o.board[0]) {
        rc = WTL_FAIL(err, WTL_USAGE, "\"virtual:%s\" names no board", text);
        wtl_error_hint(err, "for example virtual:a100 or virtual:v100,load=llama#1");
    }
    if (rc == 0)
        *options_out = o;
    return rc;
}
