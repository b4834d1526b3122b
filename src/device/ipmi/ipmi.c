/* SPDX-License-Identifier: Apache-2.0
 * The BMC as a device. */
#include "device/ipmi/ipmi.h"

#include "device/asking.h"
#include "device/ipmi/dcmi.h"
#include "device/sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Controllers answer within 10 to 200 ms; one that is asked too often has no time to measure. */
enum { ANSWER_MS = 3000, STALE_MESSAGES = 16 };
#define GAP_NS WTL_NS_PER_S

/* Longer statistics are those since the controller's start, and no reading. */
#define AVERAGE_MAX_NS (60 * WTL_NS_PER_S)

struct node {
    const struct wtl_ipmi_ops *ops;
    struct wtl_asking asking;
    int fd;
    long id; /* of the last request */
    uint64_t sensors;
    int64_t window_ns; /* of the average that was announced */
    struct wtl_dcmi_power last;
};

/* ---- System calls ---------------------------------------------------------------------------- */

static int system_open(void *ctx, const char *path)
{
    (void)ctx;
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    return fd >= 0 ? fd : -errno;
}

static int system_ioctl(void *ctx, int fd, unsigned long request, void *arg)
{
    (void)ctx;
    return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

static int system_wait(void *ctx, int fd, int ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    (void)ctx;
    int rc = poll(&p, 1, ms);
    return rc < 0 ? -errno : rc;
}

static void system_close(void *ctx, int fd)
{
    (void)ctx;
    close(fd);
}

static const struct wtl_ipmi_ops system_ops = {system_open, system_ioctl, system_wait, system_close,
                                               NULL};

/* ---- Asking ---------------------------------------------------------------------------------- */

static int fail_call(const char *what, int why, struct wtl_error *err)
{
    return WTL_FAIL(err, why == -ENODEV || why == -ENXIO ? WTL_LOST : WTL_FAILED,
                    "the BMC cannot be %s: %s", what, strerror(-why));
}

static int send_request(struct node *d, struct wtl_error *err)
{
    struct wtl_ipmi_address to = {.type = WTL_IPMI_SYSTEM_INTERFACE,
                                  .channel = WTL_IPMI_BMC_CHANNEL};
    uint8_t data[WTL_DCMI_REQUEST];
    wtl_dcmi_power_request(data);
    struct wtl_ipmi_request r = {.addr = (unsigned char *)&to,
                                 .addr_len = sizeof to,
                                 .id = ++d->id,
                                 .msg = {.netfn = WTL_DCMI_NETFN,
                                         .cmd = WTL_DCMI_GET_POWER_READING,
                                         .data_len = sizeof data,
                                         .data = data}};
    int rc = d->ops->ioctl(d->ops->ctx, d->fd, WTL_IPMI_SEND, &r);
    return rc < 0 ? fail_call("asked", rc, err) : 0;
}

/* The next message; 1: it is an answer to an earlier request that had been given up. */
static int receive(const struct node *d, struct wtl_dcmi_power *out, struct wtl_error *err)
{
    unsigned char from[64], data[64]; /* addresses of other channels are longer than ours */
    struct wtl_ipmi_received r = {
        .addr = from, .addr_len = sizeof from, .msg = {.data = data, .data_len = sizeof data}};
    int rc = d->ops->wait(d->ops->ctx, d->fd, ANSWER_MS);
    if (rc == -EINTR)
        return 1;
    if (rc < 0)
        return fail_call("waited for", rc, err);
    if (rc == 0)
        return WTL_FAIL(err, WTL_TIMEOUT, "the BMC did not answer within %d s", ANSWER_MS / 1000);
    rc = d->ops->ioctl(d->ops->ctx, d->fd, WTL_IPMI_RECEIVE, &r);
    if (rc == -EAGAIN || rc == -EINTR)
        return 1;
    if (rc < 0 && rc != -EMSGSIZE) /* cut, and long enough */
        return fail_call("read", rc, err);
    if (r.type != WTL_IPMI_RESPONSE || r.id != d->id)
        return 1;
    return wtl_dcmi_power_parse(data, r.msg.data_len, out, err);
}

static int ask(struct node *d, struct wtl_dcmi_power *out, struct wtl_error *err)
{
    int rc = send_request(d, err);
    if (rc < 0)
        return rc;
    rc = 1;
    for (int i = 0; i < STALE_MESSAGES && rc == 1; i++)
        rc = receive(d, out, err);
    return rc == 1 ? WTL_FAIL(err, WTL_TIMEOUT, "the BMC answers earlier requests only") : rc;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static int refresh(struct node *d, struct wtl_error *err)
{
    struct wtl_error why = {0};
    int rc;
    if (!wtl_asking_due(&d->asking, &rc, err))
        return rc;
    rc = ask(d, &d->last, &why);
    return wtl_asking_ends(&d->asking, rc, &why, GAP_NS, GAP_NS, err);
}

static void put(const struct node *d, struct wtl_reading *out, uint64_t wanted, enum wtl_metric m,
                enum wtl_absence absence, double value)
{
    if (d->sensors & WTL_METRIC_BIT(m))
        wtl_asking_put(&d->asking, out, wanted, m, absence, value);
}

static int node_read(void *state, uint64_t wanted, struct wtl_reading *out, struct wtl_error *err)
{
    struct node *d = state;
    struct wtl_error why = {0};
    int rc = refresh(d, &why);
    enum wtl_absence absence = rc == 0 ? (d->last.active ? WTL_PRESENT : WTL_ABSENT_NOT_YET)
                               : rc == -WTL_PERMISSION ? WTL_ABSENT_DENIED
                               : rc == -WTL_BUSY       ? WTL_ABSENT_NOT_YET
                                                       : WTL_ABSENT_FAILED;
    if (rc == -WTL_LOST || rc == -WTL_TIMEOUT) {
        if (err)
            *err = why;
        return rc;
    }
    put(d, out, wanted, WTL_M_power_w, absence, d->last.current_w);
    if (absence == WTL_PRESENT && d->last.window_ns != d->window_ns)
        absence = WTL_ABSENT_NOT_YET; /* another average than the one announced */
    put(d, out, wanted, WTL_M_power_average_w, absence, d->last.average_w);
    return 0;
}

static void node_close(void *state)
{
    struct node *d = state;
    d->ops->close(d->ops->ctx, d->fd);
}

static const struct wtl_sensor_ops sensors = {.read = node_read, .close = node_close};

/* ---- Finding --------------------------------------------------------------------------------- */

#define PREFIX "ipmi"

static int open_node(const struct wtl_ipmi_ops *ops, const char **path_out)
{
    static const char *const paths[] = {"/dev/ipmi0", "/dev/ipmi/0", "/dev/ipmidev/0"};
    int rc = -ENOENT;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0] && rc == -ENOENT; i++) {
        *path_out = paths[i];
        rc = ops->open(ops->ctx, paths[i]);
        if (rc == -ENOTDIR)
            rc = -ENOENT;
    }
    return rc;
}

/* Why there is no device. */
static void say_closed(const struct wtl_backend_host *host, const char *path, int why)
{
    const struct wtl_sysfs_dir root = wtl_sysfs_root(host->files);
    char fix[96];
    if (why == -EACCES || why == -EPERM) {
        snprintf(fix, sizeof fix, "sudo chown $(id -un) %s", path);
        wtl_backend_finding(host, WTL_FINDING_LACK, PREFIX, fix,
                            "%s is for root only: the power that the BMC measures is not read;"
                            " mind that who may open it may also switch this machine off",
                            path);
    } else if (why != -ENOENT && why != -ENXIO && why != -ENODEV) {
        wtl_backend_finding(host, WTL_FINDING_PROBLEM, PREFIX, NULL, "%s cannot be opened: %s",
                            path, strerror(-why));
    } else if (wtl_sysfs_exists(&root, "sys/firmware/dmi/entries/38-0")) { /* SMBIOS: IPMI */
        wtl_backend_finding(host, WTL_FINDING_LACK, PREFIX, "sudo modprobe -a ipmi_si ipmi_devintf",
                            "this machine has a BMC (SMBIOS), and no /dev/ipmi0: the kernel's"
                            " modules for it are not loaded");
    } else {
        wtl_backend_finding(host, WTL_FINDING_NOTE, PREFIX, NULL,
                            "no /dev/ipmi0: no BMC is shown to this system");
    }
}

static void describe(const struct node *d, struct wtl_device_info *info)
{
    *info = (struct wtl_device_info){.kind = WTL_DEVICE_NODE, .parent = -1, .index = -1};
    snprintf(info->id, sizeof info->id, PREFIX ":0");
    snprintf(info->name, sizeof info->name, "node (BMC)");
    snprintf(info->driver, sizeof info->driver, "DCMI");
    info->sensors = d->sensors;
    struct wtl_sensor_info *now = &info->sensor[WTL_M_power_w];
    now->period_ns = GAP_NS;
    now->resolution = 1;
    struct wtl_sensor_info *average = &info->sensor[WTL_M_power_average_w];
    average->period_ns = GAP_NS;
    average->window_ns = d->window_ns;
    average->resolution = 1;
}

static void say_reading(const struct wtl_backend_host *host, const struct wtl_dcmi_power *p)
{
    if (!p->active)
        wtl_backend_finding(host, WTL_FINDING_NOTE, PREFIX, NULL,
                            "the BMC does not measure now: its power reading is not active");
    else
        wtl_backend_finding(host, WTL_FINDING_OK, PREFIX, NULL,
                            "the BMC reads %g W; %g to %g W, %g W on average over its last %g s",
                            p->current_w, p->min_w, p->max_w, p->average_w,
                            (double)p->window_ns / 1e9);
}

int wtl_ipmi_open(const struct wtl_backend_host *host, const struct wtl_ipmi_ops *ops,
                  struct wtl_error *err)
{
    const char *path = "";
    struct wtl_error why = {0};
    struct node *d = WTL_NEW(host->arena, struct node);
    struct wtl_device_info *info = WTL_NEW(host->arena, struct wtl_device_info);
    if (!d || !info)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    d->ops = ops;
    d->asking.clock = host->clock;
    d->fd = open_node(ops, &path);
    if (d->fd == -EMFILE || d->fd == -ENFILE)
        return WTL_FAIL(err, WTL_IO, "cannot open %s: %s", path, strerror(-d->fd));
    if (d->fd < 0) {
        say_closed(host, path, d->fd);
        return 0;
    }
    int rc = refresh(d, &why);
    if (rc < 0) {
        wtl_backend_finding(host, rc == -WTL_UNSUPPORTED ? WTL_FINDING_NOTE : WTL_FINDING_PROBLEM,
                            PREFIX, NULL, "%s", why.message);
        node_close(d);
        return 0;
    }
    d->sensors = WTL_METRIC_BIT(WTL_M_power_w);
    if (d->last.window_ns > 0 && d->last.window_ns <= AVERAGE_MAX_NS) {
        d->sensors |= WTL_METRIC_BIT(WTL_M_power_average_w);
        d->window_ns = d->last.window_ns;
    }
    describe(d, info);
    say_reading(host, &d->last);
    rc = wtl_backend_add(host, info, &sensors, NULL, d, true, err);
    if (rc < 0)
        node_close(d);
    return rc < 0 ? rc : 0;
}

static int backend_open(const struct wtl_backend_host *host, struct wtl_error *err)
{
    return host->live ? wtl_ipmi_open(host, &system_ops, err) : 0;
}

const struct wtl_backend wtl_backend_ipmi = {
    .prefix = PREFIX,
    .summary = "the node's BMC through IPMI",
    .slow_meter = true,
    .opening_blocks = true,
    .open = backend_open,
};
