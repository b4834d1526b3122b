/* SPDX-License-Identifier: Apache-2.0
 * `wattle sim calibration`: the table of errors of the virtual GPU's workloads. */
#include "flow/sim_calibration.h"
#include "cli/command.h"
#include "cli/table.h"
#include "codec/json.h"

#include <stddef.h>
#include <string.h>

/* ---- JSON ------------------------------------------------------------------------------------ */

static json_t *error_json(const struct wtl_calibration_error *e)
{
    return json_pack("{s:i, s:o, s:o}", "n", e->n, "median", wtl_json_finite(e->median), "p90",
                     wtl_json_finite(e->p90));
}

static json_t *held_out_json(const struct wtl_sim_held_out *h)
{
    if (h->watt_median <= 0)
        return json_null();
    json_t *work = h->work_median <= 0
                       ? json_null()
                       : json_pack("{s:o, s:o}", "median", wtl_json_finite(h->work_median), "p90",
                                   wtl_json_finite(h->work_p90));
    return json_pack("{s:o, s:{s:o, s:o}}", "throughput", work, "power", "median",
                     wtl_json_finite(h->watt_median), "p90", wtl_json_finite(h->watt_p90));
}

static json_t *evaluated_json(const struct wtl_calibration_row *r)
{
    if (!r->evaluated)
        return json_null();
    return json_pack(
        "{s:o, s:o, s:o, s:o}", "throughput", r->work.n ? error_json(&r->work) : json_null(),
        "power", error_json(&r->watt), "throughput_spread",
        r->work_spread > 0 ? wtl_json_finite(r->work_spread) : json_null(), "power_spread",
        r->watt_spread > 0 ? wtl_json_finite(r->watt_spread) : json_null());
}

static json_t *row_json(const struct wtl_calibration_row *r)
{
    const struct wtl_sim_fitted *f = r->fitted;
    return json_pack("{s:s, s:s, s:o, s:o, s:b, s:o, s:o, s:{s:i, s:i, s:o, s:o, s:o}}", "board",
                     f->board, "workload", r->workload, "phase", wtl_json_text(f->phase),
                     "memory_clock_mhz", wtl_json_finite(f->fit.mem_mhz), "assumed", f->assumed,
                     "source", wtl_json_text(f->source), "evaluated", evaluated_json(r), "stored",
                     "throughput_rows", f->work_rows, "power_rows", f->watt_rows, "random_fifths",
                     held_out_json(&f->folds), "by_batch", held_out_json(&f->batch), "by_share",
                     held_out_json(&f->share));
}

static json_t *document(const struct wtl_calibration *c)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < c->n; i++)
        wtl_json_add(&rows, row_json(&c->rows[i]));
    return json_pack("{s:o, s:{s:i, s:i, s:i}, s:o}", "data",
                     c->data ? wtl_json_text(c->data) : json_null(), "out_of_memory", "measured",
                     c->left_out, "virtual_too", c->left_out_known, "virtual_only", c->lacking,
                     "fits", rows);
}

/* ---- Text ------------------------------------------------------------------------------------ */

static const struct wtl_table_column columns[] = {
    {"board", NULL, false, false},  {"workload", NULL, false, false},
    {"memory", "MHz", true, false}, {"rows", NULL, true, false},
    {"work", "%", true, false},     {"90 %", "%", true, false},
    {"power", "%", true, false},    {"90 %", "%", true, false},
    {"fifth", "work", true, false}, {"fifth", "power", true, false},
    {"batch", "work", true, false}, {"share", "work", true, false},
};

static void put_row(struct wtl_table *t, const struct wtl_calibration_row *r)
{
    const struct wtl_sim_fitted *f = r->fitted;
    const bool work = r->evaluated && r->work.n > 0, watt = r->evaluated && r->watt.n > 0;
    wtl_table_put(t, f->board);
    wtl_table_put(t, r->workload);
    wtl_table_printf(t, "%.0f", f->fit.mem_mhz);
    wtl_table_printf(t, "%d", f->work_rows > f->watt_rows ? f->work_rows : f->watt_rows);
    wtl_table_number(t, work, 100 * r->work.median, 1);
    wtl_table_number(t, work, 100 * r->work.p90, 1);
    wtl_table_number(t, watt, 100 * r->watt.median, 1);
    wtl_table_number(t, watt, 100 * r->watt.p90, 1);
    wtl_table_number(t, f->folds.work_median > 0, 100 * f->folds.work_median, 1);
    wtl_table_number(t, f->folds.watt_median > 0, 100 * f->folds.watt_median, 1);
    wtl_table_number(t, f->batch.work_median > 0, 100 * f->batch.work_median, 1);
    wtl_table_number(t, f->share.work_median > 0, 100 * f->share.work_median, 1);
}

/* "whisper on v100, run to run: time 17.9 %, power 2.5 %" */
static void print_spreads(struct wtl_context *ctx, const struct wtl_calibration *c)
{
    bool any = false;
    for (size_t i = 0; i < c->n; i++) {
        const struct wtl_calibration_row *r = &c->rows[i];
        if (!r->evaluated || r->work_spread <= 0)
            continue;
        if (!any)
            fprintf(ctx->out, "\nOne run differs from another at the same clock (standard "
                              "deviation, robust) by\n");
        any = true;
        fprintf(ctx->out, "  %-5s %-18s time %4.1f %%  power %3.1f %%\n", r->fitted->board,
                r->workload, 100 * r->work_spread, 100 * r->watt_spread);
    }
}

/* Boards that a workload's parameters were assumed for: one line a workload. */
static void print_assumed(struct wtl_context *ctx, const struct wtl_calibration *c)
{
    fprintf(ctx->out, "\nAssumed, on no measurement of that board:\n");
    for (size_t i = 0; i < c->n; i++) {
        char boards[200] = "";
        size_t used = 0;
        if (i > 0 && strcmp(c->rows[i].workload, c->rows[i - 1].workload) == 0)
            continue;
        for (size_t k = i; k < c->n && strcmp(c->rows[k].workload, c->rows[i].workload) == 0; k++) {
            const struct wtl_sim_fitted *f = c->rows[k].fitted;
            if (f->assumed && !strstr(boards, f->board) && used < sizeof boards)
                used += (size_t)snprintf(boards + used, sizeof boards - used, "%s%s%s",
                                         used ? ", " : "", f->board,
                                         f->watt_rows > 0 ? " (throughput)" : "");
        }
        if (used)
            fprintf(ctx->out, "  %-18s %s\n", c->rows[i].workload, boards);
    }
}

static int print_text(struct wtl_context *ctx, const struct wtl_calibration *c,
                      struct wtl_error *err)
{
    struct wtl_table *t =
        wtl_table_new(ctx->arena, columns, (int)(sizeof columns / sizeof columns[0]));
    if (!t)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < c->n; i++)
        if (c->rows[i].fitted->watt_rows > 0)
            put_row(t, &c->rows[i]);
    int rc = wtl_table_print(t, 0, WTL_TABLE_WIDTH, ctx->out, err);
    if (rc < 0)
        return rc;
    if (c->left_out > 0)
        fputc('\n', ctx->out);
    wtl_print_line(ctx->out, 0,
                   "Median errors, with the 90th percentile: work (throughput) and power by the "
                   "shipped parameters on the rows that they were fitted to%s; fifth, batch, "
                   "share: on random fifths, each batch, each share that a fit did not see, "
                   "stored when it was made.",
                   c->data ? "" : ", where the data is shipped (--data for the rest)");
    if (c->left_out > 0)
        wtl_print_line(ctx->out, 0,
                       "%d rows ran out of memory; the virtual board does in %d of them and in %d "
                       "others.",
                       c->left_out, c->left_out_known, c->lacking);
    print_spreads(ctx, c);
    print_assumed(ctx, c);
    return 0;
}

struct options {
    const char *data;
};

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    const struct options *o = ctx->options;
    struct wtl_calibration c;
    int rc = wtl_flow_sim_calibration(ctx->arena, o->data, &c, err);
    if (rc < 0)
        return rc;
    return ctx->json ? wtl_print_json(ctx, document(&c), err) : print_text(ctx, &c, err);
}

static const struct wtl_opt opts[] = {
    {.name = "data",
     .type = WTL_OPT_STRING,
     .offset = offsetof(struct options, data),
     .arg = "DIR",
     .help = "Folder with the measurements (partition/, frequency/); else those that are shipped"},
    {0},
};

const struct wtl_command wtl_cmd_sim_calibration = {
    .name = "sim calibration",
    .summary = "Show how well virtual GPUs do what was measured",
    .synopsis = "[--data DIR]",
    .description =
        "Prints the error of throughput and power for each board and workload of the virtual GPU: "
        "median and 90th percentile. The shipped parameters are evaluated on the measurements "
        "where they are there (the clock sweeps on V100 and A100 are shipped); errors on rows that "
        "a fit did not see were stored when it was made. What was assumed rather than fitted is "
        "listed.",
    .examples = "  wattle sim calibration\n"
                "  wattle sim calibration --json",
    .opts = opts,
    .options_size = sizeof(struct options),
    .max_args = 0,
    .run = run,
};
