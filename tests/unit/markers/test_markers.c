/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "markers/line.h"
#include "markers/markers.h"

#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A listener and its one connection. */
static int listener = -1;

static void listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(listener >= 0);
    assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 4), 0);
}

static int opened(struct wtl_markers *m, int64_t hold_ns)
{
    const char *path = in_test_directory("markers");
    (void)unlink(path);
    listen_at(path);
    wtl_markers_open(m, path, hold_ns);
    assert_true(wtl_markers_on(m));
    int fd = accept(listener, NULL, NULL);
    assert_true(fd >= 0);
    close(listener);
    return fd;
}

static struct wtl_markers *new_markers(void)
{
    struct wtl_markers *m = malloc(sizeof *m);
    assert_non_null(m);
    return m;
}

/* What there is to read now. */
static const char *heard(int fd)
{
    static char text[1 << 20];
    size_t n = 0;
    ssize_t got;
    while ((got = recv(fd, text + n, sizeof text - 1 - n, MSG_DONTWAIT)) > 0)
        n += (size_t)got;
    text[n] = '\0';
    return text;
}

static void lines_are_those_of_the_protocol(void **state)
{
    (void)state;
    struct wtl_markers *m = new_markers();
    int fd = opened(m, 0);
    assert_true(wtl_markers_begin(m, "epoch", 1000, 0));
    assert_true(wtl_markers_begin(m, "batch", 2000, 42));
    struct wtl_marker_end end = {
        .name = "batch", .t_ns = 3000, .tid = 42, .has_work = true, .work = 8, .unit = "images"};
    assert_true(wtl_markers_end(m, &end));
    const struct wtl_marker_share shares[] = {{"a", 0.5}, {"b", 7}};
    end = (struct wtl_marker_end){.name = "epoch",
                                  .t_ns = 4000,
                                  .shares = shares,
                                  .n_shares = 2,
                                  .has_latency = true,
                                  .latency_s = 0.25};
    assert_true(wtl_markers_end(m, &end));
    wtl_markers_ready(m);
    wtl_markers_latency(m, 1500000000, 5000);
    wtl_markers_latency(m, 42, 5000);
    wtl_markers_latency(m, -1, 5000);
    assert_string_equal(heard(fd), "begin epoch t=1000\n"
                                   "begin batch t=2000 tid=42\n"
                                   "end batch t=3000 tid=42 work=8 unit=images\n"
                                   "end epoch t=4000 requests=a:0.5,b:7 latency=0.25\n"
                                   "ready\n"
                                   "latency 1.500000000\n"
                                   "latency 0.000000042\n"
                                   "latency 0.000000000\n");
    wtl_markers_close(m);
    wtl_markers_close(m);
    close(fd);
    free(m);
}

static void lines_are_held_back_for_a_moment(void **state)
{
    (void)state;
    struct wtl_markers *m = new_markers();
    int fd = opened(m, 1000000);
    wtl_markers_begin(m, "a", 0, 0);
    assert_string_equal(heard(fd), "begin a t=0\n"); /* the first goes at once */
    wtl_markers_latency(m, 1, 10);
    wtl_markers_latency(m, 2, 20);
    wtl_markers_begin(m, "b", 30, 0);
    assert_string_equal(heard(fd), "");
    wtl_markers_latency(m, 3, 1000000);
    assert_string_equal(heard(fd), "latency 0.000000001 0.000000002\nbegin b t=30\n"
                                   "latency 0.000000003\n");
    wtl_markers_latency(m, 4, 1000010);
    wtl_markers_flush(m, 1000020);
    assert_string_equal(heard(fd), "latency 0.000000004\n");
    wtl_markers_latency(m, 5, 1000030);
    wtl_markers_ready(m); /* never waits */
    assert_string_equal(heard(fd), "latency 0.000000005\nready\n");
    wtl_markers_latency(m, 6, 1000040);
    wtl_markers_close(m);
    assert_string_equal(heard(fd), "latency 0.000000006\n");
    close(fd);
    free(m);
}

static void lines_of_latencies_have_an_end(void **state)
{
    (void)state;
    struct wtl_markers *m = new_markers();
    int fd = opened(m, 1000000000);
    wtl_markers_ready(m);
    (void)heard(fd);
    for (int i = 0; i < 500; i++)
        wtl_markers_latency(m, i, 0);
    wtl_markers_flush(m, 0);
    int lines = 0, values = 0;
    char *save = NULL, *copy = strdup(heard(fd));
    assert_non_null(copy);
    for (char *l = strtok_r(copy, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
        lines++;
        assert_true(strlen(l) < 1000);
        assert_int_equal(strncmp(l, "latency ", 8), 0);
        for (const char *p = l; *p; p++)
            values += *p == ' ';
    }
    assert_int_equal(values, 500);
    assert_true(lines > 5 && lines < 20);
    free(copy);
    wtl_markers_close(m);
    close(fd);
    free(m);
}

static void what_is_no_word_is_refused(void **state)
{
    (void)state;
    struct wtl_markers *m = new_markers();
    int fd = opened(m, 0);
    char longest[65];
    memset(longest, 'x', 64);
    longest[64] = '\0';
    assert_false(wtl_markers_begin(m, longest, 0, 0));
    assert_false(wtl_markers_begin(m, "", 0, 0));
    assert_false(wtl_markers_begin(m, NULL, 0, 0));
    assert_false(wtl_markers_begin(m, "two words", 0, 0));
    assert_false(wtl_markers_begin(m, "a\nready", 0, 0));
    struct wtl_marker_end end = {.name = "a", .unit = "two words"};
    assert_false(wtl_markers_end(m, &end));
    end.unit = "sixteen-bytes-ab";
    assert_false(wtl_markers_end(m, &end));
    end = (struct wtl_marker_end){.name = "a", .has_work = true, .work = (double)INFINITY};
    assert_false(wtl_markers_end(m, &end));
    end = (struct wtl_marker_end){.name = "a", .has_latency = true, .latency_s = -1e-9};
    assert_false(wtl_markers_end(m, &end));
    const struct wtl_marker_share bad[] = {{"a:b", 1}};
    end = (struct wtl_marker_end){.name = "a", .shares = bad, .n_shares = 1};
    assert_false(wtl_markers_end(m, &end));
    static struct wtl_marker_share many[1000];
    longest[63] = '\0';
    for (int i = 0; i < 1000; i++)
        many[i] = (struct wtl_marker_share){longest, 1};
    end = (struct wtl_marker_end){.name = "a", .shares = many, .n_shares = WTL_MARKER_SHARES + 1};
    assert_false(wtl_markers_end(m, &end));
    assert_string_equal(heard(fd), "");
    assert_true(wtl_markers_begin(m, longest, 0, 0));
    wtl_markers_close(m);
    close(fd);
    free(m);
}

/* The longest end that can be said arrives, and is understood. */
static void the_longest_end(void **state)
{
    (void)state;
    struct wtl_markers *m = new_markers();
    struct wtl_marker_line *line = malloc(sizeof *line);
    int fd = opened(m, 0);
    char name[WTL_MARKER_NAME];
    static struct wtl_marker_share shares[WTL_MARKER_SHARES];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    for (int i = 0; i < WTL_MARKER_SHARES; i++)
        shares[i] = (struct wtl_marker_share){name, 1.2345678901234567e-300};
    const struct wtl_marker_end end = {.name = name,
                                       .t_ns = INT64_MAX,
                                       .tid = INT64_MIN,
                                       .has_work = true,
                                       .work = 1.2345678901234567e-300,
                                       .unit = "fifteen-bytes-a",
                                       .shares = shares,
                                       .n_shares = WTL_MARKER_SHARES,
                                       .has_latency = true,
                                       .latency_s = 1.2345678901234567e-300,
                                       .cancel = true};
    assert_true(wtl_markers_end(m, &end));
    const char *text = heard(fd);
    assert_true(strlen(text) > WTL_MARKER_SHARES * sizeof name);
    assert_true(wtl_marker_parse(text, strlen(text) - 1, line));
    assert_int_equal(line->n, WTL_MARKER_SHARES);
    assert_string_equal(line->request[WTL_MARKER_SHARES - 1].id, name);
    assert_true(line->work == end.work && line->cancel);
    assert_true(line->has_latency && line->latency_s == end.latency_s);
    wtl_markers_close(m);
    close(fd);
    free(line);
    free(m);
}

static void nobody_listens(void **state)
{
    (void)state;
    struct wtl_markers *m = new_markers();
    char too_long[300];
    memset(too_long, '/', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    const char *const paths[] = {NULL, "", in_test_directory("nothing"), too_long};
    for (int i = 0; i < 4; i++) {
        char reply[8] = "x";
        struct wtl_marker_end end = {.name = "a"};
        wtl_markers_open(m, paths[i], 0);
        assert_false(wtl_markers_on(m));
        assert_true(wtl_markers_begin(m, "a", 0, 0));
        wtl_markers_latency(m, 1, 1);
        wtl_markers_ready(m);
        assert_true(wtl_markers_end(m, &end));
        assert_int_equal(wtl_markers_end_reply(m, &end, 1000, reply, sizeof reply), 0);
        assert_string_equal(reply, "");
        wtl_markers_flush(m, 0);
        wtl_markers_close(m);
    }
    free(m);
}

/* SIGPIPE has its usual effect here: it would end the test. */
static void the_listener_dies(void **state)
{
    (void)state;
    struct wtl_markers *m = new_markers();
    int fd = opened(m, 0);
    close(fd);
    wtl_markers_begin(m, "a", 0, 0);
    assert_false(wtl_markers_on(m));
    wtl_markers_begin(m, "a", 0, 0);
    wtl_markers_close(m);
    free(m);
}

/* It has what came before, and whole lines; then the connection ends rather than that some are
 * missing from its midst. */
static void the_listener_does_not_read(void **state)
{
    (void)state;
    struct wtl_markers *m = new_markers();
    int fd = opened(m, 0);
    long n = 0;
    while (wtl_markers_on(m) && n < 1000000)
        wtl_markers_begin(m, "a", n++, 0);
    assert_false(wtl_markers_on(m));
    assert_true(n > 1000);
    const char *text = heard(fd);
    long expected = 0, t;
    while (sscanf(text, "begin a t=%ld\n", &t) == 1 && strchr(text, '\n')) {
        assert_int_equal(t, expected++);
        text = strchr(text, '\n') + 1;
    }
    assert_true(expected > 100);
    close(fd);
    wtl_markers_close(m);
    free(m);
}

static void answers(void **state)
{
    (void)state;
    struct wtl_markers *m = new_markers();
    int fd = opened(m, 1000000000);
    char reply[32];
    const struct wtl_marker_end end = {.name = "a", .t_ns = 7};
    assert_int_equal(write(fd, "{\"energy_j\": 1}\n", 16), 16);
    assert_int_equal(wtl_markers_end_reply(m, &end, 1000, reply, sizeof reply), 15);
    assert_string_equal(reply, "{\"energy_j\": 1}");
    assert_string_equal(heard(fd), "end a t=7 reply=1\n");
    /* Late: the next question does not take it for its own answer. */
    assert_int_equal(wtl_markers_end_reply(m, &end, 1, reply, sizeof reply), 0);
    assert_string_equal(reply, "");
    assert_int_equal(write(fd, "late\nnow\n", 9), 9);
    assert_int_equal(wtl_markers_end_reply(m, &end, 1000, reply, sizeof reply), 3);
    assert_string_equal(reply, "now");
    assert_int_equal(write(fd, "a line that is longer than there is room\n", 41), 41);
    assert_int_equal(wtl_markers_end_reply(m, &end, 1000, reply, sizeof reply), 0);
    assert_true(wtl_markers_on(m));
    close(fd);
    assert_int_equal(wtl_markers_end_reply(m, &end, 1000, reply, sizeof reply), 0);
    assert_false(wtl_markers_on(m));
    wtl_markers_close(m);
    free(m);
}

struct question {
    struct wtl_markers *m;
    char reply[32];
};

static void *ask(void *ctx)
{
    struct question *q = ctx;
    const struct wtl_marker_end end = {.name = "asked", .t_ns = 1};
    wtl_markers_end_reply(q->m, &end, 5000, q->reply, sizeof q->reply);
    return NULL;
}

static void wait_until_heard(int fd, const char *line)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 5000), 1);
    assert_string_equal(heard(fd), line);
}

static void nothing(int signal_number)
{
    (void)signal_number;
}

/* Whoever waits for an answer holds up nobody, and a signal does not end the wait: it is answered
 * only after all that. */
static void windows_go_on_while_one_asks(void **state)
{
    (void)state;
    const struct sigaction handler = {.sa_handler = nothing};
    struct question q = {.m = new_markers()};
    int fd = opened(q.m, 0);
    pthread_t thread;
    assert_int_equal(sigaction(SIGUSR1, &handler, NULL), 0);
    assert_int_equal(pthread_create(&thread, NULL, ask, &q), 0);
    wait_until_heard(fd, "end asked t=1 reply=1\n");
    assert_int_equal(pthread_kill(thread, SIGUSR1), 0);
    assert_true(wtl_markers_begin(q.m, "other", 2, 0));
    wait_until_heard(fd, "begin other t=2\n");
    assert_int_equal(write(fd, "{}\n", 3), 3);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_string_equal(q.reply, "{}");
    /* Nor does a listener that goes away leave anybody behind. */
    assert_int_equal(pthread_create(&thread, NULL, ask, &q), 0);
    wait_until_heard(fd, "end asked t=1 reply=1\n");
    close(fd);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_string_equal(q.reply, "");
    assert_false(wtl_markers_on(q.m));
    wtl_markers_close(q.m);
    free(q.m);
}

enum { THREADS = 4, EACH = 2000 };

static void *many_windows(void *ctx)
{
    for (int i = 0; i < EACH; i++) {
        wtl_markers_begin(ctx, "w", i, 0);
        wtl_markers_latency(ctx, i, i);
    }
    return NULL;
}

static void *count_lines(void *ctx)
{
    static char text[1 << 16];
    intptr_t lines = 0;
    ssize_t n;
    while ((n = read(*(int *)ctx, text, sizeof text)) > 0)
        for (ssize_t i = 0; i < n; i++)
            lines += text[i] == '\n';
    return (void *)lines;
}

static void threads_share_one(void **state)
{
    (void)state;
    struct wtl_markers *m = new_markers();
    int fd = opened(m, 0);
    pthread_t threads[THREADS], reader;
    void *lines = NULL;
    assert_int_equal(pthread_create(&reader, NULL, count_lines, &fd), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, many_windows, m), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    wtl_markers_close(m);
    assert_int_equal(pthread_join(reader, &lines), 0);
    assert_int_equal((intptr_t)lines, 2 * THREADS * EACH);
    close(fd);
    free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_those_of_the_protocol),
        cmocka_unit_test(lines_are_held_back_for_a_moment),
        cmocka_unit_test(lines_of_latencies_have_an_end),
        cmocka_unit_test(what_is_no_word_is_refused),
        cmocka_unit_test(the_longest_end),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(the_listener_dies),
        cmocka_unit_test(the_listener_does_not_read),
        cmocka_unit_test(answers),
        cmocka_unit_test(windows_go_on_while_one_asks),
        cmocka_unit_test(threads_share_one),
    };
    return cmocka_run_group_tests(tests, make_test_directory, drop_test_directory);
}
