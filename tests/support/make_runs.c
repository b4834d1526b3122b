/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes simulated runs as the CSV that `wattle export --csv runs` writes and `wattle import`
 * reads: for tests of the command line that need many workloads with activity.
 *
 *   make-runs [CARDS [WORKLOADS [FIRST_WORKLOAD [FIRST_CARD [CLOCK...]]]]]
 *
 * With clocks, only fresh runs at these clocks: a probe.
 */
#include "bench/arguments.h"
#include "support/sim_campaign.h"

#include <stdio.h>

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

/* With clocks: only fresh runs at these. */
static int print_set(int gpu, int workload, const struct bench_number *clocks, int n_clocks)
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
    if (n_clocks == 0)
        for (size_t i = 0; i < c.n_runs; i++)
            print_run(&c.runs[i]);
    for (int k = 0; k < n_clocks; k++) {
        struct wtl_run r = sim_fresh_run(&c, (int)clocks[k].value, (uint64_t)k + 5);
        r.seq = k + 1;
        r.rep = 1;
        print_run(&r);
    }
    return 0;
}

int main(int argc, char **argv)
{
    enum { CARDS, WORKLOADS, FIRST_WORKLOAD, FIRST_CARD, CLOCKS, MOST = CLOCKS + 64 };
    struct bench_number a[MOST] = {{"CARDS", 1, 1000, 1},
                                   {"WORKLOADS", 1, 1000, 1},
                                   {"FIRST_WORKLOAD", 0, 1000, 0},
                                   {"FIRST_CARD", 0, 1000, 0}};
    int status, n_clocks = argc - 1 > CLOCKS ? argc - 1 - CLOCKS : 0;
    for (int k = CLOCKS; k < MOST; k++)
        a[k] = (struct bench_number){"CLOCK", 1, 10000, 0};
    if (!bench_numbers(argc, argv,
                       "make-runs [CARDS [WORKLOADS [FIRST_WORKLOAD [FIRST_CARD [CLOCK...]]]]]", a,
                       MOST, &status))
        return status;
    print_header();
    for (int g = 0; g < a[CARDS].value; g++)
        for (int w = 0; w < a[WORKLOADS].value; w++)
            if (print_set((int)a[FIRST_CARD].value + g, (int)a[FIRST_WORKLOAD].value + w,
                          a + CLOCKS, n_clocks) != 0)
                return 1;
    return 0;
}
