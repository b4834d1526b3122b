/* SPDX-License-Identifier: Apache-2.0
 * `wattle sim stop` and `env`. */
#include "cli/sim.h"

#include "codec/json.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

/* Waits until nobody holds the room; that did not happen in five seconds: -WTL_TIMEOUT. */
static int wait_end(const char *dir, int pid, struct wtl_error *err)
{
    const struct timespec pause = {.tv_nsec = 5000000};
    for (int i = 0; i < 1000; i++) {
        if (!wtl_room_alive(dir))
            return 0;
        nanosleep(&pause, NULL);
    }
    int rc = WTL_FAIL(err, WTL_TIMEOUT, "the machine room (process %d) did not end in 5 s", pid);
    wtl_error_hint(err, "kill -9 %d; the next `wattle sim start` cleans up after it", pid);
    return rc;
}

/* A room of another version understands no request of ours. */
static int stop_other_version(const char *dir, int *pid_out, struct wtl_error *err)
{
    int rc = wtl_room_terminate(dir, pid_out, err);
    return rc ? rc : wait_end(dir, *pid_out, err);
}

static int stop(const char *dir, int *pid_out, unsigned *n_gpus_out, struct wtl_error *err)
{
    struct wtl_room room = {0};
    struct wtl_room_request request = wtl_room_request(WTL_ROOM_STOP, -1);
    struct wtl_error why = {0};
    int rc = wtl_room_open(dir, &room, &why);
    if (rc == -(int)WTL_CORRUPT)
        return stop_other_version(dir, pid_out, err);
    if (rc < 0) {
        *err = why;
        return rc;
    }
    *pid_out = (int)room.head->host_pid;
    *n_gpus_out = room.head->n_gpus;
    rc = wtl_room_ask(&room, &request, NULL, err);
    if (rc == 0 || rc == -(int)WTL_TIMEOUT)
        rc = wait_end(dir, *pid_out, err);
    wtl_room_close(&room);
    return rc;
}

static int run_stop(struct wtl_context *ctx, struct wtl_error *err)
{
    char dir[WTL_LIMIT_PATH];
    int pid = 0;
    unsigned n = 0; /* of another version: not known */
    int rc = wtl_room_find(dir, err);
    rc = rc ? rc : stop(dir, &pid, &n, err);
    if (rc < 0)
        return rc;
    if (ctx->json)
        return wtl_print_json(ctx, json_pack("{s:i}", "stopped", pid), err);
    if (n > 0)
        fprintf(ctx->out, "the virtual machine room with %u GPU%s is gone\n", n, wtl_plural(n));
    else
        fprintf(ctx->out, "the virtual machine room of another version of Wattle is gone\n");
    return 0;
}

const struct wtl_command wtl_cmd_sim_stop = {
    .name = "sim stop",
    .summary = "End the virtual machine room",
    .synopsis = "",
    .description =
        "Ends the machine room with all its loads and takes away its files. For root and "
        "for who started it. SIGTERM to its process does the same.",
    .examples = "  wattle sim stop",
    .max_args = 0,
    .run = run_stop,
};

static int run_env(struct wtl_context *ctx, struct wtl_error *err)
{
    char library[WTL_LIMIT_PATH], dir[WTL_LIMIT_PATH];
    int rc = wtl_sim_cli_library_dir(library, err);
    if (rc < 0)
        return rc;
    if (wtl_room_find(dir, NULL) < 0 && ctx->verbosity >= 0)
        fprintf(ctx->messages, "note: no machine room is running; NVML clients will find no driver "
                               "until `wattle sim start`\n");
    if (ctx->json)
        return wtl_print_json(ctx, json_pack("{s:o}", "LD_LIBRARY_PATH", wtl_json_text(library)),
                              err);
    fputs("export LD_LIBRARY_PATH='", ctx->out);
    for (const char *p = library; *p; p++) {
        if (*p == '\'')
            fputs("'\\''", ctx->out);
        else
            fputc(*p, ctx->out);
    }
    fputs("'${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}\n", ctx->out);
    return 0;
}

const struct wtl_command wtl_cmd_sim_env = {
    .name = "sim env",
    .summary = "Print what makes other programs see the virtual GPUs",
    .synopsis = "",
    .description = "Prints a line for the shell that puts the drop-in libnvidia-ml.so.1 before the "
                   "system's, for programs that load it by that name. Nothing is changed outside "
                   "that shell. Wattle itself does not need it.",
    .examples = "  eval \"$(wattle sim env)\"",
    .max_args = 0,
    .run = run_env,
};
