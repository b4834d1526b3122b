/* SPDX-License-Identifier: Apache-2.0
 * `wattle mps`: control daemons of NVIDIA's MPS that are ours, and what is known of others. Its
 * verbs are here, too; what `status` prints is in mps_text.c. */
#include "cli/interrupt.h"
#include "cli/mps_text.h"

#include "codec/json.h"

#include <string.h>

struct options {
    struct wtl_opt_quantity share, wait;
    const char *devices;
    bool force, dry_run;
};

#define AT(member) offsetof(struct options, member)
/* clang-format off */
#define FORCE                                                                                      \
    {"force", 'f', WTL_OPT_FLAG, AT(force), NULL,                                                  \
     "end it although somebody is a client of it, whose work fails with it"}
#define WAIT                                                                                       \
    {.name = "wait", .letter = 'w', .type = WTL_OPT_QUANTITY, .unit = WTL_UNIT_SECOND, .min = 0,   \
     .max = 86400, .arg = "TIME", .offset = AT(wait),                                              \
     .help = "how long clients have to end by themselves (10s)"}
#define DRY_RUN                                                                                    \
    {"dry-run", 'n', WTL_OPT_FLAG, AT(dry_run), NULL, "say what would be ended, and end nothing"}
/* clang-format on */

static const struct wtl_opt start_opts[] = {
    {.name = "share",
     .letter = 's',
     .type = WTL_OPT_QUANTITY,
     .unit = WTL_UNIT_FRACTION,
     .min = 0.01,
     .max = 1,
     .arg = "SHARE",
     .offset = AT(share),
     .help = "of a GPU that each client gets at most (100%)"},
    {"devices", 'd', WTL_OPT_STRING, AT(devices), "UUIDS",
     "the GPUs that it may use, with commas, as CUDA_VISIBLE_DEVICES has them (all)"},
    {0},
};
static const struct wtl_opt end_opts[] = {FORCE, WAIT, DRY_RUN, {0}};

static struct wtl_mps_world world_of(const struct wtl_context *ctx, struct wtl_arena *arena)
{
    const struct options *o = ctx->options;
    struct wtl_mps_world w = {.clock = ctx->clock};
    if (wtl_mps_find_program(arena, &w.program, NULL) < 0)
        w.program = NULL; /* then only signals end */
    if (o && o->wait.given)
        w.drain_ns = (int64_t)(o->wait.value * 1e9) + 1;
    return w;
}

/* ---- status ---------------------------------------------------------------------------------- */

static int run_status(struct wtl_context *ctx, struct wtl_error *err)
{
    struct wtl_mps_seen seen;
    int rc = wtl_flow_mps_look(ctx->clock, NULL, ctx->arena, &seen, err);
    if (rc < 0)
        return rc;
    return ctx->json ? wtl_print_json(ctx, wtl_mps_seen_json(&seen), err)
                     : wtl_mps_text(ctx, &seen, err);
}

static const struct wtl_command status_command = {
    .name = "mps status",
    .summary = "Show MPS daemons, servers and clients, and whose they are",
    .synopsis = "",
    .description = "Shows the control daemons that are in $CUDA_MPS_PIPE_DIRECTORY, in "
                   "/tmp/nvidia-mps and in the records of this user, each with its servers, their "
                   "clients and what share of a GPU these get at most; and what commands that were "
                   "killed left. Changes nothing.",
    .examples = "  wattle mps status\n"
                "  wattle mps status --json",
    .max_args = 0,
    .run = run_status,
};

/* ---- start ----------------------------------------------------------------------------------- */

/* Where CUDA programs would find one by themselves, another one beside it is a trap. */
static int check_none(const struct wtl_mps_seen *seen, struct wtl_error *err)
{
    for (size_t i = 0; i < seen->n; i++) {
        const struct wtl_mps_seen_daemon *d = &seen->daemons[i];
        if (d->ours && d->life != WTL_MPS_STANDING)
            continue;
        int rc = WTL_FAIL(err, WTL_BUSY, "an MPS daemon is in %s already", d->pipe_dir);
        wtl_error_hint(err, d->ours ? "`wattle mps stop` ends it"
                                    : "CUDA programs find it there; whoever started it ends it");
        return rc;
    }
    return 0;
}

static int start(struct wtl_context *ctx, struct wtl_mps_daemon *d, struct wtl_error *err)
{
    const struct options *o = ctx->options;
    struct wtl_mps_world world = {.clock = ctx->clock};
    struct wtl_mps_seen seen;
    int rc = wtl_mps_find_program(ctx->arena, &world.program, err);
    rc = rc ? rc : wtl_flow_mps_look(ctx->clock, NULL, ctx->arena, &seen, err);
    rc = rc ? rc : check_none(&seen, err);
    if (rc < 0)
        return rc;
    wtl_interrupt_hold();
    rc = wtl_mps_daemon_start(&world, "wattle mps start", true, o->devices, d, err);
    if (rc == 0 && o->share.given)
        rc = wtl_mps_set_percentage(&d->control, 0, wtl_mps_percent(o->share.value), err);
    if (rc < 0 && d->record.token[0])
        (void)wtl_mps_end(&world, &d->record, true, NULL);
    wtl_interrupt_release();
    return rc;
}

static int run_start(struct wtl_context *ctx, struct wtl_error *err)
{
    struct wtl_mps_daemon d = {.record = {.token = ""}};
    int rc = start(ctx, &d, err);
    if (rc < 0)
        return rc;
    if (ctx->json)
        return wtl_print_json(
            ctx,
            json_pack("{s:o, s:I, s:o, s:o}", "token", wtl_json_text(d.record.token), "pid",
                      (json_int_t)d.record.daemon.pid, "pipe_dir", wtl_json_text(d.pipe_dir),
                      "log_dir", wtl_json_text(d.log_dir)),
            err);
    fprintf(ctx->out,
            "MPS daemon %s runs, process %lld\n"
            "  export CUDA_MPS_PIPE_DIRECTORY='%s'   for its clients\n"
            "  export CUDA_MPS_LOG_DIRECTORY='%s'\n"
            "  wattle mps stop    end it\n",
            d.record.token, (long long)d.record.daemon.pid, d.pipe_dir, d.log_dir);
    return 0;
}

static const struct wtl_command start_command = {
    .name = "mps start",
    .summary = "Start an MPS control daemon of one's own",
    .synopsis = "[options]",
    .description = "Starts NVIDIA's control daemon in folders of its own, where it stays until "
                   "`wattle mps stop`. Programs become its clients by two variables of the "
                   "environment, which are printed. Nothing is started where CUDA programs would "
                   "find another one by themselves. The compute mode of the GPUs is not touched: "
                   "exclusive process is recommended (nvidia-smi -c EXCLUSIVE_PROCESS, as root).",
    .examples = "  wattle mps start --share 50%",
    .opts = start_opts,
    .options_size = sizeof(struct options),
    .max_args = 0,
    .run = run_start,
};

/* ---- stop and clean -------------------------------------------------------------------------- */

struct ending {
    struct wtl_context *ctx;
    struct wtl_mps_world world;
    json_t *ended;
    size_t n;
};

static int end_one(struct ending *e, const struct wtl_mps_record *r, const char *what,
                   struct wtl_error *err)
{
    const struct options *o = e->ctx->options;
    int rc = o->dry_run ? 0 : wtl_mps_end(&e->world, r, o->force, err);
    if (rc < 0)
        return rc;
    e->n++;
    wtl_json_add(&e->ended, wtl_json_text(r->token));
    if (!e->ctx->json)
        fprintf(e->ctx->out, "MPS daemon %s (%s) %s\n", r->token, what,
                o->dry_run ? "would be ended" : "is gone");
    return 0;
}

/* Ends the records of these lives; with a token, that one alone. */
static int end_those(struct ending *e, const char *token, unsigned lives, struct wtl_error *err)
{
    struct wtl_mps_entry *entries = NULL;
    size_t n = 0;
    int rc = wtl_mps_records(NULL, e->ctx->arena, &entries, &n, err);
    for (size_t i = 0; i < n; i++) {
        const struct wtl_mps_record *r = &entries[i].record;
        const enum wtl_mps_life life =
            entries[i].readable ? wtl_mps_record_judge(r) : WTL_MPS_OTHERS;
        if (!((lives >> life) & 1) || (token && strcmp(token, r->token) != 0))
            continue;
        const int one = end_one(e, r, wtl_mps_life_name(life), rc ? NULL : err);
        rc = rc ? rc : one;
    }
    return rc;
}

static int end_and_say(struct wtl_context *ctx, const char *token, unsigned lives,
                       const char *nothing, struct wtl_error *err)
{
    struct ending e = {.ctx = ctx, .world = world_of(ctx, ctx->arena), .ended = json_array()};
    wtl_interrupt_hold();
    int rc = end_those(&e, token, lives, err);
    wtl_interrupt_release();
    if (rc == 0 && e.n == 0 && token)
        rc = WTL_FAIL(err, WTL_NOTFOUND, "there is no MPS daemon \"%s\" to stop", token);
    if (rc == 0 && e.n == 0 && !ctx->json)
        fprintf(ctx->out, "%s\n", nothing);
    if (rc == 0 && ctx->json)
        return wtl_print_json(ctx, json_pack("{s:o}", "ended", e.ended), err);
    json_decref(e.ended);
    return rc;
}

static int run_stop(struct wtl_context *ctx, struct wtl_error *err)
{
    return end_and_say(ctx, ctx->argc ? ctx->argv[0] : NULL, 1u << WTL_MPS_STANDING,
                       "no MPS daemon of `wattle mps start` runs", err);
}

static const struct wtl_command stop_command = {
    .name = "mps stop",
    .summary = "End the MPS daemon that `wattle mps start` started",
    .synopsis = "[TOKEN] [options]",
    .description =
        "Waits until nobody is a client, then has the daemon quit with its servers. Where "
        "somebody stays it runs on, unless --force. Daemons that somebody else started "
        "are never ended.",
    .examples = "  wattle mps stop --wait 1min",
    .opts = end_opts,
    .options_size = sizeof(struct options),
    .max_args = 1,
    .run = run_stop,
};

static int run_clean(struct wtl_context *ctx, struct wtl_error *err)
{
    if (!((const struct options *)ctx->options)->dry_run)
        wtl_mps_records_tidy(NULL);
    return end_and_say(ctx, NULL, 1u << WTL_MPS_DANGLING | 1u << WTL_MPS_OVER,
                       "nothing was left of MPS", err);
}

static const struct wtl_command clean_command = {
    .name = "mps clean",
    .summary = "End MPS daemons and servers that a killed command left",
    .synopsis = "[options]",
    .description =
        "Ends what commands of this user left that were killed: by their records, and by "
        "processes that are the recorded ones or carry the record's mark in their "
        "environment, never by a name. The next `wattle sweep` does the same.",
    .examples = "  wattle mps clean --dry-run",
    .opts = end_opts,
    .options_size = sizeof(struct options),
    .max_args = 0,
    .run = run_clean,
};

/* ---- The family ------------------------------------------------------------------------------ */

/* clang-format off */
static const struct wtl_command *const verbs[] = {
    &status_command,
    &start_command,
    &stop_command,
    &clean_command,
    NULL,
};
/* clang-format on */

/* Without a verb; `wattle mps VERB` never comes here. */
static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    (void)ctx;
    int rc = WTL_FAIL(err, WTL_USAGE, "wattle mps needs a verb");
    wtl_error_hint(err, "wattle mps status; `wattle mps --help` lists all");
    return rc;
}

const struct wtl_command wtl_cmd_mps = {
    .name = "mps",
    .summary = "Show, start and end control daemons of NVIDIA's MPS",
    .synopsis = "VERB [options]",
    .description =
        "MPS lets processes share a GPU, each with at most a share of it. `wattle sweep` starts "
        "and ends a daemon by itself where its points have shares; these verbs are for looking, "
        "for a daemon that stays, and for what a killed command left. Needs NVIDIA's "
        "nvidia-cuda-mps-control, in $PATH or named in WATTLE_MPS_CONTROL. docs/mps.md tells more. "
        "Untested on hardware.\n\n`wattle mps VERB --help` shows the options of one verb.",
    .examples = "  wattle mps status\n"
                "  wattle mps start --share 50%\n"
                "  wattle mps stop\n"
                "  wattle mps clean",
    .verbs = verbs,
    .max_args = 0,
    .run = run,
};
