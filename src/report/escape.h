/* SPDX-License-Identifier: Apache-2.0
 *
 * Text of users into documents: names of GPUs and workloads, paths, reasons. Everything that is not
 * ours goes through one of these.
 */
#ifndef WTL_REPORT_ESCAPE_H
#define WTL_REPORT_ESCAPE_H

#include "base/text.h"

/* Copies text as clean UTF-8: bad bytes (overlong forms and surrogates too) become U+FFFD, control
 * characters blanks. Always terminated, never ends inside a character. */
void wtl_utf8_clean(const char *text, char *dst, size_t size);

/* Bytes of the first character of clean text; 0 at its end. */
size_t wtl_utf8_next(const char *text);

/* XML and HTML text and attribute values: & < > " ' and control characters, cleaned as above. */
void wtl_escape_xml(struct wtl_buf *out, const char *text);

/* GitHub-flavoured Markdown inside a table cell or paragraph: nothing in `text` acts as markup. */
void wtl_escape_markdown(struct wtl_buf *out, const char *text);

/* A file name or XML id of lower-case letters, digits, '-' and '_': "A100 PCIe" -> "a100-pcie".
 * "x" when nothing is left. Always terminated. */
void wtl_slug(const char *text, char *dst, size_t size);

#endif
