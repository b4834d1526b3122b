/* SPDX-License-Identifier: Apache-2.0
 * Joules corrected by a gain. */
#include "core/calibration.h"

#include <stddef.h>

bool wtl_calibration_is_known(const struct wtl_calibration *c)
{
    return c->counter.known || c->power.known;
}

/* The best class whose bound holds. */
static enum wtl_energy_class class_within(double bound)
{
    int c = WTL_CLASS_A;
    while (c < (int)WTL_CLASS_D && wtl_energy_class_bound((enum wtl_energy_class)c) < bound)
        c++;
    return (enum wtl_energy_class)c;
}

const struct wtl_gain *wtl_calibration_gain(const struct wtl_calibration *c,
                                            enum wtl_energy_method method)
{
    const struct wtl_gain *g = NULL;
    switch (method) {
    case WTL_ENERGY_counter_edges:
    case WTL_ENERGY_counter:
        g = &c->counter;
        break;
    case WTL_ENERGY_ring:
    case WTL_ENERGY_polled:
    case WTL_ENERGY_averaged:
        g = &c->power;
        break;
    case WTL_ENERGY_estimated:
    case WTL_ENERGY_NONE:
    case WTL_N_ENERGY_METHODS:
        break;
    }
    return g && g->known ? g : NULL;
}

double wtl_calibration_bound(const struct wtl_calibration *c, const struct wtl_gain *g,
                             double power_w)
{
    return c->accuracy + g->relative + g->doubt_w / (g->value * power_w + g->offset_w);
}

void wtl_calibrate_energy(const struct wtl_calibration *c, struct wtl_energy *e)
{
    const struct wtl_gain *g = wtl_calibration_gain(c, e->method);
    if (!g)
        return;
    /* Stretches add up, those without any energy as well. */
    const bool some = e->energy_j > 0 && e->time_s > 0;
    e->calibration =
        some ? wtl_calibration_bound(c, g, e->energy_j / e->time_s) : c->accuracy + g->relative;
    const double more_j = g->offset_w * e->time_s;
    e->energy_j = g->value * e->energy_j + more_j;
    e->lo_j = g->value * e->lo_j + more_j;
    e->hi_j = g->value * e->hi_j + more_j;
    e->common_j *= g->value;
    e->gain = g->value;
    e->class = class_within(e->calibration);
}
