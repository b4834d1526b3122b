/* SPDX-License-Identifier: Apache-2.0
 *
 * CPU time of a control group: what it used, and its quota as the knob of a CPU workload. Version 2
 * (Linux Documentation/admin-guide/cgroup-v2.rst: cpu.max, cpu.stat) and version 1
 * (Documentation/scheduler/sched-bwc.rst: cpu.cfs_quota_us, cpu.cfs_period_us; cpuacct.usage).
 * "cgroup:/system.slice/vllm.service" names one; the process's own group is there unasked.
 */
#include "device/cgroup/cgroup.h"

#include "device/backend.h"
#include "device/sysfs.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The kernel's least quota, kernel/sched/core.c. */
#define QUOTA_MIN_US 1000.0

struct group {
    char id[WTL_LIMIT_NAME];
    bool v2;
    struct wtl_sysfs_dir dir; /* of the quota */
    struct wtl_sysfs_dir
        usage; /* of cpuacct; dir.fd of its own only where v1 has two hierarchies */
    bool own_usage;
    double cpus_online;
    uint64_t sensors;
};

/* ---- Reading ----------------------------------------------------------------------------------*/

/* "usage_usec 123" in cpu.stat. */
static enum wtl_absence read_usage_v2(const struct group *g, double *seconds)
{
    char text[WTL_SYSFS_PAGE];
    enum wtl_absence absence = wtl_sysfs_text(&g->dir, "cpu.stat", text, sizeof text);
    if (absence != WTL_PRESENT)
        return absence;
    static const char key[] = "usage_usec ";
    const char *at = strstr(text, key);
    double us = 0;
    if (!at || (at != text && at[-1] != '\n'))
        return WTL_ABSENT_FAILED;
    at += sizeof key - 1;
    if (!wtl_parse_double(at, strcspn(at, "\n"), &us))
        return WTL_ABSENT_FAILED;
    *seconds = us / 1e6;
    return WTL_PRESENT;
}

static int group_read(void *state, uint64_t wanted, struct wtl_reading *out, struct wtl_error *err)
{
    const struct group *g = state;
    double seconds = 0;
    if (!(wanted & WTL_METRIC_BIT(WTL_M_cpu_time_s)))
        return 0;
    if (g->v2) {
        enum wtl_absence absence = read_usage_v2(g, &seconds);
        wtl_reading_set(out, WTL_M_cpu_time_s, wanted, absence, seconds);
    } else
        wtl_sysfs_sense(&g->usage, "cpuacct.usage", 1e9, WTL_M_cpu_time_s, wanted, out);
    return wtl_sysfs_read_done(out, wanted, g->sensors, g->id, err);
}

static void group_close(void *state)
{
    struct group *g = state;
    wtl_sysfs_dir_close(&g->dir);
    if (g->own_usage)
        wtl_sysfs_dir_close(&g->usage);
}

/* ---- The quota --------------------------------------------------------------------------------*/

static enum wtl_absence read_quota(const struct group *g, bool *limited, double *cpus,
                                   double *period_us)
{
    char text[64];
    double quota = 0, period = 0;
    if (g->v2) {
        enum wtl_absence absence = wtl_sysfs_text(&g->dir, "cpu.max", text, sizeof text);
        if (absence == WTL_PRESENT && !wtl_cgroup_parse_max(text, limited, cpus, period_us))
            absence = WTL_ABSENT_FAILED;
        return absence;
    }
    enum wtl_absence absence = wtl_sysfs_number(&g->dir, "cpu.cfs_quota_us", &quota);
    if (absence == WTL_PRESENT)
        absence = wtl_sysfs_number(&g->dir, "cpu.cfs_period_us", &period);
    if (absence == WTL_PRESENT && !(period >= 1))
        absence = WTL_ABSENT_FAILED;
    if (absence != WTL_PRESENT)
        return absence;
    *limited = quota > 0;
    *cpus = quota > 0 ? quota / period : 0;
    *period_us = period;
    return WTL_PRESENT;
}

static int fail_quota(const struct group *g, enum wtl_absence absence, struct wtl_error *err)
{
    if (absence == WTL_ABSENT_UNSUPPORTED || absence == WTL_ABSENT_LOST)
        return WTL_FAIL(err, WTL_LOST, "%s is gone", g->id);
    return WTL_FAIL(err, absence == WTL_ABSENT_DENIED ? WTL_PERMISSION : WTL_FAILED,
                    "the quota of %s cannot be read", g->id);
}

static int group_get(void *state, enum wtl_knob knob, struct wtl_knob_state *out,
                     struct wtl_error *err)
{
    const struct group *g = state;
    bool limited = false;
    double cpus = 0, period = 0;
    (void)knob;
    enum wtl_absence absence = read_quota(g, &limited, &cpus, &period);
    if (absence != WTL_PRESENT)
        return fail_quota(g, absence, err);
    out->known = true;
    out->requested = limited ? wtl_knob_at(cpus) : wtl_knob_released();
    return 0;
}

static int group_range(void *state, enum wtl_knob knob, struct wtl_arena *arena,
                       struct wtl_knob_range *out, struct wtl_error *err)
{
    const struct group *g = state;
    bool limited = false;
    double cpus = 0, period = 0;
    (void)knob;
    (void)arena;
    enum wtl_absence absence = read_quota(g, &limited, &cpus, &period);
    if (absence != WTL_PRESENT)
        return fail_quota(g, absence, err);
    out->min = QUOTA_MIN_US / period;
    out->max = g->cpus_online;
    return 0;
}

static int group_set(void *state, enum wtl_knob knob, struct wtl_knob_value value,
                     struct wtl_error *err)
{
    const struct group *g = state;
    bool limited = false;
    double cpus = 0, period = 0;
    char text[64];
    (void)knob;
    enum wtl_absence absence = read_quota(g, &limited, &cpus, &period);
    if (absence != WTL_PRESENT) /* without the period that is there another one would be set */
        return fail_quota(g, absence, err);
    double quota = value.hi * period;
    if (!value.released && !(quota >= QUOTA_MIN_US))
        return WTL_FAIL(err, WTL_USAGE, "%g CPUs are below the least quota of %s, %g CPUs",
                        value.hi, g->id, QUOTA_MIN_US / period);
    if (g->v2 && value.released)
        snprintf(text, sizeof text, "max %.0f", period);
    else if (g->v2)
        snprintf(text, sizeof text, "%.0f %.0f", quota, period);
    else
        snprintf(text, sizeof text, "%.0f", value.released ? -1.0 : quota);
    return wtl_sysfs_write(&g->dir, g->v2 ? "cpu.max" : "cpu.cfs_quota_us", text, err);
}

static const struct wtl_sensor_ops sensors = {.read = group_read, .close = group_close};
static const struct wtl_knob_ops knobs = {.get = group_get, .range = group_range, .set = group_set};

/* ---- Finding ----------------------------------------------------------------------------------*/

static bool find_place(const struct wtl_backend_host *host, struct wtl_cgroup_place *place)
{
    enum { MAX = 1 << 20 }; /* a node with thousands of containers has 600 KB of mounts */
    const struct wtl_sysfs_dir root = wtl_sysfs_root(host->files);
    char *mounts = WTL_RAW_ARRAY(host->arena, char, MAX);
    char groups[WTL_SYSFS_PAGE];
    if (!mounts)
        return false;
    wtl_sysfs_text(&root, "proc/self/mountinfo", mounts, MAX);
    wtl_sysfs_text(&root, "proc/self/cgroup", groups, sizeof groups);
    return wtl_cgroup_place(mounts, groups, place);
}

/* 1, 0: there is no such group. */
static int open_dirs(const struct wtl_backend_host *host, const struct wtl_cgroup_place *place,
                     const char *path, struct group *g, struct wtl_error *err)
{
    char full[2 * WTL_CGROUP_PATH + 2];
    const char *below = strcmp(path, "/") == 0 ? "" : path;
    snprintf(full, sizeof full, "%s%s", place->mount, below);
    int rc = wtl_sysfs_dir_open(host->files, host->arena, full, &g->dir, err);
    if (rc <= 0)
        return rc;
    g->usage = g->dir;
    snprintf(full, sizeof full, "%s%s", place->usage, below);
    rc = place->usage[0] ? wtl_sysfs_dir_open(host->files, host->arena, full, &g->usage, err) : 0;
    g->own_usage = rc > 0;
    if (rc < 0)
        group_close(g);
    return rc < 0 ? rc : 1;
}

static void fill_info(const struct wtl_backend_host *host, struct group *g, const char *path,
                      struct wtl_device_info *info)
{
    bool limited;
    double cpus, period;
    struct wtl_reading probe = {0};
    struct wtl_error ignored;
    snprintf(info->id, sizeof info->id, "%s", g->id);
    snprintf(info->name, sizeof info->name, "control group %.80s", path);
    snprintf(info->driver, sizeof info->driver, "cgroup v%d", g->v2 ? 2 : 1);
    info->kind = WTL_DEVICE_CGROUP;
    info->parent = info->index = -1;
    (void)group_read(g, WTL_METRIC_BIT(WTL_M_cpu_time_s), &probe, &ignored);
    if (wtl_reading_has(&probe, WTL_M_cpu_time_s))
        info->sensors = WTL_METRIC_BIT(WTL_M_cpu_time_s);
    /* The root group has no quota: version 2 has no file there, version 1 refuses writes. */
    bool has_quota = read_quota(g, &limited, &cpus, &period) == WTL_PRESENT;
    if (has_quota && strcmp(path, "/") != 0)
        info->knobs = WTL_KNOB_BIT(WTL_KNOB_cpu_quota);
    if (info->knobs && wtl_sysfs_writable(&g->dir, g->v2 ? "cpu.max" : "cpu.cfs_quota_us"))
        info->writable = info->knobs;
    g->sensors = info->sensors;
    wtl_backend_epoch(host, info->epoch);
}

/* One word, that leads nowhere else. */
static bool path_is_plain(const char *path)
{
    return path[0] == '/' && !strpbrk(path, " \t\n") && !strstr(path, "/..") &&
           !strstr(path, "//") && (path[1] == '\0' || !wtl_ends_with(path, "/"));
}

static int add_group(const struct wtl_backend_host *host, const struct wtl_cgroup_place *place,
                     const char *path, struct wtl_error *err)
{
    struct group *g = WTL_NEW(host->arena, struct group);
    struct wtl_device_info *info = WTL_NEW(host->arena, struct wtl_device_info);
    if (!g || !info)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int n = snprintf(g->id, sizeof g->id, "cgroup:%s", path);
    if (n >= (int)sizeof g->id || !path_is_plain(path)) {
        wtl_backend_finding(host, WTL_FINDING_NOTE, "cgroup", NULL,
                            "the path of this process's group is too long for a device's name, or"
                            " no single word");
        return 0;
    }
    g->v2 = place->v2;
    g->cpus_online = wtl_sysfs_cpus(host->files);
    if (wtl_machine_by_id(host->machine, g->id))
        return 0;
    int rc = open_dirs(host, place, path, g, err);
    if (rc <= 0)
        return rc;
    fill_info(host, g, path, info);
    rc = wtl_backend_add(host, info, &sensors, info->knobs ? &knobs : NULL, g, false, err);
    if (rc < 0)
        group_close(g);
    else if (info->knobs && !info->writable && host->live)
        wtl_backend_finding(host, WTL_FINDING_NOTE, g->id, NULL,
                            "its quota is set by root, or by whom the group is delegated to");
    return rc < 0 ? rc : 0;
}

static int cgroup_open(const struct wtl_backend_host *host, struct wtl_error *err)
{
    struct wtl_cgroup_place place;
    if (host->wanted && !path_is_plain(host->wanted))
        return WTL_FAIL(err, WTL_USAGE,
                        "\"cgroup:%s\" is no control group: write cgroup:/PATH, as"
                        " /proc/PID/cgroup does",
                        host->wanted);
    if (!find_place(host, &place)) {
        wtl_backend_finding(host, WTL_FINDING_NOTE, "cgroup", NULL,
                            "no control groups with a CPU controller are mounted");
        return 0;
    }
    return add_group(host, &place, host->wanted ? host->wanted : place.path, err);
}

const struct wtl_backend wtl_backend_cgroup = {
    .prefix = "cgroup",
    .summary = "CPU time of control groups",
    .by_name = true,
    .open = cgroup_open,
};
