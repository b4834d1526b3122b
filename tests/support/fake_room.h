/* SPDX-License-Identifier: Apache-2.0
 *
 * Boards that tests script: a power limit that is read back, an SM clock lock that is not, as NVML
 * has them. Their state lies in a file that several processes map, so that what was left is read by
 * a process that had no part in it. Every call of a device is counted and may fail, hang or be
 * looked at.
 */
#ifndef WTL_TESTS_FAKE_ROOM_H
#define WTL_TESTS_FAKE_ROOM_H

#include "device/device.h"

enum { FAKE_BOARDS = 8 };

struct fake_board {
    double min_w, max_w, default_w;
    double limit_w;
    double oob_w; /* limit set from outside the system; 0: none */
    bool off;     /* the limit is switched off, as RAPL's can be; a set switches it on */
    bool sm_locked;
    double sm_lo, sm_hi;
    double sm_now_mhz;
    int load; /* of the driver: changes the epoch */
    bool lost;
    bool broken; /* its sets fail, and nothing is done */
    int gets, sets;
};

enum fake_fault {
    FAKE_FINE,
    FAKE_FAILS,       /* -WTL_FAILED, nothing done */
    FAKE_LATE,        /* -WTL_TIMEOUT, done nevertheless */
    FAKE_NEVER,       /* -WTL_TIMEOUT, not done */
    FAKE_LOST,        /* -WTL_LOST from now on */
    FAKE_DENIED,      /* -WTL_PERMISSION */
    FAKE_OTHER_VALUE, /* a set takes a limit 5 W higher, and says nothing */
    FAKE_HALF_DONE,   /* likewise, and says -WTL_FAILED; all else goes well */
    FAKE_TAKES_NONE,  /* a set says -WTL_FAILED, and nothing is done; likewise */
    FAKE_IGNORED,     /* a set of a limit does nothing, and says nothing (of a lock, which no device
                       * reports, nobody could know) */
    FAKE_N_FAULTS,
    FAKE_RELOADED = FAKE_N_FAULTS, /* the driver is loaded anew just before the call: no lock, the
                                    * default limit, another epoch */
};

struct fake_room {
    int n;
    struct fake_board board[FAKE_BOARDS];
    /* The fail_at-th call from now on (1: the next; 0: none) has the fault; with `sticky` all later
     * ones, too. */
    int calls, fail_at;
    enum fake_fault fault;
    bool sticky;
    int reloads;
    bool reversed; /* machines that are opened from now on count the boards from the other end */
};

/* Maps the file (made and filled with n boards of 100-300 W, 250 W, when it is not there). */
struct fake_room *fake_room_map(const char *path, int n);
void fake_room_unmap(struct fake_room *room);

/* What the fault, where there is one, lets a set take above what was asked for. */
double fake_room_lie_w(const struct fake_room *room);

/* What a test wants to see of every call, in this process. */
struct fake_watch {
    void (*after)(void *ctx, int board, bool set); /* NULL: nothing */
    void *ctx;
    bool ephemeral; /* devices say that they live in this process */
    bool read_only; /* they say that this user may set nothing */
};

/* A machine of the room's boards "fake:0", ... */
int fake_machine_open(struct fake_room *room, const struct fake_watch *watch,
                      struct wtl_machine **machine_out, struct wtl_error *err);

#endif
