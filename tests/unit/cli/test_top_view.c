/* SPDX-License-Identifier: Apache-2.0
 * Screens of `wattle top` cell by cell, against tests/unit/cli/screens/NAME.txt. With
 * WATTLE_SCREENS=write in the environment the files are written anew: look at the difference. */
#include "top_support.h"

#include "base/columns.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/top_view.h"

#include <math.h>
#include <stdlib.h>

static struct rig rig;
static struct top_ui ui;
static struct top_screen screen;

static void open_world(int n)
{
    static const char *const names[] = {"NVIDIA A100-PCIE-40GB", "Tesla V100-PCIE-32GB"};
    rig_open(&rig);
    for (int i = 0; i < n; i++) {
        char id[32];
        snprintf(id, sizeof id, "nvml:GPU-%08x", 0x1234567 + i);
        struct wtl_device_info info = rig_gpu(id, names[i % 2], i);
        if (i == 1)
            info.flags = WTL_DEVICE_VIRTUAL;
        info.knobs = WTL_KNOB_BIT(WTL_KNOB_sm_clock_mhz) | WTL_KNOB_BIT(WTL_KNOB_power_limit_w);
        rig_add(&rig, &info);
    }
}

/* Half a minute of load that comes and goes. */
static void run_world(int n_gpus)
{
    rig_model(&rig);
    top_ui_init(&ui, rig.model, WTL_NS_PER_S);
    for (int t = 0; t < 30; t++) {
        for (int i = 0; i < n_gpus; i++) {
            double u = t < 3 ? 0 : 0.5 + 0.45 * sin(t / 5.0 + i);
            double p = 40 + 205 * u;
            rig.sample[i].n_processes = 0;
            rig_set(&rig, i, WTL_M_power_w, p);
            rig_set(&rig, i, WTL_M_power_limit_enforced_w, 250);
            rig_set(&rig, i, WTL_M_energy_counter_j, 1e6 + 130.0 * t);
            rig_set(&rig, i, WTL_M_temp_c, 35 + round(30 * u));
            rig_lack(&rig, i, WTL_M_mem_temp_c, WTL_ABSENT_DENIED);
            rig_set(&rig, i, WTL_M_sm_clock_mhz, 210 + 15 * round(80 * u));
            rig_set(&rig, i, WTL_M_mem_clock_mhz, 1215);
            rig_set(&rig, i, WTL_M_pstate, 0);
            rig_set(&rig, i, WTL_M_gpu_util, u);
            rig_set(&rig, i, WTL_M_event_reasons, u > 0.9 ? 4 : u > 0 ? 0 : 1);
            rig_set(&rig, i, WTL_M_fb_total_b, 40.0 * (1 << 30));
            rig_set(&rig, i, WTL_M_fb_used_b, (1 + 20 * u) * (1 << 30));
            if (t >= 3) {
                rig_process(&rig, i, 4000 + i, "python3", u * 0.7, 12);
                rig_process(&rig, i, 4100 + i, "tritonserver", u * 0.3, 3.5);
            }
            rig.sample[i].knobs = WTL_KNOB_BIT(WTL_KNOB_sm_clock_mhz);
            rig.sample[i].knob[WTL_KNOB_sm_clock_mhz] =
                (struct wtl_knob_state){.known = i == 0, .requested = {.lo = 300, .hi = 1140}};
        }
        rig_tick(&rig, 1);
    }
}

static void draw(int columns, int rows)
{
    assert_true(top_screen_resize(&screen, &rig.arena, rows, columns));
    top_view(&screen, rig.model, &ui);
    top_view(&screen, rig.model, &ui); /* drawing changes nothing that is drawn */
}

static void close_world(void)
{
    screen = (struct top_screen){0};
    rig_close(&rig);
}

/* Every line is as wide as the screen at most, and none is cut inside a character. */
static void check_shape(const char *text)
{
    int rows = 0;
    for (const char *at = text; *at; rows++) {
        size_t n = strcspn(at, "\n");
        assert_true(wtl_columns_of_bytes(at, n) <= screen.columns);
        at += n + 1;
    }
    assert_true(rows <= screen.rows);
    assert_true(wtl_utf8_valid(text));
}

static void expect(const char *name)
{
    char *text = NULL, path[200];
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    top_screen_print(&screen, f);
    fclose(f);
    check_shape(text);
    snprintf(path, sizeof path, "%s", source_path("tests/unit/cli/screens"));
    snprintf(path + strlen(path), sizeof path - strlen(path), "/%s.txt", name);
    const char *mode = getenv("WATTLE_SCREENS");
    if (mode && strcmp(mode, "write") == 0)
        write_text(path, text);
    WTL_ARENA(arena);
    char *wanted = NULL;
    size_t n = 0;
    struct wtl_error err = {0};
    assert_ok(wtl_file_read(&arena, path, 1 << 20, &wanted, &n, &err), &err);
    assert_string_equal(text, wanted);
    free(text);
}

static void one_gpu(void **state)
{
    (void)state;
    open_world(1);
    run_world(1);
    draw(80, 24);
    expect("one-80x24");
    draw(120, 40);
    expect("one-120x40");
    screen.ascii = true;
    draw(80, 24);
    expect("one-80x24-ascii");
    draw(120, 40);
    expect("one-120x40-ascii");
    close_world();
}

static void two_gpus_and_a_package(void **state)
{
    (void)state;
    open_world(2);
    struct wtl_device_info cpu = {.id = "rapl:0",
                                  .name = "package 0",
                                  .kind = WTL_DEVICE_CPU,
                                  .parent = -1,
                                  .index = -1,
                                  .sensors = WTL_METRIC_BIT(WTL_M_energy_counter_j)};
    rig_add(&rig, &cpu);
    rig.sample[2].processes_rc = -WTL_UNSUPPORTED;
    rig_set(&rig, 2, WTL_M_energy_counter_j, 0);
    run_world(2);
    rig_set(&rig, 2, WTL_M_energy_counter_j, 95);
    rig_tick(&rig, 1);
    draw(80, 24);
    expect("mixed-80x24");
    draw(120, 40);
    expect("mixed-120x40");
    draw(200, 60);
    expect("mixed-200x60");
    ui.page = TOP_PAGE_DETAILS;
    draw(80, 24);
    expect("details-80x24");
    ui.page_top = 1000;
    draw(80, 24);
    expect("details-end-80x24");
    ui.page = TOP_PAGE_HELP;
    ui.page_top = 0;
    draw(80, 24);
    expect("help-80x24");
    close_world();
}

static void many_gpus_scroll(void **state)
{
    (void)state;
    open_world(12);
    run_world(12);
    draw(80, 24);
    expect("many-80x24");
    for (int i = 0; i < 11; i++)
        top_ui_key(&ui, rig.model, TOP_KEY_DOWN);
    draw(80, 24);
    expect("many-end-80x24");
    ui.layout = TOP_LAYOUT_PANELS;
    draw(120, 40);
    expect("many-panels-120x40");
    ui.batch = true;
    ui.layout = TOP_LAYOUT_AUTO;
    draw(100, 200);
    expect("many-batch");
    close_world();
}

static void silent_lost_and_unread_devices(void **state)
{
    (void)state;
    open_world(4);
    rig_model(&rig);
    top_ui_init(&ui, rig.model, WTL_NS_PER_S);
    rig_fail(&rig, 0, -WTL_TIMEOUT, "nvml:GPU-1234567 did not answer within 2 s");
    rig_fail(&rig, 1, -WTL_LOST, "the GPU has fallen off the bus");
    rig_set(&rig, 2, WTL_M_power_w, 33);
    rig_tick(&rig, 1);
    rig.sample[0].t_ns = rig.sample[1].t_ns = 1;
    rig_fail(&rig, 3, -WTL_FAILED, "unknown error 999");
    rig_tick(&rig, 1);
    draw(80, 40);
    expect("trouble-80x40");
    draw(80, 24);
    expect("trouble-80x24");
    close_world();
}

/* A split A100 and a whole P40: every row of 80 columns is told apart by its number and by the
 * profile, which comes first. */
static void slices_are_told_apart(void **state)
{
    (void)state;
    static const char *const slices[] = {"NVIDIA A100-PCIE-40GB MIG 3g.20gb",
                                         "NVIDIA A100-PCIE-40GB MIG 2g.10gb"};
    rig_open(&rig);
    struct wtl_device_info board = rig_gpu("nvml:GPU-0", "NVIDIA A100-PCIE-40GB", 0);
    board.flags = WTL_DEVICE_VIRTUAL | WTL_DEVICE_MIG;
    rig_add(&rig, &board);
    for (int i = 0; i < 2; i++) {
        char id[32];
        snprintf(id, sizeof id, "nvml:MIG-%d", i);
        struct wtl_device_info slice = rig_gpu(id, slices[i], i);
        slice.kind = WTL_DEVICE_GPU_SLICE;
        slice.flags = WTL_DEVICE_VIRTUAL;
        slice.parent = 0;
        rig_add(&rig, &slice);
    }
    struct wtl_device_info other = rig_gpu("nvml:GPU-1", "Tesla P40", 1);
    other.flags = WTL_DEVICE_VIRTUAL;
    rig_add(&rig, &other);
    run_world(4);
    ui.layout = TOP_LAYOUT_LINES;
    draw(80, 24);
    expect("mig-80x24");
    ui.tree = true;
    ui.layout = TOP_LAYOUT_PANELS;
    draw(120, 40);
    expect("mig-panels-120x40");
    char label[TOP_LABEL];
    rig.model->device[2].info.parent = -1; /* `-i` of the instance alone */
    assert_string_equal(top_device_label(rig.model, 2, label), "-/1");
    close_world();
}

/* No size makes it write outside of the grid, or crash. */
static void any_size(void **state)
{
    (void)state;
    open_world(5);
    run_world(5);
    for (int columns = 0; columns < 140; columns += 7)
        for (int rows = 0; rows < 60; rows += 3)
            for (int page = 0; page < 3; page++)
                for (int layout = 0; layout < TOP_N_LAYOUTS; layout++) {
                    ui.page = (enum top_page)page;
                    ui.layout = (enum top_layout)layout;
                    draw(columns, rows);
                }
    draw(39, 24);
    expect("too-small");
    close_world();
}

static void hostile_names_stay_text(void **state)
{
    (void)state;
    rig_open(&rig);
    struct wtl_device_info info = rig_gpu("test:x", "evil\x1b[2J\xff\n\xe5\xb9\xb3 board", -1);
    rig_add(&rig, &info);
    rig_model(&rig);
    top_ui_init(&ui, rig.model, WTL_NS_PER_S);
    rig_set(&rig, 0, WTL_M_power_w, 33);
    rig_process(&rig, 0, 7, "\x1b]0;owned\x07", 0.1, 1);
    rig_tick(&rig, 1);
    draw(80, 24);
    expect("hostile-80x24");
    close_world();
}

static void nothing_to_show(void **state)
{
    (void)state;
    rig_open(&rig);
    rig_model(&rig);
    top_ui_init(&ui, rig.model, WTL_NS_PER_S);
    draw(80, 24);
    ui.page = TOP_PAGE_DETAILS;
    draw(80, 24);
    close_world();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_gpu),          cmocka_unit_test(two_gpus_and_a_package),
        cmocka_unit_test(many_gpus_scroll), cmocka_unit_test(silent_lost_and_unread_devices),
        cmocka_unit_test(any_size),         cmocka_unit_test(hostile_names_stay_text),
        cmocka_unit_test(nothing_to_show),  cmocka_unit_test(slices_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
