/* SPDX-License-Identifier: Apache-2.0
 *
 * Columns that text takes on a terminal: two for wide characters (Chinese, Japanese, Korean, most
 * pictographs), none for marks that stand on the letter before them, one for the others. After
 * Unicode Standard Annex 11 (East Asian Width W and F) and general categories Mn, Me and Cf, by
 * ranges; the locale is never consulted. Bytes that are no UTF-8 count as one column each.
 */
#ifndef WTL_BASE_COLUMNS_H
#define WTL_BASE_COLUMNS_H

#include <stddef.h>

/* Columns of the first n bytes of `text`, or of all of it where that is less. */
int wtl_columns_of_bytes(const char *text, size_t n);
int wtl_columns(const char *text);

/* Bytes of the longest start of `text` that takes at most so many columns. */
size_t wtl_columns_start(const char *text, int columns);

/* Where the longest end of `text` begins that takes at most so many columns. A mark is not parted
 * from its letter. */
size_t wtl_columns_end(const char *text, int columns);

#endif
