/* SPDX-License-Identifier: Apache-2.0
 *
 * `wattle sim`: what its verbs share. A verb is a command of its own ("sim start") with its own
 * option table; cmd_sim.c lists them.
 */
#ifndef WTL_CLI_SIM_H
#define WTL_CLI_SIM_H

#include "cli/command.h"
#include "cli/table.h"
#include "simhost/client.h"

/* The running room, opened. */
int wtl_sim_cli_open(struct wtl_room *room, struct wtl_error *err);

/* A load as options describe it. */
struct wtl_sim_cli_load {
    int batch;
    struct wtl_opt_quantity share, rate, duration, period, on;
    bool mps;
    int pid, instance;
};

/* Starts it; *pid_out is its process. */
int wtl_sim_cli_load(struct wtl_room *room, int gpu, const char *workload,
                     const struct wtl_sim_cli_load *load, int *pid_out, struct wtl_error *err);

/* "0" to "31" of a room; -1 for NULL when `all` is allowed. -WTL_USAGE. */
int wtl_sim_cli_gpu(const struct wtl_room *room, const char *text, bool all, int *gpu_out,
                    struct wtl_error *err);

/* A table of MIG instances, and a GPU's instances as its rows and as JSON. NULL: out of memory. */
struct wtl_table *wtl_sim_cli_instances(struct wtl_arena *arena);
json_t *wtl_sim_cli_add_instances(const struct wtl_sim_gpu *gpu, struct wtl_table *table);

/* The folder of the drop-in library, for LD_LIBRARY_PATH. */
int wtl_sim_cli_library_dir(char dir_out[WTL_LIMIT_PATH], struct wtl_error *err);

#endif
