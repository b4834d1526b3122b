/* SPDX-License-Identifier: Apache-2.0
 * Commands as workloads: started for a point, listened to through their markers. */
#include "lab/workload.h"

#include "base/dirs.h"
#include "base/environment.h"
#include "base/process_group.h"
#include "lab/template.h"
#include "load/latency.h"
#include "telemetry/collector.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    MOST_REPLICAS = 48,
    POLITE_MS = 10000, /* between SIGTERM and SIGKILL */
    KILL_MS = 30000,   /* for drivers that give back a lot of memory first */
};

struct command_workload {
    const struct wtl_workload_spec *spec;
    struct wtl_machine *machine;
    const struct wtl_group *group; /* NULL: ours */
    struct wtl_shares *shares;     /* NULL: no share is set */
    struct wtl_clock clock;
    struct wtl_arena words;        /* of the present command */
    struct wtl_metering *metering; /* of no device: the sweep reads them itself */
    struct wtl_collector *collector;
    pid_t pids[MOST_REPLICAS];
    int replicas;
    double last_work;
    int64_t last_ns;
    double iterations; /* ends of work that were seen */
    int64_t latencies; /* that were looked at */
    struct wtl_latency *window;
    bool begun; /* `begin` is meant */
    struct wtl_group_time begin;
    int64_t begin_ns;
};

/* ---- Starting -------------------------------------------------------------------------------- */

static int fill_words(struct command_workload *w, const struct wtl_yaml_strings *from,
                      const struct wtl_lab_point *p, size_t room, const char ***out,
                      struct wtl_error *err)
{
    const char **words = WTL_NEW_ARRAY(&w->words, const char *, from->n + room + 1);
    if (!words)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < from->n; i++) {
        int rc = wtl_template_fill(&w->words, from->values[i], p, &words[i], err);
        if (rc < 0)
            return rc;
    }
    *out = words;
    return 0;
}

/* The environment of ours with the share's variables, the spec's, and the socket. */
static int fill_environment(struct command_workload *w, const struct wtl_lab_point *p,
                            const char *const **out, struct wtl_error *err)
{
    const struct wtl_yaml_strings *own = &w->spec->env;
    const char **filled = NULL, *const *share = NULL;
    size_t n = 0, n_share = 0;
    int rc = fill_words(w, own, p, 0, &filled, err);
    if (rc < 0)
        return rc;
    if (w->shares)
        share = wtl_shares_variables(w->shares, &w->words, &n_share);
    const char *socket =
        wtl_arena_printf(&w->words, "WATTLE_MARKERS=%s", wtl_collector_socket(w->collector));
    const char **all = WTL_NEW_ARRAY(&w->words, const char *, n_share + own->n + 1);
    if (!socket || !all || (w->shares && !share))
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < n_share; i++)
        all[n++] = share[i];
    for (size_t i = 0; i < own->n; i++)
        all[n++] = filled[i];
    all[n++] = socket;
    const char *const *environment = wtl_environment_with(&w->words, all, n);
    if (!environment)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    *out = environment;
    return 0;
}

/* In the child: a process group of its own, which ends with us; nothing on our standard output.
 * Begins when a byte comes through the gate, and not at all when the gate closes without. */
static void become(const char *const *words, const char *const *environment, int gate)
{
    char byte;
    union {
        const char *const *in;
        char *const *out;
    } argv = {.in = words}, env = {.in = environment};
    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* also of one that ignores signals, or is stopped */
    if (read(gate, &byte, 1) != 1)
        _exit(126);
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0) {
        (void)dup2(null, STDIN_FILENO);
        (void)dup2(null, STDOUT_FILENO);
    }
    for (int s = 1; s < NSIG; s++)
        (void)signal(s, SIG_DFL);
    (void)execvpe(words[0], argv.out, env.out);
    _exit(errno == ENOENT ? 127 : 126);
}

static int start_one(struct command_workload *w, const char *const *words,
                     const char *const *environment, struct wtl_error *err)
{
    int gate[2];
    if (pipe2(gate, O_CLOEXEC) != 0)
        return WTL_FAIL(err, WTL_FAILED, "cannot start %s: %s", words[0], strerror(errno));
    const pid_t pid = fork();
    if (pid == 0) {
        (void)close(gate[1]);
        become(words, environment, gate[0]);
    }
    int rc =
        pid < 0 ? WTL_FAIL(err, WTL_FAILED, "cannot start %s: %s", words[0], strerror(errno)) : 0;
    if (pid > 0) {
        (void)setpgid(pid, pid); /* whoever is first */
        w->pids[w->replicas++] = pid;
    }
    if (rc == 0 && w->group)
        rc = wtl_group_add(w->group, pid, err);
    if (rc == 0 && write(gate[1], "", 1) != 1)
        rc = WTL_FAIL(err, WTL_FAILED, "cannot start %s: %s", words[0], strerror(errno));
    (void)close(gate[0]);
    (void)close(gate[1]);
    return rc;
}

static int listen_to(struct command_workload *w, struct wtl_error *err)
{
    char dir[WTL_LIMIT_PATH];
    const struct wtl_metering_options none = {.clock = w->clock};
    int rc = wtl_metering_start(wtl_alloc_system(), w->machine, NULL, 0, &none, &w->metering, err);
    rc = rc ? rc : wtl_dir_make(WTL_DIR_RUN, NULL, dir, err);
    const struct wtl_collector_options options = {
        .clock = w->clock, .metering = w->metering, .socket_dir = dir};
    rc = rc ? rc : wtl_collector_start(wtl_alloc_system(), &options, &w->collector, err);
    if (rc == 0)
        (void)wtl_collector_begin(w->collector, 0);
    return rc;
}

/* ---- Ending ---------------------------------------------------------------------------------- */

static int unload(void *state, struct wtl_error *err)
{
    struct command_workload *w = state;
    const size_t n = (size_t)w->replicas;
    const bool shared = w->shares && n > 0;
    if (shared && !wtl_process_groups_ask(w->pids, n, POLITE_MS)) /* before they are killed */
        wtl_shares_terminate(w->shares, w->pids, w->replicas);
    const bool gone = wtl_process_groups_stop(w->pids, n, shared ? 0 : POLITE_MS, KILL_MS);
    wtl_collector_free(w->collector);
    (void)wtl_metering_stop(w->metering, WTL_NS_PER_S);
    w->collector = NULL;
    w->metering = NULL;
    w->replicas = 0;
    wtl_arena_fini(&w->words);
    if (gone)
        return 0;
    return WTL_FAIL(err, WTL_FAILED, "processes of %s do not end, though killed %d s ago",
                    w->spec->command.values[0], KILL_MS / 1000);
}

/* A workload that sees to its shares itself, and a point without one: no MPS. */
static int set_share(struct command_workload *w, const struct wtl_lab_point *p,
                     struct wtl_error *err)
{
    const bool has = w->spec->mps && wtl_point_has(&p->point, WTL_SETTING_share);
    return w->shares ? wtl_shares_set(w->shares, has ? p->point.value[WTL_SETTING_share] : 0, err)
                     : 0;
}

static int load(void *state, const struct wtl_lab_point *p, struct wtl_error *err)
{
    struct command_workload *w = state;
    const char **words = NULL, *const *environment = NULL;
    const bool several = wtl_point_has(&p->point, WTL_SETTING_replicas);
    const int replicas = several ? (int)lround(p->point.value[WTL_SETTING_replicas]) : 1;
    int rc = unload(w, err);
    wtl_arena_init(&w->words, wtl_alloc_system());
    w->last_work = w->iterations = 0;
    w->latencies = 0;
    w->begun = false;
    w->last_ns = w->clock.monotonic_ns(w->clock.ctx);
    rc = rc ? rc : set_share(w, p, err);
    rc = rc ? rc : listen_to(w, err);
    rc = rc ? rc : fill_words(w, &w->spec->command, p, 0, &words, err);
    rc = rc ? rc : fill_environment(w, p, &environment, err);
    for (int i = 0; rc == 0 && i < replicas && i < MOST_REPLICAS; i++)
        rc = start_one(w, words, environment, err);
    if (rc < 0)
        (void)unload(w, NULL);
    return rc;
}

/* ---- While it runs --------------------------------------------------------------------------- */

/* Work that is told in lines which cannot be understood is missing: nothing it adds up to is so. */
static int check_lines(const struct command_workload *w, const struct wtl_collector_progress *p,
                       struct wtl_error *err)
{
    if (!p->bad_line[0])
        return 0;
    return WTL_FAIL(err, WTL_PARSE, "%s sent \"%s\", which is no marker (docs/markers.md)",
                    w->spec->command.values[0], p->bad_line);
}

static void silence(void *state, char *text, size_t size)
{
    struct command_workload *w = state;
    const struct wtl_collector_progress p = wtl_collector_progress(w->collector);
    const char *name = w->spec->command.values[0];
    if (p.ends > 0 && p.ends_with_work == 0)
        (void)snprintf(text, size, "%s ended %lld window%s, none with work=N (docs/markers.md)",
                       name, (long long)p.ends, wtl_plural(p.ends));
    else if (p.ends > 0)
        (void)snprintf(text, size, "%s ended windows with work=0 alone (docs/markers.md)", name);
    else if (p.lines > 0)
        (void)snprintf(text, size, "%s sent %lld line%s and ended no window (docs/markers.md)",
                       name, (long long)p.lines, wtl_plural(p.lines));
    else
        (void)snprintf(text, size, "%s sent no markers to $WATTLE_MARKERS (docs/markers.md)", name);
}

/* One that ended stays in the table until unload(): its group may have others yet. */
static int check_alive(const struct command_workload *w, struct wtl_error *err)
{
    const char *name = w->spec->command.values[0];
    for (int i = 0; i < w->replicas; i++) {
        siginfo_t info = {0};
        if (waitid(P_PID, (id_t)w->pids[i], &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
            info.si_pid == 0)
            continue;
        if (info.si_code == CLD_EXITED)
            return WTL_FAIL(err, WTL_FAILED, "%s ended by itself, with status %d", name,
                            info.si_status);
        return WTL_FAIL(err, WTL_FAILED, "%s was ended by signal %d", name, info.si_status);
    }
    return 0;
}

static int ready(void *state, bool *ready_out, struct wtl_error *err)
{
    struct command_workload *w = state;
    const struct wtl_collector_progress p = wtl_collector_progress(w->collector);
    int rc = check_lines(w, &p, err);
    rc = rc ? rc : check_alive(w, err);
    if (rc == 0)
        *ready_out = p.ready || p.work > 0;
    return rc;
}

/* Stopped as a shell stops a job: all of its groups, with everything loaded. One that has ended is
 * found by check_alive(). */
static int work(void *state, bool on, struct wtl_error *err)
{
    const struct command_workload *w = state;
    if (!w->spec->pauses)
        return on ? 0 : WTL_FAIL(err, WTL_UNSUPPORTED, "%s is not to be paused", w->spec->name);
    for (int i = 0; i < w->replicas; i++)
        if (kill(-w->pids[i], on ? SIGCONT : SIGSTOP) != 0 && errno != ESRCH)
            return WTL_FAIL(err, WTL_FAILED, "cannot %s %s: %s", on ? "continue" : "stop",
                            w->spec->command.values[0], strerror(errno));
    return 0;
}

/* Work counts when it ends, and is known as of then: a window goes from one end to another. */
static int progress(void *state, struct wtl_work_done *out, struct wtl_error *err)
{
    struct command_workload *w = state;
    const struct wtl_collector_progress p = wtl_collector_progress(w->collector);
    int rc = check_lines(w, &p, err);
    rc = rc ? rc : check_alive(w, err);
    if (rc < 0)
        return rc;
    if (p.work > w->last_work) {
        w->last_work = p.work;
        w->last_ns = p.work_ns;
        w->iterations++;
    }
    *out = (struct wtl_work_done){
        .t_ns = w->last_ns, .work = w->last_work, .iterations = w->iterations};
    return 0;
}

/* Of the latencies that were told for ends of windows after `from_ns` and until `to_ns`. Windows
 * come one after the other, so that what is behind one is never asked for again. */
static int latencies(void *state, int64_t from_ns, int64_t to_ns, struct wtl_latencies *out,
                     struct wtl_error *err)
{
    enum { PART = 512 };
    struct command_workload *w = state;
    struct wtl_told_latency told[PART];
    struct wtl_latency_quantile q[WTL_LATENCY_ORDERS];
    size_t n;
    (void)err;
    memset(w->window, 0, sizeof *w->window);
    while ((n = wtl_collector_latencies(w->collector, &w->latencies, told, PART)) > 0)
        for (size_t i = 0; i < n; i++)
            if (told[i].t_ns > from_ns && told[i].t_ns <= to_ns)
                wtl_latency_add(w->window, (int64_t)(told[i].latency_s * 1e9));
    *out = (struct wtl_latencies){.n = w->window->n, .known = w->window->n > 0};
    for (int i = 0; out->known && i < WTL_LATENCY_ORDERS; i++)
        out->known = wtl_latency_quantile(w->window, wtl_latency_orders[i], &q[i]);
    if (out->known) {
        out->p50_s = q[0].value_s;
        out->p90_s = q[1].value_s;
        out->p95_s = q[2].value_s;
        out->p99_s = q[3].value_s;
    }
    return 0;
}

static void begin(void *state)
{
    struct command_workload *w = state;
    w->begin_ns = w->clock.monotonic_ns(w->clock.ctx);
    w->begun = w->group && wtl_group_time(w->group, &w->begin);
}

static bool remark(void *state, char *text, size_t size)
{
    struct command_workload *w = state;
    struct wtl_group_time end;
    double used = 0;
    const double s = (double)(w->clock.monotonic_ns(w->clock.ctx) - w->begin_ns) / 1e9;
    if (!w->begun || !wtl_group_time(w->group, &end) ||
        !wtl_group_starved(&w->begin, &end, s, &used))
        return false;
    (void)snprintf(text, size, "it had %.2f of %g CPUs, all CPUs being busy", used, end.quota);
    return true;
}

static bool owns(void *state, pid_t pid)
{
    const struct command_workload *w = state;
    const pid_t group = getpgid(pid);
    for (int i = 0; i < w->replicas; i++)
        if (group > 0 && group == w->pids[i])
            return true;
    return false;
}

static void close_workload(void *state)
{
    (void)unload(state, NULL);
}

static const struct wtl_workload_ops command_ops = {.load = load,
                                                    .ready = ready,
                                                    .work = work,
                                                    .progress = progress,
                                                    .latencies = latencies,
                                                    .begin = begin,
                                                    .remark = remark,
                                                    .silence = silence,
                                                    .owns = owns,
                                                    .unload = unload,
                                                    .close = close_workload};

int wtl_workload_command(struct wtl_arena *arena, const struct wtl_workload_spec *spec,
                         struct wtl_machine *machine, const struct wtl_group *group,
                         struct wtl_shares *shares, struct wtl_clock clock,
                         struct wtl_workload *out, struct wtl_error *err)
{
    struct command_workload *w = WTL_NEW(arena, struct command_workload);
    struct wtl_latency *window = WTL_NEW(arena, struct wtl_latency);
    if (!w || !window)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    *w = (struct command_workload){.spec = spec,
                                   .machine = machine,
                                   .group = spec->in_group ? group : NULL,
                                   .shares = shares,
                                   .clock = clock,
                                   .window = window};
    *out = (struct wtl_workload){.ops = &command_ops,
                                 .state = w,
                                 .pauses = spec->pauses,
                                 .told = wtl_template_parts(&spec->command) |
                                         wtl_template_parts(&spec->env)};
    return 0;
}
