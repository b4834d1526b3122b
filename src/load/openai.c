/* SPDX-License-Identifier: Apache-2.0
 * Requests for completions, and answers, whole and streamed. */
#include "load/openai.h"

#include "base/limits.h"
#include "codec/json.h"
#include "load/words.h"

#include <math.h>
#include <string.h>

/* ---- prompts of a file ----------------------------------------------------------------------- */

/* What stands in a request for one line: a string, or a list of messages. */
static json_t *prompt_value(const json_t *line, bool chat)
{
    const json_t *prompt = json_is_string(line) ? line : json_object_get(line, "prompt");
    json_t *messages = json_object_get(line, "messages");
    if (chat && json_is_array(messages) && json_array_size(messages) > 0)
        return json_incref(messages);
    if (!json_is_string(prompt))
        return NULL;
    json_t *text = json_string_nocheck(json_string_value(prompt));
    return chat ? json_pack("[{s:s, s:o}]", "role", "user", "content", text) : text;
}

struct prompt_reading {
    struct wtl_arena *arena;
    const char *name;
    bool chat;
    size_t n, cap_json, cap_max;
    const char **json;
    uint32_t *max_tokens;
};

static int add_prompt(struct prompt_reading *r, const json_t *line, struct wtl_error *err)
{
    const json_t *max = json_object_get(line, "max_tokens");
    json_int_t most = max ? json_integer_value(max) : 0;
    if (max && (!json_is_integer(max) || most < 1 || most > WTL_LIMIT_TOKENS))
        return WTL_FAIL(err, WTL_PARSE, "\"max_tokens\" must be a number from 1 to %d",
                        WTL_LIMIT_TOKENS);
    json_t *value = prompt_value(line, r->chat);
    if (!value) {
        int rc = WTL_FAIL(err, WTL_PARSE, "there is no prompt in this line");
        wtl_error_hint(err, r->chat ? "a string, {\"prompt\": STRING} or {\"messages\": [...]}"
                                    : "a string or {\"prompt\": STRING}; messages need --chat");
        return rc;
    }
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    json_decref(value);
    bool room = wtl_grow(r->arena, &r->json, r->n, &r->cap_json) == 0 &&
                wtl_grow(r->arena, &r->max_tokens, r->n, &r->cap_max) == 0;
    const char *kept = text && room ? wtl_arena_strdup(r->arena, text) : NULL;
    free(text);
    if (!kept)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    r->json[r->n] = kept;
    r->max_tokens[r->n++] = (uint32_t)most;
    return 0;
}

static int parse_line(struct prompt_reading *r, struct wtl_view line, struct wtl_error *err)
{
    json_t *root = NULL;
    int rc = 0;
    if (line.n > 0 && line.s[0] == '"') { /* a lone string, which the parser takes in a list only */
        WTL_ARENA(scratch);
        char *list = wtl_arena_printf(&scratch, "[%.*s]", (int)line.n, line.s);
        rc = list ? wtl_json_parse(list, line.n + 2, r->name, &root, err)
                  : WTL_FAIL(err, WTL_NOMEM, "out of memory");
        if (rc == 0)
            rc = add_prompt(r, json_array_get(root, 0), err);
    } else {
        rc = wtl_json_parse(line.s, line.n, r->name, &root, err);
        if (rc == 0)
            rc = add_prompt(r, root, err);
    }
    json_decref(root);
    return rc;
}

int wtl_prompts_parse(struct wtl_arena *arena, const char *name, const char *text, size_t n,
                      bool chat, struct wtl_prompts *out, struct wtl_error *err)
{
    struct prompt_reading r = {.arena = arena, .name = name, .chat = chat};
    const char *end = text + n;
    if (n > WTL_LIMIT_DOCUMENT_BYTES)
        return WTL_FAIL(err, WTL_LIMIT, "\"%s\" is larger than %d bytes", name,
                        WTL_LIMIT_DOCUMENT_BYTES);
    for (int64_t number = 1; text < end; number++) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        size_t length = (size_t)((stop ? stop : end) - text);
        struct wtl_view line = wtl_view_trim((struct wtl_view){text, length});
        int rc = line.n > 0 ? parse_line(&r, line, err) : 0;
        if (rc < 0) {
            if (err) { /* the parser knows lines of its own text only */
                err->input_file[0] = '\0';
                err->input_line = err->input_column = 0;
            }
            wtl_error_input(err, name, number, 0);
            return rc;
        }
        text = stop ? stop + 1 : end;
    }
    if (r.n == 0) {
        int rc = WTL_FAIL(err, WTL_PARSE, "there are no prompts in it");
        wtl_error_input(err, name, 0, 0);
        return rc;
    }
    *out = (struct wtl_prompts){.n = r.n, .json = r.json, .max_tokens = r.max_tokens};
    return 0;
}

/* ---- requests -------------------------------------------------------------------------------- */

/* Members that we make. */
static const char *const ours[] = {"model",  "prompt",         "messages",   "max_tokens",
                                   "stream", "stream_options", "ignore_eos", "temperature"};

static int add_extra(json_t *head, const char *text, struct wtl_error *err)
{
    json_t *extra = NULL;
    int rc = wtl_json_parse(text, strlen(text), "--extra", &extra, err);
    if (rc == 0 && !json_is_object(extra))
        rc = WTL_FAIL(err, WTL_USAGE, "--extra is no JSON object");
    for (size_t i = 0; rc == 0 && i < sizeof ours / sizeof ours[0]; i++)
        if (json_object_get(extra, ours[i]))
            rc = WTL_FAIL(err, WTL_USAGE, "\"%s\" is no part of --extra: it is made here", ours[i]);
    if (rc == 0 && json_object_update(head, extra) != 0)
        rc = WTL_FAIL(err, WTL_NOMEM, "out of memory");
    json_decref(extra);
    return rc;
}

static json_t *head_json(const struct wtl_openai_config *c)
{
    json_t *head = json_object();
    wtl_json_put(&head, "model", wtl_json_text(c->model));
    wtl_json_put(&head, "temperature",
                 c->temperature == 0 ? json_integer(0) : wtl_json_finite(c->temperature));
    wtl_json_put(&head, "stream", json_boolean(c->stream));
    if (c->stream && c->ask_usage)
        wtl_json_put(&head, "stream_options", json_pack("{s:b}", "include_usage", 1));
    if (c->ignore_eos)
        wtl_json_put(&head, "ignore_eos", json_true());
    return head;
}

int wtl_openai_init(struct wtl_openai *o, struct wtl_arena *arena,
                    const struct wtl_openai_config *config, struct wtl_error *err)
{
    struct wtl_buf text;
    json_t *head = head_json(config);
    int rc = head ? 0 : WTL_FAIL(err, WTL_NOMEM, "out of memory");
    if (rc == 0 && config->extra)
        rc = add_extra(head, config->extra, err);
    wtl_buf_init(&text, wtl_alloc_system(), WTL_LIMIT_DOCUMENT_BYTES);
    if (rc == 0) {
        bool written = wtl_json_write_line(head, &text);
        const char *kept = written ? wtl_arena_strndup(arena, text.data, text.len - 1) : NULL;
        if (kept)
            *o = (struct wtl_openai){.config = *config, .head = kept};
        else
            rc = WTL_FAIL(err, WTL_NOMEM, "out of memory");
    }
    wtl_buf_fini(&text);
    json_decref(head);
    return rc;
}

const char *wtl_openai_path(const struct wtl_openai *o)
{
    return o->config.chat ? "/v1/chat/completions" : "/v1/completions";
}

static int make_request(void *ctx, struct wtl_exchange *x, struct wtl_error *err)
{
    const struct wtl_openai *o = ctx;
    const struct wtl_openai_config *c = &o->config;
    const struct wtl_prompts *p = c->prompts;
    struct wtl_buf *b = &x->own;
    struct wtl_rng rng;
    size_t at = p ? (size_t)(x->number % p->n) : 0;
    bool recorded = x->number < c->trace_n;
    wtl_rng_init_stream(&rng, c->seed, x->number);
    x->asked_in = recorded && c->trace_prompt ? c->trace_prompt[x->number]
                                              : wtl_lengths_draw(&c->prompt, &rng);
    x->asked_out = recorded && c->trace_output ? c->trace_output[x->number]
                                               : wtl_lengths_draw(&c->output, &rng);
    if (p && p->max_tokens[at])
        x->asked_out = p->max_tokens[at];
    if (x->asked_out == 0) /* of a trace: a request that was answered with nothing */
        x->asked_out = 1;
    wtl_buf_printf(b, "%s, \"max_tokens\": %u, \"%s\": ", o->head, x->asked_out,
                   c->chat ? "messages" : "prompt");
    if (p) {
        x->asked_in = 0; /* only the server can count them */
        wtl_buf_puts(b, p->json[at]);
    } else {
        wtl_buf_puts(b, c->chat ? "[{\"role\": \"user\", \"content\": \"" : "\"");
        wtl_words(&rng, x->asked_in, b);
        wtl_buf_puts(b, c->chat ? "\"}]" : "\"");
    }
    wtl_buf_putc(b, '}');
    if (b->failed)
        return WTL_FAIL(err, WTL_NOMEM, "request %llu with %u tokens does not fit memory",
                        (unsigned long long)x->number, x->asked_in);
    x->body = b->data;
    x->body_size = b->len;
    return 0;
}

/* ---- answers --------------------------------------------------------------------------------- */

static json_t *parse_answer(struct wtl_exchange *x, const char *text, size_t n)
{
    json_t *root = NULL;
    struct wtl_error err = {0};
    int rc = wtl_json_parse(text, n, "answer", &root, &err);
    if (rc < 0)
        wtl_exchange_end(x, rc == -WTL_NOMEM ? WTL_OUTCOME_MEMORY : WTL_OUTCOME_WRONG,
                         "%.100s in \"%.40s\"", err.message, text);
    else if (!json_is_object(root))
        wtl_exchange_end(x, WTL_OUTCOME_WRONG, "\"%.40s\" is no JSON object", text);
    return root;
}

/* {"error": {"message": ...}}, {"error": "..."}, and vLLM's older {"object": "error", "message"}.
 */
static bool tells_error(struct wtl_exchange *x, const json_t *root)
{
    const json_t *error = json_object_get(root, "error");
    const char *object = json_string_value(json_object_get(root, "object"));
    if (object && strcmp(object, "error") == 0)
        error = root;
    if (!error || json_is_null(error))
        return false;
    const char *text = json_string_value(error);
    if (!text)
        text = json_string_value(json_object_get(error, "message"));
    wtl_exchange_end(x, WTL_OUTCOME_ERROR, "%s", text && *text ? text : "error without a message");
    return true;
}

static bool token_count(const json_t *usage, const char *key, uint32_t *out)
{
    const json_t *v = json_object_get(usage, key);
    json_int_t n = json_integer_value(v);
    if (!json_is_integer(v) || n < 0 || n > WTL_LIMIT_TOKENS)
        return false;
    *out = (uint32_t)n;
    return true;
}

static void note_usage(struct wtl_exchange *x, const json_t *root)
{
    const json_t *usage = json_object_get(root, "usage");
    uint32_t in = 0, out = 0;
    if (token_count(usage, "completion_tokens", &out)) {
        (void)token_count(usage, "prompt_tokens", &in);
        x->usage = true;
        x->tokens_in = in;
        x->tokens_out = out;
    }
}

/* Whether a choice (a completion's "text", a chat's "delta" or "message" with any text but the
 * role: content, reasoning, calls of tools) has something that the model made. */
static bool has_content(const json_t *choice)
{
    static const char *const parts[] = {"delta", "message"};
    const char *text = json_string_value(json_object_get(choice, "text"));
    if (text && *text)
        return true;
    for (int i = 0; i < 2; i++) {
        const json_t *part = json_object_get(choice, parts[i]), *value;
        const char *key;
        json_object_foreach((json_t *)(uintptr_t)part, key, value)
        {
            const char *s = json_string_value(value);
            if (strcmp(key, "role") != 0 && ((s && *s) || json_array_size(value) > 0))
                return true;
        }
    }
    return false;
}

static void look_at_choices(struct wtl_exchange *x, const json_t *root)
{
    const json_t *choices = json_object_get(root, "choices");
    bool content = false;
    for (size_t i = 0; i < json_array_size(choices); i++) {
        const json_t *choice = json_array_get(choices, i);
        content |= has_content(choice);
        x->saw_end |= json_is_string(json_object_get(choice, "finish_reason"));
    }
    if (content)
        wtl_exchange_token(x);
}

static void on_event(void *ctx, const char *data, size_t n)
{
    struct wtl_exchange *x = ctx;
    if (x->outcome != WTL_OUTCOME_OK)
        return;
    if (strcmp(data, "[DONE]") == 0) {
        x->saw_end = true;
        return;
    }
    json_t *root = parse_answer(x, data, n);
    if (x->outcome == WTL_OUTCOME_OK && !tells_error(x, root)) {
        look_at_choices(x, root);
        note_usage(x, root);
    }
    json_decref(root);
}

static void take_stream(void *ctx, struct wtl_exchange *x, const char *bytes, size_t n)
{
    (void)ctx;
    if (!wtl_exchange_expect_type(x, "text/event-stream"))
        return;
    if (!wtl_sse_feed(&x->sse, bytes, n, on_event, x))
        wtl_exchange_end(x, WTL_OUTCOME_TOO_LARGE, "an event of over %d bytes", WTL_EXCHANGE_EVENT);
}

static void end_stream(void *ctx, struct wtl_exchange *x)
{
    (void)ctx;
    if (!wtl_exchange_expect_type(x, "text/event-stream"))
        return;
    if (!x->saw_end)
        wtl_exchange_end(x, WTL_OUTCOME_TRUNCATED, "the stream ended after %u events", x->events);
    if (!x->usage)
        x->tokens_out = x->events;
}

static void take_whole(void *ctx, struct wtl_exchange *x, const char *bytes, size_t n)
{
    (void)ctx;
    wtl_exchange_keep(x, bytes, n);
}

static void end_whole(void *ctx, struct wtl_exchange *x)
{
    (void)ctx;
    if (!wtl_exchange_expect_type(x, "application/json"))
        return;
    json_t *root = parse_answer(x, wtl_buf_str(&x->reply), x->reply.len);
    if (x->outcome == WTL_OUTCOME_OK && !tells_error(x, root)) {
        if (json_array_size(json_object_get(root, "choices")) == 0)
            wtl_exchange_end(x, WTL_OUTCOME_WRONG, "the answer has no \"choices\"");
        note_usage(x, root);
    }
    json_decref(root);
}

struct wtl_dialect wtl_openai_dialect(struct wtl_openai *o)
{
    bool stream = o->config.stream;
    return (struct wtl_dialect){.ctx = o,
                                .request = make_request,
                                .data = stream ? take_stream : take_whole,
                                .end = stream ? end_stream : end_whole};
}

/* ---- models ---------------------------------------------------------------------------------- */

int wtl_openai_find_model(const char *text, size_t n, const char *model, struct wtl_error *err)
{
    json_t *root = NULL;
    struct wtl_json data;
    char known[200] = "";
    int rc = wtl_json_parse(text, n, "/v1/models", &root, err);
    if (rc < 0)
        return rc;
    struct wtl_json at = wtl_json_root(root, "/v1/models");
    rc = wtl_json_array(&at, "data", &data, err);
    bool found = false;
    for (size_t i = 0; rc == 0 && !found && i < wtl_json_count(&data); i++) {
        const char *id = NULL;
        struct wtl_json item = wtl_json_item(&data, i);
        rc = wtl_json_string(&item, "id", &id, err);
        found = rc == 0 && strcmp(id, model) == 0;
        if (rc == 0 && strlen(known) + strlen(id) + 3 < sizeof known)
            (void)snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s",
                           *known ? ", " : "", id);
    }
    if (rc == 0 && !found) {
        rc = WTL_FAIL(err, WTL_NOTFOUND, "the server has no model \"%s\"", model);
        wtl_error_hint(err, "it has %s", *known ? known : "none");
    }
    json_decref(root);
    return rc;
}
