/* SPDX-License-Identifier: Apache-2.0
 * Examples, the physical form, posteriors and the population. */
#include "predict/predictor.h"
#include "support/sim_campaign.h"
#include "support/support.h"

#include "base/random.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- examples ---- */

static struct wtl_run plain_run(int clock_mhz, double time_s, double power_w)
{
    struct wtl_run r = {.clock_mhz = clock_mhz, .gpu = "A100", .workload = "w"};
    wtl_run_set(&r, WTL_R_time_s, time_s);
    wtl_run_set(&r, WTL_R_power_w, power_w);
    return r;
}

static void cells_are_means_of_accepted_runs(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_run runs[] = {plain_run(1410, 10, 200), plain_run(1410, 10 * exp(0.2), 100),
                             plain_run(705, 16, 90), plain_run(1425, 99, 99), plain_run(690, 1, 1)};
    runs[3].causes = 1U << WTL_CAUSE_cold_start;
    wtl_run_clear(&runs[4], WTL_R_power_w);
    struct wtl_example e;
    assert_ok(wtl_example_from_runs(&arena, runs, 5, 0, &e, &err), &err);
    assert_int_equal(e.n_cells, 2);
    assert_near(e.f_max_mhz, 1425, 0); /* a rejected run still shows that the clock exists */
    assert_near(e.cells[0].clock_mhz, 705, 0);
    assert_near(e.cells[1].time_s, 10 * exp(0.1), 1e-12);
    assert_near(e.cells[1].power_w, sqrt(200 * 100), 1e-10);
    assert_int_equal(e.cells[1].n, 2);
    assert_int_equal(e.dof, 1);
    assert_near(e.time_ss, 0.02, 1e-12);
    assert_int_equal(e.features, 0);
    runs[0].causes = runs[1].causes = runs[2].causes = 1;
    e.n_cells = 77;
    assert_int_equal(wtl_example_from_runs(&arena, runs, 5, 0, &e, &err), -(int)WTL_UNDECIDED);
    assert_int_equal(e.n_cells, 77);
}

static void features_come_from_the_highest_clock_only(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_run runs[] = {plain_run(1410, 10, 200), plain_run(1410, 10, 200),
                             plain_run(705, 16, 90)};
    wtl_run_set(&runs[0], WTL_R_dram_active, 0.2);
    wtl_run_set(&runs[1], WTL_R_dram_active, 0.4);
    wtl_run_set(&runs[2], WTL_R_dram_active, 0.9);
    wtl_run_set(&runs[0], WTL_R_sm_active, 0.2); /* the other run lacks it */
    wtl_run_set(&runs[0], WTL_R_gpu_util, 0.5);
    wtl_run_set(&runs[1], WTL_R_gr_active, 0.7);
    struct wtl_example e;
    assert_ok(wtl_example_from_runs(&arena, runs, 3, 0, &e, &err), &err);
    assert_int_equal(e.features, 1U << WTL_FEATURE_dram | 1U << WTL_FEATURE_busy);
    assert_near(e.feature[WTL_FEATURE_dram], 0.3, 1e-15);
    assert_near(e.feature[WTL_FEATURE_busy], 0.6, 1e-15);
}

static void probes_take_the_nearest_clocks_once(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_run runs[] = {plain_run(1400, 10, 200), plain_run(1000, 12, 150),
                             plain_run(600, 16, 90)};
    struct wtl_example e, probe;
    const double ratios[] = {1, 0.7, 0.69, 0.4};
    assert_ok(wtl_example_from_runs(&arena, runs, 3, 0, &e, &err), &err);
    assert_ok(wtl_example_probe(&arena, &e, ratios, 4, &probe, &err), &err);
    assert_int_equal(probe.n_cells, 3);
    assert_ok(wtl_example_probe(&arena, &e, ratios, 1, &probe, &err), &err);
    assert_int_equal(probe.n_cells, 1);
    assert_near(probe.cells[0].clock_mhz, 1400, 0);
}

/* ---- the form ---- */

static const double middling[WTL_FORM_N] = {0.4, 0.2, -0.6, 0.2, 0.3, -0.2, 5};

static void the_form_has_its_limits(void **state)
{
    (void)state;
    double theta[WTL_FORM_N], lt, lp;
    memcpy(theta, middling, sizeof theta);
    wtl_form_logs(theta, 1, &lt, &lp);
    assert_near(lt, 0, 1e-15);
    assert_near(lp, 5, 1e-12);
    theta[WTL_FORM_SCALING] = 40; /* all of the time scales, no floor */
    theta[WTL_FORM_FLOOR] = -10;
    wtl_form_logs(theta, 0.5, &lt, &lp);
    assert_near(lt, log(2), 0.01); /* the rounding d leaves 0.4 % */
    theta[WTL_FORM_SCALING] = -40; /* none of it */
    wtl_form_logs(theta, 0.5, &lt, &lp);
    assert_near(lt, 0, 1e-12);
    theta[WTL_FORM_SCALING] = 40; /* all of it, under a floor that lasts to x = 0.4 */
    theta[WTL_FORM_FLOOR] = log(2.5);
    wtl_form_logs(theta, 0.6, &lt, &lp);
    assert_near(lt, 0, 0.005);
    wtl_form_logs(theta, 0.2, &lt, &lp);
    assert_near(lt, log(2), 0.01);
    theta[WTL_FORM_STATIC] = 40; /* nothing but static power */
    wtl_form_logs(theta, 0.3, &lt, &lp);
    assert_near(lp, 5, 1e-12);
    /* V = 0.75 below the kink at 0.675, all dynamic power with the clock: P/W = x V^2. */
    double clocked[WTL_FORM_N] = {0, 0, -40, -40, 0, 0, 0};
    wtl_form_logs(clocked, 0.5, &lt, &lp);
    assert_near(lp, log(0.5 * 0.75 * 0.75), 0.002);
    assert_near(wtl_form_natural(clocked, WTL_FORM_KINK), 0.675, 1e-12);
    assert_near(wtl_form_natural(clocked, WTL_FORM_VOLTAGE), 0.75, 1e-12);
}

static void gradients_are_those_of_the_logs(void **state)
{
    (void)state;
    double gt[WTL_FORM_N], gp[WTL_FORM_N], lt, lp;
    wtl_form_gradients(middling, 0.63, &lt, &lp, gt, gp);
    for (int j = 0; j < WTL_FORM_N; j++) {
        double up[WTL_FORM_N], down[WTL_FORM_N], tu, td, pu, pd;
        memcpy(up, middling, sizeof up);
        memcpy(down, middling, sizeof down);
        up[j] += 1e-4;
        down[j] -= 1e-4;
        wtl_form_logs(up, 0.63, &tu, &pu);
        wtl_form_logs(down, 0.63, &td, &pd);
        assert_near(gt[j], (tu - td) / 2e-4, 1e-5);
        assert_near(gp[j], (pu - pd) / 2e-4, 1e-5);
    }
}

/* ---- one workload ---- */

static struct wtl_form_prior wide_prior(double sd)
{
    struct wtl_form_prior prior = {.mean = {0, 0, 0, 0, 0, 0, 4.5}};
    for (int j = 0; j < WTL_FORM_N; j++)
        prior.covariance[j * WTL_FORM_N + j] = sd * sd;
    return prior;
}

static struct wtl_example form_example(struct wtl_arena *arena, const double *theta, int n_cells)
{
    struct wtl_cell *cells = WTL_NEW_ARRAY(arena, struct wtl_cell, (size_t)n_cells);
    assert_non_null(cells);
    for (int i = 0; i < n_cells; i++) {
        double lt, lp, x = n_cells > 1 ? 0.36 + 0.64 * i / (n_cells - 1) : 1;
        wtl_form_logs(theta, x, &lt, &lp);
        cells[i] = (struct wtl_cell){1410 * x, 12 * exp(lt), exp(lp), 3};
    }
    return (struct wtl_example){.gpu = "A100",
                                .workload = "w",
                                .f_max_mhz = 1410,
                                .cells = cells,
                                .n_cells = (size_t)n_cells};
}

static const struct wtl_form_noise quiet = {0.001, 0.001, 0.001, 0.001};

static void a_noise_free_curve_is_recovered(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_form_prior prior = wide_prior(3);
    struct wtl_example e = form_example(&arena, middling, 30);
    struct wtl_posterior q;
    assert_ok(wtl_posterior_fit(&arena, &e, &prior, &quiet, 0, &q, &err), &err);
    for (size_t i = 0; i < e.n_cells; i++) {
        struct wtl_prediction p = wtl_posterior_at(&q, e.cells[i].clock_mhz);
        assert_near(p.time_s / e.cells[i].time_s, 1, 2e-4);
        assert_near(p.power_w / e.cells[i].power_w, 1, 2e-4);
        assert_near(p.energy_j, p.time_s * p.power_w, 1e-9);
    }
    assert_near(wtl_form_natural(q.theta, WTL_FORM_SCALING),
                wtl_form_natural(middling, WTL_FORM_SCALING), 0.02);
    assert_near(wtl_form_natural(q.theta, WTL_FORM_KINK), wtl_form_natural(middling, WTL_FORM_KINK),
                0.01);
    assert_near(wtl_posterior_at(&q, 1410).slowdown, 0, 1e-12);
    assert_near(wtl_posterior_at(&q, 1410).saving, 0, 1e-12);
}

static void one_run_gives_the_scale_and_the_prior_the_shape(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_form_prior prior = wide_prior(0.5);
    struct wtl_example one = form_example(&arena, middling, 1), all;
    all = form_example(&arena, middling, 12);
    struct wtl_posterior q1, q12;
    assert_ok(wtl_posterior_fit(&arena, &one, &prior, &quiet, 0, &q1, &err), &err);
    assert_ok(wtl_posterior_fit(&arena, &all, &prior, &quiet, 0, &q12, &err), &err);
    double lt, lp;
    wtl_form_logs(prior.mean, 0.5, &lt, &lp);
    struct wtl_prediction p = wtl_posterior_at(&q1, 705);
    assert_near(p.slowdown, exp(lt) - 1, 1e-6);
    assert_near(p.time_s, 12 * exp(lt), 1e-4);
    /* More runs, narrower. */
    assert_true(wtl_posterior_at(&q12, 705).log_slowdown_sd < 0.2 * p.log_slowdown_sd);
    assert_near(p.log_slowdown_sd, 0.11, 0.06);
}

/* Draws spread as the standard deviations say, at and away from the highest clock. */
static void draws_have_the_stated_spread(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_form_prior prior = wide_prior(0.1);
    struct wtl_form_noise noise = {0.01, 0.01, 0.02, 0.01};
    struct wtl_example e = form_example(&arena, middling, 1);
    struct wtl_posterior q;
    assert_ok(wtl_posterior_fit(&arena, &e, &prior, &noise, 0, &q, &err), &err);
    enum { DRAWS = 4000 };
    static double time[2 * DRAWS], power[2 * DRAWS];
    const double clocks[2] = {705, 1410};
    assert_ok(wtl_posterior_draws(&q, clocks, 2, DRAWS, 3, time, power, &err), &err);
    double slow = 0, slow2 = 0, pw = 0, pw2 = 0;
    for (int r = 0; r < DRAWS; r++) {
        double s = time[2 * r] - time[2 * r + 1], p = power[2 * r];
        slow += s / DRAWS;
        slow2 += s * s / DRAWS;
        pw += p / DRAWS;
        pw2 += p * p / DRAWS;
    }
    struct wtl_prediction at = wtl_posterior_at(&q, 705);
    assert_near(slow, log1p(at.slowdown), 0.01);
    assert_near(sqrt(slow2 - slow * slow) / at.log_slowdown_sd, 1, 0.06);
    assert_near(sqrt(pw2 - pw * pw) / at.log_power_sd, 1, 0.06);
    static double again[2 * DRAWS], again_power[2 * DRAWS];
    assert_ok(wtl_posterior_draws(&q, clocks, 2, DRAWS, 3, again, again_power, &err), &err);
    assert_memory_equal(time, again, sizeof time);
}

static void bad_inputs_leave_the_output_alone(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_form_prior prior = wide_prior(1);
    struct wtl_example e = form_example(&arena, middling, 4);
    struct wtl_posterior q = {.f_max_mhz = 77};
    prior.covariance[0] = -1;
    assert_int_equal(wtl_posterior_fit(&arena, &e, &prior, &quiet, 0, &q, &err), -(int)WTL_FAILED);
    e.n_cells = 0;
    assert_int_equal(wtl_posterior_fit(&arena, &e, &prior, &quiet, 0, &q, &err), -(int)WTL_USAGE);
    assert_near(q.f_max_mhz, 77, 0);
}

/* ---- the population ---- */

enum { GPUS = 3, WORKS = 6 };

static void simulate(struct wtl_arena *arena, struct wtl_example *examples, bool activity)
{
    struct wtl_error err = {0};
    for (int i = 0; i < GPUS * WORKS; i++) {
        struct sim_options o = sim_options_default();
        o.gpu = i / WORKS;
        o.workload = 2 * (i % WORKS);
        o.seed = (uint64_t)i + 50;
        o.clock_stride = 5;
        o.activity = activity;
        struct sim_campaign c;
        assert_ok(sim_campaign_make(arena, &o, &c, &err), &err);
        assert_ok(wtl_example_from_runs(arena, c.runs, c.n_runs, 0, &examples[i], &err), &err);
    }
}

static void point(const struct wtl_example *examples, const struct wtl_example **pointers, size_t n)
{
    for (size_t i = 0; i < n; i++)
        pointers[i] = &examples[i];
}

static void a_population_of_the_form_is_recovered(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_rng rng;
    wtl_rng_init(&rng, 5);
    enum { COUNT = 60 };
    struct wtl_example examples[COUNT];
    const struct wtl_example *pointers[COUNT];
    for (int i = 0; i < COUNT; i++) {
        double theta[WTL_FORM_N];
        for (int j = 0; j < WTL_FORM_N; j++)
            theta[j] = middling[j] + 0.15 * wtl_rng_normal(&rng);
        theta[WTL_FORM_STATIC] += i % 4 < 2 ? 0.5 : -0.5; /* what the cards do */
        examples[i] = form_example(&arena, theta, 15);
        snprintf(examples[i].gpu, sizeof examples[i].gpu, "gpu%d", i % 4);
    }
    point(examples, pointers, COUNT);
    struct wtl_population pop;
    assert_ok(wtl_population_fit(&arena, pointers, COUNT, 0, &pop, &err), &err);
    assert_int_equal(pop.n_gpus, 4);
    assert_int_equal(pop.n_regressors, 1);
    for (int j = 0; j < WTL_FORM_N; j++)
        assert_near(pop.coef[j], middling[j], j == WTL_FORM_STATIC ? 0.3 : 0.2);
    assert_near(wtl_population_gpu(&pop, "GPU-0")->effect[WTL_FORM_STATIC], 0.5, 0.3);
    assert_near(wtl_population_gpu(&pop, "gpu3")->effect[WTL_FORM_STATIC], -0.5, 0.3);
    assert_null(wtl_population_gpu(&pop, "gpu4"));
    double within = sqrt(pop.within[WTL_FORM_SCALING * (WTL_FORM_N + 1)]);
    assert_true(within > 0.1 && within < 0.4); /* 0.15 and the hyperprior's 1.0 in 4 of 64 */
}

static void an_unknown_card_is_less_certain(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_example examples[GPUS * WORKS];
    const struct wtl_example *pointers[GPUS * WORKS];
    simulate(&arena, examples, true);
    point(examples, pointers, GPUS * WORKS);
    struct wtl_population pop;
    unsigned features = wtl_common_features(pointers, GPUS * WORKS);
    assert_int_equal(features, (1U << WTL_N_FEATURES) - 1);
    assert_ok(wtl_population_fit(&arena, pointers, GPUS * WORKS, features, &pop, &err), &err);
    struct wtl_form_prior known, unknown;
    struct wtl_example probe = examples[3];
    assert_ok(wtl_population_prior(&pop, &probe, &known, &err), &err);
    snprintf(probe.gpu, sizeof probe.gpu, "B200");
    assert_ok(wtl_population_prior(&pop, &probe, &unknown, &err), &err);
    for (int j = 0; j < WTL_FORM_N; j++)
        assert_true(unknown.covariance[j * (WTL_FORM_N + 1)] >
                    known.covariance[j * (WTL_FORM_N + 1)]);
    probe.features = 0;
    known.mean[0] = 77;
    assert_int_equal(wtl_population_prior(&pop, &probe, &known, &err), -(int)WTL_USAGE);
    assert_near(known.mean[0], 77, 0);
}

static void activity_narrows_the_prior(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_example examples[GPUS * WORKS];
    const struct wtl_example *pointers[GPUS * WORKS];
    simulate(&arena, examples, true);
    point(examples, pointers, GPUS * WORKS);
    struct wtl_population with, without;
    unsigned features = wtl_common_features(pointers, GPUS * WORKS);
    assert_ok(wtl_population_fit(&arena, pointers, GPUS * WORKS, features, &with, &err), &err);
    assert_ok(wtl_population_fit(&arena, pointers, GPUS * WORKS, 0, &without, &err), &err);
    assert_true(with.within[0] < 0.5 * without.within[0]);
}

/* 6 workloads on 3 cards, the seventh left out of everything: runs at three clocks give the curve
 * to 3 %, from a truth that has another form. */
static void three_probes_predict_an_unseen_workload(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_example examples[GPUS * WORKS];
    const struct wtl_example *pointers[GPUS * WORKS];
    simulate(&arena, examples, true);
    point(examples, pointers, GPUS * WORKS);
    struct wtl_population pop;
    assert_ok(wtl_population_fit(&arena, pointers, GPUS * WORKS,
                                 wtl_common_features(pointers, GPUS * WORKS), &pop, &err),
              &err);
    struct sim_options o = sim_options_default();
    o.workload = SIM_RESNET; /* odd: not among them */
    o.seed = 4711;
    struct sim_campaign c;
    assert_ok(sim_campaign_make(&arena, &o, &c, &err), &err);
    struct wtl_run runs[3] = {sim_fresh_run(&c, 1410, 0), sim_fresh_run(&c, 1065, 1),
                              sim_fresh_run(&c, 705, 2)};
    struct wtl_example probe;
    struct wtl_form_prior prior;
    struct wtl_posterior q;
    assert_ok(wtl_example_from_runs(&arena, runs, 3, 0, &probe, &err), &err);
    assert_ok(wtl_population_prior(&pop, &probe, &prior, &err), &err);
    assert_ok(wtl_posterior_fit(&arena, &probe, &prior, &pop.noise, 0, &q, &err), &err);
    double time = 0, power = 0;
    for (size_t i = 0; i < c.n_swept; i++) {
        struct wtl_prediction p = wtl_posterior_at(&q, c.swept_mhz[i]);
        time += fabs(p.time_s / sim_time_s(&c.truth, c.swept_mhz[i]) - 1);
        power += fabs(p.power_w / sim_power_w(&c.truth, c.swept_mhz[i]) - 1);
    }
    assert_true(time / (double)c.n_swept < 0.03);
    assert_true(power / (double)c.n_swept < 0.03);
}

static void predictors_take_activity_when_the_probe_has_it(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_example examples[GPUS * WORKS];
    const struct wtl_example *pointers[GPUS * WORKS];
    simulate(&arena, examples, true);
    point(examples, pointers, GPUS * WORKS);
    struct wtl_predictor p;
    struct wtl_posterior q;
    bool used = false;
    assert_ok(wtl_predictor_fit(&arena, pointers, GPUS * WORKS, &p, &err), &err);
    assert_true(p.has_activity);
    assert_int_equal(p.n_trained, GPUS * WORKS);
    assert_int_equal(p.trained[0].n_runs, 3 * p.trained[0].n_clocks);
    struct wtl_example probe = examples[0];
    assert_ok(wtl_predictor_apply(&arena, &p, &probe, true, &q, &used, &err), &err);
    assert_true(used);
    assert_ok(wtl_predictor_apply(&arena, &p, &probe, false, &q, &used, &err), &err);
    assert_false(used);
    probe.features = 1U << WTL_FEATURE_busy;
    assert_ok(wtl_predictor_apply(&arena, &p, &probe, true, &q, &used, &err), &err);
    assert_false(used);
    simulate(&arena, examples, false);
    assert_ok(wtl_predictor_fit(&arena, pointers, GPUS * WORKS, &p, &err), &err);
    assert_false(p.has_activity);
}

static void too_little_is_refused(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_example e[2] = {form_example(&arena, middling, 9),
                               form_example(&arena, middling, 3)};
    const struct wtl_example *pointers[2] = {&e[0], &e[1]};
    struct wtl_population pop = {.n_examples = 77};
    assert_int_equal(wtl_population_fit(&arena, pointers, 1, 0, &pop, &err), -(int)WTL_UNDECIDED);
    assert_int_equal(wtl_population_fit(&arena, pointers, 2, 0, &pop, &err), -(int)WTL_UNDECIDED);
    assert_non_null(strstr(err.message, "at 3 clocks"));
    e[1] = form_example(&arena, middling, 9);
    assert_int_equal(wtl_population_fit(&arena, pointers, 2, 1, &pop, &err), -(int)WTL_USAGE);
    assert_int_equal(pop.n_examples, 77);
}

static void every_failing_allocation_is_reported(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_example e[2] = {form_example(&arena, middling, 6),
                               form_example(&arena, middling, 6)};
    const struct wtl_example *pointers[2] = {&e[0], &e[1]};
    int failed = 0, passed = 0;
    for (long at = 1; at < 12; at++) {
        struct wtl_alloc_failing counter;
        struct wtl_arena failing;
        struct wtl_population pop = {.n_examples = 77};
        wtl_arena_init(&failing, wtl_alloc_failing(&counter, at));
        int rc = wtl_population_fit(&failing, pointers, 2, 0, &pop, NULL);
        failed += rc == -(int)WTL_NOMEM && pop.n_examples == 77;
        passed += rc == 0;
        assert_true(rc == 0 || rc == -(int)WTL_NOMEM);
        wtl_arena_fini(&failing);
    }
    assert_true(failed > 0 && passed > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_are_means_of_accepted_runs),
        cmocka_unit_test(features_come_from_the_highest_clock_only),
        cmocka_unit_test(probes_take_the_nearest_clocks_once),
        cmocka_unit_test(the_form_has_its_limits),
        cmocka_unit_test(gradients_are_those_of_the_logs),
        cmocka_unit_test(a_noise_free_curve_is_recovered),
        cmocka_unit_test(one_run_gives_the_scale_and_the_prior_the_shape),
        cmocka_unit_test(draws_have_the_stated_spread),
        cmocka_unit_test(predictors_take_activity_when_the_probe_has_it),
        cmocka_unit_test(bad_inputs_leave_the_output_alone),
        cmocka_unit_test(a_population_of_the_form_is_recovered),
        cmocka_unit_test(an_unknown_card_is_less_certain),
        cmocka_unit_test(activity_narrows_the_prior),
        cmocka_unit_test(three_probes_predict_an_unseen_workload),
        cmocka_unit_test(too_little_is_refused),
        cmocka_unit_test(every_failing_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
