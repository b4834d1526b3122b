/* SPDX-License-Identifier: Apache-2.0
 * Putting back what holders left. */
#include "device/knob.h"
#include "lease/lease_impl.h"

#include <stdio.h>
#include <string.h>

static const char *const result_names[] = {
    [WTL_RESTORE_PUT_BACK] = "put back", [WTL_RESTORE_UNCHANGED] = "unchanged",
    [WTL_RESTORE_FOREIGN] = "foreign",   [WTL_RESTORE_EPOCH] = "other driver load",
    [WTL_RESTORE_GONE] = "gone",         [WTL_RESTORE_ABSENT] = "absent",
    [WTL_RESTORE_FAILED] = "failed",
};

const char *wtl_restore_result_name(enum wtl_restore_result result)
{
    return result_names[result];
}

bool wtl_restore_is_settled(enum wtl_restore_result result)
{
    return result != WTL_RESTORE_ABSENT && result != WTL_RESTORE_FAILED;
}

/* ---- One knob -------------------------------------------------------------------------------- */

/* Whether what is there now can have come from us: what was asked for last, or before that, where
 * the last may never have arrived. Some knobs are several files (both ends of a range, a limit and
 * its switch), and we may have been cut off between them: so each part may be of another of our
 * values, or still the prior one. */
static bool is_ours(const struct wtl_lease_knob_record *k, struct wtl_knob_value now)
{
    const struct {
        bool counts;
        struct wtl_knob_value value;
    } ours[] = {
        {true, k->wanted}, {true, k->prior}, {k->has_before, k->before}, {k->has_held, k->held}};
    bool on = false, lo = now.released && now.hi <= 0, hi = lo;
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        if (!ours[i].counts)
            continue;
        on = on || ours[i].value.released == now.released;
        lo = lo || wtl_lease_near(k->knob, wtl_knob_at(ours[i].value.lo), wtl_knob_at(now.lo));
        hi = hi || wtl_lease_near(k->knob, wtl_knob_at(ours[i].value.hi), wtl_knob_at(now.hi));
    }
    return on && lo && hi;
}

void wtl_restore_note_found(struct wtl_device *device, struct wtl_lease_knob_record *k,
                            size_t index, const struct wtl_knob_state *before,
                            const struct wtl_book_hold *hold, int64_t wall_ns)
{
    struct wtl_knob_state now = {0};
    if (wtl_device_knob(device, k->knob, &now, NULL) == 0 && now.known &&
        !is_ours(k, now.requested) && !wtl_lease_stayed(k->knob, before, &now))
        (void)wtl_book_note_set(hold, k, index, now.requested, wall_ns, NULL);
}

static void failed(struct wtl_restore_knob *out, const struct wtl_error *why)
{
    out->result = WTL_RESTORE_FAILED;
    snprintf(out->why, sizeof out->why, "%s", why->message);
}

/* Whether it is open at all cannot be told: what looks like ours may be a later lease's. */
static void may_be_over(const struct wtl_lease_record *r, const struct wtl_lease_knob_record *k,
                        struct wtl_restore_knob *out)
{
    char prior[WTL_KNOB_TEXT];
    out->result = WTL_RESTORE_FAILED;
    snprintf(
        out->why, sizeof out->why,
        "the record is damaged, and whether the lease was ended already cannot be told; set it "
        "to %s by hand if it should be that, then `wattle restore --forget %lld`",
        wtl_knob_format(k->knob, k->prior, prior), (long long)r->id);
}

/* Ours or somebody else's: nothing is put back by guesswork, nor given up. */
static void cannot_tell(const struct wtl_lease_knob_record *k, struct wtl_knob_value now,
                        struct wtl_restore_knob *out)
{
    char found[WTL_KNOB_TEXT], prior[WTL_KNOB_TEXT];
    out->result = WTL_RESTORE_FAILED;
    snprintf(out->why, sizeof out->why,
             "the record of what was set is damaged, and whose %s it is cannot be told; set it to "
             "%s by hand, then restore again",
             wtl_knob_format(k->knob, now, found), wtl_knob_format(k->knob, k->prior, prior));
}

static bool reads(struct wtl_device *device, enum wtl_knob knob, struct wtl_knob_value value)
{
    struct wtl_knob_state now = {0};
    return wtl_device_knob(device, knob, &now, NULL) == 0 && now.known &&
           wtl_knob_same(knob, now.requested, value);
}

/* Writes a value that was there before, and reads back. Whatever comes of it, the record knows what
 * is there now for ours. */
static int write_back(struct wtl_device *device, struct wtl_lease_knob_record *k, size_t index,
                      struct wtl_knob_value value, const struct wtl_book_hold *hold,
                      int64_t wall_ns, struct wtl_error *err)
{
    struct wtl_lease_knob knob = {.device = device, .info = wtl_device_info(device), .record = *k};
    const struct wtl_knob_value was = k->wanted;
    char found[WTL_KNOB_TEXT];
    /* Not a second time: the value that is there now must stay in the record. A journal that cannot
     * be written is no reason to leave a device changed. */
    if (!wtl_knob_same(k->knob, k->wanted, value))
        (void)wtl_book_note_set(hold, k, index, value, wall_ns, NULL);
    int rc = wtl_knob_set(device, k->knob, value, &knob.found, err);
    if (rc < 0) {
        struct wtl_knob_state now = {0};
        wtl_restore_note_found(device, k, index, NULL, hold, wall_ns);
        /* Where no device reports it, the record alone says that it is not back. */
        if (wtl_device_knob(device, k->knob, &now, NULL) == 0 && !now.known &&
            !wtl_knob_same(k->knob, k->wanted, was))
            (void)wtl_book_note_set(hold, k, index, was, wall_ns, NULL);
        return rc;
    }
    if (wtl_lease_took(&knob, value))
        return 0;
    (void)wtl_book_note_set(hold, k, index, knob.found.requested, wall_ns, NULL);
    return WTL_FAIL(err, WTL_FAILED, "it reads back %s",
                    wtl_knob_format(k->knob, knob.found.requested, found));
}

/* Of a value that is there, or so it is said: a reading may be an old one, and a set of a process
 * that was killed still under way. Writing it once more changes nothing, and makes sure. A device
 * that takes no sets is believed; one that failed amid a set (of two files, say) is looked at. */
static int write_again(struct wtl_device *device, struct wtl_lease_knob_record *k, size_t index,
                       struct wtl_knob_value value, const struct wtl_book_hold *hold,
                       int64_t wall_ns, struct wtl_error *err)
{
    int rc = write_back(device, k, index, value, hold, wall_ns, err);
    return rc < 0 && reads(device, k->knob, value) ? 0 : rc;
}

/* The prior value, which is there already (or not). */
static void write_prior(struct wtl_device *device, struct wtl_lease_record *record, size_t index,
                        bool there, const struct wtl_book_hold *hold, int64_t wall_ns,
                        struct wtl_restore_knob *out)
{
    struct wtl_lease_knob_record *k = &record->knobs[index];
    struct wtl_error why = {0};
    int rc = (there ? write_again : write_back)(device, k, index, k->prior, hold, wall_ns, &why);
    if (rc < 0)
        failed(out, &why);
    else
        out->result = there ? WTL_RESTORE_UNCHANGED : WTL_RESTORE_PUT_BACK;
}

static void restore_present(struct wtl_device *device, struct wtl_lease_record *record,
                            size_t index, const struct wtl_book_hold *hold, bool dry_run,
                            int64_t wall_ns, struct wtl_restore_knob *out)
{
    const struct wtl_lease_knob_record *k = &record->knobs[index];
    struct wtl_error why = {0};
    struct wtl_knob_state now = {0};
    char epoch[WTL_LIMIT_NAME];
    int rc = wtl_device_epoch(device, epoch, &why);
    if (rc == 0 && epoch[0] == '\0')
        rc = WTL_FAIL(&why, WTL_FAILED, "this boot cannot be told from another");
    if (rc == 0 && strcmp(epoch, k->epoch) != 0) {
        out->result = WTL_RESTORE_EPOCH;
        return;
    }
    rc = rc ? rc : wtl_device_knob(device, k->knob, &now, &why);
    if (rc < 0) {
        failed(out, &why);
        return;
    }
    if (now.known)
        out->from = now.requested;
    bool there = now.known && wtl_knob_same(k->knob, now.requested, k->prior);
    if ((k->seq == 0 && !k->damaged) || (there && (dry_run || record->state_damaged)))
        out->result = WTL_RESTORE_UNCHANGED;
    else if (there)
        write_prior(device, record, index, true, hold, wall_ns, out);
    else if (record->state_damaged)
        may_be_over(record, k, out);
    else if (now.known && k->damaged && !is_ours(k, now.requested))
        cannot_tell(k, now.requested, out);
    else if (now.known && !is_ours(k, now.requested))
        out->result = WTL_RESTORE_FOREIGN;
    else if (dry_run)
        out->result = WTL_RESTORE_PUT_BACK;
    else
        write_prior(device, record, index, false, hold, wall_ns, out);
}

/* A device of a process of ours that is lost has ended: nothing of it outlasts the process. */
static bool has_ended(struct wtl_device *device, const struct wtl_lease_knob_record *k)
{
    struct wtl_knob_state now = {0};
    return k->ephemeral && wtl_device_knob(device, k->knob, &now, NULL) == -(int)WTL_LOST;
}

void wtl_restore_knob(struct wtl_device *device, struct wtl_lease_record *record, size_t index,
                      const struct wtl_book_hold *hold, const char *boot, bool own, bool dry_run,
                      int64_t wall_ns, struct wtl_restore_knob *out)
{
    const struct wtl_lease_knob_record *k = &record->knobs[index];
    *out = (struct wtl_restore_knob){
        .knob = k->knob, .from = k->seq > 0 ? k->wanted : k->prior, .to = k->prior};
    memcpy(out->device, k->device, sizeof out->device);
    if ((k->ephemeral && !own) || (device && has_ended(device, k)))
        out->result = WTL_RESTORE_GONE;
    else if (device)
        restore_present(device, record, index, hold, dry_run, wall_ns, out);
    else if (boot[0] && record->boot[0] && strcmp(boot, record->boot) != 0)
        out->result = WTL_RESTORE_EPOCH;
    else
        out->result = WTL_RESTORE_ABSENT;
}

/* ---- Leases ---------------------------------------------------------------------------------- */

struct job {
    struct wtl_holder *holder;
    const struct wtl_book_entry *entries;
    size_t n_entries;
    const struct wtl_restore_filter *filter;
    struct wtl_arena *arena;
    struct wtl_restore_report *report;
};

static bool has_name(const struct wtl_lease_record *r, const char *name)
{
    return r->name[0] && strcmp(r->name, name) == 0;
}

/* By name or number. */
static bool is_named(const struct wtl_lease_record *r, const char *name)
{
    int64_t id;
    const char *digits = name[0] == '#' ? name + 1 : name;
    return has_name(r, name) || (wtl_parse_int(digits, strlen(digits), &id) && id == r->id);
}

static bool named(const struct wtl_restore_filter *f, const struct wtl_lease_record *r)
{
    if (f->standing)
        return has_name(r, f->standing);
    for (size_t i = 0; i < f->n_names; i++)
        if (is_named(r, f->names[i]))
            return true;
    return false;
}

static bool same_process(const struct wtl_lease_owner *a, const struct wtl_lease_owner *b)
{
    return a->pid == b->pid && a->start_ticks == b->start_ticks;
}

/* Where a boot has no id (some containers hide it) nothing is of another. */
static bool other_boot(const struct wtl_holder *h, const struct wtl_lease_record *r)
{
    return h->boot[0] && r->boot[0] && strcmp(h->boot, r->boot) != 0;
}

/* Whether every knob of it belongs to another driver load: then it is over, whatever its kind. */
static bool is_over(const struct job *j, const struct wtl_lease_record *r)
{
    for (size_t i = 0; i < r->n_knobs; i++) {
        const struct wtl_lease_knob_record *k = &r->knobs[i];
        struct wtl_device *d = wtl_holder_device(j->holder, k->device);
        const char *epoch = d ? wtl_device_info(d)->epoch : "";
        if (d ? !epoch[0] || strcmp(epoch, k->epoch) == 0 : !other_boot(j->holder, r))
            return false;
    }
    return r->n_knobs > 0;
}

static bool is_wanted(const struct job *j, const struct wtl_lease_record *r)
{
    const struct wtl_restore_filter *f = j->filter;
    if (f->owner && !same_process(&r->owner, f->owner))
        return false;
    if (named(f, r))
        return true;
    if (f->standing)
        return false;
    return wtl_lease_is_borrowed(r) || f->all_standing || is_over(j, r) ||
           strcmp(r->why, WTL_LEASE_NOT_PUT_BACK) == 0; /* its end has begun */
}

/* ---- A change that was cut short ------------------------------------------------------------- */

/* Back to what the lease held before the change. What somebody else set meanwhile stays. */
static int take_back(struct wtl_device *d, struct wtl_lease_knob_record *k, size_t index,
                     const struct wtl_book_hold *hold, int64_t wall_ns, struct wtl_error *err)
{
    struct wtl_knob_state now = {0};
    int rc = wtl_device_knob(d, k->knob, &now, err);
    if (rc < 0)
        return rc;
    if (now.known && !is_ours(k, now.requested))
        return wtl_book_note_set(hold, k, index, k->held, wall_ns, err);
    return write_again(d, k, index, k->held, hold, wall_ns, err);
}

static int settle_knob(struct wtl_holder *h, struct wtl_lease_record *record, size_t index,
                       const struct wtl_book_hold *hold, struct wtl_error *err)
{
    struct wtl_lease_knob_record *k = &record->knobs[index];
    struct wtl_device *d = wtl_holder_device(h, k->device);
    struct wtl_knob_state now = {0};
    if (k->seq == 0)
        return 0;
    if (!d)
        return WTL_FAIL(err, WTL_NOTFOUND, "%s is not here", k->device);
    if (strcmp(wtl_device_info(d)->epoch, k->epoch) != 0)
        return 0; /* gone with its driver load: `wattle status` says so */
    if (k->has_held)
        return take_back(d, k, index, hold, wtl_holder_wall_ns(h), err);
    int rc = wtl_device_knob(d, k->knob, &now, err);
    if (rc < 0)
        return rc;
    if (!now.known)
        return wtl_knob_set(d, k->knob, k->wanted, NULL, err);
    struct wtl_knob_value before = k->has_before ? k->before : k->prior;
    if (wtl_knob_same(k->knob, now.requested, k->wanted) ||
        !wtl_knob_same(k->knob, now.requested, before))
        return 0;
    return wtl_book_note_set(hold, k, index, before, wtl_holder_wall_ns(h), err);
}

int wtl_restore_change(struct wtl_holder *h, struct wtl_lease_record *record,
                       const struct wtl_book_hold *hold, struct wtl_error *err)
{
    int first = 0;
    for (size_t i = 0; i < record->n_knobs; i++) {
        int rc = settle_knob(h, record, i, hold, first ? NULL : err);
        first = first ? first : rc;
    }
    if (first < 0)
        return first;
    return wtl_book_note_state(hold, record, WTL_LEASE_HELD, "a change was cut short",
                               wtl_holder_wall_ns(h), err);
}

static bool is_cut_short(const struct job *j, const struct wtl_lease_record *r)
{
    return !j->filter->dry_run && !j->filter->standing && r->kind == WTL_LEASE_STANDING &&
           r->state == WTL_LEASE_HELD && strcmp(r->why, WTL_LEASE_CHANGING) == 0 &&
           (!j->filter->owner || same_process(&r->owner, j->filter->owner));
}

/* Its holder may live, or a board be away: then it is for the next time. */
static void end_change(const struct job *j, struct wtl_book_entry *e)
{
    struct wtl_error ignored = {0};
    struct wtl_book_hold hold = {.fd = -1, .lock_fd = -1};
    if (wtl_book_hold(&j->holder->book, e, j->holder->boot, &hold, &ignored) < 0)
        return;
    if (wtl_book_again(&j->holder->book, j->arena, &hold, e, &ignored) == 0 && !e->unreadable &&
        is_cut_short(j, &e->record)) {
        wtl_holder_changes(j->holder);
        j->report->n_taken_back += wtl_restore_change(j->holder, &e->record, &hold, &ignored) == 0;
    }
    wtl_book_let_go(&hold);
}

static const char *closing_words(const struct wtl_restore_lease *l)
{
    size_t epoch = 0, gone = 0, foreign = 0;
    for (size_t i = 0; i < l->n_knobs; i++) {
        epoch += l->knobs[i].result == WTL_RESTORE_EPOCH;
        gone += l->knobs[i].result == WTL_RESTORE_GONE;
        foreign += l->knobs[i].result == WTL_RESTORE_FOREIGN;
    }
    if (l->n_knobs > 0 && epoch == l->n_knobs)
        return "of another boot or driver load: nothing to put back";
    if (l->n_knobs > 0 && gone == l->n_knobs)
        return "its devices ended with their process";
    if (foreign > 0)
        return "put back, but for what somebody else had set since";
    return "put back";
}

/* Another open lease, granted later, that has the knob: possible only where a record was lost or
 * damaged in between. The knob is its now. */
static const struct wtl_lease_record *later_holder(const struct job *j, int64_t id,
                                                   const struct wtl_lease_knob_record *k)
{
    for (size_t i = 0; i < j->n_entries; i++) {
        const struct wtl_book_entry *e = &j->entries[i];
        if (wtl_book_entry_is_open(e) && e->record.id > id && wtl_lease_find_knob(&e->record, k))
            return &e->record;
    }
    return NULL;
}

static void settle_knob_of(const struct job *j, struct wtl_lease_record *now, size_t i,
                           struct wtl_book_hold *hold, struct wtl_restore_knob *out)
{
    struct wtl_holder *h = j->holder;
    struct wtl_device *d = wtl_holder_device(h, now->knobs[i].device);
    const struct wtl_lease_record *later = later_holder(j, now->id, &now->knobs[i]);
    bool dry_run = j->filter->dry_run || later; /* then it is looked at, no more */
    wtl_restore_knob(d, now, i, hold, h->boot, false, dry_run, wtl_holder_wall_ns(h), out);
    if (!later || out->result == WTL_RESTORE_UNCHANGED || out->result == WTL_RESTORE_EPOCH)
        return;
    out->result = WTL_RESTORE_FOREIGN;
    snprintf(out->why, sizeof out->why, "lease %lld has it now", (long long)later->id);
}

/* The record says that it failed, so that nobody takes what is there for somebody else's. A record
 * that is damaged, or of a change that was cut short, is left as it is. */
static void note_failure(const struct job *j, struct wtl_lease_record *now,
                         const struct wtl_book_hold *hold)
{
    if (!j->filter->dry_run && !now->state_damaged && strcmp(now->why, WTL_LEASE_CHANGING) != 0 &&
        strcmp(now->why, WTL_LEASE_NOT_PUT_BACK) != 0)
        (void)wtl_book_note_state(hold, now, now->state, WTL_LEASE_NOT_PUT_BACK,
                                  wtl_holder_wall_ns(j->holder), NULL);
}

static int settle(const struct job *j, struct wtl_restore_lease *l, struct wtl_book_hold *hold,
                  struct wtl_error *err)
{
    struct wtl_holder *h = j->holder;
    int rc = 0;
    bool all = true;
    struct wtl_lease_record now = l->record;
    now.knobs = wtl_arena_memdup(j->arena, now.knobs, now.n_knobs * sizeof *now.knobs);
    l->knobs = WTL_NEW_ARRAY(j->arena, struct wtl_restore_knob, now.n_knobs + 1);
    if ((!now.knobs && now.n_knobs > 0) || !l->knobs)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = now.n_knobs; i-- > 0;) {
        struct wtl_restore_knob *out = &l->knobs[i];
        settle_knob_of(j, &now, i, hold, out);
        all = all && wtl_restore_is_settled(out->result);
        if (out->result == WTL_RESTORE_FAILED && rc == 0) {
            rc = WTL_FAIL(err, WTL_FAILED, "could not put back the %s of %s: %s",
                          wtl_knob_info(out->knob)->title, out->device, out->why);
            wtl_error_hint(err, "lease %lld stays open; `wattle restore` tries again",
                           (long long)now.id);
        }
    }
    l->n_knobs = now.n_knobs;
    l->dry = all && j->filter->dry_run;
    if (rc < 0)
        note_failure(j, &now, hold);
    if (!all || j->filter->dry_run)
        return rc;
    rc = wtl_book_note_state(hold, &now, WTL_LEASE_CLOSED, closing_words(l), wtl_holder_wall_ns(h),
                             err);
    l->closed = rc == 0;
    return rc;
}

static void tell(const struct job *j, const struct wtl_restore_lease *l)
{
    char who[400];
    if (l->closed)
        wtl_log(j->holder->options.log, WTL_LOG_INFO, "closed %s: %s",
                wtl_lease_describe(&l->record, who, sizeof who), closing_words(l));
}

/* The lock says whether the holder lives; a dry run, which takes none, goes by the process. */
static int take(const struct job *j, const struct wtl_book_entry *e, struct wtl_book_hold *hold,
                bool *alive_out, struct wtl_error *err)
{
    *alive_out = false;
    if (j->filter->dry_run) {
        *alive_out = wtl_process_of_lease(&e->record, j->holder->boot) != WTL_PROCESS_GONE &&
                     wtl_lease_is_borrowed(&e->record);
        return 0;
    }
    struct wtl_error why = {0};
    int rc = wtl_book_hold(&j->holder->book, e, j->holder->boot, hold, &why);
    *alive_out = rc == -(int)WTL_BUSY;
    if (rc < 0 && !*alive_out && err)
        *err = why;
    return *alive_out ? 0 : rc;
}

static int still_held(const struct job *j, const struct wtl_lease_record *r, struct wtl_error *err)
{
    char who[400];
    int rc = WTL_FAIL(err, WTL_BUSY, "%s is held", wtl_lease_describe(r, who, sizeof who));
    if (wtl_process_of_lease(r, j->holder->boot) == WTL_PROCESS_STOPPED)
        wtl_error_hint(err,
                       "process %lld (%s) is stopped: `kill -CONT %lld` lets it go on, `kill -9 "
                       "%lld` ends it and its guardian puts back",
                       (long long)r->owner.pid, r->owner.text, (long long)r->owner.pid,
                       (long long)r->owner.pid);
    else
        wtl_error_hint(err, "end process %lld (%s) first", (long long)r->owner.pid, r->owner.text);
    return rc;
}

static int deal_with(const struct job *j, const struct wtl_book_entry *e, struct wtl_error *err)
{
    struct wtl_restore_report *report = j->report;
    struct wtl_book_hold hold = {.fd = -1, .lock_fd = -1};
    bool alive;
    int rc = take(j, e, &hold, &alive, err);
    if (rc < 0)
        return rc;
    if (alive) {
        report->n_held++;
        bool meant = named(j->filter, &e->record) ||
                     (j->filter->all_standing && !wtl_lease_is_borrowed(&e->record));
        return meant ? still_held(j, &e->record, err) : 0;
    }
    struct wtl_book_entry now = *e;
    if (!j->filter->dry_run)
        rc = wtl_book_again(&j->holder->book, j->arena, &hold, &now, err);
    if (rc < 0 || !wtl_book_entry_is_open(&now) || !is_wanted(j, &now.record)) {
        wtl_book_let_go(&hold);
        return rc;
    }
    struct wtl_restore_lease *l = &report->leases[report->n++];
    l->record = now.record;
    if (!j->filter->dry_run)
        wtl_holder_changes(j->holder);
    rc = settle(j, l, &hold, err);
    wtl_book_let_go(&hold);
    tell(j, l);
    return rc;
}

static int check_readable(const struct wtl_book_entry *e, struct wtl_error *err)
{
    if (!e->unreadable)
        return 0;
    int rc = WTL_FAIL(err, WTL_CORRUPT, "lease %lld cannot be read: %s", (long long)e->record.id,
                      e->why);
    wtl_error_hint(err,
                   "set its devices by hand to what they should be, then `wattle restore --forget "
                   "%lld`",
                   (long long)e->record.id);
    return rc;
}

/* A name of a closed one is found, so that ending a lease twice is no failure. */
static int check_name(const char *name,
                      bool (*is_it)(const struct wtl_lease_record *r, const char *name),
                      const struct wtl_book_entry *entries, size_t n, struct wtl_error *err)
{
    bool found = false;
    for (size_t k = 0; k < n && !found; k++) {
        found = is_it(&entries[k].record, name);
        int rc = found ? check_readable(&entries[k], err) : 0;
        if (rc < 0)
            return rc;
    }
    if (found)
        return 0;
    int rc = WTL_FAIL(err, WTL_NOTFOUND, "there is no lease \"%s\"", name);
    wtl_error_hint(err, "`wattle status` lists them");
    return rc;
}

static int check_names(const struct wtl_restore_filter *f, const struct wtl_book_entry *entries,
                       size_t n, struct wtl_error *err)
{
    int rc = f->standing ? check_name(f->standing, has_name, entries, n, err) : 0;
    for (size_t i = 0; rc == 0 && i < f->n_names; i++)
        rc = check_name(f->names[i], is_named, entries, n, err);
    return rc;
}

int wtl_restore_locked(struct wtl_holder *holder, struct wtl_book_entry *entries, size_t n,
                       const struct wtl_restore_filter *filter, struct wtl_arena *arena,
                       struct wtl_restore_report *report_out, struct wtl_error *err)
{
    struct wtl_restore_report report = {0};
    const struct job j = {holder, entries, n, filter, arena, &report};
    int first = check_names(filter, entries, n, err);
    if (first < 0)
        return first;
    report.leases = WTL_NEW_ARRAY(arena, struct wtl_restore_lease, n + 1);
    if (!report.leases)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        report.n_unreadable += entries[i].unreadable && !filter->standing && !filter->owner;
        if (!wtl_book_entry_is_open(&entries[i]))
            continue;
        if (!is_wanted(&j, &entries[i].record)) {
            report.n_standing += !filter->standing && !filter->owner;
            if (is_cut_short(&j, &entries[i].record))
                end_change(&j, &entries[i]);
            continue;
        }
        int rc = deal_with(&j, &entries[i], first ? NULL : err);
        first = first ? first : rc;
    }
    *report_out = report;
    return first;
}

int wtl_lease_restore(struct wtl_holder *holder, const struct wtl_restore_filter *filter,
                      struct wtl_arena *arena, struct wtl_restore_report *report_out,
                      struct wtl_error *err)
{
    struct wtl_book_entry *entries = NULL;
    size_t n = 0;
    bool lock = !holder->options.look_only && !filter->dry_run;
    if (lock && wtl_holder_is_fork(holder))
        return wtl_holder_refuse_fork(holder, err);
    int rc = lock ? wtl_book_lock(&holder->book, err) : 0;
    if (rc < 0)
        return rc;
    rc = lock ? wtl_holder_list(holder, arena, &entries, &n, err)
              : wtl_book_list(&holder->book, arena, &entries, &n, err);
    rc = rc ? rc : wtl_restore_locked(holder, entries, n, filter, arena, report_out, err);
    if (lock) {
        wtl_book_tidy(&holder->book, entries, n, wtl_holder_wall_ns(holder));
        wtl_book_unlock(&holder->book);
    }
    return rc;
}

/* ---- Forgetting ------------------------------------------------------------------------------ */

static int forget_entry(struct wtl_holder *h, struct wtl_book_entry *e, struct wtl_error *err)
{
    struct wtl_book_hold hold = {.fd = -1, .lock_fd = -1};
    if (e->unreadable)
        return wtl_book_set_aside(&h->book, e->record.id, err);
    if (!wtl_book_entry_is_open(e))
        return 0;
    int rc = wtl_book_hold(&h->book, e, h->boot, &hold, err);
    if (rc == -(int)WTL_BUSY)
        wtl_error_hint(err, "end process %lld (%s) first", (long long)e->record.owner.pid,
                       e->record.owner.text);
    if (rc < 0)
        return rc;
    rc = wtl_book_note_state(&hold, &e->record, WTL_LEASE_CLOSED,
                             "forgotten by hand: nothing was put back", wtl_holder_wall_ns(h), err);
    wtl_book_let_go(&hold);
    return rc;
}

int wtl_lease_forget(struct wtl_holder *h, int64_t id, bool *forgotten_out, struct wtl_error *err)
{
    WTL_ARENA(arena);
    struct wtl_book_entry *entries = NULL;
    size_t n = 0;
    if (wtl_holder_is_fork(h))
        return wtl_holder_refuse_fork(h, err);
    int rc = wtl_book_lock(&h->book, err);
    if (rc < 0)
        return rc;
    rc = wtl_holder_list(h, &arena, &entries, &n, err);
    bool found = false;
    for (size_t i = 0; rc == 0 && i < n && !found; i++) {
        found = entries[i].record.id == id;
        bool closed = !entries[i].unreadable && !wtl_book_entry_is_open(&entries[i]);
        rc = found ? forget_entry(h, &entries[i], err) : 0;
        if (found && rc == 0)
            *forgotten_out = !closed;
    }
    if (rc == 0 && !found) {
        rc = WTL_FAIL(err, WTL_NOTFOUND, "there is no lease %lld", (long long)id);
        wtl_error_hint(err, "`wattle status` lists them");
    }
    wtl_book_unlock(&h->book);
    return rc;
}
