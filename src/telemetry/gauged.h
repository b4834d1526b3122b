/* SPDX-License-Identifier: Apache-2.0
 *
 * One device and its gauge (energy/gauge.h): which sensors it is fed from, what is known of them,
 * and how their readings get into it. What `stat`, `record`, marked windows and sweeps have in
 * common; when to read is for whoever reads. No thread and no lock.
 */
#ifndef WTL_TELEMETRY_GAUGED_H
#define WTL_TELEMETRY_GAUGED_H

#include "device/device.h"
#include "energy/gauge.h"
#include "telemetry/learn.h"

enum { WTL_GAUGED_RING = 256 };

/* What each reading needs comes first: readings are so far apart that each finds the caches cold.
 */
struct wtl_gauged {
    struct wtl_device *device;
    const struct wtl_device_info *info;
    uint64_t fast;         /* sensors of energy and power: every reading has them */
    enum wtl_metric power; /* that the gauge follows; WTL_N_METRICS: none */
    enum wtl_metric leads; /* the one of its two sensors that energy goes by; likewise */
    bool ring;             /* power comes from the driver's ring */
    int64_t ring_due_ns, ring_last_ns; /* monotonic; Unix time */
    int64_t wall_offset_ns;            /* Unix time minus monotonic */
    struct wtl_calibration calibration;
    struct wtl_reading reading; /* the last; without values where it failed */
    int64_t old_ns; /* age of its newest value where that is so old that it is no reading; 0 */
    struct wtl_gauge gauge;
    size_t n_ring;
    struct wtl_ring_sample ring_sample[WTL_GAUGED_RING];
};

/* facts NULL: nothing is known but what the device says. from_ticks: as in energy/gauge.h. */
void wtl_gauged_init(struct wtl_gauged *g, struct wtl_device *device,
                     const struct wtl_sensor_facts *facts, bool from_ticks,
                     struct wtl_arena *scratch);

/* Forgets all readings: the sensors begin anew. */
void wtl_gauged_restart(struct wtl_gauged *g);

/* Puts the sensors' times on this clock. Only one that was set is followed: the same stamp must
 * stay the same. */
void wtl_gauged_set_clock(struct wtl_gauged *g, const struct wtl_clock *clock, int64_t now_ns);

/* Reads its own sensors and those of `more`; the ring once a second or, from_ticks, as soon as
 * there is something new in it. The gauge stays as it is: who shares it needs no lock for this,
 * which may take long. */
int wtl_gauged_read(struct wtl_gauged *g, uint64_t more, int64_t now_ns, struct wtl_error *err);

/* Gives the gauge what was read; of a device that was lost, what its ring had still. */
void wtl_gauged_feed(struct wtl_gauged *g);

/* As wtl_gauge_between(), for what it is: of a device that is an estimate, method estimated, class
 * D and half to twice the value; of one that was calibrated, corrected and saying so. */
void wtl_gauged_between(const struct wtl_gauged *g, const struct wtl_gauge_mark *a,
                        const struct wtl_gauge_mark *b, struct wtl_energy *energy_out);

#endif
