/* SPDX-License-Identifier: Apache-2.0
 *
 * The columns of the table `run` that came after its first: one a metric (WTL_RUN_METRICS), one a
 * setting of the operating point (WTL_SETTINGS), and what says how work and energy were measured. A
 * campaign that lacks one reads as "not known" and gets it from its first writer; programs that
 * do not know one leave it alone. Internal to store/.
 */
#ifndef WTL_STORE_RUN_COLUMNS_H
#define WTL_STORE_RUN_COLUMNS_H

#include "core/run.h"

#include <sqlite3.h>

struct wtl_campaign;

/* Those beside metrics and settings. X(name, SQL type, description) */
#define WTL_RUN_FACTS(X)                                                                           \
    X(variant, "TEXT", "variant of the model")                                                     \
    X(window, "INTEGER", "1: a window of a workload that goes on before and after it")             \
    X(unit, "TEXT", "what work_units counts: images, tokens, requests")                            \
    X(energy_method, "TEXT", "how energy_j was come by")                                           \
    X(energy_class, "TEXT", "how far absolute joules can be off: A counter .. D estimate")         \
    X(energy_troubles, "TEXT", "what was wrong while energy_j was measured, joined by ','")

enum wtl_run_fact {
#define X(name, type, text) WTL_FACT_##name,
    WTL_RUN_FACTS(X)
#undef X
        WTL_N_FACTS
};

/* Metrics first, then settings, then facts. */
enum {
    WTL_FIRST_SETTING_COLUMN = (int)WTL_N_RUN_METRICS,
    WTL_FIRST_FACT_COLUMN = WTL_FIRST_SETTING_COLUMN + (int)WTL_N_SETTINGS,
    WTL_N_RUN_COLUMNS = WTL_FIRST_FACT_COLUMN + (int)WTL_N_FACTS,
};

struct wtl_run_column {
    const char *name, *type, *unit, *description;
};
struct wtl_run_column wtl_run_column(int column);
int wtl_run_column_by_name(const char *name); /* WTL_N_RUN_COLUMNS: unknown */

/* Texts of a run that SQLite reads while the statement is stepped. */
struct wtl_run_words {
    char class[2];
    char troubles[120];
};

/* Binds column c as parameter `first` + c; what is not known stays unbound (NULL). `run` and
 * `words` must outlive the step. */
void wtl_run_columns_bind(sqlite3_stmt *s, int first, const struct wtl_run *run,
                          struct wtl_run_words *words);

/* The reverse, from result columns. -WTL_CORRUPT names the word that is unknown. */
int wtl_run_columns_read(struct wtl_campaign *c, sqlite3_stmt *s, int first, struct wtl_run *run,
                         struct wtl_error *err);

#endif
