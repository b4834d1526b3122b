/* SPDX-License-Identifier: Apache-2.0
 * What stands behind "meter:", to the first end of a line, and the lines that such a meter prints
 * or a PTDaemon says; nothing is opened. */
#include "fuzz/fuzz.h"

#include "base/alloc.h"
#include "device/meter/meter.h"
#include "device/meter/ptd.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

static void check_line(const char *line, size_t n, const struct wtl_meter_options *o)
{
    struct wtl_meter_reading r = {.t_ns = -7};
    struct wtl_error err = {0};
    int rc = wtl_meter_line(line, n, o, 0, &r, &err);
    if (rc <= 0) {
        fuzz_check(r.t_ns == -7, "untouched where there is no reading");
        fuzz_check(rc == 0 || err.message[0] != '\0', "a refusal says why");
        return;
    }
    fuzz_check(r.has[WTL_METER_POWER] || r.has[WTL_METER_ENERGY], "a reading has a value");
    for (int v = 0; v < WTL_METER_VALUES; v++)
        fuzz_check(!r.has[v] || (isfinite(r.value[v]) && r.value[v] >= 0),
                   "values are not negative");
    fuzz_check(r.t_ns == 0 || r.t_ns > 0, "a time, or none");
}

/* What a PTDaemon may say in its place. */
static void check_ptd(struct wtl_arena *arena, const char *line, size_t n)
{
    struct wtl_meter_reading r = {.t_ns = -7};
    struct wtl_error err = {0};
    char model[WTL_LIMIT_NAME];
    bool is_power = false;
    int64_t left = 3, period = 0;
    int rc = wtl_ptd_line(line, n, &left, &r, &err);
    fuzz_check(rc >= 0 || err.message[0] != '\0', "a refusal says why");
    fuzz_check(rc <= 0 || (r.has[WTL_METER_POWER] && r.value[WTL_METER_POWER] >= 0), "a sample");
    fuzz_check(left >= 0, "an answer ends");
    const char *text = wtl_arena_strndup(arena, line, n);
    if (text && wtl_ptd_identity(text, model, &is_power))
        fuzz_check(strlen(model) < sizeof model, "a model");
    if (text && wtl_ptd_started(text, &period))
        fuzz_check(period > 0, "an interval");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    WTL_ARENA(arena);
    struct wtl_meter_options o = {.bare = WTL_M_power_w, .scale = 1};
    struct wtl_error err = {0};
    char id[WTL_LIMIT_NAME];
    char *text = wtl_arena_calloc(&arena, size + 1, 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    const char *end = text + size;
    size_t first = strcspn(text, "\n");
    const char *name = wtl_arena_strndup(&arena, text, first);
    if (name && wtl_meter_parse(name, &o, &err) == 0) {
        fuzz_check(o.what[0] != '\0' && o.scale > 0 && o.period_ns >= 0, "a source");
        wtl_meter_id(&o, id);
        for (const char *p = id; *p; p++)
            fuzz_check(isgraph((unsigned char)*p), "an id is a word");
    }
    for (const char *s = text + (first < size ? first + 1 : size); s < end;) { /* NULs, too */
        const char *newline = memchr(s, '\n', (size_t)(end - s));
        size_t n = (size_t)((newline ? newline : end) - s);
        check_line(s, n, &o);
        check_ptd(&arena, s, n);
        s += n + 1;
    }
    return 0;
}
