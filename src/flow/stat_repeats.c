/* SPDX-License-Identifier: Apache-2.0
 * Runs of one command, and their means. */
#include "flow/stat_repeats.h"

#include "codec/json.h"
#include "energy/repeats.h"

#include <string.h>

/* Energy over the devices of the total. An estimate is off alike in every run, so that repeating
 * tells nothing of it: it goes by itself until the means are known. */
struct parted {
    struct wtl_energy measured, estimated;
};

/* Of one name; energies[i] is that of the i-th run that had it. */
struct named {
    struct wtl_stat_window sum;
    struct parted *energies;
    size_t cap;
};

struct wtl_stat_runs {
    struct wtl_arena *arena;
    int n, most;
    size_t n_devices;
    struct wtl_energy *each;           /* device by run */
    struct wtl_metered_errors *errors; /* by device */
    struct parted *total;              /* by run */
    double time_s;                     /* sum */
    struct named *named;
    size_t n_named, cap_named;
};

struct wtl_stat_runs *wtl_stat_runs_new(struct wtl_arena *arena, int most)
{
    struct wtl_stat_runs *runs = WTL_NEW(arena, struct wtl_stat_runs);
    if (runs)
        *runs = (struct wtl_stat_runs){.arena = arena, .most = most};
    return runs;
}

static struct named *find_named(struct wtl_stat_runs *runs, const char *name)
{
    for (size_t k = 0; k < runs->n_named; k++)
        if (strcmp(runs->named[k].sum.name, name) == 0)
            return &runs->named[k];
    if (wtl_grow(runs->arena, &runs->named, runs->n_named, &runs->cap_named) != 0)
        return NULL;
    struct named *n = &runs->named[runs->n_named++];
    *n = (struct named){0};
    memcpy(n->sum.name, name, strlen(name) + 1);
    return n;
}

static void add_unit(struct wtl_stat_window *sum, const char *unit)
{
    if (sum->runs == 0 || !sum->unit[0])
        memcpy(sum->unit, unit, strlen(unit) + 1);
    else if (unit[0] && strcmp(sum->unit, unit) != 0)
        memcpy(sum->unit, "(mixed)", sizeof "(mixed)");
}

static void add_part(struct parted *sum, const struct wtl_stat_device *d,
                     const struct wtl_energy *e)
{
    if (!d->part_of_another)
        wtl_energy_add(e->method == WTL_ENERGY_estimated ? &sum->estimated : &sum->measured, e);
}

static int add_window(struct wtl_stat_runs *runs, const struct wtl_stat_result *r, size_t k)
{
    const struct wtl_window_total *w = &r->windows[k];
    struct named *n = find_named(runs, w->name);
    if (!n || wtl_grow(runs->arena, &n->energies, (size_t)n->sum.runs, &n->cap) != 0)
        return -WTL_NOMEM;
    struct parted *sum = &n->energies[n->sum.runs];
    *sum = (struct parted){0};
    for (size_t d = 0; d < r->n; d++)
        add_part(sum, &r->devices[d], &w->energy[d]);
    add_unit(&n->sum, w->unit);
    n->sum.runs++;
    n->sum.count += (double)w->count;
    n->sum.time_s += w->time_s;
    n->sum.work += w->work;
    n->sum.has_work = n->sum.has_work || w->n_work > 0;
    n->sum.cut += w->cut;
    return 0;
}

/* Behind those of earlier runs; where there is no more room the oldest go. */
static void add_errors(struct wtl_metered_errors *all, const struct wtl_metered_errors *e)
{
    all->told = e->told;
    all->n += e->n;
    for (size_t i = 0; i < e->n_kept; i++) {
        if (all->n_kept == WTL_METERED_ERRORS) {
            all->n_kept--;
            memmove(all->kept, all->kept + 1, all->n_kept * sizeof *all->kept);
        }
        all->kept[all->n_kept++] = e->kept[i];
    }
}

int wtl_stat_runs_add(struct wtl_stat_runs *runs, const struct wtl_stat_result *r,
                      struct wtl_error *err)
{
    const size_t most = (size_t)runs->most, i = (size_t)runs->n;
    if (i == 0) {
        runs->n_devices = r->n;
        runs->each = WTL_NEW_ARRAY(runs->arena, struct wtl_energy, most * r->n + 1);
        runs->total = WTL_NEW_ARRAY(runs->arena, struct parted, most);
        runs->errors = WTL_NEW_ARRAY(runs->arena, struct wtl_metered_errors, r->n + 1);
    }
    if (!runs->each || !runs->total || !runs->errors)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t k = 0; k < r->n_windows; k++)
        if (add_window(runs, r, k) != 0)
            return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t d = 0; d < r->n; d++) {
        runs->each[d * most + i] = r->devices[d].collected.energy;
        add_part(&runs->total[i], &r->devices[d], &r->devices[d].collected.energy);
        add_errors(&runs->errors[d], &r->devices[d].collected.errors);
    }
    runs->time_s += r->time_s;
    runs->n++;
    return 0;
}

int wtl_stat_runs_count(const struct wtl_stat_runs *runs)
{
    return runs->n;
}

static struct wtl_energy mean_of(const struct wtl_energy *energies, int n)
{
    struct wtl_energy mean = energies[0];
    if (n == 1)
        return mean;
    wtl_repeats_mean(energies, (size_t)n, &mean);
    if (energies[0].method == WTL_ENERGY_estimated)
        wtl_energy_as_estimate(&mean);
    return mean;
}

static int mean_of_parts(struct wtl_arena *arena, const struct parted *each, int n,
                         struct wtl_energy *mean_out)
{
    struct wtl_energy *one = WTL_NEW_ARRAY(arena, struct wtl_energy, (size_t)n), sum = {0};
    if (!one)
        return -WTL_NOMEM;
    for (int i = 0; i < n; i++)
        one[i] = each[i].measured;
    const struct wtl_energy measured = mean_of(one, n);
    for (int i = 0; i < n; i++)
        one[i] = each[i].estimated;
    const struct wtl_energy estimated = mean_of(one, n);
    wtl_energy_add(&sum, &measured);
    wtl_energy_add(&sum, &estimated);
    *mean_out = sum;
    return 0;
}

static int mean_window(struct wtl_arena *arena, const struct named *n,
                       struct wtl_stat_window *mean_out)
{
    *mean_out = n->sum;
    mean_out->count /= n->sum.runs;
    mean_out->time_s /= n->sum.runs;
    mean_out->work /= n->sum.runs;
    return mean_of_parts(arena, n->energies, n->sum.runs, &mean_out->energy);
}

int wtl_stat_runs_means(const struct wtl_stat_runs *runs, struct wtl_stat_repeats *out,
                        struct wtl_error *err)
{
    struct wtl_stat_repeats m = {.n = runs->n, .n_windows = runs->n_named, .errors = runs->errors};
    m.device = WTL_NEW_ARRAY(runs->arena, struct wtl_energy, runs->n_devices + 1);
    m.windows = WTL_NEW_ARRAY(runs->arena, struct wtl_stat_window, runs->n_named + 1);
    if (!m.device || !m.windows)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t d = 0; d < runs->n_devices; d++)
        m.device[d] = mean_of(runs->each + d * (size_t)runs->most, runs->n);
    int rc = mean_of_parts(runs->arena, runs->total, runs->n, &m.total);
    for (size_t k = 0; rc == 0 && k < runs->n_named; k++)
        rc = mean_window(runs->arena, &runs->named[k], &m.windows[k]);
    if (rc < 0)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    m.time_s = runs->time_s / runs->n;
    *out = m;
    return 0;
}

static json_t *window_json(const struct wtl_stat_window *w)
{
    return json_pack("{s:o, s:i, s:f, s:I, s:f, s:o, s:o, s:o}", "name", wtl_json_text(w->name),
                     "runs", w->runs, "count", w->count, "cut", (json_int_t)w->cut, "time_s",
                     w->time_s, "work", w->has_work ? wtl_json_finite(w->work) : json_null(),
                     "unit", wtl_json_text_or_null(w->unit), "energy", wtl_energy_json(&w->energy));
}

json_t *wtl_stat_repeats_json(const struct wtl_stat_result *r, const struct wtl_stat_repeats *m)
{
    json_t *o = json_pack("{s:i, s:f, s:o}", "n", m->n, "time_s", m->time_s, "total",
                          wtl_energy_json(&m->total));
    json_t *devices = json_object(), *errors = json_object(), *windows = json_array();
    for (size_t i = 0; i < r->n; i++)
        wtl_json_put_text(&devices, r->devices[i].info->id, wtl_energy_json(&m->device[i]));
    for (size_t i = 0; i < r->n; i++)
        if (m->errors[i].told)
            wtl_json_put_text(&errors, r->devices[i].info->id,
                              json_integer((json_int_t)m->errors[i].n));
    for (size_t k = 0; k < m->n_windows; k++)
        wtl_json_add(&windows, window_json(&m->windows[k]));
    wtl_json_put(&o, "devices", devices);
    wtl_json_put(&o, "driver_errors", errors);
    wtl_json_put(&o, "windows", windows);
    return o;
}
