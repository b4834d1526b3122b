/* SPDX-License-Identifier: Apache-2.0
 * Energy counters of CPU packages through perf, over recorded trees, with the system calls played
 * by hand: which counter is read, how often a package is counted, what is said where perf refuses.
 */
#include "support/support.h"

#include "device/machine_impl.h"
#include "device/rapl/rapl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct wtl_error err;

/* What perf_event_open() was asked for; descriptors are 100 and on. */
static struct {
    struct {
        uint32_t type;
        uint64_t config;
        int cpu;
        uint64_t count;
        bool is_open;
    } event[16];
    int n, refuse_with, refuse_from, read_with, n_closed;
} perf;

static int play_open(void *ctx, uint32_t type, uint64_t config, int cpu)
{
    assert_ptr_equal(ctx, &perf);
    if (perf.refuse_with && perf.n >= perf.refuse_from)
        return perf.refuse_with;
    perf.event[perf.n].type = type;
    perf.event[perf.n].config = config;
    perf.event[perf.n].cpu = cpu;
    perf.event[perf.n].is_open = true;
    return 100 + perf.n++;
}

static int play_read(void *ctx, int fd, uint64_t *count_out)
{
    assert_ptr_equal(ctx, &perf);
    assert_true(fd >= 100 && fd < 100 + perf.n && perf.event[fd - 100].is_open);
    if (perf.read_with)
        return perf.read_with;
    *count_out = perf.event[fd - 100].count;
    return 0;
}

static void play_close(void *ctx, int fd)
{
    assert_ptr_equal(ctx, &perf);
    assert_true(perf.event[fd - 100].is_open);
    perf.event[fd - 100].is_open = false;
    perf.n_closed++;
}

static const struct wtl_perf_ops played = {play_open, play_read, play_close, &perf};

/* A machine of the tree with nothing but its packages; NULL: opening failed, see err. */
static struct wtl_machine *open_root(const char *root)
{
    static int64_t now;
    static const char *const nothing[] = {"cgroup:/nowhere", NULL};
    const struct wtl_machine_options options = {.clock = wtl_clock_fixed(&now),
                                                .root = root,
                                                .nvml = "",
                                                .only = nothing,
                                                .only_those_here = true};
    struct wtl_machine *m = NULL;
    memset(&err, 0, sizeof err);
    assert_ok(wtl_machine_open(wtl_alloc_system(), &options, &m, &err), &err);
    assert_int_equal(wtl_machine_count(m), 0);
    m->n_findings = 0; /* of control groups */
    const struct wtl_backend_host host = wtl_backend_host_of(m, NULL);
    if (wtl_rapl_open(&host, &played, &err) == 0)
        return m;
    wtl_machine_close(m);
    return NULL;
}

static struct wtl_machine *open_tree(const char *tree)
{
    return open_root(source_path(tree));
}

static double energy_of(struct wtl_machine *m, const char *id)
{
    struct wtl_reading r;
    struct wtl_device *d = wtl_machine_by_id(m, id);
    assert_non_null(d);
    assert_ok(wtl_device_read(d, WTL_METRIC_BIT(WTL_M_energy_counter_j), &r, &err), &err);
    assert_true(wtl_reading_has(&r, WTL_M_energy_counter_j));
    return r.value[WTL_M_energy_counter_j];
}

static enum wtl_absence absence_of(struct wtl_machine *m, const char *id)
{
    struct wtl_reading r;
    struct wtl_device *d = wtl_machine_by_id(m, id);
    assert_non_null(d);
    assert_ok(wtl_device_read(d, WTL_METRIC_BIT(WTL_M_energy_counter_j), &r, &err), &err);
    return (enum wtl_absence)r.absence[WTL_M_energy_counter_j];
}

/* The finding that has these words; without a text: none. */
static struct wtl_finding said(struct wtl_machine *m, const char *words)
{
    size_t n = 0;
    const struct wtl_finding *f = wtl_machine_findings(m, &n);
    for (size_t i = 0; i < n; i++)
        if (strstr(f[i].text, words))
            return f[i];
    return (struct wtl_finding){.level = WTL_FINDING_OK, .text = NULL, .fix = ""};
}

static void assert_said(struct wtl_machine *m, enum wtl_finding_level level, const char *words,
                        const char *fix)
{
    struct wtl_finding f = said(m, words);
    assert_non_null(f.text);
    assert_int_equal(f.level, level);
    assert_string_equal(f.fix, fix);
}

static int begin(void **state)
{
    (void)state;
    memset(&perf, 0, sizeof perf);
    return 0;
}

static void without_powercap_packages_are_perfs(void **state)
{
    (void)state;
    static const struct {
        const char *id;
        uint64_t config;
        int cpu;
    } want[] = {{"rapl:0", 2, 0},         {"rapl:0/dram", 3, 0}, {"rapl:1.0", 2, 28},
                {"rapl:1.0/dram", 3, 28}, {"rapl:1.1", 2, 56},   {"rapl:1.1/dram", 3, 56}};
    struct wtl_machine *m = open_tree("tests/machines/xeon-perf");
    assert_non_null(m);
    assert_int_equal(wtl_machine_count(m), 6); /* cores are in their package; psys has no joules */
    assert_int_equal(perf.n, 6);
    for (int i = 0; i < 6; i++) {
        const struct wtl_device_info *info = wtl_device_info(wtl_machine_device(m, (size_t)i));
        assert_string_equal(info->id, want[i].id);
        assert_string_equal(info->driver, "perf");
        assert_int_equal(info->kind, i % 2 ? WTL_DEVICE_DRAM : WTL_DEVICE_CPU);
        assert_int_equal(info->parent, i % 2 ? i - 1 : -1);
        assert_int_equal(info->knobs, 0);
        assert_true(info->sensors == WTL_METRIC_BIT(WTL_M_energy_counter_j));
        assert_true(info->sensor[WTL_M_energy_counter_j].period_ns == 1000000);
        assert_near(info->sensor[WTL_M_energy_counter_j].wraps_at, 0, 0);
        assert_int_equal(perf.event[i].type, 20);
        assert_int_equal(perf.event[i].config, want[i].config);
        assert_int_equal(perf.event[i].cpu, want[i].cpu);
        perf.event[i].count = ((uint64_t)i + 1) << 40; /* 2^-32 J each */
        assert_near(energy_of(m, want[i].id), 256 * (i + 1), 1e-9);
    }
    assert_said(m, WTL_FINDING_OK, "6 energy counters are read through perf", "");
    assert_null(said(m, "no energy counters").text);
    wtl_machine_close(m);
    assert_int_equal(perf.n_closed, 6);
}

static void counters_for_root_only_are_replaced_and_the_limit_stays(void **state)
{
    (void)state;
    struct wtl_machine *m = open_tree("tests/machines/xeon-2s-user");
    assert_non_null(m);
    assert_int_equal(wtl_machine_count(m), 5); /* each package once */
    const struct wtl_device_info *info = wtl_device_info(wtl_machine_by_id(m, "rapl:0"));
    assert_string_equal(info->driver, "intel-rapl");
    assert_int_equal(info->knobs, WTL_KNOB_BIT(WTL_KNOB_power_limit_w));
    assert_near(info->sensor[WTL_M_energy_counter_j].wraps_at, 0, 0);
    for (int i = 0; i < perf.n; i++)
        perf.event[i].count = UINT64_C(1) << 32;
    assert_near(energy_of(m, "rapl:0"), 1, 1e-12);
    assert_near(energy_of(m, "rapl:1/dram"), 1, 1e-12);
    assert_near(energy_of(m, "rapl:psys"), 1, 1e-12);
    assert_int_equal(perf.n, 5);
    assert_said(m, WTL_FINDING_OK, "5 energy counters are read through perf", "");
    assert_null(said(m, "for root only, since").text);
    wtl_machine_close(m);
    assert_int_equal(perf.n_closed, 5);
}

static void powercap_goes_first(void **state)
{
    (void)state;
    char root[4096], command[9000];
    snprintf(root, sizeof root, "%s", in_test_directory("root"));
    snprintf(command, sizeof command, "cp -r '%s' '%s' && rm '%s/wattle-machine'",
             source_path("tests/machines/xeon-2s-user"), root, root);
    assert_int_equal(system(command), 0);
    struct wtl_machine *m = open_root(root);
    assert_non_null(m);
    assert_int_equal(wtl_machine_count(m), 5);
    assert_int_equal(perf.n, 0); /* nothing is opened that is not needed */
    assert_said(m, WTL_FINDING_NOTE, "nothing counted twice", "");
    wtl_machine_close(m);
}

/* A copy of a tree with two packages and a platform, after some commands in its powercap. */
static struct wtl_machine *open_after(const char *name, const char *commands)
{
    char root[4096], command[13000];
    snprintf(root, sizeof root, "%s", in_test_directory(name));
    snprintf(command, sizeof command,
             "cp -r '%s' '%s' && rm '%s/wattle-machine' && cd '%s/sys/class/powercap' && %s",
             source_path("tests/machines/xeon-2s-user"), root, root, root, commands);
    assert_int_equal(system(command), 0);
    return open_root(root);
}

/* Joules of the platform that the package of CPU 1 counts. */
static void count_on_the_second(double joules)
{
    for (int i = 0; i < perf.n; i++)
        if (perf.event[i].config == 5 && perf.event[i].cpu == 1)
            perf.event[i].count = (uint64_t)(joules * 4294967296.0);
}

static void the_platform_is_counted_by_the_package_that_its_name_tells(void **state)
{
    (void)state;
    struct wtl_machine *m =
        open_after("named", "rm intel-rapl:2/energy_uj && echo psys-1 >intel-rapl:2/name");
    assert_non_null(m);
    assert_int_equal(wtl_machine_count(m), 5);
    assert_int_equal(perf.n, 1);
    count_on_the_second(3);
    assert_near(energy_of(m, "rapl:psys-1"), 3, 1e-12);
    wtl_machine_close(m);
}

/* Whichever package counts for all: the others stay at 0. */
static void without_powercap_the_platform_is_the_sum(void **state)
{
    (void)state;
    struct wtl_machine *m = open_after("alone", "rm -r intel-rapl*");
    assert_non_null(m);
    assert_int_equal(wtl_machine_count(m), 5);
    count_on_the_second(3);
    assert_near(energy_of(m, "rapl:psys"), 3, 1e-12);
    wtl_machine_close(m);
    assert_int_equal(perf.n_closed, 6);
    (void)begin(state);
    perf.refuse_with = -EACCES; /* of the second: the first is none */
    perf.refuse_from = 5;
    m = open_root(in_test_directory("alone"));
    assert_int_equal(absence_of(m, "rapl:psys"), WTL_ABSENT_DENIED);
    assert_int_equal(perf.n_closed, 1);
    wtl_machine_close(m);
}

static void where_perf_refuses_the_fix_is_said(void **state)
{
    (void)state;
    perf.refuse_with = -EACCES;
    struct wtl_machine *m = open_tree("tests/machines/xeon-perf");
    assert_non_null(m);
    assert_int_equal(wtl_machine_count(m), 6);
    assert_int_equal(absence_of(m, "rapl:0"), WTL_ABSENT_DENIED);
    assert_said(m, WTL_FINDING_LACK, "kernel.perf_event_paranoid is 2, it takes 0 or less",
                "sudo sysctl kernel.perf_event_paranoid=0");
    wtl_machine_close(m);
    m = open_tree("tests/machines/xeon-2s-user"); /* both ways are closed */
    assert_int_equal(absence_of(m, "rapl:0"), WTL_ABSENT_DENIED);
    assert_said(m, WTL_FINDING_LACK, "5 of 5 energy counters are for root only",
                "sudo chmod a+r /sys/class/powercap/intel-rapl*:*/energy_uj");
    assert_said(m, WTL_FINDING_NOTE, "kernel.perf_event_paranoid is 3",
                "sudo sysctl kernel.perf_event_paranoid=0"); /* one thing is missing, not two */
    wtl_machine_close(m);
    assert_int_equal(perf.n_closed, 0);
}

static void failures_are_told_apart(void **state)
{
    (void)state;
    perf.refuse_with = -EINVAL;
    struct wtl_machine *m = open_tree("tests/machines/xeon-perf");
    assert_int_equal(absence_of(m, "rapl:0"), WTL_ABSENT_FAILED);
    assert_said(m, WTL_FINDING_PROBLEM, "cannot be opened: Invalid argument", "");
    wtl_machine_close(m);
    perf.refuse_with = -EMFILE; /* ours, not the machine's: and what was open is closed */
    perf.refuse_from = 3;
    assert_null(open_tree("tests/machines/xeon-perf"));
    assert_int_equal(err.code, WTL_IO);
    assert_int_equal(perf.n_closed, 3);
}

static void a_counter_that_goes_is_lost(void **state)
{
    (void)state;
    struct wtl_reading r = {0};
    struct wtl_machine *m = open_tree("tests/machines/xeon-perf");
    perf.read_with = -EIO;
    assert_int_equal(absence_of(m, "rapl:0"), WTL_ABSENT_FAILED);
    perf.read_with = -ENODEV;
    assert_int_equal(wtl_device_read(wtl_machine_by_id(m, "rapl:0"), UINT64_MAX, &r, &err),
                     -WTL_LOST);
    wtl_machine_close(m);
}

static void files_that_are_damaged_are_no_pmu(void **state)
{
    (void)state;
    static const char *const damage[][2] = {{"type", "x"},
                                            {"type", "-1"},
                                            {"cpumask", ""},
                                            {"cpumask", "x,1"},
                                            {"cpumask", "5-2"},
                                            {"events/energy-pkg", "umask=0x02"},
                                            {"events/energy-pkg", "event=0x"},
                                            {"events/energy-pkg", "event=2;"},
                                            {"events/energy-pkg.unit", "Watts"},
                                            {"events/energy-pkg.scale", "0"},
                                            {"events/energy-pkg.scale", "-1"},
                                            {"events/energy-pkg.scale", "nan"}};
    WTL_ARENA(arena);
    for (size_t i = 0; i <= sizeof damage / sizeof damage[0]; i++) {
        static const char *const files[][2] = {{"type", "9"},
                                               {"cpumask", "0-1"},
                                               {"events/energy-pkg", "event=0x02"},
                                               {"events/energy-pkg.unit", "Joules"},
                                               {"events/energy-pkg.scale", "6.1e-5"}};
        char path[256];
        for (size_t k = 0; k < sizeof files / sizeof files[0]; k++) {
            bool bad =
                i < sizeof damage / sizeof damage[0] && strcmp(damage[i][0], files[k][0]) == 0;
            snprintf(path, sizeof path, "p/sys/bus/event_source/devices/power/%s", files[k][0]);
            write_text(in_test_directory(path), bad ? damage[i][1] : files[k][1]);
        }
        struct wtl_sysfs *sysfs = NULL;
        struct wtl_perf_power power;
        assert_ok(wtl_sysfs_open(&arena, in_test_directory("p"), &sysfs, &err), &err);
        wtl_perf_power_look(sysfs, &power);
        wtl_sysfs_close(sysfs);
        assert_int_equal(power.has, i == sizeof damage / sizeof damage[0]);
        if (power.has)
            assert_string_equal(power.package[1].number, "1"); /* without topology: in order */
    }
}

/* The system's own call, with an event that every kernel has: the clock of CPU 0, in ns. */
static void the_system_call_counts(void **state)
{
    (void)state;
    const struct wtl_perf_ops *ops = wtl_perf_ops_system();
    uint64_t before = 0, after = 0;
    int fd = ops->open(ops->ctx, 1, 0, 0);
    if (fd < 0) {
        print_message("# perf_event_open: %s\n", strerror(-fd));
        skip();
    }
    assert_int_equal(ops->read(ops->ctx, fd, &before), 0);
    for (int i = 0; i < 1000000 && after <= before; i++)
        assert_int_equal(ops->read(ops->ctx, fd, &after), 0);
    assert_true(after > before);
    ops->close(ops->ctx, fd);
    assert_int_equal(ops->read(ops->ctx, fd, &after), -EBADF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(without_powercap_packages_are_perfs, begin),
        cmocka_unit_test_setup(counters_for_root_only_are_replaced_and_the_limit_stays, begin),
        cmocka_unit_test_setup(powercap_goes_first, begin),
        cmocka_unit_test_setup(the_platform_is_counted_by_the_package_that_its_name_tells, begin),
        cmocka_unit_test_setup(without_powercap_the_platform_is_the_sum, begin),
        cmocka_unit_test_setup(where_perf_refuses_the_fix_is_said, begin),
        cmocka_unit_test_setup(failures_are_told_apart, begin),
        cmocka_unit_test_setup(a_counter_that_goes_is_lost, begin),
        cmocka_unit_test(files_that_are_damaged_are_no_pmu),
        cmocka_unit_test(the_system_call_counts),
    };
    return cmocka_run_group_tests_name("device/perf_rapl", tests, make_test_directory,
                                       drop_test_directory);
}
