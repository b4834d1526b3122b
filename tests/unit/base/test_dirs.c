/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "base/dirs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void the_rule_goes_from_hand_to_system_to_home(void **state)
{
    (void)state;
    const struct {
        enum wtl_dir dir;
        struct wtl_dir_world world;
        const char *sub, *want;
    } cases[] = {
        {WTL_DIR_RUN, {.uid = 0}, NULL, "/run/wattle"},
        {WTL_DIR_RUN, {.uid = 0}, "sim", "/run/wattle/sim"},
        {WTL_DIR_RUN, {.uid = 0, .xdg = "/run/user/0"}, NULL, "/run/wattle"},
        {WTL_DIR_RUN, {.uid = 0, .by_hand = "/a/b"}, "sim", "/a/b/sim"},
        {WTL_DIR_RUN, {.uid = 0, .by_hand = ""}, NULL, "/run/wattle"},
        {WTL_DIR_RUN, {.uid = 7, .xdg = "/run/user/7"}, NULL, "/run/user/7/wattle"},
        {WTL_DIR_RUN, {.uid = 7, .xdg = "relative"}, NULL, "/tmp/wattle-7"},
        {WTL_DIR_RUN, {.uid = 7, .home = "/home/u"}, "sim", "/tmp/wattle-7/sim"},
        {WTL_DIR_STATE, {.uid = 0, .home = "/root"}, NULL, "/var/lib/wattle"},
        {WTL_DIR_STATE, {.uid = 7, .xdg = "/s", .home = "/home/u"}, NULL, "/s/wattle"},
        {WTL_DIR_STATE, {.uid = 7, .home = "/home/u"}, "x", "/home/u/.local/state/wattle/x"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[WTL_LIMIT_PATH] = "";
        struct wtl_error err = {0};
        assert_ok(wtl_dir_rule(cases[i].dir, &cases[i].world, cases[i].sub, path, &err), &err);
        assert_string_equal(path, cases[i].want);
    }
}

static void a_rule_without_an_answer_says_what_to_set(void **state)
{
    (void)state;
    char path[WTL_LIMIT_PATH] = "untouched";
    struct wtl_error err = {0};
    struct wtl_dir_world relative = {.by_hand = "here"}, homeless = {.uid = 7};
    assert_int_equal(wtl_dir_rule(WTL_DIR_RUN, &relative, NULL, path, &err), -(int)WTL_USAGE);
    assert_non_null(strstr(err.message, "WATTLE_RUN_DIR is \"here\""));
    assert_int_equal(wtl_dir_rule(WTL_DIR_STATE, &homeless, NULL, path, &err), -(int)WTL_USAGE);
    assert_non_null(strstr(err.hint, "WATTLE_STATE_DIR"));
    char long_path[WTL_LIMIT_PATH];
    memset(long_path, 'x', sizeof long_path);
    long_path[0] = '/';
    long_path[sizeof long_path - 1] = '\0';
    struct wtl_dir_world far = {.by_hand = long_path};
    assert_int_equal(wtl_dir_rule(WTL_DIR_RUN, &far, "sim", path, &err), -(int)WTL_LIMIT);
    assert_string_equal(path, "untouched");
}

static mode_t mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void makes_the_folders_with_their_modes(void **state)
{
    (void)state;
    char path[WTL_LIMIT_PATH];
    struct wtl_error err = {0};
    mode_t old = umask(0);
    setenv("WATTLE_RUN_DIR", in_test_directory("deep/run"), 1);
    assert_ok(wtl_dir_path(WTL_DIR_RUN, "sim", path, &err), &err);
    assert_int_equal(access(path, F_OK), -1);
    assert_ok(wtl_dir_make(WTL_DIR_RUN, "sim", path, &err), &err);
    umask(old);
    assert_string_equal(path, in_test_directory("deep/run/sim"));
    mode_t want = geteuid() == 0 ? 0755 : 0700;
    assert_int_equal(mode_of(path), want);
    assert_int_equal(mode_of(in_test_directory("deep/run")), want);
    assert_ok(wtl_dir_make(WTL_DIR_RUN, "sim", path, &err), &err); /* again */
    assert_ok(wtl_dir_path(WTL_DIR_RUN, "sim", path, &err), &err);
    unsetenv("WATTLE_RUN_DIR");
}

static void distrusts_links_files_and_open_folders(void **state)
{
    (void)state;
    char path[WTL_LIMIT_PATH] = "untouched";
    struct wtl_error err = {0};
    char real[512], link[512], file[512];
    snprintf(real, sizeof real, "%s", in_test_directory("real"));
    snprintf(link, sizeof link, "%s", in_test_directory("link"));
    snprintf(file, sizeof file, "%s", in_test_directory("file"));
    assert_int_equal(mkdir(real, 0755), 0);
    assert_int_equal(symlink(real, link), 0);
    write_text(file, "");
    const char *bad[] = {link, file};
    for (size_t i = 0; i < 2; i++) {
        setenv("WATTLE_STATE_DIR", bad[i], 1);
        assert_int_equal(wtl_dir_make(WTL_DIR_STATE, NULL, path, &err), -(int)WTL_PERMISSION);
        assert_int_equal(wtl_dir_path(WTL_DIR_STATE, NULL, path, &err), -(int)WTL_PERMISSION);
    }
    assert_int_equal(chmod(real, 0777), 0);
    setenv("WATTLE_STATE_DIR", real, 1);
    assert_int_equal(wtl_dir_make(WTL_DIR_STATE, NULL, path, &err), -(int)WTL_PERMISSION);
    assert_non_null(strstr(err.hint, "chmod o-w"));
    unsetenv("WATTLE_STATE_DIR");
    assert_string_equal(path, "untouched");
}

static void a_folder_of_another_user_is_not_trusted(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    const char *mine = in_test_directory("mine");
    assert_int_equal(mkdir(mine, 0755), 0);
    if (geteuid() == 0) {
        assert_ok(wtl_dir_trusted(mine, 12345, &err), &err); /* root's is trusted */
        assert_int_equal(chown(mine, 12345, 12345), 0);
        assert_ok(wtl_dir_trusted(mine, 12345, &err), &err);
    }
    assert_int_equal(wtl_dir_trusted(mine, 54321, &err), -(int)WTL_PERMISSION);
    assert_non_null(strstr(err.message, "belongs to user"));
    assert_int_equal(wtl_dir_trusted(in_test_directory("nothing"), 0, &err), -(int)WTL_NOTFOUND);
}

static void what_can_be_written_is_told_without_making_it(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    char closed[512], deep[600];
    snprintf(closed, sizeof closed, "%s", in_test_directory("closed"));
    snprintf(deep, sizeof deep, "%s/a/b/leases", closed);
    assert_ok(wtl_dir_check_writable(deep, &err), &err); /* by what is above */
    assert_int_equal(access(closed, F_OK), -1);
    write_text(closed, "");
    assert_true(wtl_dir_check_writable(deep, &err) < 0); /* a file is in the way */
    assert_int_equal(unlink(closed), 0);
    assert_int_equal(mkdir(closed, 0500), 0);
    if (geteuid() != 0) {
        assert_int_equal(wtl_dir_check_writable(deep, &err), -(int)WTL_PERMISSION);
        assert_non_null(strstr(err.message, closed));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rule_goes_from_hand_to_system_to_home),
        cmocka_unit_test(a_rule_without_an_answer_says_what_to_set),
        cmocka_unit_test_setup_teardown(makes_the_folders_with_their_modes, make_test_directory,
                                        drop_test_directory),
        cmocka_unit_test_setup_teardown(distrusts_links_files_and_open_folders, make_test_directory,
                                        drop_test_directory),
        cmocka_unit_test_setup_teardown(what_can_be_written_is_told_without_making_it,
                                        make_test_directory, drop_test_directory),
        cmocka_unit_test_setup_teardown(a_folder_of_another_user_is_not_trusted,
                                        make_test_directory, drop_test_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
