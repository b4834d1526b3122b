/* SPDX-License-Identifier: Apache-2.0
 * What becomes of a return code: one policy for every call of the library. */
#include "device/nvml/nvml.h"

#include <stdio.h>
#include <time.h>

/* Repetitions of one operation, whatever the number of its calls: 1, 4 and 16 ms apart, and none
 * once half a second is over, for the calls themselves may take long. */
enum { REPEATS_MAX = 3 };
#define REPEAT_WITHIN_NS (WTL_NS_PER_S / 2)

enum wtl_nvml_class wtl_nvml_class(int code)
{
    switch (code) {
    case NVML_SUCCESS:
    case NVML_ALREADY_INITIALIZED:
        return WTL_NVML_OK;
    case NVML_TIMEOUT:
    case NVML_IRQ_ISSUE:
    case NVML_IN_USE:
    case NVML_NOT_READY:
        return WTL_NVML_RETRY;
    case NVML_NOT_SUPPORTED:
    case NVML_FUNCTION_NOT_FOUND:
    case NVML_DEPRECATED:
        return WTL_NVML_OFF;
    case NVML_NO_PERMISSION:
    case NVML_OPERATING_SYSTEM:
        return WTL_NVML_DENIED;
    case NVML_GPU_IS_LOST:
    case NVML_RESET_REQUIRED:
    case NVML_LIB_RM_VERSION_MISMATCH:
    /* after a successful start these say that the driver went away under us */
    case NVML_UNINITIALIZED:
    case NVML_DRIVER_NOT_LOADED:
    case NVML_GPU_NOT_FOUND:
        return WTL_NVML_LOST;
    case NVML_INVALID_ARGUMENT:
    case NVML_INSUFFICIENT_SIZE:
    case NVML_ARGUMENT_VERSION_MISMATCH:
        return WTL_NVML_DEFECT;
    case NVML_NOT_FOUND:
    case NVML_NO_DATA:
        return WTL_NVML_EMPTY;
    default:
        return WTL_NVML_ERROR;
    }
}

const char *wtl_nvml_text(int code)
{
    static const struct {
        int code;
        const char *text;
    } texts[] = {
        {NVML_UNINITIALIZED, "NVML is no longer initialised"},
        {NVML_INVALID_ARGUMENT, "invalid argument"},
        {NVML_NOT_SUPPORTED, "not supported"},
        {NVML_NO_PERMISSION, "no permission"},
        {NVML_NOT_FOUND, "not found"},
        {NVML_INSUFFICIENT_SIZE, "insufficient size"},
        {NVML_INSUFFICIENT_POWER, "a power cable of the board is not attached"},
        {NVML_DRIVER_NOT_LOADED, "the NVIDIA driver is not loaded"},
        {NVML_TIMEOUT, "the driver timed out"},
        {NVML_IRQ_ISSUE, "the driver has a problem with the GPU's interrupts"},
        {NVML_LIBRARY_NOT_FOUND, "a library that NVML needs was not found"},
        {NVML_FUNCTION_NOT_FOUND, "this driver's NVML has no such function"},
        {NVML_CORRUPTED_INFOROM, "the board's infoROM is corrupted"},
        {NVML_GPU_IS_LOST, "the GPU is lost: it fell off the bus or does not answer"},
        {NVML_RESET_REQUIRED, "the GPU needs a reset"},
        {NVML_OPERATING_SYSTEM, "the operating system blocks it"},
        {NVML_LIB_RM_VERSION_MISMATCH, "the driver was changed under the running library"},
        {NVML_IN_USE, "the GPU is in use"},
        {NVML_MEMORY, "the library is out of memory"},
        {NVML_NO_DATA, "no data"},
        {NVML_INSUFFICIENT_RESOURCES, "the driver is out of resources"},
        {NVML_FREQ_NOT_SUPPORTED, "the clock is not supported"},
        {NVML_ARGUMENT_VERSION_MISMATCH, "the driver does not know this version of a struct"},
        {NVML_DEPRECATED, "the function is no longer served"},
        {NVML_NOT_READY, "the GPU is not ready"},
        {NVML_GPU_NOT_FOUND, "the GPU is gone"},
        {NVML_INVALID_STATE, "not in this state of the GPU"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].code == code)
            return texts[i].text;
    return "unknown error";
}

struct wtl_nvml_op wtl_nvml_begin(const struct wtl_nvml_library *library)
{
    return (struct wtl_nvml_op){.api = &library->api, .clock = library->clock};
}

bool wtl_nvml_again(struct wtl_nvml_op *op, int code)
{
    enum wtl_nvml_class class = wtl_nvml_class(code);
    if (class == WTL_NVML_LOST)
        op->lost = code;
    if (class != WTL_NVML_RETRY || op->repeats == REPEATS_MAX)
        return false;
    int64_t now = op->clock.monotonic_ns(op->clock.ctx);
    if (op->repeats == 0)
        op->until_ns = now + REPEAT_WITHIN_NS;
    else if (now >= op->until_ns)
        return false;
    struct timespec pause = {.tv_nsec = 1000000L << (2 * op->repeats)};
    nanosleep(&pause, NULL);
    op->repeats++;
    return true;
}

static enum wtl_code code_of(int code)
{
    switch (wtl_nvml_class(code)) {
    case WTL_NVML_RETRY:
        return WTL_TIMEOUT;
    case WTL_NVML_OFF:
        return WTL_UNSUPPORTED;
    case WTL_NVML_DENIED:
        return WTL_PERMISSION;
    case WTL_NVML_LOST:
        return WTL_LOST;
    case WTL_NVML_OK:
    case WTL_NVML_DEFECT:
    case WTL_NVML_EMPTY:
    case WTL_NVML_ERROR:
        break;
    }
    return code == NVML_MEMORY ? WTL_NOMEM : WTL_FAILED;
}

static const char *hint_of(int code)
{
    switch (code) {
    case NVML_LIB_RM_VERSION_MISMATCH:
        return "restart this process; if that does not help, reload the driver or reboot";
    case NVML_GPU_IS_LOST:
        return "look for \"Xid\" in `dmesg`; a lost GPU comes back with a reboot";
    case NVML_RESET_REQUIRED:
        return "end its processes, then `nvidia-smi --gpu-reset`";
    case NVML_UNINITIALIZED:
    case NVML_DRIVER_NOT_LOADED:
    case NVML_GPU_NOT_FOUND:
        return "the driver went away while it was in use; restart this process";
    case NVML_NO_PERMISSION:
        return "this needs root (CAP_SYS_ADMIN)";
    case NVML_OPERATING_SYSTEM:
        return "a container's or the system's rules deny it: run it on the host";
    case NVML_IN_USE:
    case NVML_TIMEOUT:
    case NVML_NOT_READY:
        return "try again";
    default:
        return NULL;
    }
}

int wtl_nvml_fail(struct wtl_error *err, int code, const char *doing, const char *subject)
{
    int rc = WTL_FAIL(err, code_of(code), "%s %s: %s (NVML code %d)", doing, subject,
                      wtl_nvml_text(code), code);
    if (hint_of(code))
        wtl_error_hint(err, "%s", hint_of(code));
    return rc;
}

enum wtl_absence wtl_nvml_absence(int code)
{
    switch (wtl_nvml_class(code)) {
    case WTL_NVML_OK:
        return WTL_PRESENT;
    case WTL_NVML_OFF:
        return WTL_ABSENT_UNSUPPORTED;
    case WTL_NVML_DENIED:
        return WTL_ABSENT_DENIED;
    case WTL_NVML_RETRY:
    case WTL_NVML_EMPTY:
        return WTL_ABSENT_NOT_YET;
    case WTL_NVML_LOST:
        return WTL_ABSENT_LOST;
    case WTL_NVML_DEFECT:
    case WTL_NVML_ERROR:
        break;
    }
    return WTL_ABSENT_FAILED;
}
