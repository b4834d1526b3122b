/* SPDX-License-Identifier: Apache-2.0
 * Opening a back end whose library may hang: on a thread, into a machine of its own, which the real
 * one takes over when the thread is back in time. One that is not keeps its memory. */
#include "device/machine_impl.h"
#include "device/waiting.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* Opening may take several times what a call may: without persistence mode the driver wakes every
 * board then, a second or more each. */
enum { OPEN_DEADLINES = 6 };

struct opening {
    const struct wtl_backend *backend;
    struct wtl_backend_host host;
    struct wtl_error err;
    int rc;
    bool done;
    pthread_mutex_t lock;
    pthread_cond_t changed;
};

static void *open_it(void *arg)
{
    struct opening *o = arg;
    int rc = o->backend->open(&o->host, &o->err);
    pthread_mutex_lock(&o->lock);
    o->rc = rc;
    o->done = true;
    pthread_cond_broadcast(&o->changed);
    pthread_mutex_unlock(&o->lock);
    return NULL;
}

/* A machine of the same view, without devices. */
static struct wtl_machine *new_part(const struct wtl_machine *m)
{
    struct wtl_arena arena;
    wtl_arena_init(&arena, m->arena.alloc);
    struct wtl_machine *part = WTL_NEW(&arena, struct wtl_machine);
    if (!part)
        return NULL;
    part->arena = arena;
    part->clock = m->clock;
    part->deadline_ns = m->deadline_ns;
    part->root_fd = m->root_fd;
    part->files = m->files;
    part->live = m->live;
    part->nvml = m->nvml ? wtl_arena_strdup(&part->arena, m->nvml) : NULL;
    part->asking = m->asking;
    return part;
}

static struct opening *prepare(struct wtl_machine *part, const struct wtl_backend *b,
                               const char *wanted)
{
    struct opening *o = WTL_NEW(&part->arena, struct opening);
    const char *name = wanted ? wtl_arena_strdup(&part->arena, wanted) : NULL;
    if (!o || part->arena.failed)
        return NULL;
    o->backend = b;
    o->host = wtl_backend_host_of(part, name);
    return wtl_waiting_init(&o->lock, &o->changed) ? o : NULL;
}

static void drop(struct wtl_machine *part, struct opening *o)
{
    if (o)
        wtl_waiting_fini(&o->lock, &o->changed);
    struct wtl_arena arena = part->arena; /* holds the part, too */
    wtl_arena_fini(&arena);
}

/* Whether the thread came back in time. */
static bool wait_for(struct opening *o, int64_t ns)
{
    struct timespec until = wtl_time_from_now(ns);
    int late = 0;
    pthread_mutex_lock(&o->lock);
    while (!o->done && late != ETIMEDOUT)
        late = pthread_cond_timedwait(&o->changed, &o->lock, &until);
    bool done = o->done;
    pthread_mutex_unlock(&o->lock);
    return done;
}

/* The part's devices and findings become the machine's; the part's memory is kept with it. */
static int adopt(struct wtl_machine *m, struct wtl_machine *part, struct wtl_error *err)
{
    int first = (int)m->n;
    part->next_part = m->parts;
    m->parts = part;
    for (size_t i = 0; i < part->n; i++) {
        struct wtl_device *d = part->devices[i];
        d->machine = m;
        d->first = first;
        if (d->info.parent >= 0)
            d->info.parent += first;
        int rc = wtl_machine_keep(m, d, err);
        if (rc < 0) {
            part->devices += i; /* closed with the part */
            part->n -= i;
            return rc;
        }
    }
    part->n = 0;
    for (size_t i = 0; i < part->n_findings; i++) {
        if (wtl_grow(&m->arena, &m->findings, m->n_findings, &m->cap_findings) < 0)
            return WTL_FAIL(err, WTL_NOMEM, "out of memory");
        m->findings[m->n_findings++] = part->findings[i];
    }
    return part->arena.failed ? WTL_FAIL(err, WTL_NOMEM, "out of memory") : 0;
}

static int hangs(struct wtl_machine *m, const struct wtl_backend *b, bool asked,
                 struct wtl_error *err)
{
    struct wtl_backend_host host = wtl_backend_host_of(m, NULL);
    double s = OPEN_DEADLINES * (double)m->deadline_ns / (double)WTL_NS_PER_S;
    m->abandoned = true;
    char text[256];
    snprintf(text, sizeof text, "%s did not open within %g s: the driver hangs", b->summary, s);
    if (!m->hang)
        m->hang = wtl_arena_strdup(&m->arena, text);
    wtl_backend_finding(&host, WTL_FINDING_PROBLEM, b->prefix, "sudo dmesg | tail", "%s", text);
    if (!asked)
        return 0;
    int rc = WTL_FAIL(err, WTL_TIMEOUT, "%s", text);
    wtl_machine_hang_hint(err);
    return rc;
}

static int open_here(struct wtl_machine *m, const struct wtl_backend *b, const char *wanted,
                     struct wtl_error *err)
{
    struct wtl_backend_host host = wtl_backend_host_of(m, wanted);
    return b->open(&host, err);
}

static int open_on_thread(struct wtl_machine *m, const struct wtl_backend *b, const char *wanted,
                          bool asked, struct wtl_error *err)
{
    struct wtl_machine *part = new_part(m);
    struct opening *o = part ? prepare(part, b, wanted) : NULL;
    pthread_t thread;
    if (!o || !wtl_thread_start(&thread, open_it, o)) {
        if (part)
            drop(part, o);
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    }
    if (!wait_for(o, OPEN_DEADLINES * m->deadline_ns)) {
        pthread_detach(thread);
        return hangs(m, b, asked, err);
    }
    pthread_join(thread, NULL);
    wtl_waiting_fini(&o->lock, &o->changed);
    int rc = o->rc;
    if (rc < 0 && err)
        *err = o->err;
    int adopted = adopt(m, part, rc < 0 ? NULL : err);
    return rc < 0 ? rc : adopted;
}

/* A plan that somebody sent must not run commands here, nor get a password sent to its host. */
static int refuse_for_knobs(const struct wtl_backend *b, const char *wanted, struct wtl_error *err)
{
    int rc =
        WTL_FAIL(err, WTL_PERMISSION,
                 "\"%s:%.80s\" is not opened where knobs are moved: it has none, and would run a "
                 "command or log in somewhere",
                 b->prefix, strchr(wanted, '@') ? "..." : wanted); /* there may be a password */
    wtl_error_hint(err, "such devices are only read, where -i names them");
    return rc;
}

int wtl_backend_open(struct wtl_machine *m, const struct wtl_backend *b, const char *wanted,
                     bool asked, struct wtl_error *err)
{
    if (b->reaches_out && wanted && m->for_knobs)
        return refuse_for_knobs(b, wanted, err);
    m->asking =
        b->reaches_out && wanted ? wtl_arena_printf(&m->arena, "%s:%s", b->prefix, wanted) : NULL;
    int rc =
        b->opening_blocks ? open_on_thread(m, b, wanted, asked, err) : open_here(m, b, wanted, err);
    m->asking = NULL;
    return rc;
}
