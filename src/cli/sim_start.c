/* SPDX-License-Identifier: Apache-2.0
 * `wattle sim start`: forks the host of a machine room and returns when it can be used. */
#include "cli/sim.h"

#include "base/detach.h"
#include "base/dirs.h"
#include "base/file.h"
#include "base/text.h"
#include "codec/json.h"
#include "sim/readings.h"
#include "simhost/host.h"
#include "simhost/profile.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

struct options {
    struct wtl_opt_list gpus;
    const char *workload;
    struct wtl_sim_cli_load load;
    int seed;
    bool calibrated, no_persistence, foreground;
};

#define AT(member) offsetof(struct options, member)

static const struct wtl_opt opts[] = {
    {.name = "gpu",
     .letter = 'g',
     .type = WTL_OPT_LIST,
     .arg = "BOARD,...",
     .offset = AT(gpus),
     .help = "boards in order: a100, v100, h100, 3080ti, p40, or the path of a profile; may be "
             "repeated (a100,v100)"},
    {.name = "workload",
     .letter = 'w',
     .type = WTL_OPT_STRING,
     .arg = "NAME",
     .offset = AT(workload),
     .help = "a load on every GPU from the start, as `wattle sim load` has it"},
    WTL_SIM_OPT_SHARE(struct options, load, "MPS share of that load (100%)"),
    WTL_SIM_OPT_BATCH(struct options, load, "its batch size (the workload's own)"),
    WTL_SIM_OPT_RATE(struct options, load, "work that arrives (as much as it can do)"),
    {.name = "seed",
     .type = WTL_OPT_INT,
     .min = 0,
     .max = 1e9,
     .arg = "N",
     .offset = AT(seed),
     .help = "which cards: UUIDs, sensor gains, deviations from the calibration (1)"},
    {.name = "calibrated",
     .type = WTL_OPT_FLAG,
     .offset = AT(calibrated),
     .help = "cards exactly as calibrated, without the 5-10 % that no predictor knows"},
    {.name = "no-persistence",
     .type = WTL_OPT_FLAG,
     .offset = AT(no_persistence),
     .help = "no persistence mode: settings are lost when the last NVML client leaves an idle GPU"},
    {.name = "foreground",
     .type = WTL_OPT_FLAG,
     .offset = AT(foreground),
     .help = "stay until a signal or `wattle sim stop` instead of running in the background"},
    {0},
};

static const struct options defaults = {.seed = 1, .load.instance = -1};

/* ---- Boards ---------------------------------------------------------------------------------- */

/* The names of the options, taken apart at commas. */
static int collect_boards(struct wtl_context *ctx, const struct options *o,
                          struct wtl_sim_board **boards_out, size_t *n_out, struct wtl_error *err)
{
    static const char *const usual[] = {"a100,v100"};
    const struct wtl_opt_list asked =
        o->gpus.n ? o->gpus : (struct wtl_opt_list){(const char **)(uintptr_t)usual, 1};
    struct wtl_sim_board *boards = WTL_NEW_ARRAY(ctx->arena, struct wtl_sim_board, WTL_ROOM_GPUS);
    size_t n = 0;
    if (!boards)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < asked.n; i++) {
        bool more = true;
        for (const char *p = asked.items[i]; more;) {
            size_t length = strcspn(p, ",");
            const char *name = wtl_arena_strndup(ctx->arena, p, length);
            if (!name)
                return WTL_FAIL(err, WTL_NOMEM, "out of memory");
            if (length == 0)
                return WTL_FAIL(err, WTL_USAGE, "--gpu \"%s\": a name is empty", asked.items[i]);
            if (n == WTL_ROOM_GPUS)
                return WTL_FAIL(err, WTL_USAGE, "a machine room has at most %d GPUs",
                                WTL_ROOM_GPUS);
            int rc = wtl_sim_profile_board(name, &boards[n], err);
            if (rc < 0)
                return rc;
            n++;
            more = p[length] == ',';
            p += length + more;
        }
    }
    if (n == 0)
        return WTL_FAIL(err, WTL_USAGE, "--gpu names no board");
    *boards_out = boards;
    *n_out = n;
    return 0;
}

/* ---- The host's process ---------------------------------------------------------------------- */

struct start {
    struct wtl_simhost_options host;
    int lock_fd;
    int ready_fd; /* of the host: where it says that it is ready, or why not; -1: nobody asks */
};

static void say_ready(void *ctx)
{
    struct start *s = ctx;
    const struct wtl_error none = {0};
    if (s->ready_fd < 0)
        return;
    (void)!write(s->ready_fd, &none, sizeof none);
    close(s->ready_fd);
    s->ready_fd = -1;
}

/* Signals that end the host come out of a descriptor. */
static int signal_descriptor(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    return sigprocmask(SIG_BLOCK, &set, NULL) == 0 ? signalfd(-1, &set, SFD_CLOEXEC) : -1;
}

static int be_host(struct start *s, struct wtl_error *err)
{
    s->host.stop_fd = signal_descriptor();
    if (s->host.stop_fd < 0)
        return WTL_FAIL(err, WTL_FAILED, "cannot set up signals: %s", strerror(errno));
    int rc = wtl_simhost_run(&s->host, s->lock_fd, err);
    close(s->host.stop_fd);
    return rc;
}

/* In the background: no terminal, no directory, no descriptor of the caller's is kept. */
static void background(struct start *s)
{
    struct wtl_error err = {0};
    int kept[] = {s->lock_fd, s->ready_fd};
    wtl_detach(kept, 2);
    s->lock_fd = kept[0];
    s->ready_fd = kept[1];
    int rc = be_host(s, &err);
    if (rc < 0 && s->ready_fd >= 0)
        (void)!write(s->ready_fd, &err, sizeof err);
    _exit(rc < 0);
}

/* The host's word: 0, or its error. */
static int wait_ready(int fd, struct wtl_error *err)
{
    struct wtl_error said;
    ssize_t n;
    do
        n = read(fd, &said, sizeof said);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof said)
        return WTL_FAIL(err, WTL_FAILED, "the host of the machine room died at its start");
    if (said.code != WTL_OK)
        *err = said;
    return -(int)said.code;
}

static int fork_host(struct start *s, struct wtl_error *err)
{
    int ends[2];
    fflush(NULL);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return WTL_FAIL(err, WTL_FAILED, "cannot make a pipe: %s", strerror(errno));
    pid_t pid = fork();
    if (pid == 0) {
        s->ready_fd = ends[1];
        background(s);
    }
    int why = errno;
    close(ends[1]);
    int rc = pid < 0 ? WTL_FAIL(err, WTL_FAILED, "cannot make a process: %s", strerror(why))
                     : wait_ready(ends[0], err);
    close(ends[0]);
    if (rc < 0 && pid > 0)
        (void)waitpid(pid, NULL, 0);
    return rc;
}

/* ---- What was started ------------------------------------------------------------------------ */

static json_t *gpu_json(const struct wtl_sim_gpu *gpu)
{
    char uuid[WTL_SIM_UUID];
    return json_pack("{s:i, s:o, s:o, s:s}", "index", gpu->index, "name",
                     wtl_json_text(gpu->board.name), "board", wtl_json_text(gpu->board.short_name),
                     "uuid", wtl_sim_uuid(gpu, uuid));
}

static int show(struct wtl_context *ctx, const struct wtl_room *room, const char *dir,
                struct wtl_error *err)
{
    struct wtl_sim_gpu *gpu = WTL_NEW(ctx->arena, struct wtl_sim_gpu);
    char library[WTL_LIMIT_PATH], uuid[WTL_SIM_UUID];
    int rc =
        gpu ? wtl_sim_cli_library_dir(library, err) : WTL_FAIL(err, WTL_NOMEM, "out of memory");
    if (rc < 0)
        return rc;
    json_t *gpus = json_array();
    unsigned n = room->head->n_gpus;
    if (!ctx->json)
        fprintf(ctx->out, "virtual machine room with %u GPU%s, process %d\n", n, wtl_plural(n),
                (int)room->head->host_pid);
    for (unsigned i = 0; i < n && rc == 0; i++) {
        rc = wtl_room_copy(room, i, gpu, err);
        if (rc == 0)
            wtl_json_add(&gpus, gpu_json(gpu));
        if (rc == 0 && !ctx->json)
            fprintf(ctx->out, "  %u  %-28s  %s\n", i, gpu->board.name, wtl_sim_uuid(gpu, uuid));
    }
    if (rc < 0 || ctx->json) {
        json_t *root =
            json_pack("{s:o, s:o, s:i, s:o}", "directory", wtl_json_text(dir), "library",
                      wtl_json_text(library), "pid", (int)room->head->host_pid, "gpus", gpus);
        if (rc == 0)
            return wtl_print_json(ctx, root, err);
        json_decref(root);
        return rc;
    }
    json_decref(gpus);
    fputs("\nnext:\n"
          "  wattle devices             what wattle sees of it\n"
          "  wattle sim load NAME       give it something to do\n"
          "  eval \"$(wattle sim env)\"   other NVML clients of this shell see it, too\n"
          "  wattle sim stop            end it\n",
          ctx->out);
    return 0;
}

/* A load on each GPU; when one cannot be, there shall be no room either. */
static int start_loads(struct wtl_room *room, const struct options *o, struct wtl_error *err)
{
    int rc = 0, pid;
    for (unsigned i = 0; o->workload && i < room->head->n_gpus && rc == 0; i++)
        rc = wtl_sim_cli_load(room, (int)i, o->workload, &o->load, &pid, err);
    if (rc < 0) {
        struct wtl_room_request stop = wtl_room_request(WTL_ROOM_STOP, -1);
        (void)wtl_room_ask(room, &stop, NULL, NULL);
    }
    return rc;
}

static int check_options(const struct options *o, struct wtl_error *err)
{
    bool about_load = o->load.share.given || o->load.batch || o->load.rate.given;
    if (about_load && !o->workload)
        return WTL_FAIL(err, WTL_USAGE, "--share, --batch and --rate are about a --workload");
    if (o->workload && o->foreground)
        return WTL_FAIL(err, WTL_USAGE, "--foreground starts no --workload: use `wattle sim load`");
    return 0;
}

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    const struct options *o = ctx->options;
    struct start s = {.lock_fd = -1, .ready_fd = -1};
    struct wtl_sim_board *boards = NULL;
    char dir[WTL_LIMIT_PATH];
    size_t n = 0;
    int rc = check_options(o, err);
    if (rc == 0)
        rc = collect_boards(ctx, o, &boards, &n, err);
    if (rc == 0)
        rc = wtl_dir_make(WTL_DIR_RUN, "sim", dir, err);
    if (rc == 0)
        rc = wtl_simhost_take(dir, &s.lock_fd, err);
    if (rc < 0)
        return rc;
    s.host = (struct wtl_simhost_options){.dir = dir,
                                          .clock = ctx->clock,
                                          .boards = boards,
                                          .n = n,
                                          .seed = (uint64_t)o->seed,
                                          .calibrated = o->calibrated,
                                          .persistence = !o->no_persistence,
                                          .ready = say_ready,
                                          .ctx = &s};
    struct wtl_room room = {0};
    if (o->foreground) {
        rc = be_host(&s, err);
    } else {
        rc = fork_host(&s, err);
        close(s.lock_fd);
        if (rc == 0)
            rc = wtl_room_open(dir, &room, err);
        if (rc == 0)
            rc = start_loads(&room, o, err);
        if (rc == 0 && (ctx->json || ctx->verbosity >= 0))
            rc = show(ctx, &room, dir, err);
    }
    wtl_room_close(&room);
    return rc;
}

const struct wtl_command wtl_cmd_sim_start = {
    .name = "sim start",
    .summary = "Start virtual GPUs in real time",
    .synopsis = "[--gpu BOARD,...] [--workload NAME] [options]",
    .description =
        "Starts a machine room and returns when it can be used. Without --gpu it has an A100 and a "
        "V100. One room runs in a run directory ($WATTLE_RUN_DIR, else /run/wattle for root, else "
        "$XDG_RUNTIME_DIR/wattle): root's is for everybody on the machine, anybody else's for "
        "himself. Settings may be changed by root and by who started it.\n\n"
        "\"plain\" is a board of no product, for tests.",
    .examples = "  wattle sim start\n"
                "  wattle sim start --gpu v100 --workload resnet50 --batch 8\n"
                "  wattle sim start --gpu a100,a100,a100,a100 --seed 7",
    .opts = opts,
    .options_size = sizeof(struct options),
    .defaults = &defaults,
    .max_args = 0,
    .run = run,
};
