/* SPDX-License-Identifier: Apache-2.0
 * The truth about a virtual device, as a device. */
#include "device/virtual/truth.h"

#include "device/backend.h"
#include "device/machine_impl.h"
#include "device/virtual/loads.h"

#include <stdio.h>

struct truth {
    struct wtl_device *of;
};

static int truth_read(void *state, uint64_t wanted, struct wtl_reading *out, struct wtl_error *err)
{
    const struct truth *t = state;
    struct wtl_sim_truth now;
    (void)err;
    wtl_sim_gpu_truth(wtl_virtual_board(t->of), &now);
    out->value[WTL_M_energy_counter_j] = now.energy_j;
    out->value[WTL_M_power_instant_w] = now.power_w;
    out->valid =
        wanted & (WTL_METRIC_BIT(WTL_M_energy_counter_j) | WTL_METRIC_BIT(WTL_M_power_instant_w));
    return 0;
}

static void truth_close(void *state)
{
    (void)state; /* lives in the machine's arena */
}

int wtl_virtual_add_truth(struct wtl_machine *machine, struct wtl_device *device,
                          struct wtl_device **truth_out, struct wtl_error *err)
{
    static const struct wtl_sensor_ops sensors = {.read = truth_read, .close = truth_close};
    struct wtl_device_info info = {.id = "truth",
                                   .kind = WTL_DEVICE_NODE,
                                   .flags = WTL_DEVICE_VIRTUAL | WTL_DEVICE_EPHEMERAL,
                                   .parent = -1,
                                   .index = -1,
                                   .sensors = WTL_METRIC_BIT(WTL_M_energy_counter_j) |
                                              WTL_METRIC_BIT(WTL_M_power_instant_w)};
    if (!wtl_virtual_board(device))
        return WTL_FAIL(err, WTL_UNSUPPORTED,
                        "%s is no virtual device of this process: the truth about it is not known",
                        wtl_device_info(device)->id);
    struct truth *t = WTL_NEW(&machine->arena, struct truth);
    if (!t)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    t->of = device;
    (void)snprintf(info.name, sizeof info.name, "what %.80s draws", wtl_device_info(device)->id);
    info.sensor[WTL_M_power_instant_w].instant = true;
    const struct wtl_device_ops ops = {.sensors = &sensors, .state = t};
    int index = wtl_machine_add(machine, &info, &ops, err);
    if (index < 0)
        return index;
    *truth_out = wtl_machine_device(machine, (size_t)index);
    return 0;
}
