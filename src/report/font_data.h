/* SPDX-License-Identifier: Apache-2.0
 *
 * The vendored font (data/fonts), compiled in: figures and documents do not depend on the fonts of
 * the machine. Written by embed_font.py at build time.
 */
#ifndef WTL_REPORT_FONT_DATA_H
#define WTL_REPORT_FONT_DATA_H

extern const unsigned char wtl_font_regular[];
extern const unsigned wtl_font_regular_size;
extern const unsigned char wtl_font_bold[];
extern const unsigned wtl_font_bold_size;

#endif
