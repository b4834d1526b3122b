/* SPDX-License-Identifier: Apache-2.0
 * What goes wrong with a virtual GPU, and who may be on it: heat, lost boards, driver reloads,
 * memory, compute modes; and that nothing breaks whatever is asked of it. */
#include "sim/mig.h"
#include "support/sim_gpu.h"
#include "support/support.h"

#include "base/random.h"

#include <math.h>
#include <string.h>

static struct wtl_sim_gpu g, h;
static struct wtl_error err;

static struct wtl_sim_board plain(void)
{
    struct wtl_sim_board b;
    wtl_sim_board_plain(&b);
    return b;
}

static void busy(struct wtl_sim_gpu *gpu, const struct wtl_sim_board *b)
{
    const struct wtl_sim_workload w = sim_busy_workload();
    const struct wtl_sim_process p = sim_process(7, &w);
    sim_gpu_exact(gpu, b, 1);
    sim_attach(gpu, &p);
    sim_seconds(gpu, 1);
}

static void thermal_slowdown_holds_the_target(void **state)
{
    (void)state;
    struct wtl_sim_board b = plain();
    b.thermal.sink_k_per_w = 0.30; /* a blocked inlet */
    b.thermal.mem_target_c = 0;
    busy(&g, &b);
    sim_seconds(&g, 900);
    double hottest = 0, coolest = 200;
    for (int i = 0; i < 300; i++) {
        sim_seconds(&g, 1);
        hottest = fmax(hottest, sim_truth(&g).die_c);
        coolest = fmin(coolest, sim_truth(&g).die_c);
    }
    assert_true(hottest < b.thermal.target_c + 2);
    assert_true(coolest > b.thermal.target_c - 4);
    const struct wtl_sim_readings r = sim_readings(&g);
    assert_true(r.sm_mhz < 1515);
    assert_true(r.sw_thermal_ns > UINT64_C(100000000000));
    assert_int_equal(r.hw_thermal_ns, 0);
    assert_int_equal(r.power_violation_ns, 0);
    assert_int_equal(r.margin_c, r.slowdown_c - r.temp_c);
    /* The room cools down: so does the reason. */
    wtl_sim_ambient(&g, 0);
    assert_near(g.board.thermal.ambient_c, b.thermal.ambient_c, 0); /* a board stays what it is */
    sim_seconds(&g, 900);
    assert_near(sim_truth(&g).sm_mhz, 1515, 0);
    assert_int_equal(sim_truth(&g).reasons, 0);
}

static void memory_has_a_target_too(void **state)
{
    (void)state;
    struct wtl_sim_board b = plain();
    b.thermal.mem_target_c = 60;
    b.thermal.mem_k_per_w = 0.15;
    busy(&g, &b);
    sim_seconds(&g, 900);
    assert_near(sim_truth(&g).mem_c, 60, 3);
    assert_true(sim_truth(&g).die_c < 60);
    assert_true(sim_readings(&g).sw_thermal_ns > 0);
}

static void hardware_slowdown_halves_the_clock(void **state)
{
    (void)state;
    struct wtl_sim_board b = plain();
    b.thermal.target_c = 84; /* so close that software is too slow for a sudden heat */
    b.thermal.slowdown_c = 85;
    busy(&g, &b);
    sim_seconds(&g, 600);
    g.sink_c = g.die_c = 90;
    sim_seconds(&g, 0.1);
    assert_true(sim_truth(&g).reasons & WTL_SIM_REASON_HW_SLOWDOWN);
    assert_true(sim_truth(&g).reasons & WTL_SIM_REASON_HW_THERMAL);
    assert_true(sim_truth(&g).sm_mhz <= 0.5 * 1515);
    /* It lets go 5 K lower, not before. */
    while (sim_truth(&g).reasons & WTL_SIM_REASON_HW_SLOWDOWN) {
        assert_true(sim_truth(&g).die_c > 79);
        sim_seconds(&g, 0.02);
    }
    assert_near(sim_truth(&g).die_c, 80, 0.1);
    assert_true(sim_readings(&g).hw_thermal_ns > 0);
    assert_true(sim_readings(&g).thermal_violation_ns >= sim_readings(&g).hw_thermal_ns);
}

static void too_hot_switches_off(void **state)
{
    (void)state;
    struct wtl_sim_board b = plain();
    busy(&g, &b);
    g.sink_c = g.die_c = 110;
    sim_seconds(&g, 0.1);
    assert_true(g.lost);
    struct wtl_sim_readings r = {.pstate = 77};
    assert_int_equal(wtl_sim_readings(&g, &r, &err), -WTL_LOST);
    assert_int_equal(r.pstate, 77);
}

static void power_brake(void **state)
{
    (void)state;
    const struct wtl_sim_board b = plain();
    busy(&g, &b);
    const struct wtl_sim_truth before = sim_truth(&g);
    wtl_sim_brake(&g, true);
    assert_true(sim_truth(&g).power_w < before.power_w);
    assert_near(sim_truth(&g).sm_mhz, 750, 0); /* the highest legal one up to half of 1515 */
    sim_seconds(&g, 3);
    assert_int_equal(sim_truth(&g).reasons,
                     WTL_SIM_REASON_HW_SLOWDOWN | WTL_SIM_REASON_HW_POWER_BRAKE);
    wtl_sim_brake(&g, false);
    sim_seconds(&g, 1);
    assert_near(sim_truth(&g).sm_mhz, before.sm_mhz, 0);
    assert_near(1e-9 * (double)sim_readings(&g).power_brake_ns, 3, 1e-9);
}

static void the_last_xid_outlives_the_events_that_are_kept(void **state)
{
    (void)state;
    const struct wtl_sim_board b = plain();
    busy(&g, &b);
    assert_int_equal(g.last_xid, 0);
    wtl_sim_xid(&g, 31);
    const unsigned n = g.n_events;
    for (int i = 0; i < WTL_SIM_EVENTS; i++)
        wtl_sim_brake(&g, i % 2 == 0); /* another clock each time */
    assert_int_equal(g.n_events, n + WTL_SIM_EVENTS);
    assert_int_equal(g.last_xid, 31);
    wtl_sim_lose(&g);
    assert_int_equal(g.last_xid, 79);
}

static void lost_gpu_answers_nothing(void **state)
{
    (void)state;
    const struct wtl_sim_board b = plain();
    const struct wtl_sim_workload w = sim_busy_workload();
    const struct wtl_sim_process p = sim_process(8, &w);
    busy(&g, &b);
    const double energy = sim_truth(&g).energy_j;
    wtl_sim_lose(&g);
    assert_int_equal(g.events[(g.n_events - 1) % WTL_SIM_EVENTS].type, WTL_SIM_EVENT_XID);
    assert_int_equal(g.events[(g.n_events - 1) % WTL_SIM_EVENTS].data, 79);
    sim_seconds(&g, 10);
    h = g;
    struct wtl_sim_readings r;
    assert_int_equal(wtl_sim_readings(&g, &r, &err), -WTL_LOST);
    assert_int_equal(wtl_sim_attach(&g, &p, &err), -WTL_LOST);
    assert_int_equal(wtl_sim_lock_sm(&g, 900, 900, &err), -WTL_LOST);
    assert_int_equal(wtl_sim_reset_sm(&g, &err), -WTL_LOST);
    assert_int_equal(wtl_sim_lock_mem(&g, 800, 800, &err), -WTL_LOST);
    assert_int_equal(wtl_sim_reset_mem(&g, &err), -WTL_LOST);
    assert_int_equal(wtl_sim_set_limit(&g, 200000, &err), -WTL_LOST);
    assert_int_equal(wtl_sim_set_persistence(&g, true, &err), -WTL_LOST);
    assert_int_equal(wtl_sim_set_compute_mode(&g, WTL_SIM_COMPUTE_DEFAULT, &err), -WTL_LOST);
    assert_int_equal(wtl_sim_set_mig(&g, NULL, 0, &err), -WTL_LOST);
    assert_memory_equal(&g, &h, sizeof g);
    assert_null(wtl_sim_find(&g, 7));
    assert_true(sim_truth(&g).energy_j > energy); /* power is still on */
    wtl_sim_reload(&g);
    sim_seconds(&g, 1);
    assert_int_equal(sim_readings(&g).epoch, 2);
}

static void reload_forgets_all_settings(void **state)
{
    (void)state;
    const struct wtl_sim_board b = plain();
    busy(&g, &b);
    assert_ok(wtl_sim_lock_sm(&g, 900, 900, &err), &err);
    assert_ok(wtl_sim_lock_mem(&g, 800, 800, &err), &err);
    assert_ok(wtl_sim_set_limit(&g, 120000, &err), &err);
    assert_ok(wtl_sim_set_persistence(&g, true, &err), &err);
    assert_ok(wtl_sim_set_compute_mode(&g, WTL_SIM_COMPUTE_EXCLUSIVE_PROCESS, &err), &err);
    sim_seconds(&g, 20);
    const struct wtl_sim_truth before = sim_truth(&g);
    const struct wtl_sim_readings was = sim_readings(&g);
    assert_true(was.energy_mj > 1000000 && was.persistence);
    assert_true(was.power_violation_ns > 0 || was.sm_mhz == 900);
    wtl_sim_reload(&g);
    const struct wtl_sim_readings r = sim_readings(&g);
    assert_int_equal(r.epoch, was.epoch + 1);
    assert_int_equal(r.epoch_unix_ns, r.t_unix_ns);
    assert_int_equal(r.energy_mj, 0);
    assert_int_equal(r.limit_mw, 250000);
    assert_false(r.persistence);
    assert_int_equal(r.compute_mode, WTL_SIM_COMPUTE_DEFAULT);
    assert_int_equal(r.power_violation_ns, 0);
    assert_int_equal(g.n_slots, 0);
    assert_near(sim_truth(&g).energy_j, before.energy_j, 0); /* the truth goes on */
    const struct wtl_sim_workload w = sim_busy_workload();
    const struct wtl_sim_process p = sim_process(9, &w);
    sim_attach(&g, &p);
    sim_seconds(&g, 2);
    assert_near(sim_truth(&g).sm_mhz, 1515, 0);
    assert_near(sim_truth(&g).mem_mhz, 1600, 0);
    assert_near(1e-3 * (double)sim_readings(&g).energy_mj, sim_truth(&g).energy_j - before.energy_j,
                0.11 * 300);
    assert_true(sim_readings(&g).energy_mj > 0);
}

/* Out of memory is an error to who asks, and to nobody else. */
static void memory_runs_out(void **state)
{
    (void)state;
    const struct wtl_sim_board b = plain();
    struct wtl_sim_workload w = sim_busy_workload();
    w.process_mib = 9000;
    w.item_mib = 10;
    sim_gpu_exact(&g, &b, 1);
    for (uint32_t pid = 1; pid <= 4; pid++) {
        const struct wtl_sim_process p = sim_process(pid, &w);
        sim_attach(&g, &p);
    }
    sim_seconds(&g, 1);
    const struct wtl_sim_readings r = sim_readings(&g);
    assert_int_equal(r.memory_used_b, (uint64_t)(4 * 9080) << 20);
    assert_int_equal(r.memory_total_b, UINT64_C(40960) << 20);
    assert_int_equal(r.memory_reserved_b, UINT64_C(512) << 20);
    assert_int_equal(r.memory_free_b + r.memory_used_b + r.memory_reserved_b, r.memory_total_b);
    h = g;
    h.oom_count++;
    struct wtl_sim_process p = sim_process(5, &w);
    assert_int_equal(wtl_sim_attach(&g, &p, &err), -WTL_NOMEM);
    assert_non_null(strstr(err.message, "needs 9080 MiB"));
    assert_memory_equal(&g, &h, sizeof g);
    /* So is a larger batch; it goes on with the old one. 4128 MiB are free. */
    const struct wtl_sim_pattern always = {0};
    w.batch_max = 0;
    assert_int_equal(wtl_sim_set_load(&g, 1, 257, 0, always, &err), -WTL_USAGE);
    assert_int_equal(g.oom_count, 1);
    assert_ok(wtl_sim_detach(&g, 2, &err), &err);
    w.process_mib = 13000;
    p = sim_process(5, &w);
    sim_attach(&g, &p);
    assert_int_equal(wtl_sim_set_load(&g, 1, 256, 0, always, &err), -WTL_NOMEM);
    assert_int_equal(wtl_sim_find(&g, 1)->process.tenant.batch, 8);
    assert_int_equal(g.oom_count, 2);
    double work = 0, rate = 0;
    assert_true(wtl_sim_work(&g, 1, &work, &rate));
    assert_true(rate > 0);
}

static void load_changes(void **state)
{
    (void)state;
    const struct wtl_sim_board b = plain();
    busy(&g, &b);
    const struct wtl_sim_truth closed = sim_truth(&g);
    assert_ok(
        wtl_sim_set_load(&g, 7, 8, 0.25 * closed.work_per_s, (struct wtl_sim_pattern){0}, &err),
        &err);
    assert_near(sim_truth(&g).work_per_s, 0.25 * closed.work_per_s, 1e-6);
    assert_true(sim_truth(&g).power_w < closed.power_w);
    assert_ok(wtl_sim_set_load(&g, 7, 64, 0, (struct wtl_sim_pattern){0}, &err), &err);
    assert_true(sim_truth(&g).work_per_s > closed.work_per_s);
    h = g;
    assert_int_equal(wtl_sim_set_load(&g, 9, 8, 0, (struct wtl_sim_pattern){0}, &err),
                     -WTL_NOTFOUND);
    assert_int_equal(wtl_sim_set_load(&g, 7, 0, 0, (struct wtl_sim_pattern){0}, &err), -WTL_USAGE);
    assert_int_equal(wtl_sim_set_load(&g, 7, 8, -1, (struct wtl_sim_pattern){0}, &err), -WTL_USAGE);
    assert_int_equal(wtl_sim_set_load(&g, 7, 8, (double)NAN, (struct wtl_sim_pattern){0}, &err),
                     -WTL_USAGE);
    assert_int_equal(wtl_sim_set_load(&g, 7, 8, 0, (struct wtl_sim_pattern){100, 105, 0}, &err),
                     -WTL_USAGE);
    assert_int_equal(wtl_sim_set_load(&g, 7, 8, 0, (struct wtl_sim_pattern){101, 50, 0}, &err),
                     -WTL_USAGE);
    assert_int_equal(wtl_sim_detach(&g, 9, &err), -WTL_NOTFOUND);
    assert_memory_equal(&g, &h, sizeof g);
}

/* A process may grow into what it has already. */
static void own_memory_is_not_counted_twice(void **state)
{
    (void)state;
    const struct wtl_sim_board b = plain();
    struct wtl_sim_workload w = sim_busy_workload();
    w.process_mib = 30000;
    w.item_mib = 100;
    const struct wtl_sim_process p = sim_process(1, &w);
    sim_gpu_exact(&g, &b, 1);
    sim_attach(&g, &p);
    const struct wtl_sim_pattern always = {0};
    assert_ok(wtl_sim_set_load(&g, 1, 100, 0, always, &err), &err);
    assert_int_equal(sim_readings(&g).memory_used_b, UINT64_C(40000) << 20);
    assert_int_equal(wtl_sim_set_load(&g, 1, 105, 0, always, &err), -WTL_NOMEM);
    assert_ok(wtl_sim_set_load(&g, 1, 1, 0, always, &err), &err);
    assert_int_equal(sim_readings(&g).memory_used_b, UINT64_C(30100) << 20);
}

/* Who stays keeps what it did when another goes. */
static void others_keep_their_work(void **state)
{
    (void)state;
    const struct wtl_sim_board b = plain();
    const struct wtl_sim_workload w = sim_busy_workload();
    sim_gpu_exact(&g, &b, 1);
    for (uint32_t pid = 1; pid <= 3; pid++) {
        const struct wtl_sim_process p = sim_process(pid, &w);
        sim_attach(&g, &p);
        sim_seconds(&g, pid);
    }
    double before[4] = {0}, now, rate;
    for (uint32_t pid = 1; pid <= 3; pid++)
        assert_true(wtl_sim_work(&g, pid, &before[pid], &rate));
    assert_true(before[2] > 1.2 * before[3]);
    assert_ok(wtl_sim_detach(&g, 1, &err), &err);
    for (uint32_t pid = 2; pid <= 3; pid++) {
        assert_true(wtl_sim_work(&g, pid, &now, &rate));
        assert_near(now, before[pid], 0);
    }
    assert_null(wtl_sim_find(&g, 1));
    assert_int_equal(wtl_sim_find(&g, 3)->process.pid, 3);
}

/* The next process comes before the clocks have gone down: they stay. */
static void next_process_calls_idling_off(void **state)
{
    (void)state;
    const struct wtl_sim_board b = plain();
    busy(&g, &b);
    assert_ok(wtl_sim_detach(&g, 7, &err), &err);
    sim_seconds(&g, 1);
    const struct wtl_sim_workload w = sim_busy_workload();
    const struct wtl_sim_process p = sim_process(8, &w);
    sim_attach(&g, &p);
    for (int i = 0; i < 1000; i++) {
        sim_seconds(&g, 0.005);
        assert_near(sim_truth(&g).sm_mhz, 1515, 0);
        assert_true(sim_truth(&g).work_per_s > 0);
    }
}

/* Sharing costs: two together do more than one, and each less than alone. */
static void tenants_share(void **state)
{
    (void)state;
    const struct wtl_sim_board b = plain();
    const struct wtl_sim_workload w = sim_busy_workload();
    struct wtl_sim_process p = sim_process(1, &w);
    p.tenant.share = 0.5;
    sim_gpu_exact(&g, &b, 1);
    sim_attach(&g, &p);
    sim_seconds(&g, 1);
    const double alone = sim_truth(&g).work_per_s;
    p = sim_process(2, &w);
    p.tenant.share = 0.5;
    sim_attach(&g, &p);
    sim_seconds(&g, 1);
    double work = 0, one = 0, two = 0;
    assert_true(wtl_sim_work(&g, 1, &work, &one) && wtl_sim_work(&g, 2, &work, &two));
    assert_near(one, two, 1e-9);
    assert_true(one < alone && one + two > alone);
    assert_ok(wtl_sim_detach(&g, 1, &err), &err);
    sim_seconds(&g, 1);
    assert_true(wtl_sim_work(&g, 2, &work, &two));
    assert_near(two, alone, 1e-9);
}

/* Without MPS they take turns: together no more than one alone, and power in between. */
static void processes_take_turns(void **state)
{
    (void)state;
    const struct wtl_sim_board b = plain();
    const struct wtl_sim_workload w = sim_busy_workload(), small = sim_heavy_workload();
    struct wtl_sim_process p = sim_process(1, &w), q = sim_process(2, &small);
    p.mps = q.mps = false;
    q.tenant.batch = 2;
    struct wtl_sim_truth alone[2];
    double rate[2], two[2], work = 0;
    for (int i = 0; i < 2; i++) {
        sim_gpu_exact(&g, &b, 1);
        sim_attach(&g, i ? &q : &p);
        sim_seconds(&g, 1);
        alone[i] = sim_truth(&g);
        rate[i] = alone[i].work_per_s;
    }
    sim_attach(&g, &p);
    sim_seconds(&g, 1);
    assert_true(wtl_sim_work(&g, 1, &work, &two[0]) && wtl_sim_work(&g, 2, &work, &two[1]));
    for (int i = 0; i < 2; i++)
        assert_near(two[i], rate[i] / 2, 1e-9);
    const struct wtl_sim_truth both = sim_truth(&g);
    assert_near(both.dynamic_w, (alone[0].dynamic_w + alone[1].dynamic_w) / 2, 1e-9);
    assert_near(both.sm_util, (alone[0].sm_util + alone[1].sm_util) / 2, 1e-9);
    /* Little work is done in its turn, all of it. */
    assert_ok(wtl_sim_set_load(&g, 1, 8, 0.3 * rate[0], (struct wtl_sim_pattern){0}, &err), &err);
    assert_true(wtl_sim_work(&g, 1, &work, &two[0]));
    assert_near(two[0], 0.3 * rate[0], 1e-6);
    /* Clients of MPS are one turn together. */
    for (uint32_t pid = 3; pid <= 4; pid++) {
        p = sim_process(pid, &w);
        sim_attach(&g, &p);
    }
    assert_true(wtl_sim_work(&g, 2, &work, &two[1]));
    assert_near(two[1], rate[1] / 3, 1e-9);
}

static void who_may_attach(void **state)
{
    (void)state;
    const struct wtl_sim_board b = plain();
    const struct wtl_sim_workload w = sim_busy_workload();
    sim_gpu_exact(&g, &b, 1);
    struct wtl_sim_process p = sim_process(1, &w);
    p.tenant.share = 0;
    assert_int_equal(wtl_sim_attach(&g, &p, &err), -WTL_USAGE);
    p.tenant.share = 1.01;
    assert_int_equal(wtl_sim_attach(&g, &p, &err), -WTL_USAGE);
    p.tenant.share = 0.5;
    p.mps = false;
    assert_int_equal(wtl_sim_attach(&g, &p, &err), -WTL_USAGE);
    p.tenant.share = 1;
    p.instance = 0;
    assert_int_equal(wtl_sim_attach(&g, &p, &err), -WTL_USAGE);
    p.instance = -1;
    p.tenant.phase = 1;
    assert_int_equal(wtl_sim_attach(&g, &p, &err), -WTL_USAGE);
    p.tenant.phase = 0;
    assert_int_equal(g.n_slots, 0);
    assert_ok(wtl_sim_set_compute_mode(&g, WTL_SIM_COMPUTE_PROHIBITED, &err), &err);
    assert_int_equal(wtl_sim_attach(&g, &p, &err), -WTL_BUSY);
    assert_ok(wtl_sim_set_compute_mode(&g, WTL_SIM_COMPUTE_EXCLUSIVE_PROCESS, &err), &err);
    sim_attach(&g, &p);
    assert_int_equal(wtl_sim_attach(&g, &p, &err), -WTL_BUSY);
    p.pid = 2;
    assert_int_equal(wtl_sim_attach(&g, &p, &err), -WTL_BUSY);
    p.mps = true;
    assert_int_equal(wtl_sim_attach(&g, &p, &err), -WTL_BUSY);
    assert_ok(wtl_sim_detach(&g, 1, &err), &err);
    sim_attach(&g, &p);
    p.pid = 3; /* MPS clients are one process to the GPU */
    sim_attach(&g, &p);
    assert_int_equal(wtl_sim_set_compute_mode(&g, (enum wtl_sim_compute_mode)1, &err), -WTL_USAGE);
    for (uint32_t pid = 4; g.n_slots < WTL_SIM_TENANTS; pid++) {
        p.pid = pid;
        sim_attach(&g, &p);
    }
    p.pid = 1000;
    assert_int_equal(wtl_sim_attach(&g, &p, &err), -WTL_LIMIT);
}

static void identity(void **state)
{
    (void)state;
    const struct wtl_sim_board b = plain();
    char a[WTL_SIM_UUID], c[WTL_SIM_UUID];
    sim_gpu_real(&g, &b, 1);
    sim_gpu_real(&h, &b, 2);
    assert_string_not_equal(wtl_sim_uuid(&g, a), wtl_sim_uuid(&h, c));
    assert_int_equal(strlen(a), 40);
    assert_memory_equal(a, "GPU-76697274-7561-6c", 20);
    sim_seconds(&h, 5);
    sim_gpu_real(&h, &b, 1);
    assert_string_equal(a, wtl_sim_uuid(&h, c)); /* the card's own */
    assert_int_equal(wtl_sim_pci(&g).bus, 0x20);
    assert_int_equal(wtl_sim_pci(&g).device_id, b.pci_device_id);
}

/* ---- Whatever is asked ----------------------------------------------------------------------- */

static unsigned any_mhz(struct wtl_rng *rng)
{
    static const unsigned odd[] = {0, 1, 0xffffffffu, WTL_SIM_CLOCK_TDP, WTL_SIM_CLOCK_UNLIMITED};
    return wtl_rng_below(rng, 4) ? wtl_rng_below(rng, 2000) : odd[wtl_rng_below(rng, 5)];
}

static void any_attach(struct wtl_sim_gpu *gpu, struct wtl_rng *rng)
{
    const struct wtl_sim_workload w[] = {sim_busy_workload(), sim_heavy_workload()};
    struct wtl_sim_process p = sim_process(wtl_rng_below(rng, 40), &w[wtl_rng_below(rng, 2)]);
    p.mps = wtl_rng_below(rng, 3);
    p.instance = (int)wtl_rng_below(rng, 4) - 1;
    p.tenant.share = p.mps ? wtl_rng_uniform(rng) : 1;
    p.tenant.batch = (int)wtl_rng_below(rng, 300);
    p.tenant.offered_per_s = wtl_rng_below(rng, 2) ? 0 : 100 * wtl_rng_uniform(rng);
    if (wtl_rng_below(rng, 2))
        p.pattern = (struct wtl_sim_pattern){5 * (int)wtl_rng_below(rng, 100),
                                             5 * (int)wtl_rng_below(rng, 50),
                                             5 * (int)wtl_rng_below(rng, 200) - 500};
    if (wtl_rng_below(rng, 3) == 0) {
        p.tenant.workload.n_phases = 2;
        p.tenant.workload.phases[1] = w[0].phases[0];
        p.tenant.workload.phases[0].work_per_item = wtl_rng_exponential(rng);
        p.tenant.workload.phases[1].work_per_item = wtl_rng_exponential(rng);
    }
    wtl_sim_attach(gpu, &p, NULL);
}

static void any_setting(struct wtl_sim_gpu *gpu, struct wtl_rng *rng)
{
    switch (wtl_rng_below(rng, 8)) {
    case 0:
        wtl_sim_lock_sm(gpu, any_mhz(rng), any_mhz(rng), NULL);
        break;
    case 1:
        wtl_sim_reset_sm(gpu, NULL);
        break;
    case 2:
        wtl_sim_lock_mem(gpu, any_mhz(rng), any_mhz(rng), NULL);
        break;
    case 3:
        wtl_sim_reset_mem(gpu, NULL);
        break;
    case 4:
    case 5:
        wtl_sim_set_limit(gpu, wtl_rng_below(rng, 400000), NULL);
        break;
    case 6:
        wtl_sim_set_compute_mode(gpu, (enum wtl_sim_compute_mode)wtl_rng_below(rng, 4), NULL);
        break;
    default:
        wtl_sim_set_mig(gpu, (int[]){(int)wtl_rng_below(rng, 20), 14}, (int)wtl_rng_below(rng, 3),
                        NULL);
    }
}

static void any_fault(struct wtl_sim_gpu *gpu, struct wtl_rng *rng)
{
    switch (wtl_rng_below(rng, 9)) {
    case 8:
        wtl_sim_scope(gpu, 300 * wtl_rng_uniform(rng) - 100);
        break;
    case 0:
        wtl_sim_lose(gpu);
        break;
    case 1:
        wtl_sim_reload(gpu);
        break;
    case 2:
        wtl_sim_freeze(gpu, wtl_rng_below(rng, 32),
                       wtl_sim_gpu_now_ns(gpu) + (int64_t)wtl_rng_below(rng, 2000000000));
        break;
    case 3:
        wtl_sim_drop(gpu, 2 * wtl_rng_uniform(rng) - 0.5);
        break;
    case 4:
        wtl_sim_brake(gpu, wtl_rng_below(rng, 2));
        break;
    case 5:
        wtl_sim_ambient(gpu, 150 * wtl_rng_uniform(rng) - 50);
        break;
    case 6:
        wtl_sim_set_oob_limit(gpu, 400 * wtl_rng_uniform(rng) - 100);
        break;
    default:
        wtl_sim_reload(gpu);
    }
}

static void any_call(struct wtl_sim_gpu *gpu, struct wtl_rng *rng)
{
    const uint32_t kind = wtl_rng_below(rng, 20);
    if (kind < 6)
        any_attach(gpu, rng);
    else if (kind < 9)
        wtl_sim_detach(gpu, wtl_rng_below(rng, 40), NULL);
    else if (kind < 12)
        wtl_sim_set_load(gpu, wtl_rng_below(rng, 40), (int)wtl_rng_below(rng, 300),
                         wtl_rng_uniform(rng) * 500,
                         (struct wtl_sim_pattern){5 * (int)wtl_rng_below(rng, 100), 10, 5}, NULL);
    else if (kind < 18)
        any_setting(gpu, rng);
    else
        any_fault(gpu, rng);
}

static void is_sound(const struct wtl_sim_gpu *gpu)
{
    const struct wtl_sim_truth t = sim_truth(gpu);
    const double x[] = {t.power_w,    t.static_w, t.dynamic_w, t.energy_j,  t.average_w,
                        t.enforced_w, t.sm_mhz,   t.mem_mhz,   t.die_c,     t.mem_c,
                        t.sm_util,    t.mem_util, t.work,      t.sm_active, t.work_per_s};
    for (size_t i = 0; i < sizeof x / sizeof *x; i++)
        assert_true(isfinite(x[i]));
    assert_true(t.power_w > 0 && t.dynamic_w >= 0 && t.work_per_s >= 0 && t.work >= 0);
    assert_true(t.sm_util >= 0 && t.sm_util <= 1 && t.mem_util >= 0 && t.mem_util <= 1);
    assert_true(t.die_c > -50 && t.die_c < 120);
    assert_true(gpu->sm >= 0 && gpu->sm < gpu->board.n_sm_clocks);
    double vram = gpu->board.silicon.vram_reserved_mib;
    for (int i = 0; i < gpu->n_slots; i++)
        vram += gpu->slots[i].vram_mib;
    assert_near(gpu->vram_used_mib, vram, 1e-6);
    assert_true(vram <= gpu->board.silicon.vram_mib);
    struct wtl_sim_readings r;
    if (wtl_sim_readings(gpu, &r, NULL) == 0)
        assert_true(r.gpu_util_pct <= 100 && r.memory_used_b <= r.memory_total_b &&
                    r.power_usage_mw < 2000000 && r.limit_enforced_mw <= r.limit_mw);
}

/* The cap and the counters through it all. */
static void sound_through_anything(void **state)
{
    (void)state;
    const struct wtl_sim_board b = plain();
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct wtl_rng rng;
        wtl_rng_init(&rng, seed);
        sim_gpu_real(&g, &b, seed);
        for (int i = 0; i < 300; i++) {
            const double before = sim_truth(&g).energy_j, enforced = sim_truth(&g).enforced_w;
            any_call(&g, &rng);
            const bool same_limit = sim_truth(&g).enforced_w == enforced;
            const double average = sim_truth(&g).average_w;
            const uint64_t counter = g.sensors.energy_mj;
            is_sound(&g);
            for (int k = 0; k < 4; k++) {
                sim_seconds(&g, 0.6 * wtl_rng_uniform(&rng));
                is_sound(&g);
                /* Once below the limit, the average stays there wherever a clock is low enough. */
                if (same_limit && average <= enforced && enforced >= 100)
                    assert_true(sim_truth(&g).average_w <= enforced);
            }
            assert_true(sim_truth(&g).energy_j >= before);
            assert_true(g.sensors.energy_mj >= counter);
        }
    }
}

/* The same calls at the same times, with time divided otherwise. */
static void divided_through_anything(void **state)
{
    (void)state;
    const struct wtl_sim_board b = plain();
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct wtl_rng one, two, other;
        wtl_rng_init(&one, seed);
        wtl_rng_init(&two, seed);
        wtl_rng_init(&other, ~seed);
        sim_gpu_real(&g, &b, seed);
        sim_gpu_real(&h, &b, seed);
        for (int64_t t = 0; t < INT64_C(60000000000);) {
            any_call(&g, &one);
            any_call(&h, &two);
            t += 5000000 * (int64_t)wtl_rng_below(&other, 200);
            wtl_sim_gpu_advance(&g, t);
            while (wtl_sim_gpu_now_ns(&h) < t)
                wtl_sim_gpu_advance(&h, wtl_sim_gpu_now_ns(&h) + 5000000);
            assert_memory_equal(&g, &h, sizeof g);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thermal_slowdown_holds_the_target),
        cmocka_unit_test(memory_has_a_target_too),
        cmocka_unit_test(hardware_slowdown_halves_the_clock),
        cmocka_unit_test(too_hot_switches_off),
        cmocka_unit_test(power_brake),
        cmocka_unit_test(the_last_xid_outlives_the_events_that_are_kept),
        cmocka_unit_test(lost_gpu_answers_nothing),
        cmocka_unit_test(reload_forgets_all_settings),
        cmocka_unit_test(memory_runs_out),
        cmocka_unit_test(load_changes),
        cmocka_unit_test(own_memory_is_not_counted_twice),
        cmocka_unit_test(others_keep_their_work),
        cmocka_unit_test(next_process_calls_idling_off),
        cmocka_unit_test(tenants_share),
        cmocka_unit_test(processes_take_turns),
        cmocka_unit_test(who_may_attach),
        cmocka_unit_test(identity),
        cmocka_unit_test(sound_through_anything),
        cmocka_unit_test(divided_through_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
