/* SPDX-License-Identifier: Apache-2.0
 * `wattle help`: the list of commands, one command's help, man pages and completion. */
#include "cli/command.h"
#include "cli/table.h"
#include "cli/terminal.h"

#include "wattle_config.h"

#include <string.h>

struct help_options {
    bool man;
    const char *completion;
};

static const struct wtl_opt opts[] = {
    {.name = "man",
     .type = WTL_OPT_FLAG,
     .offset = offsetof(struct help_options, man),
     .help = "write the man page (mdoc) of the command, or of wattle itself, instead of help"},
    {.name = "completion",
     .type = WTL_OPT_CHOICE,
     .arg = "SHELL",
     .choices = "bash,zsh,fish",
     .offset = offsetof(struct help_options, completion),
     .help = "write a completion script: bash, zsh or fish"},
    {0},
};

static void list_commands(FILE *out)
{
    size_t n;
    const struct wtl_command *const *all = wtl_commands(&n);
    wtl_print_wrapped(
        out,
        "Wattle " WTL_VERSION " finds, proves and holds the operating point at which "
        "AI inference does its work with the least energy, inside the limits you set.",
        0, WTL_TABLE_WIDTH);
    fputs("\nusage: wattle COMMAND [options]\n\ncommands:\n", out);
    for (size_t i = 0; i < n; i++) {
        char lead[16];
        snprintf(lead, sizeof lead, "  %-10s ", all[i]->name);
        wtl_print_hanging(out, lead, all[i]->summary, WTL_TABLE_WIDTH);
    }
    fprintf(out, "\n`wattle COMMAND --help` shows the options of one command.\n");
}

/* wattle.1: the page that names all others. */
static void overview_man(FILE *out)
{
    size_t n;
    const struct wtl_command *const *all = wtl_commands(&n);
    fputs(
        ".\\\" made by `wattle help --man`\n.Dd $Mdocdate$\n.Dt WATTLE 1\n.Os Wattle\n"
        ".Sh NAME\n.Nm wattle\n.Nd least energy for AI inference, inside the limits you set\n"
        ".Sh SYNOPSIS\n.Nm\n.Ar command\n.Op options\n"
        ".Sh DESCRIPTION\n"
        "Finds, proves and holds the operating point at which AI inference does its work with\n"
        "the least energy, inside the limits its owner sets: slowdown, latency, power, cost.\n"
        "Data goes to standard output, progress and messages to standard error.\n"
        "With\n.Fl \\-json\na command prints one document, and an error is one as well: an object\n"
        ".Li error\nwith its status, message, hint and exit status, beside the text on standard "
        "error.\n"
        ".Sh COMMANDS\n.Bl -tag -width Ds\n",
        out);
    for (size_t i = 0; i < n; i++)
        fprintf(out, ".It Xr wattle\\-%s 1\n%s.\n", all[i]->name, all[i]->summary);
    fputs(
        ".El\n.Sh ENVIRONMENT\n.Bl -tag -width Ds\n"
        ".It Ev WATTLE_DATA_DIR\nFolder of the shipped data, instead of the installed one.\n"
        ".It Ev WATTLE_STATE_DIR\nFolder of the journal of leases, instead of\n"
        ".Pa /var/lib/wattle\nfor root, else\n.Pa $XDG_STATE_HOME/wattle ,\nelse\n"
        ".Pa ~/.local/state/wattle .\n"
        ".It Ev WATTLE_RUN_DIR\nFolder of what lives until the next boot (the virtual machine\n"
        "room), instead of\n.Pa /run/wattle\nfor root, else\n.Pa $XDG_RUNTIME_DIR/wattle ,\n"
        "else\n.Pa /tmp/wattle\\-UID .\n"
        ".It Ev WATTLE_ONNXRUNTIME\nPath of the library that\n.Nm Cm load onnx\nruns models "
        "with.\n"
        ".It Ev WATTLE_MPS_CONTROL\nPath of NVIDIA's program nvidia\\-cuda\\-mps\\-control, where "
        "it is not in\n.Ev PATH .\n"
        ".It Ev WATTLE_MARKERS\nPath of the socket to which a program that is measured tells\n"
        "what it does; set for it.\n"
        ".It Ev SOURCE_DATE_EPOCH\nSeconds since 1970 that documents are dated with, for\n"
        "reproducible output.\n.El\n"
        ".Sh EXIT STATUS\n.Bd -literal\n",
        out);
    for (int i = 0; wtl_exit_codes[i]; i++)
        fprintf(out, "%s\n", wtl_exit_codes[i]);
    fputs("5  infeasible: a limit cannot be met\n6  refuted\n7  undecided\n.Ed\n", out);
}

/* ---- Completion: each command's own options, and a family's verbs with theirs -----------------
 */

static const char *verb_name(const struct wtl_command *verb)
{
    return strrchr(verb->name, ' ') + 1;
}

static void bash_options(FILE *out, const struct wtl_command *command)
{
    for (const struct wtl_opt *o = command->opts; o && o->name; o++)
        fprintf(out, " --%s", o->name);
}

static void bash_verbs(FILE *out, const struct wtl_command *family)
{
    fputs("\n            if [ \"$COMP_CWORD\" -eq 2 ]; then\n                names=\"", out);
    for (const struct wtl_command *const *v = family->verbs; *v; v++)
        fprintf(out, "%s%s", v == family->verbs ? "" : " ", verb_name(*v));
    fputs("\"\n            fi\n            case ${COMP_WORDS[2]} in\n", out);
    for (const struct wtl_command *const *v = family->verbs; *v; v++) {
        fprintf(out, "            %s) options+=\"", verb_name(*v));
        bash_options(out, *v);
        fputs("\" ;;\n", out);
    }
    fputs("            esac", out);
}

static void complete_bash(FILE *out)
{
    size_t n;
    const struct wtl_command *const *all = wtl_commands(&n);
    fputs("# bash completion for wattle; source it or put it into bash-completion's folder\n"
          "_wattle() {\n"
          "    local cur=${COMP_WORDS[COMP_CWORD]} names= options=\n"
          "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        names=\"",
          out);
    for (size_t i = 0; i < n; i++)
        fprintf(out, "%s%s", i ? " " : "", all[i]->name);
    fputs("\"\n    else\n        case ${COMP_WORDS[1]} in\n", out);
    for (size_t i = 0; i < n; i++) {
        fprintf(out, "        %s) options=\"--json --quiet --verbose --help", all[i]->name);
        bash_options(out, all[i]);
        fputc('"', out);
        if (all[i]->verbs)
            bash_verbs(out, all[i]);
        fputs(" ;;\n", out);
    }
    fputs("        esac\n    fi\n"
          "    case $cur in\n"
          "    -*) mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$cur\") ;;\n"
          "    *)\n"
          "        if [ -n \"$names\" ]; then\n"
          "            mapfile -t COMPREPLY < <(compgen -W \"$names\" -- \"$cur\")\n"
          "        else\n"
          "            mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
          "        fi ;;\n"
          "    esac\n"
          "}\n"
          "complete -F _wattle wattle\n",
          out);
}

/* Single quotes cannot stand in a single-quoted shell word; the texts below have none doubled. */
static void put_quoted(FILE *out, const char *text, const char *also_escape)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", out);
        else if (strchr(also_escape, *text))
            fprintf(out, "\\%c", *text);
        else
            fputc(*text, out);
    }
}

static void zsh_described(FILE *out, const char *name, const char *summary)
{
    fprintf(out, "        '%s:", name);
    put_quoted(out, summary, ":");
    fputs("'\n", out);
}

static void zsh_arguments(FILE *out, const struct wtl_command *command)
{
    fputs("_arguments '--json' '--quiet' '--verbose' '--help'", out);
    for (const struct wtl_opt *o = command->opts; o && o->name; o++) {
        fprintf(out, " '--%s[", o->name);
        put_quoted(out, o->help, "[]:");
        fprintf(out, "]%s%s%s'", o->arg ? ":" : "", o->arg ? o->arg : "", o->arg ? ":_files" : "");
    }
    fputs(" '*:file:_files' ;;\n", out);
}

static void zsh_verbs(FILE *out, const struct wtl_command *family)
{
    fprintf(out, "    %s)\n    local -a verbs\n    verbs=(\n", family->name);
    for (const struct wtl_command *const *v = family->verbs; *v; v++)
        zsh_described(out, verb_name(*v), (*v)->summary);
    fputs("    )\n    case $words[3] in\n", out);
    for (const struct wtl_command *const *v = family->verbs; *v; v++) {
        fprintf(out, "    %s) (( CURRENT == 3 )) && _describe verb verbs || ", verb_name(*v));
        zsh_arguments(out, *v);
    }
    fputs("    -*) ", out);
    zsh_arguments(out, family);
    fputs("    *) _describe verb verbs ;;\n    esac ;;\n", out);
}

static void complete_zsh(FILE *out)
{
    size_t n;
    const struct wtl_command *const *all = wtl_commands(&n);
    fputs("#compdef wattle\n_wattle() {\n    local -a commands\n    commands=(\n", out);
    for (size_t i = 0; i < n; i++)
        zsh_described(out, all[i]->name, all[i]->summary);
    fputs("    )\n    if (( CURRENT == 2 )); then\n        _describe command commands\n"
          "        return\n    fi\n    case $words[2] in\n",
          out);
    for (size_t i = 0; i < n; i++) {
        if (all[i]->verbs) {
            zsh_verbs(out, all[i]);
            continue;
        }
        fprintf(out, "    %s) ", all[i]->name);
        zsh_arguments(out, all[i]);
    }
    fputs("    esac\n}\n_wattle \"$@\"\n", out);
}

/* "complete -c wattle -n 'CONDITION' OPTION NAME... -d 'TEXT'" */
static void fish_line(FILE *out, const char *condition, const char *what, const char *text)
{
    fprintf(out, "complete -c wattle -n %s %s -d '", condition, what);
    put_quoted(out, text, "");
    fputs("'\n", out);
}

static void fish_options(FILE *out, const char *condition, const struct wtl_command *command)
{
    for (const struct wtl_opt *o = command->opts; o && o->name; o++) {
        char what[80];
        snprintf(what, sizeof what, "-l %s%s", o->name, o->arg ? " -r" : "");
        fish_line(out, condition, what, o->help);
    }
}

static void fish_verbs(FILE *out, const struct wtl_command *family)
{
    char condition[400], what[80];
    size_t n = (size_t)snprintf(condition, sizeof condition,
                                "'__fish_seen_subcommand_from %s; and not "
                                "__fish_seen_subcommand_from",
                                family->name);
    for (const struct wtl_command *const *v = family->verbs; *v && n < sizeof condition; v++)
        n += (size_t)snprintf(condition + n, sizeof condition - n, " %s%s", verb_name(*v),
                              v[1] ? "" : "'");
    for (const struct wtl_command *const *v = family->verbs; *v; v++) {
        snprintf(what, sizeof what, "-a %s", verb_name(*v));
        fish_line(out, condition, what, (*v)->summary);
    }
    for (const struct wtl_command *const *v = family->verbs; *v; v++) {
        snprintf(condition, sizeof condition,
                 "'__fish_seen_subcommand_from %s; and __fish_seen_subcommand_from %s'",
                 family->name, verb_name(*v));
        fish_options(out, condition, *v);
    }
}

static void complete_fish(FILE *out)
{
    size_t n;
    const struct wtl_command *const *all = wtl_commands(&n);
    fputs("# fish completion for wattle\n", out);
    for (size_t i = 0; i < n; i++) {
        char condition[80], what[80];
        snprintf(what, sizeof what, "-a %s", all[i]->name);
        fish_line(out, "__fish_use_subcommand", what, all[i]->summary);
        snprintf(condition, sizeof condition, "'__fish_seen_subcommand_from %s'", all[i]->name);
        fish_options(out, condition, all[i]);
        if (all[i]->verbs)
            fish_verbs(out, all[i]);
    }
}

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    const struct help_options *o = ctx->options;
    if (o->completion) {
        if (strcmp(o->completion, "bash") == 0)
            complete_bash(ctx->out);
        else if (strcmp(o->completion, "zsh") == 0)
            complete_zsh(ctx->out);
        else
            complete_fish(ctx->out);
        return 0;
    }
    if (ctx->argc == 0) {
        if (o->man)
            overview_man(ctx->out);
        else
            list_commands(ctx->out);
        return 0;
    }
    const struct wtl_command *command = wtl_find_command(ctx->argv[0], err);
    if (command && ctx->argc > 1)
        command = wtl_find_verb(command, ctx->argv[1], err);
    if (!command)
        return -(int)WTL_USAGE;
    if (o->man)
        wtl_command_man(command, ctx->out);
    else
        wtl_command_help(command, ctx->out);
    return 0;
}

const struct wtl_command wtl_cmd_help = {
    .name = "help",
    .summary = "Show the commands, or the help of one",
    .synopsis = "[COMMAND [VERB]] [--man | --completion SHELL]",
    .description = "Without an argument, lists the commands. With one, shows its options.",
    .examples = "  wattle help optimize\n"
                "  wattle help sim fault\n"
                "  wattle help --completion bash > /etc/bash_completion.d/wattle",
    .opts = opts,
    .options_size = sizeof(struct help_options),
    .max_args = 2,
    .run = run,
};
