/* SPDX-License-Identifier: Apache-2.0
 *
 * The knobs: quantities of a device that can be set. A knob is a range: a clock lock has a lower
 * and an upper end, a power limit or a quota has both ends equal. "Released" is the state without
 * any request of ours: no lock, the default limit, no quota.
 */
#ifndef WTL_CORE_KNOB_H
#define WTL_CORE_KNOB_H

#include "base/error.h"
#include "base/units.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(name with its unit, unit, what people call it, description) */
#define WTL_KNOBS(X)                                                                               \
    X(sm_clock_mhz, MHZ, "SM clock", "range that the SM (graphics) clock is locked to")            \
    X(mem_clock_mhz, MHZ, "memory clock", "range that the memory clock is locked to")              \
    X(power_limit_w, WATT, "power limit", "what the board or package may draw on average")         \
    X(cpu_clock_mhz, MHZ, "CPU clock", "range of a CPU frequency policy")                          \
    X(cpu_quota, NONE, "CPU quota", "CPU time of a control group, in CPUs")

enum wtl_knob {
#define X(name, unit, title, text) WTL_KNOB_##name,
    WTL_KNOBS(X)
#undef X
        WTL_N_KNOBS
};

#define WTL_KNOB_BIT(knob) (1u << (knob)) /* sets of knobs are words of these bits */

struct wtl_knob_info {
    const char *name; /* with its unit: "sm_clock_mhz" */
    enum wtl_unit unit;
    const char *title; /* "SM clock" */
    const char *description;
    bool range; /* lo and hi may differ */
};

/* Never NULL; `knob` must be below WTL_N_KNOBS. */
const struct wtl_knob_info *wtl_knob_info(enum wtl_knob knob);

/* WTL_N_KNOBS when there is none of that name. */
enum wtl_knob wtl_knob_by_name(const char *name);

/* What a knob is, or shall be, set to. */
struct wtl_knob_value {
    bool released; /* lo and hi are then what stands there out of force (a limit of a package that
                    * is switched off, the whole range of a CPU), or 0 */
    double lo, hi; /* base unit of the knob, lo <= hi; equal where it is no range */
};

static inline struct wtl_knob_value wtl_knob_released(void)
{
    return (struct wtl_knob_value){.released = true};
}
static inline struct wtl_knob_value wtl_knob_at(double value)
{
    return (struct wtl_knob_value){.lo = value, .hi = value};
}

/* Whether two values ask for the same: both released or both not, and ends that differ by less than
 * half of what the knob resolves (1 MHz, 1 mW, a thousandth of a CPU); those of a released one only
 * where both have them. */
bool wtl_knob_same(enum wtl_knob knob, struct wtl_knob_value a, struct wtl_knob_value b);

/* "1140 MHz", "300-1140 MHz", "250 W", "1.5 CPUs", "released", "released (200 W)". Exact: reads
 * back as the same value. Returns buf. */
enum { WTL_KNOB_TEXT = 80 };
const char *wtl_knob_format(enum wtl_knob knob, struct wtl_knob_value value,
                            char buf[WTL_KNOB_TEXT]);

/* The inverse, as people write it too: "1140", "1.14GHz", "300-1140MHz", "250W", "released".
 * -WTL_USAGE quotes the text: no number, a range for a knob that has none, ends in the wrong order,
 * nothing above 0. */
int wtl_knob_parse(enum wtl_knob knob, const char *text, struct wtl_knob_value *value_out,
                   struct wtl_error *err);

#endif
