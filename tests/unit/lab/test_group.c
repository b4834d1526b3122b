/* SPDX-License-Identifier: Apache-2.0
 * Control groups for commands, in trees that stand in for the kernel's. */
#include "support/support.h"

#include "lab/group.h"

#include "base/file.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define V2 "29 25 0:26 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw\n"
#define V1                                                                                         \
    "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"                                  \
    "33 31 0:30 / /sys/fs/cgroup/cpuacct rw - cgroup cgroup rw,cpuacct\n"

static struct wtl_error err;

static const char *at(const char *name)
{
    return in_test_directory(name);
}

static void put(const char *name, const char *text)
{
    write_text(in_test_directory(name), text);
}

static void machine(const char *mounts)
{
    put("proc/self/mountinfo", mounts);
    put("proc/self/cgroup", mounts[0] == '2' ? "0::/\n" : "2:cpuacct:/\n1:cpu:/\n0::/\n");
    put("proc/stat", "cpu  10 0 10 500 100 0 0 0 0 0\ncpu0 10 0 10 500 100 0 0 0 0 0\n");
    put("sys/fs/cgroup/cpu/x", "");
    put("sys/fs/cgroup/cpuacct/x", "");
    assert_ok(wtl_make_dirs(at("notes"), &err), &err);
}

static bool is_there(const char *name)
{
    return access(at(name), F_OK) == 0;
}

static void makes_and_removes_both_of_version_1(void **state)
{
    struct wtl_group g;
    (void)state;
    machine(V1);
    assert_ok(wtl_group_find(at(""), "/w", &g, &err), &err);
    assert_false(g.v2 || wtl_group_exists(&g));
    assert_ok(wtl_group_make(&g, at("notes"), &err), &err);
    assert_true(is_there("sys/fs/cgroup/cpu/w") && is_there("sys/fs/cgroup/cpuacct/w"));
    assert_true(is_there("notes/w"));
    assert_ok(wtl_group_remove(&g, &err), &err);
    assert_false(is_there("sys/fs/cgroup/cpu/w") || is_there("sys/fs/cgroup/cpuacct/w"));
    assert_false(is_there("notes/w"));
}

/* The kernel would make cpu.max with the group if the parent allowed it. */
static void version_2_without_the_controller_says_what_to_do(void **state)
{
    struct wtl_group g;
    (void)state;
    machine(V2);
    assert_ok(wtl_group_find(at(""), "/w", &g, &err), &err);
    assert_true(g.v2);
    assert_int_equal(wtl_group_make(&g, at("notes"), &err), -WTL_UNSUPPORTED);
    assert_non_null(strstr(err.hint, "echo +cpu > "));
    assert_non_null(strstr(err.hint, "sys/fs/cgroup/cgroup.subtree_control"));
    assert_false(is_there("sys/fs/cgroup/w") || is_there("notes/w"));
}

static void what_a_killed_sweep_left_is_removed(void **state)
{
    struct wtl_group g, living;
    (void)state;
    machine(V1);
    assert_ok(wtl_group_find(at(""), "/killed", &g, &err), &err);
    assert_ok(wtl_group_make(&g, at("notes"), &err), &err);
    assert_ok(wtl_group_find(at(""), "/living", &living, &err), &err);
    assert_ok(wtl_group_make(&living, at("notes"), &err), &err);
    assert_int_equal(wtl_groups_tidy(at(""), at("notes")), 0); /* both makers live */
    assert_int_equal(close(g.note_fd), 0);                     /* as a kill does */
    assert_int_equal(wtl_groups_tidy(at(""), at("notes")), 1);
    assert_false(is_there("sys/fs/cgroup/cpu/killed") || is_there("notes/killed"));
    assert_false(is_there("sys/fs/cgroup/cpuacct/killed"));
    assert_true(is_there("sys/fs/cgroup/cpu/living"));
    assert_ok(wtl_group_remove(&living, &err), &err);
}

/* Of the same name, but of somebody else's making. */
static void another_group_of_that_name_stays(void **state)
{
    struct wtl_group g;
    (void)state;
    machine(V1);
    assert_ok(wtl_group_find(at(""), "/w", &g, &err), &err);
    assert_ok(wtl_group_make(&g, at("notes"), &err), &err);
    assert_int_equal(close(g.note_fd), 0);
    put("notes/w", "1 /w\n");
    assert_int_equal(wtl_groups_tidy(at(""), at("notes")), 0);
    assert_true(is_there("sys/fs/cgroup/cpu/w"));
    assert_false(is_there("notes/w"));
}

static void one_that_is_there_is_not_made(void **state)
{
    struct wtl_group g;
    (void)state;
    machine(V1);
    put("sys/fs/cgroup/cpu/w/x", "");
    assert_ok(wtl_make_dirs(at("sys/fs/cgroup/cpu/empty"), &err), &err);
    assert_ok(wtl_group_find(at(""), "/w", &g, &err), &err);
    assert_true(wtl_group_exists(&g));
    assert_int_equal(wtl_group_make(&g, at("notes"), &err) < 0, true);
    assert_true(is_there("sys/fs/cgroup/cpu/w/x"));
    assert_ok(wtl_group_remove(&g, &err), &err); /* not ours: nothing to do */
    assert_true(is_there("sys/fs/cgroup/cpu/w"));
    assert_ok(wtl_group_find(at(""), "/empty", &g, &err), &err);
    assert_int_equal(wtl_group_make(&g, at("notes"), &err) < 0, true);
    assert_true(is_there("sys/fs/cgroup/cpu/empty"));
}

static void paths_that_are_none(void **state)
{
    static const char *const bad[] = {"/", "w", "/a/../b", "/a b", "/a/", "//a", ""};
    struct wtl_group g;
    (void)state;
    machine(V1);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(wtl_group_find(at(""), bad[i], &g, &err), -WTL_USAGE);
    put("proc/self/mountinfo", "1 0 0:1 / / rw - ext4 x rw\n");
    assert_int_equal(wtl_group_find(at(""), "/w", &g, &err), -WTL_UNSUPPORTED);
}

static void reads_time_of_both_versions(void **state)
{
    struct wtl_group g;
    struct wtl_group_time t;
    const double ticks = (double)sysconf(_SC_CLK_TCK);
    (void)state;
    machine(V1);
    assert_ok(wtl_group_find(at(""), "/w", &g, &err), &err);
    assert_false(wtl_group_time(&g, &t));
    put("sys/fs/cgroup/cpu/w/cpu.stat", "nr_periods 4\nnr_throttled 2\nthrottled_time 250000000\n");
    put("sys/fs/cgroup/cpu/w/cpu.cfs_quota_us", "150000\n");
    put("sys/fs/cgroup/cpu/w/cpu.cfs_period_us", "100000\n");
    put("sys/fs/cgroup/cpuacct/w/cpuacct.usage", "7000000000\n");
    assert_true(wtl_group_time(&g, &t));
    assert_near(t.used_s, 7, 1e-12);
    assert_near(t.throttled_s, 0.25, 1e-12);
    assert_near(t.quota, 1.5, 1e-12);
    assert_near(t.idle_s, 600 / ticks, 1e-9);
    machine(V2);
    put("sys/fs/cgroup/w/cpu.stat", "usage_usec 2500000\nnr_periods 1\nthrottled_usec 500000\n");
    put("sys/fs/cgroup/w/cpu.max", "max 100000\n");
    assert_ok(wtl_group_find(at(""), "/w", &g, &err), &err);
    assert_true(wtl_group_time(&g, &t));
    assert_near(t.used_s, 2.5, 1e-12);
    assert_near(t.throttled_s, 0.5, 1e-12);
    assert_near(t.quota, 0, 0);
}

static void starved_is_less_than_the_quota_on_busy_cpus(void **state)
{
    const struct wtl_group_time begin = {.used_s = 10, .idle_s = 100, .quota = 1.5};
    struct wtl_group_time e = begin;
    double used;
    (void)state;
    e.used_s = 12.95; /* of 3 */
    e.idle_s = 100.05;
    assert_false(wtl_group_starved(&begin, &e, 2, &used)); /* near enough */
    assert_near(used, 1.475, 1e-9);
    e.used_s = 12;
    assert_true(wtl_group_starved(&begin, &e, 2, &used));
    assert_near(used, 1, 1e-9);
    e.idle_s = 101.5; /* it could have had more */
    assert_false(wtl_group_starved(&begin, &e, 2, &used));
    e.idle_s = 100;
    e.quota = 0;
    assert_false(wtl_group_starved(&begin, &e, 2, &used));
}

#define IN(test) cmocka_unit_test_setup_teardown(test, make_test_directory, drop_test_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN(makes_and_removes_both_of_version_1),
        IN(version_2_without_the_controller_says_what_to_do),
        IN(what_a_killed_sweep_left_is_removed),
        IN(another_group_of_that_name_stays),
        IN(one_that_is_there_is_not_made),
        IN(paths_that_are_none),
        IN(reads_time_of_both_versions),
        cmocka_unit_test(starved_is_less_than_the_quota_on_busy_cpus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
