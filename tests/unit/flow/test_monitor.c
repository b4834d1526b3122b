/* SPDX-License-Identifier: Apache-2.0
 * Windows of a program through the public functions. */
#include "support/support.h"

#include "flow/monitor.h"
#include "wattle/wattle.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct wtl_monitor *mark_only(void)
{
    const struct wtl_monitor_args args = {.size = sizeof args, .flags = WTL_MONITOR_MARK_ONLY};
    struct wtl_monitor *m = NULL;
    struct wtl_error err = {0};
    assert_ok(wtl_monitor_open(&args, &m, &err), &err);
    return m;
}

static void what_is_asked_for_makes_sense(void **state)
{
    (void)state;
    static const char *const nobody[] = {NULL};
    const struct wtl_monitor_args wrong[] = {
        {.size = 3},
        {.size = sizeof wrong[0], .flags = 1 << 10},
        {.size = sizeof wrong[0], .flags = WTL_MONITOR_MARK_ONLY | WTL_MONITOR_ALONE},
        {.size = sizeof wrong[0], .tdp_w = -1},
        {.size = sizeof wrong[0], .tdp_w = (double)NAN},
        {.size = sizeof wrong[0], .interval_s = 1e9},
        {.size = sizeof wrong[0], .n_ids = 1},
        {.size = sizeof wrong[0], .n_ids = 1, .ids = nobody},
    };
    struct wtl_monitor *m = NULL;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct wtl_error err = {0};
        assert_true(wtl_monitor_open(&wrong[i], &m, &err) < 0);
        assert_null(m);
        assert_true(err.message[0]);
    }
    static const char *const unknown[] = {"virtual:no-such-board"};
    const struct wtl_monitor_args a = {.size = sizeof a, .ids = unknown, .n_ids = 1};
    assert_true(wtl_monitor_open(&a, &m, NULL) < 0);
    assert_int_equal(wtl_monitor_open(&wrong[0], NULL, NULL), -WTL_USAGE);
    assert_null(m);
    wtl_monitor_close(NULL);
}

static void without_anybody_who_measures_there_is_time_alone(void **state)
{
    (void)state;
    struct wtl_monitor *m = mark_only();
    struct wtl_error err = {0};
    char *json = NULL;
    const double latency_s = 0;
    const struct wtl_window_end_args end = {
        .size = sizeof end, .work = 2.5, .unit = "tokens", .latency_s = &latency_s};
    assert_ok(wtl_monitor_devices(m, &json, &err), &err);
    assert_non_null(strstr(json, "\"devices\": []"));
    wtl_free(json);
    json = NULL;
    assert_ok(wtl_monitor_ready(m, &err), &err);
    assert_ok(wtl_window_begin(m, "a", &err), &err);
    assert_ok(wtl_window_end(m, "a", &end, &json, &err), &err);
    json_t *d = json_loads(json, 0, NULL);
    wtl_free(json);
    assert_non_null(d);
    assert_string_equal(json_string_value(json_object_get(d, "name")), "a");
    assert_near(json_number_value(json_object_get(d, "work")), 2.5, 0);
    assert_string_equal(json_string_value(json_object_get(d, "unit")), "tokens");
    assert_near(json_number_value(json_object_get(d, "latency_s")), 0, 0);
    assert_true(json_is_number(json_object_get(d, "latency_s")));
    assert_true(json_number_value(json_object_get(d, "time_s")) > 0);
    assert_true(json_is_null(json_object_get(d, "energy")));
    assert_true(json_is_false(json_object_get(d, "settled")));
    assert_int_equal(json_array_size(json_object_get(d, "devices")), 0);
    json_decref(d);
    wtl_monitor_close(m);
}

static void what_is_wrong_of_a_window(void **state)
{
    (void)state;
    static const char *const ids[] = {"x", "a,b"};
    static const double works[] = {1, -1}, nan = (double)NAN;
    struct wtl_monitor *m = mark_only();
    struct wtl_error err = {0};
    char *json = NULL;
    assert_int_equal(wtl_window_begin(NULL, "a", &err), -WTL_USAGE);
    assert_int_equal(wtl_window_begin(m, NULL, &err), -WTL_USAGE);
    assert_int_equal(wtl_window_begin(m, "", &err), -WTL_USAGE);
    assert_int_equal(wtl_window_begin(m, "two words", &err), -WTL_USAGE);
    assert_int_equal(wtl_window_end(m, "a", NULL, &json, &err), -WTL_NOTFOUND);
    assert_ok(wtl_window_begin(m, "a", &err), &err);
    const struct wtl_window_end_args wrong[] = {
        {.size = sizeof wrong[0], .flags = 1 << 9},
        {.size = sizeof wrong[0], .work = -1},
        {.size = sizeof wrong[0], .work = (double)INFINITY},
        {.size = sizeof wrong[0], .latency_s = &works[1]},
        {.size = sizeof wrong[0], .latency_s = &nan},
        {.size = sizeof wrong[0], .unit = "two words"},
        {.size = sizeof wrong[0], .unit = "sixteen-bytes-xx"},
        {.size = sizeof wrong[0], .n_requests = 1},
        {.size = sizeof wrong[0], .n_requests = 1, .requests = ids},
        {.size = sizeof wrong[0], .n_requests = 2, .requests = ids, .requests_work = works},
        {.size = sizeof wrong[0], .n_requests = 513, .requests = ids, .requests_work = works},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_true(wtl_window_end(m, "a", &wrong[i], &json, &err) < 0);
    assert_null(json);
    assert_ok(wtl_window_end(m, "a", NULL, NULL, &err), &err); /* it is open all the time */
    assert_int_equal(wtl_window_end(m, "a", NULL, NULL, &err), -WTL_NOTFOUND);
    for (int i = 0; i < 1024; i++)
        assert_ok(wtl_window_begin(m, "a", &err), &err);
    assert_int_equal(wtl_window_begin(m, "a", &err), -WTL_LIMIT);
    wtl_monitor_close(m);
}

static void *nest(void *arg)
{
    struct wtl_monitor *m = arg;
    for (int i = 0; i < 2000; i++)
        if (wtl_window_begin(m, "outer", NULL) < 0 || wtl_window_begin(m, "inner", NULL) < 0 ||
            wtl_window_end(m, "outer", NULL, NULL, NULL) < 0 ||
            wtl_window_end(m, "inner", NULL, NULL, NULL) < 0)
            return arg;
    return NULL;
}

static void threads_at_once(void **state)
{
    (void)state;
    struct wtl_monitor *m = mark_only();
    pthread_t thread[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, nest, m), 0);
    for (int i = 0; i < 4; i++) {
        void *failed = m;
        assert_int_equal(pthread_join(thread[i], &failed), 0);
        assert_null(failed);
    }
    assert_int_equal(wtl_window_end(m, "outer", NULL, NULL, NULL), -WTL_NOTFOUND);
    assert_int_equal(wtl_window_end(m, "inner", NULL, NULL, NULL), -WTL_NOTFOUND);
    wtl_monitor_close(m);
}

static struct wtl_monitor *measuring(const char *device)
{
    const char *const ids[] = {device};
    const struct wtl_monitor_args args = {
        .size = sizeof args, .ids = ids, .n_ids = 1, .flags = WTL_MONITOR_ALONE};
    struct wtl_monitor *m = NULL;
    struct wtl_error err = {0};
    assert_ok(wtl_monitor_open(&args, &m, &err), &err);
    return m;
}

static double number(const json_t *o, const char *key)
{
    const json_t *value = json_object_get(o, key);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

/* Settled answers: of a window, and of the one around it. */
static void a_board_is_measured(void **state)
{
    (void)state;
    struct wtl_monitor *m = measuring("virtual:plain,exact");
    struct wtl_error err = {0};
    json_t *d[2];
    char *devices = NULL;
    assert_ok(wtl_monitor_devices(m, &devices, &err), &err);
    assert_non_null(strstr(devices, "\"id\": \"virtual:plain,exact\""));
    assert_null(strstr(devices, "energy"));
    wtl_free(devices);
    const struct wtl_window_end_args settled = {.size = sizeof settled,
                                                .flags = WTL_WINDOW_SETTLED};
    assert_ok(wtl_window_begin(m, "outer", &err), &err);
    for (int i = 0; i < 2; i++) {
        char *json = NULL;
        assert_ok(wtl_window_begin(m, "inner", &err), &err);
        assert_ok(wtl_window_end(m, "inner", NULL, NULL, &err), &err);
        assert_ok(wtl_window_begin(m, "inner", &err), &err);
        assert_ok(wtl_window_end(m, i ? "outer" : "inner", &settled, &json, &err), &err);
        d[i] = json_loads(json, 0, NULL);
        wtl_free(json);
        assert_non_null(d[i]);
        const json_t *e = json_object_get(d[i], "energy");
        const json_t *interval = json_object_get(e, "interval_j");
        assert_true(json_is_true(json_object_get(d[i], "settled")));
        assert_near(number(e, "time_s"), number(d[i], "time_s"), 1e-6);
        assert_true(json_number_value(json_array_get(interval, 0)) <= number(e, "energy_j"));
        assert_true(json_number_value(json_array_get(interval, 1)) >= number(e, "energy_j"));
        assert_string_equal(json_string_value(json_object_get(e, "class")), "A");
        assert_int_equal(json_array_size(json_object_get(d[i], "devices")), 1);
    }
    assert_true(number(d[0], "time_s") < number(d[1], "time_s"));
    json_decref(d[0]);
    json_decref(d[1]);
    wtl_monitor_close(m);
}

/* What a child of fork() finds: 0 as it should be. */
static int child(struct wtl_monitor *m)
{
    struct wtl_error err = {0};
    char *json = NULL;
    if (wtl_window_begin(m, "a", &err) != -WTL_USAGE || !strstr(err.hint, "fork()"))
        return 1;
    if (wtl_window_end(m, "a", NULL, NULL, NULL) != -WTL_USAGE ||
        wtl_monitor_ready(m, NULL) != -WTL_USAGE ||
        wtl_monitor_devices(m, &json, NULL) != -WTL_USAGE || json)
        return 2;
    wtl_monitor_close(m);
    return 0;
}

static void a_child_is_refused(void **state)
{
    (void)state;
    struct wtl_monitor *m = measuring("virtual:plain");
    int status = -1;
    assert_ok(wtl_window_begin(m, "a", NULL), NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(child(m));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_ok(wtl_window_end(m, "a", NULL, NULL, NULL), NULL); /* it is as it was */
    wtl_monitor_close(m);
}

static void answers(void **state)
{
    (void)state;
    static const char good[] =
        "{\"name\": \"a\", \"time_s\": 1, \"settled\": true, \"energy_j\": 30, "
        "\"devices\": {"
        "\"nvml:X\": {\"kind\": \"gpu\", \"index\": 2, \"part_of_another\": false, "
        "\"energy_j\": 30, \"lo_j\": 27, \"hi_j\": 33, \"time_s\": 1, \"method\": \"counter\", "
        "\"class\": \"A\", \"troubles\": [\"gap\", \"of-later\"]}, "
        "\"dram\": {\"kind\": \"dram\", \"index\": -1, \"part_of_another\": true, "
        "\"energy_j\": 3, \"lo_j\": 2, \"hi_j\": 4, \"time_s\": 1, \"method\": \"polled\", "
        "\"class\": \"B\", \"troubles\": []}}}";
    struct wtl_error err = {0};
    struct wtl_window_result r = {.settled = false};
    assert_ok(wtl_window_read_answer(good, sizeof good - 1, &r, &err), &err);
    assert_true(r.settled);
    assert_int_equal(r.n, 2);
    assert_int_equal(r.device[0].index, 2);
    assert_int_equal(r.device[0].energy.method, WTL_ENERGY_counter);
    assert_int_equal(r.device[0].energy.troubles, WTL_TROUBLE(gap));
    assert_true(r.device[1].part_of_another);
    assert_near(r.total.energy_j, 30, 0);
    assert_near(r.total.lo_j, 27, 1e-12);
    assert_int_equal(r.total.class, WTL_CLASS_A);
    static const char turned[] =
        "{\"devices\": {\"a\": {\"kind\": \"gpu\", \"index\": 2, \"part_of_another\": false, "
        "\"energy_j\": 5, \"lo_j\": 9, \"hi_j\": 1, \"time_s\": 1, \"method\": \"counter\", "
        "\"class\": \"A\", \"troubles\": []}}}";
    static const char *const bad[] = {"",
                                      "[]",
                                      "{}",
                                      "{\"devices\": {\"a\": 1}}",
                                      "{\"devices\": {\"a\": {\"kind\": \"gpu\"}}}",
                                      turned};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(wtl_window_read_answer(bad[i], strlen(bad[i]), &r, &err), -WTL_PARSE);

    static const char list[] = "{\"devices\": {\"nvml:X\": {\"kind\": \"gpu\", \"index\": 2, "
                               "\"part_of_another\": true}}}";
    struct wtl_window_result told = {0};
    assert_ok(wtl_window_read_devices(list, sizeof list - 1, &told, &err), &err);
    assert_int_equal(told.n, 1);
    assert_int_equal(told.device[0].index, 2);
    assert_true(told.device[0].part_of_another);
    assert_int_equal(told.device[0].energy.method, WTL_ENERGY_NONE);
}

int main(void)
{
    unsetenv(WTL_MARKERS_VARIABLE);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_asked_for_makes_sense),
        cmocka_unit_test(without_anybody_who_measures_there_is_time_alone),
        cmocka_unit_test(what_is_wrong_of_a_window),
        cmocka_unit_test(threads_at_once),
        cmocka_unit_test(a_board_is_measured),
        cmocka_unit_test(a_child_is_refused),
        cmocka_unit_test(answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
