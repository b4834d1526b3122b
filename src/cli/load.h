/* SPDX-License-Identifier: Apache-2.0
 *
 * `wattle load`: what its verbs share. A verb is a command of its own ("load onnx") in a file of
 * its own (load_onnx.c) with its own option table; cmd_load.c lists them.
 */
#ifndef WTL_CLI_LOAD_H
#define WTL_CLI_LOAD_H

#include "cli/command.h"

/* How long, and how requests arrive. */
struct wtl_load_cli {
    struct wtl_opt_quantity duration, rate, warmup;
    int count; /* requests; 0: as many as there is time for */
    int seed;
};

/* What `--duration` and `--warmup` are without the option. */
#define WTL_LOAD_DEFAULTS                                                                          \
    {                                                                                              \
        .duration = {.value = 10}, .warmup = {.value = 1}, .seed = 1                               \
    }

/* Rows of option tables for the member `member`, a struct wtl_load_cli, of `type_`. */
/* clang-format off */
#define WTL_LOAD_OPTS(type_, member, rate_help)                                                    \
    {.name = "duration", .letter = 'd', .type = WTL_OPT_QUANTITY, .unit = WTL_UNIT_SECOND,         \
     .min = 0, .max = 1e9, .arg = "TIME", .offset = offsetof(type_, member.duration),              \
     .help = "how long to measure; 0s: until told to end (10s)"},                                  \
    {.name = "count", .letter = 'n', .type = WTL_OPT_INT, .min = 1, .max = 1 << 30, .arg = "N",    \
     .offset = offsetof(type_, member.count), .help = "so many requests instead"},                 \
    {.name = "rate", .type = WTL_OPT_QUANTITY, .unit = WTL_UNIT_RATE, .min = 1e-6, .max = 1e9,     \
     .arg = "RATE", .offset = offsetof(type_, member.rate), .help = rate_help},                    \
    {.name = "warmup", .type = WTL_OPT_QUANTITY, .unit = WTL_UNIT_SECOND, .min = 0, .max = 86400,  \
     .arg = "TIME", .offset = offsetof(type_, member.warmup),                                      \
     .help = "work before the measurement, which does not count (1s)"},                            \
    {.name = "seed", .type = WTL_OPT_INT, .min = 0, .max = 2147483647, .arg = "N",                 \
     .offset = offsetof(type_, member.seed), .help = "of everything that is drawn (1)"}
/* clang-format on */

#endif
