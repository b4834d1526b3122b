/* SPDX-License-Identifier: Apache-2.0
 *
 * Places text beside the point that it speaks of, so that it covers no other text, stays inside the
 * plot and covers as little data as possible. Pure geometry: sizes are measured by the caller.
 */
#ifndef WTL_REPORT_LABELS_H
#define WTL_REPORT_LABELS_H

#include <stdbool.h>
#include <stddef.h>

struct wtl_box {
    double x0, y0, x1, y1;
};

bool wtl_box_overlap(struct wtl_box a, struct wtl_box b);

struct wtl_label {
    double anchor_x, anchor_y;
    double width, height;
    struct wtl_box box; /* out */
    bool placed;        /* out; false: there is no free place in the plot */
};

/* Whether the line from `from`, a box of the label, to its anchor runs through `box`. */
bool wtl_leader_meets(const struct wtl_label *l, struct wtl_box from, struct wtl_box box);

/* Places the labels one after another. Where there is room, no label stands on the line of another
 * and no two of these lines cross. `data` boxes are avoided by weight, `blocked` ones and other
 * labels strictly. */
void wtl_labels_place(struct wtl_label *labels, size_t n, struct wtl_box plot,
                      const struct wtl_box *data, size_t n_data, const struct wtl_box *blocked,
                      size_t n_blocked);

#endif
