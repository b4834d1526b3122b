/* SPDX-License-Identifier: Apache-2.0
 * DEPLOY.md: what a person needs who finds the folder. */
#include "deploy/internal.h"

#include <stdio.h>

static void add_range(const struct wtl_estimate *e, struct wtl_buf *out)
{
    if (e->n == 0)
        wtl_buf_puts(out, "unknown");
    else if (e->evidence == WTL_EVIDENCE_NONE)
        wtl_buf_printf(out, "%.1f %%", 100 * e->value);
    else
        wtl_buf_printf(out, "%.1f %% (%.1f to %.1f)", 100 * e->value, 100 * e->lo, 100 * e->hi);
}

static void add_cell(const char *text, struct wtl_buf *out)
{
    struct wtl_buf plain;
    wtl_buf_init(&plain, wtl_alloc_system(), 4 * WTL_LIMIT_NAME + 400);
    wtl_quote_plain(text, &plain);
    for (const char *p = wtl_buf_str(&plain); *p; p++) {
        if (*p == '|')
            wtl_buf_putc(out, '\\');
        wtl_buf_putc(out, *p);
    }
    wtl_buf_fini(&plain);
}

static void add_deployed(const struct wtl_deployment *d, struct wtl_buf *out)
{
    wtl_buf_puts(out, "| name | GPU | workload | clock | saving | slowdown |\n"
                      "|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < d->n_items; i++) {
        const struct wtl_deploy_item *item = &d->items[i];
        if (item->left_out[0])
            continue;
        char title[WTL_CONFIGURED_NAME];
        wtl_buf_printf(out, "| %s | `", item->name);
        add_cell(item->plan->gpu, out);
        wtl_buf_puts(out, "` | `");
        add_cell(wtl_plan_title(item->plan, title), out);
        wtl_buf_printf(out, "` | %d MHz%s | ", item->plan->clock_mhz,
                       item->is_point ? ", the chosen operating point" : "");
        add_range(&item->plan->saving, out);
        wtl_buf_puts(out, " | ");
        add_range(&item->plan->slowdown, out);
        wtl_buf_puts(out, " |\n");
    }
}

static void add_by_hand(const struct wtl_deployment *d, struct wtl_buf *out)
{
    bool any = false;
    for (size_t i = 0; i < d->n_items; i++) {
        const struct wtl_deploy_item *item = &d->items[i];
        if (!item->by_hand[0])
            continue;
        if (!any)
            wtl_buf_puts(out, "\n## By hand\n\nA plan is good for its configuration alone. This "
                              "part of it is not set here:\n\n| name | by hand |\n|---|---|\n");
        any = true;
        wtl_buf_printf(out, "| %s | ", item->name);
        add_cell(item->by_hand, out);
        wtl_buf_puts(out, " |\n");
    }
}

static void add_row(const char *gpu, const char *workload, const char *why, struct wtl_buf *out)
{
    wtl_buf_puts(out, "| `");
    add_cell(gpu, out);
    wtl_buf_puts(out, "` | `");
    add_cell(workload, out);
    wtl_buf_puts(out, "` | ");
    add_cell(why, out);
    wtl_buf_puts(out, " |\n");
}

static void add_left_out(const struct wtl_deployment *d, struct wtl_buf *out)
{
    if (d->n_deployed == d->n_items && d->n_points == 0)
        return;
    wtl_buf_puts(out, "\n## Left out\n\n| GPU | workload | why |\n|---|---|---|\n");
    for (size_t i = 0; i < d->n_items; i++) {
        const struct wtl_deploy_item *item = &d->items[i];
        char title[WTL_CONFIGURED_NAME];
        if (!item->left_out[0])
            continue;
        add_row(item->plan->gpu, wtl_plan_title(item->plan, title), item->left_out, out);
    }
    for (size_t i = 0; i < d->n_points; i++)
        add_row(d->points[i].choice->gpu, d->points[i].choice->workload, d->points[i].left_out,
                out);
}

static const char with_wattle[] =
    "\n## Use\n\n"
    "As root on the machine with the GPUs, with Wattle installed:\n\n"
    "    ./install.sh install NAME      # copy the plan and its unit, enable and start it\n"
    "    ./install.sh status\n"
    "    ./install.sh uninstall NAME    # stop it, which puts the clocks back, and remove it\n\n"
    "The units call `wattle apply` and `wattle restore`: `wattle status` shows what they hold.\n"
    "`wattle deploy --without-wattle` writes a script that needs nvidia-smi alone.\n";

static const char without_wattle[] =
    "\n## Use\n\n"
    "As root on the machine with the GPUs:\n\n"
    "    ./clocks.sh apply NAME         # lock the clocks; add UUIDs to choose GPUs\n"
    "    ./clocks.sh verify             # while the workload runs\n"
    "    ./clocks.sh status\n"
    "    ./clocks.sh rollback           # undo\n"
    "    ./clocks.sh recover            # after a crash: undo what was left half done\n\n"
    "and to hold a plan from boot on:\n\n"
    "    ./install.sh install NAME\n"
    "    ./install.sh uninstall NAME\n\n"
    "The driver cannot be asked which lock is set. Rollback goes by the script's own record: to "
    "the\n"
    "lock that it set before, else to the driver's default, and says which. A lock ends with a\n"
    "reboot or when the driver is unloaded.\n\n"
    "## When something is wrong\n\n"
    "| seen | do |\n|---|---|\n"
    "| a service is too slow since the clocks are locked | `./clocks.sh rollback`, or `systemctl "
    "stop NAME` for a unit |\n"
    "| the script or its record is gone | `nvidia-smi -i UUID -rgc` is all that it would do |\n"
    "| \"NOT put back\" | the GPU does not answer: reset it or reboot, its lock ends with that; "
    "then `./clocks.sh recover` |\n"
    "| \"cannot write\" | the clocks are put back, the record is stale: free space, `rollback` "
    "again |\n"
    "| \"an apply was cut off\" | `./clocks.sh recover` |\n"
    "| the unit failed | `journalctl -u NAME`; a failed start leaves the clocks as they were |\n"
    "| `verify` says NOT held | somebody else sets clocks: look for other units and for `-ac` in "
    "`nvidia-smi -q -d CLOCK` |\n";

void wtl_deploy_readme(const struct wtl_deployment *d, struct wtl_buf *out)
{
    wtl_buf_printf(out, "# Deployment of %s\n\nWritten by `wattle deploy` from `", d->generated);
    wtl_quote_plain(d->options->plan_path, out);
    wtl_buf_puts(out, "`. production.json holds the same for programs.\n\n");
    if (d->n_deployed)
        add_deployed(d, out);
    else
        wtl_buf_puts(out, d->n_items
                              ? "No plan can be deployed.\n"
                              : "There is nothing to deploy: it holds no plan of a clock.\n");
    add_by_hand(d, out);
    add_left_out(d, out);
    if (d->n_deployed)
        wtl_buf_puts(out, d->options->without_wattle ? without_wattle : with_wattle);
}
