/* SPDX-License-Identifier: Apache-2.0
 * The thread that takes a meter's lines. */
#include "device/meter/stream.h"

#include "base/text.h"
#include "device/meter/ptd.h"
#include "device/waiting.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { CHUNK = 4096, LAST_CHUNKS = 16, NO_WRITER_MS = 50, REST_MS = 10 };

/* A PTDaemon waits for its next sample before it answers; a minute is its longest interval but one.
 */
enum { ASK_MS = 100, ANSWER_MS = 70000 };

/* ---- Lines ----------------------------------------------------------------------------------- */

static void note_bad(struct wtl_meter_state *st, const char *why)
{
    if (st->n_bad++ == 0)
        snprintf(st->bad, sizeof st->bad, "%s", why);
    st->bad_in_a_row++;
}

static void note_reading(struct wtl_meter_stream *s, struct wtl_meter_reading *r, int64_t t_ns)
{
    if (r->t_ns == 0)
        r->t_ns = t_ns;
    s->state.bad_in_a_row = 0;
    for (int v = 0; v < WTL_METER_VALUES; v++)
        if (r->has[v])
            s->state.newest[v] = *r;
    s->ring[s->state.n_readings++ % WTL_METER_RING] = *r;
}

static void take_line(struct wtl_meter_stream *s, const char *line, size_t n, bool too_long,
                      int64_t t_ns)
{
    struct wtl_meter_reading r;
    struct wtl_error err = {0};
    int rc = too_long  ? WTL_FAIL(&err, WTL_PARSE, "a line of more than %d bytes", WTL_METER_LINE)
             : s->asks ? wtl_ptd_line(line, n, &s->answer_left, &r, &err)
                       : wtl_meter_line(line, n, s->options, t_ns, &r, &err);
    if (rc == 0)
        return;
    pthread_mutex_lock(&s->lock);
    if (rc < 0)
        note_bad(&s->state, err.message);
    else
        note_reading(s, &r, t_ns);
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static void take_words(struct wtl_meter_stream *s, const char *line, size_t n)
{
    if (n == 0)
        return;
    pthread_mutex_lock(&s->lock);
    snprintf(s->state.words, sizeof s->state.words, "%.*s", (int)n, line);
    wtl_replace_controls(s->state.words);
    pthread_mutex_unlock(&s->lock);
}

/* Adds bytes up to the end of a line; true: the line is complete. */
static bool cut(struct wtl_meter_cutter *c, const char **data, size_t *n)
{
    const char *newline = memchr(*data, '\n', *n);
    size_t take = newline ? (size_t)(newline - *data) : *n;
    size_t room = sizeof c->line - c->n;
    c->too_long = c->too_long || take > room;
    memcpy(c->line + c->n, *data, take < room ? take : room);
    c->n += take < room ? take : room;
    *data += take + (newline != NULL);
    *n -= take + (newline != NULL);
    return newline != NULL;
}

void wtl_meter_stream_feed(struct wtl_meter_stream *s, const char *data, size_t n, int64_t t_ns)
{
    while (n > 0 && cut(&s->out, &data, &n)) {
        take_line(s, s->out.line, s->out.n, s->out.too_long, t_ns);
        s->out.n = 0;
        s->out.too_long = false;
    }
}

static void feed_words(struct wtl_meter_stream *s, const char *data, size_t n)
{
    while (n > 0 && cut(&s->err, &data, &n)) {
        take_words(s, s->err.line, s->err.n);
        s->err.n = 0;
        s->err.too_long = false;
    }
}

/* ---- The thread ------------------------------------------------------------------------------ */

static int64_t now_ns(const struct wtl_meter_stream *s)
{
    return s->wall_ns + s->clock.monotonic_ns(s->clock.ctx) - s->monotonic_ns;
}

/* More than 400 kB a second is a flood: the pipe holds it back, and it gets no more of the
 * processor than that. */
static void rest(const struct wtl_meter_stream *s)
{
    struct pollfd p = {.fd = s->wake, .events = POLLIN};
    (void)poll(&p, 1, REST_MS);
}

/* Reads one piece; false: that was the end. */
static bool read_some(struct wtl_meter_stream *s, int fd, bool readings)
{
    char buf[CHUNK];
    ssize_t n = read(fd, buf, sizeof buf);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    if (n > 0 && readings)
        wtl_meter_stream_feed(s, buf, (size_t)n, now_ns(s));
    else if (n > 0)
        feed_words(s, buf, (size_t)n);
    if (n == (ssize_t)sizeof buf)
        rest(s);
    return n > 0;
}

/* What it said last is there before its end is seen. */
static void hear_last_words(struct wtl_meter_stream *s)
{
    struct pollfd p = {.fd = s->fd_err, .events = POLLIN};
    for (int i = 0; i < LAST_CHUNKS && poll(&p, 1, 0) > 0 && read_some(s, s->fd_err, false); i++)
        ;
}

static void end(struct wtl_meter_stream *s)
{
    if (s->fd_err >= 0)
        hear_last_words(s);
    if (s->out.n > 0) /* the last line may lack its end */
        take_line(s, s->out.line, s->out.n, s->out.too_long, now_ns(s));
    pthread_mutex_lock(&s->lock);
    s->state.ended = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

/* Nothing came for a while: the answer was complete, or it is overdue, which is an end. */
static bool ask_again(struct wtl_meter_stream *s)
{
    if (s->answer_left > 0)
        return false;
    s->answer_left = 1; /* its header will say how many */
    return wtl_ptd_ask(s->fd);
}

/* How long nothing need come. */
static int patience_ms(const struct wtl_meter_stream *s, bool has_writer)
{
    if (!has_writer)
        return s->reopens ? NO_WRITER_MS : -1;
    if (!s->asks)
        return -1;
    return s->answer_left == 0 ? ASK_MS : ANSWER_MS;
}

static void *take_lines(void *arg)
{
    struct wtl_meter_stream *s = arg;
    struct pollfd p[3] = {{s->wake, POLLIN, 0}, {s->fd, POLLIN, 0}, {s->fd_err, POLLIN, 0}};
    for (;;) {
        bool has_writer = p[1].fd >= 0;
        int rc = poll(p, 3, patience_ms(s, has_writer));
        if (rc < 0 && errno != EINTR)
            break;
        if (p[0].revents)
            return NULL;
        if (has_writer && s->asks && rc == 0 && !ask_again(s))
            break;
        if (p[2].revents && !read_some(s, s->fd_err, false))
            p[2].fd = -1;
        if (!has_writer) { /* a FIFO without a writer is looked at again */
            p[1].fd = s->reopens ? s->fd : -1;
            continue;
        }
        if (!p[1].revents || read_some(s, s->fd, true))
            continue;
        p[1].fd = -1;
        if (!s->reopens)
            end(s);
    }
    end(s);
    return NULL;
}

static bool start_thread(struct wtl_meter_stream *s)
{
    s->started = wtl_thread_start(&s->thread, take_lines, s);
    return s->started;
}

int wtl_meter_stream_start(struct wtl_meter_stream *s, const struct wtl_meter_options *options,
                           struct wtl_clock clock, int fd, int fd_err, bool reopens,
                           struct wtl_error *err)
{
    s->options = options;
    s->clock = clock;
    s->wall_ns = clock.wall_ns(clock.ctx);
    s->monotonic_ns = clock.monotonic_ns(clock.ctx);
    s->fd = fd;
    s->fd_err = fd_err;
    s->reopens = reopens;
    s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    bool waits = wtl_waiting_init(&s->lock, &s->changed);
    if (s->wake >= 0 && waits && start_thread(s))
        return 0;
    if (waits)
        wtl_waiting_fini(&s->lock, &s->changed);
    for (int i = 0; i < 3; i++) {
        int each = i == 0 ? s->wake : i == 1 ? s->fd : s->fd_err;
        if (each >= 0)
            close(each);
    }
    return WTL_FAIL(err, WTL_NOMEM, "no thread for the lines of a meter");
}

void wtl_meter_stream_stop(struct wtl_meter_stream *s)
{
    uint64_t one = 1;
    if (!s->started)
        return;
    (void)!write(s->wake, &one, sizeof one);
    pthread_join(s->thread, NULL);
    s->started = false;
    wtl_waiting_fini(&s->lock, &s->changed);
    close(s->wake);
    close(s->fd);
    if (s->fd_err >= 0)
        close(s->fd_err);
}

/* ---- What has come --------------------------------------------------------------------------- */

void wtl_meter_stream_wait(struct wtl_meter_stream *s, int64_t ns)
{
    struct timespec until = wtl_time_from_now(ns);
    int late = 0;
    pthread_mutex_lock(&s->lock);
    while (s->state.n_readings == 0 && s->state.n_bad < WTL_METER_BAD && !s->state.ended &&
           late != ETIMEDOUT)
        late = pthread_cond_timedwait(&s->changed, &s->lock, &until);
    pthread_mutex_unlock(&s->lock);
}

void wtl_meter_stream_look(struct wtl_meter_stream *s, struct wtl_meter_state *out)
{
    pthread_mutex_lock(&s->lock);
    *out = s->state;
    pthread_mutex_unlock(&s->lock);
}

size_t wtl_meter_stream_ring(struct wtl_meter_stream *s, int value, int64_t since_ns,
                             struct wtl_ring_sample *out, size_t max)
{
    size_t n = 0;
    pthread_mutex_lock(&s->lock);
    uint64_t last = s->state.n_readings;
    uint64_t oldest = last > WTL_METER_RING ? last - WTL_METER_RING : 0;
    uint64_t first = last; /* the newest `max` that are asked for begin there */
    for (size_t found = 0; first > oldest && found < max; first--) {
        const struct wtl_meter_reading *r = &s->ring[(first - 1) % WTL_METER_RING];
        if (r->t_ns <= since_ns)
            break;
        found += r->has[value];
    }
    for (uint64_t i = first; i < last && n < max; i++) {
        const struct wtl_meter_reading *r = &s->ring[i % WTL_METER_RING];
        if (r->has[value])
            out[n++] = (struct wtl_ring_sample){r->t_ns, r->value[value]};
    }
    pthread_mutex_unlock(&s->lock);
    return n;
}
