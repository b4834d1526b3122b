/* SPDX-License-Identifier: Apache-2.0
 * Operating points as text. */
#include "cli/point_text.h"

#include "base/text.h"
#include "base/units.h"
#include "cli/plan_text.h"
#include "cli/table.h"

#include <string.h>

/* ---- Cells ------------------------------------------------------------------------------------*/

/* Half of an interval in percent of its value. */
static void put_half(struct wtl_table *t, const struct wtl_estimate *e)
{
    bool known = e->n > 0 && e->evidence != WTL_EVIDENCE_NONE && e->value > 0;
    wtl_table_number(t, known, known ? 50 * (e->hi - e->lo) / e->value : 0, 1);
}

/* The letter of the class; a figure that nobody measured says so. */
static void put_class(struct wtl_table *t, bool known, enum wtl_energy_class class)
{
    if (class == WTL_CLASS_D)
        wtl_table_put(t, "D (est.)");
    else
        wtl_table_printf(t, "%c", known ? wtl_energy_class_letter(class) : '-');
}

static void put_latency(struct wtl_table *t, const double *latency_s, unsigned valid, int q)
{
    if ((valid >> q) & 1)
        wtl_table_printf(t, "%.4g", 1e3 * latency_s[q]);
    else
        wtl_table_put(t, "-");
}

/* Joules in the unit of a column: mJ where all are below 1 J. */
struct scale {
    double unit_j;
    const char *symbol;
};

static struct scale scale_of(double largest_j)
{
    if (largest_j > 0 && largest_j < 1)
        return (struct scale){1e-3, "mJ"};
    return largest_j >= 1e4 ? (struct scale){1e3, "kJ"} : (struct scale){1, "J"};
}

/* "out: slowdown" of "slowdown up to 12.0 %"; the figure is in --json and with -v. */
static const char *short_why(const char *why, bool whole, char buf[40])
{
    const char *end = strstr(why, " up to ");
    if (whole || !end)
        return why;
    snprintf(buf, 40, "out: %.*s", (int)(end - why < 30 ? end - why : 30), why);
    return buf;
}

static const char *marks_of(const struct wtl_point_choice *c, size_t i, bool whole, char buf[40])
{
    const struct wtl_measured_point *p = &c->points[i];
    if ((int)i == c->chosen)
        return (int)i == c->baseline ? "chosen, baseline" : "chosen";
    if ((int)i == c->best && c->chosen < 0)
        return "best guess";
    if ((int)i == c->baseline)
        return p->tied ? "baseline, tied" : "baseline";
    return p->tied ? "tied" : p->why[0] ? short_why(p->why, whole, buf) : p->pareto ? "front" : "";
}

/* ---- The choice -------------------------------------------------------------------------------*/

/* What a reader wants to see of many: the answer, what it is compared with, and the front. */
static bool is_shown(const struct wtl_context *ctx, const struct wtl_point_choice *c, size_t i)
{
    enum { ALL = 24 };
    const struct wtl_measured_point *p = &c->points[i];
    return ctx->verbosity > 0 || c->n_points <= ALL || p->tied || p->pareto ||
           (int)i == c->chosen || (int)i == c->best || (int)i == c->baseline;
}

static void put_point(struct wtl_table *t, const struct wtl_point_choice *c, size_t i,
                      const struct wtl_configuration *common, const struct scale *scale, bool whole)
{
    const struct wtl_measured_point *p = &c->points[i];
    struct wtl_measured_point shown = *p;
    char text[WTL_MEASURED_POINT_TEXT];
    shown.at = wtl_configuration_without(&p->at, common);
    wtl_table_put(t, wtl_measured_point_format(&shown, text));
    wtl_table_printf(t, "%d", p->n);
    if (p->time_s.n)
        wtl_table_printf(t, "%.4g", 1 / p->time_s.value);
    else
        wtl_table_put(t, "-");
    if (p->energy_j.n)
        wtl_table_printf(t, "%.4g", p->energy_j.value / scale->unit_j);
    else
        wtl_table_put(t, "-");
    put_half(t, &p->energy_j);
    put_class(t, p->energy_j.n > 0, p->energy_class);
    wtl_table_number(t, p->time_s.n > 0, p->power_w.value, 1);
    put_latency(t, p->latency_s, p->latency_valid, 3);
    char mark[40];
    wtl_table_put(t, marks_of(c, i, whole, mark));
}

static int print_table(struct wtl_context *ctx, const struct wtl_point_choice *c,
                       struct wtl_error *err)
{
    char work[20], throughput[40], energy[40];
    double largest_j = 0;
    for (size_t i = 0; i < c->n_points; i++)
        if (c->points[i].energy_j.n && c->points[i].energy_j.value > largest_j)
            largest_j = c->points[i].energy_j.value;
    const struct scale scale = scale_of(largest_j);
    wtl_point_choice_work(c, work);
    snprintf(throughput, sizeof throughput, "%s/s", c->per_run || !c->unit[0] ? work : c->unit);
    snprintf(energy, sizeof energy, "%s/%s", scale.symbol, work);
    const struct wtl_table_column columns[] = {
        {.title = "point"},
        {.title = "runs", .number = true},
        {.title = "throughput", .unit = throughput, .number = true},
        {.title = "energy", .unit = energy, .number = true},
        {.title = "+-", .unit = "%", .number = true},
        {.title = "class"},
        {.title = "power", .unit = "W", .number = true},
        {.title = "p99", .unit = "ms", .number = true},
        {.title = ""},
    };
    struct wtl_table *t = wtl_table_new(ctx->arena, columns, sizeof columns / sizeof columns[0]);
    if (!t)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    const struct wtl_configuration common = wtl_point_choice_common(c);
    size_t hidden = 0;
    for (size_t i = 0; i < c->n_points; i++) {
        if (is_shown(ctx, c, i))
            put_point(t, c, i, &common, &scale, ctx->verbosity > 0);
        else
            hidden++;
    }
    char text[WTL_CONFIGURATION_TEXT];
    if (wtl_configuration_format(&common, text)[0])
        wtl_print_line(ctx->out, 2, "all at %s", text);
    int rc = wtl_table_print(t, 2, WTL_TABLE_WIDTH, ctx->out, err);
    if (rc == 0 && hidden)
        fprintf(ctx->out, "  %zu more points, neither tied nor on the front; -v lists them\n",
                hidden);
    return rc;
}

static void print_answer(FILE *out, const struct wtl_point_choice *c)
{
    char text[WTL_MEASURED_POINT_TEXT], saving[60], slowdown[60], name[64], work[20];
    int at = c->chosen >= 0 ? c->chosen : c->best;
    size_t tied = 0;
    for (size_t i = 0; i < c->n_points; i++)
        tied += c->points[i].tied;
    if (at >= 0 && tied > 1)
        wtl_print_fact(out, "tied", "%zu points that the data cannot tell apart; rule: %s", tied,
                       wtl_prefer_name(c->policy.prefer));
    if (at >= 0) {
        wtl_print_fact(out, "saving", "%s energy per %s; slowdown %s; %s",
                       wtl_format_percent(&c->saving, saving, sizeof saving),
                       wtl_point_choice_work(c, work),
                       wtl_format_percent(&c->slowdown, slowdown, sizeof slowdown),
                       wtl_evidence_name(c->saving.evidence));
        wtl_print_fact(out, "objective", "%s: %s less than at the baseline",
                       wtl_objective_format(&c->policy.objective, name, sizeof name),
                       wtl_format_percent(&c->objective_saving, saving, sizeof saving));
    }
    if (c->baseline >= 0)
        wtl_print_fact(out, "baseline", "%s%s",
                       wtl_point_choice_from_fastest(c) ? "the fastest: " : "",
                       wtl_measured_point_format(&c->points[c->baseline], text));
    if (c->binding[0])
        wtl_print_fact(out, "binding", "%s", c->binding);
    for (size_t i = 0; i < c->n_notes; i++)
        wtl_print_fact(out, "note", "%s", c->notes[i]);
}

int wtl_print_point_choices(struct wtl_context *ctx, const struct wtl_point_choice *choices,
                            size_t n, struct wtl_error *err)
{
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        const struct wtl_point_choice *c = &choices[i];
        char text[WTL_MEASURED_POINT_TEXT];
        int at = c->chosen >= 0 ? c->chosen : c->best;
        if (i)
            fputc('\n', ctx->out);
        wtl_print_line(ctx->out, 0, "%s on %s, best operating point: %s%s%s", c->workload, c->gpu,
                       wtl_plan_status_name(c->status),
                       at < 0          ? ""
                       : c->chosen < 0 ? ", best guess "
                                       : ", ",
                       at < 0 ? "" : wtl_measured_point_format(&c->points[at], text));
        rc = print_table(ctx, c, err);
        print_answer(ctx->out, c);
    }
    return rc;
}

/* ---- Lists ------------------------------------------------------------------------------------*/

static void put_cell(struct wtl_table *t, const struct wtl_workset *set,
                     const struct wtl_measurement *m, const struct wtl_configuration *common)
{
    struct wtl_measured_point p = {.at = wtl_configuration_without(&set->at, common),
                                   .clock_mhz = m->clock_mhz,
                                   .rate_per_s = m->closed ? 0 : m->rate_per_s};
    char text[WTL_MEASURED_POINT_TEXT], work[20], energy[60];
    wtl_table_put(t, wtl_measured_point_format(&p, text));
    wtl_table_printf(t, "%d", m->n);
    wtl_configuration_work(&set->at, work);
    if (m->time_s.n)
        wtl_table_printf(t, "%.4g %s/s", 1 / m->time_s.value,
                         set->at.window && set->at.unit[0] ? set->at.unit : work);
    else
        wtl_table_put(t, "-");
    if (m->energy_j.n)
        wtl_table_printf(
            t, "%s/%s",
            wtl_format_measured(m->energy_j.value, WTL_UNIT_JOULE, energy, sizeof energy), work);
    else
        wtl_table_put(t, "-");
    put_half(t, &m->energy_j);
    put_class(t, m->energy_j.n > 0, m->energy_class);
    wtl_table_number(t, m->power_w.n > 0, m->power_w.value, 1);
    put_latency(t, m->latency_s, m->latency_valid, 0);
    put_latency(t, m->latency_s, m->latency_valid, 3);
}

static int print_workload(struct wtl_context *ctx, const struct wtl_workset *sets, size_t n,
                          struct wtl_error *err)
{
    static const struct wtl_table_column columns[] = {
        {.title = "point"},
        {.title = "runs", .number = true},
        {.title = "throughput", .number = true},
        {.title = "energy", .number = true},
        {.title = "+-", .unit = "%", .number = true},
        {.title = "class"},
        {.title = "power", .unit = "W", .number = true},
        {.title = "p50", .unit = "ms", .number = true},
        {.title = "p99", .unit = "ms", .number = true},
    };
    struct wtl_table *t = wtl_table_new(ctx->arena, columns, sizeof columns / sizeof columns[0]);
    bool estimated = false;
    if (!t)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    struct wtl_configuration common = {0};
    if (n > 1)
        common = sets[0].at;
    for (size_t i = 1; i < n; i++)
        wtl_configuration_intersect(&common, &sets[i].at);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < sets[i].n_cells; k++) {
            put_cell(t, &sets[i], &sets[i].cells[k], &common);
            estimated = estimated || sets[i].cells[k].energy_class == WTL_CLASS_D;
        }
    char text[WTL_CONFIGURATION_TEXT];
    bool any = wtl_configuration_format(&common, text)[0] != '\0';
    fputc('\n', ctx->out);
    wtl_print_line(ctx->out, 0,
                   any ? "%s %s, operating points, all at %s" : "%s %s, operating points%s",
                   sets[0].gpu, sets[0].workload, text);
    int rc = wtl_table_print(t, 2, WTL_TABLE_WIDTH, ctx->out, err);
    if (rc == 0 && estimated)
        wtl_print_wrapped(
            ctx->out,
            "class D: the energy is an estimate from the thermal design power, up to a "
            "factor of 2 off; nothing was measured.",
            2, WTL_TABLE_WIDTH);
    return rc;
}

int wtl_print_points(struct wtl_context *ctx, const struct wtl_workset *sets, size_t n,
                     struct wtl_error *err)
{
    int rc = 0;
    for (size_t lo = 0, hi; lo < n && rc == 0; lo = hi) {
        bool plain = true;
        for (hi = lo; hi < n && wtl_same_name(sets[hi].gpu, sets[lo].gpu) &&
                      wtl_same_name(sets[hi].workload, sets[lo].workload);
             hi++)
            plain = plain && wtl_configuration_is_plain(&sets[hi].at);
        if (!plain)
            rc = print_workload(ctx, &sets[lo], hi - lo, err);
    }
    return rc;
}
