/* SPDX-License-Identifier: Apache-2.0
 *
 * Tags of an SVG as attributes, and the style among them in few bytes.
 */
#ifndef WTL_REPORT_SVG_STYLE_H
#define WTL_REPORT_SVG_STYLE_H

#include "base/text.h"

enum { WTL_SVG_ATTRIBUTES_MAX = 24 };

struct wtl_svg_attribute {
    struct wtl_view name, value;
};

struct wtl_svg_tag {
    struct wtl_view name; /* "path"; of an end tag "/path" */
    struct wtl_svg_attribute attributes[WTL_SVG_ATTRIBUTES_MAX];
    size_t n;
    bool empty;       /* ends with "/>" */
    const char *text; /* from '<' */
    const char *end;  /* after '>' */
};

/* Reads the tag at `s`, which is at a '<'. False when it has no end or too many attributes. */
bool wtl_svg_tag_read(const char *s, struct wtl_svg_tag *out);

/* Value of an attribute; n = 0 when it has none. */
struct wtl_view wtl_svg_attribute(const struct wtl_svg_tag *tag, const char *name);

/* Whether an attribute says how a shape is painted: `style`, `fill`, `stroke-width` ... cairo 1.16
 * writes the first, 1.18 the others. */
bool wtl_svg_is_style(struct wtl_view name);

/* The style of a tag as declarations in a fixed order, without those that change nothing for shapes
 * whose lines have round joins; "" for a tag without. *opaque_out: shapes of this style may be
 * drawn as one. False when some part of it is not understood. */
bool wtl_svg_style(const struct wtl_svg_tag *tag, struct wtl_buf *out, bool *opaque_out);

#endif
