/* SPDX-License-Identifier: Apache-2.0
 * Windows of this process. */
#include "flow/monitor.h"

#include "device/waiting.h"
#include "telemetry/spans.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MS INT64_C(1000000)

enum {
    TEND_MS = 100,
    /* How long a settled answer is waited for where it is measured here, and how much later a
     * listener is asked for one: less than it waits for late lines. */
    SETTLE_MS = 3000,
    ASK_LATER_MS = 250,
    ANSWER_MS = 1000,
};

struct wtl_monitor {
    struct wtl_arena arena; /* holds it, too */
    struct wtl_clock clock;
    pid_t pid;
    bool listened; /* markers are meant */
    struct wtl_markers markers;
    struct wtl_stat *stat; /* NULL: not measured here */
    struct wtl_spans *spans;

    pthread_t thread;
    bool running;
    pthread_mutex_t lock; /* of stop */
    pthread_cond_t wake;
    bool stop;
};

static int64_t now_ns(const struct wtl_monitor *m)
{
    return m->clock.monotonic_ns(m->clock.ctx);
}

/* ---- The thread that tends marks ------------------------------------------------------------- */

static bool stopped(struct wtl_monitor *m)
{
    const struct timespec until = wtl_time_from_now(TEND_MS * MS);
    pthread_mutex_lock(&m->lock);
    if (!m->stop)
        (void)pthread_cond_timedwait(&m->wake, &m->lock, &until);
    bool stop = m->stop;
    pthread_mutex_unlock(&m->lock);
    return stop;
}

static void *run(void *arg)
{
    struct wtl_monitor *m = arg;
    while (!stopped(m)) {
        (void)wtl_metering_tend(wtl_stat_metering(m->stat));
        wtl_spans_tend(m->spans, now_ns(m));
    }
    return NULL;
}

/* Signals of the program are the program's. */
static int start_thread(struct wtl_monitor *m, struct wtl_error *err)
{
    m->running = wtl_thread_start(&m->thread, run, m);
    return m->running ? 0 : WTL_FAIL(err, WTL_NOMEM, "no thread to measure with");
}

static void stop_thread(struct wtl_monitor *m)
{
    if (!m->running)
        return;
    pthread_mutex_lock(&m->lock);
    m->stop = true;
    pthread_cond_signal(&m->wake);
    pthread_mutex_unlock(&m->lock);
    pthread_join(m->thread, NULL);
    m->running = false;
}

/* ---- Opening and closing --------------------------------------------------------------------- */

static int open_parts(struct wtl_monitor *m, const struct wtl_flow *flow,
                      const struct wtl_monitor_options *o, struct wtl_error *err)
{
    const struct wtl_flow own = {.alloc = flow->alloc, .clock = flow->clock, .threads = 1};
    int rc = 0;
    if (o->markers) {
        wtl_markers_open(&m->markers, o->markers, 0);
        m->listened = true;
    } else if (!o->never_measure) {
        rc = wtl_stat_open(&own, &o->own, &m->stat, err);
    }
    struct wtl_metering *metering = m->stat ? wtl_stat_metering(m->stat) : NULL;
    if (rc == 0 && metering && wtl_metering_count(metering) > WTL_WINDOW_DEVICES)
        rc = WTL_FAIL(err, WTL_LIMIT, "%zu devices, more than %d: name those that are meant",
                      wtl_metering_count(metering), WTL_WINDOW_DEVICES);
    rc = rc ? rc : wtl_spans_new(&m->arena, metering, &m->spans, err);
    return rc || !m->stat ? rc : start_thread(m, err);
}

int wtl_flow_monitor_open(const struct wtl_flow *flow, const struct wtl_monitor_options *options,
                          struct wtl_monitor **out, struct wtl_error *err)
{
    struct wtl_arena arena;
    wtl_arena_init(&arena, flow->alloc);
    struct wtl_monitor *m = WTL_NEW(&arena, struct wtl_monitor);
    if (!m || !wtl_waiting_init(&m->lock, &m->wake)) {
        wtl_arena_fini(&arena);
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    }
    m->arena = arena;
    m->clock = flow->clock;
    m->pid = getpid();
    int rc = open_parts(m, flow, options, err);
    if (rc < 0)
        wtl_flow_monitor_close(m);
    else
        *out = m;
    return rc;
}

void wtl_flow_monitor_close(struct wtl_monitor *m)
{
    if (!m)
        return;
    if (m->pid != getpid()) {
        /* Threads are the parent's, and locks may be held for ever: nothing else is touched. */
        if (m->listened && m->markers.fd >= 0)
            close(m->markers.fd);
        return;
    }
    stop_thread(m);
    if (m->listened)
        wtl_markers_close(&m->markers);
    if (m->spans)
        wtl_spans_fini(m->spans);
    wtl_stat_close(m->stat);
    wtl_waiting_fini(&m->lock, &m->wake);
    struct wtl_arena arena = m->arena;
    wtl_arena_fini(&arena);
}

/* ---- Windows --------------------------------------------------------------------------------- */

static int check(const struct wtl_monitor *m, struct wtl_error *err)
{
    if (m->pid == getpid())
        return 0;
    int rc = WTL_FAIL(err, WTL_USAGE, "this monitor is that of process %d", (int)m->pid);
    wtl_error_hint(err, "a child of fork() opens its own monitor");
    return rc;
}

static int check_name(const char *name, struct wtl_error *err)
{
    if (wtl_markers_name_valid(name))
        return 0;
    return WTL_FAIL(err, WTL_USAGE,
                    "\"%.80s\" cannot be the name of a window: one word of 1 to %d "
                    "bytes",
                    name, WTL_MARKERS_NAME);
}

int wtl_flow_window_begin(struct wtl_monitor *m, const char *name, struct wtl_error *err)
{
    int64_t t_ns = now_ns(m), tid = gettid();
    int rc = check(m, err);
    rc = rc ? rc : check_name(name, err);
    if (rc < 0)
        return rc;
    if (!wtl_spans_begin(m->spans, name, t_ns, tid))
        return WTL_FAIL(err, WTL_LIMIT, "%d windows are open", WTL_SPANS_OPEN);
    if (m->listened)
        (void)wtl_markers_begin(&m->markers, name, t_ns, tid);
    return 0;
}

/* Device i of what is measured here, but for its energy. */
static void describe(const struct wtl_monitor *m, size_t i, struct wtl_window_device *d)
{
    const struct wtl_device_info *info =
        wtl_device_info(wtl_metering_device(wtl_stat_metering(m->stat), i));
    snprintf(d->id, sizeof d->id, "%s", info->id);
    snprintf(d->kind, sizeof d->kind, "%s", wtl_device_kind_name(info->kind));
    d->index = info->index;
    d->part_of_another = wtl_stat_part(m->stat, i);
}

static void measure(struct wtl_monitor *m, const struct wtl_span *span, int64_t t_ns, bool settled,
                    struct wtl_window_result *r)
{
    struct wtl_metering *metering = wtl_stat_metering(m->stat);
    int64_t until = t_ns + SETTLE_MS * MS;
    while (settled && !wtl_spans_known(m->spans, t_ns) && now_ns(m) < until)
        wtl_sleep_ns(2 * MS);
    r->settled = wtl_spans_known(m->spans, t_ns);
    r->n = wtl_metering_count(metering);
    for (size_t i = 0; i < r->n; i++) {
        struct wtl_window_device *d = &r->device[i];
        describe(m, i, d);
        wtl_spans_energy(m->spans, span, t_ns, i, &d->energy);
        if (!d->part_of_another)
            wtl_energy_add(&r->total, &d->energy);
    }
}

/* Lines carry their own time, so that asking later costs nothing but patience. */
static int tell(struct wtl_monitor *m, const struct wtl_marker_end *end, bool settled,
                struct wtl_window_result *r, struct wtl_error *err)
{
    if (!r)
        return wtl_markers_end(&m->markers, end)
                   ? 0
                   : WTL_FAIL(err, WTL_USAGE, "the end of \"%s\" cannot be told", end->name);
    if (settled)
        wtl_sleep_ns(ASK_LATER_MS * MS);
    struct wtl_alloc alloc = m->arena.alloc;
    char *text = alloc.resize(alloc.ctx, NULL, WTL_MARKERS_REPLY);
    if (!text) {
        (void)wtl_markers_end(&m->markers, end);
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    }
    size_t n = wtl_markers_end_reply(&m->markers, end, ANSWER_MS, text, WTL_MARKERS_REPLY);
    int rc = n ? wtl_window_read_answer(text, n, r, err) : 0;
    alloc.resize(alloc.ctx, text, 0);
    return rc;
}

static int finish(struct wtl_monitor *m, const struct wtl_span *span,
                  const struct wtl_marker_end *end, bool settled, struct wtl_window_result *r,
                  struct wtl_error *err)
{
    if (r) {
        *r = (struct wtl_window_result){.time_s = 1e-9 * (double)(end->t_ns - span->t_ns)};
        snprintf(r->name, sizeof r->name, "%s", span->name);
    }
    if (m->listened)
        return tell(m, end, settled, r, err);
    if (m->stat && r)
        measure(m, span, end->t_ns, settled, r);
    return 0;
}

int wtl_flow_window_end(struct wtl_monitor *m, const struct wtl_marker_end *given, bool settled,
                        struct wtl_window_result *result_out, struct wtl_error *err)
{
    struct wtl_marker_end end = *given;
    end.t_ns = now_ns(m);
    end.tid = gettid();
    int rc = check(m, err);
    rc = rc ? rc : check_name(end.name, err);
    const char *wrong = rc == 0 ? wtl_markers_end_wrong(&end) : NULL;
    if (wrong)
        rc = WTL_FAIL(err, WTL_USAGE, "window \"%s\" cannot end so: %s", end.name, wrong);
    if (rc < 0)
        return rc;
    struct wtl_span *span = wtl_spans_take(m->spans, end.name, end.tid);
    if (!span)
        return WTL_FAIL(err, WTL_NOTFOUND, "no window \"%s\" is open", end.name);
    rc = finish(m, span, &end, settled, result_out, err);
    wtl_spans_give(m->spans, span);
    return rc;
}

int wtl_flow_monitor_ready(struct wtl_monitor *m, struct wtl_error *err)
{
    int rc = check(m, err);
    if (rc == 0 && m->listened)
        wtl_markers_ready(&m->markers);
    return rc;
}

static int ask_devices(struct wtl_monitor *m, struct wtl_window_result *r, struct wtl_error *err)
{
    struct wtl_alloc alloc = m->arena.alloc;
    char *text = alloc.resize(alloc.ctx, NULL, WTL_MARKERS_REPLY);
    if (!text)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    size_t n = wtl_markers_devices(&m->markers, now_ns(m), ANSWER_MS, text, WTL_MARKERS_REPLY);
    int rc = n ? wtl_window_read_devices(text, n, r, err) : 0;
    alloc.resize(alloc.ctx, text, 0);
    return rc;
}

int wtl_flow_monitor_devices(struct wtl_monitor *m, struct wtl_window_result *out,
                             struct wtl_error *err)
{
    int rc = check(m, err);
    *out = (struct wtl_window_result){0};
    if (rc < 0 || m->listened)
        return rc ? rc : ask_devices(m, out, err);
    out->n = m->stat ? wtl_metering_count(wtl_stat_metering(m->stat)) : 0;
    for (size_t i = 0; i < out->n; i++)
        describe(m, i, &out->device[i]);
    return 0;
}
