/* SPDX-License-Identifier: Apache-2.0
 * Plans against fresh runs. */
#include "flow/validate.h"

#include "base/text.h"
#include "codec/json.h"
#include "core/gpu_name.h"
#include "flow/identity.h"
#include "wattle_config.h"

#include <stdio.h>
#include <string.h>

/* Whether a set is of the plan's GPU: by its name, or by the board that both know. Two boards of
 * one name are not one GPU. */
static bool is_gpu_of(const struct wtl_workset *set, const struct wtl_plan *plan)
{
    char board[WTL_LIMIT_NAME];
    wtl_runs_board(set->runs, set->n_runs, board, sizeof board);
    const char *wanted = plan->made_from.board;
    if (board[0] && wanted[0])
        return wtl_same_name(board, wanted);
    return wtl_same_name(set->gpu, plan->gpu) || (wanted[0] && wtl_same_name(set->gpu, wanted));
}

static const struct wtl_workset *find_set(const struct wtl_workset *sets, size_t n,
                                          const struct wtl_plan *plan)
{
    for (size_t i = 0; i < n; i++)
        if (wtl_same_name(sets[i].workload, plan->workload) && is_gpu_of(&sets[i], plan))
            return &sets[i];
    return NULL;
}

/* Why there is nothing to judge the plan by. */
static void explain_missing(const struct wtl_workset *sets, size_t n, struct wtl_validation *item)
{
    const struct wtl_plan *plan = item->plan;
    if (item->n_known) {
        snprintf(item->why, sizeof item->why,
                 "nothing fresh remains: %zu run%s of it in the campaign, and the plan was made "
                 "from %s",
                 item->n_known, wtl_plural((int64_t)item->n_known),
                 item->n_known == 1 ? "it" : "them");
        return;
    }
    char board[WTL_LIMIT_NAME];
    for (size_t i = 0; i < n; i++) {
        wtl_runs_board(sets[i].runs, sets[i].n_runs, board, sizeof board);
        if (!wtl_same_name(sets[i].workload, plan->workload) ||
            !wtl_same_name(sets[i].gpu, plan->gpu) || !board[0])
            continue;
        snprintf(item->why, sizeof item->why,
                 "the plan is of a %.48s, the campaign's runs of a "
                 "%.48s",
                 plan->made_from.board, board);
        return;
    }
    snprintf(item->why, sizeof item->why, "the campaign has no runs of it");
}

static int validate_one(struct wtl_arena *arena, const struct wtl_workset *set,
                        const struct wtl_verdict_options *options, struct wtl_validation *item,
                        struct wtl_error *err)
{
    const struct wtl_plan *plan = item->plan;
    if (plan->status != WTL_PLAN_OK) {
        snprintf(item->why, sizeof item->why, "the plan is %s: it has no clock to confirm",
                 wtl_plan_status_name(plan->status));
        return 0;
    }
    if (!set)
        return 0; /* explained by the caller */
    int rc = wtl_verdict_make(arena, plan, set, options, &item->verdict, err);
    item->judged = rc == 0;
    return rc;
}

static int not_fresh(const char *campaign, struct wtl_error *err)
{
    int rc = WTL_FAIL(err, WTL_USAGE, "\"%s\" holds the very runs that the plan was made from",
                      campaign);
    wtl_error_hint(err, "validate against fresh runs, or with --within %s between repetitions",
                   campaign);
    return rc;
}

/* Runs that chose the clock are left out before anything is judged: neighbours bear on one another.
 * `known` are those. */
static int fresh_sets(const struct wtl_flow *flow, struct wtl_campaign *c,
                      const struct wtl_plan_file *file, struct wtl_arena *arena,
                      struct wtl_parted_runs *parted, struct wtl_workset **sets_out, size_t *n_out,
                      struct wtl_error *err)
{
    struct wtl_arena scratch;
    struct wtl_run *runs = NULL;
    size_t n = 0;
    struct wtl_judge_options options = wtl_judge_options_default();
    wtl_arena_init(&scratch, flow->alloc);
    int rc = wtl_campaign_runs(c, NULL, &scratch, &runs, &n, err);
    rc = rc ? rc : wtl_flow_part_runs(c, arena, runs, n, file->plans, file->n_plans, parted, err);
    if (rc == 0 && n && parted->n_fresh == 0)
        rc = not_fresh(wtl_campaign_path(c), err);
    rc = rc ? rc
            : wtl_worksets(arena, parted->fresh, parted->n_fresh, &options, sets_out, n_out, err);
    wtl_arena_fini(&scratch);
    return rc;
}

static size_t count_known(const struct wtl_parted_runs *parted, const struct wtl_plan *plan)
{
    char model[WTL_LIMIT_NAME];
    size_t n = 0;
    for (size_t i = 0; i < parted->n_known; i++) {
        const struct wtl_run *run = &parted->known[i];
        wtl_gpu_model(run->device, model, sizeof model);
        n += wtl_same_name(run->workload, plan->workload) &&
             (wtl_same_name(run->gpu, plan->gpu) ||
              (model[0] && wtl_same_name(model, plan->made_from.board)));
    }
    return n;
}

/* The head of the document, and an entry per plan as far as it is known before the runs are. */
static int begin_document(const struct wtl_flow *flow, struct wtl_campaign *c,
                          const struct wtl_plan_file *file,
                          const struct wtl_verdict_options *options, struct wtl_arena *arena,
                          struct wtl_verdict_file *out, struct wtl_error *err)
{
    char fingerprint[65], created[32];
    int rc = wtl_campaign_fingerprint(c, fingerprint, err);
    if (rc < 0)
        return rc;
    wtl_format_utc(flow->clock.wall_ns(flow->clock.ctx), created, sizeof created);
    *out = (struct wtl_verdict_file){.tool = "wattle " WTL_VERSION,
                                     .created = wtl_arena_strdup(arena, created),
                                     .campaign = wtl_arena_strdup(arena, wtl_campaign_path(c)),
                                     .fingerprint = wtl_arena_strdup(arena, fingerprint),
                                     .plan_created = file->created,
                                     .plan_campaign = file->campaign,
                                     .plan_fingerprint = file->fingerprint,
                                     .confidence = options->confidence,
                                     .margin = options->margin,
                                     .n = file->n_plans};
    out->entries = WTL_NEW_ARRAY(arena, struct wtl_verdict_entry, file->n_plans + 1);
    if (!out->created || !out->campaign || !out->fingerprint || !out->entries)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    return 0;
}

static struct wtl_verdict_entry entry_of(const struct wtl_validation *item)
{
    struct wtl_verdict_entry e = {.verdict = item->verdict,
                                  .judged = item->judged,
                                  .why = item->why,
                                  .n_known = item->n_known};
    memcpy(e.verdict.gpu, item->plan->gpu, sizeof e.verdict.gpu);
    memcpy(e.verdict.workload, item->plan->workload, sizeof e.verdict.workload);
    return e;
}

/* A prediction rests on few runs of its campaign: others of the same one are fresh. */
static bool is_predicted(const struct wtl_plan_file *file)
{
    for (size_t i = 0; i < file->n_plans; i++)
        if (file->plans[i].saving.evidence == WTL_EVIDENCE_PREDICTED)
            return true;
    return false;
}

int wtl_flow_validate(const struct wtl_flow *flow, struct wtl_campaign *c,
                      const struct wtl_plan_file *file, const struct wtl_verdict_options *options,
                      struct wtl_arena *arena, struct wtl_validations *out, struct wtl_error *err)
{
    struct wtl_validations v = {.file = file, .n = file->n_plans};
    struct wtl_workset *sets = NULL;
    struct wtl_parted_runs parted = {0};
    size_t n_sets = 0;
    int rc = begin_document(flow, c, file, options, arena, &v.document, err);
    if (rc == 0 && !is_predicted(file) && strcmp(v.document.fingerprint, file->fingerprint) == 0)
        rc = not_fresh(v.document.campaign, err);
    rc = rc ? rc : fresh_sets(flow, c, file, arena, &parted, &sets, &n_sets, err);
    if (rc < 0)
        return rc;
    v.items = WTL_NEW_ARRAY(arena, struct wtl_validation, v.n + 1);
    if (!v.items)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < v.n && rc == 0; i++) {
        struct wtl_validation *item = &v.items[i];
        item->plan = &file->plans[i];
        item->n_known = count_known(&parted, item->plan);
        const struct wtl_workset *set = find_set(sets, n_sets, item->plan);
        rc = validate_one(arena, set, options, item, err);
        if (!item->judged && !item->why[0])
            explain_missing(sets, n_sets, item);
        v.document.entries[i] = entry_of(item);
    }
    if (rc == 0)
        *out = v;
    return rc;
}

int wtl_validations_status(const struct wtl_validations *v)
{
    switch (wtl_verdict_file_overall(&v->document)) {
    case WTL_VERDICT_REFUTED:
        return -(int)WTL_REFUTED;
    case WTL_VERDICT_UNDECIDED:
        return -(int)WTL_UNDECIDED;
    case WTL_VERDICT_CONFIRMED:
        break;
    }
    return 0;
}

/* ---- Confirmed plans --------------------------------------------------------------------------*/

static int add_note(struct wtl_arena *arena, const struct wtl_validations *v,
                    const struct wtl_verdict *verdict, struct wtl_plan *plan, struct wtl_error *err)
{
    const char **notes = WTL_NEW_ARRAY(arena, const char *, plan->n_notes + 1);
    char *note = wtl_arena_printf(
        arena,
        "Confirmed on %d + %d fresh runs of campaign %.12s; in-sample the saving was %.1f %%.",
        verdict->n_candidate, verdict->n_baseline, v->document.fingerprint,
        100 * verdict->planned_saving.value);
    if (!notes || !note)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    if (plan->n_notes)
        memcpy(notes, plan->notes, plan->n_notes * sizeof *notes);
    notes[plan->n_notes++] = note;
    plan->notes = notes;
    return 0;
}

int wtl_validations_plans(const struct wtl_validations *v, struct wtl_arena *arena,
                          struct wtl_plan_file *out, struct wtl_error *err)
{
    struct wtl_plan_file file = *v->file;
    file.plans = WTL_NEW_ARRAY(arena, struct wtl_plan, v->n + 1);
    if (!file.plans)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = 0;
    for (size_t i = 0; i < v->n && rc == 0; i++) {
        const struct wtl_validation *item = &v->items[i];
        struct wtl_plan *plan = &file.plans[i];
        *plan = *item->plan;
        if (!item->judged || item->verdict.kind != WTL_VERDICT_CONFIRMED)
            continue;
        plan->saving = item->verdict.saving.fresh;
        plan->slowdown = item->verdict.slowdown.fresh;
        rc = add_note(arena, v, &item->verdict, plan, err);
    }
    if (rc == 0)
        *out = file;
    return rc;
}

/* ---- Within one campaign ----------------------------------------------------------------------*/

static int cross_one(struct wtl_arena *arena, const struct wtl_workset *set,
                     struct wtl_within *item, struct wtl_error *err)
{
    struct wtl_error inner = {0};
    if (item->plan->status == WTL_PLAN_UNUSABLE) {
        snprintf(item->why, sizeof item->why, "the runs do not measure the workload");
        return 0;
    }
    if (!set) {
        snprintf(item->why, sizeof item->why, "the campaign has no runs of it");
        return 0;
    }
    if (item->plan->policy.baseline.kind == WTL_BASELINE_REP) {
        snprintf(item->why, sizeof item->why, "the published method uses one repetition only");
        return 0;
    }
    int rc = wtl_cross_validate(arena, set, &item->plan->policy, &item->cross, &inner);
    if (rc == -(int)WTL_UNDECIDED) {
        snprintf(item->why, sizeof item->why, "%.150s", inner.message);
        return 0;
    }
    if (rc < 0 && err)
        *err = inner;
    item->done = rc == 0;
    return rc;
}

int wtl_flow_within(const struct wtl_flow *flow, struct wtl_campaign *c,
                    const struct wtl_plan_file *file, struct wtl_arena *arena,
                    struct wtl_within **items_out, size_t *n_out, struct wtl_error *err)
{
    struct wtl_workset *sets = NULL;
    size_t n_sets = 0;
    int rc = wtl_flow_worksets(flow, c, &(struct wtl_run_filter){0}, arena, &sets, &n_sets, err);
    if (rc < 0)
        return rc;
    struct wtl_within *items = WTL_NEW_ARRAY(arena, struct wtl_within, file->n_plans + 1);
    if (!items)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < file->n_plans && rc == 0; i++) {
        items[i].plan = &file->plans[i];
        wtl_progress(flow->log, "cross-validating", (int64_t)i, (int64_t)file->n_plans, 0);
        rc = cross_one(arena, find_set(sets, n_sets, items[i].plan), &items[i], err);
    }
    if (rc < 0)
        return rc;
    wtl_progress(flow->log, "cross-validating", (int64_t)file->n_plans, (int64_t)file->n_plans, 0);
    *items_out = items;
    *n_out = file->n_plans;
    return 0;
}

/* ---- JSON -------------------------------------------------------------------------------------*/

/* {"format": ..., KEY: [items]} with one item function. */
static json_t *list_of(json_t *root, const char *key, json_t *(*one)(const void *items, size_t i),
                       const void *items, size_t n)
{
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++)
        wtl_json_add(&array, one(items, i));
    wtl_json_put(&root, key, array);
    return root;
}

static json_t *one_fold(const void *items, size_t i)
{
    const struct wtl_fold *f = (const struct wtl_fold *)items + i;
    return json_pack("{s:i, s:s, s:o, s:o, s:o, s:o}", "left_out", f->rep, "status",
                     wtl_plan_status_name(f->status), "clock_mhz",
                     f->clock_mhz ? json_integer(f->clock_mhz) : json_null(), "claimed_saving",
                     f->clock_mhz ? wtl_json_finite(f->claimed_saving) : json_null(), "saving",
                     f->estimated ? wtl_json_finite(f->saving) : json_null(), "slowdown",
                     f->estimated ? wtl_json_finite(f->slowdown) : json_null());
}

static json_t *one_within(const void *items, size_t i)
{
    const struct wtl_within *w = (const struct wtl_within *)items + i;
    if (!w->done)
        return json_pack("{s:s, s:s, s:n, s:s}", "gpu", w->plan->gpu, "workload", w->plan->workload,
                         "folds", "why", w->why);
    json_t *root =
        json_pack("{s:s, s:s, s:o, s:o, s:o}", "gpu", w->plan->gpu, "workload", w->plan->workload,
                  "saving", wtl_estimate_to_json(&w->cross.saving), "slowdown",
                  wtl_estimate_to_json(&w->cross.slowdown), "optimism",
                  w->cross.n_estimated ? wtl_json_finite(w->cross.optimism) : json_null());
    return list_of(root, "folds", one_fold, w->cross.fold, w->cross.n_folds);
}

json_t *wtl_within_json(const struct wtl_within *items, size_t n)
{
    json_t *root = json_pack("{s:s, s:i}", "format", "wattle-cross-validation", "version", 1);
    return list_of(root, "sets", one_within, items, n);
}
