/* SPDX-License-Identifier: Apache-2.0
 *
 * One visit of one point, from a device in whatever state to a run: the protocol of docs/sweep.md.
 *
 *   alone? -> temperature -> knobs -> load -> settle -> clock as asked? -> warm-up -> window
 *
 * Everything comes in from outside: time, device, lease, workload. What comes of a visit is in its
 * result; a negative return is for what ends the sweep: a lost device, a refused permission, a
 * journal that cannot be written.
 */
#ifndef WTL_LAB_PROTOCOL_H
#define WTL_LAB_PROTOCOL_H

#include "core/run.h"
#include "lab/time.h"
#include "lab/workload.h"
#include "lease/lease.h"
#include "runs/reduce.h"
#include "store/sweep.h"
#include "telemetry/gauged.h"

enum { WTL_BENCH_ERROR = 120 };

/* One of the devices that are measured together. Members below a line are the protocol's own. */
struct wtl_bench_device {
    struct wtl_device *device;
    const struct wtl_sensor_facts *facts; /* of its sensors; NULL: nothing known */
    double band_c; /* its temperature before a run; 0: it has no such sensor */
    /* ---- */
    struct wtl_gauged *gauged;
    struct wtl_reducer *reducer;
    struct wtl_batch *batch;
    struct wtl_reading newest; /* of each sensor */
    bool fresh;                /* it was read in this step */
    int64_t due_ns;            /* the next reading, where it was not */
    int64_t slow_due_ns;       /* and the next of all sensors */
    bool listens;              /* the driver tells of its errors */
};

/* What visits are made with. Filled by the caller. */
struct wtl_bench {
    const struct wtl_protocol_spec *protocol;
    struct wtl_lab_time time;
    struct wtl_bench_device devices[WTL_SWEEP_DEVICES]; /* measured; windows go by the first */
    size_t n;
    struct wtl_lease *lease;         /* every knob of the sweep; NULL: none is set */
    const struct wtl_shares *shares; /* of the commands: their server is no stranger; NULL: none */
    struct wtl_workload *workload;
    const struct wtl_lab_point *reference;
    double ready_timeout_s; /* of loading; 0: 10 min */
    bool has_band;
    /* ---- */
    bool loaded;
    const struct wtl_workload *loaded_workload;
    struct wtl_lab_point loaded_point;
    struct wtl_chunker *chunker;
    int64_t tended_ns, heard_ns;
    size_t n_errors;                           /* of devices, in this visit */
    char error[WTL_BENCH_ERROR];               /* the first */
    bool stopped;                              /* it was told to end */
    double *series_t, *series_rate, *series_w; /* of a window, an edge each */
    size_t n_series;
};

/* Checks that there is something to measure energy with. The arena lives as long as the bench. */
int wtl_bench_init(struct wtl_arena *arena, struct wtl_bench *bench, struct wtl_error *err);
void wtl_bench_fini(struct wtl_bench *bench);

/* Who else uses the device: -WTL_BUSY names them. */
int wtl_bench_check_alone(struct wtl_bench *bench, struct wtl_error *err);

/* Where the reference point settles: the temperature that each run begins at, of each device. Loads
 * the workload. */
int wtl_bench_find_band(struct wtl_bench *bench, struct wtl_error *err);

/* So much time, polled through. Ends early when stopped. */
int wtl_bench_pass(struct wtl_bench *bench, double seconds, struct wtl_error *err);

/* Mean power of the devices as they are now, over the shortest window. *known_out: it could be had.
 */
int wtl_bench_idle(struct wtl_bench *bench, double *power_w_out, bool *known_out,
                   struct wtl_error *err);

/* Packed samples of a run, for the campaign. */
struct wtl_packed {
    void *data;
    size_t size;
};

struct wtl_visit_request {
    const struct wtl_lab_point *point;
    uint64_t seed; /* of a virtual device's hour */
    bool idle;     /* measure idle power, too */
};

struct wtl_visit_result {
    enum wtl_visit_outcome outcome;
    char why[160];
    bool silent;               /* no work was seen, or none that can be understood: `why` */
    bool measured;             /* there is a run, accepted or not */
    struct wtl_run run;        /* point, clocks, metrics, energy; names are the caller's */
    struct wtl_packed *chunks; /* in the arena of the call */
    size_t n_chunks;
    size_t n_devices;
    double energy_j[WTL_SWEEP_DEVICES]; /* of each of them, where `measured` */
    bool has_began; /* its temperature before it, of the first device, and whether all were in band
                     */
    double began_c;
    bool began_outside;
    double took_s;
};

int wtl_bench_visit(struct wtl_bench *bench, const struct wtl_visit_request *request,
                    struct wtl_arena *arena, struct wtl_visit_result *out, struct wtl_error *err);

/* Of a workload of which no work was ever seen: at no point will there be any. */
int wtl_bench_refuse_silent(const char *why, struct wtl_error *err);

/* Pauses and unloads the workload. */
int wtl_bench_unload(struct wtl_bench *bench, struct wtl_error *err);

#endif
