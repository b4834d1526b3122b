/* SPDX-License-Identifier: Apache-2.0
 * Lengths as text, and drawn. */
#include "load/lengths.h"

#include "base/limits.h"
#include "base/text.h"

#include <math.h>
#include <string.h>

static bool parse_pair(const char *text, char separator, double *a, double *b)
{
    const char *at = strchr(text, separator);
    return at && wtl_parse_double(text, (size_t)(at - text), a) &&
           wtl_parse_double(at + 1, strlen(at + 1), b);
}

static bool within(double v, double min)
{
    return v >= min && v <= WTL_LIMIT_TOKENS;
}

int wtl_lengths_parse(const char *text, struct wtl_lengths *out, struct wtl_error *err)
{
    struct wtl_lengths l = {0};
    bool good;
    if (wtl_starts_with(text, "normal:") || wtl_starts_with(text, "lognormal:")) {
        l.kind = text[0] == 'n' ? WTL_LENGTHS_NORMAL : WTL_LENGTHS_LOGNORMAL;
        good =
            parse_pair(strchr(text, ':') + 1, ',', &l.a, &l.b) && within(l.a, 1) && within(l.b, 0);
    } else if (strchr(text, '-')) {
        l.kind = WTL_LENGTHS_UNIFORM;
        good = parse_pair(text, '-', &l.a, &l.b) && within(l.a, 1) && within(l.b, l.a) &&
               l.a == floor(l.a) && l.b == floor(l.b);
    } else {
        good = wtl_parse_double(text, strlen(text), &l.a) && within(l.a, 1) && l.a == floor(l.a);
    }
    if (!good) {
        int rc = WTL_FAIL(err, WTL_USAGE, "\"%s\" is no length in tokens", text);
        wtl_error_hint(err,
                       "128, 64-512, normal:512,128 or lognormal:512,400 (mean, standard "
                       "deviation), from 1 to %d",
                       WTL_LIMIT_TOKENS);
        return rc;
    }
    *out = l;
    return 0;
}

uint32_t wtl_lengths_draw(const struct wtl_lengths *l, struct wtl_rng *rng)
{
    double v = l->a;
    switch (l->kind) {
    case WTL_LENGTHS_FIXED:
        break;
    case WTL_LENGTHS_UNIFORM:
        v += wtl_rng_below(rng, (uint32_t)(l->b - l->a) + 1);
        break;
    case WTL_LENGTHS_NORMAL:
        v += l->b * wtl_rng_normal(rng);
        break;
    case WTL_LENGTHS_LOGNORMAL: {
        double variance = log1p(l->b * l->b / (l->a * l->a));
        v = exp(log(l->a) - variance / 2 + sqrt(variance) * wtl_rng_normal(rng));
        break;
    }
    }
    return (uint32_t)fmin(fmax(round(v), 1), WTL_LIMIT_TOKENS);
}
