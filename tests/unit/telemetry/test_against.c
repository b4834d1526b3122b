/* SPDX-License-Identifier: Apache-2.0
 * Sensors held against a meter, over cards whose gain is known: how often the interval holds the
 * truth, alone and in a machine, and what is refused. WATTLE_GAIN_CARDS=N: N cards of each board.
 */
#include "support/support.h"

#include "base/random.h"
#include "device/backend.h"
#include "device/virtual/loads.h"
#include "device/virtual/truth.h"
#include "lab/time.h"
#include "simhost/profile.h"
#include "telemetry/against.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PID = 1 << 22 };

static struct wtl_error err;

struct world {
    struct wtl_simulated_time simulated;
    struct wtl_lab_time time;
    struct wtl_machine *machine;
    struct wtl_device *device, *meter;
};

static int wait(void *ctx, int64_t until_ns, struct wtl_error *e)
{
    struct world *w = ctx;
    bool stopped;
    return w->time.wait(w->time.ctx, until_ns, &stopped, e);
}

static int load(void *ctx, bool on, struct wtl_error *e)
{
    struct world *w = ctx;
    struct wtl_sim_gpu *gpu = wtl_virtual_board(w->device);
    return wtl_sim_set_load(gpu, PID, 8, on ? 0 : 1e-6, (struct wtl_sim_pattern){0}, e);
}

static void open_world(struct world *w, const char *board, int seed)
{
    char id[60];
    (void)snprintf(id, sizeof id, "virtual:%s,seed=%d", board, seed);
    *w = (struct world){.simulated = {.start_unix_ns = 1700000000 * WTL_NS_PER_S}};
    w->time = wtl_simulated_time(&w->simulated);
    const char *const only[] = {id, NULL};
    const struct wtl_machine_options o = {.clock = w->time.clock, .nvml = "", .only = only};
    assert_ok(wtl_machine_open(wtl_alloc_system(), &o, &w->machine, &err), &err);
    assert_ok(wtl_machine_find(w->machine, id, &w->device, &err), &err);
    struct wtl_sim_process p = {.pid = PID, .instance = -1, .tenant = {.share = 1}};
    wtl_sim_workload_plain(&p.tenant.workload);
    p.tenant.batch = p.tenant.workload.batch_default;
    assert_ok(wtl_sim_attach(wtl_virtual_board(w->device), &p, &err), &err);
}

static int hold(struct world *w, double accuracy, bool alone, int64_t window_ns,
                struct wtl_calibration *out)
{
    WTL_ARENA(arena);
    const struct wtl_against_options o = {
        .by = {.clock = w->time.clock, .ctx = w, .wait = wait, .load = load},
        .windows = 12,
        .window_ns = window_ns,
        .accuracy = accuracy,
        .alone = alone};
    return wtl_hold_against(&arena, w->device, w->meter, &o, out, &err);
}

static double true_gain(struct world *w)
{
    struct wtl_sim_truth t;
    wtl_sim_gpu_truth(wtl_virtual_board(w->device), &t);
    return 1 / t.gain;
}

static double true_joules(struct world *w)
{
    struct wtl_sim_truth t;
    wtl_sim_gpu_truth(wtl_virtual_board(w->device), &t);
    return t.energy_j;
}

/* ---- A meter of the machine ------------------------------------------------------------------ */

/* What the board draws and the rest of the machine: constant, drifting, restless. A new value every
 * 100 ms, in whole tenths of a watt. */
struct rest {
    struct world *w;
    struct wtl_rng rng;
    int64_t next_ns, t_ns;
    double energy_j, value_w, coarse_w; /* step of its values */
    double follows;                     /* the rest follows the board's load by this share */
};

static int rest_read(void *state, uint64_t wanted, struct wtl_reading *out, struct wtl_error *e)
{
    struct rest *r = state;
    (void)e;
    int64_t now = r->w->simulated.now_ns;
    if (now >= r->next_ns) {
        const double joules = true_joules(r->w), s = 1e-9 * (double)(now - r->t_ns);
        double board_w = s > 0 ? (joules - r->energy_j) / s : 0;
        double w =
            board_w * (1 + r->follows) + 140 + 0.02e-9 * (double)now + wtl_rng_normal(&r->rng);
        r->value_w = r->coarse_w * round(w / r->coarse_w);
        r->energy_j = joules;
        r->t_ns = now;
        r->next_ns = now + 100000000;
    }
    out->value[WTL_M_power_w] = r->value_w;
    out->sensor_t_ns[WTL_M_power_w] = r->w->simulated.start_unix_ns + r->t_ns;
    out->valid = wanted & WTL_METRIC_BIT(WTL_M_power_w);
    return 0;
}

static void rest_close(void *state)
{
    (void)state;
}

static void add_rest(struct world *w, struct rest *r, int seed)
{
    static const struct wtl_sensor_ops sensors = {.read = rest_read, .close = rest_close};
    struct wtl_device_info info = {.id = "wall",
                                   .name = "wall",
                                   .kind = WTL_DEVICE_NODE,
                                   .parent = -1,
                                   .index = -1,
                                   .sensors = WTL_METRIC_BIT(WTL_M_power_w)};
    const struct wtl_device_ops ops = {.sensors = &sensors, .state = r};
    r->w = w;
    r->coarse_w = r->coarse_w > 0 ? r->coarse_w : 0.1;
    wtl_rng_init(&r->rng, (uint64_t)seed);
    int index = wtl_machine_add(w->machine, &info, &ops, &err);
    assert_true(index >= 0);
    w->meter = wtl_machine_device(w->machine, (size_t)index);
}

/* ---- How often the interval holds the truth -------------------------------------------------- */

static const char *const boards[] = {"a100", "v100", "h100", "rtx3080ti", "p40"};
enum { BOARDS = sizeof boards / sizeof *boards };

static int cards(void)
{
    const char *text = getenv("WATTLE_GAIN_CARDS");
    return text ? (int)strtol(text, NULL, 10) : 20;
}

struct tally {
    int n, gains, held_gains, held_joules;
    double worst_before, worst_after; /* relative errors of joules */
};

/* Joules of 20 s of another load, as `stat` has them, against the truth. */
static void check_joules(struct world *w, const struct wtl_calibration *c, struct tally *t)
{
    const struct wtl_gauge_options o = wtl_gauge_options_for(wtl_device_info(w->device), NULL);
    static struct wtl_gauge gauge;
    struct wtl_gauge_mark a, b;
    struct wtl_energy e;
    double from_j = 0, to_j = 0;
    wtl_gauge_init(&gauge, &o);
    assert_ok(wtl_sim_set_load(wtl_virtual_board(w->device), PID, 2, 0, (struct wtl_sim_pattern){0},
                               &err),
              &err);
    const int64_t begin = w->simulated.now_ns, from = begin + 3 * WTL_NS_PER_S,
                  to = begin + 23 * WTL_NS_PER_S;
    const enum wtl_metric power = wtl_metric_power(wtl_device_info(w->device)->sensors);
    bool begun = false, ended = false;
    while (w->simulated.now_ns < to + 3 * WTL_NS_PER_S) {
        struct wtl_reading r;
        assert_ok(wtl_device_read(w->device, ~UINT64_C(0), &r, &err), &err);
        wtl_gauge_power(&gauge, r.t_ns, r.value[power], 0);
        if (wtl_reading_has(&r, WTL_M_energy_counter_j))
            wtl_gauge_counter(&gauge, r.t_ns, r.value[WTL_M_energy_counter_j], 0);
        if (!begun && w->simulated.now_ns >= from) {
            from_j = true_joules(w);
            begun = true;
        }
        if (!ended && w->simulated.now_ns >= to) {
            to_j = true_joules(w);
            ended = true;
        }
        w->simulated.now_ns += 5000000;
    }
    wtl_gauge_mark(&gauge, from, &a);
    wtl_gauge_mark(&gauge, to, &b);
    wtl_gauge_between(&gauge, &a, &b, &e);
    const double truth = to_j - from_j;
    t->worst_before = fmax(t->worst_before, fabs(e.energy_j / truth - 1));
    wtl_calibrate_energy(c, &e);
    assert_true(e.gain > 0 && e.calibration > 0 && e.class == WTL_CLASS_A);
    t->worst_after = fmax(t->worst_after, fabs(e.energy_j / truth - 1));
    t->held_joules +=
        fabs(e.energy_j - truth) <= e.calibration * e.energy_j + 0.5 * (e.hi_j - e.lo_j);
}

static void take_gain(const struct wtl_gain *g, double truth, struct tally *t)
{
    if (!g->known)
        return;
    t->gains++;
    t->held_gains += g->lo <= truth && truth <= g->hi;
}

static void tell(const char *what, const struct tally *t)
{
    print_message(
        "# %s: %d cards; the interval holds the gain in %.1f %% of %d, corrected joules "
        "the truth in %.1f %%; joules are off by %.2f %% at most, uncorrected by %.1f %%\n",
        what, t->n, 100.0 * t->held_gains / t->gains, t->gains, 100.0 * t->held_joules / t->n,
        100 * t->worst_after, 100 * t->worst_before);
}

static void a_meter_of_the_card_alone(void **state)
{
    (void)state;
    struct tally t = {0};
    for (int b = 0; b < BOARDS; b++)
        for (int seed = 1; seed <= cards(); seed++) {
            struct world w;
            struct wtl_calibration c = {.accuracy = -1};
            open_world(&w, boards[b], seed);
            assert_ok(wtl_virtual_add_truth(w.machine, w.device, &w.meter, &err), &err);
            assert_ok(hold(&w, 0, true, 0, &c), &err);
            take_gain(&c.counter, true_gain(&w), &t);
            take_gain(&c.power, true_gain(&w), &t);
            t.n++;
            check_joules(&w, &c, &t);
            wtl_machine_close(w.machine);
        }
    tell("alone", &t);
    assert_true(t.held_gains >= 0.93 * t.gains);
    assert_true(t.held_joules >= 0.93 * t.n);
    assert_true(t.worst_before > 0.04 && t.worst_after < 0.005);
}

static void a_meter_of_the_machine(void **state)
{
    (void)state;
    struct tally t = {0};
    for (int b = 0; b < BOARDS; b++)
        for (int seed = 1; seed <= cards(); seed++) {
            struct world w;
            struct rest rest = {.coarse_w = 0.1};
            struct wtl_calibration c = {.accuracy = -1};
            open_world(&w, boards[b], seed);
            add_rest(&w, &rest, seed);
            assert_ok(hold(&w, 0.005, false, 0, &c), &err);
            assert_true(fabs(c.rest_w - 140) < 5 && fabs(c.power.offset_w) <= 0);
            take_gain(&c.counter, true_gain(&w), &t);
            take_gain(&c.power, true_gain(&w), &t);
            t.n++;
            check_joules(&w, &c, &t);
            wtl_machine_close(w.machine);
        }
    tell("in a machine", &t);
    assert_true(t.held_gains >= 0.93 * t.gains);
    assert_true(t.held_joules >= 0.93 * t.n);
}

/* ---- What is in the gain, and what is refused -------------------------------------------------
 */

static void what_follows_the_load_is_in_the_gain(void **state)
{
    (void)state;
    struct world w;
    struct rest rest = {.follows = 0.1};
    struct wtl_calibration c;
    open_world(&w, "a100", 3);
    add_rest(&w, &rest, 3);
    assert_ok(hold(&w, 0.005, false, 0, &c), &err);
    assert_near(c.power.value / true_gain(&w), 1.1, 0.01);
    wtl_machine_close(w.machine);
}

static void windows_that_do_not_tell(void **state)
{
    (void)state;
    struct world w;
    struct rest rest = {.follows = -1}; /* the machine next door */
    struct wtl_calibration c = {.accuracy = -1};
    open_world(&w, "a100", 3);
    add_rest(&w, &rest, 3);
    assert_int_equal(hold(&w, 0, false, 0, &c), -(int)WTL_UNDECIDED);
    assert_non_null(strstr(err.message, "wall does not follow the load"));
    assert_near(c.accuracy, -1, 0);
    assert_int_equal(hold(&w, 0, false, 200000000, &c), -(int)WTL_USAGE);
    assert_non_null(strstr(err.message, "too short"));
    wtl_machine_close(w.machine);
    open_world(&w, "a100", 3);
    rest = (struct rest){.coarse_w = 20}; /* tens of watts: +- 8 W of 73 */
    add_rest(&w, &rest, 3);
    assert_int_equal(hold(&w, 0, false, 0, &c), -(int)WTL_UNDECIDED);
    assert_non_null(strstr(err.message, "no better than that of a card that was never calibrated"));
    assert_ok(wtl_sim_detach(wtl_virtual_board(w.device), PID, &err), &err);
    assert_true(hold(&w, 0, false, 0, &c) < 0); /* there is no load to switch */
    wtl_machine_close(w.machine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_meter_of_the_card_alone),
        cmocka_unit_test(a_meter_of_the_machine),
        cmocka_unit_test(what_follows_the_load_is_in_the_gain),
        cmocka_unit_test(windows_that_do_not_tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
