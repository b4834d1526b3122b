/* SPDX-License-Identifier: Apache-2.0
 *
 * Path data of SVG in few bytes: relative to the last point, in hundredths of a point, which is
 * finer than any printer. Rounding does not add up: every point is rounded where it stands.
 */
#ifndef WTL_REPORT_SVG_PATH_H
#define WTL_REPORT_SVG_PATH_H

#include "base/text.h"

#include <stdint.h>

/* Where the pen stands, in hundredths; zeroed at the beginning of a path. */
struct wtl_svg_pen {
    int64_t x, y, start_x, start_y;
    bool begun;
    char command; /* the last one written: the same again needs no letter */
};

/* Appends the path data `d` (M, L, C and Z with absolute numbers, as cairo writes them) behind what
 * `pen` has drawn. False, with nothing appended, for data of any other kind. */
bool wtl_svg_path_add(struct wtl_buf *out, struct wtl_svg_pen *pen, struct wtl_view d);

/* v / 100 without zeros that say nothing: "-.5", "12". Preceded by a blank when `out` ends with a
 * digit that it would run into. */
void wtl_svg_number(struct wtl_buf *out, int64_t v);

/* A decimal number in hundredths; false when `v` is none or out of range. */
bool wtl_svg_hundredths(struct wtl_view v, int64_t *out);

#endif
