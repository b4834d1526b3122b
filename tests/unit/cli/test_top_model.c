/* SPDX-License-Identifier: Apache-2.0
 * What follows from samples: power, energy, idle part, processes, order, sums. */
#include "top_support.h"

static struct rig rig;

static void open_gpu(void)
{
    rig_open(&rig);
    struct wtl_device_info i = rig_gpu("nvml:GPU-1", "NVIDIA A100-PCIE-40GB", 0);
    rig_add(&rig, &i);
    rig_model(&rig);
}

static void energy_is_the_counters_difference(void **state)
{
    (void)state;
    open_gpu();
    const struct top_device *d = &rig.model->device[0];
    assert_int_equal(d->state, TOP_STARTING);
    rig_set(&rig, 0, WTL_M_power_w, 120);
    rig_set(&rig, 0, WTL_M_energy_counter_j, 5000);
    rig_tick(&rig, 1);
    assert_int_equal(d->state, TOP_ANSWERS);
    assert_near(d->power_w.value, 120, 0);
    assert_false(d->energy_j.has); /* one reading is no difference */
    rig_set(&rig, 0, WTL_M_energy_counter_j, 5150);
    rig_tick(&rig, 1);
    assert_true(d->energy_j.has && d->energy_from_counter);
    assert_near(d->energy_j.value, 150, 1e-9);
    rig_set(&rig, 0, WTL_M_energy_counter_j, 3); /* driver reload */
    rig_tick(&rig, 1);
    assert_near(d->energy_j.value, 150, 1e-9);
    rig_set(&rig, 0, WTL_M_energy_counter_j, 53);
    rig_tick(&rig, 1);
    assert_near(d->energy_j.value, 200, 1e-9);
    rig_close(&rig);
}

static void energy_is_summed_up_where_there_is_no_counter(void **state)
{
    (void)state;
    rig_open(&rig);
    struct wtl_device_info i = rig_gpu("nvml:GPU-2", "Tesla P40", 0);
    i.sensors &= ~WTL_METRIC_BIT(WTL_M_energy_counter_j);
    rig_add(&rig, &i);
    rig_model(&rig);
    const struct top_device *d = &rig.model->device[0];
    rig_set(&rig, 0, WTL_M_power_w, 100);
    rig_tick(&rig, 1);
    rig_set(&rig, 0, WTL_M_power_w, 200);
    rig_tick(&rig, 2);
    assert_true(d->energy_j.has && !d->energy_from_counter);
    assert_near(d->energy_j.value, 300, 1e-9);
    rig_fail(&rig, 0, -WTL_TIMEOUT, "hangs");
    rig_tick(&rig, 50);
    rig.sample[0].rc = 0;
    rig_tick(&rig, 1); /* nothing is made up for the time in between */
    assert_near(d->energy_j.value, 300, 1e-9);
    rig_close(&rig);
}

static void energy_is_summed_up_where_no_counter_comes(void **state)
{
    (void)state;
    open_gpu();
    const struct top_device *d = &rig.model->device[0];
    rig_set(&rig, 0, WTL_M_power_w, 100);
    rig_lack(&rig, 0, WTL_M_energy_counter_j, WTL_ABSENT_NOT_YET);
    rig_tick(&rig, 1);
    rig_tick(&rig, 1);
    assert_false(d->energy_j.has); /* it will have counted meanwhile */
    rig_lack(&rig, 0, WTL_M_energy_counter_j, WTL_ABSENT_UNSUPPORTED);
    rig_tick(&rig, 1);
    assert_true(d->energy_j.has && !d->energy_from_counter);
    assert_near(d->energy_j.value, 100, 1e-9);
    rig_close(&rig);
}

/* The counter goes on counting while it cannot be read. */
static void a_gap_of_the_counter_loses_nothing(void **state)
{
    (void)state;
    open_gpu();
    const struct top_device *d = &rig.model->device[0];
    for (int t = 1; t <= 6; t++) {
        rig_set(&rig, 0, WTL_M_energy_counter_j, 5000 + 100 * t);
        if (t == 3 || t == 4)
            rig_lack(&rig, 0, WTL_M_energy_counter_j, WTL_ABSENT_FAILED);
        rig_tick(&rig, 1);
        if (t >= 2 && t <= 4)
            assert_near(d->energy_j.value, 100, 1e-9);
        assert_int_equal(d->power_w.has, t == 2 || t >= 5); /* the counter's: there is no other */
        if (t == 5)
            assert_near(d->power_w.value, 100, 1e-9); /* the mean of three seconds */
    }
    assert_near(d->energy_j.value, 500, 1e-9);
    /* While there is none, power is summed up: that is not counted again when it is back. */
    rig_set(&rig, 0, WTL_M_power_w, 100);
    rig_lack(&rig, 0, WTL_M_energy_counter_j, WTL_ABSENT_UNSUPPORTED);
    rig_tick(&rig, 1);
    rig_tick(&rig, 1);
    assert_near(d->energy_j.value, 700, 1e-9);
    rig_set(&rig, 0, WTL_M_energy_counter_j, 5900);
    rig_tick(&rig, 1);
    assert_near(d->energy_j.value, 700, 1e-9);
    rig_set(&rig, 0, WTL_M_energy_counter_j, 6000);
    rig_tick(&rig, 1);
    assert_near(d->energy_j.value, 800, 1e-9);
    rig_close(&rig);
}

static void power_is_the_counters_where_there_is_no_sensor(void **state)
{
    (void)state;
    rig_open(&rig);
    struct wtl_device_info i = {.id = "rapl:0",
                                .name = "package 0",
                                .kind = WTL_DEVICE_CPU,
                                .parent = -1,
                                .index = -1,
                                .sensors = WTL_METRIC_BIT(WTL_M_energy_counter_j)};
    i.sensor[WTL_M_energy_counter_j].wraps_at = 1000;
    rig_add(&rig, &i);
    rig_model(&rig);
    const struct top_device *d = &rig.model->device[0];
    rig_set(&rig, 0, WTL_M_energy_counter_j, 900);
    rig_tick(&rig, 1);
    assert_false(d->power_w.has);
    rig_set(&rig, 0, WTL_M_energy_counter_j, 990);
    rig_tick(&rig, 2);
    assert_int_equal(d->power_source, TOP_POWER_COUNTER);
    assert_near(d->power_w.value, 45, 1e-9);
    rig_set(&rig, 0, WTL_M_energy_counter_j, 50); /* around the corner */
    rig_tick(&rig, 1);
    assert_near(d->power_w.value, 60, 1e-9);
    assert_near(d->energy_j.value, 150, 1e-9);
    rig_close(&rig);
}

/* A package's counter that begins anew (suspend, another kernel) is none that wrapped: only so much
 * can have been drawn in between. */
static void a_reset_is_no_wrap(void **state)
{
    (void)state;
    rig_open(&rig);
    struct wtl_device_info i = {.id = "rapl:0",
                                .name = "package 0",
                                .kind = WTL_DEVICE_CPU,
                                .parent = -1,
                                .index = -1,
                                .sensors = WTL_METRIC_BIT(WTL_M_energy_counter_j) |
                                           WTL_METRIC_BIT(WTL_M_power_limit_w)};
    i.sensor[WTL_M_energy_counter_j].wraps_at = 262144;
    rig_add(&rig, &i);
    rig_model(&rig);
    const struct top_device *d = &rig.model->device[0];
    rig_set(&rig, 0, WTL_M_power_limit_w, 165);
    rig_set(&rig, 0, WTL_M_energy_counter_j, 261043);
    rig_tick(&rig, 1);
    rig_set(&rig, 0, WTL_M_energy_counter_j, 261143);
    rig_tick(&rig, 1);
    assert_near(d->energy_j.value, 100, 1e-9);
    rig_set(&rig, 0, WTL_M_energy_counter_j, 1); /* 1002 J in one second */
    rig_tick(&rig, 1);
    assert_false(d->power_w.has);
    assert_near(d->energy_j.value, 100, 1e-9);
    rig_set(&rig, 0, WTL_M_energy_counter_j, 151);
    rig_tick(&rig, 1);
    assert_near(d->power_w.value, 150, 1e-9);
    assert_near(d->energy_j.value, 250, 1e-9);
    /* A counter that stood still and catches up has had the time. */
    for (int k = 0; k < 9; k++)
        rig_tick(&rig, 1);
    rig_set(&rig, 0, WTL_M_energy_counter_j, 1651);
    rig_tick(&rig, 1);
    assert_near(d->energy_j.value, 1750, 1e-9);
    /* Where no limit is known there is a bound, too. */
    rig_lack(&rig, 0, WTL_M_power_limit_w, WTL_ABSENT_NOT_YET);
    rig_tick(&rig, 1);
    rig_set(&rig, 0, WTL_M_energy_counter_j, 5);
    rig_tick(&rig, 1);
    assert_near(d->energy_j.value, 1750, 1e-9);
    rig_close(&rig);
}

static void power_is_shared_out_and_adds_up(void **state)
{
    (void)state;
    open_gpu();
    struct top_model *m = rig.model;
    rig_set(&rig, 0, WTL_M_power_w, 60);
    rig_set(&rig, 0, WTL_M_gpu_util, 0);
    rig_tick(&rig, 1);
    assert_near(m->device[0].idle_w.value, 60, 0);
    rig_set(&rig, 0, WTL_M_power_w, 55);
    rig_tick(&rig, 1);
    rig_set(&rig, 0, WTL_M_power_w, 255);
    rig_set(&rig, 0, WTL_M_gpu_util, 0.9);
    rig_process(&rig, 0, 11, "a", 0.6, 1);
    rig_process(&rig, 0, 12, "b", 0.3, -1);
    rig_process(&rig, 0, 13, "c", -1, 2);
    rig_tick(&rig, 1);
    assert_near(m->device[0].idle_w.value, 55, 0);
    assert_int_equal(m->n_processes, 3);
    assert_int_equal(m->process[0].process.pid, 11); /* by power */
    assert_near(m->process[0].power_w.value, 200 * 2 / 3.0, 1e-9);
    assert_near(m->process[1].power_w.value, 200 / 3.0, 1e-9);
    assert_false(m->process[2].power_w.has);
    assert_near(m->device[0].unattributed_w.value, 0, 1e-9);
    rig_close(&rig);
}

static void absent_is_never_zero_and_says_why(void **state)
{
    (void)state;
    open_gpu();
    const struct top_device *d = &rig.model->device[0];
    assert_string_equal(top_why(d, WTL_M_power_w), "not read yet");
    rig_set(&rig, 0, WTL_M_power_w, 0);
    rig_lack(&rig, 0, WTL_M_temp_c, WTL_ABSENT_DENIED);
    rig_lack(&rig, 0, WTL_M_gpu_util, WTL_ABSENT_NOT_YET);
    rig_lack(&rig, 0, WTL_M_mem_temp_c, WTL_ABSENT_UNSUPPORTED);
    rig_lack(&rig, 0, WTL_M_pstate, WTL_ABSENT_FAILED);
    rig_tick(&rig, 1);
    assert_true(top_metric(d, WTL_M_power_w).has);
    assert_string_equal(top_why(d, WTL_M_power_w), "");
    assert_false(top_metric(d, WTL_M_temp_c).has);
    assert_string_equal(top_why(d, WTL_M_temp_c), "no permission");
    assert_string_equal(top_why(d, WTL_M_gpu_util), "no value so far");
    assert_string_equal(top_why(d, WTL_M_mem_temp_c), "no such sensor");
    assert_string_equal(top_why(d, WTL_M_pstate), "the driver reported an error");
    assert_string_equal(top_why(d, WTL_M_pcie_tx_b), "no such sensor");
    double v;
    assert_true(top_series_at(&d->power, 0, &v));
    assert_false(top_series_at(&d->util, 0, &v));
    assert_false(top_series_at(&d->power, 1, &v));
    rig_fail(&rig, 0, -WTL_LOST, "fallen off the bus");
    rig_tick(&rig, 1);
    assert_int_equal(d->state, TOP_GONE);
    assert_false(d->power_w.has);
    assert_string_equal(d->trouble, "fallen off the bus");
    assert_string_equal(top_why(d, WTL_M_power_w), "the device is gone");
    rig_close(&rig);
}

static void a_hanging_device_is_silent(void **state)
{
    (void)state;
    open_gpu();
    rig_set(&rig, 0, WTL_M_power_w, 100);
    rig_tick(&rig, 1);
    top_model_waiting(rig.model, 0, WTL_NS_PER_S);
    assert_int_equal(rig.model->device[0].state, TOP_ANSWERS); /* patience */
    top_model_waiting(rig.model, -1, 100 * WTL_NS_PER_S);
    top_model_waiting(rig.model, 0, 7 * WTL_NS_PER_S);
    assert_int_equal(rig.model->device[0].state, TOP_SILENT);
    assert_false(rig.model->device[0].power_w.has);
    assert_string_equal(rig.model->device[0].trouble, "asked 7 s ago");
    assert_true(rig.model->stalled_ns == 7 * WTL_NS_PER_S);
    assert_int_equal(top_model_total(rig.model).n_silent, 1);
    rig_tick(&rig, 1);
    assert_int_equal(rig.model->device[0].state, TOP_ANSWERS);
    top_model_waiting(rig.model, -1, 0);
    assert_true(rig.model->stalled_ns == 0);
    rig_close(&rig);
}

static void history_is_a_ring(void **state)
{
    (void)state;
    open_gpu();
    for (int i = 0; i < TOP_HISTORY + 10; i++) {
        rig_set(&rig, 0, WTL_M_power_w, i);
        rig_tick(&rig, 1);
    }
    const struct top_series *s = &rig.model->device[0].power;
    double v = -1;
    assert_true(top_series_at(s, 0, &v));
    assert_near(v, TOP_HISTORY + 9, 0);
    assert_true(top_series_at(s, TOP_HISTORY - 1, &v));
    assert_near(v, 10, 0);
    assert_false(top_series_at(s, TOP_HISTORY, &v));
    assert_false(top_series_at(s, -1, &v));
    rig_close(&rig);
}

/* ---- Sorting --------------------------------------------------------------------------------- */

static const char *pids(char buf[64])
{
    size_t used = 0;
    for (size_t i = 0; i < rig.model->n_processes; i++)
        used += (size_t)snprintf(buf + used, 64 - used, "%s%d", i ? " " : "",
                                 (int)rig.model->process[i].process.pid);
    return buf;
}

static const char *sorted(enum top_sort sort, bool reverse, char buf[64])
{
    rig.model->sort = sort;
    rig.model->reverse = reverse;
    top_model_sort(rig.model);
    return pids(buf);
}

static void sorts_by_any_column(void **state)
{
    (void)state;
    char buf[64];
    rig_open(&rig);
    struct wtl_device_info a = rig_gpu("nvml:GPU-1", "A", 0), b = rig_gpu("nvml:GPU-2", "B", 1);
    rig_add(&rig, &a);
    rig_add(&rig, &b);
    rig_model(&rig);
    rig_set(&rig, 0, WTL_M_power_w, 100);
    rig_set(&rig, 1, WTL_M_power_w, 300);
    rig_process(&rig, 0, 30, "zebra", 0.5, 4);
    rig_process(&rig, 0, 10, "ant", 0.5, 1);
    rig_process(&rig, 1, 20, "bee", 0.2, -1);
    rig_process(&rig, 1, 40, "cow", -1, 9);
    rig_tick(&rig, 1);
    assert_string_equal(sorted(TOP_BY_POWER, false, buf), "20 10 30 40");
    assert_string_equal(sorted(TOP_BY_POWER, true, buf), "10 30 20 40"); /* unknown stays last */
    assert_string_equal(sorted(TOP_BY_UTIL, false, buf), "10 30 20 40");
    assert_string_equal(sorted(TOP_BY_MEMORY, false, buf), "40 30 10 20");
    assert_string_equal(sorted(TOP_BY_PID, false, buf), "10 20 30 40");
    assert_string_equal(sorted(TOP_BY_PID, true, buf), "40 30 20 10");
    assert_string_equal(sorted(TOP_BY_NAME, false, buf), "10 20 40 30");
    assert_string_equal(sorted(TOP_BY_DEVICE, false, buf), "10 30 20 40");
    assert_string_equal(sorted(TOP_BY_DEVICE, true, buf), "20 40 10 30");
    rig_close(&rig);
}

/* ---- All devices ----------------------------------------------------------------------------- */

static void parts_stand_behind_their_whole(void **state)
{
    (void)state;
    rig_open(&rig);
    static const int parents[] = {-1, -1, 0, 1, 0, 2};
    for (int i = 0; i < 6; i++) {
        struct wtl_device_info info = {.kind = WTL_DEVICE_GPU, .parent = parents[i], .index = i};
        snprintf(info.id, sizeof info.id, "test:%d", i);
        rig_add(&rig, &info);
    }
    rig_model(&rig);
    int order[6], depth[6];
    static const int tree[] = {0, 2, 5, 4, 1, 3}, deep[] = {0, 1, 2, 1, 0, 1};
    top_model_order(rig.model, true, order, depth);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(order[i], tree[i]);
        assert_int_equal(depth[i], deep[i]);
    }
    top_model_order(rig.model, false, order, NULL);
    for (int i = 0; i < 6; i++)
        assert_int_equal(order[i], i);
    rig_close(&rig);
}

static void some_devices_of_a_machine(void **state)
{
    (void)state;
    rig_open(&rig);
    struct wtl_device_info a = rig_gpu("test:a", "A", 0), b = rig_gpu("test:b", "B", 1);
    struct wtl_device_info c = rig_gpu("test:c", "C", 2);
    c.parent = 1;
    rig_add(&rig, &a);
    rig_add(&rig, &b);
    rig_add(&rig, &c);
    struct top_model *m = top_model_new(&rig.arena, rig.machine, (int[]){1, 2}, 2);
    assert_string_equal(m->device[0].info.id, "test:b");
    assert_int_equal(m->device[1].info.parent, 0);
    m = top_model_new(&rig.arena, rig.machine, (int[]){2}, 1);
    assert_int_equal(m->device[0].info.parent, -1);
    rig_close(&rig);
}

static void nothing_is_counted_twice(void **state)
{
    (void)state;
    rig_open(&rig);
    struct wtl_device_info gpu = rig_gpu("nvml:GPU-1", "A", 0);
    struct wtl_device_info slice = rig_gpu("nvml:MIG-1", "slice", -1);
    struct wtl_device_info cpu = {.id = "rapl:0", .kind = WTL_DEVICE_CPU, .parent = -1};
    struct wtl_device_info dram = {.id = "rapl:0:0", .kind = WTL_DEVICE_DRAM, .parent = 2};
    struct wtl_device_info node = {.id = "hwmon:0", .kind = WTL_DEVICE_NODE, .parent = -1};
    slice.parent = 0;
    slice.kind = WTL_DEVICE_GPU_SLICE;
    cpu.sensors = dram.sensors = node.sensors = WTL_METRIC_BIT(WTL_M_power_w);
    rig_add(&rig, &gpu);
    rig_add(&rig, &slice);
    rig_add(&rig, &cpu);
    rig_add(&rig, &dram);
    rig_add(&rig, &node);
    rig_model(&rig);
    static const double watts[] = {200, 50, 90, 10, 400};
    for (int i = 0; i < 5; i++)
        rig_set(&rig, i, WTL_M_power_w, watts[i]);
    rig_tick(&rig, 1);
    struct top_total t = top_model_total(rig.model);
    assert_near(t.power_w.value, 300, 1e-9); /* memory beside its package; the meter sees all */
    assert_false(t.energy_j.has);
    rig_close(&rig);
}

static void a_process_of_an_instance_is_listed_once(void **state)
{
    (void)state;
    rig_open(&rig);
    struct wtl_device_info gpu = rig_gpu("nvml:GPU-1", "A", 0);
    struct wtl_device_info slice = rig_gpu("nvml:MIG-1", "slice", 0);
    slice.parent = 0;
    slice.kind = WTL_DEVICE_GPU_SLICE;
    slice.sensors = 0;
    rig_add(&rig, &gpu);
    rig_add(&rig, &slice);
    rig_model(&rig);
    rig_set(&rig, 0, WTL_M_power_w, 200);
    rig_process(&rig, 0, 11, "whole", 0.25, 1);
    rig_process(&rig, 0, 12, "part", 0.75, 1);
    rig_process(&rig, 1, 12, "part", 0.75, 1);
    rig_process(&rig, 1, 13, "seen by the instance alone", 0.5, 1);
    rig_tick(&rig, 1);
    const struct top_model *m = rig.model;
    assert_int_equal(m->n_processes, 3);
    assert_int_equal(m->more_processes, 0);
    for (size_t i = 0; i < 3; i++) {
        const struct top_process *p = &m->process[i];
        assert_int_equal(p->device, p->process.pid == 11 ? 0 : 1);
        assert_int_equal(p->power_w.has, p->process.pid != 13);
    }
    rig_close(&rig);
}

static void more_processes_than_fit(void **state)
{
    (void)state;
    rig_open(&rig);
    for (int i = 0; i < 10; i++) {
        char id[16];
        snprintf(id, sizeof id, "test:%d", i);
        struct wtl_device_info info = rig_gpu(id, "A", i);
        rig_add(&rig, &info);
    }
    rig_model(&rig);
    for (int i = 0; i < 10; i++) {
        for (int k = 0; k < WTL_SAMPLE_PROCESSES; k++)
            rig_process(&rig, i, 100 * i + k, "x", 0.1, 1);
        rig.sample[i].n_processes = 100; /* the driver knew of more */
    }
    rig_tick(&rig, 1);
    assert_int_equal(rig.model->n_processes, TOP_PROCESSES);
    assert_int_equal(rig.model->more_processes, 10 * 100 - TOP_PROCESSES);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(energy_is_the_counters_difference),
        cmocka_unit_test(energy_is_summed_up_where_there_is_no_counter),
        cmocka_unit_test(power_is_the_counters_where_there_is_no_sensor),
        cmocka_unit_test(energy_is_summed_up_where_no_counter_comes),
        cmocka_unit_test(a_gap_of_the_counter_loses_nothing),
        cmocka_unit_test(a_reset_is_no_wrap),
        cmocka_unit_test(power_is_shared_out_and_adds_up),
        cmocka_unit_test(absent_is_never_zero_and_says_why),
        cmocka_unit_test(a_hanging_device_is_silent),
        cmocka_unit_test(history_is_a_ring),
        cmocka_unit_test(sorts_by_any_column),
        cmocka_unit_test(parts_stand_behind_their_whole),
        cmocka_unit_test(some_devices_of_a_machine),
        cmocka_unit_test(nothing_is_counted_twice),
        cmocka_unit_test(a_process_of_an_instance_is_listed_once),
        cmocka_unit_test(more_processes_than_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
