/* SPDX-License-Identifier: Apache-2.0
 *
 * One MPS control daemon, spoken to through NVIDIA's own program `nvidia-cuda-mps-control`: a
 * command on its standard input, an answer on its standard output, the daemon chosen by
 * CUDA_MPS_PIPE_DIRECTORY. A daemon may hang, and with it the program: every call has a deadline,
 * at which the program is killed (-WTL_TIMEOUT); the daemon itself is never touched by that.
 *
 * Nothing here decides whose daemon it is: see mps/daemon.h.
 */
#ifndef WTL_MPS_CONTROL_H
#define WTL_MPS_CONTROL_H

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "mps/text.h"

#define WTL_MPS_PROGRAM "nvidia-cuda-mps-control"
#define WTL_MPS_DEFAULT_PIPE_DIR "/tmp/nvidia-mps"

struct wtl_mps_control {
    const char *program;  /* path */
    const char *pipe_dir; /* CUDA_MPS_PIPE_DIRECTORY */
    const char *log_dir;  /* CUDA_MPS_LOG_DIRECTORY; NULL: as it is */
    struct wtl_clock clock;
    int64_t timeout_ns; /* of one call; 0: 5 s */
};

/* The program: $WATTLE_MPS_CONTROL, or the first in $PATH. -WTL_UNSUPPORTED where there is none. */
int wtl_mps_find_program(struct wtl_arena *arena, const char **path_out, struct wtl_error *err);

/* One command, and the whole answer (what is beyond WTL_MPS_ANSWER is left out). -WTL_TIMEOUT;
 * -WTL_FAILED: the program could not be run. What the answer means is for mps/text.h. */
int wtl_mps_ask(const struct wtl_mps_control *control, struct wtl_arena *arena, const char *command,
                const char **answer_out, struct wtl_error *err);

/* Starts a daemon there (-d), with `marks` ("NAME=VALUE") in its environment, in a session of its
 * own. Both folders must be there. -WTL_FAILED with its words, -WTL_TIMEOUT. It is ready when it
 * answers, which is not waited for. */
int wtl_mps_launch(const struct wtl_mps_control *control, const char *const *marks, size_t n_marks,
                   struct wtl_error *err);

/* Whether a daemon answers in that directory: -WTL_NOTFOUND no, -WTL_TIMEOUT it hangs, else as
 * wtl_mps_fail(). Cheap where the directory is not there. */
int wtl_mps_answers(const struct wtl_mps_control *control, struct wtl_error *err);

/* ---- Commands, each as its answer is read in mps/text.h -------------------------------------- */

int wtl_mps_servers(const struct wtl_mps_control *control, int64_t pids_out[WTL_MPS_PIDS],
                    size_t *n_out, struct wtl_error *err);
int wtl_mps_clients(const struct wtl_mps_control *control, int64_t server,
                    int64_t pids_out[WTL_MPS_PIDS], size_t *n_out, struct wtl_error *err);
int wtl_mps_ps(const struct wtl_mps_control *control, struct wtl_mps_client *out, size_t max,
               size_t *n_out, struct wtl_error *err);

/* WTL_MPS_UNKNOWN where the daemon does not know the command. */
int wtl_mps_server_status(const struct wtl_mps_control *control, int64_t server,
                          enum wtl_mps_status *out, struct wtl_error *err);

/* Percent of the threads of a GPU that a client gets at most. server 0: the default of servers that
 * are started from now on. */
int wtl_mps_get_percentage(const struct wtl_mps_control *control, int64_t server, double *out,
                           struct wtl_error *err);
int wtl_mps_set_percentage(const struct wtl_mps_control *control, int64_t server, double percent,
                           struct wtl_error *err);

int wtl_mps_start_server(const struct wtl_mps_control *control, int64_t uid, struct wtl_error *err);
int wtl_mps_shutdown_server(const struct wtl_mps_control *control, int64_t server,
                            struct wtl_error *err);
int wtl_mps_terminate_client(const struct wtl_mps_control *control, int64_t server, int64_t client,
                             struct wtl_error *err);

/* quit -t: clients that are left have so long. Its deadline is `timeout_s` later than usual. */
int wtl_mps_quit(const struct wtl_mps_control *control, int timeout_s, struct wtl_error *err);

#endif
