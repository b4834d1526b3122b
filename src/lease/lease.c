/* SPDX-License-Identifier: Apache-2.0
 * Holders and leases: taking, setting, keeping, closing. */
#include "device/knob.h"
#include "lease/lease_impl.h"

#include <stdio.h>
#include <string.h>

#define SETS_PER_S 20.0
#define BURST 10.0

int64_t wtl_holder_wall_ns(const struct wtl_holder *h)
{
    return h->options.clock.wall_ns(h->options.clock.ctx);
}

struct wtl_device *wtl_holder_device(struct wtl_holder *h, const char *id)
{
    return wtl_machine_by_id(h->options.machine, id);
}

/* ---- The holder ------------------------------------------------------------------------------ */

static int open_book(const struct wtl_holder_options *o, struct wtl_book *book,
                     struct wtl_error *err)
{
    if (!o->look_only)
        return wtl_book_open(o->state_dir, book, err);
    struct wtl_error why = {0};
    int rc = wtl_book_open_to_read(o->state_dir, book, &why);
    if (rc == -(int)WTL_NOTFOUND) {
        *book = (struct wtl_book){.dir_fd = -1, .locks_fd = -1, .lock_fd = -1};
        return 0;
    }
    if (rc < 0 && err)
        *err = why;
    return rc;
}

int wtl_holder_open(struct wtl_arena *arena, const struct wtl_holder_options *options,
                    struct wtl_holder **holder_out, struct wtl_error *err)
{
    struct wtl_holder *h = WTL_NEW(arena, struct wtl_holder);
    if (!h)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    h->options = *options;
    wtl_process_boot(h->boot);
    int rc = wtl_process_self(options->text, &h->owner, err);
    rc = rc ? rc : open_book(options, &h->book, err);
    if (rc == 0)
        *holder_out = h;
    return rc;
}

void wtl_holder_close(struct wtl_holder *h)
{
    if (!h)
        return;
    /* What a fork closes is its copy: loans and guardian are its parent's. */
    while (h->leases) {
        struct wtl_error err = {0};
        if (wtl_lease_close(h->leases, &err) < 0)
            wtl_log(h->options.log, WTL_LOG_WARNING, "%s", err.message);
    }
    if (wtl_holder_is_fork(h))
        wtl_guardian_forget(&h->guardian);
    else
        wtl_guardian_dismiss(&h->guardian);
    wtl_book_close(&h->book);
}

void wtl_holder_on_change(struct wtl_holder *h, void (*changing)(void))
{
    h->changing = changing;
}

void wtl_holder_changes(struct wtl_holder *h)
{
    if (h->changing)
        h->changing();
    h->changing = NULL;
}

const struct wtl_lease_owner *wtl_holder_owner(const struct wtl_holder *h)
{
    return &h->owner;
}

pid_t wtl_holder_guardian(const struct wtl_holder *h)
{
    return h->guardian.pid;
}

/* ---- Taking ---------------------------------------------------------------------------------- */

static struct wtl_lease *new_lease(struct wtl_holder *h, const struct wtl_lease_request *q)
{
    struct wtl_arena arena;
    wtl_arena_init(&arena, wtl_alloc_system());
    struct wtl_lease *l = WTL_NEW(&arena, struct wtl_lease);
    if (!l) {
        wtl_arena_fini(&arena);
        return NULL;
    }
    l->arena = arena;
    l->holder = h;
    l->n = q->n_wants;
    l->sets_per_s = q->sets_per_s > 0 ? q->sets_per_s : SETS_PER_S;
    l->burst = q->burst > 0 ? q->burst : BURST;
    l->hold = (struct wtl_book_hold){.fd = -1, .lock_fd = -1};
    return l;
}

static void free_lease(struct wtl_lease *l)
{
    wtl_book_let_go(&l->hold);
    struct wtl_arena arena = l->arena;
    wtl_arena_fini(&arena);
}

/* What would end with us, or cannot be guarded. */
static int check_lasting(const struct wtl_holder *h, const struct wtl_lease_request *q,
                         bool *guard_out, struct wtl_error *err)
{
    *guard_out = false;
    for (size_t i = 0; i < q->n_wants; i++) {
        const struct wtl_device_info *info = wtl_device_info(q->wants[i].device);
        if (!(info->flags & WTL_DEVICE_EPHEMERAL)) {
            *guard_out = true;
        } else if (q->kind == WTL_LEASE_STANDING) {
            int rc = WTL_FAIL(err, WTL_UNSUPPORTED,
                              "%s lives in this process alone: nothing on it would stay", info->id);
            wtl_error_hint(err, "`wattle sim start` makes virtual GPUs that last");
            return rc;
        }
    }
    if (*guard_out && !h->options.guard)
        return WTL_FAIL(err, WTL_UNSUPPORTED, "there is nobody to put a loan back if we die");
    return 0;
}

static int start_guardian(struct wtl_holder *h, const struct wtl_lease_request *q,
                          struct wtl_error *err)
{
    bool guard;
    int rc = check_lasting(h, q, &guard, err);
    if (rc < 0 || !guard || h->guardian.pid != 0)
        return rc;
    return wtl_guardian_start(h->options.guard, h->options.guard_ctx, &h->guardian, err);
}

static void fill_grant(struct wtl_lease *l, const struct wtl_lease_request *q,
                       struct wtl_lease_knob_record *records)
{
    const struct wtl_holder *h = l->holder;
    struct wtl_lease_record *r = &l->record;
    r->kind = q->kind;
    r->owner = h->owner;
    r->granted_wall_ns = r->state_wall_ns = wtl_holder_wall_ns(h);
    r->state = WTL_LEASE_PENDING;
    r->state_seq = 1;
    r->has_budget = q->has_budget;
    r->budget_w = q->budget_w;
    r->base_w = q->base_w;
    snprintf(r->name, sizeof r->name, "%s", q->name ? q->name : "");
    snprintf(r->purpose, sizeof r->purpose, "%s", q->purpose ? q->purpose : "");
    memcpy(r->boot, h->boot, sizeof r->boot);
    r->knobs = records;
    r->n_knobs = l->n;
    for (size_t i = 0; i < l->n; i++)
        records[i] = l->knobs[i].record;
}

static void say_what_is_held(struct wtl_lease_record *r, bool has_held)
{
    for (size_t i = 0; i < r->n_knobs; i++)
        r->knobs[i].has_held = has_held;
}

/* Knob by knob as the old lease has it, but for those of another driver load; in force all the
 * while. Until it is kept its budget is the larger of the two, so that what the journal promises
 * holds throughout. */
static void fill_from_old(struct wtl_lease *l, const struct wtl_lease_record *old)
{
    struct wtl_lease_record *r = &l->record;
    r->id = old->id;
    r->state = WTL_LEASE_HELD;
    r->state_seq = old->state_seq + 1;
    snprintf(r->why, sizeof r->why, "%s", WTL_LEASE_CHANGING);
    for (size_t i = 0; i < l->n; i++) {
        struct wtl_lease_knob_record *k = &r->knobs[i];
        wtl_lease_carry_over(old, k);
        k->held = k->seq > 0 ? k->wanted : k->prior;
    }
    say_what_is_held(r, !r->has_budget);
    l->final_waits = true;
    memcpy(l->final_purpose, r->purpose, sizeof l->final_purpose);
    l->final_budget_w = r->budget_w;
    l->final_base_w = r->base_w;
    bool old_is_larger = old->budget_w - old->base_w > r->budget_w - r->base_w;
    if (!r->has_budget || old_is_larger) /* the purpose is that of the budget */
        memcpy(r->purpose, old->purpose, sizeof r->purpose);
    if (r->has_budget && old_is_larger) {
        r->budget_w = old->budget_w;
        r->base_w = old->base_w;
    }
    l->taken_over = true;
}

/* The lease's own copies of the ceilings of its request. */
static int copy_ceilings(struct wtl_lease *l, struct wtl_error *err)
{
    for (size_t i = 0; i < l->n; i++) {
        struct wtl_ceiling *c = &l->knobs[i].record.ceiling;
        struct wtl_ceiling_rung *rungs =
            WTL_NEW_ARRAY(&l->arena, struct wtl_ceiling_rung, c->n + 1);
        if (!rungs)
            return WTL_FAIL(err, WTL_NOMEM, "out of memory");
        for (size_t r = 0; r < c->n; r++)
            rungs[r] = c->rungs[r];
        c->rungs = rungs;
    }
    return 0;
}

static int grant(struct wtl_lease *l, const struct wtl_lease_request *q,
                 const struct wtl_book_entry *old, struct wtl_error *err)
{
    struct wtl_holder *h = l->holder;
    struct wtl_lease_knob_record *records =
        WTL_NEW_ARRAY(&l->arena, struct wtl_lease_knob_record, l->n);
    if (!records)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int copied = copy_ceilings(l, err);
    if (copied < 0)
        return copied;
    fill_grant(l, q, records);
    if (old) {
        struct wtl_book_entry now;
        int rc = wtl_book_hold(&h->book, old, h->boot, &l->hold, err);
        if (rc == -(int)WTL_BUSY)
            rc = wtl_lease_refuse_held(&old->record, err);
        rc = rc ? rc : wtl_book_again(&h->book, &l->arena, &l->hold, &now, err);
        if (rc == 0 && (now.unreadable || now.record.state != WTL_LEASE_HELD))
            rc = WTL_FAIL(err, WTL_BUSY, "lease %lld was ended at this moment: try again",
                          (long long)old->record.id);
        if (rc < 0)
            return rc;
        fill_from_old(l, &now.record);
        /* Cut short, its last set may have come to the device or not. */
        for (size_t i = 0; i < l->n; i++)
            l->knobs[i].uncertain =
                strcmp(now.record.why, WTL_LEASE_CHANGING) == 0 && !l->knobs[i].found.known;
    }
    int rc = wtl_book_add(&h->book, &l->record, &l->hold, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < l->n; i++) {
        l->knobs[i].record = l->record.knobs[i];
        l->knobs[i].tokens = l->burst;
        l->knobs[i].refill_ns = h->options.clock.monotonic_ns(h->options.clock.ctx);
    }
    return 0;
}

/* With the book locked: what the dead left, the survey, the grant. */
static int acquire_locked(struct wtl_lease *l, const struct wtl_lease_request *q,
                          struct wtl_error *err)
{
    WTL_ARENA(scratch);
    struct wtl_holder *h = l->holder;
    struct wtl_book_entry *entries = NULL;
    struct wtl_restore_filter dead = {0};
    struct wtl_restore_report report = {0};
    struct wtl_error ignored = {0};
    size_t n = 0;
    int rc = wtl_holder_list(h, &scratch, &entries, &n, err);
    if (rc < 0)
        return rc;
    /* What cannot be put back stands in the way of those who want it, and of nobody else. */
    (void)wtl_restore_locked(h, entries, n, &dead, &scratch, &report, &ignored);
    wtl_book_tidy(&h->book, entries, n, wtl_holder_wall_ns(h));
    if (report.n > 0 || report.n_taken_back > 0)
        rc = wtl_holder_list(h, &scratch, &entries, &n, err);
    if (rc < 0)
        return rc;
    const struct wtl_book_entry *old = wtl_lease_to_take_over(h, q, entries, n);
    rc = wtl_lease_survey_book(h, q, entries, n, old ? old->record.id : 0, &l->arena, &l->knobs,
                               err);
    if (rc < 0)
        return rc;
    wtl_holder_changes(h);
    return grant(l, q, old, err);
}

int wtl_lease_acquire(struct wtl_holder *h, const struct wtl_lease_request *request,
                      struct wtl_lease **lease_out, struct wtl_error *err)
{
    if (h->options.look_only)
        return WTL_FAIL(err, WTL_USAGE, "this holder only looks");
    if (wtl_holder_is_fork(h))
        return wtl_holder_refuse_fork(h, err);
    int rc = start_guardian(h, request, err);
    if (rc < 0)
        return rc;
    struct wtl_lease *l = new_lease(h, request);
    if (!l)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    rc = wtl_book_lock(&h->book, err);
    if (rc == 0) {
        rc = acquire_locked(l, request, err);
        wtl_book_unlock(&h->book);
    }
    if (rc < 0) {
        free_lease(l);
        return rc;
    }
    l->next = h->leases;
    h->leases = l;
    *lease_out = l;
    return 0;
}

const struct wtl_lease_record *wtl_lease_record(const struct wtl_lease *l)
{
    return &l->record;
}

size_t wtl_lease_count(const struct wtl_lease *l)
{
    return l->n;
}

const struct wtl_lease_knob *wtl_lease_knob(const struct wtl_lease *l, size_t index)
{
    return &l->knobs[index];
}

bool wtl_lease_was_taken_over(const struct wtl_lease *l)
{
    return l->taken_over;
}

/* ---- Moving ---------------------------------------------------------------------------------- */

static int check_rate(struct wtl_lease *l, struct wtl_lease_knob *k, struct wtl_error *err)
{
    const struct wtl_clock *clock = &l->holder->options.clock;
    int64_t now_ns = clock->monotonic_ns(clock->ctx);
    k->tokens += (double)(now_ns - k->refill_ns) / (double)WTL_NS_PER_S * l->sets_per_s;
    k->tokens = k->tokens < l->burst ? k->tokens : l->burst;
    k->refill_ns = now_ns;
    if (k->tokens < 1)
        return WTL_FAIL(err, WTL_LIMIT, "the %s of %s was set too often: %g times a second at most",
                        wtl_knob_info(k->record.knob)->title, k->record.device, l->sets_per_s);
    k->tokens -= 1;
    return 0;
}

static int took_other(const struct wtl_lease_knob *k, struct wtl_knob_value value,
                      struct wtl_error *err)
{
    char asked[WTL_KNOB_TEXT], found[WTL_KNOB_TEXT];
    return WTL_FAIL(err, WTL_FAILED, "%s was asked for a %s of %s and reads back %s", k->info->id,
                    wtl_knob_info(k->record.knob)->title,
                    wtl_knob_format(k->record.knob, value, asked),
                    wtl_knob_format(k->record.knob, k->found.requested, found));
}

int wtl_lease_set_now(struct wtl_lease *l, size_t index, struct wtl_knob_value value,
                      struct wtl_error *err)
{
    struct wtl_lease_knob *k = &l->knobs[index];
    struct wtl_lease_knob_record *r = &l->record.knobs[index];
    int rc = wtl_holder_is_fork(l->holder) ? wtl_holder_refuse_fork(l->holder, err)
                                           : wtl_lease_tend_record(l, err);
    rc = rc ? rc : wtl_book_note_set(&l->hold, r, index, value, wtl_holder_wall_ns(l->holder), err);
    if (rc < 0)
        return rc;
    const struct wtl_knob_state before = k->found;
    k->record = *r;
    k->uncertain = true;
    rc = wtl_knob_set(k->device, r->knob, value, &k->found, err);
    if (rc < 0) { /* what a failed set left may be a third value: half of it, or another */
        wtl_restore_note_found(k->device, r, index, &before, &l->hold,
                               wtl_holder_wall_ns(l->holder));
        k->record = *r;
        return rc;
    }
    k->uncertain = false;
    if (wtl_lease_took(k, value))
        return 0;
    /* What it made of our wish is of our making, too, and has to be known again. */
    if (!wtl_lease_stayed(r->knob, &before, &k->found))
        (void)wtl_book_note_set(&l->hold, r, index, k->found.requested,
                                wtl_holder_wall_ns(l->holder), NULL);
    k->record = *r;
    return took_other(k, value, err);
}

int wtl_lease_set(struct wtl_lease *l, size_t index, struct wtl_knob_value value,
                  struct wtl_error *err)
{
    struct wtl_lease_knob *k = &l->knobs[index];
    int rc = wtl_lease_check_value(k, value, err);
    rc = rc ? rc : check_rate(l, k, err);
    return rc ? rc : wtl_lease_set_now(l, index, value, err);
}

int wtl_lease_look(struct wtl_lease *l, struct wtl_error *err)
{
    int first = 0;
    for (size_t i = 0; i < l->n; i++) {
        struct wtl_lease_knob *k = &l->knobs[i];
        int rc = wtl_device_knob(k->device, k->record.knob, &k->found, first ? NULL : err);
        if (rc == 0) /* a lock that no getter reports stays as uncertain as it was */
            k->uncertain = k->uncertain && !k->found.known;
        else if (first == 0)
            first = rc;
    }
    return first;
}

/* ---- The end --------------------------------------------------------------------------------- */

static void forget(struct wtl_lease *l)
{
    struct wtl_lease **at = &l->holder->leases;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    free_lease(l);
}

int wtl_lease_keep(struct wtl_lease *l, struct wtl_error *err)
{
    struct wtl_holder *h = l->holder;
    struct wtl_lease_record *r = &l->record;
    int64_t now_ns = wtl_holder_wall_ns(h);
    if (r->kind != WTL_LEASE_STANDING)
        return WTL_FAIL(err, WTL_USAGE, "a loan cannot be kept");
    int ready =
        wtl_holder_is_fork(h) ? wtl_holder_refuse_fork(h, err) : wtl_lease_tend_record(l, err);
    if (ready < 0)
        return ready;
    if (!l->final_waits)
        return wtl_book_note_state(&l->hold, r, WTL_LEASE_HELD, "", now_ns, err);
    struct wtl_lease_record next = *r;
    next.budget_w = l->final_budget_w;
    next.base_w = l->final_base_w;
    memcpy(next.purpose, l->final_purpose, sizeof next.purpose);
    next.state = WTL_LEASE_HELD;
    next.state_seq++;
    next.state_wall_ns = now_ns;
    next.why[0] = '\0';
    int rc = wtl_book_lock(&h->book, err);
    if (rc < 0)
        return rc;
    say_what_is_held(&next, false);
    rc = wtl_book_add(&h->book, &next, &l->hold, err);
    wtl_book_unlock(&h->book);
    if (rc < 0) {
        say_what_is_held(r, !r->has_budget); /* the knobs are one array */
        return rc;
    }
    *r = next;
    l->final_waits = false;
    return 0;
}

/* Puts all knobs back, the last one first. The first failure, in err. */
static int put_back(struct wtl_lease *l, struct wtl_error *err)
{
    const struct wtl_holder *h = l->holder;
    int first = 0;
    for (size_t i = l->n; i-- > 0;) {
        struct wtl_restore_knob result;
        char found[WTL_KNOB_TEXT];
        const struct wtl_lease_knob_record *k = &l->record.knobs[i];
        wtl_restore_knob(l->knobs[i].device, &l->record, i, &l->hold, h->boot, true, false,
                         wtl_holder_wall_ns(h), &result);
        if (result.result == WTL_RESTORE_FOREIGN)
            wtl_log(h->options.log, WTL_LOG_WARNING,
                    "somebody else has set the %s of %s to %s: left alone",
                    wtl_knob_info(k->knob)->title, k->device,
                    wtl_knob_format(k->knob, result.from, found));
        if (wtl_restore_is_settled(result.result) || first)
            continue;
        first = WTL_FAIL(err, WTL_FAILED, "could not put back the %s of %s: %s",
                         wtl_knob_info(k->knob)->title, k->device, result.why);
        wtl_error_hint(err, "`wattle restore %lld` tries again", (long long)l->record.id);
    }
    return first;
}

int wtl_lease_end(struct wtl_lease *l, struct wtl_error *err)
{
    int64_t now_ns = wtl_holder_wall_ns(l->holder);
    if (wtl_holder_is_fork(l->holder)) {
        forget(l);
        return 0;
    }
    struct wtl_error gone = {0};
    int rc = wtl_lease_tend_record(l, &gone);
    if (rc == -(int)WTL_BUSY) { /* what is there now is in somebody else's care */
        wtl_log(l->holder->options.log, WTL_LOG_WARNING, "%s: left alone", gone.message);
        forget(l);
        return 0;
    }
    rc = put_back(l, err);
    if (rc == 0)
        rc = wtl_book_note_state(&l->hold, &l->record, WTL_LEASE_CLOSED, "put back by its holder",
                                 now_ns, err);
    else /* from now on it is one of the dead's: never kept, put back by the next who can */
        (void)wtl_book_note_state(&l->hold, &l->record, WTL_LEASE_PENDING, WTL_LEASE_NOT_PUT_BACK,
                                  now_ns, NULL);
    forget(l);
    return rc;
}

int wtl_lease_close(struct wtl_lease *l, struct wtl_error *err)
{
    if (wtl_lease_is_borrowed(&l->record))
        return wtl_lease_end(l, err);
    int rc = 0;
    if (!wtl_holder_is_fork(l->holder) && strcmp(l->record.why, WTL_LEASE_CHANGING) == 0)
        rc = wtl_restore_change(l->holder, &l->record, &l->hold, err);
    forget(l);
    return rc;
}
