/* SPDX-License-Identifier: Apache-2.0
 *
 * What commands share that measure for as long as another one runs, or for a span of time: `wattle
 * stat` and `wattle record`. Their options are one table, spelt and documented alike.
 *
 *   struct options { ...; struct wtl_measuring measuring; };
 *   static const struct wtl_opt opts[] = {..., WTL_MEASURING_OPTS(struct options, measuring), {0}};
 */
#ifndef WTL_CLI_MEASURING_H
#define WTL_CLI_MEASURING_H

#include "cli/command.h"
#include "flow/stat.h"

#include <jansson.h>

struct wtl_measuring {
    struct wtl_opt_list ids;
    struct wtl_opt_quantity baseline, duration, interval, tdp;
    bool no_estimate, no_markers;
};

#define WTL_MEASURING_OPT_(type_, member, field, name_, letter_, kind, arg_, unit_, lo, hi, text)  \
    {                                                                                              \
        .name = (name_), .letter = (letter_), .type = (kind), .arg = (arg_), .unit = (unit_),      \
        .min = (lo), .max = (hi),                                                                  \
        .offset = offsetof(type_, member) + offsetof(struct wtl_measuring, field), .help = (text), \
    }

#define WTL_MEASURING_OPTS(type, member)                                                           \
    WTL_MEASURING_OPT_(                                                                            \
        type, member, ids, "device", 'i', WTL_OPT_LIST, "ID", WTL_UNIT_NONE, 0, 0,                 \
        "measure this device (may be repeated); default: all that tell energy or power"),          \
        WTL_MEASURING_OPT_(type, member, duration, "for", 'd', WTL_OPT_QUANTITY, "TIME",           \
                           WTL_UNIT_SECOND, 0.01, 1e9,                                             \
                           "without a command: end after so long; default: when told to "          \
                           "(Ctrl-C)"),                                                            \
        WTL_MEASURING_OPT_(type, member, baseline, "baseline", 0, WTL_OPT_QUANTITY, "TIME",        \
                           WTL_UNIT_SECOND, 0.5, 3600,                                             \
                           "measure power for so long before, and show that as the idle share"),   \
        WTL_MEASURING_OPT_(type, member, interval, "interval", 0, WTL_OPT_QUANTITY, "TIME",        \
                           WTL_UNIT_SECOND, 0.001, 60,                                             \
                           "time between readings; default: as the sensors need it"),              \
        WTL_MEASURING_OPT_(type, member, tdp, "tdp", 0, WTL_OPT_QUANTITY, "POWER", WTL_UNIT_WATT,  \
                           1, 1e5,                                                                 \
                           "thermal design power of the CPUs, for the estimate where they have "   \
                           "no sensor; default 4 W a CPU"),                                        \
        WTL_MEASURING_OPT_(type, member, no_estimate, "no-estimate", 0, WTL_OPT_FLAG, NULL,        \
                           WTL_UNIT_NONE, 0, 0,                                                    \
                           "leave CPUs without a sensor out instead of estimating them"),          \
        WTL_MEASURING_OPT_(type, member, no_markers, "no-markers", 0, WTL_OPT_FLAG, NULL,          \
                           WTL_UNIT_NONE, 0, 0,                                                    \
                           "do not listen to the command's markers (docs/markers.md)")

struct wtl_stat_options wtl_measuring_options(const struct wtl_context *ctx,
                                              const struct wtl_measuring *o);

/* -WTL_USAGE where options do not go together. */
int wtl_measuring_check(const struct wtl_context *ctx, const struct wtl_measuring *o,
                        struct wtl_error *err);

/* Of a span that has begun: runs the command, to which markers are told, until its end; without
 * one waits for --for, a signal, or until over(over_ctx) (looked at often; NULL: never). As
 * wtl_child_run(): 0 where a signal kept the command from being run, so that nothing was measured,
 * else 1; ctx->child_status is set. */
int wtl_measuring_wait(struct wtl_context *ctx, const struct wtl_measuring *o,
                       bool (*over)(const void *ctx), const void *over_ctx,
                       const struct wtl_stat *stat, struct wtl_error *err);

/* At the end: a signal that was noted and that no command got has its usual effect, and may not
 * return. Without a command it has had its effect: the span ended. */
void wtl_measuring_leave(const struct wtl_context *ctx);

/* Document of the result with the command and its exit status; NULL: out of memory. */
json_t *wtl_measuring_json(const struct wtl_context *ctx, const struct wtl_stat_result *result);

#endif
