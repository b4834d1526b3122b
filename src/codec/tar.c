/* SPDX-License-Identifier: Apache-2.0
 * ustar headers (POSIX.1-1988, pax interchange format of POSIX.1-2001, "ustar Interchange Format"),
 * and gzip through zlib. */
#include "codec/tar.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

enum { BLOCK = 512 };

/* The fields of a header block. */
enum {
    NAME = 0,
    NAME_SIZE = 100,
    MODE = 100,
    UID = 108,
    GID = 116,
    SIZE = 124,
    MTIME = 136,
    CHECKSUM = 148,
    TYPE = 156,
    MAGIC = 257,
    PREFIX = 345,
    PREFIX_SIZE = 155,
};

static bool path_is_safe(const char *path)
{
    if (path[0] == '\0' || path[0] == '/')
        return false;
    for (const char *p = path; *p;) {
        const char *end = strchrnul(p, '/');
        if (end - p == 2 && p[0] == '.' && p[1] == '.')
            return false;
        p = *end ? end + 1 : end;
    }
    return true;
}

/* ---- Writing ----------------------------------------------------------------------------------*/

/* Where a path is cut into prefix and name: the index of a '/', 0 for no prefix, -1 when it does
 * not fit. */
static int cut_at(const char *path)
{
    size_t n = strlen(path);
    if (n <= NAME_SIZE)
        return 0;
    for (size_t i = n - 1; i > 0; i--)
        if (i <= PREFIX_SIZE && path[i] == '/' && n - i - 1 <= NAME_SIZE && n - i - 1 > 0)
            return (int)i;
    return -1;
}

static unsigned sum_of(const unsigned char *h)
{
    unsigned sum = 0;
    for (int i = 0; i < BLOCK; i++)
        sum += i >= CHECKSUM && i < CHECKSUM + 8 ? ' ' : h[i];
    return sum;
}

static void octal(unsigned char *field, size_t size, unsigned long value)
{
    for (size_t i = size - 1; i-- > 0; value >>= 3)
        field[i] = (unsigned char)('0' + (value & 7));
    field[size - 1] = '\0';
}

int wtl_tar_add(struct wtl_buf *out, const char *path, const void *data, size_t n,
                struct wtl_error *err)
{
    static const char zeros[BLOCK];
    int cut = cut_at(path);
    if (!path_is_safe(path))
        return WTL_FAIL(err, WTL_USAGE, "\"%s\" is no path within an archive", path);
    if (cut < 0 || n > WTL_TAR_FILE_MAX)
        return WTL_FAIL(err, WTL_LIMIT, "\"%.100s\" is too long for an archive", path);
    unsigned char h[BLOCK] = {0};
    const char *name = cut > 0 ? path + cut + 1 : path;
    for (size_t i = 0; name[i]; i++) /* a field that is full has no end */
        h[NAME + i] = (unsigned char)name[i];
    for (int i = 0; i < cut; i++)
        h[PREFIX + i] = (unsigned char)path[i];
    octal(h + MODE, 8, 0644);
    octal(h + UID, 8, 0);
    octal(h + GID, 8, 0);
    octal(h + SIZE, 12, (unsigned long)n);
    octal(h + MTIME, 12, 0);
    h[TYPE] = '0';
    static const unsigned char magic[8] = {'u', 's', 't', 'a', 'r', 0, '0', '0'};
    memcpy(h + MAGIC, magic, sizeof magic);
    octal(h + CHECKSUM, 7, sum_of(h));
    h[CHECKSUM + 7] = ' ';
    wtl_buf_add(out, (const char *)h, BLOCK);
    wtl_buf_add(out, data, n);
    wtl_buf_add(out, zeros, (BLOCK - n % BLOCK) % BLOCK);
    return 0;
}

void wtl_tar_end(struct wtl_buf *out)
{
    static const char zeros[2 * BLOCK];
    wtl_buf_add(out, zeros, sizeof zeros);
}

/* ---- Reading ----------------------------------------------------------------------------------*/

/* An octal number between blanks or zeros at either end. */
static bool read_octal(const unsigned char *field, size_t size, size_t *out)
{
    size_t i = 0, value = 0, digits = 0;
    while (i < size && field[i] == ' ')
        i++;
    for (; i < size && field[i] >= '0' && field[i] <= '7'; i++, digits++) {
        if (value > SIZE_MAX >> 3)
            return false;
        value = value << 3 | (size_t)(field[i] - '0');
    }
    if (digits == 0 || (i < size && field[i] != ' ' && field[i] != '\0'))
        return false;
    *out = value;
    return true;
}

static bool all_zero(const unsigned char *h)
{
    for (int i = 0; i < BLOCK; i++)
        if (h[i])
            return false;
    return true;
}

static void read_path(const unsigned char *h, char path[WTL_TAR_PATH])
{
    int prefix = (int)strnlen((const char *)h + PREFIX, PREFIX_SIZE);
    int name = (int)strnlen((const char *)h + NAME, NAME_SIZE);
    char whole[WTL_TAR_PATH];
    snprintf(whole, sizeof whole, "%.*s%s%.*s", prefix, (const char *)h + PREFIX, prefix ? "/" : "",
             name, (const char *)h + NAME);
    const char *start = whole;
    while (wtl_starts_with(start, "./"))
        start += 2;
    snprintf(path, WTL_TAR_PATH, "%s", start);
}

/* Checks one header; *size_out is that of its data. */
static int check_header(const unsigned char *h, size_t left, size_t *size_out,
                        struct wtl_error *err)
{
    size_t sum, size;
    if (memcmp(h + MAGIC, "ustar", 5) != 0)
        return WTL_FAIL(err, WTL_PARSE, "not a tar archive (ustar)");
    if (!read_octal(h + CHECKSUM, 8, &sum) || sum != sum_of(h))
        return WTL_FAIL(err, WTL_PARSE, "the archive is damaged: a header's checksum is wrong");
    if (!read_octal(h + SIZE, 12, &size))
        return WTL_FAIL(err, WTL_PARSE, "the archive is damaged: a header has no size");
    if (size > WTL_TAR_FILE_MAX)
        return WTL_FAIL(err, WTL_LIMIT,
                        "a file of %zu bytes is in the archive; at most %d are read", size,
                        WTL_TAR_FILE_MAX);
    if (size > left - BLOCK)
        return WTL_FAIL(err, WTL_PARSE, "the archive is cut short");
    *size_out = size;
    return 0;
}

int wtl_tar_next(const unsigned char *archive, size_t n, size_t *at,
                 struct wtl_tar_entry *entry_out, struct wtl_error *err)
{
    while (*at <= n && n - *at >= BLOCK) {
        const unsigned char *h = archive + *at;
        if (all_zero(h))
            return 0;
        size_t size;
        int rc = check_header(h, n - *at, &size, err);
        if (rc < 0)
            return rc;
        size_t padded = (size + BLOCK - 1) / BLOCK * BLOCK;
        *at += BLOCK + padded < n - *at ? BLOCK + padded : n - *at;
        unsigned char type = h[TYPE];
        if (type == '5' || type == 'x' || type == 'g')
            continue;
        struct wtl_tar_entry e = {.data = h + BLOCK, .n = size};
        read_path(h, e.path);
        if (type != '0' && type != '\0')
            return WTL_FAIL(err, WTL_PARSE, "the archive holds \"%s\", which is no plain file",
                            e.path);
        if (!path_is_safe(e.path))
            return WTL_FAIL(err, WTL_PARSE, "the archive holds \"%s\", which leads out of it",
                            e.path);
        *entry_out = e;
        return 1;
    }
    return *at == n && n > 0 ? 0 : WTL_FAIL(err, WTL_PARSE, "not a tar archive, or cut short");
}

/* ---- gzip -------------------------------------------------------------------------------------*/

static int deflate_all(z_stream *z, struct wtl_buf *out)
{
    unsigned char piece[16384];
    int rc = Z_OK;
    while (rc == Z_OK) {
        z->next_out = piece;
        z->avail_out = sizeof piece;
        rc = deflate(z, Z_FINISH);
        wtl_buf_add(out, (const char *)piece, sizeof piece - z->avail_out);
    }
    return rc;
}

int wtl_gzip(const void *data, size_t n, struct wtl_buf *out, struct wtl_error *err)
{
    z_stream z = {0};
    if (n > UINT32_MAX)
        return WTL_FAIL(err, WTL_LIMIT, "%zu bytes are too many for one archive", n);
    if (deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    union { /* zlib reads only, but asks for a pointer to what may be written */
        const void *given;
        Bytef *taken;
    } in = {.given = data};
    z.next_in = in.taken;
    z.avail_in = (uInt)n;
    int rc = deflate_all(&z, out);
    deflateEnd(&z);
    return rc == Z_STREAM_END ? 0 : WTL_FAIL(err, WTL_FAILED, "compressing failed");
}
