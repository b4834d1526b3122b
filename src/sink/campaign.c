/* SPDX-License-Identifier: Apache-2.0
 * Samples into a campaign: a run a stream, its samples in chunks, its metrics by the same path as
 * those of imported traces. */
#include "sink/sink.h"

#include "codec/hash.h"
#include "runs/reduce.h"
#include "store/campaign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct kept_run {
    struct wtl_run run;
    struct wtl_reducer *reducer; /* of what is stored */
    int64_t start_ns;            /* of that; 0: nothing yet */
};

struct campaign_sink {
    struct wtl_sink sink;
    struct wtl_arena arena; /* holds it, too */
    struct wtl_sink_campaign_options options;
    struct wtl_campaign *campaign;
    struct wtl_reducer *scratch; /* of the run as it would be if it ended now */
    struct kept_run *runs;
    int64_t source_id;
    int64_t until_ns; /* of the newest sample that is stored */
    bool stored;
    bool made; /* the file was not there */
};

/* Those of stream i among what is being put; NULL: none. */
static const struct wtl_batch *find_batch(const struct wtl_batch *const *batches, int n, int i)
{
    for (int k = 0; k < n; k++)
        if (batches[k]->stream == i && batches[k]->n > 0)
            return batches[k];
    return NULL;
}

static int64_t last_ns(const struct wtl_batch *b)
{
    return b->t_ns[b->n - 1];
}

/* Stands there until the recording ends as it should: what a kill leaves. */
static void state_open(int64_t until_ns, struct wtl_run *run)
{
    char until[32], kept[64] = "nothing is stored yet";
    if (until_ns > 0)
        (void)snprintf(kept, sizeof kept, "all until %s is kept",
                       wtl_format_utc(until_ns, until, sizeof until));
    run->stated_causes |= UINT32_C(1) << WTL_CAUSE_truncated;
    (void)snprintf(run->stated_reason, sizeof run->stated_reason,
                   "the recording did not end: its recorder runs still, or was killed; %s", kept);
}

/* What the run is with `batch` (NULL: nothing new), which is stored in the same transaction. */
static void describe(struct campaign_sink *s, int i, const struct wtl_batch *batch, bool ended)
{
    static const struct wtl_reduce_context nothing;
    struct kept_run *k = &s->runs[i];
    struct wtl_run run = {.id = k->run.id, .source_id = s->source_id, .stream = i};
    run.start_ns = k->start_ns == 0 && batch ? batch->t_ns[0] : k->start_ns;
    (void)snprintf(run.job, sizeof run.job, "%s", s->options.job);
    (void)snprintf(run.device, sizeof run.device, "%s", s->options.streams[i].name);
    wtl_reducer_copy(s->scratch, k->reducer);
    if (batch)
        wtl_reducer_push(s->scratch, batch);
    wtl_reducer_finish(s->scratch, &nothing, &run);
    s->options.describe(s->options.ctx, i, ended, &run);
    if (!ended)
        state_open(batch && last_ns(batch) > s->until_ns ? last_ns(batch) : s->until_ns, &run);
    wtl_run_choose(&run);
    k->run = run;
}

static int add_source(struct campaign_sink *s, struct wtl_error *err)
{
    struct wtl_source source = {.size_bytes = (int64_t)strlen(s->options.job), .scope = "record"};
    char *path = realpath(s->options.path, NULL);
    source.path = path ? path : s->options.path;
    (void)snprintf(source.reader, sizeof source.reader, "record");
    (void)snprintf(source.dialect, sizeof source.dialect, "samples");
    int rc = wtl_sha256(s->options.job, strlen(s->options.job), source.sha256, err);
    rc = rc ? rc : wtl_campaign_add_source(s->campaign, &source, &s->source_id, err);
    free(path);
    return rc;
}

/* Runs are there from the first put on, so that a kill leaves their samples with them. */
static int store_runs(struct campaign_sink *s, const struct wtl_batch *const *batches, int n,
                      bool ended, struct wtl_error *err)
{
    int rc = s->stored ? 0 : add_source(s, err);
    for (int i = 0; rc == 0 && i < s->options.n; i++) {
        describe(s, i, find_batch(batches, n, i), ended);
        rc = s->stored
                 ? wtl_campaign_update_run(s->campaign, &s->runs[i].run, err)
                 : wtl_campaign_add_run(s->campaign, &s->runs[i].run, &s->runs[i].run.id, err);
    }
    return rc;
}

static int end_transaction(struct campaign_sink *s, int rc, struct wtl_error *err)
{
    rc = rc ? rc : wtl_campaign_commit(s->campaign, err);
    if (rc == 0) {
        s->stored = true;
        return 0;
    }
    wtl_campaign_rollback(s->campaign);
    for (int i = 0; !s->stored && i < s->options.n; i++)
        s->runs[i].run.id = 0;
    return rc;
}

static int put(struct wtl_sink *sink, const struct wtl_batch *const *batches, int n,
               const struct wtl_write_gap *gap, struct wtl_error *err)
{
    struct campaign_sink *s = (struct campaign_sink *)sink;
    (void)gap; /* in what describe() says, and in the document */
    int rc = wtl_campaign_begin(s->campaign, err);
    rc = rc ? rc : store_runs(s, batches, n, false, err);
    for (int i = 0; rc == 0 && i < n; i++)
        if (batches[i]->n > 0)
            rc = wtl_campaign_add_samples(s->campaign, s->runs[batches[i]->stream].run.id,
                                          batches[i], err);
    rc = end_transaction(s, rc, err);
    for (int i = 0; rc == 0 && i < n; i++) {
        struct kept_run *k = &s->runs[batches[i]->stream];
        if (batches[i]->n == 0)
            continue;
        if (k->start_ns == 0)
            k->start_ns = batches[i]->t_ns[0];
        if (last_ns(batches[i]) > s->until_ns)
            s->until_ns = last_ns(batches[i]);
        wtl_reducer_push(k->reducer, batches[i]);
    }
    return rc;
}

static int sync_file(struct wtl_sink *sink, struct wtl_error *err)
{
    (void)sink; /* every put is a transaction */
    (void)err;
    return 0;
}

static int document(struct wtl_sink *sink, const char *name, const char *json,
                    struct wtl_error *err)
{
    struct campaign_sink *s = (struct campaign_sink *)sink;
    return wtl_campaign_put_document(s->campaign, name, s->options.job, json, err);
}

static int64_t size_of(const struct wtl_sink *sink)
{
    struct stat st;
    return stat(((const struct campaign_sink *)sink)->options.path, &st) == 0 ? st.st_size : 0;
}

static void free_sink(struct campaign_sink *s, bool remove)
{
    wtl_campaign_close(s->campaign);
    if (remove)
        (void)unlink(s->options.path);
    struct wtl_arena arena = s->arena;
    wtl_arena_fini(&arena);
}

static void discard(struct wtl_sink *sink)
{
    struct campaign_sink *s = (struct campaign_sink *)sink;
    int rc = s->stored ? wtl_campaign_begin(s->campaign, NULL) : 0;
    if (s->stored) {
        rc = rc ? rc : wtl_campaign_remove_source(s->campaign, s->source_id, NULL);
        (void)end_transaction(s, rc, NULL);
    }
    free_sink(s, s->made);
}

static int close_file(struct wtl_sink *sink, bool complete, struct wtl_error *err)
{
    struct campaign_sink *s = (struct campaign_sink *)sink;
    int rc = wtl_campaign_begin(s->campaign, err);
    rc = rc ? rc : store_runs(s, NULL, 0, complete, err);
    rc = end_transaction(s, rc, err);
    free_sink(s, false);
    return rc;
}

static const struct wtl_sink_class campaign_class = {put,     sync_file,  document,
                                                     size_of, close_file, discard};

static int open_all(struct campaign_sink *s, struct wtl_error *err)
{
    int rc = wtl_reducer_new(&s->arena, &s->scratch, err);
    s->runs = WTL_NEW_ARRAY(&s->arena, struct kept_run, (size_t)s->options.n + 1);
    if (rc == 0 && !s->runs)
        rc = WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (int i = 0; rc == 0 && i < s->options.n; i++) {
        rc = wtl_reducer_new(&s->arena, &s->runs[i].reducer, err);
        if (rc == 0)
            wtl_reducer_begin(s->runs[i].reducer);
    }
    s->made = access(s->options.path, F_OK) != 0;
    return rc ? rc
              : wtl_campaign_open(s->options.path, WTL_CAMPAIGN_CREATE, s->options.clock,
                                  &s->campaign, err);
}

int wtl_sink_campaign_open(struct wtl_alloc alloc, const struct wtl_sink_campaign_options *options,
                           struct wtl_sink **out, struct wtl_error *err)
{
    struct wtl_arena arena;
    wtl_arena_init(&arena, alloc);
    struct campaign_sink *s = WTL_NEW(&arena, struct campaign_sink);
    if (!s) {
        wtl_arena_fini(&arena);
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    }
    s->arena = arena;
    s->sink = (struct wtl_sink){&campaign_class, 10 * WTL_NS_PER_S};
    s->options = *options;
    s->options.path = wtl_arena_strdup(&s->arena, options->path);
    s->options.job = wtl_arena_strdup(&s->arena, options->job);
    int rc = s->options.path && s->options.job ? open_all(s, err)
                                               : WTL_FAIL(err, WTL_NOMEM, "out of memory");
    if (rc == 0) {
        *out = &s->sink;
        return 0;
    }
    arena = s->arena;
    wtl_arena_fini(&arena);
    return rc;
}
