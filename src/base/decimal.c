/* SPDX-License-Identifier: Apache-2.0
 * A double as the shortest decimal that reads back. Samples are written a million an hour: where no
 * exponent is needed, the digits are worked out in integers, exactly. */
#include "base/text.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

__extension__ typedef unsigned __int128 wide;

enum { DIGITS_MIN = 15, DIGITS_MAX = 17, POWERS = 20 };

static const uint64_t power10[POWERS] = {UINT64_C(1),
                                         UINT64_C(10),
                                         UINT64_C(100),
                                         UINT64_C(1000),
                                         UINT64_C(10000),
                                         UINT64_C(100000),
                                         UINT64_C(1000000),
                                         UINT64_C(10000000),
                                         UINT64_C(100000000),
                                         UINT64_C(1000000000),
                                         UINT64_C(10000000000),
                                         UINT64_C(100000000000),
                                         UINT64_C(1000000000000),
                                         UINT64_C(10000000000000),
                                         UINT64_C(100000000000000),
                                         UINT64_C(1000000000000000),
                                         UINT64_C(10000000000000000),
                                         UINT64_C(100000000000000000),
                                         UINT64_C(1000000000000000000),
                                         UINT64_C(10000000000000000000)};

/* Above, "%.15g" has an exponent; below, the bits of a value reach further than 64 behind the
 * point. */
static const double least = 1e-3, most = 9e14;

/* Of least <= value < most, the integers that it is made of. */
struct parts {
    uint64_t whole, fraction; /* value = whole + fraction / 2^64, exactly */
    uint64_t half_ulp;        /* half the way to the next double, over 2^64 */
    bool even;                /* halfway between two doubles reads as the even one */
    int before;               /* digits before the point; 0 or less: zeros behind it */
};

static struct parts take_apart(double value)
{
    struct parts p = {.whole = (uint64_t)value};
    int exponent;
    const double mantissa = frexp(value, &exponent); /* 53 bits, the last worth 2^(exponent - 53) */
    p.fraction = (uint64_t)ldexp(value - (double)p.whole, 64);
    p.half_ulp = UINT64_C(1) << (exponent - 53 - 1 + 64);
    p.even = ((uint64_t)ldexp(mantissa, 53) & 1) == 0;
    while (p.whole >= power10[p.before])
        p.before++;
    if (p.whole == 0)
        p.before = value >= 0.1 ? 0 : value >= 0.01 ? -1 : -2;
    return p;
}

/* The value in units of 10^-decimals, rounded as printf does. Whether that reads back. Both sides
 * of the comparison are over 2^64 and in that unit. */
static bool round_to(const struct parts *p, int decimals, uint64_t *rounded_out)
{
    const uint64_t scale = power10[decimals];
    const wide scaled = (wide)p->fraction * scale;
    const uint64_t below = (uint64_t)scaled;
    uint64_t rounded = p->whole * scale + (uint64_t)(scaled >> 64);
    wide error = below;
    if (below > UINT64_C(1) << 63 || (below == UINT64_C(1) << 63 && (rounded & 1))) {
        rounded++;
        error = ((wide)1 << 64) - below;
    }
    const wide reach = (wide)p->half_ulp * scale;
    *rounded_out = rounded;
    return error < reach || (error == reach && p->even);
}

/* Writes n in units of 10^-decimals, without zeros at the end. */
static void put_digits(uint64_t n, int decimals, char *out)
{
    char reversed[WTL_DOUBLE_TEXT] = {0};
    int k = 0;
    for (; decimals > 0 && n % 10 == 0; decimals--)
        n /= 10;
    for (int at = 0; n > 0 || at <= decimals; at++) {
        if (at == decimals && at > 0)
            reversed[k++] = '.';
        reversed[k++] = (char)('0' + n % 10);
        n /= 10;
    }
    while (k > 0)
        *out++ = reversed[--k];
    *out = '\0';
}

static void format_plain(double value, char *out)
{
    const struct parts p = take_apart(value);
    for (int digits = DIGITS_MIN;; digits++) {
        uint64_t rounded;
        const int decimals = digits - p.before;
        if (round_to(&p, decimals, &rounded) || digits == DIGITS_MAX) {
            put_digits(rounded, decimals, out);
            return;
        }
    }
}

const char *wtl_format_double(double value, char buf[WTL_DOUBLE_TEXT])
{
    const double size = fabs(value);
    if (size <= 0)
        return memcpy(buf, signbit(value) ? "-0" : "0\0", 3);
    if (size >= least && size < most) {
        buf[0] = '-';
        format_plain(size, buf + (value < 0));
        return buf;
    }
    for (int digits = DIGITS_MIN; digits <= DIGITS_MAX; digits++) {
        int n = snprintf(buf, WTL_DOUBLE_TEXT, "%.*g", digits, value);
        for (int i = 0; i < n; i++)
            if (buf[i] == ',') /* a locale's decimal point */
                buf[i] = '.';
        double back;
        if (wtl_parse_double(buf, (size_t)n, &back) && back >= value && back <= value)
            break;
    }
    return buf;
}
