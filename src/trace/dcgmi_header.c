/* SPDX-License-Identifier: Apache-2.0
 * Headers of DCGM dmon text. */
#include "trace/dcgmi.h"

#include <string.h>

/* Columns that every reader of dmon meets and that we have no use for; not worth a note. */
static const char *const idle_columns[] = {"NVIDX", "MUSAM", "GUSAM"};

static bool take_word(struct wtl_view *rest, struct wtl_view *word)
{
    *rest = wtl_view_trim(*rest);
    size_t n = 0;
    while (n < rest->n && (unsigned char)rest->s[n] > ' ')
        n++;
    *word = (struct wtl_view){rest->s, n};
    rest->s += n;
    rest->n -= n;
    return n > 0;
}

/* Passes over "#Entity" or "# Entity". */
static bool take_mark(struct wtl_view *rest, char *style)
{
    struct wtl_view word;
    if (!take_word(rest, &word))
        return false;
    if (wtl_view_is_nocase(word, "#entity")) {
        *style = 'b';
        return true;
    }
    *style = 'a';
    return wtl_view_is(word, "#") && take_word(rest, &word) && wtl_view_is_nocase(word, "entity");
}

bool dcgmi_is_header(const char *line, size_t n)
{
    char style;
    struct wtl_view rest = {line, n};
    return take_mark(&rest, &style);
}

/* dmon cuts a name that is wider than its column and puts "..." behind. */
static bool name_matches(struct wtl_view word, const char *name)
{
    if (!name[0] || (word.s[0] | 32) != (name[0] | 32))
        return false; /* nearly always: headers are read once a file */
    if (word.n > 5 && memcmp(word.s + word.n - 3, "...", 3) == 0) {
        struct wtl_view stem = {word.s, word.n - 3};
        char start[16];
        return strlen(name) > stem.n &&
               wtl_view_copy((struct wtl_view){name, stem.n}, start, sizeof start) &&
               wtl_view_is_nocase(stem, start);
    }
    return wtl_view_is_nocase(word, name);
}

static int find_metric(struct wtl_view word)
{
    for (int m = 0; m < (int)WTL_N_METRICS; m++)
        if (name_matches(word, wtl_metric_info((enum wtl_metric)m)->dcgm_name))
            return m;
    return -1;
}

static bool is_idle_column(struct wtl_view word)
{
    for (size_t i = 0; i < sizeof idle_columns / sizeof *idle_columns; i++)
        if (wtl_view_is_nocase(word, idle_columns[i]))
            return true;
    return false;
}

/* Units as dcgm_fields.h gives them: mJ, percent, MiB; the rest are our own. */
static void set_conversion(struct dcgmi_cell *cell)
{
    switch ((int)cell->metric) {
    case WTL_M_energy_counter_j:
        cell->convert = DCGMI_DIVIDE;
        cell->factor = 1000;
        break;
    case WTL_M_gpu_util:
    case WTL_M_mem_util:
        cell->convert = DCGMI_DIVIDE;
        cell->factor = 100;
        break;
    case WTL_M_fb_total_b:
    case WTL_M_fb_free_b:
    case WTL_M_fb_used_b:
        cell->convert = DCGMI_MULTIPLY;
        cell->factor = 1048576;
        break;
    default:
        cell->convert = DCGMI_AS_IS;
        cell->factor = 1;
        break;
    }
    cell->wide = cell->metric == WTL_M_energy_counter_j || cell->metric == WTL_M_pcie_tx_b ||
                 cell->metric == WTL_M_pcie_rx_b || cell->metric == WTL_M_power_violation_ns ||
                 cell->metric == WTL_M_event_reasons;
}

static void add_column(struct wtl_reading *r, struct dcgmi_layout *h, struct wtl_view word)
{
    h->n_columns++;
    if (!h->has_name && wtl_view_is_nocase(word, "DVNAM")) {
        h->has_name = true;
        return;
    }
    int place = h->has_name ? h->n_after++ : h->n_before++;
    int metric = find_metric(word);
    if (metric < 0) {
        if (!is_idle_column(word))
            wtl_reading_unknown_column(r, word);
        return;
    }
    if ((h->present >> metric) & 1)
        return; /* asked for twice: the first one counts */
    h->present |= UINT64_C(1) << metric;
    struct dcgmi_cell cell = {.word = place, .metric = (uint8_t)metric};
    set_conversion(&cell);
    if (h->has_name)
        h->right[h->n_right++] = cell;
    else
        h->left[h->n_left++] = cell;
}

int dcgmi_read_header(struct wtl_reading *r, const char *line, size_t n,
                      struct dcgmi_layout *layout_out, struct wtl_error *err)
{
    struct dcgmi_layout h = {0};
    struct wtl_view rest = {line, n};
    struct wtl_view word;
    (void)take_mark(&rest, &h.style);
    while (take_word(&rest, &word)) {
        if (h.n_columns == WTL_LIMIT_COLUMNS)
            return WTL_FAIL(err, WTL_LIMIT, "header of more than %d columns", WTL_LIMIT_COLUMNS);
        add_column(r, &h, word);
    }
    *layout_out = h;
    return 0;
}
