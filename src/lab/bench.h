/* SPDX-License-Identifier: Apache-2.0
 *
 * What a sweep works at: devices that are read in turn as time goes on, one workload on them, and
 * what comes of a visit.
 */
#ifndef WTL_LAB_BENCH_H
#define WTL_LAB_BENCH_H

#include "core/run.h"
#include "lab/time.h"
#include "lab/workload.h"
#include "lease/lease.h"
#include "runs/reduce.h"
#include "store/sweep.h"
#include "telemetry/gauged.h"

enum {
    WTL_BENCH_ERROR = 120,
    WTL_BENCH_SERIES =
        4096, /* ticks of a counter that comes every 20 ms over the longest window that is likely */
};

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
    double limit_w;            /* its power limit in the first run that sets none; 0: not known */
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
    const struct wtl_lab_point *warms_at; /* temperatures are found and come to; NULL: reference */
    const char *workload_name;
    double ready_timeout_s; /* of loading; 0: 10 min */
    bool has_band;
    /* What takes its time, for whoever waits; `pressing`: longer than it should. May be NULL. */
    void (*on_wait)(void *ctx, const char *text, bool pressing);
    void *on_wait_ctx;
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

/* Packed samples of a run, for the campaign. */
struct wtl_packed {
    void *data;
    size_t size;
};

struct wtl_visit_result {
    enum wtl_visit_outcome outcome;
    char why[160];
    bool silent;               /* no work was seen, or none that can be understood: `why` */
    bool still;                /* a sensor of energy said nothing, or the same all the while */
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

/* Checks that there is something to measure energy with. The arena lives as long as the bench. */
int wtl_bench_init(struct wtl_arena *arena, struct wtl_bench *bench, struct wtl_error *err);
void wtl_bench_fini(struct wtl_bench *bench);

/* Who else uses the device: -WTL_BUSY names them. */
int wtl_bench_check_alone(struct wtl_bench *bench, struct wtl_error *err);

/* So much time, polled through. Ends early when stopped. */
int wtl_bench_pass(struct wtl_bench *bench, double seconds, struct wtl_error *err);

static inline int64_t wtl_bench_now(const struct wtl_bench *b)
{
    return b->time.clock.monotonic_ns(b->time.clock.ctx);
}

static inline int64_t wtl_seconds_ns(double s)
{
    return (int64_t)(s * 1e9);
}

/* One poll later: waits, tends the lease, reads the devices that are due, listens. Sets b->stopped.
 */
int wtl_bench_step(struct wtl_bench *b, struct wtl_error *err);

/* How far the workload is: 0, or 1 where it has failed, which ends the visit. */
int wtl_bench_progress(struct wtl_bench *b, struct wtl_visit_result *r, struct wtl_work_done *out);

/* Calls on_wait. */
void wtl_bench_waits(const struct wtl_bench *b, bool pressing, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* 1, and the visit ends: somebody else uses a device. */
int wtl_visit_check_alone(struct wtl_bench *b, struct wtl_visit_result *r);

/* Begins the result of a visit that ends here. */
void wtl_visit_ends(struct wtl_visit_result *r, enum wtl_visit_outcome outcome, const char *format,
                    ...) __attribute__((format(printf, 3, 4)));

/* Adds something to know to a visit that goes on. */
void wtl_visit_note(struct wtl_visit_result *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "nvml:GPU-8f3c...: " where several devices are measured, else "". */
const char *wtl_bench_name(const struct wtl_bench *b, size_t i, char buf[WTL_LIMIT_NAME + 4]);

/* Pauses and unloads the workload. */
int wtl_bench_unload(struct wtl_bench *bench, struct wtl_error *err);

#endif
