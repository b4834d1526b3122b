/* SPDX-License-Identifier: Apache-2.0
 * Control daemons of our own: start, shares, drain. */
#include "mps/daemon.h"

#include "mps/daemon_impl.h"

#include "base/dirs.h"
#include "base/file.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const int64_t drain_usual_ns = 10 * WTL_NS_PER_S, start_ns = 10 * WTL_NS_PER_S,
                     server_ns = 20 * WTL_NS_PER_S;

/* ---- Waiting --------------------------------------------------------------------------------- */

int64_t wtl_mps_now(const struct wtl_mps_control *c)
{
    return c->clock.monotonic_ns(c->clock.ctx);
}

void wtl_mps_pause(void)
{
    wtl_sleep_ns(WTL_NS_PER_S / 50);
}

/* ---- Folders --------------------------------------------------------------------------------- */

void wtl_mps_daemon_of(const struct wtl_mps_world *world, const struct wtl_mps_record *record,
                       struct wtl_mps_daemon *out)
{
    out->world = *world;
    out->record = *record;
    (void)snprintf(out->pipe_dir, sizeof out->pipe_dir, "%.*s/pipe", WTL_MPS_DIR, record->dir);
    (void)snprintf(out->log_dir, sizeof out->log_dir, "%.*s/log", WTL_MPS_DIR, record->dir);
    out->control = (struct wtl_mps_control){.program = world->program,
                                            .pipe_dir = out->pipe_dir,
                                            .log_dir = out->log_dir,
                                            .clock = world->clock,
                                            .timeout_ns = world->timeout_ns};
}

/* Its own, and new: nobody else's daemon can be in it. */
static int make_folders(const struct wtl_mps_daemon *d, struct wtl_error *err)
{
    const char *const paths[] = {d->record.dir, d->pipe_dir, d->log_dir};
    char parent[WTL_LIMIT_PATH];
    int rc = wtl_dir_make(WTL_DIR_RUN, "mps", parent, err);
    for (size_t i = 0; rc == 0 && i < sizeof paths / sizeof paths[0]; i++)
        if (mkdir(paths[i], 0700) != 0)
            rc = wtl_fail_errno(err, errno, "make", paths[i]);
    return rc;
}

/* ---- Start ----------------------------------------------------------------------------------- */

static int launch(struct wtl_mps_daemon *d, const char *devices, struct wtl_error *err)
{
    WTL_ARENA(scratch);
    const char *marks[] = {wtl_arena_printf(&scratch, WTL_MPS_MARK "=%s", d->record.token),
                           devices ? wtl_arena_printf(&scratch, "CUDA_VISIBLE_DEVICES=%s", devices)
                                   : ""};
    if (!marks[0] || !marks[1])
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    return wtl_mps_launch(&d->control, marks, devices ? 2 : 1, err);
}

static int await_answer(const struct wtl_mps_daemon *d, struct wtl_error *err)
{
    const int64_t end_ns = wtl_mps_now(&d->control) + start_ns;
    struct wtl_error why = {0};
    int rc = wtl_mps_answers(&d->control, &why);
    while (rc == -(int)WTL_NOTFOUND && wtl_mps_now(&d->control) < end_ns) {
        wtl_mps_pause();
        rc = wtl_mps_answers(&d->control, &why);
    }
    if (rc < 0 && err)
        *err = why;
    return rc;
}

/* The number that the daemon leaves in its folder, where that process has our mark. */
static void note_daemon(struct wtl_mps_daemon *d)
{
    WTL_ARENA(scratch);
    struct wtl_lease_owner found[WTL_MPS_PROCESSES];
    char path[WTL_MPS_DIR + 64], *text = NULL;
    size_t size = 0;
    int64_t pid = 0;
    (void)snprintf(path, sizeof path, "%s/nvidia-cuda-mps-control.pid", d->pipe_dir);
    const size_t n = wtl_mps_record_processes(&d->record, WTL_MPS_DAEMONS, found);
    if (wtl_file_read(&scratch, path, 64, &text, &size, NULL) == 0)
        (void)wtl_parse_int(text, strcspn(text, "\r\n"), &pid);
    for (size_t i = 0; i < n; i++)
        if (found[i].pid == pid || n == 1)
            d->record.daemon = found[i];
}

int wtl_mps_daemon_start(const struct wtl_mps_world *world, const char *purpose, bool standing,
                         const char *devices, struct wtl_mps_daemon *out, struct wtl_error *err)
{
    struct wtl_mps_record r;
    int rc = wtl_mps_record_new(purpose, standing, world->clock.wall_ns(world->clock.ctx), &r, err);
    if (rc < 0)
        return rc;
    wtl_mps_daemon_of(world, &r, out);
    rc = wtl_mps_record_write(world->state_dir, &r, err);
    rc = rc ? rc : make_folders(out, err);
    rc = rc ? rc : launch(out, devices, err);
    rc = rc ? rc : await_answer(out, err);
    if (rc == 0)
        note_daemon(out);
    if (rc == 0 && standing && out->record.daemon.pid == 0) /* it would pass for left behind */
        rc = WTL_FAIL(err, WTL_FAILED, "the process of the MPS daemon cannot be found");
    rc = rc ? rc : wtl_mps_record_write(world->state_dir, &out->record, err);
    if (rc < 0)
        (void)wtl_mps_end(world, &out->record, true, NULL);
    return rc;
}

/* ---- Drain ----------------------------------------------------------------------------------- */

/* A server of our user. */
static bool is_our_users(int64_t pid)
{
    struct wtl_lease_owner p;
    return wtl_process_find(pid, &p) && p.uid == (int64_t)geteuid();
}

/* The first client of a server of our user; 0: none. */
static int first_client(const struct wtl_mps_control *c, int64_t *client_out, int64_t *server_out,
                        struct wtl_error *err)
{
    int64_t servers[WTL_MPS_PIDS], clients[WTL_MPS_PIDS];
    size_t n = 0, n_clients = 0;
    int rc = wtl_mps_servers(c, servers, &n, err);
    *client_out = 0;
    for (size_t i = 0; rc == 0 && *client_out == 0 && i < n; i++) {
        if (!is_our_users(servers[i]))
            continue;
        rc = wtl_mps_clients(c, servers[i], clients, &n_clients, err);
        if (rc == 0 && n_clients > 0) {
            *client_out = clients[0];
            *server_out = servers[i];
        }
    }
    return rc;
}

int wtl_mps_drain(const struct wtl_mps_control *c, int64_t wait_ns, struct wtl_error *err)
{
    const int64_t end_ns = wtl_mps_now(c) + wait_ns;
    int64_t client = 0, server = 0;
    for (;;) {
        int rc = first_client(c, &client, &server, err);
        if (rc < 0 || client == 0)
            return rc;
        if (wtl_mps_now(c) >= end_ns)
            break;
        wtl_mps_pause();
    }
    int rc = WTL_FAIL(err, WTL_BUSY, "process %lld is still a client of MPS server %lld",
                      (long long)client, (long long)server);
    wtl_error_hint(err, "end it, or let it end; `wattle mps status` lists who is there");
    return rc;
}

int wtl_mps_terminate_groups(const struct wtl_mps_control *c, const pid_t *groups, int n)
{
    int64_t servers[WTL_MPS_PIDS], clients[WTL_MPS_PIDS];
    size_t n_servers = 0, n_clients = 0;
    int ended = 0;
    if (wtl_mps_servers(c, servers, &n_servers, NULL) < 0)
        return 0;
    for (size_t s = 0; s < n_servers; s++) {
        if (wtl_mps_clients(c, servers[s], clients, &n_clients, NULL) < 0)
            n_clients = 0;
        for (size_t k = 0; k < n_clients; k++) {
            const pid_t group = getpgid((pid_t)clients[k]);
            bool ours = false;
            for (int i = 0; i < n; i++)
                ours = ours || (group > 0 && group == groups[i]);
            ended += ours && wtl_mps_terminate_client(c, servers[s], clients[k], NULL) == 0;
        }
    }
    return ended;
}

/* ---- Shares ---------------------------------------------------------------------------------- */

/* Servers of our user that the daemon has. */
static int our_servers(const struct wtl_mps_daemon *d, int64_t pids[WTL_MPS_PIDS], size_t *n_out,
                       struct wtl_error *err)
{
    size_t n = 0, all = 0;
    int rc = wtl_mps_servers(&d->control, pids, &all, err);
    for (size_t i = 0; rc == 0 && i < all; i++)
        if (is_our_users(pids[i]))
            pids[n++] = pids[i];
    *n_out = n;
    return rc;
}

static int note_servers(struct wtl_mps_daemon *d, struct wtl_error *err)
{
    int64_t pids[WTL_MPS_PIDS];
    size_t n = 0;
    int rc = our_servers(d, pids, &n, err);
    d->record.n_servers = 0;
    for (size_t i = 0; rc == 0 && i < n && i < WTL_MPS_RECORDED; i++)
        if (wtl_process_find(pids[i], &d->record.servers[d->record.n_servers]))
            d->record.n_servers++;
    return rc ? rc : wtl_mps_record_write(d->world.state_dir, &d->record, err);
}

static int stop_servers(struct wtl_mps_daemon *d, struct wtl_error *err)
{
    int64_t pids[WTL_MPS_PIDS];
    size_t n = 0;
    const int64_t end_ns = wtl_mps_now(&d->control) + server_ns;
    int rc = our_servers(d, pids, &n, err);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = wtl_mps_shutdown_server(&d->control, pids[i], err);
    while (rc == 0 && n > 0) {
        rc = our_servers(d, pids, &n, err);
        if (rc == 0 && n > 0 && wtl_mps_now(&d->control) >= end_ns)
            return WTL_FAIL(err, WTL_TIMEOUT, "MPS server %lld does not end", (long long)pids[0]);
        if (n > 0)
            wtl_mps_pause();
    }
    return rc;
}

/* The server that works; 0: none does (yet). */
static int find_active(const struct wtl_mps_daemon *d, int64_t *server_out, struct wtl_error *err)
{
    int64_t pids[WTL_MPS_PIDS];
    size_t n = 0;
    enum wtl_mps_status status = WTL_MPS_UNKNOWN;
    int rc = our_servers(d, pids, &n, err);
    *server_out = 0;
    for (size_t i = 0; rc == 0 && *server_out == 0 && i < n; i++) {
        rc = wtl_mps_server_status(&d->control, pids[i], &status, err);
        if (rc == 0 && status == WTL_MPS_FAULT)
            return WTL_FAIL(err, WTL_FAILED, "MPS server %lld has a fault", (long long)pids[i]);
        if (rc == 0 && status != WTL_MPS_INITIALIZING)
            *server_out = pids[i];
    }
    return rc;
}

bool wtl_mps_daemon_serves(struct wtl_mps_daemon *d)
{
    int64_t server = 0;
    return find_active(d, &server, NULL) == 0 && server > 0;
}

static int start_server(struct wtl_mps_daemon *d, double share, struct wtl_error *err)
{
    const int64_t end_ns = wtl_mps_now(&d->control) + server_ns;
    int64_t server = 0;
    int rc = wtl_mps_set_percentage(&d->control, 0, wtl_mps_percent(share), err);
    rc = rc ? rc : wtl_mps_start_server(&d->control, (int64_t)geteuid(), err);
    while (rc == 0) {
        rc = find_active(d, &server, err);
        if (rc < 0 || server > 0)
            break;
        if (wtl_mps_now(&d->control) >= end_ns)
            return WTL_FAIL(err, WTL_TIMEOUT, "no MPS server came up within %d s",
                            (int)(server_ns / WTL_NS_PER_S));
        wtl_mps_pause();
    }
    return rc;
}

double wtl_mps_percent(double share)
{
    return round(share * 1e8) / 1e6;
}

int wtl_mps_daemon_share(struct wtl_mps_daemon *d, double share, struct wtl_error *err)
{
    int rc = wtl_mps_drain(&d->control, wtl_mps_drain_ns(&d->world), err);
    rc = rc ? rc : stop_servers(d, err);
    if (rc == 0 && share > 0)
        rc = start_server(d, share, err);
    return rc ? rc : note_servers(d, err);
}

int64_t wtl_mps_drain_ns(const struct wtl_mps_world *world)
{
    return world->drain_ns > 0 ? world->drain_ns : drain_usual_ns;
}
