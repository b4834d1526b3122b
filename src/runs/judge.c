/* SPDX-License-Identifier: Apache-2.0
 *
 * The order of judging: facts, idle GPU, then rounds of learning the levels from what is left and
 * comparing every run with them, until the same runs are rejected twice. */
#include "runs/judge.h"

#include "runs/judging.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Rejecting a run sharpens the levels, which may reject or pardon another; three or four rounds
 * settle it. */
enum { ROUNDS_MAX = 6 };

static bool is_duplicate(const struct wtl_run *run)
{
    return (run->stated_causes >> WTL_CAUSE_duplicate) & 1;
}

struct wtl_judge_options wtl_judge_options_default(void)
{
    return (struct wtl_judge_options){
        .idle_margin_w = 1,
        .idle_active_share = 0.02,
        .clock_match_min = 0.5,
        .throttle_share_max = 0.05,
        .energy_mismatch_max = 0.05,
        .work_tolerance = 0.01,
        .outlier_z = 5,
        .cold_z = 3,
        .cold_stable_runs = 3,
    };
}

void wtl_reject(struct wtl_run *run, enum wtl_cause cause, const char *format, ...)
{
    bool first = run->causes == 0 || cause < wtl_run_main_cause(run);
    run->causes |= UINT32_C(1) << cause;
    if (!first)
        return;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(run->reason, sizeof run->reason, format, args);
    va_end(args);
}

/* Judgements that do not depend on the levels, to start each round from. */
struct verdict {
    uint32_t causes;
    char reason[sizeof((struct wtl_run *)0)->reason];
};

static void restore(struct wtl_run *runs, const struct verdict *base, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        runs[i].causes = base[i].causes;
        memcpy(runs[i].reason, base[i].reason, sizeof base[i].reason);
    }
}

static int rounds(struct wtl_arena *scratch, struct wtl_run *runs, size_t n,
                  const struct wtl_idle_level *idle, const struct wtl_judge_options *options,
                  struct wtl_error *err)
{
    struct wtl_levels *l = NULL;
    struct verdict *base = WTL_NEW_ARRAY(scratch, struct verdict, n);
    uint32_t *before = WTL_NEW_ARRAY(scratch, uint32_t, n);
    if (!base || !before)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        base[i].causes = before[i] = runs[i].causes;
        memcpy(base[i].reason, runs[i].reason, sizeof base[i].reason);
    }
    int rc = wtl_levels_new(scratch, runs, n, &l, err);
    bool settled = false;
    for (int round = 0; round < ROUNDS_MAX && !settled && !rc; round++) {
        rc = wtl_levels_learn(scratch, l, runs, err);
        restore(runs, base, n);
        if (!rc)
            rc = wtl_judge_relative(scratch, runs, n, l, idle, options, err);
        settled = true;
        for (size_t i = 0; i < n; i++) {
            settled = settled && before[i] == runs[i].causes;
            before[i] = runs[i].causes;
        }
    }
    return rc;
}

/* The runs that are not `out`, in order: the others are not looked at, so that a copy neither
 * shifts a median nor makes an outlier usual. */
static size_t take_out(const struct wtl_run *runs, size_t n, const bool *out, struct wtl_run *rest)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        if (!out[i])
            rest[k++] = runs[i];
    return k;
}

static void put_back(struct wtl_run *runs, size_t n, const bool *out, const struct wtl_run *rest)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        if (!out[i])
            runs[i] = rest[k++];
}

static int judge_once(struct wtl_arena *scratch, struct wtl_run *runs, size_t n,
                      const struct wtl_judge_options *options, struct wtl_error *err)
{
    struct wtl_idle_level idle = {0};
    if (n == 0)
        return 0;
    int rc = wtl_judge_facts(scratch, runs, n, options, err);
    if (!rc)
        rc = wtl_find_idle_level(scratch, runs, n, options, &idle, err);
    if (!rc)
        rc = wtl_judge_idle(scratch, runs, n, options, &idle, err);
    if (!rc)
        rc = rounds(scratch, runs, n, &idle, options, err);
    return rc;
}

/* `judge` on the runs that are not `out`. */
static int judge_rest(struct wtl_arena *scratch, struct wtl_run *runs, size_t n, const bool *out,
                      size_t n_out,
                      int (*judge)(struct wtl_arena *, struct wtl_run *, size_t,
                                   const struct wtl_judge_options *, struct wtl_error *),
                      const struct wtl_judge_options *options, struct wtl_error *err)
{
    if (n_out == 0)
        return judge(scratch, runs, n, options, err);
    struct wtl_run *rest = WTL_NEW_ARRAY(scratch, struct wtl_run, n - n_out);
    if (!rest)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = judge(scratch, rest, take_out(runs, n, out, rest), options, err);
    if (!rc)
        put_back(runs, n, out, rest);
    return rc;
}

static int judge_beside(struct wtl_arena *scratch, struct wtl_run *runs, size_t n,
                        const struct wtl_judge_options *options, struct wtl_error *err)
{
    size_t n_beside = 0;
    bool *beside = WTL_NEW_ARRAY(scratch, bool, n);
    if (!beside)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = wtl_judge_bystanders(scratch, runs, n, options, beside, &n_beside, err);
    if (!rc)
        rc = judge_rest(scratch, runs, n, beside, n_beside, judge_once, options, err);
    return rc;
}

int wtl_judge(struct wtl_arena *scratch, struct wtl_run *runs, size_t n,
              const struct wtl_judge_options *options, struct wtl_error *err)
{
    struct wtl_judge_options standard = wtl_judge_options_default();
    size_t n_duplicates = 0;
    bool *duplicate = WTL_NEW_ARRAY(scratch, bool, n);
    if (!duplicate)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        wtl_run_per_unit(&runs[i]);
        runs[i].causes = runs[i].stated_causes;
        memcpy(runs[i].reason, runs[i].stated_reason, sizeof runs[i].reason);
        duplicate[i] = is_duplicate(&runs[i]);
        n_duplicates += duplicate[i];
    }
    return judge_rest(scratch, runs, n, duplicate, n_duplicates, judge_beside,
                      options ? options : &standard, err);
}
