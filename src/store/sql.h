/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of store/ share: the open campaign, prepared statements that are reused, and the
 * translation of SQLite's results into errors of ours. Not for other folders.
 */
#ifndef WTL_STORE_SQL_H
#define WTL_STORE_SQL_H

#include "store/campaign.h"
#include "store/chunk.h"
#include "store/run_columns.h"

#include <sqlite3.h>

/* Every statement that is run more than once, prepared at its first use. */
enum wtl_sql {
    WTL_SQL_BEGIN,
    WTL_SQL_COMMIT,
    WTL_SQL_ROLLBACK,
    WTL_SQL_ADD_SOURCE,
    WTL_SQL_FIND_SOURCE,
    WTL_SQL_ADD_TIMING,
    WTL_SQL_TIMINGS,
    WTL_SQL_ADD_RUN,
    WTL_SQL_UPDATE_RUN,
    WTL_SQL_MOVE_SOURCE,
    WTL_SQL_ADD_CHUNK,
    WTL_SQL_CHUNKS,
    WTL_N_SQL
};

struct wtl_campaign {
    struct wtl_arena arena; /* of this struct */
    sqlite3 *db;
    struct wtl_clock clock;
    char *path;
    bool writable;
    bool in_transaction;
    bool made;                          /* the file was not there before this open */
    bool opened;                        /* `db` can be used */
    bool committed;                     /* something was stored by this open */
    bool has_column[WTL_N_RUN_COLUMNS]; /* the table `run` has that column */
    struct wtl_chunker *chunker;
    sqlite3_stmt *statement[WTL_N_SQL];
};

/* The error behind SQLite's last result on this campaign, as "VERB "PATH": reason". */
int wtl_sql_fail(struct wtl_campaign *c, int result, const char *verb, struct wtl_error *err);

/* Prepares once, then hands out the same statement, reset and without bindings. */
int wtl_sql_statement(struct wtl_campaign *c, enum wtl_sql which, const char *text,
                      sqlite3_stmt **statement_out, struct wtl_error *err);

/* Steps a statement that gives no row, and resets it. */
int wtl_sql_run(struct wtl_campaign *c, sqlite3_stmt *statement, const char *verb,
                struct wtl_error *err);

/* Runs SQL text without parameters. */
int wtl_sql_exec(struct wtl_campaign *c, const char *text, const char *verb, struct wtl_error *err);

/* The first column of the first row as a number; 0 when there is no row. */
int wtl_sql_number(struct wtl_campaign *c, const char *text, int64_t *out, struct wtl_error *err);

/* Refuses writing through a campaign opened for reading. */
int wtl_sql_writable(struct wtl_campaign *c, struct wtl_error *err);

/* A text parameter; the text must outlive the step. NULL is stored as NULL. */
void wtl_sql_bind_text(sqlite3_stmt *statement, int index, const char *text);

/* A text column: "" for NULL. Valid until the next step. */
const char *wtl_sql_text(sqlite3_stmt *statement, int column);

/* Copies a text column into a fixed buffer. -WTL_CORRUPT when it does not fit. */
int wtl_sql_copy(struct wtl_campaign *c, sqlite3_stmt *statement, int column, char *dst,
                 size_t size, struct wtl_error *err);

/* -WTL_CORRUPT: a run has a word of `what` that this program does not know (runs.c). */
int wtl_sql_unknown_word(struct wtl_campaign *c, const char *what, const char *word,
                         struct wtl_error *err);

/* A status by its stored name (runs.c). */
int wtl_sql_status(struct wtl_campaign *c, const char *word, enum wtl_run_status *status_out,
                   struct wtl_error *err);

/* Brings the schema of an open database up to the present version, or refuses (schema.c). */
int wtl_schema_check(struct wtl_campaign *c, enum wtl_campaign_mode mode, struct wtl_error *err);

#endif
