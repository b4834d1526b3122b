/* SPDX-License-Identifier: Apache-2.0
 * Clock event reasons in words. */
#include "core/event_reasons.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct wtl_event_reason reasons[] = {
    {0x4, "sw_power_cap", "power limit", "at limit", true},
    {0x80, "hw_power_brake", "power brake", "brake", true},
    {0x40, "hw_thermal", "too hot (hardware)", "too hot", true},
    {0x20, "sw_thermal", "too hot (driver)", "too hot", true},
    {0x8, "hw_slowdown", "hardware slowdown", "slowdown", true},
    {0x10, "sync_boost", "sync boost", "sync", false},
    {0x100, "display_clock", "display clock", "display", false},
    {0x2, "clock_setting", "clock setting", "setting", false},
    {0x1, "idle", "idle", "idle", false},
};
enum { N_REASONS = sizeof reasons / sizeof reasons[0] };

const struct wtl_event_reason *wtl_event_reasons(size_t *n_out)
{
    *n_out = N_REASONS;
    return reasons;
}

const char *wtl_event_reasons_text(uint64_t bits, bool holding, char buf[WTL_EVENT_REASONS_TEXT])
{
    size_t used = 0;
    buf[0] = '\0';
    for (int i = 0; i < N_REASONS; i++) {
        if (!(bits & reasons[i].bit) || (holding && !reasons[i].holds))
            continue;
        used += (size_t)snprintf(buf + used, WTL_EVENT_REASONS_TEXT - used, "%s%s",
                                 used ? ", " : "", reasons[i].text);
        bits &= ~reasons[i].bit;
    }
    for (int i = 0; i < N_REASONS; i++)
        bits &= ~reasons[i].bit;
    if (bits && !holding)
        snprintf(buf + used, WTL_EVENT_REASONS_TEXT - used, "%s0x%" PRIx64, used ? ", " : "", bits);
    return buf;
}

bool wtl_event_reasons_hold(uint64_t bits)
{
    for (int i = 0; i < N_REASONS; i++)
        if (reasons[i].holds && (bits & reasons[i].bit))
            return true;
    return false;
}
