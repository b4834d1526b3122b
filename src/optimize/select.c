/* SPDX-License-Identifier: Apache-2.0
 * Choice, ties, and intervals that know of the choice. */
#include "optimize/select.h"

#include "stats/distribution.h"
#include "stats/robust.h"

#include <math.h>

static size_t best_feasible(const struct wtl_rule *rule, const struct wtl_row *row, bool *feasible)
{
    size_t m = rule->contrast->n_eval, best = m;
    for (size_t e = 0; e < m; e++) {
        bool better = best == m || row->objective[e] < row->objective[best];
        if (!feasible && !better) /* nobody asks: constraints cost more */
            continue;
        bool ok =
            rule->candidate[e] && wtl_constraints_hold(rule->constraints, rule->contrast, row, e);
        if (feasible)
            feasible[e] = ok;
        if (ok && better)
            best = e;
    }
    return best;
}

/* Whether e is to be taken rather than `now`. */
static bool preferred(enum wtl_prefer prefer, const struct wtl_row *row, size_t e, size_t now)
{
    switch (prefer) {
    case WTL_PREFER_FASTEST:
        return e > now;
    case WTL_PREFER_LOWEST_CLOCK:
        return e < now;
    case WTL_PREFER_LEAST_ENERGY:
        return row->energy[e] < row->energy[now];
    case WTL_PREFER_BEST:
        break;
    }
    return false;
}

struct wtl_choice wtl_choose(const struct wtl_rule *rule, const struct wtl_row *row, bool *feasible,
                             bool *tied)
{
    size_t m = rule->contrast->n_eval;
    struct wtl_choice choice = {.best = best_feasible(rule, row, feasible)};
    choice.chosen = choice.best;
    for (size_t e = 0; tied && e < m; e++)
        tied[e] = e == choice.best;
    if (choice.best == m)
        return choice;
    const double *se = rule->contrast->tie_se + choice.best * m;
    for (size_t e = 0; e < m; e++) {
        double worse = row->objective[e] - row->objective[choice.best];
        if (e == choice.best || !rule->candidate[e] ||
            worse > rule->tie_factor * row->spread * se[e] ||
            !wtl_constraints_hold(rule->constraints, rule->contrast, row, e))
            continue;
        if (tied)
            tied[e] = true;
        if (preferred(rule->prefer, row, e, choice.chosen))
            choice.chosen = e;
    }
    return choice;
}

int wtl_tie_factor(struct wtl_arena *scratch, const struct wtl_rule *rule, double confidence,
                   double *factor_out, struct wtl_error *err)
{
    const struct wtl_contrast *c = rule->contrast;
    size_t m = c->n_eval;
    bool *feasible = WTL_NEW_ARRAY(scratch, bool, m);
    double *excess = WTL_NEW_ARRAY(scratch, double, c->n + 1);
    if (!feasible || !excess)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for ties");
    double least = wtl_normal_quantile(confidence);
    size_t best = best_feasible(rule, &c->origin, feasible);
    for (size_t r = 0; best < m && r < c->n; r++) {
        const double *objective = c->row[r].objective;
        size_t winner = best;
        for (size_t e = 0; e < m; e++)
            if (feasible[e] && objective[e] < objective[winner])
                winner = e;
        double se = c->tie_se[best * m + winner];
        excess[r] = se > 0 ? (objective[best] - objective[winner]) / (se * c->row[r].spread) : 0;
    }
    double factor = best < m && c->n ? wtl_quantile(excess, c->n, confidence) : 0;
    *factor_out = fmax(factor, least);
    return 0;
}

void wtl_choose_all(const struct wtl_rule *rule, size_t *chosen_out)
{
    for (size_t r = 0; r < rule->contrast->n; r++)
        chosen_out[r] = wtl_choose(rule, &rule->contrast->row[r], NULL, NULL).chosen;
}

static double quantity_of(const struct wtl_row *row, enum wtl_quantity q, size_t e)
{
    switch (q) {
    case WTL_Q_SLOWDOWN:
        return row->time[e] - row->base_time;
    case WTL_Q_ENERGY:
        return row->energy[e] - row->base_energy;
    case WTL_Q_OBJECTIVE:
        return row->objective[e];
    case WTL_Q_TIME:
        return row->time[e];
    case WTL_Q_JOULE:
        return row->energy[e];
    case WTL_Q_POWER:
        break;
    }
    return row->power[e];
}

/* Standard errors of a quantity per clock; objectives need them computed. NULL: out of memory. */
static const double *standard_errors(struct wtl_arena *scratch, const struct wtl_contrast *c,
                                     enum wtl_quantity q)
{
    const double *const known[] = {c->slowdown_se, c->saving_se, NULL,
                                   c->time_se,     c->energy_se, c->power_se};
    if (known[q])
        return known[q];
    double *se = WTL_NEW_ARRAY(scratch, double, c->n_eval);
    for (size_t r = 0; se && r < c->n; r++)
        for (size_t e = 0; e < c->n_eval; e++) {
            double d = c->row[r].objective[e] - c->origin.objective[e];
            se[e] += d * d / (double)c->n;
        }
    for (size_t e = 0; se && e < c->n_eval; e++)
        se[e] = sqrt(se[e]);
    return se;
}

int wtl_honest_interval(struct wtl_arena *scratch, const struct wtl_contrast *c,
                        const size_t *chosen, size_t at, enum wtl_quantity q, double confidence,
                        struct wtl_interval *interval_out, struct wtl_error *err)
{
    const double *se = standard_errors(scratch, c, q);
    double *error = WTL_NEW_ARRAY(scratch, double, c->n + 1);
    if (!error || !se)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for intervals");
    size_t n = 0;
    double mean = 0;
    for (size_t r = 0; chosen && r < c->n; r++) {
        size_t e = chosen[r];
        if (e >= c->n_eval || !(se[e] > 1e-12))
            continue; /* took nothing, or the baseline itself */
        error[n] = (quantity_of(&c->row[r], q, e) - quantity_of(&c->origin, q, e)) /
                   (se[e] * c->row[r].spread);
        mean += error[n++];
    }
    double value = quantity_of(&c->origin, q, at);
    double z = wtl_normal_quantile(0.5 + confidence / 2);
    double lo = -z, hi = z;
    if (chosen && (n >= 50 || n >= c->n / 2)) { /* else too few replicates choose at all */
        mean /= (double)(n ? n : 1);
        lo = wtl_quantile(error, n, 0.5 - confidence / 2);
        hi = wtl_quantile(error, n, 0.5 + confidence / 2);
    } else {
        mean = 0;
    }
    *interval_out = (struct wtl_interval){
        .value = value - mean * se[at], .lo = value - hi * se[at], .hi = value - lo * se[at]};
    return 0;
}
