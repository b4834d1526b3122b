/* SPDX-License-Identifier: Apache-2.0
 * What the NVML back end learns from the machine around the library: boot and driver load, rights,
 * containers, processes' names, and boards without a driver. The machine is a directory that is
 * taken for "/". */
#include "support/nvml_fixture.h"
#include "support/support.h"

#include "device/sysfs.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct nvml_fixture f;
static struct wtl_arena arena;
static char root[256];

static void put(const char *path, const char *text)
{
    char whole[600];
    snprintf(whole, sizeof whole, "%s/%s", root, path);
    write_text(whole, text);
}

/* A new link under that name: with another inode than the old one, which is there until then. */
static void put_link(const char *path, const char *target)
{
    char whole[600], fresh[640];
    snprintf(whole, sizeof whole, "%s/%s", root, path);
    snprintf(fresh, sizeof fresh, "%s.fresh", whole);
    write_text(fresh, ""); /* makes the directories */
    assert_int_equal(unlink(fresh), 0);
    assert_int_equal(symlink(target, fresh), 0);
    assert_int_equal(rename(fresh, whole), 0);
}

static void set_up(const char *name)
{
    char library[64];
    struct wtl_error err;
    snprintf(library, sizeof library, "%s-library", name);
    nvml_fixture_load(&f, library, NULL);
    snprintf(root, sizeof root, "%s", in_test_directory(name));
    put("proc/sys/kernel/random/boot_id", "0123-4567\n");
    put("proc/self/status", "Name:\twattle\nCapEff:\t000001ffffffffff\nCapBnd:\t0\n");
    wtl_arena_init(&arena, wtl_alloc_system());
    assert_ok(wtl_sysfs_open(&arena, root, &f.files, &err), &err);
    wtl_sysfs_pretend_live(f.files);
}

static void tear_down(void)
{
    nvml_fixture_close(&f);
    wtl_sysfs_close(f.files);
    f.files = NULL;
    nvml_fixture_unload(&f);
    wtl_arena_fini(&arena);
}

static const char *epoch(void)
{
    static char text[4][WTL_LIMIT_NAME];
    static int next;
    struct wtl_error err;
    next = (next + 1) % 4;
    assert_ok(wtl_device_epoch(nvml_fixture_device(&f, 0), text[next], &err), &err);
    return text[next];
}

static void the_epoch_changes_with_boot_and_driver(void **state)
{
    (void)state;
    set_up("epoch");
    nvml_fixture_open(&f);
    assert_string_equal(epoch(), "boot 0123-4567");
    put("sys/module/nvidia/version", "999.1.2\n");
    const char *module = epoch();
    assert_int_equal(strncmp(module, "boot 0123-4567 module@", 22), 0);
    put_link("sys/bus/pci/devices/0000:3b:00.0/driver", "../../../drivers/nvidia");
    const char *bound = epoch();
    assert_int_equal(strncmp(bound, "boot 0123-4567 gpu@", 19), 0);
    assert_string_equal(epoch(), bound);
    put_link("sys/bus/pci/devices/0000:3b:00.1/driver", "../../../drivers/snd");
    assert_string_equal(epoch(), bound); /* another function of the board */
    put_link("sys/bus/pci/devices/0000:3b:00.0/driver", "../../../drivers/nvidia");
    assert_string_not_equal(epoch(), bound);
    bound = epoch();
    put("proc/sys/kernel/random/boot_id", "89ab-cdef\n");
    assert_string_not_equal(epoch(), bound);
    tear_down();
}

static void rights_are_those_of_the_capability(void **state)
{
    (void)state;
    set_up("rights");
    nvml_fixture_open(&f);
    const struct wtl_device_info *info = wtl_device_info(nvml_fixture_device(&f, 0));
    assert_int_not_equal(info->knobs, 0);
    assert_int_equal(info->writable, info->knobs);
    nvml_fixture_close(&f);
    put("proc/self/status", "Name:\twattle\nCapEff:\t00000000a80425fb\n"); /* a container's root */
    nvml_fixture_open(&f);
    info = wtl_device_info(nvml_fixture_device(&f, 0));
    assert_int_not_equal(info->knobs, 0);
    assert_int_equal(info->writable, 0);
    assert_true(nvml_fixture_finds(&f, WTL_FINDING_LACK,
                                   geteuid() == 0 ? "--cap-add SYS_ADMIN" : "sudo wattle"));
    tear_down();
}

static void names_come_from_a_proc_that_counts_as_the_driver_does(void **state)
{
    (void)state;
    struct wtl_process p[2];
    size_t n;
    struct wtl_error err;
    set_up("names");
    f.fake->gpu[0].compute = (struct fake_list){1, {{4711, 1, 0, 0}}};
    put("proc/4711/comm", "python3\n");
    put_link("proc/self/ns/pid", "pid:[4026532201]");
    nvml_fixture_open(&f);
    assert_ok(wtl_device_processes(nvml_fixture_device(&f, 0), p, 2, &n, &err), &err);
    assert_string_equal(p[0].name, ""); /* 4711 is somebody else there */
    assert_true(nvml_fixture_finds(&f, WTL_FINDING_NOTE, "a container's view of processes"));
    nvml_fixture_close(&f);
    put_link("proc/self/ns/pid", "pid:[4026531836]");
    nvml_fixture_open(&f);
    assert_ok(wtl_device_processes(nvml_fixture_device(&f, 0), p, 2, &n, &err), &err);
    assert_string_equal(p[0].name, "python3");
    tear_down();
}

static void wsl_has_a_device_of_its_own(void **state)
{
    (void)state;
    set_up("windows");
    put("dev/dxg", "");
    nvml_fixture_open(&f);
    assert_true(wtl_device_info(nvml_fixture_device(&f, 0))->flags & WTL_DEVICE_WSL);
    tear_down();
}

/* A module cannot be loaded from a container, whatever runs it. */
static void a_driver_that_is_missing_in_a_container(void **state)
{
    (void)state;
    static const char *const marks[][2] = {
        {".dockerenv", ""},
        {"run/.containerenv", ""},
        {"var/run/secrets/kubernetes.io/serviceaccount/namespace", "default"},
        {"proc/self/cgroup", "0::/kubepods.slice/pod1\n"},
        {"proc/self/cgroup", "0::/lxc.payload.one/init.scope\n"},
        {"run/systemd/container", "systemd-nspawn\n"},
    };
    set_up("outside");
    f.fake->ret[FAKE_nvmlInit_v2] = NVML_DRIVER_NOT_LOADED;
    nvml_fixture_open(&f);
    assert_true(nvml_fixture_finds(&f, WTL_FINDING_LACK, "modprobe nvidia"));
    tear_down();
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        char name[16];
        snprintf(name, sizeof name, "inside%zu", i);
        set_up(name);
        f.fake->ret[FAKE_nvmlInit_v2] = NVML_DRIVER_NOT_LOADED;
        put(marks[i][0], marks[i][1]);
        nvml_fixture_open(&f);
        assert_true(nvml_fixture_finds(&f, WTL_FINDING_LACK, "--gpus all"));
        assert_false(nvml_fixture_finds(&f, WTL_FINDING_LACK, "modprobe nvidia"));
        tear_down();
    }
}

static void what_is_missing_without_a_library(void **state)
{
    (void)state;
    void *real = dlopen("libnvidia-ml.so.1", RTLD_LAZY);
    if (real) {
        dlclose(real);
        skip(); /* this machine has one */
    }
    set_up("boards");
    f.path[0] = '\0'; /* the system's */
    nvml_fixture_open(&f);
    assert_true(
        nvml_fixture_finds(&f, WTL_FINDING_NOTE, "no NVIDIA hardware and no NVIDIA driver"));
    nvml_fixture_close(&f);
    put("sys/bus/pci/devices/0000:3b:00.0/vendor", "0x10de\n");
    put("sys/bus/pci/devices/0000:3b:00.0/class", "0x030200\n");
    put("sys/bus/pci/devices/0000:3b:00.1/vendor", "0x10de\n");
    put("sys/bus/pci/devices/0000:3b:00.1/class", "0x040300\n"); /* its sound device */
    put("sys/bus/pci/devices/0000:05:00.0/vendor", "0x1002\n");
    put("sys/bus/pci/devices/0000:05:00.0/class", "0x030000\n");
    nvml_fixture_open(&f);
    assert_true(nvml_fixture_finds(&f, WTL_FINDING_LACK, "1 NVIDIA GPU on the PCI bus, and no"));
    nvml_fixture_close(&f);
    put("sys/module/nvidia/version", "999.1.2\n");
    nvml_fixture_open(&f);
    assert_true(nvml_fixture_finds(&f, WTL_FINDING_LACK, "its library libnvidia-ml.so.1 is not"));
    assert_false(nvml_fixture_finds(&f, WTL_FINDING_LACK, "--gpus all"));
    nvml_fixture_close(&f);
    put(".dockerenv", "");
    nvml_fixture_open(&f);
    assert_true(nvml_fixture_finds(&f, WTL_FINDING_LACK, "--gpus all"));
    tear_down();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_epoch_changes_with_boot_and_driver),
        cmocka_unit_test(rights_are_those_of_the_capability),
        cmocka_unit_test(names_come_from_a_proc_that_counts_as_the_driver_does),
        cmocka_unit_test(wsl_has_a_device_of_its_own),
        cmocka_unit_test(a_driver_that_is_missing_in_a_container),
        cmocka_unit_test(what_is_missing_without_a_library),
    };
    return cmocka_run_group_tests(tests, make_test_directory, drop_test_directory);
}
