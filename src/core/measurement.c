/* SPDX-License-Identifier: Apache-2.0
 * Names of measurement.h. */
#include "core/measurement.h"

const char *wtl_evidence_name(enum wtl_evidence evidence)
{
    switch (evidence) {
    case WTL_EVIDENCE_IN_SAMPLE:
        return "in-sample";
    case WTL_EVIDENCE_CONFIRMED:
        return "confirmed";
    case WTL_EVIDENCE_PREDICTED:
        return "predicted";
    case WTL_N_EVIDENCE:
    case WTL_EVIDENCE_NONE:
        break;
    }
    return "none";
}
