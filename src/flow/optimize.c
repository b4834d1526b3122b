/* SPDX-License-Identifier: Apache-2.0
 * Campaign to plans. */
#include "flow/optimize.h"

#include "core/gpu_name.h"
#include "flow/identity.h"
#include "optimize/clock.h"
#include "wattle_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int no_memory(struct wtl_error *err)
{
    return WTL_FAIL(err, WTL_NOMEM, "out of memory");
}

/* ---- Legal clocks -----------------------------------------------------------------------------*/

static int ascending(const void *a, const void *b)
{
    const int *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Distinct clocks that were asked for in the runs. */
static int clocks_of_runs(struct wtl_arena *arena, const struct wtl_workset *set,
                          struct wtl_clocks *out, struct wtl_error *err)
{
    int *mhz = WTL_NEW_ARRAY(arena, int, set->n_runs + 1);
    size_t n = 0, distinct = 0;
    if (!mhz)
        return no_memory(err);
    for (size_t i = 0; i < set->n_runs; i++)
        if (set->runs[i].clock_mhz > 0)
            mhz[n++] = set->runs[i].clock_mhz;
    qsort(mhz, n, sizeof *mhz, ascending);
    for (size_t i = 0; i < n; i++)
        if (distinct == 0 || mhz[i] != mhz[distinct - 1])
            mhz[distinct++] = mhz[i];
    *out = (struct wtl_clocks){mhz, distinct};
    return 0;
}

/* The board by the name in the traces where they hold one, else by the GPU's name; NULL when no
 * board is known or the clocks are not its own. */
static const struct wtl_board *board_of(const struct wtl_optimize_request *request,
                                        const struct wtl_workset *set,
                                        const struct wtl_clocks *measured)
{
    const struct wtl_board *board = NULL;
    bool named = false; /* a board by its full name: a short one may be another's */
    for (size_t i = 0; i < set->n_runs && !board; i++) {
        char model[WTL_LIMIT_NAME], said[WTL_LIMIT_NAME];
        wtl_gpu_model(set->runs[i].device, model, sizeof model);
        wtl_gpu_short_name(set->runs[i].device, said, sizeof said);
        named = named || strcmp(model, said) != 0;
        if (set->runs[i].device[0])
            board = wtl_board_find(request->boards, request->n_boards, set->runs[i].device);
    }
    if (!board && !named)
        board = wtl_board_find(request->boards, request->n_boards, set->gpu);
    return board && wtl_board_fits(board, measured) ? board : NULL;
}

/* Clocks of `wanted` within the measured range that the board (may be NULL) has. */
static int keep_legal(struct wtl_arena *arena, const struct wtl_clocks *wanted,
                      const struct wtl_clocks *measured, const struct wtl_board *board,
                      struct wtl_clocks *out, struct wtl_error *err)
{
    int *mhz = WTL_NEW_ARRAY(arena, int, wanted->n + 1);
    size_t n = 0;
    if (!mhz)
        return no_memory(err);
    for (size_t i = 0; i < wanted->n && measured->n; i++) {
        int clock = wanted->mhz[i];
        if (clock >= measured->mhz[0] && clock <= measured->mhz[measured->n - 1] &&
            (!board || wtl_clocks_contain(&board->clocks, clock)))
            mhz[n++] = clock;
    }
    *out = (struct wtl_clocks){mhz, n};
    return 0;
}

static const char *legal_note(struct wtl_arena *arena, const struct wtl_clocks *wanted,
                              const struct wtl_clocks *legal, const struct wtl_clocks *measured,
                              const struct wtl_board *board)
{
    if (legal->n == wanted->n || measured->n == 0)
        return NULL;
    return wtl_arena_printf(
        arena, "%zu of the %zu clocks asked for were left out: the runs cover %d to %d MHz%s%s.",
        wanted->n - legal->n, wanted->n, measured->mhz[0], measured->mhz[measured->n - 1],
        board ? ", and only clocks of the board are allowed: " : "", board ? board->name : "");
}

int wtl_flow_policy(const struct wtl_optimize_request *request, const struct wtl_workset *set,
                    struct wtl_arena *arena, struct wtl_policy *policy_out, const char **note_out,
                    struct wtl_error *err)
{
    struct wtl_policy policy = wtl_policy_default();
    struct wtl_clocks measured = {0}, legal = {0};
    int rc = 0;
    if (request->policy)
        rc = wtl_policy_file_apply(request->policy, set->gpu, set->workload, request->category,
                                   &policy, NULL, err);
    if (rc == 0)
        rc = clocks_of_runs(arena, set, &measured, err);
    if (rc < 0)
        return rc;
    wtl_overlay_apply(&request->options, &policy);
    /* The published method knows no board. */
    const struct wtl_board *board =
        policy.baseline.kind == WTL_BASELINE_REP ? NULL : board_of(request, set, &measured);
    struct wtl_clocks wanted = measured;
    rc = keep_legal(arena, &measured, &measured, board, &legal, err);
    if (rc == 0 && policy.clocks_mhz) {
        /* A shorter list of clocks to choose from does not lower the baseline. */
        if (policy.baseline.kind == WTL_BASELINE_MAX && legal.n)
            policy.baseline.clock_mhz = legal.mhz[legal.n - 1];
        wanted = (struct wtl_clocks){policy.clocks_mhz, policy.n_clocks};
        rc = keep_legal(arena, &wanted, &measured, board, &legal, err);
    }
    if (rc < 0)
        return rc;
    policy.clocks_mhz = legal.mhz;
    policy.n_clocks = legal.n;
    if (policy.baseline.kind == WTL_BASELINE_DEFAULT && board)
        policy.baseline.clock_mhz = board->default_clock_mhz;
    *note_out = legal_note(arena, &wanted, &legal, &measured, board);
    *policy_out = policy;
    return 0;
}

/* ---- Plans ------------------------------------------------------------------------------------*/

static int add_note(struct wtl_arena *arena, struct wtl_plan *plan, const char *note,
                    struct wtl_error *err)
{
    if (!note)
        return 0;
    const char **notes = WTL_NEW_ARRAY(arena, const char *, plan->n_notes + 1);
    if (!notes)
        return no_memory(err);
    if (plan->n_notes)
        memcpy(notes, plan->notes, plan->n_notes * sizeof *notes);
    notes[plan->n_notes] = note;
    plan->notes = notes;
    plan->n_notes++;
    return 0;
}

/* No clock of the list was measured: an answer without a computation. */
static void nothing_legal(const struct wtl_workset *set, const struct wtl_policy *policy,
                          struct wtl_plan *plan)
{
    *plan = (struct wtl_plan){
        .status = WTL_PLAN_INFEASIBLE,
        .policy = *policy,
        .baseline_kind = policy->baseline.kind,
    };
    wtl_plan_name(plan, set);
    for (size_t i = 0; i < set->n_runs; i++) {
        enum wtl_cause cause = wtl_run_main_cause(&set->runs[i]);
        if (cause == WTL_N_CAUSES)
            plan->n_runs++;
        else
            plan->rejected[cause]++;
    }
    plan->n_rejected = (int)set->n_runs - plan->n_runs;
    strcpy(plan->binding, "the list of clocks");
    strcpy(plan->relaxation, "allow a clock that the GPU has and that the runs cover");
}

static bool any_clock_is_known(const struct wtl_workset *set)
{
    for (size_t i = 0; i < set->n_runs; i++)
        if (set->runs[i].clock_mhz > 0)
            return true;
    return false;
}

/* Why the set as a whole measures nothing; left alone where it does. */
static int find_unusable(struct wtl_arena *arena, const struct wtl_workset *set,
                         const char **reason_out, struct wtl_error *err)
{
    struct wtl_quality quality = {0};
    struct wtl_arena scratch;
    wtl_arena_init(&scratch, arena->alloc);
    int rc = wtl_judge_set(&scratch, set, &quality, err);
    wtl_arena_fini(&scratch);
    if (rc < 0)
        return rc;
    const char *reason = quality.usable ? "the clock of no run is known" : quality.reason;
    if (quality.usable && any_clock_is_known(set))
        return 0;
    *reason_out = wtl_arena_strdup(arena, reason);
    return *reason_out ? 0 : no_memory(err);
}

int wtl_flow_plan(struct wtl_arena *arena, const struct wtl_workset *set,
                  const struct wtl_policy *policy, const char *note, struct wtl_plan *plan_out,
                  struct wtl_error *err)
{
    struct wtl_plan plan = {0};
    const char *unusable = NULL;
    char labelled[300];
    int rc = find_unusable(arena, set, &unusable, err);
    if (rc == 0 && !unusable && policy->clocks_mhz && policy->n_clocks == 0)
        nothing_legal(set, policy, &plan);
    else if (rc == 0)
        rc = wtl_optimize_clock(arena, set, policy, unusable, &plan, err);
    if (rc == 0)
        rc = add_note(arena, &plan, note, err);
    if (rc == 0 && plan.energy_class == WTL_CLASS_D)
        rc = add_note(arena, &plan,
                      "Energy is an estimate from the thermal design power, class D: joules can be "
                      "off by a factor of 2, and savings are those of the estimate.",
                      err);
    for (int i = 0; rc == 0 && i < 2; i++) {
        if (!(i ? wtl_describe_correction : wtl_describe_labelled)(set, labelled, sizeof labelled))
            continue;
        const char *kept = wtl_arena_strdup(arena, labelled);
        rc = kept ? add_note(arena, &plan, kept, err) : no_memory(err);
    }
    if (rc < 0) {
        wtl_error_context(err, "%s on %s", set->workload, set->gpu);
        return rc;
    }
    *plan_out = plan;
    return 0;
}

int wtl_flow_plan_head(const struct wtl_flow *flow, struct wtl_campaign *c, struct wtl_arena *arena,
                       struct wtl_plan_file *file_out, struct wtl_error *err)
{
    char fingerprint[65], created[24];
    int rc = wtl_campaign_fingerprint(c, fingerprint, err);
    if (rc < 0)
        return rc;
    wtl_format_utc(flow->clock.wall_ns(flow->clock.ctx), created, sizeof created);
    struct wtl_plan_file file = {
        .tool = "wattle " WTL_VERSION,
        .created = wtl_arena_strdup(arena, created),
        .campaign = wtl_arena_strdup(arena, wtl_campaign_path(c)),
        .fingerprint = wtl_arena_strdup(arena, fingerprint),
    };
    if (!file.created || !file.campaign || !file.fingerprint)
        return no_memory(err);
    *file_out = file;
    return 0;
}

/* The sets that a plan can be made for. */
static int keep_clocked(struct wtl_arena *arena, struct wtl_workset **sets, size_t *n,
                        struct wtl_error *err)
{
    struct wtl_workset *kept = WTL_NEW_ARRAY(arena, struct wtl_workset, *n + 1);
    size_t k = 0;
    if (!kept)
        return no_memory(err);
    for (size_t i = 0; i < *n; i++)
        if (wtl_flow_has_plan(&(*sets)[i]))
            kept[k++] = (*sets)[i];
    *sets = kept;
    *n = k;
    return 0;
}

int wtl_flow_optimize(const struct wtl_flow *flow, struct wtl_campaign *c,
                      const struct wtl_optimize_request *request, struct wtl_arena *arena,
                      struct wtl_plan_file *file_out, struct wtl_error *err)
{
    struct wtl_workset *sets;
    struct wtl_plan_file file;
    size_t n;
    int rc = wtl_flow_worksets(flow, c, &request->filter, arena, &sets, &n, err);
    if (rc == 0 && n == 0)
        rc = wtl_flow_no_runs(flow, c, &request->filter, err);
    if (rc == 0)
        rc = wtl_flow_plan_head(flow, c, arena, &file, err);
    if (rc < 0)
        return rc;
    rc = wtl_flow_points(request, sets, n, arena, &file.choices, &file.n_choices, err);
    rc = rc ? rc : wtl_flow_choices_made_from(c, arena, sets, n, file.choices, file.n_choices, err);
    rc = rc ? rc : keep_clocked(arena, &sets, &n, err);
    if (rc < 0)
        return rc;
    file.plans = WTL_NEW_ARRAY(arena, struct wtl_plan, n + 1);
    if (!file.plans)
        return no_memory(err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct wtl_policy policy;
        const char *note = NULL;
        wtl_progress(flow->log, "optimising", (int64_t)i, (int64_t)n, 0);
        rc = wtl_flow_policy(request, &sets[i], arena, &policy, &note, err);
        if (rc == 0)
            rc = wtl_flow_plan(arena, &sets[i], &policy, note, &file.plans[i], err);
    }
    rc = rc ? rc : wtl_flow_made_from(c, arena, sets, n, file.plans, err);
    if (rc < 0)
        return rc;
    wtl_progress(flow->log, "optimising", (int64_t)n, (int64_t)n, 0);
    file.n_plans = n;
    *file_out = file;
    return 0;
}

int wtl_plans_status(const struct wtl_plan *plans, size_t n)
{
    size_t ok = 0, infeasible = 0, undecided = 0;
    for (size_t i = 0; i < n; i++) {
        ok += plans[i].status == WTL_PLAN_OK;
        infeasible += plans[i].status == WTL_PLAN_INFEASIBLE;
        undecided += plans[i].status == WTL_PLAN_UNDECIDED;
    }
    if (ok)
        return 0;
    return infeasible && !undecided ? -(int)WTL_INFEASIBLE : -(int)WTL_UNDECIDED;
}

int wtl_plan_file_status(const struct wtl_plan_file *file)
{
    size_t infeasible = 0;
    for (size_t i = 0; i < file->n_choices; i++) {
        if (file->choices[i].status == WTL_PLAN_OK)
            return 0;
        infeasible += file->choices[i].status == WTL_PLAN_INFEASIBLE;
    }
    if (file->n_plans || !infeasible)
        return wtl_plans_status(file->plans, file->n_plans);
    return -(int)WTL_INFEASIBLE;
}
