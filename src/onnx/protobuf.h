/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes Protocol Buffers' wire format (https://protobuf.dev/programming-guides/encoding/), as much
 * of it as ONNX models need. Failure (memory, too much) is sticky in the buffer.
 */
#ifndef WTL_ONNX_PROTOBUF_H
#define WTL_ONNX_PROTOBUF_H

#include "base/text.h"

#include <stdint.h>

void wtl_pb_int(struct wtl_buf *out, unsigned field, int64_t value);
void wtl_pb_text(struct wtl_buf *out, unsigned field, const char *text);
void wtl_pb_bytes(struct wtl_buf *out, unsigned field, const void *data, size_t n);

/* Integers without a key each. */
void wtl_pb_packed(struct wtl_buf *out, unsigned field, const int64_t *values, size_t n);

/* A message within: what is written between begin and end. Its length is known at the end and takes
 * five bytes whatever it is, which readers must accept. Nests. */
size_t wtl_pb_begin(struct wtl_buf *out, unsigned field);
void wtl_pb_end(struct wtl_buf *out, size_t begun);

#endif
