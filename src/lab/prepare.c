/* SPDX-License-Identifier: Apache-2.0
 * What comes before a window: knobs, load, clock, warm-up; temperature.c is the rest. */
#include "lab/protocol_impl.h"

#include "core/event_reasons.h"
#include "lab/steady.h"
#include "stats/robust.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- Knobs ----------------------------------------------------------------------------------- */

static struct wtl_knob_value wanted(enum wtl_knob knob, const struct wtl_lab_point *p)
{
    double value = 0;
    if (knob == WTL_KNOB_sm_clock_mhz)
        value = p->clock_mhz;
    else if (knob == WTL_KNOB_mem_clock_mhz)
        value = p->mem_clock_mhz;
    else if (knob == WTL_KNOB_power_limit_w && wtl_point_has(&p->point, WTL_SETTING_limit_w))
        value = p->point.value[WTL_SETTING_limit_w];
    else if (knob == WTL_KNOB_cpu_quota && wtl_point_has(&p->point, WTL_SETTING_cpu_quota))
        value = p->point.value[WTL_SETTING_cpu_quota];
    return value > 0 ? wtl_knob_at(value) : wtl_knob_released();
}

/* The clock as the board spells it (7.5 MHz steps are told in whole ones). */
static struct wtl_knob_value as_spelt(const struct wtl_lease_knob *k, struct wtl_knob_value value)
{
    for (size_t i = 0; !value.released && i < k->range.n_steps; i++)
        if (fabs(k->range.steps[i] - value.hi) < 1)
            return wtl_knob_at(k->range.steps[i]);
    return value;
}

int wtl_prepare_knobs(struct wtl_bench *b, const struct wtl_lab_point *p,
                      struct wtl_visit_result *r, struct wtl_error *err)
{
    size_t n = b->lease ? wtl_lease_count(b->lease) : 0;
    for (size_t i = 0; i < n; i++) {
        const struct wtl_lease_knob *k = wtl_lease_knob(b->lease, i);
        const enum wtl_knob knob = k->record.knob;
        const struct wtl_knob_value value = as_spelt(k, wanted(knob, p));
        bool as_it_is = k->record.seq > 0 ? wtl_knob_same(knob, k->record.wanted, value)
                                          : value.released && !k->found.known;
        if (as_it_is && !k->uncertain)
            continue;
        struct wtl_error why = {0};
        int rc = wtl_lease_set(b->lease, i, value, &why);
        /* Refused, or read back as something else: that will not change. A set that failed by the
         * way is tried again. */
        if (rc == -(int)WTL_FAILED || rc == -(int)WTL_USAGE) {
            const bool again = rc == -(int)WTL_FAILED && k->uncertain;
            wtl_visit_ends(r, again ? WTL_VISIT_invalid : WTL_VISIT_infeasible, "%s", why.message);
            return 1;
        }
        if (rc < 0) {
            if (err)
                *err = why;
            if (rc == -(int)WTL_PERMISSION)
                wtl_error_hint(err, "--no-privilege sweeps what needs no permission");
            return rc;
        }
    }
    return 0;
}

/* ---- Load ------------------------------------------------------------------------------------ */

static double ready_timeout_s(const struct wtl_bench *b)
{
    return b->ready_timeout_s > 0 ? b->ready_timeout_s : 600;
}

enum { WHY = 128 };

/* What it told instead of work. */
static const char *silence_of(const struct wtl_bench *b, char text[WHY])
{
    const struct wtl_workload *w = b->workload;
    (void)snprintf(text, WHY, "it tells of no work");
    if (w->ops->silence)
        w->ops->silence(w->state, text, WHY);
    return text;
}

static int wait_ready(struct wtl_bench *b, struct wtl_visit_result *r, struct wtl_error *err)
{
    const struct wtl_workload *w = b->workload;
    const int64_t begin_ns = wtl_bench_now(b);
    const int64_t end_ns = begin_ns + wtl_seconds_ns(ready_timeout_s(b));
    double tell_s = 15;
    char told[WHY];
    for (;;) {
        bool ready = false;
        struct wtl_error why = {0};
        int rc = w->ops->ready(w->state, &ready, &why);
        if (rc < 0) {
            wtl_visit_ends(r, WTL_VISIT_invalid, "%s", why.message);
            r->silent = rc == -(int)WTL_PARSE;
            return 1;
        }
        if (ready)
            return 0;
        if (wtl_bench_now(b) >= end_ns) {
            wtl_visit_ends(r, WTL_VISIT_invalid, "not ready after %g s: %s", ready_timeout_s(b),
                           silence_of(b, told));
            r->silent = true;
            return 1;
        }
        const double s = 1e-9 * (double)(wtl_bench_now(b) - begin_ns);
        if (s >= tell_s) {
            wtl_bench_waits(b, true,
                            "%s is not ready after %.0f s: %s; given up after %g s "
                            "(ready_timeout)",
                            b->workload_name, s, silence_of(b, told), ready_timeout_s(b));
            tell_s *= 4;
        }
        rc = wtl_bench_step(b, err);
        if (rc < 0 || b->stopped)
            return rc < 0 ? rc : 1;
    }
}

int wtl_prepare_load(struct wtl_bench *b, const struct wtl_lab_point *p, struct wtl_visit_result *r,
                     struct wtl_error *err)
{
    const struct wtl_workload *w = b->workload;
    struct wtl_error why = {0};
    if (b->loaded && b->loaded_workload == w &&
        wtl_lab_point_same_load(&b->loaded_point, p, w->told))
        return 0;
    int rc = wtl_bench_unload(b, err);
    if (rc < 0)
        return rc;
    rc = w->ops->load(w->state, p, &why);
    if (rc == -(int)WTL_INFEASIBLE) {
        wtl_visit_ends(r, WTL_VISIT_infeasible, "%s", why.message);
        return 1;
    }
    if (rc < 0) {
        if (err)
            *err = why;
        return rc;
    }
    b->loaded = true;
    b->loaded_workload = w;
    b->loaded_point = *p;
    rc = wait_ready(b, r, err);
    if (rc)
        (void)wtl_bench_unload(b, NULL);
    return rc;
}

/* ---- Clock ----------------------------------------------------------------------------------- */

int wtl_prepare_work(struct wtl_bench *b, bool on, struct wtl_error *err)
{
    const struct wtl_workload *w = b->workload;
    return on || w->pauses ? w->ops->work(w->state, on, err) : 0;
}

enum { CLOCK_READINGS = 25 };

/* Clocks of one device under load, and what held it meanwhile. */
struct clocks_seen {
    double mhz[CLOCK_READINGS];
    size_t n;
    uint64_t reasons;
};

static void see_clock(struct clocks_seen *c, const struct wtl_reading *r)
{
    if (c->n < CLOCK_READINGS && wtl_reading_has(r, WTL_M_sm_clock_mhz))
        c->mhz[c->n++] = r->value[WTL_M_sm_clock_mhz];
    if (wtl_reading_has(r, WTL_M_event_reasons))
        c->reasons |= (uint64_t)r->value[WTL_M_event_reasons];
}

/* As many readings of each device. */
static int see_clocks(struct wtl_bench *b, struct clocks_seen *seen, struct wtl_error *err)
{
    int n[WTL_SWEEP_DEVICES] = {0}, least = 0, rc = 0;
    while (rc == 0 && !b->stopped && least < CLOCK_READINGS) {
        for (size_t i = 0; i < b->n; i++)
            b->devices[i].slow_due_ns = 0;
        rc = wtl_bench_step(b, err);
        least = CLOCK_READINGS;
        for (size_t i = 0; i < b->n; i++) {
            if (rc == 0 && b->devices[i].fresh && n[i]++ < CLOCK_READINGS)
                see_clock(&seen[i], &b->devices[i].gauged->reading);
            least = n[i] < least ? n[i] : least;
        }
    }
    return rc < 0 || !b->stopped ? rc : 1;
}

static int clock_missed(const struct wtl_bench *b, size_t i, struct wtl_visit_result *r,
                        const struct wtl_lab_point *p, double mhz, uint64_t reasons)
{
    char text[WTL_EVENT_REASONS_TEXT], name[WTL_LIMIT_NAME + 4];
    wtl_event_reasons_text(reasons, true, text);
    wtl_visit_ends(r, wtl_reasons_pass(reasons) ? WTL_VISIT_invalid : WTL_VISIT_infeasible,
                   "%sit runs at %.0f MHz when locked to %d%s%s", wtl_bench_name(b, i, name), mhz,
                   p->clock_mhz, text[0] ? ": " : "", text);
    return 1;
}

static int judge_clock(const struct wtl_bench *b, size_t i, const struct wtl_lab_point *p,
                       struct clocks_seen *c, struct wtl_visit_result *r)
{
    char name[WTL_LIMIT_NAME + 4];
    if (c->n == 0 || !b->lease)
        return 0;
    const double median = wtl_median(c->mhz, c->n);
    if (fabs(median - p->clock_mhz) <= WTL_CLOCK_TOLERANCE_MHZ)
        return 0;
    if (wtl_point_has(&p->point, WTL_SETTING_limit_w) && (c->reasons & WTL_REASON_POWER_CAP)) {
        wtl_visit_note(r, "%sthe power limit holds it at %.0f MHz", wtl_bench_name(b, i, name),
                       median);
        return 0;
    }
    return clock_missed(b, i, r, p, median, c->reasons);
}

int wtl_prepare_clock(struct wtl_bench *b, const struct wtl_lab_point *p,
                      struct wtl_visit_result *r, struct wtl_error *err)
{
    struct clocks_seen seen[WTL_SWEEP_DEVICES] = {{.n = 0}};
    int rc = wtl_prepare_work(b, true, err);
    rc = rc ? rc : wtl_bench_pass(b, b->protocol->settle_s, err);
    if (rc < 0 || b->stopped)
        return rc < 0 ? rc : 1;
    if (p->clock_mhz == 0)
        return 0;
    rc = see_clocks(b, seen, err);
    for (size_t i = 0; rc == 0 && i < b->n; i++)
        rc = judge_clock(b, i, p, &seen[i], r);
    return rc;
}

/* Else only its first window would tell that a command marks no work, and at each point anew. */
int wtl_prepare_first_work(struct wtl_bench *b, struct wtl_visit_result *r, struct wtl_error *err)
{
    const double least_s = 5, s = fmax(least_s, b->protocol->warmup_max_s);
    const int64_t end_ns = wtl_bench_now(b) + wtl_seconds_ns(s);
    struct wtl_work_done done = {.work = 0};
    char told[WHY];
    if (b->workload->worked)
        return 0;
    int rc = wtl_prepare_work(b, true, err);
    rc = rc ? rc : wtl_bench_progress(b, r, &done);
    while (rc == 0 && !(done.work > 0) && !b->stopped) {
        if (wtl_bench_now(b) >= end_ns) {
            wtl_visit_ends(r, WTL_VISIT_invalid, "no work in %g s: %s", s, silence_of(b, told));
            r->silent = true;
            return wtl_bench_unload(b, err) < 0 ? -(int)WTL_FAILED : 1;
        }
        rc = wtl_bench_step(b, err);
        rc = rc ? rc : wtl_bench_progress(b, r, &done);
    }
    return rc || !b->stopped ? rc : 1;
}

int wtl_bench_refuse_silent(const char *why, struct wtl_error *err)
{
    int rc = WTL_FAIL(err, WTL_FAILED, "%s", why);
    wtl_error_hint(err,
                   "it has to send `ready`, then `begin NAME` and `end NAME work=N` around what "
                   "it does; then the same command goes on");
    return rc;
}

/* ---- Warm-up --------------------------------------------------------------------------------- */

/* Power and rate of the last few seconds, in pieces of a fifth of a second. */
enum { KEPT = 25 };
struct recent {
    double t[KEPT], rate[KEPT], w[KEPT];
    size_t n;
};

static void push(struct recent *s, double t, double rate, double w)
{
    if (s->n == KEPT) {
        memmove(s->t, s->t + 1, (KEPT - 1) * sizeof *s->t);
        memmove(s->rate, s->rate + 1, (KEPT - 1) * sizeof *s->rate);
        memmove(s->w, s->w + 1, (KEPT - 1) * sizeof *s->w);
        s->n--;
    }
    s->t[s->n] = t;
    s->rate[s->n] = rate;
    s->w[s->n++] = w;
}

static double power_now(const struct wtl_bench *b)
{
    double power_w = 0;
    for (size_t i = 0; i < b->n; i++) {
        const enum wtl_metric m = b->devices[i].gauged->power;
        const struct wtl_reading *r = &b->devices[i].newest;
        power_w += m < WTL_N_METRICS && wtl_reading_has(r, m) ? r->value[m] : 1;
    }
    return power_w;
}

static bool is_warm(const struct recent *s)
{
    return s->n == KEPT && wtl_is_steady(s->t, s->rate, s->n, &wtl_steady_load) &&
           wtl_is_steady(s->t, s->w, s->n, &wtl_steady_load);
}

int wtl_prepare_warm(struct wtl_bench *b, struct wtl_visit_result *r, struct wtl_error *err)
{
    const struct wtl_protocol_spec *p = b->protocol;
    struct recent recent = {.n = 0};
    struct wtl_work_done first, last, now;
    const int64_t begin_ns = wtl_bench_now(b);
    int rc = wtl_bench_progress(b, r, &first);
    last = now = first;
    while (rc == 0 && !b->stopped) {
        /* Not the workload's own time: that of one that has stalled stands still. */
        const double s = (double)(wtl_bench_now(b) - begin_ns) / 1e9;
        bool enough = s >= p->warmup_s && now.iterations - first.iterations >= p->warmup_iterations;
        if (enough && (now.cyclic ? now.cycles > first.cycles : is_warm(&recent)))
            return 0;
        if (s >= p->warmup_max_s) {
            wtl_visit_note(r, "not steady after %g s of warm-up", p->warmup_max_s);
            return 0;
        }
        rc = wtl_bench_pass(b, 0.2, err);
        rc = rc ? rc : wtl_bench_progress(b, r, &now);
        if (rc == 0 && now.t_ns > last.t_ns)
            push(&recent, (double)(now.t_ns - first.t_ns) / 1e9,
                 (now.work - last.work) / ((double)(now.t_ns - last.t_ns) / 1e9), power_now(b));
        last = now;
    }
    return rc < 0 ? rc : 1;
}
