/* SPDX-License-Identifier: Apache-2.0
 *
 * A virtual machine room for a test: its host is a child of the test program, in a directory of the
 * test's own (WATTLE_RUN_DIR is set to it).
 */
#ifndef WTL_TESTS_ROOM_H
#define WTL_TESTS_ROOM_H

#include "simhost/client.h"
#include "simhost/host.h"

#include <sys/types.h>

struct test_room {
    char run[256]; /* WATTLE_RUN_DIR */
    char dir[300]; /* run/sim */
    pid_t host;
    int stop_fd;
};

/* Starts `n` plain boards (no product's); the third has the driver of an old one, that can do
 * nothing but read. Fails the test when it cannot. */
void test_room_start(struct test_room *room, int n, bool persistence);

/* Another host in the same directory, after a kill. */
void test_room_start_again(struct test_room *room, int n);

/* Ends the host with a signal, waits for it, and returns its status as wait() gives it; 0 asks it
 * to stop. The directory stays. */
int test_room_end(struct test_room *room, int signal);

/* The same, and removes the directory. */
void test_room_stop(struct test_room *room);

/* Asks `what` every few milliseconds until it is true, 5 s at most; false when it never was. */
bool test_wait(bool (*what)(void *ctx), void *ctx);

#endif
