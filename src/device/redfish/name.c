/* SPDX-License-Identifier: Apache-2.0
 * Names of Redfish devices. */
#include "device/redfish/redfish.h"

#include "base/secret.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* What has an '@' may be a user's password that is written in the wrong place: it is not repeated.
 */
static const char *shown(const char *text)
{
    return strchr(text, '@') ? "..." : text;
}

/* "KEY=PATH" */
static int parse_file(const char *text, char file_out[WTL_LIMIT_PATH], struct wtl_error *err)
{
    const char *path = strchr(text, '=') + 1;
    if (!*path)
        return WTL_FAIL(err, WTL_USAGE, "\"%s\" names no file", text);
    snprintf(file_out, WTL_LIMIT_PATH, "%s", path);
    return 0;
}

static int parse_option(const char *text, struct wtl_redfish_options *o, struct wtl_error *err)
{
    if (strcmp(text, "insecure") == 0) {
        o->insecure = true;
        return 0;
    }
    if (wtl_starts_with(text, "password-file="))
        return parse_file(text, o->password_file, err);
    if (wtl_starts_with(text, "ca-file="))
        return parse_file(text, o->ca_file, err);
    if (wtl_starts_with(text, "name="))
        return wtl_backend_name(text + strlen("name="), o->name, err);
    if (wtl_starts_with(text, "password=")) {
        int rc = WTL_FAIL(err, WTL_USAGE, "a password on the command line is everybody's to see");
        wtl_error_hint(err, "password-file=PATH, or the variable " WTL_SECRET_REDFISH);
        return rc;
    }
    static const char *const known[] = {"insecure", "name=", "password-file=", "ca-file="};
    int rc = WTL_FAIL(err, WTL_USAGE, "\"%.80s\" is no option of a Redfish device", shown(text));
    const char *meant = wtl_did_you_mean(text, known, 4);
    if (meant)
        wtl_error_hint(err, "did you mean \"%s\"?", meant);
    else
        wtl_error_hint(err, "password-file=PATH, ca-file=PATH, insecure, name=NAME");
    return rc;
}

static int refuse(const char *url, const char *why, struct wtl_error *err)
{
    int rc = WTL_FAIL(err, WTL_USAGE, "\"redfish:%.100s\": %s", shown(url), why);
    wtl_error_hint(err, "redfish:https://USER@HOST/redfish/v1/Chassis/1,password-file=PATH");
    return rc;
}

static bool is_plain(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isgraph((unsigned char)s[i]) || strchr("\"<>\\^`{|}", s[i]))
            return false;
    return true;
}

/* "USER:PASSWORD@HOST", behind a scheme or none, whatever else is wrong with it. */
static bool has_password(const char *url, size_t n)
{
    const char *at = memrchr(url, '@', n), *scheme = strstr(url, "://");
    const char *from = scheme && at && scheme < at ? scheme + strlen("://") : url;
    return at && memchr(from, ':', (size_t)(at - from));
}

/* "USER@HOST:PORT". */
static int parse_authority(const char *url, const char *s, size_t n, struct wtl_redfish_options *o,
                           struct wtl_error *err)
{
    const char *at = memchr(s, '@', n);
    if (at && (at == s ||
               !wtl_view_copy((struct wtl_view){s, (size_t)(at - s)}, o->user, sizeof o->user)))
        return refuse(url, "the user's name is empty or too long", err);
    struct wtl_view host = {at ? at + 1 : s, at ? n - (size_t)(at + 1 - s) : n};
    if (host.n == 0 || memchr(host.s, '@', host.n) || !wtl_view_copy(host, o->host, sizeof o->host))
        return refuse(url, "it names no host", err);
    return 0;
}

static int parse_url(const char *url, size_t n, struct wtl_redfish_options *o,
                     struct wtl_error *err)
{
    const char *scheme = wtl_starts_with(url, "https://")  ? "https://"
                         : wtl_starts_with(url, "http://") ? "http://"
                                                           : NULL;
    if (has_password(url, n)) { /* first of all: what is wrong otherwise quotes it */
        int rc = WTL_FAIL(err, WTL_USAGE, "a password in a URL is everybody's to see");
        wtl_error_hint(err, "password-file=PATH, or the variable " WTL_SECRET_REDFISH);
        return rc;
    }
    if (!scheme)
        return refuse(url, "no URL of a Redfish service", err);
    if (!is_plain(url, n) || memchr(url, '?', n) || memchr(url, '#', n))
        return refuse(url, "signs that a URL does not have here", err);
    size_t k = strlen(scheme), authority = strcspn(url + k, "/,");
    authority = authority < n - k ? authority : n - k;
    int rc = parse_authority(url, url + k, authority, o, err);
    if (rc < 0)
        return rc;
    struct wtl_view path = {url + k + authority, n - k - authority};
    while (path.n > 0 && path.s[path.n - 1] == '/')
        path.n--;
    if (!wtl_view_copy(path, o->path, sizeof o->path))
        return refuse(url, "its path is too long", err);
    if (strcmp(o->path, "/redfish/v1") == 0 || strcmp(o->path, "/redfish") == 0 ||
        strcmp(o->path, "/redfish/v1/Chassis") == 0)
        o->path[0] = '\0';
    snprintf(o->origin, sizeof o->origin, "%s%s", scheme, o->host);
    return 0;
}

int wtl_redfish_parse(const char *text, struct wtl_redfish_options *options_out,
                      struct wtl_error *err)
{
    struct wtl_redfish_options o = {0};
    char option[WTL_LIMIT_PATH];
    size_t n = strcspn(text, ",");
    int rc = parse_url(text, n, &o, err);
    for (const char *s = text + n; rc == 0 && *s == ',';) {
        s++;
        size_t k = strcspn(s, ",");
        if (!wtl_view_copy((struct wtl_view){s, k}, option, sizeof option))
            return WTL_FAIL(err, WTL_LIMIT, "\"%.60s...\" is too long", shown(s));
        rc = parse_option(option, &o, err);
        s += k;
    }
    if (rc == 0 && o.user[0] && wtl_starts_with(o.origin, "http://") && !o.insecure) {
        rc = WTL_FAIL(err, WTL_USAGE, "\"%s\": over http everybody on the way reads the password",
                      o.origin);
        wtl_error_hint(err, "https://, or \",insecure\" behind it where that is what you want");
    }
    if (rc == 0)
        *options_out = o;
    return rc;
}
