/* SPDX-License-Identifier: Apache-2.0
 * libcurl's transfers: made, watched, ended. */
#include "wattle_config.h"

#ifdef WTL_HAVE_CURL

#include "load/http_slot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>

enum { ERROR_BYTES = 600 }; /* of an answer that is no success, for the message */

/* ---- lists ----------------------------------------------------------------------------------- */

static void fly(struct wtl_http_slots *s, struct wtl_http_slot *slot)
{
    slot->prev = NULL;
    slot->next = s->flying;
    if (s->flying)
        s->flying->prev = slot;
    s->flying = slot;
}

static void rest(struct wtl_http_slots *s, struct wtl_http_slot *slot)
{
    if (slot->prev)
        slot->prev->next = slot->next;
    else
        s->flying = slot->next;
    if (slot->next)
        slot->next->prev = slot->prev;
    slot->prev = NULL;
    slot->next = s->free;
    s->free = slot;
}

/* ---- answers --------------------------------------------------------------------------------- */

static void copy_value(char *dst, size_t size, const char *line, size_t n, size_t name)
{
    (void)wtl_view_copy(wtl_view_trim((struct wtl_view){line + name, n - name}), dst, size);
}

static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
    static const char type[] = "Content-Type:", json[] = "Inference-Header-Content-Length:";
    struct wtl_exchange *x = &((struct wtl_http_slot *)ctx)->x;
    n *= size;
    if (n > sizeof type && strncasecmp(line, type, sizeof type - 1) == 0)
        copy_value(x->content_type, sizeof x->content_type, line, n, sizeof type - 1);
    if (n > sizeof json && strncasecmp(line, json, sizeof json - 1) == 0) {
        char value[24];
        int64_t v;
        copy_value(value, sizeof value, line, n, sizeof json - 1);
        if (wtl_parse_int(value, strlen(value), &v) && v >= 0)
            x->reply_json_size = v;
    }
    return n;
}

static int status_of(const struct wtl_http_slot *slot)
{
    long status = 0;
    slot->owner->curl.easy_getinfo(slot->easy, CURLINFO_RESPONSE_CODE, &status);
    return (int)status;
}

static bool is_success(int status)
{
    return status >= 200 && status < 300;
}

static size_t on_data(char *bytes, size_t size, size_t n, void *ctx)
{
    struct wtl_http_slot *slot = ctx;
    const struct wtl_http_slots_config *c = &slot->owner->config;
    struct wtl_exchange *x = &slot->x;
    n *= size;
    x->now_ns = c->now(c->ctx);
    x->status = status_of(slot);
    if (is_success(x->status)) {
        uint32_t before = x->events;
        c->dialect->data(c->dialect->ctx, x, bytes, n);
        if (x->events != before)
            c->on_tokens(c->ctx, (int64_t)x->events - before);
    } else if (x->reply.len < ERROR_BYTES) {
        size_t room = ERROR_BYTES - x->reply.len;
        wtl_buf_add(&x->reply, bytes, n < room ? n : room);
    }
    return x->outcome == WTL_OUTCOME_OK ? n : 0;
}

static enum wtl_outcome outcome_of(CURLcode code)
{
    switch ((int)code) {
    case CURLE_OPERATION_TIMEDOUT:
        return WTL_OUTCOME_TIMEOUT;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_INTERFACE_FAILED:
        return WTL_OUTCOME_CONNECT;
    case CURLE_OUT_OF_MEMORY:
        return WTL_OUTCOME_MEMORY;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9: bytes that are no HTTP */
    case CURLE_BAD_CONTENT_ENCODING:
        return WTL_OUTCOME_WRONG;
    default:
        return WTL_OUTCOME_BROKEN;
    }
}

static int http_version(const struct wtl_http_slot *slot)
{
    long v = 0;
    slot->owner->curl.easy_getinfo(slot->easy, CURLINFO_HTTP_VERSION, &v);
    switch (v) {
    case CURL_HTTP_VERSION_1_0:
        return 10;
    case CURL_HTTP_VERSION_1_1:
        return 11;
    case CURL_HTTP_VERSION_2_0:
        return 20;
    case CURL_HTTP_VERSION_3:
        return 30;
    default:
        return 0;
    }
}

static void end_slot(struct wtl_http_slots *s, struct wtl_http_slot *slot, CURLcode code)
{
    struct wtl_exchange *x = &slot->x;
    const struct wtl_dialect *d = s->config.dialect;
    const struct wtl_curl *curl = &s->curl;
    long connects = 0;
    x->now_ns = s->config.now(s->config.ctx);
    x->status = status_of(slot);
    if (code != CURLE_OK)
        wtl_exchange_end(x, outcome_of(code), "%s",
                         *slot->why ? slot->why : curl->easy_strerror(code));
    else if (!is_success(x->status))
        wtl_exchange_end(x, WTL_OUTCOME_HTTP, "%s", wtl_buf_str(&x->reply));
    else if (x->outcome == WTL_OUTCOME_OK)
        d->end(d->ctx, x);
    curl->easy_getinfo(slot->easy, CURLINFO_NUM_CONNECTS, &connects);
    slot->connections = (uint64_t)connects;
    slot->http_version = http_version(slot);
    curl->multi_remove_handle(s->multi, slot->easy);
    rest(s, slot);
    s->config.on_end(s->config.ctx, slot);
}

/* ---- sockets and times ----------------------------------------------------------------------- */

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *of_socket)
{
    struct wtl_http_slots *s = ctx;
    struct epoll_event e = {.data.fd = fd};
    (void)easy, (void)of_socket;
    if (what == CURL_POLL_REMOVE) {
        (void)epoll_ctl(s->config.epoll, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    e.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
    if (epoll_ctl(s->config.epoll, EPOLL_CTL_MOD, fd, &e) != 0 &&
        (errno != ENOENT || epoll_ctl(s->config.epoll, EPOLL_CTL_ADD, fd, &e) != 0))
        s->failed_errno = errno;
    return 0;
}

static int on_deadline(CURLM *multi, long ms, void *ctx)
{
    struct wtl_http_slots *s = ctx;
    (void)multi;
    s->deadline_ns = ms < 0 ? INT64_MAX : s->config.now(s->config.ctx) + ms * INT64_C(1000000);
    return 0;
}

void wtl_http_slots_act(struct wtl_http_slots *s, int fd, int events)
{
    const struct wtl_curl *curl = &s->curl;
    int running, left;
    CURLMsg *m;
    if (fd < 0)
        s->deadline_ns = INT64_MAX; /* unless libcurl sets a new one */
    (void)curl->multi_socket_action(s->multi, fd < 0 ? CURL_SOCKET_TIMEOUT : fd, events, &running);
    while ((m = curl->multi_info_read(s->multi, &left))) {
        struct wtl_http_slot *slot = NULL;
        if (m->msg != CURLMSG_DONE)
            continue;
        curl->easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&slot);
        end_slot(s, slot, m->data.result);
    }
}

int wtl_http_slots_failed(const struct wtl_http_slots *s, struct wtl_error *err)
{
    return s->failed_errno
               ? WTL_FAIL(err, WTL_IO, "cannot watch a socket: %s", strerror(s->failed_errno))
               : 0;
}

/* ---- requests -------------------------------------------------------------------------------- */

static int set_up(struct wtl_http_slots *s, struct wtl_http_slot *slot, struct wtl_error *err)
{
    const struct wtl_curl *curl = &s->curl;
    slot->easy = curl->easy_init();
    if (!slot->easy)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for a transfer");
    curl->easy_setopt(slot->easy, CURLOPT_PRIVATE, slot);
    curl->easy_setopt(slot->easy, CURLOPT_POST, 1L);
    curl->easy_setopt(slot->easy, CURLOPT_WRITEFUNCTION, on_data);
    curl->easy_setopt(slot->easy, CURLOPT_WRITEDATA, slot);
    curl->easy_setopt(slot->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl->easy_setopt(slot->easy, CURLOPT_HEADERDATA, slot);
    if (curl->easy_setopt(slot->easy, CURLOPT_URL, s->url) != CURLE_OK)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    /* Streams of one connection rather than a connection each. */
    curl->easy_setopt(slot->easy, CURLOPT_PIPEWAIT,
                      s->config.target->version == WTL_HTTP_2 ? 1L : 0L);
    return wtl_curl_set_target(curl, slot->easy, s->config.target, slot->why, err);
}

static int set_headers(struct wtl_http_slots *s, struct wtl_http_slot *slot, struct wtl_error *err)
{
    const struct wtl_curl *curl = &s->curl;
    size_t json = slot->x.body_json_size;
    char number[24];
    if (slot->headers && slot->headers_json_size == json)
        return 0;
    curl->slist_free_all(slot->headers);
    struct curl_slist *list = wtl_curl_headers(curl, s->config.target);
    (void)snprintf(number, sizeof number, "%zu", json);
    if (list)
        list = wtl_curl_header(curl, list, "Content-Type",
                               json ? "application/octet-stream" : s->config.content_type);
    if (list && json)
        list = wtl_curl_header(curl, list, "Inference-Header-Content-Length", number);
    slot->headers = list;
    slot->headers_json_size = json;
    curl->easy_setopt(slot->easy, CURLOPT_HTTPHEADER, list);
    return list ? 0 : WTL_FAIL(err, WTL_NOMEM, "out of memory");
}

int wtl_http_slots_take(struct wtl_http_slots *s, uint64_t number, struct wtl_http_slot **slot_out,
                        struct wtl_error *err)
{
    const struct wtl_curl *curl = &s->curl;
    struct wtl_http_slot *slot = s->free;
    *slot_out = NULL;
    if (!slot)
        return 0;
    int rc = slot->easy ? 0 : set_up(s, slot, err);
    wtl_exchange_restart(&slot->x);
    slot->x.number = number;
    if (rc == 0)
        rc = s->config.dialect->request(s->config.dialect->ctx, &slot->x, err);
    if (rc == 0)
        rc = set_headers(s, slot, err);
    if (rc < 0)
        return rc;
    slot->why[0] = '\0';
    curl->easy_setopt(slot->easy, CURLOPT_POSTFIELDS, slot->x.body);
    curl->easy_setopt(slot->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)slot->x.body_size);
    s->free = slot->next;
    *slot_out = slot;
    return 0;
}

int wtl_http_slots_send(struct wtl_http_slots *s, struct wtl_http_slot *slot, struct wtl_error *err)
{
    const struct wtl_curl *curl = &s->curl;
    CURLMcode c = curl->multi_add_handle(s->multi, slot->easy);
    fly(s, slot);
    return c == CURLM_OK ? 0 : WTL_FAIL(err, WTL_NOMEM, "libcurl: %s", curl->multi_strerror(c));
}

void wtl_http_slots_cut(struct wtl_http_slots *s)
{
    while (s->flying) {
        struct wtl_http_slot *slot = s->flying;
        wtl_exchange_end(&slot->x, WTL_OUTCOME_CUT, "still in flight when the load ended");
        end_slot(s, slot, CURLE_OK);
    }
}

/* ---- all of them ----------------------------------------------------------------------------- */

int wtl_http_slots_open(struct wtl_http_slots *s, struct wtl_arena *arena,
                        const struct wtl_http_slots_config *config, struct wtl_error *err)
{
    const struct wtl_curl *curl = &s->curl;
    *s = (struct wtl_http_slots){.config = *config, .deadline_ns = INT64_MAX};
    int rc = wtl_curl_load(&s->curl, err);
    if (rc < 0)
        return rc;
    s->url = wtl_arena_printf(arena, "%s%s", config->target->url, config->path);
    s->slots = WTL_NEW_ARRAY(arena, struct wtl_http_slot, (size_t)config->n);
    s->multi = curl->multi_init();
    if (!s->url || !s->slots || !s->multi)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for %d requests in flight", config->n);
    for (int i = config->n - 1; i >= 0; i--) {
        struct wtl_http_slot *slot = &s->slots[i];
        wtl_exchange_init(&slot->x, wtl_alloc_system());
        slot->owner = s;
        slot->next = s->free;
        s->free = slot;
    }
    curl->multi_setopt(s->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl->multi_setopt(s->multi, CURLMOPT_SOCKETDATA, s);
    curl->multi_setopt(s->multi, CURLMOPT_TIMERFUNCTION, on_deadline);
    curl->multi_setopt(s->multi, CURLMOPT_TIMERDATA, s);
    curl->multi_setopt(s->multi, CURLMOPT_MAXCONNECTS, (long)config->n);
    return 0;
}

void wtl_http_slots_close(struct wtl_http_slots *s)
{
    const struct wtl_curl *curl = &s->curl;
    for (struct wtl_http_slot *slot = s->flying; slot; slot = slot->next)
        curl->multi_remove_handle(s->multi, slot->easy);
    for (int i = 0; s->slots && i < s->config.n; i++) {
        curl->easy_cleanup(s->slots[i].easy);
        curl->slist_free_all(s->slots[i].headers);
        wtl_exchange_fini(&s->slots[i].x);
    }
    if (s->multi)
        curl->multi_cleanup(s->multi);
    *s = (struct wtl_http_slots){0};
}

#endif
