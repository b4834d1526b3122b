/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs that a campaign has more than once. For the folder flow/ only.
 */
#ifndef WTL_FLOW_SAME_H
#define WTL_FLOW_SAME_H

#include "flow/flow.h"

/* What one file has of others, or of itself. */
struct same_file {
    int64_t source_id;
    const char *path;
    const char *other; /* where the first of these runs stays */
    int64_t runs;
    int64_t elsewhere; /* of these in further files than `other` */
    bool is_new;       /* a source on either side has an id above `known_id` */
};

/* States the cause `duplicate` of every run that is there again, with a reason that names the other
 * file. files_out (may be NULL): which files have copies, in order of appearance; lives in `arena`.
 */
int same_state(struct wtl_campaign *c, struct wtl_arena *arena, struct wtl_run *runs, size_t n,
               int64_t known_id, struct same_file **files_out, size_t *n_files_out,
               struct wtl_error *err);

#endif
