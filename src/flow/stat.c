/* SPDX-License-Identifier: Apache-2.0
 * A measured span over the devices of a machine. */
#include "flow/stat.h"

#include "base/dirs.h"
#include "base/text.h"
#include "flow/sensor_facts.h"
#include "stats/robust.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct wtl_stat {
    struct wtl_arena arena; /* holds it, too */
    struct wtl_flow flow;
    struct wtl_stat_options options;
    struct wtl_machine *machine;
    struct wtl_metering *metering;
    struct wtl_collector *collector;
    size_t n;
    int *device; /* indices of the machine's */
    double *idle_w;
    const char **idle_trouble;        /* why that is not known */
    bool *part;                       /* of another that is measured: not in sums */
    bool *tells;                      /* energy or power, as far as has shown */
    bool *denied;                     /* its sensor is for root only */
    struct wtl_metered_state *before; /* when the span began */
    int64_t begin_ns, end_ns;
};

#define BIT WTL_METRIC_BIT

/* How long the gauges may take to know the end of a span. */
#define PATIENCE_NS (3 * WTL_NS_PER_S)

static int64_t now_ns(const struct wtl_stat *s)
{
    return s->flow.clock.monotonic_ns(s->flow.clock.ctx);
}

/* ---- Which devices --------------------------------------------------------------------------- */

static const uint64_t energy_sensors = BIT(WTL_M_energy_counter_j) | BIT(WTL_M_power_w) |
                                       BIT(WTL_M_power_instant_w) | BIT(WTL_M_power_average_w);

static bool has_energy(const struct wtl_device_info *info)
{
    return info->kind != WTL_DEVICE_GPU_SLICE && (info->sensors & energy_sensors);
}

/* A counter of RAPL is there for everybody to see and for root to read. */
static bool is_denied(struct wtl_device *device)
{
    const struct wtl_device_info *info = wtl_device_info(device);
    const uint64_t wanted = info->sensors & energy_sensors;
    struct wtl_reading r;
    if (!wtl_starts_with(info->id, "rapl:") || wtl_device_read(device, wanted, &r, NULL) < 0)
        return false;
    for (uint64_t left = wanted; left; left &= left - 1)
        if (r.absence[__builtin_ctzll(left)] != WTL_ABSENT_DENIED)
            return false;
    return true;
}

static bool is_estimate(const struct wtl_device_info *info)
{
    return info->flags & WTL_DEVICE_ESTIMATED;
}

/* Whether its CPUs tell by themselves. */
static bool has_cpu(struct wtl_machine *machine)
{
    for (size_t i = 0; i < wtl_machine_count(machine); i++) {
        struct wtl_device *device = wtl_machine_device(machine, i);
        const struct wtl_device_info *info = wtl_device_info(device);
        if (info->kind == WTL_DEVICE_CPU && has_energy(info) && !is_estimate(info) &&
            !is_denied(device))
            return true;
    }
    return false;
}

/* Those that are named, or all that is here and an estimate of the CPUs. */
static int open_machine(struct wtl_stat *s, struct wtl_error *err)
{
    const char *estimate =
        s->options.tdp_w > 0 ? wtl_arena_printf(&s->arena, "estimate:cpu,tdp=%gW", s->options.tdp_w)
                             : "estimate:cpu";
    const char *const also[] = {s->options.no_estimate ? NULL : estimate, NULL};
    const struct wtl_machine_options o = {.clock = s->flow.clock,
                                          .root = s->options.root,
                                          .nvml = s->options.nvml,
                                          .only = s->options.only,
                                          .also = also};
    if (!estimate)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    return wtl_machine_open(s->flow.alloc, &o, &s->machine, err);
}

static int choose(struct wtl_stat *s, struct wtl_error *err)
{
    size_t n = wtl_machine_count(s->machine);
    const bool estimated = s->options.only || !has_cpu(s->machine);
    s->device = WTL_NEW_ARRAY(&s->arena, int, n + 1);
    s->idle_w = WTL_NEW_ARRAY(&s->arena, double, n + 1);
    s->idle_trouble = WTL_NEW_ARRAY(&s->arena, const char *, n + 1);
    s->part = WTL_NEW_ARRAY(&s->arena, bool, n + 1);
    s->tells = WTL_NEW_ARRAY(&s->arena, bool, n + 1);
    s->denied = WTL_NEW_ARRAY(&s->arena, bool, n + 1);
    s->before = WTL_NEW_ARRAY(&s->arena, struct wtl_metered_state, n + 1);
    if (!s->device || !s->idle_w || !s->idle_trouble || !s->part || !s->tells || !s->denied ||
        !s->before)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        struct wtl_device *device = wtl_machine_device(s->machine, i);
        const struct wtl_device_info *info = wtl_device_info(device);
        if (!has_energy(info) || (is_estimate(info) && !estimated))
            continue;
        s->denied[s->n] = is_denied(device);
        s->device[s->n++] = (int)i;
    }
    if (s->n > 0)
        return 0;
    int rc = WTL_FAIL(err, WTL_NOTFOUND, "nothing here tells energy or power");
    wtl_error_hint(err, "`wattle doctor` says what is missing; --tdp POWER gives an estimate");
    return rc;
}

/* How far outside a meter of the node stands: the platform's counter sees less than the ACPI meter,
 * that less than the BMC, and what was named is what somebody wants counted. */
static int outwards(const struct wtl_device_info *node)
{
    static const char *const prefixes[] = {"rapl:", "hwmon:", "ipmi:", "redfish:", "meter:"};
    int rank = 0;
    for (int i = 0; i < (int)(sizeof prefixes / sizeof prefixes[0]); i++)
        if (wtl_starts_with(node->id, prefixes[i]))
            rank = i + 1;
    return rank;
}

/* A meter of the node, or a board of which this is a part, counts it already, if it tells anything;
 * so does a meter of the node that stands further outside. */
static bool is_part(const struct wtl_stat *s, size_t i)
{
    const struct wtl_device_info *mine = wtl_device_info(wtl_metering_device(s->metering, i));
    for (size_t k = 0; k < s->n; k++) {
        const struct wtl_device_info *other = wtl_device_info(wtl_metering_device(s->metering, k));
        bool counts = other->kind == WTL_DEVICE_NODE
                          ? mine->kind != WTL_DEVICE_NODE || outwards(other) > outwards(mine)
                          : mine->kind != WTL_DEVICE_NODE && s->device[k] == mine->parent;
        if (k != i && counts && s->tells[k])
            return true;
    }
    return false;
}

static void find_parts(struct wtl_stat *s)
{
    for (size_t i = 0; i < s->n; i++)
        s->part[i] = is_part(s, i);
}

/* ---- Start and end --------------------------------------------------------------------------- */

/* One that has not been read yet may still tell. */
static bool may_tell(struct wtl_stat *s, size_t i)
{
    struct wtl_metered_state state;
    wtl_metering_state(s->metering, i, &state);
    return !s->denied[i] && (state.n_readings == 0 || (state.newest.valid & energy_sensors));
}

static bool settled(struct wtl_stat *s)
{
    for (size_t i = 0; i < s->n; i++) {
        struct wtl_gauge_mark m;
        struct wtl_metered_state state;
        wtl_metering_mark(s->metering, i, now_ns(s), &m);
        wtl_metering_state(s->metering, i, &state);
        if (!m.has_counter && !m.has_power && state.n_failed == 0 && !s->denied[i])
            return false;
    }
    return true;
}

/* Until every sensor has published twice, so that the span's begin is known. */
static void warm_up(struct wtl_stat *s)
{
    int64_t until = now_ns(s) + 2 * WTL_NS_PER_S;
    while (!settled(s) && now_ns(s) < until)
        wtl_sleep_ns(WTL_NS_PER_S / 200);
}

/* Readings of the begin are forgotten after some seconds: it is marked as soon as it is known. */
static void mark_begin(struct wtl_stat *s, int64_t from, struct wtl_gauge_mark *marks)
{
    int64_t until = from + (int64_t)(1e9 * fmin(s->options.baseline_s, 5));
    bool known = false;
    while (!known) {
        known = now_ns(s) >= until;
        known = wtl_metering_reaches_all(s->metering, from) || known;
        for (size_t i = 0; i < s->n; i++)
            wtl_metering_mark(s->metering, i, from, &marks[i]);
        if (!known)
            wtl_sleep_ns(WTL_NS_PER_S / 50);
    }
}

/* More of the SMs' time than this is work. */
static const double busy_share = 0.05;

/* Power of the halves of the baseline is apart by more: it was not the same all the time. */
static const double steady_share = 0.1;

/* Whether somebody works on it, as of its last slow reading. */
static void look_for_work(struct wtl_stat *s, size_t i)
{
    struct wtl_metered_state state;
    struct wtl_process process[WTL_METERED_PROCESSES];
    wtl_metering_state(s->metering, i, &state);
    if (s->idle_trouble[i])
        return;
    const size_t n = wtl_metering_processes(s->metering, i, process);
    for (size_t k = 0; k < n && !s->idle_trouble[i]; k++)
        if (process[k].has_util && process[k].util > busy_share)
            s->idle_trouble[i] =
                wtl_arena_printf(&s->arena, "%s (pid %d) used %.0f %% of it meanwhile",
                                 process[k].name[0] ? process[k].name : "a process",
                                 (int)process[k].pid, 100 * process[k].util);
    const double util =
        wtl_reading_has(&state.newest, WTL_M_gpu_util) ? state.newest.value[WTL_M_gpu_util] : 0;
    if (!s->idle_trouble[i] && util > busy_share)
        s->idle_trouble[i] =
            wtl_arena_printf(&s->arena, "it worked for %.0f %% of the time meanwhile", 100 * util);
}

/* Utilisation is that of up to a second before: what ended before the baseline began is not held
 * against it. */
static void watch_baseline(struct wtl_stat *s, int64_t from, int64_t to)
{
    const int64_t first =
        from + (to - from) / 2 < from + WTL_NS_PER_S ? from + (to - from) / 2 : from + WTL_NS_PER_S;
    for (int64_t now = now_ns(s); now < to; now = now_ns(s)) {
        for (size_t i = 0; i < s->n && now >= first; i++)
            look_for_work(s, i);
        wtl_sleep_ns(to - now < WTL_NS_PER_S / 10 ? to - now : WTL_NS_PER_S / 10);
    }
}

static void check_steady(struct wtl_stat *s, size_t i, const struct wtl_energy *a,
                         const struct wtl_energy *b)
{
    if (a->method == WTL_ENERGY_NONE || b->method == WTL_ENERGY_NONE || s->idle_trouble[i])
        return;
    const double a_w = a->energy_j / a->time_s, b_w = b->energy_j / b->time_s;
    const double doubt_w =
        0.5 * (a->hi_j - a->lo_j) / a->time_s + 0.5 * (b->hi_j - b->lo_j) / b->time_s;
    if (fabs(a_w - b_w) > steady_share * fmin(a_w, b_w) + doubt_w)
        s->idle_trouble[i] = wtl_arena_printf(
            &s->arena, "its power was not steady meanwhile: %.3g W, then %.3g W", a_w, b_w);
}

/* What a device draws without work is only known where it had none. */
static void measure_idle(struct wtl_stat *s, struct wtl_gauge_mark *begin)
{
    int64_t from = now_ns(s);
    const int64_t to = from + (int64_t)(1e9 * s->options.baseline_s),
                  middle = from + (to - from) / 2;
    mark_begin(s, from, begin);
    watch_baseline(s, from, to);
    for (size_t i = 0; i < s->n; i++) {
        struct wtl_gauge_mark m, b;
        struct wtl_energy whole, first, second;
        wtl_metering_mark(s->metering, i, middle, &m);
        wtl_metering_mark(s->metering, i, to, &b);
        wtl_metering_between(s->metering, i, &begin[i], &b, &whole);
        wtl_metering_between(s->metering, i, &begin[i], &m, &first);
        wtl_metering_between(s->metering, i, &m, &b, &second);
        check_steady(s, i, &first, &second);
        if (whole.method != WTL_ENERGY_NONE && whole.time_s > 0 && !s->idle_trouble[i])
            s->idle_w[i] = whole.energy_j / whole.time_s;
    }
}

static int start(struct wtl_stat *s, struct wtl_error *err)
{
    int rc = open_machine(s, err);
    rc = rc ? rc : choose(s, err);
    struct wtl_sensor_facts *facts = NULL;
    struct wtl_gauge_mark *marks = NULL;
    if (rc == 0) {
        facts = WTL_NEW_ARRAY(&s->arena, struct wtl_sensor_facts, s->n + 1);
        marks = WTL_NEW_ARRAY(&s->arena, struct wtl_gauge_mark, s->n + 1);
        if (!facts || !marks)
            rc = WTL_FAIL(err, WTL_NOMEM, "out of memory");
    }
    for (size_t i = 0; rc == 0 && i < s->n; i++)
        (void)wtl_sensor_facts_load(
            wtl_device_info(wtl_machine_device(s->machine, (size_t)s->device[i])), s->flow.log,
            &facts[i]);
    const struct wtl_metering_options o = {.clock = s->flow.clock,
                                           .interval_ns = (int64_t)(1e9 * s->options.interval_s),
                                           .slow_ns = (int64_t)(1e9 * s->options.slow_s),
                                           .keep = s->options.keep,
                                           .facts = facts};
    if (rc == 0)
        rc = wtl_metering_start(s->flow.alloc, s->machine, s->device, s->n, &o, &s->metering, err);
    if (rc < 0)
        return rc;
    warm_up(s);
    for (size_t i = 0; i < s->n; i++)
        s->tells[i] = may_tell(s, i);
    find_parts(s);
    if (s->options.baseline_s > 0)
        measure_idle(s, marks);
    return 0;
}

int wtl_stat_open(const struct wtl_flow *flow, const struct wtl_stat_options *options,
                  struct wtl_stat **out, struct wtl_error *err)
{
    struct wtl_arena arena;
    wtl_arena_init(&arena, flow->alloc);
    struct wtl_stat *s = WTL_NEW(&arena, struct wtl_stat);
    if (!s) {
        wtl_arena_fini(&arena);
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    }
    s->arena = arena;
    s->flow = *flow;
    s->options = *options;
    int rc = start(s, err);
    if (rc < 0)
        wtl_stat_close(s);
    else
        *out = s;
    return rc;
}

void wtl_stat_close(struct wtl_stat *s)
{
    if (!s)
        return;
    wtl_collector_free(s->collector);
    const bool ended = wtl_metering_stop(s->metering, WTL_NS_PER_S);
    wtl_machine_close(s->machine); /* but for what hangs, which keeps its memory */
    if (!ended)
        return;
    struct wtl_arena arena = s->arena;
    wtl_arena_fini(&arena);
}

const char *wtl_stat_socket(const struct wtl_stat *s)
{
    return s->collector ? wtl_collector_socket(s->collector) : NULL;
}

bool wtl_stat_part(const struct wtl_stat *s, size_t i)
{
    return s->part[i];
}

struct wtl_metering *wtl_stat_metering(const struct wtl_stat *s)
{
    return s->metering;
}

int wtl_stat_begin(struct wtl_stat *s, bool at_tick, struct wtl_error *err)
{
    char dir[WTL_LIMIT_PATH];
    struct wtl_collector_options o = {
        .clock = s->flow.clock, .metering = s->metering, .part = s->part, .idle_w = s->idle_w};
    int rc = s->options.markers ? wtl_dir_make(WTL_DIR_RUN, NULL, dir, err) : 0;
    if (rc < 0)
        return rc;
    o.socket_dir = s->options.markers ? dir : NULL;
    wtl_collector_free(s->collector);
    s->collector = NULL;
    for (size_t i = 0; i < s->n; i++)
        wtl_metering_state(s->metering, i, &s->before[i]);
    rc = wtl_collector_start(s->flow.alloc, &o, &s->collector, err);
    if (rc == 0)
        s->begin_ns = wtl_collector_begin(s->collector, at_tick ? WTL_NS_PER_S / 4 : 0);
    return rc;
}

void wtl_stat_end(struct wtl_stat *s)
{
    s->end_ns = now_ns(s);
    wtl_collector_end(s->collector, s->end_ns, PATIENCE_NS);
    for (size_t i = 0; i < s->n; i++) {
        struct wtl_collected_device d;
        wtl_collector_device(s->collector, i, &d);
        s->tells[i] = d.energy.method != WTL_ENERGY_NONE;
    }
    find_parts(s);
}

void wtl_stat_span(const struct wtl_stat *s, int64_t *begin_out, int64_t *end_out)
{
    *begin_out = s->begin_ns;
    *end_out = s->end_ns;
}

/* ---- The result ------------------------------------------------------------------------------ */

static bool fill_device(const struct wtl_stat *s, size_t i, struct wtl_arena *arena, double time_s,
                        struct wtl_stat_device *d)
{
    struct wtl_metered_state state;
    struct wtl_collected_device *c = &d->collected;
    wtl_metering_state(s->metering, i, &state);
    d->info = wtl_device_info(wtl_metering_device(s->metering, i));
    wtl_collector_device(s->collector, i, c);
    c->processes = wtl_arena_memdup(arena, c->processes, c->n_processes * sizeof *c->processes);
    d->part_of_another = s->part[i];
    if (!state.answers && state.n_failed > 0)
        d->trouble = wtl_arena_strdup(arena, state.trouble);
    else if (state.hangs)
        d->trouble = "a call hangs in the driver";
    else if (s->denied[i])
        d->trouble = "its counter is for root only: `wattle doctor` says how to open it";
    else if (state.old_ns > 0)
        d->trouble = wtl_arena_printf(arena, "it has stopped: its newest value is %.0f s old",
                                      1e-9 * (double)state.old_ns);
    const struct wtl_metered_state *b = &s->before[i];
    d->n_readings = state.n_readings - b->n_readings;
    d->n_failed = state.n_failed - b->n_failed;
    d->cost_share = time_s > 0 ? 1e-9 * (double)(state.cost_ns - b->cost_ns) / time_s : 0;
    d->idle_w = s->idle_w[i];
    d->idle_trouble = s->idle_trouble[i];
    d->idle_missing = s->options.baseline_s > 0 && !(d->idle_w > 0);
    bool counter = d->info->sensors & BIT(WTL_M_energy_counter_j);
    d->period_ns = counter ? state.counter_period_ns : state.power_period_ns;
    return !arena->failed;
}

/* What the collector counted, which the next span's does not keep. */
static bool copy_windows(const struct wtl_stat *s, struct wtl_arena *arena,
                         struct wtl_stat_result *r)
{
    const struct wtl_windows *w = wtl_collector_windows(s->collector);
    const struct wtl_window_total *totals;
    const struct wtl_request_total *requests;
    const double *latencies_s;
    int64_t told;
    r->n_windows = wtl_windows_totals(w, &totals);
    r->n_requests = wtl_windows_requests(w, &requests);
    r->n_latencies = wtl_windows_latencies(w, &latencies_s, &told);
    r->requests = wtl_arena_memdup(arena, requests, r->n_requests * sizeof *requests);
    r->latencies_s = wtl_arena_memdup(arena, latencies_s, r->n_latencies * sizeof *latencies_s);
    struct wtl_window_total *windows =
        wtl_arena_memdup(arena, totals, r->n_windows * sizeof *totals);
    for (size_t k = 0; windows && k < r->n_windows; k++) {
        struct wtl_window_total *x = &windows[k];
        x->energy = wtl_arena_memdup(arena, x->energy, s->n * sizeof *x->energy);
        x->inside_j = wtl_arena_memdup(arena, x->inside_j, s->n * sizeof *x->inside_j);
    }
    r->windows = windows;
    r->counts = wtl_windows_counts(w);
    return !arena->failed;
}

/* "1: NVIDIA A100-PCIE-40GB" among its like, by the vendor's number where each has one, else in the
 * order of the list. False: out of memory. */
static bool label_devices(struct wtl_stat_result *r, struct wtl_arena *arena)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct wtl_device_info *info = r->devices[i].info;
        bool alike = false, numbered = info->index >= 0;
        for (size_t k = 0; k < r->n; k++) {
            const struct wtl_device_info *other = r->devices[k].info;
            if (k == i || strcmp(other->name, info->name) != 0)
                continue;
            alike = true;
            numbered = numbered && other->index >= 0 && other->index != info->index;
        }
        r->devices[i].label =
            alike ? wtl_arena_printf(arena, "%d: %s", numbered ? info->index : (int)i, info->name)
                  : info->name;
        if (!r->devices[i].label)
            return false;
    }
    return true;
}

int wtl_stat_result(const struct wtl_stat *s, struct wtl_arena *arena, struct wtl_stat_result *out,
                    struct wtl_error *err)
{
    struct wtl_stat_result r = {.n = s->n};
    r.time_s = 1e-9 * (double)(s->end_ns - s->begin_ns);
    r.devices = WTL_NEW_ARRAY(arena, struct wtl_stat_device, s->n + 1);
    if (!r.devices || !copy_windows(s, arena, &r))
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    r.window_total = WTL_NEW_ARRAY(arena, struct wtl_energy, r.n_windows + 1);
    if (!r.window_total)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < s->n; i++) {
        struct wtl_stat_device *d = &r.devices[i];
        if (!fill_device(s, i, arena, r.time_s, d))
            return WTL_FAIL(err, WTL_NOMEM, "out of memory");
        if (d->part_of_another)
            continue;
        wtl_energy_add(&r.total, &d->collected.energy);
        for (size_t k = 0; k < r.n_windows; k++)
            wtl_energy_add(&r.window_total[k], &r.windows[k].energy[i]);
    }
    if (!label_devices(&r, arena))
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    wtl_collector_programs(s->collector, &r.programs, &r.refused);
    *out = r;
    return 0;
}
