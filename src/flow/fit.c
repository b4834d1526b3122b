/* SPDX-License-Identifier: Apache-2.0
 * The arrows fit and predict. */
#include "flow/fit.h"

#include "base/text.h"
#include "codec/json.h"
#include "optimize/heldout.h"
#include "predict/curve.h"
#include "wattle_config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int nomem(struct wtl_error *err)
{
    return WTL_FAIL(err, WTL_NOMEM, "out of memory fitting a predictor");
}

/* ---- what is learned from ---- */

struct material {
    struct wtl_arena *arena;
    struct wtl_example *examples;
    struct wtl_reference *references;
    size_t n;
    struct wtl_fit_skipped *skipped;
    size_t n_skipped;
};

static void skip(struct material *m, const struct wtl_workset *set, const char *reason)
{
    struct wtl_fit_skipped *s = &m->skipped[m->n_skipped++];
    snprintf(s->gpu, sizeof s->gpu, "%s", set->gpu);
    snprintf(s->workload, sizeof s->workload, "%s", set->workload);
    snprintf(s->reason, sizeof s->reason, "%s", reason);
}

/* The highest clock that any run on this card was asked for. */
static double highest_clock(const struct wtl_workset *sets, size_t n, const char *gpu)
{
    double highest = 0;
    for (size_t s = 0; s < n; s++)
        for (size_t i = 0; wtl_same_name(sets[s].gpu, gpu) && i < sets[s].n_runs; i++)
            highest = fmax(highest, sets[s].runs[i].clock_mhz);
    return highest;
}

static bool usable(const struct wtl_run *r)
{
    return r->causes == 0 && r->clock_mhz > 0 && wtl_run_get(r, WTL_R_time_s, 0) > 0 &&
           wtl_run_get(r, WTL_R_power_w, 0) > 0;
}

static int fit_curves(struct wtl_arena *arena, const struct wtl_workset *set,
                      struct wtl_curve **time_out, struct wtl_curve **power_out,
                      struct wtl_error *err)
{
    double *clock = WTL_NEW_ARRAY(arena, double, set->n_runs);
    double *time = WTL_NEW_ARRAY(arena, double, set->n_runs);
    double *power = WTL_NEW_ARRAY(arena, double, set->n_runs);
    size_t n = 0;
    if (!clock || !time || !power)
        return nomem(err);
    for (size_t i = 0; i < set->n_runs; i++) {
        const struct wtl_run *r = &set->runs[i];
        if (!usable(r))
            continue;
        clock[n] = r->clock_mhz;
        time[n] = r->metric[WTL_R_time_s];
        power[n++] = r->metric[WTL_R_power_w];
    }
    int rc = wtl_curve_fit(arena, WTL_CURVE_TIME, clock, time, n, time_out, err);
    return rc < 0 ? rc : wtl_curve_fit(arena, WTL_CURVE_POWER, clock, power, n, power_out, err);
}

/* Smoothed measured curves at the measured clocks and at the highest of the card, whose own runs
 * are often cold. */
static int refer(struct wtl_arena *arena, const struct wtl_workset *set,
                 const struct wtl_example *example, struct wtl_reference *out,
                 struct wtl_error *err)
{
    struct wtl_curve *time, *power;
    int rc = fit_curves(arena, set, &time, &power, err);
    if (rc < 0)
        return rc;
    size_t n = example->n_cells;
    bool top = example->cells[n - 1].clock_mhz < example->f_max_mhz;
    int *clocks = WTL_NEW_ARRAY(arena, int, n + 1);
    double *time_s = WTL_NEW_ARRAY(arena, double, n + 1);
    double *power_w = WTL_NEW_ARRAY(arena, double, n + 1);
    if (!clocks || !time_s || !power_w)
        return nomem(err);
    for (size_t i = 0; i < n + top; i++) {
        double mhz = i < n ? example->cells[i].clock_mhz : example->f_max_mhz;
        clocks[i] = (int)mhz;
        time_s[i] = wtl_curve_at(time, mhz);
        power_w[i] = wtl_curve_at(power, mhz);
    }
    *out = (struct wtl_reference){clocks, time_s, power_w, n + top};
    return 0;
}

/* Whether the set measures its workload at enough clocks; else it is passed over with the reason.
 */
static int look_at(struct material *m, const struct wtl_workset *set, double f_max_mhz,
                   struct wtl_error *err)
{
    WTL_ARENA(scratch);
    struct wtl_quality quality;
    struct wtl_error why = {0};
    int rc = wtl_judge_set(&scratch, set, &quality, err);
    if (rc < 0)
        return rc;
    if (!quality.usable) {
        skip(m, set, quality.reason);
        return 0;
    }
    rc = wtl_example_from_runs(m->arena, set->runs, set->n_runs, f_max_mhz, &m->examples[m->n],
                               &why);
    if (rc == 0 && m->examples[m->n].n_cells < WTL_CURVE_MIN_CLOCKS) {
        char text[100];
        snprintf(text, sizeof text, "usable runs at %zu clock%s only, %d are needed",
                 m->examples[m->n].n_cells, wtl_plural((int64_t)m->examples[m->n].n_cells),
                 WTL_CURVE_MIN_CLOCKS);
        skip(m, set, text);
        return 0;
    }
    if (rc == 0)
        rc = refer(m->arena, set, &m->examples[m->n], &m->references[m->n], &why);
    if (rc == 0)
        m->n++;
    else if (rc == -(int)WTL_NOMEM)
        return nomem(err);
    else
        skip(m, set, why.message);
    return 0;
}

static int gather(struct material *m, const struct wtl_workset *sets, size_t n,
                  struct wtl_error *err)
{
    m->examples = WTL_NEW_ARRAY(m->arena, struct wtl_example, n ? n : 1);
    m->references = WTL_NEW_ARRAY(m->arena, struct wtl_reference, n ? n : 1);
    m->skipped = WTL_NEW_ARRAY(m->arena, struct wtl_fit_skipped, n ? n : 1);
    if (!m->examples || !m->references || !m->skipped)
        return nomem(err);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = look_at(m, &sets[i], highest_clock(sets, n, sets[i].gpu), err);
    return rc;
}

/* ---- fit ---- */

static int too_little(const struct material *m, struct wtl_error *err)
{
    int rc = WTL_FAIL(err, WTL_UNDECIDED,
                      "%zu of %zu sets of runs are usable, a model across workloads needs 2", m->n,
                      m->n + m->n_skipped);
    if (m->n_skipped)
        wtl_error_hint(err, "%s on %s: %s", m->skipped[0].workload, m->skipped[0].gpu,
                       m->skipped[0].reason);
    else
        wtl_error_hint(err, "import sweeps of more workloads or cards");
    return rc;
}

static int held_out(struct wtl_arena *arena, const struct material *m,
                    const struct wtl_policy *policy, struct wtl_predictor *p, struct wtl_error *err)
{
    WTL_ARENA(scratch);
    struct wtl_heldout_case *cases = NULL;
    struct wtl_heldout *rows = NULL;
    size_t n = 0;
    int rc = wtl_heldout_cases(&scratch, m->examples, m->references, m->n, policy, &cases, &n, err);
    if (rc == 0)
        rc = wtl_heldout_table(arena, cases, n, &rows, &p->n_heldout, err);
    if (rc < 0)
        return rc;
    p->heldout = rows;
    p->objective = policy->objective;
    p->has_max_slowdown = policy->has_max_slowdown;
    p->max_slowdown = policy->max_slowdown;
    p->confidence = policy->confidence;
    return 0;
}

/* What held-out picks are judged by. */
static int make_policy(const struct wtl_fit_request *request, struct wtl_policy *out,
                       struct wtl_error *err)
{
    struct wtl_policy policy = wtl_policy_default();
    policy.prefer = WTL_PREFER_BEST;
    policy.has_max_slowdown = true;
    policy.max_slowdown = 0.05;
    int rc = 0;
    if (request->policy)
        rc = wtl_policy_file_apply(request->policy, "", "", request->category, &policy, NULL, err);
    wtl_overlay_apply(&request->options, &policy);
    bool baseline = policy.baseline.kind != WTL_BASELINE_MAX;
    if (rc == 0 && (baseline || policy.clocks_mhz))
        rc = WTL_FAIL(err, WTL_USAGE,
                      "%s does not go with fit: held-out picks are judged against the highest "
                      "clock, at the clocks of the runs",
                      baseline ? "another baseline" : "a list of clocks");
    if (rc == 0)
        *out = policy;
    return rc;
}

static int learn(struct wtl_arena *arena, const struct material *m, const struct wtl_policy *policy,
                 struct wtl_predictor *out, struct wtl_error *err)
{
    if (m->n < 2)
        return too_little(m, err);
    const struct wtl_example **pointers = WTL_NEW_ARRAY(arena, const struct wtl_example *, m->n);
    if (!pointers)
        return nomem(err);
    for (size_t i = 0; i < m->n; i++)
        pointers[i] = &m->examples[i];
    int rc = wtl_predictor_fit(arena, pointers, m->n, out, err);
    return rc ? rc : held_out(arena, m, policy, out, err);
}

int wtl_flow_fit(const struct wtl_flow *flow, struct wtl_campaign *c,
                 const struct wtl_fit_request *request, struct wtl_arena *arena,
                 struct wtl_fit_result *result_out, struct wtl_error *err)
{
    struct material m = {.arena = arena};
    struct wtl_policy policy;
    struct wtl_workset *sets;
    size_t n;
    char created[32];
    struct wtl_fit_result r = {.file = {.tool = "wattle " WTL_VERSION}};
    int rc = make_policy(request, &policy, err);
    rc = rc ? rc : wtl_flow_worksets(flow, c, &request->filter, arena, &sets, &n, err);
    if (rc == 0 && n == 0)
        rc = wtl_flow_no_runs(flow, c, &request->filter, err);
    rc = rc ? rc : gather(&m, sets, n, err);
    rc = rc ? rc : learn(arena, &m, &policy, &r.file.predictor, err);
    rc = rc ? rc : wtl_campaign_fingerprint(c, r.file.predictor.fingerprint, err);
    if (rc < 0)
        return rc;
    wtl_format_utc(flow->clock.wall_ns(flow->clock.ctx), created, sizeof created);
    r.file.created = wtl_arena_strdup(arena, created);
    r.file.campaign = wtl_arena_strdup(arena, wtl_campaign_path(c));
    if (!r.file.created || !r.file.campaign)
        return nomem(err);
    r.skipped = m.skipped;
    r.n_skipped = m.n_skipped;
    *result_out = r;
    return 0;
}

/* ---- JSON ---- */

int wtl_fit_json(const struct wtl_fit_result *r, json_t **root_out, struct wtl_error *err)
{
    json_t *root = NULL, *skipped = json_array();
    int rc = wtl_predictor_to_json(&r->file, &root, err);
    for (size_t i = 0; rc == 0 && i < r->n_skipped; i++) {
        const struct wtl_fit_skipped *s = &r->skipped[i];
        if (json_array_append_new(skipped,
                                  json_pack("{s:o, s:o, s:o}", "gpu", wtl_json_text(s->gpu),
                                            "workload", wtl_json_text(s->workload), "reason",
                                            wtl_json_text(s->reason))) != 0)
            rc = nomem(err);
    }
    if (rc < 0) {
        json_decref(root);
        json_decref(skipped);
        return rc;
    }
    json_object_del(root, "populations");
    json_object_del(root, "checksum");
    if (json_object_set_new(root, "skipped", skipped) != 0) {
        json_decref(root);
        return nomem(err);
    }
    *root_out = root;
    return 0;
}
