/* SPDX-License-Identifier: Apache-2.0
 *
 * Devices read all the time, so that the energy of any span can be told: one energy gauge a device
 * (energy/gauge.h), fed by threads that read at the sensor's own rate, or at one that is given.
 *
 *   threads: one for each driver (its calls wait for one another anyway) -> gauges -> marks,
 * samples
 *
 * A device that hangs keeps its thread; the other devices of its driver get another one within a
 * second or so (wtl_metering_tend()). After start nothing is allocated.
 */
#ifndef WTL_TELEMETRY_METERING_H
#define WTL_TELEMETRY_METERING_H

#include "telemetry/gauged.h"

enum { WTL_METERED_METRICS = 16, WTL_METERED_PROCESSES = 64, WTL_METERED_ERRORS = 32 };

/* One reading, as it is kept for who writes samples down. */
struct wtl_metered_sample {
    int64_t t_ns;    /* monotonic, middle of the reading */
    int64_t wall_ns; /* Unix time of it */
    uint32_t valid;  /* bit k: value[k], of the device's metric[k] */
    double value[WTL_METERED_METRICS];
    int64_t sensor_t_ns[2]; /* Unix time that the sensor gives its counter, its power; 0: none */
};

struct wtl_metering_options {
    struct wtl_clock clock; /* the real one: threads wait for it */
    int64_t interval_ns;    /* of all readings; 0: at the rate of the sensors */
    int64_t slow_ns;        /* of temperature, clocks, utilisation; 0: half a second */
    size_t keep;            /* samples kept for wtl_metering_take(); 0: none */
    const struct wtl_sensor_facts *facts; /* of the devices, in their order; NULL: nothing known */
};

struct wtl_metering;

/* Takes the devices over (wtl_device_adopt) and starts reading. `devices` are indices of the
 * machine's, copied. Devices without energy or power are read, too. */
int wtl_metering_start(struct wtl_alloc alloc, struct wtl_machine *machine, const int *devices,
                       size_t n, const struct wtl_metering_options *options,
                       struct wtl_metering **metering_out, struct wtl_error *err);

/* Ends the threads. False: one hangs in a driver's call; its device and the metering are left to
 * it, and so will be the memory of the machine, which can be closed. NULL is fine. */
bool wtl_metering_stop(struct wtl_metering *metering, int64_t patience_ns);

/* Once a second or so. Fills what hangs: returns how many devices have not answered for a second.
 */
size_t wtl_metering_tend(struct wtl_metering *metering);

size_t wtl_metering_count(const struct wtl_metering *metering);
struct wtl_device *wtl_metering_device(const struct wtl_metering *metering, size_t i);

/* As of the gauge of device `i`. Thread-safe. */
void wtl_metering_mark(struct wtl_metering *metering, size_t i, int64_t t_ns,
                       struct wtl_gauge_mark *mark_out);
bool wtl_metering_reaches(struct wtl_metering *metering, size_t i, int64_t t_ns);
/* Of all that have told anything. */
bool wtl_metering_reaches_all(struct wtl_metering *metering, int64_t t_ns);
int64_t wtl_metering_patience_ns(struct wtl_metering *metering, size_t i);
/* As wtl_gauged_between(). */
void wtl_metering_between(struct wtl_metering *metering, size_t i, const struct wtl_gauge_mark *a,
                          const struct wtl_gauge_mark *b, struct wtl_energy *energy_out);

/* The highest power since the last call. */
double wtl_metering_peak_w(struct wtl_metering *metering, size_t i);

/* How often the counter has ticked, by its beat where that is surer than the last reading; waits
 * for nothing. */
int64_t wtl_metering_ticks(struct wtl_metering *metering, size_t i);

/* What is known of device `i` by now. */
struct wtl_metered_state {
    bool answers;                        /* its last reading succeeded */
    bool hangs;                          /* a call has been under way for more than a second */
    char trouble[WTL_ERROR_MESSAGE_MAX]; /* why it did not */
    int64_t n_readings, n_failed;
    int64_t old_ns;  /* age of its newest value where that is so old that it is no reading; 0 */
    int64_t cost_ns; /* of all readings */
    int64_t n_lost;  /* samples that wtl_metering_take() was too slow for */
    int64_t counter_period_ns, power_period_ns; /* as found; 0: not yet */
    struct wtl_reading newest;                  /* with the slow ones, as of their last reading */
};
void wtl_metering_state(struct wtl_metering *metering, size_t i, struct wtl_metered_state *out);

/* Who uses device `i`, as of the last slow reading. */
size_t wtl_metering_processes(struct wtl_metering *metering, size_t i,
                              struct wtl_process out[WTL_METERED_PROCESSES]);

/* Errors of device `i` that its driver told of (NVIDIA: XIDs); looked for as often as the slow
 * readings, and when they are asked for. */
struct wtl_metered_errors {
    bool told; /* the driver tells of any */
    int64_t n; /* since the metering began */
    size_t n_kept;
    struct wtl_driver_error kept[WTL_METERED_ERRORS]; /* the newest, oldest first */
};
void wtl_metering_errors(struct wtl_metering *metering, size_t i, struct wtl_metered_errors *out);

/* Asks all devices to look for errors with their next reading; wtl_metering_heard(): they have. */
void wtl_metering_hear(struct wtl_metering *metering);
bool wtl_metering_heard(struct wtl_metering *metering);

/* Samples of device `i` that were not taken yet, oldest first, at most `max`. metric_out: what
 * value[k] is; constant. */
size_t wtl_metering_take(struct wtl_metering *metering, size_t i, struct wtl_metered_sample *out,
                         size_t max);
int wtl_metering_metrics(const struct wtl_metering *metering, size_t i,
                         enum wtl_metric metric_out[WTL_METERED_METRICS]);

#endif
