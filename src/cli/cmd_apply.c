/* SPDX-License-Identifier: Apache-2.0
 * `wattle apply`: a plan's clock onto devices. */
#include "cli/at_option.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/lease_options.h"
#include "cli/lease_text.h"
#include "cli/loan.h"
#include "flow/apply.h"

struct options {
    struct wtl_opt_list ids;
    const char *gpu, *workload, *at, *standing;
    struct wtl_opt_quantity duration;
    bool force, dry_run, point;
};

#define AT(member) offsetof(struct options, member)

static const struct wtl_opt opts[] = {
    WTL_LEASE_OPT_IDS(
        struct options, ids,
        "device to set, as `wattle devices` names it; may be repeated (every GPU of the "
        "plan's type)"),
    {.name = "gpu",
     .type = WTL_OPT_STRING,
     .arg = "NAME",
     .offset = AT(gpu),
     .help = "take the plan for this GPU, of a file with several"},
    {.name = "workload",
     .type = WTL_OPT_STRING,
     .arg = "NAME",
     .offset = AT(workload),
     .help = "take the plan for this workload"},
    WTL_OPT_AT(struct options, at,
               "take the plan for this operating point, of a workload with several: \"batch 8\""),
    {.name = "point",
     .type = WTL_OPT_FLAG,
     .offset = AT(point),
     .help = "take the best operating point of a workload, rather than a plan of clocks"},
    WTL_LEASE_OPT_STANDING(struct options, standing,
                           "name of the lease, by which `wattle restore --standing NAME` ends it"),
    {.name = "for",
     .type = WTL_OPT_QUANTITY,
     .unit = WTL_UNIT_SECOND,
     .min = 0.001,
     .max = 1e9,
     .arg = "TIME",
     .offset = AT(duration),
     .help = "hold it so long, then put back what was there: a loan, no standing lease"},
    {.name = "force",
     .type = WTL_OPT_FLAG,
     .offset = AT(force),
     .help = "set it also on a board that the plan was not made on"},
    WTL_LEASE_OPT_DRY_RUN(struct options, dry_run, "say what would be set, and touch nothing"),
    {0},
};

static const char *by_hand(struct wtl_context *ctx, const char *settings)
{
    const char *text = wtl_arena_printf(
        ctx->arena, "by hand: the workload has to be started with %s; it is good for that alone",
        settings);
    return text ? text : settings;
}

static int show(struct wtl_context *ctx, const struct wtl_apply_result *r, struct wtl_error *err)
{
    if (ctx->json)
        return wtl_print_json(ctx, wtl_apply_json(r), err);
    if (ctx->child && ctx->verbosity < 0)
        return 0;
    const struct wtl_apply_target *t = &r->target;
    char title[WTL_CONFIGURED_NAME], text[WTL_MEASURED_POINT_TEXT];
    if (t->of_point)
        fprintf(ctx->out, "%s on %s: %s\n\n", t->workload, t->gpu, wtl_apply_target_text(t, text));
    else
        fprintf(ctx->out, "%s on %s: %d MHz\n\n", wtl_configured_name(t->workload, &t->at, title),
                t->gpu, t->clock_mhz);
    wtl_print_moves(ctx, r->moves, r->n, r->dry_run);
    if (wtl_configuration_format(&t->by_hand, title)[0])
        wtl_print_wrapped(ctx->out, by_hand(ctx, title), 0, 80);
    fputc('\n', ctx->out);
    if (!r->loan)
        wtl_print_lease_end(ctx, &r->lease);
    return 0;
}

static int tend(void *result, struct wtl_error *err)
{
    return wtl_apply_tend(result, err);
}

static int finish(void *result, struct wtl_error *err)
{
    return wtl_apply_finish(result, err);
}

static int apply(struct wtl_context *ctx, const struct options *o,
                 const struct wtl_plan_file *plans, struct wtl_error *err)
{
    struct wtl_flow flow = wtl_context_flow(ctx);
    struct wtl_apply_request request = {.plans = plans,
                                        .plan_path = ctx->argv[0],
                                        .ids = o->ids.items,
                                        .n_ids = o->ids.n,
                                        .gpu = o->gpu,
                                        .workload = o->workload,
                                        .name = o->standing,
                                        .force = o->force,
                                        .point = o->point,
                                        .dry_run = o->dry_run,
                                        .loan = o->duration.given || ctx->child,
                                        .changing = wtl_interrupt_hold};
    struct wtl_apply_result r;
    int rc = wtl_flow_apply(&flow, &request, ctx->arena, &r, err);
    if (rc < 0)
        return rc;
    rc = show(ctx, &r, err);
    const struct wtl_loan loan = {.tend = tend, .end = finish, .what = &r};
    if (rc == 0 && r.loan)
        return ctx->child ? wtl_loan_for_child(ctx, &loan, err)
                          : wtl_loan_for(ctx, &loan, o->duration.value, err);
    int finished = wtl_apply_finish(&r, rc ? NULL : err);
    return rc ? rc : finished;
}

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    const struct options *o = ctx->options;
    struct wtl_plan_file plans;
    if (o->duration.given && o->standing)
        return WTL_FAIL(err, WTL_USAGE, "--for makes a loan, which has no --standing name");
    if (ctx->child && (o->standing || o->duration.given))
        return WTL_FAIL(err, WTL_USAGE,
                        "-- COMMAND makes a loan that ends with it: neither --standing nor --for");
    const struct wtl_at *at = NULL;
    int rc = wtl_at_option(ctx->arena, o->at, &at, err);
    rc = rc ? rc : wtl_plan_file_read(ctx->arena, ctx->argv[0], &plans, err);
    rc = rc ? rc : wtl_plan_file_narrow(ctx->arena, ctx->argv[0], at, &plans, err);
    if (rc < 0)
        return rc;
    rc = apply(ctx, o, &plans, err);
    wtl_interrupt_release();
    return rc;
}

const struct wtl_command wtl_cmd_apply = {
    .name = "apply",
    .summary = "Set what a plan chose, as a standing lease or for a while",
    .synopsis = "PLAN [-i ID]... [options] [-- COMMAND [ARG]...]",
    .description =
        "Locks the SM clock of the devices to what the plan chose. Of an operating point (a file "
        "without a plan of clocks for the workload, or --point) it sets the clocks and the power "
        "limit, and says what is left to do by hand: the batch, share, replicas, threads, variant "
        "and CPU quota that the workload is to be started with. Without -i these are all GPUs of "
        "the type that the plan was made on; a device of another type is refused unless "
        "--force.\n\n"
        "What was there before is on disk before anything is set, and a knob that another lease "
        "holds is refused with the name of its holder. The lease stands until `wattle restore` "
        "ends it; with --for it is a loan, which is put back at the end of that time, on a signal, "
        "and by its guardian when the command is killed.\n\n"
        "With -- COMMAND it is a loan for the run of that command, which has this one's standard "
        "input and output (what apply says goes to standard error); the exit status is the "
        "command's. SIGINT, SIGTERM, SIGHUP and SIGQUIT are sent on to it, and the clock is put "
        "back when it has ended. Should apply be killed itself, the guardian puts back while the "
        "command runs on.\n\nThe same command again, or another plan "
        "for the same devices and name, changes the standing lease and keeps what was there before "
        "the first. docs/leases.md says how all this works.\n\n"
        "Setting clocks needs root. Nothing is set that the device does not list: plans hold legal "
        "clocks.",
    .examples = "  wattle apply plan.json                        # every GPU of the plan's type\n"
                "  wattle apply plan.json -i nvml:GPU-8f3c1a2b   # this one\n"
                "  wattle apply plan.json --for 10min            # and put it back\n"
                "  wattle apply plan.json -- python3 serve.py    # while that runs\n"
                "  wattle apply plan.json --point                # the best operating point\n"
                "  wattle apply plan.json --dry-run              # what would be set",
    .exit_codes = "3  nothing that the plan chose is a clock or a power limit: all of it is to "
                  "be done by hand\n"
                  "5  the plan is infeasible: it chose nothing\n"
                  "7  the plan is undecided: it chose nothing\n"
                  "125  with -- COMMAND: a failure of apply, whatever it is; 126 and 127: the "
                  "command cannot be run; else its own status, 128 + N after signal N",
    .opts = opts,
    .options_size = sizeof(struct options),
    .min_args = 1,
    .max_args = 1,
    .takes_child = true,
    .run = run,
};
