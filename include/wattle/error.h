/* SPDX-License-Identifier: Apache-2.0
 *
 * The error value that every function of libwattle fills: owned by the caller, needs no allocation.
 * What happened (code, message), what to try next (hint), where in Wattle's source it was raised,
 * and where in the input the cause stands.
 */
#ifndef WATTLE_ERROR_H
#define WATTLE_ERROR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Codes 1 to 7 are the exit codes of the command (DESIGN: the contract); the rest exit 1. */
enum wtl_code {
    WTL_OK = 0,
    WTL_FAILED = 1,      /* anything without a better name */
    WTL_USAGE = 2,       /* the caller asked for something that makes no sense */
    WTL_UNSUPPORTED = 3, /* this build or this machine cannot do it */
    WTL_PERMISSION = 4,  /* the operating system refused */
    WTL_INFEASIBLE = 5,  /* a limit cannot be met */
    WTL_REFUTED = 6,     /* fresh data contradict a plan */
    WTL_UNDECIDED = 7,   /* the data cannot tell */
    WTL_NOMEM = 16,      /* an allocation failed */
    WTL_IO = 17,         /* reading or writing failed (disk full, broken pipe) */
    WTL_PARSE = 18,      /* input is not of its format; the input place is filled in */
    WTL_LIMIT = 19,      /* input exceeds a maximum of base/limits.h */
    WTL_NOTFOUND = 20,   /* what was named does not exist */
    WTL_CORRUPT = 21,    /* a campaign or plan is damaged or of another version */
    WTL_BUSY = 22,       /* somebody else holds it */
    WTL_TIMEOUT = 23,    /* a device did not answer in time */
    WTL_LOST = 24,       /* a device is gone, or needs a reset */
};

#define WTL_ERROR_MESSAGE_MAX 400
#define WTL_ERROR_HINT_MAX 400
#define WTL_ERROR_PATH_MAX 256

struct wtl_error {
    enum wtl_code code;
    char message[WTL_ERROR_MESSAGE_MAX];
    char hint[WTL_ERROR_HINT_MAX]; /* what to try next; empty if there is nothing to say */
    const char *source_file;       /* static strings of the macro below */
    const char *source_func;
    int source_line;
    char input_file[WTL_ERROR_PATH_MAX]; /* empty if the cause is not in a file */
    int64_t input_line;                  /* from 1; 0: unknown */
    int64_t input_column;                /* from 1; 0: unknown */
};

#ifdef __cplusplus
}
#endif

#endif
