/* SPDX-License-Identifier: Apache-2.0
 * Leases over RAPL, cpufreq and control groups of both versions while every call on a kernel file
 * fails in turn: opening, reading, writing, in the holder, its guardian and `restore`. The files
 * themselves say what is left. */
#include "campaign/campaign.h"
#include "campaign/kernel_files.h"
#include "support/support.h"

#include "device/sysfs.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_FILES = 16 };

struct file {
    const char *path, *prior;
    const char *set, *changed; /* NULL: as before; by a change as by the lease */
};

struct tree {
    char root[512];
    const char *const *only;
    struct file files[MAX_FILES];
};

/* ---- The place ------------------------------------------------------------------------------- */

static int open_tree(void *ctx, struct wtl_machine **machine_out, struct wtl_error *err)
{
    static struct wtl_arena arena;
    const struct tree *t = ctx;
    struct wtl_sysfs *files = NULL;
    wtl_arena_init(&arena, wtl_alloc_system());
    int rc = wtl_sysfs_open(&arena, t->root, &files, err);
    if (rc < 0)
        return rc;
    wtl_sysfs_pretend_live(files);
    const struct wtl_machine_options options = {
        .clock = wtl_clock_system(), .files = files, .nvml = "", .only = t->only};
    return wtl_machine_open(wtl_alloc_system(), &options, machine_out, err);
}

static const char *path_of(const struct tree *t, const struct file *f)
{
    static char path[1024];
    snprintf(path, sizeof path, "%s/%s", t->root, f->path);
    return path;
}

static void reset_tree(void *ctx)
{
    const struct tree *t = ctx;
    for (const struct file *f = t->files; f->path; f++)
        write_text(path_of(t, f), f->prior);
}

static bool holds(const struct tree *t, const struct file *f, const char *text)
{
    char now[256];
    FILE *in = fopen(path_of(t, f), "re");
    assert_non_null(in);
    size_t n = fread(now, 1, sizeof now - 1, in);
    fclose(in);
    while (n > 0 && now[n - 1] == '\n')
        n--;
    return n == strcspn(text, "\n") && memcmp(now, text, n) == 0;
}

static enum campaign_left look_at_tree(void *ctx)
{
    const struct tree *t = ctx;
    bool prior = true, set = true, changed = true;
    for (const struct file *f = t->files; f->path; f++) {
        prior = prior && holds(t, f, f->prior);
        const char *as_set = f->set ? f->set : f->prior;
        set = set && holds(t, f, as_set);
        changed = changed && holds(t, f, f->changed ? f->changed : as_set);
    }
    return prior ? LEFT_PRIOR : set ? LEFT_SET : changed ? LEFT_CHANGED : LEFT_OTHER;
}

static void arm(void *ctx, int fault, long at, bool for_good)
{
    (void)ctx;
    kernel_files_arm((enum kernel_fault)fault, at, for_good);
}

static bool disarm(void *ctx)
{
    (void)ctx;
    return kernel_files_disarm();
}

/* ---- The trees ------------------------------------------------------------------------------- */

#define BOOT                                                                                       \
    {                                                                                              \
        "proc/sys/kernel/random/boot_id", "11111111-2222-3333-4444-555555555555\n", NULL, NULL     \
    }
#define ZONE(n) "sys/class/powercap/intel-rapl:" n "/"
#define PACKAGE(n, on, limit, on_set, limit_set, limit_changed)                                    \
    {ZONE(n) "name", "package-" n "\n", NULL, NULL},                                               \
        {ZONE(n) "energy_uj", "262143000000\n", NULL, NULL},                                       \
        {ZONE(n) "enabled", on, on_set, NULL},                                                     \
        {ZONE(n) "constraint_0_name", "long_term\n", NULL, NULL},                                  \
        {ZONE(n) "constraint_0_power_limit_uw", limit, limit_set, limit_changed},                  \
    {                                                                                              \
        ZONE(n) "constraint_0_max_power_uw", "205000000\n", NULL, NULL                             \
    }

static const char *const packages[] = {"rapl:0", "rapl:1", NULL, NULL};
static const struct campaign_want package_wants[] = {
    {"rapl:0", WTL_KNOB_power_limit_w, {.lo = 150, .hi = 150}, {.lo = 170, .hi = 170}},
    {"rapl:1", WTL_KNOB_power_limit_w, {.lo = 99.5, .hi = 99.5}, {.lo = 80, .hi = 80}}};
static const char *const package[] = {"rapl:0", NULL, NULL};
static const struct tree rapl_on = {
    .only = package,
    .files = {BOOT, PACKAGE("0", "1\n", "250000000\n", NULL, "150000000", "170000000")}};
static const struct tree rapl_off = {
    .only = packages,
    .files = {BOOT, PACKAGE("0", "0\n", "200000000\n", "1", "150000000", "170000000"),
              PACKAGE("1", "1\n", "180000000\n", NULL, "99500000", "80000000")}};

#define POLICY(n) "sys/devices/system/cpu/cpufreq/policy" n "/"
#define CLOCKS(n, lo, hi, lo_set, hi_set, lo_changed, hi_changed)                                  \
    {POLICY(n) "cpuinfo_min_freq", "800000\n", NULL, NULL},                                        \
        {POLICY(n) "cpuinfo_max_freq", "3500000\n", NULL, NULL},                                   \
        {POLICY(n) "scaling_cur_freq", "2100000\n", NULL, NULL},                                   \
        {POLICY(n) "scaling_governor", "powersave\n", NULL, NULL},                                 \
        {POLICY(n) "scaling_driver", "intel_pstate\n", NULL, NULL},                                \
        {POLICY(n) "affected_cpus", n "\n", NULL, NULL},                                           \
        {POLICY(n) "scaling_min_freq", lo, lo_set, lo_changed},                                    \
    {                                                                                              \
        POLICY(n) "scaling_max_freq", hi, hi_set, hi_changed                                       \
    }

static const char *const policies[] = {"cpufreq:0", NULL, NULL};
static const struct campaign_want policy_wants[] = {
    {"cpufreq:0", WTL_KNOB_cpu_clock_mhz, {.lo = 1200, .hi = 2000}, {.lo = 2100, .hi = 2500}}};
static const struct tree cpufreq_released = {
    .only = policies,
    .files = {BOOT,
              CLOCKS("0", "800000\n", "3500000\n", "1200000", "2000000", "2100000", "2500000")}};
static const struct tree cpufreq_limited = {
    .only = policies,
    .files = {BOOT,
              CLOCKS("0", "2200000\n", "3000000\n", "1200000", "2000000", "2100000", "2500000")}};

static const char *const groups[] = {"cgroup:/job", NULL, NULL};
static const struct campaign_want group_wants[] = {
    {"cgroup:/job", WTL_KNOB_cpu_quota, {.lo = 1.5, .hi = 1.5}, {.lo = 2, .hi = 2}}};
#define ONLINE                                                                                     \
    {                                                                                              \
        "sys/devices/system/cpu/online", "0-7\n", NULL                                             \
    }
#define V2(prior)                                                                                  \
    {                                                                                              \
        .only = groups, .files = {                                                                 \
            BOOT,                                                                                  \
            ONLINE,                                                                                \
            {"proc/self/mountinfo", "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", NULL, \
             NULL},                                                                                \
            {"proc/self/cgroup", "0::/job\n", NULL, NULL},                                         \
            {"sys/fs/cgroup/job/cpu.stat", "usage_usec 5000\n", NULL, NULL},                       \
            {"sys/fs/cgroup/job/cpu.max", prior, "75000 50000", "100000 50000"},                   \
        }                                                                                          \
    }
static const struct tree group_v2_free = V2("max 50000\n");
static const struct tree group_v2_limited = V2("20000 50000\n");
#define V1(prior)                                                                                  \
    {                                                                                              \
        .only = groups, .files = {                                                                 \
            BOOT,                                                                                  \
            ONLINE,                                                                                \
            {"proc/self/mountinfo",                                                                \
             "30 24 0:26 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n", NULL, NULL},   \
            {"proc/self/cgroup", "4:cpu,cpuacct:/job\n", NULL, NULL},                              \
            {"sys/fs/cgroup/cpu/job/cpuacct.usage", "5000\n", NULL, NULL},                         \
            {"sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "50000\n", NULL, NULL},                    \
            {"sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", prior, "75000", "100000"},                  \
        }                                                                                          \
    }
static const struct tree group_v1_free = V1("-1\n");
static const struct tree group_v1_limited = V1("20000\n");

/* ---- The campaigns --------------------------------------------------------------------------- */

#ifdef WTL_WATCHED
enum { STRIDE = 997 };
#else
enum { STRIDE = 101 };
#endif

static void run(const char *title, const struct tree *tree, const struct campaign_want *wants,
                int n_wants, struct campaign_count *count)
{
    struct campaign c;
    struct tree t = *tree;
    const struct campaign_place place = {.title = title,
                                         .wants = wants,
                                         .n_wants = n_wants,
                                         .deadline_ns = 60000000,
                                         .ctx = &t,
                                         .open = open_tree,
                                         .reset = reset_tree,
                                         .look = look_at_tree,
                                         .arm = arm,
                                         .disarm = disarm};
    const long stride = campaign_stride(STRIDE);
    make_temporary_directory(t.root, sizeof t.root);
    campaign_open(&c, &place);
    kernel_files_root(t.root);
    for (int fault = 0; fault < KERNEL_N_FAULTS; fault++)
        for (int cycle = 0; cycle < CAMPAIGN_N_CYCLES; cycle++)
            for (int for_good = 0; for_good < 2; for_good++)
                if (stride == 1 || (fault + cycle + 2 * for_good) % 4 == 0)
                    campaign_fail(&c, (enum campaign_cycle)cycle, fault, for_good, stride, count);
    campaign_close(&c);
    remove_tree(t.root);
}

static void rapl(void **state)
{
    (void)state;
    struct campaign_count count = {0};
    run("rapl, limit on", &rapl_on, package_wants, 1, &count);
    run("rapl, one off", &rapl_off, package_wants, 2, &count);
    campaign_report("rapl", "every call on a kernel file fails", &count, 20);
}

static void cpufreq(void **state)
{
    (void)state;
    struct campaign_count count = {0};
    run("cpufreq, free", &cpufreq_released, policy_wants, 1, &count);
    run("cpufreq, limited", &cpufreq_limited, policy_wants, 1, &count);
    campaign_report("cpufreq", "every call on a kernel file fails", &count, 20);
}

static void cgroup_v2(void **state)
{
    (void)state;
    struct campaign_count count = {0};
    run("cgroup v2, free", &group_v2_free, group_wants, 1, &count);
    run("cgroup v2, limited", &group_v2_limited, group_wants, 1, &count);
    campaign_report("cgroup v2", "every call on a kernel file fails", &count, 20);
}

static void cgroup_v1(void **state)
{
    (void)state;
    struct campaign_count count = {0};
    run("cgroup v1, free", &group_v1_free, group_wants, 1, &count);
    run("cgroup v1, limited", &group_v1_limited, group_wants, 1, &count);
    campaign_report("cgroup v1", "every call on a kernel file fails", &count, 20);
}

int main(void)
{
    if (access("/dev/shm", W_OK) == 0)
        (void)setenv("TMPDIR", "/dev/shm", 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rapl),
        cmocka_unit_test(cpufreq),
        cmocka_unit_test(cgroup_v2),
        cmocka_unit_test(cgroup_v1),
    };
    cmocka_set_test_filter(getenv("WTL_CAMPAIGN_ONLY"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
