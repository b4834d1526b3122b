/* SPDX-License-Identifier: Apache-2.0
 * The device that an external meter is: opening, reading, closing. */
#include "device/meter/meter.h"

#include "base/file.h"
#include "base/text.h"
#include "device/backend.h"
#include "device/meter/exec.h"
#include "device/meter/file.h"
#include "device/meter/ptd.h"
#include "device/meter/stream.h"
#include "device/sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The first reading tells what is measured. Meters print one a second. */
#define FIRST_NS (5 * WTL_NS_PER_S)

/* To connect to a PTDaemon and have it start. */
enum { PTD_START_MS = 5000 };

struct meter {
    char id[WTL_LIMIT_NAME];
    struct wtl_meter_options options;
    struct wtl_sysfs *files;
    uint64_t sensors;
    pid_t pid;                  /* of its command; 0: none */
    bool is_stream;             /* else a file that is read again */
    char model[WTL_LIMIT_NAME]; /* of a PTDaemon's analyser */
    struct wtl_meter_stream stream;
};

/* ---- Reading --------------------------------------------------------------------------------- */

static void put(struct wtl_reading *out, uint64_t wanted, int value,
                const struct wtl_meter_reading *r)
{
    enum wtl_metric m = wtl_meter_metric(value);
    wtl_reading_set(out, m, wanted, WTL_PRESENT, r->value[value]);
    if (wtl_reading_has(out, m))
        out->sensor_t_ns[m] = r->t_ns;
}

static void put_absence(const struct meter *d, struct wtl_reading *out, uint64_t wanted,
                        enum wtl_absence absence)
{
    for (int v = 0; v < WTL_METER_VALUES; v++)
        if (d->sensors & WTL_METRIC_BIT(wtl_meter_metric(v)))
            wtl_reading_set(out, wtl_meter_metric(v), wanted, absence, 0);
}

/* Why nothing comes any more. */
static int fail_ended(const struct meter *d, const struct wtl_meter_state *st,
                      struct wtl_error *err)
{
    char how[64];
    int rc = d->pid > 0
                 ? WTL_FAIL(err, WTL_LOST, "the command of %s has ended: %s", d->id,
                            wtl_meter_command_end(d->pid, how, sizeof how))
                 : WTL_FAIL(err, WTL_LOST, "\"%s\" of %s was closed", d->options.what, d->id);
    if (st->words[0])
        wtl_error_hint(err, "its last words: %s", st->words);
    else if (d->pid > 0)
        wtl_error_hint(err, "it must run as long as it is read, and is not started again");
    return rc;
}

static int stream_read(void *state, uint64_t wanted, struct wtl_reading *out, struct wtl_error *err)
{
    struct meter *d = state;
    struct wtl_meter_state st;
    wtl_meter_stream_look(&d->stream, &st);
    if (st.ended)
        return fail_ended(d, &st, err);
    if (st.bad_in_a_row >= WTL_METER_BAD) {
        put_absence(d, out, wanted, WTL_ABSENT_FAILED);
        return 0;
    }
    for (int v = 0; v < WTL_METER_VALUES; v++)
        if (st.newest[v].t_ns != 0)
            put(out, wanted & d->sensors, v, &st.newest[v]);
    for (int v = 0; v < WTL_METER_VALUES; v++)
        if (st.newest[v].t_ns == 0 && (d->sensors & WTL_METRIC_BIT(wtl_meter_metric(v))))
            wtl_reading_set(out, wtl_meter_metric(v), wanted, WTL_ABSENT_NOT_YET, 0);
    return 0;
}

static int stream_ring(void *state, enum wtl_metric metric, int64_t since_ns,
                       struct wtl_ring_sample *out, size_t max, size_t *n_out,
                       struct wtl_error *err)
{
    struct meter *d = state;
    if (!(d->sensors & WTL_METRIC_BIT(metric)))
        return WTL_FAIL(err, WTL_UNSUPPORTED, "%s does not measure %s", d->id,
                        wtl_metric_info(metric)->name);
    int value = metric == WTL_M_power_w ? WTL_METER_POWER : WTL_METER_ENERGY;
    *n_out = wtl_meter_stream_ring(&d->stream, value, since_ns, out, max);
    return 0;
}

static void stream_close(void *state)
{
    struct meter *d = state;
    wtl_meter_command_stop(d->pid);
    if (d->stream.started && d->stream.asks)
        wtl_ptd_stop(d->stream.fd);
    wtl_meter_stream_stop(&d->stream);
}

static int file_read(void *state, uint64_t wanted, struct wtl_reading *out, struct wtl_error *err)
{
    const struct meter *d = state;
    struct wtl_meter_reading r = {0};
    struct wtl_error why = {0};
    enum wtl_absence absence = wtl_meter_file_read(d->files, &d->options, &r, &why);
    if (absence == WTL_ABSENT_LOST)
        return WTL_FAIL(err, WTL_LOST, "%s is gone: %s", d->id, why.message);
    if (absence != WTL_PRESENT) {
        put_absence(d, out, wanted, absence);
        return 0;
    }
    for (int v = 0; v < WTL_METER_VALUES; v++)
        if (r.has[v])
            put(out, wanted & d->sensors, v, &r);
        else if (d->sensors & WTL_METRIC_BIT(wtl_meter_metric(v)))
            wtl_reading_set(out, wtl_meter_metric(v), wanted, WTL_ABSENT_NOT_YET, 0);
    return 0;
}

static void file_close(void *state)
{
    (void)state; /* nothing is open between two readings */
}

static const struct wtl_sensor_ops stream_ops = {
    .read = stream_read, .ring = stream_ring, .close = stream_close};
static const struct wtl_sensor_ops file_ops = {.read = file_read, .close = file_close};

/* ---- Opening --------------------------------------------------------------------------------- */

static int hint_lines(int rc, struct wtl_error *err)
{
    wtl_error_hint(err,
                   "a reading is a line: WATTS, or UNIX-SECONDS WATTS, or power_w=W energy_j=J "
                   "t=S; the command must not hold its lines back (stdbuf -oL)");
    return rc;
}

/* What a meter measures: as its unit says, and as its first reading shows. */
static void learn(struct meter *d, const struct wtl_meter_reading *r)
{
    if (d->options.has_unit)
        d->sensors |= WTL_METRIC_BIT(d->options.bare);
    for (int v = 0; v < WTL_METER_VALUES; v++)
        if (r->has[v])
            d->sensors |= WTL_METRIC_BIT(wtl_meter_metric(v));
}

static int wait_for_first(struct meter *d, struct wtl_error *err)
{
    struct wtl_meter_state st;
    struct wtl_meter_reading both = {0};
    wtl_meter_stream_wait(&d->stream, FIRST_NS);
    wtl_meter_stream_look(&d->stream, &st);
    for (int v = 0; v < WTL_METER_VALUES; v++)
        both.has[v] = st.newest[v].t_ns != 0;
    learn(d, &both);
    if (st.n_readings > 0)
        return 0;
    if (st.n_bad > 0)
        return hint_lines(WTL_FAIL(err, WTL_PARSE, "%s gives no reading: %s", d->id, st.bad), err);
    if (st.ended)
        return fail_ended(d, &st, err);
    if (d->sensors)
        return 0; /* it will come */
    int rc = WTL_FAIL(err, WTL_TIMEOUT, "%s gave no reading within %d s", d->id,
                      (int)(FIRST_NS / WTL_NS_PER_S));
    return hint_lines(rc, err);
}

static int open_command(const struct wtl_backend_host *host, struct meter *d, struct wtl_error *err)
{
    struct wtl_meter_command c;
    int rc = wtl_meter_command_start(d->options.what, &c, err);
    if (rc < 0)
        return rc;
    rc = wtl_meter_stream_start(&d->stream, &d->options, host->clock, c.out, c.err, false, err);
    if (rc < 0) {
        wtl_meter_command_stop(c.pid);
        return rc;
    }
    d->pid = c.pid;
    return wait_for_first(d, err);
}

static int open_ptd(const struct wtl_backend_host *host, struct meter *d, struct wtl_error *err)
{
    struct wtl_ptd ptd;
    int rc = wtl_ptd_start(d->options.what, PTD_START_MS, &ptd, err);
    if (rc < 0)
        return rc;
    memcpy(d->model, ptd.model, sizeof d->model);
    d->options.period_ns = ptd.period_ns;
    d->sensors = WTL_METRIC_BIT(WTL_M_power_w);
    d->stream.asks = true;
    rc = wtl_meter_stream_start(&d->stream, &d->options, host->clock, ptd.fd, -1, false, err);
    return rc < 0 ? rc : wait_for_first(d, err);
}

/* A FIFO is opened for writing, too, where that is allowed: then it has no end. */
static int open_stream_file(const struct wtl_backend_host *host, struct meter *d, bool fifo,
                            struct wtl_error *err)
{
    const int flags = O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
    bool both = fifo;
    int fd = both ? open(d->options.what, O_RDWR | flags) : -1;
    both = fd >= 0;
    if (fd < 0)
        fd = open(d->options.what, O_RDONLY | flags);
    if (fd < 0)
        return wtl_fail_errno(err, errno, "open", d->options.what);
    int rc =
        wtl_meter_stream_start(&d->stream, &d->options, host->clock, fd, -1, fifo && !both, err);
    return rc < 0 ? rc : wait_for_first(d, err);
}

static int open_plain(struct meter *d, struct wtl_error *err)
{
    struct wtl_meter_reading r = {0};
    struct wtl_error why = {0};
    enum wtl_absence absence = wtl_meter_file_read(d->files, &d->options, &r, &why);
    learn(d, &r);
    switch (absence) {
    case WTL_PRESENT:
        return 0;
    case WTL_ABSENT_NOT_YET:
        if (d->sensors)
            return 0;
        return hint_lines(WTL_FAIL(err, WTL_PARSE, "\"%s\" holds no reading yet", d->options.what),
                          err);
    case WTL_ABSENT_DENIED:
        return WTL_FAIL(err, WTL_PERMISSION, "%s", why.message);
    case WTL_ABSENT_LOST:
        return WTL_FAIL(err, WTL_NOTFOUND, "%s", why.message);
    case WTL_ABSENT_UNSUPPORTED:
    case WTL_ABSENT_FAILED:
        break;
    }
    return hint_lines(WTL_FAIL(err, WTL_PARSE, "%s: %s", d->options.what, why.message), err);
}

static int open_source(const struct wtl_backend_host *host, struct meter *d, struct wtl_error *err)
{
    struct stat st;
    if (d->options.source == WTL_METER_EXEC) {
        d->is_stream = true;
        return open_command(host, d, err);
    }
    if (d->options.source == WTL_METER_PTD) {
        d->is_stream = true;
        return open_ptd(host, d, err);
    }
    if (!wtl_meter_is_kernel_file(d->options.what)) {
        if (stat(d->options.what, &st) != 0)
            return wtl_fail_errno(err, errno, "read", d->options.what);
        if (S_ISDIR(st.st_mode))
            return WTL_FAIL(err, WTL_USAGE, "\"%s\" is a directory", d->options.what);
        d->is_stream = !S_ISREG(st.st_mode);
    }
    return d->is_stream ? open_stream_file(host, d, S_ISFIFO(st.st_mode), err) : open_plain(d, err);
}

static const char *kind_title(const struct meter *d)
{
    switch (d->options.source) {
    case WTL_METER_EXEC:
        return "command";
    case WTL_METER_PTD:
        return "PTDaemon";
    case WTL_METER_FILE:
        break;
    }
    return d->is_stream ? "stream" : "file";
}

static void describe(const struct meter *d, struct wtl_device_info *info)
{
    *info = (struct wtl_device_info){.kind = WTL_DEVICE_NODE,
                                     .flags = WTL_DEVICE_EPHEMERAL,
                                     .parent = -1,
                                     .index = -1,
                                     .sensors = d->sensors};
    snprintf(info->id, sizeof info->id, "%s", d->id);
    const char *source = d->model[0] ? d->model : d->options.what;
    const char *name = d->options.name[0] ? d->options.name : source;
    snprintf(info->name, sizeof info->name, "%.*s", (int)sizeof info->name - 1, name);
    wtl_replace_controls(info->name);
    if (name == source)
        snprintf(info->driver, sizeof info->driver, "%s", kind_title(d));
    else
        snprintf(info->driver, sizeof info->driver, "%s (%.70s)", kind_title(d), source);
    wtl_replace_controls(info->driver);
    for (int v = 0; v < WTL_METER_VALUES; v++) {
        info->sensor[wtl_meter_metric(v)].period_ns = d->options.period_ns;
        info->sensor[wtl_meter_metric(v)].dated = true;
    }
    if (d->options.source == WTL_METER_PTD) /* averages over its interval */
        info->sensor[WTL_M_power_w].window_ns = d->options.period_ns;
    info->sensor[WTL_M_energy_counter_j].wraps_at = d->options.wraps_at;
}

static void drop(struct meter *d)
{
    if (d->is_stream)
        stream_close(d);
}

static int meter_open(const struct wtl_backend_host *host, struct wtl_error *err)
{
    if (!host->wanted)
        return 0;
    struct meter *d = WTL_NEW(host->arena, struct meter);
    struct wtl_device_info *info = WTL_NEW(host->arena, struct wtl_device_info);
    if (!d || !info)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = wtl_meter_parse(host->wanted, &d->options, err);
    if (rc < 0)
        return rc;
    wtl_meter_id(&d->options, d->id);
    d->files = host->files;
    rc = open_source(host, d, err);
    if (rc == 0) {
        describe(d, info);
        rc = wtl_backend_add(host, info, d->is_stream ? &stream_ops : &file_ops, NULL, d,
                             !d->is_stream, err);
    }
    if (rc < 0)
        drop(d);
    return rc < 0 ? rc : 0;
}

const struct wtl_backend wtl_backend_meter = {
    .prefix = "meter",
    .summary = "external power meters (a command, a file)",
    .named_only = true,
    .reaches_out = true,
    .opening_blocks = true,
    .open = meter_open,
};
