/* SPDX-License-Identifier: Apache-2.0
 *
 * A model, loaded and given inputs to work on: open, shape (once), run (often), close.
 *
 * Inputs are random: floats normal with mean 0 and variance 1; integers below a limit that the
 * caller gives, but 1 where the input's name has "mask" in it and 0 where it has "type": what such
 * inputs of language models mean.
 */
#ifndef WTL_ONNX_SESSION_H
#define WTL_ONNX_SESSION_H

#include "base/alloc.h"
#include "onnx/runtime.h"
#include "onnx/shape.h"

#include <stdbool.h>

/* Inputs and outputs of one model; large language models with caches have hundreds. */
enum { WTL_ONNX_VALUES = 512 };

/* All inputs together, for one batch. */
#define WTL_ONNX_INPUT_BYTES ((size_t)16 << 30)

struct wtl_onnx_input {
    const char *name;
    int element; /* enum ort_element */
    size_t rank;
    int64_t dim[WTL_ONNX_RANK];        /* as the model says, then as chosen; below 0: open */
    const char *symbol[WTL_ONNX_RANK]; /* the model's name of an open dimension; "": none */
    bool batched;                      /* the first dimension is the batch */
    void *data;                        /* of a whole batch */
    size_t item_bytes;                 /* of one item; of all where it is not batched */
    struct ort_value *value;           /* over `data`, of value_items */
};

struct wtl_onnx_session {
    const struct wtl_ort *ort;
    struct ort_session *session;
    struct wtl_onnx_input *input;
    size_t n_inputs, n_outputs;
    const char **input_name, **output_name;
    struct ort_value **output; /* of the last run */
    const struct ort_value **arguments;
    int batch;       /* items at most */
    bool fixed;      /* the model takes that many, no fewer */
    int value_items; /* items that input[].value has; 0: none made */
};

/* Where a model comes from: a file, or its bytes. */
struct wtl_onnx_model {
    const char *path;
    const void *data; /* where path is NULL; need not outlive the opening */
    size_t size;
};

/* Loads the model with `threads` threads for the work within an operator. -WTL_NOTFOUND and the
 * like where the file cannot be read; -WTL_FAILED with ONNX Runtime's words where it is no model;
 * -WTL_UNSUPPORTED: an input that is no tensor of float, double, int32 or int64. The session and
 * its names live in `arena`; `ort` must outlive it. Must be closed. */
int wtl_onnx_session_open(struct wtl_arena *arena, const struct wtl_ort *ort,
                          const struct wtl_onnx_model *model, int threads,
                          struct wtl_onnx_session *out, struct wtl_error *err);

/* How inputs are made. */
struct wtl_onnx_inputs {
    int batch; /* items at once; 0: one, or as many as the model is made for */
    const struct wtl_onnx_shape *shapes;
    size_t n_shapes;
    int64_t n_tokens; /* integers are below it */
    uint64_t seed;
};

/* Settles all dimensions and draws the inputs. The batch is the first dimension of the first input,
 * and of every other input whose first dimension has the same name there. -WTL_USAGE: a dimension
 * is left open, a shape fits nothing, or the batch is not the one that the model is made for. */
int wtl_onnx_session_shape(struct wtl_arena *arena, struct wtl_onnx_session *s,
                           const struct wtl_onnx_inputs *how, struct wtl_error *err);

/* Does `items` at once, 1 to batch (a fixed model always does its whole batch). */
int wtl_onnx_session_run(struct wtl_onnx_session *s, int items, struct wtl_error *err);

/* The first output of the last run where it holds floats: they are ONNX Runtime's, until the next
 * run. */
int wtl_onnx_session_output(const struct wtl_onnx_session *s, const float **data_out,
                            int64_t dim_out[WTL_ONNX_RANK], size_t *rank_out,
                            struct wtl_error *err);

/* Zeros, and twice, are fine. */
void wtl_onnx_session_close(struct wtl_onnx_session *s);

#endif
