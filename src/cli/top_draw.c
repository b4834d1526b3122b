/* SPDX-License-Identifier: Apache-2.0
 * Bars, sparklines, charts. */
#include "cli/top_draw.h"

#include <math.h>

static const char *const eighths_right[] = {" ",      "\u258f", "\u258e", "\u258d", "\u258c",
                                            "\u258b", "\u258a", "\u2589", "\u2588"};
static const char *const eighths_up[] = {" ",      "\u2581", "\u2582", "\u2583", "\u2584",
                                         "\u2585", "\u2586", "\u2587", "\u2588"};
static const char ascii_up[] = " _.-=+*#@";

static double cut(double x)
{
    return x > 1 ? 1 : x > 0 ? x : 0;
}

void top_bar(struct top_screen *s, int row, int column, int width, enum top_style style,
             struct top_value share)
{
    int filled = share.has ? (int)lround(cut(share.value) * width * 8) : 0;
    if (share.has && share.value > 0 && filled == 0)
        filled = 1;
    for (int i = 0; i < width; i++) {
        int part = filled - 8 * i;
        if (part >= 8)
            top_glyph(s, row, column + i, style, eighths_right[8], '#');
        else if (part > 0)
            top_glyph(s, row, column + i, style, eighths_right[part], part >= 4 ? '#' : '.');
        else
            top_glyph(s, row, column + i, TOP_DIM, "\u00b7", '.');
    }
}

static int level(double value, double scale, int steps)
{
    int n = (int)lround(cut(value / scale) * steps);
    return n == 0 && value > 0 ? 1 : n;
}

void top_sparkline(struct top_screen *s, int row, int column, int width, enum top_style style,
                   const struct top_series *series, double scale)
{
    for (int i = 0; i < width; i++) {
        double v = 0;
        if (scale > 0 && top_series_at(series, width - 1 - i, &v)) {
            int n = level(v, scale, 8);
            top_glyph(s, row, column + i, style, eighths_up[n], ascii_up[n]);
        }
    }
}

/* Dots of a braille cell (U+2800 + bits): left and right column, filled from the bottom. */
static void braille(struct top_screen *s, int row, int column, enum top_style style, int left,
                    int right)
{
    static const unsigned lefts[] = {0, 0x40, 0x44, 0x46, 0x47};
    static const unsigned rights[] = {0, 0x80, 0xa0, 0xb0, 0xb8};
    unsigned bits = lefts[left] | rights[right];
    const char text[4] = {(char)0xe2, (char)(0xa0 | bits >> 6), (char)(0x80 | (bits & 0x3f)), 0};
    if (bits)
        top_glyph(s, row, column, style, text, '#');
}

/* How many of the 4 dots of a cell that begins at `base` dots are below `dots`. */
static int dots_in(int dots, int base)
{
    int n = dots - base;
    return n < 0 ? 0 : n > 4 ? 4 : n;
}

static void ascii_column(struct top_screen *s, int row, int column, int rows, enum top_style style,
                         double v, double scale)
{
    int n = level(v, scale, rows);
    for (int k = 0; k < n; k++)
        top_glyph(s, row + rows - 1 - k, column, style, "#", k == n - 1 ? '*' : '|');
}

void top_chart(struct top_screen *s, int row, int column, int rows, int width, enum top_style style,
               const struct top_series *series, double scale)
{
    for (int i = 0; i < width && scale > 0; i++) {
        double v[2] = {0, 0};
        int dots[2];
        if (s->ascii) {
            if (top_series_at(series, width - 1 - i, &v[0]))
                ascii_column(s, row, column + i, rows, style, v[0], scale);
            continue;
        }
        for (int k = 0; k < 2; k++)
            dots[k] = top_series_at(series, 2 * (width - i) - 1 - k, &v[k])
                          ? level(v[k], scale, 4 * rows)
                          : 0;
        for (int r = 0; r < rows; r++)
            braille(s, row + rows - 1 - r, column + i, style, dots_in(dots[0], 4 * r),
                    dots_in(dots[1], 4 * r));
    }
}

double top_round_scale(double x)
{
    if (!(x > 0) || !isfinite(x))
        return 1;
    double decade = pow(10, floor(log10(x)));
    static const double steps[] = {1, 2, 5, 10};
    for (int i = 0; i < 4; i++)
        if (steps[i] * decade >= x * (1 - 1e-9))
            return steps[i] * decade;
    return 10 * decade;
}
