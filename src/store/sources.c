/* SPDX-License-Identifier: Apache-2.0
 * Provenance: the files that were imported, and the lines of timing logs. */
#include "store/sql.h"

#include "base/file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The directory of a path, without final '/'; "/" for the root. */
static size_t directory_length(const char *path)
{
    const char *base = wtl_path_base(path);
    size_t n = (size_t)(base - path);
    return n > 1 ? n - 1 : n;
}

static void bind_source(sqlite3_stmt *s, const struct wtl_source *source, int64_t now_ns)
{
    wtl_sql_bind_text(s, 1, source->path);
    sqlite3_bind_text(s, 2, source->path, (int)directory_length(source->path), SQLITE_STATIC);
    wtl_sql_bind_text(s, 3, source->sha256);
    sqlite3_bind_int64(s, 4, source->size_bytes);
    wtl_sql_bind_text(s, 5, source->scope ? source->scope : "");
    wtl_sql_bind_text(s, 6, source->reader);
    wtl_sql_bind_text(s, 7, source->dialect);
    sqlite3_bind_int64(s, 8, source->rows);
    sqlite3_bind_int64(s, 9, source->rows_dropped);
    sqlite3_bind_int64(s, 10, source->first_dropped_line);
    wtl_sql_bind_text(s, 11, source->drops);
    sqlite3_bind_int64(s, 12, source->cells);
    sqlite3_bind_int64(s, 13, source->cells_missing);
    sqlite3_bind_int64(s, 14, source->cells_sentinel);
    wtl_sql_bind_text(s, 15, source->unknown_columns);
    sqlite3_bind_int64(s, 16, now_ns);
}

int wtl_campaign_add_source(struct wtl_campaign *c, const struct wtl_source *source,
                            int64_t *id_out, struct wtl_error *err)
{
    static const char sql[] =
        "INSERT INTO source(path, dir, sha256, size_bytes, scope, reader, dialect, rows,"
        " rows_dropped, first_dropped_line, drops, cells, cells_missing, cells_sentinel,"
        " unknown_columns, imported_ns) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
    sqlite3_stmt *s = NULL;
    int rc = wtl_sql_writable(c, err);
    rc = rc ? rc : wtl_sql_statement(c, WTL_SQL_ADD_SOURCE, sql, &s, err);
    if (rc < 0)
        return rc;
    bind_source(s, source, c->clock.wall_ns(c->clock.ctx));
    rc = wtl_sql_run(c, s, "store a source in", err);
    if (rc == 0)
        *id_out = sqlite3_last_insert_rowid(c->db);
    return rc;
}

int wtl_campaign_remove_source(struct wtl_campaign *c, int64_t id, struct wtl_error *err)
{
    char sql[400];
    snprintf(sql, sizeof sql,
             "DELETE FROM sample WHERE run_id IN (SELECT id FROM run WHERE source_id=%" PRId64 ");"
             "DELETE FROM run WHERE source_id=%" PRId64 ";"
             "DELETE FROM timing WHERE source_id=%" PRId64 ";"
             "DELETE FROM source WHERE id=%" PRId64 ";",
             id, id, id, id);
    int rc = wtl_sql_writable(c, err);
    return rc ? rc : wtl_sql_exec(c, sql, "remove a source from", err);
}

int wtl_campaign_move_source(struct wtl_campaign *c, int64_t id, const char *path,
                             struct wtl_error *err)
{
    static const char sql[] = "UPDATE source SET path=?, dir=? WHERE id=?";
    sqlite3_stmt *s = NULL;
    int rc = wtl_sql_writable(c, err);
    rc = rc ? rc : wtl_sql_statement(c, WTL_SQL_MOVE_SOURCE, sql, &s, err);
    if (rc < 0)
        return rc;
    wtl_sql_bind_text(s, 1, path);
    sqlite3_bind_text(s, 2, path, (int)directory_length(path), SQLITE_STATIC);
    sqlite3_bind_int64(s, 3, id);
    rc = wtl_sql_run(c, s, "store a source in", err);
    if (rc == 0 && sqlite3_changes(c->db) == 0)
        rc = WTL_FAIL(err, WTL_NOTFOUND, "campaign \"%s\" has no source %" PRId64, c->path, id);
    return rc;
}

int wtl_campaign_find_source(struct wtl_campaign *c, const char *sha256, int64_t size_bytes,
                             const char *scope, int64_t *id_out, struct wtl_error *err)
{
    /* min(+id): of the few that the index finds, neither sorted nor looked for in order of id */
    static const char sql[] = "SELECT min(+id) FROM source WHERE sha256=?1 AND size_bytes=?2"
                              " AND (?3 IS NULL OR scope=?3)";
    sqlite3_stmt *s = NULL;
    int rc = wtl_sql_statement(c, WTL_SQL_FIND_SOURCE, sql, &s, err);
    if (rc < 0)
        return rc;
    wtl_sql_bind_text(s, 1, sha256);
    sqlite3_bind_int64(s, 2, size_bytes);
    wtl_sql_bind_text(s, 3, scope);
    int result = sqlite3_step(s);
    int64_t id = result == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    if (result != SQLITE_ROW && result != SQLITE_DONE)
        rc = wtl_sql_fail(c, result, "read", err);
    sqlite3_reset(s);
    if (rc == 0)
        *id_out = id;
    return rc;
}

static int read_source(struct wtl_campaign *c, sqlite3_stmt *s, struct wtl_arena *arena,
                       struct wtl_source *source, struct wtl_error *err)
{
    source->id = sqlite3_column_int64(s, 0);
    source->path = wtl_arena_strdup(arena, wtl_sql_text(s, 1));
    source->scope = wtl_arena_strdup(arena, wtl_sql_text(s, 4));
    if (!source->path || !source->scope)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory reading \"%s\"", c->path);
    int rc = wtl_sql_copy(c, s, 2, source->sha256, sizeof source->sha256, err);
    source->size_bytes = sqlite3_column_int64(s, 3);
    rc = rc ? rc : wtl_sql_copy(c, s, 5, source->reader, sizeof source->reader, err);
    rc = rc ? rc : wtl_sql_copy(c, s, 6, source->dialect, sizeof source->dialect, err);
    source->rows = sqlite3_column_int64(s, 7);
    source->rows_dropped = sqlite3_column_int64(s, 8);
    source->first_dropped_line = sqlite3_column_int64(s, 9);
    rc = rc ? rc : wtl_sql_copy(c, s, 10, source->drops, sizeof source->drops, err);
    source->cells = sqlite3_column_int64(s, 11);
    source->cells_missing = sqlite3_column_int64(s, 12);
    source->cells_sentinel = sqlite3_column_int64(s, 13);
    rc = rc ? rc
            : wtl_sql_copy(c, s, 14, source->unknown_columns, sizeof source->unknown_columns, err);
    source->imported_ns = sqlite3_column_int64(s, 15);
    return rc;
}

int wtl_campaign_sources(struct wtl_campaign *c, struct wtl_arena *arena,
                         struct wtl_source **sources_out, size_t *n_out, struct wtl_error *err)
{
    static const char sql[] =
        "SELECT id, path, sha256, size_bytes, scope, reader, dialect, rows, rows_dropped,"
        " first_dropped_line, drops, cells, cells_missing, cells_sentinel, unknown_columns,"
        " imported_ns FROM source ORDER BY id";
    int64_t count = 0;
    int rc = wtl_sql_number(c, "SELECT count(*) FROM source", &count, err);
    if (rc < 0)
        return rc;
    struct wtl_source *sources = WTL_NEW_ARRAY(arena, struct wtl_source, (size_t)count);
    if (!sources)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for %" PRId64 " sources", count);
    sqlite3_stmt *s = NULL;
    int result = sqlite3_prepare_v2(c->db, sql, -1, &s, NULL);
    size_t n = 0;
    while (rc == 0 && result == SQLITE_OK && n < (size_t)count) {
        result = sqlite3_step(s);
        if (result != SQLITE_ROW)
            break;
        rc = read_source(c, s, arena, &sources[n++], err);
        result = SQLITE_OK;
    }
    if (rc == 0 && result != SQLITE_OK && result != SQLITE_DONE)
        rc = wtl_sql_fail(c, result, "read", err);
    sqlite3_finalize(s);
    if (rc == 0) {
        *sources_out = sources;
        *n_out = n;
    }
    return rc;
}

static int by_id(const void *key, const void *element)
{
    int64_t a = *(const int64_t *)key;
    int64_t b = ((const struct wtl_source *)element)->id;
    return (a > b) - (a < b);
}

const struct wtl_source *wtl_source_find(const struct wtl_source *sources, size_t n, int64_t id)
{
    return n ? bsearch(&id, sources, n, sizeof *sources, by_id) : NULL;
}

int wtl_campaign_add_timing(struct wtl_campaign *c, int64_t source_id,
                            const struct wtl_timing *timing, struct wtl_error *err)
{
    static const char sql[] =
        "INSERT INTO timing(source_id, run_id, seq, rep, clock_mhz, duration_s, resolution_s,"
        " exit_code, status) VALUES(?,?,?,?,?,?,?,?,?)";
    sqlite3_stmt *s = NULL;
    int rc = wtl_sql_writable(c, err);
    rc = rc ? rc : wtl_sql_statement(c, WTL_SQL_ADD_TIMING, sql, &s, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(s, 1, source_id);
    wtl_sql_bind_text(s, 2, timing->run_id);
    sqlite3_bind_int64(s, 3, timing->seq);
    sqlite3_bind_int(s, 4, timing->rep);
    sqlite3_bind_int(s, 5, timing->clock_mhz);
    if (timing->has_duration)
        sqlite3_bind_double(s, 6, timing->duration_s);
    sqlite3_bind_double(s, 7, timing->resolution_s);
    sqlite3_bind_int(s, 8, timing->exit_code);
    wtl_sql_bind_text(s, 9, wtl_run_status_name(timing->status));
    return wtl_sql_run(c, s, "store a timing in", err);
}

static int read_timing(struct wtl_campaign *c, sqlite3_stmt *s, struct wtl_arena *arena,
                       struct wtl_stored_timing *stored, struct wtl_error *err)
{
    struct wtl_timing *t = &stored->timing;
    t->seq = sqlite3_column_int64(s, 1);
    t->rep = sqlite3_column_int(s, 2);
    t->clock_mhz = sqlite3_column_int(s, 3);
    t->has_duration = sqlite3_column_type(s, 4) != SQLITE_NULL;
    t->duration_s = sqlite3_column_double(s, 4);
    t->resolution_s = sqlite3_column_double(s, 5);
    t->exit_code = sqlite3_column_int(s, 6);
    stored->path = wtl_arena_strdup(arena, wtl_sql_text(s, 8));
    if (!stored->path)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory reading \"%s\"", c->path);
    int rc = wtl_sql_status(c, wtl_sql_text(s, 7), &t->status, err);
    return rc ? rc : wtl_sql_copy(c, s, 0, t->run_id, sizeof t->run_id, err);
}

int wtl_campaign_timings(struct wtl_campaign *c, struct wtl_arena *arena, const char *dir,
                         struct wtl_stored_timing **timings_out, size_t *n_out,
                         struct wtl_error *err)
{
    static const char sql[] =
        "SELECT t.run_id, t.seq, t.rep, t.clock_mhz, t.duration_s, t.resolution_s, t.exit_code,"
        " t.status, s.path FROM timing t JOIN source s ON s.id=t.source_id WHERE s.dir=?1"
        " ORDER BY t.id";
    sqlite3_stmt *s = NULL;
    int rc = wtl_sql_statement(c, WTL_SQL_TIMINGS, sql, &s, err);
    if (rc < 0)
        return rc;
    wtl_sql_bind_text(s, 1, dir);
    struct wtl_stored_timing *items = NULL;
    size_t n = 0;
    size_t cap = 0;
    int result;
    while (rc == 0 && (result = sqlite3_step(s)) != SQLITE_DONE) {
        if (result != SQLITE_ROW)
            rc = wtl_sql_fail(c, result, "read", err);
        else if (wtl_grow(arena, &items, n, &cap) != 0)
            rc = WTL_FAIL(err, WTL_NOMEM, "out of memory reading \"%s\"", c->path);
        else
            rc = read_timing(c, s, arena, &items[n++], err);
    }
    sqlite3_reset(s);
    if (rc == 0) {
        *timings_out = items;
        *n_out = n;
    }
    return rc;
}
