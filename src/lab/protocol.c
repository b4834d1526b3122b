/* SPDX-License-Identifier: Apache-2.0
 * The order of one visit. */
#include "lab/protocol_impl.h"

#include "lab/hear.h"

#include <stdio.h>
#include <string.h>

/* What its samples and its board are of: the board where all are of one, else nothing. */
static void describe_board(const struct wtl_bench *b, struct wtl_run *run)
{
    const char *name = wtl_device_info(b->devices[0].device)->name;
    for (size_t i = 1; i < b->n; i++)
        if (strcmp(name, wtl_device_info(b->devices[i].device)->name) != 0)
            name = "";
    (void)snprintf(run->device, sizeof run->device, "%s", name);
}

static void describe_point(const struct wtl_bench *b, const struct wtl_lab_point *p,
                           struct wtl_run *run)
{
    run->clock_mhz = p->clock_mhz;
    run->mem_clock_mhz = p->mem_clock_mhz;
    run->point = p->point;
    run->mode = p->clock_mhz ? WTL_MODE_SWEEP : WTL_MODE_BASELINE;
    run->window = true;
    run->status = WTL_RUN_SUCCESS;
    describe_board(b, run);
    memcpy(run->unit, b->workload->unit, sizeof run->unit);
}

/* After the window: before it, the pause would cool the board for this run and no other. */
static int measure_idle(struct wtl_bench *b, struct wtl_visit_result *r, struct wtl_error *err)
{
    const struct wtl_workload *w = b->workload;
    double power_w = 0;
    bool known = false;
    if (!w->pauses)
        return 0;
    int rc = w->ops->work(w->state, false, err);
    rc = rc ? rc : wtl_bench_pass(b, b->protocol->settle_s, err);
    rc = rc ? rc : wtl_bench_idle(b, &power_w, &known, err);
    if (rc == 0 && known)
        wtl_run_set(&r->run, WTL_R_idle_power_w, power_w);
    return rc;
}

static int visit(struct wtl_bench *b, const struct wtl_visit_request *q, struct wtl_arena *arena,
                 struct wtl_visit_result *r, struct wtl_error *err)
{
    int rc = wtl_prepare_hour(b, q->seed, err);
    rc = rc ? rc : wtl_visit_check_alone(b, r);
    rc = rc ? rc : wtl_prepare_load(b, q->point, r, err);
    rc = rc ? rc : wtl_prepare_first_work(b, r, err);
    rc = rc ? rc : wtl_prepare_temperature(b, q->point, r, err);
    rc = rc ? rc : wtl_prepare_knobs(b, q->point, r, err);
    rc = rc ? rc : wtl_prepare_clock(b, q->point, r, err);
    rc = rc ? rc : wtl_prepare_warm(b, r, err);
    rc = rc ? rc : b->n_errors > 0; /* no use in a window */
    rc = rc ? rc : wtl_window_measure(b, q->point, arena, r, err);
    rc = rc ? rc : wtl_visit_check_alone(b, r);
    return rc == 0 && q->idle ? measure_idle(b, r, err) : rc;
}

/* Whatever else came of a visit in which an error of a device fell: that was it. The workload may
 * have lost what it had on the device, and is loaded anew. */
static int blame_errors(struct wtl_bench *b, struct wtl_visit_result *r, struct wtl_error *err)
{
    char more[40] = "", also[sizeof r->why];
    int rc = b->stopped ? 0 : wtl_bench_hear(b, true, err);
    if (rc < 0 || b->n_errors == 0)
        return rc;
    if (b->n_errors > 1)
        (void)snprintf(more, sizeof more, " and %zu more", b->n_errors - 1);
    (void)snprintf(also, sizeof also, "%s", r->why);
    wtl_visit_ends(r, WTL_VISIT_invalid, "%s%s%s%s", b->error, more, also[0] ? "; " : "", also);
    r->run.stated_causes |= UINT32_C(1) << WTL_CAUSE_device_error;
    r->silent = false;
    return wtl_bench_unload(b, err);
}

int wtl_bench_visit(struct wtl_bench *b, const struct wtl_visit_request *q, struct wtl_arena *arena,
                    struct wtl_visit_result *out, struct wtl_error *err)
{
    const int64_t begin_ns = wtl_bench_now(b);
    *out = (struct wtl_visit_result){.outcome = WTL_VISIT_done, .n_devices = b->n};
    for (size_t i = 0; i < b->n; i++)
        wtl_gauged_set_clock(b->devices[i].gauged, &b->time.clock, begin_ns);
    describe_point(b, q->point, &out->run);
    int rc = wtl_bench_hear(b, true, err);
    b->n_errors = 0; /* those before belong to no run */
    rc = rc ? rc : visit(b, q, arena, out, err);
    rc = rc < 0 ? rc : blame_errors(b, out, err);
    if (b->loaded && b->loaded_workload->pauses)
        (void)b->loaded_workload->ops->work(b->loaded_workload->state, false, NULL);
    out->took_s = (double)(wtl_bench_now(b) - begin_ns) / 1e9;
    if (out->outcome != WTL_VISIT_done && out->measured)
        (void)snprintf(out->run.stated_reason, sizeof out->run.stated_reason, "%s", out->why);
    return rc < 0 ? rc : 0;
}
