/* SPDX-License-Identifier: Apache-2.0
 * Loads a model, runs it, gives it back. */
#include "onnx/session.h"

#include "base/file.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Opening --------------------------------------------------------------------------------- */

static int check_file(const char *path, struct wtl_error *err)
{
    struct stat st;
    if (stat(path, &st) != 0 || access(path, R_OK) != 0)
        return wtl_fail_errno(err, errno, "read", path);
    if (!S_ISREG(st.st_mode))
        return WTL_FAIL(err, WTL_USAGE, "\"%s\" is no file", path);
    return 0;
}

/* "wattle: model.onnx: loading the model: ..." */
static const char *of_model(const struct wtl_onnx_model *model)
{
    return model->path ? model->path : "the built-in model";
}

static int create(struct wtl_onnx_session *s, const struct wtl_onnx_model *model, int threads,
                  struct wtl_error *err)
{
    const struct wtl_ort *ort = s->ort;
    const struct ort_api *api = ort->api;
    struct ort_session_options *options = NULL;
    char what[WTL_ERROR_PATH_MAX];
    snprintf(what, sizeof what, "loading %s", of_model(model));
    int rc = wtl_ort_check(ort, api->CreateSessionOptions(&options), what, err);
    if (rc == 0)
        rc = wtl_ort_check(ort, api->SetIntraOpNumThreads(options, threads), what, err);
    if (rc == 0)
        rc = wtl_ort_check(ort, api->SetInterOpNumThreads(options, 1), what, err);
    if (rc == 0 && model->path)
        rc = wtl_ort_check(ort, api->CreateSession(ort->env, model->path, options, &s->session),
                           what, err);
    else if (rc == 0)
        rc = wtl_ort_check(
            ort,
            api->CreateSessionFromArray(ort->env, model->data, model->size, options, &s->session),
            what, err);
    if (options)
        api->ReleaseSessionOptions(options);
    return rc;
}

typedef struct ort_status *(*get_name)(const struct ort_session *, size_t, struct ort_allocator *,
                                       char **);

/* A copy of a name that the library allocated; control characters in it are made harmless. */
static int take_name(struct wtl_onnx_session *s, struct wtl_arena *arena, get_name get, size_t i,
                     const char **out, struct wtl_error *err)
{
    const struct wtl_ort *ort = s->ort;
    char *theirs = NULL;
    int rc = wtl_ort_check(ort, get(s->session, i, ort->allocator, &theirs),
                           "reading the model's names", err);
    if (rc < 0)
        return rc;
    *out = wtl_arena_strdup(arena, theirs);
    struct ort_status *status = ort->api->AllocatorFree(ort->allocator, theirs);
    if (status)
        ort->api->ReleaseStatus(status);
    return *out ? 0 : WTL_FAIL(err, WTL_NOMEM, "out of memory");
}

static int read_dims(struct wtl_onnx_session *s, struct wtl_arena *arena,
                     const struct ort_tensor_info *info, struct wtl_onnx_input *in,
                     struct wtl_error *err)
{
    static const char what[] = "reading the model's shapes";
    const struct wtl_ort *ort = s->ort;
    int rc = wtl_ort_check(ort, ort->api->GetTensorElementType(info, &in->element), what, err);
    if (rc == 0)
        rc = wtl_ort_check(ort, ort->api->GetDimensionsCount(info, &in->rank), what, err);
    if (rc == 0 && in->rank > WTL_ONNX_RANK)
        return WTL_FAIL(err, WTL_LIMIT, "input \"%s\" has %zu dimensions; the limit is %d",
                        in->name, in->rank, WTL_ONNX_RANK);
    if (rc == 0)
        rc = wtl_ort_check(ort, ort->api->GetDimensions(info, in->dim, in->rank), what, err);
    if (rc == 0)
        rc = wtl_ort_check(ort, ort->api->GetSymbolicDimensions(info, in->symbol, in->rank), what,
                           err);
    for (size_t i = 0; rc == 0 && i < in->rank; i++) {
        in->symbol[i] = wtl_arena_strdup(arena, in->symbol[i] ? in->symbol[i] : "");
        if (!in->symbol[i])
            rc = WTL_FAIL(err, WTL_NOMEM, "out of memory");
    }
    return rc;
}

static int describe_input(struct wtl_onnx_session *s, struct wtl_arena *arena, size_t i,
                          struct wtl_error *err)
{
    const struct wtl_ort *ort = s->ort;
    struct wtl_onnx_input *in = &s->input[i];
    struct ort_type_info *type = NULL;
    const struct ort_tensor_info *info = NULL;
    int rc = take_name(s, arena, ort->api->SessionGetInputName, i, &in->name, err);
    if (rc == 0)
        rc = wtl_ort_check(ort, ort->api->SessionGetInputTypeInfo(s->session, i, &type),
                           "reading the model's inputs", err);
    if (rc == 0)
        rc = wtl_ort_check(ort, ort->api->CastTypeInfoToTensorInfo(type, &info),
                           "reading the model's inputs", err);
    if (rc == 0 && !info)
        rc = WTL_FAIL(err, WTL_UNSUPPORTED, "input \"%s\" of the model is no tensor", in->name);
    if (rc == 0)
        rc = read_dims(s, arena, info, in, err);
    if (type)
        ort->api->ReleaseTypeInfo(type);
    if (rc == 0 && in->element != ORT_FLOAT && in->element != ORT_INT32 &&
        in->element != ORT_INT64 && in->element != ORT_DOUBLE)
        rc =
            WTL_FAIL(err, WTL_UNSUPPORTED,
                     "input \"%s\" has elements of ONNX type %d; float (1), double (11), int32 (6) "
                     "and int64 (7) can be made",
                     in->name, in->element);
    s->input_name[i] = in->name;
    return rc;
}

static int count_values(struct wtl_onnx_session *s, struct wtl_error *err)
{
    static const char what[] = "counting inputs and outputs";
    const struct wtl_ort *ort = s->ort;
    int rc =
        wtl_ort_check(ort, ort->api->SessionGetInputCount(s->session, &s->n_inputs), what, err);
    if (rc == 0)
        rc = wtl_ort_check(ort, ort->api->SessionGetOutputCount(s->session, &s->n_outputs), what,
                           err);
    if (rc == 0 && (s->n_inputs == 0 || s->n_outputs == 0))
        rc = WTL_FAIL(err, WTL_UNSUPPORTED, "the model has %zu inputs and %zu outputs", s->n_inputs,
                      s->n_outputs);
    if (rc == 0 && (s->n_inputs > WTL_ONNX_VALUES || s->n_outputs > WTL_ONNX_VALUES))
        rc = WTL_FAIL(err, WTL_LIMIT, "the model has %zu inputs and %zu outputs; the limit is %d",
                      s->n_inputs, s->n_outputs, WTL_ONNX_VALUES);
    return rc;
}

static int describe(struct wtl_onnx_session *s, struct wtl_arena *arena, struct wtl_error *err)
{
    size_t in = s->n_inputs, out = s->n_outputs;
    s->input = WTL_NEW_ARRAY(arena, struct wtl_onnx_input, in);
    s->input_name = WTL_NEW_ARRAY(arena, const char *, in);
    s->output_name = WTL_NEW_ARRAY(arena, const char *, out);
    s->output = WTL_NEW_ARRAY(arena, struct ort_value *, out);
    s->arguments = WTL_NEW_ARRAY(arena, const struct ort_value *, in);
    if (!s->input || !s->input_name || !s->output_name || !s->output || !s->arguments)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = 0;
    for (size_t i = 0; i < in && rc == 0; i++)
        rc = describe_input(s, arena, i, err);
    for (size_t i = 0; i < out && rc == 0; i++)
        rc = take_name(s, arena, s->ort->api->SessionGetOutputName, i, &s->output_name[i], err);
    return rc;
}

int wtl_onnx_session_open(struct wtl_arena *arena, const struct wtl_ort *ort,
                          const struct wtl_onnx_model *model, int threads,
                          struct wtl_onnx_session *out, struct wtl_error *err)
{
    struct wtl_onnx_session s = {.ort = ort};
    int rc = model->path ? check_file(model->path, err) : 0;
    if (rc == 0)
        rc = create(&s, model, threads, err);
    if (rc == 0)
        rc = count_values(&s, err);
    if (rc == 0)
        rc = describe(&s, arena, err);
    if (rc < 0)
        wtl_onnx_session_close(&s);
    else
        *out = s;
    return rc;
}

/* ---- Running --------------------------------------------------------------------------------- */

static void drop_inputs(struct wtl_onnx_session *s)
{
    for (size_t i = 0; s->input && i < s->n_inputs; i++) {
        if (s->input[i].value)
            s->ort->api->ReleaseValue(s->input[i].value);
        s->input[i].value = NULL;
    }
    s->value_items = 0;
}

static void drop_outputs(struct wtl_onnx_session *s)
{
    for (size_t i = 0; s->output && i < s->n_outputs; i++) {
        if (s->output[i])
            s->ort->api->ReleaseValue(s->output[i]);
        s->output[i] = NULL;
    }
}

/* Tensors of so many items over the data that are there. */
static int make_values(struct wtl_onnx_session *s, int items, struct wtl_error *err)
{
    const struct wtl_ort *ort = s->ort;
    drop_inputs(s);
    for (size_t i = 0; i < s->n_inputs; i++) {
        struct wtl_onnx_input *in = &s->input[i];
        int64_t dim[WTL_ONNX_RANK];
        memcpy(dim, in->dim, sizeof dim);
        if (in->batched)
            dim[0] = items;
        size_t bytes = in->item_bytes * (in->batched ? (size_t)items : 1);
        int rc =
            wtl_ort_check(ort,
                          ort->api->CreateTensorWithDataAsOrtValue(
                              ort->memory, in->data, bytes, dim, in->rank, in->element, &in->value),
                          "making an input", err);
        if (rc < 0)
            return rc;
        s->arguments[i] = in->value;
    }
    s->value_items = items;
    return 0;
}

int wtl_onnx_session_run(struct wtl_onnx_session *s, int items, struct wtl_error *err)
{
    int n = s->fixed ? s->batch : items;
    int rc = n == s->value_items ? 0 : make_values(s, n, err);
    if (rc < 0)
        return rc;
    drop_outputs(s);
    rc = wtl_ort_check(s->ort,
                       s->ort->api->Run(s->session, NULL, s->input_name, s->arguments, s->n_inputs,
                                        s->output_name, s->n_outputs, s->output),
                       "running the model", err);
    if (rc < 0)
        wtl_error_hint(err, "inputs are random: --tokens N keeps integers below N, --shape settles "
                            "dimensions");
    return rc;
}

int wtl_onnx_session_output(const struct wtl_onnx_session *s, const float **data_out,
                            int64_t dim_out[WTL_ONNX_RANK], size_t *rank_out, struct wtl_error *err)
{
    static const char what[] = "reading the output";
    const struct wtl_ort *ort = s->ort;
    struct ort_tensor_info *info = NULL;
    void *data = NULL;
    int element = 0;
    size_t rank = 0;
    if (!s->output[0])
        return WTL_FAIL(err, WTL_USAGE, "the model has not been run");
    int rc = wtl_ort_check(ort, ort->api->GetTensorTypeAndShape(s->output[0], &info), what, err);
    if (rc == 0)
        rc = wtl_ort_check(ort, ort->api->GetTensorElementType(info, &element), what, err);
    if (rc == 0)
        rc = wtl_ort_check(ort, ort->api->GetDimensionsCount(info, &rank), what, err);
    if (rc == 0 && (element != ORT_FLOAT || rank > WTL_ONNX_RANK))
        rc = WTL_FAIL(err, WTL_UNSUPPORTED, "the output is no tensor of floats");
    if (rc == 0)
        rc = wtl_ort_check(ort, ort->api->GetTensorMutableData(s->output[0], &data), what, err);
    if (rc == 0)
        rc = wtl_ort_check(ort, ort->api->GetDimensions(info, dim_out, rank), what, err);
    if (info)
        ort->api->ReleaseTensorTypeAndShapeInfo(info);
    if (rc == 0) {
        *data_out = data;
        *rank_out = rank;
    }
    return rc;
}

void wtl_onnx_session_close(struct wtl_onnx_session *s)
{
    if (s->ort) {
        drop_inputs(s);
        drop_outputs(s);
    }
    if (s->session)
        s->ort->api->ReleaseSession(s->session);
    *s = (struct wtl_onnx_session){.ort = NULL};
}
