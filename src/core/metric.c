/* SPDX-License-Identifier: Apache-2.0
 * The table behind metric.h. */
#include "core/metric.h"

#include <string.h>

static const struct wtl_metric_info table[WTL_N_METRICS] = {
#define X(name, unit, id, short_name, smi, text)                                                   \
    [WTL_M_##name] = {#name, WTL_UNIT_##unit, id, short_name, smi, text},
    WTL_METRICS(X)
#undef X
};

const struct wtl_metric_info *wtl_metric_info(enum wtl_metric metric)
{
    return &table[metric];
}

enum wtl_metric wtl_metric_by_name(const char *name)
{
    int i = 0;
    while (i < (int)WTL_N_METRICS && strcmp(table[i].name, name) != 0)
        i++;
    return (enum wtl_metric)i;
}

enum wtl_metric wtl_metric_power(uint64_t sensors)
{
    static const enum wtl_metric order[] = {WTL_M_power_instant_w, WTL_M_power_w,
                                            WTL_M_power_average_w};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        if (sensors >> order[i] & 1)
            return order[i];
    return WTL_N_METRICS;
}
