/* SPDX-License-Identifier: Apache-2.0
 *
 * Energy of the windows that programs mark, and of the requests that they say a window's work was
 * for.
 *
 * Events come in nearly the order of time and are worked off a moment later, when the gauges know
 * their moment as well as they ever will. Two kinds of sums are kept for each name:
 *
 *   windows    each window's own energy: windows that overlap or nest count what they share twice
 *   shares     at every moment, the windows of one name that are open share power equally; energy
 *              while none is open is outside. Shares and outside add up to the energy of the whole
 *              span, exactly. A window's share goes to its requests by their work.
 *
 * All memory is taken at the start. What does not fit (open windows, requests) is counted. Windows
 * of any number of names are measured, and answered for; sums are kept by name for the first
 * WTL_WINDOW_NAMES, and in one row for all names that came later.
 */
#ifndef WTL_TELEMETRY_WINDOWS_H
#define WTL_TELEMETRY_WINDOWS_H

#include "base/alloc.h"
#include "markers/line.h"
#include "telemetry/metering.h"

enum {
    WTL_WINDOW_NAMES = 256,    /* with sums of their own; the others share one row */
    WTL_WINDOW_OTHERS = 16384, /* of those, that are told apart to be counted */
    WTL_WINDOWS_OPEN = 1024,
    WTL_WINDOW_EVENTS = 16384,
    WTL_WINDOW_REQUESTS = 16384,
    WTL_WINDOW_LATENCIES = 1 << 20, /* the newest are kept */
};

/* That row; no name is like it, for it has a blank. */
#define WTL_WINDOW_OTHER_NAMES "(other names)"

struct wtl_windows;

/* `span`: from when on energy counts. One thread uses it. -WTL_NOMEM.
 * Requests pay for all devices, unless wtl_windows_set_parts() says otherwise. */
int wtl_windows_new(struct wtl_arena *arena, struct wtl_metering *metering,
                    struct wtl_windows **windows_out, struct wtl_error *err);

/* By device: those that are part of another one that is measured, too, as a GPU of a node's meter.
 * `part` outlives the windows. */
void wtl_windows_set_parts(struct wtl_windows *windows, const bool *part);

/* The span begins: nothing before it counts. Windows may begin earlier. */
void wtl_windows_open(struct wtl_windows *w, int64_t t_ns);

/* What a program (`connection` tells them apart) said; `now_ns` is taken where the line gives no
 * time, and instead of one that is more than a second ahead. */
void wtl_windows_tell(struct wtl_windows *w, int connection, const struct wtl_marker_line *line,
                      int64_t now_ns);
void wtl_windows_bad_line(struct wtl_windows *w);

/* The program is gone: its open windows end now, and count as cut. */
void wtl_windows_gone(struct wtl_windows *w, int connection, int64_t now_ns);

/* Works off what is old enough: half a second, and known to the gauges or never to be. */
void wtl_windows_settle(struct wtl_windows *w, int64_t now_ns);

/* Ends the span at t_ns; all that came by then is worked off with what is known. */
void wtl_windows_close(struct wtl_windows *w, int64_t t_ns);

/* The window that an end at t_ns would end: of that name, the one that began last, in that thread
 * where there is one (tid 0: in any). When it began, and its energies until t_ns by device, as far
 * as they are known now; -1: there is none. */
int64_t wtl_windows_ask(struct wtl_windows *w, int connection, const char *name, int64_t tid,
                        int64_t t_ns, struct wtl_energy *energies_out);

/* ---- What came of it, after close ------------------------------------------------------------ */

struct wtl_window_total {
    char name[WTL_MARKER_NAME];
    char unit[WTL_MARKER_UNIT]; /* "" none; "(mixed)": different ones were given */
    int64_t count, cut;         /* windows that ended; of them, by the end of their program */
    double time_s;              /* of the windows */
    double work;
    int64_t n_work;                  /* windows that gave it */
    const struct wtl_energy *energy; /* of the windows, by device of the metering */
    const double *inside_j;          /* while at least one was open, by device: no energy twice */
};

size_t wtl_windows_totals(const struct wtl_windows *w, const struct wtl_window_total **totals_out);

/* The span as a whole, of device i. */
void wtl_windows_span(const struct wtl_windows *w, size_t i, struct wtl_energy *energy_out);

struct wtl_request_total {
    char id[WTL_MARKER_NAME];
    double work, energy_j; /* over all devices */
    int64_t windows;
};
/* In order of coming. */
size_t wtl_windows_requests(const struct wtl_windows *w,
                            const struct wtl_request_total **requests_out);

/* Latencies that were told, ascending, seconds; the newest WTL_WINDOW_LATENCIES of *told_out. */
size_t wtl_windows_latencies(const struct wtl_windows *w, const double **latencies_s_out,
                             int64_t *told_out);

/* Copies those that were told from *number (0: the first) on, oldest first and `max` at most, and
 * moves *number behind them. Those that are no longer kept are passed over. Before close. */
struct wtl_told_latency {
    int64_t t_ns; /* end of its window; of a line of latencies: when it came */
    double latency_s;
};
size_t wtl_windows_latencies_since(const struct wtl_windows *w, int64_t *number,
                                   struct wtl_told_latency *out, size_t max);

struct wtl_windows_counts {
    int64_t lines, bad_lines;             /* not understood */
    int64_t unmatched;                    /* ends without a begin */
    char unmatched_name[WTL_MARKER_NAME]; /* the first one's */
    int64_t ahead;                        /* times in the future; they count as of their arrival */
    int64_t late;                         /* came after what followed them was worked off */
    int64_t dropped;                      /* events and requests beyond the limits */
    int64_t other_names; /* without a row of their own; WTL_WINDOW_OTHERS: or more */
    bool ready;          /* somebody said so */
    int64_t ready_ns;
};
struct wtl_windows_counts wtl_windows_counts(const struct wtl_windows *w);

/* Units of work that ended so far in windows, and the moment of the newest: for who paces a sweep.
 */
double wtl_windows_work(const struct wtl_windows *w, int64_t *t_ns_out);

#endif
