/* SPDX-License-Identifier: Apache-2.0
 * ZeusMonitor log files: start_time,window_name,elapsed_time,gpu0_energy[,gpu1_energy ...]. Every
 * window on every GPU is a run; the log knows neither the board nor its clock. Column sets differ
 * between versions, so the header is followed. */
#include "base/text.h"
#include "trace/reader.h"
#include "trace/tabular.h"
#include "trace/when.h"

#include <stdio.h>
#include <string.h>

enum { START, NAME, ELAPSED, FIRST_GPU };

static const struct wtl_alias aliases[] = {
    {"start_time", START, 0},
    {"window_name", NAME, 0},
    {"elapsed_time", ELAPSED, 0},
};
enum { N_ALIASES = sizeof aliases / sizeof *aliases };

/* How often a window name has occurred: its repetition. */
struct window {
    char name[WTL_LIMIT_NAME];
    int count;
};

struct zeus {
    struct wtl_tabular tab;
    struct wtl_bound bound[WTL_LIMIT_COLUMNS];
    int64_t rows;
    struct window *windows;
    size_t n_windows, cap_windows;
};

static enum wtl_unit unit_of(int field)
{
    return field == ELAPSED ? WTL_UNIT_SECOND : WTL_UNIT_NONE;
}

static int probe(const char *head, size_t n, const struct wtl_trace_options *options)
{
    (void)options;
    uint64_t fields = 0;
    int found = wtl_probe_header(head, n, aliases, N_ALIASES, unit_of, &fields);
    if (found < 0)
        return found;
    return fields == 7 ? 95 : 0;
}

static int begin(struct wtl_reading *r, struct wtl_error *err)
{
    struct zeus *z = WTL_NEW(r->arena, struct zeus);
    if (!z)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    r->state = z;
    return wtl_tabular_begin(r, &z->tab, ',', err);
}

/* "gpu12_energy" -> 12; -1 for other names. */
static int gpu_of_column(struct wtl_view text)
{
    static const char head[] = "gpu";
    static const char tail[] = "_energy";
    int64_t index;
    if (text.n <= 10 || memcmp(text.s, head, 3) != 0 || memcmp(text.s + text.n - 7, tail, 7) != 0)
        return -1;
    if (text.n > 14 || !wtl_parse_int(text.s + 3, text.n - 10, &index) || index < 0)
        return -1;
    return (int)index;
}

static int read_header(struct wtl_reading *r, struct zeus *z, struct wtl_error *err)
{
    struct wtl_alias all[N_ALIASES + WTL_LIMIT_STREAMS];
    char names[WTL_LIMIT_STREAMS][32];
    int n = N_ALIASES;
    memcpy(all, aliases, sizeof aliases);
    for (int i = 0; i < z->tab.csv.n && n < N_ALIASES + WTL_LIMIT_STREAMS; i++) {
        int gpu = gpu_of_column(z->tab.csv.cells[i].text);
        if (gpu < 0)
            continue;
        snprintf(names[n - N_ALIASES], sizeof names[0], "gpu%d_energy", gpu);
        all[n] = (struct wtl_alias){names[n - N_ALIASES], FIRST_GPU + gpu, 0};
        n++;
    }
    int rc = wtl_tabular_header(r, &z->tab, all, n, unit_of, z->bound, err);
    static const char *const what[] = {"the start", "the name of the window", "its duration"};
    for (int f = START; rc == 0 && f < FIRST_GPU; f++)
        if (wtl_bound_find(z->bound, z->tab.n_columns, f) < 0)
            rc = wtl_tabular_lacks(r, &z->tab, all, n, z->bound, f, what[f], err);
    if (rc == 0 && n == N_ALIASES)
        rc = wtl_tabular_fail(r, &z->tab, 0, err, "no column gives the energy of a GPU");
    if (rc == 0)
        wtl_reading_dialect(r, "Zeus windows, %d GPU%s", n - N_ALIASES,
                            wtl_plural((int64_t)(n - N_ALIASES)));
    return rc;
}

static int count_window(struct wtl_reading *r, struct zeus *z, const char *name, int *rep,
                        struct wtl_error *err)
{
    size_t i = 0;
    while (i < z->n_windows && strcmp(z->windows[i].name, name) != 0)
        i++;
    if (i == WTL_LIMIT_CLOCKS) { /* beyond that many names they are no repetitions */
        *rep = 0;
        return 0;
    }
    if (i == z->n_windows) {
        if (wtl_grow(r->arena, &z->windows, z->n_windows, &z->cap_windows) != 0)
            return WTL_FAIL(err, WTL_NOMEM, "out of memory");
        z->windows[z->n_windows] = (struct window){.count = 0};
        snprintf(z->windows[z->n_windows++].name, WTL_LIMIT_NAME, "%s", name);
    }
    *rep = ++z->windows[i].count;
    return 0;
}

/* The part of a run that all GPUs of the window share. */
static int read_window(struct wtl_reading *r, struct zeus *z, struct wtl_run *run,
                       struct wtl_error *err)
{
    double elapsed;
    for (int i = 0; i < z->tab.n_columns; i++) {
        struct wtl_view text = z->tab.csv.cells[i].text;
        int len = text.n < 60 ? (int)text.n : 60;
        if (z->bound[i].field == START && !wtl_parse_time(text, WTL_TIME_AUTO, &run->start_ns))
            return wtl_tabular_fail(r, &z->tab, i, err, "start_time: \"%.*s\" is not a time", len,
                                    text.s);
        if (z->bound[i].field == NAME && !wtl_view_copy(text, run->workload, WTL_LIMIT_NAME))
            return wtl_tabular_fail(r, &z->tab, i, err, "window_name is longer than %d bytes",
                                    WTL_LIMIT_NAME - 1);
        if (z->bound[i].field != ELAPSED)
            continue;
        if (!wtl_cell_number(text, WTL_UNIT_SECOND, false, &elapsed) || !(elapsed >= 0))
            return wtl_tabular_fail(r, &z->tab, i, err, "elapsed_time: \"%.*s\" is not a duration",
                                    len, text.s);
        wtl_run_set(run, WTL_R_span_s, elapsed * z->bound[i].factor);
    }
    run->seq = ++z->rows;
    return count_window(r, z, run->workload, &run->rep, err);
}

static int read_row(struct wtl_reading *r, struct zeus *z, struct wtl_error *err)
{
    struct wtl_run window = {0};
    int rc = read_window(r, z, &window, err);
    for (int i = 0; rc == 0 && i < z->tab.n_columns; i++) {
        struct wtl_view text = z->tab.csv.cells[i].text;
        if (z->bound[i].field < FIRST_GPU)
            continue;
        struct wtl_run run = window;
        double energy;
        r->report->cells++;
        if (wtl_cell_missing(text)) {
            r->report->cells_missing++;
            continue;
        }
        if (!wtl_cell_number(text, WTL_UNIT_JOULE, false, &energy))
            return wtl_tabular_fail(r, &z->tab, i, err, "energy: \"%.*s\" is not a number",
                                    text.n < 60 ? (int)text.n : 60, text.s);
        snprintf(run.device, sizeof run.device, "gpu%d", z->bound[i].field - FIRST_GPU);
        wtl_run_set(&run, WTL_R_energy_counter_j, energy * z->bound[i].factor);
        run.stream = (int)r->report->rows++;
        if (r->sink->run)
            rc = r->sink->run(r->sink->ctx, &run, err);
    }
    return rc;
}

/* A monitor that was started anew appends its own header, which may name other GPUs. */
static bool is_header(const struct zeus *z)
{
    return wtl_view_is_nocase(z->tab.csv.cells[0].text, aliases[START].name);
}

static int block(struct wtl_reading *r, const char *data, size_t n, struct wtl_error *err)
{
    struct zeus *z = r->state;
    wtl_tabular_block(r, &z->tab, data, n);
    while (wtl_tabular_next(r, &z->tab)) {
        int rc = 0;
        if (!z->tab.n_columns)
            rc = read_header(r, z, err);
        else if (!wtl_tabular_ended(r, &z->tab))
            continue;
        else if (is_header(z))
            rc = read_header(r, z, err);
        else if (wtl_tabular_fits(r, &z->tab))
            rc = read_row(r, z, err);
        if (rc)
            return rc;
    }
    return 0;
}

const struct wtl_reader wtl_reader_zeus = {
    .name = "zeus",
    .title = "windows of a ZeusMonitor log file (CSV)",
    .probe = probe,
    .begin = begin,
    .block = block,
};
