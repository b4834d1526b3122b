/* SPDX-License-Identifier: Apache-2.0
 * Runs known again by their source or by themselves. */
#include "flow/identity.h"

#include "base/text.h"
#include "codec/hash.h"
#include "core/gpu_name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first 48 bits of a hash in hexadecimal. */
static uint64_t head_of(const char *hex)
{
    uint64_t head = 0;
    for (int i = 0; i < WTL_RUN_KEY_DIGITS; i++)
        head = head << 4 | (uint64_t)(hex[i] <= '9' ? hex[i] - '0' : hex[i] - 'a' + 10);
    return head;
}

/* ---- A run by itself --------------------------------------------------------------------------*/

/* What sources say; metrics that rest on choices of this program may change with its version. */
static const enum wtl_run_metric stated[] = {
    WTL_R_n_samples,     WTL_R_reported_time_s, WTL_R_nominal_time_s, WTL_R_energy_nominal_j,
    WTL_R_power_mean_w,  WTL_R_power_min_w,     WTL_R_power_max_w,    WTL_R_power_first_w,
    WTL_R_work_units,    WTL_R_rate_per_s,      WTL_R_latency_p50_s,  WTL_R_latency_p90_s,
    WTL_R_latency_p95_s, WTL_R_latency_p99_s,   WTL_R_temp_mean_c,    WTL_R_sm_clock_mean_mhz,
};
enum { N_STATED = sizeof stated / sizeof *stated };

/* Of rows without samples these come from the table itself. */
static const enum wtl_run_metric tabled[] = {WTL_R_span_s, WTL_R_energy_counter_j,
                                             WTL_R_energy_integral_j};
enum { N_TABLED = sizeof tabled / sizeof *tabled };

struct image {
    char gpu[WTL_LIMIT_NAME], workload[WTL_LIMIT_NAME], job[WTL_LIMIT_NAME];
    int64_t seq, rep, clock_mhz, mem_clock_mhz, start_ns;
    double metric[N_STATED + N_TABLED]; /* -1: not known */
};

/* The operating point beyond the clocks, of runs that have one: keys of runs from before stay. */
struct point_image {
    char variant[WTL_VARIANT_NAME], unit[16];
    double value[WTL_N_SETTINGS]; /* -1: not known */
    int64_t window;
};

static bool image_point(const struct wtl_run *run, struct point_image *image)
{
    struct wtl_configuration at = wtl_configuration_of(run);
    snprintf(image->variant, sizeof image->variant, "%s", run->point.variant);
    snprintf(image->unit, sizeof image->unit, "%s", run->unit);
    for (int s = 0; s < (int)WTL_N_SETTINGS; s++)
        image->value[s] =
            wtl_point_has(&run->point, (enum wtl_setting)s) ? run->point.value[s] : -1;
    image->window = run->window;
    return !wtl_configuration_is_plain(&at);
}

static uint64_t run_key(const struct wtl_run *run, struct wtl_error *err, int *rc)
{
    struct image image;
    char short_name[WTL_LIMIT_NAME], hex[WTL_SHA256_HEX];
    memset(&image, 0, sizeof image);
    wtl_gpu_short_name(run->gpu, short_name, sizeof short_name);
    wtl_fold_name(short_name[0] ? short_name : run->gpu, image.gpu, sizeof image.gpu);
    wtl_fold_name(run->workload, image.workload, sizeof image.workload);
    wtl_fold_name(run->job, image.job, sizeof image.job);
    image.seq = run->seq;
    image.rep = run->rep;
    image.clock_mhz = run->clock_mhz;
    image.mem_clock_mhz = run->mem_clock_mhz;
    image.start_ns = run->start_ns;
    bool sampled = wtl_run_get(run, WTL_R_n_samples, 0) > 0;
    for (int i = 0; i < N_STATED; i++)
        image.metric[i] = wtl_run_get(run, stated[i], -1);
    for (int i = 0; i < N_TABLED; i++)
        image.metric[N_STATED + i] = sampled ? -1 : wtl_run_get(run, tabled[i], -1);
    struct {
        struct image run;
        struct point_image point;
    } with_point;
    memset(&with_point, 0, sizeof with_point);
    with_point.run = image;
    bool pointed = image_point(run, &with_point.point);
    *rc = pointed ? wtl_sha256(&with_point, sizeof with_point, hex, err)
                  : wtl_sha256(&image, sizeof image, hex, err);
    return *rc ? 0 : head_of(hex);
}

/* ---- Sources ----------------------------------------------------------------------------------*/

struct sources {
    const struct wtl_source *items; /* in order of id */
    size_t n;
};

static int load_sources(struct wtl_campaign *c, struct wtl_arena *arena, struct sources *out,
                        struct wtl_error *err)
{
    struct wtl_source *items = NULL;
    int rc = wtl_campaign_sources(c, arena, &items, &out->n, err);
    out->items = items;
    return rc;
}

/* False: the run has no source. */
static bool source_key(const struct sources *sources, const struct wtl_run *run, uint64_t *out)
{
    const struct wtl_source *s = wtl_source_find(sources->items, sources->n, run->source_id);
    if (s)
        *out = head_of(s->sha256);
    return s != NULL;
}

/* ---- Of plans ---------------------------------------------------------------------------------*/

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static size_t sort_distinct(uint64_t *keys, size_t n)
{
    size_t kept = 0;
    if (n > 1)
        qsort(keys, n, sizeof *keys, by_value);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || keys[i] != keys[i - 1])
            keys[kept++] = keys[i];
    return kept;
}

void wtl_runs_board(const struct wtl_run *runs, size_t n, char *buf, size_t size)
{
    char model[WTL_LIMIT_NAME];
    bool one = true;
    buf[0] = '\0';
    for (size_t i = 0; i < n && one; i++) {
        wtl_gpu_model(runs[i].device, model, sizeof model);
        if (!model[0])
            continue;
        if (!buf[0])
            wtl_view_copy(wtl_view_of(model), buf, size);
        one = wtl_same_name(buf, model);
    }
    if (!one)
        buf[0] = '\0';
}

static int fill(struct wtl_arena *arena, const struct sources *sources, const struct wtl_run *runs,
                size_t n, struct wtl_made_from *out, struct wtl_error *err)
{
    uint64_t *files = WTL_NEW_ARRAY(arena, uint64_t, n + 1);
    uint64_t *keys = WTL_NEW_ARRAY(arena, uint64_t, n + 1);
    size_t n_files = 0;
    int rc = files && keys ? 0 : WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < n && rc == 0; i++) {
        keys[i] = run_key(&runs[i], err, &rc);
        n_files += source_key(sources, &runs[i], &files[n_files]);
    }
    if (rc < 0)
        return rc;
    *out = (struct wtl_made_from){.sources = files,
                                  .n_sources = sort_distinct(files, n_files),
                                  .runs = keys,
                                  .n_runs = sort_distinct(keys, n)};
    wtl_runs_board(runs, n, out->board, sizeof out->board);
    return 0;
}

int wtl_flow_made_from(struct wtl_campaign *c, struct wtl_arena *arena,
                       const struct wtl_workset *sets, size_t n, struct wtl_plan *plans,
                       struct wtl_error *err)
{
    struct sources sources;
    int rc = load_sources(c, arena, &sources, err);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = fill(arena, &sources, sets[i].runs, sets[i].n_runs, &plans[i].made_from, err);
    return rc;
}

/* Whether points of the choice are of this set. */
static bool rests_on(const struct wtl_point_choice *choice, const struct wtl_workset *set)
{
    bool found = false;
    for (size_t i = 0; i < choice->n_points && !found; i++)
        found = wtl_configuration_compare(&choice->points[i].at, &set->at) == 0;
    return found && wtl_same_name(choice->gpu, set->gpu) &&
           wtl_same_name(choice->workload, set->workload);
}

int wtl_flow_choices_made_from(struct wtl_campaign *c, struct wtl_arena *arena,
                               const struct wtl_workset *sets, size_t n,
                               struct wtl_point_choice *choices, size_t n_choices,
                               struct wtl_error *err)
{
    struct sources sources;
    size_t all = 0;
    for (size_t i = 0; i < n; i++)
        all += sets[i].n_runs;
    WTL_ARENA(scratch);
    scratch.alloc = arena->alloc;
    struct wtl_run *runs = WTL_NEW_ARRAY(&scratch, struct wtl_run, all + 1);
    int rc =
        runs ? load_sources(c, arena, &sources, err) : WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t k = 0; k < n_choices && rc == 0; k++) {
        size_t n_runs = 0;
        for (size_t i = 0; i < n; i++)
            if (sets[i].n_runs && rests_on(&choices[k], &sets[i])) {
                memcpy(&runs[n_runs], sets[i].runs, sets[i].n_runs * sizeof *runs);
                n_runs += sets[i].n_runs;
            }
        rc = fill(arena, &sources, runs, n_runs, &choices[k].made_from, err);
    }
    return rc;
}

/* ---- Of other runs ----------------------------------------------------------------------------*/

static bool has_key(const uint64_t *keys, size_t n, uint64_t key)
{
    return n && bsearch(&key, keys, n, sizeof key, by_value);
}

/* Plans of one table share its file, whichever workload they are for: all plans are asked. */
static int is_known(const struct sources *sources, const struct wtl_run *run,
                    const struct wtl_plan_file *plans, bool *out, struct wtl_error *err)
{
    int rc = 0;
    uint64_t file = 0, key = run_key(run, err, &rc);
    bool has_file = source_key(sources, run, &file), known = false;
    for (size_t i = 0; i < plans->n_plans + plans->n_choices && !known; i++) {
        const struct wtl_made_from *m = i < plans->n_plans
                                            ? &plans->plans[i].made_from
                                            : &plans->choices[i - plans->n_plans].made_from;
        known = has_key(m->runs, m->n_runs, key) ||
                (has_file && has_key(m->sources, m->n_sources, file));
    }
    *out = known;
    return rc;
}

int wtl_flow_part_runs(struct wtl_campaign *c, struct wtl_arena *arena, const struct wtl_run *runs,
                       size_t n, const struct wtl_plan_file *file, struct wtl_parted_runs *out,
                       struct wtl_error *err)
{
    struct sources sources;
    struct wtl_run *both = WTL_NEW_ARRAY(arena, struct wtl_run, n + 1);
    bool *known = WTL_NEW_ARRAY(arena, bool, n + 1);
    int rc = both && known ? load_sources(c, arena, &sources, err)
                           : WTL_FAIL(err, WTL_NOMEM, "out of memory");
    size_t n_known = 0, n_fresh = 0, at_known = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = is_known(&sources, &runs[i], file, &known[i], err);
        n_known += known[i];
    }
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < n; i++) {
        if (known[i])
            both[n - n_known + at_known++] = runs[i];
        else
            both[n_fresh++] = runs[i];
    }
    *out = (struct wtl_parted_runs){both, n_fresh, both + n_fresh, n_known};
    return 0;
}
