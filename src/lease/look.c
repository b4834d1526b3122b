/* SPDX-License-Identifier: Apache-2.0
 * What there is to know before a knob is moved: ranges, prior values, who holds it. */
#include "lease/known.h"
#include "lease/lease_impl.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- Values ---------------------------------------------------------------------------------- */

static bool is_step(const struct wtl_knob_range *r, double value)
{
    for (size_t i = 0; i < r->n_steps; i++)
        if (fabs(r->steps[i] - value) < 0.5)
            return true;
    return false;
}

/* The legal values around one that is not: "nearest are 1395 MHz and 1410 MHz". */
static int no_step(const struct wtl_lease_knob *k, double value, struct wtl_error *err)
{
    const struct wtl_knob_range *r = &k->range;
    enum wtl_knob knob = k->record.knob;
    char asked[WTL_KNOB_TEXT], below[WTL_KNOB_TEXT], above[WTL_KNOB_TEXT];
    size_t i = 0;
    while (i < r->n_steps && r->steps[i] < value)
        i++;
    double lo = r->steps[i > 0 ? i - 1 : 0], hi = r->steps[i < r->n_steps ? i : r->n_steps - 1];
    int rc = WTL_FAIL(err, WTL_USAGE, "%s has no %s %s", k->info->id, wtl_knob_info(knob)->title,
                      wtl_knob_format(knob, wtl_knob_at(value), asked));
    if (lo < hi)
        wtl_error_hint(err, "the nearest are %s and %s",
                       wtl_knob_format(knob, wtl_knob_at(lo), below),
                       wtl_knob_format(knob, wtl_knob_at(hi), above));
    else
        wtl_error_hint(err, "the nearest is %s", wtl_knob_format(knob, wtl_knob_at(lo), below));
    return rc;
}

static int check_end(const struct wtl_lease_knob *k, double value, struct wtl_error *err)
{
    const struct wtl_knob_range *r = &k->range;
    enum wtl_knob knob = k->record.knob;
    char asked[WTL_KNOB_TEXT], min[WTL_KNOB_TEXT], max[WTL_KNOB_TEXT];
    if (r->n_steps > 0)
        return is_step(r, value) ? 0 : no_step(k, value, err);
    const double slack = 1e-6; /* of decimals on their way through text */
    if (value >= r->min - slack && value <= r->max + slack)
        return 0;
    int rc = WTL_FAIL(err, WTL_USAGE, "%s takes no %s of %s", k->info->id,
                      wtl_knob_info(knob)->title, wtl_knob_format(knob, wtl_knob_at(value), asked));
    wtl_error_hint(err, "it takes %s to %s", wtl_knob_format(knob, wtl_knob_at(r->min), min),
                   wtl_knob_format(knob, wtl_knob_at(r->max), max));
    return rc;
}

int wtl_lease_check_value(const struct wtl_lease_knob *knob, struct wtl_knob_value value,
                          struct wtl_error *err)
{
    if (value.released)
        return 0;
    int rc = check_end(knob, value.lo, err);
    return rc ? rc : check_end(knob, value.hi, err);
}

/* What the device may round to: RAPL counts in eighths of a watt; a recorded value that differs by
 * less than this was ours. */
static double rounding(enum wtl_knob knob)
{
    return knob == WTL_KNOB_power_limit_w ? 1.0 : knob == WTL_KNOB_cpu_quota ? 0.011 : 1.5;
}

bool wtl_lease_near(enum wtl_knob knob, struct wtl_knob_value a, struct wtl_knob_value b)
{
    if (a.released || b.released)
        return a.released == b.released;
    return fabs(a.lo - b.lo) <= rounding(knob) && fabs(a.hi - b.hi) <= rounding(knob);
}

bool wtl_lease_took(const struct wtl_lease_knob *k, struct wtl_knob_value value)
{
    enum wtl_knob knob = k->record.knob;
    if (!k->found.known || wtl_knob_same(knob, k->found.requested, value))
        return true;
    if (value.released && k->range.released_is_default)
        return wtl_knob_same(knob, k->found.requested, wtl_knob_at(k->range.default_value));
    /* Packages round; a board's limit is exact. */
    if (k->info->kind == WTL_DEVICE_GPU || value.released || k->found.requested.released)
        return false;
    return wtl_lease_near(knob, k->found.requested, value);
}

bool wtl_lease_stayed(enum wtl_knob knob, const struct wtl_knob_state *before,
                      const struct wtl_knob_state *now)
{
    return before && before->known && now->known &&
           wtl_knob_same(knob, before->requested, now->requested);
}

/* Until then after a set the clock may still be on its way: switches take up to hundreds of
 * milliseconds (arXiv 2502.20075), and the reading follows once a second at worst. */
#define SETTLED_NS (2 * WTL_NS_PER_S)

struct wtl_lease_clock wtl_lease_look_at_clock(struct wtl_device *device,
                                               const struct wtl_lease_knob_record *r,
                                               int64_t wall_ns)
{
    struct wtl_reading reading;
    struct wtl_error why = {0};
    struct wtl_lease_clock c = {0};
    enum wtl_metric m =
        r->knob == WTL_KNOB_mem_clock_mhz ? WTL_M_mem_clock_mhz : WTL_M_sm_clock_mhz;
    if (r->seq == 0 || r->wanted.released ||
        wtl_device_read(device, WTL_METRIC_BIT(m), &reading, &why) < 0 ||
        !wtl_reading_has(&reading, m))
        return c;
    c.known = true;
    c.mhz = reading.value[m];
    c.above = c.mhz > r->wanted.hi + 8; /* half a step of the widest lists */
    int64_t age_ns = wall_ns - r->set_wall_ns;
    /* Set in what is now the future: the clock of the machine was set back since. */
    c.settled = age_ns > SETTLED_NS || age_ns < -SETTLED_NS;
    return c;
}

/* ---- Who holds what -------------------------------------------------------------------------- */

const char *wtl_lease_describe(const struct wtl_lease_record *r, char *buf, size_t size)
{
    char at[24], name[WTL_LIMIT_NAME + 4] = "";
    enum wtl_process_life life = wtl_process_look(&r->owner);
    if (r->name[0])
        snprintf(name, sizeof name, " \"%s\"", r->name);
    snprintf(buf, size, "%s lease %lld%s (%s) of %s, pid %lld%s, since %s",
             wtl_lease_kind_name(r->kind), (long long)r->id, name, r->purpose,
             r->owner.user[0] ? r->owner.user : "an unknown user", (long long)r->owner.pid,
             life == WTL_PROCESS_GONE      ? " (ended)"
             : life == WTL_PROCESS_STOPPED ? " (stopped)"
                                           : "",
             wtl_format_utc(r->granted_wall_ns, at, sizeof at));
    return buf;
}

const struct wtl_lease_knob_record *wtl_lease_find_knob(const struct wtl_lease_record *r,
                                                        const struct wtl_lease_knob_record *knob)
{
    for (size_t j = 0; j < r->n_knobs; j++)
        if (r->knobs[j].knob == knob->knob && strcmp(r->knobs[j].device, knob->device) == 0 &&
            strcmp(r->knobs[j].epoch, knob->epoch) == 0)
            return &r->knobs[j];
    return NULL;
}

/* The open lease of this load that has the knob; NULL: nobody. */
static const struct wtl_book_entry *holder_of(const struct wtl_lease_knob *k,
                                              const struct wtl_book_entry *entries, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (wtl_book_entry_is_open(&entries[i]) &&
            wtl_lease_find_knob(&entries[i].record, &k->record))
            return &entries[i];
    return NULL;
}

static int busy(const struct wtl_holder *h, const struct wtl_lease_knob *k,
                const struct wtl_lease_record *r, struct wtl_error *err)
{
    char who[400];
    enum wtl_process_life life = wtl_process_of_lease(r, h->boot);
    int rc =
        WTL_FAIL(err, WTL_BUSY, "the %s of %s is held by %s", wtl_knob_info(k->record.knob)->title,
                 k->record.device, wtl_lease_describe(r, who, sizeof who));
    if (!wtl_lease_is_borrowed(r) || life == WTL_PROCESS_GONE)
        wtl_error_hint(err, "`wattle restore %lld` ends it", (long long)r->id);
    else if (life == WTL_PROCESS_STOPPED)
        wtl_error_hint(err,
                       "process %lld (%s) is stopped: `kill -CONT %lld` lets it go on; once it "
                       "has ended the knob is put back",
                       (long long)r->owner.pid, r->owner.text, (long long)r->owner.pid);
    else if (r->kind == WTL_LEASE_STANDING)
        wtl_error_hint(err,
                       "process %lld (%s) is just taking it: try again in a moment, or end it with "
                       "`wattle restore %lld` once it stands",
                       (long long)r->owner.pid, r->owner.text, (long long)r->id);
    else
        wtl_error_hint(err, "it is put back when process %lld (%s) ends", (long long)r->owner.pid,
                       r->owner.text);
    return rc;
}

int wtl_lease_refuse_held(const struct wtl_lease_record *r, struct wtl_error *err)
{
    char who[400];
    int rc = WTL_FAIL(err, WTL_BUSY, "%s is held", wtl_lease_describe(r, who, sizeof who));
    wtl_error_hint(err,
                   "process %lld (%s) looks after it: end that first, with Ctrl-C or `kill %lld`",
                   (long long)r->owner.pid, r->owner.text, (long long)r->owner.pid);
    return rc;
}

/* What a lease that cannot be read covers is not known: it may be any knob that outlives us. */
static int check_readable(const struct wtl_lease_knob *k, const struct wtl_book_entry *entries,
                          size_t n, struct wtl_error *err)
{
    for (size_t i = 0; i < n && !k->record.ephemeral; i++) {
        if (!entries[i].unreadable)
            continue;
        long long id = (long long)entries[i].record.id;
        int rc =
            WTL_FAIL(err, WTL_BUSY,
                     "lease %lld may hold the %s of %s: it cannot be read (%s), so nobody knows "
                     "what it covers",
                     id, wtl_knob_info(k->record.knob)->title, k->record.device, entries[i].why);
        wtl_error_hint(err,
                       "look whether devices are as they should be, set by hand what is not, then "
                       "`wattle restore --forget %lld`",
                       id);
        return rc;
    }
    return 0;
}

/* Whether every knob of `r` is wanted and the other way round. */
static bool same_knobs(const struct wtl_lease_record *r, const struct wtl_lease_request *request)
{
    if (r->n_knobs != request->n_wants)
        return false;
    for (size_t i = 0; i < r->n_knobs; i++) {
        bool found = false;
        for (size_t j = 0; j < request->n_wants; j++)
            found = found || (r->knobs[i].knob == request->wants[j].knob &&
                              strcmp(r->knobs[i].device,
                                     wtl_device_info(request->wants[j].device)->id) == 0);
        if (!found)
            return false;
    }
    return true;
}

const struct wtl_book_entry *wtl_lease_to_take_over(const struct wtl_holder *holder,
                                                    const struct wtl_lease_request *request,
                                                    const struct wtl_book_entry *entries, size_t n)
{
    if (!request->take_over || request->kind != WTL_LEASE_STANDING)
        return NULL;
    const char *name = request->name ? request->name : "";
    for (size_t i = 0; i < n; i++) {
        const struct wtl_lease_record *r = &entries[i].record;
        if (wtl_book_entry_is_open(&entries[i]) && !wtl_lease_is_borrowed(r) &&
            strcmp(r->name, name) == 0 && r->has_budget == request->has_budget &&
            same_knobs(r, request) && (r->owner.uid == holder->owner.uid || holder->owner.uid == 0))
            return &entries[i];
    }
    return NULL;
}

/* A set of ours may land just after the driver was loaded anew, while its record still names the
 * old load. So a value that is what we set last in an earlier load of this boot is ours, not a
 * prior: that record, or NULL. After a boot it is whoever set it there. */
static const struct wtl_lease_knob_record *
ours_of_an_earlier_load(const struct wtl_lease_knob *k, const char *boot,
                        const struct wtl_book_entry *entries, size_t n)
{
    const struct wtl_lease_knob_record *newest = NULL;
    for (size_t i = 0; i < n; i++) {
        const struct wtl_lease_record *r = &entries[i].record;
        if (entries[i].unreadable || !boot[0] || strcmp(r->boot, boot) != 0)
            continue;
        for (size_t j = 0; j < r->n_knobs; j++)
            if (r->knobs[j].knob == k->record.knob &&
                (r->knobs[j].seq > 0 || r->knobs[j].damaged) &&
                strcmp(r->knobs[j].device, k->record.device) == 0)
                newest = r->knobs[j].damaged ? NULL : &r->knobs[j];
    }
    if (!newest || strcmp(newest->epoch, k->record.epoch) == 0 ||
        !wtl_lease_near(k->record.knob, newest->wanted, k->found.requested))
        return NULL;
    return newest;
}

/* ---- Surveys --------------------------------------------------------------------------------- */

static int permission(const struct wtl_lease_knob *k, struct wtl_error *err)
{
    int rc = WTL_FAIL(err, WTL_PERMISSION, "this user may not set the %s of %s",
                      wtl_knob_info(k->record.knob)->title, k->info->id);
    wtl_error_hint(err, "run it as root: sudo wattle ...; `wattle doctor` says more");
    return rc;
}

static int check_settable(const struct wtl_lease_knob *k, struct wtl_error *err)
{
    unsigned bit = WTL_KNOB_BIT(k->record.knob);
    const char *title = wtl_knob_info(k->record.knob)->title;
    if (k->info->kind == WTL_DEVICE_GPU_SLICE)
        return WTL_FAIL(err, WTL_UNSUPPORTED,
                        "%s is a slice of a board: clocks and limits belong to the whole board",
                        k->info->id);
    if (!(k->info->knobs & bit))
        return WTL_FAIL(err, WTL_UNSUPPORTED, "%s has no %s to set", k->info->id, title);
    return k->info->writable & bit ? 0 : permission(k, err);
}

static void fill_record(struct wtl_lease_knob *k, const struct wtl_lease_want *want)
{
    k->device = want->device;
    k->info = wtl_device_info(want->device);
    k->record.knob = want->knob;
    k->record.ceiling = want->ceiling;
    k->record.ephemeral = k->info->flags & WTL_DEVICE_EPHEMERAL;
    memcpy(k->record.device, k->info->id, sizeof k->record.device);
    memcpy(k->record.device_name, k->info->name, sizeof k->record.device_name);
}

/* What was requested before us. */
static void find_prior(struct wtl_lease_knob *k, const char *boot,
                       const struct wtl_book_entry *entries, size_t n)
{
    k->record.prior_read = k->found.known;
    if (!k->found
             .known) { /* what we left it at: an open lease of it is taken over, or in the way */
        struct wtl_known_set last;
        bool known =
            wtl_book_last_set(entries, n, k->record.device, k->record.epoch, k->record.knob, &last);
        k->record.prior = known ? last.value : wtl_knob_released();
        return;
    }
    const struct wtl_lease_knob_record *ours = ours_of_an_earlier_load(k, boot, entries, n);
    k->record.prior = ours ? ours->prior : k->found.requested;
    k->record.prior_read = !ours;
}

/* Some zones of RAPL read 0 W, which no write brings back. */
static int check_found(const struct wtl_lease_knob *k, struct wtl_error *err)
{
    if (k->record.knob != WTL_KNOB_power_limit_w || !k->found.known || k->found.requested.hi > 0)
        return 0;
    return WTL_FAIL(err, WTL_UNSUPPORTED,
                    "the power limit of %s reads 0 W: it could not be put back", k->info->id);
}

static int look_at_knob(struct wtl_lease_knob *k, struct wtl_arena *arena, struct wtl_error *err)
{
    int rc = check_settable(k, err);
    rc = rc ? rc : wtl_device_epoch(k->device, k->record.epoch, err);
    if (rc == 0 && k->record.epoch[0] == '\0')
        rc = WTL_FAIL(err, WTL_FAILED,
                      "cannot tell one boot from another for %s: nothing could be put back",
                      k->info->id);
    if (rc == 0 && strcmp(k->record.epoch, k->info->epoch) != 0)
        rc = WTL_FAIL(err, WTL_LOST, "the driver of %s was loaded anew while we looked",
                      k->info->id);
    rc = rc ? rc : wtl_device_knob_range(k->device, k->record.knob, arena, &k->range, err);
    rc = rc ? rc : wtl_device_knob(k->device, k->record.knob, &k->found, err);
    return rc ? rc : check_found(k, err);
}

static int check_request(const struct wtl_lease_request *q, struct wtl_error *err)
{
    if (q->n_wants == 0 || q->n_wants > WTL_LEASE_MAX_KNOBS)
        return WTL_FAIL(err, WTL_LIMIT, "a lease covers 1 to %d knobs, not %zu",
                        WTL_LEASE_MAX_KNOBS, q->n_wants);
    if (q->name && strlen(q->name) >= WTL_LIMIT_NAME)
        return WTL_FAIL(err, WTL_LIMIT, "the name of a lease has at most %d bytes",
                        WTL_LIMIT_NAME - 1);
    for (size_t i = 0; i < q->n_wants; i++)
        for (size_t j = 0; j < i; j++)
            if (q->wants[i].device == q->wants[j].device && q->wants[i].knob == q->wants[j].knob)
                return WTL_FAIL(err, WTL_USAGE, "%s is named twice",
                                wtl_device_info(q->wants[i].device)->id);
    return 0;
}

static int check_name(const struct wtl_lease_request *q, const struct wtl_book_entry *entries,
                      size_t n, int64_t own, struct wtl_error *err)
{
    for (size_t i = 0; q->name && q->name[0] && i < n; i++) {
        char who[400];
        const struct wtl_lease_record *r = &entries[i].record;
        if (!wtl_book_entry_is_open(&entries[i]) || r->id == own || strcmp(r->name, q->name) != 0)
            continue;
        int rc = WTL_FAIL(err, WTL_BUSY, "the name is taken by %s",
                          wtl_lease_describe(r, who, sizeof who));
        wtl_error_hint(err, "`wattle restore %lld` ends it", (long long)r->id);
        return rc;
    }
    return 0;
}

int wtl_lease_survey_book(struct wtl_holder *holder, const struct wtl_lease_request *request,
                          const struct wtl_book_entry *entries, size_t n_entries, int64_t own,
                          struct wtl_arena *arena, struct wtl_lease_knob **knobs_out,
                          struct wtl_error *err)
{
    int rc = check_request(request, err);
    if (rc < 0)
        return rc;
    struct wtl_lease_knob *knobs = WTL_NEW_ARRAY(arena, struct wtl_lease_knob, request->n_wants);
    if (!knobs)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; rc == 0 && i < request->n_wants; i++) {
        fill_record(&knobs[i], &request->wants[i]);
        rc = look_at_knob(&knobs[i], arena, err);
        if (rc == 0)
            find_prior(&knobs[i], holder->boot, entries, n_entries);
        const struct wtl_book_entry *e = rc == 0 ? holder_of(&knobs[i], entries, n_entries) : NULL;
        if (e && e->record.id != own)
            rc = busy(holder, &knobs[i], &e->record, err);
        rc = rc ? rc : check_readable(&knobs[i], entries, n_entries, err);
    }
    rc = rc ? rc : check_name(request, entries, n_entries, own, err);
    if (rc == 0)
        *knobs_out = knobs;
    return rc;
}

/* Those of the dead would be put back first. */
static size_t without_the_dead(const struct wtl_holder *h, struct wtl_book_entry *entries, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!wtl_book_entry_is_open(&entries[i]) || !wtl_lease_is_borrowed(&entries[i].record) ||
            wtl_process_of_lease(&entries[i].record, h->boot) != WTL_PROCESS_GONE)
            entries[kept++] = entries[i];
    return kept;
}

void wtl_lease_carry_over(const struct wtl_lease_record *old, struct wtl_lease_knob_record *knob)
{
    const struct wtl_lease_knob_record *same = wtl_lease_find_knob(old, knob);
    if (!same)
        return;
    struct wtl_ceiling ceiling = knob->ceiling; /* what is known now */
    *knob = *same;
    knob->ceiling = ceiling;
}

int wtl_lease_survey(struct wtl_holder *holder, const struct wtl_lease_request *request,
                     struct wtl_arena *arena, struct wtl_lease_knob **knobs_out,
                     struct wtl_error *err)
{
    struct wtl_book_entry *entries = NULL;
    size_t n = 0;
    int rc = wtl_book_list(&holder->book, arena, &entries, &n, err);
    if (rc < 0)
        return rc;
    n = without_the_dead(holder, entries, n);
    const struct wtl_book_entry *old = wtl_lease_to_take_over(holder, request, entries, n);
    struct wtl_lease_knob *knobs = NULL;
    if (old && wtl_book_is_held(&holder->book, old->record.id))
        return wtl_lease_refuse_held(&old->record, err);
    rc = wtl_lease_survey_book(holder, request, entries, n, old ? old->record.id : 0, arena, &knobs,
                               err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; old && i < request->n_wants; i++)
        wtl_lease_carry_over(&old->record, &knobs[i].record);
    *knobs_out = knobs;
    return 0;
}
