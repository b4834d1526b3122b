/* SPDX-License-Identifier: Apache-2.0
 * xoshiro256** and what is drawn from it. */
#include "base/random.h"

#include <math.h>

static uint64_t splitmix64(uint64_t *x)
{
    uint64_t z = (*x += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void wtl_rng_init(struct wtl_rng *rng, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        rng->s[i] = splitmix64(&seed);
}

void wtl_rng_init_stream(struct wtl_rng *rng, uint64_t seed, uint64_t stream)
{
    uint64_t mixed = splitmix64(&seed);
    mixed ^= splitmix64(&stream) * UINT64_C(0xd1342543de82ef95);
    wtl_rng_init(rng, mixed);
}

static uint64_t rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

uint64_t wtl_rng_next(struct wtl_rng *rng)
{
    uint64_t *s = rng->s;
    uint64_t result = rotl(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

double wtl_rng_uniform(struct wtl_rng *rng)
{
    return (double)(wtl_rng_next(rng) >> 11) * 0x1.0p-53;
}

uint32_t wtl_rng_below(struct wtl_rng *rng, uint32_t n)
{
    /* Lemire 2019: multiply and reject the short remainder. */
    uint64_t m = (wtl_rng_next(rng) >> 32) * n;
    if ((uint32_t)m < n) {
        uint32_t threshold = (uint32_t)(-n) % n;
        while ((uint32_t)m < threshold)
            m = (wtl_rng_next(rng) >> 32) * n;
    }
    return (uint32_t)(m >> 32);
}

double wtl_rng_normal(struct wtl_rng *rng)
{
    for (;;) {
        double u = 2 * wtl_rng_uniform(rng) - 1;
        double v = 2 * wtl_rng_uniform(rng) - 1;
        double q = u * u + v * v;
        if (q > 0 && q < 1)
            return u * sqrt(-2 * log(q) / q);
    }
}

double wtl_rng_exponential(struct wtl_rng *rng)
{
    return -log1p(-wtl_rng_uniform(rng));
}

void wtl_rng_shuffle(struct wtl_rng *rng, int *items, int n)
{
    for (int i = n - 1; i > 0; i--) {
        int j = (int)wtl_rng_below(rng, (uint32_t)i + 1);
        int t = items[i];
        items[i] = items[j];
        items[j] = t;
    }
}
