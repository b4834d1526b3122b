/* SPDX-License-Identifier: Apache-2.0
 * What came of `wattle load onnx`, as text and as a document. */
#include "cli/load_onnx.h"
#include "cli/load_text.h"
#include "codec/json.h"

static double window_s(const struct wtl_serve_result *r)
{
    return (double)(r->end_ns - r->start_ns) / WTL_NS_PER_S;
}

static int threads(const struct wtl_load_onnx *l)
{
    return l->options->threads ? l->options->threads : 1;
}

static bool is_open(const struct wtl_load_onnx *l)
{
    return l->plan.rate_hz > 0;
}

/* ---- text ------------------------------------------------------------------------------------ */

static void print_head(const struct wtl_load_onnx *l)
{
    const struct wtl_serve_result *r = l->result;
    FILE *out = l->ctx->out;
    char text[40];
    if (is_open(l))
        fprintf(out, "open loop: %g %s/s at random times, seed %d\n", l->plan.rate_hz, l->unit,
                l->options->load.seed);
    else
        fprintf(out, "closed loop: a batch begins when the one before is done\n");
    wtl_print_fact(out, "model", "%s, batches of %s%d, %d thread%s", l->model,
                   is_open(l) && !l->session.fixed ? "up to " : "", l->session.batch, threads(l),
                   wtl_plural(threads(l)));
    wtl_print_fact(out, "runtime", "ONNX Runtime %s", l->ort.version);
    wtl_print_fact(out, "warm-up", "%s, %lld batch%s; not counted below",
                   wtl_format_measured(r->warmup_s, WTL_UNIT_SECOND, text, sizeof text),
                   (long long)r->warmup_batches, r->warmup_batches == 1 ? "" : "es");
}

/* Items that were due in the window and done when it was over. */
static int64_t done_after(const struct wtl_serve_result *r)
{
    int64_t n = r->offered - r->unserved - r->items;
    return n > 0 ? n : 0;
}

static void print_queue(const struct wtl_load_onnx *l)
{
    const struct wtl_serve_result *r = l->result;
    FILE *out = l->ctx->out;
    double share = window_s(r) > 0 ? r->busy_s / window_s(r) : 0;
    wtl_print_fact(out, "queue",
                   "%lld due, %lld waiting at most; the engine worked %.1f %% of the time",
                   (long long)r->offered, (long long)r->longest_queue, 100 * share);
    if (l->session.fixed && r->batches > 0)
        wtl_print_fact(out, "", "the model takes whole batches: %.1f of %d places were empty",
                       l->session.batch - (double)r->items / (double)r->batches, l->session.batch);
    int64_t after = done_after(r);
    if (r->unserved == 0 && after > l->session.batch && 100 * after > r->offered)
        wtl_print_fact(out, "",
                       "%lld of them were done after the window: more came than could be "
                       "done, and latencies grow with the window",
                       (long long)after);
    if (r->unserved > 0)
        wtl_print_fact(out, "",
                       "%lld never served: more came than could be done; they count with "
                       "the time that they had waited, so latencies are at least these",
                       (long long)r->unserved);
}

static int print_times(const struct wtl_load_onnx *l, struct wtl_error *err)
{
    const struct wtl_serve_result *r = l->result;
    struct wtl_table *t = wtl_load_table(l->ctx->arena);
    if (!t)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    wtl_load_table_add(t, is_open(l) ? "latency" : "latency of a batch", &r->latency, true);
    if (is_open(l)) {
        wtl_load_table_add(t, "of it: waiting", &r->wait, true);
        wtl_load_table_add(t, "work on a batch", &r->service, true);
    }
    return wtl_table_print(t, 0, WTL_TABLE_WIDTH, l->ctx->out, err);
}

static int print_text(const struct wtl_load_onnx *l, struct wtl_error *err)
{
    const struct wtl_serve_result *r = l->result;
    FILE *out = l->ctx->out;
    char text[40];
    print_head(l);
    if (r->told && (l->plan.duration_s > 0 || l->plan.count > 0))
        wtl_print_fact(out, "ended", "early, when told to");
    wtl_print_fact(out, "window", "%lld %s in %lld batch%s in %s", (long long)r->items, l->unit,
                   (long long)r->batches, r->batches == 1 ? "" : "es",
                   wtl_format_measured(window_s(r), WTL_UNIT_SECOND, text, sizeof text));
    wtl_load_print_rate(out, &r->throughput, l->unit, "batches");
    if (is_open(l))
        print_queue(l);
    return print_times(l, err);
}

/* ---- document -------------------------------------------------------------------------------- */

static json_t *loop_json(const struct wtl_load_onnx *l)
{
    json_t *o = json_object();
    wtl_json_put(&o, "kind", json_string(is_open(l) ? "open" : "closed"));
    if (is_open(l)) {
        wtl_json_put(&o, "arrivals", json_string("poisson"));
        wtl_json_put(&o, "rate_hz", wtl_json_finite(l->plan.rate_hz));
    }
    wtl_json_put(&o, "seed", json_integer(l->options->load.seed));
    return o;
}

static json_t *window_json(const struct wtl_load_onnx *l)
{
    const struct wtl_serve_result *r = l->result;
    json_t *o = json_object();
    wtl_json_put(&o, "length_s", wtl_json_finite(window_s(r)));
    wtl_json_put(&o, "begin_ns", json_integer((json_int_t)r->start_ns));
    wtl_json_put(&o, "end_ns", json_integer((json_int_t)r->end_ns));
    wtl_json_put(&o, "batches", json_integer((json_int_t)r->batches));
    wtl_json_put(&o, "work", json_integer((json_int_t)r->items));
    wtl_json_put(&o, "unit", json_string(l->unit));
    wtl_json_put(&o, "throughput", wtl_load_rate_json(&r->throughput));
    wtl_json_put(&o, "busy_s", wtl_json_finite(r->busy_s));
    return o;
}

static json_t *queue_json(const struct wtl_load_onnx *l)
{
    const struct wtl_serve_result *r = l->result;
    return json_pack("{s:I, s:I, s:I, s:I, s:o}", "due", (json_int_t)r->offered,
                     "done_after_window", (json_int_t)done_after(r), "unserved",
                     (json_int_t)r->unserved, "longest", (json_int_t)r->longest_queue, "waiting",
                     wtl_load_latency_json(&r->wait, true));
}

static json_t *document(const struct wtl_load_onnx *l)
{
    const struct wtl_serve_result *r = l->result;
    json_t *o = json_object();
    wtl_json_put(&o, "load", json_string("onnx"));
    wtl_json_put(&o, "model", wtl_json_text(l->model));
    wtl_json_put(&o, "batch", json_integer(l->session.batch));
    wtl_json_put(&o, "threads", json_integer(threads(l)));
    wtl_json_put(&o, "runtime",
                 json_pack("{s:s, s:o, s:o}", "name", "ONNX Runtime", "version",
                           wtl_json_text(l->ort.version), "path", wtl_json_text(l->ort.path)));
    wtl_json_put(&o, "loop", loop_json(l));
    wtl_json_put(&o, "warmup",
                 json_pack("{s:o, s:I}", "length_s", wtl_json_finite(r->warmup_s), "batches",
                           (json_int_t)r->warmup_batches));
    wtl_json_put(&o, "interrupted", json_boolean(r->told));
    wtl_json_put(&o, "window", window_json(l));
    wtl_json_put(&o, "latency", wtl_load_latency_json(&r->latency, true));
    if (is_open(l)) {
        wtl_json_put(&o, "queue", queue_json(l));
        wtl_json_put(&o, "service", wtl_load_latency_json(&r->service, true));
    }
    return o;
}

int wtl_load_onnx_print(const struct wtl_load_onnx *l, struct wtl_error *err)
{
    return l->ctx->json ? wtl_print_json(l->ctx, document(l), err) : print_text(l, err);
}
