/* SPDX-License-Identifier: Apache-2.0
 * What keys, clicks and the wheel do. */
#include "top_support.h"

#include "cli/top_view.h"

static struct rig rig;
static struct top_ui ui;
static struct top_screen screen;

static void open_world(int n, int n_processes)
{
    rig_open(&rig);
    for (int i = 0; i < n; i++) {
        char id[16];
        snprintf(id, sizeof id, "test:%d", i);
        struct wtl_device_info info = rig_gpu(id, "A board", i);
        rig_add(&rig, &info);
    }
    rig_model(&rig);
    for (int k = 0; k < n_processes; k++)
        rig_process(&rig, 0, 100 + k, "x", 0.01 * k, 1);
    rig_set(&rig, 0, WTL_M_power_w, 100);
    rig_tick(&rig, 1);
    top_ui_init(&ui, rig.model, WTL_NS_PER_S);
}

static void draw(int columns, int rows)
{
    assert_true(top_screen_resize(&screen, &rig.arena, rows, columns));
    top_view(&screen, rig.model, &ui);
}

static void close_world(void)
{
    screen = (struct top_screen){0};
    rig_close(&rig);
}

static void press(int key)
{
    assert_true(top_ui_key(&ui, rig.model, key));
    draw(80, 24);
}

static void cursor_moves_and_stops_at_the_ends(void **state)
{
    (void)state;
    open_world(3, 40);
    assert_false(ui.on_processes);
    press(TOP_KEY_UP);
    assert_int_equal(ui.device, 0);
    press('j');
    press(TOP_KEY_DOWN);
    press(TOP_KEY_DOWN);
    assert_int_equal(ui.device, 2);
    press(TOP_KEY_HOME);
    assert_int_equal(ui.device, 0);
    press(TOP_KEY_TAB);
    assert_true(ui.on_processes);
    press(TOP_KEY_END);
    assert_int_equal(ui.process, 39);
    assert_true(ui.process_top > 0);
    press(TOP_KEY_PAGE_UP);
    assert_int_equal(ui.process, 39 - (ui.process_rows - 1));
    press('g');
    assert_int_equal(ui.process, 0);
    assert_int_equal(ui.process_top, 0);
    close_world();
}

/* In the order shown, however many there are. */
static void cursor_follows_a_long_list(void **state)
{
    (void)state;
    static const int counts[] = {257, RIG_DEVICES};
    for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) {
        int n = counts[k];
        rig_open(&rig);
        for (int i = 0; i < n; i++) {
            char id[16];
            snprintf(id, sizeof id, "test:%d", i);
            struct wtl_device_info info = rig_gpu(id, "A board", i);
            info.parent = i == n - 1 ? 0 : -1; /* the last is a part of the first */
            rig_add(&rig, &info);
        }
        rig_model(&rig);
        rig_tick(&rig, 1);
        top_ui_init(&ui, rig.model, WTL_NS_PER_S);
        ui.layout = TOP_LAYOUT_LINES;
        press(TOP_KEY_DOWN);
        assert_int_equal(ui.device, n - 1);
        assert_int_equal(ui.device_top, 0);
        press(TOP_KEY_DOWN);
        assert_int_equal(ui.device, 1);
        press(TOP_KEY_END);
        assert_int_equal(ui.device, n - 2);
        assert_int_equal(ui.device_top, n - ui.device_rows);
        press(TOP_KEY_HOME);
        assert_int_equal(ui.device, 0);
        close_world();
    }
}

static void pages_open_and_close(void **state)
{
    (void)state;
    open_world(1, 1);
    press(TOP_KEY_F(1));
    assert_int_equal(ui.page, TOP_PAGE_HELP);
    press(TOP_KEY_DOWN);
    assert_int_equal(ui.page_top, 1);
    press('h');
    assert_int_equal(ui.page, TOP_PAGE_MAIN);
    press(TOP_KEY_ENTER);
    assert_int_equal(ui.page, TOP_PAGE_DETAILS);
    press(TOP_KEY_END); /* no further than there is */
    assert_true(ui.page_top < 60);
    press(TOP_KEY_ESCAPE);
    assert_int_equal(ui.page, TOP_PAGE_MAIN);
    assert_false(ui.quit);
    press('d');
    press('q'); /* leaves the page first */
    assert_false(ui.quit);
    press('q');
    assert_true(ui.quit);
    ui.quit = false;
    press(TOP_KEY_F(10));
    assert_true(ui.quit);
    assert_false(top_ui_key(&ui, rig.model, 'z'));
    close_world();
}

static void interval_goes_in_steps(void **state)
{
    (void)state;
    open_world(1, 1);
    press('+');
    assert_true(ui.interval_ns == 2 * WTL_NS_PER_S);
    assert_true(ui.interval_changed);
    press('-');
    press('-');
    assert_true(ui.interval_ns == WTL_NS_PER_S / 2);
    for (int i = 0; i < 20; i++)
        press('-');
    assert_true(ui.interval_ns == WTL_NS_PER_S / 10);
    assert_false(ui.interval_changed); /* already there */
    for (int i = 0; i < 20; i++)
        press('+');
    assert_true(ui.interval_ns == 60 * WTL_NS_PER_S);
    ui.interval_ns = 3 * WTL_NS_PER_S / 2; /* of the command line */
    press('+');
    assert_true(ui.interval_ns == 2 * WTL_NS_PER_S);
    close_world();
}

static void choices(void **state)
{
    (void)state;
    open_world(2, 3);
    press(' ');
    assert_true(ui.paused);
    press('p');
    assert_false(ui.paused);
    bool tree = ui.tree;
    press(TOP_KEY_F(5));
    assert_true(ui.tree != tree);
    press('v');
    assert_int_equal(ui.layout, TOP_LAYOUT_PANELS);
    press(TOP_KEY_F(3));
    press('v');
    assert_int_equal(ui.layout, TOP_LAYOUT_AUTO);
    press('N');
    assert_int_equal(rig.model->sort, TOP_BY_PID);
    assert_int_equal(rig.model->process[0].process.pid, 100);
    press('r');
    assert_int_equal(rig.model->process[0].process.pid, 102);
    press('>');
    assert_int_equal(rig.model->sort, TOP_BY_NAME);
    assert_false(rig.model->reverse);
    press('s');
    assert_int_equal(rig.model->sort, TOP_BY_POWER); /* around */
    press('<');
    assert_int_equal(rig.model->sort, TOP_BY_NAME);
    press(TOP_KEY_REDRAW);
    assert_true(ui.redraw);
    close_world();
}

/* The cell at which `text` begins. */
static void find(const char *text, int *row_out, int *column_out)
{
    for (int row = 0; row < screen.rows; row++)
        for (int column = 0; column + (int)strlen(text) <= screen.columns; column++) {
            int k = 0;
            while (text[k] && screen.cell[row * screen.columns + column + k].text[0] == text[k])
                k++;
            if (!text[k]) {
                *row_out = row;
                *column_out = column;
                return;
            }
        }
    fail_msg("\"%s\" is not on the screen", text);
}

static void click(const char *text)
{
    int row, column;
    draw(80, 24);
    find(text, &row, &column);
    assert_true(top_ui_click(&ui, rig.model, row, column));
    draw(80, 24);
}

static void what_is_clicked_is_what_is_meant(void **state)
{
    (void)state;
    open_world(2, 3);
    click("1 A board");
    assert_int_equal(ui.device, 1);
    click("101");
    assert_true(ui.on_processes);
    assert_int_equal(rig.model->process[ui.process].process.pid, 101);
    click("MEMORY");
    assert_int_equal(rig.model->sort, TOP_BY_MEMORY);
    click("PID");
    assert_int_equal(rig.model->process[0].process.pid, 100);
    click("PID");
    assert_true(rig.model->reverse);
    click("Pause");
    assert_true(ui.paused);
    click("Help");
    assert_int_equal(ui.page, TOP_PAGE_HELP);
    click("Quit");
    assert_true(ui.quit);
    assert_false(top_ui_click(&ui, rig.model, 0, 0));
    close_world();
}

static void the_wheel_moves_what_is_under_it(void **state)
{
    (void)state;
    open_world(2, 3);
    int row, column;
    draw(80, 24);
    find("102", &row, &column);
    top_ui_wheel(&ui, rig.model, row, column, 1);
    assert_int_equal(ui.process, 1);
    find("1 A board", &row, &column);
    top_ui_wheel(&ui, rig.model, row, column, 1);
    assert_int_equal(ui.device, 1);
    ui.page = TOP_PAGE_HELP;
    top_ui_wheel(&ui, rig.model, 5, 5, 1);
    assert_int_equal(ui.page_top, 3);
    top_ui_wheel(&ui, rig.model, 5, 5, -1);
    assert_int_equal(ui.page_top, 0);
    close_world();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cursor_moves_and_stops_at_the_ends),
        cmocka_unit_test(cursor_follows_a_long_list),
        cmocka_unit_test(pages_open_and_close),
        cmocka_unit_test(interval_goes_in_steps),
        cmocka_unit_test(choices),
        cmocka_unit_test(what_is_clicked_is_what_is_meant),
        cmocka_unit_test(the_wheel_moves_what_is_under_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
