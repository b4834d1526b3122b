/* SPDX-License-Identifier: Apache-2.0
 * Requests to the host of a machine room: whatever passes the check does the engine no harm. */
#include "fuzz/fuzz.h"

#include "sim/mig.h"
#include "simhost/protocol.h"

#include <assert.h>
#include <string.h>

static void apply(struct wtl_sim_gpu *gpu, const struct wtl_room_request *r)
{
    int ids[WTL_SIM_INSTANCES];
    double number = r->u.gpu_fault.number;
    switch ((enum wtl_room_verb)r->verb) {
    case WTL_ROOM_LOCK_SM:
        (void)wtl_sim_lock_sm(gpu, r->u.lock.min_mhz, r->u.lock.max_mhz, NULL);
        break;
    case WTL_ROOM_LOCK_MEM:
        (void)wtl_sim_lock_mem(gpu, r->u.lock.min_mhz, r->u.lock.max_mhz, NULL);
        break;
    case WTL_ROOM_SET_LIMIT:
        (void)wtl_sim_set_limit(gpu, r->u.value, NULL);
        break;
    case WTL_ROOM_SET_COMPUTE_MODE:
        (void)wtl_sim_set_compute_mode(gpu, (enum wtl_sim_compute_mode)r->u.value, NULL);
        break;
    case WTL_ROOM_SET_MIG:
        memcpy(ids, r->u.mig.profiles, sizeof ids);
        (void)wtl_sim_set_mig(gpu, ids, (int)r->u.mig.n, NULL);
        break;
    case WTL_ROOM_GPU_FAULT:
        wtl_sim_freeze(gpu, r->u.gpu_fault.value & WTL_SIM_SENSORS_ALL, INT64_MAX);
        if (r->u.gpu_fault.what == WTL_ROOM_GPU_DROP)
            wtl_sim_drop(gpu, number);
        else if (r->u.gpu_fault.what == WTL_ROOM_GPU_AMBIENT)
            wtl_sim_ambient(gpu, number);
        else if (r->u.gpu_fault.what == WTL_ROOM_GPU_OOB)
            wtl_sim_set_oob_limit(gpu, number);
        break;
    case WTL_ROOM_LOAD_START: {
        struct wtl_sim_process p = {.pid = 1,
                                    .mps = r->u.load.mps != 0,
                                    .instance = r->u.load.instance,
                                    .tenant = {.workload = r->u.load.workload,
                                               .share = r->u.load.share,
                                               .batch = r->u.load.batch ? r->u.load.batch : 1,
                                               .offered_per_s = r->u.load.rate_per_s},
                                    .pattern = r->u.load.pattern};
        for (; p.pid <= WTL_SIM_TENANTS; p.pid++) /* as many as fit */
            (void)wtl_sim_attach(gpu, &p, NULL);
        break;
    }
    case WTL_ROOM_HELLO:
    case WTL_ROOM_RESET_SM:
    case WTL_ROOM_RESET_MEM:
    case WTL_ROOM_SET_PERSISTENCE:
    case WTL_ROOM_SET_ACCOUNTING:
    case WTL_ROOM_LOAD_STOP:
    case WTL_ROOM_FAULT_ADD:
    case WTL_ROOM_FAULT_CLEAR:
    case WTL_ROOM_STOP:
    case WTL_ROOM_CALL:
    case WTL_ROOM_JOIN:
    case WTL_ROOM_N_VERBS:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct wtl_sim_gpu gpu;
    struct wtl_sim_board board;
    struct wtl_sim_truth truth;
    const struct wtl_sim_options options = {.seed = 1};
    struct wtl_room_request request;
    struct wtl_room_reply reply;
    struct wtl_error err = {0};
    if (size <= sizeof reply) {
        memset(&reply, 0, sizeof reply);
        memcpy(&reply, data, size);
        (void)wtl_room_reply_result(&reply, size, &err);
    }
    if (wtl_room_request_check(data, size, 2, &request, &err) < 0)
        return 0;
    wtl_sim_board_plain(&board);
    if (wtl_sim_gpu_init(&gpu, &board, &options, &err) < 0)
        return 0;
    apply(&gpu, &request);
    wtl_sim_gpu_advance(&gpu, INT64_C(2000000000));
    wtl_sim_gpu_truth(&gpu, &truth);
    /* A number at all; a load of one's own making may be too much for the board. */
    assert(truth.power_w >= 0 && truth.power_w < (request.verb == WTL_ROOM_LOAD_START ? 1e6 : 1e4));
    assert(truth.die_c > -50 && truth.die_c < 1e5 && truth.work >= 0 && truth.work < 1e12);
    wtl_sim_reload(&gpu); /* and after it the board is well */
    wtl_sim_gpu_advance(&gpu, INT64_C(20000000000));
    wtl_sim_gpu_truth(&gpu, &truth);
    assert(!gpu.lost && truth.power_w < 1e3 && truth.die_c < 100);
    return 0;
}
