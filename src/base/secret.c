/* SPDX-License-Identifier: Apache-2.0
 * Passwords. */
#include "base/secret.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void wtl_secret_clear(char secret[WTL_SECRET_MAX])
{
    explicit_bzero(secret, WTL_SECRET_MAX);
}

char **wtl_secret_environment(struct wtl_arena *arena)
{
    static const char secret[] = WTL_SECRET_REDFISH "=";
    size_t n = 0, kept = 0;
    while (environ && environ[n])
        n++;
    char **out = WTL_NEW_ARRAY(arena, char *, n + 1);
    for (size_t i = 0; out && i < n; i++)
        if (strncmp(environ[i], secret, sizeof secret - 1) != 0)
            out[kept++] = environ[i];
    return out;
}

static int take(const char *text, size_t n, const char *from, char secret_out[WTL_SECRET_MAX],
                struct wtl_error *err)
{
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        n--;
    if (n == 0)
        return WTL_FAIL(err, WTL_USAGE, "%s holds no password", from);
    if (n >= WTL_SECRET_MAX || memchr(text, '\n', n) || memchr(text, '\0', n))
        return WTL_FAIL(err, WTL_USAGE, "%s is no password of one line and %d bytes at most", from,
                        WTL_SECRET_MAX - 1);
    memset(secret_out, 0, WTL_SECRET_MAX);
    memcpy(secret_out, text, n);
    return 0;
}

static int read_file(const char *path, char secret_out[WTL_SECRET_MAX], struct wtl_error *err)
{
    char text[2 * WTL_SECRET_MAX], from[WTL_ERROR_PATH_MAX];
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return wtl_fail_errno(err, errno, "open", path);
    int why = fstat(fd, &st) == 0 ? 0 : errno;
    ssize_t n = why ? 0 : read(fd, text, sizeof text);
    why = n < 0 ? errno : why;
    close(fd);
    if (why)
        return wtl_fail_errno(err, why, "read", path);
    int rc = 0;
    if (st.st_mode & 077) {
        rc = WTL_FAIL(err, WTL_PERMISSION, "\"%s\" holds a password, and others may read it", path);
        wtl_error_hint(err, "chmod 600 %s", path);
    } else {
        snprintf(from, sizeof from, "\"%.200s\"", path);
        const char *end = memchr(text, '\n', (size_t)n);
        rc = take(text, end ? (size_t)(end - text) : (size_t)n, from, secret_out, err);
    }
    explicit_bzero(text, sizeof text);
    return rc;
}

int wtl_secret_read(const char *path, const char *variable, char secret_out[WTL_SECRET_MAX],
                    struct wtl_error *err)
{
    if (path)
        return read_file(path, secret_out, err);
    const char *value = secure_getenv(variable);
    if (value && *value)
        return take(value, strlen(value), variable, secret_out, err);
    memset(secret_out, 0, WTL_SECRET_MAX);
    return 0;
}
