/* SPDX-License-Identifier: Apache-2.0
 * `wattle load openai`: completions from a server of OpenAI's API. */
#include "cli/load_http.h"

#include "base/file.h"
#include "base/limits.h"
#include "codec/json.h"
#include "load/openai.h"

#include <string.h>

struct options {
    struct wtl_load_cli load;
    struct wtl_load_http_cli http;
    const char *prompt_tokens, *output_tokens, *prompts, *extra, *unit;
    struct wtl_opt_quantity temperature;
    bool chat, whole, no_usage, ignore_eos;
};

#define AT(member) offsetof(struct options, member)

static const struct wtl_opt opts[] = {
    {.name = "chat",
     .type = WTL_OPT_FLAG,
     .offset = AT(chat),
     .help = "asks /v1/chat/completions instead of /v1/completions"},
    {.name = "no-stream",
     .type = WTL_OPT_FLAG,
     .offset = AT(whole),
     .help = "asks for answers in one piece; then no time of a first token is known"},
    {.name = "prompt-tokens",
     .type = WTL_OPT_STRING,
     .arg = "LENGTH",
     .offset = AT(prompt_tokens),
     .help = "words of a made-up prompt: 128, 64-512, normal:MEAN,SD or lognormal:MEAN,SD (128)"},
    {.name = "output-tokens",
     .type = WTL_OPT_STRING,
     .arg = "LENGTH",
     .offset = AT(output_tokens),
     .help = "max_tokens, likewise (128)"},
    {.name = "prompts",
     .type = WTL_OPT_STRING,
     .arg = "FILE",
     .offset = AT(prompts),
     .help = "prompts, a line of JSON each: a string, or an object with prompt or messages"},
    {.name = "ignore-eos",
     .type = WTL_OPT_FLAG,
     .offset = AT(ignore_eos),
     .help = "asks for answers of full length (vLLM, SGLang)"},
    {.name = "temperature",
     .type = WTL_OPT_QUANTITY,
     .unit = WTL_UNIT_NONE,
     .min = 0,
     .max = 100,
     .arg = "T",
     .offset = AT(temperature),
     .help = "of sampling (0)"},
    {.name = "extra",
     .type = WTL_OPT_STRING,
     .arg = "JSON",
     .offset = AT(extra),
     .help = "an object whose members go into every request: '{\"top_p\": 0.9}'"},
    {.name = "no-usage",
     .type = WTL_OPT_FLAG,
     .offset = AT(no_usage),
     .help = "does not ask for usage in a stream, which old servers refuse; events are counted"},
    {.name = "unit",
     .type = WTL_OPT_CHOICE,
     .choices = "token,request",
     .arg = "UNIT",
     .offset = AT(unit),
     .help = "what work is counted in; a token is one of an answer (token)"},
    WTL_LOAD_OPTS(struct options, load, "requests a second, sent whatever the server does"),
    WTL_LOAD_HTTP_OPTS(struct options, http),
    {0},
};

static const struct options defaults = {.load = WTL_LOAD_DEFAULTS,
                                        .http = WTL_LOAD_HTTP_DEFAULTS,
                                        .prompt_tokens = "128",
                                        .output_tokens = "128",
                                        .unit = "token"};

static int read_prompts(const struct wtl_context *ctx, const struct options *o,
                        struct wtl_prompts *out, struct wtl_error *err)
{
    char *text = NULL;
    size_t n = 0;
    int rc = wtl_file_read(ctx->arena, o->prompts, WTL_LIMIT_DOCUMENT_BYTES, &text, &n, err);
    return rc < 0 ? rc : wtl_prompts_parse(ctx->arena, o->prompts, text, n, o->chat, out, err);
}

static int configure(const struct wtl_load_job *job, const struct options *o,
                     struct wtl_prompts *prompts, struct wtl_openai *out, struct wtl_error *err)
{
    struct wtl_openai_config c = {.model = o->http.model,
                                  .chat = o->chat,
                                  .stream = !o->whole,
                                  .ask_usage = !o->no_usage,
                                  .ignore_eos = o->ignore_eos,
                                  .temperature = o->temperature.value,
                                  .extra = o->extra,
                                  .trace_prompt = job->trace.prompt_tokens,
                                  .trace_output = job->trace.output_tokens,
                                  .trace_n = job->trace.n,
                                  .seed = (uint64_t)o->load.seed};
    int rc = wtl_lengths_parse(o->prompt_tokens, &c.prompt, err);
    if (rc == 0)
        rc = wtl_lengths_parse(o->output_tokens, &c.output, err);
    if (rc == 0 && o->prompts) {
        rc = read_prompts(job->ctx, o, prompts, err);
        c.prompts = prompts;
    }
    return rc < 0 ? rc : wtl_openai_init(out, job->ctx->arena, &c, err);
}

/* A server that lists its models must list this one; not all do. */
static int find_model(const struct wtl_load_job *job, struct wtl_error *err)
{
    struct wtl_http_answer answer = {0};
    struct wtl_error why = {0};
    int rc = wtl_http_get(job->ctx->arena, &job->target, "/v1/models", &answer, err);
    if (rc < 0 || answer.status != 200)
        return rc;
    rc = wtl_openai_find_model(answer.body, answer.size, job->http->model, &why);
    if (rc != -WTL_NOTFOUND)
        return 0;
    if (err)
        *err = why;
    return rc;
}

static json_t *facts(const struct options *o, const struct wtl_load_job *job)
{
    json_t *f = json_object();
    bool of_trace = job->trace.prompt_tokens || job->trace.output_tokens;
    wtl_json_put(&f, "endpoint", json_string(job->path));
    wtl_json_put(&f, "stream", json_boolean(!o->whole));
    wtl_json_put(&f, "prompt_tokens",
                 json_string(o->prompts                 ? "file"
                             : job->trace.prompt_tokens ? "trace"
                                                        : o->prompt_tokens));
    wtl_json_put(&f, "output_tokens",
                 json_string(of_trace && job->trace.output_tokens ? "trace" : o->output_tokens));
    wtl_json_put(&f, "prompts", wtl_json_text_or_null(o->prompts));
    wtl_json_put(&f, "temperature", wtl_json_finite(o->temperature.value));
    wtl_json_put(&f, "ignore_eos", json_boolean(o->ignore_eos));
    wtl_json_put(&f, "extra", wtl_json_text_or_null(o->extra));
    return f;
}

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    const struct options *o = ctx->options;
    struct wtl_load_job job;
    struct wtl_prompts prompts = {0};
    struct wtl_openai openai = {0};
    bool ready = false;
    int rc = wtl_load_job_begin(&job, ctx, &o->load, &o->http, "/v1", err);
    if (rc == 0)
        rc = configure(&job, o, &prompts, &openai, err);
    if (rc == 0)
        rc = wtl_load_job_wait(&job, "/v1/models", true, &ready, err);
    if (rc < 0 || !ready)
        return rc;
    rc = find_model(&job, err);
    if (rc < 0)
        return rc;
    job.kind = "openai";
    job.path = wtl_openai_path(&openai);
    job.dialect = wtl_openai_dialect(&openai);
    job.unit = o->unit;
    job.work_per_request = 1;
    job.tokens = strcmp(o->unit, "token") == 0;
    job.about_tokens = true;
    job.facts = facts(o, &job);
    return wtl_load_job_run(&job, err);
}

const struct wtl_command wtl_cmd_load_openai = {
    .name = "load openai",
    .summary = "Send completions to a server of OpenAI's API, and measure it",
    .synopsis = "URL -m MODEL (--rate RATE | --trace FILE | --closed N) [options]",
    .description =
        "Sends requests for completions to a server that speaks OpenAI's API (vLLM, SGLang, TGI, "
        "llama.cpp, Triton), streamed or not, and says how many were answered, how long they "
        "took, when the first token came and how far apart the others were.\n\nThe loop is open: "
        "requests are due at times that do not depend on the server, and latency and the time to "
        "the first token count from then, so that queues are seen as users would see them. "
        "--closed is the other way, and says so.\n\nPrompts are made-up words; a table for "
        "--trace that tells tokens sets the lengths of prompts and answers.",
    .examples =
        "  wattle load openai http://127.0.0.1:8000 -m llama --rate 5/s --ignore-eos\n"
        "  wattle load openai http://127.0.0.1:8000 -m llama --trace conv.csv --speed 2 --chat\n"
        "  wattle stat -- wattle load openai http://127.0.0.1:8000 -m llama --rate 2/s",
    .opts = opts,
    .options_size = sizeof(struct options),
    .defaults = &defaults,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
