/* SPDX-License-Identifier: Apache-2.0
 * Units of systemd as their files tell. */
#include "support/support.h"

#include "device/sysfs.h"
#include "flow/doctor.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static char dir[64];

static void put(const char *path, const char *text)
{
    char full[256];
    snprintf(full, sizeof full, "%s/%s", dir, path);
    for (char *p = full + strlen(dir) + 1; *p; p++)
        if (*p == '/') {
            *p = '\0';
            (void)mkdir(full, 0755);
            *p = '/';
        }
    FILE *f = fopen(full, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static struct wtl_doctor_units look(void)
{
    WTL_ARENA(arena);
    struct wtl_sysfs *files = NULL;
    struct wtl_error err = {0};
    struct wtl_doctor_units u;
    memset(&u, 7, sizeof u);
    assert_ok(wtl_sysfs_open(&arena, dir, &files, &err), &err);
    wtl_doctor_units(files, &arena, &u);
    wtl_sysfs_close(files);
    return u;
}

static void units_count_by_what_they_do(void **state)
{
    (void)state;
    make_temporary_directory(dir, sizeof dir);
    struct wtl_doctor_units u = look();
    assert_false(u.systemd);
    assert_int_equal(u.n, 0);
    assert_int_equal(u.restore, 0);
    put("proc/1/comm", "systemd\n");
    put("etc/systemd/system/wattle-exporter.service", "[Service]\nExecStart=/usr/bin/wattle top\n");
    put("etc/systemd/system/wattle-notes.txt", "ExecStopPost=wattle restore\n");
    u = look();
    assert_true(u.systemd);
    assert_int_equal(u.n, 1);
    assert_int_equal(u.restore, 0);
    put("etc/systemd/system/wattle-v100-sd.service",
        "[Service]\nExecStart=wattle apply p --standing x\nExecStopPost=/usr/bin/wattle restore\n");
    put("etc/systemd/system/wattle-a100.service",
        "[Service]\nExecStopPost=/usr/local/lib/wattle-clocks/clocks.sh recover\n");
    put("etc/systemd/system/wattle-said.service", "# ExecStopPost=wattle restore\n[Service]\n");
    u = look();
    assert_int_equal(u.n, 4);
    assert_int_equal(u.restore, 2);
    assert_string_equal(u.first, "wattle-a100.service");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(units_count_by_what_they_do)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
