/* SPDX-License-Identifier: Apache-2.0
 * What follows from the samples. */
#include "cli/top_model.h"

#include "device/counter.h"
#include "telemetry/attribution.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SILENT_NS (2 * WTL_NS_PER_S) /* asked for so long: say that it does not answer */

/* More than a package or board, or a node, draws, where its limit is not known; and how many times
 * the limit it draws at the utmost: 64 W for 15 W in notebooks. */
#define DEVICE_W_MAX 5e3
#define NODE_W_MAX 50e3
#define LIMIT_TIMES 5

/* ---- History --------------------------------------------------------------------------------- */

static void push(struct top_series *s, struct top_value v)
{
    s->value[s->next] = v.has ? (float)v.value : 0.0F;
    s->known[s->next] = v.has;
    s->next = (s->next + 1) % TOP_HISTORY;
    if (s->n < TOP_HISTORY)
        s->n++;
}

bool top_series_at(const struct top_series *s, int back, double *value_out)
{
    if (back < 0 || back >= s->n)
        return false;
    int i = (s->next - 1 - back + 2 * TOP_HISTORY) % TOP_HISTORY;
    if (!s->known[i])
        return false;
    *value_out = (double)s->value[i];
    return true;
}

/* ---- One device ------------------------------------------------------------------------------ */

struct top_value top_metric(const struct top_device *d, enum wtl_metric metric)
{
    if (d->sample.rc < 0 || d->sample.t_ns == 0 || !wtl_reading_has(&d->sample.reading, metric))
        return (struct top_value){0};
    return (struct top_value){true, d->sample.reading.value[metric]};
}

const char *top_why(const struct top_device *d, enum wtl_metric metric)
{
    static const char *const why[] = {
        [WTL_PRESENT] = "",
        [WTL_ABSENT_UNSUPPORTED] = "no such sensor",
        [WTL_ABSENT_DENIED] = "no permission",
        [WTL_ABSENT_NOT_YET] = "no value so far",
        [WTL_ABSENT_FAILED] = "the driver reported an error",
        [WTL_ABSENT_LOST] = "the device is gone",
    };
    if (top_metric(d, metric).has)
        return "";
    if (!(d->info.sensors >> metric & 1))
        return why[WTL_ABSENT_UNSUPPORTED];
    if (d->sample.t_ns == 0)
        return d->state == TOP_STARTING ? "not read yet" : "does not answer";
    if (d->sample.rc < 0)
        return d->state == TOP_GONE ? why[WTL_ABSENT_LOST] : "does not answer";
    unsigned absence = d->sample.reading.absence[metric];
    return absence == WTL_PRESENT || absence > WTL_ABSENT_LOST ? why[WTL_ABSENT_UNSUPPORTED]
                                                               : why[absence];
}

static enum top_state state_of(const struct wtl_device_sample *s)
{
    if (s->t_ns == 0)
        return TOP_STARTING;
    switch (-s->rc) {
    case 0:
        return TOP_ANSWERS;
    case WTL_TIMEOUT:
        return TOP_SILENT;
    case WTL_LOST:
        return TOP_GONE;
    default:
        return TOP_FAILS;
    }
}

/* The most that can have been counted since the counter last moved; 0: not known. It tells a
 * counter that wrapped from one that began anew: one that does not wrap needs no telling. A
 * package may draw several times its limit for tens of seconds (the limit is an average). */
static double most_j(const struct top_device *d)
{
    const struct wtl_knob_range *range = &d->sample.range[WTL_KNOB_power_limit_w];
    double dt_s = (double)(d->sample.t_ns - d->counter_t_ns) / 1e9;
    double limit_w = d->limit_w.has ? d->limit_w.value : 0;
    if (d->info.sensor[WTL_M_energy_counter_j].wraps_at <= 0)
        return 0;
    if ((d->sample.ranges & WTL_KNOB_BIT(WTL_KNOB_power_limit_w)) && range->max > limit_w)
        limit_w = range->max;
    if (limit_w > 0)
        return LIMIT_TIMES * limit_w * dt_s;
    return (d->info.kind == WTL_DEVICE_NODE ? NODE_W_MAX : DEVICE_W_MAX) * dt_s;
}

/* Joules since the last counter value; none after a reset, whose size nobody knows. */
static struct top_value counter_step(const struct top_device *d, double counter_j)
{
    struct top_value step = {0};
    if (d->last_counter_j.has)
        step.has = wtl_counter_advance(d->last_counter_j.value, counter_j,
                                       d->info.sensor[WTL_M_energy_counter_j].wraps_at, most_j(d),
                                       &step.value);
    return step;
}

static struct top_value sensor_power(const struct top_device *d)
{
    static const enum wtl_metric candidates[] = {WTL_M_power_w, WTL_M_power_instant_w,
                                                 WTL_M_power_average_w};
    for (size_t i = 0; i < sizeof candidates / sizeof candidates[0]; i++) {
        struct top_value v = top_metric(d, candidates[i]);
        if (v.has)
            return v;
    }
    return (struct top_value){0};
}

/* Whether a counter is to be expected. A card that slept when it was found may have promised one.
 */
static bool counts(const struct top_device *d)
{
    return (d->info.sensors >> WTL_M_energy_counter_j & 1) &&
           d->sample.reading.absence[WTL_M_energy_counter_j] != WTL_ABSENT_UNSUPPORTED;
}

static void update_energy(struct top_device *d, double dt_s, struct top_value step_j)
{
    double add_j = 0;
    bool known = false;
    if (step_j.has) {
        add_j = step_j.value;
        known = d->energy_from_counter = true;
    } else if (!counts(d) && d->power_w.has && d->last_power_w.has) {
        add_j = 0.5 * (d->power_w.value + d->last_power_w.value) * dt_s;
        known = true;
    }
    if (known) {
        d->energy_j.value += add_j;
        d->energy_j.has = true;
    }
}

/* One that cannot be read for a while goes on counting: what it said last holds until it is back,
 * except where power was summed up meanwhile. */
static void remember_counter(struct top_device *d, struct top_value counter)
{
    if (!counter.has) {
        d->last_counter_j.has = d->last_counter_j.has && counts(d);
        return;
    }
    if (!d->last_counter_j.has || counter.value != d->last_counter_j.value)
        d->counter_t_ns = d->sample.t_ns;
    d->last_counter_j = counter;
    d->last_counter_ns = d->sample.t_ns;
}

static void update_power(struct top_device *d)
{
    double dt_s = d->last_t_ns ? (double)(d->sample.t_ns - d->last_t_ns) / 1e9 : 0;
    struct top_value counter = top_metric(d, WTL_M_energy_counter_j);
    struct top_value step = counter.has ? counter_step(d, counter.value) : counter;
    d->power_w = sensor_power(d);
    d->power_source = d->power_w.has ? TOP_POWER_SENSOR : TOP_NO_POWER;
    if (!d->power_w.has && step.has && dt_s > 0) {
        d->power_w = (struct top_value){
            true, step.value / ((double)(d->sample.t_ns - d->last_counter_ns) / 1e9)};
        d->power_source = TOP_POWER_COUNTER;
    }
    if (dt_s > 0)
        update_energy(d, dt_s, step);
    remember_counter(d, counter);
    d->last_power_w = d->power_w;
    d->last_t_ns = d->sample.t_ns;
    if (d->power_w.has && d->power_w.value > d->seen_power_w_max)
        d->seen_power_w_max = d->power_w.value;
}

static void update_limit(struct top_device *d)
{
    d->limit_w = top_metric(d, WTL_M_power_limit_enforced_w);
    if (!d->limit_w.has)
        d->limit_w = top_metric(d, WTL_M_power_limit_w);
    if (d->limit_w.has || d->sample.rc < 0 ||
        !(d->sample.knobs & WTL_KNOB_BIT(WTL_KNOB_power_limit_w)))
        return;
    const struct wtl_knob_state *k = &d->sample.knob[WTL_KNOB_power_limit_w];
    if (k->has_enforced)
        d->limit_w = (struct top_value){true, k->enforced};
    else if (k->known && !k->requested.released)
        d->limit_w = (struct top_value){true, k->requested.hi};
}

/* The least power seen while nobody used the device. */
static void update_idle(struct top_device *d)
{
    struct top_value util = top_metric(d, WTL_M_gpu_util);
    if (!util.has || util.value > 0 || !d->power_w.has)
        return;
    if (!d->idle_w.has || d->power_w.value < d->idle_w.value)
        d->idle_w = d->power_w;
}

static void forget_values(struct top_device *d)
{
    d->power_w = d->limit_w = d->unattributed_w = (struct top_value){0};
    d->last_power_w = (struct top_value){0};
    d->power_source = TOP_NO_POWER;
}

static void update_device(struct top_device *d, const struct wtl_device_sample *sample)
{
    d->sample = *sample;
    d->state = state_of(sample);
    snprintf(d->trouble, sizeof d->trouble, "%s", d->state == TOP_ANSWERS ? "" : sample->trouble);
    if (d->state == TOP_ANSWERS) {
        update_power(d);
        update_limit(d);
        update_idle(d);
    } else {
        forget_values(d);
    }
    push(&d->power, d->power_w);
    push(&d->util, top_metric(d, WTL_M_gpu_util));
}

/* ---- Processes ------------------------------------------------------------------------------- */

static size_t listed(const struct top_device *d)
{
    if (d->state != TOP_ANSWERS || d->sample.processes_rc < 0)
        return 0;
    return d->sample.n_processes < WTL_SAMPLE_PROCESSES ? d->sample.n_processes
                                                        : WTL_SAMPLE_PROCESSES;
}

static void attribute(struct top_device *d, struct top_process *row, size_t n)
{
    struct wtl_user users[WTL_SAMPLE_PROCESSES];
    d->unattributed_w = (struct top_value){0};
    if (!d->power_w.has)
        return;
    for (size_t i = 0; i < n; i++)
        users[i] =
            (struct wtl_user){.has_util = row[i].process.has_util, .util = row[i].process.util};
    double idle_w = d->idle_w.has ? d->idle_w.value : 0;
    struct wtl_attribution a = wtl_attribute_power(d->power_w.value, idle_w, users, n);
    for (size_t i = 0; i < n; i++)
        row[i].power_w = (struct top_value){users[i].has_power, users[i].power_w};
    d->unattributed_w = (struct top_value){true, a.unattributed_w};
}

static bool lists(const struct top_device *d, pid_t pid)
{
    for (size_t i = 0; i < listed(d); i++)
        if (d->sample.process[i].pid == pid)
            return true;
    return false;
}

/* A MIG instance's processes are listed by its board, too: once is enough, with the power that only
 * the board knows, at the place of the instance. */
static int place_of_process(const struct top_model *m, size_t board, pid_t pid)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->device[i].info.parent == (int)board && i != board && lists(&m->device[i], pid))
            return (int)i;
    return (int)board;
}

static bool is_listed_above(const struct top_model *m, const struct top_device *d, pid_t pid)
{
    int parent = d->info.parent;
    return parent >= 0 && (size_t)parent < m->n && &m->device[parent] != d &&
           lists(&m->device[parent], pid);
}

static void list_processes(struct top_model *m)
{
    m->n_processes = m->more_processes = 0;
    for (size_t i = 0; i < m->n; i++) {
        struct top_device *d = &m->device[i];
        struct top_process row[WTL_SAMPLE_PROCESSES];
        size_t n = 0, all = listed(d);
        for (size_t k = 0; k < all; k++) {
            const struct wtl_process *process = &d->sample.process[k];
            if (!is_listed_above(m, d, process->pid))
                row[n++] = (struct top_process){.device = place_of_process(m, i, process->pid),
                                                .process = *process};
        }
        attribute(d, row, n);
        size_t room = TOP_PROCESSES - m->n_processes, fit = n < room ? n : room;
        memcpy(&m->process[m->n_processes], row, fit * sizeof *row);
        m->n_processes += fit;
        if (d->state == TOP_ANSWERS && d->sample.processes_rc == 0)
            m->more_processes += d->sample.n_processes - (all - n) - fit;
    }
    top_model_sort(m);
}

/* Negative: a first. What is known comes before what is not. */
static int by_size(bool has_a, double a, bool has_b, double b, bool reverse)
{
    if (has_a != has_b)
        return has_a ? -1 : 1;
    if (!has_a || a == b)
        return 0;
    return (a > b) != reverse ? -1 : 1;
}

static int compare(const struct top_process *a, const struct top_process *b, enum top_sort sort,
                   bool reverse)
{
    const struct wtl_process *p = &a->process, *q = &b->process;
    int sign = reverse ? -1 : 1, order;
    switch (sort) {
    case TOP_BY_POWER:
        return by_size(a->power_w.has, a->power_w.value, b->power_w.has, b->power_w.value, reverse);
    case TOP_BY_UTIL:
        return by_size(p->has_util, p->util, q->has_util, q->util, reverse);
    case TOP_BY_MEMORY:
        return by_size(p->has_memory, p->memory_b, q->has_memory, q->memory_b, reverse);
    case TOP_BY_NAME:
        order = strcmp(p->name, q->name);
        return order < 0 ? -sign : order > 0 ? sign : 0;
    case TOP_BY_PID:
        return sign * ((p->pid > q->pid) - (p->pid < q->pid));
    case TOP_BY_DEVICE:
    case TOP_N_SORTS:
        break;
    }
    return sign * ((a->device > b->device) - (a->device < b->device));
}

/* By insertion: a stable order of a list that is nearly sorted from tick to tick. */
void top_model_sort(struct top_model *m)
{
    for (size_t i = 1; i < m->n_processes; i++) {
        struct top_process moved = m->process[i];
        size_t k = i;
        for (; k > 0; k--) {
            const struct top_process *before = &m->process[k - 1];
            int c = compare(before, &moved, m->sort, m->reverse);
            if (c == 0)
                c = compare(before, &moved, TOP_BY_DEVICE, false);
            if (c == 0)
                c = compare(before, &moved, TOP_BY_PID, false);
            if (c <= 0)
                break;
            m->process[k] = *before;
        }
        m->process[k] = moved;
    }
}

/* ---- All devices ----------------------------------------------------------------------------- */

/* Which of the n devices is the machine's device `index`; -1: none. */
static int place_of(const int *devices, size_t n, int index)
{
    for (size_t i = 0; i < n; i++)
        if (devices[i] == index)
            return (int)i;
    return -1;
}

struct top_model *top_model_new(struct wtl_arena *arena, struct wtl_machine *machine,
                                const int *devices, size_t n)
{
    struct top_model *m = WTL_NEW(arena, struct top_model);
    struct top_device *device = WTL_NEW_ARRAY(arena, struct top_device, n + 1);
    if (!m || !device)
        return NULL;
    m->n = n;
    m->device = device;
    m->order = WTL_NEW_ARRAY(arena, int, n + 1);
    m->depth = WTL_NEW_ARRAY(arena, int, n + 1);
    if (!m->order || !m->depth)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        struct wtl_device_info *info = &device[i].info;
        *info = *wtl_device_info(wtl_machine_device(machine, (size_t)devices[i]));
        info->parent = info->parent < 0 ? -1 : place_of(devices, n, info->parent);
    }
    return m;
}

void top_model_update(struct top_model *m, const struct wtl_device_sample *samples, int64_t now_ns)
{
    if (m->rounds++ == 0)
        m->start_ns = now_ns;
    m->now_ns = now_ns;
    for (size_t i = 0; i < m->n; i++)
        update_device(&m->device[i], &samples[i]);
    list_processes(m);
}

void top_model_know(struct top_model *m, const struct wtl_book_entry *entries, size_t n)
{
    for (size_t i = 0; i < m->n; i++) {
        struct top_device *d = &m->device[i];
        d->ours = 0;
        for (int k = 0; k < (int)WTL_N_KNOBS; k++) {
            struct wtl_known_set set;
            if (!(d->sample.knobs & WTL_KNOB_BIT(k)) || d->sample.knob[k].known ||
                !wtl_book_last_set(entries, n, d->info.id, d->info.epoch, (enum wtl_knob)k, &set))
                continue;
            d->ours |= set.open || !set.value.released ? WTL_KNOB_BIT(k) : 0;
            d->our_value[k] = set.value;
        }
    }
}

bool top_requested(const struct top_device *d, enum wtl_knob knob, struct wtl_knob_value *out)
{
    bool told = (d->sample.knobs & WTL_KNOB_BIT(knob)) && d->sample.knob[knob].known;
    bool ours = d->ours & WTL_KNOB_BIT(knob);
    if (told || ours)
        *out = told ? d->sample.knob[knob].requested : d->our_value[knob];
    return told || ours;
}

void top_model_waiting(struct top_model *m, int index, int64_t waiting_ns)
{
    m->stalled_ns = 0;
    if (index < 0 || (size_t)index >= m->n || waiting_ns < SILENT_NS)
        return;
    m->stalled_ns = waiting_ns;
    struct top_device *d = &m->device[index];
    d->state = TOP_SILENT;
    snprintf(d->trouble, sizeof d->trouble, "asked %.0f s ago", (double)waiting_ns / 1e9);
    forget_values(d);
}

static bool is_child(const struct top_model *m, size_t i)
{
    int parent = m->device[i].info.parent;
    return parent >= 0 && (size_t)parent < m->n && (size_t)parent != i;
}

static int add_children(const struct top_model *m, int of, int depth, int *order, int *depths,
                        int n)
{
    for (size_t i = 0; i < m->n; i++) {
        if (!is_child(m, i) || m->device[i].info.parent != of || n >= (int)m->n || depth > 8)
            continue;
        if (depths)
            depths[n] = depth;
        order[n++] = (int)i;
        n = add_children(m, (int)i, depth + 1, order, depths, n);
    }
    return n;
}

void top_model_order(const struct top_model *m, bool tree, int *order_out, int *depth_out)
{
    int n = 0;
    for (size_t i = 0; i < m->n && n < (int)m->n; i++) {
        if (tree && is_child(m, i))
            continue;
        if (depth_out)
            depth_out[n] = 0;
        order_out[n++] = (int)i;
        if (tree)
            n = add_children(m, (int)i, 1, order_out, depth_out, n);
    }
    for (; n < (int)m->n; n++) { /* a circle of parents: nobody's child is left out */
        order_out[n] = n;
        if (depth_out)
            depth_out[n] = 0;
    }
}

/* A node's meter measures what the others measure, too, and a part is in its whole; only memory has
 * a sensor of its own beside the package's. */
static bool counted(const struct top_model *m, size_t i)
{
    if (m->device[i].info.kind == WTL_DEVICE_DRAM)
        return true;
    for (int up = (int)i, depth = 0; is_child(m, (size_t)up) && depth < 8; depth++) {
        up = m->device[up].info.parent;
        if (m->device[up].power_w.has)
            return false;
    }
    return m->device[i].info.kind != WTL_DEVICE_NODE || m->n == 1;
}

struct top_total top_model_total(const struct top_model *m)
{
    struct top_total t = {0};
    for (size_t i = 0; i < m->n; i++) {
        const struct top_device *d = &m->device[i];
        if (!counted(m, i))
            continue;
        t.n_silent += d->state != TOP_ANSWERS && d->state != TOP_STARTING;
        if (d->power_w.has) {
            t.power_w.value += d->power_w.value;
            t.power_w.has = true;
        }
        if (d->energy_j.has) {
            t.energy_j.value += d->energy_j.value;
            t.energy_j.has = true;
        }
    }
    return t;
}
