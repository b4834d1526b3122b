/* SPDX-License-Identifier: Apache-2.0
 * Quantities with units, both ways. */
#include "base/units.h"

#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct suffix {
    enum wtl_unit unit;
    const char *text;
    double factor; /* to the base unit */
};

/* Exact spelling: "mW" is not "MW". */
static const struct suffix suffixes[] = {
    {WTL_UNIT_WATT, "W", 1},         {WTL_UNIT_WATT, "mW", 1e-3},
    {WTL_UNIT_WATT, "kW", 1e3},      {WTL_UNIT_WATT, "MW", 1e6},
    {WTL_UNIT_JOULE, "J", 1},        {WTL_UNIT_JOULE, "mJ", 1e-3},
    {WTL_UNIT_JOULE, "kJ", 1e3},     {WTL_UNIT_JOULE, "MJ", 1e6},
    {WTL_UNIT_JOULE, "Wh", 3600},    {WTL_UNIT_JOULE, "kWh", 3.6e6},
    {WTL_UNIT_SECOND, "s", 1},       {WTL_UNIT_SECOND, "ns", 1e-9},
    {WTL_UNIT_SECOND, "us", 1e-6},   {WTL_UNIT_SECOND, "ms", 1e-3},
    {WTL_UNIT_SECOND, "min", 60},    {WTL_UNIT_SECOND, "h", 3600},
    {WTL_UNIT_SECOND, "d", 86400},   {WTL_UNIT_MHZ, "MHz", 1},
    {WTL_UNIT_MHZ, "Hz", 1e-6},      {WTL_UNIT_MHZ, "kHz", 1e-3},
    {WTL_UNIT_MHZ, "GHz", 1e3},      {WTL_UNIT_FRACTION, "%", 0.01},
    {WTL_UNIT_CELSIUS, "C", 1},      {WTL_UNIT_BYTE, "B", 1},
    {WTL_UNIT_BYTE, "kB", 1e3},      {WTL_UNIT_BYTE, "KB", 1e3},
    {WTL_UNIT_BYTE, "MB", 1e6},      {WTL_UNIT_BYTE, "GB", 1e9},
    {WTL_UNIT_BYTE, "TB", 1e12},     {WTL_UNIT_BYTE, "KiB", 1024},
    {WTL_UNIT_BYTE, "MiB", 1048576}, {WTL_UNIT_BYTE, "GiB", 1073741824},
    {WTL_UNIT_BYTE, "TiB", 0x1p40},  {WTL_UNIT_RATE, "/s", 1},
    {WTL_UNIT_RATE, "rps", 1},       {WTL_UNIT_RATE, "/min", 1.0 / 60},
};
enum { N_SUFFIXES = sizeof suffixes / sizeof suffixes[0] };

const char *wtl_unit_symbol(enum wtl_unit unit)
{
    switch (unit) {
    case WTL_UNIT_WATT:
        return "W";
    case WTL_UNIT_JOULE:
        return "J";
    case WTL_UNIT_SECOND:
        return "s";
    case WTL_UNIT_MHZ:
        return "MHz";
    case WTL_UNIT_CELSIUS:
        return "C";
    case WTL_UNIT_BYTE:
        return "B";
    case WTL_UNIT_RATE:
        return "/s";
    case WTL_UNIT_FRACTION:
    case WTL_UNIT_NONE:
        break;
    }
    return "";
}

/* Unit names that headers write out, besides the suffixes above. */
static const struct suffix words[] = {
    {WTL_UNIT_WATT, "uW", 1e-6},
    {WTL_UNIT_WATT, "watt", 1},
    {WTL_UNIT_WATT, "watts", 1},
    {WTL_UNIT_WATT, "milliwatts", 1e-3},
    {WTL_UNIT_WATT, "kilowatts", 1e3},
    {WTL_UNIT_JOULE, "uJ", 1e-6},
    {WTL_UNIT_JOULE, "joule", 1},
    {WTL_UNIT_JOULE, "joules", 1},
    {WTL_UNIT_JOULE, "Ws", 1},
    {WTL_UNIT_JOULE, "mWh", 3.6},
    {WTL_UNIT_JOULE, "millijoules", 1e-3},
    {WTL_UNIT_JOULE, "kilojoules", 1e3},
    {WTL_UNIT_JOULE, "watthours", 3600},
    {WTL_UNIT_SECOND, "sec", 1},
    {WTL_UNIT_SECOND, "secs", 1},
    {WTL_UNIT_SECOND, "second", 1},
    {WTL_UNIT_SECOND, "seconds", 1},
    {WTL_UNIT_SECOND, "msec", 1e-3},
    {WTL_UNIT_SECOND, "milliseconds", 1e-3},
    {WTL_UNIT_SECOND, "usec", 1e-6},
    {WTL_UNIT_SECOND, "microseconds", 1e-6},
    {WTL_UNIT_SECOND, "\xc2\xb5s", 1e-6},
    {WTL_UNIT_SECOND, "nsec", 1e-9},
    {WTL_UNIT_SECOND, "nanoseconds", 1e-9},
    {WTL_UNIT_SECOND, "mins", 60},
    {WTL_UNIT_SECOND, "minute", 60},
    {WTL_UNIT_SECOND, "minutes", 60},
    {WTL_UNIT_SECOND, "hr", 3600},
    {WTL_UNIT_SECOND, "hrs", 3600},
    {WTL_UNIT_SECOND, "hour", 3600},
    {WTL_UNIT_SECOND, "hours", 3600},
    {WTL_UNIT_FRACTION, "percent", 0.01},
    {WTL_UNIT_FRACTION, "pct", 0.01},
    {WTL_UNIT_CELSIUS,
     "\xc2\xb0"
     "C",
     1},
    {WTL_UNIT_CELSIUS, "degC", 1},
};
enum { N_WORDS = sizeof words / sizeof words[0] };

bool wtl_unit_scale(const char *text, enum wtl_unit unit, double *scale_out)
{
    for (int i = 0; i < N_SUFFIXES; i++)
        if (suffixes[i].unit == unit && strcmp(suffixes[i].text, text) == 0) {
            *scale_out = suffixes[i].factor;
            return true;
        }
    for (int i = 0; i < N_WORDS; i++)
        if (words[i].unit == unit && strcasecmp(words[i].text, text) == 0) {
            *scale_out = words[i].factor;
            return true;
        }
    return false;
}

bool wtl_unit_word_scale(const char *word, enum wtl_unit unit, double *scale_out)
{
    if (wtl_unit_scale(word, unit, scale_out))
        return true;
    for (int i = 0; i < N_SUFFIXES; i++) /* smaller prefixes stand first */
        if (suffixes[i].unit == unit && strcasecmp(suffixes[i].text, word) == 0) {
            *scale_out = suffixes[i].factor;
            return true;
        }
    return false;
}

/* "60Mhz" -> "60MHz": the suffix that was meant, where only the case of its letters is wrong and
 * but one can be meant; else "". */
static void guess(const char *text, enum wtl_unit unit, char *buf, size_t size)
{
    const struct wtl_view v = wtl_view_trim(wtl_view_of(text));
    int n = 0;
    double value;
    for (int i = 0; i < N_SUFFIXES; i++) {
        const size_t k = strlen(suffixes[i].text);
        if (suffixes[i].unit != unit || v.n <= k ||
            strncasecmp(v.s + v.n - k, suffixes[i].text, k) != 0)
            continue;
        const struct wtl_view number = wtl_view_trim((struct wtl_view){v.s, v.n - k});
        if (wtl_parse_double(number.s, number.n, &value) && ++n == 1)
            (void)snprintf(buf, size, "did you mean %.*s%s? ", (int)(number.n < 40 ? number.n : 40),
                           number.s, suffixes[i].text);
    }
    if (n != 1)
        buf[0] = '\0';
}

static int refuse(const char *text, enum wtl_unit unit, struct wtl_error *err)
{
    char accepted[160] = "", meant[80] = "";
    size_t n = 0;
    for (int i = 0; i < N_SUFFIXES; i++)
        if (suffixes[i].unit == unit && n < sizeof accepted)
            n += (size_t)snprintf(accepted + n, sizeof accepted - n, "%s%s", n ? ", " : "",
                                  suffixes[i].text);
    int rc = WTL_FAIL(err, WTL_USAGE, "\"%s\" is not a quantity that is meant here", text);
    guess(text, unit, meant, sizeof meant);
    if (accepted[0])
        wtl_error_hint(err, "%swrite a number with one of these suffixes: %s", meant, accepted);
    else
        wtl_error_hint(err, "write a plain number");
    return rc;
}

int wtl_parse_quantity(const char *text, enum wtl_unit unit, double *value_out,
                       struct wtl_error *err)
{
    struct wtl_view v = wtl_view_trim(wtl_view_of(text));
    double value;
    if (wtl_parse_double(v.s, v.n, &value)) {
        *value_out = value;
        return 0;
    }
    for (int i = 0; i < N_SUFFIXES; i++) {
        size_t k = strlen(suffixes[i].text);
        if (suffixes[i].unit != unit || v.n <= k)
            continue;
        if (memcmp(v.s + v.n - k, suffixes[i].text, k) != 0)
            continue;
        struct wtl_view number = wtl_view_trim((struct wtl_view){v.s, v.n - k});
        if (wtl_parse_double(number.s, number.n, &value)) {
            *value_out = value * suffixes[i].factor;
            return 0;
        }
    }
    return refuse(text, unit, err);
}

int wtl_parse_setting(const char *text, enum wtl_unit unit, double *value_out,
                      struct wtl_error *err)
{
    struct wtl_view v = wtl_view_trim(wtl_view_of(text));
    double value;
    bool bare = wtl_parse_double(v.s, v.n, &value);
    if (bare && unit == WTL_UNIT_SECOND && value != 0) {
        int rc = WTL_FAIL(err, WTL_USAGE, "\"%s\" is a time without a unit", text);
        wtl_error_hint(err, "did you mean %gms or %gs?", value, value);
        return rc;
    }
    if (!bare || unit != WTL_UNIT_FRACTION || fabs(value) < 1)
        return wtl_parse_quantity(text, unit, value_out, err);
    int rc = WTL_FAIL(err, WTL_USAGE, "\"%s\" has no %% sign and is no fraction below 1", text);
    wtl_error_hint(err, "did you mean %g%%? (%g%% if you meant %g times)", value, 100 * value,
                   value);
    return rc;
}

const char *wtl_format_bound(double value, enum wtl_unit unit, char *buf, size_t size)
{
    const char *symbol = wtl_unit_symbol(unit);
    if (unit == WTL_UNIT_FRACTION)
        snprintf(buf, size, "%g %%", value * 100);
    else
        snprintf(buf, size, "%g%s%s", value, symbol[0] ? " " : "", symbol);
    return buf;
}

/* Four significant digits of a value from 0.1 to 10000, never as a power of ten; others as %g. */
static void format_digits(double value, bool zeros, char *buf, size_t size)
{
    double a = fabs(value);
    int decimals = a < 0.99995 ? 4 : a < 9.9995 ? 3 : a < 99.995 ? 2 : a < 999.95 ? 1 : 0;
    if (zeros && a >= 0.1 && a < 9999.5)
        snprintf(buf, size, "%.*f", decimals, value);
    else
        snprintf(buf, size, "%.4g", value);
}

static const char *format(double value, enum wtl_unit unit, bool zeros, char *buf, size_t size)
{
    static const struct {
        double factor;
        const char *prefix;
    } prefixes[] = {{1e9, "G"}, {1e6, "M"}, {1e3, "k"}, {1, ""}, {1e-3, "m"}, {1e-6, "u"}};
    const char *symbol = wtl_unit_symbol(unit);
    bool whole = unit == WTL_UNIT_BYTE && fabs(value) < 999.5;
    if (unit == WTL_UNIT_FRACTION || unit == WTL_UNIT_MHZ || whole) {
        bool fraction = unit == WTL_UNIT_FRACTION;
        snprintf(buf, size, "%.*f %s", fraction, fraction ? value * 100 : value,
                 fraction ? "%" : symbol);
        return buf;
    }
    bool scaled = unit == WTL_UNIT_WATT || unit == WTL_UNIT_JOULE || unit == WTL_UNIT_BYTE ||
                  (unit == WTL_UNIT_SECOND && fabs(value) < 1);
    size_t n = sizeof prefixes / sizeof prefixes[0];
    size_t i = 3;
    if (scaled && value != 0)
        for (i = 0; i + 1 < n && fabs(value) < prefixes[i].factor * 0.99995;)
            i++;
    char digits[40];
    format_digits(value / prefixes[i].factor, zeros, digits, sizeof digits);
    snprintf(buf, size, "%s%s%s%s", digits, prefixes[i].prefix[0] || symbol[0] ? " " : "",
             prefixes[i].prefix, symbol);
    return buf;
}

const char *wtl_format_quantity(double value, enum wtl_unit unit, char *buf, size_t size)
{
    return format(value, unit, false, buf, size);
}

const char *wtl_format_measured(double value, enum wtl_unit unit, char *buf, size_t size)
{
    return format(value, unit, true, buf, size);
}

bool wtl_unit_follows(const char *text, size_t at)
{
    static const char *const units[] = {"%",   "pp",  "s", "ms", "us", "min", "h",  "W",  "mW",
                                        "kW",  "MW",  "J", "mJ", "kJ", "MJ",  "GJ", "Wh", "kWh",
                                        "MHz", "GHz", "B", "kB", "MB", "GB",  "g",  "kg", "°C"};
    if (at == 0 || text[at] != ' ' || text[at - 1] < '0' || text[at - 1] > '9')
        return false;
    const char *word = text + at + 1;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        size_t n = strlen(units[i]);
        if (strncmp(word, units[i], n) == 0 && strchr(" .,;:)\n", word[n]))
            return true; /* strchr finds the end of the text as well */
    }
    return false;
}
