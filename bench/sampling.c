/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/sampling.h"

#include "trace/write.h"

/* Ids of the GPUs, NULL-terminated. */
static int find_gpus(struct bench_sampling *s, const char ***ids_out, struct wtl_error *err)
{
    const struct wtl_machine_options options = {.clock = wtl_clock_system()};
    struct wtl_machine *machine;
    int rc = wtl_machine_open(wtl_alloc_system(), &options, &machine, err);
    if (rc < 0)
        return rc;
    const size_t n = wtl_machine_count(machine);
    const char **ids = WTL_NEW_ARRAY(&s->arena, const char *, n + 1);
    for (size_t i = 0; ids && i < n; i++) {
        const struct wtl_device_info *info = wtl_device_info(wtl_machine_device(machine, i));
        if (info->kind == WTL_DEVICE_GPU)
            ids[s->n++] = wtl_arena_strdup(&s->arena, info->id);
    }
    wtl_machine_close(machine);
    if (!ids)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    *ids_out = ids;
    return s->n ? 0 : WTL_FAIL(err, WTL_NOTFOUND, "no GPU here");
}

static int open_all(struct bench_sampling *s, double interval_ms, const char *output,
                    struct wtl_error *err)
{
    const struct wtl_flow flow = {
        .alloc = wtl_alloc_system(), .clock = wtl_clock_system(), .threads = 1};
    const char **ids = NULL;
    int rc = find_gpus(s, &ids, err);
    if (rc < 0)
        return rc;
    const struct wtl_stat_options so = {.only = ids,
                                        .interval_s = interval_ms / 1e3,
                                        .keep = output ? WTL_RECORD_KEEP : 0,
                                        .markers = true};
    rc = wtl_stat_open(&flow, &so, &s->stat, err);
    if (rc == 0 && output) {
        const struct wtl_record_options ro = {.path = output,
                                              .writer = wtl_writer_by_ending(output),
                                              .workload = "benchmark",
                                              .job = "benchmark"};
        rc = wtl_record_open(&flow, s->stat, &ro, &s->recorder, err);
    }
    rc = rc ? rc : wtl_stat_begin(s->stat, true, err);
    return rc || !s->recorder ? rc : wtl_record_begin(s->recorder, err);
}

static void close_all(struct bench_sampling *s)
{
    wtl_record_close(s->recorder);
    wtl_stat_close(s->stat);
    wtl_arena_fini(&s->arena);
}

int bench_sampling_start(double interval_ms, const char *output, struct bench_sampling *s,
                         struct wtl_error *err)
{
    *s = (struct bench_sampling){0};
    wtl_arena_init(&s->arena, wtl_alloc_system());
    int rc = open_all(s, interval_ms, output, err);
    if (rc < 0)
        close_all(s);
    return rc;
}

struct bench_sampled bench_sampling_done(const struct bench_sampling *s)
{
    struct bench_sampled sum = {0};
    for (size_t i = 0; i < s->n; i++) {
        struct wtl_metered_state state;
        wtl_metering_state(wtl_stat_metering(s->stat), i, &state);
        sum.readings += state.n_readings;
        sum.cost_ns += state.cost_ns;
    }
    return sum;
}

int bench_sampling_stop(struct bench_sampling *s, struct wtl_error *err)
{
    struct wtl_stat_result result = {0};
    struct wtl_recorded recorded = {0};
    wtl_stat_end(s->stat);
    int rc = wtl_stat_result(s->stat, &s->arena, &result, err);
    if (rc == 0 && s->recorder)
        wtl_record_end(s->recorder, &result, 0, NULL, &recorded);
    if (rc == 0 && recorded.lost > 0)
        rc = WTL_FAIL(err, WTL_IO, "%lld samples were lost", (long long)recorded.lost);
    if (rc == 0 && result.total.method == WTL_ENERGY_NONE)
        rc = WTL_FAIL(err, WTL_FAILED, "no energy was measured");
    close_all(s);
    return rc;
}
