/* SPDX-License-Identifier: Apache-2.0
 * `wattle load triton`: requests to a server of the KServe v2 protocol. */
#include "cli/load_http.h"

#include "codec/json.h"
#include "load/kserve.h"

#include <string.h>

struct options {
    struct wtl_load_cli load;
    struct wtl_load_http_cli http;
    const char *version, *tensors, *unit;
    struct wtl_opt_list shapes;
    int batch, inputs;
};

#define AT(member) offsetof(struct options, member)

static const struct wtl_opt opts[] = {
    {.name = "model-version",
     .type = WTL_OPT_STRING,
     .arg = "VERSION",
     .offset = AT(version),
     .help = "version of the model (the server's choice)"},
    {.name = "batch",
     .letter = 'b',
     .type = WTL_OPT_INT,
     .min = 1,
     .max = 1 << 16,
     .arg = "N",
     .offset = AT(batch),
     .help = "items of one request: the first dimension, where it may be any (1)"},
    {.name = "shape",
     .type = WTL_OPT_LIST,
     .arg = "NAME:DIMS",
     .offset = AT(shapes),
     .help = "shape of an input, 3x224x224, where the model leaves it open; may be repeated"},
    {.name = "inputs",
     .type = WTL_OPT_INT,
     .min = 1,
     .max = 4096,
     .arg = "N",
     .offset = AT(inputs),
     .help = "different requests, sent by turns (1)"},
    {.name = "tensors",
     .type = WTL_OPT_CHOICE,
     .choices = "auto,json,binary",
     .arg = "FORM",
     .offset = AT(tensors),
     .help = "how values are sent; auto: as bytes where the server can take them (auto)"},
    {.name = "unit",
     .type = WTL_OPT_CHOICE,
     .choices = "request,item",
     .arg = "UNIT",
     .offset = AT(unit),
     .help = "what work is counted in; an item is one of a batch (request)"},
    WTL_LOAD_OPTS(struct options, load, "requests a second, sent whatever the server does"),
    WTL_LOAD_HTTP_OPTS(struct options, http),
    {0},
};

static const struct options defaults = {.load = WTL_LOAD_DEFAULTS,
                                        .http = WTL_LOAD_HTTP_DEFAULTS,
                                        .tensors = "auto",
                                        .unit = "request",
                                        .batch = 1,
                                        .inputs = 1};

/* How tensors are sent: as asked for, or by what the server says that it can. */
static int choose_tensors(const struct wtl_load_job *job, const struct options *o, bool *binary_out,
                          struct wtl_error *err)
{
    struct wtl_http_answer answer = {0};
    *binary_out = strcmp(o->tensors, "binary") == 0;
    if (strcmp(o->tensors, "auto") != 0)
        return 0;
    int rc = wtl_http_get(job->ctx->arena, &job->target, "/v2", &answer, err);
    if (rc == 0)
        *binary_out = answer.status == 200 && wtl_kserve_has_binary(answer.body, answer.size);
    return rc;
}

static int make_requests(const struct wtl_load_job *job, const struct options *o,
                         struct wtl_kserve *k, struct wtl_error *err)
{
    struct wtl_arena *arena = job->ctx->arena;
    struct wtl_http_answer answer = {0};
    struct wtl_kserve_model model = {0};
    bool binary = false;
    const char *path = wtl_kserve_path(arena, o->http.model, o->version, "");
    int rc = path ? wtl_load_job_get(job, path, &answer, err)
                  : WTL_FAIL(err, WTL_NOMEM, "out of memory");
    if (rc == 0)
        rc = wtl_kserve_parse_model(arena, answer.body, answer.size, &model, err);
    for (size_t i = 0; rc == 0 && i < o->shapes.n; i++)
        rc = wtl_kserve_set_shape(&model, o->shapes.items[i], err);
    if (rc == 0)
        rc = wtl_kserve_set_batch(&model, o->batch, err);
    if (rc == 0)
        rc = choose_tensors(job, o, &binary, err);
    if (rc == 0)
        rc = wtl_kserve_make(arena, &model, binary, (size_t)o->inputs, (uint64_t)o->load.seed, k,
                             err);
    return rc;
}

static int wait_until_ready(const struct wtl_load_job *job, const struct options *o,
                            bool *ready_out, struct wtl_error *err)
{
    const char *path = wtl_kserve_path(job->ctx->arena, o->http.model, o->version, "/ready");
    int rc = path ? wtl_load_job_wait(job, "/v2/health/ready", false, ready_out, err)
                  : WTL_FAIL(err, WTL_NOMEM, "out of memory");
    if (rc == 0 && *ready_out)
        rc = wtl_load_job_wait(job, path, false, ready_out, err);
    return rc;
}

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    const struct options *o = ctx->options;
    struct wtl_load_job job;
    struct wtl_kserve k = {0};
    bool ready = false;
    int rc = wtl_load_job_begin(&job, ctx, &o->load, &o->http, "/v2", err);
    if (rc == 0)
        rc = wait_until_ready(&job, o, &ready, err);
    if (rc < 0 || !ready)
        return rc;
    rc = make_requests(&job, o, &k, err);
    if (rc < 0)
        return rc;
    job.kind = "triton";
    job.path = wtl_kserve_path(ctx->arena, o->http.model, o->version, "/infer");
    job.dialect = wtl_kserve_dialect(&k);
    job.unit = o->unit;
    job.work_per_request = strcmp(o->unit, "item") == 0 ? o->batch : 1;
    job.facts =
        json_pack("{s:o, s:i, s:i, s:s, s:I}", "version", wtl_json_text_or_null(o->version),
                  "batch", o->batch, "inputs", o->inputs, "tensors", k.binary ? "binary" : "json",
                  "request_bytes", (json_int_t)k.bodies[0].size);
    if (!job.path || !job.facts) {
        json_decref(job.facts);
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    }
    return wtl_load_job_run(&job, err);
}

const struct wtl_command wtl_cmd_load_triton = {
    .name = "load triton",
    .summary = "Send inference requests to a Triton (KServe v2) server, and measure it",
    .synopsis = "URL -m MODEL (--rate RATE | --trace FILE | --closed N) [options]",
    .description =
        "Sends requests of the KServe v2 protocol to a server (Triton, KServe, OpenVINO) over "
        "HTTP, with random inputs of the shapes that the model's metadata tell, and says how many "
        "were answered and how long they took.\n\nThe loop is open: requests are due at times "
        "that do not depend on the server, and latency counts from then, so that queues are seen "
        "as users would see them. --closed is the other way, and says so.",
    .examples = "  wattle load triton http://127.0.0.1:8000 -m resnet50 --rate 200/s -b 8\n"
                "  wattle stat -- wattle load triton http://127.0.0.1:8000 -m resnet50 --rate 50/s",
    .opts = opts,
    .options_size = sizeof(struct options),
    .defaults = &defaults,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
