/* SPDX-License-Identifier: Apache-2.0
 *
 * Energy of CPU packages through perf_event_open(2), the second way to the counters of RAPL: the
 * `power` PMU (Linux arch/x86/events/rapl.c; its files: Documentation/ABI/testing/
 * sysfs-bus-event_source-devices-events). Events "energy-pkg", "energy-ram" and "energy-psys" count
 * from 0 when they are opened, in units that "events/energy-pkg.scale" gives in joules; the kernel
 * takes care of wraps. "cpumask" names one CPU of each package (of each die, where there are
 * several).
 *
 * Counting for all processes needs CAP_PERFMON (CAP_SYS_ADMIN before Linux 5.8), or
 * kernel.perf_event_paranoid of 0 or less.
 */
#ifndef WTL_DEVICE_RAPL_PERF_H
#define WTL_DEVICE_RAPL_PERF_H

#include "base/alloc.h"
#include "base/error.h"
#include "device/sysfs.h"

#include <stdbool.h>
#include <stdint.h>

/* The system calls, so that tests can put their own in their place. */
struct wtl_perf_ops {
    /* A descriptor, or -errno: event `config` of the PMU `type`, of all processes, on `cpu`. */
    int (*open)(void *ctx, uint32_t type, uint64_t config, int cpu);
    int (*read)(void *ctx, int fd, uint64_t *count_out); /* 0, or -errno */
    void (*close)(void *ctx, int fd);
    void *ctx;
};
const struct wtl_perf_ops *wtl_perf_ops_system(void);

enum wtl_perf_domain { WTL_PERF_PKG, WTL_PERF_RAM, WTL_PERF_PSYS, WTL_PERF_DOMAINS };

struct wtl_perf_event {
    bool has;
    uint64_t config;
    double joules; /* of one count */
};

enum { WTL_PERF_PACKAGES = 64 };

/* The PMU as its files tell. */
struct wtl_perf_power {
    bool has; /* with at least one event and one package */
    uint32_t type;
    struct wtl_perf_event event[WTL_PERF_DOMAINS];
    int n; /* packages */
    struct {
        int cpu;
        char number[16]; /* "1"; "0.1": die 1 of package 0, where a package has several */
    } package[WTL_PERF_PACKAGES];
    bool has_paranoid;
    double paranoid; /* kernel.perf_event_paranoid */
};

/* A machine without such a PMU has none, and that is no failure. */
void wtl_perf_power_look(struct wtl_sysfs *files, struct wtl_perf_power *out);

struct wtl_perf_counter {
    const struct wtl_perf_ops *ops; /* NULL: no such counter */
    int why;                        /* -errno: what opening it said; 0: it counts */
    int n, fd[WTL_PERF_PACKAGES];   /* which are added up */
    double joules;
};

/* The counter of a domain of the package of that number ("1", "0.1"). The platform's is one of a
 * package, too: where there are several, one of them counts for all, by far not always the first,
 * and the others stay at 0 (Linux, "powercap/intel_rapl: enumerate Psys RAPL domain together with
 * package RAPL domain", 2020); NULL adds them up. -1: the PMU has none; else 0 and *counter_out,
 * whose `why` tells whether it counts. `ops` NULL: a recorded machine, where nothing can be opened
 * (-ENOSYS). */
int wtl_perf_counter_open(const struct wtl_perf_power *power, const struct wtl_perf_ops *ops,
                          enum wtl_perf_domain domain, const char *number,
                          struct wtl_perf_counter *counter_out);
void wtl_perf_counter_close(struct wtl_perf_counter *counter);

/* Joules since it was opened. */
enum wtl_absence wtl_perf_counter_read(const struct wtl_perf_counter *counter, double *joules_out);

#endif
