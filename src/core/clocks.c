/* SPDX-License-Identifier: Apache-2.0
 * Lists of clocks. */
#include "core/clocks.h"

#include "base/limits.h"
#include "base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HIGHEST_MHZ = 100000 };

struct list {
    int mhz[WTL_LIMIT_CLOCKS];
    size_t n;
};

static int add(struct list *list, double mhz, struct wtl_error *err)
{
    if (mhz < 1 || mhz > HIGHEST_MHZ)
        return WTL_FAIL(err, WTL_USAGE, "%g MHz is no clock of a GPU", mhz);
    if (list->n == WTL_LIMIT_CLOCKS)
        return WTL_FAIL(err, WTL_LIMIT, "more than %d clocks", WTL_LIMIT_CLOCKS);
    list->mhz[list->n++] = (int)mhz;
    return 0;
}

static int bad_item(struct wtl_view item, struct wtl_error *err)
{
    int rc = WTL_FAIL(err, WTL_USAGE, "\"%.*s\" is neither a clock in MHz nor a range",
                      item.n > 60 ? 60 : (int)item.n, item.s);
    wtl_error_hint(err, "write clocks as 1095,1110,1125 or as a range with its step: 510-1410:15");
    return rc;
}

/* "LO-HI:STEP" in either direction; counted from the end that stands first. */
static int add_range(struct list *list, struct wtl_view item, const char *dash,
                     struct wtl_error *err)
{
    const char *end = item.s + item.n;
    const char *colon = memchr(dash, ':', (size_t)(end - dash));
    double from, to, step;
    if (!colon || !wtl_parse_double(item.s, (size_t)(dash - item.s), &from) ||
        !wtl_parse_double(dash + 1, (size_t)(colon - dash - 1), &to) ||
        !wtl_parse_double(colon + 1, (size_t)(end - colon - 1), &step) || step <= 0)
        return bad_item(item, err);
    double length = to > from ? to - from : from - to;
    double direction = to > from ? step : -step;
    int rc = 0;
    for (int i = 0; (double)i * step <= length && rc == 0; i++)
        rc = add(list, from + (double)i * direction, err);
    return rc;
}

static int add_item(struct list *list, struct wtl_view item, struct wtl_error *err)
{
    double mhz;
    if (wtl_view_is_nocase(item, "mhz"))
        return 0;
    const char *dash = item.n > 1 ? memchr(item.s + 1, '-', item.n - 1) : NULL;
    if (dash)
        return add_range(list, item, dash, err);
    if (item.n > 3 && wtl_view_is_nocase((struct wtl_view){item.s + item.n - 3, 3}, "mhz"))
        item.n -= 3;
    if (!wtl_parse_double(item.s, item.n, &mhz) || mhz != trunc(mhz))
        return bad_item(item, err);
    return add(list, mhz, err);
}

static int add_line(struct list *list, struct wtl_view line, struct wtl_error *err)
{
    static const char separators[] = ", \t\r";
    line = wtl_view_trim(line);
    if (line.n == 0 || line.s[0] == '#' || wtl_view_is(line, "graphics [MHz]"))
        return 0;
    for (size_t i = 0; i < line.n;) {
        size_t n = 0;
        while (i + n < line.n && !strchr(separators, line.s[i + n]))
            n++;
        int rc = n ? add_item(list, (struct wtl_view){line.s + i, n}, err) : 0;
        if (rc < 0)
            return rc;
        i += n + 1;
    }
    return 0;
}

static int ascending(const void *a, const void *b)
{
    const int *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

int wtl_clocks_parse(struct wtl_arena *arena, const char *text, struct wtl_clocks *out,
                     struct wtl_error *err)
{
    struct list list = {.n = 0};
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, "\n");
        int rc = add_line(&list, (struct wtl_view){p, n}, err);
        if (rc < 0)
            return rc;
        p += n + (p[n] == '\n');
    }
    if (list.n == 0)
        return WTL_FAIL(err, WTL_USAGE, "the list of clocks is empty");
    qsort(list.mhz, list.n, sizeof list.mhz[0], ascending);
    size_t distinct = 1;
    for (size_t i = 1; i < list.n; i++)
        if (list.mhz[i] != list.mhz[distinct - 1])
            list.mhz[distinct++] = list.mhz[i];
    int *copy = wtl_arena_memdup(arena, list.mhz, distinct * sizeof list.mhz[0]);
    if (!copy)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    *out = (struct wtl_clocks){copy, distinct};
    return 0;
}

bool wtl_clocks_contain(const struct wtl_clocks *clocks, int mhz)
{
    return clocks->n && bsearch(&mhz, clocks->mhz, clocks->n, sizeof mhz, ascending) != NULL;
}
