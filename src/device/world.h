/* SPDX-License-Identifier: Apache-2.0
 *
 * Where this process runs: container, virtual machine, rights. What back ends and doctor say of
 * permissions follows from it.
 */
#ifndef WTL_DEVICE_WORLD_H
#define WTL_DEVICE_WORLD_H

#include "device/sysfs.h"

/* Where this process runs: as files of the root tell, so that a recorded machine can be asked. */
struct wtl_world {
    char kernel[64];        /* "6.1.0-28-amd64"; "" unknown */
    const char *container;  /* "docker", "podman", "kubernetes", "lxc", "container"; NULL: none */
    const char *hypervisor; /* "QEMU", "VMware" ...; NULL: none is known */
    bool wsl;               /* Windows Subsystem for Linux */
    bool user_namespace;    /* root here is somebody else outside */
    bool has_uid, has_capabilities;
    double uid;
    bool sys_admin; /* CAP_SYS_ADMIN: what drivers ask for before a knob moves */
};

/* Reads it below `files`. */
void wtl_world_look(struct wtl_sysfs *files, struct wtl_world *out);

#endif
