/* SPDX-License-Identifier: Apache-2.0
 *
 * Windows of this process: told to the command that it runs under (docs/markers.md), or measured
 * here by threads of its own. What the public wtl_monitor_*() and wtl_window_*() are made of.
 */
#ifndef WTL_FLOW_MONITOR_H
#define WTL_FLOW_MONITOR_H

#include "flow/flow.h"
#include "flow/stat.h"
#include "markers/markers.h"

struct wtl_monitor;

struct wtl_monitor_options {
    const char *markers;         /* path of the socket; NULL: nobody listens */
    bool never_measure;          /* without a listener: marks nothing, tells nothing */
    struct wtl_stat_options own; /* of who measures here; its `markers` is false */
};

/* `flow` is needed during the call only, but for its allocator and clock. */
int wtl_flow_monitor_open(const struct wtl_flow *flow, const struct wtl_monitor_options *options,
                          struct wtl_monitor **monitor_out, struct wtl_error *err);
void wtl_flow_monitor_close(struct wtl_monitor *monitor); /* NULL is fine */

int wtl_flow_window_begin(struct wtl_monitor *monitor, const char *name, struct wtl_error *err);

enum { WTL_WINDOW_DEVICES = 64 };

/* What is told of a window. */
struct wtl_window_result {
    char name[WTL_MARKER_NAME];
    double time_s;
    bool settled;
    size_t n;
    struct wtl_window_device {
        char id[WTL_LIMIT_NAME];
        char kind[24];
        int index; /* as the vendor's tools number it; -1: they do not */
        bool part_of_another;
        struct wtl_energy energy;
    } device[WTL_WINDOW_DEVICES];
    struct wtl_energy total; /* of those that are no part of another; method NONE: nobody knows */
};

/* `end`: name, work, unit, shares, latency, cancel; its time and thread are filled in. result_out
 * may be NULL. */
int wtl_flow_window_end(struct wtl_monitor *monitor, const struct wtl_marker_end *end, bool settled,
                        struct wtl_window_result *result_out, struct wtl_error *err);

int wtl_flow_monitor_ready(struct wtl_monitor *monitor, struct wtl_error *err);

/* The devices whose energy windows have, without energies; none where nobody measures. */
int wtl_flow_monitor_devices(struct wtl_monitor *monitor, struct wtl_window_result *out,
                             struct wtl_error *err);

/* The document of wtl_monitor_devices(); NULL: out of memory. */
json_t *wtl_window_devices_json(const struct wtl_window_result *result);

/* The document of wtl_window_end(); NULL: out of memory. */
json_t *wtl_window_json(const struct wtl_window_result *result, const struct wtl_marker_end *end);

/* What a listener answered to an end with reply=1, into result, which is empty but for what the
 * caller knows: devices and total. -WTL_PARSE; then result may have some of the devices. */
int wtl_window_read_answer(const char *text, size_t n, struct wtl_window_result *result,
                           struct wtl_error *err);

/* The same of `devices`: without energies. */
int wtl_window_read_devices(const char *text, size_t n, struct wtl_window_result *result,
                            struct wtl_error *err);

#endif
