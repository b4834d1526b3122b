/* SPDX-License-Identifier: Apache-2.0
 * experiment_summary.log: free text with a list of runs,
 *   `  Run 1_01           : 114s (freq: 1410MHz, status: success)`,
 * between the lines "Run Timing Summary" and "Timing Statistics:". The published parser stopped
 * before the status, so that failed runs entered its means. */
#include "trace/timing.h"

#include <string.h>

struct experiment {
    bool in_list;
};

/* Takes `literal` and blanks around it off the front. */
static bool take(struct wtl_view *v, const char *literal)
{
    size_t k = strlen(literal);
    *v = wtl_view_trim(*v);
    if (v->n < k || memcmp(v->s, literal, k) != 0)
        return false;
    *v = wtl_view_trim((struct wtl_view){v->s + k, v->n - k});
    return true;
}

/* Takes what stands before `stop` and `stop` itself; false when `stop` is not there. */
static bool take_until(struct wtl_view *v, const char *stop, struct wtl_view *out)
{
    const char *at = memmem(v->s, v->n, stop, strlen(stop));
    if (!at)
        return false;
    size_t k = (size_t)(at - v->s);
    *out = wtl_view_trim((struct wtl_view){v->s, k});
    *v = (struct wtl_view){at + strlen(stop), v->n - k - strlen(stop)};
    return true;
}

enum line_kind { LINE_TEXT, LINE_RUN, LINE_CUT, LINE_BAD };

static enum line_kind parse_line(struct wtl_view line, struct wtl_timing *out)
{
    struct wtl_view id;
    struct wtl_view duration;
    struct wtl_view clock;
    struct wtl_view status;
    if (!take(&line, "Run ") || line.n == 0 || !strchr("0123456789b", line.s[0]))
        return LINE_TEXT;
    if (!take_until(&line, ":", &id) || !take_until(&line, "s (freq:", &duration) ||
        !take_until(&line, "MHz, status:", &clock) || !take_until(&line, ")", &status))
        return LINE_CUT;
    int64_t mhz;
    if (!wtl_timing_run_id(id, out) || !wtl_timing_duration(duration, out) ||
        !wtl_parse_int(clock.s, clock.n, &mhz) || mhz < 0 || mhz > 100000)
        return LINE_BAD;
    out->clock_mhz = (int)mhz;
    out->status = wtl_timing_status(status);
    out->exit_code = out->status == WTL_RUN_SUCCESS ? 0 : -1; /* the log does not tell */
    return LINE_RUN;
}

static struct wtl_view next_line(const char **data, size_t *n)
{
    const char *stop = memchr(*data, '\n', *n);
    size_t k = stop ? (size_t)(stop - *data) : *n;
    struct wtl_view line = wtl_view_trim((struct wtl_view){*data, k});
    *data += k + (stop != NULL);
    *n -= k + (stop != NULL);
    return line;
}

static bool opens_list(struct wtl_view line)
{
    return line.n && line.s[0] != '#' && memmem(line.s, line.n, "Run Timing Summary", 18);
}

static int probe(const char *head, size_t n, const struct wtl_trace_options *options)
{
    (void)options;
    bool title = false;
    while (n) {
        struct wtl_timing timing = {0};
        struct wtl_view line = next_line(&head, &n);
        title = title || opens_list(line);
        if (title && parse_line(line, &timing) == LINE_RUN)
            return 90;
    }
    return 0;
}

static int begin(struct wtl_reading *r, struct wtl_error *err)
{
    r->state = WTL_NEW(r->arena, struct experiment);
    return r->state ? 0 : WTL_FAIL(err, WTL_NOMEM, "out of memory");
}

static int block(struct wtl_reading *r, const char *data, size_t n, struct wtl_error *err)
{
    struct experiment *x = r->state;
    for (int64_t number = r->line; n; number++) {
        struct wtl_timing timing = {0};
        struct wtl_view line = next_line(&data, &n);
        if (opens_list(line))
            x->in_list = true;
        else if (wtl_view_is(line, "Timing Statistics:"))
            x->in_list = false;
        enum line_kind kind = x->in_list ? parse_line(line, &timing) : LINE_TEXT;
        if (kind == LINE_CUT || kind == LINE_BAD)
            wtl_reading_drop(r, kind == LINE_CUT ? WTL_DROP_truncated_row : WTL_DROP_bad_number,
                             number);
        if (kind != LINE_RUN)
            continue;
        int rc = wtl_timing_deliver(r, &timing, err);
        if (rc)
            return rc;
    }
    return 0;
}

const struct wtl_reader wtl_reader_experiment = {
    .name = "experiment-summary",
    .title = "experiment_summary.log of the published scripts",
    .probe = probe,
    .begin = begin,
    .block = block,
};
