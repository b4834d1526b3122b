/* SPDX-License-Identifier: Apache-2.0
 * `wattle restore`: ends standing leases, puts back what the dead had lent. */
#include "base/dirs.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/lease_options.h"
#include "cli/lease_text.h"
#include "codec/json.h"
#include "flow/leases.h"

#include <string.h>

struct options {
    bool all, dry_run;
    const char *standing, *forget;
};

#define AT(member) offsetof(struct options, member)

static const struct wtl_opt opts[] = {
    {.name = "all",
     .letter = 'a',
     .type = WTL_OPT_FLAG,
     .offset = AT(all),
     .help = "end every standing lease"},
    WTL_LEASE_OPT_STANDING(struct options, standing,
                           "end the lease of this name and touch nothing else"),
    {.name = "forget",
     .type = WTL_OPT_STRING,
     .arg = "LEASE",
     .offset = AT(forget),
     .help = "close this lease and touch no device: when it cannot be read, or its device is gone "
             "for good; set by hand first what is wrong"},
    WTL_LEASE_OPT_DRY_RUN(struct options, dry_run, "say what would be put back, and touch nothing"),
    {0},
};

enum { WIDTH = 80 };

static void print_knob(struct wtl_context *ctx, const struct wtl_restore_knob *k, bool dry_run)
{
    char from[WTL_KNOB_TEXT], to[WTL_KNOB_TEXT];
    const char *word = dry_run && k->result == WTL_RESTORE_PUT_BACK ? "would be put back"
                                                                    : wtl_restore_words(k->result);
    if (k->result == WTL_RESTORE_PUT_BACK)
        wtl_print_line(ctx->out, 2, "%s: %s %s -> %s, %s", k->device, wtl_knob_info(k->knob)->title,
                       wtl_knob_format(k->knob, k->from, from), wtl_knob_format(k->knob, k->to, to),
                       word);
    else
        wtl_print_line(ctx->out, 2, "%s: %s %s, %s%s%s", k->device, wtl_knob_info(k->knob)->title,
                       wtl_knob_format(k->knob, k->from, from), word, k->why[0] ? ": " : "",
                       k->why);
}

static void print(struct wtl_context *ctx, const struct wtl_restore_report *report, bool dry_run)
{
    for (size_t i = 0; i < report->n; i++) {
        const struct wtl_restore_lease *l = &report->leases[i];
        const struct wtl_lease_record *r = &l->record;
        wtl_print_line(ctx->out, 0, "%s lease %lld (%s) of %s%s", wtl_lease_kind_name(r->kind),
                       (long long)r->id, r->purpose,
                       r->owner.user[0] ? r->owner.user : "an unknown user",
                       l->closed ? ": ended"
                       : l->dry  ? ": would be ended"
                                 : ": still open");
        for (size_t k = 0; k < l->n_knobs; k++)
            print_knob(ctx, &l->knobs[k], dry_run);
    }
    if (report->n_taken_back > 0)
        wtl_print_line(ctx->out, 0,
                       "a change of %zu standing lease%s had been cut short: put right",
                       report->n_taken_back, wtl_plural((int64_t)report->n_taken_back));
    if (report->n == 0 && report->n_taken_back == 0)
        fputs("nothing to put back\n", ctx->out);
    if (report->n_unreadable > 0)
        wtl_print_line(ctx->out, 0, "%zu lease%s cannot be read: `wattle status` says what to do",
                       report->n_unreadable, wtl_plural((int64_t)report->n_unreadable));
    if (report->n_held > 0)
        wtl_print_line(ctx->out, 0, "%zu lease%s left to living holders", report->n_held,
                       wtl_plural((int64_t)report->n_held));
    if (report->n_standing > 0)
        wtl_print_line(ctx->out, 0, "%zu standing lease%s not ended: `wattle restore --all` does",
                       report->n_standing, wtl_plural((int64_t)report->n_standing));
}

static int forget(struct wtl_context *ctx, const struct options *o, struct wtl_error *err)
{
    struct wtl_flow flow = wtl_context_flow(ctx);
    const char *digits = o->forget[0] == '#' ? o->forget + 1 : o->forget;
    int64_t id;
    bool forgotten;
    if (o->all || o->standing || o->dry_run || ctx->argc > 0)
        return WTL_FAIL(err, WTL_USAGE, "--forget stands alone: it closes one lease");
    if (!wtl_parse_int(digits, strlen(digits), &id) || id <= 0)
        return WTL_FAIL(err, WTL_USAGE, "--forget takes the number of a lease, not \"%s\"",
                        o->forget);
    int rc = wtl_flow_forget(&flow, ctx->arena, id, &forgotten, err);
    if (rc < 0)
        return rc;
    if (ctx->json)
        return wtl_print_json(
            ctx, json_pack("{s:I, s:b}", "lease", (json_int_t)id, "forgotten", (int)forgotten),
            err);
    fprintf(ctx->out, "lease %lld %s; no device was touched\n", (long long)id,
            forgotten ? "is forgotten" : "is closed already: there is nothing to forget");
    return 0;
}

/* A disk that went read-only is no reason to guess; and leases are where they were written. What
 * says more than that it cannot be written (who owns it, who may write to it) stays. */
static void say_what_is_left_to_do(int rc, bool dry_run, struct wtl_error *err)
{
    char path[WTL_LIMIT_PATH] = "";
    if (!err || (rc != -(int)WTL_PERMISSION && rc != -(int)WTL_IO) ||
        (err->hint[0] && !wtl_starts_with(err->hint, "without its journal")) ||
        wtl_dir_path(WTL_DIR_STATE, "leases", path, NULL) < 0)
        return;
    wtl_error_hint(err, "make it %s; the prior values stand in %.200s/N.lease%s",
                   dry_run ? "readable" : "writable, then restore again", path,
                   dry_run ? "" : ", and `wattle restore --dry-run` says what to set by hand");
}

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    const struct options *o = ctx->options;
    struct wtl_flow flow = wtl_context_flow(ctx);
    struct wtl_restore_report report;
    struct wtl_restore_request request = {.names = ctx->argv,
                                          .n_names = (size_t)ctx->argc,
                                          .standing = o->standing,
                                          .all = o->all,
                                          .dry_run = o->dry_run,
                                          .changing = wtl_interrupt_hold};
    if (o->forget)
        return forget(ctx, o, err);
    if (o->standing && (o->all || ctx->argc > 0))
        return WTL_FAIL(err, WTL_USAGE, "--standing names the one lease to end");
    int rc = wtl_flow_restore(&flow, &request, ctx->arena, &report, err);
    if (report.n == 0)
        say_what_is_left_to_do(rc, o->dry_run, err);
    int shown = 0;
    if (rc == 0 || report.n > 0) { /* what was done is shown before what was not */
        if (ctx->json)
            shown = wtl_print_json(ctx, wtl_restore_json(&report, o->dry_run), rc ? NULL : err);
        else
            print(ctx, &report, o->dry_run);
    }
    wtl_interrupt_release();
    return rc ? rc : shown;
}

const struct wtl_command wtl_cmd_restore = {
    .name = "restore",
    .summary = "End standing leases and put back what dead holders had lent",
    .synopsis = "[LEASE]... [options]",
    .description =
        "Puts back the loans of holders that died without their guardian, closes leases of another "
        "boot or driver load (their settings are gone anyway), and ends the standing leases that "
        "are named by number or name, or all of them with --all. A knob that somebody else has set "
        "since is left alone and said. Doing it twice does no harm: the second time there is "
        "nothing to do.\n\n"
        "A lease whose device is not here, or fails, stays open for the next time. One that cannot "
        "be read is not touched, and stops everything that would be set: --forget closes it.",
    .examples = "  wattle restore                # after a crash: put back what was lent\n"
                "  wattle restore 7              # end lease 7\n"
                "  wattle restore --all          # end everything that stands\n"
                "  wattle restore --dry-run      # what would be done",
    .exit_codes = "1  something could not be put back, or a lease cannot be read",
    .opts = opts,
    .options_size = sizeof(struct options),
    .min_args = 0,
    .max_args = -1,
    .run = run,
};
