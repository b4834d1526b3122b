/* SPDX-License-Identifier: Apache-2.0
 *
 * Our own declarations of ONNX Runtime's binary interface: what we call, and nothing else. The
 * library exports one function, OrtGetApiBase(); from there a table of functions is asked for by
 * version. New versions append to the table and never change what is in it, so a slot's number is
 * its name (source: the rules at the head of struct OrtApi in onnxruntime_c_api.h, MIT licence).
 */
#ifndef WTL_ONNX_ORT_ABI_H
#define WTL_ONNX_ORT_ABI_H

#include <stddef.h>
#include <stdint.h>

/* The table as of ONNX Runtime 1.11: everything here was in it. */
enum { ORT_API_VERSION = 11 };

struct ort_status;
struct ort_env;
struct ort_session;
struct ort_session_options;
struct ort_run_options;
struct ort_value;
struct ort_type_info;
struct ort_tensor_info;
struct ort_memory_info;
struct ort_allocator;

enum { ORT_LOG_FATAL = 4 };
enum { ORT_ARENA_ALLOCATOR = 1, ORT_MEMORY_DEFAULT = 0 };

/* Element types that we know what to fill with. */
enum ort_element {
    ORT_FLOAT = 1,
    ORT_INT32 = 6,
    ORT_INT64 = 7,
    ORT_DOUBLE = 11,
};

/* NULL is success; a status must be released. clang-format keeps one slot a line. */
/* clang-format off */
struct ort_api {
    void *slot_0[2];
    const char *(*GetErrorMessage)(const struct ort_status *);
    struct ort_status *(*CreateEnv)(int log_level, const char *log_id, struct ort_env **);
    void *slot_4[3];
    struct ort_status *(*CreateSession)(const struct ort_env *, const char *path, const struct ort_session_options *, struct ort_session **);
    struct ort_status *(*CreateSessionFromArray)(const struct ort_env *, const void *, size_t, const struct ort_session_options *, struct ort_session **);
    struct ort_status *(*Run)(struct ort_session *, const struct ort_run_options *, const char *const *input_names, const struct ort_value *const *inputs, size_t n_inputs, const char *const *output_names, size_t n_outputs, struct ort_value **outputs);
    struct ort_status *(*CreateSessionOptions)(struct ort_session_options **);
    void *slot_11[13];
    struct ort_status *(*SetIntraOpNumThreads)(struct ort_session_options *, int);
    struct ort_status *(*SetInterOpNumThreads)(struct ort_session_options *, int);
    void *slot_26[4];
    struct ort_status *(*SessionGetInputCount)(const struct ort_session *, size_t *);
    struct ort_status *(*SessionGetOutputCount)(const struct ort_session *, size_t *);
    void *slot_32[1];
    struct ort_status *(*SessionGetInputTypeInfo)(const struct ort_session *, size_t, struct ort_type_info **);
    void *slot_34[2];
    struct ort_status *(*SessionGetInputName)(const struct ort_session *, size_t, struct ort_allocator *, char **);
    struct ort_status *(*SessionGetOutputName)(const struct ort_session *, size_t, struct ort_allocator *, char **);
    void *slot_38[11];
    struct ort_status *(*CreateTensorWithDataAsOrtValue)(const struct ort_memory_info *, void *, size_t bytes, const int64_t *dims, size_t rank, int element, struct ort_value **);
    void *slot_50[1];
    struct ort_status *(*GetTensorMutableData)(struct ort_value *, void **);
    void *slot_52[3];
    struct ort_status *(*CastTypeInfoToTensorInfo)(const struct ort_type_info *, const struct ort_tensor_info **);
    void *slot_56[4];
    struct ort_status *(*GetTensorElementType)(const struct ort_tensor_info *, int *);
    struct ort_status *(*GetDimensionsCount)(const struct ort_tensor_info *, size_t *);
    struct ort_status *(*GetDimensions)(const struct ort_tensor_info *, int64_t *, size_t);
    struct ort_status *(*GetSymbolicDimensions)(const struct ort_tensor_info *, const char **, size_t);
    void *slot_64[1];
    struct ort_status *(*GetTensorTypeAndShape)(const struct ort_value *, struct ort_tensor_info **);
    void *slot_66[3];
    struct ort_status *(*CreateCpuMemoryInfo)(int allocator, int memory, struct ort_memory_info **);
    void *slot_70[6];
    struct ort_status *(*AllocatorFree)(struct ort_allocator *, void *);
    void *slot_77[1];
    struct ort_status *(*GetAllocatorWithDefaultOptions)(struct ort_allocator **);
    void *slot_79[13];
    void (*ReleaseEnv)(struct ort_env *);
    void (*ReleaseStatus)(struct ort_status *);
    void (*ReleaseMemoryInfo)(struct ort_memory_info *);
    void (*ReleaseSession)(struct ort_session *);
    void (*ReleaseValue)(struct ort_value *);
    void *slot_97[1];
    void (*ReleaseTypeInfo)(struct ort_type_info *);
    void (*ReleaseTensorTypeAndShapeInfo)(struct ort_tensor_info *);
    void (*ReleaseSessionOptions)(struct ort_session_options *);
};
/* clang-format on */

#define ORT_SLOT(name, number)                                                                     \
    _Static_assert(offsetof(struct ort_api, name) == (number) * sizeof(void *), #name)
ORT_SLOT(GetErrorMessage, 2);
ORT_SLOT(CreateSession, 7);
ORT_SLOT(CreateSessionOptions, 10);
ORT_SLOT(SetIntraOpNumThreads, 24);
ORT_SLOT(SessionGetInputCount, 30);
ORT_SLOT(SessionGetInputTypeInfo, 33);
ORT_SLOT(SessionGetInputName, 36);
ORT_SLOT(CreateTensorWithDataAsOrtValue, 49);
ORT_SLOT(GetTensorMutableData, 51);
ORT_SLOT(CastTypeInfoToTensorInfo, 55);
ORT_SLOT(GetTensorElementType, 60);
ORT_SLOT(GetSymbolicDimensions, 63);
ORT_SLOT(GetTensorTypeAndShape, 65);
ORT_SLOT(CreateCpuMemoryInfo, 69);
ORT_SLOT(AllocatorFree, 76);
ORT_SLOT(GetAllocatorWithDefaultOptions, 78);
ORT_SLOT(ReleaseEnv, 92);
ORT_SLOT(ReleaseTypeInfo, 98);
ORT_SLOT(ReleaseSessionOptions, 100);
#undef ORT_SLOT

struct ort_api_base {
    const struct ort_api *(*GetApi)(uint32_t version); /* NULL: older than that */
    const char *(*GetVersionString)(void);
};

/* The one exported symbol. */
#define ORT_ENTRY "OrtGetApiBase"
typedef const struct ort_api_base *ort_get_api_base_fn(void);

#endif
