/* SPDX-License-Identifier: Apache-2.0
 *
 * CPU frequency policies: /sys/devices/system/cpu/cpufreq/policyN (Linux
 * Documentation/admin-guide/pm/cpufreq.rst). A policy is a set of CPUs that share one clock; its
 * range is the knob. All files are in kHz.
 *
 * Files are opened from the root: a large machine has 512 policies, and a descriptor each would be
 * too many. Policies are not renumbered.
 */
#include "device/backend.h"
#include "device/sysfs.h"

#include "base/sort.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CPUS "sys/devices/system/cpu"
#define POLICIES CPUS "/cpufreq"
#define KHZ 1e3 /* in one MHz */

enum { STEPS_MAX = 256 };

struct policy {
    char id[WTL_LIMIT_NAME];
    char name[32]; /* "policy12" */
    struct wtl_sysfs_dir dir;
    double min_mhz, max_mhz; /* of the hardware */
    double *steps;           /* ascending; NULL: any */
    size_t n_steps;
};

static const char *file_of(const struct policy *p, const char *file, char buf[96])
{
    snprintf(buf, 96, POLICIES "/%s/%s", p->name, file);
    return buf;
}

static enum wtl_absence read_mhz(const struct policy *p, const char *file, double *mhz)
{
    char path[96];
    double khz = 0;
    enum wtl_absence absence = wtl_sysfs_number(&p->dir, file_of(p, file, path), &khz);
    if (absence == WTL_PRESENT)
        *mhz = khz / KHZ;
    return absence;
}

/* ---- Reading ----------------------------------------------------------------------------------*/

/* What the hardware ran at where it can be had (Linux 6.15), else what the driver knows. */
static int policy_read(void *state, uint64_t wanted, struct wtl_reading *out, struct wtl_error *err)
{
    const struct policy *p = state;
    char path[96];
    if (!(wanted & WTL_METRIC_BIT(WTL_M_cpu_clock_mhz)))
        return 0;
    wtl_sysfs_sense(&p->dir, file_of(p, "cpuinfo_avg_freq", path), KHZ, WTL_M_cpu_clock_mhz, wanted,
                    out);
    wtl_sysfs_sense(&p->dir, file_of(p, "scaling_cur_freq", path), KHZ, WTL_M_cpu_clock_mhz, wanted,
                    out);
    return wtl_sysfs_read_done(out, wanted, WTL_METRIC_BIT(WTL_M_cpu_clock_mhz), p->id, err);
}

/* ---- The range --------------------------------------------------------------------------------*/

static bool is_gone(enum wtl_absence absence)
{
    return absence == WTL_ABSENT_UNSUPPORTED || absence == WTL_ABSENT_LOST;
}

static int fail_gone(const struct policy *p, struct wtl_error *err)
{
    return WTL_FAIL(err, WTL_LOST, "%s is gone: its CPUs are offline", p->id);
}

static int policy_get(void *state, enum wtl_knob knob, struct wtl_knob_state *out,
                      struct wtl_error *err)
{
    const struct policy *p = state;
    double lo = 0, hi = 0;
    (void)knob;
    enum wtl_absence absence = read_mhz(p, "scaling_min_freq", &lo);
    if (absence == WTL_PRESENT)
        absence = read_mhz(p, "scaling_max_freq", &hi);
    if (is_gone(absence))
        return fail_gone(p, err);
    if (absence != WTL_PRESENT || lo > hi)
        return WTL_FAIL(err, absence == WTL_ABSENT_DENIED ? WTL_PERMISSION : WTL_FAILED,
                        "the range of %s cannot be read", p->id);
    out->known = true;
    out->requested = (struct wtl_knob_value){.lo = lo, .hi = hi};
    out->requested.released = lo <= p->min_mhz && hi >= p->max_mhz;
    return 0;
}

static int policy_range(void *state, enum wtl_knob knob, struct wtl_arena *arena,
                        struct wtl_knob_range *out, struct wtl_error *err)
{
    const struct policy *p = state;
    (void)knob;
    (void)arena;
    (void)err;
    out->min = p->min_mhz;
    out->max = p->max_mhz;
    out->steps = p->n_steps ? p->steps : NULL; /* wtl_device_knob_range() copies them */
    out->n_steps = p->n_steps;
    return 0;
}

static int write_mhz(const struct policy *p, const char *file, double mhz, struct wtl_error *err)
{
    char path[96], text[32];
    snprintf(text, sizeof text, "%.0f", mhz * KHZ);
    return wtl_sysfs_write(&p->dir, file_of(p, file, path), text, err);
}

/* The kernel holds scaling_min_freq <= scaling_max_freq at every step, so the end that gives room
 * to the other is moved first. */
static int policy_set(void *state, enum wtl_knob knob, struct wtl_knob_value value,
                      struct wtl_error *err)
{
    const struct policy *p = state;
    double lo = value.released ? p->min_mhz : value.lo;
    double hi = value.released ? p->max_mhz : value.hi;
    double now_lo = 0;
    (void)knob;
    if (!(lo >= p->min_mhz - 0.5 && lo <= hi && hi <= p->max_mhz + 0.5))
        return WTL_FAIL(err, WTL_USAGE, "%g-%g MHz is outside the range of %s, %g to %g MHz", lo,
                        hi, p->id, p->min_mhz, p->max_mhz);
    enum wtl_absence absence = read_mhz(p, "scaling_min_freq", &now_lo);
    if (is_gone(absence))
        return fail_gone(p, err);
    bool up = absence == WTL_PRESENT && hi >= now_lo;
    int rc =
        up ? write_mhz(p, "scaling_max_freq", hi, err) : write_mhz(p, "scaling_min_freq", lo, err);
    if (rc == 0)
        rc = up ? write_mhz(p, "scaling_min_freq", lo, err)
                : write_mhz(p, "scaling_max_freq", hi, err);
    return rc;
}

static const struct wtl_sensor_ops sensors = {.read = policy_read};
static const struct wtl_knob_ops knobs = {
    .get = policy_get, .range = policy_range, .set = policy_set};

/* ---- Finding ----------------------------------------------------------------------------------*/

static int compare_steps(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* "2400000 1800000 1200000": acpi-cpufreq and its like have a list, the pstate drivers have not. */
static int read_steps(const struct wtl_backend_host *host, struct policy *p, struct wtl_error *err)
{
    char path[96], text[WTL_SYSFS_PAGE];
    if (wtl_sysfs_text(&p->dir, file_of(p, "scaling_available_frequencies", path), text,
                       sizeof text) != WTL_PRESENT)
        return 0;
    p->steps = WTL_NEW_ARRAY(host->arena, double, STEPS_MAX);
    if (!p->steps)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (char *s = text; *s && p->n_steps < STEPS_MAX;) {
        double khz = 0;
        size_t n = strcspn(s, " \n");
        if (n > 0 && wtl_parse_double(s, n, &khz) && khz > 0)
            p->steps[p->n_steps++] = khz / KHZ;
        s += n + strspn(s + n, " \n");
    }
    wtl_sort(p->steps, p->n_steps, sizeof *p->steps, compare_steps);
    return 0;
}

/* "0 64" as "CPUs 0,64"; runs of neighbours as "CPUs 0-3". */
static void name_of_cpus(const struct policy *p, char *buf, size_t size)
{
    char path[96], text[WTL_SYSFS_PAGE];
    wtl_sysfs_text(&p->dir, file_of(p, "affected_cpus", path), text, sizeof text);
    size_t len = (size_t)snprintf(buf, size, "CPUs ");
    long first = -1, last = -2;
    for (char *s = text, *end;; s = end) {
        long cpu = strtol(s, &end, 10);
        bool more = end != s;
        if (more && cpu == last + 1) {
            last = cpu;
            continue;
        }
        if (last > first && len + 48 < size)
            len += (size_t)snprintf(buf + len, size - len, "-%ld", last);
        if (!more || len + 48 >= size)
            break;
        len += (size_t)snprintf(buf + len, size - len, "%s%ld", first < 0 ? "" : ",", cpu);
        first = last = cpu;
    }
    if (first < 0)
        snprintf(buf, size, "%s", p->name);
    else if (last == first && !strchr(buf, ','))
        snprintf(buf, size, "CPU %ld", first);
}

/* The package that the policy's first CPU is in, among the devices that were found before. */
static int parent_of(const struct wtl_backend_host *host, const char *number)
{
    const struct wtl_sysfs_dir root = wtl_sysfs_root(host->files);
    char file[128], id[WTL_LIMIT_NAME];
    double package = -1;
    snprintf(file, sizeof file, CPUS "/cpu%.16s/topology/physical_package_id", number);
    if (wtl_sysfs_number(&root, file, &package) != WTL_PRESENT || package < 0)
        return -1;
    snprintf(id, sizeof id, "rapl:%.0f", package);
    for (size_t i = 0; i < wtl_machine_count(host->machine); i++)
        if (strcmp(wtl_device_info(wtl_machine_device(host->machine, i))->id, id) == 0)
            return (int)i;
    return -1;
}

static void fill_info(const struct wtl_backend_host *host, const struct policy *p,
                      struct wtl_device_info *info)
{
    char path[96], governor[28], cpus[64];
    const char *number = p->name + strlen("policy");
    snprintf(info->id, sizeof info->id, "%s", p->id);
    name_of_cpus(p, cpus, sizeof cpus);
    wtl_sysfs_text(&p->dir, file_of(p, "scaling_governor", path), governor, sizeof governor);
    snprintf(info->name, sizeof info->name, "%s%s%s", cpus, governor[0] ? ", " : "", governor);
    wtl_sysfs_text(&p->dir, file_of(p, "scaling_driver", path), info->driver, sizeof info->driver);
    info->kind = WTL_DEVICE_CPU_CLOCK;
    info->parent = parent_of(host, number);
    info->index = -1;
    info->sensors = WTL_METRIC_BIT(WTL_M_cpu_clock_mhz);
    if (p->max_mhz > p->min_mhz)
        info->knobs = WTL_KNOB_BIT(WTL_KNOB_cpu_clock_mhz);
    if (info->knobs && wtl_sysfs_writable(&p->dir, file_of(p, "scaling_max_freq", path)) &&
        wtl_sysfs_writable(&p->dir, file_of(p, "scaling_min_freq", path)))
        info->writable = info->knobs;
    wtl_backend_epoch(host, info->epoch);
}

static int add_policy(const struct wtl_backend_host *host, const char *name,
                      struct wtl_device_info *info, struct wtl_error *err)
{
    struct policy *p = WTL_NEW(host->arena, struct policy);
    if (!p)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    const char *number = name + strlen("policy");
    size_t digits = strspn(number, "0123456789");
    p->dir = wtl_sysfs_root(host->files);
    if (digits == 0 || number[digits] || digits > 8)
        return 0;
    snprintf(p->name, sizeof p->name, "%s", name);
    snprintf(p->id, sizeof p->id, "cpufreq:%s", number);
    if (read_mhz(p, "cpuinfo_min_freq", &p->min_mhz) != WTL_PRESENT ||
        read_mhz(p, "cpuinfo_max_freq", &p->max_mhz) != WTL_PRESENT)
        return 0; /* its CPUs are offline */
    int rc = read_steps(host, p, err);
    if (rc < 0)
        return rc;
    memset(info, 0, sizeof *info);
    fill_info(host, p, info);
    rc = wtl_backend_add(host, info, &sensors, info->knobs ? &knobs : NULL, p, false, err);
    return rc < 0 ? rc : info->writable ? 2 : 1;
}

/* ---- What is to be said -----------------------------------------------------------------------*/

static void say(const struct wtl_backend_host *host, int found, int writable)
{
    const struct wtl_sysfs_dir root = wtl_sysfs_root(host->files);
    double value = 0;
    if (found == 0) {
        wtl_backend_finding(host, WTL_FINDING_NOTE, "cpufreq", NULL,
                            "no CPU frequency policies: clocks of CPUs cannot be read or set (usual"
                            " in virtual machines)");
        return;
    }
    wtl_backend_finding(host, WTL_FINDING_OK, "cpufreq", NULL,
                        "%d CPU frequency polic%s can be read%s", found, found == 1 ? "y" : "ies",
                        writable == found ? " and set"
                        : host->live      ? "; only root can set them"
                                          : "");
    if (wtl_sysfs_number(&root, CPUS "/intel_pstate/no_turbo", &value) == WTL_PRESENT && value > 0)
        wtl_backend_finding(host, WTL_FINDING_NOTE, "cpufreq", NULL,
                            "turbo is off (intel_pstate/no_turbo is 1)");
    if (wtl_sysfs_number(&root, POLICIES "/boost", &value) == WTL_PRESENT && value <= 0)
        wtl_backend_finding(host, WTL_FINDING_NOTE, "cpufreq", NULL,
                            "boost is off (cpufreq/boost is 0)");
}

static int cpufreq_open(const struct wtl_backend_host *host, struct wtl_error *err)
{
    char **names = NULL;
    size_t n = 0;
    int found = 0, writable = 0;
    int rc = wtl_sysfs_list(host->files, host->arena, POLICIES, "policy", &names, &n, err);
    struct wtl_device_info *info = WTL_NEW(host->arena, struct wtl_device_info);
    if (rc == 0 && !info)
        rc = WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; rc >= 0 && i < n; i++) {
        rc = add_policy(host, names[i], info, err);
        found += rc > 0;
        writable += rc == 2;
    }
    if (rc < 0)
        return rc;
    say(host, found, writable);
    return 0;
}

const struct wtl_backend wtl_backend_cpufreq = {
    .prefix = "cpufreq",
    .summary = "CPU clocks through cpufreq",
    .open = cpufreq_open,
};
