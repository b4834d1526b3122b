/* SPDX-License-Identifier: Apache-2.0
 *
 * What the readers of separated values share: rows with their drops counted, headers bound to
 * fields through a table of aliases, errors with line and column. For the folder trace/ only.
 */
#ifndef WTL_TRACE_TABULAR_H
#define WTL_TRACE_TABULAR_H

#include "codec/csv.h"
#include "trace/reader.h"

struct wtl_tabular {
    struct wtl_csv csv;
    int n_columns; /* of the header; 0 before it */
    int64_t header_line;
};

/* `separator` as wtl_csv_init(). */
int wtl_tabular_begin(struct wtl_reading *r, struct wtl_tabular *t, char separator,
                      struct wtl_error *err);
void wtl_tabular_block(struct wtl_reading *r, struct wtl_tabular *t, const char *data, size_t n);

/* The next row of the block; comments are passed over, lines that are no rows are counted as
 * dropped. False at the end of the block. */
bool wtl_tabular_next(struct wtl_reading *r, struct wtl_tabular *t);

/* For logs, which a kill may end anywhere: false for a row without line end, which is then counted
 * as dropped: "101" may have been "1013". Tables made by hand often lack the last line end. */
bool wtl_tabular_ended(struct wtl_reading *r, struct wtl_tabular *t);

/* After the header: false for a row with fewer or more cells, which is then counted as dropped.
 * Empty cells behind the last column are fine. */
bool wtl_tabular_fits(struct wtl_reading *r, struct wtl_tabular *t);

/* -WTL_PARSE at a cell of the present row. */
int wtl_tabular_fail(struct wtl_reading *r, const struct wtl_tabular *t, int cell,
                     struct wtl_error *err, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* ---- Headers ------------------------------------------------------------------------------- */

/* A name that a column may have, in normal form (below). */
struct wtl_alias {
    const char *name;
    int field;     /* >= 0; several aliases may name one field */
    double factor; /* to the base unit; 0: 1 */
    bool weak;     /* meant only where no other column says the same */
};

/* What a column is. */
struct wtl_bound {
    int field;     /* -1: unknown, -2: known and not kept */
    double factor; /* cell times factor is in base units */
    bool weak;     /* by a weak alias */
};
enum { WTL_FIELD_UNKNOWN = -1, WTL_FIELD_IGNORED = -2 };

/* Besides the aliases themselves, "STEM_UNIT" is understood where the alias "STEM" or
 * "STEM_BASEUNIT" is ("time_ms", "energy_wh", "power_mw"), weakly. */

/* Normal form of a column name: lower case, runs of other characters as one '_', none at the ends;
 * a unit in brackets at the end goes to `unit` ("Power (W)" -> "power", "W"; "" none). */
void wtl_column_name(struct wtl_view text, char *name, size_t size, char *unit, size_t unit_size);

/* The unit that a field is kept in, for units in headers; NONE where there is no scaling. */
typedef enum wtl_unit wtl_field_unit(int field);

/* Binds the present row as header. Unknown columns are added to the report when `report` is set;
 * two columns of one field, and a unit that the field cannot have, are errors at their column.
 * bound: WTL_LIMIT_COLUMNS entries, filled up to n_columns. */
int wtl_tabular_header(struct wtl_reading *r, struct wtl_tabular *t,
                       const struct wtl_alias *aliases, int n_aliases, wtl_field_unit *unit_of,
                       struct wtl_bound *bound, struct wtl_error *err);

/* The column of a field, or -1. */
int wtl_bound_find(const struct wtl_bound *bound, int n_columns, int field);

/* -WTL_PARSE "no column gives WHAT": lists the names that it may have and, where an unknown column
 * is near to one of them, asks whether that was meant. Call while the header is the present row. */
int wtl_tabular_lacks(struct wtl_reading *r, const struct wtl_tabular *t,
                      const struct wtl_alias *aliases, int n_aliases, const struct wtl_bound *bound,
                      int field, const char *what, struct wtl_error *err);

/* How many different fields of the aliases the first row of `head` names; `fields` (may be NULL)
 * gets a bit for every field below 64. unit_of NULL: names are taken as they are. For probes:
 * -WTL_NOMEM is for them to pass on. */
int wtl_probe_header(const char *head, size_t n, const struct wtl_alias *aliases, int n_aliases,
                     wtl_field_unit *unit_of, uint64_t *fields);

/* ---- Cells ----------------------------------------------------------------------------------- */

/* "", "-", "N/A", "[Not Supported]", "nan", "null", "<not counted>" ...: no value. */
bool wtl_cell_missing(struct wtl_view v);

/* A number, with a unit suffix of `unit` where it has one ("72.35 W"); a comma as decimal point
 * where `comma` is set. False when it is none. Base units, before any factor of the column. */
bool wtl_cell_number(struct wtl_view v, enum wtl_unit unit, bool comma, double *out);

/* The same times the factor of the column, which says what a bare number is in: a cell with a unit
 * of its own has said so itself. */
bool wtl_cell_value(struct wtl_view v, enum wtl_unit unit, bool comma, double factor, double *out);

/* In files that are not parted by commas a comma is the decimal sign. */
bool wtl_cell_has_comma(const struct wtl_csv *csv, struct wtl_view v);

#endif
