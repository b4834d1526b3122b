/* SPDX-License-Identifier: Apache-2.0
 * Plans, progress and results of sweeps for people. */
#include "cli/sweep_text.h"

#include "cli/table.h"

#include <math.h>
#include <string.h>

/* "2 h 10 min", "95 s" */
static const char *format_time(double s, char buf[40])
{
    if (s >= 2 * 3600)
        (void)snprintf(buf, 40, "%.0f h %.0f min", floor(s / 3600), floor(fmod(s, 3600) / 60));
    else if (s >= 120)
        (void)snprintf(buf, 40, "%.0f min", s / 60);
    else
        (void)snprintf(buf, 40, "%.0f s", s);
    return buf;
}

/* ---- Progress -------------------------------------------------------------------------------- */

void wtl_sweep_text_init(struct wtl_sweep_text *t, struct wtl_context *ctx,
                         const struct wtl_sweep_plan *plan)
{
    *t = (struct wtl_sweep_text){
        .ctx = ctx, .plan = plan, .start_ns = ctx->clock.monotonic_ns(ctx->clock.ctx)};
}

void wtl_sweep_text_fini(struct wtl_sweep_text *t)
{
    if (t->drawn)
        fputs("\r\033[K", t->ctx->messages);
    t->drawn = false;
}

/* A tenth of a second apart: simulated visits come thousands a second. */
static void draw(struct wtl_sweep_text *t, const struct wtl_sweep_progress *p)
{
    struct wtl_context *ctx = t->ctx;
    const int64_t now_ns = ctx->clock.monotonic_ns(ctx->clock.ctx);
    char left[40], best[WTL_LAB_POINT_TEXT + 60] = "";
    char point[WTL_LAB_POINT_TEXT];
    if (!ctx->terminal || ctx->verbosity < 0 || now_ns - t->last_ns < WTL_NS_PER_S / 10)
        return;
    t->last_ns = now_ns;
    double s = p->seconds_left;
    if (t->plan->simulated && p->n_done > t->n_first)
        s = (double)(now_ns - t->start_ns) / 1e9 / (double)(p->n_done - t->n_first) *
            (double)(p->n_expected - p->n_done);
    if (p->has_best)
        (void)snprintf(best, sizeof best, "; best before judgement %s (%+.1f %%)",
                       wtl_lab_point_format(p->best, point), -100 * p->best_saving);
    fprintf(ctx->messages, "\r\033[Kblock %d, %zu of about %zu visits, %s left%.110s", p->block,
            p->n_done, p->n_expected, format_time(s, left), best);
    fflush(ctx->messages);
    t->drawn = true;
}

static void say_visit(struct wtl_sweep_text *t, const struct wtl_sweep_progress *p)
{
    char point[WTL_LAB_POINT_TEXT];
    const bool told = p->visit->outcome != WTL_VISIT_done || t->ctx->verbosity > 0;
    if (!told || t->ctx->verbosity < 0)
        return;
    wtl_sweep_text_fini(t);
    fprintf(t->ctx->messages, "%s%s %s: %s%s%s\n", p->workload,
            wtl_lab_point_parts(p->point) ? " at" : ",", wtl_lab_point_format(p->point, point),
            wtl_visit_outcome_name(p->visit->outcome), p->visit->why[0] ? ": " : "", p->visit->why);
}

void wtl_sweep_text_visit(void *text, const struct wtl_sweep_progress *p)
{
    struct wtl_sweep_text *t = text;
    if (!t->began)
        t->n_first = p->n_done - 1;
    t->began = true;
    if (t->ctx->json) {
        (void)wtl_print_json_line(t->ctx, wtl_sweep_progress_json(p), NULL);
        fflush(t->ctx->out); /* whoever follows it sees visits as they end */
    } else {
        say_visit(t, p);
    }
    draw(t, p);
}

void wtl_sweep_text_block(void *text, int block, const char *workload,
                          const struct wtl_search_state *state)
{
    struct wtl_sweep_text *t = text;
    if (t->ctx->verbosity < 1 || t->ctx->json)
        return;
    wtl_sweep_text_fini(t);
    fprintf(t->ctx->messages, "%s, block %d: %s\n", workload, block, state->why);
}

/* What takes long goes where the bar is, and away again; what takes too long stays. */
void wtl_sweep_text_wait(void *text, const char *what, bool pressing)
{
    struct wtl_sweep_text *t = text;
    if (t->ctx->verbosity < 0 || (!pressing && !t->ctx->terminal))
        return;
    wtl_sweep_text_fini(t);
    if (pressing)
        fprintf(t->ctx->messages, "%s\n", what);
    else
        fprintf(t->ctx->messages, "%.79s", what);
    fflush(t->ctx->messages);
    t->drawn = !pressing;
}

/* ---- Plan ------------------------------------------------------------------------------------ */

/* "81 SM clocks, 210 to 1410 MHz; batches 8, 64": what the points differ in. */
static void print_points(struct wtl_context *ctx, const struct wtl_sweep_plan *p)
{
    char point[WTL_LAB_POINT_TEXT];
    const struct wtl_lab_points *all = &p->points;
    const size_t most = ctx->verbosity > 0 ? all->n : 6;
    wtl_print_fact(ctx->out, "points", "%zu of each workload; the reference is %s", all->n,
                   wtl_lab_point_format(&all->items[all->reference], point));
    for (size_t i = 0; i < all->n; i++) {
        if (i >= most / 2 && all->n > most && i < all->n - most / 2) {
            if (i == most / 2)
                wtl_print_line(ctx->out, 13, "...");
            continue;
        }
        wtl_print_line(ctx->out, 13, "%s", wtl_lab_point_format(&all->items[i], point));
    }
}

static void print_gains(FILE *out, const struct wtl_sweep_plan *p)
{
    for (size_t i = 0; i < p->n_measured; i++) {
        const struct wtl_calibration *c = &p->facts[i].calibration;
        const struct wtl_gain *g = c->counter.known ? &c->counter : &c->power;
        if (g->known)
            wtl_print_fact(out, "gain",
                           "energies of %s are corrected by %.4g, as calibrated against %s",
                           wtl_device_info(p->measured[i])->id, g->value, c->meter);
    }
}

static void print_knobs(struct wtl_context *ctx, const struct wtl_sweep_plan *p, const char *mps)
{
    if (mps[0])
        wtl_print_fact(ctx->out, "shares", "by MPS: a control daemon %s%s",
                       mps[0] == '/' ? "in " : "", mps);
    for (size_t i = 0; i < p->n_wants; i++)
        wtl_print_fact(ctx->out, i ? "" : "knobs", "%s of %s, put back at the end",
                       wtl_knob_info(p->wants[i].knob)->title,
                       wtl_device_info(p->wants[i].device)->id);
    if (p->n_wants == 0)
        wtl_print_fact(ctx->out, "knobs", "none is set");
    if (p->points.not_varied)
        wtl_print_fact(ctx->out, "not varied", "%s: they need permission to set knobs",
                       p->points.not_varied);
}

static void print_measured(struct wtl_context *ctx, const struct wtl_sweep_plan *p)
{
    for (size_t i = 1; i < p->n_measured; i++)
        wtl_print_fact(ctx->out, i == 1 ? "together" : "", "with %s%s",
                       wtl_device_info(p->measured[i])->id,
                       i + 1 == p->n_measured ? ": energies are added, knobs set on all" : "");
}

static void print_before(FILE *out, const struct wtl_sweep_before *b)
{
    if (!b->campaign)
        return;
    if (!b->found) {
        wtl_print_fact(out, "campaign", "\"%s\" is there, without this sweep", b->campaign);
        return;
    }
    wtl_print_fact(out, "campaign", "\"%s\" has %zu visit%s of this sweep, %zu run%s: %s",
                   b->campaign, b->n_visits, wtl_plural((int64_t)b->n_visits), b->n_runs,
                   wtl_plural((int64_t)b->n_runs),
                   b->added[0] ? "it is extended" : "it goes on after them");
    if (b->added[0])
        wtl_print_fact(out, "", "by --extend: %s", b->added);
}

int wtl_sweep_text_plan(struct wtl_context *ctx, const struct wtl_sweep_plan *p,
                        const struct wtl_sweep_before *before, const char *mps,
                        struct wtl_error *err)
{
    const struct wtl_sweep_spec *s = p->spec;
    const struct wtl_protocol_spec *q = &s->protocol;
    char least[40], most[40], to[40] = "";
    (void)err;
    wtl_print_line(ctx->out, 0, "%s: %zu workload%s on %s%s", s->name, s->n_workloads,
                   wtl_plural((int64_t)s->n_workloads), wtl_device_info(p->device)->id,
                   p->simulated ? ", in simulated time" : "");
    print_measured(ctx, p);
    for (size_t i = 0; i < s->n_workloads; i++)
        wtl_print_fact(ctx->out, i ? "" : "workloads", "%s", s->workloads[i].name);
    print_points(ctx, p);
    if (q->blocks_min < q->blocks_max)
        (void)snprintf(to, sizeof to, "%d to ", q->blocks_min);
    wtl_print_fact(ctx->out, "blocks", "%s%d, %s", to, q->blocks_max,
                   s->search == WTL_SEARCH_ADAPTIVE ? "adaptive: fewer points in each"
                                                    : "each point in each");
    to[0] = '\0';
    if (p->visits_min < p->visits_max)
        (void)snprintf(to, sizeof to, "%zu to ", p->visits_min);
    wtl_print_fact(ctx->out, "visits", "%s%zu", to, p->visits_max);
    wtl_print_fact(ctx->out, "time", "%s to %s%s", format_time(p->seconds_min, least),
                   format_time(p->seconds_max, most),
                   p->simulated ? ", simulated in seconds" : ", where nothing has to be repeated");
    print_before(ctx->out, before);
    print_gains(ctx->out, p);
    print_knobs(ctx, p, mps);
    fprintf(ctx->out, "\nNothing was measured or set.\n");
    return 0;
}

/* ---- Result ---------------------------------------------------------------------------------- */

static void print_judged(FILE *out, const struct wtl_sweep_judged *j)
{
    char causes[200];
    if (j->rejected)
        wtl_print_fact(out, "judged", "%d of %d runs do not count: %s", j->rejected,
                       j->rejected + j->accepted,
                       wtl_sweep_judged_causes(j, causes, sizeof causes));
    if (j->unusable[0] && j->accepted)
        wtl_print_fact(out, j->rejected ? "" : "judged", "%s", j->unusable);
}

static void print_workload(struct wtl_sweep_text *t, const struct wtl_sweep_workload_result *w,
                           const struct wtl_sweep_judged *j)
{
    FILE *out = t->ctx->out;
    char point[WTL_LAB_POINT_TEXT], objective[64];
    wtl_print_fact(out, "ended", "%s: %s", w->name, w->why_ended);
    print_judged(out, j);
    if (!w->has_best)
        return;
    if (!j->best_counts) {
        wtl_print_fact(out, "best", "none: no run of what looked best, %s, counts",
                       wtl_lab_point_format(&w->best, point));
        return;
    }
    if (wtl_lab_point_compare(&w->best, &t->plan->points.items[t->plan->points.reference]) == 0) {
        wtl_print_fact(out, "best", "the reference point, %s",
                       wtl_lab_point_format(&w->best, point));
        return;
    }
    wtl_objective_format(&t->plan->spec->objective, objective, sizeof objective);
    if (isfinite(w->saving_half))
        wtl_print_fact(out, "best",
                       "%s: %s %+.1f %% (+-%.1f), time %+.1f %%, against the reference",
                       wtl_lab_point_format(&w->best, point), objective, -100 * w->saving,
                       100 * w->saving_half, 100 * w->slowdown);
    else
        wtl_print_fact(out, "best", "%s, of too few runs for an interval",
                       wtl_lab_point_format(&w->best, point));
}

/* " (llama)", ", most of them of llama": of several workloads, whose runs they are. */
static const char *began_of(const struct wtl_sweep_result *r, char *buf, size_t size)
{
    const struct wtl_sweep_workload_result *most = NULL;
    for (size_t i = 0; i < r->n_workloads; i++)
        if (!most || r->workloads[i].n_began_outside > most->n_began_outside)
            most = &r->workloads[i];
    buf[0] = '\0';
    if (most && r->n_workloads > 1)
        (void)snprintf(buf, size,
                       most->n_began_outside == r->n_began_outside ? ", all of %s"
                                                                   : ", most of them of %s",
                       most->name);
    return buf;
}

/* What was reached, not what was asked for. */
static void print_began(FILE *out, const struct wtl_sweep_plan *plan,
                        const struct wtl_sweep_result *r)
{
    const double width_c = plan->spec->protocol.band_width_c;
    char reached[60], of[WTL_LIMIT_NAME + 20];
    if (!r->has_band || r->n_began == 0)
        return;
    if (lround(r->began_lo_c) == lround(r->began_hi_c))
        (void)snprintf(reached, sizeof reached, "%.0f C", r->began_lo_c);
    else
        (void)snprintf(reached, sizeof reached, "%.0f to %.0f C", r->began_lo_c, r->began_hi_c);
    if (r->n_began_outside)
        wtl_print_fact(
            out, "began at", "%s: %zu of %zu runs not within %g C of the %.0f C wanted%s", reached,
            r->n_began_outside, r->n_began, width_c, r->band_c, began_of(r, of, sizeof of));
    else
        wtl_print_fact(out, "began at", "%s, within %g C of %.0f C", reached, width_c, r->band_c);
}

int wtl_sweep_text_result(struct wtl_sweep_text *t, const char *campaign,
                          const struct wtl_sweep_result *r, const struct wtl_sweep_judged *judged,
                          struct wtl_error *err)
{
    FILE *out = t->ctx->out;
    char time[40];
    (void)err;
    if (t->ctx->verbosity < 0)
        return 0;
    wtl_print_line(out, 0, "%s: %zu run%s in \"%s\"%s", t->plan->spec->name, r->n_runs,
                   wtl_plural((int64_t)r->n_runs), campaign,
                   t->plan->simulated ? ", of a virtual device" : "");
    if (r->resumed)
        wtl_print_fact(out, "went on", "after %zu visits of earlier starts", r->n_before);
    if (r->n_infeasible)
        wtl_print_fact(out, "infeasible", "%zu point%s that cannot be had", r->n_infeasible,
                       wtl_plural((int64_t)r->n_infeasible));
    if (r->n_invalid)
        wtl_print_fact(out, "disturbed", "%zu visit%s, each repeated up to %d times", r->n_invalid,
                       wtl_plural((int64_t)r->n_invalid), t->plan->spec->protocol.attempts - 1);
    wtl_print_fact(out, "time", "%s%s", format_time(r->seconds, time),
                   t->plan->simulated ? ", simulated" : "");
    print_began(out, t->plan, r);
    print_gains(out, t->plan);
    if (t->plan->points.not_varied)
        wtl_print_fact(out, "not varied", "%s: they need permission to set knobs",
                       t->plan->points.not_varied);
    if (r->deaf)
        wtl_print_fact(out, "not watched", "errors (XID) of %s: its driver tells of none", r->deaf);
    for (size_t i = 0; i < r->n_workloads; i++)
        print_workload(t, &r->workloads[i], &judged[i]);
    if (r->stopped)
        fprintf(out, "\nStopped before its end; the same command goes on.\n");
    else if (r->out_of_budget)
        fprintf(out, "\nThe budget of %d runs is used up.\n", t->plan->spec->budget);
    return 0;
}
