/* SPDX-License-Identifier: Apache-2.0
 * `wattle show` for people. */
#include "cli/point_text.h"
#include "cli/show.h"

#include "base/text.h"
#include "cli/table.h"
#include "predict/curve.h"

#include <inttypes.h>
#include <string.h>

static int new_table(struct wtl_context *ctx, const struct wtl_table_column *columns, int n,
                     struct wtl_table **out, struct wtl_error *err)
{
    *out = wtl_table_new(ctx->arena, columns, n);
    return *out ? 0 : WTL_FAIL(err, WTL_NOMEM, "out of memory");
}

static int print_table(struct wtl_context *ctx, struct wtl_table *t, struct wtl_error *err)
{
    return wtl_table_print(t, 2, WTL_TABLE_WIDTH, ctx->out, err);
}

/* ---- Head -------------------------------------------------------------------------------------*/

static void print_head(struct wtl_context *ctx, const struct wtl_show *s)
{
    int64_t runs = 0, accepted = 0, timed = 0;
    char with_times[60] = "";
    for (size_t i = 0; i < s->n_sets; i++) {
        runs += (int64_t)s->sets[i].n_runs;
        timed += (int64_t)s->sets[i].n_timed;
        accepted += wtl_show_count(&s->sets[i]).accepted;
    }
    if (timed)
        snprintf(with_times, sizeof with_times, ", %" PRId64 " more with times only", timed);
    wtl_print_line(ctx->out, 0,
                   "%s: %" PRId64 " run%s of %zu GPU and workload pair%s, %" PRId64 " used%s, from"
                   " %zu file%s",
                   s->path, runs, wtl_plural((int64_t)runs), s->n_sets,
                   wtl_plural((int64_t)s->n_sets), accepted, with_times, s->n_sources,
                   wtl_plural((int64_t)s->n_sources));
    fprintf(ctx->out, "fingerprint of the files: %.16s\n", s->fingerprint);
}

/* ---- Sets -------------------------------------------------------------------------------------*/

static void put_range(struct wtl_table *t, const struct wtl_show_counts *n)
{
    if (n->n_clocks == 0)
        wtl_table_put(t, "-");
    else if (n->n_clocks == 1)
        wtl_table_printf(t, "%d", n->clock_min_mhz);
    else
        wtl_table_printf(t, "%d-%d", n->clock_min_mhz, n->clock_max_mhz);
}

static void put_set(struct wtl_table *t, const struct wtl_workset *set, const struct wtl_quality *q,
                    bool pointed)
{
    struct wtl_show_counts n = wtl_show_count(set);
    char point[WTL_CONFIGURATION_TEXT];
    wtl_table_put(t, set->gpu);
    wtl_table_put(t, set->workload);
    if (pointed)
        wtl_table_put(t, wtl_configuration_format(&set->at, point));
    wtl_table_printf(t, "%d", n.n_clocks);
    if (!pointed)
        put_range(t, &n);
    wtl_table_printf(t, "%zu", set->n_runs);
    wtl_table_printf(t, "%d", n.accepted);
    if (!pointed)
        wtl_table_number(t, q->n_clocks > 0, 100 * q->coverage, 0);
    wtl_table_number(t, n.accepted > 1, 100 * q->time_cv, 1);
    wtl_table_number(t, n.accepted > 1, 100 * q->energy_cv, 1);
    wtl_table_put(t, wtl_show_grade_name(wtl_show_grade(set, q)));
}

/* Where there are operating points beyond clocks, they take the place of what is told of clocks. */
static int print_sets(struct wtl_context *ctx, const struct wtl_show *s, struct wtl_error *err)
{
    static const struct wtl_table_column of_clocks[] = {
        {.title = "gpu"},
        {.title = "workload"},
        {.title = "clocks", .number = true},
        {.title = "range", .unit = "MHz", .number = true},
        {.title = "runs", .number = true},
        {.title = "used", .number = true},
        {.title = "coverage", .unit = "%", .number = true},
        {.title = "time CV", .unit = "%", .number = true},
        {.title = "energy CV", .unit = "%", .number = true},
        {.title = "quality"},
    };
    static const struct wtl_table_column of_points[] = {
        {.title = "gpu"},
        {.title = "workload"},
        {.title = "point"},
        {.title = "clocks", .number = true},
        {.title = "runs", .number = true},
        {.title = "used", .number = true},
        {.title = "time CV", .unit = "%", .number = true},
        {.title = "energy CV", .unit = "%", .number = true},
        {.title = "quality"},
    };
    bool pointed = false;
    for (size_t i = 0; i < s->n_sets; i++)
        pointed = pointed || !wtl_configuration_is_plain(&s->sets[i].at);
    struct wtl_table *t;
    int rc = new_table(ctx, pointed ? of_points : of_clocks, pointed ? 9 : 10, &t, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < s->n_sets; i++)
        put_set(t, &s->sets[i], &s->quality[i], pointed);
    fputc('\n', ctx->out);
    return print_table(ctx, t, err);
}

/* ---- Findings ---------------------------------------------------------------------------------*/

/* The first finding of a set is preceded by its name. */
struct findings {
    FILE *out;
    const struct wtl_workset *set;
    bool any_in_set;
};

static void put_finding(struct findings *f, const char *text)
{
    if (!f->any_in_set) {
        fputc('\n', f->out);
        char name[WTL_CONFIGURED_NAME];
        wtl_print_line(f->out, 2, "%s %s", f->set->gpu,
                       wtl_configured_name(f->set->workload, &f->set->at, name));
    }
    f->any_in_set = true;
    wtl_print_hanging(f->out, "    - ", text, WTL_TABLE_WIDTH);
}

/* "a, b and more"; the empty name is passed over. Returns how many are listed. */
static int list_devices(const struct wtl_show_devices *d, char *text, size_t size)
{
    size_t n = 0;
    int named = 0;
    text[0] = '\0';
    for (int i = 0; i < d->n && n < size; i++)
        if (d->name[i][0]) {
            n += (size_t)snprintf(text + n, size - n, "%s%s", named ? ", " : "", d->name[i]);
            named++;
        }
    if (d->more && n < size)
        snprintf(text + n, size - n, " and more");
    return named;
}

static void find_devices(struct findings *f)
{
    struct wtl_show_devices d = wtl_show_devices(f->set);
    char list[900], text[1100];
    if (list_devices(&d, list, sizeof list)) {
        snprintf(text, sizeof text, "boards: %s", list);
        put_finding(f, text);
    }
    d = wtl_show_cards(f->set);
    if (list_devices(&d, list, sizeof list) > 1) {
        snprintf(text, sizeof text,
                 "the runs are of several cards (%s): cards of one model differ by some percent in "
                 "power",
                 list);
        put_finding(f, text);
    }
}

/* What `wattle optimize` will say of a set that measures its workload at too few clocks. */
static void find_too_few(struct findings *f, const struct wtl_quality *q, int accepted)
{
    char text[200];
    if (wtl_show_grade(f->set, q) != WTL_SHOW_TOO_FEW)
        return;
    snprintf(text, sizeof text,
             "too few to choose from: %d run%s at %d clock%s; a curve needs %d clocks, `wattle "
             "predict` one",
             accepted, wtl_plural(accepted), q->n_clocks_usable, wtl_plural(q->n_clocks_usable),
             WTL_CURVE_MIN_CLOCKS);
    put_finding(f, text);
}

static void find_timed(struct findings *f)
{
    char text[160];
    if (f->set->n_timed == 0)
        return;
    snprintf(text, sizeof text,
             "%zu run%s with times only, from tables without power: kept aside, not judged",
             f->set->n_timed, wtl_plural((int64_t)f->set->n_timed));
    put_finding(f, text);
}

/* What is worth saying of the spread of a point without a clock. */
static const double scatters = 0.1;

static void find_quality(struct findings *f, const struct wtl_quality *q)
{
    char text[320];
    if (wtl_describe_labelled(f->set, text, sizeof text))
        put_finding(f, text);
    if (wtl_describe_correction(f->set, text, sizeof text))
        put_finding(f, text);
    if (wtl_show_grade(f->set, q) == WTL_SHOW_UNUSABLE) {
        snprintf(text, sizeof text, "unusable: %s", q->reason);
        put_finding(f, text);
    }
    if (q->usable && q->n_clocks == 0 && (q->time_cv > scatters || q->energy_cv > scatters)) {
        snprintf(text, sizeof text,
                 "its runs scatter by %.0f %% in time and %.0f %% in energy (standard deviation "
                 "over mean); no clock was set",
                 100 * q->time_cv, 100 * q->energy_cv);
        put_finding(f, text);
    }
    if (q->quantised && strstr(q->reason, "steps of") == NULL) {
        snprintf(text, sizeof text, "times sit on steps of %.3g s, whatever the clock",
                 q->time_step_s);
        put_finding(f, text);
    }
    if (q->order_monotone)
        put_finding(f, "clocks were run in one order only: drift and clock are confounded");
    if (q->has_drift) {
        snprintf(text, sizeof text, "drift %+.3f %% of time per run (%+.3f to %+.3f)",
                 100 * q->drift_per_run, 100 * q->drift_lo, 100 * q->drift_hi);
        put_finding(f, text);
    }
}

/* " (1410 MHz rep 1: REASON)" */
static void describe_example(const struct wtl_run *run, char *buf, size_t size)
{
    char which[60] = "";
    if (run->clock_mhz && run->rep)
        snprintf(which, sizeof which, "%d MHz rep %d: ", run->clock_mhz, run->rep);
    else if (run->clock_mhz)
        snprintf(which, sizeof which, "%d MHz: ", run->clock_mhz);
    snprintf(buf, size, " (%s%s)", which, run->reason);
}

/* "9 rejected, cold_start: warming up ... (1410 MHz rep 1: ...)" */
static void find_rejected(struct findings *f, const struct wtl_show_counts *n)
{
    for (int cause = 0; cause < (int)WTL_N_CAUSES; cause++) {
        if (n->by_cause[cause] == 0)
            continue;
        const struct wtl_run *example = NULL;
        for (size_t i = 0; !example && i < f->set->n_runs; i++)
            if (wtl_run_main_cause(&f->set->runs[i]) == (enum wtl_cause)cause)
                example = &f->set->runs[i];
        char text[600];
        int used =
            snprintf(text, sizeof text, "%d rejected, %s: %s", n->by_cause[cause],
                     wtl_cause_name((enum wtl_cause)cause), wtl_cause_text((enum wtl_cause)cause));
        if (example && example->reason[0] && used > 0 && (size_t)used < sizeof text)
            describe_example(example, text + used, sizeof text - (size_t)used);
        put_finding(f, text);
    }
}

static void print_findings(struct wtl_context *ctx, const struct wtl_show *s)
{
    for (size_t i = 0; i < s->n_sets; i++) {
        struct findings f = {.out = ctx->out, .set = &s->sets[i]};
        struct wtl_show_counts n = wtl_show_count(f.set);
        find_devices(&f);
        find_quality(&f, &s->quality[i]);
        find_too_few(&f, &s->quality[i], n.accepted);
        find_timed(&f);
        find_rejected(&f, &n);
        if (n.without_clock && (n.n_clocks || wtl_configuration_is_plain(&f.set->at))) {
            char text[80];
            snprintf(text, sizeof text, "the clock of %d run%s is not known", n.without_clock,
                     wtl_plural(n.without_clock));
            put_finding(&f, text);
        }
    }
}

/* ---- Documents --------------------------------------------------------------------------------*/

static int print_documents(struct wtl_context *ctx, const struct wtl_show *s, struct wtl_error *err)
{
    static const struct wtl_table_column columns[] = {
        {.title = "stored"}, {.title = "name"},    {.title = "at"},
        {.title = "of"},     {.title = "content"},
    };
    struct wtl_table *t;
    if (s->n_documents == 0)
        return 0;
    int rc = new_table(ctx, columns, 5, &t, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < s->n_documents; i++) {
        const struct wtl_document_info *d = &s->documents[i];
        char at[32];
        wtl_table_put(t, d->stored.kind);
        wtl_table_put(t, d->stored.name);
        wtl_table_put(t, wtl_format_utc(d->stored.stored_ns, at, sizeof at));
        wtl_table_put(t, !d->readable ? "?" : d->of_these_runs ? "these runs" : "other runs");
        wtl_table_put(t, d->content);
    }
    fputc('\n', ctx->out);
    return print_table(ctx, t, err);
}

/* ---- Runs -------------------------------------------------------------------------------------*/

static void put_count(struct wtl_table *t, int64_t value)
{
    if (value)
        wtl_table_printf(t, "%" PRId64, value);
    else
        wtl_table_put(t, "-");
}

static void put_metric(struct wtl_table *t, const struct wtl_run *run, enum wtl_run_metric m,
                       int decimals)
{
    wtl_table_number(t, wtl_run_has(run, m), run->metric[m], decimals);
}

/* As measured, windows too. */
static void put_whole(struct wtl_table *t, const struct wtl_run *run)
{
    struct wtl_run whole = *run;
    wtl_run_make_whole(&whole);
    put_metric(t, &whole, WTL_R_time_s, 2);
    put_metric(t, &whole, WTL_R_energy_j, 1);
}

static void put_identity(struct wtl_table *t, const struct wtl_run *run)
{
    wtl_table_put(t, run->job);
    put_count(t, run->seq);
    put_count(t, run->rep);
    put_count(t, run->clock_mhz);
}

static int print_runs(struct wtl_context *ctx, const struct wtl_workset *set, struct wtl_error *err)
{
    static const struct wtl_table_column columns[] = {
        {.title = "job"},
        {.title = "seq", .number = true},
        {.title = "rep", .number = true},
        {.title = "clock", .unit = "MHz", .number = true},
        {.title = "time", .unit = "s", .number = true},
        {.title = "energy", .unit = "J", .number = true},
        {.title = "power", .unit = "W", .number = true},
        {.title = "judgement"},
        {.title = "reason"},
    };
    struct wtl_table *t;
    int rc = new_table(ctx, columns, 9, &t, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < set->n_runs; i++) {
        const struct wtl_run *run = &set->runs[i];
        put_identity(t, run);
        put_whole(t, run);
        put_metric(t, run, WTL_R_power_w, 1);
        wtl_table_put(t, run->causes ? wtl_cause_name(wtl_run_main_cause(run)) : "used");
        wtl_table_put(t, run->reason);
    }
    for (size_t i = 0; i < set->n_timed; i++) {
        put_identity(t, &set->timed[i]);
        wtl_table_printf(t, "%.2f", wtl_run_duration_s(&set->timed[i]));
        wtl_table_put(t, "-");
        wtl_table_put(t, "-");
        wtl_table_put(t, "times only");
        wtl_table_put(t, "");
    }
    char name[WTL_CONFIGURED_NAME];
    fprintf(ctx->out, "\n%s %s\n", set->gpu, wtl_configured_name(set->workload, &set->at, name));
    return print_table(ctx, t, err);
}

/* ---- Sources ----------------------------------------------------------------------------------*/

static double percent(int64_t part, int64_t whole)
{
    return whole ? 100.0 * (double)part / (double)whole : 0;
}

static int print_source_list(struct wtl_context *ctx, const struct wtl_show *s,
                             struct wtl_error *err)
{
    static const struct wtl_table_column columns[] = {
        {.title = "file", .keep_end = true},
        {.title = "sha256"},
        {.title = "reader"},
        {.title = "dialect"},
        {.title = "rows", .number = true},
        {.title = "dropped", .number = true},
        {.title = "N/A", .unit = "%", .number = true},
    };
    struct wtl_table *t;
    int rc = new_table(ctx, columns, 7, &t, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < s->n_sources; i++) {
        const struct wtl_source *f = &s->sources[i];
        wtl_table_put(t, f->path);
        wtl_table_printf(t, "%.8s", f->sha256);
        wtl_table_put(t, f->reader);
        wtl_table_put(t, f->dialect);
        wtl_table_printf(t, "%" PRId64, f->rows);
        wtl_table_printf(t, "%" PRId64, f->rows_dropped);
        wtl_table_number(t, f->cells > 0, percent(f->cells_missing, f->cells), 1);
    }
    fputc('\n', ctx->out);
    return print_table(ctx, t, err);
}

/* Files of one reader and dialect. */
struct kind {
    const struct wtl_source *first;
    int64_t files, rows, dropped, cells, missing;
};
enum { KINDS_MAX = 24 };

static int count_kinds(const struct wtl_show *s, struct kind kinds[KINDS_MAX])
{
    int n = 0;
    for (size_t i = 0; i < s->n_sources; i++) {
        const struct wtl_source *f = &s->sources[i];
        int k = 0;
        while (k < n && (strcmp(kinds[k].first->reader, f->reader) != 0 ||
                         strcmp(kinds[k].first->dialect, f->dialect) != 0))
            k++;
        if (k == KINDS_MAX)
            k = KINDS_MAX - 1; /* the last row is then "and others" */
        if (k == n)
            kinds[n++] = (struct kind){.first = f};
        kinds[k].files++;
        kinds[k].rows += f->rows;
        kinds[k].dropped += f->rows_dropped;
        kinds[k].cells += f->cells;
        kinds[k].missing += f->cells_missing;
    }
    return n;
}

static int print_source_kinds(struct wtl_context *ctx, const struct wtl_show *s,
                              struct wtl_error *err)
{
    static const struct wtl_table_column columns[] = {
        {.title = "files", .number = true},
        {.title = "reader"},
        {.title = "dialect"},
        {.title = "rows", .number = true},
        {.title = "dropped", .number = true},
        {.title = "N/A", .unit = "%", .number = true},
    };
    struct kind kinds[KINDS_MAX];
    int n = count_kinds(s, kinds);
    struct wtl_table *t;
    int rc = new_table(ctx, columns, 6, &t, err);
    for (int k = 0; rc == 0 && k < n; k++) {
        wtl_table_printf(t, "%" PRId64, kinds[k].files);
        wtl_table_put(t, kinds[k].first->reader);
        wtl_table_printf(t, "%s%s", kinds[k].first->dialect,
                         k == KINDS_MAX - 1 ? " and others" : "");
        wtl_table_printf(t, "%" PRId64, kinds[k].rows);
        wtl_table_printf(t, "%" PRId64, kinds[k].dropped);
        wtl_table_number(t, kinds[k].cells > 0, percent(kinds[k].missing, kinds[k].cells), 1);
    }
    if (rc == 0)
        fputc('\n', ctx->out);
    return rc ? rc : print_table(ctx, t, err);
}

int show_text(struct wtl_context *ctx, const struct wtl_show *s, struct wtl_error *err)
{
    print_head(ctx, s);
    int rc = print_sets(ctx, s, err);
    rc = rc ? rc : wtl_print_points(ctx, s->sets, s->n_sets, err);
    if (rc == 0)
        print_findings(ctx, s);
    rc = rc ? rc : print_documents(ctx, s, err);
    for (size_t i = 0; rc == 0 && s->list_runs && i < s->n_sets; i++)
        rc = print_runs(ctx, &s->sets[i], err);
    if (rc == 0)
        rc = s->list_sources ? print_source_list(ctx, s, err) : print_source_kinds(ctx, s, err);
    return rc;
}
