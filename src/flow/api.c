/* SPDX-License-Identifier: Apache-2.0
 * The public functions: their arguments checked and handed to the flows, results as JSON text.
 * Nothing else: what a flow cannot do is not done here. */
#include "wattle/wattle.h"

#include "base/text.h"
#include "codec/json.h"
#include "flow/flow.h"
#include "flow/optimize.h"
#include "flow/report.h"
#include "flow/show.h"
#include "trace/mapping.h"
#include "wattle_config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static_assert((int)WTL_MESSAGE_WARNING == (int)WTL_LOG_WARNING &&
                  (int)WTL_MESSAGE_INFO == (int)WTL_LOG_INFO &&
                  (int)WTL_MESSAGE_DEBUG == (int)WTL_LOG_DEBUG,
              "public and internal levels are the same");

const char *wtl_version(void)
{
    return WTL_VERSION;
}

void wtl_free(void *result)
{
    free(result);
}

/* ---- Arguments --------------------------------------------------------------------------------*/

/* Copies a caller's struct, older (smaller) or newer (larger) than ours, into ours. NULL: zeros. */
static int take_struct(const char *name, const void *given, void *ours, size_t size,
                       struct wtl_error *err)
{
    size_t n;
    memset(ours, 0, size);
    if (!given)
        return 0;
    memcpy(&n, given, sizeof n);
    if (n < sizeof n || n > 4096) {
        int rc = WTL_FAIL(err, WTL_USAGE, "%s has the size %zu", name, n);
        wtl_error_hint(err, "set its first member: {.size = sizeof(struct %s)}", name);
        return rc;
    }
    for (size_t i = size; i < n; i++)
        if (((const unsigned char *)given)[i])
            return WTL_FAIL(err, WTL_UNSUPPORTED,
                            "%s has a member that libwattle " WTL_VERSION " does not know", name);
    memcpy(ours, given, n < size ? n : size);
    return 0;
}

static int check_flags(const char *name, uint64_t flags, uint64_t known, struct wtl_error *err)
{
    if (flags & ~known)
        return WTL_FAIL(err, WTL_UNSUPPORTED,
                        "%s has a flag that libwattle " WTL_VERSION " does not know: 0x%llx", name,
                        (unsigned long long)(flags & ~known));
    return 0;
}

static int need(const void *p, const char *what, struct wtl_error *err)
{
    return p ? 0 : WTL_FAIL(err, WTL_USAGE, "%s is NULL", what);
}

/* ---- A call -----------------------------------------------------------------------------------*/

/* What every call needs while it works. Not to be moved: log.ctx points into it. */
struct call {
    struct wtl_arena arena;
    struct wtl_observer observer;
    struct wtl_log log;
    struct wtl_flow flow;
    struct wtl_campaign *campaign;
};

static void forward_message(void *ctx, enum wtl_log_level level, const char *message)
{
    const struct wtl_observer *o = ctx;
    o->message(o->ctx, (int)level, message);
}

static void forward_progress(void *ctx, const char *what, int64_t done, int64_t total,
                             int64_t bytes)
{
    const struct wtl_observer *o = ctx;
    o->progress(o->ctx, what, done, total, bytes);
}

static void call_fini(struct call *call)
{
    wtl_campaign_close(call->campaign);
    wtl_arena_fini(&call->arena);
}

/* `struct call c __attribute__((cleanup(call_fini)))` may be zeros or begun. */
static int call_begin(struct call *call, const struct wtl_observer *observer, const char *campaign,
                      struct wtl_error *err)
{
    wtl_arena_init(&call->arena, wtl_alloc_system());
    int rc = need(campaign, "campaign", err);
    rc = rc ? rc
            : take_struct("wtl_observer", observer, &call->observer, sizeof call->observer, err);
    call->log = (struct wtl_log){.message = call->observer.message ? forward_message : NULL,
                                 .progress = call->observer.progress ? forward_progress : NULL,
                                 .ctx = &call->observer};
    call->flow = (struct wtl_flow){
        .alloc = wtl_alloc_system(), .clock = wtl_clock_system(), .log = &call->log, .threads = 1};
    return rc;
}

static int call_open(struct call *call, const char *campaign, enum wtl_campaign_mode mode,
                     struct wtl_error *err)
{
    return wtl_campaign_open(campaign, mode, call->flow.clock, &call->campaign, err);
}

#define CALL(name) __attribute__((cleanup(call_fini))) struct call name = {0}

/* Hands the text of a buffer on the system allocator to the caller. */
static int give_text(struct wtl_buf *text, char **json_out, struct wtl_error *err)
{
    if (text->failed || !text->data) {
        wtl_buf_fini(text);
        return WTL_FAIL(err, WTL_NOMEM, "out of memory writing the JSON document");
    }
    *json_out = text->data;
    return 0;
}

/* The same for a document, whose reference it drops. */
static int give_json(json_t *document, char **json_out, struct wtl_error *err)
{
    struct wtl_buf text;
    wtl_buf_init(&text, wtl_alloc_system(), WTL_LIMIT_DOCUMENT_BYTES);
    if (!document || !wtl_json_write(document, &text))
        text.failed = true;
    json_decref(document);
    return give_text(&text, json_out, err);
}

/* ---- Import -----------------------------------------------------------------------------------*/

static int read_import_args(struct call *call, const struct wtl_import_args *a,
                            struct wtl_import_options *options, struct wtl_error *err)
{
    int rc = check_flags("wtl_import_args", a->flags,
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
    CALL(call);
    struct wtl_import_args a;
    struct wtl_import_options options = {.paths = paths, .n_paths = n_paths};
    struct wtl_import_result result;
    int rc = take_struct("wtl_import_args", args, &a, sizeof a, err);
    rc = rc ? rc : call_begin(&call, a.observer, campaign, err);
    rc = rc ? rc : need(n_paths ? paths : NULL, "paths", err);
    for (size_t i = 0; rc == 0 && i < n_paths; i++)
        rc = need(paths[i], "a path", err);
    rc = rc ? rc : read_import_args(&call, &a, &options, err);
    rc = rc ? rc : call_open(&call, campaign, WTL_CAMPAIGN_CREATE, err);
    rc = rc ? rc : wtl_flow_import(&call.flow, call.campaign, &options, &call.arena, &result, err);
    if (rc < 0 || !json_out)
        return rc;
    return give_json(wtl_import_json(&result, campaign), json_out, err);
}

/* ---- Show -------------------------------------------------------------------------------------*/

int wtl_show(const char *campaign, const struct wtl_show_args *args, char **json_out,
             struct wtl_error *err)
{
    CALL(call);
    struct wtl_show_args a;
    int rc = take_struct("wtl_show_args", args, &a, sizeof a, err);
    rc = rc ? rc : call_begin(&call, a.observer, campaign, err);
    rc = rc ? rc : need(json_out, "json_out", err);
    rc = rc ? rc : check_flags("wtl_show_args", a.flags, WTL_SHOW_RUNS | WTL_SHOW_SOURCES, err);
    struct wtl_show show = {.path = campaign,
                            .list_runs = a.flags & WTL_SHOW_RUNS,
                            .list_sources = a.flags & WTL_SHOW_SOURCES};
    const struct wtl_run_filter filter = {.gpu = a.gpu, .workload = a.workload};
    rc = rc ? rc : call_open(&call, campaign, WTL_CAMPAIGN_READ, err);
    rc = rc ? rc : wtl_flow_show(&call.flow, call.campaign, &filter, &call.arena, &show, err);
    return rc < 0 ? rc : give_json(wtl_show_json(&show), json_out, err);
}

/* ---- Optimize ---------------------------------------------------------------------------------*/

static int read_policy(struct wtl_arena *arena, const struct wtl_optimize_args *a,
                       struct wtl_optimize_request *request, struct wtl_error *err)
{
    if (a->policy && a->policy_yaml)
        return WTL_FAIL(err, WTL_USAGE, "policy and policy_yaml exclude each other");
    if (!a->policy && !a->policy_yaml)
        return a->category ? WTL_FAIL(err, WTL_USAGE, "category needs a policy") : 0;
    struct wtl_policy_file *file = WTL_NEW(arena, struct wtl_policy_file);
    if (!file)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    request->policy = file;
    request->category = a->category;
    return a->policy ? wtl_policy_file_read(arena, a->policy, file, err)
                     : wtl_policy_file_parse(arena, a->policy_yaml, strlen(a->policy_yaml),
                                             "policy_yaml", file, err);
}

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

static int give_plans(const struct wtl_plan_file *file, char **json_out, struct wtl_error *err)
{
    struct wtl_buf text;
    wtl_buf_init(&text, wtl_alloc_system(), WTL_LIMIT_DOCUMENT_BYTES);
    int rc = wtl_plan_file_text(file, &text, err);
    if (rc < 0) {
        wtl_buf_fini(&text);
        return rc;
    }
    return give_text(&text, json_out, err);
}

int wtl_optimize(const char *campaign, const struct wtl_optimize_args *args, char **json_out,
                 struct wtl_error *err)
{
    CALL(call);
    struct wtl_optimize_args a;
    struct wtl_board *boards = NULL;
    struct wtl_plan_file file;
    int rc = take_struct("wtl_optimize_args", args, &a, sizeof a, err);
    struct wtl_optimize_request request = {.filter = {a.gpu, a.workload, a.job}};
    rc = rc ? rc : call_begin(&call, a.observer, campaign, err);
    rc = rc ? rc : need(json_out, "json_out", err);
    rc = rc ? rc : read_policy(&call.arena, &a, &request, err);
    rc = rc ? rc : read_bootstrap(&a, &request.options, err);
    rc = rc ? rc : wtl_boards_load(&call.arena, &boards, &request.n_boards, err);
    request.boards = boards;
    rc = rc ? rc : call_open(&call, campaign, WTL_CAMPAIGN_READ, err);
    rc = rc ? rc : wtl_flow_optimize(&call.flow, call.campaign, &request, &call.arena, &file, err);
    return rc < 0 ? rc : give_plans(&file, json_out, err);
}

/* ---- Report -----------------------------------------------------------------------------------*/

static int read_plans(struct wtl_arena *arena, const char *name, const char *text,
                      const struct wtl_plan_file **out, struct wtl_error *err)
{
    json_t *root = NULL;
    if (!text)
        return 0;
    struct wtl_plan_file *file = WTL_NEW(arena, struct wtl_plan_file);
    int rc = file ? wtl_json_parse(text, strlen(text), name, &root, err)
                  : WTL_FAIL(err, WTL_NOMEM, "out of memory");
    if (rc < 0)
        return rc;
    rc = wtl_plan_from_json(arena, name, root, file, err);
    json_decref(root);
    if (rc == 0)
        *out = file;
    return rc;
}

int wtl_report(const char *campaign, const char *folder, const struct wtl_report_args *args,
               char **json_out, struct wtl_error *err)
{
    CALL(call);
    struct wtl_report_args a;
    struct wtl_report_result result;
    struct wtl_board *boards = NULL;
    size_t n_boards = 0;
    int rc = take_struct("wtl_report_args", args, &a, sizeof a, err);
    struct wtl_report_options options = {
        .dir = folder,
        .only = a.only,
        .request = {.filter = {.gpu = a.gpu, .workload = a.workload}}};
    rc = rc ? rc : call_begin(&call, a.observer, campaign, err);
    rc = rc ? rc : need(folder, "folder", err);
    rc =
        rc ? rc : wtl_report_formats_parse(a.figures ? a.figures : "svg,png", options.formats, err);
    rc = rc ? rc : read_plans(&call.arena, "plan_json", a.plan_json, &options.plans, err);
    rc = rc ? rc : wtl_boards_load(&call.arena, &boards, &n_boards, err);
    options.request.boards = boards;
    options.request.n_boards = n_boards;
    rc = rc ? rc : call_open(&call, campaign, WTL_CAMPAIGN_READ, err);
    rc = rc ? rc : wtl_flow_report(&call.flow, call.campaign, &options, &call.arena, &result, err);
    if (rc < 0 || !json_out)
        return rc;
    return give_json(wtl_report_json(&result), json_out, err);
}
