/* SPDX-License-Identifier: Apache-2.0
 *
 * The terminal of `wattle top`: shows cells, hands on keys, clicks and sizes. The one place that
 * knows curses. Whatever ends the program, the terminal is put back first.
 */
#ifndef WTL_CLI_TOP_CURSES_H
#define WTL_CLI_TOP_CURSES_H

#include "base/error.h"
#include "cli/top_screen.h"

struct top_terminal {
    bool colour; /* in */
    bool ascii;  /* in */
};

/* Takes over the terminal. -WTL_UNSUPPORTED in a build without curses or on a terminal that cannot
 * be steered. */
int top_terminal_open(struct top_terminal *t, struct wtl_error *err);
void top_terminal_close(void);

void top_terminal_size(int *rows_out, int *columns_out);

/* `anew`: everything, not only what changed. */
void top_terminal_show(const struct top_screen *s, bool anew);

enum top_event {
    TOP_EVENT_NONE,
    TOP_EVENT_KEY,
    TOP_EVENT_CLICK,
    TOP_EVENT_WHEEL,
    TOP_EVENT_RESIZE
};
struct top_input {
    enum top_event event;
    int key; /* as in top_ui.h */
    int row, column;
    int direction; /* of the wheel */
};

/* The next thing that was typed or clicked, without waiting. */
struct top_input top_terminal_input(void);

/* Waits for input, for `fd` (-1: none) or for `timeout_ms`. False: a signal asks the program to
 * end: top_terminal_signal() says which. */
bool top_terminal_wait(int fd, int timeout_ms);
int top_terminal_signal(void);

#endif
