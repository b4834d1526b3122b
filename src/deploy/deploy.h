/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans to the files that put them in force: production.json for other programs, systemd units that
 * call `wattle apply`, or a script that needs nvidia-smi alone. Writes files and changes no device.
 *
 * Only plans of status ok whose clock the GPU has are deployed; the others are listed as left out,
 * with why, and so are the choices among operating points: a unit sets a plan's clock. Memory
 * clocks stay alone unless asked for, and only where the board can lock them.
 */
#ifndef WTL_DEPLOY_DEPLOY_H
#define WTL_DEPLOY_DEPLOY_H

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file_set.h"
#include "base/text.h"
#include "board/board_file.h"
#include "store/plan_file.h"

enum { WTL_PRODUCTION_VERSION = 1, WTL_DEPLOY_NAME = 64 };

/* Where wattle is on the target machine, unless told otherwise. */
#define WTL_DEPLOY_PROGRAM "/usr/bin/wattle"

struct wtl_deploy_options {
    const char *dir; /* made if it is not there; refused if it holds files that are not ours */
    const char *plan_path; /* for the record */
    const char *program;   /* absolute path of wattle on the target machine */
    bool without_wattle;
    int memory_clock_mhz; /* 0: leave the memory clock alone */
};

/* One plan, deployed or left out. */
struct wtl_deploy_item {
    const struct wtl_plan *plan;
    char name[WTL_DEPLOY_NAME]; /* "wattle-a100-stablediffusion": file names, unit, --standing */
    char left_out[200];         /* why; "" deployed */
    /* What else the plan is for and these files do not set: "power limit 150 W, batch 16"; "" */
    char by_hand[WTL_CONFIGURATION_TEXT + 48];
    bool is_point; /* it is the chosen operating point of its workload */
};

/* One choice among operating points that is no deployed plan. */
struct wtl_deploy_point {
    const struct wtl_point_choice *choice;
    char left_out[WTL_MEASURED_POINT_TEXT + 120]; /* why */
};

struct wtl_deployment {
    const struct wtl_plan_file *file;
    const struct wtl_deploy_options *options;
    char generated[24]; /* UTC */
    struct wtl_deploy_item *items;
    size_t n_items;
    size_t n_deployed;
    struct wtl_deploy_point *points;
    size_t n_points;
};

/* Decides what is deployed; touches no file. `boards` may be NULL. */
int wtl_deploy_select(struct wtl_arena *arena, const struct wtl_plan_file *file,
                      const struct wtl_board *boards, size_t n_boards, struct wtl_clock clock,
                      const struct wtl_deploy_options *options, struct wtl_deployment *out,
                      struct wtl_error *err);

/* Adds all files to `set`, production.json last; units and plans of an earlier deployment into the
 * same folder that are no longer part of it are to be removed. With nothing to deploy only
 * production.json and DEPLOY.md are written. The caller commits. */
int wtl_deploy_add(struct wtl_arena *arena, const struct wtl_deployment *d,
                   struct wtl_file_set *set, struct wtl_error *err);

/* production.json, appended: data/schemas/production.schema.json, docs/production-schema.md. */
int wtl_deploy_production(const struct wtl_deployment *d, struct wtl_buf *out,
                          struct wtl_error *err);

#endif
