/* SPDX-License-Identifier: Apache-2.0
 * The loop of a load on a server: one thread, epoll, libcurl's multi interface with its sockets
 * driven from here, and a timer of nanoseconds (libcurl's own waiting knows milliseconds).
 * Slots and libcurl's side of them: http_slot.c. */
#include "wattle_config.h"

#include "load/http_load.h"

#ifndef WTL_HAVE_CURL

int wtl_http_load(struct wtl_arena *arena, const struct wtl_http_load_config *config,
                  struct wtl_load_results *results, struct wtl_error *err)
{
    (void)arena, (void)config, (void)results;
    return wtl_http_available(err);
}

#else

#include "load/http_slot.h"

#include "base/file.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { EVENTS = 64 };
#define PATIENCE_NS INT64_C(100000000) /* between two looks at `stop` */
#define PART_NS INT64_C(100000000)     /* of a window of markers */

struct loop {
    struct wtl_http_slots slots;
    const struct wtl_http_load_config *config;
    struct wtl_schedule *schedule;
    struct wtl_load_results *results;
    int epoll, timer;
    int64_t begin_ns;            /* of the run, on the clock */
    int64_t armed_ns;            /* what the timer is set to */
    int64_t window_end_ns;       /* INT64_MAX: with the last request */
    int64_t drain_until_ns;      /* INT64_MAX: nobody stopped it */
    int64_t tell_ns;             /* the next time */
    int64_t look_ns;             /* when `stop` is asked again at the latest */
    uint64_t number;             /* of the request that is made ahead */
    struct wtl_http_slot *ahead; /* NULL: none is made */
    bool ready, window_open, window_over;
    double cpu_begin_s;
    int64_t part_begin_ns; /* of the window of markers that is open */
    double part_work;      /* all work before it */
    double done_work;      /* of the window until its last request that ended well */
};

static double cpu_s(void)
{
    struct rusage u = {0};
    (void)getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static int64_t now_of(void *ctx)
{
    const struct loop *l = ctx;
    const struct wtl_clock *clock = &l->config->clock;
    return clock->monotonic_ns(clock->ctx) - l->begin_ns;
}

/* ---- the window ------------------------------------------------------------------------------ */

static double work_so_far(const struct loop *l)
{
    return l->config->work_is_tokens
               ? (double)l->results->window_tokens_out
               : (double)l->results->window_requests * l->config->work_per_request;
}

static void begin_part(struct loop *l, int64_t at)
{
    l->part_begin_ns = at;
    l->part_work = work_so_far(l);
    if (l->config->markers)
        (void)wtl_markers_begin(l->config->markers, "load", l->begin_ns + at, 0);
}

static void end_part(struct loop *l, int64_t at)
{
    const struct wtl_marker_end end = {.name = "load",
                                       .t_ns = l->begin_ns + at,
                                       .has_work = true,
                                       /* Of tokens, the server's count may be below the events. */
                                       .work = fmax(0, work_so_far(l) - l->part_work),
                                       .unit = l->config->unit};
    if (l->config->markers)
        (void)wtl_markers_end(l->config->markers, &end);
}

static void open_window(struct loop *l, int64_t at)
{
    l->ready = l->window_open = true;
    wtl_load_window_open(l->results, at,
                         l->config->schedule.closed ? l->config->schedule.slots : 0);
    l->cpu_begin_s = cpu_s();
    if (l->config->markers)
        wtl_markers_ready(l->config->markers);
    begin_part(l, at);
}

static void close_window(struct loop *l, int64_t at)
{
    struct wtl_load_results *r = l->results;
    l->window_open = false;
    l->window_over = true;
    r->window_end_ns = at;
    r->cpu_s = cpu_s() - l->cpu_begin_s;
    wtl_load_rates_end(r, at);
    end_part(l, at);
    if (r->window_tokens_out < 0)
        r->window_tokens_out = 0;
    if (l->config->markers)
        wtl_markers_flush(l->config->markers, l->begin_ns + at);
}

/* Opens and closes it at the times it is due, however late it is now. */
static void look_at_window(struct loop *l, int64_t now)
{
    int64_t warm = l->config->schedule.warmup_ns;
    bool over = l->window_over || l->drain_until_ns != INT64_MAX;
    if (!l->ready && !over && now >= warm)
        open_window(l, warm);
    if (l->window_open && now >= l->window_end_ns)
        close_window(l, l->window_end_ns);
    if (l->window_open && now >= l->part_begin_ns + PART_NS) {
        end_part(l, now);
        begin_part(l, now);
    }
}

/* ---- what slots tell ------------------------------------------------------------------------- */

static void on_tokens(void *ctx, int64_t n)
{
    struct loop *l = ctx;
    look_at_window(l, now_of(l));
    if (l->window_open)
        l->results->window_tokens_out += n;
}

static void write_log(struct loop *l, const struct wtl_http_slot *slot, int64_t now)
{
    struct wtl_buf line;
    if (!l->config->log)
        return;
    wtl_buf_init(&line, wtl_alloc_system(), 1 << 16);
    if (wtl_load_log_line(&slot->sending, &slot->x, slot->sent_ns, now, &line))
        fprintf(l->config->log, "%s\n", wtl_buf_str(&line));
    wtl_buf_fini(&line);
}

static void count_in_window(struct loop *l, const struct wtl_exchange *x)
{
    struct wtl_load_results *r = l->results;
    r->window_requests++;
    r->window_tokens_in += x->tokens_in;
    /* Its events were counted as they came; below zero where there were more of them. */
    r->window_tokens_out += (int64_t)x->tokens_out - x->events;
}

/* Its part of the rates. An idle worker ends their time: from then on fewer are at work. */
static void count_in_rates(struct loop *l, const struct wtl_http_slot *slot, int64_t now)
{
    const struct wtl_http_load_config *c = l->config;
    bool ok = slot->x.outcome == WTL_OUTCOME_OK;
    int64_t due;
    if (c->schedule.closed) {
        if (l->window_open && !wtl_schedule_next_due(l->schedule, &due))
            wtl_load_rates_end(l->results, now);
        if (ok && (l->window_open || l->window_over))
            wtl_load_rates_add(l->results, &slot->sending, &slot->x,
                               c->work_is_tokens ? slot->x.tokens_out : c->work_per_request, now);
    } else if (ok && l->window_open) {
        double work = work_so_far(l);
        wtl_load_rates_add(l->results, &slot->sending, &slot->x, work - l->done_work, now);
        l->done_work = work;
    }
}

static void on_end(void *ctx, struct wtl_http_slot *slot)
{
    struct loop *l = ctx;
    struct wtl_load_results *r = l->results;
    const struct wtl_exchange *x = &slot->x;
    int64_t now = now_of(l);
    bool ok = x->outcome == WTL_OUTCOME_OK;
    wtl_schedule_done(l->schedule, now);
    wtl_load_note_end(r, &slot->sending, x, now);
    look_at_window(l, now);
    if (l->window_open && ok)
        count_in_window(l, x);
    count_in_rates(l, slot, now);
    if (l->config->markers && ok && slot->sending.measured && !l->window_over)
        wtl_markers_latency(l->config->markers, now - slot->sending.due_ns, l->begin_ns + now);
    r->connections += slot->connections;
    if (slot->http_version)
        r->http_version = slot->http_version;
    write_log(l, slot, now);
}

/* ---- sending --------------------------------------------------------------------------------- */

/* The next request is made before it is due. */
static int make_ahead(struct loop *l, struct wtl_error *err)
{
    int64_t due;
    if (l->ahead || !wtl_schedule_next_due(l->schedule, &due))
        return 0;
    int rc = wtl_http_slots_take(&l->slots, l->number, &l->ahead, err);
    l->number += rc == 0 && l->ahead;
    return rc;
}

/* Hands what is due to libcurl; whether anything was. */
static int start_due(struct loop *l, bool *started_out, struct wtl_error *err)
{
    struct wtl_sending sending;
    int rc = make_ahead(l, err);
    *started_out = false;
    while (rc == 0 && l->ahead && wtl_schedule_take(l->schedule, now_of(l), &sending)) {
        struct wtl_http_slot *slot = l->ahead;
        l->ahead = NULL;
        slot->sending = sending;
        slot->x.measured = sending.measured;
        slot->x.gaps = sending.measured ? &l->results->gaps : NULL;
        slot->sent_ns = now_of(l);
        wtl_load_note_sent(l->results, &sending);
        rc = wtl_http_slots_send(&l->slots, slot, err);
        *started_out = true;
        if (rc == 0)
            rc = make_ahead(l, err);
    }
    return rc;
}

/* Sending may end requests, too, whose slots are then free for what is due. */
static int send_due(struct loop *l, struct wtl_error *err)
{
    bool started = true;
    for (int i = 0; started && i < EVENTS; i++) {
        int rc = start_due(l, &started, err);
        if (rc < 0)
            return rc;
        if (started)
            wtl_http_slots_act(&l->slots, -1, 0);
    }
    return 0;
}

/* ---- stopping -------------------------------------------------------------------------------- */

static void look_at_stop(struct loop *l, int64_t now)
{
    const struct wtl_http_load_config *c = l->config;
    if (l->drain_until_ns == INT64_MAX && c->stop && c->stop(c->stop_ctx)) {
        l->results->unsent = wtl_schedule_stop(l->schedule, now);
        l->results->interrupted = true;
        if (l->window_open)
            close_window(l, now < l->window_end_ns ? now : l->window_end_ns);
        l->drain_until_ns = now + c->drain_ns;
    }
    if (now >= l->drain_until_ns)
        wtl_http_slots_cut(&l->slots);
}

static void tell(struct loop *l, int64_t now)
{
    const struct wtl_http_load_config *c = l->config;
    if (!c->tell || now < l->tell_ns)
        return;
    l->tell_ns = now + WTL_NS_PER_S;
    c->tell(c->tell_ctx,
            &(struct wtl_http_load_state){.now_ns = now,
                                          .end_ns = l->window_end_ns,
                                          .in_flight = wtl_schedule_in_flight(l->schedule),
                                          .results = l->results});
}

/* ---- waiting --------------------------------------------------------------------------------- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The next time at which there is something to do without an event. */
static int64_t wake_time(struct loop *l, int64_t now)
{
    if (now >= l->look_ns)
        l->look_ns = now + PATIENCE_NS;
    int64_t wake = earlier(l->look_ns, l->slots.deadline_ns);
    wake = earlier(wake, wtl_schedule_wake(l->schedule));
    if (!l->ready)
        wake = earlier(wake, l->config->schedule.warmup_ns);
    if (l->window_open)
        wake = earlier(wake, earlier(l->window_end_ns, l->part_begin_ns + PART_NS));
    return earlier(wake, l->drain_until_ns);
}

static int set_timer(struct loop *l, int64_t now, int64_t wake, struct wtl_error *err)
{
    int64_t left = wake - now;
    struct itimerspec spec = {.it_value = {left / WTL_NS_PER_S, left % WTL_NS_PER_S}};
    if (l->armed_ns == wake)
        return 0;
    l->armed_ns = wake;
    return timerfd_settime(l->timer, 0, &spec, NULL) == 0
               ? 0
               : WTL_FAIL(err, WTL_IO, "cannot set a timer: %s", strerror(errno));
}

static int wait_for_events(struct loop *l, struct wtl_error *err)
{
    struct epoll_event events[EVENTS];
    int64_t now = now_of(l), wake = wake_time(l, now);
    bool busy = wake <= now;
    int rc = busy ? 0 : set_timer(l, now, wake, err);
    if (rc < 0)
        return rc;
    int n = epoll_wait(l->epoll, events, EVENTS, busy ? 0 : -1);
    if (n < 0 && errno != EINTR)
        return WTL_FAIL(err, WTL_IO, "cannot wait for events: %s", strerror(errno));
    for (int i = 0; i < n && rc == 0; i++) {
        if (events[i].data.fd == l->timer) {
            uint64_t count;
            (void)!read(l->timer, &count, sizeof count);
            l->armed_ns = -1;
            continue;
        }
        unsigned e = events[i].events;
        int what = (e & EPOLLIN ? CURL_CSELECT_IN : 0) | (e & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                   (e & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
        wtl_http_slots_act(&l->slots, events[i].data.fd, what);
        rc = send_due(l, err); /* what became due meanwhile does not wait for the others */
    }
    if (rc == 0 && now_of(l) >= l->slots.deadline_ns)
        wtl_http_slots_act(&l->slots, -1, 0);
    return rc < 0 ? rc : wtl_http_slots_failed(&l->slots, err);
}

static int run_loop(struct loop *l, struct wtl_error *err)
{
    while (!wtl_schedule_ended(l->schedule)) {
        int64_t now = now_of(l);
        look_at_window(l, now);
        look_at_stop(l, now);
        tell(l, now);
        int rc = send_due(l, err);
        if (rc == 0 && !wtl_schedule_ended(l->schedule))
            rc = wait_for_events(l, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* After the last request: a window that is not over ends now, or when its time has come. */
static int finish(struct loop *l, struct wtl_error *err)
{
    int rc = 0;
    while (rc == 0 && l->window_open && l->window_end_ns < INT64_MAX &&
           l->drain_until_ns == INT64_MAX) {
        rc = wait_for_events(l, err);
        look_at_window(l, now_of(l));
        look_at_stop(l, now_of(l));
    }
    l->results->length_ns = now_of(l);
    if (l->window_open)
        close_window(l, l->results->length_ns);
    if (l->window_over)
        wtl_load_rates_finish(l->results, work_so_far(l) - l->done_work);
    return rc;
}

static int open_loop_files(struct loop *l, struct wtl_error *err)
{
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    struct epoll_event e = {.events = EPOLLIN, .data.fd = l->timer};
    if (l->epoll < 0 || l->timer < 0 || epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->timer, &e) != 0)
        return WTL_FAIL(err, WTL_IO, "cannot watch sockets: %s", strerror(errno));
    return 0;
}

int wtl_http_load(struct wtl_arena *arena, const struct wtl_http_load_config *config,
                  struct wtl_load_results *results, struct wtl_error *err)
{
    const struct wtl_schedule_config *s = &config->schedule;
    struct loop l = {.config = config,
                     .results = results,
                     .epoll = -1,
                     .timer = -1,
                     .armed_ns = -1,
                     .window_end_ns = INT64_MAX,
                     .drain_until_ns = INT64_MAX};
    struct wtl_http_slots_config slots = {.target = &config->target,
                                          .path = config->path,
                                          .content_type = config->content_type,
                                          .dialect = &config->dialect,
                                          .n = s->slots,
                                          .ctx = &l,
                                          .now = now_of,
                                          .on_tokens = on_tokens,
                                          .on_end = on_end};
    if (s->requests == 0 && s->duration_ns < INT64_MAX - s->warmup_ns)
        l.window_end_ns = s->warmup_ns + s->duration_ns;
    int rc = wtl_schedule_new(arena, s, &l.schedule, err);
    if (rc == 0)
        rc = open_loop_files(&l, err);
    slots.epoll = l.epoll;
    if (rc == 0)
        rc = wtl_http_slots_open(&l.slots, arena, &slots, err);
    l.begin_ns = config->clock.monotonic_ns(config->clock.ctx);
    if (rc == 0)
        rc = run_loop(&l, err);
    if (rc == 0)
        rc = finish(&l, err);
    wtl_http_slots_close(&l.slots);
    if (l.epoll >= 0)
        close(l.epoll);
    if (l.timer >= 0)
        close(l.timer);
    return rc;
}

#endif
