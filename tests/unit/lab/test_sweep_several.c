/* SPDX-License-Identifier: Apache-2.0
 * Sweeps over several devices that are measured together: the sum of their energies against their
 * own truth, knobs on all of them, which of them disturbed a run, and what cannot be together. */
#include "sweep_world.h"

#include "device/virtual/loads.h"

#include <math.h>

static const char two[] =
    "name: two\n"
    "devices: [\"virtual:plain,seed=3,exact\", \"virtual:plain,seed=5,exact#1\"]\n"
    "workloads: [{name: plain, virtual: plain}]\n"
    "points: {clocks: [510, 1110, 1515], batches: [4, 8]}\n"
    "protocol: {blocks_min: 2, blocks_max: 2}\n";

/* ---- The truth ------------------------------------------------------------------------------- */

enum { MOMENTS = 400000, BOARDS = 2 };

/* Energy of the boards at each wait of the sweep, as their sensors would have it without noise
 * (gain and offset are their cards'); begins anew with each visit. */
static struct {
    int64_t t_ns[MOMENTS];
    double energy_j[BOARDS][MOMENTS], work[BOARDS][MOMENTS];
    size_t n;
} truth;

static void watch(struct bench_world *w)
{
    assert_true(truth.n < MOMENTS);
    truth.t_ns[truth.n] = w->simulated.now_ns;
    for (size_t k = 0; k < BOARDS; k++) {
        struct wtl_sim_truth t;
        wtl_sim_gpu_truth(wtl_virtual_board(w->plan.measured[k]), &t);
        truth.energy_j[k][truth.n] =
            t.gain * t.energy_j + t.offset_w * 1e-9 * (double)w->simulated.now_ns;
        truth.work[k][truth.n] = t.work;
    }
    truth.n++;
}

static double at(const double *values, int64_t t_ns)
{
    size_t hi = 1;
    while (hi + 1 < truth.n && truth.t_ns[hi] < t_ns)
        hi++;
    const double span = (double)(truth.t_ns[hi] - truth.t_ns[hi - 1]);
    const double share = span > 0 ? (double)(t_ns - truth.t_ns[hi - 1]) / span : 0;
    return values[hi - 1] + share * (values[hi] - values[hi - 1]);
}

static struct {
    size_t n;
    double worst, worst_part, worst_work, sum_error; /* relative */
    size_t within;                                   /* the stated interval */
} against;

static double relative(double measured, double from, double to)
{
    return measured / (to - from) - 1;
}

/* Each run against what its boards drew and did meanwhile. */
static void compare(struct bench_world *w, const struct wtl_sweep_progress *p)
{
    const struct wtl_run *run = &p->result->run;
    const double time_s = run->metric[WTL_R_time_s], energy_j = run->metric[WTL_R_energy_j];
    const int64_t begin_ns = run->start_ns - w->simulated.start_unix_ns;
    const int64_t end_ns = begin_ns + (int64_t)(time_s * 1e9);
    double a = 0, b = 0, work_a = 0, work_b = 0;
    assert_int_equal(p->visit->outcome, WTL_VISIT_done);
    assert_int_equal(p->result->n_devices, BOARDS);
    for (size_t k = 0; k < BOARDS; k++) {
        const double from = at(truth.energy_j[k], begin_ns), to = at(truth.energy_j[k], end_ns);
        const double off = relative(p->result->energy_j[k], from, to);
        against.worst_part = fmax(against.worst_part, fabs(off));
        a += from;
        b += to;
        work_a += at(truth.work[k], begin_ns);
        work_b += at(truth.work[k], end_ns);
        assert_int_equal(wtl_virtual_board(w->plan.measured[k])->sm_lock.set, true);
    }
    const double off = relative(energy_j, a, b);
    against.worst = fmax(against.worst, fabs(off));
    against.worst_work =
        fmax(against.worst_work, fabs(relative(run->metric[WTL_R_work_units], work_a, work_b)));
    against.sum_error += off;
    against.within += fabs(off) <= run->metric[WTL_R_energy_rel_error];
    against.n++;
    assert_near(p->result->energy_j[0] + p->result->energy_j[1], energy_j, 1e-6 * energy_j);
    truth.n = 0;
}

static void the_sum_is_what_the_boards_drew(void **state)
{
    WTL_ARENA(arena);
    struct wtl_run *runs;
    struct wtl_visit *visits;
    size_t n_visits;
    const char *path = in_test_directory("two.wattle");
    (void)state;
    at_wait = watch;
    at_visit = compare;
    sweep(two, path, -1);
    at_wait = NULL;
    at_visit = NULL;
    print_message("# %zu runs on two boards: energy off by %.3f %% at most (%.3f %% of one board), "
                  "%.3f %% on the mean; within its interval in %zu; work off by %.3f %%\n",
                  against.n, 100 * against.worst, 100 * against.worst_part,
                  100 * against.sum_error / (double)against.n, against.within,
                  100 * against.worst_work);
    assert_true(against.worst < 0.005 && against.worst_part < 0.01);
    assert_true(fabs(against.sum_error) / (double)against.n < 0.002);
    assert_true(against.worst_work < 0.005);
    assert_true((double)against.within >= 0.9 * (double)against.n);
    size_t n = load(&arena, path, &runs, &visits, &n_visits);
    assert_int_equal(n, 2 * (5 + 3));
    for (size_t i = 0; i < n; i++) {
        const struct wtl_run *r = &runs[i];
        assert_int_equal(strncmp(r->gpu, "2x ", 3), 0);
        assert_int_equal(r->energy_class, WTL_CLASS_A);
        assert_int_equal(r->energy_troubles, 0);
        assert_near(r->metric[WTL_R_sm_clock_match], 1, 1e-9); /* on both */
        assert_near(r->metric[WTL_R_power_mean_w] / r->metric[WTL_R_power_w], 1, 0.02);
        assert_near(r->metric[WTL_R_energy_ratio], 1, 0.02);
    }
}

/* Boards whose sensors are noisy, each with its own gain: the random interval of the sum holds what
 * it should have been in 95 % of the windows or more. */
static void the_interval_of_the_sum_holds(void **state)
{
    (void)state;
    memset(&against, 0, sizeof against);
    at_wait = watch;
    at_visit = compare;
    for (int seed = 1; seed <= 12; seed++) {
        char text[400], path[40];
        (void)snprintf(
            text, sizeof text,
            "name: n\ndevices: [\"virtual:plain,seed=%d\", \"virtual:plain,seed=%d#1\"]\n"
            "workloads: [{name: plain, virtual: plain}]\n"
            "points: {clocks: [510, 1110, 1515], batches: [4, 8]}\n"
            "protocol: {blocks_min: 2, blocks_max: 2, samples: no}\n",
            seed, seed + 100);
        (void)snprintf(path, sizeof path, "noisy%d.wattle", seed);
        sweep(text, in_test_directory(path), -1);
    }
    at_wait = NULL;
    at_visit = NULL;
    print_message("# %zu runs on two noisy boards: energy off by %.3f %% at most, %.3f %% on the "
                  "mean; within its interval in %zu\n",
                  against.n, 100 * against.worst, 100 * against.sum_error / (double)against.n,
                  against.within);
    assert_true((double)against.within >= 0.93 * (double)against.n);
    assert_true(against.worst < 0.005);
}

/* ---- Samples --------------------------------------------------------------------------------- */

struct streams {
    int64_t rows[BOARDS], last_ns[BOARDS];
    double power_sum[BOARDS];
    double stamp_s[BOARDS]; /* of energy, as the sensor has it */
    int stamps[BOARDS];     /* different ones */
};

static int see(void *ctx, const struct wtl_batch *b, struct wtl_error *e)
{
    struct streams *s = ctx;
    (void)e;
    assert_in_range(b->stream, 0, BOARDS - 1);
    assert_int_equal(b->first_row, s->rows[b->stream]);
    for (int i = 0; i < b->n; i++) {
        assert_true(b->t_ns[i] > s->last_ns[b->stream]);
        s->last_ns[b->stream] = b->t_ns[i];
        s->power_sum[b->stream] += b->column[WTL_M_power_instant_w].value[i];
        assert_true(wtl_batch_valid(b, WTL_M_power_time_s, i));
        assert_true(wtl_batch_valid(b, WTL_M_energy_time_s, i));
        const double stamp_s = b->column[WTL_M_energy_time_s].value[i];
        const double age_s = 1e-9 * (double)b->t_ns[i] - stamp_s;
        assert_true(age_s > -1e-6 && age_s < 0.2); /* of a counter that ticks every 0.1 s */
        assert_true(stamp_s >= s->stamp_s[b->stream]);
        s->stamps[b->stream] += stamp_s > s->stamp_s[b->stream];
        s->stamp_s[b->stream] = stamp_s;
    }
    s->rows[b->stream] += b->n;
    return 0;
}

static void samples_keep_their_device(void **state)
{
    struct wtl_campaign *c = open_stored(in_test_directory("two.wattle"));
    struct streams s = {.rows = {0}};
    WTL_ARENA(arena);
    struct wtl_run *runs = NULL;
    size_t n = 0;
    (void)state;
    assert_ok(wtl_campaign_runs(c, NULL, &arena, &runs, &n, &err), &err);
    assert_true(n > 0);
    assert_ok(wtl_campaign_samples(c, runs[0].id, see, &s, &err), &err);
    assert_true(s.rows[0] > 20 && s.rows[1] > 20);
    for (size_t k = 0; k < BOARDS; k++) { /* one a tick, and several rows each */
        assert_true(s.stamps[k] > 20 && 2 * s.stamps[k] < s.rows[k]);
    }
    assert_near((double)(s.rows[0] + s.rows[1]), runs[0].metric[WTL_R_n_samples], 0.5);
    const double power_w = s.power_sum[0] / (double)s.rows[0] + s.power_sum[1] / (double)s.rows[1];
    assert_near(power_w / runs[0].metric[WTL_R_power_w], 1, 0.02);
    wtl_campaign_close(c);
}

/* ---- Going on -------------------------------------------------------------------------------- */

static void goes_on_as_if_it_had_not_stopped(void **state)
{
    const char *path = in_test_directory("parts.wattle");
    (void)state;
    for (int i = 0; i < 3; i++)
        sweep(two, path, 4);
    sweep(two, path, -1);
    assert_same_runs(in_test_directory("two.wattle"), path);
}

static void knobs_go_back_on_all(void **state)
{
    struct bench_world w;
    (void)state;
    visits_left = 2;
    assert_ok(open_world(&w, two), &err);
    assert_int_equal(w.plan.n_measured, 2);
    assert_int_equal(w.plan.n_wants, 2);
    assert_ok(run_world(&w, in_test_directory("back.wattle"), false), &err);
    for (size_t k = 0; k < BOARDS; k++) {
        struct wtl_knob_state knob;
        assert_ok(wtl_device_knob(w.plan.measured[k], WTL_KNOB_sm_clock_mhz, &knob, &err), &err);
        assert_true(knob.requested.released);
    }
    close_world(&w);
}

/* ---- Disturbed ------------------------------------------------------------------------------- */

static void one_board_is_enough_to_disturb(void **state)
{
    static const struct {
        const char *faults, *why;
        enum wtl_cause cause;
    } cases[] = {
        {"read/energy_counter_j.absent@1%", "the energy sensor had a gap",
         WTL_CAUSE_inconsistent_energy},
        {"errors.lie=31@every150", "reported XID 31 (GPU memory page fault)",
         WTL_CAUSE_device_error},
        {"read/sm_clock_mhz.lie=300MHz@10%", "of the window at another clock",
         WTL_CAUSE_wrong_clock},
    };
    (void)state;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        WTL_ARENA(arena);
        struct wtl_run *runs;
        struct wtl_visit *visits;
        size_t n_visits, invalid = 0;
        char text[600], device[120], path[40];
        (void)snprintf(device, sizeof device, "faulty:%s:virtual:plain,seed=5#1", cases[k].faults);
        (void)snprintf(text, sizeof text,
                       "name: f\ndevices: [\"virtual:plain,seed=3\", \"%s\"]\n"
                       "workloads: [{name: plain, virtual: plain}]\n"
                       "points: {clocks: [510, 1515]}\n"
                       "protocol: {blocks_min: 2, blocks_max: 2, samples: no, thermal_band: no,"
                       " idle: no, attempts: 3}\n",
                       device);
        (void)snprintf(path, sizeof path, "disturbed%zu.wattle", k);
        sweep(text, in_test_directory(path), -1);
        size_t n = load(&arena, in_test_directory(path), &runs, &visits, &n_visits);
        for (size_t i = 0; i < n_visits; i++)
            if (visits[i].outcome == WTL_VISIT_invalid) {
                invalid++;
                assert_int_equal(strncmp(visits[i].why, device, 20), 0); /* it is named */
                assert_non_null(strstr(visits[i].why, cases[k].why));
            }
        for (size_t i = 0; i < n; i++)
            if (runs[i].stated_causes)
                assert_true(runs[i].stated_causes >> cases[k].cause & 1);
        assert_true(invalid > 0);
    }
}

/* ---- What can be together -------------------------------------------------------------------- */

static void refused(const char *devices, const char *points, int code, const char *message)
{
    struct bench_world w;
    char text[600];
    (void)snprintf(text, sizeof text,
                   "name: r\ndevices: [%s]\nworkloads: [{name: plain, virtual: plain}]\n"
                   "points: {%s}\n",
                   devices, points);
    assert_int_equal(open_world(&w, text), code);
    if (code < 0 && !strstr(err.message, message))
        fail_msg("\"%s\" is not \"...%s...\"", err.message, message);
    close_world(&w);
}

static void a_point_holds_on_all_or_is_refused(void **state)
{
    (void)state;
    /* an A100 has 1410 MHz, a V100 has not */
    refused("\"virtual:a100\", \"virtual:v100#1\"", "clocks: [1410]", -(int)WTL_PARSE,
            "1410 MHz is no SM clock of virtual:a100 together with virtual:v100#1");
    refused("\"virtual:a100\", \"virtual:h100#1\"", "limits: [120W]", -(int)WTL_USAGE,
            "virtual:a100 together with virtual:h100#1 takes 200 to 250 W");
    refused("\"virtual:plain\", \"virtual:p40#1\"", "clocks: all", -(int)WTL_UNSUPPORTED,
            "no point would hold on both");
    /* and of what both have, all are swept */
    struct bench_world w;
    assert_ok(open_world(&w, "name: both\ndevices: [\"virtual:plain\", \"virtual:plain#1\"]\n"
                             "workloads: [{name: plain, virtual: plain}]\n"
                             "points: {clocks: all}\n"),
              &err);
    const size_t n_one = w.plan.points.n;
    assert_int_equal(w.plan.n_wants, 2);
    close_world(&w);
    assert_ok(open_world(&w, "name: one\ndevices: \"virtual:plain\"\n"
                             "workloads: [{name: plain, virtual: plain}]\n"
                             "points: {clocks: all}\n"),
              &err);
    assert_int_equal(w.plan.points.n, n_one);
    assert_int_equal(w.plan.n_measured, 1);
    close_world(&w);
}

static void what_cannot_be_together_is_refused(void **state)
{
    struct bench_world w;
    (void)state;
    refused("\"virtual:plain\", \"virtual:plain\"", "clocks: [510]", -(int)WTL_USAGE, "twice");
    refused("\"virtual:plain\", estimate:cpu", "clocks: [510]", -(int)WTL_USAGE,
            "estimate:cpu has no part in the sweep");
    assert_int_equal(open_world(&w,
                                "name: cycles\ndevices: [\"virtual:a100\", \"virtual:a100#1\"]\n"
                                "workloads: [{name: llm, virtual: llm}]\n"
                                "points: {clocks: [1410]}\n"),
                     -(int)WTL_UNSUPPORTED);
    assert_non_null(strstr(err.message, "do not stay in step"));
    close_world(&w);
}

static void somebody_else_on_any_board_is_refused(void **state)
{
    struct bench_world w;
    (void)state;
    visits_left = -1;
    assert_ok(open_world(&w, "name: b\n"
                             "devices: [virtual:plain, \"virtual:plain,load=plain#1\"]\n"
                             "workloads: [{name: plain, virtual: plain}]\n"
                             "points: {clocks: [510, 1515]}\n"),
              &err);
    assert_int_equal(run_world(&w, in_test_directory("busy.wattle"), false), -(int)WTL_BUSY);
    assert_non_null(strstr(err.message, "uses virtual:plain,load=plain#1"));
    close_world(&w);
}

int main(void)
{
    (void)setenv("TMPDIR", "/dev/shm", 0); /* every run is synced to its disk */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sum_is_what_the_boards_drew),
        cmocka_unit_test(the_interval_of_the_sum_holds),
        cmocka_unit_test(samples_keep_their_device),
        cmocka_unit_test(goes_on_as_if_it_had_not_stopped),
        cmocka_unit_test(knobs_go_back_on_all),
        cmocka_unit_test(one_board_is_enough_to_disturb),
        cmocka_unit_test(a_point_holds_on_all_or_is_refused),
        cmocka_unit_test(what_cannot_be_together_is_refused),
        cmocka_unit_test(somebody_else_on_any_board_is_refused),
    };
    return cmocka_run_group_tests(tests, make_test_directory, drop_test_directory);
}
