/* SPDX-License-Identifier: Apache-2.0
 * Finds and loads ONNX Runtime. */
#include "onnx/runtime.h"

#include "base/data.h"
#include "base/text.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#define LIBRARY "libonnxruntime.so.1"

static int absent(const char *place, const char *why, struct wtl_error *err)
{
    int rc = place ? WTL_FAIL(err, WTL_UNSUPPORTED, "no ONNX Runtime at \"%s\": %s", place, why)
                   : WTL_FAIL(err, WTL_UNSUPPORTED, "there is no ONNX Runtime here (%s)", why);
    wtl_error_hint(err, "`./dev onnxruntime` in Wattle's source tree gets it from npm; or name "
                        "yours: --runtime PATH or WATTLE_ONNXRUNTIME=PATH of " LIBRARY);
    return rc;
}

/* dlerror() in one line. */
static void reason(char *buf, size_t size)
{
    const char *text = dlerror();
    snprintf(buf, size, "%s", text ? text : "unknown reason");
    wtl_replace_controls(buf);
}

static int load(struct wtl_ort *ort, const char *by_option, const char *by_environment,
                struct wtl_error *err)
{
    const char *named = by_option && *by_option ? by_option : by_environment;
    char why[300], path[WTL_LIMIT_PATH];
    struct wtl_error ignored = {0};
    if (named && *named) {
        snprintf(ort->path, sizeof ort->path, "%s", named);
        ort->handle = dlopen(named, RTLD_NOW | RTLD_LOCAL);
        if (ort->handle)
            return 0;
        reason(why, sizeof why);
        return absent(named, why, err);
    }
    snprintf(ort->path, sizeof ort->path, "%s", LIBRARY);
    ort->handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (ort->handle)
        return 0;
    reason(why, sizeof why);
    if (wtl_library_path("onnxruntime/" LIBRARY, "onnxruntime/" LIBRARY, path, &ignored) < 0)
        return absent(NULL, why, err);
    snprintf(ort->path, sizeof ort->path, "%s", path);
    ort->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (ort->handle)
        return 0;
    reason(why, sizeof why);
    return absent(path, why, err);
}

static int find_table(struct wtl_ort *ort, struct wtl_error *err)
{
    ort_get_api_base_fn *entry;
    void *address = dlsym(ort->handle, ORT_ENTRY);
    memcpy(&entry, &address, sizeof entry);
    const struct ort_api_base *base = entry ? entry() : NULL;
    if (!base)
        return absent(ort->path, "it has no " ORT_ENTRY "()", err);
    const char *version = base->GetVersionString();
    snprintf(ort->version, sizeof ort->version, "%s", version ? version : "?");
    wtl_replace_controls(ort->version);
    ort->api = base->GetApi(ORT_API_VERSION);
    char why[80];
    snprintf(why, sizeof why, "version %s is older than 1.%d", ort->version, ORT_API_VERSION);
    return ort->api ? 0 : absent(ort->path, why, err);
}

int wtl_ort_check(const struct wtl_ort *ort, struct ort_status *status, const char *what,
                  struct wtl_error *err)
{
    if (!status)
        return 0;
    char text[WTL_ERROR_MESSAGE_MAX];
    snprintf(text, sizeof text, "%s", ort->api->GetErrorMessage(status));
    wtl_replace_controls(text);
    ort->api->ReleaseStatus(status);
    return WTL_FAIL(err, WTL_FAILED, "%s: %s", what, text);
}

static int start(struct wtl_ort *ort, struct wtl_error *err)
{
    static const char what[] = "starting ONNX Runtime";
    const struct ort_api *api = ort->api;
    int rc = wtl_ort_check(ort, api->CreateEnv(ORT_LOG_FATAL, "wattle", &ort->env), what, err);
    if (rc == 0)
        rc = wtl_ort_check(
            ort, api->CreateCpuMemoryInfo(ORT_ARENA_ALLOCATOR, ORT_MEMORY_DEFAULT, &ort->memory),
            what, err);
    if (rc == 0)
        rc = wtl_ort_check(ort, api->GetAllocatorWithDefaultOptions(&ort->allocator), what, err);
    return rc;
}

int wtl_ort_open(struct wtl_ort *ort, const char *by_option, const char *by_environment,
                 struct wtl_error *err)
{
    struct wtl_ort fresh = {.handle = NULL};
    int rc = load(&fresh, by_option, by_environment, err);
    if (rc == 0)
        rc = find_table(&fresh, err);
    if (rc == 0)
        rc = start(&fresh, err);
    if (rc < 0)
        wtl_ort_close(&fresh);
    else
        *ort = fresh;
    return rc;
}

void wtl_ort_close(struct wtl_ort *ort)
{
    if (ort->memory)
        ort->api->ReleaseMemoryInfo(ort->memory);
    if (ort->env)
        ort->api->ReleaseEnv(ort->env);
    *ort = (struct wtl_ort){.handle = NULL};
}
