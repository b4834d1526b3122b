/* SPDX-License-Identifier: Apache-2.0
 *
 * What is here: all devices of all back ends, what can be read of them with its present value, and
 * their knobs. For text and for the document of `wattle devices --json` (docs/devices.md).
 */
#ifndef WTL_FLOW_DEVICES_H
#define WTL_FLOW_DEVICES_H

#include "device/device.h"
#include "flow/flow.h"
#include "lease/known.h"

#include <jansson.h>

struct wtl_devices_options {
    const char *root; /* as in wtl_machine_options; NULL: "/" */
    const char *nvml;
    const char *const *only; /* names of devices, NULL-terminated; NULL: all */
    const char *state_dir;   /* of the leases; NULL: the usual one */
};

/* A knob as it stands. */
struct wtl_device_knob_look {
    enum wtl_knob knob;
    bool writable;
    int rc; /* of reading it; then `why`, and the rest means nothing */
    const char *why;
    struct wtl_knob_state state;
    bool has_range;
    struct wtl_knob_range range;
    bool has_ours; /* the device does not report it, but our book does: what a lease set last */
    struct wtl_known_set ours;
};

struct wtl_device_look {
    const struct wtl_device_info *info;
    int rc; /* of the reading; then `why`, and no value is valid */
    const char *why;
    struct wtl_reading reading;
    struct wtl_device_knob_look *knobs;
    size_t n_knobs;
};

struct wtl_devices {
    struct wtl_machine *machine; /* close with wtl_devices_close() */
    const char *root;            /* "/", or the recorded tree */
    bool live;                   /* the running system's */
    struct wtl_device_look *looks;
    size_t n;
    const struct wtl_finding *findings;
    size_t n_findings;
};

/* Opens, reads everything once. A device that cannot be read is no failure: it says why. */
int wtl_flow_devices(const struct wtl_flow *flow, const struct wtl_devices_options *options,
                     struct wtl_arena *arena, struct wtl_devices *out, struct wtl_error *err);

/* The same for a machine that is open already; out->machine stays the caller's. */
int wtl_flow_look(struct wtl_machine *machine, const char *root, struct wtl_arena *arena,
                  struct wtl_devices *out, struct wtl_error *err);

/* Adds what the book knows of knobs that devices do not report. */
void wtl_devices_know(struct wtl_devices *d, const struct wtl_book_entry *entries, size_t n);

void wtl_devices_close(struct wtl_devices *d);

json_t *wtl_devices_json(const struct wtl_devices *d); /* NULL: out of memory */

/* Why a value is not there: "unsupported", "denied", "not yet", "failed", "lost". */
const char *wtl_absence_name(enum wtl_absence absence);

/* {"level", "subject", "text", "fix"}. */
json_t *wtl_finding_json(const struct wtl_finding *f);

#endif
