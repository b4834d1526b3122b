/* SPDX-License-Identifier: Apache-2.0
 * `wattle demo`: the whole loop on shipped measurements, by the same commands that a user types.
 * Each is shown before it runs. Holds nothing of its own. */
#include "cli/command.h"
#include "cli/terminal.h"

#include "base/data.h"
#include "base/file.h"

#include <string.h>

struct demo_options {
    const char *output;
};

static const struct demo_options defaults = {.output = "wattle-demo"};

static const struct wtl_opt opts[] = {
    {.name = "output",
     .letter = 'o',
     .type = WTL_OPT_STRING,
     .arg = "DIR",
     .offset = offsetof(struct demo_options, output),
     .help = "folder to work in; made if it does not exist (default: wattle-demo)"},
    {0},
};

enum { MAX_WORDS = 16 };

/* Shows and runs one command line. An answer such as "nothing is feasible" is no failure here. */
static int step(struct wtl_context *ctx, const char *why, const char *const *words,
                struct wtl_error *err)
{
    int n = 0;
    fprintf(ctx->out, "\n# %s\n$ wattle", why);
    for (; words[n]; n++)
        fprintf(ctx->out, " %s", words[n]);
    fputs("\n", ctx->out);
    if (fflush(ctx->out) != 0)
        return WTL_FAIL(err, WTL_IO, "cannot write to standard output");
    const struct wtl_command *command = wtl_find_command(words[0], err);
    if (!command)
        return -(int)WTL_USAGE;
    WTL_ARENA(arena);
    struct wtl_context own = *ctx;
    own.arena = &arena;
    bool help = false;
    int rc = wtl_options_parse(command, n, words, &own, &help, err);
    if (rc < 0)
        return rc;
    rc = command->run(&own, err);
    bool answered = rc < 0 && err->code == WTL_OK;
    return answered ? 0 : rc;
}

/* Paths of the demonstration; all in the arena. */
struct places {
    char *runs, *raw, *campaign, *plan, *free_plan, *report, *deploy;
};

static int find_places(struct wtl_context *ctx, const char *dir, struct places *p,
                       struct wtl_error *err)
{
    int rc = wtl_data_path(ctx->arena, "frequency/runs_v100_a100.csv", &p->runs, err);
    if (rc == 0)
        rc = wtl_data_path(ctx->arena, "frequency/raw", &p->raw, err);
    if (rc < 0)
        return rc;
    p->campaign = wtl_path_join(ctx->arena, dir, "demo.wattle");
    p->plan = wtl_path_join(ctx->arena, dir, "plan.json");
    p->free_plan = wtl_path_join(ctx->arena, dir, "plan-unconstrained.json");
    p->report = wtl_path_join(ctx->arena, dir, "report");
    p->deploy = wtl_path_join(ctx->arena, dir, "deploy");
    if (!p->campaign || !p->plan || !p->free_plan || !p->report || !p->deploy)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    return 0;
}

static int run_steps(struct wtl_context *ctx, const struct places *p, struct wtl_error *err)
{
    const struct {
        const char *why;
        const char *words[MAX_WORDS];
    } steps[] = {
        {"Read 1440 runs of a sweep on two GPUs, and some raw traces, into a campaign",
         {"import", p->runs, p->raw, "-o", p->campaign}},
        {"What does it hold, and what is wrong with it?", {"show", p->campaign}},
        {"Least energy-delay product, at most 5 % slower",
         {"optimize", p->campaign, "--objective", "edp", "--max-slowdown", "5%", "-o", p->plan}},
        {"The same without the limit, to see what the limit costs",
         {"optimize", p->campaign, "--objective", "edp", "-q", "-o", p->free_plan}},
        {"The two side by side", {"compare", p->free_plan, p->plan}},
        {"Documents and figures", {"report", p->campaign, "-p", p->plan, "-o", p->report}},
        {"What a machine needs to run at it",
         {"deploy", p->plan, "-o", p->deploy, "--without-wattle"}},
    };
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof steps / sizeof steps[0]; i++)
        rc = step(ctx, steps[i].why, steps[i].words, err);
    return rc;
}

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    const struct demo_options *o = ctx->options;
    struct places p;
    if (ctx->json)
        return WTL_FAIL(err, WTL_UNSUPPORTED, "the demonstration is for people: no --json");
    int rc = find_places(ctx, o->output, &p, err);
    if (rc == 0)
        rc = wtl_make_dirs(o->output, err);
    if (rc == 0)
        rc = run_steps(ctx, &p, err);
    if (rc == 0)
        fprintf(ctx->out,
                "\nLeft behind in %s/:\n"
                "  demo.wattle              the campaign (`wattle show` it)\n"
                "  plan.json                the plans\n"
                "  report/report.html       open it in a browser; report.pdf for print\n"
                "  deploy/                  files for the machines; nothing was changed here\n",
                o->output);
    return rc;
}

const struct wtl_command wtl_cmd_demo = {
    .name = "demo",
    .summary = "Run the whole loop on shipped measurements, no GPU needed",
    .synopsis = "[-o DIR]",
    .description =
        "Imports the shipped runs of a V100 and an A100, shows them, chooses clocks, writes a "
        "report and deployment files. Every step is an ordinary command and is shown "
        "before it runs. No device is touched.",
    .examples = "  wattle demo\n  wattle demo -o /tmp/demo",
    .opts = opts,
    .options_size = sizeof(struct demo_options),
    .defaults = &defaults,
    .run = run,
};
