/* SPDX-License-Identifier: Apache-2.0
 * Options to an overlay. */
#include "cli/policy_options.h"

#include "base/file.h"
#include "core/clocks.h"

#include <unistd.h>

/* A limit that was given, with its flag. */
static void take(const struct wtl_opt_quantity *option, bool *has, double *value)
{
    *has = option->given;
    *value = option->value;
}

static int blame(int rc, struct wtl_error *err, const char *option)
{
    if (rc < 0)
        wtl_error_context(err, "--%s", option);
    return rc;
}

/* A list as it stands, or the content of a file of that name. */
static int read_clocks(struct wtl_arena *arena, const char *text, struct wtl_clocks *out,
                       struct wtl_error *err)
{
    char *content = NULL;
    size_t size;
    if (access(text, R_OK) != 0)
        return wtl_clocks_parse(arena, text, out, err);
    int rc = wtl_file_read(arena, text, 1 << 20, &content, &size, err);
    if (rc == 0) {
        rc = wtl_clocks_parse(arena, content, out, err);
        if (rc < 0)
            wtl_error_input(err, text, 0, 0);
    }
    return rc;
}

int wtl_policy_options_read(struct wtl_arena *arena, const struct wtl_policy_options *options,
                            struct wtl_overlay *overlay_out, struct wtl_error *err)
{
    struct wtl_overlay o = {.objective = options->objective != NULL,
                            .baseline = options->baseline != NULL,
                            .prefer = options->prefer != NULL,
                            .clocks = options->clocks != NULL,
                            .confidence = options->confidence.given};
    struct wtl_policy *v = &o.values;
    struct wtl_clocks clocks = {0};
    int rc = 0;
    if (options->objective)
        rc = blame(wtl_objective_parse(options->objective, &v->objective, err), err, "objective");
    if (rc == 0 && options->baseline)
        rc = blame(wtl_baseline_parse(options->baseline, &v->baseline, err), err, "baseline");
    if (rc == 0 && options->prefer)
        rc = blame(wtl_prefer_parse(options->prefer, &v->prefer, err), err, "prefer");
    if (rc == 0 && options->clocks)
        rc = blame(read_clocks(arena, options->clocks, &clocks, err), err, "clocks");
    if (rc < 0)
        return rc;
    v->clocks_mhz = clocks.mhz;
    v->n_clocks = clocks.n;
    v->confidence = options->confidence.value;
    take(&options->max_slowdown, &v->has_max_slowdown, &v->max_slowdown);
    take(&options->max_energy, &v->has_max_energy, &v->max_energy_ratio);
    take(&options->min_clock_ratio, &v->has_min_clock_ratio, &v->min_clock_ratio);
    take(&options->max_power, &v->has_max_power, &v->max_power_w);
    take(&options->min_saving, &v->has_min_saving, &v->min_saving);
    *overlay_out = o;
    return 0;
}
