/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes simulated runs as the CSV that `wattle export --csv runs` writes and `wattle import`
 * reads: for tests of the command line that need many workloads with activity.
 *
 *   make-runs CARDS WORKLOADS [FIRST_WORKLOAD [FIRST_CARD [CLOCK...]]]
 *
 * With clocks, only fresh runs at these clocks: a probe.
 */
#include "support/sim_campaign.h"

#include <stdio.h>
#include <stdlib.h>

static int argument(int argc, char **argv, int i, int otherwise)
{
    return i < argc ? atoi(argv[i]) : otherwise;
}

static void print_header(void)
{
    printf("gpu,workload,job,device,seq,rep,clock_mhz,mode,status");
    for (int m = 0; m < WTL_N_RUN_METRICS; m++)
        printf(",%s", wtl_run_metric_info((enum wtl_run_metric)m)->name);
    putchar('\n');
}

static void print_run(const struct wtl_run *r)
{
    printf("%s,%s,%s,%s,%lld,%d,%d,sweep,%s", r->gpu, r->workload, r->job, r->device,
           (long long)r->seq, r->rep, r->clock_mhz, wtl_run_status_name(r->status));
    for (int m = 0; m < WTL_N_RUN_METRICS; m++) {
        putchar(',');
        if (wtl_run_has(r, (enum wtl_run_metric)m))
            printf("%.10g", r->metric[m]);
    }
    putchar('\n');
}

static int print_set(int gpu, int workload, int argc, char **argv)
{
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct sim_options o = sim_options_default();
    o.gpu = gpu;
    o.workload = workload;
    o.seed = (uint64_t)(100 * gpu + workload + 1);
    o.clock_stride = 4;
    struct sim_campaign c;
    if (sim_campaign_make(&arena, &o, &c, &err) < 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    if (argc <= 5)
        for (size_t i = 0; i < c.n_runs; i++)
            print_run(&c.runs[i]);
    for (int k = 5; k < argc; k++) {
        struct wtl_run r = sim_fresh_run(&c, atoi(argv[k]), (uint64_t)k);
        r.seq = k - 4;
        r.rep = 1;
        print_run(&r);
    }
    return 0;
}

int main(int argc, char **argv)
{
    int first_workload = argument(argc, argv, 3, 0), first_card = argument(argc, argv, 4, 0);
    print_header();
    for (int g = 0; g < argument(argc, argv, 1, 1); g++)
        for (int w = 0; w < argument(argc, argv, 2, 1); w++)
            if (print_set(first_card + g, first_workload + w, argc, argv) != 0)
                return 1;
    return 0;
}
