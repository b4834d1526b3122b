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

/* Rows of option tables: which virtual GPU, and a load as a member
 * of `type_`, the verb's option struct. */
/* clang-format off */
#define WTL_SIM_OPT_GPU(type_, member, text)                                                       \
    {.name = "id", .letter = 'i', .type = WTL_OPT_STRING, .arg = "GPU",                            \
     .offset = offsetof(type_, member), .help = text}
#define WTL_SIM_OPT_SHARE(type_, member, text)                                                     \
    {.name = "share", .type = WTL_OPT_QUANTITY, .unit = WTL_UNIT_FRACTION, .min = 0.01, .max = 1,  \
     .arg = "SHARE", .offset = offsetof(type_, member.share), .help = text}
#define WTL_SIM_OPT_BATCH(type_, member, text)                                                     \
    {.name = "batch", .type = WTL_OPT_INT, .min = 1, .max = 1 << 20, .arg = "N",                   \
     .offset = offsetof(type_, member.batch), .help = text}
#define WTL_SIM_OPT_RATE(type_, member, text)                                                      \
    {.name = "rate", .type = WTL_OPT_QUANTITY, .unit = WTL_UNIT_RATE, .min = 0, .max = 1e9,        \
     .arg = "RATE", .offset = offsetof(type_, member.rate), .help = text}
/* clang-format on */

/* A time in whole milliseconds. */
int wtl_sim_cli_ms(struct wtl_opt_quantity time);

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
