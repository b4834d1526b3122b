/* SPDX-License-Identifier: Apache-2.0
 *
 * The control group that the commands of a sweep run in, so that a CPU quota is theirs: one that is
 * there, or one of our making, which is removed at the end. What was made is noted in a folder,
 * with the note locked while its maker lives: what a killed sweep left is removed by the next.
 *
 * Version 1 (cpu and cpuacct, together or apart) and version 2 with the cpu controller, see
 * device/cgroup/cgroup.h. Files below a root, so that tests need no kernel.
 */
#ifndef WTL_LAB_GROUP_H
#define WTL_LAB_GROUP_H

#include "device/cgroup/cgroup.h"

#include "base/error.h"

#include <sys/types.h>

enum { WTL_GROUP_DIR = WTL_LIMIT_PATH };

struct wtl_group {
    char path[WTL_CGROUP_PATH]; /* in its hierarchies: "/wattle" */
    char dir[2][WTL_GROUP_DIR]; /* absolute; [1]: of cpuacct where that is apart, else "" */
    char stat[WTL_GROUP_DIR];   /* /proc/stat */
    char note[WTL_GROUP_DIR];   /* of one that we made; "" none */
    int note_fd;                /* locked; -1 none */
    bool v2;
};

/* Where a group is, or would be; makes nothing. `root`: "" or a tree. -WTL_UNSUPPORTED: no control
 * groups with a CPU controller are mounted; -WTL_USAGE: no path of a group, or the root's. */
int wtl_group_find(const char *root, const char *path, struct wtl_group *out,
                   struct wtl_error *err);

bool wtl_group_exists(const struct wtl_group *group);

/* Makes it; its parent must be there. -WTL_PERMISSION with what to do; -WTL_UNSUPPORTED: version 2,
 * and the parent does not let its groups have the cpu controller. Nothing stays on failure. */
int wtl_group_make(struct wtl_group *group, const char *note_dir, struct wtl_error *err);

/* Puts a process into it. -WTL_PERMISSION with what to do, -WTL_LOST. */
int wtl_group_add(const struct wtl_group *group, pid_t pid, struct wtl_error *err);

/* Removes one that we made, with its note; waits a second for processes in it to end. Others are
 * left alone. -WTL_BUSY: somebody is in it. */
int wtl_group_remove(struct wtl_group *group, struct wtl_error *err);

/* Removes groups, made and noted in that folder, whose makers are gone, and which have no process.
 * Returns how many. */
int wtl_groups_tidy(const char *root, const char *note_dir);

/* CPU time of the group, and what was left idle on the machine, since the boot or the group began;
 * seconds. */
struct wtl_group_time {
    double used_s, throttled_s, idle_s;
    double quota; /* CPUs; 0: none */
};

/* False: it cannot be read. */
bool wtl_group_time(const struct wtl_group *group, struct wtl_group_time *out);

/* Whether in a span of time a group did not have its quota because all CPUs were busy: it used less
 * than 97 % of it, and the CPUs had less idle time than what was missing. A command that has too
 * few threads for its quota looks the same on a busy machine. *used_out: CPUs. */
bool wtl_group_starved(const struct wtl_group_time *begin, const struct wtl_group_time *end,
                       double time_s, double *used_out);

#endif
