/* SPDX-License-Identifier: Apache-2.0
 * Leases as text: round trips, torn writes, what a reader must not believe. */
#include "support/support.h"

#include "lease/journal.h"
#include "lease/process.h"

#include <pthread.h>
#include <signal.h>
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
                                                  .prior = wtl_knob_released(),
                                                  .has_held = true,
                                                  .held = {.lo = 1110, .hi = 1395}};
    return (struct wtl_lease_record){.id = 12,
                                     .kind = WTL_LEASE_STANDING,
                                     .name = "night",
                                     .purpose = "cap 500 W",
                                     .owner = {0, 4711, 99, "root", "wattle cap", 4026531836},
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
    assert_false(r.knobs[0].has_held);
    assert_true(r.knobs[1].has_held);
    assert_near(r.knobs[1].held.lo, 1110, 0);
    assert_near(r.knobs[1].held.hi, 1395, 0);
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
    for (size_t cut = 0; cut < n; cut++) {
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

static void lines_of_proc_stat(void **state)
{
    (void)state;
    struct wtl_process_stat p;
    assert_true(wtl_process_parse_stat(
        "42 (a) b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 9 18 777 20\n", &p));
    assert_int_equal(p.state, 'S');
    assert_int_equal(p.threads, 9);
    assert_int_equal(p.start_ticks, 777);
    assert_false(wtl_process_parse_stat("42 (x) S 1 2", &p));
    assert_false(wtl_process_parse_stat("42 (x", &p));
    assert_false(wtl_process_parse_stat("", &p));
    assert_int_equal(p.start_ticks, 777);
}

static void processes_are_told_from_later_ones(void **state)
{
    (void)state;
    struct wtl_lease_owner self, other;
    struct wtl_error err = {0};
    assert_ok(wtl_process_self("test", &self, &err), &err);
    assert_true(self.pid_ns > 0);
    assert_int_equal(wtl_process_look(&self), WTL_PROCESS_RUNS);
    other = self;
    other.start_ticks++; /* its number is another one's now */
    assert_int_equal(wtl_process_look(&other), WTL_PROCESS_GONE);
    other = self;
    other.pid_ns++; /* counted in a container, where it is another process */
    assert_int_equal(wtl_process_look(&other), WTL_PROCESS_HIDDEN);
    other.pid_ns = 0;
    assert_int_equal(wtl_process_look(&other), WTL_PROCESS_RUNS);
    static const int64_t nobody[] = {0, -1, INT64_MAX, (int64_t)1 << 32};
    for (size_t i = 0; i < sizeof nobody / sizeof nobody[0]; i++) {
        other.pid = nobody[i];
        assert_int_equal(wtl_process_look(&other), WTL_PROCESS_GONE);
    }
}

static void boots_are_told_apart_where_they_are_known(void **state)
{
    (void)state;
    struct wtl_lease_record r = {.boot = "b007"};
    struct wtl_error err = {0};
    assert_ok(wtl_process_self("test", &r.owner, &err), &err);
    assert_int_equal(wtl_process_of_lease(&r, "b007"), WTL_PROCESS_RUNS);
    assert_int_equal(wtl_process_of_lease(&r, "b008"),
                     WTL_PROCESS_GONE); /* same number and start */
    assert_int_equal(wtl_process_of_lease(&r, ""), WTL_PROCESS_RUNS);
    r.boot[0] = '\0';
    assert_int_equal(wtl_process_of_lease(&r, "b008"), WTL_PROCESS_RUNS);
}

/* A child that has ended, stopped, or only lost its first thread. */
static pid_t child_that(void (*act)(void))
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        act();
        _exit(0);
    }
    return child;
}

static void end_now(void)
{
}

static void stop_now(void)
{
    (void)raise(SIGSTOP);
}

static void *live_on(void *arg)
{
    (void)arg;
    for (;;)
        pause();
    return NULL;
}

static void leave_a_thread(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, live_on, NULL) == 0)
        pthread_exit(NULL);
}

static enum wtl_process_life look_at(pid_t child)
{
    char path[64], line[1024] = "";
    struct wtl_lease_owner owner = {.pid = child};
    struct wtl_process_stat p;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)child);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof line, f));
    fclose(f);
    assert_true(wtl_process_parse_stat(line, &p));
    owner.start_ticks = p.start_ticks;
    return wtl_process_look(&owner);
}

static void wait_for_state(pid_t child, char wanted)
{
    char path[64], line[1024];
    struct wtl_process_stat p = {0};
    snprintf(path, sizeof path, "/proc/%d/stat", (int)child);
    for (int i = 0; i < 2000 && p.state != wanted; i++) {
        FILE *f = fopen(path, "r");
        assert_non_null(f);
        if (fgets(line, sizeof line, f))
            (void)wtl_process_parse_stat(line, &p);
        fclose(f);
        usleep(1000);
    }
    assert_int_equal(p.state, wanted);
}

static void zombies_stopped_ones_and_first_threads(void **state)
{
    (void)state;
    pid_t child = child_that(end_now);
    wait_for_state(child, 'Z');
    assert_int_equal(look_at(child), WTL_PROCESS_GONE);
    assert_int_equal(waitpid(child, NULL, 0), child);
    child = child_that(stop_now);
    wait_for_state(child, 'T');
    assert_int_equal(look_at(child), WTL_PROCESS_STOPPED);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    child = child_that(leave_a_thread);
    wait_for_state(child, 'Z');
    assert_int_equal(look_at(child), WTL_PROCESS_RUNS);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

/* Every bit of every byte of a lease: refused, or read as it was, or known to be damaged. */
static void no_flipped_bit_is_believed(void **state)
{
    (void)state;
    struct text t;
    struct wtl_error err = {0};
    struct wtl_lease_record want, r;
    size_t grant_bytes, refused = 0, damaged = 0, unseen = 0;
    encode(&t);
    assert_ok(decode(&t, &want, &grant_bytes, &err), &err);
    assert_false(want.state_damaged);
    for (size_t i = 0; i < t.buf.len; i++)
        for (int bit = 0; bit < 8; bit++) {
            struct text now = {.buf = t.buf};
            wtl_arena_init(&now.arena, wtl_alloc_system());
            t.buf.data[i] = (char)(t.buf.data[i] ^ 1 << bit);
            if (decode(&now, &r, &grant_bytes, &err) < 0) {
                refused++;
            } else if (r.state_damaged || r.knobs[0].damaged || r.knobs[1].damaged) {
                damaged++;
                /* what is said nevertheless was said once */
                assert_true(r.state == want.state || r.state == WTL_LEASE_PENDING);
                assert_true(r.knobs[0].seq == 3 || r.knobs[0].seq == 2 || r.knobs[0].seq == 0);
            } else { /* a blank for another, of those that pad a line */
                unseen++;
                assert_int_equal(r.state, want.state);
                assert_int_equal(r.state_seq, want.state_seq);
                assert_int_equal(r.knobs[0].seq, 3);
                assert_near(r.knobs[0].wanted.hi, 199.125, 0);
                assert_near(r.knobs[0].before.hi, 210, 0);
                assert_near(r.knobs[0].prior.hi, 250, 0);
                assert_int_equal(r.owner.pid, 4711);
            }
            t.buf.data[i] = (char)(t.buf.data[i] ^ 1 << bit);
            wtl_arena_fini(&now.arena);
        }
    print_message("# %zu bits: %zu refused, %zu known to be damaged, %zu of no meaning\n",
                  t.buf.len * 8, refused, damaged, unseen);
    assert_true(refused > 3000 && damaged > 3000);
    assert_true(unseen < 100);
    drop(&t);
}

/* The closed state is the last: damage of the slot before it does not open the lease again. */
static void a_closed_lease_stays_closed(void **state)
{
    (void)state;
    struct text t;
    struct wtl_error err = {0};
    struct wtl_lease_record r;
    size_t grant_bytes;
    encode(&t);
    assert_ok(decode(&t, &r, &grant_bytes, &err), &err);
    char *newer = t.buf.data + wtl_lease_state_offset(grant_bytes, 3);
    char *older = t.buf.data + wtl_lease_state_offset(grant_bytes, 2);
    r.state = WTL_LEASE_CLOSED;
    r.state_seq = 3;
    wtl_lease_encode_state(&r, newer);
    older[5] ^= 1;
    assert_ok(decode(&t, &r, &grant_bytes, &err), &err);
    assert_int_equal(r.state, WTL_LEASE_CLOSED);
    assert_false(r.state_damaged);
    older[5] ^= 1;
    newer[5] ^= 1; /* open, by what is left; and that is not to be relied on */
    assert_ok(decode(&t, &r, &grant_bytes, &err), &err);
    assert_int_equal(r.state, WTL_LEASE_HELD);
    assert_true(r.state_damaged);
    drop(&t);
}

static void the_namespace_of_the_owner_is_kept(void **state)
{
    (void)state;
    struct text t;
    struct wtl_error err = {0};
    struct wtl_lease_record r;
    size_t grant_bytes;
    encode(&t);
    assert_ok(decode(&t, &r, &grant_bytes, &err), &err);
    assert_int_equal(r.owner.pid_ns, 4026531836);
    drop(&t);
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
        cmocka_unit_test(lines_of_proc_stat),
        cmocka_unit_test(processes_are_told_from_later_ones),
        cmocka_unit_test(boots_are_told_apart_where_they_are_known),
        cmocka_unit_test(zombies_stopped_ones_and_first_threads),
        cmocka_unit_test(no_flipped_bit_is_believed),
        cmocka_unit_test(a_closed_lease_stays_closed),
        cmocka_unit_test(the_namespace_of_the_owner_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
