/* SPDX-License-Identifier: Apache-2.0
 * Talking to a PTDaemon. */
#include "device/meter/ptd.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PORT "8888"
#define MAX_W 1e9

enum { SAMPLES_MAX = 500000, ANSWER = 512 };

/* ---- Lines ------------------------------------------------------------------------------------*/

/* "Last 3 samples" */
static bool is_header(const char *line, size_t n, int64_t *left)
{
    char text[32];
    struct wtl_view v = {line, n < sizeof text ? n : sizeof text - 1};
    int64_t count = 0;
    if (!wtl_view_copy(v, text, sizeof text) || !wtl_starts_with(text, "Last "))
        return false;
    const char *digits = text + strlen("Last ");
    size_t k = strspn(digits, "0123456789");
    if (!wtl_parse_int(digits, k, &count) || count < 0 || count > SAMPLES_MAX ||
        !wtl_starts_with(digits + k, " sample"))
        return false;
    *left = count;
    return true;
}

/* The field behind "KEY,". */
static bool field(const char *line, size_t n, const char *key, struct wtl_view *out)
{
    for (const char *s = line, *end = line + n; s < end;) {
        const char *comma = memchr(s, ',', (size_t)(end - s));
        struct wtl_view word = {s, (size_t)((comma ? comma : end) - s)};
        s = comma ? comma + 1 : end;
        if (!wtl_view_is(word, key) || !comma)
            continue;
        comma = memchr(s, ',', (size_t)(end - s));
        *out = (struct wtl_view){s, (size_t)((comma ? comma : end) - s)};
        return true;
    }
    return false;
}

int wtl_ptd_line(const char *line, size_t n, int64_t *left, struct wtl_meter_reading *out,
                 struct wtl_error *err)
{
    struct wtl_view watts;
    double w = 0;
    while (n > 0 && (line[n - 1] == '\r' || line[n - 1] == ' '))
        n--;
    const int shown = n < 60 ? (int)n : 60;
    if (is_header(line, n, left))
        return 0;
    *left = *left > 0 ? *left - 1 : 0;
    if (n < 5 || strncmp(line, "Time,", 5) != 0)
        return n == 7 && strncmp(line, "No data", 7) == 0
                   ? 0
                   : WTL_FAIL(err, WTL_PARSE, "\"%.*s\" is no sample of a PTDaemon", shown, line);
    if (!field(line, n, "Watts", &watts) || !wtl_parse_double(watts.s, watts.n, &w))
        return WTL_FAIL(err, WTL_PARSE, "\"%.*s\" has no watts", shown, line);
    if (!(w >= 0 && w <= MAX_W))
        return WTL_FAIL(err, WTL_PARSE, "\"%.*s\": the analyser had no value", shown, line);
    *out = (struct wtl_meter_reading){.has[WTL_METER_POWER] = true, .value[WTL_METER_POWER] = w};
    return 1;
}

bool wtl_ptd_identity(const char *line, char model_out[WTL_LIMIT_NAME], bool *is_power_out)
{
    if (!strstr(line, ",version="))
        return false;
    (void)wtl_view_copy((struct wtl_view){line, strcspn(line, ",")}, model_out, WTL_LIMIT_NAME);
    wtl_replace_controls(model_out);
    const char *mode = strstr(line, ",mode=");
    *is_power_out = !mode || wtl_starts_with(mode, ",mode=power");
    return true;
}

bool wtl_ptd_started(const char *line, int64_t *period_ns_out)
{
    int64_t ms = 0;
    const char *at = strstr(line, " samples at ");
    if (!wtl_starts_with(line, "Starting untimed measurement") || !at)
        return false;
    at += strlen(" samples at ");
    size_t n = strspn(at, "0123456789");
    if (!wtl_parse_int(at, n, &ms) || ms <= 0 || ms > 60000 || !wtl_starts_with(at + n, "ms"))
        return false;
    *period_ns_out = ms * 1000000;
    return true;
}

/* ---- The connection ---------------------------------------------------------------------------*/

struct talk {
    const char *address;
    int fd;
    struct timespec until;
    char rest[ANSWER]; /* come, and not read yet */
    size_t n;
};

static int left_ms(const struct talk *t)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t ms = (t->until.tv_sec - now.tv_sec) * 1000 + (t->until.tv_nsec - now.tv_nsec) / 1000000;
    return ms > 0 ? (int)ms : 0;
}

static int fail_late(const struct talk *t, struct wtl_error *err)
{
    return WTL_FAIL(err, WTL_TIMEOUT, "the PTDaemon at %s does not answer", t->address);
}

static int fail_unreached(const struct talk *t, const char *why, struct wtl_error *err)
{
    int rc = WTL_FAIL(err, WTL_FAILED, "no PTDaemon is reached at %s: %s", t->address, why);
    wtl_error_hint(err, "meter:ptd:HOST:PORT; it listens on port " PORT " unless told otherwise");
    return rc;
}

/* Waits until the connection stands; 0, or errno. */
static int wait_connected(const struct talk *t)
{
    struct pollfd p = {.fd = t->fd, .events = POLLOUT};
    int why = 0;
    socklen_t size = sizeof why;
    int rc;
    do
        rc = poll(&p, 1, left_ms(t));
    while (rc < 0 && errno == EINTR);
    if (rc <= 0)
        return rc < 0 ? errno : ETIMEDOUT;
    return getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &why, &size) == 0 ? why : errno;
}

static int connect_to(struct talk *t, const struct addrinfo *all)
{
    int why = EHOSTUNREACH;
    for (const struct addrinfo *a = all; a; a = a->ai_next) {
        t->fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (t->fd < 0) {
            why = errno;
            continue;
        }
        why = connect(t->fd, a->ai_addr, a->ai_addrlen) == 0 ? 0
              : errno == EINPROGRESS                         ? wait_connected(t)
                                                             : errno;
        if (why == 0)
            return 0;
        close(t->fd);
        t->fd = -1;
    }
    return why;
}

/* "HOST", "HOST:PORT", "[ADDRESS]:PORT". */
static bool split(const char *address, char host[WTL_LIMIT_NAME], const char **port)
{
    const char *colon = strrchr(address, ':');
    bool bracket = address[0] == '[';
    const char *close = bracket ? strchr(address, ']') : NULL;
    *port = PORT;
    if (bracket && (!close || (close[1] && close[1] != ':')))
        return false;
    if (bracket ? close[1] == ':' : colon != NULL)
        *port = (bracket ? close + 1 : colon) + 1;
    struct wtl_view v = {bracket ? address + 1 : address, bracket ? (size_t)(close - address - 1)
                                                          : colon ? (size_t)(colon - address)
                                                                  : strlen(address)};
    return v.n > 0 && **port && wtl_view_copy(v, host, WTL_LIMIT_NAME);
}

static int open_connection(struct talk *t, struct wtl_error *err)
{
    char host[WTL_LIMIT_NAME];
    const char *port = PORT;
    struct addrinfo *all = NULL;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    if (!split(t->address, host, &port))
        return WTL_FAIL(err, WTL_USAGE, "\"%s\" is not HOST or HOST:PORT", t->address);
    int rc = getaddrinfo(host, port, &hints, &all);
    if (rc != 0)
        return fail_unreached(t, gai_strerror(rc), err);
    int why = connect_to(t, all);
    freeaddrinfo(all);
    return why ? fail_unreached(t, strerror(why), err) : 0;
}

static bool put(int fd, const char *text)
{
    size_t n = strlen(text);
    return send(fd, text, n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)n; /* fits any buffer */
}

/* The next line, without its end. */
static int get_line(struct talk *t, char line[ANSWER], struct wtl_error *err)
{
    for (;;) {
        const char *newline = memchr(t->rest, '\n', t->n);
        if (newline) {
            size_t n = (size_t)(newline - t->rest);
            (void)wtl_view_copy(wtl_view_trim((struct wtl_view){t->rest, n}), line, ANSWER);
            t->n -= n + 1;
            memmove(t->rest, newline + 1, t->n);
            return 0;
        }
        if (t->n == sizeof t->rest)
            return WTL_FAIL(err, WTL_PARSE,
                            "%s answers with a line of more than %d bytes: no "
                            "PTDaemon",
                            t->address, ANSWER);
        struct pollfd p = {.fd = t->fd, .events = POLLIN};
        int rc = poll(&p, 1, left_ms(t));
        if (rc == 0)
            return fail_late(t, err);
        ssize_t n = rc > 0 ? read(t->fd, t->rest + t->n, sizeof t->rest - t->n) : -1;
        if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
            return fail_unreached(t, n == 0 ? "it closed the connection" : strerror(errno), err);
        t->n += n > 0 ? (size_t)n : 0;
    }
}

static int ask(struct talk *t, const char *command, char line[ANSWER], struct wtl_error *err)
{
    return put(t->fd, command) ? get_line(t, line, err)
                               : fail_unreached(t, "nothing can be sent to it", err);
}

static int begin(struct talk *t, struct wtl_ptd *out, struct wtl_error *err)
{
    char line[ANSWER];
    bool is_power = false;
    int rc = ask(t, "Hello\r\n", line, err);
    if (rc == 0 && strcmp(line, "Hello, PTDaemon here!") != 0)
        rc = WTL_FAIL(err, WTL_FAILED, "%s is no PTDaemon: it says \"%.60s\"", t->address, line);
    rc = rc ? rc : ask(t, "Identify\r\n", line, err);
    if (rc == 0 && !wtl_ptd_identity(line, out->model, &is_power))
        rc = WTL_FAIL(err, WTL_FAILED, "the PTDaemon at %s has no analyser: it says \"%.60s\"",
                      t->address, line);
    if (rc == 0 && !is_power)
        rc = WTL_FAIL(err, WTL_UNSUPPORTED, "the PTDaemon at %s does not measure power: %s",
                      t->address, out->model);
    rc = rc ? rc : ask(t, "Go,0,0\r\n", line, err);
    if (rc == 0 && !wtl_ptd_started(line, &out->period_ns)) {
        rc = WTL_FAIL(err, WTL_BUSY, "the PTDaemon at %s starts no measurement: \"%.60s\"",
                      t->address, line);
        wtl_error_hint(err, "somebody else may be measuring; nothing of theirs is stopped");
    }
    return rc;
}

int wtl_ptd_start(const char *address, int time_ms, struct wtl_ptd *out, struct wtl_error *err)
{
    struct talk t = {.address = address, .fd = -1};
    struct wtl_ptd p = {0};
    clock_gettime(CLOCK_MONOTONIC, &t.until);
    t.until.tv_sec += time_ms / 1000;
    int rc = open_connection(&t, err);
    rc = rc ? rc : begin(&t, &p, err);
    if (rc < 0) {
        if (t.fd >= 0)
            close(t.fd);
        return rc;
    }
    p.fd = t.fd;
    *out = p;
    return 0;
}

bool wtl_ptd_ask(int fd)
{
    return put(fd, "RL\r\n");
}

void wtl_ptd_stop(int fd)
{
    (void)put(fd, "Stop\r\n");
}
