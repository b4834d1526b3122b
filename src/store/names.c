/* SPDX-License-Identifier: Apache-2.0
 * One spelling for each name of a campaign. */
#include "store/names.h"

#include "base/text.h"
#include "core/gpu_name.h"
#include "store/sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A spelling: of a workload or GPU (`model` empty), or of a model of a GPU. */
struct spelling {
    char key[WTL_LIMIT_NAME];   /* of the workload or GPU, folded */
    char model[WTL_LIMIT_NAME]; /* folded */
    char text[WTL_LIMIT_NAME];
    int64_t runs, first; /* first: smallest id */
};

struct list {
    struct spelling *items;
    size_t n, cap;
};

struct wtl_names {
    struct list gpus, workloads, models;
};

static int by_key(const void *a, const void *b)
{
    const struct spelling *x = a, *y = b;
    int by = strcmp(x->key, y->key);
    return by ? by : strcmp(x->model, y->model);
}

static int by_text(const void *a, const void *b)
{
    const struct spelling *x = a, *y = b;
    int by = by_key(a, b);
    return by ? by : strcmp(x->text, y->text);
}

static int add(struct wtl_arena *arena, struct list *list, const char *name, const char *model,
               const char *text, const struct spelling *counts, struct wtl_error *err)
{
    if (wtl_grow(arena, &list->items, list->n, &list->cap) != 0)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for names");
    struct spelling *s = &list->items[list->n++];
    *s = (struct spelling){.runs = counts->runs, .first = counts->first};
    wtl_fold_name(name, s->key, sizeof s->key);
    wtl_fold_name(model, s->model, sizeof s->model);
    snprintf(s->text, sizeof s->text, "%s", text);
    return 0;
}

/* The model where it says more than the GPU's own name, and is of that GPU; else "". */
static void model_of(const char *gpu, const char *device, char *buf, size_t size)
{
    char said[WTL_LIMIT_NAME];
    wtl_gpu_short_name(device, said, sizeof said);
    wtl_gpu_model(device, buf, size);
    if (!said[0] || !wtl_same_name(said, gpu) || wtl_same_name(buf, gpu))
        buf[0] = '\0';
}

static int add_row(struct wtl_arena *arena, struct wtl_names *names, sqlite3_stmt *row,
                   struct wtl_error *err)
{
    const char *gpu = wtl_sql_text(row, 0), *workload = wtl_sql_text(row, 1);
    const struct spelling counts = {.runs = sqlite3_column_int64(row, 3),
                                    .first = sqlite3_column_int64(row, 4)};
    char model[WTL_LIMIT_NAME];
    model_of(gpu, wtl_sql_text(row, 2), model, sizeof model);
    int rc = add(arena, &names->gpus, gpu, "", gpu, &counts, err);
    rc = rc ? rc : add(arena, &names->workloads, workload, "", workload, &counts, err);
    if (rc == 0 && model[0])
        rc = add(arena, &names->models, gpu, model, model, &counts, err);
    return rc;
}

/* One item a key: the spelling that most runs have. */
static void settle(struct list *list)
{
    if (list->n > 1)
        qsort(list->items, list->n, sizeof *list->items, by_text);
    size_t n = 0;
    for (size_t i = 0, next; i < list->n; i = next) {
        struct spelling s = list->items[i];
        for (next = i + 1; next < list->n && by_text(&s, &list->items[next]) == 0; next++) {
            s.runs += list->items[next].runs;
            s.first = s.first < list->items[next].first ? s.first : list->items[next].first;
        }
        struct spelling *last = n ? &list->items[n - 1] : NULL;
        if (!last || by_key(last, &s) != 0)
            list->items[n++] = s;
        else if (s.runs > last->runs || (s.runs == last->runs && s.first < last->first))
            *last = s;
    }
    list->n = n;
}

int wtl_names_load(struct wtl_campaign *c, struct wtl_arena *arena, struct wtl_names **names_out,
                   struct wtl_error *err)
{
    struct wtl_names *names = WTL_NEW(arena, struct wtl_names);
    if (!names)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for names");
    sqlite3_stmt *s = NULL;
    int result = sqlite3_prepare_v2(c->db,
                                    "SELECT gpu, workload, device, count(*), min(id) FROM run"
                                    " GROUP BY gpu, workload, device",
                                    -1, &s, NULL);
    int rc = result == SQLITE_OK ? 0 : wtl_sql_fail(c, result, "read", err);
    while (rc == 0 && (result = sqlite3_step(s)) == SQLITE_ROW)
        rc = add_row(arena, names, s, err);
    if (rc == 0 && result != SQLITE_DONE)
        rc = wtl_sql_fail(c, result, "read", err);
    sqlite3_finalize(s);
    if (rc < 0)
        return rc;
    settle(&names->gpus);
    settle(&names->workloads);
    settle(&names->models);
    *names_out = names;
    return 0;
}

static const struct spelling *find(const struct list *list, const char *name, const char *model)
{
    struct spelling wanted = {0};
    wtl_fold_name(name, wanted.key, sizeof wanted.key);
    wtl_fold_name(model, wanted.model, sizeof wanted.model);
    return list->n ? bsearch(&wanted, list->items, list->n, sizeof wanted, by_key) : NULL;
}

/* Models stand in order of their GPU. */
static bool is_parted(const struct list *models, const struct spelling *s)
{
    const struct spelling *end = models->items + models->n;
    return (s > models->items && strcmp(s[-1].key, s->key) == 0) ||
           (s + 1 < end && strcmp(s[1].key, s->key) == 0);
}

/* What a run of these names is shown as; NULL: as it says. */
struct shown {
    char gpu[WTL_LIMIT_NAME], workload[WTL_LIMIT_NAME], device[WTL_LIMIT_NAME]; /* as it says */
    const struct spelling *as_gpu, *as_workload;
};

static bool is_of(const struct shown *shown, const struct wtl_run *run)
{
    return strcmp(shown->gpu, run->gpu) == 0 && strcmp(shown->workload, run->workload) == 0 &&
           strcmp(shown->device, run->device) == 0;
}

static void look_up(const struct wtl_names *names, const struct wtl_run *run, struct shown *shown)
{
    char model[WTL_LIMIT_NAME];
    memcpy(shown->gpu, run->gpu, sizeof shown->gpu);
    memcpy(shown->workload, run->workload, sizeof shown->workload);
    memcpy(shown->device, run->device, sizeof shown->device);
    shown->as_workload = find(&names->workloads, run->workload, "");
    shown->as_gpu = find(&names->gpus, run->gpu, "");
    model_of(run->gpu, run->device, model, sizeof model);
    const struct spelling *own = model[0] ? find(&names->models, run->gpu, model) : NULL;
    if (own && is_parted(&names->models, own))
        shown->as_gpu = own;
}

void wtl_names_give(const struct wtl_names *names, struct wtl_run *runs, size_t n)
{
    struct shown shown; /* of the run before: most have its names */
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || !is_of(&shown, &runs[i]))
            look_up(names, &runs[i], &shown);
        if (shown.as_gpu)
            memcpy(runs[i].gpu, shown.as_gpu->text, sizeof runs[i].gpu);
        if (shown.as_workload)
            memcpy(runs[i].workload, shown.as_workload->text, sizeof runs[i].workload);
    }
}

bool wtl_names_parted(const struct wtl_names *names, size_t n, const char **gpu_out, char *models,
                      size_t size)
{
    const struct list *list = &names->models;
    for (size_t i = 0, next; i < list->n; i = next) {
        for (next = i + 1;
             next < list->n && strcmp(list->items[next].key, list->items[i].key) == 0;)
            next++;
        if (next - i < 2 || n-- > 0)
            continue;
        size_t used = 0;
        for (size_t k = i; k < next && used < size; k++)
            used += (size_t)snprintf(models + used, size - used, "%s%s", k > i ? ", " : "",
                                     list->items[k].text);
        *gpu_out = find(&names->gpus, list->items[i].key, "")->text;
        return true;
    }
    return false;
}
