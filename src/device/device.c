/* SPDX-License-Identifier: Apache-2.0
 * Calls on one device: straight to the back end, or on the device's worker thread where the
 * back end may block. Arguments and results of a call live with the worker, so that one that comes
 * back after its deadline writes to nobody's memory but its own. */
#include "device/knob.h"
#include "device/machine_impl.h"
#include "device/waiting.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

/* As many as one call can give: NVML keeps about 120 samples and lists 100 or so processes. */
enum { RING_MAX = 1024, PROCESS_MAX = 512, ERRORS_MAX = 32 };

enum operation { OP_READ, OP_RING, OP_PROCESSES, OP_EPOCH, OP_ERRORS, OP_GET, OP_RANGE, OP_SET };

/* What each reading needs comes first: it finds the caches cold. */
struct call {
    enum operation op;
    int rc;
    size_t max, n;   /* ring, processes, errors */
    uint64_t wanted; /* read */
    struct wtl_reading reading;
    struct wtl_error err;

    enum wtl_metric metric; /* ring */
    int64_t since_ns;
    char epoch[WTL_LIMIT_NAME];

    enum wtl_knob knob; /* get, range, set */
    struct wtl_knob_value value;
    bool read_back;
    struct wtl_knob_state state;
    struct wtl_knob_range range;
    struct wtl_arena range_arena;

    struct wtl_ring_sample ring[RING_MAX];
    struct wtl_process processes[PROCESS_MAX];
    struct wtl_driver_error errors[ERRORS_MAX];
};

enum phase { IDLE, POSTED, DONE, ENDING };

struct wtl_worker {
    bool left;     /* a call of the adopting thread hangs in it */
    bool threaded; /* the mutex, the condition and, once `started`, the thread exist */
    bool started;
    enum phase phase; /* POSTED between calls: the last one missed its deadline and is not back */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    struct call call;
};

/* ---- The back end's work --------------------------------------------------------------------- */

static int unsupported(const struct wtl_device *d, const char *what, struct wtl_error *err)
{
    return WTL_FAIL(err, WTL_UNSUPPORTED, "%s %s", d->info.id, what);
}

static int do_read(const struct wtl_device *d, struct call *c)
{
    struct wtl_reading *r = &c->reading;
    memset(r, 0, sizeof *r);
    memset(r->absence, WTL_ABSENT_UNSUPPORTED, sizeof r->absence);
    struct wtl_clock clock = d->machine->clock;
    int64_t before = clock.monotonic_ns(clock.ctx);
    int rc = d->ops.sensors->read(d->ops.state, c->wanted, r, &c->err);
    int64_t after = clock.monotonic_ns(clock.ctx);
    r->t_ns = before + (after - before) / 2;
    r->cost_ns = after - before;
    r->valid &= c->wanted;
    for (uint64_t left = r->valid; left; left &= left - 1)
        r->absence[__builtin_ctzll(left)] = WTL_PRESENT;
    return rc;
}

static int do_errors(const struct wtl_device *d, struct call *c)
{
    const struct wtl_sensor_ops *s = d->ops.sensors;
    struct wtl_clock clock = d->machine->clock;
    if (!s->errors)
        return unsupported(d, "tells of no errors", &c->err);
    int rc = s->errors(d->ops.state, c->errors, c->max, &c->n, &c->err);
    for (size_t i = 0; rc == 0 && i < c->n; i++)
        if (c->errors[i].t_ns == 0)
            c->errors[i].t_ns = clock.monotonic_ns(clock.ctx);
    return rc;
}

static int do_get(const struct wtl_device *d, struct call *c)
{
    memset(&c->state, 0, sizeof c->state);
    return d->ops.knobs->get(d->ops.state, c->knob, &c->state, &c->err);
}

static int do_set(const struct wtl_device *d, struct call *c)
{
    int rc = d->ops.knobs->set(d->ops.state, c->knob, c->value, &c->err);
    return rc < 0 || !c->read_back ? rc : do_get(d, c);
}

static int do_knob(const struct wtl_device *d, struct call *c)
{
    if (!d->ops.knobs || !(d->info.knobs & WTL_KNOB_BIT(c->knob)))
        return WTL_FAIL(&c->err, WTL_UNSUPPORTED, "%s has no %s to set", d->info.id,
                        wtl_knob_info(c->knob)->title);
    if (c->op == OP_GET)
        return do_get(d, c);
    if (c->op == OP_SET)
        return do_set(d, c);
    wtl_arena_reset(&c->range_arena);
    memset(&c->range, 0, sizeof c->range);
    return d->ops.knobs->range(d->ops.state, c->knob, &c->range_arena, &c->range, &c->err);
}

static int perform(const struct wtl_device *d, struct call *c)
{
    const struct wtl_sensor_ops *s = d->ops.sensors;
    void *state = d->ops.state;
    switch (c->op) {
    case OP_READ:
        return do_read(d, c);
    case OP_RING:
        return s->ring ? s->ring(state, c->metric, c->since_ns, c->ring, c->max, &c->n, &c->err)
                       : unsupported(d, "keeps no samples", &c->err);
    case OP_PROCESSES:
        return s->processes ? s->processes(state, c->processes, c->max, &c->n, &c->err)
                            : unsupported(d, "does not say who uses it", &c->err);
    case OP_EPOCH:
        if (s->epoch)
            return s->epoch(state, c->epoch, &c->err);
        memcpy(c->epoch, d->info.epoch, sizeof c->epoch);
        return 0;
    case OP_ERRORS:
        return do_errors(d, c);
    case OP_GET:
    case OP_RANGE:
    case OP_SET:
        break;
    }
    return do_knob(d, c);
}

/* ---- The worker ------------------------------------------------------------------------------ */

static void *work(void *arg)
{
    const struct wtl_device *d = arg;
    struct wtl_worker *w = d->worker;
    pthread_mutex_lock(&w->lock);
    while (w->phase != ENDING) {
        if (w->phase != POSTED) {
            pthread_cond_wait(&w->changed, &w->lock);
            continue;
        }
        pthread_mutex_unlock(&w->lock);
        int rc = perform(d, &w->call);
        pthread_mutex_lock(&w->lock);
        w->call.rc = rc;
        if (w->phase == POSTED)
            w->phase = DONE;
        pthread_cond_broadcast(&w->changed);
    }
    w->phase = IDLE; /* what wtl_worker_fini() waits for */
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static int overdue(const struct wtl_device *d, struct wtl_error *err)
{
    double s = (double)d->machine->deadline_ns / (double)WTL_NS_PER_S;
    int rc = WTL_FAIL(err, WTL_TIMEOUT, "%s did not answer within %g s", d->info.id, s);
    wtl_error_hint(err, "the call hangs in the driver; `dmesg` may say why");
    return rc;
}

static int start(struct wtl_device *d, struct wtl_error *err)
{
    struct wtl_worker *w = d->worker;
    if (w->started)
        return 0;
    if (!wtl_thread_start(&w->thread, work, d))
        return WTL_FAIL(err, WTL_NOMEM, "no thread for %s", d->info.id);
    w->started = true;
    return 0;
}

/* The worker's call struct, for a new call; NULL while an overdue one is still under way. */
static struct call *prepare(struct wtl_device *d, enum operation op, struct wtl_error *err)
{
    struct wtl_worker *w = d->worker;
    if (w->threaded) {
        pthread_mutex_lock(&w->lock);
        bool hangs = w->phase == POSTED;
        if (!hangs)
            w->phase = IDLE;
        pthread_mutex_unlock(&w->lock);
        if (hangs) {
            overdue(d, err);
            return NULL;
        }
    }
    w->call.op = op;
    w->call.rc = 0;
    w->call.err.code = WTL_OK;
    w->call.n = 0;
    return &w->call;
}

static int wait_for(struct wtl_device *d, struct wtl_error *err)
{
    struct wtl_worker *w = d->worker;
    struct timespec until = wtl_time_from_now(d->machine->deadline_ns);
    pthread_mutex_lock(&w->lock);
    w->phase = POSTED;
    pthread_cond_broadcast(&w->changed);
    int late = 0;
    while (w->phase == POSTED && late != ETIMEDOUT)
        late = pthread_cond_timedwait(&w->changed, &w->lock, &until);
    bool back = w->phase != POSTED;
    pthread_mutex_unlock(&w->lock);
    return back ? 0 : overdue(d, err);
}

static int run(struct wtl_device *d, struct call *c, struct wtl_error *err)
{
    int rc = 0;
    if (d->worker->threaded) {
        rc = start(d, err);
        if (rc == 0)
            rc = wait_for(d, err);
        if (rc < 0)
            return rc;
    } else {
        c->rc = perform(d, c);
    }
    if (c->rc < 0 && err)
        *err = c->err;
    return c->rc;
}

static struct wtl_worker *new_worker(struct wtl_machine *m)
{
    struct wtl_worker *w = WTL_NEW(&m->arena, struct wtl_worker);
    if (w)
        wtl_arena_init(&w->call.range_arena, m->arena.alloc);
    return w;
}

int wtl_worker_init(struct wtl_device *d, struct wtl_error *err)
{
    struct wtl_machine *m = d->machine;
    if (!d->ops.blocks) {
        if (!m->direct)
            m->direct = new_worker(m);
        d->worker = m->direct;
    } else {
        d->worker = new_worker(m);
        if (d->worker && !wtl_waiting_init(&d->worker->lock, &d->worker->changed))
            d->worker = NULL;
        if (d->worker)
            d->worker->threaded = true;
    }
    return d->worker ? 0 : WTL_FAIL(err, WTL_NOMEM, "out of memory");
}

void wtl_device_interrupt(struct wtl_device *d)
{
    if (d->ops.sensors->interrupt)
        d->ops.sensors->interrupt(d->ops.state);
}

void wtl_device_leave(struct wtl_device *d)
{
    d->worker->left = true;
}

/* Waits until the thread has left its last call; false after a deadline without that. */
static bool end_thread(struct wtl_device *d, struct wtl_worker *w)
{
    pthread_mutex_lock(&w->lock);
    bool busy = w->phase == POSTED;
    w->phase = ENDING;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    if (busy)
        wtl_device_interrupt(d);
    struct timespec until = wtl_time_from_now(d->machine->deadline_ns);
    int late = 0;
    pthread_mutex_lock(&w->lock);
    while (w->phase == ENDING && late != ETIMEDOUT)
        late = pthread_cond_timedwait(&w->changed, &w->lock, &until);
    bool ended = w->phase == IDLE;
    pthread_mutex_unlock(&w->lock);
    if (ended)
        pthread_join(w->thread, NULL);
    else
        pthread_detach(w->thread);
    return ended;
}

int wtl_device_adopt(struct wtl_device *d, struct wtl_error *err)
{
    struct wtl_worker *w = new_worker(d->machine);
    if (!w)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    bool shared = d->worker == d->machine->direct;
    if (!shared && !wtl_worker_fini(d)) {
        d->worker = w; /* the old one's memory is left to the call that hangs */
        return overdue(d, err);
    }
    d->worker = w;
    return 0;
}

bool wtl_worker_fini(struct wtl_device *d)
{
    struct wtl_worker *w = d->worker;
    d->worker = NULL;
    if (!w)
        return true;
    if (w->left)
        return false;
    if (w->threaded) {
        if (w->started && !end_thread(d, w))
            return false;
        wtl_waiting_fini(&w->lock, &w->changed);
    }
    wtl_arena_fini(&w->call.range_arena); /* twice is fine: devices that do not block share one */
    return true;
}

/* ---- The calls ------------------------------------------------------------------------------- */

int wtl_device_read(struct wtl_device *device, uint64_t wanted, struct wtl_reading *out,
                    struct wtl_error *err)
{
    struct call *c = prepare(device, OP_READ, err);
    if (!c)
        return -WTL_TIMEOUT;
    c->wanted = wanted;
    int rc = run(device, c, err);
    if (rc == 0)
        *out = c->reading;
    return rc;
}

int wtl_device_ring(struct wtl_device *device, enum wtl_metric metric, int64_t since_ns,
                    struct wtl_ring_sample *out, size_t max, size_t *n_out, struct wtl_error *err)
{
    struct call *c = prepare(device, OP_RING, err);
    if (!c)
        return -WTL_TIMEOUT;
    c->metric = metric;
    c->since_ns = since_ns;
    c->max = max < RING_MAX ? max : RING_MAX;
    int rc = run(device, c, err);
    if (rc < 0)
        return rc;
    if (c->n > 0)
        memcpy(out, c->ring, c->n * sizeof *out);
    *n_out = c->n;
    return 0;
}

/* The index of the device that the back end gave the number `found`; -1: not one of those chosen.
 */
static int chosen_index(const struct wtl_machine *m, int found)
{
    if (!m->found || found < 0)
        return found;
    for (size_t i = 0; i < m->n && (size_t)found < m->n_found; i++)
        if (m->devices[i] == m->found[found])
            return (int)i;
    return -1;
}

int wtl_device_processes(struct wtl_device *device, struct wtl_process *out, size_t max,
                         size_t *n_out, struct wtl_error *err)
{
    struct call *c = prepare(device, OP_PROCESSES, err);
    if (!c)
        return -WTL_TIMEOUT;
    c->max = max < PROCESS_MAX ? max : PROCESS_MAX;
    int rc = run(device, c, err);
    if (rc < 0)
        return rc;
    size_t n = c->n < c->max ? c->n : c->max;
    if (n > 0)
        memcpy(out, c->processes, n * sizeof *out);
    for (size_t i = 0; i < n; i++)
        if (out[i].slice >= 0)
            out[i].slice = chosen_index(device->machine, device->first + out[i].slice);
    *n_out = c->n;
    return 0;
}

int wtl_device_epoch(struct wtl_device *device, char epoch_out[WTL_LIMIT_NAME],
                     struct wtl_error *err)
{
    struct call *c = prepare(device, OP_EPOCH, err);
    if (!c)
        return -WTL_TIMEOUT;
    int rc = run(device, c, err);
    if (rc == 0)
        memcpy(epoch_out, c->epoch, sizeof c->epoch);
    return rc;
}

int wtl_device_errors(struct wtl_device *device, struct wtl_driver_error *out, size_t max,
                      size_t *n_out, struct wtl_error *err)
{
    struct call *c = prepare(device, OP_ERRORS, err);
    if (!c)
        return -WTL_TIMEOUT;
    c->max = max < ERRORS_MAX ? max : ERRORS_MAX;
    int rc = run(device, c, err);
    if (rc < 0)
        return rc;
    if (c->n > 0)
        memcpy(out, c->errors, c->n * sizeof *out);
    *n_out = c->n;
    return 0;
}

int wtl_device_knob(struct wtl_device *device, enum wtl_knob knob, struct wtl_knob_state *state_out,
                    struct wtl_error *err)
{
    struct call *c = prepare(device, OP_GET, err);
    if (!c)
        return -WTL_TIMEOUT;
    c->knob = knob;
    int rc = run(device, c, err);
    if (rc == 0)
        *state_out = c->state;
    return rc;
}

int wtl_device_knob_range(struct wtl_device *device, enum wtl_knob knob, struct wtl_arena *arena,
                          struct wtl_knob_range *range_out, struct wtl_error *err)
{
    struct call *c = prepare(device, OP_RANGE, err);
    if (!c)
        return -WTL_TIMEOUT;
    c->knob = knob;
    int rc = run(device, c, err);
    if (rc < 0)
        return rc;
    struct wtl_knob_range range = c->range;
    if (range.steps) {
        range.steps = wtl_arena_memdup(arena, range.steps, range.n_steps * sizeof *range.steps);
        if (!range.steps)
            return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    }
    *range_out = range;
    return 0;
}

int wtl_knob_set(struct wtl_device *device, enum wtl_knob knob, struct wtl_knob_value value,
                 struct wtl_knob_state *state_out, struct wtl_error *err)
{
    struct call *c = prepare(device, OP_SET, err);
    if (!c)
        return -WTL_TIMEOUT;
    c->knob = knob;
    c->value = value;
    c->read_back = state_out != NULL;
    int rc = run(device, c, err);
    if (rc == 0 && state_out)
        *state_out = c->state;
    return rc;
}
