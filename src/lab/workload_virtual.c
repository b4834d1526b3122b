/* SPDX-License-Identifier: Apache-2.0
 * Workloads of the virtual GPU. */
#include "lab/workload.h"

#include "device/virtual/loads.h"
#include "simhost/profile.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Beyond what Linux gives out (pid_max is 2^22 at most), and beyond the device's own loads. */
enum { FIRST_PID = (1 << 22) + 10000 };

struct virtual_workload {
    const struct wtl_workload_spec *spec;
    struct wtl_device *devices[WTL_SWEEP_DEVICES];
    size_t n;
    struct wtl_clock clock;
    int replicas, batch; /* on each */
    bool cyclic;         /* it has phases that end */
    double last_start;   /* work of the first replica when its last phase began */
    int64_t cycles, cycle_t_ns;
};

static int profile_of(const struct virtual_workload *w, const struct wtl_lab_point *p,
                      const struct wtl_sim_board *board, struct wtl_sim_workload *out,
                      struct wtl_error *err)
{
    const char *name = p->point.variant[0] ? p->point.variant : w->spec->virtual_name;
    return wtl_sim_profile_workload(name, board, out, err);
}

/* Loaded, and without work: a pattern that is never on. */
static const struct wtl_sim_pattern paused = {.period_ms = 1000};

static struct wtl_sim_gpu *board_of(const struct virtual_workload *w, size_t i)
{
    return wtl_virtual_board(w->devices[i]);
}

static int unload_from(struct wtl_sim_gpu *gpu, int replicas, struct wtl_error *err)
{
    int rc = 0;
    for (int i = 0; i < replicas; i++)
        if (wtl_sim_find(gpu, (uint32_t)(FIRST_PID + i))) {
            int one = wtl_sim_detach(gpu, (uint32_t)(FIRST_PID + i), rc ? NULL : err);
            rc = rc ? rc : one;
        }
    return rc;
}

static int unload(void *state, struct wtl_error *err)
{
    struct virtual_workload *w = state;
    int rc = 0;
    for (size_t i = 0; i < w->n; i++) {
        int one = unload_from(board_of(w, i), w->replicas, rc ? NULL : err);
        rc = rc ? rc : one;
    }
    w->replicas = 0;
    return rc;
}

static double setting(const struct wtl_lab_point *p, enum wtl_setting s, double otherwise)
{
    return wtl_point_has(&p->point, s) ? p->point.value[s] : otherwise;
}

static bool has_cycles(const struct wtl_sim_workload *w)
{
    bool all = w->n_phases > 1;
    for (int i = 0; i < w->n_phases; i++)
        all = all && w->phases[i].work_per_item > 0;
    return all;
}

static int load_on(struct virtual_workload *w, struct wtl_sim_gpu *gpu,
                   const struct wtl_lab_point *p, int replicas, struct wtl_error *err)
{
    struct wtl_sim_process process = {.instance = -1, .pattern = paused};
    int rc = profile_of(w, p, &gpu->board, &process.tenant.workload, err);
    if (rc < 0)
        return rc;
    process.tenant.share = setting(p, WTL_SETTING_share, 1);
    process.tenant.batch =
        (int)lround(setting(p, WTL_SETTING_batch, process.tenant.workload.batch_default));
    process.mps = replicas > 1 || process.tenant.share < 1;
    snprintf(process.name, sizeof process.name, "%.31s", w->spec->name);
    w->batch = process.tenant.batch;
    w->cyclic = has_cycles(&process.tenant.workload);
    for (int i = 0; rc == 0 && i < replicas; i++) {
        process.pid = (uint32_t)(FIRST_PID + i);
        rc = wtl_sim_attach(gpu, &process, err);
        w->replicas = i + 1 > w->replicas ? i + 1 : w->replicas;
    }
    return rc;
}

static int load(void *state, const struct wtl_lab_point *p, struct wtl_error *err)
{
    struct virtual_workload *w = state;
    const int replicas = (int)lround(setting(p, WTL_SETTING_replicas, 1));
    int rc = unload(w, err);
    w->cycles = 0;
    w->last_start = -1;
    for (size_t i = 0; rc == 0 && i < w->n; i++)
        rc = load_on(w, board_of(w, i), p, replicas, err);
    if (rc == 0)
        return 0;
    (void)unload(w, NULL);
    /* What a process would be refused by driver or framework is a point that cannot be had. */
    if (rc == -(int)WTL_NOMEM || rc == -(int)WTL_USAGE || rc == -(int)WTL_LIMIT) {
        if (err)
            err->code = WTL_INFEASIBLE;
        rc = -(int)WTL_INFEASIBLE;
    }
    return rc;
}

static int ready(void *state, bool *ready_out, struct wtl_error *err)
{
    (void)state;
    (void)err;
    *ready_out = true;
    return 0;
}

static int work(void *state, bool on, struct wtl_error *err)
{
    struct virtual_workload *w = state;
    const struct wtl_sim_pattern always = {0};
    int rc = 0;
    for (size_t k = 0; k < w->n; k++)
        for (int i = 0; rc == 0 && i < w->replicas; i++)
            rc = wtl_sim_set_load(board_of(w, k), (uint32_t)(FIRST_PID + i), w->batch, 0,
                                  on ? always : paused, err);
    return rc;
}

/* A cycle is from one beginning of the last phase to the next: that phase is the longest, and while
 * it lasts its rate tells to the moment when it began. */
static void watch_cycle(struct virtual_workload *w, const struct wtl_sim_slot *slot, double done,
                        double per_s, int64_t now_ns)
{
    const struct wtl_sim_tenant *t = &slot->process.tenant;
    const int last = t->workload.n_phases - 1;
    if (!w->cyclic || t->phase != last || !(slot->phase_end > 0) || !(per_s > 0))
        return;
    const double start = slot->phase_end - t->workload.phases[last].work_per_item * t->batch;
    if (fabs(start - w->last_start) < 1e-6 * fmax(1, start))
        return;
    w->last_start = start;
    w->cycles++;
    w->cycle_t_ns = now_ns - (int64_t)((done - start) / per_s * 1e9);
}

/* Work of all replicas on all devices, and what they do a second; false: one is gone from *lost. */
static bool add_up(const struct virtual_workload *w, double *work, double *per_s, size_t *lost)
{
    *work = *per_s = 0;
    for (size_t k = 0; k < w->n; k++)
        for (int i = 0; i < w->replicas; i++) {
            double done, rate;
            *lost = k;
            if (!wtl_sim_work(board_of(w, k), (uint32_t)(FIRST_PID + i), &done, &rate))
                return false;
            *work += done;
            *per_s += rate;
        }
    return true;
}

static int progress(void *state, struct wtl_work_done *out, struct wtl_error *err)
{
    struct virtual_workload *w = state;
    struct wtl_work_done p = {.t_ns = w->clock.monotonic_ns(w->clock.ctx)};
    double per_s_all, done, per_s;
    size_t lost = 0;
    if (!add_up(w, &p.work, &per_s_all, &lost))
        return WTL_FAIL(err, WTL_LOST, "the load of %s is gone from %s", w->spec->name,
                        wtl_device_info(w->devices[lost])->id);
    if (wtl_sim_work(board_of(w, 0), FIRST_PID, &done, &per_s))
        watch_cycle(w, wtl_sim_find(board_of(w, 0), FIRST_PID), done, per_s, p.t_ns);
    p.cyclic = w->cyclic;
    p.cycles = w->cycles;
    p.cycle_t_ns = w->cycle_t_ns;
    /* The others go on meanwhile; their rates stood since then as well, or nearly. */
    p.cycle_work = p.work - per_s_all * (double)(p.t_ns - p.cycle_t_ns) / 1e9;
    p.iterations = p.work / w->batch;
    *out = p;
    return 0;
}

static double rate_of(const struct virtual_workload *w, size_t i)
{
    const uint32_t pid = FIRST_PID + (uint32_t)(i % (size_t)w->replicas);
    double done, per_s;
    return wtl_sim_work(board_of(w, i / (size_t)w->replicas), pid, &done, &per_s) ? per_s : 0;
}

/* What a share q of all batches takes at most. In a closed loop each replica on each device has one
 * batch under way at any time (Little's law), and does as many as it is fast. */
static double latency_at(const struct virtual_workload *w, double per_s, double q)
{
    const size_t n = w->n * (size_t)w->replicas;
    double slowest = 0; /* of those that are fast enough for the rest to be a share of 1 - q */
    for (size_t i = 0; i < n; i++) {
        const double rate = rate_of(w, i);
        double as_fast = 0;
        for (size_t k = 0; k < n; k++)
            as_fast += rate_of(w, k) >= rate ? rate_of(w, k) : 0;
        if (as_fast >= (q - 1e-9) * per_s && rate > slowest)
            slowest = rate;
    }
    return slowest > 0 ? w->batch / slowest : 0;
}

static int latencies(void *state, int64_t from_ns, int64_t to_ns, struct wtl_latencies *out,
                     struct wtl_error *err)
{
    struct virtual_workload *w = state;
    double work, per_s;
    size_t lost;
    (void)from_ns;
    (void)to_ns;
    (void)err;
    const bool all = add_up(w, &work, &per_s, &lost);
    if (!all || !(per_s > 0)) {
        *out = (struct wtl_latencies){0};
        return 0;
    }
    *out = (struct wtl_latencies){.known = latency_at(w, per_s, 0.99) > 0,
                                  .p50_s = latency_at(w, per_s, 0.5),
                                  .p90_s = latency_at(w, per_s, 0.9),
                                  .p95_s = latency_at(w, per_s, 0.95),
                                  .p99_s = latency_at(w, per_s, 0.99)};
    return 0;
}

static bool owns(void *state, pid_t pid)
{
    const struct virtual_workload *w = state;
    return pid >= FIRST_PID && pid < FIRST_PID + w->replicas;
}

static void close_workload(void *state)
{
    (void)unload(state, NULL);
}

static const struct wtl_workload_ops virtual_ops = {.load = load,
                                                    .ready = ready,
                                                    .work = work,
                                                    .progress = progress,
                                                    .latencies = latencies,
                                                    .owns = owns,
                                                    .unload = unload,
                                                    .close = close_workload};

static int check_board(const struct wtl_workload_spec *spec, const char *name,
                       struct wtl_device *device, bool several,
                       struct wtl_sim_workload *profile_out, struct wtl_error *err)
{
    const char *id = wtl_device_info(device)->id;
    struct wtl_sim_gpu *gpu = wtl_virtual_board(device);
    if (!gpu) {
        int rc = WTL_FAIL(err, WTL_UNSUPPORTED,
                          "virtual workload \"%s\": %s is no virtual device of this process",
                          spec->name, id);
        wtl_error_hint(err, "virtual workloads run on virtual:BOARD; other devices take a command");
        return rc;
    }
    int rc = wtl_sim_profile_workload(name, &gpu->board, profile_out, err);
    if (rc == 0 && several && has_cycles(profile_out)) {
        rc = WTL_FAIL(err, WTL_UNSUPPORTED,
                      "%s works in cycles, which do not stay in step on several virtual devices",
                      spec->name);
        wtl_error_hint(err, "name one device; a command may run on as many as it likes");
    }
    return rc;
}

static int check_boards(const struct wtl_workload_spec *spec, const char *name,
                        struct wtl_device *const *devices, size_t n,
                        struct wtl_sim_workload *profile_out, int *batch_max_out,
                        struct wtl_error *err)
{
    int rc = 0;
    *batch_max_out = INT_MAX;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = check_board(spec, name, devices[i], n > 1, profile_out, err);
        if (rc == 0 && profile_out->batch_max > 0 && profile_out->batch_max < *batch_max_out)
            *batch_max_out = profile_out->batch_max;
    }
    return rc;
}

int wtl_workload_virtual_check(const struct wtl_workload_spec *spec, const char *name,
                               struct wtl_device *const *devices, size_t n, int *batch_max_out,
                               struct wtl_error *err)
{
    struct wtl_sim_workload profile;
    int batch_max;
    int rc = check_boards(spec, name, devices, n, &profile, &batch_max, err);
    if (rc == 0)
        *batch_max_out = batch_max;
    return rc;
}

int wtl_workload_virtual(struct wtl_arena *arena, const struct wtl_workload_spec *spec,
                         struct wtl_device *const *devices, size_t n, struct wtl_clock clock,
                         struct wtl_workload *out, struct wtl_error *err)
{
    struct wtl_sim_workload profile;
    int batch_max;
    int rc = check_boards(spec, spec->virtual_name, devices, n, &profile, &batch_max, err);
    if (rc < 0)
        return rc;
    struct virtual_workload *w = WTL_NEW(arena, struct virtual_workload);
    if (!w)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    *w = (struct virtual_workload){.spec = spec, .n = n, .clock = clock};
    for (size_t i = 0; i < n; i++)
        w->devices[i] = devices[i];
    *out = (struct wtl_workload){.ops = &virtual_ops, .state = w, .pauses = true, .worked = true};
    memcpy(out->unit, profile.unit, sizeof out->unit);
    return 0;
}
