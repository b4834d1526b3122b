/* SPDX-License-Identifier: Apache-2.0
 *
 * bench-parse PATH... [--repeat N]
 *
 * Times reading, hashing and parsing of trace files on one thread, with a warm cache: the stages
 * take turns, so that a busy moment of the machine falls on all of them. Medians, and the range.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "bench/arguments.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "trace/trace.h"

enum { MAX_REPEATS = 101 };

struct stage {
    const char *name;
    bool hash, parse;
    double seconds[MAX_REPEATS];
    double cpu_s[MAX_REPEATS]; /* of this thread: what the wall clock says on an idle machine */
};

struct bench {
    struct wtl_arena arena;
    char **paths;
    size_t n, cap;
    struct wtl_input *input;
    struct wtl_trace_scratch *scratch;
    int64_t bytes, rows, dropped, cells;
    double sum; /* so that no work can be left out */
};

static int add_path(void *ctx, const char *path, int64_t size, struct wtl_error *err)
{
    struct bench *b = ctx;
    (void)size;
    if (wtl_ends_with(path, ".log"))
        return 0;
    if (wtl_grow(&b->arena, &b->paths, b->n, &b->cap) != 0)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    b->paths[b->n++] = wtl_arena_strdup(&b->arena, path);
    return b->paths[b->n - 1] ? 0 : WTL_FAIL(err, WTL_NOMEM, "out of memory");
}

static int on_batch(void *ctx, const struct wtl_batch *batch, struct wtl_error *err)
{
    struct bench *b = ctx;
    (void)err;
    b->sum += batch->column[WTL_M_power_w].value[batch->n - 1];
    return 0;
}

static int read_file(struct bench *b, const char *path, const struct stage *s,
                     struct wtl_error *err)
{
    int rc = wtl_input_open(b->input, path, s->hash, err);
    if (rc == 0 && s->parse) {
        struct wtl_trace_options options = {.scratch = b->scratch};
        struct wtl_trace_sink sink = {.ctx = b, .batch = on_batch};
        struct wtl_read_report report;
        rc = wtl_trace_read(b->input, &options, &sink, &report, err);
        if (rc == 0) {
            b->rows += report.rows;
            b->dropped += report.rows_dropped;
            b->cells += report.cells;
        }
    }
    size_t n = 1;
    while (rc == 0 && !s->parse && n) {
        const char *p;
        rc = wtl_input_next(b->input, &p, &n, err);
    }
    char hex[WTL_SHA256_HEX];
    if (rc == 0 && s->hash)
        rc = wtl_input_sha256(b->input, hex, err);
    b->bytes += wtl_input_bytes_read(b->input);
    if (rc != 0)
        wtl_error_context(err, "%s", path);
    return rc;
}

static double cpu_seconds(void)
{
    struct timespec t = {0};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int run_stage(struct bench *b, struct stage *s, int repeat, struct wtl_error *err)
{
    struct wtl_clock clock = wtl_clock_system();
    b->bytes = b->rows = b->dropped = b->cells = 0;
    int64_t start = clock.monotonic_ns(clock.ctx);
    double cpu_start_s = cpu_seconds();
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < b->n; i++)
        rc = read_file(b, b->paths[i], s, err);
    s->cpu_s[repeat] = cpu_seconds() - cpu_start_s;
    s->seconds[repeat] = (double)(clock.monotonic_ns(clock.ctx) - start) / 1e9;
    return rc;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int run_all(struct bench *b, struct stage *stages, int n_stages, int repeats,
                   struct wtl_error *err)
{
    for (int r = -1; r < repeats; r++) /* once to warm the cache */
        for (int s = 0; s < n_stages; s++) {
            int rc = run_stage(b, &stages[s], r < 0 ? 0 : r, err);
            if (rc != 0)
                return rc;
        }
    return 0;
}

static void print_table(const struct bench *b, struct stage *stages, int n_stages, int repeats)
{
    printf("%zu files, %.1f MB, %lld rows, %lld dropped, %lld cells; %d repeats\n", b->n,
           (double)b->bytes / 1e6, (long long)b->rows, (long long)b->dropped, (long long)b->cells,
           repeats);
    printf("%-24s %9s %9s %9s %7s %9s %9s\n", "stage", "median s", "min s", "max s", "GB/s",
           "cpu s", "min cpu s");
    for (int s = 0; s < n_stages; s++) {
        double *t = stages[s].seconds;
        double *cpu = stages[s].cpu_s;
        qsort(t, (size_t)repeats, sizeof *t, compare);
        qsort(cpu, (size_t)repeats, sizeof *cpu, compare);
        double median = t[repeats / 2];
        printf("%-24s %9.4f %9.4f %9.4f %7.3f %9.4f %9.4f\n", stages[s].name, median, t[0],
               t[repeats - 1], (double)b->bytes / median / 1e9, cpu[repeats / 2], cpu[0]);
    }
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        printf("peak resident memory %.1f MB\n", (double)usage.ru_maxrss / 1024);
}

int main(int argc, char **argv)
{
    struct stage stages[] = {
        {.name = "read"},
        {.name = "read + sha256", .hash = true},
        {.name = "read + parse", .parse = true},
        {.name = "read + sha256 + parse", .hash = true, .parse = true},
    };
    enum { N_STAGES = sizeof stages / sizeof *stages };
    struct bench b = {0};
    struct wtl_error err = {0};
    struct bench_number repeats = {"--repeat", 1, MAX_REPEATS, 7};
    const char *usage = "bench-parse PATH... [--repeat N]";
    for (int i = 1; i < argc; i++) {
        bool option = argv[i][0] == '-', repeat = strcmp(argv[i], "--repeat") == 0 && i + 1 < argc;
        if (bench_is_help(argv[i]))
            return bench_usage(usage, true);
        if (repeat ? !bench_number_read(&repeats, argv[++i]) : option)
            return bench_usage(usage, false);
    }
    wtl_arena_init(&b.arena, wtl_alloc_system());
    int rc = wtl_input_new(wtl_alloc_system(), &b.input, &err);
    if (rc == 0)
        rc = wtl_trace_scratch_new(wtl_alloc_system(), &b.scratch, &err);
    for (int i = 1; rc == 0 && i < argc; i++) {
        if (argv[i][0] == '-')
            i++;
        else
            rc = wtl_walk(argv[i], add_path, &b, &err);
    }
    if (rc == 0 && b.n == 0)
        rc = WTL_FAIL(&err, WTL_USAGE, "no traces; usage: %s", usage);
    if (rc == 0)
        rc = run_all(&b, stages, N_STAGES, (int)repeats.value, &err);
    if (rc == 0) {
        print_table(&b, stages, N_STAGES, (int)repeats.value);
    } else {
        char text[1024];
        wtl_error_format(&err, text, sizeof text);
        fprintf(stderr, "%s\n", text);
    }
    wtl_trace_scratch_free(b.scratch);
    wtl_input_free(b.input);
    wtl_arena_fini(&b.arena);
    return wtl_exit_status(rc);
}
