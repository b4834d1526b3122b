/* SPDX-License-Identifier: Apache-2.0
 * Metrics of several devices as those of one run. */
#include "runs/together.h"

#include <math.h>

enum rule { MEAN, SUM, SQUARES, LEAST, MOST, FIRST };

static enum rule rule_of(enum wtl_run_metric m)
{
    static const enum rule rules[WTL_N_RUN_METRICS] = {
        [WTL_R_time_s] = FIRST,
        [WTL_R_energy_j] = SUM,
        [WTL_R_power_w] = SUM,
        [WTL_R_n_samples] = SUM,
        [WTL_R_label_interval_s] = FIRST,
        [WTL_R_period_s] = FIRST,
        [WTL_R_span_s] = FIRST,
        [WTL_R_reported_time_s] = FIRST,
        [WTL_R_wrapper_time_s] = FIRST,
        [WTL_R_nominal_time_s] = FIRST,
        [WTL_R_energy_counter_j] = SUM,
        [WTL_R_energy_integral_j] = SUM,
        [WTL_R_energy_nominal_j] = SUM,
        [WTL_R_counter_step_s] = MOST,
        [WTL_R_power_mean_w] = SUM,
        [WTL_R_power_sd_w] = SQUARES,
        [WTL_R_power_min_w] = SUM,
        [WTL_R_power_max_w] = SUM,
        [WTL_R_power_first_w] = SUM,
        [WTL_R_power_p99_w] = SUM,
        [WTL_R_power_limit_w] = SUM,
        [WTL_R_sm_clock_match] = LEAST,
        [WTL_R_active_share] = LEAST,
        [WTL_R_temp_max_c] = MOST,
        [WTL_R_throttle_share] = MOST,
        [WTL_R_longest_gap_s] = MOST,
        [WTL_R_fb_used_max_b] = SUM,
        [WTL_R_work_units] = FIRST,
        [WTL_R_rate_per_s] = FIRST,
        [WTL_R_idle_power_w] = SUM,
    };
    return rules[m];
}

static double joined(enum rule rule, double so_far, double value)
{
    switch (rule) {
    case MEAN:
    case SUM:
        return so_far + value;
    case SQUARES:
        return hypot(so_far, value);
    case LEAST:
        return fmin(so_far, value);
    case MOST:
        return fmax(so_far, value);
    case FIRST:
        break;
    }
    return so_far;
}

static void join(const struct wtl_run *parts, size_t n, enum wtl_run_metric m, struct wtl_run *run)
{
    const enum rule rule = rule_of(m);
    double value = 0;
    size_t have = 0;
    for (size_t i = 0; i < n; i++) {
        if (!wtl_run_has(&parts[i], m))
            continue;
        value = have ? joined(rule, value, parts[i].metric[m]) : parts[i].metric[m];
        have++;
    }
    const bool whole = rule == SUM || rule == SQUARES; /* a part of a sum is none */
    if (have == 0 || (whole && have < n))
        return;
    wtl_run_set(run, m, rule == MEAN ? value / (double)have : value);
}

void wtl_run_together(const struct wtl_run *parts, size_t n, struct wtl_run *run)
{
    for (int m = 0; m < (int)WTL_N_RUN_METRICS; m++)
        join(parts, n, (enum wtl_run_metric)m, run);
    const double integral_j = wtl_run_get(run, WTL_R_energy_integral_j, 0);
    if (wtl_run_has(run, WTL_R_energy_counter_j) && integral_j > 0)
        wtl_run_set(run, WTL_R_energy_ratio, run->metric[WTL_R_energy_counter_j] / integral_j);
    else
        wtl_run_clear(run, WTL_R_energy_ratio);
}
