/* SPDX-License-Identifier: Apache-2.0
 * A sweep as a document, and how two of them differ. */
#include "lab/plan.h"

#include "codec/json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- Writing --------------------------------------------------------------------------------- */

static json_t *point_json(const struct wtl_lab_point *p)
{
    json_t *o = json_object();
    if (p->clock_mhz)
        wtl_json_put(&o, "clock_mhz", json_integer(p->clock_mhz));
    if (p->mem_clock_mhz)
        wtl_json_put(&o, "mem_clock_mhz", json_integer(p->mem_clock_mhz));
    if (p->point.variant[0])
        wtl_json_put(&o, "variant", wtl_json_text(p->point.variant));
    for (int s = 0; s < (int)WTL_N_SETTINGS; s++)
        if (wtl_point_has(&p->point, (enum wtl_setting)s))
            wtl_json_put(&o, wtl_setting_info((enum wtl_setting)s)->name,
                         wtl_json_finite(p->point.value[s]));
    return o;
}

static json_t *texts_json(const struct wtl_yaml_strings *list)
{
    json_t *a = json_array();
    for (size_t i = 0; i < list->n; i++)
        wtl_json_add(&a, wtl_json_text(list->values[i]));
    return a;
}

static json_t *workload_json(const struct wtl_workload_spec *w)
{
    json_t *o = json_pack("{s:o}", "name", wtl_json_text(w->name));
    if (w->virtual_name)
        wtl_json_put(&o, "virtual", wtl_json_text(w->virtual_name));
    if (w->command.n)
        wtl_json_put(&o, "command", texts_json(&w->command));
    if (w->env.n)
        wtl_json_put(&o, "env", texts_json(&w->env));
    if (w->unit[0])
        wtl_json_put(&o, "unit", wtl_json_text(w->unit));
    if (!w->pauses)
        wtl_json_put(&o, "pause", json_false());
    if (!w->in_group)
        wtl_json_put(&o, "in_group", json_false());
    if (!w->mps)
        wtl_json_put(&o, "mps", json_false());
    return o;
}

static json_t *protocol_json(const struct wtl_protocol_spec *p)
{
    return json_pack(
        "{s:f, s:f, s:i, s:f, s:b, s:o, s:f, s:f, s:f, s:f, s:f, s:f, s:i, s:i, s:i, s:i, s:b,"
        " s:b}",
        "settle_s", p->settle_s, "warm_up_s", p->warmup_s, "warm_up_iterations",
        p->warmup_iterations, "warm_up_max_s", p->warmup_max_s, "thermal_band", (int)p->band,
        "temperature_c", p->has_band_c ? json_real(p->band_c) : json_null(), "temperature_width_c",
        p->band_width_c, "temperature_timeout_s", p->band_timeout_s, "window_min_s",
        p->window_min_s, "window_max_s", p->window_max_s, "window_target", p->window_target,
        "target", p->target, "blocks_min", p->blocks_min, "blocks_max", p->blocks_max,
        "anchor_every", p->anchor_every, "attempts", p->attempts, "idle", (int)p->idle, "samples",
        (int)p->keep_samples);
}

static json_t *measured_json(const struct wtl_sweep_plan *plan)
{
    json_t *ids = json_array();
    for (size_t i = 0; i < plan->n_measured; i++)
        wtl_json_add(&ids, wtl_json_text(wtl_device_info(plan->measured[i])->id));
    return ids;
}

static json_t *gain_or_null(const struct wtl_gain *g)
{
    return g->known ? wtl_json_finite(g->value) : json_null();
}

/* Of each device; null: no energy is corrected. */
static json_t *gains_json(const struct wtl_sweep_plan *plan)
{
    json_t *gains = json_array();
    bool any = false;
    for (size_t i = 0; i < plan->n_measured; i++) {
        const struct wtl_calibration *c = &plan->facts[i].calibration;
        any = any || wtl_calibration_is_known(c);
        wtl_json_add(&gains, json_pack("{s:o, s:o}", "counter", gain_or_null(&c->counter), "power",
                                       gain_or_null(&c->power)));
    }
    if (any)
        return gains;
    json_decref(gains);
    return json_null();
}

/* Of each workload, the points that are visited besides the reference. */
static json_t *wanted_json(const struct wtl_sweep_plan *plan)
{
    json_t *all = json_array();
    for (size_t w = 0; w < plan->spec->n_workloads; w++) {
        json_t *points = json_array();
        for (size_t i = 0; i < plan->points.n; i++)
            if (plan->wanted[w * plan->points.n + i])
                wtl_json_add(&points, point_json(&plan->points.items[i]));
        wtl_json_add(&all, points);
    }
    return all;
}

json_t *wtl_sweep_document(const struct wtl_sweep_plan *plan)
{
    const struct wtl_sweep_spec *s = plan->spec;
    char objective[64];
    json_t *workloads = json_array(), *points = json_array();
    for (size_t i = 0; i < s->n_workloads; i++)
        wtl_json_add(&workloads, workload_json(&s->workloads[i]));
    for (size_t i = 0; i < plan->points.n; i++)
        wtl_json_add(&points, point_json(&plan->points.items[i]));
    json_t *o = json_pack(
        "{s:o, s:o, s:I, s:s, s:s, s:o, s:f, s:i, s:b, s:o, s:o, s:o, s:o}", "name",
        wtl_json_text(s->name), "devices", texts_json(&s->devices), "seed", (json_int_t)s->seed,
        "search", s->search == WTL_SEARCH_ADAPTIVE ? "adaptive" : "grid", "objective",
        wtl_objective_format(&s->objective, objective, sizeof objective), "max_slowdown",
        s->has_max_slowdown ? json_real(s->max_slowdown) : json_null(), "indifference",
        s->indifference, "budget", s->budget, "no_privilege", (int)s->no_privilege, "protocol",
        protocol_json(&s->protocol), "workloads", workloads, "reference",
        point_json(&plan->points.items[plan->points.reference]), "points", points);
    wtl_json_put(&o, "gains", gains_json(plan));
    if (plan->n_measured > 1) /* their order is that of the streams of samples */
        wtl_json_put(&o, "measured", measured_json(plan));
    if (plan->wanted)
        wtl_json_put(&o, "wanted", wanted_json(plan));
    return o;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static int read_point(const json_t *o, struct wtl_lab_point *out)
{
    struct wtl_lab_point p = {.clock_mhz = (int)json_integer_value(json_object_get(o, "clock_mhz")),
                              .mem_clock_mhz =
                                  (int)json_integer_value(json_object_get(o, "mem_clock_mhz"))};
    const char *variant = json_string_value(json_object_get(o, "variant"));
    if (!json_is_object(o) || !wtl_view_copy(wtl_view_of(variant ? variant : ""), p.point.variant,
                                             sizeof p.point.variant))
        return -1;
    for (int s = 0; s < (int)WTL_N_SETTINGS; s++) {
        const json_t *v = json_object_get(o, wtl_setting_info((enum wtl_setting)s)->name);
        if (json_is_number(v))
            wtl_point_set(&p.point, (enum wtl_setting)s, json_number_value(v));
    }
    *out = p;
    return 0;
}

static size_t find_point(const struct wtl_lab_point *items, size_t n, const struct wtl_lab_point *p)
{
    size_t i = 0;
    while (i < n && wtl_lab_point_compare(&items[i], p) != 0)
        i++;
    return i;
}

/* `items` are the plan's points in another order. */
static int align_wanted(struct wtl_arena *arena, struct wtl_sweep_plan *plan,
                        const struct wtl_lab_point *items, size_t n)
{
    const size_t n_workloads = plan->spec->n_workloads;
    bool *wanted = WTL_NEW_ARRAY(arena, bool, n_workloads *n + 1);
    for (size_t i = 0; wanted && i < n_workloads * n; i++)
        wanted[i] = plan->wanted[i / n * n + find_point(plan->points.items, n, &items[i % n])];
    plan->wanted = wanted;
    return wanted ? 0 : -1;
}

int wtl_sweep_plan_align(struct wtl_arena *arena, struct wtl_sweep_plan *plan, const json_t *stored,
                         struct wtl_error *err)
{
    const json_t *list = json_object_get(stored, "points");
    const size_t n_old = json_array_size(list), n_new = plan->points.n;
    const struct wtl_lab_point reference = plan->points.items[plan->points.reference];
    struct wtl_lab_point *items = WTL_NEW_ARRAY(arena, struct wtl_lab_point, n_old + n_new + 1);
    size_t n = 0;
    if (!items)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < n_old; i++) {
        if (read_point(json_array_get(list, i), &items[n]) < 0)
            return WTL_FAIL(err, WTL_CORRUPT, "point %zu of the stored sweep is damaged", i);
        n += find_point(plan->points.items, n_new, &items[n]) < n_new;
    }
    if (n < n_old) /* some are gone: another sweep, and its points keep their own order */
        return 0;
    for (size_t i = 0; i < n_new; i++)
        if (find_point(items, n, &plan->points.items[i]) == n)
            items[n++] = plan->points.items[i];
    if (plan->wanted && align_wanted(arena, plan, items, n) < 0)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    plan->points.items = items;
    plan->points.n = n;
    plan->points.reference = find_point(items, n, &reference);
    return 0;
}

/* ---- Differences ----------------------------------------------------------------------------- */

struct difference {
    char *buf;
    size_t used;
    bool extends;
};

static bool may_be_extended(const char *path)
{
    static const char *const may[] = {"protocol.blocks_min", "protocol.blocks_max",
                                      "protocol.target", "budget", "indifference"};
    for (size_t i = 0; i < sizeof may / sizeof *may; i++)
        if (strcmp(path, may[i]) == 0)
            return true;
    return false;
}

static void add(struct difference *d, const char *text)
{
    if (d->used + 3 < WTL_SWEEP_DIFFERENCE)
        d->used += (size_t)snprintf(d->buf + d->used, WTL_SWEEP_DIFFERENCE - d->used, "%s%s",
                                    d->used ? "; " : "", text);
    if (d->used >= WTL_SWEEP_DIFFERENCE)
        d->used = WTL_SWEEP_DIFFERENCE - 1;
}

static const char *brief(const json_t *v, char buf[80])
{
    struct wtl_buf text;
    wtl_buf_init(&text, wtl_alloc_system(), 1 << 20);
    if (!v || !wtl_json_write_line(v, &text))
        (void)snprintf(buf, 80, "nothing");
    else
        (void)snprintf(buf, 80, "%.70s%s", wtl_buf_str(&text), text.len > 70 ? "..." : "");
    wtl_buf_fini(&text);
    return buf;
}

static size_t count_missing(const json_t *from, const json_t *in)
{
    size_t missing = 0;
    for (size_t i = 0; i < json_array_size(from); i++) {
        bool found = false;
        for (size_t k = 0; !found && k < json_array_size(in); k++)
            found = json_equal(json_array_get(from, i), json_array_get(in, k));
        missing += !found;
    }
    return missing;
}

static void compare_points(struct difference *d, const json_t *was, const json_t *is)
{
    const size_t gone = count_missing(was, is), more = count_missing(is, was);
    char text[100];
    if (gone) {
        d->extends = false;
        (void)snprintf(text, sizeof text, "%zu point%s fewer", gone, wtl_plural((int64_t)gone));
        add(d, text);
    }
    if (more) {
        (void)snprintf(text, sizeof text, "%zu point%s more", more, wtl_plural((int64_t)more));
        add(d, text);
    }
}

static void compare(struct difference *d, const char *path, const json_t *was, const json_t *is)
{
    char a[80], b[80], text[300], below[120];
    const char *key;
    json_t *value;
    if (json_is_object(was) && json_is_object(is) && strcmp(path, "reference") != 0) {
        union {
            const json_t *in;
            json_t *out;
        } o = {.in = is};
        json_object_foreach(o.out, key, value)
        {
            (void)snprintf(below, sizeof below, "%s%s%.60s", path, path[0] ? "." : "", key);
            compare(d, below, json_object_get(was, key), value);
        }
        return;
    }
    if (strcmp(path, "points") == 0) {
        compare_points(d, was, is);
        return;
    }
    if (was ? json_equal(was, is) : json_is_null(is)) /* documents from before lack what is null */
        return;
    if (was && json_is_number(was) && json_is_number(is) &&
        fabs(json_number_value(was) - json_number_value(is)) < 1e-12)
        return;
    d->extends = d->extends && may_be_extended(path);
    (void)snprintf(text, sizeof text, "%s is %s, was %s", path, brief(is, b), brief(was, a));
    add(d, text);
}

void wtl_sweep_difference(const json_t *stored, const json_t *present,
                          char buf[WTL_SWEEP_DIFFERENCE], bool *extends_out)
{
    struct difference d = {.buf = buf, .extends = true};
    buf[0] = '\0';
    compare(&d, "", stored, present);
    *extends_out = d.extends;
}
