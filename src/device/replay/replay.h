/* SPDX-License-Identifier: Apache-2.0
 *
 * A recorded trace as a device: `replay:FILE[,OPTION...][#N]`.
 *
 *   #N            the N-th GPU of the file, from 0; without it, every one of them
 *   loop          begin anew at the end (the energy counter then falls back, as after a reload)
 *   interval=T    time between rows of a file that does not say it (dcgmi); default 100ms
 *   speed=X       X times as fast as recorded; default 1
 *
 * A sensor gives what the trace had at that time since open, and holds it until the next row. A
 * cell that the trace lacks is absent in its time. After the last row nothing is made up: every
 * read fails with -WTL_LOST and says that the recording is over. No knobs, no processes.
 */
#ifndef WTL_DEVICE_REPLAY_REPLAY_H
#define WTL_DEVICE_REPLAY_REPLAY_H

#include "device/replay/recording.h"

struct wtl_replay_options {
    char path[WTL_LIMIT_PATH];
    int stream; /* -1: all */
    bool loop;
    int64_t period_ns;
    double speed;
};

/* Takes apart what follows "replay:". -WTL_USAGE. */
int wtl_replay_parse(const char *text, struct wtl_replay_options *options_out,
                     struct wtl_error *err);

#endif
