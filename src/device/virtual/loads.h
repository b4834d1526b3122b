/* SPDX-License-Identifier: Apache-2.0
 *
 * Virtual devices, for who runs workloads on them (src/lab): loads that come and go while the
 * device is open, and another hour of the same card.
 *
 * A device that is wrapped to fail (faulty:...:virtual:...) is looked through.
 */
#ifndef WTL_DEVICE_VIRTUAL_LOADS_H
#define WTL_DEVICE_VIRTUAL_LOADS_H

#include "device/device.h"
#include "sim/gpu.h"

/* The GPU behind the device, brought up to now: attach, change and detach processes on it
 * (sim/gpu.h), ask for their work. NULL: no virtual device of this process. */
struct wtl_sim_gpu *wtl_virtual_board(struct wtl_device *device);

/* Another hour of the same card: no process, idle for long, everything at `start_c` (0: where it
 * settles), the noise of its sensors from `noise_from` on. Time goes on; locks and limit stay as
 * they are, and hold at once; the energy counter and work begin at 0. So a run that begins with it
 * has the same result whatever was before. -WTL_UNSUPPORTED: no virtual device of this process. */
struct wtl_virtual_hour {
    uint64_t noise_from;
    double start_c;
};
int wtl_virtual_restart(struct wtl_device *device, const struct wtl_virtual_hour *hour,
                        struct wtl_error *err);

#endif
