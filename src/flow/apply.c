/* SPDX-License-Identifier: Apache-2.0
 * Plans onto devices. */
#include "flow/apply.h"

#include "base/text.h"
#include "codec/json.h"
#include "core/gpu_name.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- Which plan ------------------------------------------------------------------------------ */

static bool matches(const struct wtl_apply_request *q, const struct wtl_plan *p)
{
    return (!q->gpu || wtl_same_name(q->gpu, p->gpu)) &&
           (!q->workload || wtl_same_name(q->workload, p->workload));
}

/* "A100 bert, V100 resnet50 and 3 more": what `q` allows, or all of it. Returns buf. */
static const char *plans_held(const struct wtl_apply_request *q, bool all, char buf[300])
{
    size_t used = 0, n = 0, left = 0;
    buf[0] = '\0';
    for (size_t i = 0; i < q->plans->n_plans; i++) {
        const struct wtl_plan *p = &q->plans->plans[i];
        if (!all && !matches(q, p))
            continue;
        if (used + 80 > 300)
            left++;
        else
            used += (size_t)snprintf(buf + used, 300 - used, "%s%.20s %.30s", n++ ? ", " : "",
                                     p->gpu, p->workload);
    }
    if (left)
        snprintf(buf + used, 300 - used, " and %zu more", left);
    return buf;
}

static int several(const struct wtl_apply_request *q, struct wtl_error *err)
{
    char list[300];
    int rc = WTL_FAIL(err, WTL_USAGE, "\"%s\" holds more than one plan", q->plan_path);
    wtl_error_hint(err, "say which with --gpu and --workload: %s", plans_held(q, false, list));
    return rc;
}

static int none_such(const struct wtl_apply_request *q, struct wtl_error *err)
{
    char list[300];
    int rc = WTL_FAIL(err, WTL_NOTFOUND, "\"%s\" holds no plan%s%s%s%s", q->plan_path,
                      q->gpu ? " for GPU " : "", q->gpu ? q->gpu : "",
                      q->workload ? " for workload " : "", q->workload ? q->workload : "");
    if (q->plans->n_plans > 0)
        wtl_error_hint(err, "it holds: %s", plans_held(q, true, list));
    return rc;
}

static int choose_plan(const struct wtl_apply_request *q, const struct wtl_plan **out,
                       struct wtl_error *err)
{
    const struct wtl_plan *found = NULL;
    for (size_t i = 0; i < q->plans->n_plans; i++) {
        if (!matches(q, &q->plans->plans[i]))
            continue;
        if (found)
            return several(q, err);
        found = &q->plans->plans[i];
    }
    if (!found)
        return none_such(q, err);
    if (found->status == WTL_PLAN_OK && found->clock_mhz > 0) {
        *out = found;
        return 0;
    }
    enum wtl_code code = found->status == WTL_PLAN_INFEASIBLE ? WTL_INFEASIBLE : WTL_UNDECIDED;
    return WTL_FAIL(err, code, "the plan for %s on %s chose no clock: it is %s", found->workload,
                    found->gpu, wtl_plan_status_name(found->status));
}

/* ---- Which devices --------------------------------------------------------------------------- */

bool wtl_plan_fits_device(const struct wtl_plan *plan, const struct wtl_device_info *info)
{
    char short_name[WTL_LIMIT_NAME], model[WTL_LIMIT_NAME];
    wtl_gpu_short_name(info->name, short_name, sizeof short_name);
    wtl_gpu_model(info->name, model, sizeof model);
    if (plan->made_from.board[0])
        return wtl_same_name(plan->made_from.board, model);
    return wtl_same_name(plan->gpu, short_name) || wtl_same_name(plan->gpu, model);
}

bool wtl_plan_legal_mhz(const struct wtl_knob_range *r, double mhz, double *legal_out)
{
    for (size_t i = 0; i < r->n_steps; i++)
        if (fabs(r->steps[i] - mhz) < 1) {
            *legal_out = r->steps[i];
            return true;
        }
    if (r->n_steps > 0 || !(mhz >= r->min && mhz <= r->max))
        return false;
    *legal_out = mhz;
    return true;
}

static const char *board_of(const struct wtl_plan *plan)
{
    return plan->made_from.board[0] ? plan->made_from.board : plan->gpu;
}

static int check_board(const struct wtl_apply_request *q, const struct wtl_plan *plan,
                       const struct wtl_device_info *info, struct wtl_error *err)
{
    if (q->force || wtl_plan_fits_device(plan, info))
        return 0;
    int rc =
        WTL_FAIL(err, WTL_USAGE, "%s is %s %s; the plan was made on %s %s", info->id,
                 wtl_article(info->name), info->name, wtl_article(board_of(plan)), board_of(plan));
    wtl_error_hint(err, "clocks of one board say nothing of another; --force sets it all the same");
    return rc;
}

static int choose_devices(const struct wtl_apply_request *q, const struct wtl_plan *plan,
                          struct wtl_arena *arena, struct wtl_machine *machine,
                          struct wtl_lease_want **wants_out, size_t *n_out, struct wtl_error *err)
{
    size_t n = 0, all = wtl_machine_count(machine);
    struct wtl_lease_want *wants = WTL_NEW_ARRAY(arena, struct wtl_lease_want, all + 1);
    if (!wants)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < all; i++) {
        struct wtl_device *d = wtl_machine_device(machine, i);
        const struct wtl_device_info *info = wtl_device_info(d);
        int rc = q->n_ids ? check_board(q, plan, info, err) : 0;
        if (rc < 0)
            return rc;
        if (q->n_ids || (info->kind == WTL_DEVICE_GPU && wtl_plan_fits_device(plan, info)))
            wants[n++] = (struct wtl_lease_want){.device = d, .knob = WTL_KNOB_sm_clock_mhz};
    }
    if (n == 0) {
        int rc = WTL_FAIL(err, WTL_NOTFOUND, "there is no %s here, which the plan was made on",
                          board_of(plan));
        wtl_error_hint(err, "`wattle devices` lists what there is; -i ID names one");
        return rc;
    }
    *wants_out = wants;
    *n_out = n;
    return 0;
}

/* ---- Doing it -------------------------------------------------------------------------------- */

static int fill_moves(const struct wtl_plan *plan, const struct wtl_lease_knob *knobs, size_t n,
                      struct wtl_arena *arena, struct wtl_knob_move **out, struct wtl_error *err)
{
    struct wtl_knob_move *moves = WTL_NEW_ARRAY(arena, struct wtl_knob_move, n + 1);
    if (!moves)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        const struct wtl_lease_knob *k = &knobs[i];
        struct wtl_knob_move *m = &moves[i];
        double mhz = plan->clock_mhz;
        (void)wtl_plan_legal_mhz(&k->range, mhz, &mhz); /* what is not is refused below */
        m->device = wtl_arena_strdup(arena, k->info->id);
        m->device_name = wtl_arena_strdup(arena, k->info->name);
        m->knob = k->record.knob;
        m->from_known = k->found.known || k->record.seq > 0;
        m->from = k->found.known ? k->found.requested : k->record.wanted;
        m->to = wtl_knob_at(mhz);
        int rc = wtl_lease_check_value(k, m->to, err);
        if (rc < 0 || !m->device || !m->device_name)
            return rc < 0 ? rc : WTL_FAIL(err, WTL_NOMEM, "out of memory");
    }
    *out = moves;
    return 0;
}

static int set_all(struct wtl_lease *lease, struct wtl_knob_move *moves, struct wtl_error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < wtl_lease_count(lease); i++) {
        rc = wtl_lease_set(lease, i, moves[i].to, err);
        moves[i].done = rc == 0;
        moves[i].verified = rc == 0 && wtl_lease_knob(lease, i)->found.known;
    }
    return rc;
}

static int lease_it(const struct wtl_apply_request *q, const struct wtl_lease_request *request,
                    struct wtl_arena *arena, struct wtl_apply_result *r, struct wtl_error *err)
{
    struct wtl_lease *lease = NULL;
    int rc = wtl_lease_acquire(r->hold.holder, request, &lease, err);
    if (rc < 0)
        return rc;
    rc = fill_moves(r->plan, wtl_lease_knob(lease, 0), wtl_lease_count(lease), arena, &r->moves,
                    err);
    rc = rc ? rc : set_all(lease, r->moves, err);
    if (rc == 0 && !q->loan)
        rc = wtl_lease_keep(lease, err);
    r->n = wtl_lease_count(lease);
    r->lease = *wtl_lease_record(lease);
    r->lease.knobs = NULL; /* goes with the lease */
    r->lease.n_knobs = 0;
    if (rc == 0 && q->loan) {
        r->loan = lease;
        return 0;
    }
    /* After a failure the error of the set counts; a lease that cannot be put back says so. */
    int closed = wtl_lease_close(lease, rc ? NULL : err);
    return rc ? rc : closed;
}

static int survey_only(const struct wtl_lease_request *request, struct wtl_arena *arena,
                       struct wtl_apply_result *r, struct wtl_error *err)
{
    struct wtl_lease_knob *knobs = NULL;
    int rc = wtl_lease_survey(r->hold.holder, request, arena, &knobs, err);
    r->n = request->n_wants;
    return rc ? rc : fill_moves(r->plan, knobs, request->n_wants, arena, &r->moves, err);
}

int wtl_flow_apply(const struct wtl_flow *flow, const struct wtl_apply_request *q,
                   struct wtl_arena *arena, struct wtl_apply_result *result_out,
                   struct wtl_error *err)
{
    struct wtl_apply_result *r = result_out;
    struct wtl_lease_want *wants = NULL;
    char purpose[WTL_LEASE_TEXT];
    size_t n = 0;
    *r = (struct wtl_apply_result){.dry_run = q->dry_run};
    int rc = choose_plan(q, &r->plan, err);
    rc = rc ? rc
            : wtl_hold_open(flow, arena, q->ids, q->n_ids, "wattle apply", q->dry_run, &r->hold,
                            err);
    rc = rc ? rc : choose_devices(q, r->plan, arena, r->hold.machine, &wants, &n, err);
    if (rc == 0) {
        wtl_holder_on_change(r->hold.holder, q->changing);
        snprintf(purpose, sizeof purpose, "plan %.40s on %.40s: %d MHz", r->plan->workload,
                 r->plan->gpu, r->plan->clock_mhz);
        struct wtl_lease_request request = {.kind = q->loan ? WTL_LEASE_LOAN : WTL_LEASE_STANDING,
                                            .name = q->name,
                                            .purpose = purpose,
                                            .wants = wants,
                                            .n_wants = n,
                                            .take_over = true};
        rc = q->dry_run ? survey_only(&request, arena, r, err)
                        : lease_it(q, &request, arena, r, err);
    }
    if (rc < 0 || !r->loan)
        wtl_hold_close(&r->hold);
    return rc;
}

int wtl_apply_tend(struct wtl_apply_result *r, struct wtl_error *err)
{
    return r->loan ? wtl_lease_tend(r->loan, err) : 0;
}

int wtl_apply_finish(struct wtl_apply_result *r, struct wtl_error *err)
{
    if (!r->loan)
        return 0;
    int rc = wtl_lease_close(r->loan, err);
    r->loan = NULL;
    wtl_hold_close(&r->hold);
    return rc;
}

json_t *wtl_apply_json(const struct wtl_apply_result *r)
{
    json_t *moves = json_array();
    for (size_t i = 0; i < r->n; i++)
        wtl_json_add(&moves, wtl_knob_move_json(&r->moves[i]));
    return json_pack("{s:o, s:o, s:i, s:b, s:o, s:o}", "gpu", wtl_json_text(r->plan->gpu),
                     "workload", wtl_json_text(r->plan->workload), "clock_mhz", r->plan->clock_mhz,
                     "dry_run", (int)r->dry_run, "lease",
                     r->lease.id ? wtl_lease_json(&r->lease, WTL_PROCESS_RUNS) : json_null(),
                     "moves", moves);
}
