/* SPDX-License-Identifier: Apache-2.0
 * Knobs of RAPL, cpufreq and control groups in a tree that is taken for a live one; devices whose
 * files vanish between opening and reading; what the back ends parse. */
#include "support/support.h"

#include "base/text.h"
#include "device/backend.h"
#include "device/cgroup/cgroup.h"
#include "device/knob.h"
#include "device/sysfs.h"

#include <stdio.h>
#include <string.h>

static int64_t now;

struct world {
    struct wtl_arena arena;
    struct wtl_sysfs *files;
    struct wtl_machine *machine;
};

static void open_world(struct world *w, bool live, const char *const *only)
{
    struct wtl_error err = {0};
    wtl_arena_init(&w->arena, wtl_alloc_system());
    assert_ok(wtl_sysfs_open(&w->arena, in_test_directory(""), &w->files, &err), &err);
    if (live)
        wtl_sysfs_pretend_live(w->files);
    const struct wtl_machine_options options = {
        .clock = wtl_clock_fixed(&now), .files = w->files, .nvml = "", .only = only};
    assert_ok(wtl_machine_open(wtl_alloc_system(), &options, &w->machine, &err), &err);
}

static void close_world(struct world *w)
{
    wtl_machine_close(w->machine);
    wtl_sysfs_close(w->files);
    wtl_arena_fini(&w->arena);
}

static struct wtl_device *find(struct world *w, const char *id)
{
    struct wtl_device *d = NULL;
    struct wtl_error err = {0};
    assert_ok(wtl_machine_find(w->machine, id, &d, &err), &err);
    return d;
}

static void put(const char *name, const char *text)
{
    write_text(in_test_directory(name), text);
}

/* The content of a file as it is now, to its line end. */
static const char *content(const char *name)
{
    static char text[256];
    FILE *f = fopen(in_test_directory(name), "r");
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return text;
}

static void assert_knob(struct wtl_device *d, enum wtl_knob knob, const char *want)
{
    struct wtl_knob_state s;
    struct wtl_error err = {0};
    char text[WTL_KNOB_TEXT];
    assert_ok(wtl_device_knob(d, knob, &s, &err), &err);
    assert_true(s.known);
    assert_string_equal(wtl_knob_format(knob, s.requested, text), want);
}

/* ---- RAPL -------------------------------------------------------------------------------------*/

#define ZONE "sys/class/powercap/intel-rapl:0/"
#define MMIO "sys/class/powercap/intel-rapl-mmio:0/"

static void make_package(void)
{
    put(ZONE "name", "package-0\n");
    put(ZONE "energy_uj", "262143000000\n");
    put(ZONE "max_energy_range_uj", "262143328850\n");
    put(ZONE "enabled", "1\n");
    put(ZONE "constraint_0_name", "short_term\n"); /* the order is not fixed */
    put(ZONE "constraint_0_power_limit_uw", "300000000\n");
    put(ZONE "constraint_1_name", "long_term\n");
    put(ZONE "constraint_1_power_limit_uw", "205000000\n");
    put(ZONE "constraint_1_max_power_uw", "165000000\n");
}

static void package_limit(void **state)
{
    (void)state;
    struct world w;
    struct wtl_error err = {0};
    struct wtl_knob_range r;
    struct wtl_knob_state s;
    make_package();
    open_world(&w, true, NULL);
    struct wtl_device *d = find(&w, "rapl:0");
    assert_int_equal(wtl_device_info(d)->writable, WTL_KNOB_BIT(WTL_KNOB_power_limit_w));
    assert_knob(d, WTL_KNOB_power_limit_w, "205 W");
    assert_ok(wtl_device_knob_range(d, WTL_KNOB_power_limit_w, &w.arena, &r, &err), &err);
    assert_near(r.max, 205, 0); /* what was found must be settable again, default or not */
    assert_near(r.default_value, 165, 0);
    assert_false(r.released_is_default); /* "released" is switched off */
    assert_ok(wtl_knob_set(d, WTL_KNOB_power_limit_w, wtl_knob_at(99.5), &s, &err), &err);
    assert_near(s.requested.hi, 99.5, 1e-9);
    assert_string_equal(content(ZONE "constraint_1_power_limit_uw"), "99500000");
    assert_string_equal(content(ZONE "constraint_0_power_limit_uw"), "300000000");
    /* Leases hold to the range; what was there before goes back, however high it was. */
    assert_int_equal(wtl_knob_set(d, WTL_KNOB_power_limit_w, wtl_knob_at(1e6), NULL, &err),
                     -WTL_USAGE);
    assert_int_equal(wtl_knob_set(d, WTL_KNOB_power_limit_w, wtl_knob_at(0.5), NULL, &err),
                     -WTL_USAGE);
    assert_knob(d, WTL_KNOB_power_limit_w, "99.5 W");
    assert_ok(wtl_knob_set(d, WTL_KNOB_power_limit_w, wtl_knob_released(), &s, &err), &err);
    assert_true(s.requested.released);
    assert_string_equal(content(ZONE "enabled"), "0");
    assert_ok(wtl_knob_set(d, WTL_KNOB_power_limit_w, wtl_knob_at(205), &s, &err), &err);
    assert_knob(d, WTL_KNOB_power_limit_w, "205 W"); /* and in force again */
    assert_string_equal(content(ZONE "enabled"), "1");
    close_world(&w);
}

/* A limit that is switched off has a number nevertheless, and somebody may switch it on later. */
static void limit_that_is_off(void **state)
{
    (void)state;
    struct world w;
    struct wtl_error err = {0};
    struct wtl_knob_state before;
    make_package();
    put(ZONE "enabled", "0\n");
    open_world(&w, true, NULL);
    struct wtl_device *d = find(&w, "rapl:0");
    assert_ok(wtl_device_knob(d, WTL_KNOB_power_limit_w, &before, &err), &err);
    assert_knob(d, WTL_KNOB_power_limit_w, "released (205 W)");
    assert_ok(wtl_knob_set(d, WTL_KNOB_power_limit_w, wtl_knob_at(99.5), NULL, &err), &err);
    assert_string_equal(content(ZONE "enabled"), "1");
    assert_ok(wtl_knob_set(d, WTL_KNOB_power_limit_w, before.requested, NULL, &err), &err);
    assert_string_equal(content(ZONE "enabled"), "0");
    assert_string_equal(content(ZONE "constraint_1_power_limit_uw"), "205000000");
    /* What cannot be read is no "on": it would be put back as that. */
    put(ZONE "enabled", "rubbish\n");
    assert_int_equal(wtl_device_knob(d, WTL_KNOB_power_limit_w, &before, &err), -WTL_FAILED);
    assert_int_equal(wtl_knob_set(d, WTL_KNOB_power_limit_w, wtl_knob_at(99.5), NULL, &err),
                     -WTL_FAILED);
    close_world(&w);
}

/* The firmware's limit may lie above the rating, and must go back after a lower one is found. */
static void limit_above_the_rating(void **state)
{
    (void)state;
    struct world w;
    struct wtl_error err = {0};
    make_package();
    put(ZONE "constraint_1_power_limit_uw", "99500000\n");
    open_world(&w, true, NULL);
    struct wtl_device *d = find(&w, "rapl:0");
    assert_ok(wtl_knob_set(d, WTL_KNOB_power_limit_w, wtl_knob_at(4095), NULL, &err), &err);
    assert_string_equal(content(ZONE "constraint_1_power_limit_uw"), "4095000000");
    close_world(&w);
}

static void two_interfaces_of_one_package(void **state)
{
    (void)state;
    struct world w;
    struct wtl_error err = {0};
    struct wtl_knob_state s;
    make_package();
    put(MMIO "name", "package-0\n");
    put(MMIO "energy_uj", "262143000001\n");
    put(MMIO "enabled", "1\n");
    put(MMIO "constraint_0_name", "long_term\n"); /* in another order than the first's */
    put(MMIO "constraint_0_power_limit_uw", "150000000\n");
    put(MMIO "constraint_1_name", "short_term\n");
    put(MMIO "constraint_1_power_limit_uw", "100000000\n");
    open_world(&w, true, NULL);
    assert_int_equal(wtl_machine_count(w.machine), 1);
    struct wtl_device *d = find(&w, "rapl:0");
    assert_string_equal(wtl_device_info(d)->driver, "intel-rapl");
    assert_ok(wtl_device_knob(d, WTL_KNOB_power_limit_w, &s, &err), &err);
    assert_near(s.requested.hi, 205, 0);
    assert_near(s.enforced, 150, 0);
    put(MMIO "enabled", "0\n");
    assert_ok(wtl_device_knob(d, WTL_KNOB_power_limit_w, &s, &err), &err);
    assert_near(s.enforced, 205, 0);
    close_world(&w);
}

static void names_of_zones(void **state)
{
    (void)state;
    static const struct {
        const char *name, *id;
    } cases[] = {
        {"package-0\n", "rapl:0"},   {"package-12\n", "rapl:12"}, {"package-0-die-1\n", "rapl:0.1"},
        {"package-\n", NULL},        {"package-0-die-\n", NULL},  {"package-0-die-x\n", NULL},
        {"package-0x\n", NULL},      {"package-1234\n", NULL},    {"psys\n", "rapl:psys"},
        {"psys-1\n", "rapl:psys-1"}, {"psys/../x\n", NULL},       {"core\n", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world w;
        put(ZONE "energy_uj", "1\n");
        put(ZONE "name", cases[i].name);
        open_world(&w, false, NULL);
        assert_int_equal(wtl_machine_count(w.machine), cases[i].id != NULL);
        if (cases[i].id)
            assert_string_equal(wtl_device_info(wtl_machine_device(w.machine, 0))->id, cases[i].id);
        close_world(&w);
    }
}

static void a_package_that_vanishes(void **state)
{
    (void)state;
    struct world w;
    struct wtl_reading r;
    struct wtl_error err = {0};
    struct wtl_knob_state s;
    make_package();
    open_world(&w, true, NULL);
    struct wtl_device *d = find(&w, "rapl:0");
    const uint64_t energy = WTL_METRIC_BIT(WTL_M_energy_counter_j);
    assert_ok(wtl_device_read(d, energy, &r, &err), &err);
    assert_near(r.value[WTL_M_energy_counter_j], 262143, 0);
    remove_tree(in_test_directory("sys/class/powercap/intel-rapl:0"));
    /* Another package under the same number is another device. */
    make_package();
    put(ZONE "energy_uj", "1\n");
    assert_int_equal(wtl_device_read(d, energy, &r, &err), -WTL_LOST);
    assert_int_equal(wtl_device_knob(d, WTL_KNOB_power_limit_w, &s, &err), -WTL_LOST);
    assert_int_equal(wtl_knob_set(d, WTL_KNOB_power_limit_w, wtl_knob_at(100), NULL, &err),
                     -WTL_LOST);
    assert_string_equal(content(ZONE "constraint_1_power_limit_uw"), "205000000");
    close_world(&w);
}

/* ---- cpufreq ----------------------------------------------------------------------------------*/

#define POLICY "sys/devices/system/cpu/cpufreq/policy0/"

static void make_policy(const char *lo, const char *hi)
{
    put(POLICY "affected_cpus", "0 1 2 3 8\n");
    put(POLICY "cpuinfo_min_freq", "800000\n");
    put(POLICY "cpuinfo_max_freq", "3500000\n");
    put(POLICY "scaling_min_freq", lo);
    put(POLICY "scaling_max_freq", hi);
    put(POLICY "scaling_cur_freq", "1234567\n");
    put(POLICY "scaling_driver", "intel_pstate\n");
    put(POLICY "scaling_governor", "powersave\n");
}

static void clock_range(void **state)
{
    (void)state;
    struct world w;
    struct wtl_error err = {0};
    struct wtl_knob_state s;
    make_policy("800000\n", "3500000\n");
    open_world(&w, true, NULL);
    struct wtl_device *d = find(&w, "cpufreq:0");
    assert_string_equal(wtl_device_info(d)->name, "CPUs 0-3,8, powersave");
    assert_knob(d, WTL_KNOB_cpu_clock_mhz, "released (800-3500 MHz)");
    /* Up and down, past each other. */
    static const double ranges[][2] = {{2000, 2500}, {3000, 3400}, {900, 1000}, {800, 3500}};
    for (int i = 0; i < 4; i++) {
        const struct wtl_knob_value v = {.lo = ranges[i][0], .hi = ranges[i][1]};
        char want[16];
        assert_ok(wtl_knob_set(d, WTL_KNOB_cpu_clock_mhz, v, &s, &err), &err);
        snprintf(want, sizeof want, "%.0f", v.lo * 1000);
        assert_string_equal(content(POLICY "scaling_min_freq"), want);
        snprintf(want, sizeof want, "%.0f", v.hi * 1000);
        assert_string_equal(content(POLICY "scaling_max_freq"), want);
    }
    assert_int_equal(wtl_knob_set(d, WTL_KNOB_cpu_clock_mhz, wtl_knob_at(3600), NULL, &err),
                     -WTL_USAGE);
    assert_int_equal(wtl_knob_set(d, WTL_KNOB_cpu_clock_mhz, wtl_knob_at(700), NULL, &err),
                     -WTL_USAGE);
    assert_ok(wtl_knob_set(d, WTL_KNOB_cpu_clock_mhz, wtl_knob_at(1200), &s, &err), &err);
    assert_knob(d, WTL_KNOB_cpu_clock_mhz, "1200 MHz");
    assert_ok(wtl_knob_set(d, WTL_KNOB_cpu_clock_mhz, wtl_knob_released(), &s, &err), &err);
    assert_true(s.requested.released);
    close_world(&w);
}

static void policies_that_are_odd(void **state)
{
    (void)state;
    struct world w;
    make_policy("800000\n", "3500000\n");
    put("sys/devices/system/cpu/cpufreq/policy7/affected_cpus", "\n"); /* offline: no files */
    put("sys/devices/system/cpu/cpufreq/policyX/cpuinfo_min_freq", "1\n");
    put("sys/devices/system/cpu/cpufreq/policy3/cpuinfo_min_freq", "rubbish\n");
    put("sys/devices/system/cpu/cpufreq/policy3/cpuinfo_max_freq", "3500000\n");
    open_world(&w, true, NULL);
    assert_int_equal(wtl_machine_count(w.machine), 1);
    close_world(&w);
}

static void a_policy_whose_cpus_go_offline(void **state)
{
    (void)state;
    struct world w;
    struct wtl_error err = {0};
    struct wtl_knob_state s;
    make_policy("800000\n", "3500000\n");
    open_world(&w, true, NULL);
    struct wtl_device *d = find(&w, "cpufreq:0");
    remove_tree(in_test_directory("sys/devices/system/cpu/cpufreq/policy0"));
    assert_int_equal(wtl_device_knob(d, WTL_KNOB_cpu_clock_mhz, &s, &err), -WTL_LOST);
    assert_non_null(strstr(err.message, "offline"));
    assert_int_equal(wtl_knob_set(d, WTL_KNOB_cpu_clock_mhz, wtl_knob_at(1200), NULL, &err),
                     -WTL_LOST);
    close_world(&w);
}

/* What the kernel may write there, and what it never does but a broken file has. */
static void limits_that_cannot_be_read(void **state)
{
    (void)state;
    struct world w;
    struct wtl_error err = {0};
    struct wtl_knob_state s;
    make_policy("800000\n", "3500000\n");
    open_world(&w, true, NULL);
    struct wtl_device *d = find(&w, "cpufreq:0");
    put(POLICY "scaling_min_freq", "2000000\n");
    put(POLICY "scaling_max_freq", "1900000\n"); /* the wrong way round */
    assert_int_equal(wtl_device_knob(d, WTL_KNOB_cpu_clock_mhz, &s, &err), -WTL_FAILED);
    put(POLICY "scaling_max_freq", "rubbish\n");
    assert_int_equal(wtl_device_knob(d, WTL_KNOB_cpu_clock_mhz, &s, &err), -WTL_FAILED);
    close_world(&w);
}

/* ---- Control groups ---------------------------------------------------------------------------*/

static void quota_of_version_2(void **state)
{
    (void)state;
    static const char *const only[] = {"cgroup:/a.slice/b", NULL};
    struct world w;
    struct wtl_error err = {0};
    struct wtl_knob_state s;
    put("proc/self/mountinfo", "29 25 0:26 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw\n");
    put("proc/self/cgroup", "0::/other\n");
    put("sys/fs/cgroup/a.slice/b/cpu.max", "max 50000\n");
    put("sys/fs/cgroup/a.slice/b/cpu.stat", "nr_periods 0\nusage_usec 2500000\n");
    put("sys/devices/system/cpu/online", "0-3,8\n");
    open_world(&w, true, only);
    struct wtl_device *d = find(&w, only[0]);
    assert_knob(d, WTL_KNOB_cpu_quota, "released");
    assert_ok(wtl_knob_set(d, WTL_KNOB_cpu_quota, wtl_knob_at(1.5), &s, &err), &err);
    assert_string_equal(content("sys/fs/cgroup/a.slice/b/cpu.max"), "75000 50000");
    assert_knob(d, WTL_KNOB_cpu_quota, "1.5 CPUs");
    assert_int_equal(wtl_knob_set(d, WTL_KNOB_cpu_quota, wtl_knob_at(0.001), NULL, &err),
                     -WTL_USAGE);
    assert_ok(wtl_knob_set(d, WTL_KNOB_cpu_quota, wtl_knob_released(), &s, &err), &err);
    assert_string_equal(content("sys/fs/cgroup/a.slice/b/cpu.max"), "max 50000");
    close_world(&w);
}

static void quota_of_version_1(void **state)
{
    (void)state;
    static const char *const only[] = {"cgroup:/job", NULL};
    struct world w;
    struct wtl_error err = {0};
    struct wtl_knob_state s;
    struct wtl_reading r;
    put("proc/self/mountinfo", "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
                               "33 31 0:30 / /sys/fs/cgroup/cpuacct rw - cgroup cgroup rw,cpuacct\n"
                               "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
    put("proc/self/cgroup", "1:cpu:/\n0::/\n");
    put("sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "250000\n");
    put("sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n");
    put("sys/fs/cgroup/cpuacct/job/cpuacct.usage", "7000000000\n");
    open_world(&w, true, only);
    struct wtl_device *d = find(&w, only[0]);
    assert_ok(wtl_device_read(d, UINT64_MAX, &r, &err), &err);
    assert_near(r.value[WTL_M_cpu_time_s], 7, 0);
    assert_knob(d, WTL_KNOB_cpu_quota, "2.5 CPUs");
    assert_ok(wtl_knob_set(d, WTL_KNOB_cpu_quota, wtl_knob_released(), &s, &err), &err);
    assert_string_equal(content("sys/fs/cgroup/cpu/job/cpu.cfs_quota_us"), "-1");
    assert_true(s.requested.released);
    close_world(&w);
}

static void make_group(void)
{
    put("proc/self/mountinfo", "29 25 0:26 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw\n");
    put("proc/self/cgroup", "0::/other\n");
    put("sys/fs/cgroup/a.slice/c/cpu.max", "max 50000\n");
    put("sys/fs/cgroup/a.slice/c/cpu.stat", "usage_usec 2500000\n");
}

/* The least quota is a time: how many CPUs that is depends on the group's period. */
static void range_of_a_short_period(void **state)
{
    (void)state;
    struct world w;
    struct wtl_error err = {0};
    struct wtl_knob_range r;
    put("proc/self/mountinfo", "1 0 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n");
    put("proc/self/cgroup", "0::/job\n");
    put("sys/fs/cgroup/job/cpu.max", "max 10000\n");
    open_world(&w, true, NULL);
    struct wtl_device *d = find(&w, "cgroup:/job");
    assert_ok(wtl_device_knob_range(d, WTL_KNOB_cpu_quota, &w.arena, &r, &err), &err);
    assert_near(r.min, 0.1, 1e-12);
    assert_int_equal(wtl_knob_set(d, WTL_KNOB_cpu_quota, wtl_knob_at(0.099), NULL, &err),
                     -WTL_USAGE);
    assert_ok(wtl_knob_set(d, WTL_KNOB_cpu_quota, wtl_knob_at(r.min), NULL, &err), &err);
    assert_string_equal(content("sys/fs/cgroup/job/cpu.max"), "1000 10000");
    close_world(&w);
}

static void a_group_that_vanishes(void **state)
{
    (void)state;
    static const char *const only[] = {"cgroup:/a.slice/c", NULL};
    struct world w;
    struct wtl_error err = {0};
    struct wtl_knob_state s;
    struct wtl_reading r;
    make_group();
    open_world(&w, true, only);
    struct wtl_device *d = find(&w, only[0]);
    remove_tree(in_test_directory("sys/fs/cgroup/a.slice/c"));
    make_group(); /* one of the same name is another one */
    assert_int_equal(wtl_device_knob(d, WTL_KNOB_cpu_quota, &s, &err), -WTL_LOST);
    assert_int_equal(wtl_knob_set(d, WTL_KNOB_cpu_quota, wtl_knob_at(1), NULL, &err), -WTL_LOST);
    assert_int_equal(wtl_device_read(d, UINT64_MAX, &r, &err), -WTL_LOST);
    assert_string_equal(content("sys/fs/cgroup/a.slice/c/cpu.max"), "max 50000");
    close_world(&w);
}

/* A sensor that cannot be understood has no value, and is no zero. */
static void usage_that_cannot_be_read(void **state)
{
    (void)state;
    static const char *const only[] = {"cgroup:/a.slice/c", NULL};
    static const char *const bad[] = {"nr_periods 3\n", "core_usage_usec 5\n", "usage_usec x\n"};
    const uint64_t usage = WTL_METRIC_BIT(WTL_M_cpu_time_s);
    struct world w;
    struct wtl_error err = {0};
    struct wtl_reading r;
    make_group();
    open_world(&w, true, only);
    struct wtl_device *d = find(&w, only[0]);
    assert_ok(wtl_device_read(d, usage, &r, &err), &err);
    assert_true(r.valid & usage);
    assert_near(r.value[WTL_M_cpu_time_s], 2.5, 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put("sys/fs/cgroup/a.slice/c/cpu.stat", bad[i]);
        memset(&r, 0, sizeof r);
        (void)wtl_device_read(d, usage, &r, &err);
        assert_false(r.valid & usage);
    }
    close_world(&w);
}

static void a_period_of_nothing(void **state)
{
    (void)state;
    static const char *const only[] = {"cgroup:/odd", NULL};
    struct world w;
    struct wtl_error err = {0};
    struct wtl_knob_state s;
    put("proc/self/mountinfo", "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n");
    put("proc/self/cgroup", "1:cpu:/\n");
    put("sys/fs/cgroup/cpu/odd/cpu.cfs_quota_us", "250000\n");
    put("sys/fs/cgroup/cpu/odd/cpu.cfs_period_us", "100000\n");
    open_world(&w, true, only);
    struct wtl_device *d = find(&w, only[0]);
    put("sys/fs/cgroup/cpu/odd/cpu.cfs_period_us", "0\n");
    assert_int_equal(wtl_device_knob(d, WTL_KNOB_cpu_quota, &s, &err), -WTL_FAILED);
    put("sys/fs/cgroup/cpu/odd/cpu.cfs_period_us", "100000\n");
    put("sys/fs/cgroup/cpu/odd/cpu.cfs_quota_us", "-1\n");
    assert_knob(d, WTL_KNOB_cpu_quota, "released");
    close_world(&w);
}

/* Whatever a chip is called, its id is a word. */
static void chips_with_odd_names(void **state)
{
    (void)state;
    struct world w;
    put("sys/class/hwmon/hwmon0/name", "a b\nc/d:e\n");
    put("sys/class/hwmon/hwmon0/power1_input", "5000000\n");
    put("proc/self/mountinfo", "29 25 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    put("proc/self/cgroup", "0::/two words\n");
    put("sys/fs/cgroup/two words/cpu.max", "max 100000\n");
    open_world(&w, false, NULL);
    assert_int_equal(wtl_machine_count(w.machine), 1);
    assert_string_equal(wtl_device_info(wtl_machine_device(w.machine, 0))->id,
                        "hwmon:a_b_c_d_e/power1");
    close_world(&w);
}

static void groups_that_are_none(void **state)
{
    (void)state;
    static const char *const names[] = {"cgroup:/missing", "cgroup:relative", "cgroup:/a/../b",
                                        "cgroup:/a/"};
    put("proc/self/mountinfo", "29 25 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    put("proc/self/cgroup", "0::/\n");
    put("sys/fs/cgroup/a/cpu.max", "max 100000\n");
    for (int i = 0; i < 4; i++) {
        const char *const only[] = {names[i], NULL};
        const struct wtl_machine_options options = {.clock = wtl_clock_fixed(&now),
                                                    .root = in_test_directory(""),
                                                    .nvml = "",
                                                    .only = only};
        struct wtl_machine *m = NULL;
        struct wtl_error err = {0};
        assert_int_equal(wtl_machine_open(wtl_alloc_system(), &options, &m, &err),
                         i == 0 ? -WTL_NOTFOUND : -WTL_USAGE);
        assert_null(m);
    }
}

static void where_a_group_is(void **state)
{
    (void)state;
    struct wtl_cgroup_place p;
    /* A container's mount shows its own part of the tree. */
    assert_true(wtl_cgroup_place("1 0 0:26 /docker/ab /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
                                 "0::/docker/ab/x\n", &p));
    assert_true(p.v2);
    assert_string_equal(p.path, "/x");
    assert_true(wtl_cgroup_place("1 0 0:26 /docker/ab /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
                                 "0::/docker/ab\n", &p));
    assert_string_equal(p.path, "/");
    /* The CPU controller may be in either hierarchy. */
    assert_true(
        wtl_cgroup_place("1 0 0:1 / /u rw - cgroup2 c rw\n2 0 0:2 / /m rw - cgroup c rw,memory\n",
                         "4:memory:/m\n0::/job\n", &p));
    assert_true(p.v2);
    assert_string_equal(p.mount, "u");
    assert_string_equal(p.path, "/job");
    /* A path from the system's root would lead out of a recorded one. */
    assert_false(wtl_cgroup_place("1 0 0:26 / //sys/fs/cgroup rw - cgroup2 cgroup rw\n", "", &p));
    assert_false(wtl_cgroup_place("", "", &p));
    assert_false(wtl_cgroup_place("rubbish\n - cgroup2\n1 2 3 4 5 - cgroup2 x y\n", "0::/\n", &p));
}

static void what_cpu_max_says(void **state)
{
    (void)state;
    bool limited = false;
    double cpus = -1, period = -1;
    assert_true(wtl_cgroup_parse_max("150000 100000\n", &limited, &cpus, &period));
    assert_true(limited);
    assert_near(cpus, 1.5, 0);
    assert_near(period, 100000, 0);
    assert_true(wtl_cgroup_parse_max("max 100000", &limited, &cpus, &period));
    assert_false(limited);
    static const char *const bad[] = {"", "max", "150000", "0 100000", "-5 100000", "a b", "1 0"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(wtl_cgroup_parse_max(bad[i], &limited, &cpus, &period));
}

int main(void)
{
#define IN(test) cmocka_unit_test_setup_teardown(test, make_test_directory, drop_test_directory)
    const struct CMUnitTest tests[] = {
        IN(package_limit),
        IN(limit_that_is_off),
        IN(limit_above_the_rating),
        IN(two_interfaces_of_one_package),
        IN(names_of_zones),
        IN(a_package_that_vanishes),
        IN(clock_range),
        IN(policies_that_are_odd),
        IN(a_policy_whose_cpus_go_offline),
        IN(limits_that_cannot_be_read),
        IN(quota_of_version_2),
        IN(quota_of_version_1),
        IN(range_of_a_short_period),
        IN(a_group_that_vanishes),
        IN(usage_that_cannot_be_read),
        IN(a_period_of_nothing),
        IN(chips_with_odd_names),
        IN(groups_that_are_none),
        cmocka_unit_test(where_a_group_is),
        cmocka_unit_test(what_cpu_max_says),
    };
    return cmocka_run_group_tests_name("device/kernel_knobs", tests, NULL, NULL);
}
