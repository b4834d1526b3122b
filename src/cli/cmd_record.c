/* SPDX-License-Identifier: Apache-2.0
 * `wattle record`: samples of all devices into a file, while a command runs or for a span of time.
 */
#include "base/file.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/measuring.h"
#include "cli/stat_text.h"
#include "codec/json.h"
#include "flow/record.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

struct options {
    const char *output, *format, *rotate, *workload, *gpu;
    int keep;
    struct wtl_measuring measuring;
};

#define AT(member) offsetof(struct options, member)

static const struct wtl_opt opts[] = {
    {"output", 'o', WTL_OPT_STRING, AT(output), "FILE", "write the samples there"},
    {"format", 0, WTL_OPT_STRING, AT(format), "NAME",
     "campaign, csv, jsonl, nvidia-smi or dcgmi; default: by the ending of FILE (.wattle, .csv, "
     ".jsonl, .smi, .dmon)"},
    {"rotate", 0, WTL_OPT_STRING, AT(rotate), "SIZE|TIME",
     "begin another file (FILE with a number) when it is so large or so old, with the unit: "
     "100MiB or 100MB, 1h"},
    {"keep", 0, WTL_OPT_INT, AT(keep), "N", "with --rotate: keep the newest N files", WTL_UNIT_NONE,
     1, 1000000},
    {"workload", 0, WTL_OPT_STRING, AT(workload), "NAME",
     "name of the runs in a campaign; default: that of the command"},
    {"gpu", 0, WTL_OPT_STRING, AT(gpu), "NAME",
     "name of the GPU in a campaign (one model of them); default: that of the board"},
    WTL_MEASURING_OPTS(struct options, measuring),
    {0},
};

/* ---- Options --------------------------------------------------------------------------------- */

static int choose_format(const struct options *o, const struct wtl_writer **writer_out,
                         struct wtl_error *err)
{
    const char *names[16] = {"campaign"};
    int n = 1;
    for (; wtl_writer_at(n - 1) && n < 16; n++)
        names[n] = wtl_writer_at(n - 1)->name;
    if (!o->output)
        return WTL_FAIL(err, WTL_USAGE, "where to? -o FILE");
    if (o->format && strcmp(o->format, "campaign") != 0) {
        *writer_out = wtl_writer_by_name(o->format);
        if (*writer_out)
            return 0;
        const char *near = wtl_did_you_mean(o->format, names, n);
        int rc = WTL_FAIL(err, WTL_USAGE, "there is no format \"%.40s\"", o->format);
        wtl_error_hint(err,
                       near ? "did you mean \"%s\"?"
                            : "%scampaign, csv, jsonl, nvidia-smi, "
                              "dcgmi",
                       near ? near : "");
        return rc;
    }
    *writer_out = NULL;
    if (o->format || wtl_ends_with(o->output, ".wattle"))
        return 0;
    *writer_out = wtl_writer_by_ending(o->output);
    if (*writer_out)
        return 0;
    int rc =
        WTL_FAIL(err, WTL_USAGE, "the ending of \"%.200s\" does not tell the format", o->output);
    wtl_error_hint(err, "--format NAME, or an ending of .wattle, .csv, .jsonl, .smi, .dmon");
    return rc;
}

/* A bare number would be 27 hours for one reader and 98 KiB for the other. */
static int refuse_rotation(const char *text, struct wtl_error *err)
{
    double value;
    if (wtl_parse_double(text, strlen(text), &value)) {
        int rc = WTL_FAIL(err, WTL_USAGE, "--rotate: \"%.60s\" has no unit", text);
        wtl_error_hint(err, "did you mean %gs, or %g%s?", value, value,
                       value >= 4096 ? "B (bytes)" : "MiB");
        return rc;
    }
    int rc = WTL_FAIL(err, WTL_USAGE, "--rotate: \"%.60s\" is neither a size nor a time", text);
    wtl_error_hint(err, "sizes are in kB, MB, GB, KiB, MiB, GiB, times in s, min, h, d: --rotate "
                        "100MiB, --rotate 1h");
    return rc;
}

static int check_rotation(const char *text, double value, double least, double most,
                          const char *range, struct wtl_error *err)
{
    if (value >= least && value <= most)
        return 0;
    return WTL_FAIL(err, WTL_USAGE, "--rotate \"%.60s\" is outside %s", text, range);
}

static int read_rotation(const struct options *o, struct wtl_record_options *ro,
                         struct wtl_error *err)
{
    double value = 0;
    int rc = 0;
    ro->keep = o->keep;
    if (!o->rotate)
        return o->keep ? WTL_FAIL(err, WTL_USAGE, "--keep needs --rotate") : 0;
    if (wtl_parse_double(o->rotate, strlen(o->rotate), &value))
        return refuse_rotation(o->rotate, err);
    if (wtl_parse_quantity(o->rotate, WTL_UNIT_SECOND, &value, NULL) == 0) {
        rc = check_rotation(o->rotate, value, 1, 1e8, "1 s to 1e+08 s", err);
        ro->rotate_ns = rc ? 0 : (int64_t)(1e9 * value);
        return rc;
    }
    if (wtl_parse_quantity(o->rotate, WTL_UNIT_BYTE, &value, NULL) == 0) {
        rc = check_rotation(o->rotate, value, 4096, 1e15, "4 KiB to 1000 TB", err);
        ro->rotate_bytes = rc ? 0 : (int64_t)value;
        return rc;
    }
    return refuse_rotation(o->rotate, err);
}

static const char *job_name(struct wtl_context *ctx)
{
    int64_t now = ctx->clock.wall_ns(ctx->clock.ctx);
    struct wtl_buf text;
    wtl_buf_init(&text, ctx->arena->alloc, 64);
    wtl_write_utc(now, &text);
    const char *name = wtl_arena_printf(ctx->arena, "record %s", wtl_buf_str(&text));
    wtl_buf_fini(&text);
    return name;
}

/* Of local time against UTC, now. */
static int64_t utc_offset_s(struct wtl_context *ctx)
{
    time_t now = (time_t)(ctx->clock.wall_ns(ctx->clock.ctx) / WTL_NS_PER_S);
    struct tm tm;
    tzset();
    return localtime_r(&now, &tm) ? (int64_t)tm.tm_gmtoff : 0;
}

static int read_options(struct wtl_context *ctx, const struct options *o,
                        struct wtl_record_options *ro, struct wtl_error *err)
{
    *ro = (struct wtl_record_options){.path = o->output,
                                      .utc_offset_s = utc_offset_s(ctx),
                                      .workload = o->workload,
                                      .gpu = o->gpu,
                                      .job = job_name(ctx),
                                      .command = ctx->child != NULL};
    if (!ro->workload)
        ro->workload = ctx->child ? wtl_path_base(ctx->child[0]) : "recording";
    if (!ro->job)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = wtl_measuring_check(ctx, &o->measuring, err);
    rc = rc ? rc : choose_format(o, &ro->writer, err);
    return rc ? rc : read_rotation(o, ro, err);
}

/* ---- The span -------------------------------------------------------------------------------- */

/* What was lost is a failure, whatever else went well. */
static int judge(const struct wtl_recorded *d, struct wtl_error *err)
{
    if (d->lost == 0 && d->errors == 0)
        return 0;
    return d->lost ? WTL_FAIL(err, WTL_IO, "%" PRId64 " of %" PRId64 " samples were lost: %.300s",
                              d->lost, d->lost + d->rows, d->trouble)
                   : WTL_FAIL(err, WTL_IO, "no sample was lost, but: %.300s", d->trouble);
}

static int show(struct wtl_context *ctx, const struct wtl_stat_result *r,
                const struct wtl_recorded *d, json_t *o, struct wtl_error *err)
{
    struct wtl_stat_runs *runs = wtl_stat_runs_new(ctx->arena, 1);
    struct wtl_stat_repeats one = {0};
    char size[48];
    if (ctx->json) {
        wtl_json_put(&o, "recording", wtl_recorded_json(d));
        return wtl_print_json(ctx, o, err);
    }
    json_decref(o);
    if (ctx->verbosity < 0)
        return 0;
    const char *title = wtl_arena_printf(ctx->arena, "%.3g s", r->time_s);
    if (!runs || !title)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = wtl_stat_runs_add(runs, r, err);
    rc = rc ? rc : wtl_stat_runs_means(runs, &one, err);
    if (rc < 0)
        return rc;
    wtl_stat_print(ctx->messages, title, r, &one, ctx->verbosity > 0);
    fprintf(ctx->messages, "%" PRId64 " samples in %s (%s", d->rows, d->path,
            wtl_format_measured((double)d->bytes, WTL_UNIT_BYTE, size, sizeof size));
    if (d->files > 1)
        fprintf(ctx->messages, ", the last of %" PRId64 " files", d->files);
    fprintf(ctx->messages, ")\n");
    return 0;
}

static bool deserted(const void *ctx)
{
    return wtl_record_deserted(ctx);
}

static int measure(struct wtl_context *ctx, const struct options *o, struct wtl_stat *stat,
                   struct wtl_recorder *recorder, struct wtl_error *err)
{
    struct wtl_stat_result result = {0};
    struct wtl_recorded recorded = {0};
    int rc = wtl_stat_begin(stat, true, err);
    rc = rc ? rc : wtl_record_begin(recorder, err);
    if (rc < 0)
        return rc;
    rc = wtl_measuring_wait(ctx, &o->measuring, deserted, recorder, stat, err);
    wtl_record_pause(recorder);
    wtl_stat_end(stat);
    if (rc <= 0) { /* no command ran: neither does a file of it stand in the way of the next try */
        wtl_record_discard(recorder);
        return rc;
    }
    rc = wtl_stat_result(stat, ctx->arena, &result, err);
    if (rc < 0)
        return rc;
    json_t *d = wtl_measuring_json(ctx, &result);
    wtl_record_end(recorder, &result, ctx->child_status, d, &recorded);
    rc = show(ctx, &result, &recorded, d, err);
    return rc ? rc : judge(&recorded, err);
}

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    const struct options *o = ctx->options;
    const struct wtl_flow flow = wtl_context_flow(ctx);
    struct wtl_record_options ro;
    struct wtl_stat_options so = wtl_measuring_options(ctx, &o->measuring);
    struct wtl_stat *stat = NULL;
    struct wtl_recorder *recorder = NULL;
    so.keep = WTL_RECORD_KEEP;
    int rc = read_options(ctx, o, &ro, err);
    if (rc < 0)
        return rc;
    if (ro.writer && ro.writer->gpus_only) { /* every row has all metrics there */
        ro.whole_rows = true;
        so.slow_s = o->measuring.interval.given ? o->measuring.interval.value / 2 : 0.1;
    }
    rc = wtl_stat_open(&flow, &so, &stat, err);
    if (rc < 0)
        return rc;
    rc = wtl_record_open(&flow, stat, &ro, &recorder, err);
    if (rc == 0) {
        wtl_interrupt_hold();
        rc = measure(ctx, o, stat, recorder, err);
    }
    wtl_record_close(recorder);
    wtl_stat_close(stat);
    wtl_measuring_leave(ctx);
    return rc;
}

const struct wtl_command wtl_cmd_record = {
    .name = "record",
    .summary = "Record samples of all devices into a file",
    .synopsis = "-o FILE [-i ID]... [--rotate SIZE|TIME [--keep N]] [-- COMMAND ARG...]",
    .description =
        "Writes what the sensors say, reading by reading, into a campaign, CSV, JSON lines, or "
        "the dialects of nvidia-smi and dcgmi, and prints the summary of `wattle stat`. All "
        "formats are read back by `wattle import`; a campaign has its runs already: one a device, "
        "with energy, method, class and interval, the samples kept.\n\n"
        "The command's output, exit status and signals pass through. Without a command it records "
        "until it is told to end, or for --for TIME.\n\n"
        "It is made to run for days: --rotate begins files anew and --keep removes old ones, "
        "memory is bounded, and a full disk does not end it: samples that cannot be written are "
        "counted, the file says where they are missing, and the exit status is 1 at the end.",
    .examples = "  wattle record -o run.csv -- python3 infer.py\n"
                "  wattle record -o campaign.wattle --workload resnet50 -- ./batch\n"
                "  wattle record -o power.jsonl --rotate 1h --keep 48   # the last two days",
    .exit_codes =
        "1  failed, or something could not be written: the summary says how much\n"
        "125  with -- COMMAND: the same, and any other failure of record; 126 and 127: the command "
        "cannot be run; else its own status, 128 + N after signal N",
    .opts = opts,
    .options_size = sizeof(struct options),
    .takes_child = true,
    .run = run,
};
