/* SPDX-License-Identifier: Apache-2.0
 *
 * SPEC's PTDaemon, which serves the power analysers of MLPerf and SPECpower: lines over TCP (port
 * 8888), a command and its answer. Its protocol is in no public document; what is used here are the
 * few commands that its public clients send, and the answers that they expect (mlcommons/power-dev,
 * ptd_client_server/lib/server.py and compliance/check.py; SPEC CPU 2017's runcpu):
 *
 *   Hello            "Hello, PTDaemon here!"
 *   Identify         model, averaging interval in ms, ..., "version=...", ..., "mode=power", ...
 *   Go,0,0           "Starting untimed measurement, maximum N samples at Tms with 0 rampup samples"
 *   RL               "Last N samples", then the N that were not read yet:
 *                    "Time,DATE TIME,Watts,W,Volts,V,Amps,A,PF,P,Mark,M"; waits for one
 *   Stop             "Stopping untimed measurement"
 *
 * DATE is written in two orders and in a time zone that is not told: samples have the time of their
 * arrival. A value of -1 is none. Ranges are left as they are.
 */
#ifndef WTL_DEVICE_METER_PTD_H
#define WTL_DEVICE_METER_PTD_H

#include "device/meter/meter.h"

struct wtl_ptd {
    int fd; /* not blocking; connected, and measuring */
    char model[WTL_LIMIT_NAME];
    int64_t period_ns; /* samples are this far apart, each an average over it */
};

/* Connects to "HOST[:PORT]" and starts a measurement, within `time_ms`. -WTL_FAILED, -WTL_TIMEOUT,
 * -WTL_BUSY, -WTL_UNSUPPORTED (a temperature sensor). */
int wtl_ptd_start(const char *address, int time_ms, struct wtl_ptd *out, struct wtl_error *err);

/* Asks for the samples that were not read yet. */
bool wtl_ptd_ask(int fd);

/* Ends the measurement; closes nothing. */
void wtl_ptd_stop(int fd);

/* One line of the answer to RL. 1: a sample; 0: something else; -WTL_PARSE. *left is how many more
 * lines the answer has: set by its first, counted down; 0: that was all. */
int wtl_ptd_line(const char *line, size_t n, int64_t *left, struct wtl_meter_reading *out,
                 struct wtl_error *err);

/* What "Identify" and "Go" say. False: that is no such answer. */
bool wtl_ptd_identity(const char *line, char model_out[WTL_LIMIT_NAME], bool *is_power_out);
bool wtl_ptd_started(const char *line, int64_t *period_ns_out);

#endif
