/* SPDX-License-Identifier: Apache-2.0
 * The report: gathers what it shows, builds the document, writes the files. */
#include "flow/report.h"

#include "flow/report_data.h"

#include "base/file.h"
#include "report/html.h"
#include "report/pages.h"
#include "wattle_config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A page of a few hundred figures of a hundred kilobytes. */
enum { OUTPUT_MAX = 1 << 29 };

int report_note(struct wtl_arena *arena, struct report_notes *notes, struct wtl_error *err,
                const char *format, ...)
{
    char text[800];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const char *copy = wtl_arena_strdup(arena, text);
    if (!copy || wtl_grow(arena, &notes->items, notes->n, &notes->cap))
        return WTL_FAIL(err, WTL_NOMEM, "out of memory making the report");
    notes->items[notes->n++] = copy;
    return 0;
}

/* --- gathering ------------------------------------------------------------------------------- */

struct gathering {
    const struct wtl_flow *flow;
    struct wtl_campaign *c;
    const struct wtl_report_options *options;
    struct wtl_arena *arena;
    struct report_notes notes;
    uint64_t wanted; /* metrics of samples */
    const struct wtl_plan_file *plans;
    bool same_data; /* plans and runs are of one fingerprint */
};

static uint64_t wanted_metrics(const struct wtl_report_options *o)
{
    uint64_t wanted = UINT64_C(1) << WTL_M_power_w | UINT64_C(1) << WTL_M_temp_c |
                      UINT64_C(1) << WTL_M_sm_clock_mhz | UINT64_C(1) << WTL_M_gpu_util;
    for (size_t i = 0; i < o->n_metrics; i++)
        wanted |= UINT64_C(1) << o->metrics[i];
    return wanted;
}

/* Only where the plan is of these runs: else the difference would be one of data. */
static int plan_without_limits(struct gathering *g, struct wtl_report_set *s, struct wtl_error *err)
{
    if (!s->plan || !g->same_data || s->plan->policy.baseline.kind == WTL_BASELINE_REP)
        return 0;
    struct wtl_policy policy = s->plan->policy;
    if (!wtl_policy_lift_limits(&policy))
        return 0;
    struct wtl_plan *plan = WTL_NEW(g->arena, struct wtl_plan);
    if (!plan)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory making the report");
    int rc = wtl_flow_plan(g->arena, s->set, &policy, NULL, plan, err);
    if (rc == 0)
        s->unconstrained = plan;
    return rc;
}

/* What all configurations of the workload share: no need to say it of each. */
static struct wtl_configuration common_of(const struct wtl_workset *sets, size_t n,
                                          const struct wtl_workset *of)
{
    struct wtl_configuration common = of->at;
    size_t others = 0;
    for (size_t i = 0; i < n; i++)
        if (&sets[i] != of && wtl_same_name(sets[i].gpu, of->gpu) &&
            wtl_same_name(sets[i].workload, of->workload)) {
            wtl_configuration_intersect(&common, &sets[i].at);
            others++;
        }
    return others ? common : (struct wtl_configuration){0};
}

/* Everything that names the set says its configuration, too. */
static int name_configuration(struct gathering *g, const struct wtl_workset *sets, size_t n,
                              struct wtl_report_set *s, struct wtl_error *err)
{
    char name[WTL_CONFIGURED_NAME];
    if (wtl_configuration_is_plain(&s->set->at))
        return 0;
    struct wtl_workset *set = WTL_NEW(g->arena, struct wtl_workset);
    struct wtl_plan *plan = WTL_NEW(g->arena, struct wtl_plan);
    struct wtl_plan *unconstrained = WTL_NEW(g->arena, struct wtl_plan);
    if (!set || !plan || !unconstrained)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory making the report");
    *set = *s->set;
    const struct wtl_configuration common = common_of(sets, n, s->set);
    const struct wtl_configuration own = wtl_configuration_without(&s->set->at, &common);
    wtl_configured_name(s->set->workload, &own, name);
    snprintf(set->workload, sizeof set->workload, "%.*s", (int)sizeof set->workload - 1, name);
    s->set = set;
    const struct wtl_plan **plans[] = {&s->plan, &s->unconstrained};
    struct wtl_plan *copies[] = {plan, unconstrained};
    for (int i = 0; i < 2; i++) {
        if (!*plans[i])
            continue;
        *copies[i] = **plans[i];
        memcpy(copies[i]->workload, set->workload, sizeof copies[i]->workload);
        *plans[i] = copies[i];
    }
    return 0;
}

static int gather_set(struct gathering *g, const struct wtl_workset *sets, size_t n, size_t at,
                      struct wtl_report_set *s, struct wtl_error *err)
{
    const struct wtl_workset *set = &sets[at];
    *s = (struct wtl_report_set){.set = set};
    s->plan = wtl_plan_file_find(g->plans, set->gpu, set->workload, &set->at);
    int rc = plan_without_limits(g, s, err);
    if (rc < 0)
        return rc;
    struct wtl_arena scratch;
    wtl_arena_init(&scratch, g->flow->alloc);
    rc = wtl_judge_set(&scratch, set, &s->quality, err);
    wtl_arena_fini(&scratch);
    s->has_quality = rc == 0;
    if (rc == 0)
        rc = report_validate_curves(g->flow, g->arena, s, err);
    if (rc == 0)
        rc = report_load_traces(g->flow, g->c, g->arena, g->wanted, s, &g->notes, err);
    return rc ? rc : name_configuration(g, sets, n, s, err);
}

/* Reads nothing new: plans as given, or made now. */
static int gather_plans(struct gathering *g, const char *fingerprint, struct wtl_error *err)
{
    const struct wtl_plan_file *given = g->options->plans;
    if (!given) {
        struct wtl_plan_file *made = WTL_NEW(g->arena, struct wtl_plan_file);
        if (!made)
            return WTL_FAIL(err, WTL_NOMEM, "out of memory making the report");
        g->plans = made;
        g->same_data = true;
        return wtl_flow_optimize(g->flow, g->c, &g->options->request, g->arena, made, err);
    }
    g->plans = given;
    g->same_data = !given->fingerprint || !given->fingerprint[0] ||
                   strcmp(given->fingerprint, fingerprint) == 0;
    if (g->same_data)
        return 0;
    return report_note(g->arena, &g->notes, err,
                       "The plans were made from other data (%.12s) than those of this campaign "
                       "(%.12s): their figures need not agree with the runs shown.",
                       given->fingerprint, fingerprint);
}

static int note_plans_without_runs(struct gathering *g, const struct wtl_workset *sets,
                                   size_t n_sets, struct wtl_error *err)
{
    const struct wtl_plan_file *file = g->plans;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < file->n_plans; i++) {
        size_t k = 0;
        while (k < n_sets && wtl_plan_file_find(file, sets[k].gpu, sets[k].workload, &sets[k].at) !=
                                 &file->plans[i])
            k++;
        if (k == n_sets)
            rc = report_note(g->arena, &g->notes, err,
                             "The plan for %s, %s has no runs here and is not shown.",
                             file->plans[i].gpu, file->plans[i].workload);
    }
    return rc;
}

static int gather(struct gathering *g, struct wtl_report *out, struct wtl_error *err)
{
    struct wtl_workset *worksets = NULL;
    struct wtl_source *sources = NULL;
    size_t n = 0, n_sources = 0;
    char *fingerprint = wtl_arena_calloc(g->arena, 65, 1);
    if (!fingerprint)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory making the report");
    int rc =
        wtl_flow_worksets(g->flow, g->c, &g->options->request.filter, g->arena, &worksets, &n, err);
    rc = rc ? rc : wtl_campaign_sources(g->c, g->arena, &sources, &n_sources, err);
    rc = rc ? rc : wtl_campaign_fingerprint(g->c, fingerprint, err);
    const struct wtl_run_filter *filter = &g->options->request.filter;
    if (rc == 0 && n == 0 && (filter->gpu || filter->workload || filter->at))
        rc = wtl_flow_no_runs(g->flow, g->c, filter, err);
    else if (rc == 0 && n == 0)
        rc = WTL_FAIL(err, WTL_NOTFOUND, "the campaign \"%s\" has no runs to report on",
                      wtl_campaign_path(g->c));
    if (rc < 0)
        return rc;
    struct wtl_report_set *sets = WTL_NEW_ARRAY(g->arena, struct wtl_report_set, n);
    if (!sets)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory making the report");
    rc = gather_plans(g, fingerprint, err);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = gather_set(g, worksets, n, i, &sets[i], err);
    rc = rc ? rc : note_plans_without_runs(g, worksets, n, err);
    if (rc < 0)
        return rc;
    *out = (struct wtl_report){.campaign = wtl_campaign_path(g->c),
                               .fingerprint = fingerprint,
                               .tool = "wattle " WTL_VERSION,
                               .wall_ns = g->flow->clock.wall_ns(g->flow->clock.ctx),
                               .sets = sets,
                               .n_sets = n,
                               .choices = g->plans->choices,
                               .n_choices = g->plans->n_choices,
                               .sources = sources,
                               .n_sources = n_sources,
                               .cost = g->options->cost};
    rc = report_load_documents(g->c, g->options, g->arena, &g->notes, out, err);
    out->notes = g->notes.items;
    out->n_notes = g->notes.n;
    return rc;
}

/* --- writing --------------------------------------------------------------------------------- */

struct output {
    const struct wtl_flow *flow;
    const struct wtl_report_options *options;
    const struct wtl_document *doc;
    struct wtl_fonts *fonts;
    struct wtl_arena *arena;
    struct wtl_file_set *set;
    struct wtl_report_file *files;
    size_t n, cap;
};

static int write_out(struct output *o, const char *name, const struct wtl_buf *bytes,
                     struct wtl_error *err)
{
    const char *path = wtl_path_join(o->arena, o->options->dir, name);
    if (!path || wtl_grow(o->arena, &o->files, o->n, &o->cap))
        return WTL_FAIL(err, WTL_NOMEM, "out of memory writing the report");
    int rc = wtl_file_set_add(o->set, path, bytes->data, bytes->len, 0666, err);
    if (rc == 0)
        o->files[o->n++] = (struct wtl_report_file){path, (int64_t)bytes->len};
    return rc;
}

static int write_figure(struct output *o, const struct wtl_figure *f, enum wtl_canvas_format format,
                        struct wtl_error *err)
{
    struct wtl_buf bytes;
    const char *name =
        wtl_arena_printf(o->arena, "figures/%s.%s", f->name, wtl_canvas_format_name(format));
    if (!name)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory writing the report");
    wtl_buf_init(&bytes, o->flow->alloc, OUTPUT_MAX);
    int rc = wtl_figure_render(f, o->fonts, format, o->doc->wall_ns, o->flow->alloc, &bytes, err);
    if (rc == 0)
        rc = write_out(o, name, &bytes, err);
    wtl_buf_fini(&bytes);
    return rc;
}

/* Returns the number of figures that `only` fits. */
static int write_figures(struct output *o, size_t *fitting, struct wtl_error *err)
{
    const char *only = o->options->only;
    for (size_t i = 0; i < o->doc->n_blocks; i++) {
        const struct wtl_figure *f = o->doc->blocks[i].figure;
        if (o->doc->blocks[i].kind != WTL_BLOCK_FIGURE || (only && !strstr(f->name, only)))
            continue;
        ++*fitting;
        for (int k = 0; k < WTL_N_CANVAS_FORMATS; k++) {
            int rc =
                o->options->formats[k] ? write_figure(o, f, (enum wtl_canvas_format)k, err) : 0;
            if (rc < 0)
                return rc;
        }
    }
    return 0;
}

static int write_documents(struct output *o, const struct wtl_report *r, struct wtl_error *err)
{
    static const char *const names[] = {"report.html", "report.pdf", "summary.md"};
    int rc = 0;
    for (int i = 0; i < 3 && rc == 0; i++) {
        struct wtl_buf bytes;
        wtl_buf_init(&bytes, o->flow->alloc, OUTPUT_MAX);
        if (i == 0)
            rc = wtl_html_render(o->doc, o->fonts, o->flow->alloc, &bytes, err);
        else if (i == 1)
            rc = wtl_pages_render(o->doc, o->fonts, o->flow->alloc, &bytes, err);
        else
            rc = wtl_content_markdown(r, o->flow->alloc, &bytes, err);
        if (rc == 0)
            rc = write_out(o, names[i], &bytes, err);
        wtl_buf_fini(&bytes);
    }
    return rc;
}

static int no_such_figure(const struct output *o, struct wtl_error *err)
{
    char list[WTL_ERROR_HINT_MAX - 20] = "";
    for (size_t i = 0; i < o->doc->n_blocks; i++) {
        size_t n = strlen(list);
        if (o->doc->blocks[i].kind == WTL_BLOCK_FIGURE)
            snprintf(list + n, sizeof list - n, "%s%s", n ? ", " : "",
                     o->doc->blocks[i].figure->name);
    }
    int rc = WTL_FAIL(err, WTL_NOTFOUND, "no figure has \"%s\" in its name", o->options->only);
    wtl_error_hint(err, "the figures: %s", list);
    return rc;
}

static int write_all(struct output *o, const struct wtl_report *r, size_t *fitting,
                     struct wtl_error *err)
{
    bool singles = false;
    for (int k = 0; k < WTL_N_CANVAS_FORMATS; k++)
        singles = singles || o->options->formats[k];
    const char *dir =
        singles ? wtl_path_join(o->arena, o->options->dir, "figures") : o->options->dir;
    if (!dir)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory writing the report");
    int rc = wtl_file_set_add_dir(o->set, dir, err);
    rc = rc ? rc : wtl_fonts_open(o->flow->alloc, &o->fonts, err);
    if (rc == 0 && !o->options->only)
        rc = write_documents(o, r, err);
    rc = rc ? rc : write_figures(o, fitting, err);
    wtl_fonts_close(o->fonts);
    if (rc == 0 && o->options->only && *fitting == 0)
        rc = no_such_figure(o, err);
    return rc;
}

int wtl_flow_report(const struct wtl_flow *flow, struct wtl_campaign *c,
                    const struct wtl_report_options *options, struct wtl_arena *arena,
                    struct wtl_file_set *files, struct wtl_report_result *result_out,
                    struct wtl_error *err)
{
    struct gathering g = {.flow = flow, .c = c, .options = options, .arena = arena};
    g.wanted = wanted_metrics(options);
    struct wtl_report report;
    struct wtl_document doc;
    struct wtl_content_options content = {options->metrics, options->n_metrics};
    size_t fitting = 0;
    int rc = gather(&g, &report, err);
    rc = rc ? rc : wtl_content_build(arena, &report, &content, &doc, err);
    if (rc < 0)
        return rc;
    struct output o = {.flow = flow, .options = options, .doc = &doc, .arena = arena, .set = files};
    rc = write_all(&o, &report, &fitting, err);
    if (rc == 0)
        *result_out =
            (struct wtl_report_result){o.files, o.n, fitting, report.notes, report.n_notes};
    return rc;
}
