/* SPDX-License-Identifier: Apache-2.0
 *
 * The node's power as its management controller (BMC) measures it, through the kernel's IPMI
 * device: /dev/ipmi0. The binary interface is that of Linux include/uapi/linux/ipmi.h, declared
 * here as far as it is used; a test compares the two.
 *
 * Power is whole watts, at the input of the power supplies on most machines. The controller says
 * neither how often it measures nor over how long; it is asked once a second at most, and a reading
 * in between gives the last answer with its time. An average over up to a minute, where the
 * controller gives one, is power_average_w.
 */
#ifndef WTL_DEVICE_IPMI_IPMI_H
#define WTL_DEVICE_IPMI_IPMI_H

#include "device/backend.h"

#include <sys/ioctl.h>

struct wtl_ipmi_message {
    unsigned char netfn, cmd;
    unsigned short data_len;
    unsigned char *data;
};

struct wtl_ipmi_request {
    unsigned char *addr;
    unsigned int addr_len;
    long id;
    struct wtl_ipmi_message msg;
};

struct wtl_ipmi_received {
    int type; /* WTL_IPMI_RESPONSE */
    unsigned char *addr;
    unsigned int addr_len;
    long id;
    struct wtl_ipmi_message msg;
};

/* The controller itself. */
struct wtl_ipmi_address {
    int type;
    short channel;
    unsigned char lun;
};
enum { WTL_IPMI_SYSTEM_INTERFACE = 0x0c, WTL_IPMI_BMC_CHANNEL = 0xf, WTL_IPMI_RESPONSE = 1 };

#define WTL_IPMI_SEND _IOR('i', 13, struct wtl_ipmi_request)
#define WTL_IPMI_RECEIVE _IOWR('i', 11, struct wtl_ipmi_received) /* cuts what is too long */

/* The system calls, so that tests can put their own in their place. All give -errno. */
struct wtl_ipmi_ops {
    int (*open)(void *ctx, const char *path);
    int (*ioctl)(void *ctx, int fd, unsigned long request, void *arg);
    int (*wait)(void *ctx, int fd, int ms); /* 1: something has come; 0: nothing in that time */
    void (*close)(void *ctx, int fd);
    void *ctx;
};

/* As wtl_backend_ipmi.open, with these calls. */
int wtl_ipmi_open(const struct wtl_backend_host *host, const struct wtl_ipmi_ops *ops,
                  struct wtl_error *err);

#endif
