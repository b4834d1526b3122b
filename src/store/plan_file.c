/* SPDX-License-Identifier: Apache-2.0
 * PLAN files on disk. */
#include "store/plan_file.h"

#include "base/text.h"

#include "codec/json.h"
#include <stdio.h>

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
                                          const char *workload, const struct wtl_configuration *at)
{
    for (size_t i = 0; i < file->n_plans; i++)
        if (wtl_same_name(file->plans[i].gpu, gpu) &&
            wtl_same_name(file->plans[i].workload, workload) &&
            wtl_configuration_compare(&file->plans[i].at, at) == 0)
            return &file->plans[i];
    return NULL;
}

/* "fp16, batch 8; fp16, batch 16 ...": the configurations, each once. */
static void list_configurations(const struct wtl_plan_file *file, char *buf, size_t size)
{
    size_t used = 0;
    buf[0] = '\0';
    for (size_t i = 0; i < file->n_plans && used < size; i++) {
        char text[WTL_CONFIGURATION_TEXT];
        bool again = false;
        for (size_t k = 0; k < i && !again; k++)
            again = wtl_configuration_compare(&file->plans[k].at, &file->plans[i].at) == 0;
        if (!again)
            used += (size_t)snprintf(buf + used, size - used, "%s%s", used ? "; " : "",
                                     wtl_configuration_format(&file->plans[i].at, text)[0]
                                         ? text
                                         : "one without any setting");
    }
}

/* The choices that took a point at these settings. */
static int narrow_choices(struct wtl_arena *arena, const struct wtl_at *at,
                          struct wtl_plan_file *file, struct wtl_error *err)
{
    struct wtl_point_choice *choices =
        WTL_NEW_ARRAY(arena, struct wtl_point_choice, file->n_choices + 1);
    size_t n = 0;
    if (!choices)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < file->n_choices; i++) {
        const struct wtl_point_choice *c = &file->choices[i];
        int index = c->chosen >= 0 ? c->chosen : c->best;
        if (index >= 0 && wtl_at_matches(at, &c->points[index].at))
            choices[n++] = *c;
    }
    file->choices = choices;
    file->n_choices = n;
    return 0;
}

int wtl_plan_file_narrow(struct wtl_arena *arena, const char *path, const struct wtl_at *at,
                         struct wtl_plan_file *file, struct wtl_error *err)
{
    if (!at)
        return 0;
    struct wtl_plan_file f = *file;
    f.plans = WTL_NEW_ARRAY(arena, struct wtl_plan, file->n_plans + 1);
    f.n_plans = 0;
    if (!f.plans)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < file->n_plans; i++)
        if (wtl_at_matches(at, &file->plans[i].at))
            f.plans[f.n_plans++] = file->plans[i];
    int rc = narrow_choices(arena, at, &f, err);
    if (rc == 0 && f.n_plans + f.n_choices == 0) {
        char list[WTL_ERROR_HINT_MAX - 20];
        rc = WTL_FAIL(err, WTL_NOTFOUND, "\"%s\" holds no plan at these settings", path);
        list_configurations(file, list, sizeof list);
        wtl_error_hint(err, "its plans are at: %s", list);
    }
    if (rc == 0)
        *file = f;
    return rc;
}
