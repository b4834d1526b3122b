/* SPDX-License-Identifier: Apache-2.0
 * What the public functions share: arguments checked and handed to the flows, results as JSON text.
 * Nothing else: what a flow cannot do is not done here. */
#include "flow/api_impl.h"

#include "codec/json.h"
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

int api_take(const char *name, const void *given, void *ours, size_t size, struct wtl_error *err)
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

int api_check_flags(const char *name, uint64_t flags, uint64_t known, struct wtl_error *err)
{
    if (flags & ~known)
        return WTL_FAIL(err, WTL_UNSUPPORTED,
                        "%s has a flag that libwattle " WTL_VERSION " does not know: 0x%llx", name,
                        (unsigned long long)(flags & ~known));
    return 0;
}

int api_need(const void *p, const char *what, struct wtl_error *err)
{
    return p ? 0 : WTL_FAIL(err, WTL_USAGE, "%s is NULL", what);
}

int api_read_at(const char *text, struct wtl_at *at, const struct wtl_at **out,
                struct wtl_error *err)
{
    int rc = text ? wtl_at_parse(text, at, err) : 0;
    if (rc == 0)
        *out = text ? at : NULL;
    return rc;
}

int api_read_policy(struct wtl_arena *arena, const char *policy, const char *policy_yaml,
                    const char *category, const struct wtl_policy_file **out, struct wtl_error *err)
{
    if (policy && policy_yaml)
        return WTL_FAIL(err, WTL_USAGE, "policy and policy_yaml exclude each other");
    if (!policy && !policy_yaml)
        return category ? WTL_FAIL(err, WTL_USAGE, "category needs a policy") : 0;
    struct wtl_policy_file *file = WTL_NEW(arena, struct wtl_policy_file);
    if (!file)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    *out = file;
    return policy ? wtl_policy_file_read(arena, policy, file, err)
                  : wtl_policy_file_parse(arena, policy_yaml, strlen(policy_yaml), "policy_yaml",
                                          file, err);
}

int api_read_plans(struct wtl_arena *arena, const char *name, const char *text,
                   struct wtl_plan_file *out, struct wtl_error *err)
{
    json_auto_t *root = NULL;
    int rc = api_need(text, name, err);
    rc = rc ? rc : wtl_json_parse(text, strlen(text), name, &root, err);
    return rc ? rc : wtl_plan_from_json(arena, name, root, out, err);
}

int api_read_verdict(struct wtl_arena *arena, const char *name, const char *text,
                     struct wtl_verdict_file *out, struct wtl_error *err)
{
    json_auto_t *root = NULL;
    int rc = api_need(text, name, err);
    rc = rc ? rc : wtl_json_parse(text, strlen(text), name, &root, err);
    return rc ? rc : wtl_verdict_from_json(arena, name, root, out, err);
}

int api_read_model(struct wtl_arena *arena, const char *name, const char *text,
                   struct wtl_predictor_file *out, struct wtl_error *err)
{
    json_auto_t *root = NULL;
    int rc = api_need(text, name, err);
    rc = rc ? rc : wtl_json_parse(text, strlen(text), name, &root, err);
    return rc ? rc : wtl_predictor_from_json(arena, name, root, out, err);
}

/* ---- A call -----------------------------------------------------------------------------------*/

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

void api_fini(struct api_call *call)
{
    wtl_campaign_close(call->campaign);
    wtl_arena_fini(&call->arena);
    if (call->plain) {
        uselocale(call->callers);
        freelocale(call->plain);
    }
}

int api_begin(struct api_call *call, const struct wtl_observer *observer, struct wtl_error *err)
{
    wtl_arena_init(&call->arena, wtl_alloc_system());
    call->plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!call->plain)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    call->callers = uselocale(call->plain);
    int rc = api_take("wtl_observer", observer, &call->observer, sizeof call->observer, err);
    call->log = (struct wtl_log){.message = call->observer.message ? forward_message : NULL,
                                 .progress = call->observer.progress ? forward_progress : NULL,
                                 .ctx = &call->observer};
    call->flow = (struct wtl_flow){
        .alloc = wtl_alloc_system(), .clock = wtl_clock_system(), .log = &call->log, .threads = 1};
    return rc;
}

int api_open(struct api_call *call, const char *campaign, enum wtl_campaign_mode mode,
             struct wtl_error *err)
{
    int rc = api_need(campaign, "campaign", err);
    return rc ? rc : wtl_campaign_open(campaign, mode, call->flow.clock, &call->campaign, err);
}

/* ---- Results ----------------------------------------------------------------------------------*/

int api_give_text(struct wtl_buf *text, char **json_out, struct wtl_error *err)
{
    if (text->failed || !text->data) {
        wtl_buf_fini(text);
        return WTL_FAIL(err, WTL_NOMEM, "out of memory writing the JSON document");
    }
    *json_out = text->data;
    return 0;
}

int api_give_json(json_t *document, char **json_out, struct wtl_error *err)
{
    struct wtl_buf text;
    wtl_buf_init(&text, wtl_alloc_system(), WTL_LIMIT_DOCUMENT_BYTES);
    if (!document || !wtl_json_write(document, &text))
        text.failed = true;
    json_decref(document);
    return api_give_text(&text, json_out, err);
}

int api_give_plans(const struct wtl_plan_file *file, char **json_out, struct wtl_error *err)
{
    struct wtl_buf text;
    wtl_buf_init(&text, wtl_alloc_system(), WTL_LIMIT_DOCUMENT_BYTES);
    int rc = wtl_plan_file_text(file, &text, err);
    if (rc < 0) {
        wtl_buf_fini(&text);
        return rc;
    }
    return api_give_text(&text, json_out, err);
}

int api_hand_over(int rc, char **text, char **out)
{
    if (rc < 0)
        wtl_free(*text);
    else if (out)
        *out = *text;
    return rc;
}
