/* SPDX-License-Identifier: Apache-2.0
 * Words of point_choice.h. */
#include "core/point_choice.h"

#include <stdio.h>
#include <string.h>

const char *wtl_point_choice_work(const struct wtl_point_choice *c, char buf[20])
{
    struct wtl_configuration at = {.window = !c->per_run};
    memcpy(at.unit, c->unit, sizeof at.unit);
    return wtl_configuration_work(&at, buf);
}

const char *wtl_measured_point_format(const struct wtl_measured_point *p,
                                      char buf[WTL_MEASURED_POINT_TEXT])
{
    wtl_configuration_format(&p->at, buf);
    size_t n = strlen(buf);
    if (p->clock_mhz)
        n += (size_t)snprintf(buf + n, WTL_MEASURED_POINT_TEXT - n, "%s%d MHz", n ? ", " : "",
                              p->clock_mhz);
    if (p->rate_per_s > 0)
        n += (size_t)snprintf(buf + n, WTL_MEASURED_POINT_TEXT - n, "%s%g /s", n ? ", " : "",
                              p->rate_per_s);
    if (n == 0)
        snprintf(buf, WTL_MEASURED_POINT_TEXT, "as it is");
    return buf;
}

struct wtl_configuration wtl_point_choice_common(const struct wtl_point_choice *c)
{
    struct wtl_configuration common = {0};
    if (c->n_points > 1)
        common = c->points[0].at;
    for (size_t i = 1; i < c->n_points; i++)
        wtl_configuration_intersect(&common, &c->points[i].at);
    return common;
}

bool wtl_point_choice_from_fastest(const struct wtl_point_choice *c)
{
    for (size_t i = 0; i < c->n_points; i++)
        if (c->points[i].objective > 0 && c->points[i].slowdown < -1e-9)
            return false;
    return true;
}
