/* SPDX-License-Identifier: Apache-2.0
 * Curves against clocks that they did not see. */
#include "flow/report_data.h"

#include "predict/curve.h"

struct columns {
    double *clock, *time, *power;
    size_t n;
};

enum { FOLDS = 10 };

/* The clocks that are checked: those between the outermost, which would be extrapolated. Every
 * FOLDS-th of them is left out of one fit, so that each lies between clocks that the fit saw. */
struct checked {
    const struct wtl_measurement **cells;
    size_t n;
};

static bool in_fold(const struct checked *c, size_t fold, int clock_mhz)
{
    for (size_t i = fold; i < c->n; i += FOLDS)
        if (c->cells[i]->clock_mhz == clock_mhz)
            return true;
    return false;
}

/* Accepted runs with time and power, without those of the fold. */
static void fill(const struct wtl_workset *set, const struct checked *checked, size_t fold,
                 struct columns *c)
{
    c->n = 0;
    for (size_t i = 0; i < set->n_runs; i++) {
        const struct wtl_run *r = &set->runs[i];
        if (r->causes || r->clock_mhz <= 0 || !wtl_run_has(r, WTL_R_time_s) ||
            !wtl_run_has(r, WTL_R_power_w) || r->metric[WTL_R_time_s] <= 0 ||
            r->metric[WTL_R_power_w] <= 0 || in_fold(checked, fold, r->clock_mhz))
            continue;
        c->clock[c->n] = r->clock_mhz;
        c->time[c->n] = r->metric[WTL_R_time_s];
        c->power[c->n++] = r->metric[WTL_R_power_w];
    }
}

static int make_columns(struct wtl_arena *arena, size_t n, struct columns *c)
{
    c->n = 0;
    c->clock = WTL_NEW_ARRAY(arena, double, n + 1);
    c->time = WTL_NEW_ARRAY(arena, double, n + 1);
    c->power = WTL_NEW_ARRAY(arena, double, n + 1);
    return c->clock && c->time && c->power ? 0 : -(int)WTL_NOMEM;
}

/* Both curves without the fold, evaluated at its clocks. */
static int check_fold(struct wtl_arena *scratch, const struct columns *runs,
                      const struct checked *checked, size_t fold, struct columns *measured,
                      struct columns *predicted, struct wtl_error *err)
{
    struct wtl_curve *time = NULL, *power = NULL;
    int rc = wtl_curve_fit(scratch, WTL_CURVE_TIME, runs->clock, runs->time, runs->n, &time, err);
    if (rc == 0)
        rc =
            wtl_curve_fit(scratch, WTL_CURVE_POWER, runs->clock, runs->power, runs->n, &power, err);
    for (size_t i = fold; rc == 0 && i < checked->n; i += FOLDS) {
        const struct wtl_measurement *m = checked->cells[i];
        size_t n = measured->n++;
        measured->clock[n] = m->clock_mhz;
        measured->time[n] = m->time_s.value;
        measured->power[n] = m->power_w.value;
        predicted->time[n] = wtl_curve_at(time, m->clock_mhz);
        predicted->power[n] = wtl_curve_at(power, m->clock_mhz);
    }
    return rc;
}

static int find_checked(struct wtl_arena *arena, const struct wtl_workset *set, struct checked *out,
                        struct wtl_error *err)
{
    *out =
        (struct checked){WTL_NEW_ARRAY(arena, const struct wtl_measurement *, set->n_cells + 1), 0};
    if (!out->cells)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory checking the curves");
    for (size_t i = 0; i < set->n_cells; i++)
        if (set->cells[i].n > 0 && set->cells[i].closed)
            out->cells[out->n++] = &set->cells[i];
    if (out->n < 3) {
        out->n = 0;
    } else {
        out->cells++;
        out->n -= 2;
    }
    return 0;
}

/* Folds that the remaining clocks cannot carry are passed over. */
static int check_folds(const struct wtl_flow *flow, const struct wtl_workset *set,
                       const struct checked *checked, struct columns *runs,
                       struct columns *measured, struct columns *predicted, struct wtl_error *err)
{
    for (size_t fold = 0; fold < FOLDS && fold < checked->n; fold++) {
        struct wtl_error why = {0};
        struct wtl_arena scratch;
        fill(set, checked, fold, runs);
        wtl_arena_init(&scratch, flow->alloc);
        int rc = check_fold(&scratch, runs, checked, fold, measured, predicted, &why);
        wtl_arena_fini(&scratch);
        if (rc < 0 && rc != -(int)WTL_UNDECIDED) {
            if (err)
                *err = why;
            return rc;
        }
    }
    return 0;
}

int report_validate_curves(const struct wtl_flow *flow, struct wtl_arena *arena,
                           struct wtl_report_set *s, struct wtl_error *err)
{
    const struct wtl_workset *set = s->set;
    struct columns runs, measured, predicted;
    struct checked checked;
    int *clock = WTL_NEW_ARRAY(arena, int, set->n_cells + 1);
    if (!clock || make_columns(arena, set->n_runs, &runs) ||
        make_columns(arena, set->n_cells, &measured) ||
        make_columns(arena, set->n_cells, &predicted))
        return WTL_FAIL(err, WTL_NOMEM, "out of memory checking the curves");
    int rc = find_checked(arena, set, &checked, err);
    if (rc == 0)
        rc = check_folds(flow, set, &checked, &runs, &measured, &predicted, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < measured.n; i++)
        clock[i] = (int)measured.clock[i];
    s->validation = (struct wtl_report_validation){measured.n,     clock,          measured.time,
                                                   predicted.time, measured.power, predicted.power};
    return 0;
}
