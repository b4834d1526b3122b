/* SPDX-License-Identifier: Apache-2.0
 *
 * Work per second with an interval, from batches as they are done: successive batches are put into
 * up to 64 segments of equally many (two neighbours become one when all are full), and the segments
 * are taken for independent: the method of batch means (Law and Kelton 2000, section 9.5.3), which
 * needs no memory of the single batches and allows for correlation within a segment. Work over time
 * is a ratio; its variance is that of the ratio's residuals (Cochran 1977, section 6.4).
 */
#ifndef WTL_LOAD_THROUGHPUT_H
#define WTL_LOAD_THROUGHPUT_H

#include <stdbool.h>
#include <stdint.h>

/* Below so many whole segments there is no interval. */
enum { WTL_SEGMENTS = 64, WTL_SEGMENTS_MIN = 8 };

/* Zeros are an empty one. */
struct wtl_throughput {
    double work, time_s; /* in all */
    int64_t batches;
    int64_t each; /* batches of a segment; 0: none yet, and 1 at first */
    int n;        /* whole segments */
    int64_t part; /* batches in the segment that is being filled: number n */
    double segment_work[WTL_SEGMENTS + 1], segment_s[WTL_SEGMENTS + 1];
};

/* `work` units took the time from the end of the batch before to the end of this one. */
void wtl_throughput_add(struct wtl_throughput *t, double work, double time_s);

/* Work and time that are in the rate, and in no segment: at the edges of a window, where parts of
 * batches are counted. */
void wtl_throughput_edge(struct wtl_throughput *t, double work, double time_s);

/* Work behind the last batch, of one that goes on. */
void wtl_throughput_part(struct wtl_throughput *t, double work);

/* The end of the window: so much time after the last batch in which none ended. Counts as a segment
 * of its own where it is longer than the others. */
void wtl_throughput_end(struct wtl_throughput *t, double time_s);

struct wtl_rate_estimate {
    double per_s;
    bool has_interval;
    double lo_per_s, hi_per_s; /* 95 % */
    int n;                     /* segments behind it */
};

/* False, and nothing written, where no time has passed. */
bool wtl_throughput_rate(const struct wtl_throughput *t, struct wtl_rate_estimate *out);

#endif
