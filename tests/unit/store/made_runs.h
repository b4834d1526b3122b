/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs and sources of known content for the tests of the campaign. */
#ifndef WTL_TESTS_MADE_RUNS_H
#define WTL_TESTS_MADE_RUNS_H

#include "base/random.h"
#include "store/campaign.h"

#include <stdio.h>
#include <string.h>

/* Run number `i`: every field set from a generator, about a third of the metrics not valid. */
static inline struct wtl_run made_run(int i)
{
    struct wtl_rng rng;
    wtl_rng_init(&rng, (uint64_t)i + 1);
    struct wtl_run r = {0};
    snprintf(r.gpu, sizeof r.gpu, i % 2 ? "A100" : "V100");
    snprintf(r.workload, sizeof r.workload, i % 3 ? "Stable Diffusion" : "llama");
    snprintf(r.job, sizeof r.job, "%d", 20892442 + i % 2);
    snprintf(r.device, sizeof r.device, "NVIDIA A100-PCIE-40GB");
    r.rep = 1 + i % 3;
    r.seq = 1 + i / 2;
    r.clock_mhz = 1410 - 15 * (i / 6 % 60);
    r.mem_clock_mhz = i % 5 ? 1215 : 0;
    r.start_ns = INT64_C(1752024000000000000) + i;
    r.stream = i % 4;
    r.mode = (enum wtl_run_mode)(i % 4);
    r.status = (enum wtl_run_status)(i % 4);
    if (i % 7 == 0) {
        r.stated_causes = UINT32_C(1) << WTL_CAUSE_contaminated | UINT32_C(1) << WTL_CAUSE_failed;
        snprintf(r.stated_reason, sizeof r.stated_reason, "two traces in one file");
    }
    for (int m = 0; m < (int)WTL_N_RUN_METRICS; m++)
        if (wtl_rng_below(&rng, 3))
            wtl_run_set(&r, (enum wtl_run_metric)m, wtl_rng_normal(&rng) * 1e3);
    if (i % 4 != 3) {
        snprintf(r.point.variant, sizeof r.point.variant, "variant%d", i % 3);
        snprintf(r.unit, sizeof r.unit, i % 2 ? "images" : "tokens");
        r.window = i % 2;
        r.energy_method = (enum wtl_energy_method)(i % WTL_N_ENERGY_METHODS);
        r.energy_class = wtl_energy_method_class(r.energy_method);
        r.energy_troubles = (unsigned)i % (1u << WTL_N_ENERGY_TROUBLES);
    }
    for (int s = 0; s < (int)WTL_N_SETTINGS; s++)
        if (wtl_rng_below(&rng, 3))
            wtl_point_set(&r.point, (enum wtl_setting)s, wtl_rng_uniform(&rng) * 100);
    return r;
}

static inline struct wtl_source made_source(int i, char path[64])
{
    struct wtl_source s = {.path = path, .size_bytes = 1000 + i, .scope = ""};
    snprintf(path, 64, "/data/sweep%d/run_%d.csv", i % 2, i);
    snprintf(s.sha256, sizeof s.sha256, "%064x", (unsigned)i);
    snprintf(s.reader, sizeof s.reader, "dcgmi");
    snprintf(s.dialect, sizeof s.dialect, "25 fields, style B");
    snprintf(s.drops, sizeof s.drops, "truncated_row 1");
    s.rows = 100 + i;
    s.rows_dropped = 1;
    s.first_dropped_line = 7;
    s.cells = 2500;
    s.cells_missing = 17;
    s.cells_sentinel = 3;
    return s;
}

/* Adds sources and runs `from`..`to`-1, one run a source, without a transaction of its own. */
static inline int add_made_runs(struct wtl_campaign *c, int from, int to, struct wtl_error *err)
{
    int rc = 0;
    for (int i = from; rc == 0 && i < to; i++) {
        char path[64];
        struct wtl_source source = made_source(i, path);
        struct wtl_run run = made_run(i);
        int64_t id;
        rc = wtl_campaign_add_source(c, &source, &run.source_id, err);
        rc = rc ? rc : wtl_campaign_add_run(c, &run, &id, err);
    }
    return rc;
}

/* Every stored field equal, the values behind cleared bits left aside. */
static inline bool same_run(const struct wtl_run *a, const struct wtl_run *b)
{
    bool same = strcmp(a->gpu, b->gpu) == 0 && strcmp(a->workload, b->workload) == 0 &&
                strcmp(a->job, b->job) == 0 && strcmp(a->device, b->device) == 0 &&
                a->rep == b->rep && a->seq == b->seq && a->clock_mhz == b->clock_mhz &&
                a->mem_clock_mhz == b->mem_clock_mhz && a->start_ns == b->start_ns &&
                a->stream == b->stream && a->mode == b->mode && a->status == b->status &&
                a->stated_causes == b->stated_causes &&
                strcmp(a->stated_reason, b->stated_reason) == 0 && a->valid == b->valid &&
                strcmp(a->unit, b->unit) == 0 && a->window == b->window &&
                a->energy_method == b->energy_method && a->energy_class == b->energy_class &&
                a->energy_troubles == b->energy_troubles && a->point.valid == b->point.valid &&
                strcmp(a->point.variant, b->point.variant) == 0;
    for (int s = 0; same && s < (int)WTL_N_SETTINGS; s++)
        if (wtl_point_has(&a->point, (enum wtl_setting)s))
            same = memcmp(&a->point.value[s], &b->point.value[s], sizeof(double)) == 0;
    for (int m = 0; same && m < (int)WTL_N_RUN_METRICS; m++)
        if (wtl_run_has(a, (enum wtl_run_metric)m))
            same = memcmp(&a->metric[m], &b->metric[m], sizeof(double)) == 0;
    return same;
}

#endif
