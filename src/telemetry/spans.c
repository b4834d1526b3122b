/* SPDX-License-Identifier: Apache-2.0
 * Open windows of one process. */
#include "telemetry/spans.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* After that a mark that is still not settled never will be: the sensor has stopped. */
#define GRACE_NS (WTL_NS_PER_S / 2)

struct wtl_spans {
    struct wtl_metering *metering;
    size_t n;
    pthread_mutex_t lock;
    int n_free, n_open;
    int free[WTL_SPANS_OPEN];
    int open[WTL_SPANS_OPEN]; /* in order of their begin */
    struct wtl_span span[WTL_SPANS_OPEN];
};

int wtl_spans_new(struct wtl_arena *arena, struct wtl_metering *metering, struct wtl_spans **out,
                  struct wtl_error *err)
{
    struct wtl_spans *s = WTL_NEW(arena, struct wtl_spans);
    size_t n = metering ? wtl_metering_count(metering) : 0;
    struct wtl_gauge_mark *marks =
        WTL_NEW_ARRAY(arena, struct wtl_gauge_mark, WTL_SPANS_OPEN * (n + 1));
    if (!s || !marks || pthread_mutex_init(&s->lock, NULL) != 0)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    s->metering = metering;
    s->n = n;
    s->n_free = WTL_SPANS_OPEN;
    for (int i = 0; i < WTL_SPANS_OPEN; i++) {
        s->free[i] = WTL_SPANS_OPEN - 1 - i;
        s->span[i].mark = marks + (size_t)i * n;
    }
    *out = s;
    return 0;
}

void wtl_spans_fini(struct wtl_spans *s)
{
    pthread_mutex_destroy(&s->lock);
}

bool wtl_spans_begin(struct wtl_spans *s, const char *name, int64_t t_ns, int64_t tid)
{
    pthread_mutex_lock(&s->lock);
    bool room = s->n_free > 0;
    if (room) {
        int slot = s->free[--s->n_free];
        struct wtl_span *x = &s->span[slot];
        snprintf(x->name, sizeof x->name, "%s", name);
        x->t_ns = t_ns;
        x->tid = tid;
        x->settled = false;
        s->open[s->n_open++] = slot;
    }
    pthread_mutex_unlock(&s->lock);
    return room;
}

/* Its place among the open ones; -1: none. */
static int find(const struct wtl_spans *s, const char *name, int64_t tid)
{
    int other = -1;
    for (int k = s->n_open - 1; k >= 0; k--) {
        const struct wtl_span *x = &s->span[s->open[k]];
        if (strcmp(x->name, name) != 0)
            continue;
        if (x->tid == tid)
            return k;
        other = other < 0 ? k : other;
    }
    return other;
}

struct wtl_span *wtl_spans_take(struct wtl_spans *s, const char *name, int64_t tid)
{
    struct wtl_span *x = NULL;
    pthread_mutex_lock(&s->lock);
    int k = find(s, name, tid);
    if (k >= 0) {
        x = &s->span[s->open[k]];
        s->n_open--;
        memmove(s->open + k, s->open + k + 1, (size_t)(s->n_open - k) * sizeof *s->open);
    }
    pthread_mutex_unlock(&s->lock);
    return x;
}

void wtl_spans_give(struct wtl_spans *s, struct wtl_span *span)
{
    pthread_mutex_lock(&s->lock);
    s->free[s->n_free++] = (int)(span - s->span);
    pthread_mutex_unlock(&s->lock);
}

size_t wtl_spans_open(struct wtl_spans *s)
{
    pthread_mutex_lock(&s->lock);
    size_t n = (size_t)s->n_open;
    pthread_mutex_unlock(&s->lock);
    return n;
}

static void tend(struct wtl_spans *s, struct wtl_span *x, int64_t now_ns)
{
    bool settled = true;
    for (size_t i = 0; i < s->n; i++) {
        int64_t late_ns = x->t_ns + GRACE_NS + wtl_metering_patience_ns(s->metering, i);
        /* Asked first: what comes in between makes the mark no worse. */
        settled &= wtl_metering_reaches(s->metering, i, x->t_ns) || now_ns > late_ns;
        wtl_metering_mark(s->metering, i, x->t_ns, &x->mark[i]);
    }
    x->settled = settled;
}

void wtl_spans_tend(struct wtl_spans *s, int64_t now_ns)
{
    pthread_mutex_lock(&s->lock);
    for (int k = 0; k < s->n_open; k++)
        if (!s->span[s->open[k]].settled)
            tend(s, &s->span[s->open[k]], now_ns);
    pthread_mutex_unlock(&s->lock);
}

bool wtl_spans_known(struct wtl_spans *s, int64_t t_ns)
{
    return !s->metering || wtl_metering_reaches_all(s->metering, t_ns);
}

void wtl_spans_energy(struct wtl_spans *s, const struct wtl_span *span, int64_t t_ns, size_t i,
                      struct wtl_energy *energy_out)
{
    struct wtl_gauge_mark from, to;
    if (span->settled)
        from = span->mark[i];
    else
        wtl_metering_mark(s->metering, i, span->t_ns, &from);
    wtl_metering_mark(s->metering, i, t_ns, &to);
    wtl_metering_between(s->metering, i, &from, &to, energy_out);
}
