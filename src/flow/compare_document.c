/* SPDX-License-Identifier: Apache-2.0
 * A comparison of plans as a page and as a PDF. */
#include "flow/compare.h"

#include "base/file.h"
#include "report/fig_common.h"
#include "report/html.h"
#include "report/pages.h"
#include "report/report.h"
#include "wattle_config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { OUTPUT_MAX = 64 << 20 };

/* What the figure wants: a set per change that both documents have, with names and no runs. */
static int make_report(struct wtl_arena *arena, const struct wtl_comparison *c, int64_t wall_ns,
                       struct wtl_report *out, struct wtl_error *err)
{
    struct wtl_report_set *sets = WTL_NEW_ARRAY(arena, struct wtl_report_set, c->n + 1);
    struct wtl_workset *names = WTL_NEW_ARRAY(arena, struct wtl_workset, c->n + 1);
    if (!sets || !names)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++) {
        const struct wtl_plan_change *change = &c->changes[i];
        if (!change->a || !change->b)
            continue;
        memcpy(names[n].gpu, change->b->gpu, sizeof names[n].gpu);
        char title[WTL_CONFIGURED_NAME];
        wtl_plan_title(change->b, title);
        snprintf(names[n].workload, sizeof names[n].workload, "%.*s",
                 (int)sizeof names[n].workload - 1, title);
        names[n].at = change->b->at;
        sets[n].set = &names[n];
        sets[n].unconstrained = change->a;
        sets[n].plan = change->b;
        n++;
    }
    *out = (struct wtl_report){.campaign = c->b->campaign,
                               .fingerprint = c->b->fingerprint,
                               .tool = "wattle " WTL_VERSION,
                               .wall_ns = wall_ns,
                               .sets = sets,
                               .n_sets = n,
                               .first_name = "A",
                               .second_name = "B"};
    return 0;
}

static const char *title_of(struct wtl_document *d, const struct wtl_plan *plan)
{
    char title[WTL_CONFIGURED_NAME];
    return wtl_document_printf(d, "%s", wtl_plan_title(plan, title));
}

static const char *percent(struct wtl_document *d, const struct wtl_estimate *e)
{
    return wtl_fig_percent(d->arena, e);
}

/* With its sign, and a minus as wide as the plus. */
static const char *points(struct wtl_document *d, double fraction)
{
    double tenths = round(1000 * fraction) / 10;
    return wtl_document_printf(d, "%s%.1f", tenths < 0 ? "\xe2\x88\x92" : "+", fabs(tenths));
}

static const char *change_of(struct wtl_document *d, const struct wtl_estimate *e)
{
    if (e->n == 0)
        return "\xe2\x80\x93";
    if (e->evidence == WTL_EVIDENCE_NONE)
        return points(d, e->value);
    return wtl_document_printf(d, "%s (%s to %s)", points(d, e->value), points(d, e->lo),
                               points(d, e->hi));
}

static const char *status_of(const struct wtl_plan *p)
{
    return p ? wtl_plan_status_name(p->status) : "no plan";
}

/* A clock in brackets is a best guess. */
static const char *clock_of(struct wtl_document *d, const struct wtl_plan *p)
{
    if (p && p->clock_mhz)
        return wtl_document_printf(d, "%d", p->clock_mhz);
    if (p && p->best_guess_mhz)
        return wtl_document_printf(d, "(%d)", p->best_guess_mhz);
    return "\xe2\x80\x93";
}

static void add_clocks(struct wtl_document *d, const struct wtl_comparison *c)
{
    static const struct wtl_column_head columns[] = {
        {"GPU", WTL_CELL_TEXT},
        {"Workload", WTL_CELL_TEXT},
        {"Status A", WTL_CELL_STATUS},
        {"Status B", WTL_CELL_STATUS},
        {"Clock A [MHz]", WTL_CELL_NUMBER},
        {"Clock B [MHz]", WTL_CELL_NUMBER},
        {"Remark", WTL_CELL_TEXT},
    };
    struct wtl_doc_table *t = wtl_document_table(d, columns, sizeof columns / sizeof columns[0],
                                                 "Clocks; one in brackets is a best guess");
    for (size_t i = 0; i < c->n; i++) {
        const struct wtl_plan_change *k = &c->changes[i];
        const struct wtl_plan *any = k->a ? k->a : k->b;
        const char *remark = "";
        if (k->comparable == WTL_OTHER_BASELINE)
            remark = "other baselines: not subtracted";
        else if (k->same_clock || k->tied)
            remark = k->same_clock ? "same clock" : "tied clocks";
        const char *const cells[] = {any->gpu,        title_of(d, any),  status_of(k->a),
                                     status_of(k->b), clock_of(d, k->a), clock_of(d, k->b),
                                     remark};
        wtl_document_row(d, t, cells);
    }
}

/* One quantity of both plans and its difference, in percentage points. */
static void add_effects(struct wtl_document *d, const struct wtl_comparison *c, bool saving)
{
    static const struct wtl_column_head columns[] = {
        {"GPU", WTL_CELL_TEXT},
        {"Workload", WTL_CELL_TEXT},
        {"A", WTL_CELL_NUMBER},
        {"B", WTL_CELL_NUMBER},
        {"B \xe2\x88\x92 A [pp]", WTL_CELL_NUMBER},
    };
    static const struct wtl_estimate none;
    struct wtl_doc_table *t = wtl_document_table(d, columns, sizeof columns / sizeof columns[0],
                                                 saving ? "Saving of energy" : "Slowdown");
    for (size_t i = 0; i < c->n; i++) {
        const struct wtl_plan_change *k = &c->changes[i];
        const struct wtl_plan *any = k->a ? k->a : k->b;
        const struct wtl_estimate *a = !k->a ? &none : saving ? &k->a->saving : &k->a->slowdown;
        const struct wtl_estimate *b = !k->b ? &none : saving ? &k->b->saving : &k->b->slowdown;
        const char *const cells[] = {any->gpu, title_of(d, any), percent(d, a), percent(d, b),
                                     change_of(d, saving ? &k->saving : &k->slowdown)};
        wtl_document_row(d, t, cells);
    }
}

static const char *or_unknown(const char *text)
{
    return text && text[0] ? text : "unknown";
}

static int build(const struct wtl_comparison *c, const struct wtl_compare_files *files,
                 const struct wtl_report *r, struct wtl_arena *arena, struct wtl_document *d,
                 struct wtl_error *err)
{
    struct wtl_figure *figure = NULL;
    struct wtl_error why = {0};
    wtl_document_init(d, arena);
    d->title = "Two plans";
    d->subtitle = wtl_document_printf(d, "A: %s; B: %s", files->names[0], files->names[1]);
    d->tool = r->tool;
    d->wall_ns = r->wall_ns;
    wtl_document_heading(d, 1, "Comparison");
    wtl_document_bullet(d, "A: %s, campaign %.16s", files->names[0], or_unknown(c->a->fingerprint));
    wtl_document_bullet(d, "B: %s, campaign %.16s", files->names[1], or_unknown(c->b->fingerprint));
    wtl_document_paragraph(
        d,
        "%s A saving is 1 \xe2\x88\x92 E/E(baseline), a slowdown t/t(baseline) \xe2\x88\x92 1; a "
        "negative slowdown is a gain of speed. Intervals are in brackets; pp are percentage "
        "points.",
        c->same_data ? "Both plans rest on the same runs: their difference has no interval of its "
                       "own."
                     : "The plans rest on different runs: differences have the interval of "
                       "independent estimates.");
    add_clocks(d, c);
    add_effects(d, c, true);
    add_effects(d, c, false);
    int rc = wtl_fig_compare(arena, r, &figure, &why);
    if (rc == 0)
        wtl_document_figure(d, figure);
    else if (rc == -(int)WTL_NOTFOUND)
        wtl_document_paragraph(d, "No figure: %s.", why.message);
    else
        return WTL_FAIL(err, why.code, "%s", why.message);
    return wtl_document_check(d, err);
}

static int write_one(const struct wtl_flow *flow, const struct wtl_document *d,
                     struct wtl_fonts *fonts, bool pdf, const char *path, struct wtl_file_set *set,
                     struct wtl_error *err)
{
    struct wtl_buf bytes;
    if (!path)
        return 0;
    wtl_buf_init(&bytes, flow->alloc, OUTPUT_MAX);
    int rc = pdf ? wtl_pages_render(d, fonts, flow->alloc, &bytes, err)
                 : wtl_html_render(d, fonts, flow->alloc, &bytes, err);
    if (rc == 0)
        rc = wtl_file_set_add(set, path, bytes.data, bytes.len, 0666, err);
    wtl_buf_fini(&bytes);
    return rc;
}

int wtl_compare_write(const struct wtl_flow *flow, const struct wtl_comparison *c,
                      const struct wtl_compare_files *files, struct wtl_arena *arena,
                      struct wtl_file_set *set, struct wtl_error *err)
{
    struct wtl_report r;
    struct wtl_document d;
    struct wtl_fonts *fonts = NULL;
    int rc = make_report(arena, c, flow->clock.wall_ns(flow->clock.ctx), &r, err);
    if (rc == 0)
        rc = build(c, files, &r, arena, &d, err);
    if (rc == 0)
        rc = wtl_fonts_open(flow->alloc, &fonts, err);
    if (rc == 0)
        rc = write_one(flow, &d, fonts, false, files->html, set, err);
    if (rc == 0)
        rc = write_one(flow, &d, fonts, true, files->pdf, set, err);
    wtl_fonts_close(fonts);
    return rc;
}
