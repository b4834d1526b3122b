/* SPDX-License-Identifier: Apache-2.0
 *
 * What a sweep runs at its points: one interface, an implementation a file. The life of one:
 *
 *   load(point) -> [ready?] -> work(on) -> progress ... -> work(off) -> ... -> unload -> close
 *
 * A loaded workload stays loaded from point to point where only knobs of devices differ that it was
 * not told (wtl_lab_point_same_load()).
 *
 * Threads: all calls come from the thread of the sweep. None blocks for longer than it takes to
 * talk to the workload: what takes time is waited for by whoever asks `ready` again.
 */
#ifndef WTL_LAB_WORKLOAD_H
#define WTL_LAB_WORKLOAD_H

#include "device/device.h"
#include "lab/group.h"
#include "lab/points.h"
#include "lab/shares.h"

struct wtl_work_done {
    int64_t t_ns;      /* monotonic: when this was so */
    double work;       /* units done since it was loaded */
    double iterations; /* batches, requests: whatever it does again and again */
    /* What it does again and again takes seconds, and is not the same all the while (a prompt, then
     * tokens): a window is then a whole number of cycles. */
    bool cyclic;
    int64_t cycles;     /* that are over */
    int64_t cycle_t_ns; /* when the last one ended, and the work until then */
    double cycle_work;
};

struct wtl_latencies {
    bool known;
    int64_t n; /* measured; 0: computed */
    double p50_s, p90_s, p95_s, p99_s;
};

struct wtl_workload_ops {
    /* Begins to load for this point. -WTL_INFEASIBLE: it cannot run there (memory, batch). */
    int (*load)(void *state, const struct wtl_lab_point *point, struct wtl_error *err);
    /* *ready_out: loaded, and able to work. -WTL_PARSE of this and of `progress`: what it tells of
     * its work cannot be understood. */
    int (*ready)(void *state, bool *ready_out, struct wtl_error *err);
    /* Begins to work, or pauses with everything loaded. -WTL_UNSUPPORTED: it cannot pause. */
    int (*work)(void *state, bool on, struct wtl_error *err);
    int (*progress)(void *state, struct wtl_work_done *out, struct wtl_error *err);
    /* Of requests that ended between two moments. */
    int (*latencies)(void *state, int64_t from_ns, int64_t to_ns, struct wtl_latencies *out,
                     struct wtl_error *err);
    /* A window begins; and something that is to be known of the time since then, false: nothing.
     * NULL: there never is. */
    void (*begin)(void *state);
    bool (*remark)(void *state, char *text, size_t size);
    /* What it told instead of work. NULL: its work is always known. */
    void (*silence)(void *state, char *text, size_t size);
    /* Whether a process on the device is its own. */
    bool (*owns)(void *state, pid_t pid);
    int (*unload)(void *state, struct wtl_error *err);
    void (*close)(void *state);
};

struct wtl_workload {
    const struct wtl_workload_ops *ops;
    void *state;
    char unit[16]; /* of its work */
    bool pauses;   /* work(off) works */
    bool worked;   /* work of it was seen, at any point */
    uint32_t told; /* parts of the point (lab/points.h) that it knows from its load on */
};

/* A workload of the virtual GPU, as tenants of `virtual:` devices of this process: a variant names
 * another profile, replicas and shares make MPS clients. On each of several devices it runs as on
 * one, and its work is the sum (data-parallel). Loaded at once; its latency is that of a batch.
 * -WTL_NOTFOUND: no such profile for this board; -WTL_UNSUPPORTED: another device, or work in
 * cycles on several devices, which would not stay in step. */
int wtl_workload_virtual(struct wtl_arena *arena, const struct wtl_workload_spec *spec,
                         struct wtl_device *const *devices, size_t n, struct wtl_clock clock,
                         struct wtl_workload *out, struct wtl_error *err);

/* Whether a profile of that name runs on these devices; errors as above. *batch_max_out: the
 * largest batch that it takes on all of them. */
int wtl_workload_virtual_check(const struct wtl_workload_spec *spec, const char *name,
                               struct wtl_device *const *devices, size_t n, int *batch_max_out,
                               struct wtl_error *err);

/* A command that sends markers (docs/markers.md): `ready`, or its first end of work, says that it
 * is loaded; work is what its windows say, as of their ends. It runs from load to unload, in
 * process groups of its own (`replicas` of them), with standard output closed, and ends with us;
 * unload ends whatever is in these groups, by force after a while. -WTL_FAILED of unload: even that
 * did not help.
 * `group`: the control group for all of them; NULL: ours. `shares`: who gives them their shares of
 * the GPU, set before each load; NULL: nobody. Its latencies are those that it told.
 * Real time only. */
int wtl_workload_command(struct wtl_arena *arena, const struct wtl_workload_spec *spec,
                         struct wtl_machine *machine, const struct wtl_group *group,
                         struct wtl_shares *shares, struct wtl_clock clock,
                         struct wtl_workload *out, struct wtl_error *err);

#endif
