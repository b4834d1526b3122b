/* SPDX-License-Identifier: Apache-2.0
 * The document: result, then one section per set, then what it rests on. */
#include "base/text.h"
#include "report/content_impl.h"
#include "report/fig_common.h"

#include "base/clock.h"
#include "base/file.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void wtl_write_figure(struct wtl_writer *w, int rc, struct wtl_figure *figure,
                      const struct wtl_error *err)
{
    if (rc == 0) {
        wtl_document_figure(w->d, figure);
    } else if (rc == -(int)WTL_NOTFOUND) {
        const char *reason = wtl_document_printf(w->d, "%s", err->message);
        if (w->d->failed || wtl_grow(w->d->arena, &w->left_out, w->n_left_out, &w->cap_left_out))
            w->d->failed = true;
        else
            w->left_out[w->n_left_out++] = reason;
    } else if (w->rc == 0) {
        w->rc = rc;
        if (w->err)
            *w->err = *err;
    }
}

/* --- result ---------------------------------------------------------------------------------- */

static void headline_row(struct wtl_writer *w, struct wtl_doc_table *t,
                         const struct wtl_report_set *s)
{
    const struct wtl_plan *plan = s->plan;
    const char *const cells[] = {
        s->set->gpu,
        s->set->workload,
        wtl_plan_status_name(plan->status),
        wtl_text_clock(w->d, plan),
        wtl_text_baseline(w->d, plan),
        wtl_text_percent(w->d, &plan->saving),
        wtl_text_percent(w->d, &plan->slowdown),
        wtl_document_printf(w->d, "%d", plan->n_runs),
        wtl_document_printf(w->d, "%d", plan->n_rejected),
    };
    wtl_document_row(w->d, t, cells);
}

static void headline(struct wtl_writer *w)
{
    static const struct wtl_column_head columns[] = {
        {"GPU", WTL_CELL_TEXT},
        {"Workload", WTL_CELL_TEXT},
        {"Status", WTL_CELL_STATUS},
        {"Clock [MHz]", WTL_CELL_NUMBER},
        {"Baseline", WTL_CELL_TEXT},
        {"Saving (interval)", WTL_CELL_NUMBER},
        {"Slowdown (interval)", WTL_CELL_NUMBER},
        {"Runs", WTL_CELL_NUMBER},
        {"Rejected", WTL_CELL_NUMBER},
    };
    const char *confidence = "95 %";
    for (size_t i = w->r->n_sets; i-- > 0;)
        if (w->r->sets[i].plan)
            confidence = wtl_fig_confidence(w->d->arena, w->r->sets[i].plan);
    struct wtl_doc_table *t = wtl_document_table(
        w->d, columns, 9,
        wtl_document_printf(w->d,
                            "Plans, with %s intervals; a clock in brackets is a best guess, not a "
                            "plan",
                            confidence));
    for (size_t i = 0; i < w->r->n_sets; i++)
        if (w->r->sets[i].plan)
            headline_row(w, t, &w->r->sets[i]);
}

/* Three digits that count, never as a power of ten. */
static const char *plain(struct wtl_writer *w, double value)
{
    double size = fabs(value) > 0 ? floor(log10(fabs(value))) : 0;
    return wtl_document_printf(w->d, "%.*f", (int)fmin(fmax(2 - size, 0), 6), value);
}

/* "168 (160 to 176)" */
static const char *range(struct wtl_writer *w, const struct wtl_estimate *e)
{
    if (!wtl_fig_exists(e))
        return "\xe2\x80\x93";
    if (!wtl_fig_has_interval(e))
        return plain(w, e->value);
    return wtl_document_printf(w->d, "%s (%s to %s)", plain(w, e->value), plain(w, e->lo),
                               plain(w, e->hi));
}

static void terms_of_year(struct wtl_writer *w, const struct wtl_cost_terms *t)
{
    const char *work =
        t->runs_per_year > 0
            ? wtl_document_printf(w->d, "%.0f runs of each workload on each GPU", t->runs_per_year)
            : wtl_document_printf(w->d, "%.0f hours of work on each GPU at its baseline clock",
                                  t->busy_hours_per_year);
    const char *price =
        t->has_price ? wtl_document_printf(w->d, ", at a price of %g per kWh", t->price_per_kwh)
                     : "";
    const char *carbon =
        t->has_carbon
            ? wtl_document_printf(w->d, ", at %g g of CO\xe2\x82\x82 per kWh", t->carbon_g_per_kwh)
            : "";
    wtl_document_paragraph(
        w->d,
        "What the plans with status ok save in a year of %s%s%s. Only the energy "
        "of the GPU during the runs counts: no cooling, no host. The intervals "
        "are those of the saving alone.",
        work, price, carbon);
}

static void yearly(struct wtl_writer *w)
{
    static const struct wtl_column_head columns[] = {
        {"GPU", WTL_CELL_TEXT},           {"Workload", WTL_CELL_TEXT},
        {"Runs a year", WTL_CELL_NUMBER}, {"Energy saved [kWh]", WTL_CELL_NUMBER},
        {"Money saved", WTL_CELL_NUMBER}, {"CO\xe2\x82\x82 saved [kg]", WTL_CELL_NUMBER},
    };
    const struct wtl_cost_terms *terms = w->r->cost;
    bool any = false;
    for (size_t i = 0; i < w->r->n_sets; i++)
        any = any || (w->r->sets[i].plan && w->r->sets[i].plan->status == WTL_PLAN_OK);
    if (!terms || !any)
        return;
    wtl_document_heading(w->d, 2, "In a year");
    terms_of_year(w, terms);
    struct wtl_doc_table *t = wtl_document_table(w->d, columns, 6, NULL);
    for (size_t i = 0; i < w->r->n_sets; i++) {
        const struct wtl_plan *plan = w->r->sets[i].plan;
        struct wtl_cost cost;
        if (!plan || plan->status != WTL_PLAN_OK || !wtl_cost_of_plan(plan, terms, &cost))
            continue;
        const char *const cells[] = {plan->gpu,
                                     plan->workload,
                                     wtl_document_printf(w->d, "%.0f", cost.runs_per_year),
                                     range(w, &cost.energy_kwh),
                                     range(w, &cost.money),
                                     range(w, &cost.carbon_kg)};
        wtl_document_row(w->d, t, cells);
    }
}

void wtl_write_results(struct wtl_writer *w)
{
    static int (*const figures[])(struct wtl_arena *, const struct wtl_report *,
                                  struct wtl_figure **, struct wtl_error *) = {
        wtl_fig_savings, wtl_fig_heat, wtl_fig_compare};
    wtl_document_heading(w->d, 1, "Result");
    wtl_document_paragraph(w->d,
                           "%zu combination%s of %s: %s. A saving is 1 \xe2\x88\x92 "
                           "E/E(baseline) and a slowdown "
                           "is "
                           "t/t(baseline) \xe2\x88\x92 1, both of one %s; a "
                           "negative slowdown is a gain of "
                           "speed.",
                           w->r->n_sets, wtl_plural((int64_t)w->r->n_sets),
                           wtl_text_combination(w->r), wtl_text_statuses(w->d, w->r),
                           wtl_text_work(w->r));
    bool any = false;
    for (size_t i = 0; i < w->r->n_sets; i++)
        any = any || w->r->sets[i].plan;
    if (any)
        headline(w);
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        struct wtl_error err = {0};
        struct wtl_figure *f = NULL;
        int rc = figures[i](w->d->arena, w->r, &f, &err);
        wtl_write_figure(w, rc, f, &err);
    }
    yearly(w);
}

/* --- one set --------------------------------------------------------------------------------- */

static const char *tied_text(struct wtl_writer *w, const struct wtl_plan *plan)
{
    if (plan->n_tied < 2)
        return "";
    return wtl_document_printf(w->d,
                               " Statistically tied with the best: %zu clocks from %d to %d "
                               "MHz.",
                               plan->n_tied, plan->tied_clocks_mhz[0],
                               plan->tied_clocks_mhz[plan->n_tied - 1]);
}

static void describe_ok(struct wtl_writer *w, const struct wtl_plan *plan)
{
    char work[20];
    wtl_document_paragraph(
        w->d,
        "At %d MHz %s %s takes %s and %s%s (%s on average); at the baseline (%s%s) it takes %s and "
        "%s. Saving %s, slowdown %s (%s intervals, %s).%s",
        plan->clock_mhz, wtl_article(wtl_configuration_work(&plan->at, work)), work,
        wtl_text_quantity(w->d, &plan->time_s, WTL_UNIT_SECOND),
        wtl_text_quantity(w->d, &plan->energy_j, WTL_UNIT_JOULE),
        plan->energy_class == WTL_CLASS_D ? " (an estimate)" : "",
        wtl_text_quantity(w->d, &plan->power_w, WTL_UNIT_WATT), wtl_text_baseline(w->d, plan),
        plan->baseline_from_curve ? ", from the curve" : "",
        wtl_text_quantity(w->d, &plan->baseline_time_s, WTL_UNIT_SECOND),
        wtl_text_quantity(w->d, &plan->baseline_energy_j, WTL_UNIT_JOULE),
        wtl_text_percent(w->d, &plan->saving), wtl_text_percent(w->d, &plan->slowdown),
        wtl_fig_confidence(w->d->arena, plan), wtl_evidence_name(plan->saving.evidence),
        tied_text(w, plan));
}

static void describe_other(struct wtl_writer *w, const struct wtl_plan *plan)
{
    switch (plan->status) {
    case WTL_PLAN_UNDECIDED:
        wtl_document_paragraph(
            w->d, "The data cannot tell which clock is best.%s%s",
            plan->best_guess_mhz > 0
                ? wtl_document_printf(w->d, " The best guess is %d MHz.", plan->best_guess_mhz)
                : "",
            tied_text(w, plan));
        break;
    case WTL_PLAN_UNUSABLE:
        wtl_document_paragraph(w->d, "The runs do not measure the workload; no clock is named.");
        break;
    case WTL_PLAN_INFEASIBLE:
        wtl_document_paragraph(w->d, "No clock meets the limits. Binding: %s. %s",
                               plan->binding[0] ? plan->binding : "not known", plan->relaxation);
        break;
    case WTL_PLAN_OK:
        break;
    }
}

static void describe_plan(struct wtl_writer *w, const struct wtl_plan *plan)
{
    if (plan->status == WTL_PLAN_OK)
        describe_ok(w, plan);
    else
        describe_other(w, plan);
    wtl_document_paragraph(w->d, "Policy: %s.", wtl_text_policy(w->d, &plan->policy));
    if (plan->time_model && plan->time_model[0] && plan->power_model && plan->n_curve > 0)
        wtl_document_paragraph(
            w->d,
            "Curves: time by \"%s\" (relative error on left-out runs %.1f %%), power by \"%s\" "
            "(%.1f %%).",
            plan->time_model, 100 * plan->time_cv_error, plan->power_model,
            100 * plan->power_cv_error);
    for (size_t i = 0; i < plan->n_notes; i++)
        wtl_document_bullet(w->d, "%s", plan->notes[i]);
}

/* Clocks that have a run, and those that have an accepted one: cells are one per clock and rate. */
static void count_clocks(const struct wtl_workset *set, int *all, int *accepted, int *unknown)
{
    int last = 0, last_accepted = 0;
    *all = *accepted = *unknown = 0;
    for (size_t i = 0; i < set->n_runs; i++)
        *unknown += set->runs[i].clock_mhz <= 0;
    for (size_t i = 0; i < set->n_cells; i++) {
        const struct wtl_measurement *m = &set->cells[i];
        if (m->clock_mhz <= 0)
            continue;
        *all += m->clock_mhz != last;
        *accepted += m->n > 0 && m->clock_mhz != last_accepted;
        last = m->clock_mhz;
        last_accepted = m->n > 0 ? m->clock_mhz : last_accepted;
    }
}

static const char *clocks_text(struct wtl_writer *w, const struct wtl_workset *set)
{
    int all, accepted, unknown;
    count_clocks(set, &all, &accepted, &unknown);
    const char *lost = unknown ? wtl_document_printf(w->d, "; the clock of %d run%s is not known",
                                                     unknown, wtl_plural(unknown))
                               : "";
    return wtl_document_printf(w->d, "%zu run%s at %d clock%s, of which %d ha%s an accepted run%s",
                               set->n_runs, wtl_plural((int)set->n_runs), all, wtl_plural(all),
                               accepted, accepted == 1 ? "s" : "ve", lost);
}

/* A spread needs a clock with two accepted runs. */
static const char *spread_text(struct wtl_writer *w, const struct wtl_report_set *s)
{
    bool repeated = false;
    for (size_t i = 0; i < s->set->n_cells; i++)
        repeated = repeated || s->set->cells[i].n > 1;
    if (!repeated)
        return "spread between runs of one clock: not known, no clock has two accepted runs";
    return wtl_document_printf(w->d,
                               "spread between runs of one clock %.1f %% in time and %.1f %% in "
                               "energy (standard deviation over mean)",
                               100 * s->quality.time_cv, 100 * s->quality.energy_cv);
}

/* Three decimals, with the sign that the other figures of the report have. */
static const char *signed_digits(struct wtl_writer *w, double value)
{
    char text[32];
    return wtl_document_printf(w->d, "%s", wtl_tick_format(value, 3, text, sizeof text));
}

static void describe_quality(struct wtl_writer *w, const struct wtl_report_set *s)
{
    const struct wtl_quality *q = &s->quality;
    if (!s->has_quality)
        return;
    bool said = s->plan && s->plan->status == WTL_PLAN_UNUSABLE;
    if (!q->usable && q->reason[0] && !said)
        wtl_document_bullet(w->d, "The set as a whole measures nothing: %s.", q->reason);
    char correction[300];
    if (wtl_describe_correction(s->set, correction, sizeof correction))
        wtl_document_bullet(w->d, "%s", correction);
    const char *drift = "not estimated, the session has no repeated anchors";
    if (q->has_drift)
        drift = wtl_document_printf(
            w->d, "%s %% of time per run (%s to %s)", signed_digits(w, 100 * q->drift_per_run),
            signed_digits(w, 100 * q->drift_lo), signed_digits(w, 100 * q->drift_hi));
    else if (q->order_monotone)
        drift = "cannot be told from the effect of the clock, which fell or rose with run order";
    const char *timed = "";
    if (s->set->n_timed)
        timed =
            wtl_document_printf(w->d,
                                " Kept aside, not judged: %zu run%s with times only, from tables "
                                "without power.",
                                s->set->n_timed, s->set->n_timed == 1 ? "" : "s");
    wtl_document_paragraph(w->d, "Data: %s; %s. Drift: %s.%s", clocks_text(w, s->set),
                           spread_text(w, s), drift, timed);
}

typedef int set_figure(struct wtl_arena *, const struct wtl_report *, const struct wtl_report_set *,
                       struct wtl_figure **, struct wtl_error *);

void wtl_write_set(struct wtl_writer *w, const struct wtl_report_set *s)
{
    static set_figure *const figures[] = {wtl_fig_clock, wtl_fig_objective, wtl_fig_tradeoff,
                                          wtl_fig_validation, wtl_fig_drift};
    static set_figure *const of_samples[] = {wtl_fig_histogram, wtl_fig_power_temp};
    wtl_document_heading(w->d, 2, wtl_fig_set_name(w->d->arena, s->set));
    if (s->plan)
        describe_plan(w, s->plan);
    else
        wtl_document_paragraph(w->d, "There is no plan for this combination.");
    describe_quality(w, s);
    struct wtl_error err = {0};
    struct wtl_figure *f = NULL;
    for (size_t i = 0; i < sizeof figures / sizeof figures[0] && w->rc == 0; i++) {
        int rc = figures[i](w->d->arena, w->r, s, &f, &err);
        wtl_write_figure(w, rc, f, &err);
    }
    int rc = wtl_fig_series(w->d->arena, w->r, s, w->metrics, w->n_metrics, &f, &err);
    wtl_write_figure(w, rc, f, &err);
    for (size_t i = 0; i < sizeof of_samples / sizeof of_samples[0] && w->rc == 0; i++) {
        rc = of_samples[i](w->d->arena, w->r, s, &f, &err);
        wtl_write_figure(w, rc, f, &err);
    }
}

/* What there is to say of points at too few clocks for a curve stands in their own section. */
static bool is_point_only(const struct wtl_report *r, const struct wtl_report_set *s)
{
    return r->n_choices && !s->plan && !wtl_configuration_is_plain(&s->set->at);
}

int wtl_content_build(struct wtl_arena *arena, const struct wtl_report *r,
                      const struct wtl_content_options *options, struct wtl_document *out,
                      struct wtl_error *err)
{
    static const enum wtl_metric usual[] = {WTL_M_power_w, WTL_M_sm_clock_mhz, WTL_M_temp_c,
                                            WTL_M_gpu_util};
    char date[24];
    struct wtl_document d;
    wtl_document_init(&d, arena);
    wtl_format_utc(r->wall_ns, date, sizeof date);
    d.title = wtl_document_printf(&d, "Operating points of %s", wtl_path_base(r->campaign));
    d.subtitle = wtl_document_printf(&d, "%s \xc2\xb7 data %.16s \xc2\xb7 %s", date,
                                     r->fingerprint[0] ? r->fingerprint : "without hash", r->tool);
    d.tool = r->tool;
    d.wall_ns = r->wall_ns;
    struct wtl_writer w = {.d = &d, .r = r, .metrics = usual, .n_metrics = 4, .err = err};
    if (options && options->n_metrics) {
        w.metrics = options->metrics;
        w.n_metrics = options->n_metrics;
    }
    wtl_write_results(&w);
    wtl_write_points(&w);
    wtl_write_verdicts(&w);
    wtl_write_heldout(&w);
    bool any = false;
    for (size_t i = 0; i < r->n_sets && w.rc == 0; i++) {
        if (is_point_only(r, &r->sets[i]))
            continue;
        if (!any)
            wtl_document_heading(&d, 1, "By GPU and workload");
        any = true;
        wtl_write_set(&w, &r->sets[i]);
    }
    wtl_write_rejected(&w);
    wtl_write_sources(&w);
    wtl_write_methods(&w);
    wtl_write_unknown(&w);
    if (w.rc < 0)
        return w.rc;
    int rc = wtl_document_check(&d, err);
    if (rc == 0)
        *out = d;
    return rc;
}
