/* SPDX-License-Identifier: Apache-2.0
 * Threads that read devices into gauges. */
#include "telemetry/metering.h"

#include "device/waiting.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#define MS INT64_C(1000000)
#define BIT WTL_METRIC_BIT

/* What is due within this time is read now. */
#define TOGETHER_NS (300 * INT64_C(1000))

/* A call that takes longer hangs, as far as the others are concerned. */
#define HANGS_NS WTL_NS_PER_S

/* Threads: one a driver, and one more for each device that hangs. */
enum { THREADS_MAX = 64 };

/* What each reading needs comes first, what is large and rarely needed last: readings are so far
 * apart that each finds the caches cold. */
struct metered {
    int group;     /* devices of one driver */
    uint64_t slow; /* sensors that are read now and then */
    int n_metrics;
    enum wtl_metric metric[WTL_METERED_METRICS];

    atomic_int owner;                    /* number of the thread that reads it */
    atomic_llong asked_ns;               /* since when it has been asked; 0: it is not being */
    atomic_bool hear;                    /* somebody waits for its errors */
    bool listens;                        /* its driver tells of them */
    int64_t may_ns, due_ns, slow_due_ns; /* of its thread */

    pthread_mutex_t lock;     /* of all below but what is said to be the thread's */
    struct wtl_gauged gauged; /* the lock is its gauge's, the rest the thread's */
    struct wtl_metered_state state;
    struct wtl_metered_sample *samples; /* a ring of `keep` */
    size_t first, n_samples;
    size_t n_processes;
    struct wtl_process process[WTL_METERED_PROCESSES];
    int64_t n_errors;
    struct wtl_driver_error error[WTL_METERED_ERRORS]; /* a ring */

    struct wtl_process process_work[WTL_METERED_PROCESSES]; /* of its thread */
};

struct thread {
    struct wtl_metering *metering;
    int number, group;
    pthread_t id;
    bool started;
};

struct wtl_metering {
    struct wtl_arena arena; /* holds it, too */
    struct wtl_metering_options options;
    int64_t begun_ns;
    size_t n;
    struct metered *devices;
    atomic_bool stop;
    sem_t stopped; /* one for each thread, then */
    int n_threads;
    struct thread threads[THREADS_MAX];
};

static int64_t now_ns(const struct wtl_metering *m)
{
    return m->options.clock.monotonic_ns(m->options.clock.ctx);
}

/* ---- One reading ----------------------------------------------------------------------------- */

static void keep_sample(struct wtl_metering *m, struct metered *d)
{
    if (m->options.keep == 0)
        return;
    if (d->n_samples == m->options.keep) {
        d->first = (d->first + 1) % m->options.keep;
        d->n_samples--;
        d->state.n_lost++;
    }
    const struct wtl_gauged *g = &d->gauged;
    const struct wtl_reading *r = &g->reading;
    struct wtl_metered_sample *s = &d->samples[(d->first + d->n_samples++) % m->options.keep];
    *s = (struct wtl_metered_sample){.t_ns = r->t_ns, .wall_ns = r->t_ns + g->wall_offset_ns};
    for (int k = 0; k < d->n_metrics; k++)
        if (wtl_reading_has(r, d->metric[k])) {
            s->valid |= UINT32_C(1) << k;
            s->value[k] = r->value[d->metric[k]];
        }
    s->sensor_t_ns[0] = r->sensor_t_ns[WTL_M_energy_counter_j];
    s->sensor_t_ns[1] = g->power < WTL_N_METRICS ? r->sensor_t_ns[g->power] : 0;
}

static void read_processes(struct metered *d)
{
    size_t n = 0;
    if (d->gauged.info->kind != WTL_DEVICE_GPU ||
        wtl_device_processes(d->gauged.device, d->process_work, WTL_METERED_PROCESSES, &n, NULL) <
            0)
        return;
    n = n < WTL_METERED_PROCESSES ? n : WTL_METERED_PROCESSES;
    pthread_mutex_lock(&d->lock);
    memcpy(d->process, d->process_work, n * sizeof d->process[0]);
    d->n_processes = n;
    pthread_mutex_unlock(&d->lock);
}

/* A few at a time: more than so many between two looks are a storm, and counted at the next. */
static void read_errors(struct metered *d)
{
    struct wtl_driver_error fell[WTL_METERED_ERRORS];
    size_t n = 0;
    atomic_store(&d->hear, false);
    if (!d->listens || wtl_device_errors(d->gauged.device, fell, WTL_METERED_ERRORS, &n, NULL) < 0)
        return;
    pthread_mutex_lock(&d->lock);
    for (size_t i = 0; i < n; i++)
        d->error[d->n_errors++ % WTL_METERED_ERRORS] = fell[i];
    pthread_mutex_unlock(&d->lock);
}

/* When it is read next. An interval is of one grid for all devices, so that one wake-up serves them
 * all. */
static void schedule(const struct wtl_metering *m, struct metered *d, int rc, int64_t round_ns)
{
    const int64_t interval = m->options.interval_ns, now = now_ns(m);
    struct wtl_gauge_poll next = {now + WTL_NS_PER_S / 4, now + WTL_NS_PER_S / 4};
    if (rc == 0 && interval == 0)
        next = wtl_gauge_next_poll(&d->gauged.gauge, now);
    else if (rc == 0)
        next.may_ns = next.due_ns =
            m->begun_ns + ((round_ns + TOGETHER_NS - m->begun_ns) / interval + 1) * interval;
    d->may_ns = next.may_ns;
    d->due_ns = next.due_ns;
}

static void read_now(struct wtl_metering *m, struct metered *d, int64_t round_ns)
{
    struct wtl_gauged *g = &d->gauged;
    struct wtl_error err = {0};
    int64_t now = now_ns(m);
    bool slow = round_ns >= d->slow_due_ns;
    if (slow) {
        wtl_gauged_set_clock(g, &m->options.clock, now);
        d->slow_due_ns = round_ns + m->options.slow_ns;
    }
    atomic_store(&d->asked_ns, now);
    int rc = wtl_gauged_read(g, slow ? d->slow : 0, now, &err);
    if (rc == 0 && slow)
        read_processes(d);
    if (slow || atomic_load(&d->hear))
        read_errors(d);
    atomic_store(&d->asked_ns, 0);
    pthread_mutex_lock(&d->lock);
    d->state.n_readings++;
    d->state.answers = rc == 0;
    wtl_gauged_feed(g);
    d->state.old_ns = g->old_ns;
    if (rc == 0) {
        d->state.cost_ns += g->reading.cost_ns;
        wtl_reading_update(&d->state.newest, &g->reading);
        keep_sample(m, d);
    } else {
        d->state.n_failed++;
        memcpy(d->state.trouble, err.message, sizeof d->state.trouble);
    }
    schedule(m, d, rc, round_ns);
    pthread_mutex_unlock(&d->lock);
}

/* ---- Threads --------------------------------------------------------------------------------- */

static bool owns(const struct thread *t, const struct metered *d)
{
    return atomic_load(&d->owner) == t->number;
}

/* Where one of its own is due, reads all that may be read by now; returns when the next is due. */
static int64_t serve(const struct thread *t)
{
    struct wtl_metering *m = t->metering;
    const int64_t round_ns = now_ns(m), soon_ns = round_ns + TOGETHER_NS;
    int64_t next = round_ns + WTL_NS_PER_S;
    bool due = false;
    for (size_t i = 0; i < m->n; i++)
        due = due || (owns(t, &m->devices[i]) && m->devices[i].due_ns <= soon_ns);
    for (size_t i = 0; i < m->n && !atomic_load(&m->stop); i++) {
        struct metered *d = &m->devices[i];
        if (!owns(t, d))
            continue;
        if (due && d->may_ns <= soon_ns)
            read_now(m, d, round_ns);
        next = d->due_ns < next ? d->due_ns : next;
    }
    return next;
}

static void *run(void *arg)
{
    const struct thread *t = arg;
    struct wtl_metering *m = t->metering;
    while (!atomic_load(&m->stop)) {
        int64_t next = serve(t);
        struct timespec until = {next / WTL_NS_PER_S, next % WTL_NS_PER_S};
        if (next > now_ns(m))
            (void)sem_clockwait(&m->stopped, CLOCK_MONOTONIC, &until);
    }
    return NULL;
}

static bool start_thread(struct wtl_metering *m, int group)
{
    if (m->n_threads == THREADS_MAX)
        return false;
    struct thread *t = &m->threads[m->n_threads];
    *t = (struct thread){.metering = m, .number = m->n_threads, .group = group};
    t->started = wtl_thread_start(&t->id, run, t);
    m->n_threads += t->started;
    return t->started;
}

static bool hangs(struct metered *d, int64_t now)
{
    int64_t asked = atomic_load(&d->asked_ns);
    return asked && now - asked > HANGS_NS;
}

size_t wtl_metering_tend(struct wtl_metering *m)
{
    int64_t now = now_ns(m);
    size_t n = 0;
    for (size_t i = 0; i < m->n; i++) {
        struct metered *stuck = &m->devices[i];
        if (!hangs(stuck, now))
            continue;
        n++;
        int number = atomic_load(&stuck->owner);
        bool others = false;
        for (size_t k = 0; k < m->n; k++)
            others = others || (k != i && atomic_load(&m->devices[k].owner) == number);
        if (!others || !start_thread(m, stuck->group))
            continue;
        for (size_t k = 0; k < m->n; k++)
            if (k != i && atomic_load(&m->devices[k].owner) == number)
                atomic_store(&m->devices[k].owner, m->n_threads - 1);
    }
    return n;
}

/* ---- Start and stop -------------------------------------------------------------------------- */

static void choose_metrics(struct metered *d)
{
    static const enum wtl_metric order[] = {
        WTL_M_energy_counter_j, WTL_M_power_w,       WTL_M_power_instant_w, WTL_M_power_average_w,
        WTL_M_power_limit_w,    WTL_M_temp_c,        WTL_M_mem_temp_c,      WTL_M_sm_clock_mhz,
        WTL_M_mem_clock_mhz,    WTL_M_event_reasons, WTL_M_pstate,          WTL_M_gpu_util,
        WTL_M_mem_util,         WTL_M_fb_used_b,     WTL_M_cpu_clock_mhz,   WTL_M_cpu_time_s};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        if (d->gauged.info->sensors & BIT(order[i]))
            d->metric[d->n_metrics++] = order[i];
    for (int k = 0; k < d->n_metrics; k++)
        d->slow |= BIT(d->metric[k]) & ~d->gauged.fast;
}

static void begin_to_listen(struct metered *d)
{
    struct wtl_driver_error none[1];
    size_t n = 0;
    d->listens = wtl_device_errors(d->gauged.device, none, 1, &n, NULL) == 0;
}

static int add(struct wtl_metering *m, struct wtl_machine *machine, int index,
               const struct wtl_sensor_facts *facts, struct metered *d, struct wtl_error *err)
{
    struct wtl_device *device = wtl_machine_device(machine, (size_t)index);
    int rc = wtl_device_adopt(device, err);
    if (rc < 0)
        return rc;
    wtl_gauged_init(&d->gauged, device, facts, false, &m->arena);
    choose_metrics(d);
    begin_to_listen(d);
    if (m->options.keep)
        d->samples = WTL_NEW_ARRAY(&m->arena, struct wtl_metered_sample, m->options.keep);
    if ((m->options.keep && !d->samples) || pthread_mutex_init(&d->lock, NULL) != 0)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    return 0;
}

/* Devices with one prefix of their ids are of one driver. */
static int group_of(const struct wtl_metering *m, size_t i)
{
    size_t length = strcspn(m->devices[i].gauged.info->id, ":");
    for (size_t k = 0; k < i; k++)
        if (strncmp(m->devices[k].gauged.info->id, m->devices[i].gauged.info->id, length + 1) == 0)
            return m->devices[k].group;
    return (int)i;
}

/* Numbers of threads before they are started: as many groups as come before. */
static void give_owners(struct wtl_metering *m)
{
    int number = 0;
    for (size_t i = 0; i < m->n; i++) {
        m->devices[i].group = group_of(m, i);
        atomic_store(&m->devices[i].owner,
                     m->devices[i].group == (int)i
                         ? number++
                         : atomic_load(&m->devices[m->devices[i].group].owner));
    }
}

static int start_all(struct wtl_metering *m, struct wtl_error *err)
{
    give_owners(m);
    for (size_t i = 0; i < m->n; i++)
        if (m->devices[i].group == (int)i && !start_thread(m, (int)i))
            return WTL_FAIL(err, WTL_NOMEM, "no thread to read the devices");
    return 0;
}

static void end(struct wtl_metering *m)
{
    for (size_t i = 0; i < m->n; i++)
        pthread_mutex_destroy(&m->devices[i].lock);
    sem_destroy(&m->stopped);
    struct wtl_arena arena = m->arena;
    wtl_arena_fini(&arena);
}

int wtl_metering_start(struct wtl_alloc alloc, struct wtl_machine *machine, const int *devices,
                       size_t n, const struct wtl_metering_options *options,
                       struct wtl_metering **out, struct wtl_error *err)
{
    struct wtl_arena arena;
    wtl_arena_init(&arena, alloc);
    struct wtl_metering *m = WTL_NEW(&arena, struct wtl_metering);
    struct metered *list = WTL_NEW_ARRAY(&arena, struct metered, n + 1);
    if (!m || !list || sem_init(&m->stopped, 0, 0) != 0) {
        wtl_arena_fini(&arena);
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    }
    m->arena = arena;
    m->options = *options;
    m->options.slow_ns = options->slow_ns ? options->slow_ns : WTL_NS_PER_S / 2;
    m->devices = list;
    m->begun_ns = now_ns(m);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = add(m, machine, devices[i], options->facts ? &options->facts[i] : NULL, &list[i], err);
        m->n += rc == 0;
    }
    if (rc == 0)
        rc = start_all(m, err);
    if (rc < 0) {
        (void)wtl_metering_stop(m, 5 * WTL_NS_PER_S);
        return rc;
    }
    *out = m;
    return 0;
}

/* Of a thread that does not come back. */
static void leave_devices(struct wtl_metering *m, int thread)
{
    for (size_t i = 0; i < m->n; i++)
        if (atomic_load(&m->devices[i].owner) == thread)
            wtl_device_leave(m->devices[i].gauged.device);
}

bool wtl_metering_stop(struct wtl_metering *m, int64_t patience_ns)
{
    if (!m)
        return true;
    atomic_store(&m->stop, true);
    for (int i = 0; i < m->n_threads; i++)
        (void)sem_post(&m->stopped);
    for (size_t i = 0; i < m->n; i++)
        if (atomic_load(&m->devices[i].asked_ns))
            wtl_device_interrupt(m->devices[i].gauged.device);
    const struct timespec until = wtl_time_from_now(patience_ns);
    bool all = true;
    for (int i = 0; i < m->n_threads; i++)
        if (pthread_clockjoin_np(m->threads[i].id, NULL, CLOCK_MONOTONIC, &until) != 0) {
            pthread_detach(m->threads[i].id);
            leave_devices(m, i);
            all = false;
        }
    if (all)
        end(m);
    return all;
}

/* ---- Asking ---------------------------------------------------------------------------------- */

size_t wtl_metering_count(const struct wtl_metering *m)
{
    return m->n;
}

struct wtl_device *wtl_metering_device(const struct wtl_metering *m, size_t i)
{
    return m->devices[i].gauged.device;
}

void wtl_metering_mark(struct wtl_metering *m, size_t i, int64_t t_ns,
                       struct wtl_gauge_mark *mark_out)
{
    pthread_mutex_lock(&m->devices[i].lock);
    wtl_gauge_mark(&m->devices[i].gauged.gauge, t_ns, mark_out);
    pthread_mutex_unlock(&m->devices[i].lock);
}

bool wtl_metering_reaches(struct wtl_metering *m, size_t i, int64_t t_ns)
{
    pthread_mutex_lock(&m->devices[i].lock);
    bool reaches = wtl_gauge_reaches(&m->devices[i].gauged.gauge, t_ns);
    pthread_mutex_unlock(&m->devices[i].lock);
    return reaches;
}

/* It was asked and told neither energy nor power: nothing is to be waited for. */
static bool silent(struct metered *d)
{
    pthread_mutex_lock(&d->lock);
    bool nothing = d->state.n_readings > 0 && !(d->state.newest.valid & d->gauged.fast);
    pthread_mutex_unlock(&d->lock);
    return nothing;
}

bool wtl_metering_reaches_all(struct wtl_metering *m, int64_t t_ns)
{
    for (size_t i = 0; i < m->n; i++)
        if (!silent(&m->devices[i]) && !wtl_metering_reaches(m, i, t_ns))
            return false;
    return true;
}

int64_t wtl_metering_patience_ns(struct wtl_metering *m, size_t i)
{
    pthread_mutex_lock(&m->devices[i].lock);
    int64_t patience = wtl_gauge_patience_ns(&m->devices[i].gauged.gauge);
    pthread_mutex_unlock(&m->devices[i].lock);
    return patience;
}

void wtl_metering_between(struct wtl_metering *m, size_t i, const struct wtl_gauge_mark *a,
                          const struct wtl_gauge_mark *b, struct wtl_energy *energy_out)
{
    pthread_mutex_lock(&m->devices[i].lock);
    wtl_gauged_between(&m->devices[i].gauged, a, b, energy_out);
    pthread_mutex_unlock(&m->devices[i].lock);
}

double wtl_metering_peak_w(struct wtl_metering *m, size_t i)
{
    pthread_mutex_lock(&m->devices[i].lock);
    double peak = wtl_gauge_peak_w(&m->devices[i].gauged.gauge);
    pthread_mutex_unlock(&m->devices[i].lock);
    const struct wtl_gain *g = &m->devices[i].gauged.calibration.power;
    return g->known && peak > 0 ? g->value * peak + g->offset_w : peak;
}

int64_t wtl_metering_ticks(struct wtl_metering *m, size_t i)
{
    pthread_mutex_lock(&m->devices[i].lock);
    int64_t n = wtl_ticks_by(&m->devices[i].gauged.gauge.counter.ticks, now_ns(m));
    pthread_mutex_unlock(&m->devices[i].lock);
    return n;
}

void wtl_metering_state(struct wtl_metering *m, size_t i, struct wtl_metered_state *out)
{
    struct metered *d = &m->devices[i];
    pthread_mutex_lock(&d->lock);
    *out = d->state;
    out->counter_period_ns = wtl_gauge_period_ns(&d->gauged.gauge, true);
    out->power_period_ns = wtl_gauge_period_ns(&d->gauged.gauge, false);
    pthread_mutex_unlock(&d->lock);
    out->hangs = hangs(d, now_ns(m));
}

size_t wtl_metering_processes(struct wtl_metering *m, size_t i,
                              struct wtl_process out[WTL_METERED_PROCESSES])
{
    struct metered *d = &m->devices[i];
    pthread_mutex_lock(&d->lock);
    size_t n = d->n_processes;
    memcpy(out, d->process, n * sizeof *out);
    pthread_mutex_unlock(&d->lock);
    return n;
}

void wtl_metering_errors(struct wtl_metering *m, size_t i, struct wtl_metered_errors *out)
{
    struct metered *d = &m->devices[i];
    pthread_mutex_lock(&d->lock);
    *out = (struct wtl_metered_errors){.told = d->listens, .n = d->n_errors};
    out->n_kept = d->n_errors < WTL_METERED_ERRORS ? (size_t)d->n_errors : WTL_METERED_ERRORS;
    for (size_t k = 0; k < out->n_kept; k++)
        out->kept[k] =
            d->error[(size_t)(d->n_errors - (int64_t)(out->n_kept - k)) % WTL_METERED_ERRORS];
    pthread_mutex_unlock(&d->lock);
}

void wtl_metering_hear(struct wtl_metering *m)
{
    for (size_t i = 0; i < m->n; i++)
        atomic_store(&m->devices[i].hear, m->devices[i].listens);
}

bool wtl_metering_heard(struct wtl_metering *m)
{
    for (size_t i = 0; i < m->n; i++)
        if (atomic_load(&m->devices[i].hear))
            return false;
    return true;
}

size_t wtl_metering_take(struct wtl_metering *m, size_t i, struct wtl_metered_sample *out,
                         size_t max)
{
    struct metered *d = &m->devices[i];
    size_t n = 0;
    pthread_mutex_lock(&d->lock);
    for (; n < max && d->n_samples > 0; d->n_samples--) {
        out[n++] = d->samples[d->first];
        d->first = (d->first + 1) % m->options.keep;
    }
    pthread_mutex_unlock(&d->lock);
    return n;
}

int wtl_metering_metrics(const struct wtl_metering *m, size_t i,
                         enum wtl_metric metric_out[WTL_METERED_METRICS])
{
    const struct metered *d = &m->devices[i];
    memcpy(metric_out, d->metric, sizeof d->metric);
    return d->n_metrics;
}
