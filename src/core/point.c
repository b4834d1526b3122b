/* SPDX-License-Identifier: Apache-2.0
 * The settings of an operating point. */
#include "core/point.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct wtl_setting_info infos[WTL_N_SETTINGS] = {
#define X(name, unit, title, text) {#name, WTL_UNIT_##unit, title, text},
    WTL_SETTINGS(X)
#undef X
};

const struct wtl_setting_info *wtl_setting_info(enum wtl_setting setting)
{
    return &infos[setting];
}

enum wtl_setting wtl_setting_by_name(const char *name)
{
    int s = 0;
    while (s < (int)WTL_N_SETTINGS && strcmp(infos[s].name, name) != 0)
        s++;
    return (enum wtl_setting)s;
}

static int compare_value(const struct wtl_point *a, const struct wtl_point *b, enum wtl_setting s)
{
    if (wtl_point_has(a, s) != wtl_point_has(b, s))
        return wtl_point_has(a, s) ? 1 : -1;
    if (!wtl_point_has(a, s))
        return 0;
    double x = a->value[s], y = b->value[s];
    if (fabs(x - y) <= 1e-6 * fmax(fabs(x), fabs(y)))
        return 0;
    return x > y ? 1 : -1;
}

int wtl_point_compare(const struct wtl_point *a, const struct wtl_point *b)
{
    int c = strcmp(a->variant, b->variant);
    for (int s = 0; c == 0 && s < (int)WTL_N_SETTINGS; s++)
        c = compare_value(a, b, (enum wtl_setting)s);
    return c;
}

static void format_value(enum wtl_setting s, double v, char *buf, size_t size)
{
    char text[40];
    switch (s) {
    case WTL_SETTING_share:
        snprintf(buf, size, "share %s", wtl_format_bound(v, WTL_UNIT_FRACTION, text, 40));
        return;
    case WTL_SETTING_limit_w:
        snprintf(buf, size, "%s", wtl_format_quantity(v, WTL_UNIT_WATT, text, 40));
        return;
    case WTL_SETTING_batch:
        snprintf(buf, size, "batch %g", v);
        return;
    case WTL_SETTING_replicas:
        snprintf(buf, size, "%g replica%s", v, v == 1 ? "" : "s");
        return;
    case WTL_SETTING_cpu_quota:
        snprintf(buf, size, "%g CPU%s", v, v == 1 ? "" : "s");
        return;
    case WTL_SETTING_threads:
        snprintf(buf, size, "%g thread%s", v, v == 1 ? "" : "s");
        return;
    case WTL_N_SETTINGS:
        break;
    }
    buf[0] = '\0';
}

const char *wtl_point_format(const struct wtl_point *p, char buf[WTL_POINT_TEXT])
{
    size_t n = (size_t)snprintf(buf, WTL_POINT_TEXT, "%s", p->variant);
    for (int s = 0; s < (int)WTL_N_SETTINGS; s++) {
        if (!wtl_point_has(p, (enum wtl_setting)s))
            continue;
        char text[64];
        format_value((enum wtl_setting)s, p->value[s], text, sizeof text);
        n += (size_t)snprintf(buf + n, WTL_POINT_TEXT - n, "%s%s", n ? ", " : "", text);
        if (n >= WTL_POINT_TEXT)
            break;
    }
    return buf;
}
