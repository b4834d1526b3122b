/* SPDX-License-Identifier: Apache-2.0
 * What a live loop calls allocates nothing: malloc() of the whole program is counted, the loader's
 * and the C library's included. */
#include "support/nvml_fixture.h"
#include "support/support.h"

#include "base/watched.h"
#include "device/knob.h"

#include <stdatomic.h>
#include <stdlib.h>

static atomic_long allocations;

#ifndef WTL_OTHER_MALLOC
#pragma GCC visibility push(default)
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

void *malloc(size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __libc_realloc(p, size);
}
#pragma GCC visibility pop
#endif

static struct nvml_fixture f;

static void once(struct wtl_device *d)
{
    static struct wtl_reading r;
    static struct wtl_ring_sample ring[64];
    static struct wtl_process processes[64];
    static struct wtl_driver_error errors[8];
    static struct wtl_error err;
    struct wtl_knob_state s;
    char epoch[WTL_LIMIT_NAME];
    size_t n;
    assert_int_equal(wtl_device_read(d, UINT64_MAX, &r, &err), 0);
    assert_int_equal(wtl_device_ring(d, WTL_M_power_instant_w, 0, ring, 64, &n, &err), 0);
    assert_int_equal(wtl_device_processes(d, processes, 64, &n, &err), 0);
    assert_int_equal(wtl_device_epoch(d, epoch, &err), 0);
    assert_int_equal(wtl_device_errors(d, errors, 8, &n, &err), 0);
    assert_int_equal(wtl_device_knob(d, WTL_KNOB_power_limit_w, &s, &err), 0);
    assert_int_equal(wtl_knob_set(d, WTL_KNOB_power_limit_w, wtl_knob_at(200), &s, &err), 0);
    assert_int_equal(wtl_knob_set(d, WTL_KNOB_sm_clock_mhz, wtl_knob_at(1110), &s, &err), 0);
    assert_int_equal(wtl_knob_set(d, WTL_KNOB_sm_clock_mhz, wtl_knob_released(), &s, &err), 0);
    assert_int_equal(wtl_knob_set(d, WTL_KNOB_power_limit_w, wtl_knob_at(1), &s, &err),
                     -WTL_USAGE); /* a failure does not either */
    f.now_ns += 200000000;
}

static void reading_and_setting_allocate_nothing(void **state)
{
    (void)state;
#ifdef WTL_OTHER_MALLOC
    skip(); /* the sanitizer's own malloc() cannot be counted */
#endif
    nvml_fixture_load(&f, "loop", NULL);
    f.fake->gpu[0] = fake_h100();
    f.fake->gpu[0].compute.n = f.fake->gpu[0].mps.n = 2;
    f.fake->gpu[0].n_util = 3;
    nvml_fixture_open(&f);
    struct wtl_device *d = nvml_fixture_device(&f, 0);
    assert_true(atomic_load(&allocations) > 0); /* they are counted */
    once(d);                                    /* starts the worker's thread */
    long before = atomic_load(&allocations);
    for (int i = 0; i < 200; i++)
        once(d);
    assert_int_equal(atomic_load(&allocations) - before, 0);
    nvml_fixture_unload(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading_and_setting_allocate_nothing),
    };
    return cmocka_run_group_tests(tests, make_test_directory, drop_test_directory);
}
