/* SPDX-License-Identifier: Apache-2.0
 * Copies among the runs of a campaign, by name. */
#include "flow/same.h"

#include "base/file.h"
#include "runs/same.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The last two components of a path: a job's directory says more than its files' names. */
static const char *short_path(const char *path)
{
    const char *at = wtl_path_base(path);
    if (at - path < 2)
        return path;
    for (at--; at > path && at[-1] != '/';)
        at--;
    return at;
}

static void state(struct wtl_run *run, const struct wtl_run *other, const struct wtl_source *source)
{
    run->stated_causes |= UINT32_C(1) << WTL_CAUSE_duplicate;
    const char *path = source ? short_path(source->path) : "another file";
    double of = wtl_run_get(run, WTL_R_mean_of, 1);
    char text[400];
    if (of > 1)
        snprintf(text, sizeof text, "the mean of %.0f runs; runs of this clock are in %s", of,
                 path);
    else if (run->source_id == other->source_id)
        snprintf(text, sizeof text, "the same as data row %d of %s", other->stream + 1, path);
    else
        snprintf(text, sizeof text, "the same run as in %s", path);
    snprintf(run->stated_reason, sizeof run->stated_reason, "%.*s",
             (int)sizeof run->stated_reason - 1, text);
}

struct tally {
    struct same_file *files;
    size_t n, cap;
};

static int count(struct tally *t, struct wtl_arena *arena, const struct wtl_source *source,
                 const struct wtl_source *other, bool is_new, struct wtl_error *err)
{
    size_t i = t->n;
    while (i > 0 && t->files[i - 1].source_id != source->id)
        i--;
    if (i == 0) {
        if (wtl_grow(arena, &t->files, t->n, &t->cap) != 0)
            return WTL_FAIL(err, WTL_NOMEM, "out of memory comparing runs");
        t->files[t->n++] =
            (struct same_file){.source_id = source->id, .path = source->path, .other = other->path};
        i = t->n;
    }
    struct same_file *f = &t->files[i - 1];
    f->runs++;
    f->elsewhere += strcmp(f->other, other->path) != 0;
    f->is_new = f->is_new || is_new;
    return 0;
}

/* Tables are made from traces, and mappings of runs are tables. */
static bool is_table(const struct wtl_source *source, const struct wtl_run *run)
{
    return source &&
           (strcmp(source->reader, "runs-table") == 0 ||
            (strcmp(source->reader, "mapped") == 0 && !wtl_run_has(run, WTL_R_n_samples)));
}

int same_state(struct wtl_campaign *c, struct wtl_arena *arena, struct wtl_run *runs, size_t n,
               int64_t known_id, struct same_file **files_out, size_t *n_files_out,
               struct wtl_error *err)
{
    struct wtl_source *sources = NULL;
    size_t n_sources = 0;
    struct tally tally = {0};
    bool *table = WTL_NEW_ARRAY(arena, bool, n);
    size_t *same_as = WTL_NEW_ARRAY(arena, size_t, n);
    int rc = table && same_as ? 0 : WTL_FAIL(err, WTL_NOMEM, "out of memory comparing runs");
    rc = rc ? rc : wtl_campaign_sources(c, arena, &sources, &n_sources, err);
    for (size_t i = 0; rc == 0 && i < n; i++)
        table[i] = is_table(wtl_source_find(sources, n_sources, runs[i].source_id), &runs[i]);
    rc = rc ? rc : wtl_find_same(arena, runs, n, table, same_as, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (same_as[i] == i)
            continue;
        const struct wtl_run *other = &runs[same_as[i]];
        const struct wtl_source *a = wtl_source_find(sources, n_sources, runs[i].source_id);
        const struct wtl_source *b = wtl_source_find(sources, n_sources, other->source_id);
        state(&runs[i], other, b);
        if (files_out && a && b)
            rc = count(&tally, arena, a, b, a->id > known_id || b->id > known_id, err);
    }
    if (rc == 0 && files_out) {
        *files_out = tally.files;
        *n_files_out = tally.n;
    }
    return rc;
}
