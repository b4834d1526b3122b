/* SPDX-License-Identifier: Apache-2.0
 * From probe runs and a predictor to a predicted plan. */
#include "flow/fit.h"

#include "board/board_file.h"
#include "wattle_config.h"

#include <stdio.h>

/* The published model was fitted from 510 MHz up. */
#define FGCS_X_MIN (510.0 / WTL_FGCS_F_MAX_MHZ)

static int nomem(struct wtl_error *err)
{
    return WTL_FAIL(err, WTL_NOMEM, "out of memory predicting");
}

/* ---- one plan ---- */

static int board_clocks(struct wtl_arena *arena, const char *gpu, const struct wtl_run *runs,
                        size_t n, struct wtl_clocks *out, struct wtl_error *err)
{
    struct wtl_board *boards;
    size_t n_boards;
    int mhz = 0;
    int rc = wtl_boards_load(arena, &boards, &n_boards, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < n; i++)
        mhz = runs[i].clock_mhz > mhz ? runs[i].clock_mhz : mhz;
    struct wtl_clocks seen = {.mhz = &mhz, .n = 1};
    const struct wtl_board *board = wtl_board_find(boards, n_boards, gpu);
    if (board && wtl_board_fits(board, &seen)) {
        *out = board->clocks;
        return 0;
    }
    rc = WTL_FAIL(err, WTL_USAGE, "the legal clocks of \"%s\" are not known", gpu);
    wtl_error_hint(err, "give them: --clocks \"510-1410:15\", or the output of nvidia-smi "
                        "--query-supported-clocks=gr --format=csv");
    return rc;
}

/* Clocks below all that the training saw are no candidates: there the form extrapolates. */
static struct wtl_clocks within_reach(struct wtl_clocks all, double x_min, double f_max_mhz)
{
    while (all.n > 1 && all.mhz[0] < x_min * f_max_mhz * (1 - 1e-9)) {
        all.mhz++;
        all.n--;
    }
    return all;
}

static int describe_model(struct wtl_arena *arena, const struct wtl_predictor *p, bool activity,
                          bool known, struct wtl_predicted *curves, struct wtl_error *err)
{
    const char *text = wtl_arena_printf(arena, "population of %zu sets%s, %s", p->n_trained,
                                        activity ? ", activity of the probe" : "",
                                        known ? "card seen" : "card not seen");
    if (!text)
        return nomem(err);
    curves->model = text;
    return 0;
}

/* The held-out error that applies: what was left out then is what is new now. */
static void cite_errors(const struct wtl_predictor *p, bool activity, bool known, size_t n_clocks,
                        struct wtl_plan *plan)
{
    for (size_t i = 0; i < p->n_heldout; i++) {
        const struct wtl_heldout *h = &p->heldout[i];
        if (h->method == (activity ? WTL_METHOD_ACTIVITY : WTL_METHOD_PLAIN) &&
            h->split == (known ? WTL_SPLIT_WORKLOAD : WTL_SPLIT_GPU) &&
            h->n_probes == (n_clocks >= 3 ? 3 : 1)) {
            plan->time_cv_error = h->time_median;
            plan->power_cv_error = h->power_median;
        }
    }
}

static int unusable(struct wtl_arena *arena, const struct wtl_workset *set,
                    const struct wtl_policy *policy, const char *why, struct wtl_plan *plan_out,
                    struct wtl_error *err)
{
    struct wtl_plan plan = {
        .status = WTL_PLAN_UNUSABLE, .policy = *policy, .baseline_kind = policy->baseline.kind};
    const char **note = WTL_NEW_ARRAY(arena, const char *, 1);
    if (!note || !(note[0] = wtl_arena_printf(arena, "No prediction: %s.", why)))
        return nomem(err);
    wtl_plan_name(&plan, set);
    for (size_t i = 0; i < set->n_runs; i++) {
        enum wtl_cause cause = wtl_run_main_cause(&set->runs[i]);
        plan.n_runs += cause == WTL_N_CAUSES;
        plan.n_rejected += cause != WTL_N_CAUSES;
        if (cause != WTL_N_CAUSES)
            plan.rejected[cause]++;
    }
    plan.notes = note;
    plan.n_notes = 1;
    *plan_out = plan;
    return 0;
}

/* The curves of the probe at the legal clocks. 1: the probe has no usable run, `why` says so. */
static int predict_curves(struct wtl_arena *arena, const struct wtl_predictor *predictor,
                          const struct wtl_workset *set, const struct wtl_policy *policy,
                          struct wtl_clocks legal, struct wtl_predicted *curves, bool *activity,
                          struct wtl_error *why, struct wtl_error *err)
{
    WTL_ARENA(scratch);
    struct wtl_example probe;
    struct wtl_posterior posterior;
    const struct wtl_gpu_effect *card = wtl_population_gpu(&predictor->plain, set->gpu);
    double f_max_mhz = card ? card->f_max_mhz : legal.mhz[legal.n - 1];
    int rc = wtl_example_from_runs(&scratch, set->runs, set->n_runs, f_max_mhz, &probe, why);
    if (rc < 0)
        return rc == -(int)WTL_UNDECIDED ? 1 : nomem(err);
    rc = wtl_predictor_apply(&scratch, predictor, &probe, true, &posterior, activity, err);
    legal = within_reach(legal, predictor->plain.x_min, f_max_mhz);
    if (rc == 0)
        rc = wtl_predicted_from_posterior(arena, &posterior, legal.mhz, legal.n,
                                          WTL_PREDICTED_DRAWS, policy->seed, curves, err);
    if (rc < 0)
        return rc;
    curves->n_runs = 0;
    for (size_t i = 0; i < probe.n_cells; i++)
        curves->n_runs += probe.cells[i].n;
    curves->n_probed = probe.n_cells;
    return describe_model(arena, predictor, *activity, card != NULL, curves, err);
}

static int by_fitted(struct wtl_arena *arena, const struct wtl_predictor *predictor,
                     const struct wtl_probe *probe, const struct wtl_policy *policy,
                     struct wtl_plan *plan_out, struct wtl_error *err)
{
    const struct wtl_workset *set = &probe->set;
    struct wtl_clocks legal = {policy->clocks_mhz, policy->n_clocks};
    struct wtl_predicted curves;
    struct wtl_error why = {0};
    bool activity = false;
    if (probe->unusable[0])
        return unusable(arena, set, policy, probe->unusable, plan_out, err);
    int rc =
        policy->clocks_mhz ? 0 : board_clocks(arena, set->gpu, set->runs, set->n_runs, &legal, err);
    if (rc == 0)
        rc = predict_curves(arena, predictor, set, policy, legal, &curves, &activity, &why, err);
    if (rc == 1)
        return unusable(arena, set, policy, why.message, plan_out, err);
    if (rc == 0)
        rc = wtl_optimize_predicted(arena, set->gpu, set->workload, &curves, policy, plan_out, err);
    if (rc == 0)
        wtl_plan_name(plan_out, set);
    if (rc == 0)
        cite_errors(predictor, activity, wtl_population_gpu(&predictor->plain, set->gpu) != NULL,
                    curves.n_probed, plan_out);
    return rc;
}

static int by_fgcs(struct wtl_arena *arena, const struct wtl_fgcs *fgcs, const char *gpu,
                   const char *workload, const struct wtl_policy *policy, struct wtl_plan *plan_out,
                   struct wtl_error *err)
{
    const struct wtl_run top = {.clock_mhz = WTL_FGCS_F_MAX_MHZ};
    struct wtl_clocks legal = {policy->clocks_mhz, policy->n_clocks};
    struct wtl_predicted curves;
    int rc = policy->clocks_mhz ? 0 : board_clocks(arena, gpu, &top, 1, &legal, err);
    if (rc < 0)
        return rc;
    legal = within_reach(legal, FGCS_X_MIN, WTL_FGCS_F_MAX_MHZ);
    rc = wtl_predicted_from_fgcs(arena, fgcs, legal.mhz, legal.n, &curves, err);
    return rc < 0 ? rc
                  : wtl_optimize_predicted(arena, gpu, workload, &curves, policy, plan_out, err);
}

/* ---- all plans ---- */

static int make_policy(const struct wtl_predict_request *request, const char *gpu,
                       const char *workload, struct wtl_policy *out, struct wtl_error *err)
{
    struct wtl_policy policy = wtl_policy_default();
    policy.prefer = WTL_PREFER_BEST;
    int rc = 0;
    if (request->policy)
        rc = wtl_policy_file_apply(request->policy, gpu, workload, request->category, &policy, NULL,
                                   err);
    wtl_overlay_apply(&request->options, &policy);
    if (rc == 0)
        *out = policy;
    return rc;
}

static int predict_fitted(struct wtl_arena *arena, const struct wtl_predict_request *request,
                          const struct wtl_probe *probes, size_t n, struct wtl_plan_file *file,
                          struct wtl_error *err)
{
    int rc = 0;
    file->plans = WTL_NEW_ARRAY(arena, struct wtl_plan, n + 1);
    if (!file->plans)
        return nomem(err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const struct wtl_workset *set = &probes[i].set;
        struct wtl_policy policy;
        rc = make_policy(request, set->gpu, set->workload, &policy, err);
        rc = rc ? rc
                : by_fitted(arena, request->predictor, &probes[i], &policy, &file->plans[i], err);
    }
    file->n_plans = n;
    return rc;
}

/* The accepted run at the highest clock of the first set. */
static int features_of(const struct wtl_workset *set, struct wtl_fgcs *fgcs, struct wtl_error *err)
{
    const struct wtl_run *top = NULL;
    for (size_t i = 0; i < set->n_runs; i++)
        if (set->runs[i].causes == 0 && (!top || set->runs[i].clock_mhz > top->clock_mhz))
            top = &set->runs[i];
    if (!top)
        return WTL_FAIL(err, WTL_UNDECIDED, "no run of the probe is usable");
    return wtl_fgcs_from_run(top, fgcs, err);
}

static int predict_published(struct wtl_arena *arena, const struct wtl_predict_request *request,
                             const struct wtl_probe *probes, struct wtl_plan_file *file,
                             struct wtl_error *err)
{
    struct wtl_fgcs fgcs = {0};
    struct wtl_policy policy;
    const char *gpu = request->gpu ? request->gpu : "V100";
    const char *workload = request->workload ? request->workload : "unnamed";
    if (request->features)
        fgcs = *request->features;
    int rc = probes ? features_of(&probes[0].set, &fgcs, err) : 0;
    if (probes)
        workload = probes[0].set.workload;
    file->plans = WTL_NEW(arena, struct wtl_plan);
    if (rc == 0 && !file->plans)
        rc = nomem(err);
    rc = rc ? rc : make_policy(request, gpu, workload, &policy, err);
    file->n_plans = 1;
    return rc ? rc : by_fgcs(arena, &fgcs, gpu, workload, &policy, file->plans, err);
}

int wtl_flow_predict(const struct wtl_flow *flow, const struct wtl_predict_request *request,
                     struct wtl_arena *arena, struct wtl_plan_file *file_out, struct wtl_error *err)
{
    struct wtl_probe *probes = NULL;
    size_t n = 0;
    char created[32];
    int rc = 0;
    if (request->predictor && !request->probe)
        rc = WTL_FAIL(err, WTL_USAGE, "a fitted model needs a probe: runs at one or more clocks");
    else if (!request->predictor && !request->probe == !request->features)
        rc = WTL_FAIL(err, WTL_USAGE,
                      WTL_FGCS_NAME " needs either a probe or the activity and time of a run");
    if (rc == 0 && request->probe)
        rc = wtl_flow_probe(flow, request->probe, request->gpu, request->workload, request->at,
                            arena, &probes, &n, err);
    if (rc < 0)
        return rc;
    wtl_format_utc(flow->clock.wall_ns(flow->clock.ctx), created, sizeof created);
    struct wtl_plan_file file = {.tool = "wattle " WTL_VERSION,
                                 .created = wtl_arena_strdup(arena, created),
                                 .campaign =
                                     wtl_arena_strdup(arena, request->probe ? request->probe : ""),
                                 .fingerprint = ""};
    if (!file.created || !file.campaign)
        return nomem(err);
    rc = request->predictor ? predict_fitted(arena, request, probes, n, &file, err)
                            : predict_published(arena, request, probes, &file, err);
    if (rc == 0 && probes)
        rc = wtl_flow_probe_origin(flow, request->probe, probes, arena, &file, err);
    if (rc == 0)
        *file_out = file;
    return rc;
}

int wtl_predictions_status(const struct wtl_plan_file *file)
{
    size_t infeasible = 0;
    for (size_t i = 0; i < file->n_plans; i++)
        infeasible += file->plans[i].status == WTL_PLAN_INFEASIBLE;
    return infeasible && infeasible == file->n_plans ? -(int)WTL_INFEASIBLE : 0;
}
