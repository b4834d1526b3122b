/* SPDX-License-Identifier: Apache-2.0
 *
 * Two doubles side by side in one register, which every 64-bit machine has. For the few loops in
 * which a plan spends its time: compilers turn a plain loop into this at -O3, but not at -O2. What
 * is added in which order stays in the source, so that results are the same bits everywhere.
 */
#ifndef WTL_BASE_PAIR_H
#define WTL_BASE_PAIR_H

#include <stdint.h>
#include <string.h>

typedef double wtl_pair __attribute__((vector_size(16)));
typedef int64_t wtl_pair_bits __attribute__((vector_size(16)));

/* From and to any place that a double may have. */
static inline wtl_pair wtl_pair_load(const double *p)
{
    wtl_pair v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void wtl_pair_store(double *p, wtl_pair v)
{
    memcpy(p, &v, sizeof v);
}

static inline wtl_pair wtl_pair_abs(wtl_pair v)
{
    const wtl_pair_bits all_but_sign = {INT64_MAX, INT64_MAX};
    return (wtl_pair)((wtl_pair_bits)v & all_but_sign);
}

#endif
