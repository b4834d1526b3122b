/* SPDX-License-Identifier: Apache-2.0
 *
 * What a lease costs: a set inside a held lease beside a direct call of the device, the acquisition
 * with its fsync and its guardian apart, and allocations in the loop.
 *
 *   bench-lease [DEVICE [SETS]]     virtual:v100 and 20000; a GPU of a virtual machine room
 * (nvml:...) goes through the drop-in library
 *
 * Direct and leased sets take turns, so that both see the same machine.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/allocations.h"
#include "device/knob.h"
#include "flow/hold.h"

static struct wtl_error err;

static void check(int rc)
{
    if (rc == 0)
        return;
    fprintf(stderr, "bench-lease: %s\n", err.message);
    exit(1);
}

static int64_t now_ns(void)
{
    struct wtl_clock c = wtl_clock_system();
    return c.monotonic_ns(c.ctx);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void show(const char *what, double *us, int n)
{
    qsort(us, (size_t)n, sizeof *us, by_value);
    printf("%-34s %8d %9.2f %9.2f %9.2f\n", what, n, us[n / 2], us[(int)(n * 0.99)], us[n - 1]);
}

static struct wtl_lease *acquire(struct wtl_hold *hold, struct wtl_device *device)
{
    struct wtl_lease_want want = {device, WTL_KNOB_power_limit_w};
    struct wtl_lease_request request = {.kind = WTL_LEASE_LOAN,
                                        .purpose = "benchmark",
                                        .wants = &want,
                                        .n_wants = 1,
                                        .sets_per_s = 1e9,
                                        .burst = 1000000000};
    struct wtl_lease *lease = NULL;
    check(wtl_lease_acquire(hold->holder, &request, &lease, &err));
    return lease;
}

static void sets(struct wtl_hold *hold, struct wtl_device *device, int n)
{
    double *direct = calloc((size_t)n, sizeof *direct), *leased = calloc((size_t)n, sizeof *leased);
    double *added = calloc((size_t)n, sizeof *added);
    if (!direct || !leased || !added)
        exit(1);
    struct wtl_lease *lease = acquire(hold, device);
    struct wtl_knob_state state;
    long before = bench_allocations();
    for (int i = 0; i < n; i++) {
        struct wtl_knob_value value = wtl_knob_at(150 + i % 64);
        int64_t t0 = now_ns();
        check(wtl_knob_set(device, WTL_KNOB_power_limit_w, value, &state, &err));
        int64_t t1 = now_ns();
        check(wtl_lease_set(lease, 0, value, &err));
        int64_t t2 = now_ns();
        direct[i] = (double)(t1 - t0) / 1e3;
        leased[i] = (double)(t2 - t1) / 1e3;
        added[i] = leased[i] - direct[i];
    }
    long allocated = bench_allocations() - before;
    check(wtl_lease_close(lease, &err));
    show("direct call, us", direct, n);
    show("set inside a lease, us", leased, n);
    show("added by the lease (pairs), us", added, n);
    printf("allocations in %d sets of each kind: %ld\n", n, allocated);
}

static void fsyncs(int n)
{
    double us[200];
    char block[4096] = "x";
    int fd = open(".bench-lease", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    for (int i = 0; i < n; i++) {
        int64_t t0 = now_ns();
        if (fd < 0 || pwrite(fd, block, sizeof block, 0) < 0 || fsync(fd) != 0)
            exit(1);
        us[i] = (double)(now_ns() - t0) / 1e3;
    }
    close(fd);
    unlink(".bench-lease");
    show("one write with fsync, us", us, n);
}

static void acquisitions(struct wtl_hold *hold, struct wtl_device *device)
{
    double take[200], give[200];
    for (int i = 0; i < 200; i++) {
        int64_t t0 = now_ns();
        struct wtl_lease *lease = acquire(hold, device);
        int64_t t1 = now_ns();
        check(wtl_lease_close(lease, &err));
        take[i] = (double)(t1 - t0) / 1e3;
        give[i] = (double)(now_ns() - t1) / 1e3;
    }
    show("acquisition, fsyncs in it, us", take, 200);
    show("close, fsync in it, us", give, 200);
}

int main(int argc, char **argv)
{
    const char *id = argc > 1 ? argv[1] : "virtual:v100";
    int n = argc > 2 ? atoi(argv[2]) : 20000;
    WTL_ARENA(arena);
    struct wtl_flow flow = {.alloc = wtl_alloc_system(), .clock = wtl_clock_system(), .threads = 1};
    struct wtl_hold hold;
    check(wtl_hold_open(&flow, &arena, &id, 1, "bench-lease", false, &hold, &err));
    struct wtl_device *device = wtl_machine_device(hold.machine, 0);
    int64_t t0 = now_ns();
    struct wtl_lease *first = acquire(&hold, device);
    double ms = (double)(now_ns() - t0) / 1e6;
    check(wtl_lease_close(first, &err));
    printf("%-34s %8s %9s %9s %9s\n", wtl_device_info(device)->id, "n", "p50", "p99", "max");
    printf("%-34s %8d %9.2f\n", "first acquisition, guardian, ms", 1, ms);
    acquisitions(&hold, device);
    fsyncs(200);
    sets(&hold, device, n > 0 ? n : 1);
    wtl_hold_close(&hold);
    return 0;
}
