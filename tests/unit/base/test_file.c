/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "base/file.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[512];

static int make_dir(void **state)
{
    (void)state;
    make_temporary_directory(dir, sizeof dir);
    return 0;
}

static int drop_dir(void **state)
{
    (void)state;
    remove_tree(dir);
    return 0;
}

static const char *in_dir(const char *name)
{
    static char path[1024];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void reads_back_what_was_written(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    char big[200000];
    memset(big, 'x', sizeof big);
    assert_ok(wtl_file_write_atomic(in_dir("a"), big, sizeof big, 0640, &err), &err);
    char *data = NULL;
    size_t n = 0;
    assert_ok(wtl_file_read(&arena, in_dir("a"), sizeof big, &data, &n, &err), &err);
    assert_int_equal(n, sizeof big);
    assert_memory_equal(data, big, n);
    assert_int_equal(data[n], 0);
    struct stat st;
    assert_int_equal(stat(in_dir("a"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
}

static void failures_name_the_path_and_leave_outputs(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    char *data = NULL;
    size_t n = 9;
    assert_int_equal(wtl_file_read(&arena, in_dir("none"), 10, &data, &n, &err),
                     -(int)WTL_NOTFOUND);
    assert_non_null(strstr(err.message, "none"));
    assert_int_equal(wtl_file_read(&arena, dir, 10, &data, &n, &err), -(int)WTL_IO);
    write_text(in_dir("b"), "0123456789");
    assert_int_equal(wtl_file_read(&arena, in_dir("b"), 9, &data, &n, &err), -(int)WTL_LIMIT);
    assert_null(data);
    assert_int_equal(n, 9);
}

/* A file-size limit stands in for a full disk: the write fails half-way. */
static void a_failed_write_keeps_the_old_file(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    write_text(in_dir("c"), "old");
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit small = {.rlim_cur = 4096, .rlim_max = before.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    char big[20000] = {0};
    int rc = wtl_file_write_atomic(in_dir("c"), big, sizeof big, 0644, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    assert_int_equal(rc, -(int)WTL_IO);
    WTL_ARENA(arena);
    char *data = NULL;
    size_t n = 0;
    assert_ok(wtl_file_read(&arena, in_dir("c"), 100, &data, &n, &err), &err);
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
    snprintf(s->names + used, sizeof s->names - used, "%s;", path + strlen(dir) + 1);
    s->n++;
    return 0;
}

static void walks_in_order_and_passes_over_the_rest(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    write_text(in_dir("t/b/2"), "");
    write_text(in_dir("t/b/10"), "");
    write_text(in_dir("t/a"), "");
    write_text(in_dir("t/.hidden"), "");
    assert_int_equal(symlink("..", in_dir("t/b/loop")), 0);
    assert_int_equal(symlink("nowhere", in_dir("t/broken")), 0);
    assert_int_equal(mkfifo(in_dir("t/pipe"), 0600), 0);
    struct seen s = {.n = 0};
    assert_ok(wtl_walk(in_dir("t"), see, &s, &err), &err);
    assert_string_equal(s.names, "t/a;t/b/10;t/b/2;");
    assert_int_equal(wtl_walk(in_dir("absent"), see, &s, &err), -(int)WTL_NOTFOUND);
}

static void makes_directories_once_or_says_why_not(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    assert_ok(wtl_make_dirs(in_dir("x/y/z"), &err), &err);
    assert_ok(wtl_make_dirs(in_dir("x/y/z"), &err), &err);
    write_text(in_dir("file"), "");
    assert_true(wtl_make_dirs(in_dir("file/below"), &err) < 0);
    assert_true(wtl_make_dirs(in_dir("file"), &err) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_back_what_was_written, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(failures_name_the_path_and_leave_outputs, make_dir,
                                        drop_dir),
        cmocka_unit_test_setup_teardown(a_failed_write_keeps_the_old_file, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(walks_in_order_and_passes_over_the_rest, make_dir,
                                        drop_dir),
        cmocka_unit_test_setup_teardown(makes_directories_once_or_says_why_not, make_dir, drop_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
