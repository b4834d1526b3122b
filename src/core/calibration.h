/* SPDX-License-Identifier: Apache-2.0
 *
 * What a meter beside a device showed of its sensors: the gain by which their joules are to be
 * multiplied, and how far they can be off then. It is the same in every window of one card, so that
 * ratios on one card do not change with it.
 */
#ifndef WTL_CORE_CALIBRATION_H
#define WTL_CORE_CALIBRATION_H

#include "base/limits.h"
#include "core/energy.h"

/* Of one of a device's two sensors: joules = gain * its own + offset_w * time. */
struct wtl_gain {
    bool known;
    double value, lo, hi; /* 95 % */
    double offset_w;      /* 0 unless the meter sees the device alone */
    double doubt_w;       /* an offset that there may be: 0 where the meter tells it */
    double relative;      /* half of what is not known of corrected joules, as a share, at worst
                           * between the two levels of load; without the meter's own error */
};

struct wtl_calibration {
    struct wtl_gain counter; /* of figures that come from the energy counter */
    struct wtl_gain power;   /* of those that come from power */
    char meter[WTL_LIMIT_NAME];
    double accuracy;      /* how far the meter itself can be off, a share, as its maker states it */
    bool alone;           /* the meter sees this device and nothing else */
    double low_w, high_w; /* by the meter, without and with the load */
    double rest_w;        /* not alone: what the meter shows when the sensor would show nothing */
    int n_windows;
    double window_s;
};

bool wtl_calibration_is_known(const struct wtl_calibration *c);

/* The gain that figures of this method are corrected by; NULL: none is known. */
const struct wtl_gain *wtl_calibration_gain(const struct wtl_calibration *c,
                                            enum wtl_energy_method method);

/* Corrects a figure and says so in it: gain, calibration, class. Figures without a gain stay as
 * they are. */
void wtl_calibrate_energy(const struct wtl_calibration *c, struct wtl_energy *e);

/* How far joules can be off that were corrected so, as a share, at this mean power by the sensor
 * (above 0). */
double wtl_calibration_bound(const struct wtl_calibration *c, const struct wtl_gain *g,
                             double power_w);

#endif
