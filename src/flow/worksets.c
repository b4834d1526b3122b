/* SPDX-License-Identifier: Apache-2.0
 * Stored runs to judged and measured sets; stored runs back to their samples. */
#include "flow/flow.h"

#include "base/text.h"
#include "codec/input.h"
#include "flow/same.h"

#include <string.h>

int wtl_flow_worksets(const struct wtl_flow *flow, struct wtl_campaign *c,
                      const struct wtl_run_filter *filter, struct wtl_arena *arena,
                      struct wtl_workset **sets_out, size_t *n_out, struct wtl_error *err)
{
    struct wtl_arena scratch;
    wtl_arena_init(&scratch, flow->alloc);
    struct wtl_run *runs = NULL;
    size_t n = 0;
    struct wtl_judge_options options = wtl_judge_options_default();
    int rc = wtl_campaign_runs(c, filter, &scratch, &runs, &n, err);
    rc = rc ? rc : same_state(c, &scratch, runs, n, 0, NULL, NULL, err);
    rc = rc ? rc : wtl_worksets(arena, runs, n, &options, sets_out, n_out, err);
    wtl_arena_fini(&scratch);
    return rc;
}

typedef int batch_fn(void *ctx, const struct wtl_batch *batch, struct wtl_error *err);

/* Passes one stream of a file on. */
struct selection {
    int stream;
    batch_fn *fn;
    void *ctx;
    int64_t n;
};

static int select_batch(void *opaque, const struct wtl_batch *batch, struct wtl_error *err)
{
    struct selection *s = opaque;
    if (s->stream >= 0 && batch->stream != s->stream)
        return 0;
    s->n++;
    return s->fn(s->ctx, batch, err);
}

static int find_source(struct wtl_campaign *c, struct wtl_arena *arena, int64_t id,
                       const struct wtl_source **source_out, struct wtl_error *err)
{
    struct wtl_source *sources;
    size_t n;
    int rc = wtl_campaign_sources(c, arena, &sources, &n, err);
    const struct wtl_source *source = rc ? NULL : wtl_source_find(sources, n, id);
    if (source)
        *source_out = source;
    return rc || source ? rc : WTL_FAIL(err, WTL_NOTFOUND, "the run has no source file");
}

/* What a mapping reads can only be read again through it, and mappings are not kept. Rows that are
 * whole runs have no samples. */
static int without_mapping(const struct wtl_source *source, struct wtl_error *err)
{
    if (wtl_ends_with(source->dialect, "runs"))
        return 0;
    int rc = WTL_FAIL(err, WTL_NOTFOUND, "\"%s\" was read through a mapping, which is not kept",
                      source->path);
    wtl_error_hint(err, "import it with --keep-samples");
    return rc;
}

/* Hashed first: samples of a file that has changed are not those of the run. */
static int reread(const struct wtl_source *source, struct wtl_input *input,
                  struct selection *selection, struct wtl_error *err)
{
    char sha256[WTL_SHA256_HEX];
    if (strcmp(source->reader, "mapped") == 0)
        return without_mapping(source, err);
    int rc = wtl_input_open(input, source->path, true, err);
    rc = rc ? rc : wtl_input_sha256(input, sha256, err);
    if (rc == 0 && strcmp(sha256, source->sha256) != 0)
        return WTL_FAIL(err, WTL_CORRUPT, "\"%s\" has changed since it was imported", source->path);
    /* A reader is stored as "a" or, of a mixed file, "a+b": detection finds the same again. */
    const struct wtl_trace_options options = {
        .reader = strchr(source->reader, '+') ? NULL : source->reader};
    const struct wtl_trace_sink sink = {.ctx = selection, .batch = select_batch};
    struct wtl_read_report report;
    rc = rc ? rc : wtl_input_open(input, source->path, false, err);
    return rc ? rc : wtl_trace_read(input, &options, &sink, &report, err);
}

int wtl_flow_samples(const struct wtl_flow *flow, struct wtl_campaign *c, const struct wtl_run *run,
                     batch_fn *fn, void *ctx, struct wtl_error *err)
{
    struct selection selection = {.stream = -1, .fn = fn, .ctx = ctx};
    int rc = wtl_campaign_samples(c, run->id, select_batch, &selection, err);
    if (rc < 0 || selection.n > 0)
        return rc;
    struct wtl_arena arena;
    wtl_arena_init(&arena, flow->alloc);
    const struct wtl_source *source = NULL;
    struct wtl_input *input = NULL;
    selection.stream = run->stream;
    rc = find_source(c, &arena, run->source_id, &source, err);
    rc = rc ? rc : wtl_input_new(flow->alloc, &input, err);
    rc = rc ? rc : reread(source, input, &selection, err);
    wtl_input_free(input);
    wtl_arena_fini(&arena);
    return rc;
}

int wtl_flow_no_runs(const struct wtl_flow *flow, struct wtl_campaign *c,
                     const struct wtl_run_filter *filter, struct wtl_error *err)
{
    struct wtl_arena arena;
    struct wtl_workset *sets;
    size_t n = 0;
    char list[300] = "";
    wtl_arena_init(&arena, flow->alloc);
    int rc = wtl_flow_worksets(flow, c, &(struct wtl_run_filter){0}, &arena, &sets, &n, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        size_t used = strlen(list);
        char name[WTL_CONFIGURED_NAME];
        snprintf(list + used, sizeof list - used, "%s%s/%s", i ? ", " : "", sets[i].gpu,
                 wtl_configured_name(sets[i].workload, &sets[i].at, name));
    }
    wtl_arena_fini(&arena);
    if (rc < 0)
        return rc;
    if (n == 0) {
        rc = WTL_FAIL(err, WTL_NOTFOUND, "the campaign has no runs");
        wtl_error_hint(err, "`wattle import PATH... -o %s` adds some", wtl_campaign_path(c));
        return rc;
    }
    rc = WTL_FAIL(err, WTL_NOTFOUND, "no runs of gpu \"%s\" and workload \"%s\"%s%s%s",
                  filter->gpu ? filter->gpu : "any", filter->workload ? filter->workload : "any",
                  filter->job ? " in job " : "", filter->job ? filter->job : "",
                  filter->at ? " at these settings" : "");
    wtl_error_hint(err, "the campaign has: %s", list);
    return rc;
}
