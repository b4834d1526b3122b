/* SPDX-License-Identifier: Apache-2.0
 * PLAN files on disk. */
#include "store/plan_file.h"

#include "base/file.h"
#include "base/text.h"
#include "codec/json.h"

#include <string.h>

int wtl_plan_file_write(const char *path, const struct wtl_plan_file *file, struct wtl_error *err)
{
    WTL_ARENA(arena);
    json_auto_t *root = NULL;
    char *text;
    int rc = wtl_plan_to_json(file, &root, err);
    if (rc == 0)
        rc = wtl_json_dump(&arena, root, &text, err);
    if (rc == 0)
        rc = wtl_file_write_atomic(path, text, strlen(text), 0644, err);
    return rc;
}

int wtl_plan_file_read(struct wtl_arena *arena, const char *path, struct wtl_plan_file *file_out,
                       struct wtl_error *err)
{
    json_auto_t *root = NULL;
    int rc = wtl_json_read_file(path, &root, err);
    return rc < 0 ? rc : wtl_plan_from_json(arena, path, root, file_out, err);
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
