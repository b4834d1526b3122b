/* SPDX-License-Identifier: Apache-2.0
 * Single questions over libcurl. */
#include "codec/curl.h"
#include "load/http.h"

int wtl_http_available(struct wtl_error *err)
{
    return wtl_curl_load(NULL, err);
}

#ifndef WTL_HAVE_CURL

int wtl_http_check(const struct wtl_http_target *target, struct wtl_error *err)
{
    (void)target;
    return wtl_http_available(err);
}

int wtl_http_get(struct wtl_arena *arena, const struct wtl_http_target *target, const char *path,
                 struct wtl_http_answer *out, struct wtl_error *err)
{
    (void)arena, (void)target, (void)path, (void)out;
    return wtl_http_available(err);
}

int wtl_http_wait(const struct wtl_http_target *target, const struct wtl_http_wait *wait,
                  bool *ready_out, struct wtl_error *err)
{
    (void)target, (void)wait, (void)ready_out;
    return wtl_http_available(err);
}

#else

#include "load/http_curl.h"

#include "base/text.h"

#include <poll.h>
#include <stdio.h>

int wtl_http_check(const struct wtl_http_target *target, struct wtl_error *err)
{
    struct wtl_curl curl;
    if (target->version != WTL_HTTP_2)
        return 0;
    int rc = wtl_curl_load(&curl, err);
    if (rc < 0)
        return rc;
    const curl_version_info_data *v = curl.version_info(CURLVERSION_NOW);
    bool broken = v->version_num >= 0x075800 && v->version_num < 0x080000;
    if (!(v->features & CURL_VERSION_HTTP2))
        return WTL_FAIL(err, WTL_UNSUPPORTED, "this libcurl (%s) has no HTTP/2", v->version);
    if (broken && !wtl_starts_with(target->url, "https://")) {
        rc = WTL_FAIL(err, WTL_UNSUPPORTED,
                      "libcurl %s breaks connections of HTTP/2 without TLS when it uses them again",
                      v->version);
        wtl_error_hint(err, "HTTP/1.1, TLS, or libcurl from version 8.0 on");
    }
    return rc;
}

int wtl_curl_set_target(const struct wtl_curl *curl, CURL *easy, const struct wtl_http_target *t,
                        char *why, struct wtl_error *err)
{
    static const long versions[] = {CURL_HTTP_VERSION_2TLS, CURL_HTTP_VERSION_1_1,
                                    CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE};
    bool tls = wtl_starts_with(t->url, "https://");
    long version = versions[t->version];
    if (t->version == WTL_HTTP_2 && tls)
        version = CURL_HTTP_VERSION_2TLS;
    CURLcode c = curl->easy_setopt(easy, CURLOPT_ERRORBUFFER, why);
#define SET(option, value)                                                                         \
    if (c == CURLE_OK)                                                                             \
    c = curl->easy_setopt(easy, option, value)
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_USERAGENT, "wattle");
    SET(CURLOPT_HTTP_VERSION, version);
    SET(CURLOPT_TIMEOUT_MS, (long)(t->timeout_s * 1000));
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(t->connect_timeout_s * 1000));
    SET(CURLOPT_UNIX_SOCKET_PATH, t->unix_socket);
    if (t->ca_file) {
        SET(CURLOPT_CAINFO, t->ca_file);
    }
    SET(CURLOPT_SSL_VERIFYPEER, t->insecure ? 0L : 1L);
    SET(CURLOPT_SSL_VERIFYHOST, t->insecure ? 0L : 2L);
#undef SET
    return c == CURLE_OK ? 0
                         : WTL_FAIL(err, WTL_UNSUPPORTED, "libcurl: %s", curl->easy_strerror(c));
}

struct curl_slist *wtl_curl_header(const struct wtl_curl *curl, struct curl_slist *list,
                                   const char *name, const char *value)
{
    struct wtl_buf line;
    wtl_buf_init(&line, wtl_alloc_system(), 1 << 17);
    wtl_buf_printf(&line, value ? "%s: %s" : "%s:", name, value);
    struct curl_slist *longer = line.failed ? NULL : curl->slist_append(list, line.data);
    wtl_buf_fini(&line);
    if (!longer)
        curl->slist_free_all(list);
    return longer;
}

struct curl_slist *wtl_curl_headers(const struct wtl_curl *curl,
                                    const struct wtl_http_target *target)
{
    /* Nobody shall wait for "100 Continue". */
    struct curl_slist *list = wtl_curl_header(curl, NULL, "Expect", NULL);
    if (list && target->token)
        list = wtl_curl_header(curl, list, "Authorization", target->token);
    return list;
}

/* ---- one question ---------------------------------------------------------------------------- */

static size_t collect(char *data, size_t size, size_t n, void *ctx)
{
    struct wtl_buf *body = ctx;
    wtl_buf_add(body, data, size * n);
    return body->failed ? 0 : size * n;
}

static int ask(const struct wtl_curl *curl, CURL *easy, const char *url, struct wtl_buf *body,
               const char *why, int *status_out, struct wtl_error *err)
{
    long status = 0;
    curl->easy_setopt(easy, CURLOPT_URL, url);
    curl->easy_setopt(easy, CURLOPT_WRITEFUNCTION, collect);
    curl->easy_setopt(easy, CURLOPT_WRITEDATA, body);
    CURLcode c = curl->easy_perform(easy);
    if (body->failed)
        return WTL_FAIL(err, WTL_IO, "%s: the answer is larger than 16 MiB", url);
    if (c != CURLE_OK)
        return WTL_FAIL(err, c == CURLE_OPERATION_TIMEDOUT ? WTL_TIMEOUT : WTL_IO, "%s: %s", url,
                        *why ? why : curl->easy_strerror(c));
    curl->easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    *status_out = (int)status;
    return 0;
}

int wtl_http_get(struct wtl_arena *arena, const struct wtl_http_target *target, const char *path,
                 struct wtl_http_answer *out, struct wtl_error *err)
{
    struct wtl_curl curl;
    char why[CURL_ERROR_SIZE] = "";
    struct wtl_buf body;
    int status = 0;
    int rc = wtl_curl_load(&curl, err);
    if (rc < 0)
        return rc;
    const char *url = wtl_arena_printf(arena, "%s%s", target->url, path);
    CURL *easy = curl.easy_init();
    struct curl_slist *headers = easy ? wtl_curl_headers(&curl, target) : NULL;
    wtl_buf_init(&body, wtl_alloc_system(), 16 << 20);
    rc = url && headers ? 0 : WTL_FAIL(err, WTL_NOMEM, "out of memory");
    if (rc == 0)
        rc = wtl_curl_set_target(&curl, easy, target, why, err);
    if (rc == 0) {
        curl.easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
        rc = ask(&curl, easy, url, &body, why, &status, err);
    }
    curl.easy_cleanup(easy);
    curl.slist_free_all(headers);
    const char *kept = rc == 0 ? wtl_arena_strndup(arena, wtl_buf_str(&body), body.len) : NULL;
    if (kept)
        *out = (struct wtl_http_answer){status, kept, body.len};
    else if (rc == 0)
        rc = WTL_FAIL(err, WTL_NOMEM, "out of memory");
    wtl_buf_fini(&body);
    return rc;
}

/* ---- waiting for it -------------------------------------------------------------------------- */

static bool is_ready(const struct wtl_http_wait *w, int status)
{
    if (status >= 200 && status < 300)
        return true;
    return w->any && status > 0 && status != 502 && status != 503 && status != 504;
}

/* One question of at most two seconds; its status, or 0 with `why`. */
static int try_once(const struct wtl_http_target *target, const struct wtl_http_wait *w,
                    struct wtl_error *why)
{
    WTL_ARENA(scratch);
    struct wtl_http_answer answer = {0};
    struct wtl_http_target brief = *target;
    brief.timeout_s = brief.connect_timeout_s = 2;
    *why = (struct wtl_error){0};
    return wtl_http_get(&scratch, &brief, w->path, &answer, why) == 0 ? answer.status : 0;
}

int wtl_http_wait(const struct wtl_http_target *target, const struct wtl_http_wait *w,
                  bool *ready_out, struct wtl_error *err)
{
    int64_t begin = w->clock.monotonic_ns(w->clock.ctx);
    for (;;) {
        struct wtl_error why;
        int status = try_once(target, w, &why);
        bool stopped = w->stop && w->stop(w->stop_ctx);
        if (stopped || is_ready(w, status)) {
            *ready_out = !stopped;
            return 0;
        }
        double waited_s = (double)(w->clock.monotonic_ns(w->clock.ctx) - begin) / WTL_NS_PER_S;
        if (waited_s >= w->patience_s) {
            if (status > 0)
                return WTL_FAIL(err, WTL_TIMEOUT, "the server is not ready: %s%s says %d",
                                target->url, w->path, status);
            return WTL_FAIL(err, WTL_TIMEOUT, "the server does not answer: %s", why.message);
        }
        (void)poll(NULL, 0, 100);
    }
}

#endif
