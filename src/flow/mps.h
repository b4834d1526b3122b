/* SPDX-License-Identifier: Apache-2.0
 *
 * MPS on this machine, as `wattle mps` and `wattle doctor` show it: the control daemons that can be
 * told of, whose they are, their servers and clients, and what commands that were killed left.
 * Looks alone; what starts and ends daemons is mps/daemon.h. Untested on hardware.
 */
#ifndef WTL_FLOW_MPS_H
#define WTL_FLOW_MPS_H

#include "mps/daemon.h"

#include <jansson.h>

struct wtl_mps_seen_client {
    int64_t pid, uid; /* uid -1: it cannot be seen from here */
    const char *user, *command, *device;
};

struct wtl_mps_seen_server {
    int64_t pid, uid;
    const char *user;
    enum wtl_mps_status status;
    bool has_percent;
    double percent; /* a client gets at most */
    struct wtl_mps_seen_client *clients;
    size_t n_clients;
};

struct wtl_mps_seen_daemon {
    const char *pipe_dir;
    bool ours; /* of a record, which follows */
    enum wtl_mps_life life;
    struct wtl_mps_record record;
    size_t n_processes; /* of the record, that run */
    int answer;         /* 0: it answers; -WTL_TIMEOUT: it hangs; else why not */
    const char *why;
    bool has_percent;
    double percent; /* the default of its servers */
    struct wtl_mps_seen_server *servers;
    size_t n_servers;
};

struct wtl_mps_seen {
    const char *program; /* NULL: there is none, and `why` */
    const char *why;
    struct wtl_mps_seen_daemon *daemons; /* ours first */
    size_t n;
    const struct wtl_mps_entry *unreadable; /* records that cannot be read */
    size_t n_unreadable;
};

/* In $CUDA_MPS_PIPE_DIRECTORY, in /tmp/nvidia-mps, and of the records in `state_dir` (NULL: the
 * usual). A daemon that hangs takes as long as one call may. */
int wtl_flow_mps_look(struct wtl_clock clock, const char *state_dir, struct wtl_arena *arena,
                      struct wtl_mps_seen *out, struct wtl_error *err);

json_t *wtl_mps_seen_json(const struct wtl_mps_seen *seen); /* NULL: out of memory */

#endif
