/* SPDX-License-Identifier: Apache-2.0
 * The back of the report: rejected runs, sources, methods, and what is not known. */
#include "base/text.h"
#include "report/content_impl.h"
#include "report/fig_common.h"

#include <stdio.h>
#include <string.h>

/* Rows of long tables in the PDF; the page has all of them. */
enum { PDF_ROWS = 40 };

/* --- rejected runs --------------------------------------------------------------------------- */

static size_t count_causes(const struct wtl_report *r, size_t *count)
{
    size_t total = 0;
    for (size_t s = 0; s < r->n_sets; s++)
        for (size_t i = 0; i < r->sets[s].set->n_runs; i++) {
            enum wtl_cause cause = wtl_run_main_cause(&r->sets[s].set->runs[i]);
            count[cause]++;
            total += cause != WTL_N_CAUSES;
        }
    return total;
}

static void cause_table(struct wtl_writer *w, const size_t *count)
{
    static const struct wtl_column_head columns[] = {
        {"Cause", WTL_CELL_TEXT}, {"Runs", WTL_CELL_NUMBER}, {"Meaning", WTL_CELL_TEXT}};
    struct wtl_doc_table *t = wtl_document_table(w->d, columns, 3, "Rejected runs by main cause");
    for (int c = 0; c < (int)WTL_N_CAUSES; c++) {
        const char *const cells[] = {wtl_cause_name((enum wtl_cause)c),
                                     wtl_document_printf(w->d, "%zu", count[c]),
                                     wtl_cause_text((enum wtl_cause)c)};
        if (count[c])
            wtl_document_row(w->d, t, cells);
    }
}

static void rejected_row(struct wtl_writer *w, struct wtl_doc_table *t,
                         const struct wtl_workset *set, const struct wtl_run *run)
{
    const char *const cells[] = {
        set->gpu,
        set->workload,
        run->job,
        run->seq > 0 ? wtl_document_printf(w->d, "%lld", (long long)run->seq) : "",
        run->rep > 0 ? wtl_document_printf(w->d, "%d", run->rep) : "",
        run->clock_mhz > 0 ? wtl_document_printf(w->d, "%d", run->clock_mhz) : "",
        wtl_cause_name(wtl_run_main_cause(run)),
        run->reason,
    };
    wtl_document_row(w->d, t, cells);
}

void wtl_write_rejected(struct wtl_writer *w)
{
    static const struct wtl_column_head columns[] = {
        {"GPU", WTL_CELL_TEXT},   {"Workload", WTL_CELL_TEXT}, {"Job", WTL_CELL_TEXT},
        {"Run", WTL_CELL_NUMBER}, {"Rep.", WTL_CELL_NUMBER},   {"Clock [MHz]", WTL_CELL_NUMBER},
        {"Cause", WTL_CELL_TEXT}, {"Why", WTL_CELL_TEXT},
    };
    size_t count[WTL_N_CAUSES + 1] = {0};
    size_t total = count_causes(w->r, count);
    wtl_document_heading(w->d, 1, "Rejected runs");
    if (total == 0) {
        wtl_document_paragraph(w->d, "No run was rejected: of %zu, all count.",
                               count[WTL_N_CAUSES]);
        return;
    }
    wtl_document_paragraph(
        w->d,
        "%zu of %zu runs do not count, each for a stated cause; nothing else was "
        "left out. A run with several causes is listed under the first.",
        total, total + count[WTL_N_CAUSES]);
    cause_table(w, count);
    struct wtl_doc_table *t = wtl_document_table(w->d, columns, 8, "Every rejected run");
    if (!t)
        return;
    t->folded = true;
    t->pdf_max = PDF_ROWS;
    for (size_t s = 0; s < w->r->n_sets; s++)
        for (size_t i = 0; i < w->r->sets[s].set->n_runs; i++)
            if (w->r->sets[s].set->runs[i].causes)
                rejected_row(w, t, w->r->sets[s].set, &w->r->sets[s].set->runs[i]);
}

/* --- sources --------------------------------------------------------------------------------- */

static void source_row(struct wtl_writer *w, struct wtl_doc_table *t, const struct wtl_source *s)
{
    const char *const cells[] = {
        s->path,
        s->reader,
        wtl_document_printf(w->d, "%lld", (long long)s->rows),
        wtl_document_printf(w->d, "%lld", (long long)s->rows_dropped),
        wtl_document_printf(w->d, "%lld", (long long)s->cells_missing),
        wtl_document_printf(w->d, "%.12s", s->sha256),
    };
    wtl_document_row(w->d, t, cells);
}

void wtl_write_sources(struct wtl_writer *w)
{
    static const struct wtl_column_head columns[] = {
        {"File", WTL_CELL_CODE},
        {"Reader", WTL_CELL_TEXT},
        {"Rows", WTL_CELL_NUMBER},
        {"Dropped", WTL_CELL_NUMBER},
        {"Missing cells", WTL_CELL_NUMBER},
        {"SHA-256", WTL_CELL_CODE},
    };
    const struct wtl_report *r = w->r;
    long long rows = 0, dropped = 0, missing = 0;
    for (size_t i = 0; i < r->n_sources; i++) {
        rows += r->sources[i].rows;
        dropped += r->sources[i].rows_dropped;
        missing += r->sources[i].cells_missing;
    }
    wtl_document_heading(w->d, 1, "Data");
    wtl_document_paragraph(
        w->d,
        "Campaign %s with %zu source file%s: %lld row%s read, %lld dropped, %lld cell%s missing. "
        "SHA-256 over the hashes of all sources: %s.",
        r->campaign, r->n_sources, wtl_plural((int64_t)r->n_sources), rows, wtl_plural(rows),
        dropped, missing, wtl_plural(missing), r->fingerprint[0] ? r->fingerprint : "not known");
    if (r->n_sources == 0)
        return;
    struct wtl_doc_table *t = wtl_document_table(w->d, columns, 6, "Source files");
    if (!t)
        return;
    t->folded = r->n_sources > 12;
    t->pdf_max = PDF_ROWS;
    for (size_t i = 0; i < r->n_sources; i++)
        source_row(w, t, &r->sources[i]);
}

/* --- methods --------------------------------------------------------------------------------- */

void wtl_write_methods(struct wtl_writer *w)
{
    static const char *const methods[] = {
        "Energy of a run is the difference of the energy counter, interpolated at its edges, where "
        "there is one, and power integrated over real time otherwise; the two are cross-checked. "
        "The sampling period is estimated from timestamps, the counter or a log; where a trace has "
        "none of them, its labelled period is taken, and that is said.",
        "Runs are judged one by one against their neighbours in clock and time by robust rules. A "
        "rejected run keeps its cause; nothing is trimmed.",
        "Time and power against clock are fitted by few-parameter physical forms or by local "
        "regression, whichever predicts left-out clocks better; energy is their product.",
        "Intervals of saving and slowdown come from a bootstrap of the whole procedure, choice "
        "included, by moving blocks of residuals in run order. \"in-sample\" means that the same "
        "runs chose the clock and estimate its effect; \"confirmed\" that fresh runs did.",
        "A limit on slowdown holds at a clock when the upper 97.5 % bound of the slowdown is "
        "within "
        "it. Clocks whose objective cannot be told from the best are tied; the policy says which "
        "of "
        "them is taken.",
        "The bar of a clock's mean is a 95 % interval by Student's t; the band of a curve is "
        "pointwise.",
    };
    wtl_document_heading(w->d, 1, "Methods in short");
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        wtl_document_bullet(w->d, "%s", methods[i]);
    if (w->r->n_choices)
        wtl_document_bullet(
            w->d, "%s",
            "Windows of a workload that goes on count per unit of work. Of the measured operating "
            "points those are tied that exceed the best by less than the bound of the difference, "
            "for all points at once (multiple comparisons with the best); the fastest one is the "
            "baseline.");
    for (size_t i = 0; i < w->r->n_sets; i++) {
        char text[300];
        const struct wtl_workset *set = w->r->sets[i].set;
        if (wtl_describe_labelled(set, text, sizeof text))
            wtl_document_bullet(w->d, "%s: %s", wtl_fig_set_name(w->d->arena, set), text);
    }
    wtl_document_paragraph(w->d,
                           "More, with sources: docs/methods-*.md of the Wattle distribution, "
                           "and the help of the command: wattle optimize --help.");
}

/* --- what is not known ----------------------------------------------------------------------- */

/* A list of n sets; one of all of them would say nothing. */
static const char *named(struct wtl_writer *w, const char *list, size_t n)
{
    if (n > 1 && n == w->r->n_sets)
        return wtl_document_printf(w->d, "all %zu", n);
    return list;
}

/* Names of the sets for which `is` holds, as one text; "" for none. */
static const char *sets_where(struct wtl_writer *w, bool (*is)(const struct wtl_report_set *))
{
    const char *text = "";
    size_t n = 0;
    for (size_t i = 0; i < w->r->n_sets; i++) {
        if (!is(&w->r->sets[i]))
            continue;
        text = wtl_document_printf(w->d, "%s%s%s", text, text[0] ? "; " : "",
                                   wtl_fig_set_name(w->d->arena, w->r->sets[i].set));
        n++;
    }
    return named(w, text, n);
}

static bool is_monotone(const struct wtl_report_set *s)
{
    return s->has_quality && s->quality.order_monotone;
}

static bool is_in_sample(const struct wtl_report_set *s)
{
    return s->plan && s->plan->saving.evidence == WTL_EVIDENCE_IN_SAMPLE;
}

static bool is_open(const struct wtl_report_set *s)
{
    return s->plan &&
           (s->plan->status == WTL_PLAN_UNDECIDED || s->plan->status == WTL_PLAN_UNUSABLE);
}

static bool has_no_traces(const struct wtl_report_set *s)
{
    return s->n_traces == 0;
}

static void bullet_of_sets(struct wtl_writer *w, bool (*is)(const struct wtl_report_set *),
                           const char *text)
{
    const char *names = sets_where(w, is);
    if (names[0])
        wtl_document_bullet(w->d, "%s %s.", text, names);
}

/* "A100, vit: no power samples" has its reason after the last colon. */
static const char *reason_of(const char *message)
{
    const char *colon = NULL;
    for (const char *s = message; (s = strstr(s, ": ")); s += 2)
        colon = s;
    return colon ? colon + 2 : message;
}

/* The sets that share reason i, or NULL when an earlier entry has listed them. */
static const char *sets_of_reason(struct wtl_writer *w, size_t i)
{
    const char *reason = reason_of(w->left_out[i]), *text = "";
    size_t n = 0;
    for (size_t k = 0; k < w->n_left_out; k++) {
        const char *other = reason_of(w->left_out[k]);
        if (strcmp(other, reason) != 0)
            continue;
        if (k < i)
            return NULL;
        int length = other > w->left_out[k] ? (int)(other - w->left_out[k] - 2) : 0;
        text = wtl_document_printf(w->d, "%s%s%.*s", text, text[0] ? "; " : "", length,
                                   w->left_out[k]);
        n++;
    }
    return named(w, text, n);
}

static void write_left_out(struct wtl_writer *w)
{
    static const struct wtl_column_head columns[] = {
        {"There is no figure because of", WTL_CELL_TEXT}, {"For", WTL_CELL_TEXT}};
    if (w->n_left_out == 0)
        return;
    struct wtl_doc_table *t = wtl_document_table(w->d, columns, 2, "Figures that were left out");
    for (size_t i = 0; t && i < w->n_left_out; i++) {
        const char *sets = sets_of_reason(w, i);
        const char *const cells[] = {reason_of(w->left_out[i]), sets && sets[0] ? sets : "all"};
        if (sets)
            wtl_document_row(w->d, t, cells);
    }
}

static enum wtl_energy_class worst_class(const struct wtl_report *r)
{
    enum wtl_energy_class worst = WTL_CLASS_NONE;
    for (size_t i = 0; i < r->n_sets; i++)
        for (size_t k = 0; k < r->sets[i].set->n_cells; k++)
            if (r->sets[i].set->cells[k].energy_class > worst)
                worst = r->sets[i].set->cells[k].energy_class;
    return worst;
}

void wtl_write_unknown(struct wtl_writer *w)
{
    wtl_document_heading(w->d, 1, "What is not known");
    if (worst_class(w->r) == WTL_CLASS_D)
        wtl_document_bullet(
            w->d, "%s",
            "What the energy is: nothing measured it. Joules are estimates from "
            "the thermal design power, up to a factor of 2 off, and a saving is one "
            "of the estimate (class D).");
    wtl_document_bullet(w->d, "%s",
                        "Absolute joules: the sensor of a card may be off by up to 5 % unless it "
                        "was calibrated. Savings and slowdowns are ratios on one card and do not "
                        "carry that error.");
    bullet_of_sets(w, is_open, "Which clock is best, because the runs cannot tell:");
    bullet_of_sets(w, is_monotone,
                   "Whether the machine drifted, because the clock fell or rose with run order:");
    bullet_of_sets(w, is_in_sample,
                   "How the chosen clock does on fresh runs (wattle validate tells): the intervals "
                   "are in-sample for");
    bullet_of_sets(w, has_no_traces,
                   "What happened within a run, because no samples could be "
                   "read:");
    for (size_t i = 0; i < w->r->n_notes; i++)
        wtl_document_bullet(w->d, "%s", w->r->notes[i]);
    write_left_out(w);
}
