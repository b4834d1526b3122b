/* SPDX-License-Identifier: Apache-2.0
 *
 * Virtual GPUs for tests: a plain board with made-up workloads.
 */
#ifndef WTL_TESTS_SIM_GPU_H
#define WTL_TESTS_SIM_GPU_H

#include "sim/gpu.h"
#include "sim/readings.h"

/* A workload that the plain board is busy with (about 230 W alone at its highest clock), and a
 * heavy one that its limit must hold down (about 330 W without). */
struct wtl_sim_workload sim_busy_workload(void);
struct wtl_sim_workload sim_heavy_workload(void);

/* Process `pid` of uid 1000 with the whole GPU, closed loop, batch 8. */
struct wtl_sim_process sim_process(uint32_t pid, const struct wtl_sim_workload *workload);

/* A GPU without mismatch; sensors exact. The test fails where something does. */
void sim_gpu_exact(struct wtl_sim_gpu *gpu, const struct wtl_sim_board *board, uint64_t seed);
/* A GPU as users get it. */
void sim_gpu_real(struct wtl_sim_gpu *gpu, const struct wtl_sim_board *board, uint64_t seed);

void sim_attach(struct wtl_sim_gpu *gpu, const struct wtl_sim_process *process);
void sim_seconds(struct wtl_sim_gpu *gpu, double s); /* advances by that much */
struct wtl_sim_truth sim_truth(const struct wtl_sim_gpu *gpu);
struct wtl_sim_readings sim_readings(const struct wtl_sim_gpu *gpu);

#endif
