/* SPDX-License-Identifier: Apache-2.0
 *
 * What a path says about a run: the published directory and file naming schemes, and patterns given
 * in YAML. Only names are looked at, never content.
 */
#ifndef WTL_TRACE_NAMING_H
#define WTL_TRACE_NAMING_H

#include "base/alloc.h"
#include "core/run.h"

/* What a matched name gives; empty or 0 where it says nothing. */
struct wtl_name_key {
    const char *scheme; /* "sweep", "custom", "baseline", "legacy", "legacy-perf", or the user's */
    char gpu[WTL_LIMIT_NAME];
    char workload[WTL_LIMIT_NAME];
    char job[WTL_LIMIT_NAME];
    int64_t seq;
    int rep;
    int clock_mhz;
    enum wtl_run_mode mode;
    bool is_trace; /* a sampler's file; else a log or an application's output */
};

struct wtl_naming; /* user patterns from YAML; NULL: published schemes only */

/* Loads patterns from a YAML document such as
 *   naming:
 *     - pattern: "{gpu}/{workload}/clock{clock}_rep{rep}.csv"
 * Fields: gpu workload job seq rep clock; `*` matches anything but '/'. */
int wtl_naming_load(struct wtl_arena *arena, const char *yaml, size_t n, const char *path,
                    const struct wtl_naming **naming_out, struct wtl_error *err);

/* "V100" for "GV100", "A100" for "GA100" ...: the names of legacy files; other names unchanged. */
const char *wtl_gpu_of_arch(const char *arch);

/* True when the path (its last components) is of a known scheme. User patterns go first. */
bool wtl_naming_match(const struct wtl_naming *naming, const char *path,
                      struct wtl_name_key *key_out);

#endif
