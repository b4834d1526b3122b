/* SPDX-License-Identifier: Apache-2.0
 * `wattle doctor`: what works, what is missing, who holds which knob. */
#include "base/file.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/table.h"
#include "flow/doctor.h"

#include <string.h>

struct doctor_command {
    const char *root, *gather;
    bool strict;
};

#define AT(field) offsetof(struct doctor_command, field)
static const struct wtl_opt opts[] = {
    {"strict", 0, WTL_OPT_FLAG, AT(strict), NULL,
     "end with status 1 also when something is missing"},
    {"root", 0, WTL_OPT_STRING, AT(root), "PATH",
     "a recorded machine instead of this one: a directory, or a gathered file"},
    {"gather", 0, WTL_OPT_STRING, AT(gather), "FILE",
     "pack the files of this machine that were read into FILE (.tar.gz), to be looked at elsewhere"
     " with --root"},
    {0},
};

/* ---- Text -------------------------------------------------------------------------------------*/

/* "lack     rapl: ...", with the words that people say. */
static void print_part(FILE *out, const char *word, struct wtl_buf *text)
{
    char lead[16];
    snprintf(lead, sizeof lead, "%-9s", word);
    wtl_print_part(out, lead, text);
}

static void print_findings(FILE *out, const struct wtl_doctor *d, enum wtl_finding_level level,
                           struct wtl_buf *text)
{
    static const char *const words[] = {[WTL_FINDING_OK] = "works",
                                        [WTL_FINDING_NOTE] = "note",
                                        [WTL_FINDING_LACK] = "missing",
                                        [WTL_FINDING_PROBLEM] = "PROBLEM"};
    for (size_t i = 0; i < d->n_findings; i++) {
        const struct wtl_finding *f = &d->findings[i];
        if (f->level != level)
            continue;
        wtl_buf_printf(text, "%s: %s", f->subject, f->text);
        print_part(out, words[level], text);
        if (f->fix[0]) /* on one line, to be copied */
            fprintf(out, "         fix: %s\n", f->fix);
    }
}

/* What and by whom first; which knobs of which devices follow. */
static void put_lease(struct wtl_buf *text, const struct wtl_status_lease *l)
{
    const struct wtl_lease_record *r = &l->record;
    char value[WTL_KNOB_TEXT], since[32];
    bool standing = r->kind == WTL_LEASE_STANDING;
    const char *life = wtl_process_life_text(l->life);
    wtl_buf_printf(
        text, "lease %lld, %s%s%s%s, since %s by %s (pid %lld%s%s%s): ", (long long)r->id,
        standing ? "standing" : "on loan", r->purpose[0] ? ", \"" : "", r->purpose,
        r->purpose[0] ? "\"" : "", wtl_format_utc(r->granted_wall_ns, since, sizeof since),
        r->owner.user[0] ? r->owner.user : "unknown user", (long long)r->owner.pid,
        life[0] ? ", " : "", life, standing && l->life == WTL_PROCESS_GONE ? " as usual" : "");
    for (size_t k = 0; k < r->n_knobs; k++) {
        const struct wtl_lease_knob_record *knob = &r->knobs[k];
        wtl_buf_printf(text, "%s%s of %s", k ? ", " : "", wtl_knob_info(knob->knob)->title,
                       knob->device);
        const struct wtl_status_knob *now = &l->knobs[k];
        if (now->standing == WTL_STANDING_NOT_BACK)
            wtl_buf_printf(text, " still at %s", wtl_knob_format(knob->knob, now->found, value));
        else if (knob->seq > 0)
            wtl_buf_printf(text, " set to %s", wtl_knob_format(knob->knob, knob->wanted, value));
    }
}

static void print_leases(FILE *out, const struct wtl_doctor *d, struct wtl_buf *text)
{
    for (size_t i = 0; i < d->status.n; i++) {
        put_lease(text, &d->status.leases[i]);
        print_part(out, "held", text);
    }
}

static void print_guards(FILE *out, const struct wtl_doctor *d, struct wtl_buf *text)
{
    for (int i = 0; i < d->n_guards; i++) {
        wtl_buf_printf(text, "%s: %s", d->guards[i].name, d->guards[i].text);
        print_part(out, "restore", text);
    }
}

static void put_world(struct wtl_buf *text, const struct wtl_doctor *d)
{
    const struct wtl_world *w = &d->world;
    if (!d->live)
        wtl_buf_printf(text, "recorded machine %s, ", d->devices.root);
    wtl_buf_printf(text, "Linux %s", w->kernel[0] ? w->kernel : "of unknown version");
    if (w->container)
        wtl_buf_printf(text, ", in a container (%s)", w->container);
    if (w->hypervisor)
        wtl_buf_printf(text, ", virtual (%s)", w->hypervisor);
    if (w->wsl)
        wtl_buf_puts(text, ", WSL");
    if (w->has_uid && w->uid > 0)
        wtl_buf_printf(text, ", user %.0f", w->uid);
    else if (w->has_uid)
        wtl_buf_printf(text, ", root%s",
                       w->has_capabilities && !w->sys_admin ? " without CAP_SYS_ADMIN" : "");
    wtl_buf_printf(text, "; %zu device%s", d->devices.n, wtl_plural((int64_t)d->devices.n));
}

static void print_summary(FILE *out, const struct wtl_doctor *d)
{
    int problems = d->n_of_level[WTL_FINDING_PROBLEM], lacks = d->n_of_level[WTL_FINDING_LACK];
    fputc('\n', out);
    if (problems)
        fprintf(out, "%d problem%s", problems, wtl_plural(problems));
    else
        fputs("no problem", out);
    if (lacks)
        fprintf(out, "; %d thing%s missing", lacks, wtl_plural(lacks));
    fputc('\n', out);
}

/* By what matters first to somebody who was woken up. */
static int print_doctor(struct wtl_context *ctx, const struct wtl_doctor *d, struct wtl_error *err)
{
    struct wtl_buf text;
    wtl_buf_init(&text, wtl_alloc_system(), 1 << 20);
    put_world(&text, d);
    print_part(ctx->out, "machine", &text);
    print_findings(ctx->out, d, WTL_FINDING_PROBLEM, &text);
    print_leases(ctx->out, d, &text);
    print_findings(ctx->out, d, WTL_FINDING_LACK, &text);
    print_findings(ctx->out, d, WTL_FINDING_NOTE, &text);
    print_guards(ctx->out, d, &text);
    print_findings(ctx->out, d, WTL_FINDING_OK, &text);
    print_summary(ctx->out, d);
    int rc = text.failed ? WTL_FAIL(err, WTL_NOMEM, "out of memory") : 0;
    wtl_buf_fini(&text);
    return rc;
}

/* ---- Running ----------------------------------------------------------------------------------*/

static int gather(struct wtl_context *ctx, const struct wtl_flow *flow, const char *root,
                  const char *file, struct wtl_error *err)
{
    const struct wtl_doctor_options options = {.root = root};
    struct wtl_gathered g;
    int rc = wtl_flow_gather(flow, &options, ctx->arena, &g, err);
    if (rc < 0)
        return rc;
    rc = wtl_file_write_atomic(file, g.archive.data, g.archive.len, 0666, err);
    if (rc == 0 && ctx->json) {
        rc = wtl_print_json(ctx, wtl_gathered_json(&g, file), err);
    } else if (rc == 0) {
        fprintf(ctx->out, "%s: %d files, %zu bytes\n", file, g.n_files, g.archive.len);
        if (g.n_refused)
            fprintf(ctx->out, "%d more could not be read, and are named in it\n", g.n_refused);
        fputs("left out:\n", ctx->out);
        for (const char *const *line = wtl_gather_left_out; *line; line++)
            wtl_print_hanging(ctx->out, "  - ", *line, WTL_TABLE_WIDTH);
    }
    wtl_buf_fini(&g.archive);
    return rc;
}

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    const struct doctor_command *o = ctx->options;
    const struct wtl_flow flow = wtl_context_flow(ctx);
    const struct wtl_doctor_options options = {.root = o->root};
    struct wtl_doctor d;
    if (o->gather)
        return gather(ctx, &flow, o->root, o->gather, err);
    int rc = wtl_flow_doctor(&flow, &options, ctx->arena, &d, err);
    if (rc < 0)
        return rc;
    bool bad =
        d.n_of_level[WTL_FINDING_PROBLEM] > 0 || (o->strict && d.n_of_level[WTL_FINDING_LACK] > 0);
    rc = ctx->json ? wtl_print_json(ctx, wtl_doctor_json(&d), err) : print_doctor(ctx, &d, err);
    wtl_doctor_close(&d);
    return rc < 0 ? rc : bad ? -(int)WTL_FAILED : 0;
}

const struct wtl_command wtl_cmd_doctor = {
    .name = "doctor",
    .summary = "Say what works here, what is missing and how to get it, who holds which knob",
    .synopsis = "[options]",
    .description =
        "Asks every back end what it found, and says what works, what is missing with the command"
        " that mends it, and what is wrong. Names containers, virtual machines, MIG, vGPU and WSL "
        "for"
        " what they are. Lists the knobs that are held, by whom and since when, and what would put"
        " them back if their holder died. Problems come first. Nothing is changed.\n\n"
        "With --gather the files of /sys and /proc that all this was read from are packed, to be"
        " looked at on another machine; serial numbers, host and user names are not in it.",
    .examples = "  wattle doctor\n"
                "  wattle doctor --gather machine.tar.gz\n"
                "  wattle doctor --root machine.tar.gz",
    .exit_codes = "1  something is wrong (with --strict: or missing)",
    .opts = opts,
    .options_size = sizeof(struct doctor_command),
    .min_args = 0,
    .max_args = 0,
    .run = run,
};
