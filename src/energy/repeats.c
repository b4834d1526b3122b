/* SPDX-License-Identifier: Apache-2.0
 * De-phased repetitions. */
#include "energy/repeats.h"

#include "stats/distribution.h"

#include <math.h>

int64_t wtl_dephase_delay_ns(int64_t period_ns, int index, int64_t elapsed_ns)
{
    if (index == 0 || period_ns <= 0)
        return 0;
    int64_t wanted = index % WTL_DEPHASE_PHASES * period_ns / WTL_DEPHASE_PHASES;
    int64_t wait = (wanted - elapsed_ns % period_ns) % period_ns;
    return wait < 0 ? wait + period_ns : wait;
}

/* Of the mean, from the intervals that the repetitions have themselves. */
static double own_var_j2(const struct wtl_energy *e, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double half = 0.5 * (e[i].hi_j - e[i].lo_j);
        sum += fmax(0, half * half - e[i].common_j * e[i].common_j);
    }
    return sum / (double)(n * n);
}

/* Of the mean, from how successive repetitions differ, the last and the first as well: neighbours
 * in phase share what the sensor sees of them, so that a load in step with it is not taken for
 * noise. About 2/3 of n degrees of freedom (von Neumann's ratio). */
static double between_var_j2(const struct wtl_energy *e, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double step = e[i].energy_j - e[(i + 1) % n].energy_j;
        sum += step * step;
    }
    double se2 = 0.5 * sum / (double)(n * n),
           t = wtl_student_quantile(0.975, fmax(1, 2 * (double)n / 3));
    return t * t * se2;
}

void wtl_repeats_mean(const struct wtl_energy *e, size_t n, struct wtl_energy *out)
{
    struct wtl_energy m = {0};
    double mean = 0, check = 0, time = 0, common = 0;
    size_t checks = 0;
    for (size_t i = 0; i < n; i++) {
        if (e[i].method == WTL_ENERGY_NONE) {
            *out = (struct wtl_energy){0};
            return;
        }
        mean += e[i].energy_j / (double)n;
        time += e[i].time_s / (double)n;
        common += e[i].common_j / (double)n;
        check += e[i].has_check ? e[i].check : 0;
        checks += e[i].has_check;
        m.troubles |= e[i].troubles;
        if (i == 0 || e[i].class > m.class)
            m.class = e[i].class;
        if (i == 0 || e[i].method > m.method)
            m.method = e[i].method;
    }
    if (n > 0) { /* one card, one gain */
        m.gain = e[0].gain;
        m.calibration = e[0].calibration;
    }
    double var = n ? own_var_j2(e, n) : 0;
    if (n > 1)
        var = fmax(var, between_var_j2(e, n));
    double half = sqrt(var + common * common);
    m.common_j = common;
    m.energy_j = mean;
    m.lo_j = mean - half;
    m.hi_j = mean + half;
    m.time_s = time;
    m.has_check = checks == n && n > 0;
    m.check = m.has_check ? check / (double)n : 0;
    *out = m;
}
