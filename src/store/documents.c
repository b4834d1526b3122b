/* SPDX-License-Identifier: Apache-2.0
 * JSON documents in a campaign, and the fingerprint of its sources. */
#include "store/sql.h"

#include "codec/hash.h"

/* A statement that is used once in a command. */
static int prepare(struct wtl_campaign *c, const char *sql, const char *text1, const char *text2,
                   sqlite3_stmt **s_out, struct wtl_error *err)
{
    int result = sqlite3_prepare_v2(c->db, sql, -1, s_out, NULL);
    if (result != SQLITE_OK)
        return wtl_sql_fail(c, result, "use", err);
    if (text1)
        wtl_sql_bind_text(*s_out, 1, text1);
    if (text2)
        wtl_sql_bind_text(*s_out, 2, text2);
    return 0;
}

int wtl_campaign_put_document(struct wtl_campaign *c, const char *kind, const char *name,
                              const char *json, struct wtl_error *err)
{
    sqlite3_stmt *s = NULL;
    int rc = wtl_sql_writable(c, err);
    rc = rc ? rc
            : prepare(c,
                      "INSERT OR REPLACE INTO document(kind, name, json, stored_ns)"
                      " VALUES(?,?,?,?)",
                      kind, name, &s, err);
    if (rc == 0) {
        wtl_sql_bind_text(s, 3, json);
        sqlite3_bind_int64(s, 4, c->clock.wall_ns(c->clock.ctx));
        rc = wtl_sql_run(c, s, "store a document in", err);
    }
    sqlite3_finalize(s);
    return rc;
}

int wtl_campaign_get_document(struct wtl_campaign *c, struct wtl_arena *arena, const char *kind,
                              const char *name, char **json_out, struct wtl_error *err)
{
    sqlite3_stmt *s = NULL;
    int rc = prepare(c, "SELECT json FROM document WHERE kind=? AND name=?", kind, name, &s, err);
    char *json = NULL;
    int result = rc ? SQLITE_DONE : sqlite3_step(s);
    if (result == SQLITE_ROW) {
        json = wtl_arena_strdup(arena, wtl_sql_text(s, 0));
        if (!json)
            rc = WTL_FAIL(err, WTL_NOMEM, "out of memory");
    } else if (result != SQLITE_DONE) {
        rc = wtl_sql_fail(c, result, "read", err);
    }
    sqlite3_finalize(s);
    if (rc == 0)
        *json_out = json;
    return rc;
}

int wtl_campaign_drop_document(struct wtl_campaign *c, const char *kind, const char *name,
                               bool *dropped_out, struct wtl_error *err)
{
    sqlite3_stmt *s = NULL;
    int rc = wtl_sql_writable(c, err);
    rc = rc ? rc : prepare(c, "DELETE FROM document WHERE kind=? AND name=?", kind, name, &s, err);
    rc = rc ? rc : wtl_sql_run(c, s, "delete a document of", err);
    if (rc == 0)
        *dropped_out = sqlite3_changes(c->db) > 0;
    sqlite3_finalize(s);
    return rc;
}

static int copy_document(sqlite3_stmt *s, struct wtl_arena *arena, struct wtl_stored_document *out,
                         struct wtl_error *err)
{
    *out = (struct wtl_stored_document){.kind = wtl_arena_strdup(arena, wtl_sql_text(s, 0)),
                                        .name = wtl_arena_strdup(arena, wtl_sql_text(s, 1)),
                                        .json = wtl_arena_strdup(arena, wtl_sql_text(s, 2)),
                                        .stored_ns = sqlite3_column_int64(s, 3)};
    return out->kind && out->name && out->json ? 0 : WTL_FAIL(err, WTL_NOMEM, "out of memory");
}

int wtl_campaign_documents(struct wtl_campaign *c, struct wtl_arena *arena, const char *kind,
                           struct wtl_stored_document **documents_out, size_t *n_out,
                           struct wtl_error *err)
{
    sqlite3_stmt *s = NULL;
    int rc = prepare(c,
                     "SELECT kind, name, json, stored_ns FROM document"
                     " WHERE ?1 IS NULL OR kind=?1 ORDER BY kind, name",
                     kind, NULL, &s, err);
    struct wtl_stored_document *documents = NULL;
    size_t n = 0;
    size_t cap = 0;
    int result = SQLITE_DONE;
    while (rc == 0 && (result = sqlite3_step(s)) == SQLITE_ROW) {
        if (wtl_grow(arena, &documents, n, &cap) != 0)
            rc = WTL_FAIL(err, WTL_NOMEM, "out of memory");
        else
            rc = copy_document(s, arena, &documents[n++], err);
    }
    if (rc == 0 && result != SQLITE_DONE)
        rc = wtl_sql_fail(c, result, "read", err);
    sqlite3_finalize(s);
    if (rc == 0) {
        *documents_out = documents;
        *n_out = n;
    }
    return rc;
}

/* Adds the text of the first column of each row. */
static int hash_rows(struct wtl_campaign *c, const char *sql, struct wtl_hash *hash,
                     struct wtl_error *err)
{
    sqlite3_stmt *s = NULL;
    int rc = prepare(c, sql, NULL, NULL, &s, err);
    int result = SQLITE_DONE;
    while (rc == 0 && (result = sqlite3_step(s)) == SQLITE_ROW) {
        const char *line = wtl_sql_text(s, 0);
        rc = wtl_hash_add(hash, line, (size_t)sqlite3_column_bytes(s, 0), err);
    }
    if (rc == 0 && result != SQLITE_DONE)
        rc = wtl_sql_fail(c, result, "read", err);
    sqlite3_finalize(s);
    return rc;
}

/* The hash is over "HEX\n" per source; of a sweep, whose source is its spec, over its runs as well:
 * the same spec measured again is other data, and so is a sweep that went on. */
static int hash_sources(struct wtl_campaign *c, struct wtl_hash *hash, struct wtl_error *err)
{
    static const char sources[] = "SELECT sha256 || char(10) FROM source ORDER BY sha256";
    static const char runs[] =
        "SELECT printf('%d %.17g %.17g %.17g', r.clock_mhz, r.time_s, r.energy_j, r.work_units)"
        " || char(10) FROM run r JOIN source s ON s.id = r.source_id WHERE s.reader = 'sweep'"
        " ORDER BY 1";
    int rc = hash_rows(c, sources, hash, err);
    return rc ? rc : hash_rows(c, runs, hash, err);
}

int wtl_campaign_fingerprint(struct wtl_campaign *c, char hex_out[65], struct wtl_error *err)
{
    struct wtl_hash *hash = NULL;
    int rc = wtl_hash_new(&hash, err);
    rc = rc ? rc : wtl_hash_start(hash, err);
    rc = rc ? rc : hash_sources(c, hash, err);
    rc = rc ? rc : wtl_hash_end(hash, hex_out, err);
    wtl_hash_free(hash);
    return rc;
}
