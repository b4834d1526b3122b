/* SPDX-License-Identifier: Apache-2.0
 * The device that gives a recorded trace back as time goes on. */
#include "device/replay/replay.h"

#include "base/file.h"
#include "base/text.h"
#include "base/units.h"
#include "device/backend.h"

#include <stdio.h>
#include <string.h>

/* Of an id, behind "replay:" and before "#127". */
enum { ID_TEXT = WTL_LIMIT_NAME - 1 - 7 - 4 };

struct replay {
    const struct wtl_recording *rec;
    struct wtl_clock clock;
    int64_t opened_ns; /* monotonic */
    int64_t wall_ns;   /* Unix time of opening */
    bool loop;
    double speed;
};

/* ---- replay:FILE,OPTIONS#N ------------------------------------------------------------------- */

static int parse_option(const char *text, struct wtl_replay_options *o, struct wtl_error *err)
{
    if (strcmp(text, "loop") == 0) {
        o->loop = true;
        return 0;
    }
    double value = 0;
    if (wtl_starts_with(text, "interval=")) {
        int rc = wtl_parse_setting(text + 9, WTL_UNIT_SECOND, &value, err);
        if (rc < 0)
            return rc;
        if (!(value >= 1e-4 && value <= 86400))
            return WTL_FAIL(err, WTL_USAGE, "\"%s\": rows are 0.1 ms to a day apart", text);
        o->period_ns = (int64_t)(value * 1e9);
        return 0;
    }
    if (wtl_starts_with(text, "speed=")) {
        if (!wtl_parse_double(text + 6, strlen(text + 6), &value) ||
            !(value >= 1e-3 && value <= 1e4))
            return WTL_FAIL(err, WTL_USAGE, "\"%s\": a speed is a number from 0.001 to 10000",
                            text);
        o->speed = value;
        return 0;
    }
    return 1; /* part of the file's name */
}

/* Takes "#N" off the end. */
static void take_stream(char *path, struct wtl_replay_options *o)
{
    char *hash = strrchr(path, '#');
    int64_t n = 0;
    if (hash && wtl_parse_int(hash + 1, strlen(hash + 1), &n) && n >= 0 && n < WTL_LIMIT_STREAMS) {
        o->stream = (int)n;
        *hash = '\0';
    }
}

int wtl_replay_parse(const char *text, struct wtl_replay_options *options_out,
                     struct wtl_error *err)
{
    struct wtl_replay_options o = {.stream = -1, .period_ns = WTL_NS_PER_S / 10, .speed = 1};
    size_t n = strlen(text);
    if (n >= sizeof o.path)
        return WTL_FAIL(err, WTL_LIMIT, "\"replay:%.60s...\": the path is too long", text);
    memcpy(o.path, text, n + 1);
    take_stream(o.path, &o);
    for (char *comma; (comma = strrchr(o.path, ',')) != NULL; *comma = '\0') {
        int rc = parse_option(comma + 1, &o, err);
        if (rc < 0)
            return rc;
        if (rc > 0)
            break;
    }
    if (!o.path[0]) {
        int rc = WTL_FAIL(err, WTL_USAGE, "\"replay:%.80s\" names no file", text);
        wtl_error_hint(err, "replay:FILE, replay:FILE#1 (its second GPU), replay:FILE,loop");
        return rc;
    }
    *options_out = o;
    return 0;
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* Time in the recording; -1: it is over. */
static int64_t position(const struct replay *p)
{
    int64_t since = p->clock.monotonic_ns(p->clock.ctx) - p->opened_ns;
    if (since < 0)
        since = 0;
    double scaled = (double)since * p->speed;
    int64_t length = wtl_recording_length_ns(p->rec);
    int64_t at = scaled < 9e18 ? (int64_t)scaled : INT64_MAX;
    if (at < length)
        return at;
    return p->loop && length > 0 ? at % length : -1;
}

static int over(const struct replay *p, struct wtl_error *err)
{
    int rc = WTL_FAIL(err, WTL_LOST, "the recording is over after %.3g s and %zu rows",
                      (double)wtl_recording_length_ns(p->rec) / 1e9, p->rec->n);
    wtl_error_hint(err, "\",loop\" behind the file's name begins anew");
    return rc;
}

/* When a row would have been seen, had it been recorded now (first round of a loop). */
static int64_t stamp(const struct replay *p, size_t row)
{
    return p->wall_ns + (int64_t)((double)p->rec->offset_ns[row] / p->speed);
}

static int replay_read(void *state, uint64_t wanted, struct wtl_reading *out, struct wtl_error *err)
{
    const struct replay *p = state;
    const struct wtl_recording *r = p->rec;
    int64_t at = position(p);
    if (at < 0)
        return over(p, err);
    size_t row = wtl_recording_row(r, at);
    const double *cell = r->cell + row * (size_t)r->stride;
    for (int m = 0; m < (int)WTL_N_METRICS; m++) {
        if (!(wanted >> m & 1) || r->slot[m] < 0)
            continue;
        if (!(r->valid[row] >> m & 1)) {
            out->absence[m] = WTL_ABSENT_NOT_YET;
            continue;
        }
        out->valid |= UINT64_C(1) << m;
        out->value[m] = cell[r->slot[m]];
        out->sensor_t_ns[m] = p->loop ? 0 : stamp(p, row);
    }
    return 0;
}

static int replay_ring(void *state, enum wtl_metric metric, int64_t since_ns,
                       struct wtl_ring_sample *out, size_t max, size_t *n_out,
                       struct wtl_error *err)
{
    const struct replay *p = state;
    const struct wtl_recording *r = p->rec;
    if (r->slot[metric] < 0 || p->loop)
        return WTL_FAIL(err, WTL_UNSUPPORTED, "%s of this recording has no samples to give",
                        wtl_metric_info(metric)->name);
    int64_t at = position(p);
    size_t last = at < 0 ? r->n - 1 : wtl_recording_row(r, at);
    size_t first = last + 1; /* the oldest one that is newer than since_ns and fits */
    for (size_t n = 0; first > 0 && n < max && stamp(p, first - 1) > since_ns; first--)
        n += r->valid[first - 1] >> metric & 1;
    size_t n = 0;
    for (size_t i = first; i <= last && n < max; i++)
        if (r->valid[i] >> metric & 1)
            out[n++] = (struct wtl_ring_sample){
                stamp(p, i), r->cell[i * (size_t)r->stride + (size_t)r->slot[metric]]};
    *n_out = n;
    return 0;
}

static void replay_close(void *state)
{
    (void)state; /* everything is the machine's arena's */
}

static const struct wtl_sensor_ops sensor_ops = {
    .read = replay_read, .ring = replay_ring, .close = replay_close};

/* ---- Opening --------------------------------------------------------------------------------- */

static enum wtl_device_kind kind_of(const struct wtl_trace_stream *s)
{
    if (strcmp(s->dialect, "power-meter") == 0)
        return WTL_DEVICE_NODE;
    return strcmp(s->dialect, "perf-stat") == 0 ? WTL_DEVICE_CPU : WTL_DEVICE_GPU;
}

/* `name` is what stands behind "replay:", `number` what is to be added to it; -1: nothing. */
static void describe(const struct wtl_recording *r, const struct wtl_replay_options *o,
                     const char *name, int number, struct wtl_device_info *info)
{
    *info = (struct wtl_device_info){
        .kind = kind_of(&r->info),
        .flags = WTL_DEVICE_REPLAY | WTL_DEVICE_EPHEMERAL,
        .parent = -1,
        .index = -1,
        .sensors = r->info.present,
        .epoch = "recorded",
    };
    snprintf(info->name, sizeof info->name, "%s",
             r->info.device[0] ? r->info.device : r->info.entity);
    wtl_replace_controls(info->name);
    snprintf(info->driver, sizeof info->driver, "recorded by %s", r->info.dialect);
    if (number < 0)
        snprintf(info->id, sizeof info->id, "replay:%s", name);
    else
        snprintf(info->id, sizeof info->id, "replay:%.*s#%u", ID_TEXT, name,
                 (unsigned)number % WTL_LIMIT_STREAMS);
    for (int m = 0; m < (int)WTL_N_METRICS; m++)
        if (r->info.present >> m & 1)
            info->sensor[m].period_ns = (int64_t)((double)r->period_ns / o->speed);
}

static int add(const struct wtl_backend_host *host, const struct wtl_recording *rec,
               const struct wtl_replay_options *o, int number, struct wtl_error *err)
{
    struct replay *p = WTL_NEW(host->arena, struct replay);
    if (!p)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    *p = (struct replay){
        .rec = rec,
        .clock = host->clock,
        .opened_ns = host->clock.monotonic_ns(host->clock.ctx),
        .wall_ns = host->clock.wall_ns(host->clock.ctx),
        .loop = o->loop,
        .speed = o->speed,
    };
    struct wtl_device_info info;
    describe(rec, o, host->wanted, number, &info);
    int rc = wtl_backend_add(host, &info, &sensor_ops, NULL, p, false, err);
    return rc < 0 ? rc : 0;
}

static int backend_open(const struct wtl_backend_host *host, struct wtl_error *err)
{
    struct wtl_replay_options o;
    if (!host->wanted)
        return 0;
    int rc = wtl_replay_parse(host->wanted, &o, err);
    if (rc < 0)
        return rc;
    if (strlen(host->wanted) > ID_TEXT) {
        rc = WTL_FAIL(err, WTL_LIMIT, "\"replay:%s\" is longer than a device's name may be",
                      host->wanted);
        wtl_error_hint(err, "%d bytes at most: go to its directory, or link it there", ID_TEXT);
        return rc;
    }
    struct wtl_recordings *all = WTL_NEW(host->arena, struct wtl_recordings);
    if (!all)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    rc = wtl_recordings_load(host->arena, o.path, o.period_ns, all, err);
    if (rc < 0)
        return rc;
    if (o.stream >= 0 && (size_t)o.stream >= all->n)
        return WTL_FAIL(err, WTL_NOTFOUND, "\"%s\" has %zu GPU%s: there is no #%d", o.path, all->n,
                        wtl_plural((int64_t)all->n), o.stream);
    for (size_t i = 0; rc == 0 && i < all->n; i++)
        if (o.stream < 0 || (size_t)o.stream == i)
            rc = add(host, &all->stream[i], &o, o.stream < 0 && all->n > 1 ? (int)i : -1, err);
    return rc;
}

const struct wtl_backend wtl_backend_replay = {
    .prefix = "replay",
    .summary = "recorded traces (dcgmi, nvidia-smi, zeus ...) as devices",
    .named_only = true,
    .open = backend_open,
};
