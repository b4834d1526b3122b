/* SPDX-License-Identifier: Apache-2.0
 *
 * A load on a server: requests over HTTP at the times of a schedule, on one thread, and what came
 * of them. Over libcurl; in a build without it -WTL_UNSUPPORTED.
 */
#ifndef WTL_LOAD_HTTP_LOAD_H
#define WTL_LOAD_HTTP_LOAD_H

#include "load/http.h"
#include "load/load_results.h"
#include "markers/markers.h"

#include <stdio.h>

/* How things stand, about once a second. */
struct wtl_http_load_state {
    int64_t now_ns; /* from the beginning */
    int64_t end_ns; /* of the measured part; INT64_MAX: not known */
    int in_flight;
    const struct wtl_load_results *results;
};

struct wtl_http_load_config {
    struct wtl_http_target target;
    const char *path; /* of the requests: POST url + path */
    const char *content_type;
    struct wtl_dialect dialect;
    struct wtl_schedule_config schedule;
    int64_t drain_ns; /* after `stop`, what is in flight may take so long before it is cut */
    struct wtl_clock clock;

    /* The window is told as windows "load", one behind the other, of a tenth of a second or a
     * little more, so that whoever listens knows at any time what was done so far. */
    struct wtl_markers *markers; /* NULL: none */
    const char *unit;            /* of the window's work */
    bool work_is_tokens;         /* out; else requests that ended well */
    double work_per_request;

    FILE *log;               /* a line of JSON for every request; NULL */
    bool (*stop)(void *ctx); /* asked ten times a second at least: no more requests; NULL */
    void *stop_ctx;
    void (*tell)(void *ctx, const struct wtl_http_load_state *state); /* NULL */
    void *tell_ctx;
};

/* Runs until all requests of the schedule have ended. `results` must be zeros. The window is of the
 * configured duration; of a number of requests, or recorded ones, until the last of them has ended;
 * or until `stop`. Failures of requests are results; the load itself fails for want of memory or
 * files (-WTL_NOMEM, -WTL_IO), or what `dialect.request` returns. */
int wtl_http_load(struct wtl_arena *arena, const struct wtl_http_load_config *config,
                  struct wtl_load_results *results, struct wtl_error *err);

#endif
