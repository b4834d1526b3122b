/* SPDX-License-Identifier: Apache-2.0
 * Opening, closing and transactions of a campaign. */
#include "store/sql.h"

#include "base/file.h"
#include "base/text.h"
#include "core/gpu_name.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BUSY_TIMEOUT_MS = 500, /* a commit of ours takes tens of milliseconds */
    CACHE_KIB = 16384,     /* a campaign of 4120 runs is 4 MiB: no spill before commit */
};

/* fold(text) in SQL: the key under which spellings of one name meet. */
static void sql_fold(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    (void)argc;
    char folded[WTL_LIMIT_NAME];
    const unsigned char *text = sqlite3_value_text(argv[0]);
    wtl_fold_name(text ? (const char *)text : "", folded, sizeof folded);
    sqlite3_result_text(context, folded, -1, SQLITE_TRANSIENT);
}

/* model(device) in SQL. */
static void sql_model(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    (void)argc;
    char model[WTL_LIMIT_NAME];
    const unsigned char *text = sqlite3_value_text(argv[0]);
    wtl_gpu_model(text ? (const char *)text : "", model, sizeof model);
    sqlite3_result_text(context, model, -1, SQLITE_TRANSIENT);
}

/* Campaigns come from other people: their SQL (triggers, views) is not to be trusted. */
static int configure(struct wtl_campaign *c, struct wtl_error *err)
{
    sqlite3_extended_result_codes(c->db, 1);
    sqlite3_busy_timeout(c->db, BUSY_TIMEOUT_MS);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    int result = sqlite3_create_function(c->db, "fold", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL,
                                         sql_fold, NULL, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_create_function(c->db, "model", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
                                         NULL, sql_model, NULL, NULL);
    if (result != SQLITE_OK)
        return wtl_sql_fail(c, result, "open", err);
    char pragmas[240];
    snprintf(pragmas, sizeof pragmas,
             "PRAGMA foreign_keys=1; PRAGMA cell_size_check=1; PRAGMA cache_size=-%d;"
             "PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY; PRAGMA %s;",
             CACHE_KIB, c->writable ? "journal_mode=DELETE" : "query_only=1");
    return wtl_sql_exec(c, pragmas, "open", err);
}

static const char beside[] = "the directory must be writable: a journal is kept beside the file";

/* Said by us: SQLite falls back to opening for reading, and reports that as "no such file". */
static int check_directory(struct wtl_campaign *c, struct wtl_error *err)
{
    size_t n = (size_t)(wtl_path_base(c->path) - c->path);
    char *dir = n ? wtl_arena_strndup(&c->arena, c->path, n) : wtl_arena_strdup(&c->arena, ".");
    if (!dir)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory opening \"%s\"", c->path);
    if (access(dir, W_OK | X_OK) == 0)
        return 0;
    int rc = wtl_fail_errno(err, errno, "make a campaign in", dir);
    if (rc == -WTL_PERMISSION)
        wtl_error_hint(err, "%s", beside);
    return rc;
}

/* What the file is before SQLite touches it. */
static int look_at(struct wtl_campaign *c, enum wtl_campaign_mode mode, struct wtl_error *err)
{
    struct stat st;
    if (stat(c->path, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            return wtl_fail_errno(err, EISDIR, "open campaign", c->path);
        if (mode != WTL_CAMPAIGN_READ && access(c->path, W_OK) != 0) {
            int rc = wtl_fail_errno(err, errno, "write campaign", c->path);
            wtl_error_hint(err, "make it writable, or copy it and write to the copy");
            return rc;
        }
        return 0;
    }
    if (errno != ENOENT || mode != WTL_CAMPAIGN_CREATE) {
        int rc = wtl_fail_errno(err, errno, "open campaign", c->path);
        if (rc == -WTL_NOTFOUND)
            wtl_error_hint(err, "make it with `wattle import PATH... -o %s`", c->path);
        return rc;
    }
    c->made = true;
    return check_directory(c, err);
}

static int open_file(struct wtl_campaign *c, enum wtl_campaign_mode mode, struct wtl_error *err)
{
    int rc = look_at(c, mode, err);
    if (rc < 0)
        return rc;
    /* A reader, too, must be able to undo what a killed writer left: SQLite falls back to reading
     * only where the file cannot be written, and query_only does the rest. */
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    if (mode == WTL_CAMPAIGN_CREATE)
        flags |= SQLITE_OPEN_CREATE;
    int result = sqlite3_open_v2(c->path, &c->db, flags, NULL);
    if (result != SQLITE_OK)
        return wtl_sql_fail(c, result, "open campaign", err);
    c->opened = true;
    rc = configure(c, err);
    return rc ? rc : wtl_schema_check(c, mode, err);
}

int wtl_campaign_open(const char *path, enum wtl_campaign_mode mode, struct wtl_clock clock,
                      struct wtl_campaign **campaign_out, struct wtl_error *err)
{
    struct wtl_arena arena;
    wtl_arena_init(&arena, wtl_alloc_system());
    struct wtl_campaign *c = WTL_NEW(&arena, struct wtl_campaign);
    char *copy = wtl_arena_strdup(&arena, path);
    if (!c || !copy) {
        wtl_arena_fini(&arena);
        return WTL_FAIL(err, WTL_NOMEM, "out of memory opening \"%s\"", path);
    }
    *c = (struct wtl_campaign){
        .clock = clock, .path = copy, .writable = mode != WTL_CAMPAIGN_READ, .arena = arena};
    int rc = open_file(c, mode, err);
    if (rc < 0)
        wtl_campaign_close(c);
    else
        *campaign_out = c;
    return rc;
}

int wtl_campaign_detect(const char *path, bool *is_out, struct wtl_error *err)
{
    static const char magic[16] = "SQLite format 3";
    char head[sizeof magic] = {0};
    FILE *f = fopen(path, "rbe");
    if (!f)
        return wtl_fail_errno(err, errno, "open", path);
    size_t n = fread(head, 1, sizeof head, f);
    bool failed = ferror(f) != 0;
    (void)fclose(f);
    if (failed)
        return WTL_FAIL(err, WTL_IO, "cannot read \"%s\"", path);
    *is_out = n == sizeof head && memcmp(head, magic, sizeof magic) == 0;
    return 0;
}

static void finalize_all(struct wtl_campaign *c)
{
    for (int i = 0; i < WTL_N_SQL; i++) {
        sqlite3_finalize(c->statement[i]);
        c->statement[i] = NULL;
    }
}

/* Removes the file that this open made, unless somebody stored something in it meanwhile: the
 * exclusive lock keeps others out while we look. */
static void remove_if_unused(struct wtl_campaign *c)
{
    if (!c->made || c->committed)
        return;
    int64_t used = 1;
    struct stat st;
    int locked = c->opened ? wtl_sql_exec(c, "BEGIN EXCLUSIVE", "lock", NULL) : -(int)WTL_NOMEM;
    if (locked < 0) {
        /* SQLite makes the file before it runs out of memory. */
        if (locked == -(int)WTL_NOMEM && stat(c->path, &st) == 0 && st.st_size == 0)
            unlink(c->path);
        return;
    }
    static const char count[] =
        "SELECT (SELECT count(*) FROM sqlite_master WHERE name='source') > 0";
    int rc = wtl_sql_number(c, count, &used, NULL);
    if (rc == 0 && used)
        rc = wtl_sql_number(c,
                            "SELECT (SELECT count(*) FROM source) + (SELECT count(*) FROM run)"
                            " + (SELECT count(*) FROM document)",
                            &used, NULL);
    if (rc == 0 && used == 0)
        unlink(c->path);
    (void)wtl_sql_exec(c, "ROLLBACK", "unlock", NULL);
}

void wtl_campaign_close(struct wtl_campaign *c)
{
    if (!c)
        return;
    wtl_campaign_rollback(c);
    finalize_all(c);
    remove_if_unused(c);
    sqlite3_close(c->db);
    wtl_chunker_free(c->chunker);
    struct wtl_arena arena = c->arena; /* c itself lives in it */
    wtl_arena_fini(&arena);
}

const char *wtl_campaign_path(const struct wtl_campaign *c)
{
    return c->path;
}

static int simple(struct wtl_campaign *c, enum wtl_sql which, const char *text, const char *verb,
                  struct wtl_error *err)
{
    sqlite3_stmt *s = NULL;
    int rc = wtl_sql_statement(c, which, text, &s, err);
    return rc ? rc : wtl_sql_run(c, s, verb, err);
}

int wtl_campaign_begin(struct wtl_campaign *c, struct wtl_error *err)
{
    int rc = wtl_sql_writable(c, err);
    if (rc < 0)
        return rc;
    if (c->in_transaction)
        return WTL_FAIL(err, WTL_USAGE, "a transaction is open on \"%s\"", c->path);
    bool committed = c->committed;
    rc = simple(c, WTL_SQL_BEGIN, "BEGIN IMMEDIATE", "write", err);
    c->committed = committed;
    c->in_transaction = rc == 0;
    return rc;
}

int wtl_campaign_commit(struct wtl_campaign *c, struct wtl_error *err)
{
    if (!c->in_transaction)
        return WTL_FAIL(err, WTL_USAGE, "no transaction is open on \"%s\"", c->path);
    int rc = simple(c, WTL_SQL_COMMIT, "COMMIT", "write", err);
    if (rc < 0)
        wtl_campaign_rollback(c);
    c->in_transaction = false;
    c->committed = c->committed || rc == 0;
    return rc;
}

void wtl_campaign_rollback(struct wtl_campaign *c)
{
    if (!c->in_transaction)
        return;
    /* SQLite may have rolled back on its own (disk full); then this fails, and that is right. */
    if (!sqlite3_get_autocommit(c->db))
        (void)simple(c, WTL_SQL_ROLLBACK, "ROLLBACK", "undo changes of", NULL);
    c->in_transaction = false;
}
