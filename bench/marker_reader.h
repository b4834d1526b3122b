/* SPDX-License-Identifier: Apache-2.0
 *
 * The other end of the socket for programs that measure what marking costs: a thread that takes
 * connections one after the other and reads all that comes; and the table of what was measured.
 */
#ifndef WTL_BENCH_MARKER_READER_H
#define WTL_BENCH_MARKER_READER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

struct bench_reader {
    struct sockaddr_un address; /* sun_path: what WATTLE_MARKERS would be */
    int fd;
};

/* False: no socket or no thread, said on stderr. The thread ends with the program. */
bool bench_reader_start(struct bench_reader *reader);
void bench_reader_stop(struct bench_reader *reader); /* takes the socket away */

enum { BENCH_WAYS = 3, BENCH_ROUNDS_MAX = 1000 };

/* [ROUNDS [WINDOWS]] of the command line, 30 and 10000 unless told. False: as bench_numbers(). */
bool bench_rounds(int argc, char **argv, const char *usage, int *rounds, int *windows, int *status);

/* Median and range of what a window cost, ns, in each of the ways. */
void bench_print_ways(const char *const names[BENCH_WAYS],
                      double cost_ns[BENCH_WAYS][BENCH_ROUNDS_MAX], int rounds, int windows);

#endif
