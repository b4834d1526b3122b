/* SPDX-License-Identifier: Apache-2.0
 *
 * Options of the commands that make plans from a campaign, beyond those of policy_options.h: policy
 * files, load, the bootstrap; and what a saving is worth in a year.
 */
#ifndef WTL_CLI_PLAN_OPTIONS_H
#define WTL_CLI_PLAN_OPTIONS_H

#include "cli/command.h"
#include "cli/policy_options.h"
#include "flow/optimize.h"
#include "optimize/cost.h"

struct wtl_plan_options {
    struct wtl_policy_options policy;
    const char *file, *category;
    struct wtl_opt_list slo;
    struct wtl_opt_quantity rate;
    int replicates, seed; /* -1: not given */
};

#define WTL_PLAN_OPTIONS_DEFAULT                                                                   \
    {                                                                                              \
        .replicates = -1, .seed = -1                                                               \
    }

/* What money and CO2 a saving is worth, and in how much work. */
struct wtl_cost_options {
    struct wtl_opt_quantity price, carbon, runs, hours;
};

/* clang-format off */
#define WTL_PLAN_OPTS(type_, member)                                                               \
    WTL_POLICY_OPTS(type_, member.policy),                                                         \
    {.name = "policy", .type = WTL_OPT_STRING, .arg = "FILE",                                      \
     .offset = offsetof(type_, member.file),                                                       \
     .help = "policy file, or a preset: published-000, published-001, published-config, "          \
             "categories; options override it"},                                                   \
    {.name = "category", .type = WTL_OPT_STRING, .arg = "NAME",                                    \
     .offset = offsetof(type_, member.category),                                                   \
     .help = "category of the policy file for workloads that it does not name"},                   \
    {.name = "rate", .type = WTL_OPT_QUANTITY, .unit = WTL_UNIT_RATE, .min = WTL_RATE_LO, .max = WTL_RATE_HI,     \
     .arg = "RATE", .offset = offsetof(type_, member.rate),                                        \
     .help = "runs arrive at this rate: idle energy between them counts"},                         \
    {.name = "slo", .type = WTL_OPT_LIST, .arg = "pN=TIME", .offset = offsetof(type_, member.slo), \
     .help = "latency that requests must keep: p99=200ms; may be repeated"},                       \
    {.name = "replicates", .type = WTL_OPT_INT, .min = 100, .max = WTL_LIMIT_REPLICATES,            \
     .arg = "N", .offset = offsetof(type_, member.replicates),                                     \
     .help = "of the bootstrap (1000)", .group = "statistics"},                                    \
    {.name = "seed", .type = WTL_OPT_INT, .min = 0, .max = 2147483647, .arg = "N",                 \
     .offset = offsetof(type_, member.seed),                                                       \
     .help = "of the bootstrap: same seed, same figures (1)"}

#define WTL_COST_OPT_(type_, member, field, name_, arg_, text)                                     \
    {.name = name_, .type = WTL_OPT_QUANTITY, .min = 0, .max = 1e15, .arg = arg_, .help = text,    \
     .offset = offsetof(type_, member.field), .group = "what a saving is worth"}
#define WTL_COST_OPTS(type_, member)                                                               \
    WTL_COST_OPT_(type_, member, price, "price", "PRICE",                                          \
        "of a kilowatt-hour, in any currency: savings as money a year"),                           \
    WTL_COST_OPT_(type_, member, carbon, "carbon", "GRAMS",                                        \
        "of CO2 a kilowatt-hour: savings as CO2 a year"),                                          \
    WTL_COST_OPT_(type_, member, runs, "runs-per-year", "N",                                       \
        "runs of each workload on each GPU in a year"),                                            \
    WTL_COST_OPT_(type_, member, hours, "busy-hours", "HOURS",                                     \
        "in a year that a GPU works, at its baseline clock (8760)")
/* clang-format on */

/* Fills policy, category, options and boards of a request; loads the policy file and the shipped
 * boards into `arena`. -WTL_USAGE names the option. */
int wtl_plan_options_read(struct wtl_arena *arena, const struct wtl_plan_options *o,
                          struct wtl_optimize_request *request_out, struct wtl_error *err);

/* Whether any of them was given; the terms. */
bool wtl_cost_options_read(const struct wtl_cost_options *o, struct wtl_cost_terms *terms_out);

/* Warns that the JSON of this command, which is all it prints, has no place for such figures. */
void wtl_cost_options_not_in_json(const struct wtl_context *ctx, const struct wtl_cost_options *o);

#endif
