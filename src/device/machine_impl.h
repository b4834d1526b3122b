/* SPDX-License-Identifier: Apache-2.0
 *
 * What machine.c (the registry) and device.c (the calls) share.
 */
#ifndef WTL_DEVICE_MACHINE_IMPL_H
#define WTL_DEVICE_MACHINE_IMPL_H

#include "device/backend.h"

struct wtl_worker;

struct wtl_device {
    struct wtl_worker *worker; /* of this device, from open on */
    struct wtl_machine *machine;
    struct wtl_device_ops ops;
    struct wtl_device_info info;
    const char *asked; /* the name that it was opened for, where its id is another; NULL */
    int first;         /* where the numbers that its back end gives begin in the machine's */
};

/* Makes what the device's calls need; starts no thread yet. */
int wtl_worker_init(struct wtl_device *device, struct wtl_error *err);

/* Ends the thread. False: a call did not come back, and its memory must be left alone. */
bool wtl_worker_fini(struct wtl_device *device);

struct wtl_machine {
    struct wtl_arena arena; /* holds the machine too */
    struct wtl_clock clock;
    int64_t deadline_ns;
    int root_fd;
    struct wtl_sysfs *files, *own_files; /* own: opened by us */
    bool live;
    const char *nvml;
    bool only_those_here;
    bool for_knobs;
    const char *asking; /* what the devices that are being opened get as `asked` */
    bool has_epoch;
    char epoch[WTL_LIMIT_NAME]; /* wtl_backend_epoch() */
    struct wtl_worker *direct;  /* shared by the devices that do not block; NULL: none yet */

    struct wtl_device **devices;
    size_t n, cap;
    struct wtl_device *
        *found; /* in the order of finding, as back ends number; NULL: as `devices` */
    size_t n_found;
    struct wtl_device **hidden; /* wrapped by others, or found and not wanted */
    size_t n_hidden, cap_hidden;
    struct wtl_finding *findings;
    size_t n_findings, cap_findings;
    struct wtl_machine *parts, *next_part; /* opened on threads of their own, see opening.c */
    bool abandoned;                        /* a thread that hangs while opening may yet look */
    const char *hang;                      /* then: what wtl_machine_hang() says */
};

/* What a back end that is opened for the machine gets. */
struct wtl_backend_host wtl_backend_host_of(struct wtl_machine *m, const char *wanted);

/* Opens a back end, with a deadline where it may block. `asked`: its devices were named, and one
 * that hangs is -WTL_TIMEOUT; else that is a finding. */
int wtl_backend_open(struct wtl_machine *m, const struct wtl_backend *backend, const char *wanted,
                     bool asked, struct wtl_error *err);

/* Lists one more device; -WTL_FAILED when its id is taken. */
int wtl_machine_keep(struct wtl_machine *m, struct wtl_device *d, struct wtl_error *err);

#endif
