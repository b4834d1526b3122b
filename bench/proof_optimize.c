/* SPDX-License-Identifier: Apache-2.0
 * Prints the simulated operating characteristics of the optimiser (docs/methods-optimize.md).
 *   proof-optimize [CAMPAIGNS [REPLICATES]]     2000 and 1000 unless told
 * Exits 1 when a figure misses its requirement. */
#include "support/proof.h"
#include "support/sim_campaign.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static double share(int part, int whole)
{
    return whole ? (double)part / whole : 0;
}

/* One figure with its binomial standard error. Returns 1 when it misses. */
static int row(const char *what, int part, int whole, double limit, bool at_least)
{
    double p = share(part, whole);
    bool miss = at_least ? p < limit : p > limit;
    printf("  %-52s %6.3f +- %.3f  (%d of %d, %s %.2f)%s\n", what, p,
           whole ? sqrt(p * (1 - p) / whole) : 0, part, whole, at_least ? "at least" : "at most",
           limit, miss ? "  MISSED" : "");
    return miss;
}

static int report(const struct proof_scenario *s, const struct proof_result *r)
{
    int ok = r->status[0], missed = 0;
    double moved = r->n_moved ? r->n_moved : 1;
    double bias = r->fresh_bias / moved;
    double se = sqrt(fmax(r->fresh_square / moved - bias * bias, 0) / moved);
    double in_bias = r->in_sample_bias / moved;
    printf(
        "%s: %d campaigns: %d ok (%d move the clock), %d undecided, %d unusable, %d infeasible\n",
        s->name, r->n, ok, r->n_moved, r->status[1], r->status[2], r->status[3]);
    missed += row("in-sample interval of saving holds the truth", r->in_sample_saving, r->n_moved,
                  0.88, true);
    missed += row("in-sample interval of slowdown holds the truth", r->in_sample_slowdown,
                  r->n_moved, 0.88, true);
    missed += row("confirmed interval of saving holds the truth", r->confirmed_saving, r->n_moved,
                  0.93, true);
    missed += row("confirmed interval of slowdown holds the truth", r->confirmed_slowdown,
                  r->n_moved, 0.93, true);
    missed += row("limit of 5 % truly broken, of the ok", r->broken, ok, 0.05, false);
    printf("  bias of confirmed savings %+.5f, standard error %.5f, ratio %.2f (below 2)%s\n", bias,
           se, se > 0 ? fabs(bias) / se : 0, fabs(bias) > 2 * se ? "  MISSED" : "");
    missed += fabs(bias) > 2 * se;
    printf("  in-sample bias %+.5f, root mean square %.5f, width %.4f; regret %.4f\n", in_bias,
           sqrt(r->in_sample_square / moved), r->width / moved, r->regret / (ok ? ok : 1));
    printf("  verdicts: %d confirmed, %d refuted (%d wrongly), %d undecided\n", r->verdict[0],
           r->verdict[1], r->wrongly_refuted, r->verdict[2]);
    return missed;
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 2000, replicates = argc > 2 ? atoi(argv[2]) : 1000;
    struct proof_scenario list[4] = {proof_usual(), proof_usual(), proof_hard(), proof_hard()};
    int missed = 0;
    for (int i = 0; i < 4; i++) {
        struct proof_result r = {0};
        struct wtl_error err = {0};
        char name[60];
        snprintf(name, sizeof name, "%s, %s", list[i].name,
                 i % 2 ? "random blocks" : "from the top down");
        list[i].name = name;
        list[i].order = i % 2 ? SIM_BLOCKS : SIM_DESCENDING;
        if (proof_run(&list[i], 1, n, replicates, &r, &err)) {
            fprintf(stderr, "%s\n", err.message);
            return 1;
        }
        int misses = report(&list[i], &r);
        missed += i < 2 ? misses : 0; /* the hard ones are shown, not required */
        fflush(stdout);
    }
    return missed ? 1 : 0;
}
