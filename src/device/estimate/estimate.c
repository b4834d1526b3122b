/* SPDX-License-Identifier: Apache-2.0
 *
 * The CPUs of a machine that has no sensor: "estimate:cpu[,tdp=65W]". Power from the thermal design
 * power (TDP) and how busy the CPUs are:
 *     P = TDP (k + (1 - k) u),  k = 0.25 idle share, u busy share of all CPUs (/proc/stat)
 * up to a factor of 2 off: class D, and every figure of it says so. A TDP that is not given is
 * taken for 4 W a CPU (a server's: 205 W of 56 hardware threads, 280 W of 128), which is an
 * assumption.
 */
#include "base/text.h"
#include "base/units.h"
#include "device/backend.h"
#include "device/sysfs.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double idle_share = 0.25, cpu_w = 4;

struct estimate {
    struct wtl_sysfs_dir root;
    struct wtl_clock clock;
    double tdp_w;
    double busy, total; /* ticks at the last reading */
    int64_t t_ns;
    double power_w, energy_j;
    char text[1 << 17]; /* /proc/stat: 100 bytes a CPU, and the interrupts */
};

/* Ticks of all CPUs since boot, and how many of them worked. Idle and waiting for I/O is no work;
 * guests are counted in user time already. */
static bool read_ticks(struct estimate *e, double *busy_out, double *total_out)
{
    enum { USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL, N };
    double ticks[N];
    static const char key[] = "cpu ";
    if (wtl_sysfs_text(&e->root, "proc/stat", e->text, sizeof e->text) != WTL_PRESENT ||
        strncmp(e->text, key, sizeof key - 1) != 0)
        return false;
    const char *at = e->text + sizeof key - 1;
    for (int i = 0; i < N; i++) {
        at += strspn(at, " ");
        size_t n = strcspn(at, " \n");
        if (!wtl_parse_double(at, n, &ticks[i]))
            return false;
        at += n;
    }
    *busy_out = ticks[USER] + ticks[NICE] + ticks[SYSTEM] + ticks[IRQ] + ticks[SOFTIRQ];
    *total_out = *busy_out + ticks[IDLE] + ticks[IOWAIT] + ticks[STEAL];
    return true;
}

static void advance(struct estimate *e)
{
    double busy, total;
    int64_t now = e->clock.monotonic_ns(e->clock.ctx);
    if (!read_ticks(e, &busy, &total))
        return;
    /* Ticks come every 10 ms: a share of fewer than ten of them is noise, and this time is booked
     * with the next. */
    if (total - e->total < 10)
        return;
    /* Time of waiting for I/O can go back (proc(5)). */
    double share = fmin(fmax((busy - e->busy) / (total - e->total), 0), 1);
    e->power_w = e->tdp_w * (idle_share + (1 - idle_share) * share);
    e->energy_j += e->power_w * 1e-9 * (double)(now - e->t_ns);
    e->t_ns = now;
    e->busy = busy;
    e->total = total;
}

static int estimate_read(void *state, uint64_t wanted, struct wtl_reading *out,
                         struct wtl_error *err)
{
    struct estimate *e = state;
    (void)err;
    advance(e);
    out->value[WTL_M_power_w] = e->power_w;
    out->value[WTL_M_energy_counter_j] = e->energy_j;
    out->valid |= wanted & (WTL_METRIC_BIT(WTL_M_power_w) | WTL_METRIC_BIT(WTL_M_energy_counter_j));
    return 0;
}

static void estimate_close(void *state)
{
    (void)state; /* the root needs no closing */
}

static int parse(const char *text, double *tdp_w_out, struct wtl_error *err)
{
    static const char key[] = "cpu,tdp=";
    int rc;
    if (strcmp(text, "cpu") == 0) {
        *tdp_w_out = 0;
        return 0;
    }
    if (strncmp(text, key, sizeof key - 1) != 0) {
        rc = WTL_FAIL(err, WTL_USAGE, "\"estimate:%s\" is no estimate", text);
        wtl_error_hint(err, "estimate:cpu, or estimate:cpu,tdp=65W");
        return rc;
    }
    rc = wtl_parse_quantity(text + sizeof key - 1, WTL_UNIT_WATT, tdp_w_out, err);
    if (rc == 0 && !(*tdp_w_out > 0 && *tdp_w_out <= 1e5))
        rc = WTL_FAIL(err, WTL_USAGE, "a thermal design power of \"%s\" makes no sense",
                      text + sizeof key - 1);
    return rc;
}

static int backend_open(const struct wtl_backend_host *host, struct wtl_error *err)
{
    static const struct wtl_sensor_ops ops = {.read = estimate_read, .close = estimate_close};
    struct estimate *e = WTL_NEW(host->arena, struct estimate);
    double tdp_w = 0;
    int cpus = wtl_sysfs_cpus(host->files);
    if (!e)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = parse(host->wanted, &tdp_w, err);
    if (rc < 0)
        return rc;
    e->root = wtl_sysfs_root(host->files);
    e->clock = host->clock;
    if (!read_ticks(e, &e->busy, &e->total))
        return WTL_FAIL(err, WTL_UNSUPPORTED, "how busy the CPUs are is not known: no /proc/stat");
    e->tdp_w = tdp_w > 0 ? tdp_w : cpu_w * cpus;
    e->power_w = e->tdp_w * idle_share;
    e->t_ns = host->clock.monotonic_ns(host->clock.ctx);
    struct wtl_device_info info = {.kind = WTL_DEVICE_CPU,
                                   .flags = WTL_DEVICE_ESTIMATED | WTL_DEVICE_EPHEMERAL,
                                   .parent = -1,
                                   .index = -1,
                                   .sensors = WTL_METRIC_BIT(WTL_M_power_w) |
                                              WTL_METRIC_BIT(WTL_M_energy_counter_j)};
    snprintf(info.id, sizeof info.id, "estimate:%s", host->wanted);
    snprintf(info.name, sizeof info.name, "%d CPUs, TDP %g W%s", cpus, e->tdp_w,
             tdp_w > 0 ? "" : " assumed");
    snprintf(info.driver, sizeof info.driver, "estimate, no sensor");
    rc = wtl_backend_add(host, &info, &ops, NULL, e, false, err);
    return rc < 0 ? rc : 0;
}

const struct wtl_backend wtl_backend_estimate = {
    .prefix = "estimate",
    .summary = "estimates where there is no sensor",
    .named_only = true,
    .open = backend_open,
};
