/* SPDX-License-Identifier: Apache-2.0
 * Loads on servers: from options to a run. What came of it: load_http_text.c. */
#include "cli/load_http.h"

#include "base/file.h"
#include "cli/interrupt.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { OTHER_FILES = 64 }; /* that are open beside the sockets */

static bool told_to_end(void *ctx)
{
    (void)ctx;
    return wtl_interrupt_noted();
}

/* ---- the server ------------------------------------------------------------------------------ */

static int find_token(struct wtl_load_job *job, struct wtl_error *err)
{
    const struct wtl_load_http_cli *o = job->http;
    struct wtl_arena *arena = job->ctx->arena;
    char *text = NULL;
    size_t n = 0;
    if (o->token_env && o->token_file)
        return WTL_FAIL(err, WTL_USAGE, "--token-env and --token-file exclude each other");
    if (o->token_env) {
        text = getenv(o->token_env);
        if (!text)
            return WTL_FAIL(err, WTL_NOTFOUND, "the environment has no variable %s", o->token_env);
        n = strlen(text);
    } else if (o->token_file) {
        int rc = wtl_file_read(arena, o->token_file, 1 << 16, &text, &n, err);
        if (rc < 0)
            return rc;
    } else {
        return 0;
    }
    const char *host = strstr(job->target.url, "://") + 3;
    if (wtl_starts_with(job->target.url, "http://") && !o->unix_socket &&
        !wtl_starts_with(host, "127.") && !wtl_starts_with(host, "localhost") &&
        !wtl_starts_with(host, "[::1]"))
        wtl_log(&job->ctx->log, WTL_LOG_WARNING,
                "the token travels over http, where all can read it");
    return wtl_http_bearer(arena, o->token_env ? o->token_env : o->token_file, text, n,
                           &job->target.token, err);
}

static enum wtl_http_version version_of(const char *text)
{
    if (strcmp(text, "auto") == 0)
        return WTL_HTTP_AUTO;
    return strcmp(text, "2") == 0 ? WTL_HTTP_2 : WTL_HTTP_1_1;
}

static int check_options(const struct wtl_load_job *job, struct wtl_error *err)
{
    const struct wtl_load_http_cli *o = job->http;
    int ways = (job->load->rate.given ? 1 : 0) + (o->trace ? 1 : 0) + (o->closed ? 1 : 0);
    if (!o->model)
        return WTL_FAIL(err, WTL_USAGE, "which model: -m MODEL");
    if (ways == 0) {
        int rc = WTL_FAIL(err, WTL_USAGE, "how many requests a second?");
        wtl_error_hint(err, "an open loop: --rate 10/s, or --trace FILE; a closed one: --closed 4");
        return rc;
    }
    if (ways > 1)
        return WTL_FAIL(err, WTL_USAGE, "--rate, --trace and --closed exclude each other");
    if (o->speed.given && !o->trace)
        return WTL_FAIL(err, WTL_USAGE, "--speed belongs to --trace");
    return 0;
}

int wtl_load_job_begin(struct wtl_load_job *job, struct wtl_context *ctx,
                       const struct wtl_load_cli *load, const struct wtl_load_http_cli *http,
                       const char *strip, struct wtl_error *err)
{
    *job = (struct wtl_load_job){.ctx = ctx, .load = load, .http = http};
    int rc = wtl_http_available(err);
    if (rc == 0)
        rc = check_options(job, err);
    if (rc == 0)
        rc = wtl_http_base(ctx->arena, ctx->argv[0], strip, &job->target.url, err);
    if (rc < 0)
        return rc;
    job->target.unix_socket = http->unix_socket;
    job->target.ca_file = http->ca_file;
    job->target.insecure = http->insecure;
    job->target.version = version_of(http->http);
    job->target.timeout_s = http->timeout.value;
    job->target.connect_timeout_s = http->timeout.value;
    rc = wtl_http_check(&job->target, err);
    if (rc == 0)
        rc = find_token(job, err);
    if (rc == 0 && http->trace)
        rc = wtl_arrival_trace_read(ctx->arena, http->trace, &job->trace, err);
    (void)signal(SIGPIPE, SIG_IGN); /* of connections; until the results are printed */
    wtl_interrupt_hold();
    return rc;
}

int wtl_load_job_wait(const struct wtl_load_job *job, const char *path, bool any, bool *ready_out,
                      struct wtl_error *err)
{
    const struct wtl_http_wait wait = {.path = path,
                                       .any = any,
                                       .patience_s = job->http->wait.value,
                                       .clock = job->ctx->clock,
                                       .stop = told_to_end};
    int rc = wtl_http_wait(&job->target, &wait, ready_out, err);
    if (rc == -WTL_TIMEOUT && job->http->wait.value < 1)
        wtl_error_hint(err, "--wait 60s gives it time to load its models");
    if (rc == 0 && !*ready_out)
        wtl_interrupt_release();
    return rc;
}

int wtl_load_job_get(const struct wtl_load_job *job, const char *path, struct wtl_http_answer *out,
                     struct wtl_error *err)
{
    struct wtl_http_answer answer = {0};
    int rc = wtl_http_get(job->ctx->arena, &job->target, path, &answer, err);
    if (rc < 0)
        return rc;
    if (answer.status < 200 || answer.status > 299)
        return WTL_FAIL(err, answer.status == 404 ? WTL_NOTFOUND : WTL_IO,
                        "%s%s: status %d: %.200s", job->target.url, path, answer.status,
                        answer.body);
    *out = answer;
    return 0;
}

/* ---- the run --------------------------------------------------------------------------------- */

static int64_t to_ns(double s)
{
    return s < 9e9 ? (int64_t)(s * (double)WTL_NS_PER_S) : INT64_MAX / 4;
}

static struct wtl_schedule_config schedule_of(const struct wtl_load_job *job)
{
    const struct wtl_load_cli *load = job->load;
    const struct wtl_load_http_cli *o = job->http;
    enum wtl_arrival_kind kind =
        strcmp(o->arrivals, "uniform") == 0 ? WTL_ARRIVAL_UNIFORM : WTL_ARRIVAL_POISSON;
    bool all = load->duration.value == 0 || /* until told to end */
               (!load->duration.given && (load->count > 0 || job->trace.n > 0));
    struct wtl_schedule_config s = {
        .closed = o->closed > 0,
        .slots = o->closed > 0 ? o->closed : o->max_in_flight,
        .warmup_ns = to_ns(load->warmup.value),
        .duration_ns = all ? INT64_MAX : to_ns(load->duration.value),
        .requests = (uint64_t)load->count,
    };
    if (job->trace.n > 0)
        s.arrivals = wtl_arrivals_of_trace(job->trace.time_ns, job->trace.n, o->speed.value);
    else if (!s.closed)
        s.arrivals = wtl_arrivals_at_rate(kind, load->rate.value, (uint64_t)load->seed);
    return s;
}

static int allow_files(int slots, struct wtl_error *err)
{
    struct rlimit limit;
    rlim_t need = (rlim_t)slots + OTHER_FILES;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= need)
        return 0;
    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < need) {
        int rc = WTL_FAIL(err, WTL_USAGE,
                          "%d requests in flight need as many sockets, and this process may have "
                          "%llu files open",
                          slots, (unsigned long long)limit.rlim_max);
        wtl_error_hint(err, "--max-in-flight %llu, or `ulimit -n %llu` as root",
                       (unsigned long long)limit.rlim_max - OTHER_FILES, (unsigned long long)need);
        return rc;
    }
    limit.rlim_cur = need;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0
               ? 0
               : WTL_FAIL(err, WTL_IO, "cannot open so many files: %s", strerror(errno));
}

static void tell(void *ctx, const struct wtl_http_load_state *s)
{
    const struct wtl_load_job *job = ctx;
    int64_t total = s->end_ns < INT64_MAX ? s->end_ns / WTL_NS_PER_S : 0;
    wtl_progress(&job->ctx->log, "seconds of load", s->now_ns / WTL_NS_PER_S, total, 0);
}

/* Whatever ends the load, what the log has is written. */
static int run_with_log(struct wtl_load_job *job, struct wtl_http_load_config *c,
                        struct wtl_load_results *r, struct wtl_error *err)
{
    const char *path = job->http->log;
    if (path) {
        c->log = fopen(path, "we");
        if (!c->log)
            return wtl_fail_errno(err, errno, "open", path);
    }
    int rc = wtl_http_load(job->ctx->arena, c, r, err);
    bool bad = c->log && ferror(c->log);
    if (c->log && (fclose(c->log) != 0 || bad) && rc == 0)
        rc = WTL_FAIL(err, WTL_IO, "cannot write to \"%s\"", path);
    return rc;
}

static int run_with_markers(struct wtl_load_job *job, struct wtl_load_results *r,
                            struct wtl_error *err)
{
    struct wtl_markers *markers = WTL_NEW(job->ctx->arena, struct wtl_markers);
    if (!markers)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    struct wtl_http_load_config c = {.target = job->target,
                                     .path = job->path,
                                     .content_type = "application/json",
                                     .dialect = job->dialect,
                                     .schedule = schedule_of(job),
                                     .drain_ns = to_ns(job->http->drain.value),
                                     .clock = job->ctx->clock,
                                     .markers = markers,
                                     .unit = job->unit,
                                     .work_is_tokens = job->tokens,
                                     .work_per_request = job->work_per_request,
                                     .stop = told_to_end,
                                     .tell = tell,
                                     .tell_ctx = job};
    int rc = allow_files(c.schedule.slots, err);
    if (rc < 0)
        return rc;
    wtl_markers_open(markers, getenv(WTL_MARKERS_VARIABLE), 100000000);
    rc = run_with_log(job, &c, r, err);
    wtl_markers_close(markers);
    return rc;
}

static int verdict(const struct wtl_load_results *r, struct wtl_error *err)
{
    const struct wtl_exchange_failure *f = &r->first_failure;
    char first[WTL_EXCHANGE_WHY + 64];
    if (r->outcome[WTL_OUTCOME_OK] > 0)
        return 0;
    if (f->outcome != WTL_OUTCOME_OK) {
        wtl_load_failure_text(f, first, sizeof first);
        return WTL_FAIL(err, WTL_IO, "no request succeeded; the first failed: %s", first);
    }
    if (r->interrupted)
        return 0; /* and dies by the signal */
    int rc = WTL_FAIL(err, WTL_USAGE, "nothing was measured: no request was due after the warm-up");
    wtl_error_hint(err, "a shorter --warmup");
    return rc;
}

int wtl_load_job_run(struct wtl_load_job *job, struct wtl_error *err)
{
    struct wtl_load_results *r = WTL_NEW(job->ctx->arena, struct wtl_load_results);
    int rc = r ? run_with_markers(job, r, err) : WTL_FAIL(err, WTL_NOMEM, "out of memory");
    (void)signal(SIGPIPE, SIG_DFL);
    if (rc == 0)
        rc = wtl_load_job_print(job, r, err);
    json_decref(job->facts);
    job->facts = NULL;
    if (rc == 0)
        rc = verdict(r, err);
    (void)fflush(job->ctx->out);
    /* One that was to run until told to end has ended well; the others die by their signal. */
    if (rc < 0 || !r->interrupted || job->load->duration.value > 0)
        wtl_interrupt_release();
    return rc;
}
