/* SPDX-License-Identifier: Apache-2.0
 * Completions: the first byte chooses a stream, a whole answer, a list of models, or a file of
 * prompts, each of which must become a request that is JSON. */
#include "fuzz/fuzz.h"

#include "codec/json.h"
#include "load/openai.h"

#include <string.h>

static void answer(const char *text, size_t n, bool stream)
{
    struct wtl_openai o = {.config = {.stream = stream}, .head = "{"};
    struct wtl_dialect d = wtl_openai_dialect(&o);
    struct wtl_exchange x;
    wtl_exchange_init(&x, wtl_alloc_system());
    wtl_exchange_restart(&x);
    strcpy(x.content_type, stream ? "text/event-stream" : "application/json");
    size_t half = n / 2;
    d.data(d.ctx, &x, text, half);
    x.now_ns = 5;
    d.data(d.ctx, &x, text + half, n - half);
    d.end(d.ctx, &x);
    fuzz_check(x.outcome == WTL_OUTCOME_OK || x.why[0], "a failure says why");
    fuzz_check(x.outcome != WTL_OUTCOME_OK || !stream || x.saw_end, "a good stream has an end");
    fuzz_check(x.usage || x.outcome != WTL_OUTCOME_OK || x.tokens_out == x.events,
               "without usage, events are the tokens");
    wtl_exchange_fini(&x);
}

static void prompts(const char *text, size_t n, bool chat)
{
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_prompts p = {0};
    struct wtl_openai o;
    if (wtl_prompts_parse(&arena, "fuzz", text, n, chat, &p, &err) < 0) {
        fuzz_check(err.message[0] && p.n == 0, "a failure says why, and no more");
        return;
    }
    struct wtl_openai_config c = {
        .model = "m", .chat = chat, .prompts = &p, .prompt = {.a = 1}, .output = {.a = 1}};
    fuzz_check(wtl_openai_init(&o, &arena, &c, &err) == 0, "the configuration is good");
    struct wtl_dialect d = wtl_openai_dialect(&o);
    for (size_t i = 0; i < p.n; i++) {
        struct wtl_exchange x;
        json_t *root = NULL;
        wtl_exchange_init(&x, wtl_alloc_system());
        wtl_exchange_restart(&x);
        x.number = i;
        fuzz_check(d.request(d.ctx, &x, &err) == 0, "a prompt becomes a request");
        fuzz_check(wtl_json_parse(x.body, x.body_size, "body", &root, &err) == 0, "it is JSON");
        fuzz_check(json_integer_value(json_object_get(root, "max_tokens")) > 0, "with a bound");
        json_decref(root);
        wtl_exchange_fini(&x);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const char *text = (const char *)data + 1;
    struct wtl_error err = {0};
    switch (data[0] & 3) {
    case 0:
    case 1:
        answer(text, size - 1, data[0] & 1);
        break;
    case 2:
        if (wtl_openai_find_model(text, size - 1, "m", &err) < 0)
            fuzz_check(err.message[0], "a failure says why");
        break;
    default:
        prompts(text, size - 1, data[0] & 4);
    }
    return 0;
}
