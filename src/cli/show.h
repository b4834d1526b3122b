/* SPDX-License-Identifier: Apache-2.0
 *
 * What `wattle show` shows, loaded once and printed as text or JSON.
 */
#ifndef WTL_CLI_SHOW_H
#define WTL_CLI_SHOW_H

#include "cli/command.h"
#include "flow/flow.h"

struct show {
    const char *path;
    char fingerprint[65];
    struct wtl_source *sources; /* all of the campaign, whatever the filter */
    size_t n_sources;
    struct wtl_workset *sets; /* those that pass the filter */
    struct wtl_quality *quality;
    size_t n_sets;
    bool list_runs;
    bool list_sources;
};

/* Of one set. */
struct show_counts {
    int accepted;
    int rejected;
    int by_cause[WTL_N_CAUSES];       /* by main cause */
    int clock_min_mhz, clock_max_mhz; /* 0: none is known */
    int n_clocks;                     /* known ones */
    int without_clock;                /* runs */
};
struct show_counts show_count(const struct wtl_workset *set);

/* The names of the boards in the runs of a set, each once; a run without one counts as "". */
struct show_devices {
    const char *name[8];
    int n;     /* of `name` */
    bool more; /* than there is room for */
};
struct show_devices show_list_devices(const struct wtl_workset *set);

int show_text(struct wtl_context *ctx, const struct show *s, struct wtl_error *err);
json_t *show_json(const struct show *s); /* NULL: out of memory */

#endif
