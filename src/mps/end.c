/* SPDX-License-Identifier: Apache-2.0
 * The end of control daemons of ours: asked to first, and exactly those. */
#include "mps/daemon.h"

#include "mps/daemon_impl.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static const int64_t signal_ns = 2 * WTL_NS_PER_S;
enum { QUIT_S = 5 };

static size_t count(const struct wtl_mps_daemon *d, enum wtl_mps_role role)
{
    struct wtl_lease_owner found[WTL_MPS_PROCESSES];
    return wtl_mps_record_processes(&d->record, role, found);
}

/* Waits a moment until none is left; says how many are. */
static size_t await_end(const struct wtl_mps_daemon *d, enum wtl_mps_role role)
{
    const int64_t end_ns = wtl_mps_now(&d->control) + signal_ns;
    size_t n = count(d, role);
    while (n > 0 && wtl_mps_now(&d->control) < end_ns) {
        wtl_mps_pause();
        n = count(d, role);
    }
    return n;
}

static size_t signal_all(const struct wtl_mps_daemon *d, enum wtl_mps_role role, int signal_number)
{
    struct wtl_lease_owner found[WTL_MPS_PROCESSES];
    const size_t n = wtl_mps_record_processes(&d->record, role, found);
    for (size_t i = 0; i < n; i++)
        (void)wtl_process_signal(&found[i], signal_number);
    return n ? await_end(d, role) : 0;
}

/* ---- Commands of ours that are left ---------------------------------------------------------- */

/* As MPS wants it, those that are its clients: their work on the GPU ends first. */
static void terminate_ours(const struct wtl_mps_daemon *d)
{
    struct wtl_lease_owner ours[WTL_MPS_PROCESSES];
    int64_t servers[WTL_MPS_PIDS], clients[WTL_MPS_PIDS];
    size_t n_servers = 0, n_clients = 0;
    const size_t n = wtl_mps_record_processes(&d->record, WTL_MPS_COMMANDS, ours);
    if (n == 0 || wtl_mps_servers(&d->control, servers, &n_servers, NULL) < 0)
        return;
    for (size_t s = 0; s < n_servers; s++) {
        if (wtl_mps_clients(&d->control, servers[s], clients, &n_clients, NULL) < 0)
            continue;
        for (size_t k = 0; k < n_clients; k++)
            for (size_t i = 0; i < n; i++)
                if (ours[i].pid == clients[k])
                    (void)wtl_mps_terminate_client(&d->control, servers[s], clients[k], NULL);
    }
}

static void end_commands(const struct wtl_mps_daemon *d, bool answers)
{
    if (signal_all(d, WTL_MPS_COMMANDS, SIGTERM) == 0)
        return;
    if (answers)
        terminate_ours(d);
    (void)signal_all(d, WTL_MPS_COMMANDS, SIGKILL);
}

/* ---- Others ---------------------------------------------------------------------------------- */

/* A daemon that does not answer cannot be asked for its clients: who was started to be one counts.
 */
static int check_guests(const struct wtl_mps_daemon *d, struct wtl_error *err)
{
    struct wtl_lease_owner found[WTL_MPS_PROCESSES];
    const size_t n = wtl_mps_record_processes(&d->record, WTL_MPS_GUESTS, found);
    if (n == 0)
        return 0;
    return WTL_FAIL(err, WTL_BUSY,
                    "process %lld may be a client of the MPS daemon in %s, which does not answer",
                    (long long)found[0].pid, d->pipe_dir);
}

/* -WTL_BUSY while somebody else is on it. */
static int check_clients(const struct wtl_mps_daemon *d, bool *answers, struct wtl_error *err)
{
    struct wtl_error why = {0};
    int rc = *answers ? wtl_mps_drain(&d->control, wtl_mps_drain_ns(&d->world), &why) : 0;
    *answers = *answers && (rc == 0 || rc == -(int)WTL_BUSY);
    if (!*answers)
        rc = check_guests(d, &why);
    if (rc < 0 && err)
        *err = why;
    if (rc < 0)
        wtl_error_hint(err, "`wattle mps clean` when it has ended; --force ends MPS below it");
    return rc;
}

/* ---- The end --------------------------------------------------------------------------------- */

static int end_daemon(const struct wtl_mps_daemon *d, bool answers, struct wtl_error *err)
{
    struct wtl_lease_owner found[WTL_MPS_PROCESSES];
    if (answers)
        (void)wtl_mps_quit(&d->control, QUIT_S, NULL); /* what matters is whether it ends */
    if (!answers || await_end(d, WTL_MPS_DAEMONS) > 0)
        if (signal_all(d, WTL_MPS_DAEMONS, SIGTERM) > 0)
            (void)signal_all(d, WTL_MPS_DAEMONS, SIGKILL);
    if (wtl_mps_record_processes(&d->record, WTL_MPS_DAEMONS, found) == 0)
        return 0;
    return WTL_FAIL(err, WTL_FAILED, "process %lld of MPS does not end", (long long)found[0].pid);
}

static int check_mine(const struct wtl_mps_record *r, struct wtl_error *err)
{
    if (r->owner.uid != (int64_t)geteuid())
        return WTL_FAIL(err, WTL_PERMISSION, "the MPS daemon %s is of user %lld%s%s", r->token,
                        (long long)r->owner.uid, r->owner.user[0] ? ", " : "", r->owner.user);
    if (wtl_process_look(&r->owner) == WTL_PROCESS_HIDDEN)
        return WTL_FAIL(err, WTL_PERMISSION, "the MPS daemon %s is of another container", r->token);
    return 0;
}

static bool is_of_this_boot(const struct wtl_mps_record *r)
{
    char boot[WTL_LIMIT_NAME];
    wtl_process_boot(boot);
    return !boot[0] || !r->boot[0] || strcmp(boot, r->boot) == 0;
}

static int end_processes(const struct wtl_mps_daemon *d, bool force, struct wtl_error *err)
{
    bool answers = d->world.program && wtl_mps_answers(&d->control, NULL) == 0;
    end_commands(d, answers);
    int rc = force ? 0 : check_clients(d, &answers, err);
    return rc ? rc : end_daemon(d, answers, err);
}

int wtl_mps_end(const struct wtl_mps_world *world, const struct wtl_mps_record *record, bool force,
                struct wtl_error *err)
{
    struct wtl_mps_daemon d;
    int rc = check_mine(record, err);
    if (rc < 0)
        return rc;
    wtl_mps_daemon_of(world, record, &d);
    if (is_of_this_boot(record) && count(&d, WTL_MPS_DAEMONS) + count(&d, WTL_MPS_COMMANDS) > 0)
        rc = end_processes(&d, force, err);
    return rc ? rc : wtl_mps_record_forget(world->state_dir, &d.record, err);
}

int wtl_mps_clean(const struct wtl_mps_world *world, bool force, size_t *n_out,
                  struct wtl_error *err)
{
    WTL_ARENA(scratch);
    struct wtl_mps_entry *entries = NULL;
    size_t n = 0, n_ended = 0;
    int rc = wtl_mps_records(world->state_dir, &scratch, &entries, &n, err);
    for (size_t i = 0; i < n; i++) {
        const enum wtl_mps_life life =
            entries[i].readable ? wtl_mps_record_judge(&entries[i].record) : WTL_MPS_OTHERS;
        if (life != WTL_MPS_DANGLING && life != WTL_MPS_OVER)
            continue;
        const int one = wtl_mps_end(world, &entries[i].record, force, rc ? NULL : err);
        n_ended += one == 0 && life == WTL_MPS_DANGLING;
        rc = rc ? rc : one;
    }
    wtl_mps_records_tidy(world->state_dir);
    *n_out = n_ended;
    return rc;
}
