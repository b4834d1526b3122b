/* SPDX-License-Identifier: Apache-2.0
 * What was checked on data that had no part in it: plans against fresh runs, and predictors against
 * workloads and cards that they had not seen. The same cells serve the document and the summary. */
#include "report/content_impl.h"
#include "report/escape.h"

#include <stdio.h>
#include <string.h>

static const char dash[] = "\xe2\x80\x93";

/* --- verdicts -------------------------------------------------------------------------------- */

enum { VERDICT_CELLS = 10, HELDOUT_CELLS = 11 };

static const struct wtl_column_head verdict_columns[VERDICT_CELLS] = {
    {"GPU", WTL_CELL_TEXT},        {"Workload", WTL_CELL_TEXT},
    {"Verdict", WTL_CELL_STATUS},  {"Chosen / baseline [MHz]", WTL_CELL_NUMBER},
    {"Saving", WTL_CELL_NUMBER},   {"at least", WTL_CELL_NUMBER},
    {"Slowdown", WTL_CELL_NUMBER}, {"at most", WTL_CELL_NUMBER},
    {"Runs", WTL_CELL_NUMBER},     {"To decide", WTL_CELL_NUMBER},
};

static const char *more_text(struct wtl_document *d, const struct wtl_verdict *v)
{
    if (v->kind != WTL_VERDICT_UNDECIDED)
        return dash;
    if (v->more_blocks < 0)
        return "none would";
    return wtl_document_printf(d, "%d pair%s", v->more_blocks, wtl_plural(v->more_blocks));
}

static const char *title_of(struct wtl_document *d, const struct wtl_verdict *v)
{
    char title[WTL_CONFIGURED_NAME];
    if (v->of_point)
        return wtl_document_printf(d, "%s (best operating point)", v->workload);
    return wtl_document_printf(d, "%s", wtl_configured_name(v->workload, &v->at, title));
}

/* Two clocks, or two points without what they share. */
static const char *compared(struct wtl_document *d, const struct wtl_verdict *v)
{
    char chosen[WTL_MEASURED_POINT_TEXT], baseline[WTL_MEASURED_POINT_TEXT];
    if (!v->of_point)
        return wtl_document_printf(d, "%d / %d", v->clock_mhz, v->baseline_clock_mhz);
    struct wtl_configuration common = v->at;
    wtl_configuration_intersect(&common, &v->baseline_at);
    const struct wtl_measured_point a = {.at = wtl_configuration_without(&v->at, &common),
                                         .clock_mhz = v->clock_mhz};
    const struct wtl_measured_point b = {.at = wtl_configuration_without(&v->baseline_at, &common),
                                         .clock_mhz = v->baseline_clock_mhz};
    return wtl_document_printf(d, "%s / %s", wtl_measured_point_format(&a, chosen),
                               wtl_measured_point_format(&b, baseline));
}

static void verdict_cells(struct wtl_document *d, const struct wtl_verdict_entry *e,
                          const char *cells[VERDICT_CELLS])
{
    const struct wtl_verdict *v = &e->verdict;
    cells[0] = v->gpu;
    cells[1] = title_of(d, v);
    cells[2] = wtl_verdict_name(v->kind);
    cells[3] = compared(d, v);
    cells[4] = wtl_text_percent(d, &v->saving.fresh);
    cells[5] = wtl_document_printf(d, "%.1f %%", 100 * v->saving.limit);
    cells[6] = wtl_text_percent(d, &v->slowdown.fresh);
    cells[7] = wtl_document_printf(d, "%.1f %%", 100 * v->slowdown.limit);
    cells[8] = wtl_document_printf(d, "%d + %d (%d)", v->n_candidate, v->n_baseline, v->n_rejected);
    cells[9] = more_text(d, v);
}

static size_t count_judged(const struct wtl_verdict_file *f)
{
    size_t n = 0;
    for (size_t i = 0; i < f->n; i++)
        n += f->entries[i].judged;
    return n;
}

static const char *known(const char *text)
{
    return text[0] ? text : "not known";
}

/* Where a verdict comes from. */
static const char *verdict_head(struct wtl_document *d, const struct wtl_report_verdict *v)
{
    const struct wtl_verdict_file *f = v->file;
    return wtl_document_printf(
        d,
        "Verdict \"%s\" of %s: %s over the %zu of %zu plans that could be judged. The plan is of "
        "%s "
        "(data %.16s), the fresh runs are those of %s (data %.16s)%s. Intervals at %g %%; a saving "
        "may fall short of what was promised by %g %%.",
        v->name, known(f->created), wtl_verdict_name(wtl_verdict_file_overall(f)), count_judged(f),
        f->n, known(f->plan_created), known(f->plan_fingerprint), f->campaign,
        known(f->fingerprint),
        v->other_runs ? ", which are not the ones that this campaign holds now" : "",
        100 * f->confidence, 100 * f->margin);
}

/* Plans that share a reason, or NULL when an earlier entry has listed them. */
static const char *plans_of_reason(struct wtl_document *d, const struct wtl_verdict_file *f,
                                   size_t i)
{
    const char *text = "";
    for (size_t k = 0; k < f->n; k++) {
        const struct wtl_verdict_entry *e = &f->entries[k];
        if (e->judged || strcmp(e->why, f->entries[i].why) != 0)
            continue;
        if (k < i)
            return NULL;
        text = wtl_document_printf(d, "%s%s%s, %s", text, text[0] ? "; " : "", e->verdict.gpu,
                                   title_of(d, &e->verdict));
    }
    return text;
}

static void verdict_bullets(struct wtl_document *d, const struct wtl_verdict_file *f)
{
    for (size_t i = 0; i < f->n; i++) {
        const struct wtl_verdict_entry *e = &f->entries[i];
        const char *plans = e->judged ? NULL : plans_of_reason(d, f, i);
        if (plans)
            wtl_document_bullet(d, "No verdict, %s: %s.", e->why, plans);
        else if (e->judged)
            for (size_t k = 0; k < e->verdict.n_notes; k++)
                wtl_document_bullet(d, "%s, %s: %s", e->verdict.gpu, title_of(d, &e->verdict),
                                    e->verdict.notes[k]);
    }
}

void wtl_write_verdicts(struct wtl_writer *w)
{
    if (w->r->n_verdicts == 0)
        return;
    wtl_document_heading(w->d, 1, "Fresh runs against the plan");
    for (size_t i = 0; i < w->r->n_verdicts; i++) {
        const struct wtl_report_verdict *v = &w->r->verdicts[i];
        wtl_document_paragraph(w->d, "%s", verdict_head(w->d, v));
        struct wtl_doc_table *t = NULL;
        if (count_judged(v->file))
            t = wtl_document_table(w->d, verdict_columns, VERDICT_CELLS,
                                   wtl_document_printf(w->d, "Verdict \"%s\"", v->name));
        for (size_t k = 0; t && k < v->file->n; k++) {
            const char *cells[VERDICT_CELLS];
            verdict_cells(w->d, &v->file->entries[k], cells);
            if (v->file->entries[k].judged)
                wtl_document_row(w->d, t, cells);
        }
        verdict_bullets(w->d, v->file);
    }
    wtl_document_paragraph(
        w->d,
        "A plan is confirmed when the whole interval of the saving lies above \"at least\" "
        "and that of the slowdown below \"at most\", refuted when one of them lies wholly on "
        "the wrong side, and undecided otherwise. Chosen / baseline: clocks in MHz, or the two "
        "operating points without what they share. Runs: at the chosen clock + at the baseline "
        "(rejected). To decide: about so "
        "many more pairs of runs.");
}

/* --- held-out errors ------------------------------------------------------------------------- */

static const struct wtl_column_head heldout_columns[HELDOUT_CELLS] = {
    {"Left out", WTL_CELL_TEXT},     {"Method", WTL_CELL_TEXT},
    {"Probes", WTL_CELL_NUMBER},     {"n", WTL_CELL_NUMBER},
    {"Regret [%]", WTL_CELL_NUMBER}, {"in 90 % [%]", WTL_CELL_NUMBER},
    {"Broken [%]", WTL_CELL_NUMBER}, {"Loss [%]", WTL_CELL_NUMBER},
    {"Time [%]", WTL_CELL_NUMBER},   {"Power [%]", WTL_CELL_NUMBER},
    {"Cover [%]", WTL_CELL_NUMBER},
};

static const char *percent_if(struct wtl_document *d, bool exists, double fraction)
{
    return exists ? wtl_document_printf(d, "%.1f", 100 * fraction) : dash;
}

static void heldout_cells(struct wtl_document *d, const struct wtl_heldout *h,
                          const char *cells[HELDOUT_CELLS])
{
    cells[0] = h->split == WTL_SPLIT_GPU ? "GPU" : wtl_split_name(h->split);
    cells[1] = wtl_method_name(h->method);
    cells[2] = h->n_probes ? wtl_document_printf(d, "%d", h->n_probes) : dash;
    cells[3] = wtl_document_printf(d, "%d", h->n);
    cells[4] = percent_if(d, true, h->regret_median);
    cells[5] = percent_if(d, true, h->regret_p90);
    cells[6] = percent_if(d, true, h->broken);
    cells[7] = percent_if(d, true, h->loss_mean);
    cells[8] = percent_if(d, h->has_error, h->time_median);
    cells[9] = percent_if(d, h->has_error, h->power_median);
    cells[10] = percent_if(d, h->has_coverage, h->coverage);
}

static const char *predictor_head(struct wtl_document *d, const struct wtl_report_predictor *p)
{
    const struct wtl_predictor *m = &p->file->predictor;
    char objective[64];
    const char *limit = "";
    if (m->has_max_slowdown)
        limit = wtl_document_printf(d, ", slowdown at most %g %%", 100 * m->max_slowdown);
    return wtl_document_printf(
        d,
        "Predictor \"%s\" of %s, learned from %zu sets of runs (data %.16s)%s. Errors for: %s%s.%s",
        p->name, known(p->file->created), m->n_trained, known(m->fingerprint),
        p->other_runs ? ", not those that this campaign holds now" : "",
        wtl_objective_format(&m->objective, objective, sizeof objective), limit,
        m->n_heldout ? ""
                     : " No held-out error can be stated: leaving one workload or one GPU out "
                       "leaves fewer than two sets.");
}

/* The methods that the tables name, each in words. */
static void explain_methods(struct wtl_writer *w)
{
    for (int m = 0; m < (int)WTL_N_METHODS; m++) {
        bool named = false;
        for (size_t i = 0; i < w->r->n_predictors; i++) {
            const struct wtl_predictor *p = &w->r->predictors[i].file->predictor;
            for (size_t k = 0; k < p->n_heldout; k++)
                named = named || p->heldout[k].method == (enum wtl_method)m;
        }
        if (named)
            wtl_document_bullet(w->d, "%s: %s.", wtl_method_name((enum wtl_method)m),
                                wtl_method_text((enum wtl_method)m));
    }
}

void wtl_write_heldout(struct wtl_writer *w)
{
    size_t rows = 0;
    if (w->r->n_predictors == 0)
        return;
    wtl_document_heading(w->d, 1, "Predictors on what they had not seen");
    for (size_t i = 0; i < w->r->n_predictors; i++) {
        const struct wtl_report_predictor *p = &w->r->predictors[i];
        const struct wtl_predictor *m = &p->file->predictor;
        wtl_document_paragraph(w->d, "%s", predictor_head(w->d, p));
        struct wtl_doc_table *t = NULL;
        if (m->n_heldout)
            t = wtl_document_table(
                w->d, heldout_columns, HELDOUT_CELLS,
                wtl_document_printf(w->d, "Held-out errors of predictor \"%s\"", p->name));
        for (size_t k = 0; t && k < m->n_heldout; k++) {
            const char *cells[HELDOUT_CELLS];
            heldout_cells(w->d, &m->heldout[k], cells);
            wtl_document_row(w->d, t, cells);
        }
        rows += m->n_heldout;
    }
    if (rows == 0)
        return;
    wtl_document_paragraph(
        w->d,
        "Every workload, and every GPU, was left out of the learning once and then predicted; n "
        "are the cases, probes the clocks at which the left-out workload was run. "
        "Regret: the objective at the predicted clock over that at the best allowed "
        "one, minus 1 (median, and the value that 90 %% of the cases stay under). Broken: "
        "share of the predicted clocks that truly break the limit. Loss: mean regret with those "
        "rolled "
        "back to the highest clock. Time, power: median over the cases of the mean absolute error "
        "of "
        "the curve. Cover: share of the clocks whose true slowdown lies in the stated interval.");
    explain_methods(w);
}

/* --- the summary ----------------------------------------------------------------------------- */

static void markdown_head(struct wtl_buf *out, const struct wtl_column_head *columns, int n)
{
    wtl_buf_puts(out, "|");
    for (int i = 0; i < n; i++)
        wtl_buf_printf(out, " %s |", columns[i].title);
    wtl_buf_puts(out, "\n|");
    for (int i = 0; i < n; i++)
        wtl_buf_puts(out, columns[i].kind == WTL_CELL_NUMBER ? "--:|" : "---|");
    wtl_buf_puts(out, "\n");
}

static void markdown_row(struct wtl_buf *out, const char *const *cells, int n)
{
    wtl_buf_puts(out, "|");
    for (int i = 0; i < n; i++) {
        wtl_buf_puts(out, " ");
        wtl_escape_markdown(out, cells[i]);
        wtl_buf_puts(out, " |");
    }
    wtl_buf_puts(out, "\n");
}

void wtl_markdown_verdicts(struct wtl_document *d, const struct wtl_report *r, struct wtl_buf *out)
{
    for (size_t i = 0; i < r->n_verdicts; i++) {
        const struct wtl_verdict_file *f = r->verdicts[i].file;
        wtl_buf_puts(out, i ? "\n" : "\n### Fresh runs against the plan\n\n");
        wtl_escape_markdown(out, verdict_head(d, &r->verdicts[i]));
        wtl_buf_puts(out, "\n\n");
        if (count_judged(f))
            markdown_head(out, verdict_columns, VERDICT_CELLS);
        for (size_t k = 0; k < f->n; k++) {
            const char *cells[VERDICT_CELLS];
            verdict_cells(d, &f->entries[k], cells);
            if (f->entries[k].judged)
                markdown_row(out, cells, VERDICT_CELLS);
        }
    }
}

void wtl_markdown_heldout(struct wtl_document *d, const struct wtl_report *r, struct wtl_buf *out)
{
    for (size_t i = 0; i < r->n_predictors; i++) {
        const struct wtl_predictor *p = &r->predictors[i].file->predictor;
        wtl_buf_puts(out, i ? "\n" : "\n### Predictors on what they had not seen\n\n");
        wtl_escape_markdown(out, predictor_head(d, &r->predictors[i]));
        wtl_buf_puts(out, "\n\n");
        if (p->n_heldout)
            markdown_head(out, heldout_columns, HELDOUT_CELLS);
        for (size_t k = 0; k < p->n_heldout; k++) {
            const char *cells[HELDOUT_CELLS];
            heldout_cells(d, &p->heldout[k], cells);
            markdown_row(out, cells, HELDOUT_CELLS);
        }
    }
}
