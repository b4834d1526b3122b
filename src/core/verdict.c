/* SPDX-License-Identifier: Apache-2.0
 * The words of a verdict. */
#include "core/verdict.h"

#include <string.h>

const char *wtl_verdict_name(enum wtl_verdict_kind kind)
{
    switch (kind) {
    case WTL_VERDICT_CONFIRMED:
        return "confirmed";
    case WTL_VERDICT_REFUTED:
        return "refuted";
    case WTL_VERDICT_UNDECIDED:
        break;
    }
    return "undecided";
}

const char *wtl_verdict_method_name(enum wtl_verdict_method method)
{
    switch (method) {
    case WTL_METHOD_INTERLEAVED:
        return "paired by interleaved blocks";
    case WTL_METHOD_REPETITIONS:
        return "paired by repetitions";
    case WTL_METHOD_TWO_SAMPLES:
        return "two samples";
    case WTL_METHOD_NONE:
        break;
    }
    return "none";
}

bool wtl_verdict_by_name(const char *name, enum wtl_verdict_kind *out)
{
    for (int k = WTL_VERDICT_CONFIRMED; k <= (int)WTL_VERDICT_UNDECIDED; k++)
        if (strcmp(name, wtl_verdict_name((enum wtl_verdict_kind)k)) == 0) {
            *out = (enum wtl_verdict_kind)k;
            return true;
        }
    return false;
}

bool wtl_verdict_method_by_name(const char *name, enum wtl_verdict_method *out)
{
    for (int m = WTL_METHOD_NONE; m <= (int)WTL_METHOD_TWO_SAMPLES; m++)
        if (strcmp(name, wtl_verdict_method_name((enum wtl_verdict_method)m)) == 0) {
            *out = (enum wtl_verdict_method)m;
            return true;
        }
    return false;
}
