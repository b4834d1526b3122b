/* SPDX-License-Identifier: Apache-2.0
 * Leases on a board of a virtual machine room while every call of NVML fails in turn, of whichever
 * process and function, as `wattle sim fault` makes them; and while every call of a device fails
 * that the back end `faulty` is wrapped around. */
#include "campaign/room_place.h"
#include "support/support.h"

#include "device/faulty/faulty.h"
#include "device/machine_impl.h"
#include "nvml-abi/nvml_abi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LATE_NS 30000000 /* how long calls may take where some come late */

#ifdef WTL_WATCHED
enum { STRIDE = 997, LATE_STRIDE = 997, DEVICE_STRIDE = 23 };
#else
enum { STRIDE = 101, LATE_STRIDE = 53, DEVICE_STRIDE = 5 };
#endif

/* ---- NVML ------------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    int code, delay_ms;
} nvml_faults[] = {
    {"unknown error", NVML_UNKNOWN, 0},
    {"GPU is lost", NVML_GPU_IS_LOST, 0},
    {"no permission", NVML_NO_PERMISSION, 0},
    {"timeout", NVML_TIMEOUT, 0},
    {"not supported", NVML_NOT_SUPPORTED, 0},
    {"in use", NVML_IN_USE, 0},
    {"reset required", NVML_RESET_REQUIRED, 0},
    {"late", 0, 2 * LATE_NS / 1000000},
    {"hang", 0, WTL_ROOM_HANG},
};
enum { N_NVML_FAULTS = sizeof nvml_faults / sizeof nvml_faults[0], FIRST_LATE = N_NVML_FAULTS - 2 };

static void arm_nvml(void *ctx, int fault, long at, bool for_good)
{
    struct room_place *r = ctx;
    room_place_deadline(r, nvml_faults[fault].delay_ms ? LATE_NS : 0);
    room_place_fault(r, "*", nvml_faults[fault].code, nvml_faults[fault].delay_ms, at, for_good);
}

static bool disarm_nvml(void *ctx)
{
    struct room_place *r = ctx;
    bool struck = room_place_struck(r);
    room_place_deadline(r, 0);
    room_place_clear(r);
    return struck;
}

/* All faults in all cycles; of a sample, some of them. */
static void fail_all(struct campaign *c, int first, int n_faults, long usual,
                     struct campaign_count *count)
{
    const long stride = campaign_stride(usual);
    for (int fault = first; fault < n_faults; fault++)
        for (int cycle = 0; cycle < CAMPAIGN_N_CYCLES; cycle++)
            for (int for_good = 0; for_good < 2; for_good++)
                if (stride == 1 || (fault + cycle + 2 * for_good) % 4 == 0)
                    campaign_fail(c, (enum campaign_cycle)cycle, fault, for_good, stride, count);
}

static void run_nvml(int first, int n_faults, long usual, const char *what)
{
    struct room_place room;
    struct campaign_place place;
    struct campaign c;
    struct campaign_count count = {0};
    room_place_start(&room, &place);
    place.arm = arm_nvml;
    place.disarm = disarm_nvml;
    campaign_open(&c, &place);
    fail_all(&c, first, n_faults, usual, &count);
    campaign_close(&c);
    room_place_stop(&room);
    campaign_report("nvml", what, &count, 3);
}

static void every_call_of_nvml_fails(void **state)
{
    (void)state;
    run_nvml(0, FIRST_LATE, STRIDE, "every call of the library fails");
}

static void every_call_of_nvml_is_late(void **state)
{
    (void)state;
    run_nvml(FIRST_LATE, N_NVML_FAULTS, LATE_STRIDE, "every call of the library is late, or hangs");
}

/* ---- faulty ---------------------------------------------------------------------------------- */

#define WRAPPED "faulty:board"
enum { PROCESSES = 2, SHARE = 1 << 16 };

/* The wrappers of holder and next start live in memory that the campaign sees, too, so that it
 * knows how many calls there were. The guardian, a program of its own, has the board as it is. */
struct shared {
    _Atomic int n;
    struct wtl_faulty *wrapper[PROCESSES];
    size_t used[PROCESSES];
    _Alignas(16) char memory[PROCESSES][SHARE];
};

struct faulty_place {
    struct room_place room;
    struct campaign_place board;
    struct campaign_want wants[2];
    struct shared *shared;
    struct wtl_fault_plan plan;
    enum wtl_fault_call counted;
};

static const struct {
    const char *spec;
    enum wtl_fault_call counted;
} device_faults[] = {
    {"any.error", WTL_CALL_ANY},
    {"any.error=permission", WTL_CALL_ANY},
    {"any.error=busy", WTL_CALL_ANY},
    {"any.late", WTL_CALL_ANY},
    {"any.lost", WTL_CALL_ANY},
    {"any.hang=60ms", WTL_CALL_ANY},
    {"set/power_limit_w.ignored", WTL_CALL_SET}, /* of a lock nobody could know */
    {"get.stale", WTL_CALL_GET},
};
enum { N_DEVICE_FAULTS = sizeof device_faults / sizeof device_faults[0] };

struct share {
    struct shared *shared;
    int i;
};

static void *from_share(void *ctx, void *p, size_t size)
{
    const struct share *s = ctx;
    size_t *used = &s->shared->used[s->i];
    size = (size + 15) & ~(size_t)15;
    if (size == 0 || p || *used + size > SHARE) /* an arena frees, and never grows what it has */
        return NULL;
    *used += size;
    return s->shared->memory[s->i] + *used - size;
}

static int open_wrapped(void *ctx, struct wtl_machine **machine_out, struct wtl_error *err)
{
    static struct share share;
    static struct wtl_arena arena;
    struct faulty_place *f = ctx;
    struct wtl_machine *m = NULL;
    int rc = f->board.open(f->board.ctx, &m, err);
    if (rc < 0)
        return rc;
    share = (struct share){f->shared, f->shared->n++};
    if (share.i >= PROCESSES)
        return WTL_FAIL(err, WTL_LIMIT, "more processes than expected");
    wtl_arena_init(&arena, (struct wtl_alloc){from_share, &share});
    const struct wtl_device *board = wtl_machine_device(m, 0);
    struct wtl_device_info info = board->info;
    snprintf(info.id, sizeof info.id, WRAPPED);
    rc = wtl_faulty_new(&arena, &board->ops, &f->plan, &f->shared->wrapper[share.i], err);
    if (rc < 0)
        return rc;
    struct wtl_device_ops ops = wtl_faulty_ops(f->shared->wrapper[share.i]);
    rc = wtl_machine_add(m, &info, &ops, err);
    *machine_out = m;
    return rc < 0 ? rc : 0;
}

static void forget_wrappers(struct faulty_place *f)
{
    f->shared->n = 0;
    memset(f->shared->used, 0, sizeof f->shared->used);
    memset(f->shared->wrapper, 0, sizeof f->shared->wrapper);
}

static void reset_wrapped(void *ctx)
{
    struct faulty_place *f = ctx;
    f->board.reset(f->board.ctx);
    f->plan = (struct wtl_fault_plan){0};
    forget_wrappers(f);
}

static enum campaign_left look_at_wrapped(void *ctx)
{
    struct faulty_place *f = ctx;
    return f->board.look(f->board.ctx);
}

static void arm_wrapped(void *ctx, int fault, long at, bool for_good)
{
    struct faulty_place *f = ctx;
    struct wtl_error err;
    char spec[64];
    forget_wrappers(f);
    snprintf(spec, sizeof spec, "%s@%ld%s", device_faults[fault].spec, at, for_good ? "-" : "");
    assert_ok(wtl_fault_plan_parse(spec, &f->plan, &err), &err);
    f->counted = device_faults[fault].counted;
    room_place_deadline(&f->room, strstr(spec, "hang") ? LATE_NS : 0);
}

static bool disarm_wrapped(void *ctx)
{
    struct faulty_place *f = ctx;
    bool struck = false;
    for (int i = 0; i < f->shared->n && i < PROCESSES; i++) {
        const struct wtl_faulty *w = f->shared->wrapper[i];
        struck = struck || (w && wtl_faulty_calls(w, f->counted) >= f->plan.rule[0].first);
    }
    f->plan = (struct wtl_fault_plan){0};
    room_place_deadline(&f->room, 0);
    return struck;
}

static void every_call_of_a_device_fails(void **state)
{
    (void)state;
    static struct faulty_place f;
    struct campaign_place place;
    struct campaign c;
    struct campaign_count count = {0};
    room_place_start(&f.room, &f.board);
    f.shared =
        mmap(NULL, sizeof *f.shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(f.shared, MAP_FAILED);
    place = f.board;
    place.title = "faulty";
    place.ctx = &f;
    place.open = open_wrapped;
    place.reset = reset_wrapped;
    place.look = look_at_wrapped;
    place.arm = arm_wrapped;
    place.disarm = disarm_wrapped;
    for (int i = 0; i < 2; i++) {
        f.wants[i] = f.room.wants[i];
        f.wants[i].device = WRAPPED;
    }
    place.wants = f.wants;
    campaign_open(&c, &place);
    fail_all(&c, 0, N_DEVICE_FAULTS, DEVICE_STRIDE, &count);
    campaign_close(&c);
    (void)munmap(f.shared, sizeof *f.shared);
    room_place_stop(&f.room);
    campaign_report("faulty over nvml", "every call of the device fails", &count, 1);
}

int main(int argc, char **argv)
{
    room_place_main(argc, argv, WRAPPED);
    if (access("/dev/shm", W_OK) == 0)
        (void)setenv("TMPDIR", "/dev/shm", 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_of_nvml_fails),
        cmocka_unit_test(every_call_of_nvml_is_late),
        cmocka_unit_test(every_call_of_a_device_fails),
    };
    cmocka_set_test_filter(getenv("WTL_CAMPAIGN_ONLY"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
