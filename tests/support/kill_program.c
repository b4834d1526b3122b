/* SPDX-License-Identifier: Apache-2.0
 *
 *   kill-at first|descendants|all N COMMAND ARGUMENT...
 *
 * Runs the command and kills who is meant at the N-th system-call stop (0: never); waits for all
 * that it started. Prints "STOPS KILLED". 77: nothing may be traced here.
 */
#include "support/kill_at.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void become(void *ctx)
{
    char **argv = ctx;
    execvp(argv[0], argv);
    _exit(127);
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    enum kill_who who = strcmp(argv[1], "first") == 0 ? KILL_FIRST
                        : strcmp(argv[1], "all") == 0 ? KILL_ALL
                                                      : KILL_DESCENDANTS;
    struct kill_result r = kill_at(become, argv + 3, who, atol(argv[2]));
    if (r.no_trace)
        return 77;
    printf("%ld %d\n", r.stops, r.killed);
    return 0;
}
