/* SPDX-License-Identifier: Apache-2.0
 * Defaults, names and texts of policy.h. */
#include "core/policy.h"

#include "base/text.h"
#include "base/units.h"

#include <stdio.h>
#include <string.h>

struct wtl_policy wtl_policy_default(void)
{
    return (struct wtl_policy){
        .objective = {.kind = WTL_OBJECTIVE_EDP},
        .baseline = {.kind = WTL_BASELINE_MAX},
        .prefer = WTL_PREFER_FASTEST,
        .confidence = 0.95,
        .replicates = 1000,
        .seed = 1,
    };
}

bool wtl_policy_lift_limits(struct wtl_policy *policy)
{
    bool any = policy->has_max_slowdown || policy->has_max_energy || policy->has_min_clock_ratio ||
               policy->has_max_power || policy->has_min_saving || policy->n_slo > 0;
    policy->has_max_slowdown = policy->has_max_energy = policy->has_min_clock_ratio = false;
    policy->has_max_power = policy->has_min_saving = false;
    policy->n_slo = 0;
    return any;
}

const char *wtl_objective_format(const struct wtl_objective *o, char *buf, size_t size)
{
    char number[WTL_DOUBLE_TEXT];
    switch (o->kind) {
    case WTL_OBJECTIVE_ENERGY:
        snprintf(buf, size, "energy");
        break;
    case WTL_OBJECTIVE_TIME:
        snprintf(buf, size, "time");
        break;
    case WTL_OBJECTIVE_EDP:
        snprintf(buf, size, "edp");
        break;
    case WTL_OBJECTIVE_ED2P:
        snprintf(buf, size, "ed2p");
        break;
    case WTL_OBJECTIVE_ETN:
        snprintf(buf, size, "E*t^%s", wtl_format_double(o->exponent, number));
        break;
    case WTL_OBJECTIVE_WEIGHTED:
        snprintf(buf, size, "weighted:%s", wtl_format_double(o->weight, number));
        break;
    case WTL_OBJECTIVE_THROUGHPUT_PER_WATT:
        snprintf(buf, size, "throughput-per-watt");
        break;
    }
    return buf;
}

const char *wtl_baseline_name(enum wtl_baseline_kind kind)
{
    switch (kind) {
    case WTL_BASELINE_MAX:
        return "max";
    case WTL_BASELINE_DEFAULT:
        return "default";
    case WTL_BASELINE_FASTEST:
        return "fastest";
    case WTL_BASELINE_CLOCK:
        return "clock";
    case WTL_BASELINE_JOB:
        return "job";
    case WTL_BASELINE_REP:
        return "rep";
    }
    return "max";
}

const char *wtl_prefer_name(enum wtl_prefer prefer)
{
    switch (prefer) {
    case WTL_PREFER_FASTEST:
        return "fastest";
    case WTL_PREFER_BEST:
        return "best";
    case WTL_PREFER_LEAST_ENERGY:
        return "least-energy";
    case WTL_PREFER_LOWEST_CLOCK:
        return "lowest-clock";
    }
    return "fastest";
}

const char *wtl_baseline_format(const struct wtl_baseline *b, char *buf, size_t size)
{
    switch (b->kind) {
    case WTL_BASELINE_MAX:
    case WTL_BASELINE_DEFAULT:
    case WTL_BASELINE_FASTEST:
        snprintf(buf, size, "%s", wtl_baseline_name(b->kind));
        break;
    case WTL_BASELINE_CLOCK:
        snprintf(buf, size, "clock:%d", b->clock_mhz);
        break;
    case WTL_BASELINE_JOB:
        snprintf(buf, size, "job:%s", b->job);
        break;
    case WTL_BASELINE_REP:
        snprintf(buf, size, "rep:%d", b->rep);
        break;
    }
    return buf;
}

const struct wtl_published_metric *wtl_published_metrics(void)
{
    static const struct wtl_published_metric metrics[] = {
        {"response_time",
         {.kind = WTL_OBJECTIVE_ED2P},
         "time counts twice: a reply must come soon, energy is saved where that costs little time"},
        {"throughput_per_watt",
         {.kind = WTL_OBJECTIVE_THROUGHPUT_PER_WATT},
         "work per joule, which has the same optimum as energy per run of constant work"},
        {"user_experience", {.kind = WTL_OBJECTIVE_EDP}, "waiting and energy count alike"},
        {"energy_per_task", {.kind = WTL_OBJECTIVE_ENERGY}, "energy of one run of constant work"},
        {"inference_efficiency",
         {.kind = WTL_OBJECTIVE_EDP},
         "energy-delay product: neither slow thrift nor fast waste"},
        {"balanced",
         {.kind = WTL_OBJECTIVE_WEIGHTED, .weight = 0.5},
         "equal weights on energy and time, each relative to the baseline"},
        {0},
    };
    return metrics;
}

static bool parse_number_after(const char *text, const char *prefix, double lo, double hi,
                               double *out)
{
    double value;
    if (!wtl_starts_with(text, prefix))
        return false;
    const char *number = text + strlen(prefix);
    if (!wtl_parse_double(number, strlen(number), &value) || value < lo || value > hi)
        return false;
    *out = value;
    return true;
}

int wtl_objective_parse(const char *text, struct wtl_objective *out, struct wtl_error *err)
{
    static const struct {
        const char *name;
        enum wtl_objective_kind kind;
    } plain[] = {
        {"energy", WTL_OBJECTIVE_ENERGY},
        {"time", WTL_OBJECTIVE_TIME},
        {"edp", WTL_OBJECTIVE_EDP},
        {"ed2p", WTL_OBJECTIVE_ED2P},
        {"throughput-per-watt", WTL_OBJECTIVE_THROUGHPUT_PER_WATT},
    };
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        if (strcmp(text, plain[i].name) == 0) {
            *out = (struct wtl_objective){.kind = plain[i].kind};
            return 0;
        }
    for (const struct wtl_published_metric *m = wtl_published_metrics(); m->name; m++)
        if (strcmp(text, m->name) == 0) {
            *out = m->objective;
            return 0;
        }
    struct wtl_objective o = {.kind = WTL_OBJECTIVE_WEIGHTED, .weight = 0.5};
    if (strcmp(text, "weighted") == 0 || parse_number_after(text, "weighted:", 0, 1, &o.weight)) {
        *out = o;
        return 0;
    }
    o = (struct wtl_objective){.kind = WTL_OBJECTIVE_ETN};
    if (parse_number_after(text, "E*t^", 0, 16, &o.exponent)) {
        *out = o;
        return 0;
    }
    int rc = WTL_FAIL(err, WTL_USAGE, "\"%s\" is not an objective", text);
    wtl_error_hint(err, "choose energy, time, edp, ed2p, throughput-per-watt, E*t^N with N from 0 "
                        "to 16, weighted:W with W from 0 (time) to 1 (energy), or a published "
                        "optimization_metric such as response_time");
    return rc;
}

static int parse_baseline_clock(const char *text, struct wtl_baseline *out, struct wtl_error *err)
{
    double mhz;
    int rc = wtl_parse_quantity(text, WTL_UNIT_MHZ, &mhz, err);
    if (rc < 0)
        return rc;
    if (mhz < 1 || mhz > 100000)
        return WTL_FAIL(err, WTL_USAGE, "\"%s\" is no clock of a GPU", text);
    *out = (struct wtl_baseline){.kind = WTL_BASELINE_CLOCK, .clock_mhz = (int)(mhz + 0.5)};
    return 0;
}

int wtl_baseline_parse(const char *text, struct wtl_baseline *out, struct wtl_error *err)
{
    static const enum wtl_baseline_kind plain[] = {WTL_BASELINE_MAX, WTL_BASELINE_DEFAULT,
                                                   WTL_BASELINE_FASTEST};
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        if (strcmp(text, wtl_baseline_name(plain[i])) == 0) {
            *out = (struct wtl_baseline){.kind = plain[i]};
            return 0;
        }
    double rep;
    if (wtl_starts_with(text, "clock:"))
        return parse_baseline_clock(text + strlen("clock:"), out, err);
    if (parse_number_after(text, "rep:", 1, 1000000, &rep) && rep == (int)rep) {
        *out = (struct wtl_baseline){.kind = WTL_BASELINE_REP, .rep = (int)rep};
        return 0;
    }
    struct wtl_baseline b = {.kind = WTL_BASELINE_JOB};
    if (wtl_starts_with(text, "job:") && text[4] &&
        wtl_view_copy(wtl_view_of(text + 4), b.job, sizeof b.job)) {
        *out = b;
        return 0;
    }
    int rc = WTL_FAIL(err, WTL_USAGE, "\"%s\" is not a baseline", text);
    wtl_error_hint(err, "choose max, default, fastest, clock:MHZ, job:ID or rep:N");
    return rc;
}

int wtl_prefer_parse(const char *text, enum wtl_prefer *out, struct wtl_error *err)
{
    for (int p = WTL_PREFER_FASTEST; p <= WTL_PREFER_LOWEST_CLOCK; p++)
        if (strcmp(text, wtl_prefer_name((enum wtl_prefer)p)) == 0) {
            *out = (enum wtl_prefer)p;
            return 0;
        }
    int rc = WTL_FAIL(err, WTL_USAGE, "\"%s\" is not a tie rule", text);
    wtl_error_hint(err, "choose fastest, best, least-energy or lowest-clock");
    return rc;
}

int wtl_slo_parse(const char *text, struct wtl_slo *out, struct wtl_error *err)
{
    static const int percents[] = {50, 90, 95, 99};
    for (size_t i = 0; i < sizeof percents / sizeof percents[0]; i++) {
        char prefix[8];
        snprintf(prefix, sizeof prefix, "p%d=", percents[i]);
        if (!wtl_starts_with(text, prefix))
            continue;
        double seconds;
        int rc = wtl_parse_quantity(text + strlen(prefix), WTL_UNIT_SECOND, &seconds, err);
        if (rc < 0)
            return rc;
        char last = text[strlen(text) - 1];
        if (last == '.' || (last >= '0' && last <= '9')) { /* 200 s would be met by anything */
            rc = WTL_FAIL(err, WTL_USAGE, "the latency in \"%s\" has no unit", text);
            wtl_error_hint(err, "write %sms or %ss", text, text);
            return rc;
        }
        if (seconds <= 0)
            return WTL_FAIL(err, WTL_USAGE, "the latency in \"%s\" must be positive", text);
        *out = (struct wtl_slo){percents[i], seconds};
        return 0;
    }
    int rc = WTL_FAIL(err, WTL_USAGE, "\"%s\" is not a latency objective", text);
    wtl_error_hint(err, "write p99=200ms; p50, p90, p95 and p99 are known");
    return rc;
}
