/* SPDX-License-Identifier: Apache-2.0
 * Verdicts: what is read is written as something that reads back to the same text. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "base/limits.h"
#include "codec/json.h"
#include "store/verdict_file.h"

static int read_verdict(struct wtl_arena *arena, const char *text, size_t n,
                        struct wtl_verdict_file *file, struct wtl_error *err)
{
    json_auto_t *root = NULL;
    int rc = wtl_json_parse(text, n, "fuzz", &root, err);
    return rc < 0 ? rc : wtl_verdict_from_json(arena, "fuzz", root, file, err);
}

static void write_verdict(const struct wtl_verdict_file *file, struct wtl_buf *out)
{
    json_auto_t *root = wtl_verdict_to_json(file);
    wtl_buf_init(out, wtl_alloc_system(), WTL_LIMIT_DOCUMENT_BYTES);
    fuzz_check(root && wtl_json_write(root, out), "what was read can be written");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    WTL_ARENA(arena);
    struct wtl_verdict_file file, again;
    struct wtl_error err = {0};
    struct wtl_buf first, second;
    int rc = read_verdict(&arena, (const char *)data, size, &file, &err);
    fuzz_check(rc == 0 || err.message[0], "errors say why");
    if (rc < 0)
        return 0;
    write_verdict(&file, &first);
    fuzz_check(read_verdict(&arena, first.data, first.len, &again, &err) == 0, "and read again");
    write_verdict(&again, &second);
    fuzz_check(strcmp(wtl_buf_str(&first), wtl_buf_str(&second)) == 0, "as the same text");
    wtl_buf_fini(&first);
    wtl_buf_fini(&second);
    return 0;
}
