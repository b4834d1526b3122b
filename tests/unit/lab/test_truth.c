/* SPDX-License-Identifier: Apache-2.0
 * Energies of a sweep's windows against what the board really drew, over kinds of sensors, loads
 * and cards. WATTLE_TRUTH_CARDS=N: N cards each. */
#include "support/support.h"

#include "base/random.h"
#include "device/virtual/loads.h"
#include "lab/protocol.h"
#include "simhost/profile.h"
#include "telemetry/learn.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS INT64_C(1000000)
#define STEP_NS (WTL_SIM_STEP_MS * MS)

enum { PID = (1 << 22) + 20000, TRACE = 1 << 16, CARDS_MAX = 1000 };

/* ---- Kinds of sensors ------------------------------------------------------------------------ */

/* A board of its own, or A100's with other sensors. */
struct kind {
    const char *name, *board;
    int update, window, lag;
    bool counter, part_time_counter, average_only, coarse;
    bool no_counter, cycles; /* of a board of its own; "llm" is fitted to it */
    bool part_time;          /* the energy's own sensor is: a load in step with it cannot be told */
};

static const struct kind kinds[] = {
    {"A100", .board = "a100", .cycles = true},
    {"H100", .board = "h100", .cycles = true},
    {"V100", .board = "v100", .cycles = true},
    {"RTX 3080 Ti", .board = "rtx3080ti"},
    {"P40", .board = "p40", .no_counter = true},
    {"20 ms, 10 seen", NULL, 20, 10, 0, true},
    {"100 ms, all seen", NULL, 100, 100, 0, true},
    {"100 ms, 25 seen, counter too", NULL, 100, 25, 0, true, .part_time_counter = true,
     .part_time = true},
    {"20 ms, 10 seen, counter too", NULL, 20, 10, 0, true, .part_time_counter = true,
     .part_time = true},
    {"100 ms, 25 seen, no counter", NULL, 100, 25, 0, false, .part_time = true},
    {"20 ms, 10 seen, no counter", NULL, 20, 10, 0, false},
    {"100 ms, all seen, no counter", NULL, 100, 100, 0, false},
    {"1 s average, no counter", NULL, 100, 100, 0, false, .average_only = true},
    {"1 s average, counter", NULL, 100, 100, 0, true, .average_only = true},
    {"80 ms late", NULL, 100, 100, 80, true},
    {"80 ms late, no counter", NULL, 100, 100, 80, false},
    {"coarse: 1 W, 1 J", NULL, 100, 100, 0, true, .coarse = true},
};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

enum load { CONSTANT, BURSTS, PERIODIC, LOCKED, CYCLES, N_LOADS };
static const char *const load_names[N_LOADS] = {"constant", "random bursts", "every 130 ms",
                                                "every 100 ms", "cycles"};

static struct wtl_error err;

/* A line of a profile that begins with `key` becomes another. */
static void replace_line(char *text, size_t size, const char *key, const char *line)
{
    char *at = strstr(text, key), *end = strchr(at, '\n');
    char rest[1 << 14];
    (void)snprintf(rest, sizeof rest, "%s", end);
    (void)snprintf(at, size - (size_t)(at - text), "%s%s", line, rest);
}

static void set_number(char *text, size_t size, const char *key, int value)
{
    char line[64];
    (void)snprintf(line, sizeof line, "%s %d", key, value);
    replace_line(text, size, key, line);
}

/* The profile of A100 with these sensors, as a file; returns its path. */
static const char *make_board(const struct kind *k)
{
    static char text[1 << 14], path[WTL_LIMIT_PATH];
    (void)snprintf(path, sizeof path, "%s/sim/boards/a100-pcie-40gb.yaml",
                   getenv("WATTLE_DATA_DIR"));
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    (void)fclose(f);
    (void)snprintf(path, sizeof path, "capabilities: [lock_sm, set_limit%s%s]",
                   k->counter ? ", energy_counter" : "",
                   k->average_only ? ", field_average, usage_is_average" : ", field_instant");
    replace_line(text, sizeof text, "capabilities:", path);
    set_number(text, sizeof text, "update_ms:", k->update);
    set_number(text, sizeof text, "window_ms:", k->window);
    set_number(text, sizeof text, "lag_ms:", k->lag);
    set_number(text, sizeof text, "resolution_mw:", k->coarse ? 1000 : 1);
    set_number(text, sizeof text, "counter_quantum_mj:", k->coarse ? 1000 : 1);
    replace_line(text, sizeof text, "counter_part_time:",
                 k->part_time_counter ? "counter_part_time: true" : "counter_part_time: false");
    replace_line(text, sizeof text, "mig_slices:", "mig_slices: 0");
    (void)snprintf(path, sizeof path, "%s", in_test_directory("board.yaml"));
    f = fopen(path, "we");
    assert_non_null(f);
    (void)fputs(text, f);
    (void)fclose(f);
    return path;
}

/* ---- Time, and what is true ------------------------------------------------------------------ */

/* Simulated time goes in the steps of the board, and notes the energy as its sensor would have it
 * without any error of the single window: with the card's own gain and offset. */
static struct stage {
    struct wtl_simulated_time time;
    struct wtl_device *device;
    int64_t begun_ns; /* of the trace */
    size_t n;
    double energy_j[TRACE];
    double before_j;
    enum load load;
    bool working, on;
    int64_t turn_ns;
    struct wtl_rng rng, late;
} stage;

static double energy_now(void)
{
    struct wtl_sim_truth t;
    wtl_sim_gpu_truth(wtl_virtual_board(stage.device), &t);
    return t.gain * t.energy_j + t.offset_w * 1e-9 * (double)t.t_ns;
}

static void set_on(bool on)
{
    struct wtl_sim_gpu *gpu = wtl_virtual_board(stage.device);
    stage.on = on;
    assert_ok(wtl_sim_set_load(gpu, PID, 8, on ? 0 : 1e-6, (struct wtl_sim_pattern){0}, &err),
              &err);
}

static int64_t steps_ns(double ms)
{
    const int64_t steps = llround(ms / WTL_SIM_STEP_MS);
    return (steps < 1 ? 1 : steps) * STEP_NS;
}

static void turn(void)
{
    static const int period[N_LOADS] = {[PERIODIC] = 130, [LOCKED] = 100};
    static const int on[N_LOADS] = {[PERIODIC] = 65, [LOCKED] = 40};
    if (!stage.working || stage.load == CONSTANT || stage.time.now_ns < stage.turn_ns)
        return;
    set_on(!stage.on);
    if (period[stage.load])
        stage.turn_ns += (stage.on ? on[stage.load] : period[stage.load] - on[stage.load]) * MS;
    else
        stage.turn_ns += steps_ns((stage.on ? 100 : 150) * wtl_rng_exponential(&stage.rng));
}

static int wait_until(void *ctx, int64_t until_ns, bool *stopped_out, struct wtl_error *e)
{
    struct wtl_simulated_time *t = ctx;
    (void)e;
    while (stage.n < TRACE) {
        const int64_t next = stage.begun_ns + (int64_t)stage.n * STEP_NS;
        if (next > until_ns)
            break;
        t->now_ns = next > t->now_ns ? next : t->now_ns;
        stage.energy_j[stage.n++] = energy_now();
        turn();
    }
    assert_true(stage.n < TRACE);
    t->now_ns = until_ns > t->now_ns ? until_ns : t->now_ns;
    t->now_ns += wtl_rng_below(&stage.late, MS / 2); /* nobody wakes up when he wanted to */
    *stopped_out = false;
    return 0;
}

/* The trace begins with the hour, which is with the load. */
static void begin_trace(void)
{
    stage.begun_ns = stage.time.now_ns;
    stage.energy_j[0] = energy_now();
    stage.n = 1;
}

static double energy_at(int64_t t_ns)
{
    const double at = (double)(t_ns - stage.begun_ns) / (double)STEP_NS;
    const size_t i = (size_t)at;
    assert_true(at >= 0 && i + 1 < stage.n);
    return stage.energy_j[i] + (at - (double)i) * (stage.energy_j[i + 1] - stage.energy_j[i]);
}

/* ---- A load ---------------------------------------------------------------------------------- */

static int load_bursts(void *state, const struct wtl_lab_point *p, struct wtl_error *e)
{
    struct wtl_sim_process process = {.pid = PID, .instance = -1};
    (void)state;
    (void)p;
    wtl_sim_workload_plain(&process.tenant.workload);
    process.tenant.share = 1;
    process.tenant.batch = 8;
    process.tenant.offered_per_s = 1e-6;
    begin_trace();
    return wtl_sim_attach(wtl_virtual_board(stage.device), &process, e);
}

static int ready(void *state, bool *ready_out, struct wtl_error *e)
{
    (void)state;
    (void)e;
    *ready_out = true;
    return 0;
}

static int work(void *state, bool on, struct wtl_error *e)
{
    (void)state;
    (void)e;
    if (on != stage.working) {
        stage.working = on;
        stage.turn_ns = stage.time.now_ns;
        if (stage.load == CONSTANT || !on)
            set_on(on);
        else
            turn();
    }
    return 0;
}

static int progress(void *state, struct wtl_work_done *out, struct wtl_error *e)
{
    double done, per_s;
    (void)state;
    (void)e;
    assert_true(wtl_sim_work(wtl_virtual_board(stage.device), PID, &done, &per_s));
    *out =
        (struct wtl_work_done){.t_ns = stage.time.now_ns, .work = done, .iterations = 1e3 * done};
    return 0;
}

static bool owns(void *state, pid_t pid)
{
    (void)state;
    return pid == PID;
}

static int unload(void *state, struct wtl_error *e)
{
    (void)state;
    stage.working = false;
    if (!wtl_sim_find(wtl_virtual_board(stage.device), PID))
        return 0;
    return wtl_sim_detach(wtl_virtual_board(stage.device), PID, e);
}

static void close_load(void *state)
{
    (void)state;
}

static const struct wtl_workload_ops bursts = {.load = load_bursts,
                                               .ready = ready,
                                               .work = work,
                                               .progress = progress,
                                               .owns = owns,
                                               .unload = unload,
                                               .close = close_load};

/* Of the profile "llm", a prompt and tokens, which begins the trace, too. */
static struct wtl_workload cycles;
static struct wtl_workload_ops cycles_ops;

static int load_cycles(void *state, const struct wtl_lab_point *p, struct wtl_error *e)
{
    begin_trace();
    return cycles.ops->load(state, p, e);
}

/* ---- Windows --------------------------------------------------------------------------------- */

struct tally {
    int n, flagged, covered;
    double error[CARDS_MAX], width[CARDS_MAX], time_s;
    int methods[WTL_N_ENERGY_METHODS];
};

static void add(struct tally *t, const struct wtl_visit_result *r)
{
    const struct wtl_run *run = &r->run;
    const int64_t from = run->start_ns - stage.time.start_unix_ns;
    const int64_t to = from + llround(1e9 * run->metric[WTL_R_time_s]);
    const double truth_j = energy_at(to) - energy_at(from);
    const double error = run->metric[WTL_R_energy_j] / truth_j - 1;
    const double half = run->metric[WTL_R_energy_rel_error] * run->metric[WTL_R_energy_j] / truth_j;
    t->methods[run->energy_method]++;
    t->time_s += run->metric[WTL_R_time_s];
    t->error[t->n] = fabs(error);
    t->width[t->n++] = half;
    if (run->energy_troubles & ~WTL_TROUBLE(short_window))
        t->flagged++;
    else
        t->covered += fabs(error) <= half;
}

/* What `wattle calibrate` would find of it. */
static int learn_wait(void *ctx, int64_t until_ns, struct wtl_error *e)
{
    bool end;
    return wait_until(ctx, until_ns, &end, e);
}

static int learn_load(void *ctx, bool on, struct wtl_error *e)
{
    (void)ctx;
    return work(NULL, on, e);
}

static void learn(struct wtl_arena *arena, struct wtl_clock clock, struct wtl_sensor_facts *facts)
{
    const struct wtl_learn_options o = {
        .clock = clock, .ctx = &stage.time, .wait = learn_wait, .load = learn_load};
    const enum load load = stage.load;
    stage.load = CONSTANT;
    assert_ok(load_bursts(NULL, NULL, &err), &err);
    assert_ok(wtl_learn_sensors(arena, stage.device, &o, facts, &err), &err);
    assert_ok(unload(NULL, &err), &err);
    stage.load = load;
}

static void visit(const struct kind *k, enum load load, bool learned, int seed, struct tally *t)
{
    static const struct wtl_lab_point point;
    const struct wtl_workload_spec llm = {.name = "llm", .virtual_name = "llm"};
    struct wtl_protocol_spec p = wtl_protocol_default();
    struct wtl_workload workload = {.ops = &bursts, .unit = "items", .pauses = true};
    struct wtl_machine *machine;
    struct wtl_sensor_facts facts = {0};
    struct wtl_visit_result r;
    char id[WTL_LIMIT_PATH + 40];
    WTL_ARENA(arena);
    p.band = p.idle = p.keep_samples = false;
    p.warmup_max_s = 6;
    (void)snprintf(id, sizeof id, "virtual:%s,seed=%d", k->board ? k->board : make_board(k), seed);
    const char *const only[] = {id, NULL};
    stage.n = TRACE;
    stage.load = load;
    stage.working = stage.on = false;
    wtl_rng_init_stream(&stage.rng, (uint64_t)seed, (uint64_t)load);
    wtl_rng_init_stream(&stage.late, (uint64_t)seed, N_LOADS);
    stage.time = (struct wtl_simulated_time){.start_unix_ns = 1700000000 * WTL_NS_PER_S};
    struct wtl_lab_time time = wtl_simulated_time(&stage.time);
    time.wait = wait_until;
    time.ctx = &stage.time;
    const struct wtl_machine_options options = {.clock = time.clock, .nvml = "", .only = only};
    struct wtl_bench bench = {.protocol = &p, .time = time, .reference = &point, .n = 1};
    bench.workload = &workload;
    assert_ok(wtl_machine_open(wtl_alloc_system(), &options, &machine, &err), &err);
    stage.device = bench.devices[0].device = wtl_machine_device(machine, 0);
    if (load == CYCLES) {
        assert_ok(wtl_workload_virtual(&arena, &llm, &stage.device, 1, time.clock, &cycles, &err),
                  &err);
        cycles_ops = *cycles.ops;
        cycles_ops.load = load_cycles;
        workload = cycles;
        workload.ops = &cycles_ops;
    }
    if (learned) {
        learn(&arena, time.clock, &facts);
        bench.devices[0].facts = &facts;
    }
    assert_ok(wtl_bench_init(&arena, &bench, &err), &err);
    const struct wtl_visit_request request = {.point = &point, .seed = (uint64_t)seed * 987654321};
    assert_ok(wtl_bench_visit(&bench, &request, &arena, &r, &err), &err);
    if (!r.measured)
        fail_msg("%s, %s, card %d: %s", k->name, load_names[load], seed, r.why);
    add(t, &r);
    wtl_bench_fini(&bench);
    workload.ops->close(workload.state);
    wtl_machine_close(machine);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(double *values, int n, double q)
{
    qsort(values, (size_t)n, sizeof *values, by_value);
    return values[(int)(q * (n - 1))];
}

/* Of all that are claimed. */
static int n_judged, n_covered;

/* Cards of one kind under one load: of many, 93 % of the intervals that do not flag themselves hold
 * the truth. Returns the 95 % quantile of errors. */
static double try_cards(const struct kind *k, enum load load, bool learned, bool claimed)
{
    static struct tally t;
    const char *text = getenv("WATTLE_TRUTH_CARDS");
    const int cards = text ? (int)strtol(text, NULL, 10) : 2;
    t = (struct tally){.n = 0};
    for (int seed = 1; seed <= cards; seed++)
        visit(k, load, learned, seed, &t);
    const double p95 = quantile(t.error, t.n, 0.95);
    const int judged = t.n - t.flagged;
    print_message("# %s%s, %s: %d windows of %.1f s, errors %.3f %% (95 %%; at most %.3f), half "
                  "intervals %.3f %%, which hold %d of %d\n",
                  k->name, learned ? ", learned" : "", load_names[load], t.n, t.time_s / t.n,
                  100 * p95, 100 * t.error[t.n - 1], 100 * quantile(t.width, t.n, 0.5), t.covered,
                  judged);
    if (claimed && cards >= 100)
        assert_true(t.covered >= 0.93 * judged);
    n_judged += claimed ? judged : 0;
    n_covered += claimed ? t.covered : 0;
    if (!k->board && !k->counter && !k->average_only)
        assert_int_equal(t.methods[WTL_ENERGY_ring], t.n);
    return p95;
}

/* Of a counter that ticks when it is true: from tick to tick nothing is missing. */
static void intervals_hold_the_truth(void **state)
{
    (void)state;
    for (int i = 0; i < N_KINDS; i++)
        for (int load = 0; load < (int)N_LOADS; load++) {
            const struct kind *k = &kinds[i];
            const bool late = k->lag > 0 && k->counter; /* by how much nobody knows */
            if (load == CYCLES && !k->cycles)
                continue;
            const double p95 =
                try_cards(k, (enum load)load, false, !(late || (k->part_time && load == LOCKED)));
            if (load == CONSTANT && (k->board ? !k->no_counter : k->counter) && !k->coarse && !late)
                assert_true(p95 < 5e-5);
        }
}

/* What `wattle calibrate` found: the lag above all. */
static void learned_sensors_hold_it_too(void **state)
{
    (void)state;
    for (int i = 0; i < N_KINDS; i++)
        for (int load = 0; load < CYCLES; load++)
            if (!kinds[i].part_time && (kinds[i].lag > 0 || kinds[i].coarse))
                (void)try_cards(&kinds[i], (enum load)load, true, true);
    assert_true(n_covered >= 0.95 * n_judged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(intervals_hold_the_truth),
                                       cmocka_unit_test(learned_sensors_hold_it_too)};
    return cmocka_run_group_tests(tests, make_test_directory, drop_test_directory);
}
