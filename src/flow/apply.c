/* SPDX-License-Identifier: Apache-2.0
 * Plans onto devices. */
#include "flow/apply.h"

#include "base/text.h"
#include "codec/json.h"
#include "core/gpu_name.h"
#include "store/configuration_json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- Which plan ------------------------------------------------------------------------------ */

static bool names(const struct wtl_apply_request *q, const char *gpu, const char *workload)
{
    return (!q->gpu || wtl_same_name(q->gpu, gpu)) &&
           (!q->workload || wtl_same_name(q->workload, workload));
}

static bool matches(const struct wtl_apply_request *q, const struct wtl_plan *p)
{
    return names(q, p->gpu, p->workload);
}

/* "A100 bert, V100 resnet50 (batch 8) and 3 more": what `q` allows, or all of it. Returns buf. */
static const char *plans_held(const struct wtl_apply_request *q, bool all, char buf[300])
{
    size_t used = 0, n = 0, left = 0;
    buf[0] = '\0';
    for (size_t i = 0; i < q->plans->n_plans; i++) {
        const struct wtl_plan *p = &q->plans->plans[i];
        char text[WTL_CONFIGURATION_TEXT];
        bool at = wtl_configuration_format(&p->at, text)[0] != '\0';
        if (!all && !matches(q, p))
            continue;
        if (used + (at ? 130 : 80) > 300)
            left++;
        else
            used += (size_t)snprintf(buf + used, 300 - used,
                                     at ? "%s%.20s %.30s (%.50s)" : "%s%.20s %.30s",
                                     n++ ? ", " : "", p->gpu, p->workload, text);
    }
    for (size_t i = 0; i < q->plans->n_choices; i++) {
        const struct wtl_point_choice *c = &q->plans->choices[i];
        if (!all && !names(q, c->gpu, c->workload))
            continue;
        if (used + 100 > 300)
            left++;
        else
            used += (size_t)snprintf(buf + used, 300 - used, "%s%.20s %.30s (operating point)",
                                     n++ ? ", " : "", c->gpu, c->workload);
    }
    if (left)
        snprintf(buf + used, 300 - used, " and %zu more", left);
    return buf;
}

/* Whether any plan that `q` allows is told from others by its operating point. */
static bool in_configurations(const struct wtl_apply_request *q)
{
    for (size_t i = 0; i < q->plans->n_plans; i++)
        if (matches(q, &q->plans->plans[i]) && !wtl_configuration_is_plain(&q->plans->plans[i].at))
            return true;
    return false;
}

static int several(const struct wtl_apply_request *q, struct wtl_error *err)
{
    char list[300];
    int rc = WTL_FAIL(err, WTL_USAGE, "\"%s\" holds more than one plan", q->plan_path);
    wtl_error_hint(err, "say which with --gpu%s: %s",
                   in_configurations(q) ? ", --workload and --at SETTINGS, or --point"
                                        : " and --workload",
                   plans_held(q, false, list));
    return rc;
}

static int none_such(const struct wtl_apply_request *q, struct wtl_error *err)
{
    char list[300];
    int rc = WTL_FAIL(err, WTL_NOTFOUND, "\"%s\" holds no %s%s%s%s%s", q->plan_path,
                      q->point ? "operating point" : "plan", q->gpu ? " for GPU " : "",
                      q->gpu ? q->gpu : "", q->workload ? " for workload " : "",
                      q->workload ? q->workload : "");
    if (q->plans->n_plans + q->plans->n_choices > 0)
        wtl_error_hint(err, "it holds: %s", plans_held(q, true, list));
    return rc;
}

static int chose_nothing(enum wtl_plan_status status, const char *workload, const char *gpu,
                         const char *what, struct wtl_error *err)
{
    enum wtl_code code = status == WTL_PLAN_INFEASIBLE ? WTL_INFEASIBLE : WTL_UNDECIDED;
    return WTL_FAIL(err, code, "the plan for %s on %s chose no %s: it is %s", workload, gpu, what,
                    wtl_plan_status_name(status));
}

/* Takes out of `at` the power limit, which a device has a knob for. */
static void part(struct wtl_apply_target *t)
{
    t->by_hand = (struct wtl_configuration){.point = t->at.point};
    if (!wtl_point_has(&t->at.point, WTL_SETTING_limit_w))
        return;
    t->limit_w = t->at.point.value[WTL_SETTING_limit_w];
    t->by_hand.point.valid &= ~(UINT32_C(1) << WTL_SETTING_limit_w);
}

/* Memory clocks that differ between points are part of the choice; one that all have is what was
 * there. */
static bool chooses_memory(const struct wtl_point_choice *c)
{
    for (size_t i = 1; i < c->n_points; i++)
        if (c->points[i].at.mem_clock_mhz != c->points[0].at.mem_clock_mhz)
            return true;
    return false;
}

static int target_of_plan(const struct wtl_plan *p, struct wtl_apply_target *out,
                          struct wtl_error *err)
{
    if (p->status != WTL_PLAN_OK || p->clock_mhz <= 0)
        return chose_nothing(p->status, p->workload, p->gpu, "clock", err);
    *out = (struct wtl_apply_target){.gpu = p->gpu,
                                     .workload = p->workload,
                                     .from = &p->made_from,
                                     .at = p->at,
                                     .clock_mhz = p->clock_mhz};
    part(out);
    return 0;
}

static int target_of_choice(const struct wtl_point_choice *c, struct wtl_apply_target *out,
                            struct wtl_error *err)
{
    if (c->status != WTL_PLAN_OK || c->chosen < 0)
        return chose_nothing(c->status, c->workload, c->gpu, "operating point", err);
    const struct wtl_measured_point *p = &c->points[c->chosen];
    *out = (struct wtl_apply_target){.gpu = c->gpu,
                                     .workload = c->workload,
                                     .from = &c->made_from,
                                     .of_point = true,
                                     .at = p->at,
                                     .clock_mhz = p->clock_mhz,
                                     .mem_clock_mhz = chooses_memory(c) ? p->at.mem_clock_mhz : 0};
    part(out);
    return 0;
}

static int choose_target(const struct wtl_apply_request *q, struct wtl_apply_target *out,
                         struct wtl_error *err)
{
    const struct wtl_plan *plan = NULL;
    const struct wtl_point_choice *choice = NULL;
    size_t n_plans = 0, n_choices = 0;
    for (size_t i = 0; i < q->plans->n_plans && !q->point; i++)
        if (matches(q, &q->plans->plans[i])) {
            plan = &q->plans->plans[i];
            n_plans++;
        }
    for (size_t i = 0; i < q->plans->n_choices; i++)
        if (names(q, q->plans->choices[i].gpu, q->plans->choices[i].workload)) {
            choice = &q->plans->choices[i];
            n_choices++;
        }
    if (n_plans > 1 || (n_plans == 0 && n_choices > 1))
        return several(q, err);
    if (n_plans + n_choices == 0)
        return none_such(q, err);
    return plan ? target_of_plan(plan, out, err) : target_of_choice(choice, out, err);
}

const char *wtl_apply_target_text(const struct wtl_apply_target *t,
                                  char buf[WTL_MEASURED_POINT_TEXT])
{
    const struct wtl_measured_point p = {.at = t->at, .clock_mhz = t->clock_mhz};
    return wtl_measured_point_format(&p, buf);
}

/* Nothing to lease: what it chose is for whoever starts the workload. */
static int check_knobs(const struct wtl_apply_target *t, struct wtl_error *err)
{
    char text[WTL_MEASURED_POINT_TEXT];
    if (t->clock_mhz || t->mem_clock_mhz || t->limit_w > 0)
        return 0;
    int rc = WTL_FAIL(err, WTL_UNSUPPORTED,
                      "nothing of the operating point of %s on %s is a clock or a power limit: "
                      "there is nothing to set here",
                      t->workload, t->gpu);
    wtl_error_hint(err, "start the workload with %s", wtl_apply_target_text(t, text));
    return rc;
}

/* ---- Which devices --------------------------------------------------------------------------- */

static bool goes_by(const char *gpu, const struct wtl_device_info *info)
{
    char short_name[WTL_LIMIT_NAME], model[WTL_LIMIT_NAME];
    wtl_gpu_short_name(info->name, short_name, sizeof short_name);
    wtl_gpu_model(info->name, model, sizeof model);
    return wtl_same_name(gpu, short_name) || wtl_same_name(gpu, model);
}

/* Of different boards that were measured together (which have no model in common), each does. */
static bool fits(const char *gpu, const struct wtl_made_from *from,
                 const struct wtl_device_info *info)
{
    char model[WTL_LIMIT_NAME], part[WTL_LIMIT_NAME];
    wtl_gpu_model(info->name, model, sizeof model);
    if (from->board[0])
        return wtl_same_name(from->board, model);
    while (wtl_gpu_next_part(&gpu, part, sizeof part))
        if (goes_by(part, info))
            return true;
    return false;
}

bool wtl_plan_fits_device(const struct wtl_plan *plan, const struct wtl_device_info *info)
{
    return fits(plan->gpu, &plan->made_from, info);
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

static const char *board_of(const struct wtl_apply_target *t)
{
    return t->from->board[0] ? t->from->board : t->gpu;
}

static int check_board(const struct wtl_apply_request *q, const struct wtl_apply_target *t,
                       const struct wtl_device_info *info, struct wtl_error *err)
{
    if (q->force || fits(t->gpu, t->from, info))
        return 0;
    int rc = WTL_FAIL(err, WTL_USAGE, "%s is %s %s; the plan was made on %s %s", info->id,
                      wtl_article(info->name), info->name, wtl_article(board_of(t)), board_of(t));
    wtl_error_hint(err, "clocks of one board say nothing of another; --force sets it all the same");
    return rc;
}

/* A point of different boards is one of all of them: it was measured nowhere on a part. */
static int check_parts(const struct wtl_apply_request *q, const struct wtl_apply_target *t,
                       const struct wtl_lease_want *wants, size_t n, struct wtl_error *err)
{
    const char *at = t->gpu;
    char part[WTL_LIMIT_NAME];
    if (q->force || t->from->board[0] || !strstr(t->gpu, " + "))
        return 0;
    while (wtl_gpu_next_part(&at, part, sizeof part)) {
        bool found = false;
        for (size_t i = 0; i < n; i++)
            found = found || goes_by(part, wtl_device_info(wants[i].device));
        if (found)
            continue;
        int rc = WTL_FAIL(err, WTL_USAGE,
                          "the plan was made on %s together; there is no %s among "
                          "the devices",
                          t->gpu, part);
        wtl_error_hint(err, "name all of them, -i ID each; --force sets a part all the same");
        return rc;
    }
    return 0;
}

/* One want for each knob of the target. */
static size_t want_knobs(const struct wtl_apply_target *t, struct wtl_device *device,
                         struct wtl_lease_want *wants)
{
    size_t n = 0;
    if (t->clock_mhz)
        wants[n++] = (struct wtl_lease_want){.device = device, .knob = WTL_KNOB_sm_clock_mhz};
    if (t->mem_clock_mhz)
        wants[n++] = (struct wtl_lease_want){.device = device, .knob = WTL_KNOB_mem_clock_mhz};
    if (t->limit_w > 0)
        wants[n++] = (struct wtl_lease_want){.device = device, .knob = WTL_KNOB_power_limit_w};
    return n;
}

static int choose_devices(const struct wtl_apply_request *q, const struct wtl_apply_target *t,
                          struct wtl_arena *arena, struct wtl_machine *machine,
                          struct wtl_lease_want **wants_out, size_t *n_out, struct wtl_error *err)
{
    size_t n = 0, all = wtl_machine_count(machine);
    struct wtl_lease_want *wants = WTL_NEW_ARRAY(arena, struct wtl_lease_want, 3 * all + 1);
    if (!wants)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < all; i++) {
        struct wtl_device *d = wtl_machine_device(machine, i);
        const struct wtl_device_info *info = wtl_device_info(d);
        int rc = q->n_ids ? check_board(q, t, info, err) : 0;
        if (rc < 0)
            return rc;
        if (q->n_ids || (info->kind == WTL_DEVICE_GPU && fits(t->gpu, t->from, info)))
            n += want_knobs(t, d, wants + n);
    }
    if (n == 0) {
        int rc = WTL_FAIL(err, WTL_NOTFOUND, "there is no %s here, which the plan was made on",
                          board_of(t));
        wtl_error_hint(err, "`wattle devices` lists what there is; -i ID names one");
        return rc;
    }
    int rc = check_parts(q, t, wants, n, err);
    if (rc < 0)
        return rc;
    *wants_out = wants;
    *n_out = n;
    return 0;
}

/* ---- Doing it -------------------------------------------------------------------------------- */

/* What the target has for a knob, as the board spells it. */
static struct wtl_knob_value value_for(const struct wtl_apply_target *t,
                                       const struct wtl_lease_knob *k)
{
    if (k->record.knob == WTL_KNOB_power_limit_w)
        return wtl_knob_at(t->limit_w);
    double mhz = k->record.knob == WTL_KNOB_mem_clock_mhz ? t->mem_clock_mhz : t->clock_mhz;
    (void)wtl_plan_legal_mhz(&k->range, mhz, &mhz); /* what is not is refused by who sets it */
    return wtl_knob_at(mhz);
}

static int fill_moves(const struct wtl_apply_target *t, const struct wtl_lease_knob *knobs,
                      size_t n, struct wtl_arena *arena, struct wtl_knob_move **out,
                      struct wtl_error *err)
{
    struct wtl_knob_move *moves = WTL_NEW_ARRAY(arena, struct wtl_knob_move, n + 1);
    if (!moves)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        const struct wtl_lease_knob *k = &knobs[i];
        struct wtl_knob_move *m = &moves[i];
        m->device = wtl_arena_strdup(arena, k->info->id);
        m->device_name = wtl_arena_strdup(arena, k->info->name);
        m->knob = k->record.knob;
        m->from_known = k->found.known || k->record.seq > 0;
        m->from = k->found.known ? k->found.requested : k->record.wanted;
        m->to = value_for(t, k);
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
    rc = fill_moves(&r->target, wtl_lease_knob(lease, 0), wtl_lease_count(lease), arena, &r->moves,
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
    return rc ? rc : fill_moves(&r->target, knobs, request->n_wants, arena, &r->moves, err);
}

static void describe(const struct wtl_apply_target *t, char purpose[WTL_LEASE_TEXT])
{
    char title[WTL_CONFIGURED_NAME], text[WTL_MEASURED_POINT_TEXT];
    if (t->of_point)
        snprintf(purpose, WTL_LEASE_TEXT, "plan %.40s on %.40s: %.60s", t->workload, t->gpu,
                 wtl_apply_target_text(t, text));
    else
        snprintf(purpose, WTL_LEASE_TEXT, "plan %.80s on %.40s: %d MHz",
                 wtl_configured_name(t->workload, &t->at, title), t->gpu, t->clock_mhz);
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
    int rc = choose_target(q, &r->target, err);
    rc = rc ? rc : check_knobs(&r->target, err);
    rc = rc ? rc
            : wtl_hold_open(flow, arena, q->ids, q->n_ids, "wattle apply", q->dry_run, &r->hold,
                            err);
    rc = rc ? rc : choose_devices(q, &r->target, arena, r->hold.machine, &wants, &n, err);
    if (rc == 0) {
        wtl_holder_on_change(r->hold.holder, q->changing);
        describe(&r->target, purpose);
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
    const struct wtl_apply_target *t = &r->target;
    char by_hand[WTL_CONFIGURATION_TEXT];
    json_t *o = json_pack("{s:o, s:o, s:o, s:b, s:o, s:o}", "gpu", wtl_json_text(t->gpu),
                          "workload", wtl_json_text(t->workload), "clock_mhz",
                          t->clock_mhz ? json_integer(t->clock_mhz) : json_null(), "dry_run",
                          (int)r->dry_run, "lease",
                          r->lease.id ? wtl_lease_json(&r->lease, WTL_PROCESS_RUNS) : json_null(),
                          "moves", moves);
    wtl_configuration_put(&o, &t->at);
    if (wtl_configuration_format(&t->by_hand, by_hand)[0])
        wtl_json_put(&o, "by_hand", wtl_json_text(by_hand));
    return o;
}
