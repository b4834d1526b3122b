/* SPDX-License-Identifier: Apache-2.0
 * Timing logs: a line is joined with the run of the same id in the same directory. */
#include "flow/import.h"

#include "base/text.h"
#include "runs/reduce.h"

#include <string.h>

int import_note_timing(struct import_dir *dir, struct wtl_arena *arena,
                       const struct wtl_naming *naming, const char *path,
                       const struct wtl_timing *timing, struct wtl_error *err)
{
    if (wtl_grow(arena, &dir->timings, dir->n_timings, &dir->cap_timings) != 0)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory reading timing logs");
    struct import_timing *t = &dir->timings[dir->n_timings++];
    *t = (struct import_timing){.timing = *timing};
    struct wtl_name_key key;
    if (wtl_naming_match(naming, path, &key)) {
        memcpy(t->gpu, key.gpu, sizeof t->gpu);
        memcpy(t->workload, key.workload, sizeof t->workload);
    }
    return 0;
}

static bool agree(int64_t a, int64_t b)
{
    return a == 0 || b == 0 || a == b;
}

static bool names_agree(const char *a, const char *b)
{
    return !a[0] || !b[0] || wtl_same_name(a, b);
}

/* Everything that both know is equal, and they know enough in common: the repetition (with the
 * clock, or within a sequence). */
static bool fits(const struct import_timing *t, const struct wtl_run *run)
{
    const struct wtl_timing *a = &t->timing;
    bool rep = a->rep && run->rep;
    bool clock = a->clock_mhz && run->clock_mhz;
    bool seq = a->seq && run->seq;
    return rep && (clock || seq) && agree(a->rep, run->rep) && agree(a->seq, run->seq) &&
           agree(a->clock_mhz, run->clock_mhz) && names_agree(t->gpu, run->gpu) &&
           names_agree(t->workload, run->workload);
}

bool import_find_timing(const struct import_dir *dir, const struct wtl_run *run,
                        struct wtl_timing *timing_out)
{
    struct wtl_timing found = {0};
    bool any = false;
    for (size_t i = 0; i < dir->n_timings; i++) {
        const struct wtl_timing *t = &dir->timings[i].timing;
        if (!fits(&dir->timings[i], run))
            continue;
        any = true;
        if (t->has_duration) {
            found.has_duration = true;
            found.duration_s = t->duration_s;
            found.resolution_s = t->resolution_s;
        }
        if (t->status != WTL_RUN_UNKNOWN) {
            found.status = t->status;
            found.exit_code = t->exit_code;
        }
    }
    if (any)
        *timing_out = found;
    return any;
}

bool import_apply_timing(struct wtl_run *run, const struct wtl_timing *timing)
{
    bool changed = false;
    if (timing->status != WTL_RUN_UNKNOWN && run->status != timing->status) {
        run->status = timing->status;
        changed = true;
    }
    if (timing->has_duration && !(wtl_run_has(run, WTL_R_wrapper_time_s) &&
                                  run->metric[WTL_R_wrapper_time_s] == timing->duration_s)) {
        wtl_run_set(run, WTL_R_wrapper_time_s, timing->duration_s);
        wtl_run_choose(run);
        changed = true;
    }
    return changed;
}
