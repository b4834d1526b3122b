/* SPDX-License-Identifier: Apache-2.0
 * A command of the user's, or a span of time, that is measured. */
#include "cli/measuring.h"

#include "cli/child.h"
#include "cli/interrupt.h"
#include "codec/json.h"
#include "markers/markers.h"

#include <stdlib.h>

/* Between looks at whether a span is over before its time. */
#define LOOK_NS (WTL_NS_PER_S / 5)

static int64_t now_ns(const struct wtl_context *ctx)
{
    return ctx->clock.monotonic_ns(ctx->clock.ctx);
}

struct wtl_stat_options wtl_measuring_options(const struct wtl_context *ctx,
                                              const struct wtl_measuring *o)
{
    return (struct wtl_stat_options){.only = o->ids.items,
                                     .tdp_w = o->tdp.given ? o->tdp.value : 0,
                                     .no_estimate = o->no_estimate,
                                     .baseline_s = o->baseline.given ? o->baseline.value : 0,
                                     .interval_s = o->interval.given ? o->interval.value : 0,
                                     .markers = ctx->child && !o->no_markers};
}

int wtl_measuring_check(const struct wtl_context *ctx, const struct wtl_measuring *o,
                        struct wtl_error *err)
{
    if (!ctx->child || !o->duration.given)
        return 0;
    int rc = WTL_FAIL(err, WTL_USAGE,
                      "--for is for a span without a command: a command is "
                      "measured from its begin to its end");
    wtl_error_hint(err, "to end it after %gs: -- timeout %gs %.200s ...", o->duration.value,
                   o->duration.value, ctx->child[0]);
    return rc;
}

static void nothing(void *ctx)
{
    (void)ctx; /* threads of the measurement look after themselves */
}

static int run_child(struct wtl_context *ctx, const struct wtl_stat *stat, struct wtl_error *err)
{
    static const struct wtl_child_care care = {nothing, NULL};
    const char *socket = wtl_stat_socket(stat);
    if (socket && setenv(WTL_MARKERS_VARIABLE, socket, 1) != 0)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = wtl_child_run(ctx->child, &care, &ctx->child_status, err);
    (void)unsetenv(WTL_MARKERS_VARIABLE);
    if (rc == -WTL_NOTFOUND || rc == -WTL_PERMISSION)
        ctx->child_status = rc == -WTL_NOTFOUND ? WTL_EXIT_NOT_FOUND : WTL_EXIT_NO_PROGRAM;
    return rc;
}

int wtl_measuring_wait(struct wtl_context *ctx, const struct wtl_measuring *o,
                       bool (*over)(const void *ctx), const void *over_ctx,
                       const struct wtl_stat *stat, struct wtl_error *err)
{
    if (ctx->child)
        return run_child(ctx, stat, err);
    int64_t left = o->duration.given ? (int64_t)(1e9 * o->duration.value) : INT64_MAX;
    const int64_t until = left < INT64_MAX ? now_ns(ctx) + left : INT64_MAX;
    while (left > 0 && !(over && over(over_ctx)) &&
           !wtl_interrupt_wait(over && left > LOOK_NS ? LOOK_NS : left))
        left = until - now_ns(ctx);
    return 1;
}

void wtl_measuring_leave(const struct wtl_context *ctx)
{
    if (!ctx->child || !wtl_interrupt_noted())
        return;
    (void)fflush(ctx->out);
    wtl_interrupt_release();
}

json_t *wtl_measuring_json(const struct wtl_context *ctx, const struct wtl_stat_result *result)
{
    json_t *o = wtl_stat_json(result), *command = json_array();
    for (size_t i = 0; ctx->child && ctx->child[i]; i++)
        wtl_json_add(&command, wtl_json_text(ctx->child[i]));
    wtl_json_put(&o, "command", command);
    wtl_json_put(&o, "exit_status", json_integer(ctx->child_status));
    return o;
}
