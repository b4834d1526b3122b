/* SPDX-License-Identifier: Apache-2.0
 *
 * The completions of OpenAI's API as vLLM, SGLang, TGI, llama.cpp and others serve them: POST
 * /v1/completions and /v1/chat/completions, streamed as server-sent events or in one piece.
 * (platform.openai.com/docs/api-reference/completions and .../chat; docs.vllm.ai,
 * "OpenAI-Compatible Server", for ignore_eos.)
 */
#ifndef WTL_LOAD_OPENAI_H
#define WTL_LOAD_OPENAI_H

#include "load/exchange.h"
#include "load/lengths.h"

#include "base/alloc.h"

/* Prompts from a file of JSON lines. A line is a string, or an object with "prompt" (a string) or
 * "messages" (those of a chat), and "max_tokens" where it has a bound of its own. */
struct wtl_prompts {
    size_t n;
    const char **json;          /* the prompt, or the messages, as JSON */
    const uint32_t *max_tokens; /* 0: as configured */
};

/* For `chat`, a lone prompt becomes the user's message; without, messages are an error.
 * -WTL_PARSE with the line. */
int wtl_prompts_parse(struct wtl_arena *arena, const char *name, const char *text, size_t n,
                      bool chat, struct wtl_prompts *out, struct wtl_error *err);

struct wtl_openai_config {
    const char *model;
    bool chat, stream;
    bool ask_usage;  /* of a stream: "stream_options": {"include_usage": true} */
    bool ignore_eos; /* vLLM, SGLang: go on to max_tokens */
    double temperature;
    const char *extra; /* a JSON object, whose members go into every request; NULL: none */
    const struct wtl_prompts *prompts; /* NULL: made-up words; else by turns */
    struct wtl_lengths prompt, output;
    /* Of recorded arrivals: tokens of the k-th request; where NULL, the lengths above. */
    const uint32_t *trace_prompt, *trace_output;
    size_t trace_n;
    uint64_t seed;
};

struct wtl_openai {
    struct wtl_openai_config config;
    const char *head; /* "{"model": ..., " up to what differs between requests */
};

/* Lives in the arena; texts and arrays of `config` must outlive it. -WTL_USAGE where `extra` is no
 * object or has a member that is made here. */
int wtl_openai_init(struct wtl_openai *o, struct wtl_arena *arena,
                    const struct wtl_openai_config *config, struct wtl_error *err);

/* "/v1/chat/completions" ... */
const char *wtl_openai_path(const struct wtl_openai *o);

/* `o` must outlive it. */
struct wtl_dialect wtl_openai_dialect(struct wtl_openai *o);

/* Whether the list of models that GET /v1/models gives has one of this name. -WTL_NOTFOUND names
 * what it has; -WTL_PARSE where it is no such list. */
int wtl_openai_find_model(const char *text, size_t n, const char *model, struct wtl_error *err);

#endif
