/* SPDX-License-Identifier: Apache-2.0
 * Reading all devices, once or on a thread of its own. */
#include "telemetry/sampler.h"

#include "device/waiting.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct wtl_sampler {
    struct wtl_machine *machine;
    struct wtl_clock clock;
    size_t n;
    int *device;                   /* indices into the machine's */
    struct wtl_arena arena;        /* holds the sampler, too */
    struct wtl_arena ranges;       /* of the thread */
    struct wtl_device_sample work; /* of the thread */
    int fd;
    pthread_t thread;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    int64_t interval_ns;
    bool stop;
    int64_t rounds;
    int waiting;
    int64_t asked_ns;
    struct wtl_device_sample *newest;
};

/* ---- One device ------------------------------------------------------------------------------ */

static void sample_reading(struct wtl_device *device, struct wtl_device_sample *s)
{
    struct wtl_error err = {0};
    s->rc = wtl_device_read(device, wtl_device_info(device)->sensors, &s->reading, &err);
    if (s->rc < 0)
        memcpy(s->trouble, err.message, sizeof s->trouble);
    else
        s->trouble[0] = '\0';
}

static void sample_knobs(struct wtl_device *device, struct wtl_arena *arena,
                         struct wtl_device_sample *s)
{
    unsigned has = wtl_device_info(device)->knobs;
    s->knobs = 0;
    for (int k = 0; k < (int)WTL_N_KNOBS && s->rc == 0; k++) {
        enum wtl_knob knob = (enum wtl_knob)k;
        if (!(has & WTL_KNOB_BIT(k)))
            continue;
        if (wtl_device_knob(device, knob, &s->knob[k], NULL) == 0)
            s->knobs |= WTL_KNOB_BIT(k);
        if (!s->asked_ranges &&
            wtl_device_knob_range(device, knob, arena, &s->range[k], NULL) == 0) {
            s->range[k].steps = NULL;
            s->range[k].n_steps = 0;
            s->ranges |= WTL_KNOB_BIT(k);
        }
    }
    s->asked_ranges = s->asked_ranges || s->rc == 0;
}

void wtl_sample_device(struct wtl_device *device, struct wtl_clock clock, struct wtl_arena *arena,
                       struct wtl_device_sample *s)
{
    int64_t now_ns = clock.monotonic_ns(clock.ctx);
    sample_reading(device, s);
    sample_knobs(device, arena, s);
    s->n_processes = 0;
    s->processes_rc = s->rc;
    if (s->rc == 0)
        s->processes_rc =
            wtl_device_processes(device, s->process, WTL_SAMPLE_PROCESSES, &s->n_processes, NULL);
    if (s->rc == 0 || s->t_ns == 0)
        s->t_ns = now_ns > 0 ? now_ns : 1;
}

/* ---- The thread ------------------------------------------------------------------------------ */

static void note(struct wtl_sampler *s, int device)
{
    pthread_mutex_lock(&s->lock);
    s->waiting = device;
    s->asked_ns = s->clock.monotonic_ns(s->clock.ctx);
    pthread_mutex_unlock(&s->lock);
}

static void publish(struct wtl_sampler *s, size_t device)
{
    pthread_mutex_lock(&s->lock);
    s->newest[device] = s->work;
    s->waiting = -1;
    pthread_mutex_unlock(&s->lock);
}

static bool stopped(struct wtl_sampler *s)
{
    pthread_mutex_lock(&s->lock);
    bool stop = s->stop;
    pthread_mutex_unlock(&s->lock);
    return stop;
}

static void round_of(struct wtl_sampler *s)
{
    for (size_t i = 0; i < s->n && !stopped(s); i++) {
        note(s, (int)i);
        s->work = s->newest[i]; /* nobody else writes there */
        wtl_sample_device(wtl_machine_device(s->machine, (size_t)s->device[i]), s->clock,
                          &s->ranges, &s->work);
        publish(s, i);
    }
    pthread_mutex_lock(&s->lock);
    s->rounds++;
    pthread_mutex_unlock(&s->lock);
    uint64_t one = 1;
    ssize_t n = write(s->fd, &one, sizeof one);
    (void)n; /* the counter is full: there is something to read already */
}

/* Until an interval after `begun`, a stop, or another interval. */
static void rest(struct wtl_sampler *s, struct timespec begun)
{
    pthread_mutex_lock(&s->lock);
    int64_t interval = s->interval_ns;
    struct timespec until = wtl_time_after(begun, interval);
    int late = 0;
    while (!s->stop && s->interval_ns == interval && late != ETIMEDOUT)
        late = pthread_cond_timedwait(&s->changed, &s->lock, &until);
    pthread_mutex_unlock(&s->lock);
}

static void *run(void *arg)
{
    struct wtl_sampler *s = arg;
    while (!stopped(s)) {
        struct timespec begun;
        clock_gettime(CLOCK_MONOTONIC, &begun);
        round_of(s);
        rest(s, begun);
    }
    return NULL;
}

static int start(struct wtl_sampler *s, struct wtl_error *err)
{
    s->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->fd < 0)
        return WTL_FAIL(err, WTL_FAILED, "no event descriptor: %s", strerror(errno));
    if (!wtl_waiting_init(&s->lock, &s->changed)) {
        close(s->fd);
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    }
    if (!wtl_thread_start(&s->thread, run, s)) {
        wtl_waiting_fini(&s->lock, &s->changed);
        close(s->fd);
        return WTL_FAIL(err, WTL_NOMEM, "no thread to read the devices");
    }
    return 0;
}

static void free_memory(struct wtl_sampler *s)
{
    wtl_arena_fini(&s->ranges);
    struct wtl_arena arena = s->arena;
    wtl_arena_fini(&arena);
}

int wtl_sampler_start(struct wtl_alloc alloc, struct wtl_machine *machine, const int *devices,
                      size_t n, struct wtl_clock clock, int64_t interval_ns,
                      struct wtl_sampler **sampler_out, struct wtl_error *err)
{
    struct wtl_arena arena;
    wtl_arena_init(&arena, alloc);

    struct wtl_sampler *s = WTL_NEW(&arena, struct wtl_sampler);
    struct wtl_device_sample *newest = WTL_NEW_ARRAY(&arena, struct wtl_device_sample, n + 1);
    int *device = wtl_arena_memdup(&arena, devices, n * sizeof *devices);
    if (!s || !newest || (n > 0 && !device)) {
        wtl_arena_fini(&arena);
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    }
    *s = (struct wtl_sampler){.machine = machine,
                              .clock = clock,
                              .n = n,
                              .device = device,
                              .arena = arena,
                              .newest = newest,
                              .interval_ns = interval_ns,
                              .waiting = -1};
    wtl_arena_init(&s->ranges, alloc);
    int rc = start(s, err);
    if (rc < 0)
        free_memory(s);
    else
        *sampler_out = s;
    return rc;
}

bool wtl_sampler_stop(struct wtl_sampler *s, int64_t patience_ns)
{
    if (!s)
        return true;
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    const struct timespec until = wtl_time_from_now(patience_ns);
    if (pthread_clockjoin_np(s->thread, NULL, CLOCK_MONOTONIC, &until) != 0) {
        pthread_detach(s->thread);
        return false;
    }
    wtl_waiting_fini(&s->lock, &s->changed);
    close(s->fd);
    free_memory(s);
    return true;
}

void wtl_sampler_set_interval(struct wtl_sampler *s, int64_t interval_ns)
{
    pthread_mutex_lock(&s->lock);
    s->interval_ns = interval_ns;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

int wtl_sampler_fd(const struct wtl_sampler *s)
{
    return s->fd;
}

int64_t wtl_sampler_take(struct wtl_sampler *s, struct wtl_device_sample *samples_out,
                         int *waiting_out, int64_t *waiting_ns_out)
{
    uint64_t count;
    ssize_t n = read(s->fd, &count, sizeof count);
    (void)n; /* nothing new is no failure */
    pthread_mutex_lock(&s->lock);
    memcpy(samples_out, s->newest, s->n * sizeof *samples_out);
    *waiting_out = s->waiting;
    *waiting_ns_out = s->clock.monotonic_ns(s->clock.ctx) - s->asked_ns;
    int64_t rounds = s->rounds;
    pthread_mutex_unlock(&s->lock);
    return rounds;
}
