/* SPDX-License-Identifier: Apache-2.0
 * Sweeps and their visits. */
#include "store/sweep.h"

#include "store/sql.h"

#include <stdio.h>
#include <string.h>

static const char tables[] =
    "CREATE TABLE IF NOT EXISTS sweep("
    " id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, document TEXT NOT NULL,"
    " state TEXT NOT NULL, source_id INTEGER REFERENCES source(id), created_ns INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS visit("
    " sweep_id INTEGER NOT NULL REFERENCES sweep(id), block INTEGER NOT NULL,"
    " position INTEGER NOT NULL, attempt INTEGER NOT NULL, workload INTEGER NOT NULL,"
    " point INTEGER NOT NULL, anchor INTEGER NOT NULL, outcome TEXT NOT NULL, why TEXT NOT NULL,"
    " run_id INTEGER REFERENCES run(id), PRIMARY KEY(sweep_id, block, position, attempt))"
    " WITHOUT ROWID;";

static const char *const outcomes[] = {
#define X(name, text) #name,
    WTL_VISIT_OUTCOMES(X)
#undef X
};

const char *wtl_visit_outcome_name(enum wtl_visit_outcome outcome)
{
    return outcomes[outcome];
}

static int prepare(struct wtl_campaign *c, const char *sql, sqlite3_stmt **s_out,
                   struct wtl_error *err)
{
    int result = sqlite3_prepare_v2(c->db, sql, -1, s_out, NULL);
    return result == SQLITE_OK ? 0 : wtl_sql_fail(c, result, "use", err);
}

/* False, with no error: a campaign that never had a sweep. */
static int have_tables(struct wtl_campaign *c, bool *have_out, struct wtl_error *err)
{
    int64_t n = 0;
    int rc = wtl_sql_number(
        c, "SELECT count(*) FROM sqlite_master WHERE type='table' AND name IN('sweep','visit')", &n,
        err);
    *have_out = n == 2;
    return rc;
}

static void bind_id(sqlite3_stmt *s, int index, int64_t id)
{
    if (id)
        sqlite3_bind_int64(s, index, id);
    else
        sqlite3_bind_null(s, index);
}

static int taken(struct wtl_campaign *c, const char *sql, const char *text, bool *taken_out,
                 struct wtl_error *err)
{
    sqlite3_stmt *s = NULL;
    int rc = prepare(c, sql, &s, err);
    if (rc < 0)
        return rc;
    wtl_sql_bind_text(s, 1, text);
    int result = sqlite3_step(s);
    *taken_out = result == SQLITE_ROW;
    if (result != SQLITE_ROW && result != SQLITE_DONE)
        rc = wtl_sql_fail(c, result, "read", err);
    sqlite3_finalize(s);
    return rc;
}

int wtl_campaign_add_sweep(struct wtl_campaign *c, const struct wtl_stored_sweep *sweep,
                           int64_t *id_out, struct wtl_error *err)
{
    sqlite3_stmt *s = NULL;
    bool is_taken = false;
    int rc = wtl_sql_writable(c, err);
    rc = rc ? rc : wtl_sql_exec(c, tables, "make tables of", err);
    rc = rc ? rc : taken(c, "SELECT 1 FROM sweep WHERE name=?", sweep->name, &is_taken, err);
    if (rc == 0 && is_taken)
        return WTL_FAIL(err, WTL_FAILED, "the campaign has a sweep \"%s\" already", sweep->name);
    rc = rc ? rc
            : prepare(c,
                      "INSERT INTO sweep(name, document, state, source_id, created_ns)"
                      " VALUES(?,?,?,?,?)",
                      &s, err);
    if (rc == 0) {
        wtl_sql_bind_text(s, 1, sweep->name);
        wtl_sql_bind_text(s, 2, sweep->document);
        wtl_sql_bind_text(s, 3, sweep->state);
        bind_id(s, 4, sweep->source_id);
        sqlite3_bind_int64(s, 5, c->clock.wall_ns(c->clock.ctx));
        rc = wtl_sql_run(c, s, "store a sweep in", err);
    }
    sqlite3_finalize(s);
    if (rc == 0)
        *id_out = sqlite3_last_insert_rowid(c->db);
    return rc;
}

int wtl_campaign_update_sweep(struct wtl_campaign *c, int64_t id, const char *document,
                              const char *state, struct wtl_error *err)
{
    sqlite3_stmt *s = NULL;
    int rc = wtl_sql_writable(c, err);
    rc = rc ? rc : prepare(c, "UPDATE sweep SET document=?, state=? WHERE id=?", &s, err);
    if (rc == 0) {
        wtl_sql_bind_text(s, 1, document);
        wtl_sql_bind_text(s, 2, state);
        sqlite3_bind_int64(s, 3, id);
        rc = wtl_sql_run(c, s, "store a sweep in", err);
    }
    sqlite3_finalize(s);
    if (rc == 0 && sqlite3_changes(c->db) == 0)
        rc = WTL_FAIL(err, WTL_NOTFOUND, "the campaign has no sweep %lld", (long long)id);
    return rc;
}

static int copy_sweep(sqlite3_stmt *s, struct wtl_arena *arena, struct wtl_stored_sweep *out,
                      struct wtl_error *err)
{
    *out = (struct wtl_stored_sweep){.id = sqlite3_column_int64(s, 0),
                                     .name = wtl_arena_strdup(arena, wtl_sql_text(s, 1)),
                                     .document = wtl_arena_strdup(arena, wtl_sql_text(s, 2)),
                                     .state = wtl_arena_strdup(arena, wtl_sql_text(s, 3)),
                                     .source_id = sqlite3_column_int64(s, 4),
                                     .created_ns = sqlite3_column_int64(s, 5)};
    return out->name && out->document && out->state ? 0 : WTL_FAIL(err, WTL_NOMEM, "out of memory");
}

int wtl_campaign_sweeps(struct wtl_campaign *c, struct wtl_arena *arena,
                        struct wtl_stored_sweep **sweeps_out, size_t *n_out, struct wtl_error *err)
{
    sqlite3_stmt *s = NULL;
    struct wtl_stored_sweep *sweeps = NULL;
    size_t n = 0, cap = 0;
    int result = SQLITE_DONE;
    bool have = false;
    int rc = have_tables(c, &have, err);
    if (rc == 0 && have)
        rc = prepare(c,
                     "SELECT id, name, document, state, source_id, created_ns FROM sweep"
                     " ORDER BY id",
                     &s, err);
    while (rc == 0 && s && (result = sqlite3_step(s)) == SQLITE_ROW) {
        if (wtl_grow(arena, &sweeps, n, &cap) != 0)
            rc = WTL_FAIL(err, WTL_NOMEM, "out of memory");
        else
            rc = copy_sweep(s, arena, &sweeps[n++], err);
    }
    if (rc == 0 && result != SQLITE_DONE)
        rc = wtl_sql_fail(c, result, "read", err);
    sqlite3_finalize(s);
    if (rc == 0) {
        *sweeps_out = sweeps;
        *n_out = n;
    }
    return rc;
}

/* ---- Visits ---------------------------------------------------------------------------------- */

static void bind_visit(sqlite3_stmt *s, const struct wtl_visit *v)
{
    const int numbers[] = {v->block, v->position, v->attempt, v->workload, v->point, v->anchor};
    sqlite3_bind_int64(s, 1, v->sweep_id);
    for (int i = 0; i < 6; i++)
        sqlite3_bind_int(s, 2 + i, numbers[i]);
    wtl_sql_bind_text(s, 8, outcomes[v->outcome]);
    wtl_sql_bind_text(s, 9, v->why);
    bind_id(s, 10, v->run_id);
}

int wtl_campaign_add_visit(struct wtl_campaign *c, const struct wtl_visit *visit,
                           struct wtl_error *err)
{
    sqlite3_stmt *s = NULL;
    int rc = wtl_sql_writable(c, err);
    rc = rc ? rc : prepare(c, "INSERT INTO visit VALUES(?,?,?,?,?,?,?,?,?,?)", &s, err);
    if (rc < 0)
        return rc;
    bind_visit(s, visit);
    int result = sqlite3_step(s);
    if ((result & 0xff) == SQLITE_CONSTRAINT)
        rc = WTL_FAIL(err, WTL_FAILED, "block %d, position %d, attempt %d of the sweep is there",
                      visit->block, visit->position, visit->attempt);
    else if (result != SQLITE_DONE)
        rc = wtl_sql_fail(c, result, "store a visit in", err);
    sqlite3_finalize(s);
    if (rc == 0)
        c->committed = c->committed || !c->in_transaction;
    return rc;
}

static int copy_visit(struct wtl_campaign *c, sqlite3_stmt *s, struct wtl_visit *v,
                      struct wtl_error *err)
{
    int outcome = 0;
    const char *word = wtl_sql_text(s, 7);
    while (outcome < (int)WTL_N_VISIT_OUTCOMES && strcmp(word, outcomes[outcome]) != 0)
        outcome++;
    if (outcome == (int)WTL_N_VISIT_OUTCOMES)
        return WTL_FAIL(err, WTL_CORRUPT, "\"%s\": a visit of a sweep came out as \"%s\"", c->path,
                        word);
    *v = (struct wtl_visit){.sweep_id = sqlite3_column_int64(s, 0),
                            .block = sqlite3_column_int(s, 1),
                            .position = sqlite3_column_int(s, 2),
                            .attempt = sqlite3_column_int(s, 3),
                            .workload = sqlite3_column_int(s, 4),
                            .point = sqlite3_column_int(s, 5),
                            .anchor = sqlite3_column_int(s, 6) != 0,
                            .outcome = (enum wtl_visit_outcome)outcome,
                            .run_id = sqlite3_column_int64(s, 9)};
    return wtl_sql_copy(c, s, 8, v->why, sizeof v->why, err);
}

int wtl_campaign_visits(struct wtl_campaign *c, int64_t sweep_id, struct wtl_arena *arena,
                        struct wtl_visit **visits_out, size_t *n_out, struct wtl_error *err)
{
    sqlite3_stmt *s = NULL;
    struct wtl_visit *visits = NULL;
    size_t n = 0, cap = 0;
    int result = SQLITE_DONE;
    bool have = false;
    int rc = have_tables(c, &have, err);
    if (rc == 0 && have)
        rc = prepare(c, "SELECT * FROM visit WHERE sweep_id=? ORDER BY block, position, attempt",
                     &s, err);
    if (s)
        sqlite3_bind_int64(s, 1, sweep_id);
    while (rc == 0 && s && (result = sqlite3_step(s)) == SQLITE_ROW) {
        if (wtl_grow(arena, &visits, n, &cap) != 0)
            rc = WTL_FAIL(err, WTL_NOMEM, "out of memory");
        else
            rc = copy_visit(c, s, &visits[n++], err);
    }
    if (rc == 0 && result != SQLITE_DONE)
        rc = wtl_sql_fail(c, result, "read", err);
    sqlite3_finalize(s);
    if (rc == 0) {
        *visits_out = visits;
        *n_out = n;
    }
    return rc;
}
