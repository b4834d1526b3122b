/* SPDX-License-Identifier: Apache-2.0
 * `wattle sim`: the virtual machine room. Here are its verbs; each has a file of its own. */
#include "cli/sim.h"

#include "base/alloc.h"
#include "base/text.h"
#include "simhost/profile.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

extern const struct wtl_command wtl_cmd_sim_start;
extern const struct wtl_command wtl_cmd_sim_list;
extern const struct wtl_command wtl_cmd_sim_load;
extern const struct wtl_command wtl_cmd_sim_unload;
extern const struct wtl_command wtl_cmd_sim_mig;
extern const struct wtl_command wtl_cmd_sim_fault;
extern const struct wtl_command wtl_cmd_sim_env;
extern const struct wtl_command wtl_cmd_sim_stop;
extern const struct wtl_command wtl_cmd_sim_calibration;
extern const struct wtl_command wtl_cmd_sim_sensors;

/* clang-format off */
static const struct wtl_command *const verbs[] = {
    &wtl_cmd_sim_start,
    &wtl_cmd_sim_list,
    &wtl_cmd_sim_load,
    &wtl_cmd_sim_unload,
    &wtl_cmd_sim_mig,
    &wtl_cmd_sim_fault,
    &wtl_cmd_sim_env,
    &wtl_cmd_sim_stop,
    &wtl_cmd_sim_calibration,
    &wtl_cmd_sim_sensors,
    NULL,
};
/* clang-format on */

int wtl_sim_cli_open(struct wtl_room *room, struct wtl_error *err)
{
    char dir[WTL_LIMIT_PATH];
    int rc = wtl_room_find(dir, err);
    return rc < 0 ? rc : wtl_room_open(dir, room, err);
}

int wtl_sim_cli_gpu(const struct wtl_room *room, const char *text, bool all, int *gpu_out,
                    struct wtl_error *err)
{
    int64_t value = all ? -1 : 0;
    unsigned n = room->head->n_gpus;
    if (text && (!wtl_parse_int(text, strlen(text), &value) || value < 0 || value >= n))
        return WTL_FAIL(err, WTL_USAGE, "there is no virtual GPU \"%s\": they are 0 to %u", text,
                        n - 1);
    *gpu_out = (int)value;
    return 0;
}

int wtl_sim_cli_library_dir(char dir_out[WTL_LIMIT_PATH], struct wtl_error *err)
{
    char path[WTL_LIMIT_PATH];
    int rc = wtl_room_library(path, err);
    if (rc < 0)
        return rc;
    *strrchr(path, '/') = '\0';
    memcpy(dir_out, path, strlen(path) + 1);
    return 0;
}

int wtl_sim_cli_ms(struct wtl_opt_quantity time)
{
    return (int)lround(time.value * 1000);
}

/* A workload's profile, by name or path, for the board that GPU `gpu` is. */
static int find_workload(const struct wtl_room *room, int gpu, const char *name,
                         struct wtl_sim_workload *out, struct wtl_error *err)
{
    WTL_ARENA(arena);
    struct wtl_sim_gpu *copy = WTL_NEW(&arena, struct wtl_sim_gpu);
    int rc = copy ? wtl_room_copy(room, (unsigned)gpu, copy, err)
                  : WTL_FAIL(err, WTL_NOMEM, "out of memory");
    return rc < 0 ? rc : wtl_sim_profile_workload(name, &copy->board, out, err);
}

int wtl_sim_cli_load(struct wtl_room *room, int gpu, const char *workload,
                     const struct wtl_sim_cli_load *load, int *pid_out, struct wtl_error *err)
{
    struct wtl_room_request r = wtl_room_request(WTL_ROOM_LOAD_START, gpu);
    struct wtl_room_load *l = &r.u.load;
    struct wtl_room_reply reply;
    if (load->period.given != load->on.given)
        return WTL_FAIL(err, WTL_USAGE, "--period and --on belong together");
    int rc = find_workload(room, gpu, workload, &l->workload, err);
    if (rc < 0)
        return rc;
    l->pid = load->pid;
    l->batch = load->batch;
    l->mps = load->mps || (load->share.given && load->share.value < 1);
    l->instance = load->instance;
    l->share = load->share.given ? load->share.value : 1;
    l->rate_per_s = load->rate.given ? load->rate.value : 0;
    l->duration_s = load->duration.given ? load->duration.value : 0;
    if (load->period.given)
        l->pattern = (struct wtl_sim_pattern){.period_ms = wtl_sim_cli_ms(load->period),
                                              .on_ms = wtl_sim_cli_ms(load->on)};
    rc = wtl_room_ask(room, &r, &reply, err);
    if (rc == 0)
        *pid_out = reply.value;
    return rc;
}

/* Without a verb; `wattle sim VERB` never comes here. */
static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    (void)ctx;
    int rc = WTL_FAIL(err, WTL_USAGE, "wattle sim needs a verb");
    wtl_error_hint(err, "wattle sim start; `wattle sim --help` lists all");
    return rc;
}

const struct wtl_command wtl_cmd_sim = {
    .name = "sim",
    .summary = "Run a virtual machine room: GPUs in real time, without hardware",
    .synopsis = "VERB [options]",
    .description =
        "A virtual machine room is a process that advances virtual GPUs in real time. Every NVML "
        "client sees them through a drop-in libnvidia-ml.so.1: wattle by itself, others after "
        "`eval \"$(wattle sim env)\"`. They have clocks, limits, processes, temperatures and "
        "sensors as real boards do, and faults on demand. Everything on them says that it is "
        "virtual.\n\n`wattle sim VERB --help` shows the options of one verb.",
    .examples = "  wattle sim start --gpu v100,a100\n"
                "  wattle sim load resnet50 -i 0 --share 50%\n"
                "  wattle sim list\n"
                "  wattle sim stop",
    .verbs = verbs,
    .max_args = 0,
    .run = run,
};
