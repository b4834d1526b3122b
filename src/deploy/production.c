/* SPDX-License-Identifier: Apache-2.0
 * production.json: the published production configuration, with evidence beside every figure. */
#include "deploy/internal.h"

#include "base/text.h"
#include "codec/json.h"
#include "stats/distribution.h"
#include "store/configuration_json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "A100+STABLEDIFFUSION", the published key; the file name where two plans would share it. Of plans
 * in several configurations none has it: who asks for a workload alone must not get one of them. */
static void config_key(const struct wtl_deployment *d, const struct wtl_deploy_item *item,
                       char *buf, size_t size)
{
    snprintf(buf, size, "%s+%s", item->plan->gpu, item->plan->workload);
    bool several = !wtl_configuration_is_plain(&item->plan->at);
    for (const struct wtl_deploy_item *other = d->items;
         other < (several ? d->items + d->n_items : item); other++)
        if (other != item && !other->left_out[0] &&
            wtl_same_name(other->plan->gpu, item->plan->gpu) &&
            wtl_same_name(other->plan->workload, item->plan->workload))
            snprintf(buf, size, "%s", item->name);
}

static json_t *percent(const struct wtl_estimate *e)
{
    return e->n > 0 ? wtl_json_finite(e->value * 100) : json_null();
}

/* The published classes, by the upper bound of the signed slowdown; a faster run is "faster". */
static const char *category(const struct wtl_plan *p)
{
    double bound = p->slowdown.evidence == WTL_EVIDENCE_NONE ? p->slowdown.value : p->slowdown.hi;
    static const struct {
        double limit;
        const char *name;
    } classes[] = {{0, "faster"},        {0.05, "excellent"}, {0.10, "good"},
                   {0.20, "acceptable"}, {0.50, "moderate"},  {HUGE_VAL, "high"}};
    size_t i = 0;
    while (bound > classes[i].limit)
        i++;
    return classes[i].name;
}

/* 1 - P/P_base with P = E/t; null where one of the figures is missing. */
static json_t *power_savings_percent(const struct wtl_plan *p)
{
    if (p->baseline_energy_j.n == 0 || p->baseline_time_s.n == 0 || p->energy_j.n == 0 ||
        p->time_s.n == 0)
        return json_null();
    double power = p->energy_j.value / p->time_s.value;
    double base = p->baseline_energy_j.value / p->baseline_time_s.value;
    return wtl_json_finite(100 * (1 - power / base));
}

static json_t *performance(const struct wtl_plan *p)
{
    return json_pack(
        "{s:o, s:o, s:s, s:o, s:o}", "penalty_percent", percent(&p->slowdown), "slowdown",
        wtl_estimate_to_json(&p->slowdown), "category", category(p), "acceptable",
        p->policy.has_max_slowdown ? json_true() : json_null(), "max_slowdown",
        p->policy.has_max_slowdown ? wtl_json_finite(p->policy.max_slowdown) : json_null());
}

static json_t *energy(const struct wtl_plan *p)
{
    return json_pack("{s:o, s:o, s:o}", "savings_percent", percent(&p->saving), "saving",
                     wtl_estimate_to_json(&p->saving), "power_savings_percent",
                     power_savings_percent(p));
}

/* Commands are arrays of arguments: nothing is ever split or expanded. */
static json_t *commands(const struct wtl_deployment *d, const struct wtl_deploy_item *item)
{
    const char *name = item->name;
    if (d->options->without_wattle)
        return json_pack("{s:[s,s,s], s:[s,s], s:[s,s,s]}", "command", "clocks.sh", "apply", name,
                         "validation", "clocks.sh", "verify", "reset_command", "clocks.sh",
                         "rollback", name);
    char *path = NULL;
    json_t *o = NULL;
    if (asprintf(&path, "plans/%s.json", name) >= 0) {
        o = json_pack("{s:[s,s,s,s,s], s:[s,s], s:[s,s,s,s]}", "command", "wattle", "apply", path,
                      "--standing", name, "validation", "wattle", "status", "reset_command",
                      "wattle", "restore", "--standing", name);
        free(path);
    }
    return o;
}

/* Where the time of one further run lies with the probability `confidence`: the spread of single
 * runs about the curve (of runs that the fit had not seen) and the error of the curve, on
 * logarithms, by Student's t. The interval of the estimate alone is that of a mean, and most single
 * runs lie outside it. False where the plan does not know the spread. */
static bool one_run(const struct wtl_plan *p, double *lo, double *hi)
{
    double confidence = p->policy.confidence, dof = fmax(p->n_runs - 5, 1);
    if (p->time_s.n <= 0 || p->time_s.evidence == WTL_EVIDENCE_NONE || !(p->time_s.lo > 0) ||
        !(p->time_cv_error > 0))
        return false;
    double t = wtl_student_quantile(0.5 + confidence / 2, dof);
    double curve =
        log(p->time_s.hi / p->time_s.lo) / (2 * wtl_normal_quantile(0.5 + confidence / 2));
    double half = t * sqrt(p->time_cv_error * p->time_cv_error + curve * curve);
    *lo = p->time_s.value * exp(-half);
    *hi = p->time_s.value * exp(half);
    return true;
}

static json_t *monitoring(const struct wtl_plan *p)
{
    char clock[160], time[200];
    snprintf(clock, sizeof clock, "SM clock under load more than 15 MHz away from %d MHz",
             p->clock_mhz);
    json_t *alerts = json_pack("[s]", clock);
    double lo, hi;
    if (one_run(p, &lo, &hi)) {
        snprintf(
            time, sizeof time,
            "time of a single run outside %.4g s to %.4g s, again and again (%g %% of runs lie "
            "within)",
            lo, hi, 100 * p->policy.confidence);
        wtl_json_add(&alerts, json_string(time));
    }
    return json_pack("{s:[s,s,s,s,s], s:o}", "key_metrics", "clocks.sm", "power.draw",
                     "temperature.gpu", "utilization.gpu", "clocks_event_reasons.active", "alerts",
                     alerts);
}

static json_t *configuration(const struct wtl_deployment *d, const struct wtl_deploy_item *item)
{
    const struct wtl_plan *p = item->plan;
    char objective[64];
    json_t *memory =
        d->options->memory_clock_mhz ? json_integer(d->options->memory_clock_mhz) : json_null();
    json_t *hardware =
        json_pack("{s:s, s:s, s:o, s:i, s:o}", "gpu_type", p->gpu, "application", p->workload,
                  "baseline_frequency",
                  p->baseline_clock_mhz ? json_integer(p->baseline_clock_mhz) : json_null(),
                  "optimal_frequency", p->clock_mhz, "memory_frequency", memory);
    wtl_configuration_put(&hardware, &p->at);
    json_t *deployment = commands(d, item);
    if (item->by_hand[0])
        wtl_json_put(&deployment, "by_hand", wtl_json_text(item->by_hand));
    json_t *evidence = json_pack(
        "{s:s, s:s, s:i, s:i}", "objective",
        wtl_objective_format(&p->policy.objective, objective, sizeof objective), "baseline",
        wtl_baseline_name(p->baseline_kind), "n_runs", p->n_runs, "n_rejected", p->n_rejected);
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "name", item->name, "hardware",
                     hardware, "performance", performance(p), "energy", energy(p), "evidence",
                     evidence, "deployment", deployment, "monitoring", monitoring(p));
}

static json_t *left_out(const struct wtl_deploy_item *item)
{
    json_t *o = json_pack("{s:s, s:s, s:s, s:s}", "gpu_type", item->plan->gpu, "application",
                          item->plan->workload, "status", wtl_plan_status_name(item->plan->status),
                          "why", item->left_out);
    wtl_configuration_put(&o, &item->plan->at);
    return o;
}

static json_t *point_left_out(const struct wtl_deploy_point *point)
{
    const struct wtl_point_choice *c = point->choice;
    json_t *o = json_pack("{s:s, s:s, s:s, s:s}", "gpu_type", c->gpu, "application", c->workload,
                          "status", wtl_plan_status_name(c->status), "why", point->left_out);
    if (c->chosen >= 0)
        wtl_configuration_put(&o, &c->points[c->chosen].at);
    return o;
}

static json_t *document(const struct wtl_deployment *d)
{
    json_t *configurations = json_object(), *out = json_array();
    for (size_t i = 0; i < d->n_items; i++) {
        char key[2 * WTL_LIMIT_NAME + 2];
        config_key(d, &d->items[i], key, sizeof key);
        if (d->items[i].left_out[0])
            wtl_json_add(&out, left_out(&d->items[i]));
        else
            wtl_json_put(&configurations, key, configuration(d, &d->items[i]));
    }
    for (size_t i = 0; i < d->n_points; i++)
        wtl_json_add(&out, point_left_out(&d->points[i]));
    return json_pack("{s:s, s:i, s:s, s:s, s:{s:s, s:s, s:s, s:s}, s:o, s:o}", "format",
                     "wattle-production", "version", WTL_PRODUCTION_VERSION, "generated",
                     d->generated, "methodology",
                     "docs/methods-optimize.md: fitted curves, bootstrap of the whole "
                     "selection, limits held at their upper 97.5 % bound",
                     "source", "plan", d->options->plan_path, "tool", d->file->tool, "campaign",
                     d->file->campaign, "fingerprint", d->file->fingerprint, "configurations",
                     configurations, "left_out", out);
}

int wtl_deploy_production(const struct wtl_deployment *d, struct wtl_buf *out,
                          struct wtl_error *err)
{
    json_auto_t *root = document(d);
    if (!root)
        return WTL_FAIL(err, WTL_FAILED,
                        "cannot write production.json: out of memory, or a name is not UTF-8");
    return wtl_json_write(root, out) ? 0 : WTL_FAIL(err, WTL_NOMEM, "out of memory");
}
