/* SPDX-License-Identifier: Apache-2.0
 *
 * Equal runs are found through a hash of their cell and a coarse energy; means through the cell. */
#include "runs/same.h"

#include "base/text.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Digits that must agree where no number of the run does: for up to a hundred runs, and one more
 * for every ten times as many. Runs of a cell share the first two of time and of energy anyway; of
 * the 10^6 values that are left, two of thirty runs coincide by chance in one of 2000 cells. */
enum { DIGITS_NEEDED = 10, DIGITS_FULL = 17 };

/* Width of the energy bins; a printed energy with five digits is off by half of it at most. */
static const double bin_width = 1e-4;

/* A number as it was printed. */
struct printed {
    double value;
    double unit; /* of the last digit; 0: more digits than were ever printed */
    int digits;  /* 0: there is no number */
};

/* What is looked at most comes first, within a cache line. */
struct candidate {
    struct printed energy;
    int64_t bin;
    int64_t next; /* of the bucket; -1: none */
    size_t run;
    struct printed time;
    char gpu[WTL_LIMIT_NAME], workload[WTL_LIMIT_NAME]; /* folded */
    bool secondary;
    int64_t id;
};

struct search {
    const struct wtl_run *runs;
    struct candidate *c;
    int64_t *bucket;
    size_t n_buckets; /* a power of 2 */
    int digits_needed;
};

/* ---- Numbers as printed
 * ------------------------------------------------------------------------*/

/* Digits of the shortest decimal of up to 15 that is the value. */
static struct printed print_of(const struct wtl_run *run, enum wtl_run_metric m)
{
    char text[40];
    struct printed p = {.value = wtl_run_get(run, m, 0)};
    if (!wtl_run_has(run, m))
        return p;
    snprintf(text, sizeof text, "%.14e", p.value);
    const char *e = strchr(text, 'e');
    p.digits = DIGITS_FULL;
    if (!e || strtod(text, NULL) != p.value)
        return p;
    p.digits = 15;
    for (const char *last = e - 1; p.digits > 1 && *last == '0'; last--)
        p.digits--;
    p.unit = pow(10, (double)(strtol(e + 1, NULL, 10) - (p.digits - 1)));
    return p;
}

/* Equal as far as both are printed; in one table all are printed alike. Adds the digits. */
static bool agree(const struct printed *a, const struct printed *b, bool exact, int *digits)
{
    double slack = 0.5 * fmax(a->unit, b->unit) * (1 + 1e-6);
    *digits += a->digits < b->digits ? a->digits : b->digits;
    if ((a->digits == 0) != (b->digits == 0))
        return false;
    return a->value == b->value ||
           (!exact && a->digits != b->digits && fabs(a->value - b->value) <= slack);
}

/* ---- Two runs
 * ----------------------------------------------------------------------------------*/

static bool names_differ(const char *a, const char *b)
{
    return a[0] && b[0] && !wtl_same_name(a, b);
}

static bool numbers_differ(int64_t a, int64_t b)
{
    return a && b && a != b;
}

static bool metrics_differ(const struct wtl_run *a, const struct wtl_run *b, enum wtl_run_metric m)
{
    return wtl_run_has(a, m) && wtl_run_has(b, m) && a->metric[m] != b->metric[m];
}

/* Settings that both of them know. */
static bool points_differ(const struct wtl_run *a, const struct wtl_run *b)
{
    struct wtl_point x = a->point, y = b->point;
    x.valid &= b->point.valid;
    y.valid &= a->point.valid;
    if (!x.variant[0] || !y.variant[0])
        x.variant[0] = y.variant[0] = '\0';
    return wtl_point_compare(&x, &y) != 0;
}

static bool contradict(const struct wtl_run *a, const struct wtl_run *b)
{
    return names_differ(a->job, b->job) || numbers_differ(a->seq, b->seq) ||
           numbers_differ(a->rep, b->rep) || numbers_differ(a->start_ns, b->start_ns) ||
           numbers_differ(a->mem_clock_mhz, b->mem_clock_mhz) ||
           names_differ(a->device, b->device) || metrics_differ(a, b, WTL_R_work_units) ||
           wtl_run_has(a, WTL_R_rate_per_s) != wtl_run_has(b, WTL_R_rate_per_s) ||
           metrics_differ(a, b, WTL_R_rate_per_s) || points_differ(a, b) ||
           wtl_run_has(a, WTL_R_mean_of) != wtl_run_has(b, WTL_R_mean_of);
}

static bool extremes_agree(const struct wtl_run *a, const struct wtl_run *b, bool exact,
                           int *digits)
{
    static const enum wtl_run_metric of[] = {WTL_R_power_sd_w, WTL_R_power_first_w,
                                             WTL_R_power_max_w};
    for (int i = 0; i < 3; i++) {
        if (!wtl_run_has(a, of[i]) || !wtl_run_has(b, of[i]))
            continue;
        struct printed x = print_of(a, of[i]);
        struct printed y = print_of(b, of[i]);
        if (!agree(&x, &y, exact, digits))
            return false;
    }
    return true;
}

/* Logs of times have no energy; what has no time is no measurement. */
static bool is_same(const struct search *s, const struct candidate *x, const struct candidate *y)
{
    const struct wtl_run *a = &s->runs[x->run];
    const struct wtl_run *b = &s->runs[y->run];
    bool exact = a->source_id == b->source_id && a->source_id;
    int digits = 0;
    if (x->time.digits == 0 || !agree(&x->energy, &y->energy, exact, &digits) ||
        !agree(&x->time, &y->time, exact, &digits))
        return false;
    if (contradict(a, b) || !extremes_agree(a, b, exact, &digits))
        return false;
    bool named = (a->start_ns && a->start_ns == b->start_ns) ||
                 (a->seq && a->seq == b->seq && a->job[0] && b->job[0]);
    return named || digits >= s->digits_needed;
}

/* ---- The search
 * --------------------------------------------------------------------------------*/

static int in_order(const void *p, const void *q)
{
    const struct candidate *a = p, *b = q;
    if (a->secondary != b->secondary)
        return a->secondary - b->secondary;
    if (a->id != b->id)
        return a->id < b->id ? -1 : 1;
    return a->run < b->run ? -1 : a->run > b->run;
}

static uint64_t add_text(uint64_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3); /* FNV-1a */
    return (hash ^ 0xff) * UINT64_C(0x100000001b3);
}

static int64_t *bucket_of(const struct search *s, const struct candidate *c, int64_t bin)
{
    uint64_t hash = add_text(add_text(UINT64_C(0xcbf29ce484222325), c->gpu), c->workload);
    hash ^= (uint64_t)s->runs[c->run].clock_mhz * UINT64_C(0x9e3779b97f4a7c15);
    hash ^= (uint64_t)bin * UINT64_C(0xc2b2ae3d27d4eb4f);
    hash ^= hash >> 29;
    return &s->bucket[hash & (s->n_buckets - 1)];
}

static bool same_cell(const struct search *s, const struct candidate *a, const struct candidate *b)
{
    return s->runs[a->run].clock_mhz == s->runs[b->run].clock_mhz && strcmp(a->gpu, b->gpu) == 0 &&
           strcmp(a->workload, b->workload) == 0;
}

/* The run of the bins around that this one is again, or itself. */
static size_t look_up(const struct search *s, const struct candidate *c)
{
    for (int64_t bin = c->bin - 1; bin <= c->bin + 1; bin++)
        for (int64_t i = *bucket_of(s, c, bin); i >= 0; i = s->c[i].next)
            if (s->c[i].bin == bin && is_same(s, &s->c[i], c) && same_cell(s, &s->c[i], c))
                return s->c[i].run;
    return c->run;
}

/* Bin of all runs of a cell, for means. */
static const int64_t cell_bin = INT64_MIN / 2;

static size_t first_of_cell(const struct search *s, const struct candidate *c)
{
    for (int64_t i = *bucket_of(s, c, cell_bin); i >= 0; i = s->c[i].next)
        if (s->c[i].bin == cell_bin && same_cell(s, &s->c[i], c) &&
            wtl_point_compare(&s->runs[s->c[i].run].point, &s->runs[c->run].point) == 0)
            return s->c[i].run;
    return c->run;
}

static void insert(struct search *s, int64_t at, int64_t bin)
{
    int64_t *bucket = bucket_of(s, &s->c[at], bin);
    s->c[at].bin = bin;
    s->c[at].next = *bucket;
    *bucket = at;
}

/* Means go last, behind every run that they may be the mean of. */
static void search_runs(struct search *s, size_t n, size_t *same_as)
{
    for (size_t i = 0; i < n; i++) {
        const struct wtl_run *run = &s->runs[s->c[i].run];
        double energy_j = wtl_run_get(run, WTL_R_energy_j, 0);
        s->c[i].time = print_of(run, WTL_R_time_s);
        s->c[i].energy = print_of(run, WTL_R_energy_j);
        s->c[i].bin = energy_j > 0 ? (int64_t)floor(log(energy_j) / bin_width) : 0;
        same_as[s->c[i].run] = look_up(s, &s->c[i]);
        if (same_as[s->c[i].run] == s->c[i].run)
            insert(s, (int64_t)i, s->c[i].bin);
    }
}

static void search_means(struct search *s, size_t n, size_t *same_as)
{
    for (size_t i = 0; i < s->n_buckets; i++)
        s->bucket[i] = -1;
    for (size_t i = 0; i < n; i++) {
        const struct wtl_run *run = &s->runs[s->c[i].run];
        if (wtl_run_get(run, WTL_R_mean_of, 1) > 1 || !wtl_run_has(run, WTL_R_energy_j))
            continue;
        if (first_of_cell(s, &s->c[i]) == s->c[i].run)
            insert(s, (int64_t)i, cell_bin);
    }
    for (size_t i = 0; i < n; i++)
        if (wtl_run_get(&s->runs[s->c[i].run], WTL_R_mean_of, 1) > 1 &&
            same_as[s->c[i].run] == s->c[i].run)
            same_as[s->c[i].run] = first_of_cell(s, &s->c[i]);
}

int wtl_find_same(struct wtl_arena *scratch, const struct wtl_run *runs, size_t n,
                  const bool *secondary, size_t *same_as_out, struct wtl_error *err)
{
    struct search s = {.runs = runs, .n_buckets = 16};
    while (s.n_buckets < 2 * n)
        s.n_buckets *= 2;
    s.c = WTL_NEW_ARRAY(scratch, struct candidate, n);
    s.bucket = WTL_NEW_ARRAY(scratch, int64_t, s.n_buckets);
    if (!s.c || !s.bucket)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory comparing %zu runs", n);
    bool means = false;
    s.digits_needed = DIGITS_NEEDED;
    for (size_t k = 100; k < n; k *= 10)
        s.digits_needed++;
    for (size_t i = 0; i < n; i++) {
        s.c[i] = (struct candidate){
            .run = i, .next = -1, .secondary = secondary && secondary[i], .id = runs[i].id};
        wtl_fold_name(runs[i].gpu, s.c[i].gpu, sizeof s.c[i].gpu);
        wtl_fold_name(runs[i].workload, s.c[i].workload, sizeof s.c[i].workload);
        means = means || wtl_run_get(&runs[i], WTL_R_mean_of, 1) > 1;
    }
    if (n > 1)
        qsort(s.c, n, sizeof *s.c, in_order);
    for (size_t i = 0; i < s.n_buckets; i++)
        s.bucket[i] = -1;
    search_runs(&s, n, same_as_out);
    if (means)
        search_means(&s, n, same_as_out);
    return 0;
}
