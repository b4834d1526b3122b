/* SPDX-License-Identifier: Apache-2.0
 * One file to runs: reads it, reduces each of its streams, and settles whose runs they are. Sees
 * neither the campaign nor other files. */
#include "flow/import.h"

#include "base/file.h"
#include "base/text.h"
#include "core/gpu_name.h"
#include "runs/reduce.h"
#include "store/chunk.h"
#include "trace/mapping.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* The claim of the published scripts: `--sampling-interval` is 50 ms unless told otherwise. */
static const double published_interval_s = 0.05;

/* One stream of the file being read. */
struct stream {
    struct wtl_trace_stream info;
    char gpu[WTL_LIMIT_NAME]; /* short name of its board; "" unknown */
    int64_t rows;
    int64_t start_ns; /* 0: no timestamps */
    int app_clock_mhz;
    size_t run; /* index of its run in the outcome */
};

struct import_worker {
    const struct import_job *job;
    struct wtl_arena arena; /* reducers: they live as long as the worker */
    struct wtl_input *input;
    struct wtl_trace_scratch *scratch;
    struct wtl_chunker *chunker; /* NULL: samples are not kept */
    struct wtl_reducer *reducers[WTL_LIMIT_STREAMS];

    /* Of the file being read. */
    const struct import_file *file;
    struct import_outcome *outcome;
    struct wtl_name_key key; /* what its name tells, completed by the mapping */
    bool has_key;
    struct stream streams[WTL_LIMIT_STREAMS];
    int n_streams;
};

int import_worker_new(const struct import_job *job, struct import_worker **worker_out,
                      struct wtl_error *err)
{
    struct wtl_alloc alloc = job->flow->alloc;
    struct import_worker *w = alloc.resize(alloc.ctx, NULL, sizeof *w);
    if (!w)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    memset(w, 0, sizeof *w);
    w->job = job;
    wtl_arena_init(&w->arena, alloc);
    int rc = wtl_input_new(alloc, &w->input, err);
    rc = rc ? rc : wtl_trace_scratch_new(alloc, &w->scratch, err);
    if (rc == 0 && job->options->keep_samples)
        rc = wtl_chunker_new(&w->chunker, err);
    if (rc < 0)
        import_worker_free(w);
    else
        *worker_out = w;
    return rc;
}

void import_worker_free(struct import_worker *w)
{
    if (!w)
        return;
    struct wtl_alloc alloc = w->job->flow->alloc;
    wtl_input_free(w->input);
    wtl_trace_scratch_free(w->scratch);
    wtl_chunker_free(w->chunker);
    wtl_arena_fini(&w->arena);
    alloc.resize(alloc.ctx, w, 0);
}

/* ---- What the reader delivers ---------------------------------------------------------------- */

static int add_run(struct import_worker *w, size_t *index_out, struct wtl_error *err)
{
    struct import_outcome *o = w->outcome;
    if (o->n_runs >= WTL_LIMIT_RUNS)
        return WTL_FAIL(err, WTL_LIMIT, "more than %d runs in one file", WTL_LIMIT_RUNS);
    if (wtl_grow(&o->arena, &o->runs, o->n_runs, &o->cap_runs) != 0)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    *index_out = o->n_runs;
    memset(&o->runs[o->n_runs++], 0, sizeof *o->runs);
    return 0;
}

static int on_stream(void *ctx, const struct wtl_trace_stream *info, struct wtl_error *err)
{
    struct import_worker *w = ctx;
    if (info->index != w->n_streams || w->n_streams >= WTL_LIMIT_STREAMS)
        return WTL_FAIL(err, WTL_LIMIT, "more than %d streams in one file", WTL_LIMIT_STREAMS);
    struct stream *s = &w->streams[w->n_streams];
    *s = (struct stream){.info = *info};
    wtl_gpu_short_name(info->device, s->gpu, sizeof s->gpu);
    struct wtl_reducer **reducer = &w->reducers[w->n_streams];
    int rc = *reducer ? 0 : wtl_reducer_new(&w->arena, reducer, err);
    rc = rc ? rc : add_run(w, &s->run, err);
    if (rc == 0) {
        wtl_reducer_begin(*reducer);
        w->n_streams++;
    }
    return rc;
}

/* The clock that was requested, where the trace says so. */
static void look_for_clock(struct stream *s, const struct wtl_batch *b)
{
    if (!wtl_batch_has(b, WTL_M_app_sm_clock_mhz))
        return;
    for (int i = 0; i < b->n && s->app_clock_mhz == 0; i++) {
        double mhz = b->column[WTL_M_app_sm_clock_mhz].value[i];
        if (wtl_batch_valid(b, WTL_M_app_sm_clock_mhz, i) && mhz > 0 && mhz < 100000)
            s->app_clock_mhz = (int)lround(mhz);
    }
}

static int keep_batch(struct import_worker *w, const struct stream *s,
                      const struct wtl_batch *batch, struct wtl_error *err)
{
    struct import_outcome *o = w->outcome;
    if (wtl_grow(&o->arena, &o->chunks, o->n_chunks, &o->cap_chunks) != 0)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    struct import_chunk *chunk = &o->chunks[o->n_chunks];
    chunk->run = s->run;
    int rc = wtl_chunk_pack(w->chunker, &o->arena, batch, &chunk->bytes, &chunk->size, err);
    if (rc == 0)
        o->n_chunks++;
    return rc;
}

static int on_batch(void *ctx, const struct wtl_batch *batch, struct wtl_error *err)
{
    struct import_worker *w = ctx;
    struct stream *s = &w->streams[batch->stream];
    if (s->rows == 0 && batch->has_time && batch->n > 0)
        s->start_ns = batch->t_ns[0];
    if (s->app_clock_mhz == 0)
        look_for_clock(s, batch);
    s->rows += batch->n;
    wtl_reducer_push(w->reducers[batch->stream], batch);
    return w->chunker ? keep_batch(w, s, batch, err) : 0;
}

static int on_run(void *ctx, const struct wtl_run *run, struct wtl_error *err)
{
    struct import_worker *w = ctx;
    size_t index = 0;
    int rc = add_run(w, &index, err);
    if (rc == 0)
        w->outcome->runs[index] = *run;
    return rc;
}

static int on_timing(void *ctx, const struct wtl_timing *timing, struct wtl_error *err)
{
    struct import_worker *w = ctx;
    struct import_outcome *o = w->outcome;
    if (wtl_grow(&o->arena, &o->timings, o->n_timings, &o->cap_timings) != 0)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    o->timings[o->n_timings++] = *timing;
    return 0;
}

/* ---- Whose run it is ------------------------------------------------------------------------- */

static void fill_name(char *dst, size_t size, const char *text)
{
    if (dst[0] == '\0' && text)
        snprintf(dst, size, "%s", text);
}

/* Where neither name nor content nor option says it, nothing may be guessed. */
static int require_names(const struct import_worker *w, const struct wtl_run *run,
                         struct wtl_error *err)
{
    const char *what = run->gpu[0] == '\0' ? "GPU" : run->workload[0] == '\0' ? "workload" : NULL;
    if (!what)
        return 0;
    int rc = WTL_FAIL(err, WTL_PARSE, "neither the name nor the content tells the %s", what);
    wtl_error_hint(err, "give it with --%s NAME, or describe the file names with --naming FILE",
                   run->gpu[0] == '\0' ? "gpu" : "workload");
    wtl_error_input(err, w->file->path, 0, 0);
    return rc;
}

/* The stream is not of the board that the file's name says. */
static bool is_stranger(const struct import_worker *w, const struct stream *s)
{
    return w->key.gpu[0] && s->gpu[0] && !wtl_same_name(w->key.gpu, s->gpu);
}

/* Streams of different samplers, or different boards that go by one name ("GPU 0" of two machines):
 * two jobs wrote into one file. A machine with two models of boards gives each its own name. */
static bool is_other_job(const struct stream *a, const struct stream *b)
{
    if (strcmp(a->info.dialect, b->info.dialect) != 0)
        return true;
    bool told_apart =
        a->info.entity[0] && b->info.entity[0] && strcmp(a->info.entity, b->info.entity) != 0;
    return !told_apart && a->gpu[0] && b->gpu[0] && !wtl_same_name(a->gpu, b->gpu);
}

/* A stream of another job than `s`; NULL: there is none. */
static const struct stream *other_job(const struct import_worker *w, const struct stream *s)
{
    for (int i = 0; i < w->n_streams; i++)
        if (is_other_job(s, &w->streams[i]))
            return &w->streams[i];
    return NULL;
}

static bool is_mixed(const struct import_worker *w)
{
    for (int i = 0; i < w->n_streams; i++)
        if (other_job(w, &w->streams[i]))
            return true;
    return false;
}

/* "268 rows of GPU 0 (dcgmi-a)" */
static const char *describe(const struct stream *s, char *buf, size_t size)
{
    snprintf(buf, size, "%" PRId64 " rows of %.48s (%s)", s->rows,
             s->info.device[0] ? s->info.device : s->info.entity, s->info.dialect);
    return buf;
}

static void state_contaminated(const struct import_worker *w, const struct stream *s, bool mixed,
                               struct wtl_run *run)
{
    char here[120], there[120];
    run->stated_causes |= UINT32_C(1) << WTL_CAUSE_contaminated;
    describe(s, here, sizeof here);
    if (!mixed) {
        snprintf(run->stated_reason, sizeof run->stated_reason, "the name says %.30s, but: %.90s",
                 w->key.gpu, here);
        return;
    }
    const struct stream *other = other_job(w, s);
    if (!other)
        other = s == &w->streams[0] ? &w->streams[1] : &w->streams[0];
    describe(other, there, sizeof there);
    snprintf(run->stated_reason, sizeof run->stated_reason, "one file mixes %.60s and %.60s", here,
             there);
}

/* A recording of `wattle record`, which names every device. */
static bool is_recorded(const struct import_worker *w)
{
    return wtl_starts_with(w->outcome->report.reader, "samples");
}

static void label_stream(struct import_worker *w, const struct stream *s, bool mixed,
                         struct wtl_run *run)
{
    bool stranger = is_stranger(w, s);
    const struct wtl_import_options *options = w->job->options;
    fill_name(run->gpu, sizeof run->gpu, stranger ? s->gpu : w->key.gpu);
    fill_name(run->gpu, sizeof run->gpu, s->gpu);
    if (is_recorded(w)) /* a CPU, a node: no name from the command line is theirs */
        fill_name(run->gpu, sizeof run->gpu, s->info.device);
    fill_name(run->gpu, sizeof run->gpu, options->gpu);
    fill_name(run->workload, sizeof run->workload, w->key.workload);
    fill_name(run->workload, sizeof run->workload, options->workload);
    fill_name(run->device, sizeof run->device, s->info.device[0] ? s->info.device : s->info.entity);
    run->stream = s->info.index;
    run->start_ns = s->start_ns;
    if (!stranger) { /* the name speaks of another job's run */
        fill_name(run->job, sizeof run->job, w->key.job);
        run->seq = w->key.seq;
        run->rep = w->key.rep;
        run->clock_mhz = w->key.clock_mhz;
        run->mode = w->key.mode;
    }
    if (run->clock_mhz == 0)
        run->clock_mhz = s->app_clock_mhz;
    if (stranger || mixed)
        state_contaminated(w, s, mixed, run);
}

static void complete_table_run(const struct import_worker *w, struct wtl_run *run)
{
    const struct wtl_import_options *options = w->job->options;
    fill_name(run->gpu, sizeof run->gpu, w->key.gpu);
    fill_name(run->gpu, sizeof run->gpu, options->gpu);
    fill_name(run->gpu, sizeof run->gpu, run->device); /* better than nothing: "gpu1" */
    fill_name(run->workload, sizeof run->workload, w->key.workload);
    fill_name(run->workload, sizeof run->workload, options->workload);
    fill_name(run->job, sizeof run->job, w->key.job);
    if (run->clock_mhz == 0)
        run->clock_mhz = w->key.clock_mhz;
    if (options->interval_s > 0 && !wtl_run_has(run, WTL_R_label_interval_s))
        wtl_run_set(run, WTL_R_label_interval_s, options->interval_s);
}

/* ---- From streams to runs -------------------------------------------------------------------- */

static double label_interval_s(const struct import_worker *w)
{
    static const char *const published[] = {"sweep", "custom", "baseline", "legacy"};
    if (w->job->options->interval_s > 0)
        return w->job->options->interval_s;
    for (int i = 0; i < 4; i++)
        if (w->has_key && strcmp(w->key.scheme, published[i]) == 0)
            return published_interval_s;
    return 0;
}

static void settle_times(const struct import_worker *w, struct wtl_run *run)
{
    struct wtl_timing timing;
    if (import_find_timing(&w->job->dirs[w->file->dir], run, &timing))
        import_apply_timing(run, &timing);
    wtl_run_choose(run);
}

/* Two GPUs that nothing but their readings tells apart. */
static void state_turns(const struct wtl_reducer *r, struct wtl_run *run)
{
    char text[sizeof run->stated_reason];
    if (run->stated_causes || !wtl_reducer_mixes(r, text, sizeof text))
        return;
    run->stated_causes |= UINT32_C(1) << WTL_CAUSE_contaminated;
    memcpy(run->stated_reason, text, sizeof text);
}

static int finish_streams(struct import_worker *w, struct wtl_error *err)
{
    bool mixed = is_mixed(w);
    const struct wtl_reduce_context context = {.label_interval_s = label_interval_s(w)};
    for (int i = 0; i < w->n_streams; i++) {
        struct wtl_run *run = &w->outcome->runs[w->streams[i].run];
        label_stream(w, &w->streams[i], mixed, run);
        int rc = require_names(w, run, err);
        if (rc < 0)
            return rc;
        wtl_reducer_finish(w->reducers[i], &context, run);
        state_turns(w->reducers[i], run);
        settle_times(w, run);
        if (run->stated_causes && !w->outcome->note)
            w->outcome->note = wtl_arena_printf(&w->outcome->arena, "%s; %smarked contaminated",
                                                run->stated_reason, mixed ? "kept apart and " : "");
    }
    return 0;
}

static int finish_table(struct import_worker *w, struct wtl_error *err)
{
    for (size_t i = 0; i < w->outcome->n_runs; i++) {
        struct wtl_run *run = &w->outcome->runs[i];
        complete_table_run(w, run);
        int rc = require_names(w, run, err);
        if (rc < 0)
            return rc;
        wtl_run_choose(run);
    }
    return 0;
}

/* A trace by its name in which the sampler wrote nothing: a run of which nothing is known. */
static int add_empty_run(struct import_worker *w, struct wtl_error *err)
{
    size_t index = 0;
    int rc = add_run(w, &index, err);
    if (rc < 0)
        return rc;
    struct wtl_run *run = &w->outcome->runs[index];
    static const struct stream nothing;
    label_stream(w, &nothing, false, run);
    wtl_run_set(run, WTL_R_n_samples, 0);
    rc = require_names(w, run, err);
    if (rc == 0)
        settle_times(w, run);
    return rc;
}

static void list_drops(const struct wtl_read_report *report, char *buf, size_t size)
{
    size_t n = 0;
    buf[0] = '\0';
    for (int d = 0; d < (int)WTL_N_DROPS && n < size; d++)
        if (report->dropped[d])
            n += (size_t)snprintf(buf + n, size - n, "%s%s %" PRId64, n ? ", " : "",
                                  wtl_drop_name((enum wtl_drop)d), report->dropped[d]);
}

/* A log of which little is left is no log of the run: what is wrong with it is said, with the
 * place. */
static int note_drops(struct import_worker *w, struct wtl_error *err)
{
    struct import_outcome *o = w->outcome;
    const struct wtl_read_report *r = &o->report;
    char causes[sizeof o->source.drops];
    if (r->rows_dropped <= r->rows || o->note)
        return 0;
    list_drops(r, causes, sizeof causes);
    o->note = wtl_arena_printf(
        &o->arena, "%" PRId64 " of %" PRId64 " rows dropped, the first in line %" PRId64 ": %s",
        r->rows_dropped, r->rows + r->rows_dropped, r->first_dropped_line, causes);
    return o->note ? 0 : WTL_FAIL(err, WTL_NOMEM, "out of memory");
}

/* Somebody said how it is to be read, and so it tells nothing: not this reader's format. Kept, it
 * would be known, and stand in the way of the right one. */
static int require_content(const struct import_worker *w, struct wtl_error *err)
{
    const struct import_outcome *o = w->outcome;
    const struct wtl_read_report *r = &o->report;
    const char *reader = w->job->options->reader;
    if (!reader || w->n_streams || o->n_runs || o->n_timings || r->rows || o->bytes == 0)
        return 0;
    char causes[sizeof o->source.drops];
    list_drops(r, causes, sizeof causes);
    int rc = r->rows_dropped
                 ? WTL_FAIL(err, WTL_PARSE,
                            "the reader \"%s\" finds nothing in it: %" PRId64
                            " rows dropped, the first in line %" PRId64 ": %s",
                            reader, r->rows_dropped, r->first_dropped_line, causes)
                 : WTL_FAIL(err, WTL_PARSE, "the reader \"%s\" finds nothing in it", reader);
    wtl_error_hint(err, "without --reader the content tells which one it is for");
    return rc;
}

/* The scope makes files without data rows, and logs, different where they stand. */
static void describe_source(struct import_worker *w)
{
    const struct wtl_read_report *r = &w->outcome->report;
    struct wtl_source *s = &w->outcome->source;
    s->scope = r->rows == 0 ? w->file->path : "";
    if (w->outcome->n_timings)
        s->scope = w->job->dirs[w->file->dir].path;
    snprintf(s->reader, sizeof s->reader, "%s", r->reader[0] ? r->reader : "none");
    snprintf(s->dialect, sizeof s->dialect, "%s", r->dialect);
    s->rows = r->rows;
    s->rows_dropped = r->rows_dropped;
    s->first_dropped_line = r->first_dropped_line;
    list_drops(r, s->drops, sizeof s->drops);
    s->cells = r->cells;
    s->cells_missing = r->cells_missing;
    s->cells_sentinel = r->cells_sentinel;
    snprintf(s->unknown_columns, sizeof s->unknown_columns, "%s", r->unknown_columns);
}

/* ---- One file -------------------------------------------------------------------------------- */

/* A file claims to be a trace by its name, or because the user named it. */
static bool claims_to_be_trace(const struct import_worker *w)
{
    return w->file->must_read || w->job->options->reader || w->file->role == IMPORT_LOG ||
           (w->has_key && w->key.is_trace);
}

static int read_content(struct import_worker *w, struct wtl_error *err)
{
    struct import_outcome *o = w->outcome;
    const struct wtl_import_options *options = w->job->options;
    const struct wtl_trace_options trace_options = {
        .mapping = options->mapping, .reader = options->reader, .scratch = w->scratch};
    const struct wtl_trace_sink sink = {
        .ctx = w, .stream = on_stream, .batch = on_batch, .run = on_run, .timing = on_timing};
    int rc = wtl_input_open(w->input, w->file->path, true, err);
    if (rc < 0)
        return rc;
    struct wtl_error why = {0};
    rc = wtl_trace_read(w->input, &trace_options, &sink, &o->report, &why);
    bool undetected = rc == -WTL_PARSE && o->report.reader[0] == '\0';
    if (undetected && !claims_to_be_trace(w)) {
        o->note = o->report.advice;
        o->err = why;
        o->fate = IMPORT_PASSED;
        return 0;
    }
    bool empty = undetected && o->report.empty && w->has_key && w->key.is_trace;
    if (rc < 0 && !empty) {
        if (err)
            *err = why;
        return rc;
    }
    o->fate = IMPORT_READ;
    return wtl_input_sha256(w->input, o->source.sha256, err);
}

static int read_file(struct import_worker *w, struct wtl_error *err)
{
    struct import_outcome *o = w->outcome;
    int rc = import_look_back(w->job, w->file, w->input, &o->arena, &o->history, err);
    o->note = o->history.note;
    if (rc == 0 && o->history.known_id) {
        o->fate = IMPORT_KNOWN;
        return 0;
    }
    rc = rc ? rc : read_content(w, err);
    if (rc < 0 || o->fate != IMPORT_READ)
        return rc;
    o->bytes = wtl_input_bytes_read(w->input);
    o->source.size_bytes = o->bytes;
    rc = require_content(w, err);
    if (rc < 0)
        return rc;
    if (w->n_streams)
        rc = finish_streams(w, err);
    else if (o->n_runs)
        rc = finish_table(w, err);
    else if (o->n_timings == 0 && w->has_key && w->key.is_trace)
        rc = add_empty_run(w, err);
    rc = rc ? rc : note_drops(w, err);
    if (rc == 0)
        describe_source(w);
    return rc;
}

static void begin_file(struct import_worker *w, size_t index, struct import_outcome *o)
{
    w->file = &w->job->files[index];
    w->outcome = o;
    w->n_streams = 0;
    w->key = (struct wtl_name_key){0};
    w->has_key = wtl_naming_match(w->job->options->naming, w->file->path, &w->key);
    struct wtl_name_key constants;
    if (w->job->options->mapping && wtl_mapping_constants(w->job->options->mapping, &constants)) {
        fill_name(w->key.gpu, sizeof w->key.gpu, constants.gpu);
        fill_name(w->key.workload, sizeof w->key.workload, constants.workload);
        fill_name(w->key.job, sizeof w->key.job, constants.job);
        if (w->key.clock_mhz == 0)
            w->key.clock_mhz = constants.clock_mhz;
    }
    struct wtl_arena arena = o->arena;
    *o = (struct import_outcome){.arena = arena};
    wtl_arena_reset(&o->arena);
    o->source.path = w->file->path;
}

void import_read(struct import_worker *w, size_t index, struct import_outcome *o)
{
    begin_file(w, index, o);
    if (w->file->role == IMPORT_OUTPUT || w->file->role == IMPORT_DONE) {
        o->fate = IMPORT_SKIPPED;
        return;
    }
    int rc = read_file(w, &o->err);
    if (rc < 0) {
        o->fate = IMPORT_FAILED;
        wtl_error_input(&o->err, w->file->path, 0, 0);
    }
}
