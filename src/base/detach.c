/* SPDX-License-Identifier: Apache-2.0 */
#include "base/detach.h"

#include <fcntl.h>
#include <unistd.h>

int wtl_standard_descriptors(void)
{
    for (int fd = 0; fd < 3; fd++) {
        if (fcntl(fd, F_GETFD) >= 0)
            continue;
        /* The lowest number that is free: this one. */
        if (open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
            return -1;
    }
    return 0;
}

/* The lowest of `keep` that is at least `from`; -1: none. */
static int next_kept(const int *keep, int n, int from)
{
    int next = -1;
    for (int i = 0; i < n; i++)
        if (keep[i] >= from && (next < 0 || keep[i] < next))
            next = keep[i];
    return next;
}

static void close_others(const int *keep, int n)
{
    int from = 3;
    for (int next; (next = next_kept(keep, n, from)) >= 0; from = next + 1)
        if (next > from)
            (void)close_range((unsigned)from, (unsigned)next - 1, 0);
    (void)close_range((unsigned)from, ~0U, 0);
}

void wtl_detach(int *keep, int n)
{
    (void)setsid();
    (void)!chdir("/");
    for (int i = 0; i < n; i++)
        if (keep[i] >= 0 && keep[i] < 3)
            keep[i] = fcntl(keep[i], F_DUPFD_CLOEXEC, 3);
    close_others(keep, n);
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; null >= 0 && fd < 3; fd++)
        (void)dup2(null, fd);
    if (null > 2)
        close(null);
}
