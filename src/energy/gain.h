/* SPDX-License-Identifier: Apache-2.0
 *
 * The gain of a sensor against a meter: a straight line through windows in which both measured the
 * same load, which goes up and down between two levels,
 *
 *     meter = rest + gain * sensor + drift * time
 *
 * by least squares. What the machine draws whatever the load does is in `rest` and no part of the
 * gain; what drifts evenly is in `drift`. What follows the load (fans, the CPU that feeds the
 * device, losses of the power supply) is in the gain, unless the meter sees the device alone. The
 * interval is Student's t on what the line leaves, plus the steps of both instruments, which every
 * window of a level shares. (An error e of the sensor's means makes the gain too small by four
 * times its square over that of the step between the levels: always much less than that interval.)
 */
#ifndef WTL_ENERGY_GAIN_H
#define WTL_ENERGY_GAIN_H

#include <stdbool.h>
#include <stddef.h>

struct wtl_gain_window {
    double t_s; /* its middle */
    double sensor_w, meter_w;
    bool on;
};

struct wtl_gain_fit {
    double gain, half;          /* 95 % */
    double rest_w, rest_half_w; /* 95 %; at the middle of the time */
    double low_w, high_w;       /* of the sensor, by level */
    double meter_low_w, meter_high_w;
    double scatter_w; /* standard deviation of windows about the line, at the meter */
    /* Half-width of gain * sensor + rest, as a share of it, at that of the two levels where it is
     * larger: for a meter that sees the device alone. */
    double relative;
};

/* Why windows do not tell. */
enum wtl_gain_failure {
    WTL_GAIN_OK,
    WTL_GAIN_TOO_FEW,    /* fewer than 3 windows of a level */
    WTL_GAIN_NO_LOAD,    /* the sensor's levels are not apart enough for their scatter */
    WTL_GAIN_NOT_SEEN,   /* the meter does not follow the load */
    WTL_GAIN_TOO_COARSE, /* the interval is wider than what an uncalibrated card is off */
};

/* Steps: of the instruments' mean powers, W; 0: none to speak of. */
enum wtl_gain_failure wtl_gain_fit(const struct wtl_gain_window *windows, size_t n,
                                   double sensor_step_w, double meter_step_w,
                                   struct wtl_gain_fit *fit_out);

#endif
