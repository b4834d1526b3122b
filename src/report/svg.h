/* SPDX-License-Identifier: Apache-2.0
 *
 * What cairo's SVG lacks for our use: few bytes, ids that are the same in every process and unique
 * within a page of many figures, and a title for screen readers.
 */
#ifndef WTL_REPORT_SVG_H
#define WTL_REPORT_SVG_H

#include "base/error.h"
#include "base/text.h"

/* Letters, words and styles that an earlier figure of the same page has already defined. */
struct wtl_svg_shared;
struct wtl_svg_shared *wtl_svg_shared_new(struct wtl_arena *arena); /* NULL: out of memory */

/* A fill of this colour and opacity is drawn with a seam around it: white behind letters. */
#define WTL_SVG_HALO_OPACITY 0.85

/* Copies the SVG document `in` to `out`: coordinates rounded to 0.01 point, neighbouring shapes of
 * one opaque style as one path, equal styles as classes, equal words drawn by reference, and
 * `title` (may be NULL) as its title. Every id and class is PREFIX followed by a letter and a
 * number in order of appearance. With `shared` (may be NULL) what an earlier figure of the page has
 * defined is not defined again, and the prefix is empty: such a document has its place in that page
 * only. What is not understood is copied as it is. -WTL_NOMEM; -WTL_CORRUPT when `in` is no SVG. */
int wtl_svg_finish(struct wtl_alloc alloc, const char *in, const char *prefix, const char *title,
                   struct wtl_svg_shared *shared, struct wtl_buf *out, struct wtl_error *err);

/* The part of a finished document that stands in an HTML page: from "<svg" on. */
const char *wtl_svg_inline(const char *svg);

#endif
