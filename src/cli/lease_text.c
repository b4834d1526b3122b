/* SPDX-License-Identifier: Apache-2.0
 * Leases as text. */
#include "cli/lease_text.h"

#include "cli/table.h"

enum { WIDTH = 80 };

struct wtl_flow wtl_context_flow(struct wtl_context *ctx)
{
    return (struct wtl_flow){
        .alloc = wtl_alloc_system(), .clock = ctx->clock, .log = &ctx->log, .threads = 1};
}

static const char *outcome(const struct wtl_knob_move *m, bool dry_run)
{
    if (dry_run)
        return "would be set";
    if (!m->done)
        return "not set";
    return m->verified ? "read back" : "set, not reported";
}

int wtl_print_moves(struct wtl_context *ctx, const struct wtl_knob_move *moves, size_t n,
                    bool dry_run, struct wtl_error *err)
{
    static const struct wtl_table_column columns[] = {{.title = "device"},
                                                      {.title = "knob"},
                                                      {.title = "from", .number = true},
                                                      {.title = "to", .number = true},
                                                      {.title = ""}};
    struct wtl_table *t = wtl_table_new(ctx->arena, columns, 5);
    if (!t)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    bool blind = false;
    for (size_t i = 0; i < n; i++) {
        char text[WTL_KNOB_TEXT];
        const struct wtl_knob_move *m = &moves[i];
        wtl_table_put(t, m->device);
        wtl_table_put(t, wtl_knob_info(m->knob)->title);
        wtl_table_put(t, m->from_known ? wtl_knob_format(m->knob, m->from, text) : "not reported");
        wtl_table_put(t, wtl_knob_format(m->knob, m->to, text));
        wtl_table_put(t, outcome(m, dry_run));
        blind = blind || (m->done && !m->verified);
    }
    int rc = wtl_table_print(t, 0, WIDTH, ctx->out, err);
    if (rc == 0 && blind && ctx->verbosity >= 0)
        wtl_print_wrapped(ctx->out,
                          "NVML does not report clock locks: that one is in force shows in the "
                          "clock under load.",
                          0, WIDTH);
    return rc;
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
