/* SPDX-License-Identifier: Apache-2.0
 *
 * What the user of `wattle top` has chosen, and what a key or a click changes. No drawing and no
 * terminal: keys are the codes below, clicks are cells, and the view leaves behind what stands
 * where.
 */
#ifndef WTL_CLI_TOP_UI_H
#define WTL_CLI_TOP_UI_H

#include "cli/top_model.h"

/* Printable keys are themselves. */
enum top_key {
    TOP_KEY_UP = 0x100,
    TOP_KEY_DOWN,
    TOP_KEY_PAGE_UP,
    TOP_KEY_PAGE_DOWN,
    TOP_KEY_HOME,
    TOP_KEY_END,
    TOP_KEY_ENTER,
    TOP_KEY_TAB,
    TOP_KEY_ESCAPE,
    TOP_KEY_REDRAW,    /* Ctrl-L */
    TOP_KEY_INTERRUPT, /* Ctrl-C, where it comes as a key */
    TOP_KEY_F1 = 0x200,
    TOP_KEY_F12 = TOP_KEY_F1 + 11,
};
#define TOP_KEY_F(n) (TOP_KEY_F1 + (n)-1)

enum top_page { TOP_PAGE_MAIN, TOP_PAGE_HELP, TOP_PAGE_DETAILS };
enum top_layout { TOP_LAYOUT_AUTO, TOP_LAYOUT_PANELS, TOP_LAYOUT_LINES, TOP_N_LAYOUTS };

/* A place on the screen that does something when it is clicked. */
enum top_target { TOP_HIT_DEVICE, TOP_HIT_PROCESS, TOP_HIT_SORT, TOP_HIT_KEY };
struct top_hit {
    int row, column, rows, columns;
    enum top_target target;
    int value; /* device index, process row, enum top_sort, key */
};

enum { TOP_HITS = 256 };

struct top_ui {
    enum top_page page;
    enum top_layout layout;
    bool tree, paused, quit;
    bool batch;        /* printed, not looked at: no keys, no cursor, no chart */
    bool on_processes; /* where the cursor is: devices, or processes */
    int device;        /* selected: index into the model's devices */
    int process;       /* row of the list under the cursor */
    int device_top;    /* first line of devices, processes, page that is shown */
    int process_top;
    int page_top;
    int64_t interval_ns;
    bool interval_changed; /* by the last key; the owner clears it */
    bool redraw;           /* everything anew */

    /* Left by the view. */
    int n_hits;
    struct top_hit hit[TOP_HITS];
    int device_rows, process_rows, page_rows; /* lines that were shown of each list */
};

void top_ui_init(struct top_ui *ui, const struct top_model *m, int64_t interval_ns);

/* What a key does. False: nothing. */
bool top_ui_key(struct top_ui *ui, struct top_model *m, int key);

/* Button 1 on a cell; the wheel: -1 up, 1 down. */
bool top_ui_click(struct top_ui *ui, struct top_model *m, int row, int column);
bool top_ui_wheel(struct top_ui *ui, struct top_model *m, int row, int column, int direction);

/* For the view: what will be found at a click. */
void top_ui_hit(struct top_ui *ui, enum top_target target, int value, int row, int column, int rows,
                int columns);

#endif
