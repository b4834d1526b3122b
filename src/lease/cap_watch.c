/* SPDX-License-Identifier: Apache-2.0
 * Looking after a cap: exposure seen, counted, mended. */
#include "lease/cap.h"
#include "lease/lease_impl.h"

#include <math.h>
#include <string.h>

/* A limit below ours is somebody's wish for less and leaves the cap whole; one above is not ours.
 */
static bool is_wrong(const struct wtl_lease_knob *k)
{
    if (k->record.seq == 0 || k->record.wanted.released || !k->found.known)
        return false;
    double requested = k->found.requested.released ? (double)INFINITY : k->found.requested.hi;
    return requested > k->record.wanted.hi &&
           !wtl_knob_same(k->record.knob, k->found.requested, k->record.wanted) &&
           !wtl_lease_took(k, k->record.wanted);
}

/* A ceiling that no getter reports: the clock itself tells that it is gone. After a set that failed
 * it may be. */
static void look_at_ceiling(const struct wtl_lease *l, struct wtl_lease_knob *k,
                            struct wtl_cap_exposure *e)
{
    if (k->record.ceiling.n == 0 || k->found.known)
        return;
    struct wtl_lease_clock c =
        wtl_lease_look_at_clock(k->device, &k->record, wtl_holder_wall_ns(l->holder));
    k->wrong = (c.above && c.settled) || (k->uncertain && k->record.seq > 0);
    e->n_settling += c.above && !c.settled;
}

void wtl_cap_look(struct wtl_lease *l, struct wtl_cap_exposure *out)
{
    struct wtl_cap_exposure e = {.sum_w = l->record.base_w};
    struct wtl_error why = {0};
    e.blind = wtl_lease_look(l, &why) < 0;
    if (e.blind)
        memcpy(e.why, why.message, sizeof e.why);
    for (size_t i = 0; i < l->n; i++) {
        struct wtl_lease_knob *k = &l->knobs[i];
        k->wrong = is_wrong(k);
        look_at_ceiling(l, k, &e);
        bool unbounded = k->wrong && !k->found.known;
        e.sum_w += unbounded ? (double)INFINITY : wtl_cap_counts_w(k);
        e.n_wrong += k->wrong;
    }
    double excess_w = e.sum_w - l->record.budget_w;
    e.excess_w = excess_w > WTL_CAP_SLACK_W ? excess_w : 0;
    *out = e;
}

static int check_epoch(const struct wtl_lease_knob *k, struct wtl_error *err)
{
    char epoch[WTL_LIMIT_NAME];
    int rc = wtl_device_epoch(k->device, epoch, err);
    if (rc == 0 && strcmp(epoch, k->record.epoch) != 0)
        rc = WTL_FAIL(err, WTL_LOST, "the driver of %s was loaded anew: its limit is lost",
                      k->info->id);
    return rc;
}

static int check_epochs(const struct wtl_lease *l, struct wtl_error *err)
{
    int rc = 0;
    for (size_t i = 0; i < l->n && rc == 0; i++)
        rc = check_epoch(&l->knobs[i], err);
    return rc;
}

/* Brings limits that are not ours back to what we set; nothing else. What is set under another
 * driver load would be in no record of it, and stay when the lease ends. */
static int reassert(struct wtl_lease *l, size_t *n_set_out, struct wtl_error *err)
{
    int first = 0;
    *n_set_out = 0;
    for (size_t i = 0; i < l->n; i++) {
        struct wtl_lease_knob *k = &l->knobs[i];
        if (!k->wrong || check_epoch(k, NULL) < 0)
            continue;
        struct wtl_knob_value wanted = k->record.wanted;
        int rc = wtl_lease_set_now(l, i, wanted, first ? NULL : err);
        *n_set_out += rc == 0;
        first = first ? first : rc;
    }
    return first;
}

static void count(struct wtl_cap_watch *w, const struct wtl_cap_exposure *e, int64_t now_ns)
{
    /* What was set again is mended when the clock has followed. */
    bool exposed = e->n_wrong > 0 || e->excess_w > 0 || (w->exposed && e->n_settling > 0);
    if (w->last_ns != 0 && (exposed || w->exposed))
        w->exposed_s += (double)(now_ns - w->last_ns) / (double)WTL_NS_PER_S;
    w->exposures += exposed && !w->exposed;
    w->blind += e->blind;
    w->exposed = exposed;
    w->last_ns = now_ns;
}

int wtl_cap_watch_step(struct wtl_lease *l, struct wtl_cap_watch *watch, int64_t now_ns,
                       struct wtl_cap_exposure *exposure_out, struct wtl_error *err)
{
    struct wtl_cap_exposure e;
    int rc = check_epochs(l, err);
    int tended = wtl_lease_tend(l, rc ? NULL : err);
    wtl_cap_look(l, &e);
    count(watch, &e, now_ns);
    *exposure_out = e;
    if (tended == -(int)WTL_BUSY)
        return tended;
    rc = rc ? rc : tended;
    if (e.n_wrong > 0) {
        size_t n_set;
        int set = reassert(l, &n_set, rc ? NULL : err);
        watch->failed += set < 0;
        watch->reasserted += set == 0 && n_set > 0;
        rc = rc ? rc : set;
    }
    return rc;
}
