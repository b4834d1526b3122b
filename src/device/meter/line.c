/* SPDX-License-Identifier: Apache-2.0
 * Names of meters, and the lines that they print. */
#include "device/meter/meter.h"

#include "base/text.h"
#include "base/units.h"
#include "device/backend.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* No meter on a node shows more; 1e18 J are 32 years of a gigawatt. */
#define MAX_W 1e9
#define MAX_J 1e18

/* Unix seconds from 1973 to 2255 (int64_t ns end in 2262): what is outside counts from something
 * else, or in ms. */
#define MIN_T 1e8
#define MAX_T 9e9

/* ---- Names ----------------------------------------------------------------------------------- */

static int parse_unit(const char *text, struct wtl_meter_options *o, struct wtl_error *err)
{
    if (wtl_unit_scale(text, WTL_UNIT_WATT, &o->scale))
        o->bare = WTL_M_power_w;
    else if (wtl_unit_scale(text, WTL_UNIT_JOULE, &o->scale))
        o->bare = WTL_M_energy_counter_j;
    else
        return WTL_FAIL(err, WTL_USAGE,
                        "\"unit=%s\": units of meters are uW, mW, W, kW, and uJ, mJ, J, kJ, MJ, "
                        "Wh, kWh",
                        text);
    o->has_unit = true;
    return 0;
}

static int parse_period(const char *text, struct wtl_meter_options *o, struct wtl_error *err)
{
    double s = 0;
    int rc = wtl_parse_setting(text, WTL_UNIT_SECOND, &s, err);
    if (rc < 0)
        return rc;
    if (!(s >= 1e-4 && s <= 3600))
        return WTL_FAIL(err, WTL_USAGE, "\"period=%s\": a period is 0.1 ms to an hour", text);
    o->period_ns = (int64_t)(s * 1e9);
    return 0;
}

static int parse_wraps(const char *text, struct wtl_meter_options *o, struct wtl_error *err)
{
    double j = 0;
    int rc = wtl_parse_quantity(text, WTL_UNIT_JOULE, &j, err);
    if (rc < 0)
        return rc;
    if (!(j > 0 && j <= MAX_J))
        return WTL_FAIL(err, WTL_USAGE, "\"wraps=%s\": an energy above 0 is meant", text);
    o->wraps_at = j;
    return 0;
}

static int parse_name(const char *text, struct wtl_meter_options *o, struct wtl_error *err)
{
    return wtl_backend_name(text, o->name, err);
}

static const struct {
    const char *key;
    int (*parse)(const char *text, struct wtl_meter_options *o, struct wtl_error *err);
} option_table[] = {{"unit=", parse_unit},
                    {"period=", parse_period},
                    {"wraps=", parse_wraps},
                    {"name=", parse_name}};

/* 0; 1: no option. */
static int parse_option(const char *text, struct wtl_meter_options *o, struct wtl_error *err)
{
    for (size_t i = 0; i < sizeof option_table / sizeof option_table[0]; i++)
        if (wtl_starts_with(text, option_table[i].key))
            return option_table[i].parse(text + strlen(option_table[i].key), o, err);
    return 1;
}

static int parse_source(const char *text, struct wtl_meter_options *o, struct wtl_error *err)
{
    static const char *const words[] = {"exec:", "file:", "ptd:"};
    for (int i = 0; i < 3; i++) {
        if (!wtl_starts_with(text, words[i]))
            continue;
        const char *what = text + strlen(words[i]);
        if (strlen(what) >= sizeof o->what)
            return WTL_FAIL(err, WTL_LIMIT, "\"meter:%.60s...\" is longer than %zu bytes", text,
                            sizeof o->what);
        o->source = (enum wtl_meter_source)i;
        snprintf(o->what, sizeof o->what, "%s", what);
        return 0;
    }
    int rc = WTL_FAIL(err, WTL_USAGE, "\"meter:%.80s\" names no kind of meter", text);
    wtl_error_hint(err, "meter:exec:COMMAND, meter:file:PATH, meter:ptd:HOST");
    return rc;
}

int wtl_meter_parse(const char *text, struct wtl_meter_options *options_out, struct wtl_error *err)
{
    struct wtl_meter_options o = {.bare = WTL_M_power_w, .scale = 1};
    int rc = parse_source(text, &o, err);
    if (rc < 0)
        return rc;
    for (char *comma; (comma = strrchr(o.what, ',')) != NULL; *comma = '\0') {
        rc = parse_option(comma + 1, &o, err);
        if (rc < 0)
            return rc;
        if (rc > 0)
            break;
    }
    if (!o.what[strspn(o.what, " \t")]) {
        rc = WTL_FAIL(err, WTL_USAGE, "\"meter:%.80s\" names no %s", text,
                      o.source == WTL_METER_EXEC   ? "command"
                      : o.source == WTL_METER_FILE ? "file"
                                                   : "host");
        wtl_error_hint(err, "meter:exec:COMMAND,unit=W,name=NAME; meter:file:PATH,unit=uW");
        return rc;
    }
    if (o.source == WTL_METER_PTD && (o.has_unit || o.wraps_at > 0 || o.period_ns > 0))
        return WTL_FAIL(err, WTL_USAGE,
                        "\"meter:%.80s\": a PTDaemon says by itself what it measures and how often",
                        text);
    *options_out = o;
    return 0;
}

void wtl_meter_id(const struct wtl_meter_options *o, char id_out[WTL_LIMIT_NAME])
{
    enum { ROOM = WTL_LIMIT_NAME - 1 - 6 };
    const char *from = o->name;
    size_t n = strlen(o->name);
    if (n == 0 && o->source != WTL_METER_EXEC) {
        from = o->what;
        n = strlen(from);
        if (n > ROOM) { /* the end tells paths apart */
            from += n - ROOM;
            n = ROOM;
        }
    } else if (n == 0) { /* the last part of the command's first word */
        from = o->what + strspn(o->what, " \t");
        n = strcspn(from, " \t");
        for (size_t i = n; i-- > 0;)
            if (from[i] == '/' && i + 1 < n) {
                from += i + 1;
                n -= i + 1;
                break;
            }
        n = n > ROOM ? ROOM : n;
    }
    snprintf(id_out, WTL_LIMIT_NAME, "meter:%.*s", (int)n, from);
    for (char *p = id_out; *p; p++) /* ids are words */
        if (!isalnum((unsigned char)*p) && !strchr(":._/+-", *p))
            *p = '_';
}

/* ---- Lines ----------------------------------------------------------------------------------- */

/* Cuts the next word off; false: there is none. */
static bool next_word(const char **s, const char *end, struct wtl_view *word)
{
    static const char between[] = " \t,\r";
    const char *p = *s;
    while (p < end && *p && strchr(between, *p))
        p++;
    word->s = p;
    while (p < end && *p && !strchr(between, *p))
        p++;
    word->n = (size_t)(p - word->s);
    *s = p;
    return word->n > 0;
}

static int take_value(int which, double value, const char *line, int shown,
                      struct wtl_meter_reading *r, struct wtl_error *err)
{
    if (!(value >= 0 && value <= (which == WTL_METER_POWER ? MAX_W : MAX_J)))
        return WTL_FAIL(err, WTL_PARSE, "\"%.*s\": %g %s is no reading of a meter", shown, line,
                        value, which == WTL_METER_POWER ? "W" : "J");
    r->has[which] = true;
    r->value[which] = value;
    return 0;
}

static int take_time(double t, const char *line, int shown, struct wtl_meter_reading *r,
                     struct wtl_error *err)
{
    if (!(t >= MIN_T && t <= MAX_T))
        return WTL_FAIL(err, WTL_PARSE, "\"%.*s\": the time %g is not in Unix seconds", shown, line,
                        t);
    r->t_ns = (int64_t)t * WTL_NS_PER_S + (int64_t)((t - floor(t)) * 1e9);
    return 0;
}

/* "power_w=231.4": 0, also for keys that are nobody's; 1: no such pair. */
static int take_pair(struct wtl_view word, const char *line, int shown, struct wtl_meter_reading *r,
                     struct wtl_error *err)
{
    const char *equals = memchr(word.s, '=', word.n);
    if (!equals)
        return 1;
    struct wtl_view key = {word.s, (size_t)(equals - word.s)};
    bool power = wtl_view_is(key, "power_w"), energy = wtl_view_is(key, "energy_j");
    double value = 0;
    if (!power && !energy && !wtl_view_is(key, "t"))
        return 0;
    if (!wtl_parse_double(equals + 1, word.n - key.n - 1, &value))
        return WTL_FAIL(err, WTL_PARSE, "\"%.*s\": \"%.*s\" is no number", shown, line, (int)word.n,
                        word.s);
    return power || energy
               ? take_value(energy ? WTL_METER_ENERGY : WTL_METER_POWER, value, line, shown, r, err)
               : take_time(value, line, shown, r, err);
}

/* VALUE, or TIME VALUE. */
static int take_bare(const double *number, int n, const char *line, int shown,
                     const struct wtl_meter_options *o, struct wtl_meter_reading *r,
                     struct wtl_error *err)
{
    int rc = n == 2 ? take_time(number[0], line, shown, r, err) : 0;
    int which = o->bare == WTL_M_power_w ? WTL_METER_POWER : WTL_METER_ENERGY;
    return rc ? rc : take_value(which, number[n - 1] * o->scale, line, shown, r, err);
}

/* Clocks that follow one server are milliseconds apart. */
static const int64_t ahead_max_ns = 2 * WTL_NS_PER_S;

int wtl_meter_line(const char *line, size_t n, const struct wtl_meter_options *o, int64_t came_ns,
                   struct wtl_meter_reading *out, struct wtl_error *err)
{
    struct wtl_meter_reading r = {0};
    struct wtl_view word;
    double number[2] = {0};
    int n_bare = 0, n_words = 0;
    const int shown = n < 60 ? (int)n : 60;
    const char *s = line, *end = line + n;
    int rc = 0;
    while (rc == 0 && next_word(&s, end, &word)) {
        if (n_words++ == 0 && word.s[0] == '#')
            return 0;
        rc = take_pair(word, line, shown, &r, err);
        if (rc <= 0)
            continue;
        rc = n_bare < 2 && wtl_parse_double(word.s, word.n, &number[n_bare])
                 ? 0
                 : WTL_FAIL(err, WTL_PARSE, "\"%.*s\" is no reading", shown, line);
        n_bare++;
    }
    if (rc < 0)
        return rc;
    if (s != end) /* a NUL */
        return WTL_FAIL(err, WTL_PARSE, "\"%.*s\" is no reading", shown, line);
    if (n_words == 0)
        return 0;
    if (n_bare > 0 && n_bare != n_words)
        return WTL_FAIL(err, WTL_PARSE, "\"%.*s\" is no reading: bare numbers or key=value pairs",
                        shown, line);
    if (n_bare > 0)
        rc = take_bare(number, n_bare, line, shown, o, &r, err);
    else if (!r.has[WTL_METER_POWER] && !r.has[WTL_METER_ENERGY])
        rc = WTL_FAIL(err, WTL_PARSE, "\"%.*s\" has neither power_w= nor energy_j=", shown, line);
    if (rc < 0)
        return rc;
    if (came_ns > 0 && r.t_ns > came_ns + ahead_max_ns)
        return WTL_FAIL(err, WTL_PARSE,
                        "\"%.*s\": its time is %.0f s ahead of this machine's clock", shown, line,
                        1e-9 * (double)(r.t_ns - came_ns));
    *out = r;
    return 1;
}
