/* SPDX-License-Identifier: Apache-2.0
 * The measuring loop. */
#include "load/serve.h"

#include "load/arrivals.h"

#include <math.h>
#include <string.h>

#define FOREVER (INT64_MAX / 2)

struct loop {
    const struct wtl_engine *engine;
    const struct wtl_serve_plan *plan;
    const struct wtl_serve_host *host;
    struct wtl_serve_result *result;
    int64_t begin_ns, stop_ns; /* the window as planned; FOREVER: not yet, not known */
    bool measuring;            /* it has begun and not ended */
    int64_t last_end_ns;       /* of the batch before, or the window's begin */
    int64_t marked_ns;         /* when the current window of the markers began */
    double marked_work;

    /* Open loop. `ahead` is the same sequence as `due`, further on: it counts who waits. */
    struct wtl_arrivals due, ahead;
    int64_t origin_ns;      /* of both */
    int64_t next_ns;        /* when the first who was not taken is due */
    int64_t ahead_ns;       /* when the first who was not counted is due */
    int64_t taken, counted; /* so far */
    int64_t offered_limit;  /* items of the window; FOREVER: none */
    int64_t *batch_due_ns;  /* of the batch at work */
};

static int64_t now_of(const struct loop *l)
{
    return l->host->clock.monotonic_ns(l->host->clock.ctx);
}

static bool told(struct loop *l)
{
    if (!l->result->told && l->host->told && l->host->told(l->host->ctx))
        l->result->told = true;
    return l->result->told;
}

static int64_t ns_of(double seconds)
{
    return seconds > 1e9 ? FOREVER : llrint(seconds * 1e9);
}

/* ---- Markers --------------------------------------------------------------------------------- */

static void mark_begin(struct loop *l, int64_t t_ns)
{
    l->marked_ns = t_ns;
    l->marked_work = 0;
    if (l->host->markers)
        wtl_markers_begin(l->host->markers, WTL_SERVE_WINDOW, t_ns, 0);
}

static void mark_end(struct loop *l, int64_t t_ns)
{
    const struct wtl_marker_end end = {.name = WTL_SERVE_WINDOW,
                                       .t_ns = t_ns,
                                       .has_work = true,
                                       .work = l->marked_work,
                                       .unit = l->plan->unit};
    if (l->host->markers)
        wtl_markers_end(l->host->markers, &end);
}

static void mark_work(struct loop *l, int items, int64_t t_ns)
{
    l->marked_work += items;
    if (t_ns - l->marked_ns < WTL_SERVE_MARK_NS)
        return;
    mark_end(l, t_ns);
    mark_begin(l, t_ns);
}

static void mark_latency(struct loop *l, int64_t latency_ns, int64_t t_ns)
{
    if (l->host->markers)
        wtl_markers_latency(l->host->markers, latency_ns, t_ns);
}

/* ---- The window ------------------------------------------------------------------------------ */

static void begin_window(struct loop *l, int64_t t_ns)
{
    struct wtl_serve_result *r = l->result;
    l->measuring = true;
    l->begin_ns = l->last_end_ns = r->start_ns = t_ns;
    l->stop_ns = l->plan->duration_s > 0 ? t_ns + ns_of(l->plan->duration_s) : FOREVER;
    if (l->host->markers)
        wtl_markers_ready(l->host->markers);
    mark_begin(l, t_ns);
}

static void end_window(struct loop *l, int64_t t_ns)
{
    mark_end(l, t_ns);
    l->measuring = false;
    l->result->end_ns = t_ns;
    wtl_throughput_end(&l->result->throughput, (double)(t_ns - l->last_end_ns) / 1e9);
    if (l->host->markers)
        wtl_markers_flush(l->host->markers, t_ns);
}

/* A batch that ended within the window. */
static void count_batch(struct loop *l, int items, int64_t from_ns, int64_t to_ns)
{
    struct wtl_serve_result *r = l->result;
    r->items += items;
    r->batches++;
    wtl_throughput_add(&r->throughput, items, (double)(to_ns - l->last_end_ns) / 1e9);
    wtl_latency_add(&r->service, to_ns - from_ns);
    int64_t first_ns = from_ns > l->begin_ns ? from_ns : l->begin_ns;
    r->busy_s += (double)(to_ns - first_ns) / 1e9;
    l->last_end_ns = to_ns;
}

/* ---- Closed loop ----------------------------------------------------------------------------- */

static int one_batch(struct loop *l, int64_t *from_ns, int64_t *to_ns, struct wtl_error *err)
{
    *from_ns = now_of(l);
    int rc = l->engine->run(l->engine->ctx, l->engine->batch, err);
    *to_ns = now_of(l);
    return rc;
}

static int warm_up(struct loop *l, int64_t *t_ns, struct wtl_error *err)
{
    int64_t begin_ns = now_of(l), from_ns, warm_ns = ns_of(l->plan->warmup_s);
    *t_ns = begin_ns;
    while (*t_ns - begin_ns < warm_ns && !told(l)) {
        int rc = one_batch(l, &from_ns, t_ns, err);
        if (rc < 0)
            return rc;
        l->result->warmup_batches++;
    }
    l->result->warmup_s = (double)(*t_ns - begin_ns) / 1e9;
    return 0;
}

static bool closed_goes_on(struct loop *l, int64_t t_ns)
{
    return t_ns < l->stop_ns && (l->plan->count == 0 || l->result->batches < l->plan->count) &&
           !told(l);
}

static int closed_loop(struct loop *l, struct wtl_error *err)
{
    int64_t from_ns, t_ns;
    int rc = warm_up(l, &t_ns, err);
    if (rc < 0)
        return rc;
    begin_window(l, t_ns);
    while (closed_goes_on(l, t_ns)) {
        rc = one_batch(l, &from_ns, &t_ns, err);
        if (rc < 0)
            return rc;
        count_batch(l, l->engine->batch, from_ns, t_ns);
        wtl_latency_add(&l->result->latency, t_ns - from_ns);
        mark_latency(l, t_ns - from_ns, t_ns);
        mark_work(l, l->engine->batch, t_ns);
    }
    end_window(l, t_ns);
    return 0;
}

/* ---- Open loop ------------------------------------------------------------------------------- */

static int64_t next_arrival(const struct loop *l, struct wtl_arrivals *a)
{
    int64_t t_ns;
    return wtl_arrivals_next(a, &t_ns) ? l->origin_ns + t_ns : FOREVER;
}

static bool in_window(const struct loop *l, int64_t due_ns)
{
    return due_ns >= l->begin_ns && due_ns < l->stop_ns;
}

/* Whether somebody who is due may still be taken: due in time, and one of those that count. */
static bool may_take(const struct loop *l, int64_t now_ns)
{
    return l->next_ns <= now_ns && l->next_ns < l->stop_ns && l->result->offered < l->offered_limit;
}

/* Those who are due, up to the batch. */
static int take(struct loop *l, int64_t now_ns)
{
    int n = 0;
    while (n < l->engine->batch && may_take(l, now_ns)) {
        l->batch_due_ns[n++] = l->next_ns;
        l->result->offered += in_window(l, l->next_ns);
        l->taken++;
        l->next_ns = next_arrival(l, &l->due);
    }
    return n;
}

static void look_at_queue(struct loop *l, int64_t now_ns)
{
    int64_t until_ns = now_ns < l->stop_ns - 1 ? now_ns : l->stop_ns - 1;
    for (; l->ahead_ns <= until_ns; l->ahead_ns = next_arrival(l, &l->ahead))
        l->counted++;
    int64_t waiting = l->counted - l->taken;
    if (l->measuring && now_ns < l->stop_ns && waiting > l->result->longest_queue)
        l->result->longest_queue = waiting;
}

static void count_items(struct loop *l, int n, int64_t from_ns, int64_t to_ns)
{
    struct wtl_serve_result *r = l->result;
    if (l->begin_ns == FOREVER)
        r->warmup_batches++;
    for (int i = 0; i < n; i++)
        if (in_window(l, l->batch_due_ns[i])) {
            wtl_latency_add(&r->latency, to_ns - l->batch_due_ns[i]);
            wtl_latency_add(&r->wait, from_ns - l->batch_due_ns[i]);
            mark_latency(l, to_ns - l->batch_due_ns[i], to_ns);
        }
    if (l->measuring && to_ns < l->stop_ns) {
        count_batch(l, n, from_ns, to_ns);
        mark_work(l, n, to_ns);
    }
}

/* Works on who is due, or waits for who is next, until `until_ns` at most. */
static int open_step(struct loop *l, int64_t now_ns, int64_t until_ns, struct wtl_error *err)
{
    look_at_queue(l, now_ns);
    int n = take(l, now_ns);
    if (n == 0) {
        int64_t wake_ns = l->next_ns < until_ns ? l->next_ns : until_ns;
        l->host->wait(l->host->ctx, wake_ns - now_ns);
        return 0;
    }
    int64_t from_ns = now_of(l);
    int rc = l->engine->run(l->engine->ctx, n, err);
    if (rc < 0)
        return rc;
    count_items(l, n, from_ns, now_of(l));
    return 0;
}

/* Who was due in the window and was not served had waited at least until now. */
static void count_unserved(struct loop *l, int64_t now_ns)
{
    int64_t until_ns = now_ns < l->stop_ns ? now_ns : l->stop_ns;
    while (l->next_ns < until_ns && l->result->offered < l->offered_limit) {
        if (l->next_ns >= l->begin_ns) {
            l->result->offered++;
            l->result->unserved++;
            wtl_latency_add(&l->result->latency, now_ns - l->next_ns);
            wtl_latency_add(&l->result->wait, now_ns - l->next_ns);
        }
        l->next_ns = next_arrival(l, &l->due);
    }
}

/* Whether there is more to do by `stop_ns`, of those that count. */
static bool open_goes_on(struct loop *l, int64_t now_ns, int64_t stop_ns)
{
    return now_ns < stop_ns && l->result->offered < l->offered_limit && !told(l);
}

/* The window, then those who are still waiting, for as long again at most. */
static int open_window(struct loop *l, struct wtl_error *err)
{
    int64_t now_ns = now_of(l), drained_ns = l->stop_ns + ns_of(l->plan->duration_s);
    int rc = 0;
    for (; rc == 0 && open_goes_on(l, now_ns, l->stop_ns); now_ns = now_of(l))
        rc = open_step(l, now_ns, l->stop_ns, err);
    if (rc == 0)
        end_window(l, now_ns < l->stop_ns ? now_ns : l->stop_ns);
    for (; rc == 0 && may_take(l, now_ns) && open_goes_on(l, now_ns, drained_ns);
         now_ns = now_of(l))
        rc = open_step(l, now_ns, l->stop_ns, err);
    if (rc == 0)
        count_unserved(l, now_ns);
    return rc;
}

static int open_loop(struct loop *l, struct wtl_error *err)
{
    int64_t t_ns = now_of(l), warm_ns = t_ns + ns_of(l->plan->warmup_s), begun_ns = t_ns;
    int64_t from_ns, to_ns;
    int rc = 0;
    if (l->plan->warmup_s > 0) { /* the first is slow, and no queue shall come of it */
        rc = one_batch(l, &from_ns, &to_ns, err);
        l->result->warmup_batches++;
    }
    l->origin_ns = now_of(l);
    l->due = l->ahead = wtl_arrivals_at_rate(WTL_ARRIVAL_POISSON, l->plan->rate_hz, l->plan->seed);
    l->next_ns = next_arrival(l, &l->due);
    l->ahead_ns = next_arrival(l, &l->ahead);
    while (rc == 0 && (t_ns = now_of(l)) < warm_ns && !told(l))
        rc = open_step(l, t_ns, warm_ns, err);
    if (rc < 0)
        return rc;
    l->result->warmup_s = (double)(t_ns - begun_ns) / 1e9;
    l->offered_limit = l->plan->count > 0 ? l->plan->count : FOREVER;
    begin_window(l, t_ns);
    return open_window(l, err);
}

/* ---- All ------------------------------------------------------------------------------------- */

struct wtl_serve_result *wtl_serve_result_new(struct wtl_arena *arena)
{
    return WTL_NEW(arena, struct wtl_serve_result);
}

int wtl_serve(struct wtl_arena *arena, const struct wtl_engine *engine,
              const struct wtl_serve_plan *plan, const struct wtl_serve_host *host,
              struct wtl_serve_result *result, struct wtl_error *err)
{
    struct loop l = {.engine = engine,
                     .plan = plan,
                     .host = host,
                     .result = result,
                     .begin_ns = FOREVER,
                     .stop_ns = FOREVER,
                     .offered_limit = FOREVER};
    memset(result, 0, sizeof *result); /* too large for a value on the stack */
    if (!(plan->rate_hz > 0))
        return closed_loop(&l, err);
    l.batch_due_ns = WTL_NEW_ARRAY(arena, int64_t, (size_t)engine->batch);
    return l.batch_due_ns ? open_loop(&l, err) : WTL_FAIL(err, WTL_NOMEM, "out of memory");
}
