/* SPDX-License-Identifier: Apache-2.0
 * The list of processes, and the pages of help and details. */
#include "cli/top_view.h"

#include "base/columns.h"
#include "base/text.h"
#include "base/units.h"
#include "core/event_reasons.h"

#include <stdarg.h>
#include <string.h>

/* ---- Processes ------------------------------------------------------------------------------- */

static const char *kind_text(enum wtl_process_kind kind)
{
    switch (kind) {
    case WTL_PROCESS_COMPUTE:
        return "compute";
    case WTL_PROCESS_GRAPHICS:
        return "graphics";
    case WTL_PROCESS_MPS_CLIENT:
        break;
    }
    return "MPS";
}

static const struct {
    enum top_sort sort;
    const char *title;
    int end; /* right end; 0: from `begin` on to the left */
    int begin;
} titles[] = {
    {TOP_BY_PID, "PID", 9, 0},           {TOP_BY_DEVICE, "DEV", 0, 11},
    {TOP_BY_UTIL, "SM USE", 34, 0},      {TOP_BY_MEMORY, "MEMORY", 45, 0},
    {TOP_BY_POWER, "POWER est.", 58, 0}, {TOP_BY_NAME, "COMMAND", 0, 61},
};
enum { TYPE_COLUMN = 20 };

static void draw_titles(struct top_screen *s, const struct top_model *m, struct top_ui *ui, int row)
{
    top_fill(s, row, 0, s->columns, TOP_HEAD);
    top_put(s, row, TYPE_COLUMN, 8, TOP_HEAD, "TYPE");
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++) {
        int width = wtl_columns(titles[i].title);
        int x = titles[i].end ? titles[i].end - width : titles[i].begin;
        bool sorted = m->sort == titles[i].sort;
        top_put(s, row, x, width, sorted ? TOP_HEAD_KEY : TOP_HEAD, titles[i].title);
        if (sorted)
            top_put(s, row, x + width, 1, TOP_HEAD_KEY, m->reverse ? "\u25b4" : "\u25be");
        top_ui_hit(ui, TOP_HIT_SORT, (int)titles[i].sort, row, x - 1, 1, width + 2);
    }
}

static void draw_process(struct top_screen *s, const struct top_model *m, struct top_ui *ui,
                         int index, int row)
{
    const struct top_process *p = &m->process[index];
    const struct wtl_process *q = &p->process;
    char text[TOP_TEXT], label[TOP_LABEL], name[sizeof q->name];
    snprintf(text, sizeof text, "%lld", (long long)q->pid);
    top_put_right(s, row, 0, 9, TOP_VALUE, text);
    top_put(s, row, 11, 8, TOP_VALUE, top_device_label(m, p->device, label));
    top_put(s, row, TYPE_COLUMN, 9, TOP_DIM, kind_text(q->kind));
    top_put_right(s, row, 28, 6, TOP_VALUE,
                  top_percent((struct top_value){q->has_util, q->util}, text));
    top_put_right(
        s, row, 35, 10, TOP_VALUE,
        top_memory((struct top_value){q->has_memory, q->memory_b}, (struct top_value){0}, text));
    top_put_right(s, row, 47, 11, TOP_POWER, top_watt(p->power_w, text));
    memcpy(name, q->name, sizeof name);
    wtl_replace_controls(name);
    top_put(s, row, 61, s->columns - 61, TOP_PLAIN, name[0] ? name : "-");
    if (index == ui->process && ui->on_processes)
        top_restyle(s, row, 0, s->columns, TOP_SELECTED);
    top_ui_hit(ui, TOP_HIT_PROCESS, index, row, 0, 1, s->columns);
}

/* Why the list is empty. */
static const char *nobody(const struct top_model *m)
{
    bool asked = false, denied = false;
    for (size_t i = 0; i < m->n; i++) {
        const struct top_device *d = &m->device[i];
        asked = asked || (d->state == TOP_ANSWERS && d->sample.processes_rc == 0);
        denied = denied || d->sample.processes_rc == -WTL_PERMISSION;
    }
    if (asked)
        return "no process uses these devices";
    return denied ? "no permission to see processes" : "no device here says who uses it";
}

void top_view_processes(struct top_screen *s, const struct top_model *m, struct top_ui *ui, int row,
                        int rows)
{
    int n = (int)m->n_processes, visible = rows - 1;
    bool more = m->more_processes > 0;
    if (more && visible > 1)
        visible--;
    draw_titles(s, m, ui, row);
    ui->process_rows = visible;
    if (ui->process >= n)
        ui->process = n > 0 ? n - 1 : 0;
    if (ui->process < ui->process_top)
        ui->process_top = ui->process;
    if (ui->process >= ui->process_top + visible)
        ui->process_top = ui->process - visible + 1;
    if (ui->process_top > n - visible)
        ui->process_top = n > visible ? n - visible : 0;
    for (int i = 0; i < visible && ui->process_top + i < n; i++)
        draw_process(s, m, ui, ui->process_top + i, row + 1 + i);
    if (n == 0)
        top_put(s, row + 1, 3, s->columns - 3, TOP_DIM, nobody(m));
    if (more)
        top_printf(s, row + rows - 1, 3, s->columns - 3, TOP_DIM, "and %zu more",
                   m->more_processes);
    if (n > visible) {
        char text[64];
        snprintf(text, sizeof text, "%d-%d of %d ", ui->process_top + 1,
                 ui->process_top + visible < n ? ui->process_top + visible : n, n);
        int width = wtl_columns(text);
        if (s->columns > 70 + width)
            top_put_right(s, row, s->columns - width, width, TOP_HEAD, text);
    }
}

/* ---- Pages that scroll ----------------------------------------------------------------------- */

/* Lines below the head, from ui->page_top on. */
struct pager {
    struct top_screen *s;
    int first, rows; /* of the screen */
    int skip, line;
};

static bool shows(const struct pager *p, int *row_out)
{
    int at = p->line - p->skip;
    *row_out = p->first + at;
    return at >= 0 && at < p->rows;
}

static void line(struct pager *p, enum top_style style, const char *text)
{
    int row;
    if (shows(p, &row))
        top_put(p->s, row, 1, p->s->columns - 1, style, text);
    p->line++;
}

/* "  name          value" */
static void fact(struct pager *p, const char *name, enum top_style style, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void fact(struct pager *p, const char *name, enum top_style style, const char *format, ...)
{
    int row;
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (shows(p, &row)) {
        top_put(p->s, row, 3, 23, TOP_DIM, name);
        top_put(p->s, row, 27, p->s->columns - 27, style, text);
    }
    p->line++;
}

static struct pager pager(struct top_screen *s, struct top_ui *ui)
{
    return (struct pager){.s = s, .first = 1, .rows = s->rows - 2, .skip = ui->page_top};
}

/* Stops scrolling at the end. True: it went too far, draw again. */
static bool settle(struct pager *p, struct top_ui *ui)
{
    int last = p->line > p->rows ? p->line - p->rows : 0;
    ui->page_rows = p->rows;
    if (ui->page_top <= last)
        return false;
    ui->page_top = last;
    top_screen_clear(p->s);
    return true;
}

static void help_page(struct pager *p)
{
    static const struct {
        const char *keys, *what;
    } help[] = {
        {"q, F10", "quit (on a page: back)"},
        {"F1, h, ?", "this page"},
        {"F2, d, Enter", "the selected device: all values, why one is absent"},
        {"Tab", "cursor to the devices, or to the processes"},
        {"arrows, j k, PgUp PgDn", "move the cursor; Home, End"},
        {"F3, v", "panels, lines, or what fits"},
        {"F5, t", "parts of a device stand under it, or not"},
        {"F6, s, < >", "sort by the next column; r: the other way round"},
        {"P U M D N C", "sort by power, SM use, memory, device, PID, command"},
        {"+ -", "read less often, more often"},
        {"Space, p", "pause: the screen stands still, reading goes on"},
        {"Ctrl-L", "draw everything anew"},
        {"mouse", "click devices, processes, titles, keys; wheel"},
    };
    line(p, TOP_TITLE, "wattle top: power, energy and what holds the clocks");
    line(p, TOP_PLAIN, "");
    for (size_t i = 0; i < sizeof help / sizeof help[0]; i++)
        fact(p, help[i].keys, TOP_PLAIN, "%s", help[i].what);
    line(p, TOP_PLAIN, "");
    line(p, TOP_PLAIN, "A value that is not there is \"-\", never 0; F2 says why.");
    line(p, TOP_PLAIN,
         "Energy counts from the start of this program: by the board's counter, or where");
    line(p, TOP_PLAIN, "there is none by the sum of its power, which is then said.");
    line(p, TOP_PLAIN,
         "Power of a process is estimated: the least power seen without work is apart,");
    line(p, TOP_PLAIN, "the rest goes by use of the SMs. The parts sum up to the board's power.");
    line(p, TOP_PLAIN, "\"held by\": what keeps the clock below what was asked for.");
    line(p, TOP_PLAIN, "v: virtual (simulated), r: recorded. Such figures are of no real board.");
}

void top_view_help(struct top_screen *s, struct top_ui *ui)
{
    struct pager p = pager(s, ui);
    help_page(&p);
    if (settle(&p, ui)) {
        p = pager(s, ui);
        help_page(&p);
    }
}

/* ---- Details --------------------------------------------------------------------------------- */

static void about_device(struct pager *p, const struct top_device *d)
{
    const struct wtl_device_info *i = &d->info;
    char marks[64];
    line(p, TOP_TITLE, i->name[0] ? i->name : i->id);
    fact(p, "id", TOP_VALUE, "%s", i->id);
    fact(p, "kind", TOP_VALUE, "%s%s%s", wtl_device_kind_title(i->kind),
         top_device_marks(d, marks)[0] ? ", " : "", marks);
    if (i->uuid[0])
        fact(p, "UUID", TOP_VALUE, "%s", i->uuid);
    if (i->pci[0])
        fact(p, "PCI address", TOP_VALUE, "%s", i->pci);
    if (i->driver[0])
        fact(p, "driver", TOP_VALUE, "%s", i->driver);
    if (i->architecture[0])
        fact(p, "architecture", TOP_VALUE, "%s", i->architecture);
    if (d->trouble[0])
        fact(p, "trouble", TOP_BAD, "%s", d->trouble);
}

static void about_power(struct pager *p, const struct top_device *d)
{
    char text[TOP_TEXT];
    line(p, TOP_TITLE, "Power and energy");
    fact(p, "power", d->power_w.has ? TOP_VALUE : TOP_DIM, "%s%s", top_watt(d->power_w, text),
         d->power_source == TOP_POWER_COUNTER ? " (from the energy counter)" : "");
    fact(p, "energy since the start", d->energy_j.has ? TOP_VALUE : TOP_DIM, "%s%s",
         top_joule(d->energy_j, text),
         !d->energy_j.has         ? ""
         : d->energy_from_counter ? " (the board's counter)"
                                  : " (summed up from power)");
    fact(p, "idle part", d->idle_w.has ? TOP_VALUE : TOP_DIM, "%s%s", top_watt(d->idle_w, text),
         d->idle_w.has ? " (least seen without work)" : " (never seen without work)");
    fact(p, "unattributed", d->unattributed_w.has ? TOP_VALUE : TOP_DIM, "%s",
         top_watt(d->unattributed_w, text));
}

static void about_sensor(struct pager *p, const struct top_device *d, enum wtl_metric m)
{
    const struct wtl_metric_info *info = wtl_metric_info(m);
    struct top_value v = top_metric(d, m);
    char text[64], reasons[WTL_EVENT_REASONS_TEXT];
    if (!v.has)
        fact(p, info->name, TOP_DIM, "-  %s", top_why(d, m));
    else if (m == WTL_M_event_reasons)
        fact(p, info->name, TOP_VALUE, "%s",
             v.value > 0 ? wtl_event_reasons_text((uint64_t)v.value, false, reasons) : "none");
    else
        fact(p, info->name, TOP_VALUE, "%-12s  %s",
             wtl_format_quantity(v.value, info->unit, text, sizeof text), info->description);
}

static void about_knob(struct pager *p, const struct top_device *d, enum wtl_knob knob)
{
    const struct wtl_knob_range *r = &d->sample.range[knob];
    char asked[WTL_KNOB_TEXT] = "not known", lo[WTL_KNOB_TEXT], hi[WTL_KNOB_TEXT], range[200] = "";
    struct wtl_knob_value value;
    bool known = top_requested(d, knob, &value);
    if (known)
        wtl_knob_format(knob, value, asked);
    if (d->sample.ranges & WTL_KNOB_BIT(knob))
        snprintf(range, sizeof range, "  of %s to %s",
                 wtl_knob_format(knob, wtl_knob_at(r->min), lo),
                 wtl_knob_format(knob, wtl_knob_at(r->max), hi));
    fact(p, wtl_knob_info(knob)->name, known ? TOP_VALUE : TOP_DIM, "%s%s%s%s", asked, range,
         d->ours & WTL_KNOB_BIT(knob) ? "  (our record: the driver does not tell)" : "",
         d->info.writable & WTL_KNOB_BIT(knob) ? "" : "  (read only for this user)");
}

static void details_page(struct pager *p, const struct top_device *d)
{
    about_device(p, d);
    about_power(p, d);
    line(p, TOP_TITLE, "Sensors");
    for (int m = 0; m < (int)WTL_N_METRICS; m++)
        if (d->info.sensors >> m & 1)
            about_sensor(p, d, (enum wtl_metric)m);
    if (d->info.knobs)
        line(p, TOP_TITLE, "Knobs: what is requested");
    for (int k = 0; k < (int)WTL_N_KNOBS; k++)
        if (d->info.knobs & WTL_KNOB_BIT(k))
            about_knob(p, d, (enum wtl_knob)k);
    if (d->sample.processes_rc == -WTL_PERMISSION)
        fact(p, "processes", TOP_DIM, "-  no permission");
}

void top_view_details(struct top_screen *s, const struct top_model *m, struct top_ui *ui)
{
    const struct top_device *d = &m->device[ui->device];
    struct pager p = pager(s, ui);
    details_page(&p, d);
    if (settle(&p, ui)) {
        p = pager(s, ui);
        details_page(&p, d);
    }
}
