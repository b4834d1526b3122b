/* SPDX-License-Identifier: Apache-2.0
 *
 * ONNX Runtime, loaded by name: Wattle is built and runs without it. Looked for in this order, and
 * a place that is named is the only one:
 *
 *   1. the path that the caller gives (an option), else
 *   2. the path that the environment gives ($WATTLE_ONNXRUNTIME), else
 *   3. where the linker looks: libonnxruntime.so.1, else
 *   4. where `./dev onnxruntime` puts it: onnxruntime/ in a build tree, LIBDIR/wattle/onnxruntime/
 *      of an installation.
 */
#ifndef WTL_ONNX_RUNTIME_H
#define WTL_ONNX_RUNTIME_H

#include "base/error.h"
#include "base/limits.h"
#include "onnx/ort_abi.h"

struct wtl_ort {
    void *handle; /* of dlopen() */
    const struct ort_api *api;
    struct ort_env *env;
    struct ort_memory_info *memory;
    struct ort_allocator *allocator; /* the library's own */
    char version[32];                /* "1.30.0" */
    char path[WTL_LIMIT_PATH];
};

/* `by_option` and `by_environment`: NULL and "" are not given. -WTL_UNSUPPORTED: there is none, or
 * it is no ONNX Runtime of 1.11 or later; the hint says how to get one. -WTL_FAILED: it is, and
 * does not start. */
int wtl_ort_open(struct wtl_ort *ort, const char *by_option, const char *by_environment,
                 struct wtl_error *err);

/* Zeros, and twice, are fine. The library stays in memory: its threads may not be done. */
void wtl_ort_close(struct wtl_ort *ort);

/* What a call returned: 0, or -WTL_FAILED with its words behind `what`; releases it. */
int wtl_ort_check(const struct wtl_ort *ort, struct ort_status *status, const char *what,
                  struct wtl_error *err);

#endif
