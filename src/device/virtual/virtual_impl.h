/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of device/virtual share.
 */
#ifndef WTL_DEVICE_VIRTUAL_VIRTUAL_IMPL_H
#define WTL_DEVICE_VIRTUAL_VIRTUAL_IMPL_H

#include "device/backend.h"
#include "device/virtual/virtual.h"

struct virtual_device {
    struct wtl_sim_gpu gpu;
    struct wtl_sim_board profile;   /* without the card's own deviation */
    struct wtl_sim_options options; /* as it was opened */
    struct wtl_clock clock;
    int64_t opened_ns;     /* monotonic: time 0 of the simulation */
    int64_t epoch_unix_ns; /* of its opening */
    bool listens;          /* for errors: */
    unsigned n_heard;      /* events of the GPU that were looked at */
};

extern const struct wtl_sensor_ops wtl_virtual_sensors;

/* Brings the simulation up to now. */
void wtl_virtual_catch_up(struct virtual_device *v);

/* NULL: a device of another kind. */
struct virtual_device *wtl_virtual_state(const struct wtl_device_ops *ops);

#endif
