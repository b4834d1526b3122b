/* SPDX-License-Identifier: Apache-2.0
 *
 * One fixture per cause: a clean simulated sweep with one fault built in. Each test shows what a
 * naive reader (mean power x rows x 50 ms, every run kept or repetition 1 dropped) makes of it. */
#include "runs/judge.h"
#include "runs/reduce.h"
#include "support/sim_campaign.h"
#include "support/support.h"

#include <math.h>
#include <string.h>

/* A100, 61 clocks, 3 repetitions, as a table of rows would give it: mean and first power, rows,
 * label, reported time; no activity, no clock readings, no stated idle power. */
struct sweep {
    struct wtl_arena arena;
    struct sim_campaign c;
    struct wtl_run *runs;
    size_t n;
    double idle_w;
};

static void sweep_init(struct sweep *s)
{
    struct sim_options o = sim_options_default();
    struct wtl_error err = {0};
    o.activity = false;
    o.order = SIM_DESCENDING;
    wtl_arena_init(&s->arena, wtl_alloc_system());
    assert_ok(sim_campaign_make(&s->arena, &o, &s->c, &err), &err);
    s->n = s->c.n_runs;
    s->idle_w = s->c.truth.idle_w;
    s->runs = WTL_NEW_ARRAY(&s->arena, struct wtl_run, s->n);
    for (size_t i = 0; i < s->n; i++) {
        const struct wtl_run *from = &s->c.runs[i];
        struct wtl_run *r = &s->runs[i];
        *r = *from;
        r->valid = 0;
        memset(r->metric, 0, sizeof r->metric);
        double rows = round(from->metric[WTL_R_time_s] / 0.051);
        wtl_run_set(r, WTL_R_n_samples, rows);
        wtl_run_set(r, WTL_R_label_interval_s, 0.05);
        wtl_run_set(r, WTL_R_nominal_time_s, rows * 0.05);
        wtl_run_set(r, WTL_R_reported_time_s, from->metric[WTL_R_time_s]);
        wtl_run_set(r, WTL_R_power_mean_w, from->metric[WTL_R_power_w]);
        wtl_run_set(r, WTL_R_power_first_w, s->idle_w * (1 + 0.01 * sin((double)i)));
        wtl_run_choose(r);
    }
}

static void judge(struct sweep *s)
{
    struct wtl_error err = {0};
    for (size_t i = 0; i < s->n; i++)
        wtl_run_choose(&s->runs[i]);
    assert_ok(wtl_judge(&s->arena, s->runs, s->n, NULL, &err), &err);
}

/* Exactly the runs of `want` are rejected, by that main cause. */
static void only(const struct sweep *s, const size_t *want, size_t n_want, enum wtl_cause cause)
{
    for (size_t i = 0; i < s->n; i++) {
        bool wanted = false;
        for (size_t k = 0; k < n_want; k++)
            wanted = wanted || want[k] == i;
        enum wtl_cause got = wtl_run_main_cause(&s->runs[i]);
        if (got != (wanted ? cause : WTL_N_CAUSES))
            fail_msg("run %zu (%d MHz, repetition %d) is %s: %s", i, s->runs[i].clock_mhz,
                     s->runs[i].rep, wtl_cause_name(got), s->runs[i].reason);
    }
}
#define ONLY(s, cause, ...)                                                                        \
    only((s), (const size_t[]){__VA_ARGS__}, sizeof(size_t[]){__VA_ARGS__} / sizeof(size_t), cause)

/* Scales time and mean power of a run, rows included. */
static void scale(struct wtl_run *r, double time, double power)
{
    static const enum wtl_run_metric times[] = {WTL_R_n_samples, WTL_R_nominal_time_s,
                                                WTL_R_reported_time_s};
    for (int k = 0; k < 3; k++)
        r->metric[times[k]] *= time;
    r->metric[WTL_R_power_mean_w] *= power;
}

/* Makes a run longer by waiting, with the context loaded, at a fifth above idle power. */
static void wait(const struct sweep *s, size_t i, double factor)
{
    double p = s->runs[i].metric[WTL_R_power_mean_w];
    scale(&s->runs[i], factor, (1 + (factor - 1) * 1.2 * s->idle_w / p) / factor);
}

/* What the naive reader has for time, energy and EDP of a run. */
static double naive_time(const struct wtl_run *r)
{
    return r->metric[WTL_R_n_samples] * 0.05;
}

static double naive_energy(const struct wtl_run *r)
{
    return r->metric[WTL_R_power_mean_w] * naive_time(r);
}

static double naive_edp(const struct wtl_run *r)
{
    return naive_energy(r) * naive_time(r);
}

/* Its mean over the three runs of a clock, all kept; `first` is repetition 1. */
static double naive_cell(const struct sweep *s, size_t first, double (*of)(const struct wtl_run *))
{
    return (of(&s->runs[first]) + of(&s->runs[first + 1]) + of(&s->runs[first + 2])) / 3;
}

/* The run keeps its label and did its work at another clock. */
static void run_at(struct sweep *s, size_t i, int clock_mhz)
{
    struct wtl_run at = sim_fresh_run(&s->c, clock_mhz, i);
    const struct wtl_run *was = &s->c.runs[i];
    scale(&s->runs[i], at.metric[WTL_R_time_s] / was->metric[WTL_R_time_s],
          at.metric[WTL_R_power_w] / was->metric[WTL_R_power_w]);
}

static void a_clean_sweep_is_accepted_whole(void **state)
{
    (void)state;
    struct sweep s;
    sweep_init(&s);
    judge(&s);
    only(&s, NULL, 0, WTL_N_CAUSES);
    wtl_arena_fini(&s.arena);
}

static void failed_and_timed_out(void **state)
{
    (void)state;
    struct sweep s;
    sweep_init(&s);
    s.runs[40].status = WTL_RUN_FAILED; /* ends early: naive takes it for the optimum */
    scale(&s.runs[40], 0.2, 0.8);
    s.runs[41].status = WTL_RUN_SUCCESS;
    double best = HUGE_VAL;
    size_t naive = 0;
    for (size_t i = 0; i < s.n; i++)
        if (naive_edp(&s.runs[i]) < best) {
            best = naive_edp(&s.runs[i]);
            naive = i;
        }
    assert_int_equal(naive, 40);
    judge(&s);
    ONLY(&s, WTL_CAUSE_failed, 40);
    s.runs[40].status = WTL_RUN_TIMEOUT;
    judge(&s);
    ONLY(&s, WTL_CAUSE_timed_out, 40);
    wtl_arena_fini(&s.arena);
}

static void no_data(void **state)
{
    (void)state;
    struct sweep s;
    sweep_init(&s);
    s.runs[7].valid = UINT64_C(1) << WTL_R_reported_time_s;
    s.runs[7].metric[WTL_R_n_samples] = s.runs[7].metric[WTL_R_power_mean_w] = 0;
    assert_true(naive_cell(&s, 6, naive_energy) < 0.7 * naive_cell(&s, 9, naive_energy));
    judge(&s);
    ONLY(&s, WTL_CAUSE_no_data, 7);
    wtl_arena_fini(&s.arena);
}

/* The sampler was killed after 40 % of the run: naive has 40 % of the energy and time. */
static void truncated(void **state)
{
    (void)state;
    struct sweep s;
    sweep_init(&s);
    for (size_t i = 0; i < s.n; i++) { /* a wrapper's log in whole seconds, 3 s of its own */
        double t = s.runs[i].metric[WTL_R_reported_time_s];
        wtl_run_clear(&s.runs[i], WTL_R_reported_time_s);
        wtl_run_set(&s.runs[i], WTL_R_wrapper_time_s, floor(t + 3 + 0.37 * (double)(i % 3)));
    }
    scale(&s.runs[30], 0.4, 1);
    assert_true(naive_edp(&s.runs[30]) < 0.2 * naive_edp(&s.runs[31]));
    judge(&s);
    ONLY(&s, WTL_CAUSE_truncated, 30);
    wtl_arena_fini(&s.arena);
}

/* Cold: repetition 1 is 30-fold, 2 and 3 are 1.25- and 1.12-fold, and so is the first run of the
 * next clock. Dropping repetition 1 of every clock leaves two of the four. */
static void cold_start_until_stable(void **state)
{
    (void)state;
    struct sweep s;
    sweep_init(&s);
    static const double slow[] = {30, 1.25, 1.12, 1.1};
    for (size_t i = 0; i < 4; i++)
        wait(&s, i, slow[i]);
    double naive_reps =
        0.5 * (s.runs[1].metric[WTL_R_nominal_time_s] + s.runs[2].metric[WTL_R_nominal_time_s]);
    assert_true(naive_reps > 1.12 * s.runs[5].metric[WTL_R_nominal_time_s]);
    judge(&s);
    ONLY(&s, WTL_CAUSE_cold_start, 0, 1, 2, 3);
    wtl_arena_fini(&s.arena);
}

/* A second job starts cold again in the middle of the sweep. */
static void every_session_can_start_cold(void **state)
{
    (void)state;
    struct sweep s;
    sweep_init(&s);
    for (size_t i = 90; i < s.n; i++)
        memcpy(s.runs[i].job, "99999999", 9);
    wait(&s, 90, 8);
    wait(&s, 91, 1.2);
    judge(&s);
    ONLY(&s, WTL_CAUSE_cold_start, 90, 91);
    wtl_arena_fini(&s.arena);
}

/* A sweep that was cold for its first four clocks: their own cells cannot tell, the neighbours do.
 */
static void whole_clocks_can_be_cold(void **state)
{
    (void)state;
    struct sweep s;
    sweep_init(&s);
    size_t want[12];
    for (size_t i = 0; i < 12; i++) {
        want[i] = i;
        wait(&s, i, 1.1 + 4 / (double)(1 + i));
    }
    judge(&s);
    only(&s, want, 12, WTL_CAUSE_cold_start);
    wtl_arena_fini(&s.arena);
}

/* The H100 case: below some clock the work went to another GPU. Power is the idle power to 0.03 %,
 * time is normal; naive: 55 % saved. Also one single run. */
static void idle_gpu(void **state)
{
    (void)state;
    struct sweep s;
    sweep_init(&s);
    size_t want[61], k = 0;
    for (size_t i = 0; i < s.n; i++)
        if (i == 33 || i >= 123) {
            want[k++] = i;
            s.runs[i].metric[WTL_R_power_mean_w] = s.idle_w * (1 + 0.0003 * cos((double)i));
        }
    assert_true(naive_edp(&s.runs[33]) < 0.7 * naive_edp(&s.runs[34]));
    judge(&s);
    only(&s, want, k, WTL_CAUSE_idle_gpu);
    wtl_arena_fini(&s.arena);
}

/* Light work just above idle, at steady power that falls with the clock, is work. */
static void light_work_is_not_idle(void **state)
{
    (void)state;
    struct sweep s;
    sweep_init(&s);
    for (size_t i = 0; i < s.n; i++) {
        double watts = s.idle_w * (1.03 + 0.15 * (s.runs[i].clock_mhz - 510) / 900.0);
        s.runs[i].metric[WTL_R_power_mean_w] = watts * (1 + 0.001 * sin(3.0 * (double)i));
        s.runs[i].metric[WTL_R_power_first_w] = watts; /* began in the midst of work */
    }
    judge(&s);
    only(&s, NULL, 0, WTL_N_CAUSES);
    wtl_arena_fini(&s.arena);
}

/* Activity of nought proves it without any level; dead activity counters at full power do not. */
static void idle_by_activity(void **state)
{
    (void)state;
    struct sweep s;
    sweep_init(&s);
    for (size_t i = 0; i < s.n; i++)
        wtl_run_set(&s.runs[i], WTL_R_active_share, i == 50 || i == 60 ? 0 : 0.8);
    s.runs[50].metric[WTL_R_power_mean_w] = 1.1 * s.idle_w;
    judge(&s);
    ONLY(&s, WTL_CAUSE_idle_gpu, 50);
    wtl_arena_fini(&s.arena);
}

/* The label says 915 MHz, the median SM clock says otherwise. Naive: no slowdown there. */
static void wrong_clock_by_reading(void **state)
{
    (void)state;
    struct sweep s;
    sweep_init(&s);
    for (size_t i = 0; i < s.n; i++) {
        wtl_run_set(&s.runs[i], WTL_R_sm_clock_median_mhz, s.runs[i].clock_mhz - (i % 2 ? 0 : 7));
        wtl_run_set(&s.runs[i], WTL_R_sm_clock_match, 0.97);
    }
    run_at(&s, 100, 1410); /* naive: its clock is hardly slower than the highest */
    assert_true(naive_time(&s.runs[100]) < 1.03 * naive_time(&s.runs[0]));
    assert_true(naive_time(&s.runs[99]) > 1.1 * naive_time(&s.runs[0]));
    run_at(&s, 20, 1230); /* naive: 1320 MHz takes the power of 1230 */
    assert_true(s.runs[20].metric[WTL_R_power_mean_w] <
                0.97 * s.runs[19].metric[WTL_R_power_mean_w]);
    s.runs[100].metric[WTL_R_sm_clock_median_mhz] = 1410;
    s.runs[100].metric[WTL_R_sm_clock_match] = 0;
    wtl_run_set(&s.runs[20], WTL_R_app_clock_mhz, 1230); /* the request itself was another */
    judge(&s);
    ONLY(&s, WTL_CAUSE_wrong_clock, 100, 20);
    wtl_arena_fini(&s.arena);
}

/* No clock reading: one run in five at low labels has the time and the power of the highest clock
 * (the published H100 Stable Diffusion sweep: 50 of 258). */
static void wrong_clock_by_time_and_power(void **state)
{
    (void)state;
    struct sweep s;
    sweep_init(&s);
    size_t want[40], k = 0;
    for (size_t i = 60; i < s.n; i += 5) {
        want[k++] = i;
        run_at(&s, i, 1410);
    }
    /* Naive: 510 MHz is less slow, by a tenth of the time, than its two good runs say. */
    assert_int_equal(want[k - 1], 180);
    assert_true(naive_cell(&s, 180, naive_time) < 0.9 * naive_time(&s.runs[181]));
    judge(&s);
    only(&s, want, k, WTL_CAUSE_wrong_clock);
    assert_non_null(strstr(s.runs[60].reason, "are those of 1"));
    wtl_arena_fini(&s.arena);
}

static void throttled(void **state)
{
    (void)state;
    struct sweep s;
    sweep_init(&s);
    scale(&s.runs[2], 1.15, 0.9); /* naive: the lower clock, runs 12 to 14, is the faster one */
    scale(&s.runs[4], 1.15, 0.9);
    assert_true(naive_cell(&s, 0, naive_time) > naive_cell(&s, 12, naive_time));
    assert_true(naive_cell(&s, 3, naive_time) > naive_cell(&s, 12, naive_time));
    wtl_run_set(&s.runs[2], WTL_R_throttle_share, 0.4);
    wtl_run_set(&s.runs[3], WTL_R_throttle_share, 0.01); /* a blink */
    for (int i = 4; i < 6; i++) { /* no reason mask: below the label at the power limit */
        wtl_run_set(&s.runs[i], WTL_R_power_limit_w, 250);
        wtl_run_set(&s.runs[i], WTL_R_power_p99_w, i == 4 ? 249 : 180);
        wtl_run_set(&s.runs[i], WTL_R_sm_clock_median_mhz, 1200);
    }
    s.runs[5].metric[WTL_R_sm_clock_median_mhz] = s.runs[5].clock_mhz;
    judge(&s);
    ONLY(&s, WTL_CAUSE_throttled, 2, 4);
    wtl_arena_fini(&s.arena);
}

/* Somebody else's job: loaded before the run began, more power, longer. */
static void contaminated(void **state)
{
    (void)state;
    struct sweep s;
    sweep_init(&s);
    scale(&s.runs[70], 1.4, 1.3);
    /* naive: the EDP of that clock (runs 69 to 71) is half as much again as that of the next */
    assert_true(naive_cell(&s, 69, naive_edp) > 1.45 * naive_cell(&s, 72, naive_edp));
    s.runs[70].metric[WTL_R_power_first_w] = 3 * s.idle_w;
    s.runs[71].metric[WTL_R_power_first_w] = 1.2 * s.idle_w; /* the sensor's tail: harmless */
    judge(&s);
    ONLY(&s, WTL_CAUSE_contaminated, 70);
    wtl_arena_fini(&s.arena);
}

/* Two traces in one file, of two boards; memory of another process. */
static void contaminated_by_board_or_memory(void **state)
{
    (void)state;
    struct sweep s;
    sweep_init(&s);
    scale(&s.runs[90], 1.3,
          0.6); /* naive: a board that is not there lowers the energy of a clock */
    scale(&s.runs[91], 1.1, 1.2); /* and the other process raises that of the same clock */
    assert_true(naive_energy(&s.runs[90]) < 0.8 * naive_energy(&s.runs[92]));
    assert_true(naive_energy(&s.runs[91]) > 1.25 * naive_energy(&s.runs[92]));
    for (size_t i = 0; i < s.n; i++) {
        (void)strcpy(s.runs[i].device, i == 90 ? "Tesla V100-PCIE-32GB" : "NVIDIA A100-PCIE-40GB");
        wtl_run_set(&s.runs[i], WTL_R_fb_used_max_b, i == 91 ? 9e9 : 5e9 + 1e6 * (double)i);
    }
    judge(&s);
    ONLY(&s, WTL_CAUSE_contaminated, 90, 91);
    wtl_arena_fini(&s.arena);
}

/* What only the import could see stays. */
static void stated_causes_stay(void **state)
{
    (void)state;
    struct sweep s;
    sweep_init(&s);
    s.runs[33].stated_causes = 1U << WTL_CAUSE_contaminated;
    (void)strcpy(s.runs[33].stated_reason, "rows of two GPUs are mixed");
    for (int round = 0; round < 2; round++) {
        judge(&s);
        ONLY(&s, WTL_CAUSE_contaminated, 33);
        assert_string_equal(s.runs[33].reason, "rows of two GPUs are mixed");
    }
    s.runs[33].status = WTL_RUN_FAILED; /* an earlier cause of the list is the main one */
    judge(&s);
    ONLY(&s, WTL_CAUSE_failed, 33);
    assert_true(s.runs[33].causes & 1U << WTL_CAUSE_contaminated);
    wtl_arena_fini(&s.arena);
}

/* More tokens, the same power: with a work counter by the counter, else by time at full power. The
 * same delay at idle power is an outlier that waited. */
static void work_not_constant(void **state)
{
    (void)state;
    struct sweep s;
    sweep_init(&s);
    scale(&s.runs[80], 1.5, 1); /* naive: the clock of runs 78 to 80 has 1.4 times the EDP */
    assert_true(naive_cell(&s, 78, naive_edp) > 1.35 * naive_cell(&s, 75, naive_edp));
    judge(&s);
    ONLY(&s, WTL_CAUSE_work_not_constant, 80);
    double p = s.runs[80].metric[WTL_R_power_mean_w];
    s.runs[80].metric[WTL_R_power_mean_w] = (p + 0.5 * s.idle_w) / 1.5;
    judge(&s);
    ONLY(&s, WTL_CAUSE_outlier, 80);
    assert_non_null(strstr(s.runs[80].reason, "it waited"));
    wtl_arena_fini(&s.arena);

    sweep_init(&s);
    double before = naive_energy(&s.runs[80]);
    scale(&s.runs[80], 1.025, 1);
    for (size_t i = 0; i < s.n; i++)
        wtl_run_set(&s.runs[i], WTL_R_work_units, i == 80 ? 1230 : 1200);
    /* naive: 2.5 % more energy at that clock, for the same energy a unit of work */
    assert_true(fabs(naive_energy(&s.runs[80]) / before - 1.025) < 1e-9);
    assert_true(fabs(naive_energy(&s.runs[80]) / 1230 - before / 1200) < 1e-9 * before);
    judge(&s); /* 2.5 % more work: inside the spread of time, seen by the counter */
    ONLY(&s, WTL_CAUSE_work_not_constant, 80);
    wtl_arena_fini(&s.arena);
}

static void inconsistent_energy(void **state)
{
    (void)state;
    struct sweep s;
    sweep_init(&s);
    for (size_t i = 0; i < s.n; i++) { /* counters and no timestamps: the period is the check */
        struct wtl_run *r = &s.runs[i];
        double t = r->metric[WTL_R_reported_time_s] * (i == 44 ? 1.09 : i % 4 == 0 ? 0.985 : 1);
        wtl_run_clear(r, WTL_R_reported_time_s);
        wtl_run_set(r, WTL_R_period_s, t / r->metric[WTL_R_n_samples]);
        wtl_run_set(r, WTL_R_span_s, t);
        wtl_run_set(r, WTL_R_energy_counter_j, t * r->metric[WTL_R_power_mean_w]);
        wtl_run_set(r, WTL_R_counter_step_s, 0.1);
    }
    /* naive: 10 % of the joules that the counter saw are missing */
    double seen = s.runs[44].metric[WTL_R_energy_counter_j];
    assert_true(fabs(naive_energy(&s.runs[44]) / seen - 0.05 / 0.051 / 1.09) < 0.005);
    judge(&s);
    ONLY(&s, WTL_CAUSE_inconsistent_energy, 44);
    wtl_arena_fini(&s.arena);

    sweep_init(&s);
    for (size_t i = 0; i < s.n; i++)
        wtl_run_set(&s.runs[i], WTL_R_energy_nominal_j,
                    s.runs[i].metric[WTL_R_power_mean_w] * s.runs[i].metric[WTL_R_nominal_time_s] *
                        (i == 12 ? 2 : 1));
    /* naive: who trusts the column has twice the energy for run 12 (a 25 ms trace called 50 ms) */
    assert_true(s.runs[12].metric[WTL_R_energy_nominal_j] > 1.9 * naive_energy(&s.runs[13]));
    judge(&s);
    ONLY(&s, WTL_CAUSE_inconsistent_energy, 12);
    wtl_arena_fini(&s.arena);
}

/* n = 2 at every clock: the published rule (2.5 standard deviations over all clocks) flags the ends
 * of the curve, the one within cells can never fire. */
static void outlier_at_two_runs_a_clock(void **state)
{
    (void)state;
    struct sweep s;
    sweep_init(&s);
    size_t k = 0;
    for (size_t i = 0; i < s.n; i++)
        if (s.runs[i].rep != 2)
            s.runs[k++] = s.runs[i];
    s.n = k;
    scale(&s.runs[61], 1.15, 0.93);
    double a = s.runs[60].metric[WTL_R_nominal_time_s], b = s.runs[61].metric[WTL_R_nominal_time_s];
    double mean = 0.5 * (a + b), sd = fabs(a - b) / sqrt(2);
    assert_true(fabs(b - mean) / sd < 0.71); /* (n - 1) / sqrt(n), however large the deviation */
    judge(&s);
    ONLY(&s, WTL_CAUSE_outlier, 61);
    wtl_arena_fini(&s.arena);
}

/* Two clocks only, eight runs each: no curve, but the other runs of the cell are enough. */
static void outlier_without_neighbours(void **state)
{
    (void)state;
    struct sweep s;
    sweep_init(&s);
    for (size_t i = 0; i < 16; i++)
        s.runs[i] = sim_fresh_run(&s.c, i < 8 ? 1410 : 900, i);
    s.n = 16;
    s.runs[12].metric[WTL_R_time_s] *= 1.3;
    struct wtl_error err = {0};
    assert_ok(wtl_judge(&s.arena, s.runs, s.n, NULL, &err), &err);
    for (size_t i = 0; i < s.n; i++)
        assert_int_equal(s.runs[i].causes != 0, i == 12);
    wtl_arena_fini(&s.arena);
}

/* Rates are judged apart: at a fixed arrival rate a run lasts as long as its window. */
static void arrival_rates_are_judged_apart(void **state)
{
    (void)state;
    struct sweep s;
    sweep_init(&s);
    for (size_t i = 0; i < s.n; i++)
        if (s.runs[i].rep == 3) {
            wtl_run_set(&s.runs[i], WTL_R_rate_per_s, 5);
            scale(&s.runs[i], 60 / s.runs[i].metric[WTL_R_reported_time_s], 0.6);
            s.runs[i].metric[WTL_R_reported_time_s] = 60 + 0.02 * sin((double)i);
        }
    judge(&s);
    only(&s, NULL, 0, WTL_N_CAUSES);
    wtl_arena_fini(&s.arena);
}

static void memory_clocks_do_not_mix(void **state)
{
    (void)state;
    struct sweep s;
    sweep_init(&s);
    for (size_t i = 0; i < s.n; i++)
        s.runs[i].mem_clock_mhz = i == 20 ? 810 : 1215;
    judge(&s);
    ONLY(&s, WTL_CAUSE_wrong_clock, 20);
    wtl_arena_fini(&s.arena);
}

static void no_runs_one_run_and_no_memory(void **state)
{
    (void)state;
    struct sweep s;
    struct wtl_error err = {0};
    sweep_init(&s);
    assert_ok(wtl_judge(&s.arena, s.runs, 0, NULL, &err), &err);
    assert_ok(wtl_judge(&s.arena, s.runs, 1, NULL, &err), &err);
    assert_int_equal(s.runs[0].causes, 0);
    int failed = 0;
    for (long at = 1;; at++) {
        struct wtl_alloc_failing failing;
        struct wtl_arena arena;
        wtl_arena_init(&arena, wtl_alloc_failing(&failing, at));
        int rc = wtl_judge(&arena, s.runs, s.n, NULL, &err);
        wtl_arena_fini(&arena);
        if (rc == 0)
            break;
        assert_int_equal(rc, -(int)WTL_NOMEM);
        failed++;
    }
    assert_true(failed > 0);
    wtl_arena_fini(&s.arena);
}

static void what_is_absent_is_named(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    static const struct {
        double span_s, energy_j, mean_w; /* 0 absent */
        const char *reason;
    } cases[] = {
        {0, 4000, 0, "no duration can be had"},
        {0, 0, 200, "no duration can be had"},
        {-3, 4000, 0, "its time is not above 0 s"},
        {0, 0, 0, "neither a duration nor a power reading"},
        {20, 0, 0, "no power reading"},
        {20, -1, 0, "its energy is not above 0 J"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct wtl_run run = {.clock_mhz = 1410};
        struct wtl_error err = {0};
        if (cases[i].span_s != 0)
            wtl_run_set(&run, WTL_R_span_s, cases[i].span_s);
        if (cases[i].energy_j != 0)
            wtl_run_set(&run, WTL_R_energy_integral_j, cases[i].energy_j);
        if (cases[i].mean_w != 0)
            wtl_run_set(&run, WTL_R_power_mean_w, cases[i].mean_w);
        wtl_run_choose(&run);
        assert_ok(wtl_judge(&arena, &run, 1, NULL, &err), &err);
        assert_int_equal(wtl_run_main_cause(&run), WTL_CAUSE_no_data);
        assert_non_null(strstr(run.reason, cases[i].reason));
    }
}

/* time_s, power_w and energy_j of a table, each a source of its own. */
static void tabulated_energy_must_be_power_times_time(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    static const double factors[] = {1, 0.96, 1.04, 0.94, 1.06, 1000, 0.001};
    for (int i = 0; i < 7; i++) {
        struct wtl_run run = {.clock_mhz = 1410};
        struct wtl_error err = {0};
        wtl_run_set(&run, WTL_R_span_s, 20);
        wtl_run_set(&run, WTL_R_power_mean_w, 200);
        wtl_run_set(&run, i % 2 ? WTL_R_energy_integral_j : WTL_R_energy_counter_j,
                    4000 * factors[i]);
        wtl_run_choose(&run);
        assert_ok(wtl_judge(&arena, &run, 1, NULL, &err), &err);
        assert_int_equal((run.causes >> WTL_CAUSE_inconsistent_energy) & 1, i >= 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_absent_is_named),
        cmocka_unit_test(tabulated_energy_must_be_power_times_time),
        cmocka_unit_test(a_clean_sweep_is_accepted_whole),
        cmocka_unit_test(failed_and_timed_out),
        cmocka_unit_test(no_data),
        cmocka_unit_test(truncated),
        cmocka_unit_test(cold_start_until_stable),
        cmocka_unit_test(every_session_can_start_cold),
        cmocka_unit_test(whole_clocks_can_be_cold),
        cmocka_unit_test(idle_gpu),
        cmocka_unit_test(light_work_is_not_idle),
        cmocka_unit_test(idle_by_activity),
        cmocka_unit_test(wrong_clock_by_reading),
        cmocka_unit_test(wrong_clock_by_time_and_power),
        cmocka_unit_test(throttled),
        cmocka_unit_test(contaminated),
        cmocka_unit_test(contaminated_by_board_or_memory),
        cmocka_unit_test(stated_causes_stay),
        cmocka_unit_test(work_not_constant),
        cmocka_unit_test(inconsistent_energy),
        cmocka_unit_test(outlier_at_two_runs_a_clock),
        cmocka_unit_test(outlier_without_neighbours),
        cmocka_unit_test(arrival_rates_are_judged_apart),
        cmocka_unit_test(memory_clocks_do_not_mix),
        cmocka_unit_test(no_runs_one_run_and_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
