/* SPDX-License-Identifier: Apache-2.0
 * Bounds of latency quantiles. */
#include "optimize/slo.h"

#include <math.h>
#include <stdio.h>

static enum wtl_run_metric latency_metric(int percent)
{
    switch (percent) {
    case 50:
        return WTL_R_latency_p50_s;
    case 90:
        return WTL_R_latency_p90_s;
    case 95:
        return WTL_R_latency_p95_s;
    case 99:
        return WTL_R_latency_p99_s;
    default:
        return WTL_N_RUN_METRICS;
    }
}

int wtl_slo_bound(struct wtl_arena *arena, const struct wtl_observations *obs,
                  const struct wtl_grid *grid, int percent, double z, double *bound_out,
                  struct wtl_obstacle *obstacle, struct wtl_error *err)
{
    enum wtl_run_metric metric = latency_metric(percent);
    double *clock = WTL_NEW_ARRAY(arena, double, obs->n + 1);
    double *latency = WTL_NEW_ARRAY(arena, double, obs->n + 1);
    if (metric == WTL_N_RUN_METRICS)
        return WTL_FAIL(err, WTL_USAGE, "no latency quantile p%d: 50, 90, 95 and 99 are known",
                        percent);
    if (!clock || !latency)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for latencies");
    size_t n = 0;
    for (size_t i = 0; i < obs->n; i++) {
        double y = wtl_run_get(obs->run[i], metric, 0);
        if (!(y > 0 && isfinite(y)))
            continue;
        clock[n] = obs->clock_mhz[i];
        latency[n++] = y;
    }
    struct wtl_curve *curve;
    struct wtl_error why = {0};
    int rc = wtl_curve_fit(arena, WTL_CURVE_TIME, clock, latency, n, &curve, &why);
    if (rc == -(int)WTL_UNDECIDED) {
        snprintf(obstacle->text, sizeof obstacle->text,
                 "a p%d latency was asked for, but only %zu of %zu accepted runs hold one, too few "
                 "for a curve",
                 percent, n, obs->n);
        return 1;
    }
    if (rc)
        return WTL_FAIL(err, why.code, "%s", why.message);
    double blocks = (double)n - wtl_curve_parameters(curve);
    double widening = wtl_bootstrap_widening(blocks) * sqrt((double)n / fmax(blocks, 1));
    for (size_t e = 0; e < grid->n; e++)
        bound_out[e] = log(wtl_curve_at(curve, grid->mhz_d[e])) +
                       z * widening * wtl_curve_se(curve, grid->mhz_d[e]);
    return 0;
}
