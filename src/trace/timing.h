/* SPDX-License-Identifier: Apache-2.0
 *
 * Parts of timing logs that their readers share. For the folder trace/ only.
 */
#ifndef WTL_TRACE_TIMING_H
#define WTL_TRACE_TIMING_H

#include "base/text.h"
#include "trace/reader.h"

/* "1_01" -> seq 1, rep 1; "01" and "baseline_01" -> rep 1; anything else only as text. False when
 * the text is longer than run_id can hold. */
bool wtl_timing_run_id(struct wtl_view text, struct wtl_timing *out);

/* "114", "114.25" seconds: the duration and, from the number of decimals, its resolution. */
bool wtl_timing_duration(struct wtl_view text, struct wtl_timing *out);

/* "success", "failed", "timeout"; anything else is unknown. */
enum wtl_run_status wtl_timing_status(struct wtl_view text);

/* Counts and delivers one. */
int wtl_timing_deliver(struct wtl_reading *r, const struct wtl_timing *timing,
                       struct wtl_error *err);

#endif
