/* SPDX-License-Identifier: Apache-2.0
 * PLAN files: what is read is written as something that reads back to the same text. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "base/limits.h"
#include "codec/json.h"
#include "store/plan_file.h"

static int read_plan(struct wtl_arena *arena, const char *text, size_t n,
                     struct wtl_plan_file *file, struct wtl_error *err)
{
    json_auto_t *root = NULL;
    int rc = wtl_json_parse(text, n, "fuzz", &root, err);
    return rc < 0 ? rc : wtl_plan_from_json(arena, "fuzz", root, file, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    WTL_ARENA(arena);
    struct wtl_plan_file file, again;
    struct wtl_error err = {0};
    struct wtl_buf first, second;
    int rc = read_plan(&arena, (const char *)data, size, &file, &err);
    fuzz_check(rc == 0 || err.message[0], "errors say why");
    if (rc < 0)
        return 0;
    wtl_buf_init(&first, wtl_alloc_system(), WTL_LIMIT_DOCUMENT_BYTES);
    wtl_buf_init(&second, wtl_alloc_system(), WTL_LIMIT_DOCUMENT_BYTES);
    fuzz_check(wtl_plan_file_text(&file, &first, &err) == 0, "what was read can be written");
    fuzz_check(read_plan(&arena, first.data, first.len, &again, &err) == 0, "and read again");
    fuzz_check(wtl_plan_file_text(&again, &second, &err) == 0, "and written again");
    fuzz_check(strcmp(wtl_buf_str(&first), wtl_buf_str(&second)) == 0, "as the same text");
    wtl_buf_fini(&first);
    wtl_buf_fini(&second);
    return 0;
}
