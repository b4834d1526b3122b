/* SPDX-License-Identifier: Apache-2.0
 * What can be set. The host decides who may; here is what NVML calls it. */
#include "nvml-sim/impl.h"

/* What a board's driver lacks is "not supported" for everybody, root or not. */
static int begin(struct wtl_dropin_call *c, const char *function, const struct nvml_device *d,
                 unsigned capability, bool arguments)
{
    int rc = wtl_dropin_begin(c, function, d, WTL_DROPIN_BOARD, arguments);
    if (rc == 0 && (c->gpu->board.capabilities & capability) != capability)
        rc = NVML_NOT_SUPPORTED;
    return rc;
}

static int set_range(const char *function, const struct nvml_device *d, unsigned capability,
                     enum wtl_room_verb verb, unsigned min_mhz, unsigned max_mhz)
{
    struct wtl_dropin_call c;
    int rc = begin(&c, function, d, capability, true);
    if (rc != 0)
        return rc;
    struct wtl_room_request request = wtl_room_request(verb, 0);
    request.u.lock.min_mhz = min_mhz;
    request.u.lock.max_mhz = max_mhz;
    return wtl_dropin_ask(&c, &request);
}

int nvmlDeviceSetGpuLockedClocks(struct nvml_device *d, unsigned min_mhz, unsigned max_mhz)
{
    return set_range(__func__, d, WTL_SIM_LOCK_SM, WTL_ROOM_LOCK_SM, min_mhz, max_mhz);
}

int nvmlDeviceResetGpuLockedClocks(struct nvml_device *d)
{
    return set_range(__func__, d, WTL_SIM_LOCK_SM, WTL_ROOM_RESET_SM, 0, 0);
}

int nvmlDeviceSetMemoryLockedClocks(struct nvml_device *d, unsigned min_mhz, unsigned max_mhz)
{
    return set_range(__func__, d, WTL_SIM_LOCK_MEM, WTL_ROOM_LOCK_MEM, min_mhz, max_mhz);
}

int nvmlDeviceResetMemoryLockedClocks(struct nvml_device *d)
{
    return set_range(__func__, d, WTL_SIM_LOCK_MEM, WTL_ROOM_RESET_MEM, 0, 0);
}

static int set_value(const char *function, const struct nvml_device *d, unsigned capability,
                     enum wtl_room_verb verb, unsigned value, bool arguments)
{
    struct wtl_dropin_call c;
    int rc = begin(&c, function, d, capability, arguments);
    if (rc != 0)
        return rc;
    struct wtl_room_request request = wtl_room_request(verb, 0);
    request.u.value = value;
    return wtl_dropin_ask(&c, &request);
}

int nvmlDeviceSetPowerManagementLimit(struct nvml_device *d, unsigned mw)
{
    return set_value(__func__, d, WTL_SIM_SET_LIMIT, WTL_ROOM_SET_LIMIT, mw, true);
}

int nvmlDeviceSetPowerManagementLimit_v2(struct nvml_device *d, struct nvml_power_value *value)
{
    struct wtl_dropin_call c;
    int rc = begin(&c, __func__, d, WTL_SIM_SET_LIMIT, value != NULL);
    if (rc != 0)
        return rc;
    if (value->version != NVML_STRUCT_VERSION(struct nvml_power_value, 2))
        return NVML_ARGUMENT_VERSION_MISMATCH;
    if (value->scope > NVML_SCOPE_MEMORY)
        return NVML_INVALID_ARGUMENT;
    if (value->scope != NVML_SCOPE_GPU)
        return NVML_NOT_SUPPORTED;
    struct wtl_room_request request = wtl_room_request(WTL_ROOM_SET_LIMIT, 0);
    request.u.value = value->power_mw;
    return wtl_dropin_ask(&c, &request);
}

int nvmlDeviceSetPersistenceMode(struct nvml_device *d, unsigned mode)
{
    return set_value(__func__, d, 0, WTL_ROOM_SET_PERSISTENCE, mode, mode <= 1);
}

int nvmlDeviceSetComputeMode(struct nvml_device *d, unsigned mode)
{
    return set_value(__func__, d, 0, WTL_ROOM_SET_COMPUTE_MODE, mode, mode <= 3);
}

int nvmlDeviceSetAccountingMode(struct nvml_device *d, unsigned mode)
{
    return set_value(__func__, d, 0, WTL_ROOM_SET_ACCOUNTING, mode, mode <= 1);
}
