/* SPDX-License-Identifier: Apache-2.0
 * The `power` PMU: its files, its counters. */
#include "device/rapl/perf.h"

#include "base/text.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PMU "sys/bus/event_source/devices/power"
#define CPUS "sys/devices/system/cpu"

/* ---- System calls ---------------------------------------------------------------------------- */

static int system_open(void *ctx, uint32_t type, uint64_t config, int cpu)
{
    struct perf_event_attr attr = {.type = type, .size = sizeof attr, .config = config};
    (void)ctx;
    long fd = syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
    return fd >= 0 ? (int)fd : -errno;
}

static int system_read(void *ctx, int fd, uint64_t *count_out)
{
    uint64_t count = 0;
    ssize_t n;
    (void)ctx;
    do
        n = read(fd, &count, sizeof count);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof count)
        return n < 0 ? -errno : -EIO;
    *count_out = count;
    return 0;
}

static void system_close(void *ctx, int fd)
{
    (void)ctx;
    close(fd);
}

const struct wtl_perf_ops *wtl_perf_ops_system(void)
{
    static const struct wtl_perf_ops ops = {system_open, system_read, system_close, NULL};
    return &ops;
}

/* ---- Files ------------------------------------------------------------------------------------*/

static bool text_of(struct wtl_sysfs *files, const char *path, char *buf, size_t size)
{
    const struct wtl_sysfs_dir root = wtl_sysfs_root(files);
    return wtl_sysfs_text(&root, path, buf, size) == WTL_PRESENT && buf[0];
}

static bool number_of(struct wtl_sysfs *files, const char *path, double *out)
{
    const struct wtl_sysfs_dir root = wtl_sysfs_root(files);
    return wtl_sysfs_number(&root, path, out) == WTL_PRESENT;
}

/* "event=0x02", "2.3283064365386962890625e-10", "Joules". */
static void look_at_event(struct wtl_sysfs *files, const char *name, struct wtl_perf_event *out)
{
    char path[96], text[64], *end;
    snprintf(path, sizeof path, PMU "/events/%s", name);
    if (!text_of(files, path, text, sizeof text) || !wtl_starts_with(text, "event="))
        return;
    const char *digits = text + strlen("event=");
    unsigned long long config = strtoull(digits, &end, 0);
    if (end == digits || *end)
        return;
    snprintf(path, sizeof path, PMU "/events/%s.unit", name);
    if (!text_of(files, path, text, sizeof text) || strcmp(text, "Joules") != 0)
        return;
    snprintf(path, sizeof path, PMU "/events/%s.scale", name);
    double joules = 0;
    if (!text_of(files, path, text, sizeof text) ||
        !wtl_parse_double(text, strlen(text), &joules) || !(joules > 0 && joules < 1))
        return;
    *out = (struct wtl_perf_event){.has = true, .config = config, .joules = joules};
}

/* Package and die of a CPU; without topology (old kernels) the packages are numbered in order. */
static void locate(struct wtl_sysfs *files, int cpu, int order, double *package, double *die)
{
    char path[96];
    snprintf(path, sizeof path, CPUS "/cpu%d/topology/physical_package_id", cpu);
    if (!number_of(files, path, package) || !(*package >= 0 && *package < 1000))
        *package = order;
    snprintf(path, sizeof path, CPUS "/cpu%d/topology/die_id", cpu);
    if (!number_of(files, path, die) || !(*die >= 0 && *die < 1000))
        *die = 0;
}

static void add_packages(struct wtl_sysfs *files, int first, int last, struct wtl_perf_power *p,
                         double package[], double die[])
{
    for (int cpu = first; cpu <= last && p->n < WTL_PERF_PACKAGES; cpu++) {
        locate(files, cpu, p->n, &package[p->n], &die[p->n]);
        p->package[p->n++].cpu = cpu;
    }
}

static void look_at_packages(struct wtl_sysfs *files, struct wtl_perf_power *p)
{
    char text[512];
    double package[WTL_PERF_PACKAGES], die[WTL_PERF_PACKAGES];
    if (!text_of(files, PMU "/cpumask", text, sizeof text))
        return;
    int first, last;
    for (const char *at = text; wtl_sysfs_next_cpus(&at, &first, &last);)
        add_packages(files, first, last, p, package, die);
    for (int i = 0; i < p->n; i++) {
        int same = 0;
        for (int j = 0; j < p->n; j++)
            same += package[j] == package[i];
        if (same > 1)
            snprintf(p->package[i].number, sizeof p->package[i].number, "%d.%d", (int)package[i],
                     (int)die[i]);
        else
            snprintf(p->package[i].number, sizeof p->package[i].number, "%d", (int)package[i]);
    }
}

void wtl_perf_power_look(struct wtl_sysfs *files, struct wtl_perf_power *out)
{
    static const char *const names[] = {"energy-pkg", "energy-ram", "energy-psys"};
    struct wtl_perf_power p = {0};
    double type = 0;
    bool any = false;
    if (number_of(files, PMU "/type", &type) && type >= 0 && type <= UINT32_MAX) {
        p.type = (uint32_t)type;
        for (int d = 0; d < WTL_PERF_DOMAINS; d++) {
            look_at_event(files, names[d], &p.event[d]);
            any = any || p.event[d].has;
        }
        look_at_packages(files, &p);
        p.has_paranoid = number_of(files, "proc/sys/kernel/perf_event_paranoid", &p.paranoid);
    }
    p.has = any && p.n > 0;
    *out = p;
}

/* ---- Counters ---------------------------------------------------------------------------------*/

/* Whether the i-th is the package of that number. The platform's counter is one of packages: the
 * first die of several stands for all. */
static bool is_of(const struct wtl_perf_power *power, int i, enum wtl_perf_domain domain,
                  const char *number)
{
    const char *its = power->package[i].number;
    if (domain != WTL_PERF_PSYS)
        return strcmp(its, number) == 0;
    const size_t n = strcspn(its, ".");
    for (int k = 0; k < i; k++)
        if (strncmp(power->package[k].number, its, n) == 0 &&
            strchr(".", power->package[k].number[n]))
            return false;
    return !number || (strlen(number) == n && strncmp(its, number, n) == 0);
}

static void close_all(struct wtl_perf_counter *c)
{
    while (c->n > 0)
        c->ops->close(c->ops->ctx, c->fd[--c->n]);
}

int wtl_perf_counter_open(const struct wtl_perf_power *power, const struct wtl_perf_ops *ops,
                          enum wtl_perf_domain domain, const char *number,
                          struct wtl_perf_counter *counter_out)
{
    static const struct wtl_perf_ops none = {0};
    const struct wtl_perf_event *event = &power->event[domain];
    struct wtl_perf_counter c = {
        .ops = ops ? ops : &none, .why = ops ? 0 : -ENOSYS, .joules = event->joules};
    bool any = false;
    for (int i = 0; power->has && event->has && i < power->n; i++) {
        if (!is_of(power, i, domain, number))
            continue;
        any = true;
        int fd =
            c.why ? c.why : ops->open(ops->ctx, power->type, event->config, power->package[i].cpu);
        if (fd >= 0)
            c.fd[c.n++] = fd;
        else
            c.why = fd;
    }
    if (!any)
        return -1;
    if (c.why)
        close_all(&c);
    *counter_out = c;
    return 0;
}

void wtl_perf_counter_close(struct wtl_perf_counter *c)
{
    if (c->ops)
        close_all(c);
    c->ops = NULL;
}

enum wtl_absence wtl_perf_counter_read(const struct wtl_perf_counter *c, double *joules_out)
{
    double sum = 0;
    int why = c->why;
    if (why == -EACCES || why == -EPERM)
        return WTL_ABSENT_DENIED;
    if (why == -ENOSYS) /* of a recorded machine, or a kernel without perf */
        return WTL_ABSENT_NOT_YET;
    for (int i = 0; i < c->n && why == 0; i++) {
        uint64_t count = 0;
        why = c->ops->read(c->ops->ctx, c->fd[i], &count);
        sum += (double)count;
    }
    if (why < 0)
        return why == -ENODEV ? WTL_ABSENT_LOST : WTL_ABSENT_FAILED;
    *joules_out = sum * c->joules;
    return WTL_PRESENT;
}
