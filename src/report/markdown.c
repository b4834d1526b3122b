/* SPDX-License-Identifier: Apache-2.0
 * The summary for a pull request. */
#include "report/content_impl.h"
#include "report/escape.h"

#include "base/clock.h"
#include "base/file.h"

#include <string.h>

static void cell(struct wtl_buf *out, const char *text)
{
    wtl_buf_puts(out, " ");
    wtl_escape_markdown(out, text);
    wtl_buf_puts(out, " |");
}

static void plan_row(struct wtl_document *d, const struct wtl_report_set *s, struct wtl_buf *out)
{
    const struct wtl_plan *plan = s->plan;
    wtl_buf_puts(out, "|");
    cell(out, s->set->gpu);
    cell(out, s->set->workload);
    cell(out, wtl_plan_status_name(plan->status));
    cell(out, wtl_text_clock(d, plan));
    cell(out, wtl_text_baseline(d, plan));
    cell(out, wtl_text_percent(d, &plan->saving));
    cell(out, wtl_text_percent(d, &plan->slowdown));
    wtl_buf_printf(out, " %d | %d |\n", plan->n_runs, plan->n_rejected);
}

/* One more sentence without its full stop. The first stands behind the status, after a colon, and
 * need not name it again. */
static void sentence(struct wtl_buf *out, bool first, const char *text)
{
    static const char lead[] = "Undecided: ";
    wtl_buf_puts(out, first ? ": " : ". ");
    if (first && wtl_starts_with(text, lead))
        text += strlen(lead);
    wtl_escape_markdown(out, text);
    if (!out->failed && out->len && out->data[out->len - 1] == '.')
        out->data[--out->len] = '\0';
}

static void plan_notes(const struct wtl_report_set *s, struct wtl_buf *out)
{
    const struct wtl_plan *plan = s->plan;
    if (plan->status == WTL_PLAN_OK)
        return;
    wtl_buf_puts(out, "- ");
    wtl_escape_markdown(out, s->set->gpu);
    wtl_buf_puts(out, ", ");
    wtl_escape_markdown(out, s->set->workload);
    wtl_buf_printf(out, ": %s", wtl_plan_status_name(plan->status));
    if (plan->status == WTL_PLAN_INFEASIBLE && plan->binding[0]) {
        wtl_buf_puts(out, ". Binding: ");
        wtl_escape_markdown(out, plan->binding);
    }
    for (size_t i = 0; i < plan->n_notes; i++)
        sentence(out, i == 0 && plan->status != WTL_PLAN_INFEASIBLE, plan->notes[i]);
    wtl_buf_puts(out, ".\n");
}

int wtl_content_markdown(const struct wtl_report *r, struct wtl_alloc alloc, struct wtl_buf *out,
                         struct wtl_error *err)
{
    struct wtl_arena arena;
    struct wtl_document d;
    char date[24];
    wtl_arena_init(&arena, alloc);
    wtl_document_init(&d, &arena);
    wtl_buf_puts(out, "## Operating points of ");
    wtl_escape_markdown(out, wtl_path_base(r->campaign));
    wtl_buf_printf(out, "\n\n%zu combination%s of %s: %s.\n\n", r->n_sets,
                   r->n_sets == 1 ? "" : "s", wtl_text_combination(r), wtl_text_statuses(&d, r));
    bool any = r->n_choices == 0;
    for (size_t i = 0; i < r->n_sets; i++)
        any = any || r->sets[i].plan;
    if (any)
        wtl_buf_puts(out,
                     "| GPU | workload | status | clock [MHz] | baseline | saving | slowdown | "
                     "runs | rejected |\n|---|---|---|--:|---|--:|--:|--:|--:|\n");
    for (size_t i = 0; i < r->n_sets; i++)
        if (r->sets[i].plan)
            plan_row(&d, &r->sets[i], out);
    wtl_buf_puts(out, "\n");
    for (size_t i = 0; i < r->n_sets; i++)
        if (r->sets[i].plan)
            plan_notes(&r->sets[i], out);
    wtl_markdown_points(&d, r, out);
    wtl_markdown_verdicts(&d, r, out);
    wtl_markdown_heldout(&d, r, out);
    wtl_format_utc(r->wall_ns, date, sizeof date);
    wtl_buf_printf(out,
                   "\nIntervals stand in brackets behind their value; a clock in brackets is a "
                   "best guess, not a plan. Data `%.16s`, %s, %s.\n",
                   r->fingerprint[0] ? r->fingerprint : "without hash", date, r->tool);
    bool failed = d.failed || out->failed;
    wtl_arena_fini(&arena);
    return failed ? WTL_FAIL(err, WTL_NOMEM, "out of memory writing the summary") : 0;
}
