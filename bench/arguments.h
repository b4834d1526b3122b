/* SPDX-License-Identifier: Apache-2.0
 *
 * Arguments of the programs of this folder and of tests/support: whole numbers within bounds, one
 * usage text for --help and for mistakes. Prints; the library has its own parser of options.
 */
#ifndef WTL_BENCH_ARGUMENTS_H
#define WTL_BENCH_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>

/* One whole number, named as in the usage text. */
struct bench_number {
    const char *name;
    int64_t least, most;
    int64_t value; /* on entry: unless told */
};

/* Fills numbers[0..n) from argv[1..] in order; the last ones may be missing. False when the program
 * is to end with *status_out: 0 after --help, 2 after the complaint about the first mistake. */
bool bench_numbers(int argc, char **argv, const char *usage, struct bench_number *numbers, int n,
                   int *status_out);

/* Reads `text` into number->value. False when it is no whole number within the bounds: said on
 * stderr. */
bool bench_number_read(struct bench_number *number, const char *text);

/* Whether an argument is -h or --help. */
bool bench_is_help(const char *argument);

/* Prints the usage text where it belongs. Returns the exit status: 0 when asked for, else 2. */
int bench_usage(const char *usage, bool asked);

#endif
