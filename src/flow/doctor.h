/* SPDX-License-Identifier: Apache-2.0
 *
 * What works here and what does not: the findings of the back ends, where this process runs and
 * what it may do, who holds which knob, and what puts knobs back when their holder dies. For text
 * and for the document of `wattle doctor --json` (docs/devices.md).
 */
#ifndef WTL_FLOW_DOCTOR_H
#define WTL_FLOW_DOCTOR_H

#include "device/world.h"
#include "flow/devices.h"
#include "flow/leases.h"
#include "lease/book.h"
#include "lease/process.h"

/* Units of ours that systemd knows, as their files tell. */
struct wtl_doctor_units {
    bool systemd;               /* it runs here */
    int n;                      /* services whose names begin with "wattle" */
    int restore;                /* those whose stop puts back what the dead left */
    char first[WTL_LIMIT_NAME]; /* of these */
};
void wtl_doctor_units(struct wtl_sysfs *files, struct wtl_arena *arena,
                      struct wtl_doctor_units *out);

/* What would put knobs back; `text` says why not where it does not apply. */
struct wtl_doctor_guard {
    const char *name; /* "guardian" */
    bool applies;
    const char *text;
};

struct wtl_doctor {
    struct wtl_devices devices;
    struct wtl_sysfs *files; /* of its machine */
    bool live;
    struct wtl_world world;
    struct wtl_finding *findings; /* of the back ends and ours: problems first */
    size_t n_findings;
    int n_of_level[4];        /* by enum wtl_finding_level */
    struct wtl_status status; /* of the leases; of a recorded machine there are none */
    struct wtl_doctor_guard guards[5];
    int n_guards; /* 0 for a recorded machine */
};

struct wtl_doctor_options {
    const char *root; /* NULL: "/" */
    const char *nvml;
    const char *state_dir; /* of the leases; NULL: the usual one */
};

/* Close with wtl_doctor_close(). */
int wtl_flow_doctor(const struct wtl_flow *flow, const struct wtl_doctor_options *options,
                    struct wtl_arena *arena, struct wtl_doctor *out, struct wtl_error *err);
void wtl_doctor_close(struct wtl_doctor *d);

json_t *wtl_doctor_json(const struct wtl_doctor *d); /* NULL: out of memory */

/* ---- Taking a machine along -------------------------------------------------------------------*/

struct wtl_gathered {
    struct wtl_buf archive; /* the bytes of a .tar.gz; wtl_buf_fini() */
    int n_files, n_refused; /* read; there, and not to be read */
    size_t bytes;           /* unpacked */
};

/* What is in no archive, a line each, ended by NULL. */
extern const char *const wtl_gather_left_out[];

/* Packs exactly the files that the back ends and the doctor read of `root`, each once. */
int wtl_flow_gather(const struct wtl_flow *flow, const struct wtl_doctor_options *options,
                    struct wtl_arena *arena, struct wtl_gathered *out, struct wtl_error *err);

json_t *wtl_gathered_json(const struct wtl_gathered *g, const char *file);

#endif
