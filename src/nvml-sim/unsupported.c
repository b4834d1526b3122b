/* SPDX-License-Identifier: Apache-2.0
 * What clients resolve and no virtual board has: not simulated, and so not supported. Fans and PCIe
 * links and their traffic, ECC, NVLink, BAR1, application clocks (deprecated by NVIDIA), auto
 * boost, power profiles and smoothing (Blackwell). */
#include "nvml-sim/impl.h"

/* NOLINTBEGIN(misc-unused-parameters) */
#pragma GCC diagnostic ignored "-Wunused-parameter"

static int not_supported(const char *function, const struct nvml_device *d)
{
    struct wtl_dropin_call c;
    int rc = wtl_dropin_begin(&c, function, d, WTL_DROPIN_ANY, true);
    return rc == 0 ? NVML_NOT_SUPPORTED : rc;
}

#define LACKS(name, ...)                                                                           \
    int name(struct nvml_device *d, __VA_ARGS__)                                                   \
    {                                                                                              \
        return not_supported(__func__, d);                                                         \
    }

LACKS(nvmlDeviceGetFanSpeed, unsigned *percent)
LACKS(nvmlDeviceGetFanSpeed_v2, unsigned fan, unsigned *percent)
LACKS(nvmlDeviceGetInforomVersion, unsigned object, char *text, unsigned size)
LACKS(nvmlDeviceGetMemoryBusWidth, unsigned *bits)
LACKS(nvmlDeviceGetEccMode, unsigned *current, unsigned *pending)
LACKS(nvmlDeviceGetTotalEccErrors, unsigned type, unsigned counter, unsigned long long *n)
LACKS(nvmlDeviceGetMaxPcieLinkGeneration, unsigned *generation)
LACKS(nvmlDeviceGetMaxPcieLinkWidth, unsigned *width)
LACKS(nvmlDeviceGetCurrPcieLinkGeneration, unsigned *generation)
LACKS(nvmlDeviceGetCurrPcieLinkWidth, unsigned *width)
LACKS(nvmlDeviceGetPcieThroughput, unsigned counter, unsigned *kib_s)
LACKS(nvmlDeviceGetPcieReplayCounter, unsigned *n)
LACKS(nvmlDeviceGetTopologyCommonAncestor, struct nvml_device *b, unsigned *level)
LACKS(nvmlDeviceGetNvLinkState, unsigned link, unsigned *active)
LACKS(nvmlDeviceGetNvLinkRemotePciInfo, unsigned link, struct nvml_pci *pci)
LACKS(nvmlDeviceGetNvLinkRemotePciInfo_v2, unsigned link, struct nvml_pci *pci)
LACKS(nvmlDeviceGetAutoBoostedClocksEnabled, unsigned *enabled, unsigned *by_default)
LACKS(nvmlDeviceGetBAR1MemoryInfo, struct nvml_bar1 *memory)
LACKS(nvmlDeviceClearFieldValues, int n, struct nvml_field_value *values)
LACKS(nvmlDeviceSetMigMode, unsigned mode, int *activation)
LACKS(nvmlDeviceSetApplicationsClocks, unsigned mem_mhz, unsigned graphics_mhz)
LACKS(nvmlDeviceWorkloadPowerProfileGetProfilesInfo, void *info)
LACKS(nvmlDeviceWorkloadPowerProfileGetCurrentProfiles, void *current)
LACKS(nvmlDeviceWorkloadPowerProfileUpdateProfiles_v1, void *update)
LACKS(nvmlDevicePowerSmoothingActivatePresetProfile, void *profile)
LACKS(nvmlDevicePowerSmoothingUpdatePresetProfileParam, void *profile)
LACKS(nvmlDevicePowerSmoothingSetState, void *state)
LACKS(nvmlDeviceSetPowerMizerMode_v1, void *mode)

int nvmlDeviceResetApplicationsClocks(struct nvml_device *d)
{
    return not_supported(__func__, d);
}
/* NOLINTEND(misc-unused-parameters) */
