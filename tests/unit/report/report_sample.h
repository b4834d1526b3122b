/* SPDX-License-Identifier: Apache-2.0
 *
 * A report to draw in tests: campaigns of the generator with known truth, judged by what the
 * generator did to each run, with plans read off fitted curves. The plans only have to look like
 * plans; how good they are is tested elsewhere.
 */
#ifndef WTL_TESTS_REPORT_SAMPLE_H
#define WTL_TESTS_REPORT_SAMPLE_H

#include "support/sim_campaign.h"
#include "support/support.h"

#include "base/random.h"
#include "predict/curve.h"
#include "report/report.h"
#include "stats/distribution.h"
#include "stats/robust.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const int64_t sample_wall_ns = INT64_C(1795258980) * 1000000000;

static void sample_judge(struct sim_campaign *c)
{
    static const uint32_t causes[] = {[SIM_GOOD] = 0,
                                      [SIM_COLD] = 1u << WTL_CAUSE_cold_start,
                                      [SIM_OUTLIER] = 1u << WTL_CAUSE_outlier,
                                      [SIM_IDLE] = 1u << WTL_CAUSE_idle_gpu};
    for (size_t i = 0; i < c->n_runs; i++) {
        c->runs[i].causes = causes[c->kinds[i]];
        if (c->runs[i].causes)
            snprintf(c->runs[i].reason, sizeof c->runs[i].reason,
                     "%.1f s where other runs at %d MHz take less", c->runs[i].metric[WTL_R_time_s],
                     c->runs[i].clock_mhz);
    }
}

static struct wtl_estimate sample_mean(double *x, size_t n)
{
    struct wtl_estimate e = {.value = wtl_mean(x, n), .n = (int)n};
    if (n > 1) {
        double half = wtl_student_quantile(0.975, (double)n - 1) * wtl_sd(x, n) / sqrt((double)n);
        e.lo = e.value - half;
        e.hi = e.value + half;
        e.evidence = WTL_EVIDENCE_IN_SAMPLE;
    }
    return e;
}

static void sample_cells(struct wtl_arena *arena, struct wtl_workset *set,
                         const struct sim_campaign *c)
{
    set->cells = WTL_NEW_ARRAY(arena, struct wtl_measurement, c->n_swept);
    for (size_t k = 0; k < c->n_swept; k++) {
        struct wtl_measurement *m = &set->cells[set->n_cells++];
        double time[64], energy[64], power[64];
        size_t n = 0;
        m->clock_mhz = c->swept_mhz[k];
        m->closed = true;
        for (size_t i = 0; i < set->n_runs; i++) {
            const struct wtl_run *run = &set->runs[i];
            if (run->clock_mhz != m->clock_mhz)
                continue;
            enum wtl_cause cause = wtl_run_main_cause(run);
            if (cause != WTL_N_CAUSES) {
                m->rejected[cause]++;
                m->n_rejected++;
                continue;
            }
            time[n] = run->metric[WTL_R_time_s];
            energy[n] = run->metric[WTL_R_energy_j];
            power[n++] = run->metric[WTL_R_power_w];
        }
        m->n = (int)n;
        if (n == 0)
            continue;
        m->time_s = sample_mean(time, n);
        m->energy_j = sample_mean(energy, n);
        m->power_w = sample_mean(power, n);
    }
}

struct sample_curves {
    struct wtl_curve *time, *power;
};

/* Curves over the accepted runs. */
static struct sample_curves sample_fit(struct wtl_arena *arena, const struct wtl_workset *set)
{
    double *f = WTL_NEW_ARRAY(arena, double, set->n_runs);
    double *t = WTL_NEW_ARRAY(arena, double, set->n_runs);
    double *p = WTL_NEW_ARRAY(arena, double, set->n_runs);
    size_t n = 0;
    for (size_t i = 0; i < set->n_runs; i++)
        if (!set->runs[i].causes) {
            f[n] = set->runs[i].clock_mhz;
            t[n] = set->runs[i].metric[WTL_R_time_s];
            p[n++] = set->runs[i].metric[WTL_R_power_w];
        }
    struct sample_curves c = {0};
    struct wtl_error err = {0};
    assert_ok(wtl_curve_fit(arena, WTL_CURVE_TIME, f, t, n, &c.time, &err), &err);
    assert_ok(wtl_curve_fit(arena, WTL_CURVE_POWER, f, p, n, &c.power, &err), &err);
    return c;
}

static struct wtl_estimate sample_estimate(double value, double half, int n)
{
    return (struct wtl_estimate){value, value - half, value + half, n, WTL_EVIDENCE_IN_SAMPLE};
}

static void sample_front(struct wtl_curve_point *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        p[i].pareto = true;
        for (size_t k = 0; k < n; k++)
            if (p[k].time_s < p[i].time_s && p[k].energy_j <= p[i].energy_j)
                p[i].pareto = false;
    }
}

static struct wtl_plan *sample_plan(struct wtl_arena *arena, const struct wtl_workset *set,
                                    const struct sim_campaign *c, struct sample_curves curves,
                                    double max_slowdown)
{
    struct wtl_plan *plan = WTL_NEW(arena, struct wtl_plan);
    size_t n = c->n_swept, best = n - 1;
    struct wtl_curve_point *p = WTL_NEW_ARRAY(arena, struct wtl_curve_point, n);
    double t0 = wtl_curve_at(curves.time, c->swept_mhz[n - 1]);
    double e0 = t0 * wtl_curve_at(curves.power, c->swept_mhz[n - 1]);
    for (size_t i = 0; i < n; i++) {
        double t = wtl_curve_at(curves.time, c->swept_mhz[i]);
        double w = wtl_curve_at(curves.power, c->swept_mhz[i]);
        double se = 1.96 * wtl_curve_se(curves.time, c->swept_mhz[i]);
        p[i] = (struct wtl_curve_point){.clock_mhz = c->swept_mhz[i],
                                        .time_s = t,
                                        .energy_j = t * w,
                                        .power_w = w,
                                        .time_lo = t * (1 - se),
                                        .time_hi = t * (1 + se),
                                        .energy_lo = t * w * (1 - 2 * se),
                                        .energy_hi = t * w * (1 + 2 * se),
                                        .slowdown = t / t0 - 1,
                                        .saving = 1 - t * w / e0,
                                        .legal = true,
                                        .feasible = t / t0 - 1 <= max_slowdown};
    }
    for (size_t i = 0; i < n; i++)
        if (p[i].feasible && p[i].energy_j * p[i].time_s < p[best].energy_j * p[best].time_s)
            best = i;
    sample_front(p, n);
    snprintf(plan->gpu, sizeof plan->gpu, "%s", set->gpu);
    snprintf(plan->workload, sizeof plan->workload, "%s", set->workload);
    plan->policy = wtl_policy_default();
    plan->policy.has_max_slowdown = max_slowdown < 1;
    plan->policy.max_slowdown = max_slowdown;
    plan->clock_mhz = p[best].clock_mhz;
    int *tied = WTL_NEW_ARRAY(arena, int, 3);
    for (size_t i = best ? best - 1 : 0; i <= best + 1 && i < n; i++)
        tied[plan->n_tied++] = p[i].clock_mhz;
    plan->tied_clocks_mhz = tied;
    plan->curve = p;
    plan->n_curve = n;
    size_t knee = best;
    for (size_t i = 0; i < n; i++)
        if (p[i].pareto && p[i].energy_j < p[knee].energy_j)
            knee = i;
    plan->knee_clock_mhz = p[knee].clock_mhz;
    plan->baseline_clock_mhz = c->swept_mhz[n - 1];
    plan->baseline_from_curve = true;
    plan->time_model = wtl_curve_form(curves.time);
    plan->power_model = wtl_curve_form(curves.power);
    plan->time_cv_error = wtl_curve_cv_error(curves.time);
    plan->power_cv_error = wtl_curve_cv_error(curves.power);
    for (size_t i = 0; i < set->n_runs; i++) {
        enum wtl_cause cause = wtl_run_main_cause(&set->runs[i]);
        if (cause == WTL_N_CAUSES)
            plan->n_runs++;
        else {
            plan->rejected[cause]++;
            plan->n_rejected++;
        }
    }
    int runs = plan->n_runs;
    plan->baseline_time_s = sample_estimate(t0, 0.01 * t0, runs);
    plan->baseline_energy_j = sample_estimate(e0, 0.01 * e0, runs);
    plan->time_s = sample_estimate(p[best].time_s, 0.01 * t0, runs);
    plan->energy_j = sample_estimate(p[best].energy_j, 0.01 * e0, runs);
    plan->power_w = sample_estimate(p[best].power_w, 1, runs);
    plan->saving = sample_estimate(p[best].saving, 0.012, runs);
    plan->slowdown = sample_estimate(p[best].slowdown, 0.006, runs);
    plan->objective_saving = sample_estimate(0.1, 0.01, runs);
    return plan;
}

/* Turns a plan into one that decides nothing. */
static void sample_spoil(struct wtl_arena *arena, struct wtl_plan *plan,
                         enum wtl_plan_status status)
{
    static const char *const notes[] = {
        "Times sit on steps of 1 s that do not depend on the clock: start-up dominates."};
    (void)arena;
    plan->status = status;
    plan->best_guess_mhz = status == WTL_PLAN_UNDECIDED ? plan->clock_mhz : 0;
    plan->clock_mhz = 0;
    plan->notes = notes;
    plan->n_notes = 1;
    if (status == WTL_PLAN_UNUSABLE) {
        plan->saving = plan->slowdown = (struct wtl_estimate){0};
        plan->n_curve = 0;
        plan->n_tied = 0;
    }
    if (status == WTL_PLAN_INFEASIBLE) {
        snprintf(plan->binding, sizeof plan->binding, "max-slowdown 5 %%");
        snprintf(plan->relaxation, sizeof plan->relaxation, "a slowdown of 7.1 %% would do");
    }
}

/* As if each clock had been left out; what it takes to leave it out is tested elsewhere. */
static void sample_validation(struct wtl_arena *arena, const struct wtl_workset *set,
                              struct sample_curves curves, struct wtl_report_validation *v)
{
    int *clock = WTL_NEW_ARRAY(arena, int, set->n_cells);
    double *columns[4];
    for (int i = 0; i < 4; i++)
        columns[i] = WTL_NEW_ARRAY(arena, double, set->n_cells);
    for (size_t i = 0; i < set->n_cells; i += 4) {
        const struct wtl_measurement *m = &set->cells[i];
        if (m->n == 0)
            continue;
        clock[v->n] = m->clock_mhz;
        columns[0][v->n] = m->time_s.value;
        columns[1][v->n] = wtl_curve_at(curves.time, m->clock_mhz);
        columns[2][v->n] = m->power_w.value;
        columns[3][v->n++] = wtl_curve_at(curves.power, m->clock_mhz);
    }
    v->clock_mhz = clock;
    v->time_s = columns[0];
    v->time_predicted_s = columns[1];
    v->power_w = columns[2];
    v->power_predicted_w = columns[3];
}

static void sample_trace(struct wtl_arena *arena, const struct wtl_run *run, const char *role,
                         size_t n, struct wtl_report_trace *out)
{
    static const enum wtl_metric metrics[] = {WTL_M_power_w, WTL_M_temp_c, WTL_M_sm_clock_mhz,
                                              WTL_M_gpu_util};
    struct wtl_rng rng;
    wtl_rng_init(&rng, (uint64_t)run->clock_mhz);
    *out = (struct wtl_report_trace){.role = role, .run = run, .n = n, .timed = true};
    double *t = WTL_NEW_ARRAY(arena, double, n);
    double *v[4];
    unsigned char *valid[4];
    for (int k = 0; k < 4; k++) {
        v[k] = WTL_NEW_ARRAY(arena, double, n);
        valid[k] = WTL_NEW_ARRAY(arena, unsigned char, n);
        memset(valid[k], 1, n);
        out->present |= UINT64_C(1) << metrics[k];
        out->value[metrics[k]] = v[k];
        out->valid[metrics[k]] = valid[k];
    }
    for (size_t i = 0; i < n; i++) {
        double x = (double)i / (double)n;
        bool busy = x > 0.15 && x < 0.95;
        t[i] = (double)i * 0.05;
        v[0][i] = (busy ? run->metric[WTL_R_power_w] * 1.15 : 38) + 5 * wtl_rng_normal(&rng);
        v[1][i] = floor(32 + 20 * (1 - exp(-4 * x)) + 0.4 * wtl_rng_normal(&rng));
        v[2][i] = busy ? run->clock_mhz : 135;
        v[3][i] = busy ? 0.97 : 0;
    }
    out->t_s = t;
    valid[1][0] = 0; /* a missing cell */
}

/* Sets of 2 GPUs and 4 workloads, with plans of every status. */
static void sample_report(struct wtl_arena *arena, struct wtl_report *out)
{
    static const int workloads[] = {SIM_STABLEDIFFUSION, SIM_DECODE, SIM_WHISPER, SIM_LSTM};
    static const enum wtl_plan_status status[] = {
        WTL_PLAN_OK, WTL_PLAN_OK,         WTL_PLAN_UNDECIDED, WTL_PLAN_UNUSABLE,
        WTL_PLAN_OK, WTL_PLAN_INFEASIBLE, WTL_PLAN_OK,        WTL_PLAN_OK};
    static const char *const notes[] = {"The H100 traces were not found."};
    struct wtl_report_set *sets = WTL_NEW_ARRAY(arena, struct wtl_report_set, 8);
    for (int i = 0; i < 8; i++) {
        struct sim_options options = sim_options_default();
        struct sim_campaign *c = WTL_NEW(arena, struct sim_campaign);
        struct wtl_error err = {0};
        options.gpu = i / 4;
        options.workload = workloads[i % 4];
        options.cold_runs = 3;
        options.outlier_share = 0.02;
        options.seed = (uint64_t)i + 1;
        if (i % 4 == 2)
            options.order = SIM_BLOCKS;
        assert_ok(sim_campaign_make(arena, &options, c, &err), &err);
        sample_judge(c);
        struct wtl_workset *set = WTL_NEW(arena, struct wtl_workset);
        snprintf(set->gpu, sizeof set->gpu, "%s", c->gpu);
        snprintf(set->workload, sizeof set->workload, "%s", c->workload);
        set->runs = c->runs;
        set->n_runs = c->n_runs;
        sample_cells(arena, set, c);
        struct sample_curves curves = sample_fit(arena, set);
        struct wtl_plan *plan = sample_plan(arena, set, c, curves, 0.05);
        sets[i].set = set;
        sets[i].unconstrained = sample_plan(arena, set, c, curves, 1);
        if (status[i] != WTL_PLAN_OK)
            sample_spoil(arena, plan, status[i]);
        sets[i].plan = plan;
        sets[i].has_quality = true;
        sets[i].quality = (struct wtl_quality){.usable = status[i] != WTL_PLAN_UNUSABLE,
                                               .order_monotone = i % 4 != 2,
                                               .has_drift = i % 4 == 2,
                                               .drift_per_run = 1e-4,
                                               .drift_lo = -1e-4,
                                               .drift_hi = 3e-4,
                                               .n_clocks = (int)c->n_swept,
                                               .n_clocks_usable = (int)c->n_swept - 1,
                                               .coverage = 0.98,
                                               .time_cv = 0.015,
                                               .energy_cv = 0.018};
        if (i % 4 == 0) {
            sample_validation(arena, set, curves, &sets[i].validation);
            sets[i].traces = WTL_NEW_ARRAY(arena, struct wtl_report_trace, 2);
            sets[i].n_traces = 2;
            sample_trace(arena, &set->runs[5], "baseline clock", 300, &sets[i].traces[0]);
            sample_trace(arena, &set->runs[set->n_runs / 3], "chosen clock", 4000,
                         &sets[i].traces[1]);
        }
    }
    static const struct wtl_cost_terms terms = {.runs_per_year = 1e6,
                                                .has_price = true,
                                                .price_per_kwh = 0.25,
                                                .has_carbon = true,
                                                .carbon_g_per_kwh = 380};
    struct wtl_source *source = WTL_NEW(arena, struct wtl_source);
    source->path = "/data/<sweep> & \"more\"/runs.csv";
    source->scope = "";
    snprintf(source->reader, sizeof source->reader, "aggregate");
    snprintf(source->sha256, sizeof source->sha256, "%064d", 7);
    source->rows = 1440;
    *out = (struct wtl_report){
        .campaign = "sweep.wattle",
        .fingerprint = "3f9a1c22d01b77e4aa0b1c2d3e4f5061728394a5b6c7d8e9f00112233445566a",
        .tool = "wattle 0.1.0",
        .wall_ns = sample_wall_ns,
        .sets = sets,
        .n_sets = 8,
        .sources = source,
        .n_sources = 1,
        .cost = &terms,
        .notes = notes,
        .n_notes = 1};
}

/* ---- The fixture of a group: the sample, and what draws it ---- */

static struct wtl_arena arena;
static struct wtl_report report;
static struct wtl_fonts *fonts;

static int set_up(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    wtl_arena_init(&arena, wtl_alloc_system());
    sample_report(&arena, &report);
    return wtl_fonts_open(wtl_alloc_system(), &fonts, &err);
}

static int tear_down(void **state)
{
    (void)state;
    wtl_fonts_close(fonts);
    wtl_arena_fini(&arena);
    return 0;
}

#endif
