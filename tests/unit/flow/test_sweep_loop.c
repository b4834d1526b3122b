/* SPDX-License-Identifier: Apache-2.0
 * The loop without a GPU: sweep, optimize, validate with fresh runs, apply and put back; and what
 * it finds against the virtual GPU's own truth, over workloads and cards, whose seeds draw a
 * deviation from the profile. Seven of the 35 loops; WATTLE_LOOP_CARDS=N: N cards for every
 * workload. */
#include "loop_world.h"

#include "flow/apply.h"

static struct wtl_sim_truth under_load(struct wtl_sim_gpu *gpu)
{
    struct wtl_sim_truth truth;
    wtl_sim_gpu_advance(gpu, wtl_sim_gpu_now_ns(gpu) + 3 * WTL_NS_PER_S);
    wtl_sim_gpu_truth(gpu, &truth);
    return truth;
}

/* `wattle apply --for`: the clock under load is the plan's, and after the put-back what it was. */
static void apply(struct wtl_arena *arena, const char *device, const struct wtl_plan_file *plans)
{
    const char *const ids[] = {device};
    const struct wtl_apply_request request = {
        .plans = plans, .plan_path = "plan.json", .ids = ids, .n_ids = 1, .loan = true};
    const struct wtl_flow flow = flow_of();
    struct wtl_apply_result r;
    (void)setenv("WATTLE_STATE_DIR", in_test_directory("applied"), 1);
    (void)setenv("WATTLE_RUN_DIR", in_test_directory("run"), 1);
    struct wtl_sim_process load = {.pid = 1 << 22, .instance = -1, .tenant = {.share = 1}};
    assert_ok(wtl_flow_apply(&flow, &request, arena, &r, &err), &err);
    assert_int_equal(r.n, 1);
    assert_true(r.moves[0].done && r.moves[0].verified);
    /* Light enough for no power limit to hold its clock. */
    struct wtl_sim_gpu *gpu = wtl_virtual_board(wtl_machine_device(r.hold.machine, 0));
    wtl_sim_workload_plain(&load.tenant.workload);
    load.tenant.batch = 1;
    assert_ok(wtl_sim_attach(gpu, &load, &err), &err);
    assert_near(under_load(gpu).sm_mhz, plans->plans[0].clock_mhz, 0.5);
    assert_true(gpu->sm_lock.set);
    assert_ok(wtl_lease_close(r.loan, &err), &err);
    r.loan = NULL;
    assert_false(gpu->sm_lock.set);
    assert_near(under_load(gpu).sm_mhz, gpu->board.sm_mhz_default, 0.5);
    assert_ok(wtl_apply_finish(&r, &err), &err);
    wtl_hold_close(&r.hold);
}

/* ---- The truth ------------------------------------------------------------------------------- */

/* Energy and EDP of a unit of work at a clock, over those at the highest; without any sensor. */
struct truth {
    struct wtl_sim_gpu gpu;
    struct wtl_sim_tenant tenant;
    double temp_c;
};

static void make_truth(const char *workload, int batch, uint64_t seed, double temp_c,
                       struct truth *t)
{
    struct wtl_sim_board board;
    const struct wtl_sim_options options = {.seed = seed};
    memset(t, 0, sizeof *t);
    assert_ok(wtl_sim_profile_board("a100", &board, &err), &err);
    assert_ok(wtl_sim_gpu_init(&t->gpu, &board, &options, &err), &err);
    t->tenant.share = 1;
    assert_ok(wtl_sim_profile_workload(workload, &t->gpu.board, &t->tenant.workload, &err), &err);
    wtl_sim_mismatch_workload(&t->gpu.mismatch, &t->tenant.workload);
    t->tenant.batch = batch ? batch : t->tenant.workload.batch_default;
    t->temp_c = temp_c;
}

/* Power in the state that runs are measured in: everything began at temp_c, and the die, which
 * follows within seconds, is above it by what the power warms it. */
static double power_at(const struct truth *t, double mhz, double dynamic_w)
{
    const struct wtl_sim_board *b = &t->gpu.board;
    double w = dynamic_w;
    for (int i = 0; i < 20; i++)
        w = dynamic_w + wtl_sim_static_w(&b->silicon, mhz, b->mem_mhz_default,
                                         t->temp_c + b->thermal.die_k_per_w * w);
    return w;
}

/* A unit of work, phase by phase. */
static void at_clock(struct truth *t, double mhz, double *energy, double *edp)
{
    static struct wtl_sim_rates r;
    const struct wtl_sim_workload *w = &t->tenant.workload;
    double work = 0, time_s = 0;
    *energy = 0;
    for (int i = 0; i < w->n_phases; i++) {
        const double part = w->n_phases > 1 ? w->phases[i].work_per_item : 1;
        t->tenant.phase = i;
        wtl_sim_rates(&t->gpu.board.silicon, &t->tenant, 1, mhz, t->gpu.board.mem_mhz_default, &r);
        work += part;
        time_s += part / r.work_per_s;
        *energy += part / r.work_per_s * power_at(t, mhz, r.dynamic_w);
    }
    *energy /= work;
    *edp = *energy * time_s / work;
}

/* Of EDP against the highest clock. */
static double true_saving(struct truth *t, double mhz)
{
    double energy, edp, base_energy, base_edp;
    at_clock(t, mhz, &energy, &edp);
    at_clock(t, t->gpu.board.silicon.sm_mhz_max, &base_energy, &base_edp);
    return 1 - edp / base_edp;
}

static double best_saving(struct truth *t)
{
    double best = 0;
    for (int i = 0; i < t->gpu.board.n_sm_clocks; i++)
        best = fmax(best, true_saving(t, t->gpu.board.sm_clocks_mhz[i]));
    return best;
}

/* ---- The loop -------------------------------------------------------------------------------- */

struct tally {
    int n, confirmed, applied, within_choice, within_claim;
    double worst_choice, worst_claim;
    size_t runs;
};

static void once(const char *workload, int seed, const char *search, struct tally *tally)
{
    WTL_ARENA(arena);
    static struct truth truth;
    struct wtl_verdict reached;
    char text[600], device[60], path[600], fresh[600];
    simulated = (struct wtl_simulated_time){.start_unix_ns = 1700000000 * WTL_NS_PER_S};
    (void)snprintf(device, sizeof device, "virtual:a100,seed=%d", seed);
    (void)snprintf(path, sizeof path, "%s", in_test_directory("sweep.wattle"));
    (void)snprintf(fresh, sizeof fresh, "%s", in_test_directory("fresh.wattle"));
    (void)remove(path);
    (void)remove(fresh);
    (void)snprintf(text, sizeof text,
                   "name: s\ndevices: \"%s\"\nworkloads: [{name: %s, virtual: %s}]\n"
                   "points: {clocks: every 15MHz}\nsearch: %s\n"
                   "protocol: {samples: no, blocks_max: 20}\n",
                   device, workload, workload, search);
    const struct wtl_sweep_result r = sweep(&arena, text, path, NULL);
    struct wtl_plan_file file = optimize(&arena, path);
    assert_int_equal(file.n_plans, 1);
    const struct wtl_plan *plan = &file.plans[0];
    if (plan->status != WTL_PLAN_OK)
        fail_msg("%s, card %d: %s", workload, seed, wtl_plan_status_name(plan->status));

    (void)snprintf(text, sizeof text,
                   "name: s\ndevices: \"%s\"\nworkloads: [{name: %s, virtual: %s}]\n"
                   "points: {clocks: every 15MHz}\nprotocol: {samples: no, idle: no}\n",
                   device, workload, workload);
    if (plan->clock_mhz != plan->baseline_clock_mhz)
        (void)sweep(&arena, text, fresh, &file);
    int verdict =
        plan->clock_mhz == plan->baseline_clock_mhz ? 0 : validate(&arena, fresh, &file, &reached);
    tally->confirmed += verdict == 0;
    apply(&arena, device, &file);
    tally->applied++;

    make_truth(workload, 0, (uint64_t)seed, r.band_c, &truth);
    const double best = best_saving(&truth);
    const double choice = best - true_saving(&truth, plan->clock_mhz);
    const double claim = fabs(plan->objective_saving.value - best);
    tally->n++;
    tally->runs += r.n_runs;
    tally->within_choice += choice <= 0.01;
    tally->within_claim += claim <= 0.01;
    tally->worst_choice = fmax(tally->worst_choice, choice);
    tally->worst_claim = fmax(tally->worst_claim, claim);
}

/* Cards 1 to `cards` with every workload; 0: one card each. */
static void loops(const char *search, int cards)
{
    static const char *const workloads[] = {
        "resnet50", "vgg19", "llm", "stable-diffusion", "whisper", "maxvit_t", "densenet201"};
    enum { N = sizeof workloads / sizeof *workloads, CARDS = 5 };
    struct tally all = {0};
    for (int i = 0; i < N; i++) {
        struct tally t = {0};
        const int first = cards ? 1 : 1 + i % CARDS, last = cards ? cards : first;
        for (int seed = first; seed <= last; seed++)
            once(workloads[i], seed, search, &t);
        print_message("# %s: %d of %d confirmed, %d applied and put back; the true saving of the "
                      "choice misses the optimum by %.2f points at most, the claim by %.2f; %zu "
                      "runs each\n",
                      workloads[i], t.confirmed, t.n, t.applied, 100 * t.worst_choice,
                      100 * t.worst_claim, t.n ? t.runs / (size_t)t.n : 0);
        all.n += t.n;
        all.confirmed += t.confirmed;
        all.applied += t.applied;
        all.within_choice += t.within_choice;
        all.within_claim += t.within_claim;
    }
    print_message("# %d loops: %d confirmed, %d applied and put back, %d choices and %d claims "
                  "within a point of the true optimum\n",
                  all.n, all.confirmed, all.applied, all.within_choice, all.within_claim);
    assert_int_equal(all.within_choice, all.n);
    /* A claim is an estimate: of hundreds one may miss. */
    assert_true(all.within_claim >= all.n - all.n / 100);
    assert_int_equal(all.confirmed, all.n);
    assert_int_equal(all.applied, all.n);
}

static void adaptive_sweeps_find_the_optimum(void **state)
{
    const char *cards = getenv("WATTLE_LOOP_CARDS");
    (void)state;
    loops("adaptive", cards ? (int)strtol(cards, NULL, 10) : 0);
}

int main(void)
{
    (void)setenv("TMPDIR", "/dev/shm", 0); /* every run is synced to its disk */
    (void)setenv("WATTLE_LIBEXEC", ".", 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adaptive_sweeps_find_the_optimum),
    };
    return cmocka_run_group_tests(tests, make_test_directory, drop_test_directory);
}
