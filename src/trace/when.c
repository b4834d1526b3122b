/* SPDX-License-Identifier: Apache-2.0
 * Dates and numbers of seconds. */
#include "trace/when.h"

static const int64_t ns_per_s = 1000000000;

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A reader of digits that stops at the end of the text. */
struct cursor {
    const char *p, *end;
};

/* Exactly `n` digits. */
static bool fixed(struct cursor *c, int n, int *out)
{
    int v = 0;
    for (int i = 0; i < n; i++, c->p++) {
        if (c->p == c->end || !digit(*c->p))
            return false;
        v = v * 10 + (*c->p - '0');
    }
    *out = v;
    return true;
}

static bool skip(struct cursor *c, char wanted)
{
    bool there = c->p < c->end && *c->p == wanted;
    c->p += there;
    return there;
}

/* ".123" (or nothing) of a unit in ns. Summed in ps, in which tenths of an hour, too, are whole for
 * as many digits as a ns needs; what is finer is passed over. */
static bool fraction_ns(struct cursor *c, int64_t unit_ns, int64_t *ns)
{
    *ns = 0;
    if (!skip(c, '.'))
        return true;
    const char *from = c->p;
    int64_t ps = 0, place = unit_ns * 100;
    for (; c->p < c->end && digit(*c->p); c->p++, place /= 10)
        ps += (*c->p - '0') * place;
    *ns = ps / 1000;
    return c->p > from;
}

/* Days from 1970-01-01 in the proleptic Gregorian calendar (Hinnant, "chrono-Compatible Low-Level
 * Date Algorithms", days_from_civil). */
static int64_t days_from_civil(int y, int m, int d)
{
    y -= m <= 2;
    int era = (y >= 0 ? y : y - 399) / 400;
    int yoe = y - era * 400;
    int doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    int doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return (int64_t)era * 146097 + doe - 719468;
}

static bool valid_date(int y, int m, int d)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    return y >= 1678 && y <= 2261 && m >= 1 && m <= 12 && d >= 1 &&
           d <= days[m - 1] + (m == 2 && leap);
}

/* "2026-11-21" or "2026/11/21"; when there is no date at all, day 0. */
static bool date(struct cursor *c, int64_t *days, bool *dated)
{
    int y = 0;
    int m = 0;
    int d = 0;
    struct cursor start = *c;
    if (!fixed(c, 4, &y)) { /* "11:33:00" has two digits and a colon */
        *c = start;
        *days = 0;
        *dated = false;
        return true;
    }
    char separator = c->p < c->end ? *c->p : '\0';
    if (separator != '-' && separator != '/')
        return false;
    c->p++;
    if (!fixed(c, 2, &m) || !skip(c, separator) || !fixed(c, 2, &d) || !valid_date(y, m, d))
        return false;
    *days = days_from_civil(y, m, d);
    *dated = true;
    return true;
}

static bool time_of_day(struct cursor *c, int64_t *ns)
{
    int h = 0;
    int m = 0;
    int s = 0;
    int64_t fraction = 0;
    if (!fixed(c, 2, &h) || !skip(c, ':') || !fixed(c, 2, &m) || h > 23 || m > 59)
        return false;
    if (skip(c, ':') && (!fixed(c, 2, &s) || s > 60 || !fraction_ns(c, ns_per_s, &fraction)))
        return false;
    *ns = ((int64_t)h * 3600 + m * 60 + s) * ns_per_s + fraction;
    return true;
}

/* "", "Z", "+02:00", "-0530". */
static bool zone(struct cursor *c, int64_t *offset_s)
{
    *offset_s = 0;
    if (c->p == c->end || skip(c, 'Z'))
        return true;
    skip(c, ' ');
    int sign = skip(c, '+') ? 1 : skip(c, '-') ? -1 : 0;
    int h = 0;
    int m = 0;
    if (!sign || !fixed(c, 2, &h))
        return false;
    skip(c, ':');
    if (c->p < c->end && !fixed(c, 2, &m))
        return false;
    *offset_s = sign * ((int64_t)h * 3600 + m * 60);
    return h < 24 && m < 60;
}

static bool parse_iso(struct wtl_view text, int64_t *t_ns)
{
    struct cursor c = {text.s, text.s + text.n};
    int64_t days = 0;
    int64_t of_day = 0;
    int64_t offset_s = 0;
    bool dated = false;
    if (!date(&c, &days, &dated))
        return false;
    if (dated && c.p < c.end) {
        if (!skip(&c, 'T') && !skip(&c, ' '))
            return false;
        while (skip(&c, ' ')) {
        }
    }
    if (!(dated && c.p == c.end) && !time_of_day(&c, &of_day))
        return false;
    if (!zone(&c, &offset_s) || c.p != c.end)
        return false;
    *t_ns = (days * 86400 - offset_s) * ns_per_s + of_day;
    return true;
}

/* [+-]digits[.digits] units of `unit_ns` each. */
static bool parse_count(struct wtl_view text, int64_t unit_ns, int64_t *t_ns)
{
    struct cursor c = {text.s, text.s + text.n};
    bool negative = skip(&c, '-');
    if (!negative)
        skip(&c, '+');
    const char *from = c.p;
    int64_t whole = 0;
    for (; c.p < c.end && digit(*c.p); c.p++)
        if (__builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_add_overflow(whole, *c.p - '0', &whole))
            return false;
    bool digits = c.p > from;
    int64_t fraction = 0;
    bool has_point = c.p < c.end && *c.p == '.';
    if (has_point && !(digits && c.p + 1 == c.end) && !fraction_ns(&c, unit_ns, &fraction))
        return false;
    if (has_point && c.p + 1 == c.end)
        c.p++; /* "12." */
    if (c.p != c.end || (!digits && !has_point))
        return false;
    int64_t ns;
    if (__builtin_mul_overflow(whole, unit_ns, &ns) || __builtin_add_overflow(ns, fraction, &ns))
        return false;
    *t_ns = negative ? -ns : ns;
    return true;
}

/* A number in exponent form ("1.69e9") loses nothing that it had. */
static bool parse_exponent(struct wtl_view text, int64_t unit_ns, int64_t *t_ns)
{
    double v;
    if (!wtl_parse_double(text.s, text.n, &v))
        return false;
    v *= (double)unit_ns;
    if (!(v > -9.2e18 && v < 9.2e18))
        return false;
    *t_ns = (int64_t)v;
    return true;
}

static bool parse_number(struct wtl_view text, int64_t unit_ns, int64_t *t_ns)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.s[i] == 'e' || text.s[i] == 'E')
            return parse_exponent(text, unit_ns, t_ns);
    return parse_count(text, unit_ns, t_ns);
}

static int64_t unit_by_size(struct wtl_view text)
{
    size_t i = text.n && (text.s[0] == '-' || text.s[0] == '+');
    size_t digits = 0;
    while (i + digits < text.n && digit(text.s[i + digits]))
        digits++;
    return digits >= 18 ? 1 : digits >= 15 ? 1000 : digits >= 12 ? 1000000 : ns_per_s;
}

static bool looks_like_date(struct wtl_view text)
{
    for (size_t i = 1; i < text.n; i++)
        if (text.s[i] == ':' || text.s[i] == '/' || (text.s[i] == '-' && digit(text.s[i - 1])))
            return true;
    return false;
}

bool wtl_parse_time(struct wtl_view text, enum wtl_time_form form, int64_t *t_ns)
{
    text = wtl_view_trim(text);
    switch (form) {
    case WTL_TIME_ISO:
        return parse_iso(text, t_ns);
    case WTL_TIME_SECONDS:
        return parse_number(text, ns_per_s, t_ns);
    case WTL_TIME_MS:
        return parse_number(text, 1000000, t_ns);
    case WTL_TIME_US:
        return parse_number(text, 1000, t_ns);
    case WTL_TIME_NS:
        return parse_number(text, 1, t_ns);
    case WTL_TIME_MINUTES:
        return parse_number(text, 60 * ns_per_s, t_ns);
    case WTL_TIME_HOURS:
        return parse_number(text, 3600 * ns_per_s, t_ns);
    case WTL_TIME_DAYS:
        return parse_number(text, 86400 * ns_per_s, t_ns);
    case WTL_TIME_AUTO:
        break;
    }
    return looks_like_date(text) ? parse_iso(text, t_ns)
                                 : parse_number(text, unit_by_size(text), t_ns);
}
