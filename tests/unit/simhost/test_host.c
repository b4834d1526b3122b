/* SPDX-License-Identifier: Apache-2.0
 * A host in a process of its own, in real time: what clients see, ask, break and survive. */
#include "support/room.h"
#include "support/support.h"

#include "base/random.h"
#include "sim/readings.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { NOBODY = 65534 };

static struct wtl_sim_gpu copy; /* too large for comfort on a stack */

static void open_room(const struct test_room *t, struct wtl_room *room)
{
    struct wtl_error err = {0};
    assert_ok(wtl_room_open(t->dir, room, &err), &err);
}

static const struct wtl_sim_gpu *look(const struct wtl_room *room, unsigned gpu)
{
    struct wtl_error err = {0};
    assert_ok(wtl_room_copy(room, gpu, &copy, &err), &err);
    return &copy;
}

static int ask_lock(struct wtl_room *room, int gpu, unsigned mhz, struct wtl_error *err)
{
    struct wtl_room_request r = wtl_room_request(WTL_ROOM_LOCK_SM, gpu);
    r.u.lock.min_mhz = r.u.lock.max_mhz = mhz;
    return wtl_room_ask(room, &r, NULL, err);
}

static int ask_value(struct wtl_room *room, enum wtl_room_verb verb, int gpu, uint32_t value,
                     struct wtl_error *err)
{
    struct wtl_room_request r = wtl_room_request(verb, gpu);
    r.u.value = value;
    return wtl_room_ask(room, &r, NULL, err);
}

static struct wtl_room_request a_load(int gpu)
{
    struct wtl_room_request r = wtl_room_request(WTL_ROOM_LOAD_START, gpu);
    wtl_sim_workload_plain(&r.u.load.workload);
    r.u.load.share = 1;
    r.u.load.instance = -1;
    return r;
}

static pid_t start_load(struct wtl_room *room, const struct wtl_room_request *r)
{
    struct wtl_error err = {0};
    struct wtl_room_reply reply;
    assert_ok(wtl_room_ask(room, r, &reply, &err), &err);
    assert_true(reply.value > 0);
    return reply.value;
}

/* ---- Life ------------------------------------------------------------------------------------ */

struct later {
    const struct wtl_room *room;
    int64_t t_ns;
};

static bool time_is_past(void *ctx)
{
    const struct later *l = ctx;
    return wtl_sim_gpu_now_ns(look(l->room, 0)) > l->t_ns;
}

static void time_goes_on_and_files_go_away(void **state)
{
    (void)state;
    struct test_room t;
    struct wtl_room room;
    struct wtl_error err = {0};
    char dir[WTL_LIMIT_PATH], path[400];
    test_room_start(&t, 2, true);
    assert_ok(wtl_room_find(dir, &err), &err);
    assert_string_equal(dir, t.dir);
    open_room(&t, &room);
    struct later later = {&room, wtl_sim_gpu_now_ns(look(&room, 0)) + 50000000};
    assert_true(test_wait(time_is_past, &later));
    assert_true(look(&room, 1)->persistence);
    assert_int_equal(wtl_room_copy(&room, 2, &copy, &err), -(int)WTL_USAGE);
    assert_true(wtl_room_running(&room));
    assert_int_equal(test_room_end(&t, 0), 0);
    assert_false(wtl_room_running(&room));
    assert_int_equal(wtl_room_find(dir, &err), -(int)WTL_NOTFOUND);
    assert_non_null(strstr(err.hint, "wattle sim start"));
    const char *names[] = {WTL_ROOM_FILE, WTL_ROOM_SOCKET};
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", t.dir, names[i]);
        assert_int_equal(access(path, F_OK), -1);
    }
    assert_int_equal(ask_lock(&room, 0, 1000, &err), -(int)WTL_LOST);
    wtl_room_close(&room);
    wtl_room_close(&room);
    remove_tree(t.run);
}

static void a_second_host_is_refused(void **state)
{
    (void)state;
    struct test_room t;
    struct wtl_error err = {0};
    int fd = 4711;
    test_room_start(&t, 1, true);
    assert_int_equal(wtl_simhost_take(t.dir, &fd, &err), -(int)WTL_BUSY);
    assert_int_equal(fd, 4711);
    assert_non_null(strstr(err.hint, "wattle sim stop"));
    test_room_stop(&t);
}

/* Its file is gone, and it will be in a moment. */
static void a_host_that_ends_is_waited_for(void **state)
{
    (void)state;
    char dir[400], path[500], byte;
    struct wtl_error err = {0};
    int ends[2], fd = -1;
    make_temporary_directory(dir, sizeof dir);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        if (wtl_simhost_take(dir, &fd, &err) < 0 || write(ends[1], "", 1) != 1)
            _exit(1);
        usleep(50000);
        _exit(0);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    close(ends[0]);
    assert_ok(wtl_simhost_take(dir, &fd, &err), &err);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    snprintf(path, sizeof path, "%s/" WTL_ROOM_FILE, dir);
    int room = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(room >= 0);
    close(room);
    int second = -1;
    assert_int_equal(wtl_simhost_take(dir, &second, &err), -(int)WTL_BUSY); /* at once */
    close(fd);
    remove_tree(dir);
}

static void a_killed_host_is_noticed_and_replaced(void **state)
{
    (void)state;
    struct test_room t;
    struct wtl_room old, now;
    struct wtl_error err = {0};
    char before[WTL_ROOM_EPOCH], after[WTL_ROOM_EPOCH], path[400];
    test_room_start(&t, 1, true);
    open_room(&t, &old);
    assert_ok(wtl_room_epoch(&old, before, &err), &err);
    const struct wtl_room_request r = a_load(0);
    pid_t load = start_load(&old, &r);
    assert_true(WIFSIGNALED(test_room_end(&t, SIGKILL)));
    assert_false(wtl_room_running(&old));
    snprintf(path, sizeof path, "%s/%s", t.dir, WTL_ROOM_FILE);
    assert_int_equal(access(path, F_OK), 0); /* it could not clean up */
    struct wtl_room none;
    assert_int_equal(wtl_room_open(t.dir, &none, &err), -(int)WTL_NOTFOUND);
    test_room_start_again(&t, 2);
    assert_false(wtl_room_running(&old));
    for (int i = 0; i < 3; i++) /* the new host is not the old one's */
        assert_int_equal(ask_lock(&old, 0, 1000, &err), -(int)WTL_LOST);
    open_room(&t, &now);
    assert_int_equal(now.head->n_gpus, 2);
    assert_int_equal(look(&now, 0)->n_slots, 0);
    assert_ok(wtl_room_epoch(&now, after, &err), &err);
    assert_string_not_equal(before, after);
    (void)load; /* its end is the kernel's promise (PR_SET_PDEATHSIG) */
    wtl_room_close(&old);
    wtl_room_close(&now);
    test_room_stop(&t);
}

/* ---- Settings -------------------------------------------------------------------------------- */

static void settings_are_seen_by_everybody_at_once(void **state)
{
    (void)state;
    struct test_room t;
    struct wtl_room writer, reader;
    struct wtl_error err = {0};
    test_room_start(&t, 2, true);
    open_room(&t, &writer);
    open_room(&t, &reader);
    assert_ok(ask_lock(&writer, 1, 900, &err), &err);
    const struct wtl_sim_gpu *gpu = look(&reader, 1);
    assert_true(gpu->sm_lock.set);
    assert_int_equal(gpu->board.sm_clocks_mhz[gpu->sm_lock.lo], 900);
    assert_false(look(&reader, 0)->sm_lock.set);
    assert_ok(ask_value(&writer, WTL_ROOM_SET_LIMIT, 1, 200000, &err), &err);
    assert_near(look(&reader, 1)->limit_w, 200, 1e-9);
    assert_int_equal(ask_value(&writer, WTL_ROOM_SET_LIMIT, 1, 1000, &err), -(int)WTL_USAGE);
    assert_near(look(&reader, 1)->limit_w, 200, 1e-9);
    struct wtl_room_request reset = wtl_room_request(WTL_ROOM_RESET_SM, 1);
    assert_ok(wtl_room_ask(&writer, &reset, NULL, &err), &err);
    assert_false(look(&reader, 1)->sm_lock.set);
    wtl_room_close(&writer);
    wtl_room_close(&reader);
    test_room_stop(&t);
}

/* Runs `what` in a child as another user; its result, 0..100, is the child's status. */
static int as_nobody(int (*what)(const struct test_room *t), const struct test_room *t)
{
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(setgid(NOBODY) != 0 || setuid(NOBODY) != 0 ? 101 : what(t));
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int try_to_change_things(const struct test_room *t)
{
    struct wtl_room room;
    struct wtl_error err = {0};
    if (wtl_room_open(t->dir, &room, &err) < 0)
        return 1;
    if (wtl_room_copy(&room, 0, &copy, &err) < 0)
        return 2;
    for (int verb = WTL_ROOM_LOCK_SM; verb <= WTL_ROOM_STOP; verb++) {
        if (!wtl_room_privileged((enum wtl_room_verb)verb))
            continue;
        struct wtl_room_request r = wtl_room_request((enum wtl_room_verb)verb, 0);
        strcpy(r.u.fault.function, "*");
        if (verb == WTL_ROOM_FAULT_ADD)
            r.u.fault.nvml_return = 15;
        else
            memset(&r.u, 0, sizeof r.u);
        if (wtl_room_ask(&room, &r, NULL, &err) != -(int)WTL_PERMISSION)
            return 10 + verb;
    }
    const struct wtl_room_request load = a_load(0);
    struct wtl_room_reply reply;
    if (wtl_room_ask(&room, &load, &reply, &err) < 0)
        return 3;
    char path[64];
    struct stat st;
    snprintf(path, sizeof path, "/proc/%d", (int)reply.value);
    if (stat(path, &st) != 0 || st.st_uid != NOBODY)
        return 4;
    struct wtl_room_request foreign = a_load(0);
    foreign.u.load.pid = (int32_t)getppid(); /* root's */
    if (wtl_room_ask(&room, &foreign, NULL, &err) != -(int)WTL_PERMISSION)
        return 5;
    return 0;
}

static void another_user_looks_and_loads_and_changes_nothing(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip(); /* only root can become somebody else */
    struct test_room t;
    struct wtl_room room;
    struct wtl_error err = {0};
    test_room_start(&t, 1, true);
    assert_int_equal(as_nobody(try_to_change_things, &t), 0);
    open_room(&t, &room);
    assert_false(look(&room, 0)->sm_lock.set);
    assert_int_equal(look(&room, 0)->n_slots, 1);
    assert_ok(ask_lock(&room, 0, 900, &err), &err);
    wtl_room_close(&room);
    test_room_stop(&t);
}

/* ---- The sequence lock ----------------------------------------------------------------------- */

/* Locks both ends to one clock, and to another, as fast as it can, until it is killed. */
static void swing(const struct test_room *t)
{
    struct wtl_room room;
    struct wtl_error err;
    if (wtl_room_open(t->dir, &room, &err) < 0)
        _exit(1);
    for (unsigned i = 0;; i++)
        if (ask_lock(&room, 0, i % 2 ? 300 : 1200, &err) < 0)
            _exit(2);
}

/* What a kept view shows, of all parts or of the state alone, is of one moment. */
static void check_view(const struct wtl_room *room, unsigned parts)
{
    static struct wtl_room_view view;
    struct wtl_error err = {0};
    assert_ok(wtl_room_look(room, 0, parts, &view, &err), &err);
    const struct wtl_sim_gpu *gpu = &view.gpu;
    const struct wtl_sim_event *newest = &gpu->events[(gpu->n_events - 1) % WTL_SIM_EVENTS];
    assert_int_equal(gpu->sm_lock.lo, gpu->sm_lock.hi);
    assert_true(gpu->sensors.power_t_ns <= wtl_sim_gpu_now_ns(gpu));
    if (gpu->n_events > 0 && (view.held & WTL_ROOM_EVENTS))
        assert_true(newest->type != 0 && newest->t_ns <= wtl_sim_gpu_now_ns(gpu));
    else
        assert_int_equal(newest->type, 0);
}

static void copies_are_never_half_of_one_and_half_of_another(void **state)
{
    (void)state;
    struct test_room t;
    struct wtl_room room;
    test_room_start(&t, 1, true);
    fflush(NULL);
    pid_t swinger = fork();
    if (swinger == 0)
        swing(&t);
    open_room(&t, &room);
    int changes = 0, last = -1;
    /* On a busy machine the other one may not run for a while. */
    for (int i = 0; i < 20000 || (changes <= 20 && i < 20000000); i++) {
        const struct wtl_sim_gpu *gpu = look(&room, 0);
        assert_int_equal(gpu->sm_lock.lo, gpu->sm_lock.hi);
        assert_true(gpu->sm_lock.set || gpu->sm_lock.lo == 0);
        check_view(&room, i % 3 ? 0 : WTL_ROOM_ALL);
        changes += gpu->sm_lock.lo != last;
        last = gpu->sm_lock.lo;
    }
    assert_true(changes > 20);
    int status = 0;
    assert_int_equal(kill(swinger, SIGKILL), 0);
    assert_int_equal(waitpid(swinger, &status, 0), swinger);
    assert_true(WIFSIGNALED(status));
    wtl_room_close(&room);
    test_room_stop(&t);
}

/* Lists that were not asked for are empty, never those of an earlier moment. */
static void a_view_has_what_was_asked_for(void **state)
{
    (void)state;
    struct test_room t;
    struct wtl_room room;
    struct wtl_error err = {0};
    static struct wtl_room_view view;
    test_room_start(&t, 1, true);
    open_room(&t, &room);
    const struct wtl_room_request load = a_load(0);
    assert_ok(wtl_room_ask(&room, &load, NULL, &err), &err);
    assert_ok(wtl_room_look(&room, 0, WTL_ROOM_BOARD, &view, &err), &err);
    assert_int_equal(view.gpu.board.n_sm, look(&room, 0)->board.n_sm);
    assert_int_equal(view.gpu.n_slots, 0);
    assert_ok(wtl_room_look(&room, 0, WTL_ROOM_PROCESSES | WTL_ROOM_RINGS, &view, &err), &err);
    assert_int_equal(view.gpu.n_slots, 1);
    assert_string_equal(view.gpu.slots[0].process.name, look(&room, 0)->slots[0].process.name);
    const int64_t tick = view.gpu.tick;
    struct later later = {&room, wtl_sim_gpu_now_ns(&view.gpu) + 500000000};
    assert_true(test_wait(time_is_past, &later));
    assert_ok(wtl_room_look(&room, 0, WTL_ROOM_RINGS, &view, &err), &err);
    assert_true(view.gpu.tick > tick);
    assert_int_equal(view.gpu.n_slots, 0);
    assert_true(view.gpu.sensors.rings[WTL_SIM_RING_POWER].n > 0);
    assert_int_equal(view.gpu.board.n_sm, look(&room, 0)->board.n_sm);
    assert_int_equal(wtl_room_look(&room, 1, 0, &view, &err), -(int)WTL_USAGE);
    wtl_room_close(&room);
    test_room_stop(&t);
}

/* ---- Malformed clients ----------------------------------------------------------------------- */

static int raw_connection(const struct test_room *t)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int dir = open(t->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", dir,
             WTL_ROOM_SOCKET);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    close(dir);
    return fd;
}

static void nonsense_is_answered_and_does_no_harm(void **state)
{
    (void)state;
    struct test_room t;
    struct wtl_room room;
    struct wtl_rng rng;
    struct wtl_error err = {0};
    test_room_start(&t, 1, true);
    wtl_rng_init(&rng, 7);
    int fd = raw_connection(&t);
    for (int i = 0; i < 2000; i++) {
        unsigned char bytes[2 * sizeof(struct wtl_room_request)];
        struct wtl_room_reply reply;
        for (size_t k = 0; k < sizeof bytes; k++)
            bytes[k] = (unsigned char)wtl_rng_below(&rng, 256);
        struct wtl_room_request head = wtl_room_request(WTL_ROOM_HELLO, 0);
        head.verb = wtl_rng_below(&rng, WTL_ROOM_STOP); /* all but the end */
        size_t n = 1 + wtl_rng_below(&rng, sizeof bytes);
        if (i % 2) { /* a good head on a bad body */
            memcpy(bytes, &head, offsetof(struct wtl_room_request, u));
            n = sizeof head;
        }
        assert_int_equal(send(fd, bytes, n, MSG_NOSIGNAL), (ssize_t)n);
        assert_int_equal(recv(fd, &reply, sizeof reply, 0), (ssize_t)sizeof reply);
        assert_int_equal(reply.version, WTL_ROOM_VERSION);
    }
    close(fd);
    open_room(&t, &room);
    struct wtl_room_request hello = wtl_room_request(WTL_ROOM_HELLO, -1);
    assert_ok(wtl_room_ask(&room, &hello, NULL, &err), &err);
    wtl_room_close(&room);
    test_room_stop(&t);
}

static void a_client_that_never_reads_is_dropped(void **state)
{
    (void)state;
    struct test_room t;
    struct wtl_room room;
    struct wtl_error err = {0};
    test_room_start(&t, 1, true);
    int fd = raw_connection(&t);
    const struct wtl_room_request hello = wtl_room_request(WTL_ROOM_HELLO, -1);
    int sent = 0;
    while (send(fd, &hello, sizeof hello, MSG_NOSIGNAL) == (ssize_t)sizeof hello && sent < 100000)
        sent++;
    assert_true(sent < 100000); /* the connection ended */
    close(fd);
    open_room(&t, &room);
    assert_ok(ask_lock(&room, 0, 900, &err), &err);
    wtl_room_close(&room);
    test_room_stop(&t);
}

/* A holder that is killed with its wish under way: what its guardian puts right must stay so. */
static void a_wish_of_the_dead_is_not_fulfilled(void **state)
{
    (void)state;
    struct test_room t;
    struct wtl_room room;
    struct wtl_error err = {0};
    test_room_start(&t, 1, true);
    open_room(&t, &room);
    assert_ok(ask_lock(&room, 0, 900, &err), &err);
    int fd = raw_connection(&t);
    struct wtl_room_request r = wtl_room_request(WTL_ROOM_SET_LIMIT, 0);
    r.u.value = 150000;
    assert_int_equal(kill(t.host, SIGSTOP), 0);
    assert_int_equal(send(fd, &r, sizeof r, MSG_NOSIGNAL), sizeof r);
    close(fd);
    assert_int_equal(kill(t.host, SIGCONT), 0);
    assert_ok(ask_lock(&room, 0, 885, &err), &err); /* its turn came before, or not at all */
    assert_ok(ask_lock(&room, 0, 870, &err), &err);
    assert_near(look(&room, 0)->limit_w, 250, 1e-9);
    wtl_room_close(&room);
    test_room_stop(&t);
}

/* ---- Loads ----------------------------------------------------------------------------------- */

static bool gpu_is_empty(void *ctx)
{
    return look(ctx, 0)->n_slots == 0;
}

static bool is_gone(pid_t pid)
{
    return kill(pid, 0) != 0;
}

static bool process_is_gone(void *pid)
{
    return is_gone(*(const pid_t *)pid);
}

static void a_load_is_a_process(void **state)
{
    (void)state;
    struct test_room t;
    struct wtl_room room;
    struct wtl_error err = {0};
    test_room_start(&t, 1, true);
    open_room(&t, &room);
    const struct wtl_room_request r = a_load(0);
    pid_t pid = start_load(&room, &r);
    assert_false(is_gone(pid));
    assert_int_equal(look(&room, 0)->n_slots, 1);
    assert_int_equal(look(&room, 0)->slots[0].process.pid, pid);
    char path[64], name[32] = "";
    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(name, sizeof name, f));
    fclose(f);
    assert_string_equal(name, "plain\n");
    char title[256] = "";
    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    f = fopen(path, "r");
    assert_non_null(f);
    size_t n = fread(title, 1, sizeof title, f); /* to its end: no host's arguments behind it */
    fclose(f);
    assert_string_equal(title, "plain (virtual load on GPU 0)");
    assert_int_equal(n, strlen(title) + 1);
    /* stopped by request */
    assert_ok(ask_value(&room, WTL_ROOM_LOAD_STOP, -1, (uint32_t)pid, &err), &err);
    assert_true(is_gone(pid));
    assert_int_equal(look(&room, 0)->n_slots, 0);
    assert_int_equal(ask_value(&room, WTL_ROOM_LOAD_STOP, -1, (uint32_t)pid, &err),
                     -(int)WTL_NOTFOUND);
    /* killed */
    pid = start_load(&room, &r);
    assert_int_equal(kill(pid, SIGTERM), 0);
    assert_true(test_wait(gpu_is_empty, &room));
    /* over */
    struct wtl_room_request brief = a_load(0);
    brief.u.load.duration_s = 0.05;
    pid = start_load(&room, &brief);
    assert_true(test_wait(gpu_is_empty, &room));
    assert_true(test_wait(process_is_gone, &pid)); /* the host takes it off the GPU first */
    /* none that can be */
    struct wtl_room_request none = a_load(0);
    none.u.load.workload.phases[0].fits[0].launch_s = 0;
    assert_int_equal(wtl_room_ask(&room, &none, NULL, &err), -(int)WTL_USAGE);
    none = a_load(0);
    none.u.load.batch = 1 << 20;
    assert_int_equal(wtl_room_ask(&room, &none, NULL, &err), -(int)WTL_USAGE);
    assert_int_equal(look(&room, 0)->n_slots, 0);
    wtl_room_close(&room);
    test_room_stop(&t);
}

static void a_load_ends_with_the_process_that_it_was_given(void **state)
{
    (void)state;
    struct test_room t;
    struct wtl_room room;
    test_room_start(&t, 1, true);
    open_room(&t, &room);
    fflush(NULL);
    pid_t client = fork();
    if (client == 0)
        for (;;)
            pause();
    struct wtl_room_request r = a_load(0);
    r.u.load.pid = client;
    assert_int_equal(start_load(&room, &r), client);
    assert_int_equal(look(&room, 0)->n_slots, 1);
    assert_int_equal(kill(client, SIGKILL), 0);
    assert_int_equal(waitpid(client, NULL, 0), client);
    assert_true(test_wait(gpu_is_empty, &room));
    wtl_room_close(&room);
    test_room_stop(&t);
}

static void a_lost_gpu_takes_its_loads_with_it(void **state)
{
    (void)state;
    struct test_room t;
    struct wtl_room room;
    struct wtl_error err = {0};
    test_room_start(&t, 1, true);
    open_room(&t, &room);
    const struct wtl_room_request r = a_load(0);
    pid_t pid = start_load(&room, &r);
    struct wtl_room_request lose = wtl_room_request(WTL_ROOM_GPU_FAULT, 0);
    lose.u.gpu_fault.what = WTL_ROOM_GPU_LOSE;
    assert_ok(wtl_room_ask(&room, &lose, NULL, &err), &err);
    assert_true(look(&room, 0)->lost);
    assert_true(is_gone(pid));
    assert_int_equal(ask_lock(&room, 0, 900, &err), -(int)WTL_LOST);
    wtl_room_close(&room);
    test_room_stop(&t);
}

/* ---- Faults ---------------------------------------------------------------------------------- */

static void a_driver_reload_is_another_epoch_and_forgets_settings(void **state)
{
    (void)state;
    struct test_room t;
    struct wtl_room room;
    struct wtl_error err = {0};
    char before[WTL_ROOM_EPOCH], after[WTL_ROOM_EPOCH];
    test_room_start(&t, 2, true);
    open_room(&t, &room);
    assert_ok(ask_lock(&room, 0, 900, &err), &err);
    assert_ok(ask_value(&room, WTL_ROOM_SET_LIMIT, 1, 200000, &err), &err);
    assert_ok(wtl_room_epoch(&room, before, &err), &err);
    struct wtl_room_request reload = wtl_room_request(WTL_ROOM_GPU_FAULT, -1);
    reload.u.gpu_fault.what = WTL_ROOM_DRIVER_RELOAD;
    assert_ok(wtl_room_ask(&room, &reload, NULL, &err), &err);
    assert_ok(wtl_room_epoch(&room, after, &err), &err);
    assert_string_not_equal(before, after);
    assert_false(look(&room, 0)->sm_lock.set);
    assert_true(look(&room, 0)->persistence); /* the daemon sets it again */
    assert_near(look(&room, 1)->limit_w, copy.board.limit_w_default, 1e-9);
    wtl_room_close(&room);
    test_room_stop(&t);
}

static int call(struct wtl_room *room, const char *function, int gpu)
{
    struct wtl_room_request r = wtl_room_request(WTL_ROOM_CALL, gpu);
    struct wtl_room_reply reply;
    struct wtl_error err = {0};
    strcpy(r.u.function, function);
    assert_ok(wtl_room_ask(room, &r, &reply, &err), &err);
    return reply.value;
}

static void faults_of_calls_count_over_all_clients(void **state)
{
    (void)state;
    struct test_room t;
    struct wtl_room a, b;
    struct wtl_room_state seen;
    struct wtl_error err = {0};
    test_room_start(&t, 2, true);
    open_room(&t, &a);
    open_room(&t, &b);
    assert_false(wtl_room_any_trouble(&a));
    struct wtl_room_request r = wtl_room_request(WTL_ROOM_FAULT_ADD, -1);
    r.u.fault = (struct wtl_room_fault){
        .function = "nvmlDeviceSet*", .gpu = 1, .nvml_return = 15, .skip = 1, .count = 1};
    assert_ok(wtl_room_ask(&a, &r, NULL, &err), &err);
    assert_true(wtl_room_any_trouble(&b));
    assert_int_equal(call(&a, "nvmlDeviceGetName", 1), 0);
    assert_int_equal(call(&a, "nvmlDeviceSetPersistenceMode", 0), 0);
    assert_int_equal(call(&a, "nvmlDeviceSetPersistenceMode", 1), 0); /* the first goes well */
    assert_int_equal(call(&b, "nvmlDeviceSetGpuLockedClocks", 1), 15);
    assert_int_equal(call(&a, "nvmlDeviceSetGpuLockedClocks", 1), 0);
    assert_ok(wtl_room_state(&b, &seen, &err), &err);
    assert_int_equal(seen.n_faults, 1);
    assert_int_equal(seen.faults[0].n_calls, 3);
    assert_int_equal(seen.faults[0].n_hits, 1);
    struct wtl_room_request clear = wtl_room_request(WTL_ROOM_FAULT_CLEAR, -1);
    assert_ok(wtl_room_ask(&a, &clear, NULL, &err), &err);
    assert_false(wtl_room_any_trouble(&b));
    for (int i = 0; i < WTL_ROOM_FAULTS; i++)
        assert_ok(wtl_room_ask(&a, &r, NULL, &err), &err);
    assert_int_equal(wtl_room_ask(&a, &r, NULL, &err), -(int)WTL_LIMIT);
    wtl_room_close(&a);
    wtl_room_close(&b);
    test_room_stop(&t);
}

static bool is_let_go(void *ctx)
{
    return !look(ctx, 0)->sm_lock.set;
}

/* After 50 ms and three requests of a new connection's, which have their turn after what waited. */
static bool is_let_go_soon(struct wtl_room *looker)
{
    struct wtl_error err = {0};
    struct later later = {looker, wtl_sim_gpu_now_ns(look(looker, 0)) + 50000000};
    assert_true(test_wait(time_is_past, &later));
    for (int i = 0; i < 3; i++)
        assert_ok(ask_value(looker, WTL_ROOM_HELLO, -1, 0, &err), &err);
    return is_let_go(looker);
}

static void without_persistence_the_last_client_takes_the_settings_along(void **state)
{
    (void)state;
    struct test_room t;
    struct wtl_room first, second, looker;
    struct wtl_error err = {0};
    test_room_start(&t, 1, false);
    open_room(&t, &first);
    open_room(&t, &second);
    open_room(&t, &looker);
    first.nvml = second.nvml = true;
    assert_ok(ask_value(&second, WTL_ROOM_HELLO, -1, 0, &err), &err);
    assert_ok(ask_lock(&first, 0, 900, &err), &err);
    wtl_room_close(&first);
    assert_false(is_let_go_soon(&looker));
    wtl_room_close(&second);
    assert_true(test_wait(is_let_go, &looker));
    wtl_room_close(&looker);
    test_room_stop(&t);
}

/* It comes back before its old connection ends, and its wish is not fulfilled meanwhile. */
static void a_client_that_was_not_answered_keeps_its_settings(void **state)
{
    (void)state;
    struct test_room t;
    struct wtl_room client, looker;
    struct wtl_error err = {0};
    test_room_start(&t, 1, false);
    open_room(&t, &client);
    open_room(&t, &looker);
    client.nvml = true;
    assert_ok(ask_lock(&client, 0, 900, &err), &err);
    client.answer_ms = 20;
    assert_int_equal(kill(t.host, SIGSTOP), 0);
    assert_int_equal(ask_value(&client, WTL_ROOM_SET_LIMIT, 0, 150000, &err), -(int)WTL_TIMEOUT);
    assert_int_equal(ask_value(&client, WTL_ROOM_SET_LIMIT, 0, 160000, &err), -(int)WTL_TIMEOUT);
    assert_int_equal(kill(t.host, SIGCONT), 0);
    assert_false(is_let_go_soon(&looker));
    assert_near(look(&looker, 0)->limit_w, 250, 1e-9);
    client.answer_ms = 5000;
    assert_ok(ask_value(&client, WTL_ROOM_SET_LIMIT, 0, 170000, &err), &err);
    assert_near(look(&looker, 0)->limit_w, 170, 1e-9);
    assert_true(look(&looker, 0)->sm_lock.set);
    wtl_room_close(&client);
    assert_true(test_wait(is_let_go, &looker));
    wtl_room_close(&looker);
    test_room_stop(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_goes_on_and_files_go_away),
        cmocka_unit_test(a_second_host_is_refused),
        cmocka_unit_test(a_host_that_ends_is_waited_for),
        cmocka_unit_test(a_killed_host_is_noticed_and_replaced),
        cmocka_unit_test(settings_are_seen_by_everybody_at_once),
        cmocka_unit_test(another_user_looks_and_loads_and_changes_nothing),
        cmocka_unit_test(copies_are_never_half_of_one_and_half_of_another),
        cmocka_unit_test(a_view_has_what_was_asked_for),
        cmocka_unit_test(nonsense_is_answered_and_does_no_harm),
        cmocka_unit_test(a_client_that_never_reads_is_dropped),
        cmocka_unit_test(a_wish_of_the_dead_is_not_fulfilled),
        cmocka_unit_test(a_load_is_a_process),
        cmocka_unit_test(a_load_ends_with_the_process_that_it_was_given),
        cmocka_unit_test(a_lost_gpu_takes_its_loads_with_it),
        cmocka_unit_test(a_driver_reload_is_another_epoch_and_forgets_settings),
        cmocka_unit_test(faults_of_calls_count_over_all_clients),
        cmocka_unit_test(without_persistence_the_last_client_takes_the_settings_along),
        cmocka_unit_test(a_client_that_was_not_answered_keeps_its_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
