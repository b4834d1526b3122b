/* SPDX-License-Identifier: Apache-2.0
 *
 * The fields of a run as columns of a table: the names that `wattle export --csv runs` writes, the
 * parsing of one cell into a run, and the writing of one run as a row. What is written reads back
 * the same, judgements apart: those are made anew.
 */
#ifndef WTL_TRACE_RUN_FIELD_H
#define WTL_TRACE_RUN_FIELD_H

#include "base/text.h"
#include "core/run.h"
#include "trace/tabular.h"
#include "trace/when.h"

/* Fields below WTL_N_RUN_METRICS are metrics; these follow. */
enum wtl_run_field {
    WTL_F_GPU = WTL_N_RUN_METRICS,
    WTL_F_WORKLOAD,
    WTL_F_JOB,
    WTL_F_DEVICE,
    WTL_F_SEQ,
    WTL_F_REP,
    WTL_F_REP_FROM_0, /* counts repetitions from 0 */
    WTL_F_CLOCK,
    WTL_F_MEM_CLOCK,
    WTL_F_START,
    WTL_F_MODE,
    WTL_F_STATUS,
    WTL_F_STATED_CAUSES, /* names joined by '+' */
    WTL_F_STATED_REASON,
    WTL_F_VARIANT, /* of the operating point; the other settings are from WTL_F_SETTING on */
    WTL_F_WINDOW,
    WTL_F_UNIT,
    WTL_F_ENERGY_METHOD,
    WTL_F_ENERGY_CLASS,    /* a letter */
    WTL_F_ENERGY_TROUBLES, /* names joined by '+' */
    WTL_F_SETTING,         /* + enum wtl_setting */
    WTL_F_PATH =
        WTL_F_SETTING + (int)WTL_N_SETTINGS, /* a path whose name tells what other columns do not */
    WTL_F_EXIT_CODE,                         /* 0: success */
    WTL_N_RUN_FIELDS,
};

/* The name of a field in our own tables ("gpu", "clock_mhz", "power_mean_w"). */
const char *wtl_run_field_name(int field);

/* WTL_N_RUN_FIELDS when there is none of that name. */
int wtl_run_field_by_name(const char *name);

/* The unit of its values; NONE for text. */
enum wtl_unit wtl_run_field_unit(int field);

enum wtl_cell_result {
    WTL_CELL_SET,
    WTL_CELL_MISSING, /* no value: the run is as before */
    WTL_CELL_BAD,     /* text that is no such value: the run is as before */
};

/* How a cell becomes a value: number * factor + offset in base units. */
struct wtl_cell_rule {
    int field;
    double factor;
    double offset;
    bool comma;                   /* decimal comma */
    enum wtl_time_form time_form; /* START */
};

/* Stores one cell. Shares (`gpu_util` ...) outside 0..1, counts and clocks below 0 are BAD. */
enum wtl_cell_result wtl_run_field_set(struct wtl_run *run, const struct wtl_cell_rule *rule,
                                       struct wtl_view cell);

/* time_s, energy_j and power_w are what runs/ chooses from the sources of a run. Where a table has
 * no sources they are the measured values: the source that such a column then is, or the field
 * itself. A table that says how energies were measured has whole measurements: nothing is chosen.
 */
int wtl_run_field_as_source(int field, bool (*has)(const void *ctx, int field), const void *ctx);

/* What was expected of a BAD cell: "a number", "success, failed, timeout or unknown". */
const char *wtl_run_field_expected(int field);

/* Our own table. The header has every field but PATH and REP_FROM_0, then `causes` (names joined
 * by '+') and `reason`, which are not read back. */
void wtl_runs_csv_header(struct wtl_buf *out);
void wtl_runs_csv_row(struct wtl_buf *out, const struct wtl_run *run);

#endif
