/* SPDX-License-Identifier: Apache-2.0
 * Sensors of the virtual GPU, seen from outside by whoever polls them, against the truth. */
#include "support/sim_gpu.h"
#include "support/support.h"

#include <math.h>
#include <stdlib.h>

static struct wtl_sim_gpu g;
static struct wtl_error err;

static struct wtl_sim_board plain(void)
{
    struct wtl_sim_board b;
    wtl_sim_board_plain(&b);
    return b;
}

/* Full-time sampling, as on V100. */
static struct wtl_sim_board volta(void)
{
    struct wtl_sim_board b = plain();
    b.sensor.update_ms = 20;
    b.sensor.window_ms = 20;
    return b;
}

/* Busy on and off. */
static void attach_square(struct wtl_sim_gpu *gpu, int period_ms, int on_ms, int shift_ms)
{
    const struct wtl_sim_workload w = sim_busy_workload();
    struct wtl_sim_process p = sim_process(7, &w);
    p.pattern = (struct wtl_sim_pattern){period_ms, on_ms, shift_ms};
    sim_attach(gpu, &p);
    sim_seconds(gpu, 2);
}

struct polled {
    double mean_w, true_w;
};

/* Mean of what a poller reads, and of the truth in the same time. */
static struct polled poll(struct wtl_sim_gpu *gpu, double seconds, double every_s)
{
    const struct wtl_sim_truth before = sim_truth(gpu);
    const int n = (int)lround(seconds / every_s);
    double sum = 0;
    for (int i = 0; i < n; i++) {
        sim_seconds(gpu, every_s);
        sum += 1e-3 * sim_readings(gpu).power_instant_mw;
    }
    return (struct polled){sum / n, (sim_truth(gpu).energy_j - before.energy_j) / (n * every_s)};
}

/* Time between changes of a sensor's value, as a poller finds it. */
static void update_period_seen_from_outside(void **state)
{
    (void)state;
    const int period[] = {20, 25, 50, 100};
    for (int k = 0; k < 4; k++) {
        struct wtl_sim_board b = plain();
        b.sensor.update_ms = period[k];
        b.sensor.window_ms = 5 * (1 + k);
        b.sensor.noise_w = 5; /* hardly ever the same milliwatts twice */
        sim_gpu_real(&g, &b, 11);
        attach_square(&g, 0, 0, 0);
        uint32_t last = sim_readings(&g).power_instant_mw;
        int changes = 0, first = 0, now = 0;
        for (int i = 0; i < 4000; i++) {
            sim_seconds(&g, 0.005);
            const uint32_t mw = sim_readings(&g).power_instant_mw;
            if (mw != last && changes++ == 0)
                first = i;
            now = mw != last ? i : now;
            last = mw;
        }
        assert_near(5.0 * (now - first) / (changes - 1), period[k], 0.5);
    }
}

/* A step in load reaches a reading when its window has it: from the first update on, whole after
 * window, lag and period. */
static void window_and_lag_seen_from_outside(void **state)
{
    (void)state;
    const int lag[] = {0, 50, 250};
    for (int k = 0; k < 3; k++) {
        struct wtl_sim_board b = plain();
        b.sensor.update_ms = 5;
        b.sensor.window_ms = 5;
        b.sensor.lag_ms = lag[k];
        b.silicon.leak_w = 0;
        sim_gpu_exact(&g, &b, 1);
        attach_square(&g, 2000, 1000, 0);
        double power[4000], seen[4000];
        for (int i = 0; i < 1200; i++) {
            sim_seconds(&g, 0.005);
            power[i] = g.power_w;
            seen[i] = 1e-3 * sim_readings(&g).power_instant_mw;
        }
        /* What is read at the end of a step is the power during the one that ended `lag` before. */
        const int back = 1 + lag[k] / 5;
        for (int i = back; i < 1200; i++)
            assert_near(seen[i], power[i - back], 1e-3);
    }
}

static void average_is_of_one_second(void **state)
{
    (void)state;
    struct wtl_sim_board b = volta();
    b.capabilities |= WTL_SIM_USAGE_IS_AVERAGE;
    b.silicon.leak_w = 0;
    sim_gpu_exact(&g, &b, 1);
    attach_square(&g, 8000, 4000, 0);
    double energy[2000];
    int rising = 0;
    for (int i = 0; i < 2000; i++) {
        sim_seconds(&g, 0.005);
        energy[i] = g.energy_j;
        const struct wtl_sim_readings r = sim_readings(&g);
        assert_int_equal(r.power_usage_mw, r.power_average_mw);
        if (i < 210 || r.power_t_unix_ns != r.t_unix_ns)
            continue;
        assert_near(1e-3 * r.power_average_mw, energy[i] - energy[i - 200], 1e-2);
        rising += labs((long)r.power_average_mw - (long)r.power_instant_mw) > 5000;
    }
    /* Average and instant part for a second after each of the edges, about two of them. */
    assert_in_range(rising, 60, 160);
    b.capabilities &= ~(unsigned)WTL_SIM_USAGE_IS_AVERAGE;
    sim_gpu_exact(&g, &b, 1);
    attach_square(&g, 300, 100, 0);
    const struct wtl_sim_readings r = sim_readings(&g);
    assert_int_equal(r.power_usage_mw, r.power_instant_mw);
    assert_true(r.power_usage_mw != r.power_average_mw);
}

/* 25 of 100 ms are seen: a load in step with the sensor is misread by far, one that is out of step
 * is not, and full-time sampling sees both. */
static void part_time_sampling_aliases(void **state)
{
    (void)state;
    const struct wtl_sim_board part = plain(), full = volta();
    double worst = 0, best = 1;
    for (int shift = 0; shift < 100; shift += 10) {
        sim_gpu_exact(&g, &part, 1);
        attach_square(&g, 100, 50, shift);
        struct polled p = poll(&g, 5, 0.02);
        const double error = fabs(p.mean_w / p.true_w - 1);
        worst = fmax(worst, error);
        best = fmin(best, error);
        /* Out of step: windows fall everywhere. */
        sim_gpu_exact(&g, &part, 1);
        attach_square(&g, 105, 50, shift);
        p = poll(&g, 21, 0.02);
        assert_near(p.mean_w / p.true_w, 1, 0.02);
        sim_gpu_exact(&g, &full, 1);
        attach_square(&g, 100, 50, shift);
        p = poll(&g, 5, 0.02);
        assert_near(p.mean_w / p.true_w, 1, 0.01);
    }
    assert_true(worst > 0.3); /* far more than 10 % */
    assert_true(best < worst);
}

static void naive_polling_aliases_on_every_card(void **state)
{
    (void)state;
    const struct wtl_sim_board b = plain();
    int over = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        sim_gpu_real(&g, &b, seed);
        attach_square(&g, 100, 50, 0);
        const struct polled p = poll(&g, 5, 0.02);
        over += fabs(p.mean_w / p.true_w - 1) > 0.1;
    }
    assert_in_range(over, 25, 40); /* phases are the card's own: most of them, by more than 10 % */
}

/* The time and the value at the counter's next tick. */
static void next_edge(struct wtl_sim_gpu *gpu, double *t_s, double *j, double *truth_j)
{
    const uint64_t before = sim_readings(gpu).energy_mj;
    struct wtl_sim_readings r;
    do {
        sim_seconds(gpu, 0.005);
        r = sim_readings(gpu);
    } while (r.energy_mj == before);
    *t_s = 1e-9 * (double)r.energy_t_unix_ns;
    *j = 1e-3 * (double)r.energy_mj;
    *truth_j = sim_truth(gpu).energy_j;
}

/* measurement.md, sections 2 and 8: from edge to edge within 0.5 % at 5 s. */
static void counter_between_edges(void **state)
{
    (void)state;
    const struct wtl_sim_board b = volta();
    double worst_power = 0, worst_naive = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        sim_gpu_real(&g, &b, seed);
        attach_square(&g, 310, 155, (int)(5 * seed));
        double t0, j0, e0, t1, j1, e1;
        next_edge(&g, &t0, &j0, &e0);
        const struct wtl_sim_truth start = sim_truth(&g);
        sim_seconds(&g, 4.95);
        next_edge(&g, &t1, &j1, &e1);
        const struct wtl_sim_truth t = sim_truth(&g);
        const double card = t.gain * (e1 - e0) + t.offset_w * (t1 - t0);
        worst_power = fmax(worst_power, fabs((j1 - j0) / card - 1));
        /* Anywhere in between: up to a step at either end. */
        const uint64_t m0 = sim_readings(&g).energy_mj;
        sim_seconds(&g, 0.045);
        const double a = sim_truth(&g).energy_j;
        sim_seconds(&g, 0.5);
        const double seen = 1e-3 * (double)(sim_readings(&g).energy_mj - m0);
        worst_naive = fmax(worst_naive, fabs(seen / (sim_truth(&g).energy_j - a) - 1));
        assert_near(t1 - t0, 5, 0.106);
        assert_true(start.gain == t.gain);
    }
    assert_true(worst_power < 1e-4);
    assert_true(worst_naive > 0.05);
}

static void counter_adds_up_within_its_quantum(void **state)
{
    (void)state;
    struct wtl_sim_board b = volta();
    const int quantum[] = {1, 1000, 15625};
    for (int k = 0; k < 3; k++) {
        b.sensor.counter_quantum_mj = quantum[k];
        sim_gpu_exact(&g, &b, 3);
        attach_square(&g, 0, 0, 0);
        sim_seconds(&g, 3600);
        while (sim_readings(&g).energy_t_unix_ns != sim_readings(&g).t_unix_ns)
            sim_seconds(&g, 0.005);
        const uint64_t mj = sim_readings(&g).energy_mj;
        assert_int_equal(mj % (uint64_t)quantum[k], 0);
        const double missing = 1e3 * sim_truth(&g).energy_j - (double)mj;
        assert_true(missing > -1 && missing < quantum[k] + 1);
        assert_true(mj > 500000000);
    }
}

/* A counter that adds what the windows see is as wrong as the power, until it is out of step. */
static void counter_of_part_time_windows(void **state)
{
    (void)state;
    struct wtl_sim_board b = plain();
    b.sensor.counter_part_time = true;
    double worst = 0;
    for (int shift = 0; shift < 100; shift += 10)
        for (int period = 100; period <= 105; period += 5) {
            sim_gpu_exact(&g, &b, 1);
            attach_square(&g, period, 50, shift);
            double t0, j0, e0, t1, j1, e1;
            next_edge(&g, &t0, &j0, &e0);
            sim_seconds(&g, 20.95);
            next_edge(&g, &t1, &j1, &e1);
            const double error = fabs((j1 - j0) / (e1 - e0) - 1);
            if (period == 105)
                assert_true(error < 0.02);
            else
                worst = fmax(worst, error);
        }
    assert_true(worst > 0.3);
}

static void gain_is_the_cards_own(void **state)
{
    (void)state;
    struct wtl_sim_board b = volta();
    b.sensor.noise_w = 0;
    b.sensor.offset_spread_w = 0;
    double least = 2, most = 0;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        sim_gpu_real(&g, &b, seed);
        const double gain = sim_truth(&g).gain;
        assert_true(fabs(gain - 1) <= 0.05);
        attach_square(&g, 0, 0, 0);
        struct polled p = poll(&g, 2, 0.02);
        assert_near(p.mean_w / p.true_w, gain, 1e-4);
        wtl_sim_reload(&g); /* stays the card's */
        attach_square(&g, 0, 0, 0);
        p = poll(&g, 2, 0.02);
        assert_near(p.mean_w / p.true_w, gain, 1e-4);
        least = fmin(least, gain);
        most = fmax(most, gain);
    }
    assert_true(least < 0.96 && most > 1.04);
}

static void noise_has_its_deviation(void **state)
{
    (void)state;
    struct wtl_sim_board b = volta();
    b.sensor.noise_w = 2;
    b.silicon.leak_w = 0;
    sim_gpu_real(&g, &b, 1);
    attach_square(&g, 0, 0, 0);
    const struct wtl_sim_truth t = sim_truth(&g);
    const double expected = t.gain * t.power_w + t.offset_w;
    double sum = 0, square = 0;
    enum { N = 5000 };
    for (int i = 0; i < N; i++) {
        sim_seconds(&g, 0.02);
        const double d = 1e-3 * sim_readings(&g).power_instant_mw - expected;
        sum += d;
        square += d * d;
    }
    assert_near(sum / N, 0, 5 * 2 / sqrt(N));
    assert_near(sqrt(square / N), 2, 0.1);
}

static void frozen_sensors_keep_their_value(void **state)
{
    (void)state;
    const struct wtl_sim_board b = volta();
    sim_gpu_real(&g, &b, 1);
    attach_square(&g, 0, 0, 0);
    const struct wtl_sim_readings before = sim_readings(&g);
    wtl_sim_freeze(&g, WTL_SIM_SENSOR_POWER | WTL_SIM_SENSOR_TEMP,
                   wtl_sim_gpu_now_ns(&g) + INT64_C(10000000000));
    assert_ok(wtl_sim_detach(&g, 7, &err), &err);
    for (int i = 0; i < 1990; i++) {
        sim_seconds(&g, 0.005);
        const struct wtl_sim_readings r = sim_readings(&g);
        assert_int_equal(r.power_instant_mw, before.power_instant_mw);
        assert_int_equal(r.power_t_unix_ns, before.power_t_unix_ns);
        assert_int_equal(r.temp_c, before.temp_c);
    }
    assert_true(sim_readings(&g).energy_mj > before.energy_mj); /* the counter goes on */
    sim_seconds(&g, 1);
    assert_true(sim_readings(&g).power_instant_mw < before.power_instant_mw / 2);
    /* A counter that stood still has lost nothing. */
    const double e0 = sim_truth(&g).energy_j;
    const uint64_t m0 = sim_readings(&g).energy_mj;
    wtl_sim_freeze(&g, WTL_SIM_SENSORS_ALL, INT64_MAX);
    sim_seconds(&g, 60);
    assert_int_equal(sim_readings(&g).energy_mj, m0);
    wtl_sim_freeze(&g, WTL_SIM_SENSORS_ALL, 0);
    sim_seconds(&g, 0.2);
    const struct wtl_sim_truth t = sim_truth(&g);
    const double seen = 1e-3 * (double)(sim_readings(&g).energy_mj - m0);
    assert_near(seen, t.gain * (t.energy_j - e0) + 60.2 * t.offset_w, 0.15 * t.power_w);
}

static void dropped_updates(void **state)
{
    (void)state;
    const struct wtl_sim_board b = volta();
    sim_gpu_real(&g, &b, 1);
    attach_square(&g, 0, 0, 0);
    wtl_sim_drop(&g, 0.25);
    int fresh = 0;
    for (int i = 0; i < 4000; i++) {
        sim_seconds(&g, 0.02);
        const struct wtl_sim_readings r = sim_readings(&g);
        fresh += r.t_unix_ns - r.power_t_unix_ns < 20000000;
    }
    assert_in_range(fresh, 2850, 3150); /* 3000 expected, 27 the standard deviation */
    wtl_sim_drop(&g, 1);
    const struct wtl_sim_readings r = sim_readings(&g);
    sim_seconds(&g, 5);
    assert_int_equal(sim_readings(&g).power_t_unix_ns, r.power_t_unix_ns);
    assert_int_equal(sim_readings(&g).energy_mj, r.energy_mj);
}

/* Power is suddenly that of the module; the counter stays the GPU's, and a cross-check sees it. */
static void scope_swap(void **state)
{
    (void)state;
    const struct wtl_sim_board b = volta();
    sim_gpu_exact(&g, &b, 1);
    attach_square(&g, 0, 0, 0);
    wtl_sim_scope(&g, 80);
    sim_seconds(&g, 1.1);
    struct polled p = poll(&g, 5, 0.02);
    assert_near(p.mean_w, p.true_w + 80, 0.5);
    assert_near(1e-3 * sim_readings(&g).power_average_mw, p.true_w + 80, 0.5);
    double t0, j0, e0, t1, j1, e1;
    next_edge(&g, &t0, &j0, &e0);
    sim_seconds(&g, 5);
    next_edge(&g, &t1, &j1, &e1);
    assert_near((j1 - j0) / (e1 - e0), 1, 1e-4);
    wtl_sim_scope(&g, 0);
    sim_seconds(&g, 1.1);
    p = poll(&g, 1, 0.02);
    assert_near(p.mean_w, p.true_w, 0.5);
}

static void rings_keep_the_last_samples(void **state)
{
    (void)state;
    const struct wtl_sim_board b = plain();
    struct wtl_sim_sample s[200];
    sim_gpu_real(&g, &b, 1);
    assert_int_equal(wtl_sim_samples(&g, WTL_SIM_RING_POWER, 0, s, 200), 0);
    attach_square(&g, 0, 0, 0);
    assert_in_range(wtl_sim_samples(&g, WTL_SIM_RING_POWER, 0, s, 200), 19, 21);
    sim_seconds(&g, 60);
    assert_int_equal(wtl_sim_samples(&g, WTL_SIM_RING_POWER, 0, s, 200), WTL_SIM_RING);
    for (int i = 1; i < WTL_SIM_RING; i++)
        assert_int_equal(s[i].t_ns - s[i - 1].t_ns, 100000000);
    assert_int_equal(s[WTL_SIM_RING - 1].value, sim_readings(&g).power_instant_mw);
    assert_int_equal(s[WTL_SIM_RING - 1].t_ns, sim_readings(&g).power_t_unix_ns);
    /* Only what is new, oldest first, no more than fits. */
    const int64_t since = s[WTL_SIM_RING - 6].t_ns;
    assert_int_equal(wtl_sim_samples(&g, WTL_SIM_RING_POWER, since, s, 3), 5);
    assert_true(s[0].t_ns == since + 100000000);
    assert_int_equal(wtl_sim_samples(&g, WTL_SIM_RING_SM_CLOCK, 0, s, 200), WTL_SIM_RING);
    assert_int_equal(s[0].value, 1515);
    assert_int_equal(wtl_sim_samples(&g, WTL_SIM_RING_GPU_UTIL, 0, s, 200), WTL_SIM_RING);
    assert_int_equal(s[0].value, sim_readings(&g).gpu_util_pct);
}

static void utilisation_is_of_a_window(void **state)
{
    (void)state;
    struct wtl_sim_board b = plain();
    b.util_ms = 1000;
    sim_gpu_exact(&g, &b, 1);
    attach_square(&g, 0, 0, 0);
    struct wtl_sim_process_info p;
    const unsigned full = sim_readings(&g).gpu_util_pct;
    assert_in_range(full, 50, 100);
    assert_int_equal(wtl_sim_processes(&g, &p, 1), 1);
    const unsigned alone = p.sm_util_pct;
    assert_int_equal(alone, full); /* nobody else is there */
    sim_gpu_exact(&g, &b, 1);
    attach_square(&g, 200, 50, 0);
    sim_seconds(&g, 3);
    assert_near(sim_readings(&g).gpu_util_pct, full / 4.0, 1);
    assert_int_equal(wtl_sim_processes(&g, &p, 1), 1);
    assert_int_equal(p.pid, 7);
    assert_near(p.sm_util_pct, alone / 4.0, 1);
    assert_true(p.util_t_unix_ns > 0);
    assert_true(p.memory_b > 0);
}

static void resolution(void **state)
{
    (void)state;
    struct wtl_sim_board b = volta();
    b.sensor.resolution_mw = 1000;
    sim_gpu_real(&g, &b, 1);
    attach_square(&g, 0, 0, 0);
    for (int i = 0; i < 100; i++) {
        sim_seconds(&g, 0.02);
        assert_int_equal(sim_readings(&g).power_instant_mw % 1000, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(update_period_seen_from_outside),
        cmocka_unit_test(window_and_lag_seen_from_outside),
        cmocka_unit_test(average_is_of_one_second),
        cmocka_unit_test(part_time_sampling_aliases),
        cmocka_unit_test(naive_polling_aliases_on_every_card),
        cmocka_unit_test(counter_between_edges),
        cmocka_unit_test(counter_adds_up_within_its_quantum),
        cmocka_unit_test(counter_of_part_time_windows),
        cmocka_unit_test(gain_is_the_cards_own),
        cmocka_unit_test(noise_has_its_deviation),
        cmocka_unit_test(frozen_sensors_keep_their_value),
        cmocka_unit_test(dropped_updates),
        cmocka_unit_test(scope_swap),
        cmocka_unit_test(rings_keep_the_last_samples),
        cmocka_unit_test(utilisation_is_of_a_window),
        cmocka_unit_test(resolution),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
