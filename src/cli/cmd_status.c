/* SPDX-License-Identifier: Apache-2.0
 * `wattle status`: what is leased, by whom, and whether it is as it shall be. */
#include "cli/command.h"
#include "cli/lease_text.h"
#include "flow/leases.h"

#include <stdarg.h>
#include <string.h>

struct options {
    bool all, check;
};

#define AT(member) offsetof(struct options, member)

static const struct wtl_opt opts[] = {
    {.name = "all",
     .letter = 'a',
     .type = WTL_OPT_FLAG,
     .offset = AT(all),
     .help = "also the leases that were closed within a day, and why"},
    {.name = "check",
     .type = WTL_OPT_FLAG,
     .offset = AT(check),
     .help = "exit 1 when anything is not as it shall be, for monitoring"},
    {0},
};

enum { WIDTH = 80 };

/* "power limit 200 W, before 250 W; found 240 W: changed by others; somebody else ..." */
static void print_knob(struct wtl_context *ctx, const struct wtl_status_knob *k, bool open)
{
    char line[1200], wanted[WTL_KNOB_TEXT], found[WTL_KNOB_TEXT], prior[WTL_KNOB_TEXT];
    const struct wtl_lease_knob_record *r = k->record;
    /* What was asked for last is the prior value, where that did not come back. */
    struct wtl_knob_value value = k->standing == WTL_STANDING_NOT_BACK ? k->found : r->wanted;
    size_t used =
        (size_t)snprintf(line, sizeof line, "%s %s, before %s", wtl_knob_info(r->knob)->title,
                         r->seq > 0 ? wtl_knob_format(r->knob, value, wanted) : "not set",
                         wtl_knob_format(r->knob, r->prior, prior));
    if (open && k->found_known)
        used += (size_t)snprintf(line + used, sizeof line - used, "; found %s: %s",
                                 wtl_knob_format(r->knob, k->found, found),
                                 wtl_standing_name(k->standing));
    else if (open)
        used += (size_t)snprintf(
            line + used, sizeof line - used, "; %s%s", wtl_standing_name(k->standing),
            k->standing == WTL_STANDING_UNSEEN ? ", as usual: NVML has no getter of clock locks"
                                               : "");
    if (open && k->text[0])
        (void)snprintf(line + used, sizeof line - used, "; %s", k->text);
    wtl_print_line(ctx->out, 4, "%s", line);
}

/* Each device once, with its name: a UUID says little at three in the morning. */
static void print_knobs(struct wtl_context *ctx, const struct wtl_status_lease *l, bool open)
{
    for (size_t i = 0; i < l->n_knobs; i++) {
        const struct wtl_lease_knob_record *r = l->knobs[i].record;
        if (i == 0 || strcmp(r->device, l->knobs[i - 1].record->device) != 0)
            wtl_print_line(ctx->out, 2, "%s  %s", r->device, r->device_name);
        print_knob(ctx, &l->knobs[i], open);
    }
}

__attribute__((format(printf, 2, 3))) static void note(struct wtl_context *ctx, const char *format,
                                                       ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    wtl_print_wrapped(ctx->out, text, 2, WIDTH);
}

/* What is wrong with an open lease besides its knobs, and what helps. */
static void print_notes(struct wtl_context *ctx, const struct wtl_status_lease *l, int64_t now_ns)
{
    const struct wtl_lease_record *r = &l->record;
    long long id = (long long)r->id, pid = (long long)r->owner.pid;
    if (l->orphan && strcmp(r->why, WTL_LEASE_NOT_PUT_BACK) == 0)
        note(ctx, "its holder is gone, and putting it back failed: `wattle restore` tries again");
    else if (l->orphan)
        note(ctx, "its holder died and nobody put it back: `wattle restore` does");
    if (l->ended)
        note(ctx, "its holder died, and its devices, which lived in it: nothing is to be put back. "
                  "The next command that borrows something closes it, or `wattle restore`");
    if (l->life == WTL_PROCESS_STOPPED)
        note(
            ctx,
            "its holder is stopped, and neither looks after it nor ends it: `kill -CONT %lld` lets "
            "it go on",
            pid);
    if (l->life == WTL_PROCESS_HIDDEN)
        note(ctx, "its holder is %s", wtl_process_life_text(l->life));
    if (l->by_second_name)
        note(ctx,
             "somebody removed or changed %lld.lease; the lease stands all the same, and the next "
             "command that sets something puts the file back",
             id);
    if (r->state_damaged)
        note(ctx,
             "its record is damaged, and it may have been ended already: `wattle restore %lld` "
             "closes it if everything is as it was before, and says what to do if not",
             id);
    if (r->granted_wall_ns > now_ns + 2 * WTL_NS_PER_S)
        note(ctx, "the clock of this machine was set back since it was granted");
}

static void print_lease(struct wtl_context *ctx, const struct wtl_status_lease *l, int64_t now_ns)
{
    const struct wtl_lease_record *r = &l->record;
    char at[24];
    wtl_format_utc(r->granted_wall_ns, at, sizeof at);
    wtl_print_line(ctx->out, 0, "%lld  %s%s%s%s  %s", (long long)r->id,
                   wtl_lease_kind_name(r->kind), r->name[0] ? " \"" : "", r->name,
                   r->name[0] ? "\"" : "", r->purpose);
    const char *life = l->life == WTL_PROCESS_HIDDEN ? "" : wtl_process_life_text(l->life);
    wtl_print_line(ctx->out, 2, "by %s (%s, pid %lld%s%s) since %s",
                   r->owner.user[0] ? r->owner.user : "an unknown user", r->owner.text,
                   (long long)r->owner.pid, life[0] ? ", " : "", life, at);
    if (r->state == WTL_LEASE_CLOSED)
        wtl_print_line(ctx->out, 2, "closed %s: %s",
                       wtl_format_utc(r->state_wall_ns, at, sizeof at), r->why);
    print_knobs(ctx, l, r->state != WTL_LEASE_CLOSED);
    if (r->state != WTL_LEASE_CLOSED)
        print_notes(ctx, l, now_ns);
    if (l->has_sum)
        wtl_print_line(ctx->out, 2, "limits%s and base %g W of %g W%s%s",
                       l->soft ? ", ceilings" : "", l->sum_w, r->budget_w, l->soft ? ", soft" : "",
                       l->excess_w > 0 ? ": ABOVE THE BUDGET" : "");
}

static void print_unreadable(struct wtl_context *ctx, const struct wtl_book_entry *e,
                             const char *path)
{
    wtl_print_line(ctx->out, 0, "%lld  cannot be read: %s", (long long)e->record.id, e->why);
    note(ctx,
         "nobody knows what it covers, so nothing is set on devices that last until it is dealt "
         "with: look at their limits and clocks, set by hand what is wrong, then `wattle restore "
         "--forget %lld`; what is left of its text may name devices and prior values:",
         (long long)e->record.id);
    wtl_print_line(ctx->out, 2, "%s/%.*s", path, (int)strcspn(e->why, ":"), e->why);
}

static void print(struct wtl_context *ctx, const struct wtl_status *s)
{
    for (size_t i = 0; i < s->n; i++) {
        if (i > 0)
            fputc('\n', ctx->out);
        print_lease(ctx, &s->leases[i], s->wall_ns);
    }
    for (size_t i = 0; i < s->n_unreadable; i++) {
        if (i > 0 || s->n > 0)
            fputc('\n', ctx->out);
        print_unreadable(ctx, s->unreadable[i], s->path);
    }
    if (s->n == 0 && s->n_unreadable == 0)
        fputs("nothing is leased\n", ctx->out);
    else if (s->exposures > 0)
        wtl_print_line(ctx->out, 0, "\n%d thing%s not as it shall be", s->exposures,
                       wtl_plural(s->exposures));
}

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    const struct options *o = ctx->options;
    struct wtl_flow flow = wtl_context_flow(ctx);
    struct wtl_status status;
    int rc = wtl_flow_status(&flow, o->all, ctx->arena, &status, err);
    if (rc < 0)
        return rc;
    if (ctx->json)
        rc = wtl_print_json(ctx, wtl_status_json(&status), err);
    else
        print(ctx, &status);
    return rc < 0 || !o->check || status.exposures == 0 ? rc : -(int)WTL_FAILED;
}

const struct wtl_command wtl_cmd_status = {
    .name = "status",
    .summary = "Show what is leased, by whom, and whether it is as it shall be",
    .synopsis = "[options]",
    .description =
        "Lists every open lease: what it holds, for whom, since when, what was there before. Each "
        "knob is read back and compared: `as set`; `changed by others`; `not put back` where that "
        "failed; `lost` to another boot or "
        "driver load; `not reported`, where a device does not say (NVML clock locks), and nothing "
        "speaks against it; a device that lives in its holder, as a virtual one does, is `seen by "
        "its "
        "holder alone`, and has `ended with its holder`. For a cap the limits in force are added "
        "up. Reads only.",
    .examples = "  wattle status           # what is held now\n"
                "  wattle status --all     # and what was, today\n"
                "  wattle status --check   # for monitoring: exit 1 when something is wrong",
    .exit_codes = "1  with --check: something is not as it shall be",
    .opts = opts,
    .options_size = sizeof(struct options),
    .min_args = 0,
    .max_args = 0,
    .run = run,
};
