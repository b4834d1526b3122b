/* SPDX-License-Identifier: Apache-2.0
 * The adaptive search against brute force, on the virtual A100 with many cards' mismatch. */
#include "support/support.h"

#include "base/random.h"
#include "lab/search.h"
#include "sim/gpu.h"
#include "simhost/profile.h"

#include <math.h>
#include <string.h>

enum { MOST = 128 };

/* Noise-free log time and energy of a unit of work at every legal clock. */
struct truth {
    struct wtl_lab_point items[MOST];
    bool infeasible[MOST];
    double log_time[MOST], log_energy[MOST];
    struct wtl_lab_points points;
};

static void make_truth(const char *workload, uint64_t seed, struct truth *t)
{
    struct wtl_sim_board board;
    static struct wtl_sim_gpu gpu;
    static struct wtl_sim_rates rates;
    struct wtl_error err = {0};
    struct wtl_sim_tenant tenant = {.share = 1};
    const struct wtl_sim_options options = {.seed = seed};
    assert_ok(wtl_sim_profile_board("a100", &board, &err), &err);
    assert_ok(wtl_sim_gpu_init(&gpu, &board, &options, &err), &err);
    assert_ok(wtl_sim_profile_workload(workload, &gpu.board, &tenant.workload, &err), &err);
    wtl_sim_mismatch_workload(&gpu.mismatch, &tenant.workload);
    tenant.batch = tenant.workload.batch_default;
    size_t n = 0;
    memset(t->infeasible, 0, sizeof t->infeasible);
    for (int i = 0; i < gpu.board.n_sm_clocks; i++) {
        const double mhz = gpu.board.sm_clocks_mhz[i];
        wtl_sim_rates(&gpu.board.silicon, &tenant, 1, mhz, 1215, &rates);
        const double w = rates.dynamic_w + wtl_sim_static_w(&gpu.board.silicon, mhz, 1215, 45);
        t->items[n] = (struct wtl_lab_point){.clock_mhz = (int)mhz};
        t->log_time[n] = -log(rates.work_per_s);
        t->log_energy[n++] = log(w / rates.work_per_s);
    }
    t->points = (struct wtl_lab_points){.items = t->items, .n = n, .reference = n - 1};
}

/* What is looked for: E * t^exponent, and what bounds it; 0: nothing. */
struct aim {
    double exponent, max_slowdown;
    int most_mhz; /* what the board's power allows: beyond it no clock can be had */
};

struct outcome {
    size_t best, n_runs;
    bool decided;
};

struct noise {
    struct wtl_rng rng;
    double sd;
};

static void observe(const struct truth *t, struct noise *noise, int block, size_t point,
                    struct wtl_observation *out)
{
    *out = (struct wtl_observation){
        .block = block,
        .point = (int)point,
        .log_time = t->log_time[point] + 0.3 * noise->sd * wtl_rng_normal(&noise->rng),
        .log_energy = t->log_energy[point] + noise->sd * wtl_rng_normal(&noise->rng)};
}

static struct outcome search(const struct truth *t, enum wtl_search how, double sd, uint64_t seed,
                             const struct aim *aim)
{
    WTL_ARENA(arena);
    enum { ROOM = 20000 };
    struct wtl_observation *obs = WTL_NEW_ARRAY(&arena, struct wtl_observation, ROOM);
    struct noise noise = {.sd = sd};
    struct outcome out = {.best = t->points.n};
    struct wtl_protocol_spec protocol = wtl_protocol_default();
    bool infeasible[MOST] = {false}; /* as far as was found out */
    bool active[MOST];
    size_t n = 0;
    struct wtl_error err = {0};
    protocol.blocks_max = 30;
    wtl_rng_init(&noise.rng, seed);
    for (int block = 1;; block++) {
        struct wtl_estimates e;
        struct wtl_search_state state;
        assert_ok(
            wtl_estimate(&arena, obs, n, t->points.n, t->points.reference, aim->exponent, &e, &err),
            &err);
        const struct wtl_search_problem q = {.points = &t->points,
                                             .estimates = n ? &e : NULL,
                                             .infeasible = infeasible,
                                             .search = how,
                                             .protocol = &protocol,
                                             .indifference = 0.005,
                                             .has_max_slowdown = aim->max_slowdown > 0,
                                             .max_slowdown = aim->max_slowdown,
                                             .block = block};
        assert_ok(wtl_search_next(&arena, &q, active, &state, &err), &err);
        out.best = state.best;
        out.decided = strstr(state.why, "no point") || strstr(state.why, "every point");
        if (state.done)
            break;
        for (int i = 0; i < 3; i++)
            observe(t, &noise, block, t->points.reference, &obs[n++]);
        for (size_t i = 0; i < t->points.n; i++)
            if (active[i] && t->infeasible[i])
                infeasible[i] = true;
            else if (active[i] && i != t->points.reference)
                observe(t, &noise, block, i, &obs[n++]);
        assert_true(n + 200 < ROOM);
    }
    out.n_runs = n;
    return out;
}

static double slowdown(const struct truth *t, size_t point)
{
    return exp(t->log_time[point] - t->log_time[t->points.reference]) - 1;
}

/* How well a slowdown is known from five runs each, whose times scatter by 0.09 %. */
static const double time_doubt = 0.0015;

/* By how much a choice falls short of the true optimum; nobody has to see that a point keeps the
 * limit which does by less than times are known. */
static double regret(const struct truth *t, size_t chosen, const struct aim *aim)
{
    double best = HUGE_VAL;
    for (size_t i = 0; i < t->points.n; i++)
        if (!t->infeasible[i] &&
            (aim->max_slowdown <= 0 || slowdown(t, i) <= aim->max_slowdown - time_doubt))
            best = fmin(best, aim->exponent * t->log_time[i] + t->log_energy[i]);
    assert_true(chosen < t->points.n && !t->infeasible[chosen]);
    return aim->exponent * t->log_time[chosen] + t->log_energy[chosen] - best;
}

/* The reference is a clock that can be had in any case. */
static void cap(struct truth *t, const struct aim *aim)
{
    for (size_t i = 0; aim->most_mhz > 0 && i < t->points.n; i++) {
        t->infeasible[i] = t->items[i].clock_mhz > aim->most_mhz;
        if (t->items[i].clock_mhz == 810)
            t->points.reference = i;
    }
}

struct tally {
    int n, within, grid_within, decided;
    double adaptive_runs, grid_runs, worst, slowest;
};

static void compare(const char *workload, const struct aim *aim, struct tally *all)
{
    enum { SEEDS = 40 };
    struct tally t = {.slowest = -1};
    static struct truth truth;
    const double sd = 0.003;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        make_truth(workload, seed, &truth);
        cap(&truth, aim);
        const struct outcome a = search(&truth, WTL_SEARCH_ADAPTIVE, sd, seed, aim);
        const struct outcome g = search(&truth, WTL_SEARCH_GRID, sd, seed, aim);
        const double r = regret(&truth, a.best, aim);
        t.n++;
        t.within += r <= 0.01;
        t.grid_within += regret(&truth, g.best, aim) <= 0.01;
        t.slowest = fmax(t.slowest, slowdown(&truth, a.best));
        t.decided += a.decided;
        t.worst = fmax(t.worst, r);
        t.adaptive_runs += (double)a.n_runs;
        t.grid_runs += (double)g.n_runs;
    }
    print_message("# %s%s%s: within 1 %% of the optimum in %d of %d (a grid in %d), worst %.2f %%, "
                  "at most %.1f %% slower, decided %d; %.0f runs against %.0f, %.1f times fewer\n",
                  workload, aim->max_slowdown > 0 ? ", 5 % slower at most" : "",
                  aim->most_mhz > 0 ? ", capped" : "", t.within, t.n, t.grid_within, 100 * t.worst,
                  100 * t.slowest, t.decided, t.adaptive_runs / t.n, t.grid_runs / t.n,
                  t.grid_runs / t.adaptive_runs);
    all->n += t.n;
    all->within += t.within;
    all->decided += t.decided;
    all->adaptive_runs += t.adaptive_runs;
    all->grid_runs += t.grid_runs;
    all->worst = fmax(all->worst, t.worst);
    all->slowest = fmax(all->slowest, t.slowest);
    all->grid_within += t.grid_within;
}

static const char *const workloads[] = {"resnet50", "vgg19",    "llm",         "stable-diffusion",
                                        "whisper",  "maxvit_t", "densenet201", "mobilenet_v2"};
enum { N_WORKLOADS = sizeof workloads / sizeof *workloads };

static void check(const struct tally *t, double times_fewer)
{
    print_message("# all: %d of %d within 1 %%, worst %.2f %%, %.1f times fewer runs\n", t->within,
                  t->n, 100 * t->worst, t->grid_runs / t->adaptive_runs);
    assert_true(t->within >= 0.95 * t->n);
    assert_true(t->grid_within >= 0.95 * t->n);
    assert_true(t->worst < 0.02);
    assert_true(t->decided >= 0.95 * t->n);
    assert_true(t->grid_runs >= times_fewer * t->adaptive_runs);
}

static void finds_what_brute_force_finds(void **state)
{
    struct tally all = {0};
    const struct aim aim = {.exponent = 1};
    (void)state;
    for (int i = 0; i < N_WORKLOADS; i++)
        compare(workloads[i], &aim, &all);
    check(&all, 3);
}

static void keeps_a_limit(void **state)
{
    struct tally all = {0};
    const struct aim aim = {.exponent = 1, .max_slowdown = 0.05};
    (void)state;
    for (int i = 0; i < N_WORKLOADS; i++)
        compare(workloads[i], &aim, &all);
    check(&all, 3);
    assert_true(all.slowest < aim.max_slowdown + time_doubt);
}

/* Speed matters so much that the best is near the highest clock that can be had, and that lies
 * between two of the first block. */
static void looks_up_to_what_cannot_be_had(void **state)
{
    struct tally all = {0};
    (void)state;
    for (int mhz = 900; mhz <= 1350; mhz += 90)
        for (int i = 0; i < N_WORKLOADS; i += 2) {
            const struct aim aim = {.exponent = 4, .most_mhz = mhz};
            compare(workloads[i], &aim, &all);
        }
    check(&all, 2); /* half of the clocks cannot be had, and cost nobody anything */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_brute_force_finds),
        cmocka_unit_test(keeps_a_limit),
        cmocka_unit_test(looks_up_to_what_cannot_be_had),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
