/* SPDX-License-Identifier: Apache-2.0
 * The summary of a measured span. */
#include "cli/stat_text.h"

#include "base/columns.h"
#include "base/sort.h"
#include "base/text.h"
#include "base/units.h"
#include "core/xid.h"
#include "stats/robust.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT = 48, PROCESSES = 8, REQUESTS = 5, NAME_LEAST = 24, NAME_MOST = 40, TROUBLED = 4 };

static const char *joules(double j, char buf[TEXT])
{
    return wtl_format_measured(j, WTL_UNIT_JOULE, buf, TEXT);
}

/* "+- 0.3 %", the larger side; of an estimate "x/ 2". */
static const char *doubt(const struct wtl_energy *e, char buf[TEXT])
{
    const double above = e->hi_j - e->energy_j, below = e->energy_j - e->lo_j;
    const bool doubled = above >= e->energy_j && above <= 1.01 * e->energy_j;
    if (e->method == WTL_ENERGY_estimated && doubled)
        snprintf(buf, TEXT, "x/ 2");
    else if (fmax(above, below) > e->energy_j) /* nothing is known of it */
        snprintf(buf, TEXT, "> 100 %%");
    else if (e->energy_j > 0)
        snprintf(buf, TEXT, fmax(above, below) < 0.995 * e->energy_j ? "+- %.2g %%" : "+- %.0f %%",
                 100 * fmax(above, below) / e->energy_j);
    else
        snprintf(buf, TEXT, "-");
    return buf;
}

static const char *watts(double w, char buf[TEXT])
{
    if (w > 0)
        return wtl_format_measured(w, WTL_UNIT_WATT, buf, TEXT);
    snprintf(buf, TEXT, "-");
    return buf;
}

static const char *percent(double part, double whole, char buf[TEXT])
{
    snprintf(buf, TEXT, whole > 0 ? "%.1f %%" : "-", 100 * part / whole);
    return buf;
}

/* Columns for the names of devices and windows. */
static int name_width(const struct wtl_stat_result *r, const struct wtl_stat_repeats *m)
{
    int width = NAME_LEAST;
    for (size_t i = 0; i < r->n; i++) {
        const int columns = wtl_columns(r->devices[i].label);
        width = columns > width ? columns : width;
    }
    for (size_t i = 0; i < m->n_windows; i++) {
        const int columns = wtl_columns(m->windows[i].name);
        width = columns > width ? columns : width;
    }
    return width < NAME_MOST ? width : NAME_MOST;
}

/* Padded or cut to `width` columns. Who named it may be anybody: what moves the cursor is "?". */
static void print_name(FILE *out, int indent, const char *name, int width)
{
    const size_t n = wtl_columns_start(name, width);
    fprintf(out, "%*s", indent, "");
    for (size_t i = 0; i < n; i++)
        fputc((unsigned char)name[i] < 0x20 || name[i] == 0x7f ? '?' : name[i], out);
    fprintf(out, "%*s", width - wtl_columns_of_bytes(name, n), "");
}

/* "A"; where its sensor was calibrated "A 0.8 %". */
static const char *class_of(const struct wtl_energy *e, char buf[TEXT])
{
    const char letter = wtl_energy_class_letter(e->class);
    if (e->calibration > 0)
        snprintf(buf, TEXT, "%c %.2g %%", letter, 100 * e->calibration);
    else
        snprintf(buf, TEXT, "%c", letter);
    return buf;
}

static void print_device(FILE *out, const struct wtl_stat_device *d, const struct wtl_energy *e,
                         int width)
{
    char energy[TEXT], mean[TEXT], peak[TEXT], pm[TEXT], idle[TEXT], class[TEXT];
    print_name(out, 2, d->label, width);
    if (e->method == WTL_ENERGY_NONE) {
        fprintf(out, " %10s  %s\n", "-", d->trouble ? d->trouble : "no value came");
        return;
    }
    fprintf(
        out, " %10s %9s %9s %9s %7s  %s  %s%s\n", joules(e->energy_j, energy), doubt(e, pm),
        watts(e->time_s > 0 ? e->energy_j / e->time_s : 0, mean), watts(d->collected.peak_w, peak),
        d->collected.idle_known ? percent(d->collected.idle_j, d->collected.energy.energy_j, idle)
                                : "-",
        class_of(e, class), wtl_energy_method_title(e->method),
        d->part_of_another ? " (not in the total)" : "");
}

static int by_energy(const void *p, const void *q)
{
    double a = ((const struct wtl_collected_process *)p)->energy_j;
    double b = ((const struct wtl_collected_process *)q)->energy_j;
    return (a < b) - (a > b);
}

static void print_split(FILE *out, const struct wtl_stat_device *d, bool several)
{
    const struct wtl_collected_device *c = &d->collected;
    char energy[TEXT], share[TEXT];
    if (c->n_processes == 0 || c->energy.method == WTL_ENERGY_NONE)
        return;
    struct wtl_collected_process sorted[WTL_COLLECTED_PROCESSES];
    memcpy(sorted, c->processes, c->n_processes * sizeof sorted[0]);
    wtl_sort(sorted, c->n_processes, sizeof sorted[0], by_energy);
    fprintf(out, "\n  %s among its processes (est., by their share of the SMs)%s\n", d->label,
            several ? ", of the last run" : "");
    double whole = c->energy.energy_j, rest_j = 0;
    for (size_t i = 0; i < c->n_processes; i++) {
        if (i >= PROCESSES) {
            rest_j += sorted[i].energy_j;
            continue;
        }
        print_name(out, 4, sorted[i].name, 22);
        fprintf(out, " %10s %9s  pid %d%s\n", joules(sorted[i].energy_j, energy),
                percent(sorted[i].energy_j, whole, share), (int)sorted[i].pid,
                sorted[i].kind == WTL_PROCESS_MPS_CLIENT ? ", MPS client" : "");
    }
    if (c->n_processes > PROCESSES)
        fprintf(out, "    %-22s %10s %9s\n", "others", joules(rest_j, energy),
                percent(rest_j, whole, share));
    if (c->idle_known)
        fprintf(out, "    %-22s %10s %9s\n", "idle", joules(c->idle_j, energy),
                percent(c->idle_j, whole, share));
    fprintf(out, "    %-22s %10s %9s\n", "nobody's", joules(c->unattributed_j, energy),
            percent(c->unattributed_j, whole, share));
}

/* "image" of "images". */
static const char *one_of(const char *unit, char buf[TEXT])
{
    size_t n = strlen(unit);
    snprintf(buf, TEXT, "%s", n ? unit : "unit");
    if (n > 2 && unit[n - 1] == 's' && unit[n - 2] != 's')
        buf[n - 1] = '\0';
    return buf;
}

static void print_window(FILE *out, const struct wtl_stat_window *w, int n_runs, int width)
{
    const struct wtl_energy *e = &w->energy;
    char energy[TEXT], pm[TEXT], each[TEXT], unit[TEXT], work[2 * TEXT] = "";
    const bool seen = e->method != WTL_ENERGY_NONE;
    const bool whole = seen && e->time_s > 0.98 * w->time_s - 0.01;
    if (seen && !whole) /* a part of the energy over all of the work is no price */
        snprintf(work, sizeof work, "  of the %.3g s that were seen", e->time_s);
    else if (seen && w->has_work && w->work > 0)
        snprintf(work, sizeof work, "  %s/%s", joules(e->energy_j / w->work, each),
                 one_of(w->unit, unit));
    print_name(out, 2, w->name, width);
    fprintf(out, " %10s %9s %9.6g %s %9.3f s%s\n", seen ? joules(e->energy_j, energy) : "-",
            doubt(e, pm), w->count, w->count > 1 ? "times" : "time ", w->time_s, work);
    if (w->has_work && w->work > 0)
        fprintf(out, "  %-*s %10.6g %s, %.4g a second\n", width, "", w->work,
                w->unit[0] ? w->unit : "units", w->time_s > 0 ? w->work / w->time_s : 0);
    if (w->runs < n_runs)
        fprintf(out, "  %-*s in %d of %d runs, the mean of those\n", width, "", w->runs, n_runs);
    if (w->cut)
        fprintf(out, "  %-*s %lld cut: their program ended before them\n", width, "",
                (long long)w->cut);
}

/* One that ended without a begin, or was cancelled, is none. */
static void print_windows(FILE *out, const struct wtl_stat_repeats *m, int width)
{
    bool any = false;
    for (size_t i = 0; i < m->n_windows; i++) {
        if (!(m->windows[i].count > 0))
            continue;
        if (!any)
            fprintf(out, "\n  Windows that were marked%s\n", m->n > 1 ? ", mean of a run" : "");
        any = true;
        print_window(out, &m->windows[i], m->n, width);
    }
}

static int by_request(const void *p, const void *q)
{
    double a = ((const struct wtl_request_total *)p)->energy_j;
    double b = ((const struct wtl_request_total *)q)->energy_j;
    return (a < b) - (a > b);
}

static void print_requests(FILE *out, const struct wtl_stat_result *r, bool several)
{
    char energy[TEXT];
    double sum = 0;
    struct wtl_request_total *sorted = malloc(r->n_requests * sizeof *sorted);
    if (r->n_requests == 0 || !sorted) {
        free(sorted);
        return;
    }
    memcpy(sorted, r->requests, r->n_requests * sizeof *sorted);
    qsort(sorted, r->n_requests, sizeof *sorted, by_request);
    for (size_t i = 0; i < r->n_requests; i++)
        sum += sorted[i].energy_j;
    fprintf(out, "\n  %zu request%s%s, %s in all; the dearest:\n", r->n_requests,
            wtl_plural((int64_t)r->n_requests), several ? " of the last run" : "",
            joules(sum, energy));
    for (size_t i = 0; i < r->n_requests && i < REQUESTS; i++) {
        print_name(out, 4, sorted[i].id, 22);
        fprintf(out, " %10s  %g units of work\n", joules(sorted[i].energy_j, energy),
                sorted[i].work);
    }
    if (r->total.method != WTL_ENERGY_NONE && r->total.time_s > 0.98 * r->time_s &&
        sum > 1.02 * r->total.energy_j)
        fprintf(out, "    note: that is more than the total: windows of different names that "
                     "overlap each pay for their requests\n");
    free(sorted);
}

/* Of windows that told one, and of lines of latencies. */
static void print_latencies(FILE *out, const struct wtl_stat_result *r, bool several)
{
    static const int percent[] = {50, 90, 95, 99};
    char text[TEXT];
    if (r->n_latencies == 0)
        return;
    fprintf(out, "\n  %zu latenc%s%s:", r->n_latencies, r->n_latencies == 1 ? "y" : "ies",
            several ? " of the last run" : "");
    for (size_t i = 0; i < sizeof percent / sizeof percent[0]; i++)
        fprintf(out, "%s %d %% within %s", i ? "," : "", percent[i],
                wtl_format_measured(
                    wtl_quantile_sorted(r->latencies_s, r->n_latencies, 0.01 * percent[i]),
                    WTL_UNIT_SECOND, text, sizeof text));
    fputc('\n', out);
}

static void print_markers(FILE *out, const struct wtl_stat_result *r)
{
    const struct wtl_windows_counts *c = &r->counts;
    if (c->bad_lines)
        fprintf(out, "  note: %lld of %lld lines of markers were not understood\n",
                (long long)c->bad_lines, (long long)c->lines);
    if (c->unmatched)
        fprintf(out, "  note: %lld window%s ended that had not begun%s%s%s\n",
                (long long)c->unmatched, wtl_plural(c->unmatched),
                c->unmatched == 1 ? ": \"" : ", the first of them \"", c->unmatched_name, "\"");
    if (c->ahead)
        fprintf(
            out,
            "  note: %lld marker%s said a time in the future (t= is CLOCK_MONOTONIC, in ns), and "
            "count%s as of when they came\n",
            (long long)c->ahead, wtl_plural(c->ahead), c->ahead == 1 ? "s" : "");
    if (c->late)
        fprintf(out,
                "  note: %lld marker%s came late, after what was to follow: their windows count by "
                "themselves, not what they share with others\n",
                (long long)c->late, wtl_plural(c->late));
    if (c->dropped)
        fprintf(out, "  note: %lld markers did not fit and were dropped\n", (long long)c->dropped);
    if (c->other_names)
        fprintf(out, "  note: windows of %s%lld name%s after the first %d are together in \"%s\"\n",
                c->other_names < WTL_WINDOW_OTHERS ? "" : "at least ", (long long)c->other_names,
                c->other_names == 1 ? "" : "s", (int)WTL_WINDOW_NAMES, WTL_WINDOW_OTHER_NAMES);
    if (r->refused)
        fprintf(out, "  note: %lld programs could not connect: there were too many\n",
                (long long)r->refused);
}

static bool has_trouble(const struct wtl_stat_result *r, const struct wtl_stat_repeats *m, size_t k,
                        int trouble)
{
    return ((m->device[k].troubles | r->devices[k].collected.energy.troubles) >> trouble) & 1;
}

/* Of a machine with many devices the first names, and how many more. */
static void print_trouble(FILE *out, const struct wtl_stat_result *r,
                          const struct wtl_stat_repeats *m, int trouble)
{
    size_t n = 0, named = 0;
    for (size_t k = 0; k < r->n; k++)
        n += has_trouble(r, m, k, trouble);
    if (n == 0)
        return;
    fputs("  warning: ", out);
    if (n > TROUBLED && n == r->n)
        fprintf(out, "all %zu devices", n);
    for (size_t k = 0; k < r->n && (n <= TROUBLED || n < r->n) && named < TROUBLED; k++)
        if (has_trouble(r, m, k, trouble))
            fprintf(out, "%s%s", named++ ? ", " : "", r->devices[k].label);
    if (named > 0 && named < n)
        fprintf(out, " and %zu more", n - named);
    fprintf(out, ": %s\n", wtl_energy_trouble_text(trouble));
}

/* Each kind of trouble once, with the devices that have it in any run. */
static void print_troubles(FILE *out, const struct wtl_stat_result *r,
                           const struct wtl_stat_repeats *m)
{
    for (size_t k = 0; k < r->n; k++) {
        if (r->devices[k].trouble)
            fprintf(out, "  warning: %s: %s\n", r->devices[k].label, r->devices[k].trouble);
        else if (r->devices[k].n_failed > 0)
            fprintf(out, "  warning: %s: %lld of %lld readings failed\n", r->devices[k].label,
                    (long long)r->devices[k].n_failed, (long long)r->devices[k].n_readings);
        if (r->devices[k].idle_missing)
            fprintf(out, "  warning: %s: what it draws without work is not known%s%s\n",
                    r->devices[k].label, r->devices[k].idle_trouble ? ": " : "",
                    r->devices[k].idle_trouble ? r->devices[k].idle_trouble : "");
    }
    for (size_t k = 0; k < r->n; k++)
        if (m->device[k].troubles & WTL_TROUBLE(partial))
            fprintf(out,
                    "  warning: %s: measured for %.3g of %.3g s: energy and mean power are of that "
                    "part\n",
                    r->devices[k].label, m->device[k].time_s, m->time_s);
    for (int i = 0; i < (int)WTL_N_ENERGY_TROUBLES; i++)
        if (i != WTL_TROUBLE_INDEX_partial)
            print_trouble(out, r, m, i);
}

/* Each number once, with how often; of a storm of errors the newest tell which. */
static void print_errors(FILE *out, const char *name, const struct wtl_metered_errors *e,
                         bool several)
{
    char text[WTL_XID_TEXT], often[TEXT];
    for (size_t i = 0; i < e->n_kept; i++) {
        size_t times = 0, after = 0;
        for (size_t j = 0; j < e->n_kept; j++) {
            times += e->kept[j].number == e->kept[i].number;
            after += j > i && e->kept[j].number == e->kept[i].number;
        }
        if (after > 0)
            continue; /* said with the last one */
        often[0] = '\0';
        if (times > 1)
            snprintf(often, sizeof often, ", %zu times", times);
        fprintf(out, "  warning: %s reported %s%s, last after %.1f s%s\n", name,
                wtl_xid_format(e->kept[i].number, text), often, 1e-9 * (double)e->kept[i].t_ns,
                several ? " of a run" : "");
    }
    if (e->n > (int64_t)e->n_kept)
        fprintf(out, "  warning: %s reported %lld errors before these\n", name,
                (long long)(e->n - (int64_t)e->n_kept));
}

static void print_classes(FILE *out, const struct wtl_stat_result *r,
                          const struct wtl_stat_repeats *m)
{
    bool some = false;
    for (size_t k = 0; k < r->n; k++)
        some = some || m->device[k].method != WTL_ENERGY_NONE;
    if (!some) {
        fputs("  No figure: nothing could be measured.\n", out);
        return;
    }
    fputs("  Absolute joules:", out);
    const char *comma = " ";
    for (int c = WTL_CLASS_A; c < (int)WTL_N_CLASSES; c++) {
        bool any = false;
        for (size_t k = 0; k < r->n; k++) {
            const double calibration = r->devices[k].collected.energy.calibration;
            any = any || ((int)m->device[k].class == c && !(calibration > 0));
        }
        if (any)
            fprintf(out, "%s%c %s", comma, wtl_energy_class_letter((enum wtl_energy_class)c),
                    wtl_energy_class_text((enum wtl_energy_class)c));
        comma = any ? "; " : comma;
    }
    for (size_t k = 0; k < r->n; k++) {
        const struct wtl_energy *e = &r->devices[k].collected.energy;
        if (!(e->calibration > 0))
            continue;
        fprintf(out, "%s%s up to %.2g %% off, corrected by %.4g as calibrated", comma,
                r->devices[k].label, 100 * e->calibration, e->gain);
        comma = "; ";
    }
    fputs(".\n  Intervals are 95 %, of the random part.\n", out);
}

void wtl_stat_print(FILE *out, const char *what, const struct wtl_stat_result *r,
                    const struct wtl_stat_repeats *repeats, bool verbose)
{
    char energy[TEXT], pm[TEXT];
    const int width = name_width(r, repeats);
    const struct wtl_energy *total = &repeats->total;
    fprintf(out, "\n Energy of %s", what);
    if (repeats->n > 1)
        fprintf(out, ", mean of %d runs", repeats->n);
    fprintf(out, "\n\n  %-*s %10s %9s %9s %9s %7s  %s\n", width, "DEVICE", "ENERGY", "RANDOM",
            "MEAN", "PEAK", "IDLE", "CLASS, METHOD");
    for (size_t i = 0; i < r->n; i++)
        print_device(out, &r->devices[i], &repeats->device[i], width);
    if (r->n > 1)
        fprintf(out, "  %-*s %10s %9s\n", width, "total",
                total->method == WTL_ENERGY_NONE ? "-" : joules(total->energy_j, energy),
                total->method == WTL_ENERGY_NONE ? "-" : doubt(total, pm));
    for (size_t i = 0; i < r->n; i++)
        print_split(out, &r->devices[i], repeats->n > 1);
    print_windows(out, repeats, width);
    print_requests(out, r, repeats->n > 1);
    print_latencies(out, r, repeats->n > 1);
    fputc('\n', out);
    print_troubles(out, r, repeats);
    for (size_t i = 0; i < r->n; i++)
        print_errors(out, r->devices[i].label, &repeats->errors[i], repeats->n > 1);
    print_markers(out, r);
    print_classes(out, r, repeats);
    if (verbose)
        for (size_t i = 0; i < r->n; i++)
            fprintf(
                out,
                "  %s: %lld readings, %lld failed, %.2f %% of the time; sensor's period %g ms\n",
                r->devices[i].info->id, (long long)r->devices[i].n_readings,
                (long long)r->devices[i].n_failed, 100 * r->devices[i].cost_share,
                1e-6 * (double)r->devices[i].period_ns);
    fprintf(out, "\n  %.3f s elapsed\n\n", repeats->time_s);
}
