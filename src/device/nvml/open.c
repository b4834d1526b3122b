/* SPDX-License-Identifier: Apache-2.0
 * The back end: which libraries to load, which GPUs and MIG instances they have, what these are. */
#include "base/text.h"
#include "device/nvml/nvml.h"
#include "simhost/client.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define SYSTEM_LIBRARY "libnvidia-ml.so.1"
#define WSL_LIBRARY "/usr/lib/wsl/lib/libnvidia-ml.so.1"

enum { GPUS_MAX = 256 }; /* a guard against a library that counts wildly */

static void close_gpu(void *state)
{
    struct wtl_nvml_gpu *g = state;
    wtl_nvml_gpm_free(g);
    wtl_nvml_errors_end(g);
    wtl_nvml_release(g->library);
}

static const struct wtl_sensor_ops sensor_ops = {
    .read = wtl_nvml_read,
    .ring = wtl_nvml_ring,
    .processes = wtl_nvml_processes,
    .epoch = wtl_nvml_epoch,
    .errors = wtl_nvml_errors,
    .close = close_gpu,
};

/* ---- What a GPU is --------------------------------------------------------------------------- */

static const char *const architectures[] = {
    [NVML_ARCH_KEPLER] = "Kepler",
    [NVML_ARCH_MAXWELL] = "Maxwell",
    [NVML_ARCH_PASCAL] = "Pascal",
    [NVML_ARCH_VOLTA] = "Volta",
    [NVML_ARCH_TURING] = "Turing",
    [NVML_ARCH_AMPERE] = "Ampere",
    [NVML_ARCH_ADA] = "Ada",
    [NVML_ARCH_HOPPER] = "Hopper",
    [NVML_ARCH_BLACKWELL] = "Blackwell",
    [NVML_ARCH_RUBIN] = "Rubin",
};
enum { N_ARCHITECTURES = sizeof architectures / sizeof *architectures };

/* By compute capability, for drivers without nvmlDeviceGetArchitecture(). */
static unsigned by_capability(int major, int minor)
{
    if (major == 7)
        return minor >= 5 ? NVML_ARCH_TURING : NVML_ARCH_VOLTA;
    if (major == 8)
        return minor == 9 ? NVML_ARCH_ADA : NVML_ARCH_AMPERE;
    switch (major) {
    case 3:
        return NVML_ARCH_KEPLER;
    case 5:
        return NVML_ARCH_MAXWELL;
    case 6:
        return NVML_ARCH_PASCAL;
    case 9:
        return NVML_ARCH_HOPPER;
    case 10:
    case 12:
        return NVML_ARCH_BLACKWELL;
    default:
        return 0;
    }
}

/* GA100 (compute capability 8.0) is the Ampere whose power is not averaged over a second. */
static void find_architecture(struct wtl_nvml_op *op, struct wtl_nvml_gpu *g,
                              struct wtl_device_info *info)
{
    unsigned arch = 0;
    int major = 0, minor = 0;
    bool capable =
        WTL_NVML_CALL(op, nvmlDeviceGetCudaComputeCapability, g->handle, &major, &minor) == 0;
    if (WTL_NVML_CALL(op, nvmlDeviceGetArchitecture, g->handle, &arch) != 0 || arch > 64)
        arch = capable ? by_capability(major, minor) : 0;
    bool ga100 = capable ? major == 8 && minor == 0
                         : strstr(info->name, "A100") || wtl_ends_with(info->name, "A30");
    g->architecture = arch;
    g->averages_1s = arch > NVML_ARCH_AMPERE || (arch == NVML_ARCH_AMPERE && !ga100);
    const char *name = arch < N_ARCHITECTURES ? architectures[arch] : NULL;
    snprintf(info->architecture, sizeof info->architecture, "%s", name ? name : "");
}

/* "00000000:3B:00.0" of NVML is "0000:3b:00.0" of the kernel. */
static void find_pci(struct wtl_nvml_op *op, struct wtl_nvml_gpu *g, struct wtl_device_info *info)
{
    struct nvml_pci pci = {0};
    if (WTL_NVML_EITHER(op, nvmlDeviceGetPciInfo_v3, nvmlDeviceGetPciInfo_v2, g->handle, &pci))
        return;
    snprintf(g->pci, sizeof g->pci, "%04x:%02x:%02x.0", pci.domain, pci.bus, pci.device);
    memcpy(info->pci, g->pci, sizeof info->pci);
}

static void find_flags(struct wtl_nvml_op *op, const struct wtl_nvml_gpu *g,
                       struct wtl_device_info *info)
{
    unsigned on = 0, mode = 0, virtualization = 0, mig = 0, pending = 0;
    if (g->library->virtual_epoch)
        info->flags |= WTL_DEVICE_VIRTUAL;
    if (g->library->wsl)
        info->flags |= WTL_DEVICE_WSL;
    if (WTL_NVML_CALL(op, nvmlDeviceGetPersistenceMode, g->handle, &on) == 0 && on)
        info->flags |= WTL_DEVICE_PERSISTENT;
    if (WTL_NVML_CALL(op, nvmlDeviceGetComputeMode, g->handle, &mode) == 0 &&
        (mode == NVML_COMPUTE_THREAD || mode == NVML_COMPUTE_PROCESS))
        info->flags |= WTL_DEVICE_EXCLUSIVE;
    if (WTL_NVML_CALL(op, nvmlDeviceGetVirtualizationMode, g->handle, &virtualization) == 0 &&
        virtualization == NVML_VIRTUALIZATION_VGPU)
        info->flags |= WTL_DEVICE_VGPU;
    if (WTL_NVML_CALL(op, nvmlDeviceGetMigMode, g->handle, &mig, &pending) == 0 && mig)
        info->flags |= WTL_DEVICE_MIG;
}

/* Software keeps the clock from there on, hardware does so harder a little later. */
static void find_slowdown(struct wtl_nvml_op *op, const struct wtl_nvml_gpu *g,
                          struct wtl_device_info *info)
{
    static const unsigned types[] = {NVML_THRESHOLD_GPU_MAX, NVML_THRESHOLD_SLOWDOWN};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        unsigned c = 0;
        if (WTL_NVML_CALL(op, nvmlDeviceGetTemperatureThreshold, g->handle, types[i], &c) == 0 &&
            c > 0 && (info->slowdown_c <= 0 || c < info->slowdown_c))
            info->slowdown_c = c;
    }
}

/* Name, UUID and id of a GPU or a MIG instance; a code. Nothing can be done without a UUID. */
static int find_identity(struct wtl_nvml_op *op, struct wtl_nvml_gpu *g,
                         struct wtl_device_info *info)
{
    char uuid[NVML_UUID_BYTES] = "", name[NVML_NAME_BYTES] = "";
    int code = WTL_NVML_CALL(op, nvmlDeviceGetUUID, g->handle, uuid, sizeof uuid);
    if (code != 0)
        return code;
    if (WTL_NVML_CALL(op, nvmlDeviceGetName, g->handle, name, sizeof name) != 0)
        snprintf(name, sizeof name, "NVIDIA GPU");
    snprintf(info->uuid, sizeof info->uuid, "%.*s", NVML_UUID_BYTES - 1, uuid);
    snprintf(info->name, sizeof info->name, "%.*s", NVML_NAME_BYTES - 1, name);
    snprintf(info->id, sizeof info->id, "nvml:%.80s", uuid);
    for (char *p = info->id; *p; p++)
        if (isspace((unsigned char)*p) || iscntrl((unsigned char)*p))
            *p = '_';
    memcpy(g->id, info->id, sizeof g->id);
    snprintf(info->driver, sizeof info->driver, "NVIDIA %.80s", g->library->driver);
    return 0;
}

/* ---- Opening them ---------------------------------------------------------------------------- */

static int make_room(struct wtl_nvml_gpu *g, struct wtl_arena *arena, struct wtl_error *err)
{
    g->processes = WTL_NEW_ARRAY(arena, struct nvml_process, (size_t)3 * WTL_NVML_PROCESSES);
    g->utils = WTL_NEW_ARRAY(arena, struct nvml_process_util, WTL_NVML_PROCESSES);
    return g->processes && g->utils ? 0 : WTL_FAIL(err, WTL_NOMEM, "out of memory");
}

/* Hands the GPU to the machine; on failure nothing of it is left. Its index, or a code. */
static int add(const struct wtl_backend_host *host, struct wtl_nvml_gpu *g,
               struct wtl_device_info *info, struct wtl_error *err)
{
    g->library->users++;
    int rc = make_room(g, host->arena, err);
    if (rc == 0)
        rc = wtl_nvml_probe_gpm(g, host->arena, err);
    if (rc == 0) {
        wtl_nvml_probe(g, info);
        wtl_nvml_probe_knobs(g, info);
        if (wtl_nvml_epoch(g, info->epoch, NULL) < 0)
            info->epoch[0] = '\0';
        rc = wtl_backend_add(host, info, &sensor_ops, g->knobs ? &wtl_nvml_knob_ops : NULL, g, true,
                             err);
    }
    if (rc < 0)
        close_gpu(g);
    return rc;
}

/* Its size, which its name ends with ("NVIDIA H100 NVL MIG 3g.47gb"), behind those before it. */
static void add_slice_name(const struct wtl_device_info *info, char *names, size_t size)
{
    const size_t used = strlen(names);
    const char *mig = strstr(info->name, " MIG ");
    snprintf(names + used, size - used, "%s%s", used ? ", " : "", mig ? mig + 5 : info->name);
}

static int open_slice(const struct wtl_backend_host *host, struct wtl_nvml_gpu *board, int parent,
                      const struct wtl_device_info *board_info, unsigned number, char *names,
                      size_t size, struct wtl_error *err)
{
    struct wtl_nvml_op op = wtl_nvml_begin(board->library);
    struct nvml_device *handle = NULL;
    if (WTL_NVML_CALL(&op, nvmlDeviceGetMigDeviceHandleByIndex, board->handle, number, &handle))
        return 0; /* instances are numbered with gaps */
    struct wtl_nvml_gpu *g = WTL_NEW(host->arena, struct wtl_nvml_gpu);
    struct wtl_device_info *info = WTL_NEW(host->arena, struct wtl_device_info);
    if (!g || !info)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    *g = (struct wtl_nvml_gpu){.handle = handle,
                               .architecture = board->architecture,
                               .averages_1s = board->averages_1s,
                               .parent = board->handle};
    g->library = board->library;
    memcpy(g->pci, board->pci, sizeof g->pci);
    unsigned ci = 0;
    if (find_identity(&op, g, info) != 0 ||
        WTL_NVML_CALL(&op, nvmlDeviceGetGpuInstanceId, handle, &g->gpu_instance) != 0 ||
        WTL_NVML_CALL(&op, nvmlDeviceGetComputeInstanceId, handle, &ci) != 0)
        return 0;
    info->kind = WTL_DEVICE_GPU_SLICE;
    info->flags = board_info->flags & (WTL_DEVICE_VIRTUAL | WTL_DEVICE_WSL | WTL_DEVICE_VGPU);
    info->parent = parent;
    info->index = (int)number;
    memcpy(info->architecture, board_info->architecture, sizeof info->architecture);
    int rc = add(host, g, info, err);
    if (rc < 0)
        return rc;
    g->own_index = rc;
    add_slice_name(info, names, size);
    board->slice[board->n_slices++] = (struct wtl_nvml_slice){g->gpu_instance, ci, rc};
    return 0;
}

static int open_slices(const struct wtl_backend_host *host, struct wtl_nvml_gpu *g, int parent,
                       const struct wtl_device_info *info, struct wtl_error *err)
{
    struct wtl_nvml_op op = wtl_nvml_begin(g->library);
    unsigned n = 0;
    if (WTL_NVML_CALL(&op, nvmlDeviceGetMaxMigDeviceCount, g->handle, &n) != 0)
        return 0;
    int rc = 0;
    char names[WTL_NVML_SLICES * 24] = "";
    for (unsigned i = 0; i < n && g->n_slices < WTL_NVML_SLICES && rc == 0; i++)
        rc = open_slice(host, g, parent, info, i, names, sizeof names, err);
    if (rc == 0 && g->n_slices > 0)
        wtl_backend_finding(host, WTL_FINDING_NOTE, info->id, NULL,
                            "MIG: its instances (%s) share one power sensor, one clock and one "
                            "limit",
                            names);
    else if (rc == 0)
        wtl_backend_finding(host, WTL_FINDING_NOTE, info->id, NULL,
                            "MIG is on and has no instances: nothing can run on it");
    return rc;
}

/* A GPU that cannot be opened is a finding. */
static int open_gpu(const struct wtl_backend_host *host, struct wtl_nvml_library *l, unsigned index,
                    struct wtl_error *err)
{
    struct wtl_nvml_gpu *g = WTL_NEW(host->arena, struct wtl_nvml_gpu);
    struct wtl_device_info *info = WTL_NEW(host->arena, struct wtl_device_info);
    if (!g || !info)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    struct wtl_nvml_op op = wtl_nvml_begin(l);
    g->library = l;
    g->own_index = -1;
    int code = WTL_NVML_EITHER(&op, nvmlDeviceGetHandleByIndex_v2, nvmlDeviceGetHandleByIndex,
                               index, &g->handle);
    if (code == 0)
        code = find_identity(&op, g, info);
    if (code != 0) {
        wtl_backend_finding(host, WTL_FINDING_PROBLEM, "nvml", NULL,
                            "GPU %u cannot be opened: %s (code %d)", index, wtl_nvml_text(code),
                            code);
        return 0;
    }
    info->kind = WTL_DEVICE_GPU;
    info->parent = -1;
    unsigned number = index;
    info->index =
        WTL_NVML_CALL(&op, nvmlDeviceGetIndex, g->handle, &number) == 0 ? (int)number : (int)index;
    find_pci(&op, g, info);
    find_architecture(&op, g, info);
    find_flags(&op, g, info);
    find_slowdown(&op, g, info);
    int rc = add(host, g, info, err);
    if (rc < 0)
        return rc;
    wtl_nvml_find_gpu(host, g, info);
    return info->flags & WTL_DEVICE_MIG ? open_slices(host, g, rc, info, err) : 0;
}

/* ---- Libraries ------------------------------------------------------------------------------- */

static int open_gpus(const struct wtl_backend_host *host, struct wtl_nvml_library *l,
                     struct wtl_error *err)
{
    int rc = 0;
    for (unsigned i = 0; i < l->n_gpus && i < GPUS_MAX && rc == 0; i++)
        rc = open_gpu(host, l, i, err);
    return rc;
}

/* Starts a loaded library and opens its GPUs; gives it up when nothing holds it. */
static int use(const struct wtl_backend_host *host, struct wtl_nvml_library *l,
               struct wtl_error *err)
{
    int rc = 0, code = wtl_nvml_start(l);
    if (code == 0) {
        wtl_nvml_find_library(host, l);
        rc = open_gpus(host, l, err);
    } else {
        wtl_nvml_find_no_start(host, l, code);
    }
    wtl_nvml_release(l);
    return rc;
}

static int open_given(const struct wtl_backend_host *host, struct wtl_error *err)
{
    struct wtl_nvml_library *l = NULL;
    const char *why = NULL;
    int rc = wtl_nvml_load(host, host->nvml, &l, &why, err);
    if (rc == 1)
        wtl_nvml_find_no_library(host, host->nvml, why);
    return rc == 0 ? use(host, l, err) : rc < 0 ? rc : 0;
}

/* *handle_out tells which library it was; NULL: none. */
static int open_system(const struct wtl_backend_host *host, void **handle_out,
                       struct wtl_error *err)
{
    struct wtl_nvml_library *l = NULL;
    const char *why = NULL;
    int rc = wtl_nvml_load(host, SYSTEM_LIBRARY, &l, &why, err);
    if (rc == 1)
        rc = wtl_nvml_load(host, WSL_LIBRARY, &l, &why, err);
    if (rc == 1)
        wtl_nvml_find_no_library(host, SYSTEM_LIBRARY, why);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    rc = use(host, l, err);
    *handle_out = l->handle; /* NULL again when it was of no use */
    return rc;
}

/* The drop-in of a running virtual machine room, unless the linker found it already (`seen`). */
static int open_room(const struct wtl_backend_host *host, const void *seen, struct wtl_error *err)
{
    char dir[WTL_LIMIT_PATH], path[WTL_LIMIT_PATH];
    struct wtl_nvml_library *l = NULL;
    struct wtl_error none;
    const char *why = NULL;
    if (wtl_room_find(dir, NULL) < 0)
        return 0;
    if (wtl_room_library(path, &none) < 0) {
        wtl_backend_finding(host, WTL_FINDING_LACK, "nvml", NULL,
                            "a virtual machine room runs in %s, and its library is not here: %s",
                            dir, none.message);
        return 0;
    }
    int rc = wtl_nvml_load(host, path, &l, &why, err);
    if (rc < 0)
        return rc;
    if (rc == 1) {
        wtl_nvml_find_no_library(host, path, why);
        return 0;
    }
    if (l->handle != seen)
        return use(host, l, err);
    wtl_nvml_release(l);
    return 0;
}

static int open_nvml(const struct wtl_backend_host *host, struct wtl_error *err)
{
    void *seen = NULL;
    if (!host->live || (host->nvml && host->nvml[0] == '\0'))
        return 0;
    if (host->nvml)
        return open_given(host, err);
    int rc = open_system(host, &seen, err);
    return rc == 0 ? open_room(host, seen, err) : rc;
}

const struct wtl_backend wtl_backend_nvml = {
    .prefix = "nvml",
    .summary = "NVIDIA GPUs through NVML",
    .opening_blocks = true,
    .open = open_nvml,
};
