/* SPDX-License-Identifier: Apache-2.0
 * Life of the library: which machine room it looks into, who may call, what strikes a call. The
 * only state of the drop-in is here, as NVML's own API wants it. */
#include "nvml-sim/impl.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { HANDLES_PER_GPU = 1 + WTL_SIM_INSTANCES };

/* Init and shutdown must not wait for ever while threads poll. No call takes it twice. */
#define LOCK_INITIALIZER PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP

static struct {
    pthread_rwlock_t lock;  /* of users and room: calls read, init and shutdown write */
    pthread_mutex_t asking; /* one request at a time */
    unsigned users;
    struct wtl_room room;
    unsigned openings; /* of rooms, ever: views of an earlier one are worth nothing */
    pthread_key_t copies_key;
    bool has_key;
    struct nvml_device handles[WTL_ROOM_GPUS * HANDLES_PER_GPU];
} state = {.lock = LOCK_INITIALIZER, .asking = PTHREAD_MUTEX_INITIALIZER};

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* A child has the locks as they were and one thread alone: nobody may be within a call. */
static void before_fork(void)
{
    pthread_rwlock_wrlock(&state.lock);
    pthread_mutex_lock(&state.asking);
}

static void in_parent(void)
{
    pthread_mutex_unlock(&state.asking);
    pthread_rwlock_unlock(&state.lock);
}

/* Made anew: those who waited for them are not here. */
static void in_child(void)
{
    static const pthread_rwlock_t lock = LOCK_INITIALIZER;
    static const pthread_mutex_t asking = PTHREAD_MUTEX_INITIALIZER;
    memcpy(&state.lock, &lock, sizeof lock);
    memcpy(&state.asking, &asking, sizeof asking);
}

/* What a thread has seen: too large for the stacks of some clients' threads. */
struct copies {
    unsigned opening;
    struct wtl_room_view *view[WTL_ROOM_GPUS]; /* NULL: not looked at yet */
};

static void free_copies(void *ctx)
{
    struct copies *copies = ctx;
    for (int i = 0; copies && i < WTL_ROOM_GPUS; i++)
        free(copies->view[i]);
    free(copies);
}

static void prepare(void)
{
    state.has_key = pthread_key_create(&state.copies_key, free_copies) == 0;
    (void)pthread_atfork(before_fork, in_parent, in_child);
    for (int i = 0; i < WTL_ROOM_GPUS * HANDLES_PER_GPU; i++)
        state.handles[i] = (struct nvml_device){i / HANDLES_PER_GPU, i % HANDLES_PER_GPU - 1};
}

static struct copies *thread_copies(void)
{
    struct copies *copies = state.has_key ? pthread_getspecific(state.copies_key) : NULL;
    if (copies || !state.has_key)
        return copies;
    copies = calloc(1, sizeof *copies);
    if (copies && pthread_setspecific(state.copies_key, copies) != 0) {
        free(copies);
        copies = NULL;
    }
    return copies;
}

/* This thread's view of a GPU of the room that is open; NULL: no memory. With the lock held. */
static struct wtl_room_view *thread_view(int gpu)
{
    struct copies *copies = thread_copies();
    if (!copies)
        return NULL;
    if (copies->opening != state.openings)
        for (int i = 0; i < WTL_ROOM_GPUS; i++)
            if (copies->view[i])
                copies->view[i]->held = 0;
    copies->opening = state.openings;
    if (!copies->view[gpu])
        copies->view[gpu] = calloc(1, sizeof *copies->view[gpu]);
    return copies->view[gpu];
}

int wtl_dropin_code(int rc)
{
    switch (rc < 0 ? -rc : 0) {
    case 0:
        return NVML_SUCCESS;
    case WTL_USAGE:
        return NVML_INVALID_ARGUMENT;
    case WTL_UNSUPPORTED:
        return NVML_NOT_SUPPORTED;
    case WTL_PERMISSION:
        return NVML_NO_PERMISSION;
    case WTL_NOTFOUND:
        return NVML_NOT_FOUND;
    case WTL_BUSY:
        return NVML_IN_USE;
    case WTL_TIMEOUT:
        return NVML_TIMEOUT;
    case WTL_LOST:
        return NVML_GPU_IS_LOST;
    case WTL_NOMEM:
        return NVML_MEMORY;
    case WTL_LIMIT:
        return NVML_INSUFFICIENT_RESOURCES;
    case WTL_CORRUPT:
        return NVML_LIB_RM_VERSION_MISMATCH;
    default:
        return NVML_UNKNOWN;
    }
}

/* ---- Faults ---------------------------------------------------------------------------------- */

static void sleep_ms(int ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0)
        ;
}

static int ask(const struct wtl_room_request *request, struct wtl_room_reply *reply)
{
    struct wtl_error err;
    pthread_mutex_lock(&state.asking);
    int rc = wtl_room_ask(&state.room, request, reply, &err);
    pthread_mutex_unlock(&state.asking);
    return wtl_dropin_code(rc);
}

/* Whether a fault is meant for this call: the host knows, it counts them for all. */
static int strike(const char *function, int gpu, int *delay_ms)
{
    struct wtl_room_state s;
    struct wtl_error err;
    int rc = wtl_dropin_code(wtl_room_state(&state.room, &s, &err));
    if (rc == 0 && s.mismatch)
        return NVML_LIB_RM_VERSION_MISMATCH;
    bool meant = false;
    for (uint32_t i = 0; i < s.n_faults && rc == 0; i++)
        meant = meant || wtl_room_fault_matches(&s.faults[i], function, gpu);
    if (!meant)
        return rc;
    struct wtl_room_request request = wtl_room_request(WTL_ROOM_CALL, gpu);
    struct wtl_room_reply reply;
    snprintf(request.u.function, sizeof request.u.function, "%s", function);
    rc = ask(&request, &reply);
    if (rc != 0)
        return rc;
    *delay_ms = reply.delay_ms;
    return reply.value;
}

/* With the lock read-held. */
static int check_room(const char *function, int gpu, int *delay_ms)
{
    if (!wtl_room_running(&state.room))
        return gpu >= 0 ? NVML_GPU_IS_LOST : NVML_DRIVER_NOT_LOADED;
    return wtl_room_any_trouble(&state.room) ? strike(function, gpu, delay_ms) : NVML_SUCCESS;
}

/* Waits as a fault wants it, with no lock held. */
static void wait_out(int delay_ms)
{
    if (delay_ms == WTL_ROOM_HANG)
        for (;;)
            pause();
    if (delay_ms > 0)
        sleep_ms(delay_ms);
}

/* ---- Calls ----------------------------------------------------------------------------------- */

static bool good_handle(const struct nvml_device *d)
{
    uintptr_t at = (uintptr_t)d, first = (uintptr_t)&state.handles[0];
    return at >= first && at < first + sizeof state.handles &&
           (at - first) % sizeof state.handles[0] == 0 && d->gpu < (int)state.room.head->n_gpus;
}

static unsigned parts_of(unsigned scope)
{
    return (scope & WTL_DROPIN_PROCESSES ? WTL_ROOM_PROCESSES : 0u) |
           (scope & WTL_DROPIN_RINGS ? WTL_ROOM_RINGS : 0u) |
           (scope & WTL_DROPIN_EVENTS ? WTL_ROOM_EVENTS : 0u) | WTL_ROOM_BOARD;
}

/* With the lock held. NVML's word. */
static int look(int gpu, unsigned parts, const struct wtl_sim_gpu **out)
{
    struct wtl_error err;
    struct wtl_room_view *view = thread_view(gpu);
    if (!view)
        return NVML_MEMORY;
    int rc = wtl_room_look(&state.room, (unsigned)gpu, parts, view, &err);
    *out = &view->gpu;
    return wtl_dropin_code(rc);
}

static int copy_gpu(struct wtl_dropin_call *c, const struct nvml_device *d, unsigned scope)
{
    struct wtl_error err;
    c->gpu = NULL;
    c->index = d->gpu;
    c->instance = d->instance;
    if (scope & WTL_DROPIN_READINGS)
        return wtl_dropin_code(wtl_room_readings(&state.room, (unsigned)d->gpu, &c->r, &err));
    int rc = look(d->gpu, parts_of(scope), &c->gpu);
    if (rc != 0)
        return rc;
    rc = wtl_dropin_code(wtl_sim_readings(c->gpu, &c->r, &err));
    if (rc == 0 && d->instance >= c->gpu->n_instances)
        rc = NVML_NOT_FOUND; /* MIG was set up anew */
    return rc;
}

int wtl_dropin_begin(struct wtl_dropin_call *call, const char *function,
                     const struct nvml_device *d, unsigned scope, bool arguments)
{
    int rc = NVML_SUCCESS, delay_ms = 0;
    pthread_rwlock_rdlock(&state.lock);
    if (state.users == 0)
        rc = NVML_UNINITIALIZED;
    else if (!good_handle(d) || !arguments)
        rc = NVML_INVALID_ARGUMENT;
    else
        rc = check_room(function, d->gpu, &delay_ms);
    if (rc == 0)
        rc = copy_gpu(call, d, d->instance < 0 ? scope : scope & ~(unsigned)WTL_DROPIN_READINGS);
    if (rc == 0 && !(scope & WTL_DROPIN_ANY) && d->instance >= 0)
        rc = NVML_NOT_SUPPORTED;
    pthread_rwlock_unlock(&state.lock);
    wait_out(delay_ms);
    return rc;
}

int wtl_dropin_begin_system(const char *function, bool arguments)
{
    int rc = NVML_SUCCESS, delay_ms = 0;
    pthread_rwlock_rdlock(&state.lock);
    if (state.users == 0)
        rc = NVML_UNINITIALIZED;
    else if (!arguments)
        rc = NVML_INVALID_ARGUMENT;
    else
        rc = check_room(function, -1, &delay_ms);
    pthread_rwlock_unlock(&state.lock);
    wait_out(delay_ms);
    return rc;
}

int wtl_dropin_ask(const struct wtl_dropin_call *call, struct wtl_room_request *request)
{
    int rc = NVML_UNINITIALIZED;
    request->gpu = call->index;
    pthread_rwlock_rdlock(&state.lock);
    if (state.users > 0)
        rc = ask(request, NULL);
    pthread_rwlock_unlock(&state.lock);
    return rc;
}

const struct wtl_sim_gpu *wtl_dropin_copy(int gpu, unsigned lists)
{
    const struct wtl_sim_gpu *copy = NULL;
    pthread_rwlock_rdlock(&state.lock);
    if (state.users > 0 && wtl_room_running(&state.room) && look(gpu, parts_of(lists), &copy) != 0)
        copy = NULL;
    pthread_rwlock_unlock(&state.lock);
    return copy;
}

int wtl_dropin_state(struct wtl_room_state *out)
{
    struct wtl_error err;
    int rc = NVML_UNINITIALIZED;
    pthread_rwlock_rdlock(&state.lock);
    if (state.users > 0)
        rc = wtl_dropin_code(wtl_room_state(&state.room, out, &err));
    pthread_rwlock_unlock(&state.lock);
    return rc;
}

struct nvml_device *wtl_dropin_handle(int gpu, int instance)
{
    return &state.handles[gpu * HANDLES_PER_GPU + 1 + instance];
}

unsigned wtl_dropin_count(void)
{
    pthread_rwlock_rdlock(&state.lock);
    unsigned n = state.users > 0 ? state.room.head->n_gpus : 0;
    pthread_rwlock_unlock(&state.lock);
    return n;
}

int wtl_dropin_text(const char *from, char *to, unsigned size)
{
    size_t n = strlen(from) + 1;
    if (n > size)
        return NVML_INSUFFICIENT_SIZE;
    memcpy(to, from, n);
    return NVML_SUCCESS;
}

int wtl_dropin_room(unsigned have, unsigned *n, const void *items)
{
    unsigned room = *n;
    if (room > 0 && !items)
        return NVML_INVALID_ARGUMENT;
    *n = have;
    return have > room ? NVML_INSUFFICIENT_SIZE : NVML_SUCCESS;
}

/* ---- Init and shutdown ----------------------------------------------------------------------- */

static int open_room(struct wtl_error *err)
{
    char dir[WTL_LIMIT_PATH];
    const struct wtl_room_request hello = wtl_room_request(WTL_ROOM_HELLO, -1);
    int rc = wtl_room_find(dir, err);
    if (rc == 0)
        rc = wtl_room_open(dir, &state.room, err);
    state.room.nvml = true;
    state.openings++;
    if (rc == 0)
        rc = wtl_room_ask(&state.room, &hello, NULL, err);
    if (rc == -(int)WTL_CORRUPT)
        return NVML_LIB_RM_VERSION_MISMATCH;
    return rc < 0 ? NVML_DRIVER_NOT_LOADED : NVML_SUCCESS;
}

static int init(const char *function)
{
    struct wtl_error err;
    int rc = NVML_SUCCESS, delay_ms = 0;
    pthread_once(&once, prepare);
    pthread_rwlock_wrlock(&state.lock);
    if (state.users == 0)
        rc = open_room(&err);
    if (rc == 0)
        rc = check_room(function, -1, &delay_ms);
    if (rc == 0)
        state.users++;
    else if (state.users == 0)
        wtl_room_close(&state.room);
    pthread_rwlock_unlock(&state.lock);
    wait_out(delay_ms);
    return rc;
}

int nvmlInit(void)
{
    return init(__func__);
}

int nvmlInit_v2(void)
{
    return init(__func__);
}

int nvmlInitWithFlags(unsigned flags)
{
    (void)flags; /* no GPU to leave alone, and a room without GPUs there is not */
    return init(__func__);
}

int nvmlShutdown(void)
{
    int rc = NVML_SUCCESS;
    pthread_rwlock_wrlock(&state.lock);
    if (state.users == 0)
        rc = NVML_UNINITIALIZED;
    else if (--state.users == 0)
        wtl_room_close(&state.room);
    pthread_rwlock_unlock(&state.lock);
    return rc;
}

/* At dlclose() and exit(): what the last nvmlShutdown() would give back, and the key, of which a
 * process has 1024. At an exit other threads may be within calls; then all is left as it is. */
__attribute__((destructor)) static void unload(void)
{
    if (pthread_rwlock_trywrlock(&state.lock) != 0)
        return;
    state.users = 0;
    wtl_room_close(&state.room);
    if (state.has_key) {
        free_copies(pthread_getspecific(state.copies_key));
        (void)pthread_key_delete(state.copies_key);
    }
    state.has_key = false;
    pthread_rwlock_unlock(&state.lock);
}

/* ---- What needs the room itself -------------------------------------------------------------- */

int nvmlWattleEpoch(char *text, unsigned size)
{
    char epoch[WTL_ROOM_EPOCH];
    struct wtl_error err;
    if (!text)
        return NVML_INVALID_ARGUMENT;
    int rc = NVML_UNINITIALIZED;
    pthread_rwlock_rdlock(&state.lock);
    if (state.users > 0)
        rc = wtl_room_running(&state.room)
                 ? wtl_dropin_code(wtl_room_epoch(&state.room, epoch, &err))
                 : NVML_DRIVER_NOT_LOADED;
    pthread_rwlock_unlock(&state.lock);
    return rc == 0 ? wtl_dropin_text(epoch, text, size) : rc;
}
