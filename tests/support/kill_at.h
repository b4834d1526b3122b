/* SPDX-License-Identifier: Apache-2.0
 *
 * Kills processes at their n-th system call, by ptrace: before it is done, or after. For tests that
 * a crash at any point leaves nothing behind.
 */
#ifndef WTL_TESTS_KILL_AT_H
#define WTL_TESTS_KILL_AT_H

enum kill_who {
    KILL_FIRST,       /* counts and kills the first process; its descendants go on */
    KILL_DESCENDANTS, /* counts and kills those, the first goes on */
    KILL_ALL,         /* counts the stops of all, and kills all */
};

struct kill_result {
    long stops;   /* counted: two for each call, before and after; of kill_at_call() one */
    int killed;   /* whether the n-th came */
    int no_trace; /* nothing may be traced here: nothing was run */
    int status;   /* of the first process, as waitpid() gives it */
};

/* Runs fn(ctx) in a child, and everything that it starts, until all of it has ended. n 0: kills
 * nobody. */
struct kill_result kill_at(void (*fn)(void *ctx), void *ctx, enum kill_who who, long n);

/* The same before the n-th call alone. What is left is what a kill after the call before would have
 * left: between the two there is nothing but the memory of the process, which goes with it. */
struct kill_result kill_at_call(void (*fn)(void *ctx), void *ctx, enum kill_who who, long n);

#endif
