/* SPDX-License-Identifier: Apache-2.0
 * MPS for the commands of a sweep. */
#include "lab/shares.h"

#include "base/dirs.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct wtl_shares {
    struct wtl_mps_world world;
    struct wtl_mps_control control; /* of whichever daemon it is */
    const char *text;
    const char *devices, *purpose;
    bool ours;
    struct wtl_mps_daemon daemon; /* ours */
    double share;                 /* present; 0: none */
    bool unknown;                 /* setting it failed */
};

/* ---- Whose daemon ---------------------------------------------------------------------------- */

/* Whether one answers in that folder. A daemon that hangs there is an error: where a CUDA program
 * would find it, another one beside it is no help. */
static int look_in(struct wtl_shares *s, const char *pipe_dir, const char *log_dir, bool *found,
                   struct wtl_error *err)
{
    const struct wtl_mps_control c = {.program = s->world.program,
                                      .pipe_dir = pipe_dir,
                                      .log_dir = log_dir,
                                      .clock = s->world.clock};
    int rc = wtl_mps_answers(&c, err);
    *found = rc == 0;
    if (rc == 0)
        s->control = c;
    return rc == -(int)WTL_NOTFOUND ? 0 : rc;
}

static int find_standing(struct wtl_shares *s, struct wtl_arena *arena, bool *found,
                         struct wtl_error *err)
{
    struct wtl_mps_entry *entries = NULL;
    size_t n = 0;
    int rc = wtl_mps_records(s->world.state_dir, arena, &entries, &n, err);
    for (size_t i = 0; rc == 0 && !*found && i < n; i++) {
        const struct wtl_mps_record *r = &entries[i].record;
        if (!entries[i].readable || !r->standing || wtl_mps_record_judge(r) != WTL_MPS_STANDING)
            continue;
        const char *pipe_dir = wtl_arena_printf(arena, "%s/pipe", r->dir);
        const char *log_dir = wtl_arena_printf(arena, "%s/log", r->dir);
        rc = pipe_dir && log_dir ? look_in(s, pipe_dir, log_dir, found, err)
                                 : WTL_FAIL(err, WTL_NOMEM, "out of memory");
    }
    return rc;
}

/* One that was there before us. */
static int find_daemon(struct wtl_shares *s, struct wtl_arena *arena, bool *found,
                       struct wtl_error *err)
{
    const char *by_hand = wtl_environment("CUDA_MPS_PIPE_DIRECTORY");
    int rc = by_hand ? look_in(s, by_hand, NULL, found, err) : 0;
    if (rc == 0 && !*found)
        rc = find_standing(s, arena, found, err);
    if (rc == 0 && !*found)
        rc = look_in(s, WTL_MPS_DEFAULT_PIPE_DIR, NULL, found, err);
    return rc;
}

/* ---- Opening --------------------------------------------------------------------------------- */

int wtl_shares_tidy(const struct wtl_mps_world *world, const struct wtl_log *log,
                    struct wtl_error *err)
{
    WTL_ARENA(scratch);
    struct wtl_mps_world with = *world;
    size_t n = 0;
    if (!with.program && wtl_mps_find_program(&scratch, &with.program, NULL) < 0)
        with.program = NULL; /* then only signals end */
    int rc = wtl_mps_clean(&with, false, &n, err);
    if (n > 0 && log)
        wtl_log(log, WTL_LOG_WARNING, "%zu MPS daemon%s of a command that was killed %s ended", n,
                wtl_plural((int64_t)n), n == 1 ? "was" : "were");
    return rc;
}

static int use_found(struct wtl_shares *s, struct wtl_arena *arena, struct wtl_error *err)
{
    s->text =
        wtl_arena_printf(arena, "%s, which was there and is left as it is", s->control.pipe_dir);
    return s->text ? 0 : WTL_FAIL(err, WTL_NOMEM, "out of memory");
}

static int start_own(struct wtl_shares *s, const struct wtl_shares_options *o,
                     struct wtl_error *err)
{
    s->ours = true;
    s->text = "of its own, which is quit at the end";
    if (o->look_only)
        return 0;
    int rc = wtl_mps_daemon_start(&s->world, o->purpose, false, o->devices, &s->daemon, err);
    if (rc < 0)
        return rc;
    s->control = s->daemon.control;
    return 0;
}

int wtl_shares_open(struct wtl_arena *arena, const struct wtl_shares_options *o,
                    struct wtl_shares **out, struct wtl_error *err)
{
    struct wtl_shares *s = WTL_NEW(arena, struct wtl_shares);
    bool found = false;
    if (!s)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    s->world.clock = o->clock;
    s->devices = o->devices;
    s->purpose = o->purpose;
    int rc = wtl_mps_find_program(arena, &s->world.program, err);
    if (rc == 0 && !o->look_only)
        rc = wtl_shares_tidy(&s->world, o->log, err);
    rc = rc ? rc : find_daemon(s, arena, &found, err);
    if (rc == 0)
        rc = found ? use_found(s, arena, err) : start_own(s, o, err);
    if (rc == 0)
        *out = s;
    return rc;
}

const char *wtl_shares_text(const struct wtl_shares *s)
{
    return s ? s->text : "";
}

/* ---- Shares ---------------------------------------------------------------------------------- */

/* On somebody else's daemon: what it allows, and whether its server is one for us. */
static int check_found(const struct wtl_shares *s, double share, struct wtl_error *err)
{
    int64_t pids[WTL_MPS_PIDS];
    size_t n = 0;
    double limit = 100;
    int64_t ours = 0;
    int rc = wtl_mps_servers(&s->control, pids, &n, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct wtl_lease_owner p;
        if (!wtl_process_find(pids[i], &p))
            continue;
        if (p.uid != (int64_t)geteuid())
            return WTL_FAIL(err, WTL_BUSY,
                            "MPS in %s serves user %lld (server %lld): clients of ours would wait",
                            s->control.pipe_dir, (long long)p.uid, (long long)p.pid);
        ours = pids[i];
    }
    rc = rc ? rc : wtl_mps_get_percentage(&s->control, ours, &limit, err);
    if (rc == 0 && wtl_mps_percent(share) > limit + 1e-6)
        rc = WTL_FAIL(err, WTL_INFEASIBLE, "MPS in %s allows %g %% of the GPU, not %g %%",
                      s->control.pipe_dir, limit, wtl_mps_percent(share));
    return rc;
}

/* Our own daemon, where it has died in between: what is left of it ends, and another is started. */
static int revive(struct wtl_shares *s, struct wtl_error *err)
{
    struct wtl_error why = {0};
    int rc = wtl_mps_answers(&s->control, &why);
    if (rc != -(int)WTL_NOTFOUND) {
        if (rc < 0 && err)
            *err = why;
        return rc;
    }
    s->unknown = true;
    rc = wtl_mps_end(&s->world, &s->daemon.record, true, err);
    rc = rc ? rc : wtl_mps_daemon_start(&s->world, s->purpose, false, s->devices, &s->daemon, err);
    return rc;
}

static int set_own(struct wtl_shares *s, double share, struct wtl_error *err)
{
    int rc = revive(s, err);
    const bool same = !s->unknown && fabs(share - s->share) < 1e-9;
    if (rc < 0 || (same && (share <= 0 || wtl_mps_daemon_serves(&s->daemon))))
        return rc;
    return wtl_mps_daemon_share(&s->daemon, share, err);
}

int wtl_shares_set(struct wtl_shares *s, double share, struct wtl_error *err)
{
    int rc = 0;
    if (s->ours)
        rc = set_own(s, share, err);
    else if (share > 0)
        rc = check_found(s, share, err);
    s->unknown = rc < 0;
    if (rc == 0)
        s->share = share;
    return rc;
}

bool wtl_shares_serves(const struct wtl_shares *s, int64_t pid)
{
    int64_t pids[WTL_MPS_PIDS];
    size_t n = 0;
    struct wtl_lease_owner p;
    if (!s->control.program || !wtl_process_find(pid, &p) || p.uid != (int64_t)geteuid() ||
        wtl_mps_servers(&s->control, pids, &n, NULL) < 0)
        return false;
    for (size_t i = 0; i < n; i++)
        if (pids[i] == pid)
            return true;
    return false;
}

const char *const *wtl_shares_variables(const struct wtl_shares *s, struct wtl_arena *arena,
                                        size_t *n_out)
{
    enum { MOST = 5 };
    char number[WTL_DOUBLE_TEXT];
    const char **v = WTL_NEW_ARRAY(arena, const char *, MOST + 1);
    size_t n = 0;
    if (v && s->share > 0) {
        v[n++] = wtl_arena_printf(arena, "CUDA_MPS_PIPE_DIRECTORY=%s", s->control.pipe_dir);
        v[n++] = wtl_arena_printf(arena, "CUDA_MPS_ACTIVE_THREAD_PERCENTAGE=%s",
                                  wtl_format_double(wtl_mps_percent(s->share), number));
        if (s->control.log_dir)
            v[n++] = wtl_arena_printf(arena, "CUDA_MPS_LOG_DIRECTORY=%s", s->control.log_dir);
        if (s->ours)
            v[n++] = wtl_arena_printf(arena, WTL_MPS_MARK_CLIENT "=%s", s->daemon.record.token);
        if (s->ours && s->devices)
            v[n++] = wtl_arena_printf(arena, "CUDA_VISIBLE_DEVICES=%s", s->devices);
        for (size_t i = 0; i < n; i++)
            if (!v[i])
                return NULL;
    }
    *n_out = n;
    return v;
}

void wtl_shares_terminate(const struct wtl_shares *s, const pid_t *groups, int n)
{
    if (s->share > 0 && n > 0)
        (void)wtl_mps_terminate_groups(&s->control, groups, n);
}

int wtl_shares_close(struct wtl_shares *s, struct wtl_error *err)
{
    if (!s || !s->ours || !s->daemon.record.token[0])
        return 0;
    return wtl_mps_end(&s->world, &s->daemon.record, false, err);
}
