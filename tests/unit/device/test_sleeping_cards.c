/* SPDX-License-Identifier: Apache-2.0
 * GPUs of AMD and Intel that sleep when they are found: none of their sensors is read, and all are
 * there once they wake. */
#include "support/support.h"

#include "device/backend.h"
#include "device/sysfs.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int64_t now;

#define AMD "sys/class/drm/card0/"
#define XE "sys/class/drm/card1/"

struct world {
    struct wtl_arena arena;
    struct wtl_sysfs *files;
    struct wtl_machine *machine;
    const struct wtl_sysfs_record *records;
    size_t n_records;
};

static void put(const char *name, const char *text)
{
    write_text(in_test_directory(name), text);
}

/* gpu_metrics 1.3 with an energy counter of 7 J. */
static void put_table(void)
{
    unsigned char t[120];
    const uint16_t size = sizeof t;
    const uint64_t energy = 7 << 16;
    memset(t, 0xff, sizeof t);
    memcpy(t, &size, 2);
    t[2] = 1;
    t[3] = 3;
    memcpy(t + 24, &energy, 8);
    FILE *f = fopen(in_test_directory(AMD "device/gpu_metrics"), "w");
    assert_non_null(f);
    assert_int_equal(fwrite(t, sizeof t, 1, f), 1);
    assert_int_equal(fclose(f), 0);
}

static void make_cards(const char *status)
{
    put(AMD "device/uevent", "DRIVER=amdgpu\nPCI_ID=1002:740F\nPCI_SLOT_NAME=0000:03:00.0\n");
    put(AMD "device/power/runtime_status", status);
    put(AMD "device/hwmon/hwmon1/power1_average", "90000000\n");
    put(AMD "device/hwmon/hwmon1/temp1_label", "edge\n");
    put(AMD "device/hwmon/hwmon1/temp1_input", "40000\n");
    put(AMD "device/gpu_busy_percent", "50\n");
    put_table();
    put(XE "device/uevent", "DRIVER=xe\nPCI_ID=8086:E20B\nPCI_SLOT_NAME=0000:04:00.0\n");
    put(XE "device/power/runtime_status", status);
    put(XE "device/hwmon/hwmon2/energy1_label", "card\n");
    put(XE "device/hwmon/hwmon2/energy1_input", "5000000\n");
    put(XE "device/hwmon/hwmon2/temp2_label", "pkg\n");
    put(XE "device/hwmon/hwmon2/temp2_input", "41000\n");
    put(XE "device/tile0/gt0/freq0/act_freq", "1200\n");
    put(XE "device/tile0/gt0/freq0/throttle/reason_pl1", "1\n");
}

static void open_world(struct world *w)
{
    struct wtl_error err = {0};
    wtl_arena_init(&w->arena, wtl_alloc_system());
    assert_ok(wtl_sysfs_open(&w->arena, in_test_directory(""), &w->files, &err), &err);
    assert_ok(wtl_sysfs_record_start(w->files, &w->arena, 1 << 20, &err), &err);
    const struct wtl_machine_options options = {
        .clock = wtl_clock_fixed(&now), .files = w->files, .nvml = ""};
    assert_ok(wtl_machine_open(wtl_alloc_system(), &options, &w->machine, &err), &err);
    assert_true(wtl_sysfs_record_stop(w->files, &w->records, &w->n_records));
}

static void close_world(struct world *w)
{
    wtl_machine_close(w->machine);
    wtl_sysfs_close(w->files);
    wtl_arena_fini(&w->arena);
}

static struct wtl_device *find(struct world *w, const char *id)
{
    struct wtl_device *d = wtl_machine_by_id(w->machine, id);
    assert_non_null(d);
    return d;
}

static void read_all(struct wtl_device *d, struct wtl_reading *r)
{
    struct wtl_error err = {0};
    assert_ok(wtl_device_read(d, wtl_device_info(d)->sensors, r, &err), &err);
}

static void assert_asleep(struct wtl_device *d)
{
    struct wtl_reading r;
    read_all(d, &r);
    assert_true(r.valid == 0);
    for (int m = 0; m < (int)WTL_N_METRICS; m++)
        if (wtl_device_info(d)->sensors & WTL_METRIC_BIT(m))
            assert_int_equal(r.absence[m], WTL_ABSENT_NOT_YET);
}

static void nothing_wakes_a_card(void **state)
{
    (void)state;
    struct world w;
    make_cards("suspended\n");
    open_world(&w);
    assert_asleep(find(&w, "amdgpu:0000:03:00.0"));
    assert_asleep(find(&w, "intelgpu:0000:04:00.0"));
    int sensors = 0;
    for (size_t i = 0; i < w.n_records; i++) {
        const char *path = w.records[i].path;
        if (!strstr(path, "_input") && !strstr(path, "_average") && !strstr(path, "gpu_") &&
            !strstr(path, "tile0"))
            continue;
        assert_int_equal(w.records[i].absence, WTL_ABSENT_NOT_YET);
        sensors++;
    }
    assert_int_equal(sensors, 8); /* all of them are known to be there */
    close_world(&w);
}

static void what_sleeps_is_there_when_it_wakes(void **state)
{
    (void)state;
    struct world w;
    struct wtl_reading r;
    make_cards("suspended\n");
    open_world(&w);
    struct wtl_device *amd = find(&w, "amdgpu:0000:03:00.0");
    struct wtl_device *xe = find(&w, "intelgpu:0000:04:00.0");
    put(AMD "device/power/runtime_status", "active\n");
    put(XE "device/power/runtime_status", "active\n");
    read_all(amd, &r);
    assert_near(r.value[WTL_M_power_w], 90, 0);
    assert_near(r.value[WTL_M_energy_counter_j], 7, 0);
    assert_near(r.value[WTL_M_temp_c], 40, 0);
    assert_near(r.value[WTL_M_gpu_util], 0.5, 0);
    /* What the files promised and the board has not is no sign that it is gone. */
    assert_true(wtl_device_info(amd)->sensors & WTL_METRIC_BIT(WTL_M_event_reasons));
    assert_int_equal(r.absence[WTL_M_event_reasons], WTL_ABSENT_UNSUPPORTED);
    read_all(xe, &r);
    assert_near(r.value[WTL_M_energy_counter_j], 5, 0);
    assert_near(r.value[WTL_M_temp_c], 41, 0);
    assert_near(r.value[WTL_M_sm_clock_mhz], 1200, 0);
    assert_near(r.value[WTL_M_event_reasons], 4, 0);
    close_world(&w);
}

/* The same of one that has only some of the files. */
static void a_card_promises_what_it_has(void **state)
{
    (void)state;
    struct world w;
    struct wtl_reading r;
    make_cards("suspended\n");
    assert_int_equal(unlink(in_test_directory(AMD "device/hwmon/hwmon1/power1_average")), 0);
    assert_int_equal(unlink(in_test_directory(AMD "device/gpu_busy_percent")), 0);
    open_world(&w);
    struct wtl_device *amd = find(&w, "amdgpu:0000:03:00.0");
    assert_true(wtl_device_info(amd)->sensors ==
                (WTL_METRIC_BIT(WTL_M_temp_c) | WTL_METRIC_BIT(WTL_M_energy_counter_j) |
                 WTL_METRIC_BIT(WTL_M_event_reasons)));
    put(AMD "device/power/runtime_status", "active\n");
    struct wtl_error err = {0};
    assert_ok(wtl_device_read(amd, WTL_METRIC_BIT(WTL_M_event_reasons), &r, &err), &err);
    assert_int_equal(r.absence[WTL_M_event_reasons], WTL_ABSENT_UNSUPPORTED);
    close_world(&w);
}

static void a_card_that_goes_while_it_sleeps(void **state)
{
    (void)state;
    static const char *const files[] = {
        "uevent",           "power/runtime_status",
        "gpu_metrics",      "hwmon/hwmon1/power1_average",
        "gpu_busy_percent", "hwmon/hwmon1/temp1_input",
    };
    struct world w;
    struct wtl_reading r;
    struct wtl_error err = {0};
    make_cards("suspended\n");
    open_world(&w);
    struct wtl_device *amd = find(&w, "amdgpu:0000:03:00.0");
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char name[128];
        snprintf(name, sizeof name, AMD "device/%s", files[i]);
        assert_int_equal(unlink(in_test_directory(name)), 0);
    }
    assert_int_equal(wtl_device_read(amd, wtl_device_info(amd)->sensors, &r, &err), -WTL_LOST);
    close_world(&w);
}

int main(void)
{
#define IN(test) cmocka_unit_test_setup_teardown(test, make_test_directory, drop_test_directory)
    const struct CMUnitTest tests[] = {
        IN(nothing_wakes_a_card),
        IN(what_sleeps_is_there_when_it_wakes),
        IN(a_card_promises_what_it_has),
        IN(a_card_that_goes_while_it_sleeps),
    };
    return cmocka_run_group_tests_name("device/sleeping_cards", tests, NULL, NULL);
}
