/* SPDX-License-Identifier: Apache-2.0
 * Rows, headers and cells of separated values. */
#include "trace/tabular.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

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

/* The unit that a header states. */
static int apply_unit(struct wtl_reading *r, const struct wtl_tabular *t, int cell,
                      const char *text, enum wtl_unit unit, double *factor, struct wtl_error *err)
{
    double scale = 1;
    char quantity[48];
    struct wtl_error why = {0};
    if (unit != WTL_UNIT_NONE && !wtl_unit_scale(text, unit, &scale)) {
        snprintf(quantity, sizeof quantity, "1%s", text);
        (void)wtl_parse_quantity(quantity, unit, &scale, &why); /* for its list of suffixes */
        int rc = wtl_tabular_fail(r, t, cell, err, "unit \"%s\" does not fit this column", text);
        wtl_error_hint(err, "%s", why.hint);
        return rc;
    }
    *factor = scale;
    return 0;
}

/* What a name means. */
struct meaning {
    int field; /* WTL_FIELD_UNKNOWN: nothing */
    double factor;
    bool weak;
};

/* "time_ms" through the alias "time_s" or "time": the alias must be of the unit, and of no factor
 * of its own. */
static struct meaning split_unit(const char *name, const struct wtl_alias *aliases, int n,
                                 wtl_field_unit *unit_of)
{
    const char *last = strrchr(name, '_');
    struct meaning none = {WTL_FIELD_UNKNOWN, 1, true};
    if (!last || last == name || !last[1])
        return none;
    size_t stem = (size_t)(last - name);
    for (int exact = 0; exact < 2; exact++) /* "energy_j" means more than "energy" */
        for (int i = 0; i < n; i++) {
            double scale;
            const char *alias = aliases[i].name;
            if (aliases[i].field < 0 || aliases[i].factor > 0 || strncmp(alias, name, stem) != 0)
                continue;
            enum wtl_unit unit = unit_of(aliases[i].field);
            bool fits = exact ? alias[stem] == '\0'
                              : alias[stem] == '_' &&
                                    strcasecmp(alias + stem + 1, wtl_unit_symbol(unit)) == 0;
            if (unit != WTL_UNIT_NONE && fits && wtl_unit_word_scale(last + 1, unit, &scale))
                return (struct meaning){aliases[i].field, scale, true};
        }
    return none;
}

static struct meaning meaning_of(const char *name, const struct wtl_alias *aliases, int n,
                                 wtl_field_unit *unit_of)
{
    const struct wtl_alias *alias = find_alias(name, aliases, n);
    if (alias)
        return (struct meaning){alias->field, alias->factor > 0 ? alias->factor : 1, alias->weak};
    return unit_of ? split_unit(name, aliases, n, unit_of)
                   : (struct meaning){WTL_FIELD_UNKNOWN, 1, false};
}

static int bind_cell(struct wtl_reading *r, struct wtl_tabular *t, int cell, bool weak,
                     const struct wtl_alias *aliases, int n_aliases, wtl_field_unit *unit_of,
                     struct wtl_bound *bound, struct wtl_error *err)
{
    char name[WTL_LIMIT_NAME];
    char unit[32];
    struct wtl_view text = t->csv.cells[cell].text;
    wtl_column_name(text, name, sizeof name, unit, sizeof unit);
    struct meaning m = meaning_of(name, aliases, n_aliases, unit_of);
    int other = m.field < 0 ? -1 : wtl_bound_find(bound, t->csv.n, m.field);
    bool shadowed = m.weak && other >= 0 && other != cell && !bound[other].weak;
    if (m.field == WTL_FIELD_UNKNOWN || shadowed) {
        if (weak && text.n)
            wtl_reading_unknown_column(r, text);
        return 0;
    }
    if (m.weak != weak)
        return 0;
    bound[cell] = (struct wtl_bound){.field = m.field, .factor = m.factor, .weak = m.weak};
    if (m.field < 0)
        return 0;
    if (other >= 0)
        return wtl_tabular_fail(r, t, cell, err, "column \"%.*s\" says the same as column \"%.*s\"",
                                (int)text.n, text.s, (int)t->csv.cells[other].text.n,
                                t->csv.cells[other].text.s);
    if (unit[0]) /* replaces what the name alone would mean */
        return apply_unit(r, t, cell, unit, unit_of(m.field), &bound[cell].factor, err);
    return 0;
}

int wtl_tabular_header(struct wtl_reading *r, struct wtl_tabular *t,
                       const struct wtl_alias *aliases, int n_aliases, wtl_field_unit *unit_of,
                       struct wtl_bound *bound, struct wtl_error *err)
{
    while (t->csv.n > 1 && t->csv.cells[t->csv.n - 1].text.n == 0)
        t->csv.n--;
    for (int i = 0; i < t->csv.n; i++)
        bound[i] = (struct wtl_bound){.field = WTL_FIELD_UNKNOWN, .factor = 1};
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < t->csv.n; i++) {
            int rc = bind_cell(r, t, i, pass == 1, aliases, n_aliases, unit_of, bound, err);
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
                     wtl_field_unit *unit_of, uint64_t *fields)
{
    WTL_ARENA(arena);
    struct wtl_csv csv;
    if (wtl_csv_init(&csv, &arena, wtl_csv_detect(head, n), NULL) != 0)
        return -(int)WTL_NOMEM;
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
        struct meaning m = meaning_of(name, aliases, n_aliases, unit_of);
        if (m.field < 0)
            continue;
        found++;
        if (m.field < 64)
            seen |= UINT64_C(1) << m.field;
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

static bool split_number(struct wtl_view v, enum wtl_unit unit, bool comma, double *out, bool *bare)
{
    char text[80];
    *bare = true;
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
    if (wtl_parse_double(text, strlen(text), out))
        return true;
    *bare = false;
    return wtl_parse_quantity(text, unit, out, NULL) == 0;
}

bool wtl_cell_number(struct wtl_view v, enum wtl_unit unit, bool comma, double *out)
{
    bool bare;
    return split_number(v, unit, comma, out, &bare);
}

bool wtl_cell_value(struct wtl_view v, enum wtl_unit unit, bool comma, double factor, double *out)
{
    bool bare;
    double value;
    if (!split_number(v, unit, comma, &value, &bare))
        return false;
    *out = bare ? value * factor : value;
    return true;
}

bool wtl_cell_has_comma(const struct wtl_csv *csv, struct wtl_view v)
{
    return csv->separator != ',' && memchr(v.s, ',', v.n);
}
