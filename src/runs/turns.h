/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether the rows of one stream come from two GPUs that take turns: two jobs wrote into one file,
 * with the same sampler, the same columns and the same "GPU 0". Internal to runs/.
 *
 * Evidence is either two energy counters between which the rows go to and fro (a counter that
 * starts anew is left once and never met again), or, where there is no counter, a power that jumps
 * from row to row and hardly changes from every row to the next but one, while the temperature, the
 * used memory or the spacing in time does the same. Power alone is no evidence: a load whose
 * period is twice the sampler's looks alike.
 */
#ifndef WTL_RUNS_TURNS_H
#define WTL_RUNS_TURNS_H

#include "core/sample.h"

#include <stddef.h>

enum { WTL_TURNS_TRACKS = 4 };

/* One counter: its values rise, by no more than WTL_COUNTER_JUMP_MAX_J at once. */
struct wtl_track {
    double last_j;
    int64_t rows, grown;
};

/* Sums of |x[i] - x[i-1]| and |x[i] - x[i-2]|. */
struct wtl_alternation {
    int64_t n;
    double last, before; /* x[n-1], x[n-2] */
    double near, far;
    double sum; /* of x */
};

struct wtl_turns {
    struct wtl_track track[WTL_TURNS_TRACKS];
    int n_tracks, current;
    int64_t switches;
    struct wtl_alternation power, temp, memory, gap;
};

void wtl_turns_begin(struct wtl_turns *t);

/* Values in order of rows; missing ones are left out. */
void wtl_turns_counter(struct wtl_turns *t, const double *value_j, int n);
void wtl_alternation_add(struct wtl_alternation *a, const double *x, int n);

/* True when two GPUs take turns; writes who they are: "two energy counters take turns: ...". */
bool wtl_turns_found(const struct wtl_turns *t, char *text, size_t size);

#endif
