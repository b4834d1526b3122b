/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists of clocks in MHz, ascending and without repeats: which clocks a GPU has, which ones are
 * allowed.
 */
#ifndef WTL_CORE_CLOCKS_H
#define WTL_CORE_CLOCKS_H

#include "base/alloc.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct wtl_clocks {
    const int *mhz;
    size_t n;
};

/* "510,525,1380", "510-1410:15" (a range with its step; a step may have decimals, its clocks are
 * cut to whole MHz as the driver reports them), both mixed, separated by commas or blanks. Lines
 * that start with '#' and the header "graphics [MHz]" are passed over and "MHz" after a number is
 * fine, so that `nvidia-smi --query-supported-clocks=gr --format=csv` output is a list.
 * -WTL_USAGE quotes the bad part; -WTL_LIMIT. */
int wtl_clocks_parse(struct wtl_arena *arena, const char *text, struct wtl_clocks *out,
                     struct wtl_error *err);

bool wtl_clocks_contain(const struct wtl_clocks *clocks, int mhz);

#endif
