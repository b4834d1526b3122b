/* SPDX-License-Identifier: Apache-2.0
 * Units of systemd as their files tell. */
#include "support/support.h"

#include "core/xid.h"
#include "device/sysfs.h"
#include "flow/doctor.h"
#include "flow/doctor_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

static void xids_of_the_kernel_log_are_counted(void **state)
{
    (void)state;
    struct wtl_xids x = {0};
    assert_true(wtl_xids_add(&x, "6,812,98765432,-;NVRM: Xid (PCI:0000:3b:00): 79, pid='<unknown>',"
                                 " name=<unknown>, GPU has fallen off the bus."));
    assert_int_equal(x.n, 1);
    assert_string_equal(x.xid[0].pci, "0000:3b:00");
    assert_int_equal(x.xid[0].number, 79);
    assert_near(x.xid[0].last_s, 98.765432, 1e-9);
    assert_non_null(strstr(x.xid[0].text, "fallen off the bus."));
    assert_true(wtl_xids_add(&x, "[  120.5] NVRM: Xid (PCI:0000:3b:00): 31, pid=7, MMU Fault"));
    assert_true(wtl_xids_add(&x, "NVRM: Xid (PCI:0000:3b:00): 31, pid=8, name=\033x"));
    assert_int_equal(x.n, 2);
    assert_int_equal(x.xid[1].n, 2);
    assert_near(x.xid[1].last_s, -1, 0);
    assert_string_equal(x.xid[1].text, "pid=8, name=?x");
    static const char *const others[] = {"",
                                         "6,1,2,-;usb 1-1: new device",
                                         "NVRM: Xid (PCI:0000:3b:00",
                                         "NVRM: Xid (PCI:): 31",
                                         "NVRM: Xid (PCI:0000:3b:00): x",
                                         "NVRM: Xid (PCI:0000:3b:00): -3",
                                         "NVRM: Xid (PCI:an address that is much too long): 31"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(wtl_xids_add(&x, others[i]));
    assert_int_equal(x.n, 2);
    char line[80];
    for (int i = 0; i < 2 * WTL_XIDS; i++) {
        snprintf(line, sizeof line, "NVRM: Xid (PCI:0000:%02x:00): 13, pid=1", (unsigned)i);
        assert_true(wtl_xids_add(&x, line));
    }
    assert_int_equal(x.n, WTL_XIDS);
    assert_int_equal(x.more, WTL_XIDS + 2);
    assert_true(wtl_xid_is_serious(79));
    assert_false(wtl_xid_is_serious(31));
}

/* A plain file stands in for the kernel's: longer than one read, its last line without an end. */
static void a_log_is_read_to_its_end(void **state)
{
    (void)state;
    struct wtl_xids x = {.more = 9};
    static char text[70000];
    size_t used = 0;
    make_temporary_directory(dir, sizeof dir);
    int fd = open(dir, O_RDONLY | O_DIRECTORY);
    assert_int_equal(wtl_xids_read(fd, &x), ENOENT);
    assert_int_equal(x.more, 9); /* untouched */
    for (int i = 0; used + 200 < sizeof text; i++)
        used +=
            (size_t)snprintf(text + used, sizeof text - used,
                             i % 100 == 50 ? "6,%d,1000000,-;NVRM: Xid (PCI:0000:3b:00): 31, x\n"
                                           : "6,%d,1000000,-;usb 1-1: nothing of ours, %d\n",
                             i, i);
    int expected = 0;
    for (const char *p = text; (p = strstr(p, "Xid")); p++)
        expected++;
    snprintf(text + used, sizeof text - used, "6,9,2000000,-;NVRM: Xid (PCI:0000:3b:00): 31, last");
    put("dev/kmsg", text);
    assert_int_equal(wtl_xids_read(fd, &x), 0);
    close(fd);
    assert_int_equal(x.n, 1);
    assert_int_equal(x.xid[0].n, expected + 1);
    assert_true(expected > 5);
    assert_string_equal(x.xid[0].text, "last");
    assert_near(x.xid[0].last_s, 2, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(units_count_by_what_they_do),
                                       cmocka_unit_test(xids_of_the_kernel_log_are_counted),
                                       cmocka_unit_test(a_log_is_read_to_its_end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
