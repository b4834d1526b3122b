/* SPDX-License-Identifier: Apache-2.0
 *
 * Devices and samples of a test's making, for the model and the view of `wattle top`.
 */
#ifndef WTL_TESTS_TOP_SUPPORT_H
#define WTL_TESTS_TOP_SUPPORT_H

#include "support/support.h"

#include "cli/top_model.h"
#include "device/backend.h"

#include <stdio.h>
#include <string.h>

enum { RIG_DEVICES = 1100 };

struct rig {
    struct wtl_arena arena;
    char dir[64];
    struct wtl_machine *machine;
    int n;
    struct top_model *model;
    struct wtl_device_sample sample[RIG_DEVICES];
    int64_t now_ns;
};

static int rig_read(void *state, uint64_t wanted, struct wtl_reading *out, struct wtl_error *err)
{
    (void)state;
    (void)wanted;
    (void)out;
    return WTL_FAIL(err, WTL_FAILED, "nobody reads these");
}
static const struct wtl_sensor_ops rig_ops = {.read = rig_read};

static inline void rig_open(struct rig *r)
{
    memset(r, 0, sizeof *r);
    wtl_arena_init(&r->arena, wtl_alloc_system());
    make_temporary_directory(r->dir, sizeof r->dir);
    struct wtl_machine_options options = {.clock = wtl_clock_system(), .root = r->dir, .nvml = ""};
    assert_ok(wtl_machine_open(wtl_alloc_system(), &options, &r->machine, NULL), NULL);
    r->now_ns = 100 * WTL_NS_PER_S;
}

static inline struct wtl_device_info rig_gpu(const char *id, const char *name, int index)
{
    struct wtl_device_info i = {.kind = WTL_DEVICE_GPU, .parent = -1, .index = index};
    snprintf(i.id, sizeof i.id, "%s", id);
    snprintf(i.name, sizeof i.name, "%s", name);
    snprintf(i.driver, sizeof i.driver, "NVIDIA 580.65.06");
    static const enum wtl_metric has[] = {
        WTL_M_power_w,    WTL_M_power_limit_enforced_w, WTL_M_energy_counter_j, WTL_M_temp_c,
        WTL_M_mem_temp_c, WTL_M_sm_clock_mhz,           WTL_M_mem_clock_mhz,    WTL_M_pstate,
        WTL_M_gpu_util,   WTL_M_event_reasons,          WTL_M_fb_total_b,       WTL_M_fb_used_b};
    for (size_t k = 0; k < sizeof has / sizeof has[0]; k++)
        i.sensors |= WTL_METRIC_BIT(has[k]);
    return i;
}

static inline void rig_add(struct rig *r, const struct wtl_device_info *info)
{
    struct wtl_device_ops ops = {.sensors = &rig_ops};
    assert_int_equal(wtl_machine_add(r->machine, info, &ops, NULL), r->n);
    r->n++;
}

/* When all devices are added. */
static inline void rig_model(struct rig *r)
{
    int all[RIG_DEVICES];
    for (int i = 0; i < r->n; i++)
        all[i] = i;
    r->model = top_model_new(&r->arena, r->machine, all, (size_t)r->n);
    assert_non_null(r->model);
}

static inline void rig_set(struct rig *r, int device, enum wtl_metric m, double value)
{
    struct wtl_device_sample *s = &r->sample[device];
    s->reading.valid |= WTL_METRIC_BIT(m);
    s->reading.value[m] = value;
    s->reading.absence[m] = WTL_PRESENT;
}

static inline void rig_lack(struct rig *r, int device, enum wtl_metric m, enum wtl_absence why)
{
    r->sample[device].reading.valid &= ~WTL_METRIC_BIT(m);
    r->sample[device].reading.absence[m] = (uint8_t)why;
}

static inline void rig_process(struct rig *r, int device, int pid, const char *name, double util,
                               double memory_gib)
{
    struct wtl_device_sample *s = &r->sample[device];
    struct wtl_process *p = &s->process[s->n_processes++];
    *p = (struct wtl_process){.pid = pid,
                              .has_util = util >= 0,
                              .util = util,
                              .has_memory = memory_gib >= 0,
                              .memory_b = memory_gib * 1024 * 1024 * 1024,
                              .slice = -1};
    snprintf(p->name, sizeof p->name, "%s", name);
}

/* A round, `s` seconds after the one before. */
static inline void rig_tick(struct rig *r, double s)
{
    r->now_ns += (int64_t)(s * 1e9);
    for (int i = 0; i < r->n; i++)
        if (r->sample[i].rc == 0)
            r->sample[i].t_ns = r->now_ns;
    top_model_update(r->model, r->sample, r->now_ns);
}

static inline void rig_fail(struct rig *r, int device, int rc, const char *why)
{
    r->sample[device].rc = rc;
    snprintf(r->sample[device].trouble, sizeof r->sample[device].trouble, "%s", why);
}

static inline void rig_close(struct rig *r)
{
    wtl_machine_close(r->machine);
    remove_tree(r->dir);
    wtl_arena_fini(&r->arena);
}

#endif
