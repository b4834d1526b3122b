/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "simhost/protocol.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { GPUS = 3 };

static int check(const struct wtl_room_request *r, struct wtl_room_request *out)
{
    return wtl_room_request_check(r, sizeof *r, GPUS, out, NULL);
}

static void every_verb_with_an_empty_body_that_makes_sense_passes(void **state)
{
    (void)state;
    for (int verb = 0; verb < WTL_ROOM_N_VERBS; verb++) {
        struct wtl_room_request r = wtl_room_request((enum wtl_room_verb)verb, 2), out = {0};
        if (verb == WTL_ROOM_LOAD_START) {
            wtl_sim_workload_plain(&r.u.load.workload);
            r.u.load.share = 1;
        } else if (verb == WTL_ROOM_FAULT_ADD) {
            strcpy(r.u.fault.function, "*");
            r.u.fault.nvml_return = 15;
        }
        assert_int_equal(check(&r, &out), 0);
        assert_memory_equal(&r, &out, sizeof r);
    }
}

static void a_packet_of_another_size_or_version_is_refused(void **state)
{
    (void)state;
    struct wtl_room_request r = wtl_room_request(WTL_ROOM_HELLO, -1), out;
    struct wtl_error err = {0};
    memset(&out, 0x5a, sizeof out);
    struct wtl_room_request before = out;
    for (size_t n = 0; n < sizeof r; n += 7)
        assert_int_equal(wtl_room_request_check(&r, n, GPUS, &out, &err), -(int)WTL_USAGE);
    assert_int_equal(wtl_room_request_check(&r, sizeof r + 1, GPUS, &out, &err), -(int)WTL_USAGE);
    r.version++;
    assert_int_equal(check(&r, &out), -(int)WTL_USAGE);
    r.version--;
    r.size--;
    assert_int_equal(check(&r, &out), -(int)WTL_USAGE);
    r.size++;
    r.verb = WTL_ROOM_N_VERBS;
    assert_int_equal(check(&r, &out), -(int)WTL_USAGE);
    r.verb = UINT32_MAX;
    assert_int_equal(check(&r, &out), -(int)WTL_USAGE);
    assert_memory_equal(&out, &before, sizeof out);
}

static void a_gpu_must_be_there(void **state)
{
    (void)state;
    struct wtl_room_request out;
    const struct {
        enum wtl_room_verb verb;
        int gpu;
        bool good;
    } cases[] = {
        {WTL_ROOM_LOCK_SM, 0, true},        {WTL_ROOM_LOCK_SM, 2, true},
        {WTL_ROOM_LOCK_SM, 3, false},       {WTL_ROOM_LOCK_SM, -1, false},
        {WTL_ROOM_LOCK_SM, INT_MIN, false}, {WTL_ROOM_STOP, -1, true},
        {WTL_ROOM_STOP, -2, false},         {WTL_ROOM_LOAD_STOP, -1, true},
        {WTL_ROOM_CALL, -1, true},          {WTL_ROOM_CALL, INT_MAX, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wtl_room_request r = wtl_room_request(cases[i].verb, cases[i].gpu);
        assert_int_equal(check(&r, &out), cases[i].good ? 0 : -(int)WTL_USAGE);
    }
}

static struct wtl_room_request a_load(void)
{
    struct wtl_room_request r = wtl_room_request(WTL_ROOM_LOAD_START, 0);
    wtl_sim_workload_plain(&r.u.load.workload);
    r.u.load.share = 0.5;
    r.u.load.pattern = (struct wtl_sim_pattern){100, 30, 5};
    return r;
}

#define REFUSED(change)                                                                            \
    do {                                                                                           \
        struct wtl_room_request r = a_load(), out;                                                 \
        assert_int_equal(check(&r, &out), 0);                                                      \
        change;                                                                                    \
        assert_int_equal(check(&r, &out), -(int)WTL_USAGE);                                        \
    } while (0)

static void a_load_has_a_name_and_sensible_numbers(void **state)
{
    (void)state;
    struct wtl_sim_workload *w;
#define REFUSED_WORKLOAD(change) REFUSED((w = &r.u.load.workload, change))
    REFUSED_WORKLOAD(memset(w->name, 'x', sizeof w->name));
    REFUSED_WORKLOAD(w->name[0] = '\0');
    REFUSED_WORKLOAD(w->name[1] = '\033');
    REFUSED_WORKLOAD(memset(w->unit, 'x', sizeof w->unit));
    REFUSED_WORKLOAD(w->n_phases = 0);
    REFUSED_WORKLOAD(w->n_phases = INT_MAX);
    REFUSED_WORKLOAD(w->phases[0].n_fits = 0);
    REFUSED_WORKLOAD(w->phases[0].n_fits = INT_MAX);
    REFUSED_WORKLOAD(memset(w->phases[0].name, 'x', sizeof w->phases[0].name));
    REFUSED_WORKLOAD(w->phases[0].work_per_item = -1);
    REFUSED_WORKLOAD(w->process_mib = (double)NAN);
    REFUSED_WORKLOAD(w->item_mib = (double)INFINITY);
    REFUSED_WORKLOAD(w->batch_default = 0);
    REFUSED_WORKLOAD(w->batch_max = INT_MIN);
    REFUSED_WORKLOAD((w->phases[0].n_fits = 2, w->phases[0].fits[1] = w->phases[0].fits[0]));
    REFUSED_WORKLOAD((w->phases[0].fits[0].item_j = 1, w->phases[0].fits[0].compute_s = 1e-5));
#define REFUSED_PARAMETER(member, low, high)                                                       \
    REFUSED_WORKLOAD(w->phases[0].fits[0].member = (double)NAN);                                   \
    REFUSED_WORKLOAD(w->phases[0].fits[0].member = (low) / 2);                                     \
    REFUSED_WORKLOAD(w->phases[0].fits[0].member = (high)*2);
    WTL_SIM_FIT_BOUNDS(REFUSED_PARAMETER)
    REFUSED(r.u.load.share = 0);
    REFUSED(r.u.load.share = 1.01);
    REFUSED(r.u.load.share = (double)NAN);
    REFUSED(r.u.load.rate_per_s = -1);
    REFUSED(r.u.load.rate_per_s = (double)INFINITY);
    REFUSED(r.u.load.duration_s = (double)NAN);
    REFUSED(r.u.load.batch = -1);
    REFUSED(r.u.load.batch = INT_MAX);
    REFUSED(r.u.load.pid = -5);
    REFUSED(r.u.load.instance = WTL_SIM_INSTANCES);
    REFUSED(r.u.load.pattern.on_ms = 101);
    REFUSED(r.u.load.pattern.period_ms = INT_MIN);
    REFUSED(r.u.load.pattern.shift_ms = -1);
}

static void faults_have_ends_codes_and_delays_in_range(void **state)
{
    (void)state;
    struct wtl_room_request r = wtl_room_request(WTL_ROOM_FAULT_ADD, -1), out;
    strcpy(r.u.fault.function, "nvmlDeviceGet*");
    r.u.fault.gpu = -1;
    assert_int_equal(check(&r, &out), -(int)WTL_USAGE); /* neither code nor delay */
    r.u.fault.delay_ms = WTL_ROOM_HANG;
    assert_int_equal(check(&r, &out), 0);
    r.u.fault.delay_ms = 600001;
    assert_int_equal(check(&r, &out), -(int)WTL_USAGE);
    r.u.fault.delay_ms = 10;
    r.u.fault.nvml_return = 1000;
    assert_int_equal(check(&r, &out), -(int)WTL_USAGE);
    r.u.fault.nvml_return = 0;
    r.u.fault.gpu = GPUS;
    assert_int_equal(check(&r, &out), -(int)WTL_USAGE);

    const struct {
        uint32_t what, value;
        double number;
        bool good;
    } cases[] = {
        {WTL_ROOM_GPU_STALE, 3, 5, true},          {WTL_ROOM_GPU_STALE, 16, 5, false},
        {WTL_ROOM_GPU_STALE, 1, -1, false},        {WTL_ROOM_GPU_DROP, 0, 0.5, true},
        {WTL_ROOM_GPU_DROP, 0, 1.5, false},        {WTL_ROOM_GPU_AMBIENT, 0, 45, true},
        {WTL_ROOM_GPU_AMBIENT, 0, 1e9, false},     {WTL_ROOM_GPU_OOB, 0, 150, true},
        {WTL_ROOM_GPU_OOB, 0, (double)NAN, false}, {WTL_ROOM_GPU_BRAKE, 1, 0, true},
        {WTL_ROOM_GPU_BRAKE, 2, 0, false},         {WTL_ROOM_GPU_LOSE, 9, 9, true},
        {WTL_ROOM_N_GPU_FAULTS, 0, 0, false},      {UINT32_MAX, 0, 0, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wtl_room_request f = wtl_room_request(WTL_ROOM_GPU_FAULT, 0);
        f.u.gpu_fault.what = cases[i].what;
        f.u.gpu_fault.value = cases[i].value;
        f.u.gpu_fault.number = cases[i].number;
        assert_int_equal(check(&f, &out), cases[i].good ? 0 : -(int)WTL_USAGE);
    }
}

static void an_error_comes_back_as_it_was(void **state)
{
    (void)state;
    struct wtl_error sent = {0}, got = {0};
    int rc = WTL_FAIL(&sent, WTL_PERMISSION, "only root may");
    wtl_error_hint(&sent, "be root");
    struct wtl_room_reply reply;
    wtl_room_reply_fill(&reply, rc, &sent);
    assert_int_equal(wtl_room_reply_result(&reply, sizeof reply, &got), -(int)WTL_PERMISSION);
    assert_string_equal(got.message, "only root may");
    assert_string_equal(got.hint, "be root");
    wtl_room_reply_fill(&reply, 0, &sent);
    assert_int_equal(wtl_room_reply_result(&reply, sizeof reply, &got), 0);
    assert_int_equal(wtl_room_reply_result(&reply, sizeof reply - 1, &got), -(int)WTL_IO);
    memset(reply.message, 'x', sizeof reply.message);
    assert_int_equal(wtl_room_reply_result(&reply, sizeof reply, &got), -(int)WTL_IO);
    wtl_room_reply_fill(&reply, 0, &sent);
    reply.code = 4711;
    assert_int_equal(wtl_room_reply_result(&reply, sizeof reply, &got), -(int)WTL_IO);
}

static void faults_match_by_name_and_gpu(void **state)
{
    (void)state;
    const struct {
        const char *pattern, *function;
        int fault_gpu, gpu;
        bool match;
    } cases[] = {
        {"*", "nvmlInit_v2", -1, -1, true},
        {"*", "nvmlDeviceGetName", 1, 1, true},
        {"*", "nvmlDeviceGetName", 1, 0, false},
        {"*", "nvmlInit_v2", 1, -1, false},
        {"nvmlDeviceSet*", "nvmlDeviceSetPersistenceMode", -1, 0, true},
        {"nvmlDeviceSet*", "nvmlDeviceGetName", -1, 0, false},
        {"nvmlDeviceGetName", "nvmlDeviceGetName", -1, 2, true},
        {"nvmlDeviceGetName", "nvmlDeviceGetNameX", -1, 2, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wtl_room_fault f = {.gpu = cases[i].fault_gpu};
        strcpy(f.function, cases[i].pattern);
        assert_int_equal(wtl_room_fault_matches(&f, cases[i].function, cases[i].gpu),
                         cases[i].match);
    }
}

static void hits_as_text(struct wtl_room_fault f, char *out)
{
    int i = 0;
    for (; i < 12; i++)
        out[i] = wtl_room_fault_hits(&f) ? 'x' : '.';
    out[i] = '\0';
}

static void faults_skip_repeat_and_end(void **state)
{
    (void)state;
    char text[16];
    hits_as_text((struct wtl_room_fault){0}, text);
    assert_string_equal(text, "xxxxxxxxxxxx");
    hits_as_text((struct wtl_room_fault){.skip = 3, .count = 1}, text);
    assert_string_equal(text, "...x........");
    hits_as_text((struct wtl_room_fault){.every = 3}, text);
    assert_string_equal(text, "x..x..x..x..");
    hits_as_text((struct wtl_room_fault){.skip = 1, .every = 2, .count = 3}, text);
    assert_string_equal(text, ".x.x.x......");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_verb_with_an_empty_body_that_makes_sense_passes),
        cmocka_unit_test(a_packet_of_another_size_or_version_is_refused),
        cmocka_unit_test(a_gpu_must_be_there),
        cmocka_unit_test(a_load_has_a_name_and_sensible_numbers),
        cmocka_unit_test(faults_have_ends_codes_and_delays_in_range),
        cmocka_unit_test(an_error_comes_back_as_it_was),
        cmocka_unit_test(faults_match_by_name_and_gpu),
        cmocka_unit_test(faults_skip_repeat_and_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
