/* SPDX-License-Identifier: Apache-2.0
 *
 * What measuring costs: CPU time of all threads of a process that samples all GPUs as `wattle stat`
 * does, and as `wattle record` does where an output file is named; how often they wake up; and
 * allocations.
 *
 *   bench-telemetry [INTERVAL_MS [SECONDS [FILE]]]     10 ms and 10 s; 0: at the sensors' own rate
 */
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#include "bench/allocations.h"
#include "bench/arguments.h"
#include "bench/sampling.h"

struct spent {
    double cpu_s;
    long wakeups, allocations;
    struct bench_sampled done;
};

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + 1e-6 * (double)t.tv_usec;
}

static struct spent so_far(const struct bench_sampling *s)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (struct spent){seconds(u.ru_utime) + seconds(u.ru_stime), u.ru_nvcsw,
                          bench_allocations(), bench_sampling_done(s)};
}

static double rest(double s)
{
    struct timespec a, b, t = {(time_t)s, (long)(1e9 * (s - (double)(time_t)s))};
    clock_gettime(CLOCK_MONOTONIC, &a);
    while (nanosleep(&t, &t) != 0)
        ;
    clock_gettime(CLOCK_MONOTONIC, &b);
    return (double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec);
}

static void print(const struct bench_sampling *s, int interval_ms, double time_s,
                  const struct spent *a, const struct spent *b)
{
    const double n = (double)s->n, cpu_s = b->cpu_s - a->cpu_s;
    const double readings = (double)(b->done.readings - a->done.readings);
    printf("{\"devices\": %zu, \"interval_ms\": %d, \"recorded\": %s, \"seconds\": %.3f, "
           "\"cpu_share\": %.6f, \"readings_per_s\": %.1f, \"us_per_reading\": %.2f, "
           "\"wakeups_per_s\": %.1f, \"reading_share\": %.6f, \"allocations\": %ld}\n",
           s->n, interval_ms, s->recorder ? "true" : "false", time_s, cpu_s / time_s,
           readings / time_s / n, 1e6 * cpu_s / readings,
           (double)(b->wakeups - a->wakeups) / time_s,
           1e-9 * (double)(b->done.cost_ns - a->done.cost_ns) / time_s,
           b->allocations - a->allocations);
}

int main(int argc, char **argv)
{
    struct bench_number n[] = {{"INTERVAL_MS", 0, 10000, 10}, {"SECONDS", 1, 3600, 10}};
    struct bench_sampling sampling;
    struct wtl_error err = {0};
    int status;
    if (!bench_numbers(argc < 3 ? argc : 3, argv, "bench-telemetry [INTERVAL_MS [SECONDS [FILE]]]",
                       n, 2, &status))
        return status;
    int rc = bench_sampling_start((double)n[0].value, argc > 3 ? argv[3] : NULL, &sampling, &err);
    if (rc == 0) {
        (void)rest(2); /* until the periods are known */
        struct spent a = so_far(&sampling);
        double time_s = rest((double)n[1].value);
        struct spent b = so_far(&sampling);
        print(&sampling, (int)n[0].value, time_s, &a, &b);
        rc = bench_sampling_stop(&sampling, &err);
    }
    if (rc < 0)
        fprintf(stderr, "bench-telemetry: %s\n", err.message);
    return rc < 0;
}
