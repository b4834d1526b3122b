/* SPDX-License-Identifier: Apache-2.0
 * The networks that need no file. A builder function appends a node and returns its value; once
 * memory is out everything is appended as before, without weights, and the end says so. */
#include "onnx/net.h"

#include "base/random.h"

#include <math.h>
#include <string.h>

const char *const wtl_net_names[] = {"convnet-s", "convnet-m",   "convnet-l",
                                     "mlp",       "transformer", NULL};

struct builder {
    struct wtl_net *net;
    struct wtl_arena *arena;
    struct wtl_rng rng;
};

size_t wtl_net_count(const struct wtl_net_shape *shape)
{
    size_t n = 1;
    for (size_t i = 0; i < shape->rank; i++)
        n *= (size_t)shape->dim[i];
    return n;
}

static struct wtl_net_shape shape1(int64_t a)
{
    return (struct wtl_net_shape){1, {a}};
}

static struct wtl_net_shape shape2(int64_t a, int64_t b)
{
    return (struct wtl_net_shape){2, {a, b}};
}

static struct wtl_net_shape shape3(int64_t a, int64_t b, int64_t c)
{
    return (struct wtl_net_shape){3, {a, b, c}};
}

static const struct wtl_net_shape *shape_of(const struct wtl_net *net, int value)
{
    return value == 0 ? &net->input : &net->node[value - 1].shape;
}

static float *draw(struct builder *b, size_t n, double scale)
{
    float *w = wtl_arena_alloc(b->arena, n, sizeof *w);
    for (size_t i = 0; w && i < n; i++)
        w[i] = (float)(scale * wtl_rng_normal(&b->rng));
    return w;
}

static float *constant(struct builder *b, size_t n, float value)
{
    float *w = wtl_arena_alloc(b->arena, n, sizeof *w);
    for (size_t i = 0; w && i < n; i++)
        w[i] = value;
    return w;
}

static struct wtl_net_node *append(struct builder *b, enum wtl_net_op op, int in)
{
    struct wtl_net_node *node = &b->net->node[b->net->n++];
    node->op = op;
    node->in[0] = in;
    node->shape = *shape_of(b->net, in);
    return node;
}

/* ---- Builders -------------------------------------------------------------------------------- */

/* Weights of the size that keeps a signal's through a ReLU: He et al. 2015, equation 10. */
static int conv(struct builder *b, int in, int64_t channels, int kernel, int stride)
{
    struct wtl_net_shape from = *shape_of(b->net, in);
    struct wtl_net_node *node = append(b, WTL_NET_CONV, in);
    int64_t area = (int64_t)kernel * kernel;
    size_t n = (size_t)(channels * from.dim[0] * area);
    node->kernel = kernel;
    node->stride = stride;
    node->shape = shape3(channels, (from.dim[1] - 1) / stride + 1, (from.dim[2] - 1) / stride + 1);
    node->weight_shape = shape2(channels, from.dim[0]);
    node->weight_kernel = kernel;
    node->weight = draw(b, n, sqrt(2.0 / (double)(from.dim[0] * area)));
    node->bias_shape = shape1(channels);
    node->bias = draw(b, (size_t)channels, 0.1);
    return b->net->n;
}

static int dense(struct builder *b, int in, int64_t width)
{
    struct wtl_net_node *node = append(b, WTL_NET_DENSE, in);
    int64_t *last = &node->shape.dim[node->shape.rank - 1];
    node->weight_shape = shape2(*last, width);
    node->weight = draw(b, (size_t)(*last * width), sqrt(2.0 / (double)*last));
    node->bias_shape = shape1(width);
    node->bias = draw(b, (size_t)width, 0.1);
    *last = width;
    return b->net->n;
}

static int relu(struct builder *b, int in)
{
    append(b, WTL_NET_RELU, in);
    return b->net->n;
}

static int add(struct builder *b, int first, int second)
{
    append(b, WTL_NET_ADD, first)->in[1] = second;
    return b->net->n;
}

static int pool(struct builder *b, int in)
{
    struct wtl_net_node *node = append(b, WTL_NET_POOL, in);
    node->shape = shape1(node->shape.dim[0]);
    return b->net->n;
}

static int embed(struct builder *b, int in, int64_t width)
{
    struct wtl_net_node *node = append(b, WTL_NET_EMBED, in);
    int64_t length = node->shape.dim[0];
    node->shape = shape2(length, width);
    node->weight_shape = shape2(b->net->n_tokens, width);
    node->weight = draw(b, (size_t)(b->net->n_tokens * width), 1);
    node->bias_shape = shape2(length, width);
    node->bias = draw(b, (size_t)(length * width), 0.5);
    return b->net->n;
}

static int norm(struct builder *b, int in)
{
    struct wtl_net_node *node = append(b, WTL_NET_NORM, in);
    int64_t width = node->shape.dim[node->shape.rank - 1];
    node->weight_shape = node->bias_shape = shape1(width);
    node->weight = constant(b, (size_t)width, 1);
    node->bias = draw(b, (size_t)width, 0.1);
    return b->net->n;
}

static int attention(struct builder *b, int in, int heads)
{
    struct wtl_net_node *node = append(b, WTL_NET_ATTENTION, in);
    node->heads = heads;
    node->shape.dim[1] /= 3;
    return b->net->n;
}

static int mean(struct builder *b, int in)
{
    struct wtl_net_node *node = append(b, WTL_NET_MEAN, in);
    node->shape = shape1(node->shape.dim[1]);
    return b->net->n;
}

/* ---- The networks ---------------------------------------------------------------------------- */

static int residual(struct builder *b, int in)
{
    int64_t channels = shape_of(b->net, in)->dim[0];
    int v = relu(b, conv(b, in, channels, 3, 1));
    return relu(b, add(b, conv(b, v, channels, 3, 1), in));
}

static void convnet(struct builder *b, int channels, int blocks)
{
    b->net->unit = "images";
    b->net->input = shape3(3, 96, 96);
    int v = relu(b, conv(b, 0, channels, 3, 2));
    for (int stage = 1; stage <= 3; stage++) {
        v = relu(b, conv(b, v, (int64_t)channels << stage, 3, 2));
        for (int i = 0; i < blocks; i++)
            v = residual(b, v);
    }
    dense(b, pool(b, v), 1000);
}

static void mlp(struct builder *b)
{
    int v = 0;
    b->net->unit = "rows";
    b->net->input = shape1(256);
    for (int i = 0; i < 3; i++)
        v = relu(b, dense(b, v, 1024));
    dense(b, v, 10);
}

static void transformer(struct builder *b)
{
    enum { WIDTH = 256, HEADS = 4, LAYERS = 4 };
    b->net->unit = "sequences";
    b->net->tokens = true;
    b->net->n_tokens = 4096;
    b->net->input = shape1(64);
    int v = embed(b, 0, WIDTH);
    for (int i = 0; i < LAYERS; i++) {
        int a = attention(b, dense(b, norm(b, v), 3 * WIDTH), HEADS);
        v = add(b, v, dense(b, a, WIDTH));
        int f = relu(b, dense(b, norm(b, v), 4 * WIDTH));
        v = add(b, v, dense(b, f, WIDTH));
    }
    mean(b, norm(b, v));
}

static int find(const char *name, struct wtl_error *err)
{
    int n = 0;
    for (; wtl_net_names[n]; n++)
        if (strcmp(wtl_net_names[n], name) == 0)
            return n;
    int rc = WTL_FAIL(err, WTL_NOTFOUND, "there is no built-in model \"%s\"", name);
    const char *near = wtl_did_you_mean(name, wtl_net_names, n);
    if (near)
        wtl_error_hint(err, "did you mean " WTL_NET_PREFIX "%s?", near);
    else
        wtl_error_hint(err, "there are convnet-s, convnet-m, convnet-l, mlp, transformer");
    return rc;
}

int wtl_net_make(struct wtl_arena *arena, const char *name, struct wtl_net **net_out,
                 struct wtl_error *err)
{
    int which = find(name, err);
    if (which < 0)
        return which;
    struct builder b = {.net = WTL_NEW(arena, struct wtl_net), .arena = arena};
    if (!b.net)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    b.net->name = wtl_net_names[which];
    wtl_rng_init_stream(&b.rng, 1, (uint64_t)which);
    if (which == 0)
        convnet(&b, 8, 1);
    else if (which == 1)
        convnet(&b, 16, 2);
    else if (which == 2)
        convnet(&b, 32, 3);
    else if (which == 3)
        mlp(&b);
    else
        transformer(&b);
    if (arena->failed)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory making the model %s", name);
    *net_out = b.net;
    return 0;
}
