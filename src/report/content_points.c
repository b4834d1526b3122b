/* SPDX-License-Identifier: Apache-2.0
 * The section on measured operating points, in the document and in the summary. */
#include "report/content_impl.h"
#include "report/escape.h"
#include "report/fig_common.h"

#include "base/text.h"

#include <stdio.h>

static const char dash[] = "\xe2\x80\x93";

enum { FOLD_FROM = 24 };

static int answer_of(const struct wtl_point_choice *c)
{
    return c->chosen >= 0 ? c->chosen : c->best;
}

static const char *text_point(struct wtl_document *d, const struct wtl_measured_point *p)
{
    char text[WTL_MEASURED_POINT_TEXT];
    return wtl_document_printf(d, "%s", wtl_measured_point_format(p, text));
}

/* --- the answer ------------------------------------------------------------------------------ */

static const char *tied_text(struct wtl_document *d, const struct wtl_point_choice *c)
{
    size_t tied = 0;
    for (size_t i = 0; i < c->n_points; i++)
        tied += c->points[i].tied;
    return tied < 2 ? ""
                    : wtl_document_printf(d, " The data cannot tell it from %zu other point%s.",
                                          tied - 1, wtl_plural((int64_t)tied - 1));
}

static void answer(struct wtl_writer *w, const struct wtl_point_choice *c)
{
    char work[20];
    int at = answer_of(c);
    if (at >= 0) {
        const struct wtl_measured_point *p = &c->points[at];
        wtl_document_paragraph(
            w->d,
            "%s: %s. It takes %s%s and %s per %s; against the baseline%s (%s), it "
            "saves %s at a slowdown of %s (%s; intervals hold for all points at once).%s",
            c->chosen >= 0 ? "Best operating point" : "Best guess, no decision",
            text_point(w->d, p), wtl_text_quantity(w->d, &p->energy_j, WTL_UNIT_JOULE),
            p->energy_class == WTL_CLASS_D ? " (an estimate)" : "",
            wtl_text_quantity(w->d, &p->time_s, WTL_UNIT_SECOND), wtl_point_choice_work(c, work),
            wtl_point_choice_from_fastest(c) ? ", the fastest point" : "",
            text_point(w->d, &c->points[c->baseline]), wtl_text_percent(w->d, &c->saving),
            wtl_text_percent(w->d, &c->slowdown), wtl_evidence_name(c->saving.evidence),
            tied_text(w->d, c));
    } else {
        wtl_document_paragraph(w->d, "No operating point is named: %s.%s%s",
                               wtl_plan_status_name(c->status), c->binding[0] ? " Binding: " : "",
                               c->binding);
    }
    wtl_document_paragraph(w->d, "Policy: %s.", wtl_text_policy(w->d, &c->policy));
    for (size_t i = 0; i < c->n_notes; i++)
        wtl_document_bullet(w->d, "%s", c->notes[i]);
}

/* --- the table ------------------------------------------------------------------------------- */

static const char *remark(struct wtl_document *d, const struct wtl_point_choice *c, size_t i)
{
    const struct wtl_measured_point *p = &c->points[i];
    const char *role = (int)i == c->chosen                  ? "chosen"
                       : (int)i == c->best && c->chosen < 0 ? "best guess"
                       : p->tied                            ? "tied"
                       : p->pareto                          ? "Pareto set"
                                                            : "";
    const char *base = (int)i == c->baseline ? "baseline" : "";
    const char *parts[] = {role, base, p->why};
    char text[240] = "";
    size_t n = 0;
    for (int k = 0; k < 3; k++)
        if (parts[k][0])
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", n ? ", " : "", parts[k]);
    return wtl_document_printf(d, "%s", text);
}

static const char *number(struct wtl_document *d, bool known, double value)
{
    return known ? wtl_document_printf(d, "%.4g", value) : dash;
}

static const char *energy(struct wtl_document *d, const struct wtl_estimate *e, double unit_j)
{
    if (!wtl_fig_exists(e))
        return dash;
    if (!wtl_fig_has_interval(e))
        return number(d, true, e->value / unit_j);
    return wtl_document_printf(d, "%.4g (%.4g to %.4g)", e->value / unit_j, e->lo / unit_j,
                               e->hi / unit_j);
}

static void row(struct wtl_writer *w, struct wtl_doc_table *t, const struct wtl_point_choice *c,
                size_t i, const struct wtl_configuration *common, double unit_j)
{
    const struct wtl_measured_point *p = &c->points[i];
    struct wtl_measured_point own = *p;
    own.at = wtl_configuration_without(&p->at, common);
    bool measured = wtl_fig_exists(&p->time_s);
    const char *const cells[] = {
        text_point(w->d, &own),
        wtl_document_printf(w->d, "%d", p->n),
        number(w->d, measured, measured ? 1 / p->time_s.value : 0),
        energy(w->d, &p->energy_j, unit_j),
        wtl_document_printf(w->d, p->energy_class == WTL_CLASS_D ? "%c, estimate" : "%c",
                            wtl_energy_class_letter(p->energy_class)),
        number(w->d, measured, p->power_w.value),
        number(w->d, p->latency_valid & 1, 1e3 * p->latency_s[0]),
        number(w->d, (p->latency_valid >> 3) & 1, 1e3 * p->latency_s[3]),
        remark(w->d, c, i),
    };
    wtl_document_row(w->d, t, cells);
}

static int table(struct wtl_writer *w, const struct wtl_point_choice *c)
{
    char work[20];
    double largest_j = 0;
    for (size_t i = 0; i < c->n_points; i++)
        if (c->points[i].energy_j.n && c->points[i].energy_j.value > largest_j)
            largest_j = c->points[i].energy_j.value;
    bool milli = largest_j > 0 && largest_j < 1;
    wtl_point_choice_work(c, work);
    const struct wtl_configuration common = wtl_point_choice_common(c);
    char shared[WTL_CONFIGURATION_TEXT];
    wtl_configuration_format(&common, shared);
    struct wtl_column_head *columns = WTL_NEW_ARRAY(w->d->arena, struct wtl_column_head, 9);
    if (!columns)
        return -(int)WTL_NOMEM;
    columns[0] = (struct wtl_column_head){"Point", WTL_CELL_TEXT};
    columns[1] = (struct wtl_column_head){"Runs", WTL_CELL_NUMBER};
    columns[2] = (struct wtl_column_head){
        wtl_document_printf(w->d, "Throughput [%s%s/s]", c->per_run || !c->unit[0] ? work : c->unit,
                            c->per_run || !c->unit[0] ? "s" : ""),
        WTL_CELL_NUMBER};
    columns[3] = (struct wtl_column_head){
        wtl_document_printf(w->d, "Energy [%s/%s] (interval)", milli ? "mJ" : "J", work),
        WTL_CELL_NUMBER};
    columns[4] = (struct wtl_column_head){"Class", WTL_CELL_TEXT};
    columns[5] = (struct wtl_column_head){"Power [W]", WTL_CELL_NUMBER};
    columns[6] = (struct wtl_column_head){"p50 [ms]", WTL_CELL_NUMBER};
    columns[7] = (struct wtl_column_head){"p99 [ms]", WTL_CELL_NUMBER};
    columns[8] = (struct wtl_column_head){"Remark", WTL_CELL_TEXT};
    struct wtl_doc_table *t = wtl_document_table(
        w->d, columns, 9,
        wtl_document_printf(w->d, "Measured operating points%s%s, with %g %% intervals",
                            shared[0] ? ", all at " : "", shared, 100 * c->policy.confidence));
    for (size_t i = 0; i < c->n_points; i++)
        row(w, t, c, i, &common, milli ? 1e-3 : 1);
    if (t) {
        t->folded = c->n_points > FOLD_FROM;
        t->pdf_max = FOLD_FROM;
    }
    return 0;
}

void wtl_write_points(struct wtl_writer *w)
{
    if (w->r->n_choices == 0)
        return;
    wtl_document_heading(w->d, 1, "Operating points");
    wtl_document_paragraph(
        w->d, "All points that were measured, side by side per unit of work; nothing is assumed "
              "between them. The class says how far absolute joules can be off, whatever the "
              "interval says: A counters and meters, up to 5 %%; B sampled power, up to 15 %%; C a "
              "calibrated model, up to 20 %%; D an estimate from the thermal design power, up to a "
              "factor of 2.");
    for (size_t i = 0; i < w->r->n_choices && w->rc == 0; i++) {
        const struct wtl_point_choice *c = &w->r->choices[i];
        struct wtl_error err = {0};
        struct wtl_figure *f = NULL;
        wtl_document_heading(w->d, 2,
                             wtl_document_printf(w->d, "Points of %s, %s", c->gpu, c->workload));
        answer(w, c);
        int rc = wtl_fig_points(w->d->arena, w->r, c, &f, &err);
        wtl_write_figure(w, rc, f, &err);
        if (w->rc == 0 && table(w, c) < 0)
            w->rc = WTL_FAIL(w->err, WTL_NOMEM, "out of memory making the report");
    }
}

/* --- Markdown -------------------------------------------------------------------------------- */

void wtl_markdown_points(struct wtl_document *d, const struct wtl_report *r, struct wtl_buf *out)
{
    if (r->n_choices == 0)
        return;
    wtl_buf_puts(out, "\n| GPU | workload | best operating point | status | saving | slowdown | "
                      "energy class |\n|---|---|---|---|--:|--:|---|\n");
    for (size_t i = 0; i < r->n_choices; i++) {
        const struct wtl_point_choice *c = &r->choices[i];
        int at = answer_of(c);
        wtl_buf_puts(out, "| ");
        wtl_escape_markdown(out, c->gpu);
        wtl_buf_puts(out, " | ");
        wtl_escape_markdown(out, c->workload);
        wtl_buf_puts(out, " | ");
        wtl_escape_markdown(out, at >= 0 ? text_point(d, &c->points[at]) : dash);
        char class = wtl_energy_class_letter(at >= 0 ? c->points[at].energy_class : WTL_CLASS_NONE);
        wtl_buf_printf(out, " | %s | %s | %s | %c%s |\n", wtl_plan_status_name(c->status),
                       wtl_text_percent(d, &c->saving), wtl_text_percent(d, &c->slowdown), class,
                       class == 'D' ? " (an estimate)" : "");
    }
}
