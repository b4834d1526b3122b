/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans for people: one table over all, then per workload what somebody needs who has to decide at
 * three in the morning.
 */
#ifndef WTL_CLI_PLAN_TEXT_H
#define WTL_CLI_PLAN_TEXT_H

#include "cli/command.h"
#include "optimize/cost.h"
#include "store/plan_file.h"

/* gpu, workload, status, clock, saving and slowdown with intervals, runs used and rejected. */
int wtl_print_plan_table(struct wtl_context *ctx, const struct wtl_plan_file *file,
                         struct wtl_error *err);

/* The details of every plan. `terms` (may be NULL) adds what the saving is worth. */
void wtl_print_plan_details(struct wtl_context *ctx, const struct wtl_plan_file *file,
                            const struct wtl_cost_terms *terms);

/* Plans of the published method: the headline and what is wrong with it. Nothing for others. */
void wtl_print_published(struct wtl_context *ctx, const struct wtl_plan_file *file);

/* A fraction in percent that does not print as "-0.0". */
double wtl_percent(double fraction);

/* "21.9 % (19.3 to 24.6)", "-" when there is none; buf of at least 60 bytes. */
const char *wtl_format_percent(const struct wtl_estimate *e, char *buf, size_t size);

/* "200.0 kWh (100.0 to 300.0), 60.00 in money (30.00 to 90.00), 80.00 kg CO2 (...)" a year; buf of
 * WTL_COST_TEXT bytes. Returns buf. */
enum { WTL_COST_TEXT = 512 };
const char *wtl_format_cost(const struct wtl_cost *cost, char *buf, size_t size);

#endif
