/* SPDX-License-Identifier: Apache-2.0
 * clocks.sh and install.sh: shipped shell with the names and clocks of this deployment set in. The
 * shell itself is a file of its own (data/deploy) that shellcheck and the tests see as it is. */
#include "deploy/internal.h"

#include <string.h>

static const char marker[] = "\n# @CONFIG@\n";

/* `template` with `config` in the place of the marker. */
static int set_in(const char *template, const struct wtl_buf *config, struct wtl_buf *out,
                  struct wtl_error *err)
{
    const char *at = strstr(template, marker);
    if (!at)
        return WTL_FAIL(err, WTL_CORRUPT, "the shipped script has no line \"# @CONFIG@\"");
    wtl_buf_add(out, template, (size_t)(at - template) + 1);
    wtl_buf_add(out, config->data, config->len);
    wtl_buf_puts(out, at + sizeof marker - 1);
    return config->failed || out->failed ? WTL_FAIL(err, WTL_NOMEM, "out of memory") : 0;
}

static void add_head(const struct wtl_deployment *d, struct wtl_buf *config)
{
    wtl_buf_printf(config, "# Written by `wattle deploy` at %s from plan ", d->generated);
    wtl_quote_plain(d->options->plan_path, config);
    wtl_buf_puts(config, "\n");
    if (d->file->fingerprint[0]) {
        wtl_buf_puts(config, "# Campaign ");
        wtl_quote_plain(d->file->fingerprint, config);
        wtl_buf_puts(config, "\n");
    }
}

enum column { COLUMN_NAME, COLUMN_GPU, COLUMN_WORKLOAD, COLUMN_CLOCK, COLUMN_MEMORY };

static void add_cell(const struct wtl_deployment *d, const struct wtl_deploy_item *item,
                     enum column column, struct wtl_buf *out)
{
    char title[WTL_CONFIGURED_NAME];
    switch (column) {
    case COLUMN_NAME:
        wtl_quote_shell(item->name, out);
        break;
    case COLUMN_GPU:
        wtl_quote_shell(item->plan->gpu, out);
        break;
    case COLUMN_WORKLOAD:
        wtl_quote_shell(wtl_plan_title(item->plan, title), out);
        break;
    case COLUMN_CLOCK:
        wtl_buf_printf(out, "%d", item->plan->clock_mhz);
        break;
    case COLUMN_MEMORY:
        if (d->options->memory_clock_mhz)
            wtl_buf_printf(out, "%d", d->options->memory_clock_mhz);
        else
            wtl_buf_puts(out, "-");
        break;
    }
}

/* NAME=(cell cell ...), one a line. */
static void add_array(const struct wtl_deployment *d, const char *name, enum column column,
                      struct wtl_buf *out)
{
    wtl_buf_printf(out, "%s=(\n", name);
    for (size_t i = 0; i < d->n_items; i++) {
        if (d->items[i].left_out[0])
            continue;
        wtl_buf_puts(out, "    ");
        add_cell(d, &d->items[i], column, out);
        wtl_buf_puts(out, "\n");
    }
    wtl_buf_puts(out, ")\n");
}

int wtl_deploy_script(const struct wtl_deployment *d, const char *template, struct wtl_buf *out,
                      struct wtl_error *err)
{
    struct wtl_buf config;
    wtl_buf_init(&config, wtl_alloc_system(), 1 << 24);
    add_head(d, &config);
    add_array(d, "PLAN_NAME", COLUMN_NAME, &config);
    add_array(d, "PLAN_GPU", COLUMN_GPU, &config);
    add_array(d, "PLAN_WORKLOAD", COLUMN_WORKLOAD, &config);
    add_array(d, "PLAN_CLOCK", COLUMN_CLOCK, &config);
    add_array(d, "PLAN_MEMORY", COLUMN_MEMORY, &config);
    int rc = set_in(template, &config, out, err);
    wtl_buf_fini(&config);
    return rc;
}

int wtl_deploy_installer(const struct wtl_deployment *d, const char *template, struct wtl_buf *out,
                         struct wtl_error *err)
{
    struct wtl_buf config;
    wtl_buf_init(&config, wtl_alloc_system(), 1 << 24);
    add_head(d, &config);
    wtl_buf_printf(&config, "MODE=%s\n", d->options->without_wattle ? "script" : "wattle");
    add_array(d, "NAMES", COLUMN_NAME, &config);
    int rc = set_in(template, &config, out, err);
    wtl_buf_fini(&config);
    return rc;
}
