/* SPDX-License-Identifier: Apache-2.0
 *
 * Words between blanks and the decimal numbers in them, at the speed of memory: for the readers of
 * trace/ that see a gigabyte. Everything is inline so that it can be compiled for more than one
 * processor. Reads up to WTL_INPUT_MARGIN bytes beyond the end of the line, and changes nothing.
 */
#ifndef WTL_TRACE_TOKENS_H
#define WTL_TRACE_TOKENS_H

#include "base/text.h"

#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define WTL_INLINE static inline __attribute__((always_inline))

/* Bit i: byte i of the 64 at `p` is not blank. Blank is every byte up to the space, so that tabs
 * and carriage returns part words too. */
WTL_INLINE uint64_t wtl_ink_mask(const char *p)
{
    uint64_t mask = 0;
#if defined(__SSE2__)
    const __m128i space = _mm_set1_epi8(' ');
    const __m128i zero = _mm_setzero_si128();
    for (int i = 0; i < 4; i++) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i));
        __m128i blank = _mm_cmpeq_epi8(_mm_subs_epu8(bytes, space), zero);
        uint64_t ink = (uint16_t)~_mm_movemask_epi8(blank);
        mask |= ink << (16 * i);
    }
#else
    for (int i = 0; i < 64; i++)
        mask |= (uint64_t)((unsigned char)p[i] > ' ') << i;
#endif
    return mask;
}

/* Bytes of ink of a line of at most 64 * WTL_INK_WORDS bytes. */
enum { WTL_INK_WORDS = 8 };

/* Fills mask[0..] for a line that fits; returns the number of words of the mask. */
WTL_INLINE size_t wtl_ink_of(const char *line, size_t n, uint64_t mask[WTL_INK_WORDS])
{
    size_t k = 0;
    for (size_t base = 0; base < n; base += 64)
        mask[k++] = wtl_ink_mask(line + base);
    if (n & 63)
        mask[k - 1] &= (UINT64_C(1) << (n & 63)) - 1;
    return k;
}

/* Appends the places where words begin and end in 64 bytes of a line. */
WTL_INLINE int wtl_edges_of(uint64_t ink, uint64_t *carry, size_t base, uint16_t *edge, int count)
{
    uint64_t edges = ink ^ (ink << 1 | *carry);
    *carry = ink >> 63;
    while (edges) {
        edge[count++] = (uint16_t)(base + (size_t)__builtin_ctzll(edges));
        edges &= edges - 1;
    }
    return count;
}

/* Splits a line (n < 65536) into words: edge[2k] and edge[2k+1] are where word k begins and ends.
 * Room for max_words words and 64 more edges is needed. Returns the number of words, or
 * max_words + 1 when there are more. */
WTL_INLINE int wtl_split_words(const char *line, size_t n, uint16_t *edge, int max_words)
{
    int count = 0;
    uint64_t carry = 0;
    for (size_t base = 0; base < n; base += 64) {
        uint64_t ink = wtl_ink_mask(line + base);
        if (n - base < 64)
            ink &= (UINT64_C(1) << (n - base)) - 1;
        count = wtl_edges_of(ink, &carry, base, edge, count);
        if (count > 2 * max_words)
            return max_words + 1;
    }
    if (count & 1)
        edge[count++] = (uint16_t)n;
    return count / 2;
}

/* The value of 8 ASCII digits that lie in memory order in `w`; false if one is no digit. */
WTL_INLINE bool wtl_eight_digits(uint64_t w, uint64_t *out)
{
    uint64_t d = w ^ UINT64_C(0x3030303030303030);
    if (((d + UINT64_C(0x7676767676767676)) | d) & UINT64_C(0x8080808080808080))
        return false;
    d = d * 10 + (d >> 8); /* pairs, then fours, then all eight */
    *out = ((d & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x000f424000000064) +
            ((d >> 16) & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x0000271000000001)) >>
           32;
    return true;
}

/* The shapes that samplers print: 1 to 16 digits, or up to 4 digits, a point and 3 digits. False
 * for every other, which is not to say that it is no number. Correctly rounded: one division of an
 * exact integer by a power of ten. */
WTL_INLINE bool wtl_parse_common(const char *p, size_t n, double *out)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    const uint64_t zeros = UINT64_C(0x3030303030303030);
    uint64_t w;
    uint64_t high = 0;
    uint64_t value;
    if (n - 1 < 8) {
        memcpy(&w, p, 8);
        w <<= 8 * (8 - n); /* the word's end is now the top */
        if ((w >> 32 & 0xff) == '.') {
            w = (w & UINT64_C(0xffffff0000000000)) | (w & UINT64_C(0xffffffff)) << 8;
            w |= zeros >> 8 * (n - 1);
            if (n < 5 || !wtl_eight_digits(w, &value))
                return false;
            *out = (double)(int64_t)value / 1000.0;
            return true;
        }
        w |= zeros >> 4 * n >> 4 * n;
        if (!wtl_eight_digits(w, &value))
            return false;
        *out = (double)(int64_t)value;
        return true;
    }
    if (n - 9 >= 8)
        return false;
    memcpy(&w, p, 8);
    w <<= 8 * (16 - n);
    w |= zeros >> 4 * (n - 8) >> 4 * (n - 8);
    if (!wtl_eight_digits(w, &high))
        return false;
    memcpy(&w, p + n - 8, 8);
    if (!wtl_eight_digits(w, &value))
        return false;
    *out = (double)(int64_t)(high * 100000000 + value);
    return true;
#else
    return n <= 16 && *p != '-' && *p != '+' && wtl_parse_double(p, n, out);
#endif
}

#endif
