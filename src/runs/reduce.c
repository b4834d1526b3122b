/* SPDX-License-Identifier: Apache-2.0
 *
 * One pass over the samples of a run. Columns are taken one at a time over a batch; columns that no
 * metric of a run needs are never touched. */
#include "runs/reduce.h"

#include "runs/accumulate.h"
#include "runs/turns.h"

#include <math.h>
#include <string.h>

/* Bits of clocks_event_reasons that mean "held below the requested clock" (nvml.h,
 * nvmlClocksEventReason*): software power cap, hardware slowdown, software thermal, hardware
 * thermal, power brake. Idle, application clocks, sync boost and display are no such thing. */
enum { THROTTLE_MASK = 0x4 | 0x8 | 0x20 | 0x40 | 0x80 };

/* A row counts as active when an activity reading is above this: the counters print 0.001 for a
 * GPU that only draws a desktop. */
static const double active_min = 0.01;

/* Requested clocks come in bins of 15 MHz (7 or 8 on V100): "at the clock" is within one. */
static const double clock_bin_mhz = 15;

/* Columns whose moments are kept, and the metrics that they give. `sd`: WTL_N_RUN_METRICS for
 * none. `busy_only`: rows at 0 do not count. */
static const struct {
    enum wtl_metric from;
    enum wtl_run_metric mean, sd, max;
    bool busy_only;
} columns[] = {
    {WTL_M_gpu_util, WTL_R_gpu_util, WTL_R_gpu_util_sd, WTL_N_RUN_METRICS, false},
    {WTL_M_mem_util, WTL_R_mem_util, WTL_R_mem_util_sd, WTL_N_RUN_METRICS, false},
    {WTL_M_gr_active, WTL_R_gr_active, WTL_R_gr_active_sd, WTL_N_RUN_METRICS, false},
    {WTL_M_sm_active, WTL_R_sm_active, WTL_R_sm_active_sd, WTL_N_RUN_METRICS, false},
    {WTL_M_dram_active, WTL_R_dram_active, WTL_R_dram_active_sd, WTL_N_RUN_METRICS, false},
    {WTL_M_tensor_active, WTL_R_tensor_active, WTL_N_RUN_METRICS, WTL_N_RUN_METRICS, false},
    {WTL_M_fp64_active, WTL_R_fp64_active, WTL_N_RUN_METRICS, WTL_N_RUN_METRICS, true},
    {WTL_M_fp32_active, WTL_R_fp32_active, WTL_N_RUN_METRICS, WTL_N_RUN_METRICS, true},
    {WTL_M_fp16_active, WTL_R_fp16_active, WTL_N_RUN_METRICS, WTL_N_RUN_METRICS, true},
    {WTL_M_temp_c, WTL_R_temp_mean_c, WTL_N_RUN_METRICS, WTL_R_temp_max_c, false},
    {WTL_M_fb_used_b, WTL_N_RUN_METRICS, WTL_N_RUN_METRICS, WTL_R_fb_used_max_b, false},
};
enum { N_COLUMNS = sizeof columns / sizeof *columns };

struct wtl_reducer {
    struct wtl_meter meter;
    struct wtl_turns turns;
    struct wtl_moments power, power_limit, violation_ns, sm_clock, column[N_COLUMNS];
    struct wtl_histogram power_bins;                              /* 0.25 W */
    struct wtl_histogram sm_all, sm_active, mem_clock, app_clock; /* 1 MHz */
    struct wtl_histogram gap_ms;                                  /* between timestamps */
    int64_t rows_known, rows_active;                              /* activity */
    int64_t rows_reason, rows_throttled;
    bool was_active; /* of the newest row that says */
    double gap_sum_s, gap_max_s;
    int64_t gaps;
    double scratch[WTL_BATCH_ROWS];
};

int wtl_reducer_new(struct wtl_arena *arena, struct wtl_reducer **reducer_out,
                    struct wtl_error *err)
{
    struct wtl_reducer *r = WTL_NEW(arena, struct wtl_reducer);
    if (!r)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    wtl_histogram_init(&r->power_bins, 0.25);
    wtl_histogram_init(&r->sm_all, 1);
    wtl_histogram_init(&r->sm_active, 1);
    wtl_histogram_init(&r->mem_clock, 1);
    wtl_histogram_init(&r->app_clock, 1);
    wtl_histogram_init(&r->gap_ms, 1);
    wtl_reducer_begin(r);
    *reducer_out = r;
    return 0;
}

void wtl_reducer_copy(struct wtl_reducer *copy, const struct wtl_reducer *r)
{
    *copy = *r;
}

void wtl_reducer_begin(struct wtl_reducer *r)
{
    wtl_meter_begin(&r->meter);
    wtl_turns_begin(&r->turns);
    memset(&r->power, 0, sizeof r->power);
    memset(&r->power_limit, 0, sizeof r->power_limit);
    memset(&r->violation_ns, 0, sizeof r->violation_ns);
    memset(&r->sm_clock, 0, sizeof r->sm_clock);
    memset(r->column, 0, sizeof r->column);
    wtl_histogram_clear(&r->power_bins);
    wtl_histogram_clear(&r->sm_all);
    wtl_histogram_clear(&r->sm_active);
    wtl_histogram_clear(&r->mem_clock);
    wtl_histogram_clear(&r->app_clock);
    wtl_histogram_clear(&r->gap_ms);
    r->rows_known = r->rows_active = r->rows_reason = r->rows_throttled = 0;
    r->was_active = false;
    r->gap_sum_s = r->gap_max_s = 0;
    r->gaps = 0;
}

/* Bits of the rows of word w in which a value is above active_min. */
static uint64_t busy_word(const struct wtl_column *c, int w, int n)
{
    const double *x = c->value + 64 * w;
    int rows = n - 64 * w < 64 ? n - 64 * w : 64;
    uint64_t busy = 0;
    for (int i = 0; i < rows; i++)
        busy |= (uint64_t)(x[i] > active_min) << i;
    return busy & c->valid[w];
}

/* Gives rows that say nothing the state of the last row that did; *state carries over words. */
static uint64_t hold(uint64_t known, uint64_t active, bool *state)
{
    uint64_t held = 0, now = *state;
    for (int i = 0; i < 64; i++) {
        uint64_t says = (known >> i) & 1;
        now = (now & ~says) | ((active >> i) & says);
        held |= now << i;
    }
    *state = now != 0;
    return held;
}

/* Counts activity and leaves the active rows in `active`: those at which any activity column says
 * so. A row that says nothing is as the last one that did (profiling columns of one DCGM dialect
 * are missing in every other row). False while no row has said anything. */
static bool push_activity(struct wtl_reducer *r, const struct wtl_batch *b, uint64_t *active)
{
    static const enum wtl_metric says[] = {WTL_M_gr_active, WTL_M_sm_active, WTL_M_gpu_util};
    for (int w = 0; 64 * w < b->n; w++) {
        uint64_t rows = b->n - 64 * w >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << (b->n - 64 * w)) - 1;
        uint64_t known = 0, busy = 0;
        for (size_t s = 0; s < sizeof says / sizeof *says; s++) {
            if (!wtl_batch_has(b, says[s]))
                continue;
            known |= b->column[says[s]].valid[w] & rows;
            busy |= busy_word(&b->column[says[s]], w, b->n);
        }
        busy &= rows;
        r->rows_known += __builtin_popcountll(known);
        r->rows_active += __builtin_popcountll(busy);
        active[w] = hold(known | ~rows, busy, &r->was_active) & rows;
        if (rows != ~UINT64_C(0) && rows) /* the rows beyond the end said "no" */
            r->was_active = (active[w] >> (b->n - 64 * w - 1)) & 1;
    }
    return r->rows_known > 0;
}

static void push_clocks(struct wtl_reducer *r, const struct wtl_batch *b, const uint64_t *active)
{
    int n;
    if (wtl_batch_has(b, WTL_M_sm_clock_mhz)) {
        const double *x = wtl_column_valid(b, WTL_M_sm_clock_mhz, r->scratch, &n);
        wtl_moments_add(&r->sm_clock, x, n);
        wtl_histogram_add(&r->sm_all, x, n);
        if (active) {
            x = wtl_column_rows(b, WTL_M_sm_clock_mhz, active, r->scratch, &n);
            wtl_histogram_add(&r->sm_active, x, n);
        }
    }
    if (wtl_batch_has(b, WTL_M_mem_clock_mhz)) {
        const double *x = wtl_column_valid(b, WTL_M_mem_clock_mhz, r->scratch, &n);
        wtl_histogram_add(&r->mem_clock, x, n);
    }
    if (wtl_batch_has(b, WTL_M_app_sm_clock_mhz)) {
        const double *x = wtl_column_valid(b, WTL_M_app_sm_clock_mhz, r->scratch, &n);
        wtl_histogram_add(&r->app_clock, x, n);
    }
}

static void push_health(struct wtl_reducer *r, const struct wtl_batch *b)
{
    int n;
    if (wtl_batch_has(b, WTL_M_event_reasons)) {
        const double *x = wtl_column_valid(b, WTL_M_event_reasons, r->scratch, &n);
        r->rows_reason += n;
        for (int i = 0; i < n; i++)
            r->rows_throttled += x[i] >= 0 && x[i] < 0x1p53 && ((int64_t)x[i] & THROTTLE_MASK);
    }
    if (wtl_batch_has(b, WTL_M_power_violation_ns)) {
        const double *x = wtl_column_valid(b, WTL_M_power_violation_ns, r->scratch, &n);
        wtl_moments_add(&r->violation_ns, x, n);
    }
    enum wtl_metric limit = wtl_batch_has(b, WTL_M_power_limit_enforced_w)
                                ? WTL_M_power_limit_enforced_w
                                : WTL_M_power_limit_w;
    if (wtl_batch_has(b, limit)) {
        const double *x = wtl_column_valid(b, limit, r->scratch, &n);
        wtl_moments_add(&r->power_limit, x, n);
    }
}

static void push_columns(struct wtl_reducer *r, const struct wtl_batch *b)
{
    for (int c = 0; c < N_COLUMNS; c++) {
        if (!wtl_batch_has(b, columns[c].from))
            continue;
        int n;
        const double *x = wtl_column_valid(b, columns[c].from, r->scratch, &n);
        if (columns[c].busy_only) {
            int k = 0;
            for (int i = 0; i < n; i++)
                if (x[i] > 0)
                    r->scratch[k++] = x[i]; /* k <= i: in place is fine */
            x = r->scratch;
            n = k;
        }
        wtl_moments_add(&r->column[c], x, n);
    }
}

/* Spacing of rows in time, across batches as well. */
static void push_time(struct wtl_reducer *r, const struct wtl_batch *b)
{
    int k = 0;
    int64_t before = r->meter.has_time ? r->meter.t_last_ns : b->t_ns[0];
    for (int row = r->meter.has_time ? 0 : 1; row < b->n; row++) {
        double gap_s = 1e-9 * (double)(b->t_ns[row] - before);
        before = b->t_ns[row];
        r->gap_sum_s += gap_s;
        r->gap_max_s = gap_s > r->gap_max_s ? gap_s : r->gap_max_s;
        r->scratch[k++] = gap_s * 1e3;
    }
    r->gaps += k;
    wtl_histogram_add(&r->gap_ms, r->scratch, k);
    wtl_alternation_add(&r->turns.gap, r->scratch, k);
}

/* What tells whether two GPUs take turns in these rows. */
static void push_turns(struct wtl_reducer *r, const struct wtl_batch *b)
{
    int n;
    if (wtl_batch_has(b, WTL_M_energy_counter_j)) {
        const double *x = wtl_column_valid(b, WTL_M_energy_counter_j, r->scratch, &n);
        wtl_turns_counter(&r->turns, x, n);
        return;
    }
    const struct {
        enum wtl_metric from;
        struct wtl_alternation *to;
    } slow[] = {{r->meter.sensor, &r->turns.power},
                {WTL_M_temp_c, &r->turns.temp},
                {WTL_M_fb_used_b, &r->turns.memory}};
    for (size_t i = 0; i < sizeof slow / sizeof *slow; i++) {
        if (!wtl_batch_has(b, slow[i].from))
            continue;
        const double *x = wtl_column_valid(b, slow[i].from, r->scratch, &n);
        wtl_alternation_add(slow[i].to, x, n);
    }
}

void wtl_reducer_push(struct wtl_reducer *r, const struct wtl_batch *b)
{
    if (b->n == 0)
        return;
    if (b->has_time)
        push_time(r, b);
    wtl_meter_push(&r->meter, b);
    if (wtl_batch_has(b, r->meter.sensor)) {
        int n;
        const double *x = wtl_column_valid(b, r->meter.sensor, r->scratch, &n);
        wtl_moments_add(&r->power, x, n);
        wtl_histogram_add(&r->power_bins, x, n);
    }
    uint64_t active[WTL_BATCH_WORDS];
    bool knows = push_activity(r, b, active);
    push_clocks(r, b, knows ? active : NULL);
    push_health(r, b);
    push_columns(r, b);
    push_turns(r, b);
}

/* The usual spacing: the mean of those within half of the median, so that a hole does not count.
 * Timestamps have 1 ms; the mean of many has not. */
static double usual_gap_s(const struct wtl_histogram *h)
{
    double median = wtl_histogram_quantile(h, 0.5), sum = 0, n = 0;
    for (int bin = h->lo; bin <= h->hi; bin++)
        if (bin >= 0.5 * median && bin <= 1.5 * median) {
            sum += bin * (double)h->count[bin];
            n += h->count[bin];
        }
    return n > 0 ? 1e-3 * sum / n : 0;
}

static void finish_power(const struct wtl_reducer *r, struct wtl_run *run)
{
    if (r->power.n == 0)
        return;
    wtl_run_set(run, WTL_R_power_mean_w, wtl_moments_mean(&r->power));
    wtl_run_set(run, WTL_R_power_sd_w, wtl_moments_sd(&r->power));
    wtl_run_set(run, WTL_R_power_min_w, r->power.min);
    wtl_run_set(run, WTL_R_power_max_w, r->power.max);
    wtl_run_set(run, WTL_R_power_first_w, r->power.origin);
    double p99 = wtl_histogram_quantile(&r->power_bins, 0.99);
    wtl_run_set(run, WTL_R_power_p99_w, fmax(r->power.min, fmin(p99, r->power.max)));
}

/* Real time base: period, span, trapezoid, and the cross-check against the counter. */
static void finish_timed(const struct wtl_reducer *r, struct wtl_run *run)
{
    const struct wtl_meter *m = &r->meter;
    if (r->gaps == 0 || m->t_last_ns <= m->t_first_ns)
        return;
    double period_s = usual_gap_s(&r->gap_ms);
    if (!(period_s > 0)) /* faster than the stamps can tell */
        period_s = r->gap_sum_s / (double)r->gaps;
    double between_s = 1e-9 * (double)(m->t_last_ns - m->t_first_ns);
    double span_s = m->interval ? between_s : between_s + period_s; /* a reading holds a period */
    double covered_s = m->power_span_s; /* from the first sample to the last */
    wtl_run_set(run, WTL_R_period_s, period_s);
    wtl_run_set(run, WTL_R_span_s, span_s);
    wtl_run_set(run, WTL_R_longest_gap_s, r->gap_max_s);
    if (r->power.n == 0 || !(covered_s > 0))
        return;
    double integral_j = m->weight * span_s / covered_s;
    wtl_run_set(run, WTL_R_energy_integral_j, integral_j);
    wtl_run_set(run, WTL_R_power_mean_w, integral_j / span_s);
}

/* Edges needed before the counter is trusted: with five the refresh (one edge's jitter) is a
 * quarter of the covered time at worst, and runs that short have no business here anyway. */
enum { COUNTER_CHANGES_MIN = 5 };

static void finish_counter(const struct wtl_reducer *r, struct wtl_run *run)
{
    const struct wtl_meter *m = &r->meter;
    const struct wtl_counter *c = &m->counter;
    if (c->changes < COUNTER_CHANGES_MIN || !(c->edge_weight > 0) || !(c->edge_j > 0))
        return;
    double ratio = c->edge_j / c->edge_weight; /* a period in s, or pure where time is real */
    double covered_s;
    if (m->has_time) {
        double integral_j = wtl_run_get(run, WTL_R_energy_integral_j, 0);
        if (!(integral_j > 0))
            return;
        wtl_run_set(run, WTL_R_energy_ratio, ratio);
        wtl_run_set(run, WTL_R_energy_counter_j, ratio * integral_j);
        covered_s = run->metric[WTL_R_span_s] * c->edge_weight / m->weight;
    } else {
        /* Rows without a sample held the last one; rows before the first count as the mean. */
        double rows = (double)m->n;
        double whole = m->weight * rows / (rows - (double)m->rows_before_power);
        wtl_run_set(run, WTL_R_period_s, ratio);
        wtl_run_set(run, WTL_R_span_s, ratio * rows);
        wtl_run_set(run, WTL_R_energy_counter_j, ratio * whole);
        covered_s = ratio * rows * c->edge_weight / whole;
    }
    int64_t steps = c->changes - c->epochs;
    wtl_run_set(run, WTL_R_counter_step_s, covered_s / (double)(steps > 1 ? steps : 1));
}

static void finish_clocks(const struct wtl_reducer *r, struct wtl_run *run)
{
    const struct wtl_histogram *sm = r->sm_active.n > 0 ? &r->sm_active : &r->sm_all;
    if (sm->n > 0) {
        wtl_run_set(run, WTL_R_sm_clock_median_mhz, wtl_histogram_quantile(sm, 0.5));
        wtl_run_set(run, WTL_R_sm_clock_mean_mhz, wtl_moments_mean(&r->sm_clock));
        if (run->clock_mhz > 0)
            wtl_run_set(run, WTL_R_sm_clock_match,
                        wtl_histogram_share(sm, run->clock_mhz - clock_bin_mhz,
                                            run->clock_mhz + clock_bin_mhz));
    }
    if (r->mem_clock.n > 0)
        wtl_run_set(run, WTL_R_mem_clock_median_mhz, wtl_histogram_quantile(&r->mem_clock, 0.5));
    if (r->app_clock.n > 0)
        wtl_run_set(run, WTL_R_app_clock_mhz, wtl_histogram_quantile(&r->app_clock, 0.5));
}

static void finish_columns(const struct wtl_reducer *r, struct wtl_run *run)
{
    for (int c = 0; c < N_COLUMNS; c++) {
        const struct wtl_moments *m = &r->column[c];
        if (m->n == 0)
            continue;
        if (columns[c].mean < WTL_N_RUN_METRICS)
            wtl_run_set(run, columns[c].mean, wtl_moments_mean(m));
        if (columns[c].sd < WTL_N_RUN_METRICS)
            wtl_run_set(run, columns[c].sd, wtl_moments_sd(m));
        if (columns[c].max < WTL_N_RUN_METRICS)
            wtl_run_set(run, columns[c].max, m->max);
    }
    if (r->rows_known > 0)
        wtl_run_set(run, WTL_R_active_share, (double)r->rows_active / (double)r->rows_known);
}

/* The reason mask, or the violation counter over the span, whichever says more. */
static void finish_health(const struct wtl_reducer *r, struct wtl_run *run)
{
    if (r->power_limit.n > 0)
        wtl_run_set(run, WTL_R_power_limit_w, r->power_limit.last);
    double share = -1;
    if (r->rows_reason > 0)
        share = (double)r->rows_throttled / (double)r->rows_reason;
    double span_s = wtl_run_get(run, WTL_R_span_s, 0);
    if (r->violation_ns.n > 1 && span_s > 0)
        share =
            fmax(share, fmin(1, 1e-9 * (r->violation_ns.last - r->violation_ns.origin) / span_s));
    if (share >= 0)
        wtl_run_set(run, WTL_R_throttle_share, share);
}

static void finish_context(const struct wtl_reduce_context *context, double n, struct wtl_run *run)
{
    if (context->wrapper_time_s > 0)
        wtl_run_set(run, WTL_R_wrapper_time_s, context->wrapper_time_s);
    if (context->reported_time_s > 0)
        wtl_run_set(run, WTL_R_reported_time_s, context->reported_time_s);
    if (!(context->label_interval_s > 0))
        return;
    double nominal_s = n * context->label_interval_s;
    wtl_run_set(run, WTL_R_label_interval_s, context->label_interval_s);
    wtl_run_set(run, WTL_R_nominal_time_s, nominal_s);
    if (wtl_run_has(run, WTL_R_power_mean_w))
        wtl_run_set(run, WTL_R_energy_nominal_j, run->metric[WTL_R_power_mean_w] * nominal_s);
}

void wtl_reducer_finish(struct wtl_reducer *r, const struct wtl_reduce_context *context,
                        struct wtl_run *run)
{
    wtl_meter_end(&r->meter);
    double n = (double)(r->meter.n - r->meter.interval); /* the begin is no sample */
    wtl_run_set(run, WTL_R_n_samples, n);
    finish_power(r, run);
    finish_context(context, n, run);
    if (r->meter.has_time)
        finish_timed(r, run);
    finish_counter(r, run);
    finish_clocks(r, run);
    finish_columns(r, run);
    finish_health(r, run);
}

bool wtl_reducer_mixes(const struct wtl_reducer *r, char *text, size_t size)
{
    return wtl_turns_found(&r->turns, text, size);
}

struct wtl_counter wtl_reducer_counter(const struct wtl_reducer *r)
{
    return r->meter.counter;
}
