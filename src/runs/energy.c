/* SPDX-License-Identifier: Apache-2.0
 *
 * Running integrals of power and counter. */
#include "runs/energy.h"

#include <math.h>
#include <string.h>

/* A stamp that lies further back is of another clock. */
#define STAMP_MAX_NS INT64_C(2000000000)

void wtl_meter_begin(struct wtl_meter *m)
{
    memset(m, 0, sizeof *m);
}

static int n_valid(const struct wtl_batch *b, enum wtl_metric m)
{
    int n = 0;
    for (int row = 0; row < b->n && wtl_batch_has(b, m); row++)
        n += wtl_batch_valid(b, m, row);
    return n;
}

/* The first that is there in at least half as many rows as any: some are read now and then only. */
enum wtl_metric wtl_power_sensor(const struct wtl_batch *b)
{
    static const enum wtl_metric sensors[] = {WTL_M_power_w, WTL_M_power_instant_w,
                                              WTL_M_power_average_w};
    enum { N = sizeof sensors / sizeof sensors[0] };
    int n[N], most = 0;
    for (int k = 0; k < N; k++) {
        n[k] = n_valid(b, sensors[k]);
        most = n[k] > most ? n[k] : most;
    }
    for (int k = 0; k < N; k++)
        if (n[k] > 0 && 2 * n[k] >= most)
            return sensors[k];
    return wtl_batch_has(b, WTL_M_power_w)           ? WTL_M_power_w
           : wtl_batch_has(b, WTL_M_power_instant_w) ? WTL_M_power_instant_w
                                                     : WTL_M_power_average_w;
}

/* Ends an epoch: its differences count, the step into the next one does not. */
static void close_epoch(struct wtl_meter *m)
{
    m->counter.raw_j += m->value - m->start_j;
    if (m->edged) {
        m->counter.edge_j += m->last_edge_j - m->first_edge_j;
        m->counter.edge_weight += m->last_edge_weight - m->first_edge_weight;
    }
}

static void open_epoch(struct wtl_meter *m, double value)
{
    m->value = m->start_j = value;
    m->edged = false;
    m->counter.epochs++;
}

/* `weight`: what power says up to this row. Edges before the first power sample bound energy that
 * no sample saw. */
static void read_counter(struct wtl_meter *m, double value, double weight)
{
    if (m->counter.rows++ == 0) {
        open_epoch(m, value);
        return;
    }
    if (value < m->value || value - m->value > WTL_COUNTER_JUMP_MAX_J) {
        close_epoch(m);
        open_epoch(m, value);
        return;
    }
    if (value == m->value)
        return;
    m->value = value;
    if (!m->has_power)
        return;
    m->counter.changes++;
    if (!m->edged) {
        m->edged = true;
        m->first_edge_j = value;
        m->first_edge_weight = weight;
    }
    m->last_edge_j = value;
    m->last_edge_weight = weight;
}

static void add_power(struct wtl_meter *m, double power_w, int64_t from_ns, int64_t to_ns)
{
    double seconds = 1e-9 * (double)(to_ns - from_ns);
    m->weight += power_w * seconds;
    m->power_span_s += seconds;
}

/* `begin_ns`: where the row's own reading begins to hold: its stamp, or that of the row before
 * where rows are means of intervals. */
static void read_power(struct wtl_meter *m, const struct wtl_batch *b, int row, int64_t begin_ns)
{
    bool valid = wtl_batch_valid(b, m->sensor, row);
    double p = valid ? b->column[m->sensor].value[row] : m->power_w;
    if (b->has_time) {
        if (valid && m->has_power) /* bridges rows without a sample */
            add_power(m, 0.5 * (p + m->power_w), m->power_t_ns, begin_ns);
        if (valid)
            add_power(m, p, begin_ns, b->t_ns[row]);
        if (valid)
            m->power_t_ns = b->t_ns[row];
    } else {
        m->weight += p; /* 0 before the first sample */
        m->rows_before_power += !valid && !m->has_power;
    }
    m->power_w = p;
    m->has_power = m->has_power || valid;
}

/* Of the counter's value in this row: when the sensor says that it was so, else when it was read.
 */
static int64_t counter_t_ns(const struct wtl_batch *b, int row)
{
    const double stamp_s =
        wtl_batch_has(b, WTL_M_energy_time_s) && wtl_batch_valid(b, WTL_M_energy_time_s, row)
            ? b->column[WTL_M_energy_time_s].value[row]
            : 0;
    const int64_t before_ns = stamp_s > 0 ? b->t_ns[row] - llround(1e9 * stamp_s) : 0;
    return before_ns > 0 && before_ns < STAMP_MAX_NS ? b->t_ns[row] - before_ns : b->t_ns[row];
}

/* A row with a timestamp but without a sample is not yet bridged: it holds the last one, which is
 * taken to have held already when the counter was stamped. */
static double weight_at(const struct wtl_meter *m, const struct wtl_batch *b, int row)
{
    if (!b->has_time || !m->has_power)
        return m->weight;
    return m->weight + m->power_w * 1e-9 * (double)(counter_t_ns(b, row) - m->power_t_ns);
}

void wtl_meter_push(struct wtl_meter *m, const struct wtl_batch *b)
{
    if (b->n == 0)
        return;
    int64_t before_ns = m->has_time ? m->t_last_ns : b->t_ns[0];
    if (b->has_time && !m->has_time)
        m->t_first_ns = b->t_ns[0];
    if (b->has_time)
        m->t_last_ns = b->t_ns[b->n - 1];
    m->has_time = m->has_time || b->has_time;
    m->interval = b->has_time && b->interval;
    if (m->n == 0)
        m->sensor = wtl_power_sensor(b);
    m->n += b->n;
    bool power = wtl_batch_has(b, m->sensor);
    bool counter = wtl_batch_has(b, WTL_M_energy_counter_j);
    const struct wtl_column *c = &b->column[WTL_M_energy_counter_j];
    for (int row = 0; row < b->n && (power || counter); row++) {
        if (power)
            read_power(m, b, row, m->interval ? before_ns : b->t_ns[row]);
        before_ns = b->t_ns[row];
        if (counter && wtl_batch_valid(b, WTL_M_energy_counter_j, row))
            read_counter(m, c->value[row], weight_at(m, b, row));
    }
}

void wtl_meter_end(struct wtl_meter *m)
{
    if (m->counter.rows > 0)
        close_epoch(m);
}
