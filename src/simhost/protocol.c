/* SPDX-License-Identifier: Apache-2.0
 * Requests: what a packet must be before the host believes it. */
#include "simhost/protocol.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { DELAY_MS_MAX = 600000 };

struct wtl_room_request wtl_room_request(enum wtl_room_verb verb, int gpu)
{
    struct wtl_room_request request;
    memset(&request, 0, sizeof request);
    request.version = WTL_ROOM_VERSION;
    request.size = (uint32_t)sizeof request;
    request.verb = (uint32_t)verb;
    request.gpu = gpu;
    return request;
}

bool wtl_room_privileged(enum wtl_room_verb verb)
{
    return verb != WTL_ROOM_HELLO && verb != WTL_ROOM_LOAD_START && verb != WTL_ROOM_LOAD_STOP &&
           verb != WTL_ROOM_CALL && verb != WTL_ROOM_JOIN;
}

/* Verbs that may be meant for all GPUs, or for none in particular. */
static bool without_gpu(uint32_t verb)
{
    return verb == WTL_ROOM_HELLO || verb == WTL_ROOM_LOAD_STOP || verb == WTL_ROOM_FAULT_ADD ||
           verb == WTL_ROOM_FAULT_CLEAR || verb == WTL_ROOM_GPU_FAULT || verb == WTL_ROOM_STOP ||
           verb == WTL_ROOM_CALL || verb == WTL_ROOM_JOIN;
}

static bool terminated(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

/* A finite number in [min, max]. */
static bool within(double x, double min, double max)
{
    return isfinite(x) && x >= min && x <= max;
}

static int check_load(const struct wtl_room_load *l, struct wtl_error *err)
{
    int rc = wtl_sim_workload_check(&l->workload, err);
    if (rc < 0)
        return rc;
    if (l->pid < 0)
        return WTL_FAIL(err, WTL_USAGE, "%d is no process", (int)l->pid);
    if (l->batch < 0 || l->batch > 1 << 20)
        return WTL_FAIL(err, WTL_USAGE, "batch %d is out of range", (int)l->batch);
    if (!within(l->share, 1e-6, 1))
        return WTL_FAIL(err, WTL_USAGE, "a share is above 0 and at most 100 %%");
    if (!within(l->rate_per_s, 0, 1e9))
        return WTL_FAIL(err, WTL_USAGE, "a rate is at least 0 and below 1e9 a second");
    if (!within(l->duration_s, 0, 1e9))
        return WTL_FAIL(err, WTL_USAGE, "a duration is at least 0 and below 1e9 seconds");
    if (l->instance < -1 || l->instance >= WTL_SIM_INSTANCES)
        return WTL_FAIL(err, WTL_USAGE, "there is no MIG instance %d", (int)l->instance);
    const struct wtl_sim_pattern *p = &l->pattern;
    if (p->period_ms < 0 || p->period_ms > 86400000 || p->on_ms < 0 || p->on_ms > p->period_ms ||
        p->shift_ms < 0 || p->shift_ms > p->period_ms)
        return WTL_FAIL(err, WTL_USAGE, "a pattern is ON of PERIOD, 0 <= ON <= PERIOD");
    return 0;
}

static int check_fault(const struct wtl_room_fault *f, unsigned n_gpus, struct wtl_error *err)
{
    if (!terminated(f->function, sizeof f->function) || !f->function[0])
        return WTL_FAIL(err, WTL_USAGE, "a fault needs the name of a function, or \"*\"");
    if (f->gpu < -1 || f->gpu >= (int32_t)n_gpus)
        return WTL_FAIL(err, WTL_USAGE, "there is no GPU %d", (int)f->gpu);
    if (f->nvml_return < 0 || f->nvml_return > 999)
        return WTL_FAIL(err, WTL_USAGE, "%d is no code of NVML", (int)f->nvml_return);
    if (f->delay_ms < WTL_ROOM_HANG || f->delay_ms > DELAY_MS_MAX)
        return WTL_FAIL(err, WTL_USAGE, "a delay is at most %d ms", DELAY_MS_MAX);
    if (f->nvml_return == 0 && f->delay_ms == 0)
        return WTL_FAIL(err, WTL_USAGE, "a fault needs a code to return, or a delay");
    return 0;
}

static int check_gpu_fault(const struct wtl_room_request *r, struct wtl_error *err)
{
    double x = r->u.gpu_fault.number;
    uint32_t value = r->u.gpu_fault.value;
    bool ok = false;
    if (r->u.gpu_fault.what >= WTL_ROOM_N_GPU_FAULTS)
        return WTL_FAIL(err, WTL_USAGE, "there is no fault %u", r->u.gpu_fault.what);
    switch ((enum wtl_room_gpu_fault)r->u.gpu_fault.what) {
    case WTL_ROOM_GPU_STALE:
        ok = (value & ~(uint32_t)WTL_SIM_SENSORS_ALL) == 0 && within(x, 0, 1e9);
        break;
    case WTL_ROOM_GPU_DROP:
        ok = within(x, 0, 1);
        break;
    case WTL_ROOM_GPU_AMBIENT:
        ok = within(x, -40, 80);
        break;
    case WTL_ROOM_GPU_OOB:
        ok = within(x, 0, 1e5);
        break;
    case WTL_ROOM_GPU_XID:
        ok = value >= 1 && value <= 999;
        break;
    case WTL_ROOM_GPU_BRAKE:
    case WTL_ROOM_DRIVER_MISMATCH:
        ok = value <= 1;
        break;
    case WTL_ROOM_GPU_LOSE:
    case WTL_ROOM_DRIVER_RELOAD:
        ok = true;
        break;
    case WTL_ROOM_N_GPU_FAULTS:
        break;
    }
    return ok ? 0 : WTL_FAIL(err, WTL_USAGE, "the fault's value is out of range");
}

static int check_payload(const struct wtl_room_request *r, unsigned n_gpus, struct wtl_error *err)
{
    switch ((enum wtl_room_verb)r->verb) {
    case WTL_ROOM_LOAD_START:
        return check_load(&r->u.load, err);
    case WTL_ROOM_FAULT_ADD:
        return check_fault(&r->u.fault, n_gpus, err);
    case WTL_ROOM_GPU_FAULT:
        return check_gpu_fault(r, err);
    case WTL_ROOM_CALL:
        return terminated(r->u.function, sizeof r->u.function)
                   ? 0
                   : WTL_FAIL(err, WTL_USAGE, "the function's name has no end");
    case WTL_ROOM_SET_MIG:
        if (r->u.mig.n > WTL_SIM_INSTANCES)
            return WTL_FAIL(err, WTL_USAGE, "%u MIG instances are too many", r->u.mig.n);
        return 0; /* the engine knows the profiles */
    case WTL_ROOM_SET_PERSISTENCE:
    case WTL_ROOM_SET_ACCOUNTING:
        return r->u.value <= 1 ? 0 : WTL_FAIL(err, WTL_USAGE, "a mode is on (1) or off (0)");
    case WTL_ROOM_HELLO:
    case WTL_ROOM_LOCK_SM:
    case WTL_ROOM_RESET_SM:
    case WTL_ROOM_LOCK_MEM:
    case WTL_ROOM_RESET_MEM:
    case WTL_ROOM_SET_LIMIT:
    case WTL_ROOM_SET_COMPUTE_MODE:
    case WTL_ROOM_LOAD_STOP:
    case WTL_ROOM_FAULT_CLEAR:
    case WTL_ROOM_STOP:
    case WTL_ROOM_JOIN:
    case WTL_ROOM_N_VERBS:
        break;
    }
    return 0; /* any number will do: the engine says what it thinks of it */
}

int wtl_room_request_check(const void *bytes, size_t n, unsigned n_gpus,
                           struct wtl_room_request *out, struct wtl_error *err)
{
    struct wtl_room_request r;
    if (n != sizeof r)
        return WTL_FAIL(err, WTL_USAGE, "a request has %zu bytes, not %zu", sizeof r, n);
    memcpy(&r, bytes, sizeof r);
    if (r.version != WTL_ROOM_VERSION || r.size != sizeof r)
        return WTL_FAIL(err, WTL_USAGE, "the request is of version %u, not %d", r.version,
                        WTL_ROOM_VERSION);
    if (r.verb >= WTL_ROOM_N_VERBS)
        return WTL_FAIL(err, WTL_USAGE, "there is no request %u", r.verb);
    if (r.gpu >= (int32_t)n_gpus || r.gpu < (without_gpu(r.verb) ? -1 : 0))
        return WTL_FAIL(err, WTL_USAGE, "there is no GPU %d: they are 0 to %u", (int)r.gpu,
                        n_gpus - 1);
    int rc = check_payload(&r, n_gpus, err);
    if (rc == 0)
        *out = r;
    return rc;
}

/* ---- Replies --------------------------------------------------------------------------------- */

void wtl_room_reply_fill(struct wtl_room_reply *reply, int rc, const struct wtl_error *err)
{
    memset(reply, 0, sizeof *reply);
    reply->version = WTL_ROOM_VERSION;
    reply->size = (uint32_t)sizeof *reply;
    if (rc >= 0)
        return;
    reply->code = -rc;
    snprintf(reply->message, sizeof reply->message, "%s", err->message);
    snprintf(reply->hint, sizeof reply->hint, "%s", err->hint);
}

int wtl_room_reply_result(const struct wtl_room_reply *reply, size_t n, struct wtl_error *err)
{
    if (n != sizeof *reply || reply->version != WTL_ROOM_VERSION || reply->size != n ||
        reply->code < 0 || reply->code > WTL_LOST ||
        !terminated(reply->message, sizeof reply->message) ||
        !terminated(reply->hint, sizeof reply->hint))
        return WTL_FAIL(err, WTL_IO, "the virtual machine room gave an answer of another version");
    if (reply->code == WTL_OK)
        return 0;
    int rc = WTL_FAIL(err, (enum wtl_code)reply->code, "%s", reply->message);
    if (reply->hint[0])
        wtl_error_hint(err, "%s", reply->hint);
    return rc;
}

/* ---- Faults ---------------------------------------------------------------------------------- */

bool wtl_room_never_fails(const char *function)
{
    return strcmp(function, "nvmlShutdown") == 0 || strcmp(function, "nvmlGpmSampleFree") == 0;
}

bool wtl_room_fault_matches(const struct wtl_room_fault *fault, const char *function, int gpu)
{
    if (fault->gpu >= 0 && fault->gpu != gpu)
        return false;
    size_t n = strnlen(fault->function, sizeof fault->function);
    if (n > 0 && fault->function[n - 1] == '*')
        return strncmp(fault->function, function, n - 1) == 0;
    return strcmp(fault->function, function) == 0;
}

bool wtl_room_fault_hits(struct wtl_room_fault *fault)
{
    uint32_t call = fault->n_calls++;
    uint32_t every = fault->every ? fault->every : 1;
    if (call < fault->skip || (call - fault->skip) % every != 0)
        return false;
    if (fault->count && fault->n_hits >= fault->count)
        return false;
    fault->n_hits++;
    return true;
}
