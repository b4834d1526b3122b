/* SPDX-License-Identifier: Apache-2.0
 * `wattle devices` for people. */
#include "cli/devices_text.h"

#include "base/text.h"
#include "cli/table.h"
#include "core/event_reasons.h"

#include <stdio.h>
#include <string.h>

/* ---- One value --------------------------------------------------------------------------------*/

/* "energy_counter_j" as "energy counter": a figure carries its unit itself. */
static void title_of(enum wtl_metric metric, char buf[64])
{
    static const char *const suffixes[] = {"_w", "_j", "_c", "_mhz", "_b", "_s", "_ns"};
    snprintf(buf, 64, "%s", wtl_metric_info(metric)->name);
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
        if (wtl_ends_with(buf, suffixes[i])) {
            buf[strlen(buf) - strlen(suffixes[i])] = '\0';
            break;
        }
    for (char *p = buf; *p; p++)
        if (*p == '_')
            *p = ' ';
    if (wtl_starts_with(buf, "sm ") || wtl_starts_with(buf, "cpu "))
        for (char *p = buf; *p && *p != ' '; p++)
            *p = (char)(*p - 'a' + 'A');
}

static void put_value(struct wtl_buf *out, enum wtl_metric m, double value)
{
    char text[WTL_EVENT_REASONS_TEXT];
    const struct wtl_metric_info *info = wtl_metric_info(m);
    if (m == WTL_M_event_reasons) {
        const char *words =
            value >= 0 ? wtl_event_reasons_text((uint64_t)value, false, text) : "unknown";
        wtl_buf_puts(out, words[0] ? words : "none");
    } else if (info->unit == WTL_UNIT_NONE) {
        wtl_buf_printf(out, "%.0f", value);
    } else {
        /* Whole seconds of counters that have run for long. */
        if (info->unit == WTL_UNIT_SECOND && value >= 1000)
            snprintf(text, sizeof text, "%.0f s", value);
        else
            wtl_format_quantity(value, info->unit, text, sizeof text);
        wtl_buf_puts(out, text);
    }
}

/* ---- One device -------------------------------------------------------------------------------*/

static void put_flags(struct wtl_buf *out, unsigned flags)
{
    static const struct {
        unsigned flag;
        const char *text;
    } marks[] = {
        {WTL_DEVICE_VIRTUAL, "virtual"},     {WTL_DEVICE_REPLAY, "a recorded trace"},
        {WTL_DEVICE_MIG, "split by MIG"},    {WTL_DEVICE_VGPU, "a vGPU"},
        {WTL_DEVICE_WSL, "behind WSL"},      {WTL_DEVICE_EXCLUSIVE, "one process only"},
        {WTL_DEVICE_FAULTY, "made to fail"}, {WTL_DEVICE_ESTIMATED, "an estimate, no sensor"},
    };
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (flags & marks[i].flag)
            wtl_buf_printf(out, ", %s", marks[i].text);
}

static void put_what_it_is(struct wtl_buf *out, const struct wtl_devices *d,
                           const struct wtl_device_info *i)
{
    wtl_buf_puts(out, wtl_device_kind_title(i->kind));
    if (i->index >= 0)
        wtl_buf_printf(out, " %d", i->index);
    if (i->pci[0] && !strstr(i->id, i->pci))
        wtl_buf_printf(out, ", %s", i->pci);
    if (i->architecture[0])
        wtl_buf_printf(out, ", %s", i->architecture);
    if (i->driver[0])
        wtl_buf_printf(out, ", %s", i->driver);
    if (i->parent >= 0)
        wtl_buf_printf(out, ", of %s", d->looks[i->parent].info->id);
    put_flags(out, i->flags);
}

static void put_sensors(struct wtl_buf *out, const struct wtl_device_look *l)
{
    bool any = false;
    for (int m = 0; m < (int)WTL_N_METRICS; m++) {
        char title[64];
        if (!(l->info->sensors & WTL_METRIC_BIT(m)))
            continue;
        title_of((enum wtl_metric)m, title);
        wtl_buf_printf(out, "%s%s ", any ? ", " : "", title);
        any = true;
        if (wtl_reading_has(&l->reading, (enum wtl_metric)m))
            put_value(out, (enum wtl_metric)m, l->reading.value[m]);
        else
            wtl_buf_puts(out, wtl_absence_name((enum wtl_absence)l->reading.absence[m]));
    }
    if (!any)
        wtl_buf_puts(out, "no sensor of its own");
}

static void put_range(struct wtl_buf *out, enum wtl_knob knob, const struct wtl_knob_range *r)
{
    char text[WTL_KNOB_TEXT];
    const struct wtl_knob_value range = {.lo = r->min, .hi = r->max};
    wtl_buf_printf(out, ", range %s", wtl_knob_format(knob, range, text));
    if (r->n_steps)
        wtl_buf_printf(out, " in %zu step%s", r->n_steps, wtl_plural((int64_t)r->n_steps));
    if (r->has_default)
        wtl_buf_printf(out, ", default %s",
                       wtl_knob_format(knob, wtl_knob_at(r->default_value), text));
}

/* No getter: what our own leases did is all that is known. */
static void put_unknown(struct wtl_buf *out, const struct wtl_device_knob_look *k)
{
    char text[WTL_KNOB_TEXT];
    if (!k->has_ours || (!k->ours.open && k->ours.value.released))
        wtl_buf_puts(out, "not told by the driver");
    else
        wtl_buf_printf(out, "%s, %s lease %lld of ours %s (the driver does not tell)",
                       wtl_knob_format(k->knob, k->ours.value, text), k->ours.open ? "as" : "where",
                       (long long)k->ours.lease, k->ours.open ? "set it" : "left it");
}

static void put_knob(struct wtl_buf *out, const struct wtl_device_knob_look *k, bool live)
{
    char text[WTL_KNOB_TEXT];
    const struct wtl_knob_info *info = wtl_knob_info(k->knob);
    wtl_buf_printf(out, "%s ", info->title);
    if (k->rc < 0)
        wtl_buf_puts(out, k->why ? k->why : "cannot be read");
    else if (!k->state.known)
        put_unknown(out, k);
    else
        wtl_buf_puts(out, wtl_knob_format(k->knob, k->state.requested, text));
    if (k->rc == 0 && k->state.has_enforced &&
        !wtl_knob_same(k->knob, k->state.requested, wtl_knob_at(k->state.enforced)))
        wtl_buf_printf(out, " (%s holds)",
                       wtl_knob_format(k->knob, wtl_knob_at(k->state.enforced), text));
    if (k->has_range)
        put_range(out, k->knob, &k->range);
    if (live && !k->writable)
        wtl_buf_puts(out, "; not ours to set");
}

static void print_rest(FILE *out, const struct wtl_device_look *l, bool live, struct wtl_buf *text)
{
    if (l->rc < 0)
        wtl_buf_printf(text, "%s", l->why ? l->why : "cannot be read");
    else
        put_sensors(text, l);
    wtl_print_part(out, "  reads  ", text);
    for (size_t k = 0; k < l->n_knobs; k++) {
        put_knob(text, &l->knobs[k], live);
        wtl_print_part(out, k ? "         " : "  knob   ", text);
    }
}

static void print_device(FILE *out, const struct wtl_devices *d, const struct wtl_device_look *l,
                         struct wtl_buf *text)
{
    const struct wtl_device_info *i = l->info;
    bool narrow = (int)(strlen(i->id) + 2 + strlen(i->name)) > wtl_page_width(out, WTL_TABLE_WIDTH);
    fprintf(out, "%s%s%s\n", i->id, narrow ? "\n  " : "  ", i->name);
    put_what_it_is(text, d, i);
    wtl_print_part(out, "  ", text);
    print_rest(out, l, d->live, text);
}

/* ---- CPU clocks that are alike ----------------------------------------------------------------*/

/* What follows "CPU 3" in the name of a policy: ", powersave". */
static const char *governor_of(const struct wtl_device_info *i)
{
    const char *comma = strrchr(i->name, ',');
    return comma ? comma : "";
}

static bool alike(const struct wtl_device_look *a, const struct wtl_device_look *b)
{
    if (a->info->kind != WTL_DEVICE_CPU_CLOCK || b->info->kind != WTL_DEVICE_CPU_CLOCK ||
        a->rc < 0 || b->rc < 0 || a->n_knobs != 1 || b->n_knobs != 1 || a->knobs[0].rc < 0 ||
        b->knobs[0].rc < 0)
        return false;
    const struct wtl_device_knob_look *x = a->knobs, *y = b->knobs;
    return strcmp(a->info->driver, b->info->driver) == 0 &&
           strcmp(governor_of(a->info), governor_of(b->info)) == 0 && x->writable == y->writable &&
           wtl_knob_same(x->knob, x->state.requested, y->state.requested) &&
           x->has_range == y->has_range && !(x->range.min < y->range.min) &&
           !(x->range.min > y->range.min) && !(x->range.max < y->range.max) &&
           !(x->range.max > y->range.max);
}

static void put_clocks(struct wtl_buf *text, const struct wtl_device_look *l, size_t n)
{
    double lo = 0, hi = 0;
    char a[32], b[32];
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        if (!wtl_reading_has(&l[i].reading, WTL_M_cpu_clock_mhz))
            continue;
        double mhz = l[i].reading.value[WTL_M_cpu_clock_mhz];
        lo = any && lo < mhz ? lo : mhz;
        hi = any && hi > mhz ? hi : mhz;
        any = true;
    }
    if (any)
        wtl_buf_printf(text, "CPU clock %s to %s",
                       wtl_format_quantity(lo, WTL_UNIT_MHZ, a, sizeof a),
                       wtl_format_quantity(hi, WTL_UNIT_MHZ, b, sizeof b));
    else
        wtl_buf_puts(text, "CPU clock not to be had");
}

static void print_alike(FILE *out, const struct wtl_device_look *l, size_t n, bool live,
                        struct wtl_buf *text)
{
    fprintf(out, "%s to %s  %zu policies%s\n  %s, %s\n", l[0].info->id, l[n - 1].info->id, n,
            governor_of(l[0].info), wtl_device_kind_title(l[0].info->kind), l[0].info->driver);
    put_clocks(text, l, n);
    wtl_print_part(out, "  reads  ", text);
    put_knob(text, &l[0].knobs[0], live);
    wtl_print_part(out, "  knob   ", text);
}

/* ---- All --------------------------------------------------------------------------------------*/

static void print_end(FILE *out, const struct wtl_devices *d)
{
    int lacks = 0;
    for (size_t i = 0; i < d->n_findings; i++)
        lacks += d->findings[i].level >= WTL_FINDING_LACK;
    if (d->n == 0)
        wtl_print_hanging(out, "", "no device was found; `wattle doctor` says why",
                          WTL_TABLE_WIDTH);
    else if (lacks)
        fprintf(out, "\n%d thing%s missing or wrong: `wattle doctor`\n", lacks,
                lacks == 1 ? " is" : "s are");
}

int devices_text(struct wtl_context *ctx, const struct wtl_devices *d, bool all,
                 struct wtl_error *err)
{
    struct wtl_buf text;
    wtl_buf_init(&text, wtl_alloc_system(), 1 << 20);
    for (size_t i = 0; i < d->n && !text.failed;) {
        size_t n = 1;
        while (!all && i + n < d->n && alike(&d->looks[i], &d->looks[i + n]))
            n++;
        if (i)
            fputc('\n', ctx->out);
        if (n > 1)
            print_alike(ctx->out, &d->looks[i], n, d->live, &text);
        else
            print_device(ctx->out, d, &d->looks[i], &text);
        i += n;
    }
    print_end(ctx->out, d);
    int rc = text.failed ? WTL_FAIL(err, WTL_NOMEM, "out of memory") : 0;
    wtl_buf_fini(&text);
    return rc;
}
