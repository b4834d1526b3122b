/* SPDX-License-Identifier: Apache-2.0
 * Blocks and visits of a sweep, and what is stored of them. */
#include "lab/sweep_impl.h"

#include "codec/json.h"
#include "lab/blocks.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- Observations ---------------------------------------------------------------------------- */

static int observe(struct sweep *s, const struct wtl_visit *v, const struct wtl_run *run,
                   struct wtl_error *err)
{
    struct lane *l = &s->lanes[v->workload];
    s->n_visits++;
    s->n_infeasible += v->outcome == WTL_VISIT_infeasible;
    s->n_invalid += v->outcome == WTL_VISIT_invalid;
    s->n_runs += v->outcome == WTL_VISIT_done;
    if (v->outcome == WTL_VISIT_invalid)
        (void)snprintf(l->disturbed, sizeof l->disturbed, "%s", v->why);
    if (v->outcome == WTL_VISIT_infeasible)
        l->found_infeasible[v->point] = v->block;
    if (run && !(l->idle_w[v->point] > 0))
        l->idle_w[v->point] = wtl_run_get(run, WTL_R_idle_power_w, 0);
    if (v->outcome != WTL_VISIT_done || !run)
        return 0;
    const double work = wtl_run_get(run, WTL_R_work_units, 0);
    const double time_s = wtl_run_get(run, WTL_R_time_s, 0);
    const double energy_j = wtl_run_get(run, WTL_R_energy_j, 0);
    if (!(work > 0 && time_s > 0 && energy_j > 0))
        return 0;
    if (wtl_grow(s->arena, &l->obs, l->n_obs, &l->cap_obs))
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    l->obs[l->n_obs++] = (struct wtl_observation){.block = v->block,
                                                  .point = v->point,
                                                  .log_time = log(time_s / work),
                                                  .log_energy = log(energy_j / work)};
    return 0;
}

static const struct wtl_run *run_of(const struct wtl_run *runs, size_t n, int64_t id)
{
    for (size_t i = 0; i < n; i++)
        if (runs[i].id == id)
            return &runs[i];
    return NULL;
}

/* Takes in what earlier starts stored. */
static int recall(struct sweep *s, struct wtl_error *err)
{
    WTL_ARENA(scratch);
    struct wtl_run *runs = NULL;
    size_t n = 0;
    int rc = s->n_stored && s->source_id
                 ? wtl_campaign_runs_of(s->q->campaign, s->source_id, &scratch, &runs, &n, err)
                 : 0;
    for (size_t i = 0; rc == 0 && i < s->n_stored; i++) {
        const struct wtl_visit *v = &s->stored[i];
        if (v->workload < 0 || (size_t)v->workload >= s->spec->n_workloads || v->point < 0 ||
            (size_t)v->point >= s->plan->points.n)
            return WTL_FAIL(err, WTL_CORRUPT,
                            "the stored sweep has visits of points that it lacks");
        rc = observe(s, v, run_of(runs, n, v->run_id), err);
    }
    return rc;
}

/* The stored visits of a place in the schedule: whether it is settled, and how many attempts it
 * had. */
static bool is_settled(const struct sweep *s, const struct wtl_slot *slot, int block, int position,
                       int *attempts_out)
{
    bool settled = false;
    *attempts_out = 0;
    for (size_t i = 0; i < s->n_stored; i++) {
        const struct wtl_visit *v = &s->stored[i];
        if (v->block != block || v->position != position || v->workload != slot->workload ||
            v->point != slot->point)
            continue;
        settled = settled || v->outcome != WTL_VISIT_invalid;
        *attempts_out = v->attempt > *attempts_out ? v->attempt : *attempts_out;
    }
    return settled || *attempts_out >= s->spec->protocol.attempts;
}

/* ---- Storing --------------------------------------------------------------------------------- */

static int store_run(struct sweep *s, const struct wtl_visit *v, struct wtl_visit_result *r,
                     int64_t *run_id, struct wtl_error *err)
{
    struct wtl_run *run = &r->run;
    memcpy(run->gpu, s->gpu, sizeof run->gpu);
    memcpy(run->workload, s->spec->workloads[v->workload].name, sizeof run->workload);
    memcpy(run->job, s->spec->name, sizeof run->job);
    run->source_id = s->source_id;
    run->rep = v->block;
    run->seq = (int64_t)s->n_visits + 1;
    /* It is the point's, and measured once: whoever asks for it looks at all runs. */
    const double idle_w = s->lanes[v->workload].idle_w[v->point];
    if (idle_w > 0 && !wtl_run_has(run, WTL_R_idle_power_w))
        wtl_run_set(run, WTL_R_idle_power_w, idle_w);
    int rc = wtl_campaign_add_run(s->q->campaign, run, run_id, err);
    for (size_t i = 0; rc == 0 && i < r->n_chunks; i++)
        rc = wtl_campaign_add_chunk(s->q->campaign, *run_id, r->chunks[i].data, r->chunks[i].size,
                                    err);
    return rc;
}

/* A visit with its run and samples, in one step. */
static int store(struct sweep *s, struct wtl_visit *v, struct wtl_visit_result *r,
                 struct wtl_error *err)
{
    int rc = wtl_campaign_begin(s->q->campaign, err);
    if (rc == 0 && r->measured)
        rc = store_run(s, v, r, &v->run_id, err);
    rc = rc ? rc : wtl_campaign_add_visit(s->q->campaign, v, err);
    rc = rc ? rc : wtl_campaign_commit(s->q->campaign, err);
    if (rc < 0)
        wtl_campaign_rollback(s->q->campaign);
    return rc;
}

/* ---- Progress -------------------------------------------------------------------------------- */

static void fill_best(struct sweep *s, int workload, struct wtl_sweep_progress *p)
{
    const struct lane *l = &s->lanes[workload];
    if (l->state.best >= s->plan->points.n)
        return;
    p->best = &s->plan->points.items[l->state.best];
}

static void tell(struct sweep *s, const struct wtl_visit *v, const struct wtl_visit_result *r,
                 size_t n_left)
{
    struct wtl_sweep_progress p = {.n_done = s->n_visits,
                                   .block = v->block,
                                   .workload = s->spec->workloads[v->workload].name,
                                   .point = &s->plan->points.items[v->point],
                                   .anchor = v->anchor,
                                   .visit = v,
                                   .result = r};
    WTL_ARENA(scratch);
    struct lane *l = &s->lanes[v->workload];
    struct wtl_estimates e;
    if (!s->q->on_visit)
        return;
    p.n_expected = s->n_visits + n_left;
    p.seconds_left = s->n_new ? (double)n_left * s->seconds_new / (double)s->n_new : 0;
    fill_best(s, v->workload, &p);
    if (p.best &&
        wtl_estimate(&scratch, l->obs, l->n_obs, s->plan->points.n, s->plan->points.reference,
                     wtl_objective_exponent(&s->spec->objective), &e, NULL) == 0 &&
        e.points[l->state.best].n) {
        p.has_best = true;
        p.best_saving = 1 - exp(e.points[l->state.best].log_cost);
    }
    s->q->on_visit(s->q->ctx, &p);
}

/* ---- Blocks ---------------------------------------------------------------------------------- */

/* What earlier blocks say of the next one: those after `block` are not looked at, so that a sweep
 * that goes on decides as it did. */
static int decide(struct sweep *s, int workload, int block, struct wtl_error *err)
{
    WTL_ARENA(scratch);
    struct lane *l = &s->lanes[workload];
    const struct wtl_lab_points *points = &s->plan->points;
    struct wtl_observation *before = WTL_NEW_ARRAY(&scratch, struct wtl_observation, l->n_obs + 1);
    struct wtl_estimates e;
    size_t n = 0;
    if (!before)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    if (l->found_infeasible[points->reference])
        return WTL_FAIL(err, WTL_INFEASIBLE, "the reference point of %s cannot be had",
                        s->spec->workloads[workload].name);
    for (size_t i = 0; i < l->n_obs; i++)
        if (l->obs[i].block < block)
            before[n++] = l->obs[i];
    for (size_t i = 0; i < points->n; i++)
        l->infeasible[i] = (l->found_infeasible[i] && l->found_infeasible[i] < block) ||
                           (s->plan->wanted && !s->plan->wanted[(size_t)workload * points->n + i]);
    int rc = wtl_estimate(&scratch, before, n, points->n, points->reference,
                          wtl_objective_exponent(&s->spec->objective), &e, err);
    const struct wtl_search_problem problem = {.points = points,
                                               .estimates = n ? &e : NULL,
                                               .infeasible = l->infeasible,
                                               .search = s->spec->search,
                                               .protocol = &s->spec->protocol,
                                               .indifference = s->spec->indifference,
                                               .has_max_slowdown = s->spec->has_max_slowdown,
                                               .max_slowdown = s->spec->max_slowdown,
                                               .block = block - s->first_block + 1};
    rc = rc ? rc : wtl_search_next(&scratch, &problem, l->active, &l->state, err);
    if (rc < 0)
        return rc;
    (void)snprintf(l->why, sizeof l->why, "%s", l->state.why);
    if (l->rests && !l->state.done)
        (void)snprintf(l->why, sizeof l->why, "it had come to its end before");
    if (l->state.done || l->rests)
        memset(l->active, 0, points->n * sizeof *l->active);
    else
        l->n_blocks = block;
    memcpy(s->active + (size_t)workload * points->n, l->active, points->n * sizeof *l->active);
    if (s->q->on_block)
        s->q->on_block(s->q->ctx, block, s->spec->workloads[workload].name, &l->state);
    return 0;
}

static void note_began(struct sweep *s, struct lane *l, const struct wtl_visit_result *r)
{
    if (!r->has_began || r->outcome != WTL_VISIT_done)
        return;
    s->began_lo_c = s->n_began ? fmin(s->began_lo_c, r->began_c) : r->began_c;
    s->began_hi_c = s->n_began ? fmax(s->began_hi_c, r->began_c) : r->began_c;
    s->n_began_outside += r->began_outside;
    l->n_began_outside += r->began_outside;
    s->n_began++;
}

/* A sensor that tells nothing in any attempt of the first point will not for the others: hours of
 * visits would come to nothing. */
static int check_tells(const struct sweep *s, const struct wtl_visit *v,
                       const struct wtl_visit_result *r, struct wtl_error *err)
{
    if (!r->still || s->n_runs > 0 || v->attempt < s->spec->protocol.attempts)
        return 0;
    int rc =
        WTL_FAIL(err, WTL_FAILED, "%s, in all %d attempts of the first point", r->why, v->attempt);
    wtl_error_hint(err,
                   "`wattle stat -i %s` says what it can be measured by; `wattle doctor`, what "
                   "is wrong with it",
                   wtl_device_info(s->plan->device)->id);
    return rc;
}

static int visit_once(struct sweep *s, struct wtl_visit *v, size_t n_left, bool *again_out,
                      struct wtl_error *err)
{
    WTL_ARENA(scratch);
    const struct wtl_workload_spec *w = &s->spec->workloads[v->workload];
    struct wtl_visit_result r;
    const struct wtl_visit_request request = {
        .point = &s->plan->points.items[v->point],
        .seed = wtl_visit_seed((uint64_t)s->spec->seed, v->block, v->position, v->attempt),
        .idle = s->spec->protocol.idle && !(s->lanes[v->workload].idle_w[v->point] > 0)};
    s->bench.workload = &s->lanes[v->workload].load;
    s->bench.workload_name = w->name;
    s->bench.ready_timeout_s = w->ready_timeout_s;
    int rc = wtl_bench_visit(&s->bench, &request, &scratch, &r, err);
    if (rc < 0 || s->bench.stopped)
        return rc;
    if (r.silent && !s->bench.workload->worked) {
        rc = wtl_bench_refuse_silent(r.why, err);
        wtl_error_context(err, "workload \"%s\"", w->name);
        return rc;
    }
    v->outcome = r.outcome;
    (void)snprintf(v->why, sizeof v->why, "%s", r.why);
    rc = store(s, v, &r, err);
    rc = rc ? rc : observe(s, v, r.measured ? &r.run : NULL, err);
    if (rc < 0)
        return rc;
    note_began(s, &s->lanes[v->workload], &r);
    s->n_new++;
    s->seconds_new += r.took_s;
    tell(s, v, &r, n_left);
    *again_out = r.outcome == WTL_VISIT_invalid;
    return check_tells(s, v, &r, err);
}

static bool out_of_budget(const struct sweep *s)
{
    return s->spec->budget > 0 && s->n_visits >= (size_t)s->spec->budget;
}

static int run_slot(struct sweep *s, const struct wtl_slot *slot, int block, int position,
                    size_t n_left, struct wtl_error *err)
{
    int attempts;
    bool again = true;
    if (is_settled(s, slot, block, position, &attempts) ||
        s->lanes[slot->workload].found_infeasible[slot->point])
        return 0;
    int rc = 0;
    while (rc == 0 && again && !s->bench.stopped && !out_of_budget(s) &&
           attempts < s->spec->protocol.attempts) {
        struct wtl_visit v = {.sweep_id = s->id,
                              .block = block,
                              .position = position,
                              .attempt = ++attempts,
                              .workload = slot->workload,
                              .point = slot->point,
                              .anchor = slot->anchor};
        rc = visit_once(s, &v, n_left, &again, err);
    }
    return rc;
}

/* Visits that are still expected after those of this block. */
static size_t expected_later(const struct sweep *s, int block, size_t n_slots)
{
    const int more = s->spec->protocol.blocks_min - (block - s->first_block + 1);
    return s->spec->search == WTL_SEARCH_GRID && more > 0 ? (size_t)more * n_slots : 0;
}

static int run_block(struct sweep *s, int block, bool *over_out, struct wtl_error *err)
{
    WTL_ARENA(scratch);
    struct wtl_slot *slots = NULL;
    size_t n = 0;
    int rc = 0;
    for (size_t w = 0; rc == 0 && w < s->spec->n_workloads; w++)
        rc = decide(s, (int)w, block, err);
    const struct wtl_block_request request = {.seed = (uint64_t)s->spec->seed,
                                              .block = block,
                                              .n_workloads = (int)s->spec->n_workloads,
                                              .n_points = (int)s->plan->points.n,
                                              .reference = (int)s->plan->points.reference,
                                              .anchor_every = s->spec->protocol.anchor_every,
                                              .active = s->active};
    rc = rc ? rc : wtl_block_slots(&scratch, &request, &slots, &n, err);
    *over_out = n == 0;
    for (size_t i = 0; rc == 0 && i < n && !s->bench.stopped && !out_of_budget(s); i++)
        rc = run_slot(s, &slots[i], block, (int)i, n - i - 1 + expected_later(s, block, n), err);
    return rc;
}

/* ---- The whole ------------------------------------------------------------------------------- */
/* Remembers of which workloads nothing was measured, for the next start. */
static int end_by_itself(struct sweep *s, struct wtl_error *err)
{
    json_t *unmeasured = json_array();
    s->over = true;
    for (size_t i = 0; i < s->spec->n_workloads; i++)
        if (s->lanes[i].n_obs == 0)
            wtl_json_add(&unmeasured, json_integer((json_int_t)i));
    if (unmeasured && json_array_size(unmeasured) == 0) {
        json_decref(unmeasured);
        return 0;
    }
    wtl_json_put(&s->state, "unmeasured", unmeasured);
    return s->state ? sweep_put_state(s, err) : WTL_FAIL(err, WTL_NOMEM, "out of memory");
}

/* Blocks that are stored are gone through even where the budget is used up: what they decide is
 * part of the result. */
static int measure(struct sweep *s, struct wtl_error *err)
{
    bool over = false;
    const int stored = sweep_last_stored_block(s);
    int rc = wtl_bench_check_alone(&s->bench, err);
    rc = rc ? rc : sweep_find_conditions(s, err);
    for (int block = s->first_block;
         rc == 0 && !over && !s->bench.stopped && (block <= stored || !out_of_budget(s)); block++)
        rc = run_block(s, block, &over, err);
    return rc == 0 && over && !s->bench.stopped ? end_by_itself(s, err) : rc;
}

/* Of one that did not come to its end, what ended it. */
static char *why_ended(struct sweep *s, const struct lane *l)
{
    if (l->state.done || l->rests || !(s->bench.stopped || out_of_budget(s)))
        return wtl_arena_strdup(s->arena, l->why);
    if (s->bench.stopped)
        return wtl_arena_printf(s->arena, "it was told to, in block %d; the same command goes on",
                                l->n_blocks);
    return wtl_arena_printf(s->arena, "the budget of %lld visits is used up, in block %d",
                            (long long)s->spec->budget, l->n_blocks);
}

static int fill_workload(struct sweep *s, size_t i, struct wtl_sweep_workload_result *out,
                         struct wtl_error *err)
{
    WTL_ARENA(scratch);
    const struct lane *l = &s->lanes[i];
    const struct wtl_lab_points *points = &s->plan->points;
    struct wtl_estimates e;
    int rc = wtl_estimate(&scratch, l->obs, l->n_obs, points->n, points->reference,
                          wtl_objective_exponent(&s->spec->objective), &e, err);
    if (rc < 0)
        return rc;
    *out = (struct wtl_sweep_workload_result){
        .name = s->spec->workloads[i].name,
        .why_ended = why_ended(s, l),
        .unmeasured = l->n_obs == 0 && (s->over || (out_of_budget(s) && s->n_runs == 0)),
        .disturbed = wtl_arena_strdup(s->arena, l->disturbed),
        .n_blocks = l->n_blocks,
        .n_tied = l->state.n_tied,
        .n_began_outside = l->n_began_outside};
    for (size_t p = 0; p < points->n; p++)
        out->n_visited_points += e.points[p].n > 0;
    if (l->state.best < points->n && e.points[l->state.best].n > 0) {
        const struct wtl_point_estimate *best = &e.points[l->state.best];
        out->has_best = true;
        out->best = points->items[l->state.best];
        out->saving = 1 - exp(best->log_cost);
        out->saving_half = best->half < 1 ? exp(best->log_cost) * best->half : HUGE_VAL;
        out->slowdown = exp(best->log_time) - 1;
    }
    return out->why_ended && out->disturbed ? 0 : WTL_FAIL(err, WTL_NOMEM, "out of memory");
}

/* The first GPU whose driver tells of no errors; NULL: all do. */
static const char *deaf_device(const struct wtl_bench *b)
{
    for (size_t i = 0; i < b->n; i++) {
        const struct wtl_device_info *info = wtl_device_info(b->devices[i].device);
        if (info->kind == WTL_DEVICE_GPU && !b->devices[i].listens)
            return info->id;
    }
    return NULL;
}

static int fill_result(struct sweep *s, struct wtl_sweep_result *r, struct wtl_error *err)
{
    const json_t *idle = json_object_get(s->state, "idle_without_load_w");
    *r = (struct wtl_sweep_result){
        .stopped = s->bench.stopped,
        .out_of_budget = out_of_budget(s),
        .resumed = s->n_stored > 0,
        .n_before = s->n_stored,
        .n_visits = s->n_visits,
        .n_runs = s->n_runs,
        .n_infeasible = s->n_infeasible,
        .n_invalid = s->n_invalid,
        .seconds =
            (double)(s->q->time.clock.monotonic_ns(s->q->time.clock.ctx) - s->begin_ns) / 1e9,
        .has_band = s->bench.has_band,
        .band_c = s->bench.devices[0].band_c,
        .n_began = s->n_began,
        .n_began_outside = s->n_began_outside,
        .began_lo_c = s->began_lo_c,
        .began_hi_c = s->began_hi_c,
        .deaf = deaf_device(&s->bench),
        .has_bare_idle = idle != NULL,
        .bare_idle_w = json_number_value(idle),
        .workloads =
            WTL_NEW_ARRAY(s->arena, struct wtl_sweep_workload_result, s->spec->n_workloads),
        .n_workloads = s->spec->n_workloads};
    if (!r->workloads)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < r->n_workloads; i++)
        rc = fill_workload(s, i, &r->workloads[i], err);
    return rc;
}

/* What a sweep that failed leaves changed must be told as well. */
static void tell_left(const struct wtl_error *left, struct wtl_error *err)
{
    struct wtl_error first;
    if (!err)
        return;
    first = *err;
    wtl_error_hint(err, "%s%s%s: %s", first.hint, first.hint[0] ? "; " : "", left->message,
                   left->hint);
}

/* In any case: the workload ends, the knobs go back. The first failure counts. */
static int finish(struct sweep *s, int rc, struct wtl_error *err)
{
    if (s->bench.n)
        wtl_bench_fini(&s->bench);
    for (size_t i = 0; s->lanes && i < s->spec->n_workloads; i++)
        if (s->lanes[i].load.ops)
            s->lanes[i].load.ops->close(s->lanes[i].load.state);
    for (size_t i = 0; i < s->n_others; i++)
        if (s->others[i].ops)
            s->others[i].ops->close(s->others[i].state);
    struct wtl_error left = {0};
    int closed = s->lease ? wtl_lease_close(s->lease, rc ? &left : err) : 0;
    if (rc && closed)
        tell_left(&left, err);
    json_decref(s->state);
    return rc ? rc : closed;
}

int wtl_sweep_run(struct wtl_arena *arena, const struct wtl_sweep_request *request,
                  struct wtl_sweep_result *result_out, struct wtl_error *err)
{
    struct sweep s = {
        .q = request, .plan = request->plan, .spec = request->plan->spec, .arena = arena};
    struct wtl_sweep_result result;
    s.begin_ns = request->time.clock.monotonic_ns(request->time.clock.ctx);
    wtl_sweep_plan_gpu(request->plan, s.gpu);
    int rc = sweep_open_stored(&s, err);
    s.first_block = (int)json_integer_value(json_object_get(s.state, "first_block"));
    s.first_block = s.first_block > 1 ? s.first_block : 1;
    rc = rc ? rc : sweep_open_workloads(&s, err);
    rc = rc ? rc : recall(&s, err);
    rc = rc ? rc : sweep_take_lease(&s, err);
    rc = rc ? rc : sweep_open_bench(&s, err);
    rc = rc ? rc : measure(&s, err);
    rc = rc ? rc : fill_result(&s, &result, err);
    rc = finish(&s, rc, err);
    if (rc == 0)
        *result_out = result;
    return rc;
}
