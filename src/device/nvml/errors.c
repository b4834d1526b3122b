/* SPDX-License-Identifier: Apache-2.0
 *
 * Errors of a GPU (XIDs): events of a set that is its own, looked at without waiting. A driver
 * tells of them those alone who listen when they fall, and forgets the set when it is freed.
 *
 * A wait of 0 ms that gives NVML_TIMEOUT is the usual answer, and no reason to repeat it.
 */
#include "device/nvml/nvml.h"

static int begin(struct wtl_nvml_gpu *g, struct wtl_error *err)
{
    struct wtl_nvml_op op = wtl_nvml_begin(g->library);
    const struct wtl_nvml_api *api = &g->library->api;
    struct nvml_event_set *set = NULL;
    unsigned long long types = 0;
    if (!api->nvmlEventSetFree || (!api->nvmlEventSetWait_v2 && !api->nvmlEventSetWait))
        return wtl_nvml_fail(err, NVML_FUNCTION_NOT_FOUND, "listening for errors of", g->id);
    int code = WTL_NVML_CALL(&op, nvmlDeviceGetSupportedEventTypes, g->handle, &types);
    if (code == 0 && !(types & NVML_EVENT_XID))
        code = NVML_NOT_SUPPORTED;
    if (code == 0)
        code = WTL_NVML_CALL(&op, nvmlEventSetCreate, &set);
    if (code == 0)
        code = WTL_NVML_CALL(&op, nvmlDeviceRegisterEvents, g->handle, NVML_EVENT_XID, set);
    if (code == 0) {
        g->events = set;
        return 0;
    }
    if (set)
        api->nvmlEventSetFree(set);
    return wtl_nvml_fail(err, code, "listening for errors of", g->id);
}

static int look(const struct wtl_nvml_gpu *g, struct nvml_event_data *data)
{
    const struct wtl_nvml_api *api = &g->library->api;
    return api->nvmlEventSetWait_v2 ? api->nvmlEventSetWait_v2(g->events, data, 0)
                                    : api->nvmlEventSetWait(g->events, data, 0);
}

int wtl_nvml_errors(void *state, struct wtl_driver_error *out, size_t max, size_t *n_out,
                    struct wtl_error *err)
{
    struct wtl_nvml_gpu *g = state;
    size_t n = 0;
    int code = 0;
    if (g->parent)
        return WTL_FAIL(err, WTL_UNSUPPORTED, "errors of %s are those of its GPU", g->id);
    if (!g->events) {
        int rc = begin(g, err);
        if (rc == 0)
            *n_out = 0;
        return rc;
    }
    while (n < max) {
        struct nvml_event_data data = {0};
        code = look(g, &data);
        if (code != 0)
            break;
        if (data.type & NVML_EVENT_XID)
            out[n++] = (struct wtl_driver_error){.number = (int)data.data};
    }
    const enum wtl_nvml_class class = wtl_nvml_class(code);
    const bool none = class == WTL_NVML_OK || class == WTL_NVML_RETRY || class == WTL_NVML_EMPTY;
    if (n == 0 && !none)
        return wtl_nvml_fail(err, code, "looking for errors of", g->id);
    *n_out = n; /* what came before a failure is told first */
    return 0;
}

void wtl_nvml_errors_end(struct wtl_nvml_gpu *g)
{
    if (g->events)
        g->library->api.nvmlEventSetFree(g->events);
    g->events = NULL;
}
