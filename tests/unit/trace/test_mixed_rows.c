/* SPDX-License-Identifier: Apache-2.0
 * Rows of several GPUs under stamps of their own in an nvidia-smi log that does not name them, and
 * what must not be taken for that: made-up logs, the published ones without their index, and pairs
 * of these put into one file. */
#include "support/support.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "base/text.h"
#include "codec/input.h"
#include "support/collect_trace.h"

enum { MS = 1000000 };

struct log {
    struct wtl_buf text;
};

static void log_begin(struct log *log, const char *columns)
{
    wtl_buf_init(&log->text, wtl_alloc_system(), 1 << 22);
    wtl_buf_printf(&log->text, "timestamp, %s\n", columns);
}

static void log_stamp(struct log *log, int64_t t_ns)
{
    int ms = (int)(t_ns / MS);
    wtl_buf_printf(&log->text, "2025/07/09 01:%02d:%02d.%03d", ms / 60000, ms / 1000 % 60,
                   ms % 1000);
}

/* One GPU. */
static void log_accepted(struct log *log)
{
    struct collected c = {0};
    struct wtl_error err = {0};
    assert_ok(collect_memory(&c, log->text.data, log->text.len, NULL, &err), &err);
    assert_int_equal(c.n_streams, 1);
    collect_free(&c);
    wtl_buf_fini(&log->text);
}

static void log_refused(struct log *log, int line, const char *message)
{
    assert_bad_text(wtl_buf_str(&log->text), NULL, line, 0, message);
    wtl_buf_fini(&log->text);
}

/* `gpus` of equal power, asked one after the other. */
static void bunches(struct log *log, int gpus, double apart_ms, double every_ms, double jitter,
                    int n)
{
    struct wtl_rng rng;
    wtl_rng_init(&rng, 3);
    double t_ms = 5;
    log_begin(log, "power.draw [W]");
    for (int i = 0; i < n; i++) {
        for (int g = 0; g < gpus; g++) {
            double wander = 1 + jitter * (2 * wtl_rng_uniform(&rng) - 1);
            log_stamp(log, (int64_t)((t_ms + g * apart_ms * wander) * MS));
            wtl_buf_printf(&log->text, ", %.2f W\n", 100 + wtl_rng_uniform(&rng));
        }
        t_ms += every_ms * (1 + jitter * (2 * wtl_rng_uniform(&rng) - 1));
    }
}

static void rows_in_bunches_are_of_several_gpus(void **state)
{
    (void)state;
    struct log log;
    bunches(&log, 2, 3, 1000, 0.02, 40);
    log_refused(&log, 3, "2 GPUs that no column tells apart, such as those of lines 2 and 3");
    bunches(&log, 2, 2, 20, 0.02, 3000);
    log_refused(&log, 3, "rows come in groups of 2");
    bunches(&log, 4, 7, 100, 0.1, 40);
    log_refused(&log, 3, "rows come in groups of 4");
    bunches(&log, 8, 2, 60, 0.02, 40);
    log_refused(&log, 3, "rows come in groups of 8");
    bunches(&log, 16, 3, 250, 0.02, 80);
    log_refused(&log, 3, "rows come in groups of 16");
    bunches(&log, 2, 0.6, 100, 0.01, 200); /* now and then within one millisecond */
    log_refused(&log, 0, "GPUs that no column tells apart");
}

static void one_gpu_however_its_stamps_wander_is_one(void **state)
{
    (void)state;
    struct log log;
    bunches(&log, 1, 0, 50, 0.9, 2000);
    log_accepted(&log);
    bunches(&log, 1, 0, 12.5, 0, 2000); /* 12, 13, 12, 13 ms */
    log_accepted(&log);
    bunches(&log, 1, 0, 1005, 0.001, 5);
    log_accepted(&log);
    struct wtl_rng rng;
    for (int kind = 0; kind < 4; kind++) {
        int64_t t_ms = 0;
        wtl_rng_init(&rng, (uint64_t)kind);
        log_begin(&log, "power.draw [W], temperature.gpu");
        for (int i = 0; i < 1500; i++) {
            bool stall = kind == 0   ? i % 2 == 0 /* every other tick is missed */
                         : kind == 1 ? wtl_rng_below(&rng, 4) == 0
                         : kind == 2 ? i % 20 == 0 /* a buffer is written out */
                                     : wtl_rng_below(&rng, 2) == 0;
            t_ms += stall ? (kind == 0 ? 40 : 90) : 20;
            log_stamp(&log, t_ms * MS);
            wtl_buf_printf(&log.text, ", %.2f W, %d\n", 250 + 5 * wtl_rng_uniform(&rng),
                           60 + (int)wtl_rng_below(&rng, 2));
        }
        log_accepted(&log);
    }
}

/* Two loggers into one file, half a period apart: only what the GPUs do tells them apart. */
static void interleave(struct log *log, const char *column, const double level[2], double noise,
                       int every_ms, int n)
{
    struct wtl_rng rng;
    wtl_rng_init(&rng, 7);
    log_begin(log, column);
    for (int i = 0; i < n; i++) {
        log_stamp(log, (int64_t)i * every_ms * MS);
        wtl_buf_printf(&log->text, ", %.2f\n",
                       level[i % 2] + noise * (2 * wtl_rng_uniform(&rng) - 1));
    }
}

static void levels_that_take_turns_are_of_two_gpus(void **state)
{
    (void)state;
    static const struct {
        const char *column;
        double level[2], noise;
        int every_ms, rows;
        const char *message;
    } cases[] = {
        {"memory.total [MiB]", {40536, 32510}, 0, 5000, 20, "memory.total goes to and fro"},
        {"power.limit [W]", {250, 300}, 0, 500, 20, "from 250 W in line 16 to 300 W in line 17"},
        {"memory.used [MiB]", {536, 17000}, 3, 500, 40, "memory.used goes to and fro"},
        {"temperature.gpu", {61, 55}, 0.5, 25, 40, "temperature.gpu goes to and fro"},
        {"power.draw [W]", {36, 250}, 15, 25, 220, "two GPUs that no column tells apart"},
        {"pstate", {0, 8}, 0, 500, 40, "pstate goes to and fro"},
    };
    struct log log;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        interleave(&log, cases[i].column, cases[i].level, cases[i].noise, cases[i].every_ms,
                   cases[i].rows);
        log_refused(&log, 0, cases[i].message);
    }
}

static void a_load_that_toggles_is_one_gpu(void **state)
{
    (void)state;
    struct log log;
    /* On for 1 s, off for 1 s; samplers that are in step, and that take 5 ms longer than the second
     * they wait. */
    for (int slow_ms = 0; slow_ms < 6; slow_ms += 5) {
        log_begin(&log, "power.draw [W], temperature.gpu, memory.used [MiB], pstate");
        for (int i = 0; i < 3000; i++) {
            int64_t t_ms = 20 + (int64_t)i * (1000 + slow_ms);
            bool on = t_ms % 2000 < 1000;
            log_stamp(&log, t_ms * MS);
            wtl_buf_printf(&log.text, ", %d W, %d, 8000 MiB, P0\n", on ? 240 : 70, on ? 60 : 54);
        }
        log_accepted(&log);
    }
    /* Ten times a second in step for 100 rows: too few to be sure. */
    const double levels[2] = {240, 70};
    interleave(&log, "power.draw [W]", levels, 1, 50, 100);
    log_accepted(&log);
    /* A temperature that dithers between two whole degrees for good. */
    const double degrees[2] = {60, 61};
    interleave(&log, "temperature.gpu", degrees, 0, 50, 1000);
    log_accepted(&log);
}

static void what_names_a_gpu_is_believed(void **state)
{
    (void)state;
    static const char *const columns[] = {"serial", "gpu_serial", "pci.bus_id", "gpu_uuid",
                                          "index"};
    for (size_t k = 0; k < sizeof columns / sizeof *columns; k++)
        for (int named = 0; named < 2; named++) {
            struct log log;
            struct collected c = {0};
            struct wtl_error err = {0};
            char names[80];
            snprintf(names, sizeof names, "%s, power.draw [W]", columns[k]);
            log_begin(&log, names);
            for (int i = 0; i < 60; i++) {
                static const char *const name[] = {"0320218", "0320219"};
                log_stamp(&log, ((int64_t)(i / 2) * 100 + i % 2) * MS);
                wtl_buf_printf(&log.text, ", %s, 100 W\n", named ? name[i % 2] : "[N/A]");
            }
            if (!named) {
                log_refused(&log, 3, "rows come in groups of 2, 1 ms apart, every 100 ms");
                continue;
            }
            assert_ok(collect_text(&c, wtl_buf_str(&log.text), &err), &err);
            assert_int_equal(c.n_streams, 2);
            assert_string_equal(c.streams[1]->info.entity, "0320219");
            assert_int_equal(c.streams[1]->n, 30);
            collect_free(&c);
            wtl_buf_fini(&log.text);
        }
}

/* ---- published logs ---- */

struct row {
    int64_t t_ns;
    char rest[200]; /* behind the index, from its comma on */
};

struct published {
    char header[400]; /* without timestamp and index */
    struct row row[1000];
    int n;
};

static void take_line(struct published *p, const char *line, size_t n)
{
    const char *comma = memchr(line, ',', n), *end = line + n;
    const char *second = comma ? memchr(comma + 1, ',', (size_t)(end - comma - 1)) : NULL;
    int minute, second_of, ms;
    if (!second)
        return;
    if (line[0] == 't') {
        snprintf(p->header, sizeof p->header, "%.*s", (int)(end - second - 1), second + 1);
        return;
    }
    assert_int_equal(sscanf(line + 14, "%d:%d.%d", &minute, &second_of, &ms), 3);
    struct row *r = &p->row[p->n++];
    r->t_ns = ((int64_t)(minute * 60 + second_of) * 1000 + ms) * MS;
    snprintf(r->rest, sizeof r->rest, "%.*s", (int)(end - second), second);
    assert_true(p->n < 1000);
}

/* False: no nvidia-smi log. Stamps begin at 0. */
static bool read_published(const char *path, struct published *p)
{
    struct wtl_input *input;
    struct wtl_error err = {0};
    const char *data;
    size_t n = 1;
    p->n = 0;
    p->header[0] = '\0';
    assert_ok(wtl_input_new(wtl_alloc_system(), &input, &err), &err);
    assert_ok(wtl_input_open(input, path, false, &err), &err);
    while (n) {
        assert_ok(wtl_input_next(input, &data, &n, &err), &err);
        for (const char *line = data, *stop = data + n; line < stop;) {
            const char *end = memchr(line, '\n', (size_t)(stop - line));
            end = end ? end : stop;
            if (p->header[0] || wtl_starts_with(line, "timestamp,index,"))
                take_line(p, line, (size_t)(end - line));
            line = end + 1;
        }
    }
    wtl_input_free(input);
    /* the clock may strike an hour */
    for (int i = p->n - 1; i >= 0; i--)
        p->row[i].t_ns += p->row[i].t_ns < p->row[0].t_ns ? INT64_C(3600) * 1000 * MS : 0;
    for (int i = p->n - 1; i >= 0; i--)
        p->row[i].t_ns -= p->row[0].t_ns;
    return p->n > 0;
}

static void put_row(struct log *log, const struct row *r, int64_t later_ns)
{
    log_stamp(log, r->t_ns + later_ns);
    wtl_buf_printf(&log->text, "%s\n", r->rest);
}

/* Both in the order of time, the second one begun `later_ns` after the first. */
static void put_both(struct log *log, const struct published *a, const struct published *b,
                     int64_t later_ns)
{
    log_begin(log, a->header);
    for (int i = 0, j = 0; i < a->n && j < b->n;)
        if (a->row[i].t_ns <= b->row[j].t_ns + later_ns)
            put_row(log, &a->row[i++], 0);
        else
            put_row(log, &b->row[j++], later_ns);
}

/* All published nvidia-smi logs of a folder, without their index. Returns how many there are. */
static int check_folder(const char *folder)
{
    static struct published log[8];
    int n = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));) {
        char path[1000];
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (e->d_name[0] == '.' || !read_published(path, &log[n]))
            continue;
        struct log text;
        log_begin(&text, log[n].header);
        for (int i = 0; i < log[n].n; i++)
            put_row(&text, &log[n].row[i], 0);
        log_accepted(&text);
        assert_true(++n < 8);
    }
    closedir(dir);
    for (int a = 0; a < n; a++)
        for (int b = 0; b < n; b++) {
            struct log text;
            struct published *second = &log[b];
            if (a == b)
                continue;
            /* one sampler asks both: the second one's rows under the first one's stamps + 4 ms */
            static struct published asked;
            asked = *second;
            for (int i = 0; i < asked.n; i++)
                asked.row[i].t_ns = log[a].row[i < log[a].n ? i : log[a].n - 1].t_ns;
            put_both(&text, &log[a], &asked, 4 * MS);
            log_refused(&text, 3, "rows come in groups of 2, 4 ms apart, every 1");
        }
    return n;
}

static void published_logs_without_their_index(void **state)
{
    (void)state;
    assert_int_equal(check_folder(source_path("data/frequency/raw")), 2);
}

static void all_published_logs_without_their_index(void **state)
{
    (void)state;
    const char *folder = shared_path("data/frequency/raw");
    if (!folder)
        skip();
    assert_true(check_folder(folder) >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_in_bunches_are_of_several_gpus),
        cmocka_unit_test(one_gpu_however_its_stamps_wander_is_one),
        cmocka_unit_test(levels_that_take_turns_are_of_two_gpus),
        cmocka_unit_test(a_load_that_toggles_is_one_gpu),
        cmocka_unit_test(what_names_a_gpu_is_believed),
        cmocka_unit_test(published_logs_without_their_index),
        cmocka_unit_test(all_published_logs_without_their_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
