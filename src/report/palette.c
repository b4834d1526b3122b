/* SPDX-License-Identifier: Apache-2.0
 * The colours. */
#include "report/palette.h"

#include <math.h>

static struct wtl_rgb from_hex(unsigned hex)
{
    return (struct wtl_rgb){(hex >> 16 & 255) / 255.0, (hex >> 8 & 255) / 255.0,
                            (hex & 255) / 255.0};
}

struct wtl_rgb wtl_color(enum wtl_color color)
{
    static const unsigned table[] = {
        [WTL_COLOR_BLUE] = 0x0072b2,       [WTL_COLOR_VERMILLION] = 0xd55e00,
        [WTL_COLOR_GREEN] = 0x009e73,      [WTL_COLOR_ORANGE] = 0xe69f00,
        [WTL_COLOR_PURPLE] = 0xcc79a7,     [WTL_COLOR_SKY] = 0x56b4e9,
        [WTL_COLOR_YELLOW] = 0xf0e442,     [WTL_COLOR_BLACK] = 0x000000,
        [WTL_COLOR_INK] = 0x1a1a1a,        [WTL_COLOR_MUTED] = 0x5c5c5c,
        [WTL_COLOR_AXIS] = 0x4d4d4d,       [WTL_COLOR_GRID] = 0xd6d6d6,
        [WTL_COLOR_GRID_MINOR] = 0xececec, [WTL_COLOR_PANEL] = 0xf2f2f2,
        [WTL_COLOR_WHITE] = 0xffffff,
    };
    return from_hex(table[color]);
}

static double encode(double linear)
{
    double v = fmin(fmax(linear, 0), 1);
    return v <= 0.0031308 ? 12.92 * v : 1.055 * pow(v, 1 / 2.4) - 0.055;
}

static double decode(double v)
{
    return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}

/* OKLab to sRGB, matrices of the paper's reference implementation. */
static struct wtl_rgb from_oklab(double lightness, double a, double b)
{
    double l = pow(lightness + 0.3963377774 * a + 0.2158037573 * b, 3);
    double m = pow(lightness - 0.1055613458 * a - 0.0638541728 * b, 3);
    double s = pow(lightness - 0.0894841775 * a - 1.2914855480 * b, 3);
    return (struct wtl_rgb){
        encode(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
        encode(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
        encode(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s),
    };
}

struct wtl_rgb wtl_color_sequential(double t)
{
    const double pi = 3.14159265358979323846;
    t = fmin(fmax(t, 0), 1);
    double lightness = 0.30 + 0.62 * t;
    double hue = (285 - 185 * t) * pi / 180; /* blue, teal, green, yellow */
    double chroma = 0.105 + 0.04 * t * t;    /* stays inside sRGB on this path */
    return from_oklab(lightness, chroma * cos(hue), chroma * sin(hue));
}

double wtl_color_luminance(struct wtl_rgb c)
{
    return 0.2126 * decode(c.r) + 0.7152 * decode(c.g) + 0.0722 * decode(c.b);
}

struct wtl_rgb wtl_color_on(struct wtl_rgb background)
{
    /* The better of the two contrast ratios (L1 + 0.05) / (L2 + 0.05). */
    double l = wtl_color_luminance(background) + 0.05;
    struct wtl_rgb ink = wtl_color(WTL_COLOR_INK);
    return l / (wtl_color_luminance(ink) + 0.05) > 1.05 / l ? ink : wtl_color(WTL_COLOR_WHITE);
}
