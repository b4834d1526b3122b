/* SPDX-License-Identifier: Apache-2.0
 * The system and its handles; texts of codes. */
#include "nvml-sim/impl.h"

#include "simhost/title.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

const char *nvmlErrorString(int code)
{
    static const char *const texts[] = {
        [NVML_SUCCESS] = "Success",
        [NVML_UNINITIALIZED] = "Uninitialized",
        [NVML_INVALID_ARGUMENT] = "Invalid Argument",
        [NVML_NOT_SUPPORTED] = "Not Supported",
        [NVML_NO_PERMISSION] = "Insufficient Permissions",
        [NVML_ALREADY_INITIALIZED] = "Already Initialized",
        [NVML_NOT_FOUND] = "Not Found",
        [NVML_INSUFFICIENT_SIZE] = "Insufficient Size",
        [NVML_INSUFFICIENT_POWER] = "Insufficient External Power",
        [NVML_DRIVER_NOT_LOADED] = "Driver Not Loaded",
        [NVML_TIMEOUT] = "Timeout",
        [NVML_IRQ_ISSUE] = "Interrupt Request Issue",
        [NVML_LIBRARY_NOT_FOUND] = "NVML Shared Library Not Found",
        [NVML_FUNCTION_NOT_FOUND] = "Function Not Found",
        [NVML_CORRUPTED_INFOROM] = "Corrupted infoROM",
        [NVML_GPU_IS_LOST] = "GPU is lost",
        [NVML_RESET_REQUIRED] = "GPU requires reset",
        [NVML_OPERATING_SYSTEM] = "GPU access blocked by the operating system",
        [NVML_LIB_RM_VERSION_MISMATCH] = "Driver/library version mismatch",
        [NVML_IN_USE] = "In use by another client",
        [NVML_MEMORY] = "Insufficient Memory",
        [NVML_NO_DATA] = "No data",
        [NVML_VGPU_ECC_NOT_SUPPORTED] = "vGPU ECC not supported",
        [NVML_INSUFFICIENT_RESOURCES] = "Insufficient Resources",
        [NVML_FREQ_NOT_SUPPORTED] = "Frequency Not Supported",
        [NVML_ARGUMENT_VERSION_MISMATCH] = "Argument Version Mismatch",
        [NVML_DEPRECATED] = "Deprecated",
        [NVML_NOT_READY] = "Not Ready",
        [NVML_GPU_NOT_FOUND] = "GPU Not Found",
        [NVML_INVALID_STATE] = "Invalid State",
        [NVML_RESET_TYPE_NOT_SUPPORTED] = "Reset Type Not Supported",
    };
    bool known = code >= 0 && code < (int)(sizeof texts / sizeof texts[0]) && texts[code];
    return known ? texts[code] : "Unknown Error";
}

/* ---- Versions -------------------------------------------------------------------------------- */

int nvmlSystemGetDriverVersion(char *text, unsigned size)
{
    int rc = wtl_dropin_begin_system(__func__, text != NULL);
    return rc == 0 ? wtl_dropin_text(WTL_ROOM_DRIVER_VERSION, text, size) : rc;
}

int nvmlSystemGetNVMLVersion(char *text, unsigned size)
{
    int rc = wtl_dropin_begin_system(__func__, text != NULL);
    return rc == 0 ? wtl_dropin_text("13." WTL_ROOM_DRIVER_VERSION, text, size) : rc;
}

static int cuda_version(const char *function, int *version)
{
    int rc = wtl_dropin_begin_system(function, version != NULL);
    if (rc == 0)
        *version = WTL_ROOM_CUDA_VERSION;
    return rc;
}

int nvmlSystemGetCudaDriverVersion(int *version)
{
    return cuda_version(__func__, version);
}

int nvmlSystemGetCudaDriverVersion_v2(int *version)
{
    return cuda_version(__func__, version);
}

/* What stands in /proc/PID/FILE up to its first NUL or end of line; false: there is no process. */
static bool first_text(const char *file, unsigned pid, char *text, size_t size)
{
    char path[48];
    snprintf(path, sizeof path, "/proc/%u/%s", pid, file);
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    size_t n = fread(text, 1, size - 1, f);
    fclose(f);
    text[n] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return true;
}

/* As the driver has it: the first word of the command line, with its path. */
int nvmlSystemGetProcessName(unsigned pid, char *text, unsigned size)
{
    int rc = wtl_dropin_begin_system(__func__, text != NULL && size > 0);
    if (rc != 0)
        return rc;
    char name[256];
    if (!first_text("cmdline", pid, name, sizeof name))
        return NVML_NOT_FOUND;
    if (name[0] == '\0') /* a thread of the kernel */
        (void)first_text("comm", pid, name, sizeof name);
    char *tail = strstr(name, WTL_TITLE_OF_LOAD);
    if (tail)
        *tail = '\0';
    snprintf(text, size, "%s", name); /* NVML cuts, too */
    return NVML_SUCCESS;
}

int nvmlSystemGetHicVersion(unsigned *n, void *entries)
{
    (void)entries;
    int rc = wtl_dropin_begin_system(__func__, n != NULL);
    if (rc == 0)
        *n = 0;
    return rc;
}

int nvmlUnitGetCount(unsigned *n)
{
    int rc = wtl_dropin_begin_system(__func__, n != NULL);
    if (rc == 0)
        *n = 0; /* S-class systems of 2010 */
    return rc;
}

int nvmlUnitGetHandleByIndex(unsigned index, struct nvml_unit **unit)
{
    (void)index;
    (void)unit;
    int rc = wtl_dropin_begin_system(__func__, true);
    return rc == 0 ? NVML_INVALID_ARGUMENT : rc;
}

int nvmlSystemGetTopologyGpuSet(unsigned cpu, unsigned *n, struct nvml_device **devices)
{
    (void)cpu; /* one node, all GPUs are as near */
    int rc = wtl_dropin_begin_system(__func__, n != NULL);
    if (rc != 0)
        return rc;
    unsigned room = *n;
    *n = wtl_dropin_count();
    for (unsigned i = 0; devices && i < *n && i < room; i++)
        devices[i] = wtl_dropin_handle((int)i, -1);
    return devices && room < *n ? NVML_INSUFFICIENT_SIZE : NVML_SUCCESS;
}

/* ---- Handles --------------------------------------------------------------------------------- */

static int count_devices(const char *function, unsigned *count)
{
    int rc = wtl_dropin_begin_system(function, count != NULL);
    if (rc == 0)
        *count = wtl_dropin_count();
    return rc;
}

int nvmlDeviceGetCount(unsigned *count)
{
    return count_devices(__func__, count);
}

int nvmlDeviceGetCount_v2(unsigned *count)
{
    return count_devices(__func__, count);
}

static int by_index(const char *function, unsigned index, struct nvml_device **d)
{
    int rc = wtl_dropin_begin_system(function, d != NULL);
    if (rc != 0)
        return rc;
    if (index >= wtl_dropin_count())
        return NVML_INVALID_ARGUMENT;
    /* A lost GPU has no handle to give. */
    const struct wtl_sim_gpu *gpu = wtl_dropin_copy((int)index, 0);
    if (!gpu || gpu->lost)
        return NVML_GPU_IS_LOST;
    *d = wtl_dropin_handle((int)index, -1);
    return NVML_SUCCESS;
}

int nvmlDeviceGetHandleByIndex(unsigned index, struct nvml_device **d)
{
    return by_index(__func__, index, d);
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, struct nvml_device **d)
{
    return by_index(__func__, index, d);
}

/* The first GPU or instance that `is` says yes to. */
static int find(const char *function, const char *text, struct nvml_device **d,
                bool (*is)(const struct wtl_sim_gpu *gpu, int instance, const char *text))
{
    int rc = wtl_dropin_begin_system(function, d != NULL && text != NULL);
    if (rc != 0)
        return rc;
    unsigned n = wtl_dropin_count();
    for (unsigned i = 0; i < n; i++) {
        const struct wtl_sim_gpu *gpu = wtl_dropin_copy((int)i, 0);
        for (int k = -1; gpu && k < gpu->n_instances; k++) {
            if (!is(gpu, k, text))
                continue;
            if (gpu->lost)
                return NVML_GPU_IS_LOST;
            *d = wtl_dropin_handle((int)i, k);
            return NVML_SUCCESS;
        }
    }
    return NVML_NOT_FOUND;
}

static bool has_uuid(const struct wtl_sim_gpu *gpu, int instance, const char *text)
{
    char uuid[WTL_SIM_UUID];
    return strcmp(instance < 0 ? wtl_sim_uuid(gpu, uuid)
                               : wtl_sim_instance_uuid(gpu, instance, uuid),
                  text) == 0;
}

static bool has_serial(const struct wtl_sim_gpu *gpu, int instance, const char *text)
{
    char serial[32];
    snprintf(serial, sizeof serial, "virtual-%llu", (unsigned long long)gpu->seed);
    return instance < 0 && strcmp(serial, text) == 0;
}

/* Hexadecimal digits, one to eight; false without any. */
static bool take_hex(const char **at, uint32_t *out)
{
    uint32_t value = 0;
    int n = 0;
    for (; n < 8 && isxdigit((unsigned char)**at); n++, (*at)++) {
        int c = tolower((unsigned char)**at);
        value = value << 4 | (uint32_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    *out = value;
    return n > 0;
}

/* "3b:0", "0000:3b:00.0", "00000000:3B:00.0": [domain:]bus:device[.0] */
static bool has_bus_id(const struct wtl_sim_gpu *gpu, int instance, const char *text)
{
    uint32_t parts[3] = {0}, function = 0;
    int n = 0;
    const struct wtl_sim_pci pci = wtl_sim_pci(gpu);
    do {
        if (n == 3 || !take_hex(&text, &parts[n++]))
            return false;
    } while (*text == ':' && text++);
    if (*text == '.' && (text++, !take_hex(&text, &function)))
        return false;
    if (*text || n < 2 || function != 0 || instance >= 0)
        return false;
    uint32_t domain = n == 3 ? parts[0] : 0;
    return pci.domain == domain && pci.bus == parts[n - 2] && pci.device == parts[n - 1];
}

int nvmlDeviceGetHandleByUUID(const char *uuid, struct nvml_device **d)
{
    return find(__func__, uuid, d, has_uuid);
}

int nvmlDeviceGetHandleBySerial(const char *serial, struct nvml_device **d)
{
    return find(__func__, serial, d, has_serial);
}

int nvmlDeviceGetHandleByPciBusId(const char *bus_id, struct nvml_device **d)
{
    return find(__func__, bus_id, d, has_bus_id);
}

int nvmlDeviceGetHandleByPciBusId_v2(const char *bus_id, struct nvml_device **d)
{
    return find(__func__, bus_id, d, has_bus_id);
}
