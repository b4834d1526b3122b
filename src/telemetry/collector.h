/* SPDX-License-Identifier: Apache-2.0
 *
 * A span of time measured: a thread that listens to programs that mark their windows
 * (docs/markers.md), works them off, and splits the energy of each GPU among the processes that use
 * it, second by second, over a metering (telemetry/metering.h).
 */
#ifndef WTL_TELEMETRY_COLLECTOR_H
#define WTL_TELEMETRY_COLLECTOR_H

#include "telemetry/metering.h"
#include "telemetry/windows.h"

struct wtl_collector;

struct wtl_collector_options {
    struct wtl_clock clock;
    struct wtl_metering *metering; /* stays the caller's, open until the collector is stopped */
    /* Where the socket shall be: a folder that is there; its name is chosen. NULL: no markers. */
    const char *socket_dir;
    const bool *part;     /* by device: counted by another; not in sums; NULL: none */
    const double *idle_w; /* by device: draws that without work; 0: not known; NULL: of none */
};

int wtl_collector_start(struct wtl_alloc alloc, const struct wtl_collector_options *options,
                        struct wtl_collector **collector_out, struct wtl_error *err);

/* The path of the socket, for WATTLE_MARKERS; NULL: there is none. */
const char *wtl_collector_socket(const struct wtl_collector *collector);

/* Waits for the next tick of the counters (a tenth of a second, `patience_ns` at most), where a
 * span is measured best, and returns when the span begins. */
int64_t wtl_collector_begin(struct wtl_collector *collector, int64_t patience_ns);

/* The span ends at t_ns: waits until the gauges know it, `patience_ns` at most, and ends the
 * thread. What came of it can be asked from then on. Once. */
void wtl_collector_end(struct wtl_collector *collector, int64_t t_ns, int64_t patience_ns);

/* Frees it; ends the thread where that was not done. NULL is fine. */
void wtl_collector_free(struct wtl_collector *collector);

/* ---- While it runs --------------------------------------------------------------------------- */

enum { WTL_COLLECTED_LINE = 64 };

/* Units of work that ended so far, when the newest did, and whether a program said `ready`. */
struct wtl_collector_progress {
    double work;
    int64_t work_ns;
    bool ready;
    int64_t ready_ns;
    int64_t latencies;            /* told so far */
    int64_t lines;                /* of markers, good ones and others */
    int64_t ends, ends_with_work; /* of windows that count */
    /* The first line that was to begin or end a window and cannot be understood, as far as it can
     * be shown; "": all could. */
    char bad_line[WTL_COLLECTED_LINE];
};
struct wtl_collector_progress wtl_collector_progress(struct wtl_collector *collector);

/* As wtl_windows_latencies_since(); allocates nothing. */
size_t wtl_collector_latencies(struct wtl_collector *collector, int64_t *number,
                               struct wtl_told_latency *out, size_t max);

/* ---- After the end --------------------------------------------------------------------------- */

enum { WTL_COLLECTED_PROCESSES = 128 };

struct wtl_collected_process {
    pid_t pid;
    enum wtl_process_kind kind;
    char name[64];
    double energy_j;
    double util_s; /* share of the SMs times time */
};

struct wtl_collected_device {
    struct wtl_energy energy;         /* of the span */
    struct wtl_metered_errors errors; /* of the span, too; t_ns since its begin */
    double peak_w;                    /* highest published power; 0: none */
    bool idle_known;
    /* The parts; they add up to energy_j. */
    double idle_j, unattributed_j;
    size_t n_processes;
    const struct wtl_collected_process *processes;
    int64_t more_processes; /* beyond those, whose energy is unattributed; as many at most */
};

void wtl_collector_device(const struct wtl_collector *collector, size_t i,
                          struct wtl_collected_device *out);
const struct wtl_windows *wtl_collector_windows(const struct wtl_collector *collector);

/* Programs that connected and said something, and such as could not because there were too many. */
void wtl_collector_programs(const struct wtl_collector *collector, int64_t *connected_out,
                            int64_t *refused_out);

#endif
