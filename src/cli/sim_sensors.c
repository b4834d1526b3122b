/* SPDX-License-Identifier: Apache-2.0
 * `wattle sim sensors`: bias and coverage of every method of energy on every simulated sensor. */
#include "flow/sim_sensors.h"
#include "cli/command.h"
#include "cli/table.h"
#include "codec/json.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct sensors_options {
    int seeds;
    const char *sensor;
    bool all;
};

static const struct wtl_opt opts[] = {
    {"seeds", 0, WTL_OPT_INT, offsetof(struct sensors_options, seeds), "N",
     "cards, phases and loads that each is tried on; default 200", WTL_UNIT_NONE, 2, 100000},
    {"sensor", 0, WTL_OPT_STRING, offsetof(struct sensors_options, sensor), "NAME",
     "only this kind of sensor, as the table names it"},
    {"all", 'a', WTL_OPT_FLAG, offsetof(struct sensors_options, all), NULL,
     "show what is not claimed as well: naive polling, loads in step with a part-time sensor"},
    {0},
};

static json_t *row_json(const struct wtl_trial_row *r)
{
    return json_pack(
        "{s:s, s:s, s:s, s:b, s:i, s:i, s:o, s:o, s:o, s:o, s:i, s:o, s:o}", "sensor", r->sensor,
        "load", r->load, "method", wtl_trial_method_name(r->method), "claimed", r->claimed, "n",
        r->n, "flagged", r->flagged, "bias", wtl_json_finite(r->bias), "rms",
        wtl_json_finite(r->rms), "p95", wtl_json_finite(r->p95), "worst", wtl_json_finite(r->worst),
        "n_intervals", r->n_intervals, "coverage",
        r->n_intervals ? wtl_json_finite((double)r->covered / r->n_intervals) : json_null(),
        "half_width", r->n_intervals ? wtl_json_finite(r->width) : json_null());
}

static json_t *document(const struct wtl_sensor_trials *t)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < t->n; i++)
        wtl_json_add(&rows, row_json(&t->rows[i]));
    return json_pack("{s:i, s:f, s:o}", "seeds", t->seeds, "window_s", t->window_s, "rows", rows);
}

static void print(struct wtl_context *ctx, const struct wtl_sensor_trials *t, bool all)
{
    const char *sensor = "", *load = "";
    fprintf(
        ctx->out,
        "Errors of the energy of a window of %g s against the sensor's own truth, over %d seeds "
        "each.\n\n",
        t->window_s, t->seeds);
    fprintf(ctx->out, "%-30s %-14s %-20s %8s %8s %8s %9s %8s %8s\n", "SENSOR", "LOAD", "METHOD",
            "BIAS", "95 %", "WORST", "INTERVAL", "COVERED", "FLAGGED");
    for (size_t i = 0; i < t->n; i++) {
        const struct wtl_trial_row *r = &t->rows[i];
        if (!all && !r->claimed)
            continue;
        char width[16] = "-", covered[16] = "-";
        bool new_sensor = strcmp(sensor, r->sensor) != 0;
        bool new_load = new_sensor || strcmp(load, r->load) != 0;
        if (r->n_intervals) {
            snprintf(width, sizeof width, "%.2f %%", 100 * r->width);
            snprintf(covered, sizeof covered, "%.1f %%", 100.0 * r->covered / r->n_intervals);
        }
        fprintf(ctx->out, "%-30s %-14s %-20s %+6.2f %% %6.2f %% %6.2f %% %9s %8s %6.1f %%%s\n",
                new_sensor ? r->sensor : "", new_load ? r->load : "",
                wtl_trial_method_title(r->method), 100 * r->bias, 100 * r->p95, 100 * r->worst,
                width, covered, 100.0 * r->flagged / r->n, r->claimed ? "" : "  not claimed");
        sensor = r->sensor;
        load = r->load;
    }
}

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    const struct sensors_options *o = ctx->options;
    struct wtl_sensor_trials trials;
    int rc = wtl_flow_sim_sensors(ctx->arena, o->seeds ? o->seeds : 200, o->sensor, NULL, NULL,
                                  &trials, err);
    if (rc < 0)
        return rc;
    if (trials.n == 0)
        return WTL_FAIL(err, WTL_USAGE, "there is no kind of sensor \"%s\"", o->sensor);
    if (ctx->json)
        return wtl_print_json(ctx, document(&trials), err);
    print(ctx, &trials, o->all);
    return 0;
}

const struct wtl_command wtl_cmd_sim_sensors = {
    .name = "sim sensors",
    .summary = "Show how far figures of energy can be trusted",
    .synopsis = "[--seeds N] [--sensor NAME] [--all]",
    .description =
        "Measures the energy of windows of five seconds with every method on every kind of "
        "simulated sensor and load, and prints how far the figures are from the sensor's own truth "
        "(gain and offset of a card belong to its calibration class): mean error, the 95 % "
        "quantile of its size, the largest; the half width of the interval, and how often it holds "
        "the truth. FLAGGED are figures that say themselves that they are not to be trusted; they "
        "do not count as covered or not.",
    .examples = "  wattle sim sensors\n"
                "  wattle sim sensors --all --seeds 2000\n"
                "  wattle sim sensors --json",
    .opts = opts,
    .options_size = sizeof(struct sensors_options),
    .max_args = 0,
    .run = run,
};
