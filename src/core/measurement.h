/* SPDX-License-Identifier: Apache-2.0
 *
 * Estimates, measurements and the set of runs that one decision rests on.
 */
#ifndef WTL_CORE_MEASUREMENT_H
#define WTL_CORE_MEASUREMENT_H

#include "core/configuration.h"
#include "core/run.h"

/* How an interval was come by; printed beside every figure. */
enum wtl_evidence {
    WTL_EVIDENCE_NONE,      /* no interval */
    WTL_EVIDENCE_IN_SAMPLE, /* the same runs chose the point and estimate it */
    WTL_EVIDENCE_CONFIRMED, /* estimated on runs that had no part in the choice */
    WTL_EVIDENCE_PREDICTED, /* by a predictor: no run was made at this point */
    WTL_N_EVIDENCE
};
const char *wtl_evidence_name(enum wtl_evidence evidence); /* "none", "in-sample" ... */

/* A value with its random interval; lo and hi are meant only when evidence is not NONE. An estimate
 * that does not exist has n = 0. */
struct wtl_estimate {
    double value;
    double lo;
    double hi;
    int n; /* runs behind it */
    enum wtl_evidence evidence;
};

/* Statistics of the accepted runs of one workload at one clock and one arrival rate. Of windows,
 * time and energy are per unit of work. */
struct wtl_measurement {
    int clock_mhz;
    bool closed; /* run-to-completion; else rate_per_s is the arrival rate */
    double rate_per_s;
    struct wtl_estimate time_s;
    struct wtl_estimate energy_j;
    struct wtl_estimate power_w;
    double time_cv; /* sample standard deviation over mean; 0 when n < 2 */
    double energy_cv;
    double latency_s[4];                  /* p50 p90 p95 p99: median over the runs */
    unsigned latency_valid;               /* bit per entry of latency_s */
    enum wtl_energy_method energy_method; /* of all of them; NONE: not known, or several */
    enum wtl_energy_class energy_class;   /* the worst of them; NONE: not known of any */
    unsigned energy_troubles;             /* WTL_TROUBLE() of any of them */
    int n;                                /* accepted runs */
    int n_rejected;
    int rejected[WTL_N_CAUSES]; /* by main cause */
};

/* All runs of one workload on one GPU in one configuration, in run order (job, then seq, then rep).
 * Runs are judged: `causes` says which are used. Windows stand per unit of work (time_s, energy_j),
 * so that everything made from them does. Runs of tables that hold times and no power at all stand
 * apart: they are no measurements of energy, and no failed ones. */
struct wtl_workset {
    char gpu[WTL_LIMIT_NAME];
    char workload[WTL_LIMIT_NAME];
    struct wtl_configuration at;
    struct wtl_run *runs;
    size_t n_runs;
    struct wtl_run *timed; /* those with times only, in run order, not judged */
    size_t n_timed;
    struct wtl_measurement *cells; /* ascending clock, then rate; only clocks that have runs */
    size_t n_cells;
};

#endif
