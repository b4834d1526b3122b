/* SPDX-License-Identifier: Apache-2.0
 * Plans against fresh runs. */
#include "flow/validate.h"

#include "base/text.h"
#include "codec/json.h"
#include "core/gpu_name.h"
#include "flow/identity.h"
#include "store/configuration_json.h"
#include "wattle_config.h"

#include <stdio.h>
#include <string.h>

/* Whose runs are looked for. */
struct subject {
    const char *gpu, *workload;
    const struct wtl_made_from *from;
    const struct wtl_configuration *at; /* NULL: any, a choice among several */
};

static struct subject subject_of(const struct wtl_validation *item)
{
    const struct wtl_plan *p = item->plan;
    if (p)
        return (struct subject){p->gpu, p->workload, &p->made_from, &p->at};
    const struct wtl_point_choice *c = item->choice;
    return (struct subject){c->gpu, c->workload, &c->made_from, NULL};
}

static bool is_gpu_of(const struct wtl_workset *set, const struct subject *s)
{
    char board[WTL_LIMIT_NAME];
    wtl_runs_board(set->runs, set->n_runs, board, sizeof board);
    return wtl_gpu_is(set->gpu, board, s->gpu, s->from->board);
}

static bool is_of(const struct wtl_workset *set, const struct subject *s)
{
    return wtl_same_name(set->workload, s->workload) && is_gpu_of(set, s);
}

static const struct wtl_workset *find_set(const struct wtl_workset *sets, size_t n,
                                          const struct wtl_plan *plan)
{
    const struct subject s = {plan->gpu, plan->workload, &plan->made_from, &plan->at};
    for (size_t i = 0; i < n; i++)
        if (is_of(&sets[i], &s) && wtl_configuration_compare(&sets[i].at, s.at) == 0)
            return &sets[i];
    return NULL;
}

/* The sets that hold the two points of a choice, or either. */
static size_t find_sets(const struct wtl_workset *sets, size_t n, const struct wtl_point_choice *c,
                        const struct wtl_workset **found)
{
    const struct subject s = {c->gpu, c->workload, &c->made_from, NULL};
    size_t n_found = 0;
    for (size_t i = 0; i < n && c->chosen >= 0 && c->baseline >= 0; i++)
        if (is_of(&sets[i], &s) &&
            (wtl_configuration_compare(&sets[i].at, &c->points[c->chosen].at) == 0 ||
             wtl_configuration_compare(&sets[i].at, &c->points[c->baseline].at) == 0))
            found[n_found++] = &sets[i];
    return n_found;
}

/* Why there is nothing to judge it by. */
static void explain_missing(const struct wtl_workset *sets, size_t n, struct wtl_validation *item)
{
    const struct subject s = subject_of(item);
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
        if (!wtl_same_name(sets[i].workload, s.workload) || !wtl_same_name(sets[i].gpu, s.gpu) ||
            !board[0] || is_gpu_of(&sets[i], &s))
            continue;
        snprintf(item->why, sizeof item->why,
                 "the plan is of a %.48s, the campaign's runs of a "
                 "%.48s",
                 s.from->board, board);
        return;
    }
    bool elsewhere = false;
    for (size_t i = 0; i < n; i++)
        elsewhere = elsewhere || is_of(&sets[i], &s);
    snprintf(item->why, sizeof item->why,
             elsewhere ? "the campaign has runs of it in other configurations only"
                       : "the campaign has no runs of it");
}

static int validate_plan(struct wtl_arena *arena, const struct wtl_workset *set,
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

static int validate_choice(struct wtl_arena *arena, const struct wtl_workset *const *sets, size_t n,
                           const struct wtl_verdict_options *options, struct wtl_validation *item,
                           struct wtl_error *err)
{
    const struct wtl_point_choice *c = item->choice;
    if (c->status != WTL_PLAN_OK || c->baseline < 0) {
        snprintf(item->why, sizeof item->why, "the choice is %s: it has no point to confirm",
                 wtl_plan_status_name(c->status));
        return 0;
    }
    if (n == 0)
        return 0; /* explained by the caller */
    int rc = wtl_verdict_of_point(arena, c, sets, n, options, &item->verdict, err);
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
    rc = rc ? rc : wtl_flow_part_runs(c, arena, runs, n, file, parted, err);
    if (rc == 0 && n && parted->n_fresh == 0)
        rc = not_fresh(wtl_campaign_path(c), err);
    rc = rc ? rc
            : wtl_worksets(arena, parted->fresh, parted->n_fresh, &options, sets_out, n_out, err);
    wtl_arena_fini(&scratch);
    return rc;
}

/* Runs of it that were left out. */
static size_t count_known(const struct wtl_parted_runs *parted, const struct wtl_validation *item)
{
    const struct subject s = subject_of(item);
    char model[WTL_LIMIT_NAME];
    size_t n = 0;
    for (size_t i = 0; i < parted->n_known; i++) {
        const struct wtl_run *run = &parted->known[i];
        wtl_gpu_model(run->device, model, sizeof model);
        struct wtl_configuration at = wtl_configuration_of(run);
        n += wtl_same_name(run->workload, s.workload) &&
             (!s.at || wtl_configuration_compare(&at, s.at) == 0) &&
             (wtl_same_name(run->gpu, s.gpu) || (model[0] && wtl_same_name(model, s.from->board)));
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
                                     .n = file->n_plans + file->n_choices};
    out->entries = WTL_NEW_ARRAY(arena, struct wtl_verdict_entry, out->n + 1);
    if (!out->created || !out->campaign || !out->fingerprint || !out->entries)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    return 0;
}

static struct wtl_verdict_entry entry_of(const struct wtl_validation *item)
{
    const struct subject s = subject_of(item);
    struct wtl_verdict_entry e = {.verdict = item->verdict,
                                  .judged = item->judged,
                                  .why = item->why,
                                  .n_known = item->n_known};
    struct wtl_verdict *v = &e.verdict;
    wtl_view_copy(wtl_view_of(s.gpu), v->gpu, sizeof v->gpu);
    wtl_view_copy(wtl_view_of(s.workload), v->workload, sizeof v->workload);
    v->of_point = item->choice != NULL;
    if (item->plan)
        v->at = v->baseline_at = item->plan->at;
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

/* Sets of all fresh runs. */
struct fresh {
    struct wtl_workset *sets;
    size_t n;
    const struct wtl_workset **found; /* room for all of them */
};

static int validate_one(struct wtl_arena *arena, const struct fresh *fresh,
                        const struct wtl_verdict_options *options, struct wtl_validation *item,
                        struct wtl_error *err)
{
    int rc;
    if (item->plan) {
        const struct wtl_workset *set = find_set(fresh->sets, fresh->n, item->plan);
        rc = validate_plan(arena, set, options, item, err);
    } else {
        size_t n = find_sets(fresh->sets, fresh->n, item->choice, fresh->found);
        rc = validate_choice(arena, fresh->found, n, options, item, err);
    }
    if (!item->judged && !item->why[0])
        explain_missing(fresh->sets, fresh->n, item);
    return rc;
}

int wtl_flow_validate(const struct wtl_flow *flow, struct wtl_campaign *c,
                      const struct wtl_plan_file *file, const struct wtl_verdict_options *options,
                      struct wtl_arena *arena, struct wtl_validations *out, struct wtl_error *err)
{
    struct wtl_validations v = {.file = file, .n = file->n_plans + file->n_choices};
    struct fresh fresh = {0};
    struct wtl_parted_runs parted = {0};
    int rc = begin_document(flow, c, file, options, arena, &v.document, err);
    if (rc == 0 && !is_predicted(file) && strcmp(v.document.fingerprint, file->fingerprint) == 0)
        rc = not_fresh(v.document.campaign, err);
    rc = rc ? rc : fresh_sets(flow, c, file, arena, &parted, &fresh.sets, &fresh.n, err);
    if (rc < 0)
        return rc;
    v.items = WTL_NEW_ARRAY(arena, struct wtl_validation, v.n + 1);
    fresh.found = WTL_NEW_ARRAY(arena, const struct wtl_workset *, fresh.n + 1);
    if (!v.items || !fresh.found)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < v.n && rc == 0; i++) {
        struct wtl_validation *item = &v.items[i];
        if (i < file->n_plans)
            item->plan = &file->plans[i];
        else
            item->choice = &file->choices[i - file->n_plans];
        item->n_known = count_known(&parted, item);
        rc = validate_one(arena, &fresh, options, item, err);
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
                    const struct wtl_verdict *verdict, const char *const **notes, size_t *n,
                    struct wtl_error *err)
{
    const char **more = WTL_NEW_ARRAY(arena, const char *, *n + 1);
    char *note = wtl_arena_printf(
        arena,
        "Confirmed on %d + %d fresh runs of campaign %.12s; in-sample the saving was %.1f %%.",
        verdict->n_candidate, verdict->n_baseline, v->document.fingerprint,
        100 * verdict->planned_saving.value);
    if (!more || !note)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    if (*n)
        memcpy(more, *notes, *n * sizeof *more);
    more[(*n)++] = note;
    *notes = more;
    return 0;
}

int wtl_validations_plans(const struct wtl_validations *v, struct wtl_arena *arena,
                          struct wtl_plan_file *out, struct wtl_error *err)
{
    struct wtl_plan_file file = *v->file;
    file.plans = WTL_NEW_ARRAY(arena, struct wtl_plan, file.n_plans + 1);
    file.choices = WTL_NEW_ARRAY(arena, struct wtl_point_choice, file.n_choices + 1);
    if (!file.plans || !file.choices)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = 0;
    for (size_t i = 0; i < v->n && rc == 0; i++) {
        const struct wtl_validation *item = &v->items[i];
        const struct wtl_verdict *verdict = &item->verdict;
        bool confirmed = item->judged && verdict->kind == WTL_VERDICT_CONFIRMED;
        struct wtl_plan *plan = item->plan ? &file.plans[i] : NULL;
        struct wtl_point_choice *choice = plan ? NULL : &file.choices[i - file.n_plans];
        if (plan) {
            *plan = *item->plan;
            plan->saving = confirmed ? verdict->saving.fresh : plan->saving;
            plan->slowdown = confirmed ? verdict->slowdown.fresh : plan->slowdown;
        } else {
            *choice = *item->choice;
            choice->saving = confirmed ? verdict->saving.fresh : choice->saving;
            choice->slowdown = confirmed ? verdict->slowdown.fresh : choice->slowdown;
        }
        if (confirmed)
            rc = add_note(arena, v, verdict, plan ? &plan->notes : &choice->notes,
                          plan ? &plan->n_notes : &choice->n_notes, err);
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
    if (!w->done) {
        json_t *without = json_pack("{s:s, s:s, s:n, s:s}", "gpu", w->plan->gpu, "workload",
                                    w->plan->workload, "folds", "why", w->why);
        wtl_configuration_put(&without, &w->plan->at);
        return without;
    }
    json_t *root =
        json_pack("{s:s, s:s, s:o, s:o, s:o}", "gpu", w->plan->gpu, "workload", w->plan->workload,
                  "saving", wtl_estimate_to_json(&w->cross.saving), "slowdown",
                  wtl_estimate_to_json(&w->cross.slowdown), "optimism",
                  w->cross.n_estimated ? wtl_json_finite(w->cross.optimism) : json_null());
    wtl_configuration_put(&root, &w->plan->at);
    return list_of(root, "folds", one_fold, w->cross.fold, w->cross.n_folds);
}

json_t *wtl_within_json(const struct wtl_within *items, size_t n)
{
    json_t *root = json_pack("{s:s, s:i}", "format", "wattle-cross-validation", "version", 1);
    return list_of(root, "sets", one_within, items, n);
}
