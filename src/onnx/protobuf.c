/* SPDX-License-Identifier: Apache-2.0
 * Protocol Buffers, written. */
#include "onnx/protobuf.h"

#include <string.h>

enum { VARINT = 0, LENGTH = 2, LENGTH_BYTES = 5 };

static void varint(struct wtl_buf *out, uint64_t value)
{
    while (value >= 0x80) {
        wtl_buf_putc(out, (char)(0x80 | (value & 0x7f)));
        value >>= 7;
    }
    wtl_buf_putc(out, (char)value);
}

static void key(struct wtl_buf *out, unsigned field, unsigned type)
{
    varint(out, (uint64_t)field << 3 | type);
}

void wtl_pb_int(struct wtl_buf *out, unsigned field, int64_t value)
{
    key(out, field, VARINT);
    varint(out, (uint64_t)value);
}

void wtl_pb_bytes(struct wtl_buf *out, unsigned field, const void *data, size_t n)
{
    key(out, field, LENGTH);
    varint(out, n);
    wtl_buf_add(out, data, n);
}

void wtl_pb_text(struct wtl_buf *out, unsigned field, const char *text)
{
    wtl_pb_bytes(out, field, text, strlen(text));
}

void wtl_pb_packed(struct wtl_buf *out, unsigned field, const int64_t *values, size_t n)
{
    size_t begun = wtl_pb_begin(out, field);
    for (size_t i = 0; i < n; i++)
        varint(out, (uint64_t)values[i]);
    wtl_pb_end(out, begun);
}

size_t wtl_pb_begin(struct wtl_buf *out, unsigned field)
{
    key(out, field, LENGTH);
    wtl_buf_add(out, "\0\0\0\0\0", LENGTH_BYTES);
    return out->len;
}

void wtl_pb_end(struct wtl_buf *out, size_t begun)
{
    if (out->failed)
        return;
    size_t n = out->len - begun;
    for (int i = 0; i < LENGTH_BYTES; i++) {
        out->data[begun - LENGTH_BYTES + (size_t)i] =
            (char)((n & 0x7f) | (i < LENGTH_BYTES - 1 ? 0x80 : 0));
        n >>= 7;
    }
}
