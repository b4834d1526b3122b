/* SPDX-License-Identifier: Apache-2.0
 *
 * What clients other than ours ask of NVML, beyond nvml_abi.h: for the drop-in (src/nvml-sim)
 * alone, which offers both lists. Collected from what PCP's pmda_nvidia, the Rust crate
 * nvml-wrapper, nvtop, pynvml, hwloc and Slurm's gpu_nvml resolve.
 */
#ifndef WTL_NVML_MORE_H
#define WTL_NVML_MORE_H

#include "nvml-abi/nvml_abi.h"

struct nvml_unit;

enum { NVML_INIT_NO_GPUS = 1, NVML_INIT_NO_ATTACH = 2, NVML_INIT_FORCE = 4 };

/* nvmlDeviceGetClock() */
enum {
    NVML_CLOCK_ID_CURRENT = 0,
    NVML_CLOCK_ID_APP_TARGET = 1,
    NVML_CLOCK_ID_APP_DEFAULT = 2,
    NVML_CLOCK_ID_BOOST_MAX = 3,
};

/* Fields that our back end does not read. */
enum {
    NVML_FIELD_ECC_CURRENT = 1,
    NVML_FIELD_ECC_PENDING = 2,
    NVML_FIELD_NVLINK_COUNT = 91,
    NVML_FIELD_TLIMIT_SHUTDOWN = 193,
    NVML_FIELD_TLIMIT_SLOWDOWN = 194,
    NVML_FIELD_TLIMIT_MEM_MAX = 195,
    NVML_FIELD_TLIMIT_GPU_MAX = 196,
};

enum {
    NVML_BRAND_UNKNOWN = 0,
    NVML_BRAND_TESLA = 2,
    NVML_BRAND_GEFORCE = 5,
    NVML_BRAND_NVIDIA = 14,
};

struct nvml_bar1 {
    uint64_t total, free, used;
};

struct nvml_attributes {
    uint32_t multiprocessors;
    uint32_t copy_engines, decoders, encoders, jpegs, ofas;
    uint32_t gpu_slices, compute_slices;
    uint64_t memory_mib;
};

struct nvml_accounting {
    uint32_t gpu_util, memory_util;
    uint64_t max_memory_b;
    uint64_t time_ms; /* 0 while it runs */
    uint64_t start_us;
    uint32_t running;
    uint32_t reserved[5];
};

struct nvml_margin {
    uint32_t version; /* NVML_STRUCT_VERSION(struct nvml_margin, 1) */
    int32_t margin_c;
};

struct nvml_process_util_info {
    uint64_t timestamp_us;
    uint32_t pid;
    uint32_t sm, memory, encoder, decoder, jpeg, ofa;
};

struct nvml_processes_util {
    uint32_t version; /* NVML_STRUCT_VERSION(struct nvml_processes_util, 1) */
    uint32_t n;       /* in: room; out: filled, or needed */
    uint64_t last_seen_us;
    struct nvml_process_util_info *items;
};

#if defined(__LP64__)
NVML_ASSERT_SIZE(struct nvml_bar1, 24);
NVML_ASSERT_SIZE(struct nvml_attributes, 40);
NVML_ASSERT_SIZE(struct nvml_accounting, 56);
NVML_ASSERT_SIZE(struct nvml_margin, 8);
NVML_ASSERT_SIZE(struct nvml_process_util_info, 40);
NVML_ASSERT_SIZE(struct nvml_processes_util, 24);
#endif

#define NVML_MORE_FUNCTIONS(X)                                                                     \
    X(nvmlInitWithFlags, (unsigned flags))                                                         \
    X(nvmlSystemGetCudaDriverVersion, (int *version))                                              \
    X(nvmlSystemGetCudaDriverVersion_v2, (int *version))                                           \
    X(nvmlSystemGetHicVersion, (unsigned *n, void *entries))                                       \
    X(nvmlSystemGetTopologyGpuSet, (unsigned cpu, unsigned *n, struct nvml_device **devices))      \
    X(nvmlUnitGetCount, (unsigned *n))                                                             \
    X(nvmlUnitGetHandleByIndex, (unsigned index, struct nvml_unit **unit))                         \
    X(nvmlDeviceGetHandleByUUID, (const char *uuid, struct nvml_device **d))                       \
    X(nvmlDeviceGetHandleBySerial, (const char *serial, struct nvml_device **d))                   \
    X(nvmlDeviceGetHandleByPciBusId, (const char *bus_id, struct nvml_device **d))                 \
    X(nvmlDeviceGetHandleByPciBusId_v2, (const char *bus_id, struct nvml_device **d))              \
    X(nvmlDeviceGetPciInfo, (struct nvml_device * d, struct nvml_pci * pci))                       \
    X(nvmlDeviceGetSerial, (struct nvml_device * d, char *text, unsigned size))                    \
    X(nvmlDeviceGetVbiosVersion, (struct nvml_device * d, char *text, unsigned size))              \
    X(nvmlDeviceGetBoardPartNumber, (struct nvml_device * d, char *text, unsigned size))           \
    X(nvmlDeviceGetInforomImageVersion, (struct nvml_device * d, char *text, unsigned size))       \
    X(nvmlDeviceGetInforomVersion,                                                                 \
      (struct nvml_device * d, unsigned object, char *text, unsigned size))                        \
    X(nvmlDeviceGetBoardId, (struct nvml_device * d, unsigned *id))                                \
    X(nvmlDeviceGetMultiGpuBoard, (struct nvml_device * d, unsigned *multi))                       \
    X(nvmlDeviceGetMinorNumber, (struct nvml_device * d, unsigned *minor))                         \
    X(nvmlDeviceGetBrand, (struct nvml_device * d, unsigned *brand))                               \
    X(nvmlDeviceGetNumGpuCores, (struct nvml_device * d, unsigned *n))                             \
    X(nvmlDeviceGetMemoryBusWidth, (struct nvml_device * d, unsigned *bits))                       \
    X(nvmlDeviceGetAttributes, (struct nvml_device * d, struct nvml_attributes * attributes))      \
    X(nvmlDeviceGetAttributes_v2, (struct nvml_device * d, struct nvml_attributes * attributes))   \
    X(nvmlDeviceGetEccMode, (struct nvml_device * d, unsigned *current, unsigned *pending))        \
    X(nvmlDeviceGetTotalEccErrors,                                                                 \
      (struct nvml_device * d, unsigned type, unsigned counter, unsigned long long *n))            \
    X(nvmlDeviceGetDisplayMode, (struct nvml_device * d, unsigned *mode))                          \
    X(nvmlDeviceGetDisplayActive, (struct nvml_device * d, unsigned *active))                      \
    X(nvmlDeviceGetPowerManagementMode, (struct nvml_device * d, unsigned *mode))                  \
    X(nvmlDeviceGetMaxPcieLinkGeneration, (struct nvml_device * d, unsigned *generation))          \
    X(nvmlDeviceGetMaxPcieLinkWidth, (struct nvml_device * d, unsigned *width))                    \
    X(nvmlDeviceGetCurrPcieLinkGeneration, (struct nvml_device * d, unsigned *generation))         \
    X(nvmlDeviceGetCurrPcieLinkWidth, (struct nvml_device * d, unsigned *width))                   \
    X(nvmlDeviceGetPcieThroughput, (struct nvml_device * d, unsigned counter, unsigned *kib_s))    \
    X(nvmlDeviceGetPcieReplayCounter, (struct nvml_device * d, unsigned *n))                       \
    X(nvmlDeviceGetCpuAffinity, (struct nvml_device * d, unsigned n, unsigned long *set))          \
    X(nvmlDeviceGetTopologyCommonAncestor,                                                         \
      (struct nvml_device * a, struct nvml_device * b, unsigned *level))                           \
    X(nvmlDeviceGetNvLinkState, (struct nvml_device * d, unsigned link, unsigned *active))         \
    X(nvmlDeviceGetNvLinkRemotePciInfo,                                                            \
      (struct nvml_device * d, unsigned link, struct nvml_pci *pci))                               \
    X(nvmlDeviceGetNvLinkRemotePciInfo_v2,                                                         \
      (struct nvml_device * d, unsigned link, struct nvml_pci *pci))                               \
    X(nvmlDeviceGetClock, (struct nvml_device * d, unsigned clock, unsigned id, unsigned *mhz))    \
    X(nvmlDeviceGetMaxCustomerBoostClock, (struct nvml_device * d, unsigned clock, unsigned *mhz)) \
    X(nvmlDeviceGetApplicationsClock, (struct nvml_device * d, unsigned clock, unsigned *mhz))     \
    X(nvmlDeviceGetDefaultApplicationsClock,                                                       \
      (struct nvml_device * d, unsigned clock, unsigned *mhz))                                     \
    X(nvmlDeviceGetAutoBoostedClocksEnabled,                                                       \
      (struct nvml_device * d, unsigned *enabled, unsigned *by_default))                           \
    X(nvmlDeviceGetSupportedClocksEventReasons,                                                    \
      (struct nvml_device * d, unsigned long long *reasons))                                       \
    X(nvmlDeviceGetSupportedClocksThrottleReasons,                                                 \
      (struct nvml_device * d, unsigned long long *reasons))                                       \
    X(nvmlDeviceGetPowerState, (struct nvml_device * d, unsigned *pstate))                         \
    X(nvmlDeviceGetMarginTemperature, (struct nvml_device * d, struct nvml_margin * margin))       \
    X(nvmlDeviceGetNumFans, (struct nvml_device * d, unsigned *n))                                 \
    X(nvmlDeviceGetFanSpeed_v2, (struct nvml_device * d, unsigned fan, unsigned *percent))         \
    X(nvmlDeviceGetBAR1MemoryInfo, (struct nvml_device * d, struct nvml_bar1 * memory))            \
    X(nvmlDeviceClearFieldValues,                                                                  \
      (struct nvml_device * d, int n, struct nvml_field_value *values))                            \
    X(nvmlDeviceGetProcessesUtilizationInfo,                                                       \
      (struct nvml_device * d, struct nvml_processes_util * info))                                 \
    X(nvmlDeviceGetAccountingMode, (struct nvml_device * d, unsigned *mode))                       \
    X(nvmlDeviceSetAccountingMode, (struct nvml_device * d, unsigned mode))                        \
    X(nvmlDeviceGetAccountingPids, (struct nvml_device * d, unsigned *n, unsigned *pids))          \
    X(nvmlDeviceGetAccountingStats,                                                                \
      (struct nvml_device * d, unsigned pid, struct nvml_accounting *stats))                       \
    X(nvmlDeviceGetAccountingBufferSize, (struct nvml_device * d, unsigned *n))                    \
    X(nvmlDeviceIsMigDeviceHandle, (struct nvml_device * d, unsigned *is_mig))                     \
    X(nvmlDeviceGetDeviceHandleFromMigDeviceHandle,                                                \
      (struct nvml_device * instance, struct nvml_device * *d))                                    \
    X(nvmlDeviceSetMigMode, (struct nvml_device * d, unsigned mode, int *activation))              \
    X(nvmlDeviceSetPersistenceMode, (struct nvml_device * d, unsigned mode))                       \
    X(nvmlDeviceSetComputeMode, (struct nvml_device * d, unsigned mode))                           \
    X(nvmlDeviceSetApplicationsClocks,                                                             \
      (struct nvml_device * d, unsigned mem_mhz, unsigned graphics_mhz))                           \
    X(nvmlDeviceResetApplicationsClocks, (struct nvml_device * d))                                 \
    X(nvmlDeviceWorkloadPowerProfileGetProfilesInfo, (struct nvml_device * d, void *info))         \
    X(nvmlDeviceWorkloadPowerProfileGetCurrentProfiles, (struct nvml_device * d, void *current))   \
    X(nvmlDeviceWorkloadPowerProfileUpdateProfiles_v1, (struct nvml_device * d, void *update))     \
    X(nvmlDevicePowerSmoothingActivatePresetProfile, (struct nvml_device * d, void *profile))      \
    X(nvmlDevicePowerSmoothingUpdatePresetProfileParam, (struct nvml_device * d, void *profile))   \
    X(nvmlDevicePowerSmoothingSetState, (struct nvml_device * d, void *state))                     \
    X(nvmlDeviceSetPowerMizerMode_v1, (struct nvml_device * d, void *mode))

#endif
