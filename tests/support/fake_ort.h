/* SPDX-License-Identifier: Apache-2.0
 *
 * An ONNX Runtime without inference: the table of onnx/ort_abi.h over a model that the test
 * describes, in which any call can be made to fail, and which counts what was not given back. It is
 * a library of its own (libfake-onnxruntime.so in the build tree); its state is found by name.
 */
#ifndef WTL_TESTS_FAKE_ORT_H
#define WTL_TESTS_FAKE_ORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FAKE_ORT_INPUTS = 4, FAKE_ORT_RANK = 9 };

struct fake_ort_input {
    const char *name;
    int element;
    bool no_tensor;
    size_t rank;
    int64_t dim[FAKE_ORT_RANK];
    const char *symbol[FAKE_ORT_RANK]; /* NULL: "" */
};

struct fake_ort {
    struct fake_ort_input input[FAKE_ORT_INPUTS];
    size_t n_inputs, n_outputs; /* outputs have the shape of the first input as it was run */
    bool too_old;               /* GetApi() knows no such version */
    long fail_at;               /* the so-manieth call from now fails; 0: none */

    /* What happened. */
    long calls; /* that can fail */
    long live;  /* things made and not released */
    int threads;
    long runs;
    int64_t items; /* first dimension of the last run */
};

/* The symbol of the struct, which the environment also sets: FAKE_ORT_FAIL_AT=N. */
#define FAKE_ORT_STATE "fake_ort_state"

#endif
