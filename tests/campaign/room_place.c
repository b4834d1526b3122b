/* SPDX-License-Identifier: Apache-2.0
 * A board of a virtual machine room, and the process that looks at it. */
#include "campaign/room_place.h"

#include "device/machine_impl.h"
#include "support/dropin.h"
#include "support/support.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PRIOR_W 250
#define SET_W 150
#define SET_MHZ 1140
#define CHANGED_W 170
#define CHANGED_MHZ 1110

/* ---- The reader ------------------------------------------------------------------------------ */

struct answer {
    unsigned limit_mw;
    char uuid[96];
};

/* Each byte is a wish: 'l' look, 'r' reset. */
static void be_reader(int in, int out)
{
    struct dropin d;
    struct nvml_device *board = NULL;
    struct answer a = {0};
    char wish;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    dropin_open(&d);
    if (d.nvmlInit_v2() != 0 || d.nvmlDeviceGetHandleByIndex_v2(0, &board) != 0 ||
        d.nvmlDeviceGetUUID(board, a.uuid, sizeof a.uuid) != 0)
        _exit(1);
    while (read(in, &wish, 1) == 1) {
        if (wish == 'r' && (d.nvmlDeviceSetPowerManagementLimit(board, PRIOR_W * 1000) != 0 ||
                            d.nvmlDeviceResetGpuLockedClocks(board) != 0))
            _exit(1);
        if (d.nvmlDeviceGetPowerManagementLimit(board, &a.limit_mw) != 0 ||
            write(out, &a, sizeof a) != (ssize_t)sizeof a)
            _exit(1);
    }
    _exit(0);
}

static void start_reader(struct room_place *r)
{
    int ask[2], answer[2];
    assert_int_equal(pipe(ask), 0);
    assert_int_equal(pipe(answer), 0);
    fflush(NULL);
    r->reader = fork();
    assert_true(r->reader >= 0);
    if (r->reader == 0) {
        close(ask[1]);
        be_reader(ask[0], answer[1]);
    }
    close(ask[0]);
    close(answer[1]);
    r->ask_fd = ask[1];
    r->answer_fd = answer[0];
}

static struct answer wish(const struct room_place *r, char what)
{
    struct answer a;
    assert_int_equal(write(r->ask_fd, &what, 1), 1);
    assert_int_equal(read(r->answer_fd, &a, sizeof a), sizeof a);
    return a;
}

/* ---- The guardian ---------------------------------------------------------------------------- */

#define BOARD_ENV "WTL_CAMPAIGN_BOARD" /* id and deadline of a guardian's board */
#define DEADLINE_ENV "WTL_CAMPAIGN_DEADLINE"

static int open_as_guardian(void *ctx, struct wtl_machine **machine_out, struct wtl_error *err)
{
    const char *alias = ctx, *deadline = getenv(DEADLINE_ENV);
    const char *only[] = {getenv(BOARD_ENV), NULL};
    const struct wtl_machine_options options = {
        .clock = wtl_clock_system(), .only = only, .deadline_ns = deadline ? atoll(deadline) : 0};
    int rc = wtl_machine_open(wtl_alloc_system(), &options, machine_out, err);
    if (rc < 0 || !alias)
        return rc;
    const struct wtl_device *board = wtl_machine_device(*machine_out, 0);
    struct wtl_device_info info = board->info;
    struct wtl_device_ops ops = board->ops;
    snprintf(info.id, sizeof info.id, "%s", alias);
    rc = wtl_machine_add(*machine_out, &info, &ops, err);
    return rc < 0 ? rc : 0;
}

void room_place_main(int argc, char **argv, const char *alias)
{
    char name[WTL_LIMIT_NAME];
    snprintf(name, sizeof name, "%s", alias ? alias : "");
    if (argc > 1 && strcmp(argv[1], "guardian") == 0)
        _exit(campaign_be_guardian(argc, argv, open_as_guardian, alias ? name : NULL));
}

void room_place_deadline(struct room_place *r, int64_t ns)
{
    char text[32];
    r->deadline_ns = ns;
    snprintf(text, sizeof text, "%lld", (long long)ns);
    assert_int_equal(setenv(DEADLINE_ENV, text, 1), 0);
}

/* ---- The place ------------------------------------------------------------------------------- */

static int open_board(void *ctx, struct wtl_machine **machine_out, struct wtl_error *err)
{
    const struct room_place *r = ctx;
    const struct wtl_machine_options options = {
        .clock = wtl_clock_system(), .only = r->only, .deadline_ns = r->deadline_ns};
    return wtl_machine_open(wtl_alloc_system(), &options, machine_out, err);
}

static void reset_board(void *ctx)
{
    struct room_place *r = ctx;
    room_place_clear(r);
    assert_int_equal(wish(r, 'r').limit_mw, PRIOR_W * 1000);
}

static enum campaign_left look_at_board(void *ctx)
{
    static struct wtl_sim_gpu gpu;
    const struct room_place *r = ctx;
    struct wtl_error err;
    unsigned limit_mw = wish(r, 'l').limit_mw;
    assert_ok(wtl_room_copy(&r->room, 0, &gpu, &err), &err);
    if (limit_mw == PRIOR_W * 1000 && !gpu.sm_lock.set)
        return LEFT_PRIOR;
    bool one = gpu.sm_lock.set && gpu.sm_lock.lo == gpu.sm_lock.hi;
    int mhz = one ? gpu.board.sm_clocks_mhz[gpu.sm_lock.hi] : 0;
    if (limit_mw == SET_W * 1000 && mhz == SET_MHZ)
        return LEFT_SET;
    return limit_mw == CHANGED_W * 1000 && mhz == CHANGED_MHZ ? LEFT_CHANGED : LEFT_OTHER;
}

void room_place_start(struct room_place *r, struct campaign_place *place)
{
    struct wtl_error err;
    *r = (struct room_place){0};
    test_room_start(&r->host, 1, true);
    assert_ok(wtl_room_open(r->host.dir, &r->room, &err), &err);
    start_reader(r);
    snprintf(r->id, sizeof r->id, "nvml:%.80s", wish(r, 'l').uuid);
    r->only[0] = r->id;
    assert_int_equal(setenv(BOARD_ENV, r->id, 1), 0);
    room_place_deadline(r, 0);
    r->wants[0] = (struct campaign_want){r->id, WTL_KNOB_power_limit_w, wtl_knob_at(SET_W),
                                         wtl_knob_at(CHANGED_W)};
    r->wants[1] = (struct campaign_want){r->id, WTL_KNOB_sm_clock_mhz, wtl_knob_at(SET_MHZ),
                                         wtl_knob_at(CHANGED_MHZ)};
    *place = (struct campaign_place){.title = "nvml",
                                     .wants = r->wants,
                                     .n_wants = 2,
                                     .guardian = "/proc/self/exe",
                                     .deadline_ns = 150000000,
                                     .ctx = r,
                                     .open = open_board,
                                     .reset = reset_board,
                                     .look = look_at_board};
}

void room_place_stop(struct room_place *r)
{
    int status;
    close(r->ask_fd);
    close(r->answer_fd);
    assert_int_equal(waitpid(r->reader, &status, 0), r->reader);
    wtl_room_close(&r->room);
    test_room_stop(&r->host);
}

void room_place_fault(struct room_place *r, const char *function, int code, int delay_ms, long at,
                      bool for_good)
{
    struct wtl_error err;
    struct wtl_room_request q = wtl_room_request(WTL_ROOM_FAULT_ADD, -1);
    snprintf(q.u.fault.function, sizeof q.u.fault.function, "%s", function);
    q.u.fault.gpu = -1;
    q.u.fault.nvml_return = code;
    q.u.fault.delay_ms = delay_ms;
    q.u.fault.skip = (uint32_t)(at - 1);
    q.u.fault.count = for_good ? 0 : 1;
    assert_ok(wtl_room_ask(&r->room, &q, NULL, &err), &err);
}

bool room_place_struck(struct room_place *r)
{
    struct wtl_room_state s;
    struct wtl_error err;
    assert_ok(wtl_room_state(&r->room, &s, &err), &err);
    return s.n_faults > 0 && s.faults[0].n_hits > 0;
}

void room_place_clear(struct room_place *r)
{
    struct wtl_error err;
    struct wtl_room_request q = wtl_room_request(WTL_ROOM_FAULT_CLEAR, -1);
    assert_ok(wtl_room_ask(&r->room, &q, NULL, &err), &err);
}
