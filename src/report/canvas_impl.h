/* SPDX-License-Identifier: Apache-2.0
 * Inside of the canvas; for canvas.c and canvas_text.c only. */
#ifndef WTL_REPORT_CANVAS_IMPL_H
#define WTL_REPORT_CANVAS_IMPL_H

#include "report/canvas.h"

#include "base/clock.h"
#include "report/escape.h"

#include <cairo.h>
#include <stdio.h>

struct wtl_canvas {
    struct wtl_alloc alloc;
    struct wtl_fonts *fonts;
    enum wtl_canvas_format format;
    double scale;
    cairo_surface_t *surface;
    cairo_t *cr;
    struct wtl_buf bytes;
    struct wtl_svg_shared *shared;
    bool failed; /* text is missing: memory was out */
    int outline; /* last entry of level 0 */
    char id[80];
    char title[400];
};

#endif
