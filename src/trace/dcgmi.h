/* SPDX-License-Identifier: Apache-2.0
 *
 * The header of DCGM dmon text and what follows from it for the rows; for dcgmi.c only.
 */
#ifndef WTL_TRACE_DCGMI_H
#define WTL_TRACE_DCGMI_H

#include "base/limits.h"
#include "trace/reader.h"

/* How a printed value becomes the metric's base unit. */
enum dcgmi_convert { DCGMI_AS_IS, DCGMI_MULTIPLY, DCGMI_DIVIDE };

/* One column that is a metric of ours. */
struct dcgmi_cell {
    int word;        /* counted from the entity's end, or from the device name's end */
    uint8_t metric;  /* enum wtl_metric */
    uint8_t convert; /* enum dcgmi_convert */
    bool wide;       /* a counter: values around 2^31 and 2^47 are values, not blanks of DCGM */
    double factor;
};

/* What a header says. The device name (DVNAM) may be of several words, so cells before it are
 * found from the left and cells behind it from the right. */
struct dcgmi_layout {
    char style; /* 'a': right-justified, "# Entity"; 'b': left-justified, "#Entity" */
    int n_columns;
    bool has_name;
    int n_before, n_after; /* columns before the name (all, if there is none) and behind it */
    int n_left, n_right;   /* cells in use of each kind */
    struct dcgmi_cell left[WTL_N_METRICS], right[WTL_N_METRICS];
    uint64_t present;
};

/* True when the line (with or without leading blanks) is a header. */
bool dcgmi_is_header(const char *line, size_t n);

/* Reads a header; names that are no metric of ours go to the report. -WTL_LIMIT. */
int dcgmi_read_header(struct wtl_reading *r, const char *line, size_t n,
                      struct dcgmi_layout *layout_out, struct wtl_error *err);

#endif
