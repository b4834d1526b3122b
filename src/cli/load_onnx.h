/* SPDX-License-Identifier: Apache-2.0
 *
 * `wattle load onnx`: what its parts share. load_onnx.c runs it, load_onnx_text.c prints.
 */
#ifndef WTL_CLI_LOAD_ONNX_H
#define WTL_CLI_LOAD_ONNX_H

#include "cli/load.h"
#include "load/serve.h"
#include "onnx/net.h"
#include "onnx/session.h"

struct wtl_load_onnx_cli {
    struct wtl_load_cli load;
    const char *runtime, *unit, *write;
    struct wtl_opt_list shapes;
    int batch, threads, tokens; /* 0: as the model has it (threads: one) */
};

struct wtl_load_onnx {
    struct wtl_context *ctx;
    const struct wtl_load_onnx_cli *options;
    const char *model;         /* as it was named */
    const struct wtl_net *net; /* NULL: a file */
    const char *unit;          /* of one item, in words: "images" */
    struct wtl_ort ort;
    struct wtl_onnx_session session;
    struct wtl_serve_plan plan;
    struct wtl_serve_result *result;
};

/* Prints what came of it, as text or as a document. */
int wtl_load_onnx_print(const struct wtl_load_onnx *load, struct wtl_error *err);

#endif
