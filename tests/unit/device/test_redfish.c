/* SPDX-License-Identifier: Apache-2.0
 * Redfish: names, documents, and a service played by hand under a stepped clock: how often it is
 * asked, what a failure leads to. The network is tests/golden/redfish.bats. */
#include "support/support.h"

#include "device/machine_impl.h"
#include "device/redfish/redfish.h"

#include <stdio.h>
#include <string.h>

static struct wtl_error err;

/* ---- Names ----------------------------------------------------------------------------------- */

static void names_are_taken_apart(void **state)
{
    (void)state;
    struct wtl_redfish_options o;
    assert_ok(wtl_redfish_parse("https://joe@bmc7:8443/redfish/v1/Chassis/1/,password-file=/p/w,"
                                "ca-file=c,name=r-7",
                                &o, &err),
              &err);
    assert_string_equal(o.origin, "https://bmc7:8443");
    assert_string_equal(o.host, "bmc7:8443");
    assert_string_equal(o.user, "joe");
    assert_string_equal(o.path, "/redfish/v1/Chassis/1");
    assert_string_equal(o.password_file, "/p/w");
    assert_string_equal(o.ca_file, "c");
    assert_string_equal(o.name, "r-7");
    assert_false(o.insecure);
    assert_ok(wtl_redfish_parse("http://[fe80::1]/redfish/v1,insecure", &o, &err), &err);
    assert_string_equal(o.host, "[fe80::1]");
    assert_string_equal(o.path, "");
    assert_string_equal(o.user, "");
    assert_true(o.insecure);
}

static void wrong_names_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "no URL"},
        {"bmc", "no URL"},
        {"ftp://bmc", "no URL"},
        {"https://", "names no host"},
        {"https://joe@", "names no host"},
        {"https://@bmc", "user's name"},
        {"https://a@b@c", "names no host"},
        {"https://joe:pw@bmc", "everybody's to see"},
        {"http://joe@bmc", "over http everybody"},
        /* What is wrong otherwise does not let the password out. */
        {"ftp://joe:pw@bmc", "everybody's to see"},
        {"joe:pw@bmc", "everybody's to see"},
        {"https:/joe:pw@bmc", "everybody's to see"},
        {"joe:pw@https://bmc", "everybody's to see"},
        {"https://joe:p^pw@bmc", "everybody's to see"},
        {"https://joe:pw#@bmc", "everybody's to see"},
        {"https://joe:/pw@bmc", "everybody's to see"},
        {"https://joe:p@pw@bmc", "everybody's to see"},
        {"https://joe:p,pw@bmc", "no option"},
        {"ftp://joe:p,pw@bmc", "no URL"},
        {"https://bmc/x?y", "signs"},
        {"https://bmc/x y", "signs"},
        {"https://bmc/x\r\nHost: y", "signs"},
        {"https://bmc,insecur", "no option"},
        {"https://bmc,password-file=/p,w", "no option"}, /* commas part options */
        {"https://bmc,password=x", "everybody's to see"},
        {"https://bmc,password-file=", "names no file"},
        {"https://bmc,name=a b", "a name is"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wtl_redfish_options o, before;
        memset(&o, 0x5a, sizeof o);
        before = o;
        err = (struct wtl_error){0};
        assert_int_equal(wtl_redfish_parse(cases[i].text, &o, &err), -WTL_USAGE);
        assert_non_null(strstr(err.message, cases[i].says));
        assert_null(strstr(err.message, "pw")); /* a password is not repeated */
        assert_memory_equal(&o, &before, sizeof o);
    }
}

/* ---- Documents ------------------------------------------------------------------------------- */

static int values_of(const char *text, enum wtl_redfish_kind kind, struct wtl_redfish_values *v)
{
    json_t *root = NULL;
    assert_ok(wtl_json_parse(text, strlen(text), "test", &root, &err), &err);
    struct wtl_json at = wtl_json_root(root, "test");
    int rc = wtl_redfish_values(&at, kind, v, &err);
    json_decref(root);
    return rc;
}

static void values_are_found(void **state)
{
    (void)state;
    struct wtl_redfish_values v;
    assert_ok(values_of("{\"PowerWatts\":{\"Reading\":374.5},\"EnergyJoules\":{\"Reading\":7},"
                        "\"EnergykWh\":{\"Reading\":9}}",
                        WTL_REDFISH_ENVIRONMENT, &v),
              &err);
    assert_near(v.power_w, 374.5, 0);
    assert_near(v.energy_j, 7, 0); /* the finer of the two */
    assert_ok(values_of("{\"PowerWatts\":{\"Reading\":null},\"EnergyJoules\":{\"Reading\":null},"
                        "\"EnergykWh\":{\"Reading\":0.5}}",
                        WTL_REDFISH_ENVIRONMENT, &v),
              &err);
    assert_true(v.knows_power && !v.has_power);
    assert_near(v.energy_j, 1.8e6, 0);
    assert_ok(values_of("{\"PowerControl\":[{\"PowerConsumedWatts\":214},"
                        "{\"PowerConsumedWatts\":1}]}",
                        WTL_REDFISH_POWER, &v),
              &err);
    assert_near(v.power_w, 214, 0);
    assert_false(v.knows_energy);
    assert_ok(values_of("{\"ReadingType\":\"Power\",\"Reading\":3,\"SensingInterval\":\"PT2.5S\"}",
                        WTL_REDFISH_SENSOR, &v),
              &err);
    assert_near(v.power_w, 3, 0);
    assert_true(v.period_ns == 2500000000);
}

static void what_is_no_value_is_none(void **state)
{
    (void)state;
    static const struct {
        enum wtl_redfish_kind kind;
        const char *text;
        bool wrong;
    } cases[] = {
        {WTL_REDFISH_ENVIRONMENT, "{}", false},
        {WTL_REDFISH_ENVIRONMENT, "{\"PowerWatts\":374}", false},
        {WTL_REDFISH_ENVIRONMENT, "{\"PowerWatts\":null}", false},
        {WTL_REDFISH_ENVIRONMENT, "{\"PowerWatts\":{\"Reading\":\"1\"}}", true},
        {WTL_REDFISH_ENVIRONMENT, "{\"PowerWatts\":{\"Reading\":-1}}", true},
        {WTL_REDFISH_ENVIRONMENT, "{\"EnergykWh\":{\"Reading\":1e300}}", true},
        {WTL_REDFISH_POWER, "{\"PowerControl\":[]}", false},
        {WTL_REDFISH_POWER, "{\"PowerControl\":[7]}", false},
        {WTL_REDFISH_POWER, "{\"PowerControl\":{\"PowerConsumedWatts\":1}}", false},
        {WTL_REDFISH_POWER, "{\"PowerControl\":[{\"PowerConsumedWatts\":[]}]}", true},
        {WTL_REDFISH_SENSOR, "{\"ReadingType\":\"Temperature\",\"Reading\":30}", false},
        {WTL_REDFISH_SENSOR, "{\"Reading\":30}", false},
        {WTL_REDFISH_SENSOR, "[]", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wtl_redfish_values v = {.period_ns = 77};
        int rc = values_of(cases[i].text, cases[i].kind, &v);
        assert_int_equal(rc, cases[i].wrong ? -WTL_PARSE : 0);
        assert_int_equal(v.period_ns, cases[i].wrong ? 77 : 0);
        assert_false(v.has_power || v.has_energy);
    }
}

static void links_stay_on_their_host(void **state)
{
    (void)state;
    static const char *const bad[] = {"http://x/y", "//x/y",      "y",       "",
                                      "/a b",       "/a\\u000ab", "/a/../b", "/a\\\\b"};
    char text[600], path[WTL_REDFISH_PATH] = "before";
    for (size_t i = 0; i <= sizeof bad / sizeof bad[0]; i++) {
        bool good = i == sizeof bad / sizeof bad[0];
        json_t *root = NULL;
        snprintf(text, sizeof text, "{\"Power\":{\"@odata.id\":\"%s\"}}", good ? "/a/b" : bad[i]);
        assert_ok(wtl_json_parse(text, strlen(text), "test", &root, &err), &err);
        struct wtl_json at = wtl_json_root(root, "test");
        assert_int_equal(wtl_redfish_link(&at, "Power", path), good);
        assert_string_equal(path, good ? "/a/b" : "before");
        json_decref(root);
    }
}

static void durations_are_those_of_iso_8601(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double s;
    } cases[] = {{"PT1S", 1},   {"PT0.1S", 0.1}, {"PT1M30S", 90}, {"PT2H", 7200}, {"P1D", 86400},
                 {"P1DT1S", 0}, {"", 0},         {"P", 0},        {"PT", 0},      {"1S", 0},
                 {"PT1", 0},    {"P1M", 0},      {"PT-1S", 0},    {"PTT1S", 0},   {"PT1.2.3S", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_near((double)wtl_redfish_duration_ns(cases[i].text) / 1e9, cases[i].s, 1e-12);
}

/* ---- A service, played ----------------------------------------------------------------------- */

static struct {
    int64_t now_ns;
    int fail_with; /* -code, for every path */
    bool energy_broken;
    double power_w;
    int n_asked, n_closed;
    char last_path[WTL_REDFISH_PATH];
} bmc;

/* Other chassis; 501 is a path that the service does not know how to answer. */
#define LINK(key, path) "\"" key "\":{\"@odata.id\":\"/redfish/v1/Chassis/" path "\"}"
static const struct {
    const char *path, *body;
} more[] = {
    {"/redfish/v1/Chassis/broken",
     "{" LINK("EnvironmentMetrics", "501") "," LINK("Power", "1/Power") "}"},
    {"/redfish/v1/Chassis/all-broken",
     "{" LINK("EnvironmentMetrics", "501") "," LINK("Power", "none") "}"},
    {"/redfish/v1/Chassis/both",
     "{" LINK("EnvironmentMetrics", "both/E") "," LINK("Power", "1/Power") "}"},
    {"/redfish/v1/Chassis/both/E", "{\"EnergyJoules\":{\"Reading\":7000}}"},
    {"/redfish/v1/Chassis/energy",
     "{" LINK("EnvironmentMetrics", "both/E") "," LINK("Power", "501") "}"},
    {"/redfish/v1/Chassis/none", "{\"PowerControl\":[]}"},
};

static int play_get(void *ctx, const char *path, struct wtl_buf *body, struct wtl_error *e)
{
    assert_ptr_equal(ctx, &bmc);
    bmc.n_asked++;
    snprintf(bmc.last_path, sizeof bmc.last_path, "%s", path);
    wtl_buf_clear(body);
    if (bmc.fail_with == -WTL_PERMISSION)
        return WTL_FAIL(e, WTL_PERMISSION, "refused");
    if (bmc.fail_with)
        return WTL_FAIL(e, WTL_FAILED, "not reached");
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++)
        if (strcmp(path, more[i].path) == 0) {
            if (bmc.energy_broken && strcmp(path, "/redfish/v1/Chassis/both/E") == 0)
                return WTL_FAIL(e, WTL_FAILED, "status 501");
            wtl_buf_puts(body, more[i].body);
            return 0;
        }
    if (strstr(path, "501"))
        return WTL_FAIL(e, WTL_FAILED, "status 501");
    if (strcmp(path, "/redfish/v1/Chassis/1") == 0)
        wtl_buf_puts(body, "{\"Power\":{\"@odata.id\":\"/redfish/v1/Chassis/1/Power\"}}");
    else if (strcmp(path, "/redfish/v1/Chassis") == 0)
        wtl_buf_puts(body, "{\"Members\":[{\"@odata.id\":\"/redfish/v1/Chassis/A\"},"
                           "{\"@odata.id\":\"/redfish/v1/Chassis/B\"}]}");
    else
        wtl_buf_printf(body, "{\"PowerControl\":[{\"PowerConsumedWatts\":%g}]}", bmc.power_w);
    return 0;
}

static void play_interrupt(void *ctx)
{
    assert_ptr_equal(ctx, &bmc);
}

static void play_close(void *ctx)
{
    assert_ptr_equal(ctx, &bmc);
    bmc.n_closed++;
}

static const struct wtl_redfish_service played = {play_get, play_interrupt, play_close, &bmc};

static int64_t hand_monotonic(void *ctx)
{
    (void)ctx;
    return bmc.now_ns;
}

static int64_t hand_wall(void *ctx)
{
    (void)ctx;
    return 1790000000 * WTL_NS_PER_S + bmc.now_ns;
}

static struct wtl_machine *open_played(const char *name, int want)
{
    static const char *const nothing[] = {"cgroup:/nowhere", NULL};
    const struct wtl_machine_options options = {.clock = {hand_monotonic, hand_wall, NULL},
                                                .root = in_test_directory(""),
                                                .nvml = "",
                                                .only = nothing,
                                                .only_those_here = true};
    struct wtl_machine *m = NULL;
    struct wtl_redfish_options o;
    memset(&bmc, 0, sizeof bmc);
    bmc.power_w = 214;
    memset(&err, 0, sizeof err);
    assert_ok(wtl_machine_open(wtl_alloc_system(), &options, &m, &err), &err);
    assert_ok(wtl_redfish_parse(name, &o, &err), &err);
    const struct wtl_backend_host host = wtl_backend_host_of(m, NULL);
    assert_int_equal(wtl_redfish_open(&host, &o, &played, &err), want);
    if (want == 0)
        return m;
    wtl_machine_close(m);
    assert_int_equal(bmc.n_closed, 1);
    return NULL;
}

static const uint64_t power = WTL_METRIC_BIT(WTL_M_power_w);

static void it_is_asked_once_a_second_and_old_answers_keep_their_time(void **state)
{
    (void)state;
    struct wtl_reading r;
    struct wtl_machine *m = open_played("https://bmc/redfish/v1/Chassis/1", 0);
    struct wtl_device *d = wtl_machine_device(m, 0);
    assert_string_equal(wtl_device_info(d)->id, "redfish:bmc/1");
    assert_int_equal(wtl_device_info(d)->kind, WTL_DEVICE_NODE);
    assert_true(wtl_device_info(d)->sensor[WTL_M_power_w].period_ns == WTL_NS_PER_S);
    assert_int_equal(bmc.n_asked, 2);
    for (int i = 0; i < 20; i++) {
        assert_ok(wtl_device_read(d, power, &r, &err), &err);
        assert_near(r.value[WTL_M_power_w], i < 10 ? 214 : 100, 0);
        assert_true(r.sensor_t_ns[WTL_M_power_w] == (1790000000 + i / 10) * WTL_NS_PER_S);
        bmc.power_w = 100;
        bmc.now_ns += WTL_NS_PER_S / 10;
    }
    assert_int_equal(bmc.n_asked, 4);
    assert_string_equal(bmc.last_path, "/redfish/v1/Chassis/1/Power");
    wtl_machine_close(m);
    assert_int_equal(bmc.n_closed, 1);
}

static void after_a_failure_it_has_its_rest(void **state)
{
    (void)state;
    struct wtl_reading r;
    struct wtl_machine *m = open_played("https://bmc/redfish/v1/Chassis/1", 0);
    struct wtl_device *d = wtl_machine_device(m, 0);
    bmc.fail_with = -WTL_FAILED;
    for (int i = 0; i < 50; i++) { /* 5 s */
        err = (struct wtl_error){0};
        assert_int_equal(wtl_device_read(d, power, &r, &err), -WTL_FAILED);
        assert_string_equal(err.message, "not reached");
        bmc.now_ns += WTL_NS_PER_S / 10;
    }
    assert_int_equal(bmc.n_asked, 3);
    bmc.fail_with = 0;
    assert_ok(wtl_device_read(d, power, &r, &err), &err);
    assert_near(r.value[WTL_M_power_w], 214, 0);
    wtl_machine_close(m);
}

/* Accounts are locked after a few wrong passwords. */
static void a_refused_password_is_not_tried_again(void **state)
{
    (void)state;
    struct wtl_reading r;
    struct wtl_machine *m = open_played("https://bmc/redfish/v1/Chassis/1", 0);
    struct wtl_device *d = wtl_machine_device(m, 0);
    bmc.fail_with = -WTL_PERMISSION;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(wtl_device_read(d, power, &r, &err), -WTL_PERMISSION);
        bmc.now_ns += 60 * WTL_NS_PER_S;
    }
    assert_int_equal(bmc.n_asked, 3);
    wtl_machine_close(m);
}

static void a_broken_resource_does_not_hide_another(void **state)
{
    (void)state;
    struct wtl_reading r;
    struct wtl_machine *m = open_played("https://bmc/redfish/v1/Chassis/broken", 0);
    struct wtl_device *d = wtl_machine_device(m, 0);
    assert_string_equal(wtl_device_info(d)->driver, "Redfish PowerControl");
    assert_ok(wtl_device_read(d, power, &r, &err), &err);
    assert_near(r.value[WTL_M_power_w], 214, 0);
    wtl_machine_close(m);
    assert_null(open_played("https://bmc/redfish/v1/Chassis/all-broken", -WTL_FAILED));
    assert_string_equal(err.message, "status 501"); /* of the first, not that there is none */
}

static void energy_beside_a_power_of_elsewhere_is_read(void **state)
{
    (void)state;
    const uint64_t energy = WTL_METRIC_BIT(WTL_M_energy_counter_j), both = power | energy;
    struct wtl_reading r;
    struct wtl_machine *m = open_played("https://bmc/redfish/v1/Chassis/both", 0);
    struct wtl_device *d = wtl_machine_device(m, 0);
    assert_true(wtl_device_info(d)->sensors == both);
    assert_ok(wtl_device_read(d, both, &r, &err), &err);
    assert_near(r.value[WTL_M_power_w], 214, 0);
    assert_near(r.value[WTL_M_energy_counter_j], 7000, 0);
    bmc.now_ns += WTL_NS_PER_S;
    bmc.energy_broken = true;
    assert_ok(wtl_device_read(d, both, &r, &err), &err);
    assert_near(r.value[WTL_M_power_w], 214, 0);
    assert_int_equal(r.absence[WTL_M_energy_counter_j], WTL_ABSENT_NOT_YET);
    wtl_machine_close(m);
    m = open_played("https://bmc/redfish/v1/Chassis/energy", 0); /* and alone */
    d = wtl_machine_device(m, 0);
    assert_true(wtl_device_info(d)->sensors == energy);
    assert_ok(wtl_device_read(d, both, &r, &err), &err);
    assert_near(r.value[WTL_M_energy_counter_j], 7000, 0);
    wtl_machine_close(m);
}

static void several_chassis_are_for_the_user_to_choose(void **state)
{
    (void)state;
    assert_null(open_played("https://bmc", -WTL_USAGE));
    assert_non_null(strstr(err.message, "2 chassis"));
    assert_non_null(strstr(err.hint, "/redfish/v1/Chassis/A, /redfish/v1/Chassis/B"));
}

/* Nothing in a file leads to a log-in. */
static void names_out_of_files_log_in_nowhere(void **state)
{
    (void)state;
    static const char *const only[] = {"redfish:https://joe@127.0.0.1:1", NULL};
    const struct wtl_machine_options options = {
        .clock = wtl_clock_system(), .nvml = "", .only = only, .for_knobs = true};
    struct wtl_machine *m = NULL;
    assert_int_equal(wtl_machine_open(wtl_alloc_system(), &options, &m, &err), -WTL_PERMISSION);
    assert_null(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_taken_apart),
        cmocka_unit_test(wrong_names_are_refused),
        cmocka_unit_test(values_are_found),
        cmocka_unit_test(what_is_no_value_is_none),
        cmocka_unit_test(links_stay_on_their_host),
        cmocka_unit_test(durations_are_those_of_iso_8601),
        cmocka_unit_test(it_is_asked_once_a_second_and_old_answers_keep_their_time),
        cmocka_unit_test(after_a_failure_it_has_its_rest),
        cmocka_unit_test(a_refused_password_is_not_tried_again),
        cmocka_unit_test(a_broken_resource_does_not_hide_another),
        cmocka_unit_test(energy_beside_a_power_of_elsewhere_is_read),
        cmocka_unit_test(several_chassis_are_for_the_user_to_choose),
        cmocka_unit_test(names_out_of_files_log_in_nowhere),
    };
    return cmocka_run_group_tests_name("device/redfish", tests, make_test_directory,
                                       drop_test_directory);
}
