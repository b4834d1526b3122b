/* SPDX-License-Identifier: Apache-2.0
 *
 * Slots: requests in flight as libcurl's transfers, each with its exchange. Inside of
 * lab/http_load.c; only in builds with libcurl.
 */
#ifndef WTL_LOAD_HTTP_SLOT_H
#define WTL_LOAD_HTTP_SLOT_H

#include "load/exchange.h"
#include "load/http_curl.h"
#include "load/schedule.h"

struct wtl_http_slots;

struct wtl_http_slot {
    struct wtl_exchange x;
    struct wtl_sending sending;
    int64_t sent_ns;
    uint64_t connections; /* opened for it; once it has ended */
    int http_version;     /* 10, 11, 20 ...; the same */
    /* Of http_slot.c. */
    struct wtl_http_slots *owner;
    struct wtl_http_slot *next; /* free ones, or those in flight */
    struct wtl_http_slot *prev;
    CURL *easy;
    struct curl_slist *headers;
    size_t headers_json_size; /* what they say */
    char why[CURL_ERROR_SIZE];
};

struct wtl_http_slots_config {
    const struct wtl_http_target *target; /* all must outlive the slots */
    const char *path, *content_type;
    const struct wtl_dialect *dialect;
    int n;
    int epoll; /* sockets are watched by it */
    void *ctx; /* of the functions */
    int64_t (*now)(void *ctx);
    void (*on_tokens)(void *ctx, int64_t n); /* as they come */
    void (*on_end)(void *ctx, struct wtl_http_slot *slot);
};

struct wtl_http_slots {
    struct wtl_http_slots_config config;
    struct wtl_curl curl;
    CURLM *multi; /* NULL: not open */
    const char *url;
    struct wtl_http_slot *slots; /* libcurl's part of one is made when it is first used */
    struct wtl_http_slot *free;
    struct wtl_http_slot *flying;
    int64_t deadline_ns; /* when libcurl wants to be called without an event */
    int failed_errno;    /* a socket could not be watched */
};

int wtl_http_slots_open(struct wtl_http_slots *s, struct wtl_arena *arena,
                        const struct wtl_http_slots_config *config, struct wtl_error *err);

/* Also of zeros; what is in flight ends without on_end. */
void wtl_http_slots_close(struct wtl_http_slots *s);

/* A free slot with request `number` made; *slot_out is NULL when none is free. */
int wtl_http_slots_take(struct wtl_http_slots *s, uint64_t number, struct wtl_http_slot **slot_out,
                        struct wtl_error *err);

/* Begins the transfer; wtl_http_slots_act(s, -1, 0) then sends. */
int wtl_http_slots_send(struct wtl_http_slots *s, struct wtl_http_slot *slot,
                        struct wtl_error *err);

/* Lets libcurl act on an event of a socket (-1: on its deadline), and ends what has ended. */
void wtl_http_slots_act(struct wtl_http_slots *s, int fd, int events);

/* Ends all that is in flight as WTL_OUTCOME_CUT. */
void wtl_http_slots_cut(struct wtl_http_slots *s);

/* -WTL_IO when sockets could not be watched. */
int wtl_http_slots_failed(const struct wtl_http_slots *s, struct wtl_error *err);

#endif
