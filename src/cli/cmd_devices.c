/* SPDX-License-Identifier: Apache-2.0
 * `wattle devices`: what is here, what it reads, which knobs it has. */
#include "cli/devices_text.h"

struct devices_command {
    const char *root;
    struct wtl_opt_list only;
    bool all;
};

#define AT(field) offsetof(struct devices_command, field)
static const struct wtl_opt opts[] = {
    {"device", 'i', WTL_OPT_LIST, AT(only), "ID",
     "only this device: its id or a start of it, UUID, PCI address, or number of a GPU; may be "
     "given"
     " several times"},
    {"all", 'a', WTL_OPT_FLAG, AT(all), NULL,
     "list every CPU clock, not one line for those that are alike"},
    {"root", 0, WTL_OPT_STRING, AT(root), "PATH",
     "a recorded machine instead of this one: a directory, or a file of `wattle doctor --gather`"},
    {0},
};

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    const struct devices_command *o = ctx->options;
    const struct wtl_flow flow = wtl_context_flow(ctx);
    const struct wtl_devices_options options = {.root = o->root, .only = o->only.items};
    struct wtl_devices d;
    int rc = wtl_flow_devices(&flow, &options, ctx->arena, &d, err);
    if (rc < 0)
        return rc;
    rc = ctx->json ? wtl_print_json(ctx, wtl_devices_json(&d), err)
                   : devices_text(ctx, &d, o->all || o->only.n > 0, err);
    wtl_devices_close(&d);
    return rc;
}

const struct wtl_command wtl_cmd_devices = {
    .name = "devices",
    .summary = "List what draws power here, what can be read of it, and its knobs",
    .synopsis = "[options]",
    .description =
        "Lists GPUs, CPU packages and their memory, CPU clocks, the control group of this process "
        "and"
        " power meters of the node, each with its id, what it reads now and its knobs: what is"
        " requested, the range, and whether this process may set it. Virtual devices say so.\n\n"
        "Devices that exist only when they are named are listed with -i: `virtual:a100`,"
        " `replay:FILE`, `meter:exec:COMMAND`, `cgroup:/PATH`. What is missing, and how to get it,"
        " says `wattle doctor`.",
    .examples = "  wattle devices\n"
                "  wattle devices -i rapl:0 --json\n"
                "  wattle devices --root machine.tar.gz  # somebody else's",
    .opts = opts,
    .options_size = sizeof(struct devices_command),
    .min_args = 0,
    .max_args = 0,
    .run = run,
};
