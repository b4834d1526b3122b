/* SPDX-License-Identifier: Apache-2.0
 *
 * What is minimised and what must hold, for one workload. A policy file is a list of these with the
 * GPU and workload that they are for; command-line options override single fields.
 */
#ifndef WTL_CORE_POLICY_H
#define WTL_CORE_POLICY_H

#include "base/error.h"
#include "base/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* E energy, t time, both of one run of constant work. All are minimised. */
enum wtl_objective_kind {
    WTL_OBJECTIVE_ENERGY,              /* E */
    WTL_OBJECTIVE_TIME,                /* t */
    WTL_OBJECTIVE_EDP,                 /* E t    (Gonzalez and Horowitz 1996) */
    WTL_OBJECTIVE_ED2P,                /* E t^2  (Martin, Nystroem, Penzes 2001) */
    WTL_OBJECTIVE_ETN,                 /* E t^exponent */
    WTL_OBJECTIVE_WEIGHTED,            /* weight E/E_base + (1 - weight) t/t_base */
    WTL_OBJECTIVE_THROUGHPUT_PER_WATT, /* maximises (work/t)/P = work/E: same optimum as energy */
};

struct wtl_objective {
    enum wtl_objective_kind kind;
    double exponent; /* ETN */
    double weight;   /* WEIGHTED: of energy, 0..1 */
};

enum wtl_baseline_kind {
    WTL_BASELINE_MAX,     /* highest clock, locked: clock_mhz where > 0 (a list that is shorter than
                           * what the GPU has), else the highest legal clock */
    WTL_BASELINE_DEFAULT, /* the default application clock: default_clock_mhz, or from the runs */
    WTL_BASELINE_FASTEST, /* the clock with the least time, its winner's curse corrected */
    WTL_BASELINE_CLOCK,   /* clock_mhz */
    WTL_BASELINE_JOB,     /* the runs of `job` (a given run set), all at one clock */
    WTL_BASELINE_REP,     /* the published method: everything within repetition `rep` */
};

struct wtl_baseline {
    enum wtl_baseline_kind kind;
    int clock_mhz;
    int rep;
    char job[WTL_LIMIT_NAME];
};

/* Which of the statistically tied clocks is taken. */
enum wtl_prefer {
    WTL_PREFER_FASTEST, /* the highest clock of the tied (default: least risk for latency) */
    WTL_PREFER_BEST,    /* the point estimate's optimum */
    WTL_PREFER_LEAST_ENERGY,
    WTL_PREFER_LOWEST_CLOCK,
};

/* What each setting may be, both ends included: options, policy files and the choice itself refuse
 * the rest. A limit of -100 % on slowdown would ask for no time at all. */
#define WTL_MAX_SLOWDOWN_LO (-0.99)
#define WTL_MAX_SLOWDOWN_HI 10
#define WTL_MAX_ENERGY_LO 0.01
#define WTL_MAX_ENERGY_HI 10
#define WTL_MIN_CLOCK_RATIO_LO 0.01
#define WTL_MIN_CLOCK_RATIO_HI 1
#define WTL_MAX_POWER_LO 1
#define WTL_MAX_POWER_HI 1e5
#define WTL_MIN_SAVING_LO (-1)
#define WTL_MIN_SAVING_HI 0.99
#define WTL_RATE_LO 1e-6
#define WTL_RATE_HI 1e6
#define WTL_CONFIDENCE_LO 0.5
#define WTL_CONFIDENCE_HI 0.9999

enum { WTL_SLO_MAX = 4 };
struct wtl_slo {
    int percent; /* 50, 90, 95 or 99 */
    double seconds;
};

struct wtl_policy {
    struct wtl_objective objective;
    struct wtl_baseline baseline;
    enum wtl_prefer prefer;

    /* Constraints; each holds only when its flag is set. */
    bool has_max_slowdown;
    double max_slowdown; /* t/t_base - 1 */
    bool has_max_energy;
    double max_energy_ratio; /* E/E_base, for "least slowdown within an energy" */
    bool has_min_clock_ratio;
    double min_clock_ratio; /* clock / highest clock */
    bool has_max_power;
    double max_power_w; /* mean power of the run */
    bool has_min_saving;
    double min_saving; /* 1 - E/E_base */
    bool has_rate;
    double rate_per_s; /* arrival rate: idle energy between runs counts */
    int n_slo;
    struct wtl_slo slo[WTL_SLO_MAX];
    const int *clocks_mhz; /* legal clocks, any order; NULL: those of the runs */
    size_t n_clocks;

    double confidence; /* of intervals, 0.95 */
    int replicates;    /* of the bootstrap, 1000 */
    uint64_t seed;
};

/* EDP, locked maximum, fastest of the tied, 95 %, 1000 replicates, seed 1, no constraint. */
struct wtl_policy wtl_policy_default(void);

/* Takes all limits away; whether there was one. What is minimised, the arrival rate and the legal
 * clocks stay. */
bool wtl_policy_lift_limits(struct wtl_policy *policy);

/* "energy", "edp", "E*t^1.5", "weighted:0.7" ... into buf; parsing gives the same value back. */
const char *wtl_objective_format(const struct wtl_objective *o, char *buf, size_t size);
const char *wtl_baseline_name(enum wtl_baseline_kind kind);
const char *wtl_prefer_name(enum wtl_prefer prefer);

/* "max", "clock:1380", "job:20892442", "rep:1" ... into buf. */
const char *wtl_baseline_format(const struct wtl_baseline *b, char *buf, size_t size);

/* The reverse. Besides the above an objective may be "weighted" (0.5) or one of the published
 * names of `optimization_metric`, see wtl_published_metrics(). -WTL_USAGE names the choices. */
int wtl_objective_parse(const char *text, struct wtl_objective *out, struct wtl_error *err);
int wtl_baseline_parse(const char *text, struct wtl_baseline *out, struct wtl_error *err);
/* "p99=200ms": 50, 90, 95 or 99 percent of requests within that time. */
int wtl_slo_parse(const char *text, struct wtl_slo *out, struct wtl_error *err);
int wtl_prefer_parse(const char *text, enum wtl_prefer *out, struct wtl_error *err);

/* The names of `optimization_metric` in the published workload tables and what they stand for here.
 * The published programs read them nowhere; the meaning is ours, and docs/policies.md gives the
 * reason for each. Ends with a NULL name. */
struct wtl_published_metric {
    const char *name;
    struct wtl_objective objective;
    const char *reason;
};
const struct wtl_published_metric *wtl_published_metrics(void);

#endif
