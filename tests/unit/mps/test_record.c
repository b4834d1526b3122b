/* SPDX-License-Identifier: Apache-2.0
 * Records of control daemons, and whose processes they name. */
#include "support/support.h"

#include "base/file.h"
#include "mps/daemon.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct wtl_error err;

static struct wtl_mps_record sample(void)
{
    struct wtl_mps_record r = {.token = "4711-99",
                               .standing = true,
                               .owner = {.uid = 12, .pid = 4711, .start_ticks = 99, .user = "eva"},
                               .boot = "b",
                               .since_ns = 5,
                               .dir = "/run/wattle/mps/4711-99",
                               .daemon = {.uid = 12, .pid = 4712, .start_ticks = 100},
                               .n_servers = 1};
    r.servers[0] = (struct wtl_lease_owner){.uid = 12, .pid = 4713, .start_ticks = 101};
    return r;
}

static void encode(const struct wtl_mps_record *r, struct wtl_buf *out)
{
    wtl_buf_init(out, wtl_alloc_system(), 1 << 16);
    assert_ok(wtl_mps_record_encode(r, out, &err), &err);
}

static void reads_back_what_it_wrote(void **state)
{
    struct wtl_mps_record r = sample(), back;
    struct wtl_buf text;
    (void)state;
    encode(&r, &text);
    assert_ok(wtl_mps_record_decode(wtl_buf_str(&text), text.len, "x", &back, &err), &err);
    assert_string_equal(back.token, r.token);
    assert_string_equal(back.dir, r.dir);
    assert_true(back.standing);
    assert_int_equal(back.owner.uid, 12);
    assert_int_equal(back.daemon.start_ticks, 100);
    assert_int_equal(back.n_servers, 1);
    assert_int_equal(back.servers[0].pid, 4713);
    wtl_buf_fini(&text);
}

/* A record is a reason to remove a folder: one that names any other is no record. */
static void a_folder_that_is_not_its_own_is_refused(void **state)
{
    static const char *const wrong[] = {"/home/eva", "/run/wattle/mps/4711-98", "mps/4711-99",
                                        "/run/../mps/4711-99", "/etc"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct wtl_mps_record r = sample(), back = {.token = "kept"};
        struct wtl_buf text;
        (void)snprintf(r.dir, sizeof r.dir, "%s", wrong[i]);
        encode(&r, &text);
        assert_int_equal(wtl_mps_record_decode(wtl_buf_str(&text), text.len, "x", &back, &err),
                         -WTL_CORRUPT);
        assert_string_equal(back.token, "kept");
        assert_int_equal(wtl_mps_record_forget(in_test_directory("state"), &r, &err), -WTL_CORRUPT);
        wtl_buf_fini(&text);
    }
}

static void what_is_cut_short_is_corrupt(void **state)
{
    struct wtl_mps_record r = sample(), back = {.token = "kept"};
    struct wtl_buf text;
    (void)state;
    encode(&r, &text);
    for (size_t n = 0; n + 2 < text.len; n += 7)
        assert_int_equal(wtl_mps_record_decode(wtl_buf_str(&text), n, "x", &back, &err),
                         -WTL_CORRUPT);
    assert_string_equal(back.token, "kept");
    wtl_buf_fini(&text);
}

/* ---- With processes -------------------------------------------------------------------------- */

/* A child with this in its environment, which waits to be killed. */
static pid_t spawn(const char *mark)
{
    const pid_t pid = fork();
    if (pid == 0) {
        char *const words[] = {(char[]){"sleep"}, (char[]){"60"}, NULL};
        char variable[200];
        (void)snprintf(variable, sizeof variable, "%s", mark);
        char *const environment[] = {variable, NULL};
        (void)execve("/bin/sleep", words, environment);
        _exit(127);
    }
    assert_true(pid > 0);
    for (int i = 0; i < 2000; i++) { /* until it has become that program */
        char path[64], text[16];
        (void)snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
        FILE *f = fopen(path, "re");
        const bool done = f && fgets(text, sizeof text, f) && strcmp(text, "sleep\n") == 0;
        if (f)
            (void)fclose(f);
        if (done)
            return pid;
        (void)usleep(1000);
    }
    fail_msg("no sleep");
    return pid;
}

static bool ended(pid_t pid)
{
    int status = 0;
    return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status);
}

static struct wtl_mps_record fresh(const char *state_dir)
{
    struct wtl_mps_record r;
    (void)setenv("WATTLE_RUN_DIR", in_test_directory("run"), 1);
    assert_ok(wtl_mps_record_new("test", false, 7, &r, &err), &err);
    assert_ok(wtl_make_dirs(r.dir, &err), &err);
    assert_ok(wtl_mps_record_write(state_dir, &r, &err), &err);
    return r;
}

static void dangling_ones_end_and_nobody_else(void **state)
{
    const char *const state_dir = in_test_directory("state");
    const struct wtl_mps_world world = {.clock = wtl_clock_system(), .state_dir = state_dir};
    struct wtl_lease_owner found[WTL_MPS_PROCESSES];
    size_t n = 9;
    char mark[160], other_mark[160];
    (void)state;
    struct wtl_mps_record r = fresh(state_dir);
    assert_int_equal(wtl_mps_record_judge(&r), WTL_MPS_IN_USE); /* we live */
    assert_ok(wtl_mps_clean(&world, false, &n, &err), &err);
    assert_int_equal(n, 0);
    assert_int_equal(access(r.dir, F_OK), 0);
    r.owner.start_ticks++; /* as a later process of our number would see it */
    assert_int_equal(wtl_mps_record_judge(&r), WTL_MPS_OVER);
    (void)snprintf(mark, sizeof mark, WTL_MPS_MARK "=%s", r.token);
    (void)snprintf(other_mark, sizeof other_mark, WTL_MPS_MARK "=%s0", r.token);
    const pid_t marked = spawn(mark), other = spawn(other_mark), recorded = spawn("X=1"),
                plain = spawn("X=1");
    assert_true(wtl_process_find(recorded, &r.servers[0]));
    r.n_servers = 1;
    assert_true(wtl_process_find(plain, &r.servers[1])); /* its number, and another start */
    r.servers[1].start_ticks++;
    r.n_servers = 2;
    assert_int_equal(wtl_mps_record_processes(&r, WTL_MPS_DAEMONS, found), 2);
    assert_int_equal(wtl_mps_record_judge(&r), WTL_MPS_DANGLING);
    assert_ok(wtl_mps_record_write(state_dir, &r, &err), &err);
    assert_ok(wtl_mps_clean(&world, false, &n, &err), &err);
    assert_int_equal(n, 1);
    assert_true(ended(marked) && ended(recorded));
    assert_int_equal(kill(other, 0), 0);
    assert_int_equal(kill(plain, 0), 0);
    assert_int_not_equal(access(r.dir, F_OK), 0);
    assert_ok(wtl_mps_clean(&world, false, &n, &err), &err);
    assert_int_equal(n, 0);
    (void)kill(other, SIGKILL);
    (void)kill(plain, SIGKILL);
    assert_true(ended(other) && ended(plain));
}

/* A record that was being written when its writer was killed. */
static void torn_records_of_the_dead_go(void **state)
{
    const char *const state_dir = in_test_directory("state");
    const struct wtl_mps_world world = {.clock = wtl_clock_system(), .state_dir = state_dir};
    char path[3][WTL_LIMIT_PATH];
    size_t n = 9;
    (void)state;
    const struct wtl_mps_record r = fresh(state_dir); /* of a living one: us */
    (void)snprintf(path[0], sizeof path[0], "%s/mps/%s.json.1-0.part", state_dir, r.token);
    (void)snprintf(path[1], sizeof path[1], "%s/mps/%s1.json.1-0.part", state_dir, r.token);
    (void)snprintf(path[2], sizeof path[2], "%s/mps/other.json.1-0.part", state_dir);
    for (int i = 0; i < 3; i++)
        write_text(path[i], "{");
    assert_ok(wtl_mps_clean(&world, false, &n, &err), &err);
    assert_int_equal(access(path[0], F_OK), 0);
    assert_int_not_equal(access(path[1], F_OK), 0); /* of another start of our number */
    assert_int_equal(access(path[2], F_OK), 0);     /* of whatever: no name of ours */
    assert_ok(wtl_mps_record_forget(state_dir, &r, &err), &err);
    assert_int_not_equal(access(path[0], F_OK), 0);
}

static void those_of_another_user_are_left_alone(void **state)
{
    const char *const state_dir = in_test_directory("state");
    const struct wtl_mps_world world = {.clock = wtl_clock_system(), .state_dir = state_dir};
    size_t n = 9;
    char mark[160];
    (void)state;
    struct wtl_mps_record r = fresh(state_dir);
    r.owner.start_ticks++;
    r.owner.uid++;
    (void)snprintf(mark, sizeof mark, WTL_MPS_MARK "=%s", r.token);
    const pid_t marked = spawn(mark);
    assert_int_equal(wtl_mps_record_judge(&r), WTL_MPS_OTHERS);
    assert_ok(wtl_mps_record_write(state_dir, &r, &err), &err);
    assert_ok(wtl_mps_clean(&world, true, &n, &err), &err);
    assert_int_equal(n, 0);
    assert_int_equal(wtl_mps_end(&world, &r, true, &err), -WTL_PERMISSION);
    assert_int_equal(kill(marked, 0), 0);
    assert_int_equal(access(r.dir, F_OK), 0);
    (void)kill(marked, SIGKILL);
    assert_true(ended(marked));
}

/* A guest: who was started with the daemon's folder, while the daemon cannot be asked. */
static void a_guest_keeps_a_daemon_that_does_not_answer(void **state)
{
    const char *const state_dir = in_test_directory("state");
    const struct wtl_mps_world world = {.clock = wtl_clock_system(), .state_dir = state_dir};
    char mark[160], folder[WTL_LIMIT_PATH];
    (void)state;
    const struct wtl_mps_record r = fresh(state_dir);
    (void)snprintf(mark, sizeof mark, WTL_MPS_MARK "=%s", r.token);
    (void)snprintf(folder, sizeof folder, "CUDA_MPS_PIPE_DIRECTORY=%.100s/pipe", r.dir);
    const pid_t daemon = spawn(mark), guest = spawn(folder);
    assert_int_equal(wtl_mps_end(&world, &r, false, &err), -WTL_BUSY);
    assert_int_equal(kill(daemon, 0), 0);
    assert_ok(wtl_mps_end(&world, &r, true, &err), &err);
    assert_true(ended(daemon));
    assert_int_equal(kill(guest, 0), 0);
    (void)kill(guest, SIGKILL);
    assert_true(ended(guest));
}

#define IN(test) cmocka_unit_test_setup_teardown(test, make_test_directory, drop_test_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_back_what_it_wrote),
        IN(a_folder_that_is_not_its_own_is_refused),
        cmocka_unit_test(what_is_cut_short_is_corrupt),
        IN(dangling_ones_end_and_nobody_else),
        IN(torn_records_of_the_dead_go),
        IN(those_of_another_user_are_left_alone),
        IN(a_guest_keeps_a_daemon_that_does_not_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
