/* SPDX-License-Identifier: Apache-2.0
 *
 * The energy of a span of time, as `wattle stat` shows it: devices are opened and read, programs
 * tell what they do, and a result comes out that carries intervals, methods and classes.
 */
#ifndef WTL_FLOW_STAT_H
#define WTL_FLOW_STAT_H

#include "flow/flow.h"
#include "telemetry/collector.h"

struct wtl_stat_options {
    const char *root, *nvml; /* as in wtl_machine_options */
    const char *const *only; /* names of devices, NULL-terminated; NULL: all that have energy */
    double tdp_w;            /* of the CPUs where they have no sensor; 0: assumed */
    bool no_estimate;        /* leave CPUs without a sensor out */
    double baseline_s;       /* idle power is measured for so long before; 0: not */
    double interval_s;       /* of readings; 0: at the sensors' own rate */
    double slow_s;           /* of temperature, clocks, utilisation; 0: half a second */
    size_t keep;             /* samples kept for who writes them down */
    bool markers;            /* listen to programs */
};

struct wtl_stat;

/* Opens, starts reading, and measures the baseline. -WTL_NOTFOUND: nothing here can be measured. */
int wtl_stat_open(const struct wtl_flow *flow, const struct wtl_stat_options *options,
                  struct wtl_stat **stat_out, struct wtl_error *err);
void wtl_stat_close(struct wtl_stat *stat); /* NULL is fine */

/* For WATTLE_MARKERS; NULL: nobody listens. */
const char *wtl_stat_socket(const struct wtl_stat *stat);
/* Whether device `i` is counted by another one that is measured and tells something: not in sums.
 */
bool wtl_stat_part(const struct wtl_stat *stat, size_t i);
struct wtl_metering *wtl_stat_metering(const struct wtl_stat *stat);

/* The span. One after another; what is asked below is of the last one. `at_tick`: it begins at the
 * next tick of the counters, where one span alone is measured best; else at once: spans that are to
 * begin in all phases of a sensor must not wait for one of them. */
int wtl_stat_begin(struct wtl_stat *stat, bool at_tick, struct wtl_error *err);
void wtl_stat_end(struct wtl_stat *stat);

/* Monotonic; *end_out is meant after wtl_stat_end(). */
void wtl_stat_span(const struct wtl_stat *stat, int64_t *begin_out, int64_t *end_out);

/* ---- What came of it ------------------------------------------------------------------------- */

struct wtl_stat_device {
    const struct wtl_device_info *info;
    const char *label; /* its name; of boards of one model with their number before it */
    struct wtl_collected_device collected;
    bool part_of_another;         /* of a node or board that is shown, too: not in the total */
    const char *trouble;          /* why it does not answer; NULL: it does */
    int64_t n_readings, n_failed; /* in the span */
    double cost_share;            /* of the span that was spent reading it */
    double idle_w;                /* 0: not known */
    bool idle_missing;            /* it was asked for, and is not known */
    const char *idle_trouble;     /* why not, where that is known; NULL */
    int64_t period_ns;            /* of that sensor as found; 0: not known */
};

struct wtl_stat_result {
    double time_s;
    size_t n;
    struct wtl_stat_device *devices;
    /* Of those that are no part of another. Method and class are the least trusted of them. */
    struct wtl_energy total;
    size_t n_windows;
    const struct wtl_window_total *windows;
    struct wtl_energy *window_total; /* by window: over the devices of the total */
    size_t n_requests;
    const struct wtl_request_total *requests;
    const double *latencies_s; /* ascending */
    size_t n_latencies;
    struct wtl_windows_counts counts;
    int64_t programs, refused;
};

/* After wtl_stat_end(); lives in `arena`, the devices' info as long as `stat`. */
int wtl_stat_result(const struct wtl_stat *stat, struct wtl_arena *arena,
                    struct wtl_stat_result *result_out, struct wtl_error *err);

/* {"energy_j", "interval_j", "method", "class", ...}; null: no figure. */
json_t *wtl_energy_json(const struct wtl_energy *energy);

/* The document of `wattle stat --json` without what the command adds; NULL: out of memory. */
json_t *wtl_stat_json(const struct wtl_stat_result *result);

#endif
