/* SPDX-License-Identifier: Apache-2.0
 *
 * One temperature before every run, under the reference point's load: a die is degrees above its
 * sink under load and not without, and it is the slow sink that remembers what was before.
 *
 * Devices that are measured together work and pause together, so it is the mean of how far each is
 * from its own band that is brought to nothing.
 */
#include "lab/protocol_impl.h"

#include "device/virtual/loads.h"

#include <math.h>

/* Seconds under load after which a die is as far above its sink as that load makes it, and of the
 * first pause to cool: where the load heats the sink as fast again, the next one is longer. */
static const double die_s = 4, pause_s = 5, longest_pause_s = 40;

/* ---- A simulated hour ------------------------------------------------------------------------ */

/* Two cards of one seed must not have the same noise. */
static uint64_t noise_of(uint64_t seed, size_t i)
{
    return (seed >> 20) + (uint64_t)i * 1000003;
}

/* A simulated hour of its own for each visit: knobs released, nothing loaded, and sinks that are a
 * few degrees warmer or colder than what the reference point's dies want of them. */
int wtl_prepare_hour(struct wtl_bench *b, uint64_t seed, struct wtl_error *err)
{
    static const struct wtl_lab_point released;
    struct wtl_visit_result ignored = {0};
    if (!wtl_virtual_board(b->devices[0].device))
        return 0;
    int rc = wtl_bench_unload(b, err);
    rc = rc ? rc : wtl_prepare_knobs(b, &released, &ignored, err);
    for (size_t i = 0; rc >= 0 && i < b->n; i++) {
        struct wtl_bench_device *d = &b->devices[i];
        struct wtl_virtual_hour hour = {.noise_from = noise_of(seed, i)};
        if (!wtl_virtual_board(d->device))
            continue;
        if (b->has_band)
            hour.start_c = d->band_c - 1 - 8 * ((double)(seed & 0xfffff) / 0x100000);
        rc = wtl_virtual_restart(d->device, &hour, err);
        wtl_gauged_restart(d->gauged);
        d->due_ns = d->slow_due_ns = 0; /* nothing of the hour before says when */
    }
    return rc;
}

/* ---- The band -------------------------------------------------------------------------------- */

static bool temperature(const struct wtl_bench_device *d, double *c)
{
    *c = d->newest.value[WTL_M_temp_c];
    return wtl_reading_has(&d->newest, WTL_M_temp_c);
}

/* How much warmer than their bands the devices are, on the mean; false: none has a sensor. */
static bool above_band(const struct wtl_bench *b, double *by_k)
{
    double sum = 0, c;
    int n = 0;
    for (size_t i = 0; i < b->n; i++)
        if (temperature(&b->devices[i], &c)) {
            sum += c - b->devices[i].band_c;
            n++;
        }
    *by_k = n ? sum / n : 0;
    return n > 0;
}

static const struct wtl_lab_point *warms_at(const struct wtl_bench *b)
{
    return b->warms_at ? b->warms_at : b->reference;
}

/* At the reference point, under load, for so long that the sensor shows it. */
static int load_reference(struct wtl_bench *b, double seconds, struct wtl_visit_result *r,
                          struct wtl_error *err)
{
    int rc = wtl_prepare_knobs(b, warms_at(b), r, err);
    rc = rc ? rc : wtl_prepare_work(b, true, err);
    return rc ? rc : wtl_bench_pass(b, seconds, err);
}

/* Too cold: they work until they are warm. Too warm: they pause for *cool_s, if they can, and the
 * next time for longer. */
static int drive(struct wtl_bench *b, double by_k, double *cool_s, int64_t end_ns,
                 struct wtl_visit_result *r, struct wtl_error *err)
{
    int rc = 0;
    if (by_k < 0) {
        while (rc == 0 && !b->stopped && above_band(b, &by_k) && by_k < 0 &&
               wtl_bench_now(b) < end_ns)
            rc = wtl_bench_step(b, err);
        return rc;
    }
    rc = wtl_prepare_work(b, false, err);
    rc = rc ? rc : wtl_bench_pass(b, *cool_s, err);
    *cool_s = fmin(2 * *cool_s, longest_pause_s);
    return rc ? rc : load_reference(b, die_s, r, err);
}

static void note_temperatures(const struct wtl_bench *b, struct wtl_visit_result *r)
{
    const double width_c = b->protocol->band_width_c;
    char name[WTL_LIMIT_NAME + 4];
    double c;
    r->has_began = temperature(&b->devices[0], &r->began_c);
    for (size_t i = 0; i < b->n; i++) {
        if (!temperature(&b->devices[i], &c) || fabs(c - b->devices[i].band_c) <= width_c)
            continue;
        r->began_outside = true;
        wtl_visit_note(r, "%sit began at %.0f C, not within %g C of %.0f",
                       wtl_bench_name(b, i, name), c, width_c, b->devices[i].band_c);
    }
}

int wtl_prepare_temperature(struct wtl_bench *b, const struct wtl_lab_point *point,
                            struct wtl_visit_result *r, struct wtl_error *err)
{
    const struct wtl_protocol_spec *p = b->protocol;
    const int64_t end_ns = wtl_bench_now(b) + wtl_seconds_ns(p->band_timeout_s);
    const double good_k = 0.5 * p->band_width_c;
    double by_k, cool_s = pause_s;
    if (!b->has_band)
        return 0;
    int rc = load_reference(b, die_s, r, err);
    while (rc == 0 && !b->stopped && above_band(b, &by_k) && fabs(by_k) > good_k &&
           (by_k < 0 || b->workload->pauses) && wtl_bench_now(b) < end_ns)
        rc = drive(b, by_k, &cool_s, end_ns, r, err);
    if (rc == 0)
        note_temperatures(b, r);
    /* The reference point's trouble says nothing of another one. */
    if (r->outcome == WTL_VISIT_infeasible && wtl_lab_point_compare(point, warms_at(b)) != 0)
        r->outcome = WTL_VISIT_invalid;
    return rc;
}

/* ---- Where the reference point settles ------------------------------------------------------- */

/* Whether none has moved by a degree since `before`, which becomes what is now. */
static bool settled(const struct wtl_bench *b, double *before)
{
    bool all = true;
    for (size_t i = 0; i < b->n; i++) {
        double c = 0;
        if (temperature(&b->devices[i], &c) && fabs(c - before[i]) >= 1)
            all = false;
        before[i] = c;
    }
    return all;
}

/* The reference point under load, for the first time: what fails by the way is tried again. */
static int begin_reference(struct wtl_bench *b, struct wtl_error *err)
{
    struct wtl_visit_result r = {0};
    int rc = 1;
    for (int i = 0; rc == 1 && !b->stopped && i < b->protocol->attempts; i++) {
        r = (struct wtl_visit_result){0};
        rc = wtl_prepare_hour(b, 0, err);
        rc = rc ? rc : wtl_prepare_load(b, warms_at(b), &r, err);
        rc = rc ? rc : wtl_prepare_knobs(b, warms_at(b), &r, err);
        rc = rc ? rc : wtl_prepare_work(b, true, err);
        rc = rc ? rc : wtl_prepare_first_work(b, &r, err);
        if (r.outcome == WTL_VISIT_infeasible || r.silent)
            break;
    }
    if (rc == 1 && r.silent && !b->stopped)
        return wtl_bench_refuse_silent(r.why, err);
    if (rc == 1 && !b->stopped)
        return WTL_FAIL(err, r.outcome == WTL_VISIT_infeasible ? WTL_INFEASIBLE : WTL_FAILED,
                        "the reference point cannot be had: %s", r.why);
    return rc;
}

/* Under the load of the bench's workload. */
static int settle_once(struct wtl_bench *b, double *band_c, struct wtl_error *err)
{
    enum { SPAN_S = 20 };
    double before[WTL_SWEEP_DEVICES] = {0}, by_k, c;
    int rc = begin_reference(b, err);
    const int64_t end_ns = wtl_bench_now(b) + wtl_seconds_ns(2 * b->protocol->band_timeout_s);
    rc = rc ? rc : wtl_bench_step(b, err);
    (void)settled(b, before);
    while (rc == 0 && !b->stopped && above_band(b, &by_k) && wtl_bench_now(b) < end_ns) {
        rc = wtl_bench_pass(b, SPAN_S, err);
        if (settled(b, before))
            break;
    }
    if (rc < 0)
        return rc;
    /* Below where each settles, so that it is reached from below in good time; what cannot pause
     * is there all the while. */
    const double below_k = b->workload->pauses ? b->protocol->band_width_c : 0;
    for (size_t i = 0; i < b->n; i++)
        band_c[i] = temperature(&b->devices[i], &c) ? c - below_k : 0;
    return wtl_prepare_work(b, false, err);
}

int wtl_bench_find_band(struct wtl_bench *b, const struct wtl_warming *loads, size_t n_loads,
                        struct wtl_error *err)
{
    double least_c[WTL_SWEEP_DEVICES] = {0}, by_k;
    /* Without a sensor of temperature the others need not be loaded. */
    for (size_t k = 0; k < n_loads && !b->stopped && (k == 0 || above_band(b, &by_k)); k++) {
        double band_c[WTL_SWEEP_DEVICES] = {0};
        b->workload = loads[k].workload;
        b->workload_name = loads[k].name;
        b->ready_timeout_s = loads[k].ready_timeout_s;
        wtl_bench_waits(b, false, "finding how warm %s makes it: runs begin at one temperature",
                        loads[k].name);
        int rc = settle_once(b, band_c, k ? NULL : err);
        if (rc < 0 && k == 0 && !b->workload->worked)
            wtl_error_context(err, "workload \"%s\"", loads[k].name);
        if (rc < 0 && k == 0)
            return rc;
        for (size_t i = 0; rc >= 0 && i < b->n; i++)
            least_c[i] = k == 0 ? band_c[i] : fmin(least_c[i], band_c[i]);
    }
    for (size_t i = 0; i < b->n && !b->stopped; i++)
        b->devices[i].band_c = least_c[i];
    return 0;
}
