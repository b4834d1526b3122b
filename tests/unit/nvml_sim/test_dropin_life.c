/* SPDX-License-Identifier: Apache-2.0
 * The drop-in without a host, with one that dies, under another uid, in several processes and
 * threads at once. */
#include "support/dropin.h"
#include "support/room.h"
#include "support/support.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY = 65534, THREADS = 4, CALLS = 300 };

static struct dropin nvml;

static int open_library(void **state)
{
    (void)state;
    dropin_open(&nvml);
    return 0;
}

static int close_library(void **state)
{
    (void)state;
    dropin_close(&nvml);
    return 0;
}

static void without_a_host_there_is_no_driver(void **state)
{
    (void)state;
    char dir[256], text[80];
    unsigned n = 4711;
    make_temporary_directory(dir, sizeof dir);
    setenv("WATTLE_RUN_DIR", dir, 1);
    assert_int_equal(nvml.nvmlInit_v2(), NVML_DRIVER_NOT_LOADED);
    assert_int_equal(nvml.nvmlInit(), NVML_DRIVER_NOT_LOADED);
    assert_int_equal(nvml.nvmlInitWithFlags(NVML_INIT_NO_GPUS), NVML_DRIVER_NOT_LOADED);
    assert_int_equal(nvml.nvmlDeviceGetCount_v2(&n), NVML_UNINITIALIZED);
    assert_int_equal(nvml.nvmlSystemGetDriverVersion(text, sizeof text), NVML_UNINITIALIZED);
    assert_int_equal(nvml.nvmlDeviceGetPowerUsage(NULL, &n), NVML_UNINITIALIZED);
    assert_int_equal(nvml.nvmlWattleEpoch(text, sizeof text), NVML_UNINITIALIZED);
    assert_int_equal(nvml.nvmlShutdown(), NVML_UNINITIALIZED);
    assert_int_equal(n, 4711);
    remove_tree(dir);
    unsetenv("WATTLE_RUN_DIR");
}

static void init_counts_its_callers(void **state)
{
    (void)state;
    struct test_room room;
    struct nvml_device *d = NULL;
    unsigned n = 0;
    test_room_start(&room, 1, true);
    assert_int_equal(nvml.nvmlInit_v2(), 0);
    assert_int_equal(nvml.nvmlInit(), 0);
    assert_int_equal(nvml.nvmlShutdown(), 0);
    assert_int_equal(nvml.nvmlDeviceGetCount(&n), 0);
    assert_int_equal(nvml.nvmlDeviceGetHandleByIndex(0, &d), 0);
    assert_int_equal(nvml.nvmlShutdown(), 0);
    assert_int_equal(nvml.nvmlDeviceGetCount(&n), NVML_UNINITIALIZED);
    assert_int_equal(nvml.nvmlDeviceGetPowerUsage(d, &n), NVML_UNINITIALIZED);
    assert_int_equal(nvml.nvmlShutdown(), NVML_UNINITIALIZED);
    test_room_stop(&room);
}

static void a_host_that_is_killed_is_a_lost_gpu_until_init(void **state)
{
    (void)state;
    struct test_room room;
    struct nvml_device *d = NULL;
    unsigned mw = 0, n = 0;
    char before[64], after[64];
    test_room_start(&room, 1, true);
    assert_int_equal(nvml.nvmlInit_v2(), 0);
    assert_int_equal(nvml.nvmlDeviceGetHandleByIndex_v2(0, &d), 0);
    assert_int_equal(nvml.nvmlDeviceSetGpuLockedClocks(d, 900, 900), 0);
    assert_int_equal(nvml.nvmlWattleEpoch(before, sizeof before), 0);
    assert_true(WIFSIGNALED(test_room_end(&room, SIGKILL)));
    assert_int_equal(nvml.nvmlDeviceGetPowerUsage(d, &mw), NVML_GPU_IS_LOST);
    assert_int_equal(nvml.nvmlDeviceSetGpuLockedClocks(d, 900, 900), NVML_GPU_IS_LOST);
    assert_int_equal(nvml.nvmlDeviceGetCount_v2(&n), NVML_DRIVER_NOT_LOADED);
    assert_int_equal(nvml.nvmlWattleEpoch(after, sizeof after), NVML_DRIVER_NOT_LOADED);
    test_room_start_again(&room, 1);
    assert_int_equal(nvml.nvmlDeviceGetPowerUsage(d, &mw), NVML_GPU_IS_LOST);
    assert_int_equal(nvml.nvmlShutdown(), 0);
    assert_int_equal(nvml.nvmlInit_v2(), 0);
    assert_int_equal(nvml.nvmlDeviceGetHandleByIndex_v2(0, &d), 0);
    assert_int_equal(nvml.nvmlDeviceGetPowerUsage(d, &mw), 0);
    assert_int_equal(nvml.nvmlWattleEpoch(after, sizeof after), 0);
    assert_string_not_equal(before, after);
    assert_int_equal(nvml.nvmlShutdown(), 0);
    test_room_stop(&room);
}

/* ---- Others ---------------------------------------------------------------------------------- */

static int child_status(pid_t pid)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* In a child: what a user without rights may do. */
static int try_as_nobody(void)
{
    struct nvml_device *d;
    unsigned mw, mode;
    if (setgid(NOBODY) != 0 || setuid(NOBODY) != 0)
        return 1;
    if (nvml.nvmlInit_v2() != 0 || nvml.nvmlDeviceGetHandleByIndex_v2(0, &d) != 0)
        return 2;
    if (nvml.nvmlDeviceGetPowerUsage(d, &mw) != 0 || nvml.nvmlDeviceGetPersistenceMode(d, &mode))
        return 3;
    if (nvml.nvmlDeviceSetGpuLockedClocks(d, 900, 900) != NVML_NO_PERMISSION ||
        nvml.nvmlDeviceResetGpuLockedClocks(d) != NVML_NO_PERMISSION ||
        nvml.nvmlDeviceSetMemoryLockedClocks(d, 900, 900) != NVML_NO_PERMISSION ||
        nvml.nvmlDeviceSetPowerManagementLimit(d, 200000) != NVML_NO_PERMISSION ||
        nvml.nvmlDeviceSetPersistenceMode(d, 0) != NVML_NO_PERMISSION ||
        nvml.nvmlDeviceSetComputeMode(d, 3) != NVML_NO_PERMISSION ||
        nvml.nvmlDeviceSetAccountingMode(d, 1) != NVML_NO_PERMISSION)
        return 4;
    return nvml.nvmlShutdown() == 0 ? 0 : 5;
}

static void another_user_reads_and_is_refused_to_set(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip(); /* only root can become somebody else */
    struct test_room room;
    test_room_start(&room, 1, true);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(try_as_nobody());
    assert_int_equal(child_status(pid), 0);
    test_room_stop(&room);
}

/* Sets its own GPU to and fro, and looks that nobody else's hand was in it. */
static int set_and_look(unsigned index)
{
    struct nvml_device *d;
    if (nvml.nvmlDeviceGetHandleByIndex_v2(index, &d) != 0)
        return 1;
    for (unsigned i = 0; i < CALLS; i++) {
        unsigned want = 150000 + (i * 7 + index) % 100 * 1000, got = 0;
        if (nvml.nvmlDeviceSetPowerManagementLimit(d, want) != 0)
            return 2;
        if (nvml.nvmlDeviceGetPowerManagementLimit(d, &got) != 0 || got != want)
            return 3;
    }
    return 0;
}

static void two_processes_set_at_once(void **state)
{
    (void)state;
    struct test_room room;
    pid_t pids[2];
    test_room_start(&room, 2, true);
    fflush(NULL);
    for (unsigned i = 0; i < 2; i++) {
        pids[i] = fork();
        if (pids[i] == 0)
            _exit(nvml.nvmlInit_v2() != 0 ? 9 : set_and_look(i));
    }
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(child_status(pids[i]), 0);
    test_room_stop(&room);
}

static void a_fork_asks_for_itself(void **state)
{
    (void)state;
    struct test_room room;
    test_room_start(&room, 2, true);
    assert_int_equal(nvml.nvmlInit_v2(), 0);
    assert_int_equal(set_and_look(0), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(set_and_look(1));
    assert_int_equal(set_and_look(0), 0);
    assert_int_equal(child_status(pid), 0);
    assert_int_equal(nvml.nvmlShutdown(), 0);
    test_room_stop(&room);
}

/* Sets through a connection of its own, waits for the parent's end, and sees what it set. */
static int set_and_keep(int go_on_fd)
{
    struct nvml_device *d;
    unsigned mw = 0;
    char byte;
    if (nvml.nvmlDeviceGetHandleByIndex_v2(0, &d) != 0 ||
        nvml.nvmlDeviceSetPowerManagementLimit(d, 150000) != 0)
        return 1;
    if (write(go_on_fd, "s", 1) != 1 || read(go_on_fd, &byte, 1) != 1)
        return 2;
    for (int i = 0; i < 20; i++) { /* each of them after what the host had to do before */
        if (nvml.nvmlDeviceSetComputeMode(d, 0) != 0)
            return 3;
        usleep(1000);
    }
    return nvml.nvmlDeviceGetPowerManagementLimit(d, &mw) != 0 || mw != 150000 ? 4 : 0;
}

static void a_fork_is_a_client_of_its_own(void **state)
{
    (void)state;
    struct test_room room;
    int ends[2];
    char byte;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    test_room_start(&room, 1, false);
    assert_int_equal(nvml.nvmlInit_v2(), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(set_and_keep(ends[1]));
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_equal(nvml.nvmlShutdown(), 0);
    assert_int_equal(write(ends[0], "g", 1), 1);
    assert_int_equal(child_status(pid), 0);
    close(ends[0]);
    close(ends[1]);
    test_room_stop(&room);
}

static atomic_bool enough;

static void *set_until_enough(void *d)
{
    while (!atomic_load(&enough))
        if (nvml.nvmlDeviceSetGpuLockedClocks(d, 900, 900) != 0)
            return d;
    return NULL;
}

static int init_and_read(void)
{
    struct nvml_device *d;
    unsigned mw;
    alarm(5); /* a lock that its owner left */
    if (nvml.nvmlInit_v2() != 0 || nvml.nvmlDeviceGetHandleByIndex_v2(1, &d) != 0)
        return 1;
    return nvml.nvmlDeviceSetPowerManagementLimit(d, 200000) != 0 ||
           nvml.nvmlDeviceGetPowerUsage(d, &mw) != 0;
}

static void a_fork_while_threads_call(void **state)
{
    (void)state;
    enum { FORKS = 60 };
    struct test_room room;
    struct nvml_device *d = NULL;
    pthread_t threads[THREADS];
    test_room_start(&room, 2, true);
    assert_int_equal(nvml.nvmlInit_v2(), 0);
    assert_int_equal(nvml.nvmlDeviceGetHandleByIndex_v2(0, &d), 0);
    atomic_store(&enough, false);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, set_until_enough, d), 0);
    fflush(NULL);
    int bad = 0;
    for (int i = 0; i < FORKS && bad == 0; i++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(init_and_read());
        bad = child_status(pid);
    }
    atomic_store(&enough, true);
    for (int i = 0; i < THREADS; i++) {
        void *failed = NULL;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    assert_int_equal(bad, 0);
    assert_int_equal(nvml.nvmlShutdown(), 0);
    test_room_stop(&room);
}

static int open_descriptors(void)
{
    int n = 0;
    for (int fd = 0; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* More often than a process has keys, and without nvmlShutdown() as some clients do. */
static void opened_and_closed_more_often_than_there_are_keys(void **state)
{
    (void)state;
    enum { TIMES = 1100 };
    struct test_room room;
    struct nvml_device *d = NULL;
    unsigned mw = 0;
    dropin_close(&nvml);
    test_room_start(&room, 1, true);
    const int before = open_descriptors();
    for (int i = 0; i < TIMES; i++) {
        dropin_open(&nvml);
        assert_int_equal(nvml.nvmlInit_v2(), 0);
        assert_int_equal(nvml.nvmlDeviceGetHandleByIndex_v2(0, &d), 0);
        assert_int_equal(nvml.nvmlDeviceGetPowerUsage(d, &mw), 0);
        dropin_close(&nvml);
    }
    assert_int_equal(open_descriptors(), before);
    test_room_stop(&room);
    dropin_open(&nvml);
}

static void *one_thread(void *index)
{
    int rc = set_and_look((unsigned)(uintptr_t)index);
    return (void *)(uintptr_t)rc;
}

static void threads_call_at_once(void **state)
{
    (void)state;
    struct test_room room;
    pthread_t threads[THREADS];
    test_room_start(&room, 2, true);
    assert_int_equal(nvml.nvmlInit_v2(), 0);
    for (uintptr_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, one_thread, (void *)i), 0);
    for (int i = 0; i < 2; i++) {
        void *result = NULL;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_null(result);
    }
    assert_int_equal(nvml.nvmlShutdown(), 0);
    test_room_stop(&room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_host_there_is_no_driver),
        cmocka_unit_test(init_counts_its_callers),
        cmocka_unit_test(a_host_that_is_killed_is_a_lost_gpu_until_init),
        cmocka_unit_test(another_user_reads_and_is_refused_to_set),
        cmocka_unit_test(two_processes_set_at_once),
        cmocka_unit_test(a_fork_asks_for_itself),
        cmocka_unit_test(a_fork_is_a_client_of_its_own),
        cmocka_unit_test(threads_call_at_once),
        cmocka_unit_test(a_fork_while_threads_call),
        cmocka_unit_test(opened_and_closed_more_often_than_there_are_keys),
    };
    return cmocka_run_group_tests(tests, open_library, close_library);
}
