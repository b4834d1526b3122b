/* SPDX-License-Identifier: Apache-2.0
 *
 * What `wattle load triton` and `wattle load openai` share: the server, the arrivals, the loop, and
 * what came of it.
 */
#ifndef WTL_CLI_LOAD_HTTP_H
#define WTL_CLI_LOAD_HTTP_H

#include "cli/load.h"
#include "load/arrival_trace.h"
#include "load/http_load.h"

struct wtl_load_http_cli {
    const char *model;
    const char *arrivals, *trace, *log, *unix_socket, *ca_file, *token_env, *token_file, *http;
    struct wtl_opt_quantity speed, timeout, drain, wait;
    int closed, max_in_flight;
    bool insecure;
};

#define WTL_LOAD_HTTP_DEFAULTS                                                                     \
    {                                                                                              \
        .arrivals = "poisson", .http = "auto", .speed = {.value = 1}, .timeout = {.value = 60},    \
        .drain = {.value = 2}, .wait = {.value = 0}, .max_in_flight = 1000                         \
    }

/* Rows of option tables for the member `member`, a struct wtl_load_http_cli, of `type_`. */
/* clang-format off */
#define WTL_LOAD_HTTP_OPTS(type_, member)                                                          \
    {.name = "model", .letter = 'm', .type = WTL_OPT_STRING, .arg = "MODEL",                       \
     .offset = offsetof(type_, member.model), .help = "model to ask, as the server names it"},     \
    {.name = "arrivals", .type = WTL_OPT_CHOICE, .choices = "poisson,uniform", .arg = "KIND",      \
     .offset = offsetof(type_, member.arrivals),                                                   \
     .help = "gaps between requests: random and independent, or all alike (poisson)"},             \
    {.name = "trace", .type = WTL_OPT_STRING, .arg = "FILE",                                       \
     .offset = offsetof(type_, member.trace),                                                      \
     .help = "a table of recorded arrivals instead of --rate"},                                    \
    {.name = "speed", .type = WTL_OPT_QUANTITY, .unit = WTL_UNIT_NONE, .min = 1e-6, .max = 1e6,    \
     .arg = "X", .offset = offsetof(type_, member.speed),                                          \
     .help = "plays --trace so many times as fast (1)"},                                           \
    {.name = "closed", .type = WTL_OPT_INT, .min = 1, .max = 100000, .arg = "N",                   \
     .offset = offsetof(type_, member.closed),                                                     \
     .help = "a closed loop instead: N workers, each with its next request when its last is done"},\
    {.name = "max-in-flight", .type = WTL_OPT_INT, .min = 1, .max = 100000, .arg = "N",            \
     .offset = offsetof(type_, member.max_in_flight),                                              \
     .help = "requests in flight at most; further ones are sent late, which is told (1000)"},      \
    {.name = "timeout", .type = WTL_OPT_QUANTITY, .unit = WTL_UNIT_SECOND, .min = 0.001,           \
     .max = 86400, .arg = "TIME", .offset = offsetof(type_, member.timeout),                       \
     .help = "a request without a whole answer by then has failed (60s)"},                         \
    {.name = "drain", .type = WTL_OPT_QUANTITY, .unit = WTL_UNIT_SECOND, .min = 0, .max = 86400,   \
     .arg = "TIME", .offset = offsetof(type_, member.drain),                                       \
     .help = "when told to end, requests in flight may take so long before they are cut (2s)"},    \
    {.name = "wait", .type = WTL_OPT_QUANTITY, .unit = WTL_UNIT_SECOND, .min = 0, .max = 86400,    \
     .arg = "TIME", .offset = offsetof(type_, member.wait),                                        \
     .help = "how long the server may take to be ready (0s)"},                                     \
    {.name = "log", .type = WTL_OPT_STRING, .arg = "FILE", .offset = offsetof(type_, member.log),  \
     .help = "writes a line of JSON for every request"},                                           \
    {.name = "unix-socket", .type = WTL_OPT_STRING, .arg = "PATH",                                 \
     .offset = offsetof(type_, member.unix_socket), .group = "Connection",                         \
     .help = "connects there, whatever the host of the URL"},                                      \
    {.name = "http", .type = WTL_OPT_CHOICE, .choices = "auto,1.1,2", .arg = "VERSION",            \
     .offset = offsetof(type_, member.http), .group = "Connection",                                \
     .help = "version of HTTP; auto: 2 over TLS where the server has it, else 1.1 (auto)"},        \
    {.name = "token-env", .type = WTL_OPT_STRING, .arg = "NAME",                                   \
     .offset = offsetof(type_, member.token_env), .group = "Connection",                           \
     .help = "bearer token from this variable of the environment"},                                \
    {.name = "token-file", .type = WTL_OPT_STRING, .arg = "FILE",                                  \
     .offset = offsetof(type_, member.token_file), .group = "Connection",                          \
     .help = "bearer token from a file"},                                                          \
    {.name = "cacert", .type = WTL_OPT_STRING, .arg = "FILE",                                      \
     .offset = offsetof(type_, member.ca_file), .group = "Connection",                             \
     .help = "certificates to trust instead of the system's"},                                     \
    {.name = "insecure", .type = WTL_OPT_FLAG, .offset = offsetof(type_, member.insecure),         \
     .group = "Connection", .help = "does not look at the server's certificate"}
/* clang-format on */

/* A load as a verb puts it together. */
struct wtl_load_job {
    struct wtl_context *ctx;
    const struct wtl_load_cli *load;
    const struct wtl_load_http_cli *http;
    struct wtl_http_target target;
    struct wtl_arrival_trace trace; /* n = 0: none */

    /* From here on the verb's. */
    const char *kind; /* "triton", "openai" */
    const char *path;
    struct wtl_dialect dialect;
    const char *unit; /* of work: "request", "item", "token" */
    double work_per_request;
    bool tokens;       /* its work is counted in tokens */
    bool about_tokens; /* tokens are told about */
    json_t *facts;     /* an object: members of the document that the verb adds; taken over */
};

/* Fills the job from the options: the URL (`strip`: "/v1" at its end is dropped), the token, the
 * trace. From here on SIGINT and SIGTERM are only noted. */
int wtl_load_job_begin(struct wtl_load_job *job, struct wtl_context *ctx,
                       const struct wtl_load_cli *load, const struct wtl_load_http_cli *http,
                       const char *strip, struct wtl_error *err);

/* Waits until the server is ready (`any`: wtl_http_wait); false in *ready_out: told to end. */
int wtl_load_job_wait(const struct wtl_load_job *job, const char *path, bool any, bool *ready_out,
                      struct wtl_error *err);

/* GET of a document that must be there. */
int wtl_load_job_get(const struct wtl_load_job *job, const char *path, struct wtl_http_answer *out,
                     struct wtl_error *err);

/* Runs the load and prints what came of it. */
int wtl_load_job_run(struct wtl_load_job *job, struct wtl_error *err);

/* Prints it, as text or as a document. */
int wtl_load_job_print(const struct wtl_load_job *job, const struct wtl_load_results *r,
                       struct wtl_error *err);

#endif
