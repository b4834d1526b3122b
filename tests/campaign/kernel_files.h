/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernel files that fail: the program is linked so that openat(), read() and write() come through
 * here (-Wl,--wrap). Files below one directory then behave as those of the kernel do: a write
 * replaces the value, opening for writing does not, and what a driver would not take is EINVAL.
 */
#ifndef WTL_TESTS_KERNEL_FILES_H
#define WTL_TESTS_KERNEL_FILES_H

#include <stdbool.h>

enum kernel_fault {
    /* Any call fails with this error, and nothing is done. */
    KERNEL_EIO,
    KERNEL_EACCES,
    KERNEL_EBUSY,
    KERNEL_ENODEV,
    KERNEL_EMPTY,  /* a read ends at once, without a byte */
    KERNEL_EINVAL, /* from here on: writes alone */
    KERNEL_ENOSPC,
    KERNEL_DONE,    /* done, and EIO nevertheless */
    KERNEL_SHORT,   /* the first half of the bytes arrives, and the call says so */
    KERNEL_CLAMPED, /* the driver makes a tenth less of a number, and says nothing */
    KERNEL_IGNORED, /* nothing is done, and nothing is said */
    KERNEL_N_FAULTS
};

const char *kernel_fault_name(enum kernel_fault fault);

/* From here on, in this process and its children. */
void kernel_files_root(const char *root);

/* The at-th call that the fault can strike, and with for_good all later ones. */
void kernel_files_arm(enum kernel_fault fault, long at, bool for_good);

/* Whether it did. */
bool kernel_files_disarm(void);

#endif
