/* SPDX-License-Identifier: Apache-2.0
 * What is measured where sensors do not tell, over recorded trees and virtual GPUs, in real time.
 */
#include "support/support.h"

#include "base/clock.h"
#include "flow/stat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A machine whose energy counters, that of the platform as well, are for root only. */
static const char *of_a_user(void)
{
    static const char stat[] = "cpu  100 0 100 800 0 0 0 0 0 0\n";
    static char root[4096];
    char command[9000];
    snprintf(root, sizeof root, "%s", in_test_directory("of-a-user"));
    snprintf(command, sizeof command, "rm -rf '%s' && cp -r '%s' '%s'", root,
             source_path("tests/machines/xeon-2s-user"), root);
    assert_int_equal(system(command), 0);
    write_file(in_test_directory("of-a-user/proc/stat"), stat, sizeof stat - 1);
    return root;
}

static struct wtl_stat *opened(const struct wtl_stat_options *options)
{
    struct wtl_error err = {0};
    struct wtl_stat *s = NULL;
    const struct wtl_flow flow = {
        .alloc = wtl_alloc_system(), .clock = wtl_clock_system(), .threads = 1};
    assert_ok(wtl_stat_open(&flow, options, &s, &err), &err);
    return s;
}

static struct wtl_stat_result measured(struct wtl_stat *s, struct wtl_arena *arena, int64_t ns)
{
    struct wtl_error err = {0};
    struct wtl_stat_result r = {0};
    assert_ok(wtl_stat_begin(s, false, &err), &err);
    wtl_sleep_ns(ns);
    wtl_stat_end(s);
    assert_ok(wtl_stat_result(s, arena, &r, &err), &err);
    return r;
}

static const struct wtl_stat_device *device_of(const struct wtl_stat_result *r, const char *id)
{
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->devices[i].info->id, id) == 0)
            return &r->devices[i];
    fail_msg("no device %s", id);
    return NULL;
}

static void counters_for_root_only_are_estimated_and_said(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_stat *s = opened(&(struct wtl_stat_options){.root = of_a_user()});
    const struct wtl_stat_result r = measured(s, &arena, WTL_NS_PER_S / 5);
    const struct wtl_stat_device *package = device_of(&r, "rapl:0");
    assert_int_equal(package->collected.energy.method, WTL_ENERGY_NONE);
    assert_non_null(package->trouble);
    assert_non_null(strstr(package->trouble, "for root only"));
    const struct wtl_stat_device *guess = device_of(&r, "estimate:cpu");
    assert_false(guess->part_of_another);
    assert_int_equal(r.total.class, WTL_CLASS_D);
    assert_near(r.total.energy_j, guess->collected.energy.energy_j, 1e-9);
    assert_true(r.total.energy_j > 0);
    wtl_stat_close(s);
}

static void a_meter_that_says_nothing_counts_nobody(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    static const char *const only[] = {"rapl:psys", "virtual:a100,load=resnet50/64", NULL};
    struct wtl_stat *s = opened(&(struct wtl_stat_options){.root = of_a_user(), .only = only});
    assert_false(wtl_stat_part(s, 1));
    const struct wtl_stat_result r = measured(s, &arena, WTL_NS_PER_S / 2);
    assert_int_equal(r.n, 2);
    assert_false(r.devices[1].part_of_another);
    assert_true(r.total.energy_j > 0);
    assert_near(r.total.energy_j, r.devices[1].collected.energy.energy_j, 1e-9);
    wtl_stat_close(s);
}

/* Of the span, not of all the time since the devices were opened. */
static void what_reading_costs_is_that_of_the_span(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    static const char *const only[] = {"virtual:a100,load=resnet50/64", NULL};
    struct wtl_stat *s = opened(&(struct wtl_stat_options){.only = only, .interval_s = 0.01});
    struct wtl_metered_state before, after;
    wtl_metering_state(wtl_stat_metering(s), 0, &before);
    assert_true(before.n_readings > 1);
    const struct wtl_stat_result r = measured(s, &arena, WTL_NS_PER_S / 10);
    wtl_metering_state(wtl_stat_metering(s), 0, &after);
    assert_true(r.devices[0].n_readings > 0);
    assert_true(r.devices[0].n_readings <= after.n_readings - before.n_readings);
    wtl_stat_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_for_root_only_are_estimated_and_said),
        cmocka_unit_test(a_meter_that_says_nothing_counts_nobody),
        cmocka_unit_test(what_reading_costs_is_that_of_the_span),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
