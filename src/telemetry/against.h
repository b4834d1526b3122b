/* SPDX-License-Identifier: Apache-2.0
 *
 * A device's sensors held against a meter: the load is switched on and off in turns, and after each
 * switch, when both instruments have settled, their energies over one window are compared
 * (energy/gain.h). One thread: it reads, waits and switches in turn.
 */
#ifndef WTL_TELEMETRY_AGAINST_H
#define WTL_TELEMETRY_AGAINST_H

#include "core/calibration.h"
#include "telemetry/learn.h"

struct wtl_against_options {
    struct wtl_learn_options by;          /* clock, wait and load; poll_ns; waves is not used */
    const struct wtl_sensor_facts *facts; /* of the device; NULL: nothing is known */
    int windows;                          /* on and off together, 6 at least; 0: 12 */
    int64_t window_ns;                    /* 0: 5 s, or 20 updates of the slower instrument */
    double accuracy;                      /* of the meter, a share */
    bool alone;                           /* it sees this device and nothing else */
};

/* -WTL_UNSUPPORTED: one of them tells neither energy nor power; -WTL_USAGE: windows shorter than
 * five updates of an instrument; -WTL_UNDECIDED: the windows do not determine a gain, and why;
 * errors of reading and of the two functions. The load is off at the end, whatever came. */
int wtl_hold_against(struct wtl_arena *scratch, struct wtl_device *device, struct wtl_device *meter,
                     const struct wtl_against_options *options, struct wtl_calibration *out,
                     struct wtl_error *err);

#endif
