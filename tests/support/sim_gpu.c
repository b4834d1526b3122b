/* SPDX-License-Identifier: Apache-2.0 */
#include "support/sim_gpu.h"
#include "support/support.h"

#include <stdio.h>

static struct wtl_sim_workload workload(const char *name, double scale)
{
    struct wtl_sim_workload w;
    wtl_sim_workload_plain(&w);
    snprintf(w.name, sizeof w.name, "%s", name);
    w.phases[0].fits[0].item_j *= scale;
    w.phases[0].fits[0].active_w *= scale;
    return w;
}

struct wtl_sim_workload sim_busy_workload(void)
{
    return workload("busy", 2.7);
}

struct wtl_sim_workload sim_heavy_workload(void)
{
    return workload("heavy", 4.5);
}

struct wtl_sim_process sim_process(uint32_t pid, const struct wtl_sim_workload *workload)
{
    struct wtl_sim_process p = {
        .pid = pid, .uid = 1000, .mps = true, .instance = -1, .tenant = {.share = 1, .batch = 8}};
    snprintf(p.name, sizeof p.name, "%.31s", workload->name);
    p.tenant.workload = *workload;
    return p;
}

static void init(struct wtl_sim_gpu *gpu, const struct wtl_sim_board *board, uint64_t seed,
                 bool exact)
{
    const struct wtl_sim_options options = {.seed = seed,
                                            .start_unix_ns = INT64_C(1700000000000000000),
                                            .calibrated = exact,
                                            .exact_sensors = exact};
    struct wtl_error err = {0};
    assert_ok(wtl_sim_gpu_init(gpu, board, &options, &err), &err);
}

void sim_gpu_exact(struct wtl_sim_gpu *gpu, const struct wtl_sim_board *board, uint64_t seed)
{
    init(gpu, board, seed, true);
}

void sim_gpu_real(struct wtl_sim_gpu *gpu, const struct wtl_sim_board *board, uint64_t seed)
{
    init(gpu, board, seed, false);
}

void sim_attach(struct wtl_sim_gpu *gpu, const struct wtl_sim_process *process)
{
    struct wtl_error err = {0};
    assert_ok(wtl_sim_attach(gpu, process, &err), &err);
}

void sim_seconds(struct wtl_sim_gpu *gpu, double s)
{
    wtl_sim_gpu_advance(gpu, wtl_sim_gpu_now_ns(gpu) + (int64_t)(s * 1e9 + 0.5));
}

struct wtl_sim_truth sim_truth(const struct wtl_sim_gpu *gpu)
{
    struct wtl_sim_truth t;
    wtl_sim_gpu_truth(gpu, &t);
    return t;
}

struct wtl_sim_readings sim_readings(const struct wtl_sim_gpu *gpu)
{
    struct wtl_sim_readings r;
    struct wtl_error err = {0};
    assert_ok(wtl_sim_readings(gpu, &r, &err), &err);
    return r;
}
