/* SPDX-License-Identifier: Apache-2.0
 * Sweep specs: schema and reading. */
#include "lab/spec.h"

#include "base/file.h"
#include "lab/template.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- Clocks ---------------------------------------------------------------------------------- */

static int parse_mhz(const struct wtl_yaml_node *node, const char *text, size_t n, double *out,
                     struct wtl_error *err)
{
    char word[64];
    struct wtl_error why = {0};
    struct wtl_view v = wtl_view_trim((struct wtl_view){text, n});
    if (!wtl_view_copy(v, word, sizeof word) ||
        wtl_parse_setting(word, WTL_UNIT_MHZ, out, &why) < 0) {
        int rc = wtl_yaml_fail(node, err, "\"%.*s\" is no clock", (int)(v.n < 60 ? v.n : 60), v.s);
        if (why.hint[0])
            wtl_error_hint(err, "%s", why.hint);
        return rc;
    }
    if (!(*out > 0 && *out < 1e6))
        return wtl_yaml_fail(node, err, "a clock of %s is outside of 1 MHz to 1 THz", word);
    return 0;
}

/* "510-1410", "510MHz-1.41GHz every 60MHz", "510-1410:60" */
static int parse_range(const struct wtl_yaml_node *node, const char *text,
                       struct wtl_clock_axis *axis, struct wtl_error *err)
{
    const char *dash = strchr(text, '-'), *every = strstr(text, "every"),
               *colon = strchr(text, ':');
    const char *step = every ? every + strlen("every") : colon ? colon + 1 : NULL;
    const char *end = every ? every : colon ? colon : text + strlen(text);
    int rc = parse_mhz(node, text, (size_t)(dash - text), &axis->lo_mhz, err);
    rc = rc ? rc : parse_mhz(node, dash + 1, (size_t)(end - dash - 1), &axis->hi_mhz, err);
    if (rc == 0 && step)
        rc = parse_mhz(node, step, strlen(step), &axis->step_mhz, err);
    if (rc == 0 && axis->lo_mhz > axis->hi_mhz)
        rc = wtl_yaml_fail(node, err, "\"%s\": the lower clock comes first", text);
    axis->choice = WTL_CLOCKS_RANGE;
    return rc;
}

static int parse_clock_text(const struct wtl_yaml_node *node, struct wtl_clock_axis *axis,
                            bool *list_out, struct wtl_error *err)
{
    const char *text = node->text;
    *list_out = false;
    if (strcmp(text, "all") == 0) {
        axis->choice = WTL_CLOCKS_ALL;
        return 0;
    }
    if (wtl_starts_with(text, "every ")) {
        axis->choice = WTL_CLOCKS_EVERY;
        return parse_mhz(node, text + 6, strlen(text + 6), &axis->step_mhz, err);
    }
    if (strchr(text, '-'))
        return parse_range(node, text, axis, err);
    *list_out = true;
    return 0;
}

static int parse_clock_list(struct wtl_arena *arena, const struct wtl_yaml_node *node,
                            struct wtl_clock_axis *axis, struct wtl_error *err)
{
    const struct wtl_yaml_node *const one[] = {node};
    bool list = node->kind == WTL_YAML_SEQUENCE;
    const struct wtl_yaml_node *const *items = list ? node->items : one;
    size_t n = list ? node->n : 1;
    int *mhz = WTL_NEW_ARRAY(arena, int, n + 1);
    if (!mhz)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    if (n == 0)
        return wtl_yaml_fail(node, err, "an empty list of clocks");
    for (size_t i = 0; i < n; i++) {
        double value = 0;
        if (items[i]->kind != WTL_YAML_SCALAR)
            return wtl_yaml_fail(items[i], err, "a clock is a number: 1095, 1.41GHz");
        int rc = parse_mhz(items[i], items[i]->text, strlen(items[i]->text), &value, err);
        if (rc < 0) {
            wtl_error_hint(err, "all, every 60MHz, 510-1410, 510-1410 every 60MHz, or a list");
            return rc;
        }
        mhz[i] = (int)lround(value);
    }
    axis->choice = WTL_CLOCKS_LIST;
    axis->list_mhz = mhz;
    axis->n = n;
    return 0;
}

static int parse_clocks(struct wtl_arena *arena, const struct wtl_yaml_node *node, void *field,
                        struct wtl_error *err)
{
    struct wtl_clock_axis axis = {.node = node};
    bool list = true;
    int rc = 0;
    if (node->kind == WTL_YAML_SCALAR)
        rc = parse_clock_text(node, &axis, &list, err);
    else if (node->kind != WTL_YAML_SEQUENCE)
        return wtl_yaml_fail(node, err, "clocks: expected a list, or how to choose them");
    if (rc == 0 && list)
        rc = parse_clock_list(arena, node, &axis, err);
    if (rc == 0)
        memcpy(field, &axis, sizeof axis);
    return rc;
}

/* ---- Points ---------------------------------------------------------------------------------- */

struct point_document {
    double clock_mhz, mem_clock_mhz, value[WTL_N_SETTINGS];
    bool has_clock, has_mem_clock, has[WTL_N_SETTINGS];
    const char *variant;
};

#define AT(type, member) .offset = offsetof(struct type, member)
#define CLOCK_KEY(name_, field, flag_, text)                                                       \
    {                                                                                              \
        name_, WTL_YAML_T_NUMBER, WTL_UNIT_MHZ, AT(point_document, field),                         \
            .flag = WTL_YAML_FLAG(struct point_document, flag_), .min = 1, .max = 1e6, .doc = text \
    }
#define SETTING_KEY(name_, unit_, setting, lo, hi, text)                                           \
    {                                                                                              \
        name_, WTL_YAML_T_NUMBER, WTL_UNIT_##unit_,                                                \
            AT(point_document, value[WTL_SETTING_##setting]),                                      \
            .flag = WTL_YAML_FLAG(struct point_document, has[WTL_SETTING_##setting]), .min = lo,   \
            .max = hi, .doc = text                                                                 \
    }

static const struct wtl_yaml_key point_keys[] = {
    CLOCK_KEY("clock", clock_mhz, has_clock, "SM clock that is locked."),
    CLOCK_KEY("mem_clock", mem_clock_mhz, has_mem_clock, "Memory clock that is locked."),
    SETTING_KEY("limit", WATT, limit_w, 1, 1e5, "Power limit."),
    SETTING_KEY("batch", NONE, batch, 1, 1e6, "Items worked on at once."),
    SETTING_KEY("replicas", NONE, replicas, 1, 48, "Processes side by side."),
    SETTING_KEY("share", FRACTION, share, 0.01, 1, "Share of the SMs of each (MPS)."),
    SETTING_KEY("cpu_quota", NONE, cpu_quota, 0.01, 4096, "CPU time, in CPUs."),
    SETTING_KEY("threads", NONE, threads, 1, 4096, "Threads of each."),
    {"variant", WTL_YAML_T_STRING, AT(point_document, variant), .doc = "Of the model."},
};
static const struct wtl_yaml_table point_table = {
    "point", "One operating point. What is not named is left alone.", sizeof(struct point_document),
    point_keys, sizeof point_keys / sizeof point_keys[0]};

static bool is_whole(enum wtl_setting s)
{
    return s == WTL_SETTING_batch || s == WTL_SETTING_replicas || s == WTL_SETTING_threads;
}

static int check_whole(const struct wtl_yaml_node *node, enum wtl_setting s, double value,
                       struct wtl_error *err)
{
    if (is_whole(s) && fabs(value - round(value)) > 0)
        return wtl_yaml_fail(node, err, "%s of %g: a whole number is needed",
                             wtl_setting_info(s)->title, value);
    return 0;
}

static int convert_point(const struct wtl_yaml_node *node, const struct point_document *d,
                         struct wtl_point_spec *out, struct wtl_error *err)
{
    struct wtl_point_spec p = {.clock_mhz = (int)lround(d->clock_mhz),
                               .mem_clock_mhz = (int)lround(d->mem_clock_mhz),
                               .has_clock = d->has_clock,
                               .has_mem_clock = d->has_mem_clock,
                               .node = node};
    for (int s = 0; s < (int)WTL_N_SETTINGS; s++) {
        if (!d->has[s])
            continue;
        int rc = check_whole(node, (enum wtl_setting)s, d->value[s], err);
        if (rc < 0)
            return rc;
        wtl_point_set(&p.point, (enum wtl_setting)s, d->value[s]);
    }
    if (d->variant &&
        !wtl_view_copy(wtl_view_of(d->variant), p.point.variant, sizeof p.point.variant))
        return wtl_yaml_fail(node, err, "the name of a variant has at most %d bytes",
                             WTL_VARIANT_NAME - 1);
    *out = p;
    return 0;
}

static int parse_point(struct wtl_arena *arena, const struct wtl_yaml_node *node, void *field,
                       struct wtl_error *err)
{
    struct point_document d = {0};
    int rc = wtl_yaml_load(arena, node, &point_table, &d, err);
    return rc ? rc : convert_point(node, &d, field, err);
}

struct point_list {
    const struct wtl_point_spec *items;
    size_t n;
};

static int parse_list(struct wtl_arena *arena, const struct wtl_yaml_node *node, void *field,
                      struct wtl_error *err)
{
    struct point_list list = {0};
    if (node->kind != WTL_YAML_SEQUENCE)
        return wtl_yaml_fail(node, err, "list: expected a list of points");
    struct wtl_point_spec *items = WTL_NEW_ARRAY(arena, struct wtl_point_spec, node->n + 1);
    if (!items)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < node->n; i++) {
        int rc = parse_point(arena, node->items[i], &items[i], err);
        if (rc < 0)
            return rc;
    }
    list.items = items;
    list.n = node->n;
    memcpy(field, &list, sizeof list);
    return 0;
}

/* ---- Tables ---------------------------------------------------------------------------------- */

#define GRID_NUMBERS(name_, unit_, s, lo, hi, text)                                                \
    {                                                                                              \
        name_, WTL_YAML_T_NUMBERS, WTL_UNIT_##unit_, AT(wtl_grid_spec, setting[WTL_SETTING_##s]),  \
            .min = lo, .max = hi, .doc = text                                                      \
    }
#define CLOCKS_FORM "all, every 60MHz, 510-1410, 510-1410 every 60MHz, or a list"

static const struct wtl_yaml_key grid_keys[] = {
    {"clocks", WTL_YAML_T_CUSTOM, AT(wtl_grid_spec, clocks), .parse = parse_clocks,
     .form = CLOCKS_FORM, .doc = "SM clocks. Steps take the nearest legal clock; a list is exact."},
    {"mem_clocks", WTL_YAML_T_CUSTOM, AT(wtl_grid_spec, mem_clocks), .parse = parse_clocks,
     .form = CLOCKS_FORM, .doc = "Memory clocks."},
    GRID_NUMBERS("limits", WATT, limit_w, 1, 1e5, "Power limits."),
    GRID_NUMBERS("batches", NONE, batch, 1, 1e6, "Batches."),
    GRID_NUMBERS("replicas", NONE, replicas, 1, 48, "Numbers of processes."),
    GRID_NUMBERS("shares", FRACTION, share, 0.01, 1, "Shares of the SMs (MPS)."),
    GRID_NUMBERS("cpu_quota", NONE, cpu_quota, 0.01, 4096, "CPU time, in CPUs."),
    GRID_NUMBERS("threads", NONE, threads, 1, 4096, "Numbers of threads."),
    {"variants", WTL_YAML_T_STRINGS, AT(wtl_grid_spec, variants), .doc = "Variants of the model."},
};
static const struct wtl_yaml_table grid_table = {
    "points", "Every combination of these values is a point.", sizeof(struct wtl_grid_spec),
    grid_keys, sizeof grid_keys / sizeof grid_keys[0]};

#define W(member) AT(wtl_workload_spec, member)
static const struct wtl_yaml_key workload_keys[] = {
    {"name", WTL_YAML_T_NAME, W(name), .size = WTL_LIMIT_NAME, .required = true,
     .doc = "Under which its runs are stored."},
    {"virtual", WTL_YAML_T_STRING, W(virtual_name),
     .doc = "A workload of the virtual GPU (`wattle sim list`); a variant stands in its place."},
    {"command", WTL_YAML_T_STRINGS, W(command),
     .doc = "Words of a command that sends markers (docs/markers.md); {clock_mhz}, {batch}, "
            "{variant} and so on stand for the point's values."},
    {"env", WTL_YAML_T_STRINGS, W(env), .doc = "Its environment: NAME=VALUE, likewise."},
    {"unit", WTL_YAML_T_NAME, W(unit), .size = sizeof((struct wtl_workload_spec *)0)->unit,
     .doc = "Of its work: images, tokens; a virtual workload and markers know theirs."},
    {"ready_timeout", WTL_YAML_T_NUMBER, WTL_UNIT_SECOND, W(ready_timeout_s), .fallback = "10min",
     .min = 1, .max = 86400, .doc = "How long loading may take."},
    {"pause", WTL_YAML_T_BOOL, W(pauses), .fallback = "true",
     .doc =
         "A command is stopped (SIGSTOP) for idle power and to cool, and goes on (SIGCONT) loaded "
         "as it was. No: it loses no time, as one must not that sends requests when they are due."},
    {"in_group", WTL_YAML_T_BOOL, W(in_group), .fallback = "true",
     .doc = "A command runs in the control group among the devices. No: that of a server which it "
            "only asks is measured."},
    {"mps", WTL_YAML_T_BOOL, W(mps), .fallback = "true",
     .doc = "A command gets its share of the GPU through MPS (docs/mps.md). No: it sees to that "
            "itself, by {share}."},
};
static const struct wtl_yaml_table workload_table = {
    "workload", "What runs.", sizeof(struct wtl_workload_spec), workload_keys,
    sizeof workload_keys / sizeof workload_keys[0]};

#define P(member) AT(wtl_protocol_spec, member)
#define TIME_KEY(name_, field, fallback_, lo, hi, text)                                            \
    {                                                                                              \
        name_, WTL_YAML_T_NUMBER, WTL_UNIT_SECOND, P(field), .fallback = fallback_, .min = lo,     \
                                                             .max = hi, .doc = text                \
    }
#define INT_KEY(name_, field, fallback_, lo, hi, text)                                             \
    {                                                                                              \
        name_, WTL_YAML_T_INT, P(field), .fallback = fallback_, .min = lo, .max = hi, .doc = text  \
    }
static const struct wtl_yaml_key protocol_keys[] = {
    TIME_KEY("settle", settle_s, "1s", 0, 600,
             "After a knob was set: clocks switch within milliseconds to hundreds of them."),
    TIME_KEY("warm_up", warmup_s, "3s", 0, 3600, "Under load, at least."),
    INT_KEY("warm_up_iterations", warmup_iterations, "10", 0, 1e6, "And so many of them."),
    TIME_KEY("warm_up_max", warmup_max_s, "30s", 0, 3600,
             "A warm-up ends when power and throughput are steady, or then."),
    {"thermal_band", WTL_YAML_T_BOOL, P(band), .fallback = "true",
     .doc = "Each run begins at one temperature: leakage grows with it."},
    {"temperature", WTL_YAML_T_NUMBER, WTL_UNIT_CELSIUS, P(band_c),
     .flag = WTL_YAML_FLAG(struct wtl_protocol_spec, has_band_c), .min = 10, .max = 100,
     .doc = "Which; without it, where the reference point has settled."},
    {"temperature_width", WTL_YAML_T_NUMBER, WTL_UNIT_CELSIUS, P(band_width_c), .fallback = "2",
     .min = 0.5, .max = 50, .doc = "How far from it is good."},
    TIME_KEY("temperature_timeout", band_timeout_s, "120s", 0, 3600,
             "Then it is measured all the same, and said."),
    TIME_KEY("window_min", window_min_s, "2s", 0.1, 3600, "And 20 steps of the energy counter."),
    TIME_KEY("window_max", window_max_s, "10s", 0.1, 3600, "Where the target is not met before."),
    {"window_target", WTL_YAML_T_NUMBER, WTL_UNIT_FRACTION, P(window_target), .fallback = "0.5%",
     .min = 1e-4, .max = 0.5, .doc = "Half of the 95 % interval of a window's energy and work."},
    {"target", WTL_YAML_T_NUMBER, WTL_UNIT_FRACTION, P(target), .fallback = "1%", .min = 1e-4,
     .max = 0.5,
     .doc = "Half of the 95 % interval of a point's cost against the reference: then it is done."},
    INT_KEY("blocks_min", blocks_min, "5", 2, 1000, "Replicates of every point, at least."),
    INT_KEY("blocks_max", blocks_max, "10", 2, 1000, "And at most."),
    INT_KEY("anchor_every", anchor_every, "0", 0, 10000,
            "Visits between two of the reference point; 0: at start, middle and end of a block."),
    INT_KEY("attempts", attempts, "3", 1, 100, "Of a run that something disturbed."),
    {"idle", WTL_YAML_T_BOOL, P(idle), .fallback = "true",
     .doc = "Idle power at every point in the first block, with the workload loaded."},
    {"samples", WTL_YAML_T_BOOL, P(keep_samples), .fallback = "true",
     .doc = "Keep the raw samples."},
};
static const struct wtl_yaml_table protocol_table = {
    "protocol", "How each point is measured; docs/sweep.md has the reasons.",
    sizeof(struct wtl_protocol_spec), protocol_keys,
    sizeof protocol_keys / sizeof protocol_keys[0]};

static const struct wtl_yaml_choice search_choices[] = {
    {"grid", WTL_SEARCH_GRID, "every point in every block"},
    {"adaptive", WTL_SEARCH_ADAPTIVE, "a coarse grid, then where the optimum can be"},
    {0},
};

static int parse_objective(struct wtl_arena *arena, const struct wtl_yaml_node *node, void *field,
                           struct wtl_error *err)
{
    const char *text;
    struct wtl_objective value;
    struct wtl_error why = {0};
    (void)arena;
    int rc = wtl_yaml_string(node, "objective", &text, err);
    if (rc < 0)
        return rc;
    if (wtl_objective_parse(text, &value, &why) == 0) {
        memcpy(field, &value, sizeof value);
        return 0;
    }
    rc = wtl_yaml_fail(node, err, "%s", why.message);
    wtl_error_hint(err, "%s", why.hint);
    return rc;
}

/* What the schema fills; the spec is made from it. */
struct document {
    struct wtl_sweep_spec spec;
    struct wtl_yaml_list workloads;
    struct point_list list;
    const char *device;
};

#define S(member) .offset = offsetof(struct document, spec.member)
#define S_FLAG(member) .flag = WTL_YAML_FLAG(struct document, spec.member)
static const struct wtl_yaml_key document_keys[] = {
    {"name", WTL_YAML_T_NAME, S(name), .size = WTL_LIMIT_NAME,
     .doc = "Of the sweep; that of the file where it is not given."},
    {"description", WTL_YAML_T_STRING, S(description), .fallback = "\"\"", .doc = "One line."},
    {"devices", WTL_YAML_T_STRINGS, S(devices), .required = true,
     .doc = "As `wattle devices` names them. The first is measured, and with it all others of its "
            "kind (GPUs, CPU packages): their energies are added. All lend their knobs."},
    {"seed", WTL_YAML_T_INTEGER, S(seed), .fallback = "1", .min = 0, .max = 9e15,
     .doc = "Of the random order."},
    {"workloads", WTL_YAML_T_LIST, .offset = offsetof(struct document, workloads), .required = true,
     .table = &workload_table, .doc = "What runs, each at all points."},
    {"points", WTL_YAML_T_TABLE, S(grid), .table = &grid_table, .doc = "The grid."},
    {"list", WTL_YAML_T_CUSTOM, .offset = offsetof(struct document, list), .parse = parse_list,
     .form = "a list of points", .doc = "Points besides the grid, or in its place."},
    {"baseline", WTL_YAML_T_CUSTOM, S(baseline), S_FLAG(has_baseline), .parse = parse_point,
     .form = "a point",
     .doc = "The reference point; else the highest clock with the first of all other values."},
    {"search", WTL_YAML_T_CHOICE, S(search), .fallback = "grid", .choices = search_choices,
     .doc = "Which points each block visits."},
    {"objective", WTL_YAML_T_CUSTOM, S(objective), .parse = parse_objective,
     .form = "energy, edp, ed2p, E*t^N", .doc = "What the search and the best so far go by (edp)."},
    {"max_slowdown", WTL_YAML_T_NUMBER, WTL_UNIT_FRACTION, S(max_slowdown),
     S_FLAG(has_max_slowdown), .min = WTL_MAX_SLOWDOWN_LO, .max = WTL_MAX_SLOWDOWN_HI,
     .doc = "Points that are slower than this against the reference are no optimum."},
    {"indifference", WTL_YAML_T_NUMBER, WTL_UNIT_FRACTION, S(indifference), .fallback = "0.5%",
     .min = 1e-4, .max = 0.5,
     .doc = "An adaptive search ends when no point can be better than the best by more than this."},
    {"budget", WTL_YAML_T_INT, S(budget), .fallback = "0", .min = 0, .max = 1e6,
     .doc = "Runs at most; 0: as many as it takes."},
    {"no_privilege", WTL_YAML_T_BOOL, S(no_privilege), .fallback = "false",
     .doc = "Set no knob; what cannot be varied then is said."},
    {"protocol", WTL_YAML_T_TABLE, S(protocol), .table = &protocol_table,
     .doc = "How each point is measured."},
};
static const struct wtl_yaml_table document_table = {
    "sweep", "A sweep: what is measured, where, and how.", sizeof(struct document), document_keys,
    sizeof document_keys / sizeof document_keys[0]};

void wtl_sweep_spec_document(struct wtl_buf *out)
{
    wtl_yaml_document(&document_table, out);
    wtl_yaml_document(&point_table, out);
}

/* ---- Reading --------------------------------------------------------------------------------- */

struct wtl_protocol_spec wtl_protocol_default(void)
{
    struct wtl_protocol_spec p = {0};
    WTL_ARENA(arena);
    const struct wtl_yaml_node empty = {.kind = WTL_YAML_MAPPING, .file = "", .text = ""};
    (void)wtl_yaml_load(&arena, &empty, &protocol_table, &p, NULL);
    return p;
}

/* Where the values of each setting stand in a grid, and in a point. */
static const char *const grid_names[WTL_N_SETTINGS] = {
    [WTL_SETTING_limit_w] = "limits",      [WTL_SETTING_batch] = "batches",
    [WTL_SETTING_replicas] = "replicas",   [WTL_SETTING_share] = "shares",
    [WTL_SETTING_cpu_quota] = "cpu_quota", [WTL_SETTING_threads] = "threads",
};

const struct wtl_yaml_node *wtl_sweep_spec_place(const struct wtl_yaml_node *mapping,
                                                 const char *key)
{
    const struct wtl_yaml_node *node = wtl_yaml_get(mapping, key);
    return node ? node : mapping;
}

/* The i-th of one value or a list of them. */
static const struct wtl_yaml_node *element(const struct wtl_yaml_node *node, size_t i)
{
    return node->kind == WTL_YAML_SEQUENCE && i < node->n ? node->items[i] : node;
}

static const struct wtl_yaml_node *grid_place(const struct wtl_sweep_spec *s, const char *key,
                                              size_t i)
{
    return element(wtl_sweep_spec_place(wtl_sweep_spec_place(s->root, "points"), key), i);
}

/* The point that was written out and for which `is` holds; NULL: there is none. */
static const struct wtl_point_spec *
written_point(const struct wtl_sweep_spec *s,
              bool (*is)(const struct wtl_point *p, const void *what), const void *what)
{
    for (size_t i = 0; i < s->n_list; i++)
        if (is(&s->list[i].point, what))
            return &s->list[i];
    return s->has_baseline && is(&s->baseline.point, what) ? &s->baseline : NULL;
}

struct setting_value {
    enum wtl_setting setting;
    double value;
};

static bool has_value(const struct wtl_point *p, const void *what)
{
    const struct setting_value *v = what;
    return wtl_point_has(p, v->setting) && fabs(p->value[v->setting] - v->value) < 1e-9;
}

static bool has_variant(const struct wtl_point *p, const void *what)
{
    return strcmp(p->variant, what) == 0;
}

const struct wtl_yaml_node *wtl_sweep_spec_setting_place(const struct wtl_sweep_spec *s,
                                                         enum wtl_setting setting, double value)
{
    const struct wtl_yaml_numbers *grid = &s->grid.setting[setting];
    const struct setting_value wanted = {setting, value};
    for (size_t i = 0; i < grid->n; i++)
        if (fabs(grid->values[i] - value) < 1e-9)
            return grid_place(s, grid_names[setting], i);
    const struct wtl_point_spec *p = written_point(s, has_value, &wanted);
    return p ? p->node : s->root;
}

const struct wtl_yaml_node *wtl_sweep_spec_variant_place(const struct wtl_sweep_spec *s,
                                                         const char *variant)
{
    for (size_t i = 0; i < s->grid.variants.n; i++)
        if (strcmp(s->grid.variants.values[i], variant) == 0)
            return grid_place(s, "variants", i);
    const struct wtl_point_spec *p = written_point(s, has_variant, variant);
    return p ? wtl_sweep_spec_place(p->node, "variant") : s->root;
}

void wtl_sweep_spec_at(const struct wtl_yaml_node *node, struct wtl_error *err)
{
    wtl_error_input(err, node->file, node->line, node->column);
}

static int check_protocol(const struct wtl_yaml_node *root, const struct wtl_protocol_spec *p,
                          struct wtl_error *err)
{
    const struct wtl_yaml_node *at = wtl_yaml_get(root, "protocol");
    at = at ? at : root;
    if (p->blocks_min > p->blocks_max)
        return wtl_yaml_fail(at, err, "blocks_min is %d, blocks_max %d", p->blocks_min,
                             p->blocks_max);
    if (p->window_min_s > p->window_max_s)
        return wtl_yaml_fail(at, err, "window_min is %g s, window_max %g s", p->window_min_s,
                             p->window_max_s);
    if (p->warmup_s > p->warmup_max_s)
        return wtl_yaml_fail(at, err, "warm_up is %g s, warm_up_max %g s", p->warmup_s,
                             p->warmup_max_s);
    return 0;
}

static int check_templates(const struct wtl_yaml_node *at, const struct wtl_yaml_strings *words,
                           struct wtl_error *err)
{
    struct wtl_error why = {0};
    for (size_t i = 0; i < words->n; i++)
        if (wtl_template_check(words->values[i], &why) < 0) {
            int rc = wtl_yaml_fail(at, err, "%s", why.message);
            wtl_error_hint(err, "%s", why.hint);
            return rc;
        }
    return 0;
}

/* A shell would take a line apart; nothing here does. */
static int check_command(const struct wtl_yaml_node *at, const struct wtl_workload_spec *w,
                         struct wtl_error *err)
{
    const struct wtl_yaml_node *node = wtl_sweep_spec_place(at, "command");
    if (node->kind == WTL_YAML_SCALAR && node->text[strcspn(node->text, " \t")]) {
        int rc = wtl_yaml_fail(node, err, "command: a line where a list of words is expected");
        wtl_error_hint(err, "[python3, work.py, \"{batch}\"]; a line for the shell is [sh, -c, "
                            "\"...\"]");
        return rc;
    }
    if (w->command.n > 0 && !w->command.values[0][0])
        return wtl_yaml_fail(element(node, 0), err, "command: the name of the program is empty");
    if (w->kind == WTL_WORKLOAD_VIRTUAL && w->env.n > 0)
        return wtl_yaml_fail(wtl_sweep_spec_place(at, "env"), err,
                             "env: a virtual workload has no environment");
    return 0;
}

static int check_workloads(const struct wtl_yaml_node *root, struct wtl_workload_spec *w, size_t n,
                           struct wtl_error *err)
{
    const struct wtl_yaml_node *list = wtl_yaml_get(root, "workloads");
    int rc = 0;
    if (n == 0)
        return wtl_yaml_fail(list, err, "workloads: an empty list");
    for (size_t i = 0; i < n; i++) {
        const struct wtl_yaml_node *at = list->items[i];
        if ((w[i].virtual_name != NULL) + (w[i].command.n > 0) != 1)
            return wtl_yaml_fail(at, err, "workload \"%s\": say either `virtual` or `command`",
                                 w[i].name);
        w[i].kind = w[i].virtual_name ? WTL_WORKLOAD_VIRTUAL : WTL_WORKLOAD_COMMAND;
        w[i].node = at;
        rc = check_command(at, &w[i], err);
        if (rc < 0)
            return rc;
        for (size_t k = 0; k < i; k++)
            if (wtl_same_name(w[i].name, w[k].name))
                return wtl_yaml_fail(at, err, "two workloads are called \"%s\"", w[i].name);
        rc = check_templates(at, &w[i].command, err);
        rc = rc ? rc : check_templates(at, &w[i].env, err);
        if (rc < 0)
            return rc;
        for (size_t k = 0; k < w[i].env.n; k++)
            if (!strchr(w[i].env.values[k], '=') || w[i].env.values[k][0] == '=')
                return wtl_yaml_fail(at, err, "env \"%.60s\" is not NAME=VALUE",
                                     w[i].env.values[k]);
    }
    return 0;
}

static int check_grid(const struct wtl_yaml_node *root, const struct wtl_sweep_spec *s,
                      struct wtl_error *err)
{
    for (int i = 0; i < (int)WTL_N_SETTINGS; i++)
        for (size_t k = 0; k < s->grid.setting[i].n; k++) {
            int rc = check_whole(grid_place(s, grid_names[i], k), (enum wtl_setting)i,
                                 s->grid.setting[i].values[k], err);
            if (rc < 0)
                return rc;
        }
    for (size_t k = 0; k < s->grid.variants.n; k++)
        if (strlen(s->grid.variants.values[k]) >= WTL_VARIANT_NAME)
            return wtl_yaml_fail(grid_place(s, "variants", k), err,
                                 "the name of a variant has at most %d bytes",
                                 WTL_VARIANT_NAME - 1);
    if (s->devices.n == 0 || s->devices.n > WTL_SWEEP_DEVICES)
        return wtl_yaml_fail(wtl_yaml_get(root, "devices"), err, "devices: 1 to %d of them",
                             WTL_SWEEP_DEVICES);
    const enum wtl_objective_kind kind = s->objective.kind;
    if (kind == WTL_OBJECTIVE_WEIGHTED || kind == WTL_OBJECTIVE_TIME)
        return wtl_yaml_fail(wtl_yaml_get(root, "objective"), err,
                             "a sweep goes by energy, edp, ed2p or E*t^N");
    return 0;
}

int wtl_sweep_spec_parse(struct wtl_arena *arena, const char *text, size_t n, const char *file,
                         struct wtl_sweep_spec *out, struct wtl_error *err)
{
    const struct wtl_yaml_node *root = NULL;
    struct document *d = WTL_NEW(arena, struct document);
    if (!d)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    d->spec.protocol = wtl_protocol_default();
    d->spec.objective = (struct wtl_objective){.kind = WTL_OBJECTIVE_EDP};
    int rc = wtl_yaml_parse(arena, text, n, file, &root, err);
    rc = rc ? rc : wtl_yaml_load(arena, root, &document_table, d, err);
    if (rc < 0)
        return rc;
    struct wtl_sweep_spec *s = &d->spec;
    s->root = root;
    union {
        const void *in;
        struct wtl_workload_spec *out;
    } workloads = {.in = d->workloads.items};
    rc = check_workloads(root, workloads.out, d->workloads.n, err);
    rc = rc ? rc : check_grid(root, s, err);
    rc = rc ? rc : check_protocol(root, &s->protocol, err);
    if (rc < 0)
        return rc;
    s->workloads = workloads.out;
    s->n_workloads = d->workloads.n;
    s->list = d->list.items;
    s->n_list = d->list.n;
    *out = *s;
    return 0;
}

/* "sweeps/a100.yaml" is "a100". */
static void name_after_file(const char *path, char name[WTL_LIMIT_NAME])
{
    const char *base = wtl_path_base(path);
    const char *dot = strrchr(base, '.');
    struct wtl_view v = {base, dot && dot > base ? (size_t)(dot - base) : strlen(base)};
    (void)wtl_view_copy(v, name, WTL_LIMIT_NAME);
}

int wtl_sweep_spec_read(struct wtl_arena *arena, const char *path, struct wtl_sweep_spec *out,
                        struct wtl_error *err)
{
    char *text;
    size_t size;
    struct wtl_sweep_spec spec;
    int rc = wtl_file_read(arena, path, WTL_LIMIT_DOCUMENT_BYTES, &text, &size, err);
    rc = rc ? rc : wtl_sweep_spec_parse(arena, text, size, path, &spec, err);
    if (rc < 0)
        return rc;
    if (!spec.name[0])
        name_after_file(path, spec.name);
    *out = spec;
    return 0;
}
