/* SPDX-License-Identifier: Apache-2.0
 * MPS daemons, servers and clients that are here. */
#include "flow/mps.h"

#include "base/dirs.h"
#include "codec/json.h"

#include <pwd.h>
#include <string.h>
#include <unistd.h>

/* ---- Looking --------------------------------------------------------------------------------- */

static const char *user_of(struct wtl_arena *arena, int64_t uid)
{
    char buf[4096];
    struct passwd entry, *found = NULL;
    if (uid < 0 || getpwuid_r((uid_t)uid, &entry, buf, sizeof buf, &found) != 0 || !found)
        return "";
    return wtl_arena_strdup(arena, entry.pw_name);
}

static int64_t uid_of(int64_t pid)
{
    struct wtl_lease_owner p;
    return wtl_process_find(pid, &p) ? p.uid : -1;
}

/* What `ps` tells of a client; old daemons have none. */
static void name_client(const struct wtl_mps_client *told, size_t n, struct wtl_arena *arena,
                        struct wtl_mps_seen_client *c)
{
    for (size_t i = 0; i < n; i++)
        if (told[i].pid == c->pid) {
            c->command = wtl_arena_strdup(arena, told[i].command);
            c->device = wtl_arena_strdup(arena, told[i].device);
        }
}

static int look_at_server(const struct wtl_mps_control *control, int64_t pid,
                          const struct wtl_mps_client *told, size_t n_told, struct wtl_arena *arena,
                          struct wtl_mps_seen_server *out, struct wtl_error *err)
{
    int64_t pids[WTL_MPS_PIDS];
    struct wtl_mps_seen_server s = {.pid = pid, .uid = uid_of(pid)};
    size_t n = 0;
    s.user = user_of(arena, s.uid);
    s.has_percent = wtl_mps_get_percentage(control, pid, &s.percent, NULL) == 0;
    (void)wtl_mps_server_status(control, pid, &s.status, NULL);
    if (wtl_mps_clients(control, pid, pids, &n, NULL) < 0)
        n = 0; /* it has just ended */
    s.clients = WTL_NEW_ARRAY(arena, struct wtl_mps_seen_client, n + 1);
    if (!s.clients)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        struct wtl_mps_seen_client *c = &s.clients[s.n_clients++];
        *c = (struct wtl_mps_seen_client){
            .pid = pids[i], .uid = uid_of(pids[i]), .command = "", .device = ""};
        c->user = user_of(arena, c->uid);
        name_client(told, n_told, arena, c);
    }
    *out = s;
    return 0;
}

static int look_at_servers(const struct wtl_mps_control *control, const int64_t *pids, size_t n,
                           struct wtl_arena *arena, struct wtl_mps_seen_daemon *d,
                           struct wtl_error *err)
{
    WTL_ARENA(scratch);
    struct wtl_mps_client *told = WTL_NEW_ARRAY(&scratch, struct wtl_mps_client, WTL_MPS_PIDS);
    size_t n_told = 0;
    int rc = 0;
    d->servers = WTL_NEW_ARRAY(arena, struct wtl_mps_seen_server, n + 1);
    if (!told || !d->servers)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    d->has_percent = wtl_mps_get_percentage(control, 0, &d->percent, NULL) == 0;
    if (n > 0 && wtl_mps_ps(control, told, WTL_MPS_PIDS, &n_told, NULL) < 0)
        n_told = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = look_at_server(control, pids[i], told, n_told, arena, &d->servers[i], err);
        d->n_servers = i + 1;
    }
    return rc;
}

/* What the daemon in d->pipe_dir says of itself. */
static int look_at_daemon(struct wtl_clock clock, const char *program, struct wtl_arena *arena,
                          struct wtl_mps_seen_daemon *d, struct wtl_error *err)
{
    const struct wtl_mps_control control = {
        .program = program, .pipe_dir = d->pipe_dir, .clock = clock};
    int64_t pids[WTL_MPS_PIDS];
    size_t n = 0;
    struct wtl_error why = {0};
    if (!program) {
        d->answer = -(int)WTL_UNSUPPORTED;
        d->why = "nobody can ask it";
        return 0;
    }
    d->answer = wtl_mps_answers(&control, &why);
    if (d->answer == 0)
        d->answer = wtl_mps_servers(&control, pids, &n, &why);
    d->why = wtl_arena_strdup(arena, d->answer ? why.message : "");
    if (!d->why)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    return d->answer ? 0 : look_at_servers(&control, pids, n, arena, d, err);
}

struct look {
    struct wtl_clock clock;
    struct wtl_arena *arena;
    struct wtl_mps_seen seen;
    size_t cap, cap_unreadable;
    struct wtl_mps_entry *unreadable;
};

static int add(struct look *l, const struct wtl_mps_seen_daemon *d, struct wtl_error *err)
{
    if (wtl_grow(l->arena, &l->seen.daemons, l->seen.n, &l->cap) < 0)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    l->seen.daemons[l->seen.n++] = *d;
    return 0;
}

static int look_at_record(struct look *l, const struct wtl_mps_entry *e, struct wtl_error *err)
{
    struct wtl_lease_owner found[WTL_MPS_PROCESSES];
    struct wtl_mps_seen_daemon d = {.ours = true, .record = e->record};
    if (!e->readable) {
        if (wtl_grow(l->arena, &l->unreadable, l->seen.n_unreadable, &l->cap_unreadable) < 0)
            return WTL_FAIL(err, WTL_NOMEM, "out of memory");
        l->unreadable[l->seen.n_unreadable++] = *e;
        return 0;
    }
    d.pipe_dir = wtl_arena_printf(l->arena, "%s/pipe", e->record.dir);
    if (!d.pipe_dir)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    d.life = wtl_mps_record_judge(&e->record);
    d.n_processes = wtl_mps_record_processes(&e->record, WTL_MPS_DAEMONS, found) +
                    wtl_mps_record_processes(&e->record, WTL_MPS_COMMANDS, found);
    int rc = look_at_daemon(l->clock, l->seen.program, l->arena, &d, err);
    return rc ? rc : add(l, &d, err);
}

static int look_in(struct look *l, const char *pipe_dir, struct wtl_error *err)
{
    struct wtl_mps_seen_daemon d = {.pipe_dir = pipe_dir, .life = WTL_MPS_OTHERS};
    if (!pipe_dir || !l->seen.program)
        return 0;
    for (size_t i = 0; i < l->seen.n; i++)
        if (strcmp(l->seen.daemons[i].pipe_dir, pipe_dir) == 0)
            return 0;
    int rc = look_at_daemon(l->clock, l->seen.program, l->arena, &d, err);
    return rc || d.answer == -(int)WTL_NOTFOUND ? rc : add(l, &d, err);
}

int wtl_flow_mps_look(struct wtl_clock clock, const char *state_dir, struct wtl_arena *arena,
                      struct wtl_mps_seen *out, struct wtl_error *err)
{
    struct look l = {.clock = clock, .arena = arena};
    struct wtl_mps_entry *entries = NULL;
    struct wtl_error why = {0};
    size_t n = 0;
    if (wtl_mps_find_program(arena, &l.seen.program, &why) < 0)
        l.seen.program = NULL;
    l.seen.why = wtl_arena_strdup(arena, why.message);
    int rc = l.seen.why ? wtl_mps_records(state_dir, arena, &entries, &n, err)
                        : WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = look_at_record(&l, &entries[i], err);
    rc = rc ? rc : look_in(&l, wtl_environment("CUDA_MPS_PIPE_DIRECTORY"), err);
    rc = rc ? rc : look_in(&l, WTL_MPS_DEFAULT_PIPE_DIR, err);
    if (rc < 0)
        return rc;
    l.seen.unreadable = l.unreadable;
    *out = l.seen;
    return 0;
}

/* ---- The document ---------------------------------------------------------------------------- */

static json_t *uid_json(int64_t uid)
{
    return uid < 0 ? json_null() : json_integer(uid);
}

static json_t *server_json(const struct wtl_mps_seen_server *s)
{
    json_t *clients = json_array();
    for (size_t i = 0; i < s->n_clients; i++) {
        const struct wtl_mps_seen_client *c = &s->clients[i];
        wtl_json_add(&clients,
                     json_pack("{s:I, s:o, s:o, s:o, s:o}", "pid", (json_int_t)c->pid, "uid",
                               uid_json(c->uid), "user", wtl_json_text_or_null(c->user), "command",
                               wtl_json_text_or_null(c->command), "device",
                               wtl_json_text_or_null(c->device)));
    }
    return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o}", "pid", (json_int_t)s->pid, "uid",
                     uid_json(s->uid), "user", wtl_json_text_or_null(s->user), "status",
                     wtl_json_text_or_null(wtl_mps_status_name(s->status)), "share",
                     s->has_percent ? wtl_json_finite(s->percent / 100) : json_null(), "clients",
                     clients);
}

static json_t *record_json(const struct wtl_mps_record *r)
{
    char since[32];
    return json_pack("{s:o, s:b, s:I, s:I, s:o, s:o, s:o}", "token", wtl_json_text(r->token),
                     "standing", (int)r->standing, "uid", (json_int_t)r->owner.uid, "owner_pid",
                     (json_int_t)r->owner.pid, "user", wtl_json_text_or_null(r->owner.user),
                     "purpose", wtl_json_text(r->owner.text), "since",
                     wtl_json_text(wtl_format_utc(r->since_ns, since, sizeof since)));
}

static json_t *daemon_json(const struct wtl_mps_seen_daemon *d)
{
    json_t *servers = json_array();
    for (size_t i = 0; i < d->n_servers; i++)
        wtl_json_add(&servers, server_json(&d->servers[i]));
    json_t *o = json_pack(
        "{s:o, s:s, s:o, s:b, s:o, s:o, s:o}", "pipe_dir", wtl_json_text(d->pipe_dir), "life",
        wtl_mps_life_name(d->life), "record", d->ours ? record_json(&d->record) : json_null(),
        "answers", (int)(d->answer == 0), "why", wtl_json_text_or_null(d->why), "default_share",
        d->has_percent ? wtl_json_finite(d->percent / 100) : json_null(), "servers", servers);
    wtl_json_put(&o, "processes", json_integer((json_int_t)d->n_processes));
    return o;
}

json_t *wtl_mps_seen_json(const struct wtl_mps_seen *seen)
{
    json_t *daemons = json_array(), *unreadable = json_array();
    for (size_t i = 0; i < seen->n; i++)
        wtl_json_add(&daemons, daemon_json(&seen->daemons[i]));
    for (size_t i = 0; i < seen->n_unreadable; i++)
        wtl_json_add(&unreadable,
                     json_pack("{s:o, s:o}", "file", wtl_json_text(seen->unreadable[i].file), "why",
                               wtl_json_text(seen->unreadable[i].why)));
    return json_pack("{s:o, s:o, s:o, s:o}", "program", wtl_json_text_or_null(seen->program), "why",
                     wtl_json_text_or_null(seen->why), "daemons", daemons, "unreadable",
                     unreadable);
}
