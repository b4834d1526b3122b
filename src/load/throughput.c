/* SPDX-License-Identifier: Apache-2.0
 * Throughput by batch means. */
#include "load/throughput.h"

#include "stats/distribution.h"

#include <math.h>

static void halve(struct wtl_throughput *t)
{
    for (int i = 0; i < WTL_SEGMENTS / 2; i++) {
        t->segment_work[i] = t->segment_work[2 * i] + t->segment_work[2 * i + 1];
        t->segment_s[i] = t->segment_s[2 * i] + t->segment_s[2 * i + 1];
    }
    t->n = WTL_SEGMENTS / 2;
    t->each *= 2;
    t->segment_work[t->n] = t->segment_s[t->n] = 0;
}

static void end_segment(struct wtl_throughput *t)
{
    t->part = 0;
    t->n++;
    if (t->n == WTL_SEGMENTS)
        halve(t);
    else
        t->segment_work[t->n] = t->segment_s[t->n] = 0;
}

void wtl_throughput_add(struct wtl_throughput *t, double work, double time_s)
{
    if (t->each == 0)
        t->each = 1;
    t->work += work;
    t->time_s += time_s;
    t->batches++;
    t->segment_work[t->n] += work;
    t->segment_s[t->n] += time_s;
    if (++t->part == t->each)
        end_segment(t);
}

void wtl_throughput_edge(struct wtl_throughput *t, double work, double time_s)
{
    t->work += work;
    t->time_s += time_s;
}

void wtl_throughput_part(struct wtl_throughput *t, double work)
{
    t->work += work;
    t->segment_work[t->n] += work;
}

void wtl_throughput_end(struct wtl_throughput *t, double time_s)
{
    double whole_s = 0;
    for (int i = 0; i < t->n; i++)
        whole_s += t->segment_s[i];
    t->time_s += time_s;
    t->segment_s[t->n] += time_s;
    if (t->n > 0 && t->segment_s[t->n] > whole_s / t->n)
        end_segment(t);
}

bool wtl_throughput_rate(const struct wtl_throughput *t, struct wtl_rate_estimate *out)
{
    if (!(t->time_s > 0))
        return false;
    *out = (struct wtl_rate_estimate){.per_s = t->work / t->time_s, .n = t->n};
    if (t->n < WTL_SEGMENTS_MIN)
        return true;
    double work = 0, time_s = 0, squares = 0;
    for (int i = 0; i < t->n; i++) {
        work += t->segment_work[i];
        time_s += t->segment_s[i];
    }
    double rate = work / time_s;
    for (int i = 0; i < t->n; i++) {
        double residual = t->segment_work[i] - rate * t->segment_s[i];
        squares += residual * residual;
    }
    double n = t->n, mean_s = time_s / n;
    double half = wtl_student_quantile(0.975, n - 1) * sqrt(squares / (n * (n - 1))) / mean_s;
    out->has_interval = true;
    out->lo_per_s = fmax(0, out->per_s - half);
    out->hi_per_s = out->per_s + half;
    return true;
}
