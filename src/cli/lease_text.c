/* SPDX-License-Identifier: Apache-2.0
 * Leases as text. */
#include "cli/lease_text.h"

#include <string.h>

enum { WIDTH = 80 };

static const char *outcome(const struct wtl_knob_move *m, bool dry_run)
{
    if (dry_run)
        return "would be set";
    if (!m->done)
        return "not set";
    return m->verified ? "read back" : "set; cannot be read back";
}

void wtl_print_moves(struct wtl_context *ctx, const struct wtl_knob_move *moves, size_t n,
                     bool dry_run)
{
    bool blind = false;
    for (size_t i = 0; i < n; i++) {
        char from[WTL_KNOB_TEXT], to[WTL_KNOB_TEXT];
        const struct wtl_knob_move *m = &moves[i];
        if (i == 0 || strcmp(m->device, moves[i - 1].device) != 0)
            wtl_print_line(ctx->out, 0, "%s  %s", m->device, m->device_name);
        wtl_print_line(ctx->out, 2, "%s %s -> %s, %s", wtl_knob_info(m->knob)->title,
                       m->from_known ? wtl_knob_format(m->knob, m->from, from) : "(not told)",
                       wtl_knob_format(m->knob, m->to, to), outcome(m, dry_run));
        if (m->soft)
            wtl_print_line(ctx->out, 4, "soft: runs under that clock drew at most %.1f W",
                           m->soft_w);
        blind = blind || (m->done && !m->verified);
    }
    if (blind && ctx->verbosity >= 0)
        wtl_print_wrapped(
            ctx->out,
            "As on every board: NVML has no getter of clock locks. That one is in force "
            "shows in the clock under load, which `wattle status` looks at.",
            0, WIDTH);
}

void wtl_print_lease_end(struct wtl_context *ctx, const struct wtl_lease_record *lease)
{
    char line[300];
    if (lease->id == 0)
        snprintf(line, sizeof line, "dry run: nothing was touched");
    else
        snprintf(line, sizeof line, "standing lease %lld%s%s%s: `wattle restore %lld` ends it",
                 (long long)lease->id, lease->name[0] ? " \"" : "", lease->name,
                 lease->name[0] ? "\"" : "", (long long)lease->id);
    wtl_print_wrapped(ctx->out, line, 0, WIDTH);
}
