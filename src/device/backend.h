/* SPDX-License-Identifier: Apache-2.0
 *
 * What a back end is: for the folders of src/device. A back end finds devices and gives each two
 * small structs of functions, one to read and one to write; everything above knows only these.
 *
 * Rules
 *   - A missing library, directory or permission is a finding, never a failure of open().
 *   - Functions of an open device allocate nothing and keep no state but `state`.
 *   - `blocks` devices are called on a worker thread, one call at a time; the others on the
 * caller's.
 *   - Files are opened with openat() relative to machine->root_fd, paths without a leading '/';
 *     those of /sys and /proc through device/sysfs.h, so that recorded trees stand in for them.
 *   - Where a value is not there, set `absence`; a value without its validity bit is never read.
 */
#ifndef WTL_DEVICE_BACKEND_H
#define WTL_DEVICE_BACKEND_H

#include "device/device.h"

struct wtl_sysfs;

struct wtl_sensor_ops {
    /* Fills value, sensor_t_ns, valid and absence of the wanted sensors; `out` comes zeroed with
     * every absence WTL_ABSENT_UNSUPPORTED, and t_ns and cost_ns are the caller's work. */
    int (*read)(void *state, uint64_t wanted, struct wtl_reading *out, struct wtl_error *err);
    /* The rest may be NULL: not supported. As in device.h. */
    int (*ring)(void *state, enum wtl_metric metric, int64_t since_ns, struct wtl_ring_sample *out,
                size_t max, size_t *n_out, struct wtl_error *err);
    int (*processes)(void *state, struct wtl_process *out, size_t max, size_t *n_out,
                     struct wtl_error *err);
    int (*epoch)(void *state, char epoch_out[WTL_LIMIT_NAME], struct wtl_error *err);
    /* t_ns 0: it was seen just now. */
    int (*errors)(void *state, struct wtl_driver_error *out, size_t max, size_t *n_out,
                  struct wtl_error *err);
    /* Gets a call that hangs on the worker thread back, from another thread, before close. */
    void (*interrupt)(void *state);
    void (*close)(void *state); /* no call is running then; `state` itself lives in the arena */
};

/* All three are there, or the device has no knobs. */
struct wtl_knob_ops {
    int (*get)(void *state, enum wtl_knob knob, struct wtl_knob_state *state_out,
               struct wtl_error *err);
    int (*range)(void *state, enum wtl_knob knob, struct wtl_arena *arena,
                 struct wtl_knob_range *range_out, struct wtl_error *err);
    int (*set)(void *state, enum wtl_knob knob, struct wtl_knob_value value, struct wtl_error *err);
};

/* What a back end may use of the machine that it is opened for. */
struct wtl_backend_host {
    struct wtl_arena *arena; /* the machine's own; lives as long as it, not for calls of devices */
    struct wtl_clock clock;
    int root_fd;
    struct wtl_sysfs *files; /* the same root for small files: device/sysfs.h */
    bool live;               /* the root is "/": vendor libraries may be loaded, knobs written */
    const char *nvml;        /* as in wtl_machine_options */
    /* What follows the prefix of a device that was asked for by name ("a100" of "virtual:a100");
     * NULL: look for everything. */
    const char *wanted;
    struct wtl_machine *machine;
};

/* Gives a device to the machine. `info` is copied; its id must be unique, `state` belongs to the
 * device from then on and is closed by sensors->close. Returns its index, or a negative code. */
int wtl_backend_add(const struct wtl_backend_host *host, const struct wtl_device_info *info,
                    const struct wtl_sensor_ops *sensors, const struct wtl_knob_ops *knobs,
                    void *state, bool blocks, struct wtl_error *err);

/* Says what works or does not. `fix` may be NULL. */
void wtl_backend_finding(const struct wtl_backend_host *host, enum wtl_finding_level level,
                         const char *subject, const char *fix, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* The name that a user gives a device ("name=NAME"): up to 63 letters, digits, '.', '_' and '-'.
 * -WTL_USAGE. */
int wtl_backend_name(const char *text, char name_out[64], struct wtl_error *err);

/* wtl_sysfs_epoch(), read once for a machine: for devices whose settings last until the next boot.
 */
void wtl_backend_epoch(const struct wtl_backend_host *host, char epoch_out[WTL_LIMIT_NAME]);

struct wtl_backend {
    const char *prefix;  /* of its ids: "nvml" */
    const char *summary; /* "NVIDIA GPUs through NVML" */
    bool named_only;     /* its devices exist only when they are named */
    bool by_name;        /* some do: opened once for each name that begins with its prefix */
    /* Opening runs a command or logs in somewhere: never where devices are opened for their knobs.
     * Such devices have short ids of their own, and are found by the name they were asked for, too.
     */
    bool reaches_out;
    bool slow_meter; /* has no knobs, and takes its time: left out where knobs are meant */
    /* open() may hang in a vendor's library: it runs on a thread with a deadline, its devices have
     * blocks set, and its numbers of devices count from 0. */
    bool opening_blocks;
    int (*open)(const struct wtl_backend_host *host, struct wtl_error *err);
};

/* One each, in the folder of its name; device/machine.c lists them. */
extern const struct wtl_backend wtl_backend_nvml, wtl_backend_amdgpu, wtl_backend_intelgpu,
    wtl_backend_rapl, wtl_backend_cpufreq, wtl_backend_cgroup, wtl_backend_hwmon, wtl_backend_ipmi,
    wtl_backend_meter, wtl_backend_redfish, wtl_backend_virtual, wtl_backend_estimate,
    wtl_backend_replay, wtl_backend_faulty;

struct wtl_device_ops {
    const struct wtl_sensor_ops *sensors;
    const struct wtl_knob_ops *knobs; /* NULL: none */
    void *state;
    bool blocks;
};

/* The device of that id, for a back end that wraps it (faulty): opened, but not one of the
 * machine's own; closed with the machine. */
int wtl_backend_wrap(const struct wtl_backend_host *host, const char *id,
                     const struct wtl_device_info **info_out, struct wtl_device_ops *ops_out,
                     struct wtl_error *err);

/* A device of a test's making in a machine that is open already. As wtl_backend_add(). */
int wtl_machine_add(struct wtl_machine *machine, const struct wtl_device_info *info,
                    const struct wtl_device_ops *ops, struct wtl_error *err);

#endif
