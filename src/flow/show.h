/* SPDX-License-Identifier: Apache-2.0
 *
 * What a campaign holds and what is wrong with it, loaded once, for text or JSON.
 */
#ifndef WTL_FLOW_SHOW_H
#define WTL_FLOW_SHOW_H

#include "flow/documents.h"

#include <jansson.h>

struct wtl_show {
    const char *path;
    char fingerprint[65];
    struct wtl_source *sources; /* all of the campaign, whatever the filter */
    size_t n_sources;
    struct wtl_workset *sets; /* those that pass the filter */
    struct wtl_quality *quality;
    size_t n_sets;
    struct wtl_document_info *documents; /* all of the campaign, whatever the filter */
    size_t n_documents;
    bool list_runs;
    bool list_sources;
};

/* Of one set. */
struct wtl_show_counts {
    int accepted;
    int rejected;
    int by_cause[WTL_N_CAUSES];       /* by main cause */
    int clock_min_mhz, clock_max_mhz; /* 0: none is known */
    int n_clocks;                     /* known ones */
    int without_clock;                /* runs */
};
struct wtl_show_counts wtl_show_count(const struct wtl_workset *set);

/* What may be expected of a set, in a word. */
enum wtl_show_grade {
    WTL_SHOW_USABLE,
    WTL_SHOW_TOO_FEW,  /* it measures its workload, but at fewer clocks than a choice needs */
    WTL_SHOW_UNUSABLE, /* its quality gives the reason */
    WTL_SHOW_POINTS,   /* measured points, to be compared with others; too few clocks for a curve */
    WTL_SHOW_TIMES,    /* runs with times only: nothing was measured, nothing failed */
};
enum wtl_show_grade wtl_show_grade(const struct wtl_workset *set, const struct wtl_quality *q);
const char *wtl_show_grade_name(enum wtl_show_grade grade); /* "usable", "too few" ... */

/* The names of the boards in the runs of a set, each once; a run without one counts as "". */
struct wtl_show_devices {
    const char *name[8];
    int n;     /* of `name` */
    bool more; /* than there is room for */
};
struct wtl_show_devices wtl_show_devices(const struct wtl_workset *set);

/* Of these, what tells cards and not boards apart (UUIDs, "GPU 1"), over the accepted runs. */
struct wtl_show_devices wtl_show_cards(const struct wtl_workset *set);

/* Fills everything of `show_out` but the path and the two list flags, which stay as they are.
 * -WTL_NOTFOUND when a filter is given and no run passes it. */
int wtl_flow_show(const struct wtl_flow *flow, struct wtl_campaign *c,
                  const struct wtl_run_filter *filter, struct wtl_arena *arena,
                  struct wtl_show *show_out, struct wtl_error *err);

json_t *wtl_show_json(const struct wtl_show *s); /* NULL: out of memory */

#endif
