/* SPDX-License-Identifier: Apache-2.0
 * KServe: metadata of models become requests whose parts agree; the first byte chooses the form of
 * tensors, or that the bytes are an answer. */
#include "fuzz/fuzz.h"

#include "load/kserve.h"

#include <string.h>

enum { LARGE = 100000 }; /* elements; more takes too long here */

static bool is_small(const struct wtl_kserve_model *m)
{
    int64_t sum = 0;
    for (int i = 0; i < m->n_inputs; i++) {
        int64_t n = 1;
        for (int d = 0; d < m->inputs[i].n_dims; d++)
            if (__builtin_mul_overflow(n, m->inputs[i].dim[d], &n) || n > LARGE)
                return false;
        sum += n;
    }
    return sum < LARGE;
}

static void make(const char *text, size_t n, bool binary)
{
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_kserve_model m = {0};
    struct wtl_kserve k = {0};
    int rc = wtl_kserve_parse_model(&arena, text, n, &m, &err);
    fuzz_check(rc == 0 ? m.n_inputs > 0 : err.message[0] && !m.name, "a model or a reason");
    if (rc < 0 || wtl_kserve_set_batch(&m, 2, &err) < 0 || !is_small(&m))
        return;
    rc = wtl_kserve_make(&arena, &m, binary, 2, 1, &k, &err);
    fuzz_check(rc == 0 || err.message[0], "a failure says why");
    for (size_t i = 0; i < k.n; i++) {
        const struct wtl_kserve_body *b = &k.bodies[i];
        fuzz_check(b->json_size <= b->size && (binary || b->json_size == 0), "sizes agree");
        fuzz_check(b->data[0] == '{' && b->data[(b->json_size ? b->json_size : b->size) - 1] == '}',
                   "the head is an object");
    }
}

static void answer(const char *text, size_t n, int64_t json_size)
{
    struct wtl_kserve k = {0};
    struct wtl_dialect d = wtl_kserve_dialect(&k);
    struct wtl_exchange x;
    wtl_exchange_init(&x, wtl_alloc_system());
    wtl_exchange_restart(&x);
    strcpy(x.content_type, "application/json");
    x.reply_json_size = json_size;
    d.data(d.ctx, &x, text, n);
    d.end(d.ctx, &x);
    fuzz_check(x.outcome == WTL_OUTCOME_OK || x.why[0], "a failure says why");
    wtl_exchange_fini(&x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const char *text = (const char *)data + 1;
    (void)wtl_kserve_has_binary(text, size - 1);
    if (data[0] & 2)
        answer(text, size - 1, data[0] & 1 ? -1 : data[0] >> 2);
    else
        make(text, size - 1, data[0] & 1);
    return 0;
}
