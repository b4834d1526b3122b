/* SPDX-License-Identifier: Apache-2.0
 * `wattle show`: what a campaign holds, and what is wrong with it. */
#include "cli/show.h"

#include <string.h>

struct show_command {
    const char *gpu, *workload;
    bool runs, sources;
};

#define AT(field) offsetof(struct show_command, field)
static const struct wtl_opt opts[] = {
    {"gpu", 0, WTL_OPT_STRING, AT(gpu), "NAME", "only this GPU"},
    {"workload", 0, WTL_OPT_STRING, AT(workload), "NAME", "only this workload"},
    {"runs", 0, WTL_OPT_FLAG, AT(runs), NULL, "list every run with its judgement"},
    {"sources", 0, WTL_OPT_FLAG, AT(sources), NULL, "list every imported file"},
    {0},
};

struct show_counts show_count(const struct wtl_workset *set)
{
    struct show_counts n = {0};
    for (size_t i = 0; i < set->n_runs; i++) {
        const struct wtl_run *run = &set->runs[i];
        enum wtl_cause cause = wtl_run_main_cause(run);
        if (cause == WTL_N_CAUSES) {
            n.accepted++;
        } else {
            n.rejected++;
            n.by_cause[cause]++;
        }
        n.without_clock += run->clock_mhz == 0;
    }
    int last = 0;
    for (size_t i = 0; i < set->n_cells; i++) {
        int mhz = set->cells[i].clock_mhz;
        if (mhz == 0 || mhz == last)
            continue;
        n.n_clocks++;
        if (n.clock_min_mhz == 0)
            n.clock_min_mhz = mhz;
        n.clock_max_mhz = mhz;
        last = mhz;
    }
    return n;
}

struct show_devices show_list_devices(const struct wtl_workset *set)
{
    struct show_devices d = {0};
    enum { ROOM = sizeof d.name / sizeof d.name[0] };
    for (size_t i = 0; i < set->n_runs; i++) {
        int k = 0;
        while (k < d.n && strcmp(d.name[k], set->runs[i].device) != 0)
            k++;
        if (k < d.n)
            continue;
        if (d.n < ROOM)
            d.name[d.n++] = set->runs[i].device;
        else
            d.more = true;
    }
    return d;
}

static int judge_sets(struct wtl_context *ctx, struct show *s, struct wtl_error *err)
{
    s->quality = WTL_NEW_ARRAY(ctx->arena, struct wtl_quality, s->n_sets);
    if (!s->quality)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < s->n_sets; i++) {
        WTL_ARENA(scratch);
        rc = wtl_judge_quality(&scratch, s->sets[i].runs, s->sets[i].n_runs, &s->quality[i], err);
    }
    return rc;
}

static int load(struct wtl_context *ctx, struct wtl_campaign *c, struct show *s,
                struct wtl_error *err)
{
    const struct show_command *o = ctx->options;
    const struct wtl_flow flow = {.alloc = wtl_alloc_system(), .clock = ctx->clock, .threads = 1};
    const struct wtl_run_filter filter = {.gpu = o->gpu, .workload = o->workload};
    int rc = wtl_campaign_fingerprint(c, s->fingerprint, err);
    rc = rc ? rc : wtl_campaign_sources(c, ctx->arena, &s->sources, &s->n_sources, err);
    rc = rc ? rc : wtl_flow_worksets(&flow, c, &filter, ctx->arena, &s->sets, &s->n_sets, err);
    if (rc == 0 && s->n_sets == 0 && ((o->gpu && o->gpu[0]) || (o->workload && o->workload[0]))) {
        rc = WTL_FAIL(err, WTL_NOTFOUND, "no run of gpu \"%s\" and workload \"%s\"",
                      o->gpu ? o->gpu : "any", o->workload ? o->workload : "any");
        wtl_error_hint(err, "`wattle show %s` lists what there is", s->path);
    }
    return rc ? rc : judge_sets(ctx, s, err);
}

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    const struct show_command *o = ctx->options;
    struct show s = {.path = ctx->argv[0], .list_runs = o->runs, .list_sources = o->sources};
    struct wtl_campaign *c = NULL;
    int rc = wtl_campaign_open(s.path, WTL_CAMPAIGN_READ, ctx->clock, &c, err);
    rc = rc ? rc : load(ctx, c, &s, err);
    wtl_campaign_close(c);
    if (rc < 0)
        return rc;
    return ctx->json ? wtl_print_json(ctx, show_json(&s), err) : show_text(ctx, &s, err);
}

const struct wtl_command wtl_cmd_show = {
    .name = "show",
    .summary = "Show what a campaign holds, what was rejected and why",
    .synopsis = "CAMPAIGN [options]",
    .description =
        "Lists the GPUs and workloads of a campaign with their clocks, how many runs there are, how"
        " many are used, why the others are not, how well the clocks are covered, how much runs of"
        " one clock scatter, and what the set of runs as a whole is worth; and the files that all"
        " this came from.\n\n"
        "Coverage is the share of the tried clocks that have a run which is used. CV is the"
        " standard deviation over the mean within a clock, pooled over the clocks.",
    .examples = "  wattle show sweep.wattle\n"
                "  wattle show sweep.wattle --runs --gpu A100 --workload llama",
    .opts = opts,
    .options_size = sizeof(struct show_command),
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
