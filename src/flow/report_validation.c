/* SPDX-License-Identifier: Apache-2.0
 * Curves against clocks that they did not see. */
#include "flow/report_data.h"

#include "predict/curve.h"

struct columns {
    double *clock, *time, *power;
    size_t n;
};

/* Accepted runs with time and power, without those at `skip_mhz`. */
static void fill(const struct wtl_workset *set, int skip_mhz, struct columns *c)
{
    c->n = 0;
    for (size_t i = 0; i < set->n_runs; i++) {
        const struct wtl_run *r = &set->runs[i];
        if (r->causes || r->clock_mhz <= 0 || r->clock_mhz == skip_mhz ||
            !wtl_run_has(r, WTL_R_time_s) || !wtl_run_has(r, WTL_R_power_w) ||
            r->metric[WTL_R_time_s] <= 0 || r->metric[WTL_R_power_w] <= 0)
            continue;
        c->clock[c->n] = r->clock_mhz;
        c->time[c->n] = r->metric[WTL_R_time_s];
        c->power[c->n++] = r->metric[WTL_R_power_w];
    }
}

static int fit(struct wtl_arena *scratch, const struct columns *c, int at_mhz, double *time,
               double *power, struct wtl_error *err)
{
    struct wtl_curve *curve = NULL;
    int rc = wtl_curve_fit(scratch, WTL_CURVE_TIME, c->clock, c->time, NULL, c->n, &curve, err);
    if (rc < 0)
        return rc;
    *time = wtl_curve_at(curve, at_mhz);
    rc = wtl_curve_fit(scratch, WTL_CURVE_POWER, c->clock, c->power, NULL, c->n, &curve, err);
    if (rc == 0)
        *power = wtl_curve_at(curve, at_mhz);
    return rc;
}

static int make_columns(struct wtl_arena *arena, size_t n, struct columns *c)
{
    c->clock = WTL_NEW_ARRAY(arena, double, n + 1);
    c->time = WTL_NEW_ARRAY(arena, double, n + 1);
    c->power = WTL_NEW_ARRAY(arena, double, n + 1);
    return c->clock && c->time && c->power ? 0 : -(int)WTL_NOMEM;
}

/* One clock; a clock at either end would be extrapolated and is passed over. */
static int validate_cell(const struct wtl_flow *flow, const struct wtl_workset *set, size_t i,
                         struct columns *runs, struct columns *measured, struct columns *predicted,
                         struct wtl_error *err)
{
    const struct wtl_measurement *m = &set->cells[i];
    struct wtl_error why = {0};
    struct wtl_arena scratch;
    double time = 0, power = 0;
    fill(set, m->clock_mhz, runs);
    wtl_arena_init(&scratch, flow->alloc);
    int rc = fit(&scratch, runs, m->clock_mhz, &time, &power, &why);
    wtl_arena_fini(&scratch);
    if (rc == -(int)WTL_UNDECIDED)
        return 0;
    if (rc < 0) {
        if (err)
            *err = why;
        return rc;
    }
    size_t n = measured->n++;
    measured->clock[n] = m->clock_mhz;
    measured->time[n] = m->time_s.value;
    measured->power[n] = m->power_w.value;
    predicted->time[n] = time;
    predicted->power[n] = power;
    return 0;
}

int report_validate_curves(const struct wtl_flow *flow, struct wtl_arena *arena,
                           struct wtl_report_set *s, struct wtl_error *err)
{
    const struct wtl_workset *set = s->set;
    struct columns runs, measured = {0}, predicted = {0};
    int *clock = WTL_NEW_ARRAY(arena, int, set->n_cells + 1);
    if (!clock || make_columns(arena, set->n_runs, &runs) ||
        make_columns(arena, set->n_cells, &measured) ||
        make_columns(arena, set->n_cells, &predicted))
        return WTL_FAIL(err, WTL_NOMEM, "out of memory checking the curves");
    size_t first = 0, last = 0, used = 0;
    for (size_t i = 0; i < set->n_cells; i++)
        if (set->cells[i].n > 0 && set->cells[i].closed) {
            first = used++ ? first : i;
            last = i;
        }
    for (size_t i = first + 1; used > 2 && i < last; i++) {
        if (set->cells[i].n == 0 || !set->cells[i].closed)
            continue;
        int rc = validate_cell(flow, set, i, &runs, &measured, &predicted, err);
        if (rc < 0)
            return rc;
    }
    for (size_t i = 0; i < measured.n; i++)
        clock[i] = (int)measured.clock[i];
    s->validation = (struct wtl_report_validation){measured.n,     clock,          measured.time,
                                                   predicted.time, measured.power, predicted.power};
    return 0;
}
