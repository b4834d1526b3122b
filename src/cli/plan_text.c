/* SPDX-License-Identifier: Apache-2.0
 * Plans as text. */
#include "cli/plan_text.h"

#include "cli/table.h"
#include "optimize/clock.h"

#include <math.h>
#include <string.h>

double wtl_percent(double fraction)
{
    double value = 100 * fraction;
    return value > -0.05 && value < 0.05 ? 0 : value;
}

const char *wtl_format_percent(const struct wtl_estimate *e, char *buf, size_t size)
{
    if (e->n == 0)
        snprintf(buf, size, "-");
    else if (e->evidence == WTL_EVIDENCE_NONE)
        snprintf(buf, size, "%.1f %%", wtl_percent(e->value));
    else
        snprintf(buf, size, "%.1f %% (%.1f to %.1f)", wtl_percent(e->value), wtl_percent(e->lo),
                 wtl_percent(e->hi));
    return buf;
}

/* ---- The table --------------------------------------------------------------------------------*/

static void put_percent(struct wtl_table *t, const struct wtl_estimate *e)
{
    wtl_table_number(t, e->n > 0, wtl_percent(e->value), 1);
    if (e->n > 0 && e->evidence != WTL_EVIDENCE_NONE)
        wtl_table_printf(t, "%.1f to %.1f", wtl_percent(e->lo), wtl_percent(e->hi));
    else
        wtl_table_put(t, "-");
}

/* What all plans share of their configurations. */
static struct wtl_configuration common_of(const struct wtl_plan_file *file)
{
    struct wtl_configuration common = {0};
    if (file->n_plans > 1)
        common = file->plans[0].at;
    for (size_t i = 1; i < file->n_plans; i++)
        wtl_configuration_intersect(&common, &file->plans[i].at);
    return common;
}

static void put_plan(struct wtl_table *t, const struct wtl_plan *p,
                     const struct wtl_configuration *common, bool pointed)
{
    char point[WTL_CONFIGURATION_TEXT];
    wtl_table_put(t, p->gpu);
    wtl_table_put(t, p->workload);
    if (pointed) {
        struct wtl_configuration own = wtl_configuration_without(&p->at, common);
        wtl_table_put(t, wtl_configuration_format(&own, point));
    }
    wtl_table_put(t, wtl_plan_status_name(p->status));
    wtl_table_number(t, p->clock_mhz > 0, p->clock_mhz, 0);
    put_percent(t, &p->saving);
    put_percent(t, &p->slowdown);
    if (pointed)
        return;
    wtl_table_number(t, true, p->n_runs, 0);
    wtl_table_number(t, true, p->n_rejected, 0);
}

/* Where plans differ in their points beyond the clocks these take the place of the counts of runs.
 */
int wtl_print_plan_table(struct wtl_context *ctx, const struct wtl_plan_file *file,
                         struct wtl_error *err)
{
    static const struct wtl_table_column of_clocks[] = {
        {"gpu", NULL, false, false},    {"workload", NULL, false, false},
        {"status", NULL, false, false}, {"clock", "MHz", true, false},
        {"saving", "%", true, false},   {"95 %", "%", true, false},
        {"slower", "%", true, false},   {"95 %", "%", true, false},
        {"runs", NULL, true, false},    {"out", NULL, true, false},
    };
    static const struct wtl_table_column of_points[] = {
        {"gpu", NULL, false, false},   {"workload", NULL, false, false},
        {"point", NULL, false, false}, {"status", NULL, false, false},
        {"clock", "MHz", true, false}, {"saving", "%", true, false},
        {"95 %", "%", true, false},    {"slower", "%", true, false},
        {"95 %", "%", true, false},
    };
    enum { N_COLUMNS = sizeof of_clocks / sizeof of_clocks[0] };
    struct wtl_table_column own[N_COLUMNS];
    char confidence[16] = "95 %", text[WTL_CONFIGURATION_TEXT];
    bool pointed = false;
    const struct wtl_configuration common = common_of(file);
    for (size_t i = 0; i < file->n_plans; i++) {
        const struct wtl_configuration one = wtl_configuration_without(&file->plans[i].at, &common);
        pointed = pointed || wtl_configuration_format(&one, text)[0];
    }
    if (file->n_plans)
        snprintf(confidence, sizeof confidence, "%g %%", 100 * file->plans[0].policy.confidence);
    if (pointed)
        memcpy(own, of_points, sizeof of_points);
    else
        memcpy(own, of_clocks, sizeof of_clocks);
    own[pointed ? 6 : 5].title = own[pointed ? 8 : 7].title = confidence;
    struct wtl_table *t = wtl_table_new(ctx->arena, own, pointed ? 9 : 10);
    if (!t)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    if (wtl_configuration_format(&common, text)[0])
        wtl_print_line(ctx->out, 0, "all at %s", text);
    for (size_t i = 0; i < file->n_plans; i++)
        put_plan(t, &file->plans[i], &common, pointed);
    return wtl_table_print(t, 0, WTL_TABLE_WIDTH, ctx->out, err);
}

/* ---- Details ----------------------------------------------------------------------------------*/

/* "1095 to 1155 MHz, 5 clocks ...". */
static void print_tied(FILE *out, const struct wtl_plan *p)
{
    if (p->n_tied < 2)
        return;
    wtl_print_fact(out, "tied", "%d to %d MHz, %zu clocks that the data cannot tell apart%s%s",
                   p->tied_clocks_mhz[0], p->tied_clocks_mhz[p->n_tied - 1], p->n_tied,
                   p->clock_mhz ? "; rule: " : "",
                   p->clock_mhz ? wtl_prefer_name(p->policy.prefer) : "");
}

static void print_rejected(FILE *out, const struct wtl_plan *p)
{
    char causes[64 * WTL_N_CAUSES] = "";
    for (int c = 0; c < (int)WTL_N_CAUSES; c++) {
        size_t n = strlen(causes);
        if (p->rejected[c])
            snprintf(causes + n, sizeof causes - n, "%s%d %s", n ? ", " : ": ", p->rejected[c],
                     wtl_cause_name((enum wtl_cause)c));
    }
    wtl_print_fact(out, "runs", "%d used, %d rejected%s", p->n_runs, p->n_rejected, causes);
}

static void print_baseline(FILE *out, const struct wtl_plan *p)
{
    char name[WTL_LIMIT_NAME + 16], clock[24] = "", effort[120] = "", time[40], energy[40], of[20];
    wtl_baseline_format(&p->policy.baseline, name, sizeof name);
    if (p->baseline_clock_mhz)
        snprintf(clock, sizeof clock, ", %d MHz", p->baseline_clock_mhz);
    if (p->baseline_time_s.n && p->baseline_energy_j.n)
        snprintf(
            effort, sizeof effort, ": %s and %s %s %s",
            wtl_format_measured(p->baseline_time_s.value, WTL_UNIT_SECOND, time, sizeof time),
            wtl_format_measured(p->baseline_energy_j.value, WTL_UNIT_JOULE, energy, sizeof energy),
            wtl_article(wtl_configuration_work(&p->at, of)), of);
    wtl_print_fact(out, "baseline", "%s%s%s%s", name, clock, effort,
                   p->baseline_from_curve ? " (from the curve: too few usable runs there)" : "");
}

static void print_effect(FILE *out, const struct wtl_plan *p)
{
    char saving[60], slowdown[60], objective[64], name[64];
    if (p->saving.n == 0)
        return;
    wtl_print_fact(out, "saving", "%s %senergy; slowdown %s; %s",
                   wtl_format_percent(&p->saving, saving, sizeof saving),
                   p->energy_class == WTL_CLASS_D ? "estimated " : "",
                   wtl_format_percent(&p->slowdown, slowdown, sizeof slowdown),
                   wtl_evidence_name(p->saving.evidence));
    if (p->objective_saving.n)
        wtl_print_fact(out, "objective", "%s: %s less than at the baseline",
                       wtl_objective_format(&p->policy.objective, name, sizeof name),
                       wtl_format_percent(&p->objective_saving, objective, sizeof objective));
}

static void print_models(FILE *out, const struct wtl_plan *p)
{
    if (p->time_model && p->power_model && p->baseline_kind != WTL_BASELINE_REP)
        wtl_print_fact(
            out, "curves", "time %s (error on left-out runs %.1f %%), power %s (%.1f %%)",
            p->time_model, 100 * p->time_cv_error, p->power_model, 100 * p->power_cv_error);
}

static void print_head(FILE *out, const struct wtl_plan *p)
{
    char clock[40] = "";
    if (p->clock_mhz)
        snprintf(clock, sizeof clock, ", lock %d MHz", p->clock_mhz);
    else if (p->best_guess_mhz)
        snprintf(clock, sizeof clock, ", best guess %d MHz", p->best_guess_mhz);
    char title[WTL_CONFIGURED_NAME];
    wtl_print_line(out, 0, "%s on %s: %s%s", wtl_plan_title(p, title), p->gpu,
                   wtl_plan_status_name(p->status), clock);
    if (p->binding[0])
        wtl_print_fact(out, "binding", "%s", p->binding);
    if (p->relaxation[0])
        wtl_print_fact(out, "relax", "%s", p->relaxation);
}

/* Four digits of `value` that count, never as a power of ten; its interval has as many decimals. */
static int decimals_of(double value)
{
    double a = fabs(value);
    return a >= 999.95 ? 0 : a >= 99.995 ? 1 : a >= 9.9995 ? 2 : a >= 0.99995 ? 3 : 4;
}

/* "470.2 kWh (465.1 to 475.0)". */
static void add_yearly(char *text, size_t size, const struct wtl_estimate *e, const char *unit)
{
    int decimals = decimals_of(e->value);
    size_t n = strlen(text);
    if (e->n == 0)
        return;
    n += (size_t)snprintf(text + n, size - n, "%s%.*f %s", n ? ", " : "", decimals, e->value, unit);
    if (e->evidence != WTL_EVIDENCE_NONE && n < size)
        snprintf(text + n, size - n, " (%.*f to %.*f)", decimals, e->lo, decimals, e->hi);
}

const char *wtl_format_cost(const struct wtl_cost *cost, char *buf, size_t size)
{
    buf[0] = '\0';
    add_yearly(buf, size, &cost->energy_kwh, "kWh");
    add_yearly(buf, size, &cost->money, "in money");
    add_yearly(buf, size, &cost->carbon_kg, "kg CO2");
    return buf;
}

static void print_details(struct wtl_context *ctx, const struct wtl_plan *p,
                          const struct wtl_cost_terms *terms)
{
    struct wtl_cost cost;
    print_head(ctx->out, p);
    print_effect(ctx->out, p);
    if (terms && wtl_cost_of_plan(p, terms, &cost)) {
        char text[WTL_COST_TEXT];
        wtl_print_fact(ctx->out, "a year", "saves %s in %.*f runs",
                       wtl_format_cost(&cost, text, sizeof text), decimals_of(cost.runs_per_year),
                       cost.runs_per_year);
    }
    print_tied(ctx->out, p);
    print_baseline(ctx->out, p);
    print_rejected(ctx->out, p);
    print_models(ctx->out, p);
    for (size_t i = 0; i < p->n_notes; i++)
        wtl_print_fact(ctx->out, "note", "%s", p->notes[i]);
}

void wtl_print_plan_details(struct wtl_context *ctx, const struct wtl_plan_file *file,
                            const struct wtl_cost_terms *terms)
{
    for (size_t i = 0; i < file->n_plans; i++) {
        fputc('\n', ctx->out);
        print_details(ctx, &file->plans[i], terms);
    }
}

/* ---- The published method ---------------------------------------------------------------------*/

void wtl_print_published(struct wtl_context *ctx, const struct wtl_plan_file *file)
{
    double mean, sd;
    char objective[64];
    size_t n = 0;
    const struct wtl_policy *policy = NULL;
    for (size_t i = 0; i < file->n_plans; i++)
        if (file->plans[i].baseline_kind == WTL_BASELINE_REP && file->plans[i].saving.n) {
            policy = &file->plans[i].policy;
            n++;
        }
    if (!policy)
        return;
    wtl_published_summary(file->plans, file->n_plans, &mean, &sd);
    fprintf(ctx->out,
            "\npublished method, %s, within repetition %d: mean energy saving %.3f %% +- %.3f %% "
            "(population SD, %zu sets)\n",
            wtl_objective_format(&policy->objective, objective, sizeof objective),
            policy->baseline.rep, 100 * mean, 100 * sd, n);
    fputs(
        "This is not what the GPU saves. What is wrong with the method:\n"
        "  - The baseline is a single run at the highest clock, which came first in its job: it\n"
        "    pays for downloads, model loading and cold caches, most in repetition 1 and still in\n"
        "    2 and 3. What is called a saving is its warm-up.\n"
        "  - A slowdown of -98 % is 98 % faster, for the same reason; it was read as slower.\n"
        "  - The optimum is the best of all single runs: the luckiest noise wins, and the same "
        "run\n"
        "    then says how good it is. No interval is given.\n"
        "  - Failed, idle and mislabelled runs count like any other.\n"
        "  - Time is the number of samples times 50 ms, and energy the mean power times that.\n"
        "Without --baseline rep:N the same runs are judged, and the baseline is the curve over "
        "the\n"
        "warm ones. Such plans are not deployed.\n",
        ctx->out);
}
