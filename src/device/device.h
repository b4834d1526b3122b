/* SPDX-License-Identifier: Apache-2.0
 *
 * Devices: what draws power here, what can be read of it, and which knobs it has. This is the read
 * side, open to everybody; the write side is device/knob.h, for src/lease alone.
 *
 * A machine is the set of devices that the back ends found: one open per command. Every file is
 * opened relative to a root directory, so that a recorded tree stands in for a machine.
 *
 * Threads: a machine belongs to one thread. Calls into a vendor's library may block for seconds and
 * run on a worker thread of their device; a call that is not back at its deadline fails with
 * -WTL_TIMEOUT, and so does every later one until it is back.
 */
#ifndef WTL_DEVICE_DEVICE_H
#define WTL_DEVICE_DEVICE_H

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "core/knob.h"
#include "core/metric.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- What a device is ------------------------------------------------------------------------ */

enum wtl_device_kind {
    WTL_DEVICE_GPU,
    WTL_DEVICE_GPU_SLICE, /* a MIG instance: no power sensor and no knob of its own */
    WTL_DEVICE_CPU,       /* a CPU package (socket) */
    WTL_DEVICE_DRAM,      /* the memory of a package */
    WTL_DEVICE_CPU_CLOCK, /* CPUs that share one frequency policy */
    WTL_DEVICE_CGROUP,    /* a control group: the CPU time of a workload */
    WTL_DEVICE_NODE,      /* the whole machine: a board meter, a BMC */
};

/* What more there is to know before touching it. */
enum wtl_device_flag {
    WTL_DEVICE_VIRTUAL = 1 << 0,    /* simulated: every figure of it says so */
    WTL_DEVICE_REPLAY = 1 << 1,     /* a recorded trace */
    WTL_DEVICE_EPHEMERAL = 1 << 2,  /* lives in this process: nothing of it outlasts us */
    WTL_DEVICE_MIG = 1 << 3,        /* split into MIG instances */
    WTL_DEVICE_VGPU = 1 << 4,       /* a virtual machine's share of a board: no knobs */
    WTL_DEVICE_WSL = 1 << 5,        /* behind Windows: no knobs */
    WTL_DEVICE_PERSISTENT = 1 << 6, /* persistence mode on: settings outlive the last client */
    WTL_DEVICE_EXCLUSIVE = 1 << 7,  /* compute mode allows one process */
    WTL_DEVICE_FAULTY = 1 << 8,     /* wrapped to fail, for tests */
    WTL_DEVICE_ESTIMATED = 1 << 9,  /* no sensor behind it: energy of class D */
};

/* How a sensor behaves. 0: not known. */
struct wtl_sensor_info {
    int64_t period_ns; /* between updates */
    int64_t window_ns; /* that a value averages over; 0 with `instant` where it is a point */
    bool instant;
    bool dated; /* its times are those of its values by our clock: an old one is no reading */
    double resolution; /* smallest step of the value, base unit */
    double wraps_at;   /* a counter begins anew there, base unit; 0: never */
};

struct wtl_device_info {
    char id[WTL_LIMIT_NAME];   /* "nvml:GPU-8f3c...", "rapl:0", "virtual:a100": one word, unique */
    char name[WTL_LIMIT_NAME]; /* "NVIDIA A100-PCIE-40GB", "package 0" */
    char uuid[WTL_LIMIT_NAME]; /* "" where there is none; likewise below */
    /* The card by itself, where the id says more, as what runs on it: what was found out of its
     * sensors is kept under this name. */
    char card[WTL_LIMIT_NAME];
    char pci[32];                /* "0000:3b:00.0" */
    char driver[WTL_LIMIT_NAME]; /* "NVIDIA 580.65.06", "intel-rapl" */
    char architecture[32];       /* "Ampere" */
    enum wtl_device_kind kind;
    unsigned flags;   /* enum wtl_device_flag */
    int parent;       /* index of the device that this is part of; -1: none */
    int index;        /* as the vendor's tools number it; -1: they do not */
    uint64_t sensors; /* bit m: enum wtl_metric m can be read, as far as is known without reading */
    unsigned knobs;   /* WTL_KNOB_BIT(): what the device has, allowed or not */
    unsigned writable; /* of those, what this process may set, as far as is known without trying */
    double slowdown_c; /* die temperature from which it lowers its clocks by itself; 0: not told */
    /* Boot and driver load (for a virtual one, the start of its host): knob settings do not outlast
     * it. Two equal epochs are the same load. */
    char epoch[WTL_LIMIT_NAME];
    struct wtl_sensor_info sensor[WTL_N_METRICS]; /* meaningful where `sensors` */
};

/* "GPU", "CPU package" ... for people; "gpu", "cpu" ... for documents. */
const char *wtl_device_kind_title(enum wtl_device_kind kind);
const char *wtl_device_kind_name(enum wtl_device_kind kind);

/* ---- The machine ----------------------------------------------------------------------------- */

struct wtl_machine;
struct wtl_device;
struct wtl_sysfs;

struct wtl_machine_options {
    struct wtl_clock clock;
    /* Where "/sys" and "/proc" are looked for: "/", a recorded tree, or an archive of one
     * (`wattle doctor --gather`). NULL: "/". With another root than "/" no vendor library is loaded
     * and nothing is written. */
    const char *root;
    /* The same, opened by the caller (device/sysfs.h), who closes it after the machine; NULL: open
     * `root`. */
    struct wtl_sysfs *files;
    /* Path of the NVML to load; NULL: the system's, and the drop-in's where a virtual machine room
     * is running (its GPUs say "virtual"); "": none. */
    const char *nvml;
    /* Ids to open, as wtl_machine_find() takes them, NULL-terminated; NULL: everything that is
     * found. Devices that exist only when named (virtual:, replay:, faulty:) need this. */
    const char *const *only;
    /* With `only` NULL: of those that exist only when named, what is opened behind all that was
     * found, NULL-terminated; what cannot be is a finding. NULL: none. */
    const char *const *also;
    bool only_those_here; /* names in `only` that are nowhere are left out, and no failure */
    /* Opened to move knobs, by names that may come out of a file (a plan, a journal). Those that
     * would run a command or log in somewhere (meter:, redfish:) are refused, -WTL_PERMISSION: a
     * plan that somebody sent must do neither. Slow ones that only measure are not looked for. */
    bool for_knobs;
    int64_t deadline_ns; /* of one call; 0: 5 s */
};

/* -WTL_NOTFOUND when a name in `only` is nowhere, with what there is as the hint. A back end that
 * finds nothing, or lacks its library, is no failure: see wtl_machine_findings(). */
int wtl_machine_open(struct wtl_alloc alloc, const struct wtl_machine_options *options,
                     struct wtl_machine **machine_out, struct wtl_error *err);

/* NULL is fine. A call that still hangs in a vendor's library is waited for as long as a deadline;
 * then its thread and the machine's memory are left to it. */
void wtl_machine_close(struct wtl_machine *machine);

/* The small files of its root, which close with it where it opened them. */
struct wtl_sysfs *wtl_machine_files(const struct wtl_machine *machine);

size_t wtl_machine_count(const struct wtl_machine *machine);
struct wtl_device *wtl_machine_device(struct wtl_machine *machine, size_t index);

/* The device that goes by `name`: its id, an unambiguous start of it of eight characters or more,
 * its UUID, its PCI address, or (GPUs) its number in the vendor's tools. -WTL_NOTFOUND, -WTL_USAGE
 * when several do; both list what there is. -WTL_TIMEOUT: not among those found, and a driver hung
 * while it was opened. */
int wtl_machine_find(struct wtl_machine *machine, const char *name, struct wtl_device **device_out,
                     struct wtl_error *err);

/* "NVIDIA GPUs through NVML did not open within 30 s: the driver hangs", where all devices of a
 * driver are missing for that; NULL: no driver hung while it was opened. */
const char *wtl_machine_hang(const struct wtl_machine *machine);

/* What helps then. */
void wtl_machine_hang_hint(struct wtl_error *err);

/* The device of exactly this id; NULL: none. */
struct wtl_device *wtl_machine_by_id(const struct wtl_machine *machine, const char *id);

const struct wtl_device_info *wtl_device_info(const struct wtl_device *device);

/* ---- What works, and what does not (`wattle doctor`) ------------------------------------------
 */

enum wtl_finding_level {
    WTL_FINDING_OK,      /* works */
    WTL_FINDING_NOTE,    /* good to know; nothing to do */
    WTL_FINDING_LACK,    /* missing here: a library, a permission; something does not work */
    WTL_FINDING_PROBLEM, /* wrong: a lost GPU, a driver that changed under us */
};

struct wtl_finding {
    enum wtl_finding_level level;
    char subject[WTL_LIMIT_NAME]; /* a device's id, or the back end: "nvml", "rapl" */
    const char *text;             /* one line: what is so */
    const char *fix;              /* the exact command that changes it, or "" */
};

/* All that the back ends found, in their order. Valid as long as the machine. */
const struct wtl_finding *wtl_machine_findings(const struct wtl_machine *machine, size_t *n_out);

/* ---- Threads of one's own ---------------------------------------------------------------------
 */

/* From now on calls on this device are made on the calling thread, whatever thread that is, one at
 * a time, and without a deadline: the caller has a thread that may hang with the driver, and must
 * not close the machine while it does, but for what wtl_device_leave() says. Saves the way to a
 * worker and back, half of a reading's cost. Not to be undone. -WTL_TIMEOUT while a call hangs;
 * -WTL_NOMEM. */
int wtl_device_adopt(struct wtl_device *device, struct wtl_error *err);

/* Of a device that was adopted, for who ends its thread: a call that waits for somebody far away
 * returns soon, and nothing can be read any more. From another thread than the call's. */
void wtl_device_interrupt(struct wtl_device *device);

/* ... whose call does not return at all: wtl_machine_close() leaves the device, and the memory of
 * the machine, to that call. */
void wtl_device_leave(struct wtl_device *device);

/* ---- Reading --------------------------------------------------------------------------------- */

/* Why a value is not there. */
enum wtl_absence {
    WTL_PRESENT,
    WTL_ABSENT_UNSUPPORTED, /* the device has no such sensor */
    WTL_ABSENT_DENIED,      /* permission */
    WTL_ABSENT_NOT_YET,     /* no value so far, try again */
    WTL_ABSENT_FAILED,      /* the driver reported an error */
    WTL_ABSENT_LOST,        /* the device is gone, or needs a reset */
};

struct wtl_reading {
    int64_t t_ns;    /* monotonic host time in the middle of the read */
    int64_t cost_ns; /* how long it took */
    uint64_t valid;  /* bit m: value[m] is there */
    double value[WTL_N_METRICS];
    int64_t
        sensor_t_ns[WTL_N_METRICS]; /* Unix time that the sensor gives its value; 0: it does not */
    uint8_t absence[WTL_N_METRICS]; /* enum wtl_absence, of the wanted ones */
};

#define WTL_METRIC_BIT(metric) (UINT64_C(1) << (metric))

static inline bool wtl_reading_has(const struct wtl_reading *r, enum wtl_metric m)
{
    return (r->valid >> m) & 1;
}

/* What was read becomes part of what is known: values that it lacks stay as they were. */
static inline void wtl_reading_update(struct wtl_reading *known, const struct wtl_reading *r)
{
    known->t_ns = r->t_ns;
    known->cost_ns = r->cost_ns;
    known->valid |= r->valid;
    for (uint64_t left = r->valid; left; left &= left - 1) {
        const int m = __builtin_ctzll(left);
        known->value[m] = r->value[m];
        known->sensor_t_ns[m] = r->sensor_t_ns[m];
    }
}

/* Reads the wanted sensors at once, with as few driver calls as the back end can. A sensor without
 * a value is no failure: its bit is clear and `absence` says why. Allocates nothing.
 * -WTL_TIMEOUT, -WTL_LOST (nothing can be read any more). */
int wtl_device_read(struct wtl_device *device, uint64_t wanted, struct wtl_reading *out,
                    struct wtl_error *err);

/* One entry of a driver's own ring of samples. */
struct wtl_ring_sample {
    int64_t t_ns; /* Unix time, the sensor's */
    double value;
};

/* The samples that the driver kept of one sensor since `since_ns` (exclusive), oldest first; as
 * many as fit. 0 samples is success. -WTL_UNSUPPORTED where the driver keeps none. */
int wtl_device_ring(struct wtl_device *device, enum wtl_metric metric, int64_t since_ns,
                    struct wtl_ring_sample *out, size_t max, size_t *n_out, struct wtl_error *err);

enum wtl_process_kind { WTL_PROCESS_COMPUTE, WTL_PROCESS_GRAPHICS, WTL_PROCESS_MPS_CLIENT };
const char *wtl_process_kind_name(enum wtl_process_kind kind); /* "compute", ..., "mps_client" */

struct wtl_process {
    pid_t pid; /* of the host's namespace */
    enum wtl_process_kind kind;
    bool has_memory, has_util;
    double memory_b;
    double util;   /* share of the SMs' time, 0..1 */
    int slice;     /* index of the MIG instance's device; -1: none */
    char name[64]; /* of its command, "" where it cannot be seen */
};

/* Who uses the device; as many as fit, *n_out is how many there are. */
int wtl_device_processes(struct wtl_device *device, struct wtl_process *out, size_t max,
                         size_t *n_out, struct wtl_error *err);

/* An error of the device, or of what runs on it, as its driver numbers them (NVIDIA: XID,
 * core/xid.h). */
struct wtl_driver_error {
    int64_t t_ns; /* monotonic host time at which it was seen: soon after it fell */
    int number;
};

/* Errors that fell since the last call, oldest first, as many as fit; the others wait for the next.
 * The first call begins to listen and gives none. Returns at once, and allocates nothing after the
 * first. Listening ends with the device, and changes nothing of it. -WTL_UNSUPPORTED: the driver
 * tells of no errors; -WTL_LOST. */
int wtl_device_errors(struct wtl_device *device, struct wtl_driver_error *out, size_t max,
                      size_t *n_out, struct wtl_error *err);

/* ---- Knobs, looked at ------------------------------------------------------------------------ */

/* What is requested now, by anybody. `known` is false where the device has no getter (NVML clock
 * locks): the journal of src/lease may know. */
struct wtl_knob_state {
    bool known;
    struct wtl_knob_value requested;
    bool has_enforced;
    double enforced; /* power limit: what holds, out-of-band limits included */
};

struct wtl_knob_range {
    double min, max; /* what may be asked for */
    bool has_default;
    double default_value;     /* what the maker rates it for: NVIDIA's default limit, Intel's TDP */
    bool released_is_default; /* "released" sets that value; else it switches the knob off */
    const double *steps; /* legal values ascending, in the arena; NULL: any between min and max */
    size_t n_steps;
};

/* -WTL_UNSUPPORTED when the device has no such knob, -WTL_PERMISSION, -WTL_TIMEOUT, -WTL_LOST. */
int wtl_device_knob(struct wtl_device *device, enum wtl_knob knob, struct wtl_knob_state *state_out,
                    struct wtl_error *err);
int wtl_device_knob_range(struct wtl_device *device, enum wtl_knob knob, struct wtl_arena *arena,
                          struct wtl_knob_range *range_out, struct wtl_error *err);

/* Whether the device's epoch is still the one that was found: false after a driver reload. */
int wtl_device_epoch(struct wtl_device *device, char epoch_out[WTL_LIMIT_NAME],
                     struct wtl_error *err);

#endif
