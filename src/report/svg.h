/* SPDX-License-Identifier: Apache-2.0
 *
 * What cairo's SVG lacks for our use: ids that are the same in every process and unique within a
 * page of many figures, and a title for screen readers.
 */
#ifndef WTL_REPORT_SVG_H
#define WTL_REPORT_SVG_H

#include "base/error.h"
#include "base/text.h"

/* Outlines of letters that an earlier figure of the same page has already defined. */
struct wtl_svg_glyphs;
struct wtl_svg_glyphs *wtl_svg_glyphs_new(struct wtl_arena *arena); /* NULL: out of memory */

/* Copies the SVG document `in` to `out` with every id (and every reference to it) renamed to
 * PREFIX followed by a number in order of appearance, coordinates rounded to 0.01 point, equal
 * styles as classes PREFIXcN, and `title` (may be NULL) as its title. With `glyphs` (may be NULL)
 * letters get ids gN that all figures of a page share, and each is defined once: such a document
 * has its place in that page only. -WTL_NOMEM; -WTL_CORRUPT when `in` is not what cairo writes. */
int wtl_svg_finish(struct wtl_alloc alloc, const char *in, const char *prefix, const char *title,
                   struct wtl_svg_glyphs *glyphs, struct wtl_buf *out, struct wtl_error *err);

/* The part of a finished document that stands in an HTML page: from "<svg" on. */
const char *wtl_svg_inline(const char *svg);

#endif
