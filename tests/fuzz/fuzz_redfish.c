/* SPDX-License-Identifier: Apache-2.0
 * A name behind "redfish:" to the first end of a line, then what a service answers; nothing is
 * opened. */
#include "fuzz/fuzz.h"

#include "device/redfish/redfish.h"

#include <math.h>
#include <string.h>

static void check_name(const char *text)
{
    struct wtl_redfish_options o;
    struct wtl_error err = {0};
    if (wtl_redfish_parse(text, &o, &err) < 0) {
        fuzz_check(err.message[0] != '\0', "a refusal says why");
        return;
    }
    fuzz_check(o.host[0] != '\0' && strpbrk(o.host, "@/ \r\n") == NULL, "a host");
    fuzz_check(o.path[0] == '\0' || o.path[0] == '/', "a path");
    fuzz_check(!o.user[0] || o.insecure || strncmp(o.origin, "https://", 8) == 0,
               "no password in the clear, unless told so");
}

static void check_links(const struct wtl_json *root)
{
    static const char *const keys[] = {"EnvironmentMetrics", "Power", "Sensors"};
    char path[WTL_REDFISH_PATH];
    size_t n = 0;
    for (int i = 0; i < 3; i++)
        if (wtl_redfish_link(root, keys[i], path))
            fuzz_check(path[0] == '/' && path[1] != '/' && !strpbrk(path, " \r\n"),
                       "links are paths of the host");
    for (size_t i = 0; i < 4; i++)
        if (wtl_redfish_member(root, i, &n, path))
            fuzz_check(i < n && path[0] == '/' && path[1] != '/', "members are, too");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum wtl_redfish_kind kinds[] = {WTL_REDFISH_ENVIRONMENT, WTL_REDFISH_POWER,
                                                  WTL_REDFISH_SENSOR};
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    json_t *json = NULL;
    const uint8_t *newline = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t first = newline ? (size_t)(newline - data) : size;
    const char *name = wtl_arena_strndup(&arena, (const char *)data, first);
    if (name)
        check_name(name);
    if (!newline ||
        wtl_json_parse((const char *)newline + 1, size - first - 1, "fuzz", &json, &err) < 0)
        return 0;
    struct wtl_json root = wtl_json_root(json, "fuzz");
    check_links(&root);
    for (int i = 0; i < 3; i++) {
        struct wtl_redfish_values v = {.period_ns = -7};
        if (wtl_redfish_values(&root, kinds[i], &v, &err) < 0)
            fuzz_check(v.period_ns == -7 && err.message[0], "untouched where it says why not");
        else
            fuzz_check((!v.has_power || (isfinite(v.power_w) && v.power_w >= 0)) &&
                           (!v.has_energy || v.energy_j >= 0) && v.period_ns >= 0,
                       "values are not negative");
    }
    json_decref(json);
    return 0;
}
