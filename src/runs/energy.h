/* SPDX-License-Identifier: Apache-2.0
 *
 * Energy of one trace from its power samples and its energy counter, row by row in constant memory.
 * Internal to runs/.
 *
 * Both are followed as running sums. `weight` is what the power samples say up to a row: joules by
 * the trapezoid rule where rows have timestamps (exactly, where a row is the mean of the interval
 * that it ends), else the plain sum of the samples in watts (an energy once it is multiplied with
 * the sampling period). The counter is read at its edges, the
 * rows at which it changed: between the first and the last edge its difference is exact, whereas a
 * plain last-minus-first misses up to one refresh (about 100 ms) at either end. What lies outside
 * the edges is carried over in proportion to weight.
 */
#ifndef WTL_RUNS_ENERGY_H
#define WTL_RUNS_ENERGY_H

#include "core/sample.h"

/* One row's energy above this is not a GPU but another counter or a garbled cell: 100 kJ is a
 * kilowatt for 100 s. The counter is then followed anew, as after a reset. */
#define WTL_COUNTER_JUMP_MAX_J 1e5

/* The energy counter as it stood in the trace. */
struct wtl_counter {
    int64_t rows;       /* rows with a value */
    int64_t changes;    /* rows at which it had grown, from the first power sample on */
    int epochs;         /* 1; more after a decrease (driver reload) or an impossible jump */
    double raw_j;       /* last minus first, summed over the epochs */
    double edge_j;      /* last edge minus first edge, summed over the epochs */
    double edge_weight; /* weight between the same edges */
};

struct wtl_meter {
    int64_t n;              /* rows */
    enum wtl_metric sensor; /* the one power column that is followed; never two mixed */
    double power_w;         /* held: the newest valid sample */
    bool has_power;
    int64_t power_t_ns; /* of that sample */
    double weight;
    int64_t rows_before_power;     /* rows before the first valid sample: they weigh nothing */
    int64_t t_first_ns, t_last_ns; /* meant only when has_time */
    bool has_time;
    bool interval;       /* rows are means since the row before */
    double power_span_s; /* time that `weight` covers, with timestamps */
    struct wtl_counter counter;
    /* The running epoch. */
    double value, start_j;
    double first_edge_j, last_edge_j, first_edge_weight, last_edge_weight;
    bool edged;
};

/* The power column of a stream: power_w, else power_instant_w, else power_average_w. */
enum wtl_metric wtl_power_sensor(const struct wtl_batch *b);

void wtl_meter_begin(struct wtl_meter *m);
void wtl_meter_push(struct wtl_meter *m, const struct wtl_batch *b);

/* Closes the running epoch; `m->counter` is then complete. */
void wtl_meter_end(struct wtl_meter *m);

#endif
