/* SPDX-License-Identifier: Apache-2.0
 * Slots, and what is due. */
#include "load/schedule.h"

#include <assert.h>

struct wtl_schedule {
    struct wtl_schedule_config config;
    int64_t *free_since; /* ring of free slots, the longest free first */
    int head, n_free;
    int64_t due_ns; /* of the next request of an open loop */
    bool due_known; /* false: there is none */
    bool stopped;
    uint64_t number;   /* of the next request */
    uint64_t measured; /* taken so far */
};

/* The next arrival of an open loop becomes the one that is due, unless it lies behind the end. */
static void look_ahead(struct wtl_schedule *s)
{
    const struct wtl_schedule_config *c = &s->config;
    int64_t end =
        c->duration_ns < INT64_MAX - c->warmup_ns ? c->warmup_ns + c->duration_ns : INT64_MAX;
    s->due_known = wtl_arrivals_next(&s->config.arrivals, &s->due_ns) && s->due_ns < end;
}

int wtl_schedule_new(struct wtl_arena *arena, const struct wtl_schedule_config *config,
                     struct wtl_schedule **schedule_out, struct wtl_error *err)
{
    assert(config->slots > 0);
    struct wtl_schedule *s = WTL_NEW(arena, struct wtl_schedule);
    int64_t *free_since = WTL_NEW_ARRAY(arena, int64_t, (size_t)config->slots);
    if (!s || !free_since)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for %d slots", config->slots);
    s->config = *config;
    s->free_since = free_since;
    s->n_free = config->slots;
    if (!config->closed)
        look_ahead(s);
    *schedule_out = s;
    return 0;
}

static bool enough(const struct wtl_schedule *s)
{
    return s->stopped || (s->config.requests > 0 && s->measured >= s->config.requests);
}

bool wtl_schedule_next_due(const struct wtl_schedule *s, int64_t *due_ns_out)
{
    const struct wtl_schedule_config *c = &s->config;
    if (enough(s))
        return false;
    if (!c->closed) {
        if (s->due_known)
            *due_ns_out = s->due_ns;
        return s->due_known;
    }
    if (s->n_free == 0)
        return false;
    int64_t due = s->free_since[s->head];
    bool over = due > c->warmup_ns && due - c->warmup_ns >= c->duration_ns;
    if (!over)
        *due_ns_out = due;
    return !over;
}

int64_t wtl_schedule_wake(const struct wtl_schedule *s)
{
    int64_t due;
    return s->n_free > 0 && wtl_schedule_next_due(s, &due) ? due : INT64_MAX;
}

bool wtl_schedule_take(struct wtl_schedule *s, int64_t now_ns, struct wtl_sending *out)
{
    int64_t due;
    if (s->n_free == 0 || !wtl_schedule_next_due(s, &due) || due > now_ns)
        return false;
    int64_t allowed = s->free_since[s->head];
    s->head = (s->head + 1) % s->config.slots;
    s->n_free--;
    if (allowed < due)
        allowed = due;
    *out = (struct wtl_sending){.number = s->number++,
                                .due_ns = due,
                                .waited_ns = allowed - due,
                                .late_ns = now_ns - allowed,
                                .measured = due >= s->config.warmup_ns};
    s->measured += out->measured;
    if (!s->config.closed)
        look_ahead(s);
    return true;
}

void wtl_schedule_done(struct wtl_schedule *s, int64_t now_ns)
{
    assert(s->n_free < s->config.slots);
    s->free_since[(s->head + s->n_free) % s->config.slots] = now_ns;
    s->n_free++;
}

uint64_t wtl_schedule_stop(struct wtl_schedule *s, int64_t now_ns)
{
    uint64_t unsent = 0;
    while (!s->config.closed && !enough(s) && s->due_known && s->due_ns <= now_ns) {
        unsent++;
        s->measured += s->due_ns >= s->config.warmup_ns;
        look_ahead(s);
    }
    s->stopped = true;
    return unsent;
}

int wtl_schedule_in_flight(const struct wtl_schedule *s)
{
    return s->config.slots - s->n_free;
}

bool wtl_schedule_ended(const struct wtl_schedule *s)
{
    int64_t due;
    return wtl_schedule_in_flight(s) == 0 && !wtl_schedule_next_due(s, &due);
}
