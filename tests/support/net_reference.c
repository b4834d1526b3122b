/* SPDX-License-Identifier: Apache-2.0
 * Networks by plain loops. */
#include "support/net_reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct step {
    const struct wtl_net *net;
    const struct wtl_net_node *node;
    const struct wtl_net_shape *from; /* the shape of x */
    const double *x, *x2;
    const int64_t *tokens;
    double *y;
};

/* y[o][i][j] = b[o] + sum over c, a, b of w[o][c][a][b] x[c][i s + a - k / 2][j s + b - k / 2]. */
static void conv(const struct step *t)
{
    int64_t k = t->node->kernel, s = t->node->stride, c_in = t->from->dim[0], h = t->from->dim[1],
            w = t->from->dim[2];
    const int64_t *out = t->node->shape.dim;
    for (int64_t o = 0; o < out[0]; o++)
        for (int64_t i = 0; i < out[1]; i++)
            for (int64_t j = 0; j < out[2]; j++) {
                double sum = (double)t->node->bias[o];
                for (int64_t c = 0; c < c_in; c++)
                    for (int64_t a = 0; a < k; a++)
                        for (int64_t b = 0; b < k; b++) {
                            int64_t row = i * s + a - k / 2, col = j * s + b - k / 2;
                            if (row >= 0 && row < h && col >= 0 && col < w)
                                sum += (double)t->node->weight[((o * c_in + c) * k + a) * k + b] *
                                       t->x[(c * h + row) * w + col];
                        }
                t->y[(o * out[1] + i) * out[2] + j] = sum;
            }
}

static void dense(const struct step *t)
{
    size_t in = (size_t)t->node->weight_shape.dim[0], out = (size_t)t->node->weight_shape.dim[1];
    size_t rows = wtl_net_count(t->from) / in;
    for (size_t r = 0; r < rows; r++)
        for (size_t o = 0; o < out; o++) {
            double sum = (double)t->node->bias[o];
            for (size_t i = 0; i < in; i++)
                sum += t->x[r * in + i] * (double)t->node->weight[i * out + o];
            t->y[r * out + o] = sum;
        }
}

static void norm(const struct step *t)
{
    size_t n = (size_t)t->node->weight_shape.dim[0], rows = wtl_net_count(t->from) / n;
    for (size_t r = 0; r < rows; r++) {
        const double *x = t->x + r * n;
        double mean = 0, variance = 0;
        for (size_t i = 0; i < n; i++)
            mean += x[i] / (double)n;
        for (size_t i = 0; i < n; i++)
            variance += (x[i] - mean) * (x[i] - mean) / (double)n;
        for (size_t i = 0; i < n; i++)
            t->y[r * n + i] = (x[i] - mean) / sqrt(variance + 1e-5) * (double)t->node->weight[i] +
                              (double)t->node->bias[i];
    }
}

static void embed(const struct step *t)
{
    size_t length = (size_t)t->node->shape.dim[0], width = (size_t)t->node->shape.dim[1];
    for (size_t i = 0; i < length; i++)
        for (size_t j = 0; j < width; j++)
            t->y[i * width + j] = (double)t->node->weight[(size_t)t->tokens[i] * width + j] +
                                  (double)t->node->bias[i * width + j];
}

/* One head: columns first .. first + depth of queries, keys and values. */
static void attend(const struct step *t, size_t first, size_t depth)
{
    size_t length = (size_t)t->from->dim[0], row = (size_t)t->from->dim[1], width = row / 3;
    const double *q = t->x + first, *k = q + width, *v = k + width;
    double *weight = calloc(length, sizeof *weight);
    for (size_t i = 0; i < length; i++) {
        double total = 0;
        for (size_t j = 0; j < length; j++) {
            double dot = 0;
            for (size_t d = 0; d < depth; d++)
                dot += q[i * row + d] * k[j * row + d];
            weight[j] = exp(dot / sqrt((double)depth));
            total += weight[j];
        }
        for (size_t d = 0; d < depth; d++) {
            double sum = 0;
            for (size_t j = 0; j < length; j++)
                sum += weight[j] / total * v[j * row + d];
            t->y[i * width + first + d] = sum;
        }
    }
    free(weight);
}

static void attention(const struct step *t)
{
    size_t depth = (size_t)t->node->shape.dim[1] / (size_t)t->node->heads;
    for (size_t h = 0; h < (size_t)t->node->heads; h++)
        attend(t, h * depth, depth);
}

static void average(const struct step *t)
{
    size_t n = wtl_net_count(t->from), kept = (size_t)t->node->shape.dim[0], each = n / kept;
    for (size_t i = 0; i < kept; i++) {
        t->y[i] = 0;
        for (size_t j = 0; j < each; j++)
            t->y[i] +=
                t->x[t->node->op == WTL_NET_POOL ? i * each + j : j * kept + i] / (double)each;
    }
}

static void step(const struct step *t)
{
    size_t n = wtl_net_count(&t->node->shape);
    switch (t->node->op) {
    case WTL_NET_CONV:
        conv(t);
        break;
    case WTL_NET_RELU:
        for (size_t i = 0; i < n; i++)
            t->y[i] = t->x[i] > 0 ? t->x[i] : 0;
        break;
    case WTL_NET_ADD:
        for (size_t i = 0; i < n; i++)
            t->y[i] = t->x[i] + t->x2[i];
        break;
    case WTL_NET_POOL:
    case WTL_NET_MEAN:
        average(t);
        break;
    case WTL_NET_DENSE:
        dense(t);
        break;
    case WTL_NET_EMBED:
        embed(t);
        break;
    case WTL_NET_NORM:
        norm(t);
        break;
    case WTL_NET_ATTENTION:
        attention(t);
        break;
    }
}

void net_reference(const struct wtl_net *net, const void *input, double *output_out)
{
    double *value[WTL_NET_NODES + 1] = {NULL};
    size_t n_in = wtl_net_count(&net->input);
    value[0] = calloc(n_in, sizeof(double));
    for (size_t i = 0; i < n_in && !net->tokens; i++)
        value[0][i] = (double)((const float *)input)[i];
    for (int i = 0; i < net->n; i++) {
        const struct wtl_net_node *node = &net->node[i];
        value[i + 1] = calloc(wtl_net_count(&node->shape), sizeof(double));
        const struct step t = {
            .net = net,
            .node = node,
            .from = node->in[0] == 0 ? &net->input : &net->node[node->in[0] - 1].shape,
            .x = value[node->in[0]],
            .x2 = value[node->in[1]],
            .tokens = input,
            .y = value[i + 1],
        };
        step(&t);
    }
    memcpy(output_out, value[net->n],
           wtl_net_count(&net->node[net->n - 1].shape) * sizeof *output_out);
    for (int i = 0; i <= net->n; i++)
        free(value[i]);
}
