/* SPDX-License-Identifier: Apache-2.0
 * A Redfish service over the network: one connection that is kept, bounded answers, bounded time.
 */
#include "device/redfish/redfish.h"

#include "base/secret.h"
#include "codec/curl.h"

#ifdef WTL_HAVE_CURL

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* A call of a device has 5 s; BMCs answer within 50 to 500 ms, with a new TLS session within 2 s.
 */
enum { CONNECT_MS = 3000, ANSWER_MS = 4000 };

struct link {
    struct wtl_curl curl;
    CURL *handle;
    struct curl_slist *headers;
    char origin[WTL_REDFISH_PATH], host[WTL_LIMIT_NAME];
    bool has_user;
    atomic_bool interrupted;
    struct wtl_buf *body; /* of the call that is under way */
};

/* ---- While it runs --------------------------------------------------------------------------- */

static size_t take(char *data, size_t one, size_t n, void *arg)
{
    struct link *l = arg;
    wtl_buf_add(l->body, data, one * n);
    return l->body->failed ? 0 : one * n;
}

static int go_on(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    struct link *l = arg;
    (void)a, (void)b, (void)c, (void)d;
    return atomic_load(&l->interrupted);
}

static void interrupt(void *ctx)
{
    atomic_store(&((struct link *)ctx)->interrupted, true);
}

static void close_link(void *ctx)
{
    struct link *l = ctx;
    if (l->handle)
        l->curl.easy_cleanup(l->handle);
    if (l->headers)
        l->curl.slist_free_all(l->headers);
    l->handle = NULL;
    l->headers = NULL;
}

/* ---- What came of it ------------------------------------------------------------------------- */

static int explain(const struct link *l, CURLcode code, struct wtl_error *err)
{
    const char *why = l->curl.easy_strerror(code);
    int rc;
    switch ((int)code) {
    case CURLE_WRITE_ERROR:
        return WTL_FAIL(err, WTL_LIMIT, "%s answers with more than %d bytes", l->host,
                        WTL_REDFISH_ANSWER);
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_ABORTED_BY_CALLBACK:
        rc = WTL_FAIL(err, WTL_TIMEOUT, "%s did not answer within %d s", l->host, ANSWER_MS / 1000);
        wtl_error_hint(err, "is that its address, and is it reached from here? BMCs often have a "
                            "network of their own");
        return rc;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
        rc = WTL_FAIL(err, WTL_FAILED, "%s is not reached: %s", l->host, why);
        wtl_error_hint(err, "is that its address, and is it reached from here? BMCs often have a "
                            "network of their own");
        return rc;
    case CURLE_PEER_FAILED_VERIFICATION:
        rc = WTL_FAIL(err, WTL_PERMISSION, "the certificate of %s is not to be trusted: %s",
                      l->host, why);
        wtl_error_hint(err, "BMCs come with certificates that they signed themselves: give it with "
                            "\",ca-file=PATH\" behind the URL, or put \",insecure\" there");
        return rc;
    case CURLE_SSL_CACERT_BADFILE:
        return WTL_FAIL(err, WTL_NOTFOUND, "the file of certificates for %s cannot be read",
                        l->host);
    default:
        return WTL_FAIL(err, WTL_FAILED, "%s cannot be asked: %s", l->host, why);
    }
}

static int explain_status(const struct link *l, long status, const char *path,
                          struct wtl_error *err)
{
    int rc;
    switch (status) {
    case 200:
        return 0;
    case 401:
    case 403:
        rc = WTL_FAIL(err, WTL_PERMISSION, "%s refuses %s: status %ld", l->host,
                      l->has_user ? "this user and password" : "to answer without a user", status);
        wtl_error_hint(err, "redfish:https://USER@HOST, the password in WATTLE_REDFISH_PASSWORD or "
                            "password-file=PATH; USER needs the right to log in");
        return rc;
    case 404:
    case 410:
        return WTL_FAIL(err, WTL_NOTFOUND, "%s has no %s", l->host, path);
    case 429:
    case 503:
        return WTL_FAIL(err, WTL_BUSY, "%s is too busy to answer: status %ld", l->host, status);
    default:
        if (status >= 300 && status < 400)
            return WTL_FAIL(err, WTL_FAILED,
                            "%s sends elsewhere for %s (status %ld), which is not followed: a "
                            "password is for one host",
                            l->host, path, status);
        return WTL_FAIL(err, WTL_FAILED, "%s answers status %ld for %s", l->host, status, path);
    }
}

static int get(void *ctx, const char *path, struct wtl_buf *body_out, struct wtl_error *err)
{
    struct link *l = ctx;
    char url[2 * WTL_REDFISH_PATH];
    long status = 0;
    snprintf(url, sizeof url, "%s%s", l->origin, path);
    wtl_buf_clear(body_out);
    l->body = body_out;
    CURLcode code = l->curl.easy_setopt(l->handle, CURLOPT_URL, url);
    if (code == CURLE_OK)
        code = l->curl.easy_perform(l->handle);
    if (code == CURLE_OK)
        code = l->curl.easy_getinfo(l->handle, CURLINFO_RESPONSE_CODE, &status);
    return code == CURLE_OK ? explain_status(l, status, path, err) : explain(l, code, err);
}

/* ---- Before it runs -------------------------------------------------------------------------- */

static bool set_up(struct link *l, const struct wtl_redfish_options *o, const char *password)
{
    const struct wtl_curl *c = &l->curl;
    l->headers = c->slist_append(NULL, "Accept: application/json");
    struct curl_slist *more = l->headers ? c->slist_append(l->headers, "OData-Version: 4.0") : NULL;
    if (!more)
        return false;
    l->headers = more;
    const struct {
        CURLoption option;
        long value;
    } numbers[] = {
        {CURLOPT_NOSIGNAL, 1},
        {CURLOPT_NOPROGRESS, 0}, /* go_on() is called */
        {CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS},
        {CURLOPT_TIMEOUT_MS, ANSWER_MS},
        {CURLOPT_FOLLOWLOCATION, 0},
        {CURLOPT_TCP_KEEPALIVE, 1},
        {CURLOPT_SSL_VERIFYPEER, !o->insecure},
        {CURLOPT_SSL_VERIFYHOST, o->insecure ? 0 : 2},
        {CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC},
        {CURLOPT_NETRC, (long)CURL_NETRC_IGNORED},
    };
    const struct {
        CURLoption option;
        const void *value;
    } pointers[] = {
        {CURLOPT_HTTPHEADER, l->headers}, {CURLOPT_XFERINFODATA, l}, {CURLOPT_WRITEDATA, l},
        {CURLOPT_NOPROXY, "*"}, /* a password is for the host alone */
        {CURLOPT_USERAGENT, "wattle"},
    };
    bool good = true;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        good = good && c->easy_setopt(l->handle, numbers[i].option, numbers[i].value) == CURLE_OK;
    for (size_t i = 0; i < sizeof pointers / sizeof pointers[0]; i++)
        good = good && c->easy_setopt(l->handle, pointers[i].option, pointers[i].value) == CURLE_OK;
    good = good && c->easy_setopt(l->handle, CURLOPT_WRITEFUNCTION, take) == CURLE_OK &&
           c->easy_setopt(l->handle, CURLOPT_XFERINFOFUNCTION, go_on) == CURLE_OK;
    if (o->ca_file[0])
        good = good && c->easy_setopt(l->handle, CURLOPT_CAINFO, o->ca_file) == CURLE_OK;
    if (o->user[0])
        good = good && c->easy_setopt(l->handle, CURLOPT_USERNAME, o->user) == CURLE_OK &&
               c->easy_setopt(l->handle, CURLOPT_PASSWORD, password) == CURLE_OK;
    return good;
}

static int read_password(const struct wtl_redfish_options *o, char password[WTL_SECRET_MAX],
                         struct wtl_error *err)
{
    int rc = wtl_secret_read(o->password_file[0] ? o->password_file : NULL, WTL_SECRET_REDFISH,
                             password, err);
    if (rc == 0 && !password[0]) {
        rc = WTL_FAIL(err, WTL_USAGE, "there is no password for %s at %s", o->user, o->host);
        wtl_error_hint(err, "password-file=PATH behind the URL, or the variable "
                            "WATTLE_REDFISH_PASSWORD");
    }
    return rc;
}

int wtl_redfish_connect(struct wtl_arena *arena, const struct wtl_redfish_options *o,
                        struct wtl_redfish_service *service_out, struct wtl_error *err)
{
    char password[WTL_SECRET_MAX] = "";
    struct link *l = WTL_NEW(arena, struct link);
    if (!l)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = wtl_curl_load(&l->curl, err);
    if (rc == 0 && o->user[0])
        rc = read_password(o, password, err);
    if (rc < 0)
        return rc;
    snprintf(l->origin, sizeof l->origin, "%s", o->origin);
    snprintf(l->host, sizeof l->host, "%s", o->host);
    l->has_user = o->user[0] != '\0';
    l->handle = l->curl.easy_init();
    bool good = l->handle && set_up(l, o, password);
    wtl_secret_clear(password);
    if (!good) {
        close_link(l);
        return WTL_FAIL(err, WTL_FAILED, "libcurl could not be set up for %s", o->host);
    }
    *service_out = (struct wtl_redfish_service){get, interrupt, close_link, l};
    return 0;
}

#else

int wtl_redfish_connect(struct wtl_arena *arena, const struct wtl_redfish_options *o,
                        struct wtl_redfish_service *service_out, struct wtl_error *err)
{
    (void)arena, (void)o, (void)service_out;
    return wtl_curl_load(NULL, err);
}

#endif
