/* SPDX-License-Identifier: Apache-2.0
 * Rows, headers and cells of separated values. */
#include "trace/tabular.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int wtl_tabular_begin(struct wtl_reading *r, struct wtl_tabular *t, char separator,
                      struct wtl_error *err)
{
    t->n_columns = 0;
    t->header_line = 0;
    return wtl_csv_init(&t->csv, r->arena, separator, err);
}

void wtl_tabular_block(struct wtl_reading *r, struct wtl_tabular *t, const char *data, size_t n)
{
    wtl_csv_block(&t->csv, data, n);
    t->csv.next_line = r->line; /* lines that never reach a reader count too */
}

bool wtl_tabular_next(struct wtl_reading *r, struct wtl_tabular *t)
{
    for (;;) {
        enum wtl_drop drop = WTL_DROP_binary;
        switch (wtl_csv_next(&t->csv)) {
        case WTL_CSV_END:
            return false;
        case WTL_CSV_ROW:
            return true;
        case WTL_CSV_COMMENT:
            continue;
        case WTL_CSV_BAD_QUOTE:
            drop = WTL_DROP_unknown_row;
            break;
        case WTL_CSV_TOO_MANY:
            drop = WTL_DROP_too_many_cells;
            break;
        case WTL_CSV_BINARY:
            break;
        }
        wtl_reading_drop(r, drop, t->csv.line);
    }
}

bool wtl_tabular_ended(struct wtl_reading *r, struct wtl_tabular *t)
{
    if (t->csv.unended)
        wtl_reading_drop(r, WTL_DROP_truncated_row, t->csv.line);
    return !t->csv.unended;
}

bool wtl_tabular_fits(struct wtl_reading *r, struct wtl_tabular *t)
{
    int n = t->csv.n;
    while (n > t->n_columns && t->csv.cells[n - 1].text.n == 0)
        n--;
    if (n == t->n_columns)
        return true;
    wtl_reading_drop(r, n < t->n_columns ? WTL_DROP_truncated_row : WTL_DROP_too_many_cells,
                     t->csv.line);
    return false;
}

int wtl_tabular_fail(struct wtl_reading *r, const struct wtl_tabular *t, int cell,
                     struct wtl_error *err, const char *format, ...)
{
    char text[WTL_ERROR_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    int rc = WTL_FAIL(err, WTL_PARSE, "%s", text);
    int column = cell >= 0 && cell < t->csv.n ? t->csv.cells[cell].column : 0;
    wtl_error_input(err, r->name, t->csv.line, column);
    return rc;
}

/* ---- Headers ------------------------------------------------------------------------------- */

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (unsigned char)c >= 0x80;
}

/* Takes "(W)" or "[W]" off the end. */
static void take_unit(struct wtl_view *text, char *unit, size_t size)
{
    unit[0] = '\0';
    char last = text->n ? text->s[text->n - 1] : '\0';
    char open = last == ')' ? '(' : last == ']' ? '[' : '\0';
    const char *at = open ? memrchr(text->s, open, text->n) : NULL;
    if (!at || at == text->s)
        return;
    size_t k = (size_t)(at - text->s);
    wtl_view_copy(wtl_view_trim((struct wtl_view){at + 1, text->n - k - 2}), unit, size);
    text->n = k;
}

void wtl_column_name(struct wtl_view text, char *name, size_t size, char *unit, size_t unit_size)
{
    text = wtl_view_trim(text);
    take_unit(&text, unit, unit_size);
    size_t n = 0;
    for (size_t i = 0; i < text.n && n + 2 < size; i++) {
        char c = text.s[i];
        if (is_word(c))
            name[n++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
        else if (n && name[n - 1] != '_')
            name[n++] = '_';
    }
    while (n && name[n - 1] == '_')
        n--;
    name[n] = '\0';
}

static const struct wtl_alias *find_alias(const char *name, const struct wtl_alias *aliases, int n)
{
    for (int i = 0; i < n; i++)
        if (strcmp(name, aliases[i].name) == 0)
            return &aliases[i];
    return NULL;
}

/* Multiplies the factor of a column by the unit that its header states. */
static int apply_unit(struct wtl_reading *r, const struct wtl_tabular *t, int cell,
                      const char *text, enum wtl_unit unit, double *factor, struct wtl_error *err)
{
    double scale = 1;
    char quantity[48];
    snprintf(quantity, sizeof quantity, "1%s", text);
    struct wtl_error why = {0};
    bool percent = unit == WTL_UNIT_FRACTION && strcmp(text, "percent") == 0;
    if (percent)
        scale = 0.01;
    else if (unit != WTL_UNIT_NONE && wtl_parse_quantity(quantity, unit, &scale, &why) != 0) {
        int rc = wtl_tabular_fail(r, t, cell, err, "unit \"%s\" does not fit this column", text);
        wtl_error_hint(err, "%s", why.hint);
        return rc;
    }
    *factor *= scale;
    return 0;
}

static int bind_cell(struct wtl_reading *r, struct wtl_tabular *t, int cell,
                     const struct wtl_alias *aliases, int n_aliases, wtl_field_unit *unit_of,
                     struct wtl_bound *bound, struct wtl_error *err)
{
    char name[WTL_LIMIT_NAME];
    char unit[32];
    struct wtl_view text = t->csv.cells[cell].text;
    wtl_column_name(text, name, sizeof name, unit, sizeof unit);
    const struct wtl_alias *alias = find_alias(name, aliases, n_aliases);
    bound[cell] = (struct wtl_bound){WTL_FIELD_UNKNOWN, 1};
    if (!alias) {
        if (text.n)
            wtl_reading_unknown_column(r, text);
        return 0;
    }
    bound[cell].field = alias->field;
    if (alias->field < 0)
        return 0;
    int other = wtl_bound_find(bound, cell, alias->field);
    if (other >= 0)
        return wtl_tabular_fail(r, t, cell, err, "column \"%.*s\" says the same as column \"%.*s\"",
                                (int)text.n, text.s, (int)t->csv.cells[other].text.n,
                                t->csv.cells[other].text.s);
    if (unit[0]) /* replaces what the name alone would mean */
        return apply_unit(r, t, cell, unit, unit_of(alias->field), &bound[cell].factor, err);
    if (alias->factor > 0)
        bound[cell].factor = alias->factor;
    return 0;
}

int wtl_tabular_header(struct wtl_reading *r, struct wtl_tabular *t,
                       const struct wtl_alias *aliases, int n_aliases, wtl_field_unit *unit_of,
                       struct wtl_bound *bound, struct wtl_error *err)
{
    while (t->csv.n > 1 && t->csv.cells[t->csv.n - 1].text.n == 0)
        t->csv.n--;
    for (int i = 0; i < t->csv.n; i++) {
        int rc = bind_cell(r, t, i, aliases, n_aliases, unit_of, bound, err);
        if (rc)
            return rc;
    }
    t->n_columns = t->csv.n;
    t->header_line = t->csv.line;
    return 0;
}

int wtl_bound_find(const struct wtl_bound *bound, int n_columns, int field)
{
    for (int i = 0; i < n_columns; i++)
        if (bound[i].field == field)
            return i;
    return -1;
}

int wtl_tabular_lacks(struct wtl_reading *r, const struct wtl_tabular *t,
                      const struct wtl_alias *aliases, int n_aliases, const struct wtl_bound *bound,
                      int field, const char *what, struct wtl_error *err)
{
    char known[160] = "";
    size_t used = 0;
    int near_cell = -1;
    const char *meant = NULL;
    for (int a = 0; a < n_aliases; a++) {
        if (aliases[a].field != field)
            continue;
        if (used + 2 < sizeof known)
            used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "",
                                     aliases[a].name);
        for (int i = 0; i < t->n_columns && near_cell < 0; i++) {
            char name[WTL_LIMIT_NAME];
            char unit[32];
            wtl_column_name(t->csv.cells[i].text, name, sizeof name, unit, sizeof unit);
            if (bound[i].field == WTL_FIELD_UNKNOWN &&
                wtl_did_you_mean(name, &aliases[a].name, 1)) {
                near_cell = i;
                meant = aliases[a].name;
            }
        }
    }
    int rc = wtl_tabular_fail(r, t, near_cell < 0 ? 0 : near_cell, err, "no column gives %s", what);
    if (meant)
        wtl_error_hint(err, "did you mean \"%s\" by \"%.*s\"?", meant,
                       (int)t->csv.cells[near_cell].text.n, t->csv.cells[near_cell].text.s);
    else
        wtl_error_hint(err, "it may be called %s; other tables can be read through a mapping",
                       known);
    return rc;
}

int wtl_probe_header(const char *head, size_t n, const struct wtl_alias *aliases, int n_aliases,
                     uint64_t *fields)
{
    WTL_ARENA(arena);
    struct wtl_csv csv;
    if (wtl_csv_init(&csv, &arena, wtl_csv_detect(head, n), NULL) != 0)
        return 0;
    wtl_csv_block(&csv, head, n);
    enum wtl_csv_kind kind;
    while ((kind = wtl_csv_next(&csv)) == WTL_CSV_COMMENT) {
    }
    int found = 0;
    uint64_t seen = 0;
    for (int i = 0; kind == WTL_CSV_ROW && i < csv.n; i++) {
        char name[WTL_LIMIT_NAME];
        char unit[32];
        wtl_column_name(csv.cells[i].text, name, sizeof name, unit, sizeof unit);
        const struct wtl_alias *alias = find_alias(name, aliases, n_aliases);
        if (!alias || alias->field < 0)
            continue;
        found++;
        if (alias->field < 64)
            seen |= UINT64_C(1) << alias->field;
    }
    if (fields)
        *fields = seen;
    return found;
}

/* ---- Cells ----------------------------------------------------------------------------------- */

bool wtl_cell_missing(struct wtl_view v)
{
    static const char *const words[] = {"",    "-",    "--",   "n/a",           "na",
                                        "nan", "null", "none", "<not counted>", "<not supported>"};
    if (v.n >= 2 && v.s[0] == '[' && v.s[v.n - 1] == ']')
        return true; /* nvidia-smi: [N/A], [Not Supported], [Unknown Error] ... */
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (wtl_view_is_nocase(v, words[i]))
            return true;
    return false;
}

bool wtl_cell_number(struct wtl_view v, enum wtl_unit unit, bool comma, double *out)
{
    char text[80];
    if (!comma && wtl_parse_double(v.s, v.n, out))
        return true;
    if (!wtl_view_copy(v, text, sizeof text))
        return false;
    for (char *p = text; comma && *p; p++) {
        if (*p == '.')
            return false; /* thousands or a decimal point: cannot be told */
        if (*p == ',')
            *p = '.';
    }
    return wtl_parse_quantity(text, unit, out, NULL) == 0;
}
