/* SPDX-License-Identifier: Apache-2.0
 * Least squares over a grid of windows and lags. */
#include "energy/response.h"

#include <math.h>
#include <stdbool.h>

#define MS INT64_C(1000000)

struct fit {
    const struct wtl_response_value *values;
    size_t n;
    const int64_t *switches;
    size_t n_switches;
};

/* Time until t for which the load was on. */
static double on_until(const struct fit *f, int64_t t, size_t *from)
{
    double on = 0;
    while (*from < f->n_switches && f->switches[*from] <= t)
        (*from)++;
    /* Pairs (on, off) that are over, and the open one. */
    for (size_t i = 0; i + 1 < *from; i += 2)
        on += (double)(f->switches[i + 1] - f->switches[i]);
    if (*from % 2 == 1)
        on += (double)(t - f->switches[*from - 1]);
    return on;
}

/* Sum of squares that is left with this window and lag. */
static double left(const struct fit *f, int64_t window, int64_t lag, struct wtl_response *r)
{
    double sx = 0, sy = 0, sxx = 0, sxy = 0, syy = 0, n = (double)f->n;
    size_t at_begin = 0, at_end = 0;
    double base = f->values[0].value_w;
    for (size_t i = 0; i < f->n; i++) {
        int64_t end = f->values[i].t_ns - lag;
        double x =
            (on_until(f, end, &at_end) - on_until(f, end - window, &at_begin)) / (double)window;
        double y = f->values[i].value_w - base;
        sx += x;
        sy += y;
        sxx += x * x;
        sxy += x * y;
        syy += y * y;
    }
    double vx = sxx - sx * sx / n, vxy = sxy - sx * sy / n, vy = syy - sy * sy / n;
    double slope = vx > 1e-9 * n ? vxy / vx : 0;
    double rest = vy - slope * vxy;
    *r = (struct wtl_response){.window_ns = window, .lag_ns = lag, .n = (int)f->n};
    r->low_w = base + (sy - slope * sx) / n;
    r->high_w = r->low_w + slope;
    r->unexplained = vy > 0 ? fmax(0, rest / vy) : 1;
    return slope > 0 ? rest : HUGE_VAL;
}

static void search(const struct fit *f, int64_t w_lo, int64_t w_hi, int64_t w_step, int64_t l_lo,
                   int64_t l_hi, int64_t l_step, double *least, struct wtl_response *best)
{
    for (int64_t w = w_lo; w <= w_hi; w += w_step)
        for (int64_t l = l_lo; l <= l_hi; l += l_step) {
            struct wtl_response r;
            double rest = left(f, w, l, &r);
            if (rest < *least) {
                *least = rest;
                *best = r;
            }
        }
}

int wtl_response_fit(const struct wtl_response_value *values, size_t n, const int64_t *switch_ns,
                     size_t n_switches, int64_t window_ns, struct wtl_response *out)
{
    const struct fit f = {values, n, switch_ns, n_switches};
    struct wtl_response best = {.unexplained = 1};
    double least = HUGE_VAL;
    if (n < 40 || n_switches < 4)
        return -1;
    if (window_ns) {
        search(&f, window_ns, window_ns, MS, 0, 300 * MS, 5 * MS, &least, &best);
    } else {
        /* Coarse, then fine about the best. */
        search(&f, 10 * MS, 200 * MS, 10 * MS, 0, 300 * MS, 20 * MS, &least, &best);
        search(&f, 250 * MS, 1500 * MS, 50 * MS, 0, 300 * MS, 50 * MS, &least, &best);
    }
    int64_t w = best.window_ns, l = best.lag_ns, wide = w > 200 * MS ? 50 * MS : 10 * MS;
    int64_t w_lo = w > wide ? w - wide : wide / 10, l_lo = l > 2 * wide ? l - 2 * wide : 0;
    if (window_ns)
        search(&f, w, w, MS, l > 5 * MS ? l - 5 * MS : 0, l + 5 * MS, MS, &least, &best);
    else
        search(&f, w_lo, w + wide, wide / 10, l_lo, l + 2 * wide, wide / 5, &least, &best);
    if (best.unexplained > 0.25)
        return -1;
    *out = best;
    return 0;
}
