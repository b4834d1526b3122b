/* SPDX-License-Identifier: Apache-2.0
 *
 * What a command is. One table of options per command drives parsing, --help, the man page and
 * shell completion. Add a command: write cli/cmd_NAME.c with one `const struct wtl_command`, name
 * it in the table of main.c.
 */
#ifndef WTL_CLI_COMMAND_H
#define WTL_CLI_COMMAND_H

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "base/units.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

enum wtl_opt_type {
    WTL_OPT_FLAG,     /* bool */
    WTL_OPT_STRING,   /* const char * */
    WTL_OPT_LIST,     /* struct wtl_opt_list: may be repeated */
    WTL_OPT_INT,      /* int, within min..max */
    WTL_OPT_QUANTITY, /* struct wtl_opt_quantity, parsed as `unit`, within min..max */
    WTL_OPT_CHOICE,   /* const char *, one of `choices` (comma-separated) */
};

struct wtl_opt_list {
    const char **items; /* ended by NULL; NULL: the option was not given */
    size_t n;
};

struct wtl_opt_quantity {
    bool given;
    double value;
};

struct wtl_opt {
    const char *name; /* long, without dashes */
    char letter;      /* 0: none */
    enum wtl_opt_type type;
    size_t offset;    /* of the destination in the command's option struct */
    const char *arg;  /* placeholder in help: "FILE"; NULL for flags */
    const char *help; /* one sentence, no full stop; defaults in words */
    enum wtl_unit unit;
    double min, max; /* INT and QUANTITY; both 0: any */
    const char *choices;
    const char *group; /* heading in help; NULL: the first */
};

/* What every command is given. */
struct wtl_context {
    struct wtl_arena *arena; /* of this command */
    struct wtl_clock clock;
    struct wtl_log log;
    FILE *out;      /* data */
    FILE *messages; /* the rest */
    bool json;
    int verbosity; /* -1 quiet, 0, 1 verbose */
    bool terminal; /* `messages` is a terminal */
    int argc;      /* positional arguments */
    const char *const *argv;
    const void *options; /* the command's option struct, filled */
    bool printed;        /* a JSON document is on `out`, after which no error object comes */
    /* Of a command that runs another: its words from behind "--", ended by NULL; NULL: none was
     * given. Standard output is then that command's, and `out` is standard error. */
    const char *const *child;
    int child_status; /* what it ended with; of a failure: 126, 127 where it could not be run */
};

struct wtl_flow; /* flow/flow.h */

struct wtl_command {
    const char *name;
    const char *summary;        /* one line, imperative, no full stop */
    const char *synopsis;       /* after "wattle NAME ": "PATH... -o CAMPAIGN [options]" */
    const char *description;    /* paragraphs for man page and --help, may use \n\n */
    const char *examples;       /* lines "command  # what it does" */
    const char *exit_codes;     /* lines beyond those of every command: "5  no clock meets the
                                 * limits", with \n between them; NULL */
    const struct wtl_opt *opts; /* ends with a NULL name */
    size_t options_size;
    int min_args, max_args; /* max_args -1: any */
    bool takes_child;       /* "-- COMMAND ARG..." may follow: wtl_context.child */
    const void *defaults;   /* option struct to start from; NULL: zeros */
    /* 0 or negative code, err set; exit status is wtl_exit_status() of it. A command that ends
     * normally with a status such as 5 or 6 has said so on `out` or `messages` itself, leaves
     * err->code at WTL_OK and returns the negative code. */
    int (*run)(struct wtl_context *ctx, struct wtl_error *err);
    /* Commands of a family, NULL at the end: the first argument of "sim" is the second word of
     * "sim start". NULL: none. */
    const struct wtl_command *const *verbs;
};

/* Exit status of a failure of ours where another command's is returned: DESIGN, section 5. */
enum { WTL_EXIT_OURS = 125 };

/* What every command may end with, for help and man pages: "0  done" ...; ends with NULL. */
extern const char *const wtl_exit_codes[];

/* A flow over this context, on one thread. */
struct wtl_flow wtl_context_flow(const struct wtl_context *ctx);

/* Parses argv[1..] (argv[0] is the command's name). Handles no --help itself: *help_out is set. */
int wtl_options_parse(const struct wtl_command *command, int argc, const char *const *argv,
                      struct wtl_context *ctx, bool *help_out, struct wtl_error *err);

void wtl_command_help(const struct wtl_command *command, FILE *out);
void wtl_command_man(const struct wtl_command *command, FILE *out); /* mdoc */

/* Prints text broken at blanks into lines of at most `width` columns, each indented by `indent`,
 * the last one ended too. */
void wtl_print_wrapped(FILE *out, const char *text, int indent, int width);

/* The same behind `lead`, under whose end the lines after the first begin. */
void wtl_print_hanging(FILE *out, const char *lead, const char *text, int width);

/* What was put together in `text` as such a paragraph of WTL_TABLE_WIDTH columns, its control
 * characters made harmless, and an empty buffer for the next. One that failed stays as it is, and
 * nothing is printed: whoever looks at the end sees it. */
void wtl_print_part(FILE *out, const char *lead, struct wtl_buf *text);

/* A line of at most WTL_TABLE_WIDTH columns (and the terminal); what does not fit goes on two
 * columns further in than the `indent` blanks that the first line begins with. */
void wtl_print_line(FILE *out, int indent, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A fact behind its name, "  runs      170 used": in as many lines as it needs. */
void wtl_print_fact(FILE *out, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Prints a JSON document as wtl_json_write() writes it (the text that the public function gives),
 * and drops the caller's reference to it. NULL: memory was out. */
int wtl_print_json(struct wtl_context *ctx, json_t *document, struct wtl_error *err);

/* The same on one line, for streams of them; an error object may follow as another. */
int wtl_print_json_line(struct wtl_context *ctx, json_t *document, struct wtl_error *err);

#endif
