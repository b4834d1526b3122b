/* SPDX-License-Identifier: Apache-2.0
 * Steadiness of series. */
#include "lab/steady.h"

#include "stats/distribution.h"

#include <math.h>

const struct wtl_steadiness wtl_steady_load = {.drift = 0.01, .cv = 0.02};

double wtl_relative_drift(const double *t, const double *y, size_t n)
{
    double mt = 0, my = 0, xy = 0, xx = 0;
    if (n < 3)
        return 0;
    for (size_t i = 0; i < n; i++) {
        mt += t[i] / (double)n;
        my += y[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        xy += (t[i] - mt) * (y[i] - my);
        xx += (t[i] - mt) * (t[i] - mt);
    }
    if (!(xx > 0) || !(fabs(my) > 0))
        return 0;
    return xy / xx * (t[n - 1] - t[0]) / my;
}

/* Mean and standard deviation of the means of parts; false: too few values. */
static bool group_means(const double *y, size_t n, size_t groups, double *mean, double *sd)
{
    enum { MOST = 64 };
    double part[MOST], sum = 0, squares = 0;
    if (groups < 2 || groups > MOST || n < 2 * groups)
        return false;
    for (size_t g = 0; g < groups; g++) {
        size_t from = g * n / groups, to = (g + 1) * n / groups;
        part[g] = 0;
        for (size_t i = from; i < to; i++)
            part[g] += y[i] / (double)(to - from);
        sum += part[g] / (double)groups;
    }
    for (size_t g = 0; g < groups; g++)
        squares += (part[g] - sum) * (part[g] - sum);
    *mean = sum;
    *sd = sqrt(squares / (double)(groups - 1));
    return true;
}

double wtl_group_cv(const double *y, size_t n, size_t groups)
{
    double mean, sd;
    if (!group_means(y, n, groups, &mean, &sd) || !(fabs(mean) > 0))
        return 0;
    return sd / fabs(mean);
}

double wtl_group_half(const double *y, size_t n, size_t groups)
{
    double mean, sd;
    if (!group_means(y, n, groups, &mean, &sd) || !(fabs(mean) > 0))
        return HUGE_VAL;
    double t = wtl_student_quantile(0.975, (double)(groups - 1));
    return t * sd / sqrt((double)groups) / fabs(mean);
}

bool wtl_is_steady(const double *t, const double *y, size_t n, const struct wtl_steadiness *limits)
{
    return n >= 10 && fabs(wtl_relative_drift(t, y, n)) < limits->drift &&
           wtl_group_cv(y, n, 5) < limits->cv;
}
