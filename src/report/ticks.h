/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the ticks of an axis stand and how they are written. Steps are 1, 2 or 5 times a power of
 * ten; all labels of an axis have the same number of decimals, a typographic minus, and never an
 * exponent: large values get an SI prefix in the axis label instead.
 */
#ifndef WTL_REPORT_TICKS_H
#define WTL_REPORT_TICKS_H

#include <stdbool.h>
#include <stddef.h>

enum { WTL_TICKS_MAX = 64 };

struct wtl_ticks {
    int n;
    int decimals;
    double at[WTL_TICKS_MAX]; /* ascending, within [lo, hi] up to rounding */
    int n_minor;
    double minor[4 * WTL_TICKS_MAX]; /* between the major ones */
};

/* About `want` (2..20) ticks over lo < hi. A range that is empty or not finite gives none. */
void wtl_ticks_linear(double lo, double hi, int want, struct wtl_ticks *ticks);

/* 1, 2 and 5 per decade where that gives at most `want` ticks, else decades; 0 < lo < hi. */
void wtl_ticks_log(double lo, double hi, int want, struct wtl_ticks *ticks);

/* Widens lo..hi to whole steps where little is lost, else by `margin` of the span. A range of one
 * value becomes a range around it. */
void wtl_ticks_range(double *lo, double *hi, double margin);

/* "1.25", "−3", "0"; log ticks below 1 get the decimals they need (pass decimals -1). */
const char *wtl_tick_format(double value, int decimals, char *buf, size_t size);

/* The SI factor and prefix under which `largest` has 1 to 4 digits before the point: 54321 J is
 * 54.3 kJ; values below 10000 keep their unit. */
double wtl_si_scale(double largest, const char **prefix_out);

#endif
