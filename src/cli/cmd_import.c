/* SPDX-License-Identifier: Apache-2.0
 * `wattle import`: traces, tables and timing logs into a campaign. */
#include "base/text.h"
#include "cli/command.h"
#include "cli/table.h"

#include "base/file.h"
#include "base/limits.h"
#include "codec/json.h"
#include "flow/flow.h"
#include "trace/mapping.h"

#include <inttypes.h>
#include <string.h>

struct import_command {
    const char *output;
    const char *mapping, *naming, *reader, *gpu, *workload;
    struct wtl_opt_quantity interval_s;
    bool keep_samples, keep_going;
    int threads;
};

#define AT(field) offsetof(struct import_command, field)
static const struct wtl_opt opts[] = {
    {"output", 'o', WTL_OPT_STRING, AT(output), "CAMPAIGN",
     "campaign to import into; made if it does not exist"},
    {"gpu", 0, WTL_OPT_STRING, AT(gpu), "NAME",
     "GPU of files whose name and content do not tell it"},
    {"workload", 0, WTL_OPT_STRING, AT(workload), "NAME",
     "workload of files whose name and content do not tell it"},
    {"interval", 0, WTL_OPT_QUANTITY, AT(interval_s), "TIME",
     "sampling interval that the sampler was asked for, with its unit; a label only: the true one "
     "is estimated"
     " (default: 50ms for the published naming schemes)",
     .unit = WTL_UNIT_SECOND, .min = 1e-6, .max = 3600},
    {"naming", 0, WTL_OPT_STRING, AT(naming), "FILE",
     "YAML file with patterns of file names (key `naming`)"},
    {"mapping", 0, WTL_OPT_STRING, AT(mapping), "FILE",
     "YAML file that says how to read any other CSV (key `mapping`)"},
    {"reader", 0, WTL_OPT_STRING, AT(reader), "NAME",
     "read every file with this reader instead of detecting it by content"},
    {"keep-samples", 0, WTL_OPT_FLAG, AT(keep_samples), NULL,
     "store the samples in the campaign, compressed, instead of a reference to their file"},
    {"keep-going", 0, WTL_OPT_FLAG, AT(keep_going), NULL,
     "pass over files that cannot be read, and say so"},
    {"threads", 'j', WTL_OPT_INT, AT(threads), "N",
     "read with so many threads; the result is the same (default: 1)", .min = 1,
     .max = WTL_LIMIT_THREADS},
    {0},
};
static const struct import_command defaults = {.threads = 1};

/* ---- Text -------------------------------------------------------------------------------------*/

static const char *format_bytes(int64_t bytes, char *buf, size_t size)
{
    return wtl_format_measured((double)bytes, WTL_UNIT_BYTE, buf, size);
}

static void print_files(const struct wtl_import_result *r, FILE *out)
{
    char size[32];
    fprintf(out, "%" PRId64 " file%s read", r->files_read, wtl_plural(r->files_read));
    if (r->files_read)
        fprintf(out, " (%s)", format_bytes(r->bytes, size, sizeof size));
    if (r->files_known)
        fprintf(out, ", %" PRId64 " known already: unchanged", r->files_known);
    if (r->files_failed)
        fprintf(out, ", %" PRId64 " not readable", r->files_failed);
    int64_t passed = r->files_outputs + r->files_other;
    if (passed)
        fprintf(out,
                ", %" PRId64 " passed over (%" PRId64 " by name, %" PRId64 " of no known format)",
                passed, r->files_outputs, r->files_other);
    fputc('\n', out);
}

static void print_rows(const struct wtl_import_result *r, FILE *out)
{
    if (r->rows == 0 && r->rows_dropped == 0)
        return;
    double missing = r->cells ? 100.0 * (double)r->cells_missing / (double)r->cells : 0;
    fprintf(out, "%" PRId64 " row%s, %.1f %% of cells N/A", r->rows, wtl_plural(r->rows), missing);
    if (r->rows_dropped)
        fprintf(out, "; %" PRId64 " row%s dropped:", r->rows_dropped, wtl_plural(r->rows_dropped));
    for (int d = 0; d < (int)WTL_N_DROPS; d++)
        if (r->dropped[d])
            fprintf(out, "\n  %8" PRId64 "  %s", r->dropped[d], wtl_drop_text((enum wtl_drop)d));
    fputc('\n', out);
}

/* "columns that nobody knows, left out: a, b": one of them may be a misspelt one. */
static void print_columns(const struct wtl_import_result *r, FILE *out)
{
    char text[sizeof r->unknown_columns * 2 + 60];
    size_t n = (size_t)snprintf(text, sizeof text, "columns that are not known, left out: ");
    for (const char *p = r->unknown_columns; *p; p++) {
        text[n++] = *p;
        if (*p == ',')
            text[n++] = ' ';
    }
    text[n] = '\0';
    if (r->unknown_columns[0])
        wtl_print_wrapped(out, text, 0, WTL_TABLE_WIDTH);
}

static int print_sets(struct wtl_context *ctx, const struct wtl_import_result *r,
                      struct wtl_error *err)
{
    static const struct wtl_table_column columns[] = {
        {.title = "gpu"}, {.title = "workload"}, {.title = "runs", .number = true}};
    struct wtl_table *t = wtl_table_new(ctx->arena, columns, 3);
    if (!t)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < r->n_sets; i++) {
        wtl_table_put(t, r->sets[i].gpu);
        wtl_table_put(t, r->sets[i].workload);
        wtl_table_printf(t, "%" PRId64, r->sets[i].runs);
    }
    return wtl_table_print(t, 2, WTL_TABLE_WIDTH, ctx->out, err);
}

static int print_text(struct wtl_context *ctx, const struct wtl_import_result *r,
                      struct wtl_error *err)
{
    FILE *out = ctx->out;
    print_files(r, out);
    print_rows(r, out);
    print_columns(r, out);
    fprintf(out, "%" PRId64 " run%s added", r->runs_added, wtl_plural(r->runs_added));
    if (r->runs_updated)
        fprintf(out, ", %" PRId64 " updated from timing logs", r->runs_updated);
    if (r->runs_duplicate)
        fprintf(out, "; %" PRId64 " of the campaign %s there twice and count%s once",
                r->runs_duplicate, r->runs_duplicate == 1 ? "is" : "are",
                r->runs_duplicate == 1 ? "s" : "");
    if (r->runs_without_clock)
        fprintf(out, "; the clock of %" PRId64 " is not known", r->runs_without_clock);
    fputs(r->n_sets && !r->runs_duplicate && !r->runs_without_clock ? ":\n" : "\n", out);
    return print_sets(ctx, r, err);
}

/* ---- The command ------------------------------------------------------------------------------*/

static int load_documents(struct wtl_context *ctx, const struct import_command *o,
                          struct wtl_import_options *options, struct wtl_error *err)
{
    char *yaml = NULL;
    size_t n = 0;
    int rc = 0;
    if (o->mapping) {
        rc = wtl_file_read(ctx->arena, o->mapping, WTL_LIMIT_DOCUMENT_BYTES, &yaml, &n, err);
        rc = rc ? rc : wtl_mapping_load(ctx->arena, yaml, n, o->mapping, &options->mapping, err);
    }
    if (rc == 0 && o->naming) {
        rc = wtl_file_read(ctx->arena, o->naming, WTL_LIMIT_DOCUMENT_BYTES, &yaml, &n, err);
        rc = rc ? rc : wtl_naming_load(ctx->arena, yaml, n, o->naming, &options->naming, err);
    }
    return rc;
}

static int import_into(struct wtl_context *ctx, const struct import_command *o,
                       const struct wtl_import_options *options,
                       struct wtl_import_result *result_out, struct wtl_error *err)
{
    struct wtl_flow flow = wtl_context_flow(ctx);
    flow.threads = o->threads;
    struct wtl_campaign *c = NULL;
    int rc = wtl_campaign_open(o->output, WTL_CAMPAIGN_CREATE, ctx->clock, &c, err);
    rc = rc ? rc : wtl_flow_import(&flow, c, options, ctx->arena, result_out, err);
    wtl_campaign_close(c);
    return rc;
}

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    const struct import_command *o = ctx->options;
    if (!o->output) {
        int rc = WTL_FAIL(err, WTL_USAGE, "wattle import needs a campaign to import into");
        wtl_error_hint(err, "give it with -o CAMPAIGN");
        return rc;
    }
    struct wtl_import_options options = {.paths = ctx->argv,
                                         .n_paths = (size_t)ctx->argc,
                                         .reader = o->reader,
                                         .gpu = o->gpu,
                                         .workload = o->workload,
                                         .interval_s =
                                             o->interval_s.given ? o->interval_s.value : 0,
                                         .keep_samples = o->keep_samples,
                                         .keep_going = o->keep_going};
    struct wtl_import_result result = {0};
    int rc = load_documents(ctx, o, &options, err);
    rc = rc ? rc : import_into(ctx, o, &options, &result, err);
    if (rc < 0)
        return rc;
    return ctx->json ? wtl_print_json(ctx, wtl_import_json(&result, o->output), err)
                     : print_text(ctx, &result, err);
}

const struct wtl_command wtl_cmd_import = {
    .name = "import",
    .summary = "Read traces, tables and timing logs into a campaign",
    .synopsis = "PATH... -o CAMPAIGN [options]",
    .description =
        "Reads files and whole directory trees into a campaign, one SQLite file. Every format is"
        " detected by content: DCGM dmon text, nvidia-smi CSV, tables of runs, Zeus windows,"
        " perf stat, power meters, timing logs; plain or compressed by gzip, zstd or xz. GPU,"
        " workload, clock and repetition come from the file's name, else from its content, else"
        " from the options.\n\n"
        "All is stored in one transaction: an import that fails or is killed leaves the campaign"
        " as it was. A file that the campaign knows, by hash and size, changes nothing; one that"
        " has grown or was renamed replaces what was read of it. Runs that are there twice count"
        " once. Samples stay in their files, referenced by path and hash, unless --keep-samples is "
        "given.",
    .examples = "  wattle import results/ -o sweep.wattle\n"
                "  wattle import run.csv --gpu A100 --workload llama -o sweep.wattle",
    .opts = opts,
    .options_size = sizeof(struct import_command),
    .min_args = 1,
    .max_args = -1,
    .defaults = &defaults,
    .run = run,
};
