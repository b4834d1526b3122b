/* SPDX-License-Identifier: Apache-2.0
 * Speed of the virtual GPU: simulated seconds of one board in steps of 5 ms per second of one core.
 *   bench-sim [SECONDS [ROUNDS]]     2000 and 7 unless told
 * Each scene has eight tenants; the lines give the median over the rounds and the range, in
 * processor time, and the time of a step. */
#include "bench/arguments.h"

#include "sim/gpu.h"
#include "stats/robust.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { TENANTS = 8, ROUNDS_MAX = 100 };

struct scene {
    const char *name;
    double item_j;  /* energy of an item relative to the plain workload */
    double limit_w; /* 0: default */
    int pattern_ms; /* period of on and off; 0: always on */
    bool in_steps;  /* advanced step by step, as a host in real time does */
};

static const struct scene SCENES[] = {
    {"steady", 1, 0, 0, false},
    {"held by its power limit", 2, 150, 0, false},
    {"loads that come and go", 1, 0, 1000, false},
    {"steady, a call a step", 1, 0, 0, true},
};

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int prepare(struct wtl_sim_gpu *gpu, const struct scene *scene, struct wtl_error *err)
{
    struct wtl_sim_board board;
    wtl_sim_board_plain(&board);
    if (scene->limit_w > 0)
        board.limit_w_default = scene->limit_w;
    int rc = wtl_sim_gpu_init(gpu, &board, &(struct wtl_sim_options){.seed = 1}, err);
    for (int i = 0; !rc && i < TENANTS; i++) {
        struct wtl_sim_process p = {.pid = 100 + (uint32_t)i,
                                    .mps = true,
                                    .instance = -1,
                                    .tenant = {.share = 1.0 / TENANTS, .batch = 4 + 4 * i}};
        wtl_sim_workload_plain(&p.tenant.workload);
        p.tenant.workload.phases[0].fits[0].item_j *= scene->item_j;
        if (scene->pattern_ms)
            p.pattern = (struct wtl_sim_pattern){scene->pattern_ms, scene->pattern_ms / 2,
                                                 scene->pattern_ms / TENANTS / 5 * 5 * i};
        rc = wtl_sim_attach(gpu, &p, err);
    }
    return rc;
}

/* Simulated seconds per second. */
static double one_round(const struct wtl_sim_gpu *start, const struct scene *scene, double seconds)
{
    static struct wtl_sim_gpu gpu;
    gpu = *start;
    const int64_t end = (int64_t)(seconds * 1e9), step = scene->in_steps ? 5000000 : end;
    const double begin = cpu_seconds();
    for (int64_t t = step; t <= end; t += step)
        wtl_sim_gpu_advance(&gpu, t);
    return seconds / (cpu_seconds() - begin);
}

int main(int argc, char **argv)
{
    struct bench_number a[] = {{"SECONDS", 1, 1000000, 2000}, {"ROUNDS", 1, ROUNDS_MAX, 7}};
    int status;
    if (!bench_numbers(argc, argv, "bench-sim [SECONDS [ROUNDS]]", a, 2, &status))
        return status;
    const double seconds = (double)a[0].value;
    const int rounds = (int)a[1].value;
    enum { N = sizeof SCENES / sizeof *SCENES };
    static struct wtl_sim_gpu start[N];
    static double speed[N][ROUNDS_MAX];
    struct wtl_error err = {0};
    for (int s = 0; s < N; s++)
        if (prepare(&start[s], &SCENES[s], &err)) {
            fprintf(stderr, "%s\n", err.message);
            return 1;
        }
    for (int r = 0; r < rounds; r++)
        for (int s = 0; s < N; s++)
            speed[s][r] = one_round(&start[s], &SCENES[s], seconds);
    for (int s = 0; s < N; s++) {
        const double median = wtl_median(speed[s], (size_t)rounds);
        printf("simulate %d tenants, %s: %.0f s/s (%.0f-%.0f, median of %d), %.1f ns a step\n",
               TENANTS, SCENES[s].name, median, wtl_quantile(speed[s], (size_t)rounds, 0),
               wtl_quantile(speed[s], (size_t)rounds, 1), rounds, 1e9 / (200 * median));
    }
    return 0;
}
