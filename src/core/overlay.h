/* SPDX-License-Identifier: Apache-2.0
 *
 * Some fields of a policy, to be laid over others: what a line of a policy file or the options of a
 * command say, and nothing that they do not say.
 */
#ifndef WTL_CORE_OVERLAY_H
#define WTL_CORE_OVERLAY_H

#include "core/policy.h"

struct wtl_overlay {
    struct wtl_policy values; /* only what the flags name; constraints by their own flags */
    bool objective;
    bool baseline;
    bool prefer;
    bool slo;
    bool clocks;
    bool confidence;
    bool replicates;
    bool seed;
};

/* Sets in `policy` what the overlay holds. Lists are shared, not copied. */
void wtl_overlay_apply(const struct wtl_overlay *overlay, struct wtl_policy *policy);

#endif
