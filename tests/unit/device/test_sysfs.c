/* SPDX-License-Identifier: Apache-2.0
 * Small files below a root: what is wrong with them, how it is told, trees that refuse. */
#include "support/support.h"

#include "base/text.h"
#include "codec/tar.h"
#include "device/counter.h"
#include "device/sysfs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A tree of the test's directory. */
static struct wtl_sysfs *open_tree(struct wtl_arena *arena)
{
    struct wtl_sysfs *files = NULL;
    struct wtl_error err = {0};
    assert_ok(wtl_sysfs_open(arena, in_test_directory(""), &files, &err), &err);
    return files;
}

static void put(const char *name, const char *text)
{
    write_text(in_test_directory(name), text);
}

static void numbers_of_all_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum wtl_absence absence;
        double value;
    } cases[] = {
        {"205000000\n", WTL_PRESENT, 205000000},
        {" 7 \n", WTL_PRESENT, 7},
        {"-1\n", WTL_PRESENT, -1},
        {"0", WTL_PRESENT, 0},
        {"18446744073709551615\n", WTL_PRESENT, 18446744073709551615.0}, /* all ones of 64 bits */
        {"99999999999999999999999999999999\n", WTL_PRESENT, 1e32},
        {"", WTL_ABSENT_FAILED, 0},
        {"\n", WTL_ABSENT_FAILED, 0},
        {"-\n", WTL_ABSENT_FAILED, 0},
        {"abc\n", WTL_ABSENT_FAILED, 0},
        {"1e9\n", WTL_ABSENT_FAILED, 0}, /* no driver writes that */
        {"12 34\n", WTL_ABSENT_FAILED, 0},
        {"0x10\n", WTL_ABSENT_FAILED, 0},
        {"N/A\n", WTL_ABSENT_FAILED, 0},
        {"5\nand more\n", WTL_ABSENT_FAILED, 0},
        {"1111111111111111111111111111111111111111111111111111111111111111111111111\n",
         WTL_ABSENT_FAILED, 0}, /* longer than any number of a driver */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        WTL_ARENA(arena);
        put("number", cases[i].text);
        struct wtl_sysfs *files = open_tree(&arena);
        const struct wtl_sysfs_dir root = wtl_sysfs_root(files);
        double value = -7;
        assert_int_equal(wtl_sysfs_number(&root, "number", &value), cases[i].absence);
        assert_near(value, cases[i].absence == WTL_PRESENT ? cases[i].value : -7, 1e16);
        if (cases[i].value < 1e9 && cases[i].value > -1e9 && cases[i].absence == WTL_PRESENT)
            assert_near(value, cases[i].value, 0);
        wtl_sysfs_close(files);
    }
}

static void what_is_no_file(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    char buf[16];
    size_t n = 99;
    double value = 5;
    assert_int_equal(mkdir(in_test_directory("folder"), 0755), 0);
    assert_int_equal(mkfifo(in_test_directory("pipe"), 0644), 0);
    put("long", "0123456789abcdef+");
    put("bytes", "a\x01\xff b\n");
    struct wtl_sysfs *files = open_tree(&arena);
    const struct wtl_sysfs_dir root = wtl_sysfs_root(files);
    assert_int_equal(wtl_sysfs_number(&root, "missing", &value), WTL_ABSENT_UNSUPPORTED);
    assert_int_equal(wtl_sysfs_number(&root, "long/below", &value), WTL_ABSENT_UNSUPPORTED);
    assert_int_equal(wtl_sysfs_number(&root, "folder", &value), WTL_ABSENT_FAILED); /* EISDIR */
    assert_int_equal(wtl_sysfs_number(&root, "pipe", &value), WTL_ABSENT_FAILED); /* nobody waits */
    assert_int_equal(wtl_sysfs_bytes(&root, "long", buf, sizeof buf, &n), WTL_ABSENT_FAILED);
    assert_int_equal(n, 99);
    assert_near(value, 5, 0);
    assert_int_equal(wtl_sysfs_text(&root, "bytes", buf, sizeof buf), WTL_PRESENT);
    assert_string_equal(buf, "a?? b");
    assert_int_equal(wtl_sysfs_text(&root, "missing", buf, sizeof buf), WTL_ABSENT_UNSUPPORTED);
    assert_string_equal(buf, "");
    wtl_sysfs_close(files);
}

static void errno_values(void **state)
{
    (void)state;
    assert_int_equal(wtl_sysfs_absence(0, true), WTL_PRESENT);
    assert_int_equal(wtl_sysfs_absence(ENOENT, true), WTL_ABSENT_UNSUPPORTED);
    assert_int_equal(wtl_sysfs_absence(EOPNOTSUPP, false), WTL_ABSENT_UNSUPPORTED);
    assert_int_equal(wtl_sysfs_absence(EACCES, true), WTL_ABSENT_DENIED);
    assert_int_equal(wtl_sysfs_absence(EPERM, true), WTL_ABSENT_DENIED);
    assert_int_equal(wtl_sysfs_absence(EPERM, false), WTL_ABSENT_NOT_YET); /* amdgpu in a reset */
    assert_int_equal(wtl_sysfs_absence(EAGAIN, false), WTL_ABSENT_NOT_YET);
    assert_int_equal(wtl_sysfs_absence(ENODATA, false), WTL_ABSENT_NOT_YET);
    assert_int_equal(wtl_sysfs_absence(ENODEV, false), WTL_ABSENT_LOST);
    assert_int_equal(wtl_sysfs_absence(EIO, false), WTL_ABSENT_FAILED);
}

static void trees_that_refuse(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    static const struct {
        const char *name;
        enum wtl_absence absence;
    } cases[] = {{"a/denied", WTL_ABSENT_DENIED}, {"a/io", WTL_ABSENT_FAILED},
                 {"a/again", WTL_ABSENT_NOT_YET}, {"a/nodata", WTL_ABSENT_NOT_YET},
                 {"a/gone", WTL_ABSENT_LOST},     {"a/fine", WTL_PRESENT}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        put(cases[i].name, "1\n");
    put("wattle-machine", "# comment\n\ndenied a/denied\n EIO  a/io \nEAGAIN a/again\n"
                          "ENODATA a/nodata\nENODEV a/gone\n");
    struct wtl_sysfs *files = open_tree(&arena);
    struct wtl_sysfs_dir dir;
    assert_int_equal(wtl_sysfs_dir_open(files, &arena, "a", &dir, NULL), 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double value;
        assert_int_equal(wtl_sysfs_number(&dir, cases[i].name + 2, &value), cases[i].absence);
    }
    wtl_sysfs_dir_close(&dir);
    wtl_sysfs_close(files);
}

static void refusals_that_are_none(void **state)
{
    (void)state;
    static const char *const texts[] = {"denied\n", "nonsense a/b\n", "EIO /sys/a\n", "x\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        WTL_ARENA(arena);
        struct wtl_error err = {0};
        struct wtl_sysfs *files = NULL;
        char text[64];
        snprintf(text, sizeof text, "# one\n%s", texts[i]);
        put("wattle-machine", text);
        assert_int_equal(wtl_sysfs_open(&arena, in_test_directory(""), &files, &err), -WTL_PARSE);
        assert_null(files);
        assert_string_equal(err.input_file, "wattle-machine");
        assert_int_equal(err.input_line, 2);
    }
}

static void lists_in_order(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    char **names = NULL;
    size_t n = 0;
    struct wtl_error err = {0};
    put("c/policy10/x", "1");
    put("c/policy2/x", "1");
    put("c/policy1/x", "1");
    put("c/other", "1");
    struct wtl_sysfs *files = open_tree(&arena);
    assert_ok(wtl_sysfs_list(files, &arena, "c", "policy", &names, &n, &err), &err);
    assert_int_equal(n, 3);
    assert_string_equal(names[0], "policy1");
    assert_string_equal(names[1], "policy2");
    assert_string_equal(names[2], "policy10");
    assert_ok(wtl_sysfs_list(files, &arena, "missing", "", &names, &n, &err), &err);
    assert_int_equal(n, 0);
    wtl_sysfs_close(files);
}

/* An archive as a root behaves as the directory that it was made of. */
static void archives(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_buf tar, gz;
    struct wtl_error err = {0};
    struct wtl_sysfs *files = NULL;
    struct wtl_sysfs_dir dir;
    char **names = NULL;
    size_t n = 0;
    double value = 0;
    wtl_buf_init(&tar, wtl_alloc_system(), 1 << 20);
    wtl_buf_init(&gz, wtl_alloc_system(), 1 << 20);
    assert_ok(wtl_tar_add(&tar, "sys/c/hwmon10/name", "ten\n", 4, &err), &err);
    assert_ok(wtl_tar_add(&tar, "sys/c/hwmon2/name", "two\n", 4, &err), &err);
    assert_ok(wtl_tar_add(&tar, "sys/c/hwmon2/power", "17\n", 3, &err), &err);
    assert_ok(wtl_tar_add(&tar, "sys/c-more", "1\n", 2, &err), &err);
    assert_ok(wtl_tar_add(&tar, "wattle-machine", "EIO sys/c-more\n", 15, &err), &err);
    wtl_tar_end(&tar);
    assert_ok(wtl_gzip(tar.data, tar.len, &gz, &err), &err);
    write_file(in_test_directory("m.tar.gz"), gz.data, gz.len);
    write_file(in_test_directory("m.tar"), tar.data, tar.len);
    static const char *const both[] = {"m.tar", "m.tar.gz"};
    for (int i = 0; i < 2; i++) {
        assert_ok(wtl_sysfs_open(&arena, in_test_directory(both[i]), &files, &err), &err);
        assert_false(wtl_sysfs_live(files));
        assert_int_equal(wtl_sysfs_root_fd(files), -1);
        assert_ok(wtl_sysfs_list(files, &arena, "sys/c", "hwmon", &names, &n, &err), &err);
        assert_int_equal(n, 2);
        assert_string_equal(names[0], "hwmon2");
        assert_string_equal(names[1], "hwmon10");
        assert_int_equal(wtl_sysfs_dir_open(files, &arena, "sys/c/hwmon2", &dir, &err), 1);
        assert_int_equal(wtl_sysfs_number(&dir, "power", &value), WTL_PRESENT);
        assert_near(value, 17, 0);
        assert_int_equal(wtl_sysfs_number(&dir, "name", &value), WTL_ABSENT_FAILED);
        assert_int_equal(wtl_sysfs_dir_open(files, &arena, "sys/c/hwmon1", &dir, &err), 0);
        const struct wtl_sysfs_dir root = wtl_sysfs_root(files);
        assert_int_equal(wtl_sysfs_number(&root, "sys/c-more", &value), WTL_ABSENT_FAILED);
        assert_int_equal(wtl_sysfs_write(&root, "sys/c-more", "2", &err), -WTL_UNSUPPORTED);
        wtl_sysfs_close(files);
    }
    wtl_buf_fini(&tar);
    wtl_buf_fini(&gz);
}

static void archives_that_are_none(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_sysfs *files = NULL;
    struct wtl_error err = {0};
    struct wtl_buf tar;
    wtl_buf_init(&tar, wtl_alloc_system(), 1 << 20);
    put("text", "this is no archive\n");
    assert_int_equal(wtl_sysfs_open(&arena, in_test_directory("text"), &files, &err), -WTL_PARSE);
    assert_ok(wtl_tar_add(&tar, "sys/a", "1234567", 7, &err), &err);
    write_file(in_test_directory("cut"), tar.data, 515);
    assert_int_equal(wtl_sysfs_open(&arena, in_test_directory("cut"), &files, &err), -WTL_PARSE);
    tar.data[5] ^= 1; /* of the name */
    write_file(in_test_directory("flipped"), tar.data, tar.len);
    assert_int_equal(wtl_sysfs_open(&arena, in_test_directory("flipped"), &files, &err),
                     -WTL_PARSE);
    assert_non_null(strstr(err.message, "checksum"));
    assert_int_equal(wtl_sysfs_open(&arena, in_test_directory("nowhere"), &files, &err),
                     -WTL_NOTFOUND);
    assert_null(files);
    wtl_buf_fini(&tar);
}

static void paths_in_archives(void **state)
{
    (void)state;
    struct wtl_buf tar;
    struct wtl_error err = {0};
    struct wtl_tar_entry e;
    char path[300];
    size_t at = 0;
    wtl_buf_init(&tar, wtl_alloc_system(), 1 << 20);
    assert_int_equal(wtl_tar_add(&tar, "/sys", "", 0, &err), -WTL_USAGE);
    assert_int_equal(wtl_tar_add(&tar, "a/../b", "", 0, &err), -WTL_USAGE);
    assert_int_equal(wtl_tar_add(&tar, "", "", 0, &err), -WTL_USAGE);
    memset(path, 'x', sizeof path);
    path[299] = '\0';
    assert_int_equal(wtl_tar_add(&tar, path, "", 0, &err), -WTL_LIMIT); /* no place to cut */
    assert_int_equal(tar.len, 0);
    path[150] = '/';
    path[240] = '\0';
    assert_ok(wtl_tar_add(&tar, path, "v", 1, &err), &err); /* prefix and name */
    wtl_tar_end(&tar);
    assert_int_equal(wtl_tar_next((unsigned char *)tar.data, tar.len, &at, &e, &err), 1);
    assert_string_equal(e.path, path);
    assert_int_equal(e.n, 1);
    assert_int_equal(wtl_tar_next((unsigned char *)tar.data, tar.len, &at, &e, &err), 0);
    wtl_buf_fini(&tar);
}

static void recording(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    const struct wtl_sysfs_record *r = NULL;
    struct wtl_error err = {0};
    size_t n = 0;
    double value;
    put("b", "2\n");
    put("a", "1\n");
    put("never", "9\n");
    put("wattle-machine", "denied c\n");
    struct wtl_sysfs *files = open_tree(&arena);
    const struct wtl_sysfs_dir root = wtl_sysfs_root(files);
    assert_ok(wtl_sysfs_record_start(files, &arena, 100, &err), &err);
    assert_int_equal(wtl_sysfs_record_start(files, &arena, 100, &err), -WTL_BUSY);
    wtl_sysfs_number(&root, "b", &value);
    put("b", "33\n");
    wtl_sysfs_number(&root, "b", &value); /* the last one counts */
    wtl_sysfs_number(&root, "a", &value);
    wtl_sysfs_number(&root, "c", &value);
    wtl_sysfs_number(&root, "missing", &value);
    assert_true(wtl_sysfs_record_stop(files, &r, &n));
    assert_int_equal(n, 3);
    assert_string_equal(r[0].path, "a");
    assert_string_equal(r[1].path, "b");
    assert_int_equal(r[1].n, 3);
    assert_memory_equal(r[1].data, "33\n", 3);
    assert_int_equal(r[2].absence, WTL_ABSENT_DENIED);
    assert_ok(wtl_sysfs_record_start(files, &arena, 3, &err), &err);
    wtl_sysfs_number(&root, "b", &value);
    wtl_sysfs_number(&root, "a", &value);
    assert_false(wtl_sysfs_record_stop(files, &r, &n)); /* more than 3 bytes */
    wtl_sysfs_close(files);
}

static void writing(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    double value = 0;
    put("limit", "205000000\n");
    struct wtl_sysfs *files = open_tree(&arena);
    struct wtl_sysfs_dir root = wtl_sysfs_root(files);
    assert_false(wtl_sysfs_writable(&root, "limit"));
    assert_int_equal(wtl_sysfs_write(&root, "limit", "1", &err), -WTL_UNSUPPORTED);
    wtl_sysfs_pretend_live(files);
    assert_true(wtl_sysfs_writable(&root, "limit"));
    assert_false(wtl_sysfs_writable(&root, "missing"));
    assert_ok(wtl_sysfs_write(&root, "limit", "90000000", &err), &err);
    assert_int_equal(wtl_sysfs_number(&root, "limit", &value), WTL_PRESENT);
    assert_near(value, 90000000, 0);
    assert_int_equal(wtl_sysfs_write(&root, "missing", "1", &err), -WTL_UNSUPPORTED);
    assert_int_equal(access(in_test_directory("missing"), F_OK), -1); /* nothing is made */
    chmod(in_test_directory("limit"), 0444);
    assert_false(wtl_sysfs_writable(&root, "limit")); /* root included: sysfs goes by the mode */
    wtl_sysfs_close(files);
}

static void counters(void **state)
{
    (void)state;
    double d = -1;
    assert_true(wtl_counter_advance(10, 30, 0, 0, &d));
    assert_near(d, 20, 0);
    assert_true(wtl_counter_advance(262143, 57, 262144, 0, &d)); /* wrapped */
    assert_near(d, 58, 1e-9);
    assert_true(wtl_counter_advance(30, 30, 100, 0, &d));
    assert_near(d, 0, 0);
    d = -1;
    assert_false(wtl_counter_advance(30, 10, 0, 0, &d));        /* a reset */
    assert_false(wtl_counter_advance(30, 10, 262144, 500, &d)); /* 262124 J in 2 s are none */
    assert_false(wtl_counter_advance(300, 10, 262, 0, &d));     /* not of this counter */
    assert_near(d, -1, 0);
    assert_true(wtl_counter_advance(262000, 10, 262144, 500, &d));
    assert_near(d, 154, 1e-9);
}

static void values_of_uevent(void **state)
{
    (void)state;
    static const char text[] = "DRIVER=amdgpu\nPCI_ID=1002:740F\nPCI=short\n\nEMPTY=\nLAST=x=y";
    char buf[10] = "before";
    assert_true(wtl_sysfs_key(text, "DRIVER", buf, sizeof buf));
    assert_string_equal(buf, "amdgpu");
    assert_true(wtl_sysfs_key(text, "PCI_ID", buf, sizeof buf));
    assert_string_equal(buf, "1002:740F");
    assert_true(wtl_sysfs_key(text, "PCI", buf, sizeof buf));
    assert_string_equal(buf, "short");
    assert_true(wtl_sysfs_key(text, "EMPTY", buf, sizeof buf));
    assert_string_equal(buf, "");
    assert_true(wtl_sysfs_key(text, "LAST", buf, sizeof buf));
    assert_string_equal(buf, "x=y");
    assert_false(wtl_sysfs_key(text, "PCI_ID", buf, 9)); /* does not fit */
    assert_string_equal(buf, "");
    assert_false(wtl_sysfs_key(text, "short", buf, sizeof buf));
    assert_false(wtl_sysfs_key("", "DRIVER", buf, sizeof buf));
}

int main(void)
{
#define IN(test) cmocka_unit_test_setup_teardown(test, make_test_directory, drop_test_directory)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_uevent),
        IN(numbers_of_all_kinds),
        IN(what_is_no_file),
        cmocka_unit_test(errno_values),
        IN(trees_that_refuse),
        IN(refusals_that_are_none),
        IN(lists_in_order),
        IN(archives),
        IN(archives_that_are_none),
        cmocka_unit_test(paths_in_archives),
        IN(recording),
        IN(writing),
        cmocka_unit_test(counters),
    };
    return cmocka_run_group_tests_name("device/sysfs", tests, NULL, NULL);
}
