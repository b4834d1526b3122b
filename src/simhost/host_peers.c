/* SPDX-License-Identifier: Apache-2.0
 * The host's connections: who is there, one request in, one reply out. */
#include "simhost/host_impl.h"

#include "base/file.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int wtl_host_listen(struct wtl_host *h, struct wtl_error *err)
{
    /* Through the descriptor: an address has room for 107 bytes only. */
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", h->dir_fd,
             WTL_ROOM_SOCKET);
    h->socket_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (h->socket_fd < 0)
        return wtl_fail_errno(err, errno, "make", "a socket");
    (void)unlinkat(h->dir_fd, WTL_ROOM_SOCKET, 0); /* a dead host's: the lock is ours */
    if (bind(h->socket_fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        fchmodat(h->dir_fd, WTL_ROOM_SOCKET, 0666, 0) != 0 || listen(h->socket_fd, 128) != 0)
        return wtl_fail_errno(err, errno, "listen on", WTL_ROOM_SOCKET);
    return wtl_host_watch(h, h->socket_fd, WTL_HOST_LISTEN, 0, err);
}

/* A place for one more of this user's; NULL: there is none. */
static struct wtl_host_peer *free_place(struct wtl_host *h, uid_t uid)
{
    struct wtl_host_peer *place = NULL;
    int same = 0;
    for (int i = 0; i < WTL_HOST_PEERS; i++) {
        struct wtl_host_peer *p = &h->peers[i];
        if (p->fd < 0 && !place)
            place = p;
        same += p->fd >= 0 && p->uid == uid;
    }
    bool privileged = uid == 0 || uid == h->owner;
    return privileged || same < WTL_HOST_PEERS_PER_USER ? place : NULL;
}

void wtl_host_accept(struct wtl_host *h)
{
    int fd = accept4(h->socket_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return; /* it is gone again, or we are out of descriptors: others may leave */
    struct ucred who;
    socklen_t n = sizeof who;
    struct wtl_host_peer *p = NULL;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0)
        p = free_place(h, who.uid);
    if (!p || wtl_host_watch(h, fd, WTL_HOST_PEER, (int)(p - h->peers), NULL) < 0) {
        close(fd);
        return;
    }
    *p = (struct wtl_host_peer){.fd = fd, .uid = who.uid, .gid = who.gid};
}

void wtl_host_let_go(struct wtl_host *h)
{
    h->left = false;
    for (int i = 0; i < WTL_HOST_PEERS; i++)
        if (h->peers[i].fd >= 0 && h->peers[i].nvml)
            return;
    for (unsigned i = 0; i < h->options->n; i++) {
        const struct wtl_sim_gpu *gpu = wtl_host_gpu(h, i);
        if (gpu->persistence || gpu->n_slots > 0 || gpu->lost)
            continue;
        wtl_sim_reload(wtl_host_gpu_begin(h, i));
        wtl_host_gpu_end(h, i);
    }
}

static void drop(struct wtl_host *h, struct wtl_host_peer *p)
{
    h->left = h->left || p->nvml;
    wtl_host_unwatch(h, p->fd);
    close(p->fd);
    *p = (struct wtl_host_peer){.fd = -1};
}

/* In a driver a call is over before its process can be. Here it is a message that may outlive who
 * sent it: done then, it would undo what others have put right since. So the dead ask for nothing.
 */
static bool has_gone(const struct wtl_host_peer *p)
{
    struct pollfd at = {.fd = p->fd};
    return poll(&at, 1, 0) == 1 && (at.revents & (POLLHUP | POLLERR));
}

void wtl_host_read(struct wtl_host *h, int index)
{
    struct wtl_host_peer *p = &h->peers[index];
    if (p->fd < 0)
        return; /* it left earlier in this round */
    struct wtl_room_request request;
    ssize_t n = recv(p->fd, &request, sizeof request, MSG_DONTWAIT | MSG_TRUNC);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || has_gone(p)) {
        drop(h, p);
        return;
    }
    struct wtl_error err = {0};
    struct wtl_room_reply reply, filled = {0};
    size_t size = (size_t)n;
    int rc = wtl_room_request_check(&request, size, (unsigned)h->options->n, &request, &err);
    if (rc == 0)
        rc = wtl_host_serve(h, p, &request, &filled, &err);
    if (rc == 0 && request.verb == WTL_ROOM_JOIN)
        return;
    wtl_room_reply_fill(&reply, rc, &err);
    reply.value = filled.value;
    reply.delay_ms = filled.delay_ms;
    if (send(p->fd, &reply, sizeof reply, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)sizeof reply)
        drop(h, p); /* it does not read, or is gone */
}

void wtl_host_hang_up(struct wtl_host *h)
{
    for (int i = 0; i < WTL_HOST_PEERS; i++)
        if (h->peers[i].fd >= 0)
            close(h->peers[i].fd);
    if (h->socket_fd >= 0) {
        (void)unlinkat(h->dir_fd, WTL_ROOM_SOCKET, 0);
        close(h->socket_fd);
    }
}
