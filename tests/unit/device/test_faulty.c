/* SPDX-License-Identifier: Apache-2.0
 * Devices that fail as planned: the plan's text, which call it hits, and what the caller sees. */
#include "support/support.h"

#include "device/faulty/faulty.h"
#include "device/knob.h"

#include <stdio.h>
#include <string.h>

/* A GPU in memory whose power rises by 1 W a reading. */
struct gpu {
    int reads, sets, closed;
    struct wtl_knob_value limit;
};

static int gpu_read(void *state, uint64_t wanted, struct wtl_reading *out, struct wtl_error *err)
{
    (void)wanted;
    (void)err;
    struct gpu *g = state;
    out->valid = WTL_METRIC_BIT(WTL_M_power_w) | WTL_METRIC_BIT(WTL_M_temp_c);
    out->value[WTL_M_power_w] = 100 + g->reads++;
    out->value[WTL_M_temp_c] = 50;
    return 0;
}

static int gpu_get(void *state, enum wtl_knob knob, struct wtl_knob_state *out,
                   struct wtl_error *err)
{
    (void)knob;
    (void)err;
    *out = (struct wtl_knob_state){.known = true, .requested = ((struct gpu *)state)->limit};
    return 0;
}

static int gpu_range(void *state, enum wtl_knob knob, struct wtl_arena *arena,
                     struct wtl_knob_range *out, struct wtl_error *err)
{
    (void)state;
    (void)knob;
    (void)arena;
    (void)err;
    *out = (struct wtl_knob_range){.min = 100, .max = 300};
    return 0;
}

static int gpu_set(void *state, enum wtl_knob knob, struct wtl_knob_value value,
                   struct wtl_error *err)
{
    (void)knob;
    (void)err;
    struct gpu *g = state;
    g->sets++;
    g->limit = value;
    return 0;
}

static void gpu_close(void *state)
{
    ((struct gpu *)state)->closed++;
}

/* One error a call. */
static int gpu_errors(void *state, struct wtl_driver_error *out, size_t max, size_t *n_out,
                      struct wtl_error *err)
{
    (void)state;
    (void)err;
    *n_out = max > 0;
    if (max > 0)
        out[0] = (struct wtl_driver_error){.number = 13};
    return 0;
}

static const struct wtl_sensor_ops gpu_sensors = {
    .read = gpu_read, .errors = gpu_errors, .close = gpu_close};
static const struct wtl_knob_ops gpu_knobs = {gpu_get, gpu_range, gpu_set};

struct rig {
    char dir[64];
    struct wtl_arena arena;
    struct gpu gpu;
    struct wtl_machine *machine;
    struct wtl_device *device;
    struct wtl_faulty *faulty;
    struct wtl_error err;
};

static void open_rig(struct rig *rig, const char *spec)
{
    memset(rig, 0, sizeof *rig);
    wtl_arena_init(&rig->arena, wtl_alloc_system());
    rig->gpu.limit = wtl_knob_at(250);
    make_temporary_directory(rig->dir, sizeof rig->dir);
    struct wtl_machine_options options = {.clock = wtl_clock_system(),
                                          .root = rig->dir,
                                          .nvml = "",
                                          .deadline_ns = WTL_NS_PER_S / 50};
    struct wtl_error *err = &rig->err;
    assert_ok(wtl_machine_open(wtl_alloc_system(), &options, &rig->machine, err), err);
    struct wtl_fault_plan plan;
    assert_ok(wtl_fault_plan_parse(spec, &plan, err), err);
    struct wtl_device_ops inner = {&gpu_sensors, &gpu_knobs, &rig->gpu, false};
    assert_ok(wtl_faulty_new(&rig->arena, &inner, &plan, &rig->faulty, err), err);
    struct wtl_device_info info = {.id = "test:0",
                                   .parent = -1,
                                   .sensors = ~UINT64_C(0),
                                   .knobs = WTL_KNOB_BIT(WTL_KNOB_power_limit_w)};
    struct wtl_device_ops ops = wtl_faulty_ops(rig->faulty);
    assert_int_equal(wtl_machine_add(rig->machine, &info, &ops, err), 0);
    rig->device = wtl_machine_device(rig->machine, 0);
}

static void close_rig(struct rig *rig)
{
    wtl_machine_close(rig->machine);
    assert_int_equal(rig->gpu.closed, 0); /* the wrapper does not own it */
    wtl_arena_fini(&rig->arena);
    remove_tree(rig->dir);
}

static int read_power(struct rig *rig, double *power_w)
{
    struct wtl_reading r;
    rig->err.code = WTL_OK;
    uint64_t wanted = WTL_METRIC_BIT(WTL_M_power_w) | WTL_METRIC_BIT(WTL_M_temp_c);
    int rc = wtl_device_read(rig->device, wanted, &r, &rig->err);
    if (rc == 0)
        *power_w = wtl_reading_has(&r, WTL_M_power_w) ? r.value[WTL_M_power_w]
                                                      : -(double)r.absence[WTL_M_power_w];
    return rc;
}

/* ---- The text -------------------------------------------------------------------------------- */

static void parses_every_kind_of_item(void **state)
{
    (void)state;
    struct wtl_fault_plan p;
    struct wtl_error err = {0};
    assert_ok(
        wtl_fault_plan_parse("seed=7,set.hang=2s@3,read/power_w.lie=90W@5-,get.error=busy@10%,"
                             "ring.stale@every4,any.lost@2-6,set.ignored,get/power_limit_w."
                             "lie=0.2kW",
                             &p, &err),
        &err);
    assert_int_equal(p.seed, 7);
    assert_int_equal(p.n, 7);
    assert_int_equal(p.rule[0].call, WTL_CALL_SET);
    assert_int_equal(p.rule[0].fault, WTL_FAULT_HANG);
    assert_int_equal(p.rule[0].hang_ns, 2 * WTL_NS_PER_S);
    assert_int_equal(p.rule[0].first, 3);
    assert_int_equal(p.rule[0].last, 3);
    assert_int_equal(p.rule[1].subject, WTL_M_power_w);
    assert_near(p.rule[1].value, 90, 0);
    assert_int_equal(p.rule[1].first, 5);
    assert_int_equal(p.rule[1].last, 0);
    assert_int_equal(p.rule[2].code, WTL_BUSY);
    assert_near(p.rule[2].probability, 0.1, 1e-12);
    assert_int_equal(p.rule[3].every, 4);
    assert_int_equal(p.rule[4].call, WTL_CALL_ANY);
    assert_int_equal(p.rule[4].last, 6);
    assert_false(p.rule[5].random || p.rule[5].every || p.rule[5].first);
    assert_near(p.rule[6].value, 200, 1e-9);
}

static void refuses_what_it_cannot_read(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *message, *hint;
    } bad[] = {
        {"", "an empty fault", "read.error@3"},
        {"read.error,,set.error", "an empty fault", ""},
        {"raed.error", "is no call", "did you mean \"read\"?"},
        {"read", "does not say what goes wrong", ""},
        {"read.eror", "is no fault", "did you mean \"error\"?"},
        {"read.ignored", "a call of read cannot be \"ignored\"", ""},
        {"set.stale", "cannot be \"stale\"", ""},
        {"read/power.lie=90", "is no sensor", "power_w"},
        {"get/power_w.error", "is no knob", ""},
        {"processes/power_w.error", "not about one sensor", ""},
        {"read.lie=90", "a lie needs a name", ""},
        {"read/power_w.lie", "a lie needs a name", ""},
        {"read/power_w.lie=90MHz", "90MHz", ""},
        {"read.error=nonsense", "is no kind of error", ""},
        {"read.lost=3", "takes no value", ""},
        {"read.hang=3", "3", ""},
        {"read.hang=0s", "more than 0 s", ""},
        {"read.error@0", "does not say when", "@every3"},
        {"read.error@x", "does not say when", ""},
        {"read.error@5-3", "does not say when", ""},
        {"read.error@every0", "does not say when", ""},
        {"read.error@101%", "does not say when", ""},
        {"seed=x,read.error", "a seed is a whole number", ""},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct wtl_fault_plan p = {.n = 77};
        struct wtl_error err = {0};
        assert_int_equal(wtl_fault_plan_parse(bad[i].spec, &p, &err), -WTL_USAGE);
        assert_int_equal(p.n, 77);
        if (!strstr(err.message, bad[i].message) || !strstr(err.hint, bad[i].hint))
            fail_msg("\"%s\": %s (%s)", bad[i].spec, err.message, err.hint);
    }
    char many[400] = "read.error";
    for (int i = 0; i < WTL_FAULT_RULES; i++)
        strcat(many, ",read.error");
    struct wtl_fault_plan p;
    assert_int_equal(wtl_fault_plan_parse(many, &p, NULL), -WTL_LIMIT);
}

/* ---- Which call ------------------------------------------------------------------------------ */

/* "x" for each of twelve calls that fails. */
static const char *pattern(const char *spec, char out[13])
{
    struct wtl_fault_plan p;
    struct wtl_fault_progress progress;
    struct wtl_error err = {0};
    assert_ok(wtl_fault_plan_parse(spec, &p, &err), &err);
    wtl_fault_progress_init(&progress, &p);
    for (int i = 0; i < 12; i++)
        out[i] = wtl_fault_decide(&progress, &p, WTL_CALL_READ, 0) ? 'x' : '.';
    out[12] = '\0';
    return out;
}

static void hits_the_planned_calls(void **state)
{
    (void)state;
    char out[13];
    assert_string_equal(pattern("read.error", out), "xxxxxxxxxxxx");
    assert_string_equal(pattern("read.error@3", out), "..x.........");
    assert_string_equal(pattern("read.error@10-", out), ".........xxx");
    assert_string_equal(pattern("read.error@3-5", out), "..xxx.......");
    assert_string_equal(pattern("read.error@every4", out), "...x...x...x");
    assert_string_equal(pattern("any.error@2", out), ".x..........");
    assert_string_equal(pattern("set.error", out), "............");
    assert_string_equal(pattern("read.error@2,read.lost@4", out), ".x.x........");
    assert_string_equal(pattern("read.error@0%", out), "............");
    assert_string_equal(pattern("read.error@100%", out), "xxxxxxxxxxxx");
    char again[13];
    assert_string_equal(pattern("seed=3,read.error@40%", out),
                        pattern("seed=3,read.error@40%", again));
    assert_string_not_equal(out, pattern("seed=4,read.error@40%", again));
}

static void chance_is_what_it_says(void **state)
{
    (void)state;
    struct wtl_fault_plan p;
    struct wtl_fault_progress progress;
    assert_ok(wtl_fault_plan_parse("seed=1,read.error@25%", &p, NULL), NULL);
    wtl_fault_progress_init(&progress, &p);
    int hits = 0;
    for (int i = 0; i < 10000; i++)
        hits += wtl_fault_decide(&progress, &p, WTL_CALL_READ, 0) != 0;
    assert_near(hits, 2500, 4 * 43.3); /* four standard deviations of the binomial */
}

static void counts_only_what_a_rule_is_about(void **state)
{
    (void)state;
    struct wtl_fault_plan p;
    struct wtl_fault_progress progress;
    assert_ok(wtl_fault_plan_parse("read/temp_c.absent@2", &p, NULL), NULL);
    wtl_fault_progress_init(&progress, &p);
    uint64_t temp = WTL_METRIC_BIT(WTL_M_temp_c), power = WTL_METRIC_BIT(WTL_M_power_w);
    assert_int_equal(wtl_fault_decide(&progress, &p, WTL_CALL_READ, temp), 0);
    assert_int_equal(wtl_fault_decide(&progress, &p, WTL_CALL_READ, power), 0);
    assert_int_equal(wtl_fault_decide(&progress, &p, WTL_CALL_READ, power | temp), 1);
}

/* ---- What the caller sees -------------------------------------------------------------------- */

static void errors_keep_the_device_from_seeing_the_call(void **state)
{
    (void)state;
    struct rig rig;
    open_rig(&rig, "set.error=busy@1,read.error@2,set.late@2");
    double w = 0;
    assert_int_equal(wtl_knob_set(rig.device, WTL_KNOB_power_limit_w, wtl_knob_at(200), NULL, NULL),
                     -WTL_BUSY);
    assert_int_equal(rig.gpu.sets, 0);
    assert_int_equal(wtl_knob_set(rig.device, WTL_KNOB_power_limit_w, wtl_knob_at(180), NULL, NULL),
                     -WTL_TIMEOUT);
    assert_int_equal(rig.gpu.sets, 1); /* late: done all the same */
    assert_near(rig.gpu.limit.hi, 180, 0);
    assert_ok(read_power(&rig, &w), &rig.err);
    assert_int_equal(read_power(&rig, &w), -WTL_FAILED);
    assert_int_equal(rig.gpu.reads, 1);
    assert_ok(read_power(&rig, &w), &rig.err);
    assert_near(w, 101, 0);
    assert_int_equal(wtl_faulty_calls(rig.faulty, WTL_CALL_READ), 3);
    assert_int_equal(wtl_faulty_calls(rig.faulty, WTL_CALL_ANY), 5);
    close_rig(&rig);
}

static void a_lost_device_stays_lost(void **state)
{
    (void)state;
    struct rig rig;
    open_rig(&rig, "read.lost@2");
    double w = 0;
    struct wtl_knob_state k = {.enforced = 7};
    assert_ok(read_power(&rig, &w), &rig.err);
    assert_int_equal(read_power(&rig, &w), -WTL_LOST);
    assert_int_equal(read_power(&rig, &w), -WTL_LOST);
    assert_int_equal(wtl_device_knob(rig.device, WTL_KNOB_power_limit_w, &k, NULL), -WTL_LOST);
    assert_near(k.enforced, 7, 0);
    close_rig(&rig);
}

static void stale_absent_denied_and_lying_values(void **state)
{
    (void)state;
    struct rig rig;
    double w = 0;
    open_rig(&rig, "read.stale@2-3");
    for (int i = 0; i < 4; i++) {
        assert_ok(read_power(&rig, &w), &rig.err);
        assert_near(w, i == 3 ? 103 : 100, 0);
    }
    close_rig(&rig);
    open_rig(&rig, "read/power_w.absent@1,read.denied@2,read/power_w.lie=7W@3");
    assert_ok(read_power(&rig, &w), &rig.err);
    assert_near(w, -(double)WTL_ABSENT_FAILED, 0);
    assert_ok(read_power(&rig, &w), &rig.err);
    assert_near(w, -(double)WTL_ABSENT_DENIED, 0);
    assert_ok(read_power(&rig, &w), &rig.err);
    assert_near(w, 7, 0);
    close_rig(&rig);
}

static void errors_that_did_not_fall(void **state)
{
    (void)state;
    struct rig rig;
    struct wtl_driver_error e[3];
    size_t n = 0;
    open_rig(&rig, "errors.lie=31@2,errors.error=unsupported@3,errors.lie=79@2");
    assert_ok(wtl_device_errors(rig.device, e, 3, &n, &rig.err), &rig.err);
    assert_int_equal(n, 1);
    assert_ok(wtl_device_errors(rig.device, e, 3, &n, &rig.err), &rig.err);
    assert_int_equal(n, 3);
    assert_int_equal(e[0].number, 13); /* the device's own first */
    assert_int_equal(e[1].number, 31);
    assert_int_equal(e[2].number, 79);
    assert_true(e[1].t_ns > 0);
    assert_int_equal(wtl_device_errors(rig.device, e, 3, &n, &rig.err), -WTL_UNSUPPORTED);
    assert_int_equal(n, 3);
    close_rig(&rig);
}

static void lying_and_deaf_knobs(void **state)
{
    (void)state;
    struct rig rig;
    struct wtl_knob_state k = {0};
    open_rig(&rig, "set.ignored@1,get/power_limit_w.lie=123W@3,get.stale@4,set.denied@3");
    assert_ok(wtl_knob_set(rig.device, WTL_KNOB_power_limit_w, wtl_knob_at(200), &k, &rig.err),
              &rig.err);
    assert_near(k.requested.hi, 250, 0); /* deaf */
    assert_ok(wtl_knob_set(rig.device, WTL_KNOB_power_limit_w, wtl_knob_at(210), &k, &rig.err),
              &rig.err);
    assert_near(k.requested.hi, 210, 0);
    assert_ok(wtl_device_knob(rig.device, WTL_KNOB_power_limit_w, &k, &rig.err), &rig.err);
    assert_near(k.requested.hi, 123, 0); /* lies */
    rig.gpu.limit = wtl_knob_at(260);
    assert_ok(wtl_device_knob(rig.device, WTL_KNOB_power_limit_w, &k, &rig.err), &rig.err);
    assert_near(k.requested.hi, 210, 0); /* stale */
    assert_ok(wtl_device_knob(rig.device, WTL_KNOB_power_limit_w, &k, &rig.err), &rig.err);
    assert_near(k.requested.hi, 260, 0);
    assert_int_equal(wtl_knob_set(rig.device, WTL_KNOB_power_limit_w, wtl_knob_at(200), &k, NULL),
                     -WTL_PERMISSION);
    close_rig(&rig);
}

static void a_hang_meets_the_deadline_and_ends_at_close(void **state)
{
    (void)state;
    struct rig rig;
    double w = 0;
    open_rig(&rig, "read.hang@2");
    assert_ok(read_power(&rig, &w), &rig.err);
    assert_int_equal(read_power(&rig, &w), -WTL_TIMEOUT);
    assert_int_equal(read_power(&rig, &w), -WTL_TIMEOUT); /* at once: the first still hangs */
    assert_int_equal(rig.gpu.reads, 1);
    close_rig(&rig); /* and this comes back */
}

static void another_plan_starts_from_zero(void **state)
{
    (void)state;
    struct rig rig;
    double w = 0;
    open_rig(&rig, "read.lost@1");
    assert_int_equal(read_power(&rig, &w), -WTL_LOST);
    struct wtl_fault_plan none = {0};
    wtl_faulty_set_plan(rig.faulty, &none);
    assert_ok(read_power(&rig, &w), &rig.err);
    assert_int_equal(wtl_faulty_calls(rig.faulty, WTL_CALL_ANY), 1);
    close_rig(&rig);
}

/* ---- faulty:SPEC:ID -------------------------------------------------------------------------- */

static int open_by_name(const char *name, struct wtl_machine **machine, struct wtl_error *err)
{
    const char *const only[] = {name, NULL};
    struct wtl_machine_options options = {
        .clock = wtl_clock_system(), .root = "/", .nvml = "", .only = only};
    return wtl_machine_open(wtl_alloc_system(), &options, machine, err);
}

static void wraps_by_name(void **state)
{
    (void)state;
    write_text(in_test_directory("meter.csv"), "");
    char dir[128], name[160];
    snprintf(dir, sizeof dir, "%s", in_test_directory("t.csv"));
    write_text(dir, "timestamp, index, name, power.draw [W]\n"
                    "2026/11/21 10:00:00.000, 0, A, 100.00 W\n"
                    "2026/11/21 10:00:01.000, 0, A, 110.00 W\n");
    snprintf(name, sizeof name, "faulty:read.error@1:replay:%s", dir);
    struct wtl_machine *machine = NULL;
    struct wtl_error err = {0};
    assert_ok(open_by_name(name, &machine, &err), &err);
    assert_int_equal(wtl_machine_count(machine), 1);
    struct wtl_device *d = wtl_machine_device(machine, 0);
    const struct wtl_device_info *info = wtl_device_info(d);
    assert_string_equal(info->id, name);
    assert_int_equal(info->flags & (WTL_DEVICE_FAULTY | WTL_DEVICE_REPLAY),
                     WTL_DEVICE_FAULTY | WTL_DEVICE_REPLAY);
    struct wtl_reading r;
    assert_int_equal(wtl_device_read(d, WTL_METRIC_BIT(WTL_M_power_w), &r, &err), -WTL_FAILED);
    assert_ok(wtl_device_read(d, WTL_METRIC_BIT(WTL_M_power_w), &r, &err), &err);
    assert_near(r.value[WTL_M_power_w], 100, 0);
    wtl_machine_close(machine);
    machine = NULL;
    assert_int_equal(open_by_name("faulty:read.error", &machine, &err), -WTL_USAGE);
    assert_int_equal(open_by_name("faulty:read.eror:replay:x", &machine, &err), -WTL_USAGE);
    assert_int_equal(open_by_name("faulty:read.error:replay:/nowhere", &machine, &err),
                     -WTL_NOTFOUND);
    assert_null(machine);
}

/* A device and a faulty one of it, in either order: two devices. */
static int open_both(struct wtl_alloc alloc, int order, struct wtl_machine **machine,
                     struct wtl_error *err)
{
    static const char *const names[] = {"virtual:plain", "faulty:read.error@3:virtual:plain",
                                        "virtual:plain", NULL};
    const char *const only[] = {names[order], names[order + 1], NULL};
    struct wtl_machine_options options = {
        .clock = wtl_clock_system(), .root = "/", .nvml = "", .only = only};
    return wtl_machine_open(alloc, &options, machine, err);
}

static void wraps_a_device_that_is_there_too(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++) {
        struct wtl_machine *machine = NULL;
        struct wtl_error err = {0};
        assert_ok(open_both(wtl_alloc_system(), order, &machine, &err), &err);
        assert_int_equal(wtl_machine_count(machine), 2);
        for (size_t i = 0; i < 2; i++) {
            const struct wtl_device_info *info = wtl_device_info(wtl_machine_device(machine, i));
            assert_int_equal((info->flags & WTL_DEVICE_FAULTY) != 0, i != (size_t)order);
        }
        wtl_machine_close(machine);
    }
}

/* Without memory at any point nothing is left open, and nothing is closed twice. */
static void wraps_without_memory(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++) {
        int rc = -1;
        for (long n = 1; rc < 0; n++) {
            struct wtl_alloc_failing failing;
            struct wtl_machine *machine = NULL;
            assert_true(n < 1000);
            rc = open_both(wtl_alloc_failing(&failing, n), order, &machine, NULL);
            assert_int_equal(rc, rc < 0 ? -WTL_NOMEM : 0);
            wtl_machine_close(machine);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_every_kind_of_item),
        cmocka_unit_test(refuses_what_it_cannot_read),
        cmocka_unit_test(hits_the_planned_calls),
        cmocka_unit_test(chance_is_what_it_says),
        cmocka_unit_test(counts_only_what_a_rule_is_about),
        cmocka_unit_test(errors_keep_the_device_from_seeing_the_call),
        cmocka_unit_test(a_lost_device_stays_lost),
        cmocka_unit_test(stale_absent_denied_and_lying_values),
        cmocka_unit_test(errors_that_did_not_fall),
        cmocka_unit_test(lying_and_deaf_knobs),
        cmocka_unit_test(a_hang_meets_the_deadline_and_ends_at_close),
        cmocka_unit_test(another_plan_starts_from_zero),
        cmocka_unit_test(wraps_a_device_that_is_there_too),
        cmocka_unit_test(wraps_without_memory),
        cmocka_unit_test_setup_teardown(wraps_by_name, make_test_directory, drop_test_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
