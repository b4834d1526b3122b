/* SPDX-License-Identifier: Apache-2.0
 * From a device into its gauge. */
#include "telemetry/gauged.h"

#define MS INT64_C(1000000)
#define BIT WTL_METRIC_BIT

/* Stamps may be ahead of the reading by so much. */
#define AHEAD_NS (10 * MS)

/* 0: not known. */
static double most_w(struct wtl_device *device, struct wtl_arena *scratch)
{
    struct wtl_knob_range range;
    if (!(wtl_device_info(device)->knobs & WTL_KNOB_BIT(WTL_KNOB_power_limit_w)) ||
        wtl_device_knob_range(device, WTL_KNOB_power_limit_w, scratch, &range, NULL) < 0)
        return 0;
    return range.max;
}

static bool has_ring(const struct wtl_gauged *g)
{
    struct wtl_ring_sample s;
    size_t n;
    return g->leads == g->power && g->power < WTL_N_METRICS &&
           wtl_device_ring(g->device, g->power, INT64_MAX - 1, &s, 1, &n, NULL) == 0;
}

void wtl_gauged_init(struct wtl_gauged *g, struct wtl_device *device,
                     const struct wtl_sensor_facts *facts, bool from_ticks,
                     struct wtl_arena *scratch)
{
    const struct wtl_device_info *info = wtl_device_info(device);
    struct wtl_gauge_options o = wtl_gauge_options_for(info, facts);
    o.max_w = most_w(device, scratch);
    o.from_ticks = from_ticks;
    *g = (struct wtl_gauged){.device = device, .info = info};
    g->power = wtl_metric_power(info->sensors);
    g->leads = o.has_counter ? WTL_M_energy_counter_j : g->power;
    (void)wtl_energy_sensors(info, &g->fast, NULL);
    g->ring = has_ring(g);
    if (facts)
        g->calibration = facts->calibration;
    wtl_gauge_init(&g->gauge, &o);
}

void wtl_gauged_restart(struct wtl_gauged *g)
{
    const struct wtl_gauge_options o = g->gauge.options;
    wtl_gauge_init(&g->gauge, &o);
    g->ring_due_ns = g->ring_last_ns = 0;
    g->n_ring = 0;
}

void wtl_gauged_set_clock(struct wtl_gauged *g, const struct wtl_clock *clock, int64_t now_ns)
{
    const int64_t offset = clock->wall_ns(clock->ctx) - now_ns, moved = offset - g->wall_offset_ns;
    if (moved <= MS && moved >= -MS)
        return;
    g->wall_offset_ns = offset;
    g->ring_last_ns += g->ring_last_ns ? moved : 0;
}

int wtl_gauged_read(struct wtl_gauged *g, uint64_t more, int64_t now_ns, struct wtl_error *err)
{
    const double before_w = g->ring ? g->reading.value[g->power] : 0;
    int rc = wtl_device_read(g->device, g->fast | more, &g->reading, err);
    g->n_ring = 0;
    if (rc < 0) {
        g->reading.valid = 0;
        g->reading.t_ns = now_ns;
    }
    /* What came before the device was lost counts. */
    if ((rc < 0 && rc != -WTL_LOST) || !g->ring)
        return rc;
    const bool ticked = g->gauge.options.from_ticks && g->reading.value[g->power] != before_w;
    if (rc == 0 && now_ns < g->ring_due_ns && !ticked)
        return 0;
    g->ring_due_ns = now_ns + WTL_GAUGE_RING_NS;
    if (wtl_device_ring(g->device, g->power, g->ring_last_ns, g->ring_sample, WTL_GAUGED_RING,
                        &g->n_ring, NULL) < 0)
        g->n_ring = 0;
    return rc;
}

/* The sensor's time on our clock. */
static int64_t stamp(const struct wtl_gauged *g, enum wtl_metric m)
{
    const int64_t t_ns = g->reading.sensor_t_ns[m];
    return t_ns ? t_ns - g->wall_offset_ns : 0;
}

/* Whether what a sensor says is of now: a stopped meter gives its last value for ever. Where it is
 * not known how often there is a new one, it has ten seconds. */
static bool is_old(struct wtl_gauged *g, enum wtl_metric m)
{
    const struct wtl_sensor_info *s = &g->info->sensor[m];
    const bool counter = m == WTL_M_energy_counter_j;
    const int64_t said = s->period_ns, seen = wtl_gauge_period_ns(&g->gauge, counter);
    const int64_t period = said ? said : seen, at_ns = stamp(g, m);
    int64_t most = period ? 5 * period : 10 * WTL_NS_PER_S;
    most = most > 3 * WTL_NS_PER_S ? most : 3 * WTL_NS_PER_S;
    if (!s->dated || at_ns == 0 || g->reading.t_ns - at_ns <= most)
        return false;
    g->old_ns = g->reading.t_ns - at_ns;
    wtl_gauge_silent(&g->gauge, counter, at_ns);
    return true;
}

/* Power first: the counter's step is compared with it. */
void wtl_gauged_feed(struct wtl_gauged *g)
{
    const enum wtl_metric counter = WTL_M_energy_counter_j;
    const struct wtl_reading *r = &g->reading;
    for (size_t i = 0; i < g->n_ring; i++) {
        const struct wtl_ring_sample *s = &g->ring_sample[i];
        if (s->t_ns - g->wall_offset_ns > r->t_ns + AHEAD_NS)
            break; /* by a clock that was set meanwhile */
        g->ring_last_ns = s->t_ns;
        wtl_gauge_ring(&g->gauge, s->t_ns - g->wall_offset_ns, s->value);
    }
    g->old_ns = 0;
    if (g->power < WTL_N_METRICS && wtl_reading_has(r, g->power) && !is_old(g, g->power))
        wtl_gauge_power(&g->gauge, r->t_ns, r->value[g->power], stamp(g, g->power));
    if (wtl_reading_has(r, counter) && !is_old(g, counter))
        wtl_gauge_counter(&g->gauge, r->t_ns, r->value[counter], stamp(g, counter));
}

void wtl_gauged_between(const struct wtl_gauged *g, const struct wtl_gauge_mark *a,
                        const struct wtl_gauge_mark *b, struct wtl_energy *out)
{
    wtl_gauge_between(&g->gauge, a, b, out);
    if ((g->info->flags & WTL_DEVICE_ESTIMATED) && out->method != WTL_ENERGY_NONE)
        wtl_energy_as_estimate(out);
    wtl_calibrate_energy(&g->calibration, out);
}
