/* SPDX-License-Identifier: Apache-2.0
 * Leases looked at, and ended. */
#include "flow/leases.h"

#include "base/dirs.h"
#include "codec/json.h"
#include "lease/cap.h"
#include "lease/known.h"
#include "lease/process.h"

#include <math.h>
#include <string.h>

static const char *const standing_names[] = {
    [WTL_STANDING_AS_SET] = "as set",
    [WTL_STANDING_UNSEEN] = "not reported",
    [WTL_STANDING_NOT_SET] = "not set",
    [WTL_STANDING_FOREIGN] = "changed by others",
    [WTL_STANDING_NOT_BACK] = "not put back",
    [WTL_STANDING_LOST] = "lost",
    [WTL_STANDING_ABSENT] = "device absent",
    [WTL_STANDING_INSIDE] = "seen by its holder alone",
    [WTL_STANDING_ENDED] = "ended with its holder",
    [WTL_STANDING_UNKNOWN] = "unknown",
};

const char *wtl_standing_name(enum wtl_standing standing)
{
    return standing_names[standing];
}

bool wtl_standing_is_fine(enum wtl_standing standing)
{
    return standing == WTL_STANDING_AS_SET || standing == WTL_STANDING_UNSEEN ||
           standing == WTL_STANDING_NOT_SET || standing == WTL_STANDING_INSIDE ||
           standing == WTL_STANDING_ENDED;
}

/* ---- Devices of the book --------------------------------------------------------------------- */

/* The ids that open leases name, ending with NULL. */
static int device_ids(const struct wtl_book_entry *entries, size_t n, struct wtl_arena *arena,
                      const char *const **ids_out, struct wtl_error *err)
{
    const char **ids = NULL;
    size_t used = 0, cap = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; wtl_book_entry_is_open(&entries[i]) && k < entries[i].record.n_knobs;
             k++) {
            const struct wtl_lease_knob_record *r = &entries[i].record.knobs[k];
            bool known = r->ephemeral;
            for (size_t j = 0; j < used && !known; j++)
                known = strcmp(ids[j], r->device) == 0;
            if (known)
                continue;
            if (wtl_grow(arena, &ids, used, &cap))
                return WTL_FAIL(err, WTL_NOMEM, "out of memory");
            ids[used++] = r->device;
        }
    if (wtl_grow(arena, &ids, used, &cap))
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    ids[used] = NULL;
    *ids_out = ids;
    return 0;
}

/* ---- Status ---------------------------------------------------------------------------------- */

/* What a look at the leases is given. */
struct look {
    struct wtl_machine *machine;
    struct wtl_arena *arena;
    int64_t wall_ns;
    char boot[WTL_LIMIT_NAME];
};

/* A lock that no getter reports. */
static void look_at_clock(const struct look *look, struct wtl_device *d,
                          const struct wtl_lease_knob_record *r, struct wtl_status_knob *out)
{
    struct wtl_lease_clock c = wtl_lease_look_at_clock(d, r, look->wall_ns);
    out->standing = c.above && c.settled ? WTL_STANDING_FOREIGN : WTL_STANDING_UNSEEN;
    if (!c.known)
        return;
    const char *text = wtl_arena_printf(look->arena, "it runs at %g MHz%s", c.mhz,
                                        !c.above    ? ""
                                        : c.settled ? ", above its lock: set again by others"
                                                    : ", but was set a moment ago: look again");
    out->text = text ? text : "";
}

/* Whether it was to be put back, and is still what was set (or what the device made of it). */
static bool not_put_back(const struct wtl_lease_record *lease,
                         const struct wtl_lease_knob_record *r, struct wtl_knob_value found)
{
    return strcmp(lease->why, WTL_LEASE_NOT_PUT_BACK) == 0 &&
           !wtl_knob_same(r->knob, found, r->prior) &&
           (wtl_knob_same(r->knob, found, r->wanted) ||
            (r->has_before && wtl_knob_same(r->knob, found, r->before)));
}

static void say_not_back(const struct look *look, const struct wtl_lease_record *lease,
                         struct wtl_status_knob *out)
{
    const char *text =
        wtl_arena_printf(look->arena, "putting it back failed, `wattle restore %lld` tries again",
                         (long long)lease->id);
    out->standing = WTL_STANDING_NOT_BACK;
    out->text = text ? text : "";
}

static void compare(const struct look *look, const struct wtl_lease_record *lease,
                    struct wtl_status_knob *out)
{
    const struct wtl_lease_knob_record *r = out->record;
    if (not_put_back(lease, r, out->found)) {
        say_not_back(look, lease, out);
    } else if (wtl_knob_same(r->knob, out->found, r->wanted)) {
        out->standing = WTL_STANDING_AS_SET;
    } else {
        out->standing = WTL_STANDING_FOREIGN;
        out->text = "somebody else has set it; the same command again sets ours";
    }
}

static void look_at_knob(const struct look *look, const struct wtl_lease_record *lease,
                         enum wtl_process_life life, struct wtl_status_knob *out)
{
    const struct wtl_lease_knob_record *r = out->record;
    struct wtl_device *d = wtl_machine_by_id(look->machine, r->device);
    struct wtl_knob_state now = {0};
    struct wtl_error why = {0};
    if (!d && r->ephemeral) {
        out->standing = life == WTL_PROCESS_GONE ? WTL_STANDING_ENDED : WTL_STANDING_INSIDE;
    } else if (!d) {
        out->standing = WTL_STANDING_ABSENT;
        out->text = "the device is not here";
    } else if (strcmp(wtl_device_info(d)->epoch, r->epoch) != 0) {
        out->standing = WTL_STANDING_LOST;
        out->text = "set under another boot or driver load, which has taken it along: set it again";
    } else if (r->damaged) {
        out->standing = WTL_STANDING_UNKNOWN;
        out->text = "the record of what was set is damaged";
    } else if (r->seq == 0) {
        out->standing = WTL_STANDING_NOT_SET;
    } else if (wtl_device_knob(d, r->knob, &now, &why) < 0) {
        const char *text = wtl_arena_strdup(look->arena, why.message);
        out->standing = WTL_STANDING_UNKNOWN;
        out->text = text ? text : "";
    } else if (!now.known && strcmp(lease->why, WTL_LEASE_NOT_PUT_BACK) == 0 &&
               !wtl_knob_same(r->knob, r->wanted, r->prior)) {
        out->found = r->wanted;
        say_not_back(look, lease, out);
    } else if (!now.known) {
        look_at_clock(look, d, r, out);
    } else {
        out->found_known = true;
        out->found = now.requested;
        if (r->knob == WTL_KNOB_power_limit_w)
            out->in_force_w = wtl_cap_in_force_w(&now);
        compare(look, lease, out);
    }
}

/* What a knob of a cap stands for; infinity: not known. */
static double in_force_w(const struct wtl_status_knob *k)
{
    const struct wtl_lease_knob_record *r = k->record;
    if (r->ceiling.n == 0)
        return k->in_force_w;
    if (k->found_known)
        return wtl_ceiling_power_w(&r->ceiling, k->found);
    return k->standing == WTL_STANDING_UNSEEN ? wtl_ceiling_power_w(&r->ceiling, r->wanted)
                                              : (double)INFINITY;
}

static int fill_lease(const struct look *look, const struct wtl_book_entry *entry,
                      struct wtl_status_lease *l, struct wtl_error *err)
{
    const struct wtl_lease_record *record = &entry->record;
    l->record = *record;
    l->life = wtl_process_of_lease(record, look->boot);
    l->by_second_name = entry->by_second_name;
    l->file = entry->file;
    bool open = record->state != WTL_LEASE_CLOSED;
    size_t n_ended = 0;
    l->n_knobs = record->n_knobs;
    l->knobs = WTL_NEW_ARRAY(look->arena, struct wtl_status_knob, record->n_knobs + 1);
    if (!l->knobs)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    l->has_sum = open && record->has_budget;
    l->sum_w = record->base_w;
    for (size_t i = 0; i < l->n_knobs; i++) {
        l->knobs[i] = (struct wtl_status_knob){
            .record = &record->knobs[i], .text = "", .in_force_w = (double)INFINITY};
        if (open)
            look_at_knob(look, record, l->life, &l->knobs[i]);
        n_ended += l->knobs[i].standing == WTL_STANDING_ENDED;
        double w = in_force_w(&l->knobs[i]);
        l->has_sum = l->has_sum && isfinite(w);
        l->sum_w += w;
        l->soft = l->soft || record->knobs[i].ceiling.n > 0;
    }
    const bool dead = open && wtl_lease_is_borrowed(record) && l->life == WTL_PROCESS_GONE;
    l->ended = dead && l->n_knobs > 0 && n_ended == l->n_knobs;
    l->orphan = dead && !l->ended;
    double excess_w = l->sum_w - record->budget_w;
    l->excess_w = l->has_sum && excess_w > WTL_CAP_SLACK_W ? excess_w : 0;
    return 0;
}

static int count_exposures(const struct wtl_status_lease *l)
{
    int n = 0;
    if (l->record.state == WTL_LEASE_CLOSED)
        return 0;
    for (size_t i = 0; i < l->n_knobs; i++)
        n += !wtl_standing_is_fine(l->knobs[i].standing);
    n += l->orphan || (n == 0 && l->excess_w > 0);
    return n + (l->life == WTL_PROCESS_STOPPED) + l->by_second_name + l->record.state_damaged;
}

static int fill(const struct look *look, const struct wtl_book_entry *entries, size_t n,
                bool closed, struct wtl_status *s, struct wtl_error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const struct wtl_book_entry *e = &entries[i];
        if (e->unreadable) {
            s->unreadable[s->n_unreadable++] = e;
        } else if (closed || wtl_book_entry_is_open(e)) {
            struct wtl_status_lease *l = &s->leases[s->n++];
            rc = fill_lease(look, e, l, err);
            l->exposures = rc == 0 ? count_exposures(l) : 0;
            s->exposures += l->exposures;
        }
    }
    s->exposures += (int)s->n_unreadable;
    return rc;
}

int wtl_flow_status_of(struct wtl_machine *machine, const struct wtl_book_entry *entries, size_t n,
                       bool closed, int64_t wall_ns, struct wtl_arena *arena,
                       struct wtl_status *out, struct wtl_error *err)
{
    struct wtl_status s = {.leases = WTL_NEW_ARRAY(arena, struct wtl_status_lease, n + 1),
                           .unreadable = WTL_NEW_ARRAY(arena, const struct wtl_book_entry *, n + 1),
                           .wall_ns = wall_ns};
    if (!s.leases || !s.unreadable)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    struct look look = {.machine = machine, .arena = arena, .wall_ns = wall_ns};
    wtl_process_boot(look.boot);
    int rc = fill(&look, entries, n, closed, &s, err);
    if (rc == 0)
        *out = s;
    return rc;
}

int wtl_flow_status(const struct wtl_flow *flow, bool closed, struct wtl_arena *arena,
                    struct wtl_status *out, struct wtl_error *err)
{
    struct wtl_book_entry *entries = NULL;
    struct wtl_machine_options options = {
        .clock = flow->clock, .only_those_here = true, .for_knobs = true};
    struct wtl_machine *machine = NULL;
    size_t n = 0;
    int rc = wtl_book_look(NULL, arena, &entries, &n, err);
    rc = rc ? rc : device_ids(entries, n, arena, &options.only, err);
    rc = rc ? rc : wtl_machine_open(flow->alloc, &options, &machine, err);
    struct wtl_error ignored = {0}; /* it was read a moment ago */
    rc = rc ? rc
            : wtl_flow_status_of(machine, entries, n, closed, flow->clock.wall_ns(flow->clock.ctx),
                                 arena, out, err);
    if (rc == 0)
        (void)wtl_dir_path(WTL_DIR_STATE, "leases", out->path, &ignored);
    wtl_machine_close(machine);
    return rc;
}

static json_t *status_knob_json(const struct wtl_status_knob *k)
{
    const struct wtl_lease_knob_record *r = k->record;
    return json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:s, s:o}", "device", wtl_json_text(r->device),
                     "name", wtl_json_text(r->device_name), "knob", wtl_knob_info(r->knob)->name,
                     "prior", wtl_knob_value_json(r->knob, r->prior), "wanted",
                     r->seq > 0 ? wtl_knob_value_json(r->knob, r->wanted) : json_null(), "found",
                     k->found_known ? wtl_knob_value_json(r->knob, k->found) : json_null(),
                     "standing", wtl_standing_name(k->standing), "text", wtl_json_text(k->text));
}

json_t *wtl_status_json(const struct wtl_status *s)
{
    json_t *leases = json_array(), *unreadable = json_array();
    for (size_t i = 0; i < s->n; i++) {
        const struct wtl_status_lease *l = &s->leases[i];
        json_t *lease = wtl_lease_json(&l->record, l->life), *knobs = json_array();
        for (size_t k = 0; k < l->n_knobs; k++)
            wtl_json_add(&knobs, status_knob_json(&l->knobs[k]));
        wtl_json_put(&lease, "why", wtl_json_text(l->record.why));
        wtl_json_put(&lease, "orphan", json_boolean(l->orphan));
        wtl_json_put(&lease, "damaged", json_boolean(l->record.state_damaged));
        wtl_json_put(&lease, "file_removed", json_boolean(l->by_second_name));
        wtl_json_put(&lease, "limits_and_base_w",
                     l->has_sum ? wtl_json_finite(l->sum_w) : json_null());
        wtl_json_put(&lease, "excess_w", l->has_sum ? wtl_json_finite(l->excess_w) : json_null());
        if (l->record.has_budget)
            wtl_json_put(&lease, "soft", json_boolean(l->soft));
        wtl_json_put(&lease, "knobs", knobs);
        wtl_json_add(&leases, lease);
    }
    for (size_t i = 0; i < s->n_unreadable; i++)
        wtl_json_add(&unreadable, wtl_json_text(s->unreadable[i]->why));
    return json_pack("{s:o, s:i, s:o}", "leases", leases, "exposures", s->exposures, "unreadable",
                     unreadable);
}

/* ---- Restore --------------------------------------------------------------------------------- */

/* What could not be ended although it should be. */
static int check_ended(const struct wtl_restore_report *report, struct wtl_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < report->n; i++)
        n += !report->leases[i].closed && !report->leases[i].dry;
    if (n == 0 && report->n_unreadable == 0)
        return 0;
    if (n == 0) {
        int rc = WTL_FAIL(err, WTL_CORRUPT, "%zu lease%s cannot be read", report->n_unreadable,
                          wtl_plural((int64_t)report->n_unreadable));
        wtl_error_hint(err, "`wattle status` says which, and what to do");
        return rc;
    }
    int rc = WTL_FAIL(err, WTL_FAILED, "%zu lease%s could not be ended and stay%s open", n,
                      wtl_plural((int64_t)n), n == 1 ? "s" : "");
    wtl_error_hint(err, "run it again when the device is back; `wattle status` shows it");
    return rc;
}

int wtl_flow_forget(const struct wtl_flow *flow, struct wtl_arena *arena, int64_t id,
                    bool *forgotten_out, struct wtl_error *err)
{
    const char *const no_device[] = {NULL};
    struct wtl_hold hold = {0};
    int rc = wtl_hold_open_those_here(flow, arena, no_device, "wattle restore", false, &hold, err);
    rc = rc ? rc : wtl_lease_forget(hold.holder, id, forgotten_out, err);
    wtl_hold_close(&hold);
    return rc;
}

int wtl_flow_restore(const struct wtl_flow *flow, const struct wtl_restore_request *q,
                     struct wtl_arena *arena, struct wtl_restore_report *report_out,
                     struct wtl_error *err)
{
    struct wtl_book_entry *entries = NULL;
    struct wtl_hold hold = {0};
    const char *const *ids = NULL;
    size_t n = 0;
    *report_out = (struct wtl_restore_report){0};
    int rc = wtl_book_look(NULL, arena, &entries, &n, err);
    rc = rc ? rc : device_ids(entries, n, arena, &ids, err);
    if (rc < 0)
        return rc;
    if (n == 0 && q->n_names == 0 && !q->standing)
        return 0;                  /* no book: nothing was ever leased, and none is made */
    struct wtl_flow quiet = *flow; /* the report says what was done */
    quiet.log = NULL;
    rc = wtl_hold_open_those_here(&quiet, arena, ids, "wattle restore", q->dry_run || n == 0, &hold,
                                  err);
    if (rc == 0) {
        wtl_holder_on_change(hold.holder, q->changing);
        struct wtl_restore_filter filter = {.all_standing = q->all,
                                            .names = q->names,
                                            .n_names = q->n_names,
                                            .standing = q->standing,
                                            .dry_run = q->dry_run};
        rc = wtl_lease_restore(hold.holder, &filter, arena, report_out, err);
        if (rc == 0 && !q->dry_run)
            rc = check_ended(report_out, err);
    }
    wtl_hold_close(&hold);
    return rc;
}

const char *wtl_restore_words(enum wtl_restore_result result)
{
    static const char *const words[] = {
        [WTL_RESTORE_PUT_BACK] = "put back",
        [WTL_RESTORE_UNCHANGED] = "was there already",
        [WTL_RESTORE_FOREIGN] = "left alone: somebody else has set it since",
        [WTL_RESTORE_EPOCH] = "nothing to put back: set under another boot or driver load",
        [WTL_RESTORE_GONE] = "nothing to put back: the device ended with its process",
        [WTL_RESTORE_ABSENT] = "the device is not here: the lease stays open",
        [WTL_RESTORE_FAILED] = "failed",
    };
    return words[result];
}

static json_t *restored_json(const struct wtl_restore_knob *k)
{
    bool is_back = k->result == WTL_RESTORE_PUT_BACK || k->result == WTL_RESTORE_UNCHANGED;
    const char *why = k->why[0] || is_back ? k->why : wtl_restore_words(k->result);
    return json_pack("{s:o, s:s, s:s, s:o, s:o, s:o}", "device", wtl_json_text(k->device), "knob",
                     wtl_knob_info(k->knob)->name, "result", wtl_restore_result_name(k->result),
                     "from", wtl_knob_value_json(k->knob, k->from), "to",
                     wtl_knob_value_json(k->knob, k->to), "why", wtl_json_text(why));
}

json_t *wtl_restore_json(const struct wtl_restore_report *report, bool dry_run)
{
    json_t *leases = json_array();
    char boot[WTL_LIMIT_NAME];
    wtl_process_boot(boot);
    for (size_t i = 0; i < report->n; i++) {
        const struct wtl_restore_lease *l = &report->leases[i];
        struct wtl_lease_record now = l->record; /* which is of before */
        if (l->closed)
            now.state = WTL_LEASE_CLOSED;
        json_t *lease = wtl_lease_json(&now, wtl_process_of_lease(&now, boot)),
               *knobs = json_array();
        for (size_t k = 0; k < l->n_knobs; k++)
            wtl_json_add(&knobs, restored_json(&l->knobs[k]));
        wtl_json_put(&lease, "closed", json_boolean(l->closed));
        wtl_json_put(&lease, "knobs", knobs);
        wtl_json_add(&leases, lease);
    }
    return json_pack("{s:b, s:I, s:I, s:I, s:I, s:o}", "dry_run", (int)dry_run, "held",
                     (json_int_t)report->n_held, "standing", (json_int_t)report->n_standing,
                     "unreadable", (json_int_t)report->n_unreadable, "taken_back",
                     (json_int_t)report->n_taken_back, "leases", leases);
}
