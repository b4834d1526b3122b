/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "base/file.h"
#include "base/file_set.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void assert_content(const char *name, const char *want)
{
    WTL_ARENA(arena);
    char *data = NULL;
    size_t n = 0;
    struct wtl_error err = {0};
    assert_ok(wtl_file_read(&arena, in_test_directory(name), 1 << 20, &data, &n, &err), &err);
    assert_string_equal(data, want);
}

static int count(void *ctx, const char *path, int64_t size, struct wtl_error *err)
{
    (void)path;
    (void)size;
    (void)err;
    ++*(int *)ctx;
    return 0;
}

static int n_files(void)
{
    int n = 0;
    assert_int_equal(wtl_walk(in_test_directory(""), count, &n, NULL), 0);
    return n;
}

static void add(struct wtl_file_set *set, const char *name, const char *text)
{
    struct wtl_error err = {0};
    assert_ok(wtl_file_set_add(set, in_test_directory(name), text, strlen(text), 0666, &err), &err);
}

static void add_dir(struct wtl_file_set *set, const char *name)
{
    struct wtl_error err = {0};
    assert_ok(wtl_file_set_add_dir(set, in_test_directory(name), &err), &err);
}

static bool there(const char *name)
{
    return access(in_test_directory(name), F_OK) == 0;
}

static void all_appear_at_once(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    WTL_FILE_SET(set);
    write_text(in_test_directory("old"), "old");
    write_text(in_test_directory("stale"), "stale");
    add(&set, "old", "new");
    add_dir(&set, "x/y");
    add(&set, "x/y/file", "deep");
    add(&set, "empty", "");
    assert_ok(wtl_file_set_remove(&set, in_test_directory("stale"), &err), &err);
    assert_ok(wtl_file_set_remove(&set, in_test_directory("never was"), &err), &err);
    assert_content("old", "old");
    assert_false(there("x"));
    assert_ok(wtl_file_set_commit(&set, &err), &err);
    assert_content("old", "new");
    assert_content("x/y/file", "deep");
    assert_content("empty", "");
    assert_int_equal(n_files(), 3);
}

static void what_is_not_committed_leaves_nothing(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_file_set set;
    write_text(in_test_directory("old"), "old");
    wtl_file_set_init(&set, wtl_alloc_system());
    add(&set, "old", "new");
    add_dir(&set, "x/y");
    add(&set, "x/y/file", "deep");
    assert_ok(wtl_file_set_prepare(&set, &err), &err);
    assert_int_equal(n_files(), 3);
    wtl_file_set_fini(&set);
    wtl_file_set_fini(&set);
    assert_content("old", "old");
    assert_int_equal(n_files(), 1);
    assert_false(there("x"));
}

static void one_that_fails_holds_back_all(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_file_set set;
    write_text(in_test_directory("old"), "old");
    write_text(in_test_directory("d/file"), "keeps the directory");
    wtl_file_set_init(&set, wtl_alloc_system());
    add(&set, "old", "new");
    add(&set, "d", "a directory is no place for a file");
    assert_int_equal(wtl_file_set_commit(&set, &err), -(int)WTL_IO);
    assert_non_null(strstr(err.message, in_test_directory("d")));
    wtl_file_set_fini(&set);
    assert_content("old", "old");
    assert_int_equal(n_files(), 2);

    wtl_file_set_init(&set, wtl_alloc_system());
    add(&set, "old", "new");
    add_dir(&set, "old/below");
    assert_int_equal(wtl_file_set_commit(&set, &err), -(int)WTL_NOTFOUND);
    wtl_file_set_fini(&set);
    assert_content("old", "old");
}

/* A file-size limit stands in for a full disk: the second file does not fit. */
static void a_full_disk_leaves_the_old_files(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_file_set set;
    char big[20000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    write_text(in_test_directory("a"), "old");
    wtl_file_set_init(&set, wtl_alloc_system());
    add(&set, "a", "new");
    add(&set, "b", big);
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit small = {.rlim_cur = 4096, .rlim_max = before.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    int rc = wtl_file_set_commit(&set, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    wtl_file_set_fini(&set);
    assert_int_equal(rc, -(int)WTL_IO);
    assert_non_null(strstr(err.message, in_test_directory("b")));
    assert_content("a", "old");
    assert_int_equal(n_files(), 1);
}

static void every_allocation_can_fail(void **state)
{
    (void)state;
    int rc = -1;
    long at = 1;
    for (; rc != 0; at++) {
        struct wtl_alloc_failing failing;
        struct wtl_file_set set;
        assert_true(at < 100);
        wtl_file_set_init(&set, wtl_alloc_failing(&failing, at));
        char big[40000] = {0};
        rc = wtl_file_set_add_dir(&set, in_test_directory("x/y"), NULL);
        rc = rc ? rc
                : wtl_file_set_add(&set, in_test_directory("x/y/big"), big, sizeof big, 0666, NULL);
        rc = rc ? rc : wtl_file_set_commit(&set, NULL);
        wtl_file_set_fini(&set);
        assert_true(rc == 0 || rc == -(int)WTL_NOMEM);
        assert_int_equal(n_files(), rc == 0);
        assert_int_equal(there("x"), rc == 0);
    }
    assert_true(at > 3);
}

static void links_are_followed_and_pipes_written_to(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct stat st;
    WTL_FILE_SET(set);
    write_text(in_test_directory("d/real"), "old");
    assert_int_equal(symlink("d/real", in_test_directory("link")), 0);
    assert_int_equal(mkfifo(in_test_directory("pipe"), 0600), 0);
    int fd = open(in_test_directory("pipe"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(fd >= 0);
    add(&set, "link", "new");
    add(&set, "pipe", "through");
    assert_ok(wtl_file_set_commit(&set, &err), &err);
    assert_content("d/real", "new");
    assert_int_equal(lstat(in_test_directory("link"), &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    char text[20] = "";
    assert_int_equal(read(fd, text, sizeof text), 7);
    assert_string_equal(text, "through");
    assert_ok(wtl_file_write_atomic(in_test_directory("pipe"), "again", 5, 0666, &err), &err);
    assert_int_equal(read(fd, text, sizeof text), 5);
    close(fd);
    assert_int_equal(lstat(in_test_directory("pipe"), &st), 0);
    assert_true(S_ISFIFO(st.st_mode));
}

static void the_mask_of_the_user_holds(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct stat st;
    mode_t before = umask(077);
    int rc = wtl_file_write_atomic(in_test_directory("secret"), "x", 1, 0666, &err);
    WTL_FILE_SET(set);
    assert_ok(wtl_file_set_add(&set, in_test_directory("program"), "x", 1, 0777, &err), &err);
    int rc2 = wtl_file_set_commit(&set, &err);
    umask(before);
    assert_ok(rc, &err);
    assert_ok(rc2, &err);
    assert_int_equal(stat(in_test_directory("secret"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(in_test_directory("program"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

/* A campaign that is named as an output was meant as the input. */
static void a_campaign_is_never_replaced(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    WTL_FILE_SET(set);
    char campaign[1024] = "SQLite format 3", again[1024] = "";
    FILE *f = fopen(in_test_directory("c.wattle"), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(campaign, 1, sizeof campaign, f), sizeof campaign);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(symlink("c.wattle", in_test_directory("link")), 0);
    assert_int_equal(wtl_file_write_atomic(in_test_directory("c.wattle"), "new", 3, 0666, &err),
                     -WTL_USAGE);
    assert_non_null(strstr(err.message, "is a campaign"));
    assert_int_equal(wtl_file_write_atomic(in_test_directory("link"), "new", 3, 0666, &err),
                     -WTL_USAGE);
    add(&set, "plan", "new");
    add(&set, "c.wattle", "new");
    assert_int_equal(wtl_file_set_commit(&set, &err), -WTL_USAGE);
    f = fopen(in_test_directory("c.wattle"), "rb");
    assert_non_null(f);
    assert_int_equal(fread(again, 1, sizeof again, f), sizeof again);
    assert_int_equal(fclose(f), 0);
    assert_memory_equal(again, campaign, sizeof again);
    assert_false(there("plan"));
}

/* What only begins like one is a file like others. */
static void text_about_a_campaign_is_replaced(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    write_text(in_test_directory("notes"), "SQLite format 3 is what a campaign begins with");
    write_text(in_test_directory("short"), "SQLite format 3");
    assert_ok(wtl_file_write_atomic(in_test_directory("notes"), "new", 3, 0666, &err), &err);
    assert_ok(wtl_file_write_atomic(in_test_directory("short"), "new", 3, 0666, &err), &err);
    assert_content("notes", "new");
    assert_content("short", "new");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_test_directory, drop_test_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_appear_at_once),
        TEST(what_is_not_committed_leaves_nothing),
        TEST(one_that_fails_holds_back_all),
        TEST(a_full_disk_leaves_the_old_files),
        TEST(every_allocation_can_fail),
        TEST(links_are_followed_and_pipes_written_to),
        TEST(the_mask_of_the_user_holds),
        TEST(a_campaign_is_never_replaced),
        TEST(text_about_a_campaign_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
