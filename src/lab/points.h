/* SPDX-License-Identifier: Apache-2.0
 *
 * The points of a sweep: its spec on a device whose legal clocks are known. Pure.
 */
#ifndef WTL_LAB_POINTS_H
#define WTL_LAB_POINTS_H

#include "lab/spec.h"

/* An operating point with all that is set for it. */
struct wtl_lab_point {
    int clock_mhz;     /* SM clock; 0: left alone */
    int mem_clock_mhz; /* likewise */
    struct wtl_point point;
};

int wtl_lab_point_compare(const struct wtl_lab_point *a, const struct wtl_lab_point *b);

/* The same in everything but the SM clock. */
bool wtl_lab_point_related(const struct wtl_lab_point *a, const struct wtl_lab_point *b);

/* Parts of a point as bits: settings by their numbers, and behind them these. */
enum {
    WTL_PART_clock_mhz = WTL_N_SETTINGS,
    WTL_PART_mem_clock_mhz,
    WTL_PART_variant,
};
#define WTL_PART(part) (UINT32_C(1) << (part))
/* Those that the point sets. */
uint32_t wtl_lab_point_parts(const struct wtl_lab_point *p);

/* The same in everything that a workload is loaded with: variant, batch, replicas, share, threads,
 * and the knobs among the parts that it is `told`. */
bool wtl_lab_point_same_load(const struct wtl_lab_point *a, const struct wtl_lab_point *b,
                             uint32_t told);

/* "1095 MHz, memory 1215 MHz, batch 8"; "as it is" where nothing is set. Returns buf. */
enum { WTL_LAB_POINT_TEXT = WTL_POINT_TEXT + 60 };
const char *wtl_lab_point_format(const struct wtl_lab_point *p, char buf[WTL_LAB_POINT_TEXT]);

/* What the devices can be set to. */
struct wtl_legal {
    const char *device;   /* for messages */
    const double *sm_mhz; /* ascending; NULL: no such knob */
    const double *mem_mhz;
    size_t n_sm, n_mem;
    bool has_limit, has_quota;
    double limit_w_min, limit_w_max;
    double quota_max;
};

struct wtl_lab_points {
    const struct wtl_lab_point *items; /* distinct, in order of wtl_lab_point_compare() */
    size_t n;
    size_t reference;
    const char *not_varied; /* "12 SM clocks, 3 power limits": without privilege; NULL: all is */
};

/* The order: settings, then memory clock, then SM clock. -WTL_PARSE at the place of what is not
 * legal, with the nearest legal values; -WTL_UNSUPPORTED: a knob that the devices lack;
 * -WTL_LIMIT: more than WTL_SWEEP_POINTS. */
int wtl_lab_points_make(struct wtl_arena *arena, const struct wtl_sweep_spec *spec,
                        const struct wtl_legal *legal, struct wtl_lab_points *out,
                        struct wtl_error *err);

#endif
