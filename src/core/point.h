/* SPDX-License-Identifier: Apache-2.0
 *
 * The operating point of a run: everything that was chosen for it. Clocks stand in struct wtl_run
 * itself (clock_mhz, mem_clock_mhz); the rest is here, each with a validity bit: a setting that a
 * campaign does not know of is no setting, and two runs of which one has it were made at different
 * points.
 */
#ifndef WTL_CORE_POINT_H
#define WTL_CORE_POINT_H

#include "base/units.h"

#include <stdbool.h>
#include <stdint.h>

/* X(name, unit, title, description) */
#define WTL_SETTINGS(X)                                                                            \
    X(batch, NONE, "batch", "items that are worked on at once")                                    \
    X(replicas, NONE, "replicas", "processes that serve the workload side by side")                \
    X(share, FRACTION, "share", "share of the SMs of each replica (MPS)")                          \
    X(limit_w, WATT, "power limit", "power limit as it was set")                                   \
    X(cpu_quota, NONE, "CPUs", "CPU time of the workload, in CPUs")                                \
    X(threads, NONE, "threads", "threads of each replica")

enum wtl_setting {
#define X(name, unit, title, text) WTL_SETTING_##name,
    WTL_SETTINGS(X)
#undef X
        WTL_N_SETTINGS
};

struct wtl_setting_info {
    const char *name; /* "limit_w" */
    enum wtl_unit unit;
    const char *title;
    const char *description;
};
const struct wtl_setting_info *wtl_setting_info(enum wtl_setting setting);
enum wtl_setting wtl_setting_by_name(const char *name); /* WTL_N_SETTINGS: unknown */

enum { WTL_VARIANT_NAME = 48, WTL_POINT_TEXT = 200 };

struct wtl_point {
    char variant[WTL_VARIANT_NAME]; /* of the model: "fp16", "resnet18"; "" not known */
    uint32_t valid;                 /* bit s: value[s] was chosen */
    double value[WTL_N_SETTINGS];
};

static inline bool wtl_point_has(const struct wtl_point *p, enum wtl_setting s)
{
    return (p->valid >> s) & 1;
}

static inline void wtl_point_set(struct wtl_point *p, enum wtl_setting s, double value)
{
    p->value[s] = value;
    p->valid |= UINT32_C(1) << s;
}

/* A total order: variant, then the settings in the order of the list, one that is not known before
 * all values; values that differ by less than a millionth are the same. 0: the same point. */
int wtl_point_compare(const struct wtl_point *a, const struct wtl_point *b);

/* "fp16, batch 8, 2 replicas, share 50 %, 250 W, 1.5 CPUs, 4 threads"; "" where nothing was chosen.
 * Returns buf. */
const char *wtl_point_format(const struct wtl_point *p, char buf[WTL_POINT_TEXT]);

#endif
