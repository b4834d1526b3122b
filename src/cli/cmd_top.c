/* SPDX-License-Identifier: Apache-2.0
 * `wattle top`: a live view of all devices, as a screen, as text, as JSON lines. */
#include "base/limits.h"
#include "cli/charset.h"
#include "cli/command.h"
#include "cli/top_curses.h"
#include "cli/top_json.h"
#include "cli/top_live.h"
#include "cli/top_view.h"
#include "codec/json.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A device that hangs is waited for so long, once. */
#define DEADLINE_NS (2 * WTL_NS_PER_S)

/* Of a printed screen where nobody says how large: all devices fit. */
enum { BATCH_ROWS = 400, BATCH_COLUMNS = 100 };

struct top_options {
    struct wtl_opt_list ids;
    bool all, batch, once, ascii, mono, no_wait;
    struct wtl_opt_quantity delay;
    int count;
    const char *size, *sort, *root;
};

static const struct wtl_opt opts[] = {
    {"device", 'i', WTL_OPT_LIST, offsetof(struct top_options, ids), "ID",
     "show this device (may be repeated); default: all but clock policies and control groups"},
    {"all", 'a', WTL_OPT_FLAG, offsetof(struct top_options, all), NULL,
     "show clock policies and control groups, too"},
    {"delay", 'd', WTL_OPT_QUANTITY, offsetof(struct top_options, delay), "TIME",
     "time between two readings; default 1s", WTL_UNIT_SECOND, 0.1, 60},
    {"count", 'n', WTL_OPT_INT, offsetof(struct top_options, count), "N",
     "end after so many readings; default: never, with --once 2", WTL_UNIT_NONE, 1, 1e9},
    {"sort", 's', WTL_OPT_CHOICE, offsetof(struct top_options, sort), "COLUMN",
     "order of processes: power, util, memory, device, pid, command; default power", WTL_UNIT_NONE,
     0, 0, "power,util,memory,device,pid,command"},
    {"once", '1', WTL_OPT_FLAG, offsetof(struct top_options, once), NULL,
     "print one screen as text, after the last reading, and end"},
    {"batch", 'b', WTL_OPT_FLAG, offsetof(struct top_options, batch), NULL,
     "print a screen as text at each reading"},
    {"size", 0, WTL_OPT_STRING, offsetof(struct top_options, size), "COLUMNSxROWS",
     "size of printed screens, as a terminal of that size shows them; default: 100 columns, all "
     "rows"},
    {"ascii", 0, WTL_OPT_FLAG, offsetof(struct top_options, ascii), NULL,
     "draw with ASCII only, as where the locale has no UTF-8"},
    {"mono", 0, WTL_OPT_FLAG, offsetof(struct top_options, mono), NULL,
     "no colours, as with NO_COLOR in the environment"},
    {"root", 0, WTL_OPT_STRING, offsetof(struct top_options, root), "DIR",
     "look for devices in a recorded machine (`wattle doctor --gather`) instead of this one"},
    {"no-wait", 0, WTL_OPT_FLAG, offsetof(struct top_options, no_wait), NULL,
     "virtual and recorded devices only: time steps by the delay at each reading and is not "
     "waited for; printed screens and --json"},
    {0},
};

/* ---- Time ------------------------------------------------------------------------------------ */

struct stepped {
    int64_t now_ns, wall_ns;
};

static int64_t stepped_monotonic(void *ctx)
{
    return ((struct stepped *)ctx)->now_ns;
}

static int64_t stepped_wall(void *ctx)
{
    const struct stepped *s = ctx;
    return s->wall_ns + s->now_ns;
}

static void sleep_ns(int64_t ns)
{
    struct timespec t = {.tv_sec = (time_t)(ns / WTL_NS_PER_S), .tv_nsec = ns % WTL_NS_PER_S};
    while (nanosleep(&t, &t) != 0 && errno == EINTR)
        ;
}

/* ---- What is asked for ----------------------------------------------------------------------- */

struct plan {
    struct wtl_clock clock;
    struct stepped stepped;
    int64_t interval_ns;
    int count; /* 0: no end */
    int rows, columns;
    bool sized;
    enum top_sort sort;
};

static enum top_sort sort_of(const char *name)
{
    static const struct {
        const char *name;
        enum top_sort sort;
    } sorts[] = {{"util", TOP_BY_UTIL},
                 {"memory", TOP_BY_MEMORY},
                 {"device", TOP_BY_DEVICE},
                 {"pid", TOP_BY_PID},
                 {"command", TOP_BY_NAME}};
    for (size_t i = 0; name && i < sizeof sorts / sizeof sorts[0]; i++)
        if (strcmp(name, sorts[i].name) == 0)
            return sorts[i].sort;
    return TOP_BY_POWER;
}

static int parse_size(const char *text, struct plan *plan, struct wtl_error *err)
{
    char *end = NULL;
    long columns = strtol(text, &end, 10), rows = 0;
    bool good = end != text && *end == 'x';
    if (good) {
        const char *second = end + 1;
        rows = strtol(second, &end, 10);
        good = end != second && *end == '\0';
    }
    if (!good || columns < 40 || rows < 8 || columns > TOP_COLUMNS_MAX || rows > TOP_ROWS_MAX)
        return WTL_FAIL(err, WTL_USAGE, "--size \"%s\" is not COLUMNSxROWS from 40x8 to %dx%d",
                        text, TOP_COLUMNS_MAX, TOP_ROWS_MAX);
    plan->columns = (int)columns;
    plan->rows = (int)rows;
    plan->sized = true;
    return 0;
}

static int make_plan(const struct wtl_context *ctx, const struct top_options *o, struct plan *plan,
                     struct wtl_error *err)
{
    *plan = (struct plan){
        .clock = ctx->clock,
        .interval_ns = o->delay.given ? (int64_t)(o->delay.value * 1e9) : WTL_NS_PER_S,
        .count = o->count > 0 ? o->count
                 : o->once    ? 2
                              : 0,
        .rows = BATCH_ROWS,
        .columns = BATCH_COLUMNS,
        .sort = sort_of(o->sort),
    };
    if (o->once && (o->batch || ctx->json))
        return WTL_FAIL(err, WTL_USAGE, "--once prints one screen: not with %s",
                        ctx->json ? "--json (-n 1 gives one line)" : "--batch");
    bool printed = o->once || o->batch || ctx->json;
    if (o->no_wait && !printed)
        return WTL_FAIL(err, WTL_USAGE, "--no-wait is for --once, --batch and --json");
    if (o->no_wait && plan->count == 0)
        return WTL_FAIL(err, WTL_USAGE, "--no-wait needs an end: -n N");
    if (o->size && (!printed || ctx->json))
        return WTL_FAIL(err, WTL_USAGE, "--size is for --once and --batch");
    if (o->no_wait) {
        plan->stepped.wall_ns = ctx->clock.wall_ns(ctx->clock.ctx);
        plan->clock = (struct wtl_clock){stepped_monotonic, stepped_wall, &plan->stepped};
    }
    return o->size ? parse_size(o->size, plan, err) : 0;
}

/* ---- Devices --------------------------------------------------------------------------------- */

static int open_machine(const struct top_options *o, const struct plan *plan,
                        struct wtl_machine **machine_out, struct wtl_error *err)
{
    struct wtl_machine_options options = {
        .clock = plan->clock, .root = o->root, .only = o->ids.items, .deadline_ns = DEADLINE_NS};
    return wtl_machine_open(wtl_alloc_system(), &options, machine_out, err);
}

static bool is_shown(const struct top_options *o, const struct wtl_device_info *info)
{
    return o->all || o->ids.n > 0 ||
           (info->kind != WTL_DEVICE_CPU_CLOCK && info->kind != WTL_DEVICE_CGROUP);
}

static int choose(const struct wtl_context *ctx, const struct top_options *o,
                  struct wtl_machine *machine, struct top_live *live, struct wtl_error *err)
{
    struct wtl_arena *arena = ctx->arena;
    size_t n = wtl_machine_count(machine);
    live->machine = machine;
    live->device = WTL_NEW_ARRAY(arena, int, n + 1);
    if (!live->device)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        const struct wtl_device_info *info = wtl_device_info(wtl_machine_device(machine, i));
        if (is_shown(o, info))
            live->device[live->n++] = (int)i;
        if (o->no_wait && !(info->flags & (WTL_DEVICE_VIRTUAL | WTL_DEVICE_REPLAY)))
            return WTL_FAIL(err, WTL_USAGE,
                            "--no-wait: time cannot be stepped for %s, which is neither virtual "
                            "nor recorded",
                            info->id);
    }
    const char *hang = wtl_machine_hang(machine);
    if (live->n == 0 && hang) {
        int rc = WTL_FAIL(err, WTL_TIMEOUT, "there is nothing to show: %s", hang);
        wtl_machine_hang_hint(err);
        return rc;
    }
    if (hang)
        wtl_log(&ctx->log, WTL_LOG_WARNING, "%s; its devices are not shown", hang);
    if (live->n == 0) {
        int rc = WTL_FAIL(err, WTL_UNSUPPORTED, "there is no device to show here");
        wtl_error_hint(err,
                       "`wattle doctor` says why; `wattle top -i virtual:a100` shows a "
                       "virtual one%s",
                       n > 0 ? "; -a shows clock policies and control groups" : "");
        return rc;
    }
    live->samples = WTL_NEW_ARRAY(arena, struct wtl_device_sample, live->n);
    live->model = top_model_new(arena, machine, live->device, live->n);
    if (!live->samples || !live->model)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    return 0;
}

static bool is_ascii(const struct top_options *o)
{
    return o->ascii || !wtl_locale_has_utf8();
}

/* ---- Printed screens ------------------------------------------------------------------------- */

static int print_tick(struct wtl_context *ctx, const struct top_options *o, const struct plan *plan,
                      struct top_live *live, struct top_screen *screen, int tick,
                      struct wtl_error *err)
{
    if (ctx->json) {
        json_t *line = top_json(live->model, plan->clock.wall_ns(plan->clock.ctx));
        int rc = wtl_print_json_line(ctx, line, err);
        if (rc < 0)
            return rc;
    } else if (o->batch || tick == plan->count) {
        if (o->batch && tick > 1)
            fputc('\n', ctx->out);
        top_view(screen, live->model, &live->ui);
        top_screen_print(screen, ctx->out);
    }
    if (fflush(ctx->out) != 0)
        return WTL_FAIL(err, WTL_IO, "cannot write to standard output");
    return 0;
}

static int print_all(struct wtl_context *ctx, const struct top_options *o, struct plan *plan,
                     struct top_live *live, struct wtl_error *err)
{
    struct top_screen screen = {.ascii = is_ascii(o)};
    if (!top_screen_resize(&screen, ctx->arena, plan->rows, plan->columns))
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    live->ui.batch = true;
    int rc = 0;
    for (int tick = 1; rc == 0; tick++) {
        int64_t begun = plan->clock.monotonic_ns(plan->clock.ctx);
        top_live_read(live, plan->clock, ctx->arena);
        rc = print_tick(ctx, o, plan, live, &screen, tick, err);
        if (rc < 0 || tick == plan->count)
            break;
        if (o->no_wait) {
            plan->stepped.now_ns += plan->interval_ns;
            continue;
        }
        int64_t rest = plan->interval_ns - (plan->clock.monotonic_ns(plan->clock.ctx) - begun);
        sleep_ns(rest > 0 ? rest : 0);
    }
    return rc;
}

/* ---- The command ----------------------------------------------------------------------------- */

static int show_live(const struct top_options *o, const struct plan *plan, struct top_live *live,
                     struct wtl_context *ctx, struct wtl_error *err)
{
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        int rc = WTL_FAIL(err, WTL_USAGE, "standard input and output are no terminal");
        wtl_error_hint(err, "--once prints one screen, --batch one at each reading, --json data");
        return rc;
    }
    const char *no_color = getenv("NO_COLOR");
    struct top_terminal terminal = {.ascii = is_ascii(o),
                                    .colour = !o->mono && !(no_color && *no_color)};
    return top_live_run(live, plan->clock, plan->interval_ns, plan->count, &terminal, ctx->arena,
                        err);
}

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    const struct top_options *o = ctx->options;
    struct plan plan;
    struct wtl_machine *machine = NULL;
    struct top_live live = {.has_book = !o->root};
    int rc = make_plan(ctx, o, &plan, err);
    if (rc < 0)
        return rc;
    rc = open_machine(o, &plan, &machine, err);
    if (rc == 0)
        rc = choose(ctx, o, machine, &live, err);
    if (rc == 0) {
        live.model->sort = plan.sort;
        top_ui_init(&live.ui, live.model, plan.interval_ns);
        rc = o->once || o->batch || ctx->json ? print_all(ctx, o, &plan, &live, err)
                                              : show_live(o, &plan, &live, ctx, err);
    }
    if (!live.abandoned)
        wtl_machine_close(machine);
    if (live.signal) /* the usual effect, now that the terminal is back */
        raise(live.signal);
    return rc;
}

const struct wtl_command wtl_cmd_top = {
    .name = "top",
    .summary = "Watch power, energy, clocks and who uses them, live",
    .synopsis = "[-i ID]... [options]",
    .description =
        "Shows every device: power against its limit, energy since the start, utilisation, memory, "
        "clocks, temperature, what holds the clock down, and the processes with their estimated "
        "power. It only reads. Keys and mouse are those of htop and nvtop; F1 shows them.\n\n"
        "A value that is not there is \"-\", and F2 says why. A device that does not answer never "
        "blocks the screen. Power of a process is an estimate: the least power seen without work "
        "is set apart, the rest is shared out by use of the SMs, and the sum is the board's "
        "power.\n\n"
        "Virtual devices (virtual:BOARD) and recorded ones (replay:FILE) say so; they are shown "
        "when -i names them.",
    .examples = "  wattle top\n"
                "  wattle top -i virtual:a100,load=resnet50\n"
                "  wattle top --once\n"
                "  wattle top --json -n 10 -d 500ms",
    .exit_codes = "3  no device here, or no live screen in this build",
    .opts = opts,
    .options_size = sizeof(struct top_options),
    .min_args = 0,
    .max_args = 0,
    .run = run,
};
