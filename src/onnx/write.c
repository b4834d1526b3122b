/* SPDX-License-Identifier: Apache-2.0
 * A network as an ONNX model. Field numbers are those of onnx.proto. */
#include "onnx/net.h"

#include "onnx/protobuf.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { IR_VERSION = 8, OPERATOR_SET = 17 };

enum { MODEL_IR_VERSION = 1, MODEL_PRODUCER = 2, MODEL_GRAPH = 7, MODEL_OPERATORS = 8 };
enum { OPERATORS_DOMAIN = 1, OPERATORS_VERSION = 2 };
enum { GRAPH_NODE = 1, GRAPH_NAME = 2, GRAPH_WEIGHT = 5, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12 };
enum { NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_NAME = 3, NODE_OPERATOR = 4, NODE_ATTRIBUTE = 5 };
enum { ATTRIBUTE_NAME = 1, ATTRIBUTE_INT = 3, ATTRIBUTE_INTS = 8, ATTRIBUTE_TYPE = 20 };
enum { TYPE_INT = 2, TYPE_INTS = 7 };
enum { TENSOR_DIMS = 1, TENSOR_TYPE = 2, TENSOR_NAME = 8, TENSOR_RAW = 9 };
enum { VALUE_NAME = 1, VALUE_TYPE = 2, TYPE_TENSOR = 1, TENSOR_ELEMENT = 1, TENSOR_SHAPE = 2 };
enum { SHAPE_DIM = 1, DIM_VALUE = 1, DIM_NAME = 2 };
enum { FLOAT = 1, INT64 = 7 };

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "weights are written as they stand");

/* ---- Parts ----------------------------------------------------------------------------------- */

struct name {
    char text[24];
};

/* "input", "output", "v3": what node 2 gives. */
static struct name value_name(const struct wtl_net *net, int value)
{
    struct name n = {"input"};
    if (value == net->n)
        snprintf(n.text, sizeof n.text, "output");
    else if (value > 0)
        snprintf(n.text, sizeof n.text, "v%d", value);
    return n;
}

/* "w3", "b3", and values within node 2: "v3q". */
static struct name part_name(const char *kind, int value, const char *part)
{
    struct name n;
    snprintf(n.text, sizeof n.text, "%s%d%s", kind, value, part);
    return n;
}

static void tensor(struct wtl_buf *out, const char *name, int type, const int64_t *dim, size_t rank,
                   const void *data, size_t bytes)
{
    size_t t = wtl_pb_begin(out, GRAPH_WEIGHT);
    wtl_pb_packed(out, TENSOR_DIMS, dim, rank);
    wtl_pb_int(out, TENSOR_TYPE, type);
    wtl_pb_text(out, TENSOR_NAME, name);
    wtl_pb_bytes(out, TENSOR_RAW, data, bytes);
    wtl_pb_end(out, t);
}

static void weights(struct wtl_buf *out, const struct wtl_net_node *node, int value)
{
    if (node->weight) {
        int64_t dim[WTL_NET_RANK + 2];
        size_t rank = node->weight_shape.rank, n = wtl_net_count(&node->weight_shape);
        memcpy(dim, node->weight_shape.dim, rank * sizeof *dim);
        if (node->weight_kernel) {
            dim[rank++] = node->weight_kernel;
            dim[rank++] = node->weight_kernel;
            n *= (size_t)(node->weight_kernel * node->weight_kernel);
        }
        tensor(out, part_name("w", value, "").text, FLOAT, dim, rank, node->weight,
               n * sizeof(float));
    }
    if (node->bias)
        tensor(out, part_name("b", value, "").text, FLOAT, node->bias_shape.dim,
               node->bias_shape.rank, node->bias, wtl_net_count(&node->bias_shape) * sizeof(float));
}

static void value_info(struct wtl_buf *out, unsigned field, const char *name, int type,
                       const struct wtl_net_shape *shape)
{
    size_t v = wtl_pb_begin(out, field);
    wtl_pb_text(out, VALUE_NAME, name);
    size_t t = wtl_pb_begin(out, VALUE_TYPE), tt = wtl_pb_begin(out, TYPE_TENSOR);
    wtl_pb_int(out, TENSOR_ELEMENT, type);
    size_t s = wtl_pb_begin(out, TENSOR_SHAPE), d = wtl_pb_begin(out, SHAPE_DIM);
    wtl_pb_text(out, DIM_NAME, "N");
    wtl_pb_end(out, d);
    for (size_t i = 0; i < shape->rank; i++) {
        d = wtl_pb_begin(out, SHAPE_DIM);
        wtl_pb_int(out, DIM_VALUE, shape->dim[i]);
        wtl_pb_end(out, d);
    }
    wtl_pb_end(out, s);
    wtl_pb_end(out, tt);
    wtl_pb_end(out, t);
    wtl_pb_end(out, v);
}

/* Begins a node; attributes may follow; wtl_pb_end() ends it. Names end with NULL. */
static size_t node_begin(struct wtl_buf *out, const char *operator, const char * const * inputs,
                         const char *const *outputs)
{
    size_t n = wtl_pb_begin(out, GRAPH_NODE);
    for (; *inputs; inputs++)
        wtl_pb_text(out, NODE_INPUT, *inputs);
    wtl_pb_text(out, NODE_NAME, *outputs);
    for (; *outputs; outputs++)
        wtl_pb_text(out, NODE_OUTPUT, *outputs);
    wtl_pb_text(out, NODE_OPERATOR, operator);
    return n;
}

static void attribute_ints(struct wtl_buf *out, const char *name, const int64_t *values, size_t n)
{
    size_t a = wtl_pb_begin(out, NODE_ATTRIBUTE);
    wtl_pb_text(out, ATTRIBUTE_NAME, name);
    wtl_pb_packed(out, ATTRIBUTE_INTS, values, n);
    wtl_pb_int(out, ATTRIBUTE_TYPE, TYPE_INTS);
    wtl_pb_end(out, a);
}

static void attribute_int(struct wtl_buf *out, const char *name, int64_t value)
{
    size_t a = wtl_pb_begin(out, NODE_ATTRIBUTE);
    wtl_pb_text(out, ATTRIBUTE_NAME, name);
    wtl_pb_int(out, ATTRIBUTE_INT, value);
    wtl_pb_int(out, ATTRIBUTE_TYPE, TYPE_INT);
    wtl_pb_end(out, a);
}

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

/* A node without attributes. */
static void plain(struct wtl_buf *out, const char *operator, const char * const * inputs,
                  const char *output)
{
    wtl_pb_end(out, node_begin(out, operator, inputs, NAMES(output)));
}

/* ---- Nodes ----------------------------------------------------------------------------------- */

/* What a node is written from: names of its inputs, weights and output. */
struct place {
    struct wtl_buf *out;
    const struct wtl_net_node *node;
    int value;
    const char *in, *in2, *w, *b, *result;
};

static void write_conv(const struct place *p)
{
    size_t n = node_begin(p->out, "Conv", NAMES(p->in, p->w, p->b), NAMES(p->result));
    int64_t k = p->node->kernel, s = p->node->stride, pad = k / 2;
    attribute_ints(p->out, "kernel_shape", (const int64_t[]){k, k}, 2);
    attribute_ints(p->out, "pads", (const int64_t[]){pad, pad, pad, pad}, 4);
    attribute_ints(p->out, "strides", (const int64_t[]){s, s}, 2);
    wtl_pb_end(p->out, n);
}

static void write_pool(const struct place *p)
{
    struct name mean = part_name("v", p->value, "mean");
    plain(p->out, "GlobalAveragePool", NAMES(p->in), mean.text);
    plain(p->out, "Flatten", NAMES(mean.text), p->result);
}

/* Of rank 2 with the batch: one operator; of rank 3 the weights are the same for all in between. */
static void write_dense(const struct place *p)
{
    struct name product = part_name("v", p->value, "product");
    if (p->node->shape.rank == 1) {
        plain(p->out, "Gemm", NAMES(p->in, p->w, p->b), p->result);
        return;
    }
    plain(p->out, "MatMul", NAMES(p->in, p->w), product.text);
    plain(p->out, "Add", NAMES(product.text, p->b), p->result);
}

static void write_embed(const struct place *p)
{
    struct name row = part_name("v", p->value, "row");
    plain(p->out, "Gather", NAMES(p->w, p->in), row.text);
    plain(p->out, "Add", NAMES(row.text, p->b), p->result);
}

static void write_mean(const struct place *p)
{
    size_t n = node_begin(p->out, "ReduceMean", NAMES(p->in), NAMES(p->result));
    attribute_ints(p->out, "axes", (const int64_t[]){1}, 1);
    attribute_int(p->out, "keepdims", 0);
    wtl_pb_end(p->out, n);
}

static void transpose(const struct place *p, const char *from, const char *to,
                      const int64_t order[4])
{
    size_t n = node_begin(p->out, "Transpose", NAMES(from), NAMES(to));
    attribute_ints(p->out, "perm", order, 4);
    wtl_pb_end(p->out, n);
}

/* One of queries, keys and values, S E -> heads S D (keys: heads D S). */
static void split_heads(const struct place *p, const char *from, const char *cut, const char *to,
                        bool keys)
{
    static const int64_t usual[] = {0, 2, 1, 3}, for_keys[] = {0, 2, 3, 1};
    struct name heads = part_name("v", p->value, "heads");
    plain(p->out, "Reshape", NAMES(from, heads.text), cut);
    transpose(p, cut, to, keys ? for_keys : usual);
}

static void write_attention_constants(const struct place *p)
{
    int64_t width = p->node->shape.dim[1], heads = p->node->heads, depth = width / heads;
    const int64_t cut[] = {0, 0, heads, depth}, joined[] = {0, 0, width}, four = 4, three = 3;
    float root = (float)sqrt((double)depth);
    tensor(p->out, part_name("v", p->value, "heads").text, INT64, &four, 1, cut, sizeof cut);
    tensor(p->out, part_name("v", p->value, "joined").text, INT64, &three, 1, joined,
           sizeof joined);
    tensor(p->out, part_name("v", p->value, "root").text, FLOAT, NULL, 0, &root, sizeof root);
}

static void write_attention(const struct place *p)
{
    static const int64_t usual[] = {0, 2, 1, 3};
    struct name q = part_name("v", p->value, "q"), k = part_name("v", p->value, "k"),
                v = part_name("v", p->value, "v"), qc = part_name("v", p->value, "q_cut"),
                kc = part_name("v", p->value, "k_cut"), vc = part_name("v", p->value, "v_cut"),
                qh = part_name("v", p->value, "q_heads"), kh = part_name("v", p->value, "k_heads"),
                vh = part_name("v", p->value, "v_heads"), s = part_name("v", p->value, "score"),
                sc = part_name("v", p->value, "scaled"), a = part_name("v", p->value, "weight"),
                r = part_name("v", p->value, "mixed"), t = part_name("v", p->value, "turned"),
                root = part_name("v", p->value, "root"),
                joined = part_name("v", p->value, "joined");
    write_attention_constants(p);
    size_t n = node_begin(p->out, "Split", NAMES(p->in), NAMES(q.text, k.text, v.text));
    attribute_int(p->out, "axis", 2);
    wtl_pb_end(p->out, n);
    split_heads(p, q.text, qc.text, qh.text, false);
    split_heads(p, k.text, kc.text, kh.text, true);
    split_heads(p, v.text, vc.text, vh.text, false);
    plain(p->out, "MatMul", NAMES(qh.text, kh.text), s.text);
    plain(p->out, "Div", NAMES(s.text, root.text), sc.text);
    plain(p->out, "Softmax", NAMES(sc.text), a.text);
    plain(p->out, "MatMul", NAMES(a.text, vh.text), r.text);
    transpose(p, r.text, t.text, usual);
    plain(p->out, "Reshape", NAMES(t.text, joined.text), p->result);
}

static void write_node(const struct wtl_net *net, int i, struct wtl_buf *out)
{
    const struct wtl_net_node *node = &net->node[i];
    struct name in = value_name(net, node->in[0]), in2 = value_name(net, node->in[1]),
                w = part_name("w", i + 1, ""), b = part_name("b", i + 1, ""),
                result = value_name(net, i + 1);
    const struct place p = {out, node, i + 1, in.text, in2.text, w.text, b.text, result.text};
    weights(out, node, i + 1);
    switch (node->op) {
    case WTL_NET_CONV:
        write_conv(&p);
        break;
    case WTL_NET_RELU:
        plain(out, "Relu", NAMES(p.in), p.result);
        break;
    case WTL_NET_ADD:
        plain(out, "Add", NAMES(p.in, p.in2), p.result);
        break;
    case WTL_NET_POOL:
        write_pool(&p);
        break;
    case WTL_NET_DENSE:
        write_dense(&p);
        break;
    case WTL_NET_EMBED:
        write_embed(&p);
        break;
    case WTL_NET_NORM:
        plain(out, "LayerNormalization", NAMES(p.in, p.w, p.b), p.result);
        break;
    case WTL_NET_ATTENTION:
        write_attention(&p);
        break;
    case WTL_NET_MEAN:
        write_mean(&p);
        break;
    }
}

int wtl_net_write(const struct wtl_net *net, struct wtl_buf *out, struct wtl_error *err)
{
    wtl_pb_int(out, MODEL_IR_VERSION, IR_VERSION);
    wtl_pb_text(out, MODEL_PRODUCER, "wattle");
    size_t graph = wtl_pb_begin(out, MODEL_GRAPH);
    for (int i = 0; i < net->n; i++)
        write_node(net, i, out);
    wtl_pb_text(out, GRAPH_NAME, net->name);
    value_info(out, GRAPH_INPUT, "input", net->tokens ? INT64 : FLOAT, &net->input);
    value_info(out, GRAPH_OUTPUT, "output", FLOAT, &net->node[net->n - 1].shape);
    wtl_pb_end(out, graph);
    size_t operators = wtl_pb_begin(out, MODEL_OPERATORS);
    wtl_pb_text(out, OPERATORS_DOMAIN, "");
    wtl_pb_int(out, OPERATORS_VERSION, OPERATOR_SET);
    wtl_pb_end(out, operators);
    return out->failed ? WTL_FAIL(err, WTL_NOMEM, "out of memory writing the model %s", net->name)
                       : 0;
}
