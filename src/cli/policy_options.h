/* SPDX-License-Identifier: Apache-2.0
 *
 * The options by which every command takes an objective, limits and a baseline: one table and one
 * reading, so that they are spelt and documented alike everywhere.
 *
 *   struct my_options { ...; struct wtl_policy_options policy; };
 *   static const struct wtl_opt opts[] = {
 *       ...,
 *       WTL_POLICY_OPTS(struct my_options, policy),
 *       {0},
 *   };
 *   static const struct my_options defaults = {...}
 *   ... wtl_policy_options_read(arena, &o->policy, &overlay, err), then wtl_overlay_apply()
 */
#ifndef WTL_CLI_POLICY_OPTIONS_H
#define WTL_CLI_POLICY_OPTIONS_H

#include "cli/command.h"
#include "core/overlay.h"

struct wtl_policy_options {
    const char *objective;
    const char *baseline;
    const char *prefer;
    const char *clocks;
    struct wtl_opt_quantity max_slowdown, max_energy, min_clock_ratio, max_power, min_saving;
    struct wtl_opt_quantity confidence;
};

#define WTL_POLICY_OPT_(type_, member, field, name_, kind, arg_, unit_, lo, hi, text)              \
    {                                                                                              \
        .name = (name_), .type = (kind), .arg = (arg_), .unit = (unit_), .min = (lo), .max = (hi), \
        .offset = offsetof(type_, member) + offsetof(struct wtl_policy_options, field),            \
        .help = (text), .group = "objective and limits",                                           \
    }

#define WTL_POLICY_OPTS(type, member)                                                              \
    WTL_POLICY_OPT_(type, member, objective, "objective", WTL_OPT_STRING, "NAME", WTL_UNIT_NONE,   \
                    0, 0,                                                                          \
                    "minimise energy, time, edp, ed2p, E*t^N, weighted:W, "                        \
                    "throughput-per-watt, or a published optimization_metric (edp)"),              \
        WTL_POLICY_OPT_(type, member, max_slowdown, "max-slowdown", WTL_OPT_QUANTITY, "PERCENT",   \
                        WTL_UNIT_FRACTION, WTL_MAX_SLOWDOWN_LO, WTL_MAX_SLOWDOWN_HI,               \
                        "slowdown against the baseline may be at most this: 5% or 0.05"),          \
        WTL_POLICY_OPT_(type, member, max_energy, "max-energy", WTL_OPT_QUANTITY, "PERCENT",       \
                        WTL_UNIT_FRACTION, WTL_MAX_ENERGY_LO, WTL_MAX_ENERGY_HI,                   \
                        "energy may be at most this share of the baseline's: 90% or 0.9"),         \
        WTL_POLICY_OPT_(type, member, min_saving, "min-saving", WTL_OPT_QUANTITY, "PERCENT",       \
                        WTL_UNIT_FRACTION, WTL_MIN_SAVING_LO, WTL_MIN_SAVING_HI,                   \
                        "saving of energy must be at least this: 10% or 0.1"),                     \
        WTL_POLICY_OPT_(type, member, max_power, "max-power", WTL_OPT_QUANTITY, "WATTS",           \
                        WTL_UNIT_WATT, WTL_MAX_POWER_LO, WTL_MAX_POWER_HI,                         \
                        "mean power of a run may be at most this"),                                \
        WTL_POLICY_OPT_(type, member, min_clock_ratio, "min-clock-ratio", WTL_OPT_QUANTITY,        \
                        "PERCENT", WTL_UNIT_FRACTION, WTL_MIN_CLOCK_RATIO_LO,                      \
                        WTL_MIN_CLOCK_RATIO_HI,                                                    \
                        "clock must be at least this share of the highest: 75% or 0.75"),          \
        WTL_POLICY_OPT_(type, member, clocks, "clocks", WTL_OPT_STRING, "LIST", WTL_UNIT_NONE, 0,  \
                        0, "only these clocks, 510,525 or 510-1410:15, or a file of them"),        \
        WTL_POLICY_OPT_(type, member, baseline, "baseline", WTL_OPT_STRING, "WHAT", WTL_UNIT_NONE, \
                        0, 0,                                                                      \
                        "compare with max, default, fastest, clock:MHZ, job:ID (a job of one "     \
                        "clock) or rep:N (max)"),                                                  \
        WTL_POLICY_OPT_(type, member, prefer, "prefer", WTL_OPT_STRING, "WHICH", WTL_UNIT_NONE, 0, \
                        0, "of tied clocks take the fastest, best, least-energy or lowest-clock"), \
        WTL_POLICY_OPT_(type, member, confidence, "confidence", WTL_OPT_QUANTITY, "PERCENT",       \
                        WTL_UNIT_FRACTION, WTL_CONFIDENCE_LO, WTL_CONFIDENCE_HI,                   \
                        "confidence of intervals: 90% or 0.9 (95 %)")

/* What the options say, and nothing that they do not. Lists live in `arena`. -WTL_USAGE names the
 * option. */
int wtl_policy_options_read(struct wtl_arena *arena, const struct wtl_policy_options *options,
                            struct wtl_overlay *overlay_out, struct wtl_error *err);

#endif
