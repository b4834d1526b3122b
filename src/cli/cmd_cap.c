/* SPDX-License-Identifier: Apache-2.0
 * `wattle cap`: a power budget over devices. */
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/lease_options.h"
#include "cli/lease_text.h"
#include "cli/loan.h"
#include "codec/json.h"
#include "flow/cap.h"

#include <errno.h>
#include <math.h>
#include <string.h>

struct options {
    struct wtl_opt_list ids;
    struct wtl_opt_quantity base;
    const char *standing, *ceiling, *workload;
    bool watch, dry_run;
};

#define AT(member) offsetof(struct options, member)

static const struct wtl_opt opts[] = {
    WTL_LEASE_OPT_IDS(struct options, ids,
                      "device under the budget, as `wattle devices` names it; may be repeated"),
    {.name = "base",
     .type = WTL_OPT_QUANTITY,
     .unit = WTL_UNIT_WATT,
     .min = 0,
     .max = 1e9,
     .arg = "POWER",
     .offset = AT(base),
     .help = "what draws from the budget, at most, and has no limit to set (0 W)"},
    WTL_LEASE_OPT_STANDING(struct options, standing, "name of the lease"),
    {.name = "ceiling",
     .type = WTL_OPT_STRING,
     .arg = "PLAN",
     .offset = AT(ceiling),
     .help = "hold a board whose limit cannot be set by a ceiling on its clock, from what the runs "
             "behind this plan drew at most: the cap is then soft"},
    {.name = "workload",
     .type = WTL_OPT_STRING,
     .arg = "NAME",
     .offset = AT(workload),
     .help = "take the ceiling from this workload's plan (the worst of all plans of the board)"},
    {.name = "watch",
     .type = WTL_OPT_FLAG,
     .offset = AT(watch),
     .help = "stay, look twice a second, and set again what others changed"},
    WTL_LEASE_OPT_DRY_RUN(struct options, dry_run, "say what would be set, and touch nothing"),
    {0},
};

enum { LOOK_MS = 500 };

/* A watch is a stream: JSON lines, of which this is the first. */
static int show(struct wtl_context *ctx, const struct wtl_cap_result *r, bool watched,
                struct wtl_error *err)
{
    if (ctx->json)
        return watched ? wtl_print_json_line(ctx, wtl_cap_json(r), err)
                       : wtl_print_json(ctx, wtl_cap_json(r), err);
    if (ctx->child && ctx->verbosity < 0)
        return 0;
    wtl_print_moves(ctx, r->moves, r->n, r->dry_run);
    fprintf(ctx->out, "\nlimits %s%g W + base %g W = %g W of %g W%s\n",
            r->soft ? "and ceilings " : "", r->limits_w, r->base_w, r->limits_w + r->base_w,
            r->budget_w, r->soft ? ", soft" : "");
    if (r->soft)
        wtl_print_wrapped(
            ctx->out,
            "soft: a ceiling on a clock is as good as the runs behind the plan. Other "
            "work may draw more under it, and no firmware watches over it.",
            0, 80);
    if (!r->lent || r->lease.kind == WTL_LEASE_STANDING)
        wtl_print_lease_end(ctx, &r->lease);
    return 0;
}

static json_t *report_json(const struct wtl_cap_result *r, const char *at, const char *event,
                           const char *text)
{
    const struct wtl_cap_watch *w = &r->watch;
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:I, s:o, s:I, s:I}", "at", at, "event", event,
                     "text", wtl_json_text(text), "sum_w",
                     r->lent ? wtl_json_finite(r->exposure.sum_w) : json_null(), "budget_w",
                     wtl_json_finite(r->budget_w), "exposures", (json_int_t)w->exposures,
                     "exposed_s_max", wtl_json_finite(w->exposed_s), "reasserted",
                     (json_int_t)w->reasserted, "failed", (json_int_t)w->failed);
}

/* Infinite where a ceiling or a limit is gone. */
static const char *sum_text(double w, char *buf, size_t size)
{
    if (isfinite(w))
        snprintf(buf, size, "%g W", w);
    else
        snprintf(buf, size, "not known");
    return buf;
}

/* What a watch says is said at once; where it cannot be, that is no reason to end it. */
static void say_at_once(struct wtl_context *ctx)
{
    bool before = ferror(ctx->out);
    if (fflush(ctx->out) != 0 && !before)
        wtl_log(&ctx->log, WTL_LOG_WARNING,
                "cannot write standard output: %s; the watch goes on and says nothing more",
                strerror(errno));
}

/* One line (of text, or of JSON) when something happened, and at the end. */
static void report(struct wtl_context *ctx, const struct wtl_cap_result *r, const char *event,
                   const char *text)
{
    const struct wtl_cap_watch *w = &r->watch;
    char at[24], sum[96] = "", w_text[32];
    wtl_format_utc(ctx->clock.wall_ns(ctx->clock.ctx), at, sizeof at);
    if (ctx->json) {
        (void)wtl_print_json_line(ctx, report_json(r, at, event, text), NULL);
    } else {
        if (r->lent)
            snprintf(sum, sizeof sum, "limits and base were %s of %g W when looked at; ",
                     sum_text(r->exposure.sum_w, w_text, sizeof w_text), r->budget_w);
        fprintf(ctx->out, "%s %s: %s%s%sso far %lld exposure%s, at most %.1f s\n", at, event, text,
                text[0] ? "; " : "", sum, (long long)w->exposures, wtl_plural(w->exposures),
                w->exposed_s);
    }
    say_at_once(ctx);
}

/* A failure that lasts is said once a minute, not twice a second. */
struct complaint {
    char text[WTL_ERROR_MESSAGE_MAX];
    int64_t said_ns;
};

static bool is_news(struct wtl_context *ctx, struct complaint *c, const char *text)
{
    int64_t now_ns = ctx->clock.monotonic_ns(ctx->clock.ctx);
    if (strcmp(c->text, text) == 0 && now_ns - c->said_ns < 60 * WTL_NS_PER_S)
        return false;
    snprintf(c->text, sizeof c->text, "%s", text);
    c->said_ns = now_ns;
    return true;
}

/* The devices were lost: opened anew, and capped anew, until that works. */
static void begin_anew(struct wtl_context *ctx, const struct wtl_flow *flow,
                       const struct wtl_cap_request *request, struct wtl_cap_result *r,
                       struct complaint *complaint)
{
    struct wtl_error err = {0};
    wtl_interrupt_release(); /* opening may take long, and nothing is half done */
    int rc = wtl_cap_renew(flow, request, r, &err);
    if (rc == 0)
        report(ctx, r, "set again", "the devices were lost, and opened anew");
    else if (is_news(ctx, complaint, err.message))
        report(ctx, r, "cannot set it again", err.message);
    if (rc == 0)
        *complaint = (struct complaint){0};
}

static int watch(struct wtl_context *ctx, const struct wtl_flow *flow,
                 const struct wtl_cap_request *request, struct wtl_cap_result *r,
                 struct wtl_error *err)
{
    struct complaint complaint = {0};
    int rc = 0;
    say_at_once(ctx); /* what was set, before the wait */
    while (rc != -(int)WTL_BUSY && !wtl_interrupt_wait((int64_t)LOOK_MS * 1000000)) {
        struct wtl_error why = {0};
        if (!r->lent) {
            begin_anew(ctx, flow, request, r, &complaint);
            continue;
        }
        int64_t mended = r->watch.reasserted, failed = r->watch.failed;
        bool blind = r->exposure.blind;
        rc = wtl_cap_tend(r, &why);
        if (r->watch.reasserted > mended && rc != -(int)WTL_LOST)
            report(ctx, r, "set again", "somebody else had changed a limit");
        if (r->watch.failed > failed || (r->exposure.blind && !blind))
            report(ctx, r, "cannot look after it", why.message[0] ? why.message : r->exposure.why);
        if (!r->exposure.blind && blind)
            report(ctx, r, "all boards answer again", "");
        if (rc == -(int)WTL_LOST)
            begin_anew(ctx, flow, request, r, &complaint);
        else if (rc == -(int)WTL_BUSY && err)
            *err = why;
    }
    report(ctx, r, "end of the watch",
           rc == -(int)WTL_BUSY ? "it is another's"
           : r->lent            ? "the limits stay"
                                : "the cap is not in force");
    (void)wtl_cap_finish(r, NULL); /* kept: lets go, and changes nothing */
    return rc == -(int)WTL_BUSY ? rc : 0;
}

/* ---- While a command runs -------------------------------------------------------------------- */

struct lent {
    struct wtl_context *ctx;
    struct wtl_cap_result *result;
};

static int tend(void *lent, struct wtl_error *err)
{
    const struct lent *l = lent;
    int64_t mended = l->result->watch.reasserted;
    int rc = wtl_cap_tend(l->result, err);
    if (l->result->watch.reasserted > mended && rc == 0 && l->ctx->verbosity >= 0)
        fputs("wattle: somebody else had changed a limit: it is set again\n", l->ctx->messages);
    return rc;
}

static int finish(void *lent, struct wtl_error *err)
{
    const struct lent *l = lent;
    const struct wtl_cap_watch *w = &l->result->watch;
    if (w->exposures > 0 && l->ctx->verbosity >= 0)
        fprintf(l->ctx->messages, "wattle: %lld exposure%s, at most %.1f s\n",
                (long long)w->exposures, wtl_plural(w->exposures), w->exposed_s);
    return wtl_cap_finish(l->result, err);
}

/* ---- All ------------------------------------------------------------------------------------- */

/* What follows when it is set. */
static int go_on(struct wtl_context *ctx, const struct wtl_flow *flow,
                 const struct wtl_cap_request *request, struct wtl_cap_result *r,
                 struct wtl_error *err)
{
    int rc = show(ctx, r, request->watch, err);
    if (rc == 0 && request->watch)
        return watch(ctx, flow, request, r, err);
    struct lent lent = {ctx, r};
    const struct wtl_loan loan = {.tend = tend, .end = finish, .what = &lent};
    if (rc == 0 && r->lent)
        return wtl_loan_for_child(ctx, &loan, err);
    int finished = wtl_cap_finish(r, rc ? NULL : err);
    return rc ? rc : finished;
}

static int check_options(const struct wtl_context *ctx, const struct options *o,
                         struct wtl_error *err)
{
    if (ctx->child && (o->standing || o->watch))
        return WTL_FAIL(
            err, WTL_USAGE,
            "-- COMMAND makes a loan that ends with it: neither --standing nor --watch");
    if (o->workload && !o->ceiling)
        return WTL_FAIL(err, WTL_USAGE, "--workload goes with --ceiling PLAN");
    return 0;
}

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    const struct options *o = ctx->options;
    struct wtl_flow flow = wtl_context_flow(ctx);
    struct wtl_cap_request request = {.ids = o->ids.items,
                                      .n_ids = o->ids.n,
                                      .base_w = o->base.given ? o->base.value : 0,
                                      .name = o->standing,
                                      .dry_run = o->dry_run,
                                      .watch = o->watch && !o->dry_run,
                                      .loan = ctx->child != NULL,
                                      .changing = wtl_interrupt_hold};
    struct wtl_cap_result r;
    struct wtl_plan_file plans;
    int rc = check_options(ctx, o, err);
    rc = rc ? rc : wtl_parse_quantity(ctx->argv[0], WTL_UNIT_WATT, &request.budget_w, err);
    if (rc == 0 && o->ceiling) {
        rc = wtl_plan_file_read(ctx->arena, o->ceiling, &plans, err);
        request.ceilings = (struct wtl_ceiling_source){&plans, o->ceiling, o->workload};
    }
    if (rc < 0)
        return rc;
    rc = wtl_flow_cap(&flow, &request, ctx->arena, &r, err);
    if (rc == 0)
        rc = go_on(ctx, &flow, &request, &r, err);
    wtl_interrupt_release();
    return rc;
}

const struct wtl_command wtl_cmd_cap = {
    .name = "cap",
    .summary = "Hold a power budget over devices by their limits",
    .synopsis = "POWER -i ID [-i ID]... [options] [-- COMMAND [ARG]...]",
    .description =
        "Splits the budget over the power limits of the devices, in proportion to their default "
        "limits, none below its minimum and none above what it had before. Limits are lowered and "
        "read back before any is raised, so that their sum, with the base, never passes the budget "
        "by a change of ours. A budget below the sum of the lowest limits is refused.\n\n"
        "The cap is a standing lease: it stays when the command ends, and `wattle restore` ends "
        "it. The same command again changes it. With -- COMMAND it is a loan for the run of that "
        "command, as `wattle apply` makes one, and is put back when it ends. A board follows its "
        "limit as an average of about a "
        "second; shorter peaks are not promised away.\n\n"
        "A board whose limit cannot be set is refused, or with --ceiling held by the highest clock "
        "under which the runs behind the plan drew at most its share (the largest 99 % quantile of "
        "their power samples). Such a cap is soft, and says so.\n\n"
        "Other programs cannot be kept from setting limits. --watch sees that within a second, "
        "sets "
        "ours again and counts the exposure; without it `wattle status` tells. On a board that "
        "does not answer nothing is ever raised.",
    .examples = "  wattle cap 500W -i nvml:GPU-8f3c1a2b -i nvml:GPU-77aa0c11  # two boards\n"
                "  wattle cap 1.2kW --base 300W -i 0 -i 1 -i 2             # with the rest of the "
                "node\n"
                "  wattle cap 500W -i 0 -i 1 --watch                       # and look after it\n"
                "  wattle cap 300W -i 0 -- python3 train.py                # while that runs",
    .exit_codes =
        "3  a board has no limit that could be set, and no --ceiling PLAN tells of it\n"
        "5  the budget is below the sum of the lowest limits\n"
        "125  with -- COMMAND: a failure of cap, whatever it is; 126 and 127: the command cannot "
        "be run; else its own status, 128 + N after signal N",
    .opts = opts,
    .options_size = sizeof(struct options),
    .min_args = 1,
    .max_args = 1,
    .takes_child = true,
    .run = run,
};
