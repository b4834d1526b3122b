/* SPDX-License-Identifier: Apache-2.0
 * Ticks. */
#include "report/ticks.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The smallest 1, 2, 5 x 10^k that is at least `raw`; *digit_out tells which. */
static double nice_step(double raw, int *digit_out)
{
    static const int digits[] = {1, 2, 5, 10};
    double power = pow(10, floor(log10(raw)));
    int i = 0;
    while (i < 3 && digits[i] * power < raw * (1 - 1e-9))
        i++;
    *digit_out = digits[i] == 10 ? 1 : digits[i];
    return digits[i] * power;
}

static bool sane(double lo, double hi)
{
    return isfinite(lo) && isfinite(hi) && hi > lo && hi - lo > 1e-12 * fmax(fabs(lo), fabs(hi));
}

void wtl_ticks_linear(double lo, double hi, int want, struct wtl_ticks *ticks)
{
    memset(ticks, 0, sizeof *ticks);
    if (!sane(lo, hi) || want < 1)
        return;
    int digit;
    double step = nice_step((hi - lo) / want, &digit);
    ticks->decimals = step < 1 ? (int)ceil(-log10(step) - 1e-9) : 0;
    int parts = digit == 2 ? 4 : 5;
    double first = ceil(lo / step - 1e-9), last = floor(hi / step + 1e-9);
    for (double k = first; k <= last && ticks->n < WTL_TICKS_MAX; k++)
        ticks->at[ticks->n++] = k == 0 ? 0 : k * step;
    for (double k = floor(lo / step * parts); k * step / parts <= hi; k++) {
        double v = k * step / parts;
        if (v >= lo && fmod(k, parts) != 0 && ticks->n_minor < 4 * WTL_TICKS_MAX)
            ticks->minor[ticks->n_minor++] = v;
    }
}

static void log_ticks(double lo, double hi, const int *digits, int n_digits,
                      struct wtl_ticks *ticks)
{
    ticks->n = ticks->n_minor = 0;
    for (double k = floor(log10(lo)); k <= ceil(log10(hi)); k++)
        for (int d = 1; d < 10; d++) {
            double v = d * pow(10, k);
            bool major = false;
            for (int i = 0; i < n_digits; i++)
                major = major || digits[i] == d;
            if (v < lo * (1 - 1e-9) || v > hi * (1 + 1e-9))
                continue;
            if (major && ticks->n < WTL_TICKS_MAX)
                ticks->at[ticks->n++] = v;
            else if (!major && ticks->n_minor < 4 * WTL_TICKS_MAX)
                ticks->minor[ticks->n_minor++] = v;
        }
}

void wtl_ticks_log(double lo, double hi, int want, struct wtl_ticks *ticks)
{
    static const int fine[] = {1, 2, 5};
    memset(ticks, 0, sizeof *ticks);
    if (!sane(lo, hi) || lo <= 0)
        return;
    log_ticks(lo, hi, fine, 3, ticks);
    if (ticks->n > want)
        log_ticks(lo, hi, fine, 1, ticks);
    if (ticks->n < 2)
        wtl_ticks_linear(lo, hi, want, ticks);
    else
        ticks->decimals = -1;
}

void wtl_ticks_range(double *lo, double *hi, double margin)
{
    if (!isfinite(*lo) || !isfinite(*hi) || *hi < *lo) {
        *lo = 0;
        *hi = 1;
        return;
    }
    if (!sane(*lo, *hi)) {
        double half = *lo == 0 ? 1 : fabs(*lo) * 0.05;
        *lo -= half;
        *hi += half;
        return;
    }
    double pad = (*hi - *lo) * margin;
    bool positive = *lo >= 0;
    *lo -= pad;
    *hi += pad;
    if (positive && *lo < 0)
        *lo = 0;
}

const char *wtl_tick_format(double value, int decimals, char *buf, size_t size)
{
    if (decimals < 0)
        decimals = value >= 1 ? 0 : (int)ceil(-log10(value) - 1e-9);
    char digits[64];
    snprintf(digits, sizeof digits, "%.*f", decimals, fabs(value));
    bool zero = strspn(digits, "0.") == strlen(digits);
    snprintf(buf, size, "%s%s", value < 0 && !zero ? "\xe2\x88\x92" : "", digits);
    return buf;
}

double wtl_si_scale(double largest, const char **prefix_out)
{
    static const struct {
        double factor;
        const char *prefix;
    } table[] = {{1e9, "G"}, {1e6, "M"}, {1e3, "k"}, {1, ""}, {1e-3, "m"}, {1e-6, "\xc2\xb5"}};
    double a = fabs(largest);
    size_t i = 0;
    if (a < 1e4 && a >= 0.1)
        i = 3;
    else
        while (i < 5 && a < table[i].factor * (table[i].factor >= 1e3 ? 10 : 1))
            i++;
    *prefix_out = a == 0 ? "" : table[i].prefix;
    return a == 0 ? 1 : table[i].factor;
}
