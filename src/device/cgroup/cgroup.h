/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a process's control group with the CPU controller is. Pure text, for the back end and its
 * fuzz target.
 */
#ifndef WTL_DEVICE_CGROUP_CGROUP_H
#define WTL_DEVICE_CGROUP_CGROUP_H

#include "base/limits.h"

#include <stdbool.h>

enum { WTL_CGROUP_PATH = 384 };

struct wtl_cgroup_place {
    bool v2;
    char mount[WTL_CGROUP_PATH]; /* of the hierarchy, no leading '/': "sys/fs/cgroup" */
    char usage[WTL_CGROUP_PATH]; /* of v1's cpuacct hierarchy; "" where it is the same or none */
    char path[WTL_CGROUP_PATH];  /* of the process in it: "/", "/system.slice/vllm.service" */
};

/* From the texts of /proc/self/mountinfo and /proc/self/cgroup (proc(5), cgroups(7)): the v1
 * hierarchy of the CPU controller, or else the unified one. A hierarchy whose mount shows a part of
 * the tree only (a container) counts paths from there. False: no control groups are mounted. */
bool wtl_cgroup_place(const char *mountinfo, const char *cgroup, struct wtl_cgroup_place *out);

/* "max 100000", "150000 100000" (cpu.max of v2): quota in CPUs; *limited false for "max". False:
 * not of that form. period_us is what a new quota is to be written with. */
bool wtl_cgroup_parse_max(const char *text, bool *limited, double *cpus, double *period_us);

#endif
