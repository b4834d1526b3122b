/* SPDX-License-Identifier: Apache-2.0
 * What a sweep works at: its devices, read in turn as time goes on, whether they are its alone, how
 * far the workload is, and what a visit's result says. */
#include "lab/bench.h"

#include "lab/hear.h"

#include "store/chunk.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- The bench ------------------------------------------------------------------------------- */

/* Devices that are due within this time of each other are read in one go. */
static const int64_t together_ns = 300000;

/* Between readings of sensors besides energy and power, which take most of a reading's time. */
static const int64_t slow_ns = 50000000;

/* When the gauge wants the next reading, within what drivers bear and cycles of work allow. */
static int64_t next_poll_ns(const struct wtl_bench_device *d, int64_t now_ns)
{
    const int64_t least = 1000000, most = 25000000;
    const int64_t in_ns = wtl_gauge_next_poll_ns(&d->gauged->gauge, now_ns) - now_ns;
    return now_ns + (in_ns < least ? least : in_ns > most ? most : in_ns);
}

static int init_device(struct wtl_arena *arena, const struct wtl_bench *b,
                       struct wtl_bench_device *d, struct wtl_error *err)
{
    uint64_t sensors;
    int rc = wtl_energy_sensors(wtl_device_info(d->device), &sensors, err);
    if (rc < 0)
        return rc;
    d->gauged = WTL_NEW(arena, struct wtl_gauged);
    d->batch = WTL_NEW(arena, struct wtl_batch);
    if (!d->gauged || !d->batch)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    wtl_gauged_init(d->gauged, d->device, d->facts, true, arena);
    wtl_gauged_set_clock(d->gauged, &b->time.clock, wtl_bench_now(b));
    return wtl_reducer_new(arena, &d->reducer, err);
}

int wtl_bench_init(struct wtl_arena *arena, struct wtl_bench *b, struct wtl_error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < b->n; i++)
        rc = init_device(arena, b, &b->devices[i], err);
    if (rc < 0)
        return rc;
    b->series_t = WTL_NEW_ARRAY(arena, double, WTL_BENCH_SERIES);
    b->series_rate = WTL_NEW_ARRAY(arena, double, WTL_BENCH_SERIES);
    b->series_w = WTL_NEW_ARRAY(arena, double, WTL_BENCH_SERIES);
    if (!b->series_t || !b->series_rate || !b->series_w)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    b->tended_ns = wtl_bench_now(b);
    rc = wtl_bench_listen(b, err);
    return rc ? rc : wtl_chunker_new(&b->chunker, err);
}

void wtl_bench_fini(struct wtl_bench *b)
{
    (void)wtl_bench_unload(b, NULL);
    wtl_chunker_free(b->chunker);
    b->chunker = NULL;
}

static int tend(struct wtl_bench *b, struct wtl_error *err)
{
    const int64_t now_ns = wtl_bench_now(b);
    if (!b->lease || now_ns - b->tended_ns < WTL_NS_PER_S)
        return 0;
    b->tended_ns = now_ns;
    return wtl_lease_tend(b->lease, err);
}

static int read_device(struct wtl_bench *b, struct wtl_bench_device *d, struct wtl_error *err)
{
    const int64_t now_ns = wtl_bench_now(b);
    const bool slow = now_ns >= d->slow_due_ns;
    int rc = wtl_gauged_read(d->gauged, slow ? ~UINT64_C(0) : 0, now_ns, err);
    if (rc == -(int)WTL_LOST)
        wtl_bench_explain_lost(b, err);
    if (rc < 0)
        return rc;
    d->slow_due_ns = slow ? now_ns + slow_ns : d->slow_due_ns;
    wtl_gauged_feed(d->gauged);
    wtl_reading_update(&d->newest, &d->gauged->reading);
    return 0;
}

int wtl_bench_step(struct wtl_bench *b, struct wtl_error *err)
{
    int64_t first_ns = INT64_MAX;
    const int64_t from_ns = wtl_bench_now(b);
    for (size_t i = 0; i < b->n; i++) {
        struct wtl_bench_device *d = &b->devices[i];
        if (d->fresh || d->due_ns == 0)
            d->due_ns = next_poll_ns(d, from_ns);
        first_ns = d->due_ns < first_ns ? d->due_ns : first_ns;
    }
    int rc = b->time.wait(b->time.ctx, first_ns, &b->stopped, err);
    rc = rc ? rc : tend(b, err);
    for (size_t i = 0; i < b->n; i++) {
        struct wtl_bench_device *d = &b->devices[i];
        d->fresh = rc == 0 && d->due_ns <= wtl_bench_now(b) + together_ns;
        rc = d->fresh ? read_device(b, d, err) : rc;
    }
    return rc ? rc : wtl_bench_hear(b, false, err);
}

int wtl_bench_pass(struct wtl_bench *b, double seconds, struct wtl_error *err)
{
    const int64_t end_ns = wtl_bench_now(b) + wtl_seconds_ns(seconds);
    int rc = 0;
    while (rc == 0 && !b->stopped && wtl_bench_now(b) < end_ns)
        rc = wtl_bench_step(b, err);
    return rc;
}

/* ---- Alone? ---------------------------------------------------------------------------------- */

static bool is_ours(const struct wtl_bench *b, pid_t pid)
{
    return (b->loaded && b->loaded_workload->ops->owns(b->loaded_workload->state, pid)) ||
           (b->shares && wtl_shares_serves(b->shares, pid));
}

/* The first process on a device that is not the workload's; pid 0: none. */
static struct wtl_process foreign_on(const struct wtl_bench *b, const struct wtl_bench_device *d)
{
    enum { MOST = 64 };
    struct wtl_process all[MOST];
    size_t n = 0;
    if (wtl_device_processes(d->device, all, MOST, &n, NULL) < 0)
        n = 0;
    for (size_t i = 0; i < n && i < MOST; i++)
        if (all[i].kind != WTL_PROCESS_GRAPHICS && !is_ours(b, all[i].pid))
            return all[i];
    return (struct wtl_process){.pid = 0};
}

/* The first on any device, and on which. */
static struct wtl_process foreign(const struct wtl_bench *b, size_t *on)
{
    struct wtl_process p = {.pid = 0};
    for (*on = 0; *on < b->n; (*on)++) {
        p = foreign_on(b, &b->devices[*on]);
        if (p.pid != 0)
            break;
    }
    return p;
}

int wtl_bench_check_alone(struct wtl_bench *b, struct wtl_error *err)
{
    size_t on;
    const struct wtl_process p = foreign(b, &on);
    if (p.pid == 0)
        return 0;
    int rc = WTL_FAIL(err, WTL_BUSY, "process %ld (%s) uses %s", (long)p.pid,
                      p.name[0] ? p.name : "unknown", wtl_device_info(b->devices[on].device)->id);
    wtl_error_hint(err, "a sweep needs the device for itself: end it, or name another device");
    return rc;
}

int wtl_visit_check_alone(struct wtl_bench *b, struct wtl_visit_result *r)
{
    size_t on;
    const struct wtl_process p = foreign(b, &on);
    if (p.pid == 0)
        return 0;
    wtl_visit_ends(r, WTL_VISIT_invalid, "process %ld (%s) used %s, too", (long)p.pid,
                   p.name[0] ? p.name : "unknown",
                   b->n > 1 ? wtl_device_info(b->devices[on].device)->id : "the device");
    r->run.stated_causes |= UINT32_C(1) << WTL_CAUSE_contaminated;
    return 1;
}

/* ---- The
 * workload-------------------------------------------------------------------------------*/

int wtl_bench_unload(struct wtl_bench *b, struct wtl_error *err)
{
    if (!b->loaded)
        return 0;
    b->loaded = false;
    return b->loaded_workload->ops->unload(b->loaded_workload->state, err);
}

int wtl_bench_progress(struct wtl_bench *b, struct wtl_visit_result *r, struct wtl_work_done *out)
{
    struct wtl_error why = {0};
    int rc = b->workload->ops->progress(b->workload->state, out, &why);
    b->workload->worked = b->workload->worked || (rc == 0 && out->work > 0);
    if (rc == 0)
        return 0;
    r->silent = rc == -(int)WTL_PARSE;
    wtl_visit_ends(r, WTL_VISIT_invalid, "%s", why.message);
    r->run.stated_causes |= UINT32_C(1) << WTL_CAUSE_failed;
    (void)wtl_bench_unload(b, NULL);
    return 1;
}

/* ---- Results --------------------------------------------------------------------------------- */

void wtl_visit_ends(struct wtl_visit_result *r, enum wtl_visit_outcome outcome, const char *format,
                    ...)
{
    va_list args;
    va_start(args, format);
    r->outcome = outcome;
    (void)vsnprintf(r->why, sizeof r->why, format, args);
    va_end(args);
}

void wtl_visit_note(struct wtl_visit_result *r, const char *format, ...)
{
    va_list args;
    size_t used = strlen(r->why);
    va_start(args, format);
    if (used + 3 < sizeof r->why) {
        if (used)
            used += (size_t)snprintf(r->why + used, sizeof r->why - used, "; ");
        (void)vsnprintf(r->why + used, sizeof r->why - used, format, args);
    }
    va_end(args);
}

const char *wtl_bench_name(const struct wtl_bench *b, size_t i, char buf[WTL_LIMIT_NAME + 4])
{
    buf[0] = '\0';
    if (b->n > 1)
        (void)snprintf(buf, WTL_LIMIT_NAME + 4, "%s: ", wtl_device_info(b->devices[i].device)->id);
    return buf;
}

void wtl_bench_waits(const struct wtl_bench *b, bool pressing, const char *format, ...)
{
    char text[400];
    va_list args;
    if (!b->on_wait)
        return;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    b->on_wait(b->on_wait_ctx, text, pressing);
}
