/* SPDX-License-Identifier: Apache-2.0
 * Leases as text: round trips, torn writes, what a reader must not believe. */
#include "support/support.h"

#include "lease/journal.h"
#include "lease/process.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct wtl_lease_knob_record two_knobs[2];

static struct wtl_lease_record example(void)
{
    two_knobs[0] = (struct wtl_lease_knob_record){.device = "nvml:GPU-1",
                                                  .device_name = "NVIDIA A100-PCIE-40GB",
                                                  .epoch = "boot/load",
                                                  .knob = WTL_KNOB_power_limit_w,
                                                  .prior_read = true,
                                                  .prior = wtl_knob_at(250),
                                                  .seq = 3,
                                                  .set_wall_ns = 5,
                                                  .wanted = wtl_knob_at(199.125),
                                                  .has_before = true,
                                                  .before = wtl_knob_at(210)};
    two_knobs[1] = (struct wtl_lease_knob_record){.device = "nvml:GPU-2",
                                                  .epoch = "boot/load",
                                                  .knob = WTL_KNOB_sm_clock_mhz,
                                                  .prior = wtl_knob_released()};
    return (struct wtl_lease_record){.id = 12,
                                     .kind = WTL_LEASE_STANDING,
                                     .name = "night",
                                     .purpose = "cap 500 W",
                                     .owner = {0, 4711, 99, "root", "wattle cap"},
                                     .boot = "b007",
                                     .granted_wall_ns = 1700000000000000000,
                                     .has_budget = true,
                                     .budget_w = 500,
                                     .base_w = 120.5,
                                     .knobs = two_knobs,
                                     .n_knobs = 2,
                                     .state = WTL_LEASE_HELD,
                                     .state_seq = 2,
                                     .state_wall_ns = 1700000000000000001,
                                     .why = ""};
}

struct text {
    struct wtl_buf buf;
    struct wtl_arena arena;
};

static void encode(struct text *t)
{
    struct wtl_error err = {0};
    struct wtl_lease_record r = example();
    wtl_arena_init(&t->arena, wtl_alloc_system());
    wtl_buf_init(&t->buf, wtl_alloc_system(), 1 << 20);
    assert_ok(wtl_lease_encode(&r, &t->buf, &err), &err);
}

static void drop(struct text *t)
{
    wtl_buf_fini(&t->buf);
    wtl_arena_fini(&t->arena);
}

static int decode(struct text *t, struct wtl_lease_record *r, size_t *grant_bytes,
                  struct wtl_error *err)
{
    return wtl_lease_decode(&t->arena, t->buf.data, t->buf.len, "12.lease", r, grant_bytes, err);
}

static void reads_back_what_was_written(void **state)
{
    (void)state;
    struct text t;
    struct wtl_error err = {0};
    struct wtl_lease_record r, want = example();
    size_t grant_bytes;
    encode(&t);
    assert_ok(decode(&t, &r, &grant_bytes, &err), &err);
    assert_int_equal(grant_bytes % WTL_LEASE_SLOT, 0);
    assert_int_equal(t.buf.len, grant_bytes + 6 * WTL_LEASE_SLOT);
    assert_int_equal(r.id, want.id);
    assert_int_equal(r.kind, want.kind);
    assert_string_equal(r.name, want.name);
    assert_string_equal(r.purpose, want.purpose);
    assert_string_equal(r.owner.user, "root");
    assert_string_equal(r.owner.text, "wattle cap");
    assert_int_equal(r.owner.pid, 4711);
    assert_int_equal(r.owner.start_ticks, 99);
    assert_string_equal(r.boot, want.boot);
    assert_true(r.has_budget);
    assert_near(r.budget_w, 500, 0);
    assert_near(r.base_w, 120.5, 0);
    assert_int_equal(r.state, WTL_LEASE_HELD);
    assert_int_equal(r.state_seq, 2);
    assert_int_equal(r.n_knobs, 2);
    assert_string_equal(r.knobs[0].device, "nvml:GPU-1");
    assert_true(r.knobs[0].prior_read);
    assert_false(r.knobs[0].damaged || r.knobs[1].damaged);
    assert_int_equal(r.knobs[0].seq, 3);
    assert_near(r.knobs[0].wanted.hi, 199.125, 0);
    assert_true(r.knobs[0].has_before);
    assert_near(r.knobs[0].before.hi, 210, 0);
    assert_true(r.knobs[1].prior.released);
    assert_int_equal(r.knobs[1].seq, 0);
    drop(&t);
}

static void a_torn_slot_leaves_the_one_before(void **state)
{
    (void)state;
    struct text t;
    struct wtl_error err = {0};
    struct wtl_lease_record r;
    size_t grant_bytes;
    encode(&t);
    assert_ok(decode(&t, &r, &grant_bytes, &err), &err);
    /* the last set of knob 0 has number 3, its slot is cut after every byte in turn */
    for (size_t cut = 0; cut < 60; cut++) {
        char *slot = t.buf.data + wtl_lease_knob_offset(grant_bytes, 0, 3);
        char before[WTL_LEASE_SLOT];
        memcpy(before, slot, sizeof before);
        memset(slot + cut, ' ', 80);
        assert_ok(decode(&t, &r, &grant_bytes, &err), &err);
        assert_int_equal(r.knobs[0].seq, 2);
        assert_near(r.knobs[0].wanted.hi, 210, 0);
        assert_false(r.knobs[0].has_before);
        assert_int_equal(r.knobs[0].damaged, cut > 0); /* the first leaves nothing of it */
        assert_false(r.knobs[1].damaged);
        memcpy(slot, before, sizeof before);
    }
    drop(&t);
}

static void without_a_state_it_is_pending(void **state)
{
    (void)state;
    struct text t;
    struct wtl_error err = {0};
    struct wtl_lease_record r;
    size_t grant_bytes;
    encode(&t);
    assert_ok(decode(&t, &r, &grant_bytes, &err), &err);
    t.buf.data[grant_bytes + 4] ^= 1;
    assert_ok(decode(&t, &r, &grant_bytes, &err), &err);
    assert_int_equal(r.state, WTL_LEASE_PENDING);
    drop(&t);
}

static void a_grant_that_changed_is_not_believed(void **state)
{
    (void)state;
    struct text t;
    struct wtl_lease_record r = {.id = -1};
    size_t grant_bytes = 77;
    encode(&t);
    const char *first = strchr(t.buf.data, '}');
    assert_non_null(first);
    for (size_t i = 0; t.buf.data[i] != '\n'; i++) {
        struct wtl_error err = {0};
        if (t.buf.data[i] == ' ' && t.buf.data[i + 1] == ' ')
            break;
        t.buf.data[i] ^= 4;
        assert_int_equal(decode(&t, &r, &grant_bytes, &err), -WTL_CORRUPT);
        assert_non_null(strstr(err.message, "12.lease"));
        t.buf.data[i] ^= 4;
    }
    assert_int_equal(r.id, -1);
    assert_int_equal(grant_bytes, 77);
    drop(&t);
}

static void every_cut_of_the_file_is_refused(void **state)
{
    (void)state;
    struct text t;
    encode(&t);
    size_t n = t.buf.len;
    for (size_t cut = 0; cut < n; cut += 7) {
        struct wtl_lease_record r = {.id = -1};
        struct wtl_error err = {0};
        size_t grant_bytes = 0;
        int rc = wtl_lease_decode(&t.arena, t.buf.data, cut, "x", &r, &grant_bytes, &err);
        assert_int_equal(rc, -WTL_CORRUPT);
        assert_int_equal(r.id, -1);
    }
    drop(&t);
}

static void texts_cannot_break_a_slot(void **state)
{
    (void)state;
    struct wtl_lease_record r = example();
    char slot[WTL_LEASE_SLOT];
    memset(r.why, '"', sizeof r.why - 1);
    r.why[sizeof r.why - 1] = '\0';
    r.state_seq = INT64_MAX;
    wtl_lease_encode_state(&r, slot);
    assert_int_equal(slot[WTL_LEASE_SLOT - 1], '\n');
    assert_null(memchr(slot, '\n', WTL_LEASE_SLOT - 1));
    assert_int_equal(slot[WTL_LEASE_SLOT - 2], ' ');
}

static void processes_are_told_from_later_ones(void **state)
{
    (void)state;
    struct wtl_lease_owner self;
    struct wtl_error err = {0};
    int64_t start;
    assert_ok(wtl_process_self("test", &self, &err), &err);
    assert_true(wtl_process_alive(&self));
    self.start_ticks++;
    assert_false(wtl_process_alive(&self));
    assert_true(wtl_process_parse_stat(
        "42 (a) b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 777 20\n", &start));
    assert_int_equal(start, 777);
    assert_false(wtl_process_parse_stat("42 (x) Z 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 7 8",
                                        &start));
    assert_false(wtl_process_parse_stat("42 (x) S 1 2", &start));
    assert_false(wtl_process_parse_stat("", &start));
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    self.pid = child;
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    assert_false(wtl_process_alive(&self)); /* a zombie */
    assert_int_equal(waitpid(child, NULL, 0), child);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_back_what_was_written),
        cmocka_unit_test(a_torn_slot_leaves_the_one_before),
        cmocka_unit_test(without_a_state_it_is_pending),
        cmocka_unit_test(a_grant_that_changed_is_not_believed),
        cmocka_unit_test(every_cut_of_the_file_is_refused),
        cmocka_unit_test(texts_cannot_break_a_slot),
        cmocka_unit_test(processes_are_told_from_later_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
