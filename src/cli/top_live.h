/* SPDX-License-Identifier: Apache-2.0
 *
 * `wattle top` on a terminal: the loop between sampler, model, view and keys.
 */
#ifndef WTL_CLI_TOP_LIVE_H
#define WTL_CLI_TOP_LIVE_H

#include "cli/top_curses.h"
#include "cli/top_ui.h"

struct top_live {
    struct wtl_machine *machine;
    size_t n;
    int *device; /* indices of the machine's devices that are shown */
    struct wtl_device_sample *samples;
    struct top_model *model;
    struct top_ui ui;
    bool has_book;   /* of this machine, not a recorded one */
    int64_t book_ns; /* when it was looked at last */
    bool abandoned;  /* out: a call hangs; the machine must not be closed */
    int signal;      /* out: the one that ended it; 0: none */
};

/* One reading of all devices into the model, on this thread. */
void top_live_read(struct top_live *live, struct wtl_clock clock, struct wtl_arena *arena);

/* Until the user quits, a signal comes, or `count` readings are shown (0: no end). */
int top_live_run(struct top_live *live, struct wtl_clock clock, int64_t interval_ns, int count,
                 struct top_terminal *terminal, struct wtl_arena *arena, struct wtl_error *err);

#endif
