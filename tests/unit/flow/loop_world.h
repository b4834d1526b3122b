/* SPDX-License-Identifier: Apache-2.0
 *
 * What tests of the loop without a GPU share: sweep, optimize, fresh sweep and validate in one
 * process and in simulated time.
 * For one program each: everything is static.
 */
#ifndef WTL_TESTS_FLOW_LOOP_WORLD_H
#define WTL_TESTS_FLOW_LOOP_WORLD_H

#include "support/support.h"

#include "board/board_file.h"
#include "device/virtual/loads.h"
#include "flow/optimize.h"
#include "flow/validate.h"
#include "lab/sweep.h"
#include "lab/validation.h"
#include "simhost/profile.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct wtl_error err;
static struct wtl_simulated_time simulated;
/* What a test wants to see of each visit. */
static void (*visit_hook)(void *ctx, const struct wtl_sweep_progress *progress);
static void *visit_ctx;

/* Everything is in simulated time but the leases' own clock of the day, which nothing asks for. */
static inline struct wtl_flow flow_of(void)
{
    return (struct wtl_flow){
        .alloc = wtl_alloc_system(), .clock = wtl_simulated_time(&simulated).clock, .threads = 1};
}

/* One start of `wattle sweep`, or with a plan of `wattle sweep --plan`. */
static inline struct wtl_sweep_result sweep(struct wtl_arena *arena, const char *text,
                                            const char *path, const struct wtl_plan_file *of)
{
    struct wtl_sweep_spec spec;
    struct wtl_sweep_plan plan;
    struct wtl_sweep_result result;
    struct wtl_machine *machine = NULL;
    struct wtl_holder *holder = NULL;
    struct wtl_campaign *c = NULL;
    const struct wtl_flow flow = flow_of();
    assert_ok(wtl_sweep_spec_parse(arena, text, strlen(text), "spec.yaml", &spec, &err), &err);
    if (of)
        assert_ok(wtl_validation_spec(arena, &spec, of, &err), &err);
    const char *const only[] = {spec.devices.values[0], NULL};
    const struct wtl_machine_options options = {.clock = flow.clock, .nvml = "", .only = only};
    assert_ok(wtl_machine_open(flow.alloc, &options, &machine, &err), &err);
    const struct wtl_holder_options as = {.machine = machine,
                                          .clock = flow.clock,
                                          .state_dir = in_test_directory("state"),
                                          .text = "test"};
    assert_ok(wtl_holder_open(arena, &as, &holder, &err), &err);
    assert_ok(wtl_sweep_plan_make(arena, &spec, machine, &plan, &err), &err);
    if (of)
        assert_ok(wtl_validation_points(arena, &plan, of, "plan.json", &err), &err);
    assert_true(plan.simulated);
    assert_ok(wtl_campaign_open(path, WTL_CAMPAIGN_CREATE, flow.clock, &c, &err), &err);
    const struct wtl_sweep_request request = {.plan = &plan,
                                              .campaign = c,
                                              .holder = holder,
                                              .time = wtl_simulated_time(&simulated),
                                              .spec_path = "spec.yaml",
                                              .on_visit = visit_hook,
                                              .ctx = visit_ctx};
    assert_ok(wtl_sweep_run(arena, &request, &result, &err), &err);
    wtl_campaign_close(c);
    wtl_holder_close(holder);
    wtl_machine_close(machine);
    return result;
}

static inline struct wtl_plan_file optimize(struct wtl_arena *arena, const char *path)
{
    struct wtl_campaign *c = NULL;
    struct wtl_plan_file file;
    const struct wtl_flow flow = flow_of();
    const struct wtl_optimize_request request = {.n_boards = 0};
    assert_ok(wtl_campaign_open(path, WTL_CAMPAIGN_READ, flow.clock, &c, &err), &err);
    assert_ok(wtl_flow_optimize(&flow, c, &request, arena, &file, &err), &err);
    wtl_campaign_close(c);
    return file;
}

/* 0 confirmed. verdict_out: of the first plan. */
static inline int validate(struct wtl_arena *arena, const char *path,
                           const struct wtl_plan_file *plans, struct wtl_verdict *verdict_out)
{
    struct wtl_campaign *c = NULL;
    struct wtl_validations v;
    const struct wtl_flow flow = flow_of();
    const struct wtl_verdict_options options = wtl_verdict_options_default();
    assert_ok(wtl_campaign_open(path, WTL_CAMPAIGN_READ, flow.clock, &c, &err), &err);
    assert_ok(wtl_flow_validate(&flow, c, plans, &options, arena, &v, &err), &err);
    wtl_campaign_close(c);
    assert_true(v.n > 0);
    *verdict_out = v.items[0].verdict;
    return wtl_validations_status(&v);
}

#endif
