/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/mixed_rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The pattern of stamps does not depend on the load: the beginning shows it. */
enum { STAMPS_MAX = 1024, BUNCHES_MIN = 8, GPUS_MAX = 16 };

/* Rows of a bunch are at most this share of the way to the next bunch apart, and this long: a
 * sampler that is started anew for every row takes longer. */
static const double close_share = 1.0 / 3;
static const double close_ns_max = 1e8;
static const double regular_share_min = 0.95;

/* How far a level must move with each row, and for how many rows without a break. What the load
 * moves counts only where rows follow each other faster than one GPU could follow: its memory is
 * not filled and emptied, nor its state changed and changed back, in two seconds; its temperature
 * not in two tenths; and power not in step with the sampler for so long. */
static const struct rule {
    enum wtl_metric metric;
    int rows;
    double within_s;    /* mean time from row to row; 0: any, and none at all */
    double least;       /* in base units */
    double least_share; /* of the larger value */
} rules[] = {
    {WTL_M_fb_total_b, 16, 0, 1, 0},
    {WTL_M_power_limit_w, 16, 0, 1, 0},
    {WTL_M_power_limit_enforced_w, 16, 0, 1, 0},
    {WTL_M_app_sm_clock_mhz, 16, 0, 1, 0},
    {WTL_M_app_mem_clock_mhz, 16, 0, 1, 0},
    {WTL_M_fb_used_b, 32, 1, 16.0 * 1048576, 0},
    {WTL_M_fb_free_b, 32, 1, 16.0 * 1048576, 0},
    {WTL_M_pstate, 32, 1, 3, 0},
    {WTL_M_temp_c, 32, 0.1, 3, 0},
    {WTL_M_mem_temp_c, 32, 0.1, 3, 0},
    {WTL_M_power_w, 200, 0.1, 2, 0.2},
};
enum { N_RULES = sizeof rules / sizeof *rules };

/* One level, row by row. */
struct level {
    bool known;
    double last;
    int direction; /* of the last step: -1, 1; 0: too small to count */
    int run;       /* steps to and fro without a break */
    int64_t line;  /* of `last` */
    bool found;    /* a run that was long enough ended with these two: */
    double value[2];
    int64_t at[2];
};

struct wtl_mixed_rows {
    int n;
    int64_t t_ns[STAMPS_MAX], line[STAMPS_MAX];
    struct level level[N_RULES];
};

struct wtl_mixed_rows *wtl_mixed_rows_new(struct wtl_arena *arena)
{
    return WTL_NEW(arena, struct wtl_mixed_rows);
}

static void add_level(struct level *l, const struct rule *rule, double value, int64_t line)
{
    double step = value - l->last;
    bool wide = l->known && fabs(step) >= rule->least &&
                fabs(step) >= rule->least_share * fmax(fabs(value), fabs(l->last));
    int direction = !wide ? 0 : step > 0 ? 1 : -1;
    l->run = direction == 0 ? 0 : direction == -l->direction ? l->run + 1 : 1;
    if (l->run == rule->rows - 1 && !l->found) {
        l->found = true;
        l->value[0] = l->last;
        l->value[1] = value;
        l->at[0] = l->line;
        l->at[1] = line;
    }
    l->direction = direction;
    l->known = true;
    l->last = value;
    l->line = line;
}

void wtl_mixed_rows_add(struct wtl_mixed_rows *mixed, const struct wtl_batch *batch, int64_t line)
{
    if (batch->has_time && mixed->n < STAMPS_MAX) {
        mixed->t_ns[mixed->n] = batch->t_ns[batch->n];
        mixed->line[mixed->n++] = line;
    }
    for (int i = 0; i < N_RULES; i++) {
        enum wtl_metric m = rules[i].metric;
        if (wtl_batch_has(batch, m) && wtl_batch_valid(batch, m, batch->n))
            add_level(&mixed->level[i], &rules[i], batch->column[m].value[batch->n], line);
    }
}

/* Stamps do not go back, but may lie centuries apart. */
static uint64_t gap_ns(const struct wtl_mixed_rows *mixed, int from, int to)
{
    return (uint64_t)mixed->t_ns[to] - (uint64_t)mixed->t_ns[from];
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* At least every GPUS_MAX-th gap leads to the next bunch; a few longer ones are hiccups. */
static uint64_t long_gap_ns(const struct wtl_mixed_rows *mixed)
{
    uint64_t gap[STAMPS_MAX] = {0};
    int n = mixed->n - 1;
    for (int i = 0; i < n; i++)
        gap[i] = gap_ns(mixed, i, i + 1);
    qsort(gap, (size_t)n, sizeof *gap, compare);
    return gap[n - 1 - n / (GPUS_MAX + 4)];
}

/* Rows of the bunch that begins at row i. */
static int bunch_rows(const struct wtl_mixed_rows *mixed, int i, uint64_t close_ns)
{
    int end = i + 1;
    while (end < mixed->n && gap_ns(mixed, end - 1, end) <= close_ns)
        end++;
    return end - i;
}

/* The usual number of rows in a bunch, and the first such bunch; 1: there is no pattern. */
static int find_bunches(const struct wtl_mixed_rows *mixed, int *at_out)
{
    if (mixed->n < 2 * BUNCHES_MIN)
        return 1;
    uint64_t close_ns = (uint64_t)fmin(close_share * (double)long_gap_ns(mixed), close_ns_max);
    int count[GPUS_MAX + 1] = {0}, first[GPUS_MAX + 1] = {0}, bunches = 0, usual = 1;
    for (int i = 0, rows; i < mixed->n; i += rows) {
        rows = bunch_rows(mixed, i, close_ns);
        if (i + rows == mixed->n)
            break; /* may have been cut */
        bunches++;
        if (rows > GPUS_MAX)
            continue;
        if (count[rows]++ == 0)
            first[rows] = i;
        if (count[rows] > count[usual])
            usual = rows;
    }
    if (bunches < BUNCHES_MIN || (double)count[usual] < regular_share_min * (double)bunches)
        return 1;
    *at_out = first[usual];
    return usual;
}

static int refuse_bunches(const struct wtl_mixed_rows *mixed, int gpus, int at, const char *input,
                          struct wtl_error *err)
{
    char apart[40], every[40];
    wtl_format_quantity((double)gap_ns(mixed, at, at + 1) / 1e9, WTL_UNIT_SECOND, apart,
                        sizeof apart);
    wtl_format_quantity((double)gap_ns(mixed, at, at + gpus) / 1e9, WTL_UNIT_SECOND, every,
                        sizeof every);
    int rc = WTL_FAIL(err, WTL_PARSE,
                      "rows come in groups of %d, %s apart, every %s: %d GPUs that no column tells"
                      " apart, such as those of lines %lld and %lld",
                      gpus, apart, every, gpus, (long long)mixed->line[at],
                      (long long)mixed->line[at + 1]);
    wtl_error_input(err, input, mixed->line[at + 1], 0);
    return rc;
}

static bool is_within(const struct wtl_mixed_rows *mixed, double seconds)
{
    double rows = mixed->n > 1 ? mixed->n - 1 : 1;
    double span_s = mixed->n > 1 ? (double)gap_ns(mixed, 0, mixed->n - 1) / 1e9 : 0;
    return seconds == 0 || (span_s > 0 && span_s / rows <= seconds);
}

static int refuse_level(const struct level *l, enum wtl_metric m, const char *input,
                        struct wtl_error *err)
{
    const struct wtl_metric_info *metric = wtl_metric_info(m);
    char a[40], b[40];
    int rc =
        WTL_FAIL(err, WTL_PARSE,
                 "%s goes to and fro with every row, as from %s in line %lld to %s in line"
                 " %lld: two GPUs that no column tells apart",
                 metric->smi_name, wtl_format_quantity(l->value[0], metric->unit, a, sizeof a),
                 (long long)l->at[0], wtl_format_quantity(l->value[1], metric->unit, b, sizeof b),
                 (long long)l->at[1]);
    wtl_error_input(err, input, l->at[1], 0);
    return rc;
}

int wtl_mixed_rows_check(const struct wtl_mixed_rows *mixed, const char *input,
                         struct wtl_error *err)
{
    int at = 0, rc = 0, gpus = find_bunches(mixed, &at);
    if (gpus > 1)
        rc = refuse_bunches(mixed, gpus, at, input, err);
    for (int i = 0; rc == 0 && i < N_RULES; i++)
        if (mixed->level[i].found && is_within(mixed, rules[i].within_s))
            rc = refuse_level(&mixed->level[i], rules[i].metric, input, err);
    if (rc != 0)
        wtl_error_hint(err, "log with nvidia-smi --query-gpu=timestamp,index,...");
    return rc;
}
