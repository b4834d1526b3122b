/* SPDX-License-Identifier: Apache-2.0
 * PLAN files on disk. */
#include "store/plan_file.h"

#include "base/text.h"
#include "codec/json.h"

int wtl_plan_file_text(const struct wtl_plan_file *file, struct wtl_buf *out, struct wtl_error *err)
{
    json_auto_t *root = NULL;
    int rc = wtl_plan_to_json(file, &root, err);
    if (rc == 0 && !wtl_json_write(root, out))
        rc = WTL_FAIL(err, WTL_NOMEM, "out of memory writing a plan");
    return rc;
}

int wtl_plan_file_add(struct wtl_file_set *set, const char *path, const struct wtl_plan_file *file,
                      struct wtl_error *err)
{
    struct wtl_buf text;
    wtl_buf_init(&text, wtl_alloc_system(), WTL_LIMIT_DOCUMENT_BYTES);
    int rc = wtl_plan_file_text(file, &text, err);
    if (rc == 0)
        rc = wtl_file_set_add(set, path, wtl_buf_str(&text), text.len, 0666, err);
    wtl_buf_fini(&text);
    return rc;
}

int wtl_plan_file_write(const char *path, const struct wtl_plan_file *file, struct wtl_error *err)
{
    WTL_FILE_SET(set);
    int rc = wtl_plan_file_add(&set, path, file, err);
    return rc ? rc : wtl_file_set_commit(&set, err);
}

int wtl_plan_file_read(struct wtl_arena *arena, const char *path, struct wtl_plan_file *file_out,
                       struct wtl_error *err)
{
    json_auto_t *root = NULL;
    int rc = wtl_json_read_file(path, &root, err);
    return rc ? rc : wtl_plan_from_json(arena, path, root, file_out, err);
}

const struct wtl_plan *wtl_plan_file_find(const struct wtl_plan_file *file, const char *gpu,
                                          const char *workload)
{
    for (size_t i = 0; i < file->n_plans; i++)
        if (wtl_same_name(file->plans[i].gpu, gpu) &&
            wtl_same_name(file->plans[i].workload, workload))
            return &file->plans[i];
    return NULL;
}
