/* SPDX-License-Identifier: Apache-2.0
 * Errors of the devices that fall while they are measured. */
#include "lab/hear.h"

#include "core/xid.h"

#include <stdio.h>

/* Looking costs a call of the driver: less often than readings. */
static const int64_t hear_ns = WTL_NS_PER_S / 20;

enum { AT_ONCE = 8 };

int wtl_bench_listen(struct wtl_bench *b, struct wtl_error *err)
{
    struct wtl_driver_error none[AT_ONCE];
    for (size_t i = 0; i < b->n; i++) {
        struct wtl_bench_device *d = &b->devices[i];
        struct wtl_error why = {0};
        size_t n = 0;
        int rc = wtl_device_errors(d->device, none, AT_ONCE, &n, &why);
        d->listens = rc == 0;
        if (rc == -(int)WTL_LOST && err)
            *err = why;
        if (rc == -(int)WTL_LOST)
            return rc;
    }
    return 0;
}

static void note(struct wtl_bench *b, size_t i, const struct wtl_driver_error *e)
{
    char text[WTL_XID_TEXT];
    if (b->n_errors++ == 0)
        (void)snprintf(b->error, sizeof b->error, "%.60s reported %s",
                       b->n > 1 ? wtl_device_info(b->devices[i].device)->id : "the device",
                       wtl_xid_format(e->number, text));
}

static int lost(const struct wtl_bench_device *d, const struct wtl_driver_error *e,
                struct wtl_error *err)
{
    char text[WTL_XID_TEXT];
    int rc = WTL_FAIL(err, WTL_LOST, "%s reported %s", wtl_device_info(d->device)->id,
                      wtl_xid_format(e->number, text));
    wtl_error_hint(err, "`dmesg` says more; after a reset or a reboot the same command goes on");
    return rc;
}

static int hear_one(struct wtl_bench *b, size_t i, struct wtl_error *err)
{
    const struct wtl_bench_device *d = &b->devices[i];
    struct wtl_driver_error fell[AT_ONCE];
    size_t n = AT_ONCE;
    while (n == AT_ONCE) {
        if (wtl_device_errors(d->device, fell, AT_ONCE, &n, NULL) < 0)
            return 0; /* what is wrong with the device its readings tell */
        for (size_t k = 0; k < n; k++)
            note(b, i, &fell[k]);
        for (size_t k = 0; k < n; k++)
            if (wtl_xid_loses_board(fell[k].number))
                return lost(d, &fell[k], err);
    }
    return 0;
}

int wtl_bench_hear(struct wtl_bench *b, bool now, struct wtl_error *err)
{
    const int64_t now_ns = wtl_bench_now(b);
    int rc = 0;
    if (!now && now_ns - b->heard_ns < hear_ns)
        return 0;
    b->heard_ns = now_ns;
    for (size_t i = 0; rc == 0 && i < b->n; i++)
        rc = b->devices[i].listens ? hear_one(b, i, err) : 0;
    return rc;
}

void wtl_bench_explain_lost(struct wtl_bench *b, struct wtl_error *err)
{
    struct wtl_error why = {0};
    if (wtl_bench_hear(b, true, &why) == -(int)WTL_LOST && err)
        *err = why;
}
