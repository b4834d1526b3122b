/* SPDX-License-Identifier: Apache-2.0
 * The host's loads: processes that stand for what runs on the GPUs. */
#include "simhost/host_impl.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int pidfd_of(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

static bool privileged(const struct wtl_host *h, const struct wtl_host_peer *peer)
{
    return peer->uid == 0 || peer->uid == h->owner;
}

/* ---- The process ----------------------------------------------------------------------------- */

/* Waits to be killed. Between fork() and here only calls that are safe after it. Closing all that
 * it inherited, the room's lock above all, tells the host that it is what it shall be. */
static void stand_for_a_load(pid_t host, const char *name, const struct wtl_title *title,
                             const char *line, uid_t uid, gid_t gid) __attribute__((noreturn));
static void stand_for_a_load(pid_t host, const char *name, const struct wtl_title *title,
                             const char *line, uid_t uid, gid_t gid)
{
    sigset_t none;
    sigemptyset(&none);
    (void)prctl(PR_SET_NAME, name);
    wtl_title_set(title, line);
    if (geteuid() == 0 && uid != 0 &&
        (setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0))
        _exit(1);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* after setresuid(), which takes it off */
    if (getppid() != host)
        _exit(0);
    const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        (void)signal(signals[i], SIG_DFL);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)syscall(SYS_close_range, 0u, ~0u, 0u);
    for (;;)
        pause();
}

/* Until the other end is closed; a second is a hundred times what it takes. */
static void wait_for_end(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    (void)poll(&p, 1, 1000);
    close(fd);
}

static int make_process(const struct wtl_host *h, const struct wtl_host_peer *peer,
                        const char *name, unsigned gpu, pid_t *pid_out, struct wtl_error *err)
{
    int ends[2];
    char line[WTL_SIM_NAME + 48];
    snprintf(line, sizeof line, "%s" WTL_TITLE_OF_LOAD "%u)", name, gpu);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return WTL_FAIL(err, WTL_FAILED, "cannot make a process for the load: %s", strerror(errno));
    pid_t host = getpid();
    pid_t pid = fork();
    int why = errno;
    if (pid == 0)
        stand_for_a_load(host, name, &h->title, line, peer->uid, peer->gid);
    close(ends[1]);
    wait_for_end(ends[0]);
    if (pid < 0)
        return WTL_FAIL(err, WTL_FAILED, "cannot make a process for the load: %s", strerror(why));
    *pid_out = pid;
    return 0;
}

/* A process of the caller's, or anybody's for root. */
static int check_process(const struct wtl_host *h, const struct wtl_host_peer *peer, pid_t pid,
                         struct wtl_error *err)
{
    char path[32];
    struct stat st;
    snprintf(path, sizeof path, "/proc/%ld", (long)pid);
    if (stat(path, &st) != 0)
        return WTL_FAIL(err, WTL_NOTFOUND, "there is no process %ld", (long)pid);
    if (!privileged(h, peer) && st.st_uid != peer->uid)
        return WTL_FAIL(err, WTL_PERMISSION, "process %ld belongs to user %lu", (long)pid,
                        (unsigned long)st.st_uid);
    return 0;
}

/* Its last word, so that no zombie stays. Nothing for a process of somebody else. */
static void end_process(const struct wtl_host_load *l)
{
    if (!l->ours)
        return;
    (void)kill(l->pid, SIGKILL);
    while (waitpid(l->pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

/* ---- Start ----------------------------------------------------------------------------------- */

static struct wtl_host_load *free_place(struct wtl_host *h)
{
    for (int i = 0; i < WTL_ROOM_LOADS; i++)
        if (h->loads[i].pidfd < 0)
            return &h->loads[i];
    return NULL;
}

static struct wtl_sim_process process_of(const struct wtl_room_load *load, pid_t pid, uid_t uid)
{
    const struct wtl_sim_workload *workload = &load->workload;
    struct wtl_sim_process p = {
        .pid = (uint32_t)pid,
        .uid = uid,
        .mps = load->mps != 0,
        .instance = load->instance,
        .tenant = {.workload = *workload,
                   .share = load->share,
                   .batch = load->batch > 0 ? load->batch : workload->batch_default,
                   .offered_per_s = load->rate_per_s},
        .pattern = load->pattern,
    };
    (void)wtl_view_copy(wtl_view_of(workload->name), p.name, sizeof p.name);
    return p;
}

/* The host's part: the process is on the GPU, and watched. */
static int admit(struct wtl_host *h, struct wtl_host_load *l, const struct wtl_sim_process *process,
                 struct wtl_error *err)
{
    l->pidfd = pidfd_of(l->pid);
    if (l->pidfd < 0)
        return WTL_FAIL(err, WTL_FAILED, "cannot watch process %ld: %s", (long)l->pid,
                        strerror(errno));
    (void)fcntl(l->pidfd, F_SETFD, FD_CLOEXEC);
    int rc = wtl_host_watch(h, l->pidfd, WTL_HOST_LOAD, (int)(l - h->loads), err);
    if (rc == 0) {
        rc = wtl_sim_attach(wtl_host_gpu_begin(h, (unsigned)l->gpu), process, err);
        wtl_host_gpu_end(h, (unsigned)l->gpu);
    }
    if (rc < 0) {
        wtl_host_unwatch(h, l->pidfd);
        close(l->pidfd);
        l->pidfd = -1;
    }
    return rc;
}

int wtl_host_load_start(struct wtl_host *h, const struct wtl_host_peer *peer, unsigned gpu,
                        const struct wtl_room_load *load, pid_t *pid_out, struct wtl_error *err)
{
    const struct wtl_simhost_options *o = h->options;
    struct wtl_host_load *l = free_place(h);
    if (!l)
        return WTL_FAIL(err, WTL_LIMIT, "there are %d loads already", WTL_ROOM_LOADS);
    pid_t pid = load->pid;
    int rc = pid ? check_process(h, peer, pid, err)
                 : make_process(h, peer, load->workload.name, gpu, &pid, err);
    if (rc < 0)
        return rc;
    const struct wtl_sim_process process = process_of(load, pid, peer->uid);
    int64_t now = o->clock.monotonic_ns(o->clock.ctx);
    *l = (struct wtl_host_load){
        .pidfd = -1,
        .pid = pid,
        .uid = peer->uid,
        .gpu = (int)gpu,
        .ours = load->pid == 0,
        .ends_ns = load->duration_s > 0 ? now + (int64_t)(load->duration_s * 1e9) : INT64_MAX,
    };
    rc = admit(h, l, &process, err);
    if (rc < 0)
        end_process(l);
    else
        *pid_out = pid;
    return rc;
}

/* ---- End ------------------------------------------------------------------------------------- */

/* First the process, then its place on the GPU: what NVML lists is there. */
static void end_load(struct wtl_host *h, struct wtl_host_load *l)
{
    end_process(l);
    (void)wtl_sim_detach(wtl_host_gpu_begin(h, (unsigned)l->gpu), (uint32_t)l->pid, NULL);
    wtl_host_gpu_end(h, (unsigned)l->gpu);
    wtl_host_unwatch(h, l->pidfd);
    close(l->pidfd);
    *l = (struct wtl_host_load){.pidfd = -1};
}

void wtl_host_load_died(struct wtl_host *h, int index)
{
    if (h->loads[index].pidfd >= 0)
        end_load(h, &h->loads[index]);
}

int wtl_host_load_stop(struct wtl_host *h, const struct wtl_host_peer *peer, int gpu, pid_t pid,
                       struct wtl_error *err)
{
    int n = 0, refused = 0;
    for (int i = 0; i < WTL_ROOM_LOADS; i++) {
        struct wtl_host_load *l = &h->loads[i];
        if (l->pidfd < 0 || (pid && l->pid != pid) || (gpu >= 0 && l->gpu != gpu))
            continue;
        if (!privileged(h, peer) && l->uid != peer->uid) {
            refused++;
            continue;
        }
        end_load(h, l);
        n++;
    }
    if (n == 0 && refused > 0)
        return WTL_FAIL(err, WTL_PERMISSION, "the load is another user's");
    if (n == 0 && pid)
        return WTL_FAIL(err, WTL_NOTFOUND, "there is no load of process %ld", (long)pid);
    return n;
}

void wtl_host_loads_sweep(struct wtl_host *h, int64_t now_ns)
{
    for (int i = 0; i < WTL_ROOM_LOADS; i++) {
        struct wtl_host_load *l = &h->loads[i];
        if (l->pidfd < 0)
            continue;
        if (now_ns >= l->ends_ns ||
            !wtl_sim_find(wtl_host_gpu(h, (unsigned)l->gpu), (uint32_t)l->pid))
            end_load(h, l);
    }
}

void wtl_host_loads_end(struct wtl_host *h)
{
    for (int i = 0; i < WTL_ROOM_LOADS; i++)
        if (h->loads[i].pidfd >= 0)
            end_load(h, &h->loads[i]);
}
