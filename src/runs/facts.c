/* SPDX-License-Identifier: Apache-2.0
 *
 * Causes that need no expectation of time or power: what the logs say, what the clocks, the counter
 * and the frame buffer read. Some compare with the median of the other runs (the wrapper's own
 * start-up time, the usual amount of work). */
#include "base/text.h"
#include "core/gpu_name.h"
#include "runs/judging.h"
#include "stats/robust.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A log in whole seconds is half a second off at either end. */
static const double log_resolution_s = 1;

/* Median of a metric (minus another one, if any) over the runs that have it; *n_out says how many.
 */
static double median_of(const struct wtl_run *runs, size_t n, enum wtl_run_metric m,
                        enum wtl_run_metric minus, double *a, size_t *n_out)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        if (!wtl_run_has(&runs[i], m) ||
            (minus < WTL_N_RUN_METRICS && !wtl_run_has(&runs[i], minus)))
            continue;
        a[k++] = runs[i].metric[m] - (minus < WTL_N_RUN_METRICS ? runs[i].metric[minus] : 0);
    }
    *n_out = k;
    return wtl_median(a, k);
}

static bool has_any(const struct wtl_run *r, const enum wtl_run_metric *m, int n)
{
    for (int i = 0; i < n; i++)
        if (wtl_run_has(r, m[i]))
            return true;
    return false;
}

/* Time or energy are lacking: says which, and whether the source gave it at all. */
static void judge_absent(struct wtl_run *r)
{
    static const enum wtl_run_metric times[] = {WTL_R_span_s, WTL_R_reported_time_s,
                                                WTL_R_wrapper_time_s, WTL_R_nominal_time_s};
    static const enum wtl_run_metric energies[] = {WTL_R_energy_counter_j, WTL_R_energy_integral_j,
                                                   WTL_R_energy_nominal_j, WTL_R_power_mean_w};
    bool time = wtl_run_duration_s(r) > 0;
    double energy = 0;
    for (int i = 0; i < 4; i++)
        energy = fmax(energy, wtl_run_get(r, energies[i], 0));
    if (!time && has_any(r, times, 4))
        wtl_reject(r, WTL_CAUSE_no_data, "its time is not above 0 s");
    else if (!time && energy > 0)
        wtl_reject(r, WTL_CAUSE_no_data, "no duration can be had from its sources");
    else if (!time)
        wtl_reject(r, WTL_CAUSE_no_data, "neither a duration nor a power reading");
    else if (has_any(r, energies, 4) && !(energy > 0))
        wtl_reject(r, WTL_CAUSE_no_data, "its energy is not above 0 J");
    else
        wtl_reject(r, WTL_CAUSE_no_data, "no power reading");
}

/* What was wrong with the sensor while the energy was measured. A window of few updates is still a
 * measurement, with a wide interval. */
static void judge_troubles(struct wtl_run *r)
{
    static const struct {
        unsigned trouble;
        enum wtl_cause cause;
    } rules[] = {
        {WTL_TROUBLE_INDEX_gap, WTL_CAUSE_truncated},
        {WTL_TROUBLE_INDEX_partial, WTL_CAUSE_truncated},
        {WTL_TROUBLE_INDEX_reset, WTL_CAUSE_inconsistent_energy},
        {WTL_TROUBLE_INDEX_stale, WTL_CAUSE_inconsistent_energy},
        {WTL_TROUBLE_INDEX_inconsistent, WTL_CAUSE_inconsistent_energy},
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if ((r->energy_troubles >> rules[i].trouble) & 1)
            wtl_reject(r, rules[i].cause, "%s", wtl_energy_trouble_text((int)rules[i].trouble));
}

static void judge_end(struct wtl_run *r)
{
    if (r->status == WTL_RUN_FAILED)
        wtl_reject(r, WTL_CAUSE_failed, "its log says it failed");
    if (r->status == WTL_RUN_TIMEOUT)
        wtl_reject(r, WTL_CAUSE_timed_out, "its log says it was stopped by a time limit");
    const uint32_t why = UINT32_C(1) << WTL_CAUSE_contaminated | UINT32_C(1) << WTL_CAUSE_truncated;
    if (r->stated_causes & why) /* that is why, whatever is missing */
        return;
    if (!wtl_run_has(r, WTL_R_time_s) || !wtl_run_has(r, WTL_R_energy_j))
        judge_absent(r);
    else if (r->window && !(r->whole_time_s > 0))
        wtl_reject(r, WTL_CAUSE_no_data,
                   "a span without a count of its work compares with nothing");
}

/* The trace is shorter than what ran. `overhead_s`: by how much logs of these runs usually exceed
 * their traces. */
static void judge_truncated(struct wtl_run *r, double overhead_s)
{
    double time_s = wtl_run_get(r, WTL_R_time_s, 0);
    double reported_s = wtl_run_get(r, WTL_R_reported_time_s, 0);
    double wrapper_s = wtl_run_get(r, WTL_R_wrapper_time_s, 0);
    if (r->window || !(time_s > 0) || !(wtl_run_get(r, WTL_R_n_samples, 0) > 0))
        return; /* what a window is part of lasts longer */
    if (reported_s > 1.05 * time_s + 2)
        wtl_reject(r, WTL_CAUSE_truncated, "trace of %.1f s, the application ran %.1f s", time_s,
                   reported_s);
    else if (wrapper_s - time_s - overhead_s > log_resolution_s + fmax(2, 0.05 * wrapper_s))
        wtl_reject(r, WTL_CAUSE_truncated, "trace of %.1f s, its log says %.1f s", time_s,
                   wrapper_s);
}

static bool throttled(const struct wtl_run *r, const struct wtl_judge_options *o)
{
    return wtl_run_get(r, WTL_R_throttle_share, 0) > o->throttle_share_max;
}

/* At its limit and below the requested clock, where no reason mask was recorded. */
static bool at_power_limit(const struct wtl_run *r)
{
    double limit_w = wtl_run_get(r, WTL_R_power_limit_w, 0);
    return limit_w > 0 && wtl_run_get(r, WTL_R_power_p99_w, 0) >= 0.98 * limit_w;
}

/* The power limit that may hold it down: the one that is part of its operating point; or, where no
 * clock was asked for, the board's own. 0: none may. */
static double chosen_limit_w(const struct wtl_run *r)
{
    if (wtl_point_has(&r->point, WTL_SETTING_limit_w))
        return r->point.value[WTL_SETTING_limit_w];
    return r->clock_mhz > 0 ? 0 : wtl_run_get(r, WTL_R_power_limit_w, 0);
}

/* Below its clock because of that limit: nothing is wrong with it, the point is like that. The
 * limit holds for the mean over about a second. */
static bool is_held_by_choice(const struct wtl_run *r)
{
    const double limit_w = chosen_limit_w(r);
    return limit_w > 0 && fmax(wtl_run_get(r, WTL_R_power_w, 0),
                               wtl_run_get(r, WTL_R_power_p99_w, 0)) >= 0.95 * limit_w;
}

/* Clocks as read. Supported clocks are 7.5 or 15 MHz apart; 16 is one bin either way. */
static void judge_clock(struct wtl_run *r, const struct wtl_judge_options *o)
{
    static const double bin_mhz = 16;
    double ran_mhz = wtl_run_get(r, WTL_R_sm_clock_median_mhz, 0);
    double match = wtl_run_get(r, WTL_R_sm_clock_match, 1);
    bool idle = wtl_run_get(r, WTL_R_active_share, 1) < o->idle_active_share;
    bool off =
        ran_mhz > 0 && (fabs(ran_mhz - r->clock_mhz) > bin_mhz || match < o->clock_match_min);
    bool labelled = r->clock_mhz > 0;
    bool below = ran_mhz > 0 && ran_mhz < r->clock_mhz;
    if ((below || !labelled || ran_mhz <= 0) && is_held_by_choice(r))
        return;
    if (throttled(r, o) && labelled)
        wtl_reject(r, WTL_CAUSE_throttled, "held down in %.0f %% of the rows, %.0f MHz of %d",
                   100 * r->metric[WTL_R_throttle_share], ran_mhz, r->clock_mhz);
    else if (throttled(r, o))
        wtl_reject(r, WTL_CAUSE_throttled, "held down in %.0f %% of the rows, to %.0f MHz",
                   100 * r->metric[WTL_R_throttle_share], ran_mhz);
    if (!labelled)
        return;
    double app_mhz = wtl_run_get(r, WTL_R_app_clock_mhz, r->clock_mhz);
    if (fabs(app_mhz - r->clock_mhz) > bin_mhz) {
        wtl_reject(r, WTL_CAUSE_wrong_clock, "labelled %d MHz, application clock %.0f MHz",
                   r->clock_mhz, app_mhz);
    } else if (off && below && at_power_limit(r)) {
        wtl_reject(r, WTL_CAUSE_throttled, "%.0f MHz of %d, power at its limit of %.0f W", ran_mhz,
                   r->clock_mhz, r->metric[WTL_R_power_limit_w]);
    } else if (off && !idle && !throttled(r, o)) { /* idle clocks say nothing */
        wtl_reject(r, WTL_CAUSE_wrong_clock,
                   "labelled %d MHz, ran at %.0f MHz (%.0f %% of rows at the label)", r->clock_mhz,
                   ran_mhz, 100 * match);
    }
}

/* Where a table gives energy, power and time, two of them tell the third. True: rejected. */
static bool judge_product(struct wtl_run *r, enum wtl_run_metric energy, enum wtl_run_metric time,
                          const struct wtl_judge_options *o)
{
    if (!wtl_run_has(r, energy) || !wtl_run_has(r, WTL_R_power_mean_w) ||
        !(wtl_run_get(r, time, 0) > 0))
        return false;
    double table = r->metric[energy] / (r->metric[WTL_R_power_mean_w] * r->metric[time]);
    bool off = fabs(table - 1) > o->energy_mismatch_max;
    if (off)
        wtl_reject(r, WTL_CAUSE_inconsistent_energy, "tabulated energy over power times time: %.3f",
                   table);
    return off;
}

/* The counter's last refresh is uncertain at either end. */
static double edge_slack(const struct wtl_run *r)
{
    double time_s = wtl_run_has(r, WTL_R_time_s) ? wtl_run_measured_s(r) : 1;
    return 2 * wtl_run_get(r, WTL_R_counter_step_s, 0) / fmax(time_s, 1e-9);
}

static void judge_energy(struct wtl_run *r, const struct wtl_judge_options *o)
{
    double ratio = wtl_run_get(r, WTL_R_energy_ratio, 1);
    double slack = edge_slack(r);
    if (fabs(ratio - 1) > o->energy_mismatch_max + slack)
        wtl_reject(r, WTL_CAUSE_inconsistent_energy, "counter over integrated power: %.3f", ratio);
    else if (!judge_product(r, WTL_R_energy_nominal_j, WTL_R_nominal_time_s, o) &&
             !wtl_run_has(r, WTL_R_period_s) && /* not of samples: time and energy are tabulated */
             !judge_product(r, WTL_R_energy_counter_j, WTL_R_span_s, o))
        judge_product(r, WTL_R_energy_integral_j, WTL_R_span_s, o);
}

/* One sampler has one period (or a whole multiple of it, when its interval was changed): where the
 * period came from the counter, one that differs tells of a counter that does. */
static void judge_period(struct wtl_run *r, double usual_s, const struct wtl_judge_options *o)
{
    double period_s = wtl_run_get(r, WTL_R_period_s, 0);
    if (!(period_s > 0) || !(usual_s > 0) || !wtl_run_has(r, WTL_R_energy_counter_j) ||
        wtl_run_has(r, WTL_R_energy_integral_j))
        return;
    double up = period_s / usual_s, ratio = up >= 1 ? up / round(up) : 1 / (round(1 / up) * up);
    double slack = edge_slack(r);
    if (fabs(ratio - 1) > o->energy_mismatch_max + slack)
        wtl_reject(r, WTL_CAUSE_inconsistent_energy,
                   "the counter makes the period %.1f ms, in the other runs %.1f ms",
                   1e3 * period_s, 1e3 * usual_s);
}

static void judge_work(struct wtl_run *r, double usual, const struct wtl_judge_options *o)
{
    if (r->window || !wtl_run_has(r, WTL_R_work_units) || !(usual > 0))
        return;
    double ratio = r->metric[WTL_R_work_units] / usual;
    if (fabs(ratio - 1) > o->work_tolerance)
        wtl_reject(r, WTL_CAUSE_work_not_constant, "%.6g units of work, usually %.6g",
                   r->metric[WTL_R_work_units], usual);
}

/* Memory of somebody else: a quarter and a gibibyte more than usual. */
static void judge_memory(struct wtl_run *r, double usual_b)
{
    double used_b = wtl_run_get(r, WTL_R_fb_used_max_b, 0);
    if (usual_b > 0 && used_b > 1.25 * usual_b + 0x1p30)
        wtl_reject(r, WTL_CAUSE_contaminated, "%.1f GiB of GPU memory in use, usually %.1f GiB",
                   used_b / 0x1p30, usual_b / 0x1p30);
}

/* The board that most runs are of (Boyer and Moore's majority vote); "": none is. UUIDs and the
 * numbers of cards in a node ("GPU 0") differ with good reason and do not vote. */
static void usual_board(const struct wtl_run *runs, size_t n, char *board, size_t size)
{
    char model[WTL_LIMIT_NAME];
    size_t lead = 0, votes = 0, has = 0;
    board[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || strcmp(runs[i].device, runs[i - 1].device) != 0)
            wtl_gpu_model(runs[i].device, model, sizeof model);
        if (model[0] == '\0')
            continue;
        has++;
        if (lead == 0)
            snprintf(board, size, "%s", model);
        lead += wtl_same_name(board, model) ? 1 : (size_t)-1;
    }
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || strcmp(runs[i].device, runs[i - 1].device) != 0)
            wtl_gpu_model(runs[i].device, model, sizeof model);
        votes += model[0] && wtl_same_name(board, model);
    }
    if (2 * votes <= has)
        board[0] = '\0';
}

static void judge_board(struct wtl_run *r, const char *board)
{
    char model[WTL_LIMIT_NAME];
    wtl_gpu_model(r->device, model, sizeof model);
    if (board[0] != '\0' && model[0] != '\0' && !wtl_same_name(board, model))
        wtl_reject(r, WTL_CAUSE_contaminated, "trace of \"%.40s\", the other runs are of \"%.40s\"",
                   model, board);
}

/* The memory clock that most runs asked for; 0 when none is known. Clocks are decided for one
 * memory clock at a time. */
static int usual_memory_clock(const struct wtl_run *runs, size_t n)
{
    int clock = 0, lead = 0;
    for (size_t i = 0; i < n; i++) {
        if (runs[i].mem_clock_mhz <= 0)
            continue;
        if (lead == 0)
            clock = runs[i].mem_clock_mhz;
        lead += runs[i].mem_clock_mhz == clock ? 1 : -1;
    }
    return clock;
}

static void judge_memory_clock(struct wtl_run *r, int usual_mhz)
{
    if (r->window) /* a configuration has one */
        return;
    if (r->mem_clock_mhz > 0 && r->mem_clock_mhz != usual_mhz)
        wtl_reject(r, WTL_CAUSE_wrong_clock, "memory clock of %d MHz, the other runs have %d",
                   r->mem_clock_mhz, usual_mhz);
}

int wtl_judge_facts(struct wtl_arena *scratch, struct wtl_run *runs, size_t n,
                    const struct wtl_judge_options *options, struct wtl_error *err)
{
    double *a = WTL_NEW_ARRAY(scratch, double, n);
    if (!a)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    size_t k, no_work = 0;
    double overhead_s = median_of(runs, n, WTL_R_wrapper_time_s, WTL_R_time_s, a, &k);
    if (k < 5) /* too few to know: conda, imports and the sampler take a few seconds */
        overhead_s = 5;
    double period_s = median_of(runs, n, WTL_R_period_s, WTL_N_RUN_METRICS, a, &k);
    double memory_b = median_of(runs, n, WTL_R_fb_used_max_b, WTL_N_RUN_METRICS, a, &k);
    double work = median_of(runs, n, WTL_R_work_units, WTL_N_RUN_METRICS, a, &no_work);
    char board[WTL_LIMIT_NAME];
    usual_board(runs, n, board, sizeof board);
    int memory_mhz = usual_memory_clock(runs, n);
    for (size_t i = 0; i < n; i++) {
        judge_end(&runs[i]);
        judge_troubles(&runs[i]);
        judge_truncated(&runs[i], fmax(0, overhead_s));
        judge_clock(&runs[i], options);
        judge_energy(&runs[i], options);
        judge_period(&runs[i], period_s, options);
        judge_work(&runs[i], work, options);
        judge_memory(&runs[i], memory_b);
        judge_board(&runs[i], board);
        judge_memory_clock(&runs[i], memory_mhz);
    }
    return 0;
}
