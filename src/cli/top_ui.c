/* SPDX-License-Identifier: Apache-2.0
 * Keys and clicks. */
#include "cli/top_ui.h"

#include <string.h>

#define INTERVAL_MIN_NS (WTL_NS_PER_S / 10)
#define INTERVAL_MAX_NS (60 * WTL_NS_PER_S)

void top_ui_init(struct top_ui *ui, const struct top_model *m, int64_t interval_ns)
{
    memset(ui, 0, sizeof *ui);
    ui->interval_ns = interval_ns;
    ui->on_processes = m->n <= 1;
    ui->tree = true;
}

/* ---- The cursor ------------------------------------------------------------------------------ */

static int clamp(int x, int lo, int hi)
{
    return x > hi ? (hi < lo ? lo : hi) : x < lo ? lo : x;
}

/* The selected device `step` places on in the order shown. */
static void move_device(struct top_ui *ui, const struct top_model *m, int step)
{
    int n = (int)m->n, place = 0;
    if (n == 0)
        return;
    top_model_order(m, ui->tree, m->order, m->depth);
    for (int i = 0; i < n; i++)
        if (m->order[i] == ui->device)
            place = i;
    ui->device = m->order[clamp(place + step, 0, n - 1)];
}

static void move(struct top_ui *ui, const struct top_model *m, int step)
{
    if (ui->page != TOP_PAGE_MAIN)
        ui->page_top = clamp(ui->page_top + step, 0, 10000); /* the view knows the end */
    else if (ui->on_processes)
        ui->process = clamp(ui->process + step, 0, (int)m->n_processes - 1);
    else
        move_device(ui, m, step);
}

static int page_of(const struct top_ui *ui)
{
    int rows = ui->page != TOP_PAGE_MAIN ? ui->page_rows
               : ui->on_processes        ? ui->process_rows
                                         : ui->device_rows;
    return rows > 1 ? rows - 1 : 1;
}

static bool cursor_key(struct top_ui *ui, const struct top_model *m, int key)
{
    static const int all = 1 << 20;
    switch (key) {
    case TOP_KEY_UP:
    case 'k':
        move(ui, m, -1);
        return true;
    case TOP_KEY_DOWN:
    case 'j':
        move(ui, m, 1);
        return true;
    case TOP_KEY_PAGE_UP:
        move(ui, m, -page_of(ui));
        return true;
    case TOP_KEY_PAGE_DOWN:
        move(ui, m, page_of(ui));
        return true;
    case TOP_KEY_HOME:
    case 'g':
        move(ui, m, -all);
        return true;
    case TOP_KEY_END:
    case 'G':
        move(ui, m, all);
        return true;
    default:
        return false;
    }
}

/* ---- Choices --------------------------------------------------------------------------------- */

static void set_sort(struct top_model *m, int sort)
{
    m->sort = (enum top_sort)((sort + TOP_N_SORTS) % TOP_N_SORTS);
    m->reverse = false;
    top_model_sort(m);
}

/* 0.1, 0.2, 0.5, 1, 2, 5 ... s */
static void change_interval(struct top_ui *ui, bool longer)
{
    static const int64_t steps[] = {1, 2, 5, 10, 20, 50, 100, 200, 600};
    int64_t now = ui->interval_ns, next = now;
    int n = sizeof steps / sizeof steps[0];
    for (int i = 0; i < n && longer && next == now; i++)
        if (steps[i] * INTERVAL_MIN_NS > now)
            next = steps[i] * INTERVAL_MIN_NS;
    for (int i = n - 1; i >= 0 && !longer && next == now; i--)
        if (steps[i] * INTERVAL_MIN_NS < now)
            next = steps[i] * INTERVAL_MIN_NS;
    ui->interval_changed = next != now;
    ui->interval_ns = next > INTERVAL_MAX_NS ? INTERVAL_MAX_NS : next;
}

static void open_page(struct top_ui *ui, enum top_page page)
{
    ui->page = ui->page == page ? TOP_PAGE_MAIN : page;
    ui->page_top = 0;
}

/* Keys that leave a page, or the program. */
static bool leaving_key(struct top_ui *ui, int key)
{
    bool escape = key == TOP_KEY_ESCAPE || key == 'q';
    if (escape && ui->page != TOP_PAGE_MAIN)
        ui->page = TOP_PAGE_MAIN;
    else if (key == 'q' || key == 'Q' || key == TOP_KEY_F(10) || key == TOP_KEY_INTERRUPT)
        ui->quit = true;
    else
        return escape;
    return true;
}

static bool choosing_key(struct top_ui *ui, struct top_model *m, int key)
{
    static const struct {
        int key;
        enum top_sort sort;
    } sorts[] = {{'P', TOP_BY_POWER},  {'U', TOP_BY_UTIL}, {'M', TOP_BY_MEMORY},
                 {'D', TOP_BY_DEVICE}, {'N', TOP_BY_PID},  {'C', TOP_BY_NAME}};
    for (size_t i = 0; i < sizeof sorts / sizeof sorts[0]; i++)
        if (key == sorts[i].key) {
            set_sort(m, (int)sorts[i].sort);
            return true;
        }
    switch (key) {
    case TOP_KEY_F(6):
    case 's':
    case '>':
        set_sort(m, (int)m->sort + 1);
        return true;
    case '<':
        set_sort(m, (int)m->sort - 1);
        return true;
    case 'r':
    case 'I':
        m->reverse = !m->reverse;
        top_model_sort(m);
        return true;
    case '+':
    case '=':
        change_interval(ui, true);
        return true;
    case '-':
        change_interval(ui, false);
        return true;
    default:
        return false;
    }
}

bool top_ui_key(struct top_ui *ui, struct top_model *m, int key)
{
    if (leaving_key(ui, key) || cursor_key(ui, m, key) || choosing_key(ui, m, key))
        return true;
    switch (key) {
    case TOP_KEY_F(1):
    case 'h':
    case '?':
        open_page(ui, TOP_PAGE_HELP);
        return true;
    case TOP_KEY_F(2):
    case TOP_KEY_ENTER:
    case 'd':
        open_page(ui, TOP_PAGE_DETAILS);
        return true;
    case TOP_KEY_F(3):
    case 'v':
        ui->layout = (enum top_layout)(((int)ui->layout + 1) % TOP_N_LAYOUTS);
        return true;
    case TOP_KEY_F(5):
    case 't':
        ui->tree = !ui->tree;
        return true;
    case TOP_KEY_TAB:
        ui->on_processes = !ui->on_processes;
        return true;
    case ' ':
    case 'p':
        ui->paused = !ui->paused;
        return true;
    case TOP_KEY_REDRAW:
        ui->redraw = true;
        return true;
    default:
        return false;
    }
}

/* ---- The mouse ------------------------------------------------------------------------------- */

void top_ui_hit(struct top_ui *ui, enum top_target target, int value, int row, int column, int rows,
                int columns)
{
    if (ui->n_hits < TOP_HITS)
        ui->hit[ui->n_hits++] = (struct top_hit){row, column, rows, columns, target, value};
}

static const struct top_hit *found(const struct top_ui *ui, int row, int column)
{
    for (int i = 0; i < ui->n_hits; i++) {
        const struct top_hit *h = &ui->hit[i];
        if (row >= h->row && row < h->row + h->rows && column >= h->column &&
            column < h->column + h->columns)
            return h;
    }
    return NULL;
}

bool top_ui_click(struct top_ui *ui, struct top_model *m, int row, int column)
{
    const struct top_hit *h = found(ui, row, column);
    if (!h)
        return false;
    switch (h->target) {
    case TOP_HIT_DEVICE:
        ui->device = h->value;
        ui->on_processes = false;
        return true;
    case TOP_HIT_PROCESS:
        ui->process = h->value;
        ui->on_processes = true;
        return true;
    case TOP_HIT_SORT:
        if ((int)m->sort == h->value) {
            m->reverse = !m->reverse;
            top_model_sort(m);
        } else {
            set_sort(m, h->value);
        }
        return true;
    case TOP_HIT_KEY:
        break;
    }
    return top_ui_key(ui, m, h->value);
}

bool top_ui_wheel(struct top_ui *ui, struct top_model *m, int row, int column, int direction)
{
    const struct top_hit *h = found(ui, row, column);
    if (ui->page == TOP_PAGE_MAIN && h && h->target == TOP_HIT_DEVICE)
        ui->on_processes = false;
    else if (ui->page == TOP_PAGE_MAIN)
        ui->on_processes = true;
    move(ui, m, direction * (ui->page == TOP_PAGE_MAIN ? 1 : 3));
    return true;
}
