/* SPDX-License-Identifier: Apache-2.0
 *
 * The part of NVML's binary interface that Wattle speaks: for the back end that calls it
 * (src/device/nvml) and for the drop-in that answers (src/nvml-sim). Declarations of our own, from
 * NVIDIA's public documentation (NVML API Reference, API version 13); sizes are asserted for the
 * 64-bit Linux ABI. Nothing here needs NVIDIA's headers, and nothing links with the library.
 *
 * Every function returns a code of enum nvml_return (0: success), nvmlErrorString() apart. Powers
 * are in mW, energies in mJ, clocks in MHz, utilisations in percent, time stamps in us of Unix
 * time, unless a name says otherwise.
 */
#ifndef WTL_NVML_ABI_H
#define WTL_NVML_ABI_H

#include <stddef.h>
#include <stdint.h>

/* A GPU or a MIG instance; a sample of GPM counters; a set of events. Only the library looks
 * inside. */
struct nvml_device;
struct nvml_event_set;
struct nvml_gpm_sample;

enum nvml_return {
    NVML_SUCCESS = 0,
    NVML_UNINITIALIZED = 1,
    NVML_INVALID_ARGUMENT = 2,
    NVML_NOT_SUPPORTED = 3,
    NVML_NO_PERMISSION = 4,
    NVML_ALREADY_INITIALIZED = 5,
    NVML_NOT_FOUND = 6,
    NVML_INSUFFICIENT_SIZE = 7,
    NVML_INSUFFICIENT_POWER = 8, /* a power cable is missing */
    NVML_DRIVER_NOT_LOADED = 9,
    NVML_TIMEOUT = 10,
    NVML_IRQ_ISSUE = 11,
    NVML_LIBRARY_NOT_FOUND = 12,
    NVML_FUNCTION_NOT_FOUND = 13,
    NVML_CORRUPTED_INFOROM = 14,
    NVML_GPU_IS_LOST = 15,
    NVML_RESET_REQUIRED = 16,
    NVML_OPERATING_SYSTEM = 17, /* the system, a container's rules say, blocked it */
    NVML_LIB_RM_VERSION_MISMATCH = 18,
    NVML_IN_USE = 19,
    NVML_MEMORY = 20,
    NVML_NO_DATA = 21,
    NVML_VGPU_ECC_NOT_SUPPORTED = 22,
    NVML_INSUFFICIENT_RESOURCES = 23,
    NVML_FREQ_NOT_SUPPORTED = 24,
    NVML_ARGUMENT_VERSION_MISMATCH = 25,
    NVML_DEPRECATED = 26,
    NVML_NOT_READY = 27,
    NVML_GPU_NOT_FOUND = 28,
    NVML_INVALID_STATE = 29,
    NVML_RESET_TYPE_NOT_SUPPORTED = 30,
    NVML_UNKNOWN = 999,
};

/* ---- Constants ------------------------------------------------------------------------------- */

enum {
    NVML_UUID_BYTES = 96, /* the older limits are 80 and 64: a longer buffer is fine */
    NVML_NAME_BYTES = 96,
    NVML_VERSION_BYTES = 80,
};

/* Clocks: nvmlDeviceGetClockInfo() and others. */
enum { NVML_CLOCK_GRAPHICS = 0, NVML_CLOCK_SM = 1, NVML_CLOCK_MEM = 2, NVML_CLOCK_VIDEO = 3 };

/* Field identifiers of nvmlDeviceGetFieldValues(). */
enum {
    NVML_FIELD_POWER_VIOLATION = 74, /* ns held down by the power limit */
    NVML_FIELD_THERMAL_VIOLATION = 75,
    NVML_FIELD_SYNC_BOOST_VIOLATION = 76,
    NVML_FIELD_MEMORY_TEMP = 82,
    NVML_FIELD_TOTAL_ENERGY = 83,
    NVML_FIELD_POWER_AVERAGE = 185, /* of 1 s */
    NVML_FIELD_POWER_INSTANT = 186,
    NVML_FIELD_POWER_MIN_LIMIT = 187,
    NVML_FIELD_POWER_MAX_LIMIT = 188,
    NVML_FIELD_POWER_DEFAULT_LIMIT = 189,
    NVML_FIELD_POWER_CURRENT_LIMIT = 190, /* enforced, out-of-band limits included */
    NVML_FIELD_ENERGY = 191,              /* the same as 83 */
    NVML_FIELD_POWER_REQUESTED_LIMIT = 192,
    NVML_FIELD_SW_THERMAL_SLOWDOWN = 269, /* ns */
    NVML_FIELD_HW_THERMAL_SLOWDOWN = 270,
    NVML_FIELD_HW_POWER_BRAKE = 271,
};

/* scopeId of the power fields, powerScope of a limit. */
enum { NVML_SCOPE_GPU = 0, NVML_SCOPE_MODULE = 1, NVML_SCOPE_MEMORY = 2 };

enum {
    NVML_VALUE_DOUBLE = 0,
    NVML_VALUE_UINT = 1,
    NVML_VALUE_ULONG = 2,
    NVML_VALUE_ULONG_LONG = 3,
    NVML_VALUE_LONG_LONG = 4,
    NVML_VALUE_INT = 5,
    NVML_VALUE_USHORT = 6,
};

/* Kinds of nvmlDeviceGetSamples(). */
enum {
    NVML_SAMPLES_TOTAL_POWER = 0,
    NVML_SAMPLES_GPU_UTIL = 1,
    NVML_SAMPLES_MEMORY_UTIL = 2,
    NVML_SAMPLES_ENC_UTIL = 3,
    NVML_SAMPLES_DEC_UTIL = 4,
    NVML_SAMPLES_PROCESSOR_CLOCK = 5,
    NVML_SAMPLES_MEMORY_CLOCK = 6,
    NVML_SAMPLES_MODULE_POWER = 7,
};

/* Bits of the clock event (throttle) reasons. */
enum {
    NVML_REASON_IDLE = 0x1,
    NVML_REASON_APP_CLOCKS = 0x2,
    NVML_REASON_SW_POWER_CAP = 0x4,
    NVML_REASON_HW_SLOWDOWN = 0x8,
    NVML_REASON_SYNC_BOOST = 0x10,
    NVML_REASON_SW_THERMAL = 0x20,
    NVML_REASON_HW_THERMAL = 0x40,
    NVML_REASON_HW_POWER_BRAKE = 0x80,
    NVML_REASON_DISPLAY_CLOCK = 0x100,
};

enum {
    NVML_ARCH_KEPLER = 2,
    NVML_ARCH_MAXWELL = 3,
    NVML_ARCH_PASCAL = 4,
    NVML_ARCH_VOLTA = 5,
    NVML_ARCH_TURING = 6,
    NVML_ARCH_AMPERE = 7,
    NVML_ARCH_ADA = 8,
    NVML_ARCH_HOPPER = 9,
    NVML_ARCH_BLACKWELL = 10,
    NVML_ARCH_RUBIN = 13,
};

enum { NVML_COMPUTE_DEFAULT, NVML_COMPUTE_THREAD, NVML_COMPUTE_PROHIBITED, NVML_COMPUTE_PROCESS };

enum {
    NVML_VIRTUALIZATION_NONE = 0,
    NVML_VIRTUALIZATION_PASSTHROUGH = 1,
    NVML_VIRTUALIZATION_VGPU = 2, /* this is a guest with a share of a board */
    NVML_VIRTUALIZATION_HOST_VGPU = 3,
    NVML_VIRTUALIZATION_HOST_VSGA = 4,
};

enum { NVML_POLICY_POWER = 0, NVML_POLICY_THERMAL = 1 };       /* nvmlDeviceGetViolationStatus() */
enum { NVML_TEMPERATURE_GPU = 0 };                             /* the sensor of the chip */
enum { NVML_RESTRICTED_APP_CLOCKS = 0 };                       /* nvmlDeviceGetAPIRestriction() */
enum { NVML_PSTATE_UNKNOWN = 32 };                             /* performance states are 0..15 */
#define NVML_NO_INSTANCE 0xffffffffu                           /* gpuInstanceId without MIG */
#define NVML_MEMORY_NOT_AVAILABLE UINT64_C(0xffffffffffffffff) /* usedGpuMemory */

/* Kinds of events: nvmlDeviceRegisterEvents(). */
enum {
    NVML_EVENT_PSTATE = 0x4,
    NVML_EVENT_XID = 0x8, /* data: its number */
    NVML_EVENT_CLOCK = 0x10,
    NVML_EVENTS_OFFERED = 0x1c, /* by the drop-in */
};

/* Metrics of GPM, in percent of the time or of the maximum. */
enum {
    NVML_GPM_GRAPHICS_UTIL = 1,
    NVML_GPM_SM_UTIL = 2,
    NVML_GPM_SM_OCCUPANCY = 3,
    NVML_GPM_ANY_TENSOR_UTIL = 5,
    NVML_GPM_DRAM_BW_UTIL = 10,
    NVML_GPM_FP64_UTIL = 11,
    NVML_GPM_FP32_UTIL = 12,
    NVML_GPM_FP16_UTIL = 13,
    NVML_GPM_PCIE_TX_MIB_S = 20,
    NVML_GPM_PCIE_RX_MIB_S = 21,
    NVML_GPM_METRICS_MAX = 333, /* of this version of the struct */
    NVML_GPM_VERSION = 1,       /* the plain number in both GPM structs */
};

/* ---- Structs --------------------------------------------------------------------------------- */

/* Versioned structs say their size and version in their first word. */
#define NVML_STRUCT_VERSION(type, version) ((uint32_t)(sizeof(type) | ((uint32_t)(version) << 24)))

union nvml_value {
    double d;
    int32_t i;
    uint32_t u;
    unsigned long ul;
    uint64_t ull;
    int64_t sll;
    uint16_t us;
};

struct nvml_field_value {
    uint32_t field; /* in */
    uint32_t scope; /* in */
    int64_t timestamp_us;
    int64_t latency_us;
    int32_t type; /* NVML_VALUE_* */
    int32_t ret;  /* enum nvml_return, of this field */
    union nvml_value value;
};

struct nvml_sample {
    uint64_t timestamp_us;
    union nvml_value value;
};

struct nvml_process_v1 {
    uint32_t pid;
    uint64_t used_b;
};

struct nvml_process {
    uint32_t pid;
    uint64_t used_b; /* NVML_MEMORY_NOT_AVAILABLE */
    uint32_t gpu_instance;
    uint32_t compute_instance;
};

struct nvml_process_util {
    uint32_t pid;
    uint64_t timestamp_us;
    uint32_t sm, memory, encoder, decoder;
};

struct nvml_memory {
    uint64_t total, free, used;
};

struct nvml_memory_v2 {
    uint32_t version; /* NVML_STRUCT_VERSION(struct nvml_memory_v2, 2) */
    uint64_t total, reserved, free, used;
};

struct nvml_utilization {
    uint32_t gpu, memory;
};

struct nvml_temperature {
    uint32_t version; /* NVML_STRUCT_VERSION(struct nvml_temperature, 1) */
    uint32_t sensor;
    int32_t temp_c;
};

struct nvml_power_value {
    uint32_t version; /* NVML_STRUCT_VERSION(struct nvml_power_value, 2) */
    uint8_t scope;
    uint32_t power_mw;
};

struct nvml_violation {
    uint64_t reference_us, violation_ns;
};

struct nvml_pci {
    char bus_id_legacy[16];
    uint32_t domain, bus, device, device_id, subsystem_id;
    char bus_id[32]; /* "00000000:3B:00.0" */
};

struct nvml_event_data {
    struct nvml_device *device;
    uint64_t type, data;
    uint32_t gpu_instance, compute_instance;
};

struct nvml_gpm_support {
    uint32_t version; /* NVML_GPM_VERSION */
    uint32_t supported;
};

struct nvml_gpm_metric {
    uint32_t id;
    int32_t ret;
    double value;
    const char *short_name, *long_name, *unit; /* the library's, may be NULL */
};

struct nvml_gpm_metrics {
    uint32_t version; /* NVML_GPM_VERSION */
    uint32_t n;
    struct nvml_gpm_sample *sample1, *sample2;
    struct nvml_gpm_metric metric[NVML_GPM_METRICS_MAX];
};

#if defined(__LP64__)
#define NVML_ASSERT_SIZE(type, size) _Static_assert(sizeof(type) == (size), "layout of " #type)
NVML_ASSERT_SIZE(union nvml_value, 8);
NVML_ASSERT_SIZE(struct nvml_field_value, 40);
NVML_ASSERT_SIZE(struct nvml_sample, 16);
NVML_ASSERT_SIZE(struct nvml_process_v1, 16);
NVML_ASSERT_SIZE(struct nvml_process, 24);
NVML_ASSERT_SIZE(struct nvml_process_util, 32);
NVML_ASSERT_SIZE(struct nvml_memory, 24);
NVML_ASSERT_SIZE(struct nvml_memory_v2, 40);
NVML_ASSERT_SIZE(struct nvml_utilization, 8);
NVML_ASSERT_SIZE(struct nvml_temperature, 12);
NVML_ASSERT_SIZE(struct nvml_power_value, 12);
NVML_ASSERT_SIZE(struct nvml_violation, 16);
NVML_ASSERT_SIZE(struct nvml_pci, 68);
NVML_ASSERT_SIZE(struct nvml_event_data, 32);
NVML_ASSERT_SIZE(struct nvml_gpm_support, 8);
NVML_ASSERT_SIZE(struct nvml_gpm_metric, 40);
NVML_ASSERT_SIZE(struct nvml_gpm_metrics, 13344);
_Static_assert(offsetof(struct nvml_field_value, timestamp_us) == 8, "field value");
_Static_assert(offsetof(struct nvml_field_value, type) == 24, "field value");
_Static_assert(offsetof(struct nvml_field_value, value) == 32, "field value");
_Static_assert(offsetof(struct nvml_pci, bus_id) == 36, "PCI");
_Static_assert(NVML_STRUCT_VERSION(struct nvml_memory_v2, 2) == 0x02000028, "version word");
_Static_assert(NVML_STRUCT_VERSION(struct nvml_power_value, 2) == 0x0200000c, "version word");
_Static_assert(NVML_STRUCT_VERSION(struct nvml_temperature, 1) == 0x0100000c, "version word");
#endif

/* ---- Functions ------------------------------------------------------------------------------- */

/* nvmlDeviceGetTemperatureThreshold() */
enum {
    NVML_THRESHOLD_SHUTDOWN = 0,
    NVML_THRESHOLD_SLOWDOWN = 1,
    NVML_THRESHOLD_MEM_MAX = 2,
    NVML_THRESHOLD_GPU_MAX = 3,
};

/* X(name, (parameters)): what our back end calls, older names behind the newer ones. `d` is a
 * device; sizes and counts named n are in and out. */
#define NVML_FUNCTIONS(X)                                                                          \
    X(nvmlInit_v2, (void))                                                                         \
    X(nvmlInit, (void))                                                                            \
    X(nvmlShutdown, (void))                                                                        \
    X(nvmlSystemGetDriverVersion, (char *text, unsigned size))                                     \
    X(nvmlSystemGetProcessName, (unsigned pid, char *text, unsigned size))                         \
    X(nvmlSystemGetNVMLVersion, (char *text, unsigned size))                                       \
    X(nvmlDeviceGetCount_v2, (unsigned *count))                                                    \
    X(nvmlDeviceGetCount, (unsigned *count))                                                       \
    X(nvmlDeviceGetHandleByIndex_v2, (unsigned index, struct nvml_device **d))                     \
    X(nvmlDeviceGetHandleByIndex, (unsigned index, struct nvml_device **d))                        \
    X(nvmlDeviceGetName, (struct nvml_device * d, char *text, unsigned size))                      \
    X(nvmlDeviceGetUUID, (struct nvml_device * d, char *text, unsigned size))                      \
    X(nvmlDeviceGetIndex, (struct nvml_device * d, unsigned *index))                               \
    X(nvmlDeviceGetPciInfo_v3, (struct nvml_device * d, struct nvml_pci * pci))                    \
    X(nvmlDeviceGetPciInfo_v2, (struct nvml_device * d, struct nvml_pci * pci))                    \
    X(nvmlDeviceGetArchitecture, (struct nvml_device * d, unsigned *arch))                         \
    X(nvmlDeviceGetCudaComputeCapability, (struct nvml_device * d, int *major, int *minor))        \
    X(nvmlDeviceGetPersistenceMode, (struct nvml_device * d, unsigned *on))                        \
    X(nvmlDeviceGetComputeMode, (struct nvml_device * d, unsigned *mode))                          \
    X(nvmlDeviceGetVirtualizationMode, (struct nvml_device * d, unsigned *mode))                   \
    X(nvmlDeviceGetAPIRestriction, (struct nvml_device * d, unsigned api, unsigned *restricted))   \
    X(nvmlDeviceGetFieldValues, (struct nvml_device * d, int n, struct nvml_field_value *values))  \
    X(nvmlDeviceGetPowerUsage, (struct nvml_device * d, unsigned *mw))                             \
    X(nvmlDeviceGetTotalEnergyConsumption, (struct nvml_device * d, unsigned long long *mj))       \
    X(nvmlDeviceGetPowerManagementLimit, (struct nvml_device * d, unsigned *mw))                   \
    X(nvmlDeviceGetEnforcedPowerLimit, (struct nvml_device * d, unsigned *mw))                     \
    X(nvmlDeviceGetPowerManagementLimitConstraints,                                                \
      (struct nvml_device * d, unsigned *min_mw, unsigned *max_mw))                                \
    X(nvmlDeviceGetPowerManagementDefaultLimit, (struct nvml_device * d, unsigned *mw))            \
    X(nvmlDeviceGetClockInfo, (struct nvml_device * d, unsigned clock, unsigned *mhz))             \
    X(nvmlDeviceGetMaxClockInfo, (struct nvml_device * d, unsigned clock, unsigned *mhz))          \
    X(nvmlDeviceGetSupportedMemoryClocks, (struct nvml_device * d, unsigned *n, unsigned *mhz))    \
    X(nvmlDeviceGetSupportedGraphicsClocks,                                                        \
      (struct nvml_device * d, unsigned mem_mhz, unsigned *n, unsigned *mhz))                      \
    X(nvmlDeviceGetTemperatureV, (struct nvml_device * d, struct nvml_temperature * temperature))  \
    X(nvmlDeviceGetTemperature, (struct nvml_device * d, unsigned sensor, unsigned *temp_c))       \
    X(nvmlDeviceGetTemperatureThreshold,                                                           \
      (struct nvml_device * d, unsigned type, unsigned *temp_c))                                   \
    X(nvmlDeviceGetCurrentClocksEventReasons,                                                      \
      (struct nvml_device * d, unsigned long long *reasons))                                       \
    X(nvmlDeviceGetCurrentClocksThrottleReasons,                                                   \
      (struct nvml_device * d, unsigned long long *reasons))                                       \
    X(nvmlDeviceGetPerformanceState, (struct nvml_device * d, unsigned *pstate))                   \
    X(nvmlDeviceGetUtilizationRates, (struct nvml_device * d, struct nvml_utilization * util))     \
    X(nvmlDeviceGetEncoderUtilization,                                                             \
      (struct nvml_device * d, unsigned *util, unsigned *period_us))                               \
    X(nvmlDeviceGetDecoderUtilization,                                                             \
      (struct nvml_device * d, unsigned *util, unsigned *period_us))                               \
    X(nvmlDeviceGetFanSpeed, (struct nvml_device * d, unsigned *percent))                          \
    X(nvmlDeviceGetMemoryInfo_v2, (struct nvml_device * d, struct nvml_memory_v2 * memory))        \
    X(nvmlDeviceGetMemoryInfo, (struct nvml_device * d, struct nvml_memory * memory))              \
    X(nvmlDeviceGetViolationStatus,                                                                \
      (struct nvml_device * d, unsigned policy, struct nvml_violation *violation))                 \
    X(nvmlDeviceGetSamples,                                                                        \
      (struct nvml_device * d, unsigned kind, unsigned long long last_seen_us, unsigned *type,     \
       unsigned *n, struct nvml_sample *samples))                                                  \
    X(nvmlDeviceGetComputeRunningProcesses_v3,                                                     \
      (struct nvml_device * d, unsigned *n, struct nvml_process *processes))                       \
    X(nvmlDeviceGetComputeRunningProcesses_v2,                                                     \
      (struct nvml_device * d, unsigned *n, struct nvml_process *processes))                       \
    X(nvmlDeviceGetComputeRunningProcesses,                                                        \
      (struct nvml_device * d, unsigned *n, struct nvml_process_v1 *processes))                    \
    X(nvmlDeviceGetGraphicsRunningProcesses_v3,                                                    \
      (struct nvml_device * d, unsigned *n, struct nvml_process *processes))                       \
    X(nvmlDeviceGetGraphicsRunningProcesses_v2,                                                    \
      (struct nvml_device * d, unsigned *n, struct nvml_process *processes))                       \
    X(nvmlDeviceGetGraphicsRunningProcesses,                                                       \
      (struct nvml_device * d, unsigned *n, struct nvml_process_v1 *processes))                    \
    X(nvmlDeviceGetMPSComputeRunningProcesses_v3,                                                  \
      (struct nvml_device * d, unsigned *n, struct nvml_process *processes))                       \
    X(nvmlDeviceGetMPSComputeRunningProcesses_v2,                                                  \
      (struct nvml_device * d, unsigned *n, struct nvml_process *processes))                       \
    X(nvmlDeviceGetMPSComputeRunningProcesses,                                                     \
      (struct nvml_device * d, unsigned *n, struct nvml_process_v1 *processes))                    \
    X(nvmlDeviceGetProcessUtilization,                                                             \
      (struct nvml_device * d, struct nvml_process_util * samples, unsigned *n,                    \
       unsigned long long last_seen_us))                                                           \
    X(nvmlDeviceGetMigMode, (struct nvml_device * d, unsigned *current, unsigned *pending))        \
    X(nvmlDeviceGetMaxMigDeviceCount, (struct nvml_device * d, unsigned *count))                   \
    X(nvmlDeviceGetMigDeviceHandleByIndex,                                                         \
      (struct nvml_device * d, unsigned index, struct nvml_device **instance))                     \
    X(nvmlDeviceGetGpuInstanceId, (struct nvml_device * instance, unsigned *id))                   \
    X(nvmlDeviceGetComputeInstanceId, (struct nvml_device * instance, unsigned *id))               \
    X(nvmlGpmQueryDeviceSupport, (struct nvml_device * d, struct nvml_gpm_support * support))      \
    X(nvmlGpmSampleAlloc, (struct nvml_gpm_sample * *sample))                                      \
    X(nvmlGpmSampleFree, (struct nvml_gpm_sample * sample))                                        \
    X(nvmlGpmSampleGet, (struct nvml_device * d, struct nvml_gpm_sample * sample))                 \
    X(nvmlGpmMigSampleGet,                                                                         \
      (struct nvml_device * d, unsigned gpu_instance, struct nvml_gpm_sample *sample))             \
    X(nvmlGpmMetricsGet, (struct nvml_gpm_metrics * metrics))                                      \
    X(nvmlEventSetCreate, (struct nvml_event_set * *set))                                          \
    X(nvmlEventSetFree, (struct nvml_event_set * set))                                             \
    X(nvmlDeviceGetSupportedEventTypes, (struct nvml_device * d, unsigned long long *types))       \
    X(nvmlDeviceRegisterEvents,                                                                    \
      (struct nvml_device * d, unsigned long long types, struct nvml_event_set *set))              \
    X(nvmlEventSetWait_v2,                                                                         \
      (struct nvml_event_set * set, struct nvml_event_data * data, unsigned timeout_ms))           \
    X(nvmlEventSetWait,                                                                            \
      (struct nvml_event_set * set, struct nvml_event_data * data, unsigned timeout_ms))           \
    X(nvmlDeviceSetGpuLockedClocks, (struct nvml_device * d, unsigned min_mhz, unsigned max_mhz))  \
    X(nvmlDeviceResetGpuLockedClocks, (struct nvml_device * d))                                    \
    X(nvmlDeviceSetMemoryLockedClocks,                                                             \
      (struct nvml_device * d, unsigned min_mhz, unsigned max_mhz))                                \
    X(nvmlDeviceResetMemoryLockedClocks, (struct nvml_device * d))                                 \
    X(nvmlDeviceSetPowerManagementLimit, (struct nvml_device * d, unsigned mw))                    \
    X(nvmlDeviceSetPowerManagementLimit_v2,                                                        \
      (struct nvml_device * d, struct nvml_power_value * value))

/* Ours, in the drop-in alone, whose presence says that the GPUs are virtual: when its host started,
 * as one word. A real library has no such function. */
#define NVML_WATTLE_EPOCH "nvmlWattleEpoch"
typedef int nvml_wattle_epoch_fn(char *text, unsigned size);

#endif
