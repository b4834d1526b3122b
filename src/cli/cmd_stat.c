/* SPDX-License-Identifier: Apache-2.0
 * `wattle stat`: the energy of a command, or of a span of time. */
#include "base/text.h"
#include "cli/interrupt.h"
#include "cli/measuring.h"
#include "cli/stat_text.h"
#include "codec/json.h"
#include "energy/repeats.h"

#include <errno.h>
#include <string.h>

struct options {
    const char *output;
    int repeat;
    struct wtl_measuring measuring;
};

#define AT(member) offsetof(struct options, member)

static const struct wtl_opt opts[] = {
    WTL_MEASURING_OPTS(struct options, measuring),
    {"repeat", 'r', WTL_OPT_INT, AT(repeat), "N",
     "run the command N times, begun at moments spread over the sensor's period; prints means",
     WTL_UNIT_NONE, 1, 10000},
    {"output", 'o', WTL_OPT_STRING, AT(output), "FILE",
     "write the summary (with --json the document) to this file instead"},
    {0},
};

/* 0: a signal came before the command could be run; 1: it was measured. */
static int run_once(struct wtl_context *ctx, const struct options *o, struct wtl_stat *stat,
                    struct wtl_error *err)
{
    int rc = wtl_stat_begin(stat, o->repeat <= 1, err);
    if (rc < 0)
        return rc;
    rc = wtl_measuring_wait(ctx, &o->measuring, NULL, NULL, stat, err);
    wtl_stat_end(stat);
    return rc;
}

/* ---- Several runs ---------------------------------------------------------------------------- */

static int64_t longest_period_ns(const struct wtl_stat_result *r)
{
    int64_t longest = 0;
    for (size_t i = 0; i < r->n; i++)
        longest = r->devices[i].period_ns > longest ? r->devices[i].period_ns : longest;
    return longest;
}

/* Not into the document, where that goes to standard error as well. */
static void tell_left_out(const struct wtl_context *ctx, const struct options *o, int run,
                          int wanted)
{
    if (ctx->verbosity >= 0 && (!ctx->json || o->output))
        fprintf(ctx->messages, "run %d of %d ended with status %d: it is not in the mean\n", run,
                wanted, ctx->child_status);
}

/* As often as asked, or until a run fails or a signal comes; such a one counts only where it is the
 * first. *result is of the last run that can be shown: it lies in one arena while the next run's
 * comes into the other. */
static int run_all(struct wtl_context *ctx, const struct options *o, struct wtl_stat *stat,
                   struct wtl_stat_runs *runs, struct wtl_arena *arenas[2],
                   struct wtl_stat_result *result, struct wtl_error *err)
{
    int wanted = o->repeat > 0 ? o->repeat : 1, rc = 0;
    int64_t first = 0, end;
    for (int i = 0; rc == 0 && i < wanted; i++) {
        int64_t now = ctx->clock.monotonic_ns(ctx->clock.ctx);
        if (i > 0 &&
            wtl_interrupt_wait(wtl_dephase_delay_ns(longest_period_ns(result), i, now - first)))
            break;
        rc = run_once(ctx, o, stat, err);
        if (rc == 0)
            break;
        const bool cut = ctx->child_status != 0 || wtl_interrupt_came();
        if (rc > 0 && cut && i > 0) {
            tell_left_out(ctx, o, i + 1, wanted);
            return 0;
        }
        if (i == 0)
            wtl_stat_span(stat, &first, &end);
        wtl_arena_reset(arenas[i % 2]);
        rc = rc < 0 ? rc : wtl_stat_result(stat, arenas[i % 2], result, err);
        rc = rc ? rc : wtl_stat_runs_add(runs, result, err);
        if (cut)
            break;
    }
    return rc;
}

/* ---- What is shown --------------------------------------------------------------------------- */

static json_t *document(struct wtl_context *ctx, const struct wtl_stat_result *r,
                        const struct wtl_stat_repeats *m)
{
    json_t *o = wtl_measuring_json(ctx, r);
    wtl_json_put(&o, "mean", wtl_stat_repeats_json(r, m));
    return o;
}

static const char *title(struct wtl_context *ctx, double time_s)
{
    struct wtl_buf text;
    wtl_buf_init(&text, ctx->arena->alloc, 400);
    if (!ctx->child)
        return wtl_arena_printf(ctx->arena, "%.3g s", time_s);
    for (size_t i = 0; ctx->child[i] && text.len < 200; i++)
        wtl_buf_printf(&text, "%s%s", i ? " " : "", ctx->child[i]);
    char *out = wtl_arena_printf(ctx->arena, "'%.120s%s'", text.data ? text.data : "",
                                 text.len > 120 ? "..." : "");
    for (char *p = out; p && *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    wtl_buf_fini(&text);
    return out ? out : "";
}

static int cannot_write(const struct options *o, struct wtl_error *err)
{
    return WTL_FAIL(err, WTL_IO, "cannot write \"%s\": %s", o->output, strerror(errno));
}

/* Hours of measuring are not begun for a file that cannot be. What is in it stays till the end. */
static int check_output(const struct options *o, struct wtl_error *err)
{
    FILE *file = o->output ? fopen(o->output, "ae") : NULL;
    if (!file)
        return o->output ? cannot_write(o, err) : 0;
    (void)fclose(file);
    return 0;
}

static int print(struct wtl_context *ctx, FILE *out, const struct wtl_stat_result *r,
                 const struct wtl_stat_repeats *m, struct wtl_error *err)
{
    int rc = 0;
    FILE *before = ctx->out;
    ctx->out = out;
    if (ctx->json)
        rc = wtl_print_json(ctx, document(ctx, r, m), err);
    else
        wtl_stat_print(out, title(ctx, r->time_s), r, m, ctx->verbosity > 0);
    ctx->out = before;
    return rc;
}

/* A summary that the file does not take is printed after all. */
static int show(struct wtl_context *ctx, const struct options *o, const struct wtl_stat_result *r,
                const struct wtl_stat_runs *runs, struct wtl_error *err)
{
    struct wtl_stat_repeats m = {0};
    int rc = wtl_stat_runs_means(runs, &m, err);
    if (rc < 0 || !o->output)
        return rc < 0 ? rc : print(ctx, ctx->out, r, &m, err);
    FILE *file = fopen(o->output, "we");
    rc = file ? print(ctx, file, r, &m, err) : cannot_write(o, err);
    if (file && fclose(file) != 0 && rc == 0)
        rc = cannot_write(o, err);
    if (rc < 0)
        (void)print(ctx, ctx->out, r, &m, NULL);
    return rc;
}

/* The status must not say that something was measured. */
static int check_any(const struct wtl_stat_result *r, struct wtl_error *err)
{
    const char *name = "no device", *why = "no value came";
    bool told = false;
    for (size_t i = 0; i < r->n; i++) {
        const struct wtl_stat_device *d = &r->devices[i];
        if (d->collected.energy.method != WTL_ENERGY_NONE)
            return 0;
        if (told)
            continue;
        name = d->label;
        why = d->trouble ? d->trouble : why;
        told = d->trouble != NULL;
    }
    return WTL_FAIL(err, WTL_FAILED, "nothing could be measured: %s: %s", name, why);
}

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    const struct options *o = ctx->options;
    const struct wtl_flow flow = wtl_context_flow(ctx);
    const struct wtl_stat_options so = wtl_measuring_options(ctx, &o->measuring);
    struct wtl_stat *stat = NULL;
    struct wtl_stat_result result = {0};
    struct wtl_stat_runs *runs = wtl_stat_runs_new(ctx->arena, o->repeat > 0 ? o->repeat : 1);
    if (o->repeat > 1 && !ctx->child)
        return WTL_FAIL(err, WTL_USAGE, "--repeat needs a command: wattle stat -r %d -- COMMAND",
                        o->repeat);
    if (!runs)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = wtl_measuring_check(ctx, &o->measuring, err);
    rc = rc ? rc : check_output(o, err);
    rc = rc ? rc : wtl_stat_open(&flow, &so, &stat, err);
    if (rc < 0)
        return rc;
    WTL_ARENA(even);
    WTL_ARENA(odd);
    wtl_interrupt_hold();
    rc = run_all(ctx, o, stat, runs, (struct wtl_arena *[2]){&even, &odd}, &result, err);
    if (wtl_stat_runs_count(runs) > 0) {
        int shown = show(ctx, o, &result, runs, rc == 0 ? err : NULL);
        rc = rc ? rc : shown;
        rc = rc ? rc : check_any(&result, err);
    }
    wtl_stat_close(stat);
    wtl_measuring_leave(ctx);
    return rc;
}

const struct wtl_command wtl_cmd_stat = {
    .name = "stat",
    .summary = "Measure the energy of a command or of a span of time",
    .synopsis = "[-i ID]... [-r N] [--baseline TIME] [-o FILE] [-- COMMAND ARG...]",
    .description =
        "Runs the command and prints to standard error what energy each device drew meanwhile, as "
        "`perf stat` does for events: joules with a random interval, how they were come by, and "
        "how far absolute joules of that kind of sensor can be off. The command's output, exit "
        "status and signals pass through.\n\n"
        "The summary goes to standard error, with --json too, as standard output is the command's; "
        "-o FILE keeps it apart from what the command writes there.\n\n"
        "Without a command it measures until it is told to end, or for --for TIME, and the summary "
        "is on standard output.\n\n"
        "A command that marks windows and work (docs/markers.md, the Python module, `wattle load`) "
        "gets energy by window, by unit of work and by request. The energy of a GPU is split among "
        "its processes by their share of the SMs, an estimate; the parts add up to the whole.\n\n"
        "Energy counters are read at their edges; without one the driver's own samples are used, "
        "else power is polled. `wattle sim sensors` shows how good each method is. CPUs without a "
        "sensor are estimated from thermal design power, class D.",
    .examples = "  wattle stat -- python3 infer.py        # all devices\n"
                "  wattle stat -r 8 -i 0 -- ./batch       # mean of eight de-phased runs on GPU 0\n"
                "  wattle stat --baseline 3s --for 60s    # a minute of whatever runs\n"
                "  wattle stat --json -o energy.json -- ./batch",
    .exit_codes =
        "1  failed, or no device gave a figure\n"
        "125  with -- COMMAND: a failure of stat, whatever it is; 126 and 127: the command "
        "cannot be run; else its own status, 128 + N after signal N",
    .opts = opts,
    .options_size = sizeof(struct options),
    .takes_child = true,
    .run = run,
};
