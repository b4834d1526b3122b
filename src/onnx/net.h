/* SPDX-License-Identifier: Apache-2.0
 *
 * Neural networks that need no file: a list of operations with random weights, as one struct. Their
 * answers mean nothing; their cost is that of networks of their size. Drawn from a fixed seed: the
 * same name is the same network everywhere.
 *
 *   builtin:convnet-s, -m, -l   images 3 x 96 x 96 -> 1000 classes: one task in three sizes, a stem
 *                               and three stages of residual blocks (He et al. 2016, "basic" blocks
 *                               without batch normalisation)
 *   builtin:mlp                 rows of 256 -> 10, three hidden layers of 1024
 *   builtin:transformer         sequences of 64 token numbers -> a vector of 256: four encoder
 *                               layers (Vaswani et al. 2017, normalised before each part) and a
 * mean
 */
#ifndef WTL_ONNX_NET_H
#define WTL_ONNX_NET_H

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wtl_net_op {
    WTL_NET_CONV,      /* weight [out][in][k][k], bias [out]; k odd, k / 2 zeros around; C H W */
    WTL_NET_RELU,      /* max(x, 0) */
    WTL_NET_ADD,       /* of two values of one shape */
    WTL_NET_POOL,      /* C H W -> C: the mean of each channel */
    WTL_NET_DENSE,     /* weight [in][out], bias [out]; on the last dimension */
    WTL_NET_EMBED,     /* token numbers S -> S E: weight [tokens][E], bias [S][E] added */
    WTL_NET_NORM,      /* weight [E], bias [E]: over the last dimension, epsilon 1e-5 */
    WTL_NET_ATTENTION, /* S 3E (queries, keys, values beside each other) -> S E, softmax over keys
                          of q k / sqrt(E / heads) in each head */
    WTL_NET_MEAN,      /* S E -> E: over the sequence */
};

enum { WTL_NET_NODES = 64, WTL_NET_RANK = 3 };

/* A shape without the batch. */
struct wtl_net_shape {
    size_t rank;
    int64_t dim[WTL_NET_RANK];
};

struct wtl_net_node {
    enum wtl_net_op op;
    int in[2];                  /* values: 0 is the network's input, i + 1 what node i gives */
    struct wtl_net_shape shape; /* of what it gives */
    int kernel, stride;         /* CONV */
    int heads;                  /* ATTENTION */
    const float *weight, *bias;
    struct wtl_net_shape weight_shape, bias_shape;
    int64_t weight_kernel; /* of a CONV: weight is [dim 0][dim 1][this][this] */
};

struct wtl_net {
    const char *name; /* "convnet-s" */
    const char *unit; /* what one item is: "images" */
    bool tokens;      /* the input is int64 below n_tokens; else float */
    int64_t n_tokens;
    struct wtl_net_shape input;
    int n;
    struct wtl_net_node node[WTL_NET_NODES]; /* the last one is the answer */
};

#define WTL_NET_PREFIX "builtin:"

/* "convnet-s", ... ; NULL at the end. */
extern const char *const wtl_net_names[];

/* The network of that name (without the prefix). -WTL_NOTFOUND with "did you mean"; -WTL_NOMEM. */
int wtl_net_make(struct wtl_arena *arena, const char *name, struct wtl_net **net_out,
                 struct wtl_error *err);

/* The number of values of a shape. */
size_t wtl_net_count(const struct wtl_net_shape *shape);

/* The network as an ONNX model (https://github.com/onnx/onnx, IR version 8, operator set 17) with
 * "input" of N items and "output". -WTL_NOMEM. */
int wtl_net_write(const struct wtl_net *net, struct wtl_buf *out, struct wtl_error *err);

#endif
