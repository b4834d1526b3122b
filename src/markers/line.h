/* SPDX-License-Identifier: Apache-2.0
 *
 * The other end of docs/markers.md: one line that a program sent, taken apart.
 */
#ifndef WTL_MARKERS_LINE_H
#define WTL_MARKERS_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WTL_MARKER_NAME = 64,
    WTL_MARKER_UNIT = 16,
    WTL_MARKER_SHARES = 512,
    WTL_MARKER_LINE = 1 << 16
};

enum wtl_marker_kind {
    WTL_MARKER_BEGIN,
    WTL_MARKER_END,
    WTL_MARKER_LATENCY,
    WTL_MARKER_READY,
    WTL_MARKER_DEVICES
};

struct wtl_marker_request {
    char id[WTL_MARKER_NAME];
    double work;
};

struct wtl_marker_line {
    enum wtl_marker_kind kind;
    char name[WTL_MARKER_NAME]; /* begin, end */
    int64_t t_ns;               /* 0: not said */
    int64_t tid;                /* 0: not said */
    bool has_work, reply;
    bool cancel; /* end: the window does not count */
    double work;
    char unit[WTL_MARKER_UNIT]; /* "" not said */
    bool has_latency;           /* end */
    double latency_s;
    size_t n; /* requests of an end, or latencies */
    struct wtl_marker_request request[WTL_MARKER_SHARES];
    double latencies_s[WTL_MARKER_SHARES];
};

/* A line without its newline. False: it cannot be understood, and *out is unspecified. What is in
 * excess of WTL_MARKER_SHARES requests makes it so, too. Unknown words `key=value` are passed over:
 * a later version may say more. */
bool wtl_marker_parse(const char *line, size_t length, struct wtl_marker_line *out);

#endif
