/* SPDX-License-Identifier: Apache-2.0
 * Samples kept inside the campaign, a chunk a row. */
#include "store/sql.h"

static int need_chunker(struct wtl_campaign *c, struct wtl_error *err)
{
    return c->chunker ? 0 : wtl_chunker_new(&c->chunker, err);
}

int wtl_campaign_add_chunk(struct wtl_campaign *c, int64_t run_id, const void *chunk, size_t size,
                           struct wtl_error *err)
{
    sqlite3_stmt *s = NULL;
    int rc = wtl_sql_writable(c, err);
    rc = rc ? rc
            : wtl_sql_statement(c, WTL_SQL_ADD_CHUNK,
                                "INSERT INTO sample(run_id, chunk) VALUES(?,?)", &s, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(s, 1, run_id);
    sqlite3_bind_blob64(s, 2, chunk, size, SQLITE_STATIC);
    return wtl_sql_run(c, s, "store samples in", err);
}

int wtl_campaign_add_samples(struct wtl_campaign *c, int64_t run_id, const struct wtl_batch *batch,
                             struct wtl_error *err)
{
    WTL_ARENA(arena);
    void *chunk = NULL;
    size_t size = 0;
    int rc = need_chunker(c, err);
    rc = rc ? rc : wtl_chunk_pack(c->chunker, &arena, batch, &chunk, &size, err);
    return rc ? rc : wtl_campaign_add_chunk(c, run_id, chunk, size, err);
}

int wtl_campaign_samples(struct wtl_campaign *c, int64_t run_id,
                         int (*fn)(void *ctx, const struct wtl_batch *batch, struct wtl_error *err),
                         void *ctx, struct wtl_error *err)
{
    WTL_ARENA(arena);
    sqlite3_stmt *s = NULL;
    int rc = need_chunker(c, err);
    rc = rc ? rc
            : wtl_sql_statement(c, WTL_SQL_CHUNKS,
                                "SELECT chunk FROM sample WHERE run_id=? ORDER BY id", &s, err);
    if (rc < 0)
        return rc;
    struct wtl_batch *batch = WTL_NEW(&arena, struct wtl_batch);
    if (!batch)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    sqlite3_bind_int64(s, 1, run_id);
    int result;
    while (rc == 0 && (result = sqlite3_step(s)) != SQLITE_DONE) {
        if (result != SQLITE_ROW) {
            rc = wtl_sql_fail(c, result, "read", err);
            break;
        }
        rc = wtl_chunk_unpack(c->chunker, sqlite3_column_blob(s, 0),
                              (size_t)sqlite3_column_bytes(s, 0), batch, err);
        if (rc < 0)
            wtl_error_context(err, "campaign \"%s\"", c->path);
        else
            rc = fn(ctx, batch, err);
    }
    sqlite3_reset(s);
    return rc;
}
