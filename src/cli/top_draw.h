/* SPDX-License-Identifier: Apache-2.0
 *
 * Bars, sparklines and charts in cells: eighths of blocks and braille dots, or ASCII.
 */
#ifndef WTL_CLI_TOP_DRAW_H
#define WTL_CLI_TOP_DRAW_H

#include "cli/top_model.h"
#include "cli/top_screen.h"

/* A bar of `width` columns that is filled to `share` (cut to 0..1). Nothing where it is not known.
 */
void top_bar(struct top_screen *s, int row, int column, int width, enum top_style style,
             struct top_value share);

/* The newest `width` values, the newest at the right end; `scale` is a full column. Gaps stay
 * blank; a value above 0 is never blank. */
void top_sparkline(struct top_screen *s, int row, int column, int width, enum top_style style,
                   const struct top_series *series, double scale);

/* The same over several rows, two values a column (one in ASCII). */
void top_chart(struct top_screen *s, int row, int column, int rows, int width, enum top_style style,
               const struct top_series *series, double scale);

/* The least of 1, 2, 5 times a power of ten that is not below x; 1 for what is not above 0. */
double top_round_scale(double x);

#endif
