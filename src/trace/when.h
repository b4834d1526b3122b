/* SPDX-License-Identifier: Apache-2.0
 *
 * Timestamps of foreign files to Unix nanoseconds. No locale, no time zone database: a date without
 * a zone is taken as UTC, which is exact for durations unless the file runs over a clock change.
 */
#ifndef WTL_TRACE_WHEN_H
#define WTL_TRACE_WHEN_H

#include "base/text.h"

/* How a column writes time. */
enum wtl_time_form {
    WTL_TIME_AUTO, /* ISO where it looks like a date or time of day, else a number of seconds,
                      milliseconds, ... since 1970 by its size (below) */
    WTL_TIME_ISO,  /* "2026-11-21T11:33:00.123Z", "2026/11/21 11:33:00", "+02:00", "11:33:00.5" */
    WTL_TIME_SECONDS, /* a decimal number of seconds from any origin */
    WTL_TIME_MS,
    WTL_TIME_US,
    WTL_TIME_NS,
    WTL_TIME_MINUTES,
    WTL_TIME_HOURS,
    WTL_TIME_DAYS,
};

/* False, with *t_ns alone, when the text is no time of that form or beyond 1678..2262.
 * Decimals are kept to the nanosecond (no double in between); what is finer is cut off.
 * AUTO takes a whole number of at least 10^11, 10^14, 10^17 as ms, us, ns: as seconds these would
 * lie after the year 5138. */
bool wtl_parse_time(struct wtl_view text, enum wtl_time_form form, int64_t *t_ns);

#endif
