/* SPDX-License-Identifier: Apache-2.0
 *
 * Injected time. Nothing outside this file and the programs asks the system what time it is.
 */
#ifndef WTL_BASE_CLOCK_H
#define WTL_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define WTL_NS_PER_S INT64_C(1000000000)

struct wtl_clock {
    int64_t (*monotonic_ns)(void *ctx); /* for durations */
    int64_t (*wall_ns)(void *ctx);      /* Unix time, for stamps in files */
    void *ctx;
};

/* The real clocks. When SOURCE_DATE_EPOCH is set, wall time stands still at it: reproducible
 * documents (https://reproducible-builds.org/specs/source-date-epoch/). */
struct wtl_clock wtl_clock_system(void);

/* Waits so long in real time, signals or not; not at all for 0 and less. */
void wtl_sleep_ns(int64_t ns);

/* Always `wall_ns` (and monotonic 0): for tests. `state` must outlive the clock. */
struct wtl_clock wtl_clock_fixed(int64_t *wall_ns);

/* "2026-11-21T11:33:00Z" (UTC, seconds). size >= 21. Returns buf. */
const char *wtl_format_utc(int64_t wall_ns, char *buf, size_t size);

#endif
