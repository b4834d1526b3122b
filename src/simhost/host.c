/* SPDX-License-Identifier: Apache-2.0
 * The host's life: its files, and the loop that moves time and serves. */
#include "simhost/host.h"

#include "base/file.h"
#include "base/limits.h"
#include "simhost/host_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 64 };
#define SWEEP_NS INT64_C(100000000)

static int64_t now_ns(const struct wtl_host *h)
{
    const struct wtl_clock *c = &h->options->clock;
    return c->monotonic_ns(c->ctx);
}

/* ---- Writing under the readers' eyes --------------------------------------------------------- */

static void begin(_Atomic uint32_t *sequence)
{
    uint32_t s = atomic_load_explicit(sequence, memory_order_relaxed);
    atomic_store_explicit(sequence, s + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
}

static void end(_Atomic uint32_t *sequence)
{
    uint32_t s = atomic_load_explicit(sequence, memory_order_relaxed);
    atomic_store_explicit(sequence, s + 1, memory_order_release);
}

static struct wtl_room_slot *slot_of(const struct wtl_host *h, unsigned i)
{
    return (void *)((char *)h->head + wtl_room_offset(i));
}

struct wtl_sim_gpu *wtl_host_gpu_begin(struct wtl_host *h, unsigned i)
{
    struct wtl_room_slot *slot = slot_of(h, i);
    begin(&slot->sequence);
    wtl_sim_gpu_advance(&slot->gpu, now_ns(h) - h->start_ns);
    return &slot->gpu;
}

void wtl_host_gpu_end(struct wtl_host *h, unsigned i)
{
    struct wtl_room_slot *slot = slot_of(h, i);
    slot->lost = wtl_sim_readings(&slot->gpu, &slot->readings, NULL) < 0;
    end(&slot->sequence);
}

struct wtl_room_head *wtl_host_head_begin(struct wtl_host *h)
{
    begin(&h->head->sequence);
    return h->head;
}

void wtl_host_head_end(struct wtl_host *h)
{
    end(&h->head->sequence);
}

const struct wtl_sim_gpu *wtl_host_gpu(const struct wtl_host *h, unsigned i)
{
    return &slot_of(h, i)->gpu;
}

void wtl_host_persist(const struct wtl_host *h, struct wtl_sim_gpu *gpu)
{
    if (h->options->persistence)
        (void)wtl_sim_set_persistence(gpu, true, NULL); /* fails on a lost GPU, which has none */
}

/* ---- The room's file ------------------------------------------------------------------------- */

static int take_lock(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(fd, F_OFD_SETLK, &lock);
}

/* A host that ends has taken its file away, but not let go of the room yet. */
enum { ENDING_WAIT_MS = 2000, ENDING_STEP_MS = 10 };

static int lock_unless_running(const char *dir, int fd)
{
    char room[WTL_LIMIT_PATH];
    (void)snprintf(room, sizeof room, "%s/%s", dir, WTL_ROOM_FILE);
    for (int waited_ms = 0;; waited_ms += ENDING_STEP_MS) {
        if (take_lock(fd) == 0)
            return 0;
        int why = errno;
        if ((why != EAGAIN && why != EACCES) || waited_ms >= ENDING_WAIT_MS ||
            access(room, F_OK) == 0)
            return why;
        const struct timespec step = {.tv_nsec = ENDING_STEP_MS * 1000000L};
        (void)nanosleep(&step, NULL);
    }
}

int wtl_simhost_take(const char *dir, int *lock_fd_out, struct wtl_error *err)
{
    char path[WTL_LIMIT_PATH];
    if ((size_t)snprintf(path, sizeof path, "%s/%s", dir, WTL_ROOM_LOCK) >= sizeof path)
        return WTL_FAIL(err, WTL_LIMIT, "the path of the run directory is too long");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return wtl_fail_errno(err, errno, "open", path);
    int why = lock_unless_running(dir, fd);
    if (why == 0) {
        (void)fchmod(fd, 0644); /* others look whether it is held */
        *lock_fd_out = fd;
        return 0;
    }
    close(fd);
    if (why != EAGAIN && why != EACCES)
        return wtl_fail_errno(err, why, "lock", path);
    int rc = WTL_FAIL(err, WTL_BUSY, "a virtual machine room is running in %s already", dir);
    wtl_error_hint(err, "`wattle sim list` shows it, `wattle sim stop` ends it");
    return rc;
}

/* Takes the mutex by which clients see that we live. Without it they ask for the file's lock. */
static void show_life(struct wtl_host *h)
{
    pthread_mutexattr_t attr;
    if (pthread_mutexattr_init(&attr) != 0)
        return;
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    h->lives =
        pthread_mutex_init(&h->head->life, &attr) == 0 && pthread_mutex_lock(&h->head->life) == 0;
    pthread_mutexattr_destroy(&attr);
    h->head->watched = h->lives && (wtl_room_life(h->head) & FUTEX_TID_MASK) == (uint32_t)gettid();
}

static int fill_room(struct wtl_host *h, struct wtl_error *err)
{
    const struct wtl_simhost_options *o = h->options;
    *h->head = (struct wtl_room_head){
        .magic = WTL_ROOM_MAGIC,
        .version = WTL_ROOM_VERSION,
        .head_bytes = sizeof(struct wtl_room_head),
        .slot_bytes = sizeof(struct wtl_room_slot),
        .n_gpus = (uint32_t)o->n,
        .start_unix_ns = o->clock.wall_ns(o->clock.ctx),
        .host_pid = getpid(),
        .host_uid = h->owner,
        .driver_loads = 1,
    };
    show_life(h);
    h->start_ns = now_ns(h);
    for (unsigned i = 0; i < o->n; i++) {
        const struct wtl_sim_options sim = {
            .seed = o->seed + i,
            .index = (int)i,
            .start_unix_ns = h->head->start_unix_ns,
            .calibrated = o->calibrated,
        };
        struct wtl_sim_gpu *gpu = &slot_of(h, i)->gpu;
        int rc = wtl_sim_gpu_init(gpu, &o->boards[i], &sim, err);
        if (rc < 0)
            return rc;
        wtl_host_persist(h, gpu);
        wtl_host_gpu_begin(h, i);
        wtl_host_gpu_end(h, i);
    }
    return 0;
}

/* Makes the file under a name of its own, locks it, and puts it in its place. */
static int make_room(struct wtl_host *h, struct wtl_error *err)
{
    char name[32];
    snprintf(name, sizeof name, "%s.%ld", WTL_ROOM_FILE, (long)getpid());
    (void)unlinkat(h->dir_fd, name, 0); /* of a dead process that had this pid */
    h->room_fd = openat(h->dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (h->room_fd < 0)
        return wtl_fail_errno(err, errno, "create", name);
    h->map_bytes = wtl_room_offset((uint32_t)h->options->n);
    int rc = 0;
    if (fchmod(h->room_fd, 0644) != 0 || take_lock(h->room_fd) != 0 ||
        posix_fallocate(h->room_fd, 0, (off_t)h->map_bytes) != 0)
        rc = wtl_fail_errno(err, errno, "set up", name);
    void *map = MAP_FAILED;
    if (rc == 0)
        map = mmap(NULL, h->map_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, h->room_fd, 0);
    if (rc == 0 && map == MAP_FAILED)
        rc = wtl_fail_errno(err, errno, "map", name);
    if (rc == 0) {
        h->head = map;
        (void)madvise(map, h->map_bytes, MADV_DONTFORK); /* loads have no business in it */
        rc = fill_room(h, err);
    }
    if (rc == 0 && renameat(h->dir_fd, name, h->dir_fd, WTL_ROOM_FILE) != 0)
        rc = wtl_fail_errno(err, errno, "create", WTL_ROOM_FILE);
    if (rc < 0)
        (void)unlinkat(h->dir_fd, name, 0);
    return rc;
}

/* ---- The loop -------------------------------------------------------------------------------- */

int wtl_host_watch(struct wtl_host *h, int fd, enum wtl_host_source source, int index,
                   struct wtl_error *err)
{
    struct epoll_event event = {.events = EPOLLIN,
                                .data.u64 = (uint64_t)source << 32 | (uint32_t)index};
    if (epoll_ctl(h->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        return WTL_FAIL(err, WTL_IO, "cannot watch a descriptor: %s", strerror(errno));
    return 0;
}

void wtl_host_unwatch(struct wtl_host *h, int fd)
{
    (void)epoll_ctl(h->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

static int start_timer(struct wtl_host *h, struct wtl_error *err)
{
    const struct timespec step = {.tv_nsec = WTL_SIM_STEP_MS * 1000000L};
    const struct itimerspec every = {.it_interval = step, .it_value = step};
    h->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (h->timer_fd < 0 || timerfd_settime(h->timer_fd, 0, &every, NULL) != 0)
        return WTL_FAIL(err, WTL_IO, "cannot make a timer: %s", strerror(errno));
    return wtl_host_watch(h, h->timer_fd, WTL_HOST_TIMER, 0, err);
}

/* One step of all GPUs; steps that were slept through are caught up with. */
static void tick(struct wtl_host *h)
{
    uint64_t expirations;
    (void)!read(h->timer_fd, &expirations, sizeof expirations);
    for (unsigned i = 0; i < h->options->n; i++) {
        wtl_host_gpu_begin(h, i);
        wtl_host_gpu_end(h, i);
    }
    int64_t now = now_ns(h);
    if (now - h->swept_ns >= SWEEP_NS) {
        h->swept_ns = now;
        wtl_host_loads_sweep(h, now);
    }
}

static void handle(struct wtl_host *h, const struct epoll_event *event)
{
    int index = (int)(uint32_t)event->data.u64;
    switch ((enum wtl_host_source)(event->data.u64 >> 32)) {
    case WTL_HOST_STOP:
        h->stop = true;
        break;
    case WTL_HOST_TIMER:
        tick(h);
        break;
    case WTL_HOST_LISTEN:
        wtl_host_accept(h);
        break;
    case WTL_HOST_PEER:
        wtl_host_read(h, index);
        break;
    case WTL_HOST_LOAD:
        wtl_host_load_died(h, index);
        break;
    }
}

static int loop(struct wtl_host *h, struct wtl_error *err)
{
    struct epoll_event events[EVENTS];
    while (!h->stop) {
        int n = epoll_wait(h->epoll_fd, events, EVENTS, h->left ? 0 : -1);
        if (n < 0 && errno != EINTR)
            return WTL_FAIL(err, WTL_IO, "cannot wait for events: %s", strerror(errno));
        for (int i = 0; i < n; i++)
            handle(h, &events[i]);
        if (n == 0)
            wtl_host_let_go(h);
    }
    return 0;
}

static int start(struct wtl_host *h, struct wtl_error *err)
{
    h->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (h->epoll_fd < 0)
        return WTL_FAIL(err, WTL_IO, "cannot watch events: %s", strerror(errno));
    int rc = wtl_host_watch(h, h->options->stop_fd, WTL_HOST_STOP, 0, err);
    if (rc == 0)
        rc = make_room(h, err);
    if (rc == 0)
        rc = wtl_host_listen(h, err);
    if (rc == 0)
        rc = start_timer(h, err);
    return rc;
}

/* Only what is ours: after a failed start there may be less. */
static void finish(struct wtl_host *h)
{
    if (h->head) {
        wtl_host_loads_end(h);
        (void)unlinkat(h->dir_fd, WTL_ROOM_FILE, 0);
    }
    wtl_host_hang_up(h);
    if (h->lives)
        pthread_mutex_unlock(&h->head->life);
    if (h->head)
        munmap(h->head, h->map_bytes);
    const int fds[] = {h->timer_fd, h->epoll_fd, h->room_fd, h->dir_fd};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

int wtl_simhost_run(const struct wtl_simhost_options *options, int lock_fd, struct wtl_error *err)
{
    (void)lock_fd; /* held by being open */
    if (options->n == 0 || options->n > WTL_ROOM_GPUS)
        return WTL_FAIL(err, WTL_USAGE, "a machine room has 1 to %d GPUs, not %zu", WTL_ROOM_GPUS,
                        options->n);
    struct wtl_host h = {.options = options,
                         .dir_fd = open(options->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                         .room_fd = -1,
                         .socket_fd = -1,
                         .timer_fd = -1,
                         .epoll_fd = -1,
                         .owner = geteuid(),
                         .title = wtl_title_find()};
    if (h.dir_fd < 0)
        return wtl_fail_errno(err, errno, "open", options->dir);
    for (int i = 0; i < WTL_HOST_PEERS; i++)
        h.peers[i].fd = -1;
    for (int i = 0; i < WTL_ROOM_LOADS; i++)
        h.loads[i].pidfd = -1;
    int rc = start(&h, err);
    if (rc == 0 && options->ready)
        options->ready(options->ctx);
    if (rc == 0)
        rc = loop(&h, err);
    finish(&h);
    return rc;
}
