/* SPDX-License-Identifier: Apache-2.0
 * From the metering into files. */
#include "flow/record.h"

#include "base/text.h"
#include "codec/json.h"
#include "core/gpu_name.h"
#include "core/xid.h"
#include "device/waiting.h"
#include "stats/robust.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define TICK_NS (WTL_NS_PER_S / 4)
#define SYNC_NS (10 * WTL_NS_PER_S)

/* How long the gauges take to know a moment as well as they ever will. */
#define SETTLED_NS (WTL_NS_PER_S / 2)

enum { TAKE = 128 };

struct recorded_device {
    int n_metrics;
    enum wtl_metric metric[WTL_METERED_METRICS];
    int64_t n_lost;              /* of the metering, as far as counted */
    struct wtl_gauge_mark begin; /* of the present file */
    struct wtl_energy energy;    /* of the file, when it ends */
    int64_t n_errors;            /* of the driver's, until the present file began */
    struct wtl_batch batch;
    struct wtl_metered_sample taken[TAKE];
};

struct wtl_recorder {
    struct wtl_arena arena; /* holds it, too */
    struct wtl_flow flow;
    struct wtl_record_options options;
    struct wtl_stat *stat;
    struct wtl_metering *metering;
    size_t n;
    struct recorded_device *devices;
    struct wtl_write_stream *streams;
    const struct wtl_batch **batches;

    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop;
    atomic_bool deserted; /* nobody reads the file any longer */

    struct wtl_sink *sink;  /* NULL: the next file could not be made yet */
    int64_t number;         /* of the file; 0: no series */
    int64_t begin_ns;       /* of the span, monotonic */
    int64_t wall_offset_ns; /* Unix time minus monotonic; the same within a file */
    int64_t file_begin_ns, put_ns, sync_ns;
    bool first_marked;
    struct wtl_write_gap gap; /* not written down yet */
    struct wtl_recorded sum;
    const struct wtl_stat_result *result; /* at the end */
    int status;
};

static int64_t now_ns(const struct wtl_recorder *r)
{
    return r->flow.clock.monotonic_ns(r->flow.clock.ctx);
}

static void note_trouble(struct wtl_recorder *r, const struct wtl_error *err)
{
    if (r->sum.errors++ == 0)
        memcpy(r->sum.trouble, err->message, sizeof r->sum.trouble);
}

static void note_lost(struct wtl_recorder *r, int64_t rows, int64_t from_ns, int64_t to_ns,
                      const char *why)
{
    struct wtl_write_gap *g = &r->gap;
    struct wtl_recorded *s = &r->sum;
    if (g->rows == 0) {
        g->from_ns = from_ns;
        g->to_ns = to_ns;
        (void)snprintf(g->why, sizeof g->why, "%.150s", why);
    }
    if (s->lost == 0)
        s->lost_from_ns = from_ns;
    g->rows += rows;
    s->lost += rows;
    g->from_ns = from_ns < g->from_ns ? from_ns : g->from_ns;
    g->to_ns = to_ns > g->to_ns ? to_ns : g->to_ns;
    s->lost_from_ns = from_ns < s->lost_from_ns ? from_ns : s->lost_from_ns;
    s->lost_to_ns = to_ns > s->lost_to_ns ? to_ns : s->lost_to_ns;
    if (!s->trouble[0])
        (void)snprintf(s->trouble, sizeof s->trouble, "%.200s", why);
}

/* ---- What a run is, beside its samples ------------------------------------------------------- */

/* The work of the command: of the one name of windows that gives any. */
static void set_work(const struct wtl_stat_result *result, struct wtl_run *run)
{
    const struct wtl_window_total *only = NULL;
    for (size_t i = 0; i < result->n_windows; i++)
        if (result->windows[i].n_work > 0) {
            if (only)
                return;
            only = &result->windows[i];
        }
    if (!only)
        return;
    wtl_run_set(run, WTL_R_work_units, only->work);
    (void)snprintf(run->unit, sizeof run->unit, "%.15s", only->unit);
}

static void set_latencies(const struct wtl_stat_result *result, struct wtl_run *run)
{
    static const struct {
        enum wtl_run_metric metric;
        double p;
    } quantiles[] = {{WTL_R_latency_p50_s, 0.5},
                     {WTL_R_latency_p90_s, 0.9},
                     {WTL_R_latency_p95_s, 0.95},
                     {WTL_R_latency_p99_s, 0.99}};
    size_t n = result->n_latencies;
    for (size_t i = 0; n > 0 && i < sizeof quantiles / sizeof quantiles[0]; i++)
        wtl_run_set(run, quantiles[i].metric,
                    wtl_quantile_sorted(result->latencies_s, n, quantiles[i].p));
}

static void set_energy(const struct wtl_energy *e, struct wtl_run *run)
{
    if (e->method == WTL_ENERGY_NONE || !(e->time_s > 0))
        return;
    run->energy_method = e->method;
    run->energy_class = e->class;
    run->energy_troubles = e->troubles;
    wtl_run_set(run, WTL_R_time_s, e->time_s);
    wtl_run_set(run, WTL_R_energy_j, e->energy_j);
    wtl_run_set(run, WTL_R_power_w, e->energy_j / e->time_s);
    if (e->energy_j > 0)
        wtl_run_set(run, WTL_R_energy_rel_error, (e->hi_j - e->lo_j) / 2 / e->energy_j);
    wtl_run_set_calibration(run, e);
}

/* Errors (XIDs) in the time of the file. A command that one fell in is a disturbed run; a span of
 * days is not. */
static void describe_errors(struct wtl_recorder *r, int i, struct wtl_run *run)
{
    struct wtl_metered_errors e;
    char text[WTL_XID_TEXT];
    wtl_metering_errors(r->metering, (size_t)i, &e);
    const int64_t n = e.n - r->devices[i].n_errors;
    if (n <= 0 || e.n_kept == 0)
        return;
    (void)snprintf(run->stated_reason, sizeof run->stated_reason,
                   "%lld error%s of the device, %s the last", (long long)n, wtl_plural(n),
                   wtl_xid_format(e.kept[e.n_kept - 1].number, text));
    if (r->options.command)
        run->stated_causes |= UINT32_C(1) << WTL_CAUSE_device_error;
}

/* Whether --gpu is the name of this device: of GPUs, else of one that is alone. */
static bool takes_name(const struct wtl_recorder *r, size_t i)
{
    return r->options.gpu && (r->streams[i].gpu || r->n == 1);
}

/* One name for two models would put their runs into one set. */
static int check_name(const struct wtl_recorder *r, struct wtl_error *err)
{
    char first[WTL_LIMIT_NAME] = "", name[WTL_LIMIT_NAME];
    for (size_t i = 0; i < r->n; i++) {
        wtl_gpu_short_name(r->streams[i].name, name, sizeof name);
        if (!takes_name(r, i) || !name[0])
            continue;
        if (first[0] && !wtl_same_name(first, name)) {
            int rc = WTL_FAIL(err, WTL_USAGE, "--gpu %.40s would be the name of two models: %s, %s",
                              r->options.gpu, first, name);
            wtl_error_hint(err,
                           "leave --gpu out: each is named after its board; or choose with -i");
            return rc;
        }
        memcpy(first, name, sizeof first);
    }
    return 0;
}

static void describe(void *ctx, int i, bool ended, struct wtl_run *run)
{
    struct wtl_recorder *r = ctx;
    const struct wtl_write_stream *s = &r->streams[i];
    const bool named = takes_name(r, (size_t)i);
    wtl_gpu_short_name(s->name, run->gpu, sizeof run->gpu);
    if (named || !run->gpu[0])
        (void)snprintf(run->gpu, sizeof run->gpu, "%.95s",
                       named        ? r->options.gpu
                       : s->name[0] ? s->name
                                    : s->id);
    (void)snprintf(run->workload, sizeof run->workload, "%.95s", r->options.workload);
    run->window = !r->options.command;
    describe_errors(r, i, run);
    if (r->sum.lost)
        (void)snprintf(run->stated_reason, sizeof run->stated_reason,
                       "%lld samples of the recording were lost: %.90s", (long long)r->sum.lost,
                       r->sum.trouble);
    if (!ended)
        return;
    set_energy(&r->devices[i].energy, run);
    if (!r->result)
        return;
    if (r->result->devices[i].idle_w > 0)
        wtl_run_set(run, WTL_R_idle_power_w, r->result->devices[i].idle_w);
    if (r->options.command)
        run->status = r->status == 0 ? WTL_RUN_SUCCESS : WTL_RUN_FAILED;
    if (r->options.rotate_bytes || r->options.rotate_ns)
        return; /* a part of the span: its share of the work is not known */
    set_work(r->result, run);
    set_latencies(r->result, run);
}

/* ---- Files ----------------------------------------------------------------------------------- */

static bool rotates(const struct wtl_recorder *r)
{
    return r->options.rotate_bytes > 0 || r->options.rotate_ns > 0;
}

static int open_file(struct wtl_recorder *r, struct wtl_error *err)
{
    const struct wtl_record_options *o = &r->options;
    (void)snprintf(r->sum.path, sizeof r->sum.path, "%s", o->path);
    if (rotates(r) && !wtl_series_path(o->path, r->number + 1, r->sum.path, sizeof r->sum.path))
        return WTL_FAIL(err, WTL_LIMIT, "\"%.200s\" is too long", o->path);
    if (rotates(r) && o->keep > 0)
        (void)wtl_series_remove_upto(o->path, r->number + 1 - o->keep);
    const struct wtl_sink_campaign_options co = {.path = r->sum.path,
                                                 .clock = r->flow.clock,
                                                 .streams = r->streams,
                                                 .n = (int)r->n,
                                                 .job = o->job,
                                                 .describe = describe,
                                                 .ctx = r};
    int rc = o->writer ? wtl_sink_text_open(r->flow.alloc, r->sum.path, o->writer, r->streams,
                                            (int)r->n, o->utc_offset_s, &r->sink, err)
                       : wtl_sink_campaign_open(r->flow.alloc, &co, &r->sink, err);
    if (rc < 0)
        return rc;
    int64_t now = now_ns(r);
    for (size_t i = 0; i < r->n; i++) {
        struct wtl_metered_errors e;
        wtl_metering_errors(r->metering, i, &e);
        r->devices[i].n_errors = e.n;
    }
    r->number++;
    r->sum.files++;
    r->file_begin_ns = r->sync_ns = now;
    r->put_ns = 0; /* the first at once: a campaign has its runs then */
    r->wall_offset_ns = r->flow.clock.wall_ns(r->flow.clock.ctx) - now;
    return 0;
}

/* Stores what has been taken. False: it could not be, and is still here. */
static bool put(struct wtl_recorder *r)
{
    struct wtl_error err = {0};
    int64_t rows = 0;
    r->put_ns = now_ns(r);
    if (!r->sink)
        return false;
    for (size_t i = 0; i < r->n; i++)
        rows += r->devices[i].batch.n;
    int rc = wtl_sink_put(r->sink, r->batches, (int)r->n, &r->gap, &err);
    if (rc < 0) {
        if (rc == -(int)WTL_LOST)
            atomic_store(&r->deserted, true);
        note_trouble(r, &err);
        return false;
    }
    r->gap.rows = 0;
    r->sum.rows += rows;
    for (size_t i = 0; i < r->n; i++) {
        struct wtl_batch *b = &r->devices[i].batch;
        b->first_row += b->n;
        b->n = 0;
    }
    return true;
}

static void lose(struct wtl_recorder *r, struct wtl_batch *b)
{
    note_lost(r, b->n, b->t_ns[0], b->t_ns[b->n - 1],
              r->sum.trouble[0] ? r->sum.trouble : "the file cannot be written");
    b->n = 0;
}

/* Energy of the present file until t_ns; the next begins there. */
static void end_energy(struct wtl_recorder *r, int64_t t_ns)
{
    for (size_t i = 0; i < r->n; i++) {
        struct wtl_gauge_mark end;
        wtl_metering_mark(r->metering, i, t_ns, &end);
        wtl_metering_between(r->metering, i, &r->devices[i].begin, &end, &r->devices[i].energy);
        r->devices[i].begin = end;
    }
}

static void close_file(struct wtl_recorder *r)
{
    struct wtl_error err = {0};
    if (!r->sink)
        return;
    r->sum.bytes += wtl_sink_size(r->sink);
    if (wtl_sink_close(r->sink, true, &err) < 0)
        note_trouble(r, &err);
    r->sink = NULL;
    for (size_t i = 0; i < r->n; i++)
        r->devices[i].batch.first_row = 0;
}

static void rotate(struct wtl_recorder *r)
{
    const struct wtl_record_options *o = &r->options;
    struct wtl_error err = {0};
    int64_t now = now_ns(r);
    bool large = o->rotate_bytes > 0 && r->sink && wtl_sink_size(r->sink) >= o->rotate_bytes;
    bool old = o->rotate_ns > 0 && now - r->file_begin_ns >= o->rotate_ns;
    if (r->sink && !large && !old)
        return;
    if (r->sink) {
        (void)put(r);
        end_energy(r, now - SETTLED_NS);
        close_file(r);
    }
    if (open_file(r, &err) < 0)
        note_trouble(r, &err);
}

/* ---- Samples --------------------------------------------------------------------------------- */

/* Of the counter and of power, as the metering has them. */
static const enum wtl_metric stamps[2] = {WTL_M_energy_time_s, WTL_M_power_time_s};

static void put_cell(struct wtl_batch *b, enum wtl_metric m, int row, bool has, double value)
{
    b->column[m].valid[row >> 6] &= ~(UINT64_C(1) << (row & 63));
    if (has)
        wtl_batch_set(b, m, row, value);
}

static void add_row(struct wtl_recorder *r, struct recorded_device *d,
                    const struct wtl_metered_sample *s)
{
    struct wtl_batch *b = &d->batch;
    if (b->n == WTL_BATCH_ROWS && !put(r))
        lose(r, b);
    int row = b->n++;
    b->t_ns[row] = s->t_ns + r->wall_offset_ns;
    for (int k = 0; k < d->n_metrics; k++)
        put_cell(b, d->metric[k], row, (s->valid >> k) & 1, s->value[k]);
    for (int k = 0; k < 2; k++)
        put_cell(b, stamps[k], row, s->sensor_t_ns[k] > 0, 1e-9 * (double)s->sensor_t_ns[k]);
}

/* What the metering could not keep because we were too slow. */
static void count_overruns(struct wtl_recorder *r, size_t i, int64_t from_ns, int64_t to_ns)
{
    struct wtl_metered_state state;
    wtl_metering_state(r->metering, i, &state);
    int64_t lost = state.n_lost - r->devices[i].n_lost;
    r->devices[i].n_lost = state.n_lost;
    if (lost > 0)
        note_lost(r, lost, from_ns, to_ns, "the file was written too slowly");
}

/* Whether the reading is one that goes into the file. */
static bool wanted(const struct wtl_recorder *r, const struct recorded_device *d,
                   const struct wtl_metered_sample *s, int64_t until_ns)
{
    static const uint64_t fast =
        WTL_METRIC_BIT(WTL_M_energy_counter_j) | WTL_METRIC_BIT(WTL_M_power_w) |
        WTL_METRIC_BIT(WTL_M_power_instant_w) | WTL_METRIC_BIT(WTL_M_power_average_w);
    if (s->t_ns < r->begin_ns || s->t_ns > until_ns)
        return false;
    if (!r->options.whole_rows || !(d->batch.present & ~fast))
        return true;
    for (int k = 0; k < d->n_metrics; k++)
        if (((s->valid >> k) & 1) && !(fast & WTL_METRIC_BIT(d->metric[k])))
            return true;
    return false;
}

/* All that is there of device i, of moments from begin to `until_ns`. */
static void take(struct wtl_recorder *r, size_t i, int64_t until_ns)
{
    struct recorded_device *d = &r->devices[i];
    const struct wtl_batch *b = &d->batch;
    int64_t newest = b->n ? b->t_ns[b->n - 1] : r->begin_ns + r->wall_offset_ns;
    size_t n;
    do {
        n = wtl_metering_take(r->metering, i, d->taken, TAKE);
        if (n > 0)
            count_overruns(r, i, newest, d->taken[0].t_ns + r->wall_offset_ns);
        for (size_t k = 0; k < n; k++)
            if (wanted(r, d, &d->taken[k], until_ns))
                add_row(r, d, &d->taken[k]);
    } while (n == TAKE);
}

static void take_all(struct wtl_recorder *r, int64_t until_ns)
{
    for (size_t i = 0; i < r->n; i++)
        take(r, i, until_ns);
}

static void tick(struct wtl_recorder *r)
{
    struct wtl_error err = {0};
    int64_t now = now_ns(r);
    if (!r->first_marked && now - r->begin_ns >= SETTLED_NS) {
        for (size_t i = 0; i < r->n; i++)
            wtl_metering_mark(r->metering, i, r->begin_ns, &r->devices[i].begin);
        r->first_marked = true;
    }
    take_all(r, INT64_MAX);
    if (r->put_ns == 0 || now - r->put_ns >= (r->sink ? r->sink->put_every_ns : WTL_NS_PER_S))
        (void)put(r);
    if (r->sink && now - r->sync_ns >= SYNC_NS) {
        r->sync_ns = now;
        if (wtl_sink_sync(r->sink, &err) < 0)
            note_trouble(r, &err);
    }
    if (rotates(r) && r->first_marked)
        rotate(r);
}

static void *run(void *arg)
{
    struct wtl_recorder *r = arg;
    pthread_mutex_lock(&r->lock);
    while (!r->stop) {
        pthread_mutex_unlock(&r->lock);
        tick(r);
        int64_t next = now_ns(r) + TICK_NS;
        const struct timespec until = {next / WTL_NS_PER_S, next % WTL_NS_PER_S};
        pthread_mutex_lock(&r->lock);
        if (!r->stop)
            (void)pthread_cond_timedwait(&r->wake, &r->lock, &until);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

static void end_thread(struct wtl_recorder *r)
{
    if (!r->started)
        return;
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_broadcast(&r->wake);
    pthread_mutex_unlock(&r->lock);
    (void)pthread_join(r->thread, NULL);
    r->started = false;
}

/* ---- Begin and end --------------------------------------------------------------------------- */

/* The columns for the times that the sensors themselves give, where they have given any. */
static uint64_t stamps_of(const struct wtl_recorder *r, size_t i)
{
    struct wtl_metered_state state;
    wtl_metering_state(r->metering, i, &state);
    const struct wtl_reading *n = &state.newest;
    const enum wtl_metric power = wtl_metric_power(n->valid);
    uint64_t present = 0;
    if (n->sensor_t_ns[WTL_M_energy_counter_j] > 0)
        present |= WTL_METRIC_BIT(WTL_M_energy_time_s);
    if (power < WTL_N_METRICS && n->sensor_t_ns[power] > 0)
        present |= WTL_METRIC_BIT(WTL_M_power_time_s);
    return present;
}

static void describe_stream(struct wtl_recorder *r, size_t i)
{
    const struct wtl_device_info *info = wtl_device_info(wtl_metering_device(r->metering, i));
    struct recorded_device *d = &r->devices[i];
    struct wtl_write_stream *s = &r->streams[i];
    memcpy(s->id, info->id, sizeof s->id);
    memcpy(s->name, info->name, sizeof s->name);
    memcpy(s->uuid, info->uuid, sizeof s->uuid);
    s->index = info->index >= 0 ? info->index : (int)i;
    s->gpu = info->kind == WTL_DEVICE_GPU;
    d->n_metrics = wtl_metering_metrics(r->metering, i, d->metric);
    for (int k = 0; k < d->n_metrics; k++)
        s->present |= UINT64_C(1) << d->metric[k];
    s->present |= stamps_of(r, i);
    d->batch.stream = (int)i;
    d->batch.has_time = true;
    d->batch.present = s->present;
    r->batches[i] = &d->batch;
}

static int prepare(struct wtl_recorder *r, struct wtl_error *err)
{
    r->n = wtl_metering_count(r->metering);
    if (r->n > WTL_LIMIT_STREAMS)
        return WTL_FAIL(err, WTL_LIMIT, "more than %d devices", WTL_LIMIT_STREAMS);
    r->devices = WTL_NEW_ARRAY(&r->arena, struct recorded_device, r->n + 1);
    r->streams = WTL_NEW_ARRAY(&r->arena, struct wtl_write_stream, r->n + 1);
    r->batches = WTL_NEW_ARRAY(&r->arena, const struct wtl_batch *, r->n + 1);
    if (!r->devices || !r->streams || !r->batches)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    bool gpu = false;
    for (size_t i = 0; i < r->n; i++) {
        describe_stream(r, i);
        gpu = gpu || r->streams[i].gpu;
    }
    if (r->options.writer && r->options.writer->gpus_only && !gpu)
        return WTL_FAIL(err, WTL_NOTFOUND, "the format \"%s\" holds GPUs only, and there is none",
                        r->options.writer->name);
    int rc = check_name(r, err);
    rc = rc || !rotates(r) ? rc : wtl_series_last(r->options.path, &r->number, err);
    return rc ? rc : open_file(r, err);
}

int wtl_record_open(const struct wtl_flow *flow, struct wtl_stat *stat,
                    const struct wtl_record_options *options, struct wtl_recorder **out,
                    struct wtl_error *err)
{
    struct wtl_arena arena;
    wtl_arena_init(&arena, flow->alloc);
    struct wtl_recorder *r = WTL_NEW(&arena, struct wtl_recorder);
    if (!r || !wtl_waiting_init(&r->lock, &r->wake)) {
        wtl_arena_fini(&arena);
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    }
    r->arena = arena;
    r->flow = *flow;
    r->options = *options;
    r->stat = stat;
    r->metering = wtl_stat_metering(stat);
    int rc = prepare(r, err);
    if (rc < 0)
        wtl_record_close(r);
    else
        *out = r;
    return rc;
}

int wtl_record_begin(struct wtl_recorder *r, struct wtl_error *err)
{
    int64_t end;
    wtl_stat_span(r->stat, &r->begin_ns, &end);
    for (size_t i = 0; i < r->n; i++) { /* of the time before */
        struct wtl_metered_state state;
        wtl_metering_state(r->metering, i, &state);
        r->devices[i].n_lost = state.n_lost;
    }
    if (!wtl_thread_start(&r->thread, run, r))
        return WTL_FAIL(err, WTL_NOMEM, "no thread to write the samples");
    r->started = true;
    return 0;
}

json_t *wtl_recorded_json(const struct wtl_recorded *s)
{
    return json_pack("{s:o, s:I, s:I, s:I, s:I, s:o, s:o, s:I, s:o}", "path",
                     wtl_json_text(s->path), "files", (json_int_t)s->files, "bytes",
                     (json_int_t)s->bytes, "rows", (json_int_t)s->rows, "lost", (json_int_t)s->lost,
                     "lost_from_ns", s->lost ? json_integer(s->lost_from_ns) : json_null(),
                     "lost_to_ns", s->lost ? json_integer(s->lost_to_ns) : json_null(), "errors",
                     (json_int_t)s->errors, "trouble", wtl_json_text_or_null(s->trouble));
}

static void put_document(struct wtl_recorder *r, json_t *document)
{
    struct wtl_buf text;
    struct wtl_error err = {0};
    if (!r->sink)
        return;
    wtl_buf_init(&text, r->flow.alloc, (size_t)1 << 28);
    json_t *recording = document ? wtl_recorded_json(&r->sum) : NULL;
    if (!recording || json_object_set_new(document, "recording", recording) != 0 ||
        !wtl_json_write_line(document, &text))
        (void)WTL_FAIL(&err, WTL_NOMEM, "out of memory");
    else
        (void)wtl_sink_document(r->sink, "recording", wtl_buf_str(&text), &err);
    if (err.code)
        note_trouble(r, &err);
    wtl_buf_fini(&text);
}

void wtl_record_pause(struct wtl_recorder *r)
{
    end_thread(r);
}

void wtl_record_end(struct wtl_recorder *r, const struct wtl_stat_result *result, int status,
                    json_t *document, struct wtl_recorded *recorded_out)
{
    int64_t begin, end;
    struct wtl_error err = {0};
    wtl_stat_span(r->stat, &begin, &end);
    end_thread(r);
    r->result = result;
    r->status = status;
    take_all(r, end);
    if (!r->sink && open_file(r, &err) < 0)
        note_trouble(r, &err);
    if (!put(r))
        for (size_t i = 0; i < r->n; i++)
            if (r->devices[i].batch.n > 0)
                lose(r, &r->devices[i].batch);
    if (r->sum.files > 1)
        end_energy(r, end);
    else
        for (size_t i = 0; i < r->n; i++)
            r->devices[i].energy = result->devices[i].collected.energy;
    put_document(r, document);
    close_file(r);
    *recorded_out = r->sum;
}

bool wtl_record_deserted(const struct wtl_recorder *r)
{
    return atomic_load(&r->deserted);
}

void wtl_record_discard(struct wtl_recorder *r)
{
    end_thread(r);
    wtl_sink_discard(r->sink);
    r->sink = NULL;
}

void wtl_record_close(struct wtl_recorder *r)
{
    if (!r)
        return;
    end_thread(r);
    (void)wtl_sink_close(r->sink, false, NULL);
    wtl_waiting_fini(&r->lock, &r->wake);
    struct wtl_arena arena = r->arena;
    wtl_arena_fini(&arena);
}
