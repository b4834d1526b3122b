/* SPDX-License-Identifier: Apache-2.0
 * Names, footers and run selections of the figures. */
#include "report/fig_common.h"

#include "report/escape.h"

#include "base/clock.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *wtl_fig_set_name(struct wtl_arena *arena, const struct wtl_workset *set)
{
    const char *name = wtl_arena_printf(arena, "%s, %s", set->gpu, set->workload);
    return name ? name : "";
}

const char *wtl_fig_name(struct wtl_arena *arena, const char *kind, const struct wtl_workset *set)
{
    char gpu[WTL_LIMIT_NAME], workload[WTL_LIMIT_NAME];
    wtl_slug(set->gpu, gpu, sizeof gpu);
    wtl_slug(set->workload, workload, sizeof workload);
    const char *name = wtl_arena_printf(arena, "%s-%s-%s", kind, gpu, workload);
    return name ? name : kind;
}

const char *wtl_fig_quantity(struct wtl_arena *arena, const char *what,
                             const struct wtl_workset *set)
{
    char work[20];
    wtl_configuration_work(&set->at, work);
    const char *text = set->at.window ? wtl_arena_printf(arena, "%s per %s", what, work)
                                      : wtl_arena_printf(arena, "%s of a run", what);
    return text ? text : what;
}

static void add_causes(struct wtl_buf *text, const int *rejected)
{
    int total = 0;
    for (int c = 0; c < (int)WTL_N_CAUSES; c++)
        total += rejected[c];
    if (total == 0) {
        wtl_buf_puts(text, "; none rejected");
        return;
    }
    wtl_buf_printf(text, "; %d rejected (", total);
    const char *separator = "";
    for (int c = 0; c < (int)WTL_N_CAUSES; c++)
        if (rejected[c]) {
            wtl_buf_printf(text, "%s%d %s", separator, rejected[c],
                           wtl_cause_name((enum wtl_cause)c));
            separator = ", ";
        }
    wtl_buf_putc(text, ')');
}

const char *wtl_fig_footer(struct wtl_arena *arena, const struct wtl_report *r, int n_runs,
                           const char *of_what, const int *rejected, const char *interval)
{
    struct wtl_buf text;
    char date[24];
    wtl_buf_init(&text, arena->alloc, 4096);
    wtl_buf_printf(&text, "n = %d %s", n_runs, of_what);
    if (rejected)
        add_causes(&text, rejected);
    if (interval)
        wtl_buf_printf(&text, " \xc2\xb7 %s", interval);
    wtl_format_utc(r->wall_ns, date, sizeof date);
    wtl_buf_printf(&text, " \xc2\xb7 data\xc2\xa0%.12s \xc2\xb7 %.10s \xc2\xb7 ",
                   r->fingerprint && r->fingerprint[0] ? r->fingerprint : "without hash", date);
    for (const char *c = r->tool; *c; c++) /* name and version stay on one line */
        wtl_buf_puts(&text, *c == ' ' ? "\xc2\xa0" : (const char[]){*c, '\0'});
    const char *copy = text.failed ? NULL : wtl_arena_strdup(arena, wtl_buf_str(&text));
    wtl_buf_fini(&text);
    return copy; /* NULL: out of memory */
}

const char *wtl_fig_set_footer(struct wtl_arena *arena, const struct wtl_report *r,
                               const struct wtl_workset *set, const char *interval)
{
    int rejected[WTL_N_CAUSES] = {0}, accepted = 0;
    for (size_t i = 0; i < set->n_runs; i++) {
        enum wtl_cause cause = wtl_run_main_cause(&set->runs[i]);
        if (cause == WTL_N_CAUSES)
            accepted++;
        else
            rejected[cause]++;
    }
    return wtl_fig_footer(arena, r, accepted, "accepted runs", rejected, interval);
}

size_t wtl_fig_runs(struct wtl_arena *arena, const struct wtl_workset *set, bool accepted,
                    enum wtl_run_metric metric, double **clock_out, double **value_out,
                    const struct wtl_run ***runs_out)
{
    double *clock = WTL_NEW_ARRAY(arena, double, set->n_runs + 1);
    double *value = WTL_NEW_ARRAY(arena, double, set->n_runs + 1);
    const struct wtl_run **runs = WTL_NEW_ARRAY(arena, const struct wtl_run *, set->n_runs + 1);
    size_t n = 0;
    for (size_t i = 0; clock && value && runs && i < set->n_runs; i++) {
        const struct wtl_run *run = &set->runs[i];
        if ((run->causes == 0) != accepted || !wtl_run_has(run, metric) || run->clock_mhz <= 0)
            continue;
        clock[n] = run->clock_mhz;
        value[n] = run->metric[metric];
        runs[n++] = run;
    }
    *clock_out = clock;
    *value_out = value;
    if (runs_out)
        *runs_out = runs;
    return n;
}

void wtl_fig_hold(double *lo, double *hi, double v)
{
    if (!isfinite(v))
        return;
    *lo = fmin(*lo, v);
    *hi = fmax(*hi, v);
}

const char *wtl_fig_confidence(struct wtl_arena *arena, const struct wtl_plan *plan)
{
    double confidence = plan && plan->policy.confidence > 0 ? plan->policy.confidence : 0.95;
    const char *text = wtl_arena_printf(arena, "%g %%", confidence * 100);
    return text ? text : "";
}

static const char *signed_tenths(double fraction, char *buf, size_t size)
{
    return wtl_tick_format(fraction * 100, 1, buf, size);
}

bool wtl_fig_exists(const struct wtl_estimate *e)
{
    return e->n > 0 && isfinite(e->value);
}

bool wtl_fig_has_interval(const struct wtl_estimate *e)
{
    return wtl_fig_exists(e) && e->evidence != WTL_EVIDENCE_NONE && isfinite(e->lo) &&
           isfinite(e->hi);
}

const char *wtl_fig_percent(struct wtl_arena *arena, const struct wtl_estimate *e)
{
    char value[32], lo[32], hi[32];
    if (!wtl_fig_exists(e))
        return "\xe2\x80\x93";
    signed_tenths(e->value, value, sizeof value);
    const char *text;
    if (wtl_fig_has_interval(e))
        text =
            wtl_arena_printf(arena, "%s %% (%s to %s)", value, signed_tenths(e->lo, lo, sizeof lo),
                             signed_tenths(e->hi, hi, sizeof hi));
    else
        text = wtl_arena_printf(arena, "%s %%", value);
    return text ? text : "";
}

int wtl_fig_shown_clock(const struct wtl_plan *plan)
{
    if (!plan)
        return 0;
    return plan->status == WTL_PLAN_OK ? plan->clock_mhz : plan->best_guess_mhz;
}

const struct wtl_curve_point *wtl_fig_curve_at(const struct wtl_plan *plan, int clock_mhz)
{
    for (size_t i = 0; plan && i < plan->n_curve; i++)
        if (plan->curve[i].clock_mhz == clock_mhz)
            return &plan->curve[i];
    return NULL;
}
