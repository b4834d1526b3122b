/* SPDX-License-Identifier: Apache-2.0
 * Clocks. */
#include "base/clock.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;
    if (clock_gettime(id, &ts) != 0)
        return 0;
    return (int64_t)ts.tv_sec * WTL_NS_PER_S + ts.tv_nsec;
}

static int64_t system_monotonic(void *ctx)
{
    (void)ctx;
    return read_clock(CLOCK_MONOTONIC);
}

static int64_t system_wall(void *ctx)
{
    (void)ctx;
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    int64_t seconds;
    if (epoch && wtl_parse_int(epoch, strlen(epoch), &seconds) && seconds >= 0 &&
        seconds < INT64_MAX / WTL_NS_PER_S)
        return seconds * WTL_NS_PER_S;
    return read_clock(CLOCK_REALTIME);
}

struct wtl_clock wtl_clock_system(void)
{
    return (struct wtl_clock){system_monotonic, system_wall, NULL};
}

static int64_t fixed_monotonic(void *ctx)
{
    (void)ctx;
    return 0;
}

static int64_t fixed_wall(void *ctx)
{
    return *(const int64_t *)ctx;
}

struct wtl_clock wtl_clock_fixed(int64_t *wall_ns)
{
    return (struct wtl_clock){fixed_monotonic, fixed_wall, wall_ns};
}

const char *wtl_format_utc(int64_t wall_ns, char *buf, size_t size)
{
    time_t seconds = (time_t)(wall_ns / WTL_NS_PER_S);
    struct tm tm;
    if (!gmtime_r(&seconds, &tm) || strftime(buf, size, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        snprintf(buf, size, "?");
    return buf;
}

void wtl_sleep_ns(int64_t ns)
{
    struct timespec t = {(time_t)(ns / WTL_NS_PER_S), (long)(ns % WTL_NS_PER_S)};
    while (ns > 0 && nanosleep(&t, &t) != 0)
        ;
}
