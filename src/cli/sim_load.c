/* SPDX-License-Identifier: Apache-2.0
 * `wattle sim load` and `unload`: what runs on the virtual GPUs. */
#include "cli/sim.h"

#include "base/text.h"
#include "codec/json.h"

#include <string.h>

struct options {
    const char *gpu;
    struct wtl_sim_cli_load load;
};

#define AT(member) offsetof(struct options, member)

static const struct wtl_opt opts[] = {
    WTL_SIM_OPT_GPU(struct options, gpu, "number of the virtual GPU (0)"),
    WTL_SIM_OPT_SHARE(
        struct options, load,
        "share of the SMs (CUDA_MPS_ACTIVE_THREAD_PERCENTAGE); below 100% it is an MPS client"),
    {.name = "mps",
     .type = WTL_OPT_FLAG,
     .offset = AT(load.mps),
     .help = "a client of the MPS server, also with a share of 100%"},
    WTL_SIM_OPT_BATCH(struct options, load, "items at once (the workload's own)"),
    WTL_SIM_OPT_RATE(struct options, load,
                     "work that arrives, in the workload's unit (as much as it can do)"),
    {.name = "period",
     .type = WTL_OPT_QUANTITY,
     .unit = WTL_UNIT_SECOND,
     .min = 0.005,
     .max = 86400,
     .arg = "TIME",
     .offset = AT(load.period),
     .help = "it works in bursts, one every TIME"},
    {.name = "on",
     .type = WTL_OPT_QUANTITY,
     .unit = WTL_UNIT_SECOND,
     .min = 0,
     .max = 86400,
     .arg = "TIME",
     .offset = AT(load.on),
     .help = "how long each burst is"},
    {.name = "duration",
     .letter = 'd',
     .type = WTL_OPT_QUANTITY,
     .unit = WTL_UNIT_SECOND,
     .min = 0.001,
     .max = 1e9,
     .arg = "TIME",
     .offset = AT(load.duration),
     .help = "how long it runs (until `wattle sim unload`)"},
    {.name = "instance",
     .type = WTL_OPT_INT,
     .min = 0,
     .max = WTL_SIM_INSTANCES - 1,
     .arg = "N",
     .offset = AT(load.instance),
     .help = "MIG instance that it runs in"},
    {.name = "pid",
     .type = WTL_OPT_INT,
     .min = 1,
     .max = 1e9,
     .arg = "PID",
     .offset = AT(load.pid),
     .help = "a process of yours that it belongs to and ends with (one is made)"},
    {0},
};

static const struct options defaults = {.load.instance = -1};

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    const struct options *o = ctx->options;
    struct wtl_room room = {0};
    int gpu = 0, pid = 0;
    int rc = wtl_sim_cli_open(&room, err);
    if (rc == 0)
        rc = wtl_sim_cli_gpu(&room, o->gpu, false, &gpu, err);
    if (rc == 0)
        rc = wtl_sim_cli_load(&room, gpu, ctx->argv[0], &o->load, &pid, err);
    wtl_room_close(&room);
    if (rc < 0)
        return rc;
    if (ctx->json)
        return wtl_print_json(ctx,
                              json_pack("{s:o, s:i, s:i}", "workload", wtl_json_text(ctx->argv[0]),
                                        "gpu", gpu, "pid", pid),
                              err);
    fprintf(ctx->out, "%s runs on virtual GPU %d as process %d\n", ctx->argv[0], gpu, pid);
    return 0;
}

const struct wtl_command wtl_cmd_sim_load = {
    .name = "sim load",
    .summary = "Run a workload on a virtual GPU",
    .synopsis = "WORKLOAD [-i GPU] [options]",
    .description = "Starts a load of a workload, by its name or the path of a profile that ends in "
                   ".yaml, and returns. It is a process, which NVML lists and `ps` shows "
                   "under the workload's name; killing it ends the load. Anybody who sees the "
                   "machine room may start loads.",
    .examples = "  wattle sim load resnet50\n"
                "  wattle sim load llama -i 1 --batch 4 --duration 60s\n"
                "  wattle sim load resnet50 --share 30% --rate 200/s\n"
                "  wattle sim load resnet50 --period 1s --on 300ms",
    .opts = opts,
    .options_size = sizeof(struct options),
    .defaults = &defaults,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};

/* ---- unload ---------------------------------------------------------------------------------- */

static const struct wtl_opt unload_opts[] = {
    WTL_SIM_OPT_GPU(struct options, gpu, "only those of this virtual GPU"),
    {0},
};

static int stop_one(struct wtl_room *room, int gpu, int64_t pid, int *n, struct wtl_error *err)
{
    struct wtl_room_request r = wtl_room_request(WTL_ROOM_LOAD_STOP, gpu);
    struct wtl_room_reply reply;
    r.u.value = (uint32_t)pid;
    int rc = wtl_room_ask(room, &r, &reply, err);
    if (rc == 0)
        *n += reply.value;
    return rc;
}

static int run_unload(struct wtl_context *ctx, struct wtl_error *err)
{
    const struct options *o = ctx->options;
    struct wtl_room room = {0};
    int gpu = -1, n = 0;
    int rc = wtl_sim_cli_open(&room, err);
    if (rc == 0)
        rc = wtl_sim_cli_gpu(&room, o->gpu, true, &gpu, err);
    if (rc == 0 && ctx->argc == 0)
        rc = stop_one(&room, gpu, 0, &n, err);
    for (int i = 0; i < ctx->argc && rc == 0; i++) {
        int64_t pid;
        if (!wtl_parse_int(ctx->argv[i], strlen(ctx->argv[i]), &pid) || pid < 1 || pid > INT32_MAX)
            rc = WTL_FAIL(err, WTL_USAGE, "\"%s\" is no process", ctx->argv[i]);
        else
            rc = stop_one(&room, gpu, pid, &n, err);
    }
    wtl_room_close(&room);
    if (rc < 0)
        return rc;
    if (ctx->json)
        return wtl_print_json(ctx, json_pack("{s:i}", "ended", n), err);
    fprintf(ctx->out, "%d load%s ended\n", n, wtl_plural(n));
    return 0;
}

const struct wtl_command wtl_cmd_sim_unload = {
    .name = "sim unload",
    .summary = "End loads on virtual GPUs",
    .synopsis = "[PID...] [-i GPU]",
    .description =
        "Ends the loads of these processes; without one, all that you may end: your own, "
        "and everybody's for root and for who started the machine room.",
    .examples = "  wattle sim unload\n"
                "  wattle sim unload 4711",
    .opts = unload_opts,
    .options_size = sizeof(struct options),
    .max_args = -1,
    .run = run_unload,
};
