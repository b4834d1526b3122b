/* SPDX-License-Identifier: Apache-2.0
 * Sockets for markers, in a folder that others use, too. */
#include "telemetry/listener.h"

#include "base/clock.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PREFIX "markers-"

/* A socket refuses for a moment before its process listens. */
enum { YOUNG_S = 60, TRIES = 16 };

static bool address_of(const char *dir, const char *name, struct sockaddr_un *out)
{
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    int n = snprintf(out->sun_path, sizeof out->sun_path, "%s/%s", dir, name);
    return n > 0 && (size_t)n < sizeof out->sun_path;
}

static bool nobody_listens(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool refused = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 &&
                   errno == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    return refused;
}

/* A number that nobody has here may be somebody's in another container: he is asked. */
static bool is_dead(const char *name, const struct sockaddr_un *address)
{
    struct stat st;
    const long pid = strtol(name + sizeof PREFIX - 1, NULL, 10);
    if (pid <= 0 || kill((pid_t)pid, 0) == 0 || errno != ESRCH)
        return false;
    return lstat(address->sun_path, &st) == 0 && S_ISSOCK(st.st_mode) &&
           time(NULL) - st.st_mtime > YOUNG_S && nobody_listens(address);
}

static void remove_dead(const char *path)
{
    DIR *dir = opendir(path);
    struct sockaddr_un address;
    const struct dirent *e;
    while (dir && (e = readdir(dir)) != NULL)
        if (strncmp(e->d_name, PREFIX, sizeof PREFIX - 1) == 0 &&
            address_of(path, e->d_name, &address) && is_dead(e->d_name, &address))
            (void)unlink(address.sun_path);
    if (dir)
        closedir(dir);
}

/* Under a name that nobody has taken; errno. */
static bool bind_new(int fd, const char *dir, struct sockaddr_un *address)
{
    char name[64];
    for (int i = 0; i < TRIES; i++) {
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        snprintf(name, sizeof name, PREFIX "%d-%llx", (int)getpid(),
                 (unsigned long long)(t.tv_sec * WTL_NS_PER_S + t.tv_nsec));
        if (!address_of(dir, name, address)) {
            errno = ENAMETOOLONG;
            return false;
        }
        if (bind(fd, (const struct sockaddr *)address, sizeof *address) == 0)
            return true;
        if (errno != EADDRINUSE)
            return false;
    }
    return false;
}

int wtl_listener_open(const char *dir, int backlog, int *fd_out, char *path_out, size_t size,
                      struct wtl_error *err)
{
    struct sockaddr_un address = {0};
    remove_dead(dir);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool bound = fd >= 0 && bind_new(fd, dir, &address);
    if (bound && listen(fd, backlog) == 0 && strlen(address.sun_path) < size) {
        memcpy(path_out, address.sun_path, strlen(address.sun_path) + 1);
        *fd_out = fd;
        return 0;
    }
    int why = errno;
    if (bound)
        (void)unlink(address.sun_path);
    if (fd >= 0)
        close(fd);
    if (why != ENAMETOOLONG)
        return WTL_FAIL(err, WTL_IO, "no socket in \"%s\": %s", dir, strerror(why));
    int rc = WTL_FAIL(err, WTL_LIMIT, "the path \"%s\" is too long for a socket", dir);
    wtl_error_hint(err, "set WATTLE_RUN_DIR to a folder with a path of 60 bytes or less");
    return rc;
}
