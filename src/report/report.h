/* SPDX-License-Identifier: Apache-2.0
 *
 * What a report is made of, and its figures. A report is given finished worksets, plans and
 * samples; it decides nothing and computes only what a figure shows (relative values, counts).
 *
 * No data, no figure: a figure function returns -WTL_NOTFOUND with the reason as the message and
 * leaves *figure_out alone; the report then says what it left out and why.
 */
#ifndef WTL_REPORT_REPORT_H
#define WTL_REPORT_REPORT_H

#include "report/figure.h"

#include "core/metric.h"
#include "core/plan.h"
#include "core/point_choice.h"
#include "optimize/cost.h"
#include "runs/judge.h"
#include "store/campaign.h"
#include "store/predictor_file.h"
#include "store/verdict_file.h"

/* The samples of one run, by column. */
struct wtl_report_trace {
    const char *role; /* why this run is shown: "chosen clock", "baseline clock" */
    const struct wtl_run *run;
    size_t n;
    const double *t_s; /* from the first sample; by the estimated period where there is no time */
    bool timed;        /* t_s are timestamps of the source */
    uint64_t present;  /* bit m: value[m] exists */
    const double *value[WTL_N_METRICS];
    const unsigned char *valid[WTL_N_METRICS]; /* one byte per sample */
};

/* Curves against clocks that were left out of their fit, one entry per clock. */
struct wtl_report_validation {
    size_t n;
    const int *clock_mhz;
    const double *time_s, *time_predicted_s;
    const double *power_w, *power_predicted_w;
};

/* One workload on one GPU. */
struct wtl_report_set {
    const struct wtl_workset *set;
    struct wtl_quality quality;
    bool has_quality;
    const struct wtl_plan *plan;          /* the plan of the headline; NULL: none */
    const struct wtl_plan *unconstrained; /* the same without constraints; NULL: none */
    struct wtl_report_trace *traces;
    size_t n_traces;
    struct wtl_report_validation validation;
};

/* A plan against fresh runs, stored in the campaign or given. */
struct wtl_report_verdict {
    const char *name; /* of the document or the file */
    const struct wtl_verdict_file *file;
    bool other_runs; /* stored, and its fresh runs are not those that the campaign holds now */
};

/* A predictor, likewise. */
struct wtl_report_predictor {
    const char *name;
    const struct wtl_predictor_file *file;
    bool other_runs;
};

struct wtl_report {
    const char *campaign;    /* file name as given */
    const char *fingerprint; /* hex SHA-256 over its sources */
    const char *tool;        /* "wattle 0.1.0" */
    int64_t wall_ns;         /* date of the report */
    const struct wtl_report_set *sets;
    size_t n_sets;
    const struct wtl_point_choice *choices; /* among measured operating points */
    size_t n_choices;
    const struct wtl_source *sources;
    size_t n_sources;
    const struct wtl_report_verdict *verdicts;
    size_t n_verdicts;
    const struct wtl_report_predictor *predictors;
    size_t n_predictors;
    const struct wtl_cost_terms *cost; /* what a saving is worth in a year; NULL: not asked */
    /* What `unconstrained` and `plan` are called in the comparison; NULL: "without constraints",
     * "with constraints". */
    const char *first_name, *second_name;
    const char *const *notes; /* what the caller left out and why; whole sentences */
    size_t n_notes;
};

/* Metric against clock: time, energy, mean power; runs, means with intervals, fitted curve. */
int wtl_fig_clock(struct wtl_arena *arena, const struct wtl_report *r,
                  const struct wtl_report_set *s, struct wtl_figure **figure_out,
                  struct wtl_error *err);
/* EDP and ED2P relative to the baseline, with optimum, tied clocks and baseline. */
int wtl_fig_objective(struct wtl_arena *arena, const struct wtl_report *r,
                      const struct wtl_report_set *s, struct wtl_figure **figure_out,
                      struct wtl_error *err);
/* Energy against time, coloured by clock, with the Pareto front and its knee. */
int wtl_fig_tradeoff(struct wtl_arena *arena, const struct wtl_report *r,
                     const struct wtl_report_set *s, struct wtl_figure **figure_out,
                     struct wtl_error *err);
/* Time of each run relative to the accepted runs of its clock, in run order. */
int wtl_fig_drift(struct wtl_arena *arena, const struct wtl_report *r,
                  const struct wtl_report_set *s, struct wtl_figure **figure_out,
                  struct wtl_error *err);
/* Predicted against measured at clocks that were left out of the fit. */
int wtl_fig_validation(struct wtl_arena *arena, const struct wtl_report *r,
                       const struct wtl_report_set *s, struct wtl_figure **figure_out,
                       struct wtl_error *err);
/* `metrics` against time of the set's traces, one panel each; those that no trace has are left
 * out. */
int wtl_fig_series(struct wtl_arena *arena, const struct wtl_report *r,
                   const struct wtl_report_set *s, const enum wtl_metric *metrics, size_t n_metrics,
                   struct wtl_figure **figure_out, struct wtl_error *err);
/* Distribution of the power samples of the set's traces. */
int wtl_fig_histogram(struct wtl_arena *arena, const struct wtl_report *r,
                      const struct wtl_report_set *s, struct wtl_figure **figure_out,
                      struct wtl_error *err);
/* Power against temperature, coloured by time, one panel per trace. */
int wtl_fig_power_temp(struct wtl_arena *arena, const struct wtl_report *r,
                       const struct wtl_report_set *s, struct wtl_figure **figure_out,
                       struct wtl_error *err);
/* Energy of a unit of work against throughput over the measured operating points: Pareto set,
 * baseline, best and tied marked. There need be no clock. */
int wtl_fig_points(struct wtl_arena *arena, const struct wtl_report *r,
                   const struct wtl_point_choice *c, struct wtl_figure **figure_out,
                   struct wtl_error *err);
/* Saving and slowdown of every plan, with intervals. */
int wtl_fig_savings(struct wtl_arena *arena, const struct wtl_report *r,
                    struct wtl_figure **figure_out, struct wtl_error *err);
/* Saving over GPU and workload. */
int wtl_fig_heat(struct wtl_arena *arena, const struct wtl_report *r,
                 struct wtl_figure **figure_out, struct wtl_error *err);
/* Clock, saving and slowdown of the plans without and with constraints. */
int wtl_fig_compare(struct wtl_arena *arena, const struct wtl_report *r,
                    struct wtl_figure **figure_out, struct wtl_error *err);

#endif
