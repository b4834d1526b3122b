/* SPDX-License-Identifier: Apache-2.0
 * The bootstrap of both curves. */
#include "optimize/bootstrap.h"

#include "base/pair.h"
#include "base/random.h"
#include "predict/refit.h"
#include "stats/blocks.h"
#include "stats/distribution.h"

#include <math.h>
#include <string.h>

enum { LANES = WTL_REFIT_LANES };

/* The noise of one curve, per run: what a run's cell mean moves by when it draws residual j. */
struct source {
    const struct wtl_curve *curve;
    struct wtl_refit *refit;
    double *noise; /* n_runs: innovations, see whiten() */
    double correlation;
    double square; /* sum of squared noise */
    double *input; /* of wtl_refit_run() */
    double *own;   /* n_eval x LANES: what clocks have of their own */
    size_t truth[LANES];
};

double wtl_bootstrap_widening(double blocks)
{
    double dof = fmax(blocks - 1, 1);
    return wtl_student_quantile(0.975, dof) / wtl_normal_quantile(0.975);
}

/* noise[i] - correlation noise[i-1]: what is new in each run. Colouring it again restores the slow
 * part of correlated noise (Davison and Hinkley 1997, section 8.2.3: post-blackening). */
static void whiten(double *noise, size_t n, double correlation)
{
    for (size_t i = n; i-- > 1;)
        noise[i] -= correlation * noise[i - 1];
    if (n)
        noise[0] *= sqrt(1 - correlation * correlation);
}

/* The innovations of a curve's noise, of the size that blocks of `length` runs have. */
static int set_noise(struct wtl_arena *arena, struct source *s, size_t n_runs, size_t length,
                     struct wtl_error *err)
{
    int rc = wtl_curve_noise(arena, s->curve, length, s->noise, err);
    if (!rc)
        whiten(s->noise, n_runs, s->correlation);
    return rc;
}

static int prepare(struct wtl_arena *arena, const struct wtl_curve *curve, size_t n_runs,
                   const double *eval_mhz, size_t n_eval, struct source *s, struct wtl_error *err)
{
    s->curve = curve;
    s->square = 0;
    s->noise = WTL_NEW_ARRAY(arena, double, n_runs);
    int rc = wtl_refit_new(arena, curve, eval_mhz, n_eval, &s->refit, err);
    if (rc)
        return rc;
    s->input = WTL_NEW_ARRAY(arena, double, wtl_refit_n_rows(s->refit) * LANES);
    s->own = WTL_NEW_ARRAY(arena, double, n_eval *LANES + 1);
    if (!s->noise || !s->input || !s->own)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for the bootstrap");
    s->correlation = wtl_curve_autocorrelation(curve);
    return set_noise(arena, s, n_runs, 1, err);
}

/* One group of replicates: draws for both curves together, then refits. A pair is of time and
 * power: their noise is drawn together. */
struct draw {
    size_t n_runs, n_cells, block;
    const unsigned *cell; /* of each run, shared by both curves */
    const double *share;  /* 1 / runs of that cell */
    wtl_pair *noise;      /* n_runs */
    unsigned *index;      /* scratch: n_runs x LANES */
    wtl_pair *sum;        /* scratch: n_cells x LANES */
    struct wtl_rng *rng;
};

/* Draws, colours and averages the noise of all lanes; square_out: sums of what was drawn. The lanes
 * stand side by side because each is one long chain of additions. */
static void draw_noise(const struct draw *d, wtl_pair correlation, wtl_pair square_out[LANES])
{
    wtl_pair e[LANES], square[LANES];
    wtl_pair gain = {1 / sqrt(1 - correlation[0] * correlation[0]),
                     1 / sqrt(1 - correlation[1] * correlation[1])};
    memset(d->sum, 0, d->n_cells * LANES * sizeof *d->sum);
    memset(e, 0, sizeof e);
    memset(square, 0, sizeof square);
    for (size_t l = 0; l < LANES; l++)
        wtl_block_draw(d->rng, d->n_runs, d->block, d->index + l, LANES);
    for (size_t i = 0; i < d->n_runs; i++) {
        const unsigned *index = d->index + i * LANES;
        wtl_pair *sum = d->sum + d->cell[i] * (size_t)LANES;
        for (size_t l = 0; l < LANES; l++) {
            wtl_pair drawn = d->noise[index[l]];
            square[l] += drawn * drawn;
            e[l] = correlation * e[l] + gain * drawn;
            sum[l] += e[l] * d->share[i];
        }
        gain = (wtl_pair){1, 1};
    }
    memcpy(square_out, square, sizeof square);
}

static void draw_deviations(const struct draw *d, struct source *a, struct source *b,
                            double spread[LANES])
{
    wtl_pair square[LANES];
    draw_noise(d, (wtl_pair){a->correlation, b->correlation}, square);
    for (size_t k = 0; k < d->n_cells * LANES; k++) {
        a->input[k] = d->sum[k][0];
        b->input[k] = d->sum[k][1];
    }
    for (size_t lane = 0; lane < LANES; lane++) {
        /* the geometric mean of both sizes, 1 for noise-free runs */
        double whole = a->square * b->square, drawn = square[lane][0] * square[lane][1];
        spread[lane] = whole > 0 ? fmax(pow(drawn / whole, 0.25), 0.2) : 1;
    }
}

/* The truth of each lane, and how it is bent. */
static void draw_truth(struct wtl_rng *rng, struct source *s)
{
    double *bend = s->input + wtl_curve_n_cells(s->curve) * LANES;
    for (size_t l = 0; l < LANES; l++) {
        s->truth[l] = wtl_refit_pick(s->refit, wtl_rng_uniform(rng));
        double size = wtl_refit_bend(s->refit, s->truth[l]);
        for (size_t k = 0; k < WTL_CURVE_MODES; k++)
            bend[k * LANES + l] = size * wtl_rng_normal(rng);
    }
}

/* What each clock of the truth has of its own, where that is seen at all. */
static void draw_own(struct wtl_rng *rng, struct source *s, size_t n_eval)
{
    const double effect = wtl_curve_effect(s->curve);
    for (size_t e = 0; e < n_eval && effect > 0; e++) {
        const size_t cell = wtl_refit_cell(s->refit, e);
        for (size_t l = 0; l < LANES; l++) {
            const double own = effect * wtl_rng_normal(rng);
            s->own[e * LANES + l] = own;
            if (cell < wtl_curve_n_cells(s->curve))
                s->input[cell * LANES + l] += own;
        }
    }
}

/* One group of replicates of one curve. */
static void refit(struct source *s, size_t n_eval, double *out)
{
    wtl_refit_run(s->refit, s->input, s->truth, out, n_eval);
    for (size_t e = 0; e < n_eval && wtl_curve_effect(s->curve) > 0; e++)
        for (size_t l = 0; l < LANES; l++)
            out[l * n_eval + e] -= s->own[e * LANES + l];
}

static int cells_of_runs(struct wtl_arena *arena, const struct wtl_curve *curve, size_t n_runs,
                         struct draw *d, struct wtl_error *err)
{
    size_t n_cells = wtl_curve_n_cells(curve);
    unsigned *cell = WTL_NEW_ARRAY(arena, unsigned, n_runs);
    unsigned *count = WTL_NEW_ARRAY(arena, unsigned, n_cells);
    double *share = WTL_NEW_ARRAY(arena, double, n_runs);
    d->n_cells = n_cells;
    d->noise = WTL_NEW_ARRAY(arena, wtl_pair, n_runs);
    d->index = WTL_NEW_ARRAY(arena, unsigned, n_runs *LANES);
    d->sum = WTL_NEW_ARRAY(arena, wtl_pair, n_cells * LANES);
    if (!cell || !count || !share || !d->noise || !d->index || !d->sum)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for the bootstrap");
    for (size_t i = 0; i < n_runs; i++) {
        cell[i] = (unsigned)wtl_curve_cell(curve, i);
        count[cell[i]]++;
    }
    for (size_t i = 0; i < n_runs; i++)
        share[i] = 1.0 / count[cell[i]];
    d->cell = cell;
    d->share = share;
    return 0;
}

static int allocate(struct wtl_arena *arena, struct wtl_bootstrap *b, struct wtl_error *err)
{
    size_t rows = (b->n + LANES - 1) / LANES * LANES; /* the last group is whole */
    b->time0 = WTL_NEW_ARRAY(arena, double, b->n_eval);
    b->power0 = WTL_NEW_ARRAY(arena, double, b->n_eval);
    b->time = WTL_RAW_ARRAY(arena, double, rows * b->n_eval);
    b->power = WTL_RAW_ARRAY(arena, double, rows * b->n_eval);
    b->spread = WTL_NEW_ARRAY(arena, double, rows);
    if (!b->spread || !b->time0 || !b->power0 || !b->time || !b->power)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for %zu replicates", b->n);
    return 0;
}

/* Both series are drawn with one length: the longer of their own. */
static int set_blocks(struct wtl_arena *arena, struct wtl_bootstrap *b, struct source *time,
                      struct source *power, struct draw *d, struct wtl_error *err)
{
    size_t n_runs = d->n_runs;
    size_t lt = wtl_block_length(time->noise, n_runs);
    size_t lp = wtl_block_length(power->noise, n_runs);
    b->block_length = lt > lp ? lt : lp;
    int rc = set_noise(arena, time, n_runs, b->block_length, err);
    if (!rc)
        rc = set_noise(arena, power, n_runs, b->block_length, err);
    if (rc)
        return rc;
    b->widening = wtl_bootstrap_widening((double)n_runs / (double)b->block_length);
    for (size_t i = 0; i < n_runs; i++) {
        time->noise[i] *= b->widening;
        power->noise[i] *= b->widening;
        time->square += time->noise[i] * time->noise[i];
        power->square += power->noise[i] * power->noise[i];
        d->noise[i] = (wtl_pair){time->noise[i], power->noise[i]};
    }
    d->block = b->block_length;
    return 0;
}

int wtl_bootstrap_run(struct wtl_arena *arena, const struct wtl_curve *time,
                      const struct wtl_curve *power, size_t n_runs, const double *eval_mhz,
                      size_t n_eval, size_t replicates, uint64_t seed,
                      struct wtl_bootstrap *boot_out, struct wtl_error *err)
{
    struct wtl_bootstrap b = {.n = replicates, .n_eval = n_eval};
    struct source t, p;
    struct draw d = {.n_runs = n_runs};
    int rc = prepare(arena, time, n_runs, eval_mhz, n_eval, &t, err);
    if (!rc)
        rc = prepare(arena, power, n_runs, eval_mhz, n_eval, &p, err);
    if (!rc)
        rc = cells_of_runs(arena, time, n_runs, &d, err);
    if (!rc)
        rc = allocate(arena, &b, err);
    if (!rc)
        rc = set_blocks(arena, &b, &t, &p, &d, err);
    if (rc)
        return rc;
    struct wtl_rng rng;
    wtl_rng_init_stream(&rng, seed, 0x626f6f74); /* "boot" */
    d.rng = &rng;
    for (size_t e = 0; e < n_eval; e++) {
        b.time0[e] = wtl_refit_log(t.refit, e);
        b.power0[e] = wtl_refit_log(p.refit, e);
    }
    for (size_t r = 0; r < replicates; r += LANES) {
        draw_deviations(&d, &t, &p, b.spread + r);
        draw_truth(&rng, &t);
        draw_truth(&rng, &p);
        draw_own(&rng, &t, n_eval);
        draw_own(&rng, &p, n_eval);
        refit(&t, n_eval, b.time + r * n_eval);
        refit(&p, n_eval, b.power + r * n_eval);
    }
    *boot_out = b;
    return 0;
}
