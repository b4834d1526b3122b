/* SPDX-License-Identifier: Apache-2.0
 * The table behind knob.h, and values as text. */
#include "core/knob.h"

#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct wtl_knob_info table[WTL_N_KNOBS] = {
#define X(name, unit, title, text)                                                                 \
    [WTL_KNOB_##name] = {#name, WTL_UNIT_##unit, title, text, WTL_UNIT_##unit == WTL_UNIT_MHZ},
    WTL_KNOBS(X)
#undef X
};

const struct wtl_knob_info *wtl_knob_info(enum wtl_knob knob)
{
    return &table[knob];
}

enum wtl_knob wtl_knob_by_name(const char *name)
{
    int i = 0;
    while (i < (int)WTL_N_KNOBS && strcmp(table[i].name, name) != 0)
        i++;
    return (enum wtl_knob)i;
}

/* Half of what the knob resolves. */
static double half_step(enum wtl_knob knob)
{
    return table[knob].unit == WTL_UNIT_MHZ ? 0.5 : 0.0005;
}

bool wtl_knob_same(enum wtl_knob knob, struct wtl_knob_value a, struct wtl_knob_value b)
{
    if (a.released != b.released)
        return false;
    if (a.released && (a.hi <= 0 || b.hi <= 0))
        return true;
    double step = half_step(knob);
    return fabs(a.lo - b.lo) < step && fabs(a.hi - b.hi) < step;
}

#define RELEASED "released"

static const char *format_ends(enum wtl_knob knob, struct wtl_knob_value value,
                               char buf[WTL_KNOB_TEXT])
{
    char lo[WTL_DOUBLE_TEXT], hi[WTL_DOUBLE_TEXT];
    wtl_format_double(value.lo, lo);
    wtl_format_double(value.hi, hi);
    const char *unit = table[knob].unit == WTL_UNIT_NONE ? value.hi == 1 ? "CPU" : "CPUs"
                                                         : wtl_unit_symbol(table[knob].unit);
    if (value.lo < value.hi || value.lo > value.hi)
        snprintf(buf, WTL_KNOB_TEXT, "%s-%s %s", lo, hi, unit);
    else
        snprintf(buf, WTL_KNOB_TEXT, "%s %s", hi, unit);
    return buf;
}

const char *wtl_knob_format(enum wtl_knob knob, struct wtl_knob_value value,
                            char buf[WTL_KNOB_TEXT])
{
    char ends[WTL_KNOB_TEXT];
    if (!value.released)
        return format_ends(knob, value, buf);
    if (value.hi > 0)
        snprintf(buf, WTL_KNOB_TEXT, RELEASED " (%.60s)", format_ends(knob, value, ends));
    else
        snprintf(buf, WTL_KNOB_TEXT, RELEASED);
    return buf;
}

/* One end; `text` without the word "CPUs". */
static int parse_end(enum wtl_knob knob, const char *text, double *out, struct wtl_error *err)
{
    int rc = wtl_parse_quantity(text, table[knob].unit, out, err);
    if (rc < 0)
        return rc;
    if (*out <= 0)
        return WTL_FAIL(err, WTL_USAGE, "%s \"%s\" is not above 0", table[knob].title, text);
    return 0;
}

/* Takes "CPU" or "CPUs" off the end of a quota. */
static void cut_cpus(char *text)
{
    size_t n = strlen(text);
    n -= wtl_ends_with(text, "CPUs") ? 4 : wtl_ends_with(text, "CPU") ? 3 : 0;
    while (n > 0 && text[n - 1] == ' ')
        n--;
    text[n] = '\0';
}

/* "1140", "300-1140MHz". */
static int parse_ends(enum wtl_knob knob, const char *text, struct wtl_knob_value *value_out,
                      struct wtl_error *err)
{
    char buf[WTL_KNOB_TEXT];
    if (strlen(text) >= sizeof buf)
        return WTL_FAIL(err, WTL_USAGE, "%s \"%.20s...\" is too long", table[knob].title, text);
    memcpy(buf, text, strlen(text) + 1);
    if (table[knob].unit == WTL_UNIT_NONE)
        cut_cpus(buf);
    char *dash = table[knob].range ? strchr(buf, '-') : NULL;
    if (dash)
        *dash = '\0';
    struct wtl_knob_value v = {0};
    int rc = parse_end(knob, dash ? dash + 1 : buf, &v.hi, err);
    if (rc < 0)
        return rc;
    v.lo = v.hi;
    if (dash)
        rc = parse_end(knob, buf, &v.lo, err);
    if (rc < 0)
        return rc;
    if (v.lo > v.hi)
        return WTL_FAIL(err, WTL_USAGE, "%s \"%s\" has its lower end above its upper end",
                        table[knob].title, text);
    *value_out = v;
    return 0;
}

int wtl_knob_parse(enum wtl_knob knob, const char *text, struct wtl_knob_value *value_out,
                   struct wtl_error *err)
{
    static const char before[] = RELEASED " (";
    if (strcmp(text, RELEASED) == 0) {
        *value_out = wtl_knob_released();
        return 0;
    }
    size_t n = strlen(text);
    if (!wtl_starts_with(text, before) || n > WTL_KNOB_TEXT || text[n - 1] != ')')
        return parse_ends(knob, text, value_out, err);
    char ends[WTL_KNOB_TEXT];
    n -= sizeof before; /* as many bytes as the beginning and the parenthesis at the end */
    memcpy(ends, text + sizeof before - 1, n);
    ends[n] = '\0';
    int rc = parse_ends(knob, ends, value_out, err);
    if (rc == 0)
        value_out->released = true;
    return rc;
}
