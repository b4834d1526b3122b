/* SPDX-License-Identifier: Apache-2.0
 *
 * The guardian: a process in a session of its own that waits for its holder to die and then puts
 * the holder's loans back. It is started before the first write, opens the devices at once (so that
 * it can act within a second, and so that the holder knows that it can), says "ready", and ends
 * with the holder; a fork that the holder leaves behind is not the holder. SIGTERM, SIGINT and
 * SIGHUP, which a service manager sends to both, it ignores.
 *
 * If it dies as well, the next one who takes a lease, or `wattle restore`, does its work.
 */
#ifndef WTL_LEASE_GUARDIAN_H
#define WTL_LEASE_GUARDIAN_H

#include "lease/lease.h"

/* ---- The holder's side ----------------------------------------------------------------------- */

struct wtl_guardian {
    pid_t pid; /* 0: none */
    int fd;
};

/* Forks, runs guard(ctx, fd) there, and waits until it is ready: -WTL_FAILED with its words when it
 * cannot, -WTL_TIMEOUT after 15 s. */
int wtl_guardian_start(int (*guard)(void *ctx, int fd), void *ctx, struct wtl_guardian *out,
                       struct wtl_error *err);

/* Nothing is left to guard: it ends. */
void wtl_guardian_dismiss(struct wtl_guardian *guardian);

/* Whether it still stands: false when it has ended. One poll(). */
bool wtl_guardian_stands(const struct wtl_guardian *guardian);

/* Lets go of a copy of it, in a fork of the holder: it goes on. */
void wtl_guardian_forget(struct wtl_guardian *guardian);

/* The usual `guard`: becomes the program `wattle` in its role as guardian. */
struct wtl_guardian_program {
    const char *program;           /* path of wattle: "/proc/self/exe" for wattle itself */
    const char *state_dir;         /* NULL: the usual */
    const char *const *device_ids; /* NULL-terminated: what it shall be able to put back */
    struct wtl_lease_owner owner;  /* the holder */
};
int wtl_guardian_exec(void *ctx, int fd);

/* ---- The guardian's side --------------------------------------------------------------------- */

struct wtl_guardian_work {
    int fd;
    const char *state_dir;
    struct wtl_lease_owner owner; /* uid, pid and start_ticks count */
    struct wtl_clock clock;
    /* Opens the devices; closed with wtl_machine_close(). */
    int (*open)(void *ctx, struct wtl_machine **machine_out, struct wtl_error *err);
    void *ctx;
};

/* Stands guard and returns the exit status: 0 dismissed, or everything put back; 1 not. */
int wtl_guardian_run(const struct wtl_guardian_work *work);

/* `wattle guardian`, what wtl_guardian_exec() starts: the exit status. */
int wtl_guardian_main(int argc, const char *const *argv);

/* Before any of it in the child: signals ignored, detached (base/detach.h) but for `fd`, whose
 * number it returns. */
int wtl_guardian_settle(int fd);

#endif
