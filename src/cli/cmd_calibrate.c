/* SPDX-License-Identifier: Apache-2.0
 * `wattle calibrate`: what a device's power sensor and counter are like, by themselves and beside a
 * meter. */
#include "base/process_group.h"
#include "base/secret.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "device/virtual/loads.h"
#include "device/virtual/truth.h"
#include "flow/sensor_facts.h"
#include "lab/time.h"
#include "simhost/profile.h"
#include "telemetry/against.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { GRACE_MS = 5000, KILL_MS = 1000 }; /* for the command to end; then for its end */

struct options {
    const char *id, *against;
    int waves, windows;
    struct wtl_opt_quantity warmup, window, accuracy;
    bool dry_run, alone;
};

#define AT(member) offsetof(struct options, member)

static const struct wtl_opt opts[] = {
    {"device", 'i', WTL_OPT_STRING, AT(id), "ID", "the device, as `wattle devices` names it"},
    {"waves", 0, WTL_OPT_INT, AT(waves), "N", "times that the load is switched on; default 24",
     WTL_UNIT_NONE, 6, 200},
    {"against", 0, WTL_OPT_STRING, AT(against), "DEVICE",
     "hold its joules against those of this meter: meter:..., redfish:..., ipmi:0, rapl:psys; for "
     "a "
     "virtual device of this process also \"truth\""},
    {"accuracy", 0, WTL_OPT_QUANTITY, AT(accuracy), "PERCENT",
     "how far the meter itself can be off, as its maker states it; --against needs it",
     WTL_UNIT_FRACTION, 0, 0.2},
    {"alone", 0, WTL_OPT_FLAG, AT(alone), NULL,
     "the meter sees this device and nothing else, as on its own supply rail"},
    {"windows", 0, WTL_OPT_INT, AT(windows), "N",
     "windows that are compared, with the load and without in turns; default 12", WTL_UNIT_NONE, 6,
     200},
    {"window", 0, WTL_OPT_QUANTITY, AT(window), "TIME",
     "length of one; default 5s, and 20 updates of the slower instrument", WTL_UNIT_SECOND, 0.1,
     3600},
    {"warmup", 0, WTL_OPT_QUANTITY, AT(warmup), "TIME",
     "how long the command runs before it is first stopped; default 5s", WTL_UNIT_SECOND, 0, 3600},
    {"dry-run", 'n', WTL_OPT_FLAG, AT(dry_run), NULL, "print what was found, and keep nothing"},
    {0},
};

/* ---- A virtual device: its own load, in simulated time --------------------------------------- */

struct virtual_world {
    struct wtl_simulated_time simulated;
    struct wtl_lab_time time;
    struct wtl_device *device;
};

static int virtual_wait(void *ctx, int64_t until_ns, struct wtl_error *err)
{
    struct virtual_world *w = ctx;
    bool stopped = false;
    return w->time.wait(w->time.ctx, until_ns, &stopped, err);
}

enum { VIRTUAL_PID = 1 << 22 };

static int virtual_load(void *ctx, bool on, struct wtl_error *err)
{
    struct virtual_world *w = ctx;
    struct wtl_sim_gpu *gpu = wtl_virtual_board(w->device);
    if (!wtl_sim_find(gpu, VIRTUAL_PID)) {
        struct wtl_sim_process p = {.pid = VIRTUAL_PID, .instance = -1, .tenant = {.share = 1}};
        wtl_sim_workload_plain(&p.tenant.workload);
        p.tenant.batch = p.tenant.workload.batch_default;
        int rc = wtl_sim_attach(gpu, &p, err);
        if (rc < 0)
            return rc;
    }
    return wtl_sim_set_load(gpu, VIRTUAL_PID, 8, on ? 0 : 1e-6, (struct wtl_sim_pattern){0}, err);
}

/* ---- A command, stopped and continued ---------------------------------------------------------
 */

struct command_world {
    struct wtl_clock clock;
    pid_t pid;
};

static int command_wait(void *ctx, int64_t until_ns, struct wtl_error *err)
{
    const struct command_world *w = ctx;
    int64_t now = w->clock.monotonic_ns(w->clock.ctx);
    siginfo_t info = {0};
    if (wtl_interrupt_noted())
        return WTL_FAIL(err, WTL_FAILED, "told to end before anything was known");
    if (waitid(P_PID, (id_t)w->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0)
        return WTL_FAIL(err, WTL_FAILED,
                        "the command ended while it was needed: it must work until it is told to "
                        "end");
    if (until_ns > now) {
        struct timespec t = {(until_ns - now) / WTL_NS_PER_S, (until_ns - now) % WTL_NS_PER_S};
        (void)nanosleep(&t, NULL);
    }
    return 0;
}

static int command_load(void *ctx, bool on, struct wtl_error *err)
{
    const struct command_world *w = ctx;
    if (kill(-w->pid, on ? SIGCONT : SIGSTOP) == 0 || errno == ESRCH)
        return 0;
    return WTL_FAIL(err, WTL_FAILED, "the command cannot be %s: %s", on ? "continued" : "stopped",
                    strerror(errno));
}

/* In a process group of its own, with the usual effect of signals. */
static int start(const char *const *words, pid_t *pid_out, struct wtl_error *err)
{
    WTL_ARENA(arena);
    char **environment = wtl_secret_environment(&arena);
    union { /* posix_spawnp takes the strings as not const, and leaves them alone */
        const char *const *in;
        char *const *out;
    } args = {words};
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    if (!environment || posix_spawnattr_init(&attributes) != 0)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                    POSIX_SPAWN_SETSIGDEF);
    (void)posix_spawnattr_setpgroup(&attributes, 0);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setsigdefault(&attributes, &all);
    int why = posix_spawnp(pid_out, words[0], NULL, &attributes, args.out, environment);
    (void)posix_spawnattr_destroy(&attributes);
    if (why != 0)
        return WTL_FAIL(err, why == ENOENT ? WTL_NOTFOUND : WTL_PERMISSION, "cannot run \"%s\": %s",
                        words[0], strerror(why));
    return 0;
}

/* ---- Both ------------------------------------------------------------------------------------ */

static const char TRUTH[] = "truth";

/* The device, and the meter beside it. */
struct instruments {
    struct wtl_machine *machine;
    struct wtl_device *device, *meter; /* NULL: none is asked for */
};

/* What lives in this process alone has nothing to keep but its gain: a card's name holds its
 * seed. */
static bool keeps(const struct options *o, const struct wtl_device_info *info)
{
    return !o->dry_run && (o->against || !(info->flags & WTL_DEVICE_EPHEMERAL));
}

static int open_instruments(struct wtl_context *ctx, struct wtl_clock clock,
                            const struct options *q, struct instruments *t, struct wtl_error *err)
{
    const bool true_meter = q->against && strcmp(q->against, TRUTH) == 0;
    const char *only[] = {q->id, true_meter ? NULL : q->against, NULL};
    const struct wtl_machine_options o = {.clock = clock, .only = only};
    int rc = wtl_machine_open(ctx->arena->alloc, &o, &t->machine, err);
    rc = rc ? rc : wtl_machine_find(t->machine, q->id, &t->device, err);
    if (rc == 0 && true_meter)
        rc = wtl_virtual_add_truth(t->machine, t->device, &t->meter, err);
    else if (rc == 0 && q->against)
        rc = wtl_machine_find(t->machine, q->against, &t->meter, err);
    if (rc == 0 && t->meter == t->device)
        rc = WTL_FAIL(err, WTL_USAGE, "%s cannot be held against itself", q->id);
    if (rc == 0 && keeps(q, wtl_device_info(t->device)))
        rc = wtl_sensor_facts_can_save(wtl_device_info(t->device), err);
    return rc;
}

/* What was known stays, but for what is found out now. */
static int find_out(struct wtl_context *ctx, const struct options *o,
                    const struct wtl_learn_options *by, const struct instruments *t,
                    struct wtl_sensor_facts *facts, struct wtl_error *err)
{
    struct wtl_sensor_facts learned;
    *facts = (struct wtl_sensor_facts){.metric = WTL_N_METRICS};
    bool known = wtl_sensor_facts_load(wtl_device_info(t->device), NULL, facts);
    if (t->meter) {
        const struct wtl_against_options against = {
            .by = *by,
            .facts = known ? facts : NULL,
            .windows = o->windows,
            .window_ns = o->window.given ? (int64_t)(1e9 * o->window.value) : 0,
            .accuracy = o->accuracy.value,
            .alone = o->alone};
        return wtl_hold_against(ctx->arena, t->device, t->meter, &against, &facts->calibration,
                                err);
    }
    int rc = wtl_learn_sensors(ctx->arena, t->device, by, &learned, err);
    if (rc < 0)
        return rc;
    learned.calibration = facts->calibration;
    *facts = learned;
    return 0;
}

static int learn_virtual(struct wtl_context *ctx, const struct options *o,
                         struct wtl_device_info *info_out, struct wtl_sensor_facts *facts_out,
                         struct wtl_error *err)
{
    struct virtual_world w = {.simulated = {.start_unix_ns = ctx->clock.wall_ns(ctx->clock.ctx)}};
    struct instruments t = {0};
    w.time = wtl_simulated_time(&w.simulated);
    int rc = 0;
    if (o->against && strcmp(o->against, TRUTH) != 0) {
        rc = WTL_FAIL(err, WTL_USAGE,
                      "%s without a command has a load in simulated time, which %s "
                      "knows nothing of",
                      o->id, o->against);
        wtl_error_hint(err, "-- COMMAND keeps a device busy; --against truth is for virtual ones");
    }
    rc = rc ? rc : open_instruments(ctx, w.time.clock, o, &t, err);
    w.device = t.device;
    if (rc == 0 && !wtl_virtual_board(w.device)) {
        rc = WTL_FAIL(err, WTL_USAGE, "%s needs a command that keeps it busy", o->id);
        wtl_error_hint(err, "wattle calibrate -i %s -- COMMAND", o->id);
    }
    const struct wtl_learn_options by = {.clock = w.time.clock,
                                         .ctx = &w,
                                         .wait = virtual_wait,
                                         .load = virtual_load,
                                         .waves = o->waves};
    rc = rc ? rc : find_out(ctx, o, &by, &t, facts_out, err);
    if (rc == 0)
        *info_out = *wtl_device_info(t.device);
    wtl_machine_close(t.machine);
    return rc;
}

static int learn_by_command(struct wtl_context *ctx, const struct options *o,
                            struct wtl_device_info *info_out, struct wtl_sensor_facts *facts_out,
                            struct wtl_error *err)
{
    struct command_world w = {.clock = ctx->clock};
    struct instruments t = {0};
    int rc = open_instruments(ctx, ctx->clock, o, &t, err);
    if (rc == 0) {
        wtl_interrupt_hold(); /* a command that was left stopped would be a nuisance */
        rc = start(ctx->child, &w.pid, err);
    }
    if (rc < 0) {
        wtl_machine_close(t.machine);
        return rc;
    }
    int64_t until = ctx->clock.monotonic_ns(ctx->clock.ctx) +
                    (int64_t)(1e9 * (o->warmup.given ? o->warmup.value : 5));
    while (rc == 0 && ctx->clock.monotonic_ns(ctx->clock.ctx) < until)
        rc = command_wait(&w, ctx->clock.monotonic_ns(ctx->clock.ctx) + WTL_NS_PER_S / 10, err);
    const struct wtl_learn_options by = {.clock = ctx->clock,
                                         .ctx = &w,
                                         .wait = command_wait,
                                         .load = command_load,
                                         .waves = o->waves};
    rc = rc ? rc : find_out(ctx, o, &by, &t, facts_out, err);
    if (rc == 0)
        *info_out = *wtl_device_info(t.device);
    (void)wtl_process_groups_stop(&w.pid, 1, GRACE_MS, KILL_MS);
    wtl_machine_close(t.machine);
    return rc;
}

/* ---- Telling --------------------------------------------------------------------------------- */

static void print_one_gain(FILE *out, const char *what, const struct wtl_gain *g)
{
    if (!g->known)
        return;
    fprintf(out, "  %-9s gain %.4f (%.4f to %.4f)", what, g->value, g->lo, g->hi);
    if (fabs(g->offset_w) > 0)
        fprintf(out, ", and %+.2f W", g->offset_w);
    fputc('\n', out);
}

static void print_calibration(FILE *out, const struct wtl_calibration *c, bool kept)
{
    const struct wtl_gain *g = c->counter.known ? &c->counter : &c->power;
    fprintf(out, "  against   %s, which is up to %.2g %% off and sees %s\n", c->meter,
            100 * c->accuracy, c->alone ? "this device alone" : "what is around it as well");
    fprintf(out, "  windows   %d of %.3g s: %.4g W without the load, %.4g W with it\n",
            c->n_windows, c->window_s, c->low_w, c->high_w);
    print_one_gain(out, "counter", &c->counter);
    print_one_gain(out, "power", &c->power);
    if (!c->alone)
        fprintf(out, "  rest      %.4g W whatever the load does\n", c->rest_w);
    const double busy_w = (c->high_w - c->rest_w - g->offset_w) / g->value;
    fprintf(out, "  joules    %s, and under this load up to %.2g %% off\n",
            kept ? "are corrected from now on" : "would be corrected by it",
            100 * wtl_calibration_bound(c, g, busy_w));
    if (!c->alone)
        wtl_print_wrapped(out,
                          "In the gain is all that follows the load at this meter: losses of the "
                          "power supply, fans, the CPU that feeds the device. Corrected joules are "
                          "those at the meter.",
                          2, 80);
}

static void print(struct wtl_context *ctx, const struct wtl_device_info *info,
                  const struct wtl_sensor_facts *f, const struct options *o, const char *path)
{
    const bool against = o->against != NULL;
    fprintf(ctx->out, "%s (%s)\n", info->name, info->id);
    if (against)
        print_calibration(ctx->out, &f->calibration, path != NULL);
    if (f->has_power && !against)
        fprintf(ctx->out,
                "  power     published every %.3g ms, the mean of %.3g ms, %.3g ms late\n"
                "            %.4g W without the load, %.4g W with it; %.1f %% of the variance of "
                "%d values unexplained\n",
                1e-6 * (double)f->power.period_ns, 1e-6 * (double)f->power.window_ns,
                1e-6 * (double)f->power.lag_ns, f->low_w, f->high_w, 100 * f->unexplained, f->n);
    if (f->has_counter && !against)
        fprintf(ctx->out, "  counter   ticks every %.3g ms, %.3g ms late\n",
                1e-6 * (double)f->counter.period_ns, 1e-6 * (double)f->counter.lag_ns);
    if (path)
        fprintf(ctx->out, "  kept      %s\n", path);
    else if (o->dry_run)
        fprintf(ctx->out, "  not kept  --dry-run\n");
    else if (!keeps(o, info))
        fprintf(ctx->out,
                "  not kept  it lives in this command alone; `stat`, `record` and `sweep` "
                "know its profile\n");
}

static int check(const struct options *o, struct wtl_error *err)
{
    if (!o->id)
        return WTL_FAIL(err, WTL_USAGE, "which device? --device ID, as `wattle devices` names it");
    if (!o->against && (o->alone || o->accuracy.given || o->windows || o->window.given))
        return WTL_FAIL(err, WTL_USAGE,
                        "--accuracy, --alone, --windows and --window belong to "
                        "--against DEVICE");
    if (o->against && !o->accuracy.given)
        return WTL_FAIL(err, WTL_USAGE,
                        "how far can %s be off? --accuracy PERCENT, as its maker "
                        "states it",
                        o->against);
    return 0;
}

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    const struct options *o = ctx->options;
    struct wtl_device_info info;
    struct wtl_sensor_facts facts;
    char path[WTL_LIMIT_PATH];
    int rc = check(o, err);
    if (rc < 0)
        return rc;
    rc = ctx->child ? learn_by_command(ctx, o, &info, &facts, err)
                    : learn_virtual(ctx, o, &info, &facts, err);
    if (rc < 0)
        return rc;
    const int64_t wall = ctx->clock.wall_ns(ctx->clock.ctx);
    const bool keep = keeps(o, &info);
    /* A disk may be full by now: what was found in minutes is printed all the same. */
    const int saved = keep ? wtl_sensor_facts_save(&info, &facts, wall, path, err) : 0;
    if (!ctx->json)
        print(ctx, &info, &facts, o, keep && saved == 0 ? path : NULL);
    else
        rc = wtl_print_json(ctx, wtl_sensor_facts_json(&info, &facts, wall), saved ? NULL : err);
    return saved ? saved : rc;
}

const struct wtl_command wtl_cmd_calibrate = {
    .name = "calibrate",
    .summary = "Find out how a device's power sensor measures",
    .synopsis = "-i ID [--against DEVICE --accuracy PERCENT] [-- COMMAND ARG...]",
    .description =
        "Switches a load on and off at known moments and finds from the sensor's answer how often "
        "it publishes, over which window a value is the mean, and how late it is; likewise for the "
        "energy counter. What was found is kept, and `wattle stat` uses it: intervals are then "
        "smaller, and windows are where they were.\n\n"
        "The load is the command: it must keep the device busy until it is told to end, and is "
        "stopped and continued with signals (SIGSTOP, SIGCONT) 24 times. Nothing else may use the "
        "device meanwhile. No knob is moved. A virtual device of this process needs no command.\n\n"
        "With --against the load goes up and down in longer windows, and the device's joules are "
        "held against those of a meter. A line through the windows parts what the machine draws "
        "anyway from the gain of the device's sensor, which a card has off by up to 5 %. The gain "
        "is "
        "kept with the facts above: `stat`, `record` and `sweep` multiply joules by it and say how "
        "far they can be off then. Savings and other ratios on one card do not change. Windows "
        "that "
        "do not determine it are refused. Unless the meter sees the device alone, what else "
        "follows "
        "the load is in the gain: losses of the power supply, fans, the CPU.",
    .examples = "  wattle calibrate -i 0 -- ./burn --forever    # GPU 0 of the vendor's tools\n"
                "  wattle calibrate -i 0 --against meter:ptd:analyser --accuracy 0.5% -- ./burn\n"
                "                                               # its gain at the wall\n"
                "  wattle calibrate -i virtual:a100             # what its profile says",
    .exit_codes = "7  the sensors' answer does not tell, or the windows determine no gain\n"
                  "125  with -- COMMAND: a failure of calibrate, whatever it is",
    .opts = opts,
    .options_size = sizeof(struct options),
    .takes_child = true,
    .run = run,
};
