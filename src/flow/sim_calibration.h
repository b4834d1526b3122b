/* SPDX-License-Identifier: Apache-2.0
 *
 * How well the virtual GPU's workloads do what was measured: the shipped parameters, evaluated
 * through sim/workload.h on the data that they were fitted to where it is there, and the errors on
 * left-out rows that their fit stored (tools/calibrate-sim).
 */
#ifndef WTL_FLOW_SIM_CALIBRATION_H
#define WTL_FLOW_SIM_CALIBRATION_H

#include "base/alloc.h"
#include "base/error.h"
#include "simhost/profile.h"

/* Errors of the shipped parameters on rows of data; shares. */
struct wtl_calibration_error {
    int n; /* rows */
    double median, p90;
};

/* One quantity of a sweep at one clock. Errors and spreads are natural logarithms, near enough to
 * shares. */
struct wtl_calibration_at {
    double measured, given; /* median of the warm runs; the virtual board's */
    double error;           /* log(given/measured) */
    double spread;          /* standard deviation of one run: of the runs at this clock where they
                             * differ more than runs of the sweep do, else the sweep's */
    bool within; /* |error| is at most two standard deviations of the mean of so many runs */
};

struct wtl_calibration_clock {
    double sm_mhz;
    int runs;                             /* warm ones */
    struct wtl_calibration_at time, watt; /* seconds of a run, watt */
};

struct wtl_calibration_row {
    const char *workload;
    const struct wtl_sim_fitted *fitted; /* with the stored errors */
    bool evaluated;                      /* the data was there */
    struct wtl_calibration_error work, watt;
    /* Of sweeps with repeated runs: the robust standard deviation of one run about another at the
     * same clock, as a share; 0: not known. */
    double work_spread, watt_spread;
    size_t n_clocks;                      /* of a sweep: 0 of everything else */
    struct wtl_calibration_clock *clocks; /* falling */
};

struct wtl_calibration {
    size_t n;
    struct wtl_calibration_row *rows; /* by file of workload, then as in the file */
    const char *data;                 /* the folder that was evaluated; NULL: shipped data only */
    int left_out;                     /* rows of data that ran out of memory */
    int left_out_known;               /* of them, those where the virtual board does, too */
    int lacking;                      /* other rows in which only the virtual board does */
};

/* `data` is a folder with partition/ and frequency/, or NULL: then the shipped frequency data
 * alone. Errors are those of reading; -WTL_PARSE says what is wrong in which file. Everything lives
 * in `arena`. */
int wtl_flow_sim_calibration(struct wtl_arena *arena, const char *data, struct wtl_calibration *out,
                             struct wtl_error *err);

#endif
