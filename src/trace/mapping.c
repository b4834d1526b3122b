/* SPDX-License-Identifier: Apache-2.0
 * The schema of mappings, and what the schema alone cannot check. */
#include "trace/mapping.h"

#include "base/limits.h"
#include "trace/document.h"
#include "trace/naming_pattern.h"

#include <stdio.h>
#include <string.h>

/* ---- The schema ------------------------------------------------------------------------------ */

static int keep_node(struct wtl_arena *arena, const struct wtl_yaml_node *node, void *field,
                     struct wtl_error *err)
{
    (void)arena;
    if (node->kind != WTL_YAML_SCALAR)
        return wtl_yaml_fail(node, err, "expected one value");
    memcpy(field, &node, sizeof node);
    return 0;
}

static const struct wtl_yaml_choice row_kinds[] = {
    {"samples", WTL_ROWS_SAMPLES,
     "A row is one reading of the sensors: `as` takes metrics of "
     "samples."},
    {"runs", WTL_ROWS_RUNS, "A row is one whole run: `as` takes fields of runs."},
    {0},
};
static const struct wtl_yaml_choice separators[] = {
    {"auto", '\0', NULL}, {"comma", ',', NULL}, {"semicolon", ';', NULL},
    {"tab", '\t', NULL},  {"blank", ' ', NULL}, {0},
};
static const struct wtl_yaml_choice decimals[] = {{"point", 0, NULL}, {"comma", 1, NULL}, {0}};
static const struct wtl_yaml_choice forms[] = {
    {"auto", WTL_TIME_AUTO, "A date, or a number of seconds since 1970 or since the start."},
    {"iso", WTL_TIME_ISO,
     "ISO 8601, `2026-11-21T11:33:00.123+01:00`; a blank for the `T`, `/` for `-`, and a time of "
     "day "
     "alone are understood. Without a zone it is UTC."},
    {"s", WTL_TIME_SECONDS,
     "A number of seconds, as the others are of their unit, from any origin; decimals are kept to "
     "the nanosecond."},
    {"ms", WTL_TIME_MS, NULL},
    {"us", WTL_TIME_US, NULL},
    {"ns", WTL_TIME_NS, NULL},
    {"min", WTL_TIME_MINUTES, NULL},
    {"h", WTL_TIME_HOURS, NULL},
    {"d", WTL_TIME_DAYS, NULL},
    {0},
};

#define AT(type, member) .offset = offsetof(struct type, member)
#define NAMED(type, member) AT(type, member), .size = sizeof(((struct type *)0)->member)

static const struct wtl_yaml_key time_keys[] = {
    {"column", WTL_YAML_T_NAME, NAMED(wtl_mapped_time, column), .required = true,
     .doc = "The column that holds the time of a sample, or the start of a run."},
    {"form", WTL_YAML_T_CHOICE, AT(wtl_mapped_time, form), .fallback = "auto", .choices = forms,
     .doc = "How it is written."},
};
static const struct wtl_yaml_table time_table = {"time column", "Where the time stands.",
                                                 sizeof(struct wtl_mapped_time), time_keys,
                                                 sizeof time_keys / sizeof *time_keys};

static const struct wtl_yaml_key constant_keys[] = {
    {"gpu", WTL_YAML_T_NAME, NAMED(wtl_mapped_constants, gpu), .doc = "The GPU."},
    {"workload", WTL_YAML_T_NAME, NAMED(wtl_mapped_constants, workload), .doc = "The workload."},
    {"job", WTL_YAML_T_NAME, NAMED(wtl_mapped_constants, job), .doc = "The job or batch."},
    {"device", WTL_YAML_T_NAME, NAMED(wtl_mapped_constants, device), .doc = "Board name or UUID."},
    {"clock", WTL_YAML_T_NUMBER, WTL_UNIT_MHZ, AT(wtl_mapped_constants, clock_mhz), .min = 1,
     .max = 100000, .doc = "The requested SM clock."},
    {"mem_clock", WTL_YAML_T_NUMBER, WTL_UNIT_MHZ, AT(wtl_mapped_constants, mem_clock_mhz),
     .min = 1, .max = 100000, .doc = "The requested memory clock."},
};
static const struct wtl_yaml_table constant_table = {
    "set of constants", "What holds for every row of every file that is read with this mapping.",
    sizeof(struct wtl_mapped_constants), constant_keys,
    sizeof constant_keys / sizeof *constant_keys};

static const struct wtl_yaml_key column_keys[] = {
    {"column", WTL_YAML_T_CUSTOM, AT(wtl_mapped_column, column_node), .required = true,
     .parse = keep_node, .form = "name or number",
     .doc = "Name in the header as it stands there, or number from 1 when there is no header."},
    {"as", WTL_YAML_T_CUSTOM, AT(wtl_mapped_column, as_node), .required = true, .parse = keep_node,
     .form = "a name of Wattle",
     .doc = "What it is: a metric of samples (`power_w`), or for runs a metric of runs or one of "
            "gpu, workload, job, device, seq, rep, rep_from_0, clock_mhz, mem_clock_mhz, status, "
            "exit_code, "
            "variant, window, unit, energy_method, energy_class, energy_troubles, batch, replicas, "
            "share, limit_w, cpu_quota, threads."},
    {"unit", WTL_YAML_T_STRING, AT(wtl_mapped_column, unit), .fallback = "\"\"",
     .doc = "Unit of the cells (`mW`, `kJ`, `ms`, `%`); otherwise the base unit of `as`."},
    {"factor", WTL_YAML_T_NUMBER, AT(wtl_mapped_column, factor), .fallback = "1",
     .doc = "Cells are multiplied by this, before the unit."},
    {"offset", WTL_YAML_T_NUMBER, AT(wtl_mapped_column, offset), .fallback = "0",
     .doc = "Added last, in the base unit of `as`."},
    {"required", WTL_YAML_T_BOOL, AT(wtl_mapped_column, required), .fallback = "true",
     .doc = "False: files without this column are read as well."},
};
static const struct wtl_yaml_table column_table = {
    "column", "One column that is kept; all others are left out and listed in the report.",
    sizeof(struct wtl_mapped_column), column_keys, sizeof column_keys / sizeof *column_keys};

static const struct wtl_yaml_key mapping_keys[] = {
    {"rows", WTL_YAML_T_CHOICE, AT(wtl_mapping, rows), .required = true, .choices = row_kinds,
     .doc = "What a row is."},
    {"separator", WTL_YAML_T_CHOICE, AT(wtl_mapping, separator), .fallback = "auto",
     .choices = separators, .doc = "What parts the cells; `blank` is any run of blanks."},
    {"decimal", WTL_YAML_T_CHOICE, AT(wtl_mapping, comma), .fallback = "point", .choices = decimals,
     .doc = "The decimal sign."},
    {"header", WTL_YAML_T_BOOL, AT(wtl_mapping, header), .fallback = "true",
     .doc = "Whether the first row names the columns."},
    {"skip_lines", WTL_YAML_T_INT, AT(wtl_mapping, skip_lines), .fallback = "0", .min = 0,
     .max = 1000, .doc = "Lines before the header that are not looked at."},
    {"missing", WTL_YAML_T_STRINGS, AT(wtl_mapping, missing),
     .doc = "Texts that stand for `no value`, besides empty cells, `N/A`, `-`, `nan` and the "
            "like."},
    {"stream", WTL_YAML_T_NAME, NAMED(wtl_mapping, stream),
     .doc = "For samples: a column whose values (GPU index, UUID) part the rows into streams."},
    {"time", WTL_YAML_T_TABLE, AT(wtl_mapping, time), .table = &time_table,
     .doc = "Without it samples are only ordered."},
    {"constants", WTL_YAML_T_TABLE, AT(wtl_mapping, constants), .table = &constant_table,
     .doc = "What the file itself does not say."},
    {"columns", WTL_YAML_T_LIST, AT(wtl_mapping, columns), .required = true, .table = &column_table,
     .doc = "The columns that are kept."},
};
static const struct wtl_yaml_table mapping_table = {"mapping", "How one kind of CSV file is read.",
                                                    sizeof(struct wtl_mapping), mapping_keys,
                                                    sizeof mapping_keys / sizeof *mapping_keys};

static const struct wtl_yaml_key document_keys[] = {
    {"mapping", WTL_YAML_T_TABLE, AT(wtl_trace_document, mapping),
     .flag = WTL_YAML_FLAG(struct wtl_trace_document, has_mapping), .table = &mapping_table,
     .doc = "How to read a CSV file of a kind that Wattle does not know."},
    {"naming", WTL_YAML_T_LIST, AT(wtl_trace_document, naming), .table = &wtl_naming_table,
     .doc = "What the paths of files say."},
};
const struct wtl_yaml_table wtl_trace_document_table = {
    "document", "Both keys may stand in one file; each is optional.",
    sizeof(struct wtl_trace_document), document_keys, sizeof document_keys / sizeof *document_keys};

void wtl_mapping_document(struct wtl_buf *out)
{
    wtl_yaml_document(&wtl_trace_document_table, out);
}

int wtl_trace_document_load(struct wtl_arena *arena, const char *yaml, size_t n, const char *path,
                            struct wtl_trace_document *document_out, struct wtl_error *err)
{
    const struct wtl_yaml_node *root = NULL;
    struct wtl_trace_document document = {0};
    int rc = wtl_yaml_parse(arena, yaml, n, path, &root, err);
    if (rc == 0)
        rc = wtl_yaml_load(arena, root, &wtl_trace_document_table, &document, err);
    if (rc)
        return rc;
    if (document.has_mapping)
        document.mapping.node = wtl_yaml_get(root, "mapping");
    *document_out = document;
    return 0;
}

/* ---- Resolving ------------------------------------------------------------------------------- */

/* Fields of runs that a mapping may set. */
static bool mappable(int field)
{
    return field < WTL_F_MODE || field == WTL_F_STATUS || field == WTL_F_EXIT_CODE ||
           (field >= WTL_F_VARIANT && field < WTL_F_PATH);
}

/* "names that hold it: power_p99_w, latency_p99_s"; false when there are none. */
static bool names_with(const char *text, const char *const *names, int n, char *buf, size_t size)
{
    size_t used = (size_t)snprintf(buf, size, "names that hold it: ");
    bool any = false;
    for (int i = 0; i < n && strlen(text) > 2; i++) {
        if (!strstr(names[i], text) || used + strlen(names[i]) + 3 > size)
            continue;
        used += (size_t)snprintf(buf + used, size - used, "%s%s", any ? ", " : "", names[i]);
        any = true;
    }
    return any;
}

static int unknown_name(const struct wtl_mapped_column *c, bool runs, struct wtl_error *err)
{
    enum { MOST = WTL_N_RUN_FIELDS + WTL_N_METRICS };
    const char *names[MOST];
    int n = 0;
    for (int f = 0; runs && f < WTL_N_RUN_FIELDS; f++)
        if (mappable(f))
            names[n++] = wtl_run_field_name(f);
    for (int m = 0; !runs && m < (int)WTL_N_METRICS; m++)
        names[n++] = wtl_metric_info((enum wtl_metric)m)->name;
    const char *near = wtl_did_you_mean(c->as_node->text, names, n);
    int rc = wtl_yaml_fail(c->as_node, err, "as: \"%.60s\" is no %s", c->as_node->text,
                           runs ? "field of a run" : "metric of a sample");
    char list[WTL_ERROR_HINT_MAX];
    if (near)
        wtl_error_hint(err, "did you mean \"%s\"?", near);
    else if (names_with(c->as_node->text, names, n, list, sizeof list))
        wtl_error_hint(err, "%s", list);
    else
        wtl_error_hint(err, "the names are listed in docs/formats.md");
    return rc;
}

/* Folds the unit into the factor. */
static int apply_unit(struct wtl_mapped_column *c, enum wtl_unit unit, struct wtl_error *err)
{
    if (c->unit[0] == '\0')
        return 0;
    double scale = 1;
    if (!wtl_unit_scale(c->unit, unit, &scale)) {
        char quantity[64];
        struct wtl_error why = {0};
        snprintf(quantity, sizeof quantity, "1%.40s", c->unit);
        int rc = wtl_yaml_fail(c->as_node, err, "unit \"%.40s\" does not fit \"%.60s\"", c->unit,
                               c->as_node->text);
        if (unit != WTL_UNIT_NONE)
            (void)wtl_parse_quantity(quantity, unit, &scale, &why); /* for its list of suffixes */
        wtl_error_hint(err, "%s", why.hint[0] ? why.hint : "it has no unit; use factor");
        return rc;
    }
    c->factor *= scale;
    return 0;
}

static int resolve(const struct wtl_mapping *m, struct wtl_mapped_column *c, struct wtl_error *err)
{
    bool runs = m->rows == WTL_ROWS_RUNS;
    const char *as = c->as_node->text;
    enum wtl_unit unit = WTL_UNIT_NONE;
    if (runs) {
        c->field = wtl_run_field_by_name(as);
        if (c->field == WTL_N_RUN_FIELDS || !mappable(c->field))
            return unknown_name(c, runs, err);
        unit = wtl_run_field_unit(c->field);
    } else {
        enum wtl_metric metric = wtl_metric_by_name(as);
        if (metric == WTL_N_METRICS)
            return unknown_name(c, runs, err);
        c->field = (int)metric;
        unit = wtl_metric_info(metric)->unit;
    }
    if (!wtl_view_copy(wtl_view_of(c->column_node->text), c->column, sizeof c->column))
        return wtl_yaml_fail(c->column_node, err, "column: longer than %d bytes",
                             WTL_LIMIT_NAME - 1);
    return apply_unit(c, unit, err);
}

static bool is_column_number(const char *text)
{
    int64_t v;
    return wtl_parse_int(text, strlen(text), &v) && v >= 1 && v <= WTL_LIMIT_COLUMNS;
}

/* Without a header, columns are numbers. */
static int check_numbers(const struct wtl_mapping *m, const struct wtl_mapped_column *columns,
                         struct wtl_error *err)
{
    for (size_t i = 0; i < m->columns.n; i++)
        if (!is_column_number(columns[i].column))
            return wtl_yaml_fail(columns[i].column_node, err,
                                 "column: \"%.60s\" is no column number (1 to %d), and there is "
                                 "no header",
                                 columns[i].column, WTL_LIMIT_COLUMNS);
    const char *others[] = {m->time.column, m->stream};
    for (int i = 0; i < 2; i++)
        if (others[i][0] && !is_column_number(others[i]))
            return wtl_yaml_fail(m->node, err,
                                 "\"%.60s\" is no column number (1 to %d), and there is no header",
                                 others[i], WTL_LIMIT_COLUMNS);
    return 0;
}

static int check_twice(const struct wtl_mapped_column *columns, size_t n, struct wtl_error *err)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            if (columns[i].field == columns[k].field)
                return wtl_yaml_fail(columns[i].as_node, err,
                                     "as: \"%.60s\" is given twice (first on line %d)",
                                     columns[i].as_node->text, columns[k].as_node->line);
    return 0;
}

int wtl_mapping_load(struct wtl_arena *arena, const char *yaml, size_t n, const char *path,
                     const struct wtl_mapping **mapping_out, struct wtl_error *err)
{
    struct wtl_trace_document document = {0};
    int rc = wtl_trace_document_load(arena, yaml, n, path, &document, err);
    if (rc)
        return rc;
    if (!document.has_mapping) {
        rc = WTL_FAIL(err, WTL_PARSE, "the document has no \"mapping\"");
        wtl_error_input(err, path, 1, 1);
        return rc;
    }
    struct wtl_mapping *m = wtl_arena_memdup(arena, &document.mapping, sizeof *m);
    struct wtl_mapped_column *columns =
        WTL_NEW_ARRAY(arena, struct wtl_mapped_column, document.mapping.columns.n + 1);
    if (!m || !columns)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    if (m->columns.n == 0)
        return wtl_yaml_fail(m->node, err, "mapping: no columns");
    memcpy(columns, m->columns.items, m->columns.n * sizeof *columns);
    m->columns.items = columns;
    for (size_t i = 0; rc == 0 && i < m->columns.n; i++)
        rc = resolve(m, &columns[i], err);
    if (rc == 0)
        rc = check_twice(columns, m->columns.n, err);
    if (rc == 0 && !m->header)
        rc = check_numbers(m, columns, err);
    if (rc == 0)
        *mapping_out = m;
    return rc;
}

bool wtl_mapping_constants(const struct wtl_mapping *mapping, struct wtl_name_key *key_out)
{
    const struct wtl_mapped_constants *c = mapping ? &mapping->constants : NULL;
    if (!c || !(c->gpu[0] || c->workload[0] || c->job[0] || c->clock_mhz > 0))
        return false;
    struct wtl_name_key key = {.scheme = "mapping", .is_trace = true};
    memcpy(key.gpu, c->gpu, sizeof key.gpu);
    memcpy(key.workload, c->workload, sizeof key.workload);
    memcpy(key.job, c->job, sizeof key.job);
    key.clock_mhz = (int)(c->clock_mhz + 0.5);
    *key_out = key;
    return true;
}
