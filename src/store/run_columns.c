/* SPDX-License-Identifier: Apache-2.0
 * What each later column of `run` is called, and how it goes in and out. */
#include "store/run_columns.h"

#include "base/text.h"
#include "store/sql.h"

#include <stdio.h>
#include <string.h>

static const struct wtl_run_column facts[WTL_N_FACTS] = {
#define X(name, type, text) {#name, type, "", text},
    WTL_RUN_FACTS(X)
#undef X
};

struct wtl_run_column wtl_run_column(int column)
{
    if (column < WTL_FIRST_SETTING_COLUMN) {
        const struct wtl_run_metric_info *info = wtl_run_metric_info((enum wtl_run_metric)column);
        return (struct wtl_run_column){info->name, "REAL", wtl_unit_symbol(info->unit),
                                       info->description};
    }
    if (column < WTL_FIRST_FACT_COLUMN) {
        const struct wtl_setting_info *info =
            wtl_setting_info((enum wtl_setting)(column - WTL_FIRST_SETTING_COLUMN));
        return (struct wtl_run_column){info->name, "REAL", wtl_unit_symbol(info->unit),
                                       info->description};
    }
    return facts[column - WTL_FIRST_FACT_COLUMN];
}

int wtl_run_column_by_name(const char *name)
{
    int i = 0;
    while (i < WTL_N_RUN_COLUMNS && strcmp(wtl_run_column(i).name, name) != 0)
        i++;
    return i;
}

static void write_troubles(unsigned troubles, char *buf, size_t size)
{
    size_t n = 0;
    buf[0] = '\0';
    for (int i = 0; i < (int)WTL_N_ENERGY_TROUBLES; i++)
        if ((troubles >> i) & 1 && n < size)
            n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? "," : "",
                                  wtl_energy_trouble_name(i));
}

static void bind_word(sqlite3_stmt *s, int index, const char *text)
{
    if (text[0])
        wtl_sql_bind_text(s, index, text);
}

static void bind_facts(sqlite3_stmt *s, int first, const struct wtl_run *run,
                       struct wtl_run_words *words)
{
    words->class[0] = run->energy_class ? wtl_energy_class_letter(run->energy_class) : '\0';
    words->class[1] = '\0';
    write_troubles(run->energy_troubles, words->troubles, sizeof words->troubles);
    bind_word(s, first + WTL_FACT_variant, run->point.variant);
    if (run->window)
        sqlite3_bind_int(s, first + WTL_FACT_window, 1);
    bind_word(s, first + WTL_FACT_unit, run->unit);
    if (run->energy_method)
        wtl_sql_bind_text(s, first + WTL_FACT_energy_method,
                          wtl_energy_method_name(run->energy_method));
    bind_word(s, first + WTL_FACT_energy_class, words->class);
    bind_word(s, first + WTL_FACT_energy_troubles, words->troubles);
}

void wtl_run_columns_bind(sqlite3_stmt *s, int first, const struct wtl_run *run,
                          struct wtl_run_words *words)
{
    for (int m = 0; m < (int)WTL_N_RUN_METRICS; m++)
        if (wtl_run_has(run, (enum wtl_run_metric)m))
            sqlite3_bind_double(s, first + m, run->metric[m]);
    for (int i = 0; i < (int)WTL_N_SETTINGS; i++)
        if (wtl_point_has(&run->point, (enum wtl_setting)i))
            sqlite3_bind_double(s, first + WTL_FIRST_SETTING_COLUMN + i, run->point.value[i]);
    bind_facts(s, first + WTL_FIRST_FACT_COLUMN, run, words);
}

static int read_method(struct wtl_campaign *c, const char *word, enum wtl_energy_method *out,
                       struct wtl_error *err)
{
    enum wtl_energy_method method = wtl_energy_method_by_name(word);
    if (word[0] && !method)
        return wtl_sql_unknown_word(c, "energy method", word, err);
    *out = method;
    return 0;
}

static int read_class(struct wtl_campaign *c, const char *word, enum wtl_energy_class *out,
                      struct wtl_error *err)
{
    enum wtl_energy_class class = wtl_energy_class_by_letter(word[0]);
    if (word[0] && (!class || word[1]))
        return wtl_sql_unknown_word(c, "energy class", word, err);
    *out = class;
    return 0;
}

static int read_troubles(struct wtl_campaign *c, const char *text, unsigned *out,
                         struct wtl_error *err)
{
    unsigned troubles = 0;
    while (*text) {
        size_t n = strcspn(text, ",");
        unsigned trouble = wtl_energy_trouble_by_name((struct wtl_view){text, n});
        if (!trouble)
            return wtl_sql_unknown_word(c, "energy trouble", text, err);
        troubles |= trouble;
        text += n + (text[n] == ',');
    }
    *out = troubles;
    return 0;
}

static int read_facts(struct wtl_campaign *c, sqlite3_stmt *s, int first, struct wtl_run *run,
                      struct wtl_error *err)
{
    run->window = sqlite3_column_int(s, first + WTL_FACT_window) != 0;
    int rc = wtl_sql_copy(c, s, first + WTL_FACT_variant, run->point.variant,
                          sizeof run->point.variant, err);
    rc = rc ? rc : wtl_sql_copy(c, s, first + WTL_FACT_unit, run->unit, sizeof run->unit, err);
    rc = rc ? rc
            : read_method(c, wtl_sql_text(s, first + WTL_FACT_energy_method), &run->energy_method,
                          err);
    rc =
        rc ? rc
           : read_class(c, wtl_sql_text(s, first + WTL_FACT_energy_class), &run->energy_class, err);
    return rc ? rc
              : read_troubles(c, wtl_sql_text(s, first + WTL_FACT_energy_troubles),
                              &run->energy_troubles, err);
}

int wtl_run_columns_read(struct wtl_campaign *c, sqlite3_stmt *s, int first, struct wtl_run *run,
                         struct wtl_error *err)
{
    for (int i = 0; i < WTL_FIRST_FACT_COLUMN; i++) {
        sqlite3_value *value = sqlite3_column_value(s, first + i);
        if (sqlite3_value_type(value) == SQLITE_NULL)
            continue;
        if (i < WTL_FIRST_SETTING_COLUMN)
            wtl_run_set(run, (enum wtl_run_metric)i, sqlite3_value_double(value));
        else
            wtl_point_set(&run->point, (enum wtl_setting)(i - WTL_FIRST_SETTING_COLUMN),
                          sqlite3_value_double(value));
    }
    return read_facts(c, s, first + WTL_FIRST_FACT_COLUMN, run, err);
}
