/* SPDX-License-Identifier: Apache-2.0
 * Budgets onto devices. */
#include "flow/cap.h"

#include "codec/json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int no_limit(const struct wtl_device_info *info, struct wtl_error *err)
{
    int rc = WTL_FAIL(err, WTL_UNSUPPORTED, "%s has no power limit that could be set", info->id);
    if (info->knobs & WTL_KNOB_BIT(WTL_KNOB_sm_clock_mhz))
        wtl_error_hint(err, "--ceiling PLAN holds it by a ceiling on its clock, from what the runs "
                            "behind the plan drew at most: a soft cap");
    return rc;
}

/* Its limit; else its clock, where a plan says what that is worth. */
static int want(const struct wtl_cap_request *q, struct wtl_device *d, struct wtl_arena *arena,
                struct wtl_lease_want *out, struct wtl_error *err)
{
    const struct wtl_device_info *info = wtl_device_info(d);
    *out = (struct wtl_lease_want){.device = d, .knob = WTL_KNOB_power_limit_w};
    if (info->knobs & WTL_KNOB_BIT(WTL_KNOB_power_limit_w))
        return 0;
    if (!q->ceilings.plans || !(info->knobs & WTL_KNOB_BIT(WTL_KNOB_sm_clock_mhz)))
        return no_limit(info, err);
    out->knob = WTL_KNOB_sm_clock_mhz;
    return wtl_ceiling_of(&q->ceilings, d, arena, &out->ceiling, err);
}

static int choose(const struct wtl_cap_request *q, struct wtl_machine *machine,
                  struct wtl_arena *arena, struct wtl_lease_want **wants_out, size_t *n_out,
                  struct wtl_error *err)
{
    size_t n = wtl_machine_count(machine);
    struct wtl_lease_want *wants = WTL_NEW_ARRAY(arena, struct wtl_lease_want, n + 1);
    int rc = wants ? 0 : WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = want(q, wtl_machine_device(machine, i), arena, &wants[i], err);
    if (rc == 0) {
        *wants_out = wants;
        *n_out = n;
    }
    return rc;
}

/* Splits, and notes what would move. */
static int split(const struct wtl_cap_request *q, const struct wtl_lease_knob *knobs, size_t n,
                 struct wtl_arena *arena, struct wtl_cap_result *r, double **limits_out,
                 struct wtl_error *err)
{
    struct wtl_cap_board *boards = WTL_NEW_ARRAY(arena, struct wtl_cap_board, n + 1);
    double *limits_w = WTL_NEW_ARRAY(arena, double, n + 1);
    r->moves = WTL_NEW_ARRAY(arena, struct wtl_knob_move, n + 1);
    if (!boards || !limits_w || !r->moves)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = wtl_cap_board(&knobs[i], &boards[i], err);
    rc = rc ? rc : wtl_cap_split(boards, n, q->budget_w, q->base_w, limits_w, err);
    if (rc < 0)
        return rc;
    r->n = n;
    for (size_t i = 0; i < n; i++) {
        const struct wtl_lease_knob *k = &knobs[i];
        r->limits_w = round((r->limits_w + limits_w[i]) * 1e6) * 1e-6; /* for people to read */
        r->moves[i] = (struct wtl_knob_move){.device = wtl_arena_strdup(arena, k->info->id),
                                             .device_name = wtl_arena_strdup(arena, k->info->name),
                                             .knob = k->record.knob,
                                             .from_known = k->found.known,
                                             .from = k->found.requested,
                                             .to = wtl_cap_value(k, limits_w[i]),
                                             .soft = k->record.ceiling.n > 0,
                                             .soft_w = limits_w[i]};
        r->soft = r->soft || r->moves[i].soft;
        if (!r->moves[i].device || !r->moves[i].device_name)
            return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    }
    *limits_out = limits_w;
    return 0;
}

static int enforce(const struct wtl_cap_request *q, struct wtl_lease *lease,
                   struct wtl_arena *arena, struct wtl_cap_result *r, struct wtl_error *err)
{
    double *limits_w = NULL;
    int rc = split(q, wtl_lease_knob(lease, 0), wtl_lease_count(lease), arena, r, &limits_w, err);
    rc = rc ? rc : wtl_cap_enforce(lease, limits_w, err);
    rc = rc || q->loan ? rc : wtl_lease_keep(lease, err);
    for (size_t i = 0; i < r->n; i++) {
        const struct wtl_lease_knob *k = wtl_lease_knob(lease, i);
        struct wtl_knob_move *m = &r->moves[i];
        m->verified = k->found.known && wtl_knob_same(m->knob, k->found.requested, m->to);
        m->done =
            m->verified || (m->soft && !k->found.known && !k->uncertain && k->record.seq > 0 &&
                            wtl_knob_same(m->knob, k->record.wanted, m->to));
    }
    return rc;
}

static int lease_it(const struct wtl_cap_request *q, const struct wtl_lease_request *request,
                    struct wtl_arena *arena, struct wtl_cap_result *r, struct wtl_error *err)
{
    struct wtl_lease *lease = NULL;
    int rc = wtl_lease_acquire(r->hold.holder, request, &lease, err);
    if (rc < 0)
        return rc;
    r->changed = wtl_lease_was_taken_over(lease);
    rc = enforce(q, lease, arena, r, err);
    r->lease = *wtl_lease_record(lease);
    r->lease.knobs = NULL; /* goes with the lease */
    r->lease.n_knobs = 0;
    if (rc == 0 && (q->watch || q->loan)) {
        r->lent = lease;
        return 0;
    }
    if (rc < 0 && r->changed && err && !err->hint[0])
        wtl_error_hint(err, "the change is not whole: limits keep the larger of the two budgets, "
                            "and `wattle status` shows them; try again");
    int closed = wtl_lease_close(lease, rc ? NULL : err);
    return rc ? rc : closed;
}

static int survey(const struct wtl_cap_request *q, const struct wtl_lease_request *request,
                  struct wtl_arena *arena, struct wtl_cap_result *r, struct wtl_error *err)
{
    struct wtl_lease_knob *knobs = NULL;
    double *limits_w = NULL;
    int rc = wtl_lease_survey(r->hold.holder, request, arena, &knobs, err);
    return rc ? rc : split(q, knobs, request->n_wants, arena, r, &limits_w, err);
}

static int cap_once(const struct wtl_flow *flow, const struct wtl_cap_request *q,
                    struct wtl_arena *arena, struct wtl_cap_result *r, struct wtl_error *err)
{
    struct wtl_lease_want *wants = NULL;
    char purpose[WTL_LEASE_TEXT];
    size_t n = 0;
    *r = (struct wtl_cap_result){
        .budget_w = q->budget_w, .base_w = q->base_w, .dry_run = q->dry_run};
    if (q->n_ids == 0)
        return WTL_FAIL(err, WTL_USAGE, "a cap needs the devices that it is for: -i ID");
    int rc = wtl_cap_check_budget(q->budget_w, q->base_w, err);
    rc = rc ? rc
            : wtl_hold_open(flow, arena, q->ids, q->n_ids, "wattle cap", q->dry_run, &r->hold, err);
    rc = rc ? rc : choose(q, r->hold.machine, arena, &wants, &n, err);
    if (rc == 0) {
        wtl_holder_on_change(r->hold.holder, q->changing);
        snprintf(purpose, sizeof purpose, "cap %g W", q->budget_w);
        struct wtl_lease_request request = {.kind = q->loan ? WTL_LEASE_LOAN : WTL_LEASE_STANDING,
                                            .name = q->name,
                                            .purpose = purpose,
                                            .wants = wants,
                                            .n_wants = n,
                                            .has_budget = true,
                                            .budget_w = q->budget_w,
                                            .base_w = q->base_w,
                                            .take_over = true};
        rc = q->dry_run ? survey(q, &request, arena, r, err) : lease_it(q, &request, arena, r, err);
    }
    if (rc < 0 || !r->lent)
        wtl_hold_close(&r->hold);
    return rc;
}

/* What a watch needs when the devices are lost. */
static int prepare_renewal(struct wtl_arena *arena, struct wtl_cap_result *r, struct wtl_error *err)
{
    struct wtl_arena *again = WTL_NEW(arena, struct wtl_arena);
    r->ids = WTL_NEW_ARRAY(arena, const char *, r->n + 1);
    if (!again || !r->ids)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    wtl_arena_init(again, wtl_alloc_system());
    for (size_t i = 0; i < r->n; i++)
        r->ids[i] = r->moves[i].device;
    r->n_ids = r->n;
    r->again = again;
    return 0;
}

int wtl_flow_cap(const struct wtl_flow *flow, const struct wtl_cap_request *q,
                 struct wtl_arena *arena, struct wtl_cap_result *result_out, struct wtl_error *err)
{
    int rc = cap_once(flow, q, arena, result_out, err);
    if (rc == 0 && result_out->lent)
        rc = prepare_renewal(arena, result_out, err);
    if (rc < 0)
        (void)wtl_cap_finish(result_out, NULL);
    return rc;
}

static int64_t monotonic_ns(void)
{
    struct wtl_clock clock = wtl_clock_system();
    return clock.monotonic_ns(clock.ctx);
}

int wtl_cap_tend(struct wtl_cap_result *r, struct wtl_error *err)
{
    return wtl_cap_watch_step(r->lent, &r->watch, monotonic_ns(), &r->exposure, err);
}

static int let_go(struct wtl_cap_result *r, struct wtl_error *err)
{
    int rc = r->lent ? wtl_lease_close(r->lent, err) : 0;
    r->lent = NULL;
    wtl_hold_close(&r->hold);
    return rc;
}

int wtl_cap_renew(const struct wtl_flow *flow, const struct wtl_cap_request *q,
                  struct wtl_cap_result *r, struct wtl_error *err)
{
    struct wtl_cap_request same = *q;
    struct wtl_cap_watch watch = r->watch;
    struct wtl_arena *again = r->again;
    const char **ids = r->ids;
    size_t n_ids = r->n_ids;
    (void)let_go(r, NULL); /* kept: it stays in force */
    wtl_arena_reset(again);
    same.ids = ids;
    same.n_ids = n_ids;
    watch.exposures += !watch.exposed;
    watch.exposed = true;
    int rc = cap_once(flow, &same, again, r, err); /* in place: a hold is not to be moved */
    r->watch = watch;
    r->again = again;
    r->ids = ids;
    r->n_ids = n_ids;
    int64_t now_ns = monotonic_ns();
    r->watch.exposed_s += (double)(now_ns - watch.last_ns) / (double)WTL_NS_PER_S;
    r->watch.last_ns = now_ns;
    if (rc < 0)
        return rc;
    r->watch.exposed = false;
    wtl_cap_look(r->lent, &r->exposure);
    return 0;
}

int wtl_cap_finish(struct wtl_cap_result *r, struct wtl_error *err)
{
    int rc = let_go(r, err);
    if (r->again)
        wtl_arena_fini(r->again);
    r->again = NULL;
    return rc;
}

json_t *wtl_cap_json(const struct wtl_cap_result *r)
{
    json_t *moves = json_array();
    for (size_t i = 0; i < r->n; i++)
        wtl_json_add(&moves, wtl_knob_move_json(&r->moves[i]));
    return json_pack(
        "{s:o, s:o, s:o, s:b, s:b, s:b, s:o, s:o}", "budget_w", wtl_json_finite(r->budget_w),
        "base_w", wtl_json_finite(r->base_w), "limits_w", wtl_json_finite(r->limits_w), "soft",
        (int)r->soft, "dry_run", (int)r->dry_run, "changed", (int)r->changed, "lease",
        r->lease.id ? wtl_lease_json(&r->lease, WTL_PROCESS_RUNS) : json_null(), "moves", moves);
}
