/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/workload.h"
#include "support/support.h"

#include <math.h>
#include <string.h>

static const struct wtl_sim_silicon chip = {
    .sm_mhz_min = 210,
    .sm_mhz_max = 1410,
    .mem_mhz_max = 1215,
    .knee_mhz = 800,
    .v_min = 0.7,
    .v_max = 1.05,
    .base_w = 20,
    .leak_w = 15,
    .clock_w = 10,
    .memory_w = 5,
    .leak_ref_c = 50,
    .leak_e_c = 60,
    .vram_mib = 40960,
    .vram_reserved_mib = 600,
};

static double between(struct wtl_rng *rng, double low, double high)
{
    return low * pow(high / low, wtl_rng_uniform(rng));
}

/* Any parameters that the reader of profiles would take. */
static struct wtl_sim_fit any_fit(struct wtl_rng *rng, double mem_mhz)
{
    return (struct wtl_sim_fit){
        .mem_mhz = mem_mhz,
        .launch_s = between(rng, 1e-6, 0.1),
        .overlap = between(rng, 1, 13),
        .copy_s = between(rng, 1e-7, 1e-2),
        .copy_large_s = between(rng, 1e-7, 1e-2),
        .copy_knee = between(rng, 1, 500),
        .compute_s = between(rng, 1e-6, 1e-1),
        .fill_batch = between(rng, 1e-3, 100),
        .share_power = between(rng, 0.1, 1.6),
        .memory_share = wtl_rng_uniform(rng),
        .roof_s = between(rng, 1e-6, 1e-1),
        .host_s = between(rng, 1e-7, 1e-1),
        .corner = between(rng, 0.6, 8),
        .active_w = between(rng, 0.1, 100),
        .occupancy_w = between(rng, 0.1, 100),
        .item_j = between(rng, 1e-4, 10),
        .item_memory_j = between(rng, 1e-4, 10),
        .memory_s = between(rng, 1e-7, 1e-2),
    };
}

static int any_tenants(struct wtl_rng *rng, struct wtl_sim_tenant *tenants)
{
    int n = 1 + (int)wtl_rng_below(rng, 8);
    for (int i = 0; i < n; i++) {
        struct wtl_sim_tenant *t = &tenants[i];
        memset(t, 0, sizeof *t);
        wtl_sim_workload_plain(&t->workload);
        t->workload.phases[0].n_fits = 2;
        t->workload.phases[0].fits[0] = any_fit(rng, 810);
        t->workload.phases[0].fits[1] = any_fit(rng, 1215);
        t->share = 0.05 + 0.95 * wtl_rng_uniform(rng);
        t->batch = 1 + (int)wtl_rng_below(rng, 128);
        if (wtl_rng_below(rng, 3) == 0)
            t->offered_per_s = between(rng, 0.1, 1e4);
        if (i > 0 && wtl_rng_below(rng, 3) == 0)
            *t = tenants[i - 1];
    }
    return n;
}

/* Half of the time none. */
static void any_uncore(struct wtl_rng *rng, struct wtl_sim_silicon *s)
{
    if (wtl_rng_below(rng, 2))
        return;
    s->uncore_knee_mhz = 400 + 1100 * wtl_rng_uniform(rng);
    s->uncore_floor_mhz = s->uncore_knee_mhz * wtl_rng_uniform(rng);
    s->uncore_loss = 0.95 * wtl_rng_uniform(rng);
    s->uncore_step_mhz = 100 * wtl_rng_uniform(rng);
}

/* Over random tenants, boards' mismatch and uncore included; every other pair of clocks is a narrow
 * one, on both sides of what moves in steps. A rounding error is not a fall. */
static void nothing_falls_as_the_clock_rises(void **state)
{
    (void)state;
    static struct wtl_sim_tenant tenants[8];
    static struct wtl_sim_rates low, high;
    struct wtl_rng rng;
    wtl_rng_init(&rng, 11);
    for (int round = 0; round < 4000; round++) {
        struct wtl_sim_silicon s = chip;
        struct wtl_sim_mismatch m;
        int n = any_tenants(&rng, tenants);
        any_uncore(&rng, &s);
        wtl_sim_mismatch_draw(&rng, &m);
        wtl_sim_mismatch_silicon(&m, &s);
        for (int i = 0; i < n; i++)
            wtl_sim_mismatch_workload(&m, &tenants[i].workload);
        double mem = between(&rng, 400, 1300), f = 210 + 1200 * wtl_rng_uniform(&rng);
        double g = f + (round % 2 ? 1410 - f : fmin(10, 1410 - f)) * wtl_rng_uniform(&rng);
        wtl_sim_rates(&s, tenants, n, f, mem, &low);
        wtl_sim_rates(&s, tenants, n, g, mem, &high);
        for (int i = 0; i < n; i++) {
            assert_true(isfinite(low.tenants[i].work_per_s) && low.tenants[i].work_per_s > 0);
            assert_true(high.tenants[i].work_per_s >= low.tenants[i].work_per_s * (1 - 1e-12));
            assert_true(high.tenants[i].latency_s <= low.tenants[i].latency_s * (1 + 1e-12));
        }
        assert_true(high.dynamic_w >= low.dynamic_w * (1 - 1e-12));
        assert_true(wtl_sim_static_w(&s, g, mem, 50) >= wtl_sim_static_w(&s, f, mem, 50));
    }
}

static void sums_are_of_their_parts(void **state)
{
    (void)state;
    static struct wtl_sim_tenant tenants[8];
    static struct wtl_sim_rates r;
    struct wtl_rng rng;
    wtl_rng_init(&rng, 12);
    for (int round = 0; round < 1000; round++) {
        int n = any_tenants(&rng, tenants);
        double work = 0, watt = 0, vram = chip.vram_reserved_mib;
        wtl_sim_rates(&chip, tenants, n, 1000, 1215, &r);
        for (int i = 0; i < n; i++) {
            const struct wtl_sim_tenant_rate *t = &r.tenants[i];
            work += t->work_per_s;
            watt += t->dynamic_w;
            vram += t->vram_mib;
            assert_true(t->work_per_s <= t->capacity_per_s * (1 + 1e-12));
            assert_true(tenants[i].offered_per_s <= 0 || t->work_per_s <= tenants[i].offered_per_s);
            assert_near(t->latency_s * t->capacity_per_s, tenants[i].batch, 1e-9 * 128);
            assert_in_range((uint64_t)(t->busy * 1e6), 0, 1000000);
        }
        assert_near(r.work_per_s, work, 1e-9 * work);
        assert_near(r.dynamic_w, watt, 1e-9 * watt);
        assert_near(r.vram_used_mib, vram, 1e-6);
        assert_true(r.sm_util >= 0 && r.sm_util <= 1 && r.mem_util >= 0 && r.mem_util <= 1);
    }
}

/* A rival never helps, and equal tenants fare equally. */
static void rivals_take_and_equals_share(void **state)
{
    (void)state;
    static struct wtl_sim_tenant tenants[9];
    static struct wtl_sim_rates alone, beside;
    struct wtl_rng rng;
    wtl_rng_init(&rng, 13);
    for (int round = 0; round < 1000; round++) {
        int n = any_tenants(&rng, tenants);
        const int twin = (int)wtl_rng_below(&rng, (uint32_t)n);
        tenants[n] = tenants[twin];
        wtl_sim_rates(&chip, tenants, n, 1410, 1215, &alone);
        wtl_sim_rates(&chip, tenants, n + 1, 1410, 1215, &beside);
        for (int i = 0; i < n; i++) {
            assert_true(beside.tenants[i].capacity_per_s <=
                        alone.tenants[i].capacity_per_s * (1 + 1e-12));
            if (i == twin)
                assert_near(beside.tenants[i].work_per_s, beside.tenants[n].work_per_s,
                            1e-9 * beside.tenants[n].work_per_s);
        }
    }
}

/* The form by hand: overlap and corner so sharp that they are plain maxima. */
static void known_values(void **state)
{
    (void)state;
    struct wtl_sim_tenant t = {.share = 0.25, .batch = 10};
    static struct wtl_sim_rates r;
    wtl_sim_workload_plain(&t.workload);
    struct wtl_sim_fit *f = &t.workload.phases[0].fits[0];
    *f = (struct wtl_sim_fit){.mem_mhz = 1215,
                              .launch_s = 1e-6,
                              .overlap = 100,
                              .copy_s = 1e-3,
                              .copy_large_s = 2e-3,
                              .copy_knee = 10,
                              .compute_s = 4e-3,
                              .fill_batch = 40,
                              .share_power = 0.5,
                              .memory_share = 0.5,
                              .roof_s = 1e-9,
                              .host_s = 1e-9,
                              .corner = 100,
                              .active_w = 30,
                              .occupancy_w = 8,
                              .item_j = 0.5,
                              .item_memory_j = 0.25,
                              .memory_s = 1e-3};
    /* clk = 0.5 * 2 + 0.5 = 1.5; chip = 4 ms * (10 + 10) * 2 * 1.5 = 240 ms; copy = 10 * 2 ms */
    wtl_sim_rates(&chip, &t, 1, 705, 1215, &r);
    assert_near(r.tenants[0].latency_s, 0.26, 1e-9);
    assert_near(r.work_per_s, 10 / 0.26, 1e-6);
    assert_near(r.sm_util, 0.24 / 0.26, 1e-9);
    assert_near(r.mem_util, 1e-3 * 10 / 0.26, 1e-9);
    const double busy = 0.24 / 0.26, v = 0.7 / 1.05;
    assert_near(r.dynamic_w,
                v * v * (0.5 * 10 / 0.26 + 30 * 0.5 * busy + 8 * 0.5 * 0.25 * busy) +
                    0.25 * 10 / 0.26,
                1e-9);
    /* half of what it can do arrives */
    t.offered_per_s = 5 / 0.26;
    wtl_sim_rates(&chip, &t, 1, 705, 1215, &r);
    assert_near(r.work_per_s, 5 / 0.26, 1e-9);
    assert_near(r.tenants[0].capacity_per_s, 10 / 0.26, 1e-6);
    assert_near(r.sm_util, 0.12 / 0.26, 1e-9);
    /* below the memory clock of the only fit, the part that waits for memory stretches */
    t.offered_per_s = 0;
    wtl_sim_rates(&chip, &t, 1, 705, 607.5, &r);
    assert_near(r.tenants[0].latency_s, 4e-3 * 20 * 2 * 2 + 0.02, 1e-9);
    wtl_sim_rates(&chip, &t, 0, 705, 1215, &r);
    assert_near(r.dynamic_w, 0, 0);
    assert_near(r.vram_used_mib, 600, 0);
}

/* At 530 to 559 and from 560 on of steps of 30 MHz; between knee and floor on a straight line. What
 * waits for memory takes 1/U as long, what the SMs do does not, and waiting SMs draw no more. */
static void a_slow_uncore_slows_what_waits_for_memory(void **state)
{
    (void)state;
    static struct wtl_sim_tenant t;
    static struct wtl_sim_rates slow, full;
    struct wtl_sim_silicon s = chip;
    assert_near(wtl_sim_uncore(&s, 300), 1, 0);
    s.uncore_knee_mhz = 900;
    s.uncore_floor_mhz = 600;
    s.uncore_loss = 0.4;
    assert_near(wtl_sim_uncore(&s, 900), 1, 1e-12);
    assert_near(wtl_sim_uncore(&s, 1400), 1, 0);
    assert_near(wtl_sim_uncore(&s, 750), 0.8, 1e-12);
    assert_near(wtl_sim_uncore(&s, 600), 0.6, 1e-12);
    assert_near(wtl_sim_uncore(&s, 210), 0.6, 0);
    s.uncore_step_mhz = 30;
    assert_near(wtl_sim_uncore(&s, 721), 0.8, 1e-12);
    assert_near(wtl_sim_uncore(&s, 735), wtl_sim_uncore(&s, 750), 0);
    assert_true(wtl_sim_uncore(&s, 720) < wtl_sim_uncore(&s, 721) - 0.03);

    wtl_sim_workload_plain(&t.workload);
    struct wtl_sim_fit *fit = &t.workload.phases[0].fits[0];
    fit->launch_s = fit->copy_s = fit->copy_large_s = fit->host_s = fit->roof_s = 1e-9;
    fit->memory_share = 0.5;
    t.share = 1;
    t.batch = 8;
    wtl_sim_rates(&chip, &t, 1, 705, 1000, &full);
    wtl_sim_rates(&s, &t, 1, 705, 1000, &slow);
    const double u = wtl_sim_uncore(&s, 705);
    assert_near(slow.work_per_s / full.work_per_s, (0.5 * 2 + 0.5) / (0.5 * 2 + 0.5 / u), 1e-6);
    assert_true(slow.dynamic_w < full.dynamic_w);
}

static void memory_runs_out_in_order(void **state)
{
    (void)state;
    static struct wtl_sim_tenant t[4];
    static struct wtl_sim_rates r, without;
    for (int i = 0; i < 4; i++) {
        t[i] = (struct wtl_sim_tenant){.share = 0.2, .batch = 8};
        wtl_sim_workload_plain(&t[i].workload);
        t[i].workload.process_mib = i == 1 ? 45000 : 12000;
        t[i].workload.item_mib = 100;
    }
    wtl_sim_rates(&chip, t, 4, 1410, 1215, &r);
    assert_false(r.tenants[0].out_of_memory);
    assert_true(r.tenants[1].out_of_memory);
    assert_near(r.tenants[1].work_per_s + r.tenants[1].dynamic_w + r.tenants[1].vram_mib, 0, 0);
    assert_false(r.tenants[2].out_of_memory || r.tenants[3].out_of_memory);
    assert_near(r.vram_used_mib, 600 + 3 * 12800, 1e-9);
    /* and the one without memory is as if it were not there */
    t[1] = t[3];
    wtl_sim_rates(&chip, t, 3, 1410, 1215, &without);
    assert_near(without.work_per_s, r.work_per_s, 1e-9 * r.work_per_s);
    assert_near(without.dynamic_w, r.dynamic_w, 1e-9 * r.dynamic_w);
}

static void limit_holds_and_is_used(void **state)
{
    (void)state;
    static struct wtl_sim_tenant tenants[8];
    static struct wtl_sim_rates r;
    struct wtl_rng rng;
    wtl_rng_init(&rng, 14);
    int bound = 0;
    for (int round = 0; round < 500; round++) {
        int n = any_tenants(&rng, tenants);
        double f = wtl_sim_rates_limited(&chip, tenants, n, 1410, 1215, 120, &r);
        double watt = wtl_sim_static_w(&chip, f, 1215, 50) + r.dynamic_w;
        assert_in_range((uint64_t)f, 210, 1410);
        if (f > 210)
            assert_true(watt <= 120 + 1e-9);
        if (f > 210 && f < 1410) {
            bound++;
            wtl_sim_rates(&chip, tenants, n, f + 1, 1215, &r);
            assert_true(wtl_sim_static_w(&chip, f + 1, 1215, 50) + r.dynamic_w > 120);
        }
    }
    assert_true(bound > 50);
}

static void mismatch_is_5_to_10_percent(void **state)
{
    (void)state;
    struct wtl_rng rng;
    struct wtl_sim_mismatch m;
    wtl_rng_init(&rng, 15);
    int above = 0;
    for (int i = 0; i < 1000; i++) {
        wtl_sim_mismatch_draw(&rng, &m);
        const double all[] = {m.curvature, m.contention, m.voltage};
        for (int k = 0; k < 3; k++)
            assert_true(fabs(all[k] - 1) >= 0.05 && fabs(all[k] - 1) <= 0.10);
        above += m.curvature > 1;
    }
    assert_in_range(above, 400, 600);
    static struct wtl_sim_tenant t[4];
    static struct wtl_sim_rates calibrated, drawn;
    for (int i = 0; i < 4; i++) {
        t[i] = (struct wtl_sim_tenant){.share = 0.25, .batch = 32};
        wtl_sim_workload_plain(&t[i].workload);
    }
    wtl_sim_rates(&chip, t, 4, 1410, 1215, &calibrated);
    wtl_sim_mismatch_none(&m);
    for (int i = 0; i < 4; i++)
        wtl_sim_mismatch_workload(&m, &t[i].workload);
    wtl_sim_rates(&chip, t, 4, 1410, 1215, &drawn);
    assert_near(drawn.work_per_s, calibrated.work_per_s, 0);
    m.contention = 1.08;
    for (int i = 0; i < 4; i++)
        wtl_sim_mismatch_workload(&m, &t[i].workload);
    wtl_sim_rates(&chip, t, 4, 1410, 1215, &drawn);
    assert_true(drawn.work_per_s < 0.99 * calibrated.work_per_s);
    assert_true(drawn.work_per_s > 0.92 * calibrated.work_per_s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_falls_as_the_clock_rises),
        cmocka_unit_test(sums_are_of_their_parts),
        cmocka_unit_test(rivals_take_and_equals_share),
        cmocka_unit_test(known_values),
        cmocka_unit_test(a_slow_uncore_slows_what_waits_for_memory),
        cmocka_unit_test(memory_runs_out_in_order),
        cmocka_unit_test(limit_holds_and_is_used),
        cmocka_unit_test(mismatch_is_5_to_10_percent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
