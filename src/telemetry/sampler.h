/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads all devices of a machine again and again. Two ways: a sample of every device now
 * (wtl_sample_devices), or a thread that does so at an interval while somebody else draws, serves,
 * or waits (struct wtl_sampler): a device that hangs holds up that thread alone.
 */
#ifndef WTL_TELEMETRY_SAMPLER_H
#define WTL_TELEMETRY_SAMPLER_H

#include "device/device.h"

/* Processes of one device that are kept; a GPU takes 48 MPS clients. */
enum { WTL_SAMPLE_PROCESSES = 64 };

/* What a device said in one round. */
struct wtl_device_sample {
    int64_t t_ns;                        /* monotonic, when it was asked; 0: not yet */
    int rc;                              /* of the reading */
    char trouble[WTL_ERROR_MESSAGE_MAX]; /* why, where rc is negative */
    struct wtl_reading reading;          /* where rc is 0 */

    int processes_rc;
    size_t n_processes; /* there are; the first WTL_SAMPLE_PROCESSES are here */
    struct wtl_process process[WTL_SAMPLE_PROCESSES];

    unsigned knobs; /* WTL_KNOB_BIT(): what it said of them */
    struct wtl_knob_state knob[WTL_N_KNOBS];
    bool asked_ranges;                        /* in the first round that was answered, once */
    unsigned ranges;                          /* WTL_KNOB_BIT(): what it said of them */
    struct wtl_knob_range range[WTL_N_KNOBS]; /* without steps */
};

/* Asks one device for everything it has; a device that does not answer is a sample, too. Keeps the
 * ranges that *sample has. Allocates nothing after the first round that was answered. */
void wtl_sample_device(struct wtl_device *device, struct wtl_clock clock, struct wtl_arena *arena,
                       struct wtl_device_sample *sample);

struct wtl_sampler;

/* Starts the thread, to which the machine belongs until wtl_sampler_stop(). `devices` are the
 * indices of the n that are read (copied). */
int wtl_sampler_start(struct wtl_alloc alloc, struct wtl_machine *machine, const int *devices,
                      size_t n, struct wtl_clock clock, int64_t interval_ns,
                      struct wtl_sampler **sampler_out, struct wtl_error *err);

/* Waits for the call in progress, `patience_ns` at most. False: it does not come back; the thread
 * and the machine, which must not be closed then, are left to it. NULL is fine. */
bool wtl_sampler_stop(struct wtl_sampler *sampler, int64_t patience_ns);

void wtl_sampler_set_interval(struct wtl_sampler *sampler, int64_t interval_ns);

/* A file descriptor that can be read when a round is complete; wtl_sampler_take() clears it. */
int wtl_sampler_fd(const struct wtl_sampler *sampler);

/* Copies the newest samples (of the n devices) and returns how many rounds are
 * complete. *waiting_ns_out: how long number *waiting_out of them has been asked without an answer;
 * -1: no call is in progress. */
int64_t wtl_sampler_take(struct wtl_sampler *sampler, struct wtl_device_sample *samples_out,
                         int *waiting_out, int64_t *waiting_ns_out);

#endif
