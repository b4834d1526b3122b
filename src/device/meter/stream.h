/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines of a meter that come as they come: a thread takes each one when it arrives, so that its
 * time is that of its arrival and a slow reader never holds the meter up. Fixed memory, whatever
 * comes.
 */
#ifndef WTL_DEVICE_METER_STREAM_H
#define WTL_DEVICE_METER_STREAM_H

#include "base/clock.h"
#include "device/meter/meter.h"

#include <pthread.h>

enum {
    WTL_METER_RING = 4096, /* readings that are kept: 40 s at 100 Hz */
    WTL_METER_BAD = 16,    /* lines in a row that are none: the meter is taken to have failed */
    WTL_METER_WORDS = 160, /* of the last line on standard error, kept */
};

/* Line by line. */
struct wtl_meter_cutter {
    char line[WTL_METER_LINE];
    size_t n;
    bool too_long;
};

/* What has come so far. */
struct wtl_meter_state {
    struct wtl_meter_reading newest[WTL_METER_VALUES]; /* t_ns 0: none yet */
    uint64_t n_readings, n_bad;
    int bad_in_a_row;
    char bad[WTL_ERROR_MESSAGE_MAX]; /* what was wrong with the first bad line */
    bool ended;                      /* the other side closed it */
    char words[WTL_METER_WORDS];     /* last line on standard error */
};

struct wtl_meter_stream {
    const struct wtl_meter_options *options;
    struct wtl_clock clock;
    int64_t wall_ns, monotonic_ns; /* when it began: times of arrival do not jump with the clock */
    int fd, fd_err;                /* not blocking; -1: none */
    bool reopens;                  /* a FIFO: the next writer may come */
    bool asks; /* a PTDaemon: it is asked, and asked again when it has answered */
    int wake;  /* eventfd */
    bool started;
    pthread_t thread;
    struct wtl_meter_cutter out, err; /* of the thread */
    int64_t answer_left;              /* of the thread: lines of an answer to come; 0: ask */
    pthread_mutex_t lock;             /* of all below */
    pthread_cond_t changed;
    struct wtl_meter_state state;
    struct wtl_meter_reading ring[WTL_METER_RING]; /* number n at n % WTL_METER_RING */
};

/* Takes over both descriptors, also on failure; `options` must outlive it. The rest of *s is zero,
 * but for `asks`. -WTL_NOMEM. */
int wtl_meter_stream_start(struct wtl_meter_stream *s, const struct wtl_meter_options *options,
                           struct wtl_clock clock, int fd, int fd_err, bool reopens,
                           struct wtl_error *err);
void wtl_meter_stream_stop(struct wtl_meter_stream *s);

/* Waits until there is a reading, WTL_METER_BAD bad lines, or an end; at most so long. */
void wtl_meter_stream_wait(struct wtl_meter_stream *s, int64_t ns);

void wtl_meter_stream_look(struct wtl_meter_stream *s, struct wtl_meter_state *out);

/* Of the readings kept, those of one value after since_ns, oldest first; the newest `max` of them.
 */
size_t wtl_meter_stream_ring(struct wtl_meter_stream *s, int value, int64_t since_ns,
                             struct wtl_ring_sample *out, size_t max);

/* For the thread, and for tests: takes bytes in as if they had been read at `t_ns`. */
void wtl_meter_stream_feed(struct wtl_meter_stream *s, const char *data, size_t n, int64_t t_ns);

#endif
