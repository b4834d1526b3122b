/* SPDX-License-Identifier: Apache-2.0
 *
 * A server to be loaded, and single questions to it before the load begins: is it ready, what does
 * its model take. Over libcurl; in a build without it every call is -WTL_UNSUPPORTED.
 *
 * No proxy is ever used and no redirection followed, whatever the environment says: what is
 * measured is the server that was named.
 */
#ifndef WTL_LOAD_HTTP_H
#define WTL_LOAD_HTTP_H

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum wtl_http_version {
    WTL_HTTP_AUTO, /* 2 over TLS where the server offers it, else 1.1 */
    WTL_HTTP_1_1,
    WTL_HTTP_2, /* also without TLS, by prior knowledge (RFC 9113, 3.3) */
};

struct wtl_http_target {
    const char *url;         /* "http://host:port[/path]", what paths are appended to */
    const char *unix_socket; /* connects there, whatever the host of the URL; NULL */
    const char *ca_file;     /* instead of the system's certificates; NULL */
    const char *token;       /* of wtl_http_bearer(); NULL */
    bool insecure;           /* certificates are not looked at */
    enum wtl_http_version version;
    double timeout_s;         /* for one whole answer */
    double connect_timeout_s; /* for one connection */
};

/* -WTL_UNSUPPORTED with what to install, in a build without libcurl. */
int wtl_http_available(struct wtl_error *err);

/* -WTL_UNSUPPORTED where this libcurl cannot do what the target asks for: its versions 7.88.0 and
 * 7.88.1 break a connection of HTTP/2 without TLS when they use it again (curl's pull request
 * 10643). */
int wtl_http_check(const struct wtl_http_target *target, struct wtl_error *err);

/* -WTL_USAGE unless the URL is one of http or https with a host and without a user, a query or a
 * fragment. *url_out: without '/' at the end, and without `strip` ("/v1") before that. */
int wtl_http_base(struct wtl_arena *arena, const char *url, const char *strip, const char **url_out,
                  struct wtl_error *err);

/* What the header "Authorization" holds for a token of `n` bytes: printable characters without
 * blanks but around them. -WTL_USAGE names `from`, where it was found, and never the token. */
int wtl_http_bearer(struct wtl_arena *arena, const char *from, const char *text, size_t n,
                    const char **out, struct wtl_error *err);

struct wtl_http_answer {
    int status;
    const char *body; /* at most 16 MiB, ended by NUL */
    size_t size;
};

/* GET url + path. -WTL_IO when there is no answer (or a too large one), -WTL_TIMEOUT. Any status is
 * an answer. */
int wtl_http_get(struct wtl_arena *arena, const struct wtl_http_target *target, const char *path,
                 struct wtl_http_answer *out, struct wtl_error *err);

/* Asks again and again, up to `patience_s`, until the answer is 2xx: the server is ready. Other
 * answers count as such where `any` is set, but for 502, 503 and 504 (not all servers have the
 * path). -WTL_TIMEOUT with the last answer; `stop` (NULL: never) ends the waiting with
 * *ready_out = false. */
struct wtl_http_wait {
    const char *path;
    bool any;
    double patience_s;
    struct wtl_clock clock;
    bool (*stop)(void *ctx);
    void *stop_ctx;
};
int wtl_http_wait(const struct wtl_http_target *target, const struct wtl_http_wait *wait,
                  bool *ready_out, struct wtl_error *err);

#endif
