/* SPDX-License-Identifier: Apache-2.0
 * What a device is: names, addresses, modes. */
#include "nvml-sim/impl.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- Texts ----------------------------------------------------------------------------------- */

int nvmlDeviceGetName(struct nvml_device *d, char *text, unsigned size)
{
    struct wtl_dropin_call c;
    char name[NVML_NAME_BYTES];
    int rc = wtl_dropin_begin(&c, __func__, d, WTL_DROPIN_ANY, text != NULL);
    if (rc != 0)
        return rc;
    if (c.instance >= 0)
        snprintf(name, sizeof name, "%s MIG %s", c.gpu->board.name,
                 c.gpu->instances[c.instance].profile);
    else
        snprintf(name, sizeof name, "%s", c.gpu->board.name);
    return wtl_dropin_text(name, text, size);
}

int nvmlDeviceGetUUID(struct nvml_device *d, char *text, unsigned size)
{
    struct wtl_dropin_call c;
    char uuid[WTL_SIM_UUID];
    int rc = wtl_dropin_begin(&c, __func__, d, WTL_DROPIN_ANY, text != NULL);
    if (rc != 0)
        return rc;
    return wtl_dropin_text(c.instance < 0 ? wtl_sim_uuid(c.gpu, uuid)
                                          : wtl_sim_instance_uuid(c.gpu, c.instance, uuid),
                           text, size);
}

/* Here it is said what kind of GPU it is: clients compare names and versions, and print these. */
int nvmlDeviceGetSerial(struct nvml_device *d, char *text, unsigned size)
{
    struct wtl_dropin_call c;
    char serial[32];
    int rc = wtl_dropin_begin(&c, __func__, d, WTL_DROPIN_BOARD, text != NULL);
    if (rc != 0)
        return rc;
    snprintf(serial, sizeof serial, "virtual-%llu", (unsigned long long)c.gpu->seed);
    return wtl_dropin_text(serial, text, size);
}

int nvmlDeviceGetBoardPartNumber(struct nvml_device *d, char *text, unsigned size)
{
    struct wtl_dropin_call c;
    char number[64];
    int rc = wtl_dropin_begin(&c, __func__, d, WTL_DROPIN_BOARD, text != NULL);
    if (rc != 0)
        return rc;
    snprintf(number, sizeof number, "virtual-%s", c.gpu->board.short_name);
    return wtl_dropin_text(number, text, size);
}

static int say_virtual(const char *function, const struct nvml_device *d, char *text, unsigned size)
{
    struct wtl_dropin_call c;
    int rc = wtl_dropin_begin(&c, function, d, WTL_DROPIN_BOARD, text != NULL);
    return rc == 0 ? wtl_dropin_text("virtual", text, size) : rc;
}

int nvmlDeviceGetVbiosVersion(struct nvml_device *d, char *text, unsigned size)
{
    return say_virtual(__func__, d, text, size);
}

int nvmlDeviceGetInforomImageVersion(struct nvml_device *d, char *text, unsigned size)
{
    return say_virtual(__func__, d, text, size);
}

/* ---- Numbers --------------------------------------------------------------------------------- */

WTL_DROPIN_GETTER(nvmlDeviceGetIndex, unsigned, WTL_DROPIN_BOARD, true, (unsigned)c.index)
WTL_DROPIN_GETTER(nvmlDeviceGetMinorNumber, unsigned, WTL_DROPIN_BOARD, true, (unsigned)c.index)
WTL_DROPIN_GETTER(nvmlDeviceGetBoardId, unsigned, WTL_DROPIN_BOARD, true,
                  wtl_sim_pci(c.gpu).bus << 8)
WTL_DROPIN_GETTER(nvmlDeviceGetMultiGpuBoard, unsigned, WTL_DROPIN_BOARD, true, 0)
WTL_DROPIN_GETTER(nvmlDeviceGetPersistenceMode, unsigned, WTL_DROPIN_BOARD, true,
                  c.r.persistence ? 1 : 0)
WTL_DROPIN_GETTER(nvmlDeviceGetComputeMode, unsigned, WTL_DROPIN_BOARD, true,
                  (unsigned)c.r.compute_mode)
WTL_DROPIN_GETTER(nvmlDeviceGetVirtualizationMode, unsigned, WTL_DROPIN_BOARD, true,
                  NVML_VIRTUALIZATION_NONE)
WTL_DROPIN_GETTER(nvmlDeviceGetDisplayMode, unsigned, WTL_DROPIN_BOARD, true, 0)
WTL_DROPIN_GETTER(nvmlDeviceGetDisplayActive, unsigned, WTL_DROPIN_BOARD, true, 0)

WTL_DROPIN_GETTER(nvmlDeviceGetArchitecture, unsigned, WTL_DROPIN_ANY, true,
                  (unsigned)c.gpu->board.architecture)

/* GA100 is the Ampere whose power reading is not averaged over a second. */
static int capability(const struct wtl_sim_board *board)
{
    switch (board->architecture) {
    case WTL_SIM_PASCAL:
        return 61;
    case WTL_SIM_VOLTA:
        return 70;
    case WTL_SIM_TURING:
        return 75;
    case WTL_SIM_AMPERE:
        return board->capabilities & WTL_SIM_USAGE_IS_AVERAGE ? 86 : 80;
    case WTL_SIM_ADA:
        return 89;
    case WTL_SIM_HOPPER:
        return 90;
    case WTL_SIM_BLACKWELL:
        return 100;
    }
    return 0;
}

int nvmlDeviceGetCudaComputeCapability(struct nvml_device *d, int *major, int *minor)
{
    struct wtl_dropin_call c;
    int rc = wtl_dropin_begin(&c, __func__, d, WTL_DROPIN_ANY, major && minor);
    if (rc == 0) {
        *major = capability(&c.gpu->board) / 10;
        *minor = capability(&c.gpu->board) % 10;
    }
    return rc;
}

/* FP32 units of a multiprocessor (CUDA C++ Programming Guide, arithmetic instructions). */
int nvmlDeviceGetNumGpuCores(struct nvml_device *d, unsigned *n)
{
    struct wtl_dropin_call c;
    int rc = wtl_dropin_begin(&c, __func__, d, WTL_DROPIN_BOARD, n != NULL);
    if (rc != 0)
        return rc;
    int cc = capability(&c.gpu->board);
    unsigned each = cc == 70 || cc == 75 || cc == 80 ? 64 : 128;
    *n = each * (unsigned)c.gpu->board.n_sm;
    return NVML_SUCCESS;
}

int nvmlDeviceGetBrand(struct nvml_device *d, unsigned *brand)
{
    struct wtl_dropin_call c;
    int rc = wtl_dropin_begin(&c, __func__, d, WTL_DROPIN_BOARD, brand != NULL);
    if (rc != 0)
        return rc;
    const char *name = c.gpu->board.name;
    *brand = strstr(name, "Tesla")     ? NVML_BRAND_TESLA
             : strstr(name, "GeForce") ? NVML_BRAND_GEFORCE
                                       : NVML_BRAND_NVIDIA;
    return NVML_SUCCESS;
}

/* The struct grew with the function's version, and clients of the older ones have no more room: up
 * to the device id (v1); the subsystem's and 16 reserved bytes (v2); the long bus id (v3). */
enum {
    PCI_V1_BYTES = offsetof(struct nvml_pci, subsystem_id),
    PCI_V2_BYTES = offsetof(struct nvml_pci, bus_id) + 16,
};

static int pci_info(const char *function, const struct nvml_device *d, struct nvml_pci *pci,
                    size_t size)
{
    struct nvml_pci full;
    struct wtl_dropin_call c;
    int rc = wtl_dropin_begin(&c, function, d, WTL_DROPIN_ANY, pci != NULL);
    if (rc != 0)
        return rc;
    struct wtl_sim_pci p = wtl_sim_pci(c.gpu);
    memset(&full, 0, sizeof full);
    full.domain = p.domain;
    full.bus = p.bus;
    full.device = p.device;
    full.device_id = p.device_id;
    full.subsystem_id = p.subsystem_id;
    snprintf(full.bus_id_legacy, sizeof full.bus_id_legacy, "%04X:%02X:%02X.0", p.domain & 0xffff,
             p.bus & 0xff, p.device & 0xff);
    if (size == sizeof full)
        snprintf(full.bus_id, sizeof full.bus_id, "%08X:%02X:%02X.0", p.domain, p.bus, p.device);
    memcpy(pci, &full, size);
    return NVML_SUCCESS;
}

int nvmlDeviceGetPciInfo(struct nvml_device *d, struct nvml_pci *pci)
{
    return pci_info(__func__, d, pci, PCI_V1_BYTES);
}

int nvmlDeviceGetPciInfo_v2(struct nvml_device *d, struct nvml_pci *pci)
{
    return pci_info(__func__, d, pci, PCI_V2_BYTES);
}

int nvmlDeviceGetPciInfo_v3(struct nvml_device *d, struct nvml_pci *pci)
{
    return pci_info(__func__, d, pci, sizeof *pci);
}

int nvmlDeviceGetAPIRestriction(struct nvml_device *d, unsigned api, unsigned *restricted)
{
    struct wtl_dropin_call c;
    int rc = wtl_dropin_begin(&c, __func__, d, WTL_DROPIN_BOARD, restricted && api <= 1);
    if (rc == 0)
        *restricted = 1; /* root alone */
    return rc;
}

/* All CPUs are as near. */
int nvmlDeviceGetCpuAffinity(struct nvml_device *d, unsigned n, unsigned long *set)
{
    struct wtl_dropin_call c;
    int rc = wtl_dropin_begin(&c, __func__, d, WTL_DROPIN_ANY, set && n > 0);
    if (rc != 0)
        return rc;
    long cpus = sysconf(_SC_NPROCESSORS_CONF);
    enum { BITS = 8 * sizeof(unsigned long) };
    memset(set, 0, n * sizeof *set);
    for (long i = 0; i < cpus && i / BITS < (long)n; i++)
        set[i / BITS] |= 1ul << (i % BITS);
    return NVML_SUCCESS;
}

/* ---- Memory ---------------------------------------------------------------------------------- */

/* Of the board, or of a MIG instance, whose reserve is the board's. */
static void memory_of(const struct wtl_dropin_call *c, struct nvml_memory_v2 *m)
{
    if (c->instance < 0) {
        m->total = c->r.memory_total_b;
        m->reserved = c->r.memory_reserved_b;
        m->used = c->r.memory_used_b;
        m->free = c->r.memory_free_b;
        return;
    }
    struct wtl_sim_process_info p[WTL_SIM_TENANTS];
    int n = wtl_sim_processes(c->gpu, p, WTL_SIM_TENANTS);
    m->total = (uint64_t)(c->gpu->instances[c->instance].vram_mib * 1048576.0);
    m->reserved = 0;
    m->used = 0;
    for (int i = 0; i < n; i++)
        m->used += p[i].instance == c->instance ? p[i].memory_b : 0;
    m->free = m->total > m->used ? m->total - m->used : 0;
}

int nvmlDeviceGetMemoryInfo(struct nvml_device *d, struct nvml_memory *memory)
{
    struct wtl_dropin_call c;
    struct nvml_memory_v2 m;
    int rc =
        wtl_dropin_begin(&c, __func__, d, WTL_DROPIN_ANY | WTL_DROPIN_PROCESSES, memory != NULL);
    if (rc != 0)
        return rc;
    memory_of(&c, &m);
    /* The old struct has no place for the reserve: it counts as used. */
    *memory = (struct nvml_memory){m.total, m.free, m.total - m.free};
    return NVML_SUCCESS;
}

int nvmlDeviceGetMemoryInfo_v2(struct nvml_device *d, struct nvml_memory_v2 *memory)
{
    struct wtl_dropin_call c;
    int rc =
        wtl_dropin_begin(&c, __func__, d, WTL_DROPIN_ANY | WTL_DROPIN_PROCESSES, memory != NULL);
    if (rc != 0)
        return rc;
    if (memory->version != NVML_STRUCT_VERSION(struct nvml_memory_v2, 2))
        return NVML_ARGUMENT_VERSION_MISMATCH;
    memory_of(&c, memory);
    return NVML_SUCCESS;
}

/* ---- MIG ------------------------------------------------------------------------------------- */

int nvmlDeviceGetMigMode(struct nvml_device *d, unsigned *current, unsigned *pending)
{
    struct wtl_dropin_call c;
    int rc = wtl_dropin_begin(&c, __func__, d, WTL_DROPIN_BOARD, current && pending);
    if (rc != 0)
        return rc;
    if (!(c.gpu->board.capabilities & WTL_SIM_MIG))
        return NVML_NOT_SUPPORTED;
    *current = c.r.mig;
    *pending = c.r.mig; /* at once, or refused */
    return NVML_SUCCESS;
}

int nvmlDeviceGetMaxMigDeviceCount(struct nvml_device *d, unsigned *count)
{
    struct wtl_dropin_call c;
    int rc = wtl_dropin_begin(&c, __func__, d, WTL_DROPIN_BOARD, count != NULL);
    if (rc == 0)
        *count = c.gpu->board.capabilities & WTL_SIM_MIG ? (unsigned)c.gpu->board.mig_slices : 0;
    return rc;
}

int nvmlDeviceGetMigDeviceHandleByIndex(struct nvml_device *d, unsigned index,
                                        struct nvml_device **instance)
{
    struct wtl_dropin_call c;
    int rc = wtl_dropin_begin(&c, __func__, d, WTL_DROPIN_BOARD, instance != NULL);
    if (rc != 0)
        return rc;
    if (!(c.gpu->board.capabilities & WTL_SIM_MIG))
        return NVML_NOT_SUPPORTED;
    if (!c.r.mig || index >= (unsigned)c.gpu->n_instances)
        return NVML_NOT_FOUND;
    *instance = wtl_dropin_handle(c.index, (int)index);
    return NVML_SUCCESS;
}

/* A call about a MIG instance, and no board. */
static int begin_instance(struct wtl_dropin_call *c, const char *function,
                          const struct nvml_device *instance, bool arguments)
{
    int rc = wtl_dropin_begin(c, function, instance, WTL_DROPIN_ANY, arguments);
    return rc == 0 && c->instance < 0 ? NVML_INVALID_ARGUMENT : rc;
}

int nvmlDeviceGetDeviceHandleFromMigDeviceHandle(struct nvml_device *instance,
                                                 struct nvml_device **d)
{
    struct wtl_dropin_call c;
    int rc = begin_instance(&c, __func__, instance, d != NULL);
    if (rc == 0)
        *d = wtl_dropin_handle(c.index, -1);
    return rc;
}

WTL_DROPIN_GETTER(nvmlDeviceIsMigDeviceHandle, unsigned, WTL_DROPIN_ANY, true, c.instance >= 0)

int nvmlDeviceGetGpuInstanceId(struct nvml_device *instance, unsigned *id)
{
    struct wtl_dropin_call c;
    int rc = begin_instance(&c, __func__, instance, id != NULL);
    if (rc == 0)
        *id = (unsigned)c.gpu->instances[c.instance].gpu_instance;
    return rc;
}

int nvmlDeviceGetComputeInstanceId(struct nvml_device *instance, unsigned *id)
{
    struct wtl_dropin_call c;
    int rc = begin_instance(&c, __func__, instance, id != NULL);
    if (rc == 0)
        *id = (unsigned)c.gpu->instances[c.instance].compute_instance;
    return rc;
}

static int attributes_of(const char *function, const struct nvml_device *d,
                         struct nvml_attributes *out)
{
    struct wtl_dropin_call c;
    int rc = wtl_dropin_begin(&c, function, d, WTL_DROPIN_ANY, out != NULL);
    if (rc != 0)
        return rc;
    if (c.instance < 0)
        return NVML_NOT_SUPPORTED; /* of MIG devices alone */
    const struct wtl_sim_instance *i = &c.gpu->instances[c.instance];
    *out = (struct nvml_attributes){
        .multiprocessors = (uint32_t)i->n_sm,
        .gpu_slices = (uint32_t)i->slices,
        .compute_slices = (uint32_t)i->slices,
        .memory_mib = (uint64_t)i->vram_mib,
    };
    return NVML_SUCCESS;
}

int nvmlDeviceGetAttributes(struct nvml_device *d, struct nvml_attributes *attributes)
{
    return attributes_of(__func__, d, attributes);
}

int nvmlDeviceGetAttributes_v2(struct nvml_device *d, struct nvml_attributes *attributes)
{
    return attributes_of(__func__, d, attributes);
}
