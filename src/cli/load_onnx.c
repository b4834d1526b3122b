/* SPDX-License-Identifier: Apache-2.0
 * `wattle load onnx`: real inference on this machine's CPUs, through ONNX Runtime. */
#include "cli/load_onnx.h"

#include "base/file.h"
#include "cli/interrupt.h"
#include "core/run.h"

#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#define AT(member) offsetof(struct wtl_load_onnx_cli, member)

static const struct wtl_opt opts[] = {
    {.name = "batch",
     .letter = 'b',
     .type = WTL_OPT_INT,
     .min = 1,
     .max = 1 << 16,
     .arg = "N",
     .offset = AT(batch),
     .help = "items that are worked on at once (1, or as many as the model is made for)"},
    {.name = "threads",
     .letter = 't',
     .type = WTL_OPT_INT,
     .min = 1,
     .max = 1024,
     .arg = "N",
     .offset = AT(threads),
     .help = "threads that work on one batch (1)"},
    WTL_LOAD_OPTS(struct wtl_load_onnx_cli, load,
                  "an open loop: so many items a second, at random times (a closed loop: the next "
                  "batch begins when one is done)"),
    {.name = "shape",
     .type = WTL_OPT_LIST,
     .arg = "NAME=DIMS",
     .offset = AT(shapes),
     .group = "Model",
     .help = "settles an open dimension (sequence=128) or an input (ids=Nx128)"},
    {.name = "tokens",
     .type = WTL_OPT_INT,
     .min = 1,
     .max = 2147483647,
     .arg = "N",
     .offset = AT(tokens),
     .group = "Model",
     .help = "integers of the inputs are random, from 0 to N - 1 (1000)"},
    {.name = "unit",
     .type = WTL_OPT_STRING,
     .arg = "WORD",
     .offset = AT(unit),
     .group = "Model",
     .help = "what one item is, in one word (items; images, rows, sequences of built-in models)"},
    {.name = "write",
     .type = WTL_OPT_STRING,
     .arg = "FILE",
     .offset = AT(write),
     .group = "Model",
     .help = "writes a built-in model to a file and runs nothing"},
    {.name = "runtime",
     .type = WTL_OPT_STRING,
     .arg = "PATH",
     .offset = AT(runtime),
     .group = "Model",
     .help = "libonnxruntime.so.1 (where WATTLE_ONNXRUNTIME says, the linker finds one, or "
             "`./dev onnxruntime` put it)"},
    {0},
};

static const struct wtl_load_onnx_cli defaults = {.load = WTL_LOAD_DEFAULTS};

/* ---- What is asked for ----------------------------------------------------------------------- */

static int find_model(struct wtl_load_onnx *l, struct wtl_error *err)
{
    const struct wtl_load_onnx_cli *o = l->options;
    size_t prefix = strlen(WTL_NET_PREFIX);
    l->model = l->ctx->argv[0];
    l->unit = o->unit ? o->unit : "items";
    if (!wtl_markers_name_valid(l->unit) || strlen(l->unit) >= sizeof((struct wtl_run *)0)->unit)
        return WTL_FAIL(err, WTL_USAGE, "--unit \"%s\" is no word of at most 15 bytes", l->unit);
    if (!wtl_starts_with(l->model, WTL_NET_PREFIX)) {
        if (o->write)
            return WTL_FAIL(err, WTL_USAGE, "--write is for built-in models, and \"%s\" is none",
                            l->model);
        return 0;
    }
    struct wtl_net *net;
    int rc = wtl_net_make(l->ctx->arena, l->model + prefix, &net, err);
    if (rc < 0)
        return rc;
    l->net = net;
    l->unit = o->unit ? o->unit : net->unit;
    return 0;
}

static void make_plan(struct wtl_load_onnx *l)
{
    const struct wtl_load_cli *o = &l->options->load;
    bool counted = o->count > 0 && !o->duration.given;
    l->plan = (struct wtl_serve_plan){
        .warmup_s = o->warmup.value,
        .duration_s = counted ? 0 : o->duration.value,
        .count = o->count,
        .rate_hz = o->rate.given ? o->rate.value : 0,
        .seed = (uint64_t)o->seed,
        .unit = l->unit,
    };
}

/* ---- The model ------------------------------------------------------------------------------- */

/* A built-in network as a model: to be freed by wtl_buf_fini(), whatever came of it. */
static int write_net(const struct wtl_load_onnx *l, struct wtl_buf *out, struct wtl_error *err)
{
    wtl_buf_init(out, wtl_alloc_system(), (size_t)1 << 30);
    return l->net ? wtl_net_write(l->net, out, err) : 0;
}

static int write_file(const struct wtl_load_onnx *l, struct wtl_error *err)
{
    struct wtl_buf model;
    struct wtl_context *ctx = l->ctx;
    int rc = write_net(l, &model, err);
    if (rc == 0)
        rc = wtl_file_write_atomic(l->options->write, model.data, model.len, 0666, err);
    size_t size = model.len;
    wtl_buf_fini(&model);
    if (rc < 0)
        return rc;
    if (ctx->json)
        return wtl_print_json(ctx,
                              json_pack("{s:s, s:s, s:I}", "model", l->model, "written",
                                        l->options->write, "bytes", (json_int_t)size),
                              err);
    fprintf(ctx->out, "%s: %s, %zu bytes\n", l->options->write, l->model, size);
    return 0;
}

static int parse_shapes(const struct wtl_load_onnx *l, struct wtl_onnx_shape **out,
                        struct wtl_error *err)
{
    const struct wtl_opt_list *texts = &l->options->shapes;
    *out = WTL_NEW_ARRAY(l->ctx->arena, struct wtl_onnx_shape, texts->n + 1);
    if (!*out)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < texts->n; i++) {
        int rc = wtl_onnx_shape_parse(texts->items[i], &(*out)[i], err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int open_model(struct wtl_load_onnx *l, struct wtl_error *err)
{
    struct wtl_onnx_shape *shapes;
    struct wtl_buf bytes;
    int rc = parse_shapes(l, &shapes, err);
    if (rc < 0)
        return rc;
    rc = wtl_ort_open(&l->ort, l->options->runtime, getenv("WATTLE_ONNXRUNTIME"), err);
    if (rc < 0)
        return rc;
    rc = write_net(l, &bytes, err);
    const struct wtl_onnx_model model = {l->net ? NULL : l->model, bytes.data, bytes.len};
    int threads = l->options->threads ? l->options->threads : 1;
    if (rc == 0)
        rc = wtl_onnx_session_open(l->ctx->arena, &l->ort, &model, threads, &l->session, err);
    wtl_buf_fini(&bytes);
    const struct wtl_onnx_inputs how = {
        .batch = l->options->batch,
        .shapes = shapes,
        .n_shapes = l->options->shapes.n,
        .n_tokens = l->options->tokens ? l->options->tokens
                    : l->net           ? l->net->n_tokens
                                       : 1000,
        .seed = l->plan.seed,
    };
    return rc < 0 ? rc : wtl_onnx_session_shape(l->ctx->arena, &l->session, &how, err);
}

/* ---- Running --------------------------------------------------------------------------------- */

static int run_batch(void *ctx, int items, struct wtl_error *err)
{
    return wtl_onnx_session_run(ctx, items, err);
}

static bool told(void *ctx)
{
    (void)ctx;
    return wtl_interrupt_noted();
}

static void wait_for(void *ctx, int64_t ns)
{
    (void)ctx;
    (void)wtl_interrupt_wait(ns);
}

static int serve(struct wtl_load_onnx *l, struct wtl_error *err)
{
    enum { HOLD_NS = 50000000 };
    struct wtl_context *ctx = l->ctx;
    struct wtl_markers *markers = WTL_NEW(ctx->arena, struct wtl_markers);
    const struct wtl_engine engine = {run_batch, &l->session, l->session.batch};
    const struct wtl_serve_host host = {
        .clock = ctx->clock, .told = told, .wait = wait_for, .markers = markers};
    l->result = wtl_serve_result_new(ctx->arena);
    if (!markers || !l->result)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    /* Arrivals are waited for; the usual 50 us of slack would be in every latency. */
    (void)prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
    wtl_markers_open(markers, getenv(WTL_MARKERS_VARIABLE), HOLD_NS);
    int rc = wtl_serve(ctx->arena, &engine, &l->plan, &host, l->result, err);
    wtl_markers_close(markers);
    return rc;
}

/* A signal ends the load with what there is so far. Where that is how it was meant to end, all is
 * well; else the signal then has its usual effect. */
static int run_load(struct wtl_load_onnx *l, struct wtl_error *err)
{
    wtl_interrupt_hold();
    int rc = serve(l, err);
    if (rc == 0)
        rc = wtl_load_onnx_print(l, err);
    bool as_meant = l->plan.duration_s == 0 && l->plan.count == 0;
    if (rc == 0 && l->result->told && !as_meant) {
        (void)fflush(l->ctx->out);
        wtl_interrupt_release();
    }
    return rc;
}

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    struct wtl_load_onnx l = {.ctx = ctx, .options = ctx->options};
    int rc = find_model(&l, err);
    if (rc < 0)
        return rc;
    if (l.options->write)
        return write_file(&l, err);
    make_plan(&l);
    rc = open_model(&l, err);
    if (rc == 0)
        rc = run_load(&l, err);
    wtl_onnx_session_close(&l.session);
    wtl_ort_close(&l.ort);
    return rc;
}

const struct wtl_command wtl_cmd_load_onnx = {
    .name = "load onnx",
    .summary = "Run a model with ONNX Runtime on this machine's CPUs",
    .synopsis = "MODEL [options]",
    .description =
        "Runs a model with random inputs again and again, and says how many items a second were "
        "done and how long they took, with intervals. MODEL is an .onnx file, or a built-in "
        "network that needs no file: builtin:convnet-s, convnet-m, convnet-l (one task in three "
        "sizes), builtin:mlp, builtin:transformer.\n\nIn the closed loop a batch begins when the "
        "one before is done. With --rate items are due at random times that do not wait for the "
        "engine: who is due when it is free is taken together, up to the batch, and an item's "
        "latency counts from the time that it was due.\n\nUnder `wattle stat` and `wattle sweep` "
        "it tells when it is warm and what it does. SIGINT and SIGTERM end it with the results so "
        "far; with --duration 0s that is its way to end, and no failure.",
    .examples = "  wattle load onnx builtin:convnet-s --batch 8 --duration 20s\n"
                "  wattle load onnx builtin:convnet-m --rate 100/s --batch 4\n"
                "  wattle load onnx bert.onnx --shape sequence=128 --tokens 30000 --unit sequences",
    .exit_codes = "3  there is no ONNX Runtime, or it cannot feed the model",
    .opts = opts,
    .options_size = sizeof(struct wtl_load_onnx_cli),
    .defaults = &defaults,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
