/* SPDX-License-Identifier: Apache-2.0
 *
 * Colours that colour-blind readers and grey prints can tell apart. Categories: Okabe and Ito,
 * "Color Universal Design" (2008); pages of ours never rely on colour alone, marks and dashes
 * differ too. Magnitudes: a map of our own, evenly spaced in lightness of OKLab (Ottosson, "A
 * perceptual color space for image processing", 2020), dark blue to light yellow.
 */
#ifndef WTL_REPORT_PALETTE_H
#define WTL_REPORT_PALETTE_H

#include "report/canvas.h"

enum wtl_color {
    WTL_COLOR_BLUE,
    WTL_COLOR_VERMILLION,
    WTL_COLOR_GREEN,
    WTL_COLOR_ORANGE,
    WTL_COLOR_PURPLE,
    WTL_COLOR_SKY,
    WTL_COLOR_YELLOW,
    WTL_COLOR_BLACK,
    WTL_N_COLORS, /* categories end here; what follows is ink */
    WTL_COLOR_INK = WTL_N_COLORS,
    WTL_COLOR_MUTED, /* secondary text: contrast 5.7 on white */
    WTL_COLOR_AXIS,
    WTL_COLOR_GRID,
    WTL_COLOR_GRID_MINOR,
    WTL_COLOR_PANEL, /* shading of empty cells */
    WTL_COLOR_WHITE,
};

struct wtl_rgb wtl_color(enum wtl_color color);

/* 0 dark .. 1 light; what is outside is clamped. */
struct wtl_rgb wtl_color_sequential(double t);

/* Relative luminance 0..1 (WCAG 2). */
double wtl_color_luminance(struct wtl_rgb color);

/* Ink that reads on `background`: dark or white. */
struct wtl_rgb wtl_color_on(struct wtl_rgb background);

#endif
