/* SPDX-License-Identifier: Apache-2.0
 * The main page: a head line, devices as panels or as lines, a chart where there is room,
 * processes, keys. */
#include "cli/top_view.h"

#include "base/columns.h"
#include "core/event_reasons.h"

#include <string.h>

enum {
    GPU_PANEL = 5, /* rows of a panel, and of one without utilisation */
    SMALL_PANEL = 3,
    PROCESSES_MIN = 6, /* rows that stay for processes */
    CHART_MIN = 7,     /* rows below which a chart says nothing */
    CHART_MAX = 16,
};

/* ---- Head and keys --------------------------------------------------------------------------- */

static void draw_head(struct top_screen *s, const struct top_model *m, const struct top_ui *ui)
{
    char watt[TOP_TEXT], joule[TOP_TEXT], elapsed[32], right[64];
    struct top_total t = top_model_total(m);
    top_fill(s, 0, 0, s->columns, TOP_HEAD);
    int x = 1 + top_put(s, 0, 1, s->columns, TOP_HEAD_KEY, "wattle top");
    x += top_printf(s, 0, x, s->columns - x, TOP_HEAD, "  %zu device%s  %s", m->n,
                    m->n == 1 ? "" : "s", top_watt(t.power_w, watt));
    if (t.energy_j.has)
        x +=
            top_printf(s, 0, x, s->columns - x, TOP_HEAD, "  %s in %s",
                       top_joule(t.energy_j, joule), top_elapsed(m->now_ns - m->start_ns, elapsed));
    if (t.n_silent)
        x +=
            top_printf(s, 0, x, s->columns - x, TOP_HEAD_KEY, "  %d without an answer", t.n_silent);
    if (m->stalled_ns)
        x += top_printf(s, 0, x, s->columns - x, TOP_HEAD_KEY, "  nothing read for %.0f s",
                        (double)m->stalled_ns / 1e9);
    snprintf(right, sizeof right, "%severy %g s ", ui->paused ? "PAUSED  " : "",
             (double)ui->interval_ns / 1e9);
    if (wtl_columns(right) + 2 < s->columns - x)
        top_put_right(s, 0, x, s->columns - x, TOP_HEAD, right);
}

static void draw_keys(struct top_screen *s, struct top_ui *ui)
{
    static const struct {
        int key;
        const char *name, *what;
    } keys[] = {
        {TOP_KEY_F(1), "F1", "Help "},   {TOP_KEY_F(2), "F2", "Details "},
        {TOP_KEY_F(3), "F3", "View "},   {TOP_KEY_F(5), "F5", "Tree "},
        {TOP_KEY_F(6), "F6", "Sort "},   {'-', "-", "Faster "},
        {'+', "+", "Slower "},           {' ', "Space", "Pause "},
        {TOP_KEY_F(10), "F10", "Quit "},
    };
    int row = s->rows - 1, x = 0;
    top_fill(s, row, 0, s->columns, TOP_HEAD);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        int begin = x;
        x += top_put(s, row, x, s->columns - x, TOP_PLAIN, keys[i].name);
        x += top_put(s, row, x, s->columns - x, TOP_HEAD, keys[i].what);
        top_ui_hit(ui, TOP_HIT_KEY, keys[i].key, row, begin, 1, x - begin);
    }
}

/* ---- What stands in panels and lines alike --------------------------------------------------- */

static struct top_value clock_of(const struct top_device *d)
{
    static const enum wtl_metric clocks[] = {WTL_M_sm_clock_mhz, WTL_M_gr_clock_mhz,
                                             WTL_M_cpu_clock_mhz};
    struct top_value v = {0};
    for (size_t i = 0; i < sizeof clocks / sizeof clocks[0] && !v.has; i++)
        v = top_metric(d, clocks[i]);
    return v;
}

static double power_scale(const struct top_device *d)
{
    if (d->limit_w.has && d->limit_w.value > 0)
        return d->limit_w.value;
    const struct wtl_knob_range *r = &d->sample.range[WTL_KNOB_power_limit_w];
    if ((d->sample.ranges & WTL_KNOB_BIT(WTL_KNOB_power_limit_w)) && r->max > 0)
        return r->max;
    return top_round_scale(d->seen_power_w_max);
}

static struct top_value power_share(const struct top_device *d)
{
    return (struct top_value){d->power_w.has, d->power_w.value / power_scale(d)};
}

/* What to say of the state in a word or two, and how it looks. */
static const char *state_text(const struct top_device *d, char buf[200], enum top_style *style)
{
    char reasons[WTL_EVENT_REASONS_TEXT];
    *style = TOP_BAD;
    if (d->state == TOP_STARTING)
        return *style = TOP_DIM, "not read yet";
    if (d->state == TOP_SILENT)
        return "not answering";
    if (d->state == TOP_GONE)
        return d->info.flags & WTL_DEVICE_REPLAY ? "recording is over" : "lost";
    if (d->state == TOP_FAILS)
        return "read failed";
    struct top_value bits = top_metric(d, WTL_M_event_reasons);
    uint64_t mask = bits.has ? (uint64_t)bits.value : 0;
    bool held = wtl_event_reasons_hold(mask);
    *style = held ? TOP_WARN : TOP_DIM;
    snprintf(buf, 200, "%s%s", held ? "held by " : "", wtl_event_reasons_text(mask, held, reasons));
    return buf;
}

/* The same where there is little room. */
static const char *short_state(const struct top_device *d, char buf[200], enum top_style *style)
{
    const char *text = state_text(d, buf, style);
    if (d->state == TOP_SILENT)
        return "no answer";
    if (d->state == TOP_GONE && text != buf && strlen(text) > 8)
        return "over";
    struct top_value bits = top_metric(d, WTL_M_event_reasons);
    size_t n = 0;
    const struct wtl_event_reason *r = wtl_event_reasons(&n);
    for (size_t i = 0; i < n && d->state == TOP_ANSWERS && bits.has; i++)
        if (r[i].holds && ((uint64_t)bits.value & r[i].bit))
            return r[i].word;
    return text;
}

/* "A100-PCIE-40GB"; of a MIG instance its profile first, as room is short: "3g.20gb
 * A100-PCIE-40GB". */
static const char *short_name(const struct top_device *d, char buf[2 * WTL_LIMIT_NAME])
{
    static const char *const makers[] = {"NVIDIA ", "AMD ", "Intel ", "Tesla "};
    const char *name = d->info.name[0] ? d->info.name : d->info.id;
    for (size_t i = 0; i < sizeof makers / sizeof makers[0]; i++)
        if (strncmp(name, makers[i], strlen(makers[i])) == 0) {
            name += strlen(makers[i]);
            break;
        }
    const char *mig = d->info.kind == WTL_DEVICE_GPU_SLICE ? strstr(name, " MIG ") : NULL;
    if (!mig)
        return name;
    snprintf(buf, 2 * WTL_LIMIT_NAME, "%s %.*s", mig + strlen(" MIG "), (int)(mig - name), name);
    return buf;
}

/* "SM lock 300-1140 MHz": what is requested of the knobs, or our record of it. */
static void draw_requests(struct top_screen *s, const struct top_device *d, int row, int x)
{
    static const struct {
        enum wtl_knob knob;
        const char *name;
    } shown[] = {{WTL_KNOB_sm_clock_mhz, "SM lock"},
                 {WTL_KNOB_mem_clock_mhz, "memory lock"},
                 {WTL_KNOB_cpu_clock_mhz, "range"},
                 {WTL_KNOB_cpu_quota, "quota"}};
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        struct wtl_knob_value value;
        char text[WTL_KNOB_TEXT];
        if (!top_requested(d, shown[i].knob, &value) || value.released)
            continue;
        x += top_printf(s, row, x, s->columns - x, TOP_DIM, "%s ", shown[i].name);
        x += top_put(s, row, x, s->columns - x, TOP_VALUE,
                     wtl_knob_format(shown[i].knob, value, text));
        x += 2;
    }
}

/* ---- Panels ---------------------------------------------------------------------------------- */

static bool is_small(const struct top_device *d)
{
    uint64_t loads = WTL_METRIC_BIT(WTL_M_gpu_util) | WTL_METRIC_BIT(WTL_M_fb_used_b) |
                     WTL_METRIC_BIT(WTL_M_sm_clock_mhz);
    return (d->info.sensors & loads) == 0 && d->info.kind != WTL_DEVICE_GPU;
}

static int panel_rows(const struct top_device *d)
{
    return is_small(d) ? SMALL_PANEL : GPU_PANEL;
}

/* "── 0 NVIDIA A100 · virtual · virtual:a100 ────────── held by power limit ──" */
static void draw_title(struct top_screen *s, const struct top_model *m, const struct top_ui *ui,
                       int device, int depth, int row)
{
    const struct top_device *d = &m->device[device];
    char label[TOP_LABEL], marks[64], text[200], state[220];
    enum top_style style = TOP_DIM;
    bool selected = ui->device == device && m->n > 1 && !ui->batch;
    for (int x = 0; x < s->columns; x++)
        top_glyph(s, row, x, TOP_DIM, "\u2500", '-');
    snprintf(state, sizeof state, " %s ", state_text(d, text, &style));
    bool named = d->info.index >= 0 || d->info.kind == WTL_DEVICE_GPU;
    int x = 1 + 2 * depth;
    if (selected)
        top_glyph(s, row, x - 1, TOP_TITLE, "\u25b8", '>');
    enum top_style title = selected ? TOP_SELECTED : TOP_TITLE;
    int room = s->columns - x - 2;
    if (named)
        x += top_printf(s, row, x, room, title, " %s %s ", top_device_label(m, device, label),
                        d->info.name);
    else
        x += top_printf(s, row, x, room, title, " %s ", d->info.name);
    if (top_device_marks(d, marks)[0])
        x += top_printf(s, row, x, s->columns - x, TOP_WARN, "%s ", marks);
    int need = wtl_columns(state[2] ? state : "");
    if (x + wtl_columns(d->info.id) + 2 + need < s->columns)
        x += top_printf(s, row, x, s->columns - x, TOP_DIM, "%s ", d->info.id);
    if (state[2])
        top_put(s, row, s->columns - need - 2 > x ? s->columns - need - 2 : x, s->columns - x,
                style, state);
}

struct columns {
    int bar, text, spark; /* where each begins */
    int bar_width, spark_width;
};

static struct columns panel_columns(int width)
{
    struct columns c = {.bar = 9};
    c.bar_width = (width - 9 - 20) / 2;
    if (c.bar_width > 50)
        c.bar_width = 50;
    if (c.bar_width < 4)
        c.bar_width = 4;
    c.text = c.bar + c.bar_width + 1;
    c.spark = c.text + 17;
    c.spark_width = width - c.spark - 1;
    return c;
}

static void draw_power_row(struct top_screen *s, const struct top_device *d, int row)
{
    struct columns c = panel_columns(s->columns);
    char text[TOP_TEXT + 16], watt[TOP_TEXT];
    top_put(s, row, 1, 8, TOP_DIM, "Power");
    top_bar(s, row, c.bar, c.bar_width, TOP_POWER, power_share(d));
    if (d->limit_w.has && d->power_w.has)
        snprintf(text, sizeof text, "%.1f/%.0f W", d->power_w.value, d->limit_w.value);
    else
        snprintf(text, sizeof text, "%s", top_watt(d->power_w, watt));
    top_put_right(s, row, c.text, 15, TOP_VALUE, text);
    top_sparkline(s, row, c.spark, c.spark_width, TOP_POWER, &d->power, power_scale(d));
}

static void draw_load_rows(struct top_screen *s, const struct top_device *d, int row)
{
    struct columns c = panel_columns(s->columns);
    char text[TOP_TEXT];
    struct top_value util = top_metric(d, WTL_M_gpu_util);
    struct top_value used = top_metric(d, WTL_M_fb_used_b), total = top_memory_total(d);
    bool share = used.has && total.has && total.value > 0;
    top_put(s, row, 1, 8, TOP_DIM, "SM use");
    top_bar(s, row, c.bar, c.bar_width, TOP_LOAD, util);
    top_put_right(s, row, c.text, 15, TOP_VALUE, top_percent(util, text));
    top_sparkline(s, row, c.spark, c.spark_width, TOP_LOAD, &d->util, 1);
    top_put(s, row + 1, 1, 8, TOP_DIM, "Memory");
    top_bar(s, row + 1, c.bar, c.bar_width, TOP_MEMORY,
            (struct top_value){share, share ? used.value / total.value : 0});
    top_put_right(s, row + 1, c.text, 15, TOP_VALUE, top_memory(used, total, text));
}

/* "Memory" has room to its right: the clocks stand there. */
static void draw_clocks(struct top_screen *s, const struct top_device *d, int row)
{
    struct columns c = panel_columns(s->columns);
    char text[TOP_TEXT];
    int x = c.spark;
    x += top_put(s, row, x, 6, TOP_DIM, "clock ");
    struct top_value clock = clock_of(d);
    x += top_put(s, row, x, s->columns - x, TOP_VALUE, top_mhz(clock, text));
    x += top_put(s, row, x, s->columns - x, TOP_DIM, "  mem ");
    top_put(s, row, x, s->columns - x, TOP_VALUE,
            top_mhz(top_metric(d, WTL_M_mem_clock_mhz), text));
}

static int draw_item(struct top_screen *s, int row, int x, const char *name, const char *value)
{
    int need = wtl_columns(name) + 1 + wtl_columns(value);
    if (x + need > s->columns)
        return 0;
    int used = name[0] ? top_printf(s, row, x, s->columns - x, TOP_DIM, "%s ", name) : 0;
    used += top_put(s, row, x + used, s->columns - x - used, TOP_VALUE, value);
    return used + 2;
}

static void draw_info_row(struct top_screen *s, const struct top_device *d, int row)
{
    char text[TOP_TEXT];
    int x = 1;
    bool small = is_small(d);
    struct top_value pstate = top_metric(d, WTL_M_pstate);
    struct top_value temp = top_metric(d, WTL_M_temp_c);
    if (!small || (d->info.sensors >> WTL_M_temp_c & 1))
        x += draw_item(s, row, x, temp.has ? "" : "temp", top_celsius(temp, text));
    if (pstate.has && pstate.value >= 0 && pstate.value < 16) {
        snprintf(text, sizeof text, "P%d", (int)pstate.value);
        x += draw_item(s, row, x, "", text);
    }
    x += draw_item(s, row, x,
                   d->energy_j.has && !d->energy_from_counter ? "energy (from power)" : "energy",
                   top_joule(d->energy_j, text));
    if (d->info.sensors >> WTL_M_cpu_clock_mhz & 1)
        x += draw_item(s, row, x, "clock", top_mhz(clock_of(d), text));
    struct top_value cpu = top_metric(d, WTL_M_cpu_time_s);
    if (d->info.sensors >> WTL_M_cpu_time_s & 1) {
        snprintf(text, sizeof text, cpu.has ? "%.1f s" : "-", cpu.value);
        x += draw_item(s, row, x, "CPU time", text);
    }
    if (d->power_source == TOP_POWER_COUNTER)
        x += draw_item(s, row, x, "power from", "the counter");
    if (d->idle_w.has && !small)
        x += draw_item(s, row, x, "idle", top_watt(d->idle_w, text));
    if (d->unattributed_w.has && d->unattributed_w.value > 0.05 && d->sample.processes_rc == 0)
        x += draw_item(s, row, x, "unattributed", top_watt(d->unattributed_w, text));
    draw_requests(s, d, row, x);
}

static void draw_panel(struct top_screen *s, const struct top_model *m, struct top_ui *ui,
                       int device, int depth, int row)
{
    const struct top_device *d = &m->device[device];
    draw_title(s, m, ui, device, depth, row);
    top_ui_hit(ui, TOP_HIT_DEVICE, device, row, 0, panel_rows(d), s->columns);
    draw_power_row(s, d, row + 1);
    int last = row + panel_rows(d) - 1;
    if (!is_small(d)) {
        draw_load_rows(s, d, row + 2);
        draw_clocks(s, d, row + 3);
    }
    if (d->state == TOP_ANSWERS || d->state == TOP_STARTING)
        draw_info_row(s, d, last);
    else
        top_put(s, last, 1, s->columns - 2, TOP_BAD, d->trouble);
}

/* ---- Lines: one a device --------------------------------------------------------------------- */

struct line_columns {
    int name, name_width;
    int power, limit, util, clock, memory, temp, energy, state; /* right ends, but for state */
};

static struct line_columns line_columns(int width)
{
    struct line_columns c = {.name = 5};
    bool wide = width >= 110;
    c.name_width = wide ? 28 : 16;
    c.power = c.name + c.name_width + 8;
    c.limit = c.power + 7;
    c.util = c.limit + 7;
    c.clock = c.util + 9;
    c.memory = c.clock + (wide ? 14 : 11);
    c.temp = c.memory + 6;
    c.energy = wide ? c.temp + 10 : 0;
    c.state = (wide ? c.energy : c.temp) + 2;
    return c;
}

static void right(struct top_screen *s, int row, int end, int width, enum top_style style,
                  const char *text)
{
    if (end > 0)
        top_put_right(s, row, end - width, width, style, text);
}

static void draw_lines_head(struct top_screen *s, int row)
{
    struct line_columns c = line_columns(s->columns);
    top_fill(s, row, 0, s->columns, TOP_HEAD);
    top_put(s, row, 1, c.name_width, TOP_HEAD, "DEV");
    top_put(s, row, c.name, c.name_width, TOP_HEAD, "NAME");
    right(s, row, c.power, 8, TOP_HEAD, "POWER");
    right(s, row, c.limit, 6, TOP_HEAD, "LIMIT");
    right(s, row, c.util, 6, TOP_HEAD, "SM USE");
    right(s, row, c.clock, 8, TOP_HEAD, "CLOCK");
    right(s, row, c.memory, 13, TOP_HEAD, "MEMORY");
    right(s, row, c.temp, 6, TOP_HEAD, "TEMP");
    right(s, row, c.energy, 9, TOP_HEAD, "ENERGY");
    top_put(s, row, c.state, s->columns - c.state, TOP_HEAD,
            s->columns - c.state >= 30 ? "TREND     STATE" : "STATE");
}

static void draw_line(struct top_screen *s, const struct top_model *m, struct top_ui *ui,
                      int device, int depth, int row)
{
    struct line_columns c = line_columns(s->columns);
    const struct top_device *d = &m->device[device];
    char text[200], label[TOP_LABEL], name[2 * WTL_LIMIT_NAME];
    enum top_style style = TOP_DIM;
    bool named = d->info.index >= 0 || d->info.kind == WTL_DEVICE_GPU;
    struct top_value clock = clock_of(d);
    if (named)
        top_put(s, row, 1, 4, TOP_TITLE, top_device_label(m, device, label));
    bool made_up = d->info.flags & (WTL_DEVICE_VIRTUAL | WTL_DEVICE_REPLAY);
    int x = c.name + depth;
    x += top_put(s, row, x, c.name_width - depth - (made_up ? 2 : 0), TOP_TITLE,
                 short_name(d, name));
    if (made_up)
        top_put(s, row, x + 1, 1, TOP_WARN, d->info.flags & WTL_DEVICE_VIRTUAL ? "v" : "r");
    right(s, row, c.power, 8, TOP_VALUE, top_watt(d->power_w, text));
    snprintf(text, sizeof text, d->limit_w.has ? "%.0f W" : "-", d->limit_w.value);
    right(s, row, c.limit, 6, TOP_VALUE, text);
    right(s, row, c.util, 6, TOP_VALUE, top_percent(top_metric(d, WTL_M_gpu_util), text));
    right(s, row, c.clock, 8, TOP_VALUE, top_mhz(clock, text));
    top_memory(top_metric(d, WTL_M_fb_used_b), top_memory_total(d), text);
    char *unit = strstr(text, " GiB");
    if (unit && s->columns < 110)
        memcpy(unit, "G", 2);
    right(s, row, c.memory, 13, TOP_VALUE, text);
    right(s, row, c.temp, 6, TOP_VALUE, top_celsius(top_metric(d, WTL_M_temp_c), text));
    right(s, row, c.energy, 9, TOP_VALUE, top_joule(d->energy_j, text));
    x = c.state;
    if (s->columns - x >= 30) {
        top_sparkline(s, row, x, 9, TOP_POWER, &d->power, power_scale(d));
        x += 10;
    }
    const char *state =
        s->columns - x < 24 ? short_state(d, text, &style) : state_text(d, text, &style);
    top_put(s, row, x, s->columns - x, style, state);
    if (ui->device == device && m->n > 1)
        top_restyle(s, row, 0, s->columns, TOP_SELECTED);
    top_ui_hit(ui, TOP_HIT_DEVICE, device, row, 0, 1, s->columns);
}

/* ---- The devices ----------------------------------------------------------------------------- */

struct shown {
    int n;
    const int *order, *depth;
    int selected; /* place of the selected device */
};

static void order_devices(const struct top_model *m, const struct top_ui *ui, struct shown *shown)
{
    *shown = (struct shown){.n = (int)m->n, .order = m->order, .depth = m->depth};
    top_model_order(m, ui->tree, m->order, m->depth);
    for (int i = 0; i < shown->n; i++)
        if (shown->order[i] == ui->device)
            shown->selected = i;
}

static int all_panels(const struct top_model *m)
{
    int rows = 0;
    for (size_t i = 0; i < m->n; i++)
        rows += panel_rows(&m->device[i]);
    return rows;
}

/* Scrolls so that `selected` is among `visible` of n items. */
static int scrolled(int top, int selected, int visible, int n)
{
    if (selected < top)
        top = selected;
    if (selected >= top + visible)
        top = selected - visible + 1;
    if (top > n - visible)
        top = n - visible;
    return top > 0 ? top : 0;
}

/* "3 more below" at the right of a line. */
static void draw_more(struct top_screen *s, int row, int above, int below)
{
    char text[64] = "";
    if (above && below)
        snprintf(text, sizeof text, " %d \u25b4  %d \u25be ", above, below);
    else if (above || below)
        snprintf(text, sizeof text, " %d %s ", above ? above : below, above ? "\u25b4" : "\u25be");
    int width = wtl_columns(text);
    if (width > 0 && row >= 0)
        top_put(s, row, s->columns - width - 1, width, TOP_HEAD_KEY, text);
}

/* Panels from `row` on in at most `rows`; returns how many rows they took. */
static int draw_panels(struct top_screen *s, const struct top_model *m, struct top_ui *ui, int row,
                       int rows)
{
    struct shown shown;
    order_devices(m, ui, &shown);
    int visible = rows / GPU_PANEL > 0 ? rows / GPU_PANEL : 1;
    if (all_panels(m) <= rows)
        visible = shown.n;
    ui->device_top = scrolled(ui->device_top, shown.selected, visible, shown.n);
    ui->device_rows = visible;
    int used = 0, i = ui->device_top;
    for (; i < shown.n; i++) {
        int need = panel_rows(&m->device[shown.order[i]]);
        if (used + need > rows)
            break;
        draw_panel(s, m, ui, shown.order[i], shown.depth[i], row + used);
        used += need;
    }
    if (ui->device_top > 0 || i < shown.n)
        draw_more(s, 0, ui->device_top, shown.n - i);
    return used;
}

static int draw_lines(struct top_screen *s, const struct top_model *m, struct top_ui *ui, int row,
                      int rows)
{
    struct shown shown;
    order_devices(m, ui, &shown);
    int visible = rows - 1 < shown.n ? rows - 1 : shown.n;
    ui->device_top = scrolled(ui->device_top, shown.selected, visible, shown.n);
    ui->device_rows = visible;
    draw_lines_head(s, row);
    for (int i = 0; i < visible; i++) {
        int at = ui->device_top + i;
        draw_line(s, m, ui, shown.order[at], shown.depth[at], row + 1 + i);
    }
    draw_more(s, row, ui->device_top, shown.n - ui->device_top - visible);
    return visible + 1;
}

/* ---- The chart of the selected device -------------------------------------------------------- */

static void draw_axis(struct top_screen *s, int row, int rows, int x, int width, const char *top,
                      const char *what)
{
    top_put_right(s, row + 1, x, 7, TOP_DIM, top);
    top_put_right(s, row + rows - 1, x, 7, TOP_DIM, "0");
    for (int r = 1; r < rows; r++)
        top_glyph(s, row + r, x + 8, TOP_DIM, "\u2502", '|');
    top_put(s, row, x + 9, width - 9, TOP_DIM, what);
}

static void draw_one_chart(struct top_screen *s, const struct top_ui *ui, int row, int rows, int x,
                           int width, enum top_style style, const struct top_series *series,
                           double scale, const char *what, const char *unit)
{
    char top[TOP_TEXT], title[160];
    int inner = width - 10;
    double span_s = (double)inner * (s->ascii ? 1 : 2) * (double)ui->interval_ns / 1e9;
    snprintf(top, sizeof top, "%.0f %s", scale, unit);
    snprintf(title, sizeof title, "%s, the last %.0f s", what, span_s);
    draw_axis(s, row, rows, x, width, top, title);
    bool percent = unit[0] == '%', any = false;
    double v;
    for (int i = 0; i < series->n && !any; i++)
        any = top_series_at(series, i, &v);
    if (!any)
        top_put(s, row + rows / 2, x + 11, width - 12, TOP_DIM, "no values so far");
    top_chart(s, row + 1, x + 9, rows - 1, inner, style, series, percent ? scale / 100 : scale);
}

static void draw_chart(struct top_screen *s, const struct top_model *m, const struct top_ui *ui,
                       int row, int rows)
{
    const struct top_device *d = &m->device[ui->device];
    char what[128], label[TOP_LABEL];
    bool loads = d->info.sensors >> WTL_M_gpu_util & 1;
    int width = loads ? s->columns / 2 : s->columns;
    snprintf(what, sizeof what, "power of %s", top_device_label(m, ui->device, label));
    draw_one_chart(s, ui, row, rows, 0, width, TOP_POWER, &d->power, power_scale(d), what, "W");
    snprintf(what, sizeof what, "SM use of %s", label);
    if (loads)
        draw_one_chart(s, ui, row, rows, width, s->columns - width, TOP_LOAD, &d->util, 100, what,
                       "%");
}

/* ---- The page -------------------------------------------------------------------------------- */

static bool as_lines(const struct top_model *m, const struct top_ui *ui, int rows)
{
    if (ui->layout != TOP_LAYOUT_AUTO)
        return ui->layout == TOP_LAYOUT_LINES;
    return all_panels(m) > rows - PROCESSES_MIN;
}

static void draw_main(struct top_screen *s, const struct top_model *m, struct top_ui *ui)
{
    int row = 1, rows = s->rows - (ui->batch ? 1 : 2); /* between head and keys */
    bool lines = as_lines(m, ui, rows);
    int room = rows - PROCESSES_MIN;
    if (room < GPU_PANEL)
        room = rows;
    int used = m->n == 0 ? 0
               : lines   ? draw_lines(s, m, ui, row, room)
                         : draw_panels(s, m, ui, row, room);
    row += used;
    int left = rows - used;
    int wanted =
        (int)m->n_processes + 2 > PROCESSES_MIN + 4 ? PROCESSES_MIN + 4 : (int)m->n_processes + 2;
    int chart = left - (wanted > PROCESSES_MIN ? wanted : PROCESSES_MIN);
    chart = chart > CHART_MAX ? CHART_MAX : chart;
    if (chart >= CHART_MIN && !ui->batch && m->n > 0 && s->columns >= 40) {
        draw_chart(s, m, ui, row, chart);
        row += chart;
        left -= chart;
    }
    if (left >= 2)
        top_view_processes(s, m, ui, row, left);
}

void top_view(struct top_screen *s, const struct top_model *m, struct top_ui *ui)
{
    top_screen_clear(s);
    ui->n_hits = 0;
    if (ui->device >= (int)m->n)
        ui->device = m->n ? (int)m->n - 1 : 0;
    if (s->rows < 8 || s->columns < 40) {
        top_put(s, 0, 0, s->columns, TOP_WARN, "the window is too small: 40 x 8 at least");
        return;
    }
    if (ui->page == TOP_PAGE_HELP)
        top_view_help(s, ui);
    else if (ui->page == TOP_PAGE_DETAILS && m->n > 0)
        top_view_details(s, m, ui);
    else
        draw_main(s, m, ui);
    draw_head(s, m, ui);
    if (!ui->batch)
        draw_keys(s, ui);
}
