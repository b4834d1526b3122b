/* SPDX-License-Identifier: Apache-2.0
 *
 * What a device's sensors are like, found out by switching its load on and off at known moments:
 * update periods, the window that a power value is the mean of, and how late values are
 * (energy/response.h). One thread: it reads, waits and switches in turn.
 */
#ifndef WTL_TELEMETRY_LEARN_H
#define WTL_TELEMETRY_LEARN_H

#include "core/calibration.h"
#include "device/device.h"
#include "energy/gauge.h"
#include "energy/response.h"

struct wtl_learn_options {
    struct wtl_clock clock;
    void *ctx; /* of both functions */
    /* Until a moment of the clock; -WTL_...: it is over. */
    int (*wait)(void *ctx, int64_t until_ns, struct wtl_error *err);
    /* The load has work from now on, or none. Returns when that is so. */
    int (*load)(void *ctx, bool on, struct wtl_error *err);
    int waves;             /* of the load; 0: 24 */
    int64_t on_ns, off_ns; /* 0: 370 ms and 360 ms, in step with no sensor that is known */
    int64_t poll_ns;       /* 0: 5 ms */
};

/* What is known of the sensors of one device. */
struct wtl_sensor_facts {
    bool has_counter, has_power;
    enum wtl_metric metric; /* that power is */
    struct wtl_sensor_model counter, power;
    double low_w, high_w; /* of the load that was used */
    double unexplained;   /* share of the variance of power values that the fit leaves */
    int n;                /* power values behind it */
    struct wtl_calibration calibration; /* telemetry/against.h; all zeros: none */
};

/* The sensors that a gauge is fed from. -WTL_UNSUPPORTED: the device tells neither energy nor
 * power.
 */
int wtl_energy_sensors(const struct wtl_device_info *info, uint64_t *sensors_out,
                       struct wtl_error *err);

/* Options of a gauge for a device: what it says of its sensors, and what is known (NULL: nothing).
 */
struct wtl_gauge_options wtl_gauge_options_for(const struct wtl_device_info *info,
                                               const struct wtl_sensor_facts *facts);

/* -WTL_UNSUPPORTED: the device tells neither energy nor power; -WTL_UNDECIDED: its answer to the
 * load does not tell (too small a step, or another load on it); errors of reading and of the two
 * functions. The load is off at the end, whatever came. */
int wtl_learn_sensors(struct wtl_arena *scratch, struct wtl_device *device,
                      const struct wtl_learn_options *options, struct wtl_sensor_facts *facts_out,
                      struct wtl_error *err);

#endif
