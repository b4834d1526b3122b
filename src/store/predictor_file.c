/* SPDX-License-Identifier: Apache-2.0
 * MODEL files on disk. */
#include "store/predictor_file.h"

#include "codec/json.h"

int wtl_predictor_file_text(const struct wtl_predictor_file *file, struct wtl_buf *out,
                            struct wtl_error *err)
{
    json_auto_t *root = NULL;
    int rc = wtl_predictor_to_json(file, &root, err);
    if (rc == 0 && !wtl_json_write(root, out))
        rc = WTL_FAIL(err, WTL_NOMEM, "out of memory writing a predictor");
    return rc;
}

int wtl_predictor_file_add(struct wtl_file_set *set, const char *path,
                           const struct wtl_predictor_file *file, struct wtl_error *err)
{
    struct wtl_buf text;
    wtl_buf_init(&text, wtl_alloc_system(), WTL_LIMIT_DOCUMENT_BYTES);
    int rc = wtl_predictor_file_text(file, &text, err);
    if (rc == 0)
        rc = wtl_file_set_add(set, path, wtl_buf_str(&text), text.len, 0666, err);
    wtl_buf_fini(&text);
    return rc;
}

int wtl_predictor_file_write(const char *path, const struct wtl_predictor_file *file,
                             struct wtl_error *err)
{
    WTL_FILE_SET(set);
    int rc = wtl_predictor_file_add(&set, path, file, err);
    return rc ? rc : wtl_file_set_commit(&set, err);
}

int wtl_predictor_file_read(struct wtl_arena *arena, const char *path,
                            struct wtl_predictor_file *file_out, struct wtl_error *err)
{
    json_auto_t *root = NULL;
    int rc = wtl_json_read_file(path, &root, err);
    return rc ? rc : wtl_predictor_from_json(arena, path, root, file_out, err);
}
