/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "base/file.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void reads_back_what_was_written(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    char big[200000];
    memset(big, 'x', sizeof big);
    assert_ok(wtl_file_write_atomic(in_test_directory("a"), big, sizeof big, 0640, &err), &err);
    char *data = NULL;
    size_t n = 0;
    assert_ok(wtl_file_read(&arena, in_test_directory("a"), sizeof big, &data, &n, &err), &err);
    assert_int_equal(n, sizeof big);
    assert_memory_equal(data, big, n);
    assert_int_equal(data[n], 0);
    struct stat st;
    assert_int_equal(stat(in_test_directory("a"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
}

static void failures_name_the_path_and_leave_outputs(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    char *data = NULL;
    size_t n = 9;
    assert_int_equal(wtl_file_read(&arena, in_test_directory("none"), 10, &data, &n, &err),
                     -(int)WTL_NOTFOUND);
    assert_non_null(strstr(err.message, "none"));
    assert_int_equal(wtl_file_read(&arena, in_test_directory(""), 10, &data, &n, &err),
                     -(int)WTL_IO);
    write_text(in_test_directory("b"), "0123456789");
    assert_int_equal(wtl_file_read(&arena, in_test_directory("b"), 9, &data, &n, &err),
                     -(int)WTL_LIMIT);
    assert_null(data);
    assert_int_equal(n, 9);
}

/* A file-size limit stands in for a full disk: the write fails half-way. */
static void a_failed_write_keeps_the_old_file(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    write_text(in_test_directory("c"), "old");
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit small = {.rlim_cur = 4096, .rlim_max = before.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    char big[20000] = {0};
    int rc = wtl_file_write_atomic(in_test_directory("c"), big, sizeof big, 0644, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    assert_int_equal(rc, -(int)WTL_IO);
    WTL_ARENA(arena);
    char *data = NULL;
    size_t n = 0;
    assert_ok(wtl_file_read(&arena, in_test_directory("c"), 100, &data, &n, &err), &err);
    assert_string_equal(data, "old");
}

struct seen {
    char names[400];
    int n;
};

static int see(void *ctx, const char *path, int64_t size, struct wtl_error *err)
{
    (void)size;
    (void)err;
    struct seen *s = ctx;
    size_t used = strlen(s->names);
    snprintf(s->names + used, sizeof s->names - used, "%s;", path + strlen(in_test_directory("")));
    s->n++;
    return 0;
}

static void walks_in_order_and_passes_over_the_rest(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    write_text(in_test_directory("t/b/2"), "");
    write_text(in_test_directory("t/b/10"), "");
    write_text(in_test_directory("t/a"), "");
    write_text(in_test_directory("t/.hidden"), "");
    assert_int_equal(symlink("..", in_test_directory("t/b/loop")), 0);
    assert_int_equal(symlink("nowhere", in_test_directory("t/broken")), 0);
    assert_int_equal(mkfifo(in_test_directory("t/pipe"), 0600), 0);
    struct seen s = {.n = 0};
    assert_ok(wtl_walk(in_test_directory("t"), see, &s, &err), &err);
    assert_string_equal(s.names, "t/a;t/b/10;t/b/2;");
    assert_int_equal(wtl_walk(in_test_directory("absent"), see, &s, &err), -(int)WTL_NOTFOUND);
}

static void makes_directories_once_or_says_why_not(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    assert_ok(wtl_make_dirs(in_test_directory("x/y/z"), &err), &err);
    assert_ok(wtl_make_dirs(in_test_directory("x/y/z"), &err), &err);
    write_text(in_test_directory("file"), "");
    assert_true(wtl_make_dirs(in_test_directory("file/below"), &err) < 0);
    assert_true(wtl_make_dirs(in_test_directory("file"), &err) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_back_what_was_written, make_test_directory,
                                        drop_test_directory),
        cmocka_unit_test_setup_teardown(failures_name_the_path_and_leave_outputs,
                                        make_test_directory, drop_test_directory),
        cmocka_unit_test_setup_teardown(a_failed_write_keeps_the_old_file, make_test_directory,
                                        drop_test_directory),
        cmocka_unit_test_setup_teardown(walks_in_order_and_passes_over_the_rest,
                                        make_test_directory, drop_test_directory),
        cmocka_unit_test_setup_teardown(makes_directories_once_or_says_why_not, make_test_directory,
                                        drop_test_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
