/* SPDX-License-Identifier: Apache-2.0
 * Parsing, help and man page from one option table. Knows no command. */
#include "cli/command.h"

#include "base/columns.h"
#include "base/units.h"
#include "cli/table.h"

#include <stdarg.h>
#include <string.h>

/* Options that every command has; their destinations are in struct wtl_context. */
enum common { COMMON_JSON, COMMON_QUIET, COMMON_VERBOSE, COMMON_HELP, N_COMMON };
static const struct {
    const char *name;
    char letter;
    const char *help;
} common_options[N_COMMON] = {
    [COMMON_JSON] = {"json", 0, "print one JSON document on standard output"},
    [COMMON_QUIET] = {"quiet", 'q', "print results and errors only"},
    [COMMON_VERBOSE] = {"verbose", 'v', "say more of what is done"},
    [COMMON_HELP] = {"help", 'h', "show this help"},
};

/* Where the command runs another one, standard output is that one's. */
static const char *common_help(const struct wtl_command *command, int i)
{
    if (i == (int)COMMON_JSON && command->takes_child)
        return "print one JSON document on standard output; with -- COMMAND on standard error, as "
               "standard output is the command's";
    return common_options[i].help;
}

static void *destination(struct wtl_context *ctx, const struct wtl_opt *opt)
{
    union {
        const void *in;
        char *out;
    } options = {.in = ctx->options};
    return options.out + opt->offset;
}

static bool choice_matches(const char *choices, const char *value)
{
    size_t n = strlen(value);
    for (const char *p = choices; p && *p;) {
        const char *comma = strchr(p, ',');
        size_t len = comma ? (size_t)(comma - p) : strlen(p);
        if (len == n && memcmp(p, value, n) == 0)
            return true;
        p = comma ? comma + 1 : NULL;
    }
    return false;
}

static int check_range(const struct wtl_opt *opt, double value, const char *text,
                       struct wtl_error *err)
{
    if ((opt->min == 0 && opt->max == 0) || (value >= opt->min && value <= opt->max))
        return 0;
    char lo[40];
    char hi[40];
    return WTL_FAIL(err, WTL_USAGE, "--%s \"%s\" is outside %s to %s", opt->name, text,
                    wtl_format_bound(opt->min, opt->unit, lo, sizeof lo),
                    wtl_format_bound(opt->max, opt->unit, hi, sizeof hi));
}

static int set_list(struct wtl_context *ctx, struct wtl_opt_list *list, const char *text,
                    struct wtl_error *err)
{
    const char **items = wtl_arena_calloc(ctx->arena, list->n + 2, sizeof *items);
    if (!items)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    if (list->n)
        memcpy(items, list->items, list->n * sizeof *items);
    items[list->n] = text;
    list->items = items;
    list->n++;
    return 0;
}

/* As an input "-" is standard input, so here it would be taken for standard output: a file of that
 * name, and a pipe that gets nothing, are what nobody means. */
static int no_standard_output(struct wtl_error *err)
{
    int rc =
        WTL_FAIL(err, WTL_USAGE, "--output \"-\": this option does not write to standard output");
    wtl_error_hint(err, "what can go there does without -o, or with --json instead; a file of that "
                        "name is ./-");
    return rc;
}

static int set_value(struct wtl_context *ctx, const struct wtl_opt *opt, const char *text,
                     struct wtl_error *err)
{
    void *to = destination(ctx, opt);
    switch (opt->type) {
    case WTL_OPT_FLAG:
        *(bool *)to = true;
        return 0;
    case WTL_OPT_STRING:
        if (strcmp(opt->name, "output") == 0 && strcmp(text, "-") == 0)
            return no_standard_output(err);
        *(const char **)to = text;
        return 0;
    case WTL_OPT_LIST:
        return set_list(ctx, to, text, err);
    case WTL_OPT_INT: {
        int64_t value;
        if (!wtl_parse_int(text, strlen(text), &value) || value > INT32_MAX || value < INT32_MIN)
            return WTL_FAIL(err, WTL_USAGE, "--%s \"%s\" is not a whole number", opt->name, text);
        int rc = check_range(opt, (double)value, text, err);
        if (rc == 0)
            *(int *)to = (int)value;
        return rc;
    }
    case WTL_OPT_QUANTITY: {
        double value;
        int rc = wtl_parse_setting(text, opt->unit, &value, err);
        if (rc < 0) {
            wtl_error_context(err, "--%s", opt->name);
            return rc;
        }
        rc = check_range(opt, value, text, err);
        if (rc == 0)
            *(struct wtl_opt_quantity *)to = (struct wtl_opt_quantity){true, value};
        return rc;
    }
    case WTL_OPT_CHOICE:
        if (!choice_matches(opt->choices, text)) {
            int rc = WTL_FAIL(err, WTL_USAGE, "--%s \"%s\" is not a choice", opt->name, text);
            wtl_error_hint(err, "choose one of: %s", opt->choices);
            return rc;
        }
        *(const char **)to = text;
        return 0;
    }
    return 0;
}

static bool set_common(struct wtl_context *ctx, int which, bool *help_out)
{
    switch ((enum common)which) {
    case COMMON_JSON:
        ctx->json = true;
        return true;
    case COMMON_QUIET:
        ctx->verbosity = -1;
        return true;
    case COMMON_VERBOSE:
        ctx->verbosity = 1;
        return true;
    case COMMON_HELP:
        *help_out = true;
        return true;
    case N_COMMON:
        break;
    }
    return false;
}

static int unknown_option(const struct wtl_command *command, const char *name,
                          struct wtl_error *err)
{
    const char *names[128];
    int n = 0;
    for (const struct wtl_opt *o = command->opts; o && o->name && n < 120; o++)
        names[n++] = o->name;
    for (int i = 0; i < N_COMMON; i++)
        names[n++] = common_options[i].name;
    int rc = WTL_FAIL(err, WTL_USAGE, "wattle %s has no option \"--%s\"", command->name, name);
    const char *near = wtl_did_you_mean(name, names, n);
    if (near)
        wtl_error_hint(err, "did you mean --%s?", near);
    else
        wtl_error_hint(err, "wattle %s --help lists the options", command->name);
    return rc;
}

static int missing_value(const struct wtl_opt *opt, struct wtl_error *err)
{
    return WTL_FAIL(err, WTL_USAGE, "--%s needs a value (%s)", opt->name, opt->arg);
}

static int no_value(const char *name, struct wtl_error *err)
{
    return WTL_FAIL(err, WTL_USAGE, "--%s takes no value", name);
}

/* "--name", "--name=value", "--name value". */
static int parse_long(const struct wtl_command *command, int argc, const char *const *argv, int *i,
                      struct wtl_context *ctx, bool *help_out, struct wtl_error *err)
{
    char name[64];
    const char *arg = argv[*i] + 2;
    const char *equals = strchr(arg, '=');
    struct wtl_view v = {arg, equals ? (size_t)(equals - arg) : strlen(arg)};
    if (!wtl_view_copy(v, name, sizeof name))
        return unknown_option(command, name, err);
    for (int k = 0; k < N_COMMON; k++)
        if (strcmp(name, common_options[k].name) == 0) {
            if (equals)
                return no_value(name, err);
            set_common(ctx, k, help_out);
            return 0;
        }
    for (const struct wtl_opt *o = command->opts; o && o->name; o++) {
        if (strcmp(name, o->name) != 0)
            continue;
        if (o->type == WTL_OPT_FLAG && equals)
            return no_value(name, err);
        if (o->type == WTL_OPT_FLAG)
            return set_value(ctx, o, NULL, err);
        if (equals)
            return set_value(ctx, o, equals + 1, err);
        if (*i + 1 >= argc)
            return missing_value(o, err);
        return set_value(ctx, o, argv[++*i], err);
    }
    return unknown_option(command, name, err);
}

/* "-qv", "-oFILE", "-o FILE". */
static int parse_letters(const struct wtl_command *command, int argc, const char *const *argv,
                         int *i, struct wtl_context *ctx, bool *help_out, struct wtl_error *err)
{
    for (const char *p = argv[*i] + 1; *p; p++) {
        bool done = false;
        for (int k = 0; k < N_COMMON && !done; k++)
            done = common_options[k].letter == *p && set_common(ctx, k, help_out);
        if (done)
            continue;
        const struct wtl_opt *o = command->opts;
        while (o && o->name && o->letter != *p)
            o++;
        if (!o || !o->name) {
            int rc = WTL_FAIL(err, WTL_USAGE, "wattle %s has no option \"-%c\"", command->name, *p);
            wtl_error_hint(err, "wattle %s --help lists the options", command->name);
            return rc;
        }
        if (o->type == WTL_OPT_FLAG) {
            set_value(ctx, o, NULL, err);
            continue;
        }
        if (p[1])
            return set_value(ctx, o, p + 1, err);
        if (*i + 1 >= argc)
            return missing_value(o, err);
        return set_value(ctx, o, argv[++*i], err);
    }
    return 0;
}

/* What follows "--": another command's words. */
static int take_child(struct wtl_context *ctx, int argc, const char *const *argv,
                      struct wtl_error *err)
{
    if (argc == 0)
        return WTL_FAIL(err, WTL_USAGE, "no command follows \"--\"");
    const char **words = wtl_arena_calloc(ctx->arena, (size_t)argc + 1, sizeof *words);
    if (!words)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    memcpy(words, argv, (size_t)argc * sizeof *words);
    ctx->child = words;
    return 0;
}

int wtl_options_parse(const struct wtl_command *command, int argc, const char *const *argv,
                      struct wtl_context *ctx, bool *help_out, struct wtl_error *err)
{
    size_t size = command->options_size ? command->options_size : 1;
    void *options = wtl_arena_calloc(ctx->arena, 1, size);
    const char **rest = wtl_arena_calloc(ctx->arena, (size_t)argc + 1, sizeof *rest);
    if (!options || !rest)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    if (command->defaults)
        memcpy(options, command->defaults, command->options_size);
    ctx->options = options;
    int n = 0;
    bool only_arguments = false;
    for (int i = 1; i < argc; i++) {
        int rc = 0;
        if (only_arguments || argv[i][0] != '-' || argv[i][1] == '\0')
            rest[n++] = argv[i];
        else if (strcmp(argv[i], "--") == 0 && command->takes_child) {
            rc = take_child(ctx, argc - i - 1, argv + i + 1, err);
            i = argc;
        } else if (strcmp(argv[i], "--") == 0)
            only_arguments = true;
        else if (argv[i][1] == '-')
            rc = parse_long(command, argc, argv, &i, ctx, help_out, err);
        else
            rc = parse_letters(command, argc, argv, &i, ctx, help_out, err);
        if (rc < 0)
            return rc;
    }
    ctx->argc = n;
    ctx->argv = rest;
    if (*help_out)
        return 0;
    if (n < command->min_args || (command->max_args >= 0 && n > command->max_args)) {
        int rc = n < command->min_args
                     ? WTL_FAIL(err, WTL_USAGE, "wattle %s needs more arguments", command->name)
                     : WTL_FAIL(err, WTL_USAGE, "wattle %s does not know what to do with \"%s\"",
                                command->name, rest[command->max_args]);
        if (n > command->max_args && command->takes_child && command->max_args == 0)
            wtl_error_hint(err, "a command to run comes behind --: wattle %s [options] -- %s ...",
                           command->name, rest[0]);
        else
            wtl_error_hint(err, "usage: wattle %s%s%s", command->name,
                           command->synopsis[0] ? " " : "", command->synopsis);
        return rc;
    }
    return 0;
}

const char *const wtl_exit_codes[] = {
    "0  done", "1  failed", "2  wrong usage", "3  not supported here", "4  permission denied",
    NULL};

/* `begun`: so many columns of the first line are there already; -1: it is indented as the others.
 */
static void fill(FILE *out, const char *text, int indent, int width, int begun)
{
    int column = 0, first = begun < 0 ? indent : begun;
    width = wtl_page_width(out, width);
    while (*text) {
        if (*text == '\n') {
            fputc('\n', out);
            column = 0;
            text++;
            continue;
        }
        size_t word = strcspn(text, " \n");
        while (wtl_unit_follows(text, word))
            word += 1 + strcspn(text + word + 1, " \n");
        int columns = wtl_columns_of_bytes(text, word);
        if (column && column + 1 + columns > width - first) {
            fputc('\n', out);
            column = 0;
            first = indent;
        }
        if (column == 0 && begun < 0)
            fprintf(out, "%*s", indent, "");
        begun = -1;
        fprintf(out, "%s%.*s", column ? " " : "", (int)word, text);
        column += (column ? 1 : 0) + columns;
        text += word;
        while (*text == ' ')
            text++;
    }
    fputc('\n', out);
}

/* Fills `text` to the given width after `indent` columns; "\n" in the text starts a line. */
void wtl_print_wrapped(FILE *out, const char *text, int indent, int width)
{
    fill(out, text, indent, width, -1);
}

void wtl_print_hanging(FILE *out, const char *lead, const char *text, int width)
{
    fputs(lead, out);
    fill(out, text, wtl_columns(lead), width, wtl_columns(lead));
}

void wtl_print_part(FILE *out, const char *lead, struct wtl_buf *text)
{
    if (text->failed)
        return;
    if (text->data)
        wtl_replace_controls(text->data);
    wtl_print_hanging(out, lead, wtl_buf_str(text), WTL_TABLE_WIDTH);
    wtl_buf_clear(text);
}

enum { LINE_BYTES = 4096 };

void wtl_print_line(FILE *out, int indent, const char *format, ...)
{
    char text[LINE_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fprintf(out, "%*s", indent, "");
    fill(out, text, indent + 2, WTL_TABLE_WIDTH, indent);
}

void wtl_print_fact(FILE *out, const char *name, const char *format, ...)
{
    char text[LINE_BYTES], lead[16];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    snprintf(lead, sizeof lead, "  %-9s ", name);
    wtl_print_hanging(out, lead, text, WTL_TABLE_WIDTH);
}

static void print_option_line(FILE *out, char letter, const char *name, const char *arg,
                              const char *help)
{
    char left[80];
    char short_form[8] = "    ";
    if (letter)
        snprintf(short_form, sizeof short_form, "-%c, ", letter);
    snprintf(left, sizeof left, "  %s--%s%s%s", short_form, name, arg ? " " : "", arg ? arg : "");
    enum { HELP_COLUMN = 32, WIDTH = 100 };
    if (strlen(left) + 2 > HELP_COLUMN) {
        fprintf(out, "%s\n", left);
        wtl_print_wrapped(out, help, HELP_COLUMN, WIDTH);
        return;
    }
    char lead[HELP_COLUMN + 1];
    snprintf(lead, sizeof lead, "%-*s", HELP_COLUMN, left);
    wtl_print_hanging(out, lead, help, WIDTH);
}

/* The command's own "5  text" line for the code at `code`; NULL: it has none. */
static const char *own_line(const char *lines, const char *code)
{
    const size_t digits = strcspn(code, " ");
    for (const char *p = lines; *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : "")
        if (strcspn(p, " ") == digits && strncmp(p, code, digits) == 0)
            return p;
    return NULL;
}

static bool is_general(const char *code)
{
    for (int i = 0; wtl_exit_codes[i]; i++)
        if (own_line(wtl_exit_codes[i], code))
            return true;
    return false;
}

static void print_exit_code(FILE *out, const char *line, int indent, int column, int width)
{
    char lead[16], text[400];
    size_t n = strcspn(line, "\n"), digits = strcspn(line, " ");
    snprintf(lead, sizeof lead, "%*s%-*.*s  ", indent, "", column, (int)digits, line);
    snprintf(text, sizeof text, "%.*s", (int)(n - digits - 2), line + digits + 2);
    wtl_print_hanging(out, lead, text, width);
}

/* "5  text" lines, the texts in one column that is as wide as the longest code asks for. What a
 * command says of a code stands in place of what is said of it in general. */
static void print_exit_codes(const struct wtl_command *command, FILE *out, int indent, int width)
{
    const char *more = command->exit_codes ? command->exit_codes : "";
    int column = 1;
    for (const char *p = more; *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : "") {
        int digits = (int)strcspn(p, " ");
        column = digits > column ? digits : column;
    }
    for (int i = 0; wtl_exit_codes[i]; i++) {
        const char *own = own_line(more, wtl_exit_codes[i]);
        print_exit_code(out, own ? own : wtl_exit_codes[i], indent, column, width);
    }
    for (const char *p = more; *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : "")
        if (!is_general(p))
            print_exit_code(out, p, indent, column, width);
}

void wtl_command_help(const struct wtl_command *command, FILE *out)
{
    fprintf(out, "usage: wattle %s%s%s\n\n", command->name, command->synopsis[0] ? " " : "",
            command->synopsis);
    wtl_print_wrapped(out, command->description ? command->description : command->summary, 0, 100);
    if (command->verbs)
        fputs("\nverbs:\n", out);
    for (const struct wtl_command *const *v = command->verbs; v && *v; v++) {
        char lead[24];
        snprintf(lead, sizeof lead, "  %-12s ", strrchr((*v)->name, ' ') + 1);
        wtl_print_hanging(out, lead, (*v)->summary, 100);
    }
    const char *group = NULL;
    bool any = false;
    for (const struct wtl_opt *o = command->opts; o && o->name; o++) {
        if (!any || (o->group && (!group || strcmp(o->group, group) != 0)))
            fprintf(out, "\n%s:\n", o->group ? o->group : "options");
        group = o->group ? o->group : group;
        any = true;
        print_option_line(out, o->letter, o->name, o->arg, o->help);
    }
    fprintf(out, "\n%s:\n", any ? "common options" : "options");
    for (int i = 0; i < N_COMMON; i++)
        print_option_line(out, common_options[i].letter, common_options[i].name, NULL,
                          common_help(command, i));
    fputs("\nexit status:\n", out);
    print_exit_codes(command, out, 2, 100);
    if (command->examples)
        fprintf(out, "\nexamples:\n%s\n", command->examples);
}

/* Escapes what mdoc would read as markup. */
static void print_roff(FILE *out, const char *text)
{
    bool line_start = true;
    for (; *text; text++) {
        if (line_start && (*text == '.' || *text == '\''))
            fputs("\\&", out);
        if (text[0] == '.' && text[1] == ' ' && text[2] >= 'A' && text[2] <= 'Z') {
            fputs(".\n", out); /* a sentence starts a line */
            text++;
            line_start = true;
            continue;
        }
        if (*text == '\\')
            fputs("\\e", out);
        else if (*text == '-')
            fputs("\\-", out);
        else
            fputc(*text, out);
        line_start = *text == '\n';
    }
}

static void print_roff_paragraphs(FILE *out, const char *text)
{
    while (*text) {
        size_t n = strcspn(text, "\n");
        if (n) {
            char line[4096];
            struct wtl_view v = {text, n};
            wtl_view_copy(v, line, sizeof line);
            print_roff(out, line);
            fputc('\n', out);
        } else {
            fputs(".Pp\n", out);
        }
        text += n + (text[n] == '\n');
    }
}

static void man_option(FILE *out, char letter, const char *name, const char *arg, const char *help)
{
    fputs(".It ", out);
    if (letter)
        fprintf(out, "Fl %c , ", letter);
    fprintf(out, "Fl \\-%s", name);
    if (arg)
        fprintf(out, " Ar %s", arg);
    fputc('\n', out);
    print_roff(out, help);
    fputs(".\n", out);
}

/* A section for each verb of a family. */
static void man_verbs(const struct wtl_command *command, FILE *out)
{
    for (const struct wtl_command *const *v = command->verbs; v && *v; v++) {
        fprintf(out, ".Sh %s\n.Nm wattle %s\n", (*v)->name, (*v)->name);
        print_roff(out, (*v)->synopsis);
        fputs((*v)->synopsis[0] ? "\n.Pp\n" : ".Pp\n", out);
        print_roff_paragraphs(out, (*v)->description);
        bool any = (*v)->opts && (*v)->opts->name;
        if (any)
            fputs(".Bl -tag -width Ds\n", out);
        for (const struct wtl_opt *o = (*v)->opts; o && o->name; o++)
            man_option(out, o->letter, o->name, o->arg, o->help);
        if (any)
            fputs(".El\n", out);
        fputs(".Bd -literal\n", out);
        print_roff(out, (*v)->examples);
        fputs("\n.Ed\n", out);
    }
}

void wtl_command_man(const struct wtl_command *command, FILE *out)
{
    char upper[64];
    size_t n = 0;
    for (const char *p = command->name; *p && n + 1 < sizeof upper; p++)
        upper[n++] = *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
    upper[n] = '\0';
    fprintf(out, ".\\\" made by `wattle help --man %s`; edit src/cli/cmd_%s.c instead\n",
            command->name, command->name);
    fprintf(out, ".Dd $Mdocdate$\n.Dt WATTLE\\-%s 1\n.Os Wattle\n", upper);
    fprintf(out, ".Sh NAME\n.Nm wattle\\-%s\n.Nd ", command->name);
    print_roff(out, command->summary);
    fprintf(out, "\n.Sh SYNOPSIS\n.Nm wattle %s\n", command->name);
    print_roff(out, command->synopsis);
    fputs("\n.Sh DESCRIPTION\n", out);
    print_roff_paragraphs(out, command->description ? command->description : command->summary);
    fputs(".Sh OPTIONS\n.Bl -tag -width Ds\n", out);
    for (const struct wtl_opt *o = command->opts; o && o->name; o++)
        man_option(out, o->letter, o->name, o->arg, o->help);
    for (int i = 0; i < N_COMMON; i++)
        man_option(out, common_options[i].letter, common_options[i].name, NULL,
                   common_help(command, i));
    fputs(".El\n", out);
    man_verbs(command, out);
    fputs(".Sh EXIT STATUS\n.Bd -literal\n", out);
    print_exit_codes(command, out, 0, 76);
    fputs(".Ed\n", out);
    if (command->examples) {
        fputs(".Sh EXAMPLES\n.Bd -literal\n", out);
        print_roff(out, command->examples);
        fputs("\n.Ed\n", out);
    }
    fputs(".Sh SEE ALSO\n.Xr wattle 1\n", out);
}
