/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs, measurements and plans as CSV tables for other programs. The runs table and the table of
 * measurements are read back by `wattle import`.
 */
#ifndef WTL_FLOW_EXPORT_H
#define WTL_FLOW_EXPORT_H

#include "base/text.h"
#include "core/measurement.h"
#include "flow/flow.h"
#include "store/plan_file.h"

/* One run a row, in the columns of trace/run_field.h: every metric, the judgement last. */
void wtl_export_runs(const struct wtl_workset *sets, size_t n, struct wtl_buf *out);

/* One clock of a workload a row: first the 29 columns of the published aggregate table, in its
 * order and units (activities and utilisations in percent), then rate_per_s, num_runs,
 * num_rejected, and for execution_time and energy _lo _hi _cv. avg_power is energy over
 * execution_time; the other columns are means over the accepted runs, empty where none has the
 * value. `run` is always empty; job_id and result_dir are empty where the runs are of several,
 * result_dir also where they come from a table. Clocks without an accepted run have no row and are
 * counted in *left_out. */
int wtl_export_measurements(struct wtl_campaign *c, const struct wtl_workset *sets, size_t n,
                            struct wtl_buf *out, int *left_out, struct wtl_error *err);

/* One plan a row. Percentages are signed as in the published tables: energy_savings_percent is
 * positive for less energy, time_penalty_percent positive for slower. Figures that a plan does not
 * have are empty. tied_frequencies is joined by blanks. */
void wtl_export_plans(const struct wtl_plan_file *file, struct wtl_buf *out);

enum { WTL_EXPORT_BYTES_MAX = 1 << 30 }; /* two million runs of half a kilobyte */

/* ---- A whole table ----------------------------------------------------------------------------*/

enum wtl_export_table { WTL_EXPORT_RUNS, WTL_EXPORT_MEASUREMENTS, WTL_EXPORT_PLANS };

/* "runs", "measurements", "plans". -WTL_USAGE names them. */
int wtl_export_table_parse(const char *text, enum wtl_export_table *out, struct wtl_error *err);

/* The table as CSV, appended. Plans are those of `plans`; where that is NULL, `campaign` is a PLAN
 * file, or a campaign whose plans are made as `wattle optimize` makes them without further options.
 */
struct wtl_export_request {
    enum wtl_export_table table;
    const char *campaign;              /* path; unused with `plans` */
    const struct wtl_plan_file *plans; /* only for WTL_EXPORT_PLANS; NULL: none */
    struct wtl_run_filter filter;      /* of a campaign */
};
int wtl_flow_export(const struct wtl_flow *flow, const struct wtl_export_request *request,
                    struct wtl_buf *out, struct wtl_error *err);

/* What was written where, as JSON. NULL: out of memory. */
json_t *wtl_export_json(const char *file, enum wtl_export_table table, const struct wtl_buf *csv);

#endif
