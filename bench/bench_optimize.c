/* SPDX-License-Identifier: Apache-2.0
 * Time of the optimiser alone: 14 sets of 86 clocks x 4 runs, EDP under 5 % slowdown, one thread.
 *   bench-optimize [REPLICATES [ROUNDS]]     1000 and 7 unless told
 * Prints the median over the rounds of the processor time for all 14 sets. */
#include "bench/arguments.h"
#include "support/sim_campaign.h"

#include "base/limits.h"
#include "optimize/clock.h"
#include "stats/robust.h"

#include <stdio.h>
#include <time.h>

enum { SETS = 14, ROUNDS_MAX = 100 };

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int make_set(struct wtl_arena *arena, int i, struct sim_campaign *c, struct wtl_workset *set,
                    struct wtl_error *err)
{
    struct sim_options o = sim_options_default();
    o.seed = (uint64_t)i + 1;
    o.gpu = SIM_H100;
    o.workload = i % SIM_N_NAMED_WORKLOADS;
    o.n_reps = 4;
    o.min_clock_ratio = 0.2857; /* 510 of 1785 MHz */
    int rc = sim_campaign_make(arena, &o, c, err);
    if (rc)
        return rc;
    *set = (struct wtl_workset){.gpu = "H100", .runs = c->runs, .n_runs = c->n_runs};
    snprintf(set->workload, sizeof set->workload, "%s", c->workload);
    return 0;
}

static int one_round(const struct wtl_workset *set, int replicates, double *seconds,
                     struct wtl_error *err)
{
    struct wtl_policy policy = wtl_policy_default();
    policy.has_max_slowdown = true;
    policy.max_slowdown = 0.05;
    policy.replicates = replicates;
    double start = cpu_seconds();
    for (int i = 0; i < SETS; i++) {
        WTL_ARENA(arena);
        struct wtl_plan plan;
        int rc = wtl_optimize_clock(&arena, &set[i], &policy, NULL, &plan, err);
        if (rc)
            return rc;
    }
    *seconds = cpu_seconds() - start;
    return 0;
}

int main(int argc, char **argv)
{
    struct bench_number a[] = {{"REPLICATES", 100, WTL_LIMIT_REPLICATES, 1000},
                               {"ROUNDS", 1, ROUNDS_MAX, 7}};
    int status;
    if (!bench_numbers(argc, argv, "bench-optimize [REPLICATES [ROUNDS]]", a, 2, &status))
        return status;
    int replicates = (int)a[0].value, rounds = (int)a[1].value;
    static struct sim_campaign campaign;
    struct wtl_workset set[SETS];
    struct wtl_error err = {0};
    double seconds[ROUNDS_MAX];
    int rc = 0;
    WTL_ARENA(arena);
    for (int i = 0; !rc && i < SETS; i++)
        rc = make_set(&arena, i, &campaign, &set[i], &err);
    for (int r = 0; !rc && r < rounds; r++)
        rc = one_round(set, replicates, &seconds[r], &err);
    if (rc) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    double median = wtl_median(seconds, (size_t)rounds);
    printf("optimise %d sets of %zu clocks, %zu runs, %d replicates: %.1f ms (median of %d)\n",
           SETS, campaign.n_swept, set[0].n_runs, replicates, 1e3 * median, rounds);
    return 0;
}
