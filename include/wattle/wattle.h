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
 *     calls but in a monitor. Calls from several threads are independent; a campaign has one writer
 * at a time.
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
    const char *document; /* "plan/NAME", "predictor/NAME", "verdict/NAME"; NULL: the overview */
    const char *at;       /* only these operating points: "fp16, batch 8"; NULL: all */
};

/* *json_out is what `wattle show --json` prints, or the stored document that is named.
 * -WTL_NOTFOUND when no run passes the filter. */
WTL_PUBLIC int wtl_show(const char *campaign, const struct wtl_show_args *args, char **json_out,
                        struct wtl_error *err);

/* ---- Export: tables for other programs --------------------------------------------------------*/

struct wtl_export_args {
    size_t size; /* sizeof(struct wtl_export_args) */
    const struct wtl_observer *observer;
    const char *table;     /* "runs", "measurements" or "plans"; NULL: "runs" */
    const char *plan_json; /* plans for the table of plans; the campaign is then NULL */
    const char *gpu;       /* only this one (of a campaign); NULL: all */
    const char *workload;
    const char *at; /* only these operating points: "fp16, batch 8"; NULL: all */
};

/* Writes a CSV table (docs/campaign.md) to `file`, in one step. Plans of a campaign are made now,
 * as by wtl_optimize() without arguments. *json_out (json_out may be NULL) is what
 * `wattle export --json` prints: file, table and number of rows. */
WTL_PUBLIC int wtl_export(const char *campaign, const char *file,
                          const struct wtl_export_args *args, char **json_out,
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
    int64_t replicates;      /* of the bootstrap, 100 to 100000; 0: 1000 */
    int64_t seed;            /* of the bootstrap; 0: 1. Same input, same seed, same figures. */
    const char *save;        /* keep the plan in the campaign under this name; NULL: only read it */
    const char *at;          /* only these operating points: "fp16, batch 8"; NULL: all */
    const char *baseline_at; /* baseline of the best operating point: the fastest of these; NULL: of
                              * all */
};

/* The operating point of every GPU and workload under the policy (neither policy given: least
 * energy-delay product without limits). *json_out is a PLAN, what `wattle optimize -o PLAN` writes.
 * 0 whenever there is a plan: whether it is ok, undecided, unusable or infeasible stands in each
 * plan's `status`. -WTL_NOTFOUND when no run passes the filter. */
WTL_PUBLIC int wtl_optimize(const char *campaign, const struct wtl_optimize_args *args,
                            char **json_out, struct wtl_error *err);

/* ---- Fit: campaign to a predictor -------------------------------------------------------------*/

struct wtl_fit_args {
    size_t size; /* sizeof(struct wtl_fit_args) */
    const struct wtl_observer *observer;
    const char *policy;      /* which errors are stated: objective and limits of its defaults and */
    const char *policy_yaml; /* category, as in wtl_optimize_args; NULL: EDP, 5 % slowdown */
    const char *category;
    const char *gpu; /* learn from runs on this one only; NULL: all */
    const char *workload;
    const char *save; /* keep the predictor in the campaign under this name; NULL: only read it */
};

/* Learns time and power across workloads and GPUs. *model_out is a MODEL for wtl_predict(), what
 * `wattle fit -o MODEL` writes; *json_out is what `wattle fit --json` prints: the same without its
 * matrices, with the held-out errors and what was not learned from. Either may be NULL.
 * -WTL_UNDECIDED when fewer than two sets of runs are usable. */
WTL_PUBLIC int wtl_fit(const char *campaign, const struct wtl_fit_args *args, char **model_out,
                       char **json_out, struct wtl_error *err);

/* ---- Predict: predictor and a few runs to a plan ----------------------------------------------*/

struct wtl_predict_args {
    size_t size; /* sizeof(struct wtl_predict_args) */
    const struct wtl_observer *observer;
    const char *policy;      /* as in wtl_optimize_args; its `clocks` are the legal ones, */
    const char *policy_yaml; /* which a board that Wattle does not know needs */
    const char *category;
    const char *gpu;       /* of the probe, where it does not say it or has several */
    const char *workload;  /* likewise */
    const char *at;        /* use the probe's runs at these clocks only: "1410,1065" */
    const char *published; /* a published model instead of a fitted one: "fgcs-v100" */
    double fp;             /* for it, instead of a probe: fp32 activity / 2 + fp64 activity */
    double dram;           /* DRAM activity */
    double time_s;         /* time of a run at 1380 MHz */
    const char *save;      /* keep the plan in the campaign that the probe is, under this name */
};

/* Predicts the curves of a workload from runs at one or more clocks and chooses on them. `probe` is
 * the path of a campaign, or of a file to import (NULL with `published`, fp, dram and time_s);
 * model_json is NULL with `published`. *json_out is a PLAN of evidence "predicted", what
 * `wattle predict --json` prints. */
WTL_PUBLIC int wtl_predict(const char *model_json, const char *probe,
                           const struct wtl_predict_args *args, char **json_out,
                           struct wtl_error *err);

/* ---- Validate: a plan against fresh runs ------------------------------------------------------*/

enum wtl_validate_flag {
    WTL_VALIDATE_WITHIN = 1 /* the plan's own campaign: leave out one repetition at a time */
};

struct wtl_validate_args {
    size_t size; /* sizeof(struct wtl_validate_args) */
    const struct wtl_observer *observer;
    uint64_t flags;    /* of enum wtl_validate_flag */
    double confidence; /* of intervals, 0.5 to 0.9999; 0: 0.95 */
    double margin;     /* by which a saving may fall short, up to 0.5; 0: 0.01; negative: none */
    const char *save;  /* keep the verdict in `campaign` under this name; NULL: only read it */
};

/* *json_out is what `wattle validate --json` prints (docs/verdicts.md). 0 whenever there is an
 * answer: confirmed, refuted or undecided stands in its "verdict". *plan_out is the plan with the
 * estimates of the fresh runs where they confirm it; NULL is needed with WTL_VALIDATE_WITHIN.
 * Either may be NULL. -WTL_USAGE when the campaign holds the very runs that made the plan. */
WTL_PUBLIC int wtl_validate(const char *plan_json, const char *campaign,
                            const struct wtl_validate_args *args, char **json_out, char **plan_out,
                            struct wtl_error *err);

/* ---- Compare: two plans side by side ----------------------------------------------------------*/

struct wtl_compare_args {
    size_t size; /* sizeof(struct wtl_compare_args) */
    const struct wtl_observer *observer;
    const char *html;   /* also write the comparison as a page to this file; NULL: do not */
    const char *pdf;    /* and as a PDF */
    const char *name_a; /* of the plans in these two; NULL: "plan A", "plan B" */
    const char *name_b;
};

/* *json_out (json_out may be NULL) is what `wattle compare --json` prints (docs/verdicts.md). */
WTL_PUBLIC int wtl_compare(const char *plan_a_json, const char *plan_b_json,
                           const struct wtl_compare_args *args, char **json_out,
                           struct wtl_error *err);

/* ---- Report: documents and figures ------------------------------------------------------------*/

struct wtl_report_args {
    size_t size; /* sizeof(struct wtl_report_args) */
    const struct wtl_observer *observer;
    const char *plan_json; /* as wtl_optimize() returned it; NULL: made now, without limits */
    const char *figures;   /* formats of the single figures; NULL: "svg,png"; or "none" */
    const char *only;      /* only figures whose name contains it, and no documents */
    const char *gpu;       /* only this one; NULL: all */
    const char *workload;
    /* Shown beside the verdicts and predictors that the campaign stores: documents as
     * wtl_validate() and wtl_fit() (model_out) gave them. */
    const char *const *verdicts_json;
    size_t n_verdicts;
    const char *const *models_json;
    size_t n_models;
    const char *at; /* only these operating points: "fp16, batch 8"; NULL: all */
};

/* Writes report.html, report.pdf, summary.md and the figures into `folder`, which is made if it
 * does not exist. *json_out (json_out may be NULL) is what `wattle report --json` prints: the files
 * and what was left out. */
WTL_PUBLIC int wtl_report(const char *campaign, const char *folder,
                          const struct wtl_report_args *args, char **json_out,
                          struct wtl_error *err);

/* ---- Deploy: plan to the files that put it in force -------------------------------------------*/

enum wtl_deploy_flag {
    WTL_DEPLOY_WITHOUT_WATTLE = 1 /* a shell script that needs nvidia-smi alone */
};

struct wtl_deploy_args {
    size_t size; /* sizeof(struct wtl_deploy_args) */
    const struct wtl_observer *observer;
    uint64_t flags;           /* of enum wtl_deploy_flag */
    int64_t memory_clock_mhz; /* lock it as well (only without Wattle); 0: leave it alone */
    const char *program;      /* where wattle is on the target machine; NULL: /usr/bin/wattle */
    const char *plan_name;    /* of the plan, for the record in production.json */
};

/* Writes production.json, units and scripts into `folder`, which is made if it does not exist; no
 * device is changed. *json_out (json_out may be NULL) is production.json, what
 * `wattle deploy --json` prints. 0 also when no plan can be deployed: read "left_out". */
WTL_PUBLIC int wtl_deploy(const char *plan_json, const char *folder,
                          const struct wtl_deploy_args *args, char **json_out,
                          struct wtl_error *err);

/* ---- Leases: knobs of devices, moved and put back (docs/leases.md) ----------------------------*/

/* These change devices. While wtl_apply() and wtl_cap() work, a process of the program `wattle`
 * (found beside this library) stands by to undo a change that is cut short; what they leave is a
 * standing lease, which stays until wtl_restore(). */

enum wtl_apply_flag {
    WTL_APPLY_DRY_RUN = 1, /* say what would be set, and touch nothing */
    WTL_APPLY_FORCE = 2,   /* also on a board that the plan was not made on */
    WTL_APPLY_POINT = 4    /* the best operating point, also where there are plans of clocks */
};

struct wtl_apply_args {
    size_t size; /* sizeof(struct wtl_apply_args) */
    const struct wtl_observer *observer;
    uint64_t flags;         /* of enum wtl_apply_flag */
    const char *const *ids; /* devices, as `wattle devices` names them */
    size_t n_ids;           /* 0: every GPU of the plan's type */
    const char *gpu;        /* which plan, of a document with several */
    const char *workload;
    const char *standing; /* name of the lease; NULL: none */
    const char *at; /* the operating point that is meant, of a workload with plans for several */
};

/* Locks the SM clock that the plan chose; of an operating point sets the clocks and the power
 * limit, and says in "by_hand" what the workload is to be started with. *json_out (json_out may be
 * NULL) is what `wattle apply --json` prints. -WTL_BUSY names the holder of a knob;
 * -WTL_PERMISSION; -WTL_INFEASIBLE, -WTL_UNDECIDED: the plan chose nothing; -WTL_UNSUPPORTED:
 * nothing of the point can be set. On failure everything is as before. */
WTL_PUBLIC int wtl_apply(const char *plan_json, const struct wtl_apply_args *args, char **json_out,
                         struct wtl_error *err);

enum wtl_cap_flag { WTL_CAP_DRY_RUN = 1 };

struct wtl_cap_args {
    size_t size; /* sizeof(struct wtl_cap_args) */
    const struct wtl_observer *observer;
    uint64_t flags;       /* of enum wtl_cap_flag */
    double base_w;        /* what draws from the budget, at most, and has no limit to set */
    const char *standing; /* name of the lease; NULL: none */
};

/* Splits a power budget over the limits of the devices. *json_out (json_out may be NULL) is what
 * `wattle cap --json` prints. -WTL_INFEASIBLE: below the sum of the lowest limits. */
WTL_PUBLIC int wtl_cap(double budget_w, const char *const *ids, size_t n_ids,
                       const struct wtl_cap_args *args, char **json_out, struct wtl_error *err);

enum wtl_status_flag { WTL_STATUS_ALL = 1 /* with the leases that were closed within a day */ };

struct wtl_status_args {
    size_t size; /* sizeof(struct wtl_status_args) */
    const struct wtl_observer *observer;
    uint64_t flags; /* of enum wtl_status_flag */
};

/* What is leased, by whom, and whether it is as it shall be: what `wattle status --json` prints. */
WTL_PUBLIC int wtl_status(const struct wtl_status_args *args, char **json_out,
                          struct wtl_error *err);

enum wtl_restore_flag {
    WTL_RESTORE_ALL = 1,    /* end every standing lease */
    WTL_RESTORE_DRY_RUN = 2 /* say what would be put back, and touch nothing */
};

struct wtl_restore_args {
    size_t size; /* sizeof(struct wtl_restore_args) */
    const struct wtl_observer *observer;
    uint64_t flags;            /* of enum wtl_restore_flag */
    const char *const *leases; /* to end: numbers or names */
    size_t n_leases;
};

/* Puts back the loans of the dead and ends leases. *json_out (json_out may be NULL) is what
 * `wattle restore --json` prints. Calling it twice does no harm. */
WTL_PUBLIC int wtl_restore(const struct wtl_restore_args *args, char **json_out,
                           struct wtl_error *err);

/* ---- Devices: what is here, what it reads, which knobs it has ---------------------------------*/

struct wtl_devices_args {
    size_t size; /* sizeof(struct wtl_devices_args) */
    const struct wtl_observer *observer;
    const char
        *root; /* a recorded machine: a directory, or a file of wtl_doctor(); NULL: this one */
    const char *const *only; /* ids, UUIDs, PCI addresses; NULL: all */
    size_t n_only;
};

/* *json_out is what `wattle devices --json` prints (docs/devices.md). Nothing is changed. A device
 * that cannot be read says so in the document. -WTL_NOTFOUND when none goes by a name of `only`. */
WTL_PUBLIC int wtl_devices(const struct wtl_devices_args *args, char **json_out,
                           struct wtl_error *err);

/* ---- Doctor: what works, what is missing, who holds which knob --------------------------------*/

struct wtl_doctor_args {
    size_t size; /* sizeof(struct wtl_doctor_args) */
    const struct wtl_observer *observer;
    const char *root;   /* as in wtl_devices_args */
    const char *gather; /* pack the machine into this file (.tar.gz) instead; NULL: do not */
};

/* *json_out is what `wattle doctor --json` prints (docs/devices.md). 0 also when something is
 * wrong: read "healthy". */
WTL_PUBLIC int wtl_doctor(const struct wtl_doctor_args *args, char **json_out,
                          struct wtl_error *err);

/* ---- Windows: the energy of what a program does (docs/library.md) -----------------------------*/

/* Under `wattle stat|record|sweep` (WATTLE_MARKERS is set) a monitor tells that command its windows
 * and has their energy from there. Else it opens the devices itself and reads them on threads of
 * its own. All of it may be called from any thread. A child of fork() opens its own: calls on its
 * parent's fail with -WTL_USAGE, and wtl_monitor_close() only lets go of it. */
struct wtl_monitor;

enum wtl_monitor_flag {
    WTL_MONITOR_MARK_ONLY = 1,  /* never measure in this process: without a listener, do nothing */
    WTL_MONITOR_ALONE = 2,      /* measure in this process, whoever listens */
    WTL_MONITOR_NO_ESTIMATE = 4 /* leave CPUs without a sensor out, instead of estimating them */
};

struct wtl_monitor_args {
    size_t size; /* sizeof(struct wtl_monitor_args) */
    const struct wtl_observer *observer;
    uint64_t flags;         /* of enum wtl_monitor_flag */
    const char *const *ids; /* devices, as `wattle devices` names them; who listens has his own */
    size_t n_ids;           /* 0: all that tell energy or power */
    double tdp_w;           /* of the CPUs where they have no sensor; 0: 4 W a CPU */
    double interval_s;      /* of readings; 0: at the sensors' own rate */
};

/* Takes up to two seconds where it measures itself: every sensor is waited for. -WTL_NOTFOUND:
 * nothing here can be measured. The monitor is closed with wtl_monitor_close(). */
WTL_PUBLIC int wtl_monitor_open(const struct wtl_monitor_args *args,
                                struct wtl_monitor **monitor_out, struct wtl_error *err);

/* A window begins. `name` is one word of at most 63 bytes. Windows nest and overlap; the same name
 * may be open several times. About a microsecond. -WTL_LIMIT: 1024 are open. */
WTL_PUBLIC int wtl_window_begin(struct wtl_monitor *monitor, const char *name,
                                struct wtl_error *err);

enum wtl_window_flag {
    /* Wait until the energy is as good as it gets: a tenth of a second or so, the time does not
     * count. Without it the answer comes at once, with an interval that is wider by what the
     * sensors have not said yet. */
    WTL_WINDOW_SETTLED = 1,
    WTL_WINDOW_CANCEL = 2 /* the window does not count */
};

struct wtl_window_end_args {
    size_t size;      /* sizeof(struct wtl_window_end_args) */
    uint64_t flags;   /* of enum wtl_window_flag */
    double work;      /* units done in it; 0: not said */
    const char *unit; /* "images": one word of at most 15 bytes; NULL: not said */
    /* Who that work was for: ids without blanks, ',' and ':', and units of each. At most 512. */
    const char *const *requests;
    const double *requests_work;
    size_t n_requests;
    /* Latency of the one request that the window served, in seconds from the time that it was due:
     * finite, 0 or more. For who listens, who tells its quantiles. NULL: not said. */
    const double *latency_s;
};

/* The window of that name that began last ends: in this thread, where it has one. *json_out
 * (json_out may be NULL: then it takes about a microsecond) has its time, and its energy as a whole
 * and by device, each with interval, method and class; null where nobody measures.
 * -WTL_NOTFOUND: no window of that name is open. -WTL_USAGE, -WTL_LIMIT: what was said of it cannot
 * be, and it is still open. */
WTL_PUBLIC int wtl_window_end(struct wtl_monitor *monitor, const char *name,
                              const struct wtl_window_end_args *args, char **json_out,
                              struct wtl_error *err);

/* *json_out: {"devices": [{"id", "kind", "index", "part_of_another"}]}, those whose energy windows
 * have: what the monitor opened, or what who listens measures; empty where nobody measures. Under a
 * listener it waits a second at most. */
WTL_PUBLIC int wtl_monitor_devices(struct wtl_monitor *monitor, char **json_out,
                                   struct wtl_error *err);

/* Tells who listens that this program has loaded and warmed up: a sweep measures from then on. */
WTL_PUBLIC int wtl_monitor_ready(struct wtl_monitor *monitor, struct wtl_error *err);

/* Open windows end, cut, for who listens. NULL is fine. No other call may be under way. */
WTL_PUBLIC void wtl_monitor_close(struct wtl_monitor *monitor);

#ifdef __cplusplus
}
#endif

#endif
