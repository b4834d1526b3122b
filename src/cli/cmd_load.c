/* SPDX-License-Identifier: Apache-2.0
 * `wattle load`: workloads to measure. Here are its verbs; each has a file of its own. */
#include "cli/load.h"

extern const struct wtl_command wtl_cmd_load_onnx;
extern const struct wtl_command wtl_cmd_load_triton;
extern const struct wtl_command wtl_cmd_load_openai;

/* clang-format off */
static const struct wtl_command *const verbs[] = {
    &wtl_cmd_load_onnx,
    &wtl_cmd_load_triton,
    &wtl_cmd_load_openai,
    NULL,
};
/* clang-format on */

/* Without a verb; `wattle load VERB` never comes here. */
static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    (void)ctx;
    int rc = WTL_FAIL(err, WTL_USAGE, "wattle load needs to know what: a verb");
    wtl_error_hint(err, "wattle load onnx builtin:convnet-s; `wattle load --help` lists all");
    return rc;
}

const struct wtl_command wtl_cmd_load = {
    .name = "load",
    .summary = "Run an inference workload, and measure its throughput and latency",
    .synopsis = "VERB [options]",
    .description =
        "Work to be measured: inference on this machine, or requests to a server. Each verb is an "
        "ordinary command for the terminal, and tells `wattle stat` and `wattle sweep`, under "
        "which it may run, when it is warm and what it has done.\n\n`wattle load VERB --help` "
        "shows the options of one verb.",
    .examples = "  wattle load onnx builtin:convnet-s --batch 8 --duration 20s\n"
                "  wattle load triton http://127.0.0.1:8000 -m resnet50 --rate 200/s\n"
                "  wattle load openai http://127.0.0.1:8000 -m llama --rate 5/s",
    .verbs = verbs,
    .max_args = 0,
    .run = run,
};
