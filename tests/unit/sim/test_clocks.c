/* SPDX-License-Identifier: Apache-2.0
 * Clocks of the virtual GPU: locks and how the driver rounds them, latency, idle states, what holds
 * a clock down and what a client is told about it. */
#include "sim/mig.h"
#include "support/sim_gpu.h"
#include "support/support.h"

#include <math.h>

static struct wtl_sim_gpu g, h;
static struct wtl_error err;

static struct wtl_sim_board plain(void)
{
    struct wtl_sim_board b;
    wtl_sim_board_plain(&b);
    return b;
}

/* Busy, and in the steady state. */
static void busy(struct wtl_sim_gpu *gpu, const struct wtl_sim_board *b)
{
    const struct wtl_sim_workload w = sim_busy_workload();
    struct wtl_sim_process p = sim_process(7, &w);
    sim_gpu_exact(gpu, b, 1);
    sim_attach(gpu, &p);
    sim_seconds(gpu, 1);
}

static void legal_clocks(void **state)
{
    (void)state;
    const struct wtl_sim_board b = plain();
    assert_int_equal(wtl_sim_nearest_sm(&b, 0), 0);
    assert_int_equal(wtl_sim_nearest_sm(&b, 210), 0);
    assert_int_equal(wtl_sim_nearest_sm(&b, 217), 0);
    assert_int_equal(wtl_sim_nearest_sm(&b, 218), 1);
    assert_int_equal(wtl_sim_nearest_sm(&b, 1515), 87);
    assert_int_equal(wtl_sim_nearest_sm(&b, 4000000000u), 87);
    assert_int_equal(wtl_sim_nearest_mem(&b, 1200), 0); /* as near to both: the lower */
    assert_int_equal(wtl_sim_nearest_mem(&b, 1201), 1);
    assert_int_equal(wtl_sim_sm_at_most(&b, 224.9), 0);
    assert_int_equal(wtl_sim_sm_at_most(&b, 225), 1);
    assert_int_equal(wtl_sim_sm_at_most(&b, 1), 0);
    assert_int_equal(wtl_sim_sm_at_most(&b, 1e9), 87);
    for (int i = 0; i < b.n_sm_clocks; i++)
        assert_int_equal(wtl_sim_nearest_sm(&b, b.sm_clocks_mhz[i]), i);
}

static void lock_is_rounded_and_holds(void **state)
{
    (void)state;
    static const struct {
        unsigned lo, hi;
        double runs;
    } c[] = {{1140, 1140, 1140}, {300, 1147, 1140}, {300, 1148, 1155},
             {0, 0, 210},        {210, 9999, 1515}, {800, 900, 900}};
    const struct wtl_sim_board b = plain();
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        busy(&g, &b);
        assert_ok(wtl_sim_lock_sm(&g, c[i].lo, c[i].hi, &err), &err);
        sim_seconds(&g, 1);
        assert_near(sim_truth(&g).sm_mhz, c[i].runs, 0);
        assert_int_equal(sim_readings(&g).sm_mhz, c[i].runs);
        assert_int_equal(sim_readings(&g).reasons,
                         c[i].runs < 1515 ? WTL_SIM_REASON_APP_CLOCKS : 0);
        assert_ok(wtl_sim_reset_sm(&g, &err), &err);
        sim_seconds(&g, 1);
        assert_near(sim_truth(&g).sm_mhz, 1515, 0);
    }
}

static void lock_refuses_nonsense(void **state)
{
    (void)state;
    const struct wtl_sim_board b = plain();
    busy(&g, &b);
    assert_ok(wtl_sim_lock_sm(&g, 900, 900, &err), &err);
    h = g;
    assert_int_equal(wtl_sim_lock_sm(&g, 901, 900, &err), -WTL_USAGE);
    assert_int_equal(wtl_sim_lock_sm(&g, WTL_SIM_CLOCK_TDP, 900, &err), -WTL_USAGE);
    assert_int_equal(wtl_sim_lock_sm(&g, 300, WTL_SIM_CLOCK_UNLIMITED, &err), -WTL_USAGE);
    assert_int_equal(wtl_sim_lock_mem(&g, 1600, 800, &err), -WTL_USAGE);
    assert_memory_equal(&g, &h, sizeof g);
}

static void symbolic_locks(void **state)
{
    (void)state;
    const struct wtl_sim_board b = plain();
    const unsigned tdp = WTL_SIM_CLOCK_TDP, free = WTL_SIM_CLOCK_UNLIMITED;
    busy(&g, &b);
    assert_ok(wtl_sim_lock_sm(&g, tdp, tdp, &err), &err);
    sim_seconds(&g, 1);
    assert_near(sim_truth(&g).sm_mhz, b.sm_mhz_base, 0);
    assert_ok(wtl_sim_lock_sm(&g, tdp, free, &err), &err);
    sim_seconds(&g, 1);
    assert_near(sim_truth(&g).sm_mhz, 1515, 0);
    assert_ok(wtl_sim_lock_sm(&g, free, tdp, &err), &err);
    sim_seconds(&g, 1);
    assert_near(sim_truth(&g).sm_mhz, b.sm_mhz_base, 0);
}

/* The latency is the card's own and depends on the target. */
static void switch_takes_its_time(void **state)
{
    (void)state;
    const struct wtl_sim_board b = plain();
    double first = 0, least = 1e9, most = 0;
    for (unsigned mhz = 600; mhz <= 1500; mhz += 15) {
        double took[2];
        for (int again = 0; again < 2; again++) {
            busy(&g, &b);
            assert_ok(wtl_sim_lock_sm(&g, mhz, mhz, &err), &err);
            const int64_t start = wtl_sim_gpu_now_ns(&g);
            while (sim_truth(&g).sm_mhz != mhz)
                sim_seconds(&g, 0.005);
            took[again] = 1e-6 * (double)(wtl_sim_gpu_now_ns(&g) - start);
        }
        assert_near(took[0], took[1], 0);
        assert_true(took[0] >= b.switch_ms_min && took[0] <= b.switch_ms_max + 10);
        least = fmin(least, took[0]);
        most = fmax(most, took[0]);
        first = mhz == 600 ? took[0] : first;
    }
    assert_true(most - least > 50); /* they differ */
}

static void memory_clock(void **state)
{
    (void)state;
    const struct wtl_sim_board b = plain();
    busy(&g, &b);
    const struct wtl_sim_truth before = sim_truth(&g);
    assert_int_equal(sim_readings(&g).pstate, 0);
    assert_ok(wtl_sim_lock_mem(&g, 810, 810, &err), &err);
    sim_seconds(&g, 1);
    const struct wtl_sim_truth t = sim_truth(&g);
    assert_near(t.mem_mhz, 800, 0);
    assert_int_equal(sim_readings(&g).mem_mhz, 800);
    assert_int_equal(sim_readings(&g).pstate, 2);
    assert_true(t.work_per_s < before.work_per_s);
    assert_true(t.power_w < before.power_w);
    assert_ok(wtl_sim_reset_mem(&g, &err), &err);
    sim_seconds(&g, 1);
    assert_near(sim_truth(&g).mem_mhz, 1600, 0);
    assert_near(sim_truth(&g).work_per_s, before.work_per_s, 1e-9);
}

static void nothing_falls_as_the_clock_rises(void **state)
{
    (void)state;
    struct wtl_sim_board b = plain();
    const struct wtl_sim_workload w = sim_busy_workload();
    for (uint64_t seed = 1; seed <= 5; seed++) {
        double work = 0, power = 0;
        for (int i = 0; i < b.n_sm_clocks; i++) {
            sim_gpu_real(&g, &b, seed);
            const unsigned mhz = b.sm_clocks_mhz[i];
            assert_ok(wtl_sim_set_limit(&g, 300000, &err), &err);
            assert_ok(wtl_sim_lock_sm(&g, mhz, mhz, &err), &err);
            for (uint32_t pid = 1; pid <= 3; pid++) {
                struct wtl_sim_process p = sim_process(pid, &w);
                p.tenant.share = 0.25 * pid;
                p.tenant.batch = 2 * (int)pid;
                sim_attach(&g, &p);
            }
            sim_seconds(&g, 2);
            const struct wtl_sim_truth t = sim_truth(&g);
            assert_near(t.sm_mhz, mhz, 0);
            assert_true(t.work_per_s >= work && t.power_w >= power);
            work = t.work_per_s;
            power = t.power_w;
        }
    }
}

static void idle_states(void **state)
{
    (void)state;
    struct wtl_sim_board b = plain();
    b.idle.pstate = 8;
    b.idle.mem_mhz = 405;
    b.idle.context_sm_mhz = 1200;
    const struct wtl_sim_workload w = sim_busy_workload();
    struct wtl_sim_process p = sim_process(7, &w);
    p.pattern = (struct wtl_sim_pattern){.period_ms = 10000, .on_ms = 5000};
    sim_gpu_exact(&g, &b, 1);
    const struct wtl_sim_truth deep = sim_truth(&g);
    assert_int_equal(sim_readings(&g).pstate, 8);
    assert_int_equal(sim_readings(&g).mem_mhz, 405);
    sim_attach(&g, &p); /* wakes */
    assert_near(sim_truth(&g).sm_mhz, 210, 0);
    sim_seconds(&g, 0.1);
    assert_near(sim_truth(&g).sm_mhz, 1515, 0);
    assert_int_equal(sim_readings(&g).pstate, 0);
    sim_seconds(&g, 6); /* off: a context that does nothing */
    const struct wtl_sim_truth rest = sim_truth(&g);
    assert_near(rest.sm_mhz, 1200, 0);
    assert_near(rest.work_per_s, 0, 0);
    assert_int_equal(rest.reasons, WTL_SIM_REASON_IDLE);
    assert_true(rest.power_w > deep.power_w + 5);
    /* A lock bounds it, upwards too: the price of locked clocks without work. */
    assert_ok(wtl_sim_lock_sm(&g, 1500, 1515, &err), &err);
    sim_seconds(&g, 1);
    assert_near(sim_truth(&g).sm_mhz, 1500, 0);
    assert_true(sim_truth(&g).power_w > rest.power_w);
    assert_ok(wtl_sim_lock_sm(&g, 300, 600, &err), &err);
    sim_seconds(&g, 1);
    assert_near(sim_truth(&g).sm_mhz, 600, 0);
    assert_true(sim_truth(&g).power_w < rest.power_w);
    /* The process goes: clocks stay for a while, then it is deep idle again, lock or not. */
    assert_ok(wtl_sim_detach(&g, 7, &err), &err);
    assert_near(sim_truth(&g).sm_mhz, 600, 0);
    sim_seconds(&g, 2.1);
    assert_near(sim_truth(&g).sm_mhz, 210, 0);
    assert_int_equal(sim_readings(&g).pstate, 8);
    sim_seconds(&g, 1200);
    assert_near(sim_truth(&g).power_w, deep.power_w, 1e-6);
}

/* V100: without a lock it stays at the default application clock, which is not the highest. */
static void default_application_clock(void **state)
{
    (void)state;
    struct wtl_sim_board b = plain();
    b.sm_mhz_default = 1230;
    busy(&g, &b);
    assert_near(sim_truth(&g).sm_mhz, 1230, 0);
    assert_int_equal(sim_truth(&g).reasons, WTL_SIM_REASON_APP_CLOCKS);
    assert_ok(wtl_sim_lock_sm(&g, 1515, 1515, &err), &err);
    sim_seconds(&g, 1);
    assert_near(sim_truth(&g).sm_mhz, 1515, 0);
    assert_int_equal(sim_truth(&g).reasons, 0);
}

/* A Pascal board has sensors, and a limit, and nothing else. */
static void without_capabilities(void **state)
{
    (void)state;
    struct wtl_sim_board b = plain();
    b.architecture = WTL_SIM_PASCAL;
    b.capabilities = WTL_SIM_SET_LIMIT | WTL_SIM_MPS;
    busy(&g, &b);
    assert_int_equal(wtl_sim_lock_sm(&g, 900, 900, &err), -WTL_UNSUPPORTED);
    assert_int_equal(wtl_sim_reset_sm(&g, &err), -WTL_UNSUPPORTED);
    assert_int_equal(wtl_sim_lock_mem(&g, 900, 900, &err), -WTL_UNSUPPORTED);
    assert_int_equal(wtl_sim_reset_mem(&g, &err), -WTL_UNSUPPORTED);
    assert_int_equal(wtl_sim_set_mig(&g, (int[]){19}, 1, &err), -WTL_UNSUPPORTED);
    assert_ok(wtl_sim_set_limit(&g, 200000, &err), &err);
    assert_int_equal(sim_readings(&g).has, WTL_SIM_HAS_UTIL);
}

static void limits_hold_locks_down(void **state)
{
    (void)state;
    const struct wtl_sim_board b = plain();
    busy(&g, &b);
    assert_ok(wtl_sim_set_limit(&g, 120000, &err), &err);
    assert_ok(wtl_sim_lock_sm(&g, 1410, 1410, &err), &err);
    sim_seconds(&g, 20);
    /* Below its lock: a cap is stronger. The reason is the cap, not the lock. */
    assert_true(sim_truth(&g).sm_mhz < 1300);
    assert_int_equal(sim_truth(&g).reasons, WTL_SIM_REASON_SW_POWER_CAP);
}

static void clock_events_are_told(void **state)
{
    (void)state;
    const struct wtl_sim_board b = plain();
    busy(&g, &b);
    const unsigned n = g.n_events;
    assert_ok(wtl_sim_lock_sm(&g, 900, 900, &err), &err);
    sim_seconds(&g, 1);
    assert_int_equal(g.n_events, n + 1);
    assert_int_equal(g.events[n].type, WTL_SIM_EVENT_CLOCK);
    assert_int_equal(g.events[n].data, 900);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(legal_clocks),
        cmocka_unit_test(lock_is_rounded_and_holds),
        cmocka_unit_test(lock_refuses_nonsense),
        cmocka_unit_test(symbolic_locks),
        cmocka_unit_test(switch_takes_its_time),
        cmocka_unit_test(memory_clock),
        cmocka_unit_test(nothing_falls_as_the_clock_rises),
        cmocka_unit_test(idle_states),
        cmocka_unit_test(default_application_clock),
        cmocka_unit_test(without_capabilities),
        cmocka_unit_test(limits_hold_locks_down),
        cmocka_unit_test(clock_events_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
