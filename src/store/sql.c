/* SPDX-License-Identifier: Apache-2.0
 * Statements and errors. Knows SQLite, and nothing of what is stored. */
#include "store/sql.h"

#include "base/file.h"

#include <errno.h>
#include <string.h>

static enum wtl_code code_of(int result)
{
    switch (result & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return WTL_BUSY;
    case SQLITE_NOMEM:
        return WTL_NOMEM;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
        return WTL_PERMISSION;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return WTL_CORRUPT;
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        return WTL_IO;
    case SQLITE_TOOBIG:
        return WTL_LIMIT;
    default:
        return WTL_FAILED;
    }
}

static const char *hint_of(enum wtl_code code, int result)
{
    if (result == SQLITE_READONLY_ROLLBACK)
        return "an interrupted import must be undone first: open it once with write permission";
    if ((result & 0xff) == SQLITE_NOTADB)
        return "a trace or table is imported first: wattle import FILE -o CAMPAIGN; a plan or a "
               "predictor is no campaign; a damaged campaign is restored from a copy";
    switch ((int)code) {
    case WTL_BUSY:
        return "another process is using it; wait for it to end and run the same command again";
    case WTL_PERMISSION:
        return "the file and its directory must be writable (a journal is kept beside the file)";
    case WTL_CORRUPT:
        return "restore the file from a copy, or import the traces again into a new campaign";
    case WTL_IO:
        return "the disk may be full or failing; nothing stored before was lost";
    default:
        return "";
    }
}

/* SQLite says "unable to open" for whatever open(2) said; the system's word is better. */
static int fail_by_system(struct wtl_campaign *c, int result, const char *verb,
                          struct wtl_error *err)
{
    int why = sqlite3_system_errno(c->db);
    bool tells = (result & 0xff) == SQLITE_CANTOPEN && why != 0 && why != EINVAL;
    int rc = tells ? wtl_fail_errno(err, why, verb, c->path) : 0;
    if (rc == -WTL_PERMISSION)
        wtl_error_hint(err, "%s", hint_of(WTL_PERMISSION, result));
    return rc;
}

int wtl_sql_fail(struct wtl_campaign *c, int result, const char *verb, struct wtl_error *err)
{
    int extended = c->db ? sqlite3_extended_errcode(c->db) : result;
    if ((extended & 0xff) != (result & 0xff))
        extended = result;
    int rc = c->db ? fail_by_system(c, extended, verb, err) : 0;
    if (rc != 0)
        return rc;
    enum wtl_code code = code_of(extended);
    const char *why = c->db && (sqlite3_errcode(c->db) & 0xff) == (result & 0xff)
                          ? sqlite3_errmsg(c->db)
                          : sqlite3_errstr(result);
    rc = WTL_FAIL(err, code, "cannot %s \"%s\": %s", verb, c->path, why);
    const char *hint = hint_of(code, extended);
    if (hint[0])
        wtl_error_hint(err, "%s", hint);
    return rc;
}

int wtl_sql_statement(struct wtl_campaign *c, enum wtl_sql which, const char *text,
                      sqlite3_stmt **statement_out, struct wtl_error *err)
{
    sqlite3_stmt *s = c->statement[which];
    if (s) {
        sqlite3_reset(s);
        sqlite3_clear_bindings(s);
    } else {
        int result = sqlite3_prepare_v3(c->db, text, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL);
        if (result != SQLITE_OK)
            return wtl_sql_fail(c, result, "use", err);
        c->statement[which] = s;
    }
    *statement_out = s;
    return 0;
}

int wtl_sql_run(struct wtl_campaign *c, sqlite3_stmt *statement, const char *verb,
                struct wtl_error *err)
{
    int result = sqlite3_step(statement);
    int rc = result == SQLITE_DONE ? 0 : wtl_sql_fail(c, result, verb, err);
    sqlite3_reset(statement);
    if (rc == 0 && !sqlite3_stmt_readonly(statement) && !c->in_transaction)
        c->committed = true;
    return rc;
}

int wtl_sql_exec(struct wtl_campaign *c, const char *text, const char *verb, struct wtl_error *err)
{
    int result = sqlite3_exec(c->db, text, NULL, NULL, NULL);
    return result == SQLITE_OK ? 0 : wtl_sql_fail(c, result, verb, err);
}

int wtl_sql_number(struct wtl_campaign *c, const char *text, int64_t *out, struct wtl_error *err)
{
    sqlite3_stmt *s = NULL;
    int result = sqlite3_prepare_v2(c->db, text, -1, &s, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_step(s);
    int rc = 0;
    if (result == SQLITE_ROW)
        *out = sqlite3_column_int64(s, 0);
    else if (result == SQLITE_DONE)
        *out = 0;
    else
        rc = wtl_sql_fail(c, result, "read", err);
    sqlite3_finalize(s);
    return rc;
}

int wtl_sql_writable(struct wtl_campaign *c, struct wtl_error *err)
{
    if (c->writable)
        return 0;
    return WTL_FAIL(err, WTL_PERMISSION, "campaign \"%s\" is open for reading only", c->path);
}

void wtl_sql_bind_text(sqlite3_stmt *statement, int index, const char *text)
{
    if (text)
        sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
    else
        sqlite3_bind_null(statement, index);
}

const char *wtl_sql_text(sqlite3_stmt *statement, int column)
{
    const unsigned char *text = sqlite3_column_text(statement, column);
    return text ? (const char *)text : "";
}

int wtl_sql_copy(struct wtl_campaign *c, sqlite3_stmt *statement, int column, char *dst,
                 size_t size, struct wtl_error *err)
{
    const char *text = wtl_sql_text(statement, column);
    size_t n = strlen(text);
    if (n >= size)
        return WTL_FAIL(err, WTL_CORRUPT, "campaign \"%s\": column %s holds %zu bytes, at most %zu",
                        c->path, sqlite3_column_name(statement, column), n, size - 1);
    memcpy(dst, text, n + 1);
    return 0;
}
