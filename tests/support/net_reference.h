/* SPDX-License-Identifier: Apache-2.0
 *
 * What a built-in network answers, worked out by plain loops in double precision from the list of
 * its operations: the other opinion on the ONNX models that are written from the same list.
 */
#ifndef WTL_TESTS_NET_REFERENCE_H
#define WTL_TESTS_NET_REFERENCE_H

#include "onnx/net.h"

/* One item. `input` holds floats or, of a network of tokens, int64; `output_out` has room for the
 * network's answer. */
void net_reference(const struct wtl_net *net, const void *input, double *output_out);

#endif
