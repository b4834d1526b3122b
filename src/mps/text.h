/* SPDX-License-Identifier: Apache-2.0
 *
 * What `nvidia-cuda-mps-control` prints, read: protocol version 2, as NVIDIA's "Multi-Process
 * Service" describes it (docs.nvidia.com/deploy/mps, "Tools and Interface Reference"). Pure.
 *
 * The program has no codes: an answer that is not of the expected form is taken for its words on
 * what went wrong.
 */
#ifndef WTL_MPS_TEXT_H
#define WTL_MPS_TEXT_H

#include "base/error.h"
#include "base/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WTL_MPS_PIDS = 256,  /* clients and servers that are told apart; Volta allows 48 a server */
    WTL_MPS_DEVICE = 64, /* "GPU-cb1213a3-d6a4-be7f" */
    WTL_MPS_ANSWER = 1 << 16, /* bytes of one answer */
};

/* What went wrong, by the program's words: -WTL_NOTFOUND no daemon, -WTL_BUSY one is there already,
 * -WTL_PERMISSION, -WTL_UNSUPPORTED an unknown command (an older or newer driver), else
 * -WTL_FAILED; with the first line of it, or "nothing" for an empty answer. */
int wtl_mps_fail(const char *command, const char *answer, struct wtl_error *err);

/* Whether an answer to a command that has nothing to tell says that it failed. What else it may say
 * is not documented and no failure: whether the command had its effect is seen by looking. */
bool wtl_mps_complains(const char *answer);

/* Lists of process ids, one a line: get_server_list, get_client_list. An empty answer is an empty
 * list. As wtl_mps_fail(); -WTL_LIMIT: more than WTL_MPS_PIDS. */
int wtl_mps_parse_pids(const char *command, const char *answer, int64_t pids_out[WTL_MPS_PIDS],
                       size_t *n_out, struct wtl_error *err);

/* "50.0": get_active_thread_percentage and the default's. 0 to 100. */
int wtl_mps_parse_percentage(const char *command, const char *answer, double *out,
                             struct wtl_error *err);

/* get_server_status. */
enum wtl_mps_status { WTL_MPS_UNKNOWN, WTL_MPS_INITIALIZING, WTL_MPS_ACTIVE, WTL_MPS_FAULT };
int wtl_mps_parse_status(const char *command, const char *answer, enum wtl_mps_status *out,
                         struct wtl_error *err);
const char *wtl_mps_status_name(enum wtl_mps_status status); /* "active"; "" unknown */

/* One line of `ps`: PID ID SERVER DEVICE NAMESPACE COMMAND. */
struct wtl_mps_client {
    int64_t pid, server;
    char device[WTL_MPS_DEVICE];
    char command[WTL_LIMIT_NAME]; /* cut where it is longer; control characters are '?' */
};
/* Columns go by their titles. An answer without lines behind the titles, or an empty one, has no
 * clients. On failure `out` may be half filled. -WTL_LIMIT: more than `max`. */
int wtl_mps_parse_ps(const char *answer, struct wtl_mps_client *out, size_t max, size_t *n_out,
                     struct wtl_error *err);

#endif
