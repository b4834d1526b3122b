/* SPDX-License-Identifier: Apache-2.0
 *
 * libwattle: one function per arrow of the loop, over files and JSON. docs/library.md has a
 * complete program; the documents are those of the command `wattle`, described in
 * docs/plan-schema.md.
 *
 * Conventions
 *   - Functions return 0, or the negative of an enum wtl_code with `err` filled (err may be NULL).
 *     Outputs are written on success only.
 *   - Results are JSON documents, UTF-8, ended by a zero; the caller frees them with wtl_free().
 *   - Options are structs that begin with their own size, so that they can grow:
 *         struct wtl_import_args args = {.size = sizeof args, .gpu = "A100"};
 *     Members that are zero have their default. NULL for the whole struct: all defaults. Strings
 *     need to live during the call only. A member that this library does not know, and that is not
 *     zero, is refused with -WTL_UNSUPPORTED.
 *   - The library never prints, exits, or touches signal handlers, and keeps no state between
 *     calls. Calls from several threads are independent; a campaign has one writer at a time.
 *   - Presets and board tables are files that Wattle installs: they are looked for in
 *     $WATTLE_DATA_DIR, or else beside the program and beside the library.
 */
#ifndef WATTLE_WATTLE_H
#define WATTLE_WATTLE_H

#include <stddef.h>
#include <stdint.h>

#include "wattle/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define WTL_PUBLIC __attribute__((visibility("default")))
#else
#define WTL_PUBLIC
#endif

/* The library's version, "0.1.0". */
WTL_PUBLIC const char *wtl_version(void);

/* Frees what a function of this header returned. NULL is fine. */
WTL_PUBLIC void wtl_free(void *result);

/* ---- What is said while a call works ----------------------------------------------------------*/

enum wtl_message_level { WTL_MESSAGE_WARNING = 0, WTL_MESSAGE_INFO = 1, WTL_MESSAGE_DEBUG = 2 };

/* Called on the caller's thread, or with several threads on one of them at a time. Texts are valid
 * during the call only. Both may be NULL. */
struct wtl_observer {
    size_t size; /* sizeof(struct wtl_observer) */
    void *ctx;   /* handed to both */
    /* One line without newline; level is an enum wtl_message_level. */
    void (*message)(void *ctx, int level, const char *text);
    /* `done` of `total` units of `what` (total 0: unknown), and bytes so far. */
    void (*progress)(void *ctx, const char *what, int64_t done, int64_t total, int64_t bytes);
};

/* ---- Import: traces, tables and timing logs into a campaign -----------------------------------*/

enum wtl_import_flag {
    WTL_IMPORT_KEEP_SAMPLES = 1, /* store samples in the campaign, not a reference to their file */
    WTL_IMPORT_KEEP_GOING = 2    /* pass over files that cannot be read; the result names them */
};

struct wtl_import_args {
    size_t size; /* sizeof(struct wtl_import_args) */
    const struct wtl_observer *observer;
    uint64_t flags;           /* of enum wtl_import_flag */
    int64_t threads;          /* 0: 1. The result is the same for any number. */
    const char *gpu;          /* of files whose name and content do not tell it */
    const char *workload;     /* likewise */
    const char *reader;       /* read every file with this one; NULL: detect by content */
    const char *mapping_yaml; /* how to read any other CSV, docs/formats.md */
    const char *naming_yaml;  /* patterns of file names, docs/formats.md */
    double interval_s; /* that the sampler was asked for: a label, the true one is estimated */
};

/* Reads files and directory trees into the campaign file, which is made if it does not exist: all
 * or nothing. Files that the campaign knows change nothing. *json_out (json_out may be NULL) is
 * what `wattle import --json` prints. */
WTL_PUBLIC int wtl_import(const char *campaign, const char *const *paths, size_t n_paths,
                          const struct wtl_import_args *args, char **json_out,
                          struct wtl_error *err);

/* ---- Show: what a campaign holds, what was rejected and why -----------------------------------*/

enum wtl_show_flag {
    WTL_SHOW_RUNS = 1,   /* list every run with its judgement */
    WTL_SHOW_SOURCES = 2 /* list every imported file */
};

struct wtl_show_args {
    size_t size; /* sizeof(struct wtl_show_args) */
    const struct wtl_observer *observer;
    uint64_t flags;  /* of enum wtl_show_flag */
    const char *gpu; /* only this one; NULL: all */
    const char *workload;
};

/* *json_out is what `wattle show --json` prints. -WTL_NOTFOUND when no run passes the filter. */
WTL_PUBLIC int wtl_show(const char *campaign, const struct wtl_show_args *args, char **json_out,
                        struct wtl_error *err);

/* ---- Optimize: campaign and policy to a plan --------------------------------------------------*/

struct wtl_optimize_args {
    size_t size; /* sizeof(struct wtl_optimize_args) */
    const struct wtl_observer *observer;
    const char *policy;      /* a preset ("published-000") or the path of a policy file */
    const char *policy_yaml; /* the text of a policy file, docs/policies.md; not with `policy` */
    const char *category;    /* of the policy, for workloads that it does not name */
    const char *gpu;         /* only this one; NULL: all */
    const char *workload;
    const char *job;
    int64_t replicates; /* of the bootstrap, 100 to 100000; 0: 1000 */
    int64_t seed;       /* of the bootstrap; 0: 1. Same input, same seed, same figures. */
};

/* The operating point of every GPU and workload under the policy (neither policy given: least
 * energy-delay product without limits). *json_out is a PLAN, what `wattle optimize -o PLAN` writes.
 * 0 whenever there is a plan: whether it is ok, undecided, unusable or infeasible stands in each
 * plan's `status`. -WTL_NOTFOUND when no run passes the filter. */
WTL_PUBLIC int wtl_optimize(const char *campaign, const struct wtl_optimize_args *args,
                            char **json_out, struct wtl_error *err);

/* ---- Report: documents and figures ------------------------------------------------------------*/

struct wtl_report_args {
    size_t size; /* sizeof(struct wtl_report_args) */
    const struct wtl_observer *observer;
    const char *plan_json; /* as wtl_optimize() returned it; NULL: made now, without limits */
    const char *figures;   /* formats of the single figures; NULL: "svg,png"; or "none" */
    const char *only;      /* only figures whose name contains it, and no documents */
    const char *gpu;       /* only this one; NULL: all */
    const char *workload;
};

/* Writes report.html, report.pdf, summary.md and the figures into `folder`, which is made if it
 * does not exist. *json_out (json_out may be NULL) is what `wattle report --json` prints: the files
 * and what was left out. */
WTL_PUBLIC int wtl_report(const char *campaign, const char *folder,
                          const struct wtl_report_args *args, char **json_out,
                          struct wtl_error *err);

#ifdef __cplusplus
}
#endif

#endif
