/* SPDX-License-Identifier: Apache-2.0
 *
 * What sampling does to a program that computes: a loop over a matrix of 512 x 512 (1 MiB, as a
 * layer of a small network) on one CPU, with and without another process that samples all GPUs as
 * `wattle stat` does; blocks of both take turns in random order, and the other process is stopped
 * (SIGSTOP) in the blocks without. Two places for it: free to run on any other CPU, and on the
 * loop's own. Speed is work by the loop's own CPU time, so that other programs on the machine do
 * not count; what sampling takes from a CPU is its own CPU time, given beside.
 *
 *   bench-effect [INTERVAL_MS [PAIRS [BLOCK_MS]]]     10 ms, 20 pairs of 500 ms; 0 ms: at the rate
 * of the sensors
 */
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/random.h"
#include "bench/arguments.h"
#include "bench/sampling.h"
#include "stats/robust.h"

enum { SIZE = 512, PAIRS_MAX = 1000, SETTLE_MS = 150 };

static void die(const char *what)
{
    fprintf(stderr, "bench-effect: %s\n", what);
    exit(1);
}

static int64_t now_ns(void)
{
    struct wtl_clock c = wtl_clock_system();
    return c.monotonic_ns(c.ctx);
}

/* ---- The program that computes --------------------------------------------------------------- */

static float matrix[SIZE][SIZE], vector[2][SIZE];

static void prepare(void)
{
    struct wtl_rng rng;
    wtl_rng_init(&rng, 1);
    for (int i = 0; i < SIZE; i++) {
        vector[0][i] = (float)wtl_rng_uniform(&rng);
        for (int k = 0; k < SIZE; k++)
            matrix[i][k] = (float)(wtl_rng_uniform(&rng) - 0.5) / 8;
    }
}

static void layer(const float *in, float *out)
{
    for (int i = 0; i < SIZE; i++) {
        float sum = 0;
        for (int k = 0; k < SIZE; k++)
            sum += matrix[i][k] * in[k];
        out[i] = sum > 0 ? sum : 0.01F * sum + 0.001F;
    }
}

static double cpu_s(clockid_t clock)
{
    struct timespec t = {0};
    (void)clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Layers a second of our CPU time. */
static double compute(int64_t for_ns)
{
    const int64_t begin = now_ns();
    const double begin_s = cpu_s(CLOCK_PROCESS_CPUTIME_ID);
    long n = 0;
    for (; now_ns() - begin < for_ns; n += 2) {
        layer(vector[0], vector[1]);
        layer(vector[1], vector[0]);
    }
    return (double)n / (cpu_s(CLOCK_PROCESS_CPUTIME_ID) - begin_s);
}

/* ---- The one that samples -------------------------------------------------------------------- */

static cpu_set_t allowed; /* at the start */

/* On that CPU alone, or on all others. */
static void pin(int cpu, bool to_it)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET((size_t)i, &allowed) && (i == cpu) == to_it)
            CPU_SET((size_t)i, &set);
    if (CPU_COUNT(&set) == 0 || sched_setaffinity(0, sizeof set, &set) != 0)
        die("one CPU only: nowhere else to sample");
}

struct facts {
    double readings_per_s, busy_share; /* of each device; of time, that a call is under way */
};

/* Samples until it is killed; tells how it does when that is known. */
static void sample(double interval_ms, int cpu, bool beside, int tell_fd)
{
    struct bench_sampling s;
    struct wtl_error err = {0};
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin(cpu, beside);
    if (bench_sampling_start(interval_ms, NULL, &s, &err) < 0)
        die(err.message);
    sleep(2); /* until the periods are known */
    struct bench_sampled a = bench_sampling_done(&s);
    int64_t begin = now_ns();
    sleep(2);
    struct bench_sampled b = bench_sampling_done(&s);
    double time_s = 1e-9 * (double)(now_ns() - begin);
    struct facts f = {(double)(b.readings - a.readings) / time_s / (double)s.n,
                      1e-9 * (double)(b.cost_ns - a.cost_ns) / time_s};
    if (write(tell_fd, &f, sizeof f) != (ssize_t)sizeof f)
        die("the parent is gone");
    for (;;)
        pause();
}

static pid_t start_sampling(double interval_ms, int cpu, bool beside, struct facts *facts)
{
    int fds[2];
    if (pipe(fds) != 0)
        die("no pipe");
    pid_t pid = fork();
    if (pid == 0)
        sample(interval_ms, cpu, beside, fds[1]);
    close(fds[1]);
    if (pid < 0 || read(fds[0], facts, sizeof *facts) != (ssize_t)sizeof *facts)
        die("sampling did not begin");
    close(fds[0]);
    return pid;
}

/* ---- Pairs ----------------------------------------------------------------------------------- */

struct sampler {
    pid_t pid;
    clockid_t clock;        /* of its CPU time */
    double cpu_s, beside_s; /* that it took in blocks; of them, the time */
};

static double block(struct sampler *s, bool on, int64_t for_ns)
{
    kill(s->pid, on ? SIGCONT : SIGSTOP);
    (void)compute(SETTLE_MS * 1000000LL);
    const int64_t begin = now_ns();
    const double before_s = cpu_s(s->clock);
    const double rate = compute(for_ns);
    if (on) {
        s->cpu_s += cpu_s(s->clock) - before_s;
        s->beside_s += 1e-9 * (double)(now_ns() - begin);
    }
    return rate;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Median of n, and its 95 % interval by order statistics: no assumption on how they scatter. */
static void print(const char *where, double *slowdown, int n, const struct sampler *s,
                  const struct facts *f)
{
    int lo = (int)floor(0.5 * (n - 1.96 * sqrt(n))), hi;
    lo = lo < 0 ? 0 : lo;
    hi = n - 1 - lo;
    qsort(slowdown, (size_t)n, sizeof *slowdown, by_value);
    printf("{\"where\": \"%s\", \"n\": %d, \"slowdown\": %.6f, \"lo\": %.6f, \"hi\": %.6f, "
           "\"cpu_share\": %.6f, "
           "\"readings_per_s\": %.1f, \"reading_share\": %.6f}\n",
           where, n, wtl_quantile_sorted(slowdown, (size_t)n, 0.5), slowdown[lo], slowdown[hi],
           s->cpu_s / s->beside_s, f->readings_per_s, f->busy_share);
    fflush(stdout);
}

static void measure(double interval_ms, int pairs, int64_t block_ns, int cpu, bool beside)
{
    static double slowdown[PAIRS_MAX];
    struct facts facts;
    struct wtl_rng rng;
    wtl_rng_init(&rng, 2);
    struct sampler sampler = {.pid = start_sampling(interval_ms, cpu, beside, &facts)};
    if (clock_getcpuclockid(sampler.pid, &sampler.clock) != 0)
        die("no clock of another process");
    pin(cpu, true);
    for (int i = 0; i < pairs; i++) {
        double rate[2];
        bool first = wtl_rng_uniform(&rng) < 0.5;
        rate[first] = block(&sampler, first, block_ns);
        rate[!first] = block(&sampler, !first, block_ns);
        slowdown[i] = rate[false] / rate[true] - 1;
    }
    kill(sampler.pid, SIGKILL);
    waitpid(sampler.pid, NULL, 0);
    print(beside ? "same CPU" : "other CPU", slowdown, pairs, &sampler, &facts);
}

int main(int argc, char **argv)
{
    struct bench_number n[] = {
        {"INTERVAL_MS", 0, 10000, 10}, {"PAIRS", 6, PAIRS_MAX, 20}, {"BLOCK_MS", 10, 60000, 500}};
    int status;
    if (!bench_numbers(argc, argv, "bench-effect [INTERVAL_MS [PAIRS [BLOCK_MS]]]", n, 3, &status))
        return status;
    prepare();
    int cpu = sched_getcpu();
    if (cpu < 0 || sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        die("no CPU affinity here");
    for (int beside = 0; beside < 2; beside++)
        measure((double)n[0].value, (int)n[1].value, 1000000 * n[2].value, cpu, beside);
    return 0;
}
