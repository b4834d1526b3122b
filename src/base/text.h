/* SPDX-License-Identifier: Apache-2.0
 *
 * Byte strings: a growing buffer with a mandatory maximum, a view, and locale-free number parsing.
 * The locale is never consulted: a decimal point is a point wherever Wattle runs.
 */
#ifndef WTL_BASE_TEXT_H
#define WTL_BASE_TEXT_H

#include "base/alloc.h"

#include <stdbool.h>
#include <stdint.h>

/* Growing, always NUL-terminated. Failure is sticky: append freely, check `failed` once. */
struct wtl_buf {
    struct wtl_alloc alloc;
    char *data; /* NULL until the first append */
    size_t len;
    size_t cap;
    size_t max;  /* len may not exceed it */
    bool failed; /* out of memory or over max; contents are then a prefix */
};

void wtl_buf_init(struct wtl_buf *buf, struct wtl_alloc alloc, size_t max);
void wtl_buf_fini(struct wtl_buf *buf);
void wtl_buf_clear(struct wtl_buf *buf);
void wtl_buf_add(struct wtl_buf *buf, const char *data, size_t n);
void wtl_buf_puts(struct wtl_buf *buf, const char *s);
void wtl_buf_putc(struct wtl_buf *buf, char c);
void wtl_buf_printf(struct wtl_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The content, "" when empty. */
const char *wtl_buf_str(const struct wtl_buf *buf);

/* A view into bytes owned by somebody else; not NUL-terminated. */
struct wtl_view {
    const char *s;
    size_t n;
};
struct wtl_view wtl_view_of(const char *s);
struct wtl_view wtl_view_trim(struct wtl_view v); /* spaces, tabs, CR, LF at both ends */
bool wtl_view_is(struct wtl_view v, const char *s);
bool wtl_view_is_nocase(struct wtl_view v, const char *s); /* ASCII */

/* Copies a view into a fixed buffer, always terminated; false if it was cut. */
bool wtl_view_copy(struct wtl_view v, char *dst, size_t size);

/* Whole-string decimal numbers, no leading or trailing blanks, no locale, no hex, "inf" and "nan"
 * refused. Correctly rounded. Return false and leave *out alone when the text is no number. */
bool wtl_parse_double(const char *s, size_t n, double *out);
bool wtl_parse_int(const char *s, size_t n, int64_t *out);

/* The shortest decimal that reads back as the same double ("0.1", "1410", "6.02e+23"); always a
 * point, whatever the locale. `value` must be finite. Returns buf. */
enum { WTL_DOUBLE_TEXT = 32 };
const char *wtl_format_double(double value, char buf[WTL_DOUBLE_TEXT]);

bool wtl_starts_with(const char *s, const char *prefix);
bool wtl_ends_with(const char *s, const char *suffix);

/* Length of the UTF-8 sequence (RFC 3629) at `text`; 0 at its end, and where there is none. */
size_t wtl_utf8_sequence(const char *text);
bool wtl_utf8_valid(const char *text);

/* The code point of such a sequence of n bytes. */
uint32_t wtl_utf8_code_point(const char *text, size_t n);

/* The key under which spellings of one workload or GPU meet: ASCII letters in lower case, other
 * letters (bytes from 0x80 on) as they are, and signs and blanks left out, so that "Stable
 * Diffusion", "stable-diffusion" and "StableDiffusion" are one. Between two digits they stay, as
 * '-': "opt-1.3b" is not "opt-13b". A name of signs alone is its own key; "" only that of "".
 * Always terminated. */
void wtl_fold_name(const char *s, char *dst, size_t size);

/* Whether two names have the same key. */
bool wtl_same_name(const char *a, const char *b);

/* For terminals: control characters become '?'. Names and paths come from files, and nothing in
 * them may steer the terminal or break the layout. */
void wtl_replace_controls(char *s);

/* "" for 1, "s" else: "%d run%s". Nothing else in the tree makes plurals. */
const char *wtl_plural(int64_t n);

/* "a" or "an" before a name as it is spoken: an A100, an NVIDIA ..., an RTX, a V100, a Tesla. */
const char *wtl_article(const char *name);

#endif
