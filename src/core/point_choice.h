/* SPDX-License-Identifier: Apache-2.0
 *
 * The answer to "at which measured operating point?": all points of one GPU and workload that were
 * measured (configuration and clock), set side by side per unit of work. Nothing between the points
 * is assumed: this works without clocks as well (clock_mhz 0), over a CPU quota say. Everything it
 * points to lives in the arena that it was made in.
 */
#ifndef WTL_CORE_POINT_CHOICE_H
#define WTL_CORE_POINT_CHOICE_H

#include "core/plan.h"

/* One measured point. Time and energy are of one unit of work. */
struct wtl_measured_point {
    struct wtl_configuration at;
    int clock_mhz;     /* 0: not set, or not known */
    double rate_per_s; /* of arrivals; 0: as fast as it goes */
    int n, n_rejected; /* runs */
    struct wtl_estimate time_s, energy_j, power_w;
    double latency_s[4]; /* p50 p90 p95 p99, medians over the runs */
    unsigned latency_valid;
    enum wtl_energy_method energy_method;
    enum wtl_energy_class energy_class;
    double objective; /* relative to the best, 1 = optimum; 0: not measured */
    double saving;    /* 1 - E/E_base */
    double slowdown;  /* t/t_base - 1 */
    bool feasible;    /* measured, and every limit holds at its bound */
    bool tied;        /* feasible, and not to be told from the best */
    bool pareto;      /* measured, and none is better in energy and time */
    char why[120];    /* not feasible: "every run was rejected", "slowdown up to 12 %" ... */
};

enum { WTL_NO_POINT = -1 };

struct wtl_point_choice {
    char gpu[WTL_LIMIT_NAME];
    char workload[WTL_LIMIT_NAME];
    bool per_run;  /* a unit of work is a whole run: the runs do not say how much work they did */
    char unit[16]; /* of work, plural; "" not known */
    enum wtl_plan_status status;
    struct wtl_policy policy;          /* objective, limits, confidence */
    struct wtl_measured_point *points; /* in order of configuration, clock, rate */
    size_t n_points;
    int chosen, baseline, best; /* indices; WTL_NO_POINT: none. UNDECIDED has a best, no chosen */
    struct wtl_estimate saving, slowdown, objective_saving; /* of the chosen (else the best) */
    struct wtl_made_from made_from;
    char binding[160];        /* INFEASIBLE: the limit that most points fail */
    const char *const *notes; /* whole sentences */
    size_t n_notes;
};

/* "image", "run", "unit": what time and energy are of. */
const char *wtl_point_choice_work(const struct wtl_point_choice *c, char buf[20]);

/* Whether no point that was compared is faster than the baseline: one may be asked for. */
bool wtl_point_choice_from_fastest(const struct wtl_point_choice *c);

/* What the configurations of all points share; nothing where there is one point alone. */
struct wtl_configuration wtl_point_choice_common(const struct wtl_point_choice *c);

/* "fp16, batch 8, 1110 MHz, 20 /s"; "as it is" where nothing was set. */
enum { WTL_MEASURED_POINT_TEXT = WTL_CONFIGURATION_TEXT + 60 };
const char *wtl_measured_point_format(const struct wtl_measured_point *p,
                                      char buf[WTL_MEASURED_POINT_TEXT]);

#endif
