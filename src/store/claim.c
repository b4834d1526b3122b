/* SPDX-License-Identifier: Apache-2.0
 * The lock beside a campaign. */
#include "store/claim.h"

#include "base/file.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HOST = 65, LINE = 128 };

static void host_name(char out[HOST])
{
    if (gethostname(out, HOST) != 0)
        (void)snprintf(out, HOST, "?");
    out[HOST - 1] = '\0';
}

/* "PID HOST", as whoever has it wrote. */
static bool read_holder(int fd, long *pid, char host[HOST])
{
    char line[LINE] = "", *end;
    const ssize_t n = pread(fd, line, sizeof line - 1, 0);
    *pid = n > 0 ? strtol(line, &end, 10) : 0;
    if (*pid <= 0 || *end != ' ')
        return false;
    end[1 + strcspn(end + 1, "\n")] = '\0';
    (void)snprintf(host, HOST, "%.64s", end + 1);
    return true;
}

static int is_taken(int fd, const char *campaign, struct wtl_error *err)
{
    char host[HOST], here[HOST];
    long pid = 0;
    host_name(here);
    if (!read_holder(fd, &pid, host)) {
        int rc = WTL_FAIL(err, WTL_BUSY, "another sweep is writing \"%s\"", campaign);
        wtl_error_hint(err, "wait until it ends, or name another campaign with -o");
        return rc;
    }
    const bool same = strcmp(host, here) == 0;
    int rc = WTL_FAIL(err, WTL_BUSY, "another sweep is writing \"%s\": process %ld%s%s", campaign,
                      pid, same ? "" : " on ", same ? "" : host);
    wtl_error_hint(err,
                   "wait until it ends, end it (`kill %ld`: what it measured stays, and the same "
                   "command goes on), or name another campaign with -o",
                   pid);
    return rc;
}

/* Whether the file that was locked is still the one of that name: whoever had it before has removed
 * it. */
static bool is_there(int fd, const char *path)
{
    struct stat open_file, named;
    return fstat(fd, &open_file) == 0 && stat(path, &named) == 0 &&
           open_file.st_ino == named.st_ino && open_file.st_dev == named.st_dev;
}

static int sign(int fd, const char *path, struct wtl_error *err)
{
    char line[LINE], host[HOST];
    host_name(host);
    const int n = snprintf(line, sizeof line, "%ld %s\n", (long)getpid(), host);
    if (ftruncate(fd, 0) != 0 || pwrite(fd, line, (size_t)n, 0) != n)
        return wtl_fail_errno(err, errno, "write", path);
    return 0;
}

int wtl_claim_take(const char *path, struct wtl_claim *out, struct wtl_error *err)
{
    struct wtl_claim c = {.fd = -1};
    char *whole = realpath(path, NULL);
    const int n = snprintf(c.path, sizeof c.path, "%s-sweep", whole ? whole : path);
    free(whole);
    if (n < 0 || (size_t)n >= sizeof c.path)
        return WTL_FAIL(err, WTL_LIMIT, "the path of \"%.200s\" is too long", path);
    for (;;) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        c.fd = open(c.path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (c.fd < 0)
            return wtl_fail_errno(err, errno, "open", c.path);
        int rc = 0;
        if (fcntl(c.fd, F_SETLK, &lock) != 0)
            rc = errno == EAGAIN || errno == EACCES ? is_taken(c.fd, path, err)
                                                    : wtl_fail_errno(err, errno, "lock", c.path);
        else if (is_there(c.fd, c.path) && (rc = sign(c.fd, c.path, err)) == 0)
            break;
        (void)close(c.fd);
        if (rc < 0)
            return rc;
    }
    *out = c;
    return 0;
}

void wtl_claim_drop(struct wtl_claim *c)
{
    if (!c->path[0])
        return;
    (void)unlink(c->path);
    (void)close(c->fd);
    *c = (struct wtl_claim){.fd = -1};
}
