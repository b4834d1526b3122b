/* SPDX-License-Identifier: Apache-2.0
 *
 * What a forked process is called in lists of processes: /proc/PID/cmdline, which else is its
 * parent's. Linux shows the memory where the arguments were, up to the first NUL, once the last
 * byte of it is none (setproctitle; fs/proc/base.c, get_mm_proctitle()).
 */
#ifndef WTL_SIMHOST_TITLE_H
#define WTL_SIMHOST_TITLE_H

#include <stddef.h>

/* Of the process of a load: "resnet50 (virtual load on GPU 0)". NVML's name of it ends there. */
#define WTL_TITLE_OF_LOAD " (virtual load on GPU "

struct wtl_title {
    char *begin;
    size_t arguments, all; /* bytes; all: with the environment behind them */
};

/* Where this process's arguments are; zeros: they are not to be found, and nothing is set. */
struct wtl_title wtl_title_find(void);

/* For a child that has no more use for arguments and environment. Calls nothing that is not safe
 * after fork(). */
void wtl_title_set(const struct wtl_title *title, const char *text);

#endif
