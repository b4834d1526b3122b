/* SPDX-License-Identifier: Apache-2.0
 *
 * A meter without any error beside a virtual device: what the simulated board really draws, for who
 * holds its sensors against something (`wattle calibrate --against truth`).
 */
#ifndef WTL_DEVICE_VIRTUAL_TRUTH_H
#define WTL_DEVICE_VIRTUAL_TRUTH_H

#include "device/device.h"

/* Adds the device "truth" to a machine that is open. -WTL_UNSUPPORTED: `device` is no virtual
 * device of this process. */
int wtl_virtual_add_truth(struct wtl_machine *machine, struct wtl_device *device,
                          struct wtl_device **truth_out, struct wtl_error *err);

#endif
