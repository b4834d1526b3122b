/* SPDX-License-Identifier: Apache-2.0
 *
 * Profiles: virtual boards and workloads as YAML. data/sim/boards/NAME.yaml describes a board (its
 * name, legal clocks and default limit are in data/boards, which it names), data/sim/workloads/
 * NAME.yaml a workload with its parameters on each board. Every number in them says where it is
 * from; tools/calibrate-sim writes those that were fitted.
 */
#ifndef WTL_SIMHOST_PROFILE_H
#define WTL_SIMHOST_PROFILE_H

#include "base/alloc.h"
#include "base/error.h"
#include "codec/yaml.h"
#include "sim/board.h"
#include "sim/workload.h"

/* How well a set of parameters does on rows that its fit did not see; shares, not percent. A figure
 * that was not computed is 0. */
struct wtl_sim_held_out {
    double work_median, work_p90, watt_median, watt_p90;
};

/* One entry of a workload's `fits`. */
struct wtl_sim_fitted {
    const char *board; /* short name */
    const char *phase; /* "" when there is only one */
    bool assumed;      /* not fitted: made up or carried over from another board */
    const char *source;
    int work_rows, watt_rows;                    /* that it was fitted to */
    struct wtl_sim_held_out folds, batch, share; /* random fifths; each batch; each share */
    struct wtl_sim_held_out clock, block; /* every second clock; every fifth block of four clocks */
    struct wtl_sim_fit fit;
};

struct wtl_sim_workload_profile {
    struct wtl_sim_workload workload; /* without fits */
    size_t n;
    const struct wtl_sim_fitted *fits;
};

/* From text; `file` names it in messages. A board's text names a file under data/boards, which is
 * read. -WTL_PARSE with line and column, and what makes no sense as wtl_sim_board_check(). */
int wtl_sim_board_parse(struct wtl_arena *arena, const char *text, size_t size, const char *file,
                        struct wtl_sim_board *out, struct wtl_error *err);
int wtl_sim_workload_parse(struct wtl_arena *arena, const char *text, size_t size, const char *file,
                           struct wtl_sim_workload_profile *out, struct wtl_error *err);

/* By short name ("a100"), name of the file ("a100-pcie-40gb"), the board's own name, or a path that
 * ends in .yaml. "plain" is a made-up board (sim/board.h), and below a made-up workload: for tests,
 * and where no data are installed. -WTL_NOTFOUND lists what there is. */
int wtl_sim_profile_board(const char *name, struct wtl_sim_board *out, struct wtl_error *err);

/* A workload with its parameters on a board; by name or path. -WTL_NOTFOUND when there is none of
 * that name, or it has no parameters for that board (the message says for which it has). */
int wtl_sim_profile_workload(const char *name, const struct wtl_sim_board *board,
                             struct wtl_sim_workload *out, struct wtl_error *err);

/* Takes the parameters for a board out of a profile. -WTL_USAGE as wtl_sim_workload_check(). */
int wtl_sim_workload_on(const struct wtl_sim_workload_profile *profile, const char *short_name,
                        struct wtl_sim_workload *out, struct wtl_error *err);

/* All that are shipped, in order of file name. */
int wtl_sim_profile_boards(struct wtl_arena *arena, struct wtl_sim_board **out, size_t *n_out,
                           struct wtl_error *err);
int wtl_sim_profile_workloads(struct wtl_arena *arena, struct wtl_sim_workload_profile **out,
                              size_t *n_out, struct wtl_error *err);

#endif
