/* SPDX-License-Identifier: Apache-2.0
 * Runs as rows of the table `run`. The list of its columns is written once, below and in
 * store/run_columns.h; insert, update and load are made from it. */
#include "store/sql.h"

#include "base/sort.h"
#include "base/text.h"
#include "core/gpu_name.h"
#include "store/names.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first columns, in the order of bind_run() and read_run(). */
static const char *const columns[] = {"source_id", "stream",        "gpu",          "workload",
                                      "job",       "device",        "rep",          "seq",
                                      "clock_mhz", "mem_clock_mhz", "start_ns",     "mode",
                                      "status",    "stated_causes", "stated_reason"};
enum { N_COLUMNS = sizeof columns / sizeof columns[0] };

static const char *const mode_names[] = {[WTL_MODE_UNKNOWN] = "unknown",
                                         [WTL_MODE_SWEEP] = "sweep",
                                         [WTL_MODE_CUSTOM] = "custom",
                                         [WTL_MODE_BASELINE] = "baseline"};
enum { N_MODES = sizeof mode_names / sizeof mode_names[0] };

int wtl_sql_unknown_word(struct wtl_campaign *c, const char *what, const char *word,
                         struct wtl_error *err)
{
    int rc = WTL_FAIL(err, WTL_CORRUPT, "campaign \"%s\" has a run of unknown %s \"%.40s\"",
                      c->path, what, word);
    wtl_error_hint(err, "a newer wattle may have written it");
    return rc;
}

int wtl_sql_status(struct wtl_campaign *c, const char *word, enum wtl_run_status *status_out,
                   struct wtl_error *err)
{
    for (int i = WTL_RUN_UNKNOWN; i <= WTL_RUN_TIMEOUT; i++)
        if (strcmp(word, wtl_run_status_name((enum wtl_run_status)i)) == 0) {
            *status_out = (enum wtl_run_status)i;
            return 0;
        }
    return wtl_sql_unknown_word(c, "status", word, err);
}

static int read_mode(struct wtl_campaign *c, const char *word, enum wtl_run_mode *mode_out,
                     struct wtl_error *err)
{
    for (int i = 0; i < N_MODES; i++)
        if (strcmp(word, mode_names[i]) == 0) {
            *mode_out = (enum wtl_run_mode)i;
            return 0;
        }
    return wtl_sql_unknown_word(c, "mode", word, err);
}

/* Causes are stored by name: "contaminated,truncated". */
static void write_causes(uint32_t causes, char *buf, size_t size)
{
    size_t n = 0;
    buf[0] = '\0';
    for (int i = 0; i < (int)WTL_N_CAUSES; i++)
        if ((causes >> i) & 1 && n < size)
            n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? "," : "",
                                  wtl_cause_name((enum wtl_cause)i));
}

static int read_causes(struct wtl_campaign *c, const char *text, uint32_t *causes_out,
                       struct wtl_error *err)
{
    uint32_t causes = 0;
    while (*text) {
        size_t n = strcspn(text, ",");
        struct wtl_view word = {text, n};
        int i = 0;
        while (i < (int)WTL_N_CAUSES && !wtl_view_is(word, wtl_cause_name((enum wtl_cause)i)))
            i++;
        if (i == (int)WTL_N_CAUSES)
            return wtl_sql_unknown_word(c, "cause", text, err);
        causes |= UINT32_C(1) << i;
        text += n + (text[n] == ',');
    }
    *causes_out = causes;
    return 0;
}

static void bind_number(sqlite3_stmt *s, int index, int64_t value)
{
    if (value != 0)
        sqlite3_bind_int64(s, index, value);
}

static void bind_name(sqlite3_stmt *s, int index, const char *text)
{
    wtl_sql_bind_text(s, index, text[0] ? text : NULL);
}

/* Leaves unbound (NULL) what is not known. `causes` and `words` must outlive the step. */
static void bind_run(sqlite3_stmt *s, const struct wtl_run *run, const char *causes,
                     struct wtl_run_words *words)
{
    bind_number(s, 1, run->source_id);
    sqlite3_bind_int(s, 2, run->stream);
    wtl_sql_bind_text(s, 3, run->gpu);
    wtl_sql_bind_text(s, 4, run->workload);
    bind_name(s, 5, run->job);
    bind_name(s, 6, run->device);
    bind_number(s, 7, run->rep);
    bind_number(s, 8, run->seq);
    bind_number(s, 9, run->clock_mhz);
    bind_number(s, 10, run->mem_clock_mhz);
    bind_number(s, 11, run->start_ns);
    wtl_sql_bind_text(s, 12, mode_names[run->mode]);
    wtl_sql_bind_text(s, 13, wtl_run_status_name(run->status));
    bind_name(s, 14, causes);
    bind_name(s, 15, run->stated_reason);
    wtl_run_columns_bind(s, N_COLUMNS + 1, run, words);
}

static const char *column_name(int i)
{
    return i < N_COLUMNS ? columns[i] : wtl_run_column(i - N_COLUMNS).name;
}

enum { N_ALL = N_COLUMNS + WTL_N_RUN_COLUMNS };

/* "INSERT ..." or "UPDATE ... WHERE id=?": parameters 1..N_ALL, then the id. */
static int write_statement(struct wtl_campaign *c, enum wtl_sql which, sqlite3_stmt **s_out,
                           struct wtl_error *err)
{
    if (c->statement[which])
        return wtl_sql_statement(c, which, NULL, s_out, err);
    struct wtl_buf sql;
    wtl_buf_init(&sql, wtl_alloc_system(), 1 << 16);
    bool insert = which == WTL_SQL_ADD_RUN;
    wtl_buf_puts(&sql, insert ? "INSERT INTO run(" : "UPDATE run SET ");
    for (int i = 0; i < N_ALL; i++)
        wtl_buf_printf(&sql, insert ? "%s%s" : "%s%s=?", i ? "," : "", column_name(i));
    if (insert) {
        wtl_buf_puts(&sql, ") VALUES(?");
        for (int i = 1; i < N_ALL; i++)
            wtl_buf_puts(&sql, ",?");
        wtl_buf_puts(&sql, ")");
    } else {
        wtl_buf_puts(&sql, " WHERE id=?");
    }
    int rc = sql.failed ? WTL_FAIL(err, WTL_NOMEM, "out of memory")
                        : wtl_sql_statement(c, which, sql.data, s_out, err);
    wtl_buf_fini(&sql);
    return rc;
}

static int write_run(struct wtl_campaign *c, enum wtl_sql which, const struct wtl_run *run,
                     struct wtl_error *err)
{
    sqlite3_stmt *s = NULL;
    int rc = wtl_sql_writable(c, err);
    rc = rc ? rc : write_statement(c, which, &s, err);
    if (rc < 0)
        return rc;
    char causes[400];
    write_causes(run->stated_causes, causes, sizeof causes);
    struct wtl_run_words words;
    bind_run(s, run, causes, &words);
    if (which == WTL_SQL_UPDATE_RUN)
        sqlite3_bind_int64(s, N_ALL + 1, run->id);
    return wtl_sql_run(c, s, "store a run in", err);
}

int wtl_campaign_add_run(struct wtl_campaign *c, const struct wtl_run *run, int64_t *id_out,
                         struct wtl_error *err)
{
    int rc = write_run(c, WTL_SQL_ADD_RUN, run, err);
    if (rc == 0)
        *id_out = sqlite3_last_insert_rowid(c->db);
    return rc;
}

int wtl_campaign_update_run(struct wtl_campaign *c, const struct wtl_run *run,
                            struct wtl_error *err)
{
    int rc = write_run(c, WTL_SQL_UPDATE_RUN, run, err);
    if (rc == 0 && sqlite3_changes(c->db) == 0)
        return WTL_FAIL(err, WTL_NOTFOUND, "campaign \"%s\" has no run %" PRId64, c->path, run->id);
    return rc;
}

/* Columns: id, then as bind_run(). `run` is all zeros. */
static int read_run(struct wtl_campaign *c, sqlite3_stmt *s, struct wtl_run *run,
                    struct wtl_error *err)
{
    run->id = sqlite3_column_int64(s, 0);
    run->source_id = sqlite3_column_int64(s, 1);
    run->stream = sqlite3_column_int(s, 2);
    int rc = wtl_sql_copy(c, s, 3, run->gpu, sizeof run->gpu, err);
    rc = rc ? rc : wtl_sql_copy(c, s, 4, run->workload, sizeof run->workload, err);
    rc = rc ? rc : wtl_sql_copy(c, s, 5, run->job, sizeof run->job, err);
    rc = rc ? rc : wtl_sql_copy(c, s, 6, run->device, sizeof run->device, err);
    run->rep = sqlite3_column_int(s, 7);
    run->seq = sqlite3_column_int64(s, 8);
    run->clock_mhz = sqlite3_column_int(s, 9);
    run->mem_clock_mhz = sqlite3_column_int(s, 10);
    run->start_ns = sqlite3_column_int64(s, 11);
    rc = rc ? rc : read_mode(c, wtl_sql_text(s, 12), &run->mode, err);
    rc = rc ? rc : wtl_sql_status(c, wtl_sql_text(s, 13), &run->status, err);
    rc = rc ? rc : read_causes(c, wtl_sql_text(s, 14), &run->stated_causes, err);
    rc = rc ? rc : wtl_sql_copy(c, s, 15, run->stated_reason, sizeof run->stated_reason, err);
    return rc ? rc : wtl_run_columns_read(c, s, N_COLUMNS + 1, run, err);
}

/* Which runs: parameters ?1..?4 of `where` are texts, or ?1 is the id when texts are NULL. */
enum { N_TEXTS = 4 };
struct query {
    const char *where;
    const char *text[N_TEXTS];
    int64_t id;
};

static void bind_query(sqlite3_stmt *s, const struct query *q)
{
    if (!q->text[0])
        sqlite3_bind_int64(s, 1, q->id);
    for (int i = 0; i < N_TEXTS && q->text[i]; i++)
        wtl_sql_bind_text(s, i + 1, q->text[i]);
}

/* Columns that an old campaign lacks are NULL. */
static void select_columns(const struct wtl_campaign *c, struct wtl_buf *sql)
{
    wtl_buf_puts(sql, "SELECT id");
    for (int i = 0; i < N_ALL; i++) {
        bool there = i < N_COLUMNS || c->has_column[i - N_COLUMNS];
        wtl_buf_printf(sql, ",%s", there ? column_name(i) : "NULL");
    }
}

static int prepare_query(struct wtl_campaign *c, bool count, const struct query *q,
                         sqlite3_stmt **s_out, struct wtl_error *err)
{
    struct wtl_buf sql;
    wtl_buf_init(&sql, wtl_alloc_system(), 1 << 16);
    if (count)
        wtl_buf_puts(&sql, "SELECT count(*)");
    else
        select_columns(c, &sql);
    wtl_buf_printf(&sql, " FROM run WHERE %s", q->where);
    if (!count)
        wtl_buf_puts(&sql, " ORDER BY id");
    int rc = sql.failed ? WTL_FAIL(err, WTL_NOMEM, "out of memory") : 0;
    if (rc == 0) {
        int result = sqlite3_prepare_v2(c->db, sql.data, -1, s_out, NULL);
        rc = result == SQLITE_OK ? 0 : wtl_sql_fail(c, result, "read", err);
    }
    wtl_buf_fini(&sql);
    if (rc == 0)
        bind_query(*s_out, q);
    return rc;
}

/* A run is over a kilobyte: the array is made to measure rather than grown. */
static int count_runs(struct wtl_campaign *c, const struct query *q, size_t *n_out,
                      struct wtl_error *err)
{
    sqlite3_stmt *s = NULL;
    int rc = prepare_query(c, true, q, &s, err);
    int result = rc ? SQLITE_ERROR : sqlite3_step(s);
    int64_t n = result == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    if (rc == 0 && result != SQLITE_ROW)
        rc = wtl_sql_fail(c, result, "read", err);
    else if (n > WTL_LIMIT_RUNS)
        rc = WTL_FAIL(err, WTL_LIMIT, "campaign \"%s\" has %" PRId64 " runs, at most %d are read",
                      c->path, n, WTL_LIMIT_RUNS);
    sqlite3_finalize(s);
    if (rc == 0)
        *n_out = (size_t)n;
    return rc;
}

static int load(struct wtl_campaign *c, const struct query *q, struct wtl_arena *arena,
                struct wtl_run **runs_out, size_t *n_out, struct wtl_error *err)
{
    size_t cap = 0;
    int rc = count_runs(c, q, &cap, err);
    struct wtl_run *runs = rc ? NULL : WTL_NEW_ARRAY(arena, struct wtl_run, cap);
    if (rc == 0 && !runs)
        rc = WTL_FAIL(err, WTL_NOMEM, "out of memory for %zu runs", cap);
    sqlite3_stmt *s = NULL;
    rc = rc ? rc : prepare_query(c, false, q, &s, err);
    size_t n = 0;
    int result = SQLITE_ROW;
    while (rc == 0 && n < cap && (result = sqlite3_step(s)) == SQLITE_ROW)
        rc = read_run(c, s, &runs[n++], err);
    if (rc == 0 && result != SQLITE_ROW && result != SQLITE_DONE)
        rc = wtl_sql_fail(c, result, "read", err);
    sqlite3_finalize(s);
    if (rc == 0) {
        *runs_out = runs;
        *n_out = n;
    }
    return rc;
}

/* The runs in the configurations asked for, in order. */
static size_t keep_at(struct wtl_run *runs, size_t n, const struct wtl_at *at)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        struct wtl_configuration c = wtl_configuration_of(&runs[i]);
        if (wtl_at_matches(at, &c))
            runs[kept++] = runs[i];
    }
    return kept;
}

/* SQLite would sort whole rows of seventy columns; this sorts names and numbers. */
struct order {
    char gpu[WTL_LIMIT_NAME], workload[WTL_LIMIT_NAME]; /* folded */
    const struct wtl_run *run;
};

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_runs(const void *a, const void *b)
{
    const struct order *x = a;
    const struct order *y = b;
    int by = strcmp(x->gpu, y->gpu);
    by = by ? by : strcmp(x->workload, y->workload);
    by = by ? by : strcmp(x->run->job, y->run->job);
    by = by ? by : compare_numbers(x->run->seq, y->run->seq);
    by = by ? by : compare_numbers(x->run->rep, y->run->rep);
    return by ? by : compare_numbers(x->run->id, y->run->id);
}

/* Moves runs[from[i]] to runs[i], cycle by cycle. */
static void permute(struct wtl_run *runs, size_t *from, size_t n)
{
    for (size_t start = 0; start < n; start++) {
        if (from[start] == start)
            continue;
        struct wtl_run first = runs[start];
        size_t at = start;
        while (from[at] != start) {
            size_t next = from[at];
            runs[at] = runs[next];
            from[at] = at;
            at = next;
        }
        runs[at] = first;
        from[at] = at;
    }
}

static int sort_runs(struct wtl_run *runs, size_t n, struct wtl_error *err)
{
    if (n < 2)
        return 0;
    WTL_ARENA(arena);
    struct order *order = WTL_NEW_ARRAY(&arena, struct order, n);
    size_t *from = WTL_NEW_ARRAY(&arena, size_t, n);
    if (!order || !from)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory sorting %zu runs", n);
    for (size_t i = 0; i < n; i++) {
        wtl_fold_name(runs[i].gpu, order[i].gpu, sizeof order[i].gpu);
        wtl_fold_name(runs[i].workload, order[i].workload, sizeof order[i].workload);
        order[i].run = &runs[i];
    }
    wtl_sort(order, n, sizeof *order, compare_runs);
    for (size_t i = 0; i < n; i++)
        from[i] = (size_t)(order[i].run - runs);
    permute(runs, from, n);
    return 0;
}

int wtl_campaign_runs(struct wtl_campaign *c, const struct wtl_run_filter *filter,
                      struct wtl_arena *arena, struct wtl_run **runs_out, size_t *n_out,
                      struct wtl_error *err)
{
    const char *const wanted[] = {filter ? filter->gpu : NULL, filter ? filter->workload : NULL,
                                  filter ? filter->job : NULL};
    struct query q = {
        .where = "(?1='' OR fold(gpu)=?1 OR (?4<>'' AND fold(model(device))=?4))"
                 " AND (?2='' OR fold(workload)=?2) AND (?3='' OR fold(job)=?3)",
    };
    char folded[N_TEXTS][WTL_LIMIT_NAME];
    char model[WTL_LIMIT_NAME];
    for (int i = 0; i < 3; i++)
        wtl_fold_name(wanted[i] ? wanted[i] : "", folded[i], sizeof folded[i]);
    wtl_gpu_model(wanted[0] ? wanted[0] : "", model, sizeof model);
    wtl_fold_name(model, folded[3], sizeof folded[3]);
    for (int i = 0; i < N_TEXTS; i++)
        q.text[i] = folded[i];
    struct wtl_run *runs = NULL;
    struct wtl_names *names = NULL;
    size_t n = 0;
    WTL_ARENA(scratch);
    int rc = load(c, &q, arena, &runs, &n, err);
    if (rc == 0 && filter && filter->at)
        n = keep_at(runs, n, filter->at);
    rc = rc ? rc : wtl_names_load(c, &scratch, &names, err);
    if (rc == 0)
        wtl_names_give(names, runs, n);
    rc = rc ? rc : sort_runs(runs, n, err);
    if (rc == 0) {
        *runs_out = runs;
        *n_out = n;
    }
    return rc;
}

int wtl_campaign_runs_in(struct wtl_campaign *c, const char *dir, struct wtl_arena *arena,
                         struct wtl_run **runs_out, size_t *n_out, struct wtl_error *err)
{
    struct query q = {.where = "source_id IN (SELECT id FROM source WHERE dir=?1)", .text = {dir}};
    return load(c, &q, arena, runs_out, n_out, err);
}

int wtl_campaign_runs_of(struct wtl_campaign *c, int64_t source_id, struct wtl_arena *arena,
                         struct wtl_run **runs_out, size_t *n_out, struct wtl_error *err)
{
    struct query q = {.where = "source_id=?1", .id = source_id};
    return load(c, &q, arena, runs_out, n_out, err);
}
