/* SPDX-License-Identifier: Apache-2.0
 *
 * A run: one execution at one operating point. Quantities that a source may or may not give are
 * `metrics` with a validity bit each, listed once below; the campaign's columns, the exports and
 * the documentation are made from the same list.
 */
#ifndef WTL_CORE_RUN_H
#define WTL_CORE_RUN_H

#include "base/limits.h"
#include "base/units.h"
#include "core/energy.h"
#include "core/point.h"

#include <stdbool.h>
#include <stdint.h>

/* X(name, unit, description). Means are over the rows of the run, by time where time is known. */
#define WTL_RUN_METRICS(X)                                                                         \
    /* What the run is judged by: chosen by runs/, never by a reader. */                           \
    X(time_s, SECOND, "duration of the run, from the best source there is")                        \
    X(energy_j, JOULE, "energy of the run over that duration")                                     \
    X(power_w, WATT, "energy_j / time_s")                                                          \
    /* Time, by source. */                                                                         \
    X(n_samples, NONE, "rows of the trace")                                                        \
    X(label_interval_s, SECOND, "sampling interval that the source claims")                        \
    X(period_s, SECOND, "sampling interval as estimated")                                          \
    X(span_s, SECOND,                                                                              \
      "rows times estimated period, or last minus first timestamp plus one period")                \
    X(reported_time_s, SECOND, "duration that the application reported")                           \
    X(wrapper_time_s, SECOND, "duration by the wrapper's log, often in whole seconds")             \
    X(nominal_time_s, SECOND, "rows times claimed interval (the published method)")                \
    /* Energy, by source. */                                                                       \
    X(energy_counter_j, JOULE, "difference of the energy counter, interpolated at its edges")      \
    X(energy_integral_j, JOULE, "power integrated by trapezoid")                                   \
    X(energy_nominal_j, JOULE, "mean power times nominal time (the published method)")             \
    X(energy_ratio, NONE, "energy_counter_j / energy_integral_j")                                  \
    X(counter_step_s, SECOND, "time between changes of the energy counter")                        \
    X(energy_rel_error, FRACTION,                                                                  \
      "half of the random 95 % interval of energy_j, as a share of it")                            \
    X(energy_gain, NONE,                                                                           \
      "what energy_j was multiplied by, as its sensor was calibrated against a meter")             \
    X(energy_calibration, FRACTION, "how far joules that were corrected so can be off")            \
    /* Power. */                                                                                   \
    X(power_mean_w, WATT, "mean of the power samples")                                             \
    X(power_sd_w, WATT, "standard deviation of the power samples")                                 \
    X(power_min_w, WATT, "smallest power sample")                                                  \
    X(power_max_w, WATT, "largest power sample")                                                   \
    X(power_first_w, WATT, "first power sample")                                                   \
    X(power_p99_w, WATT, "99 % quantile of the power samples")                                     \
    X(power_limit_w, WATT, "power limit in force")                                                 \
    /* Clocks. */                                                                                  \
    X(sm_clock_median_mhz, MHZ, "median SM clock while active, else over all rows")                \
    X(sm_clock_mean_mhz, MHZ, "mean SM clock")                                                     \
    X(sm_clock_match, FRACTION, "share of active rows within one bin of the requested clock")      \
    X(mem_clock_median_mhz, MHZ, "median memory clock")                                            \
    X(app_clock_mhz, MHZ, "application SM clock")                                                  \
    /* Activity. */                                                                                \
    X(gpu_util, FRACTION, "mean of gpu_util")                                                      \
    X(gpu_util_sd, FRACTION, "standard deviation of gpu_util")                                     \
    X(mem_util, FRACTION, "mean of mem_util")                                                      \
    X(mem_util_sd, FRACTION, "standard deviation of mem_util")                                     \
    X(gr_active, FRACTION, "mean of gr_active")                                                    \
    X(gr_active_sd, FRACTION, "standard deviation of gr_active")                                   \
    X(sm_active, FRACTION, "mean of sm_active")                                                    \
    X(sm_active_sd, FRACTION, "standard deviation of sm_active")                                   \
    X(dram_active, FRACTION, "mean of dram_active")                                                \
    X(dram_active_sd, FRACTION, "standard deviation of dram_active")                               \
    X(tensor_active, FRACTION, "mean of tensor_active")                                            \
    X(fp64_active, FRACTION, "mean of the non-zero rows of fp64_active")                           \
    X(fp32_active, FRACTION, "mean of the non-zero rows of fp32_active")                           \
    X(fp16_active, FRACTION, "mean of the non-zero rows of fp16_active")                           \
    X(active_share, FRACTION, "share of rows in which the GPU was working")                        \
    /* Health. */                                                                                  \
    X(temp_mean_c, CELSIUS, "mean GPU temperature")                                                \
    X(temp_max_c, CELSIUS, "highest GPU temperature")                                              \
    X(throttle_share, FRACTION, "share of rows held down by power, heat or hardware")              \
    X(longest_gap_s, SECOND, "longest time between two samples")                                   \
    X(fb_used_max_b, BYTE, "largest frame buffer use")                                             \
    /* Work and latency. */                                                                        \
    X(work_units, NONE, "work done, in the workload's unit (images, tokens, requests)")            \
    X(rate_per_s, RATE, "arrival rate; absent for run-to-completion (`closed`)")                   \
    X(latency_p50_s, SECOND, "median latency of a request")                                        \
    X(latency_p90_s, SECOND, "90 % quantile of latency")                                           \
    X(latency_p95_s, SECOND, "95 % quantile of latency")                                           \
    X(latency_p99_s, SECOND, "99 % quantile of latency")                                           \
    X(latency_n, NONE, "requests whose latencies these quantiles are of")                          \
    X(idle_power_w, WATT, "power of this GPU with the context loaded and no work")                 \
    X(mean_of, NONE, "runs that this row of a table is the mean of")

enum wtl_run_metric {
#define X(name, unit, text) WTL_R_##name,
    WTL_RUN_METRICS(X)
#undef X
        WTL_N_RUN_METRICS
};

_Static_assert(WTL_N_RUN_METRICS <= 64, "`valid` is one word");

struct wtl_run_metric_info {
    const char *name;
    enum wtl_unit unit;
    const char *description;
};
const struct wtl_run_metric_info *wtl_run_metric_info(enum wtl_run_metric metric);

/* What the source says of how the run ended. */
enum wtl_run_status { WTL_RUN_UNKNOWN, WTL_RUN_SUCCESS, WTL_RUN_FAILED, WTL_RUN_TIMEOUT };
const char *wtl_run_status_name(enum wtl_run_status status);

/* How the operator asked for the clock. */
enum wtl_run_mode {
    WTL_MODE_UNKNOWN,
    WTL_MODE_SWEEP,    /* clock set, part of a sweep */
    WTL_MODE_CUSTOM,   /* clock set, from a list */
    WTL_MODE_BASELINE, /* clock NOT set; the label may be wrong */
};

/* Why a run is not used. One run can have several causes; the first of this order is reported as
 * its main cause. X(name, description) */
#define WTL_CAUSES(X)                                                                              \
    X(duplicate, "the same run is in another file, or in this one again")                          \
    X(failed, "the run failed by its own log")                                                     \
    X(timed_out, "the run was stopped by a time limit")                                            \
    X(device_error, "the driver reported an error of the device (XID)")                            \
    X(no_data, "no usable power, duration or work in the source")                                  \
    X(truncated, "the trace ends before the run does")                                             \
    X(idle_gpu, "the metered GPU did no work in this run")                                         \
    X(wrong_clock, "the GPU did not run at the labelled clock")                                    \
    X(throttled, "power, heat or hardware held the clock down")                                    \
    X(contaminated, "somebody else used the GPU, or two traces are mixed")                         \
    X(cold_start, "warming up: files, model or caches were still cold")                            \
    X(work_not_constant, "the amount of work differs from the other runs")                         \
    X(inconsistent_energy, "energy counter and integrated power disagree")                         \
    X(outlier, "far from the other runs of its clock, cause unknown")

enum wtl_cause {
#define X(name, text) WTL_CAUSE_##name,
    WTL_CAUSES(X)
#undef X
        WTL_N_CAUSES
};
const char *wtl_cause_name(enum wtl_cause cause);
const char *wtl_cause_text(enum wtl_cause cause);

struct wtl_run {
    int64_t id;                    /* in its campaign; 0: not stored */
    int64_t source_id;             /* file it came from; 0: none */
    int stream;                    /* which stream (or row of a table) of that file, from 0 */
    char gpu[WTL_LIMIT_NAME];      /* as users name it: "A100"; folded names are compared */
    char workload[WTL_LIMIT_NAME]; /* "stablediffusion" */
    char job[WTL_LIMIT_NAME];      /* batch or Slurm job: runs of one session; "" unknown */
    char device[WTL_LIMIT_NAME];   /* board name or UUID as the trace says; "" unknown */
    int rep;                       /* repetition from 1; 0: unknown */
    int64_t seq;                   /* chronological order within the job; 0: unknown */
    int clock_mhz;                 /* requested SM clock; 0: unknown */
    int mem_clock_mhz;             /* requested memory clock; 0: unknown */
    struct wtl_point point;        /* what else was chosen */
    /* A window of a workload that goes on before and after it, not a workload from start to end:
     * two of them compare per unit of work. */
    bool window;
    char unit[16];                        /* of work_units: "images", "tokens"; "" not known */
    enum wtl_energy_method energy_method; /* how energy_j was come by; NONE: not known */
    enum wtl_energy_class energy_class;
    unsigned energy_troubles; /* WTL_TROUBLE() */
    int64_t start_ns;         /* Unix time; 0: unknown */
    enum wtl_run_mode mode;
    enum wtl_run_status status;
    uint64_t valid; /* bit m: metric[m] is known */
    double metric[WTL_N_RUN_METRICS];

    /* Causes that the import itself saw (a file of two mixed traces), with its words for them. The
     * judgement starts from these and only adds. */
    uint32_t stated_causes;
    char stated_reason[160];

    /* The judgement, filled by runs/. */
    uint32_t causes;  /* bit c: cause c applies; 0: accepted */
    char reason[160]; /* figures behind the main cause, for people */
    /* Of a window that was brought to one unit of work: time_s and energy_j as they were measured.
     * 0: the metrics are what was measured. */
    double whole_time_s, whole_energy_j;
};

static inline bool wtl_run_has(const struct wtl_run *r, enum wtl_run_metric m)
{
    return (r->valid >> m) & 1;
}

static inline void wtl_run_set(struct wtl_run *r, enum wtl_run_metric m, double value)
{
    r->metric[m] = value;
    r->valid |= UINT64_C(1) << m;
}

static inline void wtl_run_clear(struct wtl_run *r, enum wtl_run_metric m)
{
    r->valid &= ~(UINT64_C(1) << m);
}

static inline double wtl_run_get(const struct wtl_run *r, enum wtl_run_metric m, double otherwise)
{
    return wtl_run_has(r, m) ? r->metric[m] : otherwise;
}

/* The duration that a table gives for a run: its own span, else what the application, the wrapper
 * or the number of its samples say; 0: none. */
double wtl_run_duration_s(const struct wtl_run *r);

/* A row of a table (no trace) that has a duration, and neither power nor energy. */
bool wtl_run_has_time_only(const struct wtl_run *r);

/* Brings time_s and energy_j of a window to one unit of its work, and back to what was measured.
 * Neither does anything to other runs, to windows without a count of their work, or twice. */
void wtl_run_per_unit(struct wtl_run *r);
void wtl_run_make_whole(struct wtl_run *r);

/* Duration as it was measured, whichever of the two it stands as; 0: not known. */
double wtl_run_measured_s(const struct wtl_run *r);

/* Keeps that its energy was corrected; nothing where it was not. */
struct wtl_energy;
void wtl_run_set_calibration(struct wtl_run *r, const struct wtl_energy *e);

/* The order in which runs were made: job, seq, rep. Names of jobs are numbers often enough: shorter
 * first. 0: nothing tells. */
int wtl_run_order(const struct wtl_run *a, const struct wtl_run *b);

/* WTL_N_CAUSES for an accepted run. */
enum wtl_cause wtl_run_main_cause(const struct wtl_run *r);

#endif
