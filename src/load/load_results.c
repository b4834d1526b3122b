/* SPDX-License-Identifier: Apache-2.0
 * Requests to counts and times. */
#include "load/load_results.h"

#include "base/clock.h"
#include "codec/json.h"

#include <stdio.h>
#include <string.h>

void wtl_load_note_sent(struct wtl_load_results *r, const struct wtl_sending *sending)
{
    if (!sending->measured) {
        r->warmup_sent++;
        return;
    }
    r->sent++;
    wtl_latency_add(&r->waited, sending->waited_ns);
    wtl_latency_add(&r->late, sending->late_ns);
}

static void note_failure(struct wtl_load_results *r, const struct wtl_exchange *x)
{
    if (x->outcome == WTL_OUTCOME_HTTP && x->status >= 0 && x->status < WTL_LOAD_STATUSES)
        r->status[x->status]++;
    if (r->first_failure.outcome != WTL_OUTCOME_OK || x->outcome == WTL_OUTCOME_CUT)
        return;
    r->first_failure.outcome = x->outcome;
    r->first_failure.status = x->status;
    memcpy(r->first_failure.why, x->why, sizeof x->why);
}

static void note_tokens(struct wtl_load_results *r, const struct wtl_sending *sending,
                        const struct wtl_exchange *x)
{
    r->tokens_in += x->tokens_in;
    r->tokens_out += x->tokens_out;
    r->events += x->events;
    r->counted_by_server += x->usage;
    r->counted_by_events += !x->usage && x->events > 0;
    if (x->events > 0)
        wtl_latency_add(&r->first_token, x->first_ns - sending->due_ns);
    if (x->events > 1 && x->tokens_out > 1)
        wtl_latency_add(&r->per_token, (x->last_ns - x->first_ns) / (x->tokens_out - 1));
}

void wtl_load_note_end(struct wtl_load_results *r, const struct wtl_sending *sending,
                       const struct wtl_exchange *x, int64_t end_ns)
{
    if (!sending->measured) {
        r->warmup_failed += x->outcome != WTL_OUTCOME_OK;
        return;
    }
    r->outcome[x->outcome]++;
    if (x->outcome != WTL_OUTCOME_OK) {
        note_failure(r, x);
        return;
    }
    wtl_latency_add(&r->latency, end_ns - sending->due_ns);
    note_tokens(r, sending, x);
}

/* ---- rates ----------------------------------------------------------------------------------- */

void wtl_load_window_open(struct wtl_load_results *r, int64_t at_ns, int workers)
{
    r->window_begin_ns = r->window_end_ns = at_ns;
    r->rates = (struct wtl_load_rates){
        .closed = workers > 0,
        .end_ns = INT64_MAX,
        .done_ns = at_ns,
        .edge = workers,
        /* Requests of workers in step end together: rounds are independent, requests are not. */
        .throughput = {.each = workers},
    };
}

void wtl_load_rates_end(struct wtl_load_results *r, int64_t at_ns)
{
    if (r->rates.end_ns == INT64_MAX)
        r->rates.end_ns = at_ns;
}

/* Of a request's time in the rates' time. */
static double share(const struct wtl_load_results *r, int64_t begin_ns, int64_t end_ns)
{
    int64_t from = begin_ns > r->window_begin_ns ? begin_ns : r->window_begin_ns;
    int64_t to = end_ns < r->rates.end_ns ? end_ns : r->rates.end_ns;
    if (end_ns <= begin_ns)
        return to == end_ns ? 1 : 0;
    return to > from ? (double)(to - from) / (double)(end_ns - begin_ns) : 0;
}

void wtl_load_rates_add(struct wtl_load_results *r, const struct wtl_sending *sending,
                        const struct wtl_exchange *x, double work, int64_t end_ns)
{
    struct wtl_load_rates *rates = &r->rates;
    double part = rates->closed ? share(r, sending->due_ns, end_ns) : 1;
    rates->requests += part;
    rates->tokens_in += part * x->tokens_in;
    rates->tokens += part * x->tokens_out;
    double time_s = (double)(end_ns - rates->done_ns) / WTL_NS_PER_S;
    if (end_ns > rates->end_ns) {
        wtl_throughput_edge(&rates->throughput, part * work, 0);
        return;
    }
    if (rates->edge > 0) {
        rates->edge--;
        wtl_throughput_edge(&rates->throughput, part * work, time_s);
    } else {
        wtl_throughput_add(&rates->throughput, part * work, time_s);
    }
    rates->done_ns = end_ns;
}

void wtl_load_rates_finish(struct wtl_load_results *r, double work)
{
    struct wtl_load_rates *rates = &r->rates;
    if (!rates->closed) {
        rates->tokens = (double)r->window_tokens_out; /* as they came, also of the others */
        wtl_throughput_part(&rates->throughput, work);
    }
    wtl_throughput_end(&rates->throughput, (double)(rates->end_ns - rates->done_ns) / WTL_NS_PER_S);
}

double wtl_load_rates_s(const struct wtl_load_results *r)
{
    bool known = r->rates.end_ns > r->window_begin_ns && r->rates.end_ns < INT64_MAX;
    return known ? (double)(r->rates.end_ns - r->window_begin_ns) / WTL_NS_PER_S : 0;
}

/* ---- verdicts and lines ---------------------------------------------------------------------- */

bool wtl_load_generator_slow(const struct wtl_load_results *r)
{
    struct wtl_latency_quantile late = {0}, median = {0};
    double window_s = (double)(r->window_end_ns - r->window_begin_ns) / WTL_NS_PER_S;
    if (window_s > 0 && r->cpu_s > 0.9 * window_s)
        return true;
    return wtl_latency_quantile(&r->late, 0.99, &late) &&
           wtl_latency_quantile(&r->latency, 0.5, &median) && late.value_s > 1e-3 &&
           late.value_s > 0.05 * median.value_s;
}

void wtl_load_failure_text(const struct wtl_exchange_failure *f, char *out, size_t size)
{
    char status[16] = "";
    if (f->outcome == WTL_OUTCOME_HTTP)
        (void)snprintf(status, sizeof status, " %d", f->status);
    (void)snprintf(out, size, "%s%s%s%s", wtl_outcome_name(f->outcome), status, *f->why ? ": " : "",
                   f->why);
}

static json_t *seconds(int64_t ns)
{
    return wtl_json_finite((double)ns / WTL_NS_PER_S);
}

bool wtl_load_log_line(const struct wtl_sending *s, const struct wtl_exchange *x, int64_t sent_ns,
                       int64_t end_ns, struct wtl_buf *out)
{
    json_t *line = json_object();
    wtl_json_put(&line, "request", json_integer((json_int_t)s->number));
    wtl_json_put(&line, "measured", json_boolean(s->measured));
    wtl_json_put(&line, "due_s", seconds(s->due_ns));
    wtl_json_put(&line, "waited_s", seconds(s->waited_ns));
    wtl_json_put(&line, "late_s", seconds(s->late_ns));
    wtl_json_put(&line, "sent_s", seconds(sent_ns));
    if (x->events > 0) {
        wtl_json_put(&line, "first_token_s", seconds(x->first_ns));
        wtl_json_put(&line, "last_token_s", seconds(x->last_ns));
    }
    wtl_json_put(&line, "end_s", seconds(end_ns));
    wtl_json_put(&line, "latency_s", seconds(end_ns - s->due_ns));
    wtl_json_put(&line, "outcome", json_string(wtl_outcome_name(x->outcome)));
    wtl_json_put(&line, "http_status", x->status ? json_integer(x->status) : json_null());
    if (x->outcome != WTL_OUTCOME_OK)
        wtl_json_put(&line, "why", wtl_json_text(x->why));
    if (x->usage || x->events > 0) {
        wtl_json_put(&line, "tokens_in", json_integer(x->tokens_in));
        wtl_json_put(&line, "tokens_out", json_integer(x->usage ? x->tokens_out : x->events));
        wtl_json_put(&line, "events", json_integer(x->events));
        wtl_json_put(&line, "tokens_counted_by", json_string(x->usage ? "server" : "events"));
    }
    bool written = line && wtl_json_write_line(line, out);
    json_decref(line);
    return written;
}
