/* SPDX-License-Identifier: Apache-2.0
 * What the fig_*.c files share. */
#ifndef WTL_REPORT_FIG_COMMON_H
#define WTL_REPORT_FIG_COMMON_H

#include "report/report.h"

/* "A100 · stablediffusion" (names as the workset has them). */
const char *wtl_fig_set_name(struct wtl_arena *arena, const struct wtl_workset *set);

/* "clock-a100-stablediffusion". */
const char *wtl_fig_name(struct wtl_arena *arena, const char *kind, const struct wtl_workset *set);

/* "Time of a run", "Energy per image": what a set's figures are of. */
const char *wtl_fig_quantity(struct wtl_arena *arena, const char *what,
                             const struct wtl_workset *set);

/* "n = 177 accepted runs; 3 rejected (2 cold_start, 1 outlier) · INTERVAL · data 3f9a1c22d01b ·
 * 2026-11-21 · wattle 0.1.0". */
const char *wtl_fig_footer(struct wtl_arena *arena, const struct wtl_report *r, int n_runs,
                           const char *of_what, const int *rejected, const char *interval);

/* The same with the counts of a workset. */
const char *wtl_fig_set_footer(struct wtl_arena *arena, const struct wtl_report *r,
                               const struct wtl_workset *set, const char *interval);

/* Runs of a set that have both metrics: counted, then x and y filled; accepted or rejected ones. */
size_t wtl_fig_runs(struct wtl_arena *arena, const struct wtl_workset *set, bool accepted,
                    enum wtl_run_metric metric, double **clock_out, double **value_out,
                    const struct wtl_run ***runs_out);

/* Widens lo..hi to hold v. */
void wtl_fig_hold(double *lo, double *hi, double v);

/* "the 95 % interval", from the plan's confidence. */
const char *wtl_fig_confidence(struct wtl_arena *arena, const struct wtl_plan *plan);

/* "18.0 % [17.1, 19.0]" or "18.0 %" without an interval; with a typographic minus. */
const char *wtl_fig_percent(struct wtl_arena *arena, const struct wtl_estimate *e);

/* Whether an estimate exists, and whether it has an interval. */
bool wtl_fig_exists(const struct wtl_estimate *e);
bool wtl_fig_has_interval(const struct wtl_estimate *e);

/* The chosen clock, or the best guess of an undecided plan; 0: none. */
int wtl_fig_shown_clock(const struct wtl_plan *plan);

const struct wtl_curve_point *wtl_fig_curve_at(const struct wtl_plan *plan, int clock_mhz);

#define WTL_FIG_NOMEM(err) WTL_FAIL((err), WTL_NOMEM, "out of memory making a figure")

#endif
