/* SPDX-License-Identifier: Apache-2.0
 * Events of windows to energy. */
#include "telemetry/windows.h"

#include "base/sort.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS INT64_C(1000000)

/* Programs may hold lines back for some milliseconds; connections are read in turn. */
#define SETTLE_NS (500 * MS)

enum {
    HASH = 2 * WTL_WINDOW_REQUESTS,
    NONE = -1,
    OTHERS = WTL_WINDOW_NAMES, /* the row of all names that have none of their own */
    ROWS,
    OTHERS_HASH = 2 * WTL_WINDOW_OTHERS,
};

struct event {
    enum { BEGIN, END, GONE, OPEN } kind;
    int connection, row;
    int64_t t_ns, tid; /* its place among the others */
    int64_t at_ns;     /* when it was: before t_ns where it came too late for its place */
    bool has_work, cancel;
    double work;
    char unit[WTL_MARKER_UNIT];
    char other[WTL_MARKER_NAME]; /* the name, in the row OTHERS */
    size_t first, n;             /* in the pool of shares */
};

struct share {
    int request;
    double work;
};

struct window {
    bool open;
    int connection, row;
    int key; /* of its name: the row; beyond those, ROWS and its place in w->live */
    int64_t t_ns, tid, order;
    bool late; /* its begin came too late to be among those that were open then */
    char other[WTL_MARKER_NAME];
    struct wtl_gauge_mark *mark; /* by device */
    double *share_j;             /* of its name when it began, by device */
};

/* A name without a row, while windows of it are open. */
struct live {
    int active;
    char name[WTL_MARKER_NAME];
};

/* Times of one name in which windows follow one another with no gap to speak of: what is not known
 * of the end of one is the begin of the next, and cancels. */
struct stretch {
    bool any;
    struct wtl_gauge_mark first, last;
    double var_j2, common_j; /* of those that are over */
};

struct wtl_windows {
    struct wtl_metering *metering;
    size_t n;
    const bool *part; /* by device: of another one, and none of the requests' */

    struct event *events; /* in order of time, the oldest first */
    size_t n_events;
    struct share *shares; /* of events, a ring */
    size_t n_shares;      /* ever */

    struct window *windows;
    int64_t order;

    int n_rows;
    struct wtl_window_total *totals;
    struct wtl_energy *energies; /* row x device */
    struct stretch *stretches;   /* row x device */
    double *inside_j;            /* row x device */
    double *share_j;             /* key x device */
    int *active;                 /* by row */
    int n_live;                  /* places that were ever taken */
    struct live *live;
    uint64_t *others; /* hashes of names without a row */

    int n_requests;
    struct wtl_request_total *requests;
    int *hash;

    double *latencies_s;
    int64_t *latency_ns; /* when each was told */
    int64_t n_latencies;
    double work;
    int64_t work_ns;

    bool span;
    int64_t settled_ns;
    struct wtl_gauge_mark *first, *last, *now; /* by device */
    struct wtl_windows_counts counts;
};

int wtl_windows_new(struct wtl_arena *arena, struct wtl_metering *metering,
                    struct wtl_windows **out, struct wtl_error *err)
{
    struct wtl_windows *w = WTL_NEW(arena, struct wtl_windows);
    size_t n = wtl_metering_count(metering), cells = (n + 1) * ROWS;
    struct wtl_gauge_mark *marks =
        WTL_NEW_ARRAY(arena, struct wtl_gauge_mark, (WTL_WINDOWS_OPEN + 3) * (n + 1));
    double *shares = WTL_NEW_ARRAY(arena, double, WTL_WINDOWS_OPEN *(n + 1));
    if (!w || !marks || !shares)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    w->metering = metering;
    w->n = n;
    w->events = WTL_NEW_ARRAY(arena, struct event, WTL_WINDOW_EVENTS);
    w->shares = WTL_NEW_ARRAY(arena, struct share, 4 * WTL_WINDOW_EVENTS);
    w->windows = WTL_NEW_ARRAY(arena, struct window, WTL_WINDOWS_OPEN);
    w->totals = WTL_NEW_ARRAY(arena, struct wtl_window_total, ROWS);
    w->energies = WTL_NEW_ARRAY(arena, struct wtl_energy, cells);
    w->stretches = WTL_NEW_ARRAY(arena, struct stretch, cells);
    w->inside_j = WTL_NEW_ARRAY(arena, double, cells);
    w->share_j = WTL_NEW_ARRAY(arena, double, (n + 1) * (ROWS + WTL_WINDOWS_OPEN));
    w->active = WTL_NEW_ARRAY(arena, int, ROWS);
    w->live = WTL_NEW_ARRAY(arena, struct live, WTL_WINDOWS_OPEN);
    w->others = WTL_NEW_ARRAY(arena, uint64_t, OTHERS_HASH);
    w->requests = WTL_NEW_ARRAY(arena, struct wtl_request_total, WTL_WINDOW_REQUESTS);
    w->hash = WTL_NEW_ARRAY(arena, int, HASH);
    w->latencies_s = WTL_NEW_ARRAY(arena, double, WTL_WINDOW_LATENCIES);
    w->latency_ns = WTL_NEW_ARRAY(arena, int64_t, WTL_WINDOW_LATENCIES);
    if (!w->events || !w->shares || !w->windows || !w->totals || !w->energies || !w->stretches ||
        !w->inside_j || !w->share_j || !w->active || !w->live || !w->others || !w->requests ||
        !w->hash || !w->latencies_s || !w->latency_ns)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < WTL_WINDOWS_OPEN; i++) {
        w->windows[i].mark = marks + i * n;
        w->windows[i].share_j = shares + i * n;
    }
    w->first = marks + WTL_WINDOWS_OPEN * n;
    w->last = w->first + n;
    w->now = w->last + n;
    *out = w;
    return 0;
}

/* ---- Names and requests ---------------------------------------------------------------------- */

/* The row of a name; OTHERS: it has none of its own. */
static int row_of(const struct wtl_windows *w, const char *name)
{
    const int named = w->n_rows < OTHERS ? w->n_rows : OTHERS;
    int i = 0;
    while (i < named && strcmp(w->totals[i].name, name) != 0)
        i++;
    return i < named ? i : OTHERS;
}

static int add_row(struct wtl_windows *w, const char *name)
{
    const int row = w->n_rows++;
    struct wtl_window_total *t = &w->totals[row];
    snprintf(t->name, sizeof t->name, "%s", name);
    t->energy = w->energies + (size_t)row * w->n;
    t->inside_j = w->inside_j + (size_t)row * w->n;
    return row;
}

static uint64_t hash_of(const char *word)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a */
    for (const char *p = word; *p; p++)
        h = (h ^ (unsigned char)*p) * 1099511628211u;
    return h;
}

/* Counts it, if it is a new one. */
static void note_other(struct wtl_windows *w, const char *name)
{
    const uint64_t h = hash_of(name) | 1; /* 0 is an empty place */
    size_t at = (h >> 1) % OTHERS_HASH;
    for (; w->others[at]; at = (at + 1) % OTHERS_HASH)
        if (w->others[at] == h)
            return;
    if (w->counts.other_names == WTL_WINDOW_OTHERS)
        return;
    w->others[at] = h;
    w->counts.other_names++;
}

static int take_row(struct wtl_windows *w, const char *name)
{
    const int row = row_of(w, name);
    if (row != OTHERS)
        return row;
    if (w->n_rows < OTHERS)
        return add_row(w, name);
    note_other(w, name);
    return w->n_rows == OTHERS ? add_row(w, WTL_WINDOW_OTHER_NAMES) : OTHERS;
}

/* Where shares of a window's name are: a place for a name without a row is taken while windows of
 * it are open. */
static int take_key(struct wtl_windows *w, const struct event *e)
{
    int free = NONE;
    if (e->row != OTHERS)
        return e->row;
    for (int k = 0; k < w->n_live; k++) {
        if (w->live[k].active > 0 && strcmp(w->live[k].name, e->other) == 0) {
            w->live[k].active++;
            return ROWS + k;
        }
        free = w->live[k].active == 0 ? k : free;
    }
    /* There are as many places as windows can be open. */
    struct live *live = &w->live[free == NONE ? free = w->n_live++ : free];
    live->active = 1;
    memcpy(live->name, e->other, sizeof live->name);
    return ROWS + free;
}

static int request_of(struct wtl_windows *w, const char *id)
{
    size_t at = hash_of(id) % HASH;
    for (; w->hash[at]; at = (at + 1) % HASH)
        if (strcmp(w->requests[w->hash[at] - 1].id, id) == 0)
            return w->hash[at] - 1;
    if (w->n_requests == WTL_WINDOW_REQUESTS) {
        w->counts.dropped++;
        return NONE;
    }
    snprintf(w->requests[w->n_requests].id, sizeof w->requests[0].id, "%s", id);
    w->hash[at] = ++w->n_requests;
    return w->n_requests - 1;
}

/* ---- Events ---------------------------------------------------------------------------------- */

/* Into its place; one that should have come before what is done comes after that, and is still of
 * its own moment: the gauges know the energy of then. */
static void queue(struct wtl_windows *w, struct event *e)
{
    e->at_ns = e->t_ns;
    if (w->n_events == WTL_WINDOW_EVENTS) {
        w->counts.dropped++;
        return;
    }
    if (e->t_ns < w->settled_ns) {
        w->counts.late++;
        e->t_ns = w->settled_ns;
    }
    size_t i = w->n_events++;
    for (; i > 0 && w->events[i - 1].t_ns > e->t_ns; i--)
        w->events[i] = w->events[i - 1];
    w->events[i] = *e;
}

static void keep_shares(struct wtl_windows *w, const struct wtl_marker_line *line, struct event *e)
{
    e->first = w->n_shares;
    for (size_t i = 0; i < line->n; i++) {
        int request = request_of(w, line->request[i].id);
        if (request == NONE)
            continue;
        w->shares[w->n_shares++ % (4 * WTL_WINDOW_EVENTS)] =
            (struct share){request, line->request[i].work};
        e->n++;
    }
}

static void keep_latency(struct wtl_windows *w, double latency_s, int64_t t_ns)
{
    const int64_t i = w->n_latencies++ % WTL_WINDOW_LATENCIES;
    w->latencies_s[i] = latency_s;
    w->latency_ns[i] = t_ns;
}

static void tell_window(struct wtl_windows *w, int connection, const struct wtl_marker_line *line,
                        int64_t t_ns)
{
    struct event e = {.kind = line->kind == WTL_MARKER_BEGIN ? BEGIN : END,
                      .connection = connection,
                      .row = take_row(w, line->name),
                      .t_ns = t_ns,
                      .tid = line->tid,
                      .has_work = line->has_work,
                      .cancel = line->cancel,
                      .work = line->work};
    memcpy(e.unit, line->unit, sizeof e.unit);
    memcpy(e.other, line->name, sizeof e.other);
    if (e.kind == END && !line->cancel) {
        keep_shares(w, line, &e);
        if (line->has_latency)
            keep_latency(w, line->latency_s, t_ns);
        if (line->has_work) {
            w->work += line->work;
            w->work_ns = t_ns > w->work_ns ? t_ns : w->work_ns;
        }
    }
    queue(w, &e);
}

void wtl_windows_set_parts(struct wtl_windows *w, const bool *part)
{
    w->part = part;
}

void wtl_windows_tell(struct wtl_windows *w, int connection, const struct wtl_marker_line *line,
                      int64_t now_ns)
{
    bool believed = line->t_ns > 0 && line->t_ns < now_ns + WTL_NS_PER_S;
    int64_t t_ns = believed ? line->t_ns : now_ns;
    w->counts.lines++;
    w->counts.ahead += line->t_ns > 0 && !believed;
    switch (line->kind) {
    case WTL_MARKER_BEGIN:
    case WTL_MARKER_END:
        tell_window(w, connection, line, t_ns);
        break;
    case WTL_MARKER_LATENCY:
        for (size_t i = 0; i < line->n; i++)
            keep_latency(w, line->latencies_s[i], now_ns);
        break;
    case WTL_MARKER_READY:
        if (!w->counts.ready)
            w->counts.ready_ns = now_ns;
        w->counts.ready = true;
        break;
    case WTL_MARKER_DEVICES: /* a question to who listens */
        break;
    }
}

void wtl_windows_bad_line(struct wtl_windows *w)
{
    w->counts.lines++;
    w->counts.bad_lines++;
}

void wtl_windows_gone(struct wtl_windows *w, int connection, int64_t now_ns)
{
    queue(w, &(struct event){.kind = GONE, .connection = connection, .t_ns = now_ns});
}

/* ---- Working off ----------------------------------------------------------------------------- */

static void give(struct wtl_windows *w, size_t i, double energy_j)
{
    for (int k = 0; k < w->n_rows; k++)
        if (w->active[k] > 0) {
            w->inside_j[(size_t)k * w->n + i] += energy_j;
            if (k != OTHERS)
                w->share_j[(size_t)k * w->n + i] += energy_j / w->active[k];
        }
    for (int k = 0; k < w->n_live; k++)
        if (w->live[k].active > 0)
            w->share_j[(size_t)(ROWS + k) * w->n + i] += energy_j / w->live[k].active;
}

/* Energy since the last event goes to whoever was open. */
static void advance(struct wtl_windows *w, int64_t t_ns)
{
    for (size_t i = 0; i < w->n; i++) {
        struct wtl_energy e;
        wtl_metering_mark(w->metering, i, t_ns, &w->now[i]);
        wtl_metering_between(w->metering, i, &w->last[i], &w->now[i], &e);
        if (w->span && e.method != WTL_ENERGY_NONE)
            give(w, i, e.energy_j);
        w->last[i] = w->now[i];
    }
    w->settled_ns = t_ns;
}

/* A gap that no sensor tells from none. */
#define GAP_NS (50 * MS)

static void end_stretch(struct wtl_windows *w, size_t i, struct stretch *s)
{
    struct wtl_energy e;
    if (!s->any)
        return;
    wtl_metering_between(w->metering, i, &s->first, &s->last, &e);
    s->any = false;
    if (e.method == WTL_ENERGY_NONE || e.method == WTL_ENERGY_estimated)
        return;
    double half = 0.5 * (e.hi_j - e.lo_j);
    s->var_j2 += fmax(0, half * half - e.common_j * e.common_j);
    s->common_j += e.common_j;
}

/* The first window of a row opens, or its last one closes, now. */
static void turn_stretches(struct wtl_windows *w, int row, bool opens)
{
    for (size_t i = 0; i < w->n; i++) {
        struct stretch *s = &w->stretches[(size_t)row * w->n + i];
        if (!opens) {
            s->last = w->now[i];
            continue;
        }
        if (s->any && w->now[i].t_ns - s->last.t_ns > GAP_NS)
            end_stretch(w, i, s);
        if (!s->any)
            s->first = w->now[i];
        s->any = true;
    }
}

static void begin_window(struct wtl_windows *w, const struct event *e)
{
    struct window *free = NULL;
    for (size_t i = 0; i < WTL_WINDOWS_OPEN && !free; i++)
        free = w->windows[i].open ? NULL : &w->windows[i];
    if (!free) {
        w->counts.dropped++;
        return;
    }
    free->open = true;
    free->connection = e->connection;
    free->row = e->row;
    free->key = take_key(w, e);
    memcpy(free->other, e->other, sizeof free->other);
    free->late = e->at_ns < e->t_ns;
    free->t_ns = e->at_ns;
    free->tid = e->tid;
    free->order = w->order++;
    if (!free->late && w->active[e->row]++ == 0)
        turn_stretches(w, e->row, true);
    for (size_t i = 0; i < w->n; i++) {
        free->mark[i] = w->now[i];
        if (free->late)
            wtl_metering_mark(w->metering, i, e->at_ns, &free->mark[i]);
        free->share_j[i] = w->share_j[(size_t)free->key * w->n + i];
    }
}

static bool same_name(int row, const char *other, int row_2, const char *other_2)
{
    return row == row_2 && (row != OTHERS || strcmp(other, other_2) == 0);
}

/* The one that began last: in this thread, else in this program. */
static struct window *find_open(struct wtl_windows *w, const struct event *e)
{
    const int64_t tid = e->tid;
    struct window *best = NULL;
    for (size_t i = 0; i < WTL_WINDOWS_OPEN; i++) {
        struct window *x = &w->windows[i];
        if (!x->open || x->connection != e->connection ||
            !same_name(x->row, x->other, e->row, e->other))
            continue;
        bool mine = tid && x->tid == tid, best_mine = best && tid && best->tid == tid;
        if (!best || (mine && !best_mine) || (mine == best_mine && x->order > best->order))
            best = x;
    }
    return best;
}

/* Sums of energies of one name on one device; the interval comes at the end. Of estimates the
 * factor stays what it is. */
static void add_energy(struct wtl_energy *sum, const struct wtl_energy *e)
{
    if (e->method == WTL_ENERGY_NONE)
        return;
    sum->method = e->method > sum->method ? e->method : sum->method;
    sum->class = e->class > sum->class ? e->class : sum->class;
    sum->gain = e->gain; /* one card, one gain */
    sum->calibration = fmax(sum->calibration, e->calibration);
    sum->energy_j += e->energy_j;
    sum->time_s += e->time_s;
    sum->troubles |= e->troubles & ~WTL_TROUBLE(short_window);
    sum->lo_j += e->method == WTL_ENERGY_estimated ? e->lo_j : 0;
    sum->hi_j += e->method == WTL_ENERGY_estimated ? e->hi_j : 0;
}

/* The interval of a row's sum: that of its stretches, as many times as windows overlap. */
static void conclude(struct wtl_windows *w, int row)
{
    for (size_t i = 0; i < w->n; i++) {
        size_t cell = (size_t)row * w->n + i;
        struct stretch *s = &w->stretches[cell];
        struct wtl_energy *sum = &w->energies[cell];
        end_stretch(w, i, s);
        if (sum->method != WTL_ENERGY_NONE &&
            sum->time_s <
                0.98 * w->totals[row].time_s - 0.01) /* of some of them nothing was seen */
            sum->troubles |= WTL_TROUBLE(partial);
        if (sum->method == WTL_ENERGY_NONE || sum->method == WTL_ENERGY_estimated)
            continue;
        double times = w->inside_j[cell] > 0 ? sum->energy_j / w->inside_j[cell] : 1;
        times = times > 1 ? times : 1;
        sum->common_j = times * s->common_j;
        double half = times * sqrt(s->var_j2 + s->common_j * s->common_j);
        sum->lo_j = sum->energy_j - half;
        sum->hi_j = sum->energy_j + half;
    }
}

static void pay_requests(struct wtl_windows *w, const struct event *e, double share_j)
{
    double work = 0;
    for (size_t i = 0; i < e->n; i++)
        work += w->shares[(e->first + i) % (4 * WTL_WINDOW_EVENTS)].work;
    for (size_t i = 0; i < e->n; i++) {
        const struct share *s = &w->shares[(e->first + i) % (4 * WTL_WINDOW_EVENTS)];
        struct wtl_request_total *r = &w->requests[s->request];
        r->work += s->work;
        r->energy_j += work > 0 ? share_j * s->work / work : share_j / (double)e->n;
        r->windows++;
    }
}

static void drop_window(struct wtl_windows *w, struct window *x)
{
    x->open = false;
    if (x->key >= ROWS)
        w->live[x->key - ROWS].active--;
    if (!x->late && --w->active[x->row] == 0)
        turn_stretches(w, x->row, false);
}

/* What was open beside it then is gone through: its energy counts as if nothing was. */
static void add_late(struct wtl_windows *w, size_t cell, const struct wtl_energy *e)
{
    const double half = 0.5 * (e->hi_j - e->lo_j);
    if (e->method == WTL_ENERGY_NONE)
        return;
    w->inside_j[cell] += e->energy_j;
    if (e->method == WTL_ENERGY_estimated)
        return;
    w->stretches[cell].var_j2 += fmax(0, half * half - e->common_j * e->common_j);
    w->stretches[cell].common_j += e->common_j;
}

static void end_window(struct wtl_windows *w, struct window *x, const struct event *e)
{
    struct wtl_window_total *t = &w->totals[x->row];
    const int64_t end_ns = e->at_ns > x->t_ns ? e->at_ns : x->t_ns;
    double share_j = 0;
    for (size_t i = 0; i < w->n; i++) {
        const size_t cell = (size_t)x->row * w->n + i;
        struct wtl_gauge_mark end = w->now[i];
        struct wtl_energy energy;
        if (end_ns != e->t_ns)
            wtl_metering_mark(w->metering, i, end_ns, &end);
        wtl_metering_between(w->metering, i, &x->mark[i], &end, &energy);
        add_energy(&w->energies[cell], &energy);
        if (x->late)
            add_late(w, cell, &energy);
        const double inside_j = w->share_j[(size_t)x->key * w->n + i] - x->share_j[i];
        const bool late = x->late || end_ns != e->t_ns;
        if (!w->part || !w->part[i])
            share_j += x->late ? energy.energy_j
                       : late  ? fmin(inside_j, energy.energy_j)
                               : inside_j;
    }
    t->count++;
    t->cut += e->kind == GONE;
    t->time_s += 1e-9 * (double)(end_ns - x->t_ns);
    if (e->has_work) {
        t->work += e->work;
        t->n_work++;
    }
    if (e->unit[0] && !t->unit[0])
        memcpy(t->unit, e->unit, sizeof t->unit);
    else if (e->unit[0] && strcmp(t->unit, e->unit) != 0)
        snprintf(t->unit, sizeof t->unit, "(mixed)");
    if (e->n > 0)
        pay_requests(w, e, share_j);
    drop_window(w, x);
}

static void work_off(struct wtl_windows *w, const struct event *e)
{
    advance(w, e->t_ns);
    if (e->kind == BEGIN) {
        begin_window(w, e);
    } else if (e->kind == END) {
        struct window *x = find_open(w, e);
        if (x && e->cancel)
            drop_window(w, x);
        else if (x)
            end_window(w, x, e);
        else if (w->counts.unmatched++ == 0)
            memcpy(w->counts.unmatched_name, e->row == OTHERS ? e->other : w->totals[e->row].name,
                   sizeof w->counts.unmatched_name);
    } else if (e->kind == OPEN) {
        memcpy(w->first, w->now, w->n * sizeof *w->first);
        w->span = true;
    } else {
        for (size_t i = 0; i < WTL_WINDOWS_OPEN; i++)
            if (w->windows[i].open && w->windows[i].connection == e->connection)
                end_window(w, &w->windows[i], e);
    }
}

static bool known(struct wtl_windows *w, int64_t t_ns, int64_t now_ns)
{
    for (size_t i = 0; i < w->n; i++)
        if (!wtl_metering_reaches(w->metering, i, t_ns) &&
            now_ns < t_ns + SETTLE_NS + wtl_metering_patience_ns(w->metering, i))
            return false;
    return true;
}

static void drop_first(struct wtl_windows *w, size_t n)
{
    w->n_events -= n;
    memmove(w->events, w->events + n, w->n_events * sizeof *w->events);
}

void wtl_windows_settle(struct wtl_windows *w, int64_t now_ns)
{
    size_t n = 0;
    while (n < w->n_events && w->events[n].t_ns < now_ns - SETTLE_NS &&
           known(w, w->events[n].t_ns, now_ns))
        work_off(w, &w->events[n++]);
    drop_first(w, n);
}

void wtl_windows_open(struct wtl_windows *w, int64_t t_ns)
{
    queue(w, &(struct event){.kind = OPEN, .t_ns = t_ns});
}

static int by_value(const void *p, const void *q)
{
    double a = *(const double *)p, b = *(const double *)q;
    return (a > b) - (a < b);
}

void wtl_windows_close(struct wtl_windows *w, int64_t t_ns)
{
    const double *latencies_s;
    int64_t told;
    size_t n = 0;
    while (n < w->n_events && w->events[n].t_ns <= t_ns)
        work_off(w, &w->events[n++]);
    w->n_events = 0;
    const struct event e = {.kind = GONE, .t_ns = t_ns, .at_ns = t_ns};
    advance(w, t_ns > w->settled_ns ? t_ns : w->settled_ns);
    for (size_t i = 0; i < WTL_WINDOWS_OPEN; i++)
        if (w->windows[i].open)
            end_window(w, &w->windows[i], &e);
    for (int k = 0; k < w->n_rows; k++)
        conclude(w, k);
    n = wtl_windows_latencies(w, &latencies_s, &told);
    wtl_sort(w->latencies_s, n, sizeof *w->latencies_s, by_value);
    w->span = false;
}

/* ---- Asking ---------------------------------------------------------------------------------- */

/* Windows of one name as they will be open when the events before a moment are worked off. */
struct open_ones {
    size_t n;
    struct open_one {
        int64_t t_ns, tid, order;
        const struct window *window; /* NULL: its begin is not worked off yet */
    } one[WTL_WINDOWS_OPEN];
};

static int by_order(const void *p, const void *q)
{
    const struct open_one *a = p, *b = q;
    return (a->order > b->order) - (a->order < b->order);
}

/* As find_open(); NULL: there is none. */
static struct open_one *last_of(struct open_ones *o, int64_t tid)
{
    struct open_one *other = NULL;
    for (size_t k = o->n; k-- > 0;) {
        if (!tid || o->one[k].tid == tid)
            return &o->one[k];
        other = other ? other : &o->one[k];
    }
    return other;
}

static void end_one(struct open_ones *o, int64_t tid)
{
    struct open_one *x = last_of(o, tid);
    if (!x)
        return;
    o->n--;
    memmove(x, x + 1, (size_t)(o->one + o->n - x) * sizeof *x);
}

static void open_at(const struct wtl_windows *w, int connection, const char *name, int64_t t_ns,
                    struct open_ones *o)
{
    const int row = row_of(w, name);
    o->n = 0;
    for (size_t i = 0; i < WTL_WINDOWS_OPEN; i++) {
        const struct window *x = &w->windows[i];
        if (x->open && x->connection == connection && same_name(x->row, x->other, row, name))
            o->one[o->n++] = (struct open_one){x->t_ns, x->tid, x->order, x};
    }
    qsort(o->one, o->n, sizeof o->one[0], by_order);
    for (size_t i = 0; i < w->n_events; i++) {
        const struct event *e = &w->events[i];
        if (e->at_ns > t_ns || e->connection != connection ||
            !same_name(e->row, e->other, row, name))
            continue;
        if (e->kind == BEGIN && o->n < WTL_WINDOWS_OPEN)
            o->one[o->n++] = (struct open_one){e->at_ns, e->tid, 0, NULL};
        else if (e->kind == END)
            end_one(o, e->tid);
    }
}

int64_t wtl_windows_ask(struct wtl_windows *w, int connection, const char *name, int64_t tid,
                        int64_t t_ns, struct wtl_energy *energies_out)
{
    struct wtl_gauge_mark from, to;
    struct open_ones o;
    open_at(w, connection, name, t_ns, &o);
    const struct open_one *x = last_of(&o, tid);
    for (size_t i = 0; x && i < w->n; i++) {
        if (x->window)
            from = x->window->mark[i];
        else
            wtl_metering_mark(w->metering, i, x->t_ns, &from);
        wtl_metering_mark(w->metering, i, t_ns, &to);
        wtl_metering_between(w->metering, i, &from, &to, &energies_out[i]);
    }
    return x ? x->t_ns : -1;
}

size_t wtl_windows_totals(const struct wtl_windows *w, const struct wtl_window_total **out)
{
    *out = w->totals;
    return (size_t)w->n_rows;
}

void wtl_windows_span(const struct wtl_windows *w, size_t i, struct wtl_energy *energy_out)
{
    wtl_metering_between(w->metering, i, &w->first[i], &w->last[i], energy_out);
}

size_t wtl_windows_requests(const struct wtl_windows *w, const struct wtl_request_total **out)
{
    *out = w->requests;
    return (size_t)w->n_requests;
}

size_t wtl_windows_latencies(const struct wtl_windows *w, const double **latencies_s_out,
                             int64_t *told_out)
{
    *latencies_s_out = w->latencies_s;
    *told_out = w->n_latencies;
    return w->n_latencies < WTL_WINDOW_LATENCIES ? (size_t)w->n_latencies : WTL_WINDOW_LATENCIES;
}

size_t wtl_windows_latencies_since(const struct wtl_windows *w, int64_t *number,
                                   struct wtl_told_latency *out, size_t max)
{
    const int64_t kept = w->n_latencies - WTL_WINDOW_LATENCIES;
    size_t n = 0;
    if (*number < kept)
        *number = kept;
    while (n < max && *number < w->n_latencies) {
        const int64_t i = (*number)++ % WTL_WINDOW_LATENCIES;
        out[n++] = (struct wtl_told_latency){w->latency_ns[i], w->latencies_s[i]};
    }
    return n;
}

struct wtl_windows_counts wtl_windows_counts(const struct wtl_windows *w)
{
    return w->counts;
}

double wtl_windows_work(const struct wtl_windows *w, int64_t *t_ns_out)
{
    *t_ns_out = w->work_ns;
    return w->work;
}
