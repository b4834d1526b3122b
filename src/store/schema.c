/* SPDX-License-Identifier: Apache-2.0
 * The tables of a campaign, their version, and how an older file is brought up to date. */
#include "store/sql.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    APPLICATION_ID = 0x57746C31, /* "Wtl1", shown by file(1) */
    SCHEMA_VERSION = 1,
};

static const char tables[] =
    "CREATE TABLE source("
    " id INTEGER PRIMARY KEY, path TEXT NOT NULL, dir TEXT NOT NULL, sha256 TEXT NOT NULL,"
    " size_bytes INTEGER NOT NULL, scope TEXT NOT NULL, reader TEXT NOT NULL,"
    " dialect TEXT NOT NULL, rows INTEGER NOT NULL, rows_dropped INTEGER NOT NULL,"
    " first_dropped_line INTEGER NOT NULL, drops TEXT NOT NULL, cells INTEGER NOT NULL,"
    " cells_missing INTEGER NOT NULL, cells_sentinel INTEGER NOT NULL,"
    " unknown_columns TEXT NOT NULL, imported_ns INTEGER NOT NULL);"
    "CREATE UNIQUE INDEX source_identity ON source(sha256, size_bytes, scope);"
    "CREATE INDEX source_dir ON source(dir);"
    "CREATE TABLE timing("
    " id INTEGER PRIMARY KEY, source_id INTEGER NOT NULL REFERENCES source(id), run_id TEXT,"
    " seq INTEGER, rep INTEGER, clock_mhz INTEGER, duration_s REAL, resolution_s REAL,"
    " exit_code INTEGER, status TEXT);"
    "CREATE INDEX timing_source ON timing(source_id);"
    "CREATE TABLE sample("
    " id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES run(id), chunk BLOB NOT NULL);"
    "CREATE INDEX sample_run ON sample(run_id);"
    "CREATE TABLE document("
    " kind TEXT NOT NULL, name TEXT NOT NULL, json TEXT NOT NULL, stored_ns INTEGER NOT NULL,"
    " PRIMARY KEY(kind, name)) WITHOUT ROWID;"
    "CREATE TABLE metric(name TEXT PRIMARY KEY, unit TEXT NOT NULL, description TEXT NOT NULL)"
    " WITHOUT ROWID;";

static const char run_table[] =
    "CREATE TABLE run("
    " id INTEGER PRIMARY KEY, source_id INTEGER REFERENCES source(id), stream INTEGER NOT NULL,"
    " gpu TEXT NOT NULL, workload TEXT NOT NULL, job TEXT, device TEXT, rep INTEGER, seq INTEGER,"
    " clock_mhz INTEGER, mem_clock_mhz INTEGER, start_ns INTEGER, mode TEXT NOT NULL,"
    " status TEXT NOT NULL, stated_causes TEXT, stated_reason TEXT";

static int create_tables(struct wtl_campaign *c, struct wtl_error *err)
{
    struct wtl_buf sql;
    wtl_buf_init(&sql, wtl_alloc_system(), 1 << 20);
    wtl_buf_puts(&sql, tables);
    wtl_buf_puts(&sql, run_table);
    for (int i = 0; i < WTL_N_RUN_COLUMNS; i++)
        wtl_buf_printf(&sql, ", %s %s", wtl_run_column(i).name, wtl_run_column(i).type);
    wtl_buf_puts(&sql, ");CREATE INDEX run_source ON run(source_id);");
    wtl_buf_printf(&sql, "PRAGMA application_id=%d; PRAGMA user_version=%d;", APPLICATION_ID,
                   SCHEMA_VERSION);
    int rc = sql.failed ? WTL_FAIL(err, WTL_NOMEM, "out of memory")
                        : wtl_sql_exec(c, sql.data, "create", err);
    wtl_buf_fini(&sql);
    return rc;
}

/* The campaign says itself what its columns mean. */
static int describe_columns(struct wtl_campaign *c, struct wtl_error *err)
{
    sqlite3_stmt *s = NULL;
    int result =
        sqlite3_prepare_v2(c->db, "INSERT OR REPLACE INTO metric VALUES(?,?,?)", -1, &s, NULL);
    if (result != SQLITE_OK)
        return wtl_sql_fail(c, result, "write", err);
    int rc = 0;
    for (int i = 0; rc == 0 && i < WTL_N_RUN_COLUMNS; i++) {
        struct wtl_run_column column = wtl_run_column(i);
        wtl_sql_bind_text(s, 1, column.name);
        wtl_sql_bind_text(s, 2, column.unit);
        wtl_sql_bind_text(s, 3, column.description);
        result = sqlite3_step(s);
        rc = result == SQLITE_DONE ? 0 : wtl_sql_fail(c, result, "write", err);
        sqlite3_reset(s);
    }
    sqlite3_finalize(s);
    return rc;
}

static int find_columns(struct wtl_campaign *c, struct wtl_error *err)
{
    sqlite3_stmt *s = NULL;
    int result =
        sqlite3_prepare_v2(c->db, "SELECT name FROM pragma_table_info('run')", -1, &s, NULL);
    bool found[WTL_N_RUN_COLUMNS] = {false};
    while (result == SQLITE_OK && (result = sqlite3_step(s)) == SQLITE_ROW) {
        int i = wtl_run_column_by_name(wtl_sql_text(s, 0));
        if (i < WTL_N_RUN_COLUMNS)
            found[i] = true;
        result = SQLITE_OK;
    }
    int rc = result == SQLITE_DONE ? 0 : wtl_sql_fail(c, result, "read", err);
    sqlite3_finalize(s);
    if (rc == 0)
        memcpy(c->has_column, found, sizeof found);
    return rc;
}

static bool lacks_columns(const struct wtl_campaign *c)
{
    for (int i = 0; i < WTL_N_RUN_COLUMNS; i++)
        if (!c->has_column[i])
            return true;
    return false;
}

static int add_columns(struct wtl_campaign *c, struct wtl_error *err)
{
    int rc = 0;
    for (int i = 0; rc == 0 && i < WTL_N_RUN_COLUMNS; i++) {
        if (c->has_column[i])
            continue;
        char sql[160];
        snprintf(sql, sizeof sql, "ALTER TABLE run ADD COLUMN %s %s", wtl_run_column(i).name,
                 wtl_run_column(i).type);
        rc = wtl_sql_exec(c, sql, "bring up to date", err);
    }
    return rc ? rc : describe_columns(c, err);
}

/* `change` in a transaction of its own, unless another process was faster. */
static int change_schema(struct wtl_campaign *c, const char *unless,
                         int (*change)(struct wtl_campaign *c, struct wtl_error *err),
                         struct wtl_error *err)
{
    int rc = wtl_sql_exec(c, "BEGIN IMMEDIATE", "write", err);
    if (rc < 0)
        return rc;
    int64_t done = 0;
    rc = wtl_sql_number(c, unless, &done, err);
    if (rc == 0 && !done)
        rc = change(c, err);
    if (rc == 0)
        rc = wtl_sql_exec(c, "COMMIT", "write", err);
    if (rc < 0)
        (void)wtl_sql_exec(c, "ROLLBACK", "write", NULL);
    return rc;
}

static int create(struct wtl_campaign *c, struct wtl_error *err)
{
    int rc = create_tables(c, err);
    return rc ? rc : describe_columns(c, err);
}

static int refuse(struct wtl_campaign *c, int64_t version, int64_t application,
                  struct wtl_error *err)
{
    int rc;
    if (application != APPLICATION_ID) {
        rc = WTL_FAIL(err, WTL_CORRUPT, "\"%s\" is an SQLite file, but not a campaign", c->path);
        wtl_error_hint(err, "name the campaign with -o, and traces as PATHs");
    } else if (version > SCHEMA_VERSION) {
        rc = WTL_FAIL(err, WTL_CORRUPT,
                      "campaign \"%s\" has version %" PRId64 ", this wattle knows up to %d",
                      c->path, version, SCHEMA_VERSION);
        wtl_error_hint(err, "use the newer wattle that wrote it");
    } else {
        rc = WTL_FAIL(err, WTL_CORRUPT, "campaign \"%s\" has the impossible version %" PRId64,
                      c->path, version);
        wtl_error_hint(err, "restore the file from a copy, or import the traces again");
    }
    return rc;
}

/* Damage in the list of tables shows here rather than in the middle of a command. */
static int check_tables(struct wtl_campaign *c, struct wtl_error *err)
{
    int64_t n = 0;
    int rc = wtl_sql_number(c,
                            "SELECT count(*) FROM sqlite_master WHERE type='table' AND name IN"
                            "('source','timing','run','sample','document','metric')",
                            &n, err);
    if (rc == 0 && n != 6) {
        rc = WTL_FAIL(err, WTL_CORRUPT, "campaign \"%s\" lacks tables that its version has",
                      c->path);
        wtl_error_hint(err, "restore the file from a copy, or import the traces again");
    }
    return rc;
}

int wtl_schema_check(struct wtl_campaign *c, enum wtl_campaign_mode mode, struct wtl_error *err)
{
    int64_t version = 0;
    int64_t application = 0;
    int64_t n_tables = 0;
    int rc = wtl_sql_number(c, "SELECT count(*) FROM sqlite_master", &n_tables, err);
    rc = rc ? rc : wtl_sql_number(c, "PRAGMA user_version", &version, err);
    rc = rc ? rc : wtl_sql_number(c, "PRAGMA application_id", &application, err);
    if (rc < 0)
        return rc;
    bool empty = version == 0 && application == 0 && n_tables == 0;
    if (empty && mode != WTL_CAMPAIGN_CREATE) {
        rc = WTL_FAIL(err, WTL_CORRUPT, "\"%s\" is empty, not a campaign", c->path);
        wtl_error_hint(err, "fill it with `wattle import PATH... -o %s`", c->path);
        return rc;
    }
    if (empty)
        rc = change_schema(c, "PRAGMA user_version", create, err);
    else if (application != APPLICATION_ID || version != SCHEMA_VERSION)
        rc = refuse(c, version, application, err);
    rc = rc ? rc : check_tables(c, err);
    rc = rc ? rc : find_columns(c, err);
    if (rc == 0 && c->writable && lacks_columns(c)) {
        rc = change_schema(c, "SELECT 0", add_columns, err);
        rc = rc ? rc : find_columns(c, err);
    }
    return rc;
}
