/* SPDX-License-Identifier: Apache-2.0
 *
 * Energy of a window, from readings as they come: the narrow interface between the protocol of a
 * sweep and what estimates energy (energy/gauge.h), which is fed from the first reading on and so
 * knows its sensors when a window begins. Pure.
 *
 * A window goes from one edge to another: a moment at which the energy up to now is known best (a
 * counter has just ticked, a power sensor has a new value). Work is read at the same moments. What
 * edges tell by themselves is enough for a running impression of power; the energy of the window is
 * the gauge's.
 */
#ifndef WTL_LAB_MEASURE_H
#define WTL_LAB_MEASURE_H

#include "core/calibration.h"
#include "device/device.h"
#include "energy/gauge.h"

struct wtl_measure {
    bool estimated;                     /* no sensor behind it: energy of class D */
    struct wtl_calibration calibration; /* set after init by who knows one; all zeros: none */
    bool counter;                       /* else power */
    enum wtl_metric metric;
    bool started;
    int64_t last_ns;        /* of the last reading */
    double last;            /* its value */
    int64_t begin_ns;       /* first edge */
    int64_t edge_ns;        /* the last one */
    int64_t begin_slack_ns; /* how long before the edge was seen it may have been */
    int64_t edge_slack_ns;
    double begin_value, energy_j, last_w;
    double power_sum, power_squares;
    size_t n_edges;
    unsigned troubles;
    enum wtl_metric power; /* WTL_N_METRICS: none */
    struct wtl_gauge_options options;
    int64_t origin_ns; /* of the gauge's time: its first reading, so that figures do not depend on
                        * when a visit is */
    bool fed;
    struct wtl_gauge gauge;
};

/* Chooses the sensor. -WTL_UNSUPPORTED: the device has neither counter nor power sensor. */
int wtl_measure_init(struct wtl_measure *m, const struct wtl_device_info *info,
                     struct wtl_error *err);

/* Forgets all readings: the sensors begin anew. */
void wtl_measure_restart(struct wtl_measure *m);

/* Every reading of the device, in a window or not. */
void wtl_measure_feed(struct wtl_measure *m, const struct wtl_reading *r);

/* As in energy/gauge.h, in the time of readings. */
int64_t wtl_measure_next_poll_ns(const struct wtl_measure *m, int64_t now_ns);
void wtl_measure_mark(const struct wtl_measure *m, int64_t t_ns, struct wtl_gauge_mark *mark_out);
bool wtl_measure_reaches(const struct wtl_measure *m, int64_t t_ns);

/* A window begins with the next edge. */
void wtl_measure_begin(struct wtl_measure *m);

/* In order of time. True: an edge was seen; `edge_ns` and `energy_j` since the first one are of it.
 * The first edge has an energy of 0. */
bool wtl_measure_poll(struct wtl_measure *m, const struct wtl_reading *r);

/* Energy since the first edge as of t_ns, which is not before the last one: from there on with the
 * power of before. */
double wtl_measure_energy_at(const struct wtl_measure *m, int64_t t_ns);

/* What an energy of this device is worth: of an estimate, class D and half to twice the value; of a
 * device that was calibrated, corrected. */
void wtl_measure_qualify(const struct wtl_measure *m, struct wtl_energy *e);

/* The window between the first and the last edge. Method NONE where there are not two. */
void wtl_measure_end(const struct wtl_measure *m, struct wtl_energy *out);

#endif
