/* SPDX-License-Identifier: Apache-2.0
 * The window: samples, energy and work between two edges, and whether it is good. */
#include "lab/protocol_impl.h"

#include "core/event_reasons.h"
#include "lab/steady.h"
#include "runs/together.h"
#include "store/chunk.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Of the rows of a window, that may show a disturbance; beyond it the window is invalid. */
static const double bad_rows_max = 0.05;

struct mark {
    int64_t t_ns;
    double work;
};

/* Of one device. */
struct part {
    struct wtl_gauge_mark begin, last; /* the gauge's of the first mark and, as of then, the last */
    bool begin_known, gap;
    int64_t ticks; /* of the sensor that energy goes by, when the window was asked for */
    size_t n_told, n_held, n_clocks, n_off_clock; /* rows */
    uint64_t reasons;
    struct wtl_energy energy;
};

struct window {
    struct wtl_bench *b;
    const struct wtl_lab_point *point;
    struct wtl_arena *arena;
    struct wtl_visit_result *r;
    size_t cap_chunks;
    int64_t wall_offset_ns; /* from monotonic time; of the whole window, whatever sets the clock */
    struct mark first, last;
    struct part part[WTL_SWEEP_DEVICES];
    size_t n_marks;
    bool cyclic, knows_cycles, waits; /* `waiting` has no energy yet */
    int64_t cycles;
    int64_t asked_ns; /* when the window was asked for: what ended before is none of it */
    int64_t ended_ns; /* last end of work at the last edge */
    struct mark waiting;
    int64_t edge_ns; /* the last tick of the first device; 0: none yet */
};

/* ---- Samples --------------------------------------------------------------------------------- */

static int flush(struct window *w, struct wtl_bench_device *d, struct wtl_error *err)
{
    struct wtl_visit_result *r = w->r;
    struct wtl_batch *batch = d->batch;
    if (batch->n == 0)
        return 0;
    /* Energy is the gauge's. Stamps are rounded as Unix times: by them a resumed sweep's metrics
     * would depend on the time of day. */
    const uint64_t present = batch->present;
    batch->present &= ~(WTL_METRIC_BIT(WTL_M_power_time_s) | WTL_METRIC_BIT(WTL_M_energy_time_s));
    wtl_reducer_push(d->reducer, batch);
    batch->present = present;
    int rc = 0;
    if (w->b->protocol->keep_samples) {
        if (wtl_grow(w->arena, &r->chunks, r->n_chunks, &w->cap_chunks))
            return WTL_FAIL(err, WTL_NOMEM, "out of memory");
        struct wtl_packed *p = &r->chunks[r->n_chunks];
        rc = wtl_chunk_pack(w->b->chunker, w->arena, batch, &p->data, &p->size, err);
        r->n_chunks += rc == 0;
    }
    batch->first_row += batch->n;
    batch->n = 0;
    for (int m = 0; m < (int)WTL_N_METRICS; m++)
        memset(batch->column[m].valid, 0, sizeof batch->column[m].valid);
    return rc;
}

/* Rows of device i are those of stream i. */
static void begin_samples(struct window *w)
{
    struct wtl_bench *b = w->b;
    const struct wtl_clock *clock = &b->time.clock;
    w->wall_offset_ns = clock->wall_ns(clock->ctx) - clock->monotonic_ns(clock->ctx);
    for (size_t i = 0; i < b->n; i++) {
        struct wtl_bench_device *d = &b->devices[i];
        memset(d->batch, 0, sizeof *d->batch);
        d->batch->stream = (int)i;
        d->batch->has_time = true;
        d->batch->present = wtl_device_info(d->device)->sensors;
        wtl_reducer_begin(d->reducer);
    }
}

/* When the sensor says that its value was so, which is not when it was read. */
static void add_stamp(struct wtl_bench_device *d, int row, enum wtl_metric stamp,
                      enum wtl_metric of)
{
    if (of >= WTL_N_METRICS || !wtl_reading_has(&d->gauged->reading, of) ||
        !d->gauged->reading.sensor_t_ns[of])
        return;
    d->batch->present |= WTL_METRIC_BIT(stamp);
    wtl_batch_set(d->batch, stamp, row, 1e-9 * (double)d->gauged->reading.sensor_t_ns[of]);
}

static int add_row(struct window *w, struct wtl_bench_device *d, struct wtl_error *err)
{
    const struct wtl_reading *r = &d->gauged->reading;
    struct wtl_batch *batch = d->batch;
    const int row = batch->n++;
    batch->t_ns[row] = r->t_ns + w->wall_offset_ns;
    for (int m = 0; m < (int)WTL_N_METRICS; m++) {
        if (!(batch->present >> m & 1) || !wtl_reading_has(r, (enum wtl_metric)m))
            continue;
        wtl_batch_set(batch, (enum wtl_metric)m, row, r->value[m]);
    }
    add_stamp(d, row, WTL_M_power_time_s, d->gauged->power);
    add_stamp(d, row, WTL_M_energy_time_s, WTL_M_energy_counter_j);
    return batch->n == WTL_BATCH_ROWS ? flush(w, d, err) : 0;
}

/* What speaks against this row. */
static void judge_row(const struct window *w, const struct wtl_gauged *g, struct part *p)
{
    const bool limited = wtl_point_has(&w->point->point, WTL_SETTING_limit_w);
    const struct wtl_reading *r = &g->reading;
    p->gap = p->gap || !wtl_reading_has(r, g->leads);
    if (wtl_reading_has(r, WTL_M_event_reasons)) {
        uint64_t bits = (uint64_t)r->value[WTL_M_event_reasons];
        const uint64_t power = limited || !w->point->clock_mhz ? 0 : WTL_REASON_POWER_CAP;
        bits &= WTL_REASON_THERMAL | WTL_REASON_HARDWARE | power;
        p->reasons |= bits;
        p->n_told++;
        p->n_held += bits != 0;
    }
    if (w->point->clock_mhz && !limited && w->b->lease && wtl_reading_has(r, WTL_M_sm_clock_mhz)) {
        p->n_clocks++;
        p->n_off_clock +=
            fabs(r->value[WTL_M_sm_clock_mhz] - w->point->clock_mhz) > WTL_CLOCK_TOLERANCE_MHZ;
    }
}

/* ---- Marks ----------------------------------------------------------------------------------- */

static size_t edges(const struct window *w, size_t i)
{
    return (size_t)(wtl_gauge_ticks(&w->b->devices[i].gauged->gauge) - w->part[i].ticks);
}

/* A moment at which time, work and energy are known: where a window may begin and end. Of a steady
 * workload it is the last end of work at each edge of the energy sensor, where there was one since
 * the edge before; of a cyclic one the end of each cycle. */
static void add_mark(struct window *w, int64_t t_ns, double work)
{
    struct wtl_bench *b = w->b;
    const double s = (double)(t_ns - w->last.t_ns) / 1e9;
    double energy_j = 0;
    for (size_t i = 0; i < b->n; i++) {
        struct part *p = &w->part[i];
        const struct wtl_gauge_mark before = p->last;
        struct wtl_energy e = {0};
        wtl_gauge_mark(&b->devices[i].gauged->gauge, t_ns, &p->last);
        if (w->n_marks > 0)
            wtl_gauge_between(&b->devices[i].gauged->gauge, &before, &p->last, &e);
        energy_j += e.energy_j;
    }
    if (w->n_marks > 0 && b->n_series < WTL_BENCH_SERIES && s > 0) {
        const size_t i = b->n_series++;
        b->series_t[i] = (double)(t_ns - w->first.t_ns) / 1e9;
        b->series_rate[i] = (work - w->last.work) / s;
        b->series_w[i] = energy_j / s;
    }
    w->last = (struct mark){t_ns, work};
    if (w->n_marks++ > 0)
        return;
    w->first = w->last;
    if (b->workload->ops->begin)
        b->workload->ops->begin(b->workload->state);
}

/* The end of a cycle before this edge. */
static bool mark_cycle(struct window *w)
{
    const bool marked = w->waits && w->edge_ns > 0;
    if (marked)
        add_mark(w, w->waiting.t_ns, w->waiting.work);
    w->waits = w->waits && !marked;
    return marked;
}

/* Work that ended since the last edge, or that is known as of now. An end may be told late, by any
 * number of edges (a command that is throttled stamps it before it has to wait, and sends it
 * after): the gauges know the energy of then. */
static bool mark_end(struct window *w, int64_t now_ns, const struct wtl_work_done *done)
{
    const bool fresh = done->t_ns > w->ended_ns;
    w->ended_ns = done->t_ns;
    if (done->t_ns < now_ns && (!fresh || w->edge_ns == 0 || done->t_ns < w->asked_ns))
        return false;
    add_mark(w, done->t_ns, done->work);
    return true;
}

static bool on_edge(struct window *w, const struct wtl_work_done *now)
{
    const int64_t edge_ns = w->b->devices[0].gauged->reading.t_ns;
    const bool marked = now->cyclic ? mark_cycle(w) : mark_end(w, edge_ns, now);
    w->edge_ns = edge_ns;
    return marked;
}

/* The end of a cycle waits for the edge behind it, which tells its energy. */
static void watch_cycles(struct window *w, const struct wtl_work_done *now)
{
    w->cyclic = now->cyclic;
    if (now->cyclic && w->edge_ns > 0 && w->knows_cycles && now->cycles > w->cycles &&
        now->cycle_t_ns >= w->asked_ns) {
        w->waiting = (struct mark){.t_ns = now->cycle_t_ns, .work = now->cycle_work};
        w->waits = true;
    }
    w->cycles = now->cycles;
    w->knows_cycles = true;
}

/* Cycles are as long as they are: a few of them tell whether they are alike. */
static bool alike(const double *y, size_t n)
{
    double lo = HUGE_VAL, hi = -HUGE_VAL;
    for (size_t i = 0; i < n; i++) {
        lo = fmin(lo, y[i]);
        hi = fmax(hi, y[i]);
    }
    return n >= 2 && hi - lo < 0.02 * hi;
}

/* Work that ends, as cycles do, less often than the sensor ticks: there are few marks then. */
static bool seldom(const struct window *w)
{
    return w->cyclic || 2 * w->n_marks < edges(w, 0);
}

static bool steady(const struct window *w)
{
    const struct wtl_bench *b = w->b;
    if (seldom(w) && b->n_series < 10)
        return alike(b->series_rate, b->n_series) && alike(b->series_w, b->n_series);
    return wtl_is_steady(b->series_t, b->series_rate, b->n_series, &wtl_steady_load) &&
           wtl_is_steady(b->series_t, b->series_w, b->n_series, &wtl_steady_load);
}

static bool known_well(const struct window *w)
{
    const struct wtl_bench *b = w->b;
    const double target = b->protocol->window_target;
    if (w->cyclic && b->n_series < 20)
        return true;
    const size_t groups = b->n_series < 20 ? b->n_series / 2 : 10;
    return (seldom(w) ? groups >= 3 : groups >= 10) &&
           wtl_group_half(b->series_rate, b->n_series, groups) <= target &&
           wtl_group_half(b->series_w, b->n_series, groups) <= target;
}

/* Long enough, and known well enough. Two cycles it has to be, however long they are. */
static bool complete(const struct window *w)
{
    const struct wtl_protocol_spec *p = w->b->protocol;
    const double s = (double)(w->last.t_ns - w->first.t_ns) / 1e9;
    if (s >= p->window_max_s)
        return !w->cyclic || w->b->n_series >= 2;
    for (size_t i = 0; i < w->b->n; i++)
        if (edges(w, i) <= 20)
            return false;
    return s >= p->window_min_s && steady(w) && known_well(w);
}

/* ---- The run --------------------------------------------------------------------------------- */

static void fill_latencies(struct window *w)
{
    struct wtl_latencies l = {0};
    const struct wtl_workload *load = w->b->workload;
    struct wtl_run *run = &w->r->run;
    if (!load->ops->latencies ||
        load->ops->latencies(load->state, w->first.t_ns, w->last.t_ns, &l, NULL) < 0 || !l.known)
        return;
    wtl_run_set(run, WTL_R_latency_p50_s, l.p50_s);
    wtl_run_set(run, WTL_R_latency_p90_s, l.p90_s);
    wtl_run_set(run, WTL_R_latency_p95_s, l.p95_s);
    wtl_run_set(run, WTL_R_latency_p99_s, l.p99_s);
    if (l.n > 0)
        wtl_run_set(run, WTL_R_latency_n, (double)l.n);
}

/* What the samples say: of one device, or of all together. */
static void reduce(struct window *w, struct wtl_run *run)
{
    const struct wtl_reduce_context context = {0};
    struct wtl_run parts[WTL_SWEEP_DEVICES];
    struct wtl_bench *b = w->b;
    if (b->n == 1) {
        wtl_reducer_finish(b->devices[0].reducer, &context, run);
        return;
    }
    for (size_t i = 0; i < b->n; i++) {
        parts[i] = (struct wtl_run){.clock_mhz = run->clock_mhz};
        wtl_reducer_finish(b->devices[i].reducer, &context, &parts[i]);
    }
    wtl_run_together(parts, b->n, run);
}

static void fill_run(struct window *w, const struct wtl_energy *e)
{
    struct wtl_run *run = &w->r->run;
    reduce(w, run);
    run->energy_method = e->method;
    run->energy_class = e->class;
    run->energy_troubles = e->troubles;
    run->start_ns = w->first.t_ns + w->wall_offset_ns;
    wtl_run_set(run, WTL_R_time_s, e->time_s);
    wtl_run_set(run, WTL_R_energy_j, e->energy_j);
    wtl_run_set(run, WTL_R_power_w, e->energy_j / e->time_s);
    wtl_run_set(run, WTL_R_energy_rel_error, 0.5 * (e->hi_j - e->lo_j) / e->energy_j);
    wtl_run_set_calibration(run, e);
    wtl_run_set(run, WTL_R_reported_time_s, e->time_s);
    wtl_run_set(run, WTL_R_work_units, w->last.work - w->first.work);
    for (size_t i = 0; i < w->b->n; i++)
        w->r->energy_j[i] = w->part[i].energy.energy_j;
    fill_latencies(w);
    w->r->measured = true;
}

static void state(struct wtl_visit_result *r, enum wtl_cause cause)
{
    r->run.stated_causes |= UINT32_C(1) << cause;
}

/* Whether somebody has changed the power limit since the first run, where the point sets none. */
static bool other_limit(struct window *w, size_t i, double *limit_w_out)
{
    struct wtl_bench_device *d = &w->b->devices[i];
    *limit_w_out = d->newest.value[WTL_M_power_limit_w];
    if (!wtl_reading_has(&d->newest, WTL_M_power_limit_w) ||
        wtl_point_has(&w->point->point, WTL_SETTING_limit_w))
        return false;
    if (d->limit_w <= 0)
        d->limit_w = *limit_w_out;
    return fabs(*limit_w_out - d->limit_w) > 0.5;
}

/* Whether what was measured of device i counts. */
static void judge_part(struct window *w, size_t i)
{
    struct wtl_visit_result *r = w->r;
    const struct part *p = &w->part[i];
    const unsigned troubles = p->energy.troubles & (WTL_TROUBLE(reset) | WTL_TROUBLE(gap));
    char text[WTL_EVENT_REASONS_TEXT], name[WTL_LIMIT_NAME + 4];
    double limit_w;
    wtl_bench_name(w->b, i, name);
    if (other_limit(w, i, &limit_w)) {
        wtl_visit_ends(r, WTL_VISIT_invalid,
                       "%sits power limit is %.0f W, which was %.0f W before: somebody changed it",
                       name, limit_w, w->b->devices[i].limit_w);
        state(r, WTL_CAUSE_contaminated);
    } else if ((double)p->n_held > bad_rows_max * (double)p->n_told) {
        /* What all are compared with was had before. */
        const bool again =
            wtl_reasons_pass(p->reasons) || wtl_lab_point_compare(w->point, w->b->reference) == 0;
        wtl_visit_ends(r, again ? WTL_VISIT_invalid : WTL_VISIT_infeasible,
                       "%s%.0f %% of the window: %s", name,
                       100 * (double)p->n_held / (double)p->n_told,
                       wtl_event_reasons_text(p->reasons, true, text));
        state(r, WTL_CAUSE_throttled);
    } else if ((double)p->n_off_clock > bad_rows_max * (double)p->n_clocks) {
        wtl_visit_ends(r, WTL_VISIT_invalid, "%s%.0f %% of the window at another clock", name,
                       100 * (double)p->n_off_clock / (double)p->n_clocks);
        state(r, WTL_CAUSE_wrong_clock);
    } else if (troubles) {
        wtl_visit_ends(r, WTL_VISIT_invalid, "%sthe energy sensor %s", name,
                       troubles & WTL_TROUBLE(reset) ? "began anew" : "had a gap");
        state(r, WTL_CAUSE_inconsistent_energy);
    }
}

/* The first device that was disturbed says why the window does not count. */
static void judge(struct window *w)
{
    struct wtl_visit_result *r = w->r;
    for (size_t i = 0; i < w->b->n && r->outcome == WTL_VISIT_done; i++)
        judge_part(w, i);
    if (r->outcome != WTL_VISIT_done)
        return;
    if (!(w->last.work > w->first.work)) {
        wtl_visit_ends(r, WTL_VISIT_invalid, "no work was done in the window");
        state(r, WTL_CAUSE_idle_gpu);
    } else if (!steady(w)) {
        wtl_visit_note(r, "not steady: power drifts by %.1f %%, work by %.1f %%",
                       100 * wtl_relative_drift(w->b->series_t, w->b->series_w, w->b->n_series),
                       100 * wtl_relative_drift(w->b->series_t, w->b->series_rate, w->b->n_series));
    }
}

/* The gauge knows a moment when it has been told of what came after it. */
static void know_begin(struct window *w)
{
    for (size_t i = 0; i < w->b->n && w->n_marks > 0; i++) {
        const struct wtl_gauge *g = &w->b->devices[i].gauged->gauge;
        struct part *p = &w->part[i];
        if (p->begin_known)
            continue;
        wtl_gauge_mark(g, w->first.t_ns, &p->begin);
        p->begin_known = wtl_gauge_reaches(g, w->first.t_ns);
    }
}

static bool all_reach(const struct wtl_bench *b, int64_t t_ns)
{
    for (size_t i = 0; i < b->n; i++)
        if (!wtl_gauge_reaches(&b->devices[i].gauged->gauge, t_ns))
            return false;
    return true;
}

static int64_t patience_ns(const struct wtl_bench *b)
{
    int64_t most = 0;
    for (size_t i = 0; i < b->n; i++) {
        const int64_t one = wtl_gauge_patience_ns(&b->devices[i].gauged->gauge);
        most = one > most ? one : most;
    }
    return 2 * most + WTL_NS_PER_S;
}

/* Until all gauges know the moment as well as they ever will. */
static int reach(struct wtl_bench *b, int64_t t_ns, struct wtl_error *err)
{
    const int64_t end_ns = t_ns + patience_ns(b);
    int rc = 0;
    while (rc == 0 && !b->stopped && !all_reach(b, t_ns) && wtl_bench_now(b) < end_ns)
        rc = wtl_bench_step(b, err);
    return rc;
}

/* The sum over devices from the first to the last mark. */
static int between_marks(struct window *w, struct wtl_energy *out, struct wtl_error *err)
{
    struct wtl_bench *b = w->b;
    int rc = reach(b, w->last.t_ns, err);
    if (rc < 0)
        return rc;
    know_begin(w);
    *out = (struct wtl_energy){0};
    for (size_t i = 0; i < b->n; i++) {
        const struct wtl_gauged *g = b->devices[i].gauged;
        struct part *p = &w->part[i];
        wtl_gauge_mark(&g->gauge, w->last.t_ns, &p->last);
        wtl_gauged_between(g, &p->begin, &p->last, &p->energy);
        p->energy.troubles |= p->gap ? WTL_TROUBLE(gap) : 0;
        wtl_energy_add(out, &p->energy);
    }
    return 0;
}

/* The first device's energy sensor has ticked, and every other one since the window was asked for.
 */
static bool on_tick(const struct window *w, size_t before)
{
    bool all = edges(w, 0) > before;
    for (size_t i = 1; i < w->b->n; i++)
        all = all && edges(w, i) > 0;
    return all;
}

static int poll_once(struct window *w, bool *marked_out, struct wtl_error *err)
{
    struct wtl_bench *b = w->b;
    struct wtl_work_done now;
    const size_t before = edges(w, 0);
    *marked_out = false;
    int rc = wtl_bench_step(b, err);
    rc = rc ? rc : wtl_bench_progress(b, w->r, &now);
    if (rc)
        return rc;
    watch_cycles(w, &now);
    if (on_tick(w, before))
        *marked_out = on_edge(w, &now);
    know_begin(w);
    for (size_t i = 0; rc == 0 && i < b->n && w->n_marks > 0; i++)
        if (b->devices[i].fresh) {
            judge_row(w, b->devices[i].gauged, &w->part[i]);
            rc = add_row(w, &b->devices[i], err);
        }
    return rc;
}

/* Polls until the window is complete; *complete_out false: the sensor stands still, or cycles take
 * longer than anybody waits. */
static int poll_window(struct window *w, bool *complete_out, struct wtl_error *err)
{
    struct wtl_bench *b = w->b;
    const double most_s = 10 * b->protocol->window_max_s + 30;
    const int64_t end_ns = wtl_bench_now(b) + wtl_seconds_ns(most_s);
    int rc = 0;
    *complete_out = false;
    while (rc == 0 && !b->stopped && !*complete_out && wtl_bench_now(b) < end_ns) {
        bool marked = false;
        rc = poll_once(w, &marked, err);
        *complete_out = rc == 0 && marked && complete(w);
    }
    return rc;
}

/* What the workload has to say of its window. */
static void remark(struct window *w)
{
    const struct wtl_workload *load = w->b->workload;
    char text[120];
    if (w->n_marks > 0 && load->ops->remark && load->ops->remark(load->state, text, sizeof text))
        wtl_visit_note(w->r, "%s", text);
}

/* The first device whose sensor did not tick often enough; the first of all where none is. */
static size_t stands_still(const struct window *w)
{
    for (size_t i = 0; i < w->b->n; i++)
        if (edges(w, i) <= 1)
            return i;
    return 0;
}

static int incomplete(const struct window *w)
{
    char name[WTL_LIMIT_NAME + 4];
    const size_t i = stands_still(w);
    const struct wtl_gauged *g = w->b->devices[i].gauged;
    if (edges(w, 0) > 1) {
        wtl_visit_ends(w->r, WTL_VISIT_invalid, "no two %s of its work came in time",
                       w->cyclic ? "cycles" : "ends");
        return 1;
    }
    if (g->leads < WTL_N_METRICS && !wtl_reading_has(&g->reading, g->leads))
        wtl_visit_ends(w->r, WTL_VISIT_invalid, "%s%s, which energy goes by, gives no value",
                       wtl_bench_name(w->b, i, name), wtl_metric_info(g->leads)->name);
    else
        wtl_visit_ends(w->r, WTL_VISIT_invalid, "%sthe energy sensor stood still",
                       wtl_bench_name(w->b, i, name));
    w->r->still = true;
    return 1;
}

int wtl_window_measure(struct wtl_bench *b, const struct wtl_lab_point *p, struct wtl_arena *arena,
                       struct wtl_visit_result *r, struct wtl_error *err)
{
    struct window w = {.b = b, .point = p, .arena = arena, .r = r, .asked_ns = wtl_bench_now(b)};
    struct wtl_energy e;
    bool is_complete = false;
    b->n_series = 0;
    for (size_t i = 0; i < b->n; i++)
        w.part[i].ticks = wtl_gauge_ticks(&b->devices[i].gauged->gauge);
    begin_samples(&w);
    int rc = poll_window(&w, &is_complete, err);
    remark(&w);
    for (size_t i = 0; rc == 0 && i < b->n; i++)
        rc = flush(&w, &b->devices[i], err);
    if (rc || b->stopped)
        return rc < 0 ? rc : 1;
    if (!is_complete)
        return incomplete(&w);
    rc = between_marks(&w, &e, err);
    if (rc < 0 || b->stopped)
        return rc < 0 ? rc : 1;
    if (e.method == WTL_ENERGY_NONE)
        return incomplete(&w);
    fill_run(&w, &e);
    judge(&w);
    return r->outcome == WTL_VISIT_done ? 0 : 1;
}

/* Long enough, and so many ticks of each sensor as tell; or longer, where they do not come. */
static bool idle_is_known(const struct wtl_bench *b, const int64_t *ticks, double s)
{
    bool all = true;
    for (size_t i = 0; i < b->n; i++)
        all = all && wtl_gauge_ticks(&b->devices[i].gauged->gauge) - ticks[i] >= 20;
    return s >= b->protocol->window_min_s + (all ? 0 : 5);
}

int wtl_bench_idle(struct wtl_bench *b, double *power_w_out, bool *known_out, struct wtl_error *err)
{
    const int64_t begin_ns = wtl_bench_now(b);
    struct wtl_gauge_mark begin[WTL_SWEEP_DEVICES], end;
    int64_t ticks[WTL_SWEEP_DEVICES];
    double power_w = 0;
    size_t n_known = 0;
    int rc = reach(b, begin_ns, err);
    for (size_t i = 0; i < b->n; i++) {
        ticks[i] = wtl_gauge_ticks(&b->devices[i].gauged->gauge);
        wtl_gauge_mark(&b->devices[i].gauged->gauge, begin_ns, &begin[i]);
    }
    while (rc == 0 && !b->stopped &&
           !idle_is_known(b, ticks, 1e-9 * (double)(wtl_bench_now(b) - begin_ns)))
        rc = wtl_bench_step(b, err);
    const int64_t end_ns = wtl_bench_now(b);
    rc = rc ? rc : reach(b, end_ns, err);
    for (size_t i = 0; i < b->n; i++) {
        struct wtl_energy e;
        wtl_gauge_mark(&b->devices[i].gauged->gauge, end_ns, &end);
        wtl_gauged_between(b->devices[i].gauged, &begin[i], &end, &e);
        n_known += e.method != WTL_ENERGY_NONE;
        power_w += e.method != WTL_ENERGY_NONE ? e.energy_j / e.time_s : 0;
    }
    *known_out = n_known == b->n;
    *power_w_out = *known_out ? power_w : 0;
    return rc;
}
