/* SPDX-License-Identifier: Apache-2.0
 * Looking into a machine room, and asking its host. */
#include "simhost/client.h"

#include "base/clock.h"
#include "base/data.h"
#include "base/dirs.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { ANSWER_MS = 5000, SPINS_MAX = 1000000, SPINS_BETWEEN_LOOKS = 1000 };

/* ---- Where ----------------------------------------------------------------------------------- */

/* Whether somebody holds the lock. Needs no right to write. */
static bool lock_held(int lock_fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(lock_fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

bool wtl_room_alive(const char *dir)
{
    int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = dir_fd >= 0 ? openat(dir_fd, WTL_ROOM_LOCK, O_RDONLY | O_CLOEXEC) : -1;
    bool alive = fd >= 0 && lock_held(fd);
    if (fd >= 0)
        close(fd);
    if (dir_fd >= 0)
        close(dir_fd);
    return alive;
}

int wtl_room_find(char dir_out[WTL_LIMIT_PATH], struct wtl_error *err)
{
    char dir[WTL_LIMIT_PATH];
    struct wtl_error why = {0};
    int rc = wtl_dir_path(WTL_DIR_RUN, "sim", dir, &why);
    if (rc == 0 && wtl_room_alive(dir)) {
        memcpy(dir_out, dir, strlen(dir) + 1);
        return 0;
    }
    static const char shared[] = WTL_RUN_DIR_SYSTEM "/sim";
    const char *by_hand = secure_getenv("WATTLE_RUN_DIR");
    if (!(by_hand && by_hand[0]) && wtl_room_alive(shared)) {
        memcpy(dir_out, shared, sizeof shared);
        return 0;
    }
    if (rc < 0) {
        if (err)
            *err = why;
        return rc;
    }
    rc = WTL_FAIL(err, WTL_NOTFOUND, "no virtual machine room is running (looked in %s)", dir);
    wtl_error_hint(err, "start one: wattle sim start");
    return rc;
}

/* ---- Opening --------------------------------------------------------------------------------- */

static int check_head(const struct wtl_room_head *head, size_t size, struct wtl_error *err)
{
    if (size < sizeof *head || head->magic != WTL_ROOM_MAGIC || head->version != WTL_ROOM_VERSION ||
        head->head_bytes != sizeof *head || head->slot_bytes != sizeof(struct wtl_room_slot) ||
        head->n_gpus > WTL_ROOM_GPUS || size < wtl_room_offset(head->n_gpus)) {
        int rc = WTL_FAIL(err, WTL_CORRUPT, "the machine room is of another version of Wattle");
        wtl_error_hint(err, "`wattle sim stop` ends it all the same; start it anew");
        return rc;
    }
    return 0;
}

static int map_room(struct wtl_room *room, struct wtl_error *err)
{
    struct stat st;
    if (fstat(room->fd, &st) != 0)
        return wtl_fail_errno(err, errno, "look at", WTL_ROOM_FILE);
    room->size = (size_t)st.st_size;
    void *map =
        room->size ? mmap(NULL, room->size, PROT_READ, MAP_SHARED, room->fd, 0) : MAP_FAILED;
    if (map == MAP_FAILED)
        return WTL_FAIL(err, WTL_CORRUPT, "cannot map the machine room's file");
    room->head = map;
    return check_head(room->head, room->size, err);
}

int wtl_room_open(const char *dir, struct wtl_room *out, struct wtl_error *err)
{
    struct wtl_room room = {
        .open = true, .dir_fd = -1, .fd = -1, .socket_fd = -1, .answer_ms = ANSWER_MS};
    room.dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (room.dir_fd >= 0)
        room.fd = openat(room.dir_fd, WTL_ROOM_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int rc = 0;
    if (room.fd < 0 || !lock_held(room.fd)) {
        rc = WTL_FAIL(err, WTL_NOTFOUND, "no virtual machine room is running in %s", dir);
        wtl_error_hint(err, "start one: wattle sim start");
    }
    if (rc == 0)
        rc = map_room(&room, err);
    if (rc < 0 || !room.head) {
        wtl_room_close(&room);
        return rc;
    }
    room.start_unix_ns = room.head->start_unix_ns;
    *out = room;
    return 0;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void wtl_room_close(struct wtl_room *room)
{
    if (!room->open)
        return;
    if (room->head)
        munmap((void *)(uintptr_t)room->head, room->size);
    room->head = NULL;
    close_fd(&room->socket_fd);
    close_fd(&room->fd);
    close_fd(&room->dir_fd);
    room->open = false;
}

bool wtl_room_running(const struct wtl_room *room)
{
    if (!room->head || !room->head->watched)
        return lock_held(room->fd);
    const uint32_t life = wtl_room_life(room->head);
    return (life & FUTEX_TID_MASK) != 0 && !(life & FUTEX_OWNER_DIED);
}

/* ---- Consistent copies ----------------------------------------------------------------------- */

/* Waits until the writer, who keeps `sequence`, is not at it. He holds it for microseconds; one
 * that holds it longer was stopped or killed meanwhile. */
static int look_begin(const struct wtl_room *room, const _Atomic uint32_t *sequence, int *spins,
                      uint32_t *at_out, struct wtl_error *err)
{
    for (; *spins < SPINS_MAX; ++*spins) {
        uint32_t at = atomic_load_explicit(sequence, memory_order_acquire);
        if ((at & 1) == 0) {
            ++*spins;
            *at_out = at;
            return 0;
        }
        if (*spins % SPINS_BETWEEN_LOOKS == SPINS_BETWEEN_LOOKS - 1 && !wtl_room_running(room))
            break;
        sched_yield();
    }
    return WTL_FAIL(err, WTL_LOST, "the host of the virtual machine room is gone");
}

/* Whether what was copied since look_begin() is of one state. */
static bool look_end(const _Atomic uint32_t *sequence, uint32_t at)
{
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(sequence, memory_order_relaxed) == at;
}

#define GPU_AT(field) offsetof(struct wtl_sim_gpu, field)
#define SENSOR_AT(field) (GPU_AT(sensors) + offsetof(struct wtl_sim_sensors, field))

/* Parts are stretches of the struct. */
_Static_assert(GPU_AT(board) < GPU_AT(mismatch) && GPU_AT(mismatch) < GPU_AT(n_slots) &&
                   GPU_AT(n_slots) < GPU_AT(slots) && GPU_AT(slots) < GPU_AT(work) &&
                   GPU_AT(work) < GPU_AT(vram_used_mib) && GPU_AT(vram_used_mib) < GPU_AT(sensors),
               "state, processes, state");
_Static_assert(SENSOR_AT(energy_ring_j) < SENSOR_AT(frozen) &&
                   SENSOR_AT(frozen) < SENSOR_AT(rings) && SENSOR_AT(rings) < GPU_AT(last_xid) &&
                   GPU_AT(last_xid) < GPU_AT(events) && GPU_AT(events) < GPU_AT(cache),
               "sensors, rings, state, events");

static void copy_bytes(struct wtl_sim_gpu *to, const struct wtl_sim_gpu *from, size_t begin,
                       size_t end)
{
    memcpy((char *)to + begin, (const char *)from + begin, end - begin);
}

/* All but the board, the lists, and what the engine keeps for its way on. */
static void copy_state(struct wtl_sim_gpu *to, const struct wtl_sim_gpu *from)
{
    copy_bytes(to, from, GPU_AT(mismatch), GPU_AT(n_slots));
    copy_bytes(to, from, GPU_AT(vram_used_mib), SENSOR_AT(energy_ring_j));
    copy_bytes(to, from, SENSOR_AT(frozen), SENSOR_AT(rings));
    copy_bytes(to, from, GPU_AT(last_xid), GPU_AT(events));
}

/* Places of processes that are not there, most of a GPU, are left out. */
static void copy_processes(struct wtl_sim_gpu *to, const struct wtl_sim_gpu *from)
{
    int n = from->n_slots; /* torn while it changes: the copy is then made anew */
    n = n < 0 ? 0 : n > WTL_SIM_TENANTS ? WTL_SIM_TENANTS : n;
    to->n_slots = n;
    memcpy(to->slots, from->slots, (size_t)n * sizeof to->slots[0]);
    copy_bytes(to, from, GPU_AT(work), GPU_AT(vram_used_mib));
}

static void copy_parts(struct wtl_sim_gpu *to, const struct wtl_sim_gpu *from, unsigned parts)
{
    if (parts & WTL_ROOM_BOARD)
        to->board = from->board;
    if (parts & WTL_ROOM_STATE)
        copy_state(to, from);
    if (parts & WTL_ROOM_PROCESSES)
        copy_processes(to, from);
    if (parts & WTL_ROOM_RINGS)
        memcpy(to->sensors.rings, from->sensors.rings, sizeof to->sensors.rings);
    if (parts & WTL_ROOM_EVENTS)
        memcpy(to->events, from->events, sizeof to->events);
}

/* The lists that are of an older state are empty, so that nobody takes them for this one's. */
static void forget(struct wtl_room_view *view)
{
    struct wtl_sim_gpu *gpu = &view->gpu;
    if (view->held & WTL_ROOM_PROCESSES)
        gpu->n_slots = 0;
    for (int i = 0; (view->held & WTL_ROOM_RINGS) && i < (int)WTL_SIM_N_RINGS; i++)
        gpu->sensors.rings[i].n = 0;
    if (view->held & WTL_ROOM_EVENTS)
        memset(gpu->events, 0, sizeof gpu->events);
    view->held &= WTL_ROOM_BOARD;
}

int wtl_room_look(const struct wtl_room *room, unsigned index, unsigned parts,
                  struct wtl_room_view *view, struct wtl_error *err)
{
    if (index >= room->head->n_gpus)
        return WTL_FAIL(err, WTL_USAGE, "there is no GPU %u", index);
    const struct wtl_room_slot *slot =
        (const void *)((const char *)room->head + wtl_room_offset(index));
    int spins = 0;
    uint32_t at;
    do {
        int rc = look_begin(room, &slot->sequence, &spins, &at, err);
        if (rc < 0 || at != view->sequence)
            forget(view);
        if (rc < 0)
            return rc;
        copy_parts(&view->gpu, &slot->gpu, (parts | WTL_ROOM_STATE) & ~view->held);
        view->held |= parts | WTL_ROOM_STATE;
        view->sequence = at;
    } while (!look_end(&slot->sequence, at));
    return 0;
}

int wtl_room_readings(const struct wtl_room *room, unsigned index, struct wtl_sim_readings *out,
                      struct wtl_error *err)
{
    if (index >= room->head->n_gpus)
        return WTL_FAIL(err, WTL_USAGE, "there is no GPU %u", index);
    const struct wtl_room_slot *slot =
        (const void *)((const char *)room->head + wtl_room_offset(index));
    struct wtl_sim_readings r;
    int spins = 0;
    uint32_t at, lost;
    do {
        int rc = look_begin(room, &slot->sequence, &spins, &at, err);
        if (rc < 0)
            return rc;
        lost = slot->lost;
        r = slot->readings;
    } while (!look_end(&slot->sequence, at));
    if (lost)
        return WTL_FAIL(err, WTL_LOST, "GPU %u is lost", index);
    *out = r;
    return 0;
}

int wtl_room_copy(const struct wtl_room *room, unsigned index, struct wtl_sim_gpu *out,
                  struct wtl_error *err)
{
    if (index >= room->head->n_gpus)
        return WTL_FAIL(err, WTL_USAGE, "there is no GPU %u", index);
    const struct wtl_room_slot *slot =
        (const void *)((const char *)room->head + wtl_room_offset(index));
    int rc = 0, spins = 0;
    uint32_t at;
    do {
        rc = look_begin(room, &slot->sequence, &spins, &at, err);
        if (rc == 0)
            copy_parts(out, &slot->gpu, WTL_ROOM_ALL);
    } while (rc == 0 && !look_end(&slot->sequence, at));
    return rc;
}

int wtl_room_state(const struct wtl_room *room, struct wtl_room_state *out, struct wtl_error *err)
{
    enum { FROM = offsetof(struct wtl_room_head, driver_loads) };
    struct wtl_room_head head;
    int rc = 0, spins = 0;
    uint32_t at;
    do {
        rc = look_begin(room, &room->head->sequence, &spins, &at, err);
        if (rc < 0)
            return rc;
        memcpy((char *)&head + FROM, (const char *)room->head + FROM, sizeof head - FROM);
    } while (!look_end(&room->head->sequence, at));
    *out = (struct wtl_room_state){
        .driver_loads = head.driver_loads,
        .mismatch = head.mismatch != 0,
        .accounting = head.accounting,
        .n_faults = head.n_faults < WTL_ROOM_FAULTS ? head.n_faults : WTL_ROOM_FAULTS,
    };
    memcpy(out->faults, head.faults, sizeof out->faults);
    return 0;
}

bool wtl_room_any_trouble(const struct wtl_room *room)
{
    const volatile uint32_t *n = &room->head->n_faults, *mismatch = &room->head->mismatch;
    return *n != 0 || *mismatch != 0;
}

int wtl_room_epoch(const struct wtl_room *room, char out[WTL_ROOM_EPOCH], struct wtl_error *err)
{
    struct wtl_room_state state;
    int rc = wtl_room_state(room, &state, err);
    if (rc == 0)
        snprintf(out, WTL_ROOM_EPOCH, "virtual-%llx-%u", (unsigned long long)room->start_unix_ns,
                 state.driver_loads);
    return rc;
}

/* ---- Asking ---------------------------------------------------------------------------------- */

/* Connects through the directory's descriptor: a Unix address is short, a path may be long. */
static int connect_socket(int dir_fd, struct wtl_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", dir_fd,
             WTL_ROOM_SOCKET);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return wtl_fail_errno(err, errno, "open", "a socket");
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    int why = errno;
    close(fd);
    if (why == ECONNREFUSED || why == ENOENT)
        return WTL_FAIL(err, WTL_LOST, "the host of the virtual machine room is gone");
    return wtl_fail_errno(err, why, "connect to", WTL_ROOM_SOCKET);
}

int wtl_room_terminate(const char *dir, int *pid_out, struct wtl_error *err)
{
    struct ucred host = {0};
    socklen_t size = sizeof host;
    int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return wtl_fail_errno(err, errno, "open", dir);
    int fd = connect_socket(dir_fd, err);
    close(dir_fd);
    if (fd < 0)
        return fd;
    int rc = 0;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &host, &size) != 0 || host.pid <= 0)
        rc = WTL_FAIL(err, WTL_FAILED, "cannot tell which process the machine room is");
    else if (kill(host.pid, SIGTERM) != 0)
        rc = wtl_fail_errno(err, errno, "end", "the machine room's process");
    close(fd);
    *pid_out = (int)host.pid;
    return rc;
}

static int gone(struct wtl_room *room, struct wtl_error *err)
{
    close_fd(&room->socket_fd);
    return WTL_FAIL(err, WTL_LOST, "the host of the virtual machine room is gone");
}

/* A connection in the place of what there was, which ends after it has begun: the driver of an NVML
 * client stays in use. */
static int reconnect(struct wtl_room *room, struct wtl_error *err)
{
    const struct wtl_room_request join = wtl_room_request(WTL_ROOM_JOIN, -1);
    if (!wtl_room_running(room)) /* the socket may be another host's by now */
        return gone(room, err);
    int fd = connect_socket(room->dir_fd, err);
    if (fd >= 0 && room->nvml &&
        send(fd, &join, sizeof join, MSG_NOSIGNAL) != (ssize_t)sizeof join) {
        close(fd);
        return gone(room, err);
    }
    close_fd(&room->socket_fd);
    room->socket_fd = fd;
    room->owner_pid = getpid();
    return fd < 0 ? fd : 0;
}

static int64_t monotonic_ms(void)
{
    struct wtl_clock clock = wtl_clock_system();
    return clock.monotonic_ns(clock.ctx) / 1000000;
}

/* 0 when there is something to read. */
static int wait_for_answer(struct wtl_room *room, struct wtl_error *err)
{
    int64_t end = monotonic_ms() + room->answer_ms;
    for (;;) {
        struct pollfd p = {.fd = room->socket_fd, .events = POLLIN};
        int64_t left = end - monotonic_ms();
        int n = poll(&p, 1, left > 0 ? (int)left : 0);
        if (n > 0)
            return 0;
        if (n == 0) {
            (void)reconnect(room, NULL); /* the answer must not be taken for the next one's */
            return WTL_FAIL(err, WTL_TIMEOUT, "the virtual machine room did not answer in %g s",
                            room->answer_ms / 1e3);
        }
        if (errno != EINTR)
            return gone(room, err);
    }
}

int wtl_room_ask(struct wtl_room *room, const struct wtl_room_request *request,
                 struct wtl_room_reply *reply, struct wtl_error *err)
{
    struct wtl_room_reply answer;
    int rc = 0;
    if (room->socket_fd < 0 || room->owner_pid != getpid()) /* none, or a parent's */
        rc = reconnect(room, err);
    if (rc < 0)
        return rc;
    ssize_t n;
    do
        n = send(room->socket_fd, request, sizeof *request, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof *request)
        return gone(room, err);
    rc = wait_for_answer(room, err);
    if (rc < 0)
        return rc;
    do
        n = recv(room->socket_fd, &answer, sizeof answer, 0);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return gone(room, err);
    rc = wtl_room_reply_result(&answer, (size_t)n, err);
    if (rc == 0 && reply)
        *reply = answer;
    return rc;
}

int wtl_room_library(char path_out[WTL_LIMIT_PATH], struct wtl_error *err)
{
    return wtl_library_path("sim/libnvidia-ml.so.1", "src/nvml-sim/library/libnvidia-ml.so.1",
                            path_out, err);
}
