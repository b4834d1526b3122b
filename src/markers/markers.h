/* SPDX-License-Identifier: Apache-2.0
 *
 * The client's side of docs/markers.md: a program tells the command that it runs under where its
 * windows begin and end, what work it did, and how long requests took. Without such a command, and
 * from the moment that it is gone, every call returns at once and does nothing.
 *
 * A call takes about a microsecond, never waits (but for a reader that has left 64 kB and the
 * socket's own buffer unread: 100 ms, after which it counts as gone: what it knows is then cut, not
 * wrong), raises no signal and allocates nothing. Lines carry their own time, so that holding them
 * back for a moment costs no accuracy. Calls may come from any thread; a child of fork() must open
 * its own.
 */
#ifndef WTL_MARKERS_MARKERS_H
#define WTL_MARKERS_MARKERS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The variable that holds the path of the socket. */
#define WTL_MARKERS_VARIABLE "WATTLE_MARKERS"

enum { WTL_MARKERS_BUFFER = 1 << 16, WTL_MARKERS_NAME = 63, WTL_MARKERS_REPLY = 1 << 16 };

struct wtl_markers {
    pthread_mutex_t lock; /* of these */
    int fd;               /* -1: nobody listens */
    bool asking;          /* somebody asks: one at a time */
    int asked_fd;         /* he waits for the answer there: it must stay open; -1: nobody */
    pthread_cond_t answered;
    int64_t hold_ns;
    int64_t sent_ns; /* time of the last sending, of the caller's clock */
    size_t line;     /* bytes of an unfinished line of latencies at the end; 0: none */
    size_t len;      /* not yet sent */
    char buf[WTL_MARKERS_BUFFER];

    /* Of who asks. */
    size_t reply_len; /* answers read so far */
    unsigned owed;    /* answers that have not come */
    char reply[WTL_MARKERS_REPLY];
};

/* Connects to the socket `path`; NULL and "" and one where nobody listens are fine. Lines are held
 * back for `hold_ns` at most as long as calls come; 0: each is sent at once. Must be closed. */
void wtl_markers_open(struct wtl_markers *m, const char *path, int64_t hold_ns);

/* Sends what is held, waits 100 ms at most for room, and closes. Twice is fine. */
void wtl_markers_close(struct wtl_markers *m);

/* Whether somebody listens, as far as is known. */
bool wtl_markers_on(struct wtl_markers *m);

/* Whether this can be the name of a window or a request: one word of 1 to 63 bytes without blanks
 * and control characters. Of a unit as well, and of a request without ',' and ':'. */
bool wtl_markers_name_valid(const char *name);

/* Who a part of the work was for. */
struct wtl_marker_share {
    const char *request;
    double work;
};

/* The end of a window. */
struct wtl_marker_end {
    const char *name;
    int64_t t_ns; /* CLOCK_MONOTONIC */
    int64_t tid;  /* thread; 0: not said */
    bool has_work;
    double work;
    const char *unit; /* NULL: not said */
    const struct wtl_marker_share *shares;
    size_t n_shares;
    bool has_latency;
    double latency_s; /* from the time that the request was due */
    bool cancel;      /* the window does not count */
};

/* Whether it can be said: names, requests and a unit (15 bytes at most) are words, work and
 * latency are finite and not negative, and there are at most WTL_MARKER_SHARES (markers/line.h)
 * shares. */
bool wtl_markers_end_valid(const struct wtl_marker_end *end);

/* Why it cannot, in words; NULL: it can. */
const char *wtl_markers_end_wrong(const struct wtl_marker_end *end);

/* False, and nothing is sent, for what cannot be said, whether somebody listens or not. `t_ns` is
 * CLOCK_MONOTONIC. */
bool wtl_markers_begin(struct wtl_markers *m, const char *name, int64_t t_ns, int64_t tid);
bool wtl_markers_end(struct wtl_markers *m, const struct wtl_marker_end *end);

/* The same, and what is answered, a line of JSON without its newline, or "" where nothing came in
 * `patience_ms`. Returns its length; an answer that does not fit is none. Other threads' windows go
 * on meanwhile; their questions wait for this one's answer, within their own patience. */
size_t wtl_markers_end_reply(struct wtl_markers *m, const struct wtl_marker_end *end,
                             int patience_ms, char *reply_out, size_t size);

/* Asks which devices the windows' energy is told of; the answer as in wtl_markers_end_reply(). */
size_t wtl_markers_devices(struct wtl_markers *m, int64_t t_ns, int patience_ms, char *reply_out,
                           size_t size);

/* One request took so long from the time that it was due (at least 0). */
void wtl_markers_latency(struct wtl_markers *m, int64_t latency_ns, int64_t t_ns);

/* Loaded and warm. Sent at once. */
void wtl_markers_ready(struct wtl_markers *m);

/* Sends what is held, as far as there is room. */
void wtl_markers_flush(struct wtl_markers *m, int64_t t_ns);

#endif
