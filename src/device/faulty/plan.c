/* SPDX-License-Identifier: Apache-2.0
 * The plan of a faulty device: its text, and which rule fires when. */
#include "device/faulty/plan.h"

#include "base/text.h"
#include "base/units.h"
#include "core/knob.h"
#include "core/metric.h"

#include <stdio.h>
#include <string.h>

static const char *const call_names[] = {"read", "ring",  "processes", "epoch", "errors",
                                         "get",  "range", "set",       "any"};
static const char *const fault_names[] = {"error",  "late",  "lost", "hang",   "denied",
                                          "absent", "stale", "lie",  "ignored"};
_Static_assert(sizeof call_names / sizeof *call_names == WTL_N_CALLS + 1, "one name a call");
_Static_assert(sizeof fault_names / sizeof *fault_names == WTL_N_FAULTS, "one name a fault");

static const struct {
    const char *name;
    enum wtl_code code;
} codes[] = {
    {"failed", WTL_FAILED},   {"permission", WTL_PERMISSION},
    {"timeout", WTL_TIMEOUT}, {"busy", WTL_BUSY},
    {"lost", WTL_LOST},       {"unsupported", WTL_UNSUPPORTED},
    {"usage", WTL_USAGE},
};
enum { N_CODES = sizeof codes / sizeof codes[0], ITEM_MAX = 128 };

#define CALL_BIT(call) (1u << (call))
static const unsigned takes[WTL_N_FAULTS] = {
    [WTL_FAULT_ERROR] = ~0u,
    [WTL_FAULT_LATE] = ~0u,
    [WTL_FAULT_LOST] = ~0u,
    [WTL_FAULT_HANG] = ~0u,
    [WTL_FAULT_DENIED] = ~0u,
    [WTL_FAULT_ABSENT] = CALL_BIT(WTL_CALL_READ),
    [WTL_FAULT_STALE] = CALL_BIT(WTL_CALL_READ) | CALL_BIT(WTL_CALL_GET) | CALL_BIT(WTL_CALL_RING),
    [WTL_FAULT_LIE] = CALL_BIT(WTL_CALL_READ) | CALL_BIT(WTL_CALL_GET) | CALL_BIT(WTL_CALL_ERRORS),
    [WTL_FAULT_IGNORED] = CALL_BIT(WTL_CALL_SET),
};

static bool of_sensors(enum wtl_fault_call call)
{
    return call == WTL_CALL_READ || call == WTL_CALL_RING;
}

static bool of_knobs(enum wtl_fault_call call)
{
    return call == WTL_CALL_GET || call == WTL_CALL_RANGE || call == WTL_CALL_SET;
}

/* ---- The text -------------------------------------------------------------------------------- */

static int index_of(const char *name, const char *const *names, int n)
{
    for (int i = 0; i < n; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    return -1;
}

static int unknown(const char *what, const char *word, const char *const *names, int n,
                   const char *item, struct wtl_error *err)
{
    (void)WTL_FAIL(err, WTL_USAGE, "\"%s\" in \"%s\" is no %s", word, item, what);
    const char *near = wtl_did_you_mean(word, names, n);
    if (near) {
        wtl_error_hint(err, "did you mean \"%s\"?", near);
        return -WTL_USAGE;
    }
    char list[160] = "";
    for (int i = 0; i < n; i++) {
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", names[i]);
    }
    wtl_error_hint(err, "one of: %s", list);
    return -WTL_USAGE;
}

static int parse_subject(struct wtl_fault_rule *rule, const char *name, const char *item,
                         struct wtl_error *err)
{
    const char *names[WTL_N_METRICS + WTL_N_KNOBS];
    int n = 0;
    if (of_sensors(rule->call))
        for (; n < (int)WTL_N_METRICS; n++)
            names[n] = wtl_metric_info((enum wtl_metric)n)->name;
    else if (of_knobs(rule->call))
        for (; n < (int)WTL_N_KNOBS; n++)
            names[n] = wtl_knob_info((enum wtl_knob)n)->name;
    else
        return WTL_FAIL(err, WTL_USAGE, "\"%s\": a call of %s is not about one sensor or knob",
                        item, call_names[rule->call]);
    rule->subject = index_of(name, names, n);
    rule->has_subject = true;
    if (rule->subject < 0)
        return unknown(of_sensors(rule->call) ? "sensor" : "knob", name, names, n, item, err);
    return 0;
}

static int parse_code(struct wtl_fault_rule *rule, const char *value, const char *item,
                      struct wtl_error *err)
{
    rule->code = rule->fault == WTL_FAULT_LATE ? WTL_TIMEOUT : WTL_FAILED;
    if (!value)
        return 0;
    const char *names[N_CODES];
    for (int i = 0; i < N_CODES; i++)
        names[i] = codes[i].name;
    int i = index_of(value, names, N_CODES);
    if (i < 0)
        return unknown("kind of error", value, names, N_CODES, item, err);
    rule->code = codes[i].code;
    return 0;
}

/* An error of the driver's that did not fall. */
static int parse_number(struct wtl_fault_rule *rule, const char *value, const char *item,
                        struct wtl_error *err)
{
    int64_t number = 0;
    if (!value || !wtl_parse_int(value, strlen(value), &number) || number < 1 || number > 9999)
        return WTL_FAIL(err, WTL_USAGE, "\"%s\": an error has a number, as in \"errors.lie=31\"",
                        item);
    rule->value = (double)number;
    return 0;
}

static int parse_lie(struct wtl_fault_rule *rule, const char *value, const char *item,
                     struct wtl_error *err)
{
    if (rule->call == WTL_CALL_ERRORS)
        return parse_number(rule, value, item, err);
    if (!rule->has_subject || !value)
        return WTL_FAIL(err, WTL_USAGE,
                        "\"%s\": a lie needs a name and a value, as in "
                        "\"read/power_w.lie=90W\"",
                        item);
    enum wtl_unit unit = rule->call == WTL_CALL_READ
                             ? wtl_metric_info((enum wtl_metric)rule->subject)->unit
                             : wtl_knob_info((enum wtl_knob)rule->subject)->unit;
    return wtl_parse_quantity(value, unit, &rule->value, err);
}

static int parse_value(struct wtl_fault_rule *rule, const char *value, const char *item,
                       struct wtl_error *err)
{
    if (rule->fault == WTL_FAULT_ERROR || rule->fault == WTL_FAULT_LATE)
        return parse_code(rule, value, item, err);
    if (rule->fault == WTL_FAULT_LIE)
        return parse_lie(rule, value, item, err);
    if (!value)
        return 0;
    if (rule->fault != WTL_FAULT_HANG)
        return WTL_FAIL(err, WTL_USAGE, "\"%s\": \"%s\" takes no value", item,
                        fault_names[rule->fault]);
    double s = 0;
    int rc = wtl_parse_setting(value, WTL_UNIT_SECOND, &s, err);
    if (rc < 0)
        return rc;
    if (!(s > 0 && s <= 86400))
        return WTL_FAIL(err, WTL_USAGE, "\"%s\": a call hangs for more than 0 s, a day at most",
                        item);
    rule->hang_ns = (int64_t)(s * 1e9);
    return 0;
}

static int bad_when(const char *when, const char *item, struct wtl_error *err)
{
    int rc = WTL_FAIL(err, WTL_USAGE, "\"@%s\" in \"%s\" does not say when", when, item);
    wtl_error_hint(err, "@3 (the third call), @3- (from then on), @3-5, @every3 or @10%%");
    return rc;
}

static int parse_when(struct wtl_fault_rule *rule, const char *when, const char *item,
                      struct wtl_error *err)
{
    size_t n = strlen(when);
    double percent = 0;
    if (n > 1 && when[n - 1] == '%') {
        if (!wtl_parse_double(when, n - 1, &percent) || percent < 0 || percent > 100)
            return bad_when(when, item, err);
        rule->random = true;
        rule->probability = percent / 100;
        return 0;
    }
    if (wtl_starts_with(when, "every")) {
        if (!wtl_parse_int(when + 5, n - 5, &rule->every) || rule->every < 1)
            return bad_when(when, item, err);
        return 0;
    }
    const char *dash = strchr(when, '-');
    size_t head = dash ? (size_t)(dash - when) : n;
    if (!wtl_parse_int(when, head, &rule->first) || rule->first < 1)
        return bad_when(when, item, err);
    rule->last = dash ? 0 : rule->first;
    if (dash && dash[1] &&
        (!wtl_parse_int(dash + 1, strlen(dash + 1), &rule->last) || rule->last < rule->first))
        return bad_when(when, item, err);
    return 0;
}

/* Ends the text at the first `mark` and returns what follows; NULL: there is none. */
static char *split(char *text, char mark)
{
    char *at = strchr(text, mark);
    if (!at)
        return NULL;
    *at = '\0';
    return at + 1;
}

static int parse_rule(const char *item, struct wtl_fault_rule *rule, struct wtl_error *err)
{
    char text[ITEM_MAX];
    snprintf(text, sizeof text, "%s", item);
    char *when = split(text, '@');
    char *value = split(text, '=');
    char *fault = split(text, '.');
    char *subject = split(text, '/');
    int call = index_of(text, call_names, WTL_N_CALLS + 1);
    if (call < 0)
        return unknown("call", text, call_names, WTL_N_CALLS + 1, item, err);
    rule->call = (enum wtl_fault_call)call;
    if (!fault)
        return WTL_FAIL(err, WTL_USAGE, "\"%s\" does not say what goes wrong: \"%s.error\"?", item,
                        text);
    int kind = index_of(fault, fault_names, WTL_N_FAULTS);
    if (kind < 0)
        return unknown("fault", fault, fault_names, WTL_N_FAULTS, item, err);
    rule->fault = (enum wtl_fault)kind;
    if (!(takes[kind] & CALL_BIT(call)))
        return WTL_FAIL(err, WTL_USAGE, "\"%s\": a call of %s cannot be \"%s\"", item, text, fault);
    int rc = subject ? parse_subject(rule, subject, item, err) : 0;
    if (rc == 0)
        rc = parse_value(rule, value, item, err);
    if (rc == 0 && when)
        rc = parse_when(rule, when, item, err);
    return rc;
}

static int parse_item(const char *item, struct wtl_fault_plan *plan, struct wtl_error *err)
{
    if (wtl_starts_with(item, "seed=")) {
        int64_t seed = 0;
        if (!wtl_parse_int(item + 5, strlen(item + 5), &seed) || seed < 0)
            return WTL_FAIL(err, WTL_USAGE, "\"%s\": a seed is a whole number from 0 on", item);
        plan->seed = (uint64_t)seed;
        return 0;
    }
    if (plan->n == WTL_FAULT_RULES)
        return WTL_FAIL(err, WTL_LIMIT, "more than %d faults for one device", WTL_FAULT_RULES);
    int rc = parse_rule(item, &plan->rule[plan->n], err);
    if (rc == 0)
        plan->n++;
    return rc;
}

int wtl_fault_plan_parse(const char *spec, struct wtl_fault_plan *plan_out, struct wtl_error *err)
{
    struct wtl_fault_plan plan = {.seed = 1};
    const char *at = spec;
    for (;;) {
        size_t n = strcspn(at, ",");
        char item[ITEM_MAX];
        if (n == 0 || n >= sizeof item) {
            int rc = WTL_FAIL(err, WTL_USAGE, "\"%.80s\": %s fault", spec,
                              n ? "too long a" : "an empty");
            wtl_error_hint(err, "for example \"read.error@3\": the third reading fails");
            return rc;
        }
        memcpy(item, at, n);
        item[n] = '\0';
        int rc = parse_item(item, &plan, err);
        if (rc < 0)
            return rc;
        if (!at[n])
            break;
        at += n + 1;
    }
    *plan_out = plan;
    return 0;
}

/* ---- Which rule fires ------------------------------------------------------------------------ */

void wtl_fault_progress_init(struct wtl_fault_progress *p, const struct wtl_fault_plan *plan)
{
    memset(p, 0, sizeof *p);
    wtl_rng_init(&p->rng, plan->seed);
}

static bool about(const struct wtl_fault_rule *rule, enum wtl_fault_call call, uint64_t subjects)
{
    if (rule->call != WTL_CALL_ANY && rule->call != call)
        return false;
    return !rule->has_subject || (subjects >> rule->subject & 1);
}

static bool fires(const struct wtl_fault_rule *rule, int64_t count, struct wtl_rng *rng)
{
    if (rule->random)
        return wtl_rng_uniform(rng) < rule->probability;
    if (rule->every > 0)
        return count % rule->every == 0;
    return count >= rule->first && (rule->last == 0 || count <= rule->last);
}

unsigned wtl_fault_decide(struct wtl_fault_progress *p, const struct wtl_fault_plan *plan,
                          enum wtl_fault_call call, uint64_t subjects)
{
    unsigned fired = 0;
    for (int i = 0; i < plan->n; i++)
        if (about(&plan->rule[i], call, subjects) && fires(&plan->rule[i], ++p->seen[i], &p->rng))
            fired |= 1u << i;
    return fired;
}
