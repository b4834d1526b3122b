/* SPDX-License-Identifier: Apache-2.0
 * Energy between two edges. */
#include "lab/measure.h"

#include <math.h>

/* Watts above which a counter has not counted but begun anew somewhere else. */
#define MOST_W 1e5

static struct wtl_sensor_model model_of(const struct wtl_sensor_info *s)
{
    return (struct wtl_sensor_model){.period_ns = s->period_ns,
                                     .window_ns = s->window_ns,
                                     .window_known = s->window_ns > 0 || s->instant};
}

int wtl_measure_init(struct wtl_measure *m, const struct wtl_device_info *info,
                     struct wtl_error *err)
{
    const enum wtl_metric counter = WTL_M_energy_counter_j, power = wtl_metric_power(info->sensors);
    const bool counts = info->sensors & WTL_METRIC_BIT(counter);
    if (!counts && power == WTL_N_METRICS)
        return WTL_FAIL(err, WTL_UNSUPPORTED, "%s has no energy counter and no power sensor",
                        info->id);
    *m =
        (struct wtl_measure){.counter = counts, .metric = counts ? counter : power, .power = power};
    m->estimated = (info->flags & WTL_DEVICE_ESTIMATED) != 0;
    m->options.has_counter = counts;
    m->options.wraps_at_j = info->sensor[counter].wraps_at;
    m->options.counter = model_of(&info->sensor[counter]);
    m->options.has_power = power != WTL_N_METRICS;
    if (m->options.has_power) {
        m->options.power_resolution_w = info->sensor[power].resolution;
        m->options.power = model_of(&info->sensor[power]);
    }
    wtl_measure_restart(m);
    return 0;
}

void wtl_measure_restart(struct wtl_measure *m)
{
    wtl_gauge_init(&m->gauge, &m->options);
    m->fed = false;
}

void wtl_measure_feed(struct wtl_measure *m, const struct wtl_reading *r)
{
    if (!m->fed)
        m->origin_ns = r->t_ns;
    m->fed = true;
    const int64_t t_ns = r->t_ns - m->origin_ns;
    if (m->options.has_counter && wtl_reading_has(r, WTL_M_energy_counter_j))
        wtl_gauge_counter(&m->gauge, t_ns, r->value[WTL_M_energy_counter_j], 0);
    if (m->options.has_power && wtl_reading_has(r, m->power))
        wtl_gauge_power(&m->gauge, t_ns, r->value[m->power], 0);
}

int64_t wtl_measure_next_poll_ns(const struct wtl_measure *m, int64_t now_ns)
{
    const int64_t origin_ns = m->fed ? m->origin_ns : now_ns;
    return wtl_gauge_next_poll_ns(&m->gauge, now_ns - origin_ns) + origin_ns;
}

void wtl_measure_mark(const struct wtl_measure *m, int64_t t_ns, struct wtl_gauge_mark *mark_out)
{
    wtl_gauge_mark(&m->gauge, t_ns - m->origin_ns, mark_out);
}

bool wtl_measure_reaches(const struct wtl_measure *m, int64_t t_ns)
{
    return wtl_gauge_reaches(&m->gauge, t_ns - m->origin_ns);
}

void wtl_measure_begin(struct wtl_measure *m)
{
    m->started = false;
    m->n_edges = 0;
    m->troubles = 0;
    m->energy_j = m->power_sum = m->power_squares = 0;
}

static void first_edge(struct wtl_measure *m, const struct wtl_reading *r, double value)
{
    m->begin_ns = m->edge_ns = r->t_ns;
    m->begin_slack_ns = m->edge_slack_ns = r->t_ns - m->last_ns;
    m->begin_value = value;
    m->last_w = value;
    m->n_edges = 1;
}

static void next_edge(struct wtl_measure *m, const struct wtl_reading *r, double value)
{
    const double s = (double)(r->t_ns - m->edge_ns) / 1e9;
    if (m->counter && (value < m->last || value - m->last > MOST_W * s))
        m->troubles |= WTL_TROUBLE(reset);
    if (m->counter) {
        m->energy_j = value - m->begin_value;
    } else {
        m->energy_j += 0.5 * (m->last_w + value) * s;
        m->power_sum += value;
        m->power_squares += value * value;
    }
    m->last_w = value;
    m->edge_ns = r->t_ns;
    m->edge_slack_ns = r->t_ns - m->last_ns;
    m->n_edges++;
}

bool wtl_measure_poll(struct wtl_measure *m, const struct wtl_reading *r)
{
    if (!wtl_reading_has(r, m->metric)) {
        if (m->started)
            m->troubles |= WTL_TROUBLE(gap);
        return false;
    }
    const double value = r->value[m->metric];
    const bool changed = m->started && fabs(value - m->last) > 0;
    if (changed && m->n_edges == 0)
        first_edge(m, r, value);
    else if (changed)
        next_edge(m, r, value);
    m->started = true;
    m->last_ns = r->t_ns;
    m->last = value;
    return changed;
}

double wtl_measure_energy_at(const struct wtl_measure *m, int64_t t_ns)
{
    double power_w = 0;
    (void)wtl_gauge_now_w(&m->gauge, &power_w);
    return m->energy_j + power_w * (double)(t_ns - m->edge_ns) / 1e9;
}

/* Both edges are seen up to one poll late: each is uniform within its slack. */
static double edges_half_j(const struct wtl_measure *m, double power_w)
{
    double a = (double)m->begin_slack_ns / 1e9, b = (double)m->edge_slack_ns / 1e9;
    return 1.96 * power_w * sqrt((a * a + b * b) / 12);
}

void wtl_measure_qualify(const struct wtl_measure *m, struct wtl_energy *e)
{
    if (m->estimated && e->method != WTL_ENERGY_NONE)
        wtl_energy_as_estimate(e);
    wtl_calibrate_energy(&m->calibration, e);
}

void wtl_measure_end(const struct wtl_measure *m, struct wtl_energy *out)
{
    struct wtl_energy e = {0};
    const double s = (double)(m->edge_ns - m->begin_ns) / 1e9;
    if (m->n_edges < 2 || !(s > 0)) {
        *out = e;
        return;
    }
    double half = edges_half_j(m, m->energy_j / s);
    if (!m->counter) { /* noise of single values as well */
        double n = (double)(m->n_edges - 1), mean = m->power_sum / n;
        double variance = n > 1 ? fmax(0, (m->power_squares - n * mean * mean) / (n - 1)) : 0;
        half = hypot(half, 1.96 * s * sqrt(variance / n));
    }
    e.method = m->counter ? WTL_ENERGY_counter_edges : WTL_ENERGY_polled;
    e.class = wtl_energy_method_class(e.method);
    e.energy_j = m->energy_j;
    e.lo_j = m->energy_j - half;
    e.hi_j = m->energy_j + half;
    e.time_s = s;
    e.troubles = m->troubles;
    if (m->n_edges < 21)
        e.troubles |= WTL_TROUBLE(short_window);
    *out = e;
}
