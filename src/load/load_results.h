/* SPDX-License-Identifier: Apache-2.0
 *
 * What came of a load on a server: counts by how requests ended, and times in bounded memory. Pure.
 *
 * Only requests that were due after the warm-up are in the counts and times. The window is the span
 * of time that energy is measured over: what was completed in it is its work, also of requests that
 * were sent before it began; in a steady state as many begin in it and end after it.
 *
 * Rates of a closed loop are another matter: its window may end with a request, and its workers may
 * go in step, so that what ends in a short window is too much or too little by up to a request of
 * each. A request there counts with the part of its time that lies in the window, and the time ends
 * when the first worker has nothing more to do: N workers whose requests take T have a rate of N/T
 * in any window.
 */
#ifndef WTL_LOAD_LOAD_RESULTS_H
#define WTL_LOAD_LOAD_RESULTS_H

#include "load/exchange.h"
#include "load/latency.h"
#include "load/schedule.h"
#include "load/throughput.h"

enum { WTL_LOAD_STATUSES = 1000 };

struct wtl_load_results {
    uint64_t warmup_sent, warmup_failed;
    uint64_t sent;   /* measured */
    uint64_t unsent; /* due, and not sent before the end */
    uint64_t outcome[WTL_N_OUTCOMES];
    uint64_t status[WTL_LOAD_STATUSES]; /* of WTL_OUTCOME_HTTP */
    struct wtl_exchange_failure {
        enum wtl_outcome outcome; /* WTL_OUTCOME_OK: there was none */
        int status;
        char why[WTL_EXCHANGE_WHY];
    } first_failure;
    bool interrupted;

    /* Times of requests that ended well; since when they were due. */
    struct wtl_latency latency;
    struct wtl_latency first_token; /* until the first event with content */
    struct wtl_latency gaps;        /* between events; also of requests that failed later */
    struct wtl_latency per_token;   /* from first to last event, over tokens - 1: one a request */
    /* Of all that were sent. */
    struct wtl_latency waited; /* for a free slot */
    struct wtl_latency late;   /* the generator itself */

    /* Tokens of requests that ended well. */
    uint64_t tokens_in, tokens_out;
    uint64_t counted_by_server, counted_by_events; /* requests */
    uint64_t events;

    /* The window. */
    int64_t window_begin_ns,
        window_end_ns;        /* from the beginning of the run; equal: there is none */
    uint64_t window_requests; /* that ended well in it */
    uint64_t window_tokens_in;
    int64_t window_tokens_out; /* at least 0 once it is over */
    double cpu_s;              /* of the generator, in the window */

    /* Rates: of a closed loop by parts of requests, of an open one what was done in the window. */
    struct wtl_load_rates {
        bool closed;
        int edge; /* requests of the first round, parts of which lie before the window: left */
        int64_t end_ns;                     /* the time is from the window's beginning to here;
                                               INT64_MAX: goes on */
        int64_t done_ns;                    /* the last request that ended well, or the beginning */
        double requests, tokens_in, tokens; /* done in that time; tokens out */
        struct wtl_throughput throughput;   /* of work, by requests as they end well */
    } rates;

    int64_t length_ns; /* of the whole run */
    uint64_t connections;
    int http_version; /* 10, 11, 20, 30; 0: no answer came */
};

/* A request that was sent. */
void wtl_load_note_sent(struct wtl_load_results *r, const struct wtl_sending *sending);

/* The same has ended, `end_ns` from the beginning. */
void wtl_load_note_end(struct wtl_load_results *r, const struct wtl_sending *sending,
                       const struct wtl_exchange *x, int64_t end_ns);

/* The window begins; `workers` of a closed loop, 0 of an open one. */
void wtl_load_window_open(struct wtl_load_results *r, int64_t at_ns, int workers);

/* No more than this time is in the rates; only the first call counts: when a worker of a closed
 * loop has nothing more to do, or with the window. */
void wtl_load_rates_end(struct wtl_load_results *r, int64_t at_ns);

/* A request ended well, in the window or, of a closed loop, after it. `work` of it; of an open loop
 * the work since the request before. */
void wtl_load_rates_add(struct wtl_load_results *r, const struct wtl_sending *sending,
                        const struct wtl_exchange *x, double work, int64_t end_ns);

/* All requests have ended; `work` was done in the window by those of an open loop that had not
 * ended with it. */
void wtl_load_rates_finish(struct wtl_load_results *r, double work);

/* 0: no time has passed. */
double wtl_load_rates_s(const struct wtl_load_results *r);

/* Whether the generator, not the server, was the bottleneck or may have been: its own lateness is
 * above 1 ms and above 5 % of the median latency for 1 % of the requests, or it used more than 90 %
 * of a core. Latencies then hold times of its own. */
bool wtl_load_generator_slow(const struct wtl_load_results *r);

/* "HTTP status 503: busy", "timeout: ..."; what the server said where it said something. */
void wtl_load_failure_text(const struct wtl_exchange_failure *failure, char *out, size_t size);

/* One line of JSON about a request that has ended, without newline. */
bool wtl_load_log_line(const struct wtl_sending *sending, const struct wtl_exchange *x,
                       int64_t sent_ns, int64_t end_ns, struct wtl_buf *out);

#endif
