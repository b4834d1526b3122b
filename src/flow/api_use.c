/* SPDX-License-Identifier: Apache-2.0
 * Public functions: what is done with plans. */
#include "flow/api_impl.h"

#include "flow/compare.h"
#include "flow/deploy.h"
#include "flow/documents.h"
#include "flow/report.h"
#include "flow/validate.h"

/* ---- Validate ---------------------------------------------------------------------------------*/

static int read_verdict_options(const struct wtl_validate_args *a,
                                struct wtl_verdict_options *options, struct wtl_error *err)
{
    *options = wtl_verdict_options_default();
    if (a->confidence != 0 && !(a->confidence >= 0.5 && a->confidence <= 0.9999))
        return WTL_FAIL(err, WTL_USAGE, "confidence is %g, not 0.5 to 0.9999", a->confidence);
    if (!(a->margin <= 0.5))
        return WTL_FAIL(err, WTL_USAGE, "margin is %g, not up to 0.5", a->margin);
    if (a->confidence > 0)
        options->confidence = a->confidence;
    if (a->margin != 0)
        options->margin = a->margin > 0 ? a->margin : 0;
    return 0;
}

static int confirmed_text(struct api_call *call, const struct wtl_validations *v, char **plan_out,
                          struct wtl_error *err)
{
    struct wtl_plan_file confirmed;
    int rc = wtl_validations_plans(v, &call->arena, &confirmed, err);
    return rc ? rc : api_give_plans(&confirmed, plan_out, err);
}

static int within(struct api_call *call, const struct wtl_plan_file *plans, char **json_out,
                  struct wtl_error *err)
{
    struct wtl_within *items = NULL;
    size_t n = 0;
    int rc = wtl_flow_within(&call->flow, call->campaign, plans, &call->arena, &items, &n, err);
    if (rc < 0 || !json_out)
        return rc;
    return api_give_json(wtl_within_json(items, n), json_out, err);
}

int wtl_validate(const char *plan_json, const char *campaign, const struct wtl_validate_args *args,
                 char **json_out, char **plan_out, struct wtl_error *err)
{
    API_CALL(call);
    struct wtl_validate_args a;
    struct wtl_verdict_options options;
    struct wtl_plan_file plans;
    struct wtl_validations v;
    char *plan = NULL, *json = NULL;
    int rc = api_take("wtl_validate_args", args, &a, sizeof a, err);
    rc = rc ? rc : api_begin(&call, a.observer, err);
    rc = rc ? rc : api_check_flags("wtl_validate_args", a.flags, WTL_VALIDATE_WITHIN, err);
    if (rc == 0 && (a.flags & WTL_VALIDATE_WITHIN) && (plan_out || a.save))
        rc = WTL_FAIL(
            err, WTL_USAGE,
            "plan_out and save need fresh runs: repetitions of the runs that chose a clock do "
            "not confirm it");
    rc = rc ? rc : read_verdict_options(&a, &options, err);
    rc = rc ? rc : api_read_plans(&call.arena, "plan_json", plan_json, &plans, err);
    rc = rc ? rc : wtl_document_check_name(a.save, err);
    rc = rc ? rc : api_open(&call, campaign, wtl_document_mode(a.save), err);
    if (rc == 0 && a.flags & WTL_VALIDATE_WITHIN)
        return within(&call, &plans, json_out, err);
    rc = rc ? rc
            : wtl_flow_validate(&call.flow, call.campaign, &plans, &options, &call.arena, &v, err);
    if (rc == 0 && plan_out)
        rc = confirmed_text(&call, &v, &plan, err);
    if (rc == 0 && json_out)
        rc = api_give_json(wtl_verdict_to_json(&v.document), &json, err);
    rc = rc ? rc : wtl_keep_verdict(call.campaign, a.save, &v.document, err);
    (void)api_hand_over(rc, &plan, plan_out);
    return api_hand_over(rc, &json, json_out);
}

/* ---- Compare ----------------------------------------------------------------------------------*/

int wtl_compare(const char *plan_a_json, const char *plan_b_json,
                const struct wtl_compare_args *args, char **json_out, struct wtl_error *err)
{
    API_CALL(call);
    WTL_FILE_SET(set);
    struct wtl_compare_args a;
    struct wtl_plan_file plans[2];
    struct wtl_comparison comparison;
    int rc = api_take("wtl_compare_args", args, &a, sizeof a, err);
    const struct wtl_compare_files files = {
        a.html, a.pdf, {a.name_a ? a.name_a : "plan A", a.name_b ? a.name_b : "plan B"}};
    rc = rc ? rc : api_begin(&call, a.observer, err);
    rc = rc ? rc : api_read_plans(&call.arena, "plan_a_json", plan_a_json, &plans[0], err);
    rc = rc ? rc : api_read_plans(&call.arena, "plan_b_json", plan_b_json, &plans[1], err);
    rc = rc ? rc : wtl_compare_plans(&call.arena, &plans[0], &plans[1], &comparison, err);
    if (rc == 0 && (a.html || a.pdf))
        rc = wtl_compare_write(&call.flow, &comparison, &files, &call.arena, &set, err);
    rc = rc ? rc : wtl_file_set_commit(&set, err);
    if (rc < 0 || !json_out)
        return rc;
    return api_give_json(wtl_comparison_json(&comparison), json_out, err);
}

/* ---- Report -----------------------------------------------------------------------------------*/

static int read_report_documents(struct wtl_arena *arena, const struct wtl_report_args *a,
                                 struct wtl_report_options *options, struct wtl_error *err)
{
    struct wtl_report_verdict *verdicts =
        WTL_NEW_ARRAY(arena, struct wtl_report_verdict, a->n_verdicts + 1);
    struct wtl_report_predictor *models =
        WTL_NEW_ARRAY(arena, struct wtl_report_predictor, a->n_models + 1);
    struct wtl_verdict_file *verdict =
        WTL_NEW_ARRAY(arena, struct wtl_verdict_file, a->n_verdicts + 1);
    struct wtl_predictor_file *model =
        WTL_NEW_ARRAY(arena, struct wtl_predictor_file, a->n_models + 1);
    if (!verdicts || !models || !verdict || !model)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = a->n_verdicts ? api_need(a->verdicts_json, "verdicts_json", err) : 0;
    if (rc == 0 && a->n_models)
        rc = api_need(a->models_json, "models_json", err);
    for (size_t i = 0; rc == 0 && i < a->n_verdicts; i++) {
        const char *name = wtl_arena_printf(arena, "verdicts_json[%zu]", i);
        rc = api_read_verdict(arena, name ? name : "", a->verdicts_json[i], &verdict[i], err);
        verdicts[i] = (struct wtl_report_verdict){name ? name : "", &verdict[i], false};
    }
    for (size_t i = 0; rc == 0 && i < a->n_models; i++) {
        const char *name = wtl_arena_printf(arena, "models_json[%zu]", i);
        rc = api_read_model(arena, name ? name : "", a->models_json[i], &model[i], err);
        models[i] = (struct wtl_report_predictor){name ? name : "", &model[i], false};
    }
    options->verdicts = verdicts;
    options->n_verdicts = a->n_verdicts;
    options->predictors = models;
    options->n_predictors = a->n_models;
    return rc;
}

int wtl_report(const char *campaign, const char *folder, const struct wtl_report_args *args,
               char **json_out, struct wtl_error *err)
{
    API_CALL(call);
    WTL_FILE_SET(files);
    struct wtl_report_args a;
    struct wtl_plan_file plans;
    struct wtl_report_result result;
    struct wtl_board *boards = NULL;
    size_t n_boards = 0;
    int rc = api_take("wtl_report_args", args, &a, sizeof a, err);
    struct wtl_report_options options = {
        .dir = folder,
        .only = a.only,
        .request = {.filter = {.gpu = a.gpu, .workload = a.workload}}};
    struct wtl_at at;
    rc = rc ? rc : api_read_at(a.at, &at, &options.request.filter.at, err);
    rc = rc ? rc : api_begin(&call, a.observer, err);
    rc = rc ? rc : api_need(folder, "folder", err);
    rc =
        rc ? rc : wtl_report_formats_parse(a.figures ? a.figures : "svg,png", options.formats, err);
    if (rc == 0 && a.plan_json) {
        rc = api_read_plans(&call.arena, "plan_json", a.plan_json, &plans, err);
        rc = rc ? rc
                : wtl_plan_file_narrow(&call.arena, "plan_json", options.request.filter.at, &plans,
                                       err);
        options.plans = &plans;
    }
    rc = rc ? rc : read_report_documents(&call.arena, &a, &options, err);
    rc = rc ? rc : wtl_boards_load(&call.arena, &boards, &n_boards, err);
    options.request.boards = boards;
    options.request.n_boards = n_boards;
    rc = rc ? rc : api_open(&call, campaign, WTL_CAMPAIGN_READ, err);
    rc = rc ? rc
            : wtl_flow_report(&call.flow, call.campaign, &options, &call.arena, &files, &result,
                              err);
    rc = rc ? rc : wtl_file_set_commit(&files, err);
    if (rc < 0 || !json_out)
        return rc;
    return api_give_json(wtl_report_json(&result), json_out, err);
}

/* ---- Deploy -----------------------------------------------------------------------------------*/

static int read_deploy_args(const struct wtl_deploy_args *a, const char *folder,
                            struct wtl_deploy_options *options, struct wtl_error *err)
{
    *options = (struct wtl_deploy_options){.dir = folder,
                                           .plan_path = a->plan_name ? a->plan_name : "",
                                           .program = a->program ? a->program : WTL_DEPLOY_PROGRAM,
                                           .without_wattle = a->flags & WTL_DEPLOY_WITHOUT_WATTLE,
                                           .memory_clock_mhz = (int)a->memory_clock_mhz};
    if (a->memory_clock_mhz < 0 || a->memory_clock_mhz > 100000)
        return WTL_FAIL(err, WTL_USAGE, "memory_clock_mhz is %lld, not 0 to 100000",
                        (long long)a->memory_clock_mhz);
    if (a->memory_clock_mhz && !options->without_wattle)
        return WTL_FAIL(err, WTL_USAGE,
                        "memory_clock_mhz goes with the flag WTL_DEPLOY_WITHOUT_WATTLE");
    return 0;
}

static int give_production(const struct wtl_deployment *d, char **json_out, struct wtl_error *err)
{
    struct wtl_buf text;
    wtl_buf_init(&text, wtl_alloc_system(), WTL_LIMIT_DOCUMENT_BYTES);
    int rc = wtl_deploy_production(d, &text, err);
    if (rc < 0) {
        wtl_buf_fini(&text);
        return rc;
    }
    return api_give_text(&text, json_out, err);
}

int wtl_deploy(const char *plan_json, const char *folder, const struct wtl_deploy_args *args,
               char **json_out, struct wtl_error *err)
{
    API_CALL(call);
    WTL_FILE_SET(files);
    struct wtl_deploy_args a;
    struct wtl_deploy_options options;
    struct wtl_plan_file plans;
    struct wtl_deployment d;
    int rc = api_take("wtl_deploy_args", args, &a, sizeof a, err);
    rc = rc ? rc : api_begin(&call, a.observer, err);
    rc = rc ? rc : api_need(folder, "folder", err);
    rc = rc ? rc : api_check_flags("wtl_deploy_args", a.flags, WTL_DEPLOY_WITHOUT_WATTLE, err);
    rc = rc ? rc : read_deploy_args(&a, folder, &options, err);
    rc = rc ? rc : api_read_plans(&call.arena, "plan_json", plan_json, &plans, err);
    rc = rc ? rc : wtl_flow_deploy(&call.flow, &plans, &options, &call.arena, &files, &d, err);
    rc = rc ? rc : wtl_file_set_commit(&files, err);
    if (rc < 0 || !json_out)
        return rc;
    return give_production(&d, json_out, err);
}
