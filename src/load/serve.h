/* SPDX-License-Identifier: Apache-2.0
 *
 * One engine that works on batches, measured.
 *
 * Closed loop: the next batch of full size begins when one is done; the latency of a batch is what
 * each of its items sees.
 *
 * Open loop: items are due at random times (lab/arrivals.h) that do not wait for the engine. When
 * it is free it takes all that are due, up to the batch, and begins at once; it never waits for a
 * batch to fill. The latency of an item runs from the time that it was due to the end of its batch,
 * so that a slow engine is not spared the items that queue up behind it ("coordinated omission",
 * G. Tene). Items that are due in the measured window count, and no others; they are served to the
 * end, after the window if need be, for as long again at most. One that was not served by then, or
 * when we were told to end, counts with the time that it had waited: its latency is at least that.
 *
 * Warm-up comes first and is left out of everything; in the open loop arrivals begin with it.
 * Throughput is that of the batches that end within the window, which in the closed loop ends with
 * a batch.
 */
#ifndef WTL_LOAD_SERVE_H
#define WTL_LOAD_SERVE_H

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "load/latency.h"
#include "load/throughput.h"
#include "markers/markers.h"

#include <stdbool.h>
#include <stdint.h>

struct wtl_engine {
    int (*run)(void *ctx, int items, struct wtl_error *err); /* a batch, 1 to `batch` items */
    void *ctx;
    int batch;
};

/* The world around it. */
struct wtl_serve_host {
    struct wtl_clock clock;
    bool (*told)(void *ctx);             /* whether to end now */
    void (*wait)(void *ctx, int64_t ns); /* so long, or until told */
    void *ctx;
    struct wtl_markers *markers; /* NULL: nobody is told */
};

struct wtl_serve_plan {
    double warmup_s;
    double duration_s; /* 0: until told */
    int64_t count;     /* batches, in the open loop items; 0: as many as there is time for */
    double rate_hz;    /* items a second, open loop; 0: closed loop */
    uint64_t seed;
    const char *unit; /* of work, for markers: one word */
};

/* Name of the windows that markers tell of: every so often one ends and the next begins. */
#define WTL_SERVE_WINDOW "load"
#define WTL_SERVE_MARK_NS INT64_C(20000000)

struct wtl_serve_result {
    double warmup_s; /* as it was */
    int64_t warmup_batches;
    int64_t start_ns, end_ns; /* of the window, monotonic */
    int64_t items, batches;   /* that ended within the window */
    struct wtl_throughput throughput;
    struct wtl_latency latency; /* closed: of batches; open: of items due in the window */
    struct wtl_latency service; /* of batches: from the begin of the work to its end */
    struct wtl_latency wait; /* open loop: from the time an item is due to the begin of the work */
    int64_t offered;         /* open loop: items due in the window */
    int64_t unserved;        /* of these, never done */
    int64_t longest_queue;   /* items that were due and waited, in the window */
    double busy_s;           /* of the window, in which the engine worked */
    bool told;               /* it ended because it was told to */
};

/* A result takes 800 kB. NULL: out of memory. */
struct wtl_serve_result *wtl_serve_result_new(struct wtl_arena *arena);

/* Runs the plan. After the warm-up nothing is allocated. A failure of the engine ends it and is
 * returned; *result then holds nothing of use. -WTL_NOMEM. */
int wtl_serve(struct wtl_arena *arena, const struct wtl_engine *engine,
              const struct wtl_serve_plan *plan, const struct wtl_serve_host *host,
              struct wtl_serve_result *result, struct wtl_error *err);

#endif
