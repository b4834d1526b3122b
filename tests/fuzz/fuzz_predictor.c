/* SPDX-License-Identifier: Apache-2.0
 * MODEL files: whatever gets past the reader must predict without harm. The checksum is made to
 * fit, or nothing but the checksum would ever be tested. */
#include "fuzz/fuzz.h"

#include "codec/json.h"
#include "store/predictor_fields.h"
#include "store/predictor_file.h"

static void predict(struct wtl_arena *arena, const struct wtl_predictor *p)
{
    struct wtl_error err = {0};
    struct wtl_cell cell = {1410, 10, 200, 1};
    struct wtl_example probe = {.gpu = "A100",
                                .workload = "w",
                                .f_max_mhz = 1410,
                                .cells = &cell,
                                .n_cells = 1,
                                .features = (1U << WTL_N_FEATURES) - 1};
    struct wtl_posterior q;
    if (wtl_predictor_apply(arena, p, &probe, true, &q, NULL, &err) == 0)
        (void)wtl_posterior_at(&q, 705);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_predictor_file file;
    char checksum[65];
    json_t *root = NULL;
    if (wtl_json_parse((const char *)data, size, "fuzz", &root, &err) < 0)
        return 0;
    if (json_is_object(root) && wtl_predictor_checksum(root, checksum, &err) == 0)
        json_object_set_new(root, "checksum", json_string(checksum));
    int rc = wtl_predictor_from_json(&arena, "fuzz", root, &file, &err);
    fuzz_check(rc == 0 || err.message[0], "errors say why");
    if (rc == 0)
        predict(&arena, &file.predictor);
    json_decref(root);
    return 0;
}
