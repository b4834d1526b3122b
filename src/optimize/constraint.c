/* SPDX-License-Identifier: Apache-2.0
 * Constraints at their bounds. */
#include "optimize/constraint.h"

#include <math.h>
#include <stdio.h>

/* Rounding of exp and log must not fail a clock that meets its limit exactly. */
static const double slack = 1e-12;

double wtl_constraint_bound(const struct wtl_constraint *k, double z, const struct wtl_contrast *c,
                            const struct wtl_row *row, size_t e)
{
    z *= row->spread; /* a row that looks quieter than it is also looks safer */
    switch (k->kind) {
    case WTL_CONSTRAINT_SLOWDOWN:
        return row->time[e] - row->base_time + z * c->slowdown_se[e];
    case WTL_CONSTRAINT_ENERGY:
    case WTL_CONSTRAINT_SAVING:
        return row->energy[e] - row->base_energy + z * c->saving_se[e];
    case WTL_CONSTRAINT_POWER:
        return row->power[e] + z * c->power_se[e];
    case WTL_CONSTRAINT_RATE:
        return row->time[e] + z * c->time_se[e];
    case WTL_CONSTRAINT_CLOCK_RATIO:
    case WTL_CONSTRAINT_SLO:
        break;
    }
    return k->bound[e];
}

bool wtl_constraints_hold(const struct wtl_constraints *set, const struct wtl_contrast *c,
                          const struct wtl_row *row, size_t clock)
{
    for (int i = 0; i < set->n; i++) {
        double bound = wtl_constraint_bound(&set->item[i], set->z, c, row, clock);
        if (!(bound <= set->item[i].limit + slack))
            return false;
    }
    return true;
}

/* The smallest bound of constraint `which` over candidates that meet all others. */
static bool least_bound(const struct wtl_constraints *set, const struct wtl_contrast *c,
                        const bool *candidate, int which, double *bound_out, size_t *clock_out)
{
    struct wtl_constraints others = {.n = 0, .z = set->z};
    bool found = false;
    for (int i = 0; i < set->n; i++)
        if (i != which)
            others.item[others.n++] = set->item[i];
    for (size_t e = 0; e < c->n_eval; e++) {
        if (!candidate[e] || !wtl_constraints_hold(&others, c, &c->origin, e))
            continue;
        double bound = wtl_constraint_bound(&set->item[which], set->z, c, &c->origin, e);
        if (!found || bound < *bound_out) {
            *bound_out = bound;
            *clock_out = e;
            found = true;
        }
    }
    return found;
}

bool wtl_constraints_relax(const struct wtl_constraints *set, const struct wtl_contrast *c,
                           const bool *candidate, int *binding_out, double *limit_out,
                           size_t *clock_out)
{
    double least = HUGE_VAL, bound = 0;
    size_t clock = 0;
    for (int i = 0; i < set->n; i++) {
        if (!least_bound(set, c, candidate, i, &bound, &clock))
            continue;
        double excess = bound - set->item[i].limit;
        if (excess < least) {
            least = excess;
            *binding_out = i;
            *limit_out = bound;
            *clock_out = clock;
        }
    }
    return isfinite(least);
}

/* Limits as people write them, from the log. */
static double natural(const struct wtl_constraint *k, double limit)
{
    switch (k->kind) {
    case WTL_CONSTRAINT_SLOWDOWN:
        return 100 * expm1(limit);
    case WTL_CONSTRAINT_SAVING:
        return -100 * expm1(limit);
    case WTL_CONSTRAINT_ENERGY:
        return exp(limit);
    case WTL_CONSTRAINT_CLOCK_RATIO:
        return exp(-limit);
    case WTL_CONSTRAINT_POWER:
    case WTL_CONSTRAINT_RATE:
    case WTL_CONSTRAINT_SLO:
        break;
    }
    return exp(limit);
}

void wtl_constraint_describe(const struct wtl_constraint *k, char *buf, size_t size)
{
    double v = natural(k, k->limit);
    switch (k->kind) {
    case WTL_CONSTRAINT_SLOWDOWN:
        snprintf(buf, size, "slowdown at most %.4g %%", v);
        break;
    case WTL_CONSTRAINT_ENERGY:
        snprintf(buf, size, "energy at most %.4g of the baseline", v);
        break;
    case WTL_CONSTRAINT_SAVING:
        snprintf(buf, size, "saving at least %.4g %%", v);
        break;
    case WTL_CONSTRAINT_POWER:
        snprintf(buf, size, "power at most %.4g W", v);
        break;
    case WTL_CONSTRAINT_CLOCK_RATIO:
        snprintf(buf, size, "clock at least %.4g of the highest", v);
        break;
    case WTL_CONSTRAINT_RATE:
        snprintf(buf, size, "arrival rate of %.4g/s, one run of work per %.4g s", k->work / v, v);
        break;
    case WTL_CONSTRAINT_SLO:
        snprintf(buf, size, "p%d latency at most %.4g ms", k->percent, 1000 * v);
        break;
    }
}

/* To four digits. */
static double round_down(double v)
{
    double scale = pow(10, 3 - floor(log10(v)));
    return floor(v * scale + 1e-9) / scale;
}

static double round_up(double v)
{
    double scale = pow(10, 3 - floor(log10(v)));
    return ceil(v * scale - 1e-9) / scale;
}

void wtl_constraint_option(const struct wtl_constraint *k, double limit, char *buf, size_t size)
{
    double v = natural(k, limit);
    switch (k->kind) {
    case WTL_CONSTRAINT_SLOWDOWN:
        snprintf(buf, size, "--max-slowdown %.4g%%",
                 ceil(v * 10 - 1e-9) / 10 + 0.0); /* never "-0" */
        break;
    case WTL_CONSTRAINT_ENERGY:
        snprintf(buf, size, "--max-energy %.4g%%", ceil(v * 1000 - 1e-9) / 10);
        break;
    case WTL_CONSTRAINT_SAVING:
        snprintf(buf, size, "--min-saving %.4g%%", floor(v * 10 + 1e-9) / 10);
        break;
    case WTL_CONSTRAINT_POWER:
        snprintf(buf, size, "--max-power %.6gW", ceil(v * 10 - 1e-9) / 10);
        break;
    case WTL_CONSTRAINT_CLOCK_RATIO:
        snprintf(buf, size, "--min-clock-ratio %.4g", floor(v * 1000 + 1e-9) / 1000);
        break;
    case WTL_CONSTRAINT_RATE:
        snprintf(buf, size, "--rate %.4g", round_down(k->work / v));
        break;
    case WTL_CONSTRAINT_SLO:
        snprintf(buf, size, "--slo p%d=%.4gms", k->percent, round_up(1e3 * v));
        break;
    }
}
