/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the NVML back end share. A library is one loaded NVML: the system's, the
 * drop-in of a virtual machine room, a test's; there may be several at once, so nothing here is
 * global. A GPU is the `state` of one device: everything that its calls need is allocated at open.
 *
 *   library.c    loading, the table of functions
 *   policy.c     return codes: what to repeat, what to give up, what to tell the caller
 *   open.c       finding GPUs and MIG instances, what they are and have
 *   probe.c      which sensors answer, and from where
 *   sensors.c    reading; gpm.c: activity from two samples of GPM counters; rings.c; processes.c
 *   knobs.c      clock locks and the power limit
 *   epoch.c      which boot and driver load this is; errors.c: XIDs
 *   findings.c   what works and what does not
 *
 * The declarations are those of nvml-abi/nvml_abi.h; facts about them stand in docs/nvml.md.
 */
#ifndef WTL_DEVICE_NVML_NVML_H
#define WTL_DEVICE_NVML_NVML_H

#include "device/backend.h"
#include "device/sysfs.h"
#include "nvml-abi/nvml_abi.h"

/* ---- The library ----------------------------------------------------------------------------- */

/* A function that the library lacks is NULL: a capability that is absent. */
struct wtl_nvml_api {
#define X(name, args) int(*name) args;
    NVML_FUNCTIONS(X)
#undef X
};

struct wtl_nvml_library {
    void *handle; /* of dlopen() */
    struct wtl_nvml_api api;
    nvml_wattle_epoch_fn *virtual_epoch; /* NULL: real GPUs */
    struct wtl_clock clock;
    struct wtl_sysfs *files;   /* of the machine: /proc and /sys */
    char path[WTL_LIMIT_PATH]; /* "libnvidia-ml.so.1" where the linker found it */
    char driver[NVML_VERSION_BYTES];
    char version[NVML_VERSION_BYTES]; /* of NVML */
    bool wsl;
    bool may_set;    /* as far as is known without trying */
    bool host_pids;  /* /proc here shows the processes that the driver numbers */
    bool inited;     /* nvmlInit() succeeded */
    unsigned n_gpus; /* as the library counts */
    int users;       /* devices that hold it */
};

/* Loads the library at `path` (a name without '/': where the linker looks) and its functions.
 * 1: there is none (*why, of dlerror(), says more); -WTL_NOMEM. */
int wtl_nvml_load(const struct wtl_backend_host *host, const char *path,
                  struct wtl_nvml_library **library_out, const char **why, struct wtl_error *err);

/* nvmlInit(), versions, number of GPUs; a code of enum nvml_return. */
int wtl_nvml_start(struct wtl_nvml_library *library);

/* Gives up one use; the last one shuts NVML down and unloads it. */
void wtl_nvml_release(struct wtl_nvml_library *library);

/* ---- Return codes (docs/nvml.md, "Errors") --------------------------------------------------- */

enum wtl_nvml_class {
    WTL_NVML_OK,
    WTL_NVML_RETRY,  /* timeout, interrupt, in use, not ready: again, a few times */
    WTL_NVML_OFF,    /* not supported, function not found, deprecated: a capability less */
    WTL_NVML_DENIED, /* no permission, blocked by the system */
    WTL_NVML_LOST,   /* GPU lost, reset required, driver changed or gone: nothing more */
    WTL_NVML_DEFECT, /* invalid argument, size, version: our mistake, or a value out of range */
    WTL_NVML_EMPTY,  /* not found, no data: nothing so far */
    WTL_NVML_ERROR,  /* the rest */
};
enum wtl_nvml_class wtl_nvml_class(int code);

/* "the GPU is lost" */
const char *wtl_nvml_text(int code);

/* One operation of a caller: how often and until when its calls are repeated. */
struct wtl_nvml_op {
    const struct wtl_nvml_api *api;
    struct wtl_clock clock;
    int64_t until_ns; /* no repetition after it; 0: no call has asked for one yet */
    int repeats;
    int lost; /* the code that ended it; 0: none */
};
struct wtl_nvml_op wtl_nvml_begin(const struct wtl_nvml_library *library);

/* Whether to repeat a call that gave `code`: waits a little first. Notes a lost GPU. */
bool wtl_nvml_again(struct wtl_nvml_op *op, int code);

/* The code of a function of the library, repeated by the policy; NVML_FUNCTION_NOT_FOUND where the
 * library lacks it, NVML_GPU_IS_LOST and the like at once when an earlier call of `op` said so. */
#define WTL_NVML_CALL(op, function, ...)                                                           \
    __extension__({                                                                                \
        int code_ = (op)->lost;                                                                    \
        if (!code_)                                                                                \
            do                                                                                     \
                code_ = (op)->api->function ? (op)->api->function(__VA_ARGS__)                     \
                                            : NVML_FUNCTION_NOT_FOUND;                             \
            while (wtl_nvml_again((op), code_));                                                   \
        code_;                                                                                     \
    })

/* The same of the newer function and, where the library or the driver lacks it, the older. */
#define WTL_NVML_EITHER(op, newer, older, ...)                                                     \
    __extension__({                                                                                \
        int either_ = WTL_NVML_CALL(op, newer, __VA_ARGS__);                                       \
        if (wtl_nvml_class(either_) == WTL_NVML_OFF)                                               \
            either_ = WTL_NVML_CALL(op, older, __VA_ARGS__);                                       \
        either_;                                                                                   \
    })

/* The error for a code that is not 0: "reading the power limit of nvml:GPU-...: the GPU is lost".
 */
int wtl_nvml_fail(struct wtl_error *err, int code, const char *doing, const char *subject);

/* Why a value with that code is not there. */
enum wtl_absence wtl_nvml_absence(int code);

/* ---- A GPU, or a MIG instance ---------------------------------------------------------------- */

enum {
    WTL_NVML_PROCESSES = 1024, /* of one kind on one GPU; MPS serves 60 clients, graphics tens */
    WTL_NVML_SLICES = 16,      /* MIG instances of a GPU: seven today */
    WTL_NVML_GPM_METRICS = 8,
};

struct wtl_nvml_slice {
    unsigned gpu_instance, compute_instance;
    int index; /* of its device in the machine */
};

struct wtl_nvml_gpm {
    bool on;
    struct nvml_gpm_sample *sample[2];
    int newest;       /* of `sample` */
    bool taken;       /* the newest is one, */
    int64_t taken_ns; /* and of then, monotonic */
    bool filled;      /* `ret` and `value` hold the last metrics, as in the table of gpm.c */
    int ret[WTL_NVML_GPM_METRICS];
    double value[WTL_NVML_GPM_METRICS];
    struct nvml_gpm_metrics *metrics;
};

struct wtl_nvml_gpu {
    struct wtl_nvml_library *library;
    struct nvml_device *handle;
    char id[WTL_LIMIT_NAME];
    unsigned architecture; /* NVML_ARCH_*; 0: not known */
    bool averages_1s;      /* nvmlDeviceGetPowerUsage() is a 1-s average, not the short window */
    /* A MIG instance: its GPU's handle and its number there. */
    struct nvml_device *parent; /* NULL: a whole GPU */
    unsigned gpu_instance;
    int own_index; /* of a MIG instance's device in the machine; -1 */
    struct wtl_nvml_slice slice[WTL_NVML_SLICES];
    unsigned n_slices;
    char pci[32]; /* "0000:3b:00.0" */

    /* Where each sensor comes from; neither: not there. */
    uint64_t by_field, by_call;
    uint32_t power_scope; /* of the two fields for power */

    unsigned knobs; /* WTL_KNOB_BIT() */
    double min[WTL_N_KNOBS], max[WTL_N_KNOBS], default_power_w;

    struct wtl_nvml_gpm gpm;
    struct nvml_event_set *events;   /* NULL: nobody listens for errors */
    uint64_t no_rings;               /* metrics of which the driver said that it keeps no samples */
    struct nvml_process *processes;  /* WTL_NVML_PROCESSES of each kind */
    struct nvml_process_util *utils; /* as many */
    uint64_t util_seen_us;           /* newest time stamp of a process's utilisation, */
    int64_t util_seen_at_ns;         /* and when we saw it first, monotonic */
};

/* Finds where each sensor of the GPU comes from, and what of it is known. */
void wtl_nvml_probe(struct wtl_nvml_gpu *gpu, struct wtl_device_info *info);
int wtl_nvml_probe_gpm(struct wtl_nvml_gpu *gpu, struct wtl_arena *arena, struct wtl_error *err);
void wtl_nvml_probe_knobs(struct wtl_nvml_gpu *gpu, struct wtl_device_info *info);

/* A sensor that is a field, in the order of the table; *scale is base units per unit of the field.
 * Returns its identifier, 0: none. */
uint32_t wtl_nvml_field(enum wtl_metric metric, double *scale);
bool wtl_nvml_scoped(uint32_t field); /* its scope may be the GPU or the module */
double wtl_nvml_value(const struct nvml_field_value *value);

/* Asks for n fields in one call, again where one of them says so. A code; each has one of its own
 * then. */
int wtl_nvml_fields(struct wtl_nvml_op *op, const struct wtl_nvml_gpu *gpu,
                    struct nvml_field_value *values, int n);

/* The power limit, requested or enforced, from the call that gives it. A code. */
int wtl_nvml_call_limit(struct wtl_nvml_op *op, const struct wtl_nvml_gpu *gpu,
                        enum wtl_metric metric, double *limit_w_out);

/* The values of one call, into values[metric]: the calls that give any of `metrics`. */
struct wtl_nvml_source {
    uint64_t metrics;
    int (*call)(struct wtl_nvml_op *op, const struct wtl_nvml_gpu *gpu,
                double values[WTL_N_METRICS]);
};
const struct wtl_nvml_source *wtl_nvml_sources(size_t *n_out);

/* Sensor operations, as in device/backend.h. */
int wtl_nvml_read(void *state, uint64_t wanted, struct wtl_reading *out, struct wtl_error *err);
int wtl_nvml_ring(void *state, enum wtl_metric metric, int64_t since_ns,
                  struct wtl_ring_sample *out, size_t max, size_t *n_out, struct wtl_error *err);
int wtl_nvml_processes(void *state, struct wtl_process *out, size_t max, size_t *n_out,
                       struct wtl_error *err);
int wtl_nvml_epoch(void *state, char epoch_out[WTL_LIMIT_NAME], struct wtl_error *err);

/* Errors (XIDs), as device/backend.h has them; what it listens with ends before the GPU closes. */
int wtl_nvml_errors(void *state, struct wtl_driver_error *out, size_t max, size_t *n_out,
                    struct wtl_error *err);
void wtl_nvml_errors_end(struct wtl_nvml_gpu *gpu);

/* The metrics of GPM, and what a read of them gives. */
uint64_t wtl_nvml_gpm_metrics(void);
void wtl_nvml_gpm_read(struct wtl_nvml_op *op, struct wtl_nvml_gpu *gpu, uint64_t wanted,
                       struct wtl_reading *r);
void wtl_nvml_gpm_free(struct wtl_nvml_gpu *gpu);

extern const struct wtl_knob_ops wtl_nvml_knob_ops;

/* ---- What doctor says ------------------------------------------------------------------------ */

void wtl_nvml_find_library(const struct wtl_backend_host *host,
                           const struct wtl_nvml_library *library);
void wtl_nvml_find_no_library(const struct wtl_backend_host *host, const char *path,
                              const char *why);
void wtl_nvml_find_no_start(const struct wtl_backend_host *host,
                            const struct wtl_nvml_library *library, int code);
void wtl_nvml_find_gpu(const struct wtl_backend_host *host, const struct wtl_nvml_gpu *gpu,
                       const struct wtl_device_info *info);

#endif
