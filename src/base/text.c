/* SPDX-License-Identifier: Apache-2.0
 * Buffers, views and locale-free numbers. */
#include "base/text.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void wtl_buf_init(struct wtl_buf *buf, struct wtl_alloc alloc, size_t max)
{
    *buf = (struct wtl_buf){.alloc = alloc, .max = max};
}

void wtl_buf_fini(struct wtl_buf *buf)
{
    if (buf->data)
        buf->alloc.resize(buf->alloc.ctx, buf->data, 0);
    buf->data = NULL;
    buf->len = buf->cap = 0;
}

void wtl_buf_clear(struct wtl_buf *buf)
{
    buf->len = 0;
    buf->failed = false;
    if (buf->data)
        buf->data[0] = '\0';
}

/* Room for n more bytes and the terminator. */
static bool reserve(struct wtl_buf *buf, size_t n)
{
    if (buf->failed)
        return false;
    if (n > buf->max - buf->len) {
        buf->failed = true;
        return false;
    }
    size_t need = buf->len + n + 1;
    if (need <= buf->cap)
        return true;
    size_t cap = buf->cap ? buf->cap : 64;
    while (cap < need)
        cap *= 2;
    char *data = buf->alloc.resize(buf->alloc.ctx, buf->data, cap);
    if (!data) {
        buf->failed = true;
        return false;
    }
    buf->data = data;
    buf->cap = cap;
    return true;
}

void wtl_buf_add(struct wtl_buf *buf, const char *data, size_t n)
{
    if (!reserve(buf, n))
        return;
    if (n)
        memcpy(buf->data + buf->len, data, n);
    buf->len += n;
    buf->data[buf->len] = '\0';
}

void wtl_buf_puts(struct wtl_buf *buf, const char *s)
{
    wtl_buf_add(buf, s, strlen(s));
}

void wtl_buf_putc(struct wtl_buf *buf, char c)
{
    wtl_buf_add(buf, &c, 1);
}

void wtl_buf_printf(struct wtl_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0)
        buf->failed = true;
    else if (reserve(buf, (size_t)n)) {
        vsnprintf(buf->data + buf->len, (size_t)n + 1, format, again);
        buf->len += (size_t)n;
    }
    va_end(again);
}

const char *wtl_buf_str(const struct wtl_buf *buf)
{
    return buf->data ? buf->data : "";
}

struct wtl_view wtl_view_of(const char *s)
{
    return (struct wtl_view){.s = s, .n = strlen(s)};
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct wtl_view wtl_view_trim(struct wtl_view v)
{
    while (v.n && is_blank(v.s[0])) {
        v.s++;
        v.n--;
    }
    while (v.n && is_blank(v.s[v.n - 1]))
        v.n--;
    return v;
}

bool wtl_view_is(struct wtl_view v, const char *s)
{
    return strlen(s) == v.n && memcmp(v.s, s, v.n) == 0;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool wtl_view_is_nocase(struct wtl_view v, const char *s)
{
    if (strlen(s) != v.n)
        return false;
    for (size_t i = 0; i < v.n; i++)
        if (lower(v.s[i]) != lower(s[i]))
            return false;
    return true;
}

bool wtl_view_copy(struct wtl_view v, char *dst, size_t size)
{
    bool fits = v.n < size;
    size_t n = fits ? v.n : size - 1;
    memcpy(dst, v.s, n);
    dst[n] = '\0';
    return fits;
}

/* Digits and at most 18 of them: exact in int64_t, and one division by a power of ten up to 10^22
 * is correctly rounded (Clinger 1990), so the common case needs no strtod. */
static bool parse_short_decimal(const char *s, size_t n, double *out)
{
    static const double power10[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                     1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    size_t i = 0;
    bool negative = n && s[0] == '-';
    if (negative || (n && s[0] == '+'))
        i = 1;
    int64_t mantissa = 0;
    int digits = 0;
    int decimals = -1;
    for (; i < n; i++) {
        if (s[i] >= '0' && s[i] <= '9') {
            mantissa = mantissa * 10 + (s[i] - '0');
            if (++digits > 15)
                return false;
            decimals += decimals >= 0;
        } else if (s[i] == '.' && decimals < 0) {
            decimals = 0;
        } else {
            return false;
        }
    }
    if (digits == 0)
        return false;
    double v = (double)mantissa;
    if (decimals > 0)
        v /= power10[decimals];
    *out = negative ? -v : v;
    return true;
}

/* The grammar that strtod is then allowed to see: [+-] digits [. digits] [e [+-] digits]. */
static bool is_decimal(const char *s, size_t n)
{
    size_t i = n && (s[0] == '-' || s[0] == '+');
    size_t digits = 0;
    for (; i < n && s[i] >= '0' && s[i] <= '9'; i++)
        digits++;
    if (i < n && s[i] == '.')
        for (i++; i < n && s[i] >= '0' && s[i] <= '9'; i++)
            digits++;
    if (digits == 0)
        return false;
    if (i == n)
        return true;
    if (s[i] != 'e' && s[i] != 'E')
        return false;
    i++;
    if (i < n && (s[i] == '-' || s[i] == '+'))
        i++;
    size_t exponent = i;
    while (i < n && s[i] >= '0' && s[i] <= '9')
        i++;
    return i == n && i > exponent;
}

bool wtl_parse_double(const char *s, size_t n, double *out)
{
    if (parse_short_decimal(s, n, out))
        return true;
    enum { LONGEST = 400 };
    if (n == 0 || n >= LONGEST || !is_decimal(s, n))
        return false;
    char copy[LONGEST];
    memcpy(copy, s, n);
    copy[n] = '\0';
    locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!c_locale)
        return false;
    double v = strtod_l(copy, NULL, c_locale);
    freelocale(c_locale);
    if (isinf(v))
        return false;
    *out = v;
    return true;
}

bool wtl_parse_int(const char *s, size_t n, int64_t *out)
{
    size_t i = n && (s[0] == '-' || s[0] == '+');
    bool negative = n && s[0] == '-';
    if (i == n)
        return false;
    int64_t v = 0;
    for (; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, s[i] - '0', &v))
            return false; /* negative numbers reach one further, so count downwards */
    }
    if (!negative && v == INT64_MIN)
        return false;
    *out = negative ? v : -v;
    return true;
}

bool wtl_starts_with(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool wtl_ends_with(const char *s, const char *suffix)
{
    size_t n = strlen(s);
    size_t k = strlen(suffix);
    return n >= k && memcmp(s + n - k, suffix, k) == 0;
}

static bool is_number(char c)
{
    return c >= '0' && c <= '9';
}

/* Bytes beyond ASCII are letters of some language. */
static bool is_sign(char c)
{
    unsigned char u = (unsigned char)c;
    return u < 0x80 && !is_number(c) && !(u >= 'a' && u <= 'z') && !(u >= 'A' && u <= 'Z');
}

size_t wtl_utf8_sequence(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    if (s[0] < 0x80)
        return s[0] ? 1 : 0;
    size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return n;
}

uint32_t wtl_utf8_code_point(const char *text, size_t n)
{
    static const unsigned char lead[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t c = (unsigned char)text[0] & lead[n <= 4 ? n : 4];
    for (size_t i = 1; i < n; i++)
        c = c << 6 | ((unsigned char)text[i] & 0x3f);
    return c;
}

bool wtl_utf8_valid(const char *text)
{
    for (size_t n; (n = wtl_utf8_sequence(text)) > 0;)
        text += n;
    return *text == '\0';
}

void wtl_fold_name(const char *s, char *dst, size_t size)
{
    const char *whole = s;
    size_t n = 0;
    for (bool parted = false; *s && n + 1 < size; s++) {
        if (is_sign(*s)) {
            parted = true;
            continue;
        }
        if (parted && n && is_number(dst[n - 1]) && is_number(*s) && n + 2 < size)
            dst[n++] = '-';
        dst[n++] = lower(*s);
        parted = false;
    }
    if (n == 0 && size > 1 && whole[0]) { /* signs only: as it stands */
        n = strnlen(whole, size - 1);
        memcpy(dst, whole, n);
    }
    dst[n] = '\0';
}

bool wtl_same_name(const char *a, const char *b)
{
    if (strcmp(a, b) == 0)
        return true;
    char fa[1024], fb[1024];
    wtl_fold_name(a, fa, sizeof fa);
    wtl_fold_name(b, fb, sizeof fb);
    return strcmp(fa, fb) == 0;
}

const char *wtl_plural(int64_t n)
{
    return n == 1 ? "" : "s";
}

const char *wtl_article(const char *name)
{
    bool spelled = name[0] >= 'A' && name[0] <= 'Z' && !(name[1] >= 'a' && name[1] <= 'z');
    if (wtl_starts_with(name, "uni") || wtl_starts_with(name, "use"))
        return "a"; /* spoken with a y */
    bool vowel = name[0] && strchr(spelled ? "AEFHILMNORSX" : "aeiouAEIOU", name[0]);
    return vowel ? "an" : "a";
}

void wtl_replace_controls(char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            *s = '?';
}
