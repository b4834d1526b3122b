/* SPDX-License-Identifier: Apache-2.0
 *
 * Why a GPU's clock is where it is: the bits of the metric `event_reasons` in words. They are those
 * of NVML (nvmlClocksEventReason*, DCGM field 112); other makers' are mapped onto them.
 */
#ifndef WTL_CORE_EVENT_REASONS_H
#define WTL_CORE_EVENT_REASONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wtl_event_reason {
    uint64_t bit;
    const char *name; /* in documents: "sw_power_cap" */
    const char *text; /* for people: "power limit" */
    const char *word; /* the same where there is no room: "at limit" */
    bool holds;       /* keeps the clock below what was asked for; idle and a setting do not */
};

/* The known reasons, the ones that matter most first. */
const struct wtl_event_reason *wtl_event_reasons(size_t *n_out);

/* "power limit, temperature": the reasons of `bits` that are set, those that hold the clock down
 * first; bits without a name as "0x200". "" for 0. With `holding` only those that hold it. Returns
 * buf. */
enum { WTL_EVENT_REASONS_TEXT = 192 };
const char *wtl_event_reasons_text(uint64_t bits, bool holding, char buf[WTL_EVENT_REASONS_TEXT]);

/* Whether any reason of `bits` holds the clock down. */
bool wtl_event_reasons_hold(uint64_t bits);

#endif
