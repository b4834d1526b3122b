/* SPDX-License-Identifier: Apache-2.0
 * Lines of text to a Unix socket, whatever becomes of its other end. */
#include "markers/markers.h"

#include "base/text.h"
#include "markers/line.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    PATIENCE_MS = 100,  /* with a reader that does not read */
    LATENCY_LINE = 900, /* bytes after which a line of latencies ends */
    /* Bytes of a line with as many shares as there may be, each "NAME:WORK,". */
    END_LINE = 512 + WTL_MARKER_SHARES * (WTL_MARKER_NAME + WTL_DOUBLE_TEXT + 1),
};

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

/* Lines that the other end passes over, or that do not fit between two sendings, are none. */
_Static_assert((int)END_LINE < (int)WTL_MARKER_LINE, "an end is longer than a line may be");
_Static_assert((int)END_LINE < (int)WTL_MARKERS_BUFFER, "an end is longer than the buffer");

/* ---- The socket ------------------------------------------------------------------------------ */

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct timeval patience = {.tv_sec = 1};
    size_t n = path ? strlen(path) : 0;
    if (n == 0 || n >= sizeof address.sun_path)
        return -1;
    memcpy(address.sun_path, path, n + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    /* A listener that never accepts must not hold a program up. */
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Who waits for an answer is woken, and closes. */
static void hang_up(struct wtl_markers *m)
{
    if (m->fd >= 0 && m->fd == m->asked_fd)
        (void)shutdown(m->fd, SHUT_RDWR);
    else if (m->fd >= 0)
        close(m->fd);
    m->fd = -1;
    m->len = m->line = 0;
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* Whether something happens there until then; signals of the program's do not end it. */
static bool wait_for(int fd, short events, int64_t until_ns)
{
    struct pollfd p = {.fd = fd, .events = events};
    int rc;
    do {
        int64_t left = until_ns - now_ns();
        rc = poll(&p, 1, left > 0 ? (int)((left + NS_PER_MS - 1) / NS_PER_MS) : 0);
    } while (rc < 0 && errno == EINTR);
    return rc > 0;
}

/* Sends as much as there is room for. */
static void send_now(struct wtl_markers *m)
{
    size_t at = 0;
    while (at < m->len) {
        ssize_t n = send(m->fd, m->buf + at, m->len - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0)
            at += (size_t)n;
        else if (n == 0 || errno == EAGAIN || errno == EWOULDBLOCK)
            break;
        else if (errno != EINTR) {
            hang_up(m);
            return;
        }
    }
    m->len -= at;
    memmove(m->buf, m->buf + at, m->len);
}

/* Waits for the other end to read, a while. */
static void wait_for_room(struct wtl_markers *m)
{
    (void)wait_for(m->fd, POLLOUT, now_ns() + PATIENCE_MS * NS_PER_MS);
    send_now(m);
}

/* ---- The buffer ------------------------------------------------------------------------------ */

/* Room for n bytes and the end of an unfinished line; false: nobody listens any more. */
static bool make_room(struct wtl_markers *m, size_t n)
{
    if (m->fd >= 0 && m->len + n >= sizeof m->buf)
        send_now(m);
    if (m->fd >= 0 && m->len + n >= sizeof m->buf)
        wait_for_room(m);
    if (m->fd >= 0 && m->len + n >= sizeof m->buf)
        hang_up(m);
    return m->fd >= 0;
}

static void end_line(struct wtl_markers *m)
{
    if (m->line) /* a byte is kept free for it */
        m->buf[m->len++] = '\n';
    m->line = 0;
}

/* A whole line with its newline. */
static void add(struct wtl_markers *m, const char *line, size_t n)
{
    if (m->fd < 0)
        return;
    end_line(m);
    if (!make_room(m, n + 1))
        return;
    memcpy(m->buf + m->len, line, n);
    m->len += n;
}

static void send_when_due(struct wtl_markers *m, int64_t t_ns)
{
    if (m->fd < 0 || m->len == 0)
        return;
    if (m->hold_ns > 0 && m->len < sizeof m->buf / 2 && t_ns - m->sent_ns < m->hold_ns)
        return;
    m->sent_ns = t_ns;
    end_line(m);
    send_now(m);
}

/* ---- Words ----------------------------------------------------------------------------------- */

bool wtl_markers_name_valid(const char *name)
{
    size_t n = name ? strlen(name) : 0;
    if (n == 0 || n > WTL_MARKERS_NAME)
        return false;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)name[i] <= ' ' || name[i] == 0x7f)
            return false;
    return true;
}

static bool share_valid(const struct wtl_marker_share *s)
{
    return wtl_markers_name_valid(s->request) && !strpbrk(s->request, ",:") && isfinite(s->work) &&
           s->work >= 0;
}

/* A line that is put together. */
struct line {
    size_t len;
    char text[END_LINE];
};

static void put(struct line *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct line *l, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (l->len < END_LINE)
        l->len += (size_t)vsnprintf(l->text + l->len, END_LINE - l->len, format, args);
    va_end(args);
}

const char *wtl_markers_end_wrong(const struct wtl_marker_end *end)
{
    if (!wtl_markers_name_valid(end->name))
        return "a name is one word of 1 to 63 bytes";
    if (end->unit && (!wtl_markers_name_valid(end->unit) || strlen(end->unit) >= WTL_MARKER_UNIT))
        return "a unit is one word of 1 to 15 bytes";
    if (end->has_work && !(isfinite(end->work) && end->work >= 0))
        return "work is finite and not negative";
    if (end->has_latency && !(isfinite(end->latency_s) && end->latency_s >= 0))
        return "a latency is finite and not negative";
    if (end->n_shares > WTL_MARKER_SHARES)
        return "there are 512 requests at most";
    for (size_t i = 0; i < end->n_shares; i++)
        if (!share_valid(&end->shares[i]))
            return "a request is one word of 1 to 63 bytes without ',' and ':', its work finite "
                   "and "
                   "not negative";
    return NULL;
}

/* Those texts say them. */
_Static_assert((int)WTL_MARKERS_NAME == 63 && (int)WTL_MARKER_UNIT == 16 &&
                   (int)WTL_MARKER_SHARES == 512,
               "limits are as they are told");

bool wtl_markers_end_valid(const struct wtl_marker_end *end)
{
    return !wtl_markers_end_wrong(end);
}

/* Whole numbers, which work mostly is, in a tenth of the time. */
static const char *format_work(double work, char buf[WTL_DOUBLE_TEXT])
{
    if (work != floor(work) || work > 1e15)
        return wtl_format_double(work, buf);
    snprintf(buf, WTL_DOUBLE_TEXT, "%lld", (long long)work);
    return buf;
}

/* Of an end that is valid, so that it fits. */
static void format_end(const struct wtl_marker_end *end, bool reply, struct line *l)
{
    char number[WTL_DOUBLE_TEXT];
    l->len = 0;
    put(l, "end %s t=%lld", end->name, (long long)end->t_ns);
    if (end->tid)
        put(l, " tid=%lld", (long long)end->tid);
    if (end->has_work)
        put(l, " work=%s", format_work(end->work, number));
    if (end->unit)
        put(l, " unit=%s", end->unit);
    for (size_t i = 0; i < end->n_shares; i++)
        put(l, "%s%s:%s", i ? "," : " requests=", end->shares[i].request,
            format_work(end->shares[i].work, number));
    if (end->has_latency)
        put(l, " latency=%s", wtl_format_double(end->latency_s, number));
    put(l, "%s%s\n", end->cancel ? " cancel=1" : "", reply ? " reply=1" : "");
    assert(l->len < END_LINE);
}

/* ---- Calls ----------------------------------------------------------------------------------- */

void wtl_markers_open(struct wtl_markers *m, const char *path, int64_t hold_ns)
{
    (void)pthread_mutex_init(&m->lock, NULL);
    pthread_condattr_t attr;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&m->answered, &attr);
    (void)pthread_condattr_destroy(&attr);
    m->asking = false;
    m->fd = connect_to(path);
    m->asked_fd = -1;
    m->hold_ns = hold_ns;
    m->sent_ns = INT64_MIN / 2;
    m->len = m->line = m->reply_len = 0;
    m->owed = 0;
}

void wtl_markers_close(struct wtl_markers *m)
{
    pthread_mutex_lock(&m->lock);
    end_line(m);
    if (m->fd >= 0)
        send_now(m);
    if (m->fd >= 0 && m->len > 0)
        wait_for_room(m);
    hang_up(m);
    pthread_mutex_unlock(&m->lock);
}

bool wtl_markers_on(struct wtl_markers *m)
{
    pthread_mutex_lock(&m->lock);
    bool on = m->fd >= 0;
    pthread_mutex_unlock(&m->lock);
    return on;
}

bool wtl_markers_begin(struct wtl_markers *m, const char *name, int64_t t_ns, int64_t tid)
{
    char line[WTL_MARKERS_NAME + 64], thread[32] = "";
    if (!wtl_markers_name_valid(name))
        return false;
    if (!wtl_markers_on(m))
        return true;
    if (tid)
        snprintf(thread, sizeof thread, " tid=%lld", (long long)tid);
    int n = snprintf(line, sizeof line, "begin %s t=%lld%s\n", name, (long long)t_ns, thread);
    pthread_mutex_lock(&m->lock);
    add(m, line, (size_t)n);
    send_when_due(m, t_ns);
    pthread_mutex_unlock(&m->lock);
    return true;
}

bool wtl_markers_end(struct wtl_markers *m, const struct wtl_marker_end *end)
{
    struct line line;
    if (!wtl_markers_end_valid(end))
        return false;
    if (!wtl_markers_on(m))
        return true;
    format_end(end, false, &line);
    pthread_mutex_lock(&m->lock);
    add(m, line.text, line.len);
    send_when_due(m, end->t_ns);
    pthread_mutex_unlock(&m->lock);
    return true;
}

/* ---- Questions ------------------------------------------------------------------------------- */

/* Reads on; false: nothing in time. */
static bool read_more(struct wtl_markers *m, int fd, int64_t until_ns)
{
    if (m->reply_len == sizeof m->reply || !wait_for(fd, POLLIN, until_ns))
        return false;
    ssize_t n = recv(fd, m->reply + m->reply_len, sizeof m->reply - m->reply_len, MSG_DONTWAIT);
    m->reply_len += n > 0 ? (size_t)n : 0;
    if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
        return true;
    pthread_mutex_lock(&m->lock);
    hang_up(m);
    pthread_mutex_unlock(&m->lock);
    return false;
}

/* Takes the next line that came, if it is a whole one; *n_out: its length. It is at the
 * front of the buffer. */
static bool next_reply(struct wtl_markers *m, int fd, int64_t until_ns, size_t *n_out)
{
    const char *newline;
    while (!(newline = memchr(m->reply, '\n', m->reply_len)))
        if (!read_more(m, fd, until_ns))
            return false;
    *n_out = (size_t)(newline - m->reply);
    return true;
}

/* The answer to the last question; those to earlier ones, which came late, go. */
static size_t take_reply(struct wtl_markers *m, int fd, int64_t until_ns, char *reply_out,
                         size_t size)
{
    size_t n = 0, used = 0;
    for (m->owed++; m->owed > 0 && next_reply(m, fd, until_ns, &n); m->owed--) {
        used = m->owed == 1 && n < size ? n : 0;
        memcpy(reply_out, m->reply, used);
        m->reply_len -= n + 1;
        memmove(m->reply, m->reply + n + 1, m->reply_len);
    }
    reply_out[used] = '\0';
    return used;
}

/* Waits until nobody else asks; false: somebody still does. */
static bool begin_asking(struct wtl_markers *m, int64_t until_ns)
{
    const struct timespec until = {until_ns / NS_PER_S, until_ns % NS_PER_S};
    int late = 0;
    pthread_mutex_lock(&m->lock);
    while (m->asking && late != ETIMEDOUT)
        late = pthread_cond_timedwait(&m->answered, &m->lock, &until);
    bool mine = !m->asking;
    m->asking = true;
    pthread_mutex_unlock(&m->lock);
    return mine;
}

/* Sends a line at once; where it asks something, what it is asked on, else -1. */
static int send_line(struct wtl_markers *m, const struct line *line, int64_t t_ns, bool asks)
{
    pthread_mutex_lock(&m->lock);
    add(m, line->text, line->len);
    if (m->fd >= 0)
        send_now(m);
    m->sent_ns = t_ns;
    m->asked_fd = asks ? m->fd : m->asked_fd;
    int fd = asks ? m->fd : -1;
    pthread_mutex_unlock(&m->lock);
    return fd;
}

static void end_asking(struct wtl_markers *m, int fd)
{
    pthread_mutex_lock(&m->lock);
    m->asking = false;
    m->asked_fd = -1;
    if (fd >= 0 && m->fd != fd) /* hung up meanwhile */
        close(fd);
    pthread_cond_signal(&m->answered);
    pthread_mutex_unlock(&m->lock);
}

size_t wtl_markers_end_reply(struct wtl_markers *m, const struct wtl_marker_end *end,
                             int patience_ms, char *reply_out, size_t size)
{
    const int64_t until_ns = now_ns() + patience_ms * NS_PER_MS;
    struct line line;
    size_t n = 0;
    reply_out[0] = '\0';
    if (!wtl_markers_end_valid(end) || !wtl_markers_on(m))
        return 0;
    const bool asks = begin_asking(m, until_ns);
    format_end(end, asks, &line);
    const int fd = send_line(m, &line, end->t_ns, asks);
    if (fd >= 0)
        n = take_reply(m, fd, until_ns, reply_out, size);
    if (asks)
        end_asking(m, fd);
    return n;
}

size_t wtl_markers_devices(struct wtl_markers *m, int64_t t_ns, int patience_ms, char *reply_out,
                           size_t size)
{
    const int64_t until_ns = now_ns() + patience_ms * NS_PER_MS;
    struct line line = {.len = 0};
    size_t n = 0;
    reply_out[0] = '\0';
    if (!wtl_markers_on(m) || !begin_asking(m, until_ns))
        return 0;
    put(&line, "devices\n");
    const int fd = send_line(m, &line, t_ns, true);
    if (fd >= 0)
        n = take_reply(m, fd, until_ns, reply_out, size);
    end_asking(m, fd);
    return n;
}

/* ---- Latencies, ready ------------------------------------------------------------------------ */

void wtl_markers_latency(struct wtl_markers *m, int64_t latency_ns, int64_t t_ns)
{
    char word[48];
    int64_t ns = latency_ns < 0 ? 0 : latency_ns;
    if (!wtl_markers_on(m))
        return;
    pthread_mutex_lock(&m->lock);
    if (m->line > LATENCY_LINE)
        end_line(m);
    int n = snprintf(word, sizeof word, "%s %lld.%09lld", m->line ? "" : "latency",
                     (long long)(ns / 1000000000), (long long)(ns % 1000000000));
    if (m->fd >= 0 && make_room(m, (size_t)n + 1)) {
        memcpy(m->buf + m->len, word, (size_t)n);
        m->len += (size_t)n;
        m->line += (size_t)n;
        send_when_due(m, t_ns);
    }
    pthread_mutex_unlock(&m->lock);
}

void wtl_markers_ready(struct wtl_markers *m)
{
    pthread_mutex_lock(&m->lock);
    add(m, "ready\n", 6);
    if (m->fd >= 0)
        send_now(m);
    pthread_mutex_unlock(&m->lock);
}

void wtl_markers_flush(struct wtl_markers *m, int64_t t_ns)
{
    pthread_mutex_lock(&m->lock);
    end_line(m);
    if (m->fd >= 0)
        send_now(m);
    m->sent_ns = t_ns;
    pthread_mutex_unlock(&m->lock);
}
