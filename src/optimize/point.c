/* SPDX-License-Identifier: Apache-2.0
 * Measured points: gathered, tested against the limits, compared with the best. */
#include "optimize/point.h"

#include "base/text.h"
#include "base/units.h"
#include "optimize/idling.h"
#include "optimize/notes.h"
#include "optimize/objective.h"
#include "optimize/pareto.h"
#include "stats/distribution.h"
#include "stats/robust.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Arrival rates this near, relatively, are one rate. */
static const double same_rate = 0.01;

/* From here on a configuration tells its own spread. */
static const double own_dof = 4;

enum quantity { ENERGY, TIME, OBJECTIVE, N_QUANTITIES };

/* What a point stands for beside what is shown of it. */
struct sums {
    size_t set;
    double mean[N_QUANTITIES];    /* of logarithms */
    double squares[N_QUANTITIES]; /* about the mean */
    double latency_hi[4];         /* upper bounds */
};

struct spread {
    double squares[N_QUANTITIES], dof;
};

struct choosing {
    struct wtl_arena *scratch;
    const struct wtl_workset *const *sets;
    size_t n_sets;
    const struct wtl_policy *policy;
    struct wtl_point_choice *c;
    struct wtl_notes notes;
    struct sums *sums;     /* per point */
    struct spread *spread; /* per set */
    struct spread all;
    bool idling;                 /* idle energy until the next unit arrives counts */
    struct wtl_idle_power *idle; /* per set, where it counts */
    size_t n_most;               /* runs of the largest set */
    size_t n_compared;           /* measured points */
};

/* ---- Runs of a point --------------------------------------------------------------------------*/

static bool belongs(const struct wtl_run *r, const struct wtl_measurement *m)
{
    double rate = wtl_run_get(r, WTL_R_rate_per_s, 0);
    return r->causes == 0 && r->clock_mhz == m->clock_mhz &&
           wtl_run_has(r, WTL_R_rate_per_s) == !m->closed &&
           (m->closed || fabs(rate - m->rate_per_s) <= 1e-6 * rate);
}

static bool counts_work(const struct choosing *x)
{
    for (size_t s = 0; s < x->n_sets; s++)
        for (size_t i = 0; i < x->sets[s]->n_runs; i++) {
            const struct wtl_run *r = &x->sets[s]->runs[i];
            if (r->causes == 0 && !(wtl_run_get(r, WTL_R_work_units, 0) > 0))
                return false;
        }
    return true;
}

/* Logs of time and energy of a unit of work; with idling, until the next one arrives. */
static void logs_of(const struct choosing *x, const struct wtl_run *r, double idle_w, double *log_t,
                    double *log_e)
{
    double work = r->window || x->c->per_run ? 1 : r->metric[WTL_R_work_units];
    double t = r->metric[WTL_R_time_s] / work, e = r->metric[WTL_R_energy_j] / work;
    if (x->idling)
        e += idle_w * fmax(0, 1 / x->policy->rate_per_s - t);
    *log_t = log(t);
    *log_e = log(e);
}

/* At a clock of a set; 0: not counted, or not known. */
static double idle_power(const struct choosing *x, size_t set, int clock_mhz)
{
    return x->idling ? wtl_idle_power_at(&x->idle[set], clock_mhz) : 0;
}

static void summarise(const double *a, size_t n, double *mean, double *squares)
{
    *mean = wtl_mean(a, n);
    *squares = 0;
    for (size_t i = 0; i < n; i++)
        *squares += (a[i] - *mean) * (a[i] - *mean);
}

/* Upper bound of the mean logarithm of a latency; of a single run the value itself. */
static double latency_bound(const struct choosing *x, const struct wtl_workset *set,
                            const struct wtl_measurement *m, enum wtl_run_metric metric, double *a)
{
    double mean = 0, squares = 0;
    size_t n = 0;
    for (size_t i = 0; i < set->n_runs; i++)
        if (belongs(&set->runs[i], m) && wtl_run_get(&set->runs[i], metric, 0) > 0)
            a[n++] = log(set->runs[i].metric[metric]);
    if (n == 0)
        return HUGE_VAL;
    summarise(a, n, &mean, &squares);
    double half = n > 1 ? wtl_student_quantile(0.5 + x->policy->confidence / 2, (double)(n - 1)) *
                              sqrt(squares / (double)(n - 1) / (double)n)
                        : 0;
    return exp(mean + half);
}

static void gather_latencies(const struct choosing *x, size_t i, const struct wtl_measurement *m,
                             double *a)
{
    static const enum wtl_run_metric metrics[4] = {WTL_R_latency_p50_s, WTL_R_latency_p90_s,
                                                   WTL_R_latency_p95_s, WTL_R_latency_p99_s};
    struct wtl_measured_point *p = &x->c->points[i];
    p->latency_valid = m->latency_valid;
    memcpy(p->latency_s, m->latency_s, sizeof p->latency_s);
    for (int q = 0; q < 4; q++)
        x->sums[i].latency_hi[q] = latency_bound(x, x->sets[x->sums[i].set], m, metrics[q], a);
}

/* One point from one cell of a set: time and energy; the objective needs the baseline first. */
static void gather_point(struct choosing *x, size_t i, size_t set_index,
                         const struct wtl_measurement *m, double *a)
{
    const struct wtl_workset *set = x->sets[set_index];
    struct wtl_measured_point *p = &x->c->points[i];
    struct sums *sums = &x->sums[i];
    double *t = a, *e = a + x->n_most, idle_w = idle_power(x, set_index, m->clock_mhz);
    size_t n = 0;
    *p = (struct wtl_measured_point){.at = set->at,
                                     .clock_mhz = m->clock_mhz,
                                     .rate_per_s = m->closed ? 0 : m->rate_per_s,
                                     .n_rejected = m->n_rejected,
                                     .energy_method = m->energy_method,
                                     .energy_class = m->energy_class};
    sums->set = set_index;
    for (size_t k = 0; k < set->n_runs; k++)
        if (belongs(&set->runs[k], m)) {
            logs_of(x, &set->runs[k], idle_w, &t[n], &e[n]);
            n++;
        }
    p->n = (int)n;
    if (n == 0)
        return;
    summarise(t, n, &sums->mean[TIME], &sums->squares[TIME]);
    summarise(e, n, &sums->mean[ENERGY], &sums->squares[ENERGY]);
    gather_latencies(x, i, m, a);
    /* Where no point was run twice, the sensor's own interval is what there is. */
    p->energy_j = m->energy_j;
    x->n_compared++;
}

static int gather(struct choosing *x, struct wtl_arena *arena, struct wtl_error *err)
{
    size_t n = 0, i = 0;
    for (size_t s = 0; s < x->n_sets; s++) {
        n += x->sets[s]->n_cells;
        x->n_most = x->sets[s]->n_runs > x->n_most ? x->sets[s]->n_runs : x->n_most;
    }
    x->c->points = WTL_NEW_ARRAY(arena, struct wtl_measured_point, n + 1);
    x->sums = WTL_NEW_ARRAY(x->scratch, struct sums, n + 1);
    x->spread = WTL_NEW_ARRAY(x->scratch, struct spread, x->n_sets + 1);
    double *a = WTL_NEW_ARRAY(x->scratch, double, 2 * x->n_most + 1);
    if (!x->c->points || !x->sums || !x->spread || !a)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for operating points");
    for (size_t s = 0; s < x->n_sets; s++)
        for (size_t k = 0; k < x->sets[s]->n_cells; k++)
            gather_point(x, i++, s, &x->sets[s]->cells[k], a);
    x->c->n_points = n;
    return 0;
}

/* ---- Which points are at the wanted rate ------------------------------------------------------*/

static bool rate_is(const struct wtl_measured_point *p, double rate)
{
    return fabs(p->rate_per_s - rate) <= same_rate * rate;
}

/* Takes points at other rates out. False: there is no one rate to decide at. */
static bool settle_rate(struct choosing *x)
{
    const struct wtl_policy *policy = x->policy;
    size_t closed = 0, at_rate = 0, others = 0;
    double rate = 0;
    for (size_t i = 0; i < x->c->n_points; i++) {
        const struct wtl_measured_point *p = &x->c->points[i];
        if (p->n == 0)
            continue;
        closed += !(p->rate_per_s > 0);
        at_rate += policy->has_rate && rate_is(p, policy->rate_per_s);
        others += p->rate_per_s > 0 && rate > 0 && !rate_is(p, rate);
        rate = p->rate_per_s > 0 ? p->rate_per_s : rate;
    }
    double wanted = at_rate ? policy->rate_per_s : closed || policy->has_rate ? 0 : rate;
    if (!policy->has_rate && closed == 0 && others)
        return false;
    for (size_t i = 0; i < x->c->n_points; i++) {
        struct wtl_measured_point *p = &x->c->points[i];
        if (p->n && !(wanted > 0 ? rate_is(p, wanted) : !(p->rate_per_s > 0)))
            snprintf(p->why, sizeof p->why, "measured at another arrival rate");
    }
    x->idling = policy->has_rate && at_rate == 0;
    return true;
}

/* A point that takes part: measured, at the wanted rate. */
static bool takes_part(const struct wtl_measured_point *p)
{
    return p->n > 0 && !p->why[0];
}

/* ---- Spread and differences -------------------------------------------------------------------*/

static void pool(struct choosing *x)
{
    for (size_t i = 0; i < x->c->n_points; i++) {
        struct spread *own = &x->spread[x->sums[i].set];
        if (!takes_part(&x->c->points[i]))
            continue;
        for (int q = 0; q < N_QUANTITIES; q++) {
            own->squares[q] += x->sums[i].squares[q];
            x->all.squares[q] += x->sums[i].squares[q];
        }
        own->dof += x->c->points[i].n - 1;
        x->all.dof += x->c->points[i].n - 1;
    }
}

/* Variance of the mean of a point, and its degrees of freedom. */
static double variance(const struct choosing *x, size_t i, enum quantity q, double *dof)
{
    const struct spread *own = &x->spread[x->sums[i].set];
    const struct spread *from = own->dof >= own_dof ? own : &x->all;
    *dof = from->dof;
    return from->dof > 0 ? from->squares[q] / from->dof / x->c->points[i].n : 0;
}

/* Half-width of the interval of mean i minus mean k whose one-sided error is `alpha`; 0 without any
 * degree of freedom. */
static double reach(const struct choosing *x, size_t i, size_t k, enum quantity q, double alpha)
{
    double dof_i = 0, dof_k = 0;
    double v_i = variance(x, i, q, &dof_i), v_k = variance(x, k, q, &dof_k), v = v_i + v_k;
    if (i == k || !(dof_i > 0 && dof_k > 0) || !(v > 0))
        return 0;
    double dof = v * v / (v_i * v_i / dof_i + v_k * v_k / dof_k);
    return wtl_student_quantile(1 - alpha, fmax(1, dof)) * sqrt(v);
}

static struct wtl_estimate estimate(const struct choosing *x, size_t i, enum quantity q)
{
    double dof = 0, v = variance(x, i, q, &dof), mean = x->sums[i].mean[q];
    struct wtl_estimate e = {.value = exp(mean), .n = x->c->points[i].n};
    if (dof > 0) {
        double half = wtl_student_quantile(0.5 + x->policy->confidence / 2, dof) * sqrt(v);
        e.lo = exp(mean - half);
        e.hi = exp(mean + half);
        e.evidence = WTL_EVIDENCE_IN_SAMPLE;
    }
    return e;
}

/* 1 - exp(d) or exp(d) - 1 of a difference of logs, with an interval for all points at once. */
static struct wtl_estimate contrast(const struct choosing *x, size_t i, enum quantity q,
                                    bool saving)
{
    size_t base = (size_t)x->c->baseline;
    double alpha = (1 - x->policy->confidence) / 2 / fmax(1, (double)x->n_compared - 1);
    double d = x->sums[i].mean[q] - x->sums[base].mean[q], half = reach(x, i, base, q, alpha);
    struct wtl_estimate e = {.n = x->c->points[i].n};
    double lo = expm1(d - half), hi = expm1(d + half);
    e.value = saving ? -expm1(d) : expm1(d);
    e.value += 0.0; /* never -0 */
    if (half > 0) {
        e.lo = saving ? -hi : lo;
        e.hi = saving ? -lo : hi;
        e.evidence = WTL_EVIDENCE_IN_SAMPLE;
    }
    return e;
}

/* ---- Baseline and objective -------------------------------------------------------------------*/

/* At an arrival rate it is the arrivals that set the time of a unit: latency tells. */
static bool is_faster(const struct choosing *x, size_t i, size_t than)
{
    const struct wtl_measured_point *p = &x->c->points[i], *q = &x->c->points[than];
    unsigned both = p->latency_valid & q->latency_valid;
    for (int k = 3; k >= 0; k -= 3)
        if (p->rate_per_s > 0 && (both >> k) & 1)
            return p->latency_s[k] < q->latency_s[k];
    return x->sums[i].mean[TIME] < x->sums[than].mean[TIME];
}

static int find_baseline(const struct choosing *x, const struct wtl_at *at)
{
    const struct wtl_baseline *b = &x->policy->baseline;
    int fastest = WTL_NO_POINT;
    for (size_t i = 0; i < x->c->n_points; i++) {
        const struct wtl_measured_point *p = &x->c->points[i];
        if (!takes_part(p) || (at && !wtl_at_matches(at, &p->at)) ||
            (b->kind == WTL_BASELINE_CLOCK && p->clock_mhz != b->clock_mhz))
            continue;
        if (fastest < 0 || is_faster(x, i, (size_t)fastest))
            fastest = (int)i;
    }
    return fastest;
}

/* Objective of every run against the baseline: its mean and spread per point. */
static int add_objectives(struct choosing *x, struct wtl_error *err)
{
    double *a = WTL_NEW_ARRAY(x->scratch, double, x->n_most + 1);
    const struct sums *base = &x->sums[x->c->baseline];
    if (!a)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for operating points");
    for (size_t i = 0; i < x->c->n_points; i++) {
        const struct wtl_measured_point *p = &x->c->points[i];
        const struct wtl_workset *set = x->sets[x->sums[i].set];
        const struct wtl_measurement m = {
            .clock_mhz = p->clock_mhz, .closed = !(p->rate_per_s > 0), .rate_per_s = p->rate_per_s};
        double idle_w = idle_power(x, x->sums[i].set, p->clock_mhz), t = 0, e = 0;
        size_t n = 0;
        for (size_t k = 0; k < set->n_runs && takes_part(p); k++)
            if (belongs(&set->runs[k], &m)) {
                logs_of(x, &set->runs[k], idle_w, &t, &e);
                a[n++] = wtl_objective_log(&x->policy->objective, e - base->mean[ENERGY],
                                           t - base->mean[TIME]);
            }
        if (n)
            summarise(a, n, &x->sums[i].mean[OBJECTIVE], &x->sums[i].squares[OBJECTIVE]);
    }
    return 0;
}

/* ---- Limits -----------------------------------------------------------------------------------*/

static const char *percent(double fraction, char buf[24])
{
    snprintf(buf, 24, "%.1f %%", 100 * fraction);
    return buf;
}

static void check_latency(const struct choosing *x, size_t i)
{
    static const int percents[4] = {50, 90, 95, 99};
    struct wtl_measured_point *p = &x->c->points[i];
    for (int k = 0; k < x->policy->n_slo && !p->why[0]; k++)
        for (int q = 0; q < 4; q++) {
            const struct wtl_slo *slo = &x->policy->slo[k];
            double bound = x->sums[i].latency_hi[q];
            char text[40];
            if (percents[q] != slo->percent || bound <= slo->seconds)
                continue;
            if (isfinite(bound))
                snprintf(p->why, sizeof p->why, "p%d latency up to %s", slo->percent,
                         wtl_format_quantity(bound, WTL_UNIT_SECOND, text, sizeof text));
            else
                snprintf(p->why, sizeof p->why, "its p%d latency was not measured", slo->percent);
        }
}

static void check_ratios(const struct choosing *x, size_t i)
{
    const struct wtl_policy *policy = x->policy;
    struct wtl_measured_point *p = &x->c->points[i];
    size_t base = (size_t)x->c->baseline;
    double alpha = (1 - policy->confidence) / 2;
    double t = x->sums[i].mean[TIME] - x->sums[base].mean[TIME] + reach(x, i, base, TIME, alpha);
    double e =
        x->sums[i].mean[ENERGY] - x->sums[base].mean[ENERGY] + reach(x, i, base, ENERGY, alpha);
    char text[24];
    if (policy->has_max_slowdown && expm1(t) > policy->max_slowdown + 1e-9)
        snprintf(p->why, sizeof p->why, "slowdown up to %s", percent(expm1(t), text));
    else if (policy->has_max_energy && exp(e) > policy->max_energy_ratio + 1e-9)
        snprintf(p->why, sizeof p->why, "energy up to %s of the baseline", percent(exp(e), text));
    else if (policy->has_min_saving && -expm1(e) < policy->min_saving - 1e-9)
        snprintf(p->why, sizeof p->why, "saving perhaps only %s", percent(-expm1(e), text));
}

static int highest_clock(const struct wtl_point_choice *c)
{
    int mhz = 0;
    for (size_t i = 0; i < c->n_points; i++)
        mhz = c->points[i].clock_mhz > mhz ? c->points[i].clock_mhz : mhz;
    return mhz;
}

static void check_absolutes(const struct choosing *x, size_t i)
{
    const struct wtl_policy *policy = x->policy;
    struct wtl_measured_point *p = &x->c->points[i];
    double power_w = p->power_w.evidence ? p->power_w.hi : p->power_w.value;
    double t = exp(x->sums[i].mean[TIME]);
    if (policy->has_max_power && power_w > policy->max_power_w)
        snprintf(p->why, sizeof p->why, "power up to %.1f W", power_w);
    else if (policy->has_min_clock_ratio && p->clock_mhz &&
             p->clock_mhz < policy->min_clock_ratio * highest_clock(x->c) - 1e-9)
        snprintf(p->why, sizeof p->why, "its clock is too low");
    else if (x->idling && t * policy->rate_per_s > 1)
        snprintf(p->why, sizeof p->why, "%.4g /s at most", 1 / t);
}

static void describe_rejected(const struct choosing *x, size_t i)
{
    struct wtl_measured_point *p = &x->c->points[i];
    const struct wtl_workset *set = x->sets[x->sums[i].set];
    enum wtl_cause cause = WTL_N_CAUSES;
    for (size_t k = 0; k < set->n_runs && cause == WTL_N_CAUSES; k++)
        if (set->runs[k].clock_mhz == p->clock_mhz)
            cause = wtl_run_main_cause(&set->runs[k]);
    snprintf(p->why, sizeof p->why, "every run was rejected, the first as %s",
             wtl_cause_name(cause));
}

static void check_limits(struct choosing *x)
{
    for (size_t i = 0; i < x->c->n_points; i++) {
        struct wtl_measured_point *p = &x->c->points[i];
        if (p->n == 0)
            describe_rejected(x, i);
        if (!p->why[0])
            check_ratios(x, i);
        if (!p->why[0])
            check_absolutes(x, i);
        if (!p->why[0])
            check_latency(x, i);
        p->feasible = !p->why[0];
    }
}

/* ---- The choice -------------------------------------------------------------------------------*/

static bool is_better(const struct choosing *x, size_t i, size_t than)
{
    const struct wtl_measured_point *p = &x->c->points[i], *q = &x->c->points[than];
    const double *a = x->sums[i].mean, *b = x->sums[than].mean;
    switch (x->policy->prefer) {
    case WTL_PREFER_BEST:
        return a[OBJECTIVE] < b[OBJECTIVE];
    case WTL_PREFER_LEAST_ENERGY:
        return a[ENERGY] < b[ENERGY];
    case WTL_PREFER_LOWEST_CLOCK:
        return p->clock_mhz != q->clock_mhz ? p->clock_mhz < q->clock_mhz : a[ENERGY] < b[ENERGY];
    case WTL_PREFER_FASTEST:
        break;
    }
    return is_faster(x, i, than);
}

static void find_best(struct choosing *x)
{
    struct wtl_point_choice *c = x->c;
    for (size_t i = 0; i < c->n_points; i++)
        if (c->points[i].feasible &&
            (c->best < 0 || x->sums[i].mean[OBJECTIVE] < x->sums[c->best].mean[OBJECTIVE]))
            c->best = (int)i;
    if (c->best < 0)
        return;
    double alpha = (1 - x->policy->confidence) / fmax(1, (double)x->n_compared - 1);
    for (size_t i = 0; i < c->n_points; i++) {
        struct wtl_measured_point *p = &c->points[i];
        size_t best = (size_t)c->best;
        if (p->time_s.n > 0)
            p->objective = exp(x->sums[i].mean[OBJECTIVE] - x->sums[best].mean[OBJECTIVE]);
        p->tied = p->feasible && x->sums[i].mean[OBJECTIVE] - x->sums[best].mean[OBJECTIVE] <=
                                     reach(x, i, best, OBJECTIVE, alpha);
    }
    c->chosen = c->best;
    for (size_t i = 0; i < c->n_points; i++)
        if (c->points[i].tied && is_better(x, i, (size_t)c->chosen))
            c->chosen = (int)i;
}

static int mark_front(struct choosing *x, struct wtl_error *err)
{
    size_t n = x->c->n_points;
    double *energy = WTL_NEW_ARRAY(x->scratch, double, 2 * n + 1);
    bool *use = WTL_NEW_ARRAY(x->scratch, bool, 2 * n + 1);
    if (!energy || !use)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for operating points");
    for (size_t i = 0; i < n; i++) {
        energy[i] = x->sums[i].mean[ENERGY];
        energy[n + i] = x->sums[i].mean[TIME];
        use[i] = x->c->points[i].time_s.n > 0;
    }
    int rc = wtl_pareto_front(x->scratch, energy, energy + n, use, n, use + n, err);
    for (size_t i = 0; i < n && rc == 0; i++)
        x->c->points[i].pareto = use[n + i];
    return rc;
}

static void fill_points(struct choosing *x)
{
    for (size_t i = 0; i < x->c->n_points; i++) {
        struct wtl_measured_point *p = &x->c->points[i];
        if (!takes_part(p))
            continue;
        struct wtl_estimate energy = estimate(x, i, ENERGY);
        bool sensor = energy.evidence == WTL_EVIDENCE_NONE && p->energy_j.evidence && p->at.window;
        p->time_s = estimate(x, i, TIME);
        p->energy_j = sensor && !x->idling ? p->energy_j : energy;
        double span_s = x->idling ? 1 / x->policy->rate_per_s : p->time_s.value;
        p->power_w = energy;
        p->power_w.value = energy.value / span_s;
        p->power_w.lo = energy.lo / span_s;
        p->power_w.hi = energy.hi / span_s;
        p->saving = contrast(x, i, ENERGY, true).value;
        p->slowdown = contrast(x, i, TIME, false).value;
    }
}

/* ---- What is said of it -----------------------------------------------------------------------*/

static void note_classes(struct choosing *x)
{
    enum wtl_energy_class best = WTL_N_CLASSES, worst = WTL_CLASS_NONE;
    bool variants = false;
    const struct wtl_point_choice *c = x->c;
    for (size_t i = 0; i < c->n_points; i++) {
        const struct wtl_measured_point *p = &c->points[i];
        if (p->n == 0)
            continue;
        if (p->energy_class && p->energy_class < best)
            best = p->energy_class;
        worst = p->energy_class > worst ? p->energy_class : worst;
        variants = variants || strcmp(p->at.point.variant, c->points[0].at.point.variant) != 0;
    }
    if (worst == WTL_CLASS_D)
        wtl_notes_add(&x->notes, "Energy is an estimate from the thermal design power, class D: "
                                 "joules can be off by a factor of 2, and what is called less "
                                 "energy is mostly less time.");
    else if (best < worst)
        wtl_notes_add(&x->notes,
                      "The points were measured by sensors of different classes (%c and "
                      "%c): a difference between them can be the sensors'.",
                      wtl_energy_class_letter(best), wtl_energy_class_letter(worst));
    if (variants)
        wtl_notes_add(&x->notes, "Variants of a model can differ in their answers as well: their "
                                 "accuracy is not looked at here.");
}

static void note_setup(struct choosing *x)
{
    note_classes(x);
    if (x->c->per_run && x->n_sets > 1)
        wtl_notes_add(&x->notes, "The runs do not say how much work they did: a run is taken as "
                                 "the same work at every point.");
    if (x->idling)
        wtl_notes_add(&x->notes,
                      "At %.4g /s the idle power until the next unit of work is counted.",
                      x->policy->rate_per_s);
}

static void stop(struct choosing *x, enum wtl_plan_status status, const char *why)
{
    x->c->status = status;
    wtl_notes_add(&x->notes, "No answer: %s.", why);
}

/* Where idle energy counts. 1: some set does not know its idle power. */
static int find_idle_power(struct choosing *x, struct wtl_error *err)
{
    x->idle = WTL_NEW_ARRAY(x->scratch, struct wtl_idle_power, x->n_sets + 1);
    int rc = x->idle ? 0 : WTL_FAIL(err, WTL_NOMEM, "out of memory for operating points");
    for (size_t s = 0; rc == 0 && s < x->n_sets; s++) {
        rc = wtl_idle_power_of_set(x->scratch, x->sets[s], &x->idle[s], err);
        rc = rc == 0 && x->idle[s].n == 0 ? 1 : rc;
    }
    return rc;
}

static void conclude(struct choosing *x)
{
    struct wtl_point_choice *c = x->c;
    if (c->best < 0) {
        size_t n = 0;
        c->status = WTL_PLAN_INFEASIBLE;
        for (size_t i = 0; i < c->n_points && !c->binding[0]; i++)
            if (c->points[i].n && i == (size_t)c->baseline)
                snprintf(c->binding, sizeof c->binding, "even the baseline fails: %s",
                         c->points[i].why);
        for (size_t i = 0; i < c->n_points; i++)
            n += c->points[i].n > 0;
        if (!c->binding[0])
            snprintf(c->binding, sizeof c->binding, "none of %zu points meets the limits", n);
        return;
    }
    size_t of = (size_t)c->chosen;
    c->status = WTL_PLAN_OK;
    if (!(x->all.dof > 0)) {
        c->status = WTL_PLAN_UNDECIDED;
        c->chosen = WTL_NO_POINT;
        of = (size_t)c->best;
        wtl_notes_add(&x->notes, "Undecided: no point was run twice, so nothing tells how far runs "
                                 "scatter; the best is a guess.");
    }
    c->saving = contrast(x, of, ENERGY, true);
    c->slowdown = contrast(x, of, TIME, false);
    c->objective_saving = contrast(x, of, OBJECTIVE, true);
}

/* 0; 1: no answer, the notes say why. */
static int prepare(struct choosing *x, struct wtl_arena *arena, const struct wtl_at *baseline,
                   struct wtl_error *err)
{
    int rc = gather(x, arena, err);
    if (rc)
        return rc;
    if (x->n_compared == 0) {
        stop(x, WTL_PLAN_UNUSABLE, "every run was rejected");
        return 1;
    }
    if (!settle_rate(x)) {
        stop(x, WTL_PLAN_UNUSABLE,
             "the points are at different arrival rates, name one with --rate");
        return 1;
    }
    rc = x->idling ? find_idle_power(x, err) : 0;
    if (rc < 0)
        return rc;
    if (rc > 0) {
        stop(x, WTL_PLAN_UNUSABLE,
             "a rate was asked for, but the runs hold neither that rate nor an idle power");
        return 1;
    }
    if (x->idling) { /* once more, now that idle energy is known to count */
        x->n_compared = 0;
        x->n_most = 0;
        rc = gather(x, arena, err);
        if (rc || !settle_rate(x))
            return rc;
    }
    x->c->baseline = find_baseline(x, baseline);
    if (x->c->baseline >= 0)
        return add_objectives(x, err);
    stop(x, WTL_PLAN_UNUSABLE, "no measured point is the baseline that was asked for");
    return 1;
}

static int decide(struct choosing *x, struct wtl_arena *arena, const struct wtl_at *baseline,
                  struct wtl_error *err)
{
    int rc = prepare(x, arena, baseline, err);
    if (rc < 0)
        return rc;
    note_setup(x);
    if (rc == 1) {
        for (size_t i = 0; i < x->c->n_points; i++)
            if (x->c->points[i].n == 0)
                describe_rejected(x, i);
        return 0;
    }
    pool(x);
    fill_points(x);
    check_limits(x);
    rc = mark_front(x, err);
    find_best(x);
    conclude(x);
    return rc;
}

/* The policy's own list belongs to the caller; it is about clocks between points. */
static void start(struct wtl_point_choice *c, const struct wtl_workset *set,
                  const struct wtl_policy *policy)
{
    *c = (struct wtl_point_choice){.status = WTL_PLAN_UNUSABLE,
                                   .policy = *policy,
                                   .chosen = WTL_NO_POINT,
                                   .baseline = WTL_NO_POINT,
                                   .best = WTL_NO_POINT};
    memcpy(c->gpu, set->gpu, sizeof c->gpu);
    memcpy(c->workload, set->workload, sizeof c->workload);
    memcpy(c->unit, set->at.unit, sizeof c->unit);
    c->policy.clocks_mhz = NULL;
    c->policy.n_clocks = 0;
}

int wtl_choose_point(struct wtl_arena *arena, const struct wtl_workset *const *sets, size_t n_sets,
                     const struct wtl_policy *policy, const struct wtl_at *baseline,
                     struct wtl_point_choice *out, struct wtl_error *err)
{
    struct wtl_point_choice choice;
    struct wtl_arena scratch;
    wtl_arena_init(&scratch, arena->alloc);
    struct choosing x = {.scratch = &scratch,
                         .sets = sets,
                         .n_sets = n_sets,
                         .policy = policy,
                         .c = &choice,
                         .notes = {.arena = arena}};
    start(&choice, sets[0], policy);
    choice.per_run = !sets[0]->at.window && !counts_work(&x);
    int rc = decide(&x, arena, baseline, err);
    struct wtl_plan notes = {0};
    if (rc == 0)
        rc = wtl_notes_give(&x.notes, &notes, err);
    wtl_arena_fini(&scratch);
    if (rc < 0)
        return rc;
    choice.notes = notes.notes;
    choice.n_notes = notes.n_notes;
    *out = choice;
    return 0;
}
