/* SPDX-License-Identifier: Apache-2.0
 * Public functions: plans from measured runs, predictors, and plans from those. */
#include "flow/api_impl.h"

#include "flow/documents.h"
#include "flow/fit.h"
#include "flow/optimize.h"

#include <string.h>

/* ---- Optimize ---------------------------------------------------------------------------------*/

static int read_bootstrap(const struct wtl_optimize_args *a, struct wtl_overlay *overlay,
                          struct wtl_error *err)
{
    if (a->replicates != 0 && (a->replicates < 100 || a->replicates > WTL_LIMIT_REPLICATES))
        return WTL_FAIL(err, WTL_USAGE, "replicates is %lld, not 100 to %d",
                        (long long)a->replicates, WTL_LIMIT_REPLICATES);
    if (a->seed < 0 || a->seed > INT32_MAX)
        return WTL_FAIL(err, WTL_USAGE, "seed is %lld, not 0 to %d", (long long)a->seed, INT32_MAX);
    overlay->replicates = a->replicates != 0;
    overlay->values.replicates = (int)a->replicates;
    overlay->seed = a->seed != 0;
    overlay->values.seed = (uint64_t)a->seed;
    return 0;
}

int wtl_optimize(const char *campaign, const struct wtl_optimize_args *args, char **json_out,
                 struct wtl_error *err)
{
    API_CALL(call);
    struct wtl_optimize_args a;
    struct wtl_board *boards = NULL;
    struct wtl_plan_file file;
    char *json = NULL;
    int rc = api_take("wtl_optimize_args", args, &a, sizeof a, err);
    struct wtl_optimize_request request = {
        .filter = {.gpu = a.gpu, .workload = a.workload, .job = a.job}, .category = a.category};
    struct wtl_at at, baseline_at;
    rc = rc ? rc : api_read_at(a.at, &at, &request.filter.at, err);
    rc = rc ? rc : api_read_at(a.baseline_at, &baseline_at, &request.baseline_at, err);
    rc = rc ? rc : api_begin(&call, a.observer, err);
    rc = rc ? rc : api_need(json_out, "json_out", err);
    rc = rc ? rc
            : api_read_policy(&call.arena, a.policy, a.policy_yaml, a.category, &request.policy,
                              err);
    rc = rc ? rc : read_bootstrap(&a, &request.options, err);
    rc = rc ? rc : wtl_boards_load(&call.arena, &boards, &request.n_boards, err);
    request.boards = boards;
    rc = rc ? rc : wtl_document_check_name(a.save, err);
    rc = rc ? rc : api_open(&call, campaign, wtl_document_mode(a.save), err);
    rc = rc ? rc : wtl_flow_optimize(&call.flow, call.campaign, &request, &call.arena, &file, err);
    rc = rc ? rc : api_give_plans(&file, &json, err);
    rc = rc ? rc : wtl_keep_plans(call.campaign, a.save, &file, err);
    return api_hand_over(rc, &json, json_out);
}

/* ---- Fit --------------------------------------------------------------------------------------*/

static int model_text(const struct wtl_predictor_file *file, char **model_out,
                      struct wtl_error *err)
{
    struct wtl_buf text;
    wtl_buf_init(&text, wtl_alloc_system(), WTL_LIMIT_DOCUMENT_BYTES);
    int rc = wtl_predictor_file_text(file, &text, err);
    if (rc < 0) {
        wtl_buf_fini(&text);
        return rc;
    }
    return api_give_text(&text, model_out, err);
}

static int fit_json(const struct wtl_fit_result *r, char **json_out, struct wtl_error *err)
{
    json_t *root = NULL;
    int rc = wtl_fit_json(r, &root, err);
    return rc ? rc : api_give_json(root, json_out, err);
}

int wtl_fit(const char *campaign, const struct wtl_fit_args *args, char **model_out,
            char **json_out, struct wtl_error *err)
{
    API_CALL(call);
    struct wtl_fit_args a;
    struct wtl_fit_result result;
    char *model = NULL, *json = NULL;
    int rc = api_take("wtl_fit_args", args, &a, sizeof a, err);
    struct wtl_fit_request request = {.filter = {.gpu = a.gpu, .workload = a.workload},
                                      .category = a.category};
    rc = rc ? rc : api_begin(&call, a.observer, err);
    rc = rc ? rc
            : api_read_policy(&call.arena, a.policy, a.policy_yaml, a.category, &request.policy,
                              err);
    rc = rc ? rc : wtl_document_check_name(a.save, err);
    rc = rc ? rc : api_open(&call, campaign, wtl_document_mode(a.save), err);
    rc = rc ? rc : wtl_flow_fit(&call.flow, call.campaign, &request, &call.arena, &result, err);
    if (rc == 0 && model_out)
        rc = model_text(&result.file, &model, err);
    if (rc == 0 && json_out)
        rc = fit_json(&result, &json, err);
    rc = rc ? rc : wtl_keep_predictor(call.campaign, a.save, &result.file, err);
    (void)api_hand_over(rc, &model, model_out);
    return api_hand_over(rc, &json, json_out);
}

/* ---- Predict ----------------------------------------------------------------------------------*/

/* Which model: a fitted one as text, or the published one by its name. */
static int read_model(struct api_call *call, const char *model_json,
                      const struct wtl_predict_args *a, struct wtl_predictor_file *model,
                      struct wtl_predict_request *request, struct wtl_error *err)
{
    bool activity = a->fp != 0 || a->dram != 0 || a->time_s != 0;
    if (!model_json == !a->published)
        return WTL_FAIL(err, WTL_USAGE, "either model_json or published is needed, not both");
    if (model_json) {
        request->predictor = &model->predictor;
        return activity ? WTL_FAIL(err, WTL_USAGE, "fp, dram and time_s go with published")
                        : api_read_model(&call->arena, "model_json", model_json, model, err);
    }
    if (strcmp(a->published, WTL_FGCS_NAME) != 0)
        return WTL_FAIL(err, WTL_NOTFOUND, "there is no published model \"%.40s\", only %s",
                        a->published, WTL_FGCS_NAME);
    if (activity && !(a->fp >= 0 && a->fp <= 1.5 && a->dram >= 0 && a->dram <= 1 &&
                      a->time_s >= 1e-9 && a->time_s <= 1e9))
        return WTL_FAIL(err, WTL_USAGE,
                        "fp %g, dram %g, time_s %g: not 0 to 1.5, 0 to 1, and above 0", a->fp,
                        a->dram, a->time_s);
    struct wtl_fgcs *features = activity ? WTL_NEW(&call->arena, struct wtl_fgcs) : NULL;
    if (activity && !features)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    if (features)
        *features = (struct wtl_fgcs){a->fp, a->dram, a->time_s};
    request->features = features;
    return 0;
}

int wtl_predict(const char *model_json, const char *probe, const struct wtl_predict_args *args,
                char **json_out, struct wtl_error *err)
{
    API_CALL(call);
    struct wtl_predict_args a;
    struct wtl_predictor_file model;
    struct wtl_plan_file file;
    struct wtl_clocks at;
    char *json = NULL;
    int rc = api_take("wtl_predict_args", args, &a, sizeof a, err);
    struct wtl_predict_request request = {
        .probe = probe, .gpu = a.gpu, .workload = a.workload, .category = a.category};
    rc = rc ? rc : api_begin(&call, a.observer, err);
    rc = rc ? rc : api_need(json_out, "json_out", err);
    rc = rc ? rc
            : api_read_policy(&call.arena, a.policy, a.policy_yaml, a.category, &request.policy,
                              err);
    if (rc == 0 && a.at) {
        rc = wtl_clocks_parse(&call.arena, a.at, &at, err);
        request.at = &at;
    }
    rc = rc ? rc : read_model(&call, model_json, &a, &model, &request, err);
    rc = rc ? rc : wtl_document_open_probe(a.save, probe, call.flow.clock, &call.campaign, err);
    rc = rc ? rc : wtl_flow_predict(&call.flow, &request, &call.arena, &file, err);
    rc = rc ? rc : api_give_plans(&file, &json, err);
    rc = rc ? rc : wtl_keep_plans(call.campaign, a.save, &file, err);
    return api_hand_over(rc, &json, json_out);
}
