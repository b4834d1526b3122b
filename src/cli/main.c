/* SPDX-License-Identifier: Apache-2.0
 * The command `wattle`: finds the command, parses its options, runs it, shows its error. */
#include "cli/command.h"
#include "cli/failure.h"
#include "cli/interrupt.h"
#include "cli/terminal.h"

#include "base/detach.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/text.h"
#include "codec/json.h"
#include "flow/flow.h"
#include "lease/guardian.h"
#include "wattle_config.h"

#include <string.h>
#include <unistd.h>

extern const struct wtl_command wtl_cmd_analyse;
extern const struct wtl_command wtl_cmd_apply;
extern const struct wtl_command wtl_cmd_cap;
extern const struct wtl_command wtl_cmd_compare;
extern const struct wtl_command wtl_cmd_delete;
extern const struct wtl_command wtl_cmd_demo;
extern const struct wtl_command wtl_cmd_deploy;
extern const struct wtl_command wtl_cmd_devices;
extern const struct wtl_command wtl_cmd_doctor;
extern const struct wtl_command wtl_cmd_export;
extern const struct wtl_command wtl_cmd_fit;
extern const struct wtl_command wtl_cmd_help;
extern const struct wtl_command wtl_cmd_import;
extern const struct wtl_command wtl_cmd_load;
extern const struct wtl_command wtl_cmd_mps;
extern const struct wtl_command wtl_cmd_optimize;
extern const struct wtl_command wtl_cmd_predict;
extern const struct wtl_command wtl_cmd_record;
extern const struct wtl_command wtl_cmd_report;
extern const struct wtl_command wtl_cmd_restore;
extern const struct wtl_command wtl_cmd_show;
extern const struct wtl_command wtl_cmd_sim;
extern const struct wtl_command wtl_cmd_sweep;
extern const struct wtl_command wtl_cmd_top;
extern const struct wtl_command wtl_cmd_calibrate;
extern const struct wtl_command wtl_cmd_stat;
extern const struct wtl_command wtl_cmd_status;
extern const struct wtl_command wtl_cmd_validate;

/* In the order in which a newcomer meets them. */
/* clang-format off */
static const struct wtl_command *const commands[] = {
    &wtl_cmd_import,
    &wtl_cmd_sweep,
    &wtl_cmd_show,
    &wtl_cmd_export,
    &wtl_cmd_fit,
    &wtl_cmd_predict,
    &wtl_cmd_optimize,
    &wtl_cmd_validate,
    &wtl_cmd_compare,
    &wtl_cmd_analyse,
    &wtl_cmd_report,
    &wtl_cmd_deploy,
    &wtl_cmd_apply,
    &wtl_cmd_cap,
    &wtl_cmd_stat,
    &wtl_cmd_record,
    &wtl_cmd_calibrate,
    &wtl_cmd_status,
    &wtl_cmd_restore,
    &wtl_cmd_delete,
    &wtl_cmd_devices,
    &wtl_cmd_doctor,
    &wtl_cmd_top,
    &wtl_cmd_sim,
    &wtl_cmd_load,
    &wtl_cmd_mps,
    &wtl_cmd_demo,
    &wtl_cmd_help,
};
/* clang-format on */
enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

const struct wtl_command *const *wtl_commands(size_t *n_out)
{
    *n_out = N_COMMANDS;
    return commands;
}

int wtl_print_json(struct wtl_context *ctx, json_t *document, struct wtl_error *err)
{
    if (!document)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory building the JSON document");
    struct wtl_buf text;
    wtl_buf_init(&text, wtl_alloc_system(), WTL_LIMIT_DOCUMENT_BYTES);
    int rc = 0;
    if (!wtl_json_write(document, &text))
        rc = WTL_FAIL(err, WTL_NOMEM, "out of memory writing the JSON document");
    else if (fwrite(wtl_buf_str(&text), 1, text.len, ctx->out) != text.len)
        rc = WTL_FAIL(err, WTL_IO, "cannot write to standard output");
    ctx->printed = true; /* or a part of it */
    json_decref(document);
    wtl_buf_fini(&text);
    return rc;
}

int wtl_print_json_line(struct wtl_context *ctx, json_t *document, struct wtl_error *err)
{
    struct wtl_buf line;
    wtl_buf_init(&line, wtl_alloc_system(), WTL_LIMIT_DOCUMENT_BYTES);
    bool good = document && wtl_json_write_line(document, &line);
    if (good)
        fprintf(ctx->out, "%s\n", wtl_buf_str(&line));
    wtl_buf_fini(&line);
    json_decref(document);
    return good ? 0 : WTL_FAIL(err, WTL_NOMEM, "out of memory writing a line of JSON");
}

struct wtl_flow wtl_context_flow(const struct wtl_context *ctx)
{
    return (struct wtl_flow){
        .alloc = wtl_alloc_system(), .clock = ctx->clock, .log = &ctx->log, .threads = 1};
}

const struct wtl_command *wtl_find_command(const char *name, struct wtl_error *err)
{
    const char *names[N_COMMANDS];
    for (int i = 0; i < N_COMMANDS; i++) {
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
        names[i] = commands[i]->name;
    }
    (void)WTL_FAIL(err, WTL_USAGE, "there is no command \"%s\"", name);
    const char *near = wtl_did_you_mean(name, names, N_COMMANDS);
    if (near)
        wtl_error_hint(err, "did you mean `wattle %s`?", near);
    else
        wtl_error_hint(err, "`wattle help` lists the commands");
    return NULL;
}

/* "wattle -q optimize": NULL, and where the option belongs. */
static const struct wtl_command *option_first(int argc, const char *const *argv,
                                              struct wtl_error *err)
{
    struct wtl_error ignored = {0};
    int i = 1;
    while (i < argc && argv[i][0] == '-')
        i++;
    (void)WTL_FAIL(err, WTL_USAGE, "options follow the command, and \"%s\" stands before it",
                   argv[1]);
    if (i < argc && wtl_find_command(argv[i], &ignored))
        wtl_error_hint(err, "wattle %s %s", argv[i], argv[1]);
    else
        wtl_error_hint(err, "`wattle help` lists the commands");
    return NULL;
}

const struct wtl_command *wtl_find_verb(const struct wtl_command *command, const char *name,
                                        struct wtl_error *err)
{
    const char *names[32];
    int n = 0;
    for (const struct wtl_command *const *v = command->verbs; v && *v && n < 32; v++) {
        names[n] = strrchr((*v)->name, ' ') + 1;
        if (strcmp(names[n++], name) == 0)
            return *v;
    }
    (void)WTL_FAIL(err, WTL_USAGE, "wattle %s does not know \"%s\"", command->name, name);
    const char *near = wtl_did_you_mean(name, names, n);
    if (near)
        wtl_error_hint(err, "did you mean `wattle %s %s`?", command->name, near);
    else
        wtl_error_hint(err, "`wattle %s --help` lists what it does", command->name);
    return NULL;
}

/* The verb that argv[1] names, and argc and argv from there; the command itself where it has none
 * or none is named. NULL with err set for a verb that it does not have. */
static const struct wtl_command *take_verb(const struct wtl_command *command, int *argc,
                                           const char *const **argv, struct wtl_error *err)
{
    if (!command->verbs || *argc < 2 || (*argv)[1][0] == '-')
        return command;
    const struct wtl_command *verb = wtl_find_verb(command, (*argv)[1], err);
    (*argc)--;
    (*argv)++;
    return verb;
}

/* Standard output may be full or closed: that is a failure, not a silent loss. */
static int flush_output(struct wtl_error *err)
{
    if (fflush(stdout) != 0 || ferror(stdout))
        return WTL_FAIL(err, WTL_IO, "cannot write to standard output");
    return 0;
}

/* The exit status of what happened; with another command's it is that one's, or 125. */
static int conclude(const struct wtl_context *ctx, const struct wtl_error *err, int rc)
{
    int status = wtl_show_failure(err, rc, ctx->json && !ctx->printed ? ctx->out : NULL);
    if (!ctx->child)
        return status;
    return rc < 0 && ctx->child_status == 0 ? (int)WTL_EXIT_OURS : ctx->child_status;
}

static bool has_child(const struct wtl_command *command, int argc, const char *const *argv)
{
    for (int i = 1; command->takes_child && i < argc; i++)
        if (strcmp(argv[i], "--") == 0)
            return true;
    return false;
}

static int show_help(const struct wtl_command *command)
{
    struct wtl_error err = {0};
    wtl_command_help(command, stdout);
    return wtl_show_failure(&err, flush_output(&err), NULL);
}

/* Arguments that make no sense. */
static int refuse(const struct wtl_command *command, int argc, const char *const *argv,
                  const struct wtl_error *err, int rc)
{
    bool child = has_child(command, argc, argv); /* standard output is not ours */
    bool json = wtl_asks_for_json(argc, argv) && !child;
    int status = wtl_show_failure(err, rc, json ? stdout : NULL);
    return child ? (int)WTL_EXIT_OURS : status;
}

static int run_command(const struct wtl_command *command, int argc, const char *const *argv)
{
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_terminal terminal;
    struct wtl_context ctx = {
        .arena = &arena,
        .clock = wtl_clock_system(),
        .out = stdout,
        .messages = stderr,
        .terminal = isatty(2) == 1,
    };
    bool help = false;
    int rc = wtl_options_parse(command, argc, argv, &ctx, &help, &err);
    if (rc < 0)
        return refuse(command, argc, argv, &err, rc);
    if (help)
        return show_help(command);
    if (ctx.child)
        ctx.out = stderr;
    wtl_terminal_init(&terminal, &ctx);
    rc = command->run(&ctx, &err);
    wtl_terminal_fini(&terminal);
    /* An answer such as "undecided" must arrive, too. */
    int flushed = flush_output(err.code == WTL_OK ? &err : NULL);
    if (flushed < 0 && err.code == WTL_IO)
        rc = flushed;
    return conclude(&ctx, &err, rc);
}

static int show_version(void)
{
    struct wtl_error err = {0};
    printf("wattle %s\n", WTL_VERSION);
    return wtl_show_failure(&err, flush_output(&err), NULL);
}

int main(int argc, char **argv)
{
    static const char *const help_argv[] = {"help"};
    if (wtl_standard_descriptors() < 0)
        return WTL_FAILED;                            /* and nowhere to say it */
    if (argc > 1 && strcmp(argv[1], "guardian") == 0) /* no command: lease/guardian.h */
        return wtl_guardian_main(argc, (const char *const *)argv);
    wtl_json_watch_memory();
    wtl_interrupt_init();
    const char *const *args = (const char *const *)argv;
    if (argc < 2) {
        run_command(&wtl_cmd_help, 1, help_argv);
        return WTL_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
        return show_version();
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return run_command(&wtl_cmd_help, 1, help_argv);
    struct wtl_error err = {0};
    const struct wtl_command *command =
        name[0] == '-' ? option_first(argc, args, &err) : wtl_find_command(name, &err);
    bool json = wtl_asks_for_json(argc, args);
    argc--;
    args++;
    if (command)
        command = take_verb(command, &argc, &args, &err);
    if (!command)
        return wtl_show_failure(&err, -(int)WTL_USAGE, json ? stdout : NULL);
    return run_command(command, argc, args);
}
