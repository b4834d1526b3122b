/* SPDX-License-Identifier: Apache-2.0
 * Configurations: what they are made of, their text, and requests for them. */
#include "core/configuration.h"

#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct wtl_configuration wtl_configuration_of(const struct wtl_run *run)
{
    struct wtl_configuration c = {.point = run->point, .window = run->window};
    if (run->window)
        c.mem_clock_mhz = run->mem_clock_mhz;
    memcpy(c.unit, run->unit, sizeof c.unit);
    return c;
}

int wtl_configuration_compare(const struct wtl_configuration *a, const struct wtl_configuration *b)
{
    int by = wtl_point_compare(&a->point, &b->point);
    by = by ? by : a->window - b->window;
    if (by == 0 && a->window) {
        by = (a->mem_clock_mhz > b->mem_clock_mhz) - (a->mem_clock_mhz < b->mem_clock_mhz);
        by = by ? by : strcmp(a->unit, b->unit);
    }
    return by;
}

bool wtl_configuration_is_plain(const struct wtl_configuration *c)
{
    return !c->window && !c->point.valid && !c->point.variant[0];
}

const char *wtl_configuration_format(const struct wtl_configuration *c,
                                     char buf[WTL_CONFIGURATION_TEXT])
{
    wtl_point_format(&c->point, buf);
    size_t n = strlen(buf);
    if (c->mem_clock_mhz)
        snprintf(buf + n, WTL_CONFIGURATION_TEXT - n, "%smemory %d MHz", n ? ", " : "",
                 c->mem_clock_mhz);
    return buf;
}

const char *wtl_configured_name(const char *workload, const struct wtl_configuration *c,
                                char buf[WTL_CONFIGURED_NAME])
{
    char text[WTL_CONFIGURATION_TEXT];
    bool any = wtl_configuration_format(c, text)[0] != '\0';
    snprintf(buf, WTL_CONFIGURED_NAME, any ? "%s (%s)" : "%s%s", workload, text);
    return buf;
}

/* "images" -> "image", "queries" -> "query", "batches" -> "batch". */
static void singular(const char *plural, char buf[20])
{
    size_t n = (size_t)snprintf(buf, 20, "%s", plural);
    if (n > 3 && wtl_ends_with(buf, "ies"))
        memcpy(buf + n - 3, "y", 2);
    else if (n > 4 && (wtl_ends_with(buf, "ches") || wtl_ends_with(buf, "shes") ||
                       wtl_ends_with(buf, "xes") || wtl_ends_with(buf, "sses")))
        buf[n - 2] = '\0';
    else if (n > 1 && buf[n - 1] == 's')
        buf[n - 1] = '\0';
}

const char *wtl_configuration_work(const struct wtl_configuration *c, char buf[20])
{
    singular(!c->window ? "run" : c->unit[0] ? c->unit : "unit", buf);
    return buf;
}

static bool same_setting(const struct wtl_point *a, const struct wtl_point *b, enum wtl_setting s)
{
    return wtl_point_has(a, s) && wtl_point_has(b, s) &&
           fabs(a->value[s] - b->value[s]) <= 1e-6 * fabs(a->value[s]);
}

void wtl_configuration_intersect(struct wtl_configuration *common,
                                 const struct wtl_configuration *c)
{
    if (strcmp(common->point.variant, c->point.variant) != 0)
        common->point.variant[0] = '\0';
    if (common->mem_clock_mhz != c->mem_clock_mhz)
        common->mem_clock_mhz = 0;
    for (int s = 0; s < (int)WTL_N_SETTINGS; s++)
        if (!same_setting(&common->point, &c->point, (enum wtl_setting)s))
            common->point.valid &= ~(UINT32_C(1) << s);
}

struct wtl_configuration wtl_configuration_without(const struct wtl_configuration *c,
                                                   const struct wtl_configuration *common)
{
    struct wtl_configuration rest = *c;
    if (common->point.variant[0])
        rest.point.variant[0] = '\0';
    if (common->mem_clock_mhz)
        rest.mem_clock_mhz = 0;
    rest.point.valid &= ~common->point.valid;
    return rest;
}

/* ---- Requests ---------------------------------------------------------------------------------*/

enum { MEMORY = WTL_N_SETTINGS, VARIANT, UNKNOWN };

/* What people call a setting, before its value or (`after`) behind it. */
static const struct {
    const char *word;
    int setting;
    bool after;
} words[] = {
    {"batch", WTL_SETTING_batch, false},
    {"replicas", WTL_SETTING_replicas, true},
    {"replica", WTL_SETTING_replicas, true},
    {"share", WTL_SETTING_share, false},
    {"limit_w", WTL_SETTING_limit_w, false},
    {"limit", WTL_SETTING_limit_w, false},
    {"power limit", WTL_SETTING_limit_w, false},
    {"W", WTL_SETTING_limit_w, true},
    {"cpu_quota", WTL_SETTING_cpu_quota, false},
    {"CPUs", WTL_SETTING_cpu_quota, true},
    {"CPU", WTL_SETTING_cpu_quota, true},
    {"threads", WTL_SETTING_threads, true},
    {"thread", WTL_SETTING_threads, true},
    {"memory", MEMORY, false},
    {"mem_clock_mhz", MEMORY, false},
    {"variant", VARIANT, false},
};
enum { N_WORDS = sizeof words / sizeof words[0] };

/* NAME=VALUE, NAME VALUE or VALUE NAME; else UNKNOWN. */
static int split(struct wtl_view part, struct wtl_view *value_out)
{
    for (int i = 0; i < N_WORDS; i++) {
        size_t n = strlen(words[i].word);
        if (part.n <= n)
            continue;
        struct wtl_view head = {part.s, n}, tail = {part.s + part.n - n, n};
        if (wtl_view_is_nocase(head, words[i].word) && strchr(" =:", part.s[n])) {
            *value_out = wtl_view_trim((struct wtl_view){part.s + n + 1, part.n - n - 1});
            return words[i].setting;
        }
        if (words[i].after && wtl_view_is_nocase(tail, words[i].word) &&
            strchr("0123456789. ", part.s[part.n - n - 1])) {
            *value_out = wtl_view_trim((struct wtl_view){part.s, part.n - n});
            return words[i].setting;
        }
    }
    return UNKNOWN;
}

static int bad_part(struct wtl_view part, struct wtl_error *err)
{
    int rc = WTL_FAIL(err, WTL_USAGE, "\"%.*s\" names no setting of an operating point",
                      part.n < 60 ? (int)part.n : 60, part.s);
    wtl_error_hint(err, "for example \"fp16, batch 8, 2 replicas, share 50%%, 250 W, 1.5 CPUs, 4 "
                        "threads, memory 1215 MHz\", as `wattle show` prints it");
    return rc;
}

static int set_variant(struct wtl_view name, struct wtl_at *at, struct wtl_error *err)
{
    if (name.n == 0 || name.n >= sizeof at->point.variant)
        return bad_part(name, err);
    wtl_view_copy(name, at->point.variant, sizeof at->point.variant);
    return 0;
}

static int set_value(int setting, struct wtl_view text, struct wtl_at *at, struct wtl_error *err)
{
    char value[60];
    double v = 0;
    if (text.n == 0 || !wtl_view_copy(text, value, sizeof value))
        return bad_part(text, err);
    enum wtl_unit unit =
        setting == MEMORY ? WTL_UNIT_MHZ : wtl_setting_info((enum wtl_setting)setting)->unit;
    int rc = wtl_parse_setting(value, unit, &v, err);
    if (rc < 0)
        return rc;
    if (!(v > 0 && v < 1e9))
        return WTL_FAIL(err, WTL_USAGE, "\"%s\" is not above 0", value);
    if (setting == MEMORY)
        at->mem_clock_mhz = (int)lround(v);
    else
        wtl_point_set(&at->point, (enum wtl_setting)setting, v);
    return 0;
}

static bool is_given(const struct wtl_at *at, int setting)
{
    return setting == VARIANT  ? at->point.variant[0] != '\0'
           : setting == MEMORY ? at->mem_clock_mhz != 0
                               : wtl_point_has(&at->point, (enum wtl_setting)setting);
}

int wtl_at_parse(const char *text, struct wtl_at *out, struct wtl_error *err)
{
    struct wtl_at at = {0};
    const char *s = text;
    for (;;) {
        size_t n = strcspn(s, ",");
        struct wtl_view part = wtl_view_trim((struct wtl_view){s, n}), value = {0};
        int setting = split(part, &value);
        bool bare = setting == UNKNOWN && part.n && !memchr(part.s, '=', part.n);
        if (bare) { /* a word alone is a variant */
            setting = VARIANT;
            value = part;
        }
        if (setting != UNKNOWN && is_given(&at, setting))
            return WTL_FAIL(err, WTL_USAGE, "\"%.*s\" says again what was said before", (int)part.n,
                            part.s);
        int rc = setting == VARIANT   ? set_variant(value, &at, err)
                 : setting == UNKNOWN ? bad_part(part, err)
                                      : set_value(setting, value, &at, err);
        if (rc < 0)
            return rc;
        if (!s[n])
            break;
        s += n + 1;
    }
    *out = at;
    return 0;
}

bool wtl_at_matches(const struct wtl_at *at, const struct wtl_configuration *c)
{
    if (at->point.variant[0] && !wtl_same_name(at->point.variant, c->point.variant))
        return false;
    if (at->mem_clock_mhz && at->mem_clock_mhz != c->mem_clock_mhz)
        return false;
    for (int i = 0; i < (int)WTL_N_SETTINGS; i++) {
        enum wtl_setting s = (enum wtl_setting)i;
        if (!wtl_point_has(&at->point, s))
            continue;
        double x = at->point.value[s], y = c->point.value[s];
        if (!wtl_point_has(&c->point, s) || fabs(x - y) > 1e-3 * fmax(fabs(x), fabs(y)))
            return false;
    }
    return true;
}
