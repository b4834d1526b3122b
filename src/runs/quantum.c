/* SPDX-License-Identifier: Apache-2.0
 *
 * The search for steps in time. */
#include "base/pair.h"
#include "runs/quality.h"
#include "stats/robust.h"

#include <math.h>

/* Agreement that counts as steps. Under independent noise the mean cosine of n pairs scatters by
 * about sqrt(0.5 / n); 0.5 with 30 pairs is four of those, over some hundred steps tried. */
static const double agreement_min = 0.5;
enum { PAIRS_MIN = 30, PAIRS_PER_RUN = 4 };

/* Share of the pairs that must be half a step apart or more. */
static const double spread_share = 0.2;

static size_t pair_differences(const struct wtl_run *runs, const struct wtl_levels *l, double *d)
{
    size_t m = 0;
    for (size_t i = 0; i < l->n; i++) {
        int pairs = runs[i].causes == 0 ? PAIRS_PER_RUN : 0;
        for (size_t j = l->next[i]; j < l->n && pairs > 0; j = l->next[j])
            if (runs[j].causes == 0) {
                d[m++] = fabs(runs[i].metric[WTL_R_time_s] - runs[j].metric[WTL_R_time_s]);
                pairs--;
            }
    }
    return m;
}

/* cos(2 pi x) within 1e-14 for |x| < 100: 1 - 2 sin(pi r)^2, r the distance to the nearest whole
 * number, the sine by its series (the next term is below 3e-16). libm's would be most of the
 * search. */
static inline wtl_pair cos_turns(wtl_pair x)
{
    static const double to_whole = 0x1.8p52; /* a sum with it has no binary places */
    static const double c[] = {3.14159265358979324,    -5.16771278004997003,
                               2.55016403987734544,    -0.599264529320792077,
                               0.0821458866111282288,  -0.00737043094571435078,
                               4.66302805767612564e-4, -2.19153534478302158e-5,
                               7.95205400147551278e-7, -2.29484289972698731e-8};
    wtl_pair r = x - ((x + to_whole) - to_whole), r2 = r * r, sum = c[9] * r2 + c[8];
    for (int k = 7; k >= 0; k--)
        sum = sum * r2 + c[k];
    return 1 - 2 * (sum * sum) * r2;
}

/* d has room for an even number of them, the last one 0. */
static double agreement(const double *d, size_t m, double step_s)
{
    wtl_pair sum = {0, 0};
    for (size_t i = 0; i < m; i += 2)
        sum += cos_turns(wtl_pair_load(d + i) / step_s);
    return (sum[0] + sum[1] - (double)(m % 2)) / (double)m;
}

int wtl_find_quantum(struct wtl_arena *scratch, const struct wtl_run *runs,
                     const struct wtl_levels *l, struct wtl_quantum *quantum_out,
                     struct wtl_error *err)
{
    double *d = WTL_NEW_ARRAY(scratch, double, PAIRS_PER_RUN * l->n + 1);
    if (!d)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    struct wtl_quantum q = {.n_pairs = pair_differences(runs, l, d)};
    double wide = q.n_pairs >= PAIRS_MIN ? wtl_quantile(d, q.n_pairs, 1 - spread_share) : 0;
    /* From the widest step that a fifth of the pairs can show, down to a twentieth of it. */
    for (double step_s = 2 * wide; wide > 0 && step_s > 0.1 * wide; step_s *= 0.98) {
        double a = agreement(d, q.n_pairs, step_s);
        if (a > q.agreement) {
            q.agreement = a;
            q.step_s = step_s;
        }
    }
    q.found = q.agreement >= agreement_min;
    *quantum_out = q;
    return 0;
}
