/* SPDX-License-Identifier: Apache-2.0
 * `wattle sim calibration`: the table of errors of the virtual GPU's workloads. */
#include "flow/sim_calibration.h"
#include "cli/command.h"
#include "cli/table.h"
#include "codec/json.h"
#include "stats/robust.h"

#include <math.h>
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

static json_t *at_json(const struct wtl_calibration_at *a)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:b}", "measured", wtl_json_finite(a->measured),
                     "virtual", wtl_json_finite(a->given), "error", wtl_json_finite(a->error),
                     "spread", wtl_json_finite(a->spread), "within", a->within);
}

static json_t *clocks_json(const struct wtl_calibration_row *r)
{
    if (r->n_clocks == 0)
        return json_null();
    json_t *clocks = json_array();
    for (size_t i = 0; i < r->n_clocks; i++)
        wtl_json_add(&clocks, json_pack("{s:o, s:i, s:o, s:o}", "sm_clock_mhz",
                                        wtl_json_finite(r->clocks[i].sm_mhz), "runs",
                                        r->clocks[i].runs, "time_s", at_json(&r->clocks[i].time),
                                        "power_w", at_json(&r->clocks[i].watt)));
    return clocks;
}

static json_t *row_json(const struct wtl_calibration_row *r)
{
    const struct wtl_sim_fitted *f = r->fitted;
    return json_pack(
        "{s:s, s:s, s:o, s:o, s:b, s:o, s:o, s:o, s:{s:i, s:i, s:o, s:o, s:o, s:o, s:o}}", "board",
        f->board, "workload", r->workload, "phase", wtl_json_text(f->phase), "memory_clock_mhz",
        wtl_json_finite(f->fit.mem_mhz), "assumed", f->assumed, "source", wtl_json_text(f->source),
        "evaluated", evaluated_json(r), "clocks", clocks_json(r), "stored", "throughput_rows",
        f->work_rows, "power_rows", f->watt_rows, "random_fifths", held_out_json(&f->folds),
        "by_batch", held_out_json(&f->batch), "by_share", held_out_json(&f->share),
        "every_second_clock", held_out_json(&f->clock), "blocks_of_clocks",
        held_out_json(&f->block));
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

static const struct wtl_table_column sweep_columns[] = {
    {"board", NULL, false, false},    {"workload", NULL, false, false},
    {"", NULL, false, false},         {"spread", "%", true, false},
    {"error", "%", true, false},      {"within", NULL, true, false},
    {"left out", "2nd", true, false}, {"left out", "blocks", true, false},
};

static const struct wtl_table_column clock_columns[] = {
    {"clock", "MHz", true, false}, {"runs", NULL, true, false},     {"time", "s", true, false},
    {"virtual", "s", true, false}, {"error", "%", true, false},     {"spread", "%", true, false},
    {"power", "W", true, false},   {"virtual", "W", true, false},   {"error", "%", true, false},
    {"spread", "%", true, false},  {"outside", NULL, false, false},
};

static void put_at(struct wtl_table *t, const struct wtl_calibration_at *a)
{
    wtl_table_number(t, true, a->measured, 2);
    wtl_table_number(t, true, a->given, 2);
    wtl_table_printf(t, "%+.1f", 100 * a->error);
    wtl_table_number(t, true, 100 * a->spread, 1);
}

static void put_clock(struct wtl_table *t, const struct wtl_calibration_clock *c)
{
    wtl_table_printf(t, "%.0f", c->sm_mhz);
    wtl_table_printf(t, "%d", c->runs);
    put_at(t, &c->time);
    put_at(t, &c->watt);
    wtl_table_printf(t, "%s%s%s", c->time.within ? "" : "time",
                     c->time.within || c->watt.within ? "" : ", ", c->watt.within ? "" : "power");
}

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

/* "outside: 1095 MHz (time -1.6 %), 660 MHz (time -1.5 %)" */
static void print_outside(struct wtl_context *ctx, const struct wtl_calibration_row *r)
{
    char text[8192] = "";
    size_t used = 0;
    for (size_t i = 0; i < r->n_clocks; i++) {
        const struct wtl_calibration_at *at[] = {&r->clocks[i].time, &r->clocks[i].watt};
        for (int k = 0; k < 2; k++)
            if (!at[k]->within && used < sizeof text)
                used += (size_t)snprintf(
                    text + used, sizeof text - used, "%s%.0f MHz (%s %+.1f %%)", used ? ", " : "",
                    r->clocks[i].sm_mhz, k ? "power" : "time", 100 * at[k]->error);
    }
    if (used)
        wtl_print_line(ctx->out, 2, "outside: %s", text);
}

static double median_error(struct wtl_context *ctx, const struct wtl_calibration_row *r, bool watt,
                           int *within_out)
{
    double *errors = WTL_RAW_ARRAY(ctx->arena, double, r->n_clocks);
    *within_out = 0;
    if (!errors)
        return (double)NAN;
    for (size_t i = 0; i < r->n_clocks; i++) {
        const struct wtl_calibration_at *a = watt ? &r->clocks[i].watt : &r->clocks[i].time;
        errors[i] = fabs(a->error);
        *within_out += a->within;
    }
    return wtl_median(errors, r->n_clocks);
}

/* Sweeps against the spread of their runs. */
static int print_sweeps(struct wtl_context *ctx, const struct wtl_calibration *c,
                        struct wtl_error *err)
{
    struct wtl_table *t = wtl_table_new(ctx->arena, sweep_columns,
                                        (int)(sizeof sweep_columns / sizeof sweep_columns[0]));
    if (!t)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < c->n; i++) {
        const struct wtl_calibration_row *r = &c->rows[i];
        for (int watt = 0; r->n_clocks > 0 && watt < 2; watt++) {
            const struct wtl_sim_held_out *second = &r->fitted->clock, *block = &r->fitted->block;
            int within;
            const double error = median_error(ctx, r, watt, &within);
            wtl_table_put(t, r->fitted->board);
            wtl_table_put(t, r->workload);
            wtl_table_put(t, watt ? "power" : "time");
            wtl_table_number(t, true, 100 * (watt ? r->watt_spread : r->work_spread), 1);
            wtl_table_number(t, isfinite(error), 100 * error, 1);
            wtl_table_printf(t, "%d of %zu", within, r->n_clocks);
            wtl_table_number(t, second->watt_median > 0,
                             100 * (watt ? second->watt_median : second->work_median), 1);
            wtl_table_number(t, block->watt_median > 0,
                             100 * (watt ? block->watt_median : block->work_median), 1);
        }
    }
    if (wtl_table_rows(t) == 0)
        return 0;
    fputc('\n', ctx->out);
    wtl_print_line(ctx->out, 0,
                   "Sweeps over the clock. Spread: one run about another at the same clock "
                   "(standard deviation, robust); error: median over clocks; within: clocks whose "
                   "error is at most twice the deviation that the mean of their runs has (95 %% "
                   "of a true curve's); left out: every second clock, blocks of four clocks.");
    return wtl_table_print(t, 0, WTL_TABLE_WIDTH, ctx->out, err);
}

/* `--clocks WORKLOAD`: every clock of its sweeps. */
static int print_clocks(struct wtl_context *ctx, const struct wtl_calibration *c,
                        const char *workload, struct wtl_error *err)
{
    bool any = false;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < c->n; i++) {
        const struct wtl_calibration_row *r = &c->rows[i];
        if (r->n_clocks == 0 || strcmp(r->workload, workload) != 0)
            continue;
        struct wtl_table *t = wtl_table_new(ctx->arena, clock_columns,
                                            (int)(sizeof clock_columns / sizeof clock_columns[0]));
        if (!t)
            return WTL_FAIL(err, WTL_NOMEM, "out of memory");
        for (size_t k = 0; k < r->n_clocks; k++)
            put_clock(t, &r->clocks[k]);
        fprintf(ctx->out, "%s%s on %s\n", any ? "\n" : "", r->workload, r->fitted->board);
        any = true;
        rc = wtl_table_print(t, 0, WTL_TABLE_WIDTH, ctx->out, err);
        if (rc == 0)
            print_outside(ctx, r);
    }
    if (rc == 0 && !any) {
        rc = WTL_FAIL(err, WTL_NOTFOUND, "no sweep over the clock of '%s'", workload);
        wtl_error_hint(err, "there are sweeps of stable-diffusion, whisper and llama");
    }
    return rc;
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
    rc = print_sweeps(ctx, c, err);
    if (rc == 0)
        print_assumed(ctx, c);
    return rc;
}

struct options {
    const char *data, *clocks;
};

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    const struct options *o = ctx->options;
    struct wtl_calibration c;
    int rc = wtl_flow_sim_calibration(ctx->arena, o->data, &c, err);
    if (rc < 0)
        return rc;
    if (ctx->json)
        return wtl_print_json(ctx, document(&c), err);
    return o->clocks ? print_clocks(ctx, &c, o->clocks, err) : print_text(ctx, &c, err);
}

static const struct wtl_opt opts[] = {
    {.name = "data",
     .type = WTL_OPT_STRING,
     .offset = offsetof(struct options, data),
     .arg = "DIR",
     .help = "Folder with the measurements (partition/, frequency/); else those that are shipped"},
    {.name = "clocks",
     .type = WTL_OPT_STRING,
     .offset = offsetof(struct options, clocks),
     .arg = "WORKLOAD",
     .help = "Every clock of this workload's sweeps: its error beside the spread of its runs"},
    {0},
};

const struct wtl_command wtl_cmd_sim_calibration = {
    .name = "sim calibration",
    .summary = "Show how well virtual GPUs do what was measured",
    .synopsis = "[--data DIR] [--clocks WORKLOAD]",
    .description =
        "Prints the error of throughput and power for each board and workload of the virtual GPU: "
        "median and 90th percentile. The shipped parameters are evaluated on the measurements "
        "where they are there (the clock sweeps on V100 and A100 are shipped); errors on rows that "
        "a fit did not see were stored when it was made. What was assumed rather than fitted is "
        "listed.",
    .examples = "  wattle sim calibration\n"
                "  wattle sim calibration --clocks stable-diffusion\n"
                "  wattle sim calibration --json",
    .opts = opts,
    .options_size = sizeof(struct options),
    .max_args = 0,
    .run = run,
};
