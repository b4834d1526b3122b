/* SPDX-License-Identifier: Apache-2.0
 * Servers by URL: what of it needs no libcurl. */
#include "load/http.h"

#include "base/text.h"

#include <string.h>

static int bad_url(const char *url, const char *what, struct wtl_error *err)
{
    int rc = WTL_FAIL(err, WTL_USAGE, "\"%s\": %s", url, what);
    wtl_error_hint(err, "http://HOST:PORT or https://HOST[:PORT]");
    return rc;
}

int wtl_http_base(struct wtl_arena *arena, const char *url, const char *strip, const char **url_out,
                  struct wtl_error *err)
{
    const char *host = strstr(url, "://");
    if (!wtl_starts_with(url, "http://") && !wtl_starts_with(url, "https://"))
        return bad_url(url, "is no URL of http or https", err);
    host += 3;
    if (*host == '\0' || *host == '/' || *host == ':')
        return bad_url(url, "has no host", err);
    if (strpbrk(url, "?#"))
        return bad_url(url, "has a query or a fragment, to which no path can be added", err);
    const char *slash = strchr(host, '/'), *at = strchr(host, '@');
    if (at && (!slash || at < slash)) /* and do not quote it */
        return WTL_FAIL(err, WTL_USAGE,
                        "a URL with a user or a password is not taken: "
                        "others could read it (--token-env, --token-file)");
    for (const char *c = url; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f)
            return bad_url(url, "has blanks or control characters", err);
    size_t n = strlen(url);
    while (n > 0 && url[n - 1] == '/')
        n--;
    size_t k = strip ? strlen(strip) : 0;
    if (k > 0 && n > k && memcmp(url + n - k, strip, k) == 0)
        n -= k;
    const char *base = wtl_arena_strndup(arena, url, n);
    if (!base)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    *url_out = base;
    return 0;
}

int wtl_http_bearer(struct wtl_arena *arena, const char *from, const char *text, size_t n,
                    const char **out, struct wtl_error *err)
{
    struct wtl_view v = wtl_view_trim((struct wtl_view){text, n});
    bool good = v.n > 0 && v.n < 1 << 16;
    for (size_t i = 0; i < v.n; i++)
        good &= v.s[i] > ' ' && v.s[i] < 0x7f;
    if (!good)
        return WTL_FAIL(err, WTL_USAGE, "%s holds no token: one word of printable characters",
                        from);
    const char *header = wtl_arena_printf(arena, "Bearer %.*s", (int)v.n, v.s);
    if (!header)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    *out = header;
    return 0;
}
