/* SPDX-License-Identifier: Apache-2.0
 *
 * The YAML document that tells how to read foreign files: `mapping` and `naming`. Shared by
 * mapping.c and naming_pattern.c; for the folder trace/ only.
 */
#ifndef WTL_TRACE_DOCUMENT_H
#define WTL_TRACE_DOCUMENT_H

#include "codec/csv.h"
#include "codec/yaml.h"
#include "trace/run_field.h"
#include "trace/tabular.h"
#include "trace/when.h"

enum wtl_mapped_rows { WTL_ROWS_SAMPLES, WTL_ROWS_RUNS };

struct wtl_mapped_time {
    char column[WTL_LIMIT_NAME]; /* "" none */
    int form;                    /* enum wtl_time_form */
};

struct wtl_mapped_constants {
    char gpu[WTL_LIMIT_NAME];
    char workload[WTL_LIMIT_NAME];
    char job[WTL_LIMIT_NAME];
    char device[WTL_LIMIT_NAME];
    double clock_mhz;
    double mem_clock_mhz;
};

struct wtl_mapped_column {
    const struct wtl_yaml_node *column_node; /* for messages */
    const struct wtl_yaml_node *as_node;
    char column[WTL_LIMIT_NAME]; /* header name, or number from 1 when there is no header */
    const char *unit;            /* "" base unit */
    double factor;
    double offset;
    bool required;
    int field; /* resolved `as`: enum wtl_metric, or enum wtl_run_field */
};

struct wtl_mapping {
    const struct wtl_yaml_node *node;
    int rows;      /* enum wtl_mapped_rows */
    int separator; /* '\0': detect */
    int comma;     /* decimal comma */
    bool header;
    int skip_lines;
    struct wtl_yaml_strings missing;
    char stream[WTL_LIMIT_NAME]; /* column whose values part a file into streams; "" one stream */
    struct wtl_mapped_time time;
    struct wtl_mapped_constants constants;
    struct wtl_yaml_list columns; /* struct wtl_mapped_column */
};

struct wtl_trace_document {
    bool has_mapping;
    struct wtl_mapping mapping;
    struct wtl_yaml_list naming; /* entries by wtl_naming_table */
};

extern const struct wtl_yaml_table wtl_trace_document_table;

/* Parses and checks a whole document; `document_out` is untouched on failure. */
int wtl_trace_document_load(struct wtl_arena *arena, const char *yaml, size_t n, const char *path,
                            struct wtl_trace_document *document_out, struct wtl_error *err);

#endif
