/* SPDX-License-Identifier: Apache-2.0
 *
 * One request to an inference server and its answer, and what a protocol must be able to do with
 * it. No sockets here: what carries the bytes is lab/http_load.h.
 */
#ifndef WTL_LOAD_EXCHANGE_H
#define WTL_LOAD_EXCHANGE_H

#include "load/latency.h"
#include "load/sse.h"

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a request ended. */
enum wtl_outcome {
    WTL_OUTCOME_OK,
    WTL_OUTCOME_HTTP,      /* a status other than 2xx */
    WTL_OUTCOME_TIMEOUT,   /* no whole answer in time */
    WTL_OUTCOME_CONNECT,   /* no connection: refused, not resolved, no TLS */
    WTL_OUTCOME_BROKEN,    /* the connection ended in the middle of an answer */
    WTL_OUTCOME_WRONG,     /* an answer that its protocol does not allow: type, JSON, parts of it */
    WTL_OUTCOME_TRUNCATED, /* a stream of tokens that ended without saying so */
    WTL_OUTCOME_ERROR,     /* the server told of an error inside an answer with status 2xx */
    WTL_OUTCOME_TOO_LARGE, /* more than WTL_EXCHANGE_REPLY bytes, or such an event */
    WTL_OUTCOME_MEMORY,    /* memory ran out here: not the server's doing */
    WTL_OUTCOME_CUT,       /* by us, at the end */
    WTL_N_OUTCOMES
};

/* "ok", "HTTP status", "timeout" ... */
const char *wtl_outcome_name(enum wtl_outcome outcome);

enum {
    WTL_EXCHANGE_REPLY = 64 << 20, /* bytes of one answer: a batch of images fits */
    WTL_EXCHANGE_EVENT = 1 << 20,  /* bytes of one event: tokens have some hundred */
    WTL_EXCHANGE_WHY = 160,
};

/* A slot of the generator; buffers are kept from one request to the next. */
struct wtl_exchange {
    /* The request. */
    uint64_t number;
    bool measured;
    struct wtl_buf own; /* where a body is made that no other request has */
    const char *body;   /* points there, or at one that all share */
    size_t body_size;
    size_t body_json_size; /* of KServe's binary tensors: the JSON before them; 0: all of it */
    uint32_t asked_in, asked_out; /* tokens asked for; 0: nobody said */

    /* The answer so far. */
    enum wtl_outcome outcome;
    int status; /* of HTTP; 0: none came */
    char why[WTL_EXCHANGE_WHY];
    char content_type[64];
    int64_t reply_json_size; /* Inference-Header-Content-Length; -1: not said */
    struct wtl_buf reply;    /* of an answer that is looked at as a whole */
    struct wtl_sse sse;
    bool saw_end; /* of a stream */
    bool usage;   /* the server said how many tokens there were */
    uint32_t tokens_in, tokens_out;
    uint32_t events;           /* with content; tokens_out without `usage` */
    int64_t first_ns, last_ns; /* when the first and last of them came */
    int64_t now_ns;            /* of the bytes that are being looked at */
    struct wtl_latency *gaps;  /* between events; NULL: not recorded */
};

void wtl_exchange_init(struct wtl_exchange *x, struct wtl_alloc alloc);
void wtl_exchange_fini(struct wtl_exchange *x);

/* Forgets request and answer. */
void wtl_exchange_restart(struct wtl_exchange *x);

/* Notes how it ended and why, unless that is known already. */
void wtl_exchange_end(struct wtl_exchange *x, enum wtl_outcome outcome, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Whether the content type begins with this ("application/json; charset=utf-8" does); else it is
 * WTL_OUTCOME_WRONG. */
bool wtl_exchange_expect_type(struct wtl_exchange *x, const char *type);

/* Adds to the answer that is looked at as a whole. */
void wtl_exchange_keep(struct wtl_exchange *x, const char *bytes, size_t n);

/* An event with content has come at now_ns. */
void wtl_exchange_token(struct wtl_exchange *x);

/* How requests are made and answers are read. */
struct wtl_dialect {
    void *ctx;
    /* Makes body and asked_* of request `number`; the same for the same number. */
    int (*request)(void *ctx, struct wtl_exchange *x, struct wtl_error *err);
    /* Bytes of an answer with status 2xx. One that sets an outcome ends the transfer. */
    void (*data)(void *ctx, struct wtl_exchange *x, const char *bytes, size_t n);
    /* The whole answer is there. */
    void (*end)(void *ctx, struct wtl_exchange *x);
};

#endif
