/* SPDX-License-Identifier: Apache-2.0
 *
 * Campaigns: a lease is taken, set and put back over some place (boards of a machine room, a tree
 * of kernel files) while one thing goes wrong at a time: a device call, or a kill -9 of its
 * processes. Then comes the next start, `wattle restore`, and what is left is looked at from
 * outside.
 *
 * Every part runs in a process of its own: the holder, its guardian, the next start. The campaign
 * itself, which looks, never opens a device of the code under test.
 *
 * Each campaign prints "TITLE: C left changed of N". WTL_CAMPAIGN_STRIDE: every so many points (1:
 * all of them); else each test's own.
 */
#ifndef WTL_TESTS_CAMPAIGN_H
#define WTL_TESTS_CAMPAIGN_H

#include "device/device.h"

#include <stdbool.h>
#include <sys/types.h>

struct campaign_want {
    const char *device;
    enum wtl_knob knob;
    struct wtl_knob_value value, changed; /* what a lease sets; what a change of it sets */
};

enum campaign_left { LEFT_PRIOR, LEFT_SET, LEFT_CHANGED, LEFT_OTHER };

enum campaign_cycle {
    CYCLE_LOAN,       /* taken, set, put back */
    CYCLE_DEAD,       /* taken, set, the holder is killed: its guardian puts back */
    CYCLE_UNGUARDED,  /* taken, the guardian is killed, set, put back */
    CYCLE_STANDING,   /* taken, set, kept */
    CYCLE_CHANGE,     /* one that stands is taken over, set to other values, kept */
    CYCLE_END,        /* one that stands is ended, by `restore --all` */
    CAMPAIGN_N_CYCLES /* names: campaign_cycle_name() */
};

const char *campaign_cycle_name(enum campaign_cycle cycle);

/* Where leases are taken. The functions get `ctx`. */
struct campaign_place {
    const char *title;
    const struct campaign_want *wants;
    int n_wants;
    int64_t deadline_ns; /* the longest that a guardian is waited for after its holder's death */
    /* The program that is the guardian, wattle or one that calls campaign_be_guardian(); NULL: a
     * fork of the holder, which is no choice where the holder has a vendor's library loaded. */
    const char *guardian;
    void *ctx;
    /* The devices, in the process under test. Nobody closes the files of it: the process ends. */
    int (*open)(void *ctx, struct wtl_machine **machine_out, struct wtl_error *err);
    void (*reset)(void *ctx); /* everything as before the lease */
    enum campaign_left (*look)(void *ctx);
    /* From now on the at-th call (from 1) of those that the fault can strike fails, with `for_good`
     * all later ones, too; disarm() says whether one did. */
    void (*arm)(void *ctx, int fault, long at, bool for_good);
    bool (*disarm)(void *ctx);
};

struct campaign {
    struct campaign_place place;
    char dir[512], state_dir[600];
    struct campaign_shared *shared;
};

/* Of a program that was started as `PROGRAM guardian ...`: the exit status. */
int campaign_be_guardian(int argc, char **argv,
                         int (*open)(void *ctx, struct wtl_machine **machine_out,
                                     struct wtl_error *err),
                         void *ctx);

void campaign_open(struct campaign *c, const struct campaign_place *place);
void campaign_close(struct campaign *c);

struct campaign_count {
    long n, changed;
};

/* WTL_CAMPAIGN_STRIDE, or `usual`. */
long campaign_stride(long usual);

/* The fault at every stride-th call of the cycle, once or for good; adds to *count. */
void campaign_fail(struct campaign *c, enum campaign_cycle cycle, int fault, bool for_good,
                   long stride, struct campaign_count *count);

enum campaign_victim { VICTIM_HOLDER, VICTIM_GUARDIAN, VICTIM_BOTH };

/* The victim is killed before every stride-th system call of its; `alone`: what is left must be so
 * without a next start. False: nothing may be traced here. */
bool campaign_kill(struct campaign *c, enum campaign_cycle cycle, enum campaign_victim victim,
                   bool alone, long stride, struct campaign_count *count);

/* Prints the line of the campaign, and fails the test where anything was left changed, or fewer
 * than `least` points were tried. */
void campaign_report(const char *title, const char *what, const struct campaign_count *count,
                     long least);

#endif
