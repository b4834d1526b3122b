/* SPDX-License-Identifier: Apache-2.0
 *
 * Lengths of prompts and of answers, in tokens: one number, or drawn from a distribution.
 */
#ifndef WTL_LOAD_LENGTHS_H
#define WTL_LOAD_LENGTHS_H

#include "base/error.h"
#include "base/random.h"

enum wtl_lengths_kind {
    WTL_LENGTHS_FIXED,     /* "128" */
    WTL_LENGTHS_UNIFORM,   /* "64-512": both ends included */
    WTL_LENGTHS_NORMAL,    /* "normal:512,128": mean, standard deviation */
    WTL_LENGTHS_LOGNORMAL, /* "lognormal:512,400": mean and standard deviation of the lengths */
};

struct wtl_lengths {
    enum wtl_lengths_kind kind;
    double a, b;
};

/* Every number within 1..WTL_LIMIT_TOKENS (deviations: 0 on). -WTL_USAGE quotes the text. */
int wtl_lengths_parse(const char *text, struct wtl_lengths *out, struct wtl_error *err);

/* At least 1, at most WTL_LIMIT_TOKENS: what a distribution gives beyond is moved there. */
uint32_t wtl_lengths_draw(const struct wtl_lengths *l, struct wtl_rng *rng);

#endif
