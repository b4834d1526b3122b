/* SPDX-License-Identifier: Apache-2.0
 *
 * Injected randomness: xoshiro256** (Blackman and Vigna 2021, doi:10.1145/3460772) seeded through
 * splitmix64. One seed gives one sequence on every machine.
 */
#ifndef WTL_BASE_RANDOM_H
#define WTL_BASE_RANDOM_H

#include <stdint.h>

struct wtl_rng {
    uint64_t s[4];
};

void wtl_rng_init(struct wtl_rng *rng, uint64_t seed);

/* An independent stream: same seed and different `stream` never share a sequence. */
void wtl_rng_init_stream(struct wtl_rng *rng, uint64_t seed, uint64_t stream);

uint64_t wtl_rng_next(struct wtl_rng *rng);
double wtl_rng_uniform(struct wtl_rng *rng);             /* [0, 1) */
uint32_t wtl_rng_below(struct wtl_rng *rng, uint32_t n); /* [0, n), unbiased; n > 0 */
double wtl_rng_normal(struct wtl_rng *rng);              /* mean 0, variance 1 (polar method) */
double wtl_rng_exponential(struct wtl_rng *rng);         /* mean 1 */
void wtl_rng_shuffle(struct wtl_rng *rng, int *items, int n); /* Fisher-Yates */

#endif
