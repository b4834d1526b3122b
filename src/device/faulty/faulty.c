/* SPDX-License-Identifier: Apache-2.0
 * The faulty device: the wrapper, and `faulty:SPEC:ID`. */
#include "device/faulty/faulty.h"

#include "device/waiting.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

struct wtl_faulty {
    struct wtl_device_ops inner;
    struct wtl_fault_plan plan;
    struct wtl_fault_progress progress;
    int64_t calls[WTL_N_CALLS + 1];
    bool gone; /* lost: for good */

    bool has_reading;
    struct wtl_reading last;
    bool has_state[WTL_N_KNOBS];
    struct wtl_knob_state last_state[WTL_N_KNOBS];

    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool interrupted;
};

/* ---- What may happen before and after any call ----------------------------------------------- */

static const struct wtl_fault_rule *fired_rule(const struct wtl_faulty *f, unsigned fired,
                                               enum wtl_fault fault)
{
    for (int i = 0; i < f->plan.n; i++)
        if ((fired >> i & 1) && f->plan.rule[i].fault == fault)
            return &f->plan.rule[i];
    return NULL;
}

/* False: interrupted. */
static bool hang(struct wtl_faulty *f, int64_t ns)
{
    struct timespec until = wtl_time_from_now(ns);
    int late = 0;
    pthread_mutex_lock(&f->lock);
    while (!f->interrupted && late != ETIMEDOUT)
        late = ns ? pthread_cond_timedwait(&f->ended, &f->lock, &until)
                  : pthread_cond_wait(&f->ended, &f->lock);
    bool interrupted = f->interrupted;
    pthread_mutex_unlock(&f->lock);
    return !interrupted;
}

static int lost(struct wtl_faulty *f, struct wtl_error *err)
{
    f->gone = true;
    return WTL_FAIL(err, WTL_LOST, "the device is gone (injected)");
}

/* Counts a call. 0: it goes on to the device; *fired_out is for after(). */
static int before(struct wtl_faulty *f, enum wtl_fault_call call, uint64_t subjects,
                  unsigned *fired_out, struct wtl_error *err)
{
    f->calls[call]++;
    f->calls[WTL_CALL_ANY]++;
    unsigned fired = wtl_fault_decide(&f->progress, &f->plan, call, subjects);
    *fired_out = fired;
    const struct wtl_fault_rule *rule = fired_rule(f, fired, WTL_FAULT_HANG);
    if (rule && !hang(f, rule->hang_ns))
        return WTL_FAIL(err, WTL_TIMEOUT, "a call that hung was broken off (injected)");
    if (f->gone || fired_rule(f, fired, WTL_FAULT_LOST))
        return lost(f, err);
    rule = fired_rule(f, fired, WTL_FAULT_ERROR);
    if (rule)
        return WTL_FAIL(err, rule->code, "the call failed (injected)");
    if (call != WTL_CALL_READ && fired_rule(f, fired, WTL_FAULT_DENIED))
        return WTL_FAIL(err, WTL_PERMISSION, "no permission (injected)");
    return 0;
}

/* What the caller is told of a call that came to `rc`. */
static int after(const struct wtl_faulty *f, unsigned fired, int rc, struct wtl_error *err)
{
    const struct wtl_fault_rule *rule = fired_rule(f, fired, WTL_FAULT_LATE);
    if (rc < 0 || !rule)
        return rc;
    return WTL_FAIL(err, rule->code, "the call failed after it was done (injected)");
}

/* ---- Reading --------------------------------------------------------------------------------- */

static void spoil(const struct wtl_fault_rule *rule, uint64_t wanted, struct wtl_reading *out)
{
    uint64_t which = rule->has_subject ? WTL_METRIC_BIT(rule->subject) : wanted;
    if (rule->fault == WTL_FAULT_LIE) {
        out->valid |= which;
        out->value[rule->subject] = rule->value;
    } else if (rule->fault == WTL_FAULT_ABSENT || rule->fault == WTL_FAULT_DENIED) {
        out->valid &= ~which;
        uint8_t why = rule->fault == WTL_FAULT_DENIED ? WTL_ABSENT_DENIED : WTL_ABSENT_FAILED;
        for (int m = 0; m < (int)WTL_N_METRICS; m++)
            if (which >> m & 1)
                out->absence[m] = why;
    }
}

/* The old values of all sensors that the rule is about. */
static void freeze(const struct wtl_faulty *f, const struct wtl_fault_rule *rule,
                   struct wtl_reading *out)
{
    uint64_t which = rule->has_subject ? WTL_METRIC_BIT(rule->subject) : ~UINT64_C(0);
    which &= f->last.valid;
    out->valid |= which;
    for (int m = 0; m < (int)WTL_N_METRICS; m++)
        if (which >> m & 1) {
            out->value[m] = f->last.value[m];
            out->sensor_t_ns[m] = f->last.sensor_t_ns[m];
        }
}

static int faulty_read(void *state, uint64_t wanted, struct wtl_reading *out, struct wtl_error *err)
{
    struct wtl_faulty *f = state;
    unsigned fired = 0;
    int rc = before(f, WTL_CALL_READ, wanted, &fired, err);
    if (rc == 0)
        rc = f->inner.sensors->read(f->inner.state, wanted, out, err);
    if (rc < 0)
        return rc;
    bool stale = false;
    for (int i = 0; i < f->plan.n; i++) {
        if (!(fired >> i & 1))
            continue;
        spoil(&f->plan.rule[i], wanted, out);
        if (f->plan.rule[i].fault == WTL_FAULT_STALE && f->has_reading) {
            freeze(f, &f->plan.rule[i], out);
            stale = true;
        }
    }
    if (!stale) {
        f->last = *out;
        f->has_reading = true;
    }
    return after(f, fired, 0, err);
}

static int faulty_ring(void *state, enum wtl_metric metric, int64_t since_ns,
                       struct wtl_ring_sample *out, size_t max, size_t *n_out,
                       struct wtl_error *err)
{
    struct wtl_faulty *f = state;
    unsigned fired = 0;
    int rc = before(f, WTL_CALL_RING, WTL_METRIC_BIT(metric), &fired, err);
    if (rc < 0)
        return rc;
    if (!f->inner.sensors->ring)
        return WTL_FAIL(err, WTL_UNSUPPORTED, "the device keeps no samples");
    if (fired_rule(f, fired, WTL_FAULT_STALE)) {
        *n_out = 0;
        return 0;
    }
    rc = f->inner.sensors->ring(f->inner.state, metric, since_ns, out, max, n_out, err);
    return after(f, fired, rc, err);
}

static int faulty_processes(void *state, struct wtl_process *out, size_t max, size_t *n_out,
                            struct wtl_error *err)
{
    struct wtl_faulty *f = state;
    unsigned fired = 0;
    int rc = before(f, WTL_CALL_PROCESSES, 0, &fired, err);
    if (rc < 0)
        return rc;
    if (!f->inner.sensors->processes)
        return WTL_FAIL(err, WTL_UNSUPPORTED, "the device does not say who uses it");
    rc = f->inner.sensors->processes(f->inner.state, out, max, n_out, err);
    return after(f, fired, rc, err);
}

static int faulty_epoch(void *state, char epoch_out[WTL_LIMIT_NAME], struct wtl_error *err)
{
    struct wtl_faulty *f = state;
    unsigned fired = 0;
    int rc = before(f, WTL_CALL_EPOCH, 0, &fired, err);
    if (rc < 0)
        return rc;
    rc = f->inner.sensors->epoch(f->inner.state, epoch_out, err);
    return after(f, fired, rc, err);
}

/* The device's own, and those that the plan makes up. */
static int faulty_errors(void *state, struct wtl_driver_error *out, size_t max, size_t *n_out,
                         struct wtl_error *err)
{
    struct wtl_faulty *f = state;
    unsigned fired = 0;
    size_t n = 0;
    int rc = before(f, WTL_CALL_ERRORS, 0, &fired, err);
    if (rc < 0)
        return rc;
    if (!f->inner.sensors->errors)
        return WTL_FAIL(err, WTL_UNSUPPORTED, "the device tells of no errors");
    rc = f->inner.sensors->errors(f->inner.state, out, max, &n, err);
    for (int i = 0; rc == 0 && i < f->plan.n && n < max; i++)
        if ((fired >> i & 1) && f->plan.rule[i].fault == WTL_FAULT_LIE)
            out[n++] = (struct wtl_driver_error){.number = (int)f->plan.rule[i].value};
    rc = after(f, fired, rc, err);
    if (rc == 0)
        *n_out = n;
    return rc;
}

/* ---- Knobs ----------------------------------------------------------------------------------- */

static int faulty_get(void *state, enum wtl_knob knob, struct wtl_knob_state *state_out,
                      struct wtl_error *err)
{
    struct wtl_faulty *f = state;
    unsigned fired = 0;
    int rc = before(f, WTL_CALL_GET, WTL_KNOB_BIT(knob), &fired, err);
    if (rc < 0)
        return rc;
    struct wtl_knob_state now = {0};
    if (fired_rule(f, fired, WTL_FAULT_STALE) && f->has_state[knob]) {
        now = f->last_state[knob];
    } else {
        rc = f->inner.knobs->get(f->inner.state, knob, &now, err);
        if (rc < 0)
            return rc;
        f->last_state[knob] = now;
        f->has_state[knob] = true;
    }
    const struct wtl_fault_rule *lie = fired_rule(f, fired, WTL_FAULT_LIE);
    if (lie) {
        now.known = true;
        now.requested = wtl_knob_at(lie->value);
        now.enforced = lie->value;
    }
    rc = after(f, fired, 0, err);
    if (rc == 0)
        *state_out = now;
    return rc;
}

static int faulty_range(void *state, enum wtl_knob knob, struct wtl_arena *arena,
                        struct wtl_knob_range *range_out, struct wtl_error *err)
{
    struct wtl_faulty *f = state;
    unsigned fired = 0;
    int rc = before(f, WTL_CALL_RANGE, WTL_KNOB_BIT(knob), &fired, err);
    struct wtl_knob_range range = {0};
    if (rc == 0)
        rc = f->inner.knobs->range(f->inner.state, knob, arena, &range, err);
    rc = after(f, fired, rc, err);
    if (rc == 0)
        *range_out = range;
    return rc;
}

static int faulty_set(void *state, enum wtl_knob knob, struct wtl_knob_value value,
                      struct wtl_error *err)
{
    struct wtl_faulty *f = state;
    unsigned fired = 0;
    int rc = before(f, WTL_CALL_SET, WTL_KNOB_BIT(knob), &fired, err);
    if (rc == 0 && !fired_rule(f, fired, WTL_FAULT_IGNORED))
        rc = f->inner.knobs->set(f->inner.state, knob, value, err);
    return after(f, fired, rc, err);
}

/* ---- The wrapper's life ---------------------------------------------------------------------- */

static void faulty_interrupt(void *state)
{
    struct wtl_faulty *f = state;
    pthread_mutex_lock(&f->lock);
    f->interrupted = true;
    pthread_cond_broadcast(&f->ended);
    pthread_mutex_unlock(&f->lock);
    if (f->inner.sensors->interrupt)
        f->inner.sensors->interrupt(f->inner.state);
}

static void faulty_close(void *state)
{
    struct wtl_faulty *f = state;
    wtl_waiting_fini(&f->lock, &f->ended);
}

/* The wrapped device decides whether there is an epoch. */
static const struct wtl_sensor_ops sensor_ops = {.read = faulty_read,
                                                 .ring = faulty_ring,
                                                 .processes = faulty_processes,
                                                 .errors = faulty_errors,
                                                 .interrupt = faulty_interrupt,
                                                 .close = faulty_close};
static const struct wtl_sensor_ops sensor_ops_with_epoch = {.read = faulty_read,
                                                            .ring = faulty_ring,
                                                            .processes = faulty_processes,
                                                            .epoch = faulty_epoch,
                                                            .errors = faulty_errors,
                                                            .interrupt = faulty_interrupt,
                                                            .close = faulty_close};
static const struct wtl_knob_ops knob_ops = {faulty_get, faulty_range, faulty_set};

int wtl_faulty_new(struct wtl_arena *arena, const struct wtl_device_ops *inner,
                   const struct wtl_fault_plan *plan, struct wtl_faulty **faulty_out,
                   struct wtl_error *err)
{
    struct wtl_faulty *f = WTL_NEW(arena, struct wtl_faulty);
    if (!f || !wtl_waiting_init(&f->lock, &f->ended))
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    f->inner = *inner;
    wtl_faulty_set_plan(f, plan);
    *faulty_out = f;
    return 0;
}

void wtl_faulty_set_plan(struct wtl_faulty *f, const struct wtl_fault_plan *plan)
{
    f->plan = *plan;
    wtl_fault_progress_init(&f->progress, plan);
    memset(f->calls, 0, sizeof f->calls);
    f->gone = false;
}

int64_t wtl_faulty_calls(const struct wtl_faulty *f, enum wtl_fault_call call)
{
    return f->calls[call];
}

static bool may_hang(const struct wtl_fault_plan *plan)
{
    for (int i = 0; i < plan->n; i++)
        if (plan->rule[i].fault == WTL_FAULT_HANG)
            return true;
    return false;
}

struct wtl_device_ops wtl_faulty_ops(struct wtl_faulty *f)
{
    return (struct wtl_device_ops){
        .sensors = f->inner.sensors->epoch ? &sensor_ops_with_epoch : &sensor_ops,
        .knobs = f->inner.knobs ? &knob_ops : NULL,
        .state = f,
        .blocks = f->inner.blocks || may_hang(&f->plan),
    };
}

/* ---- faulty:SPEC:ID -------------------------------------------------------------------------- */

static int split_wanted(const char *wanted, char spec_out[WTL_LIMIT_NAME], const char **id_out,
                        struct wtl_error *err)
{
    const char *colon = strchr(wanted, ':');
    size_t n = colon ? (size_t)(colon - wanted) : 0;
    if (!colon || n == 0 || n >= WTL_LIMIT_NAME || !colon[1]) {
        int rc = WTL_FAIL(err, WTL_USAGE, "\"faulty:%.80s\" is not faulty:FAULTS:DEVICE", wanted);
        wtl_error_hint(err, "for example faulty:read.error@3:virtual:a100");
        return rc;
    }
    memcpy(spec_out, wanted, n);
    spec_out[n] = '\0';
    *id_out = colon + 1;
    return 0;
}

static int backend_open(const struct wtl_backend_host *host, struct wtl_error *err)
{
    if (!host->wanted)
        return 0;
    char spec[WTL_LIMIT_NAME];
    const char *id = NULL;
    struct wtl_fault_plan plan;
    int rc = split_wanted(host->wanted, spec, &id, err);
    if (rc == 0)
        rc = wtl_fault_plan_parse(spec, &plan, err);
    const struct wtl_device_info *inner_info = NULL;
    struct wtl_device_ops inner;
    if (rc == 0)
        rc = wtl_backend_wrap(host, id, &inner_info, &inner, err);
    if (rc < 0)
        return rc;
    struct wtl_device_info info = *inner_info;
    info.card[0] = '\0'; /* what it says is not what the card does */
    int n = snprintf(info.id, sizeof info.id, "faulty:%.120s", host->wanted);
    if (n >= (int)sizeof info.id)
        return WTL_FAIL(err, WTL_LIMIT, "\"faulty:%s:...\" is longer than the %d bytes of a name",
                        spec, WTL_LIMIT_NAME - 1);
    info.flags |= WTL_DEVICE_FAULTY;
    info.parent = -1;
    struct wtl_faulty *f = NULL;
    rc = wtl_faulty_new(host->arena, &inner, &plan, &f, err);
    if (rc < 0)
        return rc;
    struct wtl_device_ops ops = wtl_faulty_ops(f);
    rc = wtl_backend_add(host, &info, ops.sensors, ops.knobs, ops.state, ops.blocks, err);
    if (rc < 0)
        faulty_close(f);
    return rc < 0 ? rc : 0;
}

const struct wtl_backend wtl_backend_faulty = {
    .prefix = "faulty",
    .summary = "any other device, made to fail as planned (for tests)",
    .named_only = true,
    .open = backend_open,
};
