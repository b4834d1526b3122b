/* SPDX-License-Identifier: Apache-2.0
 *
 * How good the model across workloads and GPUs is, against truth that shares no form with it:
 * simulated campaigns of several populations of cards and workloads, every workload and every card
 * left out in turn, beside the published model and the trivial rivals.
 *
 *   proof-predict [POPULATIONS [GPUS [WORKLOADS]]]        (default 3 populations of 6 x 10)
 *
 * Population 1 has the named workloads, the others have invented ones; all have V100-, A100- and
 * H100-like cards and invented ones. Objective EDP, slowdown at most 5 %, confidence 95 %.
 */
#include "bench/arguments.h"
#include "optimize/heldout.h"
#include "support/sim_campaign.h"

#include <stdio.h>

enum { GPUS_MAX = 12, WORKS_MAX = 12, SETS_MAX = GPUS_MAX * WORKS_MAX };

struct population {
    struct wtl_example example[SETS_MAX];
    struct wtl_reference reference[SETS_MAX];
    size_t n;
};

static int fail(const struct wtl_error *err)
{
    char text[1024];
    wtl_error_format(err, text, sizeof text);
    fprintf(stderr, "%s\n", text);
    return 1;
}

/* The truth at the legal clocks of the range that a sweep covers. */
static int refer(struct wtl_arena *arena, const struct sim_campaign *c, struct wtl_reference *out)
{
    int *clocks = WTL_NEW_ARRAY(arena, int, c->n_clocks);
    double *time = WTL_NEW_ARRAY(arena, double, c->n_clocks);
    double *power = WTL_NEW_ARRAY(arena, double, c->n_clocks);
    size_t n = 0;
    if (!clocks || !time || !power)
        return -(int)WTL_NOMEM;
    for (size_t i = 0; i < c->n_clocks; i++) {
        if (c->clocks_mhz[i] < c->options.min_clock_ratio * c->truth.f_max_mhz)
            continue;
        clocks[n] = c->clocks_mhz[i];
        time[n] = sim_time_s(&c->truth, c->clocks_mhz[i]);
        power[n++] = sim_power_w(&c->truth, c->clocks_mhz[i]);
    }
    *out = (struct wtl_reference){clocks, time, power, n};
    return 0;
}

static int simulate(struct wtl_arena *arena, int population, int gpus, int works,
                    struct population *p, struct wtl_error *err)
{
    p->n = 0;
    for (int g = 0; g < gpus; g++)
        for (int w = 0; w < works; w++, p->n++) {
            struct sim_options o = sim_options_default();
            o.population_seed = (uint64_t)population;
            o.seed = (uint64_t)(10000 * population + 100 * g + w);
            o.gpu = g;
            o.workload = population == 1 ? w : SIM_N_NAMED_WORKLOADS + w;
            o.clock_stride = 2;
            struct sim_campaign c;
            int rc = sim_campaign_make(arena, &o, &c, err);
            if (rc == 0)
                rc = wtl_example_from_runs(arena, c.runs, c.n_runs, 0, &p->example[p->n], err);
            if (rc == 0)
                rc = refer(arena, &c, &p->reference[p->n]);
            if (rc < 0)
                return rc;
        }
    return 0;
}

static void print_table(const char *title, const struct wtl_heldout *rows, size_t n)
{
    printf(
        "%s\n"
        "left out  method       probes    n   regret %%      broken   loss %%              time "
        "error %%  power error %%  cover\n"
        "                                   median   90 %%     %%   median   90 %%   mean  median  "
        "90 %%  median  90 %%     %%\n",
        title);
    for (size_t i = 0; i < n; i++) {
        const struct wtl_heldout *r = &rows[i];
        printf("%-9s %-12s %5d  %5d  %6.2f %6.2f  %5.1f   %6.2f %6.2f %6.2f",
               wtl_split_name(r->split), wtl_method_name(r->method), r->n_probes, r->n,
               100 * r->regret_median, 100 * r->regret_p90, 100 * r->broken, 100 * r->loss_median,
               100 * r->loss_p90, 100 * r->loss_mean);
        if (r->has_error)
            printf("  %6.2f %5.1f  %6.2f %5.1f", 100 * r->time_median, 100 * r->time_p90,
                   100 * r->power_median, 100 * r->power_p90);
        if (r->has_coverage)
            printf("  %5.1f", 100 * r->coverage);
        putchar('\n');
    }
    putchar('\n');
}

struct pooled {
    struct wtl_heldout_case *cases;
    size_t n, cap;
};

static int add_population(struct wtl_arena *arena, int population, int gpus, int works,
                          struct pooled *all, struct wtl_error *err)
{
    static struct population p;
    struct wtl_policy policy = wtl_policy_default();
    struct wtl_heldout_case *cases;
    struct wtl_heldout *rows;
    size_t n, n_rows;
    char title[100];
    policy.has_max_slowdown = true;
    policy.max_slowdown = 0.05;
    policy.prefer = WTL_PREFER_BEST;
    int rc = simulate(arena, population, gpus, works, &p, err);
    if (rc == 0)
        rc = wtl_heldout_cases(arena, p.example, p.reference, p.n, &policy, &cases, &n, err);
    if (rc == 0)
        rc = wtl_heldout_table(arena, cases, n, &rows, &n_rows, err);
    if (rc < 0)
        return rc;
    snprintf(title, sizeof title, "population %d: %d cards x %d workloads", population, gpus,
             works);
    print_table(title, rows, n_rows);
    for (size_t i = 0; i < n; i++) {
        if (wtl_grow(arena, &all->cases, all->n, &all->cap) < 0)
            return WTL_FAIL(err, WTL_NOMEM, "out of memory");
        all->cases[all->n++] = cases[i];
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct bench_number a[] = {
        {"POPULATIONS", 1, 1000, 3}, {"GPUS", 1, GPUS_MAX, 6}, {"WORKLOADS", 1, WORKS_MAX, 10}};
    int status;
    if (!bench_numbers(argc, argv, "proof-predict [POPULATIONS [GPUS [WORKLOADS]]]", a, 3, &status))
        return status;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct pooled all = {.n = 0};
    struct wtl_heldout *rows;
    size_t n_rows;
    for (int p = 1; p <= a[0].value; p++)
        if (add_population(&arena, p, (int)a[1].value, (int)a[2].value, &all, &err) < 0)
            return fail(&err);
    if (wtl_heldout_table(&arena, all.cases, all.n, &rows, &n_rows, &err) < 0)
        return fail(&err);
    print_table("all populations", rows, n_rows);
    return 0;
}
