/* SPDX-License-Identifier: Apache-2.0
 *
 * One command that is measured several times (`wattle stat -r N`): what every run gave, and the
 * means with intervals (energy/repeats.h).
 */
#ifndef WTL_FLOW_STAT_REPEATS_H
#define WTL_FLOW_STAT_REPEATS_H

#include "flow/stat.h"

/* Windows of one name: sums over a run, means over the runs that had it. */
struct wtl_stat_window {
    char name[WTL_MARKER_NAME];
    char unit[WTL_MARKER_UNIT]; /* "" none; "(mixed)": different ones were given */
    int runs;                   /* that had it */
    double count, time_s, work;
    bool has_work;
    int64_t cut;              /* in all runs together, by the end of their program */
    struct wtl_energy energy; /* over the devices of the total */
};

struct wtl_stat_repeats {
    int n;
    double time_s;
    struct wtl_energy *device; /* by device */
    const struct wtl_metered_errors
        *errors; /* by device: of all runs; t_ns is of the run's begin */
    struct wtl_energy total;
    size_t n_windows;
    struct wtl_stat_window *windows; /* in order of coming */
};

struct wtl_stat_runs;

/* For `most` runs at the utmost. NULL: out of memory. */
struct wtl_stat_runs *wtl_stat_runs_new(struct wtl_arena *arena, int most);

/* Adds a run; all have the same devices. -WTL_NOMEM. */
int wtl_stat_runs_add(struct wtl_stat_runs *runs, const struct wtl_stat_result *result,
                      struct wtl_error *err);

int wtl_stat_runs_count(const struct wtl_stat_runs *runs);

/* Of one run its own figures. At least one was added. -WTL_NOMEM. */
int wtl_stat_runs_means(const struct wtl_stat_runs *runs, struct wtl_stat_repeats *means_out,
                        struct wtl_error *err);

/* {"n", "time_s", "total", "devices": {ID: energy}, "driver_errors": {ID: n}, "windows": [...]};
 * NULL: out of memory. */
json_t *wtl_stat_repeats_json(const struct wtl_stat_result *result,
                              const struct wtl_stat_repeats *means);

#endif
