/* SPDX-License-Identifier: Apache-2.0
 *
 * Which calls of a device go wrong, and how: the plan of `faulty:SPEC:ID`, for tests of everything
 * that must survive a bad device. Plain data; deciding is pure, counted and seeded.
 *
 *   SPEC   = ITEM {"," ITEM}
 *   ITEM   = "seed=" NUMBER | CALL ["/" NAME] "." FAULT ["=" VALUE] ["@" WHEN]
 *   CALL   = read | ring | processes | epoch | errors | get | range | set | any
 *   NAME   = a sensor (read, ring) or a knob (get, range, set): calls that touch that one only
 *   FAULT  = error[=CODE]   the call fails, the device has not seen it. CODE: failed (default),
 *                           permission, timeout, busy, lost, unsupported, usage
 *            late[=CODE]    the device does it, then the call fails; timeout by default
 *            lost           this call and everything after it fail: the device is gone
 *            hang[=TIME]    the call does not come back for TIME; without one, until the device is
 *                           closed
 *            denied         no permission: a failure, or for read an absent value
 *            absent         read: the value is not there, the driver reported an error
 *            stale          read, get: what the last call before gave; ring: nothing new
 *            lie=VALUE      read, get: this value, whatever the device says; needs /NAME. errors:
 *                           one of this number, besides the device's own
 *            ignored        set: success, and nothing is set
 *   WHEN   = N              the N-th such call (from 1)
 *            N-             that one and every later one
 *            N-M            those from N to M
 *            everyN         every N-th
 *            P%             each with this probability, from the seed
 *            without WHEN: every call
 *
 * "set.hang=2s@3,read/power_w.lie=90W@5-,get.error@10%,seed=7"
 */
#ifndef WTL_DEVICE_FAULTY_PLAN_H
#define WTL_DEVICE_FAULTY_PLAN_H

#include "base/error.h"
#include "base/random.h"

#include <stdbool.h>
#include <stdint.h>

enum wtl_fault_call {
    WTL_CALL_READ,
    WTL_CALL_RING,
    WTL_CALL_PROCESSES,
    WTL_CALL_EPOCH,
    WTL_CALL_ERRORS,
    WTL_CALL_GET,
    WTL_CALL_RANGE,
    WTL_CALL_SET,
    WTL_N_CALLS,
    WTL_CALL_ANY = WTL_N_CALLS,
};

enum wtl_fault {
    WTL_FAULT_ERROR,
    WTL_FAULT_LATE,
    WTL_FAULT_LOST,
    WTL_FAULT_HANG,
    WTL_FAULT_DENIED,
    WTL_FAULT_ABSENT,
    WTL_FAULT_STALE,
    WTL_FAULT_LIE,
    WTL_FAULT_IGNORED,
    WTL_N_FAULTS,
};

struct wtl_fault_rule {
    enum wtl_fault_call call;
    enum wtl_fault fault;
    bool has_subject;
    int subject;        /* enum wtl_metric or enum wtl_knob, by the call */
    enum wtl_code code; /* error, late */
    double value;       /* lie: in base units */
    int64_t hang_ns;    /* hang: 0 is until closed */

    /* When, of the calls that the rule is about, counted from 1. All zero: always. */
    int64_t first, last; /* last 0: no end */
    int64_t every;
    bool random;
    double probability;
};

enum { WTL_FAULT_RULES = 16 }; /* one word of bits; a spec is one word of a command line */

struct wtl_fault_plan {
    uint64_t seed;
    int n;
    struct wtl_fault_rule rule[WTL_FAULT_RULES];
};

/* -WTL_USAGE quotes the item and says what may stand there. */
int wtl_fault_plan_parse(const char *spec, struct wtl_fault_plan *plan_out, struct wtl_error *err);

/* How far a plan has come. */
struct wtl_fault_progress {
    struct wtl_rng rng;
    int64_t seen[WTL_FAULT_RULES]; /* calls that each rule was about */
};
void wtl_fault_progress_init(struct wtl_fault_progress *p, const struct wtl_fault_plan *plan);

/* Counts one call and says which rules fire: bit i is rule[i]. `subjects`: the sensors (a word of
 * WTL_METRIC_BIT) or the knob (a word of WTL_KNOB_BIT) that the call is about; 0: none. */
unsigned wtl_fault_decide(struct wtl_fault_progress *p, const struct wtl_fault_plan *plan,
                          enum wtl_fault_call call, uint64_t subjects);

#endif
