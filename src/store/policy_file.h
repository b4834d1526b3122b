/* SPDX-License-Identifier: Apache-2.0
 *
 * Policy files: YAML with limits and objectives per workload, per category and by default.
 * docs/policies.md is made from the same tables and lists the presets.
 */
#ifndef WTL_STORE_POLICY_FILE_H
#define WTL_STORE_POLICY_FILE_H

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"
#include "core/overlay.h"

/* One line of a policy file. `set` comes first: the schema tables share its offsets. */
struct wtl_policy_rule {
    struct wtl_overlay set;
    char workload[WTL_LIMIT_NAME]; /* "": any */
    char gpu[WTL_LIMIT_NAME];      /* "": any */
    char category[WTL_LIMIT_NAME]; /* "": none */
};

struct wtl_policy_file {
    char name[WTL_LIMIT_NAME];
    const char *description;
    const char *source; /* "": ours */
    struct wtl_overlay defaults;
    const struct wtl_policy_rule *categories;
    size_t n_categories;
    const struct wtl_policy_rule *workloads;
    size_t n_workloads;
};

/* Reads a file, or a preset by name ("published-000"): a name without '/' and ".yaml" is a preset.
 * -WTL_NOTFOUND lists the presets; -WTL_PARSE with line and column. */
int wtl_policy_file_read(struct wtl_arena *arena, const char *name_or_path,
                         struct wtl_policy_file *out, struct wtl_error *err);

/* The same from text; `file` is for messages. */
int wtl_policy_file_parse(struct wtl_arena *arena, const char *text, size_t size, const char *file,
                          struct wtl_policy_file *out, struct wtl_error *err);

/* Lays over `policy` what the file says for this gpu and workload: defaults, then the category (of
 * the workload's rule, else `category`, which may be NULL), then the rules that match in the order
 * of the file, those that name a GPU last. Names are compared folded. *matched_out (may be NULL):
 * whether a rule names this workload. -WTL_USAGE when `category` is not in the file. */
int wtl_policy_file_apply(const struct wtl_policy_file *file, const char *gpu, const char *workload,
                          const char *category, struct wtl_policy *policy, bool *matched_out,
                          struct wtl_error *err);

/* The keys as Markdown tables, appended. */
void wtl_policy_file_document(struct wtl_buf *out);

#endif
