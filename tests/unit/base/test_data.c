/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "base/data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void finds_files_in_the_named_folder_only(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    char dir[256];
    char file[512];
    make_temporary_directory(dir, sizeof dir);
    snprintf(file, sizeof file, "%s/sub/x.yaml", dir);
    write_text(file, "a: 1\n");
    setenv("WATTLE_DATA_DIR", dir, 1);
    char *path = NULL;
    assert_ok(wtl_data_path(&arena, "sub/x.yaml", &path, &err), &err);
    assert_string_equal(path, file);
    assert_int_equal(wtl_data_path(&arena, "sub/y.yaml", &path, &err), -(int)WTL_NOTFOUND);
    assert_non_null(strstr(err.hint, dir));
    assert_string_equal(path, file);
    unsetenv("WATTLE_DATA_DIR");
    assert_int_equal(wtl_data_path(&arena, "sub/y.yaml", &path, &err), -(int)WTL_NOTFOUND);
    assert_non_null(strstr(err.hint, "WATTLE_DATA_DIR"));
    remove_tree(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_files_in_the_named_folder_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
