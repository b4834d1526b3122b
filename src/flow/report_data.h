/* SPDX-License-Identifier: Apache-2.0
 * What the report computes or reads for its figures. For the folder flow/ only. */
#ifndef WTL_FLOW_REPORT_DATA_H
#define WTL_FLOW_REPORT_DATA_H

#include "flow/report.h"
#include "report/report.h"

/* Notes to the reader of a report, growing in an arena. */
struct report_notes {
    const char **items;
    size_t n, cap;
};
int report_note(struct wtl_arena *arena, struct report_notes *notes, struct wtl_error *err,
                const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Reads the samples of up to two runs of the set: one at the plan's clock, one at its baseline.
 * Those that cannot be read become notes. `wanted`: bits of the metrics that figures need. */
int report_load_traces(const struct wtl_flow *flow, struct wtl_campaign *c, struct wtl_arena *arena,
                       uint64_t wanted, struct wtl_report_set *s, struct report_notes *notes,
                       struct wtl_error *err);

/* Verdicts and predictors: the given ones, then those that the campaign stores. What cannot be read
 * becomes a note. */
int report_load_documents(struct wtl_campaign *c, const struct wtl_report_options *options,
                          struct wtl_arena *arena, struct report_notes *notes,
                          struct wtl_report *report, struct wtl_error *err);

/* Fits the curves once for every clock, without that clock's runs. Sets with too few clocks get
 * none. */
int report_validate_curves(const struct wtl_flow *flow, struct wtl_arena *arena,
                           struct wtl_report_set *s, struct wtl_error *err);

#endif
