/* SPDX-License-Identifier: Apache-2.0
 * The thread behind a measured span. */
#include "telemetry/collector.h"

#include "base/text.h"
#include "codec/json.h"
#include "device/waiting.h"
#include "markers/markers.h"
#include "telemetry/attribution.h"
#include "telemetry/listener.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MS INT64_C(1000000)

enum { PROGRAMS = 64, LOOK_MS = 100 };

struct program {
    int fd; /* -1: nobody */
    int number;
    size_t length;
    bool skipping; /* a line that is too long, until its end */
    bool spoke;
    char line[WTL_MARKER_LINE];
};

/* Of one device: how its energy went. */
struct split {
    bool begun; /* `last` is meant */
    struct wtl_gauge_mark last;
    double idle_j, unattributed_j, given_j;
    size_t n;
    size_t n_more; /* that did not fit, as far as their numbers do */
    pid_t more[WTL_COLLECTED_PROCESSES];
    struct wtl_collected_process process[WTL_COLLECTED_PROCESSES];
    double peak_w;
    int64_t errors_before; /* of the metering */
    struct wtl_metered_errors errors;
};

struct wtl_collector {
    struct wtl_arena arena; /* holds it, too */
    struct wtl_collector_options options;
    size_t n;
    int wake; /* an event: something to do, or the end */
    int listener;
    char socket[sizeof((struct sockaddr_un *)0)->sun_path];
    struct program *programs;
    int n_programs;    /* connections ever */
    int64_t connected; /* of them, that said something */
    int64_t refused;
    struct split *splits;
    int64_t split_ns; /* until then energy has been split; 0: the span has not begun */
    struct wtl_marker_line line;
    struct wtl_energy *asked; /* by device */

    pthread_t thread;
    bool running;
    pthread_mutex_t lock; /* of the windows, the splits and what follows */
    struct wtl_windows *windows;
    bool stop;
    int64_t begin_ns;
    int64_t ends, ends_with_work;
    char bad_line[WTL_COLLECTED_LINE];
};

static int64_t now_ns(const struct wtl_collector *c)
{
    return c->options.clock.monotonic_ns(c->options.clock.ctx);
}

/* ---- Programs -------------------------------------------------------------------------------- */

static json_t *answer_device(const struct wtl_collector *c, size_t i, const struct wtl_energy *e)
{
    const struct wtl_device_info *info =
        wtl_device_info(wtl_metering_device(c->options.metering, i));
    const char class[2] = {wtl_energy_class_letter(e->class), '\0'};
    const bool part = c->options.part && c->options.part[i];
    json_t *troubles = json_array();
    for (int k = 0; k < (int)WTL_N_ENERGY_TROUBLES; k++)
        if (e->troubles & (1u << k))
            wtl_json_add(&troubles, json_string(wtl_energy_trouble_name(k)));
    json_t *o = json_pack("{s:s, s:i, s:b, s:o, s:o, s:o, s:o, s:s, s:s, s:o}", "kind",
                          wtl_device_kind_name(info->kind), "index", info->index, "part_of_another",
                          (int)part, "energy_j", wtl_json_finite(e->energy_j), "lo_j",
                          wtl_json_finite(e->lo_j), "hi_j", wtl_json_finite(e->hi_j), "time_s",
                          wtl_json_finite(e->time_s), "method", wtl_energy_method_name(e->method),
                          "class", class, "troubles", troubles);
    if (e->calibration > 0) {
        wtl_json_put(&o, "gain", wtl_json_finite(e->gain));
        wtl_json_put(&o, "calibration", wtl_json_finite(e->calibration));
    }
    return o;
}

/* Who does not read has no answer. One that cannot be said names no device. */
static void send_answer(const struct program *p, const json_t *o)
{
    struct wtl_buf text;
    wtl_buf_init(&text, wtl_alloc_system(), WTL_MARKERS_REPLY);
    const bool written = o && wtl_json_write_line(o, &text);
    wtl_buf_putc(&text, '\n');
    const bool said = written && !text.failed;
    static const char nothing[] = "{\"devices\": {}}\n";
    (void)!send(p->fd, said ? text.data : nothing, said ? text.len : sizeof nothing - 1,
                MSG_DONTWAIT | MSG_NOSIGNAL);
    wtl_buf_fini(&text);
}

/* What is measured. */
static void answer_devices(const struct wtl_collector *c, const struct program *p)
{
    json_t *devices = json_object();
    for (size_t i = 0; i < c->n; i++) {
        const struct wtl_device_info *info =
            wtl_device_info(wtl_metering_device(c->options.metering, i));
        wtl_json_put_text(&devices, info->id,
                          json_pack("{s:s, s:i, s:b}", "kind", wtl_device_kind_name(info->kind),
                                    "index", info->index, "part_of_another",
                                    (int)(c->options.part && c->options.part[i])));
    }
    json_auto_t *o = json_pack("{s:o}", "devices", devices);
    send_answer(p, o);
}

/* One line of JSON: the window as a whole, and by device. It began at `begun_ns`; -1: there was
 * none. Settled: later readings could not have changed it. */
static void answer(struct wtl_collector *c, const struct program *p, int64_t begun_ns, int64_t t_ns,
                   bool settled)
{
    double total = 0;
    json_t *devices = json_object();
    for (size_t i = 0; i < c->n && begun_ns >= 0; i++) {
        const struct wtl_energy *e = &c->asked[i];
        if (e->method == WTL_ENERGY_NONE)
            continue;
        total += c->options.part && c->options.part[i] ? 0 : e->energy_j;
        wtl_json_put_text(&devices,
                          wtl_device_info(wtl_metering_device(c->options.metering, i))->id,
                          answer_device(c, i, e));
    }
    json_auto_t *o = json_pack(
        "{s:o, s:o, s:b, s:o, s:o}", "name", wtl_json_text(c->line.name), "time_s",
        wtl_json_finite(begun_ns < 0 ? 0 : 1e-9 * (double)(t_ns - begun_ns)), "settled",
        (int)(settled && begun_ns >= 0), "energy_j", wtl_json_finite(total), "devices", devices);
    send_answer(p, o);
}

/* What was to be a window and is none: with it work is missing from what is known. */
static void note_bad_line(struct wtl_collector *c, const char *line, size_t length)
{
    const bool begins = length > 5 && memcmp(line, "begin", 5) == 0;
    const bool ends = length > 3 && memcmp(line, "end", 3) == 0;
    wtl_windows_bad_line(c->windows);
    if (c->bad_line[0] || !(begins || ends))
        return;
    const bool fits = length < sizeof c->bad_line;
    const size_t n = fits ? length : sizeof c->bad_line - strlen("...") - 1;
    for (size_t i = 0; i < n; i++)
        c->bad_line[i] =
            (unsigned char)line[i] < 0x20 || (unsigned char)line[i] > 0x7e ? '?' : line[i];
    (void)snprintf(c->bad_line + n, sizeof c->bad_line - n, "%s", fits ? "" : "...");
}

static void count_end(struct wtl_collector *c, const struct wtl_marker_line *l)
{
    if (l->kind != WTL_MARKER_END || l->cancel)
        return;
    c->ends++;
    c->ends_with_work += l->has_work;
}

static void take_line(struct wtl_collector *c, struct program *p, const char *line, size_t length)
{
    const struct wtl_marker_line *l = &c->line;
    int64_t now = now_ns(c), t = now, begun = -1;
    pthread_mutex_lock(&c->lock);
    const bool good = wtl_marker_parse(line, length, &c->line);
    const bool asks = good && l->kind == WTL_MARKER_END && l->reply;
    bool settled = false;
    if (!good) {
        note_bad_line(c, line, length);
    } else {
        count_end(c, l);
        t = l->t_ns > 0 && l->t_ns < now ? l->t_ns : now;
        settled = asks && wtl_metering_reaches_all(c->options.metering, t);
        if (asks)
            begun = wtl_windows_ask(c->windows, p->number, l->name, l->tid, t, c->asked);
        wtl_windows_tell(c->windows, p->number, l, now);
    }
    pthread_mutex_unlock(&c->lock);
    if (asks)
        answer(c, p, begun, t, settled);
    else if (good && l->kind == WTL_MARKER_DEVICES)
        answer_devices(c, p);
}

/* Whole lines; the rest stays at the front of the buffer. A line that fills it is passed over. */
static void take_lines(struct wtl_collector *c, struct program *p)
{
    char *at = p->line, *end = p->line + p->length, *newline;
    while ((newline = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        if (!p->skipping && newline > at)
            take_line(c, p, at, (size_t)(newline - at));
        p->skipping = false;
        at = newline + 1;
    }
    p->length = (size_t)(end - at);
    memmove(p->line, at, p->length);
    if (p->length < sizeof p->line)
        return;
    pthread_mutex_lock(&c->lock);
    if (!p->skipping)
        wtl_windows_bad_line(c->windows);
    pthread_mutex_unlock(&c->lock);
    p->skipping = true;
    p->length = 0;
}

static void hang_up(struct wtl_collector *c, struct program *p)
{
    if (p->length > 0 && !p->skipping)
        take_line(c, p, p->line, p->length);
    close(p->fd);
    p->fd = -1;
    pthread_mutex_lock(&c->lock);
    wtl_windows_gone(c->windows, p->number, now_ns(c));
    pthread_mutex_unlock(&c->lock);
}

/* All that is there to read, a buffer at a time, so that nobody keeps the thread for himself. */
static void hear(struct wtl_collector *c, struct program *p)
{
    ssize_t n = recv(p->fd, p->line + p->length, sizeof p->line - p->length, MSG_DONTWAIT);
    if (n > 0) {
        c->connected += !p->spoke;
        p->spoke = true;
        p->length += (size_t)n;
        take_lines(c, p);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        hang_up(c, p);
    }
}

static void let_in(struct wtl_collector *c)
{
    int fd = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    for (int i = 0; i < PROGRAMS; i++) {
        struct program *p = &c->programs[i];
        if (p->fd >= 0)
            continue;
        p->fd = fd;
        p->number = c->n_programs++;
        p->length = 0;
        p->skipping = p->spoke = false;
        return;
    }
    c->refused++;
    close(fd);
}

/* ---- Processes ------------------------------------------------------------------------------- */

/* Each counts once, however long it lives. */
static void note_more(struct split *s, pid_t pid)
{
    for (size_t i = 0; i < s->n_more; i++)
        if (s->more[i] == pid)
            return;
    if (s->n_more < WTL_COLLECTED_PROCESSES)
        s->more[s->n_more++] = pid;
}

static struct wtl_collected_process *find_process(struct split *s, const struct wtl_process *p)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->process[i].pid == p->pid)
            return &s->process[i];
    if (s->n == WTL_COLLECTED_PROCESSES) {
        note_more(s, p->pid);
        return NULL;
    }
    struct wtl_collected_process *out = &s->process[s->n++];
    *out = (struct wtl_collected_process){.pid = p->pid, .kind = p->kind};
    memcpy(out->name, p->name, sizeof out->name);
    return out;
}

/* Energy of a device since the last time: by the rule of telemetry/attribution.h, with joules in
 * the place of watts. */
static void split_device(struct wtl_collector *c, size_t i, int64_t t_ns)
{
    struct split *s = &c->splits[i];
    struct wtl_gauge_mark now;
    struct wtl_energy e;
    struct wtl_process processes[WTL_METERED_PROCESSES];
    struct wtl_user users[WTL_METERED_PROCESSES] = {0};
    if (!s->begun)
        wtl_metering_mark(c->options.metering, i, c->begin_ns, &s->last);
    s->begun = true;
    wtl_metering_mark(c->options.metering, i, t_ns, &now);
    wtl_metering_between(c->options.metering, i, &s->last, &now, &e);
    if (e.method == WTL_ENERGY_NONE || e.energy_j < 0)
        return; /* the mark of before stays: nothing is lost */
    size_t n = wtl_metering_processes(c->options.metering, i, processes);
    for (size_t k = 0; k < n; k++) {
        users[k].has_util = processes[k].has_util;
        users[k].util = processes[k].util;
    }
    double idle_w = c->options.idle_w ? c->options.idle_w[i] : 0;
    struct wtl_attribution a = wtl_attribute_power(e.energy_j, idle_w * e.time_s, users, n);
    s->idle_j += a.idle_w;
    s->unattributed_j += a.unattributed_w;
    s->given_j += e.energy_j;
    for (size_t k = 0; k < n; k++) {
        struct wtl_collected_process *p = find_process(s, &processes[k]);
        if (p && users[k].has_power) {
            p->energy_j += users[k].power_w;
            p->util_s += users[k].util * e.time_s;
        } else if (users[k].has_power) {
            s->unattributed_j += users[k].power_w;
        }
    }
    s->last = now;
}

static void split(struct wtl_collector *c, int64_t t_ns)
{
    for (size_t i = 0; i < c->n; i++) {
        split_device(c, i, t_ns);
        double peak_w = wtl_metering_peak_w(c->options.metering, i);
        c->splits[i].peak_w = peak_w > c->splits[i].peak_w ? peak_w : c->splits[i].peak_w;
    }
    c->split_ns = t_ns;
}

/* ---- The thread ------------------------------------------------------------------------------ */

static void look(struct wtl_collector *c)
{
    int64_t now = now_ns(c);
    (void)wtl_metering_tend(c->options.metering);
    pthread_mutex_lock(&c->lock);
    wtl_windows_settle(c->windows, now);
    /* A second behind, so that later readings change nothing any more. */
    if (c->split_ns && now - c->split_ns >= 2 * WTL_NS_PER_S)
        split(c, c->split_ns + WTL_NS_PER_S);
    pthread_mutex_unlock(&c->lock);
}

static bool stopped(struct wtl_collector *c)
{
    pthread_mutex_lock(&c->lock);
    bool stop = c->stop;
    pthread_mutex_unlock(&c->lock);
    return stop;
}

static void *run(void *arg)
{
    struct wtl_collector *c = arg;
    struct pollfd fds[PROGRAMS + 2];
    int64_t looked_ns = 0;
    while (!stopped(c)) {
        fds[0] = (struct pollfd){.fd = c->wake, .events = POLLIN};
        fds[1] = (struct pollfd){.fd = c->listener, .events = POLLIN};
        for (int i = 0; i < PROGRAMS; i++)
            fds[2 + i] = (struct pollfd){.fd = c->programs[i].fd, .events = POLLIN};
        int ready = poll(fds, PROGRAMS + 2, LOOK_MS);
        if (ready > 0 && fds[1].revents)
            let_in(c);
        for (int i = 0; ready > 0 && i < PROGRAMS; i++)
            if (fds[2 + i].revents && c->programs[i].fd == fds[2 + i].fd)
                hear(c, &c->programs[i]);
        if (now_ns(c) - looked_ns >= LOOK_MS * MS) {
            look(c);
            looked_ns = now_ns(c);
        }
    }
    return NULL;
}

/* What is in the sockets when the end comes counts. */
static void hear_the_rest(struct wtl_collector *c)
{
    for (int i = 0; i < PROGRAMS; i++)
        for (int n = 0; c->programs[i].fd >= 0 && n < 64; n++) {
            struct pollfd p = {.fd = c->programs[i].fd, .events = POLLIN};
            if (poll(&p, 1, 0) <= 0)
                break;
            hear(c, &c->programs[i]);
        }
}

/* ---- Start and end --------------------------------------------------------------------------- */

static int start_thread(struct wtl_collector *c, struct wtl_error *err)
{
    c->running = wtl_thread_start(&c->thread, run, c);
    return c->running ? 0 : WTL_FAIL(err, WTL_NOMEM, "no thread to collect with");
}

static int make(struct wtl_collector *c, struct wtl_error *err)
{
    c->programs = WTL_NEW_ARRAY(&c->arena, struct program, PROGRAMS);
    c->splits = WTL_NEW_ARRAY(&c->arena, struct split, c->n + 1);
    c->asked = WTL_NEW_ARRAY(&c->arena, struct wtl_energy, c->n + 1);
    if (!c->programs || !c->splits || !c->asked)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (int i = 0; i < PROGRAMS; i++)
        c->programs[i].fd = -1;
    int rc = wtl_windows_new(&c->arena, c->options.metering, &c->windows, err);
    if (rc == 0)
        wtl_windows_set_parts(c->windows, c->options.part);
    c->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (rc == 0 && c->wake < 0)
        rc = WTL_FAIL(err, WTL_NOMEM, "no event descriptor: %s", strerror(errno));
    if (rc == 0 && c->options.socket_dir)
        rc = wtl_listener_open(c->options.socket_dir, PROGRAMS, &c->listener, c->socket,
                               sizeof c->socket, err);
    return rc ? rc : start_thread(c, err);
}

int wtl_collector_start(struct wtl_alloc alloc, const struct wtl_collector_options *options,
                        struct wtl_collector **out, struct wtl_error *err)
{
    struct wtl_arena arena;
    wtl_arena_init(&arena, alloc);
    struct wtl_collector *c = WTL_NEW(&arena, struct wtl_collector);
    if (!c || pthread_mutex_init(&c->lock, NULL) != 0) {
        wtl_arena_fini(&arena);
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    }
    c->arena = arena;
    c->options = *options;
    c->n = wtl_metering_count(options->metering);
    c->wake = c->listener = -1;
    int rc = make(c, err);
    if (rc < 0) {
        wtl_collector_free(c);
        return rc;
    }
    *out = c;
    return 0;
}

const char *wtl_collector_socket(const struct wtl_collector *c)
{
    return c->socket[0] ? c->socket : NULL;
}

/* Whether every counter that ticks has done so since `ticks`. */
static bool ticked(struct wtl_collector *c, const int64_t *ticks)
{
    for (size_t i = 0; i < c->n; i++)
        if (ticks[i] > 0 && wtl_metering_ticks(c->options.metering, i) == ticks[i])
            return false;
    return true;
}

int64_t wtl_collector_begin(struct wtl_collector *c, int64_t patience_ns)
{
    int64_t ticks[64] = {0}, until = now_ns(c) + patience_ns;
    size_t n = c->n < 64 ? c->n : 64;
    for (size_t i = 0; i < n; i++)
        ticks[i] = wtl_metering_ticks(c->options.metering, i);
    wtl_metering_hear(c->options.metering);
    while (n == c->n && !(ticked(c, ticks) && wtl_metering_heard(c->options.metering)) &&
           now_ns(c) < until)
        wtl_sleep_ns(MS);
    int64_t t = now_ns(c);
    pthread_mutex_lock(&c->lock);
    wtl_windows_open(c->windows, t);
    for (size_t i = 0; i < c->n; i++) {
        (void)wtl_metering_peak_w(c->options.metering, i);
        wtl_metering_errors(c->options.metering, i, &c->splits[i].errors);
        c->splits[i].errors_before = c->splits[i].errors.n;
    }
    c->split_ns = c->begin_ns = t;
    pthread_mutex_unlock(&c->lock);
    return t;
}

static void stop_thread(struct wtl_collector *c)
{
    if (!c->running)
        return;
    uint64_t one = 1;
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    pthread_mutex_unlock(&c->lock);
    (void)!write(c->wake, &one, sizeof one);
    pthread_join(c->thread, NULL);
    c->running = false;
}

/* The parts were added up second by second. Where the method changed on the way (a sensor stopped),
 * they are brought to what the whole came out as. */
static void add_up(struct split *s, double whole_j)
{
    double factor = s->given_j > 0 ? whole_j / s->given_j : 0;
    s->idle_j *= factor;
    s->unattributed_j *= factor;
    for (size_t k = 0; k < s->n; k++)
        s->process[k].energy_j *= factor;
    s->given_j = whole_j;
}

/* Those that were told of since the begin; of many the newest are kept. */
static void note_errors(struct wtl_collector *c, size_t i)
{
    struct split *s = &c->splits[i];
    struct wtl_metered_errors *e = &s->errors;
    wtl_metering_errors(c->options.metering, i, e);
    e->n -= s->errors_before;
    size_t skip = (int64_t)e->n_kept > e->n ? e->n_kept - (size_t)e->n : 0;
    e->n_kept -= skip;
    for (size_t k = 0; k < e->n_kept; k++) {
        e->kept[k] = e->kept[k + skip];
        e->kept[k].t_ns -= c->begin_ns;
    }
}

void wtl_collector_end(struct wtl_collector *c, int64_t t_ns, int64_t patience_ns)
{
    int64_t until = now_ns(c) + patience_ns;
    wtl_metering_hear(c->options.metering);
    while (!(wtl_metering_reaches_all(c->options.metering, t_ns) &&
             wtl_metering_heard(c->options.metering)) &&
           now_ns(c) < until)
        wtl_sleep_ns(2 * MS);
    stop_thread(c);
    hear_the_rest(c);
    while (c->split_ns + WTL_NS_PER_S < t_ns)
        split(c, c->split_ns + WTL_NS_PER_S);
    split(c, t_ns);
    wtl_windows_close(c->windows, t_ns);
    for (size_t i = 0; i < c->n; i++) {
        struct wtl_energy e;
        wtl_windows_span(c->windows, i, &e);
        if (e.method != WTL_ENERGY_NONE)
            add_up(&c->splits[i], e.energy_j);
        note_errors(c, i);
    }
}

void wtl_collector_free(struct wtl_collector *c)
{
    if (!c)
        return;
    stop_thread(c);
    for (int i = 0; c->programs && i < PROGRAMS; i++)
        if (c->programs[i].fd >= 0)
            close(c->programs[i].fd);
    if (c->socket[0])
        (void)unlink(c->socket);
    if (c->listener >= 0)
        close(c->listener);
    if (c->wake >= 0)
        close(c->wake);
    pthread_mutex_destroy(&c->lock);
    struct wtl_arena arena = c->arena;
    wtl_arena_fini(&arena);
}

struct wtl_collector_progress wtl_collector_progress(struct wtl_collector *c)
{
    struct wtl_collector_progress p = {0};
    const double *unused;
    pthread_mutex_lock(&c->lock);
    struct wtl_windows_counts counts = wtl_windows_counts(c->windows);
    p.work = wtl_windows_work(c->windows, &p.work_ns);
    (void)wtl_windows_latencies(c->windows, &unused, &p.latencies);
    p.ends = c->ends;
    p.ends_with_work = c->ends_with_work;
    memcpy(p.bad_line, c->bad_line, sizeof p.bad_line);
    pthread_mutex_unlock(&c->lock);
    p.lines = counts.lines;
    p.ready = counts.ready;
    p.ready_ns = counts.ready_ns;
    return p;
}

size_t wtl_collector_latencies(struct wtl_collector *c, int64_t *number,
                               struct wtl_told_latency *out, size_t max)
{
    pthread_mutex_lock(&c->lock);
    const size_t n = wtl_windows_latencies_since(c->windows, number, out, max);
    pthread_mutex_unlock(&c->lock);
    return n;
}

/* ---- What came of it ------------------------------------------------------------------------- */

void wtl_collector_device(const struct wtl_collector *c, size_t i, struct wtl_collected_device *out)
{
    const struct split *s = &c->splits[i];
    *out =
        (struct wtl_collected_device){.peak_w = s->peak_w,
                                      .idle_known = c->options.idle_w && c->options.idle_w[i] > 0,
                                      .idle_j = s->idle_j,
                                      .unattributed_j = s->unattributed_j,
                                      .n_processes = s->n,
                                      .processes = s->process,
                                      .more_processes = (int64_t)s->n_more};
    out->errors = s->errors;
    wtl_windows_span(c->windows, i, &out->energy);
}

const struct wtl_windows *wtl_collector_windows(const struct wtl_collector *c)
{
    return c->windows;
}

void wtl_collector_programs(const struct wtl_collector *c, int64_t *connected_out,
                            int64_t *refused_out)
{
    *connected_out = c->connected;
    *refused_out = c->refused;
}
