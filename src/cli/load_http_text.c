/* SPDX-License-Identifier: Apache-2.0
 * What came of a load on a server, as text and as a document. */
#include "cli/load_http.h"
#include "cli/load_text.h"
#include "codec/json.h"

#include <string.h>

static double window_s(const struct wtl_load_results *r)
{
    return (double)(r->window_end_ns - r->window_begin_ns) / WTL_NS_PER_S;
}

static uint64_t failed(const struct wtl_load_results *r)
{
    uint64_t n = 0;
    for (int i = WTL_OUTCOME_OK + 1; i < WTL_N_OUTCOMES; i++)
        n += i == WTL_OUTCOME_CUT ? 0 : r->outcome[i];
    return n;
}

static double work(const struct wtl_load_job *job, const struct wtl_load_results *r)
{
    return job->tokens ? (double)r->window_tokens_out
                       : (double)r->window_requests * job->work_per_request;
}

/* NULL where no answer came. */
static const char *http_name(int version)
{
    return version == 10   ? "HTTP/1.0"
           : version == 11 ? "HTTP/1.1"
           : version == 20 ? "HTTP/2"
           : version == 30 ? "HTTP/3"
                           : NULL;
}

static const char *tokens_counted(const struct wtl_load_results *r)
{
    if (r->counted_by_events == 0)
        return r->counted_by_server ? "counted by the server" : "not told";
    return r->counted_by_server ? "counted by the server, and by events where it did not"
                                : "counted as events with content";
}

/* ---- text ------------------------------------------------------------------------------------ */

static void print_loop(const struct wtl_load_job *job, const struct wtl_load_results *r)
{
    const struct wtl_load_http_cli *o = job->http;
    const char *http = http_name(r->http_version);
    FILE *out = job->ctx->out;
    char warmup[40];
    if (o->closed)
        fprintf(out, "closed loop: %d worker%s, and each waits for its answer\n", o->closed,
                wtl_plural(o->closed));
    else if (job->trace.n > 0)
        fprintf(out, "open loop: the %zu arrivals of %s, %g times as fast\n", job->trace.n,
                o->trace, o->speed.value);
    else
        fprintf(out, "open loop: %g requests/s, %s, seed %d\n", job->load->rate.value, o->arrivals,
                job->load->seed);
    wtl_print_fact(out, "server", "%s%s%s, model %s, %s, %llu connection%s", job->target.url,
                   o->unix_socket ? " at " : "", o->unix_socket ? o->unix_socket : "", o->model,
                   http ? http : "no answer", (unsigned long long)r->connections,
                   wtl_plural((int64_t)r->connections));
    if (job->target.insecure)
        wtl_print_fact(out, "", "its certificate was not looked at");
    wtl_print_fact(out, "warm-up", "%s, %llu request%s, %llu of them failed; not counted below",
                   wtl_format_quantity(job->load->warmup.value, WTL_UNIT_SECOND, warmup, 40),
                   (unsigned long long)r->warmup_sent, wtl_plural((int64_t)r->warmup_sent),
                   (unsigned long long)r->warmup_failed);
}

static void print_failures(FILE *out, const struct wtl_load_results *r)
{
    char first[WTL_EXCHANGE_WHY + 64];
    for (int i = WTL_OUTCOME_OK + 1; i < WTL_N_OUTCOMES; i++)
        if (r->outcome[i] > 0 && i != WTL_OUTCOME_HTTP)
            wtl_print_fact(out, "", "%llu %s", (unsigned long long)r->outcome[i],
                           wtl_outcome_name((enum wtl_outcome)i));
    for (int i = 0; i < WTL_LOAD_STATUSES; i++)
        if (r->status[i] > 0)
            wtl_print_fact(out, "", "%llu HTTP status %d", (unsigned long long)r->status[i], i);
    if (r->first_failure.outcome != WTL_OUTCOME_OK) {
        wtl_load_failure_text(&r->first_failure, first, sizeof first);
        wtl_print_fact(out, "", "the first: %s", first);
    }
}

static void print_counts(const struct wtl_load_job *job, const struct wtl_load_results *r)
{
    FILE *out = job->ctx->out;
    uint64_t due = r->sent + r->unsent, ok = r->outcome[WTL_OUTCOME_OK];
    double rates_s = wtl_load_rates_s(r);
    char length[40], units[40];
    if (r->interrupted)
        wtl_print_fact(out, "ended", "early, when told to: %llu due and not sent, %llu cut",
                       (unsigned long long)r->unsent,
                       (unsigned long long)r->outcome[WTL_OUTCOME_CUT]);
    wtl_print_fact(out, "requests", "%llu due, %llu sent, %llu ok, %llu failed",
                   (unsigned long long)due, (unsigned long long)r->sent, (unsigned long long)ok,
                   (unsigned long long)failed(r));
    print_failures(out, r);
    if (window_s(r) <= 0)
        return;
    wtl_format_measured(window_s(r), WTL_UNIT_SECOND, length, sizeof length);
    if (rates_s <= 0) {
        wtl_print_fact(out, "window", "%llu done in %s: too few requests for a rate",
                       (unsigned long long)r->window_requests, length);
        return;
    }
    wtl_print_fact(out, "window", "%llu done in %s: %.4g requests/s%s",
                   (unsigned long long)r->window_requests, length, r->rates.requests / rates_s,
                   r->rates.closed ? ", each by the part of its time in it" : "");
    if (job->about_tokens)
        wtl_print_fact(out, "tokens", "%.4g in/s, %.4g out/s; %s", r->rates.tokens_in / rates_s,
                       r->rates.tokens / rates_s, tokens_counted(r));
    (void)snprintf(units, sizeof units, "%ss", job->unit);
    wtl_load_print_rate(out, &r->rates.throughput, units, "requests");
}

static int print_times(const struct wtl_load_job *job, const struct wtl_load_results *r,
                       struct wtl_error *err)
{
    struct wtl_table *t = wtl_load_table(job->ctx->arena);
    if (!t)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    wtl_load_table_add(t, "latency", &r->latency, true);
    wtl_load_table_add(t, "first token", &r->first_token, true);
    wtl_load_table_add(t, "a token, of a request", &r->per_token, true);
    wtl_load_table_add(t, "between events", &r->gaps, false);
    return wtl_table_print(t, 0, WTL_TABLE_WIDTH, job->ctx->out, err);
}

static void print_generator(const struct wtl_load_job *job, const struct wtl_load_results *r)
{
    struct wtl_latency_quantile late = {0}, waited = {0};
    FILE *out = job->ctx->out;
    if (!wtl_latency_quantile(&r->late, 0.99, &late))
        return;
    (void)wtl_latency_quantile(&r->waited, 0.99, &waited);
    wtl_print_fact(out, "generator", "late by %.3f ms (99 %%), %.3f ms at most; %.0f %% of a core",
                   late.value_s * 1e3, (double)r->late.max_ns / 1e6,
                   window_s(r) > 0 ? 100 * r->cpu_s / window_s(r) : 0.0);
    if (r->waited.max_ns > 0)
        wtl_print_fact(out, "",
                       "requests waited for one of %d in flight to end: %.3f ms (99 %%), %.3f ms "
                       "at most; it is in their latency",
                       job->http->max_in_flight, waited.value_s * 1e3,
                       (double)r->waited.max_ns / 1e6);
    if (wtl_load_generator_slow(r))
        wtl_log(&job->ctx->log, WTL_LOG_WARNING,
                "the generator itself was late or busy: latencies are partly its own");
}

/* ---- document -------------------------------------------------------------------------------- */

static json_t *count(uint64_t n)
{
    return json_integer((json_int_t)n);
}

static json_t *reasons_json(const struct wtl_load_results *r)
{
    json_t *list = json_array();
    for (int i = WTL_OUTCOME_OK + 1; i < WTL_N_OUTCOMES; i++)
        if (r->outcome[i] > 0 && i != WTL_OUTCOME_HTTP)
            wtl_json_add(&list, json_pack("{s:s, s:n, s:o}", "reason",
                                          wtl_outcome_name((enum wtl_outcome)i), "http_status", "n",
                                          count(r->outcome[i])));
    for (int i = 0; i < WTL_LOAD_STATUSES; i++)
        if (r->status[i] > 0)
            wtl_json_add(&list,
                         json_pack("{s:s, s:i, s:o}", "reason", wtl_outcome_name(WTL_OUTCOME_HTTP),
                                   "http_status", i, "n", count(r->status[i])));
    return list;
}

static json_t *failure_json(const struct wtl_load_results *r)
{
    const struct wtl_exchange_failure *f = &r->first_failure;
    if (f->outcome == WTL_OUTCOME_OK)
        return json_null();
    return json_pack("{s:s, s:o, s:o}", "reason", wtl_outcome_name(f->outcome), "http_status",
                     f->status ? json_integer(f->status) : json_null(), "why",
                     wtl_json_text(f->why));
}

static json_t *requests_json(const struct wtl_load_results *r)
{
    json_t *o = json_object();
    wtl_json_put(&o, "due", count(r->sent + r->unsent));
    wtl_json_put(&o, "sent", count(r->sent));
    wtl_json_put(&o, "ok", count(r->outcome[WTL_OUTCOME_OK]));
    wtl_json_put(&o, "failed", count(failed(r)));
    wtl_json_put(&o, "cut", count(r->outcome[WTL_OUTCOME_CUT]));
    wtl_json_put(&o, "unsent", count(r->unsent));
    wtl_json_put(&o, "reasons", reasons_json(r));
    wtl_json_put(&o, "first_failure", failure_json(r));
    return o;
}

static json_t *loop_json(const struct wtl_load_job *job)
{
    const struct wtl_load_http_cli *h = job->http;
    json_t *o = json_object();
    bool trace = job->trace.n > 0;
    wtl_json_put(&o, "kind", json_string(h->closed ? "closed" : "open"));
    if (h->closed) {
        wtl_json_put(&o, "workers", json_integer(h->closed));
    } else {
        wtl_json_put(&o, "arrivals", json_string(trace ? "trace" : h->arrivals));
        wtl_json_put(&o, "rate_hz", trace ? json_null() : wtl_json_finite(job->load->rate.value));
        wtl_json_put(&o, "trace", trace ? wtl_json_text(h->trace) : json_null());
        wtl_json_put(&o, "speed", trace ? wtl_json_finite(h->speed.value) : json_null());
        wtl_json_put(&o, "max_in_flight", json_integer(h->max_in_flight));
    }
    wtl_json_put(&o, "seed", json_integer(job->load->seed));
    return o;
}

static json_t *window_json(const struct wtl_load_job *job, const struct wtl_load_results *r)
{
    double s = wtl_load_rates_s(r);
    json_t *o = json_object();
    wtl_json_put(&o, "length_s", wtl_json_finite(window_s(r)));
    wtl_json_put(&o, "requests", count(r->window_requests));
    wtl_json_put(&o, "requests_per_s",
                 s > 0 ? wtl_json_finite(r->rates.requests / s) : json_null());
    wtl_json_put(&o, "work", wtl_json_finite(work(job, r)));
    wtl_json_put(&o, "unit", json_string(job->unit));
    wtl_json_put(&o, "rate", wtl_load_rate_json(&r->rates.throughput));
    if (job->about_tokens) {
        wtl_json_put(&o, "tokens_in", count(r->window_tokens_in));
        wtl_json_put(&o, "tokens_out", json_integer(r->window_tokens_out));
        wtl_json_put(&o, "tokens_out_per_s",
                     s > 0 ? wtl_json_finite(r->rates.tokens / s) : json_null());
    }
    return o;
}

static json_t *generator_json(const struct wtl_load_results *r)
{
    json_t *o = json_object();
    wtl_json_put(&o, "late", wtl_load_latency_json(&r->late, false));
    wtl_json_put(&o, "waited", wtl_load_latency_json(&r->waited, false));
    wtl_json_put(&o, "cpu_share",
                 window_s(r) > 0 ? wtl_json_finite(r->cpu_s / window_s(r)) : json_null());
    wtl_json_put(&o, "bottleneck", json_boolean(wtl_load_generator_slow(r)));
    return o;
}

static json_t *document(const struct wtl_load_job *job, const struct wtl_load_results *r)
{
    const char *http = http_name(r->http_version);
    json_t *o = json_object();
    wtl_json_put(&o, "load", json_string(job->kind));
    wtl_json_put(&o, "url", wtl_json_text(job->target.url));
    wtl_json_put(&o, "model", wtl_json_text(job->http->model));
    wtl_json_put(&o, "http", http ? json_string(http) : json_null());
    wtl_json_put(&o, "connections", count(r->connections));
    wtl_json_put(&o, "certificate_checked", json_boolean(!job->target.insecure));
    wtl_json_put(&o, "options", json_incref(job->facts));
    wtl_json_put(&o, "loop", loop_json(job));
    wtl_json_put(&o, "warmup",
                 json_pack("{s:o, s:o, s:o}", "length_s", wtl_json_finite(job->load->warmup.value),
                           "sent", count(r->warmup_sent), "failed", count(r->warmup_failed)));
    wtl_json_put(&o, "interrupted", json_boolean(r->interrupted));
    wtl_json_put(&o, "requests", requests_json(r));
    wtl_json_put(&o, "window", window_json(job, r));
    wtl_json_put(&o, "latency", wtl_load_latency_json(&r->latency, true));
    if (job->about_tokens) {
        wtl_json_put(&o, "first_token", wtl_load_latency_json(&r->first_token, true));
        wtl_json_put(&o, "per_token", wtl_load_latency_json(&r->per_token, true));
        wtl_json_put(&o, "between_events", wtl_load_latency_json(&r->gaps, false));
        wtl_json_put(&o, "tokens",
                     json_pack("{s:o, s:o, s:{s:o, s:o}}", "in", count(r->tokens_in), "out",
                               count(r->tokens_out), "requests_counted_by", "server",
                               count(r->counted_by_server), "events", count(r->counted_by_events)));
    }
    wtl_json_put(&o, "generator", generator_json(r));
    return o;
}

int wtl_load_job_print(const struct wtl_load_job *job, const struct wtl_load_results *r,
                       struct wtl_error *err)
{
    if (job->ctx->json)
        return wtl_print_json(job->ctx, document(job, r), err);
    print_loop(job, r);
    print_counts(job, r);
    int rc = print_times(job, r, err);
    print_generator(job, r);
    return rc;
}
