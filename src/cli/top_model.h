/* SPDX-License-Identifier: Apache-2.0
 *
 * What `wattle top` knows: the newest sample of every device, what follows from it (power where
 * only a counter is, energy since the start, idle power, power of processes), a history for charts,
 * and the order in which devices and processes stand. No drawing, no keys, no clock of its own.
 *
 * A value that is not there is never 0: `has_` says so, and top_why() why.
 */
#ifndef WTL_CLI_TOP_MODEL_H
#define WTL_CLI_TOP_MODEL_H

#include "lease/known.h"
#include "telemetry/sampler.h"

enum {
    TOP_HISTORY = 1024,  /* samples of a chart: two a column of a very wide screen */
    TOP_PROCESSES = 512, /* rows of the list; the rest is counted */
};

/* A ring of values with gaps. */
struct top_series {
    int n;    /* filled */
    int next; /* where the next one goes */
    float value[TOP_HISTORY];
    bool known[TOP_HISTORY];
};

/* The value `back` samples ago (0: the newest). False: there is none. */
bool top_series_at(const struct top_series *s, int back, double *value_out);

enum top_state {
    TOP_STARTING, /* not asked, or not answered so far */
    TOP_ANSWERS,
    TOP_SILENT, /* does not answer in time */
    TOP_GONE,   /* lost, or a recording that is over */
    TOP_FAILS,  /* answers with an error */
};

enum top_power_source { TOP_NO_POWER, TOP_POWER_SENSOR, TOP_POWER_COUNTER };

/* A quantity that may be missing. */
struct top_value {
    bool has;
    double value;
};

struct top_device {
    struct wtl_device_info info;
    struct wtl_device_sample sample; /* the newest that answered, and its rc */
    enum top_state state;
    char trouble[160]; /* why, in one line */

    enum top_power_source power_source;
    struct top_value power_w;
    struct top_value limit_w;  /* enforced, else requested */
    struct top_value energy_j; /* since the start */
    bool energy_from_counter;  /* else summed up from power */
    struct top_value idle_w;   /* the least power seen without work */
    struct top_value unattributed_w;
    struct top_series power, util;

    unsigned ours; /* WTL_KNOB_BIT(): no getter, but a lease of ours set it: our record */
    struct wtl_knob_value our_value[WTL_N_KNOBS];

    /* For differences. */
    int64_t last_t_ns;
    int64_t counter_t_ns;    /* when the counter last had another value than before */
    int64_t last_counter_ns; /* when it was last read */
    struct top_value last_counter_j, last_power_w;
    double seen_power_w_max; /* scale where there is no limit */
};

struct top_process {
    int device; /* index into the model's devices */
    struct wtl_process process;
    struct top_value power_w; /* est. */
};

enum top_sort {
    TOP_BY_POWER,
    TOP_BY_UTIL,
    TOP_BY_MEMORY,
    TOP_BY_DEVICE,
    TOP_BY_PID,
    TOP_BY_NAME,
    TOP_N_SORTS,
};

struct top_model {
    size_t n;
    struct top_device *device;
    int *order, *depth;       /* room for n each, for whoever asks for top_model_order() */
    int64_t start_ns, now_ns; /* monotonic; of the first and the newest round */
    int64_t rounds;
    int64_t stalled_ns; /* a call hangs so long that nothing is read any more; 0: no */

    size_t n_processes;    /* rows */
    size_t more_processes; /* that did not fit */
    struct top_process process[TOP_PROCESSES];
    enum top_sort sort;
    bool reverse;
};

/* A model of n of the machine's devices (their indices), in the arena. NULL when memory is out. */
struct top_model *top_model_new(struct wtl_arena *arena, struct wtl_machine *machine,
                                const int *devices, size_t n);

/* Takes over one round of samples, one for each device, taken at `now_ns`. */
void top_model_update(struct top_model *m, const struct wtl_device_sample *samples, int64_t now_ns);

/* Takes over what the book of leases knows of knobs without a getter. */
void top_model_know(struct top_model *m, const struct wtl_book_entry *entries, size_t n);

/* What is requested of a knob: by the device, or where it has no getter by our record (`ours`).
 * False: nobody knows. */
bool top_requested(const struct top_device *d, enum wtl_knob knob, struct wtl_knob_value *out);

/* Device `index` has been asked for `waiting_ns` without an answer; -1: no call is in progress. */
void top_model_waiting(struct top_model *m, int index, int64_t waiting_ns);

/* Sorts the processes as sort and reverse say. Larger power, utilisation and memory come first;
 * what is not known comes last, whatever the direction. */
void top_model_sort(struct top_model *m);

/* The order in which devices are listed: as found, or (`tree`) each behind the one that it is part
 * of. order_out has room for m->n; depth_out (may be NULL) says how deep each stands. */
void top_model_order(const struct top_model *m, bool tree, int *order_out, int *depth_out);

/* Power of all devices that are no part of another one that is counted. False: nobody knows any. */
struct top_total {
    struct top_value power_w, energy_j;
    int n_silent; /* devices without an answer, which lack in it */
};
struct top_total top_model_total(const struct top_model *m);

/* One sensor of the newest sample. */
struct top_value top_metric(const struct top_device *d, enum wtl_metric metric);

/* Why a sensor has no value: "no such sensor", "no permission" ...; "" when it has one. */
const char *top_why(const struct top_device *d, enum wtl_metric metric);

#endif
