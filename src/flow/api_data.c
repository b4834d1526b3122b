/* SPDX-License-Identifier: Apache-2.0
 * Public functions: traces and tables into a campaign, what it holds, tables out of it. */
#include "flow/api_impl.h"

#include "base/file.h"
#include "flow/export.h"
#include "flow/show.h"
#include "trace/mapping.h"

#include <string.h>

/* ---- Import -----------------------------------------------------------------------------------*/

static int read_import_args(struct api_call *call, const struct wtl_import_args *a,
                            struct wtl_import_options *options, struct wtl_error *err)
{
    int rc = api_check_flags("wtl_import_args", a->flags,
                             WTL_IMPORT_KEEP_SAMPLES | WTL_IMPORT_KEEP_GOING, err);
    if (rc == 0 && (a->threads < 0 || a->threads > WTL_LIMIT_THREADS))
        rc = WTL_FAIL(err, WTL_USAGE, "threads is %lld, not 1 to %d", (long long)a->threads,
                      WTL_LIMIT_THREADS);
    if (rc == 0 && !(a->interval_s >= 0 && a->interval_s <= 3600))
        rc = WTL_FAIL(err, WTL_USAGE, "interval_s is %g, not 0 to 3600", a->interval_s);
    if (rc == 0 && a->mapping_yaml)
        rc = wtl_mapping_load(&call->arena, a->mapping_yaml, strlen(a->mapping_yaml),
                              "mapping_yaml", &options->mapping, err);
    if (rc == 0 && a->naming_yaml)
        rc = wtl_naming_load(&call->arena, a->naming_yaml, strlen(a->naming_yaml), "naming_yaml",
                             &options->naming, err);
    if (a->threads > 0)
        call->flow.threads = (int)a->threads;
    options->gpu = a->gpu;
    options->workload = a->workload;
    options->reader = a->reader;
    options->interval_s = a->interval_s;
    options->keep_samples = a->flags & WTL_IMPORT_KEEP_SAMPLES;
    options->keep_going = a->flags & WTL_IMPORT_KEEP_GOING;
    return rc;
}

int wtl_import(const char *campaign, const char *const *paths, size_t n_paths,
               const struct wtl_import_args *args, char **json_out, struct wtl_error *err)
{
    API_CALL(call);
    struct wtl_import_args a;
    struct wtl_import_options options = {.paths = paths, .n_paths = n_paths};
    struct wtl_import_result result;
    int rc = api_take("wtl_import_args", args, &a, sizeof a, err);
    rc = rc ? rc : api_begin(&call, a.observer, err);
    rc = rc ? rc : api_need(campaign, "campaign", err);
    rc = rc ? rc : api_need(n_paths ? paths : NULL, "paths", err);
    for (size_t i = 0; rc == 0 && i < n_paths; i++)
        rc = api_need(paths[i], "a path", err);
    rc = rc ? rc : read_import_args(&call, &a, &options, err);
    rc = rc ? rc : api_open(&call, campaign, WTL_CAMPAIGN_CREATE, err);
    rc = rc ? rc : wtl_flow_import(&call.flow, call.campaign, &options, &call.arena, &result, err);
    if (rc < 0 || !json_out)
        return rc;
    return api_give_json(wtl_import_json(&result, campaign), json_out, err);
}

/* ---- Show -------------------------------------------------------------------------------------*/

static int give_document(struct api_call *call, const char *which, char **json_out,
                         struct wtl_error *err)
{
    const char *json = NULL;
    struct wtl_buf text;
    int rc = wtl_flow_document(call->campaign, which, &call->arena, &json, err);
    if (rc < 0)
        return rc;
    wtl_buf_init(&text, wtl_alloc_system(), WTL_LIMIT_DOCUMENT_BYTES);
    wtl_buf_puts(&text, json);
    return api_give_text(&text, json_out, err);
}

int wtl_show(const char *campaign, const struct wtl_show_args *args, char **json_out,
             struct wtl_error *err)
{
    API_CALL(call);
    struct wtl_show_args a;
    int rc = api_take("wtl_show_args", args, &a, sizeof a, err);
    rc = rc ? rc : api_begin(&call, a.observer, err);
    rc = rc ? rc : api_need(json_out, "json_out", err);
    rc = rc ? rc : api_check_flags("wtl_show_args", a.flags, WTL_SHOW_RUNS | WTL_SHOW_SOURCES, err);
    struct wtl_show show = {.path = campaign,
                            .list_runs = a.flags & WTL_SHOW_RUNS,
                            .list_sources = a.flags & WTL_SHOW_SOURCES};
    struct wtl_run_filter filter = {.gpu = a.gpu, .workload = a.workload};
    struct wtl_at at;
    rc = rc ? rc : api_read_at(a.at, &at, &filter.at, err);
    rc = rc ? rc : api_open(&call, campaign, WTL_CAMPAIGN_READ, err);
    if (rc == 0 && a.document)
        return give_document(&call, a.document, json_out, err);
    rc = rc ? rc : wtl_flow_show(&call.flow, call.campaign, &filter, &call.arena, &show, err);
    return rc < 0 ? rc : api_give_json(wtl_show_json(&show), json_out, err);
}

/* ---- Export -----------------------------------------------------------------------------------*/

int wtl_export(const char *campaign, const char *file, const struct wtl_export_args *args,
               char **json_out, struct wtl_error *err)
{
    API_CALL(call);
    struct wtl_export_args a;
    struct wtl_plan_file plans;
    struct wtl_buf csv;
    json_t *json = NULL;
    int rc = api_take("wtl_export_args", args, &a, sizeof a, err);
    struct wtl_export_request request = {.campaign = campaign,
                                         .filter = {.gpu = a.gpu, .workload = a.workload}};
    struct wtl_at at;
    wtl_buf_init(&csv, wtl_alloc_system(), WTL_EXPORT_BYTES_MAX);
    rc = rc ? rc : api_begin(&call, a.observer, err);
    rc = rc ? rc : api_need(file, "file", err);
    rc = rc ? rc : api_read_at(a.at, &at, &request.filter.at, err);
    rc = rc ? rc : wtl_export_table_parse(a.table ? a.table : "runs", &request.table, err);
    if (rc == 0 && !campaign == !a.plan_json)
        rc = WTL_FAIL(err, WTL_USAGE, "either a campaign or plan_json is needed, not both");
    if (rc == 0 && a.plan_json) {
        rc = api_read_plans(&call.arena, "plan_json", a.plan_json, &plans, err);
        request.plans = &plans;
    }
    rc = rc ? rc : wtl_flow_export(&call.flow, &request, &csv, err);
    rc = rc ? rc : wtl_file_write_atomic(file, wtl_buf_str(&csv), csv.len, 0666, err);
    if (rc == 0 && json_out) {
        json = wtl_export_json(file, request.table, &csv);
        rc = api_give_json(json, json_out, err);
    }
    wtl_buf_fini(&csv);
    return rc;
}
