/* SPDX-License-Identifier: Apache-2.0
 * Event sets: what the engine noted since the set looked last. */
#include "nvml-sim/impl.h"

#include <stdlib.h>
#include <time.h>

enum { LOOK_MS = 5 };

struct nvml_event_set {
    uint32_t types[WTL_ROOM_GPUS]; /* 0: not registered */
    unsigned seen[WTL_ROOM_GPUS];
};

int nvmlEventSetCreate(struct nvml_event_set **set)
{
    int rc = wtl_dropin_begin_system(__func__, set != NULL);
    if (rc != 0)
        return rc;
    struct nvml_event_set *s = calloc(1, sizeof *s);
    if (!s)
        return NVML_MEMORY;
    *set = s;
    return NVML_SUCCESS;
}

int nvmlEventSetFree(struct nvml_event_set *set)
{
    int rc = wtl_dropin_begin_system(__func__, set != NULL);
    if (rc == 0)
        free(set);
    return rc;
}

int nvmlDeviceGetSupportedEventTypes(struct nvml_device *d, unsigned long long *types)
{
    struct wtl_dropin_call c;
    int rc = wtl_dropin_begin(&c, __func__, d, WTL_DROPIN_BOARD, types != NULL);
    if (rc == 0)
        *types = NVML_EVENTS_OFFERED;
    return rc;
}

int nvmlDeviceRegisterEvents(struct nvml_device *d, unsigned long long types,
                             struct nvml_event_set *set)
{
    struct wtl_dropin_call c;
    int rc = wtl_dropin_begin(&c, __func__, d, WTL_DROPIN_BOARD, set != NULL);
    if (rc != 0)
        return rc;
    if (types & ~(unsigned long long)NVML_EVENTS_OFFERED)
        return NVML_NOT_SUPPORTED;
    if (!set->types[c.index])
        set->seen[c.index] = c.gpu->n_events;
    set->types[c.index] |= (uint32_t)types;
    return NVML_SUCCESS;
}

/* The next event of a GPU that the set waits for. */
static bool next_event(struct nvml_event_set *set, int index, const struct wtl_sim_gpu *gpu,
                       struct wtl_sim_event *out)
{
    unsigned *seen = &set->seen[index];
    if (*seen > gpu->n_events)
        *seen = 0; /* counted anew */
    if (gpu->n_events - *seen > WTL_SIM_EVENTS)
        *seen = gpu->n_events - WTL_SIM_EVENTS; /* the rest is overwritten */
    while (*seen < gpu->n_events) {
        *out = gpu->events[(*seen)++ % WTL_SIM_EVENTS];
        if (out->type & set->types[index])
            return true;
    }
    return false;
}

/* NVML_TIMEOUT: nothing so far. */
static int look(struct nvml_event_set *set, struct nvml_event_data *data)
{
    unsigned n = wtl_dropin_count();
    for (unsigned i = 0; i < n && i < WTL_ROOM_GPUS; i++) {
        struct wtl_sim_event event;
        if (!set->types[i])
            continue;
        const struct wtl_sim_gpu *gpu = wtl_dropin_copy((int)i, WTL_DROPIN_EVENTS);
        if (!gpu)
            return NVML_GPU_IS_LOST;
        if (!next_event(set, (int)i, gpu, &event))
            continue;
        *data = (struct nvml_event_data){.device = wtl_dropin_handle((int)i, -1),
                                         .type = event.type,
                                         .data = event.data,
                                         .gpu_instance = NVML_NO_INSTANCE,
                                         .compute_instance = NVML_NO_INSTANCE};
        return NVML_SUCCESS;
    }
    return NVML_TIMEOUT;
}

static int wait_for_event(const char *function, struct nvml_event_set *set,
                          struct nvml_event_data *data, unsigned timeout_ms)
{
    int rc = wtl_dropin_begin_system(function, set && data);
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
    for (unsigned waited = 0; rc == 0; waited += LOOK_MS) {
        rc = look(set, data);
        if (rc != NVML_TIMEOUT || waited >= timeout_ms)
            return rc;
        nanosleep(&pause, NULL);
        rc = 0;
    }
    return rc;
}

int nvmlEventSetWait(struct nvml_event_set *set, struct nvml_event_data *data, unsigned timeout_ms)
{
    return wait_for_event(__func__, set, data, timeout_ms);
}

int nvmlEventSetWait_v2(struct nvml_event_set *set, struct nvml_event_data *data,
                        unsigned timeout_ms)
{
    return wait_for_event(__func__, set, data, timeout_ms);
}
