/* SPDX-License-Identifier: Apache-2.0
 * From probe runs and a predictor to a predicted plan. */
#include "flow/fit.h"

#include "base/file.h"
#include "store/board_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The published model was fitted from 510 MHz up. */
#define FGCS_X_MIN (510.0 / WTL_FGCS_F_MAX_MHZ)

static int nomem(struct wtl_error *err)
{
    return WTL_FAIL(err, WTL_NOMEM, "out of memory predicting");
}

/* ---- the probe ---- */

static int is_campaign(const char *path, bool *out, struct wtl_error *err)
{
    static const char magic[16] = "SQLite format 3";
    char head[sizeof magic] = {0};
    FILE *f = fopen(path, "rb");
    if (!f)
        return wtl_fail_errno(err, errno, "open", path);
    size_t n = fread(head, 1, sizeof head, f);
    bool failed = ferror(f) != 0;
    (void)fclose(f);
    if (failed)
        return WTL_FAIL(err, WTL_IO, "cannot read \"%s\"", path);
    *out = n == sizeof head && memcmp(head, magic, sizeof magic) == 0;
    return 0;
}

static int open_sets(const struct wtl_flow *flow, const char *path,
                     const struct wtl_import_options *import, const struct wtl_run_filter *filter,
                     struct wtl_arena *arena, struct wtl_workset **sets_out, size_t *n_out,
                     struct wtl_error *err)
{
    struct wtl_campaign *c = NULL;
    struct wtl_import_result imported;
    enum wtl_campaign_mode mode = import ? WTL_CAMPAIGN_CREATE : WTL_CAMPAIGN_READ;
    int rc = wtl_campaign_open(path, mode, flow->clock, &c, err);
    if (rc == 0 && import)
        rc = wtl_flow_import(flow, c, import, arena, &imported, err);
    if (rc == 0)
        rc = wtl_flow_worksets(flow, c, filter, arena, sets_out, n_out, err);
    wtl_campaign_close(c);
    return rc;
}

/* A file that is no campaign goes through one that lives as long as this call. */
static int import_sets(const struct wtl_flow *flow, const char *path,
                       const struct wtl_run_filter *filter, struct wtl_arena *arena,
                       struct wtl_workset **sets_out, size_t *n_out, struct wtl_error *err)
{
    const struct wtl_import_options import = {
        .paths = &path, .n_paths = 1, .gpu = filter->gpu, .workload = filter->workload};
    const char *base = getenv("TMPDIR");
    char dir[WTL_LIMIT_PATH], file[WTL_LIMIT_PATH + 20];
    if (snprintf(dir, sizeof dir, "%s/wattle-XXXXXX", base && *base ? base : "/tmp") >=
        (int)sizeof dir)
        return WTL_FAIL(err, WTL_LIMIT, "TMPDIR is too long");
    if (!mkdtemp(dir))
        return wtl_fail_errno(err, errno, "make", dir);
    snprintf(file, sizeof file, "%s/probe.wattle", dir);
    int rc = open_sets(flow, file, &import, filter, arena, sets_out, n_out, err);
    (void)unlink(file);
    (void)rmdir(dir);
    return rc;
}

static void keep_clocks(struct wtl_workset *set, const struct wtl_clocks *at)
{
    size_t kept = 0;
    for (size_t i = 0; i < set->n_runs; i++)
        if (wtl_clocks_contain(at, set->runs[i].clock_mhz))
            set->runs[kept++] = set->runs[i];
    set->n_runs = kept;
}

/* The set is judged as it was recorded, before clocks are picked out of it. */
static int make_probe(const struct wtl_workset *set, const struct wtl_clocks *at,
                      struct wtl_probe *probe, struct wtl_error *err)
{
    WTL_ARENA(scratch);
    struct wtl_quality quality;
    *probe = (struct wtl_probe){.set = *set};
    int rc = wtl_judge_quality(&scratch, set->runs, set->n_runs, &quality, err);
    if (rc == 0 && !quality.usable)
        snprintf(probe->unusable, sizeof probe->unusable, "%s", quality.reason);
    if (rc == 0 && at)
        keep_clocks(&probe->set, at);
    return rc;
}

int wtl_flow_probe(const struct wtl_flow *flow, const char *path, const char *gpu,
                   const char *workload, const struct wtl_clocks *at, struct wtl_arena *arena,
                   struct wtl_probe **probes_out, size_t *n_out, struct wtl_error *err)
{
    const struct wtl_run_filter filter = {.gpu = gpu, .workload = workload};
    struct wtl_workset *sets;
    size_t n = 0, kept = 0;
    bool campaign = false;
    int rc = is_campaign(path, &campaign, err);
    if (rc == 0)
        rc = campaign ? open_sets(flow, path, NULL, &filter, arena, &sets, &n, err)
                      : import_sets(flow, path, &filter, arena, &sets, &n, err);
    if (rc < 0)
        return rc;
    struct wtl_probe *probes = WTL_NEW_ARRAY(arena, struct wtl_probe, n ? n : 1);
    if (!probes)
        return nomem(err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = make_probe(&sets[i], at, &probes[kept], err);
        kept += probes[kept].set.n_runs > 0;
    }
    if (rc < 0)
        return rc;
    if (kept == 0)
        return WTL_FAIL(err, WTL_NOTFOUND, "\"%s\" has no run of %s on %s%s", path,
                        workload ? workload : "any workload", gpu ? gpu : "any GPU",
                        at ? " at these clocks" : "");
    *probes_out = probes;
    *n_out = kept;
    return 0;
}

/* ---- predict ---- */

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
    snprintf(plan.gpu, sizeof plan.gpu, "%s", set->gpu);
    snprintf(plan.workload, sizeof plan.workload, "%s", set->workload);
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

int wtl_flow_predict(struct wtl_arena *arena, const struct wtl_predictor *predictor,
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
        cite_errors(predictor, activity, wtl_population_gpu(&predictor->plain, set->gpu) != NULL,
                    curves.n_probed, plan_out);
    return rc;
}

int wtl_flow_predict_fgcs(struct wtl_arena *arena, const struct wtl_fgcs *fgcs, const char *gpu,
                          const char *workload, const struct wtl_policy *policy,
                          struct wtl_plan *plan_out, struct wtl_error *err)
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
