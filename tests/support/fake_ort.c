/* SPDX-License-Identifier: Apache-2.0
 * The library libfake-onnxruntime.so. Everything that is made is an object with one header, so that
 * leaks are counted and a thing released as another is noticed. */
#include "support/fake_ort.h"

#include "onnx/ort_abi.h"

#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT struct fake_ort fake_ort_state = {
    .input[0] = {.name = "input", .element = ORT_FLOAT, .rank = 2, .dim = {-1, 4}, .symbol = {"N"}},
    .n_inputs = 1,
    .n_outputs = 1,
};

enum kind { STATUS = 1, ENV, SESSION, OPTIONS, VALUE, TYPE, TENSOR, MEMORY };

struct object {
    enum kind kind;
    size_t index, rank;
    int element;
    int64_t dim[FAKE_ORT_RANK];
    float data[64];
};

static void *make(enum kind kind)
{
    struct object *o = calloc(1, sizeof *o);
    if (!o)
        abort();
    o->kind = kind;
    fake_ort_state.live++;
    return o;
}

static void release(void *p, enum kind kind)
{
    struct object *o = p;
    if (o->kind != kind)
        abort();
    fake_ort_state.live--;
    free(o);
}

static const struct object *object(const void *p, enum kind kind)
{
    const struct object *o = p;
    if (o->kind != kind)
        abort();
    return o;
}

/* NULL, or the failure of this call. */
static struct ort_status *outcome(void)
{
    struct fake_ort *f = &fake_ort_state;
    if (f->calls++ == 0 && getenv("FAKE_ORT_FAIL_AT"))
        f->fail_at = atol(getenv("FAKE_ORT_FAIL_AT"));
    if (f->fail_at == 0 || --f->fail_at > 0)
        return NULL;
    return make(STATUS);
}

#define MAY_FAIL()                                                                                 \
    do {                                                                                           \
        struct ort_status *status = outcome();                                                     \
        if (status)                                                                                \
            return status;                                                                         \
    } while (0)

static const char *get_error_message(const struct ort_status *s)
{
    (void)object(s, STATUS);
    return "it was told to\nfail";
}

static struct ort_status *create_env(int level, const char *id, struct ort_env **out)
{
    (void)level, (void)id;
    MAY_FAIL();
    *out = make(ENV);
    return NULL;
}

static struct ort_status *create_options(struct ort_session_options **out)
{
    MAY_FAIL();
    *out = make(OPTIONS);
    return NULL;
}

static struct ort_status *set_threads(struct ort_session_options *o, int n)
{
    (void)object(o, OPTIONS);
    MAY_FAIL();
    fake_ort_state.threads = n;
    return NULL;
}

static struct ort_status *set_outer_threads(struct ort_session_options *o, int n)
{
    (void)object(o, OPTIONS), (void)n;
    MAY_FAIL();
    return NULL;
}

static struct ort_status *create_session_of(const struct ort_env *env, const void *data, size_t n,
                                            const struct ort_session_options *o,
                                            struct ort_session **out)
{
    (void)object(env, ENV), (void)object(o, OPTIONS), (void)data, (void)n;
    MAY_FAIL();
    *out = make(SESSION);
    return NULL;
}

static struct ort_status *create_session(const struct ort_env *env, const char *path,
                                         const struct ort_session_options *o,
                                         struct ort_session **out)
{
    return create_session_of(env, path, strlen(path), o, out);
}

static struct ort_status *count_inputs(const struct ort_session *s, size_t *n)
{
    (void)object(s, SESSION);
    MAY_FAIL();
    *n = fake_ort_state.n_inputs;
    return NULL;
}

static struct ort_status *count_outputs(const struct ort_session *s, size_t *n)
{
    (void)object(s, SESSION);
    MAY_FAIL();
    *n = fake_ort_state.n_outputs;
    return NULL;
}

static struct ort_status *input_type(const struct ort_session *s, size_t i,
                                     struct ort_type_info **out)
{
    (void)object(s, SESSION);
    MAY_FAIL();
    struct object *o = make(TYPE);
    o->index = i;
    *out = (struct ort_type_info *)o;
    return NULL;
}

static struct ort_status *tensor_info(const struct ort_type_info *t,
                                      const struct ort_tensor_info **out)
{
    const struct object *o = object(t, TYPE);
    MAY_FAIL();
    *out = fake_ort_state.input[o->index].no_tensor ? NULL : (const struct ort_tensor_info *)o;
    return NULL;
}

static struct ort_status *copy_name(const char *name, char **out)
{
    MAY_FAIL();
    *out = strdup(name);
    if (!*out)
        abort();
    fake_ort_state.live++;
    return NULL;
}

static struct ort_status *input_name(const struct ort_session *s, size_t i, struct ort_allocator *a,
                                     char **out)
{
    (void)object(s, SESSION), (void)a;
    return copy_name(fake_ort_state.input[i].name, out);
}

static struct ort_status *output_name(const struct ort_session *s, size_t i,
                                      struct ort_allocator *a, char **out)
{
    (void)object(s, SESSION), (void)a, (void)i;
    return copy_name("output", out);
}

static struct ort_status *allocator_free(struct ort_allocator *a, void *p)
{
    (void)a;
    free(p);
    fake_ort_state.live--;
    return NULL;
}

static struct ort_status *default_allocator(struct ort_allocator **out)
{
    MAY_FAIL();
    *out = (struct ort_allocator *)&fake_ort_state;
    return NULL;
}

static struct ort_status *memory_info(int a, int m, struct ort_memory_info **out)
{
    (void)a, (void)m;
    MAY_FAIL();
    *out = make(MEMORY);
    return NULL;
}

/* A TYPE is an input's, a TENSOR that of a value. */
static struct ort_status *element_type(const struct ort_tensor_info *t, int *out)
{
    const struct object *o = (const struct object *)t;
    MAY_FAIL();
    *out = o->kind == TYPE ? fake_ort_state.input[o->index].element : o->element;
    return NULL;
}

static struct ort_status *dimensions_count(const struct ort_tensor_info *t, size_t *out)
{
    const struct object *o = (const struct object *)t;
    MAY_FAIL();
    *out = o->kind == TYPE ? fake_ort_state.input[o->index].rank : o->rank;
    return NULL;
}

static struct ort_status *dimensions(const struct ort_tensor_info *t, int64_t *out, size_t n)
{
    const struct object *o = (const struct object *)t;
    MAY_FAIL();
    memcpy(out, o->kind == TYPE ? fake_ort_state.input[o->index].dim : o->dim, n * sizeof *out);
    return NULL;
}

static struct ort_status *symbols(const struct ort_tensor_info *t, const char **out, size_t n)
{
    const struct object *o = object(t, TYPE);
    MAY_FAIL();
    for (size_t i = 0; i < n; i++) {
        const char *name = fake_ort_state.input[o->index].symbol[i];
        out[i] = name ? name : "";
    }
    return NULL;
}

static struct ort_status *create_tensor(const struct ort_memory_info *m, void *data, size_t bytes,
                                        const int64_t *dims, size_t rank, int element,
                                        struct ort_value **out)
{
    (void)object(m, MEMORY);
    MAY_FAIL();
    struct object *o = make(VALUE);
    size_t n = element == ORT_INT64 || element == ORT_DOUBLE ? 8 : 4;
    volatile const unsigned char *touch = data;
    for (size_t i = 0; i < rank; i++)
        n *= (size_t)dims[i];
    if (n != bytes)
        abort();
    for (size_t i = 0; i < bytes; i++) /* it is all there */
        (void)touch[i];
    memcpy(o->dim, dims, rank * sizeof *dims);
    o->rank = rank;
    o->element = element;
    *out = (struct ort_value *)o;
    return NULL;
}

static struct ort_status *run(struct ort_session *s, const struct ort_run_options *r,
                              const char *const *in_names, const struct ort_value *const *in,
                              size_t n_in, const char *const *out_names, size_t n_out,
                              struct ort_value **out)
{
    (void)object(s, SESSION), (void)r, (void)in_names, (void)n_in, (void)out_names;
    MAY_FAIL();
    const struct object *first = object(in[0], VALUE);
    for (size_t i = 0; i < n_out; i++) {
        struct object *o = make(VALUE);
        o->rank = first->rank;
        o->element = ORT_FLOAT;
        memcpy(o->dim, first->dim, sizeof o->dim);
        out[i] = (struct ort_value *)o;
    }
    fake_ort_state.runs++;
    fake_ort_state.items = first->dim[0];
    return NULL;
}

static struct ort_status *value_info(const struct ort_value *v, struct ort_tensor_info **out)
{
    const struct object *from = object(v, VALUE);
    MAY_FAIL();
    struct object *o = make(TENSOR);
    o->rank = from->rank;
    o->element = from->element;
    memcpy(o->dim, from->dim, sizeof o->dim);
    *out = (struct ort_tensor_info *)o;
    return NULL;
}

static struct ort_status *mutable_data(struct ort_value *v, void **out)
{
    (void)object(v, VALUE);
    MAY_FAIL();
    *out = ((struct object *)v)->data;
    return NULL;
}

#define RELEASE(name, type, kind)                                                                  \
    static void name(type *p)                                                                      \
    {                                                                                              \
        release(p, kind);                                                                          \
    }
RELEASE(release_status, struct ort_status, STATUS)
RELEASE(release_env, struct ort_env, ENV)
RELEASE(release_memory, struct ort_memory_info, MEMORY)
RELEASE(release_session, struct ort_session, SESSION)
RELEASE(release_value, struct ort_value, VALUE)
RELEASE(release_type, struct ort_type_info, TYPE)
RELEASE(release_tensor, struct ort_tensor_info, TENSOR)
RELEASE(release_options, struct ort_session_options, OPTIONS)

static const struct ort_api api = {
    .GetErrorMessage = get_error_message,
    .CreateEnv = create_env,
    .CreateSession = create_session,
    .CreateSessionFromArray = create_session_of,
    .Run = run,
    .CreateSessionOptions = create_options,
    .SetIntraOpNumThreads = set_threads,
    .SetInterOpNumThreads = set_outer_threads,
    .SessionGetInputCount = count_inputs,
    .SessionGetOutputCount = count_outputs,
    .SessionGetInputTypeInfo = input_type,
    .SessionGetInputName = input_name,
    .SessionGetOutputName = output_name,
    .CreateTensorWithDataAsOrtValue = create_tensor,
    .GetTensorMutableData = mutable_data,
    .CastTypeInfoToTensorInfo = tensor_info,
    .GetTensorElementType = element_type,
    .GetDimensionsCount = dimensions_count,
    .GetDimensions = dimensions,
    .GetSymbolicDimensions = symbols,
    .GetTensorTypeAndShape = value_info,
    .CreateCpuMemoryInfo = memory_info,
    .AllocatorFree = allocator_free,
    .GetAllocatorWithDefaultOptions = default_allocator,
    .ReleaseEnv = release_env,
    .ReleaseStatus = release_status,
    .ReleaseMemoryInfo = release_memory,
    .ReleaseSession = release_session,
    .ReleaseValue = release_value,
    .ReleaseTypeInfo = release_type,
    .ReleaseTensorTypeAndShapeInfo = release_tensor,
    .ReleaseSessionOptions = release_options,
};

static const struct ort_api *get_api(uint32_t version)
{
    return version == ORT_API_VERSION && !fake_ort_state.too_old ? &api : NULL;
}

static const char *get_version(void)
{
    return fake_ort_state.too_old ? "1.2.3" : "1.99.0";
}

static const struct ort_api_base base = {get_api, get_version};

EXPORT ort_get_api_base_fn OrtGetApiBase;
const struct ort_api_base *OrtGetApiBase(void)
{
    return &base;
}
