/* SPDX-License-Identifier: Apache-2.0
 * Passwords: from whom they are taken, and from whom not. */
#include "support/support.h"

#include "base/secret.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct wtl_error err;

static const char *file_of(const char *text, mode_t mode)
{
    const char *path = in_test_directory("pw");
    write_text(path, text);
    assert_int_equal(chmod(path, mode), 0);
    return path;
}

static void a_file_of_its_owner_alone_is_read(void **state)
{
    (void)state;
    char secret[WTL_SECRET_MAX];
    assert_ok(wtl_secret_read(file_of("secret word\n", 0600), "X", secret, &err), &err);
    assert_string_equal(secret, "secret word");
    assert_ok(wtl_secret_read(file_of(" blanks stay \r\n", 0400), "X", secret, &err), &err);
    assert_string_equal(secret, " blanks stay ");
    assert_ok(wtl_secret_read(file_of("first line\nof bmc7\n", 0400), "X", secret, &err), &err);
    assert_string_equal(secret, "first line");
    wtl_secret_clear(secret);
    assert_int_equal(secret[0], 0);
}

static void other_files_are_refused_and_not_quoted(void **state)
{
    (void)state;
    char secret[WTL_SECRET_MAX], before[WTL_SECRET_MAX], large[400];
    memset(secret, 'x', sizeof secret);
    memcpy(before, secret, sizeof before);
    static const mode_t open_to_others[] = {0640, 0604, 0644, 0620};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(wtl_secret_read(file_of("hush", open_to_others[i]), "X", secret, &err),
                         -WTL_PERMISSION);
        assert_non_null(strstr(err.hint, "chmod 600"));
        assert_null(strstr(err.message, "hush"));
    }
    memset(large, 'a', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    static const char *const wrong[] = {"", "\n\n", "\nhush\n", NULL};
    for (size_t i = 0; i < 4; i++) {
        const char *text = wrong[i] ? wrong[i] : large;
        assert_int_equal(wtl_secret_read(file_of(text, 0600), "X", secret, &err), -WTL_USAGE);
        assert_null(strstr(err.message, "hush"));
    }
    assert_int_equal(wtl_secret_read("/no/such/file", "X", secret, &err), -WTL_NOTFOUND);
    assert_memory_equal(secret, before, sizeof secret);
}

static void without_a_file_it_is_the_variable(void **state)
{
    (void)state;
    char secret[WTL_SECRET_MAX];
    assert_int_equal(setenv("WATTLE_TEST_SECRET", "of the environment", 1), 0);
    assert_ok(wtl_secret_read(NULL, "WATTLE_TEST_SECRET", secret, &err), &err);
    assert_string_equal(secret, "of the environment");
    assert_int_equal(unsetenv("WATTLE_TEST_SECRET"), 0);
    assert_ok(wtl_secret_read(NULL, "WATTLE_TEST_SECRET", secret, &err), &err);
    assert_string_equal(secret, "");
}

static void other_programs_do_not_get_it(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    size_t n = 0, ours = 0;
    bool other = false;
    assert_int_equal(setenv(WTL_SECRET_REDFISH, "hush", 1), 0);
    assert_int_equal(setenv(WTL_SECRET_REDFISH "_FILE", "/pw", 1), 0);
    while (environ[ours])
        ours++;
    char **environment = wtl_secret_environment(&arena);
    assert_non_null(environment);
    for (; environment[n]; n++) {
        assert_null(strstr(environment[n], "hush"));
        other = other || strcmp(environment[n], WTL_SECRET_REDFISH "_FILE=/pw") == 0;
    }
    assert_int_equal(n, ours - 1);
    assert_true(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_of_its_owner_alone_is_read),
        cmocka_unit_test(other_files_are_refused_and_not_quoted),
        cmocka_unit_test(other_programs_do_not_get_it),
        cmocka_unit_test(without_a_file_it_is_the_variable),
    };
    return cmocka_run_group_tests_name("base/secret", tests, make_test_directory,
                                       drop_test_directory);
}
