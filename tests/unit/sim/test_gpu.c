/* SPDX-License-Identifier: Apache-2.0
 * The virtual GPU through time: the same twice and however time is divided, energy, the power
 * limit, heat, work. */
#include "support/sim_gpu.h"
#include "support/support.h"

#include "base/random.h"

#include <math.h>
#include <string.h>

static struct wtl_sim_gpu g, h; /* 90 KiB each */

static struct wtl_sim_board plain(void)
{
    struct wtl_sim_board b;
    wtl_sim_board_plain(&b);
    return b;
}

/* Three tenants of all sorts: steady, in turns, with two phases. */
static void attach_three(struct wtl_sim_gpu *gpu)
{
    const struct wtl_sim_workload busy = sim_busy_workload(), heavy = sim_heavy_workload();
    struct wtl_sim_process p = sim_process(1, &busy);
    p.tenant.share = 0.3;
    sim_attach(gpu, &p);
    p = sim_process(2, &heavy);
    p.pattern = (struct wtl_sim_pattern){.period_ms = 700, .on_ms = 400, .shift_ms = 35};
    sim_attach(gpu, &p);
    p = sim_process(3, &busy);
    p.tenant.workload.n_phases = 2;
    p.tenant.workload.phases[1] = heavy.phases[0];
    p.tenant.workload.phases[0].work_per_item = 3;
    p.tenant.workload.phases[1].work_per_item = 40;
    p.tenant.share = 0.5;
    sim_attach(gpu, &p);
}

static void same_twice_for_one_seed(void **state)
{
    (void)state;
    const struct wtl_sim_board b = plain();
    for (uint64_t seed = 1; seed < 4; seed++) {
        sim_gpu_real(&g, &b, seed);
        sim_gpu_real(&h, &b, seed);
        attach_three(&g);
        attach_three(&h);
        sim_seconds(&g, 30);
        sim_seconds(&h, 30);
        assert_memory_equal(&g, &h, sizeof g);
        sim_gpu_real(&h, &b, seed + 1);
        attach_three(&h);
        sim_seconds(&h, 30);
        assert_true(g.energy_j != h.energy_j);
        assert_true(sim_readings(&g).power_instant_mw != sim_readings(&h).power_instant_mw);
    }
}

/* However the way is divided, and whoever looks on the way. */
static void time_can_be_divided(void **state)
{
    (void)state;
    const struct wtl_sim_board b = plain();
    struct wtl_rng rng;
    wtl_rng_init(&rng, 5);
    for (int way = 0; way < 4; way++) {
        sim_gpu_real(&g, &b, 9);
        attach_three(&g);
        h = g;
        const int64_t end = INT64_C(10000000000);
        wtl_sim_gpu_advance(&g, end);
        for (int64_t t = 0; t < end;) {
            t += way == 0   ? 5000000
                 : way == 1 ? 7300000
                            : (int64_t)wtl_rng_below(&rng, way == 2 ? 40000000 : 900000000);
            wtl_sim_gpu_advance(&h, t < end ? t : end);
            sim_truth(&h);
            sim_readings(&h);
        }
        assert_memory_equal(&g, &h, sizeof g);
        wtl_sim_gpu_advance(&h, 1000); /* the past */
        assert_memory_equal(&g, &h, sizeof g);
    }
}

static void energy_is_the_integral_of_power(void **state)
{
    (void)state;
    const struct wtl_sim_board b = plain();
    sim_gpu_real(&g, &b, 3);
    attach_three(&g);
    double sum = 0;
    for (int i = 0; i < 20000; i++) {
        sum += 0.005 * sim_truth(&g).power_w;
        sim_seconds(&g, 0.005);
    }
    assert_near(sim_truth(&g).energy_j / sum, 1, 1e-12);
    assert_true(sum > 100 * 100);
}

static void work_is_the_integral_of_its_rate(void **state)
{
    (void)state;
    const struct wtl_sim_board b = plain();
    sim_gpu_real(&g, &b, 3);
    attach_three(&g);
    double sum[4] = {0}, done = 0, rate = 0;
    for (int i = 0; i < 4000; i++) {
        for (uint32_t pid = 1; pid <= 3; pid++) {
            assert_true(wtl_sim_work(&g, pid, &done, &rate));
            sum[pid] += 0.005 * rate;
        }
        sim_seconds(&g, 0.005);
    }
    for (uint32_t pid = 1; pid <= 3; pid++) {
        assert_true(wtl_sim_work(&g, pid, &done, &rate));
        assert_true(done > 100);
        assert_near(done / sum[pid], 1, 1e-9);
    }
    assert_false(wtl_sim_work(&g, 4, &done, &rate));
}

static void phases_take_turns(void **state)
{
    (void)state;
    const struct wtl_sim_board b = plain();
    sim_gpu_exact(&g, &b, 3);
    const struct wtl_sim_workload busy = sim_busy_workload(), heavy = sim_heavy_workload();
    struct wtl_sim_process p = sim_process(3, &busy);
    p.tenant.workload.n_phases = 2;
    p.tenant.workload.phases[1] = heavy.phases[0];
    p.tenant.workload.phases[0].work_per_item = 12.5;
    p.tenant.workload.phases[1].work_per_item = 37.5;
    sim_attach(&g, &p);
    sim_seconds(&g, 5);
    /* 100 units of work in the first, 300 in the second: phases differ by energy alone. */
    int steps[2] = {0}, changes = 0, last = -1;
    for (int i = 0; i < 8000; i++) {
        const int phase = wtl_sim_find(&g, 3)->process.tenant.phase;
        steps[phase]++;
        changes += phase != last;
        last = phase;
        sim_seconds(&g, 0.005);
    }
    assert_true(changes > 20);
    assert_near((double)steps[1] / steps[0], 3, 0.15);
}

static void power_limit_is_an_average(void **state)
{
    (void)state;
    const struct wtl_sim_board b = plain();
    const struct wtl_sim_workload w = sim_heavy_workload();
    const struct wtl_sim_process p = sim_process(7, &w);
    struct wtl_error err = {0};
    const double limits[] = {250, 180, 120, 100};
    for (int k = 0; k < 4; k++) {
        sim_gpu_real(&g, &b, 20 + (uint64_t)k);
        assert_ok(wtl_sim_set_limit(&g, (unsigned)(1e3 * limits[k]), &err), &err);
        sim_attach(&g, &p);
        double peak = 0, worst = 0;
        for (int i = 0; i < 4000; i++) {
            sim_seconds(&g, 0.005);
            const struct wtl_sim_truth t = sim_truth(&g);
            peak = fmax(peak, t.power_w);
            worst = fmax(worst, t.average_w);
            /* A legal clock, always. */
            assert_true(((int)t.sm_mhz - 210) % 15 == 0);
        }
        const struct wtl_sim_truth t = sim_truth(&g);
        assert_true(peak > 1.1 * limits[k]); /* overshoots in between */
        assert_true(worst <= limits[k]);
        assert_true(t.average_w > 0.97 * limits[k]);
        assert_true(t.reasons == WTL_SIM_REASON_SW_POWER_CAP);
        assert_near(1e-9 * (double)sim_readings(&g).power_violation_ns, 20, 1);
    }
}

static void limit_changes_under_load(void **state)
{
    (void)state;
    const struct wtl_sim_board b = plain();
    const struct wtl_sim_workload w = sim_heavy_workload();
    const struct wtl_sim_process p = sim_process(7, &w);
    struct wtl_error err = {0};
    sim_gpu_exact(&g, &b, 1);
    sim_attach(&g, &p);
    sim_seconds(&g, 10);
    const double clock = sim_truth(&g).sm_mhz;
    assert_ok(wtl_sim_set_limit(&g, 150000, &err), &err);
    assert_true(sim_truth(&g).power_w < 150); /* at once, and below to bring the average down */
    sim_seconds(&g, 2);
    for (int i = 0; i < 1000; i++) {
        sim_seconds(&g, 0.005);
        assert_true(sim_truth(&g).average_w <= 150);
    }
    assert_true(sim_truth(&g).sm_mhz < clock - 100);
    assert_ok(wtl_sim_set_limit(&g, 250000, &err), &err);
    sim_seconds(&g, 10);
    assert_near(sim_truth(&g).sm_mhz, clock, 31);
    /* Refused, and nothing changed. */
    assert_int_equal(wtl_sim_set_limit(&g, 99999, &err), -WTL_USAGE);
    assert_int_equal(wtl_sim_set_limit(&g, 300001, &err), -WTL_USAGE);
    assert_int_equal(sim_readings(&g).limit_mw, 250000);
    /* Out of band: what is enforced is less than what is requested. */
    wtl_sim_set_oob_limit(&g, 200);
    assert_int_equal(sim_readings(&g).limit_mw, 250000);
    assert_int_equal(sim_readings(&g).limit_enforced_mw, 200000);
    sim_seconds(&g, 5);
    assert_true(sim_truth(&g).average_w <= 200);
    wtl_sim_set_oob_limit(&g, 0);
    assert_int_equal(sim_readings(&g).limit_enforced_mw, 250000);
}

static void never_below_the_lowest_clock(void **state)
{
    (void)state;
    struct wtl_sim_board b = plain();
    b.limit_w_min = 30;
    const struct wtl_sim_workload w = sim_heavy_workload();
    const struct wtl_sim_process p = sim_process(7, &w);
    struct wtl_error err = {0};
    sim_gpu_exact(&g, &b, 1);
    assert_ok(wtl_sim_set_limit(&g, 30000, &err), &err);
    sim_attach(&g, &p);
    sim_seconds(&g, 20);
    assert_near(sim_truth(&g).sm_mhz, 210, 0);
    assert_true(sim_truth(&g).power_w > 30); /* the limit cannot be held, and nobody pretends */
    assert_true(sim_truth(&g).reasons & WTL_SIM_REASON_SW_POWER_CAP);
}

static void heat_settles_where_it_must(void **state)
{
    (void)state;
    const struct wtl_sim_board b = plain();
    const struct wtl_sim_workload w = sim_busy_workload();
    const struct wtl_sim_process p = sim_process(7, &w);
    sim_gpu_real(&g, &b, 1);
    const struct wtl_sim_truth idle = sim_truth(&g);
    sim_seconds(&g, 600);
    assert_near(sim_truth(&g).die_c, idle.die_c, 1e-6); /* it had been idle for long */
    sim_attach(&g, &p);
    sim_seconds(&g, 1800);
    const struct wtl_sim_truth t = sim_truth(&g);
    double die = 0, power = 0;
    assert_true(wtl_sim_equilibrium(&g, &die, &power));
    assert_near(t.die_c, die, 1e-3);
    assert_near(t.power_w, power, 1e-3);
    /* Resistances in series, by hand; leakage has made it more than when it began. */
    assert_near(t.die_c, 25 + 0.19 * t.power_w, 1e-3);
    assert_near(t.mem_c, 25 + 0.21 * t.power_w, 1e-3);
    assert_true(t.static_w > 1.05 * wtl_sim_static_w(&g.board.silicon, t.sm_mhz, t.mem_mhz, 25));
}

/* Without leakage the sink goes its way in closed form, and the die follows by its own. */
static void heat_follows_the_closed_form(void **state)
{
    (void)state;
    struct wtl_sim_board b = plain();
    b.silicon.leak_w = 0;
    b.thermal.die_s = 0.01;
    const struct wtl_sim_workload w = sim_busy_workload();
    const struct wtl_sim_process p = sim_process(7, &w);
    sim_gpu_exact(&g, &b, 1);
    sim_attach(&g, &p);
    sim_seconds(&g, 1);
    const double sink0 = g.sink_c, power = sim_truth(&g).power_w;
    for (int i = 1; i <= 200; i++) {
        sim_seconds(&g, 1);
        const double end = 25 + 0.14 * power;
        const double sink = end + (sink0 - end) * exp(-i / 80.0);
        assert_near(sim_truth(&g).power_w, power, 0);
        assert_near(g.sink_c, sink, 1e-9);
        assert_near(g.die_c, sink + 0.05 * power, 0.01);
    }
}

/* With a cold plate in the place of the sink, die and memory each go their way in closed form. */
static void die_and_memory_follow_the_closed_form(void **state)
{
    (void)state;
    struct wtl_sim_board b = plain();
    b.silicon.leak_w = 0;
    b.thermal.sink_k_per_w = 0;
    const struct wtl_sim_workload w = sim_busy_workload();
    const struct wtl_sim_process p = sim_process(7, &w);
    sim_gpu_exact(&g, &b, 1);
    sim_attach(&g, &p);
    sim_seconds(&g, 0.1);
    const double die0 = g.die_c, mem0 = g.mem_c, power = sim_truth(&g).power_w;
    assert_true(power > 150);
    assert_true(die0 < 25 + 0.05 * power - 5 && mem0 < 25 + 0.07 * power - 5);
    for (int i = 1; i <= 40; i++) {
        sim_seconds(&g, 0.25);
        const double die = 25 + 0.05 * power, mem = 25 + 0.07 * power, t = 0.25 * i;
        assert_near(g.die_c, die + (die0 - die) * exp(-t / 1.5), 1e-9);
        assert_near(g.mem_c, mem + (mem0 - mem) * exp(-t / 8), 1e-9);
    }
}

/* After a deep cut the clock comes back a bin a frame (20 ms), never faster. */
static void limit_lets_go_bin_by_bin(void **state)
{
    (void)state;
    const struct wtl_sim_board b = plain();
    const struct wtl_sim_workload w = sim_heavy_workload();
    const struct wtl_sim_process p = sim_process(7, &w);
    struct wtl_error err = {0};
    sim_gpu_exact(&g, &b, 1);
    sim_attach(&g, &p);
    assert_ok(wtl_sim_set_limit(&g, 100000, &err), &err);
    sim_seconds(&g, 10);
    const double low = sim_truth(&g).sm_mhz;
    assert_ok(wtl_sim_set_limit(&g, 300000, &err), &err);
    double before = low;
    for (int i = 0; i < 400; i++) {
        sim_seconds(&g, 0.02);
        const double now = sim_truth(&g).sm_mhz;
        assert_true(now - before <= 15);
        before = now;
    }
    assert_true(before > low + 300);
}

static void readings_and_truth_before_any_step(void **state)
{
    (void)state;
    const struct wtl_sim_board b = plain();
    sim_gpu_exact(&g, &b, 1);
    const struct wtl_sim_readings r = sim_readings(&g);
    assert_near(1e-3 * r.power_usage_mw, sim_truth(&g).power_w, 1e-3);
    assert_int_equal(r.reasons, WTL_SIM_REASON_IDLE);
    assert_int_equal(r.energy_mj, 0);
    assert_int_equal(r.limit_mw, 250000);
    assert_true(r.temp_c > 25 && r.temp_c < 45);
    assert_int_equal(r.t_unix_ns, INT64_C(1700000000000000000));
}

static void options_are_checked(void **state)
{
    (void)state;
    struct wtl_sim_board b = plain();
    struct wtl_error err = {0};
    memset(&g, 0x5a, sizeof g);
    h = g;
    assert_int_equal(wtl_sim_gpu_init(&g, &b, &(struct wtl_sim_options){.index = 32}, &err),
                     -WTL_USAGE);
    b.n_sm_clocks = 0;
    assert_int_equal(wtl_sim_gpu_init(&g, &b, &(struct wtl_sim_options){.seed = 1}, &err),
                     -WTL_USAGE);
    assert_memory_equal(&g, &h, sizeof g);
}

/* What no predictor knows: 5 to 10 % either way, drawn once from the seed. */
static void mismatch_is_drawn_from_the_seed(void **state)
{
    (void)state;
    const struct wtl_sim_board b = plain();
    int up = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        sim_gpu_real(&g, &b, seed);
        const double m[] = {g.mismatch.curvature, g.mismatch.contention, g.mismatch.voltage};
        for (int i = 0; i < 3; i++) {
            assert_in_range((uint64_t)(1e6 * fabs(m[i] - 1)), 49999, 100001);
            up += m[i] > 1;
        }
    }
    assert_in_range(up, 240, 360); /* of 600: within five standard deviations of half */
    sim_gpu_exact(&g, &b, 1);
    assert_near(g.mismatch.curvature, 1, 0);
    assert_near(g.mismatch.contention, 1, 0);
    assert_near(g.mismatch.voltage, 1, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_twice_for_one_seed),
        cmocka_unit_test(time_can_be_divided),
        cmocka_unit_test(energy_is_the_integral_of_power),
        cmocka_unit_test(work_is_the_integral_of_its_rate),
        cmocka_unit_test(phases_take_turns),
        cmocka_unit_test(power_limit_is_an_average),
        cmocka_unit_test(limit_changes_under_load),
        cmocka_unit_test(never_below_the_lowest_clock),
        cmocka_unit_test(heat_settles_where_it_must),
        cmocka_unit_test(heat_follows_the_closed_form),
        cmocka_unit_test(die_and_memory_follow_the_closed_form),
        cmocka_unit_test(limit_lets_go_bin_by_bin),
        cmocka_unit_test(readings_and_truth_before_any_step),
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(mismatch_is_drawn_from_the_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
