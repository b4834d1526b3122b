/* SPDX-License-Identifier: Apache-2.0
 * A square wave of load, and what the sensors make of it. */
#include "telemetry/learn.h"

#define MS INT64_C(1000000)
#define BIT WTL_METRIC_BIT

enum { WAVES = 24, WAVES_MAX = 200, VALUES_MAX = 1 << 16 };

static struct wtl_sensor_model model_of(const struct wtl_sensor_info *s)
{
    return (struct wtl_sensor_model){.period_ns = 0, /* found, not believed */
                                     .window_ns = s->window_ns,
                                     .window_known = s->window_ns > 0};
}

int wtl_energy_sensors(const struct wtl_device_info *info, uint64_t *sensors_out,
                       struct wtl_error *err)
{
    const enum wtl_metric power = wtl_metric_power(info->sensors);
    const uint64_t sensors =
        (info->sensors & BIT(WTL_M_energy_counter_j)) | (power < WTL_N_METRICS ? BIT(power) : 0);
    if (sensors == 0)
        return WTL_FAIL(err, WTL_UNSUPPORTED, "%s has no energy counter and no power sensor",
                        info->id);
    *sensors_out = sensors;
    return 0;
}

struct wtl_gauge_options wtl_gauge_options_for(const struct wtl_device_info *info,
                                               const struct wtl_sensor_facts *facts)
{
    const struct wtl_sensor_info *s = info->sensor;
    const enum wtl_metric power = wtl_metric_power(info->sensors);
    struct wtl_gauge_options o = {.has_counter = info->sensors & BIT(WTL_M_energy_counter_j),
                                  .has_power = power < WTL_N_METRICS,
                                  .wraps_at_j = s[WTL_M_energy_counter_j].wraps_at,
                                  .counter_resolution_j = s[WTL_M_energy_counter_j].resolution};
    if (o.has_power) {
        o.power = model_of(&s[power]);
        o.power_resolution_w = s[power].resolution;
    }
    if (facts && facts->has_counter)
        o.counter = facts->counter;
    if (facts && facts->has_power && facts->metric == power)
        o.power = facts->power;
    return o;
}

struct lesson {
    const struct wtl_learn_options *o;
    struct wtl_device *device;
    uint64_t wanted;
    enum wtl_metric power;
    int64_t wall_offset_ns; /* Unix time minus monotonic */
    struct wtl_ticks ticks; /* of power */
    struct wtl_gauge *gauge;
    int64_t counter_ticks, n_polls;
    size_t n, n_steps;
    struct wtl_response_value *values, *steps;
    int64_t switches[2 * WAVES_MAX];
    size_t n_switches;
};

static int64_t now_ns(const struct lesson *l)
{
    return l->o->clock.monotonic_ns(l->o->clock.ctx);
}

static void note_power(struct lesson *l, const struct wtl_reading *r)
{
    struct wtl_tick t;
    if (l->power == WTL_N_METRICS || !wtl_reading_has(r, l->power))
        return;
    int64_t stamp = r->sensor_t_ns[l->power] ? r->sensor_t_ns[l->power] - l->wall_offset_ns : 0;
    if (wtl_ticks_push(&l->ticks, r->t_ns, r->value[l->power], stamp, &t) && !t.first &&
        l->n < VALUES_MAX)
        l->values[l->n++] = (struct wtl_response_value){wtl_tick_middle_ns(&t), t.value};
}

static void note_counter(struct lesson *l, const struct wtl_reading *r)
{
    if (!wtl_reading_has(r, WTL_M_energy_counter_j))
        return;
    wtl_gauge_counter(l->gauge, r->t_ns, r->value[WTL_M_energy_counter_j], 0);
    const struct wtl_gauge_side *c = &l->gauge->counter;
    if (c->ticks.n_ticks > 1 && c->ticks.n_ticks != l->counter_ticks && l->n_steps < VALUES_MAX)
        l->steps[l->n_steps++] = (struct wtl_response_value){c->last_ns, c->last_w};
    l->counter_ticks = c->ticks.n_ticks;
}

static int read_until(struct lesson *l, int64_t until_ns, struct wtl_error *err)
{
    int64_t every = l->o->poll_ns ? l->o->poll_ns : 5 * MS;
    int rc = 0;
    for (int64_t now = now_ns(l); rc == 0 && now < until_ns; now = now_ns(l)) {
        struct wtl_reading r;
        /* In step with no sensor: 0.8 to 1.2 times the time, by the golden ratio. */
        double phase = 0.6180339887 * (double)(l->n_polls++ % 1000);
        int64_t poll = (int64_t)((double)every * (0.8 + 0.4 * (phase - (double)(int)phase)));
        rc = wtl_device_read(l->device, l->wanted, &r, err);
        if (rc < 0)
            return rc;
        note_power(l, &r);
        note_counter(l, &r);
        rc = l->o->wait(l->o->ctx, now + poll < until_ns ? now + poll : until_ns, err);
    }
    return rc;
}

static int switch_to(struct lesson *l, bool on, struct wtl_error *err)
{
    int64_t before = now_ns(l);
    int rc = l->o->load(l->o->ctx, on, err);
    int64_t after = now_ns(l);
    if (rc == 0 && (on || l->n_switches > 0))
        l->switches[l->n_switches++] = before + (after - before) / 2;
    return rc;
}

static int wave(struct lesson *l, struct wtl_error *err)
{
    int waves = l->o->waves ? l->o->waves : WAVES;
    int64_t on = l->o->on_ns ? l->o->on_ns : 370 * MS, off = l->o->off_ns ? l->o->off_ns : 360 * MS;
    int rc = switch_to(l, false, err);
    rc = rc ? rc : read_until(l, now_ns(l) + 1500 * MS, err);
    for (int i = 0; rc == 0 && i < waves && i < WAVES_MAX; i++) {
        int64_t begun = now_ns(l);
        rc = switch_to(l, true, err);
        rc = rc ? rc : read_until(l, begun + on, err);
        rc = rc ? rc : switch_to(l, false, err);
        rc = rc ? rc : read_until(l, begun + on + off, err);
    }
    return rc;
}

static int conclude(const struct lesson *l, struct wtl_sensor_facts *out, struct wtl_error *err)
{
    struct wtl_sensor_facts f = {.metric = l->power};
    struct wtl_response r;
    f.power.period_ns = wtl_ticks_period_ns(&l->ticks);
    if (wtl_response_fit(l->values, l->n, l->switches, l->n_switches, 0, &r) == 0) {
        f.has_power = true;
        f.power.window_ns = r.window_ns;
        f.power.lag_ns = r.lag_ns;
        f.power.window_known = f.power.lag_known = true;
        f.low_w = r.low_w;
        f.high_w = r.high_w;
        f.unexplained = r.unexplained;
        f.n = r.n;
    }
    f.counter.period_ns = wtl_gauge_period_ns(l->gauge, true);
    if (f.counter.period_ns && wtl_response_fit(l->steps, l->n_steps, l->switches, l->n_switches,
                                                f.counter.period_ns, &r) == 0) {
        f.has_counter = true;
        f.counter.lag_ns = r.lag_ns;
        f.counter.lag_known = true;
    }
    if (!f.has_power && !f.has_counter) {
        int rc = WTL_FAIL(err, WTL_UNDECIDED,
                          "the sensors of %s do not follow the load: %zu power values and %zu "
                          "counter steps do not tell",
                          wtl_device_info(l->device)->id, l->n, l->n_steps);
        wtl_error_hint(err, "nothing else may use the device, and the load must draw some tens of "
                            "watts more than idle");
        return rc;
    }
    *out = f;
    return 0;
}

int wtl_learn_sensors(struct wtl_arena *scratch, struct wtl_device *device,
                      const struct wtl_learn_options *options, struct wtl_sensor_facts *out,
                      struct wtl_error *err)
{
    const struct wtl_device_info *info = wtl_device_info(device);
    uint64_t wanted;
    int rc = wtl_energy_sensors(info, &wanted, err);
    if (rc < 0)
        return rc;
    struct lesson *l = WTL_NEW(scratch, struct lesson);
    struct wtl_response_value *values =
        WTL_NEW_ARRAY(scratch, struct wtl_response_value, 2 * (size_t)VALUES_MAX);
    struct wtl_gauge *gauge = WTL_NEW(scratch, struct wtl_gauge);
    if (!l || !values || !gauge)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    l->o = options;
    l->device = device;
    l->wanted = wanted;
    l->power = wtl_metric_power(info->sensors);
    l->values = values;
    l->steps = values + VALUES_MAX;
    l->gauge = gauge;
    wtl_gauge_init(gauge, &(struct wtl_gauge_options){
                              .has_counter = true,
                              .wraps_at_j = info->sensor[WTL_M_energy_counter_j].wraps_at});
    wtl_ticks_init(&l->ticks);
    l->wall_offset_ns = options->clock.wall_ns(options->clock.ctx) - now_ns(l);
    rc = wave(l, err);
    (void)options->load(options->ctx, false, NULL);
    return rc ? rc : conclude(l, out, err);
}
