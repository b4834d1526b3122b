/* SPDX-License-Identifier: Apache-2.0
 *
 * What is known of boards: which clocks they have. One YAML file a board under data/boards, each
 * with its source. The legal list comes from the driver where there is one; these tables stand in
 * for it where there are only traces.
 */
#ifndef WTL_BOARD_BOARD_FILE_H
#define WTL_BOARD_BOARD_FILE_H

#include "base/alloc.h"
#include "base/error.h"
#include "core/clocks.h"

#include <stdbool.h>

struct wtl_board {
    char name[96];           /* as the driver says: "Tesla V100-PCIE-32GB" */
    const char *const *also; /* short names that traces use for it: "V100" */
    size_t n_also;
    struct wtl_clocks clocks; /* SM clocks */
    int default_clock_mhz;    /* default application clock; 0: unknown */
    const double *memory_clocks_mhz;
    size_t n_memory_clocks;
    bool locks_memory_clock; /* Ampere and later */
    double power_limit_w;    /* 0: unknown */
    const char *source;
};

int wtl_board_parse(struct wtl_arena *arena, const char *text, size_t size, const char *file,
                    struct wtl_board *out, struct wtl_error *err);

/* All shipped boards, in order of file name. */
int wtl_boards_load(struct wtl_arena *arena, struct wtl_board **boards_out, size_t *n_out,
                    struct wtl_error *err);

/* The board that goes by this name (folded), or NULL. A short name such as "V100" stands for
 * several boards: see wtl_board_fits(). */
const struct wtl_board *wtl_board_find(const struct wtl_board *boards, size_t n, const char *name);

/* Whether runs at these clocks can be of this board: none above its highest, and most on its list.
 * A single label that the board does not have is the driver's rounding or a typing error. */
bool wtl_board_fits(const struct wtl_board *board, const struct wtl_clocks *clocks);

#endif
